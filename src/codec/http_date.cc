#include "codec/http_date.h"

#include "codec/h1_chars.h"

#include <algorithm>
#include <array>
#include <cstring>

namespace corevent::http_date {
namespace {

constexpr std::int64_t day_seconds = 86400;
constexpr std::int64_t first_second = -62167219200;  // 0000-01-01 00:00:00
constexpr std::int64_t last_second = 253402300799;   // 9999-12-31 23:59:59

constexpr std::array<std::string_view, 7> weekdays{"Sunday",   "Monday", "Tuesday", "Wednesday",
                                                   "Thursday", "Friday", "Saturday"};
constexpr std::array<std::string_view, 12> months{"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                  "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};

struct Civil {
    std::int64_t year;
    unsigned month;  // 1-12
    unsigned day;    // 1-31
};

// Days are counted in eras of 400 years (146097 days) that begin on 1 March, so that the leap day
// is the last of a year.
constexpr std::int64_t era_days = 146097;
constexpr std::int64_t era_shift = 719468;  // from 0000-03-01 to 1970-01-01

constexpr std::int64_t days_from_civil(Civil date) noexcept {
    const std::int64_t year = date.year - (date.month <= 2 ? 1 : 0);
    const std::int64_t era = (year >= 0 ? year : year - 399) / 400;
    const auto year_of_era = static_cast<unsigned>(year - era * 400);
    const unsigned month_from_march = (date.month + 9) % 12;
    const unsigned day_of_year = (153 * month_from_march + 2) / 5 + date.day - 1;
    const unsigned day_of_era =
        year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year;
    return era * era_days + static_cast<std::int64_t>(day_of_era) - era_shift;
}

constexpr Civil civil_from_days(std::int64_t days) noexcept {
    days += era_shift;
    const std::int64_t era = (days >= 0 ? days : days - (era_days - 1)) / era_days;
    const auto day_of_era = static_cast<unsigned>(days - era * era_days);
    const unsigned year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const unsigned day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const unsigned month_from_march = (5 * day_of_year + 2) / 153;
    const unsigned month = month_from_march < 10 ? month_from_march + 3 : month_from_march - 9;
    const std::int64_t year =
        static_cast<std::int64_t>(year_of_era) + era * 400 + (month <= 2 ? 1 : 0);
    return {year, month, day_of_year - (153 * month_from_march + 2) / 5 + 1};
}

static_assert(days_from_civil({1970, 1, 1}) == 0 && days_from_civil({2000, 2, 29}) == 11016);
static_assert(civil_from_days(11016).month == 2 && civil_from_days(11016).day == 29);

constexpr unsigned month_length(std::int64_t year, unsigned month) noexcept {
    const bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    return month == 2                                              ? (leap ? 29 : 28)
           : month == 4 || month == 6 || month == 9 || month == 11 ? 30
                                                                   : 31;
}

void put_two(char* at, std::int64_t value) noexcept {
    at[0] = static_cast<char>('0' + value / 10);
    at[1] = static_cast<char>('0' + value % 10);
}

/// Takes pieces off the front; the first that does not fit makes all that follow fail.
class Reader {
public:
    explicit Reader(std::string_view text) noexcept : rest_(text) {}

    void literal(std::string_view text) noexcept {
        good_ = good_ && rest_.starts_with(text);
        drop(text.size());
    }

    unsigned number(std::size_t digits) noexcept {
        unsigned value = 0;
        good_ = good_ && rest_.size() >= digits &&
                h1::all_in_class(rest_.substr(0, digits), h1::class_digit);
        if (good_) {
            for (const char c : rest_.substr(0, digits)) {
                value = value * 10 + static_cast<unsigned>(c - '0');
            }
        }
        drop(digits);
        return value;
    }

    /// asctime's day: two places, the first a space or a digit.
    unsigned padded_day() noexcept {
        if (good_ && rest_.starts_with(' ')) {
            drop(1);
            return number(1);
        }
        return number(2);
    }

    unsigned month() noexcept {
        const auto found = std::ranges::find(months, rest_.substr(0, 3));
        good_ = good_ && found != months.end();
        drop(3);
        return static_cast<unsigned>(found - months.begin()) + 1;
    }

    void end() noexcept { good_ = good_ && rest_.empty(); }
    bool good() const noexcept { return good_; }

private:
    void drop(std::size_t count) noexcept { rest_.remove_prefix(std::min(count, rest_.size())); }

    std::string_view rest_;
    bool good_ = true;
};

struct Time {
    unsigned hour;
    unsigned minute;
    unsigned second;
};

Time read_time(Reader& reader) noexcept {
    Time time{};
    time.hour = reader.number(2);
    reader.literal(":");
    time.minute = reader.number(2);
    reader.literal(":");
    time.second = reader.number(2);
    return time;
}

std::optional<std::int64_t> seconds_of(const Reader& reader, Civil date, Time time) noexcept {
    if (!reader.good() || date.day < 1 || date.day > month_length(date.year, date.month) ||
        time.hour > 23 || time.minute > 59 || time.second > 60) {
        return std::nullopt;
    }
    return days_from_civil(date) * day_seconds + time.hour * 3600 + time.minute * 60 + time.second;
}

std::int64_t full_year(unsigned two_digits, std::int64_t now) noexcept {
    const std::int64_t clamped = std::clamp(now, first_second, last_second);
    const std::int64_t days = (clamped - first_second) / day_seconds + first_second / day_seconds;
    const std::int64_t this_year = civil_from_days(days).year;
    const std::int64_t year = this_year - this_year % 100 + two_digits;
    return year > this_year + 50 ? year - 100 : year;
}

/// Behind "Sun, ": "06 Nov 1994 08:49:37 GMT"
std::optional<std::int64_t> parse_fixdate(Reader reader) noexcept {
    Civil date{};
    date.day = reader.number(2);
    reader.literal(" ");
    date.month = reader.month();
    reader.literal(" ");
    date.year = reader.number(4);
    reader.literal(" ");
    const Time time = read_time(reader);
    reader.literal(" GMT");
    reader.end();
    return seconds_of(reader, date, time);
}

/// Behind "Sunday, ": "06-Nov-94 08:49:37 GMT"
std::optional<std::int64_t> parse_rfc850(Reader reader, std::int64_t now) noexcept {
    Civil date{};
    date.day = reader.number(2);
    reader.literal("-");
    date.month = reader.month();
    reader.literal("-");
    date.year = full_year(reader.number(2), now);
    reader.literal(" ");
    const Time time = read_time(reader);
    reader.literal(" GMT");
    reader.end();
    return seconds_of(reader, date, time);
}

/// Behind "Sun ": "Nov  6 08:49:37 1994"
std::optional<std::int64_t> parse_asctime(Reader reader) noexcept {
    Civil date{};
    date.month = reader.month();
    reader.literal(" ");
    date.day = reader.padded_day();
    reader.literal(" ");
    const Time time = read_time(reader);
    reader.literal(" ");
    date.year = reader.number(4);
    reader.end();
    return seconds_of(reader, date, time);
}

}  // namespace

void format(std::int64_t unix_seconds, char* out) noexcept {
    const std::int64_t since_first =
        std::clamp(unix_seconds, first_second, last_second) - first_second;
    const std::int64_t days = since_first / day_seconds + first_second / day_seconds;
    const std::int64_t second = since_first % day_seconds;
    const Civil date = civil_from_days(days);
    const auto weekday =
        static_cast<std::size_t>((days - first_second / day_seconds + 6) % 7);  // 0000-01-01:
                                                                                // Saturday
    std::memcpy(out, "Sun, 06 Nov 1994 08:49:37 GMT", length);
    std::memcpy(out, weekdays[weekday].data(), 3);
    put_two(out + 5, date.day);
    std::memcpy(out + 8, months[date.month - 1].data(), 3);
    put_two(out + 12, date.year / 100);
    put_two(out + 14, date.year % 100);
    put_two(out + 17, second / 3600);
    put_two(out + 20, second / 60 % 60);
    put_two(out + 23, second % 60);
}

std::optional<std::int64_t> parse(std::string_view text, std::int64_t now) noexcept {
    const auto day = std::ranges::find(weekdays, text.substr(0, 3),
                                       [](std::string_view name) { return name.substr(0, 3); });
    if (day == weekdays.end()) {
        return std::nullopt;
    }
    const std::string_view rest = text.substr(3);
    if (rest.starts_with(", ")) {
        return parse_fixdate(Reader(rest.substr(2)));
    }
    if (rest.starts_with(' ')) {
        return parse_asctime(Reader(rest.substr(1)));
    }
    if (text.starts_with(*day) && text.substr(day->size()).starts_with(", ")) {
        return parse_rfc850(Reader(text.substr(day->size() + 2)), now);
    }
    return std::nullopt;
}

}  // namespace corevent::http_date
