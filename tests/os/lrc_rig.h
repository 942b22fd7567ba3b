/* lrc_rig.h: nodes that share relaxed memory on the fake port, programs without data races, and a
 * judge who knows what happened before what.
 *
 * The judge is outside the protocol: it keeps vector clocks of the programs' own synchronisation
 * (locks, event counts with one node that advances them, barriers), and for each byte the last
 * write and the last read of each node.  An access that races is a mistake of the program and ends
 * the test; a read must return the value of the last write that happened before it.
 */
#ifndef TESTS_OS_LRC_RIG_H
#define TESTS_OS_LRC_RIG_H

#include "os/svm/svm.h"
#include "os/svm/sync.h"
#include "tests/os/xk_rig.h"

#define LRC_NODES 8
#define LRC_PAGE 256
#define LRC_PAGES 8
#define LRC_LOCKS 4
#define LRC_COUNTS 4
#define LRC_ROUNDS 64
#define LRC_BASE 0x10000000u

struct moment {
    uint32_t of[LRC_NODES];
};

struct judge {
    struct moment now[LRC_NODES], lock[LRC_LOCKS], count[LRC_COUNTS][LRC_ROUNDS + 1];
    struct moment barrier[LRC_ROUNDS + 2];
    uint32_t advanced[LRC_COUNTS], barriers[LRC_NODES];
    struct {
        uint32_t writer, at; /* the last write: who, and when by the writer's own clock */
        uint32_t read[LRC_NODES];
        uint8_t value;
    } byte[LRC_PAGES * LRC_PAGE];
    uint64_t reads, wrong;
    char text[160]; /* of the first wrong read */
};

struct lrc_world {
    struct rig rig;
    uint32_t nodes, pages, rounds, unit;
    uint32_t spread; /* bytes at the head of each page that are used; 0: all */
    uint64_t seed;
    int64_t hash_block, twins;
    int homes, watch;    /* of svm_params */
    const char *manager; /* NULL: hlrc */
    uint32_t mtu, tx_queue;
    bool over_ulp, over_tcp; /* where every other seed loses and delays frames */
    bool at_once;
    void (*program)(struct lrc_world *w, uint32_t node);
    struct vm *vm[LRC_NODES];
    struct vm_space *space[LRC_NODES];
    struct svm *svm[LRC_NODES];
    struct sync *sync[LRC_NODES];
    uint32_t finished;
    struct judge judge;
};

uint64_t lrc_mix(uint64_t *x);
void lrc_world_start(struct lrc_world *w, enum fake_order order);
void lrc_world_booted(struct rig *r, uint32_t node, struct port *p);

/* Accesses and synchronisation of a program, which the judge sees.  `at` counts from LRC_BASE. */
void lrc_write(struct lrc_world *w, uint32_t node, uint64_t at, uint8_t value);
void lrc_read(struct lrc_world *w, uint32_t node, uint64_t at);
void lrc_lock(struct lrc_world *w, uint32_t node, uint32_t lock);
void lrc_unlock(struct lrc_world *w, uint32_t node, uint32_t lock);
void lrc_advance(struct lrc_world *w, uint32_t node, uint32_t count); /* one node alone does */
void lrc_await(struct lrc_world *w, uint32_t node, uint32_t count, uint32_t value);
void lrc_barrier(struct lrc_world *w, uint32_t node);
/* What the judge is told of a write and a read that are made otherwise. */
void lrc_wrote(struct lrc_world *w, uint32_t node, uint64_t at, uint8_t value);
void lrc_saw(struct lrc_world *w, uint32_t node, uint64_t at, uint8_t value);

/* The random program: bytes in units of w->unit, each unit under a lock, or written by one node
 * between two barriers, or handed on by an event count; all mixed on the same pages. */
void lrc_random_program(struct lrc_world *w, uint32_t node);

#endif
