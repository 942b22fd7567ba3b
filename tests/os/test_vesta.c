/* test_vesta.c: files of Vesta against a table of bytes: views, names, crashes. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/vesta_world.h"

enum { COMPUTE = 4, SPAN = 9000, CELLS_MOST = 7 };

static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % n;
}

/* The file as a table, and how long each cell is; `one` is drawn for a case. */
static struct {
    struct vesta_layout layout;
    struct vesta_view view;
    uint64_t seed;
    uint32_t turns;
    enum vesta_mode mode;
    uint8_t table[CELLS_MOST][6 * SPAN];
    uint64_t length[CELLS_MOST];
} one;

static void where(const struct vesta_map *m, uint64_t off, uint32_t *cell, uint64_t *local)
{
    struct vesta_place p = vesta_map_place(m, off);
    *cell = vesta_map_cell(m, p.nth);
    *local = p.local;
    cr_assert_lt(*local, 6 * SPAN);
}

/* What a read of the list must bring. */
static uint64_t expect(const struct vesta_map *m, const struct file_run *runs, uint32_t count,
                       uint8_t *out)
{
    uint64_t n = 0, end = 0;
    for (uint32_t k = 0; k < m->have; k++) {
        uint64_t e = vesta_map_end(m, k, one.length[vesta_map_cell(m, k)]);
        end = e > end ? e : end;
    }
    for (uint32_t k = 0; k < count; k++)
        for (uint64_t i = 0; i < runs[k].count; i++)
            for (uint64_t b = 0; b < runs[k].len; b++, n++) {
                uint64_t off = runs[k].off + i * runs[k].stride + b, local;
                uint32_t cell;
                if (off >= end)
                    return n;
                where(m, off, &cell, &local);
                out[n] = one.table[cell][local];
            }
    return n;
}

static void change(const struct vesta_map *m, const struct file_run *runs, uint32_t count,
                   const uint8_t *bytes)
{
    for (uint32_t k = 0; k < count; k++)
        for (uint64_t i = 0; i < runs[k].count; i++)
            for (uint64_t b = 0; b < runs[k].len; b++) {
                uint32_t cell;
                uint64_t local;
                where(m, runs[k].off + i * runs[k].stride + b, &cell, &local);
                one.table[cell][local] = *bytes++;
                if (one.length[cell] <= local)
                    one.length[cell] = local + 1;
            }
}

static uint32_t draw_runs(uint64_t *state, struct file_run *runs, uint64_t *total)
{
    uint32_t count = 0;
    uint64_t at = draw(state, 2000);
    *total = 0;
    while (count < 4) {
        struct file_run r = { .off = at, .len = 1 + draw(state, 300) };
        r.count = 1 + draw(state, 6);
        r.stride = r.len + draw(state, 300);
        at += r.count * r.stride + draw(state, 300);
        if (at > SPAN)
            break;
        runs[count++] = r;
        *total += r.len * r.count;
    }
    return count;
}

/* A rank has a subfile that others do not touch: what it reads is what it wrote, or what there was.
 * Ends are those of all cells, so ranks write the last byte of theirs first. */
static void shadow(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    struct vesta_file *f;
    struct vesta_map m;
    struct vesta_view view = one.view;
    static uint8_t bytes[COMPUTE][SPAN], want[COMPUTE][SPAN];
    struct file_run runs[4];
    uint64_t state = one.seed * 77 + rank, total, moved;
    (void)w;
    cr_assert_eq(vesta_open(c, "shadow", VESTA_O_CREATE, &one.layout, one.mode, &f), FILE_OK);
    cr_assert_eq(vesta_layout_of(f)->cells, one.layout.cells);
    view.subfile = rank;
    if (!vesta_map_init(&m, one.layout.cells, one.layout.bsu, &view)) { /* it has no cell */
        cr_assert(!vesta_view(f, &view));
        vesta_close(f);
        return;
    }
    cr_assert(vesta_view(f, &view));
    for (uint32_t t = 0; t < one.turns; t++) {
        uint32_t count = draw_runs(&state, runs, &total);
        if (t == 0) {
            runs[0] = (struct file_run){ .off = SPAN - 1, .len = 1, .count = 1 };
            count = 1;
            total = 1;
        }
        if (count == 0)
            continue;
        if (t == 0 || draw(&state, 2)) {
            for (uint64_t i = 0; i < total; i++)
                bytes[rank][i] = (uint8_t)(1 + draw(&state, 255));
            change(&m, runs, count, bytes[rank]);
            cr_assert_eq(vesta_world_write(f, runs, count, bytes[rank], total), FILE_OK);
        } else {
            uint64_t n = expect(&m, runs, count, want[rank]);
            cr_assert_eq(vesta_world_read(f, runs, count, bytes[rank], &moved), FILE_OK);
            cr_assert_eq(moved, n, "rank %u, turn %u", rank, t);
            cr_assert_eq(memcmp(bytes[rank], want[rank], n), 0, "rank %u, turn %u", rank, t);
        }
    }
    cr_assert_eq(vesta_flush(f), FILE_OK);
    vesta_close(f);
}

/* Another view of the same bytes. */
static void look(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    struct vesta_file *f;
    struct vesta_view all = vesta_view_all(one.layout.cells);
    struct vesta_map m;
    struct vesta_layout none = { .bsu = 1, .cells = 1 };
    uint64_t size, moved, end = 0;
    static uint8_t got[COMPUTE * SPAN * 8], want[COMPUTE * SPAN * 8];
    (void)w;
    (void)rank;
    cr_assert(vesta_map_init(&m, one.layout.cells, one.layout.bsu, &all));
    cr_assert_eq(vesta_open(c, "shadow", 0, &none, one.mode, &f), FILE_OK);
    cr_assert_eq(vesta_size(f, &size), FILE_OK);
    for (uint32_t k = 0; k < m.have; k++) {
        uint64_t e = vesta_map_end(&m, k, one.length[k]);
        end = e > end ? e : end;
    }
    cr_assert_eq(size, end);
    struct file_run run = { .off = 0, .len = sizeof got, .count = 1 };
    run.len = size + 100 < sizeof got ? size + 100 : sizeof got;
    uint64_t n = run.len < size ? run.len : size;
    for (uint64_t o = 0; o < n; o++) {
        uint32_t cell;
        uint64_t local;
        where(&m, o, &cell, &local);
        want[o] = one.table[cell][local];
    }
    cr_assert_eq(vesta_world_read(f, &run, 1, got, &moved), FILE_OK);
    cr_assert_eq(moved, n);
    cr_assert_eq(memcmp(got, want, n), 0);
    vesta_close(f);
}

static void draw_case(uint64_t seed, uint32_t io)
{
    uint64_t s = seed;
    memset(&one, 0, sizeof one);
    one.seed = seed;
    one.layout = (struct vesta_layout){ .bsu = 1 + draw(&s, 700),
                                        .cells = 1 + draw(&s, CELLS_MOST),
                                        .base = draw(&s, io) };
    one.view = (struct vesta_view){ .vbs = 1 + draw(&s, 3), .down = draw(&s, 2) };
    static const uint32_t ways[][2] = { { 1, 4 }, { 2, 2 }, { 4, 1 } };
    uint32_t k = draw(&s, 3);
    one.view.vn = ways[k][0];
    one.view.hn = ways[k][1];
    one.view.hbs = 1 + draw(&s, one.layout.cells);
    one.turns = 12;
    one.mode = draw(&s, 2) ? VESTA_INDEPENDENT : VESTA_RECKLESS;
}

/* VST1, VST2: ranks with a subfile each against a table; then one rank sees all of it. */
Test(vesta, views_of_a_table_of_bytes)
{
    for (uint64_t seed = 1; seed <= 12; seed++) {
        struct vesta_world w;
        uint32_t io = 1 + (uint32_t)seed % 4;
        draw_case(seed, io);
        vesta_world_defaults(&w, COMPUTE, io);
        w.store = seed % 2 ? &vesta_world_store : NULL;
        vesta_world_start(&w, (struct fake_options){ .seed = seed, .order = FAKE_RANDOM });
        vesta_world_run(&w, 0, shadow);
        vesta_world_run(&w, 1, look);
        vesta_world_stop(&w);
    }
}

/* ---- names ---- */

static const struct vesta_layout small = { .bsu = 100, .cells = 3, .base = UINT32_MAX };

static struct vesta_file *opened(struct vesta_client *c, const char *name, unsigned flags)
{
    struct vesta_file *f;
    cr_assert_eq(vesta_open(c, name, flags, &small, VESTA_RECKLESS, &f), FILE_OK, "%s", name);
    return f;
}

static void put(struct vesta_client *c, const char *name, uint8_t value, uint32_t n)
{
    uint8_t bytes[1000];
    struct file_run run = { .off = 0, .len = n, .count = 1 };
    struct vesta_file *f = opened(c, name, VESTA_O_CREATE | VESTA_O_EXCL);
    memset(bytes, value, n);
    cr_assert_eq(vesta_world_write(f, &run, 1, bytes, n), FILE_OK);
    cr_assert_eq(vesta_flush(f), FILE_OK);
    vesta_close(f);
}

static enum file_status status_of(struct vesta_client *c, const char *name)
{
    struct vesta_file *f;
    enum file_status s = vesta_open(c, name, 0, &small, VESTA_RECKLESS, &f);
    if (s == FILE_OK)
        vesta_close(f);
    return s;
}

static void has(struct vesta_client *c, const char *name, uint8_t value, uint32_t n)
{
    uint8_t bytes[1000];
    uint64_t moved;
    struct file_run run = { .off = 0, .len = sizeof bytes, .count = 1 };
    struct vesta_file *f = opened(c, name, 0);
    struct vesta_stat st;
    cr_assert_eq(vesta_world_read(f, &run, 1, bytes, &moved), FILE_OK);
    cr_assert_eq(moved, n);
    for (uint32_t i = 0; i < n; i++)
        cr_assert_eq(bytes[i], value);
    cr_assert_eq(vesta_stat(c, name, &st), FILE_OK);
    cr_assert(!st.xref && st.size == n && st.layout.cells == 3 && st.layout.bsu == 100);
    vesta_close(f);
}

/* Two names that `same` (or not) have one home. */
static void pair(uint32_t io, bool same, char *a, char *b)
{
    for (int i = 0;; i++) {
        (void)sprintf(b, "%s.%d", a, i);
        if ((vesta_home(a, io) == vesta_home(b, io)) == same)
            return;
    }
}

static char listed[512];

static void tell(void *arg, const char *name, bool xref)
{
    (void)arg;
    (void)snprintf(listed + strlen(listed), sizeof listed - strlen(listed), "%s%s ", name,
                   xref ? "/" : "");
}

/* VST3. */
static void names(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    char a[63] = "first", b[63], long_name[80];
    struct vesta_file *f, *g;
    (void)rank;
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = 0;
    cr_assert_eq(status_of(c, "none"), FILE_NO_FILE);
    cr_assert_eq(status_of(c, ""), FILE_BAD_NAME);
    cr_assert_eq(status_of(c, long_name), FILE_BAD_NAME);
    cr_assert_eq(vesta_open(c, "bad", VESTA_O_CREATE,
                            &(struct vesta_layout){ .bsu = 0, .cells = 1 }, VESTA_RECKLESS, &f),
                 FILE_RANGE);
    for (int same = 0; same < 2; same++) { /* one home, and two */
        pair(w->io, same, a, b);
        put(c, a, 7, 500);
        put(c, b, 9, 700);
        has(c, a, 7, 500);
        has(c, b, 9, 700);
        cr_assert_eq(vesta_open(c, a, VESTA_O_CREATE | VESTA_O_EXCL, &small, VESTA_RECKLESS, &f),
                     FILE_EXISTS);
        f = opened(c, a, 0);
        g = opened(c, b, 0);
        cr_assert_eq(vesta_rename(c, a, b), FILE_OK); /* b goes */
        cr_assert_eq(status_of(c, a), FILE_NO_FILE);
        has(c, b, 7, 500);
        struct file_run run = { .off = 0, .len = 500, .count = 1 };
        uint8_t bytes[500];
        uint64_t moved;
        cr_assert_eq(vesta_world_read(f, &run, 1, bytes, &moved), FILE_OK); /* it is open still */
        cr_assert_eq(moved, 500);
        cr_assert_eq(vesta_world_read(g, &run, 1, bytes, &moved), FILE_NO_FILE);
        vesta_close(f);
        vesta_close(g);
        cr_assert_eq(vesta_rename(c, a, b), FILE_NO_FILE);
        cr_assert_eq(vesta_rename(c, b, a), FILE_OK);
        has(c, a, 7, 500);
        cr_assert_eq(vesta_unlink(c, a), FILE_OK);
        cr_assert_eq(vesta_unlink(c, a), FILE_NO_FILE);
        put(c, a, 3, 10); /* of a removed file nothing is left */
        has(c, a, 3, 10);
        cr_assert_eq(vesta_unlink(c, a), FILE_OK);
    }
    cr_assert_eq(vesta_mkxref(c, "x"), FILE_OK);
    cr_assert_eq(vesta_mkxref(c, "x"), FILE_EXISTS);
    cr_assert_eq(status_of(c, "x"), FILE_IS_DIR);
    cr_assert_eq(vesta_unlink(c, "x"), FILE_IS_DIR);
    put(c, "x/one", 1, 10);
    put(c, "x/two", 2, 20);
    put(c, "y/three", 3, 30); /* no Xref lists it, and it is there */
    has(c, "y/three", 3, 30);
    cr_assert_eq(vesta_rename(c, "x/two", "x/four"), FILE_OK);
    cr_assert_eq(vesta_mkxref(c, "x/in"), FILE_OK);
    cr_assert_eq(vesta_list(c, "x", tell, NULL), FILE_OK);
    cr_assert_str_eq(listed, "one four in/ ");
    cr_assert_eq(vesta_rmxref(c, "x"), FILE_NOT_EMPTY);
    cr_assert_eq(vesta_rmxref(c, "x/in"), FILE_OK);
    cr_assert_eq(vesta_unlink(c, "x/one"), FILE_OK);
    cr_assert_eq(vesta_rename(c, "x/four", "top"), FILE_OK);
    has(c, "top", 2, 20);
    listed[0] = 0;
    cr_assert_eq(vesta_list(c, "", tell, NULL), FILE_OK);
    cr_assert(strstr(listed, "top ") != NULL && strstr(listed, "x/ ") != NULL &&
              strlen(listed) == 7);
    cr_assert_eq(vesta_rmxref(c, "x"), FILE_OK);
    cr_assert_eq(vesta_list(c, "x", tell, NULL), FILE_NO_FILE);
}

Test(vesta, names)
{
    for (int store = 0; store < 2; store++) {
        struct vesta_world w;
        vesta_world_defaults(&w, 1, 3);
        w.store = store ? &vesta_world_store : NULL;
        listed[0] = 0;
        vesta_world_start(&w, (struct fake_options){ .seed = 3 });
        vesta_world_run(&w, 0, names);
        vesta_world_stop(&w);
    }
}

/* ---- an I/O node restarts between a write and the flush ---- */

static struct vesta_file *kept;
static const struct vesta_layout narrow = { .bsu = 100, .cells = 2, .base = 0 };

static void written(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    static const uint8_t bytes[400];
    const struct file_run all = { .len = sizeof bytes, .count = 1 };
    (void)w;
    (void)rank;
    cr_assert_eq(vesta_open(c, "kept", VESTA_O_CREATE, &narrow, VESTA_RECKLESS, &kept), FILE_OK);
    cr_assert_eq(vesta_world_write(kept, &all, 1, bytes, sizeof bytes), FILE_OK);
}

static void flushed_after_restart(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    enum file_status want = w->arg != NULL ? FILE_UNREACHABLE : FILE_OK;
    (void)c;
    port_thread_sleep(fake_port(w->r.f, rank), 10 * SIM_MS);
    cr_assert_eq(vesta_flush(kept), want, "what was written may be lost");
    cr_assert_eq(vesta_flush(kept), FILE_OK, "it is told once");
    cr_assert_eq(vesta_set_size(kept, 100), FILE_OK);
    cr_assert_eq(vesta_flush(kept), FILE_OK, "in the life of now");
    vesta_close(kept);
}

Test(vesta, a_flush_says_that_an_io_node_lost_what_was_written)
{
    for (uint32_t io = 1; io < 3; io++) { /* of the file's nodes, and another */
        struct vesta_world w;
        vesta_world_defaults(&w, 1, 3);
        vesta_world_start(&w, (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
        vesta_world_run(&w, 0, written);
        fake_crash(w.r.f, 1 + io);
        fake_restart(w.r.f, 1 + io);
        w.arg = io < narrow.cells ? &w : NULL;
        vesta_world_run(&w, 0, flushed_after_restart);
        vesta_world_stop(&w);
    }
}

/* ---- a rename whose caller, or one of whose homes, dies ---- */

static struct {
    char from[63], to[63];
    bool replaces, done, blind; /* blind: nobody looks at the old name before the file goes */
} moving;

static void make_them(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    (void)w;
    (void)rank;
    put(c, moving.from, 7, 500);
    if (moving.replaces)
        put(c, moving.to, 9, 300);
}

static void move_it(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    (void)w;
    (void)rank;
    moving.done = vesta_rename(c, moving.from, moving.to) == FILE_OK;
}

/* One name has the file, whole; the other is as it was, or gone. */
static void is_one(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    struct vesta_stat st = { .size = 0 };
    enum file_status s = vesta_stat(c, moving.to, &st);
    bool moved = s == FILE_OK && st.size == 500;
    (void)w;
    (void)rank;
    cr_assert(moved || !moving.done, "status %s size %d", file_status_name(s), (int)st.size);
    cr_assert(moved || s == (moving.replaces ? FILE_OK : FILE_NO_FILE), "%s", file_status_name(s));
    if (moved) {
        has(c, moving.to, 7, 500);
        cr_assert(moving.blind || status_of(c, moving.from) == FILE_NO_FILE);
    } else {
        has(c, moving.from, 7, 500);
        if (moving.replaces)
            has(c, moving.to, 9, 300);
    }
    const char *name = moved ? moving.to : moving.from;
    cr_assert_eq(vesta_unlink(c, name), FILE_OK); /* and does not come back by the other */
    cr_assert_eq(status_of(c, name), FILE_NO_FILE);
    if (moved || !moving.replaces)
        cr_assert_eq(status_of(c, moved ? moving.from : moving.to), FILE_NO_FILE);
}

/* What is left of a boot and of its peers' notices. */
static void pause(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    (void)c;
    port_thread_sleep(fake_port(w->r.f, rank), SIM_SEC);
}

/* VST3: at every step of a rename dies its caller (0), the old home (1) or the new one (2). */
static uint32_t rename_trials(int who, bool replaces)
{
    uint32_t trials = 0, done = 0;
    for (uint64_t after = 1;; after += who == 0 ? 1 : 3) {
        struct vesta_world w;
        memset(&moving, 0, sizeof moving);
        moving.replaces = replaces;
        moving.blind = after / 3 % 2;
        (void)strcpy(moving.from, "first");
        pair(3, false, moving.from, moving.to);
        vesta_world_defaults(&w, 2, 3);
        vesta_world_start(&w, (struct fake_options){ .seed = after, .detect_delay = 5 * SIM_MS });
        vesta_world_run(&w, 2, make_them);
        uint64_t at = w.crash_step = fake_steps(w.r.f) + after;
        w.down_steps = 40;
        w.crash_node = who == 0 ? 0 : 2 + vesta_home(who == 1 ? moving.from : moving.to, 3);
        vesta_world_run(&w, 1, move_it);
        bool over = w.crash_step == at;
        w.crash_step = over ? 0 : w.crash_step;
        while (w.crash_step > 0) /* it comes back */
            vesta_world_run(&w, 2, pause);
        vesta_world_run(&w, 2, pause);
        done += moving.done;
        vesta_world_run(&w, 2, is_one);
        vesta_world_stop(&w);
        if (over)
            break;
        trials++;
    }
    cr_assert_gt(done, 0);
    return trials;
}

Test(vesta, a_rename_is_done_or_not)
{
    for (int who = 0; who < 3; who++)
        for (int replaces = 0; replaces < 2; replaces++)
            cr_assert_gt(rename_trials(who, replaces), 10);
}

/* The hash spreads names evenly: chi-square with 63 degrees of freedom, 0.999 quantile. */
Test(vesta, the_hash_spreads_names)
{
    static const char *const forms[] = { "file.", "", "d.", "/f", "d/f.", ".0", "", "" };
    for (size_t k = 0; k < ARRAY_LEN(forms); k += 2) {
        uint32_t count[64] = { 0 };
        double x = 0;
        for (uint32_t i = 0; i < 64 * 160; i++) {
            char name[40];
            (void)snprintf(name, sizeof name, "%s%u%s", forms[k], i, forms[k + 1]);
            count[vesta_home(name, 64)]++;
        }
        for (uint32_t i = 0; i < 64; i++)
            x += ((double)count[i] - 160) * ((double)count[i] - 160) / 160;
        cr_assert_lt(x, 103.4, "%s: %g", forms[k], x);
        cr_assert_gt(x, 20, "%s: %g: too even to be a hash", forms[k], x);
    }
}
