// The smallest server: one route, a loop on every core. Try: curl http://localhost:8080/
#include <corevent/http.h>

#include <iostream>

using namespace corevent;

int main(int argc, char** argv) {
    LoopGroup loops;
    http::Server server(loops);
    server.get("/", [](http::Request&) { return http::Response::text("Hello, World!\n"); });
    if (auto open = server.listen(argc > 1 ? argv[1] : ":8080"); !open) {
        return std::cerr << open.error().message << "\n", 1;
    }
    std::cout << "listening on " << server.addresses().front().text() << std::endl;
    return server.run();
}
