/* mode_async.c: M_ASYNC: private pointers, nothing atomic. */
#include "os/pfs/pfs_internal.h"

static void place(struct pfs_req *r)
{
    if (pfs_place_own(r))
        pfs_data_start(r);
}

const struct pfs_mode_ops pfs_mode_async = {
    .kind = { .name = "M_ASYNC", .doc = "private pointers, nothing atomic" },
    .is = PFS_MODE_OWN,
    .place = place,
    .expect = pfs_expect_own,
};
