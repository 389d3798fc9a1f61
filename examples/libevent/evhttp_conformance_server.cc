// A server for test programs of others, on evhttp: one route for each thing that HTTP servers get
// wrong. Written against libevent's headers alone, in C++ because a handler may throw; with
// corevent's headers it can run on several threads.
//
//   evhttp_conformance_server [--port N] [--threads N] [--mode io|all] [--root DIR]
//
// Prints `listening PORT` on standard output once it answers. On SIGTERM it accepts no more, answers
// the requests that its handlers have, and ends with 0; a second SIGTERM ends it at once, with 3.
// What evhttp does not tell is not waited for: requests of which a part has arrived.
#include <sys/queue.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/http_struct.h>
#include <event2/keyvalq_struct.h>

#if defined(__has_include)
#if __has_include(<event2/corevent.h>)
#include <event2/corevent.h>
#endif
#endif

#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cctype>
#include <chrono>
#include <climits>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <iterator>
#include <mutex>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <system_error>
#include <thread>
#include <unordered_map>
#include <vector>

namespace {

constexpr ev_ssize_t body_max = 8 * 1024 * 1024;
constexpr ev_ssize_t head_max = 64 * 1024;
constexpr int idle_seconds = 5;
constexpr std::size_t big_size = 10485760;
constexpr long wait_max_ms = 60000;
constexpr int cut_short = 3;  // exit code

std::string root;
std::array<char, 65536> block_of_x;

// ---- what is open, and the end ----

/// Connections that have had a request, and requests that a timer or a thread has. Handlers and the
/// callbacks of connections come here from every thread that evhttp may run them on.
class Open {
public:
    /// A handler is about to run.
    void begin(evhttp_request* req) {
        evhttp_connection* const connection = evhttp_request_get_connection(req);
        {
            const std::lock_guard guard(mutex_);
            const auto [visit, is_new] = visits_.try_emplace(connection);
            visit->second.busy = true;
            visit->second.thread = std::this_thread::get_id();
            if (is_new) {
                evhttp_connection_set_closecb(connection, on_closed, this);
            }
        }
        evhttp_request_set_on_complete_cb(req, on_complete, this);
    }
    /// Calls `gone` if the connection ends before this is called again.
    void tell_when_closed(evhttp_connection* connection, void (*gone)(void*), void* arg) {
        const std::lock_guard guard(mutex_);
        const auto visit = visits_.find(connection);
        if (visit != visits_.end()) {
            visit->second.gone = gone;
            visit->second.arg = arg;
        }
    }
    void work_begins() {
        const std::lock_guard guard(mutex_);
        ++working_;
    }
    void work_ends() {
        const std::lock_guard guard(mutex_);
        --working_;
        look_again();
    }

    bool draining() const { return draining_; }
    /// On the thread of `base`, which ends when nothing is open any more.
    void drain(event_base* base) {
        draining_ = true;
        look_ = event_new(base, pipe_[0], EV_READ | EV_PERSIST, on_look, this);
        event_add(look_, nullptr);
        look();
    }
    void drained() { event_free(look_); }

private:
    struct Visit {
        bool busy = false;  ///< has a request whose answer is not with the kernel
        std::thread::id thread;
        void (*gone)(void*) = nullptr;
        void* arg = nullptr;
    };

    static std::array<int, 2> make_pipe() {
        std::array<int, 2> ends{};
        if (pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0) {
            std::perror("evhttp_conformance_server: no pipe");
            std::exit(1);
        }
        return ends;
    }

    static void on_complete(evhttp_request* req, void* arg) {
        auto& self = *static_cast<Open*>(arg);
        const std::lock_guard guard(self.mutex_);
        const auto visit = self.visits_.find(evhttp_request_get_connection(req));
        if (visit != self.visits_.end()) {
            visit->second.busy = false;
            self.look_again();
        }
    }
    static void on_closed(evhttp_connection* connection, void* arg) {
        auto& self = *static_cast<Open*>(arg);
        Visit visit;
        {
            const std::lock_guard guard(self.mutex_);
            visit = self.visits_[connection];
            self.visits_.erase(connection);
            self.look_again();
        }
        if (visit.gone != nullptr) {
            visit.gone(visit.arg);
        }
    }
    static void on_look(evutil_socket_t fd, short /*what*/, void* arg) {
        std::array<char, 256> signs;
        while (read(fd, signs.data(), signs.size()) > 0) {
        }
        static_cast<Open*>(arg)->look();
    }

    /// Tells the thread of the base.
    void look_again() {
        if (draining_ && write(pipe_[1], "", 1) < 0) {
            return;  // it is full of signs already
        }
    }
    /// Closes what is idle, and ends the base when that is all.
    void look() {
        const std::lock_guard guard(mutex_);
        std::vector<evhttp_connection*> idle;
        bool waits = working_ != 0;
        for (const auto& [connection, visit] : visits_) {
            waits = waits || visit.busy;
            // Of another thread's it cannot be known here whether a request has just come: they
            // end with the server.
            if (!visit.busy && visit.thread == std::this_thread::get_id()) {
                idle.push_back(connection);
            }
        }
        for (evhttp_connection* const connection : idle) {
            evhttp_connection_free(connection);  // calls on_closed(), now or soon
        }
        if (!waits) {
            event_base_loopbreak(event_get_base(look_));
        }
    }

    std::recursive_mutex mutex_;
    std::unordered_map<evhttp_connection*, Visit> visits_;
    unsigned working_ = 0;
    std::atomic<bool> draining_ = false;
    event* look_ = nullptr;
    std::array<int, 2> pipe_ = make_pipe();
};

/// Never destroyed: a thread may still be on its way out of it when the program ends.
Open& open_now = *new Open;

// ---- helpers ----

void set(evhttp_request* req, const char* name, const std::string& value) {
    evhttp_add_header(evhttp_request_get_output_headers(req), name, value.c_str());
}

const char* field(evhttp_request* req, const char* name) {
    return evhttp_find_header(evhttp_request_get_input_headers(req), name);
}

bool is_head(evhttp_request* req) {
    return evhttp_request_get_command(req) == EVHTTP_REQ_HEAD;
}

/// A connection that is still needed is not kept once the server drains.
void set_end_if_draining(evhttp_request* req) {
    if (open_now.draining()) {
        set(req, "Connection", "close");
    }
}

/// Empties `body`. An answer to HEAD has its length only.
void answer(evhttp_request* req, int code, evbuffer* body) {
    set_end_if_draining(req);
    if (is_head(req)) {
        set(req, "Content-Length", std::to_string(evbuffer_get_length(body)));
        evbuffer_drain(body, evbuffer_get_length(body));
    }
    evhttp_send_reply(req, code, nullptr, body);
}

void answer_text(evhttp_request* req, int code, const std::string& text) {
    evbuffer* const body = evbuffer_new();
    evbuffer_add(body, text.data(), text.size());
    set(req, "Content-Type", "text/plain");
    answer(req, code, body);
    evbuffer_free(body);
}

/// 405 with Allow for another method than GET and HEAD; false if that was the answer.
bool is_get(evhttp_request* req) {
    const evhttp_cmd_type type = evhttp_request_get_command(req);
    if (type == EVHTTP_REQ_GET || type == EVHTTP_REQ_HEAD) {
        return true;
    }
    set(req, "Allow", "GET, HEAD");
    answer_text(req, 405, "only GET and HEAD\n");
    return false;
}

bool is_post(evhttp_request* req) {
    if (evhttp_request_get_command(req) == EVHTTP_REQ_POST) {
        return true;
    }
    set(req, "Allow", "POST");
    answer_text(req, 405, "only POST\n");
    return false;
}

std::string_view path_of(evhttp_request* req) {
    const char* const path = evhttp_uri_get_path(evhttp_request_get_evhttp_uri(req));
    return path != nullptr ? path : "";
}

/// The number behind the second slash of the path, or -1.
long number_in_path(evhttp_request* req) {
    const std::string text(path_of(req).substr(path_of(req).find('/', 1) + 1));
    char* end = nullptr;
    const long number = std::strtol(text.c_str(), &end, 10);
    const bool good = !text.empty() && *end == '\0' && std::isdigit(text[0]) != 0;
    return good && number <= wait_max_ms ? number : -1;
}

/// False if the path has no number, which is answered then.
bool has_number(evhttp_request* req) {
    if (number_in_path(req) >= 0) {
        return true;
    }
    evhttp_send_error(req, HTTP_NOTFOUND, nullptr);
    return false;
}

void answer_number(evhttp_request* req) {
    answer_text(req, 200, std::to_string(number_in_path(req)) + "\n");
}

// ---- routes ----

void on_hello(evhttp_request* req) {
    if (is_get(req)) {
        answer_text(req, 200, "Hello, World!");
    }
}

void on_echo(evhttp_request* req) {
    if (is_post(req)) {
        set(req, "Content-Type", "application/octet-stream");
        answer(req, 200, evhttp_request_get_input_buffer(req));
    }
}

/// What has come of the body and is gone.
std::uintptr_t counted([[maybe_unused]] evhttp_request* req) {
#if defined(EVHTTP_HAS_THREADS)
    return reinterpret_cast<std::uintptr_t>(req->cb_arg);  // null, but for on_piece()
#else
    return 0;  // libevent has something of its own there
#endif
}

/// libevent hands a body over when it is complete; corevent's callbacks count it as it comes.
void on_upload(evhttp_request* req) {
    if (is_post(req)) {
        const std::size_t size = evbuffer_get_length(evhttp_request_get_input_buffer(req));
        answer_text(req, 200, std::to_string(counted(req) + size) + "\n");
    }
}

#if defined(EVHTTP_HAS_THREADS)
void on_piece(evhttp_request* req, void* /*arg*/) {
    const std::size_t size = evbuffer_get_length(evhttp_request_get_input_buffer(req));
    req->cb_arg = reinterpret_cast<void*>(counted(req) + size);
}

/// The body limit is for bodies that are held.
int on_header(evhttp_request* req, void* /*arg*/) {
    const bool upload =
        evhttp_request_get_command(req) == EVHTTP_REQ_POST && path_of(req) == "/upload";
    evhttp_connection_set_max_body_size(evhttp_request_get_connection(req), upload ? -1 : body_max);
    if (upload) {
        evhttp_request_set_chunked_cb(req, on_piece);
    }
    return 0;
}

int on_new_request(evhttp_request* req, void* /*arg*/) {
    evhttp_request_set_header_cb(req, on_header);
    return 0;
}
#endif

void on_nocontent(evhttp_request* req) {
    if (is_get(req)) {
        set_end_if_draining(req);
        evhttp_send_reply(req, HTTP_NOCONTENT, nullptr, nullptr);
    }
}

void on_big(evhttp_request* req) {
    if (!is_get(req)) {
        return;
    }
    evbuffer* const body = evbuffer_new();
    for (std::size_t left = big_size; left > 0;) {
        const std::size_t size = std::min(left, block_of_x.size());
        evbuffer_add_reference(body, block_of_x.data(), size, nullptr, nullptr);
        left -= size;
    }
    set(req, "Content-Type", "application/octet-stream");
    answer(req, 200, body);
    evbuffer_free(body);
}

const char* method_of(evhttp_request* req) {
    switch (evhttp_request_get_command(req)) {
        case EVHTTP_REQ_GET: return "GET";
        case EVHTTP_REQ_POST: return "POST";
        case EVHTTP_REQ_HEAD: return "HEAD";
        case EVHTTP_REQ_PUT: return "PUT";
        case EVHTTP_REQ_DELETE: return "DELETE";
        case EVHTTP_REQ_OPTIONS: return "OPTIONS";
        case EVHTTP_REQ_TRACE: return "TRACE";
        case EVHTTP_REQ_CONNECT: return "CONNECT";
        case EVHTTP_REQ_PATCH: return "PATCH";
        default: return "?";
    }
}

/// That of the target if it has one, else that of the field.
std::string host_of(evhttp_request* req) {
    const evhttp_uri* const uri = evhttp_request_get_evhttp_uri(req);
    const char* host = evhttp_uri_get_host(uri);
    const int port = evhttp_uri_get_port(uri);
    if (host != nullptr && port >= 0) {
        return std::string(host) + ":" + std::to_string(port);
    }
    host = host != nullptr ? host : field(req, "Host");
    return host != nullptr ? host : "";
}

void on_inspect(evhttp_request* req) {
    std::string text = std::string(method_of(req)) + " " + evhttp_request_get_uri(req) +
                       "\nhost: " + host_of(req) + "\n";
    const evkeyval* pair = nullptr;
    TAILQ_FOREACH(pair, evhttp_request_get_input_headers(req), next) {
        for (const char c : std::string_view(pair->key)) {
            text += static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
        }
        text.append(": ").append(pair->value).append("\n");
    }
    answer_text(req, 200, text);
}

void on_throw(evhttp_request* /*req*/) {
    throw std::runtime_error("thrown by the handler of /throw");
}

// ---- streams ----

struct Stream {
    evhttp_request* req;
    int left;
};

void on_stream_gone(void* arg) {
    auto* const stream = static_cast<Stream*>(arg);
    evhttp_send_reply_end(stream->req);  // to nobody: the request is given back
    delete stream;
}

void next_piece(evhttp_connection* connection, void* arg) {
    auto* const stream = static_cast<Stream*>(arg);
    if (stream->left-- == 0) {
        open_now.tell_when_closed(connection, nullptr, nullptr);
        evhttp_send_reply_end(stream->req);
        delete stream;
        return;
    }
    evbuffer* const piece = evbuffer_new();
    evbuffer_add_reference(piece, block_of_x.data(), 4096, nullptr, nullptr);
    evhttp_send_reply_chunk_with_cb(stream->req, piece, next_piece, stream);
    evbuffer_free(piece);
}

/// The head of a streamed answer. False if that is all of it.
bool begin_stream(evhttp_request* req, const char* type) {
    set(req, "Content-Type", type);
    set_end_if_draining(req);
    evhttp_send_reply_start(req, 200, nullptr);
    if (is_head(req)) {
        evhttp_send_reply_end(req);
        return false;
    }
    return true;
}

void on_stream(evhttp_request* req) {
    if (is_get(req) && begin_stream(req, "text/plain")) {
        evhttp_connection* const connection = evhttp_request_get_connection(req);
        auto* const stream = new Stream{req, 8};
        open_now.tell_when_closed(connection, on_stream_gone, stream);
        next_piece(connection, stream);
    }
}

struct Ticker {
    evhttp_request* req;
    event* timer = nullptr;
    int number = 0;
};

/// To whoever is there.
void end_ticker(void* arg) {
    auto* const ticker = static_cast<Ticker*>(arg);
    event_free(ticker->timer);
    evhttp_send_reply_end(ticker->req);
    delete ticker;
}

void on_tick(evutil_socket_t /*fd*/, short /*what*/, void* arg) {
    auto* const ticker = static_cast<Ticker*>(arg);
    if (open_now.draining()) {
        open_now.tell_when_closed(evhttp_request_get_connection(ticker->req), nullptr, nullptr);
        end_ticker(ticker);
        return;
    }
    evbuffer* const piece = evbuffer_new();
    evbuffer_add_printf(piece, "id: %d\ndata: tick %d\n\n", ticker->number, ticker->number);
    ++ticker->number;
    evhttp_send_reply_chunk(ticker->req, piece);
    evbuffer_free(piece);
}

void on_sse(evhttp_request* req) {
    set(req, "Cache-Control", "no-store");
    if (is_get(req) && begin_stream(req, "text/event-stream")) {
        const timeval second{1, 0};
        evhttp_connection* const connection = evhttp_request_get_connection(req);
        auto* const ticker = new Ticker{req};
        ticker->timer =
            event_new(evhttp_connection_get_base(connection), -1, EV_PERSIST, on_tick, ticker);
        event_add(ticker->timer, &second);
        open_now.tell_when_closed(connection, end_ticker, ticker);
        on_tick(-1, 0, ticker);
    }
}

// ---- time and threads ----

void sleep_ms(long ms) {
    std::this_thread::sleep_for(std::chrono::milliseconds(ms));
}

void on_delay_over(evutil_socket_t /*fd*/, short /*what*/, void* arg) {
    answer_number(static_cast<evhttp_request*>(arg));
    open_now.work_ends();
}

void on_delay(evhttp_request* req) {
    if (is_get(req) && has_number(req)) {
        const long ms = number_in_path(req);
        const timeval time{ms / 1000, ms % 1000 * 1000};
        open_now.work_begins();
        event_base_once(evhttp_connection_get_base(evhttp_request_get_connection(req)), -1,
                        EV_TIMEOUT, on_delay_over, req, &time);
    }
}

void on_block(evhttp_request* req) {
    if (is_get(req) && has_number(req)) {
        sleep_ms(number_in_path(req));
        answer_number(req);
    }
}

#if defined(EVHTTP_HAS_THREADS)
/// Does `work` on a thread of its own, which answers.
void answer_from_thread(evhttp_request* req, void (*work)(evhttp_request*)) {
    open_now.work_begins();
    try {
        std::thread([=] {
            work(req);
            open_now.work_ends();
        }).detach();
    } catch (const std::system_error&) {
        open_now.work_ends();
        evhttp_send_error(req, HTTP_SERVUNAVAIL, nullptr);
    }
}

void on_offload(evhttp_request* req) {
    if (is_get(req) && has_number(req)) {
        answer_from_thread(req, [](evhttp_request* request) {
            sleep_ms(number_in_path(request));
            answer_number(request);
        });
    }
}

void on_thread(evhttp_request* req) {
    if (is_get(req)) {
        answer_from_thread(req, [](evhttp_request* request) {
            sleep_ms(static_cast<long>(std::random_device()() % 5));
            answer_text(request, 200, "from a thread\n");
        });
    }
}
#endif

// ---- files ----

struct File {
    int fd = -1;
    struct stat status{};
};

/// The file of that name below the root: what leaves the root and special files count as missing.
File open_file(const std::string& name) {
    std::array<char, PATH_MAX> real;
    std::array<char, PATH_MAX> real_root;
    File file;
    if (realpath(root.c_str(), real_root.data()) == nullptr ||
        realpath((root + "/" + name).c_str(), real.data()) == nullptr ||
        !std::string_view(real.data()).starts_with(std::string(real_root.data()) + "/")) {
        return file;
    }
    file.fd = open(real.data(), O_RDONLY | O_NONBLOCK | O_CLOEXEC | O_NOFOLLOW);
    if (file.fd >= 0 && (fstat(file.fd, &file.status) != 0 || !S_ISREG(file.status.st_mode))) {
        close(file.fd);
        file.fd = -1;
    }
    return file;
}

/// What a path names below the root; "" for what is hidden or cannot be a name.
std::string name_of(std::string_view path) {
    std::size_t size = 0;
    char* const text = evhttp_uridecode(std::string(path).c_str(), 0, &size);
    std::string name(text != nullptr ? std::string_view(text, size) : std::string_view("."));
    std::free(text);
    if (name.empty() || name.back() == '/') {
        name += "index.html";
    }
    const bool bad = name[0] == '.' || name.find("/.") != name.npos || name.find('\0') != name.npos;
    return bad ? std::string() : name;
}

const char* type_of(std::string_view name) {
    constexpr std::array<std::array<const char*, 2>, 6> types{
        {{".html", "text/html; charset=utf-8"},
         {".css", "text/css"},
         {".js", "text/javascript"},
         {".txt", "text/plain"},
         {".svg", "image/svg+xml"},
         {".png", "image/png"}}};
    for (const auto& [suffix, type] : types) {
        if (name.ends_with(suffix)) {
            return type;
        }
    }
    return "application/octet-stream";
}

/// Whether Accept-Encoding names `coding` with a weight that is not 0.
bool accepts(evhttp_request* req, std::string_view coding) {
    const char* const given = field(req, "Accept-Encoding");
    std::string_view rest = given != nullptr ? given : "";
    while (!rest.empty()) {
        const std::size_t comma = std::min(rest.find(','), rest.size());
        std::string_view member = rest.substr(0, comma);
        rest.remove_prefix(std::min(comma + 1, rest.size()));
        const std::size_t semicolon = std::min(member.find(';'), member.size());
        const std::string weight(member.substr(semicolon));
        member = member.substr(0, semicolon);
        member.remove_prefix(std::min(member.find_first_not_of(" \t"), member.size()));
        member = member.substr(0, member.find_last_not_of(" \t") + 1);
        if (evutil_ascii_strcasecmp(std::string(member).c_str(), coding.data()) == 0) {
            const std::size_t equals = weight.find('=');
            return equals == weight.npos || std::strtod(weight.c_str() + equals + 1, nullptr) > 0;
        }
    }
    return false;
}

/// Opens the precompressed sibling that the client would rather have, and says so, or `file` itself.
File choose_file(evhttp_request* req, const std::string& name) {
    constexpr std::array<std::array<const char*, 2>, 3> siblings{
        {{"br", ".br"}, {"zstd", ".zst"}, {"gzip", ".gz"}}};
    File file = open_file(name);
    if (file.fd < 0) {
        return file;
    }
    for (const auto& [coding, suffix] : siblings) {
        const File sibling = accepts(req, coding) ? open_file(name + suffix) : File();
        if (sibling.fd >= 0) {
            close(file.fd);
            set(req, "Content-Encoding", coding);
            return sibling;
        }
    }
    return file;
}

/// RFC 9110 13.2.2: a tag decides if there is one.
bool is_unchanged(evhttp_request* req, const std::string& tag, time_t modified) {
    if (const char* const tags = field(req, "If-None-Match")) {
        return std::strcmp(tags, "*") == 0 || std::strstr(tags, tag.c_str()) != nullptr;
    }
    const char* const since = field(req, "If-Modified-Since");
    tm time{};
    const char* const end =
        since != nullptr ? strptime(since, "%a, %d %b %Y %H:%M:%S GMT", &time) : nullptr;
    return end != nullptr && *end == '\0' && modified <= timegm(&time);
}

void answer_file(evhttp_request* req, const File& file) {
    evbuffer* const body = evbuffer_new();
    if (file.status.st_size == 0) {
        close(file.fd);
    } else if (evbuffer_add_file(body, file.fd, 0, file.status.st_size) != 0) {
        close(file.fd);
        evbuffer_free(body);
        evhttp_send_error(req, HTTP_INTERNAL, nullptr);
        return;
    }
    answer(req, 200, body);
    evbuffer_free(body);
}

void on_static(evhttp_request* req) {
    if (!is_get(req)) {
        return;
    }
    const std::string name = name_of(path_of(req).substr(std::strlen("/static/")));
    const File file = root.empty() || name.empty() ? File() : choose_file(req, name);
    if (file.fd < 0) {
        evhttp_send_error(req, HTTP_NOTFOUND, nullptr);
        return;
    }
    const time_t modified = file.status.st_mtim.tv_sec;
    std::array<char, 64> date;
    tm time{};
    evutil_date_rfc1123(date.data(), date.size(), gmtime_r(&modified, &time));
    const std::string tag = "\"" + std::to_string(modified) + "-" +
                            std::to_string(file.status.st_mtim.tv_nsec) + "-" +
                            std::to_string(file.status.st_size) + "\"";
    set(req, "Last-Modified", date.data());
    set(req, "ETag", tag);
    set(req, "Vary", "Accept-Encoding");
    if (is_unchanged(req, tag, modified)) {
        close(file.fd);
        set_end_if_draining(req);
        evhttp_send_reply(req, HTTP_NOTMODIFIED, nullptr, nullptr);
        return;
    }
    set(req, "Content-Type", type_of(name));
    answer_file(req, file);
}

// ---- the table ----

using Handler = void (*)(evhttp_request*);

struct Route {
    const char* path;  ///< all that begin so, if it ends in a slash
    Handler handler;
};

Route routes[] = {
    {"/hello", on_hello},      {"/echo", on_echo},     {"/upload", on_upload},
    {"/stream", on_stream},    {"/big", on_big},       {"/nocontent", on_nocontent},
    {"/inspect", on_inspect},  {"/throw", on_throw},   {"/sse", on_sse},
    {"/delay/", on_delay},     {"/block/", on_block},  {"/static/", on_static},
#if defined(EVHTTP_HAS_THREADS)
    {"/offload/", on_offload}, {"/thread", on_thread},
#endif
};

bool is_prefix(const Route& route) {
    return std::string_view(route.path).ends_with('/');
}

/// evhttp is C, and what a handler throws must not get there. A handler that throws has not answered.
void run(evhttp_request* req, Handler handler) {
    open_now.begin(req);
    try {
        handler(req);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", evhttp_request_get_uri(req), error.what());
        evhttp_send_error(req, HTTP_INTERNAL, nullptr);
    }
}

void on_route(evhttp_request* req, void* arg) {
    run(req, static_cast<const Route*>(arg)->handler);
}

void on_other(evhttp_request* req, void* /*arg*/) {
    const auto* const found =
        std::find_if(std::begin(routes), std::end(routes), [&](const Route& route) {
            return is_prefix(route) && path_of(req).starts_with(route.path);
        });
    run(
        req, found != std::end(routes) ? found->handler : [](evhttp_request* request) {
            evhttp_send_error(request, HTTP_NOTFOUND, nullptr);
        });
}

void add_routes(evhttp* http) {
    for (Route& route : routes) {
        if (!is_prefix(route)) {
            evhttp_set_cb(http, route.path, on_route, &route);
        }
    }
    evhttp_set_gencb(http, on_other, nullptr);
}

// ---- the program ----

struct Program {
    event_base* base;
    evhttp* http;
    evhttp_bound_socket* bound;
};

void on_sigterm(evutil_socket_t /*number*/, short /*what*/, void* arg) {
    const auto& program = *static_cast<Program*>(arg);
    if (open_now.draining()) {
        _exit(cut_short);
    }
    evhttp_del_accept_socket(program.http, program.bound);
    open_now.drain(program.base);
}

[[noreturn]] void usage() {
    std::fprintf(
        stderr,
        "usage: evhttp_conformance_server [--port N] [--threads N] [--mode io|all] [--root DIR]\n");
    std::exit(2);
}

#if defined(EVHTTP_HAS_THREADS)
/// What libevent has not: 431 for a header that is too large, bodies that are read as they come, threads. In mode IO a
/// callback for new requests would keep all of them on the base.
void set_extras(evhttp* http, int threads, std::string_view mode) {
    if (mode != "io" && mode != "all") {
        usage();
    }
    const int value = mode == "all" ? EVHTTP_THREADS_ALL : EVHTTP_THREADS_IO;
    if (threads > 0 && evhttp_set_threads(http, threads, value) != 0) {
        std::fprintf(stderr, "evhttp_conformance_server: %d threads are not possible\n", threads);
        std::exit(1);
    }
    evhttp_set_limits(http, 1);
    if (threads == 0 || value == EVHTTP_THREADS_ALL) {
        evhttp_set_newreqcb(http, on_new_request, nullptr);
    }
}
#else
void set_extras(evhttp* /*http*/, int threads, std::string_view mode) {
    if (threads > 0 || mode != "io") {
        std::fprintf(stderr,
                     "evhttp_conformance_server: built without event2/corevent.h, there are no "
                     "threads\n");
        std::exit(2);
    }
}
#endif

}  // namespace

int main(int argc, char** argv) {
    int port = 0;
    int threads = 0;
    std::string_view mode = "io";
    for (int i = 1; i < argc; i += 2) {
        const std::string_view flag = argv[i];
        if (i + 1 == argc) {
            usage();
        } else if (flag == "--port") {
            port = std::atoi(argv[i + 1]);
        } else if (flag == "--threads") {
            threads = std::atoi(argv[i + 1]);
        } else if (flag == "--mode") {
            mode = argv[i + 1];
        } else if (flag == "--root") {
            root = argv[i + 1];
        } else {
            usage();
        }
    }
    signal(SIGPIPE, SIG_IGN);
    block_of_x.fill('x');
    Program program{};
    program.base = event_base_new();
    program.http = evhttp_new(program.base);
    set_extras(program.http, threads, mode);
    evhttp_set_allowed_methods(program.http, EVHTTP_REQ_GET | EVHTTP_REQ_POST | EVHTTP_REQ_HEAD |
                                                 EVHTTP_REQ_PUT | EVHTTP_REQ_DELETE |
                                                 EVHTTP_REQ_OPTIONS | EVHTTP_REQ_TRACE |
                                                 EVHTTP_REQ_PATCH);
    evhttp_set_max_headers_size(program.http, head_max);
    evhttp_set_max_body_size(program.http, body_max);
    evhttp_set_timeout(program.http, idle_seconds);
    add_routes(program.http);
    program.bound =
        evhttp_bind_socket_with_handle(program.http, "127.0.0.1", static_cast<ev_uint16_t>(port));
    if (program.bound == nullptr) {
        std::fprintf(stderr, "evhttp_conformance_server: cannot listen on 127.0.0.1:%d\n", port);
        return 1;
    }
    sockaddr_in address{};
    socklen_t length = sizeof address;
    getsockname(evhttp_bound_socket_get_fd(program.bound), reinterpret_cast<sockaddr*>(&address),
                &length);
    event* const stop = evsignal_new(program.base, SIGTERM, on_sigterm, &program);
    event_add(stop, nullptr);
    std::printf("listening %d\n", ntohs(address.sin_port));
    std::fflush(stdout);
    event_base_dispatch(program.base);
    open_now.drained();
    evhttp_free(program.http);
    event_free(stop);
    event_base_free(program.base);
    return 0;
}
