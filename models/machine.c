/* machine.c: a machine from its parameters, its program, its end.
 *
 * Modelled: nodes on one network, I/O nodes with devices, the boot of every node at time 0, faults.
 * Not modelled: the time that booting takes (what it names is free), power, clock skew.
 */
#include "models/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/build.h"
#include "disks/image.h"
#include "os/file/file.h"
#include "os/xk/domain.h"

/* ---- the audit ---- */

static void tally(struct sim_audit_report *r, const char *what, const struct tally *t)
{
    sim_audit_balance(r, what, t->made, t->done, t->inside, t->dropped);
}

/* Frames inside: accepted and not yet in an interface, in one, or waiting for their upcall. */
static uint64_t frames_inside(const struct machine *m, uint64_t *copied, uint64_t *lost)
{
    uint64_t inside = 0, in = 0, out = 0, gone = 0;
    *copied = 0;
    for (uint32_t i = 0; i < m->layout.nodes; i++) {
        const struct node *n = &m->nodes[i];
        LIST_EACH (it, &n->upcalls) {
            const struct upcall *u = LIST_ENTRY(it, struct upcall, link);
            inside += u->kind == UPCALL_FRAME && !u->started;
        }
        for (uint32_t k = 0; k < n->iface_count; k++) {
            struct nic_counts c;
            nic_counts(n->ifaces[k].nic, &c);
            inside += n->ifaces[k].sends_pending;
            in += c.frames_in;
            *copied += c.frames_copied;
            out += c.frames_out;
            gone += c.frames_dropped_down + c.frames_dropped_fault;
        }
    }
    *lost = gone;
    return inside + in + *copied - out - gone;
}

static const char *const drop_names[DROP_REASONS] = {
    [DROP_SENDER_CRASHED] = "sender crashed",
    [DROP_RECEIVER_CRASHED] = "receiver crashed",
    [DROP_NO_RECEIVER] = "no receiver",
    [DROP_ADAPTER_FULL] = "adapter full",
};

static void audit(void *self, struct sim_audit_report *r)
{
    struct machine *m = self;
    const struct machine_counts *c = &m->counts;
    tally(r, "effects", &c->effects);
    tally(r, "upcalls", &c->upcalls);
    tally(r, "device requests", &c->requests);
    tally(r, "requests to libraries", &c->changes);
    /* Those of services wait for ever. */
    sim_audit_balance(r, "threads", c->threads.made - (c->threads.inside - m->programs),
                      c->threads.done, m->programs, c->threads.dropped);
    uint64_t copied, lost;
    uint64_t inside = frames_inside(m, &copied, &lost);
    uint64_t dropped = lost;
    for (int i = 0; i < DROP_REASONS; i++) {
        dropped += c->frames_dropped[i];
        sim_audit_dropped(r, "frames", drop_names[i], c->frames_dropped[i]);
    }
    sim_audit_dropped(r, "frames", "lost by the interface or the network", lost);
    sim_audit_balance(r, "frames", c->frames_in + copied, c->frames_out, inside, dropped);
    if (m->failure != NULL)
        sim_audit_check(r, false, "%s", m->failure);
}

/* ---- making ---- */

/* What a group says of its nodes, over what the machine says. */
static bool load_own(struct machine *m, const struct val *v, struct err *e)
{
    static const char *const places[] = { "of", "first", "last", "storage", NULL };
    struct node_own **own = &m->owns[m->own_count++];
    if (val_get(v, "node") == NULL && val_get(v, "prices") == NULL)
        return true;
    char *at = base_printf("%s.nodes.%s", m->path, v->key);
    *own = base_alloc(sizeof **own);
    **own = m->params.own;
    bool good = param_override(node_own_params, *own, v, places, at, e);
    free(at);
    price_list_prepare(&(*own)->prices);
    return good;
}

/* What all may know of each node (os_layout.hardware). */
static void tell_hardware(struct machine *m)
{
    bool any = false;
    m->hardware = base_zalloc(m->layout.nodes, sizeof *m->hardware);
    for (size_t i = 0; i <= m->own_count; i++) {
        const struct node_own *own = i == 0 ? &m->params.own : m->owns[i - 1];
        const struct os_group *g =
            i == 0 ? NULL : os_group(&m->boot, m->params.nodes->items[i - 1]->key);
        if (own == NULL)
            continue;
        struct os_hardware h = { .little_endian = own->node.byte_order == NODE_ORDER_LITTLE,
                                 .memory = (uint64_t)own->node.memory };
        any |= h.little_endian || h.memory > 0;
        for (uint32_t k = 0; k < (g == NULL ? m->layout.nodes : g->count); k++)
            m->hardware[g == NULL ? k : g->nodes[k]] = h;
    }
    m->layout.hardware = any ? m->hardware : NULL;
}

/* Groups of nodes, and m->owns beside m->params.nodes. */
static bool load_groups(struct machine *m, struct err *e)
{
    const struct val *groups = m->params.nodes;
    if (!os_groups_load(&m->boot, groups, node_own_names, m->path, e))
        return false;
    price_list_prepare(&m->params.own.prices);
    m->owns = base_zalloc((groups != NULL ? groups->count : 0) + 1, sizeof *m->owns);
    for (size_t i = 0; groups != NULL && i < groups->count; i++)
        if (!load_own(m, groups->items[i], e))
            return false;
    tell_hardware(m);
    return true;
}

static void make_nodes(struct machine *m)
{
    m->nodes = base_zalloc(m->layout.nodes, sizeof *m->nodes);
    for (uint32_t i = 0; i < m->layout.nodes; i++)
        m->nodes[i].own = &m->params.own;
    for (size_t i = 0; i < m->own_count; i++) {
        const struct os_group *g = os_group(&m->boot, m->params.nodes->items[i]->key);
        for (uint32_t k = 0; m->owns[i] != NULL && k < g->count; k++)
            m->nodes[g->nodes[k]].own = m->owns[i];
    }
    for (uint32_t i = 0; i < m->layout.nodes; i++)
        node_init(&m->nodes[i], m, i);
}

/* I/O nodes by their index, any other by its number. */
static bool build_devices(struct machine *m, const struct storage *t, uint32_t at, int32_t node,
                          struct blkdev ***devs, size_t *count, struct err *e)
{
    const struct os_layout *l = &m->layout;
    char prefix[32];
    bool io = l->ranks[at] < l->io_count && l->io[l->ranks[at]] == at;
    snprintf(prefix, sizeof prefix, io ? "io%u." : "n%u.", io ? l->ranks[at] : at);
    return blk_build_list(m->sim, t->spec, node, prefix, t->path, devs, count, e);
}

/* The nodes of a group have these devices; what the first of them holds. */
static bool add_storage(struct machine *m, const struct os_group *g, const struct val *spec,
                        char *path, struct err *e)
{
    struct storage *t = &m->storages[m->storage_count++];
    struct blkdev **devs = NULL;
    struct blk_describe d;
    size_t count = 0;
    *t = (struct storage){ .spec = spec, .path = path };
    bool good = build_devices(m, t, g->count > 0 ? g->nodes[0] : 0, -1, &devs, &count, e);
    if (good && count > 0) {
        devs[0]->ops->describe(devs[0], &d);
        /* What is kept on devices needs one whose sectors can be written in any order. */
        t->first =
            d.sequential ? (struct os_disk){ 0, 0 } : (struct os_disk){ d.sectors, d.sector_bytes };
    }
    for (size_t i = 0; i < count; i++)
        devs[i]->ops->destroy(devs[i]);
    free(devs);
    for (uint32_t i = 0; i < g->count; i++)
        m->disks[g->nodes[i]] = &t->first;
    return good;
}

/* Which nodes have devices, and what the first of each holds. */
static bool plan_storage(struct machine *m, struct err *e)
{
    const struct val *groups = m->params.nodes;
    size_t count = groups != NULL ? groups->count : 0;
    struct os_layout *l = &m->layout;
    m->storages = base_zalloc(count + 1, sizeof *m->storages);
    m->disks = base_zalloc(l->nodes, sizeof *m->disks);
    l->disks = (const struct os_disk *const *)m->disks;
    if (l->io_count > 0 && !add_storage(m, os_group(&m->boot, "io"), m->params.storage,
                                        base_printf("%s.storage", m->path), e))
        return false;
    for (size_t i = 0; i < count; i++) {
        const char *name = groups->items[i]->key;
        const struct val *spec = val_get(groups->items[i], "storage");
        if (spec != NULL && !add_storage(m, os_group(&m->boot, name), spec,
                                         base_printf("%s.nodes.%s.storage", m->path, name), e))
            return false;
    }
    for (uint32_t i = 0; i < l->io_count; i++) {
        struct os_disk d = os_disk(l, l->io[i]);
        if (i == 0 || d.sectors * d.sector_bytes < l->io_sectors * l->io_sector_bytes) {
            l->io_sectors = d.sectors;
            l->io_sector_bytes = d.sector_bytes;
        }
    }
    return true;
}

static bool make_devices(struct machine *m, struct err *e)
{
    for (uint32_t i = 0; i < m->layout.nodes; i++) {
        struct node *n = &m->nodes[i];
        size_t count;
        if (m->disks[i] == NULL)
            continue;
        bool good = build_devices(m, CONTAINER_OF(m->disks[i], struct storage, first), i,
                                  (int32_t)i, &n->devs, &count, e);
        n->dev_count = (uint32_t)count;
        n->in_dev = base_zalloc(count, sizeof *n->in_dev);
        for (size_t k = 0; k < count; k++) {
            struct blk_describe about;
            n->devs[k]->ops->describe(n->devs[k], &about);
            sim_inside_init(&n->in_dev[k], m->sim, SIM_KIND_ARM, (int32_t)i, about.name);
        }
        if (!good)
            return false;
    }
    return true;
}

/* Domains of the graph, on CPUs that every node has. */
static bool load_domains(struct machine *m, const char *path, struct err *e)
{
    const struct xk_graph *g = m->boot.graph;
    char *at = base_printf("%s.domains", path), where[128];
    bool good = xk_graph_domains(m->boot.graph, m->params.domains, at, e);
    for (uint32_t i = 1; good && xk_graph_domain(g, i) != NULL; i++) {
        const char *cpu = xk_graph_domain_cpu(g, i);
        for (size_t k = 0; good && cpu != NULL && k <= m->own_count; k++) {
            const struct node_own *own = k == m->own_count ? &m->params.own : m->owns[k];
            bool has = own == NULL || strcmp(cpu, "application") == 0 ||
                       (cpu[0] == 'c' ? own->node.coprocessor : own->node.third);
            good = has || err_set(e,
                                  "%s%s.%s.cpu: %s have no CPU '%s'; machine.node.%s = true gives "
                                  "them one",
                                  val_where(m->params.domains, where, sizeof where), at,
                                  xk_graph_domain(g, i),
                                  k == m->own_count ? "nodes" : "nodes of a group", cpu, cpu);
        }
    }
    free(at);
    return good;
}

static bool make_os(struct machine *m, const char *path, struct err *e)
{
    char item[128];
    snprintf(item, sizeof item, "%s.graph", path);
    m->boot.restart = m->params.restart_programs;
    if (m->params.graph != NULL) {
        m->boot.graph = xk_graph_load(m->params.graph, m->reg->protocols, item, m->xk_networks,
                                      m->network_count, e);
        if (m->boot.graph == NULL || !load_domains(m, path, e))
            return false;
    }
    m->boot.layers = m->reg->layers;
    return m->reg->services == NULL ||
           (os_boot_load(&m->boot, m->params.os, m->reg->services, path, e) &&
            file_stacks_agree(&m->boot, path, e));
}

static void boot_all(struct sim *s, struct sim_event *e)
{
    (void)s;
    struct machine *m = CONTAINER_OF(e, struct machine, boot_event);
    for (uint32_t i = 0; i < m->layout.nodes; i++)
        node_start(&m->nodes[i]);
}

struct machine *machine_plan(struct sim *s, const struct val *spec, const char *path,
                             const struct machine_registry *reg, struct err *e)
{
    struct machine *m = base_zalloc(1, sizeof *m);
    m->sim = s;
    m->path = path;
    m->reg = reg;
    m->boot.layout = &m->layout;
    m->layout.boot = &m->boot;
    list_init(&m->free_upcalls);
    list_init(&m->free_effects);
    list_init(&m->free_requests);
    list_init(&m->notices);
    list_init(&m->trains);
    list_init(&m->free_trains);
    sim_settle_by(s, &m->settler, trains_settle, m);
    sim_event_init(&m->boot_event, SIM_CLASS_SOFTWARE, boot_all);
    sim_audit_register(s, "machine", audit, m);
    machine_window_init(m);
    sim_count(&m->counted, s, "machine", -1, machine_counters, m);
    if (param_load(machine_params, &m->params, spec, path, e) && layout_make(m, path, e) &&
        load_groups(m, e) && networks_plan(m, e) && captures_plan(m, e) && plan_storage(m, e) &&
        make_os(m, path, e))
        return m;
    machine_destroy(m);
    return NULL;
}

bool machine_build(struct machine *m, struct err *e)
{
    char item[128];
    snprintf(item, sizeof item, "%s.faults", m->path);
    make_nodes(m);
    if (!networks_build(m, e) || !make_devices(m, e) || !libraries_make(m, e) ||
        !faults_load(m, m->params.faults, item, e))
        return false;
    sim_at(m->sim, &m->boot_event, sim_now(m->sim));
    return true;
}

struct machine *machine_create(struct sim *s, const struct val *spec, const char *path,
                               const struct machine_registry *reg, struct err *e)
{
    struct machine *m = machine_plan(s, spec, path, reg, e);
    if (m == NULL || machine_build(m, e))
        return m;
    machine_destroy(m);
    return NULL;
}

void machine_program(struct machine *m, void (*main)(struct os_node *n, const struct program *me),
                     const void *params, uint32_t ranks, uint32_t files)
{
    m->boot.main = main;
    m->boot.params = params;
    m->boot.ranks = ranks;
    m->boot.files = files;
}

void machine_measures(struct machine *m, const struct measure *measures,
                      const struct counter_ratio *ratios, const struct measure *rate)
{
    m->measures = measures;
    m->ratios = ratios;
    m->rate = rate;
    machine_window_declare(m);
}

enum sim_end machine_look(struct machine *m)
{
    m->looking = true;
    for (uint32_t i = 0; i < m->layout.nodes; i++)
        machine_crash(m, i);
    for (uint32_t i = 0; i < m->layout.nodes; i++)
        machine_restart(m, i);
    return sim_run(m->sim);
}

bool machine_images_load(struct machine *m, const char *dir, struct err *e)
{
    uint32_t found = 0;
    for (uint32_t i = 0; i < m->layout.nodes; i++)
        for (size_t k = 0; k < m->nodes[i].dev_count; k++)
            if (!blk_image_load(m->nodes[i].devs[k], dir, &found, e))
                return false;
    return found > 0 || err_set(e, "the folder '%s' has no image of a device of this machine", dir);
}

bool machine_images_save(const struct machine *m, const char *dir, struct err *e)
{
    for (uint32_t i = 0; i < m->layout.nodes; i++)
        for (size_t k = 0; k < m->nodes[i].dev_count; k++)
            if (!blk_image_save(m->nodes[i].devs[k], dir, e))
                return false;
    return true;
}

static void free_pools(struct machine *m)
{
    struct list *l;
    while ((l = list_pop(&m->free_upcalls)) != NULL)
        free(LIST_ENTRY(l, struct upcall, link));
    while ((l = list_pop(&m->free_effects)) != NULL)
        free(LIST_ENTRY(l, struct effect, link));
    while ((l = list_pop(&m->free_requests)) != NULL)
        free(LIST_ENTRY(l, struct request, link));
}

void machine_destroy(struct machine *m)
{
    m->closing = true;
    trains_free(m);
    list_remove(&m->settler.link);
    sim_cancel(m->sim, &m->boot_event);
    sim_audit_unregister(m->sim, m);
    machine_window_fini(m);
    sim_count_end(&m->counted);
    faults_free(m);
    machine_forget_notices(m);
    for (uint32_t i = 0; m->nodes != NULL && i < m->layout.nodes; i++)
        if (m->nodes[i].up) /* a packet that one has is of a frame of another's */
            node_crash(&m->nodes[i]);
    for (uint32_t i = 0; m->nodes != NULL && i < m->layout.nodes; i++)
        node_fini(&m->nodes[i]);
    sim_ledger_book_fini(&m->window.ledgers); /* tasks had them */
    changer_list_free(&m->libraries);
    captures_free(m);
    networks_free(m);
    free_pools(m);
    for (size_t i = 0; i < m->own_count; i++)
        free(m->owns[i]);
    free(m->owns);
    for (size_t i = 0; i < m->storage_count; i++)
        free(m->storages[i].path);
    free(m->storages);
    free(m->disks);
    os_boot_free(&m->boot);
    free(m->nodes);
    free(m->compute);
    free(m->io);
    free(m->ranks);
    free(m->hardware);
    free(m->failure);
    free(m);
}

const struct os_layout *machine_layout(const struct machine *m)
{
    return &m->layout;
}

struct net *machine_net(struct machine *m)
{
    return m->networks[0].net;
}

const char *machine_failure(const struct machine *m)
{
    return m->failure;
}

void machine_set_flatten(struct machine *m, bool on)
{
    m->params.flatten = on;
}

uint64_t machine_steps(const struct machine *m)
{
    return m->steps;
}
