#include "net/happy_order.h"

#include <corevent/connect.h>

#include <algorithm>
#include <string>

namespace corevent {

std::vector<Address> happy_order(std::span<const Address> addresses) {
    std::vector<Address> v6;
    std::vector<Address> others;
    std::vector<Address> v4;
    for (const Address& address : addresses) {
        const auto family = address.family();
        (family == Address::Family::ipv6   ? v6
         : family == Address::Family::ipv4 ? v4
                                           : others)
            .push_back(address);
    }
    std::vector<Address> order;
    for (std::size_t i = 0; i < std::max(v6.size(), v4.size()); ++i) {
        if (i < v6.size()) order.push_back(v6[i]);
        if (i < v4.size()) order.push_back(v4[i]);
    }
    order.insert(order.end(), others.begin(), others.end());
    return order;
}

namespace {

bool is_localhost(std::string_view host) {
    if (host.ends_with('.')) host.remove_suffix(1);
    std::string lower(host);
    std::ranges::transform(lower, lower.begin(), [](char c) {
        return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
    });
    return lower == "localhost" || lower.ends_with(".localhost");
}

}  // namespace

Outcome<std::vector<Address>> local_addresses(std::string_view text) {
    const std::size_t colon = text.rfind(':');
    if (colon != std::string_view::npos && is_localhost(text.substr(0, colon))) {
        const auto v6 = Address::parse("[::1]" + std::string(text.substr(colon)));
        if (!v6) return std::unexpected(v6.error());
        return std::vector<Address>{*v6, Address::loopback(v6->port())};
    }
    const auto address = Address::parse(text);
    if (!address) return std::unexpected(address.error());
    return std::vector<Address>{*address};
}

}  // namespace corevent
