#include <corevent/task.h>

#include "base/assert.h"

namespace corevent {

CancelScope::CancelScope() noexcept {
    head_.prev_ = &head_;
    head_.next_ = &head_;
}

CancelScope::CancelScope(CancelScope* parent) noexcept : CancelScope() {
    set_parent(parent);
}

CancelScope::~CancelScope() {
    CE_ASSERT(head_.next_ == &head_);  // what is linked would be left hanging
    unlink(*this);
    if (destroyed_ != nullptr) {
        *destroyed_ = true;
    }
}

void CancelScope::set_parent(CancelScope* parent) noexcept {
    CE_DCHECK(!linked());
    if (parent == nullptr) {
        return;
    }
    if (parent->cancelled_) {
        cancel();
    } else {
        parent->link(*this);
    }
}

void CancelScope::cancel() noexcept {
    if (cancelled_) {
        return;
    }
    cancelled_ = true;
    bool destroyed = false;
    destroyed_ = &destroyed;
    while (head_.next_ != &head_) {
        CancelHook& hook = *head_.next_;
        unlink(hook);
        hook.on_cancel();
        if (destroyed) {
            return;
        }
    }
    destroyed_ = nullptr;
}

void CancelScope::link(CancelHook& hook) noexcept {
    CE_DCHECK(!cancelled_ && !hook.linked());
    hook.next_ = &head_;
    hook.prev_ = head_.prev_;
    head_.prev_->next_ = &hook;
    head_.prev_ = &hook;
}

void CancelScope::unlink(CancelHook& hook) noexcept {
    if (hook.next_ == nullptr) {
        return;
    }
    hook.prev_->next_ = hook.next_;
    hook.next_->prev_ = hook.prev_;
    hook.next_ = nullptr;
    hook.prev_ = nullptr;
}

}  // namespace corevent
