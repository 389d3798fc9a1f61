// A directory under a prefix, beside routes of one's own. Try: curl http://localhost:8080/files/
#include <corevent/http.h>

#include <iostream>

using namespace corevent;

int main(int argc, char** argv) {
    LoopGroup loops;
    http::Server server(loops);
    server.get("/", [](http::Request&) { return http::Response::redirect("/files/"); });
    if (auto served = server.files("/files", {.root = argc > 2 ? argv[2] : ".", .listing = true});
        !served) {
        return std::cerr << served.error().message << "\n", 1;
    }
    if (auto open = server.listen(argc > 1 ? argv[1] : ":8080"); !open) {
        return std::cerr << open.error().message << "\n", 1;
    }
    std::cout << "listening on " << server.addresses().front().text() << std::endl;
    return server.run();
}
