/* users.c: see users.h. */
#include "workloads/tape/users.h"

#include "workloads/io/loop.h"

/* ---- files ---- */

uint64_t user_hash(uint64_t n)
{
    n = (n ^ n >> 33) * UINT64_C(0xff51afd7ed558ccd);
    n = (n ^ n >> 33) * UINT64_C(0xc4ceb9fe1a85ec53);
    return n ^ n >> 33;
}

static uint64_t size_of(const struct user *u, uint64_t file)
{
    uint64_t h = user_hash(file * 2 + 1),
             least = (uint64_t)u->p->smallest << (h >> 32) % (uint64_t)u->p->octaves;
    uint64_t size = least + user_hash(h) % least;
    return size < u->most ? size : u->most;
}

static bool is_read(const struct users_params *p, uint64_t file)
{
    return user_hash(file * 2) % 100 >= (uint64_t)p->never;
}

/* ---- times ---- */

static bool working(sim_time t)
{
    int64_t hour = t / (3600 * SIM_SEC) % 168;
    return hour < 120 && hour % 24 >= 8 && hour % 24 < 20;
}

/* Mean time between reads in working hours, of which a week has 60: elsewhere only one of `busy` of
 * those that are drawn is made. */
static sim_time next_read(const struct user *u, sim_time t)
{
    const struct users_params *p = u->p;
    int64_t f = p->busy;
    sim_time gap = (sim_time)((double)p->gap * 100 / (double)p->reads * (double)(60 * f + 108) /
                              (double)(168 * f));
    do
        t = sim_time_add(t, io_exponential(u->port, gap));
    while (!working(t) && port_random_below(u->port, (uint64_t)f) != 0);
    return t / SIM_US * SIM_US;
}

static sim_time next_write(const struct user *u, sim_time t)
{
    double part = (double)(100 - u->p->reads) / 100;
    sim_time gap = (sim_time)((double)u->p->gap / part);
    return sim_time_add(t, io_exponential(u->port, gap)) / SIM_US * SIM_US;
}

/* ---- requests ---- */

/* One of the requests of the last `within`, or any file that is ever read. */
static struct tape_op draw_read(struct user *u, sim_time at)
{
    uint64_t n = u->asked < USER_RECENT ? u->asked : USER_RECENT, young = 0;
    struct tape_op o = { .at = at };
    while (young < n && at - u->recent[(u->asked - 1 - young) % USER_RECENT].at <= u->p->within)
        young++;
    if (young > 0 && port_random_below(u->port, 100) < (uint64_t)u->p->repeats) {
        uint64_t k = port_random_below(u->port, young);
        o = u->recent[(u->asked - 1 - k) % USER_RECENT];
        o.at = at;
        o.write = false;
        return o;
    }
    do
        o.file = port_random_below(u->port, (uint64_t)u->p->files);
    while (!is_read(u->p, o.file));
    o.bytes = size_of(u, o.file);
    return o;
}

void user_begin(struct user *u, struct port *port, const struct users_params *p, uint64_t most,
                uint32_t rank, uint32_t ranks)
{
    u->port = port;
    u->p = p;
    u->most = most;
    u->rank = rank;
    u->ranks = ranks;
    u->asked = u->written = 0;
    u->next_read = p->reads > 0 ? next_read(u, 0) : SIM_NEVER;
    u->next_write = p->reads < 100 ? next_write(u, 0) : SIM_NEVER;
}

struct tape_op user_next(struct user *u)
{
    struct tape_op o;
    if (u->next_read <= u->next_write) {
        o = draw_read(u, u->next_read);
        u->next_read = next_read(u, u->next_read);
    } else {
        o = (struct tape_op){ .at = u->next_write, .write = true };
        o.file = (uint64_t)u->p->files + u->rank + u->written++ * u->ranks;
        o.bytes = size_of(u, o.file);
        u->next_write = next_write(u, u->next_write);
    }
    u->recent[u->asked++ % USER_RECENT] = o;
    return o;
}
