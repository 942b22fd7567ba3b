/* gate.c: one thread at a time at a store whose calls wait. */
#include "os/ckpt/ckpt_internal.h"

void ckpt_gate_enter(struct ckpt_gate *g, struct ckpt *c)
{
    uint32_t i = 0;
    while (i < ARRAY_LEN(g->waiting) && g->waiting[i])
        i++;
    ASSERT(i < ARRAY_LEN(g->waiting));
    for (; g->busy; g->waiting[i] = NULL) {
        g->waiting[i] = port_thread_self(c->port);
        port_thread_block(c->port, "the store of a checkpoint", c->rank);
    }
    g->busy = true;
}

void ckpt_gate_leave(struct ckpt_gate *g, struct ckpt *c)
{
    g->busy = false;
    for (uint32_t i = 0; i < ARRAY_LEN(g->waiting); i++)
        if (g->waiting[i])
            port_thread_wake(c->port, g->waiting[i]);
}
