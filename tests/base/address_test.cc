#include <corevent/address.h>

#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <gtest/gtest.h>

#include <cstddef>
#include <cstring>
#include <string>

namespace corevent {
namespace {

using Family = Address::Family;

struct Good {
    std::string text;
    Family family;
    std::string host;
    unsigned port;
    std::string shown;
    bool loopback;
};

TEST(Address, ParsesWhatItDocuments) {
    const Good cases[] = {
        {"127.0.0.1:80", Family::ipv4, "127.0.0.1", 80, "127.0.0.1:80", true},
        {"127.9.9.9:1", Family::ipv4, "127.9.9.9", 1, "127.9.9.9:1", true},
        {"10.1.2.3:65535", Family::ipv4, "10.1.2.3", 65535, "10.1.2.3:65535", false},
        {"0.0.0.0:0", Family::ipv4, "0.0.0.0", 0, "0.0.0.0:0", false},
        {"[::1]:80", Family::ipv6, "::1", 80, "[::1]:80", true},
        {"[2001:DB8::1]:8443", Family::ipv6, "2001:db8::1", 8443, "[2001:db8::1]:8443", false},
        {"[fe80::1%3]:80", Family::ipv6, "fe80::1%3", 80, "[fe80::1%3]:80", false},
        {"[::ffff:127.0.0.1]:80", Family::ipv6, "::ffff:127.0.0.1", 80, "[::ffff:127.0.0.1]:80",
         true},
        {":8080", Family::ipv6, "::", 8080, "[::]:8080", false},
        {"8080", Family::ipv4, "127.0.0.1", 8080, "127.0.0.1:8080", true},
        {"localhost:8080", Family::ipv4, "127.0.0.1", 8080, "127.0.0.1:8080", true},
        {"unix:/run/x.sock", Family::unix_path, "/run/x.sock", 0, "unix:/run/x.sock", true},
        {"unix:@abstract", Family::unix_path, "@abstract", 0, "unix:@abstract", true},
        {"unix:relative:with:colons", Family::unix_path, "relative:with:colons", 0,
         "unix:relative:with:colons", true},
        {"unix:/" + std::string(106, 'p'), Family::unix_path, "/" + std::string(106, 'p'), 0,
         "unix:/" + std::string(106, 'p'), true},
    };
    for (const Good& c : cases) {
        SCOPED_TRACE(c.text);
        const Outcome<Address> parsed = Address::parse(c.text);
        ASSERT_TRUE(parsed) << parsed.error().message;
        EXPECT_EQ(parsed->family(), c.family);
        EXPECT_EQ(parsed->host(), c.host);
        EXPECT_EQ(parsed->port(), c.port);
        EXPECT_EQ(parsed->text(), c.shown);
        EXPECT_EQ(parsed->is_loopback(), c.loopback);
        EXPECT_EQ(parsed->is_unix(), c.family == Family::unix_path);
        // What it shows, it reads again; so does the kernel's form.
        EXPECT_EQ(Address::parse(parsed->text()).value(), *parsed);
        sockaddr_storage storage{};
        const unsigned length = parsed->to_sockaddr(&storage);
        EXPECT_EQ(Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage), length),
                  *parsed);
    }
}

TEST(Address, RefusesTheRestAndNamesTheGrammar) {
    const std::pair<std::string, std::string> cases[] = {
        {"", "the port is missing"},
        {"localhost", "the port is missing"},
        {"127.0.0.1", "the port is missing"},
        {":", "the port must be a number"},
        {"127.0.0.1:", "the port must be a number"},
        {"127.0.0.1:http", "the port must be a number"},
        {"127.0.0.1:65536", "the port must be a number"},
        {"127.0.0.1:-1", "the port must be a number"},
        {"127.0.0.1: 80", "the port must be a number"},
        {"127.0.0.1:80 ", "the port must be a number"},
        {"70000", "the port is missing"},
        {"1.2.3:80", "no IPv4 address"},
        {"256.1.1.1:80", "no IPv4 address"},
        {"example.org:80", "names are not resolved"},
        {"::1:80", "needs brackets"},
        {"[::1]", "the port is missing"},
        {"[::1]80", "the port is missing"},
        {"[::1:80", "not closed"},
        {"[127.0.0.1]:80", "no IPv6 address"},
        {"[fe80::1%eth0]:80", "number of an interface"},
        {"[fe80::1%]:80", "number of an interface"},
        {"unix:", "empty"},
        {"unix:@", "empty"},
        {"unix:/" + std::string(107, 'p'), "107 octets"},
        {std::string("unix:/a\0b", 9), "NUL"},
        {std::string("1.2.3.4\0:80", 11), "no IPv4 address"},
    };
    for (const auto& [text, why] : cases) {
        SCOPED_TRACE(text);
        const Outcome<Address> parsed = Address::parse(text);
        ASSERT_FALSE(parsed);
        EXPECT_EQ(parsed.error().code, std::errc::invalid_argument);
        EXPECT_NE(parsed.error().message.find(why), std::string::npos) << parsed.error().message;
        EXPECT_NE(parsed.error().message.find("\nwrite HOST:PORT"), std::string::npos);
    }
}

TEST(Address, AbstractNamesHaveALeadingNulAndNoEnd) {
    sockaddr_un un;
    const unsigned length = Address::parse("unix:@ab").value().to_sockaddr(&un);
    EXPECT_EQ(length, offsetof(sockaddr_un, sun_path) + 3);
    EXPECT_EQ(un.sun_path[0], '\0');
    EXPECT_EQ(un.sun_path[1], 'a');
    const unsigned path_length = Address::parse("unix:/ab").value().to_sockaddr(&un);
    EXPECT_EQ(path_length, offsetof(sockaddr_un, sun_path) + 4);
    EXPECT_STREQ(un.sun_path, "/ab");
}

TEST(Address, NamelessAndForeignSocketsAreHarmless) {
    sockaddr_un nameless{};
    nameless.sun_family = AF_UNIX;
    const Address peer =
        Address::from_sockaddr(reinterpret_cast<sockaddr*>(&nameless), sizeof nameless.sun_family);
    EXPECT_TRUE(peer.is_unix());
    EXPECT_EQ(peer.text(), "unix:");
    EXPECT_EQ(Address::from_sockaddr(nullptr, 0), Address());
    sockaddr other{};
    other.sa_family = AF_NETLINK;
    EXPECT_EQ(Address::from_sockaddr(&other, sizeof other).family(), Family::none);
    sockaddr_in cut{};
    cut.sin_family = AF_INET;
    EXPECT_EQ(Address::from_sockaddr(reinterpret_cast<sockaddr*>(&cut), sizeof cut - 1).family(),
              Family::none);
    EXPECT_EQ(Address().text(), "");
    EXPECT_FALSE(Address().is_loopback());
}

TEST(Address, PortsCanBeReplaced) {
    EXPECT_EQ(Address::loopback(0).with_port(81).text(), "127.0.0.1:81");
    EXPECT_EQ(Address::parse("unix:/x").value().with_port(81).text(), "unix:/x");
}

}  // namespace
}  // namespace corevent
