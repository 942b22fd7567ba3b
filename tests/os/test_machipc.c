/* test_machipc.c: Mach's messages and rights between nodes over MACHIPC: what each kind of transfer
 * costs, and random runs with crashes over a network that loses, doubles and reorders.
 *
 * The oracle of the random runs looks at all nodes at once: where each port's place is, what nodes
 * have against what it has lent, numbers of send-once rights against who has them; and in the end,
 * when all tasks have gone, nothing may be left anywhere.
 */
#include <criterion/criterion.h>
#include <stdio.h>

#include "os/mach/mach_internal.h"
#include "os/proto/machipc/machipc_internal.h"
#include "tests/os/mach_cases.h"
#include "tests/os/xk_rig.h"
#include "tests/sample.h"

#define NODES 4
#define TASKS 2
#define POLL (MACH_SEND_TIMEOUT | MACH_RCV_TIMEOUT)

static const char graph_text[] = "mesh driver; blast blast <mesh; chan chan <blast tries=1000; "
                                 "rpc select <chan; ipc machipc <rpc";

struct world {
    struct rig r;
    struct mach *m[NODES];
    struct mach_task *t[NODES][TASKS];
    uint32_t nodes;
    uint64_t random;
    bool watch;
    /* one call in a node's kernel */
    void (*fn)(struct world *w, uint32_t node);
    uint32_t node;
};
static struct world *W;

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct world *w = r->arg;
    w->m[node] = mach_create(p, 0);
    mach_net_attach(w->m[node], xk_find(r->k[node], "ipc"));
    for (int i = 0; i < TASKS; i++)
        w->t[node][i] = mach_task_create(w->m[node], port_task_create(p, "task", NULL, NULL));
}

/* It has booted since it came up. */
static bool up(const struct world *w, uint32_t node)
{
    return fake_up(w->r.f, node) && w->m[node] != NULL;
}

static struct xipc *net_of(struct world *w, uint32_t node)
{
    return xk_find(w->r.k[node], "ipc")->state;
}

static void call_fn(struct port *p, void *arg)
{
    struct world *w = arg;
    (void)p;
    w->fn(w, w->node);
}
static void in(struct world *w, uint32_t node, void (*fn)(struct world *w, uint32_t node))
{
    w->fn = fn;
    w->node = node;
    fake_call(w->r.f, node, call_fn, w);
}
static void meet_all(struct world *w, uint32_t node)
{
    for (uint32_t i = 0; i < w->nodes; i++)
        if (i != node)
            (void)xipc_met(net_of(w, node), i);
}

static void start(struct world *w, uint32_t nodes, const struct fake_options *o)
{
    struct fake_options options = *o;
    W = w;
    *w = (struct world){ .nodes = nodes, .random = o->seed + 77 };
    options.nodes = nodes;
    rig_start(&w->r, &options, graph_text, booted, w);
    fake_run(w->r.f, 0);
    for (uint32_t i = 0; i < nodes; i++)
        in(w, i, meet_all);
    fake_run(w->r.f, 0);
}

/* ---- the oracle ---- */

static const struct xipc_peer *lent_to(const struct xipc_port *x, uint32_t node)
{
    for (uint32_t i = 0; i < x->peer_count; i++)
        if (x->peers[i].node == node)
            return &x->peers[i];
    return NULL;
}

struct view {
    struct world *w;
    uint32_t node;
    bool quiet;
};

static void see(void *arg, struct mach_record *r)
{
    struct view *e = arg;
    struct world *w = e->w;
    const struct xipc_port *x = r->own, *place = NULL;
    uint32_t places = 0, under_way = 0;
    if (!x->n || mach_record_dead(r))
        return;
    for (uint32_t i = 0; i < w->nodes; i++) {
        struct mach_record *other = up(w, i) ? mach_record_find(w->m[i], r->uid) : NULL;
        if (!other || mach_record_dead(other) || !((struct xipc_port *)other->own)->n)
            continue;
        if (other->principal) {
            places++;
            place = other->own;
        }
        under_way += ((struct xipc_port *)other->own)->mover != NULL;
    }
    cr_assert_leq(places, 1, "XIPC4: a port has %u places", places);
    if (e->quiet) {
        cr_assert_eq(under_way, 0, "XIPC4: a receive right is under way for ever (uid %lx node %u)",
                     (unsigned long)r->uid, e->node);
        if (!list_empty(&x->out)) {
            const struct xipc_out *o = LIST_ENTRY(x->out.next, struct xipc_out, link);
            cr_assert_fail(
                "XIPC5: a message waits for ever: node %u uid %lx place %u/%u next %u "
                "asking %d mover %d here %d way %d tried %d stuck %d asked %u stalled %d",
                e->node, (unsigned long)r->uid, x->place.node, x->place.life, x->next.node,
                x->asking, x->mover != NULL, r->principal, o->under_way, o->tried, o->stuck,
                o->asked, !list_empty(&o->stall));
        }
        cr_assert(!x->owed && !x->asking && !x->flying, "owed %u asking %d flying %u", x->owed,
                  x->asking, x->flying);
        cr_assert_eq(places, 1, "XIPC5: node %u has rights to what is nowhere (uid %lx place %u)",
                     e->node, (unsigned long)r->uid, x->place.node);
    }
    if (r->principal || !place || under_way)
        return;
    const struct xipc_peer *p = lent_to(place, e->node);
    cr_assert(x->got == 0 || (p && p->lent >= x->got),
              "XIPC1: %u came, %u are lent (uid %lx at node %u, place %u, lives %u)", x->got,
              p ? p->lent : 0, (unsigned long)r->uid, e->node, place->n->me,
              xk_life_assumed(w->r.k[place->n->me], e->node));
    if (!e->quiet)
        return;
    cr_assert_eq(x->place.node, place->n->me);
    cr_assert_eq(x->got, p ? p->lent : 0, "XIPC1: %u came, %u are lent", x->got, p ? p->lent : 0);
    cr_assert_eq(x->got > 0, mach_record_sends(r) > 0, "XIPC1: %u came, %u there (uid %lx node %u)",
                 x->got, mach_record_sends(r), (unsigned long)r->uid, e->node);
    uint32_t numbers = 0;
    for (uint32_t i = 0; i < place->once_count; i++)
        numbers += place->onces[i].node == e->node;
    cr_assert_eq(numbers, x->token_count, "XIPC1: %u numbers, %u there (uid %lx node %u)", numbers,
                 x->token_count, (unsigned long)r->uid, e->node);
    cr_assert_eq(numbers, mach_record_onces(r),
                 "XIPC1: %u numbers, %u send-once rights (uid %lx node %u)", numbers,
                 mach_record_onces(r), (unsigned long)r->uid, e->node);
}

/* What the place has lent somebody has. */
static void see_place(void *arg, struct mach_record *r)
{
    struct view *e = arg;
    const struct xipc_port *x = r->own;
    if (!x->n || !r->principal || mach_record_dead(r))
        return;
    for (uint32_t i = 0; i < x->peer_count; i++) {
        const struct xipc_peer *p = &x->peers[i];
        if (p->lent == 0)
            continue;
        struct mach_record *other =
            up(e->w, p->node) ? mach_record_find(e->w->m[p->node], r->uid) : NULL;
        cr_assert(other && !mach_record_dead(other), "XIPC1: lent %u to node %u, which has none",
                  p->lent, p->node);
    }
}

static void look(struct world *w, bool quiet)
{
    for (uint32_t i = 0; i < w->nodes; i++) {
        if (!up(w, i))
            continue;
        struct view e = { .w = w, .node = i, .quiet = quiet };
        mach_record_each(w->m[i], see, &e);
        if (!quiet)
            continue;
        mach_record_each(w->m[i], see_place, &e);
        struct xipc *n = net_of(w, i);
        cr_assert(list_empty(&n->stalled) && list_empty(&n->movers) && list_empty(&n->arriving) &&
                  list_empty(&n->owing) && list_empty(&n->where));
        cr_assert(list_empty(&n->parts), "XIPC6: node %u keeps parts of a message for ever", i);
    }
}

static void run(struct world *w, uint64_t steps)
{
    for (uint64_t i = 0; (steps == 0 || i < steps) && fake_step(w->r.f); i++)
        if (w->watch)
            look(w, false);
}

/* All tasks end, and nothing is left. */
static void end_tasks(struct world *w, uint32_t node)
{
    for (int i = 0; i < TASKS; i++)
        mach_task_terminate(w->t[node][i]);
}
static void stop(struct world *w)
{
    run(w, 0);
    look(w, true);
    for (uint32_t i = 0; i < w->nodes; i++)
        if (up(w, i))
            in(w, i, end_tasks);
    run(w, 0);
    for (uint32_t i = 0; i < w->nodes; i++)
        if (up(w, i)) {
            cr_assert_eq(mach_ports(w->m[i]), 0, "node %u: %lu ports are left", i,
                         (unsigned long)mach_ports(w->m[i]));
            cr_assert_eq(mach_messages(w->m[i]), 0);
            cr_assert(list_empty(&w->m[i]->records));
        }
    rig_stop(&w->r);
}

/* ---- calls on a node ---- */

struct args {
    mach_name name, other, *names;
    uint32_t task, d, count, refs;
    int32_t id;
    struct mach_msg msg;
    enum mach_msg_return r;
    enum kern_return kr;
} A;

static struct mach_task *task(struct world *w, uint32_t node)
{
    return w->t[node][A.task];
}

static void do_new(struct world *w, uint32_t node)
{
    cr_assert_eq(mach_port_allocate(task(w, node), MACH_RIGHT_RECEIVE, &A.name), KERN_SUCCESS);
}
static mach_name new_port(struct world *w, uint32_t node)
{
    in(w, node, do_new);
    return A.name;
}

static void do_send(struct world *w, uint32_t node)
{
    struct mach_msg msg;
    mach_msg_init(&msg);
    msg.remote = A.name;
    msg.remote_disp = MACH_COPY_SEND;
    msg.id = A.id;
    if (A.other) {
        msg.local = A.other;
        msg.local_disp = MACH_MAKE_SEND_ONCE;
    }
    if (A.count)
        mach_msg_add_rights(task(w, node), &msg, A.d, A.names, A.count);
    if (A.refs)
        msg.remote_disp = A.refs;
    A.r = mach_msg(task(w, node), &msg, MACH_SEND_MSG | POLL, 0, 0, 0);
    mach_msg_fini(task(w, node), &msg);
}
/* Sends a message with one right, or none (d 0); `by`: the destination's disposition. */
static enum mach_msg_return say_by(struct world *w, uint32_t node, mach_name to, uint32_t by,
                                   int32_t id, mach_name right, uint32_t d)
{
    A.name = to;
    A.other = 0;
    A.id = id;
    A.names = &right;
    A.count = d != 0;
    A.d = d;
    A.refs = by;
    in(w, node, do_send);
    return A.r;
}
static void say(struct world *w, uint32_t node, mach_name to, int32_t id, mach_name right,
                uint32_t d)
{
    cr_assert_eq(say_by(w, node, to, MACH_COPY_SEND, id, right, d), MACH_MSG_SUCCESS);
}

static void do_hear_keep(struct world *w, uint32_t node)
{
    mach_msg_init(&A.msg);
    A.r = mach_msg(task(w, node), &A.msg, MACH_RCV_MSG | POLL, A.name, 0, 0);
    A.id = A.r == MACH_MSG_SUCCESS ? A.msg.id : 0;
    A.other = A.r == MACH_MSG_SUCCESS && A.msg.item_count && A.msg.items[0].names
                  ? A.msg.items[0].names[0]
                  : 0;
    A.refs = A.msg.remote;
}
static void do_hear(struct world *w, uint32_t node)
{
    do_hear_keep(w, node);
    mach_msg_fini(task(w, node), &A.msg);
}
/* The id of the message that is there; its right's name in *right. */
static int32_t hear(struct world *w, uint32_t node, mach_name from, mach_name *right)
{
    A.name = from;
    in(w, node, do_hear);
    if (right)
        *right = A.other;
    return A.id;
}

static void do_ask(struct world *w, uint32_t node)
{
    mach_name old;
    cr_assert_eq(mach_port_request_notification(task(w, node), A.name, (enum mach_notification)A.id,
                                                0, A.other, MACH_MAKE_SEND_ONCE, &old),
                 KERN_SUCCESS);
}
static void ask(struct world *w, uint32_t node, mach_name name, enum mach_notification id,
                mach_name to)
{
    A.name = name;
    A.id = (int32_t)id;
    A.other = to;
    in(w, node, do_ask);
}

static void do_destroy(struct world *w, uint32_t node)
{
    cr_assert_eq(mach_port_destroy(task(w, node), A.name), KERN_SUCCESS);
}
static void destroy(struct world *w, uint32_t node, mach_name name)
{
    A.name = name;
    in(w, node, do_destroy);
}

/* A send right of a node's port for another node, by nobody's message. */
static uint64_t gift;
static uint32_t giver;
static void do_give(struct world *w, uint32_t node)
{
    struct xipc *n = net_of(w, node);
    struct mach_entry *e = mach_entry_find(task(w, node), A.name);
    struct mach_record *r = mach_record_export(w->m[node], e->u.port);
    struct xipc_port *x = xipc_begin(n, r, xipc_now(n, node));
    xipc_lend(x, A.count);
    xipc_peer(x, A.count)->life = port_incarnation(fake_port(w->r.f, A.count));
    gift = r->uid;
    giver = node;
}
static void do_get(struct world *w, uint32_t node)
{
    struct xipc_node at = { giver, port_incarnation(fake_port(w->r.f, giver)) };
    struct xipc_port *x = xipc_get(net_of(w, node), gift, at);
    x->got++;
    cr_assert(mach_copyout(task(w, node), mach_net_got(x->r, MACH_HELD_SEND), &A.name));
    mach_record_put(x->r);
}
static mach_name give(struct world *w, uint32_t from, mach_name name, uint32_t to)
{
    A.name = name;
    A.count = to;
    in(w, from, do_give);
    in(w, to, do_get);
    return A.name;
}

static uint32_t type_of(struct world *w, uint32_t node, mach_name name)
{
    uint32_t type = 0;
    (void)mach_port_type(w->t[node][0], name, &type);
    return type;
}

/* Frames since the last look. */
static uint64_t frames(struct world *w)
{
    static uint64_t before;
    run(w, 0);
    uint64_t now = fake_counts(w->r.f)->frames, n = now - before;
    before = now;
    return n;
}

/* ---- what it costs ---- */

Test(machipc, a_call_is_four_frames)
{
    struct world w;
    start(&w, 2, &(struct fake_options){ 0 });
    mach_name server = new_port(&w, 1), reply = new_port(&w, 0);
    mach_name to = give(&w, 1, server, 0);
    (void)frames(&w);
    for (int32_t i = 0; i < 5; i++) {
        A.name = to;
        A.id = 10 + i;
        A.other = reply;
        A.count = A.refs = 0;
        in(&w, 0, do_send);
        cr_assert_eq(A.r, MACH_MSG_SUCCESS);
        cr_assert_eq(frames(&w), 2);
        cr_assert_eq(hear(&w, 1, server, NULL), 10 + i);
        cr_assert_eq(say_by(&w, 1, A.refs, MACH_MOVE_SEND_ONCE, 20 + i, 0, 0), MACH_MSG_SUCCESS);
        cr_assert_eq(frames(&w), 2);
        cr_assert_eq(hear(&w, 0, reply, NULL), 20 + i);
    }
    stop(&w);
}

Test(machipc, each_transfer_of_a_right_costs_what_it_must)
{
    struct world w;
    mach_name right;
    start(&w, 3, &(struct fake_options){ 0 });
    mach_name a = new_port(&w, 0), b = new_port(&w, 1), c = new_port(&w, 2), box = new_port(&w, 0);
    mach_name b_at_0 = give(&w, 1, b, 0), c_at_1 = give(&w, 2, c, 1), a_at_1 = give(&w, 0, a, 1);
    ask(&w, 0, a, MACH_NOTIFY_NO_SENDERS, box);
    (void)frames(&w);
    /* SSR: from the place. */
    say(&w, 0, b_at_0, 1, a, MACH_MAKE_SEND);
    cr_assert_eq(frames(&w), 2);
    cr_assert_eq(hear(&w, 1, b, &right), 1);
    cr_assert_eq(right, a_at_1);
    /* LSR: from one that is not the place to another: two more. */
    say(&w, 1, c_at_1, 2, a_at_1, MACH_COPY_SEND);
    cr_assert_eq(frames(&w), 4);
    cr_assert_eq(hear(&w, 2, c, &right), 2);
    mach_name a_at_2 = right;
    look(&w, true); /* XIPC2 */
    /* Again: it is counted there. */
    say(&w, 1, c_at_1, 3, a_at_1, MACH_COPY_SEND);
    cr_assert_eq(frames(&w), 2);
    cr_assert_eq(hear(&w, 2, c, &right), 3);
    cr_assert_eq(right, a_at_2);
    /* The last right of a node is given back. */
    destroy(&w, 2, a_at_2);
    cr_assert_eq(frames(&w), 2);
    cr_assert_eq(hear(&w, 0, box, NULL), 0);
    destroy(&w, 1, a_at_1);
    cr_assert_eq(frames(&w), 2);
    cr_assert_eq(hear(&w, 0, box, NULL), MACH_NOTIFY_NO_SENDERS);
    cr_assert_eq(hear(&w, 0, box, NULL), 0);
    stop(&w);
}

Test(machipc, a_receive_right_moves_with_two_frames_and_four_for_each_holder)
{
    for (uint32_t holders = 0; holders <= 2; holders++) {
        struct world w;
        mach_name right, at[NODES] = { 0 };
        start(&w, 4, &(struct fake_options){ 0 });
        mach_name p = new_port(&w, 0), b = new_port(&w, 1), b_at_0 = give(&w, 1, b, 0);
        mach_name own = give(&w, 0, p, 1); /* the new place's own rights cost nothing */
        for (uint32_t i = 0; i < holders; i++)
            at[2 + i] = give(&w, 0, p, 2 + i);
        say(&w, 1, own, 5, 0, 0); /* in its queue */
        (void)frames(&w);
        say(&w, 0, b_at_0, 1, p, MACH_MOVE_RECEIVE);
        cr_assert_eq(frames(&w), 2 + 4 * holders);
        cr_assert_eq(hear(&w, 1, b, &right), 1);
        cr_assert_eq(right, own);
        cr_assert_eq(type_of(&w, 1, right), MACH_TYPE_RECEIVE | MACH_TYPE_SEND);
        cr_assert_eq(hear(&w, 1, right, NULL), 5);
        for (uint32_t i = 0; i < holders; i++) {
            say(&w, 2 + i, at[2 + i], 7, 0, 0);
            cr_assert_eq(frames(&w), 2);
            cr_assert_eq(hear(&w, 1, right, NULL), 7);
        }
        stop(&w);
    }
}

/* ---- random runs ---- */

#define SENDERS 64
#define PORTS 512
#define TRACKED 5000 /* id of messages that are numbered */

static struct {
    uint32_t senders, lives[NODES];
    uint64_t uids[PORTS];
    uint32_t ports, sent[SENDERS][PORTS], got[SENDERS][PORTS];
    uint64_t received, rights, crashes;
    bool gone[SENDERS]; /* its node has died since */
} T;

static uint32_t pick(struct world *w, uint32_t below)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->random >> 33) % below;
}

static uint32_t number_of(uint64_t uid)
{
    for (uint32_t i = 0; i < T.ports; i++)
        if (T.uids[i] == uid)
            return i;
    cr_assert_lt(T.ports, PORTS);
    T.uids[T.ports] = uid;
    return T.ports++;
}

/* Some name of the task that has one of these rights; 0: none. */
static mach_name some(struct world *w, struct mach_task *t, uint8_t rights)
{
    for (uint32_t tries = 0; t->used > 1 && tries < 8; tries++) {
        uint32_t i = 1 + pick(w, t->used - 1);
        mach_name name = i << 8 | t->entries[i].generation;
        struct mach_entry *e = mach_entry_find(t, name);
        if (e && e->rights & rights)
            return name;
    }
    return 0;
}

#define SENDS BIT(MACH_RIGHT_SEND)
#define RECEIVES BIT(MACH_RIGHT_RECEIVE)
#define ONCES BIT(MACH_RIGHT_SEND_ONCE)

static uint32_t some_disposition(struct world *w, uint8_t rights, bool receive)
{
    if (rights & ONCES)
        return MACH_MOVE_SEND_ONCE;
    if (rights & RECEIVES) {
        uint32_t n = pick(w, 8);
        return receive && n == 0 ? MACH_MOVE_RECEIVE : n < 4 ? MACH_MAKE_SEND_ONCE : MACH_MAKE_SEND;
    }
    return pick(w, 3) ? MACH_COPY_SEND : MACH_MOVE_SEND;
}

static void tracked(struct mach_msg *msg, uint32_t sender, uint32_t port, uint32_t number)
{
    struct rope data;
    rope_init(&data);
    xipc_put32(&data, sender);
    xipc_put32(&data, port);
    xipc_put32(&data, number);
    mach_msg_add(msg, MACH_TYPE_BYTE, &data);
    msg->id = TRACKED;
}

static void chaos_send(struct world *w, uint32_t node, struct mach_task *t)
{
    struct mach_msg msg;
    mach_name to = some(w, t, SENDS | ONCES);
    struct mach_entry *e = to ? mach_entry_find(t, to) : NULL;
    if (!e)
        return;
    bool once = (e->rights & ONCES) != 0;
    mach_msg_init(&msg);
    msg.remote = to;
    msg.remote_disp = once ? MACH_MOVE_SEND_ONCE : pick(w, 4) ? MACH_COPY_SEND : MACH_MOVE_SEND;
    uint32_t sender = T.lives[node], port = 0;
    bool tracks = !once && pick(w, 2);
    if (tracks) {
        port = number_of(mach_record_export(w->m[node], e->u.port)->uid);
        tracked(&msg, sender, port, T.sent[sender][port] + 1);
    }
    mach_name reply = pick(w, 3) == 0 ? some(w, t, RECEIVES) : 0;
    if (reply) {
        msg.local = reply;
        msg.local_disp = pick(w, 2) ? MACH_MAKE_SEND_ONCE : MACH_MAKE_SEND;
    }
    for (uint32_t n = pick(w, 3); n > 0; n--) {
        mach_name name = some(w, t, SENDS | ONCES | RECEIVES);
        struct mach_entry *f = name ? mach_entry_find(t, name) : NULL;
        if (!f || name == to || name == reply)
            continue;
        bool again = false;
        for (uint32_t i = 0; i < msg.item_count; i++)
            again = again || (msg.items[i].names && msg.items[i].names[0] == name);
        if (again)
            continue;
        mach_msg_add_rights(t, &msg, some_disposition(w, f->rights, !tracks), &name, 1);
    }
    enum mach_msg_return r = mach_msg(t, &msg, MACH_SEND_MSG | POLL, 0, 0, 0);
    cr_assert(r == MACH_MSG_SUCCESS || r == MACH_SEND_TIMED_OUT, "%#x", r);
    if (tracks && r == MACH_MSG_SUCCESS)
        T.sent[sender][port]++;
    mach_msg_fini(t, &msg);
}

static void chaos_receive(struct world *w, struct mach_task *t)
{
    struct mach_msg msg;
    mach_name from = some(w, t, RECEIVES);
    if (!from)
        return;
    mach_msg_init(&msg);
    if (mach_msg(t, &msg, MACH_RCV_MSG | POLL, from, 0, 0) != MACH_MSG_SUCCESS)
        return;
    T.received++;
    for (uint32_t i = 0; i < msg.item_count; i++)
        T.rights += msg.items[i].names != NULL;
    if (msg.id == TRACKED) {
        uint32_t sender, port, number;
        struct rope *data = &msg.items[0].data;
        cr_assert(xipc_get32(data, &sender) && xipc_get32(data, &port) &&
                  xipc_get32(data, &number));
        struct mach_record *r = mach_record_of(mach_entry_find(t, from)->u.port);
        cr_assert(r && number_of(r->uid) == port, "another port's message");
        cr_assert_gt(number, T.got[sender][port], "XIPC3: %u again", number);
        if (!T.gone[sender])
            cr_assert_eq(number, T.got[sender][port] + 1, "XIPC3: after %u of node %u came %u",
                         T.got[sender][port], sender, number);
        T.got[sender][port] = number;
    }
    mach_msg_fini(t, &msg);
}

static void chaos_ask(struct world *w, struct mach_task *t)
{
    mach_name box = some(w, t, RECEIVES), name, old;
    uint32_t which = pick(w, 3);
    name = some(w, t, which == 0 ? SENDS | ONCES : RECEIVES);
    if (!box || !name || name == box)
        return;
    (void)!mach_port_request_notification(t, name,
                                          which == 0   ? MACH_NOTIFY_DEAD_NAME
                                          : which == 1 ? MACH_NOTIFY_NO_SENDERS
                                                       : MACH_NOTIFY_PORT_DESTROYED,
                                          0, box, MACH_MAKE_SEND_ONCE, &old);
}

/* A receive right goes in a message. */
static void storm_move(struct world *w, struct mach_task *t)
{
    mach_name p = some(w, t, RECEIVES), to = some(w, t, SENDS);
    struct mach_msg msg;
    struct mach_entry *e = p ? mach_entry_find(t, p) : NULL;
    if (!p || !to || p == to || t->names < 3 || e->u.port->id <= w->nodes)
        return;
    mach_msg_init(&msg);
    msg.remote = to;
    msg.remote_disp = MACH_COPY_SEND;
    mach_msg_add_rights(t, &msg, MACH_MOVE_RECEIVE, &p, 1);
    if (e->rights & SENDS && pick(w, 2))
        mach_msg_add_rights(t, &msg, MACH_COPY_SEND, &p, 1);
    (void)mach_msg(t, &msg, MACH_SEND_MSG | POLL, 0, 0, 0);
    mach_msg_fini(t, &msg);
}

/* Little but moves of receive rights, and what goes to their ports meanwhile. */
static void storm(struct world *w, uint32_t node)
{
    struct mach_task *t = w->t[node][0];
    uint32_t what = pick(w, 100);
    mach_name name;
    if (what < 4 && t->names < 12)
        (void)mach_port_allocate(t, MACH_RIGHT_RECEIVE, &name);
    else if (what < 20)
        storm_move(w, t);
    else if (what < 60)
        chaos_send(w, node, t);
    else if (what < 97)
        chaos_receive(w, t);
    else if (what < 98)
        chaos_ask(w, t);
    else if ((name = some(w, t, SENDS | ONCES)) != 0)
        (void)mach_port_deallocate(t, name);
}

static void chaos(struct world *w, uint32_t node)
{
    struct mach_task *t = w->t[node][pick(w, TASKS)];
    uint32_t what = pick(w, 100);
    mach_name name;
    if (what < 6 && t->names < 30)
        (void)mach_port_allocate(t, MACH_RIGHT_RECEIVE, &name);
    else if (what < 60)
        chaos_send(w, node, t);
    else if (what < 90)
        chaos_receive(w, t);
    else if (what < 95)
        chaos_ask(w, t);
    else if (what < 98 && (name = some(w, t, 0xff)) != 0)
        (void)mach_port_deallocate(t, name);
    else if (what < 99 && (name = some(w, t, 0xff)) != 0)
        (void)mach_port_destroy(t, name);
}

static void new_life(uint32_t node)
{
    T.gone[T.lives[node]] = T.crashes > 0;
    T.lives[node] = T.senders++;
    cr_assert_leq(T.senders, SENDERS);
}

/* Everybody knows somebody. */
static void acquaint(struct world *w, uint32_t node)
{
    A.task = 0;
    mach_name p = new_port(w, node);
    for (uint32_t i = 0; i < w->nodes; i++)
        if (i != node && up(w, i))
            (void)give(w, node, p, i);
}

static void random_run(uint64_t seed, uint32_t events, bool crashes, bool lossy,
                       void (*act)(struct world *w, uint32_t node))
{
    struct world w;
    memset(&T, 0, sizeof T);
    start(&w, 3,
          &(struct fake_options){ .seed = seed,
                                  .order = FAKE_RANDOM,
                                  .lossy = lossy,
                                  .unordered = lossy,
                                  .drop_ppm = lossy ? 30000 : 0,
                                  .duplicate_ppm = lossy ? 30000 : 0,
                                  .delay_ppm = lossy ? 50000 : 0,
                                  .detect_delay = SIM_MS,
                                  .timer_odds = 50 });
    w.watch = true;
    for (uint32_t i = 0; i < w.nodes; i++)
        new_life(i);
    for (uint32_t i = 0; i < w.nodes; i++)
        acquaint(&w, i);
    for (uint32_t n = 0; n < events; n++) {
        uint32_t node = pick(&w, w.nodes);
        if (crashes && pick(&w, 150) == 0 && T.senders < SENDERS) {
            T.crashes++;
            if (fake_up(w.r.f, node)) {
                fake_crash(w.r.f, node);
                w.m[node] = NULL;
                T.gone[T.lives[node]] = true;
                run(&w, pick(&w, 20));
            }
            fake_restart(w.r.f, node);
            new_life(node);
            run(&w, pick(&w, 3) ? 0 : 5);
            if (up(&w, node) && pick(&w, 2)) {
                run(&w, 0);
                acquaint(&w, node);
            }
        }
        if (up(&w, node))
            in(&w, node, act);
        look(&w, false);
        run(&w, pick(&w, 8) ? pick(&w, 3) : pick(&w, 40));
        if (pick(&w, 40) == 0) {
            run(&w, 0);
            look(&w, true);
            if (up(&w, node))
                acquaint(&w, node);
        }
    }
    stop(&w);
}

Test(machipc, rights_and_messages_are_kept_whatever_happens)
{
    uint64_t runs = sample("MACHIPC_RUNS", 150), seed = sample("MACHIPC_SEED", 1);
    for (uint64_t i = 0; i < runs; i++) { /* crashes, or faults of the network, or both */
        if (getenv("MACHIPC_SHOW"))       /* which one fails */
            fprintf(stderr, "MACHIPC_RUNS=1 MACHIPC_SEED=%lu\n", (unsigned long)(seed + i));
        random_run(seed + i, 400, (seed + i) % 2, (seed + i) % 4 >= 2, chaos);
    }
}

Test(machipc, receive_rights_that_move_are_in_one_place)
{
    uint64_t runs = sample("MACHIPC_RUNS", 150), seed = sample("MACHIPC_SEED", 1);
    for (uint64_t i = 0; i < runs; i++) {
        if (getenv("MACHIPC_SHOW"))
            fprintf(stderr, "MACHIPC_RUNS=1 MACHIPC_SEED=%lu\n", (unsigned long)(seed + i));
        random_run(seed + i, 400, (seed + i) % 2, (seed + i) % 4 >= 2, storm);
    }
}

/* ---- a move of a receive right, and a death at every step of it ---- */

/* Port 0 moves from node 0 to node 1; nodes 2 and 3 have rights to it, and send.  Node 2 has a
 * dead-name request, node 0 a no-senders request at its own port.  `dies` at step `at`. */
struct story {
    mach_name p, at[NODES], box[NODES], b, b_at[NODES];
    uint32_t sent[NODES];
};

static struct mach_record *place_of(struct world *w, uint64_t uid)
{
    for (uint32_t i = 0; i < w->nodes; i++) {
        struct mach_record *r = up(w, i) ? mach_record_find(w->m[i], uid) : NULL;
        if (r && r->principal && !mach_record_dead(r))
            return r;
    }
    return NULL;
}

/* Takes all messages from the port: each node's come in order, and all of a node that lives. */
static void story_hears(struct world *w, const struct story *s, uint32_t place, uint32_t dies)
{
    mach_name name = s->p;
    int32_t id, last[NODES] = { 0 };
    uint32_t came[NODES] = { 0 };
    if (place == 1) {
        cr_assert_eq(hear(w, 1, s->b, &name), 1, "the right came with its message");
        cr_assert(name != 0);
    }
    for (int again = 0; again < 2; again++) {
        while ((id = hear(w, place, name, NULL)) != 0) {
            cr_assert_gt(id, last[id % 10], "XIPC3");
            last[id % 10] = id;
            came[id % 10]++;
        }
        run(w, 0);
        for (uint32_t i = 2; i < 4 && !again; i++)
            if (i != dies)
                say(w, i, s->at[i], 90 + (int32_t)i, 0, 0);
        run(w, 0);
    }
    for (uint32_t i = 2; i < 4; i++)
        cr_assert(i == dies ? came[i] <= s->sent[i] : came[i] == s->sent[i] + 1,
                  "XIPC3: %u of %u messages of node %u came", came[i], s->sent[i], i);
}

/* All rights that nodes 2 and 3 have are alive, and messages come; or dead, and that was told. */
static void story_ends(struct world *w, const struct story *s, uint64_t uid, uint32_t dies)
{
    struct mach_record *r = place_of(w, uid);
    for (uint32_t i = 2; i < 4; i++) {
        if (i == dies)
            continue;
        uint32_t type = type_of(w, i, s->at[i]) & 0x1f0000;
        cr_assert_eq(type, r ? MACH_TYPE_SEND : MACH_TYPE_DEAD_NAME, "node %u: %x, the port %s", i,
                     type, r ? "lives" : "is dead");
        cr_assert_eq(hear(w, i, s->box[i], NULL), r ? 0 : MACH_NOTIFY_DEAD_NAME);
        cr_assert_eq(hear(w, i, s->box[i], NULL), 0, "told twice");
    }
    if (r)
        story_hears(w, s, ((struct xipc_port *)r->own)->n->me, dies);
    look(w, true);
}

/* False: it was over before that step. */
static bool story(uint32_t dies, uint64_t at, uint64_t seed)
{
    struct world w;
    struct story s = { 0 };
    if (getenv("MACHIPC_SHOW"))
        fprintf(stderr, "node %u dies at step %lu, seed %lu\n", dies, (unsigned long)at,
                (unsigned long)seed);
    start(&w, 4,
          &(struct fake_options){
              .seed = seed, .order = seed ? FAKE_RANDOM : FAKE_IN_ORDER, .detect_delay = SIM_MS });
    s.p = new_port(&w, 0);
    s.b = new_port(&w, 1);
    s.b_at[0] = give(&w, 1, s.b, 0);
    uint64_t uid = 0;
    for (uint32_t i = 2; i < 4; i++) {
        s.box[i] = new_port(&w, i);
        s.at[i] = give(&w, 0, s.p, i);
        uid = gift;
        ask(&w, i, s.at[i], MACH_NOTIFY_DEAD_NAME, s.box[i]);
        say(&w, i, s.at[i], 10 + (int32_t)i, 0, 0);
        s.sent[i] = 1;
    }
    run(&w, 0);
    say(&w, 0, s.b_at[0], 1, s.p, MACH_MOVE_RECEIVE);
    uint64_t step = 0;
    w.watch = true;
    for (int32_t round = 1; round < 3; round++)
        for (uint32_t i = 2; i < 4; i++) {
            if (up(&w, i))
                s.sent[i] += say_by(&w, i, s.at[i], MACH_COPY_SEND, 10 * round + 10 + (int32_t)i, 0,
                                    0) == MACH_MSG_SUCCESS;
            for (int n = 0; n < 2; n++) {
                if (step++ == at) {
                    fake_crash(w.r.f, dies);
                    w.m[dies] = NULL;
                }
                run(&w, 1);
            }
        }
    while (step < at && fake_pending(w.r.f)) {
        run(&w, 1);
        step++;
    }
    bool died = w.m[dies] == NULL;
    if (!died && step >= at && fake_pending(w.r.f)) {
        fake_crash(w.r.f, dies);
        w.m[dies] = NULL;
        died = true;
    }
    run(&w, 0);
    look(&w, true);
    if (died)
        story_ends(&w, &s, uid, dies);
    stop(&w);
    return died;
}

Test(machipc, a_death_at_any_step_of_a_move)
{
    uint64_t orders = 0, stories = sample("MACHIPC_STORIES", 10);
    for (uint64_t seed = 0; seed < stories; seed++)
        for (uint32_t dies = 0; dies < 4; dies++)
            for (uint64_t at = 0; story(dies, at, seed); at++)
                orders++;
    cr_assert_gt(orders, 10 * stories);
    if (getenv("MACHIPC_SHOW"))
        fprintf(stderr, "%lu deaths\n", (unsigned long)orders);
}

/* ---- frames that are lost at a bad moment ---- */

static struct {
    uint32_t src, dst, lose;
} L;

/* Loses the next `lose` frames between two nodes. */
static bool lose_some(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    (void)arg, (void)frame;
    if (src != L.src || dst != L.dst || L.lose == 0)
        return true;
    L.lose--;
    return false;
}
static void lose(struct world *w, uint32_t src, uint32_t dst)
{
    L.src = src;
    L.dst = dst;
    L.lose = 1;
    fake_on_frame(w->r.f, lose_some, NULL);
}

/* For a second, in which nothing that was lost is asked for again. */
static void run_a_second(struct world *w)
{
    fake_run_until(w->r.f, fake_now(w->r.f) + SIM_SEC);
}

#define LOSSY                                                                                      \
    &(struct fake_options)                                                                         \
    {                                                                                              \
        .lossy = true, .detect_delay = SIM_MS                                                      \
    }

/* The old place has taken it, and dies after the move and before it could say so. */
Test(machipc, a_message_that_moved_along_is_not_taken_again)
{
    struct world w;
    mach_name right;
    start(&w, 3, LOSSY);
    mach_name p = new_port(&w, 0), b = new_port(&w, 1), b_at_0 = give(&w, 1, b, 0);
    mach_name p_at_2 = give(&w, 0, p, 2);
    lose(&w, 0, 2);
    say(&w, 2, p_at_2, 7, 0, 0);
    run_a_second(&w);
    cr_assert_eq(L.lose, 0);
    say(&w, 0, b_at_0, 1, p, MACH_MOVE_RECEIVE);
    run_a_second(&w);
    fake_crash(w.r.f, 0);
    w.m[0] = NULL;
    run(&w, 0);
    cr_assert_eq(hear(&w, 1, b, &right), 1);
    cr_assert_eq(hear(&w, 1, right, NULL), 7);
    cr_assert_eq(hear(&w, 1, right, NULL), 0, "XIPC3");
    cr_assert_eq(net_of(&w, 2)->counts.again, 1);
    stop(&w);
}

/* Its death is told before the right has come. */
Test(machipc, a_right_that_comes_after_the_death_of_its_port_is_dead)
{
    struct world w;
    mach_name right;
    start(&w, 2, LOSSY);
    mach_name p = new_port(&w, 0), b = new_port(&w, 1), b_at_0 = give(&w, 1, b, 0);
    lose(&w, 0, 1);
    say(&w, 0, b_at_0, 1, p, MACH_MAKE_SEND);
    run_a_second(&w);
    cr_assert_eq(L.lose, 0);
    destroy(&w, 0, p);
    run(&w, 0);
    cr_assert_eq(hear(&w, 1, b, &right), 1);
    cr_assert_eq(right, MACH_PORT_DEAD);
    stop(&w);
}

/* ---- messages longer than a call ---- */

#define SMALL 96                       /* bytes of a frame */
#define FRAGMENT (SMALL - 8 - 24)      /* less the headers of the driver and of BLAST */
#define CALL (64 * FRAGMENT - 24 - 8)  /* less those of CHAN and SELECT */
#define BESIDE (12 + 24 + 16 + 2 * 20) /* of a message with one item of data alone */
#define FRAMES(n) (((n) + 24 + 8 + FRAGMENT - 1) / FRAGMENT) /* of a call of n bytes */

#define MOVES 1000 /* id of a message with a receive right */

static void do_send_long(struct world *w, uint32_t node)
{
    struct mach_msg msg;
    struct rope data;
    mach_msg_init(&msg);
    msg.remote = A.name;
    msg.remote_disp = A.d;
    msg.id = A.id;
    if (A.other) {
        msg.local = A.other;
        msg.local_disp = MACH_MAKE_SEND_ONCE;
    }
    rope_init(&data);
    rope_add_pattern(&data, (uint64_t)A.id, 0, A.count);
    mach_msg_add(&msg, MACH_TYPE_BYTE, &data);
    if (A.names)
        mach_msg_add_rights(task(w, node), &msg, A.refs ? MACH_MOVE_RECEIVE : MACH_COPY_SEND,
                            A.names, 1);
    A.r = mach_msg(task(w, node), &msg, MACH_SEND_MSG | POLL, 0, 0, 0);
    mach_msg_fini(task(w, node), &msg);
}
static void say_long(struct world *w, uint32_t node, mach_name to, uint32_t by, int32_t id,
                     uint32_t bytes, mach_name reply, mach_name *right)
{
    A.name = to;
    A.other = reply;
    A.id = id;
    A.d = by;
    A.count = bytes;
    A.names = right;
    A.refs = id == MOVES;
    in(w, node, do_send_long);
    cr_assert_eq(A.r, MACH_MSG_SUCCESS, "%#x", A.r);
}

static void do_hear_long(struct world *w, uint32_t node)
{
    struct rope same;
    do_hear_keep(w, node);
    if (A.r != MACH_MSG_SUCCESS)
        return;
    if (A.msg.item_count && !A.msg.items[0].names) {
        rope_init(&same);
        rope_add_pattern(&same, (uint64_t)A.msg.id, 0, A.msg.items[0].data.length);
        cr_assert(rope_equal(&same, &A.msg.items[0].data), "XIPC6: other bytes than were sent");
        rope_fini(&same);
    }
    mach_msg_fini(task(w, node), &A.msg);
}
static int32_t hear_long(struct world *w, uint32_t node, mach_name from)
{
    A.name = from;
    in(w, node, do_hear_long);
    return A.id;
}

static void start_small(struct world *w, uint32_t nodes, const struct fake_options *o)
{
    struct fake_options options = *o;
    rig_mtu = options.mtu = SMALL;
    start(w, nodes, &options);
    rig_mtu = 0;
}

Test(machipc_parts, cost_the_frames_of_their_bytes_and_an_answer_each)
{
    struct world w;
    start_small(&w, 2, &(struct fake_options){ 0 });
    mach_name server = new_port(&w, 1), to = give(&w, 1, server, 0);
    (void)frames(&w);
    cr_assert_eq(select_max_bytes(net_of(&w, 0)->rpc), CALL);
    uint32_t lengths[] = { 100,     CALL - 1, CALL, CALL + 1, 2 * (CALL - 20), 2 * (CALL - 20) + 1,
                           9 * CALL };
    for (uint32_t i = 0; i < ARRAY_LEN(lengths); i++) {
        uint64_t left = lengths[i], usual = 1 + FRAMES(left), parts = 0;
        if (left > CALL)
            for (usual = 0; left > 0; parts++) {
                uint64_t part = left < CALL - 20 ? left : CALL - 20;
                usual += 1 + FRAMES(part + 20);
                left -= part;
            }
        uint64_t before = net_of(&w, 0)->counts.parts;
        say_long(&w, 0, to, MACH_COPY_SEND, 30 + (int32_t)i, lengths[i] - BESIDE, 0, NULL);
        cr_assert_eq(frames(&w), usual, "%u bytes", lengths[i]);
        cr_assert_eq(net_of(&w, 0)->counts.parts - before, parts);
        cr_assert_eq(hear_long(&w, 1, server), 30 + (int32_t)i);
    }
    stop(&w);
}

/* Node 0 asks node 1 in parts, with a right of node 2; node 1 answers in parts.  `dies` at step
 * `at`.  False: it was over before. */
static bool long_call(uint32_t dies, uint64_t at, uint64_t seed)
{
    struct world w;
    uint64_t step = 0;
    bool died = false, asked = false, answered = false;
    start_small(&w, 3,
                &(struct fake_options){ .seed = seed,
                                        .order = seed ? FAKE_RANDOM : FAKE_IN_ORDER,
                                        .detect_delay = SIM_MS });
    mach_name server = new_port(&w, 1), reply = new_port(&w, 0), third = new_port(&w, 2);
    mach_name to = give(&w, 1, server, 0), right = give(&w, 2, third, 0);
    run(&w, 0);
    w.watch = true;
    say_long(&w, 0, to, MACH_COPY_SEND, 7, 2 * CALL, reply, &right);
    say_long(&w, 0, to, MACH_COPY_SEND, 8, 10, 0, NULL);
    do {
        if (step++ == at) {
            fake_crash(w.r.f, dies);
            w.m[dies] = NULL;
            died = true;
        }
        if (!asked && up(&w, 1) && hear_long(&w, 1, server) != 0) {
            cr_assert_eq(A.id, 7, "XIPC3");
            asked = true;
            if (A.refs && A.refs != MACH_PORT_DEAD) {
                say_long(&w, 1, A.refs, MACH_MOVE_SEND_ONCE, 9, 3 * CALL, 0, NULL);
                answered = true;
            }
        }
        run(&w, 1);
    } while (fake_pending(w.r.f));
    look(&w, true); /* no parts of a dead sender, too */
    if (dies != 1 || !died) {
        int32_t id = hear_long(&w, 1, server);
        if (!asked && id == 7)
            asked = true, id = hear_long(&w, 1, server);
        cr_assert(dies == 0 && died ? id == 0 || (asked && id == 8) : asked && id == 8, "XIPC3: %d",
                  id);
        cr_assert_eq(hear_long(&w, 1, server), 0);
    }
    run(&w, 0);
    if (dies != 0 || !died) { /* its reply, or a notice that there will be none: one of them */
        int32_t id = hear_long(&w, 0, reply);
        if (dies == 1 && died)
            cr_assert(id == MACH_NOTIFY_SEND_ONCE || (answered && id == 9), "%d", id);
        else
            cr_assert_eq(id, 9, "%d", id);
        cr_assert_eq(hear_long(&w, 0, reply), 0, "told twice");
    }
    stop(&w);
    return died;
}

Test(machipc_parts, a_death_at_any_step_of_a_long_call)
{
    uint64_t orders = 0, stories = sample("MACHIPC_STORIES", 2);
    for (uint64_t seed = 0; seed < stories; seed++)
        for (uint32_t dies = 0; dies < 3; dies++)
            for (uint64_t at = 0; long_call(dies, at, seed); at++)
                orders++;
    cr_assert_gt(orders, 300 * stories);
    if (getenv("MACHIPC_SHOW"))
        fprintf(stderr, "%lu deaths\n", (unsigned long)orders);
}

/* Each goes to where the other one was: they die, as in whole messages. */
Test(machipc_parts, with_receive_rights_to_each_other_die)
{
    for (uint32_t length = 10; length < 3 * CALL; length += 2 * CALL) {
        struct world w;
        start_small(&w, 2, &(struct fake_options){ 0 });
        mach_name p = new_port(&w, 0), q = new_port(&w, 1);
        mach_name q_at_0 = give(&w, 1, q, 0), p_at_1 = give(&w, 0, p, 1);
        run(&w, 0);
        say_long(&w, 0, q_at_0, MACH_COPY_SEND, MOVES, length, 0, &p);
        say_long(&w, 1, p_at_1, MACH_COPY_SEND, MOVES, length, 0, &q);
        run(&w, 0);
        cr_assert_geq(net_of(&w, 0)->counts.circular + net_of(&w, 1)->counts.circular, 1);
        cr_assert_eq(type_of(&w, 0, q_at_0), MACH_TYPE_DEAD_NAME);
        cr_assert_eq(type_of(&w, 1, p_at_1), MACH_TYPE_DEAD_NAME);
        stop(&w);
    }
}

/* Parts of `bytes` bytes that node 1 gets from node 0, one by one. */
static struct {
    uint64_t seq, uid;
    uint32_t procedure, offset, bytes;
    enum xipc_answer said;
} P;

static void part_said(void *arg, enum xk_status status, struct rope *reply)
{
    uint32_t node;
    (void)arg;
    cr_assert_eq(status, XK_OK);
    P.said = xipc_read_answer(reply, &node);
}
static void do_part(struct world *w, uint32_t node)
{
    struct rope r;
    rope_init(&r);
    xipc_put64(&r, P.seq);
    xipc_put64(&r, P.uid);
    xipc_put32(&r, P.offset);
    rope_add_zero(&r, P.bytes);
    cr_assert_eq(select_call(net_of(w, node)->rpc, 1, XIPC_MACHIPC, P.procedure, &r, part_said, w),
                 XK_OK);
}
static enum xipc_answer say_part(struct world *w, uint64_t seq, uint32_t offset, uint32_t bytes)
{
    P.seq = seq;
    P.offset = offset;
    P.bytes = bytes;
    in(w, 0, do_part);
    run(w, 0);
    return P.said;
}

Test(machipc_parts, that_do_not_follow_are_dropped)
{
    struct world w;
    start(&w, 2, &(struct fake_options){ 0 });
    mach_name p = new_port(&w, 1), send = give(&w, 1, p, 0);
    const struct list *kept = &net_of(&w, 1)->parts;
    P.uid = gift;
    P.procedure = MACHIPC_PART;
    cr_assert_eq(say_part(&w, 5, 0, 4), XIPC_MORE);
    cr_assert_eq(say_part(&w, 6, 0, 4), XIPC_MORE, "another message");
    cr_assert_eq(say_part(&w, 5, 4, 4), XIPC_LATER);
    cr_assert(list_empty(kept));
    cr_assert_eq(say_part(&w, 7, 0, 4), XIPC_MORE);
    cr_assert_eq(say_part(&w, 7, 4, 4), XIPC_MORE);
    cr_assert_eq(say_part(&w, 7, 0, 4), XIPC_MORE, "it begins again");
    cr_assert_eq(say_part(&w, 7, 8, 4), XIPC_LATER, "a gap");
    cr_assert(list_empty(kept));
    cr_assert_eq(say_part(&w, 8, 0, 0), XIPC_BAD);
    cr_assert_eq(say_part(&w, 8, 0, 4), XIPC_MORE);
    P.procedure = MACHIPC_LAST;
    cr_assert_eq(say_part(&w, 8, 4, 4), XIPC_BAD, "these bytes are no message");
    cr_assert(list_empty(kept));
    P.procedure = MACHIPC_PART;
    P.uid = gift + 1000;
    cr_assert_eq(say_part(&w, 9, 0, 4), XIPC_ELSEWHERE);
    P.uid = gift;
    cr_assert_eq(say_part(&w, 9, 0, 4), XIPC_MORE);
    destroy(&w, 1, p);
    cr_assert_eq(say_part(&w, 9, 4, 4), XIPC_ELSEWHERE, "it has died");
    cr_assert(list_empty(kept));
    destroy(&w, 0, send);
    stop(&w);
}

/* ---- calls of anybody ---- */

static void ended(void *arg, enum xk_status status, struct rope *reply)
{
    (void)reply;
    cr_assert_eq(status, XK_OK, "%s", xk_status_name(status));
    ++*(uint32_t *)arg;
}

static uint32_t answers;

/* A message with rights of whatever kind to whatever port, where the first may be a real one. */
static void hostile_message(struct world *w, struct rope *r)
{
    struct mach_wire_right rights[8];
    struct mach_kmsg *k = mach_kmsg_new(w->m[0], pick(w, 3));
    uint32_t n = 2;
    rope_init(r);
    for (uint32_t i = 0; i < k->item_count; i++) {
        struct mach_kitem *it = &k->items[i];
        it->type = MACH_PORT_RECEIVE + pick(w, 3);
        it->count = pick(w, 3);
        it->rights = port_alloc(fake_port(w->r.f, 0), (it->count + 1) * sizeof *it->rights);
        k->size += MACH_ITEM_BYTES + 4 * it->count;
        for (uint32_t j = 0; j < it->count; j++)
            rights[n++].kind = MACH_HELD_RECEIVE + (it->type - MACH_PORT_RECEIVE);
    }
    rights[0].kind = pick(w, 4) ? MACH_HELD_SEND : MACH_HELD_ONCE;
    rights[1].kind = pick(w, 2) ? MACH_HELD_ONCE : MACH_HELD_NONE;
    for (uint32_t i = 0; i < n; i++) {
        rights[i].uid = pick(w, 3) ? gift : MACH_UID(pick(w, 4), pick(w, 5));
        rights[i].node = xipc_node_pack((struct xipc_node){ pick(w, 5), pick(w, 3) });
        rights[i].word = pick(w, 4);
    }
    xipc_put64(r, answers + pick(w, 3));
    xipc_put32(r, pick(w, 8) ? 0 : pick(w, 3));
    mach_wire_put(k, rights, 0, r);
    for (uint32_t i = pick(w, 3) ? 0 : pick(w, 60); i > 0; i--)
        xipc_put32(r, pick(w, 3));
    mach_kmsg_free(w->m[0], k);
}

static void hostile_calls(struct world *w, uint32_t node)
{
    uint32_t service = XIPC_MACHIPC + pick(w, XIPC_SERVICES), procedure = pick(w, 6);
    struct rope r;
    if (service == XIPC_MACHIPC && pick(w, 8)) {
        procedure = MACHIPC_MESSAGE;
        hostile_message(w, &r);
    } else {
        rope_init(&r);
        if (pick(w, 2))
            xipc_put64(&r, gift);
        for (uint32_t n = pick(w, 8); n > 0; n--)
            xipc_put32(&r, pick(w, 2) ? pick(w, 4) : pick(w, UINT32_MAX));
    }
    if (service == XIPC_PORTM && procedure == PORTM_WHERE)
        procedure = PORTM_HELLO; /* of a node that lives it is answered when that has died */
    cr_assert_eq(select_call(net_of(w, node)->rpc, 1, service, procedure, &r, ended, &answers),
                 XK_OK);
}

Test(machipc, calls_of_anybody_are_answered)
{
    struct world w;
    uint64_t calls = sample("MACHIPC_FUZZ", 2000);
    start(&w, 3, &(struct fake_options){ 0 });
    mach_name p = new_port(&w, 1), send = give(&w, 1, p, 0);
    say(&w, 0, send, 1, 0, 0);
    answers = 0;
    for (uint64_t i = 0; i < calls; i++) {
        in(&w, 0, hostile_calls);
        fake_run(w.r.f, 20000);
        while (hear(&w, 1, p, NULL) != 0)
            ;
    }
    cr_assert_eq(answers, calls);
    cr_assert_gt(net_of(&w, 1)->counts.bad, calls / 10);
    cr_assert_gt(net_of(&w, 1)->counts.received, calls / 200);
    rig_stop(&w.r);
}

Test(machipc, it_stands_on_calls)
{
    struct err e = { 0 };
    struct val *v = rig_val("mesh driver; rdm rdm <mesh; ipc machipc <rdm");
    cr_assert_null(xk_graph_load(v, rig_protocols(), "graph", rig_networks, 2, &e));
    cr_assert(strstr(e.text, "protocol 'machipc' stands on an instance of 'select', and 'rdm' is"),
              "%s", e.text);
    val_free(v);
}

/* ---- what the eye of mach_eye.h sees ---- */

static void eye_runs(uint64_t usual, const struct eye_options *o)
{
    uint64_t count = sample("MACHIPC_EYES", usual), first = sample("MACHIPC_FROM", 1);
    struct eye *e = calloc(1, sizeof *e);
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct eye_options options = *o;
        if (!options.net)
            options.net = &eye_machipc;
        rig_mtu = options.net->mtu;
        options.seed = seed;
        if (getenv("MACHIPC_SHOW"))
            fprintf(stderr, "MACHIPC_EYES=1 MACHIPC_FROM=%lu\n", (unsigned long)seed);
        eye_run(&options, e);
        eye_stop(e);
    }
    rig_mtu = 0;
    free(e);
}

#define BAD_NETWORK                                                                                \
    .lossy = true, .unordered = true, .drop_ppm = 50000, .duplicate_ppm = 50000,                   \
    .delay_ppm = 100000, .order = FAKE_RANDOM, .timer_odds = 50

Test(machipc_eye, on_a_good_network)
{
    eye_runs(10, &(struct eye_options){ .nodes = 3, .tasks = 2, .actions = 300, .task_deaths = 5 });
}

Test(machipc_eye, of_many_nodes)
{
    eye_runs(4, &(struct eye_options){ .nodes = 6, .tasks = 2, .actions = 800, .task_deaths = 4 });
}

Test(machipc_eye, on_a_network_that_loses_doubles_and_reorders)
{
    eye_runs(
        10,
        &(struct eye_options){
            .nodes = 3, .tasks = 2, .actions = 300, .task_deaths = 5, .fake = { BAD_NETWORK } });
}

Test(machipc_eye, while_nodes_crash_and_come_back)
{
    eye_runs(80, &(struct eye_options){ .nodes = 3,
                                        .tasks = 2,
                                        .actions = 300,
                                        .task_deaths = 5,
                                        .node_crashes = 10,
                                        .fake = { .detect_delay = SIM_MS } });
}

Test(machipc_eye, while_nodes_crash_on_a_bad_network)
{
    eye_runs(80, &(struct eye_options){ .nodes = 3,
                                        .tasks = 2,
                                        .actions = 300,
                                        .task_deaths = 5,
                                        .node_crashes = 10,
                                        .fake = { BAD_NETWORK, .detect_delay = SIM_MS } });
}

/* Frames so small that one message of eight goes in parts. */
static void eye_runs_small(uint64_t usual, const struct eye_options *o)
{
    struct eye_net small = eye_machipc;
    struct eye_options options = *o;
    small.mtu = SMALL;
    options.net = &small;
    eye_runs(usual, &options);
}

Test(machipc_eye, of_messages_in_parts)
{
    eye_runs_small(
        4, &(struct eye_options){ .nodes = 3, .tasks = 2, .actions = 300, .task_deaths = 5 });
}

Test(machipc_eye, of_messages_in_parts_while_nodes_crash_on_a_bad_network)
{
    eye_runs_small(8, &(struct eye_options){ .nodes = 3,
                                             .tasks = 2,
                                             .actions = 300,
                                             .task_deaths = 5,
                                             .node_crashes = 10,
                                             .fake = { BAD_NETWORK, .detect_delay = SIM_MS } });
}

/* Its receiver says where a port is now, and dies before it answers. */
Test(machipc_eye, what_moved_along_with_a_dead_receiver_is_lost_and_told)
{
    struct eye_net small = eye_machipc;
    struct eye *e = calloc(1, sizeof *e);
    rig_mtu = small.mtu = SMALL;
    eye_run(&(struct eye_options){ .net = &small,
                                   .seed = 2325,
                                   .nodes = 3,
                                   .tasks = 2,
                                   .actions = 300,
                                   .task_deaths = 5,
                                   .node_crashes = 10,
                                   .fake = { BAD_NETWORK, .detect_delay = SIM_MS } },
            e);
    eye_stop(e);
    rig_mtu = 0;
    free(e);
}

Test(machipc_eye, small_cases_in_many_orders)
{
    mach_cases(&eye_machipc, "MACHIPC_ORDERS", 1000, 1000);
}
