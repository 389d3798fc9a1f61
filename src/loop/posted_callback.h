// PostedCallback: a closure on its way to a loop. It owns the closure and frees itself, run or not. One that a user
// posted has a place in Limit::posted_work (LoopCore::take_post_place) and gives it back just before the closure runs;
// the library's own have none: there are no more of them than of what they belong to, and none may be lost.
#pragma once

#include "loop/loop_core.h"

#include <utility>

namespace corevent {

class PostedCallback final : public PostItem {
public:
    explicit PostedCallback(Callback work, LoopCore* place_of = nullptr) noexcept
        : work_(std::move(work)), place_of_(place_of) {}

    void run() override {
        if (place_of_ != nullptr) {
            place_of_->leave_post_place();
        }
        work_();
        delete this;
    }
    void discard() noexcept override { delete this; }

private:
    Callback work_;
    LoopCore* const place_of_;
};

}  // namespace corevent
