/* mach_eye.c: see mach_eye.h. */
#include "tests/os/mach_eye.h"

#include <criterion/criterion.h>
#include <stdio.h>

#define NONE EYE_PORTS

/* For code of threads, out of which Criterion's assertions cannot jump. */
#define SURE(condition, ...)                                                                       \
    do {                                                                                           \
        if (!(condition)) {                                                                        \
            fprintf(stderr, "%s:%d: %s: ", __FILE__, __LINE__, #condition);                        \
            fprintf(stderr, __VA_ARGS__);                                                          \
            fprintf(stderr, "\n");                                                                 \
            abort();                                                                               \
        }                                                                                          \
    } while (0)

uint64_t eye_random(struct eye *e, uint64_t below)
{
    e->random = e->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (e->random >> 33) % below;
}

bool eye_there(const struct eye *e, uint32_t node)
{
    return e->node[node].m && fake_up(e->r.f, node);
}

/* ---- which port is which ---- */

uint32_t eye_which(struct eye *e, uint32_t node, const struct mach_port *port)
{
    uint32_t life = port_incarnation(e->node[node].port);
    for (uint32_t i = 0; i < e->port_count; i++) {
        struct eye_port *p = &e->ports[i];
        if (port->record && p->uid == port->record->uid)
            return i;
        if (p->node == node && p->life == life && p->id == port->id) {
            if (port->record && !p->uid)
                p->uid = port->record->uid;
            return i;
        }
    }
    return NONE;
}

static uint32_t by_uid(struct eye *e, uint64_t uid)
{
    for (uint32_t i = 0; i < e->port_count; i++)
        if (e->ports[i].uid == uid)
            return i;
    return NONE;
}

/* ---- the count ---- */

struct here { /* a port of a node */
    const struct mach_port *port;
    uint32_t which;
    uint32_t receives, sends, onces, queued;
};
struct total { /* a port of all nodes */
    uint32_t receives, sends, onces, uses;
    const struct mach_port *home; /* a live principal */
    bool live;                    /* some port of it is not dead */
    bool unsure;                  /* a net does not know whether some have been used up */
};
struct look {
    struct eye *e;
    uint32_t node;
    struct here *at;
    uint32_t count, room;
    struct total total[EYE_PORTS + 1];
};

static struct here *here(struct look *l, const struct mach_port *port)
{
    for (uint32_t i = 0; i < l->count; i++)
        if (l->at[i].port == port)
            return &l->at[i];
    if (l->count == l->room) {
        l->room = l->room ? 2 * l->room : 64;
        l->at = realloc(l->at, l->room * sizeof *l->at);
    }
    l->at[l->count] = (struct here){ .port = port, .which = eye_which(l->e, l->node, port) };
    return &l->at[l->count++];
}

static void add_here(struct here *h, enum mach_held_kind kind)
{
    h->receives += kind == MACH_HELD_RECEIVE;
    h->sends += kind == MACH_HELD_SEND;
    h->onces += kind == MACH_HELD_ONCE;
}
static void add_total(struct total *t, enum mach_held_kind kind, bool dest)
{
    t->receives += kind == MACH_HELD_RECEIVE;
    t->sends += kind == MACH_HELD_SEND;
    t->onces += kind == MACH_HELD_ONCE && !dest;
    t->uses += kind == MACH_HELD_ONCE && dest;
}

static void see(struct look *l, const struct mach_port *port, enum mach_held_kind kind, bool dest)
{
    struct here *h = here(l, port);
    add_here(h, kind);
    if (!port->dead)
        add_total(&l->total[h->which], kind, dest);
}

static void see_held(struct look *l, struct mach_held h, bool dest)
{
    if (h.kind >= MACH_HELD_RECEIVE)
        see(l, h.port, h.kind, dest);
}

static void see_message(struct look *l, const struct mach_kmsg *k)
{
    see_held(l, k->dest, true);
    see_held(l, k->reply, false);
    for (uint32_t i = 0; i < k->item_count; i++)
        for (uint32_t j = 0; k->items[i].rights && j < k->items[i].count; j++)
            see_held(l, k->items[i].rights[j], false);
}

static void see_queue(struct look *l, const struct mach_queue *q)
{
    LIST_EACH (it, &q->messages) {
        const struct mach_kmsg *k = LIST_ENTRY(it, struct mach_kmsg, link);
        see_message(l, k);
        here(l, k->dest.port)->queued++;
    }
}

static void see_task(struct look *l, const struct mach_task *t)
{
    for (uint32_t i = 1; i < t->used; i++) {
        const struct mach_entry *x = &t->entries[i];
        if (x->rights & BIT(MACH_RIGHT_SEND))
            see(l, x->u.port, MACH_HELD_SEND, false);
        if (x->rights & BIT(MACH_RIGHT_SEND_ONCE))
            see(l, x->u.port, MACH_HELD_ONCE, false);
        if (x->rights & BIT(MACH_RIGHT_RECEIVE)) {
            see(l, x->u.port, MACH_HELD_RECEIVE, false);
            cr_assert_eq(x->u.port->receiver, t, "MACH1");
            cr_assert(!x->u.port->record || x->u.port->record->principal, "MACH1, MNET1");
        }
    }
    LIST_EACH (it, &t->waiters) {
        const struct mach_waiter *w = LIST_ENTRY(it, struct mach_waiter, of_task);
        if (w->kmsg)
            see_message(l, w->kmsg);
    }
    LIST_EACH (it, &t->asks)
        see_held(l, LIST_ENTRY(it, struct mach_special_ask, of_task)->got, false);
}

static void see_net(void *arg, const struct eye_right *r)
{
    struct look *l = arg;
    if (r->port)
        add_here(here(l, r->port), r->kind);
    if (!r->flying || (r->port && r->port->dead))
        return;
    uint32_t which = r->uid ? by_uid(l->e, r->uid) : eye_which(l->e, l->node, r->port);
    add_total(&l->total[which], r->kind, r->dest);
    l->total[which].unsure = l->total[which].unsure || r->unsure;
}

static void see_port(struct look *l, const struct mach_port *port)
{
    see_queue(l, &port->queue);
    if (port->no_senders)
        see(l, port->no_senders, MACH_HELD_ONCE, false);
    if (port->destroyed)
        see(l, port->destroyed, MACH_HELD_ONCE, false);
    LIST_EACH (it, &port->deaths)
        see(l, LIST_ENTRY(it, struct mach_request, link)->notify, MACH_HELD_ONCE, false);
}

/* What a node's ports say is what is there. */
static void check_here(struct look *l, const struct here *h)
{
    const struct mach_port *port = h->port;
    struct total *t = &l->total[h->which];
    bool proxy = mach_is_proxy(port);
    cr_assert_eq(h->sends, port->sends, "node %u, port %u: %u send rights, %u say", l->node,
                 h->which, h->sends, port->sends);
    cr_assert_eq(h->onces, port->onces, "node %u, port %u: %u send-once rights, %u say", l->node,
                 h->which, h->onces, port->onces);
    cr_assert_eq(h->queued, port->queued);
    cr_assert_not(port->no_senders && (port->dead || proxy), "MACH4");
    cr_assert_not(port->dead && !list_empty(&port->deaths), "MACH5");
    cr_assert(!proxy || (!port->receiver && !port->queued), "MNET1");
    t->live = t->live || !port->dead;
    if (!port->dead && !proxy) {
        cr_assert_null(t->home, "port %u has two principals", h->which);
        t->home = port;
    }
}

static void look_at(struct look *l, uint32_t node)
{
    struct mach *m = l->e->node[node].m;
    l->node = node;
    l->count = 0;
    LIST_EACH (it, &m->tasks)
        see_task(l, LIST_ENTRY(it, struct mach_task, link));
    for (uint32_t i = 0; i < MACH_SPECIALS; i++)
        see_held(l, m->special[i], false);
    l->e->net->held(l->e, node, see_net, l);
    LIST_EACH (it, &m->records)
        here(l, LIST_ENTRY(it, struct mach_record, link)->port);
    for (uint32_t i = 0; i < l->count; i++) /* grows while it is walked */
        see_port(l, l->at[i].port);
    for (uint32_t i = 0; i < l->count; i++)
        check_here(l, &l->at[i]);
    cr_assert_eq(l->count, m->ports, "node %u: %u ports are held, there are %lu", node, l->count,
                 (unsigned long)m->ports);
}

static void check_total(struct look *l, uint32_t which)
{
    struct eye_port *p = &l->e->ports[which];
    const struct total *t = &l->total[which];
    bool requested = t->home && t->home->no_senders;
    cr_assert(t->receives <= 1, "port %u: %u receive rights", which, t->receives);
    cr_assert(l->e->crashed || t->receives == 1 || !t->home,
              "port %u lives without a receive right", which);
    if (p->requested && !requested && t->home && t->receives == 1 && !t->home->dead)
        cr_assert(t->sends == 0 || l->e->crashed, "port %u: no senders, but %u send rights", which,
                  t->sends);
    p->requested = requested;
    if (t->home && t->receives == 1 && !l->e->crashed && !t->unsure)
        cr_assert_eq(p->onces_made, t->onces + t->uses + p->onces_used,
                     "port %u: %u send-once rights made, %u are there, %u under way, %u used",
                     which, p->onces_made, t->onces, t->uses, p->onces_used);
}

static void look_all(struct look *l, struct eye *e)
{
    *l = (struct look){ .e = e };
    for (uint32_t n = 0; n < e->nodes; n++) /* which uids there are */
        if (eye_there(e, n))
            LIST_EACH (it, &e->node[n].m->records)
                eye_which(e, n, LIST_ENTRY(it, struct mach_record, link)->port);
    for (uint32_t n = 0; n < e->nodes; n++)
        if (eye_there(e, n))
            look_at(l, n);
}

void eye_look(struct eye *e)
{
    static struct look l;
    look_all(&l, e);
    for (uint32_t i = 0; i < e->port_count; i++)
        check_total(&l, i);
    if (e->net->check)
        e->net->check(e);
    free(l.at);
}

/* ---- tasks ---- */

static void worker(void *arg)
{
    struct eye_task *k = arg;
    for (;;) {
        k->idle = true;
        while (!k->todo)
            port_thread_block(k->port, "command", 0);
        k->idle = false;
        k->todo(k);
        k->todo = NULL;
    }
}

static void on_end(void *arg)
{
    struct eye_task *k = arg;
    mach_task_crashed(k->t);
    k->t = NULL;
}

static void spawn(struct port *p, void *arg)
{
    struct eye_task *k = arg;
    (void)p;
    k->thread = port_thread_spawn(k->port, "worker", worker, k, PORT_THREAD_SERVICE);
}

static void task_new(struct eye_task *k)
{
    struct eye_node *n = &k->e->node[k->node];
    cr_assert_lt(k->e->sender_count, EYE_SENDERS);
    k->sender = k->e->sender_count++;
    k->port = port_task_create(n->port, "task", NULL, NULL);
    k->t = mach_task_create(n->m, k->port);
    k->todo = NULL;
    k->idle = false;
    port_task_on_end(k->port, on_end, k);
    if (!k->e->later)
        spawn(NULL, k);
}

static void wake(struct port *p, void *arg)
{
    struct eye_task *k = arg;
    (void)p;
    port_thread_wake(k->port, k->thread);
}

bool eye_do(struct eye_task *k, void (*todo)(struct eye_task *k))
{
    if (!k->t || k->todo || !k->idle)
        return false;
    k->todo = todo;
    fake_call(k->e->r.f, k->node, wake, k);
    return true;
}

mach_name eye_port_new(struct eye_task *k)
{
    struct eye *e = k->e;
    mach_name name;
    if (e->port_count == EYE_PORTS)
        return MACH_PORT_NULL;
    SURE(mach_port_allocate(k->t, MACH_RIGHT_RECEIVE, &name) == KERN_SUCCESS, "no port");
    e->ports[e->port_count++] = (struct eye_port){ .node = k->node,
                                                   .life = port_incarnation(e->node[k->node].port),
                                                   .id = mach_entry_find(k->t, name)->u.port->id };
    return name;
}

static uint32_t which_of(struct eye_task *k, mach_name name)
{
    struct mach_entry *x = mach_entry_find(k->t, name);
    if (!x || x->rights & (BIT(MACH_RIGHT_DEAD_NAME) | BIT(MACH_RIGHT_PORT_SET)))
        return NONE;
    return eye_which(k->e, k->node, x->u.port);
}

static void made_once(struct eye_task *k, mach_name name)
{
    uint32_t which = which_of(k, name);
    if (which < EYE_PORTS)
        k->e->ports[which].onces_made++;
}

enum mach_msg_return eye_send(struct eye_task *k, mach_name to, enum mach_disposition d,
                              const struct eye_give *gives, uint32_t count, sim_time timeout)
{
    struct eye *e = k->e;
    struct mach_msg msg;
    struct rope data;
    uint8_t head[16];
    uint32_t which = which_of(k, to), sender = k->sender;
    bool once = d == MACH_MOVE_SEND_ONCE || d == MACH_MAKE_SEND_ONCE, carries = false;
    mach_msg_init(&msg);
    msg.remote = to;
    msg.remote_disp = d;
    msg.id = 1;
    wire_put32(head, sender);
    wire_put32(head + 4, which);
    wire_put32(head + 8, once || which == NONE ? 0 : e->out[sender][which] + 1);
    wire_put32(head + 12, 0);
    rope_init(&data);
    rope_add_bytes(&data, head, sizeof head);
    if (eye_random(e, 8) == 0)
        rope_add_pattern(&data, sender, 0, 4 * eye_random(e, 2500));
    mach_msg_add(&msg, MACH_TYPE_BYTE, &data);
    if (d == MACH_MAKE_SEND_ONCE)
        made_once(k, to);
    for (uint32_t i = 0; i < count; i++) {
        carries = carries || gives[i].d == MACH_MOVE_RECEIVE;
        if (gives[i].d == MACH_MAKE_SEND_ONCE)
            made_once(k, gives[i].name);
        mach_msg_add_rights(k->t, &msg, gives[i].d, &gives[i].name, 1);
    }
    /* It counts from now on: it may be received before the call returns. */
    if (!once && which < EYE_PORTS) {
        e->out[sender][which]++;
        if (carries)
            e->carried[sender][which] |= UINT64_C(1) << e->out[sender][which] % 64;
    }
    enum mach_msg_return r = mach_msg(k->t, &msg, MACH_SEND_MSG | MACH_SEND_TIMEOUT, 0, 0, timeout);
    if (r != MACH_MSG_SUCCESS && !once && which < EYE_PORTS)
        e->out[sender][which]--; /* its thread sends nothing else meanwhile */
    mach_msg_fini(k->t, &msg);
    return r;
}

/* In order, and once. */
static void got_number(struct eye *e, uint32_t sender, uint32_t which, uint32_t serial)
{
    uint32_t *last = &e->in[sender][which];
    SURE(serial > *last, "port %u: message %u of sender %u after %u", which, serial, sender, *last);
    SURE(serial <= e->out[sender][which], "port %u: message %u of sender %u", which, serial,
         sender);
    for (uint32_t s = *last + 1; s < serial; s++) /* who would wait for themselves are destroyed */
        SURE(e->carried[sender][which] >> s % 64 & 1 || e->crashed,
             "port %u: message %u of sender %u is missing", which, s, sender);
    *last = serial;
}

enum mach_msg_return eye_receive(struct eye_task *k, mach_name from, struct mach_msg *msg,
                                 sim_time timeout)
{
    struct eye *e = k->e;
    uint32_t which = which_of(k, from);
    mach_msg_init(msg);
    enum mach_msg_return r = mach_msg(k->t, msg, MACH_RCV_MSG | MACH_RCV_TIMEOUT, from, 0, timeout);
    if (r != MACH_MSG_SUCCESS) {
        mach_msg_fini(k->t, msg);
        return r;
    }
    if (msg->local_disp == MACH_PORT_SEND_ONCE && which < EYE_PORTS)
        e->ports[which].onces_used++;
    if (msg->id == 1) {
        uint8_t head[16];
        rope_read(&msg->items[0].data, 0, sizeof head, head);
        uint32_t sender = wire_get32(head), serial = wire_get32(head + 8);
        uint64_t more = msg->items[0].data.length - sizeof head;
        struct rope bulk;
        SURE(wire_get32(head + 4) == which, "what was for %u came to %u", wire_get32(head + 4),
             which);
        if (serial)
            got_number(e, sender, which, serial);
        rope_init(&bulk);
        rope_add_pattern(&bulk, sender, 0, more);
        rope_drop_front(&msg->items[0].data, sizeof head);
        SURE(rope_equal(&bulk, &msg->items[0].data), "port %u: other bytes", which);
        rope_fini(&bulk);
    }
    return r;
}

/* ---- the actions of random runs ---- */

/* A name of the task that has one of these rights; of its special port only if that may be. */
static mach_name any_name(struct eye_task *k, uint8_t rights, bool special)
{
    uint32_t used = k->t->used, from = used ? (uint32_t)eye_random(k->e, used) : 0;
    for (uint32_t n = 0; n < used; n++) {
        uint32_t i = (from + n) % used;
        if (i == 0 || !k->t->entries[i].rights)
            continue;
        mach_name name = i << 8 | k->t->entries[i].generation;
        struct mach_entry *x = mach_entry_find(k->t, name); /* what has died is a dead name now */
        if (x && x->rights & rights &&
            (special || k->place != 0 || name != k->e->node[k->node].special))
            return name;
    }
    return MACH_PORT_NULL;
}

static uint8_t rights_of(struct eye_task *k, mach_name name)
{
    struct mach_entry *x = mach_entry_find(k->t, name);
    return x ? x->rights : 0;
}

static enum mach_disposition pick(struct eye_task *k, uint8_t rights, bool dest)
{
    uint64_t n = eye_random(k->e, 8);
    if (rights & BIT(MACH_RIGHT_SEND_ONCE))
        return MACH_MOVE_SEND_ONCE;
    if (rights & BIT(MACH_RIGHT_RECEIVE) && n < 2 && !dest)
        return MACH_MOVE_RECEIVE;
    if (rights & BIT(MACH_RIGHT_RECEIVE) && n < 5)
        return n < 4 ? MACH_MAKE_SEND : MACH_MAKE_SEND_ONCE;
    if (rights & BIT(MACH_RIGHT_SEND))
        return n == 7 ? MACH_MOVE_SEND : MACH_COPY_SEND;
    return MACH_MAKE_SEND;
}

enum {
    DO_PORT,
    DO_SEND,
    DO_RECEIVE,
    DO_DROP,
    DO_REQUEST,
    DO_DIE,
    DO_CRASH,
    DID_SENT,
    DID_RECEIVED,
    DID_RIGHTS,
    DID_MOVED,
    DID_NO_SENDERS,
    DID_DEAD_NAME,
    DID_SEND_ONCE
};

#define PORTS (BIT(MACH_RIGHT_SEND) | BIT(MACH_RIGHT_RECEIVE) | BIT(MACH_RIGHT_SEND_ONCE))

static void act_port(struct eye_task *k)
{
    if (k->t->names < 16) /* few, so that they meet */
        eye_port_new(k);
}

static void act_send(struct eye_task *k)
{
    struct eye_give gives[4];
    uint32_t count = 0;
    mach_name to = any_name(k, PORTS, false);
    if (!to)
        return;
    enum mach_disposition d = pick(k, rights_of(k, to), true);
    for (uint64_t n = eye_random(k->e, 4); n > 0; n--) {
        mach_name name = any_name(k, PORTS, false);
        bool used = !name || name == to;
        for (uint32_t i = 0; i < count; i++)
            used = used || gives[i].name == name;
        if (!used)
            gives[count++] = (struct eye_give){ name, pick(k, rights_of(k, name), false) };
    }
    sim_time timeout = eye_random(k->e, 2) ? 0 : 300 * SIM_MS;
    if (eye_send(k, to, d, gives, count, timeout) == MACH_MSG_SUCCESS)
        k->e->did[DID_SENT]++;
}

static void act_receive(struct eye_task *k)
{
    struct mach_msg msg;
    mach_name from = any_name(k, BIT(MACH_RIGHT_RECEIVE), true);
    struct eye *e = k->e;
    for (int i = 0; i < 20 && from && !mach_entry_find(k->t, from)->u.port->queued; i++)
        from = any_name(k, BIT(MACH_RIGHT_RECEIVE), true); /* rather one that has something */
    if (!from || eye_receive(k, from, &msg, 0) != MACH_MSG_SUCCESS)
        return;
    e->did[DID_RECEIVED]++;
    for (uint32_t i = 0; i < msg.item_count; i++) {
        e->did[DID_RIGHTS] += msg.items[i].count;
        e->did[DID_MOVED] += msg.items[i].type == MACH_PORT_RECEIVE;
    }
    e->did[DID_NO_SENDERS] += msg.id == MACH_NOTIFY_NO_SENDERS;
    e->did[DID_DEAD_NAME] += msg.id == MACH_NOTIFY_DEAD_NAME;
    e->did[DID_SEND_ONCE] += msg.id == MACH_NOTIFY_SEND_ONCE;
    mach_msg_fini(k->t, &msg);
}

static void act_drop(struct eye_task *k)
{
    mach_name name = any_name(k, PORTS | BIT(MACH_RIGHT_DEAD_NAME), false);
    uint8_t rights = name ? rights_of(k, name) : 0;
    if (rights & BIT(MACH_RIGHT_RECEIVE) && k->t->names < 16 && eye_random(k->e, 3))
        return;
    if (rights & BIT(MACH_RIGHT_SEND) && eye_random(k->e, 2))
        (void)mach_port_deallocate(k->t, name);
    else if (name)
        (void)mach_port_destroy(k->t, name);
}

static void act_request(struct eye_task *k)
{
    struct eye *e = k->e;
    mach_name to = any_name(k, BIT(MACH_RIGHT_RECEIVE), true), name = any_name(k, PORTS, false),
              old;
    if (!to || !name)
        return;
    uint8_t rights = rights_of(k, name);
    enum mach_notification id = MACH_NOTIFY_DEAD_NAME;
    if (rights & BIT(MACH_RIGHT_RECEIVE) && eye_random(e, 4))
        id = eye_random(e, 3) ? MACH_NOTIFY_NO_SENDERS : MACH_NOTIFY_PORT_DESTROYED;
    uint32_t which = which_of(k, name);
    made_once(k, to);
    if (id == MACH_NOTIFY_NO_SENDERS && which < EYE_PORTS)
        e->ports[which].requested = false; /* another one may be told at once */
    enum kern_return kr =
        mach_port_request_notification(k->t, name, id, 0, to, MACH_MAKE_SEND_ONCE, &old);
    SURE(kr == KERN_SUCCESS, "%d", kr);
}

/* What its thread was sending or taking may be lost with it. */
static void die(struct eye_task *k)
{
    struct eye *e = k->e;
    e->did[DO_DIE]++;
    for (uint32_t i = 0; i < e->port_count; i++)
        e->carried[k->sender][i] |= UINT64_C(1) << e->out[k->sender][i] % 64;
    LIST_EACH (it, &k->t->waiters) {
        const struct mach_waiter *w = LIST_ENTRY(it, struct mach_waiter, of_task);
        if (w->kmsg && !w->sends && w->kmsg->dest.kind == MACH_HELD_ONCE) {
            uint32_t which = eye_which(e, k->node, w->kmsg->dest.port);
            if (which < EYE_PORTS)
                e->ports[which].onces_used++;
        }
    }
    port_task_crash(k->port);
}

static void act(struct eye_task *k, const struct eye_options *o)
{
    struct eye *e = k->e;
    uint64_t n = eye_random(e, 1000);
    static void (*const todo[])(struct eye_task * k) = { act_port, act_send, act_receive, act_drop,
                                                         act_request };
    if (n < o->task_deaths) {
        die(k);
        return;
    }
    n = eye_random(e, 100);
    int which = n < 5    ? DO_PORT
                : n < 42 ? DO_SEND
                : n < 80 ? DO_RECEIVE
                : n < 92 ? DO_DROP
                         : DO_REQUEST;
    e->did[which] += eye_do(k, todo[which]);
}

/* ---- the rig ---- */

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct eye *e = r->arg;
    struct eye_node *n = &e->node[node];
    n->port = p;
    n->m = mach_create(p, 0);
    n->net = xk_find(r->k[node], e->net->instance);
    mach_net_attach(n->m, n->net);
    for (uint32_t i = 0; i < e->tasks; i++) {
        n->tasks[i] = (struct eye_task){ .e = e, .node = node, .place = i };
        task_new(&n->tasks[i]);
    }
}

static void step_all(struct eye *e, uint64_t most)
{
    for (uint64_t i = 0; i < most && fake_step(e->r.f); i++)
        eye_look(e);
}

void eye_steps(struct eye *e)
{
    step_all(e, 100000);
}

static void get_specials(struct eye_task *k)
{
    struct eye *e = k->e;
    mach_name name;
    for (uint32_t n = 0; n < e->nodes; n++)
        if (n != k->node || k->place != 0)
            SURE(mach_special_get(k->t, n, MACH_SPECIAL_NAMES, &name) == KERN_SUCCESS, "%u", n);
}

static void set_special(struct eye_task *k)
{
    mach_name name = eye_port_new(k);
    k->e->node[k->node].special = name;
    SURE(mach_special_set(k->t, MACH_SPECIAL_NAMES, name, MACH_MAKE_SEND) == KERN_SUCCESS, "set");
}

static void prepare(struct eye *e, const struct eye_options *o)
{
    *e = (struct eye){
        .net = o->net, .nodes = o->nodes, .tasks = o->tasks, .random = o->seed * 2 + 1
    };
    e->out = calloc(EYE_SENDERS, sizeof *e->out);
    e->in = calloc(EYE_SENDERS, sizeof *e->in);
    e->carried = calloc(EYE_SENDERS, sizeof *e->carried);
}

static void introduce(struct eye *e)
{
    eye_steps(e);
    for (uint32_t n = 0; n < e->nodes; n++)
        cr_assert(eye_do(&e->node[n].tasks[0], set_special));
    eye_steps(e);
    for (uint32_t n = 0; n < e->nodes; n++)
        for (uint32_t i = 0; i < e->tasks; i++)
            cr_assert(eye_do(&e->node[n].tasks[i], get_specials));
    eye_steps(e);
}

void eye_start(struct eye *e, const struct eye_options *o)
{
    struct fake_options f = o->fake;
    prepare(e, o);
    f.nodes = o->nodes;
    f.seed = o->seed;
    if (o->net->mtu)
        f.mtu = o->net->mtu;
    rig_start(&e->r, &f, o->net->graph, booted, e);
    introduce(e);
}

void eye_boot(struct eye *e, const struct eye_options *o, struct fake *f, struct xk_graph *g)
{
    prepare(e, o);
    e->later = true;
    rig_boot_all(&e->r, f, g, o->nodes, booted, e);
}

struct lending {
    struct eye_task *from, *to;
    mach_name port, name;
    struct mach_record *record;
    struct mach_held held;
};

static void make_now(struct port *p, void *arg)
{
    struct lending *l = arg;
    (void)p;
    l->port = eye_port_new(l->from);
}

mach_name eye_make(struct eye_task *k)
{
    struct lending l = { .from = k };
    fake_call(k->e->r.f, k->node, make_now, &l);
    return l.port;
}

static void lend_from(struct port *p, void *arg)
{
    struct lending *l = arg;
    struct mach *m = l->from->e->node[l->from->node].m;
    (void)p;
    l->record = mach_record_export(m, mach_entry_find(l->from->t, l->port)->u.port);
}

static void lend_to(struct port *p, void *arg)
{
    struct lending *l = arg;
    struct eye *e = l->from->e;
    (void)p;
    l->held = e->net->lend(e, l->from->node, l->record, l->to->node);
    SURE(mach_copyout(l->to->t, l->held, &l->name), "lent");
}

mach_name eye_lend(struct eye_task *from, mach_name port, struct eye_task *to)
{
    struct lending l = { .from = from, .to = to, .port = port };
    fake_call(from->e->r.f, from->node, lend_from, &l);
    (void)eye_which(from->e, from->node, l.record->port); /* its uid is known now */
    fake_call(from->e->r.f, to->node, lend_to, &l);
    return l.name;
}

void eye_begin(struct eye_task *k, void (*todo)(struct eye_task *k))
{
    k->todo = todo;
    fake_call(k->e->r.f, k->node, spawn, k);
}

void eye_stop(struct eye *e)
{
    if (e->r.g)
        rig_stop(&e->r);
    free(e->out);
    free(e->in);
    free(e->carried);
    e->out = e->in = NULL;
    e->carried = NULL;
}

/* ---- when nothing is pending ---- */

static void note_queued(struct eye *e, const struct mach_queue *q, uint32_t which,
                        uint32_t (*seen)[EYE_PORTS])
{
    LIST_EACH (it, &q->messages) {
        const struct mach_kmsg *k = LIST_ENTRY(it, struct mach_kmsg, link);
        uint8_t head[16];
        if (k->id != 1)
            continue;
        rope_read(&k->items[0].data, 0, sizeof head, head);
        uint32_t sender = wire_get32(head), serial = wire_get32(head + 8);
        if (!serial)
            continue;
        uint32_t *last = &seen[sender][which];
        *last = *last > e->in[sender][which] ? *last : e->in[sender][which];
        cr_assert_gt(serial, *last, "port %u: %u of %u waits behind %u", which, serial, sender,
                     *last);
        for (uint32_t s = *last + 1; s < serial; s++)
            cr_assert(e->carried[sender][which] >> s % 64 & 1,
                      "port %u: message %u of sender %u is missing", which, s, sender);
        *last = serial;
    }
}

/* Every message to a port that lives has been received, or waits there. */
static void none_missing(struct eye *e, struct look *l)
{
    uint32_t(*seen)[EYE_PORTS] = calloc(EYE_SENDERS, sizeof *seen);
    for (uint32_t i = 0; i < e->port_count; i++) {
        const struct mach_port *home = l->total[i].home;
        if (!home || l->total[i].receives != 1)
            continue;
        note_queued(e, &home->queue, i, seen);
        for (uint32_t s = 0; s < e->sender_count; s++) {
            uint32_t last = seen[s][i] > e->in[s][i] ? seen[s][i] : e->in[s][i];
            for (uint32_t n = last + 1; n <= e->out[s][i]; n++)
                cr_assert(e->carried[s][i] >> n % 64 & 1,
                          "port %u: message %u of sender %u is lost", i, n, s);
        }
    }
    free(seen);
}

void eye_settle(struct eye *e)
{
    static struct look l;
    eye_steps(e);
    eye_look(e);
    look_all(&l, e);
    if (!e->crashed)
        none_missing(e, &l);
    for (uint32_t i = 0; i < e->port_count; i++) {
        const struct total *t = &l.total[i];
        bool judge = !e->crashed || e->net->mends;
        if (!judge)
            continue;
        if (t->home && t->receives == 1) {
            cr_assert_not(t->home->no_senders && t->sends == 0,
                          "port %u: nobody was told that there are no senders", i);
            if (e->crashed)
                cr_assert_eq(e->ports[i].onces_made, t->onces + t->uses + e->ports[i].onces_used,
                             "port %u: a send-once right is missing", i);
        }
    }
    for (uint32_t n = 0; n < e->nodes && (!e->crashed || e->net->mends); n++) {
        if (!eye_there(e, n))
            continue;
        LIST_EACH (it, &e->node[n].m->records) {
            const struct mach_record *r = LIST_ENTRY(it, struct mach_record, link);
            uint32_t which = eye_which(e, n, r->port);
            if (!r->port->dead && which < EYE_PORTS && l.total[which].receives == 0)
                cr_assert(list_empty(&r->port->deaths), "node %u waits for the death of port %u", n,
                          which);
        }
    }
    free(l.at);
}

static void revive(struct port *p, void *arg)
{
    (void)p;
    task_new(arg);
}

void eye_run(const struct eye_options *o, struct eye *e)
{
    eye_start(e, o);
    for (uint32_t i = 0; i < o->actions; i++) {
        uint32_t n = (uint32_t)eye_random(e, e->nodes);
        struct eye_task *k = &e->node[n].tasks[eye_random(e, e->tasks)];
        if (eye_random(e, 1000) < o->node_crashes && fake_up(e->r.f, n)) {
            e->did[DO_CRASH]++;
            e->crashed = true;
            fake_crash(e->r.f, n);
            e->node[n].m = NULL;
        } else if (!fake_up(e->r.f, n)) {
            fake_restart(e->r.f, n);
        } else if (!eye_there(e, n)) {
            continue;
        } else if (!k->t) {
            if (e->sender_count < EYE_SENDERS)
                fake_call(e->r.f, n, revive, k);
        } else {
            act(k, o);
        }
        step_all(e, eye_random(e, 12));
    }
    eye_settle(e);
}
