// evdns where it is stricter or does more than the original, so that no comparison can show it:
// forged replies, TCP, EDNS, whole records in cut replies, hostile datagrams, threads.
#include <event2/dns.h>
#include <event2/dns_struct.h>
#include <event2/event.h>
#include <event2/thread.h>
#include <event2/util.h>
#include <gtest/gtest.h>

#include <arpa/inet.h>
#include <codec/dns.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <random>
#include <string>
#include <thread>
#include <tuple>
#include <utility>
#include <vector>

namespace corevent::compat {
namespace {

using Bytes = std::vector<std::uint8_t>;
using namespace std::chrono_literals;

sockaddr_in loopback(const char* host = "127.0.0.1") {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    inet_pton(AF_INET, host, &address.sin_addr);
    return address;
}

int bound_socket(int type, sockaddr_in& address) {
    const int fd = socket(AF_INET, type | SOCK_NONBLOCK, 0);
    socklen_t length = sizeof(address);
    EXPECT_EQ(bind(fd, reinterpret_cast<sockaddr*>(&address), length), 0);
    getsockname(fd, reinterpret_cast<sockaddr*>(&address), &length);
    return fd;
}

/// Sockets of both kinds at one port: a number that is free for TCP may be taken for UDP.
std::pair<int, int> bound_pair(sockaddr_in& address) {
    for (int tries = 0; tries < 100; ++tries) {
        address.sin_port = 0;
        const int tcp = bound_socket(SOCK_STREAM, address);
        const int udp = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        if (bind(udp, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0) {
            return {udp, tcp};
        }
        close(udp);
        close(tcp);
    }
    ADD_FAILURE() << "no port is free for both";
    return {-1, -1};
}

struct Query {
    Bytes raw;
    dns::Header header;
    dns::Question question;
    sockaddr_in from{};
    bool over_tcp = false;
};

Query parse(Bytes raw) {
    Query query;
    query.raw = std::move(raw);
    dns::Reader reader(query.raw);
    EXPECT_TRUE(reader.read(query.header) && reader.read(query.question));
    return query;
}

/// The usual reply: the question, and one address record whose last octet is `last`.
Bytes reply_to(const Query& query, std::uint8_t last, std::uint16_t extra_flags = 0,
               std::size_t room = 512) {
    Bytes out(room);
    dns::Writer writer(out);
    writer.set_header(query.header.id, static_cast<std::uint16_t>(0x8180 | extra_flags));
    writer.question(query.question.name.view(), query.question.type);
    const std::array<std::uint8_t, 4> address = {10, 0, 0, last};
    writer.record(dns::Section::answer, query.question.name.view(), dns::Type::a, 1, 60, address);
    out.resize(writer.size());
    return out;
}

/// A name server on UDP, and if asked on TCP at the same port.
class Server {
public:
    Server(event_base* base, std::function<void(Server&, Query&)> handle, bool with_tcp = false)
        : handle_(std::move(handle)) {
        address_ = loopback();
        if (with_tcp) {
            std::tie(udp_, tcp_) = bound_pair(address_);
        } else {
            udp_ = bound_socket(SOCK_DGRAM, address_);
        }
        event_ = event_new(base, udp_, EV_READ | EV_PERSIST, &Server::on_udp, this);
        event_add(event_, nullptr);
        if (with_tcp) {
            EXPECT_EQ(listen(tcp_, 8), 0);
            tcp_event_ = event_new(base, tcp_, EV_READ | EV_PERSIST, &Server::on_tcp, this);
            event_add(tcp_event_, nullptr);
        }
    }
    ~Server() {
        event_free(event_);
        close(udp_);
        if (tcp_event_ != nullptr) {
            event_free(tcp_event_);
            close(tcp_);
        }
        for (const auto& connection : connections_) {
            event_free(connection->readable);
            close(connection->fd);
        }
    }
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;

    const sockaddr_in& address() const { return address_; }
    int queries = 0;
    int tcp_queries = 0;
    Query last;

    void send(const Query& query, const Bytes& reply) {
        if (query.over_tcp) {
            const Bytes length = {static_cast<std::uint8_t>(reply.size() >> 8),
                                  static_cast<std::uint8_t>(reply.size())};
            EXPECT_EQ(write(connection_, length.data(), 2), 2);
            EXPECT_EQ(write(connection_, reply.data(), reply.size()),
                      static_cast<ssize_t>(reply.size()));
        } else {
            sendto(udp_, reply.data(), reply.size(), 0,
                   reinterpret_cast<const sockaddr*>(&query.from), sizeof(query.from));
        }
    }
    void hang_up() { shutdown(connection_, SHUT_RDWR); }

private:
    static void on_udp(evutil_socket_t, short, void* arg) {
        auto& self = *static_cast<Server*>(arg);
        Bytes raw(2000);
        sockaddr_in from{};
        socklen_t length = sizeof(from);
        const ssize_t size = recvfrom(self.udp_, raw.data(), raw.size(), 0,
                                      reinterpret_cast<sockaddr*>(&from), &length);
        if (size > 0) {
            raw.resize(static_cast<std::size_t>(size));
            Query query = parse(std::move(raw));
            query.from = from;
            ++self.queries;
            self.last = query;
            self.handle_(self, query);
        }
    }
    struct Connection {
        Server* server;
        int fd;
        event* readable;
        Bytes in;
    };
    static void on_tcp(evutil_socket_t, short, void* arg) {
        auto& self = *static_cast<Server*>(arg);
        const int fd = accept4(self.tcp_, nullptr, nullptr, SOCK_NONBLOCK);
        ASSERT_GE(fd, 0);
        auto& connection = *self.connections_.emplace_back(new Connection{&self, fd, nullptr, {}});
        connection.readable = event_new(event_get_base(self.tcp_event_), fd, EV_READ | EV_PERSIST,
                                        &Server::on_connection, &connection);
        event_add(connection.readable, nullptr);
    }
    static void on_connection(evutil_socket_t fd, short, void* arg) {
        auto& connection = *static_cast<Connection*>(arg);
        Server& self = *connection.server;
        Bytes& in = connection.in;
        std::array<std::uint8_t, 600> piece;
        const ssize_t size = read(fd, piece.data(), piece.size());
        if (size <= 0) {
            event_del(connection.readable);
            return;
        }
        in.insert(in.end(), piece.begin(), piece.begin() + size);
        if (in.size() < 2 || in.size() < 2 + (std::size_t{in[0]} << 8 | in[1])) {
            return;
        }
        Query query = parse(Bytes(in.begin() + 2, in.end()));
        query.over_tcp = true;
        self.connection_ = fd;
        ++self.tcp_queries;
        self.last = query;
        self.handle_(self, query);
    }

    std::function<void(Server&, Query&)> handle_;
    sockaddr_in address_{};
    int udp_ = -1;
    int tcp_ = -1;
    int connection_ = -1;  ///< of the last query
    std::vector<std::unique_ptr<Connection>> connections_;
    event* event_ = nullptr;
    event* tcp_event_ = nullptr;
};

struct Result {
    int calls = 0;
    int error = -1;
    int count = 0;
    std::vector<std::uint32_t> addresses;  ///< host order
};

class Evdns : public testing::Test {
protected:
    Evdns() : base_(event_base_new()), dns_(evdns_base_new(base_, 0)) {
        evdns_base_set_option(dns_, "timeout", "0.1");
        evdns_base_set_option(dns_, "attempts", "1");
    }
    ~Evdns() override {
        evdns_base_free(dns_, 0);
        event_base_loop(base_, EVLOOP_NONBLOCK);
        event_base_free(base_);
    }

    void use(const Server& server) {
        ASSERT_EQ(evdns_base_nameserver_sockaddr_add(
                      dns_, reinterpret_cast<const sockaddr*>(&server.address()),
                      sizeof(sockaddr_in), 0),
                  0);
    }

    Result resolve(const char* name = "host.test", int flags = DNS_QUERY_NO_SEARCH) {
        Result result;
        EXPECT_NE(evdns_base_resolve_ipv4(dns_, name, flags, on_result, &result), nullptr);
        while (result.calls == 0) {
            event_base_loop(base_, EVLOOP_ONCE);
        }
        return result;
    }

    static void on_result(int error, char, int count, int, void* addresses, void* arg) {
        Result& result = *static_cast<Result*>(arg);
        ++result.calls;
        result.error = error;
        result.count = count;
        for (int i = 0; i < count; ++i) {
            result.addresses.push_back(ntohl(static_cast<in_addr*>(addresses)[i].s_addr));
        }
    }

    event_base* base_;
    evdns_base* dns_;
};

constexpr std::uint32_t ten(std::uint8_t last) {
    return 10U << 24 | last;
}

TEST_F(Evdns, ForgedRepliesChangeNothing) {
    const int stranger = [] {
        sockaddr_in address = loopback("127.0.0.3");
        return bound_socket(SOCK_DGRAM, address);
    }();
    Server server(base_, [stranger](Server& self, Query& query) {
        const auto with = [&](auto change) {
            Query forged = query;
            Bytes reply = reply_to(forged, 66);
            change(reply);
            self.send(query, reply);
        };
        with([](Bytes& r) { r[0] ^= 1; });                      // another id
        with([](Bytes& r) { r[2] &= 0x7F; });                   // a query
        with([](Bytes& r) { r[5] = 0; });                       // no question, no error
        with([](Bytes& r) { r[5] = 2; });                       // two questions
        with([](Bytes& r) { r[13] = 'x'; });                    // another name
        with([](Bytes& r) { r[13] ^= 0x20; });                  // another case
        with([&](Bytes& r) { r[query.raw.size() - 3] = 28; });  // another type
        with([&](Bytes& r) { r[query.raw.size() - 1] = 3; });   // another class
        with([](Bytes& r) { r.resize(14); });                   // the question cut
        const Bytes right = reply_to(query, 66);
        sendto(stranger, right.data(), right.size(), 0,
               reinterpret_cast<const sockaddr*>(&query.from), sizeof(query.from));
        self.send(query, reply_to(query, 1));
    });
    use(server);
    const Result result = resolve();
    EXPECT_EQ(result.error, DNS_ERR_NONE);
    EXPECT_EQ(result.addresses, std::vector{ten(1)});
    EXPECT_EQ(server.queries, 1);
    close(stranger);
}

TEST_F(Evdns, CaseIsFreeWithoutRandomCase) {
    Server server(base_, [](Server& self, Query& query) {
        Bytes reply = reply_to(query, 1);
        reply[13] ^= 0x20;
        self.send(query, reply);
    });
    use(server);
    EXPECT_EQ(resolve().error, DNS_ERR_TIMEOUT);
    evdns_base_set_option(dns_, "randomize-case", "0");
    EXPECT_EQ(resolve("Host.test").error, DNS_ERR_NONE);
    EXPECT_EQ(server.last.question.name.view(), "Host.test");
}

TEST_F(Evdns, IdsAndCasesAreRandom) {
    std::vector<std::uint16_t> ids;
    std::vector<std::string> names;
    Server server(base_, [&](Server& self, Query& query) {
        ids.push_back(query.header.id);
        names.emplace_back(query.question.name.view());
        self.send(query, reply_to(query, 1));
    });
    use(server);
    for (int i = 0; i < 30; ++i) {
        resolve("a-rather-long-name.example");
    }
    std::ranges::sort(ids);
    std::ranges::sort(names);
    EXPECT_GT(std::unique(ids.begin(), ids.end()) - ids.begin(), 28);
    EXPECT_GT(std::unique(names.begin(), names.end()) - names.begin(), 28);
}

TEST_F(Evdns, CutRepliesAreFetchedOverTcp) {
    Server server(
        base_,
        [](Server& self, Query& query) {
            if (!query.over_tcp) {
                self.send(query, reply_to(query, 1, dns::flag_truncated));
                return;
            }
            Bytes out(4000);
            dns::Writer writer(out);
            writer.set_header(query.header.id, 0x8180);
            writer.question(query.question.name.view(), query.question.type);
            for (std::uint8_t i = 0; i < 30; ++i) {
                const std::array<std::uint8_t, 4> address = {10, 0, 0, i};
                writer.record(dns::Section::answer, query.question.name.view(), dns::Type::a, 1, 60,
                              address);
                writer.record(dns::Section::answer, query.question.name.view(), dns::Type::txt, 1,
                              60, std::array<std::uint8_t, 60>{59});
            }
            out.resize(writer.size());
            EXPECT_GT(out.size(), 1500U);
            self.send(query, out);
        },
        true);
    use(server);
    const Result result = resolve();
    EXPECT_EQ(result.error, DNS_ERR_NONE);
    EXPECT_EQ(result.count, 30);
    EXPECT_EQ(server.queries, 1);
    EXPECT_EQ(server.tcp_queries, 1);
    EXPECT_EQ(resolve("host.test", DNS_QUERY_IGNTC).error, DNS_ERR_TRUNCATED);
    EXPECT_EQ(server.tcp_queries, 1);
    EXPECT_EQ(resolve("host.test", DNS_QUERY_USEVC).count, 30);
    EXPECT_EQ(server.queries, 2);
    EXPECT_EQ(server.tcp_queries, 2);
}

TEST_F(Evdns, TcpThatFailsLeavesTheReplyCut) {
    enum { hang_up, wrong_id, empty, silent } mode = hang_up;
    Server server(
        base_,
        [&](Server& self, Query& query) {
            if (!query.over_tcp) {
                self.send(query, reply_to(query, 1, dns::flag_truncated));
            } else if (mode == hang_up) {
                self.hang_up();
            } else if (mode == wrong_id) {
                Bytes reply = reply_to(query, 1);
                reply[1] ^= 1;
                self.send(query, reply);
            } else if (mode == empty) {
                self.send(query, {});
                self.hang_up();
            }
        },
        true);
    use(server);
    for (const auto next : {hang_up, wrong_id, empty, silent}) {
        mode = next;
        EXPECT_EQ(resolve().error, DNS_ERR_TRUNCATED) << next;
    }
    Server deaf(base_, [](Server&, Query&) { ADD_FAILURE(); });
    evdns_base_clear_nameservers_and_suspend(dns_);
    use(deaf);
    EXPECT_EQ(resolve("host.test", DNS_QUERY_USEVC).error, DNS_ERR_TIMEOUT);
}

TEST_F(Evdns, CancelAndFreeWhileTcpIsUnderWay) {
    Server server(
        base_,
        [](Server& self, Query& query) {
            if (!query.over_tcp) {
                self.send(query, reply_to(query, 1, dns::flag_truncated));
            }
        },
        true);
    use(server);
    Result first;
    Result second;
    evdns_base_set_option(dns_, "timeout", "5");
    auto* const request = evdns_base_resolve_ipv4(dns_, "host.test", 0, on_result, &first);
    evdns_base_resolve_ipv4(dns_, "other.test", 0, on_result, &second);
    while (server.tcp_queries < 2) {
        event_base_loop(base_, EVLOOP_ONCE);
    }
    evdns_cancel_request(dns_, request);
    while (first.calls == 0) {
        event_base_loop(base_, EVLOOP_ONCE);
    }
    EXPECT_EQ(first.error, DNS_ERR_CANCEL);
    EXPECT_EQ(second.calls, 0);  // freed silently by the fixture
}

TEST_F(Evdns, EdnsIsAskedForOnlyWhenSet) {
    Server server(base_, [](Server& self, Query& query) {
        self.send(query, reply_to(query, 1, 0, 3000));
    });
    use(server);
    resolve();
    EXPECT_EQ(server.last.header.records[2], 0);
    EXPECT_EQ(evdns_base_set_option(dns_, "edns-udp-size", "4096"), 0);
    EXPECT_EQ(resolve().error, DNS_ERR_NONE);
    ASSERT_EQ(server.last.header.records[2], 1);
    dns::Reader reader(server.last.raw);
    dns::Header header;
    dns::Question question;
    dns::Record opt;
    ASSERT_TRUE(reader.read(header) && reader.read(question) && reader.read(opt));
    EXPECT_EQ(opt.type, dns::Type::opt);
    EXPECT_EQ(opt.dns_class, 4096);
}

TEST_F(Evdns, TimeoutsCountForTheServerThatWasSilent) {
    evdns_base_set_option(dns_, "timeout", "0.03");
    evdns_base_set_option(dns_, "attempts", "3");
    evdns_base_set_option(dns_, "max-timeouts", "1");
    Server silent(base_, [](Server&, Query&) {});
    Server good(base_, [](Server& self, Query& query) { self.send(query, reply_to(query, 1)); });
    use(silent);
    use(good);
    for (int i = 0; i < 6; ++i) {
        EXPECT_EQ(resolve().error, DNS_ERR_NONE);
    }
    EXPECT_EQ(silent.queries, 2);  // the second time-out was one too many
    EXPECT_EQ(good.queries, 6);
}

TEST_F(Evdns, AnIdleResolverDoesNotKeepTheLoop) {
    evdns_base* const idle = evdns_base_new(base_, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    evdns_base_set_option(idle, "timeout", "0.03");
    evdns_base_set_option(idle, "attempts", "1");
    Result result;
    sockaddr_in address = loopback();
    const int deaf = bound_socket(SOCK_DGRAM, address);
    evdns_base_nameserver_sockaddr_add(idle, reinterpret_cast<sockaddr*>(&address), sizeof(address),
                                       0);
    EXPECT_EQ(event_base_dispatch(base_), 1);
    for (int i = 0; i < 2; ++i) {
        evdns_base_resolve_ipv4(idle, "host.test", 0, on_result, &result);
        EXPECT_EQ(event_base_dispatch(base_), 1);  // its probes do not count as work
        EXPECT_EQ(result.calls, i + 1);
        EXPECT_EQ(result.error, DNS_ERR_TIMEOUT);
    }
    evdns_base_free(idle, 0);
    close(deaf);
}

TEST_F(Evdns, NamesThatAreNoneAreRefused) {
    Server server(base_, [](Server& self, Query& query) { self.send(query, reply_to(query, 1)); });
    use(server);
    Result result;
    for (const char* const name : {"a..b", ".a", "..", "a.."}) {
        EXPECT_EQ(evdns_base_resolve_ipv4(dns_, name, 0, on_result, &result), nullptr) << name;
    }
    const std::string too_long(254, 'x');
    EXPECT_EQ(evdns_base_resolve_ipv4(dns_, too_long.c_str(), 0, on_result, &result), nullptr);
    EXPECT_EQ(server.queries, 0);
}

TEST_F(Evdns, AReverseNameThatIsNoTextIsNoName) {
    Server server(base_, [](Server& self, Query& query) {
        Bytes out(512);
        dns::Writer writer(out);
        writer.set_header(query.header.id, 0x8180);
        writer.question(query.question.name.view(), query.question.type);
        const std::array<std::uint8_t, 6> odd = {4, 'a', 0, '.', 'b', 0};
        writer.record(dns::Section::answer, query.question.name.view(), dns::Type::ptr, 1, 60, odd);
        out.resize(writer.size());
        self.send(query, out);
    });
    use(server);
    Result result;
    const in_addr address = {htonl(INADDR_LOOPBACK)};
    evdns_base_resolve_reverse(dns_, &address, 0, on_result, &result);
    while (result.calls == 0) {
        event_base_loop(base_, EVLOOP_ONCE);
    }
    EXPECT_EQ(result.error, DNS_ERR_NODATA);
}

TEST_F(Evdns, RandomOctetsNeitherCrashNorAnswer) {
    std::mt19937 random(7);
    Server server(base_, [&](Server& self, Query& query) {
        for (int i = 0; i < 50; ++i) {
            // A right beginning of random length, random octets behind.
            Bytes reply = reply_to(query, 66);
            const std::size_t keep = random() % (query.raw.size() - 1);
            for (std::size_t at = keep; at < reply.size(); ++at) {
                reply[at] = static_cast<std::uint8_t>(random());
            }
            reply[keep] = static_cast<std::uint8_t>(~query.raw[keep]);
            if (keep < 12) {
                reply[0] = static_cast<std::uint8_t>(~query.raw[0]);
            }
            reply.resize(random() % (reply.size() + 1));
            self.send(query, reply);
        }
        self.send(query, reply_to(query, 1));
    });
    use(server);
    for (int i = 0; i < 20; ++i) {
        const Result result = resolve();
        EXPECT_EQ(result.error, DNS_ERR_NONE);
        EXPECT_EQ(result.addresses, std::vector{ten(1)});
    }
}

TEST_F(Evdns, AHostsNameWithoutTheFamilyIsAskedFor) {
    Server server(base_, [](Server& self, Query& query) { self.send(query, reply_to(query, 1)); });
    use(server);
    evdns_base_load_hosts(dns_, nullptr);
    char path[] = "/tmp/corevent-hosts-XXXXXX";
    const int fd = mkstemp(path);
    EXPECT_EQ(write(fd, "::1 six\n", 8), 8);
    close(fd);
    EXPECT_EQ(evdns_base_load_hosts(dns_, path), 0);
    unlink(path);
    evutil_addrinfo hints{};
    hints.ai_family = AF_INET;
    hints.ai_socktype = SOCK_STREAM;
    int result = -1;
    evutil_addrinfo* found = nullptr;
    struct Out {
        int& result;
        evutil_addrinfo*& found;
        bool done = false;
    } out{result, found};
    evdns_getaddrinfo(
        dns_, "six", "80", &hints,
        [](int error, evutil_addrinfo* list, void* arg) {
            Out& to = *static_cast<Out*>(arg);
            to.result = error;
            to.found = list;
            to.done = true;
        },
        &out);
    while (!out.done) {
        event_base_loop(base_, EVLOOP_ONCE);
    }
    EXPECT_EQ(result, 0);
    ASSERT_NE(found, nullptr);
    EXPECT_EQ(found->ai_family, AF_INET);
    evutil_freeaddrinfo(found);
    EXPECT_EQ(server.queries, 1);
}

/// A server of evdns with its own callback, and a client socket.
class EvdnsServer : public testing::Test {
protected:
    EvdnsServer() : base_(event_base_new()) {
        sockaddr_in address = loopback();
        const int fd = bound_socket(SOCK_DGRAM, address);
        port_ = evdns_add_server_port_with_base(base_, fd, 0, &EvdnsServer::on_request, this);
        client_ = socket(AF_INET, SOCK_DGRAM | SOCK_NONBLOCK, 0);
        connect(client_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    }
    ~EvdnsServer() override {
        if (port_ != nullptr) {
            evdns_close_server_port(port_);
        }
        event_base_loop(base_, EVLOOP_NONBLOCK);
        event_base_free(base_);
        close(client_);
    }

    static void on_request(evdns_server_request* request, void* arg) {
        auto& self = *static_cast<EvdnsServer*>(arg);
        ++self.requests_;
        self.handle_(request);
    }

    /// The reply to `message`, empty if there is none.
    Bytes exchange(const Bytes& message) {
        EXPECT_EQ(send(client_, message.data(), message.size(), 0),
                  static_cast<ssize_t>(message.size()));
        for (int i = 0; i < 3; ++i) {
            event_base_loop(base_, EVLOOP_NONBLOCK);
        }
        Bytes reply(2000);
        const ssize_t size = recv(client_, reply.data(), reply.size(), MSG_DONTWAIT);
        reply.resize(static_cast<std::size_t>(std::max<ssize_t>(size, 0)));
        return reply;
    }

    static Bytes question(std::string_view name) {
        Bytes out(512);
        dns::Writer writer(out);
        writer.set_header(0x1234, 0x0100);
        writer.question(name, dns::Type::a);
        out.resize(writer.size());
        return out;
    }

    event_base* base_;
    evdns_server_port* port_;
    int client_;
    int requests_ = 0;
    std::function<void(evdns_server_request*)> handle_;
};

TEST_F(EvdnsServer, EachAddressIsARecord) {
    handle_ = [](evdns_server_request* request) {
        const std::array<std::uint8_t, 12> addresses = {1, 1, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3};
        EXPECT_EQ(evdns_server_request_add_a_reply(request, "host.test", 3, addresses.data(), 5),
                  0);
        EXPECT_EQ(evdns_server_request_add_a_reply(request, "host.test", 0, addresses.data(), 5),
                  -1);
        EXPECT_EQ(evdns_server_request_respond(request, 0), 0);
    };
    const Bytes reply = exchange(question("host.test"));
    dns::Reader reader(reply);
    dns::Header header;
    dns::Question asked;
    dns::Record record;
    ASSERT_TRUE(reader.read(header) && reader.read(asked));
    ASSERT_EQ(header.records[0], 3);
    for (std::uint8_t i = 1; i <= 3; ++i) {
        ASSERT_TRUE(reader.read(record));
        EXPECT_EQ(record.data.size(), 4U);
        EXPECT_EQ(record.data[0], i);
    }
}

TEST_F(EvdnsServer, WhatDoesNotFitIsLeftOutWhole) {
    handle_ = [](evdns_server_request* request) {
        for (int i = 0; i < 60; ++i) {
            const std::string host = "host" + std::to_string(i) + ".test";
            EXPECT_EQ(evdns_server_request_add_a_reply(request, host.c_str(), 1, "\1\2\3\4", 5), 0);
        }
        EXPECT_EQ(evdns_server_request_respond(request, 0), 0);
    };
    const Bytes reply = exchange(question("host.test"));
    EXPECT_LE(reply.size(), 512U);
    dns::Reader reader(reply);
    dns::Header header;
    dns::Question asked;
    dns::Record record;
    ASSERT_TRUE(reader.read(header) && reader.read(asked));
    EXPECT_TRUE(header.truncated());
    EXPECT_GT(header.records[0], 15);
    EXPECT_LT(header.records[0], 60);
    for (int i = 0; i < header.records[0]; ++i) {
        EXPECT_TRUE(reader.read(record));
    }
}

TEST_F(EvdnsServer, BadUseIsRefused) {
    handle_ = [](evdns_server_request* request) {
        const std::string label(64, 'x');
        EXPECT_EQ(evdns_server_request_add_a_reply(request, label.c_str(), 1, "\1\2\3\4", 5), -1);
        EXPECT_EQ(evdns_server_request_add_cname_reply(request, "a.test", "a..b", 5), -1);
        EXPECT_EQ(evdns_server_request_respond(request, 16), -1);
        EXPECT_EQ(evdns_server_request_respond(request, -1), -1);
        EXPECT_EQ(evdns_server_request_respond(request, 2), 0);
    };
    const Bytes reply = exchange(question("host.test"));
    ASSERT_EQ(reply.size(), question("host.test").size());
    EXPECT_EQ(reply[3] & 15, 2);
}

TEST_F(EvdnsServer, HostileDatagramsAreDropped) {
    handle_ = [](evdns_server_request* request) { evdns_server_request_respond(request, 0); };
    const Bytes good = question("host.test");
    for (std::size_t size = 0; size < good.size(); ++size) {
        EXPECT_TRUE(exchange(Bytes(good.begin(), good.begin() + static_cast<long>(size))).empty());
    }
    EXPECT_EQ(requests_, 0);
    Bytes many = good;
    many[4] = 0xFF;
    EXPECT_TRUE(exchange(many).empty());
    Bytes nul = good;
    nul[14] = 0;
    EXPECT_TRUE(exchange(nul).empty());
    EXPECT_EQ(requests_, 0);
    std::mt19937 random(3);
    for (int i = 0; i < 300; ++i) {
        Bytes noise = good;
        noise.resize(1 + random() % 60);
        for (std::size_t at = random() % noise.size(); at < noise.size(); ++at) {
            noise[at] = static_cast<std::uint8_t>(random());
        }
        exchange(noise);
    }
    EXPECT_FALSE(exchange(good).empty());
}

TEST_F(EvdnsServer, AnsweringAfterTheEndOfThePort) {
    std::vector<evdns_server_request*> kept;
    handle_ = [&](evdns_server_request* request) { kept.push_back(request); };
    exchange(question("a.test"));
    exchange(question("b.test"));
    ASSERT_EQ(kept.size(), 2U);
    evdns_close_server_port(port_);
    port_ = nullptr;
    EXPECT_EQ(evdns_server_request_respond(kept[0], 0), 0);
    event_base_loop(base_, EVLOOP_NONBLOCK);
    EXPECT_EQ(evdns_server_request_drop(kept[1]), 0);
}

// -- out of memory -------------------------------------------------------------------------------

long allocations_left = -1;  ///< negative: no limit

bool may_allocate() {
    if (allocations_left == 0) {
        return false;
    }
    allocations_left -= allocations_left > 0 ? 1 : 0;
    return true;
}

/// A server, a resolver and three look-ups; true if all went well. Whatever fails, fails cleanly.
bool scenario(event_base* base) {
    sockaddr_in address = loopback();
    const int fd = bound_socket(SOCK_DGRAM, address);
    const auto serve = [](evdns_server_request* request, void*) {
        evdns_server_request_add_a_reply(request, request->questions[0]->name, 1, "\1\2\3\4", 9);
        evdns_server_request_respond(request, 0);
    };
    evdns_server_port* const port = evdns_add_server_port_with_base(base, fd, 0, serve, nullptr);
    if (port == nullptr) {
        close(fd);
        return false;
    }
    struct Tally {
        int waiting = 0;
        int good = 0;
    } tally;
    evdns_base* const dns = evdns_base_new(base, 0);
    if (dns != nullptr &&
        evdns_base_nameserver_sockaddr_add(dns, reinterpret_cast<sockaddr*>(&address),
                                           sizeof(address), 0) == 0) {
        evdns_base_set_option(dns, "timeout", "0.02");
        evdns_base_set_option(dns, "attempts", "1");
        const auto told = [](int error, char, int, int, void*, void* arg) {
            --static_cast<Tally*>(arg)->waiting;
            static_cast<Tally*>(arg)->good += error == 0 ? 1 : 0;
        };
        const auto found = [](int error, evutil_addrinfo* list, void* arg) {
            --static_cast<Tally*>(arg)->waiting;
            static_cast<Tally*>(arg)->good += error == 0 ? 1 : 0;
            if (list != nullptr) {
                evutil_freeaddrinfo(list);
            }
        };
        const in_addr host = {htonl(INADDR_LOOPBACK)};
        tally.waiting += evdns_base_resolve_ipv4(dns, "a.test", 0, told, &tally) != nullptr;
        tally.waiting += evdns_base_resolve_reverse(dns, &host, 0, told, &tally) != nullptr;
        tally.waiting += 2;
        evdns_getaddrinfo(dns, "b.test", "80", nullptr, found, &tally);
        evdns_getaddrinfo(dns, "1.2.3.4", "80", nullptr, found, &tally);
        while (tally.waiting > 0) {
            event_base_loop(base, EVLOOP_ONCE);
        }
    }
    if (dns != nullptr) {
        evdns_base_free(dns, 1);
    }
    evdns_close_server_port(port);
    for (int i = 0; i < 3; ++i) {
        event_base_loop(base, EVLOOP_NONBLOCK);
    }
    return tally.good == 3;
}

TEST(EvdnsMemory, MayRunOutAnywhere) {
    event_set_mem_functions(
        [](size_t size) { return may_allocate() ? std::malloc(size) : nullptr; },
        [](void* old, size_t size) { return may_allocate() ? std::realloc(old, size) : nullptr; },
        std::free);
    event_base* const base = event_base_new();
    EXPECT_TRUE(scenario(base));
    bool went_well = false;
    long step = 0;
    for (; !went_well && step < 1000; ++step) {
        allocations_left = step;
        scenario(base);
        went_well = allocations_left > 0;  // the failing one was not reached
    }
    allocations_left = -1;
    EXPECT_TRUE(went_well);
    EXPECT_GT(step, 5);
    EXPECT_TRUE(scenario(base));
    event_base_free(base);
    event_set_mem_functions(nullptr, nullptr, nullptr);
}

}  // namespace
}  // namespace corevent::compat
