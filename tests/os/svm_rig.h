/* svm_rig.h: nodes that share memory on the fake port, and programs whose accesses are recorded. */
#ifndef TESTS_OS_SVM_RIG_H
#define TESTS_OS_SVM_RIG_H

#include "os/svm/history.h"
#include "os/svm/state.h"
#include "os/svm/svm.h"
#include "os/vm/store.h"
#include "tests/os/xk_rig.h"

#define BASE 0x10000000u
#define PAGE 256
#define PAGES_MAX 64

struct cluster {
    struct rig rig;
    uint32_t nodes;
    uint32_t threads; /* of a node's program; 0: one */
    uint32_t pages;
    int64_t frames; /* of a node; 0: no limit; else owned pages go to a disk */
    int manager;
    int initial_owner;
    int64_t hash_block, fanout, announce_every;
    sim_time retry;      /* 0: 10 ms */
    uint32_t timer_odds; /* of the fake: timers overtake; 0: never */
    uint64_t seed;
    uint32_t accesses;
    bool at_once; /* programs start when their node has booted: no timer holds them back */
    bool record;  /* accesses go to `history` too */
    uint32_t mtu, tx_queue; /* 0: a page fits a frame; no limit */
    void (*program)(struct cluster *c, uint32_t id);
    void (*watch)(void *c, enum svm_state state, enum svm_event e); /* NULL: nobody */
    struct vm *vm[RIG_NODES];
    struct vm_space *space[RIG_NODES];
    struct svm *svm[RIG_NODES];
    uint32_t finished;
    uint64_t checked;
    uint64_t failed; /* accesses for want of a frame */
    uint64_t wrong;  /* reads that were not the most recent write, by the shadow */
    uint8_t shadow[PAGES_MAX * PAGE];
    struct history history; /* its clock counts beginnings and ends of accesses */
    sim_time ticks;
};

int manager_named(const char *name);
const char *manager_of(const struct cluster *c);
uint64_t mix(uint64_t *x);

/* Boots; every node joins the region and runs c->program, if there is one. */
void cluster_start(struct cluster *c, enum fake_order order);
void cluster_booted(struct rig *r, uint32_t node, struct port *p);
void cluster_stop(struct cluster *c);

/* `id` is a node, or node + nodes * thread.  An access of 1, 4 or 8 bytes at offset `at`: recorded
 * when c->record, and compared with the shadow, the flat memory that the accesses change in the
 * order in which the fake runs them. */
void cluster_write(struct cluster *c, uint32_t id, uint64_t at, uint32_t size, uint64_t value);
void cluster_read(struct cluster *c, uint32_t id, uint64_t at, uint32_t size);

/* c->accesses of 1, 4 and 8 bytes at random, pages falsely shared and pinned now and then. */
void cluster_random_program(struct cluster *c, uint32_t id);

/* SVM1 and SVM2 over all nodes, for every page of a quiet system: what does not hold, or NULL. */
const char *cluster_fault(struct cluster *c);
/* SVM1 alone, which holds at any moment. */
bool cluster_single_writer(struct cluster *c);

#endif
