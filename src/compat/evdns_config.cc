// Options, search domains, and resolv.conf.
#include "compat/evdns_base.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdlib>
#include <limits>
#include <optional>

namespace corevent::compat::evdns {
namespace {

constexpr std::size_t config_bytes_max = 1U << 20;  ///< of resolv.conf
constexpr std::string_view blanks = " \t";

enum ParseError : int {
    opening = 1,
    examining = 2,
    too_large = 3,
    no_memory = 4,
    reading = 5,
    no_server = 6
};

/// A number that is none gives nothing; one out of range is moved into it.
std::optional<int> number_in(const char* text, int least, int most) noexcept {
    char* end = nullptr;
    const long value = std::strtol(text, &end, 10);
    if (*end != '\0' || value < 0) {
        return std::nullopt;
    }
    return static_cast<int>(std::clamp(value, long{least}, long{most}));
}

/// Seconds with a fraction, at least a millisecond.
std::optional<timeval> seconds_in(const char* text) noexcept {
    constexpr double longest = 1e9;
    char* end = nullptr;
    const double value = std::strtod(text, &end);
    if (*end != '\0' || end == text || !(value >= 0.001)) {
        return std::nullopt;
    }
    const double bounded = std::min(value, longest);
    const double whole = std::floor(bounded);
    return timeval{static_cast<time_t>(whole), static_cast<suseconds_t>((bounded - whole) * 1e6)};
}

bool set_number(int& option, const char* text, int least, int most) noexcept {
    const auto value = number_in(text, least, most);
    option = value.value_or(option);
    return value.has_value();
}

bool set_seconds(timeval& option, const char* text) noexcept {
    const auto value = seconds_in(text);
    option = value.value_or(option);
    return value.has_value();
}

bool set_bind_address(Options& options, const char* text) noexcept {
    sockaddr_storage address{};
    int length = sizeof(address);
    if (evutil_parse_sockaddr_port(text, reinterpret_cast<sockaddr*>(&address), &length) != 0) {
        return false;
    }
    options.bind_to = address;
    options.bind_length = static_cast<ev_socklen_t>(length);
    return true;
}

/// The list for changing: requests that search keep the one they began with.
SearchList& own_search(evdns_base& base) {
    auto copy = std::make_shared<SearchList>(*base.search);
    SearchList& list = *copy;
    base.search = std::move(copy);
    return list;
}

void set_ndots(evdns_base& base, int ndots) {
    own_search(base).ndots = std::max(ndots, 0);
}

std::string_view without_leading_dots(std::string_view domain) noexcept {
    return domain.substr(std::min(domain.find_first_not_of('.'), domain.size()));
}

/// Sets one option of those that `flags` (DNS_OPTION_*) let through; false if the value is none.
bool set_option(evdns_base& base, std::string_view name, const char* value, int flags) {
    Options& options = base.options;
    name = name.substr(0, name.find(':'));
    if (name == "ndots") {
        const auto ndots = number_in(value, 0, 255);
        if (ndots && (flags & DNS_OPTION_SEARCH) != 0) {
            set_ndots(base, *ndots);
        }
        return ndots.has_value();
    }
    if ((flags & DNS_OPTION_MISC) == 0) {
        return true;
    }
    if (name == "timeout") return set_seconds(options.timeout, value);
    if (name == "getaddrinfo-allow-skew") return set_seconds(options.skew, value);
    if (name == "initial-probe-timeout") return set_seconds(options.probe, value);
    if (name == "max-timeouts") return set_number(options.timeouts_max, value, 1, 255);
    if (name == "max-inflight") return set_number(options.inflight_max, value, 1, 65000);
    if (name == "attempts") return set_number(options.attempts, value, 1, 255);
    if (name == "so-rcvbuf") return set_number(options.receive_buffer, value, 0, INT_MAX);
    if (name == "so-sndbuf") return set_number(options.send_buffer, value, 0, INT_MAX);
    if (name == "bind-to") return set_bind_address(options, value);
    if (name == "randomize-case") {
        const auto on = number_in(value, 0, 1);
        options.random_case = on.value_or(options.random_case ? 1 : 0) != 0;
        return on.has_value();
    }
    if (name == "edns-udp-size") {
        const bool good = set_number(options.udp_bytes, value, 512, 65535);
        base.receive.resize(std::max(receive_bytes_min,
                                     static_cast<std::size_t>(options.udp_bytes)));
        return good;
    }
    return true;
}

std::string_view take_word(std::string_view& line) noexcept {
    line.remove_prefix(std::min(line.find_first_not_of(blanks), line.size()));
    const std::string_view word = line.substr(0, line.find_first_of(blanks));
    line.remove_prefix(word.size());
    return word;
}

void take_line(evdns_base& base, std::string_view line, int flags) {
    const std::string_view directive = take_word(line);
    std::string_view word = take_word(line);
    if (word.empty()) {
        return;
    }
    if (directive == "nameserver" && (flags & DNS_OPTION_NAMESERVERS) != 0) {
        evdns_base_nameserver_ip_add(&base, std::string(word).c_str());
    } else if (directive == "domain" && (flags & DNS_OPTION_SEARCH) != 0) {
        own_search(base).domains.assign(1, std::string(without_leading_dots(word)));
    } else if (directive == "search" && (flags & DNS_OPTION_SEARCH) != 0) {
        SearchList& list = own_search(base);
        list.domains.clear();
        for (; !word.empty(); word = take_word(line)) {
            list.domains.emplace_back(without_leading_dots(word));
        }
    } else if (directive == "options") {
        for (; !word.empty(); word = take_word(line)) {
            const std::size_t colon = word.find(':');
            const std::string value(colon == std::string_view::npos ? "" : word.substr(colon + 1));
            set_option(base, word, value.c_str(), flags);
        }
    }
}

/// Without a search list the domain of this host is searched, as resolv.conf(5) has it.
void search_own_domain(evdns_base& base) {
    char host[256] = "";
    if (gethostname(host, sizeof(host) - 1) != 0) {
        return;
    }
    const std::string_view name = host;
    const std::size_t dot = name.find('.');
    if (dot != std::string_view::npos) {
        const std::string_view domain = without_leading_dots(name.substr(dot));
        if (!domain.empty()) {
            own_search(base).domains.assign(1, std::string(domain));
        }
    }
}

/// The whole file, or a ParseError.
int read_file(const char* path, std::string& out) {
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return opening;
    }
    struct stat st{};
    int error = fstat(fd, &st) != 0 || S_ISDIR(st.st_mode) ? examining : 0;
    while (error == 0) {
        char piece[4096];
        const ssize_t size = read(fd, piece, sizeof(piece));
        if (size == 0) {
            break;
        }
        if (size < 0) {
            error = errno == EINTR ? 0 : reading;
        } else if (out.size() + static_cast<std::size_t>(size) > config_bytes_max) {
            error = too_large;
        } else {
            out.append(piece, static_cast<std::size_t>(size));
        }
    }
    close(fd);
    return error;
}

/// What holds when there is no file to read.
void set_defaults(evdns_base& base, int flags) {
    if ((flags & DNS_OPTION_SEARCH) != 0 && base.search->domains.empty()) {
        search_own_domain(base);
    }
    if ((flags & DNS_OPTION_NAMESERVERS) != 0 && (flags & DNS_OPTION_NAMESERVERS_NO_DEFAULT) == 0) {
        evdns_base_nameserver_ip_add(&base, "127.0.0.1");
    }
}

int parse(evdns_base& base, int flags, const char* path) {
    if ((flags & DNS_OPTION_HOSTSFILE) != 0) {
        evdns_base_load_hosts(&base, "/etc/hosts");
    }
    std::string text;
    if (const int error = path == nullptr ? opening : read_file(path, text); error != 0) {
        if (error == opening) {
            set_defaults(base, flags);
        }
        return error;
    }
    for (std::string_view rest = text; !rest.empty();) {
        const std::size_t end = std::min(rest.find('\n'), rest.size());
        take_line(base, rest.substr(0, end), flags);
        rest.remove_prefix(std::min(end + 1, rest.size()));
    }
    if ((flags & DNS_OPTION_SEARCH) != 0 && base.search->domains.empty()) {
        search_own_domain(base);
    }
    constexpr int mask = DNS_OPTION_NAMESERVERS | DNS_OPTION_NAMESERVERS_NO_DEFAULT;
    if (base.servers.empty() && (flags & mask) == DNS_OPTION_NAMESERVERS) {
        evdns_base_nameserver_ip_add(&base, "127.0.0.1");
        return no_server;
    }
    return 0;
}

}  // namespace
}  // namespace corevent::compat::evdns

using namespace corevent::compat;
using namespace corevent::compat::evdns;

extern "C" {

int evdns_base_set_option(evdns_base* base, const char* option, const char* val) {
    const LockGuard guard(base->lock);
    return guarded([&] { return set_option(*base, option, val, DNS_OPTIONS_ALL); }, false) ? 0 : -1;
}

int evdns_base_resolv_conf_parse(evdns_base* base, int flags, const char* const filename) {
    const LockGuard guard(base->lock);
    return guarded([&] { return parse(*base, flags, filename); }, int{no_memory});
}

void evdns_base_search_clear(evdns_base* base) {
    const LockGuard guard(base->lock);
    guarded([&] { return own_search(*base) = SearchList{}, true; }, false);
}

void evdns_base_search_add(evdns_base* base, const char* domain) {
    const LockGuard guard(base->lock);
    guarded(
        [&] {
            SearchList& list = own_search(*base);
            list.domains.emplace(list.domains.begin(), without_leading_dots(domain));
            return true;
        },
        false);
}

void evdns_base_search_ndots_set(evdns_base* base, const int ndots) {
    const LockGuard guard(base->lock);
    guarded([&] { return set_ndots(*base, ndots), true; }, false);
}

}  // extern "C"
