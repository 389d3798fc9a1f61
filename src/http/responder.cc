#include <corevent/http/responder.h>

#include "http/log_limit.h"
#include "http/responder_ticket.h"

#include <corevent/log.h>

namespace corevent::http {

void Responder::Ticket::send(Response answer) {
    if (sent.exchange(true, std::memory_order_acq_rel)) {
        return;
    }
    response = std::move(answer);
    self = shared_from_this();
    if (!gate->post(*this)) {
        discard();
    }
}

void Responder::Ticket::run() {
    const std::shared_ptr<Ticket> keep = std::move(self);
    std::exchange(exchange, nullptr)->answer_deferred(std::move(response));
}

void Responder::Ticket::discard() noexcept {
    const std::shared_ptr<Ticket> keep = std::move(self);
    delete std::exchange(exchange, nullptr);
}

Responder::Responder(std::shared_ptr<Ticket> ticket) noexcept : ticket_(std::move(ticket)) {}
Responder::Responder(Responder&&) noexcept = default;

Responder& Responder::operator=(Responder&& other) noexcept {
    Responder taken(std::move(other));
    std::swap(ticket_, taken.ticket_);
    return *this;
}

Responder::~Responder() {
    if (ticket_ == nullptr || ticket_->sent.load(std::memory_order_acquire)) {
        return;
    }
    if (!ticket_->abandoned.load(std::memory_order_acquire)) {
        static LogLimit limit;
        std::uint64_t suppressed = 0;
        if (limit.allow(suppressed)) {
            log_line(LogLevel::warning,
                     "answered 500: a Responder was destroyed without an answer");
        }
    }
    ticket_->send(Response::error(500));
}

void Responder::send(Response response) {
    if (ticket_ != nullptr) {
        ticket_->send(std::move(response));
    }
}

bool Responder::abandoned() const noexcept {
    return ticket_ == nullptr || ticket_->abandoned.load(std::memory_order_acquire);
}

}  // namespace corevent::http
