/* lrc_rig.c: see lrc_rig.h. */
#include "tests/os/lrc_rig.h"
#include "tests/os/tcp_rig.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

uint64_t lrc_mix(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* ---- the judge ---- */

static void join(struct moment *into, const struct moment *m)
{
    for (uint32_t i = 0; i < LRC_NODES; i++)
        if (m->of[i] > into->of[i])
            into->of[i] = m->of[i];
}

void lrc_wrote(struct lrc_world *w, uint32_t node, uint64_t at, uint8_t value)
{
    struct judge *j = &w->judge;
    const struct moment *now = &j->now[node];
    cr_assert(j->byte[at].at <= now->of[j->byte[at].writer], "writes race at %llu",
              (unsigned long long)at);
    for (uint32_t n = 0; n < w->nodes; n++)
        cr_assert(j->byte[at].read[n] <= now->of[n], "a write races a read at %llu",
                  (unsigned long long)at);
    j->byte[at].writer = node;
    j->byte[at].at = now->of[node];
    j->byte[at].value = value;
}

void lrc_saw(struct lrc_world *w, uint32_t node, uint64_t at, uint8_t value)
{
    struct judge *j = &w->judge;
    const struct moment *now = &j->now[node];
    cr_assert(j->byte[at].at <= now->of[j->byte[at].writer], "a read races a write at %llu",
              (unsigned long long)at);
    j->byte[at].read[node] = now->of[node];
    j->reads++;
    if (value == j->byte[at].value)
        return;
    if (j->wrong++ == 0)
        snprintf(j->text, sizeof j->text,
                 "node %u reads %u at %llu; node %u wrote %u, which happened before", node, value,
                 (unsigned long long)at, j->byte[at].writer, j->byte[at].value);
}

void lrc_write(struct lrc_world *w, uint32_t node, uint64_t at, uint8_t value)
{
    vm_store_u8(w->space[node], LRC_BASE + at, value);
    lrc_wrote(w, node, at, value);
}

void lrc_read(struct lrc_world *w, uint32_t node, uint64_t at)
{
    lrc_saw(w, node, at, vm_load_u8(w->space[node], LRC_BASE + at));
}

void lrc_lock(struct lrc_world *w, uint32_t node, uint32_t lock)
{
    sync_lock(w->sync[node], lock);
    join(&w->judge.now[node], &w->judge.lock[lock]);
}

void lrc_unlock(struct lrc_world *w, uint32_t node, uint32_t lock)
{
    join(&w->judge.lock[lock], &w->judge.now[node]);
    w->judge.now[node].of[node]++;
    sync_unlock(w->sync[node], lock);
}

void lrc_advance(struct lrc_world *w, uint32_t node, uint32_t count)
{
    struct judge *j = &w->judge;
    join(&j->count[count][++j->advanced[count]], &j->now[node]);
    j->now[node].of[node]++;
    sync_advance(w->sync[node], LRC_LOCKS + count);
}

void lrc_await(struct lrc_world *w, uint32_t node, uint32_t count, uint32_t value)
{
    sync_await(w->sync[node], LRC_LOCKS + count, value);
    join(&w->judge.now[node], &w->judge.count[count][value]);
}

void lrc_barrier(struct lrc_world *w, uint32_t node)
{
    struct judge *j = &w->judge;
    struct moment *b = &j->barrier[j->barriers[node]++];
    join(b, &j->now[node]);
    j->now[node].of[node]++;
    sync_barrier(w->sync[node]);
    join(&j->now[node], b);
}

/* ---- the random program ---- */

enum role { ROLE_LOCK, ROLE_OWNER, ROLE_COUNT };

static uint64_t hash(uint64_t a, uint64_t b)
{
    uint64_t x = a * 0x9e3779b97f4a7c15u + b;
    return lrc_mix(&x);
}

static uint32_t counts_of(const struct lrc_world *w)
{
    return w->nodes < LRC_COUNTS ? w->nodes : LRC_COUNTS;
}

static enum role role_of(const struct lrc_world *w, uint64_t at, uint32_t *which)
{
    uint64_t h = hash(w->seed, at / w->unit);
    *which = (uint32_t)(h >> 8);
    if (h % 8 < 4) {
        *which %= LRC_LOCKS;
        return ROLE_LOCK;
    }
    if (h % 8 < 7)
        return ROLE_OWNER;
    *which %= counts_of(w);
    return ROLE_COUNT;
}

/* A byte of that role, and of that lock or count; false: none was met. */
static bool pick(const struct lrc_world *w, uint64_t *x, enum role role, uint32_t which,
                 uint64_t *at)
{
    uint32_t spread = w->spread ? w->spread : LRC_PAGE;
    for (int i = 0; i < 200; i++) {
        uint32_t got;
        *at = lrc_mix(x) % w->pages * LRC_PAGE + lrc_mix(x) % spread;
        if (role_of(w, *at, &got) == role && (role == ROLE_OWNER || got == which))
            return true;
    }
    return false;
}

static uint32_t owner_of(const struct lrc_world *w, uint64_t at, uint32_t round)
{
    return (uint32_t)(hash(w->seed + round, at / w->unit) % w->nodes);
}

static void locked_section(struct lrc_world *w, uint32_t node, uint64_t *x)
{
    uint32_t lock = (uint32_t)(lrc_mix(x) % LRC_LOCKS);
    uint64_t at;
    lrc_lock(w, node, lock);
    for (uint64_t k = lrc_mix(x) % 5; k > 0; k--)
        if (!pick(w, x, ROLE_LOCK, lock, &at))
            break;
        else if (lrc_mix(x) % 2)
            lrc_write(w, node, at, (uint8_t)lrc_mix(x));
        else
            lrc_read(w, node, at);
    lrc_unlock(w, node, lock);
}

/* In odd rounds owners write, in even rounds all read. */
static void owned_access(struct lrc_world *w, uint32_t node, uint32_t round, uint64_t *x)
{
    uint64_t at;
    for (int i = 0; i < 20; i++) {
        if (!pick(w, x, ROLE_OWNER, 0, &at))
            return;
        if (round % 2 == 0) {
            lrc_read(w, node, at);
        } else if (owner_of(w, at, round) == node) {
            if (lrc_mix(x) % 3)
                lrc_write(w, node, at, (uint8_t)lrc_mix(x));
            else
                lrc_read(w, node, at);
        }
    }
}

static void await_and_read(struct lrc_world *w, uint32_t node, uint32_t round, uint64_t *x)
{
    uint32_t count = (uint32_t)(lrc_mix(x) % counts_of(w));
    uint64_t at;
    lrc_await(w, node, count, round);
    for (int i = 0; i < 3; i++)
        if (pick(w, x, ROLE_COUNT, count, &at))
            lrc_read(w, node, at);
}

void lrc_random_program(struct lrc_world *w, uint32_t node)
{
    uint64_t x = w->seed * 1000 + node, at;
    for (uint32_t round = 1; round <= w->rounds; round++) {
        if (node < counts_of(w)) {
            for (int i = 0; i < 3; i++)
                if (pick(w, &x, ROLE_COUNT, node, &at))
                    lrc_write(w, node, at, (uint8_t)lrc_mix(&x));
            lrc_advance(w, node, node);
        }
        for (int i = 0; i < 8; i++) {
            uint64_t what = lrc_mix(&x) % 8;
            if (what < 4)
                locked_section(w, node, &x);
            else if (what < 7)
                owned_access(w, node, round, &x);
            else
                await_and_read(w, node, round, &x);
            if (lrc_mix(&x) % 8 == 0)
                port_thread_sleep(vm_port(w->vm[node]), (sim_time)(lrc_mix(&x) % 50) * SIM_US);
        }
        lrc_barrier(w, node);
    }
}

/* ---- the machine ---- */

struct start {
    struct lrc_world *w;
    uint32_t node;
};

static void thread(void *arg)
{
    struct start *s = arg;
    if (!s->w->at_once)
        port_thread_sleep(vm_port(s->w->vm[s->node]), SIM_MS); /* until all have booted */
    s->w->program(s->w, s->node);
    s->w->finished++;
}

static int manager_index(const char *name)
{
    int m = 0;
    while (strcmp(svm_managers.items[m]->name, name) != 0)
        m++;
    return m;
}

void lrc_world_booted(struct rig *r, uint32_t node, struct port *p)
{
    struct lrc_world *w = r->arg;
    struct vm_params vp = { .page = LRC_PAGE };
    struct svm_params sp = { .manager = manager_index(w->manager ? w->manager : "hlrc"),
                             .hash_block = w->hash_block ? w->hash_block : 1,
                             .retry = 10 * SIM_MS,
                             .homes = w->homes,
                             .watch = w->watch,
                             .twins = w->twins };
    static uint32_t nodes[LRC_NODES];
    for (uint32_t i = 0; i < w->nodes; i++)
        nodes[i] = i;
    w->vm[node] = vm_create(p, &vp);
    w->space[node] = vm_space_create(w->vm[node], "test");
    w->svm[node] = svm_join(xk_find(r->k[node], "svm"), w->space[node], LRC_BASE,
                            w->pages * LRC_PAGE, nodes, w->nodes, &sp);
    cr_assert_not_null(w->svm[node]);
    w->sync[node] = sync_join_memory(xk_find(r->k[node], "sync"), nodes, w->nodes,
                                     svm_memory(w->svm[node]), w->svm[node]);
    if (w->program) {
        struct start *s = port_alloc(p, sizeof *s);
        *s = (struct start){ .w = w, .node = node };
        cr_assert_not_null(port_thread_spawn(p, "program", thread, s, 0));
    }
}

void lrc_world_start(struct lrc_world *w, enum fake_order order)
{
    struct fake_options o = { .nodes = w->nodes,
                              .seed = w->seed,
                              .order = order,
                              .mtu = w->mtu ? w->mtu : 4096,
                              .tx_queue = w->tx_queue,
                              .detect_delay = SIM_MS };
    bool other = w->over_ulp || w->over_tcp;
    o.lossy = o.unordered = other && w->seed % 2;
    o.drop_ppm = o.delay_ppm = o.lossy ? 20000 : 0;
    rig_over_ulp = w->over_ulp;
    rig_over_tcp = w->over_tcp ? &tip_protl : NULL;
    rig_start(&w->rig, &o,
              w->tx_queue ? "mesh driver queue=1; r rdm <mesh; svm svm <r; sync sync <r"
                          : "mesh driver; r rdm <mesh; svm svm <r; sync sync <r",
              lrc_world_booted, w);
    rig_over_ulp = false;
    rig_over_tcp = NULL;
}
