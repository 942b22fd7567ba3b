/* link.c: see link.h. */
#include "mesh/link.h"

#include <stdio.h>

void net_link_init(struct net_link *l, struct sim *s, const char *name, uint64_t index)
{
    *l = (struct net_link){ .sim = s, .up_since = -1 };
    sim_rng_init_indexed(&l->rng, s, name, index);
}

bool net_link_damages(struct net_link *l, uint64_t bits)
{
    if (l->ber <= 0) /* LINK2 */
        return false;
    if (l->until_error >= bits) {
        l->until_error -= bits;
        return false;
    }
    l->until_error = sim_rng_geometric(&l->rng, l->ber); /* the next packet's are its own */
    return true;
}

enum net_status net_link_fate(struct net_link *l, sim_time begin, uint64_t bits)
{
    if (l->down || l->up_since >= begin) /* LINK1 */
        return NET_DROPPED_FAULT;
    return net_link_damages(l, bits) ? NET_DROPPED_DAMAGED : NET_OK;
}

/* ---- faults ---- */

enum { DOWN, UP, ERRORS };
static const char *const all[] = { "down", "up", "errors", NULL };
static const char *const down[] = { "down", "up", NULL };
static const char *const errors[] = { "errors", NULL };

struct args {
    double ber;
};
static const struct param args_desc[] = {
    P_REAL(args, ber, "0", "0", "0.5", "Of `errors`: the chance of each bit to be damaged."),
    P_END,
};

struct place {
    enum net_link_can can;
    struct net_link *links[2];
};

static int action_of(const struct place *p, const struct fault *f)
{
    return p->can == NET_LINK_ERRORS ? ERRORS : f->action;
}

static bool possible(void *self, const struct fault *f, const char *path, struct err *e)
{
    const struct place *p = self;
    const struct args *a = f->args;
    bool errs = action_of(p, f) == ERRORS;
    if (errs && a->ber <= 0)
        return err_set(e, "%s.ber: errors have a bit error rate above 0", path);
    return errs || a->ber <= 0 || err_set(e, "%s.ber: only errors have a bit error rate", path);
}

static void tell(struct net_link *l, int action, bool over, double ber)
{
    bool falls = (action == DOWN) != over;
    if (action == ERRORS) {
        l->ber = over ? 0 : ber;
        if (l->ber > 0)
            l->until_error = sim_rng_geometric(&l->rng, l->ber);
    } else if (falls != l->down) {
        l->down = falls;
        if (!falls)
            l->up_since = sim_now(l->sim);
    }
    if (l->changed)
        l->changed(l->arg);
}

static void apply(void *self, const struct fault *f)
{
    const struct place *p = self;
    for (int i = 0; i < 2 && p->links[i]; i++)
        tell(p->links[i], action_of(p, f), f->over, ((const struct args *)f->args)->ber);
}

#define OPS(names)                                                                                 \
    {                                                                                              \
        .actions = names, .usual = true, .ends = true, .when = SIM_CLASS_MEASURE,                  \
        .params = args_desc, .params_size = sizeof(struct args), .check = possible, .apply = apply \
    }
static const struct fault_ops ops[] = {
    [NET_LINK_ALL] = OPS(all), [NET_LINK_DOWN] = OPS(down), [NET_LINK_ERRORS] = OPS(errors)
};

void net_link_target(struct sim_faults *f, const char *path, enum net_link_can can,
                     struct net_link *a, struct net_link *b)
{
    struct place *p = base_alloc(sizeof(*p));
    *p = (struct place){ can, { a, b } };
    sim_fault_target(f, path, &ops[can], p, true);
}

void net_link_target_number(struct sim_faults *f, const char *word, uint32_t number,
                            enum net_link_can can, struct net_link *a, struct net_link *b)
{
    char path[64];
    snprintf(path, sizeof path, "%s %u", word, number);
    net_link_target(f, path, can, a, b);
}
