/* pfs_world.h: compute nodes, I/O nodes with a disk each and a service node, on the fake port.
 *
 * Nodes 0 .. compute-1 run programs, the next `io` are I/O nodes, the last is the service node.
 */
#ifndef TESTS_OS_PFS_WORLD_H
#define TESTS_OS_PFS_WORLD_H

#include "os/lfs/lfs.h"
#include "os/nx/nx.h"
#include "os/pfs/pfs.h"
#include "tests/os/xk_rig.h"

/* A node dies at a step of the fake, and is back so much later; 0: never. */
struct pfs_death {
    uint32_t node;
    uint64_t step;
    sim_time back;
    sim_time at; /* when it died; 0: it has not yet */
    bool over;
};

struct pfs_world {
    struct rig r;
    uint32_t compute, io;
    struct pfs_params params;
    struct lfs_params lfs;
    const char *graph;
    struct os_layout layout;
    uint32_t nodes[RIG_NODES];
    struct pfs_client *client[RIG_NODES];
    /* What stands over the files of an I/O node; NULL: nothing. */
    struct file_sys *(*over)(struct port *p, uint32_t io, struct file_sys *below);
    struct nx *nx[RIG_NODES]; /* where the graph has an instance "nx" */
    /* programs */
    void (*program)(struct pfs_world *w, struct pfs_client *c, uint32_t rank);
    uint32_t running, booted;
    void *arg;
    bool names;                 /* names are kept on the service node's disk, */
    bool remote;                /* on that of I/O node 0 */
    bool ended[RIG_NODES];      /* programs */
    struct pfs_death deaths[2]; /* of no node: step 0 */
    struct os_boot boot;        /* for layers of files */
    struct os_group group;
    struct os_service service;
    struct file_stack stack[2]; /* of the file server, of the metadata server */
    struct os_node node[RIG_NODES];
    uint64_t
        power_off; /* the service node dies at this write of its disk, which is torn; 0: never */
    bool off;      /* and is off until step `back` */
    uint64_t back;
    uint64_t writes;      /* of it so far */
    uint32_t only;        /* programs of the first so many nodes run; 0: all */
    const uint32_t *dies; /* a program has this node die, with its program */
    uint64_t steps_more;  /* than 20 million, before it counts as endless */
    uint64_t requests;    /* of pfs_world_req */
    /* disks: requests of this node fail while set */
    uint32_t bad_disk;
    bool bad_reads, bad_writes;
    uint64_t
        crash_step; /* I/O node 1 dies at this step of the fake and comes back 50 later; 0: never */
};

/* Small everything: stripe unit 1 KiB, blocks of 2 KiB. */
void pfs_world_defaults(struct pfs_world *w, uint32_t compute, uint32_t io);
void pfs_world_start(struct pfs_world *w, struct fake_options o);
void pfs_world_stop(struct pfs_world *w);
/* Runs the program on every compute node until all have ended. */
void pfs_world_run(struct pfs_world *w,
                   void (*program)(struct pfs_world *w, struct pfs_client *c, uint32_t rank));
uint32_t pfs_world_io_node(const struct pfs_world *w, uint32_t io);

/* One read or write at an offset, checked: the split adds up.  (blocks) */
enum pfs_status pfs_world_read(struct pfs_world *w, struct pfs_file *f, uint64_t off, void *out,
                               size_t n, size_t *got);
enum pfs_status pfs_world_write(struct pfs_world *w, struct pfs_file *f, uint64_t off,
                                const void *bytes, size_t n);
void pfs_world_check_split(const struct pfs_req *r);

#endif
