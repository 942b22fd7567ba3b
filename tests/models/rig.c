/* rig.c: see rig.h. */
#include "rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>

#include "mesh/mesh.h"
#include "os/registry.h"

/* ---- the wire ---- */

struct wire {
    struct net net;
    uint32_t terminals;
    struct net_terminal *of;
    uint64_t inside;
};
struct wire_params {
    int64_t rows, columns;
};
struct flight {
    struct sim_event event;
    struct net_packet *packet;
    struct wire *wire;
};

static const struct param wire_params[] = {
    P_INT(wire_params, rows, NULL, "1", NULL, "rows"),
    P_INT(wire_params, columns, NULL, "1", NULL, "columns"),
    P_END,
};

static struct net *wire_create(struct sim *s, const void *params, struct err *e)
{
    (void)e;
    const struct wire_params *p = params;
    struct wire *w = base_zalloc(1, sizeof *w);
    w->net.ops = &rig_wire;
    w->net.sim = s;
    w->terminals = (uint32_t)(p->rows * p->columns);
    w->of = base_zalloc(w->terminals, sizeof *w->of);
    return &w->net;
}

static void wire_destroy(struct net *n)
{
    struct wire *w = CONTAINER_OF(n, struct wire, net);
    free(w->of);
    free(w);
}

static void wire_set_terminal(struct net *n, uint32_t terminal, const struct net_terminal *t)
{
    CONTAINER_OF(n, struct wire, net)->of[terminal] = *t;
}

static void wire_deliver(struct sim *s, struct sim_event *e)
{
    struct flight *f = CONTAINER_OF(e, struct flight, event);
    struct net_packet *p = f->packet;
    struct wire *w = f->wire;
    free(f);
    w->inside--;
    p->delivered = sim_now(s);
    w->of[p->dst].receive(w->of[p->dst].arg, p, NET_OK);
}

static void wire_sent(struct sim *s, struct sim_event *e)
{
    (void)s;
    struct flight *f = CONTAINER_OF(e, struct flight, event);
    struct wire *w = f->wire;
    struct net_packet *p = f->packet;
    struct net_terminal *t = &w->of[p->src];
    sim_event_init(e, SIM_CLASS_ARRIVAL, wire_deliver);
    sim_after(w->net.sim, e, RIG_WIRE_DELAY);
    if (t->sent != NULL)
        t->sent(t->arg, p);
}

static void wire_inject(struct net *n, struct net_packet *p)
{
    struct wire *w = CONTAINER_OF(n, struct wire, net);
    struct flight *f = base_zalloc(1, sizeof *f);
    f->packet = p;
    f->wire = w;
    p->injected = sim_now(n->sim);
    w->inside++;
    sim_event_init(&f->event, SIM_CLASS_ARRIVAL, wire_sent);
    sim_after(n->sim, &f->event, 0);
}

static void wire_describe(const struct net *n, struct net_describe *d)
{
    *d = (struct net_describe){ .model = "wire",
                                .terminals = CONTAINER_OF(n, struct wire, net)->terminals,
                                .flit_bytes = 2,
                                .flit_time = 10 * SIM_NS,
                                .shape = "wire" };
}

static sim_time wire_zero_load(const struct net *n, uint32_t src, uint32_t dst, uint32_t flits)
{
    (void)n, (void)src, (void)dst, (void)flits;
    return RIG_WIRE_DELAY;
}

static uint32_t wire_distance(const struct net *n, uint32_t src, uint32_t dst)
{
    (void)n, (void)src, (void)dst;
    return 1;
}

const struct net_ops rig_wire = {
    .kind = { .name = "wire",
              .doc = "fixed delay",
              .params = wire_params,
              .params_size = sizeof(struct wire_params) },
    .create = wire_create,
    .destroy = wire_destroy,
    .set_terminal = wire_set_terminal,
    .inject = wire_inject,
    .describe = wire_describe,
    .zero_load = wire_zero_load,
    .distance = wire_distance,
};

/* ---- the rig ---- */

static const struct kind *const nets[] = { &rig_wire.kind, &net_worm.kind, &net_ideal.kind, NULL };
static const struct kind_set net_set = { "network", "machine.network", nets };
static rig_boot_fn *on_boot;

static struct os_node *boot(struct port *kernel, const struct os_boot *b)
{
    if (on_boot != NULL)
        on_boot(kernel, b->layout);
    return NULL;
}

static void set(struct rig *r, const char *path, struct val *v)
{
    struct err e = ERR_INIT;
    cr_assert(val_set_path(r->spec, path, v, &e), "%s", e.text);
}

void rig_set(struct rig *r, const char *path, const char *text)
{
    set(r, path, val_new_string(text, NULL, 0));
}

void rig_set_int(struct rig *r, const char *path, int64_t value)
{
    set(r, path, val_new_int(value, NULL, 0));
}

void rig_set_bool(struct rig *r, const char *path, bool value)
{
    set(r, path, val_new_bool(value, NULL, 0));
}

void rig_init(struct rig *r, int rows, int columns)
{
    *r = (struct rig){ .options = { .seed = 7 },
                       .reg = { .nets = &net_set, .protocols = &os_protocols, .boot = boot },
                       .leaves = rope_leaves_alive() };
    r->spec = val_new(VAL_TABLE, NULL, 0);
    rig_set_int(r, "rows", rows);
    rig_set_int(r, "columns", columns);
}

static bool make(struct rig *r, struct err *e)
{
    r->sim = sim_create(&r->options);
    r->m = machine_create(r->sim, r->spec, "machine", &r->reg, e);
    return r->m != NULL;
}

void rig_open(struct rig *r, rig_boot_fn *fn)
{
    struct err e = ERR_INIT;
    on_boot = fn;
    cr_assert(make(r, &e), "%s", e.text);
}

void rig_refused(struct rig *r, struct err *e)
{
    on_boot = NULL;
    cr_assert_not(make(r, e));
    sim_destroy(r->sim);
    val_free(r->spec);
}

/* LeakSanitizer's, where what is tested is built with it; this file need not be. */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));

void rig_watch_leaks(bool on)
{
    void (*fn)(void) = on ? __lsan_enable : __lsan_disable;
    if (fn != NULL)
        fn();
}

enum sim_end rig_run(struct rig *r)
{
    bool dies = val_get(r->spec, "faults") != NULL;
    if (dies)
        rig_watch_leaks(false);
    enum sim_end end = sim_run(r->sim);
    if (dies)
        rig_watch_leaks(true);
    return end;
}

void rig_close(struct rig *r)
{
    char text[4096];
    cr_expect_eq(sim_audit_run(r->sim, text, sizeof text), 0, "%s", text);
    machine_finish(r->m);
    bool crashed = r->m->counts.crashes > 0;
    machine_destroy(r->m);
    sim_destroy(r->sim);
    val_free(r->spec);
    /* A crash drops the references that a heap holds without a look at them. */
    cr_expect(crashed || rope_leaves_alive() == r->leaves);
}

struct val *rig_node(uint32_t node)
{
    char path[32];
    snprintf(path, sizeof path, "node %u", node);
    return val_new_string(path, NULL, 0);
}

void rig_os(struct rig *r)
{
    r->reg.services = &os_services;
    r->reg.layers = &os_layers;
    r->reg.boot = os_node_boot;
}

bool rig_load(struct rig *r, const struct workload_ops *ops, const void *params, struct err *e)
{
    uint32_t ranks;
    if (!workload_ranks(ops, params, machine_layout(r->m), &ranks, e))
        return false;
    machine_measures(r->m, ops->measures, ops->ratios, ops->rate);
    machine_program(r->m, ops->main, params, ranks,
                    ops->files ? ops->files(params, machine_layout(r->m)) : 0);
    return true;
}

void *rig_start(struct rig *r, const struct workload_ops *kind, const struct workload_ops *run,
                const struct val *p)
{
    struct err e = ERR_INIT;
    cr_assert(make(r, &e), "%s", e.text);
    void *params = calloc(1, kind->kind.params_size);
    cr_assert(param_load(kind->kind.params, params, p, "workload", &e), "%s", e.text);
    cr_assert(rig_load(r, run != NULL ? run : kind, params, &e), "%s", e.text);
    return params;
}

void rig_crashes(struct rig *r, uint32_t count, const uint64_t *at, const uint32_t *node,
                 const uint64_t *after)
{
    struct val *faults = val_new(VAL_LIST, NULL, 0);
    for (uint32_t i = 0; i < count; i++) {
        struct val *f = val_new(VAL_TABLE, NULL, 0);
        char text[32];
        snprintf(text, sizeof text, "%luus", after[i]);
        val_put(f, "event", val_new_int((int64_t)at[i], NULL, 0));
        val_put(f, "path", rig_node(node[i]));
        if (after[i] > 0)
            val_put(f, "after", val_new_string(text, NULL, 0));
        val_append(faults, f);
    }
    if (count > 0)
        val_put(r->spec, "faults", faults);
    else
        val_free(faults);
}

void rig_verdict(struct rig *r, enum sim_end end, const char *wrong, char *said, size_t n)
{
    const char *failure = machine_failure(r->m), *why = failure ? failure : wrong;
    bool whole = end == SIM_END_IDLE;
    snprintf(said, n, "%s%s%s", whole ? "" : sim_end_name(end), whole || !why[0] ? "" : "; ", why);
    if (said[0] == '\0' && sim_audit_run(r->sim, said, n) == 0)
        said[0] = '\0';
}

double rig_mean(const struct rig *r, const char *measure)
{
    struct sim_measure *m = sim_measure_find(r->sim, measure);
    return m != NULL && sim_measure_count(m) > 0 ? sim_measure_mean(m) : -1;
}

void rig_finish(struct rig *r, void *params, const struct sim_result_sink *sink)
{
    machine_finish(r->m);
    sim_measures_write(r->sim, sink);
    machine_destroy(r->m);
    sim_destroy(r->sim);
    val_free(r->spec);
    free(params);
}
