/* cut_service.c: the service: who takes part, and what a machine must have for it. */
#include "os/ckpt/cut_internal.h"

#include "os/proto/rdm/rdm.h"

static const struct kind *const algorithms[] = { &cut_sns.kind, &cut_cl.kind, &cut_ns.kind, NULL };
const struct kind_set cut_algorithms = { "algorithm", "machine.os.cut.algorithm", algorithms };

static const struct param params[] = {
    P_CHOICE_OF(cut_params, algorithm, "sns", cut_algorithms, "How the machine agrees on a cut.",
                "the names of ickp [Plank & Li, IJPP 1991]"),
    P_STRING(cut_params, of, "nx",
             "The instance of the graph whose messages the job's are: it stands on the same RDM."),
    P_BOOL(cut_params, unordered, "false",
           "Cuts are taken by an algorithm that needs order, too, where channels do not keep it: "
           "what a checker must find.",
           "for experiments that show why the order is needed"),
    P_BOOL(cut_params, fallback, "false",
           "Algorithm 'ns': while a node that has no rank is down, which a sweep would pass, cuts "
           "are taken by 'cl'.",
           "a choice of the experiment: without it none is taken until the node is back"),
    P_INT(cut_params, fanout, "2", "1", "1000000",
          "Algorithm 'sns': children of a rank in the tree of ranks.", "ASSUMED(a binary tree)"),
    P_END,
};

bool cut_stops_all(const void *params_)
{
    const struct cut_params *p = params_;
    return kind_at(&cut_algorithms, p->algorithm) == &cut_sns;
}

static bool same(const struct cut_params *a, const struct cut_params *b)
{
    return a->algorithm == b->algorithm && strcmp(a->of, b->of) == 0 &&
           a->unordered == b->unordered && a->fanout == b->fanout && a->fallback == b->fallback;
}

/* The first entry of the list that boots it: its group's nodes are the ranks. */
static const struct os_service *job(const struct os_boot *b)
{
    uint32_t i = 0;
    while (b->services[i].ops != &cut_service)
        i++;
    return &b->services[i];
}

/* What a sweep of the network needs. */
static bool sweeps(const struct cut_params *p, const struct os_boot *b, const struct os_service *s,
                   const char *path, struct err *e)
{
    const struct os_grid *g = &b->layout->grid;
    const char *driver = xk_graph_below(b->graph, s->over, 1);
    const char *below = xk_graph_below(b->graph, xk_graph_below(b->graph, s->over, 0), 0);
    uint32_t nodes = 0;
    for (uint32_t i = 0; i < b->service_count; i++)
        nodes += b->services[i].ops == &cut_service ? b->services[i].on->count : 0;
    if (nodes != b->layout->nodes)
        return err_set(e,
                       "%s.algorithm is 'ns', which passes all %u nodes, but service 'cut' is on "
                       "%u: list it on 'io' and 'service' too",
                       path, b->layout->nodes, nodes);
    if (!driver || !xk_graph_protocol(b->graph, driver)->interface)
        return err_set(e,
                       "%s.algorithm is 'ns', whose markers go by the driver: '%s' must stand over "
                       "it too, second",
                       path, s->over);
    if (g->dims == 0 || g->wraps)
        return err_set(
            e,
            "%s.algorithm is 'ns', which sweeps a mesh or a hypercube from edge to edge, "
            "and the network has no edges",
            path);
    if (!p->unordered && !g->in_order)
        return err_set(e,
                       "%s.algorithm is 'ns', which needs routes in the order of dimensions over "
                       "channels that keep their order, and the network has others",
                       path);
    return p->unordered || strcmp(driver, below) == 0 ||
           err_set(e,
                   "%s.algorithm is 'ns', whose markers follow what '%s' sends, but '%s' stands "
                   "between it and '%s'",
                   path, xk_graph_below(b->graph, s->over, 0), below, driver);
}

/* What the parameters and the graph have to say to each other. */
static bool ready(void *params_, const struct os_boot *b, const char *path, struct err *e)
{
    const struct cut_params *p = params_;
    const struct os_service *s = job(b);
    const char *rdm = xk_graph_below(b->graph, s->over, 0);
    const struct cut_ops *ops = kind_at(&cut_algorithms, p->algorithm);
    if (!same(p, s->params))
        return err_set(e, "%s: its parameters are not those of '%s'", path, s->on->name);
    if (xk_graph_protocol(b->graph, rdm) != &rdm_protl)
        return err_set(e, "%s: '%s' stands over an instance of '%s', not of 'rdm'", path, s->over,
                       xk_graph_protocol(b->graph, rdm)->kind.name);
    if (xk_graph_below(b->graph, p->of, 0) == NULL ||
        strcmp(xk_graph_below(b->graph, p->of, 0), rdm) != 0)
        return err_set(e, "%s.of is '%s', which does not stand over '%s', as '%s' does", path,
                       p->of, rdm, s->over);
    if (p->fallback && !ops->everywhere)
        return err_set(e,
                       "%s.fallback is true, and algorithm '%s' passes ranks alone: it is for 'ns'",
                       path, ops->kind.name);
    if (ops->everywhere && !sweeps(p, b, s, path, e))
        return false;
    unsigned path_gives = xk_graph_gives(b->graph, xk_graph_below(b->graph, rdm, 0));
    const unsigned order = XK_ORDERED | XK_ONCE | XK_LOSSLESS;
    if (ops->ordered && !p->unordered && (path_gives & order) != order)
        return err_set(e,
                       "%s.algorithm is '%s', whose markers close channels that keep their order, "
                       "and '%s' below '%s' does not",
                       path, ops->kind.name, xk_graph_below(b->graph, rdm, 0), rdm);
    return true;
}

static void *start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    const struct os_group *g = job(n->boot)->on;
    uint32_t jobs = n->boot->ranks, count = g->count;
    if (jobs > 0 && g->nodes == n->layout->compute) /* as NX has them */
        count = jobs;
    const struct cut_params *p = s->params;
    struct cut *c = over->state;
    c->fallback = p->fallback ? &cut_cl : NULL;
    cut_boot(over, kind_at(&cut_algorithms, p->algorithm), p, n->layout, g->nodes, count);
    return c;
}

const struct os_service_ops cut_service = {
    .kind = { .name = "cut",
              .doc = "Consistent cuts of a job: the first group of nodes listed has its ranks.",
              .params = params,
              .params_size = sizeof(struct cut_params) },
    .on = "compute",
    .over = "cut",
    .protocol = &cut_protl,
    .with = "compute",
    .ready = ready,
    .start = start,
};
