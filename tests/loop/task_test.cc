#include <corevent/task.h>

#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <system_error>
#include <utility>

namespace corevent {
namespace {

/// Runs a task that never suspends.
template <class T>
auto finish(Task<T> task) {
    const auto handle = task.release();
    handle.resume();
    EXPECT_TRUE(handle.done());
    struct Destroy {
        typename Task<T>::Handle handle;
        ~Destroy() { handle.destroy(); }
    } const destroy{handle};
    return handle.promise().take();
}

Task<Result<int>> checked(int value) {
    if (value < 0) {
        co_return std::unexpected(std::make_error_code(std::errc::invalid_argument));
    }
    co_return value;
}

TEST(Task, IsLazyAndDestroysWhatNeverRan) {
    const auto token = std::make_shared<int>(1);
    bool ran = false;
    {
        const auto coroutine = [](std::shared_ptr<int> held, bool& flag) -> Task<> {
            flag = held != nullptr;
            co_return;
        };
        const Task<> task = coroutine(token, ran);
        EXPECT_EQ(token.use_count(), 2);
    }
    EXPECT_EQ(token.use_count(), 1);
    EXPECT_FALSE(ran);
}

TEST(Task, GivesValuesReferencesAndResults) {
    EXPECT_EQ(finish([]() -> Task<int> { co_return 5; }()), 5);
    EXPECT_EQ(finish([]() -> Task<std::string> { co_return "from a literal"; }()),
              "from a literal");
    EXPECT_EQ(*finish([]() -> Task<std::unique_ptr<int>> { co_return std::make_unique<int>(3); }()),
              3);
    EXPECT_EQ(finish([]() -> Task<std::pair<int, std::string>> { co_return {1, "braces"}; }()),
              std::pair(1, std::string("braces")));
    int variable = 1;
    const auto reference = [](int& to) -> Task<int&> { co_return to; };
    finish([](int& to, auto make) -> Task<> { (co_await make(to)) = 9; }(variable, reference));
    EXPECT_EQ(variable, 9);
    EXPECT_EQ(finish(checked(4)).value(), 4);
    EXPECT_EQ(finish(checked(-1)).error(), std::errc::invalid_argument);
}

TEST(Task, ExceptionsComeOutWhereItIsAwaited) {
    const auto thrower = []() -> Task<int> {
        throw std::runtime_error("no");
        co_return 1;
    };
    EXPECT_THROW(finish(thrower()), std::runtime_error);
    EXPECT_EQ(finish([](auto make) -> Task<std::string> {
                  try {
                      co_await make();
                  } catch (const std::runtime_error& e) {
                      co_return e.what();
                  }
                  co_return "";
              }(thrower)),
              "no");
}

struct Hook final : CancelHook {
    explicit Hook(std::function<void()> work = [] {}) : act(std::move(work)) {}
    void on_cancel() noexcept override {
        ++calls;
        act();
    }
    std::function<void()> act;
    int calls = 0;
};

TEST(CancelScope, CancelsItsHooksAndChildrenOnce) {
    CancelScope root;
    CancelScope child(&root);
    CancelScope grandchild(&child);
    Hook one, two, gone;
    root.link(one);
    grandchild.link(two);
    child.link(gone);
    CancelScope::unlink(gone);
    CancelScope::unlink(gone);
    EXPECT_FALSE(root.cancelled());
    root.cancel();
    root.cancel();
    EXPECT_TRUE(grandchild.cancelled());
    EXPECT_EQ(one.calls, 1);
    EXPECT_EQ(two.calls, 1);
    EXPECT_EQ(gone.calls, 0);
    EXPECT_FALSE(one.linked());
    const CancelScope late(&root);
    EXPECT_TRUE(late.cancelled());
}

TEST(CancelScope, AChildAloneLeavesTheParent) {
    CancelScope root;
    Hook hook;
    root.link(hook);
    {
        CancelScope child(&root);
        child.cancel();
        EXPECT_TRUE(child.cancelled());
    }
    EXPECT_FALSE(root.cancelled());
    EXPECT_EQ(hook.calls, 0);
    CancelScope::unlink(hook);
}

TEST(CancelScope, AHookMayUnlinkOthersAndDestroyTheScope) {
    std::optional<CancelScope> scope;
    scope.emplace();
    Hook second, third;
    Hook first([&] {
        CancelScope::unlink(second);
        CancelScope::unlink(third);
        scope.reset();
    });
    scope->link(first);
    scope->link(second);
    scope->link(third);
    scope->cancel();
    EXPECT_EQ(first.calls, 1);
    EXPECT_EQ(second.calls + third.calls, 0);
}

TEST(CancelScope, AHookMayDestroyAParentOfTheScopeBeingCancelled) {
    auto parent = std::make_unique<CancelScope>();
    auto child = std::make_unique<CancelScope>(parent.get());
    Hook hook([&] {
        child.reset();
        parent.reset();
    });
    child->link(hook);
    parent->cancel();
    EXPECT_EQ(hook.calls, 1);
    EXPECT_EQ(parent, nullptr);
}

TEST(CancelScopeDeathTest, AScopeThatDiesBeforeWhatIsLinkedIsAnError) {
    EXPECT_DEATH(
        {
            Hook hook;
            CancelScope scope;
            scope.link(hook);
        },
        "assertion failed");
}

}  // namespace
}  // namespace corevent
