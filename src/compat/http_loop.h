// HttpLoop: what all HTTP of one event_base shares, on the thread that runs it: the mailbox through
// which other threads reach it, the receive buffer, the cork for answers, spare request
// objects, and the list of connections that have something to finish. Found by its base; counted, so
// that a request in the hands of another thread keeps it alive after servers and base are gone.
//
// Any thread: post(), on_thread(), the counts. Everything else belongs to the thread of the base.
// It parses nothing and owns no connection.
#pragma once

#include "base/list.h"
#include "buffer/bytes.h"
#include "codec/h1_parser.h"
#include "reactor/wakeup.h"

#include <event2/event.h>
#include <event2/event_struct.h>

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

struct evhttp_connection;

namespace corevent::compat {

struct Request;
class HttpLoop;

/// Work that is done on the loop of a mailbox. A letter is its own memory: deliver() ends with its
/// release, whether it was `in_time` or the loop has no thread to run it any more.
class Letter {
public:
    virtual void deliver(bool in_time) noexcept = 0;

protected:
    Letter() = default;
    ~Letter() = default;

private:
    friend class HttpLoop;
    friend class LetterChain;
    friend class Outbox;
    Letter* next_ = nullptr;
};

/// Letters in order, to be posted at once.
class LetterChain {
public:
    void add(Letter& letter) noexcept {
        letter.next_ = newest_;
        newest_ = &letter;
        if (oldest_ == nullptr) {
            oldest_ = &letter;
        }
    }
    bool empty() const noexcept { return newest_ == nullptr; }

private:
    friend class HttpLoop;
    friend class Outbox;
    Letter* newest_ = nullptr;
    Letter* oldest_ = nullptr;
};

/// While one exists on a thread, letters that the thread posts are collected, and leave when it ends:
/// one wake-up for each loop that gets some.
class Outbox {
public:
    Outbox() noexcept;
    ~Outbox();
    Outbox(const Outbox&) = delete;
    Outbox& operator=(const Outbox&) = delete;

    void flush() noexcept;

private:
    friend class HttpLoop;
    struct Entry {
        HttpLoop* loop;  ///< counted
        LetterChain letters;
    };
    void add(HttpLoop& loop, Letter& letter);

    Outbox* const outer_;
    std::vector<Entry> entries_;
};

/// Something of a connection that is to be done when the callback that is running has returned.
struct Chore {
    ListHook<Chore> hook;
    virtual void run_chore() noexcept = 0;

protected:
    ~Chore() = default;
};

/// What lives on the thread of a base and is freed before it: a server's share of connections, a
/// client connection.
struct LoopUser {
    ListHook<LoopUser> user_hook;
    /// It was not freed, and the base goes now. The program may have given up whatever its callbacks
    /// need, so that none is called any more. On the thread that frees the base.
    virtual void base_freed() noexcept = 0;

protected:
    ~LoopUser() = default;
};

class HttpLoop {
public:
    static constexpr std::size_t receive_bytes = 64 * 1024;

    /// The loop of `base`, with a reference for the caller; null when memory or descriptors are
    /// short.
    static HttpLoop* of(event_base* base) noexcept;

    void add_reference() noexcept { references_.fetch_add(1, std::memory_order_relaxed); }
    void drop_reference() noexcept;

    /// When the last user leaves, the mailbox closes. To remove one again has no effect.
    void add_user(LoopUser& user) noexcept;
    void remove_user(LoopUser& user) noexcept;
    /// `base` is about to be freed: its users hear of it and leave, so that a base that gets the same
    /// address begins anew.
    static void base_freed(event_base* base) noexcept;

    /// Marks the calling thread as the one that runs the base. To be called wherever the base calls
    /// into HTTP.
    void enter() noexcept {
        thread_.store(self(), std::memory_order_relaxed);
        if (empties_mailbox_) {
            sleeping_.store(false, std::memory_order_relaxed);
        }
    }
    /// True as well before the base has called anything, when no other thread can be in it.
    bool on_thread() const noexcept {
        const std::uint64_t thread = thread_.load(std::memory_order_relaxed);
        return thread == self() || thread == 0;
    }

    /// Any thread. Delivers in the order of posting, on the loop; at once and not in time if the
    /// mailbox is closed.
    void post(Letter& letter) noexcept;
    /// The same at once, for a letter whose delivery the caller waits for.
    void post_now(Letter& letter) noexcept;

    /// Opens the mailbox, which costs a descriptor. Idempotent. False when none is left. An open
    /// mailbox keeps the base running only if it was opened to do so.
    bool open_mailbox(bool keeps_running = false) noexcept;
    /// The calling thread promises what may_sleep() asks for.
    void promise_to_empty_mailbox() noexcept { empties_mailbox_ = true; }
    /// Delivers what is in it now.
    void empty_mailbox() noexcept;
    /// For a thread that empties the mailbox itself between the turns of its base, so that nobody
    /// has to wake it while it works: to be called before each turn. False if there are letters.
    bool may_sleep() noexcept;

    event_base* base() const noexcept { return base_; }

    /// Room for receive_bytes, with the parser's padding behind.
    char* receive_buffer() noexcept;
    /// Runs `chore` soon, on this loop, outside of the program's callbacks.
    void add_chore(Chore& chore) noexcept;
    void cancel_chore(Chore& chore) noexcept;

    // Scratch of the connection that is reading just now.
    h1::HeadParser parser;
    h1::RequestHead head;
    /// Answers of `corked`, which sends them when its callback ends.
    Bytes cork;
    evhttp_connection* corked = nullptr;
    /// Where output of other connections is put together.
    Bytes side;

    /// Spare objects, see http_request.cc.
    Request* spare_requests = nullptr;
    unsigned spare_count = 0;

private:
    explicit HttpLoop(event_base* base) noexcept : base_(base) {}
    static HttpLoop* find(const event_base* base) noexcept;
    void unregister() noexcept;
    ~HttpLoop();
    /// The calling thread. Numbers are not used again, as the system's own are.
    static std::uint64_t self() noexcept {
        if (thread_number == 0) [[unlikely]] {
            thread_number = next_thread_number.fetch_add(1, std::memory_order_relaxed) + 1;
        }
        return thread_number;
    }
    [[gnu::tls_model("initial-exec")]] static constinit thread_local std::uint64_t thread_number;
    static std::atomic<std::uint64_t> next_thread_number;
    static void on_wakeup(int fd, short events, void* arg) noexcept;
    static void on_chores(int fd, short events, void* arg) noexcept;
    friend class Outbox;
    void push(Letter* newest, Letter* oldest) noexcept;
    static Letter* oldest_first(Letter* newest) noexcept;
    static void deliver(Letter* newest, bool in_time) noexcept;
    void deliver_due() noexcept;
    bool take_letters() noexcept;
    void close_mailbox() noexcept;

    event_base* const base_;
    std::atomic<std::uint32_t> references_{1};
    std::atomic<std::uint64_t> thread_{0};
    std::atomic<Letter*> inbox_;
    /// Taken out of it and not delivered yet, oldest first. Here, because a delivery may end a server,
    /// which has to see what names it.
    Letter* due_ = nullptr;
    std::atomic<bool> sleeping_{true};  ///< wants to be woken for the first letter
    bool empties_mailbox_ = false;
    bool edges_ = false;  ///< the wake-up event needs no reading
    TailQueue<LoopUser, &LoopUser::user_hook> users_;
    std::unique_ptr<Wakeup> wakeup_;
    event wake_event_{};
    event chore_event_{};
    bool chore_event_ready_ = false;
    TailQueue<Chore, &Chore::hook> chores_;
    std::unique_ptr<char[]> receive_buffer_;
    HttpLoop* next_ = nullptr;  ///< of all loops
};

}  // namespace corevent::compat
