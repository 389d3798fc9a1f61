#include "http/access_log.h"

#include "base/clock.h"
#include "http/access_line.h"
#include "http/log_output.h"
#include "http/log_ring.h"

#include <corevent/log.h>

#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <string>
#include <system_error>
#include <thread>
#include <vector>

namespace corevent::http {
namespace {

constexpr std::size_t bytes_per_line = 256;
constexpr std::size_t ring_bytes_min = 64 * 1024;
constexpr std::size_t batch_bytes = 64 * 1024;  // one write
constexpr int nap_ms = 10;                      // a batch gathers for so long
constexpr std::chrono::seconds flush_time{1};   // at the end, for a slow descriptor
constexpr std::int64_t complaint_gap_ns = 60'000'000'000;

/// Longer texts are cut: three dots take the place of their last octets.
enum Text : std::uint8_t { method, target, route, host, referer, user_agent, limit, text_count };
constexpr std::array<std::size_t, text_count> text_max{32, 2048, 256, 256, 1024, 1024, 64};

/// A record in the ring: this, the peer as a sockaddr, the texts one after another.
struct Stored {
    std::int64_t unix_ns;
    std::int64_t duration_ns;
    std::uint64_t octets_in;
    std::uint64_t octets_out;
    std::uint64_t request_id;
    std::array<std::uint16_t, text_count> lengths;
    std::uint16_t status;
    std::uint8_t peer_length;
    std::uint8_t version_minor;
    bool cut;
};

using Texts = std::array<std::string_view, text_count>;

/// What a format shows; the rest is not copied.
Texts texts_of(const AccessRecord& record, LogFormat format) noexcept {
    Texts texts{};
    texts[method] = record.method;
    texts[target] = format == LogFormat::combined
                        ? record.target
                        : record.target.substr(0, record.target.find('?'));
    if (format == LogFormat::combined) {
        texts[referer] = record.referer;
    } else {
        texts[limit] = record.limit;
    }
    if (format != LogFormat::text) texts[user_agent] = record.user_agent;
    if (format == LogFormat::json) {
        texts[route] = record.route;
        texts[host] = record.host;
    }
    return texts;
}

char* put(char* at, std::string_view text, std::size_t length) noexcept {
    if (length != 0) std::memcpy(at, text.data(), length);
    if (length < text.size()) std::memset(at + length - 3, '.', 3);
    return at + length;
}

bool wants_colour(int descriptor, LogFormat format) {
    if (format != LogFormat::text || ::isatty(descriptor) == 0 ||
        std::getenv("NO_COLOR") != nullptr)
        return false;
    const char* const terminal = std::getenv("TERM");
    return terminal != nullptr && std::string_view(terminal) != "dumb";
}

/// Signals are for the program's own threads, and a closed pipe is an error and no signal.
void block_signals() noexcept {
    sigset_t all;
    sigfillset(&all);
    ::pthread_sigmask(SIG_BLOCK, &all, nullptr);
}

}  // namespace

struct AccessLog::State {
    enum class Writer : std::uint8_t { awake, napping, sleeping };

    /// Of one loop.
    struct Source {
        explicit Source(std::size_t lines)
            : ring(lines, std::max(lines * bytes_per_line, ring_bytes_min)) {}
        LogRing ring;
        std::atomic<std::uint64_t> dropped{0};
        LogRing::Record front;  ///< the writer's
    };

    State(unsigned loops, int descriptor, LogFormat format, std::size_t ring_lines)
        : output(descriptor), line(format, wants_colour(descriptor, format)) {
        for (unsigned i = 0; i < loops; ++i)
            sources.push_back(std::make_unique<Source>(ring_lines));
        thread = std::thread([this] { run(); });
    }

    void run();
    void drain();
    Source* oldest() noexcept;
    void take(Source& source);
    void flush();
    bool all_empty() const noexcept;
    void sleep() noexcept;
    void complain(std::uint64_t lost_now);

    std::vector<std::unique_ptr<Source>> sources;
    std::atomic<Writer> writer{Writer::awake};
    std::atomic<bool> stopping{false};
    std::atomic<std::uint64_t> lost{0};  ///< lines that the descriptor did not take
    LogOutput output;

    // the writer's own
    AccessLine line;
    Bytes batch;
    std::uint64_t complained_of = 0;
    std::int64_t complained_ns = -complaint_gap_ns;
    std::thread thread;
};

AccessLog::AccessLog(unsigned loops, int descriptor, LogFormat format, std::size_t ring_lines)
    : format_(format),
      state_(std::make_unique<State>(loops, descriptor, format,
                                     std::max<std::size_t>(ring_lines, 1))) {}

AccessLog::~AccessLog() {
    state_->stopping.store(true, std::memory_order_seq_cst);
    state_->output.end_at(std::chrono::steady_clock::now() + flush_time);
    state_->thread.join();
}

void AccessLog::add(unsigned loop_index, const AccessRecord& record) noexcept {
    State::Source& source = *state_->sources[loop_index];
    const Texts texts = texts_of(record, format_);
    sockaddr_storage peer;
    Stored stored{};
    stored.unix_ns = static_cast<std::int64_t>(clock_ns(CLOCK_REALTIME_COARSE));
    stored.duration_ns = std::max<std::int64_t>(record.duration.count(), 0);
    stored.octets_in = record.octets_in;
    stored.octets_out = record.octets_out;
    stored.request_id = record.request_id;
    stored.status = record.status;
    stored.version_minor = record.version_minor;
    stored.cut = record.cut;
    if (record.peer != nullptr)
        stored.peer_length = static_cast<std::uint8_t>(record.peer->to_sockaddr(&peer));
    std::size_t size = sizeof stored + stored.peer_length;
    for (std::size_t i = 0; i < text_count; ++i) {
        stored.lengths[i] = static_cast<std::uint16_t>(std::min(texts[i].size(), text_max[i]));
        size += stored.lengths[i];
    }
    char* at = source.ring.reserve(size);
    if (at == nullptr) [[unlikely]] {
        source.dropped.store(source.dropped.load(std::memory_order_relaxed) + 1,
                             std::memory_order_relaxed);
        return;
    }
    std::memcpy(at, &stored, sizeof stored);
    at += sizeof stored;
    std::memcpy(at, &peer, stored.peer_length);
    at += stored.peer_length;
    for (std::size_t i = 0; i < text_count; ++i) at = put(at, texts[i], stored.lengths[i]);
    source.ring.push();
    const State::Writer seen = state_->writer.load(std::memory_order_seq_cst);
    if (seen == State::Writer::awake) return;
    if (seen == State::Writer::napping && !source.ring.half_full()) [[likely]]
        return;
    if (state_->writer.exchange(State::Writer::awake, std::memory_order_seq_cst) !=
        State::Writer::awake) {
        state_->output.wake();
    }
}

std::uint64_t AccessLog::dropped() const noexcept {
    std::uint64_t sum = state_->lost.load(std::memory_order_relaxed);
    for (const auto& source : state_->sources)
        sum += source->dropped.load(std::memory_order_relaxed);
    return sum;
}

void AccessLog::State::run() {
    block_signals();
    ::pthread_setname_np(::pthread_self(), "access-log");
    bool idle = true;  // nothing has come during the last nap
    for (;;) {
        if (!all_empty()) {
            idle = false;
            drain();
        } else if (stopping.load(std::memory_order_seq_cst)) {
            if (all_empty()) return;
        } else if (!idle) {
            idle = true;
            writer.store(Writer::napping, std::memory_order_seq_cst);
            if (!stopping.load(std::memory_order_seq_cst)) output.wait(nap_ms);
            writer.store(Writer::awake, std::memory_order_seq_cst);
        } else {
            sleep();
        }
    }
}

void AccessLog::State::sleep() noexcept {
    writer.store(Writer::sleeping, std::memory_order_seq_cst);
    if (all_empty() && !stopping.load(std::memory_order_seq_cst)) output.wait(-1);
    writer.store(Writer::awake, std::memory_order_seq_cst);
}

bool AccessLog::State::all_empty() const noexcept {
    return std::ranges::all_of(sources, [](const auto& source) { return source->ring.empty(); });
}

/// Empties the rings, oldest line first.
void AccessLog::State::drain() {
    while (Source* const source = oldest()) {
        take(*source);
        if (batch.size() >= batch_bytes) flush();
    }
    flush();
    std::uint64_t lost_now = lost.load(std::memory_order_relaxed);
    for (const auto& source : sources) lost_now += source->dropped.load(std::memory_order_relaxed);
    if (lost_now != complained_of) complain(lost_now);
}

AccessLog::State::Source* AccessLog::State::oldest() noexcept {
    Source* best = nullptr;
    std::int64_t best_ns = 0;
    for (const auto& source : sources) {
        if (source->front.data == nullptr) source->front = source->ring.front();
        if (source->front.data == nullptr) continue;
        std::int64_t unix_ns;  // the first field of Stored
        std::memcpy(&unix_ns, source->front.data, sizeof unix_ns);
        if (best == nullptr || unix_ns < best_ns) {
            best = source.get();
            best_ns = unix_ns;
        }
    }
    return best;
}

void AccessLog::State::take(Source& source) {
    Stored stored;
    std::memcpy(&stored, source.front.data, sizeof stored);
    const char* at = source.front.data + sizeof stored;
    sockaddr_storage storage;
    std::memcpy(&storage, at, stored.peer_length);
    at += stored.peer_length;
    const Address peer = stored.peer_length == 0
                             ? Address()
                             : Address::from_sockaddr(reinterpret_cast<const sockaddr*>(&storage),
                                                      stored.peer_length);
    Texts texts;
    for (std::size_t i = 0; i < text_count; ++i) {
        texts[i] = {at, stored.lengths[i]};
        at += stored.lengths[i];
    }
    const AccessRecord record{.method = texts[method],
                              .target = texts[target],
                              .route = texts[route],
                              .host = texts[host],
                              .referer = texts[referer],
                              .user_agent = texts[user_agent],
                              .limit = texts[limit],
                              .peer = stored.peer_length == 0 ? nullptr : &peer,
                              .duration = std::chrono::nanoseconds(stored.duration_ns),
                              .octets_in = stored.octets_in,
                              .octets_out = stored.octets_out,
                              .request_id = stored.request_id,
                              .status = stored.status,
                              .version_minor = stored.version_minor,
                              .cut = stored.cut};
    line.append(batch, record, stored.unix_ns);
    source.ring.pop();
    source.front = {};
}

void AccessLog::State::flush() {
    if (batch.empty()) return;
    const std::size_t written = output.write(batch.view());
    if (written < batch.size()) {
        const std::string_view rest = batch.view().substr(written);
        lost.fetch_add(static_cast<std::uint64_t>(std::ranges::count(rest, '\n')),
                       std::memory_order_relaxed);
    }
    batch.clear();
}

/// Says that lines were lost, and why, at most once a minute.
void AccessLog::State::complain(std::uint64_t lost_now) {
    const auto now = static_cast<std::int64_t>(coarse_ns());
    if (now - complained_ns < complaint_gap_ns) return;
    std::string text = "access log: " + std::to_string(lost_now - complained_of) + " lines lost: ";
    if (lost.load(std::memory_order_relaxed) != 0 && output.error() != 0) {
        text += std::system_category().message(output.error());
    } else {
        text += "the descriptor is slower than the requests (access_log_ring)";
    }
    log_line(LogLevel::warning, text);
    complained_of = lost_now;
    complained_ns = now;
}

}  // namespace corevent::http
