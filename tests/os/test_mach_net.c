/* test_mach_net.c: the seam between Mach's IPC and the net, seen from the net: a toy that notes
 * what it is told.
 */
#include <criterion/criterion.h>

#include "os/mach/mach_internal.h"
#include "os/xk/xobj.h"
#include "tests/fake/port_fake.h"

#define POLL (MACH_SEND_TIMEOUT | MACH_RCV_TIMEOUT)

struct toy {
    struct mach *m;
    struct mach_task *t;
    uint32_t numbers, no_locals, wants, deaths, gone, discards, rooms;
    bool full;
    struct list sent; /* struct mach_kmsg */
    void (*fn)(struct toy *toy);
};
static struct toy *the_toy;

static void *toy_start(struct xk_protl *self, struct mach *m)
{
    (void)self;
    list_init(&the_toy->sent);
    the_toy->m = m;
    return the_toy;
}
static uint64_t toy_uid(void *net)
{
    return MACH_UID(0, ++((struct toy *)net)->numbers);
}
static bool toy_room(void *net, struct mach_record *r, struct mach_kmsg *k)
{
    (void)r, (void)k;
    return !((struct toy *)net)->full;
}
static void toy_send(void *net, struct mach_record *r, struct mach_kmsg *k)
{
    cr_assert_eq(k->dest.port, r->port);
    list_push(&((struct toy *)net)->sent, &k->link);
}
#define NOTES(name, member)                                                                        \
    static void name(void *net, struct mach_record *r)                                             \
    {                                                                                              \
        (void)r;                                                                                   \
        ((struct toy *)net)->member++;                                                             \
    }
NOTES(toy_no_local, no_locals)
NOTES(toy_want, wants)
NOTES(toy_died, deaths)
NOTES(toy_gone, gone)
NOTES(toy_discard, discards)
NOTES(toy_queue_room, rooms)

static const struct mach_net_ops toy_ops = { .name = "toy",
                                             .record_size = 16,
                                             .start = toy_start,
                                             .new_uid = toy_uid,
                                             .room = toy_room,
                                             .send = toy_send,
                                             .no_local_senders = toy_no_local,
                                             .want_death = toy_want,
                                             .died = toy_died,
                                             .gone = toy_gone,
                                             .discard = toy_discard,
                                             .queue_room = toy_queue_room };

static void boot(struct port *p, void *arg)
{
    static const struct xk_protl_ops protl_ops = { .rights = &toy_ops };
    static struct xk_protl protl = { .ops = &protl_ops };
    struct toy *toy = arg;
    toy->m = mach_create(p, 0);
    mach_net_attach(toy->m, &protl);
    toy->t = mach_task_create(toy->m, port_task_create(p, "task", NULL, NULL));
}
static void in_kernel(struct port *p, void *arg)
{
    struct toy *toy = arg;
    (void)p;
    toy->fn(toy);
    for (struct list *it; (it = list_pop(&toy->sent)) != NULL;)
        mach_kmsg_spend(toy->m, LIST_ENTRY(it, struct mach_kmsg, link));
    mach_task_terminate(toy->t);
    for (struct list *it; (it = list_pop(&toy->sent)) != NULL;)
        mach_kmsg_spend(toy->m, LIST_ENTRY(it, struct mach_kmsg, link));
    cr_assert_eq(mach_ports(toy->m), 0);
    cr_assert_eq(mach_messages(toy->m), 0);
    cr_assert(list_empty(&toy->m->records));
}
static void with_toy(void (*fn)(struct toy *toy))
{
    struct toy toy = { .fn = fn };
    struct fake *f = fake_create(&(struct fake_options){ .nodes = 1 });
    the_toy = &toy;
    fake_boot(f, 0, boot, &toy);
    fake_run(f, 0);
    fake_call(f, 0, in_kernel, &toy);
    fake_destroy(f);
}

static mach_name new_port(struct toy *toy)
{
    mach_name name;
    cr_assert_eq(mach_port_allocate(toy->t, MACH_RIGHT_RECEIVE, &name), KERN_SUCCESS);
    return name;
}
static struct mach_port *port_of(struct toy *toy, mach_name name)
{
    return mach_entry_find(toy->t, name)->u.port;
}
/* The task gets a right to a port of another node. */
static mach_name name_of(struct toy *toy, struct mach_record *r, enum mach_held_kind kind)
{
    mach_name name;
    cr_assert(mach_copyout(toy->t, mach_net_got(r, kind), &name));
    return name;
}
static mach_name stranger(struct toy *toy, uint32_t number, enum mach_held_kind kind)
{
    struct mach_record *r = mach_record_find(toy->m, MACH_UID(7, number));
    bool fresh = r == NULL;
    if (fresh)
        r = mach_proxy_new(toy->m, MACH_UID(7, number));
    mach_name name = name_of(toy, r, kind);
    if (fresh)
        mach_record_put(r);
    return name;
}
static enum mach_msg_return say(struct toy *toy, mach_name to, uint32_t d, int32_t id)
{
    struct mach_msg msg;
    mach_msg_init(&msg);
    msg.remote = to;
    msg.remote_disp = d;
    msg.id = id;
    enum mach_msg_return r = mach_msg(toy->t, &msg, MACH_SEND_MSG | POLL, 0, 0, 0);
    mach_msg_fini(toy->t, &msg);
    return r;
}
/* The id of the message that is there; 0: none. */
static int32_t hear(struct toy *toy, mach_name from)
{
    struct mach_msg msg;
    mach_msg_init(&msg);
    enum mach_msg_return r = mach_msg(toy->t, &msg, MACH_RCV_MSG | POLL, from, 0, 0);
    mach_msg_fini(toy->t, &msg);
    return r == MACH_MSG_SUCCESS ? msg.id : 0;
}
static void ask(struct toy *toy, mach_name name, enum mach_notification id, mach_name to)
{
    mach_name old;
    cr_assert_eq(mach_port_request_notification(toy->t, name, id, 0, to, MACH_MAKE_SEND_ONCE, &old),
                 KERN_SUCCESS);
}
static struct mach_kmsg *taken(struct toy *toy)
{
    struct list *it = list_pop(&toy->sent);
    return it ? LIST_ENTRY(it, struct mach_kmsg, link) : NULL;
}

static void proxy_case(struct toy *toy)
{
    mach_name name = stranger(toy, 1, MACH_HELD_SEND);
    uint32_t refs;
    cr_assert_eq(stranger(toy, 1, MACH_HELD_SEND), name, "one name a task");
    cr_assert_eq(mach_port_get_refs(toy->t, name, MACH_RIGHT_SEND, &refs), KERN_SUCCESS);
    cr_assert_eq(refs, 2);
    cr_assert_eq(mach_record_sends(mach_record_of(port_of(toy, name))), 1);
    cr_assert_eq(say(toy, name, MACH_MAKE_SEND, 1), MACH_SEND_INVALID_DEST, "it cannot make one");
    cr_assert_eq(say(toy, name, MACH_COPY_SEND, 5), MACH_MSG_SUCCESS);
    struct mach_kmsg *k = taken(toy);
    cr_assert_eq(k->id, 5);
    cr_assert_eq(toy->no_locals, 0);
    mach_kmsg_spend(toy->m, k);
    cr_assert_eq(mach_port_deallocate(toy->t, name), KERN_SUCCESS);
    cr_assert_eq(toy->no_locals, 0);
    cr_assert_eq(mach_port_deallocate(toy->t, name), KERN_SUCCESS);
    cr_assert_eq(toy->no_locals, 1);
    cr_assert_eq(toy->gone, 1, "MNET2");
    name = stranger(toy, 2, MACH_HELD_ONCE); /* destroyed: a notification goes to the port */
    cr_assert_eq(mach_port_deallocate(toy->t, name), KERN_SUCCESS);
    k = taken(toy);
    cr_assert_eq(k->id, MACH_NOTIFY_SEND_ONCE);
    cr_assert_eq(toy->gone, 1);
    mach_kmsg_spend(toy->m, k);
    cr_assert_eq(toy->gone, 2);
    cr_assert_eq(toy->no_locals, 1, "there was no send right");
}
Test(mach_net, a_proxy_is_a_port_until_nobody_has_rights_to_it)
{
    with_toy(proxy_case);
}

static void room_case(struct toy *toy)
{
    mach_name name = stranger(toy, 1, MACH_HELD_SEND);
    toy->full = true;
    cr_assert_eq(say(toy, name, MACH_COPY_SEND, 5), MACH_SEND_TIMED_OUT);
    cr_assert_null(taken(toy));
    toy->full = false;
    cr_assert_eq(mach_port_deallocate(toy->t, name), KERN_SUCCESS); /* what it copied came back */
    cr_assert_eq(say(toy, name, MACH_MOVE_SEND, 6), MACH_MSG_SUCCESS);
    struct mach_kmsg *k = taken(toy);
    cr_assert_eq(toy->no_locals, 0, "the message has the last one");
    mach_kmsg_spend(toy->m, k);
    cr_assert_eq(toy->no_locals, 1);
    /* The same at home: the net asks, and is told. */
    name = new_port(toy);
    struct mach_record *r = mach_record_export(toy->m, port_of(toy, name));
    for (int32_t i = 0; i < (int32_t)MACH_QLIMIT_DEFAULT; i++) {
        cr_assert_not(mach_net_full(r));
        k = mach_kmsg_new(toy->m, 0);
        k->id = 10 + i;
        mach_net_deliver(r, MACH_HELD_SEND, k);
    }
    cr_assert(mach_net_full(r));
    cr_assert_eq(hear(toy, name), 10);
    cr_assert_eq(toy->rooms, 1);
    cr_assert_eq(hear(toy, name), 11);
    cr_assert_eq(toy->rooms, 1, "it was told once");
}
Test(mach_net, who_finds_no_room_is_told_of_it)
{
    with_toy(room_case);
}

static void lent_case(struct toy *toy)
{
    mach_name name = new_port(toy), box = new_port(toy);
    struct mach_record *r = mach_record_export(toy->m, port_of(toy, name));
    cr_assert_eq(mach_record_export(toy->m, port_of(toy, name)), r);
    cr_assert_eq(mach_record_find(toy->m, r->uid), r);
    mach_net_lent(r, 2, 1);
    ask(toy, name, MACH_NOTIFY_NO_SENDERS, box);
    cr_assert_eq(hear(toy, box), 0);
    mach_name again = name_of(toy, r, MACH_HELD_SEND); /* one comes home, and goes */
    cr_assert_eq(again, name);
    mach_net_lent(r, 1, 1);
    cr_assert_eq(mach_port_mod_refs(toy->t, name, MACH_RIGHT_SEND, -1), KERN_SUCCESS);
    cr_assert_eq(hear(toy, box), 0, "MNET3");
    struct mach_status s;
    cr_assert_eq(mach_port_get_status(toy->t, name, &s), KERN_SUCCESS);
    cr_assert(s.senders && s.send_once);
    mach_net_lent(r, 0, 1);
    cr_assert_eq(hear(toy, box), MACH_NOTIFY_NO_SENDERS);
    mach_net_lent(r, 0, 0);
    cr_assert_eq(hear(toy, box), 0);
    mach_net_once_lost(r);
    cr_assert_eq(hear(toy, name), MACH_NOTIFY_SEND_ONCE);
    mach_record_get(r);
    cr_assert_eq(mach_port_mod_refs(toy->t, name, MACH_RIGHT_RECEIVE, -1), KERN_SUCCESS);
    cr_assert_eq(toy->deaths, 1);
    cr_assert(mach_record_dead(r) && r->principal);
    cr_assert_eq(mach_net_got(r, MACH_HELD_SEND).kind, MACH_HELD_DEAD);
    cr_assert_eq(toy->gone, 0);
    mach_record_put(r);
    cr_assert_eq(toy->gone, 1);
}
Test(mach_net, no_senders_waits_for_what_is_lent)
{
    with_toy(lent_case);
}

static void death_case(struct toy *toy)
{
    mach_name box = new_port(toy), name = stranger(toy, 1, MACH_HELD_SEND);
    mach_name once = stranger(toy, 1, MACH_HELD_ONCE);
    uint32_t type;
    ask(toy, name, MACH_NOTIFY_DEAD_NAME, box);
    ask(toy, once, MACH_NOTIFY_DEAD_NAME, box);
    cr_assert_eq(toy->wants, 1, "the first alone");
    mach_net_kill(mach_record_find(toy->m, MACH_UID(7, 1)));
    cr_assert_eq(hear(toy, box), MACH_NOTIFY_DEAD_NAME);
    cr_assert_eq(hear(toy, box), MACH_NOTIFY_DEAD_NAME);
    cr_assert_eq(hear(toy, box), 0);
    cr_assert_eq(mach_port_type(toy->t, name, &type), KERN_SUCCESS);
    cr_assert_eq(type, MACH_TYPE_DEAD_NAME);
    cr_assert_eq(toy->no_locals, 0);
}
Test(mach_net, the_death_of_a_proxy_is_told_as_of_any_port)
{
    with_toy(death_case);
}

static void move_case(struct toy *toy)
{
    mach_name box = new_port(toy), name = new_port(toy), to = stranger(toy, 1, MACH_HELD_SEND);
    struct mach_port *port = port_of(toy, name);
    struct mach_record *r = mach_record_export(toy->m, port);
    cr_assert_eq(name_of(toy, r, MACH_HELD_SEND), name);
    ask(toy, name, MACH_NOTIFY_NO_SENDERS, box);
    cr_assert_eq(mach_port_set_qlimit(toy->t, name, 3), KERN_SUCCESS);
    cr_assert_eq(say(toy, name, MACH_COPY_SEND, 1), MACH_MSG_SUCCESS);
    struct mach_msg msg;
    mach_msg_init(&msg);
    msg.remote = to;
    msg.remote_disp = MACH_COPY_SEND;
    mach_msg_add_rights(toy->t, &msg, MACH_MOVE_RECEIVE, &name, 1);
    cr_assert_eq(mach_msg(toy->t, &msg, MACH_SEND_MSG | POLL, 0, 0, 0), MACH_MSG_SUCCESS);
    struct mach_kmsg *k = taken(toy);
    cr_assert_eq(mach_net_leave(&k->items[0].rights[0]), r);
    mach_kmsg_spend(toy->m, k);
    cr_assert_eq(say(toy, name, MACH_COPY_SEND, 2), MACH_MSG_SUCCESS, "it takes messages");
    struct mach_moved moved;
    mach_net_to_proxy(r, &moved);
    cr_assert(mach_is_proxy(port));
    cr_assert_eq(moved.qlimit, 3);
    cr_assert_eq(mach_record_sends(r), 1, "what was queued counts no more");
    moved.qlimit = 4; /* where it goes it could be another */
    cr_assert_eq(say(toy, name, MACH_COPY_SEND, 3), MACH_MSG_SUCCESS);
    k = taken(toy);
    cr_assert_eq(k->id, 3);
    mach_kmsg_spend(toy->m, k);
    /* And back, in a message. */
    k = mach_kmsg_new(toy->m, 1);
    k->items[0].type = MACH_PORT_RECEIVE;
    k->items[0].count = 1;
    k->items[0].rights = port_alloc(toy->m->port, sizeof(struct mach_held));
    k->items[0].rights[0] = mach_net_got(r, MACH_HELD_RECEIVE);
    mach_record_put(r); /* the net has no receive right any more */
    mach_net_deliver(mach_record_export(toy->m, port_of(toy, box)), MACH_HELD_SEND, k);
    mach_net_to_principal(r, &moved);
    mach_msg_init(&msg);
    cr_assert_eq(mach_msg(toy->t, &msg, MACH_RCV_MSG | POLL, box, 0, 0), MACH_MSG_SUCCESS);
    cr_assert_eq(msg.items[0].names[0], name);
    mach_msg_fini(toy->t, &msg);
    struct mach_status s;
    cr_assert_eq(mach_port_get_status(toy->t, name, &s), KERN_SUCCESS);
    cr_assert_eq(s.qlimit, 4);
    cr_assert_eq(hear(toy, name), 1);
    cr_assert_eq(hear(toy, name), 2);
    cr_assert_eq(hear(toy, name), 0);
    cr_assert_eq(mach_port_mod_refs(toy->t, name, MACH_RIGHT_SEND, -1), KERN_SUCCESS);
    cr_assert_eq(hear(toy, box), MACH_NOTIFY_NO_SENDERS, "the request has moved along");
    /* One that is destroyed before it has come. */
    r = mach_proxy_new(toy->m, MACH_UID(7, 9));
    mach_release(toy->m, mach_net_got(r, MACH_HELD_RECEIVE));
    cr_assert_eq(toy->discards, 1);
    mach_record_put(r);
}
Test(mach_net, a_receive_right_moves_with_its_queue_and_requests)
{
    with_toy(move_case);
}

static void special_case(struct toy *toy)
{
    mach_name name = new_port(toy), got;
    cr_assert_eq(mach_special_get(toy->t, 0, MACH_SPECIAL_NAMES, &got), KERN_FAILURE);
    cr_assert_eq(mach_special_set(toy->t, MACH_SPECIAL_HOST, name, MACH_MAKE_SEND),
                 KERN_INVALID_ARGUMENT);
    cr_assert_eq(mach_special_set(toy->t, MACH_SPECIAL_NAMES, name, MACH_MAKE_SEND), KERN_SUCCESS);
    cr_assert_eq(mach_special_get(toy->t, 0, MACH_SPECIAL_NAMES, &got), KERN_SUCCESS);
    cr_assert_eq(got, name);
    cr_assert_eq(mach_special_get(toy->t, 1, MACH_SPECIAL_NAMES, &got), KERN_INVALID_ARGUMENT);
    cr_assert_eq(mach_special_set(toy->t, MACH_SPECIAL_NAMES, 0, MACH_MAKE_SEND), KERN_SUCCESS);
    cr_assert_eq(mach_special_get(toy->t, 0, MACH_SPECIAL_NAMES, &got), KERN_FAILURE);
}
Test(mach_net, a_node_has_special_ports)
{
    with_toy(special_case);
}
