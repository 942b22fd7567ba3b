/* motion.c: how the tape of a drive moves: it stands, goes to a place, or rolls over items.
 *
 *   motion   what holds                           left by
 *   NONE     the tape stands at `head`            tape_kick, tape_go
 *   WAIT     it is to start at `steady`           moved: tape_kick again
 *   LOCATE   it goes to `goal`                    moved: `arrived`
 *   ROLL     it has rolled since `rolling`, from  moved: an item more; goes on, or stops
 *            `head`, and does the first item of
 *            the buffer (writes) or `next` (reads)
 *
 * While it rolls, an item is over when the whole way since it began to roll takes that long: no
 * rounding adds up.
 */
#include <stdlib.h>

#include "disks/tape/drive_internal.h"

/* A block is good in the end: of a hundred times it is bad 99 at most. */
#define SOFT_MOST 0.99

static struct sim *sim_of(const struct tape_drive *d)
{
    return d->dev.sim;
}

/* ---- states ---- */

static bool works(enum tape_state s)
{
    return s != TAPE_EMPTY && s != TAPE_IDLE && s != TAPE_HITCHING && s != TAPE_DEAD;
}

static void spend(struct tape_drive *d, enum tape_state s, sim_time length)
{
    d->spent[s] += length;
    uint64_t us = (uint64_t)(d->spent[s] / SIM_US);
    struct tape_counts *c = &d->counts;
    uint64_t *const of[TAPE_STATES] = {
        [TAPE_LOADING] = &c->loading_us,   [TAPE_LOCATING] = &c->locating_us,
        [TAPE_READING] = &c->reading_us,   [TAPE_WRITING] = &c->writing_us,
        [TAPE_HITCHING] = &c->hitching_us, [TAPE_UNLOADING] = &c->unloading_us
    };
    if (of[s] != NULL)
        *of[s] = us;
}

/* Brings the account of its time up to date. */
void tape_settle(struct tape_drive *d)
{
    sim_time now = sim_now(sim_of(d));
    sim_time hitching = sim_time_min(now, d->hitch_until);
    if (d->state == TAPE_HITCHING && hitching < now) {
        spend(d, TAPE_HITCHING, sim_time_max(0, hitching - d->state_since));
        d->state_since = sim_time_max(d->state_since, hitching);
        d->state = TAPE_IDLE;
    }
    spend(d, d->state, now - d->state_since);
    d->state_since = now;
}

void tape_set_state(struct tape_drive *d, enum tape_state s)
{
    sim_time now = sim_now(sim_of(d));
    tape_settle(d);
    if (works(d->state) && !works(s))
        sim_busy_end(&d->busy, now);
    else if (!works(d->state) && works(s))
        sim_busy_begin(&d->busy, now);
    d->state = s;
}

/* ---- times ---- */

sim_time tape_media_time(const struct tape_drive *d, sim_time t)
{
    return d->slow_percent == 100 ? t : sim_time_scale(t, (double)d->slow_percent / 100.0);
}

uint64_t tape_bytes_stored(const struct tape_drive *d, uint64_t length)
{
    if (d->p.compression == 1.0)
        return length;
    uint64_t stored = (uint64_t)((double)length / d->p.compression);
    return stored > 0 ? stored : 1;
}

static void pass_over(struct tape_drive *d, uint64_t to)
{
    tape_medium_wear(d->m)->passed += tape_format_distance(&d->p.format, d->head, to);
    d->head = to;
}

/* ---- going ---- */

void tape_go(struct tape_drive *d, uint64_t to, sim_time takes, enum tape_state as,
             void (*arrived)(struct tape_drive *d))
{
    ASSERT(d->motion == MOTION_NONE);
    d->motion = MOTION_LOCATE;
    d->goal = to;
    d->arrived = arrived;
    if (as == TAPE_LOCATING)
        d->counts.locates++;
    tape_set_state(d, as);
    takes = tape_media_time(d, takes);
    if (as == TAPE_LOCATING && to < d->head) /* to go back it stops first (TAPE5) */
        takes = sim_time_max(takes, d->steady - sim_now(sim_of(d)));
    if (d->current != NULL && d->current->kind == JOB_REQUEST)
        d->current->r->part[BLK_SEEK] = sim_time_add(d->current->r->part[BLK_SEEK], takes);
    sim_after(sim_of(d), &d->move, takes);
}

static void located(struct tape_drive *d)
{
    d->far = false;
    d->steady = sim_now(sim_of(d));
    tape_kick(d);
    d->go_on(d);
}

/* ---- rolling ---- */

static double wear_of(struct tape_drive *d)
{
    double life = d->p.errors.wear_passes;
    return life > 0 ? 1.0 + tape_medium_passes(d->m) / life : 1.0;
}

static bool chance(struct tape_drive *d, double each, uint64_t bytes)
{
    double p = each * (double)bytes;
    return p > 0 && sim_rng_chance(&d->rng, p < 1 ? p : 1);
}

/* A block is to be read, or written, once more; there is always a chance that it is not. */
static bool soft(struct tape_drive *d, double each, uint64_t bytes)
{
    double p = each * wear_of(d) * (double)bytes + (double)d->soft_ppm / 1e6;
    return p > 0 && sim_rng_chance(&d->rng, p < SOFT_MOST ? p : SOFT_MOST);
}

/* When what ends there is over, as the tape rolls. */
static sim_time due(const struct tape_drive *d, uint64_t end)
{
    return sim_time_add(d->rolling,
                        tape_media_time(d, tape_format_stream(&d->p.format, d->head, end)));
}

static void write_next(struct tape_drive *d)
{
    struct tape_slot *x = LIST_ENTRY(d->slots.next, struct tape_slot, link);
    if (x->number < tape_medium_items(d->m)) { /* it is under the head: TAPE2 */
        tape_medium_truncate(d->m, x->number);
        d->counts.truncations++;
    }
    d->coming_end = x->end;
    sim_at(sim_of(d), &d->move, sim_time_max(sim_now(sim_of(d)), due(d, x->end)));
}

/* Reads it again and again, or until it is clear that it is lost. */
static sim_time retries(struct tape_drive *d, const struct tape_item *i)
{
    uint64_t times = 0;
    if (i->kind == TAPE_BLOCK && chance(d, d->p.errors.hard, i->stored))
        tape_medium_damage(d->m, i->place.at + i->place.into, 1);
    if (i->kind == TAPE_BLOCK && tape_medium_bad(d->m, d->next)) {
        times = (uint64_t)d->p.errors.retries;
    } else if (i->kind == TAPE_BLOCK) {
        while (times < (uint64_t)d->p.errors.retries && soft(d, d->p.errors.soft_read, i->stored))
            times++;
        d->counts.soft_reads += times;
    }
    sim_time once = tape_format_stream(&d->p.format, i->place.at, i->end);
    return times == 0 ? 0 : sim_time_mul(sim_time_add(d->p.hitch, once), (int64_t)times);
}

static void read_next(struct tape_drive *d)
{
    struct tape_item i = tape_medium_item(d->m, d->next);
    sim_time at = sim_time_max(sim_now(sim_of(d)), due(d, i.end));
    sim_time more = tape_media_time(d, retries(d, &i));
    if (more > 0) { /* from its end on the tape rolls anew */
        pass_over(d, i.end);
        at = d->rolling = sim_time_add(at, more);
    }
    d->coming_end = i.end;
    sim_at(sim_of(d), &d->move, at);
}

/* It rolls no more; where it is now, or at the end of an item. */
static void stop(struct tape_drive *d, uint64_t where)
{
    sim_time now = sim_now(sim_of(d));
    sim_cancel(sim_of(d), &d->move);
    pass_over(d, where);
    d->motion = MOTION_NONE;
    d->counts.hitches++;
    d->steady = sim_time_add(now, tape_media_time(d, d->p.hitch));
    d->hitch_until = d->steady;
    tape_set_state(d, TAPE_HITCHING);
}

/* Rolls from `head`, now or when it is steady. */
static void roll(struct tape_drive *d)
{
    sim_time now = sim_now(sim_of(d));
    if (d->far) {
        tape_go(d, d->target,
                tape_format_locate(&d->p.format, tape_medium_seed(d->m), d->head, d->target),
                TAPE_LOCATING, located);
        return;
    }
    if (now < d->steady) {
        d->motion = MOTION_WAIT;
        sim_at(sim_of(d), &d->move, d->steady);
        return;
    }
    d->motion = MOTION_ROLL;
    d->rolling = now;
    tape_set_state(d, d->mode == MODE_WRITE ? TAPE_WRITING : TAPE_READING);
    if (d->mode == MODE_WRITE)
        write_next(d);
    else
        read_next(d);
}

/* ---- the buffer ---- */

bool tape_reads(const struct tape_drive *d, uint64_t n)
{
    return d->current != NULL && d->ready && d->current->kind == JOB_REQUEST &&
           d->current->r->op == BLK_READ && d->current->r->sector == n;
}

bool tape_waits_for_room(const struct tape_drive *d)
{
    return d->current != NULL && d->ready && !d->on_bus && d->current->kind == JOB_REQUEST &&
           d->current->r->op == BLK_WRITE &&
           !tape_room(d, tape_bytes_stored(d, d->current->r->data.length));
}

bool tape_room(const struct tape_drive *d, uint64_t stored)
{
    return d->used == 0 || d->used + stored <= (uint64_t)d->p.buffer.size;
}

static bool write_should_start(const struct tape_drive *d)
{
    if (list_empty(&d->slots))
        return false;
    return d->drain || tape_waits_for_room(d) ||
           (double)d->used >= d->p.buffer.start * (double)d->p.buffer.size;
}

/* Is item `next` to be read? */
static bool read_should_go(struct tape_drive *d)
{
    struct tape_item i = tape_medium_item(d->m, d->next);
    if (tape_reads(d, d->next))
        return i.kind != TAPE_END || d->far;
    return i.kind != TAPE_END && d->p.buffer.read_ahead && !d->filled && tape_room(d, i.stored) &&
           !d->far;
}

void tape_kick(struct tape_drive *d)
{
    if (d->motion != MOTION_NONE || d->m == NULL)
        return;
    if (d->head == d->target)
        d->far = false;
    if (d->mode == MODE_WRITE ? write_should_start(d) : d->mode == MODE_READ && read_should_go(d))
        roll(d);
}

static void wrote(struct tape_drive *d)
{
    struct tape_slot *x = LIST_ENTRY(list_pop(&d->slots), struct tape_slot, link);
    bool mark = x->stored == 0;
    tape_medium_append(d->m, x->place, x->stored, mark ? NULL : &x->data);
    d->used -= x->stored;
    d->written++;
    if (mark)
        d->counts.marks_written++;
    else
        d->counts.blocks_written++;
    uint64_t end = x->end;
    rope_fini(&x->data);
    free(x);
    if (list_empty(&d->slots)) {
        d->drain = false;
        stop(d, end);
    } else {
        write_next(d);
    }
    d->go_on(d);
}

static void has_read(struct tape_drive *d)
{
    struct tape_item i = tape_medium_item(d->m, d->next);
    d->used += i.stored;
    d->next++;
    d->counts.blocks_read += i.kind == TAPE_BLOCK;
    struct tape_item following = tape_medium_item(d->m, d->next);
    if (!tape_room(d, following.stored))
        d->filled = true;
    if (following.kind != TAPE_END && read_should_go(d))
        read_next(d);
    else
        stop(d, i.end);
    d->go_on(d);
}

void tape_moved(struct sim *s, struct sim_event *e)
{
    struct tape_drive *d = CONTAINER_OF(e, struct tape_drive, move);
    (void)s;
    enum tape_motion was = d->motion;
    if (was == MOTION_ROLL) {
        if (d->mode == MODE_WRITE)
            wrote(d);
        else
            has_read(d);
        return;
    }
    d->motion = MOTION_NONE;
    if (was == MOTION_WAIT) {
        tape_kick(d);
        return;
    }
    if (d->m != NULL)
        pass_over(d, d->goal);
    d->head = d->goal;
    tape_set_state(d, d->m == NULL ? TAPE_EMPTY : TAPE_IDLE);
    d->arrived(d);
}

void tape_consume(struct tape_drive *d, uint64_t n)
{
    for (; d->first < n; d->first++)
        d->used -= tape_medium_item(d->m, d->first).stored;
    if (d->filled && (double)d->used <= (1.0 - d->p.buffer.start) * (double)d->p.buffer.size)
        d->filled = false;
}

/* Where a rolling tape is. */
static uint64_t place_now(const struct tape_drive *d)
{
    sim_time rolled = sim_now(sim_of(d)) - d->rolling;
    sim_time whole = due(d, d->coming_end) - d->rolling;
    if (rolled <= 0 || whole <= 0)
        return d->head;
    if (rolled >= whole)
        return d->coming_end;
    sim_u128 way = (sim_u128)(d->coming_end - d->head) * (sim_u128)rolled / (sim_u128)whole;
    return d->head + (uint64_t)way;
}

bool tape_halt(struct tape_drive *d)
{
    if (d->mode == MODE_WRITE && !list_empty(&d->slots)) {
        d->drain = true;
        tape_kick(d);
        return false;
    }
    if (d->motion == MOTION_LOCATE)
        return false;
    if (d->motion == MOTION_ROLL)
        stop(d, place_now(d));
    sim_cancel(sim_of(d), &d->move);
    d->motion = MOTION_NONE;
    d->mode = MODE_NONE;
    d->used = 0;
    d->filled = d->far = false;
    return true;
}

void tape_begin_write(struct tape_drive *d, uint64_t n)
{
    struct tape_item i = tape_medium_item(d->m, n);
    d->mode = MODE_WRITE;
    d->next = n;
    d->tail = tape_place_close(&d->p.format, i.place);
    d->far = true;
    d->target = d->tail.at;
}

void tape_begin_read(struct tape_drive *d, uint64_t n)
{
    struct tape_item i = tape_medium_item(d->m, n);
    d->mode = MODE_READ;
    d->first = d->next = n;
    d->far = true;
    d->target = i.place.at;
}

struct tape_place tape_next_place(struct tape_drive *d, uint64_t stored, uint64_t *end)
{
    const struct tape_format *f = &d->p.format;
    struct tape_place p = d->tail;
    while (stored > 0 && soft(d, d->p.errors.soft_write, stored)) {
        d->counts.soft_writes++;
        p = tape_place_after(f, tape_medium_fit(d->m, p, stored), stored, 1);
    }
    p = tape_medium_fit(d->m, p, stored);
    *end = tape_place_end(f, p, stored);
    return p;
}

void tape_put(struct tape_drive *d, struct tape_place place, uint64_t stored, struct rope *data)
{
    struct tape_slot *x = base_zalloc(1, sizeof *x);
    x->number = d->next++;
    x->stored = stored;
    x->place = place;
    x->end = tape_place_end(&d->p.format, place, stored);
    if (data != NULL)
        rope_move(&x->data, data);
    else
        rope_init(&x->data);
    list_push(&d->slots, &x->link);
    d->used += stored;
    d->tail = tape_place_after(&d->p.format, place, stored, 1);
    d->accepted++;
}

void tape_motion_drop(struct tape_drive *d)
{
    struct list *l;
    if (d->motion == MOTION_ROLL)
        pass_over(d, place_now(d));
    sim_cancel(sim_of(d), &d->move);
    while ((l = list_pop(&d->slots)) != NULL) {
        struct tape_slot *x = LIST_ENTRY(l, struct tape_slot, link);
        d->counts.lost_blocks++;
        d->dropped++;
        rope_fini(&x->data);
        free(x);
    }
    d->motion = MOTION_NONE;
    d->mode = MODE_NONE;
    d->used = 0;
    d->drain = d->filled = d->far = false;
}

bool tape_spot(const struct blkdev *dev, uint64_t block, struct blk_spot *out)
{
    const struct tape_drive *d = (const struct tape_drive *)dev;
    if (d->m == NULL)
        return false;
    tape_format_spot(&d->p.format, tape_medium_item(d->m, block).place.at, out);
    return true;
}
