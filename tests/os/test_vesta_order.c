/* test_vesta_order.c: atomic requests of Vesta that overlap on several I/O nodes, and I/O nodes
 * that die under them. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/os/vesta_world.h"

/* Every program writes all of a file in its own letter, and reads it: one letter alone must be
 * there, and after all have ended, too. */
enum { WRITERS = 3, BYTES = 1200, ROUNDS = 4 };
static const struct vesta_layout rows = { .bsu = 100, .cells = 4, .base = 0 };

static struct {
    enum vesta_mode mode;
    bool dies;      /* an I/O node: calls may fail, nothing may hang */
    uint32_t mixed; /* reads that saw two writers */
    uint32_t failed;
} seen;

static bool uniform(const uint8_t *b, uint64_t n)
{
    for (uint64_t i = 1; i < n; i++)
        if (b[i] != b[0])
            return false;
    return true;
}

static void overlap(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    struct vesta_file *f;
    struct file_run all = { .off = 0, .len = BYTES, .count = 1 };
    uint8_t bytes[BYTES];
    uint64_t moved;
    (void)w;
    if (vesta_open(c, "one", VESTA_O_CREATE, &rows, seen.mode, &f) != FILE_OK) {
        cr_assert(seen.dies);
        return;
    }
    for (int i = 0; i < ROUNDS; i++) {
        memset(bytes, 'a' + (int)rank * ROUNDS + i, sizeof bytes);
        enum file_status s = vesta_world_write(f, &all, 1, bytes, BYTES);
        cr_assert(s == FILE_OK || (seen.dies && s == FILE_UNREACHABLE), "%s", file_status_name(s));
        seen.failed += s != FILE_OK;
        s = vesta_world_read(f, &all, 1, bytes, &moved);
        cr_assert(s == FILE_OK || (seen.dies && s == FILE_UNREACHABLE), "%s", file_status_name(s));
        seen.failed += s != FILE_OK;
        cr_assert(s != FILE_OK || moved == BYTES || seen.dies);
        seen.mixed += s == FILE_OK && !uniform(bytes, moved);
    }
    vesta_close(f);
}

static uint32_t trial(enum vesta_mode mode, uint64_t seed)
{
    struct vesta_world w;
    memset(&seen, 0, sizeof seen);
    seen.mode = mode;
    vesta_world_defaults(&w, WRITERS, 3);
    vesta_world_start(&w, (struct fake_options){ .seed = seed, .order = FAKE_RANDOM });
    vesta_world_run(&w, 0, overlap);
    vesta_world_stop(&w);
    return seen.mixed;
}

/* VST4, and that the test could see it broken: reckless requests mix. */
Test(vesta_order, overlapping_requests_are_atomic)
{
    uint32_t mixed = 0;
    for (uint64_t seed = 1; seed <= 20; seed++) {
        cr_assert_eq(trial(VESTA_INDEPENDENT, seed), 0, "seed %d", (int)seed);
        mixed += trial(VESTA_RECKLESS, seed);
    }
    cr_assert_gt(mixed, 0, "without the token nothing mixes");
}

/* VST5: an I/O node dies at any step, for ever or for a while: every call ends. */
Test(vesta_order, an_io_node_dies)
{
    uint32_t failed = 0;
    for (uint64_t step = 300; step < 3000; step += 61) {
        struct vesta_world w;
        memset(&seen, 0, sizeof seen);
        seen.mode = VESTA_INDEPENDENT;
        seen.dies = true;
        vesta_world_defaults(&w, WRITERS, 4);
        w.crash_step = step;
        w.crash_node = WRITERS + (uint32_t)(step / 61 % 4);
        w.down_steps = step % 2 ? 200 : 0;
        vesta_world_start(&w, (struct fake_options){
                                  .seed = step, .order = FAKE_RANDOM, .detect_delay = 5 * SIM_MS });
        vesta_world_run(&w, 0, overlap);
        failed += seen.failed;
        vesta_world_stop(&w);
    }
    cr_assert_gt(failed, 20);
}
