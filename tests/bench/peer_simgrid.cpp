/* peer_simgrid.cpp: what SimGrid reaches by itself: kernel timers, and actors that sleep. */
#include <string>

#include <simgrid/kernel/Timer.hpp>
#include <simgrid/s4u.hpp>

#include "tests/bench/bench.h"

namespace s4u = simgrid::s4u;
using simgrid::kernel::timer::Timer;

namespace
{

uint64_t left, state = 1;

s4u::Host *start()
{
    static std::string words[] = { "peer", "--log=root.thres:error", "--cfg=contexts/factory:raw",
                                   "--cfg=contexts/stack-size:128" };
    static char *argv[5];
    int argc = 0;
    for (std::string &w : words)
        argv[argc++] = &w[0];
    static s4u::Engine engine(&argc, argv);
    s4u::NetZone *zone = s4u::create_full_zone("peer");
    s4u::Host *host = zone->create_host("host", 1e9);
    zone->seal();
    return host;
}

double delay()
{
    return static_cast<double>(bench_random(&state) >> 44) * 1e-9;
}

void again()
{
    if (left > 0) {
        left--;
        Timer::set(s4u::Engine::get_clock() + delay(), [] { again(); });
    }
}

} // namespace

// Each timer sets the next one when it fires.
double peer_timers(uint64_t pending, uint64_t operations)
{
    start();
    left = operations;
    for (uint64_t i = 0; i < pending; i++)
        Timer::set(delay(), [] { again(); });
    double from = bench_seconds();
    s4u::Engine::get_instance()->run();
    return static_cast<double>(operations + pending) / (bench_seconds() - from);
}

double peer_sleeps(uint64_t threads, uint64_t operations)
{
    s4u::Host *host = start();
    left = operations;
    for (uint64_t i = 0; i < threads; i++) {
        s4u::Actor::create("sleeper", host, [] {
            while (left > 0) {
                left--;
                s4u::this_actor::sleep_for(delay());
            }
        });
    }
    double from = bench_seconds();
    s4u::Engine::get_instance()->run();
    return static_cast<double>(operations) / (bench_seconds() - from);
}
