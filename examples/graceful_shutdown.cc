// A stop under one's own control: what runs is finished, new work is refused, a deadline bounds it.
// Try: curl http://localhost:8080/slow & sleep 1; kill -TERM the server; the answer still comes.
#include <corevent/http.h>

#include <csignal>
#include <iostream>

using namespace corevent;
using namespace std::chrono_literals;

Task<http::Response> slow(http::Request&) {
    if (const auto slept = co_await sleep_for(2s); !slept) {  // the drain's deadline, or no client
        co_return http::Response::error(503, "stopped");
    }
    co_return http::Response::text("finished\n");
}

int main(int argc, char** argv) {
    LoopGroup loops;
    http::ServerOptions options;
    options.limits[Limit::drain] = 10'000;  // ms
    http::Server server(loops, options);
    server.get("/slow", slow);
    if (auto open = server.listen(argc > 1 ? argv[1] : ":8080"); !open) {
        return std::cerr << open.error().message << "\n", 1;
    }
    SignalHandler on_stop(loops[0], SIGTERM, [&server] {
        std::cout << "draining" << std::endl;
        server.shutdown();
    });
    server.start();
    std::cout << "listening on " << server.addresses().front().text() << std::endl;
    const int exit_code = server.wait();  // 0, or 3 when the deadline cut something
    loops.stop();  // on_stop belongs to loop 0, which must not run when it goes
    return exit_code;
}
