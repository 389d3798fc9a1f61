// Answers from a thread of one's own: the handler passes the Responder on and returns. Try: curl
// http://localhost:8080/
#include <corevent/http.h>

#include <condition_variable>
#include <deque>
#include <iostream>
#include <mutex>
#include <thread>

using namespace corevent;

class Worker {
public:
    void add(http::Responder responder) {
        const std::lock_guard lock(mutex_);
        queue_.push_back(std::move(responder));
        ready_.notify_one();
    }

private:
    void run(std::stop_token stop) {
        std::unique_lock lock(mutex_);
        while (ready_.wait(lock, stop, [this] { return !queue_.empty(); })) {
            http::Responder responder = std::move(queue_.front());
            queue_.pop_front();
            lock.unlock();
            responder.send(http::Response::text("from another thread\n"));  // harmless when the
                                                                            // client has gone
            lock.lock();
        }
    }

    std::mutex mutex_;
    std::condition_variable_any ready_;
    std::deque<http::Responder> queue_;
    std::jthread thread_{[this](std::stop_token stop) { run(stop); }};
};

int main(int argc, char** argv) {
    LoopGroup loops;
    Worker worker;
    http::Server server(loops);
    server.get("/", [&worker](http::Request&, http::Responder responder) {
        worker.add(std::move(responder));
    });
    if (auto open = server.listen(argc > 1 ? argv[1] : ":8080"); !open) {
        return std::cerr << open.error().message << "\n", 1;
    }
    std::cout << "listening on " << server.addresses().front().text() << std::endl;
    return server.run();
}
