// Whatever a path says, nothing outside the root is opened and nothing but regular files is read.
#include "http/static_path.h"
#include "http/static_root.h"
#include "http/static_site.h"

#include <gtest/gtest.h>

#include <sys/fsuid.h>
#include <sys/socket.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <cstring>

namespace corevent::http {
namespace {

using test::Answer;
using test::Served;
using test::Site;

TEST(StaticPath, Names) {
    struct Row {
        std::string_view path;
        StaticPathKind kind;
        std::string_view name;
    };
    using enum StaticPathKind;
    using namespace std::string_view_literals;
    const Row rows[] = {
        {"", directory, ""},
        {"/", directory, ""},
        {"//", directory, ""},
        {"/a", file, "a"},
        {"a", file, "a"},
        {"/a/", directory, "a/"},
        {"/a//b///c", file, "a/b/c"},
        {"//a//", directory, "a/"},
        {"/a b/ü", file, "a b/ü"},
        {"/a...", file, "a..."},
        {"/.well-known/x", file, ".well-known/x"},
        {"/.well-known", file, ".well-known"},
        {"/.well-known/", directory, ".well-known/"},
        {"/.well-known/.x", refused, ""},
        {"/a/.well-known/x", refused, ""},
        {"/.well-knownx/x", refused, ""},
        {"/.", refused, ""},
        {"/..", refused, ""},
        {"/../", refused, ""},
        {"/a/../b", refused, ""},
        {"/a/./b", refused, ""},
        {"/...", refused, ""},
        {"/.git/config", refused, ""},
        {"/a/.htaccess", refused, ""},
        {"/a\\b", refused, ""},
        {"/..\\..\\etc\\passwd", refused, ""},
        {"/a\0b"sv, refused, ""},
        {"/a\nb", refused, ""},
        {"/a\x7f", refused, ""},
    };
    Bytes scratch;
    for (const Row& row : rows) {
        const StaticPath mapped = map_static_path(row.path, scratch);
        EXPECT_EQ(mapped.kind, row.kind) << row.path;
        EXPECT_EQ(mapped.name, row.name) << row.path;
    }
    EXPECT_EQ(map_static_path("/" + std::string(255, 'a'), scratch).kind, file);
    EXPECT_EQ(map_static_path("/" + std::string(256, 'a'), scratch).kind, refused);
    std::string deep;
    while (deep.size() < static_name_max) deep += "/a";
    EXPECT_EQ(map_static_path(deep, scratch).kind, file);
    EXPECT_EQ(map_static_path(deep + "/a", scratch).kind, refused);
}

/// The classics, as a client writes them. 400: the target is no path of HTTP; all others: not there.
TEST(StaticFiles, TraversalAttempts) {
    Site site;
    site.outside().file("secret.txt", "secret");
    site.directory("a");
    site.file("a/b.txt", "inside");
    site.file("hello.txt", "hello");
    Served served({.root = site.root()});
    const char* const attempts[] = {
        "/../secret.txt",
        "/a/../../secret.txt",
        "/./../secret.txt",
        "/%2e%2e/secret.txt",
        "/%2E%2E/secret.txt",
        "/.%2e/secret.txt",
        "/..%2fsecret.txt",
        "/..%2Fsecret.txt",
        "/%2e%2e%2fsecret.txt",
        "/a/%2e%2e/%2e%2e/secret.txt",
        "/%252e%252e/secret.txt",
        "/%252e%252e%252fsecret.txt",
        "/..%5csecret.txt",
        "/..%5c..%5csecret.txt",
        "/%5c..%5csecret.txt",
        "/a/..%5c..%5csecret.txt",
        "/%c0%ae%c0%ae/secret.txt",
        "/%c0%ae%c0%ae%c0%afsecret.txt",
        "/..%c0%afsecret.txt",
        "/..%e0%80%afsecret.txt",
        "/%e0%80%ae%e0%80%ae/secret.txt",
        "/%f0%80%80%ae/secret.txt",
        "/%uff0e%uff0e/secret.txt",
        "/..;/secret.txt",
        "/.../secret.txt",
        "/....//secret.txt",
        "//../secret.txt",
        "///..//secret.txt",
        "/hello.txt%00",
        "/hello.txt%00.html",
        "/%00/hello.txt",
        "/hello.txt%0a",
        "/hello.txt/",
        "/hello.txt/.",
        "/hello.txt/../../secret.txt",
        "/hello.txt\\",
        "/%2fetc/passwd",
        "/%5cetc%5cpasswd",
        "/file:///etc/passwd",
        "/~root/",
        "/hello.txt%",
        "/hello.txt%2",
        "/hello.txt%zz",
        "/proc/self/environ",
        "/.htaccess",
        "/%2ehtaccess",
        "/.git/HEAD",
    };
    for (const char* attempt : attempts) {
        const Answer answer = served.get(attempt);
        EXPECT_TRUE(answer.status == 404 || answer.status == 400)
            << attempt << ": " << answer.status;
        EXPECT_EQ(answer.body.find("secret"), std::string::npos) << attempt;
    }
    // What only looks like one.
    EXPECT_EQ(served.get("/hello.txt/..").status, 403);  // the root, whose listing is off
    EXPECT_EQ(served.get("/a/../hello.txt").body, "hello");
    EXPECT_EQ(served.get("/a/./b.txt").body, "inside");
    EXPECT_EQ(served.get("/a/%2e%2e/hello.txt").body, "hello");
    EXPECT_EQ(served.get("//a//b.txt").body, "inside");
    EXPECT_EQ(served.get("/h%65llo.txt").body, "hello");
    // Paths that were not made by the decoder either.
    EXPECT_EQ(served.raw("/../secret.txt").status, 404);
    EXPECT_EQ(served.raw("../secret.txt").status, 404);
    EXPECT_EQ(served.raw("/a/../../secret.txt").status, 404);
}

class StaticLinks : public ::testing::TestWithParam<StaticRoot::Resolve> {
protected:
    /// Contents of what the name leads to, or "error N".
    std::string read(const Site& site, const char* name) {
        auto root = StaticRoot::open(site.root(), GetParam());
        if (!root) return "no root";
        const auto opened = root->open_beneath(name, O_RDONLY);
        if (!opened) return "error " + std::to_string(opened.error().value());
        std::string bytes(100, '\0');
        const ssize_t n = ::read(opened->get(), bytes.data(), bytes.size());
        if (n < 0) return "unreadable " + std::to_string(errno);
        bytes.resize(static_cast<std::size_t>(n));
        return bytes;
    }
    static std::string error(int number) { return "error " + std::to_string(number); }
};

TEST_P(StaticLinks, AreFollowedBeneathTheRootOnly) {
    Site site;
    site.outside().file("secret.txt", "secret");
    site.directory("a/b");
    site.file("a/b/f", "inside");
    site.file("top", "top");
    site.link("a/b/f", "file");
    site.link("a", "directory");
    site.link("directory/b", "chain");
    site.link("../../top", "a/b/up");
    site.link("../a/../top", "a/around");
    site.link("a/b/", "slash");
    site.link(".", "dot");
    site.link("../secret.txt", "out");
    site.link("a/../../secret.txt", "out-later");
    site.link("../root/top", "out-and-in");
    site.link("/etc/passwd", "absolute");
    site.link(site.in_root("top"), "absolute-inside");
    site.link("..", "parent");
    site.link("loop-b", "loop-a");
    site.link("loop-a", "loop-b");
    site.link("nowhere", "broken");
    site.link("/proc/self/cwd", "magic");
    std::string previous = "top";
    for (int i = 0; i < 41; ++i) {
        const std::string name = "link" + std::to_string(i);
        site.link(previous, name);
        previous = name;
    }
    EXPECT_EQ(read(site, "a/b/f"), "inside");
    EXPECT_EQ(read(site, "file"), "inside");
    EXPECT_EQ(read(site, "directory/b/f"), "inside");
    EXPECT_EQ(read(site, "chain/f"), "inside");
    EXPECT_EQ(read(site, "a/b/up"), "top");
    EXPECT_EQ(read(site, "a/around"), "top");
    EXPECT_EQ(read(site, "slash/f"), "inside");
    EXPECT_EQ(read(site, "dot/dot/top"), "top");
    EXPECT_EQ(read(site, "link39"), "top");
    EXPECT_EQ(read(site, "link40"), error(ELOOP));
    EXPECT_EQ(read(site, "loop-a"), error(ELOOP));
    EXPECT_EQ(read(site, "broken"), error(ENOENT));
    EXPECT_EQ(read(site, "out"), error(EXDEV));
    EXPECT_EQ(read(site, "out-later"), error(EXDEV));
    EXPECT_EQ(read(site, "out-and-in"), error(EXDEV));
    EXPECT_EQ(read(site, "absolute"), error(EXDEV));
    EXPECT_EQ(read(site, "absolute-inside"), error(EXDEV));
    EXPECT_EQ(read(site, "parent/secret.txt"), error(EXDEV));
    EXPECT_EQ(read(site, "../secret.txt"), error(EXDEV));
    EXPECT_EQ(read(site, "a/../../secret.txt"), error(EXDEV));
    EXPECT_EQ(read(site, "/etc/passwd"),
              GetParam() == StaticRoot::Resolve::automatic ? error(EXDEV) : error(ENOENT));
    EXPECT_EQ(read(site, "magic"), error(EXDEV));
    EXPECT_EQ(read(site, "top/x"), error(ENOTDIR));
    EXPECT_EQ(read(site, "top/"), error(ENOTDIR));
    EXPECT_EQ(read(site, "none"), error(ENOENT));
    EXPECT_EQ(read(site, "a/b"), "unreadable " + std::to_string(EISDIR));
    EXPECT_EQ(read(site, ""), "unreadable " + std::to_string(EISDIR));
}

INSTANTIATE_TEST_SUITE_P(KernelAndByHand, StaticLinks,
                         ::testing::Values(StaticRoot::Resolve::automatic,
                                           StaticRoot::Resolve::by_component));

TEST(StaticFiles, LinksThatLeaveTheRootDoNotExist) {
    Site site;
    site.outside().file("secret.txt", "secret");
    site.file("page.html", "page");
    site.link("page.html", "same.html");
    site.link("../secret.txt", "out.txt");
    site.link("/etc/passwd", "passwd");
    site.link("self", "self");
    site.link("..", "up");
    site.file("with.txt", "plain");
    site.link("../secret.txt", "with.txt.gz");
    Served served({.root = site.root()});
    EXPECT_EQ(served.get("/same.html").body, "page");
    for (const char* path : {"/out.txt", "/passwd", "/self", "/up/secret.txt", "/up/", "/up"}) {
        EXPECT_EQ(served.get(path).status, 404) << path;
    }
    EXPECT_EQ(served.get("/with.txt", {"Accept-Encoding: gzip"}).body, "plain");
}

TEST(StaticFiles, OnlyRegularFilesAreRead) {
    Site site;
    ASSERT_EQ(::mkfifo(site.in_root("fifo").c_str(), 0644), 0);
    site.file("a.txt", "plain");
    ASSERT_EQ(::mkfifo(site.in_root("a.txt.gz").c_str(), 0644), 0);
    const int unix_socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string place = site.in_root("socket");
    ASSERT_LT(place.size(), sizeof address.sun_path);
    std::memcpy(address.sun_path, place.c_str(), place.size() + 1);
    ASSERT_EQ(::bind(unix_socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    Served served({.root = site.root()});
    EXPECT_EQ(served.get("/fifo").status, 404);  // and the test does not hang in open()
    EXPECT_EQ(served.get("/socket").status, 404);
    EXPECT_EQ(served.get("/a.txt", {"Accept-Encoding: gzip"}).body, "plain");
    ::close(unix_socket);
    if (::mknod(site.in_root("device").c_str(), S_IFCHR | 0644, makedev(1, 5)) ==
        0) {  // /dev/zero, where it is allowed
        EXPECT_EQ(served.get("/device").status, 404);
    }
}

/// Files as an unprivileged user sees them; root may read everything.
class AsNobody {
public:
    AsNobody() : before_(::setfsuid(::geteuid() == 0 ? 65534 : ::geteuid())) {}
    ~AsNobody() { ::setfsuid(static_cast<uid_t>(before_)); }
    AsNobody(const AsNobody&) = delete;
    AsNobody& operator=(const AsNobody&) = delete;

private:
    int before_;
};

TEST(StaticFiles, WhatMayNotBeReadIsForbidden) {
    Site site;
    site.file("private.txt", "private");
    site.directory("closed");
    site.file("closed/a.txt", "a");
    site.directory("searchable");
    site.file("searchable/index.html", "index");
    std::filesystem::permissions(site.outside().path(), std::filesystem::perms(0755));
    std::filesystem::permissions(site.in_root("private.txt"), std::filesystem::perms(0));
    std::filesystem::permissions(site.in_root("closed"), std::filesystem::perms(0));
    std::filesystem::permissions(site.in_root("searchable"), std::filesystem::perms(0111));
    StaticFilesOptions options{.root = site.root()};
    options.listing = true;
    Served served(options);
    {
        const AsNobody nobody;
        EXPECT_EQ(served.get("/private.txt").status, 403);
        EXPECT_EQ(served.get("/closed/a.txt").status, 403);
        EXPECT_EQ(served.get("/closed/").status, 403);
        EXPECT_EQ(served.get("/searchable").status, 301);
        EXPECT_EQ(served.get("/searchable/").body, "index");
        EXPECT_EQ(served.get("/searchable/none.txt").status, 404);
    }
    std::filesystem::permissions(site.in_root("closed"), std::filesystem::perms(0755));
    std::filesystem::permissions(site.in_root("searchable"), std::filesystem::perms(0755));
}

}  // namespace
}  // namespace corevent::http
