/* changer.h: who moves media: libraries of cells, arms, drives and ports; shelves with operators.
 *
 * A changer has elements, each with room for one cartridge:
 *
 *   cell    where a cartridge lies
 *   drive   a cartridge that is put there is loaded, and unloaded before it is taken
 *   port    where people put cartridges in and take them out (CHG_IMPORT, CHG_EXPORT)
 *   pass    a slot in the wall to a neighbour: what is put there comes out on the other side
 *   hand    of an arm: it holds something between two moves only when the arm has died with it
 *
 * Requests are asynchronous; a completion is a callback in the request.
 *
 *   CHG_MOVE       the cartridge in `from` goes to `to`.  From a drive it is unloaded first, to a
 *                  drive it is loaded: then alone the request is done.  With a label in the request
 *                  the arm compares it with what it reads, and leaves another cartridge where it
 *                  is (CHG_LABEL).  The label that was read is in the request afterwards.
 *   CHG_LOOK       what the changer believes to be in `from`: the label that an arm read last, or
 *                  CHG_EMPTY.  No arm moves.
 *   CHG_INVENTORY  an arm goes to `from` and reads the label there, or finds CHG_EMPTY; from then
 *                  on that is what the changer believes.
 *   CHG_IMPORT     somebody puts the cartridge with that label into the port `from`: one that was
 *                  exported, or a new one.
 *   CHG_EXPORT     somebody takes out what lies in the port `from`; or opens `from`, a dead drive.
 *
 * A request that ends with another status than CHG_OK has moved nothing, but for:
 *   CHG_ARM        its cartridge may be in a hand: of a dead arm, which needs it when repaired, so
 *                  that it is to be moved from there
 *   CHG_DRIVE_DEAD, CHG_UNFIT  of a move to a drive: the cartridge may be in it, and not loaded
 *   CHG_BLOCKED    of a move to a pass: it may be in the pass, on this side
 *
 *   CHG1  A cartridge is in one element, or outside, or lost.
 *   CHG2  An element holds one at most.
 *   CHG3  Requests that name one element are served in the order in which they were submitted; all
 *         others as the discipline of the arms says.
 *   CHG4  A request is done exactly once, with a status, and never from inside its submission.
 *   CHG5  Two arms on one rail never pass each other, nor come nearer than their gap.
 *   CHG6  A move that has begun ends in the library, whether or not anybody waits for it.
 */
#ifndef DISKS_LIBRARY_CHANGER_H
#define DISKS_LIBRARY_CHANGER_H

#include "disks/blkdev.h"
#include "sim/base/kind.h"
#include "sim/base/list.h"
#include "sim/sim.h"

enum changer_op { CHG_MOVE, CHG_LOOK, CHG_INVENTORY, CHG_IMPORT, CHG_EXPORT };

enum changer_element { CHG_CELL, CHG_DRIVE, CHG_PORT, CHG_PASS, CHG_HAND, CHG_ELEMENTS };

enum changer_status {
    CHG_OK,
    CHG_EMPTY,      /* there is no cartridge in `from` */
    CHG_FULL,       /* there is one in `to` */
    CHG_LABEL,      /* it bears another label */
    CHG_STUCK,      /* it does not come out */
    CHG_ARM,        /* no arm that could do it works */
    CHG_DRIVE_DEAD, /* the drive does not work */
    CHG_UNFIT,      /* the drive works with media of another format */
    CHG_BLOCKED,    /* the pass does not work */
    CHG_NO_ELEMENT, /* there is no such element, or none that the request is for */
    CHG_STATUS_COUNT
};

/* Where a request's time goes. */
enum changer_part {
    CHG_PART_UNLOAD, /* in the drive */
    CHG_PART_WAIT,   /* for earlier requests of its elements, and for an arm */
    CHG_PART_ARM,    /* an arm works for it; a pass, an operator at the port */
    CHG_PART_LOAD,   /* in the drive */
    CHG_PARTS
};

#define CHG_LABEL_SIZE 16 /* with its end */

struct changer_place {
    uint32_t element; /* enum changer_element */
    uint32_t index;   /* from 0 */
};

struct changer_req;
struct changer_turn { /* private: a place in the order of an element */
    struct list link;
    struct changer_req *of;
};

struct changer_req {
    enum changer_op op;
    struct changer_place from, to;
    char label[CHG_LABEL_SIZE]; /* in: what is expected, "": anything; out: what was read */
    enum changer_status status;
    void (*done)(struct changer_req *r); /* class SIM_CLASS_DEVICE; the request is the caller's */
    void *owner;
    sim_time submitted, completed;
    sim_time part[CHG_PARTS];
    /* The changer's while inside. */
    struct list link;
    struct changer_turn turns[2];
    struct sim_event event;
    struct changer *changer;
    void *cartridge, *mate; /* mate: the mount of an exchange */
    sim_time since;         /* the present part began */
    uint32_t overtaken;
    uint8_t stage;
};

struct tape_medium; /* disks/tape/medium.h */

struct changer_describe {
    char name[32];
    uint32_t count[CHG_ELEMENTS];
    uint32_t cartridges; /* that it began with: those of cell changer_home(c, k), k below it */
};

struct changer;
struct changer_ops {
    struct kind kind;
    void (*submit)(struct changer *c, struct changer_req *r); /* never blocks, never refuses */
    void (*describe)(const struct changer *c, struct changer_describe *out);
    /* The cell in which cartridge k lies at first, and its label. */
    uint32_t (*home)(const struct changer *c, uint32_t k, char label[CHG_LABEL_SIZE]);
    /* What is on cartridge k of those, wherever it is; NULL: the drives are no tape drives. */
    struct tape_medium *(*medium)(struct changer *c, uint32_t k);
    /* The tape drive that stands there, or NULL. */
    struct blkdev *(*drive)(const struct changer *c, uint32_t index);
    void (*destroy)(struct changer *c);
};

struct changer {
    const struct changer_ops *ops;
    struct sim *sim;
    char *name;
};

extern const struct kind_set changer_kinds;
extern const struct kind_set changer_queues; /* disciplines of the arms */

/* Prepares a request: no label is expected. */
void changer_req_init(struct changer_req *r, enum changer_op op, struct changer_place from,
                      struct changer_place to, void (*done)(struct changer_req *r), void *owner);
/* When a run is over: one that is inside is forgotten, and its memory may go. */
void changer_req_fini(struct changer_req *r);
/* Stamps `submitted` and hands it over. */
void changer_submit(struct changer *c, struct changer_req *r);
const char *changer_status_name(enum changer_status s);
static inline struct changer_place changer_at(enum changer_element e, uint32_t index)
{
    return (struct changer_place){ e, index };
}

/* ---- making ---- */

struct changer_list {
    struct changer **items;
    size_t count;
    struct list passes; /* private: between them */
};
/* All libraries of a description: a table, name = { kind = ..., ... }; `devs` are the devices among
 * which it may name tape drives, and live longer.  *list is what was built, also when it fails:
 * false with a sentence that begins with path.name. */
bool changer_build(struct sim *s, const struct val *spec, const char *path,
                   struct blkdev *const *devs, size_t dev_count, struct changer_list *list,
                   struct err *e) MUST_CHECK;
void changer_list_free(struct changer_list *list); /* with the changers; a zeroed one is none */

struct sim_faults;
/* Makes targets of each library and its parts (library_fault.c). */
void changer_fault_targets(struct sim_faults *f, const struct changer_list *list);

#endif
