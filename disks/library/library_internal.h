/* library_internal.h: private to disks/library: its state.
 *
 * library_elements.c  what lies where, and whose turn it is
 * library_geometry.c  where elements are and how long an arm takes between them
 * library_queue.c     which request an arm takes next
 * library_arm.c       the tours of the arms
 * library_drive.c     loading and unloading
 * library.c   the way of a request through these; what happened is told to it by `told`
 */
#ifndef DISKS_LIBRARY_INTERNAL_H
#define DISKS_LIBRARY_INTERNAL_H

#include "disks/library/changer.h"
#include "disks/tape/medium.h"
#include "sim/counts.h"
#include "sim/rng.h"
#include "sim/server.h"

struct library;

enum stage { STAGE_TURN /* it waits for its turn at its elements */, STAGE_SERVED };

/* ---- parameters ---- */
struct library_cartridges {
    int64_t count, first, filled, blocks, block;
    const char *prefix;
};
struct library_params {
    const char *kind, *control;
    int64_t cells, arms, hands, drives, ports, operators;
    struct library_cartridges cartridges;
    int64_t rows, columns, walls, drive_column, port_column, pass_column, drive_rows;
    double pitch, row_pitch, speed, acceleration, lift_speed, lift_acceleration, gap;
    sim_time turn, pick, place, read, load, unload, operator;
    int queue, share;
    int64_t patience;
    const struct val *passes, *tape_drives;
};
enum library_share { SHARE_ANY, SHARE_HALVES };

/* ---- what lies where ---- */
#define CARTRIDGE_OUTSIDE CHG_ELEMENTS /* as an element */
#define CARTRIDGE_LOST (CHG_ELEMENTS + 1)

struct cartridge {
    struct list made;    /* of the library that made it, and frees it */
    struct list outside; /* of the library from which it was exported */
    char label[CHG_LABEL_SIZE];
    struct library *in;
    struct changer_place at;
    uint32_t stuck;                          /* so many picks fail */
    struct tape_medium *medium;              /* NULL: it has not been asked for */
    const struct library_cartridges *filled; /* what it holds from the start; NULL: nothing */
};

struct element {
    struct cartridge *held;
    struct list turns;         /* struct changer_turn */
    char seen[CHG_LABEL_SIZE]; /* what the library believes: "": nothing */
};

/* Where an element is. */
struct spot {
    double a, y; /* along the rail (m) or around (degrees); height (m) */
    uint32_t wall;
};

/* From where to where an arm moves, since when. */
struct leg {
    struct spot from, to;
    sim_time start;
};

enum stop_what { STOP_PICK, STOP_PLACE, STOP_READ };
struct stop {
    enum stop_what what;
    struct changer_req *r;
    struct changer_place at;
};
#define STOPS_MAX 4

enum job { JOB_OTHER, JOB_MOUNT, JOB_DISMOUNT };

enum arm_state { ARM_IDLE, ARM_MOVING, ARM_HANDLING, ARM_ASIDE };
struct arm {
    struct library *lib;
    uint32_t index;
    bool dead;
    enum arm_state state;
    struct spot spot; /* where it is, or where its leg ends */
    struct leg leg;
    double lo, hi; /* of the rail, that it keeps for itself */
    struct stop stops[STOPS_MAX];
    uint32_t stop_count, next;
    enum changer_status result; /* of what it handles */
    enum job last;
    struct sim_event event;
    struct sim_busy busy;
};

enum drive_state { DRIVE_RESTS, DRIVE_LOADING, DRIVE_UNLOADING };
struct drive {
    struct library *lib;
    uint32_t index;
    struct blkdev *dev; /* a tape drive; NULL: times alone */
    bool dead, loaded;  /* dead: of one without device */
    enum drive_state state;
    struct changer_req *r; /* for which it works */
    struct sim_event event;
    struct sim_busy busy; /* holds a cartridge */
};

/* A pass has two ends. */
struct pass {
    struct list link; /* changer_list.passes */
    struct library *end[2];
    uint32_t index[2];
    sim_time time;
    bool blocked;
    struct changer_req *claimed; /* that will put something there */
    struct changer_req *r;       /* that its slot travels for */
    struct sim_event event;
};

struct library_counts {
    uint64_t requests, mounts, dismounts, exchanges, moves, inventories, errors;
    uint64_t loaded_ms, empty_ms; /* of travel */
};
extern const struct counter library_counters[];

/* What parts tell library.c. */
struct library_told {
    void (*picked)(struct changer_req *r);                          /* it is in a hand */
    void (*placed)(struct changer_req *r);                          /* it is in `to` */
    void (*ended)(struct changer_req *r, enum changer_status s);    /* it goes no further */
    void (*unloaded)(struct changer_req *r, enum changer_status s); /* from its drive */
};

struct library_kind;
struct changer_queue_ops;
struct library {
    struct changer changer; /* first */
    const struct library_kind *kind;
    struct library_params p;
    const struct library_told *told;
    const struct changer_queue_ops *queue;
    struct element *elements[CHG_ELEMENTS];
    uint32_t count[CHG_ELEMENTS];
    struct list made, outside;
    struct cartridge **began_with;    /* by number */
    const struct tape_format *format; /* of its drives; NULL: they have no media */
    uint32_t arm_count, began;        /* began: cartridges at the start */
    struct arm *arms;
    struct drive *drives;
    struct pass **passes; /* by index */
    struct list waiting;  /* requests for the arms, in the order in which they became ready */
    bool crippled;        /* an arm died: requests may find none */
    struct sim_inside inside, queued;
    struct sim_counted counted;
    struct library_counts counts;
    uint64_t submitted, done, cartridges_made, cartridges_lost, cartridges_came, cartridges_left;
    struct sim_rng rng; /* which cartridge meets a fault */
};

struct library_kind {
    struct changer_ops ops;
    bool circular; /* the axis `a` is an angle */
    bool free;     /* arms are people, who do not meet */
};

static inline struct library *library_of(struct changer *c)
{
    return (struct library *)c;
}
static inline struct library *library_of_req(const struct changer_req *r)
{
    return (struct library *)r->changer;
}
static inline struct element *element_at(const struct library *l, struct changer_place p)
{
    ASSERT(p.element < CHG_ELEMENTS && p.index < l->count[p.element]);
    return &l->elements[p.element][p.index];
}
static inline bool place_same(struct changer_place a, struct changer_place b)
{
    return a.element == b.element && a.index == b.index;
}

/* ---- library_elements.c ---- */
void elements_init(struct library *l);
void elements_fini(struct library *l);
/* Before anybody has a turn there: the kind has one element more, count[kind] - 1. */
void elements_grow(struct library *l, enum changer_element kind);
struct cartridge *cartridge_make(struct library *l, const char *label); /* outside */
/* What is on it; NULL: the drives are no tape drives. */
struct tape_medium *cartridge_medium(const struct library *l, struct cartridge *c);
/* The cartridge in an element leaves it, and is nowhere until it is put. */
struct cartridge *element_take(struct library *l, struct changer_place from);
void element_put(struct library *l, struct changer_place to, struct cartridge *c);
void element_outside(struct library *l, struct cartridge *c); /* taken; it is outside */
void element_lost(struct library *l, struct cartridge *c);    /* taken; it is gone */
void element_see(struct library *l, struct changer_place at); /* an arm has read what is there */
/* Turns: the request joins the orders of its elements; true: it is the first in all of them. */
bool turns_join(struct library *l, struct changer_req *r);
/* Ends its turn at its element `which` (0: from, 1: to); the request whose turn has come in all of
 * its elements through that, or NULL. */
struct changer_req *turns_leave(struct library *l, struct changer_req *r, uint32_t which);
bool turns_first(const struct library *l, const struct changer_req *r);
/* The request behind r in the order of r->from; NULL: none. */
struct changer_req *turns_behind(const struct library *l, const struct changer_req *r);
/* CHG1 and CHG2, over all elements: slow. */
void elements_check(const struct library *l);

/* ---- library_geometry.c ---- */
struct spot geometry_spot(const struct library *l, struct changer_place p);
struct spot geometry_start(const struct library *l, uint32_t arm); /* where an arm rests at first */
struct spot geometry_park(const struct library *l, uint32_t arm);  /* beyond all elements */
sim_time geometry_travel(const struct library *l, const struct spot *from, const struct spot *to);
/* Time for a distance from rest to rest; acceleration 0: none is needed. */
sim_time geometry_axis(double distance, double speed, double acceleration);
/* How much of it is done after a time since its start. */
double geometry_progress(double distance, double speed, double acceleration, sim_time since);
double geometry_where(const struct library *l, const struct leg *g, sim_time now); /* on axis a */

/* ---- library_queue.c ---- */
struct queue_view {
    sim_time travel; /* from where the arm is to where the request begins */
    enum job job, last;
};
struct changer_queue_ops {
    struct kind kind;
    uint64_t (*rank)(const struct queue_view *v); /* least first; of equals the earlier */
};

/* ---- library_arm.c ---- */
void arms_init(struct library *l);
void arms_fini(struct library *l);
void arms_wait(struct changer_req *r); /* its turn has come: an arm is to serve it */
void arms_kick(struct library *l);     /* whoever is idle looks for work */
void arm_die(struct arm *a);           /* harmless on a dead one */
void arm_repair(struct arm *a);
enum job job_of(const struct changer_req *r);
/* Where its middle is on the rail now, or around. */
double arm_where(const struct arm *a);

/* ---- library_drive.c ---- */
void drives_init(struct library *l);
void drives_fini(struct library *l);
void drive_load(struct drive *d, struct changer_req *r); /* told->ended when it is loaded */
void drive_unload(struct drive *d, struct changer_req *r);
void drive_open(struct drive *d); /* by hand, of a dead one: what is in it can be taken */
void drive_holds(struct drive *d, bool holds); /* a cartridge, from now on */
bool drive_dead(const struct drive *d);
void drive_die(struct drive *d); /* these two of one without device */
void drive_repair(struct drive *d);

/* ---- library.c ---- */
/* devs: of each drive, NULL: none of them has one. */
struct library *library_create(struct sim *s, const struct library_kind *k,
                               const struct library_params *p, struct blkdev *const *devs,
                               const char *name);
void library_link(struct pass *x); /* its ends and indices are set */
void library_unlink(struct pass *x);
void library_pass_block(struct pass *x);
void library_submit(struct changer *c, struct changer_req *r);
void library_describe(const struct changer *c, struct changer_describe *out);
uint32_t library_home(const struct changer *c, uint32_t k, char label[CHG_LABEL_SIZE]);
struct tape_medium *library_medium(struct changer *c, uint32_t k);
struct blkdev *library_drive(const struct changer *c, uint32_t index);
void library_destroy(struct changer *c);

#endif
