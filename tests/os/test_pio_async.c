/* test_pio_async.c: every call of os/pio in its asynchronous form, several at once, over every
 * system: opens, controls and transfers, waited for in any order, some cancelled. */
#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/os/io_world.h"

enum { SOME = 5, BYTES = 3000 };

struct user {
    struct pio *sys;
    struct os_node *node;
    struct pio_req q[SOME], *left[SOME];
    char name[SOME][24];
    struct pio_file *f[SOME];
    uint32_t ended;
};
static struct user users[IO_RANKS];

static void counted(struct pio_req *r)
{
    ((struct user *)r->arg)->ended++;
}

/* All of `left`, as they end: each once, with success. */
static void take_all(struct user *u)
{
    for (uint32_t n = 0, seen = 0; n < SOME; n++) {
        uint32_t i = pio_wait_any(u->left, SOME);
        cr_assert(u->q[i].ended && !(seen >> i & 1));
        cr_assert_eq(u->q[i].status, PIO_OK, "%u: %s", i, pio_status_name(u->q[i].status));
        const struct pio_split *x = &u->q[i].split;
        cr_assert_eq(x->client + x->mesh + x->queue + x->arm, x->latency); /* PIO4 */
        seen |= 1u << i;
        u->left[i] = NULL;
    }
    cr_assert_eq(u->ended, SOME, "PIO1: %u ends", u->ended);
}

static void submit(struct user *u, uint32_t i)
{
    u->q[i].done = counted;
    u->q[i].arg = u;
    u->left[i] = &u->q[i];
    pio_submit(&u->q[i]);
}

static void open_all(struct user *u)
{
    struct pio_open o[SOME];
    u->ended = 0;
    for (uint32_t i = 0; i < SOME; i++) {
        o[i] = (struct pio_open){
            .name = u->name[i], .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN
        };
        pio_call_init(&u->q[i], PIO_OPEN, u->sys, NULL);
        u->q[i].open = &o[i];
        submit(u, i);
    }
    take_all(u);
    for (uint32_t i = 0; i < SOME; i++)
        u->f[i] = u->q[i].file;
}

/* Some are controls of files, one of the system: how they end is that of the blocking ones. */
static void control_all(struct user *u)
{
    struct pio_control c[SOME] = { { .what = PIO_GET_SIZE },
                                   { .what = PIO_SET_SIZE, .value = 7 },
                                   { .what = PIO_FLUSH },
                                   { .what = PIO_GET_SIZE },
                                   { .what = PIO_STAT, .name = u->name[4] } };
    u->ended = 0;
    for (uint32_t i = 0; i < SOME; i++) {
        pio_call_init(&u->q[i], PIO_CONTROL, u->sys, i < 4 ? u->f[i] : NULL);
        u->q[i].control = &c[i];
        submit(u, i);
    }
    take_all(u);
    cr_assert_eq(c[0].value, BYTES);
    cr_assert_eq(c[3].value, BYTES);
    cr_assert_eq(c[4].stat.size, BYTES);
    cr_assert_eq(pio_set_size(u->f[1], BYTES), PIO_OK);
}

static void move_all(struct user *u, enum pio_op op, const struct file_run *all)
{
    u->ended = 0;
    for (uint32_t i = 0; i < SOME; i++) {
        pio_req_init(&u->q[i], op, u->f[i]);
        u->q[i].runs = all;
        u->q[i].run_count = 1;
        if (op == PIO_WRITE)
            rope_add_pattern(&u->q[i].data, i, 0, all->len);
        submit(u, i);
    }
    take_all(u);
    for (uint32_t i = 0; i < SOME && op == PIO_READ; i++) {
        struct rope want;
        rope_init(&want);
        rope_add_pattern(&want, i, 0, i == 1 ? 7 : BYTES);
        rope_truncate(&u->q[i].data, want.length);
        cr_assert(rope_equal(&want, &u->q[i].data));
        rope_fini(&want);
        rope_fini(&u->q[i].data);
    }
}

/* With one under way the others have not begun: they are dropped, in any order, and write nothing;
 * a call is dropped until its thread runs. */
static void cancel_some(struct user *u, const struct file_run *all)
{
    struct pio_control c = { .what = PIO_UNLINK, .name = u->name[0] };
    struct pio_req call;
    static const uint32_t order[] = { 4, 1, 2 }; /* the last, the first, one between */
    u->sys->most = 1;
    u->ended = 0;
    for (uint32_t i = 0; i < SOME; i++) {
        pio_req_init(&u->q[i], PIO_WRITE, u->f[i]);
        u->q[i].runs = all;
        u->q[i].run_count = 1;
        rope_add_pattern(&u->q[i].data, i == 0 || i == 3 ? i : 99, 0, all->len);
        submit(u, i);
    }
    for (uint32_t i = 0; i < ARRAY_LEN(order); i++) {
        cr_assert(pio_cancel(&u->q[order[i]]));
        cr_assert_eq(u->q[order[i]].status, PIO_CANCELLED);
        cr_assert_not(pio_cancel(&u->q[order[i]]), "it has ended");
    }
    cr_assert_not(pio_cancel(&u->q[0]), "it has begun");
    cr_assert_eq(u->ended, 3);
    pio_req_init(&u->q[2], PIO_WRITE, u->f[2]); /* behind what is left */
    u->q[2].runs = all;
    u->q[2].run_count = 1;
    rope_add_pattern(&u->q[2].data, 2, 0, all->len);
    submit(u, 2);
    cr_assert_eq(pio_wait(&u->q[2]), PIO_OK);
    cr_assert(u->q[3].ended && u->q[0].ended, "they begin in order, one at a time");
    cr_assert_eq(u->q[0].status, PIO_OK);
    cr_assert_eq(u->q[3].status, PIO_OK);
    cr_assert_eq(u->ended, SOME + 1);
    u->sys->most = 0;
    pio_call_init(&call, PIO_CONTROL, u->sys, NULL);
    call.control = &c;
    pio_submit(&call);
    cr_assert(pio_cancel(&call));
    cr_assert_eq(pio_wait(&call), PIO_CANCELLED);
    c.what = PIO_STAT;
    cr_assert_eq(pio_control(u->sys, NULL, &c), PIO_OK, "an unlink that was cancelled");
    pio_call_init(&call, PIO_CONTROL, u->sys, NULL);
    call.control = &c;
    pio_submit(&call);
    port_thread_sleep(u->node->port, SIM_US);
    bool cancelled = pio_cancel(&call);
    cr_assert_eq(pio_wait(&call), cancelled ? PIO_CANCELLED : PIO_OK);
}

static void close_all(struct user *u)
{
    struct pio_control c = { .what = PIO_CLOSE };
    u->ended = 0;
    for (uint32_t i = 0; i < SOME; i++) {
        pio_call_init(&u->q[i], PIO_CONTROL, u->sys, u->f[i]);
        u->q[i].control = &c;
        submit(u, i);
    }
    take_all(u);
}

static void program(struct io_world *w, struct os_node *n, uint32_t rank)
{
    static const struct file_run all = { .len = BYTES, .count = 1 };
    struct user *u = &users[rank];
    *u = (struct user){ .sys = pio_find(w->ops, n), .node = n };
    for (uint32_t i = 0; i < SOME; i++)
        (void)snprintf(u->name[i], sizeof u->name[i], "f%u.%u", rank, i);
    open_all(u);
    move_all(u, PIO_WRITE, &all);
    control_all(u);
    move_all(u, PIO_READ, &all);
    cancel_some(u, &all);
    move_all(u, PIO_READ, &all);
    close_all(u);
}

Test(pio_async, calls_and_transfers_of_every_system_are_under_way_at_once)
{
    for (int k = 0; pio_systems.items[k] != NULL; k++)
        for (uint64_t seed = 1; seed <= 4; seed++) {
            struct io_world w;
            io_world_start(&w, kind_at(&pio_systems, k), NULL,
                           (struct fake_options){ .seed = seed,
                                                  .order = seed % 2 ? FAKE_RANDOM : FAKE_IN_ORDER },
                           program);
            while (w.running > 0)
                cr_assert(fake_step(w.f), "%s: programs hang", pio_systems.items[k]->name);
            io_world_stop(&w);
        }
}
