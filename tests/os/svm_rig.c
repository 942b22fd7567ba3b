/* svm_rig.c: see svm_rig.h. */
#include "tests/os/svm_rig.h"
#include "tests/os/tcp_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

struct start {
    struct cluster *c;
    uint32_t id;
};

int manager_named(const char *name)
{
    int m = 0;
    while (strcmp(svm_managers.items[m]->name, name) != 0)
        m++;
    return m;
}

const char *manager_of(const struct cluster *c)
{
    return svm_managers.items[c->manager]->name;
}

uint64_t mix(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void thread(void *arg)
{
    struct start *s = arg;
    if (!s->c->at_once)
        port_thread_sleep(vm_port(s->c->vm[s->id % s->c->nodes]), SIM_MS); /* all have booted */
    s->c->program(s->c, s->id);
    s->c->finished++;
}

static bool take_error(void *arg, const struct vm_error *e)
{
    struct cluster *c = arg;
    cr_assert_eq(e->status, VM_NO_FRAMES, "%s", e->text);
    c->failed++;
    return true;
}

static void join(struct cluster *c, uint32_t node, struct port *p)
{
    struct vm_params vp = { .page = PAGE, .frames = c->frames, .replacement = (int)(c->seed % 3) };
    struct svm_params sp = { .manager = c->manager,
                             .hash_block = c->hash_block ? c->hash_block : 1,
                             .fanout = c->fanout,
                             .announce_every = c->announce_every,
                             .retry = c->retry ? c->retry : 10 * SIM_MS,
                             .initial_owner = c->initial_owner };
    static uint32_t nodes[RIG_NODES];
    for (uint32_t i = 0; i < c->nodes; i++)
        nodes[i] = i;
    c->vm[node] = vm_create(p, &vp);
    c->space[node] = vm_space_create(c->vm[node], "test");
    vm_on_error(c->space[node], take_error, c);
    c->svm[node] = svm_join(xk_find(c->rig.k[node], "svm"), c->space[node], BASE, c->pages * PAGE,
                            nodes, c->nodes, &sp);
    cr_assert_not_null(c->svm[node]);
    if (c->frames > 0)
        svm_set_store(c->svm[node], vm_swap_create(c->vm[node], 0, 0, 8192));
    svm_watch(c->svm[node], c->watch, c);
}

void cluster_booted(struct rig *r, uint32_t node, struct port *p)
{
    struct cluster *c = r->arg;
    join(c, node, p);
    if (node == 0 && c->record)
        history_init(&c->history, p, BASE, PAGE);
    for (uint32_t t = 0; c->program && t < (c->threads ? c->threads : 1); t++) {
        struct start *s = port_alloc(p, sizeof *s);
        *s = (struct start){ .c = c, .id = node + t * c->nodes };
        cr_assert_not_null(port_thread_spawn(p, "program", thread, s, 0));
    }
}

void cluster_start(struct cluster *c, enum fake_order order)
{
    struct fake_options o = { .nodes = c->nodes,
                              .disks = c->frames > 0,
                              .seed = c->seed,
                              .order = order,
                              .timer_odds = c->timer_odds,
                              .mtu = c->mtu ? c->mtu : 4096,
                              .tx_queue = c->tx_queue };
    o.lossy = o.unordered = c->seed % 8 == 7 && !c->tx_queue;
    o.drop_ppm = o.delay_ppm = o.lossy ? 20000 : 0;
    rig_over_tcp = c->seed % 16 == 7 ? &tip_protl : NULL;
    rig_start(&c->rig, &o,
              c->tx_queue                         ? "mesh driver queue=1; r rdm <mesh; svm svm <r"
              : c->seed % 4 == 3 && !rig_over_tcp ? "mesh driver; r ulp <mesh; svm svm <r"
                                                  : "mesh driver; r rdm <mesh; svm svm <r",
              cluster_booted, c);
    rig_over_tcp = NULL;
}

void cluster_stop(struct cluster *c)
{
    rig_stop(&c->rig);
}

/* ---- accesses ---- */

static uint64_t shadow_value(const struct cluster *c, uint64_t at, uint32_t size)
{
    uint64_t v = 0;
    memcpy(&v, c->shadow + at, size);
    return v;
}

static void record(struct cluster *c, uint32_t node, sim_time begun, uint64_t at, uint32_t size,
                   bool write, uint64_t value)
{
    if (c->record)
        history_add(&c->history, &(struct history_op){ .addr = BASE + at,
                                                       .value = value,
                                                       .start = begun * SIM_US,
                                                       .end = ++c->ticks * SIM_US,
                                                       .node = node,
                                                       .size = size,
                                                       .write = write });
}

/* Where the bytes are; NULL: the access failed for want of a frame. */
static void *bytes_at(struct cluster *c, uint32_t id, uint64_t at, uint32_t size, enum vm_prot want)
{
    return vm_at(c->space[id % c->nodes], BASE + at, size, want);
}

void cluster_write(struct cluster *c, uint32_t id, uint64_t at, uint32_t size, uint64_t value)
{
    sim_time begun = ++c->ticks;
    void *p = bytes_at(c, id, at, size, VM_WRITE);
    if (!p)
        return;
    memcpy(p, &value, size);
    memcpy(c->shadow + at, &value, size);
    record(c, id, begun, at, size, true, value);
}

void cluster_read(struct cluster *c, uint32_t id, uint64_t at, uint32_t size)
{
    uint64_t got = 0;
    sim_time begun = ++c->ticks;
    void *p = bytes_at(c, id, at, size, VM_READ);
    if (!p)
        return;
    memcpy(&got, p, size);
    c->wrong += got != shadow_value(c, at, size);
    c->checked++;
    record(c, id, begun, at, size, false, got);
}

/* Where the next access goes: anywhere, or among the first words of a page, where nodes meet. */
static uint64_t somewhere(struct cluster *c, uint64_t *x, uint32_t size)
{
    uint64_t page = mix(x) % c->pages, within = mix(x) % 2 ? PAGE : 32;
    return page * PAGE + mix(x) % (within / size) * size;
}

/* Keeps a page pinned for a while and changes it through the pointer. */
static void pinned_work(struct cluster *c, uint32_t id, uint64_t *x)
{
    uint64_t at = mix(x) % (c->pages * PAGE);
    enum vm_prot want = mix(x) % 2 ? VM_WRITE : VM_READ;
    /* Now and then so long that who waits for a frame gives up. */
    sim_time pause = c->frames > 0 && mix(x) % 16 == 0 ? 300 * SIM_MS : 100 * SIM_US;
    struct vm_space *space = c->space[id % c->nodes];
    size_t got;
    uint8_t *p = vm_span(space, BASE + at, 1, want, &got);
    if (!p)
        return;
    uint8_t before = *p;
    c->wrong += before != c->shadow[at];
    port_thread_sleep(vm_port(c->vm[id % c->nodes]), (sim_time)(mix(x) % 100) * (pause / 100));
    bool alone = !c->threads; /* who pins keeps all other nodes out */
    c->wrong += *p != c->shadow[at] || (alone && *p != before);
    if (want == VM_WRITE)
        *p = c->shadow[at] = (uint8_t)mix(x);
    vm_unspan(space, BASE + at);
}

void cluster_random_program(struct cluster *c, uint32_t id)
{
    static const uint32_t sizes[] = { 1, 4, 8 };
    uint64_t x = c->seed * 1000 + id;
    uint32_t fixed = sizes[c->seed % 3], ids = c->nodes * (c->threads ? c->threads : 1);
    for (uint32_t i = 1; i <= c->accesses; i++) {
        /* A history has one size; without one, all sizes overlap. */
        uint32_t size = c->record ? fixed : sizes[mix(&x) % 3];
        uint64_t at = somewhere(c, &x, size);
        if (mix(&x) % 3 == 0)
            cluster_write(c, id, at, size,
                          ((uint64_t)i * ids + id + 1) & (UINT64_MAX >> (64 - 8 * size)));
        else
            cluster_read(c, id, at, size);
        cr_assert_eq(c->wrong, 0,
                     "%s, seed %llu: node %u reads at offset %llu what is not the "
                     "most recent write",
                     manager_of(c), (unsigned long long)c->seed, id % c->nodes,
                     (unsigned long long)at);
        if (!c->record && mix(&x) % 16 == 0)
            pinned_work(c, id, &x);
        if (mix(&x) % 8 == 0)
            port_thread_sleep(vm_port(c->vm[id % c->nodes]), (sim_time)(mix(&x) % 50) * SIM_US);
    }
}

/* ---- what holds between steps ---- */

bool cluster_single_writer(struct cluster *c)
{
    for (uint32_t p = 0; p < c->pages; p++) {
        uint32_t writers = 0, readers = 0;
        for (uint32_t n = 0; n < c->nodes; n++) {
            struct svm_view v;
            if (!c->svm[n])
                continue;
            svm_look(c->svm[n], p, &v);
            writers += v.prot == VM_WRITE;
            readers += v.prot == VM_READ;
        }
        if (writers > 1 || (writers == 1 && readers > 0))
            return false;
    }
    return true;
}

const char *cluster_fault(struct cluster *c)
{
    static char text[120];
    bool ownerless = strcmp(manager_of(c), "xmm") == 0;
    for (uint32_t p = 0; p < c->pages; p++) {
        uint32_t owners = 0, locked = 0;
        for (uint32_t n = 0; n < c->nodes; n++) {
            struct svm_view v;
            svm_look(c->svm[n], p, &v);
            owners += v.owner;
            locked += v.locked;
        }
        if (locked == 0 && (ownerless || owners == 1))
            continue;
        snprintf(text, sizeof text, "page %u has %u owners and is locked at %u nodes", p, owners,
                 locked);
        return text;
    }
    return cluster_single_writer(c) ? NULL : "a page has a writer and others that access it";
}
