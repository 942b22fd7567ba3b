/* svm_world.c: see svm_world.h. */
#include "tests/os/svm_world.h"

#include <criterion/criterion.h>
#include <string.h>

const char *world_graph(const struct world *w)
{
    return w->store == STORE_SERVERS ? "mesh driver; r rdm <mesh; svm svm <r; blast blast <mesh; "
                                       "chan chan <blast; rpc select <chan"
                                     : "mesh driver; r rdm <mesh; svm svm <r";
}

const char *world_manager(const struct world *w)
{
    return svm_managers.items[w->manager]->name;
}

int world_manager_named(const char *name)
{
    int m = 0;
    while (strcmp(svm_managers.items[m]->name, name) != 0)
        m++;
    return m;
}

uint64_t world_random(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

struct start {
    struct world *w;
    uint32_t node;
};

static void thread(void *arg)
{
    struct start *s = arg;
    struct world *w = s->w;
    uint32_t node = s->node;
    if (!w->at_once)
        port_thread_sleep(vm_port(w->vm[node]), SIM_MS); /* until all have booted */
    w->program(w, node);
    w->done[node] = true;
    w->finished++;
}

static bool keep_error(void *arg, const struct vm_error *e)
{
    struct world *w = arg;
    w->error = *e;
    return true;
}

static struct vm_store *store_of(struct world *w, uint32_t node)
{
    uint32_t servers[RIG_NODES];
    if (w->store == STORE_NONE)
        return NULL;
    if (w->store == STORE_DISK)
        return vm_swap_create(w->vm[node], 0, 0, 8192);
    for (uint32_t i = 0; i < w->servers; i++)
        servers[i] = w->nodes + i;
    return memsrv_store(memsrv_client_create(xk_find(w->rig.k[node], "rpc"), 0, servers, w->servers,
                                             &w->client, "paging"));
}

static void join(struct world *w, uint32_t node, struct port *p)
{
    static uint32_t nodes[RIG_NODES];
    struct vm_params vp = { .page = WORLD_PAGE,
                            .frames = w->frames,
                            .replacement = w->replacement };
    struct svm_params sp = { .manager = w->manager,
                             .hash_block = 1,
                             .retry = 10 * SIM_MS,
                             .initial_owner = w->initial_owner };
    for (uint32_t i = 0; i < w->nodes; i++)
        nodes[i] = i;
    w->vm[node] = vm_create(p, &vp);
    w->space[node] = vm_space_create(w->vm[node], "test");
    vm_on_error(w->space[node], keep_error, w);
    w->svm[node] = svm_join(xk_find(w->rig.k[node], "svm"), w->space[node], WORLD_BASE,
                            w->pages * WORLD_PAGE, nodes, w->nodes, &sp);
    cr_assert_not_null(w->svm[node]);
    w->stores[node] = store_of(w, node);
    svm_set_store(w->svm[node], w->stores[node]);
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct world *w = r->arg;
    if (node >= w->nodes) {
        struct memsrv_params server = w->server;
        cr_assert_not_null(memsrv_serve(xk_find(r->k[node], "rpc"), &server, WORLD_PAGE));
        return;
    }
    if (port_incarnation(p) > 1 && !w->rejoin) /* its program does not come back */
        return;
    join(w, node, p);
    struct start *s = port_alloc(p, sizeof *s);
    *s = (struct start){ .w = w, .node = node };
    cr_assert_not_null(port_thread_spawn(p, "program", thread, s, 0));
}

void world_options(const struct world *w, enum fake_order order, struct fake_options *o)
{
    *o = (struct fake_options){ .nodes = w->nodes + w->servers,
                                .seed = w->seed,
                                .order = order,
                                .disks = w->store != STORE_NONE,
                                .detect_delay = w->detect_delay };
}

void world_start(struct world *w, enum fake_order order)
{
    struct fake_options o;
    world_options(w, order, &o);
    rig_start(&w->rig, &o, world_graph(w), booted, w);
}

static void boot_node(struct port *p, void *arg)
{
    struct rig *r = arg;
    r->k[port_node(p)] = xk_boot(p, r->g);
    booted(r, port_node(p), p);
}

void world_boot(struct world *w, struct fake *f, struct xk_graph *g)
{
    w->finished = w->failed = 0;
    memset(w->done, 0, sizeof w->done);
    memset(w->shadow, 0, sizeof w->shadow);
    rig_boot(&w->rig, f, g, NULL, w);
    for (uint32_t n = 0; n < w->nodes + w->servers; n++)
        fake_boot(f, n, boot_node, &w->rig);
}

bool world_load(struct world *w, uint32_t node, uint64_t at)
{
    w->error.status = VM_OK;
    const uint8_t *p = vm_at(w->space[node], WORLD_BASE + at, 1, VM_READ);
    if (!p)
        return false;
    cr_assert_eq(*p, w->shadow[at],
                 "%s, seed %llu: node %u reads %u at offset %llu where %u was written last",
                 world_manager(w), (unsigned long long)w->seed, node, *p, (unsigned long long)at,
                 w->shadow[at]);
    w->checked++;
    return true;
}

bool world_store(struct world *w, uint32_t node, uint64_t at, uint8_t value)
{
    uint8_t *p = vm_at(w->space[node], WORLD_BASE + at, 1, VM_WRITE);
    if (!p)
        return false;
    *p = w->shadow[at] = value;
    return true;
}

void world_random_program(struct world *w, uint32_t node)
{
    uint64_t x = w->seed * 1000 + node;
    struct port *p = vm_port(w->vm[node]);
    for (uint32_t i = 0; i < w->accesses; i++) {
        uint64_t at = world_random(&x) % (w->pages * WORLD_PAGE);
        bool ok;
        if (world_random(&x) % 3 == 0)
            ok = world_store(w, node, at, (uint8_t)world_random(&x));
        else
            ok = world_load(w, node, at);
        w->failed += !ok;
        if (world_random(&x) % 8 == 0)
            port_thread_sleep(p, (sim_time)(world_random(&x) % 50) * SIM_US);
    }
}

void world_check(struct world *w)
{
    bool owners_exist = strcmp(world_manager(w), "xmm") != 0;
    for (uint32_t p = 0; p < w->pages; p++) {
        uint32_t owners = 0, writers = 0, readers = 0;
        for (uint32_t n = 0; n < w->nodes; n++) {
            struct svm_view v;
            if (!fake_up(w->rig.f, n))
                continue;
            svm_look(w->svm[n], p, &v);
            owners += v.owner;
            writers += v.prot == VM_WRITE;
            readers += v.prot == VM_READ;
            cr_assert(!v.locked, "%s: page %u is locked at node %u at the end", world_manager(w), p,
                      n);
        }
        cr_assert_leq(writers, 1u);
        cr_assert(writers == 0 || readers == 0, "page %u has a writer and %u readers", p, readers);
        cr_assert(!owners_exist || owners == 1, "%s: page %u has %u owners", world_manager(w), p,
                  owners);
    }
}

struct svm_counts world_counts(const struct world *w)
{
    struct svm_counts sum = { .sent = 0 };
    for (uint32_t n = 0; n < w->nodes; n++) {
        struct svm_counts k;
        if (!fake_up(w->rig.f, n))
            continue;
        svm_counts(w->svm[n], &k);
        sum.sent += k.sent;
        sum.page_outs += k.page_outs;
        sum.page_ins += k.page_ins;
        sum.lost += k.lost;
        sum.recoveries += k.recoveries;
    }
    return sum;
}
