/* rait.c: blocks over the members, and back.
 *
 * One request at a time: it becomes a part for each member that is not lost, and when all of them
 * have been answered the request is.  A rebuild is a row of such rounds: a read of what is next,
 * then a write of one part.
 */
#include "disks/tape/rait.h"

#include <stdio.h>
#include <stdlib.h>

#include "disks/disk.h"
#include "disks/raid_code.h"
#include "sim/audit.h"
#include "sim/measure.h"

const struct param rait_params[] = {
    P_STRING(rait_params, kind, "rait3", "What is built: tape drives in step.", "none"),
    P_INT(rait_params, members, "5", "1", "32", "Drives, those of parity included.",
          "ASSUMED(the experiment's choice)"),
    P_INT(rait_params, spares, "0", "0", "32",
          "Drives more, each with a cartridge of its own; the fault \"spare\" puts one in a lost "
          "member's place.",
          "ASSUMED(the experiment's choice)"),
    P_VAL(rait_params, member, "A drive, described as any other.", "none"),
    P_END,
};

struct member {
    struct blkdev *d;
    struct blk_req r;
    bool lost, asked;
    bool good;       /* its part is here, */
    uint64_t length; /* of a block of this length, */
    uint64_t stamp;  /* written then */
};

struct rebuild {
    uint32_t member;
    uint64_t n;
    void (*done)(void *arg, enum blk_status s);
    void *arg;
    bool writes, flushes;
};

struct rait {
    struct blkdev dev;
    char *name;
    uint32_t count, data, parity;
    bool rotates, dead;
    struct member *members;
    struct blkdev **spares;
    uint32_t spare_count, spares_used;
    struct list jobs; /* requests that wait */
    struct blk_req *current;
    uint32_t open; /* parts under way */
    bool nobody;   /* none of the members was there to be asked */
    uint64_t stamp;
    struct rebuild *rebuild, *wanted; /* wanted: waits for the current request */
    struct sim_event next;
    struct rait_counts counts;
    uint64_t submitted, completed, inside;
};

static struct rait *rait_of(const struct blkdev *d)
{
    struct blkdev *dev = (struct blkdev *)(uintptr_t)d;
    return CONTAINER_OF(dev, struct rait, dev);
}

/* ---- columns ---- */

/* Which column of block n a member holds: data first, then the parities. */
static uint32_t column_of(const struct rait *a, uint64_t n, uint32_t member)
{
    return a->rotates ? (uint32_t)((member + n) % a->count) : member;
}

static uint32_t member_of(const struct rait *a, uint64_t n, uint32_t column)
{
    return a->rotates ? (uint32_t)((column + a->count - n % a->count) % a->count) : column;
}

static void put_u64(uint8_t *out, uint64_t v)
{
    for (int i = 7; i >= 0; i--, v >>= 8)
        out[i] = (uint8_t)v;
}

static uint64_t get_u64(const uint8_t *in)
{
    uint64_t v = 0;
    for (int i = 0; i < 8; i++)
        v = v << 8 | in[i];
    return v;
}

static uint64_t chunk_of(const struct rait *a, uint64_t length)
{
    return (length + a->data - 1) / a->data;
}

/* All columns of a block; each initialised here. */
static void split(const struct rait *a, const struct rope *data, struct rope *columns)
{
    uint64_t chunk = chunk_of(a, data->length);
    struct rope whole;
    rope_copy(&whole, data);
    rope_add_zero(&whole, chunk * a->data - data->length);
    for (uint32_t c = 0; c < a->data; c++) {
        rope_init(&columns[c]);
        rope_add_slice(&columns[c], &whole, c * chunk, chunk);
    }
    rope_fini(&whole);
    if (a->parity > 0)
        raid_code(columns, a->data, &columns[a->data],
                  a->parity > 1 ? &columns[a->data + 1] : NULL);
}

static void add_part(struct rope *out, uint64_t length, uint64_t stamp, struct rope *column)
{
    uint8_t header[RAIT_HEADER];
    put_u64(header, length);
    put_u64(header + 8, stamp);
    rope_add_bytes(out, header, sizeof header);
    rope_join(out, column);
}

/* Takes the header off what a member has read; false: it is none of ours. */
static bool open_part(const struct rait *a, struct member *m)
{
    uint8_t header[RAIT_HEADER];
    if (m->r.data.length <= RAIT_HEADER)
        return false;
    rope_read(&m->r.data, 0, sizeof header, header);
    rope_drop_front(&m->r.data, RAIT_HEADER);
    m->length = get_u64(header);
    m->stamp = get_u64(header + 8);
    return m->length > 0 && m->r.data.length == chunk_of(a, m->length);
}

/* ---- what the members say together ---- */

/* The write of which most parts are here, of several the newest; *parts: how many. */
static const struct member *agreed(const struct rait *a, uint32_t *parts)
{
    const struct member *best = NULL;
    *parts = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct member *x = &a->members[i];
        uint32_t same = 0;
        for (uint32_t j = 0; x->good && j < a->count; j++)
            same += a->members[j].good && a->members[j].stamp == x->stamp &&
                    a->members[j].length == x->length;
        if (same > *parts || (same > 0 && same == *parts && x->stamp > best->stamp)) {
            *parts = same;
            best = x;
        }
    }
    return best;
}

/* All columns of the block that has been read, from what is there; false: too much is lost. */
static bool join(struct rait *a, uint64_t n, struct rope *columns, uint64_t *length,
                 uint64_t *stamp)
{
    uint32_t parts, there = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        struct member *m = &a->members[i];
        m->good = m->asked && m->r.status == BLK_OK && open_part(a, m);
        there += m->good;
    }
    const struct member *best = agreed(a, &parts);
    a->counts.mixed += parts < there;
    if (parts < a->data) {
        a->counts.unreadable++;
        return false;
    }
    *length = best->length;
    *stamp = best->stamp;
    uint64_t missing = 0, want = *stamp;
    for (uint32_t c = 0; c < a->count; c++) {
        struct member *m = &a->members[member_of(a, n, c)];
        bool here = m->good && m->stamp == want && m->length == *length;
        if (here)
            rope_copy(&columns[c], &m->r.data);
        else
            missing |= UINT64_C(1) << c;
    }
    uint64_t data_missing = missing & ((UINT64_C(1) << a->data) - 1);
    const struct rope *parity[2] = { NULL, NULL };
    for (uint32_t k = 0; k < a->parity; k++)
        if (!(missing >> (a->data + k) & 1))
            parity[k] = &columns[a->data + k];
    a->counts.reconstructed += data_missing != 0;
    bool good =
        data_missing == 0 || raid_decode(columns, a->data, data_missing, parity[0], parity[1]);
    ASSERT_MSG(good, "as many parts as there are data give back a block (RAIT1)");
    struct rope p, q;
    if (a->rebuild != NULL &&
        missing >> a->data != 0) { /* parities that are missing are worked out */
        raid_code(columns, a->data, &p, a->parity > 1 ? &q : NULL);
        if (missing >> a->data & 1)
            rope_copy(&columns[a->data], &p);
        if (a->parity > 1 && missing >> (a->data + 1) & 1)
            rope_copy(&columns[a->data + 1], &q);
        rope_fini(&p);
        if (a->parity > 1)
            rope_fini(&q);
    }
    return true;
}

static void drop_columns(const struct rait *a, struct rope *columns)
{
    for (uint32_t c = 0; c < a->count; c++)
        rope_fini(&columns[c]);
}

static bool is_loss(enum blk_status s)
{
    return s == BLK_ERR_DEVICE || s == BLK_NO_MEDIUM;
}

/* What all members but those that fell out have said: the worst of it.  A mark that too few of them
 * have is a part that is missing. */
static enum blk_status together(struct rait *a, enum blk_end *end, uint64_t *moved, uint32_t *out)
{
    enum blk_status s = BLK_OK, loss = BLK_NO_MEDIUM;
    *end = BLK_END_NONE;
    *moved = UINT64_MAX;
    *out = 0;
    uint32_t marks = 0;
    for (uint32_t i = 0; i < a->count; i++) {
        const struct member *m = &a->members[i];
        if (!m->asked || is_loss(m->r.status)) {
            loss = m->asked && m->r.status == BLK_NO_MEDIUM ? loss : BLK_ERR_DEVICE;
            (*out)++;
            continue;
        }
        if (m->r.status == BLK_ERR_ABORTED || s == BLK_ERR_ABORTED) {
            s = BLK_ERR_ABORTED;
        } else if (m->r.status == BLK_END && m->r.end == BLK_END_MARK) {
            marks++;
        } else if (m->r.status == BLK_END) {
            s = BLK_END;
            *end = m->r.end > *end ? m->r.end : *end;
        }
        *moved = m->r.moved < *moved ? m->r.moved : *moved;
    }
    if (s == BLK_OK && marks >= a->data) {
        s = BLK_END;
        *end = BLK_END_MARK;
    }
    return *out > a->parity ? loss : s;
}

/* ---- the course of a request ---- */

static void step(struct rait *a);

static void soon(struct rait *a)
{
    if (!sim_event_pending(&a->next))
        sim_at(a->dev.sim, &a->next, sim_now(a->dev.sim));
}

static void finish(struct rait *a, enum blk_status status)
{
    struct blk_req *r = a->current;
    a->current = NULL;
    a->completed++;
    a->inside--;
    sim_time known = 0;
    for (size_t i = 0; i < BLK_PARTS; i++)
        known += r->part[i];
    r->part[BLK_TRANSFER] += sim_time_max(0, sim_now(a->dev.sim) - r->started - known);
    soon(a);
    blk_complete(&a->dev, r, status, !a->dev.inner);
}

static void rebuild_ends(struct rait *a, enum blk_status status)
{
    struct rebuild b = *a->rebuild;
    free(a->rebuild);
    a->rebuild = NULL;
    if (status == BLK_OK)
        a->members[b.member].lost = false;
    soon(a);
    b.done(b.arg, status);
}

static void answer_read(struct rait *a, struct blk_req *r)
{
    struct rope columns[RAIT_MEMBERS_MAX];
    uint64_t length = 0, stamp = 0, moved;
    uint32_t out;
    enum blk_end end;
    enum blk_status s = together(a, &end, &moved, &out);
    for (uint32_t i = 0; i < a->count; i++)
        a->members[i].lost |= a->members[i].asked && a->members[i].r.status == BLK_ERR_DEVICE;
    if (s != BLK_OK) {
        r->end = end;
        finish(a, s);
        return;
    }
    for (uint32_t c = 0; c < a->count; c++)
        rope_init(&columns[c]);
    bool good = join(a, r->sector, columns, &length, &stamp);
    for (uint32_t c = 0; good && c < a->data; c++)
        rope_join(&r->data, &columns[c]);
    if (good)
        rope_truncate(&r->data, length);
    drop_columns(a, columns);
    r->moved = good ? length : 0;
    finish(a, good ? BLK_OK : BLK_ERR_MEDIUM);
}

static void answer_other(struct rait *a, struct blk_req *r)
{
    uint64_t moved;
    uint32_t out;
    enum blk_end end;
    enum blk_status s = together(a, &end, &moved, &out);
    bool writes = r->op == BLK_WRITE || r->op == BLK_MARK || r->op == BLK_ERASE;
    for (uint32_t i = 0; i < a->count; i++) {
        struct member *m = &a->members[i];
        if (m->asked && (m->r.status == BLK_ERR_DEVICE ||
                         (m->r.status == BLK_NO_MEDIUM && writes && s == BLK_OK)))
            m->lost = true;
    }
    r->end = end;
    if (r->op == BLK_LOCATE && (s == BLK_OK || s == BLK_END))
        r->moved = moved;
    else
        r->moved = s == BLK_OK && r->op == BLK_WRITE ? r->data.length : 0;
    finish(a, s);
}

/* A round of a rebuild is over: what was read is written to the member, or the next is read. */
static void answer_rebuild(struct rait *a)
{
    struct rebuild *b = a->rebuild;
    struct member *to = &a->members[b->member];
    struct rope columns[RAIT_MEMBERS_MAX];
    uint64_t length = 0, stamp = 0, moved;
    uint32_t out;
    enum blk_end end;
    if (b->writes) {
        enum blk_status s = to->r.status;
        b->writes = false;
        if (s != BLK_OK || b->flushes) {
            rebuild_ends(a, s);
            return;
        }
        a->counts.rebuilt++;
        b->n++;
        step(a);
        return;
    }
    enum blk_status s = together(a, &end, &moved, &out);
    for (uint32_t c = 0; c < a->count; c++)
        rope_init(&columns[c]);
    if (s == BLK_OK && !join(a, b->n, columns, &length, &stamp))
        s = BLK_ERR_MEDIUM;
    bool at_end = s == BLK_END && end == BLK_END_DATA, mark = s == BLK_END && end == BLK_END_MARK;
    if (s != BLK_OK && !at_end && !mark) {
        drop_columns(a, columns);
        rebuild_ends(a, s);
        return;
    }
    b->writes = true;
    b->flushes = at_end;
    rope_fini(&to->r.data);
    enum blk_op op = at_end ? BLK_FLUSH : mark ? BLK_MARK : BLK_WRITE;
    to->r.op = op;
    to->r.sector = op == BLK_FLUSH ? 0 : b->n;
    to->r.sectors = op == BLK_WRITE;
    if (op == BLK_WRITE)
        add_part(&to->r.data, length, stamp, &columns[column_of(a, b->n, b->member)]);
    drop_columns(a, columns);
    a->open = 1;
    to->asked = true;
    blk_submit(to->d, &to->r);
}

static void part_done(struct blk_req *p)
{
    struct rait *a = p->owner;
    struct blk_req *r = a->current;
    if (--a->open > 0)
        return;
    for (uint32_t i = 0; r != NULL && i < a->count; i++) {
        const struct blk_req *x = &a->members[i].r;
        if (!a->members[i].asked)
            continue;
        r->part[BLK_SEEK] = sim_time_max(r->part[BLK_SEEK], x->part[BLK_SEEK]);
        r->started = sim_time_min(r->started, x->started);
    }
    if (r == NULL)
        answer_rebuild(a);
    else if (a->dead)
        finish(a, BLK_ERR_DEVICE);
    else if (r->op == BLK_READ)
        answer_read(a, r);
    else
        answer_other(a, r);
}

/* A part for every member that is there. */
static void ask(struct rait *a, enum blk_op op, uint64_t sector, const struct rope *data)
{
    struct rope columns[RAIT_MEMBERS_MAX];
    if (op == BLK_WRITE) {
        /* No two writes have the same: time passes between them, or the count tells. */
        a->stamp = a->stamp >= (uint64_t)sim_now(a->dev.sim) ? a->stamp + 1
                                                             : (uint64_t)sim_now(a->dev.sim);
        split(a, data, columns);
    }
    a->open = 1;
    for (uint32_t i = 0; i < a->count; i++) {
        struct member *m = &a->members[i];
        blk_req_fini(&m->r);
        blk_req_init(&m->r, op, sector, op <= BLK_WRITE, part_done, a);
        m->asked = !m->lost;
        if (op == BLK_WRITE && m->asked)
            add_part(&m->r.data, data->length, a->stamp, &columns[column_of(a, sector, i)]);
        a->open += m->asked;
    }
    if (op == BLK_WRITE)
        drop_columns(a, columns);
    for (uint32_t i = 0; i < a->count; i++)
        if (a->members[i].asked)
            blk_submit(a->members[i].d, &a->members[i].r);
    a->nobody = --a->open == 0;
    if (a->nobody)
        soon(a);
}

/* What is next. */
static void step(struct rait *a)
{
    if (a->nobody) {
        a->nobody = false;
        if (a->current != NULL)
            finish(a, BLK_ERR_DEVICE);
        else
            rebuild_ends(a, BLK_ERR_DEVICE);
        return;
    }
    if (a->open > 0 || a->current != NULL)
        return;
    if (a->rebuild == NULL && a->wanted != NULL) {
        a->rebuild = a->wanted;
        a->wanted = NULL;
    }
    if (a->rebuild != NULL) {
        ask(a, BLK_READ, a->rebuild->n, NULL);
        return;
    }
    struct list *l = list_pop(&a->jobs);
    if (l == NULL)
        return;
    a->current = LIST_ENTRY(l, struct blk_req, link);
    a->current->started = sim_now(a->dev.sim);
    ask(a, a->current->op, a->current->sector, &a->current->data);
}

static void go(struct sim *s, struct sim_event *e)
{
    (void)s;
    step(CONTAINER_OF(e, struct rait, next));
}

/* ---- the device ---- */

static void submit(struct blkdev *d, struct blk_req *r)
{
    struct rait *a = rait_of(d);
    a->submitted++;
    a->inside++;
    r->moved = 0;
    r->end = BLK_END_NONE;
    list_push(&a->jobs, &r->link);
    if (a->current == NULL && a->rebuild == NULL)
        soon(a);
}

static uint32_t largest(const struct rait *a, struct blk_describe *first)
{
    uint64_t least = UINT32_MAX;
    *first = (struct blk_describe){ .sectors = UINT64_MAX };
    for (uint32_t i = 0; i < a->count; i++) {
        struct blk_describe about;
        a->members[i].d->ops->describe(a->members[i].d, &about);
        least = about.largest < least ? about.largest : least;
        if (first->medium[0] == '\0')
            snprintf(first->medium, sizeof first->medium, "%s", about.medium);
        first->sectors = about.sectors < first->sectors ? about.sectors : first->sectors;
        first->volatile_writes |= about.volatile_writes;
    }
    uint64_t most = (least - RAIT_HEADER) * a->data;
    return most < UINT32_MAX ? (uint32_t)most : UINT32_MAX;
}

static void describe(const struct blkdev *d, struct blk_describe *out)
{
    const struct rait *a = rait_of(d);
    uint32_t most = largest(a, out);
    snprintf(out->name, sizeof out->name, "%s", a->name);
    out->sectors *= a->data;
    out->sector_bytes = out->best_sectors = out->ways = 1;
    out->sequential = true;
    out->largest = most;
}

static sim_time locate_time(const struct blkdev *d, uint64_t from, uint64_t to)
{
    const struct rait *a = rait_of(d);
    sim_time most = 0;
    bool any = false;
    for (uint32_t i = 0; i < a->count; i++) {
        sim_time t = a->members[i].lost ? SIM_NEVER : blk_locate_time(a->members[i].d, from, to);
        if (t == SIM_NEVER)
            continue;
        any = true;
        most = sim_time_max(most, t);
    }
    return any ? most : SIM_NEVER;
}

static void die(struct blkdev *d)
{
    struct rait *a = rait_of(d);
    a->dead = true;
    for (uint32_t i = 0; i < a->count; i++)
        a->members[i].d->ops->kill(a->members[i].d);
}

static struct blkdev *member_at(const struct blkdev *d, uint32_t i)
{
    const struct rait *a = rait_of(d);
    if (i >= a->count)
        return i - a->count < a->spare_count ? a->spares[i - a->count] : NULL;
    return a->members[i].d;
}

/* The power of the whole; all else is of a member.  One that loses its power alone is lost where
 * the others can do without it: what was in its buffer is gone. */
static bool fault(struct blkdev *d, uint32_t member, const struct disk_fault *f)
{
    struct rait *a = rait_of(d);
    if (member == 0 && f->kind == DISK_FAULT_SPARE)
        return rait_use_spare(d);
    if (member > a->count) {
        struct blkdev *x = member_at(d, member - 1);
        return x != NULL && x->ops->fault != NULL && x->ops->fault(x, 0, f);
    }
    if (member == 0 && f->kind == DISK_FAULT_DEATH) {
        die(d);
        return true;
    }
    if (member == 0 && f->kind != DISK_FAULT_POWER && f->kind != DISK_FAULT_SLOW)
        return false;
    bool good = true;
    for (uint32_t i = 0; i < a->count; i++) {
        struct blkdev *m = a->members[i].d;
        if (member == 0 || i == member - 1)
            good &= m->ops->fault != NULL && m->ops->fault(m, 0, f);
        if (member > 0 && i == member - 1 && f->kind == DISK_FAULT_POWER && a->parity > 0)
            a->members[i].lost = true;
    }
    return good;
}

static void health(const struct blkdev *d, struct blk_health *sum)
{
    const struct rait *a = rait_of(d);
    for (uint32_t i = 0; i < a->count; i++)
        sum->missing += a->members[i].lost;
    sum->mismatches += a->counts.mixed;
    sum->unrecovered += a->counts.unreadable;
}

static void destroy(struct blkdev *d)
{
    struct rait *a = rait_of(d);
    sim_cancel(d->sim, &a->next);
    for (uint32_t i = 0; i < a->count; i++) {
        a->members[i].d->ops->destroy(a->members[i].d);
        blk_req_fini(&a->members[i].r);
    }
    sim_audit_unregister(d->sim, a);
    sim_count_end(&d->counted);
    free(a->rebuild);
    free(a->wanted);
    for (uint32_t i = 0; i < a->spare_count; i++)
        a->spares[i]->ops->destroy(a->spares[i]);
    free(a->spares);
    free(a->members);
    free(a->name);
    free(a);
}

static const struct blkdev_ops rait_ops = { .name = "tape array",
                                            .doc = "tape drives in step, with parity or without",
                                            .sequential = true,
                                            .submit = submit,
                                            .describe = describe,
                                            .destroy = destroy,
                                            .kill = die,
                                            .fault = fault,
                                            .member = member_at,
                                            .health = health,
                                            .locate_time = locate_time };

static void audit(void *self, struct sim_audit_report *report)
{
    const struct rait *a = self;
    sim_audit_balance(report, "tape array requests", a->submitted, a->completed, a->inside, 0);
}

const struct counter rait_counters[] = {
    C_SUM(rait, counts, reconstructed, "1", "Blocks that were read by their parity."),
    C_SUM(rait, counts, mixed, "1", "Blocks whose parts were of different writes."),
    C_SUM(rait, counts, unreadable, "1", "Blocks that too much was lost of."),
    C_SUM(rait, counts, rebuilt, "1", "Blocks and marks written to a member anew."),
    C_END,
};

struct blkdev *rait_create(struct sim *s, struct blkdev *const *members, uint32_t count,
                           uint32_t spares, uint32_t parity, bool rotates, const char *kind,
                           const char *name)
{
    struct rait *a = base_zalloc(1, sizeof *a);
    ASSERT(count > parity && count <= RAIT_MEMBERS_MAX);
    a->dev = (struct blkdev){ .ops = &rait_ops, .sim = s, .node = members[0]->node };
    a->name = base_strdup(name);
    a->count = count;
    a->parity = parity;
    a->data = count - parity;
    a->rotates = rotates;
    a->members = base_zalloc(count, sizeof *a->members);
    for (uint32_t i = 0; i < count; i++) {
        a->members[i].d = members[i];
        members[i]->inner = true;
        rope_init(&a->members[i].r.data);
    }
    a->spare_count = spares;
    a->spares = base_zalloc(spares + 1, sizeof(struct blkdev *));
    for (uint32_t i = 0; i < spares; i++) {
        a->spares[i] = members[count + i];
        a->spares[i]->inner = true;
    }
    list_init(&a->jobs);
    sim_event_init(&a->next, SIM_CLASS_DEVICE, go);
    sim_audit_register(s, a->name, audit, a);
    sim_count(&a->dev.counted, s, kind, a->dev.node, rait_counters, a);
    return &a->dev;
}

bool rait_is(const struct blkdev *d)
{
    return d->ops == &rait_ops;
}

void rait_lose(struct blkdev *d, uint32_t member)
{
    struct rait *a = rait_of(d);
    ASSERT(member < a->count);
    a->members[member].lost = true;
}

bool rait_lost(const struct blkdev *d, uint32_t member)
{
    return rait_of(d)->members[member].lost;
}

void rait_rebuild(struct blkdev *d, uint32_t member, void (*done)(void *arg, enum blk_status s),
                  void *arg)
{
    struct rait *a = rait_of(d);
    ASSERT_MSG(a->members[member].lost, "a member that is not lost is rebuilt");
    ASSERT(a->rebuild == NULL && a->wanted == NULL);
    a->wanted = base_zalloc(1, sizeof *a->wanted);
    *a->wanted = (struct rebuild){ .member = member, .done = done, .arg = arg };
    if (a->current == NULL)
        soon(a);
}

static void spare_filled(void *arg, enum blk_status s)
{
    struct rait *a = arg;
    if (s != BLK_OK)
        sim_remark(a->dev.sim, "%s: a spare could not be rebuilt: %s", a->name, blk_status_name(s));
}

bool rait_use_spare(struct blkdev *d)
{
    struct rait *a = rait_of(d);
    if (a->spares_used == a->spare_count || a->rebuild != NULL || a->wanted != NULL)
        return false;
    for (uint32_t i = 0; i < a->count; i++) {
        struct member *m = &a->members[i];
        if (!m->lost)
            continue;
        struct blkdev *was = m->d;
        m->d = a->spares[a->spares_used];
        a->spares[a->spares_used++] = was;
        rait_rebuild(d, i, spare_filled, a);
        return true;
    }
    return false;
}

struct rait_counts rait_counts(const struct blkdev *d)
{
    return rait_of(d)->counts;
}
