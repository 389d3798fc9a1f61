// A program of somebody else: sees the installed headers and library only. Listens on a free port and
// ends cleanly on SIGTERM.
#include <corevent/http.h>

#include <iostream>

int main() {
    corevent::LoopGroup loops;
    corevent::http::Server server(loops);
    server.get("/", [](corevent::http::Request&) {
        return corevent::http::Response::text("installed\n");
    });
    if (auto open = server.listen("127.0.0.1:0"); !open) {
        std::cerr << open.error().message << "\n";
        return 1;
    }
    std::cout << "listening on " << server.addresses().front().text() << std::endl;
    return server.run();
}
