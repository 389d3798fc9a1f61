// State without locks: each loop has its own. Try: curl http://localhost:8080/ (several times)
#include <corevent/http.h>

#include <iostream>
#include <map>
#include <string>

using namespace corevent;

struct Seen {
    std::map<std::string, unsigned> visits;  // by path; touched by one loop only
};

int main(int argc, char** argv) {
    LoopGroup loops;
    PerLoop<Seen> seen(loops);
    http::Server server(loops);
    server.get("/{path...}", [&seen](http::Request& request) {
        const unsigned visits = ++seen.local().visits[std::string(request.path())];
        return http::Response::text("visit " + std::to_string(visits) + " of " +
                                    std::string(request.path()) + " on loop " +
                                    std::to_string(request.loop().index()) + "\n");
    });
    if (auto open = server.listen(argc > 1 ? argv[1] : ":8080"); !open) {
        return std::cerr << open.error().message << "\n", 1;
    }
    std::cout << "listening on " << server.addresses().front().text() << std::endl;
    return server.run();
}
