// The hosts file: names with fixed addresses, for evdns_getaddrinfo alone.
#include "compat/evdns_base.h"

#include <algorithm>
#include <cstring>
#include <fstream>

namespace corevent::compat::evdns {
namespace {

constexpr std::size_t entries_max = 1U << 20;

std::string_view take_word(std::string_view& line) noexcept {
    constexpr std::string_view blanks = " \t\r";
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

in_port_t port_of(const sockaddr_storage& address) noexcept {
    return address.ss_family == AF_INET
               ? reinterpret_cast<const sockaddr_in*>(&address)->sin_port
               : reinterpret_cast<const sockaddr_in6*>(&address)->sin6_port;
}

/// A line whose first word is no plain address is passed by.
void take_line(evdns_base& base, std::string_view line) {
    line = line.substr(0, line.find('#'));
    const std::string address(take_word(line));
    HostEntry entry{};
    int length = sizeof(entry.address);
    if (address.empty() ||
        evutil_parse_sockaddr_port(address.c_str(), reinterpret_cast<sockaddr*>(&entry.address),
                                   &length) != 0 ||
        port_of(entry.address) != 0) {
        return;
    }
    entry.length = static_cast<ev_socklen_t>(length);
    for (std::string_view name = take_word(line); !name.empty(); name = take_word(line)) {
        if (base.hosts.size() == entries_max) {
            return;
        }
        entry.name = name;
        base.hosts.push_back(entry);
    }
}

int load(evdns_base& base, const char* path) {
    std::ifstream file;
    if (path != nullptr) {
        file.open(path);
    }
    if (!file.is_open()) {
        take_line(base, "127.0.0.1 localhost");
        take_line(base, "::1 localhost");
        return path == nullptr ? 0 : -1;
    }
    for (std::string line; std::getline(file, line);) {
        take_line(base, line);
    }
    return 0;
}

}  // namespace

const HostEntry* find_host(const evdns_base& base, std::string_view name,
                           std::size_t& at) noexcept {
    while (at < base.hosts.size()) {
        const HostEntry& entry = base.hosts[at++];
        if (dns::equal_names(entry.name, name)) {
            return &entry;
        }
    }
    return nullptr;
}

}  // namespace corevent::compat::evdns

using namespace corevent::compat;
using namespace corevent::compat::evdns;

extern "C" {

int evdns_base_load_hosts(evdns_base* base, const char* hosts_fname) {
    const LockGuard guard(base->lock);
    return guarded([&] { return load(*base, hosts_fname); }, -1);
}

void evdns_base_clear_host_addresses(evdns_base* base) {
    const LockGuard guard(base->lock);
    base->hosts.clear();
}

}  // extern "C"
