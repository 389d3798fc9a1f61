#include "http/static_files.h"

#include "codec/accept.h"
#include "codec/byte_ranges.h"
#include "codec/h1_writer.h"
#include "codec/url.h"
#include "http/conditional.h"
#include "http/listing.h"
#include "http/response_access.h"
#include "http/static_path.h"

#include <corevent/log.h>
#include <corevent/loop_group.h>

#include <fcntl.h>
#include <sys/random.h>
#include <sys/resource.h>
#include <algorithm>
#include <array>
#include <charconv>
#include <ctime>
#include <utility>

namespace corevent::http {
namespace {

using h1::KnownField;

/// Open files of one cache. Connections may take 80 % of the descriptors; a quarter of the rest goes to the caches.
unsigned descriptors_for(std::size_t loops) noexcept {
    rlimit limit{};
    if (::getrlimit(RLIMIT_NOFILE, &limit) != 0) return 4;
    return static_cast<unsigned>(std::clamp<std::uint64_t>(limit.rlim_cur / 20 /
                                                               std::max<std::size_t>(loops, 1),
                                                           4, 256));
}

/// A path as it is written in a page or a Location: no empty segments, so that it can never be read as "//host".
std::string single_slashes(std::string_view path) {
    std::string out = "/";
    for (const char c : path) {
        if (c != '/' || out.back() != '/') out += c;
    }
    return out;
}

std::string content_range(const ByteRange& range, std::uint64_t size) {
    return "bytes " + std::to_string(range.first) + '-' +
           std::to_string(range.first + range.length - 1) + '/' + std::to_string(size);
}

/// A delimiter that no content can be written to contain.
std::string new_boundary() {
    std::uint64_t number = 0;
    if (::getrandom(&number, sizeof number, GRND_NONBLOCK) != static_cast<ssize_t>(sizeof number)) {
        number = static_cast<std::uint64_t>(::clock());
    }
    std::array<char, 16> digits;
    const auto end = std::to_chars(digits.data(), digits.data() + digits.size(), number, 16).ptr;
    return "corevent-" + std::string(digits.data(), end);
}

/// The body of a 206: pieces of the file, from wherever the variant has it.
class PartialBody {
public:
    explicit PartialBody(const FileVariant& variant) noexcept : variant_(variant) {
        body_.file = variant.file;
    }

    void add(std::string prefix, const ByteRange& range) {
        if (variant_.file) {
            body_.parts.push_back({std::move(prefix), range.first, range.length});
        } else {
            bytes_ += prefix;
            bytes_.append(variant_.body->bytes, static_cast<std::size_t>(range.first),
                          static_cast<std::size_t>(range.length));
        }
    }
    void finish(std::string suffix, Response& response) {
        if (variant_.file) {
            body_.suffix = std::move(suffix);
            ResponseAccess::set_file(response, std::move(body_));
        } else {
            bytes_ += suffix;
            ResponseAccess::owned_body(response) = std::move(bytes_);
        }
    }

private:
    const FileVariant& variant_;
    FileBody body_;
    std::string bytes_;
};

Response whole(const FileVariant& variant) {
    Response response(200);
    ResponseAccess::set_shared(response, variant.body);
    if (variant.file) {
        FileBody body;
        body.file = variant.file;
        body.parts.push_back({{}, 0, variant.identity.size});
        ResponseAccess::set_file(response, std::move(body));
    }
    return response;
}

const FileVariant& choose_variant(const FileEntry& entry, const h1::MessageHead& head) noexcept {
    const FileVariant& original = entry.variants.front();
    if (entry.variants.size() == 1 || !head.has(KnownField::accept_encoding)) return original;
    AcceptEncoding accept;
    for (const h1::Field& field : head.fields) {
        if (field.id == KnownField::accept_encoding) accept.add(head.value(field));
    }
    const FileVariant* const best = entry.variant(accept.best(entry.codings));
    return best != nullptr ? *best : original;
}

/// The value of Range, unless it was given twice.
std::string_view range_value(const h1::MessageHead& head) noexcept {
    std::string_view value;
    for (const h1::Field& field : head.fields) {
        if (field.id != KnownField::range) continue;
        if (value.data() != nullptr) return {};
        value = head.value(field);
    }
    return value;
}

std::size_t count_members(std::string_view list) noexcept {
    std::size_t count = 0;
    ListReader reader(list);
    for (std::string_view member; reader.next(member);) ++count;
    return count;
}

std::unique_ptr<FileEntry> make_listing_entry(const std::string& name, std::string page) {
    auto body = std::make_shared<SharedBody>();
    body->fields =
        "Content-Type: text/html; charset=utf-8\r\n"
        "Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'\r\n";
    body->bytes = std::move(page);
    auto entry = std::make_unique<FileEntry>();
    entry->key = name;
    entry->listing = true;
    entry->codings = 1U << static_cast<unsigned>(Coding::identity);
    entry->variants.emplace_back().body = std::move(body);
    return entry;
}

Failure bad(std::string message) {
    return {std::make_error_code(std::errc::invalid_argument), std::move(message)};
}

Outcome<void> check(const StaticFilesOptions& options) {
    Bytes scratch;
    const auto is_name = [&](const std::string& name) {
        return map_static_path(name, scratch).kind == StaticPathKind::file &&
               !name.starts_with('/');
    };
    for (const std::string& name : options.index) {
        if (!is_name(name) || name.find('/') != std::string::npos) {
            return std::unexpected(
                bad("index file \"" + name +
                    "\" is not a plain file name that does not begin with a dot"));
        }
    }
    if (!options.single_page.empty() && !is_name(options.single_page)) {
        return std::unexpected(bad("single page \"" + options.single_page +
                                   "\" is not the name of a file below the root"));
    }
    if (!options.cache_control.empty() && !h1::valid_field_value(options.cache_control)) {
        return std::unexpected(
            bad("Cache-Control value holds control characters or white space at its ends"));
    }
    if (options.stat_cache.count() < 0)
        return std::unexpected(bad("stat_cache is negative; 0 switches it off"));
    return {};
}

}  // namespace

Outcome<std::shared_ptr<StaticFiles>> StaticFiles::open(StaticFilesOptions options,
                                                        const Limits& limits, LoopGroup& loops) {
    return open(std::move(options), limits, loops.size());
}

Outcome<std::shared_ptr<StaticFiles>> StaticFiles::open(StaticFilesOptions options,
                                                        const Limits& limits, unsigned loops) {
    if (auto checked = check(options); !checked) return std::unexpected(std::move(checked.error()));
    auto root = StaticRoot::open(options.root);
    if (!root) {
        return std::unexpected(Failure{
            root.error(), "cannot serve " + options.root + ": " + root.error().message() +
                              "\nname a directory that this user may enter"});
    }
    std::shared_ptr<StaticFiles> files(new StaticFiles(std::move(options), std::move(*root),
                                                       limits[Limit::ranges], loops));
    if (const std::string& page = files->options_.single_page; !page.empty()) {
        const FileLookup found = files->loader_.load(page, page, nullptr);
        if (found.status != FileStatus::found) {
            return std::unexpected(bad("single page " + files->options_.root + "/" + page +
                                       " is not a file that can be read"));
        }
    }
    return files;
}

StaticFiles::StaticFiles(StaticFilesOptions options, StaticRoot root, std::size_t ranges_max,
                         unsigned loops)
    : options_(std::move(options)), ranges_max_(ranges_max), loader_(std::move(root), options_) {
    const unsigned descriptors = descriptors_for(loops);
    for (unsigned i = 0; i < loops; ++i)
        caches_.push_back(std::make_unique<FileCache>(options_.cache_bytes, descriptors));
}

StaticFiles::~StaticFiles() = default;

Response StaticFiles::answer(unsigned loop_index, StaticRequest& request, std::string_view path) {
    Bytes scratch;
    const StaticPath where = map_static_path(path, scratch);
    if (where.kind == StaticPathKind::refused) return Response::error(404);
    FileCache& cache = *caches_[loop_index];
    FileLookup found = look_up(cache, where.name, request.now_ms);
    switch (found.status) {
        case FileStatus::found: return answer_found(*found.entry, request);
        case FileStatus::directory: return answer_directory(cache, request, where);
        case FileStatus::missing: return answer_missing(cache, request);
        case FileStatus::forbidden: return Response::error(403);
        case FileStatus::exhausted: break;
        case FileStatus::failed: log_failure(where.name, found.error); return Response::error(500);
    }
    log_failure(where.name, found.error);
    return Response::error(503).header("Retry-After", "1");
}

FileLookup StaticFiles::look_up(FileCache& cache, std::string_view name, std::uint64_t now_ms) {
    FileEntry* const known = cache.find(name, now_ms);
    if (known != nullptr && now_ms < known->fresh_until_ms &&
        (known->descriptors == 0 || FileLoader::files_unchanged(*known))) [[likely]] {
        return {FileStatus::found, {}, known, nullptr};
    }
    const std::string text(name);
    const auto load = [&](const FileEntry* old) {
        return name.empty() || name.ends_with('/') ? loader_.load_index(text, old)
                                                   : loader_.load(name, text, old);
    };
    FileLookup found = load(known);
    if (found.status == FileStatus::exhausted && cache.drop_descriptors()) found = load(nullptr);
    if (found.own) {
        remember(cache, found, now_ms);
    } else if (found.status == FileStatus::found) {
        known->fresh_until_ms = now_ms + static_cast<std::uint64_t>(options_.stat_cache.count());
    } else if (FileEntry* const gone = cache.find(name, now_ms); gone != nullptr) {
        cache.erase(*gone);
    }
    return found;
}

/// Puts a new entry into the cache, if it is to be kept at all; it stays valid for this answer either way.
void StaticFiles::remember(FileCache& cache, FileLookup& found, std::uint64_t now_ms) const {
    if (options_.stat_cache.count() == 0) return;
    found.own->fresh_until_ms = now_ms + static_cast<std::uint64_t>(options_.stat_cache.count());
    cache.insert(found.own, now_ms);
}

Response StaticFiles::answer_found(const FileEntry& entry, StaticRequest& request) const {
    if (entry.listing && !listing_allowed(request)) return Response::error(403);
    const FileVariant& variant = choose_variant(entry, request.head);
    constexpr std::uint64_t special = precondition_fields | field_bit(KnownField::range);
    if ((request.head.known & special) == 0 || entry.listing) [[likely]]
        return whole(variant);

    const Validators current{{variant.etag, false}, entry.modified};
    const std::int64_t now = std::time(nullptr);
    switch (evaluate_preconditions(request.head, current, now)) {
        case Condition::proceed: break;
        case Condition::failed: return Response::error(412);
        case Condition::not_modified: {
            Response response(304);
            ResponseAccess::set_shared(response, variant.not_modified);
            return response;
        }
    }
    const bool ranged = !request.is_head && request.head.has(KnownField::range);
    return ranged && if_range_holds(request.head, current, now)
               ? answer_ranges(entry, variant, request)
               : whole(variant);
}

Response StaticFiles::answer_ranges(const FileEntry& entry, const FileVariant& variant,
                                    StaticRequest& request) const {
    const std::string_view asked = range_value(request.head);
    const std::uint64_t size = variant.identity.size;
    std::vector<ByteRange> ranges;
    const RangeVerdict verdict = parse_ranges(asked, size, ranges_max_, ranges);
    if (verdict == RangeVerdict::ignored) {
        if (const std::size_t count = count_members(asked); count > ranges_max_)
            request.ranges_cut = count;
        return whole(variant);
    }
    if (verdict == RangeVerdict::unsatisfiable) {
        return Response::error(416).header("Content-Range", "bytes */" + std::to_string(size));
    }
    Response response(206);
    PartialBody body(variant);
    const std::string_view fields = variant.body->fields;
    if (ranges.size() == 1) {
        ResponseAccess::add_valid_lines(response, fields);
        ResponseAccess::add_valid_field(response, "Content-Range",
                                        content_range(ranges.front(), size));
        body.add({}, ranges.front());
        body.finish({}, response);
        return response;
    }
    const std::string boundary = new_boundary();
    ResponseAccess::add_valid_field(response, "Content-Type",
                                    "multipart/byteranges; boundary=" + boundary);
    ResponseAccess::add_valid_lines(response, fields.substr(fields.find('\n') +
                                                            1));  // all but the Content-Type
    const std::string type =
        "Content-Type: " + std::string(entry.content_type) + "\r\nContent-Range: ";
    std::string delimiter = "--" + boundary;
    for (const ByteRange& range : ranges) {
        body.add(delimiter + "\r\n" + type + content_range(range, size) + "\r\n\r\n", range);
        if (range == ranges.front()) delimiter.insert(0, "\r\n");
    }
    body.finish(delimiter + "--\r\n", response);
    return response;
}

Response StaticFiles::answer_missing(FileCache& cache, StaticRequest& request) {
    if (options_.single_page.empty()) return Response::error(404);
    const FileLookup page = look_up(cache, options_.single_page, request.now_ms);
    return page.status == FileStatus::found ? answer_found(*page.entry, request)
                                            : Response::error(404);
}

bool StaticFiles::listing_allowed(const StaticRequest& request) const noexcept {
    return options_.listing && (!options_.listing_loopback_only || request.loopback);
}

/// A directory without an index file, or named without its slash.
Response StaticFiles::answer_directory(FileCache& cache, StaticRequest& request,
                                       const StaticPath& where) {
    const std::string full_path = single_slashes(request.full_path);
    if (where.kind == StaticPathKind::file) {
        Bytes location;
        url::encode_path(full_path, location);
        location.push_back('/');
        if (!request.query.empty()) {
            location.push_back('?');
            location.append(request.query);
        }
        return Response::redirect(location.view(), 301);
    }
    if (!listing_allowed(request)) {
        return options_.single_page.empty() ? Response::error(403) : answer_missing(cache, request);
    }
    const std::string name(where.name);
    const FollowLink follow = [&](const std::string& link) { return loader_.look_at(name + link); };
    auto directory = loader_.open_directory(name);
    auto page = directory ? make_listing(std::move(*directory), full_path, !name.empty(), follow)
                          : Result<std::string>(std::unexpected(directory.error()));
    if (!page) {
        if (FileLoader::status_of(page.error()) == FileStatus::forbidden)
            return Response::error(403);
        log_failure(name, page.error());
        return Response::error(500);
    }
    FileLookup listing{FileStatus::found, {}, nullptr, make_listing_entry(name, std::move(*page))};
    listing.entry = listing.own.get();
    remember(cache, listing, request.now_ms);
    return answer_found(*listing.entry, request);
}

/// At most a line a second: what fails once fails for every request.
void StaticFiles::log_failure(std::string_view name, std::error_code error) {
    std::uint64_t suppressed = 0;
    if (!log_limit_.allow(suppressed)) return;
    std::string line = "cannot open " + options_.root + '/';
    line.append(name).append(": ").append(error.message());
    if (suppressed != 0) line += " (and " + std::to_string(suppressed) + " more)";
    log_line(LogLevel::warning, line);
}

}  // namespace corevent::http
