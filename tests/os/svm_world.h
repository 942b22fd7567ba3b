/* svm_world.h: nodes that share memory on the fake port, for tests of paging and of node death.
 *
 * The oracle of coherence is one flat array, written in the order in which the fake port runs the
 * accesses: a read returns the most recent write.
 */
#ifndef TESTS_OS_SVM_WORLD_H
#define TESTS_OS_SVM_WORLD_H

#include "os/memsrv/memsrv.h"
#include "os/svm/svm.h"
#include "tests/os/xk_rig.h"

#define WORLD_BASE 0x10000000u
#define WORLD_PAGE 256
#define WORLD_PAGES 32

enum world_store { STORE_NONE, STORE_DISK, STORE_SERVERS };

struct world {
    struct rig rig;
    /* set by the test */
    uint32_t nodes; /* that share; memory servers are the nodes behind them */
    uint32_t servers;
    uint32_t pages;
    int64_t frames;
    int manager, replacement, initial_owner;
    enum world_store store;
    struct memsrv_params server;
    struct memsrv_client_params client;
    uint64_t seed;
    uint32_t accesses;
    sim_time detect_delay;
    bool rejoin;  /* who comes back shares again, or tries to */
    bool at_once; /* programs start when their node has booted */
    void (*program)(struct world *w, uint32_t node);
    /* what happens */
    struct vm *vm[RIG_NODES];
    struct vm_space *space[RIG_NODES];
    struct svm *svm[RIG_NODES];
    struct vm_store *stores[RIG_NODES];
    uint32_t finished, failed;
    bool done[RIG_NODES];
    struct vm_error error; /* the last */
    uint64_t checked;
    uint8_t shadow[WORLD_PAGES * WORLD_PAGE];
};

/* The graph that the world's store needs. */
const char *world_graph(const struct world *w);
void world_options(const struct world *w, enum fake_order order, struct fake_options *o);
void world_start(struct world *w, enum fake_order order);
/* For fake_explore: boots the world's nodes on a fake that exists; `g` stays the caller's. */
void world_boot(struct world *w, struct fake *f, struct xk_graph *g);
const char *world_manager(const struct world *w);
int world_manager_named(const char *name);

uint64_t world_random(uint64_t *x);
/* An access that is checked, or recorded; false: it failed, and the failure is in w->error. */
bool world_load(struct world *w, uint32_t node, uint64_t at);
bool world_store(struct world *w, uint32_t node, uint64_t at, uint8_t value);
/* w->accesses of them at random places. */
void world_random_program(struct world *w, uint32_t node);
/* One writer or readers, one owner of each page, nothing in progress; of a quiet system. */
void world_check(struct world *w);
struct svm_counts world_counts(const struct world *w); /* summed over the nodes */

#endif
