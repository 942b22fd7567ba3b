/* mode_record.c: M_RECORD: private pointers in lock step, records of one length.
 *
 * The ranks do not meet: each request tells the I/O nodes the length (pfs_req.nth), which refuse
 * another one.
 */
#include "os/pfs/pfs_internal.h"

static void place(struct pfs_req *r)
{
    struct pfs_file *f = r->file;
    uint64_t before_it = f->record, record = before_it > 0 ? before_it : r->len;
    f->record = record;
    r->off = pfs_tell(f);
    if (r->len != record) {
        pfs_req_end(r, PFS_BAD_RECORD);
        return;
    }
    if (pfs_ends_too_far(r)) {
        f->record = before_it;
        pfs_req_end(r, PFS_NO_SPACE);
        return;
    }
    if (r->len > 0)
        r->nth = ++f->count;
    pfs_data_start(r);
}

/* Of one that was refused the pointer stays. */
static void ended(struct pfs_req *r)
{
    struct pfs_file *f = r->file;
    if (r->status != PFS_BAD_RECORD || r->nth == 0 || r->nth > f->count)
        return;
    f->count = r->nth - 1;
    if (f->count == 0)
        f->record = 0;
}

/* Its record k rounds on. */
static bool expect(const struct pfs_req *r, uint32_t k, uint64_t *off)
{
    uint64_t away;
    return !__builtin_mul_overflow(r->len * r->file->ranks, k, &away) &&
           !__builtin_add_overflow(r->off, away, off);
}

const struct pfs_mode_ops pfs_mode_record = {
    .kind = { .name = "M_RECORD", .doc = "private pointers in lock step, records of one length" },
    .place = place,
    .expect = expect,
    .ended = ended,
};
