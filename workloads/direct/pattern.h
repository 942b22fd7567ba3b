/* pattern.h: who sends to whom: the synthetic traffic patterns of the interconnect literature.
 *
 * Definitions follow Dally & Towles 2004, table 3.1, dimension by dimension, so that they hold on
 * rectangles:
 *   uniform         any terminal, each as likely (with or without oneself)
 *   transpose       coordinates reversed: (x,y) -> (y,x); square grids alone
 *   bit_complement  terminal i -> N-1-i, the mirror in every dimension
 *   bit_reversal    the bits of the terminal's number backwards; N a power of two
 *   tornado         in every dimension of size k, ceil(k/2)-1 onwards, modulo k
 *   neighbour       in every dimension 1 onwards, modulo k
 *   hotspot         with probability `hot_share` one of the `hot` terminals, each as likely as
 *                   often as it is named; else by the pattern `background`
 *   list            terminal i -> destinations[i]
 *   table           pairs with rates of their own: `rates`
 *
 * Terminals are ranks here: `mapping` says at which node of the grid each sits.
 */
#ifndef WORKLOADS_DIRECT_PATTERN_H
#define WORKLOADS_DIRECT_PATTERN_H

#include "mesh/mapping.h"
#include "mesh/net.h"
#include "sim/rng.h"

enum pattern_kind {
    PATTERN_UNIFORM,
    PATTERN_TRANSPOSE,
    PATTERN_BIT_COMPLEMENT,
    PATTERN_BIT_REVERSAL,
    PATTERN_TORNADO,
    PATTERN_NEIGHBOUR,
    PATTERN_HOTSPOT,
    PATTERN_LIST,
    PATTERN_TABLE
};
extern const char *const pattern_names[];

struct pattern_params {
    int pattern; /* enum pattern_kind */
    bool self_sends;
    const struct val *hot; /* list of terminals */
    double hot_share;
    int background;
    const struct val *destinations; /* list of terminals, one for each */
    const struct val *rates;        /* list of { source, destination, rate } */
    int mapping;
    int64_t mapping_block;
    const struct val *mapping_list;
};
extern const char *const pattern_backgrounds[]; /* all but hotspot and list, the same numbers */

/* Their descriptors, for the array of a struct that begins with a pattern_params. */
#define PATTERN_PARAMS                                                                             \
    P_CHOICE(pattern_params, pattern, "uniform", pattern_names, "Who sends to whom.",              \
             "Dally & Towles 2004, table 3.1"),                                                    \
        P_BOOL(pattern_params, self_sends, "false",                                                \
               "Whether a terminal that the pattern maps to itself sends to itself, through its "  \
               "router; else it draws another terminal (uniform) or stays silent.",                \
               "ASSUMED(no network is needed to talk to oneself)"),                                \
        P_VAL(pattern_params, hot,                                                                 \
              "Pattern hotspot: list of the hot terminals, from 0; one that is named twice is "    \
              "twice as hot.",                                                                     \
              "the middle terminal when absent"),                                                  \
        P_REAL(pattern_params, hot_share, "0.1", "0", "1",                                         \
               "Pattern hotspot: share of the packets that go to a hot terminal.",                 \
               "ASSUMED(Pfister & Norton 1985 study 1 to 16 %)"),                                  \
        P_CHOICE(pattern_params, background, "uniform", pattern_backgrounds,                       \
                 "Pattern hotspot: where the other packets go.",                                   \
                 "Pfister & Norton 1985: uniform"),                                                \
        P_VAL(pattern_params, destinations,                                                        \
              "Pattern list: the destination of every terminal, from 0.", "the user's"),           \
        P_VAL(                                                                                     \
            pattern_params, rates,                                                                 \
            "Pattern table: a list of { source, destination, rate }.  A rate is in flits a flit "  \
            "time at a load of 1 (mesh_load); where the workload has a pace of its own, packets "  \
            "go to destinations in proportion.",                                                   \
            "the user's"),                                                                         \
        MAPPING_PARAMS(pattern_params)

#define PATTERN_SILENT UINT32_MAX

struct pattern {
    enum pattern_kind kind;
    bool self_sends;
    uint32_t nodes;
    uint32_t *fixed; /* destination of each terminal, PATTERN_SILENT: none; NULL: drawn */
    uint32_t *hot;
    uint32_t hot_count;
    double hot_share;
    uint32_t *node_of; /* of each rank; NULL: its own number */
    /* Pattern table: pairs in order of their sources; those of source i are first[i] to
     * first[i + 1]; parts are sums of rates from the source's first pair on, in 2^-32 of the
     * highest rate. */
    struct pattern_pair *pairs;
    uint32_t *first;
    double *rate; /* of each source: sum */
};

/* False with a sentence when the pattern does not fit the network.  s: for what is drawn. */
bool pattern_init(struct pattern *p, const struct pattern_params *params,
                  const struct net_describe *net, const struct sim *s, struct err *e) MUST_CHECK;
void pattern_fini(struct pattern *p);

/* True when the terminal never sends; when any destination is drawn. */
bool pattern_is_silent(const struct pattern *p, uint32_t src);
bool pattern_is_random(const struct pattern *p);

/* What a terminal sends, as a share of the load; 1 but for pattern table. */
static inline double pattern_rate(const struct pattern *p, uint32_t src)
{
    return p->rate ? p->rate[src] : 1;
}

/* The node of a rank. */
static inline uint32_t pattern_node(const struct pattern *p, uint32_t rank)
{
    return p->node_of ? p->node_of[rank] : rank;
}

/* The destination of the next packet of `src`, or PATTERN_SILENT. */
uint32_t pattern_next(const struct pattern *p, uint32_t src, struct sim_rng *r);

/* The load (flits a terminal and flit time) at which uniform traffic fills the busiest channel of
 * the grid under dimension-order routing; at most 1, the injection channel.  0: not a grid. */
double pattern_uniform_capacity(const struct net_describe *net);

#endif
