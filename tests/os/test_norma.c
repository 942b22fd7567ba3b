/* test_norma.c: NORMA IPC: random runs that an eye watches, and small cases in all their orders. */
#include "os/proto/norma/norma_internal.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/os/mach_cases.h"
#include "tests/sample.h"

static void run(uint64_t seed, struct eye_options o, uint64_t *did)
{
    struct eye *e = calloc(1, sizeof *e);
    o.net = &eye_norma;
    o.seed = seed;
    eye_run(&o, e);
    for (int i = 0; i < 32; i++)
        did[i] += e->did[i];
    eye_stop(e);
    free(e);
}

static void runs(const char *variable, uint64_t usual, const struct eye_options *o)
{
    uint64_t did[32] = { 0 }, count = sample(variable, usual), from = 0;
    const char *first = getenv("NORMA_FROM");
    if (first)
        from = strtoull(first, NULL, 10);
    for (uint64_t seed = from; seed < from + count; seed++) {
        if (first)
            fprintf(stderr, "seed %lu\n", (unsigned long)seed);
        run(seed, *o, did);
    }
    if (first)
        for (int i = 0; i < 14; i++)
            fprintf(stderr, "%d: %lu\n", i, (unsigned long)did[i]);
}

/* ---- directed ---- */

/* Three nodes; the thread of the first task of each does what a case says. */
struct stage {
    struct eye e;
    mach_name port[3], send[3]; /* the port of the case, as each task calls it */
    uint32_t got[3];
    enum mach_msg_return result[3];
};
static struct stage *stage;

static void stage_start(const struct fake_options *f)
{
    stage = calloc(1, sizeof *stage);
    eye_start(&stage->e,
              &(struct eye_options){ .net = &eye_norma, .nodes = 3, .tasks = 1, .fake = *f });
}

static void stage_stop(void)
{
    eye_settle(&stage->e);
    eye_stop(&stage->e);
    free(stage);
}

static void does(uint32_t node, void (*todo)(struct eye_task *k))
{
    cr_assert(eye_do(&stage->e.node[node].tasks[0], todo));
    eye_steps(&stage->e);
}

/* What the task calls the special port of a node: it got them in order. */
static mach_name special_of(struct eye_task *k, uint32_t node)
{
    if (node == k->node)
        return stage->e.node[node].special;
    for (uint32_t i = 1; i < k->t->used; i++) {
        const struct mach_entry *x = &k->t->entries[i];
        if (x->rights & BIT(MACH_RIGHT_SEND) && x->u.port->record &&
            mach_uid_node(x->u.port->record->uid) == node)
            return i << 8 | x->generation;
    }
    return MACH_PORT_NULL;
}

static void make(struct eye_task *k)
{
    stage->port[k->node] = eye_port_new(k);
}
static void give_send(struct eye_task *k, uint32_t to)
{
    struct eye_give give = { stage->port[k->node], MACH_MAKE_SEND };
    stage->result[k->node] = eye_send(k, special_of(k, to), MACH_COPY_SEND, &give, 1, 0);
}
static void give_send_to_2(struct eye_task *k)
{
    give_send(k, 2);
}
static void give_port_to_1(struct eye_task *k)
{
    struct eye_give give = { stage->port[k->node], MACH_MOVE_RECEIVE };
    stage->result[k->node] = eye_send(k, special_of(k, 1), MACH_COPY_SEND, &give, 1, 0);
}
/* Takes a message from the special port, and what right it has. */
static void take(struct eye_task *k)
{
    struct mach_msg msg;
    stage->result[k->node] = eye_receive(k, stage->e.node[k->node].special, &msg, 0);
    if (stage->result[k->node] != MACH_MSG_SUCCESS)
        return;
    if (msg.item_count > 1 && msg.items[1].type == MACH_PORT_RECEIVE)
        stage->port[k->node] = msg.items[1].names[0];
    else if (msg.item_count > 1)
        stage->send[k->node] = msg.items[1].names[0];
    mach_msg_fini(k->t, &msg);
}
static void say(struct eye_task *k)
{
    stage->result[k->node] = eye_send(k, stage->send[k->node], MACH_COPY_SEND, NULL, 0, 0);
}
/* Takes all there is from the port. */
static void hear(struct eye_task *k)
{
    struct mach_msg msg;
    while (eye_receive(k, stage->port[k->node], &msg, 0) == MACH_MSG_SUCCESS) {
        stage->got[k->node]++;
        mach_msg_fini(k->t, &msg);
    }
}

static void settle_migration(void)
{
    does(0, make);
    does(0, give_send_to_2);
    does(2, take);
    does(0, give_port_to_1);
    does(1, take);
}

/* Loses the first control packet from node 0 to node 2. */
static bool lose_answer(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    bool *lost = arg;
    if (*lost || src != 0 || dst != 2 || frame->length > NORMA_HEADER + 16)
        return true;
    *lost = true;
    return false;
}

Test(norma, an_answer_that_is_lost_is_repeated_as_it_was)
{
    bool lost = false;
    stage_start(&(struct fake_options){ .lossy = true });
    settle_migration();
    fake_on_frame(stage->e.r.f, lose_answer, &lost);
    does(2, say); /* to node 0, which says: not the receiver */
    cr_assert(lost);
    does(1, hear);
    cr_assert_eq(stage->got[1], 1, "NORMA3");
    cr_assert_eq(fake_count(stage->e.r.f, 2, "norma.syncs"), 1);
    stage_stop();
}

/* The same, and the message comes once more before anything is asked. */
static struct {
    uint8_t bytes[4096];
    uint64_t length;
    bool lost;
} again;

static bool keep_and_lose(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    (void)arg;
    if (src == 2 && dst == 0 && frame->length > NORMA_HEADER + 16 && !again.length) {
        again.length = frame->length;
        rope_read(frame, 0, again.length, again.bytes);
    }
    if (again.lost || src != 0 || dst != 2 || frame->length > NORMA_HEADER + 16)
        return true;
    again.lost = true;
    fake_inject(stage->e.r.f, 2, 0, again.bytes, again.length);
    return false;
}

Test(norma, a_message_that_comes_twice_is_answered_twice_alike)
{
    stage_start(&(struct fake_options){ .lossy = true });
    settle_migration();
    fake_on_frame(stage->e.r.f, keep_and_lose, NULL);
    does(2, say);
    cr_assert(again.lost && again.length);
    does(1, hear);
    cr_assert_eq(stage->got[1], 1, "NORMA3");
    cr_assert_eq(fake_count(stage->e.r.f, 2, "norma.syncs"), 0);
    stage_stop();
}

static void ask_no_senders(struct eye_task *k)
{
    mach_name old;
    stage->send[k->node] = eye_port_new(k); /* the box */
    k->e->ports[k->e->port_count - 1].onces_made++;
    stage->result[k->node] = (enum mach_msg_return)mach_port_request_notification(
        k->t, stage->port[k->node], MACH_NOTIFY_NO_SENDERS, 0, stage->send[k->node],
        MACH_MAKE_SEND_ONCE, &old);
}
static void drop(struct eye_task *k)
{
    (void)mach_port_deallocate(k->t, stage->send[k->node]);
}
static void hear_box(struct eye_task *k)
{
    struct mach_msg msg;
    while (eye_receive(k, stage->send[k->node], &msg, 0) == MACH_MSG_SUCCESS) {
        stage->got[k->node] += msg.id == MACH_NOTIFY_NO_SENDERS;
        mach_msg_fini(k->t, &msg);
    }
}

/* Node 2 believes the port at node 0, which has given it up and has no rights to it. */
Test(norma, the_last_right_goes_where_the_port_went)
{
    stage_start(&(struct fake_options){ 0 });
    does(0, make);
    does(0, give_send_to_2);
    does(2, take);
    does(0, ask_no_senders);
    does(0, give_port_to_1);
    does(1, take);
    does(0, hear_box);
    cr_assert_eq(stage->got[0], 0);
    does(2, drop);
    does(0, hear_box);
    cr_assert_eq(stage->got[0], 1);
    stage_stop();
}

/* Messages that wait at a port have rights to the port itself, and move with it. */
static void give_to_itself(struct eye_task *k)
{
    const struct eye_give send = { stage->port[0], MACH_MAKE_SEND };
    const struct eye_give once = { stage->port[0], MACH_MAKE_SEND_ONCE };
    for (int i = 0; i < 2; i++)
        (void)eye_send(k, stage->port[0], MACH_MAKE_SEND, &send, 1, 0);
    (void)eye_send(k, stage->port[0], MACH_MAKE_SEND, &once, 1, 0);
}

Test(norma, rights_to_a_port_move_with_it)
{
    stage_start(&(struct fake_options){ 0 });
    does(0, make);
    does(0, give_to_itself);
    does(0, ask_no_senders);
    does(0, give_port_to_1);
    does(1, take);
    does(1, hear);
    cr_assert_eq(stage->got[1], 3);
    does(0, hear_box);
    cr_assert_eq(stage->got[0], 0, "node 1 has send rights");
    stage_stop();
}

Test(norma, small_cases_in_many_orders)
{
    mach_cases(&eye_norma, "NORMA_ORDERS", 2000, 0);
}

/* ---- random runs ---- */

Test(norma, random_runs_on_a_good_network)
{
    runs("NORMA_RUNS", 80,
         &(struct eye_options){ .nodes = 3, .tasks = 2, .actions = 300, .task_deaths = 5 });
}

Test(norma, random_runs_of_many_nodes)
{
    runs("NORMA_RUNS", 24,
         &(struct eye_options){ .nodes = 6, .tasks = 2, .actions = 800, .task_deaths = 4 });
}

Test(norma, random_runs_that_lose_double_and_reorder_frames)
{
    runs("NORMA_RUNS", 40,
         &(struct eye_options){ .nodes = 3,
                                .tasks = 2,
                                .actions = 300,
                                .task_deaths = 5,
                                .fake = { .lossy = true,
                                          .unordered = true,
                                          .drop_ppm = 50000,
                                          .duplicate_ppm = 50000,
                                          .delay_ppm = 100000,
                                          .order = FAKE_RANDOM,
                                          .timer_odds = 50 } });
}

/* Nothing is cleaned up, and IPC of nodes ends by panics; what each node has stays consistent, and
 * no process ends. */
Test(norma, random_runs_in_which_nodes_die)
{
    uint64_t panics = 0, crashes = 0, runs = sample("NORMA_RUNS", 30);
    for (uint64_t seed = 0; seed < runs; seed++) {
        struct eye *e = calloc(1, sizeof *e);
        eye_run(&(struct eye_options){ .net = &eye_norma,
                                       .seed = seed,
                                       .nodes = 4,
                                       .tasks = 2,
                                       .actions = 300,
                                       .task_deaths = 5,
                                       .node_crashes = 8 },
                e);
        panics += fake_counts(e->r.f)->failures;
        crashes += e->did[6];
        eye_stop(e);
        free(e);
    }
    if (getenv("NORMA_RUNS"))
        fprintf(stderr, "%lu crashes, %lu panics\n", (unsigned long)crashes, (unsigned long)panics);
    cr_assert(runs < 10 || (crashes > runs / 2 && panics > 0));
}
