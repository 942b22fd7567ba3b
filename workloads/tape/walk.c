/* walk.c: see walk.h. */
#include "workloads/tape/walk.h"

#include <math.h>

static const char *const accesses[] = { "sweep", "tiles", "zipf", "planes", NULL };
static const char *const orders[] = { "rows", "blocks", NULL };
static const char *const axes[] = { "x", "y", "z", NULL };

const struct param walk_params_desc[] = {
    P_INT(walk_params, files, "64", "1", "1000000", "Files of the data set.",
          "ASSUMED(the experiment's choice)"),
    P_INT(walk_params, pieces, "8", "1", "1000000", "Pieces of a file.",
          "ASSUMED(the experiment's choice)"),
    P_CHOICE(walk_params, access, "sweep", accesses,
             "What is touched: all in order; tiles that come into a view which moves through a "
             "field; files, by popularity; planes of the field, one after the other.",
             "ASSUMED(the experiment's choice)"),
    P_INT(walk_params, columns, "32", "1", "100000",
          "tiles: across the field; columns x rows x layers = files x pieces.",
          "ASSUMED(the experiment's choice)"),
    P_INT(walk_params, rows, "16", "1", "100000", "tiles: down the field.",
          "ASSUMED(the experiment's choice)"),
    P_INT(walk_params, layers, "1", "1", "100000", "tiles: into the field; 1: it is a plane.",
          "ASSUMED(the experiment's choice)"),
    P_CHOICE(walk_params, order, "rows", orders,
             "tiles, planes: which tiles are a file: as many as follow each other row by row, or a "
             "square or cube of them.",
             "ASSUMED(the experiment's choice)"),
    P_CHOICE(walk_params, across, "z", axes, "planes: the axis across which they lie.",
             "ASSUMED(the experiment's choice)"),
    P_INT(walk_params, view, "3", "1", "100", "tiles: in a view, each way.",
          "ASSUMED(the experiment's choice)"),
    P_REAL(walk_params, straight, "0.9", "0", "1",
           "tiles: chance that the view goes on in its direction.",
           "ASSUMED(the experiment's choice)"),
    P_REAL(walk_params, alpha, "1", "0", "5", "zipf: the exponent of popularity; 0: all alike.",
           "ASSUMED(the experiment's choice)"),
    P_INT(walk_params, run, "1", "1", "10000", "zipf: files of a set, read one after the other.",
          "ASSUMED(the experiment's choice)"),
    P_BOOL(walk_params, scattered, "true",
           "zipf: the files of a set lie anywhere in the data set, else side by side.",
           "ASSUMED(the experiment's choice)"),
    P_INT(walk_params, seed, "1", "0", NULL, "Which draws.", "ASSUMED(the experiment's choice)"),
    P_END,
};

static bool in_field(const struct walk_params *p)
{
    return p->access == WALK_TILES || p->access == WALK_PLANES;
}

/* Tiles of a block each way: a plane's square of them is the pieces of a file, else their cube. */
static int64_t block_side(const struct walk_params *p)
{
    int64_t b = 1;
    while (b * b * (p->layers > 1 ? b : 1) < p->pieces)
        b++;
    return b;
}

static bool check_blocks(const struct walk_params *p, const char *path, struct err *e)
{
    int64_t b = block_side(p), deep = p->layers > 1 ? b : 1;
    return (b * b * deep == p->pieces && p->columns % b == 0 && p->rows % b == 0 &&
            p->layers % deep == 0) ||
           err_set(e,
                   "%s.order = 'blocks': a file of %lld pieces is no %s that divides a field of "
                   "%lld x %lld x %lld tiles",
                   path, (long long)p->pieces, deep > 1 || p->layers > 1 ? "cube" : "square",
                   (long long)p->columns, (long long)p->rows, (long long)p->layers);
}

bool walk_check(const struct walk_params *p, const char *path, struct err *e)
{
    int64_t all = p->files * p->pieces;
    if (in_field(p) && p->columns * p->rows * p->layers != all)
        return err_set(e,
                       "%s: a field of %lld x %lld x %lld tiles is not %lld files of %lld pieces",
                       path, (long long)p->columns, (long long)p->rows, (long long)p->layers,
                       (long long)p->files, (long long)p->pieces);
    if (p->access == WALK_TILES && (p->view > p->columns || p->view > p->rows))
        return err_set(e, "%s.view = %lld: the field is %lld x %lld tiles", path,
                       (long long)p->view, (long long)p->columns, (long long)p->rows);
    if (in_field(p) && p->order == WALK_BLOCKS && !check_blocks(p, path, e))
        return false;
    return p->access != WALK_ZIPF || p->files % p->run == 0 ||
           err_set(e, "%s.run = %lld: %lld files are not sets of so many", path, (long long)p->run,
                   (long long)p->files);
}

/* The next of a sequence of 64-bit numbers [Steele, Lea & Flood 2014: SplitMix]. */
static uint64_t draw(uint64_t *state)
{
    uint64_t z = *state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ z >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ z >> 27) * UINT64_C(0x94d049bb133111eb);
    return z ^ z >> 31;
}

static uint64_t draw_below(uint64_t *state, uint64_t n)
{
    return (uint64_t)((unsigned __int128)draw(state) * n >> 64);
}

static double draw_unit(uint64_t *state) /* [0, 1) */
{
    return (double)(draw(state) >> 11) * 0x1p-53;
}

uint64_t walk_draw(uint64_t seed, uint64_t k, uint64_t n)
{
    uint64_t state = seed;
    state = draw(&state) + k;
    return draw_below(&state, n);
}

/* Sets by popularity; which files they are hangs on the seed alone, not on the program. */
static void init_zipf(struct walk *w)
{
    const struct walk_params *p = w->p;
    uint32_t files = (uint32_t)p->files, run = (uint32_t)p->run, sets = files / run;
    uint32_t unit = p->scattered ? 1 : run; /* what is shuffled as one */
    uint64_t state = (uint64_t)p->seed;
    double sum = 0;
    w->order = port_alloc(w->port, files * sizeof *w->order);
    w->below = port_alloc(w->port, sets * sizeof *w->below);
    for (uint32_t i = 0; i < files; i++)
        w->order[i] = i;
    for (uint32_t i = files / unit - 1; i > 0; i--) {
        uint32_t other = (uint32_t)draw_below(&state, i + 1);
        for (uint32_t k = 0; k < unit; k++) {
            uint32_t was = w->order[i * unit + k];
            w->order[i * unit + k] = w->order[other * unit + k];
            w->order[other * unit + k] = was;
        }
    }
    for (uint32_t i = 0; i < sets; i++)
        w->below[i] = sum += pow((double)i + 1, -p->alpha);
    for (uint32_t i = 0; i < sets; i++)
        w->below[i] /= sum;
}

/* Of the field each way. */
static uint32_t side(const struct walk_params *p, uint32_t way)
{
    const int64_t size[3] = { p->columns, p->rows, p->layers };
    return (uint32_t)size[way];
}

void walk_init(struct walk *w, struct port *port, const struct walk_params *p, uint32_t rank,
               uint32_t ranks)
{
    *w = (struct walk){ .p = p, .port = port, .state = (uint64_t)p->seed };
    w->state = draw(&w->state) + rank;
    w->start =
        (uint64_t)(p->access == WALK_PLANES ? side(p, (uint32_t)p->across) : p->files * p->pieces) /
        ranks * rank;
    if (p->access == WALK_ZIPF)
        init_zipf(w);
}

void walk_fini(struct walk *w)
{
    port_free(w->port, w->order);
    port_free(w->port, w->below);
}

uint32_t walk_set(const struct walk *w, uint32_t file)
{
    uint32_t i = 0;
    if (w->order == NULL)
        return 0;
    while (w->order[i] != file)
        i++;
    return i / (uint32_t)w->p->run;
}

struct walk_piece walk_tile(const struct walk_params *p, const uint32_t x[3])
{
    uint64_t columns = (uint64_t)p->columns, rows = (uint64_t)p->rows;
    if (p->order == WALK_BLOCKS) {
        uint32_t b = (uint32_t)block_side(p), deep = p->layers > 1 ? b : 1;
        uint64_t file = (x[2] / deep * (rows / b) + x[1] / b) * (columns / b) + x[0] / b;
        return (struct walk_piece){ (uint32_t)file, (x[2] % deep * b + x[1] % b) * b + x[0] % b };
    }
    uint64_t tile = (x[2] * rows + x[1]) * columns + x[0];
    return (struct walk_piece){ (uint32_t)(tile / (uint64_t)p->pieces),
                                (uint32_t)(tile % (uint64_t)p->pieces) };
}

static uint32_t view_deep(const struct walk_params *p)
{
    return (uint32_t)(p->view < p->layers ? p->view : p->layers);
}

uint32_t walk_most(const struct walk_params *p)
{
    if (p->access == WALK_TILES)
        return (uint32_t)(p->view * p->view) * view_deep(p);
    if (p->access == WALK_PLANES)
        return (uint32_t)(p->files * p->pieces) / side(p, (uint32_t)p->across);
    return p->access == WALK_ZIPF ? (uint32_t)p->pieces : 1;
}

/* ---- tiles ---- */

/* How far the view's corner may go each way. */
static uint32_t limit(const struct walk_params *p, uint32_t way)
{
    return side(p, way) - (way < 2 ? (uint32_t)p->view : view_deep(p));
}

static bool can_go(const struct walk *w, uint32_t direction)
{
    uint32_t way = direction / 2;
    return direction % 2 == 0 ? w->at[way] < limit(w->p, way) : w->at[way] > 0;
}

/* One tile on; a field no larger than the view is left alone. */
static bool go(struct walk *w)
{
    uint32_t open[6], n = 0;
    for (uint32_t d = 0; d < 6; d++)
        if (can_go(w, d))
            open[n++] = d;
    if (n == 0)
        return false;
    if (draw_unit(&w->state) >= w->p->straight || !can_go(w, w->direction))
        w->direction = open[draw_below(&w->state, n)];
    w->at[w->direction / 2] += w->direction % 2 == 0 ? 1u : UINT32_MAX;
    return true;
}

static uint32_t view_now(struct walk *w, struct walk_piece *out)
{
    const struct walk_params *p = w->p;
    const uint32_t before[3] = { w->at[0], w->at[1], w->at[2] };
    const uint32_t size[3] = { (uint32_t)p->view, (uint32_t)p->view, view_deep(p) };
    uint32_t n = 0, x[3];
    bool all = w->step == 0;
    for (uint32_t way = 0; way < 3 && all; way++)
        w->at[way] = (uint32_t)draw_below(&w->state, limit(p, way) + (uint64_t)1);
    all = all || !go(w);
    for (x[2] = w->at[2]; x[2] < w->at[2] + size[2]; x[2]++)
        for (x[1] = w->at[1]; x[1] < w->at[1] + size[1]; x[1]++)
            for (x[0] = w->at[0]; x[0] < w->at[0] + size[0]; x[0]++) {
                bool seen = !all;
                for (uint32_t way = 0; way < 3; way++)
                    seen = seen && x[way] >= before[way] && x[way] < before[way] + size[way];
                if (!seen)
                    out[n++] = walk_tile(p, x);
            }
    return n;
}

static uint32_t plane_now(const struct walk *w, struct walk_piece *out)
{
    const struct walk_params *p = w->p;
    uint32_t n = 0, x[3], across = (uint32_t)p->across, planes = side(p, across);
    uint32_t at = (uint32_t)((w->start + w->step) % planes);
    for (x[2] = 0; x[2] < side(p, 2); x[2]++)
        for (x[1] = 0; x[1] < side(p, 1); x[1]++)
            for (x[0] = 0; x[0] < side(p, 0); x[0]++)
                if (x[across] == at)
                    out[n++] = walk_tile(p, x);
    return n;
}

/* ---- zipf ---- */

static uint64_t draw_set(struct walk *w)
{
    uint64_t low = 0, high = (uint64_t)(w->p->files / w->p->run) - 1;
    double u = draw_unit(&w->state);
    while (low < high) { /* the first that is more than u */
        uint64_t middle = (low + high) / 2;
        if (w->below[middle] > u)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static uint32_t file_now(struct walk *w, struct walk_piece *out)
{
    uint64_t run = (uint64_t)w->p->run, in = w->step % run;
    if (in == 0)
        w->set = draw_set(w);
    for (uint32_t i = 0; i < (uint32_t)w->p->pieces; i++)
        out[i] = (struct walk_piece){ w->order[w->set * run + in], i };
    return (uint32_t)w->p->pieces;
}

uint32_t walk_next(struct walk *w, struct walk_piece *out)
{
    const struct walk_params *p = w->p;
    uint32_t n = 1;
    if (p->access == WALK_TILES) {
        n = view_now(w, out);
    } else if (p->access == WALK_PLANES) {
        n = plane_now(w, out);
    } else if (p->access == WALK_ZIPF) {
        n = file_now(w, out);
    } else {
        uint64_t at = (w->start + w->step) % (uint64_t)(p->files * p->pieces);
        out[0] = (struct walk_piece){ (uint32_t)(at / (uint64_t)p->pieces),
                                      (uint32_t)(at % (uint64_t)p->pieces) };
    }
    w->step++;
    ASSERT_MSG(n > 0 && n <= walk_most(p), "WALK1");
    return n;
}
