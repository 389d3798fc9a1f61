// Strings of <event2/util.h> that do not depend on the locale. Any thread.
#include <event2/util.h>

#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <ctime>

namespace corevent::compat {
namespace {

/// Octets above 127 sort below all others, since char has a sign here.
int lower(char c) noexcept {
    return c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c;
}

}  // namespace
}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

int evutil_ascii_strncasecmp(const char* str1, const char* str2, size_t n) {
    for (; n > 0; --n, ++str1, ++str2) {
        const int a = lower(*str1);
        const int b = lower(*str2);
        if (a != b) {
            return a < b ? -1 : 1;
        }
        if (a == '\0') {
            break;
        }
    }
    return 0;
}

int evutil_ascii_strcasecmp(const char* str1, const char* str2) {
    return evutil_ascii_strncasecmp(str1, str2, SIZE_MAX);
}

ev_int64_t evutil_strtoll(const char* s, char** endptr, int base) {
    return std::strtoll(s, endptr, base);
}

int evutil_vsnprintf(char* buf, size_t buflen, const char* format, va_list ap) {
    return buflen == 0 ? 0 : std::vsnprintf(buf, buflen, format, ap);
}

int evutil_snprintf(char* buf, size_t buflen, const char* format, ...) {
    va_list ap;
    va_start(ap, format);
    const int length = evutil_vsnprintf(buf, buflen, format, ap);
    va_end(ap);
    return length;
}

int evutil_date_rfc1123(char* date, const size_t datelen, const struct tm* tm) {
    static constexpr const char* days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static constexpr const char* months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                             "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    std::tm now;
    if (tm == nullptr) {
        const std::time_t t = std::time(nullptr);
        tm = gmtime_r(&t, &now);
    }
    return evutil_snprintf(date, datelen, "%s, %02d %s %4d %02d:%02d:%02d GMT", days[tm->tm_wday],
                           tm->tm_mday, months[tm->tm_mon], 1900 + tm->tm_year, tm->tm_hour,
                           tm->tm_min, tm->tm_sec);
}

}  // extern "C"
