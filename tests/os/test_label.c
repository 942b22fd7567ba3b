/* test_label.c: the label of a file is what was set last, for whoever asks, whatever name the file
 * has got, and after those who keep it have died at any step of a change.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/os/io_world.h"
#include "tests/sample.h"

static struct {
    struct io_world w;
    struct pio *s;
    uint64_t from, to; /* steps of the last change */
    uint64_t crash;    /* at this step those who keep it die; 0: never */
    bool crashed, answered;
} t;

static void label_of(uint8_t letter, uint8_t out[PIO_LABEL_BYTES])
{
    for (uint32_t i = 0; i < PIO_LABEL_BYTES; i++)
        out[i] = letter == 0 ? 0 : (uint8_t)(letter + i * 7);
}

static struct pio_file *opened(const char *name, unsigned flags)
{
    const struct pio_open o = { .name = name, .flags = flags, .ranks = 1, .mode = PIO_PLAIN };
    struct pio_file *f = NULL;
    enum pio_status s;
    while ((s = pio_open(t.s, &o, &f)) == PIO_SERVER_DOWN || s == PIO_NODE_DOWN)
        port_thread_sleep(t.s->node->port, SIM_MS);
    cr_assert_eq(s, PIO_OK, "%s: %s", name, pio_status_name(s));
    return f;
}

static enum pio_status set(struct pio_file *f, uint8_t letter)
{
    struct pio_control c = { .what = PIO_LABEL_SET };
    label_of(letter, c.label);
    return pio_control(t.s, f, &c);
}

/* Which letter's it is; all of it. */
static uint8_t get(struct pio_file *f)
{
    static const uint8_t letters[] = { 0, 'a', 'b', 'c' };
    struct pio_control c = { .what = PIO_LABEL_GET };
    uint8_t x[PIO_LABEL_BYTES];
    enum pio_status s;
    memset(c.label, 'x', sizeof c.label);
    while ((s = pio_control(t.s, f, &c)) == PIO_SERVER_DOWN)
        port_thread_sleep(t.s->node->port, SIM_MS);
    cr_assert_eq(s, PIO_OK, "%s", pio_status_name(s));
    for (size_t i = 0; i < ARRAY_LEN(letters); i++) {
        label_of(letters[i], x);
        if (memcmp(x, c.label, sizeof x) == 0)
            return letters[i];
    }
    cr_assert_fail("a label of two");
    return 0;
}

static void program(struct io_world *w, struct os_node *n, uint32_t rank)
{
    char from[20] = "a", to[20];
    if (rank > 0)
        return;
    t.s = pio_find(w->ops, n);
    struct pio_file *f = opened("a", PIO_O_CREATE), *g = opened("b", PIO_O_CREATE);
    cr_expect_eq(get(f), 0);
    cr_expect_eq(set(f, 'c'), PIO_OK);
    cr_expect_eq(get(f), 'c');
    cr_expect_eq(get(g), 0, "another file's");
    (void)pio_close(g);
    for (uint32_t i = 0; i < 6; i++) { /* to other homes, where names have some */
        (void)snprintf(to, sizeof to, "name%u", i);
        struct pio_control c = { .what = PIO_RENAME, .name = from, .to = to };
        cr_expect_eq(pio_control(t.s, NULL, &c), PIO_OK);
        memcpy(from, to, sizeof from);
    }
    (void)pio_close(f);
    f = opened(from, 0);
    cr_expect_eq(get(f), 'c');
    cr_expect_eq(set(f, 'a'), PIO_OK);
    g = opened(from, PIO_O_READ_ONLY);
    cr_expect_eq(set(g, 'c'), PIO_DENIED);
    cr_expect_eq(get(g), 'a');
    (void)pio_close(g);
    t.from = fake_steps(w->f);
    enum pio_status s = set(f, 'b');
    t.answered = s == PIO_OK;
    cr_expect(s == PIO_OK || s == PIO_SERVER_DOWN || s == PIO_IO_ERROR || s == PIO_STALE, "%s",
              pio_status_name(s));
    t.to = fake_steps(w->f);
    (void)pio_close(f);
    while (t.crash != 0 && !t.crashed)
        port_thread_sleep(n->port, SIM_MS);
    f = opened(from, 0);
    uint8_t now = get(f);
    cr_expect(now == 'b' || (now == 'a' && !t.answered), "step %d: '%c', answered: %d",
              (int)t.crash, now, t.answered);
    cr_expect_eq(set(f, 'c'), PIO_OK);
    cr_expect_eq(get(f), 'c');
    (void)pio_close(f);
}

static void run(const char *system, const char *services, uint64_t crash)
{
    memset(&t, 0, sizeof t);
    t.crash = crash;
    io_world_start(&t.w, kind_find(&pio_systems, system), services,
                   (struct fake_options){ .seed = 3, .detect_delay = 5 * SIM_MS }, program);
    while (t.w.running > 0) {
        if (crash != 0 && !t.crashed && fake_steps(t.w.f) >= crash) {
            for (uint32_t i = IO_RANKS; i < IO_NODES; i++)
                fake_crash(t.w.f, i);
            fake_run_until(t.w.f, fake_now(t.w.f) + 50 * SIM_MS);
            for (uint32_t i = IO_RANKS; i < IO_NODES; i++)
                fake_restart(t.w.f, i);
            t.crashed = true;
        }
        cr_assert(fake_step(t.w.f), "step %d: it waits for ever", (int)crash);
    }
    io_world_stop(&t.w);
}

#define LFS "block=2KiB, inode=1KiB, files=200, cache=5, prealloc=4"
Test(label, is_what_was_set_last_whoever_dies)
{
    static const char *const systems[][2] = {
        { "pfs", "{{service=nx}, {service=pfs_meta, names={{layer=lfs, " LFS "}}},"
                 " {service=pfs_server, lfs={" LFS "}}, {service=pfs_client}}" },
        { "vesta",
          "{{service=nx}, {service=vesta_server, lfs={" LFS "}}, {service=vesta_client}}" },
    };
    for (size_t i = 0; i < ARRAY_LEN(systems); i++) {
        run(systems[i][0], systems[i][1], 0);
        uint64_t from = t.from, to = t.to;
        cr_assert(t.answered && to > from + 3, "%d steps", (int)(to - from));
        for (uint64_t at = from; at <= to; at += sample_one_in())
            run(systems[i][0], systems[i][1], at);
    }
}
