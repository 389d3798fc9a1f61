// corevent as the bench measures it: a server on the native API with the routes of the cases.
//
//   corevent_server [--threads N] [--root DIR] [--reuse-port]
//   corevent_server --version
//
// Prints "listening PORT" and drains on SIGTERM. Its routes:
//
//   /hello          13 octets of text/plain, like every peer
//   /static/...     files below DIR
//   /loops          JSON: the loop that answers, and the open connections of each loop
//   /block/{ms}     a handler that blocks its loop, as a careless program would
#include <corevent/http/handler.h>
#include <corevent/http/server.h>
#include <corevent/http/static_files.h>
#include <corevent/limits.h>
#include <corevent/loop_group.h>

#include <charconv>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

namespace {

namespace http = corevent::http;

struct Arguments {
    unsigned threads = 1;
    std::string root;
    bool reuse_port = false;
};

[[noreturn]] void fail(const std::string& message, int status = 1) {
    std::fprintf(stderr, "corevent_server: %s\n", message.c_str());
    std::exit(status);
}

std::optional<unsigned> number(std::string_view text) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        return std::nullopt;
    }
    return value;
}

Arguments parse(int argc, char** argv) {
    Arguments arguments;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        const bool has_value = i + 1 < argc;
        if (name == "--reuse-port") {
            arguments.reuse_port = true;
        } else if (name == "--threads" && has_value) {
            const auto threads = number(argv[++i]);
            if (!threads || *threads == 0 || *threads > 256) {
                fail("--threads takes a number from 1 to 256", 2);
            }
            arguments.threads = *threads;
        } else if (name == "--root" && has_value) {
            arguments.root = argv[++i];
        } else {
            fail("usage: corevent_server [--threads N] [--root DIR] [--reuse-port]", 2);
        }
    }
    return arguments;
}

/// The peers keep idle connections for an hour and end none by age or count: so does this server.
corevent::Limits bench_limits() {
    corevent::Limits limits;
    for (const char* limit : {"keep_alive_idle=1h", "connection_age=none"}) {
        if (const auto set = limits.set(limit); !set) {
            fail(set.error().message);
        }
    }
    return limits;
}

http::Response tell_loops(const http::Server& server, const http::Request& request) {
    const http::Metrics metrics = server.metrics();
    std::string json = "{\"loop\":";
    json.append(std::to_string(request.loop().index())).append(",\"connections\":[");
    for (std::size_t i = 0; i < metrics.loops.size(); ++i) {
        if (i > 0) {
            json.push_back(',');
        }
        json.append(std::to_string(metrics.loops[i].connections_open));
    }
    json.append("]}\n");
    return http::Response::json(std::move(json));
}

http::Response block_loop(const http::Request& request) {
    const auto milliseconds = number(request.param("ms"));
    if (!milliseconds || *milliseconds > 10'000) {
        return http::Response::error(400, "block takes 0 to 10000 ms");
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(*milliseconds));
    return http::Response::text(std::to_string(*milliseconds));
}

}  // namespace

int main(int argc, char** argv) {
    if (argc == 2 && std::string_view(argv[1]) == "--version") {
        std::printf("corevent %s\n", CE_VERSION);
        return 0;
    }
    const Arguments arguments = parse(argc, argv);
    corevent::LoopGroup group(corevent::LoopGroupOptions{.loops = arguments.threads});
    http::ServerOptions options;
    options.limits = bench_limits();
    http::Server server(group, options);
    server.get("/hello", [](http::Request&) {
        return http::Response::static_text("Hello, World!", "text/plain");
    });
    server.get("/loops", [&server](http::Request& request) { return tell_loops(server, request); });
    server.get("/block/{ms}", [](http::Request& request) { return block_loop(request); });
    if (!arguments.root.empty()) {
        http::StaticFilesOptions files;
        files.root = arguments.root;
        if (const auto served = server.files("/static", files); !served) {
            fail(served.error().message);
        }
    }
    corevent::ListenerOptions listener;
    listener.reuse_port = arguments.reuse_port;
    if (const auto listening = server.listen("127.0.0.1:0", listener); !listening) {
        fail(listening.error().message);
    }
    server.start();
    std::printf("listening %u\n", static_cast<unsigned>(server.addresses().front().port()));
    std::fflush(stdout);
    return server.run();
}
