// Parsing and validating one request head, by size and by scanner variant. The `mixed` runs turn through requests of
// different lengths, so that the branch predictor cannot learn one of them by heart.
#include "codec/h1_parser.h"
#include "load/request.h"

#include <benchmark/benchmark.h>

#include <cstddef>
#include <string>
#include <vector>

namespace {

using namespace corevent;

/// A request with the padding that the parser needs behind it.
class Input {
public:
    explicit Input(const std::string& request) : size_(request.size()), bytes_(request) {
        bytes_.append(h1::padding, '\0');
    }
    const char* data() const noexcept { return bytes_.data(); }
    std::size_t size() const noexcept { return size_; }

private:
    std::size_t size_;
    std::string bytes_;
};

std::string request(const char* name, const std::string& path = "/hello") {
    return ce_load::make_request(name, path, false).value();
}

void parse(benchmark::State& state, const std::vector<Input>& inputs, h1::Simd simd) {
    if (!h1::simd_available(simd)) {
        state.SkipWithError("this processor does not have it");
        return;
    }
    h1::HeadParser parser({}, simd);
    h1::RequestHead head;
    std::size_t turn = 0;
    std::size_t bytes = 0;
    for (auto _ : state) {
        const Input& input = inputs[turn];
        turn = turn + 1 == inputs.size() ? 0 : turn + 1;
        parser.reset();
        const h1::ParseResult result = parser.parse(input.data(), input.size(), head);
        if (result.state != h1::ParseState::complete) {
            state.SkipWithError("refused");
            return;
        }
        benchmark::DoNotOptimize(head);
        bytes += input.size();
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(bytes));
}

std::vector<Input> mixed() {
    std::vector<Input> inputs;
    for (std::size_t i = 0; i < 32; ++i) {
        inputs.emplace_back(request(i % 4 == 3 ? "tool" : "browser", "/catalogue/" + std::string(i * 7 % 41, 'x')));
    }
    return inputs;
}

void parse_plain(benchmark::State& state) {
    parse(state, {Input(request("plain"))}, static_cast<h1::Simd>(state.range(0)));
}
void parse_tool(benchmark::State& state) {
    parse(state, {Input(request("tool"))}, static_cast<h1::Simd>(state.range(0)));
}
void parse_browser(benchmark::State& state) {
    parse(state, {Input(request("browser"))}, static_cast<h1::Simd>(state.range(0)));
}
void parse_mixed(benchmark::State& state) {
    parse(state, mixed(), static_cast<h1::Simd>(state.range(0)));
}

}  // namespace

// The argument is h1::Simd: 0 scalar, 1 SSE4.2, 2 AVX2.
BENCHMARK(parse_plain)->DenseRange(0, 2)->ArgName("simd");
BENCHMARK(parse_tool)->DenseRange(0, 2)->ArgName("simd");
BENCHMARK(parse_browser)->DenseRange(0, 2)->ArgName("simd");
BENCHMARK(parse_mixed)->DenseRange(0, 2)->ArgName("simd");
