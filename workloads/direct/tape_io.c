/* tape_io.c: a host at bare tape drives: streams of blocks at its own rate, and random locates.
 *
 * Modelled: a host that makes or takes a block every so often, and works on one while the drive
 * has another; marks between files; locates from block to block, or from the beginning, each with
 * a read or without.  The tape of a drive that is read is full before the run begins: what it holds
 * is declared (disks/tape/medium.h).  On an array of drives as many blocks as there are requests
 * are written before the measurement begins.  Not modelled: the host's CPU.
 *
 * Every block is a pattern that its number decides, so a read is right when it is that pattern.
 */
#include "workloads/direct/tape_io.h"

#include <inttypes.h>
#include <stdlib.h>

#include "disks/fault.h"
#include "disks/tape/drive.h"
#include "sim/rng.h"

enum mode { MODE_WRITE, MODE_READ, MODE_LOCATE };
static const char *const modes[] = { "write", "read", "locate", NULL };
enum start { FROM_LAST, FROM_BEGINNING };
static const char *const starts[] = { "last", "beginning", NULL };

struct tape_io_params {
    int mode, from;
    int64_t block, rate, requests, file;
    bool read, verify, flush;
    const struct val *faults;
};

#define EXPERIMENT "ASSUMED(the experiment's choice)"

static const struct param tape_io_params[] = {
    P_CHOICE(tape_io_params, mode, "write", modes,
             "write, read: a stream of blocks from the beginning of the tape; locate: to blocks "
             "drawn at random from a full tape (of an array: from `requests` blocks).",
             EXPERIMENT),
    P_SIZE(tape_io_params, block, "32KiB", "1B", "1GiB", "Of each block.", EXPERIMENT),
    P_RATE(tape_io_params, rate, "0", "0", "100GB/s",
           "That the host makes or takes data at; 0: whatever the drive can do.", EXPERIMENT),
    P_INT(tape_io_params, requests, "1000", "1", "1000000000",
          "Blocks of a stream, or locates, of each drive.", EXPERIMENT),
    P_INT(tape_io_params, file, "0", "0", "1000000000",
          "write: blocks of a file, which a mark ends; 0: no marks.", EXPERIMENT),
    P_CHOICE(tape_io_params, from, "last", starts,
             "locate: from where the one before has ended, or each from the beginning of the tape, "
             "to which it goes first.",
             EXPERIMENT),
    P_BOOL(tape_io_params, read, "false", "locate: and reads the block, which counts.", EXPERIMENT),
    P_BOOL(tape_io_params, flush, "true", "write: ends when all is on the tape.", EXPERIMENT),
    P_BOOL(tape_io_params, verify, "true", "Reads are compared with what was written.", EXPERIMENT),
    P_VAL(tape_io_params, faults,
          "List of faults: { path, action, at, ... } as disks/fault.h says.", "none"),
    P_END,
};

struct host;

/* One drive and its side of the host. */
struct lane {
    struct host *host;
    struct blkdev *d;
    uint32_t index;
    struct blk_req r;
    struct sim_event tick;
    struct sim_rng places;
    sim_time every, next, asked;
    uint64_t n;    /* number on the tape of what is next */
    uint64_t done; /* requests that count */
    uint64_t in_file;
    uint64_t blocks;                                /* of a full tape */
    bool back;                                      /* goes to the beginning, uncounted */
    enum { WRITES, FLUSHES, RETURNS, READY } stage; /* of preparing an array */
};

struct host {
    struct sim *sim;
    const struct tape_io_params *p;
    struct lane *lanes;
    size_t lane_count, running, preparing;
    struct sim_faults *faults;
    struct sim_measure *response, *locate;
    uint64_t bytes, failed, wrong;
    sim_time from, to;
};

static uint64_t place_seed(uint32_t lane)
{
    return 0x74617065u + lane;
}

/* What a full tape holds. */
static void full_stretch(const void *arg, uint64_t i, uint64_t *count, uint64_t *length,
                         uint64_t *stored)
{
    const struct lane *l = arg;
    (void)i;
    *count = l->blocks;
    *length = (uint64_t)l->host->p->block;
    *stored = tape_drive_stored(l->d, *length);
}

static void full_bytes(const void *arg, uint64_t from, uint64_t length, struct rope *out)
{
    const struct lane *l = arg;
    rope_add_pattern(out, place_seed(l->index), from, length);
}

static void fill(struct lane *l)
{
    const struct tape_params *p = tape_drive_params(l->d);
    uint64_t stored = tape_drive_stored(l->d, (uint64_t)l->host->p->block);
    uint64_t room = tape_capacity(&p->format) - (uint64_t)p->early_warning, lo = 0, hi = room;
    while (lo < hi) { /* the most blocks that end before the early warning */
        uint64_t mid = lo + (hi - lo + 1) / 2;
        struct tape_place end =
            tape_place_after(&p->format, (struct tape_place){ .at = 0 }, stored, mid);
        if (end.at + end.into <= room)
            lo = mid;
        else
            hi = mid - 1;
    }
    l->blocks = lo;
    const struct tape_source full = {
        .stretches = 1, .stretch = full_stretch, .bytes = full_bytes, .arg = l
    };
    tape_medium_declare(tape_loaded(l->d), &full);
}

static bool right(const struct lane *l)
{
    struct rope want;
    rope_init(&want);
    uint64_t length = (uint64_t)l->host->p->block;
    rope_add_pattern(&want, place_seed(l->index), l->r.sector * length, length);
    bool good = rope_equal(&want, &l->r.data);
    rope_fini(&want);
    return good;
}

static void answered(struct blk_req *r);

static void ask(struct lane *l, enum blk_op op, uint64_t n)
{
    blk_req_init(&l->r, op, n, op <= BLK_WRITE ? 1 : 0, answered, l);
    if (op == BLK_WRITE) {
        uint64_t length = (uint64_t)l->host->p->block;
        rope_add_pattern(&l->r.data, place_seed(l->index), n * length, length);
    }
    blk_submit(l->d, &l->r);
}

static void lane_ends(struct lane *l)
{
    struct host *h = l->host;
    h->to = sim_now(h->sim);
    if (--h->running == 0)
        sim_window_close(h->sim);
}

/* What is on all tapes is there: the measurement begins. */
static void begin(struct host *h)
{
    h->from = sim_now(h->sim);
    sim_window_open(h->sim);
    for (size_t i = 0; i < h->lane_count; i++) {
        h->lanes[i].n = 0;
        h->lanes[i].next = h->from;
        sim_at(h->sim, &h->lanes[i].tick, h->from);
    }
}

/* The next step of preparing an array: its blocks, a flush, and back to the beginning. */
static void prepare_next(struct lane *l)
{
    if (l->stage == WRITES && l->n == l->blocks)
        l->stage = FLUSHES;
    switch (l->stage) {
    case WRITES:
        ask(l, BLK_WRITE, l->n++);
        break;
    case FLUSHES:
        l->stage = RETURNS;
        ask(l, BLK_FLUSH, 0);
        break;
    case RETURNS:
        l->stage = READY;
        ask(l, BLK_LOCATE, 0);
        break;
    case READY:
        if (--l->host->preparing == 0)
            begin(l->host);
        break;
    }
}

/* The next that the host does on a drive. */
static void go(struct lane *l)
{
    const struct tape_io_params *p = l->host->p;
    l->asked = sim_now(l->host->sim);
    if (p->mode == MODE_LOCATE && p->from == FROM_BEGINNING && !l->back) {
        l->back = true;
        ask(l, BLK_LOCATE, 0);
    } else if (p->mode == MODE_LOCATE) {
        l->back = false;
        ask(l, BLK_LOCATE, sim_rng_below(&l->places, l->blocks));
    } else if (p->mode == MODE_READ) {
        ask(l, BLK_READ, l->n++);
    } else if (p->file > 0 && l->in_file == (uint64_t)p->file) {
        l->in_file = 0;
        ask(l, BLK_MARK, l->n++);
    } else {
        l->in_file++;
        ask(l, BLK_WRITE, l->n++);
    }
}

static void tick(struct sim *s, struct sim_event *e)
{
    struct lane *l = CONTAINER_OF(e, struct lane, tick);
    (void)s;
    if (l->host->preparing > 0)
        prepare_next(l);
    else
        go(l);
}

static void count(struct lane *l, const struct blk_req *r)
{
    struct host *h = l->host;
    double took = sim_time_seconds(r->completed - l->asked);
    if (r->op <= BLK_WRITE)
        h->bytes += r->moved;
    sim_measure_add(h->response, took);
    sim_measure_add(h->locate, sim_time_seconds(r->part[BLK_SEEK]));
    l->done++;
}

static void answered(struct blk_req *r)
{
    struct lane *l = r->owner;
    struct host *h = l->host;
    const struct tape_io_params *p = h->p;
    bool good = r->status == BLK_OK, lost = r->status == BLK_ERR_MEDIUM;
    if (h->preparing > 0) {
        h->failed += !good;
        blk_req_fini(r);
        prepare_next(l);
        return;
    }
    h->failed += !good && r->status != BLK_END;
    if (good && r->op == BLK_READ && p->verify && !right(l))
        h->wrong++;
    enum blk_op op = r->op;
    if (good && op == BLK_LOCATE && !l->back && p->read) {
        uint64_t n = r->sector;
        blk_req_fini(r);
        ask(l, BLK_READ, n);
        return;
    }
    if ((good || lost) && op != BLK_MARK && op != BLK_FLUSH && !l->back)
        count(l, r);
    blk_req_fini(r);
    bool over = !good && !lost; /* the end of the tape, or of the drive */
    if (!over && l->done < (uint64_t)p->requests) {
        l->next = sim_time_max(sim_now(h->sim), sim_time_add(l->next, l->every));
        if (op == BLK_MARK)
            go(l);
        else
            sim_at(h->sim, &l->tick, l->next);
    } else if (!over && p->mode == MODE_WRITE && p->flush && op != BLK_FLUSH) {
        ask(l, BLK_FLUSH, 0);
    } else {
        lane_ends(l);
    }
}

static void destroy(void *self)
{
    struct host *h = self;
    sim_faults_free(h->faults);
    for (size_t i = 0; i < h->lane_count; i++)
        sim_cancel(h->sim, &h->lanes[i].tick);
    free(h->lanes);
    free(h);
}

static bool prepare(struct host *h, struct lane *l, struct err *e)
{
    struct blk_describe about;
    l->d->ops->describe(l->d, &about);
    if (!about.sequential)
        return err_set(e, "devices: tape_io is for tape drives, and %s is a %s", about.name,
                       l->d->ops->name);
    if ((uint64_t)h->p->block > about.largest)
        return err_set(e, "workload.block: %s takes blocks of at most %" PRIu32 " bytes",
                       about.name, about.largest);
    if (h->p->mode == MODE_WRITE)
        return true;
    if (!tape_is_drive(l->d)) {
        l->blocks = (uint64_t)h->p->requests;
        l->stage = WRITES;
        h->preparing++;
        return true;
    }
    if (tape_loaded(l->d) == NULL)
        return err_set(e, "workload.mode: %s holds nothing that could be read", about.name);
    fill(l);
    if (l->blocks == 0)
        return err_set(e, "workload.block: %s has room for none", about.name);
    if (h->p->mode == MODE_READ && (uint64_t)h->p->requests > l->blocks)
        return err_set(e, "workload.requests: a full tape of %s has %" PRIu64 " blocks", about.name,
                       l->blocks);
    return true;
}

static void *create(struct sim *s, const struct direct_world *w, const void *params, struct err *e)
{
    struct host *h = base_zalloc(1, sizeof *h);
    h->sim = s;
    h->p = params;
    h->lane_count = h->running = w->dev_count;
    h->lanes = base_zalloc(w->dev_count + 1, sizeof *h->lanes);
    h->response = sim_measure_declare(s, "response", "s", "Time from a request to its answer.",
                                      SIM_MEASURE_HISTOGRAM | SIM_MEASURE_DEFAULT_COLUMN);
    h->locate = sim_measure_declare(s, "locate", "s", "Of that, going to a place.", 0);
    bool ok = true;
    for (size_t i = 0; i < w->dev_count; i++) {
        struct lane *l = &h->lanes[i];
        *l = (struct lane){ .host = h, .d = w->devs[i], .index = (uint32_t)i, .stage = READY };
        sim_event_init(&l->tick, SIM_CLASS_DEVICE, tick);
        sim_rng_init_indexed(&l->places, s, "tape_io/places", i);
        l->every = h->p->rate > 0 && h->p->mode != MODE_LOCATE
                       ? sim_time_of_bytes(h->p->block, h->p->rate)
                       : 0;
        ok = ok && prepare(h, l, e);
    }
    if (ok && h->p->faults != NULL) {
        h->faults = sim_faults_create(s, false);
        for (size_t i = 0; i < w->dev_count; i++)
            blk_fault_targets(h->faults, w->devs[i]);
        ok = sim_faults_load(h->faults, h->p->faults, "workload.faults", e);
    }
    if (!ok) {
        destroy(h);
        return NULL;
    }
    if (h->preparing == 0)
        begin(h);
    for (size_t i = 0; h->preparing > 0 && i < h->lane_count; i++)
        if (h->lanes[i].stage != READY)
            sim_at(s, &h->lanes[i].tick, 0);
    return h;
}

static void finish(void *self, enum sim_end end)
{
    struct host *h = self;
    unsigned shown = SIM_MEASURE_DEFAULT_COLUMN;
    double span = sim_time_seconds(h->to - h->from);
    (void)end;
    if (span > 0)
        sim_scalar(h->sim, "bandwidth", "B/s", (double)h->bytes / span,
                   h->p->mode == MODE_LOCATE ? 0 : shown);
    sim_scalar(h->sim, "failed", "1", (double)h->failed, h->failed > 0 ? shown : 0);
    sim_scalar(h->sim, "wrong_reads", "1", (double)h->wrong, h->wrong > 0 ? shown : 0);
    if (h->wrong > 0)
        sim_remark(h->sim, "%" PRIu64 " reads did not return what was written", h->wrong);
}

const struct direct_ops direct_tape_io = {
    .kind = { .name = "tape_io",
              .doc = "streams of blocks and random locates on bare tape drives",
              .params = tape_io_params,
              .params_size = sizeof(struct tape_io_params) },
    .needs_devices = true,
    .create = create,
    .finish = finish,
    .destroy = destroy,
};
