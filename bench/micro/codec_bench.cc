// Cost of the codec floor: parsing heads of three sizes with every scanner variant, writing an
// answer, dates, bodies. The inputs are the ones that the targets are stated for: a browser's
// request of about 700 bytes, one of 143 bytes as load generators send it, and the shortest that
// HTTP/1.1 allows to be useful.
#include "buffer/bytes.h"
#include "codec/accept.h"
#include "codec/byte_ranges.h"
#include "codec/h1_body.h"
#include "codec/h1_parser.h"
#include "codec/h1_writer.h"
#include "codec/http_date.h"
#include "codec/url.h"

#include <benchmark/benchmark.h>

#include <string>
#include <vector>

namespace corevent {
namespace {

constexpr std::string_view browser_request =
    "GET /articles/2024/11/how-to-measure?page=3&sort=newest HTTP/1.1\r\n"
    "Host: www.example.com\r\n"
    "User-Agent: Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0\r\n"
    "Accept: "
    "text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,*/*;q=0.8\r\n"
    "Accept-Language: en-US,en;q=0.7,de;q=0.3\r\n"
    "Accept-Encoding: gzip, deflate, br, zstd\r\n"
    "Referer: https://www.example.com/articles/2024/11/index.html\r\n"
    "Connection: keep-alive\r\n"
    "Cookie: session=0f8fad5b-d9cb-469f-a165-70867728950e; theme=dark; "
    "_ga=GA1.2.1234567890.1700000000; "
    "consent=necessary%2Cpreferences%2Cstatistics; ab=b; seen=1731924112; region=eu-central; "
    "cart=empty; lang=en; tz=Europe%2FBerlin\r\n"
    "If-None-Match: \"5f3c9a41-1e240\"\r\n"
    "\r\n";
constexpr std::string_view small_request =
    "GET /hello HTTP/1.1\r\n"
    "Host: 127.0.0.1:8080\r\n"
    "User-Agent: Mozilla/5.0 (compatible; load generator; 64 connections)\r\n"
    "Accept: */*;q=0.8, text/xy\r\n"
    "\r\n";
constexpr std::string_view tiny_request = "GET / HTTP/1.1\r\nHost: example.com:80\r\n\r\n";
static_assert(browser_request.size() > 690 && browser_request.size() < 715);
static_assert(small_request.size() == 143 && tiny_request.size() == 40);

std::string padded(std::string_view text) {
    return std::string(text) + std::string(h1::padding, '\0');
}

void parse_head(benchmark::State& state, std::string_view text, h1::Simd simd) {
    if (!h1::simd_available(simd)) {
        state.SkipWithError("not on this processor");
        return;
    }
    const std::string input = padded(text);
    h1::HeadParser parser({}, simd);
    h1::RequestHead head;
    for (auto _ : state) {
        parser.reset();
        const h1::ParseResult result = parser.parse(input.data(), text.size(), head);
        benchmark::DoNotOptimize(result);
        benchmark::ClobberMemory();
    }
    if (head.size != text.size()) {
        state.SkipWithError("the request was refused");
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(text.size()) * state.iterations());
}

constexpr std::string_view date = "Sun, 06 Nov 1994 08:49:37 GMT";

void write_simple_head(benchmark::State& state) {
    Bytes out;
    for (auto _ : state) {
        out.clear();
        benchmark::DoNotOptimize(h1::append_simple_head(out, 200, date.data(), "text/plain", 13));
        h1::end_head(out);
        out.append("Hello, World!");
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
}

void write_fields(benchmark::State& state) {
    Bytes out;
    for (auto _ : state) {
        out.clear();
        h1::append_status_line(out, 200);
        h1::append_date(out, date.data());
        benchmark::DoNotOptimize(h1::append_field(out, "Content-Type", "text/html; charset=utf-8"));
        benchmark::DoNotOptimize(h1::append_field(out, "ETag", "\"5f3c9a41-1e240\""));
        benchmark::DoNotOptimize(h1::append_field(out, "Cache-Control", "max-age=3600"));
        h1::append_content_length(out, 123456);
        h1::end_head(out);
        benchmark::DoNotOptimize(out.data());
        benchmark::ClobberMemory();
    }
}

void format_date(benchmark::State& state) {
    char text[http_date::length];
    std::int64_t now = 784111777;
    for (auto _ : state) {
        http_date::format(now++, text);
        benchmark::DoNotOptimize(text);
    }
}

void parse_date(benchmark::State& state) {
    for (auto _ : state) {
        benchmark::DoNotOptimize(http_date::parse(date, 1700000000));
    }
}

void decode_chunks(benchmark::State& state) {
    Bytes body;
    for (int i = 0; i < 64; ++i) {
        h1::append_chunk(body, std::string(static_cast<std::size_t>(state.range(0)), 'x'));
    }
    h1::append_last_chunk(body);
    for (auto _ : state) {
        std::string_view input = body.view();
        h1::BodyDecoder decoder = h1::BodyDecoder::chunked();
        while (!decoder.done()) {
            const auto step = decoder.decode(input);
            input.remove_prefix(step.consumed);
            benchmark::DoNotOptimize(step.data);
        }
    }
    state.SetBytesProcessed(static_cast<std::int64_t>(body.size()) * state.iterations());
}

void resolve_path(benchmark::State& state) {
    Bytes out;
    for (auto _ : state) {
        benchmark::DoNotOptimize(url::resolve_path("/articles/2024/./11/../12/index%20page.html",
                                                   out));
    }
}

void choose_coding(benchmark::State& state) {
    for (auto _ : state) {
        AcceptEncoding accept;
        accept.add("gzip, deflate, br, zstd");
        benchmark::DoNotOptimize(accept.best(0xF));
    }
}

void read_ranges(benchmark::State& state) {
    std::vector<ByteRange> ranges;
    for (auto _ : state) {
        benchmark::DoNotOptimize(parse_ranges("bytes=0-499, 1000-1499, -500", 100000, 16, ranges));
    }
}

#define CE_PARSE_BENCH(input, simd) \
    BENCHMARK_CAPTURE(parse_head, input##_##simd, input##_request, h1::Simd::simd)
CE_PARSE_BENCH(browser, avx2);
CE_PARSE_BENCH(browser, sse42);
CE_PARSE_BENCH(browser, scalar);
CE_PARSE_BENCH(small, avx2);
CE_PARSE_BENCH(small, sse42);
CE_PARSE_BENCH(small, scalar);
CE_PARSE_BENCH(tiny, avx2);
CE_PARSE_BENCH(tiny, sse42);
CE_PARSE_BENCH(tiny, scalar);
BENCHMARK(write_simple_head);
BENCHMARK(write_fields);
BENCHMARK(format_date);
BENCHMARK(parse_date);
BENCHMARK(decode_chunks)->Arg(16)->Arg(4096);
BENCHMARK(resolve_path);
BENCHMARK(choose_coding);
BENCHMARK(read_ranges);

}  // namespace
}  // namespace corevent

BENCHMARK_MAIN();
