/* mode_global.c: M_GLOBAL: one transfer for all ranks, spread along a binomial tree.
 *
 * Rank 0 reads (or writes) the range; the outcome goes to the others (os/file/spread.h).  Rank r of
 * the file is compute node r.
 */
#include "os/pfs/pfs_internal.h"

/* What rank 0's transfer gave. */
static void take(void *arg, const struct spread_outcome *o)
{
    struct pfs_req *r = arg;
    r->waited += port_now(r->file->client->port) - r->since;
    r->moved = o->moved;
    if (o->data != NULL)
        rope_add_slice(&r->data, o->data, 0, o->data->length);
    else
        rope_fini(&r->data);
    pfs_req_end(r, o->lost || o->status >= PFS_STATUS_COUNT ? PFS_NODE_DOWN
                                                            : (enum pfs_status)o->status);
}

static void begin(struct pfs_req *r)
{
    struct pfs_file *f = r->file;
    if (f->rank == 0) {
        pfs_data_start(r);
        return;
    }
    r->since = port_now(f->client->port);
    spread_take(f->client->spread, f->v->id, r->round, f->ranks, f->crashes, take, r);
}

static void moved(struct pfs_req *r, enum pfs_status s)
{
    struct pfs_file *f = r->file;
    if (f->rank == 0)
        spread_give(
            f->client->spread,
            &(struct spread_outcome){ .key = f->v->id,
                                      .round = r->round,
                                      .ranks = f->ranks,
                                      .status = s,
                                      .moved = s == PFS_OK ? r->moved : 0,
                                      .data = s == PFS_OK && r->op == PFS_READ ? &r->data : NULL });
}

static enum pfs_status agree(const struct pfs_call *a, const struct pfs_call *b)
{
    if (a->flags != b->flags)
        return PFS_BAD_MODE;
    return a->value == b->value ? PFS_OK : PFS_BAD_RECORD;
}

const struct pfs_mode_ops pfs_mode_global = {
    .kind = { .name = "M_GLOBAL", .doc = "all call; one does the transfer for all" },
    .is = PFS_MODE_GIVEN | PFS_MODE_MEET | PFS_MODE_ONE,
    .place = pfs_ask_round,
    .begin = begin,
    .moved = moved,
    .seek = pfs_seek_round,
    .agree = agree,
};
