/* vdrop_internal.h: private to os/proto/vdrop/: state.  There is no header on the wire. */
#ifndef OS_PROTO_VDROP_VDROP_INTERNAL_H
#define OS_PROTO_VDROP_VDROP_INTERNAL_H

#include "os/proto/vdrop/vdrop.h"
#include "os/xk/table.h"

struct vdrop_params {
    int64_t every;
    const char *list;
    double drop, duplicate, delay, corrupt;
    sim_time delay_max;
    int64_t idle;
};

struct vdrop_late { /* a delayed message */
    struct list link;
    struct xk_sessn *sessn; /* counted */
    struct xk_msg msg;
    struct port_timer timer;
};

struct vdrop_state {
    const struct vdrop_params *params;
    uint32_t drop_ppm, duplicate_ppm, delay_ppm, corrupt_ppm;
    struct xk_table sessns;
    struct list late; /* of vdrop_late */
    struct {
        uint64_t pushed, dropped, duplicated, delayed, corrupted, orphans;
    } counts;
};

#endif
