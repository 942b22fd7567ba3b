/* test_mach.c: Mach IPC on one node: every disposition of every right, waiting, notifications,
 * deaths, and random runs.
 *
 * Two oracles look at the random runs after each event: one counts the rights of every port anew,
 * from all tables and all messages, and looks for each receive right (MACH1, MACH2); the other, a
 * slow model (mach_model.h), says what each call must give and leave.
 */
#include <criterion/criterion.h>

#include "os/mach/mach_internal.h"
#include "os/mach/mach_stub.h"
#include "os/mach/netname_internal.h"
#include "os/vm/copy.h"
#include "os/vm/vm_internal.h"
#include "tests/fake/port_fake.h"
#include "tests/os/mach_model.h"
#include "tests/sample.h"

#define TASKS 4
#define POLL (MACH_SEND_TIMEOUT | MACH_RCV_TIMEOUT)

struct world {
    struct fake *f;
    struct mach *m;
    struct port *kernel, *ports[TASKS];
    struct mach_task *t[TASKS];
    void (*fn)(struct world *w);
    uint32_t names_max;
    uint64_t random;
    struct model *model; /* of random runs, which have memory, too */
    struct vm_space *spaces[TASKS];
    uint64_t forced;
};

/* ---- the oracle ---- */

struct seen {
    const struct mach_port *port;
    uint32_t receives, sends, onces, names, queued;
};
struct eye {
    struct seen *at;
    uint32_t count, room;
    uint64_t messages;
    uint32_t walked; /* ports whose queues have been looked at */
};

static struct seen *see(struct eye *eye, const struct mach_port *port)
{
    for (uint32_t i = 0; i < eye->count; i++)
        if (eye->at[i].port == port)
            return &eye->at[i];
    if (eye->count == eye->room) {
        eye->room = eye->room ? 2 * eye->room : 64;
        eye->at = realloc(eye->at, eye->room * sizeof *eye->at);
    }
    eye->at[eye->count] = (struct seen){ .port = port };
    return &eye->at[eye->count++];
}

static void see_held(struct eye *eye, struct mach_held h)
{
    if (h.kind == MACH_HELD_RECEIVE)
        see(eye, h.port)->receives++;
    else if (h.kind == MACH_HELD_SEND)
        see(eye, h.port)->sends++;
    else if (h.kind == MACH_HELD_ONCE)
        see(eye, h.port)->onces++;
}

static void see_message(struct eye *eye, const struct mach_kmsg *k)
{
    eye->messages++;
    if (k->accept)
        see(eye, k->accept->notify)->onces++;
    see_held(eye, k->dest);
    see_held(eye, k->reply);
    for (uint32_t i = 0; i < k->item_count; i++)
        for (uint32_t j = 0; k->items[i].rights && j < k->items[i].count; j++)
            see_held(eye, k->items[i].rights[j]);
}

static void see_queue(struct eye *eye, const struct mach_queue *q)
{
    LIST_EACH (it, &q->messages) {
        const struct mach_kmsg *k = LIST_ENTRY(it, struct mach_kmsg, link);
        see_message(eye, k);
        see(eye, k->dest.port)->queued++;
    }
}

static void see_task(struct eye *eye, struct mach_task *t)
{
    mach_name *names = malloc((t->names + 1) * sizeof *names);
    mach_entry_names(t, names);
    for (uint32_t i = 0; i < t->names; i++) {
        const struct mach_entry *e = mach_entry_at(t, names[i]);
        cr_assert_neq(e->rights, 0);
        if (e->rights & BIT(MACH_RIGHT_PORT_SET))
            see_queue(eye, &e->u.set->queue);
        if (!(e->rights &
              (BIT(MACH_RIGHT_SEND) | BIT(MACH_RIGHT_RECEIVE) | BIT(MACH_RIGHT_SEND_ONCE))))
            continue;
        struct seen *s = see(eye, e->u.port);
        s->names++;
        s->sends += (e->rights & BIT(MACH_RIGHT_SEND)) != 0;
        s->onces += (e->rights & BIT(MACH_RIGHT_SEND_ONCE)) != 0;
        if (e->rights & BIT(MACH_RIGHT_SEND))
            cr_assert(e->urefs > 0 && e->urefs <= MACH_UREFS_MAX);
        if (e->rights & BIT(MACH_RIGHT_RECEIVE)) {
            s->receives++;
            cr_assert_eq(e->u.port->receiver, t);
            cr_assert_eq(e->u.port->name, names[i]);
        }
    }
    free(names);
    LIST_EACH (it, &t->waiters) {
        const struct mach_waiter *x = LIST_ENTRY(it, struct mach_waiter, of_task);
        if (x->kmsg)
            see_message(eye, x->kmsg);
    }
}

static void god(struct world *w)
{
    struct eye eye = { 0 };
    LIST_EACH (it, &w->m->tasks)
        see_task(&eye, LIST_ENTRY(it, struct mach_task, link));
    for (uint32_t i = 0; i < MACH_SPECIALS; i++)
        see_held(&eye, w->m->special[i]);
    for (uint32_t i = 0; i < eye.count; i++) { /* grows while it is walked */
        const struct mach_port *port = eye.at[i].port;
        see_queue(&eye, &port->queue);
        if (port->no_senders)
            see(&eye, port->no_senders)->onces++;
        if (port->destroyed)
            see(&eye, port->destroyed)->onces++;
        LIST_EACH (it, &port->deaths) {
            const struct mach_request *r = LIST_ENTRY(it, struct mach_request, link);
            see(&eye, r->notify)->onces++;
            cr_assert_eq(mach_entry_at(r->task, r->name)->request, r, "MACH5");
            cr_assert_eq(mach_entry_at(r->task, r->name)->u.port, port, "MACH5");
        }
    }
    for (uint32_t i = 0; i < eye.count; i++) {
        const struct seen *s = &eye.at[i];
        const struct mach_port *port = s->port;
        cr_assert_eq(s->receives, port->dead ? 0 : 1, "MACH1: %u", s->receives);
        cr_assert_eq(s->sends, port->sends, "MACH2: %u sends, %u", s->sends, port->sends);
        cr_assert_eq(s->onces, port->onces, "MACH2: %u onces, %u", s->onces, port->onces);
        cr_assert_eq(s->queued, port->queued, "MACH6");
        cr_assert_not(port->no_senders && port->dead, "MACH4");
        cr_assert_not(port->dead && !list_empty(&port->deaths), "MACH5");
        cr_assert(list_empty(&port->senders) || port->queued >= port->qlimit, "MACH7");
    }
    cr_assert_eq(eye.count, w->m->ports, "%u ports are held, there are %lu", eye.count,
                 (unsigned long)w->m->ports);
    cr_assert_eq(eye.messages, w->m->messages);
    free(eye.at);
}

/* ---- the rig ---- */

static void boot(struct port *p, void *arg)
{
    struct world *w = arg;
    w->kernel = p;
    w->m = mach_create(p, w->names_max);
    for (int i = 0; i < TASKS; i++) {
        w->ports[i] = port_task_create(p, "task", NULL, NULL);
        w->t[i] = mach_task_create(w->m, w->ports[i]);
    }
}

static void in_kernel(struct port *p, void *arg)
{
    struct world *w = arg;
    (void)p;
    w->fn(w);
}

static void thread(void *arg)
{
    struct world *w = arg;
    w->fn(w);
}

static void in_thread(struct port *p, void *arg)
{
    cr_assert_not_null(port_thread_spawn(p, "random", thread, arg, 0));
}

static void world_run(struct world *w, void (*fn)(struct world *w))
{
    w->f = fake_create(&(struct fake_options){ .nodes = 1 });
    fake_boot(w->f, 0, boot, w);
    fake_run(w->f, 0);
    w->fn = fn;
    fake_call(w->f, 0, w->model ? in_thread : in_kernel, w);
    fake_run(w->f, 0);
    god(w);
}

/* All tasks end: nothing remains. */
static void end_all(struct world *w)
{
    for (int i = 0; i < TASKS; i++) {
        if (w->t[i])
            mach_task_terminate(w->t[i]);
        w->t[i] = NULL;
        god(w);
    }
    cr_assert_eq(mach_ports(w->m), 0);
    cr_assert_eq(mach_messages(w->m), 0);
}

static void world_end(struct world *w)
{
    w->fn = end_all;
    fake_call(w->f, 0, in_kernel, w);
    fake_destroy(w->f);
}

static void in_world(void (*fn)(struct world *w))
{
    struct world w = { 0 };
    world_run(&w, fn);
    world_end(&w);
}

static mach_name new_port(struct mach_task *t)
{
    mach_name name;
    cr_assert_eq(mach_port_allocate(t, MACH_RIGHT_RECEIVE, &name), KERN_SUCCESS);
    return name;
}

static uint32_t type_of(struct mach_task *t, mach_name name)
{
    uint32_t type;
    return mach_port_type(t, name, &type) == KERN_SUCCESS ? type : 0;
}

static uint32_t refs_of(struct mach_task *t, mach_name name, enum mach_right right)
{
    uint32_t refs = 99;
    cr_assert_eq(mach_port_get_refs(t, name, right, &refs), KERN_SUCCESS);
    return refs;
}

/* Sends without items. */
static enum mach_msg_return say(struct mach_task *t, mach_name to, uint32_t d, mach_name reply,
                                uint32_t reply_d, int32_t id)
{
    struct mach_msg msg;
    mach_msg_init(&msg);
    msg.remote = to;
    msg.remote_disp = d;
    msg.local = reply;
    msg.local_disp = reply_d;
    msg.id = id;
    enum mach_msg_return r = mach_msg(t, &msg, MACH_SEND_MSG | POLL, 0, 0, 0);
    mach_msg_fini(t, &msg);
    return r;
}

static enum mach_msg_return hear(struct mach_task *t, mach_name from, struct mach_msg *msg)
{
    mach_msg_init(msg);
    return mach_msg(t, msg, MACH_RCV_MSG | POLL, from, 0, 0);
}

static uint32_t word(const struct mach_msg *msg)
{
    uint8_t b[4];
    cr_assert_eq(msg->item_count, 1);
    rope_read(&msg->items[0].data, 0, 4, b);
    return (uint32_t)b[0] << 24 | (uint32_t)b[1] << 16 | (uint32_t)b[2] << 8 | b[3];
}

/* Takes the message there is: a notification with a word, or without. */
static void expect(struct mach_task *t, mach_name from, int32_t id, uint32_t value)
{
    struct mach_msg msg;
    cr_assert_eq(hear(t, from, &msg), MACH_MSG_SUCCESS);
    cr_assert_eq(msg.id, id, "%d came, not %d", msg.id, id);
    cr_assert_eq(msg.local, from);
    if (id != MACH_NOTIFY_SEND_ONCE && id >= MACH_NOTIFY_PORT_DELETED &&
        id <= MACH_NOTIFY_DEAD_NAME && id != MACH_NOTIFY_PORT_DESTROYED)
        cr_assert_eq(word(&msg), value, "%u", word(&msg));
    mach_msg_fini(t, &msg);
}

static void silent(struct mach_task *t, mach_name from)
{
    struct mach_msg msg;
    cr_assert_eq(hear(t, from, &msg), MACH_RCV_TIMED_OUT, "%d came", msg.id);
}

static mach_name give(struct mach_task *from, mach_name name, enum mach_disposition d,
                      struct mach_task *to)
{
    mach_name got;
    cr_assert_eq(mach_port_give(from, name, d, to, &got), KERN_SUCCESS);
    return got;
}

/* ---- every disposition of every right ---- */

enum { HAS_NOTHING, HAS_RECEIVE, HAS_SEND, HAS_BOTH, HAS_TWO, HAS_ONCE, HAS_DEAD, HAS_SET };

/* What the task has after it: rights, user references; and what arrives.  From Mach's manual. */
static const struct outcome {
    int has;
    uint32_t d;
    enum kern_return result;
    uint32_t rights, refs; /* left */
    uint32_t arrives;      /* MACH_TYPE_*; 0: nothing */
} outcomes[] = {
#define R MACH_TYPE_RECEIVE
#define S MACH_TYPE_SEND
#define O MACH_TYPE_SEND_ONCE
#define D MACH_TYPE_DEAD_NAME
#define BAD KERN_INVALID_RIGHT
#define GONE KERN_INVALID_CAPABILITY
    { HAS_RECEIVE, MACH_MOVE_RECEIVE, 0, 0, 0, R },
    { HAS_RECEIVE, MACH_MOVE_SEND, BAD, R, 0, 0 },
    { HAS_RECEIVE, MACH_MOVE_SEND_ONCE, BAD, R, 0, 0 },
    { HAS_RECEIVE, MACH_COPY_SEND, BAD, R, 0, 0 },
    { HAS_RECEIVE, MACH_MAKE_SEND, 0, R, 0, S },
    { HAS_RECEIVE, MACH_MAKE_SEND_ONCE, 0, R, 0, O },
    { HAS_SEND, MACH_MOVE_RECEIVE, BAD, S, 1, 0 },
    { HAS_SEND, MACH_MOVE_SEND, 0, 0, 0, S },
    { HAS_SEND, MACH_MOVE_SEND_ONCE, BAD, S, 1, 0 },
    { HAS_SEND, MACH_COPY_SEND, 0, S, 1, S },
    { HAS_SEND, MACH_MAKE_SEND, BAD, S, 1, 0 },
    { HAS_SEND, MACH_MAKE_SEND_ONCE, BAD, S, 1, 0 },
    { HAS_TWO, MACH_MOVE_SEND, 0, S, 1, S },
    { HAS_TWO, MACH_COPY_SEND, 0, S, 2, S },
    { HAS_BOTH, MACH_MOVE_RECEIVE, 0, S, 1, R },
    { HAS_BOTH, MACH_MOVE_SEND, 0, R, 0, S },
    { HAS_BOTH, MACH_MOVE_SEND_ONCE, BAD, R | S, 1, 0 },
    { HAS_BOTH, MACH_COPY_SEND, 0, R | S, 1, S },
    { HAS_BOTH, MACH_MAKE_SEND, 0, R | S, 1, S },
    { HAS_BOTH, MACH_MAKE_SEND_ONCE, 0, R | S, 1, O },
    { HAS_ONCE, MACH_MOVE_RECEIVE, BAD, O, 1, 0 },
    { HAS_ONCE, MACH_MOVE_SEND, BAD, O, 1, 0 },
    { HAS_ONCE, MACH_MOVE_SEND_ONCE, 0, 0, 0, O },
    { HAS_ONCE, MACH_COPY_SEND, BAD, O, 1, 0 },
    { HAS_ONCE, MACH_MAKE_SEND, BAD, O, 1, 0 },
    { HAS_ONCE, MACH_MAKE_SEND_ONCE, BAD, O, 1, 0 },
    { HAS_DEAD, MACH_MOVE_RECEIVE, BAD, D, 2, 0 },
    { HAS_DEAD, MACH_MOVE_SEND, GONE, D, 1, 0 },
    { HAS_DEAD, MACH_MOVE_SEND_ONCE, GONE, D, 1, 0 },
    { HAS_DEAD, MACH_COPY_SEND, GONE, D, 2, 0 },
    { HAS_DEAD, MACH_MAKE_SEND, BAD, D, 2, 0 },
    { HAS_DEAD, MACH_MAKE_SEND_ONCE, BAD, D, 2, 0 },
    { HAS_SET, MACH_MOVE_RECEIVE, BAD, MACH_TYPE_PORT_SET, 1, 0 },
    { HAS_SET, MACH_MOVE_SEND, BAD, MACH_TYPE_PORT_SET, 1, 0 },
    { HAS_SET, MACH_MOVE_SEND_ONCE, BAD, MACH_TYPE_PORT_SET, 1, 0 },
    { HAS_SET, MACH_COPY_SEND, BAD, MACH_TYPE_PORT_SET, 1, 0 },
    { HAS_SET, MACH_MAKE_SEND, BAD, MACH_TYPE_PORT_SET, 1, 0 },
    { HAS_SET, MACH_MAKE_SEND_ONCE, BAD, MACH_TYPE_PORT_SET, 1, 0 },
    { HAS_NOTHING, MACH_MOVE_RECEIVE, KERN_INVALID_NAME, 0, 0, 0 },
    { HAS_NOTHING, MACH_MOVE_SEND, KERN_INVALID_NAME, 0, 0, 0 },
    { HAS_NOTHING, MACH_MOVE_SEND_ONCE, KERN_INVALID_NAME, 0, 0, 0 },
    { HAS_NOTHING, MACH_COPY_SEND, KERN_INVALID_NAME, 0, 0, 0 },
    { HAS_NOTHING, MACH_MAKE_SEND, KERN_INVALID_NAME, 0, 0, 0 },
    { HAS_NOTHING, MACH_MAKE_SEND_ONCE, KERN_INVALID_NAME, 0, 0, 0 },
};

/* Task 0 gets the right, of a port of its own or of task 2. */
static mach_name make(struct world *w, int has)
{
    mach_name name = MACH_PORT_NULL;
    switch (has) {
    case HAS_RECEIVE:
        return new_port(w->t[0]);
    case HAS_BOTH:
        name = new_port(w->t[0]);
        cr_assert_eq(give(w->t[0], name, MACH_MAKE_SEND, w->t[0]), name);
        return name;
    case HAS_SEND:
        return give(w->t[2], new_port(w->t[2]), MACH_MAKE_SEND, w->t[0]);
    case HAS_ONCE:
        return give(w->t[2], new_port(w->t[2]), MACH_MAKE_SEND_ONCE, w->t[0]);
    case HAS_TWO:
    case HAS_DEAD: {
        mach_name there = new_port(w->t[2]);
        name = give(w->t[2], there, MACH_MAKE_SEND, w->t[0]);
        cr_assert_eq(give(w->t[2], there, MACH_MAKE_SEND, w->t[0]), name);
        if (has == HAS_DEAD)
            cr_assert_eq(mach_port_mod_refs(w->t[2], there, MACH_RIGHT_RECEIVE, -1), KERN_SUCCESS);
        return name;
    }
    case HAS_SET:
        cr_assert_eq(mach_port_allocate(w->t[0], MACH_RIGHT_PORT_SET, &name), KERN_SUCCESS);
        return name;
    default:
        return 0x7700;
    }
}

static void left(struct world *w, mach_name name, const struct outcome *o, const char *how)
{
    cr_assert_eq(type_of(w->t[0], name), o->rights, "%s: disposition %u of %d leaves %x", how, o->d,
                 o->has, type_of(w->t[0], name));
    enum mach_right right = o->rights & S   ? MACH_RIGHT_SEND
                            : o->rights & O ? MACH_RIGHT_SEND_ONCE
                            : o->rights & D ? MACH_RIGHT_DEAD_NAME
                                            : MACH_RIGHT_PORT_SET;
    if (o->refs)
        cr_assert_eq(refs_of(w->t[0], name, right), o->refs, "%s: %u of %d", how, o->d, o->has);
    god(w);
}

static void each_outcome(struct world *w)
{
    mach_name inbox = new_port(w->t[1]), to = give(w->t[1], inbox, MACH_MAKE_SEND, w->t[0]), got;
    for (size_t i = 0; i < ARRAY_LEN(outcomes); i++) {
        const struct outcome *o = &outcomes[i];
        mach_name name = make(w, o->has);
        cr_assert_eq(mach_port_give(w->t[0], name, (enum mach_disposition)o->d, w->t[3], &got),
                     o->result, "disposition %u of %d", o->d, o->has);
        left(w, name, o, "given");
        if (o->arrives)
            cr_assert_eq(type_of(w->t[3], got), o->arrives);
        /* The same in a message. */
        struct mach_msg msg;
        name = make(w, o->has);
        mach_msg_init(&msg);
        msg.remote = to;
        msg.remote_disp = MACH_COPY_SEND;
        mach_msg_add_rights(w->t[0], &msg, (enum mach_disposition)o->d, &name, 1);
        bool taken = o->result == KERN_SUCCESS || o->result == GONE;
        cr_assert_eq(mach_msg(w->t[0], &msg, MACH_SEND_MSG | POLL, 0, 0, 0),
                     taken ? MACH_MSG_SUCCESS : MACH_SEND_INVALID_RIGHT);
        left(w, name, o, "sent");
        cr_assert_eq(hear(w->t[1], inbox, &msg), taken ? MACH_MSG_SUCCESS : MACH_RCV_TIMED_OUT);
        if (taken) {
            name = msg.items[0].names[0];
            cr_assert_eq(name == MACH_PORT_DEAD, o->result == GONE);
            cr_assert_eq(type_of(w->t[1], name), o->arrives);
        }
        mach_msg_fini(w->t[1], &msg);
    }
}
#undef R
#undef S
#undef O
#undef D
#undef BAD
#undef GONE

Test(mach, each_disposition_of_each_right_gives_and_leaves_what_the_manual_says)
{
    in_world(each_outcome);
}

/* ---- headers ---- */

static void headers(struct world *w)
{
    struct mach_task *a = w->t[0], *b = w->t[1];
    mach_name in = new_port(b), to = give(b, in, MACH_MAKE_SEND, a), mine = new_port(a);
    mach_name once = give(b, in, MACH_MAKE_SEND_ONCE, a), dead = make(w, HAS_DEAD);
    struct mach_msg msg;
    cr_assert_eq(say(a, 0, MACH_COPY_SEND, 0, 0, 1), MACH_SEND_INVALID_DEST);
    cr_assert_eq(say(a, dead, MACH_COPY_SEND, 0, 0, 1), MACH_SEND_INVALID_DEST);
    cr_assert_eq(say(a, mine, MACH_COPY_SEND, 0, 0, 1), MACH_SEND_INVALID_DEST);
    cr_assert_eq(say(a, to, MACH_MOVE_RECEIVE, 0, 0, 1), MACH_SEND_INVALID_HEADER);
    cr_assert_eq(say(a, to, MACH_COPY_SEND, mine, 0, 1), MACH_SEND_INVALID_HEADER);
    cr_assert_eq(say(a, to, MACH_COPY_SEND, mine, MACH_MOVE_RECEIVE, 1), MACH_SEND_INVALID_HEADER);
    cr_assert_eq(say(a, to, MACH_COPY_SEND, mine, MACH_COPY_SEND, 1), MACH_SEND_INVALID_REPLY);
    cr_assert_eq(say(a, to, MACH_COPY_SEND, 0x5500, MACH_COPY_SEND, 1), MACH_SEND_INVALID_REPLY);
    /* One name twice: one reference is not enough for two that go, but for one that stays. */
    cr_assert_eq(say(a, to, MACH_MOVE_SEND, to, MACH_MOVE_SEND, 1), MACH_SEND_INVALID_DEST);
    cr_assert_eq(say(a, once, MACH_MOVE_SEND_ONCE, once, MACH_MOVE_SEND_ONCE, 1),
                 MACH_SEND_INVALID_DEST);
    cr_assert_eq(refs_of(a, to, MACH_RIGHT_SEND), 1, "nothing was taken");
    cr_assert_eq(say(a, to, MACH_MOVE_SEND, to, MACH_COPY_SEND, 2), MACH_MSG_SUCCESS);
    cr_assert_eq(type_of(a, to), 0);
    cr_assert_eq(hear(b, in, &msg), MACH_MSG_SUCCESS);
    cr_assert_eq(msg.remote, in);
    cr_assert_eq(msg.remote_disp, MACH_PORT_SEND);
    cr_assert_eq(msg.local_disp, MACH_PORT_SEND);
    cr_assert_eq(msg.seqno, 0);
    cr_assert_eq(msg.size, MACH_HEADER_BYTES);
    mach_msg_fini(b, &msg);
    /* A send-once right is used up; the reply right is one, too. */
    cr_assert_eq(say(a, once, MACH_MOVE_SEND_ONCE, mine, MACH_MAKE_SEND_ONCE, 3), MACH_MSG_SUCCESS);
    cr_assert_eq(type_of(a, once), 0);
    cr_assert_eq(hear(b, in, &msg), MACH_MSG_SUCCESS);
    cr_assert_eq(msg.seqno, 1);
    cr_assert_eq(msg.local_disp, MACH_PORT_SEND_ONCE);
    cr_assert_eq(say(b, msg.remote, MACH_MOVE_SEND_ONCE, 0, 0, 4), MACH_MSG_SUCCESS);
    cr_assert_eq(say(b, msg.remote, MACH_MOVE_SEND_ONCE, 0, 0, 4), MACH_SEND_INVALID_DEST);
    expect(a, mine, 4, 0);
    silent(a, mine);
    /* What is received and from where. */
    cr_assert_eq(hear(a, to, &msg), MACH_RCV_INVALID_NAME);
    cr_assert_eq(hear(a, dead, &msg), MACH_RCV_INVALID_NAME);
    god(w);
}

Test(mach, a_header_is_refused_before_anything_is_taken)
{
    in_world(headers);
}

/* ---- notifications ---- */

static mach_name ask(struct mach_task *t, mach_name name, enum mach_notification id, uint32_t sync,
                     mach_name to)
{
    mach_name previous;
    cr_assert_eq(
        mach_port_request_notification(t, name, id, sync, to, MACH_MAKE_SEND_ONCE, &previous),
        KERN_SUCCESS);
    return previous;
}

static void notifications(struct world *w)
{
    struct mach_task *a = w->t[0], *b = w->t[1];
    mach_name note = new_port(a), p = new_port(a), s, previous;
    /* No senders: at once when make-send has reached sync, else when the last goes, once. */
    ask(a, p, MACH_NOTIFY_NO_SENDERS, 1, note);
    silent(a, note);
    s = give(a, p, MACH_MAKE_SEND, b);
    give(b, s, MACH_COPY_SEND, w->t[2]);
    cr_assert_eq(mach_port_deallocate(b, s), KERN_SUCCESS);
    silent(a, note);
    mach_task_terminate(w->t[2]);
    w->t[2] = NULL;
    expect(a, note, MACH_NOTIFY_NO_SENDERS, 1);
    silent(a, note);
    ask(a, p, MACH_NOTIFY_NO_SENDERS, 1, note);
    expect(a, note, MACH_NOTIFY_NO_SENDERS, 1);
    /* A right in a message is one. */
    ask(a, p, MACH_NOTIFY_NO_SENDERS, 2, note);
    s = give(a, p, MACH_MAKE_SEND, b);
    cr_assert_eq(say(b, s, MACH_MOVE_SEND, 0, 0, 9), MACH_MSG_SUCCESS);
    silent(a, note);
    expect(a, p, 9, 0);
    expect(a, note, MACH_NOTIFY_NO_SENDERS, 2);
    /* A request that another takes the place of comes back as a right. */
    ask(a, p, MACH_NOTIFY_NO_SENDERS, 9, note);
    previous = ask(a, p, MACH_NOTIFY_NO_SENDERS, 9, note);
    cr_assert_eq(type_of(a, previous), MACH_TYPE_SEND_ONCE);
    cr_assert_eq(mach_port_deallocate(a, previous), KERN_SUCCESS);
    expect(a, note, MACH_NOTIFY_SEND_ONCE, 0);
    /* Dead names: by the port's death, with a reference; by the name's end. */
    s = give(a, p, MACH_MAKE_SEND, b);
    mach_name note_b = new_port(b);
    ask(b, s, MACH_NOTIFY_DEAD_NAME, 0, note_b);
    cr_assert_eq(mach_port_mod_refs(a, p, MACH_RIGHT_RECEIVE, -1), KERN_SUCCESS);
    expect(a, note, MACH_NOTIFY_SEND_ONCE, 0); /* of the no-senders request that ends */
    expect(b, note_b, MACH_NOTIFY_DEAD_NAME, s);
    silent(b, note_b);
    cr_assert_eq(refs_of(b, s, MACH_RIGHT_DEAD_NAME), 2);
    cr_assert_eq(mach_port_request_notification(b, s, MACH_NOTIFY_DEAD_NAME, 0, note_b,
                                                MACH_MAKE_SEND_ONCE, &previous),
                 KERN_INVALID_ARGUMENT);
    ask(b, s, MACH_NOTIFY_DEAD_NAME, 1, note_b);
    expect(b, note_b, MACH_NOTIFY_DEAD_NAME, s);
    cr_assert_eq(refs_of(b, s, MACH_RIGHT_DEAD_NAME), 3);
    p = new_port(a);
    s = give(a, p, MACH_MAKE_SEND, b);
    ask(b, s, MACH_NOTIFY_DEAD_NAME, 0, note_b);
    cr_assert_eq(mach_port_deallocate(b, s), KERN_SUCCESS);
    expect(b, note_b, MACH_NOTIFY_PORT_DELETED, s);
    silent(b, note_b);
    /* Port destroyed: the receive right comes instead, with its messages. */
    s = give(a, p, MACH_MAKE_SEND, b);
    cr_assert_eq(say(b, s, MACH_COPY_SEND, 0, 0, 7), MACH_MSG_SUCCESS);
    ask(a, p, MACH_NOTIFY_PORT_DESTROYED, 0, note);
    cr_assert_eq(mach_port_destroy(a, p), KERN_SUCCESS);
    god(w);
    struct mach_msg msg;
    cr_assert_eq(hear(a, note, &msg), MACH_MSG_SUCCESS);
    cr_assert_eq(msg.id, MACH_NOTIFY_PORT_DESTROYED);
    p = msg.items[0].names[0];
    mach_msg_fini(a, &msg);
    cr_assert_eq(type_of(a, p), MACH_TYPE_RECEIVE);
    expect(a, p, 7, 0);
    silent(a, note);
    /* To itself: it dies all the same. */
    ask(a, p, MACH_NOTIFY_PORT_DESTROYED, 0, p);
    cr_assert_eq(mach_port_destroy(a, p), KERN_SUCCESS);
    cr_assert_eq(type_of(b, s), MACH_TYPE_DEAD_NAME);
}

Test(mach, each_notification_comes_once_and_only_when_it_is_true)
{
    in_world(notifications);
}

/* ---- how send-once rights end ---- */

static void used(struct world *w, mach_name once)
{
    cr_assert_eq(say(w->t[0], once, MACH_MOVE_SEND_ONCE, 0, 0, MACH_NOTIFY_SEND_ONCE),
                 MACH_MSG_SUCCESS);
}

static void released(struct world *w, mach_name once)
{
    cr_assert_eq(mach_port_mod_refs(w->t[0], once, MACH_RIGHT_SEND_ONCE, -1), KERN_SUCCESS);
}

static void destroyed(struct world *w, mach_name once)
{
    cr_assert_eq(mach_port_destroy(w->t[0], once), KERN_SUCCESS);
}

static void task_ends(struct world *w, mach_name once)
{
    give(w->t[0], once, MACH_MOVE_SEND_ONCE, w->t[3]);
    mach_task_terminate(w->t[3]);
    w->t[3] = mach_task_create(w->m, w->ports[3]);
}

/* In a message, as its reply or in an item, whose port dies. */
static void dies_in(struct world *w, mach_name once, bool reply)
{
    mach_name in = new_port(w->t[2]);
    struct mach_msg msg;
    mach_msg_init(&msg);
    msg.remote = give(w->t[2], in, MACH_MAKE_SEND, w->t[0]);
    msg.remote_disp = MACH_MOVE_SEND;
    if (reply) {
        msg.local = once;
        msg.local_disp = MACH_MOVE_SEND_ONCE;
    } else {
        mach_msg_add_rights(w->t[0], &msg, MACH_MOVE_SEND_ONCE, &once, 1);
    }
    cr_assert_eq(mach_msg(w->t[0], &msg, MACH_SEND_MSG, 0, 0, 0), MACH_MSG_SUCCESS);
    cr_assert_eq(mach_port_destroy(w->t[2], in), KERN_SUCCESS);
}

static void dies_as_reply(struct world *w, mach_name once)
{
    dies_in(w, once, true);
}

static void dies_as_item(struct world *w, mach_name once)
{
    dies_in(w, once, false);
}

/* In the request of a port that dies otherwise. */
static void request_ends(struct world *w, mach_name once, enum mach_notification id)
{
    mach_name p = new_port(w->t[0]), previous;
    cr_assert_eq(
        mach_port_request_notification(w->t[0], p, id, 1, once, MACH_MOVE_SEND_ONCE, &previous),
        KERN_SUCCESS);
    cr_assert_eq(type_of(w->t[0], once), 0);
    cr_assert_eq(mach_port_destroy(w->t[0], p), KERN_SUCCESS);
}

static void no_senders_ends(struct world *w, mach_name once)
{
    request_ends(w, once, MACH_NOTIFY_NO_SENDERS);
}

static void dead_name_ends(struct world *w, mach_name once)
{
    request_ends(w, once, MACH_NOTIFY_DEAD_NAME);
}

static void withdrawn(struct world *w, mach_name once)
{
    mach_name p = new_port(w->t[0]), previous;
    cr_assert_eq(mach_port_request_notification(w->t[0], p, MACH_NOTIFY_PORT_DESTROYED, 1, once,
                                                MACH_MOVE_SEND_ONCE, &previous),
                 KERN_SUCCESS);
    cr_assert_eq(
        mach_port_request_notification(w->t[0], p, MACH_NOTIFY_PORT_DESTROYED, 1, 0, 0, &previous),
        KERN_SUCCESS);
    cr_assert_eq(type_of(w->t[0], previous), MACH_TYPE_SEND_ONCE);
    cr_assert_eq(mach_port_deallocate(w->t[0], previous), KERN_SUCCESS);
}

static void each_end(struct world *w)
{
    static const struct {
        void (*fn)(struct world *w, mach_name once);
        int32_t id;
    } ends[] = { { used, MACH_NOTIFY_SEND_ONCE },
                 { released, MACH_NOTIFY_SEND_ONCE },
                 { destroyed, MACH_NOTIFY_SEND_ONCE },
                 { task_ends, MACH_NOTIFY_SEND_ONCE },
                 { dies_as_reply, MACH_NOTIFY_SEND_ONCE },
                 { dies_as_item, MACH_NOTIFY_SEND_ONCE },
                 { no_senders_ends, MACH_NOTIFY_SEND_ONCE },
                 { dead_name_ends, MACH_NOTIFY_PORT_DELETED },
                 { withdrawn, MACH_NOTIFY_SEND_ONCE } };
    mach_name in = new_port(w->t[1]);
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        struct mach_msg msg;
        struct mach_status s;
        ends[i].fn(w, give(w->t[1], in, MACH_MAKE_SEND_ONCE, w->t[0]));
        god(w);
        cr_assert_eq(hear(w->t[1], in, &msg), MACH_MSG_SUCCESS, "MACH3: end %zu", i);
        cr_assert_eq(msg.id, ends[i].id, "MACH3: end %zu: %d", i, msg.id);
        cr_assert_eq(msg.local_disp, MACH_PORT_SEND_ONCE);
        mach_msg_fini(w->t[1], &msg);
        silent(w->t[1], in);
        cr_assert_eq(mach_port_get_status(w->t[1], in, &s), KERN_SUCCESS);
        cr_assert(!s.send_once);
    }
}

Test(mach, a_send_once_right_comes_to_exactly_one_message_however_it_ends)
{
    in_world(each_end);
}

/* ---- messages that would wait for themselves, and sets ---- */

static enum mach_msg_return ship(struct mach_task *t, mach_name to, mach_name receive)
{
    struct mach_msg msg;
    mach_msg_init(&msg);
    msg.remote = to;
    msg.remote_disp = MACH_COPY_SEND;
    mach_msg_add_rights(t, &msg, MACH_MOVE_RECEIVE, &receive, 1);
    enum mach_msg_return r = mach_msg(t, &msg, MACH_SEND_MSG | POLL, 0, 0, 0);
    mach_msg_fini(t, &msg);
    return r;
}

static void circles(struct world *w)
{
    struct mach_task *a = w->t[0];
    mach_name p[3];
    for (int i = 0; i < 3; i++) {
        p[i] = new_port(a);
        give(a, p[i], MACH_MAKE_SEND, a);
    }
    uint64_t ports = mach_ports(w->m);
    cr_assert_eq(ship(a, p[1], p[0]), MACH_MSG_SUCCESS);
    cr_assert_eq(ship(a, p[2], p[1]), MACH_MSG_SUCCESS);
    god(w);
    cr_assert_eq(type_of(a, p[0]), MACH_TYPE_SEND);
    cr_assert_eq(ship(a, p[0], p[2]), MACH_MSG_SUCCESS); /* around: all three die */
    for (int i = 0; i < 3; i++) {
        cr_assert_eq(type_of(a, p[i]), MACH_TYPE_DEAD_NAME);
        cr_assert_eq(mach_port_deallocate(a, p[i]), KERN_SUCCESS);
    }
    cr_assert_eq(mach_ports(w->m), ports - 3);
    cr_assert_eq(mach_messages(w->m), 0);
    mach_name own = new_port(a);
    give(a, own, MACH_MAKE_SEND, a);
    cr_assert_eq(ship(a, own, own), MACH_MSG_SUCCESS);
    cr_assert_eq(type_of(a, own), MACH_TYPE_DEAD_NAME);
}

Test(mach, a_receive_right_on_its_way_to_itself_dies)
{
    in_world(circles);
}

static void sets(struct world *w)
{
    struct mach_task *a = w->t[0];
    mach_name p = new_port(a), q = new_port(a), set, plain = new_port(a);
    struct mach_msg msg;
    give(a, p, MACH_MAKE_SEND, a);
    give(a, q, MACH_MAKE_SEND, a);
    cr_assert_eq(mach_port_allocate(a, MACH_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    cr_assert_eq(say(a, q, MACH_COPY_SEND, 0, 0, 1), MACH_MSG_SUCCESS);
    cr_assert_eq(mach_port_move_member(a, p, plain), KERN_INVALID_RIGHT);
    cr_assert_eq(mach_port_move_member(a, p, 0), KERN_NOT_IN_SET);
    cr_assert_eq(mach_port_move_member(a, q, set), KERN_SUCCESS);
    cr_assert_eq(mach_port_move_member(a, p, set), KERN_SUCCESS);
    cr_assert_eq(hear(a, p, &msg), MACH_RCV_IN_SET);
    for (int32_t i = 2; i < 6; i++)
        cr_assert_eq(say(a, i & 1 ? p : q, MACH_COPY_SEND, 0, 0, i), MACH_MSG_SUCCESS);
    for (int32_t i = 1; i < 4; i++) { /* in the order of all */
        cr_assert_eq(hear(a, set, &msg), MACH_MSG_SUCCESS);
        cr_assert_eq(msg.id, i);
        cr_assert_eq(msg.local, i == 3 ? p : q);
    }
    cr_assert_eq(mach_port_move_member(a, p, 0), KERN_SUCCESS); /* with its message */
    expect(a, p, 5, 0);
    god(w);
    cr_assert_eq(mach_port_destroy(a, set), KERN_SUCCESS);
    expect(a, q, 4, 0);
    struct mach_status s;
    cr_assert_eq(mach_port_get_status(a, q, &s), KERN_SUCCESS);
    cr_assert_eq(s.set, MACH_PORT_NULL);
    cr_assert_eq(s.seqno, 3);
    cr_assert_eq(s.make_send, 1);
    cr_assert(s.senders && !s.send_once && !s.messages);
}

Test(mach, a_set_gives_the_messages_of_its_members_in_their_order)
{
    in_world(sets);
}

/* ---- full tables and long messages ---- */

static void limits(struct world *w)
{
    struct mach_task *a = w->t[0], *b = w->t[1];
    mach_name in = new_port(b), to = give(b, in, MACH_MAKE_SEND, a), mine = new_port(a), name;
    mach_name note = new_port(a);
    struct mach_msg msg;
    for (int i = 0; i < 3; i++) /* b has four names then, and may have no more */
        new_port(b);
    cr_assert_eq(mach_port_allocate(b, MACH_RIGHT_RECEIVE, &name), KERN_NO_SPACE);
    cr_assert_eq(mach_port_give(a, mine, MACH_MAKE_SEND, b, &name), KERN_NO_SPACE);
    cr_assert_eq(say(a, to, MACH_COPY_SEND, mine, MACH_MAKE_SEND_ONCE, 1), MACH_MSG_SUCCESS);
    cr_assert_eq(hear(b, in, &msg), MACH_RCV_HEADER_ERROR);
    expect(a, mine, MACH_NOTIFY_SEND_ONCE, 0);
    mach_msg_init(&msg);
    msg.remote = to;
    msg.remote_disp = MACH_COPY_SEND;
    mach_msg_add_rights(a, &msg, MACH_MAKE_SEND_ONCE, &mine, 1);
    cr_assert_eq(mach_msg(a, &msg, MACH_SEND_MSG | POLL, 0, 0, 0), MACH_MSG_SUCCESS);
    cr_assert_eq(hear(b, in, &msg), MACH_RCV_BODY_ERROR);
    cr_assert_eq(msg.items[0].names[0], MACH_PORT_NULL);
    mach_msg_fini(b, &msg);
    expect(a, mine, MACH_NOTIFY_SEND_ONCE, 0);
    god(w);
    /* 24 bytes of header, 4 of the item's type, 10 made whole words. */
    for (int i = 0; i < 2; i++) {
        struct rope r;
        rope_init(&r);
        rope_add_pattern(&r, 5, 0, 10);
        mach_msg_init(&msg);
        msg.remote = to;
        msg.remote_disp = MACH_COPY_SEND;
        mach_msg_add(&msg, MACH_TYPE_BYTE, &r);
        mach_msg_add_rights(a, &msg, MACH_MAKE_SEND_ONCE, &note, 1);
        cr_assert_eq(mach_msg(a, &msg, MACH_SEND_MSG | POLL, 0, 0, 0), MACH_MSG_SUCCESS);
    }
    cr_assert_eq(mach_msg(b, &msg, MACH_RCV_MSG | MACH_RCV_LARGE | POLL, in, 47, 0),
                 MACH_RCV_TOO_LARGE);
    cr_assert_eq(msg.size, 24 + 4 + 12 + 4 + 4);
    silent(a, note);
    cr_assert_eq(mach_msg(b, &msg, MACH_RCV_MSG | POLL, in, 47, 0), MACH_RCV_TOO_LARGE);
    expect(a, note, MACH_NOTIFY_SEND_ONCE, 0);
    cr_assert_eq(mach_port_deallocate(b, in), KERN_INVALID_RIGHT);
    cr_assert_eq(mach_msg(b, &msg, MACH_RCV_MSG | POLL, in, 48, 0), MACH_RCV_BODY_ERROR);
    struct rope r;
    rope_init(&r);
    rope_add_pattern(&r, 5, 0, 10);
    cr_assert(rope_equal(&r, &msg.items[0].data));
    rope_fini(&r);
    mach_msg_fini(b, &msg);
    /* References: a limit that calls keep and messages stick at. */
    mach_name self = give(a, mine, MACH_MAKE_SEND, a);
    cr_assert_eq(mach_port_mod_refs(a, self, MACH_RIGHT_SEND, 65535), KERN_UREFS_OVERFLOW);
    cr_assert_eq(mach_port_mod_refs(a, self, MACH_RIGHT_SEND, 65534), KERN_SUCCESS);
    give(a, mine, MACH_MAKE_SEND, a);
    cr_assert_eq(refs_of(a, self, MACH_RIGHT_SEND), 65535);
    cr_assert_eq(mach_port_mod_refs(a, self, MACH_RIGHT_SEND, -65536), KERN_INVALID_VALUE);
    cr_assert_eq(mach_port_mod_refs(a, self, MACH_RIGHT_RECEIVE, -2), KERN_INVALID_VALUE);
    cr_assert_eq(mach_port_set_qlimit(a, mine, 17), KERN_INVALID_VALUE);
}

Test(mach, what_finds_no_room_is_destroyed_and_told)
{
    struct world w = { .names_max = 4 };
    world_run(&w, limits);
    world_end(&w);
}

/* ---- names that a task chooses ---- */

#define FAR 0x12345678u

static void chosen(struct world *w)
{
    struct mach_task *a = w->t[0], *b = w->t[1];
    mach_name p = new_port(a), q = new_port(a), set, note = new_port(a), names[8], dead;
    uint32_t types[8], count;
    cr_assert_eq(mach_port_allocate_name(a, MACH_RIGHT_SEND, FAR), KERN_INVALID_VALUE);
    cr_assert_eq(mach_port_allocate_name(a, MACH_RIGHT_RECEIVE, 0), KERN_INVALID_VALUE);
    cr_assert_eq(mach_port_allocate_name(a, MACH_RIGHT_RECEIVE, MACH_PORT_DEAD),
                 KERN_INVALID_VALUE);
    cr_assert_eq(mach_port_allocate_name(a, MACH_RIGHT_RECEIVE, p), KERN_NAME_EXISTS);
    cr_assert_eq(mach_port_allocate_name(a, MACH_RIGHT_RECEIVE, FAR), KERN_SUCCESS);
    cr_assert_eq(type_of(a, FAR), MACH_TYPE_RECEIVE);
    cr_assert_eq(mach_port_rename(a, 0x4400, 0x4500), KERN_INVALID_NAME);
    cr_assert_eq(mach_port_rename(a, p, 0), KERN_INVALID_VALUE);
    cr_assert_eq(mach_port_rename(a, p, MACH_PORT_DEAD), KERN_INVALID_VALUE);
    cr_assert_eq(mach_port_rename(a, p, FAR), KERN_NAME_EXISTS);
    cr_assert_eq(mach_port_rename(a, FAR, FAR), KERN_NAME_EXISTS);
    /* All that is known by the old name is by the new one: set, request, receiver, senders. */
    cr_assert_eq(mach_port_allocate(a, MACH_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    cr_assert_eq(mach_port_move_member(a, p, set), KERN_SUCCESS);
    cr_assert_eq(mach_port_move_member(a, q, set), KERN_SUCCESS);
    ask(a, p, MACH_NOTIFY_DEAD_NAME, 0, note);
    cr_assert_eq(type_of(a, p), MACH_TYPE_RECEIVE | MACH_TYPE_DNREQUEST);
    cr_assert_eq(mach_port_rename(a, p, 0x500), KERN_SUCCESS);
    cr_assert_eq(mach_port_rename(a, set, FAR + 1), KERN_SUCCESS);
    mach_name s = give(a, 0x500, MACH_MAKE_SEND, b);
    cr_assert_eq(mach_port_rename(b, s, FAR), KERN_SUCCESS);
    cr_assert_eq(give(a, 0x500, MACH_MAKE_SEND, b), FAR, "a send right has one name");
    cr_assert_eq(say(b, FAR, MACH_COPY_SEND, 0, 0, 4), MACH_MSG_SUCCESS);
    struct mach_msg msg;
    cr_assert_eq(hear(a, FAR + 1, &msg), MACH_MSG_SUCCESS);
    cr_assert_eq(msg.local, 0x500);
    struct mach_status status;
    cr_assert_eq(mach_port_get_status(a, q, &status), KERN_SUCCESS);
    cr_assert_eq(status.set, FAR + 1);
    cr_assert_eq(mach_port_get_set_status(a, FAR + 1, names, 1, &count), KERN_SUCCESS);
    cr_assert(count == 2 && names[0] == 0x500);
    cr_assert_eq(mach_port_get_set_status(a, q, names, 1, &count), KERN_INVALID_RIGHT);
    cr_assert_eq(mach_port_get_set_status(a, 0x4400, names, 1, &count), KERN_INVALID_NAME);
    /* All names, those that the kernel chose first. */
    cr_assert_eq(mach_port_names(a, names, types, 8, &count), KERN_SUCCESS);
    cr_assert_eq(count, 5);
    cr_assert(names[0] == q && names[1] == note && names[2] == FAR && names[3] == 0x500 &&
              names[4] == FAR + 1);
    cr_assert_eq(types[3], MACH_TYPE_RECEIVE | MACH_TYPE_DNREQUEST);
    cr_assert_eq(types[4], MACH_TYPE_PORT_SET);
    cr_assert_eq(mach_port_names(a, names, types, 0, &count), KERN_SUCCESS);
    cr_assert_eq(count, 5);
    god(w);
    cr_assert_eq(mach_port_destroy(a, 0x500), KERN_SUCCESS);
    expect(a, note, MACH_NOTIFY_PORT_DELETED, 0x500);
    cr_assert_eq(type_of(b, FAR), MACH_TYPE_DEAD_NAME);
    dead = FAR;
    /* Rights that are put under a name, or destroyed. */
    s = give(a, q, MACH_MAKE_SEND, b);
    cr_assert_eq(mach_port_insert_right(b, 0, a, q, MACH_MAKE_SEND), KERN_INVALID_VALUE);
    cr_assert_eq(mach_port_insert_right(b, 7, a, 0x4400, MACH_MAKE_SEND), KERN_INVALID_NAME);
    cr_assert_eq(mach_port_insert_right(b, 7, a, q, MACH_COPY_SEND), KERN_INVALID_RIGHT);
    cr_assert_eq(mach_port_insert_right(b, 7, a, q, MACH_MAKE_SEND), KERN_RIGHT_EXISTS);
    cr_assert_eq(mach_port_insert_right(b, s, a, note, MACH_MAKE_SEND), KERN_NAME_EXISTS);
    cr_assert_eq(mach_port_insert_right(a, 7, b, dead, MACH_COPY_SEND), KERN_INVALID_CAPABILITY);
    cr_assert_eq(mach_port_insert_right(b, s, a, q, MACH_MAKE_SEND), KERN_SUCCESS);
    cr_assert_eq(refs_of(b, s, MACH_RIGHT_SEND), 2);
    cr_assert_eq(mach_port_mod_refs(b, s, MACH_RIGHT_SEND, 65533), KERN_SUCCESS);
    cr_assert_eq(mach_port_insert_right(b, s, a, q, MACH_MAKE_SEND), KERN_UREFS_OVERFLOW);
    cr_assert_eq(mach_port_insert_right(b, s, a, q, MACH_MAKE_SEND_ONCE), KERN_NAME_EXISTS);
    cr_assert_eq(hear(a, FAR + 1, &msg), MACH_MSG_SUCCESS);
    cr_assert(msg.id == MACH_NOTIFY_SEND_ONCE && msg.local == q);
    cr_assert_eq(mach_port_insert_right(b, 7, a, q, MACH_MAKE_SEND_ONCE), KERN_SUCCESS);
    cr_assert_eq(type_of(b, 7), MACH_TYPE_SEND_ONCE);
    cr_assert_eq(mach_port_insert_right(b, s, a, q, MACH_MOVE_RECEIVE), KERN_SUCCESS);
    cr_assert_eq(type_of(b, s), MACH_TYPE_SEND | MACH_TYPE_RECEIVE);
    /* The kernel gives no name that the task has taken. */
    for (mach_name i = 1; i < 12; i++)
        if (type_of(w->t[2], i << 8 | 1) == 0)
            cr_assert_eq(mach_port_allocate_name(w->t[2], MACH_RIGHT_DEAD_NAME, i << 8 | 1),
                         KERN_SUCCESS);
    for (int i = 0; i < 12; i++)
        cr_assert_eq(new_port(w->t[2]) & 0xff, i < 11 ? 2 : 1);
}

Test(mach, a_task_may_choose_its_names)
{
    in_world(chosen);
}

static void full_by_names(struct world *w)
{
    mach_name q = new_port(w->t[0]);
    for (mach_name i = 1; i < 4; i++)
        cr_assert_eq(mach_port_allocate_name(w->t[0], MACH_RIGHT_DEAD_NAME, i), KERN_SUCCESS);
    cr_assert_eq(mach_port_allocate_name(w->t[0], MACH_RIGHT_DEAD_NAME, 9), KERN_NO_SPACE);
    cr_assert_eq(mach_port_insert_right(w->t[0], 9, w->t[0], q, MACH_MAKE_SEND_ONCE),
                 KERN_NO_SPACE);
    expect(w->t[0], q, MACH_NOTIFY_SEND_ONCE, 0);
    cr_assert_eq(mach_port_rename(w->t[0], 2, 9), KERN_SUCCESS, "that takes no more");
}

Test(mach, chosen_names_count)
{
    struct world w = { .names_max = 4 };
    world_run(&w, full_by_names);
    world_end(&w);
}

/* ---- messages with a notification ---- */

static enum mach_msg_return say_and(struct mach_task *t, mach_name to, uint32_t d, int32_t id,
                                    unsigned options, mach_name notify)
{
    struct mach_msg msg;
    mach_msg_init(&msg);
    msg.remote = to;
    msg.remote_disp = d;
    msg.id = id;
    msg.notify = notify;
    enum mach_msg_return r = mach_msg(t, &msg, MACH_SEND_MSG | POLL | options, 0, 0, 0);
    mach_msg_fini(t, &msg);
    return r;
}

static void forced(struct world *w)
{
    struct mach_task *a = w->t[0], *b = w->t[1];
    mach_name in = new_port(b), to = give(b, in, MACH_MAKE_SEND, a), note = new_port(a);
    unsigned n = MACH_SEND_NOTIFY;
    cr_assert_eq(say_and(a, to, MACH_COPY_SEND, 0, n, 0), MACH_MSG_SUCCESS, "there is room");
    cr_assert_eq(mach_port_set_qlimit(b, in, 1), KERN_SUCCESS);
    cr_assert_eq(say_and(a, to, MACH_COPY_SEND, 1, n, 0), MACH_SEND_INVALID_NOTIFY);
    cr_assert_eq(say_and(a, to, MACH_COPY_SEND, 1, n, to), MACH_SEND_INVALID_NOTIFY);
    cr_assert_eq(say_and(a, to, MACH_COPY_SEND, 1, n, note), MACH_SEND_WILL_NOTIFY);
    god(w);
    cr_assert_eq(type_of(a, to), MACH_TYPE_SEND | MACH_TYPE_MAREQUEST);
    cr_assert_eq(say_and(a, to, MACH_COPY_SEND, 2, n, note), MACH_SEND_NOTIFY_IN_PROGRESS);
    cr_assert_eq(refs_of(a, to, MACH_RIGHT_SEND), 4, "each that is back with a reference");
    mach_name other = give(b, in, MACH_MAKE_SEND, w->t[2]), note2 = new_port(w->t[2]);
    cr_assert_eq(say_and(w->t[2], other, MACH_COPY_SEND, 3, n, note2), MACH_SEND_WILL_NOTIFY);
    expect(b, in, 0, 0);
    silent(a, note);
    cr_assert_eq(mach_port_rename(a, to, 0x700), KERN_SUCCESS);
    expect(b, in, 1, 0);
    expect(a, note, MACH_NOTIFY_MSG_ACCEPTED, 0x700);
    cr_assert_eq(type_of(a, 0x700), MACH_TYPE_SEND);
    /* The right goes: its name is told no more.  The port dies: the message has gone. */
    cr_assert_eq(mach_port_deallocate(w->t[2], other), KERN_SUCCESS);
    expect(b, in, 3, 0);
    expect(w->t[2], note2, MACH_NOTIFY_MSG_ACCEPTED, 0);
    cr_assert_eq(say(a, 0x700, MACH_COPY_SEND, 0, 0, 4), MACH_MSG_SUCCESS);
    cr_assert_eq(say_and(a, 0x700, MACH_COPY_SEND, 5, n, note), MACH_SEND_WILL_NOTIFY);
    cr_assert_eq(mach_port_destroy(b, in), KERN_SUCCESS);
    expect(a, note, MACH_NOTIFY_MSG_ACCEPTED, 0x700);
    silent(a, note);
    cr_assert_eq(type_of(a, 0x700), MACH_TYPE_DEAD_NAME);
    /* The sender's task ends first. */
    in = new_port(b);
    to = give(b, in, MACH_MAKE_SEND, w->t[2]);
    cr_assert_eq(mach_port_set_qlimit(b, in, 0), KERN_SUCCESS);
    cr_assert_eq(say_and(w->t[2], to, MACH_COPY_SEND, 6, n, note2), MACH_SEND_WILL_NOTIFY);
    give(w->t[2], note2, MACH_MOVE_RECEIVE, a);
    mach_task_terminate(w->t[2]);
    w->t[2] = NULL;
    god(w);
    expect(b, in, 6, 0);
    god(w);
}

Test(mach, a_message_that_is_forced_is_told_when_it_goes)
{
    in_world(forced);
}

static void cancelled(struct world *w)
{
    struct mach_task *a = w->t[0], *b = w->t[1];
    mach_name in = new_port(b), note = new_port(a), other = new_port(a), to;
    struct mach_status s;
    for (int i = 0; i < 4; i++) {
        mach_name ear = i == 1 ? other : note; /* whom the request does not tell */
        to = give(b, in, MACH_MAKE_SEND, a);
        ask(a, to, MACH_NOTIFY_DEAD_NAME, 0, note);
        cr_assert_eq(say_and(a, to, i == 2 ? MACH_COPY_SEND : MACH_MOVE_SEND, i,
                             i == 3 ? 0 : MACH_SEND_CANCEL, ear),
                     MACH_MSG_SUCCESS);
        expect(b, in, i, 0);
        if (i == 2)
            cr_assert_eq(mach_port_deallocate(a, to), KERN_SUCCESS);
        if (i > 0)
            expect(a, note, MACH_NOTIFY_PORT_DELETED, to);
        silent(a, note);
        cr_assert_eq(mach_port_get_status(a, note, &s), KERN_SUCCESS);
        cr_assert_not(s.send_once);
        god(w);
    }
    to = give(b, in, MACH_MAKE_SEND, a);
    cr_assert_eq(say_and(a, to, MACH_MOVE_SEND, 1, MACH_SEND_CANCEL, 0), MACH_SEND_INVALID_NOTIFY);
    cr_assert_eq(say_and(a, to, MACH_MOVE_SEND, 1, MACH_SEND_CANCEL, to), MACH_SEND_INVALID_NOTIFY);
    cr_assert_eq(type_of(a, to), MACH_TYPE_SEND, "nothing was taken");
}

Test(mach, a_request_of_a_name_that_goes_with_a_message_can_be_cancelled)
{
    in_world(cancelled);
}

static void reply_dies(struct world *w)
{
    struct mach_task *a = w->t[0], *b = w->t[1];
    mach_name in = new_port(b), to = give(b, in, MACH_MAKE_SEND, a), note = new_port(b), mine;
    struct mach_msg msg;
    for (int i = 0; i < 5; i++) {
        mine = new_port(a);
        if (i == 1) /* known already: no request */
            give(a, mine, MACH_MAKE_SEND, b);
        cr_assert_eq(say(a, to, MACH_COPY_SEND, i == 4 ? 0 : mine, i == 4 ? 0 : MACH_MAKE_SEND, i),
                     MACH_MSG_SUCCESS);
        mach_msg_init(&msg);
        msg.notify = i == 2 ? 0 : i > 2 ? 0x4400 : note;
        enum mach_msg_return r = mach_msg(b, &msg, MACH_RCV_MSG | MACH_RCV_NOTIFY | POLL, in, 0, 0);
        cr_assert_eq(r, i == 2 || i == 3 ? MACH_RCV_INVALID_NOTIFY : MACH_MSG_SUCCESS, "%d", i);
        cr_assert_eq(mach_port_destroy(a, mine), KERN_SUCCESS);
        if (i == 0)
            expect(b, note, MACH_NOTIFY_DEAD_NAME, msg.remote);
        silent(b, note);
        silent(b, in);
        god(w);
    }
}

Test(mach, the_death_of_a_new_reply_right_is_told_when_the_receiver_asks)
{
    in_world(reply_dies);
}

/* ---- threads that wait ---- */

struct waits {
    struct world w;
    mach_name in, to; /* task 1 receives, task 0 sends */
    int32_t order[16];
    uint32_t count;
    struct port_thread *sleeper;
    enum mach_msg_return result;
    sim_time took;
    struct mach_msg msg;
};
struct sender {
    struct waits *x;
    int32_t id;
};

static struct waits *waits_start(void)
{
    static struct waits x;
    memset(&x, 0, sizeof x);
    x.w.f = fake_create(&(struct fake_options){ .nodes = 1 });
    fake_boot(x.w.f, 0, boot, &x.w);
    fake_run(x.w.f, 0);
    x.in = new_port(x.w.t[1]);
    x.to = give(x.w.t[1], x.in, MACH_MAKE_SEND, x.w.t[0]);
    return &x;
}

static void spawn(struct waits *x, int task, void (*fn)(void *arg), void *arg)
{
    x->sleeper = port_thread_spawn(x->w.ports[task], "thread", fn, arg, 0);
    cr_assert_not_null(x->sleeper);
}

static void send_one(void *arg)
{
    struct sender *s = arg;
    struct mach_msg msg;
    mach_msg_init(&msg);
    msg.remote = s->x->to;
    msg.remote_disp = MACH_COPY_SEND;
    msg.id = s->id;
    cr_assert_eq(mach_msg(s->x->w.t[0], &msg, MACH_SEND_MSG, 0, 0, 0), MACH_MSG_SUCCESS);
}

static void receive_all(void *arg)
{
    struct waits *x = arg;
    for (int i = 0; i < 9; i++) {
        struct mach_msg msg;
        mach_msg_init(&msg);
        cr_assert_eq(mach_msg(x->w.t[1], &msg, MACH_RCV_MSG, x->in, 0, 0), MACH_MSG_SUCCESS);
        x->order[x->count++] = msg.id;
        god(&x->w);
    }
}

Test(mach, senders_that_find_the_queue_full_get_room_in_their_order)
{
    struct waits *x = waits_start();
    struct sender s[9];
    for (int i = 0; i < 9; i++) {
        s[i] = (struct sender){ x, i };
        spawn(x, 0, send_one, &s[i]);
    }
    fake_run(x->w.f, 0);
    god(&x->w);
    cr_assert_eq(fake_blocked(x->w.f), 4, "MACH6: five are in the queue");
    spawn(x, 1, receive_all, x);
    fake_run(x->w.f, 0);
    cr_assert_eq(x->count, 9);
    for (int i = 0; i < 9; i++)
        cr_assert_eq(x->order[i], i, "MACH7");
    cr_assert_eq(fake_blocked(x->w.f), 0);
    cr_assert_eq(x->w.m->counts.full, 4);
    cr_assert_eq(x->w.m->counts.sent, 9);
    world_end(&x->w);
}

static void raise_limit(struct port *p, void *arg)
{
    struct waits *x = arg;
    (void)p;
    cr_assert_eq(mach_port_set_qlimit(x->w.t[1], x->in, 7), KERN_SUCCESS);
}

Test(mach, a_raised_limit_lets_senders_go_and_a_death_frees_the_rest)
{
    struct waits *x = waits_start();
    struct sender s[9];
    for (int i = 0; i < 9; i++) {
        s[i] = (struct sender){ x, i };
        spawn(x, 0, send_one, &s[i]);
    }
    fake_run(x->w.f, 0);
    fake_call(x->w.f, 0, raise_limit, x);
    fake_run(x->w.f, 0);
    cr_assert_eq(fake_blocked(x->w.f), 2);
    god(&x->w);
    cr_assert_eq(mach_port_destroy(x->w.t[1], x->in), KERN_SUCCESS);
    fake_run(x->w.f, 0);
    cr_assert_eq(fake_blocked(x->w.f), 0, "their messages are gone, which is no failure");
    god(&x->w);
    cr_assert_eq(mach_messages(x->w.m), 0);
    world_end(&x->w);
}

/* Sends a right when the queue is full, and waits for 3 ms; or receives with an empty one. */
static void late(void *arg)
{
    struct waits *x = arg;
    sim_time start = port_now(x->w.ports[0]);
    x->result = mach_msg(x->w.t[0], &x->msg,
                         MACH_SEND_MSG | MACH_SEND_TIMEOUT | MACH_SEND_INTERRUPT, 0, 0, 3 * SIM_MS);
    x->took = port_now(x->w.ports[0]) - start;
}

static void fill(struct world *w, struct waits *x)
{
    for (int i = 0; i < 5; i++)
        cr_assert_eq(say(w->t[0], x->to, MACH_COPY_SEND, 0, 0, i), MACH_MSG_SUCCESS);
}

static void late_sends(bool interrupt)
{
    struct waits *x = waits_start();
    struct world *w = &x->w;
    fill(w, x);
    mach_name mine = new_port(w->t[0]);
    cr_assert_eq(say(w->t[0], x->to, MACH_COPY_SEND, 0, 0, 5), MACH_SEND_TIMED_OUT);
    mach_msg_init(&x->msg);
    x->msg.remote = x->to;
    x->msg.remote_disp = MACH_COPY_SEND;
    x->msg.id = 77;
    mach_msg_add_rights(w->t[0], &x->msg, MACH_MOVE_RECEIVE, &mine, 1);
    uint64_t before = w->m->counts.timed_out, sent = w->m->counts.sent;
    spawn(x, 0, late, x);
    fake_run_until(w->f, fake_now(w->f) + SIM_MS);
    cr_assert_eq(type_of(w->t[0], mine), 0, "it is on its way");
    god(w);
    if (interrupt)
        mach_thread_interrupt(w->t[0], x->sleeper);
    fake_run(w->f, 0);
    cr_assert_eq(x->result, interrupt ? MACH_SEND_INTERRUPTED : MACH_SEND_TIMED_OUT);
    cr_assert_eq(x->took, interrupt ? SIM_MS : 3 * SIM_MS);
    cr_assert_eq(w->m->counts.timed_out, before + !interrupt);
    cr_assert_eq(w->m->counts.sent, sent, "it is back");
    god(w);
    cr_assert_eq(type_of(w->t[0], x->msg.items[0].names[0]), MACH_TYPE_RECEIVE, "it is back");
    cr_assert_eq(x->msg.remote, x->to);
    struct mach_msg got;
    for (int i = 0; i < 5; i++)
        expect(w->t[1], x->in, i, 0);
    cr_assert_eq(mach_msg(w->t[0], &x->msg, MACH_SEND_MSG, 0, 0, 0), MACH_MSG_SUCCESS);
    cr_assert_eq(hear(w->t[1], x->in, &got), MACH_MSG_SUCCESS);
    cr_assert_eq(got.id, 77);
    cr_assert_eq(type_of(w->t[1], got.items[0].names[0]), MACH_TYPE_RECEIVE);
    mach_msg_fini(w->t[1], &got);
    world_end(w);
}

Test(mach, a_send_that_times_out_can_be_sent_again)
{
    late_sends(false);
}

Test(mach, a_send_that_is_interrupted_can_be_sent_again)
{
    late_sends(true);
}

static void receive_late(void *arg)
{
    struct waits *x = arg;
    sim_time start = port_now(x->w.ports[1]);
    mach_msg_init(&x->msg);
    x->result = mach_msg(x->w.t[1], &x->msg, MACH_RCV_MSG | MACH_RCV_TIMEOUT | MACH_RCV_INTERRUPT,
                         x->in, 0, 3 * SIM_MS);
    x->took = port_now(x->w.ports[1]) - start;
}

static void receive_and(void (*what)(struct waits *x), enum mach_msg_return result, sim_time took)
{
    struct waits *x = waits_start();
    spawn(x, 1, receive_late, x);
    fake_run_until(x->w.f, fake_now(x->w.f) + SIM_MS);
    what(x);
    fake_run(x->w.f, 0);
    cr_assert_eq(x->result, result, "%x", x->result);
    cr_assert_eq(x->took, took);
    god(&x->w);
    world_end(&x->w);
}

static void nothing(struct waits *x)
{
    (void)x;
}

static void interrupts(struct waits *x)
{
    mach_thread_interrupt(x->w.t[0], x->sleeper); /* not of that task */
    mach_thread_interrupt(x->w.t[1], x->sleeper);
}

static void dies(struct waits *x)
{
    cr_assert_eq(mach_port_destroy(x->w.t[1], x->in), KERN_SUCCESS);
}

static void changes(struct waits *x)
{
    mach_name set;
    cr_assert_eq(mach_port_allocate(x->w.t[1], MACH_RIGHT_PORT_SET, &set), KERN_SUCCESS);
    cr_assert_eq(mach_port_move_member(x->w.t[1], x->in, set), KERN_SUCCESS);
}

static void moves_away(struct waits *x)
{
    give(x->w.t[1], x->in, MACH_MOVE_RECEIVE, x->w.t[2]);
}

static void comes(struct waits *x)
{
    cr_assert_eq(say(x->w.t[0], x->to, MACH_COPY_SEND, 0, 0, 1), MACH_MSG_SUCCESS);
}

Test(mach, a_receive_ends_by_time_by_interrupt_by_death_by_change_and_by_a_message)
{
    receive_and(nothing, MACH_RCV_TIMED_OUT, 3 * SIM_MS);
    receive_and(interrupts, MACH_RCV_INTERRUPTED, SIM_MS);
    receive_and(dies, MACH_RCV_PORT_DIED, SIM_MS);
    receive_and(changes, MACH_RCV_PORT_CHANGED, SIM_MS);
    receive_and(moves_away, MACH_RCV_PORT_DIED, SIM_MS);
    receive_and(comes, MACH_MSG_SUCCESS, SIM_MS);
}

/* ---- a task that crashes with rights in flight ---- */

static void task_crashed(void *arg)
{
    struct waits *x = arg;
    mach_task_crashed(x->w.t[0]);
    x->w.t[0] = NULL;
}

static void rpc_forever(void *arg)
{
    struct waits *x = arg;
    mach_name mine = new_port(x->w.t[0]);
    struct mach_msg msg;
    mach_msg_init(&msg);
    msg.remote = x->to;
    msg.remote_disp = MACH_COPY_SEND;
    msg.local = mine;
    msg.local_disp = MACH_MAKE_SEND_ONCE;
    (void)mach_msg(x->w.t[0], &msg, MACH_SEND_MSG | MACH_RCV_MSG, mine, 0, 0);
    cr_assert_fail("nobody answers");
}

Test(mach, a_task_that_crashes_takes_its_rights_along_wherever_they_are)
{
    struct waits *x = waits_start();
    struct world *w = &x->w;
    mach_name note = new_port(w->t[1]);
    struct mach_msg msg;
    port_task_on_end(w->ports[0], task_crashed, x);
    ask(w->t[1], x->in, MACH_NOTIFY_NO_SENDERS, 1, note);
    for (int i = 0; i < 7; i++) /* five in the queue, two wait for room */
        spawn(x, 0, rpc_forever, x);
    fake_run(w->f, 0);
    god(w);
    cr_assert_eq(fake_blocked(w->f), 7);
    silent(w->t[1], note);
    port_task_crash(w->ports[0]);
    fake_run(w->f, 0);
    god(w);
    cr_assert_eq(w->t[0], NULL);
    silent(w->t[1], note); /* five messages hold a send right */
    for (int i = 0; i < 5; i++) {
        cr_assert_eq(hear(w->t[1], x->in, &msg), MACH_MSG_SUCCESS);
        cr_assert_eq(msg.remote, MACH_PORT_DEAD);
        mach_msg_fini(w->t[1], &msg);
    }
    silent(w->t[1], x->in);
    expect(w->t[1], note, MACH_NOTIFY_NO_SENDERS, 1);
    cr_assert_eq(mach_ports(w->m), 2);
    world_end(w);
}

/* ---- memory out of line ---- */

#define BULK 0x200000u
#define BULK_PAGES 8u
#define BULK_PAGE 1024u

struct bulk {
    struct waits *x;
    struct vm *vm[2];
    struct vm_space *space[2];
    struct mach_msg msg;
    enum mach_msg_return result;
    uint64_t at; /* where it came to */
    void (*then)(struct bulk *b);
};

static uint64_t bulk_copied(const struct bulk *b)
{
    return b->vm[0]->counts.copied + b->vm[1]->counts.copied;
}

static uint64_t copy_work(const struct bulk *b)
{
    return fake_work(b->x->w.f, 0, PORT_WORK_COPY);
}

static void bulk_send(struct bulk *b, uint64_t address, uint64_t bytes, bool deallocate)
{
    mach_msg_init(&b->msg);
    b->msg.remote = b->x->to;
    b->msg.remote_disp = MACH_COPY_SEND;
    mach_msg_add_memory(&b->msg, MACH_TYPE_BYTE, address, bytes, deallocate);
    b->result = mach_msg(b->x->w.t[0], &b->msg, MACH_SEND_MSG | POLL, 0, 0, 0);
}

static void bulk_fill(struct bulk *b)
{
    struct vm_region *r =
        vm_map(b->space[0], BULK, (uint64_t)BULK_PAGES * BULK_PAGE, VM_WRITE, &vm_pager_zero, NULL);
    cr_assert_not_null(r);
    for (uint32_t i = 0; i < BULK_PAGES * BULK_PAGE; i++)
        vm_store_u8(b->space[0], BULK + i, pattern_byte(7, i));
}

static void bulk_run(void *arg)
{
    struct bulk *b = arg;
    b->then(b);
}

/* In a thread of the task that sends (0) or receives (1). */
static void bulk_in(struct bulk *b, int task, void (*fn)(struct bulk *b))
{
    b->then = fn;
    spawn(b->x, task, bulk_run, b);
    fake_run(b->x->w.f, 0);
    god(&b->x->w);
}

static struct bulk *bulk_start(void)
{
    static struct bulk b;
    struct vm_params params = { .page = BULK_PAGE };
    memset(&b, 0, sizeof b);
    b.x = waits_start();
    for (int i = 0; i < 2; i++) {
        b.vm[i] = vm_create(b.x->w.ports[i], &params);
        b.space[i] = vm_space_create(b.vm[i], "bulk");
        mach_task_memory(b.x->w.t[i], b.space[i]);
    }
    bulk_in(&b, 0, bulk_fill);
    return &b;
}

static void bulk_send_all(struct bulk *b)
{
    bulk_send(b, BULK, (uint64_t)BULK_PAGES * BULK_PAGE, false);
    cr_assert_eq(b->result, MACH_MSG_SUCCESS);
}

static void bulk_receive(struct bulk *b)
{
    b->result = hear(b->x->w.t[1], b->x->in, &b->msg);
    b->at = b->msg.items[0].address;
}

static void bulk_read_all(struct bulk *b)
{
    cr_assert(b->msg.items[0].out_of_line && b->msg.items[0].deallocate);
    for (uint32_t i = 0; i < b->msg.items[0].bytes; i++)
        cr_assert_eq(vm_load_u8(b->space[1], b->at + i), pattern_byte(7, i), "byte %u", i);
}

static void bulk_write_there(struct bulk *b)
{
    for (uint32_t i = 0; i < BULK_PAGES; i++)
        vm_store_u8(b->space[1], b->at + i * BULK_PAGE, 0);
}

static void bulk_write_here(struct bulk *b)
{
    for (uint32_t i = 0; i < BULK_PAGES; i++)
        vm_store_u8(b->space[0], BULK + i * BULK_PAGE + 1, 0);
}

/* In line each byte is copied into the kernel and out of it; out of line none is, but a page at the
 * first write of one of the two: whoever comes second has it alone. */
Test(mach, memory_out_of_line_is_copied_at_most_once_and_only_when_it_is_written)
{
    static void (*const writes[][2])(struct bulk * b) = { { bulk_write_there, bulk_write_here },
                                                          { bulk_write_here, bulk_write_there } };
    static const int who[][2] = { { 1, 0 }, { 0, 1 } };
    for (int order = 0; order < 2; order++) {
        struct bulk *b = bulk_start();
        uint64_t before = copy_work(b), copied = b->x->w.m->counts.copied;
        bulk_in(b, 0, bulk_send_all);
        bulk_in(b, 1, bulk_receive);
        cr_assert_eq(b->result, MACH_MSG_SUCCESS);
        cr_assert_eq(b->msg.size, 24 + 4 + 4);
        bulk_in(b, 1, bulk_read_all);
        cr_assert_eq(copy_work(b), before + 2 * 32, "the header alone, in and out");
        cr_assert_eq(b->x->w.m->counts.copied, copied + 2 * 32);
        cr_assert_eq(b->x->w.m->counts.pages, BULK_PAGES);
        cr_assert_eq(bulk_copied(b), 0);
        bulk_in(b, who[order][0], writes[order][0]);
        cr_assert_eq(bulk_copied(b), BULK_PAGES);
        cr_assert_eq(copy_work(b), before + 64 + BULK_PAGES * BULK_PAGE);
        bulk_in(b, who[order][1], writes[order][1]);
        cr_assert_eq(bulk_copied(b), BULK_PAGES, "the second has it alone");
        mach_msg_fini(b->x->w.t[1], &b->msg);
        world_end(&b->x->w);
    }
}

static void bulk_send_away(struct bulk *b)
{
    bulk_send(b, BULK, (uint64_t)BULK_PAGES * BULK_PAGE - 3, true);
    cr_assert_eq(b->result, MACH_MSG_SUCCESS);
    cr_assert_null(vm_region_at(b->space[0], BULK));
    cr_assert_eq(b->vm[0]->counts.frames, 0);
}

Test(mach, memory_that_goes_with_its_message_is_never_copied)
{
    struct bulk *b = bulk_start();
    bulk_in(b, 0, bulk_send_away);
    bulk_in(b, 1, bulk_receive);
    cr_assert_eq(b->msg.items[0].bytes, BULK_PAGES * BULK_PAGE - 3);
    bulk_in(b, 1, bulk_read_all);
    bulk_in(b, 1, bulk_write_there);
    cr_assert_eq(bulk_copied(b), 0);
    mach_msg_fini(b->x->w.t[1], &b->msg);
    world_end(&b->x->w);
}

static void bulk_refused(struct bulk *b)
{
    struct world *w = &b->x->w;
    mach_name note = new_port(w->t[0]);
    bulk_send(b, BULK + BULK_PAGES * BULK_PAGE, 1, false);
    cr_assert_eq(b->result, MACH_SEND_INVALID_MEMORY, "no region");
    bulk_send(b, BULK + 100, BULK_PAGES * BULK_PAGE, false);
    cr_assert_eq(b->result, MACH_SEND_INVALID_MEMORY, "not to its end");
    bulk_send(b, BULK, UINT64_MAX - BULK + 1, false);
    cr_assert_eq(b->result, MACH_SEND_INVALID_MEMORY, "around");
    bulk_send(b, BULK, BULK_PAGE, true);
    cr_assert_eq(b->result, MACH_SEND_INVALID_MEMORY, "a part cannot go");
    cr_assert_not_null(vm_region_at(b->space[0], BULK));
    bulk_send(b, 0, 0, false);
    cr_assert_eq(b->result, MACH_MSG_SUCCESS, "nothing is nowhere");
    /* What was taken before is destroyed with the message. */
    mach_msg_init(&b->msg);
    b->msg.remote = b->x->to;
    b->msg.remote_disp = MACH_COPY_SEND;
    mach_msg_add_rights(w->t[0], &b->msg, MACH_MAKE_SEND_ONCE, &note, 1);
    mach_msg_add_memory(&b->msg, MACH_TYPE_BYTE, 64, 1, false);
    cr_assert_eq(mach_msg(w->t[0], &b->msg, MACH_SEND_MSG | POLL, 0, 0, 0),
                 MACH_SEND_INVALID_MEMORY);
    expect(w->t[0], note, MACH_NOTIFY_SEND_ONCE, 0);
    mach_task_memory(w->t[0], NULL);
    bulk_send(b, BULK, 1, false);
    cr_assert_eq(b->result, MACH_SEND_INVALID_MEMORY, "a task without memory");
    mach_task_memory(w->t[0], b->space[0]);
    bulk_send(b, BULK, 9, false);
}

/* The queue is full: what was to go is back, elsewhere, and can be sent as it is. */
static void bulk_back(struct bulk *b)
{
    struct world *w = &b->x->w;
    cr_assert_eq(mach_port_set_qlimit(w->t[1], b->x->in, 0), KERN_SUCCESS);
    bulk_send(b, BULK, (uint64_t)BULK_PAGES * BULK_PAGE, true);
    cr_assert_eq(b->result, MACH_SEND_TIMED_OUT);
    cr_assert_null(vm_region_at(b->space[0], BULK));
    uint64_t at = b->msg.items[0].address;
    cr_assert_eq(vm_load_u8(b->space[0], at + 1), pattern_byte(7, 1));
    cr_assert_eq(mach_port_set_qlimit(w->t[1], b->x->in, 5), KERN_SUCCESS);
    cr_assert_eq(mach_msg(w->t[0], &b->msg, MACH_SEND_MSG | POLL, 0, 0, 0), MACH_MSG_SUCCESS);
    cr_assert_null(vm_region_at(b->space[0], at));
}

Test(mach, memory_that_is_none_is_refused_and_what_was_not_sent_is_back)
{
    struct bulk *b = bulk_start();
    bulk_in(b, 0, bulk_refused);
    bulk_in(b, 1, bulk_receive);
    cr_assert_eq(b->msg.items[0].address, 0);
    cr_assert_eq(b->msg.items[0].bytes, 0);
    mach_msg_fini(b->x->w.t[1], &b->msg);
    mach_task_memory(b->x->w.t[1], NULL);
    bulk_in(b, 1, bulk_receive);
    cr_assert_eq(b->result, MACH_RCV_BODY_ERROR);
    cr_assert_eq(b->at, 0);
    mach_msg_fini(b->x->w.t[1], &b->msg);
    mach_task_memory(b->x->w.t[1], b->space[1]);
    bulk_in(b, 0, bulk_back);
    bulk_in(b, 1, bulk_receive);
    bulk_in(b, 1, bulk_read_all);
    mach_msg_fini(b->x->w.t[1], &b->msg);
    world_end(&b->x->w);
}

/* A page that never comes: the sender's thread is in its fault when its task ends. */
static void never(struct vm_region *r, uint64_t page, enum vm_prot have, enum vm_prot want)
{
    (void)r;
    (void)page;
    (void)have;
    (void)want;
}

static void bulk_waits(struct bulk *b)
{
    static const struct vm_pager_ops pager = { .name = "never", .fault = never };
    mach_name mine = new_port(b->x->w.t[0]);
    cr_assert_not_null(vm_map(b->space[0], 0x900000, BULK_PAGE, VM_WRITE, &pager, NULL));
    mach_msg_init(&b->msg);
    b->msg.remote = b->x->to;
    b->msg.remote_disp = MACH_MOVE_SEND;
    mach_msg_add_rights(b->x->w.t[0], &b->msg, MACH_MOVE_RECEIVE, &mine, 1);
    mach_msg_add_memory(&b->msg, MACH_TYPE_BYTE, 0x900000, 1, false);
    (void)mach_msg(b->x->w.t[0], &b->msg, MACH_SEND_MSG | POLL, 0, 0, 0);
    cr_assert_fail("a page has come");
}

Test(mach, a_task_that_ends_in_the_fault_of_a_page_takes_the_message_along)
{
    struct bulk *b = bulk_start();
    struct world *w = &b->x->w;
    mach_name note = new_port(w->t[1]);
    port_task_on_end(w->ports[0], task_crashed, b->x);
    ask(w->t[1], b->x->in, MACH_NOTIFY_NO_SENDERS, 1, note);
    bulk_in(b, 0, bulk_waits);
    cr_assert_eq(mach_messages(w->m), 1);
    port_task_crash(w->ports[0]);
    fake_run(w->f, 0);
    god(w);
    cr_assert_eq(w->t[0], NULL);
    expect(w->t[1], note, MACH_NOTIFY_NO_SENDERS, 1);
    cr_assert_eq(mach_messages(w->m), 0);
    cr_assert_eq(mach_ports(w->m), 2);
    world_end(w);
}

/* ---- typed procedures ---- */

enum { CALC_ADD, CALC_ECHO, CALC_SWAP, CALC_HOLE, CALC_FAIL, CALC_LATER, CALC_TELL, CALC_STOP };

static struct calc {
    struct bulk *b;
    struct mach_server server;
    uint32_t told;
    mach_name late; /* of CALC_LATER */
    bool ended;
    mach_name reply; /* the client's */
} calc;

static int32_t calc_add(void *arg, struct mach_value *in, struct mach_value *out)
{
    cr_assert_eq(arg, &calc);
    out[0].word = in[0].word + in[1].word;
    return KERN_SUCCESS;
}

static int32_t calc_echo(void *arg, struct mach_value *in, struct mach_value *out)
{
    (void)arg;
    rope_move(&out[0].data, &in[0].data);
    rope_move(&out[1].data, &in[1].data);
    return KERN_SUCCESS;
}

/* The memory and a right go back. */
static int32_t calc_swap(void *arg, struct mach_value *in, struct mach_value *out)
{
    (void)arg;
    out[0].name = in[0].name;
    out[0].disposition = MACH_MOVE_SEND;
    out[1].address = in[1].address;
    out[1].bytes = in[1].bytes;
    out[1].deallocate = true;
    return KERN_SUCCESS;
}

static int32_t calc_fail(void *arg, struct mach_value *in, struct mach_value *out)
{
    (void)arg;
    (void)out;
    cr_assert_neq(in[0].name, MACH_PORT_NULL);
    return 77;
}

static int32_t calc_later(void *arg, struct mach_value *in, struct mach_value *out)
{
    struct calc *c = arg;
    (void)in;
    (void)out;
    c->late = c->server.reply;
    cr_assert_eq(c->server.reply_disposition, MACH_PORT_SEND_ONCE);
    return MIG_NO_REPLY;
}

static int32_t calc_tell(void *arg, struct mach_value *in, struct mach_value *out)
{
    struct calc *c = arg;
    (void)out;
    c->told += in[0].word;
    return KERN_SUCCESS;
}

static int32_t calc_stop(void *arg, struct mach_value *in, struct mach_value *out)
{
    struct calc *c = arg;
    (void)in;
    (void)out;
    c->server.stop = true;
    return KERN_SUCCESS;
}

static const struct mach_routine calc_routines[] = {
    [CALC_ADD] = { .name = "add",
                   .in = { { .kind = MACH_ARG_WORD }, { .kind = MACH_ARG_WORD } },
                   .out = { { .kind = MACH_ARG_WORD } },
                   .serve = calc_add },
    [CALC_ECHO] = { .name = "echo",
                    .in = { { MACH_ARG_STRING, 20 }, { MACH_ARG_BYTES, 100 } },
                    .out = { { MACH_ARG_STRING, 20 }, { MACH_ARG_BYTES, 100 } },
                    .serve = calc_echo },
    [CALC_SWAP] = { .name = "swap",
                    .in = { { .kind = MACH_ARG_SEND }, { .kind = MACH_ARG_MEMORY } },
                    .out = { { .kind = MACH_ARG_SEND }, { .kind = MACH_ARG_MEMORY } },
                    .serve = calc_swap },
    [CALC_FAIL] = { .name = "fail",
                    .in = { { .kind = MACH_ARG_RECEIVE }, { .kind = MACH_ARG_MEMORY } },
                    .out = { { .kind = MACH_ARG_WORD } },
                    .serve = calc_fail },
    [CALC_LATER] = { .name = "later", .out = { { .kind = MACH_ARG_WORD } }, .serve = calc_later },
    [CALC_TELL] = { .name = "tell",
                    .simple = true,
                    .in = { { .kind = MACH_ARG_WORD } },
                    .serve = calc_tell },
    [CALC_STOP] = { .name = "stop", .serve = calc_stop },
};
static const struct mach_subsystem calc_table = { "calc", 500, 8, calc_routines };
/* What a client believes that is wrong. */
static const struct mach_routine wrong_routines[] = {
    [CALC_ADD] = { .in = { { .kind = MACH_ARG_SEND }, { .kind = MACH_ARG_WORD } },
                   .out = { { .kind = MACH_ARG_WORD } } },
    [CALC_ECHO] = { .in = { { MACH_ARG_STRING, 20 }, { MACH_ARG_BYTES, 100 } },
                    .out = { { .kind = MACH_ARG_WORD }, { MACH_ARG_BYTES, 100 } } },
    [CALC_SWAP] = { .in = { { .kind = MACH_ARG_SEND }, { .kind = MACH_ARG_MEMORY } },
                    .out = { { .kind = MACH_ARG_SEND } } },
    [CALC_HOLE] = { .in = { { .kind = MACH_ARG_MEMORY }, { .kind = MACH_ARG_RECEIVE } },
                    .out = { { .kind = MACH_ARG_WORD } } },
    [CALC_FAIL] = { .in = { { .kind = MACH_ARG_RECEIVE } }, .out = { { .kind = MACH_ARG_WORD } } },
};
static const struct mach_subsystem wrong_table = { "calc", 500, 8, wrong_routines };

static int32_t calc_call(const struct mach_subsystem *sub, uint32_t number, struct mach_value *in,
                         struct mach_value *out)
{
    struct waits *x = calc.b->x;
    mach_values_init(out, MACH_ARGS_MAX);
    int32_t r = mach_call(x->w.t[0], sub, number, x->to, calc.reply, in, out);
    god(&x->w);
    return r;
}

static void calc_serve(struct bulk *b)
{
    static const struct mach_subsystem *const all[] = { &calc_table, NULL };
    calc.server = (struct mach_server){ .task = b->x->w.t[1], .subsystems = all, .arg = &calc };
    cr_assert_eq(mach_msg_server(&calc.server, b->x->in), MACH_MSG_SUCCESS);
    calc.ended = true;
}

static void text(struct mach_value *v, const char *s)
{
    rope_add_bytes(&v->data, s, strlen(s));
}

static void calc_client(struct bulk *b)
{
    struct mach_value in[MACH_ARGS_MAX], out[MACH_ARGS_MAX];
    struct mach_task *t = b->x->w.t[0];
    mach_values_init(in, MACH_ARGS_MAX);
    calc.reply = new_port(t);
    in[0].word = 0x80000001;
    in[1].word = 41;
    cr_assert_eq(calc_call(&calc_table, CALC_ADD, in, out), KERN_SUCCESS);
    cr_assert_eq(out[0].word, 0x8000002a);
    text(&in[0], "hello");
    text(&in[1], "there, twice");
    cr_assert_eq(calc_call(&calc_table, CALC_ECHO, in, out), KERN_SUCCESS);
    cr_assert(out[0].data.length == 5 && out[1].data.length == 12);
    mach_values_fini(out, MACH_ARGS_MAX);
    mach_name mine = new_port(t);
    in[0].name = mine;
    in[0].disposition = MACH_MAKE_SEND;
    in[1].address = BULK + 5;
    in[1].bytes = 3000;
    cr_assert_eq(calc_call(&calc_table, CALC_SWAP, in, out), KERN_SUCCESS);
    cr_assert_eq(out[0].name, mine);
    cr_assert_eq(type_of(t, mine), MACH_TYPE_RECEIVE | MACH_TYPE_SEND);
    cr_assert_eq(vm_load_u8(b->space[0], out[1].address + 2999), pattern_byte(7, 3004));
    cr_assert(mach_vm_deallocate(t, out[1].address));
    cr_assert_not(mach_vm_deallocate(t, out[1].address));
    cr_assert_eq(mach_port_deallocate(t, mine), KERN_SUCCESS);
    in[0].name = mine;
    in[0].disposition = MACH_MOVE_RECEIVE;
    cr_assert_eq(calc_call(&calc_table, CALC_FAIL, in, out), 77);
    cr_assert_eq(type_of(t, mine), 0, "it was destroyed there");
    in[0].word = 5;
    cr_assert_eq(calc_call(&calc_table, CALC_TELL, in, out), KERN_SUCCESS);
}

static void calc_wrong(struct bulk *b)
{
    struct mach_value in[MACH_ARGS_MAX], out[MACH_ARGS_MAX];
    struct mach_task *t = b->x->w.t[0];
    mach_name mine = new_port(t), gone = new_port(t);
    mach_values_init(in, MACH_ARGS_MAX);
    in[0].name = mine;
    in[0].disposition = MACH_MAKE_SEND;
    cr_assert_eq(calc_call(&wrong_table, CALC_ADD, in, out), MIG_BAD_ARGUMENTS);
    cr_assert_eq(calc_call(&wrong_table, CALC_ECHO, in, out), MIG_TYPE_ERROR);
    in[1].address = BULK;
    in[1].bytes = 9;
    cr_assert_eq(calc_call(&wrong_table, CALC_SWAP, in, out), MIG_TYPE_ERROR);
    cr_assert_eq(type_of(t, mine), MACH_TYPE_RECEIVE, "what came was destroyed");
    in[0].address = BULK;
    in[0].bytes = 9;
    in[1].name = gone;
    in[1].disposition = MACH_MOVE_RECEIVE;
    cr_assert_eq(calc_call(&wrong_table, CALC_HOLE, in, out), MIG_BAD_ID);
    cr_assert_eq(type_of(t, gone), 0);
    in[0].name = mine;
    in[0].disposition = MACH_MOVE_RECEIVE;
    cr_assert_eq(calc_call(&wrong_table, CALC_FAIL, in, out), MIG_BAD_ARGUMENTS);
    cr_assert_eq(type_of(t, mine), 0);
    /* An old message in the place of the reply. */
    cr_assert_eq(say(t, calc.reply, MACH_MAKE_SEND, 0, 0, 9), MACH_MSG_SUCCESS);
    cr_assert_eq(calc_call(&calc_table, CALC_ADD, in, out), MIG_REPLY_MISMATCH);
    struct mach_msg msg;
    mach_msg_init(&msg);
    cr_assert_eq(mach_msg(t, &msg, MACH_RCV_MSG, calc.reply, 0, 0), MACH_MSG_SUCCESS);
    mach_msg_destroy(t, &msg);
}

static void calc_waits(struct bulk *b)
{
    struct mach_value in[1], out[MACH_ARGS_MAX];
    mach_values_init(in, 1);
    b->result = (enum mach_msg_return)calc_call(&calc_table, CALC_LATER, in, out);
    b->at = out[0].word;
}

static void calc_answers(struct bulk *b)
{
    struct mach_msg msg;
    uint8_t words[2][4] = { { 0, 0, 0, 0 }, { 0, 0, 1, 2 } };
    mach_msg_init(&msg);
    msg.remote = calc.late;
    msg.remote_disp = MACH_MOVE_SEND_ONCE;
    msg.id = 500 + CALC_LATER + 100;
    for (int i = 0; i < 2; i++) {
        struct rope r;
        rope_init(&r);
        rope_add_bytes(&r, words[i], 4);
        mach_msg_add(&msg, MACH_TYPE_INTEGER_32, &r);
    }
    cr_assert_eq(mach_msg(b->x->w.t[1], &msg, MACH_SEND_MSG, 0, 0, 0), MACH_MSG_SUCCESS);
}

static void calc_forgets(struct bulk *b)
{
    cr_assert_eq(mach_port_deallocate(b->x->w.t[1], calc.late), KERN_SUCCESS);
}

static void calc_stops(struct bulk *b)
{
    struct mach_value out[MACH_ARGS_MAX];
    (void)b;
    cr_assert_eq(calc_call(&calc_table, CALC_STOP, NULL, out), KERN_SUCCESS);
}

static void calc_nobody(struct bulk *b)
{
    struct mach_value in[2], out[MACH_ARGS_MAX];
    mach_values_init(in, 2);
    cr_assert_eq(mach_port_destroy(b->x->w.t[1], b->x->in), KERN_SUCCESS);
    cr_assert_eq(calc_call(&calc_table, CALC_ADD, in, out), (int32_t)MACH_SEND_INVALID_DEST);
}

Test(mach, typed_procedures_are_called_and_nothing_is_left_of_what_does_not_fit)
{
    struct bulk *b = bulk_start();
    memset(&calc, 0, sizeof calc);
    calc.b = b;
    bulk_in(b, 1, calc_serve);
    bulk_in(b, 0, calc_client);
    cr_assert_eq(calc.told, 5);
    uint64_t ports = mach_ports(b->x->w.m);
    cr_assert_eq(ports, 2, "the server's and that for replies");
    bulk_in(b, 0, calc_wrong);
    cr_assert_eq(mach_ports(b->x->w.m), ports, "STUB1");
    cr_assert_eq(mach_messages(b->x->w.m), 0, "STUB1");
    cr_assert_eq(b->x->w.t[1]->names, 1, "STUB1");
    cr_assert_null(vm_region_next(b->space[1], NULL), "STUB1: memory of the server");
    cr_assert_eq(vm_region_at(b->space[0], BULK), vm_region_next(b->space[0], NULL), "STUB1");
    bulk_in(b, 0, calc_waits);
    bulk_in(b, 1, calc_answers);
    cr_assert_eq((int32_t)b->result, KERN_SUCCESS);
    cr_assert_eq(b->at, 0x102);
    bulk_in(b, 0, calc_waits);
    bulk_in(b, 1, calc_forgets);
    cr_assert_eq((int32_t)b->result, MIG_SERVER_DIED);
    cr_assert_not(calc.ended);
    bulk_in(b, 0, calc_stops);
    cr_assert(calc.ended);
    bulk_in(b, 0, calc_nobody);
    world_end(&b->x->w);
}

/* ---- the name service ---- */

static uint64_t mix(struct world *w, uint64_t below)
{
    w->random += 0x9e3779b97f4a7c15u;
    uint64_t z = w->random;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return (z ^ z >> 31) % below;
}

#define NAMES_PORTS 6
#define NAMES_NAMES 5

/* The oracle: who has checked in which port under which name, and which ports live. */
static struct named {
    struct waits *x;
    struct netname *server;
    struct netname_user user[2];
    mach_name port[2][NAMES_PORTS]; /* receive rights of each task; 0: dead */
    struct {
        int task, port, signature; /* -1: nobody */
    } of[NAMES_NAMES];
    uint64_t random, found, refused, removed;
} named;

static uint64_t named_mix(uint64_t below)
{
    struct world w = { .random = named.random };
    uint64_t r = mix(&w, below);
    named.random = w.random;
    return r;
}

static const char *a_name(uint64_t i, bool loud)
{
    static const char *const quiet[] = { "printer", "x", "mail.root", "the name of a port", "y" };
    static const char *const upper[] = { "PRINTER", "X", "Mail.Root", "THE name of a port", "Y" };
    return loud ? upper[i] : quiet[i];
}

static void named_dies(int task, int port)
{
    cr_assert_eq(mach_port_destroy(named.x->w.t[task], named.port[task][port]), KERN_SUCCESS);
    named.port[task][port] = MACH_PORT_NULL;
    for (int i = 0; i < NAMES_NAMES; i++)
        if (named.of[i].task == task &&
            (named.of[i].port == port || named.of[i].signature == port)) {
            named.of[i].task = -1;
            named.removed++;
        }
}

static void named_check_in(int task, uint64_t i, int port, int signature)
{
    bool other =
        named.of[i].task >= 0 && (named.of[i].task != task || named.of[i].signature != signature);
    int32_t r =
        netname_check_in(&named.user[task], a_name(i, named_mix(2)), named.port[task][signature],
                         MACH_MAKE_SEND, named.port[task][port], MACH_MAKE_SEND);
    cr_assert_eq(r, other ? NETNAME_NOT_YOURS : KERN_SUCCESS);
    named.refused += other;
    if (other)
        return;
    named.of[i].task = task;
    named.of[i].port = port;
    named.of[i].signature = signature;
}

static void named_check_out(int task, uint64_t i, int signature)
{
    int32_t r = netname_check_out(&named.user[task], a_name(i, named_mix(2)),
                                  named.port[task][signature], MACH_MAKE_SEND);
    bool mine = named.of[i].task == task && named.of[i].signature == signature;
    cr_assert_eq(r, named.of[i].task < 0 ? NETNAME_NOT_CHECKED_IN
                    : mine               ? KERN_SUCCESS
                                         : NETNAME_NOT_YOURS);
    if (mine)
        named.of[i].task = -1;
}

static void named_look_up(int task, uint64_t i)
{
    mach_name got;
    struct mach_task *t = named.x->w.t[task];
    int32_t r =
        netname_look_up(&named.user[task], named_mix(2) ? "" : "0", a_name(i, named_mix(2)), &got);
    int owner = named.of[i].task;
    cr_assert_eq(r, owner < 0 ? NETNAME_NOT_CHECKED_IN : KERN_SUCCESS);
    if (owner < 0)
        return;
    named.found++;
    mach_name port = named.port[owner][named.of[i].port];
    cr_assert_eq(mach_entry_at(t, got)->u.port, mach_entry_at(named.x->w.t[owner], port)->u.port,
                 "NETNAME1");
    cr_assert_eq(mach_port_deallocate(t, got), KERN_SUCCESS);
}

static void named_random(void *arg)
{
    struct world *w = &named.x->w;
    (void)arg;
    for (int i = 0; i < 2; i++)
        cr_assert_eq(netname_open(&named.user[i], w->t[i]), KERN_SUCCESS);
    for (uint64_t n = sample(NULL, 4000); n > 0; n--) {
        int task = (int)named_mix(2), port = (int)named_mix(NAMES_PORTS);
        int signature = (int)named_mix(NAMES_PORTS);
        uint64_t i = named_mix(NAMES_NAMES), what = named_mix(10);
        if (named.port[task][port] == 0)
            named.port[task][port] = new_port(w->t[task]);
        if (named.port[task][signature] == 0)
            named.port[task][signature] = new_port(w->t[task]);
        if (what == 0)
            named_dies(task, port);
        else if (what < 4)
            named_check_in(task, i, port, signature);
        else if (what < 5)
            named_check_out(task, i, signature);
        else
            named_look_up(task, i);
        god(w);
    }
    cr_assert(sample_one_in() > 1 ||
              (named.found > 200 && named.refused > 100 && named.removed > 100));
}

/* All has gone when nobody has a name any more: no right of anybody's stays with the server. */
static void named_end(void *arg)
{
    (void)arg;
    for (int task = 0; task < 2; task++)
        for (int i = 0; i < NAMES_PORTS; i++)
            if (named.port[task][i])
                named_dies(task, i);
    mach_name got;
    cr_assert_eq(netname_look_up(&named.user[0], "", "x", &got), NETNAME_NOT_CHECKED_IN);
    cr_assert_eq(netname_count(named.server), 0);
}

static void named_codes(void *arg)
{
    char version[NETNAME_BYTES + 1];
    mach_name p = named.port[0][0] = new_port(named.x->w.t[0]), got;
    struct netname_user *u = &named.user[0];
    (void)arg;
    cr_assert_eq(netname_open(u, named.x->w.t[0]), KERN_SUCCESS);
    cr_assert_eq(netname_version(u, version), KERN_SUCCESS);
    cr_assert_str_eq(version, "Simple Name Service 3.0");
    cr_assert_eq(netname_look_up(u, "1", "x", &got), NETNAME_NO_SUCH_HOST);
    cr_assert_eq(netname_look_up(u, "ernie", "x", &got), NETNAME_NO_SUCH_HOST);
    cr_assert_eq(netname_look_up(u, "", "x", &got), NETNAME_NOT_CHECKED_IN);
    cr_assert_eq(netname_check_in(u, "x", p, MACH_MAKE_SEND, MACH_PORT_DEAD, MACH_COPY_SEND),
                 NETNAME_INVALID_PORT);
    cr_assert_eq(netname_check_in(u, "x", MACH_PORT_NULL, MACH_COPY_SEND, p, MACH_MAKE_SEND),
                 NETNAME_INVALID_PORT);
    for (uint64_t i = 0; i < 3; i++)
        cr_assert_eq(netname_check_in(u, a_name(i, false), p, MACH_MAKE_SEND, p, MACH_MAKE_SEND),
                     i < 2 ? KERN_SUCCESS : KERN_NO_SPACE);
    netname_close(u);
    cr_assert_eq(named.x->w.t[0]->names, 2, "the port, and a dead name");
}

static void names_world(uint32_t limit)
{
    memset(&named, 0, sizeof named);
    named.x = waits_start();
    mach_task_terminate(named.x->w.t[1]); /* one thread speaks for both */
    named.x->w.t[1] = mach_task_create(named.x->w.m, named.x->w.ports[0]);
    named.random = 5;
    for (int i = 0; i < NAMES_NAMES; i++)
        named.of[i].task = -1;
    named.server = netname_start(named.x->w.m, named.x->w.kernel, limit);
    cr_assert_not_null(named.server);
}

Test(mach, names_are_there_while_their_ports_live_and_belong_to_whom_checked_them_in)
{
    names_world(0);
    struct world *w = &named.x->w;
    uint64_t ports = mach_ports(w->m);
    spawn(named.x, 0, named_random, NULL);
    fake_run(w->f, 0);
    spawn(named.x, 0, named_end, NULL);
    fake_run(w->f, 0);
    god(w);
    cr_assert_eq(mach_ports(w->m), ports + 2, "those for replies");
    cr_assert_eq(named.server->task->names, 3, "two ports and their set");
    cr_assert_eq(mach_messages(w->m), 0);
}

Test(mach, what_the_name_server_refuses)
{
    names_world(2);
    struct world *w = &named.x->w;
    spawn(named.x, 0, named_codes, NULL);
    fake_run(w->f, 0);
    god(w);
}

/* ---- many ---- */

static void many(struct world *w)
{
    uint32_t count = (uint32_t)sample("MACH_PORTS", 20000);
    uint64_t before = port_heap_bytes(w->kernel);
    for (uint32_t i = 0; i < count; i++)
        new_port(w->t[0]);
    uint64_t each = (port_heap_bytes(w->kernel) - before) / count;
    cr_assert_lt(each, 200, "%lu bytes a port", (unsigned long)each);
    mach_task_terminate(w->t[0]);
    w->t[0] = NULL;
    cr_assert_eq(mach_ports(w->m), 0);
}

Test(mach, a_port_costs_less_than_200_bytes)
{
    in_world(many);
}

/* ---- random runs ---- */

/* Few enough that they meet. */
static mach_name chosen_name(struct world *w)
{
    return (mach_name)mix(w, 20) << 8 | (mach_name)mix(w, 4) << 24 | (mach_name)mix(w, 3);
}

/* A name in use, mostly. */
static mach_name any_name(struct world *w, const struct mach_task *t)
{
    uint32_t which = 0;
    while (w->t[which] != t)
        which++;
    uint32_t count = model_names(w->model, which);
    if (count == 0 || mix(w, 30) == 0)
        return mix(w, 2) ? chosen_name(w) : (mach_name)mix(w, 4000);
    return model_name_at(w->model, which, (uint32_t)mix(w, count)).name;
}

/* One that may be sent to, rather. */
static mach_name any_dest(struct world *w, struct mach_task *t, uint32_t *d)
{
    for (int tries = 0; tries < 12; tries++) {
        mach_name name = any_name(w, t);
        const struct mach_entry *e = mach_entry_at(t, name);
        uint8_t rights = e ? e->rights : 0;
        if (rights & BIT(MACH_RIGHT_SEND))
            *d = mix(w, 4) ? MACH_COPY_SEND : MACH_MOVE_SEND;
        else if (rights & BIT(MACH_RIGHT_RECEIVE))
            *d = mix(w, 2) ? MACH_MAKE_SEND : MACH_MAKE_SEND_ONCE;
        else if (rights & BIT(MACH_RIGHT_SEND_ONCE))
            *d = MACH_MOVE_SEND_ONCE;
        else
            continue;
        return name;
    }
    *d = MACH_COPY_SEND;
    return any_name(w, t);
}

/* ---- memory of the random runs, which messages take, and that is written before and after ---- */

static struct model_region *any_region(struct world *w, uint32_t which)
{
    uint32_t count = model_regions(w->model, which);
    return count ? model_region_at(w->model, which, (uint32_t)mix(w, count)) : NULL;
}

static void drop_region(struct world *w, uint32_t which, uint64_t address)
{
    struct vm_region *r = vm_region_at(w->spaces[which], address);
    cr_assert_eq(vm_region_base(r), address);
    cr_assert(vm_remove(r));
    model_unmap(w->model, which, address);
}

static void write_some(struct world *w, uint32_t which, struct model_region *r)
{
    for (uint64_t n = 1 + mix(w, 4); n > 0; n--) {
        uint64_t at = mix(w, r->length);
        r->bytes[at] = (uint8_t)mix(w, 256);
        vm_store_u8(w->spaces[which], r->address + at, r->bytes[at]);
    }
}

static void random_memory(struct world *w, uint32_t which)
{
    struct model_region *r = any_region(w, which);
    uint64_t where = 0x100000 + mix(w, 64) * 4096, length = MODEL_PAGE * (1 + mix(w, 5));
    if (r && (mix(w, 3) || model_regions(w->model, which) > 6)) {
        if (mix(w, 8) == 0 || model_regions(w->model, which) > 6)
            drop_region(w, which, r->address);
        else
            write_some(w, which, r);
    } else if (vm_map(w->spaces[which], where, length, VM_WRITE, &vm_pager_zero, NULL)) {
        write_some(w, which, model_map(w->model, which, where, length));
    }
}

static void random_item(struct world *w, uint32_t which, struct mach_msg *msg)
{
    struct model_region *r = any_region(w, which);
    uint64_t address = r ? r->address : 0, length = r ? r->length : 1;
    bool whole = mix(w, 2);
    if (!whole) {
        address += mix(w, length);
        length = mix(w, (length < 5 * MODEL_PAGE ? length : 5 * MODEL_PAGE) + 10);
    }
    mach_msg_add_memory(msg, MACH_TYPE_BYTE, address, length, whole ? mix(w, 2) : mix(w, 30) == 0);
}

static void compare_memory(struct world *w)
{
    for (uint32_t i = 0; i < TASKS; i++)
        for (uint32_t j = 0; j < model_regions(w->model, i); j++) {
            const struct model_region *r = model_region_at(w->model, i, j);
            uint8_t got[16 * MODEL_PAGE];
            cr_assert_leq(r->length, sizeof got);
            cr_assert(vm_read(w->spaces[i], r->address, got, r->length));
            cr_assert_arr_eq(got, r->bytes, r->length, "COW1");
        }
}

/* The task's names are the model's, and so is what its ports say now and then. */
static void compare(struct world *w)
{
    bool all = mix(w, 16) == 0;
    for (uint32_t i = 0; i < TASKS; i++) {
        struct mach_task *t = w->t[i];
        cr_assert_eq(t->names, model_names(w->model, i));
        for (uint32_t j = 0; j < t->names; j++) {
            struct model_name n = model_name_at(w->model, i, j);
            const struct mach_entry *e = mach_entry_at(t, n.name);
            cr_assert_not_null(e);
            uint32_t type = mach_entry_type(e);
            if (type & (MACH_TYPE_SEND | MACH_TYPE_SEND_ONCE) && e->u.port->dead)
                type = (type & MACH_TYPE_MAREQUEST) | MACH_TYPE_DEAD_NAME; /* if it is looked up */
            cr_assert_eq(type, n.type, "name %#x is %#x, should be %#x", n.name, type, n.type);
            if (type & MACH_TYPE_SEND || e->rights & BIT(MACH_RIGHT_DEAD_NAME))
                cr_assert_eq(e->urefs, n.refs, "%u references, should be %u", e->urefs, n.refs);
            if (!all || !(type & MACH_TYPE_RECEIVE))
                continue;
            struct mach_status is, should = model_status(w->model, i, n.name);
            cr_assert_eq(mach_port_get_status(w->t[i], n.name, &is), KERN_SUCCESS);
            cr_assert(is.set == should.set && is.seqno == should.seqno &&
                          is.make_send == should.make_send && is.qlimit == should.qlimit &&
                          is.messages == should.messages && is.senders == should.senders &&
                          is.send_once == should.send_once && is.no_senders == should.no_senders &&
                          is.destroyed == should.destroyed,
                      "the port %#x says another than the model", n.name);
        }
    }
    cr_assert_eq(w->m->messages, model_messages(w->model));
    if (all)
        compare_memory(w);
}

/* A receive right, rather. */
static mach_name any_notify(struct world *w, struct mach_task *t)
{
    mach_name name = mix(w, 30) ? any_name(w, t) : MACH_PORT_NULL;
    for (int tries = 0; tries < 12; tries++) {
        const struct mach_entry *e = mach_entry_at(t, name);
        if (e && e->rights & BIT(MACH_RIGHT_RECEIVE))
            break;
        name = any_name(w, t);
    }
    return name;
}

static void random_send(struct world *w, uint32_t which)
{
    struct mach_task *t = w->t[which];
    struct mach_msg msg;
    mach_msg_init(&msg);
    msg.remote = any_dest(w, t, &msg.remote_disp);
    if (mix(w, 2))
        msg.local = any_dest(w, t, &msg.local_disp);
    for (uint64_t i = mix(w, 3); i > 0; i--) {
        mach_name names[3];
        uint32_t d = MACH_MOVE_RECEIVE + (uint32_t)mix(w, 6), count = (uint32_t)mix(w, 3);
        for (uint32_t j = 0; j < count; j++) {
            uint32_t fits;
            names[j] = any_dest(w, t, &fits);
            if (j == 0 && mix(w, 4) && d != MACH_MOVE_RECEIVE)
                d = fits;
        }
        mach_msg_add_rights(t, &msg, (enum mach_disposition)d, names, count);
    }
    if (mix(w, 3) == 0 && msg.item_count < MACH_ITEMS_MAX) {
        struct rope data;
        rope_init(&data);
        rope_add_pattern(&data, w->random, 0, mix(w, 50));
        mach_msg_add(&msg, mix(w, 20) ? MACH_TYPE_BYTE : (enum mach_data)(MACH_TYPE_STRING + 1),
                     &data);
    }
    if (mix(w, 3) == 0)
        random_item(w, which, &msg);
    unsigned options = (mix(w, 2) ? MACH_SEND_NOTIFY : 0) | (mix(w, 6) ? 0 : MACH_SEND_CANCEL);
    msg.notify = any_notify(w, t);
    struct model_before *before = model_copy(&msg);
    enum mach_msg_return r = mach_msg(t, &msg, MACH_SEND_MSG | POLL | options, 0, 0, 0);
    cr_assert_eq(r, model_send(w->model, which, options, before, &msg), "send: %#x", r);
    w->forced += r == MACH_SEND_WILL_NOTIFY;
    mach_msg_fini(t, &msg);
}

static void random_receive(struct world *w, uint32_t which)
{
    struct mach_task *t = w->t[which];
    struct mach_msg msg;
    mach_msg_init(&msg);
    for (int tries = 0; tries < 6; tries++) {
        mach_name name = any_name(w, t);
        uint32_t limit = mix(w, 10) ? 0 : 40, large = mix(w, 2) ? MACH_RCV_LARGE : 0;
        large |= mix(w, 3) ? 0 : MACH_RCV_NOTIFY;
        msg.notify = any_notify(w, t);
        enum mach_msg_return r = mach_msg(t, &msg, MACH_RCV_MSG | POLL | large, name, limit, 0);
        cr_assert_eq(r, model_receive(w->model, which, large, name, limit, &msg), "receive: %#x",
                     r);
        if (r == MACH_MSG_SUCCESS)
            break;
    }
    mach_msg_fini(t, &msg);
}

static void random_request(struct world *w, uint32_t which, mach_name name)
{
    static const enum mach_notification ids[] = { MACH_NOTIFY_NO_SENDERS, MACH_NOTIFY_DEAD_NAME,
                                                  MACH_NOTIFY_PORT_DESTROYED };
    struct mach_task *t = w->t[which];
    enum mach_notification id = ids[mix(w, 3)];
    uint32_t sync = (uint32_t)mix(w, 3);
    mach_name to = mix(w, 6) ? any_name(w, t) : 0, previous;
    enum mach_disposition d = mix(w, 3) ? MACH_MAKE_SEND_ONCE : MACH_MOVE_SEND_ONCE;
    enum kern_return kr = mach_port_request_notification(t, name, id, sync, to, d, &previous);
    cr_assert_eq(kr, model_request(w->model, which, name, id, sync, to, d, previous));
}

static enum mach_right any_right(struct world *w)
{
    return (enum mach_right)mix(w, MACH_RIGHT_COUNT + 1);
}

static void random_call(struct world *w, uint32_t which)
{
    struct mach_task *t = w->t[which];
    struct model *m = w->model;
    mach_name name = any_name(w, t), other = 0;
    enum kern_return is = KERN_SUCCESS, should = KERN_SUCCESS;
    enum mach_right right = any_right(w);
    uint64_t what = mix(w, 12);
    switch (what) {
    case 0:
        is = mach_port_allocate(t, right, &other);
        should = model_allocate(m, which, right, other);
        break;
    case 1: {
        int32_t delta = (int32_t)mix(w, 5) - 2;
        delta = mix(w, 50) ? delta : (int32_t)MACH_UREFS_MAX - 1;
        is = mach_port_mod_refs(t, name, right, delta);
        should = model_mod_refs(m, which, name, right, delta);
        break;
    }
    case 2:
        is = mach_port_deallocate(t, name);
        should = model_deallocate(m, which, name);
        break;
    case 3:
        if (mix(w, 4))
            break;
        is = mach_port_destroy(t, name);
        should = model_destroy(m, which, name);
        break;
    case 4: {
        uint32_t d = MACH_MOVE_RECEIVE + (uint32_t)mix(w, 6), to = (uint32_t)mix(w, TASKS);
        is = mach_port_give(t, name, (enum mach_disposition)d, w->t[to], &other);
        should = model_give(m, which, name, d, to, other);
        break;
    }
    case 5: {
        mach_name set = mix(w, 3) ? any_name(w, t) : MACH_PORT_NULL;
        is = mach_port_move_member(t, name, set);
        should = model_move_member(m, which, name, set);
        break;
    }
    case 6: {
        uint32_t limit = (uint32_t)mix(w, 18);
        is = mach_port_set_qlimit(t, name, limit);
        should = model_set_qlimit(m, which, name, limit);
        break;
    }
    case 9: {
        mach_name to = chosen_name(w);
        is = mach_port_rename(t, name, to);
        should = model_rename(m, which, name, to);
        break;
    }
    case 10:
        other = chosen_name(w);
        is = mach_port_allocate_name(t, right, other);
        should = model_allocate_name(m, which, right, other);
        break;
    case 11: {
        uint32_t d = MACH_MOVE_RECEIVE + (uint32_t)mix(w, 6), to = (uint32_t)mix(w, TASKS);
        other = mix(w, 4) ? chosen_name(w) : any_name(w, w->t[to]);
        is = mach_port_insert_right(w->t[to], other, t, name, (enum mach_disposition)d);
        should = model_insert(m, to, other, which, name, d);
        break;
    }
    default:
        random_request(w, which, name);
        break;
    }
    cr_assert_eq(is, should, "call %u of name %#x gave %d, should give %d", (unsigned)what, name,
                 is, should);
}

/* A port of one task to which another may send. */
static void random_pair(struct world *w, uint32_t which)
{
    uint32_t to = (uint32_t)mix(w, TASKS);
    mach_name name = 0, other = 0;
    enum kern_return kr = mach_port_allocate(w->t[which], MACH_RIGHT_RECEIVE, &name);
    cr_assert_eq(kr, model_allocate(w->model, which, MACH_RIGHT_RECEIVE, name));
    if (kr != KERN_SUCCESS)
        return;
    kr = mach_port_give(w->t[which], name, MACH_MAKE_SEND, w->t[to], &other);
    cr_assert_eq(kr, model_give(w->model, which, name, MACH_MAKE_SEND, to, other));
}

static void random_run(struct world *w)
{
    uint64_t events = sample("MACH_EVENTS", 60000);
    struct vm_params params = { .page = MODEL_PAGE };
    struct vm *vm = vm_create(w->kernel, &params);
    for (uint32_t i = 0; i < TASKS; i++) {
        w->spaces[i] = vm_space_create(vm, "random");
        mach_task_memory(w->t[i], w->spaces[i]);
    }
    for (uint64_t i = 0; i < events; i++) {
        uint32_t which = (uint32_t)mix(w, TASKS);
        struct mach_task *t = w->t[which];
        uint64_t what = mix(w, 100);
        if (mix(w, 500) == 0) {
            mach_task_terminate(t);
            model_terminate(w->model, which);
            while (model_regions(w->model, which) > 0)
                drop_region(w, which, model_region_at(w->model, which, 0)->address);
            w->t[which] = mach_task_create(w->m, w->ports[which]);
            mach_task_memory(w->t[which], w->spaces[which]);
        } else if (w->m->ports < 16 && what < 20) { /* there is something to do */
            random_pair(w, which);
        } else if (mix(w, 6) == 0) {
            random_memory(w, which);
        } else if (what < 30) {
            random_send(w, which);
        } else if (what < 60) {
            random_receive(w, which);
        } else {
            random_call(w, which);
        }
        god(w);
        compare(w);
    }
}

Test(mach, random_runs_conserve_rights_and_do_what_a_slow_model_does)
{
    for (uint64_t seed = 1; seed <= 2; seed++) {
        struct world w = { .random = seed, .names_max = seed == 2 ? 12 : 40 };
        w.model = model_new(w.names_max);
        world_run(&w, random_run);
        cr_assert(sample("MACH_EVENTS", 60000) < 60000 ||
                  (w.m->counts.received > 6000 && w.m->counts.rights > 4000 &&
                   w.m->counts.notified > 2000 && w.m->counts.full > 700 &&
                   w.m->counts.pages > 2000 && w.forced > 100));
        model_free(w.model);
        world_end(&w);
    }
}
