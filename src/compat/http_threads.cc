#include "compat/http_threads.h"

#include "compat/alloc.h"
#include "compat/log.h"
#include "reactor/cores.h"

#include <event2/event.h>

#include <fcntl.h>
#include <netinet/in.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <semaphore>
#include <string_view>
#include <thread>
#include <utility>

namespace corevent::compat {

/// A thread with a base of its own, and the server's share of connections on it.
class Worker {
public:
    explicit Worker(WorkerGroup& group) noexcept : group_(group) {}
    Worker(const Worker&) = delete;
    Worker& operator=(const Worker&) = delete;
    /// The base and the mailbox; false when descriptors are short.
    bool prepare(evhttp& http, HttpLoop* handlers) noexcept;
    bool run() noexcept;  ///< false, with errno, when no thread can be had
    void stop_and_join() noexcept;
    ~Worker();

    void listen_soon(evhttp_bound_socket& socket) noexcept;
    void unlisten_soon(evhttp_bound_socket& socket) noexcept;

    Shard& shard() noexcept { return *shard_; }

private:
    class ListenLetter;
    class StopLetter;
    struct Listener {
        Listener(Worker& its_worker, evhttp_bound_socket& its_socket) noexcept
            : worker(its_worker), socket(its_socket) {}
        Worker& worker;
        const SocketHold socket;
        evconnlistener* listener = nullptr;
    };
    static void on_accept(evconnlistener* listener, evutil_socket_t fd, sockaddr* peer, int length,
                          void* arg) noexcept;
    static void on_accept_error(evconnlistener* listener, void* arg) noexcept;
    static void on_resume(evutil_socket_t fd, short what, void* arg) noexcept;
    void main() noexcept;
    void listen(evhttp_bound_socket& socket, evutil_socket_t fd) noexcept;
    void unlisten(evhttp_bound_socket& socket) noexcept;

    WorkerGroup& group_;  ///< the server lets go of it before the threads have ended
    event_base* base_ = nullptr;
    HttpLoop* loop_ = nullptr;
    std::unique_ptr<Shard> shard_;
    std::vector<std::unique_ptr<Listener>> listeners_;
    std::thread thread_;
    event* resume_ = nullptr;
    bool stopping_ = false;
};

namespace {

constexpr int threads_max = 256;
/// How long accepting rests when descriptors or memory are short.
constexpr timeval accept_pause{0, 100'000};

/// For a thread in mode IO: when it is woken, whoever runs on its core goes on until it waits, and so has more for it
/// by then. What travels between threads travels in larger batches.
void never_preempt() noexcept {
    if (::sched_getscheduler(0) == SCHED_OTHER) {  // what the program chose itself stays
        const sched_param none{};
        ::sched_setscheduler(0, SCHED_BATCH, &none);
    }
}

ServerConnection& keeper_of(Request& request) noexcept {
    return static_cast<ServerConnection&>(*request.keeper);
}

/// At home: the connection has ended.
void close_heard(ServerConnection& connection) noexcept {
    if (!connection.server()->base_is_gone) {
        tell_closed(connection);
    }
}

/// The connection of a request is lost: a word to the thread that has the request, and back, so that
/// the request is not released while the word is on its way.
class GoneLetter final : public Letter {
public:
    explicit GoneLetter(Request& request) noexcept : request_(request) {}
    void deliver(bool /*in_time*/) noexcept override {
        if (!std::exchange(heard_, true)) {
            request_.set_evcon(nullptr);
            // Also a callback that was set when the connection had ended already.
            close_heard(keeper_of(request_));
            request_.loop->post(*this);
            return;
        }
        const std::uint8_t before =
            request_.farewell.fetch_and(static_cast<std::uint8_t>(~Request::gone_travels),
                                        std::memory_order_acq_rel);
        if ((before & Request::release_due) != 0) {
            release_request(request_);
        }
        mm_delete(this);
    }

private:
    Request& request_;
    bool heard_ = false;
};

class ClosedLetter final : public Letter {
public:
    explicit ClosedLetter(ServerConnection& connection) noexcept : connection_(connection) {
        hold_connection(connection_);
    }
    void deliver(bool /*in_time*/) noexcept override {
        close_heard(connection_);
        drop_connection(connection_);
        mm_delete(this);
    }

private:
    ServerConnection& connection_;
};

class WrittenLetter final : public Letter {
public:
    using Written = Callback<void (*)(evhttp_connection*, void*)>;
    WrittenLetter(evhttp_connection& connection, const Written& written) noexcept
        : connection_(connection), written_(written) {
        hold_connection(connection_);
    }
    void deliver(bool /*in_time*/) noexcept override {
        if (!connection_.server()->base_is_gone) {
            written_.fn(&connection_, written_.arg);
        }
        drop_connection(connection_);
        mm_delete(this);
    }

private:
    evhttp_connection& connection_;
    const Written written_;
};

class CancelLetter final : public Letter {
public:
    explicit CancelLetter(Request& request) noexcept : request_(request) {}
    void deliver(bool /*in_time*/) noexcept override {
        if (request_.conn != nullptr) {
            request_.conn->cancel(request_);
        } else {
            settle_request(request_);
        }
        mm_delete(this);
    }

private:
    Request& request_;
};

class ReleaseLetter final : public Letter {
public:
    explicit ReleaseLetter(Request& request) noexcept : request_(request) {}
    void deliver(bool /*in_time*/) noexcept override {
        forget_request(request_);
        request_.flags &= ~EVHTTP_USER_OWNED;
        settle_request(request_);
        mm_delete(this);
    }

private:
    Request& request_;
};

/// A connection that is to live on another thread than the one that accepted it.
class SocketLetter final : public Letter {
public:
    SocketLetter(Shard& shard, evhttp_bound_socket& socket, evutil_socket_t fd,
                 const sockaddr* peer, int peer_length) noexcept
        : shard_(shard), socket_(socket), fd_(fd), peer_length_(peer_length) {
        std::memcpy(&peer_, peer, std::min(static_cast<std::size_t>(peer_length), sizeof peer_));
    }
    void deliver(bool in_time) noexcept override {
        shard_.count.fetch_sub(1, std::memory_order_relaxed);
        if (in_time) {
            shard_.loop.enter();
            serve_accepted(socket_.get(), shard_, fd_, reinterpret_cast<sockaddr*>(&peer_),
                           peer_length_);
        } else {
            evutil_closesocket(fd_);
        }
        mm_delete(this);
    }

private:
    Shard& shard_;
    const SocketHold socket_;
    const evutil_socket_t fd_;
    sockaddr_storage peer_{};
    const int peer_length_;
};

/// Asks a connection to leave its loop, and waits until it has.
class LeaveLetter final : public Letter {
public:
    explicit LeaveLetter(ServerConnection& connection) noexcept : connection_(connection) {}
    void deliver(bool in_time) noexcept override {
        if (in_time) {
            connection_.leave_loop();
        }
        left_.release();
    }
    void wait() noexcept { left_.acquire(); }

private:
    ServerConnection& connection_;
    std::binary_semaphore left_{0};
};

std::string_view environment(const char* name) noexcept {
    const char* const value = ::secure_getenv(name);
    return value != nullptr ? std::string_view(value) : std::string_view();
}

int thread_for_each_core() noexcept {
    return static_cast<int>(std::min<unsigned>(process_cores(), threads_max));
}

/// 0 if `text` is neither a number from 1 on nor "auto".
int thread_count(std::string_view text) noexcept {
    if (text == "auto") {
        return thread_for_each_core();
    }
    int count = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
    return error == std::errc() && end == text.data() + text.size() && count > 0 ? count : 0;
}

/// Reads a switch; `current` if it is not set.
bool read_switch(const char* name, bool current) noexcept {
    const std::string_view value = environment(name);
    if (value.empty()) {
        return current;
    }
    if (value != "on" && value != "off") {
        warnx("%s=%s: must be \"on\" or \"off\"; ignored", name, value.data());
        return current;
    }
    return value == "on";
}

}  // namespace

// ---- Worker ----------------------------------------------------------------------------------

class Worker::ListenLetter final : public Letter {
public:
    ListenLetter(Worker& worker, evhttp_bound_socket& socket, evutil_socket_t fd) noexcept
        : worker_(worker), socket_(socket), fd_(fd) {}
    void deliver(bool in_time) noexcept override {
        if (!in_time) {
            if (fd_ >= 0) {
                evutil_closesocket(fd_);
            }
        } else if (fd_ >= 0) {
            worker_.listen(socket_.get(), fd_);
        } else {
            worker_.unlisten(socket_.get());
        }
        mm_delete(this);
    }

private:
    Worker& worker_;
    const SocketHold socket_;
    const evutil_socket_t fd_;  ///< -1: stop listening
};

class Worker::StopLetter final : public Letter {
public:
    explicit StopLetter(Worker& worker) noexcept : worker_(worker) {}
    void deliver(bool /*in_time*/) noexcept override {
        worker_.stopping_ = true;
        event_base_loopbreak(worker_.base_);
        mm_delete(this);
    }

private:
    Worker& worker_;
};

bool Worker::prepare(evhttp& http, HttpLoop* handlers) noexcept {
    base_ = event_base_new();
    loop_ = base_ != nullptr ? HttpLoop::of(base_) : nullptr;
    if (loop_ == nullptr) {
        return false;
    }
    shard_ = std::make_unique<Shard>(http, *loop_);
    shard_->handlers = handlers;
    resume_ = event_new(base_, -1, 0, on_resume, this);
    return resume_ != nullptr && loop_->open_mailbox(true);
}

/// Signals are for the threads of the program.
bool Worker::run() noexcept {
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    bool running = true;
    try {
        thread_ = std::thread([this] { main(); });
    } catch (const std::system_error& failure) {
        running = false;
        errno = failure.code().value();
    }
    pthread_sigmask(SIG_SETMASK, &before, nullptr);
    return running;
}

void Worker::main() noexcept {
    if (shard_->handlers != nullptr) {
        never_preempt();
    }
    loop_->promise_to_empty_mailbox();
    loop_->enter();
    while (!stopping_) {
        const Outbox outbox;  // what one turn has for other threads leaves together
        loop_->empty_mailbox();
        if (!stopping_ && loop_->may_sleep()) {
            event_base_loop(base_, EVLOOP_ONCE);
            loop_->enter();
        }
    }
    {
        const Outbox outbox;
        for (const auto& listener : listeners_) {
            evconnlistener_free(listener->listener);
        }
        listeners_.clear();
        event_free(std::exchange(resume_, nullptr));
        shard_->close_all();
    }
}

/// After this nothing of the worker's runs; its shard is still there, for letters that name it.
void Worker::stop_and_join() noexcept {
    if (thread_.joinable()) {
        if (auto* const letter = mm_new<StopLetter>(*this)) {
            loop_->post_now(*letter);
        }
        thread_.join();
        loop_->enter();
        loop_->empty_mailbox();
    }
}

Worker::~Worker() {
    if (resume_ != nullptr) {
        event_free(resume_);
    }
    shard_.reset();
    if (base_ != nullptr) {
        event_base_free(base_);
    }
}

void Worker::listen_soon(evhttp_bound_socket& socket) noexcept {
    const int fd = ::fcntl(evconnlistener_get_fd(socket.listener), F_DUPFD_CLOEXEC, 0);
    auto* const letter = fd >= 0 ? mm_new<ListenLetter>(*this, socket, fd) : nullptr;
    if (letter == nullptr) {
        warn("http: a thread cannot listen");
        return;
    }
    loop_->post(*letter);
}

void Worker::unlisten_soon(evhttp_bound_socket& socket) noexcept {
    if (auto* const letter = mm_new<ListenLetter>(*this, socket, -1)) {
        loop_->post(*letter);
    }
}

void Worker::listen(evhttp_bound_socket& socket, evutil_socket_t fd) noexcept {
    auto listener = std::make_unique<Listener>(*this, socket);
    listener->listener = evconnlistener_new(base_, on_accept, listener.get(),
                                            LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (listener->listener == nullptr) {
        warn("http: a thread cannot listen");
        evutil_closesocket(fd);
        return;
    }
    evconnlistener_set_error_cb(listener->listener, on_accept_error);
    listeners_.push_back(std::move(listener));
}

void Worker::unlisten(evhttp_bound_socket& socket) noexcept {
    std::erase_if(listeners_, [&](const std::unique_ptr<Listener>& listener) {
        if (&listener->socket.get() != &socket) {
            return false;
        }
        evconnlistener_free(listener->listener);
        return true;
    });
}

void Worker::on_accept(evconnlistener* /*listener*/, evutil_socket_t fd, sockaddr* peer, int length,
                       void* arg) noexcept {
    const Listener& listener = *static_cast<Listener*>(arg);
    evhttp_bound_socket& socket = listener.socket.get();
    Shard& mine = listener.worker.shard();
    evhttp& http = mine.http;
    const bool home_only =
        mine.handlers != nullptr &&
        (http.bev.fn != nullptr || socket.bev.fn != nullptr || http.new_request.fn != nullptr);
    if (home_only) {  // the program's callbacks make or watch the connection
        send_socket(*http.home, socket, fd, peer, length);
    } else if (Worker* const other = listener.worker.group_.least_loaded(mine)) {
        send_socket(other->shard(), socket, fd, peer, length);
    } else {
        serve_accepted(socket, mine, fd, peer, length);
    }
}

void Worker::on_accept_error(evconnlistener* /*listener*/, void* arg) noexcept {
    Worker& worker = static_cast<Listener*>(arg)->worker;
    for (const auto& listener : worker.listeners_) {
        evconnlistener_disable(listener->listener);
    }
    event_add(worker.resume_, &accept_pause);
}

void Worker::on_resume(evutil_socket_t /*fd*/, short /*what*/, void* arg) noexcept {
    for (const auto& listener : static_cast<Worker*>(arg)->listeners_) {
        evconnlistener_enable(listener->listener);
    }
}

// ---- WorkerGroup -----------------------------------------------------------------------------

WorkerGroup::WorkerGroup(evhttp& http) noexcept : http_(http) {}

WorkerGroup::~WorkerGroup() {
    if (start_pending_) {
        event_del(&start_event_);
    }
    if (!workers_.empty() && process_ != ::getpid()) {
        // In the child of a fork() the threads do not run, and what is theirs is as they left it.
        for (auto& worker : workers_) {
            static_cast<void>(worker.release());
        }
        return;
    }
    for (const auto& worker : workers_) {
        worker->stop_and_join();
    }
    http_.home->loop.empty_mailbox();  // letters that name the workers' connections
}

/// The threads start when the base is dispatched: a program may fork until then.
bool WorkerGroup::start_soon() noexcept {
    const timeval at_once{};
    start_pending_ = http_.home->loop.open_mailbox(true) &&
                     event_assign(&start_event_, http_.base, -1, 0, on_start, this) == 0 &&
                     event_add(&start_event_, &at_once) == 0;
    return start_pending_;
}

void WorkerGroup::on_start(int /*fd*/, short /*what*/, void* arg) noexcept {
    static_cast<WorkerGroup*>(arg)->start();
}

void WorkerGroup::start() noexcept {
    start_pending_ = false;
    process_ = ::getpid();
    http_.home->loop.enter();
    HttpLoop* const handlers = http_.thread_mode == EVHTTP_THREADS_IO ? &http_.home->loop : nullptr;
    // Complete before the first thread looks at it: none does before it has a socket.
    while (workers_.size() < static_cast<std::size_t>(http_.threads)) {
        auto worker = std::make_unique<Worker>(*this);
        if (!worker->prepare(http_, handlers) || !worker->run()) {
            warn("http: only %zu of %d threads", workers_.size(), http_.threads);
            break;
        }
        workers_.push_back(std::move(worker));
    }
    http_.threads = static_cast<int>(workers_.size());
    if (workers_.empty()) {
        serve_at_home(http_);  // frees *this
        return;
    }
    for (evhttp_bound_socket* socket = http_.sockets.front(); socket != nullptr;
         socket = decltype(http_.sockets)::next(*socket)) {
        add_socket(*socket);
    }
}

void WorkerGroup::add_socket(evhttp_bound_socket& socket) noexcept {
    for (const auto& worker : workers_) {
        worker->listen_soon(socket);
    }
}

void WorkerGroup::remove_socket(evhttp_bound_socket& socket) noexcept {
    for (const auto& worker : workers_) {
        worker->unlisten_soon(socket);
    }
}

Worker* WorkerGroup::least_loaded(const Shard& mine) noexcept {
    Worker* least = nullptr;
    int fewest = mine.count.load(std::memory_order_relaxed);
    for (const auto& worker : workers_) {
        const int count = worker->shard().count.load(std::memory_order_relaxed);
        if (count < fewest) {
            fewest = count;
            least = worker.get();
        }
    }
    return least;
}

// ---- between threads -------------------------------------------------------------------------

void send_to_handlers(Request& request, HttpLoop& handlers) noexcept {
    request.at_home = true;
    request.letter.take(Errand::handle);
    handlers.post(request.letter);
}

void handle_at_home(Request& request) noexcept {
    ServerConnection& connection = keeper_of(request);
    evhttp& http = connection.shard().http;
    if (http.closing) {
        settle_request(request);  // its connection went with the workers
        return;
    }
    connection.handle(request);
}

void tell_complete(Request& request, HttpLoop& handlers) noexcept {
    request.letter.take(Errand::complete);
    handlers.post(request.letter);
}

void complete_at_home(Request& request) noexcept {
    if (!keeper_of(request).server()->base_is_gone) {
        request.on_complete_cb(&request, request.on_complete_cb_arg);
    }
    settle_request(request);
}

void tell_gone(Request& request, HttpLoop& handlers) noexcept {
    if (auto* const letter = mm_new<GoneLetter>(request)) {
        request.farewell.fetch_or(Request::gone_travels, std::memory_order_acq_rel);
        handlers.post(*letter);
    }
}

void tell_closed_at_home(ServerConnection& connection, HttpLoop& handlers) noexcept {
    if (auto* const letter = mm_new<ClosedLetter>(connection)) {
        handlers.post(*letter);
    }
}

void tell_written(evhttp_connection& connection,
                  const Callback<void (*)(evhttp_connection*, void*)>& written,
                  HttpLoop& handlers) noexcept {
    if (auto* const letter = mm_new<WrittenLetter>(connection, written)) {
        handlers.post(*letter);
    }
}

void post_cancel(Request& request) noexcept {
    if (auto* const letter = mm_new<CancelLetter>(request)) {
        request.loop->post(*letter);
    }
}

void post_release(Request& request) noexcept {
    if (auto* const letter = mm_new<ReleaseLetter>(request)) {
        request.loop->post(*letter);
    }
}

void send_socket(Shard& shard, evhttp_bound_socket& socket, evutil_socket_t fd,
                 const sockaddr* peer, int peer_length) noexcept {
    if (auto* const letter = mm_new<SocketLetter>(shard, socket, fd, peer, peer_length)) {
        shard.count.fetch_add(1, std::memory_order_relaxed);  // counts from now on
        shard.loop.post(*letter);
    } else {
        evutil_closesocket(fd);
    }
}

void bring_home(ServerConnection& connection) noexcept {
    const ConnectionHold hold(connection);
    Shard& home = *connection.shard().http.home;
    LeaveLetter letter(connection);
    connection.loop->post_now(letter);
    letter.wait();
    connection.join_loop(home);
}

void read_environment(evhttp& http) noexcept {
    if (std::exchange(http.environment_read, true)) {
        return;
    }
    http.limits_on = read_switch("COREVENT_HTTP_LIMITS", http.limits_on);
    http.lenient = read_switch("COREVENT_HTTP_LENIENT", http.lenient);
    const std::string_view threads = environment("COREVENT_HTTP_THREADS");
    const std::string_view mode = environment("COREVENT_HTTP_MODE");
    if (http.threads == 0 && !threads.empty()) {
        http.threads = std::min(thread_count(threads), threads_max);
        http.thread_mode = mode == "all" ? EVHTTP_THREADS_ALL : EVHTTP_THREADS_IO;
        if (http.threads == 0) {
            warnx("COREVENT_HTTP_THREADS=%s: must be a number from 1 on or \"auto\"; ignored",
                  threads.data());
        }
        if (!mode.empty() && mode != "io" && mode != "all") {
            warnx("COREVENT_HTTP_MODE=%s: must be \"io\" or \"all\"; \"io\" it is", mode.data());
        }
    }
    if (http.threads > 0) {
        http.workers = std::make_unique<WorkerGroup>(http);
        if (!http.workers->start_soon()) {
            warnx("http: no threads: descriptors are short");
            http.workers.reset();
            http.threads = 0;
        }
    }
}

}  // namespace corevent::compat

using namespace corevent::compat;

extern "C" {

int evhttp_set_threads(evhttp* http, int threads, int mode) {
    if (threads < 0 || threads > threads_max || http->home != nullptr ||
        (mode != EVHTTP_THREADS_IO && mode != EVHTTP_THREADS_ALL)) {
        return -1;
    }
    http->threads = threads != 0 ? threads : thread_for_each_core();
    http->thread_mode = mode;
    return 0;
}

int evhttp_get_threads(const evhttp* http) {
    return http->threads;
}
}
