/* xk_rig.c: see xk_rig.h. */
#include "tests/os/xk_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/proto/driver/driver.h"
#include "os/registry.h"

static enum xk_status probe_init(struct xk_protl *self, const void *params);
static void probe_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m);
static void probe_ready(struct xk_protl *self, struct xk_sessn *lower);
static void probe_open_done(struct xk_protl *self, struct xk_sessn *lower);
static void probe_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why);

static const struct xk_protl_ops probe_protl = {
    .kind = { .name = "probe",
              .doc = "keeps what it receives",
              .state_size = sizeof(struct probe) },
    .down_min = 1,
    .down_max = 1,
    .renews = true,
    .init = probe_init,
    .demux = probe_demux,
    .ready = probe_ready,
    .open_done = probe_open_done,
    .failed = probe_failed,
};

const struct xk_protl_ops *rig_protocol, *rig_protocol_too;
bool rig_over_ulp;
const struct xk_protl_ops *rig_over_tcp;

const struct kind_set *rig_protocols(void)
{
    static const struct kind *items[64];
    static const struct kind_set set = { "protocol", "graph", items };
    size_t n = 0;
    for (; os_protocols.items[n]; n++)
        items[n] = os_protocols.items[n];
    items[n++] = &probe_protl.kind;
    if (rig_protocol)
        items[n++] = &rig_protocol->kind;
    if (rig_protocol_too)
        items[n++] = &rig_protocol_too->kind;
    items[n] = rig_over_tcp && rig_over_tcp != rig_protocol_too ? &rig_over_tcp->kind : NULL;
    return &set;
}

static void add_word(struct val *inst, struct val *below, char *word, int index)
{
    char *eq = strchr(word, '=');
    if (index == 0) {
        val_put(inst, "name", val_new_string(word, "graph", 1));
    } else if (index == 1) {
        bool other = rig_over_ulp && (strcmp(word, "rdm") == 0 || strcmp(word, "blast") == 0);
        val_put(inst, "protocol", val_new_string(other ? "ulp" : word, "graph", 1));
    } else if (word[0] == '<') {
        val_append(below, val_new_string(word + 1, "graph", 1));
    } else {
        cr_assert_not_null(eq, "bad word '%s' in a graph", word);
        *eq = '\0';
        char *end;
        char *end_real;
        long long n = strtoll(eq + 1, &end, 10);
        double real = strtod(eq + 1, &end_real);
        struct val *v;
        if (*end == '\0')
            v = val_new_int(n, "graph", 1);
        else if (*end_real == '\0')
            v = val_new_real(real, "graph", 1);
        else if (strcmp(eq + 1, "true") == 0 || strcmp(eq + 1, "false") == 0)
            v = val_new_bool(eq[1] == 't', "graph", 1);
        else
            v = val_new_string(eq + 1, "graph", 1);
        val_put(inst, word, v);
    }
}

/* The graph with RECORD over TCP in the place of RDM and BLAST, whose parameters go. */
static char *over_tcp(const char *text)
{
    static const char below[] =
        "ip tip <mesh; tcp tcp <ip rto_first=5ms rto_min=2ms tick=1ms rto_max=20ms ack_delay=1ms "
        "persist_min=2ms persist_max=20ms connect_time=50ms msl=5ms tries=30; ";
    char *out = calloc(1, 2 * strlen(text) + sizeof below + 200), *copy = base_strdup(text);
    char *at = copy, *one, name[40], protocol[40];
    int port = 2049, n = 0;
    cr_assert_not_null(out);
    while ((one = strsep(&at, ";"))) {
        cr_assert_eq(sscanf(one, " %39s %39s", name, protocol), 2);
        if (strcmp(protocol, "rdm") == 0 || strcmp(protocol, "blast") == 0)
            n += sprintf(out + n, "%s%s record <tcp fragment=500B retry=1ms port=%d; ",
                         port == 2049 ? below : "", name, port);
        else
            n += sprintf(out + n, "%s; ", one);
        port += strcmp(protocol, "rdm") == 0 || strcmp(protocol, "blast") == 0;
    }
    out[n - 2] = '\0';
    free(copy);
    return out;
}

struct val *rig_val(const char *text)
{
    struct val *list = val_new(VAL_LIST, "graph", 1);
    char *copy = rig_over_tcp ? over_tcp(text) : base_strdup(text), *at = copy, *one;
    while ((one = strsep(&at, ";"))) {
        struct val *inst = val_new(VAL_TABLE, "graph", 1);
        struct val *below = val_new(VAL_LIST, "graph", 1);
        char *word;
        int index = 0;
        while ((word = strsep(&one, " ")))
            if (*word)
                add_word(inst, below, word, index++);
        if (below->count)
            val_put(inst, "below", below);
        else
            val_free(below);
        val_append(list, inst);
    }
    free(copy);
    return list;
}

const struct xk_network rig_networks[2] = { { .name = "mesh", .mtu = 4096, .gives = XK_NETWORK },
                                            { .name = "lan", .mtu = 4096, .gives = XK_NETWORK } };

uint32_t rig_mtu;

struct xk_graph *rig_graph(const char *graph)
{
    struct err e = ERR_INIT;
    struct val *v = rig_val(graph);
    static struct xk_network networks[2];
    memcpy(networks, rig_networks, sizeof networks);
    if (rig_mtu)
        networks[0].mtu = networks[1].mtu = rig_mtu;
    struct xk_graph *g = xk_graph_load(v, rig_protocols(), "graph", networks, 2, &e);
    cr_assert_not_null(g, "%s", e.text);
    val_free(v);
    return g;
}

static void boot(struct port *p, void *arg)
{
    struct rig *r = arg;
    uint32_t n = port_node(p);
    r->k[n] = xk_boot(p, r->g);
    if (r->booted)
        r->booted(r, n, p);
}

void rig_boot(struct rig *r, struct fake *f, struct xk_graph *g,
              void (*booted)(struct rig *r, uint32_t node, struct port *p), void *arg)
{
    memset(r, 0, sizeof *r);
    r->f = f;
    r->g = g;
    r->booted = booted;
    r->arg = arg;
}

void rig_boot_all(struct rig *r, struct fake *f, struct xk_graph *g, uint32_t count,
                  void (*booted)(struct rig *r, uint32_t node, struct port *p), void *arg)
{
    rig_boot(r, f, g, booted, arg);
    for (uint32_t i = 0; i < count; i++)
        fake_boot(f, i, boot, r);
    for (uint32_t i = 0; i < count; i++)
        fake_step(f);
}

void rig_start(struct rig *r, const struct fake_options *o, const char *graph,
               void (*booted)(struct rig *r, uint32_t node, struct port *p), void *arg)
{
    rig_boot_all(r, fake_create(o), rig_graph(graph), o->nodes ? o->nodes : 2, booted, arg);
}

void rig_stop(struct rig *r)
{
    fake_destroy(r->f);
    xk_graph_free(r->g);
}

/* ---- probe ---- */

static enum xk_status probe_init(struct xk_protl *self, const void *params)
{
    (void)params;
    struct probe *pr = self->state;
    rope_init(&pr->last);
    return xk_open_enable(self->down[0], self, xk_any());
}

static void probe_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct probe *pr = self->state;
    struct xk_msg copy;
    xk_msg_copy(&copy, m);
    rope_fini(&pr->last);
    xk_msg_to_rope(&copy, &pr->last);
    xk_msg_fini(&copy);
    if (pr->got < PROBE_KEEP)
        pr->log[pr->got] = (struct probe_got){ .from = lower->host,
                                               .length = pr->last.length,
                                               .hash = rope_hash(&pr->last) };
    pr->got++;
    if (pr->echo && xk_push(lower, m) != XK_OK)
        pr->failed++;
}

static void probe_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    (void)lower;
    ((struct probe *)self->state)->ready++;
}

static void probe_open_done(struct xk_protl *self, struct xk_sessn *lower)
{
    (void)lower;
    ((struct probe *)self->state)->opened++;
}

static void probe_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    (void)lower;
    struct probe *pr = self->state;
    pr->failed++;
    pr->why = why;
}

struct probe *rig_probe(struct rig *r, uint32_t node)
{
    return xk_find(r->k[node], "probe")->state;
}

struct send_job {
    struct rig *r;
    uint32_t node, to;
    const struct rope *data;
    enum xk_status status;
};

static void send_now(struct port *p, void *arg)
{
    (void)p;
    struct send_job *j = arg;
    struct xk_protl *probe = xk_find(j->r->k[j->node], "probe");
    struct xk_sessn *s = xk_open(probe->down[0], probe, xk_node(j->to), &j->status);
    if (!s)
        return;
    struct rope copy;
    struct xk_msg m;
    rope_copy(&copy, j->data);
    xk_msg_init_rope(&m, &copy);
    j->status = xk_push(s, &m);
    if (j->status != XK_OK)
        cr_assert(rope_equal(&m.data, j->data), "a refused message changed");
    else
        cr_assert_eq(xk_msg_length(&m), 0, "an accepted message is not empty");
    xk_msg_fini(&m);
    xk_close(s);
}

enum xk_status rig_send(struct rig *r, uint32_t node, uint32_t to, const struct rope *data)
{
    struct send_job j = { r, node, to, data, XK_OK };
    fake_call(r->f, node, send_now, &j);
    return j.status;
}

enum xk_status rig_send_pattern(struct rig *r, uint32_t node, uint32_t to, uint64_t seed,
                                uint64_t len)
{
    struct rope d;
    rope_init(&d);
    rope_add_pattern(&d, seed, 0, len);
    enum xk_status s = rig_send(r, node, to, &d);
    rope_fini(&d);
    return s;
}

struct open_job {
    struct rig *r;
    uint32_t to;
    struct xk_sessn *s;
};

static void open_now(struct port *p, void *arg)
{
    struct open_job *j = arg;
    struct xk_protl *probe = xk_find(j->r->k[port_node(p)], "probe");
    enum xk_status why;
    j->s = xk_open(probe->down[0], probe, xk_node(j->to), &why);
    cr_assert_not_null(j->s);
}

struct xk_sessn *rig_open(struct rig *r, uint32_t node, uint32_t to)
{
    struct open_job j = { r, to, NULL };
    fake_call(r->f, node, open_now, &j);
    return j.s;
}

struct push_job {
    struct xk_sessn *s;
    uint64_t seed, length;
    enum xk_status status;
};

static void push_now(struct port *p, void *arg)
{
    (void)p;
    struct push_job *j = arg;
    struct rope d;
    struct xk_msg m;
    rope_init(&d);
    rope_add_pattern(&d, j->seed, 0, j->length);
    xk_msg_init_rope(&m, &d);
    j->status = xk_push(j->s, &m);
    cr_assert_eq(xk_msg_length(&m), j->status == XK_OK ? 0 : j->length);
    xk_msg_fini(&m);
}

enum xk_status rig_push(struct rig *r, uint32_t node, struct xk_sessn *s, uint64_t seed,
                        uint64_t length)
{
    struct push_job j = { .s = s, .seed = seed, .length = length };
    fake_call(r->f, node, push_now, &j);
    return j.status;
}

static void close_now(struct port *p, void *arg)
{
    (void)p;
    xk_close(arg);
}

void rig_close(struct rig *r, uint32_t node, struct xk_sessn *s)
{
    fake_call(r->f, node, close_now, s);
}

uint64_t rig_pattern_hash(uint64_t seed, uint64_t len)
{
    struct rope d;
    rope_init(&d);
    rope_add_pattern(&d, seed, 0, len);
    uint64_t h = rope_hash(&d);
    rope_fini(&d);
    return h;
}

bool rig_alloc_quiet(struct rig *r)
{
    for (uint32_t i = 0; i < RIG_NODES; i++)
        if (r->k[i] && fake_port(r->f, i) && xk_find(r->k[i], "probe"))
            rope_fini(&rig_probe(r, i)->last);
    return rope_leaves_alive() == 0;
}

/* ---- frames on the wire ---- */

bool rig_see(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    struct rig_seen *s = arg;
    (void)src, (void)dst;
    if (s->count < RIG_SEEN) {
        uint64_t n = frame->length < sizeof s->bytes[0] ? frame->length : sizeof s->bytes[0];
        rope_read(frame, 0, n, s->bytes[s->count]);
        s->length[s->count] = frame->length;
    }
    s->count++;
    return true;
}

/* ---- every order ---- */

struct exploring {
    struct rig r;
    struct xk_graph *g;
    void (*start)(struct rig *r);
    bool (*check)(struct rig *r);
};

static void explore_setup(struct fake *f, void *arg)
{
    struct exploring *e = arg;
    rig_boot_all(&e->r, f, e->g, 2, NULL, NULL);
    e->start(&e->r);
}

static bool explore_check(struct fake *f, void *arg)
{
    struct exploring *e = arg;
    (void)f;
    return e->check(&e->r);
}

void rig_explore(const struct fake_options *o, const char *graph, void (*start)(struct rig *r),
                 bool (*check)(struct rig *r))
{
    struct exploring e = { .g = rig_graph(graph), .start = start, .check = check };
    struct fake_explore x = {
        .options = *o, .setup = explore_setup, .check = explore_check, .arg = &e, .orders_max = 4000
    };
    fake_explore(&x);
    cr_assert_not(x.failed, "order %s", x.order);
    cr_assert_gt(x.orders, 100);
    xk_graph_free(e.g);
}
