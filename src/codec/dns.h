// DNS messages (RFC 1035 4, EDNS of RFC 6891, AAAA of RFC 3596): a Reader over received octets and a
// Writer into a buffer of the caller. Values in, values out, no allocation; each object is used by
// one thread at a time. It knows the wire only: which reply belongs to which query, time, retries and
// sockets are the resolver's business.
//
// Names are texts with dots between the labels and none at the end, the root is "". Octets are kept
// as they are, case included.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

namespace corevent::dns {

inline constexpr std::size_t header_bytes = 12;
inline constexpr std::size_t label_bytes_max = 63;       ///< RFC 1035 2.3.4
inline constexpr std::size_t name_wire_bytes_max = 255;  ///< with length octets and the root
inline constexpr std::size_t name_text_bytes_max = 253;  ///< the same name as a text
inline constexpr std::size_t udp_bytes_max = 512;        ///< a UDP message without EDNS

/// Types this project names; any other value may be carried as well.
enum class Type : std::uint16_t {
    a = 1,
    ns = 2,
    cname = 5,
    soa = 6,
    ptr = 12,
    mx = 15,
    txt = 16,
    aaaa = 28,
    opt = 41,
    any = 255
};
inline constexpr std::uint16_t class_inet = 1;

/// Bits of Header::flags.
inline constexpr std::uint16_t flag_response = 0x8000;
inline constexpr std::uint16_t flag_authoritative = 0x0400;
inline constexpr std::uint16_t flag_truncated = 0x0200;
inline constexpr std::uint16_t flag_recursion_desired = 0x0100;
inline constexpr std::uint16_t flag_recursion_available = 0x0080;
inline constexpr std::uint16_t flag_checking_disabled = 0x0010;

enum class Section : std::uint8_t { answer, authority, additional };

struct Header {
    std::uint16_t id = 0;
    std::uint16_t flags = 0;
    std::uint16_t questions = 0;
    std::array<std::uint16_t, 3> records{};  ///< how many, by Section

    bool is_response() const noexcept { return (flags & flag_response) != 0; }
    bool truncated() const noexcept { return (flags & flag_truncated) != 0; }
    unsigned opcode() const noexcept { return (flags >> 11) & 15U; }
    unsigned rcode() const noexcept { return flags & 15U; }
};

/// A name as a NUL-terminated text.
class Name {
public:
    std::string_view view() const noexcept { return {text_.data(), size_}; }
    const char* c_str() const noexcept { return text_.data(); }
    /// Whether a label holds a NUL or a dot: such a text does not say which name it was, and must
    /// not be handed out as if it did.
    bool ambiguous() const noexcept { return ambiguous_; }

private:
    friend class Reader;
    void clear() noexcept;
    bool append(std::span<const std::uint8_t> label) noexcept;

    std::array<char, name_text_bytes_max + 1> text_{};
    std::uint8_t size_ = 0;
    bool ambiguous_ = false;
};

struct Question {
    Name name;
    Type type{};
    std::uint16_t dns_class = 0;
};

struct Record {
    Name name;
    Type type{};
    std::uint16_t dns_class = 0;
    std::uint32_t ttl = 0;  ///< seconds; what has the top bit set was made 0 (RFC 2181 8)
    std::span<const std::uint8_t> data;  ///< a part of the message
    std::size_t data_at = 0;             ///< where `data` begins in the message
};

struct Soa {
    Name primary;
    Name mailbox;
    std::uint32_t serial = 0;
    std::uint32_t refresh = 0;
    std::uint32_t retry = 0;
    std::uint32_t expire = 0;
    std::uint32_t minimum = 0;
};

/// Walks over a message that stays valid as long as the Reader and the Records it gave. Each read
/// takes the next item in the order of the message: the header, its questions, its records; the
/// caller counts. False: the message ends early or breaks the rules, and nothing more can be read.
class Reader {
public:
    explicit Reader(std::span<const std::uint8_t> message) noexcept : message_(message) {}

    bool read(Header& header) noexcept;
    bool read(Question& question) noexcept;
    bool read(Record& record) noexcept;

    /// The name that begins `skip` octets into the record's data (CNAME, NS, PTR: 0; MX: 2). Its own
    /// octets must not reach past the data; compressed parts may lie anywhere before.
    bool name_in(const Record& record, std::size_t skip, Name& name) const noexcept;
    bool soa_in(const Record& record, Soa& soa) const noexcept;

private:
    /// The name at `at`; returns where the octets behind it begin.
    std::optional<std::size_t> read_name(std::size_t at, Name& name) const noexcept;
    std::uint16_t u16(std::size_t at) const noexcept;
    std::uint32_t u32(std::size_t at) const noexcept;

    std::span<const std::uint8_t> message_;
    std::size_t at_ = 0;
};

/// Writes a message into `out`: the header first (it is all zero until set), then questions, then
/// records, their sections in order. An item that does not fit, or whose name is no name, leaves the
/// message as it was and gives false. Names are compressed, compared with their case.
class Writer {
public:
    explicit Writer(std::span<std::uint8_t> out) noexcept;

    /// Id and flags; the counts come from what is written.
    void set_header(std::uint16_t id, std::uint16_t flags) noexcept;

    bool question(std::string_view name, Type type, std::uint16_t dns_class = class_inet) noexcept;
    bool record(Section section, std::string_view name, Type type, std::uint16_t dns_class,
                std::uint32_t ttl, std::span<const std::uint8_t> data) noexcept;
    /// A record whose data is one name, compressed as well.
    bool name_record(Section section, std::string_view name, Type type, std::uint16_t dns_class,
                     std::uint32_t ttl, std::string_view target) noexcept;
    /// SOA (RFC 1035 3.3.13); `soa.primary` and `soa.mailbox` are given as texts.
    bool soa_record(Section section, std::string_view name, std::uint32_t ttl,
                    std::string_view primary, std::string_view mailbox,
                    const std::array<std::uint32_t, 5>& numbers) noexcept;
    /// The OPT record of a query: replies of up to `udp_bytes` octets are welcome (RFC 6891 6.1).
    bool opt(std::uint16_t udp_bytes) noexcept;

    std::size_t size() const noexcept { return size_; }
    std::span<const std::uint8_t> message() const noexcept { return out_.first(size_); }

private:
    struct Mark {
        std::size_t size;
        std::size_t known;
    };
    Mark mark() const noexcept { return {size_, known_count_}; }
    bool undo(Mark mark) noexcept;
    bool put_u16(std::uint32_t value) noexcept;
    bool put_u32(std::uint32_t value) noexcept;
    bool put_bytes(std::span<const std::uint8_t> bytes) noexcept;
    bool put_name(std::string_view name) noexcept;
    bool put_record_head(std::string_view name, Type type, std::uint16_t dns_class,
                         std::uint32_t ttl) noexcept;
    bool close_record(Section section, std::size_t length_at) noexcept;
    void count(std::size_t field) noexcept;
    std::optional<std::uint16_t> find(std::string_view suffix) const noexcept;
    bool same_at(std::size_t at, std::string_view suffix) const noexcept;

    static constexpr std::size_t known_max = 128;

    std::span<std::uint8_t> out_;
    std::size_t size_ = 0;
    std::array<std::uint16_t, known_max> known_{};  ///< where suffixes begin that may be pointed at
    std::size_t known_count_ = 0;
};

/// Whether `name` can be written: labels of 1 to 63 octets, 255 in all. One dot at the end is
/// allowed and means nothing.
bool valid_name(std::string_view name) noexcept;

/// Whether two names are the same but for the case of ASCII letters (RFC 1035 2.3.3).
bool equal_names(std::string_view a, std::string_view b) noexcept;

/// Room for the longest name of arpa_name().
using ArpaText = std::array<char, 80>;
/// "4.3.2.1.in-addr.arpa" for 4 octets of an address, "...ip6.arpa" for 16 (RFC 1035 3.5, RFC 3596
/// 2.5). The view lies in `text` and has a NUL behind it.
std::string_view arpa_name(std::span<const std::uint8_t> address, ArpaText& text) noexcept;

}  // namespace corevent::dns
