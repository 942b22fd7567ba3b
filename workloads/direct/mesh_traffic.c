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

#define CYCLES_KEPT (1u << 20) /* an open loop past saturation has no longest latency */

bool traffic_fits(const struct net_describe *d, int64_t flits, const char *path, struct err *e)
{
    return d->longest == 0 || flits <= d->longest ||
           err_set(e,
                   "%s: packets of %" PRId64 " flits are too long for the %s: up to %u are allowed",
                   path, flits, d->shape, d->longest);
}

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
    } parts[] = { { "p50", 0.5 }, { "p90", 0.9 }, { "p95", 0.95 }, { "p99", 0.99 }, { "max", 1 } };
    for (size_t i = 0; c->total > 0 && i < ARRAY_LEN(parts); i++) {
        size_t cycles = cycles_quantile(c, parts[i].share);
        char *full = base_printf("%s.%s", name, parts[i].name);
        if (cycles < CYCLES_KEPT) /* else it is longer, and not known */
            sim_scalar(s, full, "1", (double)cycles, flags);
        free(full);
    }
}

/* ---- files ---- */

FILE *traffic_log_open(struct whole_folder *out)
{
    FILE *f = whole_folder_file(out, "packets.csv");
    if (f)
        fputs("source,destination,flits,created_ps,injected_ps,delivered_ps,blocked_ps,hops\n", f);
    return f;
}

void traffic_log_write(FILE *log, const struct net_packet *p)
{
    fprintf(log, "%u,%u,%u,%" PRId64 ",%" PRId64 ",%" PRId64 ",%" PRId64 ",%u\n", p->src, p->dst,
            p->flits, p->created, p->injected, p->delivered, p->blocked, p->hops);
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

void traffic_pairs(struct net *net, struct whole_folder *out)
{
    struct pairs all = { .csv = NULL };
    if (!net->ops->pairs)
        return;
    if ((all.csv = whole_folder_file(out, "blocked.csv")))
        fputs("channel,waiting,holding,blocked_ps\n", all.csv);
    net->ops->pairs(net, write_pair, &all);
    sim_scalar(net->sim, "blocked_worst", "s", sim_time_seconds(all.worst), 0);
}

/* ---- pictures of a 2-D mesh ---- */

/* Two of them, drawn alike: how busy each channel is, and how many headers wait for it. */
enum { BUSY, WAITING, PICTURES };

static const struct {
    const char *file, *title;
} pictures[PICTURES] = {
    [BUSY] = { "channels.svg", "share of time that flits cross a channel" },
    [WAITING] = { "waiting.svg", "headers that wait for a channel, on average" },
};

struct picture {
    FILE *csv, *svg[PICTURES];
    struct sim *sim;
    struct net_describe d;
};

#define CELL 40   /* SVG units between two routers */
#define MARGIN 40 /* from the edge to the first router */

/* Pale to dark in five steps, linear between them: 0 to 1, and 1 for more. */
static void colour(double x, char out[8])
{
    static const uint8_t stops[][3] = {
        { 240, 240, 236 }, { 254, 224, 144 }, { 253, 174, 97 }, { 215, 48, 39 }, { 110, 0, 38 }
    };
    const size_t last = ARRAY_LEN(stops) - 1;
    double at = (x < 0 ? 0 : x > 1 ? 1 : x) * (double)last;
    size_t from = at < (double)last ? (size_t)at : last - 1;
    int rgb[3];
    for (int k = 0; k < 3; k++)
        rgb[k] =
            (int)(stops[from][k] + (at - (double)from) * (stops[from + 1][k] - stops[from][k]));
    snprintf(out, 8, "#%02x%02x%02x", (unsigned)rgb[0], (unsigned)rgb[1], (unsigned)rgb[2]);
}

static int sign(int x)
{
    return (x > 0) - (x < 0);
}

/* A channel as a bar beside the middle of its two routers, right of the direction of travel; one
 * that wraps around as a stub that leaves the mesh; the terminal's as the halves of its router. */
static void draw(const struct picture *p, FILE *svg, const struct net_channel *c, double value,
                 const char *title)
{
    int k = (int)p->d.size[0];
    int x0 = (int)c->node % k, y0 = (int)c->node / k;
    int dx = (int)c->to_node % k - x0, dy = (int)c->to_node / k - y0;
    int cx = MARGIN + CELL * x0, cy = MARGIN + CELL * y0;
    bool wraps = dx * dx + dy * dy > 1;
    int length = wraps ? CELL / 2 - 4 : CELL - 8;
    char paint[8];
    colour(value, paint);
    dx = wraps ? -sign(dx) : dx;
    dy = wraps ? -sign(dy) : dy;
    if (c->to_node == c->node)
        fprintf(svg,
                "<rect x='%d' y='%d' width='7' height='14' fill='%s' stroke='#555' "
                "stroke-width='0.5'>",
                cx - (c->injects ? 7 : 0), cy - 7, paint);
    else
        fprintf(svg, "<line x1='%d' y1='%d' x2='%d' y2='%d' stroke='%s' stroke-width='6'>",
                cx - 4 * dy + 8 * dx, cy + 4 * dx + 8 * dy, cx - 4 * dy + length * dx,
                cy + 4 * dx + length * dy, paint);
    fprintf(svg, "<title>%s</title></%s>\n", title, c->to_node == c->node ? "rect" : "line");
}

static void write_channel(void *arg, const struct net_channel *c)
{
    const struct picture *p = arg;
    sim_time window = sim_window_length(p->sim);
    sim_time busy = sim_busy_time(c->busy, sim_now(p->sim));
    double share = window > 0 ? (double)busy / (double)window : 0;
    double waiting = window > 0 ? (double)c->blocked / (double)window : 0;
    if (p->csv)
        fprintf(p->csv, "\"%s\",%u,%u,%.6f,%" PRIu64 ",%" PRId64 "\n", c->busy->name, c->node,
                c->to_node, share, c->busy->uses, c->blocked);
    char title[160];
    snprintf(title, sizeof(title), "%.60s: busy %.1f %%, %.2f headers wait, %.3f us in all",
             c->busy->name, 100 * share, waiting, sim_time_seconds(c->blocked) * 1e6);
    if (p->svg[BUSY])
        draw(p, p->svg[BUSY], c, share, title);
    if (p->svg[WAITING] && !c->injects)
        draw(p, p->svg[WAITING], c, waiting, title);
}

/* The frame: coordinates along two edges, and the scale. */
static void begin_picture(const struct picture *p, int which)
{
    FILE *svg = p->svg[which];
    uint32_t columns = p->d.size[0], rows = p->d.size[1], step = columns > 20 ? 8 : 1;
    uint32_t margin = MARGIN, width = 2 * MARGIN + CELL * (columns - 1),
             y = 2 * MARGIN + CELL * (rows - 1) + 10;
    width = width < 480 ? 480 : width;
    fprintf(svg,
            "<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 %u %u' font-family='sans-serif' "
            "font-size='10' fill='#333'>\n<rect width='100%%' height='100%%' fill='white'/>\n",
            width, y + 50);
    for (uint32_t i = 0; i < columns; i += step)
        fprintf(svg, "<text x='%u' y='16' text-anchor='middle'>%u</text>\n", MARGIN + CELL * i, i);
    for (uint32_t i = 0; i < rows; i += step)
        fprintf(svg, "<text x='10' y='%u'>%u</text>\n", MARGIN + CELL * i + 4, i);
    for (uint32_t i = 0; i <= 10; i++) {
        char paint[8];
        colour(i / 10.0, paint);
        fprintf(svg, "<rect x='%u' y='%u' width='12' height='10' fill='%s'/>\n", MARGIN + 12 * i, y,
                paint);
    }
    fprintf(svg,
            "<text x='%u' y='%u'>0</text>\n<text x='%u' y='%u'>1</text>\n"
            "<text x='%u' y='%u'>%s: %s</text>\n<text x='%u' y='%u'>%s</text>\n",
            margin, y + 22, margin + 126, y + 22, margin + 145, y + 9, p->d.shape,
            pictures[which].title, margin, y + 38,
            which == BUSY ? "Routers: left half injection, right half ejection.  Channels keep to "
                            "the right."
                          : "Routers: right half ejection.  Channels keep to the right.");
}

void traffic_write_channels(struct net *net, struct whole_folder *out)
{
    struct picture p = { .sim = net->sim };
    if (!out || !net->ops->channels)
        return;
    net->ops->describe(net, &p.d);
    if ((p.csv = whole_folder_file(out, "channels.csv")))
        fputs("channel,node,to_node,share,packets,blocked_ps\n", p.csv);
    for (int i = 0; i < PICTURES && p.d.dims == 2; i++)
        if ((p.svg[i] = whole_folder_file(out, pictures[i].file)))
            begin_picture(&p, i);
    net->ops->channels(net, write_channel, &p);
    for (int i = 0; i < PICTURES; i++)
        if (p.svg[i])
            fputs("</svg>\n", p.svg[i]);
}
