// Response: a status, fields and a body as a value that a handler returns; it cannot be forgotten.
// ResponseWriter: the same in pieces, for bodies that are made while they are sent. Framing, Date
// and Connection are the server's business: those fields are refused here. A field with CR, LF or
// NUL is refused (false / Errc::malformed) and logged, never sent.
#pragma once

#include <corevent/error.h>
#include <corevent/task.h>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

namespace corevent::http {

class Exchange;
struct FileBody;    // internal: file ranges that the static handler sends
struct SharedBody;  // internal: immutable bytes that many answers share

class CE_API Response {
public:
    explicit Response(int status = 200) noexcept;
    Response(Response&&) noexcept;
    Response& operator=(Response&&) noexcept;
    ~Response();

    static Response text(std::string body, int status = 200);  ///< text/plain; charset=utf-8
    static Response html(std::string body, int status = 200);
    static Response json(std::string body, int status = 200);
    static Response bytes(std::string body, std::string_view content_type, int status = 200);
    /// The body is not copied: it must live as long as the program (a string literal, a table made
    /// at start).
    static Response static_text(std::string_view body,
                                std::string_view content_type = "text/plain; charset=utf-8");
    static Response redirect(std::string_view location, int status = 302);
    static Response error(int status, std::string_view detail = {});  ///< "404 Not Found\n" +
                                                                      ///< detail

    int status() const noexcept { return status_; }
    Response& status(int status) noexcept;
    /// Adds a field (several of one name are kept). Chainable; a bad name or value is logged and
    /// turns this response into a 500, so that nothing half-valid leaves.
    Response& header(std::string_view name, std::string_view value) &;
    Response&& header(std::string_view name, std::string_view value) &&;
    Response& content_type(std::string_view type);
    std::string_view body() const noexcept;

private:
    friend class Exchange;
    friend struct ResponseAccess;
    std::uint16_t status_;
    bool invalid_ = false;          ///< a bad field was given: 500 is sent instead
    bool static_body_ = false;      ///< the body is static_view_
    std::string_view static_view_;  ///< lives as long as the program
    std::string_view static_type_;  ///< content type, a constant of the program; empty: none, or
                                    ///< among fields_
    std::string fields_;            ///< "Name: value\r\n"..., validated
    std::string body_;
    std::shared_ptr<const SharedBody> shared_;
    std::unique_ptr<FileBody> file_;
};

class CE_API ResponseWriter {
public:
    ResponseWriter(const ResponseWriter&) = delete;
    ResponseWriter& operator=(const ResponseWriter&) = delete;

    /// Before the first write.
    ResponseWriter& status(int status) noexcept;
    bool header(std::string_view name, std::string_view value);
    /// Announces the length: no chunking, and a body of another length closes the connection.
    void content_length(std::uint64_t octets) noexcept;
    /// An informational answer (103 Early Hints); fields as one "Name: value\r\n" block is refused:
    /// use header pairs.
    Task<Result<void>> inform(int status, std::string_view name, std::string_view value);

    /// Sends a piece (the first call sends the head). Suspends while more than output_bytes wait
    /// for a slow reader. HEAD and 204/304 send nothing and succeed. operation_canceled or a
    /// connection error: stop writing.
    Task<Result<void>> write(std::string_view bytes);
    /// What was written so far leaves now (server-sent events); write() alone may be held to the
    /// end of the turn.
    Task<Result<void>> flush();
    /// Added after the last chunk; dropped for HTTP/1.0 and with a content length.
    bool trailer(std::string_view name, std::string_view value);
    // The response ends when the handler returns; an exception after the head was sent cuts the
    // connection.

    bool head_sent() const noexcept;

private:
    friend class Exchange;
    explicit ResponseWriter(Exchange& exchange) noexcept : exchange_(exchange) {}
    Exchange& exchange_;
};

}  // namespace corevent::http
