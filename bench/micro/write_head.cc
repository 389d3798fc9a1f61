// Writing a response head to a cork that keeps its memory, and making its date.
#include "buffer/bytes.h"
#include "codec/h1_writer.h"
#include "codec/http_date.h"

#include <benchmark/benchmark.h>

namespace {

using namespace corevent;

constexpr const char* date = "Sun, 06 Nov 1994 08:49:37 GMT";

void write_simple_head(benchmark::State& state) {
    Bytes out;
    for (auto _ : state) {
        out.clear();
        if (!h1::append_simple_head(out, 200, date, "text/plain", 13)) {
            state.SkipWithError("refused");
            return;
        }
        h1::end_head(out);
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
}

void write_head_with_fields(benchmark::State& state) {
    Bytes out;
    for (auto _ : state) {
        out.clear();
        h1::append_status_line(out, 200);
        h1::append_date(out, date);
        bool good = h1::append_field(out, "Content-Type", "text/html; charset=utf-8");
        good = h1::append_field(out, "Cache-Control", "max-age=3600, public") && good;
        good = h1::append_field(out, "ETag", "\"5f2c-61a3b7\"") && good;
        good = h1::append_field(out, "Vary", "Accept-Encoding") && good;
        h1::append_content_length(out, 24364);
        h1::end_head(out);
        if (!good) {
            state.SkipWithError("refused");
            return;
        }
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
}

void format_date(benchmark::State& state) {
    char out[http_date::length];
    std::int64_t now = 1'700'000'000;
    for (auto _ : state) {
        http_date::format(now++, out);
        benchmark::DoNotOptimize(out);
    }
}

}  // namespace

BENCHMARK(write_simple_head);
BENCHMARK(write_head_with_fields);
BENCHMARK(format_date);
