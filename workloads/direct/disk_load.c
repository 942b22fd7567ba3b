/* disk_load.c: synthetic requests on bare devices.
 *
 * Modelled: closed loops (a fixed number of requests outstanding, a think time before each), open
 * loops (Poisson arrivals whatever the devices do), random or sequential addresses, a mix of reads
 * and writes, sizes and alignment.  Not modelled: a host: no CPU time is spent.
 */
#include <inttypes.h>
#include <stdlib.h>

#include "disks/fault.h"
#include "sim/rng.h"
#include "workloads/direct/disk_io.h"

enum mode { MODE_CLOSED, MODE_OPEN };
enum order { ORDER_RANDOM, ORDER_SEQUENTIAL };
static const char *const modes[] = { "closed", "open", NULL };
static const char *const orders[] = { "random", "sequential", NULL };

struct load_params {
    int mode, order;
    int64_t outstanding;
    sim_time think, gap;
    int64_t size, align;
    double reads, first, span;
    int64_t requests, warmup;
    bool verify;
    const struct val *faults;
};

#define EXPERIMENT "ASSUMED(the experiment's choice)"

static const struct param load_params[] = {
    P_CHOICE(load_params, mode, "closed", modes,
             "closed: `outstanding` requests at a time; open: Poisson arrivals of mean gap `gap`.",
             EXPERIMENT),
    P_CHOICE(load_params, order, "random", orders,
             "Addresses: uniform over the region, or one after the other through it.", EXPERIMENT),
    P_INT(load_params, outstanding, "1", "1", "100000", "Closed: requests outstanding at a device.",
          EXPERIMENT),
    P_TIME(load_params, think, "0", "0", "1h", "Closed: time from a completion to the next.",
           EXPERIMENT),
    P_TIME(load_params, gap, "50ms", "1ns", "1h", "Open: mean time between arrivals at a device.",
           EXPERIMENT),
    P_SIZE(load_params, size, "4KiB", "1B", "1GiB", "Bytes of a request; whole sectors.",
           EXPERIMENT),
    P_SIZE(load_params, align, "0", "0", "1GiB", "Addresses are multiples of this; 0: of the size.",
           EXPERIMENT),
    P_REAL(load_params, reads, "1", "0", "1", "Share of reads.", EXPERIMENT),
    P_REAL(load_params, first, "0", "0", "1", "Start of the region, as a part of the device.",
           EXPERIMENT),
    P_REAL(load_params, span, "1", "0.000001", "1", "Its length, as a part of the device.",
           EXPERIMENT),
    P_INT(load_params, requests, "10000", "1", "1000000000", "Requests to each device.",
          EXPERIMENT),
    P_INT(load_params, warmup, "0", "0", "1000000000",
          "Completions, over all devices, that are not measured.", EXPERIMENT),
    P_BOOL(load_params, verify, "true", "Reads are compared with what was written.", EXPERIMENT),
    P_VAL(load_params, faults, "List of faults: { path, action, at, ... } as disks/fault.h says.",
          "none"),
    P_END,
};

struct load;

/* Arrivals, or one outstanding place of a closed loop. */
struct source {
    struct load *load;
    struct sim_event event;
    struct sim_customer customer; /* of a closed loop */
    uint32_t device;
};

struct load {
    struct disk_io io;
    const struct load_params *p;
    struct source *sources;
    uint64_t source_count;
    struct sim_rng *addresses, *arrivals; /* by device */
    uint64_t *left, *next;                /* by device */
    struct sim_faults *faults;
};

static uint32_t sectors_of(const struct load *l, uint32_t device)
{
    return (uint32_t)(l->p->size / l->io.about[device].sector_bytes);
}

static uint64_t step_of(const struct load *l, const struct blk_describe *about)
{
    return (uint64_t)(l->p->align > 0 ? l->p->align : l->p->size) / about->sector_bytes;
}

/* Where the region begins. */
static uint64_t first_of(const struct load *l, const struct blk_describe *about)
{
    uint64_t step = step_of(l, about);
    return (uint64_t)(l->p->first * (double)about->sectors) / step * step;
}

static void issue(struct source *src)
{
    struct load *l = src->load;
    const struct blk_describe *about = &l->io.about[src->device];
    uint32_t n = sectors_of(l, src->device);
    struct sim_rng *g = &l->addresses[src->device];
    uint64_t step = step_of(l, about), first = first_of(l, about);
    uint64_t region = (uint64_t)(l->p->span * (double)about->sectors);
    region = region > about->sectors - first ? about->sectors - first : region;
    uint64_t places = region < n ? 1 : (region - n) / step + 1;
    uint64_t place =
        l->p->order == ORDER_RANDOM ? sim_rng_below(g, places) : l->next[src->device]++ % places;
    bool read = sim_rng_chance(g, l->p->reads);
    l->left[src->device]--;
    disk_io_issue(&l->io, read ? BLK_READ : BLK_WRITE, src->device, first + place * step, n,
                  l->p->mode == MODE_OPEN ? NULL : &src->customer, (uint64_t)(src - l->sources));
}

/* A place of a closed loop has no more requests to make. */
static void leave(struct source *src)
{
    struct disk_io *io = &src->load->io;
    if (src->customer.stage != SIM_ABSENT)
        sim_population_move(&io->population, &src->customer, SIM_ABSENT, sim_now(io->sim), false);
}

static void fire(struct sim *s, struct sim_event *e)
{
    struct source *src = CONTAINER_OF(e, struct source, event);
    struct load *l = src->load;
    if (l->left[src->device] == 0) {
        leave(src);
        return;
    }
    issue(src);
    if (l->p->mode == MODE_OPEN && l->left[src->device] > 0)
        sim_after(s, e, sim_rng_exponential(&l->arrivals[src->device], l->p->gap));
}

static void done(struct disk_io *io, struct disk_io_req *r)
{
    struct load *l = io->driver;
    struct source *src = &l->sources[r->tag];
    if (l->p->mode == MODE_OPEN)
        return;
    if (l->left[src->device] == 0)
        leave(src);
    else if (l->p->think > 0)
        sim_after(io->sim, &src->event, l->p->think);
    else
        issue(src);
}

static void destroy(void *self)
{
    struct load *l = self;
    for (uint64_t i = 0; i < l->source_count; i++)
        sim_cancel(l->io.sim, &l->sources[i].event);
    sim_faults_free(l->faults);
    disk_io_fini(&l->io);
    free(l->sources);
    free(l->addresses);
    free(l->arrivals);
    free(l->left);
    free(l->next);
    free(l);
}

static bool fits(const struct load *l, struct err *e)
{
    for (size_t i = 0; i < l->io.world->dev_count; i++) {
        const struct blk_describe *a = &l->io.about[i];
        if (a->sequential)
            return err_set(e,
                           "devices: disk_load asks for sectors in any order; a tape drive takes "
                           "the workload tape_io");
        if (l->p->size % a->sector_bytes != 0 || l->p->align % a->sector_bytes != 0)
            return err_set(e,
                           "workload: size and align must be multiples of the %u B sectors of %s",
                           a->sector_bytes, a->name);
        if ((uint64_t)l->p->size / a->sector_bytes > a->sectors)
            return err_set(e, "workload.size: a request is larger than %s", a->name);
        if (first_of(l, a) + (uint64_t)l->p->size / a->sector_bytes > a->sectors)
            return err_set(e, "workload.first: no request fits behind %g of %s", l->p->first,
                           a->name);
    }
    return true;
}

static void *create(struct sim *s, const struct direct_world *w, const void *params, struct err *e)
{
    struct load *l = base_zalloc(1, sizeof *l);
    l->p = params;
    disk_io_init(&l->io, s, w, (uint64_t)l->p->warmup, l->p->verify, l, done);
    bool ok = fits(l, e);
    size_t n = w->dev_count;
    l->io.expected = n * (uint64_t)l->p->requests;
    uint64_t each = l->p->mode == MODE_OPEN ? 1 : (uint64_t)l->p->outstanding;
    l->addresses = base_zalloc(n + 1, sizeof *l->addresses);
    l->arrivals = base_zalloc(n + 1, sizeof *l->arrivals);
    l->left = base_zalloc(n + 1, sizeof *l->left);
    l->next = base_zalloc(n + 1, sizeof *l->next);
    l->sources = base_zalloc(n * each + 1, sizeof *l->sources);
    for (size_t i = 0; i < n; i++) {
        sim_rng_init_indexed(&l->addresses[i], s, "disk_load/addresses", i);
        sim_rng_init_indexed(&l->arrivals[i], s, "disk_load/arrivals", i);
        l->left[i] = (uint64_t)l->p->requests;
    }
    for (uint64_t i = 0; ok && i < n * each; i++) {
        struct source *src = &l->sources[l->source_count++];
        *src = (struct source){ .load = l, .device = (uint32_t)(i / each) };
        sim_event_init(&src->event, SIM_CLASS_SOFTWARE, fire);
        if (l->p->mode == MODE_CLOSED)
            sim_population_move(&l->io.population, &src->customer, SIM_OUTSIDE, 0, false);
        sim_after(s, &src->event,
                  l->p->mode == MODE_OPEN
                      ? sim_rng_exponential(&l->arrivals[src->device], l->p->gap)
                      : 0);
    }
    l->io.population.customers = l->p->mode == MODE_CLOSED ? l->source_count : 0;
    if (ok && l->p->faults != NULL) {
        l->faults = sim_faults_create(s, false);
        for (size_t i = 0; i < n; i++)
            blk_fault_targets(l->faults, w->devs[i]);
        ok = sim_faults_load(l->faults, l->p->faults, "workload.faults", e);
    }
    if (!ok) {
        destroy(l);
        return NULL;
    }
    return l;
}

static void finish(void *self, enum sim_end end)
{
    struct load *l = self;
    (void)end;
    disk_io_report(&l->io);
}

const struct direct_ops direct_disk_load = {
    .kind = { .name = "disk_load",
              .doc = "random or sequential requests to bare devices, in closed or open loop",
              .params = load_params,
              .params_size = sizeof(struct load_params) },
    .needs_devices = true,
    .create = create,
    .finish = finish,
    .destroy = destroy,
};
