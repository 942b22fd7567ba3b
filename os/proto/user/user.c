/* user.c: USER.  See user.h and README.md. */
#include "os/proto/user/user.h"

#include "os/xk/transfer.h"

struct user_params {
    bool secure, serve, echo;
    int64_t reply;
};

static const struct param params[] = {
    P_BOOL(user_params, secure, "false", "Asks that what it is given does not change any more."),
    P_BOOL(user_params, serve, "false",
           "Answers each message at once, but for what comes on a session of its own."),
    P_BOOL(user_params, echo, "false", "These answers are the messages themselves."),
    P_SIZE(user_params, reply, "0", "0", "1GiB", "Length of these answers, where they are not."),
    P_END,
};

struct user_state {
    const struct user_params *params;
    struct xk_sessn *sessn; /* of the last host; NULL: none */
    struct list came;       /* struct user_item */
    struct port_thread *sender, *receiver;
    user_take_fn take; /* NULL: a thread receives */
    void *arg;
    struct {
        uint64_t sent, received, refused;
    } counts;
};

struct user_item {
    struct list link;
    enum xk_status status;
    uint32_t host;
    struct rope data;
};

static enum xk_status open_to(struct xk_protl *self, uint32_t host)
{
    struct user_state *st = self->state;
    enum xk_status why = XK_OK;
    if (st->sessn && st->sessn->host == host)
        return XK_OK;
    if (st->sessn)
        xk_close(st->sessn);
    st->sessn = xk_open(self->down[0], self, xk_node(host), &why);
    return st->sessn ? XK_OK : why;
}

/* The session is there and the message where it is to be. */
static enum xk_status begin(struct xk_protl *user, uint32_t host, struct rope *data)
{
    enum xk_status r = open_to(user, host);
    if (r == XK_OK)
        xk_born(user, data); /* USER2 */
    return r;
}

enum xk_status user_send(struct xk_protl *user, uint32_t host, struct rope *data)
{
    struct user_state *st = user->state;
    struct port *p = xk_port(user);
    struct xk_msg m;
    enum xk_status r = begin(user, host, data);
    if (r != XK_OK)
        return r;
    xk_msg_init_rope(&m, data);
    while ((r = xk_push(st->sessn, &m)) == XK_BUSY) {
        st->counts.refused++;
        st->sender = port_thread_self(p);
        while (st->sender)
            port_thread_block(p, "room for a message to node", host);
    }
    st->counts.sent += r == XK_OK;
    xk_msg_to_rope(&m, data);
    return r;
}

enum xk_status user_push(struct xk_protl *user, uint32_t host, struct rope *data)
{
    struct user_state *st = user->state;
    struct xk_msg m;
    enum xk_status r = begin(user, host, data);
    if (r != XK_OK)
        return r;
    xk_msg_init_rope(&m, data);
    r = xk_push(st->sessn, &m);
    st->counts.sent += r == XK_OK;
    st->counts.refused += r == XK_BUSY;
    xk_msg_to_rope(&m, data);
    return r;
}

void user_on_receive(struct xk_protl *user, user_take_fn take, void *arg)
{
    struct user_state *st = user->state;
    st->take = take;
    st->arg = arg;
}

enum xk_status user_receive(struct xk_protl *user, uint32_t *host, struct rope *data)
{
    struct user_state *st = user->state;
    struct port *p = xk_port(user);
    while (list_empty(&st->came)) {
        st->receiver = port_thread_self(p);
        port_thread_block(p, "a message", 0);
    }
    st->receiver = NULL;
    struct user_item *i = LIST_ENTRY(list_pop(&st->came), struct user_item, link);
    enum xk_status status = i->status;
    *host = i->host;
    rope_move(data, &i->data);
    port_free(p, i);
    return status;
}

static void give(struct xk_protl *self, enum xk_status status, uint32_t host, struct rope *data)
{
    struct user_state *st = self->state;
    if (st->take) {
        st->take(st->arg, status, host, data);
        rope_fini(data);
        return;
    }
    struct user_item *i = port_alloc(xk_port(self), sizeof *i);
    i->status = status;
    i->host = host;
    rope_move(&i->data, data);
    list_push(&st->came, &i->link); /* USER1 */
    if (st->receiver)
        port_thread_wake(xk_port(self), st->receiver);
}

static void protl_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct user_state *st = self->state;
    struct rope data;
    xk_msg_to_rope(m, &data);
    if (st->params->secure)
        xk_secure(self, &data);
    st->counts.received++;
    if (!st->params->serve || lower == st->sessn) { /* what it has opened brings answers */
        give(self, XK_OK, lower->host, &data);
        return;
    }
    struct xk_msg reply;
    if (!st->params->echo) {
        rope_fini(&data);
        rope_init(&data);
        rope_add_pattern(&data, 0, 0, (uint64_t)st->params->reply);
        xk_born(self, &data);
    }
    xk_msg_init_rope(&reply, &data);
    if (xk_push(lower, &reply) == XK_OK)
        st->counts.sent++;
    else
        st->counts.refused++; /* who asked waits no longer, or too many do */
    xk_msg_fini(&reply);
}

static void protl_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct user_state *st = self->state;
    struct port_thread *t = st->sender;
    (void)lower;
    st->sender = NULL;
    if (t)
        port_thread_wake(xk_port(self), t);
}

static void protl_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct rope none;
    rope_init(&none);
    give(self, why, lower->host, &none);
}

static enum xk_status protl_init(struct xk_protl *self, const void *p)
{
    struct user_state *st = self->state;
    st->params = p;
    list_init(&st->came);
    return xk_open_enable(self->down[0], self, xk_any());
}

static const struct counter counters[] = {
    C_SUM(user_state, counts, sent, "1", "Messages sent."),
    C_SUM(user_state, counts, received, "1", "Messages that came."),
    C_SUM(user_state, counts, refused, "1", "Pushes refused for want of room."),
    C_END,
};

const struct xk_protl_ops user_protl = {
    .kind = { .name = "user",
              .doc = "a program sends messages, and takes those that come",
              .params = params,
              .params_size = sizeof(struct user_params),
              .state_size = sizeof(struct user_state),
              .counters = counters },
    .down_min = 1,
    .down_max = 1,
    .is_virtual = true,
    .called = true,
    .init = protl_init,
    .demux = protl_demux,
    .ready = protl_ready,
    .failed = protl_failed,
};
