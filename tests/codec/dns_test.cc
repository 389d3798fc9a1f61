// DNS messages: names with all their ways to go wrong, records, compression, and that what the
// writer writes the reader reads.
#include "codec/dns.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

namespace corevent::dns {
namespace {

using namespace std::literals;

std::span<const std::uint8_t> octets(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::string text_of(std::span<const std::uint8_t> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

/// A header with these counts and id 0x1234, flags 0x8180.
std::string head(int questions, int answers, int authorities = 0, int additionals = 0) {
    std::string out = "\x12\x34\x81\x80"s;
    for (const int n : {questions, answers, authorities, additionals}) {
        out += '\0';
        out += static_cast<char>(n);
    }
    return out;
}

/// All that can be read from `message`: "id flags", "Q name type class", "R name type class ttl
/// data", then "ok" or "bad".
std::string read_all(std::string_view message) {
    // An exact copy, so that AddressSanitizer sees a read past the end.
    const std::vector<std::uint8_t> copy(message.begin(), message.end());
    Reader reader(copy);
    Header header;
    if (!reader.read(header)) {
        return "bad";
    }
    std::string out;
    Question question;
    for (int i = 0; i < header.questions; ++i) {
        if (!reader.read(question)) {
            return out + "bad";
        }
        out += "Q " + std::string(question.name.view()) + " " +
               std::to_string(static_cast<int>(question.type)) + "\n";
    }
    Record record;
    for (const int count : header.records) {
        for (int i = 0; i < count; ++i) {
            if (!reader.read(record)) {
                return out + "bad";
            }
            out += "R " + std::string(record.name.view()) + " " +
                   std::to_string(static_cast<int>(record.type)) + " " +
                   std::to_string(record.ttl) + " " + std::to_string(record.data.size()) + "\n";
        }
    }
    return out + "ok";
}

TEST(DnsReader, Header) {
    Reader reader(octets("\x12\x34\x83\x85\0\1\0\2\0\3\0\4"sv));
    Header header;
    ASSERT_TRUE(reader.read(header));
    EXPECT_EQ(header.id, 0x1234);
    EXPECT_TRUE(header.is_response());
    EXPECT_TRUE(header.truncated());
    EXPECT_EQ(header.opcode(), 0U);
    EXPECT_EQ(header.rcode(), 5U);
    EXPECT_EQ(header.questions, 1);
    EXPECT_EQ(header.records, (std::array<std::uint16_t, 3>{2, 3, 4}));
}

TEST(DnsReader, Messages) {
    const std::string question =
        "\3www\7example\3com\0\0\1\0\1"s;  // at 12; www at 12, example at 16
    const std::string tail = "\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"s;
    const std::string l63 = "\x3f" + std::string(63, 'a');
    const std::pair<std::string, std::string> cases[] = {
        {"", "bad"},
        {head(0, 0).substr(0, 11), "bad"},
        {head(0, 0), "ok"},
        {head(1, 0) + question, "Q www.example.com 1\nok"},
        {head(1, 0) + question.substr(0, question.size() - 1), "bad"},
        {head(1, 0) + "\0\0\1\0\1"s, "Q  1\nok"},
        {head(1, 1) + question + "\xc0\x0c" + tail,
         "Q www.example.com 1\nR www.example.com 1 60 4\nok"},
        {head(1, 1) + question + "\3ftp\xc0\x10" + tail,
         "Q www.example.com 1\nR ftp.example.com 1 60 4\nok"},
        // One octet less of data than announced; data longer than the message.
        {head(1, 1) + question + "\xc0\x0c" + tail.substr(0, 13), "Q www.example.com 1\nbad"},
        {head(1, 1) + question + "\xc0\x0c" + "\0\1\0\1\0\0\0\x3c\xff\xff\x7f\0\0\1"s,
         "Q www.example.com 1\nbad"},
        // A negative TTL counts as 0.
        {head(0, 1) + "\0\0\1\0\1\x80\0\0\1\0\0"s, "R  1 0 0\nok"},
        {head(0, 1) + "\0\0\1\0\1\x7f\xff\xff\xff\0\0"s, "R  1 2147483647 0\nok"},
        // Pointers: to themselves, forwards, round in a circle, cut, past the end.
        {head(1, 0) + "\xc0\x0c\0\1\0\1"s, "bad"},
        {head(1, 0) + "\xc0\x0e\0\1\0\1"s, "bad"},
        {head(1, 0) + "\1a\xc0\x0c\0\1\0\1"s, "bad"},
        {head(1, 0) + "\xc0"s, "bad"},
        {head(1, 0) + "\xff\xff\0\1\0\1"s, "bad"},
        // Back into the header is odd, but no loop: the id's first octet is a label of 18.
        {head(1, 0) + "\xc0\1\0\1\0\1"s, "bad"},
        {head(1, 0) + "\xc0\4\0\1\0\1"s, "Q  1\nok"},
        // Reserved kinds of labels; labels and names at and over their limits.
        {head(1, 0) + "\x40"s + std::string(64, 'a') + "\0\0\1\0\1"s, "bad"},
        {head(1, 0) + "\x80\x0c\0\1\0\1"s, "bad"},
        {head(1, 0) + l63 + "\0\0\1\0\1"s, "Q " + std::string(63, 'a') + " 1\nok"},
        {head(1, 0) + l63 + l63 + l63 + "\x3d" + std::string(61, 'b') + "\0\0\1\0\1"s,
         "Q " + std::string(63, 'a') + "." + std::string(63, 'a') + "." + std::string(63, 'a') +
             "." + std::string(61, 'b') + " 1\nok"},
        {head(1, 0) + l63 + l63 + l63 + "\x3e" + std::string(62, 'b') + "\0\0\1\0\1"s, "bad"},
        {head(1, 0) + "\3ab"s, "bad"},
        {head(1, 0) + "\3abc"s, "bad"},
    };
    for (const auto& [message, expected] : cases) {
        EXPECT_EQ(read_all(message), expected) << testing::PrintToString(message);
    }
}

TEST(DnsReader, EveryPrefixOfAMessageIsBadAndReadsNothingBehind) {
    const std::string message =
        head(1, 1) + "\3www\7example\3com\0\0\1\0\1"s + "\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"s;
    ASSERT_TRUE(read_all(message).ends_with("ok"));
    for (std::size_t size = 0; size < message.size(); ++size) {
        EXPECT_TRUE(read_all(std::string_view(message).substr(0, size)).ends_with("bad")) << size;
    }
}

TEST(DnsReader, AmbiguousNames) {
    const std::pair<std::string, bool> cases[] = {
        {"\3abc\0"s, false}, {"\3a.c\0"s, true}, {"\3a\0c\0"s, true}, {"\1a\1b\0"s, false}};
    for (const auto& [wire, ambiguous] : cases) {
        const std::string message = head(1, 0) + wire + "\0\1\0\1"s;
        Reader reader(octets(message));
        Header header;
        Question question;
        ASSERT_TRUE(reader.read(header) && reader.read(question));
        EXPECT_EQ(question.name.ambiguous(), ambiguous);
    }
}

TEST(DnsReader, NamesInDataStayInData) {
    struct Case {
        std::string data;
        std::size_t skip;
        bool good;
    };
    const Case cases[] = {
        {"\1a\0"s, 0, true}, {"\1a"s, 0, false},  {""s, 0, false},        {"\0\5\1a\0"s, 2, true},
        {"\0\5"s, 2, false}, {"\xc0"s, 0, false}, {"\xc0\x0c"s, 0, true}, {"\1a\0junk"s, 0, true},
    };
    for (const Case& c : cases) {
        const std::string message = head(1, 1) + "\1q\0\0\1\0\1"s + "\0\0\5\0\1\0\0\0\0\0"s +
                                    static_cast<char>(c.data.size()) + c.data + "\0\0\0"s;
        Reader reader(octets(message));
        Header header;
        Question question;
        Record record;
        Name name;
        ASSERT_TRUE(reader.read(header) && reader.read(question) && reader.read(record));
        EXPECT_EQ(reader.name_in(record, c.skip, name), c.good)
            << testing::PrintToString(c.data) << c.skip;
    }
}

TEST(DnsWriter, Compression) {
    std::array<std::uint8_t, 512> buffer;
    Writer writer(buffer);
    writer.set_header(0x1234, 0x8180);
    const std::array<std::uint8_t, 4> address = {127, 0, 0, 1};
    ASSERT_TRUE(writer.question("www.example.com", Type::a));
    ASSERT_TRUE(writer.record(Section::answer, "www.example.com", Type::a, class_inet, 60,
                              address));
    ASSERT_TRUE(writer.record(Section::answer, "Www.example.com", Type::a, class_inet, 60,
                              address));
    ASSERT_TRUE(writer.name_record(Section::authority, "com", Type::ns, class_inet, 1, "a.com."));
    ASSERT_TRUE(writer.opt(1232));
    const std::string a = "\0\1\0\1\0\0\0\x3c\0\4\x7f\0\0\1"s;
    EXPECT_EQ(text_of(writer.message()), head(1, 2, 1, 1) + "\3www\7example\3com\0\0\1\0\1"s +
                                             "\xc0\x0c"s + a + "\3Www\xc0\x10"s + a +
                                             "\xc0\x18\0\2\0\1\0\0\0\1\0\4\1a\xc0\x18"s +
                                             "\0\0\x29\4\xd0\0\0\0\0\0\0"s);
}

TEST(DnsWriter, Names) {
    const std::string l63(63, 'x');
    const std::string n253 = l63 + "." + l63 + "." + l63 + "." + std::string(61, 'y');
    const std::pair<std::string, bool> cases[] = {
        {"", true},         {".", true},         {"a", true},          {"a.", true},
        {"a.b", true},      {"..", false},       {".a", false},        {"a..b", false},
        {"a..", false},     {l63, true},         {l63 + "x", false},   {n253, true},
        {n253 + ".", true}, {n253 + "y", false}, {"a." + n253, false},
    };
    for (const auto& [name, good] : cases) {
        EXPECT_EQ(valid_name(name), good) << name;
        std::array<std::uint8_t, 512> buffer;
        Writer writer(buffer);
        EXPECT_EQ(writer.question(name, Type::a), good) << name;
        if (!good) {
            EXPECT_EQ(writer.size(), header_bytes);
            continue;
        }
        const std::string plain = name.ends_with('.') ? name.substr(0, name.size() - 1) : name;
        EXPECT_EQ(read_all(text_of(writer.message())), "Q " + plain + " 1\nok");
    }
}

TEST(DnsWriter, WhatDoesNotFitLeavesNoTrace) {
    const std::array<std::uint32_t, 5> numbers = {1, 2, 3, 4, 5};
    const std::array<std::uint8_t, 4> address = {1, 2, 3, 4};
    for (std::size_t room = header_bytes; room < 120; ++room) {
        std::vector<std::uint8_t> buffer(room);
        Writer writer(buffer);
        const bool q = writer.question("host.example", Type::a);
        EXPECT_EQ(q, room >= header_bytes + 18);
        const std::size_t before = writer.size();
        std::size_t records = 0;
        records += writer.record(Section::answer, "b.c", Type::a, class_inet, 1, address);
        records += writer.name_record(Section::answer, "b.c", Type::ptr, class_inet, 1, "d.b.c");
        records += writer.soa_record(Section::answer, "c", 1, "p.c", "m.c", numbers);
        if (records == 0) {
            EXPECT_EQ(writer.size(), before);
        }
        const std::string read = read_all(text_of(writer.message()));
        EXPECT_TRUE(read.ends_with("ok")) << room;
        EXPECT_EQ(std::ranges::count(read, 'R'), static_cast<long>(records)) << room;
    }
}

TEST(DnsWriter, ManyNamesStillReadBack) {
    std::vector<std::uint8_t> buffer(65535);
    Writer writer(buffer);
    std::string expected;
    for (int i = 0; i < 400; ++i) {  // more suffixes than are remembered, and past 14 bits
        const std::string name = "host" + std::to_string(i) + ".sub" + std::to_string(i % 7) +
                                 ".a-rather-long-domain-name-of-forty-octets.example";
        ASSERT_TRUE(writer.name_record(Section::answer, name, Type::cname, class_inet, 5, name));
    }
    Reader reader(writer.message());
    Header header;
    ASSERT_TRUE(reader.read(header));
    EXPECT_EQ(header.records[0], 400);
    Record record;
    Name target;
    for (int i = 0; i < 400; ++i) {
        ASSERT_TRUE(reader.read(record));
        ASSERT_TRUE(reader.name_in(record, 0, target));
        EXPECT_EQ(record.name.view(), target.view());
        EXPECT_TRUE(target.view().starts_with("host" + std::to_string(i) + ".sub"));
    }
}

TEST(Dns, SoaRoundTrip) {
    std::array<std::uint8_t, 512> buffer;
    Writer writer(buffer);
    const std::array<std::uint32_t, 5> numbers = {2024, 3600, 600, 86400, 300};
    ASSERT_TRUE(writer.soa_record(Section::authority, "example", 60, "ns.example", "m.example",
                                  numbers));
    Reader reader(writer.message());
    Header header;
    Record record;
    Soa soa;
    ASSERT_TRUE(reader.read(header) && reader.read(record) && reader.soa_in(record, soa));
    EXPECT_EQ(soa.primary.view(), "ns.example");
    EXPECT_EQ(soa.mailbox.view(), "m.example");
    EXPECT_EQ(soa.serial, 2024U);
    EXPECT_EQ(soa.refresh, 3600U);
    EXPECT_EQ(soa.retry, 600U);
    EXPECT_EQ(soa.expire, 86400U);
    EXPECT_EQ(soa.minimum, 300U);
    record.data = record.data.first(record.data.size() - 1);
    EXPECT_FALSE(reader.soa_in(record, soa));
}

TEST(Dns, ArpaNames) {
    ArpaText text;
    const std::array<std::uint8_t, 4> v4 = {1, 20, 255, 0};
    EXPECT_EQ(arpa_name(v4, text), "0.255.20.1.in-addr.arpa");
    std::array<std::uint8_t, 16> v6{};
    v6[0] = 0x20;
    v6[1] = 0x01;
    v6[15] = 0xAF;
    EXPECT_EQ(arpa_name(v6, text),
              "f.a.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.2.ip6.arpa");
}

TEST(Dns, EqualNames) {
    EXPECT_TRUE(equal_names("wWw.eXample", "WwW.Example"));
    EXPECT_FALSE(equal_names("www.example", "www.exampl"));
    EXPECT_FALSE(equal_names("a@", "a`"));
    EXPECT_FALSE(equal_names("a[", "a{"));
}

}  // namespace
}  // namespace corevent::dns
