#include "http/router.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace corevent::http {
namespace {

Response nothing(Request&) {
    return Response(204);
}

Method id_of(std::string_view name) {
    constexpr std::string_view names[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                          "CONNECT", "OPTIONS", "TRACE", "PATCH"};
    for (std::size_t i = 0; i < std::size(names); ++i) {
        if (names[i] == name) {
            return static_cast<Method>(i);
        }
    }
    return Method::other;
}

struct Found {
    std::string pattern;  ///< "" if none
    RouteMatch::Kind kind = RouteMatch::Kind::no_path;
    std::vector<std::string> values;
};

Found look_up(const Router& router, std::string_view method, std::string_view path) {
    RouteMatch match;
    router.find(id_of(method), method, path, match);
    Found found;
    found.kind = match.kind;
    if (match.route != nullptr) {
        found.pattern = match.route->method + " " + match.route->pattern;
        EXPECT_EQ(match.values_count, match.route->names.size());
    }
    for (std::uint32_t i = 0; i < match.values_count; ++i) {
        found.values.emplace_back(match.values[i]);
    }
    return found;
}

TEST(Router, TakesTheMostSpecificPattern) {
    Router router;
    for (const char* pattern :
         {"/", "/users", "/users/me", "/users/{id}", "/users/{id}/posts",
          "/users/{id}/posts/{post}", "/users/me/{rest...}", "/files/{path...}", "/{any}",
          "/a/{x}/c", "/a/b/{y}", "/{rest...}"}) {
        router.add("GET", pattern, nothing);
    }
    router.compile();
    struct Row {
        const char* path;
        const char* pattern;
        std::vector<std::string> values;
    };
    const Row rows[] = {
        {"/", "GET /", {}},
        {"/users", "GET /users", {}},
        {"/users/me", "GET /users/me", {}},
        {"/users/17", "GET /users/{id}", {"17"}},
        {"/users/17/posts", "GET /users/{id}/posts", {"17"}},
        {"/users/17/posts/4", "GET /users/{id}/posts/{post}", {"17", "4"}},
        {"/users/me/posts", "GET /users/me/{rest...}", {"posts"}},
        {"/users/me/", "GET /users/me/{rest...}", {""}},
        {"/users/", "GET /{rest...}", {"users/"}},  // a parameter is never empty
        {"/files/", "GET /files/{path...}", {""}},
        {"/files/a/b//c", "GET /files/{path...}", {"a/b//c"}},
        {"/files", "GET /{any}", {"files"}},
        {"/a/b/c", "GET /a/b/{y}", {"c"}},  // the literal nearest to the left decides
        {"/a/q/c", "GET /a/{x}/c", {"q"}},
        {"/a/b", "GET /{rest...}", {"a/b"}},
        {"/nothing/here", "GET /{rest...}", {"nothing/here"}},
        {"//", "GET /{rest...}", {"/"}},
    };
    for (const Row& row : rows) {
        const Found found = look_up(router, "GET", row.path);
        EXPECT_EQ(found.kind, RouteMatch::Kind::found) << row.path;
        EXPECT_EQ(found.pattern, row.pattern) << row.path;
        EXPECT_EQ(found.values, row.values) << row.path;
    }
}

TEST(Router, GoesBackWhenALiteralLeadsNowhere) {
    Router router;
    router.add("GET", "/a/b/x", nothing);
    router.add("GET", "/a/b/{p}/deep", nothing);
    router.add("GET", "/a/{p}/c", nothing);
    router.add("GET", "/{p}/b/c", nothing);
    router.compile();
    EXPECT_EQ(look_up(router, "GET", "/a/b/c").pattern, "GET /a/{p}/c");
    EXPECT_EQ(look_up(router, "GET", "/z/b/c").pattern, "GET /{p}/b/c");
    EXPECT_EQ(look_up(router, "GET", "/a/b/z/deep").pattern, "GET /a/b/{p}/deep");
    EXPECT_EQ(look_up(router, "GET", "/a/b/z").kind, RouteMatch::Kind::no_path);
}

TEST(Router, AnswersByMethod) {
    Router router;
    router.add("GET", "/item/{id}", nothing);
    router.add("PUT", "/item/{id}", nothing);
    router.add("POST", "/item/new", nothing);
    router.add("PROPFIND", "/item/{id}", nothing);
    router.add("HEAD", "/own", nothing);
    router.add("GET", "/own", nothing);
    router.add("", "/all", nothing);
    router.add("DELETE", "/all", nothing);
    router.compile();
    EXPECT_EQ(look_up(router, "GET", "/item/new").pattern, "GET /item/{id}");  // the literal knows
                                                                               // only POST
    EXPECT_EQ(look_up(router, "POST", "/item/new").pattern, "POST /item/new");
    EXPECT_EQ(look_up(router, "HEAD", "/item/1").pattern, "GET /item/{id}");
    EXPECT_EQ(look_up(router, "HEAD", "/own").pattern, "HEAD /own");
    EXPECT_EQ(look_up(router, "PROPFIND", "/item/1").pattern, "PROPFIND /item/{id}");
    EXPECT_EQ(look_up(router, "BREW", "/all").pattern, " /all");
    EXPECT_EQ(look_up(router, "DELETE", "/all").pattern, "DELETE /all");
    EXPECT_EQ(look_up(router, "OPTIONS", "/all").pattern, " /all");
    EXPECT_EQ(look_up(router, "POST", "/item/1").kind, RouteMatch::Kind::no_method);
    EXPECT_EQ(look_up(router, "BREW", "/item/1").kind, RouteMatch::Kind::no_method);
    EXPECT_EQ(look_up(router, "OPTIONS", "/item/1").kind, RouteMatch::Kind::options);
    EXPECT_EQ(look_up(router, "GET", "/nowhere").kind, RouteMatch::Kind::no_path);
    EXPECT_EQ(look_up(router, "OPTIONS", "/nowhere").kind, RouteMatch::Kind::no_path);
    EXPECT_EQ(router.allow("/item/1"), "GET, HEAD, PUT, OPTIONS, PROPFIND");
    EXPECT_EQ(router.allow("/item/new"), "GET, HEAD, POST, PUT, OPTIONS, PROPFIND");
    EXPECT_EQ(router.allow_anywhere(), "GET, HEAD, POST, PUT, DELETE, OPTIONS, PATCH, PROPFIND");
}

TEST(Router, RefusesMalformedPatterns) {
    for (const char* pattern :
         {"", "users", "/{}", "/{a", "/a}", "/x{a}", "/{a}x", "/{a.b}", "/{...}", "/{rest...}/more",
          "/{a}/{a}", "/../x", "/./x", "/{a b}", "/{..}"}) {
        Router router;
        EXPECT_THROW(router.add("GET", pattern, nothing), std::logic_error) << pattern;
    }
    Router router;
    EXPECT_THROW(router.add("G ET", "/", nothing), std::logic_error);
    std::string long_pattern;
    for (int i = 0; i < 17; ++i) {
        long_pattern += "/{p" + std::to_string(i) + "}";
    }
    EXPECT_THROW(router.add("GET", long_pattern, nothing), std::logic_error);
}

TEST(Router, RefusesWhatIsGivenTwice) {
    Router router;
    router.add("GET", "/a/{x}", nothing);
    router.add("POST", "/a/{y}", nothing);  // another method may name it otherwise
    router.add("GET", "/b", nothing);
    EXPECT_THROW(router.add("GET", "/a/{x}", nothing), std::logic_error);
    EXPECT_THROW(router.add("GET", "/a/{other}", nothing), std::logic_error);
    EXPECT_THROW(router.add("GET", "/b", nothing), std::logic_error);
    router.add("", "/b", nothing);
    EXPECT_THROW(router.add("", "/b", nothing), std::logic_error);
    router.compile();
    EXPECT_EQ(look_up(router, "POST", "/a/1").pattern, "POST /a/{y}");
}

TEST(Router, FindsEachOfManyLiteralRoutes) {
    Router router;
    for (int i = 0; i < 1000; ++i) {
        router.add("GET", "/route/number/" + std::to_string(i), nothing);
    }
    router.compile();
    for (int i = 0; i < 1000; ++i) {
        const std::string path = "/route/number/" + std::to_string(i);
        EXPECT_EQ(look_up(router, "GET", path).pattern, "GET " + path);
        EXPECT_EQ(look_up(router, "GET", path + "x").kind, RouteMatch::Kind::no_path);
    }
}

}  // namespace
}  // namespace corevent::http
