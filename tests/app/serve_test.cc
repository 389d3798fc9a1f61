// `corevent serve` as its user meets it: curl, browsers' requests, a second start, sockets of every
// kind.

#include "program.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <map>
#include <string>
#include <thread>

namespace corevent::test {
namespace {

class Site : public testing::Test {
protected:
    Site() {
        directory.file("index.html", "<h1>start</h1>");
        directory.file("a.txt", "0123456789");
        directory.file("sub/b.css", "body{}");
        directory.file("sub/<odd & name>.txt", "odd");
        directory.file(".secret", "no");
        directory.file(".well-known/x", "yes");
        directory.file("page.htm", "other index");
    }

    /// On a free port, with further arguments.
    Start start(std::vector<std::string> arguments = {}) const {
        arguments.insert(arguments.begin(), {"serve", directory.path(), "-p", "0"});
        return corevent_start(std::move(arguments));
    }

    TemporaryDirectory directory;
};

TEST_F(Site, SaysWhatItServes) {
    Running server(start({"-t", "2"}));
    const std::string lines = server.process.err();
    EXPECT_TRUE(lines.starts_with("corevent " CE_VERSION " serving " + directory.path() + "\n"))
        << lines;
    EXPECT_NE(lines.find("/   http/1.1   listing on (loopback only)\n"), std::string::npos)
        << lines;
    EXPECT_NE(lines.find("  2 loops (epoll), at most "), std::string::npos) << lines;
    EXPECT_NE(lines.find("  Ctrl-C drains for 30 s, twice stops now\n"), std::string::npos)
        << lines;
    EXPECT_EQ(server.process.out(), "");
    EXPECT_EQ(server.stop(), 0);
}

TEST_F(Site, ServesFiles) {
    Running server(start());
    const std::string response = curl({"-i", server.url("/a.txt")}).out;
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n")) << response;
    EXPECT_TRUE(response.ends_with("\r\n\r\n0123456789")) << response;
    EXPECT_EQ(field_of(response, "content-length"), "10");
    EXPECT_TRUE(field_of(response, "content-type").starts_with("text/plain"));
    EXPECT_EQ(curl({server.url("/")}).out, "<h1>start</h1>");
    EXPECT_EQ(curl({"-L", server.url("/sub/b.css")}).out, "body{}");
    EXPECT_EQ(status_of(server.url("/none")), "404");
    EXPECT_EQ(status_of(server.url("/.secret")), "404");
    EXPECT_EQ(curl({server.url("/.well-known/x")}).out, "yes");
    EXPECT_EQ(status_of(server.url("/../../etc/passwd"), {"--path-as-is"}), "400");
    EXPECT_EQ(status_of(server.url("/a.txt"), {"-X", "DELETE"}), "405");
}

TEST_F(Site, AnswersHeadWithoutBody) {
    Running server(start());
    const std::string response = curl({"-I", server.url("/a.txt")}).out;
    EXPECT_TRUE(response.starts_with("HTTP/1.1 200 OK\r\n"));
    EXPECT_TRUE(response.ends_with("\r\n\r\n"));
    EXPECT_EQ(field_of(response, "content-length"), "10");
}

TEST_F(Site, AnswersRanges) {
    Running server(start());
    const std::string part = curl({"-i", "-r", "2-4", server.url("/a.txt")}).out;
    EXPECT_TRUE(part.starts_with("HTTP/1.1 206 ")) << part;
    EXPECT_EQ(field_of(part, "content-range"), "bytes 2-4/10");
    EXPECT_TRUE(part.ends_with("\r\n\r\n234"));
    EXPECT_EQ(curl({"-r", "-3", server.url("/a.txt")}).out, "789");
    EXPECT_EQ(status_of(server.url("/a.txt"), {"-r", "20-"}), "416");
    const std::string parts = curl({"-i", "-r", "0-1,8-9", server.url("/a.txt")}).out;
    EXPECT_TRUE(field_of(parts, "content-type").starts_with("multipart/byteranges; boundary="))
        << parts;
}

TEST_F(Site, ResumesADownload) {
    Running server(start());
    const std::string half = directory.path() + "/half";
    directory.file("half", "01234");
    EXPECT_EQ(curl({"-C", "-", "-o", half, server.url("/a.txt")}).code, 0);
    EXPECT_EQ(read_file(half), "0123456789");
}

TEST_F(Site, Answers304ToValidators) {
    Running server(start());
    const std::string response = curl({"-i", server.url("/a.txt")}).out;
    const std::string tag = field_of(response, "etag");
    const std::string date = field_of(response, "last-modified");
    ASSERT_NE(tag, "");
    ASSERT_NE(date, "");
    EXPECT_EQ(status_of(server.url("/a.txt"), {"-H", "If-None-Match: " + tag}), "304");
    EXPECT_EQ(status_of(server.url("/a.txt"), {"-H", "If-None-Match: \"other\""}), "200");
    EXPECT_EQ(status_of(server.url("/a.txt"), {"-H", "If-Modified-Since: " + date}), "304");
    EXPECT_EQ(status_of(server.url("/a.txt"), {"-H", "If-Match: \"other\""}), "412");
}

TEST_F(Site, ListsDirectories) {
    Running server(start());
    const std::string listing = curl({server.url("/sub/")}).out;
    EXPECT_NE(listing.find("b.css"), std::string::npos) << listing;
    EXPECT_NE(listing.find("&lt;odd &amp; name&gt;.txt"), std::string::npos) << listing;
    EXPECT_EQ(listing.find("<odd"), std::string::npos) << listing;
    EXPECT_EQ(curl({"-L", server.url("/sub")}).out, listing);
}

TEST_F(Site, DoesNotListWhenAskedNotTo) {
    Running server(start({"--no-browse"}));
    EXPECT_NE(server.process.err().find("listing off"), std::string::npos);
    EXPECT_EQ(status_of(server.url("/sub/")), "403");
    EXPECT_EQ(status_of(server.url("/")), "200");
}

TEST_F(Site, ListsForEveryoneWhenAskedTo) {
    Running server(start({"--browse"}));
    EXPECT_NE(server.process.err().find("   listing on\n"), std::string::npos)
        << server.process.err();
    EXPECT_EQ(status_of(server.url("/sub/")), "200");
}

TEST_F(Site, TakesIndexNamesInOrder) {
    Running server(start({"--index", "none.html", "--index", "page.htm"}));
    EXPECT_EQ(curl({server.url("/")}).out, "other index");
}

TEST_F(Site, AnswersTheSinglePage) {
    Running server(start({"--spa"}));
    EXPECT_EQ(curl({server.url("/users/7/edit")}).out, "<h1>start</h1>");
    EXPECT_EQ(curl({server.url("/a.txt")}).out, "0123456789");
    Running other(start({"--spa=page.htm"}));
    EXPECT_EQ(curl({other.url("/users/7/edit")}).out, "other index");
}

TEST_F(Site, KeepsConnectionsAlive) {
    Running server(start());
    const Finished twice =
        curl({"-w", "%{num_connects} ", server.url("/a.txt"), server.url("/a.txt")});
    EXPECT_EQ(twice.out, "01234567891 01234567890 ");
}

/// Files that are kept in memory and files that are sent from their descriptor: all octets, also when
/// the second request of a connection finds the entry in the cache.
TEST_F(Site, SendsFilesOfAllSizes) {
    std::map<std::string, std::string> files;
    for (const std::size_t size : {0, 1, 4095, 16 * 1024, 16 * 1024 + 1, 70'000, 3'000'000}) {
        std::string contents(size, '\0');
        for (std::size_t i = 0; i < size; ++i) {
            contents[i] = static_cast<char>('a' + (i * 7 + i / 26) % 26);
        }
        const std::string name = "size" + std::to_string(size);
        directory.file(name, contents);
        files[name] = std::move(contents);
    }
    Running server(start());
    for (const auto& [name, contents] : files) {
        const std::string url = server.url("/" + name);
        const Finished twice = curl({url, url});
        EXPECT_TRUE(twice.out == contents + contents) << name << ": " << twice.out.size();
    }
}

TEST_F(Site, RunsOnBothBackEnds) {
    for (const std::string backend : {"epoll", "poll"}) {
        Running server(start({"--backend", backend}));
        EXPECT_NE(server.process.err().find("(" + backend + ")"), std::string::npos)
            << server.process.err();
        EXPECT_EQ(curl({server.url("/a.txt")}).out, "0123456789");
        EXPECT_EQ(server.stop(), 0);
    }
}

TEST_F(Site, StartsAThreadForEachLoop) {
    const auto threads = [](pid_t pid) {
        std::size_t count = 0;
        for ([[maybe_unused]] const auto& entry :
             std::filesystem::directory_iterator("/proc/" + std::to_string(pid) + "/task")) {
            ++count;
        }
        return count;
    };
    Running one(start({"-t", "1"}));
    Running four(start({"-t", "4"}));
    // Loop 0 may say that it serves before the last thread has been started.
    const auto end = std::chrono::steady_clock::now() + deadline;
    const auto difference = [&] {
        return static_cast<int>(threads(four.process.pid())) -
               static_cast<int>(threads(one.process.pid()));
    };
    while (difference() != 3 && std::chrono::steady_clock::now() < end) {
        std::this_thread::yield();
    }
    EXPECT_EQ(difference(), 3);
    EXPECT_NE(four.process.err().find("  4 loops"), std::string::npos);
    EXPECT_EQ(status_of(four.url("/a.txt")), "200");
}

TEST_F(Site, SharesThePortOnlyWhenAskedTo) {
    Running first(start({"--reuse-port", "-t", "2"}));
    EXPECT_EQ(status_of(first.url("/a.txt")), "200");
    EXPECT_EQ(first.stop(), 0);
}

TEST_F(Site, ASecondStartNamesTheHolderOfThePort) {
    Running first(start());
    const std::string port = std::to_string(first.port);
    const Finished second = corevent_run({"serve", directory.path(), "-p", port});
    EXPECT_EQ(second.code, 1);
    const std::string words = "cannot listen on 127.0.0.1:" + port + ": in use by corevent (pid " +
                              std::to_string(first.process.pid()) + ")\n";
    EXPECT_TRUE(second.err.starts_with(words)) << second.err;
    EXPECT_GT(port_after(second.err, "try --port "), first.port);  // others may have the next one
    EXPECT_EQ(status_of(first.url("/a.txt")), "200");
}

TEST_F(Site, ListensOnBothLoopbackAddresses) {
    Running server(start());
    if (server.process.err().find("http://localhost:") == std::string::npos) {
        GTEST_SKIP() << "no IPv6 loopback here";
    }
    const std::string path = ":" + std::to_string(server.port) + "/a.txt";
    EXPECT_EQ(curl({"http://[::1]" + path}).out, "0123456789");
    EXPECT_EQ(curl({"http://127.0.0.1" + path}).out, "0123456789");
    EXPECT_EQ(curl({"http://localhost" + path}).out, "0123456789");
}

TEST_F(Site, ListensWhereItIsTold) {
    const std::string socket = directory.path() + "/s";
    Running server({"serve", "-r", directory.path(), "-l", "127.0.0.1:0", "-l",
                    "unix:" + socket + ",mode=600"});
    EXPECT_NE(server.process.err().find("\n  unix:" + socket), std::string::npos)
        << server.process.err();
    EXPECT_EQ(curl({server.url("/a.txt")}).out, "0123456789");
    EXPECT_EQ(curl({"--unix-socket", socket, "http://x/a.txt"}).out, "0123456789");
    EXPECT_EQ(std::filesystem::status(socket).permissions(), std::filesystem::perms(0600));
    EXPECT_EQ(server.stop(), 0);
    EXPECT_FALSE(std::filesystem::exists(socket));
}

TEST_F(Site, TakesInheritedSockets) {
    const int listening = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t length = sizeof address;
    auto* const any = reinterpret_cast<sockaddr*>(&address);
    ASSERT_EQ(bind(listening, any, length), 0);
    ASSERT_EQ(listen(listening, 16), 0);
    ASSERT_EQ(getsockname(listening, any, &length), 0);
    Client early(ntohs(address.sin_port));  // before the program exists: the kernel keeps it
    ASSERT_TRUE(early.connected());
    Start inherited = corevent_start({"serve", directory.path(), "-l", "systemd"});
    inherited.listen_descriptor = listening;
    Running server(inherited);
    close(listening);
    EXPECT_EQ(server.port, ntohs(address.sin_port));
    EXPECT_TRUE(early.send("GET /a.txt HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    EXPECT_TRUE(early.receive_all().ends_with("0123456789"));
    EXPECT_EQ(curl({server.url("/a.txt")}).out, "0123456789");
    EXPECT_EQ(server.stop(), 0);
}

TEST_F(Site, RefusesSocketsThatAreNotItsOwn) {
    Start start = corevent_start({"serve", directory.path(), "-l", "systemd"});
    const Finished none = run(start);
    EXPECT_EQ(none.code, 1);
    EXPECT_NE(none.err.find("LISTEN_PID is not set"), std::string::npos) << none.err;
    start.environment = {{"LISTEN_PID", "1"}, {"LISTEN_FDS", "1"}};
    const Finished foreign = run(start);
    EXPECT_EQ(foreign.code, 1);
    EXPECT_NE(foreign.err.find("belong to process 1"), std::string::npos) << foreign.err;
}

TEST_F(Site, RefusesWhatCannotBeServed) {
    const Finished none = corevent_run({"serve", directory.path() + "/none"});
    EXPECT_EQ(none.code, 1);
    EXPECT_EQ(none.err, "cannot serve " + directory.path() + "/none: no such directory\n");
    const Finished file = corevent_run({"serve", directory.path() + "/a.txt"});
    EXPECT_EQ(file.code, 1);
    EXPECT_EQ(file.err, "cannot serve " + directory.path() + "/a.txt: not a directory\n");
    Start relative = corevent_start({"serve", "none"});
    relative.directory = directory.path();
    EXPECT_EQ(run(relative).err, "cannot serve " + directory.path() + "/none: no such directory\n");
    const Finished page = corevent_run({"serve", directory.path(), "--spa=none.html"});
    EXPECT_EQ(page.code, 1);
    EXPECT_EQ(page.err, "--spa: no file " + directory.path() + "/none.html\n");
    const Finished log =
        corevent_run({"serve", directory.path(), "--access-log", directory.path() + "/no/log"});
    EXPECT_EQ(log.code, 1);
    EXPECT_NE(log.err.find("cannot write the access log"), std::string::npos);
}

TEST_F(Site, TellsWhatALowPortNeeds) {
    if (geteuid() != 0) {
        GTEST_SKIP() << "needs root, to give it up";
    }
    if (run({"setpriv", "--version"}).code != 0) {
        GTEST_SKIP() << "needs setpriv of util-linux";
    }
    const std::string unprivileged = read_file("/proc/sys/net/ipv4/ip_unprivileged_port_start");
    if (std::atoi(unprivileged.c_str()) <= 80) {
        GTEST_SKIP() << "this machine lets everyone have port 80";
    }
    const Finished ended =
        run({"setpriv", "--bounding-set", "-all", "--inh-caps", "-all", "--no-new-privs",
             program("corevent"), "serve", directory.path(), "-p", "80"});
    EXPECT_EQ(ended.code, 1);
    EXPECT_NE(ended.err.find("CAP_NET_BIND_SERVICE"), std::string::npos) << ended.err;
}

TEST_F(Site, CountsDescriptors) {
    Start few = start();
    few.descriptors = 256;
    Running server(few);
    const std::string lines = server.process.err();
    EXPECT_NE(lines.find("at most 204 connections: the limit of open files is 256\nraise it: "),
              std::string::npos)
        << lines;
    EXPECT_NE(lines.find("at most 204 connections (256 descriptors)"), std::string::npos) << lines;
    few = start({"--connections", "1000"});
    few.descriptors = 256;
    const Finished more = run(few);
    EXPECT_EQ(more.code, 1);
    EXPECT_NE(more.err.find("1,000 connections asked for, but 256 descriptors carry at most "
                            "204\nraise it: ulimit -n 1250 "),
              std::string::npos)
        << more.err;
}

TEST_F(Site, WritesNoFileAndLeavesNothing) {
    const auto files = [&] {
        std::vector<std::string> names;
        for (const auto& entry : std::filesystem::recursive_directory_iterator(directory.path())) {
            names.push_back(entry.path());
        }
        std::ranges::sort(names);
        return names;
    };
    const auto before = files();
    Start here = corevent_start({"serve", "-p", "0"});
    here.directory = directory.path();
    Running server(here);
    EXPECT_NE(server.process.err().find("serving " + directory.path() + "\n"), std::string::npos)
        << server.process.err();
    EXPECT_EQ(curl({server.url("/a.txt")}).out, "0123456789");
    EXPECT_EQ(server.stop(), 0);
    EXPECT_EQ(files(), before);
}

}  // namespace
}  // namespace corevent::test
