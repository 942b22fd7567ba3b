/* mesh_traffic.c: what the workloads on a bare network share: packets, channel shares, files. */
#include "workloads/direct/mesh_traffic.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>

#include "sim/measure.h"
#include "sim/server.h"

#define SLAB_PACKETS 256

struct traffic_slab {
    struct traffic_slab *next;
    struct net_packet packets[SLAB_PACKETS];
};

struct net_packet *traffic_take(struct traffic_pool *pool)
{
    if (!pool->free) {
        struct traffic_slab *slab = base_alloc(sizeof(*slab));
        slab->next = pool->slabs;
        pool->slabs = slab;
        for (size_t i = 0; i < SLAB_PACKETS; i++)
            traffic_give(pool, &slab->packets[i]);
    }
    struct net_packet *p = pool->free;
    pool->free = p->next;
    *p = (struct net_packet){ .next = NULL };
    return p;
}

void traffic_give(struct traffic_pool *pool, struct net_packet *p)
{
    p->next = pool->free;
    pool->free = p;
}

void traffic_pool_fini(struct traffic_pool *pool)
{
    while (pool->slabs) {
        struct traffic_slab *slab = pool->slabs;
        pool->slabs = slab->next;
        free(slab);
    }
}

void traffic_channels(struct sim *s)
{
    double share;
    if (!sim_busiest(s, SIM_KIND_CHANNEL, &share))
        return;
    sim_scalar(s, "channel_busiest", "1", share, SIM_MEASURE_DEFAULT_COLUMN);
    sim_scalar(s, "channel_mean", "1", sim_busy_mean(s, SIM_KIND_CHANNEL), 0);
}

/* ---- times in cycles ---- */

#define CYCLES_KEPT (4u << 20) /* an open loop past saturation has no longest latency */

void traffic_cycles_add(struct traffic_cycles *c, sim_time t)
{
    sim_time whole = (t + c->cycle - 1) / c->cycle;
    size_t n = whole < CYCLES_KEPT ? (size_t)whole : CYCLES_KEPT;
    if (n >= c->size) {
        size_t size = c->size ? c->size : 256;
        while (size <= n)
            size *= 2;
        c->counts = base_realloc(c->counts, size * sizeof(*c->counts));
        for (size_t i = c->size; i < size; i++)
            c->counts[i] = 0;
        c->size = size;
    }
    c->counts[n]++;
    c->total++;
}

/* The least number of cycles that `share` of the counts do not exceed. */
static size_t cycles_quantile(const struct traffic_cycles *c, double share)
{
    double want = share * (double)c->total;
    uint64_t seen = 0;
    for (size_t i = 0; i < c->size; i++) {
        seen += c->counts[i];
        if (seen > 0 && (double)seen >= want)
            return i;
    }
    return c->size;
}

void traffic_cycles_write(const struct traffic_cycles *c, struct sim *s, const char *name,
                          unsigned flags)
{
    static const struct {
        const char *name;
        double share;
    } parts[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p99", 0.99 }, { "max", 1 } };
    for (size_t i = 0; c->total > 0 && i < ARRAY_LEN(parts); i++) {
        char *full = base_printf("%s.%s", name, parts[i].name);
        sim_scalar(s, full, "1", (double)cycles_quantile(c, parts[i].share), flags);
        free(full);
    }
}

double traffic_fairness(const double *shares, size_t n)
{
    double sum = 0, squares = 0;
    for (size_t i = 0; i < n; i++) {
        sum += shares[i];
        squares += shares[i] * shares[i];
    }
    return squares > 0 ? sum * sum / ((double)n * squares) : NAN;
}

/* ---- files ---- */

struct traffic_log {
    FILE *file;
};

FILE *traffic_file(const char *dir, const char *name)
{
    char *path = base_printf("%s/%s", dir, name);
    FILE *f = fopen(path, "w");
    free(path);
    return f;
}

struct traffic_log *traffic_log_open(const char *dir, struct err *e)
{
    FILE *f = traffic_file(dir, "packets.csv");
    if (!f) {
        err_set(e, "%s/packets.csv cannot be written", dir);
        return NULL;
    }
    struct traffic_log *log = base_alloc(sizeof(*log));
    log->file = f;
    fputs("source,destination,flits,created_ps,injected_ps,delivered_ps,blocked_ps,hops\n", f);
    return log;
}

void traffic_log_write(struct traffic_log *log, const struct net_packet *p)
{
    fprintf(log->file, "%u,%u,%u,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%u\n", p->src,
            p->dst, p->flits, p->created, p->injected, p->delivered, p->blocked, p->hops);
}

void traffic_log_close(struct traffic_log *log)
{
    if (!log)
        return;
    fclose(log->file);
    free(log);
}

struct pairs {
    FILE *csv;
    sim_time worst;
};

static void write_pair(void *arg, const struct net_pair *p)
{
    struct pairs *all = arg;
    all->worst = sim_time_max(all->worst, p->blocked);
    if (all->csv)
        fprintf(all->csv, "\"%s\",\"%s\",\"%s\",%" PRId64 "\n", p->busy->name, p->waiting->name,
                p->holding->name, p->blocked);
}

void traffic_watch(struct net *net)
{
    if (net->ops->watch)
        net->ops->watch(net);
}

void traffic_pairs(struct net *net, const char *dir)
{
    struct pairs all = { .csv = NULL };
    if (!net->ops->pairs)
        return;
    if (dir && (all.csv = traffic_file(dir, "blocked.csv")))
        fputs("channel,waiting,holding,blocked_ps\n", all.csv);
    net->ops->pairs(net, write_pair, &all);
    sim_scalar(net->sim, "blocked_worst", "s", sim_time_seconds(all.worst), 0);
    if (dir && (!all.csv || fclose(all.csv) != 0))
        sim_remark(net->sim, "blocked.csv could not be written whole in %s", dir);
}

struct picture {
    FILE *csv, *svg;
    struct sim *sim;
    struct net_describe d;
};

#define CELL 40 /* SVG units between two routers */

/* White through yellow to red. */
static void colour(double share, char out[8])
{
    double g = share < 0.5 ? 1 - 0.2 * share : 0.9 - 1.6 * (share - 0.5), b = 1 - 2 * share;
    int green = (int)(255 * (g < 0.1 ? 0.1 : g)), blue = (int)(255 * (b < 0 ? 0 : b));
    snprintf(out, 8, "#%02x%02x%02x", share < 0.5 ? 245 : 220, green, blue);
}

/* A channel as a line beside the middle of its two routers, right of the direction of travel. */
static void draw(const struct picture *p, const struct net_channel *c, double share)
{
    uint32_t k = p->d.size[0];
    if (!p->svg || c->to_node == c->node)
        return;
    int x0 = (int)(c->node % k), y0 = (int)(c->node / k);
    int dx = (int)(c->to_node % k) - x0, dy = (int)(c->to_node / k) - y0;
    int sx = CELL * (x0 + 1) - 4 * dy, sy = CELL * (y0 + 1) + 4 * dx;
    char paint[8];
    colour(share, paint);
    fprintf(
        p->svg,
        "<line x1='%d' y1='%d' x2='%d' y2='%d' stroke='%s' stroke-width='6'><title>%s: %.1f %%, "
        "blocked %.3f us</title></line>\n",
        sx + 8 * dx, sy + 8 * dy, sx + (CELL - 8) * dx, sy + (CELL - 8) * dy, paint, c->busy->name,
        100 * share, sim_time_seconds(c->blocked) * 1e6);
}

static void write_channel(void *arg, const struct net_channel *c)
{
    const struct picture *p = arg;
    sim_time window = sim_now(p->sim) - sim_window_start(p->sim);
    sim_time busy = sim_busy_time(c->busy, sim_now(p->sim));
    double share = window > 0 ? (double)busy / (double)window : 0;
    share = share > 1 ? 1 : share;
    fprintf(p->csv, "\"%s\",%u,%u,%.6f,%" PRIu64 ",%" PRId64 "\n", c->busy->name, c->node,
            c->to_node, share, c->busy->uses, c->blocked);
    draw(p, c, share);
}

static void begin_picture(struct picture *p)
{
    uint32_t columns = p->d.size[0], rows = p->d.size[1];
    fprintf(p->svg,
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %u %u' font-family='sans-serif' "
            "font-size='9'>\n<rect width='100%%' height='100%%' fill='white'/>\n",
            CELL * (columns + 1), CELL * (rows + 1) + 16);
    for (uint32_t i = 0; i < p->d.terminals; i++)
        fprintf(p->svg,
                "<rect x='%u' y='%u' width='12' height='12' fill='#ddd' stroke='#555'>"
                "<title>node %u</title></rect>\n",
                CELL * (i % columns + 1) - 6, CELL * (i / columns + 1) - 6, i);
    for (uint32_t k = 0; k <= 10; k++) {
        char paint[8];
        colour(k / 10.0, paint);
        fprintf(p->svg, "<rect x='%u' y='%u' width='10' height='8' fill='%s' stroke='#999'/>\n",
                CELL + 10 * k, CELL * (rows + 1), paint);
    }
    fprintf(p->svg, "<text x='%u' y='%u'>%s: busy 0 to 100 %%</text>\n", (unsigned)(CELL + 116),
            CELL * (rows + 1) + 8, p->d.shape);
}

bool traffic_write_channels(struct net *net, const char *dir, struct err *e)
{
    struct picture p = { .sim = net->sim };
    if (!net->ops->channels)
        return true;
    net->ops->describe(net, &p.d);
    p.csv = traffic_file(dir, "channels.csv");
    bool flat = p.d.dims == 2;
    if (!p.csv || (flat && !(p.svg = traffic_file(dir, "channels.svg")))) {
        if (p.csv)
            fclose(p.csv);
        return err_set(e, "channels.csv and channels.svg cannot be written in %s", dir);
    }
    fputs("channel,node,to_node,share,packets,blocked_ps\n", p.csv);
    if (p.svg)
        begin_picture(&p);
    net->ops->channels(net, write_channel, &p);
    bool good = fclose(p.csv) == 0;
    if (p.svg) {
        fputs("</svg>\n", p.svg);
        good = fclose(p.svg) == 0 && good;
    }
    return good ||
           err_set(e, "channels.csv and channels.svg could not be written whole in %s", dir);
}
