/* test_vesta_checkpoint.c: a file of Vesta is checkpointed, and goes back to its checkpoint, on all
 * of its I/O nodes or on none: one of them, or who asks, dies at any step of it (VST6, VST7).
 */
#include "os/vesta/vesta_internal.h"
#include "tests/os/vesta_world.h"
#include "tests/sample.h"

#include <criterion/criterion.h>
#include <string.h>

enum { IO = 3, BYTES = 2300 };
static const struct vesta_layout table = { .bsu = 100, .cells = 5, .base = 1 };
static const struct file_run whole = { .off = 0, .len = BYTES, .count = 1 };
static struct {
    uint64_t from, to;  /* steps of the second checkpoint */
    bool asked, made;   /* it was asked for; and answered */
    uint8_t got[BYTES]; /* what a rollback gave */
    uint32_t old, new;  /* runs that found the first; the second */
} seen;

static bool put(struct vesta_file *f, uint8_t letter)
{
    static uint8_t bytes[BYTES];
    memset(bytes, letter, sizeof bytes);
    return vesta_world_write(f, &whole, 1, bytes, BYTES) == FILE_OK && vesta_flush(f) == FILE_OK;
}

static void change(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    struct vesta_file *f;
    (void)rank;
    cr_assert_eq(vesta_open(c, "one", VESTA_O_CREATE, &table, VESTA_RECKLESS, &f), FILE_OK);
    cr_assert_eq(vesta_rollback(f, 0), FILE_NO_VERSION);
    cr_assert(put(f, 'a'));
    cr_assert_eq(vesta_checkpoint(f, 0), FILE_OK);
    if (!put(f, 'b'))
        return;
    seen.from = fake_steps(w->r.f);
    seen.asked = true;
    enum file_status s = vesta_checkpoint(f, 0);
    cr_assert(s == FILE_OK || s == FILE_UNREACHABLE, "%s", file_status_name(s));
    seen.made = s == FILE_OK;
    seen.to = fake_steps(w->r.f);
    (void)put(f, 'c');
}

/* Until all nodes are there again. */
static void rollback(struct vesta_file *f)
{
    enum file_status s;
    while ((s = vesta_rollback(f, 0)) == FILE_UNREACHABLE)
        port_thread_sleep(f->c->port, SIM_MS);
    cr_assert_eq(s, FILE_OK, "%s", file_status_name(s));
}

static void look(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    struct vesta_file *f;
    uint64_t moved;
    (void)w, (void)rank;
    while (vesta_open(c, "one", 0, &table, VESTA_RECKLESS, &f) == FILE_UNREACHABLE)
        port_thread_sleep(c->port, SIM_MS);
    rollback(f);
    cr_assert_eq(vesta_world_read(f, &whole, 1, seen.got, &moved), FILE_OK);
    cr_assert_eq(moved, BYTES);
    /* it goes on as ever: the next number, and back to it */
    uint8_t more[BYTES];
    cr_assert(put(f, 'd'));
    cr_assert_eq(vesta_checkpoint(f, 0), FILE_OK);
    cr_assert(put(f, 'e'));
    cr_assert_eq(vesta_set_size(f, 10), FILE_OK);
    cr_assert_eq(vesta_rollback(f, 0), FILE_OK);
    cr_assert_eq(vesta_world_read(f, &whole, 1, more, &moved), FILE_OK);
    cr_assert_eq(moved, BYTES);
    for (int i = 0; i < BYTES; i++)
        cr_assert_eq(more[i], 'd');
    vesta_close(f);
}

/* ---- going back ---- */

static void change_back(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    struct vesta_file *f;
    (void)rank;
    cr_assert_eq(vesta_open(c, "one", VESTA_O_CREATE, &table, VESTA_RECKLESS, &f), FILE_OK);
    cr_assert(put(f, 'a'));
    cr_assert_eq(vesta_checkpoint(f, 0), FILE_OK);
    cr_assert(put(f, 'b'));
    seen.from = fake_steps(w->r.f);
    seen.asked = true;
    enum file_status s = vesta_rollback(f, 0);
    cr_assert(s == FILE_OK || s == FILE_UNREACHABLE, "%s", file_status_name(s));
    seen.made = s == FILE_OK;
    seen.to = fake_steps(w->r.f);
}

/* Nobody asks for it again: who opens the file finds it whole, and what is written then stays. */
static void look_back(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    struct vesta_file *f, *again;
    uint8_t more[BYTES];
    uint64_t moved;
    (void)w, (void)rank;
    while (vesta_open(c, "one", 0, &table, VESTA_RECKLESS, &f) == FILE_UNREACHABLE)
        port_thread_sleep(c->port, SIM_MS);
    while (vesta_world_read(f, &whole, 1, seen.got, &moved) == FILE_UNREACHABLE)
        port_thread_sleep(c->port, SIM_MS);
    cr_assert_eq(moved, BYTES);
    cr_assert(put(f, 'c'));
    port_thread_sleep(c->port, 50 * SIM_MS);
    cr_assert_eq(vesta_open(c, "one", 0, &table, VESTA_RECKLESS, &again), FILE_OK);
    cr_assert_eq(vesta_world_read(again, &whole, 1, more, &moved), FILE_OK);
    for (int i = 0; i < BYTES; i++)
        cr_assert_eq(more[i], 'c');
    rollback(f);
    cr_assert_eq(vesta_world_read(again, &whole, 1, more, &moved), FILE_OK);
    for (int i = 0; i < BYTES; i++)
        cr_assert_eq(more[i], 'a');
    vesta_close(f);
    vesta_close(again);
}

/* ---- */

typedef void program(struct vesta_world *w, struct vesta_client *c, uint32_t rank);

static void trial_of(program *first, program *then, uint64_t step, uint32_t node, uint64_t down)
{
    struct vesta_world w;
    seen.asked = seen.made = false;
    vesta_world_defaults(&w, 2, IO);
    w.store = &vesta_world_store;
    w.crash_step = step;
    w.crash_node = node;
    w.down_steps = down;
    vesta_world_start(&w, (struct fake_options){
                              .seed = 3, .detect_delay = 5 * SIM_MS, .disk_cache = step % 2 == 1 });
    vesta_world_run(&w, 1, first);
    while (w.crash_step > 0 && step > 0 && fake_steps(w.r.f) < step + down)
        if (!fake_step(w.r.f))
            break;
    if (w.crash_step > 0 && !fake_up(w.r.f, node))
        fake_restart(w.r.f, node);
    w.crash_step = 0;
    vesta_world_run(&w, 2, then);
    for (int i = 1; i < BYTES; i++)
        cr_assert_eq(seen.got[i], seen.got[0], "byte %d of a checkpoint is another's (step %d)", i,
                     (int)step);
    seen.old += seen.got[0] == 'a';
    seen.new += seen.got[0] == 'b';
    vesta_world_stop(&w);
}

static void trial(uint64_t step, uint32_t node, uint64_t down)
{
    trial_of(change, look, step, node, down);
    cr_assert(seen.got[0] == 'b' || (seen.got[0] == 'a' && !seen.made));
    cr_assert(seen.got[0] == 'a' || seen.asked);
}

static void trial_back(uint64_t step, uint32_t node, uint64_t down)
{
    trial_of(change_back, look_back, step, node, down);
    cr_assert(seen.got[0] == 'a' || (seen.got[0] == 'b' && !seen.made), "step %d, node %u",
              (int)step, node);
}

static void at_every_step(void (*one)(uint64_t step, uint32_t node, uint64_t down))
{
    one(0, 0, 0);
    cr_assert(seen.made);
    uint64_t from = seen.from, to = seen.to, stride = sample_one_in() * 2;
    cr_assert_gt(to, from + 30);
    memset(&seen, 0, sizeof seen);
    for (uint64_t step = from; step <= to; step += stride)
        for (uint32_t node = 0; node <= IO; node++) /* the client, each I/O node */
            one(step, node == 0 ? 0 : node + 1, 30 + step % 100);
    cr_assert(sample_saw(seen.old, 10));
    cr_assert(sample_saw(seen.new, 10));
}

Test(vesta_checkpoint, is_made_on_all_io_nodes_or_on_none)
{
    at_every_step(trial);
}

Test(vesta_checkpoint, is_gone_back_to_on_all_io_nodes_or_on_none)
{
    at_every_step(trial_back);
}

/* Over a stack without versions it is refused. */
static void refused(struct vesta_world *w, struct vesta_client *c, uint32_t rank)
{
    struct vesta_file *f;
    (void)w, (void)rank;
    cr_assert_eq(vesta_open(c, "one", VESTA_O_CREATE, &table, VESTA_RECKLESS, &f), FILE_OK);
    cr_assert(put(f, 'a'));
    cr_assert_eq(vesta_checkpoint(f, 0), FILE_UNSUPPORTED);
    cr_assert_eq(vesta_rollback(f, 0), FILE_NO_VERSION);
}

Test(vesta_checkpoint, needs_a_store_with_versions)
{
    struct vesta_world w;
    vesta_world_defaults(&w, 1, IO);
    vesta_world_start(&w, (struct fake_options){ .seed = 1 });
    vesta_world_run(&w, 0, refused);
    vesta_world_stop(&w);
}
