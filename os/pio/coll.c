/* coll.c: see coll.h: the methods, and a file's collective calls. */
#include "os/nx/nx.h"
#include "os/pio/coll_internal.h"
#include "os/pio/pio_cache.h"

const struct param coll_params_desc[] = {
    P_SIZE(coll_params, buffer, "4MiB", "512B", "1GiB",
           "Bytes of a file that a rank holds at once.", "ASSUMED(a quarter of a node's memory)"),
    P_INT(coll_params, aggregators, "0", "0", "65536",
          "two_phase: ranks that move data for all; 0: all of them.",
          "ASSUMED(the conforming distribution of the papers is over all)"),
    P_SIZE(coll_params, align, "64KiB", "1B", "1GiB",
           "two_phase: the parts of the file begin at multiples of it.",
           "ASSUMED(the stripe unit of PFS)"),
    P_END,
};

const struct counter coll_counters[] = {
    C_SUM(coll, counts, moved, "B", "Bytes of the lists of collective transfers."),
    C_SUM(coll, counts, requests, "1", "Requests that they made of the file system."),
    C_SUM(coll, counts, requested, "B",
          "Bytes that these moved: more than the lists have where gaps are moved too."),
    C_SUM(coll, counts, exchanged, "B", "Bytes that ranks sent each other for them."),
    C_END,
};

static const struct kind *const methods[] = { &coll_list.kind,
                                              &coll_pieces.kind,
                                              &coll_by_part.kind,
                                              &coll_sieve.kind,
                                              &coll_two_phase.kind,
                                              &coll_directed.kind,
                                              NULL };
const struct kind_set coll_methods = { "method", "workload.method", methods };

/* ---- a file's ---- */

bool coll_check(const struct coll_ops *ops, const struct pio_ops *sys, const struct os_layout *l,
                const char *path, struct err *e)
{
    if (ops->stripes && (sys->stripes == NULL || (sys->parted != NULL && !sys->parted(l))))
        return err_set(e, "%s: '%s' asks those who keep the parts of a file, and %s has none", path,
                       ops->kind.name, sys->kind.name);
    if (ops->nx && !os_served(l, &nx_service, "compute"))
        return err_set(e,
                       "%s: '%s' exchanges messages, and the machine boots no service nx (see "
                       "machine.graph)",
                       path, ops->kind.name);
    return true;
}

struct coll *coll_open(const struct coll_ops *ops, const struct coll_params *p, struct pio_file *f)
{
    struct os_node *node = f->sys->node;
    struct coll *c = port_alloc(node->port, sizeof *c);
    c->ops = ops;
    c->p = p;
    c->file = f;
    c->port = node->port;
    c->nx = ops->nx ? os_find(node, &nx_service) : NULL;
    c->rank = f->rank;
    c->ranks = f->ranks;
    if (ops != &coll_list)
        port_counters(c->port, "coll", coll_counters, c);
    return c;
}

void coll_close(struct coll *c)
{
    if (c->ops != &coll_list)
        port_counters_end(c->port, c);
    port_free(c->port, c);
}

enum pio_status coll_transfer(struct coll *c, struct coll_part *x)
{
    sim_time since = port_now(c->port);
    x->moved = 0;
    x->off = x->run_count > 0 ? x->runs[0].off : 0;
    x->split = (struct pio_split){ 0 };
    if (x->op == PIO_READ)
        rope_fini(&x->data);
    ASSERT(x->memory == NULL || pio_fits(x->memory, pio_length(x->runs, x->run_count)));
    if (x->memory != NULL && x->op == PIO_WRITE)
        pio_gather(c->port, x->memory, &x->data);
    bool past = (c->ops->stripes || c->ops->together) && c->file->cached != NULL;
    if (past)
        pio_cache_past(c->file, true);
    enum pio_status s = c->ops->transfer(c, x);
    if (past)
        pio_cache_past(c->file, false);
    if (s != PIO_OK || x->op == PIO_WRITE)
        rope_fini(&x->data);
    else if (x->memory != NULL)
        pio_scatter(c->port, x->memory, &x->data);
    x->moved = s == PIO_OK ? x->moved : 0;
    c->counts.moved += x->moved;
    /* PIO4, of the whole call. */
    x->split.latency = port_now(c->port) - since;
    x->split.client = x->split.latency - x->split.mesh - x->split.queue - x->split.arm;
    return s;
}
