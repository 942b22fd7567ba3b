/* mesh_saturation.c: at which load does the network saturate?  By bisection over runs of mesh_load.
 *
 * A load is carried when all packets of the window are delivered within the drain time and accepted
 * throughput is at least 95 % of what was offered.  The answer lies between the largest load found
 * carried and the smallest found not, which are at most `tolerance` apart.  Every run has the same
 * seed.  Not modelled: a network that carries a load above one that it does not carry.
 */
#include <stdlib.h>

#include "sim/digest.h"
#include "sim/measure.h"
#include "workloads/direct/mesh_load.h"
#include "workloads/direct/mesh_traffic.h"

struct saturation_params {
    struct mesh_load_params traffic;
    double tolerance, highest;
};

#define MEMBER(m) offsetof(struct saturation_params, m)
static const struct param saturation_params[] = {
    { .name = "traffic",
      .type = PARAM_TABLE,
      .offset = MEMBER(traffic),
      .sub = mesh_load_params_desc,
      .doc = "The traffic, as mesh_load has it; its load is not used.",
      .src = "mesh_load" },
    { .name = "tolerance",
      .type = PARAM_REAL,
      .offset = MEMBER(tolerance),
      .def = "0.01",
      .min = "0.0001",
      .max = "0.5",
      .doc = "Width of the last interval, in the unit of the load.",
      .src = "ASSUMED(two digits)" },
    { .name = "highest",
      .type = PARAM_REAL,
      .offset = MEMBER(highest),
      .def = "0.99",
      .min = "0.001",
      .max = "4",
      .doc = "Load to start from, in the unit of the load.",
      .src = "ASSUMED(an injection channel carries one flit a flit time)" },
    { .name = NULL },
};

struct search {
    struct sim *sim;
    double carried, refused;      /* loads; refused: the smallest found not to be carried */
    struct mesh_load_result best; /* at the largest load carried */
    int runs;
    bool never_refused;
};

static bool bisect(struct search *x, const struct net *like, const struct saturation_params *p,
                   struct err *e)
{
    double load = p->highest;
    x->refused = p->highest;
    do {
        struct mesh_load_result r;
        if (!mesh_load_try(like, &p->traffic, load, sim_seed(x->sim), &r, e))
            return false;
        x->runs++;
        if (r.steady) {
            x->carried = load;
            x->best = r;
            x->never_refused = x->runs == 1;
        } else {
            x->refused = load;
        }
        load = x->carried + (x->refused - x->carried) / 2;
    } while (!x->never_refused && x->refused - x->carried > p->tolerance);
    return true;
}

/* The search runs here: the simulation that the workload was given stays empty. */
static void *saturation_create(struct sim *s, const struct direct_world *w, const void *params,
                               struct err *e)
{
    struct search *x = base_zalloc(1, sizeof(*x));
    x->sim = s;
    if (!bisect(x, w->net, params, e)) {
        free(x);
        return NULL;
    }
    sim_waist(s, SIM_WAIST_MEASURE, 0, -1, (uint64_t)x->runs, (uint64_t)(x->carried * 0x1p40));
    return x;
}

static void saturation_finish(void *self, enum sim_end end)
{
    struct search *x = self;
    (void)end;
    const unsigned column = SIM_MEASURE_DEFAULT_COLUMN;
    sim_scalar(x->sim, "saturation", "1", x->carried, column);
    sim_scalar(x->sim, "saturation_at_most", "1", x->refused, column);
    sim_scalar(x->sim, "accepted", "flits/node/cycle", x->best.accepted, column);
    sim_scalar(x->sim, "latency_there", "s", x->best.latency, 0);
    sim_scalar(x->sim, "runs", "1", x->runs, 0);
    if (x->never_refused)
        sim_remark(x->sim, "not saturated: the highest load tried, %g, is carried", x->carried);
    else if (x->carried <= 0)
        sim_remark(x->sim, "saturated at every load tried, down to %g", x->refused);
}

static void saturation_destroy(void *self)
{
    free(self);
}

const struct direct_ops direct_mesh_saturation = {
    .name = "mesh_saturation",
    .doc = "The load at which a network saturates under the traffic of mesh_load, by bisection.",
    .params = saturation_params,
    .params_size = sizeof(struct saturation_params),
    .needs_net = true,
    .create = saturation_create,
    .finish = saturation_finish,
    .destroy = saturation_destroy,
};
