/* mode_sync.c: M_SYNC: a shared pointer; all ranks call; ranges in order of rank. */
#include "os/pfs/pfs_internal.h"

/* Each has its own operation and length. */
static enum pfs_status agree(const struct pfs_call *a, const struct pfs_call *b)
{
    (void)a;
    (void)b;
    return PFS_OK;
}

const struct pfs_mode_ops pfs_mode_sync = {
    .kind = { .name = "M_SYNC", .doc = "a shared pointer; all call; ranges in order of rank" },
    .is = PFS_MODE_GIVEN | PFS_MODE_MEET,
    .place = pfs_ask_round,
    .seek = pfs_seek_round,
    .agree = agree,
};
