// Responder: the right to answer one request, from any thread, whenever. Move-only. Answering a
// request whose client has gone, or a server that has stopped, is a harmless no-op; a Responder
// destroyed unanswered answers 500.
#pragma once

#include <corevent/export.h>
#include <corevent/http/response.h>

#include <memory>

namespace corevent::http {

class CE_API Responder {
public:
    Responder(Responder&&) noexcept;
    Responder& operator=(Responder&&) noexcept;
    ~Responder();

    void send(Response response);     // any thread, once; later calls do nothing
    bool abandoned() const noexcept;  // any thread: the client has gone, answering is pointless

private:
    friend class Exchange;
    struct Ticket;
    explicit Responder(std::shared_ptr<Ticket> ticket) noexcept;
    std::shared_ptr<Ticket> ticket_;
};

}  // namespace corevent::http
