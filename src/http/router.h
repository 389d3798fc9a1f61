// Router: which handler answers a path and a method. Routes are added before the server starts;
// compile() turns them into a hash table of the literal paths and a tree of segments for the
// others. From then on it is constant: every loop looks up in it at once, without a lock or an
// allocation. It decodes nothing (paths arrive decoded) and calls no handler.
//
// The most specific pattern that knows the method wins: literal before {parameter} before
// {rest...}, decided segment by segment from the left. A parameter is one segment that is not
// empty; {rest...} is everything that is left and may be empty. HEAD is answered by GET where it
// has no route of its own. If patterns match but none knows the method, the union of their methods
// is the Allow of a 405, or the answer to OPTIONS.
#pragma once

#include <corevent/http/handler.h>

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace corevent::http {

/// One method of one pattern.
struct Route {
    Route(std::string method_name, std::string pattern_text, Handler work);

    std::string method;  ///< "" for any()
    std::string pattern;
    std::string activity;  ///< "GET /users/{id}", for stall reports; NUL-terminated by std::string
    Handler handler;
    std::vector<std::string> names;  ///< of the parameters, in the order of the pattern
};

inline constexpr std::size_t route_params_max = 16;

/// What a look-up found. Reused from request to request; `values` are views into the path that was
/// looked up.
struct RouteMatch {
    enum class Kind : std::uint8_t {
        found,
        no_path,    ///< 404, or what otherwise() says
        no_method,  ///< 405 with Allow
        options,    ///< OPTIONS of a known path without a route of its own: 204 with Allow
    };
    Kind kind = Kind::no_path;
    const Route* route = nullptr;
    std::uint32_t values_count = 0;
    std::array<std::string_view, route_params_max> values;
};

class Router {
public:
    Router();
    ~Router();
    Router(const Router&) = delete;
    Router& operator=(const Router&) = delete;

    /// An empty `method` stands for every method. Throws std::logic_error for a malformed pattern
    /// or method, and for one given twice.
    void add(std::string_view method, std::string_view pattern, Handler handler);
    void set_otherwise(Handler handler);
    const Route* otherwise() const noexcept { return otherwise_.get(); }

    /// Once, when all routes are there.
    void compile();

    /// `method` as h1 spells it; `path` decoded, beginning with '/'.
    void find(Method id, std::string_view method, std::string_view path,
              RouteMatch& match) const noexcept;

    /// Value of Allow for a path that has routes: "GET, HEAD, OPTIONS". Not on the request path:
    /// allocates.
    std::string allow(std::string_view path) const;
    /// The same over all routes, for `OPTIONS *`.
    std::string allow_anywhere() const;

private:
    struct Node;
    struct Methods;
    struct Search;

    const Methods* static_methods(std::string_view path) const noexcept;
    bool descend(const Node& node, std::string_view rest, Search& search) const noexcept;
    std::vector<const Methods*> all_matches(std::string_view path) const;
    Node& node_for(std::string_view pattern, Route& route);

    std::vector<std::unique_ptr<Route>> routes_;
    std::unique_ptr<Route> otherwise_;
    std::unique_ptr<Node> root_;
    std::vector<std::pair<std::string, std::unique_ptr<Methods>>> statics_;
    std::vector<std::uint32_t> table_;  ///< index into statics_ + 1, open addressing
    bool has_tree_ = false;
};

}  // namespace corevent::http
