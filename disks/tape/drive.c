/* drive.c: what a tape drive does for its host, job by job.
 *
 *   state of a job   what holds                               left by
 *   waiting          in `jobs`                                go_on: its turn
 *   command          it is processed                          processed
 *   ready            waits for the tape, for room, or for     go_on, which looks again
 *                    what is in the buffer
 *   on the bus       its data move                            bus_ended
 *   done             told, the next one's turn                finish
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/disk.h"
#include "disks/tape/drive_internal.h"
#include "sim/audit.h"

static const struct blkdev_ops tape_ops;
static void go_on(struct tape_drive *d);

struct tape_drive *tape_drive_of(const struct blkdev *d)
{
    struct blkdev *dev = (struct blkdev *)(uintptr_t)d;
    ASSERT(d->ops == &tape_ops);
    return CONTAINER_OF(dev, struct tape_drive, dev);
}

bool tape_is_drive(const struct blkdev *d)
{
    return d->ops == &tape_ops;
}

/* ---- jobs ---- */

static struct tape_job *add_job(struct tape_drive *d, struct tape_job job)
{
    struct tape_job *j = base_alloc(sizeof *j);
    *j = job;
    j->since = sim_now(d->dev.sim);
    list_init(&j->link);
    list_push(&d->jobs, &j->link);
    d->submitted++;
    d->inside++;
    return j;
}

/* Tells whose job it was; the job ends. */
static void tell(struct tape_drive *d, struct tape_job *j, enum blk_status status)
{
    struct tape_job job = *j;
    free(j);
    d->completed++;
    d->inside--;
    if (job.kind != JOB_REQUEST) {
        job.done(job.arg, &d->dev, status, job.m);
        return;
    }
    struct blk_req *r = job.r;
    if (status != BLK_OK && r->op == BLK_READ)
        rope_fini(&r->data);
    if (status == BLK_ERR_MEDIUM)
        d->counts.hard_errors++;
    sim_time known = 0;
    for (size_t i = 0; i < BLK_PARTS; i++)
        known += r->part[i];
    r->started = sim_time_min(r->started, sim_now(d->dev.sim));
    r->part[BLK_TRANSFER] += sim_time_max(0, sim_now(d->dev.sim) - r->started - known);
    if (status == BLK_OK || status == BLK_ERR_MEDIUM || r->end == BLK_END_MARK)
        d->at = r->op == BLK_READ || r->op == BLK_WRITE || r->op == BLK_MARK ? r->sector + 1
                : r->op == BLK_LOCATE || r->op == BLK_ERASE                  ? r->sector
                                                                             : d->at;
    blk_complete(&d->dev, r, status, !d->dev.inner);
}

static void finish(struct tape_drive *d, enum blk_status status)
{
    struct tape_job *j = d->current;
    d->current = NULL;
    tell(d, j, status);
    tape_kick(d);
    go_on(d);
}

static void finish_at(struct tape_drive *d, enum blk_end end)
{
    d->current->r->end = end;
    finish(d, BLK_END);
}

static void next_job(struct tape_drive *d)
{
    struct list *l = list_pop(&d->jobs);
    if (l == NULL)
        return;
    d->current = LIST_ENTRY(l, struct tape_job, link);
    d->ready = d->put = d->went = d->on_bus = false;
    if (d->current->kind == JOB_REQUEST)
        d->current->r->started = sim_now(d->dev.sim);
    sim_after(d->dev.sim, &d->command,
              d->current->kind != JOB_REQUEST ? 0
              : d->motion == MOTION_ROLL      ? d->p.command_streaming
                                              : d->p.command);
}

static void processed(struct sim *s, struct sim_event *e)
{
    struct tape_drive *d = CONTAINER_OF(e, struct tape_drive, command);
    (void)s;
    d->ready = true;
    go_on(d);
}

/* ---- the bus ---- */

static void want_bus(struct tape_drive *d)
{
    d->on_bus = true;
    if (d->phase_out) { /* of a job that is no more */
        d->phase_wanted = true;
        return;
    }
    d->phase_out = true;
    scsi_ask(d->bus, &d->phase);
}

static sim_time bus_granted(struct scsi_phase *p, sim_time at)
{
    struct tape_drive *d = CONTAINER_OF(p, struct tape_drive, phase);
    if (d->current == NULL || !d->on_bus || d->phase_wanted)
        return at;
    struct blk_req *r = d->current->r;
    sim_time takes = sim_time_of_bytes((int64_t)r->data.length, scsi_rate(d->bus, d->p.interface));
    r->part[BLK_BUS] = sim_time_add(r->part[BLK_BUS], takes);
    return sim_time_add(at, takes);
}

static void took_data(struct tape_drive *d);

static void bus_ended(struct scsi_phase *p)
{
    struct tape_drive *d = CONTAINER_OF(p, struct tape_drive, phase);
    bool mine = d->current != NULL && d->on_bus && !d->phase_wanted;
    d->phase_out = false;
    if (mine) {
        took_data(d);
    } else if (d->phase_wanted) {
        d->phase_wanted = false;
        want_bus(d);
    }
}

/* ---- requests ---- */

static void read_step(struct tape_drive *d, struct blk_req *r)
{
    uint64_t n = r->sector;
    if (d->mode != MODE_READ || n < d->first || n > d->next) {
        if (!tape_halt(d))
            return;
        tape_begin_read(d, n);
    }
    tape_consume(d, n < d->next ? n : d->next);
    tape_kick(d);
    struct tape_item i = tape_medium_item(d->m, n);
    if (n == d->next) {
        /* The end of the data is where the tape stands, or it comes. */
        if (i.kind == TAPE_END && !d->far && d->motion != MOTION_LOCATE)
            finish_at(d, BLK_END_DATA);
        return;
    }
    if (i.kind == TAPE_MARK) {
        tape_consume(d, n + 1);
        finish_at(d, BLK_END_MARK);
    } else if (d->transient > 0 || !tape_medium_read(d->m, n, &r->data)) {
        d->transient -= d->transient > 0;
        tape_consume(d, n + 1);
        finish(d, BLK_ERR_MEDIUM);
    } else {
        want_bus(d);
    }
}

/* From n on it is to be written; false: not yet, or the request has ended. */
static bool write_at(struct tape_drive *d, uint64_t n)
{
    if (tape_medium_protected(d->m)) {
        finish(d, BLK_NO_MEDIUM);
        return false;
    }
    if (d->mode == MODE_WRITE && d->next == n)
        return true;
    if (!tape_halt(d))
        return false;
    if (n > tape_medium_items(d->m)) {
        finish_at(d, BLK_END_DATA);
        return false;
    }
    tape_begin_write(d, n);
    return true;
}

static void write_step(struct tape_drive *d, struct blk_req *r)
{
    uint64_t end, stored = tape_bytes_stored(d, r->data.length);
    if (!write_at(d, r->sector))
        return;
    if (!tape_room(d, stored)) {
        tape_kick(d);
        return;
    }
    d->place = tape_next_place(d, stored, &end);
    if (end > tape_capacity(&d->p.format) - (uint64_t)d->p.early_warning)
        finish_at(d, BLK_END_MEDIUM);
    else
        want_bus(d);
}

static void mark_step(struct tape_drive *d, struct blk_req *r)
{
    uint64_t end;
    if (!d->put) {
        if (!write_at(d, r->sector))
            return;
        struct tape_place place = tape_next_place(d, 0, &end);
        if (end > tape_capacity(&d->p.format)) {
            finish_at(d, BLK_END_MEDIUM);
            return;
        }
        tape_put(d, place, 0, NULL);
        d->put = true;
    }
    if (d->p.mark_flushes && !list_empty(&d->slots)) {
        d->drain = true;
        tape_kick(d);
        return;
    }
    finish(d, BLK_OK);
}

static void flush_step(struct tape_drive *d)
{
    if (d->mode != MODE_WRITE || list_empty(&d->slots)) {
        finish(d, BLK_OK);
        return;
    }
    d->drain = true;
    tape_kick(d);
}

static void went(struct tape_drive *d)
{
    d->went = true;
    d->steady = sim_now(d->dev.sim);
    go_on(d);
}

/* Stands at item n, or at the end of the data; false: not yet. */
static bool stand_at(struct tape_drive *d, uint64_t n)
{
    if (d->went)
        return true;
    if (!tape_halt(d))
        return false;
    uint64_t to = tape_medium_item(d->m, n).place.at;
    if (d->head == to)
        return true;
    tape_go(d, to, tape_format_locate(&d->p.format, tape_medium_seed(d->m), d->head, to),
            TAPE_LOCATING, went);
    return false;
}

static void locate_step(struct tape_drive *d, struct blk_req *r)
{
    uint64_t n = r->sector, items;
    if (d->mode == MODE_READ && !d->far && n >= d->first && n < d->next) {
        tape_consume(d, n);
        r->moved = n;
        finish(d, BLK_OK);
        return;
    }
    if (!stand_at(d, n))
        return;
    items = tape_medium_items(d->m);
    r->moved = n < items ? n : items;
    if (n > items)
        finish_at(d, BLK_END_DATA);
    else
        finish(d, BLK_OK);
}

static void erased(struct tape_drive *d)
{
    d->steady = sim_now(d->dev.sim);
    finish(d, BLK_OK);
}

static void erase_step(struct tape_drive *d, struct blk_req *r)
{
    if (tape_medium_protected(d->m)) {
        finish(d, BLK_NO_MEDIUM);
        return;
    }
    if (d->put || !stand_at(d, r->sector))
        return;
    if (r->sector > tape_medium_items(d->m)) {
        finish_at(d, BLK_END_DATA);
        return;
    }
    d->counts.truncations += r->sector < tape_medium_items(d->m);
    tape_medium_truncate(d->m, r->sector);
    d->put = true;
    uint64_t end = tape_capacity(&d->p.format);
    tape_go(d, end, tape_format_stream(&d->p.format, d->head, end), TAPE_WRITING, erased);
}

static void took_data(struct tape_drive *d)
{
    struct blk_req *r = d->current->r;
    scsi_carried(d->bus, r->started, r->data.length);
    d->on_bus = false;
    r->moved = r->data.length;
    if (r->op == BLK_READ) {
        d->counts.bytes_read += r->data.length;
        tape_consume(d, r->sector + 1);
    } else {
        struct rope data;
        rope_copy(&data, &r->data);
        d->counts.bytes_written += data.length;
        tape_put(d, d->place, tape_bytes_stored(d, data.length), &data);
    }
    finish(d, BLK_OK);
}

/* ---- media ---- */

static void loaded(struct tape_drive *d)
{
    d->m = d->current->m;
    d->at = 0;
    tape_medium_wear(d->m)->loads++;
    d->counts.loads++;
    d->steady = sim_now(d->dev.sim);
    tape_set_state(d, TAPE_IDLE);
    finish(d, BLK_OK);
}

static void load_step(struct tape_drive *d, struct tape_medium *m)
{
    if (d->motion != MOTION_NONE)
        return;
    if (d->m != NULL || strcmp(tape_medium_format(m)->name, d->p.format.name) != 0) {
        finish(d, BLK_NO_MEDIUM);
        return;
    }
    bool blank = tape_medium_items(m) == 0 && d->p.load_blank > 0;
    d->head = tape_medium_parked(m);
    tape_go(d, d->head, blank ? d->p.load_blank : d->p.load, TAPE_LOADING, loaded);
}

static void unloaded(struct tape_drive *d)
{
    d->current->m = d->m;
    tape_medium_park(d->m, d->head);
    tape_medium_rest(d->m);
    d->m = NULL;
    tape_set_state(d, TAPE_EMPTY);
    finish(d, BLK_OK);
}

static void unload_step(struct tape_drive *d)
{
    uint64_t to;
    if (d->m == NULL) {
        finish(d, BLK_NO_MEDIUM);
        return;
    }
    if (d->motion == MOTION_LOCATE || !tape_halt(d))
        return;
    sim_time back = tape_format_rewind(&d->p.format, d->head, &to);
    tape_go(d, to, sim_time_add(back, d->p.unload), TAPE_UNLOADING, unloaded);
}

static void request_step(struct tape_drive *d, struct blk_req *r)
{
    if (d->m == NULL) {
        finish(d, BLK_NO_MEDIUM);
        return;
    }
    switch (r->op) {
    case BLK_READ:
        read_step(d, r);
        break;
    case BLK_WRITE:
        write_step(d, r);
        break;
    case BLK_MARK:
        mark_step(d, r);
        break;
    case BLK_FLUSH:
        flush_step(d);
        break;
    case BLK_LOCATE:
        locate_step(d, r);
        break;
    case BLK_ERASE:
        erase_step(d, r);
        break;
    }
}

static void go_on(struct tape_drive *d)
{
    if (d->current == NULL) {
        next_job(d);
        return;
    }
    if (!d->ready || d->on_bus)
        return;
    if (d->current->kind == JOB_REQUEST)
        request_step(d, d->current->r);
    else if (d->current->kind == JOB_LOAD)
        load_step(d, d->current->m);
    else
        unload_step(d);
}

/* ---- what goes wrong ---- */

static void tell_aborted(struct sim *s, struct sim_event *e)
{
    struct tape_drive *d = CONTAINER_OF(e, struct tape_drive, tell);
    struct list *l;
    (void)s;
    while ((l = list_pop(&d->aborted)) != NULL) {
        struct tape_job *j = LIST_ENTRY(l, struct tape_job, link);
        tell(d, j, d->dead ? BLK_ERR_DEVICE : BLK_ERR_ABORTED);
    }
}

/* All that is under way, or waits, is over. */
static void abort_all(struct tape_drive *d)
{
    struct list *l;
    tape_motion_drop(d);
    sim_cancel(d->dev.sim, &d->command);
    if (d->current != NULL)
        list_push(&d->aborted, &d->current->link);
    d->current = NULL;
    d->on_bus = d->phase_wanted = false;
    while ((l = list_pop(&d->jobs)) != NULL)
        list_push(&d->aborted, l);
    if (!sim_event_pending(&d->tell))
        sim_at(d->dev.sim, &d->tell, sim_now(d->dev.sim));
}

static void die(struct blkdev *dev)
{
    struct tape_drive *d = tape_drive_of(dev);
    if (d->dead)
        return;
    d->dead = true;
    abort_all(d);
    tape_set_state(d, TAPE_DEAD);
}

/* The power is back at once; the tape is rewound before anything else. */
static void powered(struct tape_drive *d)
{
    d->steady = sim_now(d->dev.sim);
    go_on(d);
}

static void lose_power(struct tape_drive *d)
{
    uint64_t to;
    d->counts.power_losses++;
    abort_all(d);
    tape_set_state(d, d->m == NULL ? TAPE_EMPTY : TAPE_IDLE);
    if (d->m == NULL)
        return;
    sim_time back = tape_format_rewind(&d->p.format, d->head, &to);
    tape_go(d, to, back, TAPE_LOCATING, powered);
}

static bool flip(struct blkdev *dev, uint64_t sector, uint32_t byte, uint8_t bits)
{
    struct tape_drive *d = tape_drive_of(dev);
    if (d->m == NULL)
        return false;
    struct tape_item i = tape_medium_item(d->m, sector);
    if (i.kind != TAPE_BLOCK || byte >= i.length)
        return false;
    tape_medium_flip(d->m, sector, byte, bits);
    return true;
}

/* Blocks of what is loaded can be read no more. */
static bool damage(struct tape_drive *d, uint64_t first, uint64_t count)
{
    if (d->m == NULL || first >= tape_medium_items(d->m))
        return false;
    struct tape_item a = tape_medium_item(d->m, first);
    struct tape_item b = tape_medium_item(d->m, first + count - 1);
    uint64_t from = a.place.at + a.place.into;
    tape_medium_damage(d->m, from, b.end > from ? b.end - from : 1);
    return true;
}

static bool fault(struct blkdev *dev, uint32_t member, const struct disk_fault *f)
{
    struct tape_drive *d = tape_drive_of(dev);
    if (member != 0)
        return false;
    switch (f->kind) {
    case DISK_FAULT_SECTOR:
        return damage(d, f->sector, f->sectors);
    case DISK_FAULT_TRANSIENT:
        d->transient += f->count;
        return true;
    case DISK_FAULT_SLOW:
        d->slow_percent = f->factor_percent;
        return true;
    case DISK_FAULT_SOFT:
        d->soft_ppm = f->ppm;
        return true;
    case DISK_FAULT_DEATH:
        die(dev);
        return true;
    case DISK_FAULT_FLIP:
        return flip(dev, f->sector, f->byte, f->bits);
    case DISK_FAULT_POWER:
        if (!d->dead)
            lose_power(d);
        return true;
    default:
        return false;
    }
}

/* ---- the device ---- */

static void submit(struct blkdev *dev, struct blk_req *r)
{
    struct tape_drive *d = tape_drive_of(dev);
    add_job(d, (struct tape_job){ .kind = JOB_REQUEST, .r = r });
    r->moved = 0;
    r->end = BLK_END_NONE;
    if (d->dead)
        abort_all(d);
    else if (d->current == NULL && d->motion != MOTION_LOCATE)
        go_on(d);
}

static void start_media_job(struct tape_drive *d, struct tape_job job)
{
    add_job(d, job);
    if (d->dead)
        abort_all(d);
    else if (d->current == NULL && d->motion != MOTION_LOCATE)
        go_on(d);
}

void tape_load(struct blkdev *dev, struct tape_medium *m, tape_done_fn *done, void *arg)
{
    start_media_job(tape_drive_of(dev),
                    (struct tape_job){ .kind = JOB_LOAD, .m = m, .done = done, .arg = arg });
}

void tape_unload(struct blkdev *dev, tape_done_fn *done, void *arg)
{
    start_media_job(tape_drive_of(dev),
                    (struct tape_job){ .kind = JOB_UNLOAD, .done = done, .arg = arg });
}

struct tape_medium *tape_loaded(const struct blkdev *dev)
{
    return tape_drive_of(dev)->m;
}

struct tape_medium *tape_take_out(struct blkdev *dev)
{
    struct tape_drive *d = tape_drive_of(dev);
    ASSERT_MSG(d->dead, "a medium is taken out of a drive that works");
    struct tape_medium *m = d->m;
    d->m = NULL;
    if (m != NULL)
        tape_medium_park(m, d->head);
    return m;
}

sim_time tape_medium_locate_time(const struct tape_format *f, struct tape_medium *m, uint64_t from,
                                 uint64_t to)
{
    return tape_format_locate(f, tape_medium_seed(m), tape_medium_item(m, from).place.at,
                              tape_medium_item(m, to).place.at);
}

sim_time tape_locate_time(const struct blkdev *dev, uint64_t from, uint64_t to)
{
    const struct tape_drive *d = tape_drive_of(dev);
    return d->m == NULL ? SIM_NEVER : tape_medium_locate_time(&d->p.format, d->m, from, to);
}

uint64_t tape_head(const struct blkdev *dev)
{
    return tape_drive_of(dev)->head;
}

struct tape_counts tape_counts(const struct blkdev *dev)
{
    struct tape_drive *d = tape_drive_of(dev);
    tape_settle(d);
    return d->counts;
}

enum tape_state tape_drive_state(const struct blkdev *dev)
{
    struct tape_drive *d = tape_drive_of(dev);
    tape_settle(d);
    return d->state;
}

uint64_t tape_drive_stored(const struct blkdev *dev, uint64_t length)
{
    return tape_bytes_stored(tape_drive_of(dev), length);
}

const struct tape_params *tape_drive_params(const struct blkdev *dev)
{
    return &tape_drive_of(dev)->p;
}

static const char *const state_names[] = { "empty",    "loading",   "idle",
                                           "locating", "reading",   "writing",
                                           "hitching", "unloading", "dead" };

const char *tape_state_name(enum tape_state s)
{
    return state_names[s];
}

static void describe(const struct blkdev *dev, struct blk_describe *out)
{
    const struct tape_drive *d = tape_drive_of(dev);
    *out = (struct blk_describe){ .sectors = tape_capacity(&d->p.format),
                                  .sector_bytes = 1,
                                  .best_sectors = 1,
                                  .volatile_writes = true,
                                  .sequential = true,
                                  .largest = (uint32_t)d->p.largest,
                                  .ways = 1 };
    snprintf(out->name, sizeof out->name, "%s", d->name);
    if (d->m != NULL)
        snprintf(out->medium, sizeof out->medium, "%s", tape_medium_label(d->m));
    out->at = d->at;
}

static void attach(struct blkdev *dev, struct scsi_bus *bus, uint32_t id)
{
    struct tape_drive *d = tape_drive_of(dev);
    if (d->bus != NULL)
        scsi_detach(d->bus);
    d->bus = bus;
    d->bus_id = id;
    scsi_attach(bus, id);
    scsi_phase_init(&d->phase, id, bus_granted, bus_ended);
}

static void health(const struct blkdev *dev, struct blk_health *sum)
{
    const struct tape_counts *c = &tape_drive_of(dev)->counts;
    sum->errors += c->hard_errors;
    sum->lost_sectors += c->lost_blocks;
}

static void destroy(struct blkdev *dev)
{
    struct tape_drive *d = tape_drive_of(dev);
    struct list *l;
    tape_motion_drop(d);
    sim_cancel(dev->sim, &d->command);
    sim_cancel(dev->sim, &d->tell);
    if (d->current != NULL)
        list_push(&d->jobs, &d->current->link);
    while ((l = list_pop(&d->jobs)) != NULL || (l = list_pop(&d->aborted)) != NULL)
        free(LIST_ENTRY(l, struct tape_job, link));
    scsi_detach(d->bus);
    sim_audit_unregister(dev->sim, d);
    sim_count_end(&dev->counted);
    sim_busy_fini(&d->busy);
    tape_medium_destroy(d->own);
    free(d->name);
    free(d->model);
    free(d->format_name);
    free(d);
}

static void audit(void *self, struct sim_audit_report *report)
{
    struct tape_drive *d = self;
    sim_time sum = 0;
    uint64_t buffered = 0;
    LIST_EACH (it, &d->slots)
        buffered++;
    tape_settle(d);
    for (size_t i = 0; i < TAPE_STATES; i++)
        sum += d->spent[i];
    sim_audit_balance(report, "tape requests", d->submitted, d->completed, d->inside, 0);
    sim_audit_balance_resident(report, "tape items", d->accepted, d->written, buffered, d->dropped);
    sim_audit_check(report, sum == sim_now(d->dev.sim) - d->made,
                    "%s: its states are not all of its time (TAPE6)", d->name);
}

const struct counter tape_counters[] = {
    C_SUM(tape_drive, counts, blocks_read, "1", "Blocks that came off the tape."),
    C_SUM(tape_drive, counts, blocks_written, "1", "Blocks that are on the tape."),
    C_SUM(tape_drive, counts, bytes_read, "B", "Bytes that hosts read."),
    C_SUM(tape_drive, counts, bytes_written, "B", "Bytes that hosts wrote."),
    C_SUM(tape_drive, counts, marks_written, "1", "Marks that are on the tape."),
    C_SUM(tape_drive, counts, loads, "1", "Media that were loaded."),
    C_SUM(tape_drive, counts, locates, "1", "Times that the tape went to a place."),
    C_SUM(tape_drive, counts, hitches, "1", "Times that a rolling tape stopped."),
    C_SUM(tape_drive, counts, soft_reads, "1", "Times that a block was read once more."),
    C_SUM(tape_drive, counts, soft_writes, "1", "Times that a block was written once more."),
    C_SUM(tape_drive, counts, hard_errors, "1", "Blocks asked for that could not be read."),
    C_SUM(tape_drive, counts, truncations, "1", "Times that a write made what was behind it go."),
    C_SUM(tape_drive, counts, lost_blocks, "1", "Items in the buffer, and lost with the power."),
    C_SUM(tape_drive, counts, power_losses, "1", "Times that the power failed."),
    C_SUM(tape_drive, counts, loading_us, "us",
          "Loading and threading; of these times each"
          " counts when it is over."),
    C_SUM(tape_drive, counts, locating_us, "us", "Going to places."),
    C_SUM(tape_drive, counts, reading_us, "us", "Rolling and reading."),
    C_SUM(tape_drive, counts, writing_us, "us", "Rolling and writing, or erasing."),
    C_SUM(tape_drive, counts, hitching_us, "us", "Repositioning after stops."),
    C_SUM(tape_drive, counts, unloading_us, "us", "Rewinding and giving out."),
    C_END,
};

struct blkdev *tape_drive_create(struct sim *s, const struct tape_params *p, int32_t node,
                                 const char *name, const char *path, struct err *e)
{
    if (p->early_warning >= (int64_t)tape_capacity(&p->format)) {
        err_set(e, "%s.early_warning: the whole tape is shorter", path);
        return NULL;
    }
    struct tape_drive *d = base_zalloc(1, sizeof *d);
    d->dev = (struct blkdev){ .ops = &tape_ops, .sim = s, .node = node };
    d->p = *p;
    d->name = base_strdup(name);
    d->p.model = d->model = base_strdup(p->model);
    d->p.format.name = d->format_name = base_strdup(p->format.name);
    d->p.cartridge = NULL;
    d->made = d->state_since = d->steady = sim_now(s);
    d->slow_percent = 100;
    d->go_on = go_on;
    list_init(&d->jobs);
    list_init(&d->slots);
    list_init(&d->aborted);
    sim_event_init(&d->command, SIM_CLASS_DEVICE, processed);
    sim_event_init(&d->move, SIM_CLASS_DEVICE, tape_moved);
    sim_event_init(&d->tell, SIM_CLASS_DEVICE, tell_aborted);
    char *stream = base_printf("tape/%d/%s", (int)node, name);
    sim_rng_init(&d->rng, s, stream);
    free(stream);
    char *bus = base_printf("%s bus", name);
    attach(&d->dev, scsi_create(s, &p->bus, node, bus), p->bus.host_id == 0 ? 1 : 0);
    free(bus);
    sim_busy_init(&d->busy, s, SIM_KIND_ARM, node, name);
    sim_audit_register(s, d->name, audit, d);
    sim_count(&d->dev.counted, s, "tape", node, tape_counters, d);
    d->state = TAPE_EMPTY;
    if (p->cartridge[0] != '\0') {
        d->own = d->m = tape_medium_create(&d->p.format, p->cartridge);
        tape_medium_wear(d->m)->loads++;
        d->head = tape_format_load_point(&d->p.format);
        d->state = TAPE_IDLE;
    }
    return &d->dev;
}

static const struct blkdev_ops tape_ops = { .name = "tape drive",
                                            .doc = "a tape drive: tape, buffer, bus",
                                            .sequential = true,
                                            .submit = submit,
                                            .describe = describe,
                                            .destroy = destroy,
                                            .kill = die,
                                            .corrupt = flip,
                                            .attach = attach,
                                            .fault = fault,
                                            .health = health,
                                            .locate_time = tape_locate_time,
                                            .spot = tape_spot };
