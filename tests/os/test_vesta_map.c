/* test_vesta_map.c: the arithmetic of views against a table filled entry by entry. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "os/file/pieces.h"
#include "os/vesta/map.h"
#include "tests/fake/port_fake.h"

static uint64_t state;

static uint32_t draw(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

enum { ROWS = 40, CELLS = 12, BSU = 7, BYTES = ROWS * CELLS * BSU };

/* The slow model: walks blocks, and in a block entries, as the words of map.h say; the byte of the
 * table, or -1 behind its last row. */
static uint32_t model(uint32_t cells, uint32_t bsu, const struct vesta_view *w, int32_t *where,
                      uint32_t v, uint32_t h)
{
    uint32_t n = 0;
    for (uint32_t top = v * (uint32_t)w->vbs; top < ROWS; top += w->vn * (uint32_t)w->vbs) {
        uint32_t column[CELLS] = { 0 }, columns = 0;
        for (uint32_t c = 0; c < cells; c++)
            if (c / w->hbs % w->hn == h)
                column[columns++] = c;
        for (uint32_t a = 0; a < (w->down ? columns : w->vbs); a++)
            for (uint32_t b = 0; b < (w->down ? w->vbs : columns); b++) {
                uint32_t r = top + (w->down ? b : a), c = column[w->down ? a : b];
                for (uint32_t x = 0; x < bsu; x++)
                    where[n++] = r < ROWS ? (int32_t)((c * ROWS + r) * bsu + x) : -1;
            }
    }
    return n;
}

/* Where a subfile ends when a cell has so many bytes, other bytes than the subfile's included. */
static void ends(const struct vesta_map *m, uint32_t n)
{
    static uint64_t end[CELLS][ROWS * BSU + 1];
    memset(end, 0, sizeof end);
    for (uint32_t o = 0; o < n; o++) {
        struct vesta_place p = vesta_map_place(m, o);
        if (p.local < ROWS * m->bsu)
            end[p.nth][p.local + 1] = o + 1;
    }
    for (uint32_t k = 0; k < m->have; k++)
        for (uint64_t i = 1; i <= ROWS * m->bsu; i++) {
            end[k][i] = end[k][i] > 0 ? end[k][i] : end[k][i - 1];
            cr_assert_eq(vesta_map_end(m, k, i), end[k][i]);
        }
}

/* One subfile; marks the bytes of the table that it has. */
static void one(uint32_t cells, uint32_t bsu, const struct vesta_view *w, uint8_t *seen)
{
    static int32_t where[4 * BYTES];
    struct vesta_map m;
    uint32_t v = w->by_column ? w->subfile % w->vn : w->subfile / w->hn;
    uint32_t h = w->by_column ? w->subfile / w->vn : w->subfile % w->hn;
    uint32_t n = model(cells, bsu, w, where, v, h);
    uint64_t last[CELLS] = { 0 };
    bool has = vesta_map_init(&m, cells, bsu, w);
    if (!has) { /* no column of it */
        for (uint32_t c = 0; c < cells; c++)
            cr_assert_neq(c / w->hbs % w->hn, h);
        return;
    }
    for (uint32_t o = 0; o < n; o++) {
        struct vesta_place p = vesta_map_place(&m, o);
        uint32_t cell = vesta_map_cell(&m, p.nth);
        cr_assert_lt(p.nth, m.have);
        cr_assert_lt(cell, cells);
        cr_assert_eq(vesta_map_offset(&m, p.nth, p.local), o, "there and back");
        cr_assert_gt(p.run, 0);
        for (uint64_t i = 1; i < p.run && o + i < n; i++)
            cr_assert_eq(vesta_map_place(&m, o + i).local, p.local + i);
        if (where[o] >= 0) {
            cr_assert_eq((uint64_t)where[o], cell * ROWS * bsu + p.local, "byte %u", o);
            cr_assert_eq(seen[where[o]]++, 0, "subfiles are disjoint");
        }
        cr_assert_geq(p.local + 1, last[p.nth], "in the order of the cell");
        last[p.nth] = p.local + 1;
        if (o % 5 == 0)
            for (uint32_t k = 0; k < m.have; k++) {
                uint64_t least = vesta_map_length(&m, k, o + 1);
                cr_assert_eq(least, last[k]);
                cr_assert_leq(vesta_map_end(&m, k, least), o + 1);
            }
    }
    ends(&m, n);
}

static void whole_view(uint32_t cells, uint32_t bsu, struct vesta_view w)
{
    static uint8_t seen[BYTES];
    memset(seen, 0, sizeof seen);
    for (w.subfile = 0; w.subfile < w.vn * w.hn; w.subfile++)
        one(cells, bsu, &w, seen);
    for (uint32_t i = 0; i < cells * ROWS * bsu; i++)
        cr_assert_eq(seen[i], 1, "byte %u is in no subfile", i);
}

/* VIEW1. */
Test(vesta_map, views_partition_the_file)
{
    state = 3;
    for (int t = 0; t < 60; t++) {
        uint32_t cells = 1 + draw(CELLS), bsu = 1 + draw(BSU);
        struct vesta_view w = { .vbs = 1 + draw(6),
                                .vn = 1 + draw(4),
                                .hbs = 1 + draw(cells),
                                .hn = 1 + draw(cells),
                                .down = draw(2),
                                .by_column = draw(2) };
        whole_view(cells, bsu, w);
    }
}

/* The views that have names. */
Test(vesta_map, plain_views)
{
    struct vesta_map m;
    struct vesta_view w = vesta_view_all(5);
    cr_assert(vesta_map_init(&m, 5, 8, &w));
    for (uint64_t o = 0; o < 400; o++) { /* PFS with a stripe unit of 8 */
        struct vesta_place p = vesta_map_place(&m, o);
        cr_assert_eq(vesta_map_cell(&m, p.nth), o / 8 % 5);
        cr_assert_eq(p.local, o / 40 * 8 + o % 8);
    }
    w = (struct vesta_view){ .vbs = 3, .vn = 1, .hbs = 1, .hn = 5, .subfile = 4 };
    cr_assert(vesta_map_init(&m, 5, 8, &w)); /* a cell each */
    for (uint64_t o = 0; o < 400; o++) {
        struct vesta_place p = vesta_map_place(&m, o);
        cr_assert_eq(vesta_map_cell(&m, p.nth), 4);
        cr_assert_eq(p.local, o);
    }
    w = (struct vesta_view){ .vbs = 1, .vn = 4, .hbs = 5, .hn = 1, .subfile = 2 };
    cr_assert(vesta_map_init(&m, 5, 8, &w)); /* rows in turn */
    for (uint64_t o = 0; o < 400; o++)
        cr_assert_eq(vesta_map_place(&m, o).local / 8, o / 40 * 4 + 2);
}

Test(vesta_map, what_cannot_be_is_refused)
{
    static const struct vesta_view bad[] = {
        { .vbs = 0, .vn = 1, .hbs = 1, .hn = 1 },
        { .vbs = 1, .vn = 0, .hbs = 1, .hn = 1 },
        { .vbs = 1, .vn = 1, .hbs = 0, .hn = 1 },
        { .vbs = 1, .vn = 1, .hbs = 1, .hn = 0 },
        { .vbs = 1, .vn = 2, .hbs = 1, .hn = 2, .subfile = 4 },
        { .vbs = 1, .vn = 1, .hbs = 2, .hn = 4, .subfile = 3 }, /* no column of five */
        { .vbs = UINT64_MAX, .vn = 1, .hbs = 1, .hn = 1 },
        { .vbs = 1, .vn = 65536, .hbs = 1, .hn = 65536 },
    };
    struct vesta_view good = { .vbs = 1, .vn = 2, .hbs = 2, .hn = 3, .subfile = 5 };
    struct vesta_map m;
    cr_assert(vesta_map_init(&m, 5, 8, &good));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        cr_assert(!vesta_map_init(&m, 5, 8, &bad[i]), "%zu", i);
    cr_assert(!vesta_map_init(&m, 0, 8, &good));
    cr_assert(!vesta_map_init(&m, 5, 0, &good));
    cr_assert(!vesta_map_init(&m, VESTA_CELLS_MAX + 1, 8, &good));
}

static struct port *port;

static void got(struct port *p, void *arg)
{
    (void)arg;
    port = p;
}

/* Pieces in, the same bytes in the same order out; regular ones in one run. */
Test(vesta_map, lists_keep_bytes_and_fold)
{
    struct fake *f = fake_create(&(struct fake_options){ .nodes = 1 });
    fake_boot(f, 0, got, NULL);
    while (port == NULL)
        cr_assert(fake_step(f));
    state = 9;
    for (int t = 0; t < 200; t++) {
        static uint64_t want[4000], have[4000];
        uint32_t n = 0, k = 0;
        struct file_runs l = { .runs = NULL };
        uint64_t at = 0;
        for (uint32_t i = 0; i < 60; i++) {
            uint64_t len = 1 + draw(3);
            at = draw(6) == 0 ? draw(500) : at + draw(3);
            file_runs_add(port, &l, at, len);
            while (len-- > 0)
                want[n++] = at++;
        }
        file_runs_end(&l);
        for (uint32_t r = 0; r < l.count; r++)
            for (uint64_t i = 0; i < l.runs[r].count; i++)
                for (uint64_t x = 0; x < l.runs[r].len; x++)
                    have[k++] = l.runs[r].off + i * l.runs[r].stride + x;
        cr_assert_eq(n, k);
        cr_assert_eq(memcmp(want, have, n * sizeof *want), 0);
        port_free(port, l.runs);
    }
    struct file_runs l = { .runs = NULL };
    for (uint64_t i = 0; i < 64; i++) /* eight strips of eight entries */
        file_runs_add(port, &l, i / 8 * 400 + i % 8 * 10, 10);
    file_runs_end(&l);
    cr_assert_eq(l.count, 1);
    cr_assert(l.runs->len == 80 && l.runs->stride == 400 && l.runs->count == 8);
    port_free(port, l.runs);
    fake_destroy(f);
}
