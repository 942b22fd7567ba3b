/* mach_cases.c: small cases of Mach's IPC, in all orders. */
#include "tests/os/mach_cases.h"

#include <criterion/criterion.h>
#include <stdio.h>

#include "tests/sample.h"

/* Node 0 has a port, nodes 1 and 2 a send right to it; node 1 has one too, to which nodes 0 and 2
 * have send rights. */
struct small {
    const char *name;
    void (*does[3])(struct eye_task *k);
    const struct eye_net *net;
    struct eye e;
    struct xk_graph *g;
    mach_name port[3], other[3];
};
static struct small *small;

static void hear_some(struct eye_task *k, mach_name from, uint32_t most)
{
    struct mach_msg msg;
    while (most-- > 0 && eye_receive(k, from, &msg, SIM_SEC) == MACH_MSG_SUCCESS) {
        if (msg.item_count > 1 && msg.items[1].type == MACH_PORT_RECEIVE)
            small->port[k->node] = msg.items[1].names[0];
        mach_msg_fini(k->t, &msg);
    }
}
static void small_ask(struct eye_task *k, enum mach_notification id, mach_name to)
{
    uint32_t *made =
        &k->e->ports[eye_which(k->e, k->node, mach_entry_find(k->t, to)->u.port)].onces_made;
    mach_name old;
    *made += mach_port_request_notification(k->t, small->port[k->node], id, 0, to,
                                            MACH_MAKE_SEND_ONCE, &old) == KERN_SUCCESS;
}
static void migrates(struct eye_task *k)
{
    struct eye_give gives = { small->port[0], MACH_MOVE_RECEIVE };
    (void)eye_send(k, small->other[0], MACH_COPY_SEND, &gives, 1, SIM_SEC);
}
static void takes_and_hears(struct eye_task *k)
{
    hear_some(k, small->other[1], 1);
    hear_some(k, small->port[1], 2);
}
static void says(struct eye_task *k)
{
    (void)eye_send(k, small->port[2], MACH_COPY_SEND, NULL, 0, SIM_SEC);
}
static void says_twice(struct eye_task *k)
{
    says(k);
    says(k);
}
static void destroys_other(struct eye_task *k)
{
    (void)mach_port_mod_refs(k->t, small->other[1], MACH_RIGHT_RECEIVE, -1);
}
static void destroys(struct eye_task *k)
{
    (void)mach_port_mod_refs(k->t, small->port[0], MACH_RIGHT_RECEIVE, -1);
}
static void waits_for_death(struct eye_task *k)
{
    mach_name box = eye_port_new(k);
    small_ask(k, MACH_NOTIFY_DEAD_NAME, box);
    hear_some(k, box, 1);
}
static void waits_for_no_senders(struct eye_task *k)
{
    mach_name box = eye_port_new(k);
    (void)mach_port_deallocate(k->t, small->other[0]);
    small_ask(k, MACH_NOTIFY_NO_SENDERS, box);
    hear_some(k, box, 1);
}
static void passes_on(struct eye_task *k)
{
    struct eye_give gives = { small->port[2], MACH_MOVE_SEND };
    (void)eye_send(k, small->other[2], MACH_COPY_SEND, &gives, 1, SIM_SEC);
}
static void drops_and_takes(struct eye_task *k)
{
    (void)mach_port_deallocate(k->t, small->port[1]);
    hear_some(k, small->other[1], 1);
}
static void drops_and_takes_and_drops(struct eye_task *k)
{
    drops_and_takes(k);
    for (uint32_t i = 1; i < k->t->used; i++)
        if (k->t->entries[i].rights == BIT(MACH_RIGHT_SEND))
            (void)mach_port_destroy(k->t, i << 8 | k->t->entries[i].generation);
}

static void small_set_up(struct fake *f, void *arg)
{
    struct small *s = small = arg;
    struct eye_task *k[3];
    if (s->e.out)
        eye_stop(&s->e);
    eye_boot(&s->e, &(struct eye_options){ .net = s->net, .nodes = 3, .tasks = 1 }, f, s->g);
    s->e.r.g = NULL; /* not its own */
    for (uint32_t i = 0; i < 3; i++) {
        k[i] = &s->e.node[i].tasks[0];
        if (!eye_there(&s->e, i)) /* this order of boots is another one's */
            return;
    }
    s->port[0] = eye_make(k[0]);
    s->other[1] = eye_make(k[1]);
    s->port[1] = eye_lend(k[0], s->port[0], k[1]);
    s->port[2] = eye_lend(k[0], s->port[0], k[2]);
    s->other[0] = eye_lend(k[1], s->other[1], k[0]);
    s->other[2] = eye_lend(k[1], s->other[1], k[2]);
    for (int i = 0; i < 3; i++)
        if (s->does[i])
            eye_begin(k[i], s->does[i]);
}
static bool small_each(struct fake *f, void *arg)
{
    (void)f;
    eye_look(&((struct small *)arg)->e);
    return true;
}
static bool small_check(struct fake *f, void *arg)
{
    (void)f;
    eye_settle(&((struct small *)arg)->e);
    return true;
}

static struct small smalls[] = {
    { .name = "migrate against send", .does = { migrates, takes_and_hears, says } },
    { .name = "migrate against the death of what it goes to",
      .does = { migrates, destroys_other, waits_for_death } },
    { .name = "migrate against a right that is passed on",
      .does = { migrates, takes_and_hears, passes_on } },
    { .name = "send against death", .does = { destroys, NULL, says_twice } },
    { .name = "a right that is passed on against death",
      .does = { destroys, drops_and_takes, passes_on } },
    { .name = "the last right against a right that is passed on",
      .does = { waits_for_no_senders, drops_and_takes, passes_on } },
    { .name = "the last right against a right that is passed on and dropped",
      .does = { waits_for_no_senders, drops_and_takes_and_drops, passes_on } },
};

void mach_cases(const struct eye_net *net, const char *variable, uint64_t usual, uint64_t fewer)
{
    for (size_t i = 0; i < ARRAY_LEN(smalls); i++) {
        struct small *s = &smalls[i];
        s->net = net;
        s->g = rig_graph(net->graph);
        struct fake_explore x = { .options = { .nodes = 3, .explore_reduced = true },
                                  .setup = small_set_up,
                                  .each = small_each,
                                  .check = small_check,
                                  .orders_max = sample(variable, usual),
                                  .arg = s };
        fake_explore(&x);
        if (getenv(variable))
            fprintf(stderr, "%s: %lu orders, %lu cut, %s\n", s->name, (unsigned long)x.orders,
                    (unsigned long)x.cut, x.complete ? "all" : "not all");
        cr_assert_not(x.failed, "%s: order %s", s->name, x.order);
        cr_assert(x.complete || fewer == 0 || x.orders < fewer, "%s: %lu orders", s->name,
                  (unsigned long)x.orders);
        eye_stop(&s->e);
        xk_graph_free(s->g);
    }
}
