/* mode_log.c: M_LOG: a shared pointer; first come, first served. */
#include "os/pfs/pfs_internal.h"

const struct pfs_mode_ops pfs_mode_log = {
    .kind = { .name = "M_LOG", .doc = "a shared pointer; first come, first served" },
    .is = PFS_MODE_GIVEN,
    .place = pfs_ask_pointer,
    .seek = pfs_seek_pointer,
};
