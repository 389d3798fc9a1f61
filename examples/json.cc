// JSON with path parameters, a query and a body. Try: curl 'http://localhost:8080/users/7?name=Ada'
//                                                     curl -d '[1, 2]' http://localhost:8080/double
#include <corevent/http.h>

#include <iostream>
#include <string>

using namespace corevent;

int main(int argc, char** argv) {
    LoopGroup loops;
    http::Server server(loops);
    server.get("/users/{id}", [](http::Request& request) {
        const std::string name = request.query_value("name").value_or("nobody");
        if (name.find_first_of("\"\\") != std::string::npos) {
            return http::Response::error(400, "a name without quotes, please");
        }
        return http::Response::json("{\"id\": \"" + std::string(request.param("id")) +
                                    "\", \"name\": \"" + name + "\"}\n");
    });
    server.post("/double", [](http::Request& request) {  // the body is here already, at most
                                                         // body_bytes of it
        const std::string body(request.body());
        return http::Response::json("[" + body + ", " + body + "]\n", 201);
    });
    if (auto open = server.listen(argc > 1 ? argv[1] : ":8080"); !open) {
        return std::cerr << open.error().message << "\n", 1;
    }
    std::cout << "listening on " << server.addresses().front().text() << std::endl;
    return server.run();
}
