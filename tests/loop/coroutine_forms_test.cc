// The forms of coroutine code that the library promises to be safe, run in every build mode and under AddressSanitizer.
// GCC 12 destroys temporaries twice in some other forms; those are named in task.h and cannot be pinned here, because
// they are wrong by design of that compiler. Strings are long enough to live on the heap, where a double free shows.
#include <corevent/offload.h>
#include <corevent/task_scope.h>

#include "loop/run_task.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <memory>
#include <stdexcept>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

namespace corevent {
namespace {

using namespace std::chrono_literals;

// A task is awaited where it is made, or handed over there.
static_assert(!std::is_move_constructible_v<Task<int>> && !std::is_copy_constructible_v<Task<int>>);
static_assert(!std::is_move_assignable_v<Task<int>>);
template <class T>
concept AwaitableByName = requires(T& t) { t.operator co_await(); };
static_assert(!AwaitableByName<Task<int>>);

const std::string long_text = "a text that is too long for the small buffer of a string";

Task<std::string> echo(std::string text) {
    co_return text;
}
Task<std::string> echo_later(std::string text) {
    co_await yield();
    co_return text + "!";
}
Task<std::size_t> length_of(const std::string& text) {
    co_await yield();
    co_return text.size();
}
Task<std::unique_ptr<int>> boxed(std::unique_ptr<int> value) {
    co_await yield();
    co_return value;
}

class CoroutineForms : public testing::Test {
protected:
    Loop loop_;
};

TEST_F(CoroutineForms, TemporaryStringsAsArguments) {
    test::run_task(loop_, []() -> Task<> {
        EXPECT_EQ(co_await echo(std::string(long_text)), long_text);
        EXPECT_EQ(co_await echo_later(long_text + long_text), long_text + long_text + "!");
        const std::size_t length =
            co_await length_of(std::string(long_text));  // the temporary lives that long
        EXPECT_EQ(length, long_text.size());
        const std::string both =
            co_await echo(std::string(long_text)) + co_await echo_later(std::string(long_text));
        EXPECT_EQ(both, long_text + long_text + "!");
        const auto box = co_await boxed(std::make_unique<int>(7));
        EXPECT_EQ(*box, 7);
    });
}

TEST_F(CoroutineForms, AwaitsInConditionsLoopsAndArguments) {
    test::run_task(loop_, []() -> Task<> {
        int rounds = 0;
        while ((co_await length_of(std::string(static_cast<std::size_t>(100 + rounds), 'x'))) <
               110) {
            ++rounds;
        }
        EXPECT_EQ(rounds, 10);
        if (const std::string text = co_await echo_later(std::string(long_text));
            text.ends_with('!')) {
            ++rounds;
        }
        EXPECT_EQ(rounds, 11);
        EXPECT_EQ(co_await echo(co_await echo_later(co_await echo(std::string(long_text)))),
                  long_text + "!");
        std::string picked;
        if (rounds > 5 && (co_await echo(std::string(long_text))) == long_text) {
            picked = co_await echo_later(std::string(long_text));
        }
        EXPECT_EQ(picked, long_text + "!");
        // A conditional expression is fine for types that own nothing.
        EXPECT_EQ(rounds > 5 ? co_await length_of(std::string(long_text)) : 0, long_text.size());
    });
}

// GCC 12 destroys the awaited object early when such a coroutine says `if (!co_await ...)`.
Task<bool> slept_without_variables() {
    if (const auto slept = co_await sleep_for(std::chrono::milliseconds(1)); !slept)
        co_return false;
    co_return true;
}

TEST_F(CoroutineForms, AnAwaitInAConditionNamesItsResult) {
    test::run_task(loop_, []() -> Task<> {
        const bool slept = co_await slept_without_variables();
        EXPECT_TRUE(slept);
    });
}

TEST_F(CoroutineForms, ClosuresThatCaptureReferencesOrPlainValues) {
    test::run_task(loop_, []() -> Task<> {
        std::string text = long_text;
        int number = 5;
        const std::string copy = co_await [&]() -> Task<std::string> {
            co_await yield();
            co_return text;
        }();
        EXPECT_EQ(copy, long_text);
        const std::size_t sum = co_await [&text, number]() -> Task<std::size_t> {
            co_await yield();
            co_return text.size() + static_cast<std::size_t>(number);
        }();
        EXPECT_EQ(sum, long_text.size() + 5);
    });
}

TEST_F(CoroutineForms, NamedClosuresThatOwn) {
    test::run_task(loop_, []() -> Task<> {
        auto owning = [text = std::string(long_text)]() -> Task<std::string> {
            co_await yield();
            co_return text;
        };
        EXPECT_EQ(co_await owning(), long_text);
        TaskScope scope;
        std::string seen;
        auto moved_in = [&seen, text = std::string(long_text)]() -> Task<> {
            co_await yield();
            seen += text;
        };
        scope.spawn(std::move(moved_in));
        // In a statement without co_await a temporary that owns is fine too.
        scope.spawn([&seen, text = std::string(long_text)]() -> Task<> {
            co_await yield();
            seen += text;
        });
        co_await scope.join();
        EXPECT_EQ(seen, long_text + long_text);
    });
}

TEST_F(CoroutineForms, ArgumentsPassedSeparately) {
    test::run_task(loop_, []() -> Task<> {
        TaskScope scope;
        std::string seen;
        const auto append = [](std::string& to, std::string text,
                               std::unique_ptr<int> times) -> Task<> {
            co_await yield();
            for (int i = 0; i < *times; ++i) {
                to += text;
            }
        };
        scope.spawn(append, std::ref(seen), long_text, std::make_unique<int>(2));
        co_await scope.join();
        EXPECT_EQ(seen, long_text + long_text);
    });
}

/// The shape of client requests: a class with constructors, never an aggregate.
class Builder {
public:
    explicit Builder(std::string name) : name_(std::move(name)) {}
    Builder&& with(std::string part) && {
        parts_.push_back(std::move(part));
        return std::move(*this);
    }
    std::string text() const {
        std::string all = name_;
        for (const std::string& part : parts_) {
            all += part;
        }
        return all;
    }

private:
    std::string name_;
    std::vector<std::string> parts_;
};
Task<std::string> send(Builder builder) {
    co_await yield();
    co_return builder.text();
}

TEST_F(CoroutineForms, BuildersAsTemporaries) {
    test::run_task(loop_, []() -> Task<> {
        EXPECT_EQ(co_await send(Builder(long_text).with(long_text).with("end")),
                  long_text + long_text + "end");
    });
}

TEST_F(CoroutineForms, CombinatorsTakeTasksWhereTheyAreMade) {
    test::run_task(loop_, []() -> Task<> {
        const auto [first, second] =
            co_await when_all(echo_later(std::string(long_text)), length_of(long_text));
        EXPECT_EQ(first, long_text + "!");
        EXPECT_EQ(second, long_text.size());
        const Result<std::string> timed =
            co_await with_timeout(10s, echo_later(std::string(long_text)));
        EXPECT_EQ(timed.value(), long_text + "!");
        const auto [nested] = co_await when_all([](std::string text) -> Task<std::string> {
            const Result<std::string> inner =
                co_await with_timeout(10s, echo_later(std::move(text)));
            co_return *inner + "?";
        }(long_text));
        EXPECT_EQ(nested, long_text + "!?");
        const std::string offloaded =
            (co_await offload([] { return long_text + long_text; })).value();
        EXPECT_EQ(offloaded, long_text + long_text);
    });
}

TEST_F(CoroutineForms, ExceptionsPassThroughAwaits) {
    test::run_task(loop_, []() -> Task<> {
        const auto thrower = [](std::string what, bool at_once) -> Task<std::string> {
            if (!at_once) {
                co_await yield();
            }
            throw std::runtime_error(what);
        };
        for (const bool at_once : {true, false}) {
            std::string caught;
            try {
                const std::string kept = long_text;
                caught = co_await thrower(std::string(long_text), at_once);
            } catch (const std::runtime_error& e) {
                caught = std::string("caught ") + e.what();
            }
            EXPECT_EQ(caught, "caught " + long_text);
        }
    });
}

TEST_F(CoroutineForms, AMillionImmediateAwaitsUseNoStack) {
    test::run_task(loop_, []() -> Task<> {
        const auto one = []() -> Task<std::uint64_t> { co_return 1; };
        std::uint64_t sum = 0;
        for (int i = 0; i < 1'000'000; ++i) {
            sum += co_await one();
        }
        EXPECT_EQ(sum, 1'000'000u);
    });
}

TEST_F(CoroutineForms, ManyAwaitsThatSuspendUseNoStack) {
    test::run_task(loop_, []() -> Task<> {
        const auto one = []() -> Task<std::uint64_t> {
            co_await yield();
            co_return 1;
        };
        std::uint64_t sum = 0;
        for (int i = 0; i < 50'000; ++i) {
            sum += co_await one();
        }
        EXPECT_EQ(sum, 50'000u);
    });
}

}  // namespace
}  // namespace corevent
