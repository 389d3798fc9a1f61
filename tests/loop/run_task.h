// Runs a coroutine on a loop to its end, from a test body. What it throws is thrown again.
#pragma once

#include <corevent/loop.h>
#include <corevent/task_scope.h>

#include <gtest/gtest.h>

#include <exception>

namespace corevent::test {

/// `body` returns a Task<>; the loop is stopped when it has ended.
template <class F>
void run_task(Loop& loop, F body) {
    TaskScope scope;
    std::exception_ptr thrown;
    const auto main = [&]() -> Task<> {
        try {
            co_await body();
        } catch (...) {
            thrown = std::current_exception();
        }
        loop.stop();
    };
    EXPECT_TRUE(loop.post([&] { scope.spawn(main); }));
    loop.run();
    if (thrown) {
        std::rethrow_exception(thrown);
    }
}

}  // namespace corevent::test
