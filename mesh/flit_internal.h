/* flit_internal.h: the state of the flit model, private to flit*.c.
 *
 *   flit.c           routers, terminals, instants; the interface
 *   flit_deadlock.c  packets that can never move again
 */
#ifndef MESH_FLIT_INTERNAL_H
#define MESH_FLIT_INTERNAL_H

#include "mesh/common.h"
#include "mesh/route.h"
#include "sim/server.h"

#define NOBODY UINT32_MAX
#define DRAIN (UINT32_MAX - 1) /* the output of a packet that is dropped here */

struct flit {
    struct net_packet *packet;
    uint32_t index;     /* 1 .. packet->flits */
    sim_time available; /* may leave (or, a header, compete) from here on */
};

struct input {
    struct flit *fifo; /* ring of `depth` */
    uint32_t first, count;
    struct route_option options[ROUTE_OPTIONS]; /* of the header at the front */
    uint32_t option_count;                      /* 0: the front is not a header that competes */
    uint32_t output;   /* output virtual channel held (of this router), or NOBODY */
    sim_time start;    /* granted: may leave from here on */
    sim_time front_at; /* the flit now at the front is seen from here on */
    sim_time routed;   /* the header at the front is from here on, where routers route some at a
                          time; 0: not begun */
};

struct output {
    uint32_t holder;  /* input virtual channel of the router, or NOBODY */
    uint32_t credits; /* UINT32_MAX: the terminal takes everything */
    sim_time free_at; /* may be allocated from here on */
    uint32_t turn;    /* next input port of the router in turn */
    uint8_t *turns;   /* of each input port: its next virtual channel in turn */
};

struct port {
    sim_time read_free;  /* input side: one flit a flit time */
    sim_time write_free; /* output side: one flit a flit time */
    uint32_t input_turn; /* which of its virtual channels is put forward next */
    uint32_t output_turn;
    uint32_t to_node, to_port; /* where its channel leads; NOBODY: terminal or edge */
    bool dead;
    sim_time window;  /* that `blocked` is about: its start */
    sim_time blocked; /* headers waited for its output so long, in all */
    struct sim_busy busy;
};

struct source {
    struct net_packet *first, *last; /* wait */
    struct net_packet *current;      /* flits of it are being injected */
    uint32_t sent;                   /* flits of current that left */
    uint32_t channel;                /* its virtual channel */
    sim_time write_free;
    uint32_t *credits; /* of the router's injection port, per virtual channel */
    sim_time *free_at;
    struct sim_busy busy;
};

struct flit_net {
    struct mesh_net m;
    uint32_t vcs, depth;
    struct input *inputs;   /* (node * ports + port) * vcs + virtual channel */
    struct output *outputs; /* the same way */
    struct port *ports;     /* node * ports + port */
    struct source *sources;
    struct flit *slots;
    uint8_t *turns; /* of all outputs */
    uint32_t *source_credits;
    sim_time *source_free;
    bool *marked; /* routers, then sources */
    uint32_t *looks, look_count;
    uint64_t flits_left; /* have left the FIFOs for a terminal or for nowhere */
    uint64_t in_fifos;   /* flits */
    uint64_t instants;
    char deadlock[600]; /* the circle of waiting packets, once there is one */
};

static inline struct input *input_of(struct flit_net *n, uint32_t node, uint32_t index)
{
    return &n->inputs[(size_t)node * n->m.topo.ports * n->vcs + index];
}

static inline struct output *output_of(struct flit_net *n, uint32_t node, uint32_t index)
{
    return &n->outputs[(size_t)node * n->m.topo.ports * n->vcs + index];
}

static inline struct flit *front_of(const struct input *v)
{
    return &v->fifo[v->first];
}

/* The header at the front of v asks for this virtual channel of this output port. */
static inline bool wants(const struct input *v, uint32_t port, uint32_t channel)
{
    for (uint32_t k = 0; k < v->option_count; k++)
        if (v->options[k].port == port && (v->options[k].channels >> channel & 1u))
            return true;
    return false;
}

/* ---- flit_deadlock.c ---- */

/* Looks for FIFOs whose front will never leave, whatever the others do: the largest set of which
 * each waits for another.  True: there are, and n->deadlock names a circle of them. */
bool flit_find_deadlock(struct flit_net *n);

#endif
