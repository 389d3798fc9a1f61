// Hooks of remote calls, pausing, and the data that hooks keep with a call.
#include "compat/alloc.h"
#include "compat/evrpc.h"

#include <cstring>
#include <new>
#include <string_view>

evrpc_hook_meta::~evrpc_hook_meta() {
    while (Entry* const entry = entries.pop_front()) {
        corevent::compat::mm_free(entry->key);
        corevent::compat::mm_free(entry);
    }
}

namespace corevent::compat {

Hooks::~Hooks() {
    for (auto& hooks : hooks_) {
        while (Hook* const hook = hooks.pop_front()) {
            mm_delete(hook);
        }
    }
}

void* Hooks::add(EVRPC_HOOK_TYPE type, Function function, void* arg) noexcept {
    Hook* const hook = mm_new<Hook>();
    if (hook != nullptr) {
        hook->function = function;
        hook->arg = arg;
        hooks_[type].push_back(*hook);
    }
    return hook;
}

bool Hooks::remove(EVRPC_HOOK_TYPE type, void* handle) noexcept {
    for (Hook* hook = hooks_[type].front(); hook != nullptr; hook = hooks_[type].next(*hook)) {
        if (hook == handle) {
            hooks_[type].remove(*hook);
            mm_delete(hook);
            return true;
        }
    }
    return false;
}

bool Hooks::run(EVRPC_HOOK_TYPE type, Call& call, evhttp_request* req, evbuffer* body,
                Resume go_on) noexcept {
    int result = EVRPC_CONTINUE;
    Hook* hook = hooks_[type].front();
    if (hook != nullptr && call.hook_meta == nullptr) {
        call.hook_meta = mm_new<evrpc_hook_meta>(evhttp_request_get_connection(req));
    }
    while (hook != nullptr && result == EVRPC_CONTINUE) {
        Hook* const next = hooks_[type].next(*hook);  // it may remove itself
        result = hook->function(&call, req, body, hook->arg);
        hook = next;
    }
    if (result == EVRPC_PAUSE) {
        if (Paused* const paused = mm_new<Paused>(); paused != nullptr) {
            paused->call = &call;
            paused->go_on = go_on;
            paused_.push_back(*paused);
            return true;
        }
        result = EVRPC_TERMINATE;
    }
    go_on(call, result == EVRPC_CONTINUE ? EVRPC_CONTINUE : EVRPC_TERMINATE);
    return false;
}

bool Hooks::resume(void* call, EVRPC_HOOK_RESULT result) noexcept {
    for (Paused* paused = paused_.front(); paused != nullptr; paused = paused_.next(*paused)) {
        if (paused->call == call) {
            const Resume go_on = paused->go_on;
            Call& found = *paused->call;
            paused_.remove(*paused);
            mm_delete(paused);
            go_on(found, result);
            return true;
        }
    }
    return false;
}

Call* Hooks::take_paused() noexcept {
    Paused* const paused = paused_.pop_front();
    if (paused == nullptr) {
        return nullptr;
    }
    Call* const call = paused->call;
    mm_delete(paused);
    return call;
}

void free_meta(Call& call) noexcept {
    mm_delete(call.hook_meta);
    call.hook_meta = nullptr;
}

std::string call_path(const char* name) noexcept {
    try {
        return std::string("/.rpc.") + name;
    } catch (const std::bad_alloc&) {
        return {};
    }
}

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

void* evrpc_add_hook(void* vbase, enum EVRPC_HOOK_TYPE hook_type,
                     int (*cb)(void*, struct evhttp_request*, struct evbuffer*, void*),
                     void* cb_arg) {
    return static_cast<Hooks*>(vbase)->add(hook_type, cb, cb_arg);
}

int evrpc_remove_hook(void* vbase, enum EVRPC_HOOK_TYPE hook_type, void* handle) {
    return static_cast<Hooks*>(vbase)->remove(hook_type, handle) ? 1 : 0;
}

int evrpc_resume_request(void* vbase, void* ctx, enum EVRPC_HOOK_RESULT res) {
    return static_cast<Hooks*>(vbase)->resume(ctx, res) ? 0 : -1;
}

void evrpc_hook_add_meta(void* ctx, const char* key, const void* data, size_t data_size) {
    Call& call = *static_cast<Call*>(ctx);
    if (call.hook_meta == nullptr) {
        call.hook_meta = mm_new<evrpc_hook_meta>(nullptr);
    }
    void* const block = mm_malloc(sizeof(evrpc_hook_meta::Entry) + data_size);
    char* const name = mm_strdup(key);
    if (call.hook_meta == nullptr || block == nullptr || name == nullptr) {
        mm_free(block);
        mm_free(name);
        return;
    }
    auto* const entry = ::new (block) evrpc_hook_meta::Entry{{}, name, data_size};
    std::memcpy(entry->data(), data, data_size);
    call.hook_meta->entries.push_back(*entry);
}

int evrpc_hook_find_meta(void* ctx, const char* key, void** data, size_t* data_size) {
    evrpc_hook_meta* const meta = static_cast<Call*>(ctx)->hook_meta;
    auto* entry = meta != nullptr ? meta->entries.front() : nullptr;
    while (entry != nullptr && std::string_view(entry->key) != key) {
        entry = meta->entries.next(*entry);
    }
    if (entry == nullptr) {
        return -1;
    }
    *data = entry->data();
    *data_size = entry->size;
    return 0;
}

struct evhttp_connection* evrpc_hook_get_connection(void* ctx) {
    const evrpc_hook_meta* const meta = static_cast<Call*>(ctx)->hook_meta;
    return meta != nullptr ? meta->connection : nullptr;
}

}  // extern "C"
