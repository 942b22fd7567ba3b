/* direct.h: drivers that bypass the operating system: traffic on a bare network, requests on bare
 * devices.
 *
 * A direct workload is a const ops struct.  It runs inside the engine as events, with no threads,
 * so that devices can be studied at the speed of their models.
 */
#ifndef WORKLOADS_DIRECT_DIRECT_H
#define WORKLOADS_DIRECT_DIRECT_H

#include <string.h>

#include "disks/blkdev.h"
#include "disks/library/changer.h"
#include "mesh/net.h"
#include "sim/base/whole.h"
#include "sim/input.h"

/* What it drives: a network (mesh = {...} in the configuration), devices (devices = {...}),
 * libraries (libraries = {...}), or several of them. */
struct direct_world {
    struct net *net; /* NULL when the configuration has no mesh */
    struct blkdev **devs;
    size_t dev_count;
    const struct changer_list *libraries;
    const struct input *files; /* the content of each P_FILE parameter that is given */
    size_t file_count;
    struct whole_folder *out; /* for per-packet and per-request files; NULL: not asked for */
};

/* The file of that name, as it is written; it is there when a parameter has that value. */
static inline const struct input *direct_file(const struct direct_world *w, const char *name)
{
    for (size_t i = 0; i < w->file_count; i++)
        if (strcmp(w->files[i].name, name) == 0)
            return &w->files[i];
    ASSERT_MSG(false, "a file parameter comes with its content");
    return NULL;
}

struct direct_ops {
    struct kind kind;
    bool needs_net, needs_devices, needs_libraries;
    /* Sets up its sources and schedules their first events.  NULL with a sentence when the
     * parameters do not fit the world.  `params` outlives it. */
    void *(*create)(struct sim *s, const struct direct_world *w, const void *params, struct err *e);
    /* After the run: writes scalars and remarks (sim/measure.h). */
    void (*finish)(void *self, enum sim_end end);
    void (*destroy)(void *self);
};

#endif
