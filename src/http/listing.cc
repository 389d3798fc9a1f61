#include "http/listing.h"

#include "buffer/bytes.h"
#include "codec/url.h"
#include "http/size_text.h"
#include "http/static_path.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdint>
#include <ctime>
#include <memory>
#include <vector>

namespace corevent::http {
namespace {

constexpr std::string_view page_begin =
    "<!doctype html>\n<html lang=\"en\">\n<meta charset=\"utf-8\">\n"
    "<meta name=\"viewport\" content=\"width=device-width\">\n"
    "<style>\n"
    ":root{color-scheme:light dark}\n"
    "body{font:15px/1.5 system-ui,sans-serif;max-width:56rem;margin:2.5rem auto;padding:0 1rem}\n"
    "h1{font-size:1.2rem;font-weight:600;overflow-wrap:anywhere}\n"
    "table{width:100%;border-collapse:collapse}\n"
    "th{text-align:left;font-weight:400;opacity:.6}\n"
    "th,td{padding:.2rem .8rem .2rem 0;border-bottom:1px solid #8883}\n"
    "td:first-child{overflow-wrap:anywhere}\n"
    "td+td,th+th{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums;opacity:.75}"
    "\n"
    "a{text-decoration:none}a:hover{text-decoration:underline}\n"
    "p{opacity:.6}\n"
    "</style>\n";
constexpr std::string_view table_begin = "<table>\n<tr><th>Name<th>Size<th>Modified (UTC)\n";

struct Entry {
    std::string name;
    bool directory = false;
    std::uint64_t size = 0;
    std::time_t modified = 0;
};

void append_html(std::string& out, std::string_view text) {
    for (const char c : text) {
        switch (c) {
            case '&': out += "&amp;"; break;
            case '<': out += "&lt;"; break;
            case '>': out += "&gt;"; break;
            case '"': out += "&quot;"; break;
            case '\'': out += "&#39;"; break;
            default: out += c;
        }
    }
}

void append_date(std::string& out, std::time_t when) {
    std::tm parts{};
    std::array<char, 32> text;
    if (::gmtime_r(&when, &parts) == nullptr) return;
    out.append(text.data(), std::strftime(text.data(), text.size(), "%Y-%m-%d %H:%M", &parts));
}

void append_row(std::string& out, const Entry& entry) {
    Bytes link;
    url::encode_segment(entry.name, link);
    out += "<tr><td><a href=\"./";  // the dot keeps a name with a colon from being a scheme
    append_html(out, link.view());
    if (entry.directory) out += '/';
    out += "\">";
    append_html(out, entry.name);
    if (entry.directory) out += '/';
    out += "</a><td>";
    if (!entry.directory) append_size(out, entry.size);
    out += "<td>";
    append_date(out, entry.modified);
    out += '\n';
}

/// Whether a request can ask for the name: see static_path.h; and paths are UTF-8 (codec/url.h).
bool can_be_asked_for(std::string_view name, Bytes& scratch) {
    return !name.starts_with('.') && map_static_path(name, scratch).kind == StaticPathKind::file &&
           url::valid_utf8(name);
}

/// False if the entry is not to be shown.
bool describe(int directory, const FollowLink& follow, Entry& entry) {
    struct stat status{};
    if (::fstatat(directory, entry.name.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) return false;
    if (S_ISLNK(status.st_mode)) {
        const auto target = follow(entry.name);
        if (!target || ::fstat(target->get(), &status) != 0) return false;
    }
    entry.directory = S_ISDIR(status.st_mode);
    entry.size = static_cast<std::uint64_t>(status.st_size);
    entry.modified = status.st_mtim.tv_sec;
    return entry.directory || S_ISREG(status.st_mode);
}

struct CloseDirectory {
    void operator()(DIR* directory) const noexcept { ::closedir(directory); }
};

/// False in `complete` if there was more than is listed.
Result<std::vector<Entry>> read_entries(FileDescriptor descriptor, const FollowLink& follow,
                                        bool& complete) {
    const std::unique_ptr<DIR, CloseDirectory> directory(::fdopendir(descriptor.get()));
    if (!directory) return std::unexpected(std::error_code(errno, std::system_category()));
    descriptor.release();
    std::vector<Entry> entries;
    Bytes scratch;
    std::size_t looked_at = 0;
    complete = true;
    while (const dirent* const found = ::readdir(directory.get())) {
        if (!can_be_asked_for(found->d_name, scratch)) continue;
        if (looked_at++ == listing_entries_max) {
            complete = false;
            break;
        }
        Entry entry{.name = found->d_name};
        if (describe(::dirfd(directory.get()), follow, entry)) entries.push_back(std::move(entry));
    }
    std::ranges::sort(entries, [](const Entry& a, const Entry& b) {
        return a.directory != b.directory ? a.directory : a.name < b.name;
    });
    return entries;
}

}  // namespace

Result<std::string> make_listing(FileDescriptor directory, std::string_view shown_path,
                                 bool has_parent, const FollowLink& follow) {
    bool complete = true;
    const auto entries = read_entries(std::move(directory), follow, complete);
    if (!entries) return std::unexpected(entries.error());
    std::string page(page_begin);
    page += "<title>";
    append_html(page, shown_path);
    page += "</title>\n<h1>";
    append_html(page, shown_path);
    page += "</h1>\n";
    page += table_begin;
    if (has_parent) page += "<tr><td><a href=\"../\">../</a><td><td>\n";
    for (const Entry& entry : *entries) append_row(page, entry);
    page += "</table>\n";
    if (!complete)
        page +=
            "<p>Only the first " + std::to_string(listing_entries_max) + " names are shown.</p>\n";
    return page;
}

}  // namespace corevent::http
