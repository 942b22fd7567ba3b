/* raid_stripe.c: reads, writes and repair of one stripe.
 *
 *   direct       read what is asked for, from the members that hold it
 *   whole        read all that is there of the rows, make the missing columns from parity
 *   rmw          read the old data and the old parity (P, or P and Q), write the new data and the
 *                parity changed by the difference
 *   reconstruct  read the columns that are not written, write the new data and parity made anew
 *   full stripe  nothing to read: all columns are written
 *
 * A read of a member that fails begins the op again without that member, as often as there are
 * members left.  Once writing has begun nothing begins again: a member that fails then is lost, and
 * the write stands as long as parity covers what it lost.
 */
#include <stdlib.h>

#include "disks/raid_internal.h"

static void run(struct raid_op *op);
static void write_back(struct raid_op *op);

static uint64_t bit(uint32_t i)
{
    return UINT64_C(1) << i;
}

/* ---- ops and locks ---- */

struct raid_op *raid_op_get(struct raid *a, enum raid_work work, uint64_t stripe)
{
    struct raid_op *op = a->free_ops;
    uint32_t members = a->layout.members;
    if (op != NULL) {
        a->free_ops = op->next_free;
    } else {
        op = base_zalloc(1, sizeof *op);
        op->a = a;
        op->cols = base_alloc(members * sizeof *op->cols);
        op->children = base_zalloc(members, sizeof *op->children);
        for (uint32_t i = 0; i < members; i++) {
            rope_init(&op->cols[i]);
            op->children[i].op = op;
            op->children[i].member = i;
        }
        rope_init(&op->data);
        list_init(&op->link);
    }
    op->work = work;
    op->stripe = stripe;
    op->job = NULL;
    op->power_losses = a->power_losses;
    op->bad = op->have = 0;
    op->locked = op->writing = op->restart = op->whole = op->rmw = false;
    op->pending = 0;
    op->status = BLK_OK;
    return op;
}

static void drop_columns(struct raid_op *op)
{
    for (uint32_t i = 0; i < op->a->layout.members; i++)
        rope_fini(&op->cols[i]);
    op->have = 0;
}

static bool needs_lock(const struct raid_op *op)
{
    return op->a->layout.parity > 0 && (op->work != RAID_OP_READ || op->whole);
}

static struct raid_op *locker(struct list *bucket, uint64_t stripe)
{
    LIST_EACH (it, bucket) {
        struct raid_op *op = LIST_ENTRY(it, struct raid_op, link);
        if (op->stripe == stripe)
            return op;
    }
    return NULL;
}

void raid_op_start(struct raid_op *op)
{
    if (needs_lock(op) && !op->locked) {
        struct list *bucket = &op->a->locks[op->stripe % RAID_LOCKS];
        bool wait = locker(bucket, op->stripe) != NULL;
        op->locked = true;
        list_push(bucket, &op->link);
        if (wait)
            return;
    }
    run(op);
}

static void end(struct raid_op *op)
{
    struct raid *a = op->a;
    struct raid_op *next = NULL;
    if (op->locked) {
        list_remove(&op->link);
        next = locker(&a->locks[op->stripe % RAID_LOCKS], op->stripe);
    }
    if (op->job != NULL)
        raid_job_done(op);
    else
        raid_background_done(op);
    drop_columns(op);
    rope_fini(&op->data);
    op->next_free = a->free_ops;
    a->free_ops = op;
    if (next != NULL)
        run(next);
}

static void fail(struct raid_op *op)
{
    op->status = op->bad != 0 ? BLK_ERR_MEDIUM : BLK_ERR_DEVICE;
    end(op);
}

/* The power failed under it: nothing more is read or written for it. */
static void abort_op(struct raid_op *op)
{
    for (uint32_t i = 0; i < op->a->layout.members; i++)
        rope_fini(&op->children[i].r.data);
    op->status = BLK_ERR_ABORTED;
    end(op);
}

/* ---- members ---- */

bool raid_there(const struct raid *a, uint32_t member, uint64_t stripe)
{
    const struct raid_slot *s = &a->slots[member];
    if (s->failed || !s->rebuilding)
        return !s->failed;
    return stripe < s->rebuilt || (stripe - s->rebuilt < RAID_BATCH_MAX &&
                                   (s->filled & bit((uint32_t)(stripe - s->rebuilt))) != 0);
}

/* Member of column c; columns past the data are parity. */
static uint32_t member_of(const struct raid_op *op, uint32_t c)
{
    const struct raid_layout *l = &op->a->layout;
    return c < l->data ? raid_layout_data(l, op->stripe, c)
                       : raid_layout_parity(l, op->stripe, c - l->data);
}

static bool readable(const struct raid_op *op, uint32_t c)
{
    uint32_t m = member_of(op, c);
    return raid_there(op->a, m, op->stripe) && (op->bad & bit(m)) == 0;
}

static bool writable(const struct raid_op *op, uint32_t c)
{
    return raid_there(op->a, member_of(op, c), op->stripe);
}

static void read_done(struct raid_op *op);
static void write_done(struct raid_op *op);

void raid_child_done(struct blk_req *r)
{
    struct raid_child *c = r->owner;
    struct raid_op *op = c->op;
    struct raid *a = op->a;
    a->slots[c->member].load--;
    bool cut = op->power_losses != a->power_losses;
    bool again = r->status == BLK_ERR_ABORTED || (r->status == BLK_ERR_MEDIUM && op->writing);
    if (again && !cut && !c->retried) {
        c->retried = true;
        a->slots[c->member].load++;
        blk_pass(a->slots[c->member].dev, r);
        return;
    }
    if (r->status == BLK_ERR_MEDIUM && !op->writing) {
        op->bad |= bit(c->member);
        op->restart = true;
    } else if (r->status != BLK_OK && !(cut && r->status == BLK_ERR_ABORTED)) {
        if (a->slots[c->member].dev == c->dev)
            raid_lose(a, c->member);
        op->restart = true;
    }
    if (a->slots[c->member].failed && a->slots[c->member].load == 0)
        raid_rebuild_begin(a);
    if (op->job != NULL) {
        struct blk_req *parent = op->job->r;
        parent->started = sim_time_min(parent->started, r->started);
        blk_add_parts(parent, r);
    }
    if (--op->pending > 0)
        return;
    if (cut)
        abort_op(op);
    else if (op->writing)
        write_done(op);
    else
        read_done(op);
}

/* One request to a member for rows [lo, hi) of its unit.  data: what to write, moved
 * from; NULL: a read. */
static void ask(struct raid_op *op, uint32_t member, uint64_t lo, uint64_t hi, struct rope *data)
{
    struct raid *a = op->a;
    struct raid_child *child = &op->children[member];
    uint64_t at = op->stripe * a->layout.unit + lo;
    blk_req_init(&child->r, data == NULL ? BLK_READ : BLK_WRITE, at, (uint32_t)(hi - lo),
                 raid_child_done, child);
    if (data != NULL)
        rope_move(&child->r.data, data);
    child->retried = false;
    child->dev = a->slots[member].dev;
    op->pending++;
    a->slots[member].load++;
    a->slots[member].near_row = at + (hi - lo);
    raid_pass(a, child);
}

/* ---- what a request covers ---- */

/* Rows of column c that [first, first + count) of the stripe's data covers; false: none. */
static bool covered(const struct raid_op *op, uint32_t c, uint64_t *lo, uint64_t *hi)
{
    uint64_t unit = op->a->layout.unit, from = c * unit, to = from + unit;
    uint64_t a = op->first > from ? op->first : from;
    uint64_t b = op->first + op->count < to ? op->first + op->count : to;
    if (a >= b || op->work == RAID_OP_REBUILD || op->work == RAID_OP_SCRUB)
        return false;
    *lo = a - from;
    *hi = b - from;
    return true;
}

static void set_window(struct raid_op *op)
{
    uint64_t lo, hi;
    op->lo = 0;
    op->hi = op->a->layout.unit;
    if (op->work == RAID_OP_REBUILD || op->work == RAID_OP_SCRUB)
        return;
    uint64_t least = UINT64_MAX, most = 0;
    for (uint32_t c = 0; c < op->a->layout.data; c++) {
        if (!covered(op, c, &lo, &hi))
            continue;
        least = lo < least ? lo : least;
        most = hi > most ? hi : most;
    }
    op->lo = least;
    op->hi = most;
}

/* The new bytes of rows [lo, hi) of column c, which the write covers. */
static void new_bytes(const struct raid_op *op, uint32_t c, uint64_t lo, uint64_t hi,
                      struct rope *out)
{
    uint64_t size = op->a->sector_bytes, at = c * op->a->layout.unit + lo - op->first;
    rope_init(out);
    rope_add_slice(out, &op->data, at * size, (hi - lo) * size);
}

/* ---- reading ---- */

/* RAID 1: which of two copies that are both there is read. */
static uint32_t choose_copy(struct raid *a, uint64_t row)
{
    const struct raid_slot *x = &a->slots[0], *y = &a->slots[1];
    uint64_t dx = x->near_row > row ? x->near_row - row : row - x->near_row;
    uint64_t dy = y->near_row > row ? y->near_row - row : row - y->near_row;
    switch (a->balance) {
    case RAID_READ_PRIMARY:
        return 0;
    case RAID_READ_ROUND_ROBIN:
        return a->turn++ & 1;
    case RAID_READ_SHORTEST:
        return x->load != y->load ? x->load > y->load : a->turn++ & 1;
    case RAID_READ_NEAREST:
        return x->load != y->load ? x->load > y->load : dx != dy ? dx > dy : a->turn++ & 1;
    }
    return 0;
}

/* The copy is chosen once for a request, whatever stripes it touches. */
static uint32_t copy_of(struct raid_op *op)
{
    bool zero = readable(op, 0), one = readable(op, 1);
    if (zero != one)
        return zero ? 0 : 1;
    if (op->job->copy == UINT32_MAX)
        op->job->copy = choose_copy(op->a, op->stripe * op->a->layout.unit + op->lo);
    return op->job->copy;
}

static void read_direct(struct raid_op *op)
{
    uint64_t lo, hi;
    for (uint32_t c = 0; c < op->a->layout.data; c++) {
        if (covered(op, c, &lo, &hi))
            ask(op, member_of(op, c), lo, hi, NULL);
    }
}

/* Reads columns [0, data + parity) whose bit is set, the rows looked at. */
static void read_columns(struct raid_op *op, uint64_t columns)
{
    for (uint32_t c = 0; c < op->a->layout.members; c++) {
        if ((columns & bit(c)) != 0)
            ask(op, member_of(op, c), op->lo, op->hi, NULL);
    }
}

static uint64_t all_readable(const struct raid_op *op)
{
    uint64_t columns = 0;
    for (uint32_t c = 0; c < op->a->layout.members; c++)
        columns |= readable(op, c) ? bit(c) : 0;
    return columns;
}

/* Too much is missing for any reconstruction of the stripe. */
static bool beyond_repair(const struct raid_op *op)
{
    const struct raid_layout *l = &op->a->layout;
    uint32_t missing = 0;
    for (uint32_t c = 0; c < l->members; c++)
        missing += !readable(op, c);
    return missing > l->parity;
}

static void run_read(struct raid_op *op)
{
    const struct raid_layout *l = &op->a->layout;
    uint64_t lo, hi;
    bool direct = true;
    set_window(op);
    if (l->level == RAID_1 && (readable(op, 0) || readable(op, 1)) && op->bad == 0) {
        ask(op, copy_of(op), op->lo, op->hi, NULL);
        return;
    }
    for (uint32_t c = 0; c < l->data; c++)
        direct &= !covered(op, c, &lo, &hi) || readable(op, c);
    if (direct) {
        op->whole = false;
        read_direct(op);
        return;
    }
    if (beyond_repair(op)) {
        fail(op);
        return;
    }
    op->whole = true;
    if (!op->locked) {
        raid_op_start(op); /* comes back here with the lock */
        return;
    }
    op->a->counts.degraded_reads++;
    read_columns(op, all_readable(op));
}

/* ---- writing ---- */

/* Every parity that is there can be read: none of it lies where a medium error is. */
static bool parity_readable(const struct raid_op *op)
{
    const struct raid_layout *l = &op->a->layout;
    for (uint32_t c = l->data; c < l->members; c++) {
        if (writable(op, c) && !readable(op, c))
            return false;
    }
    return true;
}

static void run_write(struct raid_op *op)
{
    struct raid *a = op->a;
    const struct raid_layout *l = &a->layout;
    uint64_t lo, hi, keep = 0, touched = 0, missing_keep = 0, missing_touched = 0;
    uint32_t parity_there = 0, untouched = 0;
    set_window(op);
    op->whole = op->rmw = false;
    for (uint32_t c = 0; c < l->data; c++) {
        bool any = covered(op, c, &lo, &hi);
        touched |= any ? bit(c) : 0;
        missing_touched += any && !readable(op, c);
        if (!any || lo > op->lo || hi < op->hi) {
            keep |= bit(c);
            missing_keep += !readable(op, c);
            untouched++;
        }
    }
    for (uint32_t j = 0; j < l->parity; j++)
        parity_there += writable(op, l->data + j);
    if (parity_there == 0) {
        if (missing_touched > 0)
            fail(op);
        else
            write_back(op);
        return;
    }
    uint32_t rmw_reads = (uint32_t)__builtin_popcountll(touched) + parity_there;
    bool can_rmw = l->data > 1 && missing_touched == 0 && parity_readable(op);
    bool cheap = rmw_reads <= untouched;
    if (a->small_write != RAID_WRITE_AUTO)
        cheap = a->small_write == RAID_WRITE_RMW;
    if (keep == 0) {
        a->counts.full_stripe_writes++;
        write_back(op);
    } else if (can_rmw && (cheap || missing_keep > 0)) {
        a->counts.rmw_writes++;
        op->rmw = true;
        for (uint32_t c = 0; c < l->data; c++) {
            if (covered(op, c, &lo, &hi))
                ask(op, member_of(op, c), lo, hi, NULL);
        }
        for (uint32_t c = l->data; c < l->members; c++) {
            if (writable(op, c))
                ask(op, member_of(op, c), op->lo, op->hi, NULL);
        }
    } else if (missing_keep == 0) {
        a->counts.reconstruct_writes++;
        read_columns(op, keep);
    } else if (beyond_repair(op)) {
        fail(op);
    } else {
        a->counts.reconstruct_writes++;
        op->whole = true;
        read_columns(op, all_readable(op));
    }
}

static bool all_there(const struct raid_op *op)
{
    for (uint32_t i = 0; i < op->a->layout.members; i++) {
        if (!raid_there(op->a, i, op->stripe))
            return false;
    }
    return true;
}

static void run(struct raid_op *op)
{
    op->restart = false;
    drop_columns(op);
    if (op->a->dead) {
        op->status = BLK_ERR_DEVICE;
        end(op);
    } else if (op->power_losses != op->a->power_losses) {
        op->status = BLK_ERR_ABORTED;
        end(op);
    } else if (op->work == RAID_OP_READ) {
        run_read(op);
    } else if (op->work == RAID_OP_WRITE) {
        run_write(op);
    } else {
        set_window(op);
        op->whole = true;
        if (beyond_repair(op) || (op->work == RAID_OP_SCRUB && !all_there(op)))
            fail(op);
        else
            read_columns(op, all_readable(op));
    }
}

/* ---- after the reads ---- */

/* Moves what was read into the columns; fills in what is missing. */
static bool take_columns(struct raid_op *op)
{
    const struct raid_layout *l = &op->a->layout;
    uint64_t lost = 0;
    for (uint32_t c = 0; c < l->members; c++) {
        struct raid_child *child = &op->children[member_of(op, c)];
        if (child->r.op == BLK_READ && child->r.data.length > 0) {
            rope_move(&op->cols[c], &child->r.data);
            op->have |= bit(c);
        }
    }
    if (!op->whole)
        return true;
    for (uint32_t c = 0; c < l->data; c++)
        lost |= (op->have & bit(c)) == 0 ? bit(c) : 0;
    bool p = l->parity > 0 && (op->have & bit(l->data)) != 0;
    bool q = l->parity > 1 && (op->have & bit(l->data + 1)) != 0;
    return raid_decode(op->cols, l->data, lost, p ? &op->cols[l->data] : NULL,
                       q ? &op->cols[l->data + 1] : NULL);
}

/* The data asked for, from whole columns. */
static void answer(struct raid_op *op)
{
    ASSERT(op->job != NULL);
    struct rope *out = &op->job->pieces[op->piece];
    uint64_t size = op->a->sector_bytes, lo, hi;
    for (uint32_t c = 0; c < op->a->layout.data; c++) {
        if (!covered(op, c, &lo, &hi))
            continue;
        if (op->whole)
            rope_add_slice(out, &op->cols[c], (lo - op->lo) * size, (hi - lo) * size);
        else
            rope_join(out, &op->children[member_of(op, c)].r.data);
    }
}

/* Columns that answered with a medium error are written anew. */
static void repair(struct raid_op *op)
{
    const struct raid_layout *l = &op->a->layout;
    op->writing = true;
    for (uint32_t c = 0; c < l->data; c++) {
        if ((op->bad & bit(member_of(op, c))) == 0 || !writable(op, c))
            continue;
        struct rope copy;
        rope_copy(&copy, &op->cols[c]);
        op->a->counts.repaired++;
        ask(op, member_of(op, c), op->lo, op->hi, &copy);
    }
    if (op->pending == 0)
        end(op);
}

/* Parity j against the data; written anew when it is wrong or could not be read. */
static void scrub_parity(struct raid_op *op, uint32_t j, struct rope *made)
{
    const struct raid_layout *l = &op->a->layout;
    uint32_t c = l->data + j, m = member_of(op, c);
    bool unread = (op->have & bit(c)) == 0;
    if (!unread && rope_equal(made, &op->cols[c]))
        return;
    if (unread)
        op->a->counts.repaired++;
    else
        op->a->counts.mismatches++;
    ask(op, m, op->lo, op->hi, made);
}

static void scrubbed(struct raid_op *op)
{
    const struct raid_layout *l = &op->a->layout;
    struct rope made[2];
    rope_init(&made[0]);
    rope_init(&made[1]);
    raid_code(op->cols, l->data, &made[0], l->parity > 1 ? &made[1] : NULL);
    op->writing = true;
    for (uint32_t j = 0; j < l->parity; j++) {
        scrub_parity(op, j, &made[j]);
        rope_fini(&made[j]);
    }
    repair(op);
}

static void refill(struct raid_op *op)
{
    const struct raid_layout *l = &op->a->layout;
    struct rope out;
    op->writing = true;
    uint32_t c = 0;
    while (member_of(op, c) != op->target)
        c++;
    if (c < l->data) {
        rope_copy(&out, &op->cols[c]);
    } else {
        struct rope p, q;
        rope_init(&q);
        raid_code(op->cols, l->data, &p, l->parity > 1 ? &q : NULL);
        rope_move(&out, c == l->data ? &p : &q);
        rope_fini(&p);
        rope_fini(&q);
    }
    ask(op, op->target, op->lo, op->hi, &out);
}

static void read_done(struct raid_op *op)
{
    if (op->restart) {
        for (uint32_t i = 0; i < op->a->layout.members; i++)
            rope_fini(&op->children[i].r.data);
        raid_op_start(op);
        return;
    }
    if (op->a->layout.level == RAID_1 && op->work == RAID_OP_READ && !op->whole) {
        ASSERT(op->job != NULL);
        struct rope *out = &op->job->pieces[op->piece];
        for (uint32_t i = 0; i < 2; i++)
            rope_join(out, &op->children[i].r.data);
        end(op);
        return;
    }
    bool direct = op->work == RAID_OP_READ && !op->whole;
    if (!direct && !take_columns(op)) {
        fail(op);
        return;
    }
    switch (op->work) {
    case RAID_OP_READ:
        answer(op);
        if (op->bad != 0)
            repair(op);
        else
            end(op);
        break;
    case RAID_OP_WRITE:
        write_back(op);
        break;
    case RAID_OP_REBUILD:
        refill(op);
        break;
    case RAID_OP_SCRUB:
        scrubbed(op);
        break;
    }
}

/* ---- the writes ---- */

/* What changes in column c, over all the rows looked at: old and new XORed, zero elsewhere. */
static void difference(struct raid_op *op, uint32_t c, struct rope *out)
{
    uint64_t size = op->a->sector_bytes, lo, hi;
    struct rope fresh, changed;
    rope_init(out);
    if (!covered(op, c, &lo, &hi)) {
        rope_add_zero(out, (op->hi - op->lo) * size);
        return;
    }
    new_bytes(op, c, lo, hi, &fresh);
    const struct rope *both[] = { &op->cols[c], &fresh };
    rope_xor(&changed, both, 2);
    rope_add_zero(out, (lo - op->lo) * size);
    rope_join(out, &changed);
    rope_add_zero(out, (op->hi - hi) * size);
    rope_fini(&fresh);
}

/* Old parity, changed by what changes in the columns that are written: the code is linear, so the
 * parity of the difference is the difference of the parity.  Parity that is lost stays empty. */
static void changed_parity(struct raid_op *op, struct rope parity[2])
{
    const struct raid_layout *l = &op->a->layout;
    struct rope change[RAID_MEMBERS_MAX], by[2];
    for (uint32_t c = 0; c < l->data; c++)
        difference(op, c, &change[c]);
    rope_init(&by[1]);
    raid_code(change, l->data, &by[0], l->parity > 1 ? &by[1] : NULL);
    for (uint32_t j = 0; j < l->parity; j++) {
        const struct rope *both[] = { &op->cols[l->data + j], &by[j] };
        if (both[0]->length > 0)
            rope_xor(&parity[j], both, 2);
    }
    rope_fini(&by[0]);
    rope_fini(&by[1]);
    for (uint32_t c = 0; c < l->data; c++)
        rope_fini(&change[c]);
}

/* All columns as they will be, and parity of them. */
static void fresh_parity(struct raid_op *op, struct rope *p, struct rope *q)
{
    const struct raid_layout *l = &op->a->layout;
    uint64_t size = op->a->sector_bytes, lo, hi;
    for (uint32_t c = 0; c < l->data; c++) {
        if (!covered(op, c, &lo, &hi))
            continue;
        struct rope out, fresh;
        uint64_t rows = op->hi - op->lo;
        rope_init(&out);
        new_bytes(op, c, lo, hi, &fresh);
        if (lo > op->lo)
            rope_add_slice(&out, &op->cols[c], 0, (lo - op->lo) * size);
        rope_join(&out, &fresh);
        if (hi < op->hi)
            rope_add_slice(&out, &op->cols[c], (hi - op->lo) * size, (op->hi - hi) * size);
        ASSERT(out.length == rows * size);
        rope_fini(&op->cols[c]);
        rope_move(&op->cols[c], &out);
    }
    raid_code(op->cols, l->data, p, l->parity > 1 ? q : NULL);
}

static void write_back(struct raid_op *op)
{
    const struct raid_layout *l = &op->a->layout;
    struct rope parity[2];
    uint64_t lo, hi;
    bool any = false;
    rope_init(&parity[0]);
    rope_init(&parity[1]);
    for (uint32_t j = 0; j < l->parity; j++)
        any |= writable(op, l->data + j);
    if (any && op->rmw)
        changed_parity(op, parity);
    else if (any)
        fresh_parity(op, &parity[0], &parity[1]);
    op->writing = true;
    for (uint32_t c = 0; c < l->data; c++) {
        if (!covered(op, c, &lo, &hi) || !writable(op, c))
            continue;
        struct rope fresh;
        new_bytes(op, c, lo, hi, &fresh);
        ask(op, member_of(op, c), lo, hi, &fresh);
    }
    for (uint32_t j = 0; j < ARRAY_LEN(parity); j++) {
        if (j < l->parity && writable(op, l->data + j))
            ask(op, member_of(op, l->data + j), op->lo, op->hi, &parity[j]);
        rope_fini(&parity[j]);
    }
    if (op->pending == 0)
        write_done(op);
}

static void write_done(struct raid_op *op)
{
    const struct raid_layout *l = &op->a->layout;
    uint64_t lo, hi;
    uint32_t missing = 0;
    for (uint32_t i = 0; i < l->members; i++)
        rope_fini(&op->children[i].r.data);
    for (uint32_t c = 0; c < l->members; c++) {
        bool counts = l->parity > 0 || (c < l->data && covered(op, c, &lo, &hi));
        missing += counts && !writable(op, c);
    }
    /* A rebuild whose spare is lost, or another already, has filled nothing. */
    const struct raid_slot *target = &op->a->slots[op->target];
    if (op->work == RAID_OP_REBUILD ? target->failed || target->changes != op->changes
                                    : missing > l->parity)
        op->status = BLK_ERR_DEVICE;
    if (op->a->dead)
        op->status = BLK_ERR_DEVICE;
    end(op);
}
