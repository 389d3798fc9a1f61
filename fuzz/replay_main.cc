// Runs a fuzz target over files instead of random input: each file of the named folders, and each
// named file, once. The order is that of the names, so that a failure is found again. Prints how
// many inputs ran; an empty corpus is an error.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <memory>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

namespace fs = std::filesystem;

std::vector<fs::path> files_of(const fs::path& place) {
    std::vector<fs::path> files;
    if (!fs::is_directory(place)) return {place};
    for (const auto& entry : fs::directory_iterator(place)) {
        if (entry.is_regular_file()) files.push_back(entry.path());
    }
    std::ranges::sort(files);
    return files;
}

void run(const std::string& bytes) {
    // An exact copy on the heap, so that AddressSanitizer sees a read past the last octet.
    const auto input = std::make_unique<std::uint8_t[]>(bytes.size());
    std::ranges::copy(bytes, input.get());
    LLVMFuzzerTestOneInput(input.get(), bytes.size());
}

}  // namespace

int main(int argc, char** argv) {
    std::size_t count = 0;
    for (int i = 1; i < argc; ++i) {
        if (!fs::exists(argv[i])) {
            std::fprintf(stderr, "%s: no such file or folder\n", argv[i]);
            return 1;
        }
        for (const fs::path& file : files_of(argv[i])) {
            std::ifstream stream(file, std::ios::binary);
            const std::string bytes{std::istreambuf_iterator<char>(stream), {}};
            std::printf("%s\n", file.c_str());
            std::fflush(stdout);  // the last name printed is the input that failed
            run(bytes);
            ++count;
        }
    }
    if (count == 0) {
        std::fprintf(stderr, "no inputs: usage: %s FOLDER|FILE...\n", argv[0]);
        return 1;
    }
    std::printf("%zu inputs\n", count);
    return 0;
}
