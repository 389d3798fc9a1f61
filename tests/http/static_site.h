// For the tests of static files: a directory whose files have the contents and times that a case needs, and a StaticFiles
// on it that is asked without a server around it. Time is a number that the test moves.
#pragma once

#include "buffer/bytes.h"
#include "codec/h1_parser.h"
#include "codec/url.h"
#include "http/response_access.h"
#include "http/static_files.h"
#include "support/process.h"

#include <gtest/gtest.h>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#include <ctime>
#include <filesystem>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace corevent::http::test {

/// "Sun, 06 Nov 1994 08:49:37 GMT"
inline constexpr std::int64_t long_ago = 784'111'777;

class Site {
public:
    std::string path(const std::string& name) const { return directory_.path() + "/" + name; }
    std::string root() const { return path("root"); }
    std::string in_root(const std::string& name) const { return root() + "/" + name; }

    Site() { std::filesystem::create_directory(root()); }

    /// Writes a file below the root, last modified at `when`.
    void file(const std::string& name, std::string_view contents, std::int64_t when = long_ago,
              long ns = 0) const {
        directory_.file("root/" + name, contents);
        touch(name, when, ns);
    }
    void directory(const std::string& name) const {
        std::filesystem::create_directories(in_root(name));
    }
    void link(const std::string& target, const std::string& name) const {
        std::filesystem::create_symlink(target, in_root(name));
    }
    void touch(const std::string& name, std::int64_t when, long ns = 0) const {
        const timespec times[2] = {{when, ns}, {when, ns}};
        ASSERT_EQ(::utimensat(AT_FDCWD, in_root(name).c_str(), times, 0), 0);
    }
    void remove(const std::string& name) const { std::filesystem::remove_all(in_root(name)); }
    const corevent::test::TemporaryDirectory& outside() const { return directory_; }

private:
    corevent::test::TemporaryDirectory directory_;
};

struct Answer {
    int status = 0;
    std::string fields;  ///< "Name: value" CRLF
    std::string body;
    std::uint64_t length = 0;  ///< Content-Length
    bool from_file = false;

    /// Value of the only field of that name, or "".
    std::string field(std::string_view name) const {
        const std::string begin = std::string(name) + ": ";
        std::size_t at = fields.rfind(begin, 0) == 0 ? 0 : fields.find("\r\n" + begin);
        if (at == std::string::npos) return {};
        if (at != 0) at += 2;
        EXPECT_EQ(fields.find("\r\n" + begin, at), std::string::npos) << name << " twice";
        at += begin.size();
        return fields.substr(at, fields.find("\r\n", at) - at);
    }
};

/// What the connection would send.
inline Answer take(Response response) {
    Answer answer;
    EXPECT_FALSE(ResponseAccess::invalid(response));
    answer.status = response.status();
    answer.length = ResponseAccess::length(response);
    if (const auto type = ResponseAccess::static_type(response); !type.empty()) {
        answer.fields.append("Content-Type: ").append(type).append("\r\n");
    }
    answer.fields += ResponseAccess::fields(response);
    if (const auto& shared = ResponseAccess::shared(response)) answer.fields += shared->fields;
    FileBody* const file = ResponseAccess::file(response);
    if (file == nullptr) {
        answer.body = response.body();
    } else {
        answer.from_file = true;
        for (const FilePart& part : file->parts) {
            answer.body += part.prefix;
            std::string piece(part.length, '\0');
            const ssize_t n = ::pread(file->file->fd(), piece.data(), piece.size(),
                                      static_cast<off_t>(part.offset));
            answer.body.append(piece, 0, n < 0 ? 0 : static_cast<std::size_t>(n));
        }
        answer.body += file->suffix;
    }
    return answer;
}

class Served {
public:
    explicit Served(StaticFilesOptions options, const Limits& limits = {}) {
        auto opened = StaticFiles::open(std::move(options), limits, 1U);
        if (opened) {
            files_ = std::move(*opened);
        } else {
            ADD_FAILURE() << opened.error().message;
        }
    }

    std::uint64_t now_ms = 1'000'000;
    bool loopback = true;
    std::size_t ranges_cut = 0;

    /// Asks for a target as a client writes it, mounted at "/".
    Answer get(std::string_view target, const std::vector<std::string>& fields = {}) {
        return ask("GET", target, fields);
    }
    Answer head(std::string_view target, const std::vector<std::string>& fields = {}) {
        return ask("HEAD", target, fields);
    }

    /// A path that has been decoded already, whatever it holds.
    Answer raw(std::string_view path) { return ask_decoded("GET", path, {}, {}); }

private:
    Answer ask(std::string_view method, std::string_view target,
               const std::vector<std::string>& fields) {
        const url::Target parts = url::split_target(target);
        Bytes decoded;
        const auto path = url::resolve_path(parts.path, decoded);
        if (!path) return {.status = 400, .fields = {}, .body = {}};
        return ask_decoded(method, *path, parts.query, fields);
    }

    Answer ask_decoded(std::string_view method, std::string_view path, std::string_view query,
                       const std::vector<std::string>& fields) {
        std::string text = std::string(method) + " / HTTP/1.1\r\nHost: a\r\n";
        for (const std::string& field : fields) text += field + "\r\n";
        text += "\r\n";
        const std::size_t size = text.size();
        text.append(h1::padding, '\0');
        h1::RequestHead head;
        h1::HeadParser parser;
        const auto parsed = parser.parse(text.data(), size, head);
        EXPECT_EQ(parsed.state, h1::ParseState::complete);
        StaticRequest request{.head = head,
                              .is_head = method == "HEAD",
                              .loopback = loopback,
                              .full_path = path,
                              .query = query,
                              .now_ms = now_ms};
        Answer answer = take(files_->answer(0, request, path));
        ranges_cut = request.ranges_cut;
        return answer;
    }

    std::shared_ptr<StaticFiles> files_;
};

}  // namespace corevent::http::test
