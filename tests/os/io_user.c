/* io_user.c: see io_user.h. */
#include "tests/os/io_user.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct flight {
    struct pio_req r;
    struct file_run runs[RUNS];
    struct shadow_op *x;
    struct slot *s;
    sim_time since;
    bool lost; /* a write behind of the file failed meanwhile */
    struct pio_memory memory;
    struct file_run places[2];
    struct rope buffer;
};

struct rank {
    struct stage *g;
    struct pio *sys;
    struct port *port;
    uint32_t rank;
    uint64_t draws;
    struct {
        struct pio_file *f;
        uint32_t gen;
        bool cached;
    } handle[FILES];
    struct flight flight[FLIGHT];
};
static struct rank ranks[IO_RANKS];
struct stage io_stage;

uint32_t io_draw(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % n;
}

static void think(struct rank *r, uint32_t ms)
{
    port_thread_sleep(r->port, (sim_time)io_draw(&r->draws, ms * 10 + 1) * SIM_MS / 10);
}

/* Of the test, not of the machine. */
static void barrier(struct rank *r)
{
    struct stage *g = r->g;
    uint32_t round = g->round;
    if (++g->arrived == IO_RANKS) {
        g->arrived = 0;
        g->round++;
        g->met = port_now(r->port);
    }
    while (g->round == round)
        port_thread_sleep(r->port, 50 * SIM_MS);
}

/* Whether it went well; if not, a fault was near.  `since`: of what all ranks call together g->met:
 * what went wrong at one of them is told to those that called later, too. */
static bool went(struct rank *r, enum pio_status s, sim_time since, const char *what)
{
    struct stage *g = r->g;
    sim_time now = port_now(r->port);
    cr_assert(now - since < BOUND || !g->ordered, "%s: rank %u: %s takes %.0f s", g->label, r->rank,
              what, (double)(now - since) / SIM_SEC);
    g->failed += s != PIO_OK;
    if (s == PIO_OK)
        return true;
    cr_assert((g->faults & (CRASH | DEVICE)) != 0 && since < g->clear,
              "%s: rank %u: %s: %s, and no fault is near", g->label, r->rank, what,
              pio_status_name(s));
    cr_assert(s == PIO_SERVER_DOWN || s == PIO_IO_ERROR, "%s: rank %u: %s: %s", g->label, r->rank,
              what, pio_status_name(s));
    return false;
}

static enum pio_status control(struct rank *r, struct pio_file *f, struct pio_control *c)
{
    return pio_control(r->sys, f, c);
}

static bool can(const struct rank *r, enum pio_ctl what)
{
    return (r->sys->ops->can & PIO_CAN(what)) != 0;
}

/* ---- files ---- */

static void new_name(struct stage *g, char name[40])
{
    (void)snprintf(name, 40, "%sf%u", g->w.ops->can & PIO_CAN(PIO_MKDIR) ? "dir/" : "", g->names++);
}

static int mode_with_offsets(struct rank *r)
{
    int of[16], n = 0;
    const struct pio_ops *ops = r->sys->ops;
    of[n++] = PIO_PLAIN;
    for (int i = 0; ops->modes != NULL && ops->modes->items[i] != NULL && n < 16; i++)
        if ((ops->mode(i) & PIO_MODE_OFFSETS) && !(ops->mode(i) & PIO_MODE_TOGETHER))
            of[n++] = i;
    return of[io_draw(&r->draws, (uint32_t)n)];
}

static struct pio_open opening(struct rank *r, const struct slot *s, unsigned flags)
{
    return (struct pio_open){ .name = s->name,
                              .flags = flags,
                              .rank = r->g->w.shared ? r->rank : 0,
                              .ranks = r->g->w.shared ? IO_RANKS : 1,
                              .mode = s->mode };
}

static uint32_t index_of(struct rank *r, const struct slot *s)
{
    return (uint32_t)(s - r->g->slot);
}

static void let_go(struct rank *r, uint32_t i)
{
    sim_time since = port_now(r->port);
    if (r->handle[i].f != NULL) {
        enum pio_status st = pio_close(r->handle[i].f);
        if (st != PIO_NO_FILE || r->handle[i].gen == r->g->slot[i].gen) /* it was removed */
            (void)went(r, st, since, "close");
    }
    r->handle[i].f = NULL;
}

/* Some of the handles keep blocks of their file.  Their users see to it that others see what they
 * write, and they what others write (PIO2). */
static void cache_it(struct rank *r, uint32_t i)
{
    r->handle[i].cached = r->handle[i].f != NULL && io_draw(&r->draws, 3) == 0;
    if (!r->handle[i].cached)
        return;
    const struct file_cache_params p = { .dirty_fraction = 0.5,
                                         .bytes = 1000 << io_draw(&r->draws, 4),
                                         .block = 100 + io_draw(&r->draws, 150),
                                         .ahead = io_draw(&r->draws, 4),
                                         .dirty = io_draw(&r->draws, 2000) };
    struct pio_control c = { .what = PIO_CACHING, .cache = &p };
    cr_assert_eq(control(r, r->handle[i].f, &c), PIO_OK);
}

static bool cached(struct rank *r, const struct slot *s)
{
    return r->handle[s - r->g->slot].cached;
}

static void lose(struct rank *r, const struct slot *s)
{
    for (uint32_t i = 0; i < FLIGHT; i++)
        r->flight[i].lost |= r->flight[i].s == s;
}

/* Of a write that failed as it went out, told later than the fault. */
static bool late(const struct rank *r, enum pio_status st)
{
    return (st == PIO_IO_ERROR && (r->g->faults & DEVICE)) ||
           (st == PIO_SERVER_DOWN && (r->g->faults & CRASH)); /* of what a dead node had, too */
}

/* What was written is with the file system; else any write of the rank may be lost. */
static bool propagated(struct rank *r, struct slot *s)
{
    sim_time since = port_now(r->port);
    if (!cached(r, s))
        return true;
    enum pio_status st = pio_propagate(r->handle[s - r->g->slot].f);
    if (!late(r, st) && went(r, st, since, "propagate"))
        return true;
    lose(r, s);
    return false;
}

static void refresh(struct rank *r, struct slot *s)
{
    if (cached(r, s))
        cr_assert_eq(pio_refresh(r->handle[s - r->g->slot].f), PIO_OK);
}

/* It has the file for itself: a new one, empty. */
static void make(struct rank *r, struct slot *s)
{
    struct stage *g = r->g;
    uint32_t i = index_of(r, s);
    let_go(r, i);
    new_name(g, s->name);
    s->mode = mode_with_offsets(r);
    struct pio_open o = opening(r, s, PIO_O_CREATE | PIO_O_EXCL);
    o.unit = g->seed % 2 ? g->w.unit : 0;
    sim_time since = port_now(r->port);
    s->there = went(r, pio_open(r->sys, &o, &r->handle[i].f), since, "create");
    s->unsure = false;
    cache_it(r, i);
    r->handle[i].gen = ++s->gen;
    shadow_fresh(s->s);
}

/* NULL: it cannot be opened now. */
static struct pio_file *handle(struct rank *r, struct slot *s)
{
    uint32_t i = index_of(r, s);
    if (r->handle[i].f != NULL && r->handle[i].gen == s->gen)
        return r->handle[i].f;
    let_go(r, i);
    struct pio_open o = opening(r, s, 0);
    sim_time since = port_now(r->port);
    (void)went(r, pio_open(r->sys, &o, &r->handle[i].f), since, "open");
    cache_it(r, i);
    r->handle[i].gen = s->gen;
    return r->handle[i].f;
}

/* ---- reads and writes ---- */

/* Runs that do not overlap, in any order. */
static uint32_t draw_runs(uint64_t *state, struct file_run runs[RUNS], uint32_t from, uint32_t span)
{
    uint32_t n = io_draw(state, 3) == 0 ? 1 + io_draw(state, RUNS) : 1, room = span / n;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = 1 + io_draw(state, io_draw(state, 3) == 0 ? room / 2 : room / 12 + 1),
                 count = 1;
        uint32_t off = io_draw(state, room - len + 1), stride = len + io_draw(state, 200);
        if (io_draw(state, 4) == 0 && room > 4096) { /* whole blocks */
            off = io_draw(state, room / 2048) * 2048;
            len = stride = 2048;
        }
        while (io_draw(state, 4) > 0 && off + count * stride + len <= room)
            count++;
        runs[(i + n / 2) % n] = (struct file_run){ from + i * room + off, len, stride, count };
    }
    return n;
}

static void judge(struct rank *r, const struct shadow_op *x, const struct rope *data,
                  uint64_t moved, const char *what)
{
    static uint8_t got[SHADOW_SPAN * RUNS];
    cr_assert_eq(moved, data->length);
    cr_assert_leq(moved, sizeof got);
    rope_read(data, 0, moved, got);
    const char *wrong = shadow_judge(x, got, moved);
    cr_assert(wrong == NULL, "%s: rank %u: %s: %s", r->g->label, r->rank, what, wrong);
    r->g->judged += moved;
}

/* The request's bytes lie in memory with something between them: 7 of each 10. */
static void lay_out(struct flight *x)
{
    uint64_t n = pio_length(x->runs, x->r.run_count), whole = n / 7;
    rope_init(&x->buffer);
    for (uint64_t i = 0; i < n; i += 7) {
        uint64_t part = n - i < 7 ? n - i : 7;
        rope_add_zero(&x->buffer, 3);
        if (x->r.op == PIO_WRITE)
            rope_add_slice(&x->buffer, &x->r.data, i, part);
        else
            rope_add_zero(&x->buffer, part);
    }
    rope_fini(&x->r.data);
    x->places[0] = (struct file_run){ .off = 3, .len = 7, .stride = 10, .count = whole };
    x->places[1] = (struct file_run){ .off = whole * 10 + 3, .len = n % 7, .count = 1 };
    x->memory =
        (struct pio_memory){ .buffer = &x->buffer, .runs = x->places, .run_count = n % 7 ? 2 : 1 };
    x->r.memory = &x->memory;
}

static void take_up(struct flight *x)
{
    for (uint64_t i = 0; i < x->r.moved && x->r.op == PIO_READ; i += 7)
        rope_add_slice(&x->r.data, &x->buffer, i / 7 * 10 + 3,
                       x->r.moved - i < 7 ? x->r.moved - i : 7);
    rope_fini(&x->buffer);
}

static void finish(struct rank *r, struct flight *x)
{
    struct stage *g = r->g;
    bool read = x->r.op == PIO_READ;
    bool good = went(r, pio_wait(&x->r), x->since, read ? "read" : "write");
    if (!read)
        good = propagated(r, x->s) && good && !x->lost;
    if (x->r.memory != NULL)
        take_up(x);
    const struct pio_split *t = &x->r.split;
    cr_assert_eq(t->client + t->mesh + t->queue + t->arm, t->latency); /* PIO4 */
    if (good && read)
        judge(r, x->x, &x->r.data, x->r.moved, "read");
    if (good && !read)
        cr_assert_eq(x->r.moved, pio_length(x->runs, x->r.run_count));
    g->reads += read;
    g->writes += !read;
    shadow_end(x->x, good);
    rope_fini(&x->r.data);
    x->s->busy--;
    x->x = NULL;
}

static void begin(struct rank *r, struct flight *x, struct slot *s, struct pio_file *f)
{
    bool read = io_draw(&r->draws, 2);
    pio_req_init(&x->r, read ? PIO_READ : PIO_WRITE, f);
    x->s = s;
    x->r.runs = x->runs;
    x->r.run_count = draw_runs(&r->draws, x->runs, 0, SHADOW_SPAN);
    x->lost = false;
    if (read)
        refresh(r, s);
    x->x = read ? shadow_read(s->s, x->runs, x->r.run_count)
                : shadow_write(s->s, x->runs, x->r.run_count, &x->r.data);
    x->since = port_now(r->port);
    if (io_draw(&r->draws, 3) == 0)
        lay_out(x);
    pio_submit(&x->r);
}

static void finish_all(struct rank *r)
{
    for (uint32_t i = 0; i < FLIGHT; i++)
        if (r->flight[i].x != NULL)
            finish(r, &r->flight[i]);
}

static void transfer(struct rank *r, struct slot *s)
{
    struct flight *x = &r->flight[io_draw(&r->draws, FLIGHT)];
    if (x->x != NULL)
        finish(r, x);
    if (s->locked || !s->there || s->unsure) /* meanwhile */
        return;
    s->busy++;
    struct pio_file *f = handle(r, s);
    if (f != NULL)
        begin(r, x, s, f);
    else
        s->busy--;
}

/* ---- the rest ---- */

static void ask_size(struct rank *r, struct slot *s, bool by_name)
{
    struct pio_control c = { .what = by_name ? PIO_STAT : PIO_GET_SIZE };
    char name[sizeof s->name];
    s->busy++;
    struct pio_file *f = by_name ? NULL : handle(r, s);
    if (by_name || f != NULL) {
        struct shadow_op *x = shadow_ask(s->s);
        sim_time since = port_now(r->port);
        memcpy(name, s->name, sizeof name);
        c.name = name;
        if (went(r, control(r, f, &c), since, by_name ? "stat" : "get size")) {
            const char *wrong = shadow_judge_size(x, by_name ? c.stat.size : c.value);
            cr_assert(wrong == NULL, "%s: rank %u: %s", r->g->label, r->rank, wrong);
        }
        shadow_end(x, true);
    }
    s->busy--;
}

static bool flush(struct rank *r, struct slot *s)
{
    bool good = false;
    s->busy++;
    struct pio_file *f = handle(r, s);
    if (f != NULL) {
        struct shadow_op *x = shadow_flush(s->s);
        sim_time since = port_now(r->port);
        enum pio_status st = pio_flush(f);
        good = !late(r, st) && went(r, st, since, "flush");
        if (!good)
            lose(r, s);
        shadow_end(x, good);
    }
    s->busy--;
    return good;
}

static void set_size(struct rank *r, struct slot *s)
{
    uint64_t size = s->unsure ? 0 : io_draw(&r->draws, SHADOW_SPAN);
    struct pio_file *f = handle(r, s);
    if (f == NULL)
        return;
    struct shadow_op *x = shadow_size(s->s, size);
    sim_time since = port_now(r->port);
    bool good = went(r, pio_set_size(f, size), since, "set size");
    shadow_end(x, good);
    s->unsure &= !good;
}

static void rename_it(struct rank *r, struct slot *s)
{
    char to[sizeof s->name];
    new_name(r->g, to);
    struct pio_control c = { .what = PIO_RENAME, .name = s->name, .to = to };
    sim_time since = port_now(r->port);
    s->there = went(r, control(r, NULL, &c), since, "rename");
    memcpy(s->name, to, sizeof to);
    s->gen += io_draw(&r->draws, 2); /* handles are good or made anew */
}

static void remove_it(struct rank *r, struct slot *s)
{
    char old[sizeof s->name];
    memcpy(old, s->name, sizeof old);
    struct pio_control c = { .what = PIO_UNLINK, .name = old };
    sim_time since = port_now(r->port);
    bool good = went(r, control(r, NULL, &c), since, "unlink");
    s->gen++;
    c.what = PIO_STAT;
    if (good && can(r, PIO_STAT)) {
        enum pio_status st = control(r, NULL, &c);
        cr_assert_neq(st, PIO_OK, "%s: a file that was removed is there", r->g->label);
        if (st != PIO_NO_FILE)
            (void)went(r, st, since, "stat of what is gone");
    }
    make(r, s);
}

static uint32_t seen_entries;
static const char *seen_name;
static void see_entry(void *arg, const char *name, bool directory)
{
    (void)arg;
    seen_entries += !directory && strcmp(name, seen_name) == 0;
}

/* A directory of its own, and how the file stands in the common one. */
static void directories(struct rank *r, struct slot *s)
{
    char name[40];
    sim_time since = port_now(r->port);
    (void)snprintf(name, sizeof name, "dir/d%u_%u", r->rank, r->g->names++);
    struct pio_control c = { .what = PIO_MKDIR, .name = name };
    if (went(r, control(r, NULL, &c), since, "mkdir")) {
        c.what = PIO_STAT;
        if (went(r, control(r, NULL, &c), since, "stat"))
            cr_assert(c.stat.directory);
        c.what = PIO_RMDIR;
        (void)went(r, control(r, NULL, &c), since, "rmdir");
    }
    c = (struct pio_control){ .what = PIO_LIST, .name = "dir", .entry = see_entry };
    while (s->locked)
        think(r, 5);
    if (!s->there)
        return;
    s->busy++; /* nobody renames it */
    since = port_now(r->port);
    struct rank *only = r;
    static struct rank *listing;
    while (listing != NULL)
        think(only, 5);
    listing = r;
    seen_entries = 0;
    seen_name = s->name + 4;
    if (went(r, control(r, NULL, &c), since, "list"))
        cr_assert_eq(seen_entries, 1, "%s: %s is %u times in its directory", r->g->label, s->name,
                     seen_entries);
    listing = NULL;
    s->busy--;
}

/* Changes no result. */
static void hint(struct rank *r, struct slot *s)
{
    struct file_run runs[RUNS];
    struct pio_control c = { .what = PIO_HINT, .runs = runs };
    c.value = io_draw(&r->draws, PIO_HINT_WONT_NEED + 1);
    c.run_count = draw_runs(&r->draws, runs, 0, SHADOW_SPAN);
    s->busy++;
    struct pio_file *f = handle(r, s);
    sim_time since = port_now(r->port);
    if (f != NULL)
        (void)went(r, control(r, f, &c), since, "hint");
    s->busy--;
}

/* What needs the file for itself. */
static void alone(struct rank *r, struct slot *s, uint32_t kind)
{
    if (s->busy > 0)
        return;
    s->locked = true;
    if (!s->there)
        make(r, s);
    else if (s->unsure || kind == 0)
        set_size(r, s);
    else if (kind == 1 && can(r, PIO_RENAME))
        rename_it(r, s);
    else if (can(r, PIO_UNLINK))
        remove_it(r, s);
    s->locked = false;
}

static void turn(struct rank *r)
{
    struct stage *g = r->g;
    struct slot *s = &g->slot[g->w.shared ? io_draw(&r->draws, FILES) : r->rank];
    uint32_t kind = io_draw(&r->draws, 24);
    if (io_draw(&r->draws, 3) == 0)
        think(r, io_draw(&r->draws, 8) == 0 ? 3000 : 30);
    if (s->locked)
        return;
    if (!s->there || s->unsure)
        alone(r, s, 0);
    else if (kind < 16)
        transfer(r, s);
    else if (kind == 16 && io_draw(&r->draws, 2))
        hint(r, s);
    else if (kind < 18)
        ask_size(r, s, kind == 17 && can(r, PIO_STAT));
    else if (kind < 20)
        (void)flush(r, s);
    else if (kind < 23)
        alone(r, s, kind == 22 ? io_draw(&r->draws, 3) : 0);
    else if (can(r, PIO_MKDIR) && can(r, PIO_LIST) && can(r, PIO_STAT))
        directories(r, s);
}

/* ---- all ranks together ---- */

static bool usable(const struct slot *s)
{
    return s->there && !s->unsure && s->busy == 0;
}

/* All have come: what was written is judged and known, or, after a failure, nothing is. */
static void settle_writes(struct rank *r, struct slot *s, unsigned traits, uint32_t each,
                          uint64_t len)
{
    struct stage *g = r->g;
    uint64_t sum = 0, all = (uint64_t)IO_RANKS * each * len;
    bool same = traits & PIO_MODE_SAME;
    for (uint32_t k = 0; k < each; k++)
        for (uint32_t i = 0; i < IO_RANKS; i++) {
            uint64_t off = g->off[i][k];
            if (!g->bad && same)
                cr_assert_eq(off, k * len, "%s: request %u at %d", g->label, k, (int)off);
            else if (!g->bad && (traits & PIO_MODE_RANKS))
                cr_assert_eq(off, ((uint64_t)k * IO_RANKS + i) * len,
                             "%s: request %u of rank %u at %d", g->label, k, i, (int)off);
            else if (!g->bad)
                cr_assert(off % len == 0 && off < all, "%s: request %u of rank %u at %d", g->label,
                          k, i, (int)off);
            sum += off / len;
            if (g->op[i][k] != NULL && !g->bad)
                shadow_moved_to(g->op[i][k], off);
        }
    if (!g->bad && !same) /* each place once */
        cr_assert_eq(sum, all / len * (all / len - 1) / 2, "%s: places", g->label);
    for (uint32_t k = 0; k < each; k++)
        for (uint32_t i = 0; i < IO_RANKS; i++) {
            if (g->op[i][k] != NULL)
                shadow_end(g->op[i][k], !g->bad);
            g->op[i][k] = NULL;
        }
    if (g->bad) {
        shadow_unsure(s->s);
        s->unsure = true;
    }
}

/* Requests of all ranks at a shared pointer, several under way. */
static void point(struct rank *r, struct slot *s, struct pio_file *f, enum pio_op op, uint32_t each,
                  uint64_t len)
{
    struct stage *g = r->g;
    const struct file_run run = { .len = len, .count = 1 };
    struct pio_req q[EACH];
    bool same = f != NULL && (r->sys->ops->mode(f->mode) & PIO_MODE_SAME);
    for (uint32_t k = 0; k < each && f != NULL; k++) {
        struct shadow_op **x = &g->op[same ? 0 : r->rank][k];
        pio_req_init(&q[k], op, f);
        q[k].runs = &run;
        q[k].run_count = 1;
        if (op == PIO_WRITE && *x == NULL)
            *x = shadow_write(s->s, &run, 1, &q[k].data);
        else if (op == PIO_WRITE)
            shadow_data(*x, &q[k].data);
        pio_submit(&q[k]);
    }
    for (uint32_t k = 0; k < each && f != NULL; k++) {
        bool good = went(r, pio_wait(&q[k]), g->met, "request at a pointer");
        g->off[r->rank][k] = q[k].off;
        g->bad |= !good;
        const struct file_run at = { .off = q[k].off, .len = len, .count = 1 };
        if (good && op == PIO_READ) {
            struct shadow_op *x = shadow_read(s->s, &at, 1);
            judge(r, x, &q[k].data, q[k].moved, "read at a pointer");
            cr_assert_eq(q[k].moved, len);
            shadow_end(x, true);
        }
        rope_fini(&q[k].data);
    }
    g->bad |= f == NULL;
}

static void pointers(struct rank *r, struct slot *s, int mode, uint64_t *state)
{
    struct stage *g = r->g;
    unsigned traits = r->sys->ops->mode(mode);
    uint32_t each = 1 + io_draw(state, EACH);
    uint64_t len = 1 + io_draw(state, SHADOW_SPAN / (EACH * IO_RANKS) - 1);
    struct pio_file *f = NULL;
    struct pio_open o = opening(r, s, 0);
    o.mode = mode;
    o.together = true;
    let_go(r, index_of(r, s)); /* one mode at a time */
    barrier(r);
    enum pio_status st = pio_open(r->sys, &o, &f);
    if (st == PIO_CLOSED) /* rank 0 could not, which tells why */
        g->closed = g->bad = true;
    else if (!went(r, st, g->met, "open together"))
        g->gave_up = g->bad = true;
    barrier(r);
    cr_assert(!g->closed || g->gave_up, "%s: an open fails at others alone", g->label);
    if (!g->bad) /* else one of them cannot take part */
        point(r, s, f, PIO_WRITE, each, len);
    barrier(r);
    if (r->rank == 0)
        settle_writes(r, s, traits, each, len);
    barrier(r);
    struct pio_control seek = { .what = PIO_SEEK };
    if (!g->bad && can(r, PIO_SEEK) && !went(r, control(r, f, &seek), g->met, "seek"))
        g->bad = true;
    barrier(r);
    if (!g->bad && can(r, PIO_SEEK))
        point(r, s, f, PIO_READ, each, len);
    sim_time since = port_now(r->port);
    if (f != NULL)
        (void)went(r, pio_close(f), since, "close");
    barrier(r);
}

static void collective(struct rank *r, struct slot *s, const struct coll_ops *ops)
{
    struct stage *g = r->g;
    const struct coll_params p = { .buffer = 1400, .align = 700 };
    struct pio_file *f = handle(r, s);
    if (f == NULL)
        g->bad = true;
    barrier(r);
    if (g->bad)
        return;
    struct coll *c = coll_open(ops, &p, f);
    for (int k = 0; k < 3; k++) {
        struct file_run runs[RUNS];
        struct coll_part x = { .op = k == 0 ? PIO_WRITE : PIO_READ, .runs = runs };
        x.run_count = io_draw(&r->draws, 5) == 0 ? 0 : draw_runs(&r->draws, runs, 0, SHADOW_SPAN);
        rope_init(&x.data);
        refresh(r, s);
        struct shadow_op *sh = k == 0 ? shadow_write(s->s, runs, x.run_count, &x.data)
                                      : shadow_read(s->s, runs, x.run_count);
        g->status[r->rank] = coll_transfer(c, &x);
        bool good = went(r, g->status[r->rank], g->met, ops->kind.name);
        good = propagated(r, s) && good;
        if (good && k > 0)
            judge(r, sh, &x.data, x.moved, ops->kind.name);
        shadow_end(sh, good);
        rope_fini(&x.data);
        barrier(r);
        bool alike = ops->together && (k == 0 || strcmp(ops->kind.name, "sieve") != 0);
        for (uint32_t i = 0; i < IO_RANKS && alike; i++) /* COLL2 */
            cr_assert_eq(g->status[i], g->status[r->rank], "%s: %s: rank %u: %s", g->label,
                         ops->kind.name, i, pio_status_name(g->status[i]));
        barrier(r);
    }
    coll_close(c);
}

/* A phase that all ranks draw alike. */
static void together(struct rank *r, uint64_t state)
{
    struct stage *g = r->g;
    struct slot *s = &g->slot[io_draw(&state, FILES)];
    const struct pio_ops *ops = r->sys->ops;
    struct err e = ERR_INIT;
    int modes[16], n = 0, methods = 0;
    for (int i = 0; ops->modes != NULL && ops->modes->items[i] != NULL && n < 16; i++)
        if (!(ops->mode(i) & PIO_MODE_OFFSETS))
            modes[n++] = i;
    while (coll_methods.items[methods] != NULL)
        methods++;
    uint32_t which = io_draw(&state, (uint32_t)(n + methods));
    bool good = usable(s) && g->w.shared;
    g->bad = g->closed = g->gave_up = false;
    barrier(r);
    if (!good)
        return;
    const struct coll_ops *method =
        which < (uint32_t)n ? NULL : kind_at(&coll_methods, (int)which - n);
    if (method == NULL)
        pointers(r, s, modes[which], &state);
    else if (coll_check(method, ops, &g->w.layout, "method", &e))
        collective(r, s, method);
}

/* ---- the end ---- */

static void look(struct rank *r)
{
    const struct file_run all = { .len = SHADOW_SPAN, .count = 1 };
    for (uint32_t i = 0; i < FILES; i++) {
        struct slot *s = &r->g->slot[i];
        struct flight *x = &r->flight[0];
        if (!s->there || s->unsure || (!r->g->w.shared && i != r->rank))
            continue;
        struct pio_file *f = handle(r, s);
        cr_assert_not_null(f, "%s: file %u cannot be opened", r->g->label, i);
        ask_size(r, s, false);
        s->busy++;
        pio_req_init(&x->r, PIO_READ, f);
        x->s = s;
        x->runs[0] = all;
        refresh(r, s);
        x->r.runs = x->runs;
        x->r.run_count = 1;
        x->x = shadow_read(s->s, &all, 1);
        x->since = port_now(r->port);
        pio_submit(&x->r);
        finish(r, x);
    }
}

static void end(struct rank *r)
{
    struct stage *g = r->g;
    g->calm = true;
    barrier(r);
    while (g->down != UINT32_MAX || g->sick != UINT32_MAX || port_now(r->port) < g->clear)
        port_thread_sleep(r->port, SIM_SEC);
    barrier(r);
    look(r);
    barrier(r);
    struct slot *own = &g->slot[r->rank];
    if (own->there && !own->unsure) {
        for (int i = 0; i < 6; i++) /* what no timer has flushed yet */
            transfer(r, own);
        finish_all(r);
        cr_assert(flush(r, own) || flush(r, own) || flush(r, own),
                  "%s: a flush fails, and no fault is near", g->label);
    }
    barrier(r);
    if (r->rank == 0 && (g->faults & CRASH))
        g->all_die = true;
    while (g->all_die || port_now(r->port) < g->clear)
        port_thread_sleep(r->port, SIM_SEC);
    barrier(r);
    for (uint32_t i = 0; i < FILES; i++)
        let_go(r, i);
    look(r);
}

void io_user(struct io_world *w, struct os_node *n, uint32_t rank)
{
    struct rank *r = &ranks[rank];
    struct stage *g = &io_stage;
    memset(r, 0, sizeof *r);
    r->g = g;
    r->rank = rank;
    r->port = n->port;
    r->sys = pio_find(w->ops, n);
    r->draws = g->seed * 1000 + rank;
    struct pio_control c = { .what = PIO_MKDIR, .name = "dir" };
    sim_time since = port_now(r->port);
    if (can(r, PIO_MKDIR) && (rank == 0 || !w->shared))
        while (!went(r, control(r, NULL, &c), since, "mkdir"))
            think(r, 100);
    barrier(r);
    for (uint32_t phase = 0; phase < PHASES; phase++) {
        for (int i = 0; phase % 2 == 0 && i < TURNS; i++)
            turn(r);
        finish_all(r);
        barrier(r);
        if (phase % 2 == 1)
            together(r, g->seed * 77 + phase);
        barrier(r);
    }
    end(r);
    for (uint32_t i = 0; i < FILES; i++)
        let_go(r, i);
}
