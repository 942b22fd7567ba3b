/* loop.c: see loop.h. */
#include "workloads/io/loop.h"

enum law { LAW_FIXED, LAW_EXPONENTIAL, LAW_UNIFORM };

const char *const io_sync_names[] = { "close", "each", "none", NULL };
const char *const io_perm_names[] = { "rw-rw-rw-", "rw-rw-r--", "rw-rw----", "rw-r--r--",
                                      "rw-r-----", "rw-------", NULL };
const char *const io_law_names[] = { "fixed", "exponential", "uniform", NULL };

/* x * r / 2^64, for r drawn. */
static sim_time scaled(sim_time x, uint64_t r)
{
    return (sim_time)((unsigned __int128)(uint64_t)x * r >> 64);
}

/* By comparing draws alone: exact, without a logarithm [von Neumann 1951]. */
sim_time io_exponential(struct port *port, sim_time mean)
{
    for (sim_time whole = 0;; whole = sim_time_add(whole, mean)) {
        uint64_t first = port_random(port), last = first;
        for (bool even = true;; even = !even) {
            uint64_t next = port_random(port);
            if (next >= last) {
                if (even)
                    return sim_time_add(whole, scaled(mean, first));
                break;
            }
            last = next;
        }
    }
}

static void think(const struct io_loop *l)
{
    sim_time t = l->p->think;
    if (t == 0)
        return;
    if (l->p->think_law == LAW_EXPONENTIAL)
        t = io_exponential(l->port, t);
    else if (l->p->think_law == LAW_UNIFORM)
        t = scaled(sim_time_mul(t, 2), port_random(l->port));
    port_compute(l->port, t);
}

static bool flush(const struct io_loop *l, enum io_sync when)
{
    return !l->writes || l->p->sync != (int)when || l->flush == NULL || l->flush(l->self);
}

static void end(const struct io_loop *l)
{
    bool last = l->work || (l->writes && l->p->sync == IO_SYNC_CLOSE);
    port_window(l->port, false, last ? l->ranks : 1);
}

bool io_loop(const struct io_loop *l)
{
    const struct io_loop_params *p = l->p;
    struct port *port = l->port;
    uint64_t warmup = (uint64_t)p->warmup,
             all = l->count > 0 ? l->count : warmup + (uint64_t)p->requests;
    bool fine = true;
    if (p->start > 0)
        port_thread_sleep(port, (sim_time)port_random_below(port, (uint64_t)p->start));
    port_pay(port); /* it comes and goes at moments that no edge of the window can precede */
    for (uint64_t k = l->from; k < all; k++) {
        port_stage(port, l->inside);
        if (k == warmup && (k > l->from || k == 0))
            port_window(port, true, l->ranks);
        bool good = l->request(l->self, k);
        sim_time since = port_now(port);
        port_stage(port, good ? l->outside : NULL);
        fine &= good && flush(l, IO_SYNC_EACH) && (k + 1 < all || flush(l, IO_SYNC_CLOSE));
        bool on = k + 1 < all && (fine || l->together);
        if (on)
            think(l);
        on = on && (l->between == NULL || l->between(l->self, k + 1));
        fine &= on || k + 1 == all;
        if (!on)
            port_pay(port);
        if (good)
            port_measure(port, l->outside, (double)(port_now(port) - since) / (double)SIM_SEC);
        if (!on)
            break;
    }
    port_stage(port, NULL);
    if (fine || l->together)
        end(l);
    return fine;
}

void io_loop_remarks(const struct io_loop *l)
{
    if (l->writes && l->p->sync == IO_SYNC_NONE)
        port_remark(l->port, "sync = \"none\": what only the file system's memory has counts as "
                             "written");
}
