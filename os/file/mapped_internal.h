/* mapped_internal.h: private to the layer MAPPED: jobs (mapped.c) and pages (mapped_page.c).
 *
 * What comes for a file that is mapped is a job: a request, a fault, or the end of a mapping.  A
 * job begins when no earlier one that it conflicts with is left (MAPPED2), settles the pages of its
 * bytes (`how`), and goes on when none of them is in its way: pages that are held by programs, or
 * on their way down, are waited for.
 *
 * | how     | a page that may be written            | one that may be read |
 * |---------|---------------------------------------|----------------------|
 * | PROTECT | is written down, and may only be read | stays                |
 * | DROP    | is written down, and goes             | goes                 |
 * | FORGET  | goes                                  | goes                 |
 * | REFRESH | stays                                 | goes                 |
 *
 * Pages of a mapping with `copy` that may be written are nobody's business but its program's.
 *
 *   MAPPED7  At most one writing of a page is under way, and no page comes while one is of its
 *       bytes.
 */
#ifndef OS_FILE_MAPPED_INTERNAL_H
#define OS_FILE_MAPPED_INTERNAL_H

#include "os/file/mapped.h"
#include "os/xk/map.h"

struct mapped {
    struct file_sys sys; /* first */
    struct xk_map map;   /* of files that are mapped */
    struct list files, asks;
    struct list ended; /* jobs whose requests end in an upcall of their own (FILE1) */
    struct port_timer timer;
    struct {
        uint64_t requests, faults, page_ins, page_outs, taken;
    } counts;
};

struct mapped_file {
    struct list link;
    struct mapped *m;
    uint64_t file;
    struct list maps, jobs, outs;
    uint64_t end;          /* it is at least so long */
    enum file_status late; /* of a page that is lost, to be told */
    uint32_t busy;         /* its jobs are being looked at, or what they end calls */
    bool again;
};

struct file_map {
    struct list link;
    struct mapped_file *f;
    struct file_sys *top;
    struct vm_region *region; /* NULL: its task has ended */
    uint64_t off, page;       /* page: bytes of one */
    uint32_t uid, gid;
    bool copy;
    struct list odd;
};

enum how { PROTECT, DROP, FORGET, REFRESH };

struct job {
    struct list link;
    struct mapped *m;
    struct mapped_file *f;
    struct file_req *r;   /* NULL: the end of `map` */
    struct file_map *map; /* of a fault, and of an end */
    struct ask *ask;      /* of a fault */
    uint64_t lo, hi;      /* the bytes that it has to do with, */
    uint64_t from, to;    /* and those whose pages it settles */
    enum how how;
    bool looks, begun, below, over;
    struct port_thread *waiter; /* for the end of a mapping */
    void (*done)(struct file_req *r);
    void *arg;
};

struct ask { /* a fault on its way to the top and down again */
    struct list link;
    struct file_req r, in; /* in: reads the page */
    struct mapped *m;
    struct file_map *map; /* NULL: its task has ended */
    struct job *job;
    uint64_t page;
    enum vm_prot want;
    bool served; /* the region has its answer */
};

extern const struct file_ops file_mapped;

/* ---- mapped.c ---- */
/* Jobs of the file that can go on do. */
void mapped_pump(struct mapped_file *f);
/* Nothing is known of a file any more that nobody has to do with; `f` may be gone then. */
void mapped_file_end(struct mapped_file *f);
/* A job of a request, or (NULL) of another kind; and its place behind all others. */
struct job *mapped_job(struct mapped_file *f, struct file_req *r);
void mapped_add(struct job *j);
/* What reads the page of a fault ends. */
void mapped_came(struct file_req *r);

/* ---- mapped_page.c ---- */
/* True: no page is in the job's way; else it is asked again when one has changed. */
bool mapped_settle(const struct job *j);
/* So many bytes of the page are the file's. */
void mapped_valid(struct file_map *map, uint64_t page, uint64_t bytes);
enum vm_status mapped_vm_status(enum file_status s);
static inline uint64_t mapped_at(const struct file_map *map, uint64_t page)
{
    return map->off + page * map->page;
}

#endif
