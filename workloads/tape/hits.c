/* hits.c: what policies of purge and of prefetch hit, at the level of references.
 *
 * One program reads pieces of a data set (walk.h) through a disk cache of files that has no device
 * below (shelf.h), so that a curve over many sizes costs seconds.  What times follow from the hits
 * is a matter of the workload `dataset` over the layer.
 *
 * Sizes of files are alike, or log-normal: half of them below `median`, and with sigma the standard
 * deviation of their logarithm a mean of median x exp(sigma^2 / 2).
 */
#include <math.h>

#include "workloads/tape/shelf.h"
#include "workloads/tape/walk.h"
#include "workloads/workload.h"

struct hits_params {
    struct walk_params walk;
    int64_t reads, warmup, median, ahead;
    double sigma, high, low, wrong, part;
    struct kind_choice replace, prefetch;
    bool whole, hints;
};

static const struct param hits_params[] = {
    P_TABLE(hits_params, walk, walk_params_desc, "What is read, step by step."),
    P_INT(hits_params, reads, "20000", "1", "100000000", "Pieces that are read and counted.",
          "ASSUMED(the experiment's choice)"),
    P_INT(hits_params, warmup, "5000", "0", "100000000", "Pieces that are read before.",
          "ASSUMED(the cache fills)"),
    P_SIZE(hits_params, median, "1MB", "1B", "1TB", "Bytes of the file in the middle.",
           "NERSC 2003: median about 1 MB"),
    P_REAL(hits_params, sigma, "0", "0", "5",
           "Standard deviation of the logarithm of sizes; 0: all alike.",
           "NERSC 2003: a mean of 30 MB over a median of 1 MB is 2.6"),
    P_REAL(hits_params, part, "0.1", "0.0001", "1", "The cache's room, as a part of the data set.",
           "ASSUMED(the experiment's choice)"),
    P_REAL(hits_params, high, "1", "0.01", "1", "Files are purged when it would be fuller.",
           "ASSUMED(none is kept free)"),
    P_REAL(hits_params, low, "1", "0", "1", "They are purged until it is no fuller.",
           "ASSUMED(no more than needed)"),
    P_BOOL(hits_params, whole, "false", "A miss brings all of its file."),
    P_KIND(hits_params, replace, "lru", hsm_replacements, "Which file goes."),
    P_KIND(hits_params, prefetch, "none", hsm_prefetches, "What is fetched ahead."),
    P_BOOL(hits_params, hints, "false", "The program tells of its reads beforehand.",
           "ASSUMED(the experiment's choice)"),
    P_INT(hits_params, ahead, "8", "1", "1000000", "hints: steps beforehand.",
          "ASSUMED(the experiment's choice)"),
    P_REAL(hits_params, wrong, "0", "0", "1", "hints: part that names another file.",
           "ASSUMED(the experiment's choice)"),
    P_END,
};

enum { M_RATIO, M_BYTES, M_BEST, M_PURGED, M_AGAIN, M_AHEAD, M_USED, M_WASTED, M_REFUSED };
static const struct measure measures[] = {
    [M_RATIO] = { "hits.ratio", "1", "Part of the reads that found their piece.", MEASURE_COLUMN },
    [M_BYTES] = { "hits.bytes", "1", "Part of the bytes read that were found.", MEASURE_COLUMN },
    [M_BEST] = { "hits.best", "1",
                 "The same ratio where always that goes which is wanted last again; said of files "
                 "all alike, read whole, without a warm-up.",
                 0 },
    [M_PURGED] = { "hits.purged", "1", "Files that went.", 0 },
    [M_AGAIN] = { "hits.again", "1", "Pieces that were fetched and had been there before.", 0 },
    [M_AHEAD] = { "hits.ahead", "1", "Pieces that were fetched before anybody asked.", 0 },
    [M_USED] = { "hits.ahead_used", "1", "Of these: read before they went.", 0 },
    [M_WASTED] = { "hits.ahead_wasted", "1", "Of these: purged unread.", 0 },
    [M_REFUSED] = { "hits.ahead_refused", "1", "Pieces wanted ahead that found no room.", 0 },
    { .name = NULL },
};

struct hits {
    struct port *port;
    const struct hits_params *p;
    struct walk walk, before;
    struct walk_piece *pieces, *told;
    struct shelf *shelf;
    uint64_t steps, hints, count;
    uint32_t *reads; /* files, for the best there can be; NULL: not asked for */
};

/* Of the standard normal distribution [Box & Muller 1958], by the file's number. */
static double normal(uint64_t seed, uint64_t k)
{
    double u = ((double)walk_draw(seed, 2 * k, UINT64_C(1) << 53) + 1) * 0x1p-53;
    double v = (double)walk_draw(seed, 2 * k + 1, UINT64_C(1) << 53) * 0x1p-53;
    return sqrt(-2 * log(u)) * cos(2 * 3.14159265358979323846 * v);
}

static uint64_t *sizes(const struct hits *h, uint64_t *all)
{
    const struct hits_params *p = h->p;
    uint64_t *size = port_alloc(h->port, (size_t)p->walk.files * sizeof *size);
    *all = 0;
    for (int64_t i = 0; i < p->walk.files; i++) {
        double x = (double)p->median;
        if (p->sigma > 0)
            x *= exp(p->sigma * normal((uint64_t)p->walk.seed, (uint64_t)i));
        uint64_t each = (uint64_t)(x / (double)p->walk.pieces);
        size[i] = (each > 0 ? each : 1) * (uint64_t)p->walk.pieces;
        *all += size[i];
    }
    return size;
}

/* The hints of the next step of the walk ahead. */
static void tell(struct hits *h)
{
    const struct hits_params *p = h->p;
    uint32_t n = walk_next(&h->before, h->told);
    uint64_t seed = (uint64_t)p->walk.seed * 3;
    for (uint32_t i = 0; i < n; i++, h->hints++) {
        uint32_t file = h->told[i].file;
        if ((double)walk_draw(seed, 2 * h->hints, 1u << 30) < p->wrong * (double)(1u << 30))
            file = (uint32_t)walk_draw(seed, 2 * h->hints + 1, (uint64_t)p->walk.files);
        shelf_hint(h->shelf, file, h->told[i].piece);
    }
}

static void read_all(struct hits *h, uint64_t until)
{
    const struct hits_params *p = h->p;
    while (h->count < until) {
        while (p->hints && h->before.step < h->walk.step + (uint64_t)p->ahead)
            tell(h);
        uint32_t n = walk_next(&h->walk, h->pieces);
        for (uint32_t i = 0; i < n && h->count < until; i++) {
            if (h->reads != NULL)
                h->reads[h->count] = h->pieces[i].file;
            h->count++;
            (void)shelf_read(h->shelf, h->pieces[i].file, h->pieces[i].piece);
        }
    }
}

static void report(const struct hits *h, const struct shelf_counts *was)
{
    const struct shelf_counts *c = shelf_counts(h->shelf);
    const double values[] = {
        [M_RATIO] = (double)(c->hits - was->hits) / (double)(c->reads - was->reads),
        [M_BYTES] = (double)(c->hit_bytes - was->hit_bytes) / (double)(c->bytes - was->bytes),
        [M_BEST] = 0,
        [M_PURGED] = (double)(c->purged - was->purged),
        [M_AGAIN] = (double)(c->again - was->again),
        [M_AHEAD] = (double)(c->ahead - was->ahead),
        [M_USED] = (double)(c->used - was->used),
        [M_WASTED] = (double)(c->wasted - was->wasted),
        [M_REFUSED] = (double)(c->refused - was->refused),
    };
    for (size_t i = 0; i < ARRAY_LEN(values); i++)
        if (i != M_BEST)
            port_measure(h->port, &measures[i], values[i]);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct hits_params *p = me->params;
    struct hits h = { .port = node->port, .p = p };
    uint32_t most = walk_most(&p->walk), files = (uint32_t)p->walk.files;
    uint64_t all, *size = sizes(&h, &all);
    struct shelf_params s = { .room = (uint64_t)((double)all * p->part),
                              .high = p->high,
                              .low = p->low,
                              .whole = p->whole,
                              .replace = p->replace,
                              .prefetch = p->prefetch };
    walk_init(&h.walk, h.port, &p->walk, 0, 1);
    uint32_t *set = port_alloc(h.port, files * sizeof *set);
    for (uint32_t i = 0; i < files; i++)
        set[i] = walk_set(&h.walk, i);
    walk_init(&h.before, h.port, &p->walk, 0, 1);
    h.pieces = port_alloc(h.port, most * sizeof *h.pieces);
    h.told = port_alloc(h.port, most * sizeof *h.told);
    s.set = set;
    h.shelf = shelf_create(h.port, &s, files, (uint32_t)p->walk.pieces, size);
    if (p->sigma <= 0 && p->walk.pieces == 1 && p->warmup == 0)
        h.reads = port_alloc(h.port, (size_t)p->reads * sizeof *h.reads);
    read_all(&h, (uint64_t)p->warmup);
    port_thread_sleep(h.port, p->warmup * SIM_SEC);
    port_window(h.port, true, 1);
    const struct shelf_counts was = *shelf_counts(h.shelf);
    read_all(&h, (uint64_t)(p->warmup + p->reads));
    port_thread_sleep(h.port, p->reads * SIM_SEC);
    report(&h, &was);
    if (h.reads != NULL)
        port_measure(h.port, &measures[M_BEST],
                     (double)shelf_best(h.port, h.reads, h.count, files, s.room / size[0]) /
                         (double)h.count);
    port_window(h.port, false, 1);
    port_free(h.port, h.reads);
    shelf_free(h.shelf);
    walk_fini(&h.walk);
    walk_fini(&h.before);
    port_free(h.port, size);
    port_free(h.port, set);
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct hits_params *p = params;
    (void)layout;
    return walk_check(&p->walk, "workload.walk", e) &&
           (p->low <= p->high ||
            err_set(e, "workload.low = %g is above workload.high = %g", p->low, p->high));
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    (void)params;
    (void)layout;
    return 1;
}

extern const struct workload_ops workload_hits;
const struct workload_ops workload_hits = {
    .kind = { .name = "hits",
              .doc = "What policies of purge and prefetch hit in a disk cache of files, without "
                     "devices.",
              .params = hits_params,
              .params_size = sizeof(struct hits_params) },
    .measures = measures,
    .check = check,
    .programs = programs,
    .main = program,
};
