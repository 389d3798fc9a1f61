// Bodies that are not a string of their own: file ranges, and immutable bytes shared by many
// answers. The static handler makes them, the connection sends them: file ranges by sendfile,
// shared bytes from where they lie, neither copied into the response. A SharedFile or SharedBody
// may be held by answers of several loops; both are immutable once made.
#pragma once

#include "buffer/chain.h"

#include <unistd.h>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace corevent::http {

/// An open descriptor, closed with its last user (a cache entry, a response, the output queue of a
/// connection).
class SharedFile final : public FileHolder {
public:
    static FileRef adopt(int descriptor) { return FileRef::adopt(new SharedFile(descriptor)); }

private:
    explicit SharedFile(int descriptor) noexcept : FileHolder(descriptor) {}
    ~SharedFile() override { ::close(fd()); }
};

/// One piece of a body: `prefix` (the head of a multipart/byteranges part, or nothing), then a
/// range of the file.
struct FilePart {
    std::string prefix;
    std::uint64_t offset = 0;
    std::uint64_t length = 0;
};

/// A body made of ranges of one file. A plain file or a single range is one part without prefix.
struct FileBody {
    FileRef file;  ///< SharedFile::adopt(descriptor)
    std::vector<FilePart> parts;
    std::string suffix;  ///< behind the last part (the closing delimiter of multipart/byteranges)

    std::uint64_t length() const noexcept {
        std::uint64_t sum = suffix.size();
        for (const FilePart& part : parts) {
            sum += part.prefix.size() + part.length;
        }
        return sum;
    }
};

/// A small file in memory with the fields that go with it. `fields` is a block of finished lines
/// ("Name: value" CRLF), valid by construction, without Content-Length (the server adds it from the
/// bytes).
struct SharedBody {
    std::string fields;
    std::string bytes;
};

}  // namespace corevent::http
