/* vesta_world.h: compute nodes and I/O nodes with a disk each, that serve Vesta, on the fake port.
 *
 * Nodes 0 .. compute-1 run programs, the next `io` are I/O nodes.
 */
#ifndef TESTS_OS_VESTA_WORLD_H
#define TESTS_OS_VESTA_WORLD_H

#include "os/lfs/lfs.h"
#include "os/vesta/store.h"
#include "os/vesta/vesta.h"
#include "tests/os/xk_rig.h"

struct vesta_world {
    struct rig r;
    uint32_t compute, io;
    struct vesta_params params;
    struct lfs_params lfs;
    const struct vst_params *store; /* NULL: the I/O nodes keep all in lfs */
    struct os_layout layout;
    uint32_t nodes[RIG_NODES];
    struct vesta_client *client[RIG_NODES];
    void (*program)(struct vesta_world *w, struct vesta_client *c, uint32_t rank);
    bool runs[RIG_NODES]; /* the program of this rank has not ended */
    uint32_t running, booted;
    void *arg;
    /* A node dies at this step of the fake (0: never) with its program, and comes back so many
     * steps later (0: never). */
    uint64_t crash_step, down_steps;
    uint32_t crash_node;
};

extern const struct vst_params vesta_world_store; /* small, for `store` */
void vesta_world_defaults(struct vesta_world *w, uint32_t compute, uint32_t io);
void vesta_world_start(struct vesta_world *w, struct fake_options o);
/* For fake_explore: boots all of it on a fake that exists. */
void vesta_world_boot(struct vesta_world *w, struct fake *f, struct xk_graph *g);
struct xk_graph *vesta_world_graph(void);
void vesta_world_stop(struct vesta_world *w);
/* Starts the program on the nodes of these ranks (0: of all); runs until all have ended. */
void vesta_world_spawn(struct vesta_world *w, uint32_t ranks,
                       void (*program)(struct vesta_world *w, struct vesta_client *c,
                                       uint32_t rank));
void vesta_world_run(struct vesta_world *w, uint32_t ranks,
                     void (*program)(struct vesta_world *w, struct vesta_client *c, uint32_t rank));

/* A READ or WRITE of a list; `bytes` as long. (block) */
enum file_status vesta_world_write(struct vesta_file *f, const struct file_run *runs,
                                   uint32_t count, const uint8_t *bytes, uint64_t n);
enum file_status vesta_world_read(struct vesta_file *f, const struct file_run *runs, uint32_t count,
                                  uint8_t *bytes, uint64_t *moved);

#endif
