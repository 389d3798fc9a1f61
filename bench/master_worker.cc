// The seed question, both sides on corevent: one thread that reads and parses and a pool that works
// and answers, against a loop per core that does all of it.
//
//   master_worker --model loops|pool --count N [--work-us N] [--batch N]
//
//   loops   N loops; the handler works and answers on the loop of its connection
//   pool    one loop reads, parses and writes; N threads take requests from a queue, work, and
//           answer through Responders
//
// Prints "listening PORT" and drains on SIGTERM. --work-us spins that much CPU time per request;
// --batch is how many requests a pool thread takes at a time.
#include "work_queue.h"

#include <corevent/http/handler.h>
#include <corevent/http/server.h>
#include <corevent/limits.h>
#include <corevent/loop_group.h>

#include <time.h>

#include <atomic>
#include <charconv>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

namespace {

namespace http = corevent::http;

constexpr std::size_t queue_jobs_max = 65'536;

struct Arguments {
    bool pool = false;
    unsigned count = 0;
    unsigned work_us = 0;
    unsigned batch = 1;
};

[[noreturn]] void fail(const std::string& message, int status = 1) {
    std::fprintf(stderr, "master_worker: %s\n", message.c_str());
    std::exit(status);
}

bool set_number(unsigned& target, std::string_view text, unsigned smallest, unsigned largest) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), target);
    return error == std::errc{} && end == text.data() + text.size() && target >= smallest &&
           target <= largest;
}

bool set(Arguments& arguments, std::string_view name, std::string_view value) {
    if (name == "--model") {
        arguments.pool = value == "pool";
        return value == "pool" || value == "loops";
    }
    if (name == "--count") {
        return set_number(arguments.count, value, 1, 256);
    }
    if (name == "--work-us") {
        return set_number(arguments.work_us, value, 0, 100'000);
    }
    return name == "--batch" && set_number(arguments.batch, value, 1, 1024);
}

Arguments parse(int argc, char** argv) {
    Arguments arguments;
    bool good = argc % 2 == 1;
    for (int i = 1; good && i < argc; i += 2) {
        good = set(arguments, argv[i], argv[i + 1]);
    }
    if (!good || arguments.count == 0) {
        fail("usage: master_worker --model loops|pool --count N [--work-us N] [--batch N]", 2);
    }
    return arguments;
}

std::uint64_t thread_cpu_ns() {
    timespec now{};
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<std::uint64_t>(now.tv_sec) * 1'000'000'000 +
           static_cast<std::uint64_t>(now.tv_nsec);
}

/// Work of a known CPU time: arithmetic steps, counted out once before the server starts.
class Work {
public:
    explicit Work(unsigned microseconds) {
        if (microseconds == 0) {
            return;
        }
        constexpr std::uint64_t trial = 20'000'000;
        steps_ = trial;
        const std::uint64_t begun = thread_cpu_ns();
        run();
        const std::uint64_t taken = thread_cpu_ns() - begun;
        steps_ = trial * microseconds * 1000 / (taken == 0 ? 1 : taken);
    }

    void run() const {
        std::uint64_t state = 88172645463325252ULL;
        for (std::uint64_t i = 0; i < steps_; ++i) {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
        }
        sink_.store(state, std::memory_order_relaxed);
    }

private:
    std::uint64_t steps_ = 0;
    mutable std::atomic<std::uint64_t> sink_{0};  // keeps the loop from being optimised away
};

http::Response hello() {
    return http::Response::static_text("Hello, World!", "text/plain");
}

using Queue = ce_bench::WorkQueue<http::Responder>;

void serve_pool(Queue& queue, const Work& work, std::size_t batch) {
    std::vector<http::Responder> taken;
    while (queue.take(taken, batch)) {
        for (http::Responder& responder : taken) {
            work.run();
            responder.send(hello());
        }
        taken.clear();
    }
}

void add_routes(http::Server& server, Queue& queue, const Work& work, bool pool) {
    if (!pool) {
        server.get("/hello", [&work](http::Request&) {
            work.run();
            return hello();
        });
        return;
    }
    server.get("/hello", [&queue](http::Request&, http::Responder responder) {
        if (!queue.push(responder)) {
            responder.send(http::Response::error(503, "the pool is behind"));
        }
    });
}

}  // namespace

int main(int argc, char** argv) {
    const Arguments arguments = parse(argc, argv);
    const Work work(arguments.work_us);
    Queue queue(queue_jobs_max);
    corevent::LoopGroup group(corevent::LoopGroupOptions{.loops =
                                                             arguments.pool ? 1 : arguments.count});
    http::ServerOptions options;
    if (const auto set_limit = options.limits.set("connection_age=none"); !set_limit) {
        fail(set_limit.error().message);
    }
    http::Server server(group, options);
    add_routes(server, queue, work, arguments.pool);
    if (const auto listening = server.listen("127.0.0.1:0"); !listening) {
        fail(listening.error().message);
    }
    std::vector<std::thread> pool;
    for (unsigned i = 0; arguments.pool && i < arguments.count; ++i) {
        pool.emplace_back([&] { serve_pool(queue, work, arguments.batch); });
    }
    server.start();
    std::printf("listening %u\n", static_cast<unsigned>(server.addresses().front().port()));
    std::fflush(stdout);
    const int status = server.run();
    queue.close();
    for (std::thread& worker : pool) {
        worker.join();
    }
    return status;
}
