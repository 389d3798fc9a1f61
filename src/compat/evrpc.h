// Remote calls from the inside: what servers (evrpc_base) and clients (evrpc_pool) share, which is
// hooks. A call that a hook pauses waits in its server or pool until evrpc_resume_request. All of it
// runs on the thread of the event_base; HTTP is used by its public functions.
#pragma once

#include "base/list.h"

#include <event2/http.h>
#include <event2/rpc.h>
#include <event2/rpc_struct.h>

#include <cstddef>
#include <string>

/// What hooks have left with a call, and the call's connection.
struct evrpc_hook_meta {
    struct Entry {
        corevent::ListHook<Entry> hook;
        char* key;
        std::size_t size;
        void* data() noexcept { return this + 1; }  ///< in the same block
    };

    explicit evrpc_hook_meta(evhttp_connection* of) noexcept : connection(of) {}
    ~evrpc_hook_meta();
    evrpc_hook_meta(const evrpc_hook_meta&) = delete;
    evrpc_hook_meta& operator=(const evrpc_hook_meta&) = delete;

    evhttp_connection* connection;
    corevent::TailQueue<Entry, &Entry::hook> entries;
};

namespace corevent::compat {

/// How calls of both sides begin: hooks get a pointer to it and do not know which side they see.
struct Call {
    evrpc_hook_meta* hook_meta;
};

class Hooks {
public:
    using Function = int (*)(void* ctx, evhttp_request*, evbuffer*, void*);
    using Resume = void (*)(Call& call, EVRPC_HOOK_RESULT result);

    Hooks() noexcept = default;
    Hooks(const Hooks&) = delete;
    Hooks& operator=(const Hooks&) = delete;

    void* add(EVRPC_HOOK_TYPE type, Function function, void* arg) noexcept;
    bool remove(EVRPC_HOOK_TYPE type, void* handle) noexcept;

    /// Runs the hooks on a message, then calls `go_on` with the result, after which there may be no
    /// call any more. Returns true when a hook has paused the call: then resume() calls `go_on`.
    bool run(EVRPC_HOOK_TYPE type, Call& call, evhttp_request* req, evbuffer* body,
             Resume go_on) noexcept;
    bool resume(void* call, EVRPC_HOOK_RESULT result) noexcept;

protected:
    ~Hooks();
    Call* take_paused() noexcept;  ///< one of those that wait; null when none does

private:
    struct Hook {
        ListHook<Hook> hook;
        Function function;
        void* arg;
    };
    struct Paused {
        ListHook<Paused> hook;
        Call* call;
        Resume go_on;
    };

    TailQueue<Hook, &Hook::hook> hooks_[2];  ///< by EVRPC_HOOK_TYPE
    TailQueue<Paused, &Paused::hook> paused_;
};

void free_meta(Call& call) noexcept;

/// Where a call is sent to; empty when memory is short.
std::string call_path(const char* name) noexcept;

}  // namespace corevent::compat
