#include <corevent/loop.h>

#include "base/assert.h"
#include "loop/loop_core.h"
#include "loop/loop_signals.h"
#include "loop/posted_callback.h"

#include <algorithm>
#include <string>
#include <system_error>
#include <utility>

namespace corevent {
namespace {

std::uint64_t to_ns(Clock::duration duration) noexcept {
    const auto ns = std::chrono::duration_cast<std::chrono::nanoseconds>(duration).count();
    return ns > 0 ? static_cast<std::uint64_t>(ns) : 0;
}

}  // namespace

std::string_view backend_name(Backend backend) noexcept {
    switch (backend) {
        case Backend::automatic: return "automatic";
        case Backend::epoll: return "epoll";
        case Backend::poll: break;
    }
    return "poll";
}

Loop::Loop(LoopOptions options) : core_(std::make_unique<LoopCore>(options, *this)) {}
Loop::~Loop() = default;

void Loop::run() {
    core_->run();
}
bool Loop::run_once(std::chrono::milliseconds wait_max) {
    return core_->run_once(wait_max);
}
void Loop::stop() noexcept {
    core_->stop();
}

Result<void> Loop::post(Callback&& work) {
    if (!core_->take_post_place()) {
        return std::unexpected(make_error_code(Errc::queue_full));
    }
    core_->post(*new PostedCallback(std::move(work), core_.get()));
    return {};
}
void Loop::post(PostItem& item) noexcept {
    core_->post(item);
}

Clock::time_point Loop::now() const noexcept {
    const auto since_epoch =
        std::chrono::nanoseconds(static_cast<std::int64_t>(core_->fresh_now_ns()));
    return Clock::time_point(std::chrono::duration_cast<Clock::duration>(since_epoch));
}
unsigned Loop::index() const noexcept {
    return core_->index();
}
bool Loop::is_current() const noexcept {
    return LoopCore::current() == this;
}
Loop* Loop::current() noexcept {
    return LoopCore::current();
}

class TimerCore final : public TimerNode, public Buried {
public:
    TimerCore(LoopCore& loop, Callback on_expired) noexcept
        : loop_(loop), on_expired_(std::move(on_expired)) {}

    void start(std::uint64_t after_ns, std::uint64_t period_ns) {
        due_ns_ = loop_.fresh_now_ns() + after_ns;
        period_ns_ = period_ns;
        loop_.start_timer(*this, due_ns_);
    }
    void stop() noexcept { loop_.stop_timer(*this); }
    void bury() noexcept {
        stop();
        loop_.bury(*this);
    }
    void destroy_now() noexcept override { delete this; }

private:
    void on_timer() override {
        if (period_ns_ != 0) {
            due_ns_ += period_ns_;
            if (const std::uint64_t now = loop_.now_ns(); due_ns_ <= now) {  // skip what was
                                                                             // missed, keep the
                                                                             // rhythm
                due_ns_ += ((now - due_ns_) / period_ns_ + 1) * period_ns_;
            }
            loop_.start_timer(*this, due_ns_);
        }
        on_expired_();
    }

    LoopCore& loop_;
    Callback on_expired_;
    std::uint64_t due_ns_ = 0;
    std::uint64_t period_ns_ = 0;
};

Timer::Timer(Loop& loop, Callback on_expired)
    : core_(new TimerCore(loop.core(), std::move(on_expired))) {}
Timer::~Timer() {
    if (core_ != nullptr) {
        core_->bury();
    }
}
Timer::Timer(Timer&& other) noexcept : core_(std::exchange(other.core_, nullptr)) {}
Timer& Timer::operator=(Timer&& other) noexcept {
    Timer taken(std::move(other));
    std::swap(core_, taken.core_);
    return *this;
}

void Timer::start(Clock::duration after) {
    core_->start(to_ns(after), 0);
}
void Timer::start_every(Clock::duration period) {
    const std::uint64_t period_ns = std::max<std::uint64_t>(to_ns(period), 1);
    core_->start(period_ns, period_ns);
}
void Timer::stop() noexcept {
    core_->stop();
}
bool Timer::running() const noexcept {
    return core_->running();
}

SignalHandler::SignalHandler(Loop& loop, int signal_number, Callback on_signal)
    : core_(new SignalCore(loop.core(), signal_number, std::move(on_signal))) {
    if (Result<void> added = loop.core().signals().add(*core_); !added) {
        delete core_;
        throw std::system_error(added.error(),
                                "cannot handle signal " + std::to_string(signal_number));
    }
}
SignalHandler::~SignalHandler() {
    if (core_ != nullptr) {
        core_->loop().signals().remove(*core_);
        core_->loop().bury(*core_);
    }
}
SignalHandler::SignalHandler(SignalHandler&& other) noexcept
    : core_(std::exchange(other.core_, nullptr)) {}
SignalHandler& SignalHandler::operator=(SignalHandler&& other) noexcept {
    SignalHandler taken(std::move(other));
    std::swap(core_, taken.core_);
    return *this;
}

}  // namespace corevent
