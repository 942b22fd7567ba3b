/* thread.c: how a run uses its threads.
 *
 * A run that spawns none is driven by the engine's loop alone.
 */
#include "sim/thread.h"

#include "sim/internal.h"

size_t sim_threads_blocked(const struct sim *s)
{
    (void)s;
    return 0;
}

bool sim_threads_ready(const struct sim *s)
{
    (void)s;
    return false;
}

void sim_threads_run(struct sim *s)
{
    bool more = sim_engine_step(s);
    ASSERT(!more);
}

void sim_threads_destroy(struct sim *s)
{
    (void)s;
}

struct sim_thread *sim_thread_self(struct sim *s)
{
    (void)s;
    return NULL;
}

const char *sim_thread_name(const struct sim_thread *t)
{
    (void)t;
    return "";
}
