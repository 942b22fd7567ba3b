/* node.h: the operating system of one node: which services boot on which nodes, and what a program
 * finds there.
 *
 * Boot is data.  Every node boots the same protocol graph (os/xk/graph.h) and of a list of services
 * those whose group it is in, in the order of the list, the program last:
 *
 *   machine.os = { { service = "pfs_server", on = "io", over = "rpc", pool = 32 }, ... }
 *
 * `on` is a group of nodes: compute, io, service, or one that machine.nodes makes, such as
 * { memory = { last = 2 } }; what else a group's table says is laid over the machine's own.
 * `over` is the instance of the graph that the service talks through.  Both have defaults, and the
 * rest are parameters of the service (os/registry.c lists them).  Without a list every service
 * boots whose instance the graph has and whose nodes the machine has; machine.os is then a table of
 * their parameters by name.
 *
 *   BOOT1  A service boots on a node at most once.
 */
#ifndef OS_NODE_H
#define OS_NODE_H

#include "os/port.h"
#include "os/xk/graph.h"

struct os_group {
    const char *name;
    uint32_t count;
    const uint32_t *nodes; /* rank -> node */
    uint32_t first;        /* rank in its role of the first of them */
};

struct os_disk {
    uint64_t sectors;
    uint32_t sector_bytes;
};

/* The routers of the machine's network, one a node: node = sum of coordinate x product of the sizes
 * before.  dims 0: they are no grid. */
#define OS_DIMS 16
struct os_grid {
    uint32_t dims, size[OS_DIMS];
    uint8_t order[OS_DIMS]; /* in which frames travel the dimensions */
    bool wraps;
    bool in_order; /* each channel keeps the order of what it is given, whoever sent it */
};

/* Who is who; the same on every node, immutable. */
struct os_layout {
    uint32_t nodes;
    uint32_t compute_count, io_count;
    const uint32_t *compute; /* rank -> node */
    const uint32_t *io;      /* I/O index -> node */
    const uint32_t *ranks;   /* node -> rank or I/O index */
    uint32_t service;        /* node */
    uint64_t io_sectors;     /* of the smallest device 0 of an I/O node; 0: one has none */
    uint32_t io_sector_bytes;
    struct os_grid grid;
    const struct os_disk *const *disks; /* node -> its device 0; NULL: see os_disk */
    const struct os_hardware *hardware; /* by node; NULL: all are big-endian, without a limit */
    const struct os_boot *boot;         /* NULL: another system boots */
};

/* What the port tells of a node, known everywhere. */
struct os_hardware {
    bool little_endian;
    uint64_t memory; /* 0: no limit */
};
/* Whether words on that node are little-endian. */
static inline bool os_little_endian(const struct os_layout *l, uint32_t node)
{
    return l->hardware && l->hardware[node].little_endian;
}
/* The least memory that one of so many compute nodes has; 0: none has a limit. */
uint64_t os_least_memory(const struct os_layout *l, uint32_t count);
/* The first of so many compute nodes, from rank `from` on, whose order of bytes is not that of rank
 * 0's; NULL: they are alike. */
const uint32_t *os_unlike(const struct os_layout *l, uint32_t from, uint32_t count);

/* What device 0 of a node holds; nothing where there is none. */
static inline struct os_disk os_disk(const struct os_layout *l, uint32_t node)
{
    return l->disks && l->disks[node] ? *l->disks[node] : (struct os_disk){ 0, 0 };
}

struct os_node;
struct os_boot;
struct os_service;
struct file_sys; /* os/file/file.h */

struct os_service_ops {
    struct kind kind;
    const char *on, *over; /* the group and the instance when the configuration names none */
    const struct xk_protl_ops *protocol; /* of what it talks over; NULL: any */
    const char *with; /* boots unlisted where this group has nodes, too; NULL: only when listed */
    /* Refuses what the machine cannot have; NULL: takes all. */
    bool (*check)(const void *params, const struct os_layout *l, const char *path, struct err *e);
    /* What descriptors of parameters cannot say, once all services are loaded: false with a
     * sentence; and what goes with the parameters.  NULL: nothing. */
    bool (*ready)(void *params, const struct os_boot *b, const char *path, struct err *e);
    void (*drop)(void *params);
    size_t stack; /* where its parameters have a struct file_stack; 0: nowhere */
    /* On each node of its group, in the boot upcall.  What os_find gives; never NULL. */
    void *(*start)(struct os_node *n, const struct os_service *s, struct xk_protl *over);
};

struct os_service { /* an entry of the list */
    const struct os_service_ops *ops;
    const struct os_group *on;
    const char *over; /* an instance of the graph */
    void *params;     /* its kind's, loaded */
};

/* What a program is told when it is entered. */
struct program {
    const void *params; /* its workload's, loaded */
    uint32_t rank, ranks;
    uint32_t job;      /* of those that take turns (os/ckpt); else 0 */
    uint64_t resume;   /* 0: from the beginning; else what it said at the point it goes on from */
    struct port *task; /* its own: what it owns goes with it, while the node may live on */
};

/* What every node boots; immutable, outlives the nodes. */
struct os_boot {
    const struct os_layout *layout;
    const struct kind_set *layers; /* of files: struct file_ops */
    struct xk_graph *graph;        /* NULL: no protocols, no services */
    struct os_service *services;
    uint32_t service_count;
    struct os_group *groups;
    uint32_t group_count;
    /* The program of the compute nodes of the first `ranks` ranks; NULL: none. */
    void (*main)(struct os_node *n, const struct program *me);
    const void *params;
    uint32_t ranks;
    uint32_t files; /* that they make: those who keep files size their tables by it */
    bool restart;   /* a node that comes back starts its program anew */
};

/* Reads machine.nodes (may be NULL) for b->layout; what a group's table says under the names in
 * `own` is for whoever owns the nodes.  `path` is the machine's.  False with a sentence. */
bool os_groups_load(struct os_boot *b, const struct val *nodes, const char *const *own,
                    const char *path, struct err *e) MUST_CHECK;
/* Then machine.os (may be NULL) for b->graph; the kinds of `services` are struct os_service_ops. */
bool os_boot_load(struct os_boot *b, const struct val *os, const struct kind_set *services,
                  const char *path, struct err *e) MUST_CHECK;
const struct os_group *os_group(const struct os_boot *b, const char *name); /* or NULL */
/* The same with a sentence, for what a configuration names at `at`, under the key `path`. */
const struct os_group *os_group_named(const struct os_boot *b, const struct val *at,
                                      const char *name, const char *path, struct err *e);
void os_boot_free(struct os_boot *b);

/* Where the ranks of the job are.  Each node has a table of its own, which begins as the layout
 * has it: the first compute nodes.  A change is made by one (os/ckpt, whose leader it is) and comes
 * to the others in messages; layers keep ranks, and ask for the node when they open a session.
 *
 *   PLACE1  A table takes the place of one of a lower version, and of no other.
 *   PLACE2  No node has two ranks. */
struct os_places {
    uint32_t version, count;
    const uint32_t *nodes; /* rank -> node */
    uint32_t *own;         /* the same, of a copy; NULL: borrowed */
};

struct os_node {
    struct port *port; /* kernel task */
    const struct os_boot *boot;
    const struct os_layout *layout;
    struct os_places places; /* known here */
    uint32_t node;
    uint32_t job;                /* its program's: of who keeps it */
    struct xk_kernel *xk;        /* NULL: no graph */
    void **started;              /* by service of the list */
    struct file_sys **on_device; /* by device: the file system that is on it, or NULL: none yet */
    struct os_run *run;          /* its program; NULL: none */
    const struct os_keeper *keeper; /* who saves it and enters it again; NULL: nobody */
};

/* Boots the operating system of this node: the first upcall of its kernel task, at start and at
 * every restart.  The result lives in the kernel task's heap. */
struct os_node *os_node_boot(struct port *kernel, const struct os_boot *b);

/* What the program has done so far it need not do again: when it is started anew, after a crash of
 * its node (os_boot.restart) or by who keeps it, it is entered with this as `resume`.  Work named
 * before is paid for first.  With a keeper it may be saved and stopped here; what it needs then it
 * has in its memory and in the library of messages: no operation, span or open file of its own is
 * under way. (blocks) */
void os_safe_point(struct os_node *n, uint64_t resume);
/* The same before a call that waits for others: the next call of os/nx, before which it changes
 * nothing.  It may be saved while it waits there, too; entered with `resume` it says this again
 * and makes the same call, which goes on from where it was.  Who is stopped elsewhere, and waits
 * for somebody who has been stopped, would wait for ever. (blocks) */
void os_safe_call(struct os_node *n, uint64_t resume);

/* ---- for who saves programs (os/ckpt) ---- */
/* A program on its node.  OSRUN1: it is at a place where it can be saved from the call of `stopped`
 * until os_go. */
struct os_run {
    struct port *task;
    struct program me;
    uint64_t resume; /* said last */
    bool ended;      /* its main has returned */
    bool passed;     /* it has been at a safe point */
    bool call;       /* what it does next is a call that it announced, */
    bool in_call;    /* or it is in that */
    bool stop, told; /* os_stop; it has stopped */
    void (*stopped)(void *arg);
    void *arg;
    struct port_thread *parked; /* its thread, while that waits for os_go */
};
struct os_keeper {
    void (*ended)(void *arg); /* its main has returned */
    void *arg;
};
/* In the start of a service: the program of a later life of the node is entered by os_enter. */
void os_keep(struct os_node *n, const struct os_keeper *k);
/* The program comes to a place where it can be saved, and stays there; `stopped` is called when it
 * is there, from inside or later, also in its thread: it does not block. */
void os_stop(struct os_node *n, void (*stopped)(void *arg), void *arg);
void os_go(struct os_node *n); /* ends that, at once or from inside `stopped`, too */
/* Ends it as a crash of its task does; enters it (there is none), or says that it has ended. */
void os_kill(struct os_node *n);
void os_enter(struct os_node *n, uint64_t resume, bool ended);
/* For libraries: does the announced call begin?  If so, with its end it waits where it is stopped.
 * (the second blocks) */
bool os_call_begin(struct os_node *n);
void os_call_end(struct os_node *n);

/* Its rank in a group of the machine, or OS_NO_RANK: it is none of it. */
#define OS_NO_RANK UINT32_MAX
uint32_t os_rank(const struct os_node *n, const struct os_group *g);

/* In a copy (os_places_copy): the rank is on that node from now on.  Raises the version. */
void os_place(struct os_places *p, uint32_t rank, uint32_t node);
/* Its rank there, or OS_NO_RANK. */
uint32_t os_places_rank(const struct os_places *p, uint32_t node);
/* A copy in the heap of the task; the caller's, with os_places_free. */
void os_places_copy(struct port *p, struct os_places *to, const struct os_places *from);
void os_places_free(struct port *p, struct os_places *places);
/* This node has learnt of a table, which is copied.  False: it is not newer than its own (PLACE1),
 * which stays. */
bool os_places_take(struct os_node *n, const struct os_places *p) MUST_CHECK;

/* What this service has started on this node, or NULL.  To be kept. */
void *os_find(const struct os_node *n, const struct os_service_ops *ops);
/* The parameters with which the machine boots the service, or NULL: it does not. */
const void *os_service_params(const struct os_layout *l, const struct os_service_ops *ops);
/* The entry of the list that boots the service on the group of that name, or NULL. */
const struct os_service *os_served(const struct os_layout *l, const struct os_service_ops *ops,
                                   const char *group);

#endif
