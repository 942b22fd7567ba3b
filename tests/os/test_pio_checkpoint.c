/* test_pio_checkpoint.c: a file is checkpointed on all nodes that have parts of it or on none: one
 * of them, or who keeps its name, dies at any step of it (PFS7, VST6).
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/io_world.h"
#include "tests/sample.h"

enum { BYTES = 5000 };
static struct {
    struct io_world w;
    struct pio *s;
    uint64_t from, to; /* steps of the second checkpoint */
    uint64_t crash;    /* at this step `victim` dies; 0: never */
    uint32_t victim;
    bool crashed, asked, answered;
    uint8_t got[BYTES]; /* what a rollback gave */
    uint32_t old, new;  /* runs that found the first; the second */
} t;

static bool passes(enum pio_status s)
{
    return s == PIO_SERVER_DOWN || s == PIO_NODE_DOWN || s == PIO_STALE || s == PIO_IO_ERROR;
}

static void pause(void)
{
    port_thread_sleep(t.s->node->port, 5 * SIM_MS);
}

static struct pio_file *opened(const char *name)
{
    const struct pio_open o = {
        .name = name, .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN, .unit = 500
    };
    struct pio_file *f = NULL;
    enum pio_status s;
    while (passes(s = pio_open(t.s, &o, &f)))
        pause();
    cr_assert_eq(s, PIO_OK, "%s", pio_status_name(s));
    return f;
}

static enum pio_status control(struct pio_file *f, enum pio_ctl what)
{
    return pio_control(t.s, f, &(struct pio_control){ .what = what });
}

/* Until all nodes are there again. */
static void surely(struct pio_file *f, enum pio_ctl what)
{
    enum pio_status s;
    while (passes(s = control(f, what)))
        pause();
    cr_assert_eq(s, PIO_OK, "step %d: %s", (int)t.crash, pio_status_name(s));
}

static enum pio_status move_some(struct pio_file *f, enum pio_op op, uint8_t *bytes, uint64_t n)
{
    const struct file_run run = { .len = n, .count = 1 };
    struct pio_req r;
    pio_req_init(&r, op, f);
    r.runs = &run;
    r.run_count = 1;
    if (op == PIO_WRITE)
        rope_add_bytes(&r.data, bytes, n);
    pio_submit(&r);
    enum pio_status s = pio_wait(&r);
    if (s == PIO_OK && op == PIO_READ) {
        cr_assert_eq(r.data.length, n, "step %d: %d bytes", (int)t.crash, (int)r.data.length);
        rope_read(&r.data, 0, n, bytes);
    }
    rope_fini(&r.data);
    return s;
}

static enum pio_status move(struct pio_file *f, enum pio_op op, uint8_t *bytes)
{
    return move_some(f, op, bytes, BYTES);
}

static bool put(struct pio_file *f, uint8_t letter)
{
    uint8_t bytes[BYTES];
    memset(bytes, letter, sizeof bytes);
    return move(f, PIO_WRITE, bytes) == PIO_OK && pio_flush(f) == PIO_OK;
}

static void change(struct pio_file *f)
{
    cr_assert_eq(control(f, PIO_ROLLBACK), PIO_NO_FILE);
    cr_assert(put(f, 'a'));
    cr_assert_eq(control(f, PIO_CHECKPOINT), PIO_OK);
    if (!put(f, 'b'))
        return;
    t.from = fake_steps(t.w.f);
    t.asked = true;
    enum pio_status s = control(f, PIO_CHECKPOINT);
    cr_assert(s == PIO_OK || passes(s), "%s", pio_status_name(s));
    t.answered = s == PIO_OK;
    t.to = fake_steps(t.w.f);
    (void)put(f, 'c');
}

static void look(struct pio_file *f)
{
    enum pio_status s;
    uint8_t more[BYTES];
    surely(f, PIO_ROLLBACK);
    while (passes(s = move(f, PIO_READ, t.got)))
        pause();
    cr_assert_eq(s, PIO_OK);
    /* it goes on as ever: the next number, and back to it */
    cr_assert(put(f, 'd'));
    cr_assert_eq(control(f, PIO_CHECKPOINT), PIO_OK);
    cr_assert(put(f, 'e'));
    cr_assert_eq(pio_set_size(f, 10), PIO_OK);
    cr_assert_eq(control(f, PIO_ROLLBACK), PIO_OK);
    cr_assert_eq(move(f, PIO_READ, more), PIO_OK);
    for (int i = 0; i < BYTES; i++)
        cr_assert_eq(more[i], 'd');
}

/* Nodes that had nothing of a file at its checkpoint have nothing again. */
static void grow(void)
{
    struct pio_file *f = opened("two");
    struct pio_control c = { .what = PIO_GET_SIZE };
    uint8_t bytes[BYTES] = { 'x' };
    cr_assert_eq(move_some(f, PIO_WRITE, bytes, 1), PIO_OK);
    cr_assert_eq(control(f, PIO_CHECKPOINT), PIO_OK);
    cr_assert(put(f, 'y'));
    cr_assert_eq(control(f, PIO_ROLLBACK), PIO_OK);
    cr_assert_eq(pio_control(t.s, f, &c), PIO_OK);
    cr_assert_eq(c.value, 1);
    cr_assert_eq(pio_set_size(f, BYTES), PIO_OK);
    cr_assert_eq(move(f, PIO_READ, bytes), PIO_OK);
    for (int i = 0; i < BYTES; i++)
        cr_assert_eq(bytes[i], i == 0 ? 'x' : 0, "byte %d", i);
    (void)pio_close(f);
}

static enum pio_status numbered(struct pio_file *f, enum pio_ctl what, uint64_t number)
{
    return pio_control(t.s, f, &(struct pio_control){ .what = what, .value = number });
}

/* Two generations: back to any of them from any later state, bytes and size; a number that is made
 * again takes the place of its own, and the one before stays. */
static void generations(void)
{
    struct pio_file *f = opened("numbered");
    struct pio_control c = { .what = PIO_GET_SIZE };
    uint8_t bytes[BYTES];
    cr_assert_eq(pio_set_size(f, 700), PIO_OK);
    cr_assert_eq(numbered(f, PIO_CHECKPOINT, 4), PIO_OK); /* 700 zeros */
    cr_assert(put(f, 'p'));
    cr_assert_eq(numbered(f, PIO_CHECKPOINT, 5), PIO_OK); /* BYTES of p */
    cr_assert(put(f, 'q'));
    cr_assert_eq(pio_set_size(f, 3000), PIO_OK);
    cr_assert_eq(numbered(f, PIO_CHECKPOINT, 6), PIO_OK); /* given up: 3000 of q */
    cr_assert(put(f, 'r'));
    cr_assert_eq(pio_set_size(f, 4000), PIO_OK);
    cr_assert_eq(numbered(f, PIO_CHECKPOINT, 6), PIO_OK); /* 4000 of r */
    cr_assert_eq(pio_set_size(f, 10), PIO_OK);
    for (int k = 0; k < 2; k++) { /* as often as it is asked */
        cr_assert_eq(numbered(f, PIO_ROLLBACK, 6), PIO_OK);
        cr_assert_eq(move_some(f, PIO_READ, bytes, 4000), PIO_OK);
        cr_assert_eq(bytes[3999], 'r');
        cr_assert(put(f, 's'));
    }
    for (int k = 0; k < 2; k++) {
        cr_assert_eq(numbered(f, PIO_ROLLBACK, 5), PIO_OK);
        cr_assert_eq(pio_control(t.s, f, &c), PIO_OK);
        cr_assert_eq(c.value, BYTES);
        cr_assert_eq(move(f, PIO_READ, bytes), PIO_OK);
        for (int i = 0; i < BYTES; i++)
            cr_assert_eq(bytes[i], 'p', "byte %d is '%c'", i, bytes[i]);
        cr_assert_eq(pio_set_size(f, 100), PIO_OK);
    }
    cr_assert_eq(numbered(f, PIO_CHECKPOINT, 6), PIO_OK); /* 100 of p */
    cr_assert(put(f, 't'));
    cr_assert_eq(control(f, PIO_ROLLBACK), PIO_OK); /* it is the file's */
    cr_assert_eq(pio_control(t.s, f, &c), PIO_OK);
    cr_assert_eq(c.value, 100);
    (void)pio_close(f);
}

static void program(struct io_world *w, struct os_node *n, uint32_t rank)
{
    if (rank > 0)
        return;
    t.s = pio_find(w->ops, n);
    struct pio_file *f = opened("one");
    change(f);
    (void)pio_close(f);
    while (t.crash != 0 && !t.crashed)
        pause();
    f = opened("one");
    look(f);
    (void)pio_close(f);
    if (t.crash == 0) {
        grow();
        generations();
    }
}

static void run(const char *system, const char *services, uint64_t crash, uint32_t victim)
{
    uint64_t back = 0;
    t.crash = crash;
    t.victim = victim;
    t.crashed = t.asked = t.answered = false;
    io_world_start(&t.w, kind_find(&pio_systems, system), services,
                   (struct fake_options){
                       .seed = 3, .detect_delay = 5 * SIM_MS, .disk_cache = crash % 2 == 1 },
                   program);
    while (t.w.running > 0) {
        if (crash != 0 && back == 0 && fake_steps(t.w.f) >= crash) {
            fake_crash(t.w.f, victim);
            back = crash + 30 + crash % 100;
        }
        bool more = fake_step(t.w.f);
        if (back != 0 && !t.crashed && (!more || fake_steps(t.w.f) >= back)) {
            fake_restart(t.w.f, victim);
            t.crashed = more = true;
        }
        cr_assert(more, "step %d, node %u: it waits for ever", (int)crash, victim);
    }
    io_world_stop(&t.w);
    for (int i = 1; i < BYTES; i++)
        cr_assert_eq(t.got[i], t.got[0], "byte %d of a checkpoint is another's (step %d, node %u)",
                     i, (int)crash, victim);
    cr_assert(t.got[0] == 'b' || (t.got[0] == 'a' && !t.answered), "step %d, node %u: '%c'",
              (int)crash, victim, t.got[0]);
    cr_assert(t.got[0] == 'a' || t.asked);
    t.old += t.got[0] == 'a';
    t.new += t.got[0] == 'b';
}

#define LFS "block=2KiB, inode=2KiB, files=200, cache=5, prealloc=4"
Test(pio_checkpoint, is_made_on_all_nodes_or_on_none)
{
    static const char *const systems[][2] = {
        { "pfs",
          "{{service=nx}, {service=pfs_meta, per_file_layout=true, names={{layer=lfs, " LFS "}}},"
          " {service=pfs_server, files={{layer=keep, block=1KiB}, {layer=lfs, " LFS "}}},"
          " {service=pfs_client}}" },
        { "vesta_on_pfs",
          "{{service=nx}, {service=pfs_meta, unit=700B, names={{layer=lfs, " LFS "}}},"
          " {service=pfs_server, files={{layer=keep, block=2KiB}, {layer=lfs, " LFS "}}},"
          " {service=pfs_client}}" },
    };
    for (size_t i = 0; i < ARRAY_LEN(systems); i++) {
        memset(&t, 0, sizeof t);
        run(systems[i][0], systems[i][1], 0, 0);
        cr_assert(t.answered);
        uint64_t from = t.from, to = t.to, stride = sample_one_in();
        cr_assert_gt(to, from + 30, "%d steps", (int)(to - from));
        t.old = t.new = 0;
        for (uint64_t step = from; step <= to; step += stride)
            for (uint32_t node = IO_RANKS; node < IO_NODES; node++)
                run(systems[i][0], systems[i][1], step, node);
        cr_assert(sample_saw(t.old, 10));
        cr_assert(sample_saw(t.new, 10));
    }
}

#define STORE "{layer=vesta_store, block=512B, objects=200, cache=24}"
/* The other systems, without deaths. */
Test(pio_checkpoint, has_two_generations)
{
    static const char *const systems[][2] = {
        { "vesta", "{{service=nx}, {service=vesta_server, files={" STORE "}},"
                   " {service=vesta_client}}" },
        { "pfs_on_vesta", "{{service=nx}, {service=vesta_server, files={" STORE "}},"
                          " {service=vesta_client}, {service=ranks}}" },
        { "files", "{{service=nx}, {service=file_client, files={{layer=keep, block=1KiB},"
                   " {layer=lfs, " LFS "}}}}" },
    };
    for (size_t i = 0; i < ARRAY_LEN(systems); i++) {
        memset(&t, 0, sizeof t);
        run(systems[i][0], systems[i][1], 0, 0);
        cr_assert(t.answered, "%s", systems[i][0]);
    }
}
