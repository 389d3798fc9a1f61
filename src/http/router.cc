#include "http/router.h"

#include "base/assert.h"
#include "codec/h1_writer.h"

#include <algorithm>
#include <bit>
#include <cstring>
#include <stdexcept>

namespace corevent::http {
namespace {

constexpr std::string_view method_names[] = {"GET",     "HEAD",    "POST",  "PUT",  "DELETE",
                                             "CONNECT", "OPTIONS", "TRACE", "PATCH"};
constexpr std::size_t known_methods = std::size(method_names);

Method method_id(std::string_view name) noexcept {
    const auto found = std::ranges::find(method_names, name);
    return found == std::end(method_names) ? Method::other
                                           : static_cast<Method>(found - std::begin(method_names));
}

/// Eight octets a step. The keys are the program's own routes, so no peer can choose what collides
/// with what.
std::uint64_t hash_path(std::string_view path) noexcept {
    constexpr std::uint64_t factor = 0x9E3779B97F4A7C15ULL;
    std::uint64_t hash = path.size() * factor;
    const char* p = path.data();
    std::size_t left = path.size();
    std::uint64_t word = 0;
    for (; left >= 8; left -= 8, p += 8) {
        std::memcpy(&word, p, 8);
        hash = (std::rotl(hash, 23) ^ word) * factor;
    }
    if (left != 0) {
        word = 0;
        std::memcpy(&word, p, left);
        hash = (std::rotl(hash, 23) ^ word) * factor;
    }
    return hash ^ (hash >> 32);
}

[[noreturn]] void malformed(std::string_view pattern, std::string_view why) {
    throw std::logic_error("route \"" + std::string(pattern) + "\": " + std::string(why));
}

bool is_parameter(std::string_view segment) noexcept {
    return segment.starts_with('{');
}

void check_parameter(std::string_view pattern, std::string_view segment, bool last) {
    if (!segment.ends_with('}')) {
        malformed(pattern, "a parameter is a whole segment: /{name}/");
    }
    std::string_view name = segment.substr(1, segment.size() - 2);
    if (name.ends_with("...")) {
        if (!last) {
            malformed(pattern, "{rest...} can only be the last segment");
        }
        name.remove_suffix(3);
    }
    const auto plain = [](char c) {
        return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
               c == '_';
    };
    if (name.empty() || !std::ranges::all_of(name, plain)) {
        malformed(pattern, "a parameter's name is letters, digits and '_'");
    }
}

/// Calls `use(segment, last)` for what stands between the slashes.
template <class F>
void for_each_segment(std::string_view path, F&& use) {
    std::string_view rest = path.substr(1);
    for (;;) {
        const std::size_t slash = rest.find('/');
        const bool last = slash == std::string_view::npos;
        use(rest.substr(0, slash), last);
        if (last) {
            return;
        }
        rest.remove_prefix(slash + 1);
    }
}

bool check_pattern(std::string_view pattern) {
    if (!pattern.starts_with('/')) {
        malformed(pattern, "a pattern begins with '/'");
    }
    bool literal = true;
    std::vector<std::string_view> names;
    for_each_segment(pattern, [&](std::string_view segment, bool last) {
        if (segment == "." || segment == "..") {
            malformed(pattern, "paths are matched without . and .. segments");
        }
        if (is_parameter(segment)) {
            check_parameter(pattern, segment, last);
            const std::string_view name = segment.substr(1, segment.find_first_of(".}") - 1);
            if (std::ranges::find(names, name) != names.end()) {
                malformed(pattern, "a parameter's name is used twice");
            }
            names.push_back(name);
            literal = false;
        } else if (segment.find_first_of("{}") != std::string_view::npos) {
            malformed(pattern, "a parameter is a whole segment: /{name}/");
        }
    });
    if (names.size() > route_params_max) {
        malformed(pattern, "too many parameters");
    }
    return literal;
}

}  // namespace

Route::Route(std::string method_name, std::string pattern_text, Handler work)
    : method(std::move(method_name)),
      pattern(std::move(pattern_text)),
      activity((method.empty() ? "*" : method) + " " + pattern),
      handler(std::move(work)) {}

/// The routes of one pattern (or of patterns that differ in the names of their parameters only).
struct Router::Methods {
    std::array<const Route*, known_methods> known{};
    std::vector<const Route*> others;
    const Route* any = nullptr;

    bool empty() const noexcept {
        return any == nullptr && others.empty() &&
               std::ranges::all_of(known, [](auto* r) { return r == nullptr; });
    }
    const Route*& slot(std::string_view method) {
        if (method.empty()) {
            return any;
        }
        if (const Method id = method_id(method); id != Method::other) {
            return known[static_cast<std::size_t>(id)];
        }
        const auto found = std::ranges::find(others, method, [](const Route* r) {
            return std::string_view(r->method);
        });
        return found != others.end() ? *found : others.emplace_back(nullptr);
    }
    const Route* find(Method id, std::string_view method) const noexcept {
        if (id != Method::other) {
            const Route* route = known[static_cast<std::size_t>(id)];
            if (route == nullptr && id == Method::head) {
                route = known[static_cast<std::size_t>(Method::get)];
            }
            return route != nullptr ? route : any;
        }
        for (const Route* route : others) {
            if (route->method == method) {
                return route;
            }
        }
        return any;
    }
};

struct Router::Node {
    std::vector<std::pair<std::string, std::unique_ptr<Node>>> literals;  ///< sorted by text
    std::unique_ptr<Node> parameter;
    std::unique_ptr<Methods> rest;
    Methods methods;

    const Node* literal(std::string_view segment) const noexcept {
        const auto found = std::ranges::lower_bound(literals, segment, {}, [](const auto& item) {
            return std::string_view(item.first);
        });
        return found != literals.end() && found->first == segment ? found->second.get() : nullptr;
    }
};

struct Router::Search {
    Method id;
    std::string_view method;
    RouteMatch& match;
    bool path_known = false;
    std::uint32_t depth = 0;  ///< parameters taken so far
    std::vector<const Methods*>* all = nullptr;

    bool take(const Methods& methods) noexcept {
        if (methods.empty()) {
            return false;
        }
        path_known = true;
        if (all != nullptr) {
            all->push_back(&methods);
            return false;
        }
        match.route = methods.find(id, method);
        match.values_count = depth;
        return match.route != nullptr;
    }
};

Router::Router() : root_(std::make_unique<Node>()) {}
Router::~Router() = default;

void Router::set_otherwise(Handler handler) {
    otherwise_ = std::make_unique<Route>("", "otherwise", std::move(handler));
    otherwise_->activity = "otherwise";
}

Router::Node& Router::node_for(std::string_view pattern, Route& route) {
    Node* node = root_.get();
    for_each_segment(pattern, [&](std::string_view segment, bool) {
        if (!is_parameter(segment)) {
            auto& children = node->literals;
            const auto place =
                std::ranges::lower_bound(children, segment, {}, [](const auto& item) {
                    return std::string_view(item.first);
                });
            if (place == children.end() || place->first != segment) {
                node = children.emplace(place, std::string(segment), std::make_unique<Node>())
                           ->second.get();
            } else {
                node = place->second.get();
            }
            return;
        }
        route.names.emplace_back(segment.substr(1, segment.find_first_of(".}") - 1));
        if (segment.ends_with("...}")) {
            if (node->rest == nullptr) {
                node->rest = std::make_unique<Methods>();
            }
            return;
        }
        if (node->parameter == nullptr) {
            node->parameter = std::make_unique<Node>();
        }
        node = node->parameter.get();
    });
    return *node;
}

void Router::add(std::string_view method, std::string_view pattern, Handler handler) {
    if (!method.empty() && !h1::valid_field_name(method)) {
        malformed(pattern, "\"" + std::string(method) + "\" is no method");
    }
    const bool literal = check_pattern(pattern);
    auto route =
        std::make_unique<Route>(std::string(method), std::string(pattern), std::move(handler));
    Methods* methods = nullptr;
    if (literal) {
        const auto found = std::ranges::find(statics_, pattern, [](const auto& item) {
            return std::string_view(item.first);
        });
        methods = found != statics_.end()
                      ? found->second.get()
                      : statics_.emplace_back(std::string(pattern), std::make_unique<Methods>())
                            .second.get();
    } else {
        Node& node = node_for(pattern, *route);
        methods = pattern.ends_with("...}") ? node.rest.get() : &node.methods;
        has_tree_ = true;
    }
    const Route*& slot = methods->slot(method);
    if (slot != nullptr) {
        malformed(pattern,
                  slot->pattern == pattern
                      ? "given twice for " + (method.empty() ? "any method" : std::string(method))
                      : "matches the same paths as \"" + slot->pattern + "\"");
    }
    slot = route.get();
    routes_.push_back(std::move(route));
}

void Router::compile() {
    const std::size_t size = std::bit_ceil(statics_.size() * 2 + 1);
    table_.assign(size, 0);
    for (std::size_t i = 0; i < statics_.size(); ++i) {
        std::size_t at = hash_path(statics_[i].first) & (size - 1);
        while (table_[at] != 0) {
            at = (at + 1) & (size - 1);
        }
        table_[at] = static_cast<std::uint32_t>(i + 1);
    }
}

const Router::Methods* Router::static_methods(std::string_view path) const noexcept {
    CE_DCHECK(!table_.empty());
    const std::size_t mask = table_.size() - 1;
    for (std::size_t at = hash_path(path) & mask; table_[at] != 0; at = (at + 1) & mask) {
        const auto& [text, methods] = statics_[table_[at] - 1];
        if (text == path) {
            return methods.get();
        }
    }
    return nullptr;
}

/// `rest` is what stands behind the slash that leads to this node's children.
bool Router::descend(const Node& node, std::string_view rest, Search& search) const noexcept {
    const std::size_t slash = rest.find('/');
    const bool last = slash == std::string_view::npos;
    const std::string_view segment = rest.substr(0, slash);
    const auto into = [&](const Node& child) {
        return last ? search.take(child.methods) : descend(child, rest.substr(slash + 1), search);
    };
    if (const Node* child = node.literal(segment); child != nullptr && into(*child)) {
        return true;
    }
    const std::uint32_t depth = search.depth;
    if (node.parameter != nullptr && !segment.empty()) {
        search.match.values[search.depth++] = segment;
        if (into(*node.parameter)) {
            return true;
        }
        search.depth = depth;
    }
    if (node.rest != nullptr) {
        search.match.values[search.depth++] = rest;
        if (search.take(*node.rest)) {
            return true;
        }
        search.depth = depth;
    }
    return false;
}

void Router::find(Method id, std::string_view method, std::string_view path,
                  RouteMatch& match) const noexcept {
    const Methods* literal = static_methods(path);
    if (literal != nullptr) {
        match.route = literal->find(id, method);
        if (match.route != nullptr) {
            match.values_count = 0;
            match.kind = RouteMatch::Kind::found;
            return;
        }
    }
    Search search{id, method, match};
    search.path_known = literal != nullptr;
    if (has_tree_ && !path.empty() && descend(*root_, path.substr(1), search)) {
        match.kind = RouteMatch::Kind::found;
        return;
    }
    match.route = nullptr;
    match.values_count = 0;
    match.kind = !search.path_known      ? RouteMatch::Kind::no_path
                 : id == Method::options ? RouteMatch::Kind::options
                                         : RouteMatch::Kind::no_method;
}

std::vector<const Router::Methods*> Router::all_matches(std::string_view path) const {
    std::vector<const Methods*> all;
    if (const Methods* literal = static_methods(path)) {
        all.push_back(literal);
    }
    RouteMatch match;
    Search search{Method::other, {}, match};
    search.all = &all;
    descend(*root_, path.substr(1), search);
    return all;
}

namespace {

void add_name(std::string& list, std::string_view name) {
    if (!list.empty()) {
        list += ", ";
    }
    list += name;
}

/// `has(i)` for the known methods; names of other methods follow.
template <class Has>
std::string allow_list(Has&& has, const std::vector<std::string_view>& others) {
    std::string list;
    for (std::size_t i = 0; i < known_methods; ++i) {
        const auto id = static_cast<Method>(i);
        if (has(id) || (id == Method::head && has(Method::get)) || id == Method::options) {
            add_name(list, method_names[i]);
        }
    }
    for (const std::string_view name : others) {
        add_name(list, name);
    }
    return list;
}

}  // namespace

std::string Router::allow(std::string_view path) const {
    const std::vector<const Methods*> matches = all_matches(path);
    std::vector<std::string_view> others;
    for (const Methods* methods : matches) {
        for (const Route* route : methods->others) {
            if (std::ranges::find(others, route->method) == others.end()) {
                others.emplace_back(route->method);
            }
        }
    }
    return allow_list(
        [&](Method id) {
            return std::ranges::any_of(matches, [&](const Methods* m) {
                return m->known[static_cast<std::size_t>(id)] != nullptr;
            });
        },
        others);
}

std::string Router::allow_anywhere() const {
    std::vector<std::string_view> others;
    bool any = false;
    for (const auto& route : routes_) {
        any = any || route->method.empty();
        if (!route->method.empty() && method_id(route->method) == Method::other &&
            std::ranges::find(others, route->method) == others.end()) {
            others.emplace_back(route->method);
        }
    }
    return allow_list(
        [&](Method id) {
            return (any && id != Method::connect && id != Method::trace) ||
                   std::ranges::any_of(routes_, [&](const auto& route) {
                       return method_id(route->method) == id;
                   });
        },
        others);
}

}  // namespace corevent::http
