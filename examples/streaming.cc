// Bodies in pieces, both ways, in bounded memory. Try: curl -N http://localhost:8080/lines/1000000
//                                                      curl -T FILE http://localhost:8080/upload
#include <corevent/http.h>

#include <charconv>
#include <iostream>
#include <string>

using namespace corevent;

Task<> lines(http::Request& request, http::ResponseWriter& writer) {
    const std::string_view text = request.param("count");
    unsigned count = 0;
    std::from_chars(text.data(), text.data() + text.size(), count);
    writer.header("content-type", "text/plain");
    for (unsigned i = 1; i <= count; ++i) {
        const std::string line = "line " + std::to_string(i) + "\n";
        if (!co_await writer.write(line)) {  // waits while the reader is slow; fails when it has
                                             // gone
            co_return;
        }
    }
}

Task<http::Response> upload(http::Request& request) {
    std::size_t octets = 0;
    for (;;) {
        const auto piece = co_await request.read();  // pauses a sender that is faster than this
                                                     // loop
        if (!piece) {
            co_return http::Response::error(400, piece.error().message());
        }
        if (piece->empty()) {
            co_return http::Response::text(std::to_string(octets) + " octets\n");
        }
        octets += piece->size();
    }
}

int main(int argc, char** argv) {
    LoopGroup loops;
    http::Server server(loops);
    server.get("/lines/{count}", lines);
    server.put("/upload", upload);
    if (auto open = server.listen(argc > 1 ? argv[1] : ":8080"); !open) {
        return std::cerr << open.error().message << "\n", 1;
    }
    std::cout << "listening on " << server.addresses().front().text() << std::endl;
    return server.run();
}
