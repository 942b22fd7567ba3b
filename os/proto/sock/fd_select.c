/* fd_select.c: who waits for several sockets at once.  See fd.h.
 *
 * As in 4.4BSD all named descriptors are asked, each by a call through a table; if none has
 * anything, the thread waits at all of them, and whichever wakes it, all are asked again.
 */
#include "os/proto/sock/sock_internal.h"

struct look {
    struct sock_fds *fds;
    const struct sock_set *in[3]; /* NULL: none */
    struct sock_set out[3];
    uint32_t named, count; /* descriptors; of which it is so, once for each set */
};

static unsigned asked_of(const struct look *x, int fd)
{
    unsigned what = 0;
    for (unsigned k = 0; k < 3; k++)
        if (x->in[k] && sock_set_has(x->in[k], fd))
            what |= 1u << k; /* SOCK_READ, SOCK_WRITE, SOCK_EXCEPT */
    return what;
}

static bool all_open(struct look *x)
{
    for (int fd = 0; fd < SOCK_FDS; fd++) {
        if (!asked_of(x, fd))
            continue;
        if (fd >= x->fds->count || !x->fds->at[fd])
            return false;
        x->named++;
    }
    return true;
}

static void ask_all(struct look *x)
{
    x->count = 0;
    for (unsigned k = 0; k < 3; k++)
        x->out[k] = (struct sock_set){ { 0 } };
    for (int fd = 0; fd < x->fds->count; fd++) {
        unsigned what = asked_of(x, fd);
        unsigned is = what ? sock_ready(x->fds->at[fd], what) : 0;
        for (unsigned k = 0; k < 3; k++)
            if (is >> k & 1) {
                sock_set_add(&x->out[k], fd);
                x->count++;
            }
    }
    port_work(xk_port(x->fds->self), PORT_WORK_CALL, x->named);
}

/* Until one of them changes, or the time has come: then false. (blocks) */
static bool wait_at_all(struct look *x, sim_time until)
{
    struct port *p = xk_port(x->fds->self);
    struct sock_wait *waits = port_alloc(p, (x->named + 1) * sizeof *waits);
    uint32_t n = 0;
    for (int fd = 0; fd < x->fds->count; fd++) {
        unsigned what = asked_of(x, fd);
        if (!what)
            continue;
        waits[n] = (struct sock_wait){ .thread = port_thread_self(p), .what = what };
        list_push(&x->fds->at[fd]->waits, &waits[n++].link);
    }
    sim_time left = until == SIM_NEVER ? SIM_NEVER : until - port_now(p);
    bool woken = left > 0 && port_thread_block_for(p, "one of several sockets", n, left);
    for (uint32_t i = 0; i < n; i++)
        list_remove(&waits[i].link);
    port_free(p, waits);
    return woken;
}

enum sock_error fd_select(struct sock_fds *f, struct sock_set *read, struct sock_set *write,
                          struct sock_set *except, sim_time timeout, uint32_t *count)
{
    struct port *p = xk_port(f->self);
    struct sock_state *st = f->self->state;
    struct sock_set *sets[3] = { read, write, except };
    struct look x = { .fds = f, .in = { read, write, except } };
    sock_call(f->self, NULL);
    if (!all_open(&x))
        return SOCK_EBADF;
    sim_time until = sim_time_add(port_now(p), timeout);
    st->counts.selects++;
    ask_all(&x);
    while (x.count == 0 && timeout > 0) {
        bool woken = wait_at_all(&x, until);
        ask_all(&x);
        if (!woken)
            break;
    }
    for (unsigned k = 0; k < 3; k++)
        if (sets[k])
            *sets[k] = x.out[k];
    *count = x.count;
    return SOCK_OK;
}
