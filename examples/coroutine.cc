// Coroutines: two waits at once, and a limit on the whole. Try: curl http://localhost:8080/both
//                                                             curl http://localhost:8080/impatient
#include <corevent/http.h>

#include <iostream>
#include <string>

using namespace corevent;
using namespace std::chrono_literals;

Task<int> ask(int answer, Clock::duration time) {  // stands for a database, another server...
    co_await sleep_for(time);
    co_return answer;
}

Task<http::Response> both(http::Request&) {
    const auto [a, b] = co_await when_all(ask(40, 200ms), ask(2, 100ms));  // takes 200 ms, not 300
    co_return http::Response::text(std::to_string(a + b) + "\n");
}

Task<http::Response> impatient(http::Request&) {
    const auto answer = co_await with_timeout(100ms, ask(42, 10s));
    co_return answer ? http::Response::text("in time\n")
                     : http::Response::error(504, "no answer within 100 ms");
}

int main(int argc, char** argv) {
    LoopGroup loops;
    http::Server server(loops);
    server.get("/both", both);
    server.get("/impatient", impatient);
    if (auto open = server.listen(argc > 1 ? argv[1] : ":8080"); !open) {
        return std::cerr << open.error().message << "\n", 1;
    }
    std::cout << "listening on " << server.addresses().front().text() << std::endl;
    return server.run();
}
