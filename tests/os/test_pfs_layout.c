/* test_pfs_layout.c: the striping arithmetic against a walk byte by byte. */
#include <criterion/criterion.h>
#include <stdlib.h>

#include "os/pfs/pfs_internal.h"

enum { SPAN = 700 };

static void check_layout(struct pfs_layout l)
{
    uint64_t have[40] = { 0 }; /* bytes of [0, off) per directory: the slow model */
    for (uint64_t off = 0; off < SPAN; off++) {
        struct pfs_place p = pfs_layout_place(l, off);
        uint32_t dir = 0;
        uint64_t in_unit = 0;
        for (uint64_t i = 0; i < off; i++) /* walk: a unit here, the next in the next directory */
            if (++in_unit == l.unit) {
                in_unit = 0;
                dir = dir + 1 == l.factor ? 0 : dir + 1;
            }
        cr_assert_eq(p.dir, dir, "offset %d", (int)off);
        cr_assert_eq(p.local, have[dir], "offset %d: local bytes come in order", (int)off);
        cr_assert_eq(p.run, l.unit - in_unit);
        cr_assert_eq(pfs_layout_offset(l, p.dir, p.local), off, "there and back");
        for (uint32_t d = 0; d < l.factor; d++)
            cr_assert_eq(pfs_layout_share(l, off, d), have[d]);
        have[dir]++;
    }
}

Test(pfs_layout, place_and_offset_are_inverse_and_agree_with_a_walk)
{
    for (uint64_t unit = 1; unit < 60; unit += 7)
        for (uint32_t factor = 1; factor < 20; factor += 3)
            check_layout((struct pfs_layout){ unit, factor });
}

Test(pfs_layout, gathered_ranges_hold_what_the_pattern_has_there)
{
    struct pfs_layout l = { 13, 5 };
    for (uint64_t off = 0; off < 200; off += 17)
        for (uint64_t len = 1; len < 200; len += 31) {
            struct rope data;
            uint64_t total = 0;
            rope_init(&data);
            rope_add_pattern(&data, 99, off, len);
            for (uint32_t d = 0; d < l.factor; d++) {
                struct rope got, want;
                uint64_t from = pfs_layout_share(l, off, d), to = pfs_layout_share(l, off + len, d);
                rope_init(&got);
                rope_init(&want);
                pfs_layout_gather(l, &data, off, d, from, to, &got);
                pfs_layout_pattern(l, 99, d, from, to, &want);
                cr_assert(rope_equal(&got, &want));
                for (uint64_t i = from; i < to; i++) {
                    uint8_t byte;
                    rope_read(&got, i - from, 1, &byte);
                    cr_assert_eq(byte, pattern_byte(99, pfs_layout_offset(l, d, i)));
                }
                total += to - from;
                rope_fini(&got);
                rope_fini(&want);
            }
            cr_assert_eq(total, len);
            rope_fini(&data);
        }
}

Test(pfs_layout, messages_come_back_as_they_were_and_short_ones_are_refused)
{
    struct pfs_meta_msg m = { .status = 3,
                              .flags = 5,
                              .id = 1ull << 40,
                              .size = 12345678901,
                              .value = 77,
                              .unit = 65536,
                              .factor = 3,
                              .rank = 9,
                              .ranks = 11,
                              .name = "a name" },
                        back;
    uint32_t group[3] = { 2, 0, 65535 }, got[PFS_FACTOR_MAX];
    struct rope r, part;
    rope_init(&r);
    pfs_meta_store(&r, &m, group);
    cr_assert(pfs_meta_load(&r, &back, got));
    cr_assert_eq(back.id, m.id);
    cr_assert_eq(back.size, m.size);
    cr_assert_eq(back.value, 77);
    cr_assert_eq(back.ranks, 11);
    cr_assert_str_eq(back.name, "a name");
    cr_assert_eq(got[2], 65535);
    for (uint64_t n = 0; n < r.length; n++) {
        rope_copy(&part, &r);
        rope_truncate(&part, n);
        cr_assert_not(pfs_meta_load(&part, &back, got), "%d bytes", (int)n);
        rope_fini(&part);
    }
    rope_fini(&r);
    struct pfs_io_args a = { .id = 5,
                             .off = 1,
                             .len = 2,
                             .record = 3,
                             .unit = 4,
                             .factor = 6,
                             .dir = 5,
                             .number = 7 },
                       b;
    pfs_io_args_store(&r, &a);
    cr_assert(pfs_io_args_load(&r, &b));
    cr_assert(b.id == 5 && b.off == 1 && b.len == 2 && b.record == 3 && b.unit == 4 &&
              b.factor == 6 && b.dir == 5 && b.number == 7);
    cr_assert_eq(r.length, 0);
    cr_assert_not(pfs_io_args_load(&r, &b));
    struct pfs_io_reply q = { .status = 1, .edge = 1, .device = 5, .server = 9 }, p;
    pfs_io_reply_store(&r, &q);
    cr_assert(pfs_io_reply_load(&r, &p));
    cr_assert(p.status == 1 && p.edge == 1 && p.device == 5 && p.server == 9);
    rope_fini(&r);
}
