#include <corevent/listener.h>

#include "base/assert.h"
#include "net/acceptor.h"

#include <utility>

namespace corevent {

struct Listener::State : ListenerState {
    using ListenerState::ListenerState;
};

Outcome<std::unique_ptr<Listener>> Listener::open(LoopGroup& group, const Address& address,
                                                  ListenerOptions options,
                                                  AcceptFunction on_accept) {
    auto sockets = open_listen_sockets(address, options, group.size());
    if (!sockets) return std::unexpected(std::move(sockets.error()));
    auto state = std::make_shared<State>(group, std::move(*sockets), options, std::move(on_accept));
    return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

Listener::Listener(std::shared_ptr<State> state) noexcept : state_(std::move(state)) {}

Listener::~Listener() {
    if (state_->group().running()) {
        state_->close({});
    } else {
        state_->abandon();
    }
}

const Address& Listener::address() const noexcept {
    return state_->address();
}

void Listener::start() {
    state_->start();
}

void Listener::close(Callback done) {
    state_->close(std::move(done));
}

Listener::Counters Listener::counters() const noexcept {
    return state_->counters();
}

std::size_t Listener::connections() const noexcept {
    return state_->connections();
}

std::size_t Listener::connections_of(unsigned loop_index) const noexcept {
    return state_->door(loop_index).connections();
}

}  // namespace corevent
