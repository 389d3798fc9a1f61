#include "http/exchange.h"
#include "http/request_access.h"
#include "http/server_loop.h"
#include "http/static_files.h"

namespace corevent::http {

Response StaticFiles::serve(Request& request, std::string_view path) {
    const Exchange& exchange = RequestAccess::exchange(request);
    ServerLoop& loop = exchange.loop();
    const Method method = request.method();
    if (method != Method::get && method != Method::head)
        return Response::error(405).header("Allow", "GET, HEAD");
    StaticRequest what{.head = exchange.head(),
                       .is_head = method == Method::head,
                       .loopback = options_.listing_loopback_only && exchange.peer().is_loopback(),
                       .full_path = exchange.path(),
                       .query = exchange.query(),
                       .now_ms = loop.loop.now_ms()};
    Response response = answer(loop.index, what, path);
    if (what.ranges_cut != 0) {
        loop.fired(Limit::ranges, "GET " + std::string(exchange.path()) + ": " +
                                      std::to_string(what.ranges_cut) + " ranges > ranges " +
                                      std::to_string(ranges_max_) + ", the whole file is sent");
    }
    return response;
}

}  // namespace corevent::http
