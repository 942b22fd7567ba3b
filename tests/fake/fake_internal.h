/* fake_internal.h: private to tests/fake/: nodes, tasks, threads and the pending list. */
#ifndef TESTS_FAKE_FAKE_INTERNAL_H
#define TESTS_FAKE_FAKE_INTERNAL_H

#include "models/live/own.h"
#include "tests/fake/port_fake.h"

#define FAKE_IFS_MAX 2
#define FAKE_STACK (256 * 1024)

enum item_kind {
    ITEM_FRAME,
    ITEM_TIMER,
    ITEM_IO,
    ITEM_CHANGER,
    ITEM_WAKE,
    ITEM_TIMEOUT,
    ITEM_MAIN,
    ITEM_READY,
    ITEM_CHANGE
};

/* One pending thing.  task is NULL for frames and what the node's kernel gets. */
struct item {
    struct list link;
    enum item_kind kind;
    sim_time at;
    uint64_t seq;
    uint64_t key;  /* who made it, and as which of its: the same in every order */
    bool soon;     /* due when it was made */
    uint32_t node; /* where it happens */
    struct port *task;
    union {
        struct {
            uint32_t src, ifc;
            unsigned flags; /* PORT_ALL */
            bool queued;    /* still counts in the sender's transmit queue */
            uint32_t src_incarnation;
            struct rope data;
        } frame;
        struct port_timer *timer;
        struct {
            struct port_io *io;
            uint32_t dev;
            uint64_t upto; /* of a flush: writes done before it */
        } io;
        struct port_change *change_io;
        struct port_thread *thread;
        struct {
            void (*fn)(struct port *task, void *arg);
            void *arg;
        } main;
        struct port_end *end; /* NULL: it is closed */
        struct {
            void (*fn)(void *arg, uint32_t node, uint32_t life, bool up);
            void *arg;
            uint32_t node, life;
            bool up;
        } change;
    } u;
};

struct change_handler {
    struct list link;
    void (*fn)(void *arg, uint32_t node, uint32_t life, bool up);
    void *arg;
};

struct port {
    struct list link; /* in the node's tasks */
    struct fake *f;
    struct fake_node *node;
    char name[32];
    bool dead; /* crashed while running: dropped when its code returns */
    struct heap heap;
    struct list threads, changes, counters, ends;
    uint64_t random;
    const char *cpu;
    void (*on_end)(void *arg);
    void *on_end_arg;
};

enum thread_state { THREAD_READY, THREAD_RUNNING, THREAD_BLOCKED };

struct port_thread {
    struct list link; /* in the task's threads */
    struct port *task;
    char name[32];
    unsigned flags;
    enum thread_state state;
    bool token, timed_out, asleep;
    struct item *timeout;
    struct coroutine run;
    void *stack;
};

struct fake_version {
    struct list link; /* fake_sector.old */
    struct rope data; /* empty or one sector long */
    uint64_t stamp;   /* number of the write that left it */
};

struct fake_sector {
    struct fake_version now;
    struct list old; /* with a cache: what else it may be after a crash, oldest first */
    uint32_t old_count;
};

struct fake_disk {
    struct fake_sector **sectors; /* NULL: never written */
    uint64_t writes;
};

struct fake_medium { /* that is in no drive */
    struct list link;
    struct rope *blocks;
    uint64_t count;
    char label[32];
};
struct fake_tape {
    struct rope *blocks;  /* empty: a mark */
    uint64_t count, safe; /* safe: a flush has covered them */
    uint64_t at;
    char label[32];
};

struct fake_cartridge {
    char label[PORT_LABEL_SIZE];
    struct fake_tape tape; /* the drive's own while it is in a tape drive */
    bool outside;
};

struct fake_changer {
    uint32_t count[PORT_ELEMENTS];
    struct fake_cartridge **in[PORT_ELEMENTS], *cartridges;
    uint32_t made;
};

struct port_end {
    struct match_entry match; /* in the node's, of its interface */
    struct list link;         /* task->ends */
    struct list refused;      /* node->refused while it waits for room */
    struct port *task;
    uint32_t ifc;
    const struct port_end_ops *ops;
    void *arg;
};

struct fake_node {
    uint32_t id, incarnation;
    uint64_t kept;
    bool up, booted;   /* booted: its first upcall has run; frames wait for that */
    struct list tasks; /* the first is the kernel */
    struct list gone;  /* what its tasks that have ended counted */
    uint32_t task_count;
    void (*boot)(struct port *p, void *arg);
    void *boot_arg;
    sim_time busy_until;
    struct match_set ends[FAKE_IFS_MAX];
    struct list refused[FAKE_IFS_MAX]; /* struct port_end */
    uint32_t in_flight[FAKE_IFS_MAX];
    struct fake_disk *disks;
    struct fake_tape *tapes;
    struct fake_changer *changers;
    uint64_t work[PORT_WORK_COUNT];
    uint64_t allocs;
    uint64_t made; /* items */
};

struct observed {
    char name[48];
    uint64_t count;
    double sum;
};

struct fake {
    struct list media; /* struct fake_medium */
    struct fake_options o;
    struct fake_node *nodes;
    struct list pending; /* in order of sequence */
    uint64_t pending_count, next_seq, steps;
    sim_time now;
    uint64_t random;
    uint64_t faults;
    uint32_t threads;
    struct fake_counts counts;
    char failure[256];
    struct observed measures[64];
    uint32_t measure_count;
    struct fake_window window;
    bool (*on_frame)(void *arg, uint32_t src, uint32_t dst, struct rope *frame);
    void *on_frame_arg;
    fake_disk_fn *on_disk;
    void *on_disk_arg;
    fake_change_fn *on_change;
    void *on_change_arg;
    fake_stays_fn *stays;
    void *stays_arg;
    /* what runs now */
    struct port *running; /* task; NULL: the test itself */
    struct port_thread *thread;
    sim_time start, worked;
    bool crash_wanted;
    /* exploring */
    uint32_t *script, *arity;
    uint32_t depth, script_len, script_capacity;
    uint32_t drops_left, copies_left;
    struct asleep { /* what another order has done first here */
        uint64_t key;
        uint32_t node;
    } * asleep;
    uint32_t asleep_count, asleep_capacity;
    bool cut; /* all that may be next is asleep */
};

struct item *fake_item(struct fake *f, enum item_kind kind, uint32_t node, struct port *task,
                       sim_time at);
void fake_item_drop(struct fake *f, struct item *it); /* off the list and freed */
/* A choice of 0..n-1 by seed or script. */
uint32_t fake_choose(struct fake *f, uint32_t n);
sim_time fake_time(const struct fake *f); /* as port_now says */

struct port *fake_task_new(struct fake *f, struct fake_node *n, const char *name);
void fake_task_drop(struct fake *f, struct port *t);
void fake_thread_run(struct fake *f, struct port_thread *t);
void fake_thread_free(struct port_thread *t);
void fake_frame_departed(struct fake *f, struct item *it);
void fake_disk_apply(struct fake *f, struct fake_node *n, struct item *it);
void fake_disk_free(struct fake *f, struct fake_disk *d);
/* A device behind the disks. */
void fake_tape_make(struct fake *f, struct fake_tape *t);
void fake_tape_free(struct fake *f, struct fake_tape *t);
void fake_media_free(struct fake *f);
void fake_tape_describe(const struct fake *f, const struct fake_tape *t, struct port_blk_info *out);
sim_time fake_tape_time(const struct fake *f, const struct fake_tape *t, const struct port_io *io);
void fake_tape_apply(struct fake *f, struct fake_tape *t, struct port_io *io);
void fake_tape_power_off(struct fake *f, struct fake_tape *t);
void fake_changer_make(struct fake *f, struct fake_changer *c);
void fake_changer_free(struct fake *f, struct fake_changer *c);
void fake_disk_power_off(struct fake *f, struct fake_disk *d);

#endif
