// Work that blocks or computes leaves the loop and comes home to it. Try: curl
// http://localhost:8080/primes/2000000
#include <corevent/http.h>

#include <charconv>
#include <iostream>
#include <string>

using namespace corevent;

unsigned count_primes(unsigned below) {
    unsigned count = 0;
    for (unsigned n = 2; n < below; ++n) {
        bool prime = true;
        for (unsigned d = 2; d <= n / d && prime; ++d) {
            prime = n % d != 0;
        }
        count += prime;
    }
    return count;
}

Task<http::Response> primes(http::Request& request) {
    const std::string_view text = request.param("below");
    unsigned below = 0;
    std::from_chars(text.data(), text.data() + text.size(), below);
    const auto work = [below] { return count_primes(below); };  // captures must be trivial: it
                                                                // changes threads
    const auto count = co_await offload(work);
    if (!count) {  // the queue is full
        co_return http::Response::error(503, count.error().message());
    }
    co_return http::Response::text(std::to_string(*count) + "\n");
}

int main(int argc, char** argv) {
    LoopGroup loops;
    http::Server server(loops);
    server.get("/primes/{below}", primes);
    if (auto open = server.listen(argc > 1 ? argv[1] : ":8080"); !open) {
        return std::cerr << open.error().message << "\n", 1;
    }
    std::cout << "listening on " << server.addresses().front().text() << std::endl;
    return server.run();
}
