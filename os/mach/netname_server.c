/* netname_server.c: the name server of a node.
 *
 * Two threads: one serves; the other passes look-ups on to the servers of other nodes, which may
 * wait for room at their ports, so that two nodes never wait for each other's serving threads.  The
 * names are a list: ASSUMED(a node has few of them).  A send right of the task to each port and
 * signature, one reference for each entry that has it; one dead-name request for each.
 */
#include "os/mach/netname_internal.h"
#include "os/node.h"
#include "os/xk/msg.h"

#define VERSION "Simple Name Service 3.0" /* [CMU snames, 1991] */

struct netname_entry {
    struct list link;
    char name[NETNAME_BYTES + 1];
    mach_name port, signature;
};
struct netname_peer {
    struct list link;
    uint32_t host;
    mach_name server;
};
struct netname_ask {
    struct list link;
    uint32_t host;
    mach_name reply;
    uint32_t disposition;
    struct rope name;
};

/* ---- the table ---- */

static char lower(char c)
{
    return (char)(c >= 'A' && c <= 'Z' ? c - 'A' + 'a' : c);
}

static bool same(const char *a, const char *b)
{
    while (*a && lower(*a) == lower(*b))
        a++, b++;
    return lower(*a) == lower(*b);
}

static struct netname_entry *find(struct netname *n, const struct rope *name)
{
    char text[NETNAME_BYTES + 1];
    netname_text(name, text);
    port_work(n->port, PORT_WORK_LOOKUP, 1);
    LIST_EACH (it, &n->names) {
        struct netname_entry *e = LIST_ENTRY(it, struct netname_entry, link);
        if (same(e->name, text))
            return e;
    }
    return NULL;
}

static bool is_valid(mach_name name)
{
    return name != MACH_PORT_NULL && name != MACH_PORT_DEAD;
}

/* Its death, or that it is dead, comes to n->notify; once, however many entries have it. */
static void watch(struct netname *n, mach_name port)
{
    mach_name previous;
    (void)mach_port_request_notification(n->task, port, MACH_NOTIFY_DEAD_NAME, 1, n->notify,
                                         MACH_MAKE_SEND_ONCE, &previous);
    if (is_valid(previous))
        (void)mach_port_deallocate(n->task, previous);
}

static void drop(struct netname *n, struct netname_entry *e)
{
    (void)mach_port_deallocate(n->task, e->port);
    (void)mach_port_deallocate(n->task, e->signature);
    list_remove(&e->link);
    port_free(n->port, e);
    n->count--;
}

/* NETNAME1: all names of a port or signature that is dead. */
static void bury(struct netname *n, mach_name dead)
{
    LIST_EACH_SAFE (it, next, &n->names) {
        struct netname_entry *e = LIST_ENTRY(it, struct netname_entry, link);
        if (e->port != dead && e->signature != dead)
            continue;
        n->counts.removed++;
        drop(n, e);
    }
}

/* ---- routines ---- */

static int32_t serve_check_in(void *arg, struct mach_value *in, struct mach_value *out)
{
    struct netname *n = arg;
    struct netname_entry *e = find(n, &in[0].data);
    (void)out;
    if (!is_valid(in[1].name) || !is_valid(in[2].name))
        return NETNAME_INVALID_PORT;
    if (e && e->signature != in[1].name)
        return NETNAME_NOT_YOURS;
    if (!e && n->limit > 0 && n->count >= n->limit)
        return KERN_NO_SPACE;
    if (e)
        drop(n, e);
    e = port_alloc(n->port, sizeof *e);
    list_init(&e->link);
    netname_text(&in[0].data, e->name);
    e->signature = in[1].name;
    e->port = in[2].name;
    list_push(&n->names, &e->link);
    n->count++;
    n->counts.checked_in++;
    watch(n, e->port);
    watch(n, e->signature);
    return KERN_SUCCESS;
}

static int32_t serve_check_out(void *arg, struct mach_value *in, struct mach_value *out)
{
    struct netname *n = arg;
    struct netname_entry *e = find(n, &in[0].data);
    (void)out;
    if (!e)
        return NETNAME_NOT_CHECKED_IN;
    if (e->signature != in[1].name)
        return NETNAME_NOT_YOURS;
    drop(n, e);
    (void)mach_port_deallocate(n->task, in[1].name);
    return KERN_SUCCESS;
}

/* False: it is no number of a node. */
static bool host_of(const struct netname *n, const struct rope *name, uint32_t *host)
{
    char text[NETNAME_BYTES + 1];
    netname_text(name, text);
    uint64_t number = 0;
    *host = port_node(n->port);
    if (text[0] == 0)
        return true;
    for (const char *s = text; *s; s++) {
        number = number * 10 + (uint64_t)(*s - '0');
        if (*s < '0' || *s > '9' || number >= port_nodes(n->port))
            return false;
    }
    *host = (uint32_t)number;
    return true;
}

static int32_t serve_look_up(void *arg, struct mach_value *in, struct mach_value *out)
{
    struct netname *n = arg;
    uint32_t host;
    if (!host_of(n, &in[0].data, &host))
        return NETNAME_NO_SUCH_HOST;
    if (host != port_node(n->port)) {
        struct netname_ask *a = port_alloc(n->port, sizeof *a);
        *a = (struct netname_ask){ .host = host,
                                   .reply = n->server.reply,
                                   .disposition = n->server.reply_disposition };
        list_init(&a->link);
        rope_move(&a->name, &in[1].data);
        list_push(&n->asked, &a->link);
        port_thread_wake(n->port, n->passer);
        return MIG_NO_REPLY;
    }
    const struct netname_entry *e = find(n, &in[1].data);
    if (!e)
        return NETNAME_NOT_CHECKED_IN;
    n->counts.looked_up++;
    out[0].name = e->port;
    out[0].disposition = MACH_COPY_SEND;
    return KERN_SUCCESS;
}

static int32_t serve_version(void *arg, struct mach_value *in, struct mach_value *out)
{
    (void)arg;
    (void)in;
    rope_add_bytes(&out[0].data, VERSION, sizeof VERSION - 1);
    return KERN_SUCCESS;
}

static const struct mach_routine routines[NETNAME_ROUTINES] = {
    [NETNAME_CHECK_IN] = { .name = "netname_check_in",
                           .in = { { MACH_ARG_STRING, NETNAME_BYTES },
                                   { .kind = MACH_ARG_SEND }, /* signature */
                                   { .kind = MACH_ARG_SEND } },
                           .serve = serve_check_in },
    [NETNAME_LOOK_UP] = { .name = "netname_look_up",
                          .in = { { MACH_ARG_STRING, NETNAME_BYTES }, /* host */
                                  { MACH_ARG_STRING, NETNAME_BYTES } },
                          .out = { { .kind = MACH_ARG_SEND } },
                          .serve = serve_look_up },
    [NETNAME_CHECK_OUT] = { .name = "netname_check_out",
                            .in = { { MACH_ARG_STRING, NETNAME_BYTES }, { .kind = MACH_ARG_SEND } },
                            .serve = serve_check_out },
    [NETNAME_VERSION] = { .name = "netname_version",
                          .out = { { MACH_ARG_STRING, NETNAME_BYTES } },
                          .serve = serve_version },
};
const struct mach_subsystem netname_subsystem = { "netname", NETNAME_ID, NETNAME_ROUTINES,
                                                  routines };

/* What comes to the port for notifications: a port has died, or a request has ended with its name.
 */
static bool notified(void *arg, struct mach_msg *msg)
{
    struct netname *n = arg;
    uint8_t word[4];
    if (msg->local != n->notify)
        return false;
    if (msg->id == MACH_NOTIFY_DEAD_NAME && msg->item_count == 1 &&
        msg->items[0].data.length == sizeof word) {
        rope_read(&msg->items[0].data, 0, sizeof word, word);
        mach_name dead = wire_get32(word);
        bury(n, dead);
        (void)mach_port_deallocate(n->task, dead); /* the notification's own reference */
    }
    mach_msg_destroy(n->task, msg);
    return true;
}

static void serves(void *arg)
{
    struct netname *n = arg;
    (void)mach_msg_server(&n->server, n->set);
}

/* ---- look-ups of other nodes ---- */

static struct netname_peer *peer_of(struct netname *n, uint32_t host)
{
    LIST_EACH (it, &n->peers) {
        struct netname_peer *p = LIST_ENTRY(it, struct netname_peer, link);
        if (p->host == host)
            return p;
    }
    struct netname_peer *p = port_alloc(n->port, sizeof *p);
    *p = (struct netname_peer){ .host = host };
    list_init(&p->link);
    list_push(&n->peers, &p->link);
    return p;
}

static void add_name(struct mach_msg *msg, struct rope *name)
{
    rope_add_zero(name, NETNAME_BYTES - name->length);
    mach_msg_add(msg, MACH_TYPE_STRING, name);
}

/* The client's right for the reply goes along: the other server answers. (blocks) */
static enum mach_msg_return pass(struct netname *n, struct netname_ask *a, mach_name server)
{
    struct mach_msg msg;
    struct rope here, name;
    rope_init(&here);
    rope_copy(&name, &a->name);
    mach_msg_init(&msg);
    msg.remote = server;
    msg.remote_disp = MACH_COPY_SEND;
    msg.local = a->reply;
    msg.local_disp = a->disposition;
    msg.id = NETNAME_ID + NETNAME_LOOK_UP;
    add_name(&msg, &here);
    add_name(&msg, &name);
    enum mach_msg_return r = mach_msg(n->task, &msg, MACH_SEND_MSG, 0, 0, 0);
    mach_msg_fini(n->task, &msg);
    return r;
}

/* There is nobody to pass it to. (blocks) */
static void fail(struct netname *n, struct netname_ask *a)
{
    struct mach_msg msg;
    struct rope code;
    uint8_t word[4];
    wire_put32(word, NETNAME_HOST_NOT_FOUND);
    rope_init(&code);
    rope_add_bytes(&code, word, sizeof word);
    mach_msg_init(&msg);
    msg.remote = a->reply;
    msg.remote_disp = a->disposition;
    msg.id = NETNAME_ID + NETNAME_LOOK_UP + 100;
    mach_msg_add(&msg, MACH_TYPE_INTEGER_32, &code);
    if (mach_msg(n->task, &msg, MACH_SEND_MSG, 0, 0, 0) != MACH_MSG_SUCCESS)
        mach_msg_destroy(n->task, &msg);
}

/* (blocks) */
static void pass_on(struct netname *n, struct netname_ask *a)
{
    struct netname_peer *p = peer_of(n, a->host);
    for (int tries = 0; tries < 2;
         tries++) { /* what is known of a node may be of its life before */
        if (!p->server &&
            mach_special_get(n->task, a->host, MACH_SPECIAL_NAMES, &p->server) != KERN_SUCCESS)
            break;
        if (pass(n, a, p->server) == MACH_MSG_SUCCESS) {
            n->counts.passed++;
            return;
        }
        (void)mach_port_deallocate(n->task, p->server);
        p->server = MACH_PORT_NULL;
    }
    fail(n, a);
}

static void passes(void *arg)
{
    struct netname *n = arg;
    for (;;) {
        struct list *it = list_pop(&n->asked);
        if (!it) {
            port_thread_block(n->port, "look-ups of node", port_node(n->port));
            continue;
        }
        struct netname_ask *a = LIST_ENTRY(it, struct netname_ask, link);
        pass_on(n, a);
        rope_fini(&a->name);
        port_free(n->port, a);
    }
}

/* ---- a server ---- */

static bool receive_right(struct netname *n, mach_name *name)
{
    return mach_port_allocate(n->task, MACH_RIGHT_RECEIVE, name) == KERN_SUCCESS &&
           mach_port_set_qlimit(n->task, *name, MACH_QLIMIT_MAX) == KERN_SUCCESS &&
           mach_port_move_member(n->task, *name, n->set) == KERN_SUCCESS;
}

struct netname *netname_start(struct mach *m, struct port *kernel, uint32_t limit)
{
    static const struct mach_subsystem *const subsystems[] = { &netname_subsystem, NULL };
    struct port *port = port_task_create(kernel, "mach_names", NULL, NULL);
    struct netname *n = port_alloc(port, sizeof *n);
    n->mach = m;
    n->port = port;
    n->limit = limit;
    n->task = mach_task_create(m, port);
    list_init(&n->names);
    list_init(&n->peers);
    list_init(&n->asked);
    n->server = (struct mach_server){
        .task = n->task, .subsystems = subsystems, .arg = n, .other = notified
    };
    bool good =
        mach_port_allocate(n->task, MACH_RIGHT_PORT_SET, &n->set) == KERN_SUCCESS &&
        receive_right(n, &n->service) && receive_right(n, &n->notify) &&
        mach_special_set(n->task, MACH_SPECIAL_NAMES, n->service, MACH_MAKE_SEND) == KERN_SUCCESS;
    n->passer = good ? port_thread_spawn(port, "passer", passes, n, PORT_THREAD_SERVICE) : NULL;
    return n->passer && port_thread_spawn(port, "server", serves, n, PORT_THREAD_SERVICE) ? n
                                                                                          : NULL;
}

uint32_t netname_count(const struct netname *n)
{
    return n->count;
}
