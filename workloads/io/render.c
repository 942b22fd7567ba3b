/* render.c: terrain rendering: the file operations of its gateway node.
 *
 * Node zero, the gateway, reads the terrain by asynchronous reads, a few ahead, and gives each
 * renderer its part by messages; then for each picture it reads the coordinates of the view and
 * tells all, all render, and it writes the picture to a file of its own: a header in two small
 * writes, then the picture.
 *
 * Source: Crandall, Aydt, Chien, Reed, SC'95; the numbers are docs/models/applications.md's.
 */
#include "workloads/io/app.h"

enum { AHEAD_MAX = 16 };
struct params {
    struct app_params app;
    int64_t terrain_files, first, first_bytes, rest, rest_bytes, last_bytes, ahead;
    int64_t frames, frame, header, view, setup, setup_bytes;
    sim_time compute;
};

#define TABLE "Crandall and others, SC'95, tables of RENDER, as recalled"
static const struct param params_desc[] = {
    APP_PARAMS,
    P_INT(params, terrain_files, "5", "1", "64", "Files of the terrain, which stay open.",
          TABLE ": 106 opens, 101 closes"),
    P_INT(params, first, "124", "0", "1000000", "Asynchronous reads of the larger size: the first.",
          TABLE ": 436 of 880,849,125 bytes; ASSUMED(3 MB until less is left than 1.5 MB each)"),
    P_SIZE(params, first_bytes, "3MiB", "1B", "1GiB", "Their bytes.", TABLE ": 3 MB"),
    P_INT(params, rest, "312", "1", "1000000", "Those of the smaller size, behind them.", TABLE),
    P_SIZE(params, rest_bytes, "1536KiB", "1B", "1GiB", "Their bytes.", TABLE ": 1.5 MB"),
    P_SIZE(params, last_bytes, "45285B", "0", "1GiB", "Bytes that the last one has more.",
           TABLE ": what the volume has beyond"),
    P_INT(params, ahead, "2", "1", "16", "Asynchronous reads under way at once.",
          "ASSUMED(one is awaited while the next is under way)"),
    P_INT(params, frames, "100", "1", "1000000", "Pictures.",
          TABLE ": 100 writes of 983,040 bytes"),
    P_SIZE(params, frame, "983040B", "1B", "1GiB",
           "Bytes of a picture: 640 x 512 points of 24 bits.", TABLE),
    P_SIZE(params, header, "14B", "2B", "1MiB", "Bytes of its header, in two writes.",
           TABLE ": 98,305,400 bytes in 300 writes"),
    P_SIZE(params, view, "70B", "1B", "1MiB", "Bytes of a view's coordinates.",
           TABLE ": 121 reads of 8,457 bytes; ASSUMED(one a picture)"),
    P_INT(params, setup, "21", "0", "1000000", "Small reads before the first picture.", TABLE),
    P_SIZE(params, setup_bytes, "1457B", "0B", "1GiB", "Their bytes in all.", TABLE),
    P_TIME(params, compute, "2s", "0", NULL, "Time to render a picture.",
           "ASSUMED(seconds a picture at this number of nodes)"),
    P_END,
};

enum { TERRAIN, FRAMES };
static const struct measure measures[] = {
    APP_MEASURES,
    [APP_PHASE + TERRAIN] = APP_PHASE_MEASURE("render.terrain", "Time to read the terrain."),
    [APP_PHASE + FRAMES] = APP_PHASE_MEASURE("render.frames", "Time of all pictures."),
    { .name = NULL },
};

/* The k-th asynchronous read: its bytes. */
static uint64_t piece(const struct params *p, int64_t k)
{
    uint64_t len = (uint64_t)(k < p->first ? p->first_bytes : p->rest_bytes);
    return k + 1 == p->first + p->rest ? len + (uint64_t)p->last_bytes : len;
}

/* Reads of a file of the terrain: from the k-th on, dealt out evenly. */
static int64_t first_of(const struct params *p, int64_t file)
{
    return (p->first + p->rest) * file / p->terrain_files;
}

static uint64_t terrain_bytes(const struct params *p, int64_t file)
{
    uint64_t sum = 0;
    for (int64_t k = first_of(p, file); k < first_of(p, file + 1); k++)
        sum += piece(p, k);
    return sum;
}

static uint64_t views_bytes(const struct params *p)
{
    return (uint64_t)(p->setup_bytes + p->frames * p->view);
}

static uint32_t files(const void *params, const struct os_layout *l)
{
    const struct params *p = params;
    (void)l;
    return pio_file_count(io_system(p->app.system), (uint32_t)(p->terrain_files + p->frames + 1));
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct params *p = params;
    uint64_t bytes = views_bytes(p) + (uint64_t)(p->frames * (p->frame + p->header));
    for (int64_t i = 0; i < p->terrain_files; i++)
        bytes += terrain_bytes(p, i);
    return app_check(&p->app, l, files(params, l), bytes, e);
}

struct gateway {
    struct app *a;
    const struct params *p;
    struct io_target views, terrain[64];
    struct app_ahead ahead[AHEAD_MAX];
    uint64_t view_at;
};

/* Reads a file of the terrain, `ahead` requests under way. */
static void read_terrain(struct gateway *g, int64_t file)
{
    int64_t lo = first_of(g->p, file), hi = first_of(g->p, file + 1);
    uint64_t at = 0;
    for (int64_t k = lo; k < hi + g->p->ahead; k++) {
        struct app_ahead *x = &g->ahead[k % g->p->ahead];
        if (k - lo >= g->p->ahead)
            app_wait(g->a, x);
        if (k < hi) {
            app_start(g->a, &g->terrain[file], at, piece(g->p, k), x);
            at += piece(g->p, k);
        }
    }
}

static void terrain(struct gateway *g)
{
    const struct params *p = g->p;
    struct app *a = g->a;
    bool gateway = a->j.rank == 0;
    if (gateway) {
        app_open(a, &g->views, "M_UNIX", false);
        g->view_at =
            app_series(a, &g->views, PIO_READ, 0, (uint64_t)p->setup, (uint64_t)p->setup_bytes);
    }
    for (int64_t i = 0; i < p->terrain_files; i++) {
        if (gateway) {
            app_open(a, &g->terrain[i], "M_ASYNC", false);
            if (i + 1 < p->terrain_files)
                app_seek(a, &g->terrain[i], 0);
            read_terrain(g, i);
        }
        app_meet(a);
        uint64_t part = terrain_bytes(p, i) / a->j.ranks;
        for (uint32_t k = 1; k < a->j.ranks; k++)
            app_hand(a, &g->terrain[i], k * part, part, 0, k);
    }
    app_phase(a);
}

static void frames(struct gateway *g)
{
    const struct params *p = g->p;
    struct app *a = g->a;
    uint64_t header = (uint64_t)p->header;
    for (int64_t k = 0; k < p->frames && a->fine; k++) {
        struct io_target t;
        app_file(&t, "frame", (uint32_t)k);
        if (a->j.rank == 0)
            app_move(a, &g->views, PIO_READ, g->view_at, (uint64_t)p->view);
        app_meet(a);
        app_tell(a, &g->views, g->view_at, (uint64_t)p->view);
        g->view_at += (uint64_t)p->view;
        port_compute(a->j.node->port, p->compute);
        app_meet(a);
        if (a->j.rank > 0)
            continue;
        app_open(a, &t, "M_UNIX", false);
        (void)app_series(a, &t, PIO_WRITE, 0, 2, header);
        app_move(a, &t, PIO_WRITE, header, (uint64_t)p->frame);
        app_close(a, &t);
    }
    if (a->j.rank == 0)
        app_close(a, &g->views);
    app_phase(a);
}

/* A picture is what was written: of each the first and the last byte, and all of the last. */
static void look(struct gateway *g)
{
    struct app *a = g->a;
    uint64_t bytes = (uint64_t)(g->p->header + g->p->frame);
    for (int64_t k = 0; k < g->p->frames; k++) {
        struct io_target t;
        app_file(&t, "frame", (uint32_t)k);
        app_open(a, &t, "M_UNIX", false);
        app_move(a, &t, PIO_READ, 0, k + 1 < g->p->frames ? (uint64_t)g->p->header + 1 : bytes);
        app_move(a, &t, PIO_READ, bytes - 1, 1);
        app_leave(a, &t);
    }
}

static void program(struct os_node *node, const struct program *me)
{
    struct gateway *g = port_alloc(node->port, sizeof *g);
    *g = (struct gateway){ .a = app_new(node, me, measures), .p = me->params };
    app_file(&g->views, "views", 0);
    if (me->rank == 0)
        app_make(g->a, &g->views, g->views.seed, views_bytes(g->p));
    g->view_at = (uint64_t)g->p->setup_bytes;
    for (int64_t i = 0; i < g->p->terrain_files; i++) {
        app_file(&g->terrain[i], "terrain", (uint32_t)i);
        if (me->rank == 0)
            app_make(g->a, &g->terrain[i], g->terrain[i].seed, terrain_bytes(g->p, i));
    }
    app_begin(g->a);
    terrain(g);
    frames(g);
    if (app_end(g->a) && me->rank == 0) {
        look(g);
        for (int64_t i = 0; i < g->p->terrain_files; i++)
            app_leave(g->a, &g->terrain[i]);
    }
    app_free(g->a);
    port_free(node->port, g);
}

extern const struct workload_ops workload_render;
const struct workload_ops workload_render =
    APP_WORKLOAD("render", "Terrain rendering: long asynchronous reads, then a file a picture.");
