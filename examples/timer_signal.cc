// A loop without any network: a timer that ticks, and a signal that ends it.
#include <corevent/loop.h>

#include <csignal>
#include <iostream>

using namespace corevent;
using namespace std::chrono_literals;

int main() {
    Loop loop;
    unsigned ticks = 0;
    Timer timer(loop, [&] { std::cout << "tick " << ++ticks << std::endl; });
    SignalHandler on_stop(loop, SIGTERM, [&] { loop.stop(); });
    SignalHandler on_interrupt(loop, SIGINT, [&] { loop.stop(); });
    timer.start_every(100ms);
    loop.run();
    std::cout << "stopped after " << ticks << " ticks" << std::endl;
}
