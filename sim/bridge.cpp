/* bridge.cpp: the one file that knows SimGrid.
 *
 * A run is a kernel model of SimGrid's whose next event is "now" for as long as our own queue has
 * one that makes a thread runnable.  Blocking is a blocking simcall whose body, which SimGrid runs
 * on the main stack, goes on with our queue at once: the next thread is made runnable before
 * SimGrid looks for one, and its own solver is entered only when a thread has ended.
 *
 * Waking is answering that simcall.  SimGrid 3.32 exports the two functions for it but installs no
 * header that declares them; with any other version the bridge falls back to Actor::suspend and
 * Actor::resume, which are public and do the same with one turn of the solver per wake.
 * docs/decisions says what each costs.
 */
#include <csignal>
#include <cstdlib>
#include <memory>

#include <unistd.h>

#include <simgrid/kernel/resource/Model.hpp>
#include <simgrid/s4u.hpp>
#include <simgrid/simix.hpp>
#include <simgrid/version.h>

#include "sim/bridge.h"

#ifndef BRIDGE_DIRECT
#define BRIDGE_DIRECT (SIMGRID_VERSION == 33200)
#endif

#if BRIDGE_DIRECT
namespace simgrid
{
namespace kernel
{
namespace actor
{
// The part of SimGrid's own class that is used here; its members are non-virtual.
class ActorImpl
{
  public:
    static ActorImpl *self();
    void simcall_answer();
};
} // namespace actor
} // namespace kernel
} // namespace simgrid
#endif

namespace s4u = simgrid::s4u;
namespace kernel = simgrid::kernel;

struct bridge_thread {
    s4u::ActorPtr actor;
#if BRIDGE_DIRECT
    kernel::actor::ActorImpl *impl;
#endif
    void (*fn)(void *arg);
    void *arg;
};

namespace
{

#if defined(__SANITIZE_ADDRESS__)
#define STACK_TEXT "512" // red zones make frames several times larger
#else
#define STACK_TEXT "128"
#endif

bool (*step_fn)(void *arg);
void *step_arg;
bool step_ended;
s4u::Engine *engine;
s4u::Host *host;
bridge_thread *current;

#if defined(__SANITIZE_ADDRESS__)
void install_handler(void)
{
    // AddressSanitizer's handler says more.
}
#else
// SimGrid's own handler suggests options that nobody can give here.
void on_bad_access(int signal_number)
{
    static const char text[] =
        "psim: memory was accessed wrongly, or a thread's stack (" STACK_TEXT " KiB) overflowed\n";
    signal(signal_number, SIG_DFL); // the access is repeated on return, and ends the process
    if (write(STDERR_FILENO, text, sizeof(text) - 1) < 0)
        return;
}

void install_handler(void)
{
    struct sigaction action = {};
    action.sa_handler = on_bad_access;
    action.sa_flags = SA_ONSTACK; // SimGrid has set an alternate stack up
    sigaction(SIGSEGV, &action, nullptr);
    sigaction(SIGBUS, &action, nullptr);
}
#endif

// Runs our queue until it has made a thread runnable.
void pump()
{
    if (!step_ended && !step_fn(step_arg))
        step_ended = true;
}

class PsimModel : public kernel::resource::Model
{
  public:
    PsimModel() : Model("psim")
    {
    }
    bool next_occurring_event_is_idempotent() override
    {
        return false;
    }
    double next_occurring_event(double horizon) override
    {
        pump();
        return step_ended ? horizon : 0.0;
    }
    void update_actions_state(double, double) override
    {
    }
};

void body(bridge_thread *t)
{
#if BRIDGE_DIRECT
    t->impl = kernel::actor::ActorImpl::self();
#endif
    void (*fn)(void *) = t->fn;
    void *arg = t->arg;
    current = t;
    fn(arg);
#if BRIDGE_DIRECT
    kernel::actor::simcall_answered([] {}); // a blocking simcall must not be the last one
#endif
    delete t;
}

void bridge_start(void)
{
    if (engine)
        return;
    static std::string words[] = { "psim",
                                   "--log=root.thres:error",
                                   "--log=no_loc",
                                   "--cfg=contexts/factory:raw",
                                   "--cfg=contexts/stack-size:" STACK_TEXT,
                                   "--cfg=contexts/guard-size:1",
                                   "--cfg=debug/verbose-exit:no" };
    static char *argv[8];
    int argc = 0;
    for (std::string &w : words)
        argv[argc++] = &w[0];
    engine = new s4u::Engine(&argc, argv); // for the life of the process
    s4u::NetZone *zone = s4u::create_full_zone("psim");
    host = zone->create_host("host", 1e9);
    zone->seal();
    engine->add_model(std::make_shared<PsimModel>());
    install_handler();
}

bridge_thread *bridge_spawn(const char *name, void (*fn)(void *arg), void *arg)
{
    auto *t = new bridge_thread();
    t->fn = fn;
    t->arg = arg;
    t->actor = s4u::Actor::create(name, host, [t] { body(t); });
    return t;
}

void bridge_wake(bridge_thread *t)
{
    current = t;
#if BRIDGE_DIRECT
    t->impl->simcall_answer();
#else
    t->actor->resume();
#endif
}

void bridge_kill(bridge_thread *t)
{
    t->actor->kill();
    delete t;
}

void bridge_block(void)
{
#if BRIDGE_DIRECT
    static const std::function<void()> next = pump;
    simcall_run_blocking(next, nullptr);
#else
    current->actor->suspend();
#endif
}

void bridge_run(bool (*step)(void *arg), void *arg)
{
    step_fn = step;
    step_arg = arg;
    step_ended = false;
    // The clock moves only when step has ended the run: then by one, up to the date asked for.
    engine->run_until(s4u::Engine::get_clock() + 1.0);
}

} // namespace

extern const bridge psim_bridge = { bridge_start, bridge_spawn, bridge_wake,
                                    bridge_kill,  bridge_block, bridge_run };
