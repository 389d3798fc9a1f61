// A server for test programs of others: one route for each thing that HTTP servers get wrong, on
// the native API.
//
//   conformance_server [--port N] [--threads N] [--backend auto|epoll|poll] [--root DIR] [--limit
//   NAME=VALUE]...
//                      [--ready-fd N]
//
// Prints `listening PORT` on standard output (and on the descriptor of --ready-fd) once it answers;
// drains on SIGTERM.

#include <corevent/http.h>
#include <corevent/task_scope.h>

#include <sys/resource.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <charconv>
#include <chrono>
#include <cstdio>
#include <optional>
#include <random>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>

namespace {

using namespace std::chrono_literals;
using corevent::Errc;
using corevent::Limit;
using corevent::Task;
using corevent::http::Request;
using corevent::http::Responder;
using corevent::http::Response;
using corevent::http::ResponseWriter;

constexpr std::chrono::milliseconds wait_max = 60s;  // of the routes that take a time

struct Options {
    unsigned port = 0;
    unsigned threads = 0;
    corevent::Backend backend = corevent::Backend::automatic;
    std::string root;
    corevent::Limits limits;
    int ready_descriptor = -1;
};

// --- the command line

[[noreturn]] void usage(const std::string& why) {
    std::fprintf(
        stderr,
        "%s\nusage: conformance_server [--port N] [--threads N] [--backend auto|epoll|poll] "
        "[--root DIR] [--limit NAME=VALUE]... [--ready-fd N]\n",
        why.c_str());
    std::exit(2);
}

std::optional<unsigned> number(std::string_view text, unsigned most) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    const bool whole = error == std::errc{} && end == text.data() + text.size();
    return whole && value <= most ? std::optional(value) : std::nullopt;
}

unsigned number_of(std::string_view flag, std::string_view text, unsigned most) {
    const auto value = number(text, most);
    if (!value) {
        usage(std::string(flag) + ": \"" + std::string(text) + "\" is not a number up to " +
              std::to_string(most));
    }
    return *value;
}

corevent::Backend backend_of(std::string_view text) {
    for (const auto backend : {corevent::Backend::epoll, corevent::Backend::poll}) {
        if (text == corevent::backend_name(backend)) {
            return backend;
        }
    }
    if (text != "auto") {
        usage("--backend: \"" + std::string(text) + "\" is not auto, epoll or poll");
    }
    return corevent::Backend::automatic;
}

/// What clients of this server may rely on: an URI of 8,000 octets, a head of 64 KiB, bodies of 8
/// MiB, short deadlines.
corevent::Limits settings() {
    corevent::Limits limits;
    limits[Limit::head_bytes] = 64 * 1024;
    limits[Limit::line_bytes] = 64 * 1024;
    limits[Limit::fields] = 1000;
    limits[Limit::body_bytes] = 8 * 1024 * 1024;
    limits[Limit::head_deadline] = 4000;
    limits[Limit::body_idle] = 4000;
    limits[Limit::write_stall] = 4000;
    limits[Limit::keep_alive_idle] = 5000;
    return limits;
}

Options read_options(int argc, char** argv) {
    Options options;
    options.limits = settings();
    for (int i = 1; i < argc; i += 2) {
        const std::string_view flag = argv[i];
        if (i + 1 == argc) {
            usage(std::string(flag) + " is unknown or needs a value");
        }
        const std::string_view value = argv[i + 1];
        if (flag == "--port") {
            options.port = number_of(flag, value, 65535);
        } else if (flag == "--threads") {
            options.threads = number_of(flag, value, 1024);
        } else if (flag == "--backend") {
            options.backend = backend_of(value);
        } else if (flag == "--root") {
            options.root = value;
        } else if (flag == "--ready-fd") {
            options.ready_descriptor = static_cast<int>(number_of(flag, value, 1 << 20));
        } else if (flag == "--limit") {
            if (const auto set = options.limits.set(value); !set) {
                usage("--limit: " + set.error().message);
            }
        } else {
            usage("unknown flag " + std::string(flag));
        }
    }
    return options;
}

// --- the routes

std::string inspected(Request& request) {
    std::string text(request.method_name());
    text.append(" ")
        .append(request.target())
        .append("\nhost: ")
        .append(request.host())
        .append("\n");
    for (std::size_t i = 0; i < request.header_count(); ++i) {
        const auto [name, value] = request.header_at(i);
        std::string lower(name);
        std::ranges::transform(lower, lower.begin(), [](char c) {
            return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c;
        });
        text.append(lower).append(": ").append(value).append("\n");
    }
    return text;
}

/// The {ms} of a route, or nothing: then the route answers 404.
std::optional<std::chrono::milliseconds> wait_of(const Request& request) {
    const auto ms = number(request.param("ms"), static_cast<unsigned>(wait_max.count()));
    return ms ? std::optional(std::chrono::milliseconds(*ms)) : std::nullopt;
}

Response waited(std::chrono::milliseconds ms) {
    return Response::text(std::to_string(ms.count()) + "\n");
}

Task<> stream(Request&, ResponseWriter& writer) {
    constexpr int pieces = 32;
    const std::string line(1023, 's');
    writer.header("content-type", "text/plain; charset=utf-8");
    for (int i = 0; i < pieces; ++i) {
        if (!co_await writer.write(line) || !co_await writer.write("\n")) {
            co_return;
        }
    }
}

Task<> big(Request&, ResponseWriter& writer) {
    constexpr std::size_t octets = 10485760;
    constexpr std::size_t piece_octets = 64 * 1024;
    static const std::string piece(piece_octets, 'b');
    writer.header("content-type", "application/octet-stream");
    writer.content_length(octets);
    for (std::size_t sent = 0; sent < octets; sent += piece_octets) {
        if (!co_await writer.write(piece)) {
            co_return;
        }
    }
}

Task<Response> upload(Request& request) {
    std::uint64_t octets = 0;
    for (;;) {
        const auto piece = co_await request.read();
        if (!piece) {
            co_return Response::error(400, piece.error().message());
        }
        if (piece->empty()) {
            co_return Response::text(std::to_string(octets) + "\n");
        }
        octets += piece->size();
    }
}

Task<> events(Request& request, ResponseWriter& writer) {
    writer.header("content-type", "text/event-stream");
    writer.header("cache-control", "no-store");
    for (std::uint64_t n = 0; !request.draining(); ++n) {
        const std::string event =
            "id: " + std::to_string(n) + "\ndata: " + std::to_string(n) + "\n\n";
        if (!co_await writer.write(event) || !co_await writer.flush() ||
            !co_await corevent::sleep_for(1s)) {
            co_return;
        }
    }
}

Task<Response> offloaded(Request& request) {
    const auto ms = wait_of(request);
    if (!ms) {
        co_return Response::error(404);
    }
    const auto work = [ms = *ms] { std::this_thread::sleep_for(ms); };
    const auto done = co_await corevent::offload(work);
    if (!done && done.error() == Errc::queue_full) {
        co_return std::move(Response::error(503).header("retry-after", "1"));
    }
    co_return waited(*ms);
}

Task<Response> delayed(Request& request) {
    const auto ms = wait_of(request);
    if (!ms) {
        co_return Response::error(404);
    }
    co_await corevent::sleep_for(*ms);
    co_return waited(*ms);
}

Response blocking(Request& request) {
    const auto ms = wait_of(request);
    if (!ms) {
        return Response::error(404);
    }
    std::this_thread::sleep_for(*ms);
    return waited(*ms);
}

/// Threads that still have to answer; main waits for them before it ends.
std::atomic<unsigned> answering_threads = 0;

void answer_from_thread(Request&, Responder responder) {
    ++answering_threads;
    std::thread([responder = std::move(responder)]() mutable {
        std::minstd_rand random(std::random_device{}());
        std::this_thread::sleep_for(std::chrono::microseconds(random() % 20'000));
        responder.send(Response::text("answered by a thread of its own\n"));
        if (--answering_threads == 0) {
            answering_threads.notify_all();
        }
    }).detach();
}

void add_routes(corevent::http::Server& server) {
    server.get("/hello", [](Request&) { return Response::static_text("Hello, World!"); });
    server.post("/echo", [](Request& request) {
        return Response::bytes(std::string(request.body()),
                               request.header("content-type").value_or("application/octet-stream"));
    });
    server.get("/stream", stream);
    server.get("/big", big);
    server.get("/nocontent", [](Request&) { return Response(204); });
    server.any("/inspect", [](Request& request) { return Response::text(inspected(request)); });
    server.get("/delay/{ms}", delayed);
    server.post("/upload", upload);
    server.get("/sse", events);
    server.get("/block/{ms}", blocking);
    server.get("/offload/{ms}", offloaded);
    server.get("/throw", [](Request&) -> Response {
        throw std::runtime_error("thrown by the handler of /throw");
    });
    server.get("/thread", answer_from_thread);
}

void raise_descriptor_limit() {
    rlimit limit{};
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur < limit.rlim_max) {
        limit.rlim_cur = std::min<rlim_t>(limit.rlim_max, 1 << 20);
        setrlimit(RLIMIT_NOFILE, &limit);
    }
}

void announce(unsigned port, int ready_descriptor) {
    const std::string line = "listening " + std::to_string(port) + "\n";
    for (const int descriptor : {STDOUT_FILENO, ready_descriptor}) {
        if (descriptor >= 0 && write(descriptor, line.data(), line.size()) < 0) {
            std::perror("conformance_server: cannot write the port");
        }
    }
    if (ready_descriptor > STDERR_FILENO) {
        close(ready_descriptor);
    }
}

int fail(const corevent::Failure& failure) {
    std::fprintf(stderr, "%s\n", failure.message.c_str());
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    const Options options = read_options(argc, argv);
    raise_descriptor_limit();
    corevent::LoopGroup loops({.loops = options.threads,
                               .backend = options.backend,
                               .offload_queue = options.limits[corevent::Limit::offload_queue],
                               .posted_work_max = options.limits[corevent::Limit::posted_work]});
    corevent::http::Server server(loops, {.limits = options.limits});
    add_routes(server);
    if (!options.root.empty()) {
        if (const auto served = server.files("/static", {.root = options.root}); !served) {
            return fail(served.error());
        }
    }
    if (const auto open = server.listen("127.0.0.1:" + std::to_string(options.port)); !open) {
        return fail(open.error());
    }
    // Said by a running loop: whoever reads it may connect, and signals are handled.
    const auto said = loops[0].post([&] {
        announce(server.addresses().front().port(), options.ready_descriptor);
    });
    if (!said) {
        return fail({said.error(), "conformance_server: loop 0 takes no work"});
    }
    const int code = server.run();
    for (unsigned left = answering_threads; left != 0; left = answering_threads) {
        answering_threads.wait(left);
    }
    return code;
}
