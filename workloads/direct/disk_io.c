/* disk_io.c: requests of the drivers of bare devices.
 *
 * What is written at a place is a pattern that the place alone decides, so a read is right when
 * each of its sectors is that pattern, or zeros where nothing has been written.  The record has one
 * line a request: times in ms with nine decimals, which is to the picosecond.
 */
#include "workloads/direct/disk_io.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/window.h"

static struct sim_measure *declare(struct disk_io *io, const char *name, const char *doc,
                                   unsigned flags)
{
    return sim_measure_declare(io->sim, name, "s", doc, flags);
}

void disk_io_init(struct disk_io *io, struct sim *s, const struct direct_world *w, uint64_t skip,
                  bool verify, void *driver, void (*done)(struct disk_io *, struct disk_io_req *))
{
    *io = (struct disk_io){ .sim = s,
                            .world = w,
                            .done = done,
                            .driver = driver,
                            .skip = skip,
                            .verify = verify,
                            .from = SIM_NEVER };
    io->about = base_zalloc(w->dev_count + 1, sizeof *io->about);
    for (size_t i = 0; i < w->dev_count; i++)
        w->devs[i]->ops->describe(w->devs[i], &io->about[i]);
    io->response = declare(io, "response", "Time from submission to completion of a request.",
                           SIM_MEASURE_HISTOGRAM | SIM_MEASURE_DEFAULT_COLUMN);
    sim_population_init(&io->population, s, "requests");
    sim_population_tells(&io->population, SIM_INSIDE, io->response);
    io->read = declare(io, "response_read", "Response time of reads.", 0);
    io->write = declare(io, "response_write", "Response time of writes.", 0);
    io->wait = declare(io, "wait", "Time before a mechanism first worked on a request.", 0);
    io->seek = declare(io, "seek", "Time the arm moved for a request.", 0);
    io->rotation = declare(io, "rotation", "Time a request waited for the spindle.", 0);
    io->transfer = declare(io, "transfer", "Time the medium passed under the head.", 0);
    io->bus = declare(io, "bus", "Time of a request's data on the bus.", SIM_MEASURE_DETERMINISTIC);
    io->csv = whole_folder_file(w->out, "requests.csv");
    if (io->csv != NULL)
        fputs("index,device,op,sector,sectors,issue_ms,complete_ms,response_ms,status\n", io->csv);
}

void disk_io_fini(struct disk_io *io)
{
    sim_population_fini(&io->population);
    while (io->free_reqs != NULL) {
        struct disk_io_req *r = io->free_reqs;
        io->free_reqs = r->next_free;
        free(r);
    }
    free(io->about);
}

static uint64_t place_seed(uint32_t device)
{
    return 0x6469736bu + device;
}

/* Every sector read is what is written there, or nothing. */
static bool right(const struct disk_io *io, const struct disk_io_req *r)
{
    uint64_t size = io->about[r->device].sector_bytes;
    struct rope want;
    rope_init(&want);
    rope_add_pattern(&want, place_seed(r->device), r->blk.sector * size, r->blk.sectors * size);
    bool good = rope_equal(&want, &r->blk.data);
    for (uint64_t i = 0; !good && i < r->blk.sectors; i++) {
        struct rope a, b, zero;
        rope_init(&a);
        rope_init(&b);
        rope_init(&zero);
        rope_add_slice(&a, &want, i * size, size);
        rope_add_slice(&b, &r->blk.data, i * size, size);
        rope_add_zero(&zero, size);
        bool sector = rope_equal(&a, &b) || rope_equal(&b, &zero);
        rope_fini(&a);
        rope_fini(&b);
        rope_fini(&zero);
        if (!sector)
            break;
        good = i + 1 == r->blk.sectors;
    }
    rope_fini(&want);
    return good;
}

static void record(struct disk_io *io, const struct disk_io_req *r)
{
    const struct blk_req *b = &r->blk;
    sim_time took = b->completed - b->submitted;
    fprintf(io->csv,
            "%" PRIu64 ",%" PRIu32 ",%c,%" PRIu64 ",%" PRIu32 ",%" PRId64 ".%09" PRId64 ",%" PRId64
            ".%09" PRId64 ",%" PRId64 ".%09" PRId64 ",%s\n",
            r->index, r->device, b->op == BLK_READ ? 'R' : 'W', b->sector, b->sectors,
            b->submitted / SIM_MS, b->submitted % SIM_MS, b->completed / SIM_MS,
            b->completed % SIM_MS, took / SIM_MS, took % SIM_MS, blk_status_name(b->status));
}

static void measure(struct disk_io *io, const struct disk_io_req *r)
{
    const struct blk_req *b = &r->blk;
    double took = sim_time_seconds(b->completed - b->submitted);
    io->from = io->from == SIM_NEVER ? b->submitted : io->from;
    io->to = b->completed;
    io->bytes += (uint64_t)b->sectors * io->about[r->device].sector_bytes;
    sim_measure_add(io->response, took);
    sim_measure_add(b->op == BLK_READ ? io->read : io->write, took);
    sim_measure_add(io->wait, sim_time_seconds(b->started - b->submitted));
    sim_measure_add(io->seek, sim_time_seconds(b->part[BLK_SEEK]));
    sim_measure_add(io->rotation, sim_time_seconds(b->part[BLK_ROTATION]));
    sim_measure_add(io->transfer, sim_time_seconds(b->part[BLK_TRANSFER]));
    sim_measure_add(io->bus, sim_time_seconds(b->part[BLK_BUS]));
}

static void ended(struct blk_req *b)
{
    struct disk_io_req *r = b->owner;
    struct disk_io *io = r->io;
    sim_population_move(&io->population, r->customer,
                        r->customer == &r->own ? SIM_ABSENT : SIM_OUTSIDE, b->completed,
                        ++io->completed > io->skip && b->status == BLK_OK);
    if (io->csv != NULL)
        record(io, r);
    if (b->status != BLK_OK)
        io->failed++;
    else if (io->verify && b->op == BLK_READ && !right(io, r))
        io->wrong++;
    if (io->completed > io->skip && b->status == BLK_OK)
        measure(io, r);
    else if (io->completed == io->skip)
        sim_window_open(io->sim);
    if (io->completed == io->expected)
        sim_window_close(io->sim);
    io->done(io, r);
    blk_req_fini(b);
    r->next_free = io->free_reqs;
    io->free_reqs = r;
}

void disk_io_issue(struct disk_io *io, enum blk_op op, uint32_t device, uint64_t sector,
                   uint32_t sectors, struct sim_customer *customer, uint64_t tag)
{
    struct disk_io_req *r = io->free_reqs;
    if (r != NULL)
        io->free_reqs = r->next_free;
    else
        r = base_alloc(sizeof *r);
    blk_req_init(&r->blk, op, sector, sectors, ended, r);
    r->io = io;
    if (io->issued == 0 && io->skip == 0)
        sim_window_open(io->sim);
    r->index = io->issued++;
    r->device = device;
    r->tag = tag;
    r->own = (struct sim_customer){ SIM_ABSENT, 0 };
    r->customer = customer ? customer : &r->own;
    sim_population_move(&io->population, r->customer, SIM_INSIDE, sim_now(io->sim),
                        r->customer->since > 0);
    uint64_t size = io->about[device].sector_bytes;
    if (op == BLK_WRITE)
        rope_add_pattern(&r->blk.data, place_seed(device), sector * size, sectors * size);
    blk_submit(io->world->devs[device], &r->blk);
}

static void scalar(struct disk_io *io, const char *name, uint64_t value)
{
    if (value > 0)
        sim_scalar(io->sim, name, "1", (double)value, SIM_MEASURE_DEFAULT_COLUMN);
}

/* What happened inside the devices beside the requests; nothing when nothing did. */
static void report_health(struct disk_io *io)
{
    struct blk_health h = { .errors = 0 };
    for (size_t i = 0; i < io->world->dev_count; i++)
        blk_health(io->world->devs[i], &h);
    scalar(io, "drive_errors", h.errors);
    scalar(io, "lost_sectors", h.lost_sectors);
    scalar(io, "rebuilt_stripes", h.rebuilt_stripes);
    scalar(io, "scrubbed_stripes", h.scrubbed_stripes);
    scalar(io, "parity_mismatches", h.mismatches);
    scalar(io, "repaired_units", h.repaired);
    scalar(io, "unrecovered_units", h.unrecovered);
    scalar(io, "missing_members", h.missing);
    if (h.lost_sectors > 0)
        sim_remark(io->sim, "%" PRIu64 " sectors were reported as written and lost with a crash",
                   h.lost_sectors);
    if (h.mismatches > 0)
        sim_remark(io->sim, "the scrub found %" PRIu64 " units of parity that did not agree",
                   h.mismatches);
    if (h.unrecovered > 0)
        sim_remark(io->sim, "%" PRIu64 " units could not be rebuilt: unreadable until written",
                   h.unrecovered);
    if (h.missing > 0)
        sim_remark(io->sim, "%" PRIu64 " members are missing at the end", h.missing);
}

void disk_io_report(struct disk_io *io)
{
    double span = io->from == SIM_NEVER ? 0 : sim_time_seconds(io->to - io->from);
    uint64_t measured = sim_measure_count(io->response);
    unsigned shown = SIM_MEASURE_DEFAULT_COLUMN;
    if (span > 0) {
        sim_scalar(io->sim, "requests_per_second", "1/s", (double)measured / span, shown);
        sim_scalar(io->sim, "bandwidth", "B/s", (double)io->bytes / span, shown);
    }
    sim_scalar(io->sim, "failed", "1", (double)io->failed, io->failed > 0 ? shown : 0);
    if (io->verify)
        sim_scalar(io->sim, "wrong_reads", "1", (double)io->wrong, io->wrong > 0 ? shown : 0);
    if (io->wrong > 0)
        sim_remark(io->sim, "%" PRIu64 " reads did not return what was written", io->wrong);
    report_health(io);
    sim_population_report(&io->population);
}
