/* xk_rig.h: nodes with a protocol graph on the fake port, and a probe protocol to look with.
 *
 * Graph text: instances separated by ';', each "name protocol <lower ... key=value ...":
 *   "mesh driver queue=2; blast blast <mesh; probe probe <blast".
 * The probe keeps what it receives, and sends what a test tells it to.
 */
#ifndef TESTS_OS_XK_RIG_H
#define TESTS_OS_XK_RIG_H

#include "os/xk/graph.h"
#include "tests/fake/port_fake.h"

#define RIG_NODES 64

struct rig {
    struct fake *f;
    struct xk_graph *g;
    struct xk_kernel *k[RIG_NODES];
    void (*booted)(struct rig *r, uint32_t node, struct port *p); /* after each boot; may be NULL */
    void *arg;
};

struct val *rig_val(const char *text);
/* Every protocol there is, the probe, and two more that a test brings (NULL: none). */
const struct kind_set *rig_protocols(void);
extern const struct xk_protl_ops *rig_protocol, *rig_protocol_too;
/* Graphs have ULP in the place of RDM and BLAST, */
extern bool rig_over_ulp;
/* or RECORD over TCP over this (tests/os/tcp_rig.h: tip_protl); NULL: not. */
extern const struct xk_protl_ops *rig_over_tcp;
/* Loads the graph (a mistake fails the test) and boots every node. */
void rig_start(struct rig *r, const struct fake_options *o, const char *graph,
               void (*booted)(struct rig *r, uint32_t node, struct port *p), void *arg);
/* The same with a fake that exists: for fake_explore. */
void rig_boot(struct rig *r, struct fake *f, struct xk_graph *g,
              void (*booted)(struct rig *r, uint32_t node, struct port *p), void *arg);
/* And nodes 0 to count-1 booted, in order. */
void rig_boot_all(struct rig *r, struct fake *f, struct xk_graph *g, uint32_t count,
                  void (*booted)(struct rig *r, uint32_t node, struct port *p), void *arg);
struct xk_graph *rig_graph(const char *graph);
extern const struct xk_network rig_networks[2]; /* the fake's interfaces */
/* Frames of rig_graph's networks, and so of the fake_options; 0: as above. */
extern uint32_t rig_mtu;
void rig_stop(struct rig *r);

/* ---- the probe: a protocol without a header ---- */
#define PROBE_KEEP 512
struct probe_got {
    uint32_t from;
    uint64_t length, hash;
};
struct probe {
    uint64_t got, ready, opened, failed;
    enum xk_status why; /* of the last failure */
    struct probe_got log[PROBE_KEEP];
    struct rope last; /* of the last message */
    bool echo;        /* send back what comes */
};
struct probe *rig_probe(struct rig *r, uint32_t node);
/* Opens a session below the probe, pushes a message of that content, closes; what push said. */
enum xk_status rig_send(struct rig *r, uint32_t node, uint32_t to, const struct rope *data);
enum xk_status rig_send_pattern(struct rig *r, uint32_t node, uint32_t to, uint64_t seed,
                                uint64_t len);
/* A session below the probe that stays open. */
struct xk_sessn *rig_open(struct rig *r, uint32_t node, uint32_t to);
enum xk_status rig_push(struct rig *r, uint32_t node, struct xk_sessn *s, uint64_t seed,
                        uint64_t length);
void rig_close(struct rig *r, uint32_t node, struct xk_sessn *s);
uint64_t rig_pattern_hash(uint64_t seed, uint64_t len);
bool rig_alloc_quiet(struct rig *r); /* no leaf is alive but what probes keep; drops that first */

/* ---- frames on the wire ---- */

#define RIG_SEEN 16
struct rig_seen {
    uint32_t count;                /* frames; of the first the beginnings and the lengths */
    uint8_t bytes[RIG_SEEN][2048]; /* */
    uint64_t length[RIG_SEEN];
};
/* For fake_on_frame, with a struct rig_seen: notes each, loses none. */
bool rig_see(void *arg, uint32_t src, uint32_t dst, struct rope *frame);

/* ---- every order ---- */

/* Boots nodes 0 and 1 with the graph and has `start` begin: `check` holds at the end of each order
 * of what happens then, of 4000 at most and more than 100, on a network with the faults in o. */
void rig_explore(const struct fake_options *o, const char *graph, void (*start)(struct rig *r),
                 bool (*check)(struct rig *r));

#endif
