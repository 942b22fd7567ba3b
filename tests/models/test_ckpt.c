/* test_ckpt.c: jobs that are killed at any event and go on from checkpoints end as if nothing had
 * happened: every program, policy, sink and algorithm of the cuts, also when a node dies during a
 * cut, the writing, the commit, or a restart; and what becomes of those that cannot go on.
 */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/blkdev.h"
#include "mesh/net.h"
#include "os/ckpt/ckpt_internal.h"
#include "os/ckpt/files.h"
#include "os/file/pack.h"
#include "os/xk/msg.h"
#include "rig.h"
#include "rot.h"
#include "sim/audit.h"
#include "sim/thread.h"
#include "tests/sample.h"

extern const struct workload_ops workload_job;

static struct val *table(void)
{
    return val_new(VAL_TABLE, NULL, 0);
}

static void text(struct val *t, const char *key, const char *value)
{
    val_put(t, key, val_new_string(value, NULL, 0));
}

static void number(struct val *t, const char *key, uint64_t value)
{
    val_put(t, key, val_new_int((int64_t)value, NULL, 0));
}

static void instance(struct val *graph, const char *name, const char *protocol, const char *below)
{
    struct val *v = table();
    text(v, "name", name);
    text(v, "protocol", protocol);
    if (below) {
        struct val *l = val_new(VAL_LIST, NULL, 0);
        val_append(l, val_new_string(below, NULL, 0));
        val_put(v, "below", l);
    }
    val_append(graph, v);
}

/* Where the job stands. */
/* NULL algorithm: sns. */
enum where { ELSEWHERE, IN_CUT, IN_WRITE, IN_COMMIT, IN_RESET, IN_LOAD, IN_ENTER, WHERES };
static const char *const where_names[] = { "nothing", "a cut",  "writing",    "a commit",
                                           "a reset", "a load", "the entries" };
#define SAMPLES 4000

struct run {
    const char *program, *policy, *sink, *algorithm, *limit, *grant;
    void (*main)(struct os_node *n, const struct program *me); /* NULL: the job's */
    const char *system;                                        /* of sink file; NULL: pfs */
    bool incremental, uneven, named, compare, compress, fallback;
    uint64_t seed;
    uint32_t crashes;
    uint64_t at[4]; /* events */
    uint32_t node[4];
    uint64_t after[4]; /* us; 0: it never comes back */
    uint32_t spares, jobs, move_count;
    struct {
        uint64_t at; /* us */
        int64_t rank;
        const char *to;
    } move[3];
    const char *interval, *think;
    enum rots damage;
    sim_time rots; /* 0: nothing */
    int rot_what;
    uint64_t rot_seed;
    uint64_t room, cylinders, memory_kib;       /* 0: unlimited, as large as a disk is, 12 */
    uint64_t dirty, table, rewrite, more_steps; /* table: pages */
    uint64_t group, pattern;                    /* pattern: pages */
    bool mirror;                                /* of sink servers: */
    uint64_t frames;                            /* of each; 0: as many as are needed */
    const char *paging;                         /* swap, io; NULL: pages keep their frames */
    uint64_t page_frames;                       /* of a rank; 0: as many as are needed */
    /* out */
    double memory;
    uint64_t steps;
    uint32_t fulls, errors, lost; /* remarks that a checkpoint is not committed */
    double moves, swaps, least, most;
    double saves, pages, page_bytes, meta_bytes, damaged, rewritten, diffs, space, kept;
    double fetched, logged, restarts, committed, replayed, resent;
    double time, time_seen, times; /* of all checkpoints: the measure, looked at; how many */
    char said[512], remarked[2048];
    struct {
        uint64_t event;
        enum where where;
    } seen[SAMPLES]; /* every 20 us at first */
    uint32_t count;
};

static uint64_t mix(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* What a system of files needs. */
static void system_services(struct val *os, const char *system)
{
    static const struct {
        const char *system, *services[4];
    } all[] = {
        { "pfs", { "pfs_meta", "pfs_server", "pfs_client" } },
        { "vesta_on_pfs", { "pfs_meta", "pfs_server", "pfs_client" } },
        { "vesta", { "vesta_server", "vesta_client" } },
        { "pfs_on_vesta", { "vesta_server", "vesta_client", "ranks" } },
        { "files", { "file_server", "file_client" } },
    };
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        for (size_t k = 0; strcmp(all[i].system, system) == 0 && all[i].services[k]; k++) {
            struct val *service = table();
            text(service, "service", all[i].services[k]);
            if (strcmp(all[i].services[k], "file_client") == 0) {
                struct val *stack = val_new(VAL_LIST, NULL, 0), *layer = table();
                text(layer, "layer", "remote");
                val_append(stack, layer);
                val_put(service, "files", stack);
            }
            val_append(os, service);
        }
}

/* ---- who looks on: what each rank saves and is entered with, and where the job stands ---- */

#define RANKS 5
static const uint32_t node_of_rank[RANKS] = { 0, 1, 4, 5, 6 };
#define JOBS 3
#define GENERATIONS 400
static struct os_node *booted[16];
static struct {
    uint64_t saved[GENERATIONS], entered; /* resume points; times that main was entered */
    bool ended[GENERATIONS];
    uint32_t loaded; /* generation; 0: none */
} spied[JOBS][RANKS];
static uint32_t committed[JOBS]; /* as a leader knew last */
static bool looking;             /* it knows */
static char wrong[200];
static uint32_t mute = OS_NO_RANK; /* the rank that never ends a load */
static struct {
    sim_time asked, told; /* since when it is silent; when the job was given up */
} silence;
static void (*spied_main)(struct os_node *n, const struct program *me);

static bool spy_save(void *obj, struct rope *out, const char **why)
{
    const struct ckpt *c = obj;
    uint32_t g = c->generation;
    (void)why;
    if (g < GENERATIONS) {
        spied[c->turn][c->rank].saved[g] = c->node->run->resume;
        spied[c->turn][c->rank].ended[g] = c->node->run->ended;
    }
    rope_add_bytes(out, &g, sizeof g);
    return true;
}

static bool spy_load(void *obj, struct rope *in)
{
    const struct ckpt *c = obj;
    if (in->length != sizeof spied[c->turn][c->rank].loaded)
        return false;
    if (c->rank == mute)
        silence.asked = port_now(c->port);
    while (c->rank == mute)
        port_thread_block(c->port, "nothing", 0);
    rope_read(in, 0, sizeof spied[c->turn][c->rank].loaded, &spied[c->turn][c->rank].loaded);
    return true;
}

static const struct ckpt_part_ops spy = { "spy", spy_save, spy_load };

static struct os_node *boot(struct port *kernel, const struct os_boot *b)
{
    struct os_node *n = os_node_boot(kernel, b);
    struct ckpt *c = os_find(n, &ckpt_service);
    booted[port_node(kernel)] = n;
    if (c)
        ckpt_part(c, &spy, c);
    if (c && rot_is_on())
        rot_boot(c);
    return n;
}

/* CKPT1: nothing is lost but what lay after the last checkpoint that was committed. */
static void enter(struct os_node *n, const struct program *me)
{
    uint32_t g = spied[me->job][me->rank].loaded;
    uint64_t resume = g > 0 && g < GENERATIONS ? spied[me->job][me->rank].saved[g] : 0;
    spied[me->job][me->rank].entered++;
    if (me->resume != resume || (g > 0 && spied[me->job][me->rank].ended[g]))
        snprintf(wrong, sizeof wrong, "rank %u is entered at %lu, saved was %lu", me->rank,
                 me->resume, resume);
    if (me->resume > 0 && looking && !rot_is_on() &&
        (g < committed[me->job] || g > committed[me->job] + 1))
        snprintf(wrong, sizeof wrong, "rank %u goes on from checkpoint %u, committed is %u",
                 me->rank, g, committed[me->job]);
    spied_main(n, me);
}

struct probe {
    struct sim_event tick;
    struct rig *rig;
    struct run *x;
    uint32_t ticks, busy; /* busy: while the checkpoint under way was seen */
};

static enum where standing(const struct ckpt *c)
{
    const struct ckpt_lead *l = c->lead;
    if (l->phase == LEAD_CHECKPOINT && l->asked == CKPT_SAVE)
        return cut_complete(c->cut) ? IN_WRITE : IN_CUT;
    if (l->phase == LEAD_CHECKPOINT)
        return l->asked == CKPT_COMMIT ? IN_COMMIT : ELSEWHERE;
    if (l->phase != LEAD_RESTART)
        return ELSEWHERE;
    return l->asked == CKPT_LOAD ? IN_LOAD : l->asked == CKPT_ENTER ? IN_ENTER : IN_RESET;
}

/* On a node that is up; NULL: nobody. */
static const struct ckpt *who_leads(const struct machine *m)
{
    for (uint32_t node = 0; node < machine_layout(m)->nodes; node++) {
        const struct ckpt *c = m->nodes[node].up ? os_find(booted[node], &ckpt_service) : NULL;
        if (c && ckpt_leads(c->lead))
            return c;
    }
    return NULL;
}

static void probe_look(struct sim *s, struct sim_event *e)
{
    struct probe *p = CONTAINER_OF(e, struct probe, tick);
    if (silence.told == 0 && machine_failure(p->rig->m))
        silence.told = sim_now(s);
    const struct ckpt *c = who_leads(p->rig->m);
    bool runs = c && (c->params->jobs == 1 || c->lead->phase == LEAD_RUNNING ||
                      c->lead->phase == LEAD_CHECKPOINT);
    enum where where = c ? standing(c) : ELSEWHERE;
    if (runs && c->lead->committed > committed[c->turn]) {
        committed[c->turn] = c->lead->committed;
        p->x->time_seen += p->busy * 20e-6;
        p->busy = 0;
    }
    p->busy = where == IN_CUT || where == IN_WRITE || where == IN_COMMIT ? p->busy + 1 : 0;
    if (p->x->count < SAMPLES) {
        p->x->seen[p->x->count].event = machine_steps(p->rig->m);
        p->x->seen[p->x->count++].where = where;
    }
    if (!(c && c->lead->phase == LEAD_OVER) && ++p->ticks < 10 * SAMPLES)
        sim_after(s, &p->tick, 20 * SIM_US);
    else
        looking = false;
}

/* An event while the job stood there; 0: it has not. */
static uint64_t event_in(const struct run *x, enum where where, uint64_t draw)
{
    uint64_t n = 0, k = 0;
    for (uint32_t i = 0; i < x->count; i++)
        n += x->seen[i].where == where;
    for (uint32_t i = 0; n > 0 && i < x->count; i++)
        if (x->seen[i].where == where && k++ == draw % n)
            return x->seen[i].event + 1;
    return 0;
}

/* ---- runs ---- */

/* 2 x 4 nodes: two I/O nodes, a service node, five programs; two more for two spares. */
static void machine(struct rig *r, const struct run *x)
{
    struct val *graph = val_new(VAL_LIST, NULL, 0), *disk = table(),
               *os = val_new(VAL_LIST, NULL, 0), *ckpt = NULL;
    const char *system = x->system ? x->system : "pfs";
    static const char *const groups[] = { "compute", "io", "service" };
    const char *algorithm = x->algorithm ? x->algorithm : "sns";
    bool sweep = strcmp(algorithm, "ns") == 0;
    rig_init(r, 2, x->spares > 0 ? 5 : 4);
    if (sweep)
        r->reg.nets = &net_kinds;
    rig_set_int(r, "io_nodes", 2);
    rig_set(r, "detector_delay", "1ms");
    instance(graph, "mesh", "driver", NULL);
    instance(graph, "rdm", "rdm", "mesh");
    instance(graph, "nx", "nx", "rdm");
    if (x->grant) { /* messages that have gone in part wait for credit */
        text(graph->items[graph->count - 1], "grant", x->grant);
        rig_set(r, "nic.mtu", "2KiB");
    }
    instance(graph, "blast", "blast", "mesh");
    instance(graph, "chan", "chan", "blast");
    instance(graph, "rpc", "select", "chan");
    instance(graph, "cut", "cut", "rdm");
    val_append((struct val *)(uintptr_t)val_get(graph->items[graph->count - 1], "below"),
               val_new_string("mesh", NULL, 0));
    val_put(r->spec, "graph", graph);
    text(disk, "kind", "disk");
    if (x->cylinders > 0) {
        struct val *geometry = table();
        number(geometry, "cylinders", x->cylinders);
        val_put(disk, "geometry", geometry);
    }
    val_put(r->spec, "storage", disk);
    if (x->paging && strcmp(x->paging, "swap") == 0) {
        struct val *nodes = table(), *compute = table(), *own = table();
        text(own, "kind", "disk");
        val_put(compute, "storage", own);
        val_put(nodes, "compute", compute);
        val_put(r->spec, "nodes", nodes);
    }
    ckpt = table();
    text(ckpt, "service", "nx");
    val_append(os, ckpt);
    system_services(os, system);
    for (size_t i = 0; i < (sweep ? ARRAY_LEN(groups) : 1); i++) {
        struct val *cut = table();
        text(cut, "service", "cut");
        text(cut, "on", groups[i]);
        text(cut, "algorithm", algorithm);
        val_put(cut, "fallback", val_new_bool(sweep && x->fallback, NULL, 0));
        val_append(os, cut);
    }
    if (strcmp(x->sink, "servers") == 0 || (x->paging && strcmp(x->paging, "io") == 0)) {
        ckpt = table();
        text(ckpt, "service", "memory_server");
        text(ckpt, "page", x->seed % 2 && !x->paging ? "2KiB" : "1KiB");
        number(ckpt, "frames", x->frames > 0 ? x->frames : 100000);
        number(ckpt, "disk_pages", 0);
        val_append(os, ckpt);
    }
    ckpt = table();
    text(ckpt, "service", "ckpt");
    text(ckpt, "system", system);
    text(ckpt, "servers", "io");
    val_put(ckpt, "mirror", val_new_bool(x->mirror, NULL, 0));
    val_append(os, ckpt);
    if (x->limit)
        text(ckpt, "limit", x->limit);
    text(ckpt, "policy", x->policy);
    text(ckpt, "sink", x->sink);
    text(ckpt, "interval", x->interval);
    text(ckpt, "retry", "2ms");
    number(ckpt, "pool", 3);
    number(ckpt, "group", x->group);
    char room[32];
    snprintf(room, sizeof room, "%luB", x->room);
    text(ckpt, "room", room);
    text(ckpt, "piece", x->group > 2 ? "4KiB" : "64KiB"); /* rounds of stripes */
    val_put(ckpt, "compare", val_new_bool(x->compare, NULL, 0));
    val_put(ckpt, "compress", val_new_bool(x->compress, NULL, 0));
    number(ckpt, "spares", x->spares);
    text(ckpt, "patience", "3ms");
    text(ckpt, "give_up", "10s");
    if (x->jobs > 0)
        number(ckpt, "jobs", x->jobs);
    text(ckpt, "quantum", "5ms");
    struct val *moves = val_new(VAL_LIST, NULL, 0);
    for (uint32_t i = 0; i < x->move_count; i++) {
        struct val *m = table();
        char at[32];
        snprintf(at, sizeof at, "%luus", x->move[i].at);
        text(m, "at", at);
        number(m, "rank", (uint64_t)x->move[i].rank);
        text(m, "to", x->move[i].to);
        val_append(moves, m);
    }
    val_put(ckpt, "moves", moves);
    val_put(ckpt, "incremental", val_new_bool(x->incremental, NULL, 0));
    val_put(r->spec, "os", os);
    rig_set(r, "prices.copy.each", "10ns");
    rig_set(r, "prices.fault.each", "50us");
    rig_crashes(r, x->crashes, x->at, x->node, x->after);
    rig_os(r);
    r->reg.boot = boot;
}

static void on_scalar(void *arg, const char *name, const char *unit, double value,
                      double half_width, unsigned flags)
{
    struct run *x = arg;
    const struct {
        const char *name;
        double *to;
    } wanted[] = {
        { "saves", &x->saves },
        { "damaged", &x->damaged },
        { "rewritten", &x->rewritten },
        { "pages", &x->pages },
        { "page_bytes", &x->page_bytes },
        { "meta_bytes", &x->meta_bytes },
        { "moves", &x->moves },
        { "swaps", &x->swaps },
        { "diffs", &x->diffs },
        { "space", &x->space },
        { "kept", &x->kept },
        { "logged", &x->logged },
        { "replayed", &x->replayed },
        { "resent", &x->resent },
        { "restarts", &x->restarts },
        { "committed", &x->committed },
        { "fetched", &x->fetched },
    };
    (void)unit;
    (void)half_width;
    (void)flags;
    if (strcmp(name, "job.memory.min") == 0)
        x->least = value;
    if (strcmp(name, "job.memory.max") == 0)
        x->most = value;
    for (size_t i = 0; strncmp(name, "ckpt.", 5) == 0 && i < ARRAY_LEN(wanted); i++)
        if (strcmp(name + 5, wanted[i].name) == 0)
            *wanted[i].to = value;
}

/* A byte turns over on a disk: of the newest header of rank 1, of the newest commit record, or of
 * any sector that files of the ranks have; then the I/O nodes and rank 1 crash. */
struct rot {
    struct sim_event event, back;
    struct rig *rig;
    enum { ROT_HEADER, ROT_COMMIT, ROT_ANY } what;
    uint64_t seed;
    struct blk_req read[10];
    uint32_t left, newest, where, found;
    uint64_t sector;
};
#define ROT_FROM 4224u /* where the file of the first rank lies; those of others each a step on */
#define ROT_STEP 8320u
#define ROT_SECTORS 192u

static void node_back(struct sim *s, struct sim_event *e)
{
    struct rot *x = CONTAINER_OF(e, struct rot, back);
    (void)s;
    for (uint32_t i = 0; i < 2; i++)
        machine_restart(x->rig->m, machine_layout(x->rig->m)->io[i]);
    machine_restart(x->rig->m, machine_layout(x->rig->m)->compute[1]);
}

static struct blkdev *device(const struct rot *x, uint32_t i)
{
    return x->rig->m->nodes[machine_layout(x->rig->m)->io[i]].devs[0];
}

static bool is_wanted(struct rot *x, const uint8_t *sector, size_t n)
{
    uint32_t magic = wire_get32(sector), generation = wire_get32(sector + 8);
    if (x->what == ROT_ANY) {
        bool some = false;
        for (size_t i = 0; i < n; i++)
            some |= sector[i] != 0;
        return some && mix(&x->seed) % ++x->found == 0;
    }
    if (x->what == ROT_HEADER ? magic != 0x636b7074 || wire_get32(sector + 4) != 1
                              : magic != 0x636b636d)
        return false;
    return generation >= x->newest;
}

static void scanned(struct blk_req *r)
{
    struct rot *x = r->owner;
    uint8_t sector[512];
    for (uint64_t k = 0; k < r->sectors; k++) {
        rope_read(&r->data, k * sizeof sector, sizeof sector, sector);
        if (!is_wanted(x, sector, sizeof sector))
            continue;
        x->newest = wire_get32(sector + 8);
        x->where = (uint32_t)(r - x->read) % 2;
        x->sector = r->sector + k;
    }
    rope_fini(&r->data);
    if (--x->left > 0)
        return;
    uint32_t byte = (uint32_t)(mix(&x->seed) % (x->what == ROT_ANY ? 512 : 56));
    cr_assert(x->what == ROT_ANY ? x->found > 0 : x->newest >= 2, "newest %u", x->newest);
    cr_assert(device(x, x->where)
                  ->ops->corrupt(device(x, x->where), x->sector, byte,
                                 (uint8_t)(1u << mix(&x->seed) % 8)));
    for (uint32_t i = 0; i < 2; i++) /* they have it in memory */
        machine_crash(x->rig->m, machine_layout(x->rig->m)->io[i]);
    machine_crash(x->rig->m, machine_layout(x->rig->m)->compute[1]);
    sim_after(x->rig->sim, &x->back, SIM_MS);
}

static void rot(struct sim *s, struct sim_event *e)
{
    struct rot *x = CONTAINER_OF(e, struct rot, event);
    (void)s;
    x->left = ARRAY_LEN(x->read);
    for (uint32_t i = 0; i < ARRAY_LEN(x->read); i++) {
        x->read[i] = (struct blk_req){ .op = BLK_READ,
                                       .sector = ROT_FROM + i / 2 * ROT_STEP,
                                       .sectors = ROT_SECTORS,
                                       .done = scanned,
                                       .owner = x };
        rope_init(&x->read[i].data);
        device(x, i % 2)->ops->submit(device(x, i % 2), &x->read[i]);
    }
}

static void on_remark(void *arg, const char *said)
{
    struct run *x = arg;
    size_t n = strlen(x->remarked);
    snprintf(x->remarked + n, sizeof x->remarked - n, "%s; ", said);
    x->fulls += strstr(said, "is not committed: the sink is full") != NULL;
    x->errors += strstr(said, "is not committed: the sink gives an error") != NULL;
    x->lost += strstr(said, "is not committed: lost with those who kept it") != NULL;
}

static void play(struct run *x)
{
    struct rig r;
    struct val *p = table(), *page = table();
    machine(&r, x);
    text(p, "program", x->program);
    text(page, "page", "1KiB");
    number(page, "frames", x->page_frames);
    val_put(p, "page", page);
    if (x->paging && strcmp(x->paging, "swap") == 0) {
        val_put(p, "swap", val_new_bool(true, NULL, 0));
    } else if (x->paging) {
        struct val *paging = table(), *client = table();
        text(paging, "backing", x->paging);
        val_put(client, "mirror", val_new_bool(x->seed % 3 > 0, NULL, 0));
        val_put(paging, "client", client);
        val_put(p, "paging", paging);
    }
    char bytes[32];
    snprintf(bytes, sizeof bytes, "%luKiB", x->memory_kib > 0 ? x->memory_kib : 12);
    text(p, "memory", bytes);
    text(p, "scratch", "4KiB");
    snprintf(bytes, sizeof bytes, "%luKiB", x->table);
    text(p, "table", bytes);
    snprintf(bytes, sizeof bytes, "%luKiB", x->pattern);
    text(p, "pattern", bytes);
    number(p, "rewrite", x->rewrite);
    val_put(p, "named", val_new_bool(x->named, NULL, 0));
    number(p, "columns", 16);
    text(p, "bytes", x->grant ? "24KiB" : "3KiB");
    number(p, "steps", 12 + x->more_steps);
    number(p, "seed", x->seed);
    number(p, "dirty", x->dirty);
    val_put(p, "uneven", val_new_bool(x->uneven, NULL, 0));
    text(p, "think", x->think);
    number(p, "meet", 3);
    struct workload_ops job = workload_job;
    job.main = enter;
    spied_main = x->main ? x->main : workload_job.main;
    memset(spied, 0, sizeof spied);
    rot_begin(x->damage, x->at[0]);
    memset(committed, 0, sizeof committed);
    memset(&silence, 0, sizeof silence);
    looking = true;
    wrong[0] = '\0';
    void *params = rig_start(&r, &workload_job, &job, p);
    struct probe probe = { .rig = &r, .x = x };
    x->count = 0;
    sim_event_init(&probe.tick, SIM_CLASS_DEVICE, probe_look);
    sim_after(r.sim, &probe.tick, 20 * SIM_US);
    struct rot rotten = { .rig = &r, .what = x->rot_what, .seed = x->rot_seed };
    sim_event_init(&rotten.event, SIM_CLASS_DEVICE, rot);
    sim_event_init(&rotten.back, SIM_CLASS_DEVICE, node_back);
    if (x->rots > 0)
        sim_at(r.sim, &rotten.event, x->rots);
    enum sim_end end = rig_run(&r);
    rig_verdict(&r, end, wrong, x->said, sizeof x->said);
    sim_cancel(r.sim, &probe.tick);
    x->memory = rig_mean(&r, "job.memory");
    struct sim_measure *m = sim_measure_find(r.sim, "ckpt.time");
    x->times = m ? (double)sim_measure_count(m) : 0;
    x->time = x->times > 0 ? sim_measure_mean(m) * x->times : 0;
    x->steps = machine_steps(r.m);
    rig_finish(&r, params,
               &(struct sim_result_sink){ .arg = x, .scalar = on_scalar, .remark = on_remark });
    val_free(p);
}

static const char *const programs[] = { "random", "jacobi", "ring" };
static const char *const policies[] = { "stop", "copy", "cow", "cll" };
static const char *const sinks[] = { "file", "memory" };
static const char *const algorithms[] = { "sns", "cl", "ns" };

static void choose(struct run *x, uint64_t seed)
{
    uint64_t s = seed;
    *x = (struct run){ .program = programs[mix(&s) % ARRAY_LEN(programs)],
                       .policy = policies[mix(&s) % ARRAY_LEN(policies)],
                       .sink = sinks[mix(&s) % ARRAY_LEN(sinks)],
                       .algorithm = algorithms[seed % ARRAY_LEN(algorithms)],
                       .incremental = mix(&s) % 2,
                       .seed = seed,
                       .dirty = 4,
                       .think = "300us",
                       .interval = mix(&s) % 2 ? "1ms" : "4ms" };
    x->uneven = true; /* ranks are saved while they wait for others, too */
    if (seed == 315)  /* what it stands for depends on the time of each event */
        return;
    x->table = mix(&s) % 3;
    x->rewrite = mix(&s) % 4 == 0 ? 5 : 0;
    x->named = mix(&s) % 2;
    x->compare = mix(&s) % 2;
    x->compress = mix(&s) % 3 == 0;
    if (mix(&s) % 2)
        x->grant = "8KiB";
    x->pattern = seed % 4 == 1 ? 8 : 0;
    if (x->sink[0] == 'm')
        x->group = (uint64_t[]){ 0, 2, 3, 4, 5 }[mix(&s) % 5];
    if (seed * 7 / 5 % 3 == 1) {
        x->sink = "servers";
        x->group = 0;
        x->mirror = seed % 2;
    }
}

/* Any number of ranks may die, and of servers one at a time where two have each page. */
static uint32_t mortal(const struct run *x, uint64_t draw, const uint32_t *nodes, uint32_t count)
{
    uint32_t node = nodes[draw % count];
    return node == 3 && x->sink[0] == 's' && !x->mirror ? nodes[0] : node;
}

static void same(const struct run *x, const struct run *calm, uint64_t seed)
{
    uint64_t entered = 0;
    for (uint32_t r = 0; r < RANKS; r++)
        entered += spied[0][r].entered;
    cr_expect(x->said[0] == 0 && x->memory == calm->memory && x->damaged == 0,
              "seed %lu (%s, %s, %s, %s%s; %u crashes, at %lu and %lu of %lu): memory %.0f, not "
              "%.0f. %s",
              seed, x->program, x->algorithm, x->policy, x->sink,
              x->incremental ? ", incremental" : "", x->crashes, x->at[0], x->at[1], calm->steps,
              x->memory, calm->memory, x->said);
    cr_expect(x->said[0] || entered <= RANKS + (uint64_t)x->restarts, "seed %lu: entered %lu times",
              seed, entered);
}

/* CKPT1, CKPT2, CKPT4, CKPT7, CKPTM1, NX8, NX9, OSRUN1: whatever dies, and when. */
Test(ckpt, a_job_that_is_killed_at_any_event_ends_as_if_it_had_not)
{
    static const uint32_t ranks[] = { 0, 1, 4, 5, 6, 3 }; /* their nodes, and an I/O node */
    uint64_t count = sample("CKPT_SEEDS", 60), from = sample("CKPT_FIRST", sample_one_in());
    for (uint64_t k = from; k <= from + count; k++) {
        uint64_t seed =
            k < from + count ? k : 315; /* a slot cannot be read, the other has nothing */
        static struct run calm, x;
        uint64_t s = seed * 77;
        choose(&calm, seed);
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
        cr_expect(calm.times == committed[0] &&
                      fabs(calm.time - calm.time_seen) <= 40e-6 * calm.times,
                  "seed %lu: %g checkpoints of %u took %g s, %g s were seen", seed, calm.times,
                  committed[0], calm.time, calm.time_seen);
        cr_expect(calm.incremental || calm.pages >= calm.saves * (12 + (double)calm.pattern),
                  "seed %lu: %g pages in %g saves", seed, calm.pages, calm.saves);
        choose(&x, seed);
        x.crashes = x.sink[0] == 'm' ? 1 : 1 + (uint32_t)(mix(&s) % 3);
        for (uint32_t i = 0; i < x.crashes; i++) {
            x.at[i] = 1 + mix(&s) % (calm.steps * (i + 1));
            x.node[i] = mortal(&x, mix(&s), ranks, ARRAY_LEN(ranks));
            x.after[i] = 1 + mix(&s) % 5000;
        }
        if (seed % 3 == 0) { /* the service node, before it has the name of any file */
            x.node[0] = 2;
            x.at[0] = 1 + mix(&s) % 60;
        }
        play(&x);
        same(&x, &calm, seed);
    }
}

/* CKPT7, CUT6, CUT7: a node dies while a cut is taken, while ranks write, during the commit, and
 * during each part of a restart. */
Test(ckpt, a_death_in_any_part_of_a_checkpoint_or_a_restart)
{
    static const uint32_t nodes[] = { 0, 1, 4, 5, 6 };
    uint32_t hit[WHERES] = { 0 };
    uint64_t count = sample("CKPT_SEEDS", 72), from = sample("CKPT_FIRST", 1);
    for (uint64_t seed = from; seed < from + count; seed++) {
        static struct run calm, x, again;
        enum where where = IN_CUT + (seed / 3) % (WHERES - IN_CUT);
        uint64_t s = seed * 1077, at;
        choose(&calm, seed);
        calm.interval = "1ms";
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
        x = calm;
        x.crashes = 1;
        x.node[0] = nodes[mix(&s) % ARRAY_LEN(nodes)];
        x.after[0] = 1 + mix(&s) % 5000;
        x.at[0] = where < IN_RESET ? event_in(&calm, where, mix(&s))
                                   : calm.steps - mix(&s) % (calm.steps / 2);
        if (x.at[0] == 0)
            continue;
        hit[where] += where < IN_RESET;
        play(&x);
        same(&x, &calm, seed);
        if (where < IN_RESET || (at = event_in(&x, where, mix(&s))) == 0)
            continue;
        hit[where]++;
        again = x;
        again.crashes = 2;
        again.at[1] = at;
        again.node[1] = x.sink[0] == 'm' ? x.node[0] : nodes[mix(&s) % ARRAY_LEN(nodes)];
        again.after[1] = 1 + mix(&s) % 5000;
        play(&again);
        same(&again, &calm, seed);
    }
    for (int w = IN_CUT; count >= 72 && w < WHERES; w++)
        cr_expect_gt(hit[w], 0, "nobody died in %s", where_names[w]);
}

/* Long messages, little credit, and ranks that are late to receive; adds how many of what was in
 * flight at the checkpoint came again, and were sent again. */
static void lose_in_flight(uint64_t seed, double *replayed, double *resent)
{
    static struct run calm, x;
    uint64_t s = seed * 3077;
    calm = (struct run){ .program = seed % 4 ? "random" : "ring",
                         .policy = policies[mix(&s) % 4],
                         .sink = "memory",
                         .algorithm = algorithms[seed % 3],
                         .incremental = mix(&s) % 2,
                         .uneven = true,
                         .seed = seed,
                         .dirty = 1,
                         .more_steps = 8,
                         .grant = "8KiB",
                         .think = "2ms",
                         .interval = "1ms" };
    play(&calm);
    cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
    x = calm;
    x.crashes = 1;
    x.at[0] = calm.steps - mix(&s) % (calm.steps * 2 / 3);
    x.node[0] = (uint32_t[]){ 0, 1, 4, 5, 6 }[mix(&s) % RANKS];
    x.after[0] = 1 + mix(&s) % 1000;
    play(&x);
    same(&x, &calm, seed);
    *replayed += x.replayed;
    *resent += x.resent;
}

/* CKPT7, PEER4: what is in flight at the checkpoint from which the job goes on has come, or had not
 * gone.  Where the seeds that are asked for have too little of it the first ones follow. */
Test(ckpt, messages_in_flight_at_a_checkpoint_come_once)
{
    uint64_t count = sample("CKPT_SEEDS", 24), from = sample("CKPT_FIRST", 1), more = 0;
    double replayed = 0, resent = 0;
    for (uint64_t seed = from; seed < from + count; seed++)
        lose_in_flight(seed, &replayed, &resent);
    while ((resent < 10 || replayed < 1) && more < 200)
        lose_in_flight(++more, &replayed, &resent);
    cr_expect(resent >= 10 && replayed >= 1, "%.0f came, %.0f sent again", replayed, resent);
}

/* Rank 3 says no safe point. */
static void stubborn(struct os_node *n, const struct program *me)
{
    for (uint64_t step = 1; step <= 20; step++) {
        for (int k = 0; me->rank == 3 && k < 20; k++) { /* others of its node run meanwhile */
            port_compute(me->task, 100 * SIM_US);
            port_thread_sleep(me->task, 1);
        }
        if (me->rank != 3)
            os_safe_call(n, step);
        if (nx_gsync(os_find(n, &nx_service)) != NX_OK)
            port_fail(me->task, "no barrier");
    }
}

/* CKPT8: whatever waits for a safe point that does not come. */
Test(ckpt, a_checkpoint_that_takes_too_long_is_abandoned)
{
    for (size_t k = 0; k < ARRAY_LEN(algorithms); k++) {
        static struct run x;
        x = (struct run){ .program = "random",
                          .policy = policies[k],
                          .sink = "memory",
                          .algorithm = algorithms[k],
                          .limit = "5ms",
                          .interval = "1ms",
                          .think = "1ms",
                          .main = stubborn };
        play(&x);
        cr_expect_str_empty(x.said, "%s: %s", x.algorithm, x.said);
        cr_expect(strstr(x.remarked, "checkpoint 1 is abandoned after 0.005 s: rank 3, on node 5, "
                                     "has come to no safe point"),
                  "%s: %s", x.algorithm, x.remarked);
        cr_expect_eq(committed[0], 0);
    }
}

/* A node that has no rank goes for good: the sweep passes it, and the job is told what to do; the
 * others do without it. */
Test(ckpt, a_node_that_a_sweep_passes_and_that_is_gone_is_told_once)
{
    for (size_t k = 0; k < ARRAY_LEN(algorithms); k++) {
        static struct run calm, x;
        bool sweep = strcmp(algorithms[k], "ns") == 0;
        calm = (struct run){ .program = "random",
                             .policy = "copy",
                             .sink = "memory",
                             .algorithm = algorithms[k],
                             .interval = "1ms",
                             .think = "1ms" };
        play(&calm);
        x = calm;
        x.crashes = 1;
        x.at[0] = calm.steps / 3;
        x.node[0] = 3;
        play(&x);
        const char *told = strstr(x.remarked, "is put off: node 3, which its cut passes, is down; "
                                              "none is taken until it is back");
        cr_expect(x.said[0] == 0 && x.memory == calm.memory, "%s: %s", x.algorithm, x.said);
        cr_expect((told != NULL) == sweep && (!told || !strstr(told + 1, "is put off")), "%s: %s",
                  x.algorithm, x.remarked);
        cr_expect(committed[0] > 0);
    }
}

/* With `fallback` its cuts are taken by cl while a node is gone, and by ns again when it is back:
 * node 3 has no rank, node 6 has had one, which a spare has taken.  Checkpoints go on: rank 1,
 * which crashes late, goes back to one that was taken since. */
Test(ckpt, a_sweep_gives_way_to_markers_while_a_node_is_gone)
{
    static const struct {
        uint32_t node;
        uint64_t after, moves; /* us */
    } deaths[] = { { 3, 0, 0 }, { 3, 30000, 0 }, { 6, 0, 0 }, { 3, 30000, 30000 } };
    for (size_t k = 0; k < ARRAY_LEN(deaths); k++) {
        static struct run calm, x;
        calm = (struct run){ .program = "random",
                             .policy = k == 1 ? "cll" : "copy",
                             .sink = "memory",
                             .algorithm = "ns",
                             .fallback = true,
                             .spares = 2,
                             .more_steps = 60,
                             .interval = "1ms",
                             .think = "1ms" };
        play(&calm);
        cr_assert_str_empty(calm.said, "%s", calm.said);
        cr_expect(!strstr(calm.remarked, "cuts are taken"), "%s", calm.remarked);
        x = calm;
        x.crashes = 1;
        x.at[0] = calm.steps / 4;
        x.node[0] = deaths[k].node;
        x.after[0] = deaths[k].after;
        if (deaths[k].moves > 0) { /* the node that rank 1 leaves is one that sweeps pass */
            x.move_count = 1;
            x.move[0].at = deaths[k].moves;
            x.move[0].rank = 1;
            x.move[0].to = "spare";
        }
        play(&x);
        char told[100];
        snprintf(told, sizeof told, "cuts are taken by 'cl' from now on: node %u, which a sweep",
                 deaths[k].node);
        const char *falls = strstr(x.remarked, told);
        bool again = falls && strstr(falls, "cuts are taken by 'ns' again");
        cr_expect(x.said[0] == 0 && x.memory == calm.memory, "%zu: %s", k, x.said);
        cr_expect(falls && again == (deaths[k].after > 0), "%zu: %s", k, x.remarked);
        cr_expect(!strstr(x.remarked, "is put off"), "%zu: %s", k, x.remarked);
        cr_expect_geq(x.committed + 2 * 5, calm.committed, "%zu: %.0f of %.0f", k, x.committed,
                      calm.committed);
        x.crashes = 2;
        x.at[1] = x.steps / 10 * 9;
        x.node[1] = 5;
        x.after[1] = 500;
        uint32_t restarts = k >= 2 ? 2 : 1;
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory, "%zu: %s", k, x.said);
        cr_expect_eq(x.restarts, 5 * restarts, "%zu: %.0f", k, x.restarts);
        cr_expect_gt(2 * 5 * spied[0][1].loaded, calm.committed, "%zu: from checkpoint %u", k,
                     spied[0][1].loaded);
    }
}

/* The same at any event, with crashes of ranks and of who leads. */
Test(ckpt, lives_of_both_algorithms_follow_each_other)
{
    uint64_t count = sample("CKPT_SEEDS", 12), from = sample("CKPT_FIRST", sample_one_in());
    for (uint64_t seed = from; seed < from + count; seed++) {
        static struct run calm, x;
        uint64_t s = seed * 83;
        choose(&calm, seed);
        calm.algorithm = "ns";
        if (strcmp(calm.sink, "servers") == 0) /* which keep one copy */
            calm.sink = "memory";
        calm.fallback = true;
        calm.spares = 2;
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
        x = calm;
        x.crashes = calm.sink[0] == 'm' ? 2 : 3; /* no two neighbours at once */
        for (uint32_t i = 0; i < x.crashes; i++) {
            x.at[i] = 1 + mix(&s) % calm.steps;
            x.node[i] = i == 0 ? 3 : (uint32_t)(mix(&s) % 9);
            x.after[i] = i == 0 && x.sink[0] == 'm' && mix(&s) % 2 ? 0 : 1 + mix(&s) % 8000;
        }
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory,
                  "seed %lu (%s, %s, %s): memory %.0f, not %.0f. %s", seed, x.program, x.policy,
                  x.sink, x.memory, calm.memory, x.said);
    }
}

/* A call that rank 3's program makes takes 20 ms: it is waited for before the program is ended. */
static void holds(struct os_node *n, const struct program *me)
{
    struct pio *sys = pio_find((const struct pio_ops *)kind_find(&pio_systems, "pfs"), n);
    ckpt_files(os_find(n, &ckpt_service), sys);
    for (uint64_t step = 1; step <= 20; step++) {
        if (me->rank == 3 && step == 10) {
            pio_enter(sys);
            silence.asked = port_now(me->task);
            port_thread_sleep(me->task, 20 * SIM_MS);
            pio_leave(sys);
        }
        port_thread_sleep(me->task, SIM_MS);
        os_safe_point(n, step);
    }
}

/* CKPT8: whatever waits for a node that is up and does not answer: while it loads, or while it ends
 * its program. */
Test(ckpt, a_restart_that_is_not_answered_ends_the_job_with_a_sentence)
{
    static struct run calm, x;
    calm = (struct run){ .program = "random",
                         .policy = "copy",
                         .sink = "memory",
                         .dirty = 4,
                         .limit = "6ms",
                         .interval = "1ms",
                         .think = "1ms" };
    play(&calm);
    cr_assert_str_empty(calm.said, "%s", calm.said);
    for (uint32_t k = 0; k < RANKS; k++) {
        char want[100];
        x = calm;
        x.crashes = 1;
        x.at[0] = calm.steps / 2;
        x.node[0] = node_of_rank[1];
        x.after[0] = 500;
        mute = k;
        play(&x);
        mute = OS_NO_RANK;
        snprintf(want, sizeof want, "the job cannot go on: node %u has not answered for 0.006 s",
                 node_of_rank[k]);
        cr_expect(strstr(x.said, want), "rank %u: %s", k, x.said);
        /* asked for a load, which may have to get its bytes back first; looked at each 20 us */
        cr_expect(silence.asked > 0 && silence.told > silence.asked + 4 * SIM_MS &&
                      silence.told < silence.asked + 6 * SIM_MS + 20 * SIM_US,
                  "rank %u: asked at %ld, told at %ld", k, silence.asked, silence.told);
    }
    x = calm;
    x.main = holds;
    play(&x);
    cr_assert(x.said[0] == 0 && silence.asked > 0, "%s", x.said);
    x.crashes = 1;
    x.at[0] = x.seen[(silence.asked + SIM_MS) / (20 * SIM_US)].event;
    x.node[0] = node_of_rank[1];
    x.after[0] = 500;
    play(&x);
    cr_expect(strstr(x.said, "the job cannot go on: node 5 has not answered for 0.006 s"), "%s",
              x.said);
}

/* PLACE2, PLACE3, PLACE4: nodes die for ever, leaders among them; two of seven are spares, and one
 * that comes back may take another rank. */
Test(ckpt, ranks_go_on_on_spare_nodes)
{
    static const uint32_t seats[] = { 0, 1, 2, 5, 6, 7, 8, 0, 0 }; /* 7, 8: spares */
    uint64_t count = sample("CKPT_SEEDS", 24), from = sample("CKPT_FIRST", sample_one_in());
    for (uint64_t seed = from; seed < from + count; seed++) {
        static struct run calm, x;
        uint64_t s = seed * 79;
        uint32_t for_ever = 0;
        choose(&calm, seed);
        calm.spares = 2;
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
        choose(&x, seed);
        x.spares = 2;
        x.crashes = x.sink[0] == 'm' ? 1 : 1 + (uint32_t)(mix(&s) % 4);
        for (uint32_t i = 0; i < x.crashes; i++) {
            x.at[i] = 1 + mix(&s) % (calm.steps * (i + 1));
            x.node[i] = seats[mix(&s) % ARRAY_LEN(seats)];
            x.after[i] = 1 + mix(&s) % 8000;
            if (for_ever < x.spares && mix(&s) % 2) {
                x.after[i] = 0;
                for_ever++;
            }
        }
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory,
                  "seed %lu (%s, %s, %s%s; %u crashes, %u for ever): memory %.0f, not %.0f. %s",
                  seed, x.program, x.policy, x.sink, x.incremental ? ", incremental" : "",
                  x.crashes, for_ever, x.memory, calm.memory, x.said);
    }
}

Test(ckpt, a_job_with_too_few_nodes_is_given_up)
{
    struct run x = { .program = "random",
                     .policy = "cow",
                     .sink = "file",
                     .dirty = 4,
                     .spares = 2,
                     .crashes = 3,
                     .at = { 700, 900, 1200 },
                     .node = { 0, 5, 8 },
                     .interval = "1ms",
                     .think = "300us" };
    play(&x);
    cr_expect_str_eq(x.said,
                     "node 1, kernel: the job has 5 ranks and only 4 nodes are left that may have "
                     "one: node 8, of rank 3, does not come back");
}

/* The sink is in any system of files, and whatever of it is on the I/O nodes survives them. */
Test(ckpt, a_job_goes_on_from_files_of_every_system)
{
    static const char *const systems[] = { "pfs", "vesta", "files", "vesta_on_pfs",
                                           "pfs_on_vesta" };
    static const uint32_t nodes[] = { 0, 5, 3, 7 };
    uint64_t count = sample("CKPT_SYSTEM_SEEDS", 2), from = sample("CKPT_FIRST", sample_one_in());
    for (uint64_t k = 0; k < count * ARRAY_LEN(systems); k++) {
        uint64_t s = (from + k) * 31;
        struct run calm, x;
        choose(&calm, from + k);
        calm.sink = "file";
        calm.system = systems[k % ARRAY_LEN(systems)];
        calm.interval = "1ms";
        x = calm;
        play(&calm);
        cr_assert_str_empty(calm.said, "%s: %s", calm.system, calm.said);
        x.crashes = 1 + (uint32_t)(mix(&s) % 3);
        for (uint32_t i = 0; i < x.crashes; i++) {
            x.at[i] = 1 + mix(&s) % (calm.steps * (i + 1));
            /* ASan does not know the stacks of threads that are unwound in a server of Vesta */
            x.node[i] = nodes[mix(&s) % (strstr(x.system, "vesta") ? 2 : 4)];
            x.after[i] = 1 + mix(&s) % 5000;
        }
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory && x.damaged == 0,
                  "seed %lu of %s: %.0f damaged, %s", from + k, x.system, x.damaged, x.said);
        cr_expect_gt(calm.saves, 0, "%s", calm.system);
    }
}

/* A job whose ranks a and b crash at the same event, after so many tenths of it. */
static void kill_two(struct run *x, uint64_t group, uint32_t a, uint32_t b, uint64_t tenths,
                     uint64_t steps)
{
    *x = (struct run){ .program = "random",
                       .policy = "copy",
                       .sink = "memory",
                       .group = group,
                       .dirty = 4,
                       .more_steps = 20,
                       .incremental = group % 2,
                       .interval = "3ms",
                       .think = "1ms",
                       .crashes = steps > 0 ? 2 : 0,
                       .at = { 1 + steps * tenths / 10, 1 + steps * tenths / 10 },
                       .node = { node_of_rank[a], node_of_rank[b] },
                       .after = { 400, 700 } };
    play(x);
}

/* CKPTM1, CKPTM2, CKPTM3: one of each group may crash, at once or one after the other; of the ring
 * of copies those that are no neighbours; of two of a group, or of neighbours, what they had is
 * lost, which is told, but where nothing was committed: then the job begins again. */
Test(ckpt, memory_survives_one_of_each_group_and_no_two)
{
    for (uint64_t group = 0; group <= 5; group += group == 0 ? 2 : 1) {
        struct run calm, x;
        uint32_t groups = group > 0 ? 5 / (uint32_t)group : 1, lost = 0, all = 0;
        kill_two(&calm, group, 0, 0, 0, 0);
        cr_assert_str_empty(calm.said, "%s", calm.said);
        for (uint32_t a = 0; a < 5; a++)
            for (uint32_t b = a + 1; b < 5; b++) {
                uint32_t ga = a, gb = b;
                if (group > 0) {
                    ga = a / group < groups ? a / (uint32_t)group : groups - 1;
                    gb = b / group < groups ? b / (uint32_t)group : groups - 1;
                }
                bool dead = group > 0 ? ga == gb : b == a + 1 || (a == 0 && b == 4);
                kill_two(&x, group, a, b, 5 + (a + b) % 4, calm.steps);
                cr_expect(dead ? strstr(x.said, "lost with those who kept it") != NULL
                               : x.said[0] == 0 && x.memory == calm.memory && x.damaged == 0,
                          "group %lu, ranks %u and %u: %.0f, not %.0f. %s", group, a, b, x.memory,
                          calm.memory, x.said);
                lost += dead;
                all++;
            }
        cr_expect(lost > 0 && (lost < all || group >= 3), "group %lu", group);
        for (uint64_t tenths = 4; tenths < 10; tenths++) { /* amid the restart another begins */
            kill_two(&x, group, 0, 1, tenths, calm.steps);
            cr_expect(strstr(x.said, "lost with those who kept it"), "group %lu, after %lu tenths",
                      group, tenths);
        }
        for (uint32_t a = 0; a < 2; a++) {
            kill_two(&x, group, a, a + 1, 0, 1); /* at the first events */
            cr_expect(x.said[0] == 0 && x.memory == calm.memory, "group %lu: %s", group, x.said);
        }
        calm.more_steps =
            70; /* one after the other: what the first has lost is made again before */
        x = calm;
        play(&calm);
        x.crashes = 3;
        for (uint32_t i = 0; i < 3; i++) {
            x.at[i] = calm.steps * (2 + 3 * i) / 10;
            x.node[i] = node_of_rank[(1 + i) % 4];
            x.after[i] = 300;
        }
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory && x.damaged == 0, "group %lu: %s",
                  group, x.said);
    }
}

/* CKPTM1, CKPTM2: nodes crash one after the other, each when what the one before has lost is made
 * again. */
Test(ckpt, memory_survives_crashes_one_after_the_other)
{
    uint64_t count = sample("CKPT_SEEDS", 6), from = sample("CKPT_FIRST", 1);
    for (uint64_t seed = from; seed < from + count; seed++) {
        static struct run calm, x;
        uint64_t s = seed * 5077;
        choose(&calm, seed);
        calm.sink = "memory";
        calm.group = (uint64_t[]){ 0, 0, 2, 3, 4, 5 }[mix(&s) % 6];
        calm.more_steps = 50;
        calm.think = "1ms";
        calm.interval = mix(&s) % 2 ? "3ms" : "1ms";
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
        x = calm;
        x.crashes = 4;
        for (uint32_t i = 0; i < x.crashes; i++) {
            x.at[i] = calm.steps * (16 * i + 4 + mix(&s) % 8) / 64;
            x.node[i] = node_of_rank[mix(&s) % RANKS];
            x.after[i] = 1 + mix(&s) % 800;
        }
        play(&x);
        same(&x, &calm, seed);
    }
}

/* CKPTM1, CKPTM2: twice a node dies while a checkpoint that may count or not is written to memory
 * or committed, or while the death before is made good; parity and copies are those of what is
 * used. */
Test(ckpt, memory_is_whole_after_deaths_in_the_commit)
{
    uint64_t count = sample("CKPT_SEEDS", 6), from = sample("CKPT_FIRST", 1);
    for (uint64_t seed = from; seed < from + count; seed++) {
        static struct run calm, x;
        static const enum where where[] = { IN_WRITE, IN_COMMIT, IN_COMMIT };
        uint64_t s = seed * 6077;
        choose(&calm, seed);
        calm.sink = "memory";
        calm.mirror = false;
        calm.group = (uint64_t[]){ 0, 2, 3, 4, 5 }[seed % 5];
        calm.more_steps = 40;
        calm.think = "1ms";
        calm.interval = "1ms";
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
        x = calm;
        x.node[0] = node_of_rank[mix(&s) % RANKS];
        x.after[0] = 1 + mix(&s) % 800;
        x.at[0] = event_in(&calm, where[mix(&s) % ARRAY_LEN(where)], mix(&s));
        x.crashes = 1;
        if (x.at[0] == 0)
            continue;
        play(&x);
        same(&x, &calm, seed);
        x.at[1] = event_in(&x, IN_COMMIT + mix(&s) % (IN_ENTER - IN_COMMIT + 1), mix(&s));
        x.node[1] = x.node[0];
        x.after[1] = 1 + mix(&s) % 800;
        x.crashes = 2;
        if (x.at[1] <= x.at[0])
            continue;
        play(&x);
        same(&x, &calm, seed);
    }
}

/* The event behind the first commit of a checkpoint that began when that death was known; 0: there
 * is none. */
static uint64_t committed_after(const struct run *x, uint64_t death)
{
    uint32_t i = 0;
    while (i < x->count && x->seen[i].event < death)
        i++;
    i += 60; /* 1.2 ms */
    while (i < x->count && x->seen[i].where != ELSEWHERE)
        i++;
    while (i < x->count && x->seen[i].where != IN_COMMIT)
        i++;
    while (i < x->count && x->seen[i].where != ELSEWHERE)
        i++;
    return i < x->count ? x->seen[i].event : 0;
}

/* CKPTS1, CKPTS2: servers die, and ranks: with two copies one server may at a time; without, what
 * was lost is told, the next checkpoint has all anew, and only a rank that dies before that is
 * committed ends the job. */
Test(ckpt, memory_servers_that_die_end_no_job_that_runs)
{
    static const uint32_t servers[] = { 3, 7 };
    uint64_t count = sample("CKPT_SEEDS", 20), from = sample("CKPT_FIRST", 1);
    uint32_t lost = 0, fine = 0, told = 0;
    for (uint64_t k = 0; k <= count; k++) {
        static struct run calm, x;
        uint64_t seed = k < count ? from + k : 2058; /* another image where the lost one was */
        uint64_t s = seed * 6077, at;
        choose(&calm, seed);
        calm.sink = "servers";
        calm.group = 0;
        calm.mirror = seed % 2;
        calm.more_steps = 30;
        calm.think = "1ms";
        calm.interval = mix(&s) % 2 ? "3ms" : "1ms";
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
        x = calm;
        x.crashes = 1; /* a server, then a rank when there is a checkpoint again */
        x.at[0] = calm.steps / 10 + mix(&s) % (calm.steps / 2);
        x.node[0] = servers[mix(&s) % 2];
        x.after[0] = 1 + mix(&s) % 3000;
        play(&x);
        same(&x, &calm, seed);
        told += x.lost;
        at = committed_after(&x, x.at[0]);
        x.crashes = 2;
        x.at[1] = at > 0 ? at : x.at[0] + mix(&s) % 50;
        x.node[1] = node_of_rank[mix(&s) % RANKS];
        x.after[1] = 1 + mix(&s) % 3000;
        play(&x);
        if (at > 0)
            same(&x, &calm, seed);
        x.crashes = 3; /* a rank amid both servers, or the same one twice */
        x.at[1] = 1 + mix(&s) % calm.steps;
        x.at[2] = mix(&s) % 2 ? x.at[1] : calm.steps * 8 / 10;
        x.at[0] = mix(&s) % 2 ? x.at[1] : x.at[0];
        x.node[2] = seed % 4 == 0 ? 10 - x.node[0] : x.node[0];
        x.after[2] = 1 + mix(&s) % 3000;
        play(&x);
        if (!x.mirror && strstr(x.said, "lost with those who kept it")) {
            cr_expect(x.damaged == 0, "seed %lu: %.0f damaged. %s", seed, x.damaged, x.said);
            lost++;
            continue;
        }
        same(&x, &calm, seed);
        fine++;
    }
    cr_expect(count < 20 || (lost > 0 && told > 0 && fine > count / 3),
              "%u lost, %u fine, %u checkpoints told to be lost", lost, fine, told);
}

/* VMS4, VM6: programs with more memory than frames, over a disk of their own or memory servers: as
 * if they had all frames and nobody had died. */
Test(ckpt, a_job_whose_pages_are_out_goes_on_after_crashes)
{
    static const uint32_t nodes[] = { 0, 1, 4, 5, 6 };
    uint64_t count = sample("CKPT_SEEDS", 40), from = sample("CKPT_FIRST", 1);
    double fetched = 0;
    uint32_t back = 0;
    for (uint64_t seed = from; seed < from + count; seed++) {
        static struct run calm, paged, x;
        uint64_t s = seed * 7077;
        choose(&calm, seed);
        calm.memory_kib = 30;
        calm.pattern = 0;
        calm.interval = mix(&s) % 2 ? "20ms" : "5ms";
        x = calm;
        x.paging = mix(&s) % 2 ? "swap" : "io";
        x.page_frames = 9 + mix(&s) % 10;
        paged = x;
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu, all resident: %s", seed, calm.said);
        play(&paged);
        same(&paged, &calm, seed);
        fetched += paged.fetched;
        x.crashes = x.sink[0] == 'm' ? 1 : 1 + (uint32_t)(mix(&s) % 3);
        for (uint32_t i = 0; i < x.crashes; i++) {
            x.at[i] = 1 + mix(&s) % (paged.steps * (i + 1));
            x.node[i] = nodes[mix(&s) % ARRAY_LEN(nodes)];
            x.after[i] = 1 + mix(&s) % 5000;
        }
        if (x.paging[0] == 'i' && (x.sink[0] != 's' || x.mirror)) { /* who has pages dies, too */
            x.at[x.crashes] = 1 + mix(&s) % paged.steps;
            x.node[x.crashes] = 3;
            x.after[x.crashes++] = 1 + mix(&s) % 5000;
        }
        play(&x);
        same(&x, &calm, seed);
        back += strstr(x.remarked, "goes back to its last checkpoint: node") != NULL;
    }
    cr_expect(count < 40 || back > 0, "nobody lost a page");
    cr_expect(count < 40 || fetched > 1000, "%.0f fetched", fetched);
}

/* CKPT3: each rank has 12 pages, and one of them is written in each step; its 4 pages of scratch
 * memory, all of them written, are in no checkpoint. */
Test(ckpt, increments_are_the_pages_that_were_written)
{
    for (size_t k = 0; k < 3 * ARRAY_LEN(policies); k++) {
        struct run x = { .program = "ring",
                         .policy = policies[k % 4],
                         .sink = "memory",
                         .incremental = true,
                         .interval = "30ms",
                         .think = "20ms" };
        if (k >= 4) { /* what is out and comes back is no change */
            x.paging = k >= 8 ? "io" : "swap";
            x.page_frames = 8;
            x.interval = "100ms";
            x.think = "60ms";
        }
        play(&x);
        cr_assert_str_empty(x.said, "%s", x.said);
        cr_expect_geq(x.saves, 3 * 5, "%s: %.0f saves, %.0f pages %.0f bytes", x.policy, x.saves,
                      x.pages, x.page_bytes);
        cr_expect_eq(x.pages, 5 * 12 + (x.saves - 5), "%s: %.0f pages of %.0f saves", x.policy,
                     x.pages, x.saves);
        cr_expect_eq(x.page_bytes, x.pages * 1024, "%s: %.0f", x.policy, x.page_bytes);
    }
}

/* PACK1, by the slow count of words and runs; what is damaged is refused or is another page, and
 * nothing beyond the buffers is touched (for who checks memory). */
Test(ckpt, differences_and_compression_are_read_back_the_same)
{
    enum { MOST = 5000 };
    static uint8_t old[MOST], new[MOST], out[2 * MOST], back[MOST], again[MOST];
    static uint32_t lz[PACK_TABLE];
    uint64_t s = 5;
    for (int round = 0; round < 600; round++) {
        size_t n = mix(&s) % (MOST / 4 + 1) * 4, words = 0, runs = 0, kinds = 1 + mix(&s) % 300;
        uint64_t changes = mix(&s) % 3 == 0 ? mix(&s) % MOST : mix(&s) % 8;
        for (size_t i = 0; i < n; i++)
            old[i] = new[i] = (uint8_t)(mix(&s) % kinds);
        for (uint64_t k = 0; n > 0 && k < changes; k++)
            new[mix(&s) % n] ^= (uint8_t)(1 + mix(&s) % 255);
        for (size_t w = 0; w < n / 4; w++) {
            bool differs = memcmp(old + 4 * w, new + 4 * w, 4) != 0;
            words += differs;
            runs += differs && (w == 0 || memcmp(old + 4 * w - 4, new + 4 * w - 4, 4) == 0);
        }
        size_t length = pack_diff(old, new, n, out, sizeof out);
        cr_assert_eq(length, 4 * (words + runs));
        cr_assert_eq(pack_diff(old, new, n, out, length), length);
        cr_assert(length == 0 || pack_diff(old, new, n, out, length - 1) == PACK_NONE);
        length = pack_diff(old, new, n, out, sizeof out);
        memcpy(back, old, n);
        cr_assert(pack_patch(back, n, out, length) && memcmp(back, new, n) == 0);
        for (uint64_t k = 0; length > 0 && k < 4; k++) {
            out[mix(&s) % length] ^= (uint8_t)(1 + mix(&s) % 255);
            memcpy(back, old, n);
            (void)pack_patch(back, n, out, length - mix(&s) % 3 % length);
        }
        size_t packed = pack_lz(new, n, out, sizeof out, lz);
        cr_assert_leq(packed, n + 2 * ((n + 15) / 16));
        cr_assert(pack_unlz(out, packed, back, n) && memcmp(back, new, n) == 0);
        if (packed > 2)
            cr_assert_eq(pack_lz(new, n, out, packed - 1, lz), PACK_NONE);
        packed = pack_lz(new, n, out, sizeof out, lz);
        for (uint64_t k = 0; packed > 0 && k < 4; k++) {
            out[mix(&s) % packed] ^= (uint8_t)(1 + mix(&s) % 255);
            (void)pack_unlz(out, packed - mix(&s) % 3 % packed, again, n);
        }
    }
    static const uint8_t before[] = { 0, 1, 0, 1 }; /* a copy of what is not there yet */
    cr_assert_not(pack_unlz(before, sizeof before, back, 3));
    static uint8_t far[2][300000];
    far[1][299999] = 1;
    cr_assert_eq(pack_diff(far[0], far[1], sizeof far[0], out, sizeof out), 4 * (1 + 1 + 1));
    cr_assert(pack_patch(far[0], sizeof far[0], out, 12) && far[0][299999] == 1);
    memset(new, 7, MOST); /* a literal, then copies of 18: two bytes each */
    size_t items = 1 + (MOST - 1 + 17) / 18;
    cr_assert_leq(pack_lz(new, MOST, out, sizeof out, lz), 2 * items + 2 * ((items + 15) / 16));
}

/* Of a page in which one word of 8 bytes is written a step the words alone are written, until they
 * are half the page. */
Test(ckpt, compared_pages_are_written_by_words)
{
    for (size_t policy = 0; policy < 2 * ARRAY_LEN(policies); policy++) {
        struct run x = { .program = "ring",
                         .policy = policies[policy % 4],
                         .sink = "memory",
                         .compare = true,
                         .incremental = policy >= 4,
                         .more_steps = 28,
                         .interval = "30ms",
                         .think = "20ms" };
        play(&x);
        cr_assert_str_empty(x.said, "%s", x.said);
        double later = x.saves - 5, all = 12 * 5 * 1024;
        cr_expect_geq(later, 15 * 5);
        cr_expect_eq(x.diffs, later * (x.incremental ? 1 : 12), "%s", x.policy);
        cr_expect(x.page_bytes > all && x.page_bytes <= all + later * 40 * 12, "%s: %.0f bytes",
                  x.policy, x.page_bytes);
        cr_expect_eq(x.kept, all);
        double bytes = x.page_bytes;
        x.compress = true;
        play(&x);
        cr_expect_str_empty(x.said, "%s", x.said);
        cr_expect_lt(x.page_bytes, bytes / 2, "zeros, mostly");
    }
    struct run x = { .program = "ring",
                     .policy = "stop",
                     .sink = "memory",
                     .compare = true,
                     .incremental = true,
                     .more_steps = 60,
                     .interval = "30ms",
                     .think = "20ms" };
    play(&x);
    cr_expect_str_empty(x.said, "%s", x.said);
    cr_expect(x.diffs < x.saves - 5 && x.diffs > x.saves * 0.8, "more than half a page");
}

/* What is compared is what the sink has, after restarts, too; differences are not overwritten. */
Test(ckpt, a_job_whose_pages_are_compared_goes_on_after_crashes)
{
    for (size_t policy = 0; policy < ARRAY_LEN(policies); policy++) {
        struct run calm = { .program = "random",
                            .policy = policies[policy],
                            .sink = "memory",
                            .compare = true,
                            .compress = policy % 2,
                            .incremental = true,
                            .dirty = 4,
                            .more_steps = 20,
                            .interval = "3ms",
                            .think = "1ms" };
        struct run x = calm;
        play(&calm);
        x.crashes = 3;
        for (uint32_t i = 0; i < 3; i++) {
            x.at[i] = calm.steps * (2 + i) / 5;
            x.node[i] = 4 + i % 2;
            x.after[i] = 500;
        }
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory, "%s: %s", x.policy, x.said);
        cr_expect(x.damaged == 0 && x.diffs > 20, "%.0f damaged, %.0f diffs", x.damaged, x.diffs);
    }
}

/* CKPT2: frames are used again: of a job that writes all of its 12 pages all the time the store has
 * two checkpoints, and with comparison half a page more of each. */
Test(ckpt, the_store_of_a_rank_is_bounded)
{
    for (uint64_t k = 0; k < 8; k++) {
        struct run x = { .program = "ring",
                         .policy = policies[(k + 2) % 4],
                         .sink = "memory",
                         .compare = k >= 4,
                         .incremental = true,
                         .dirty = 12,
                         .interval = "30ms",
                         .think = "20ms" };
        play(&x);
        cr_assert_str_empty(x.said, "%s", x.said);
        double slots = 4 * 4096, meta = x.meta_bytes / x.saves, pages = 12 * 1024;
        cr_expect_leq(x.space, slots + 2 * (meta + 2048) + pages * (x.compare ? 2.5 : 2));
        cr_expect_geq(x.space, slots + meta + pages);
    }
}

/* CKPT6: each rank has 3 pages that are read only, and 12 others; the first are saved once, and the
 * page of them that is written after all once more. */
Test(ckpt, ranges_that_are_read_only_are_saved_once)
{
    for (size_t policy = 0; policy < ARRAY_LEN(policies); policy++)
        for (uint64_t rewrite = 0; rewrite <= 6; rewrite += 6) {
            struct run x = { .program = "ring",
                             .policy = policies[policy],
                             .sink = "memory",
                             .table = 3,
                             .rewrite = rewrite,
                             .named = policy % 2,
                             .interval = "30ms",
                             .think = "20ms" };
            play(&x);
            cr_assert_str_empty(x.said, "%s", x.said);
            cr_expect_geq(x.saves, 5 * 5);
            cr_expect_eq(x.rewritten, rewrite > 0 ? 5 : 0, "%s: %.0f", x.policy, x.rewritten);
            cr_expect_eq(x.pages, x.saves * 12 + 5 * 3 + x.rewritten,
                         "%s: %.0f pages of %.0f saves", x.policy, x.pages, x.saves);
        }
}

/* CKPT5: what is damaged is found, and the checkpoint before is used. */
Test(ckpt, a_damaged_checkpoint_is_not_used)
{
    static const sim_time between = 9 * SIM_SEC; /* the second checkpoint and the third */
    uint64_t count = sample("CKPT_ROTS", 12);
    double damaged = 0;
    struct run calm = { .program = "random",
                        .policy = "cow",
                        .sink = "file",
                        .dirty = 4,
                        .interval = "2500ms",
                        .think = "1s" };
    play(&calm);
    cr_assert_str_empty(calm.said, "%s", calm.said);
    for (uint64_t k = 0; k < count; k++) {
        struct run x = calm;
        x.policy = policies[(k + 2) % 4];
        x.compare = k % 8 >= 6;
        x.compress = k % 8 >= 5;
        x.rots = between;
        x.rot_what = k % 6 == 0 ? ROT_HEADER : k % 6 == 1 ? ROT_COMMIT : ROT_ANY;
        x.rot_seed = k * 1000 + 7;
        play(&x);
        if (x.compare && strstr(x.said, "damaged") != NULL)
            continue; /* what both checkpoints refer to */
        cr_expect(x.said[0] == 0 && x.memory == calm.memory, "%lu: %s", k, x.said);
        cr_expect(x.damaged <= 1 && (x.rot_what != ROT_HEADER || x.damaged == 1),
                  "%lu: %.0f of %.0f saves", k, x.damaged, x.saves);
        damaged += x.damaged;
    }
    cr_expect(sample_one_in() > 1 || (damaged >= (double)count / 4 && damaged < (double)count),
              "%.0f of %lu", damaged, count);
}

/* CKPT9: crashes at any event, and the last checkpoint is damaged then: used before, or not.  What
 * is of it is nowhere in what goes on from the one before. */
Test(ckpt, a_job_that_finds_its_last_checkpoint_damaged_ends_as_if_it_had_not)
{
    static const uint32_t ranks[] = { 0, 1, 4, 5, 6 };
    uint64_t count = sample("CKPT_SEEDS", 40), from = sample("CKPT_FIRST", sample_one_in());
    uint32_t before = 0;
    for (uint64_t seed = from; seed < from + count; seed++) {
        static struct run calm, x;
        uint64_t s = seed * 97;
        choose(&calm, seed);
        calm.more_steps = 24;
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
        x = calm;
        x.damage = seed % 2 ? ROTS_OFTEN : ROTS_AGAIN;
        x.crashes = 2 + (uint32_t)(mix(&s) % 3);
        for (uint32_t i = 0; i < x.crashes; i++) {
            bool alone = i > 0 && x.sink[0] == 'm'; /* no two of a group */
            x.at[i] = i > 0 ? x.at[i - 1] + 100 + mix(&s) % (calm.steps / 3)
                            : calm.steps / 2 + mix(&s) % (calm.steps / 2);
            x.node[i] = alone ? x.node[0] : ranks[mix(&s) % ARRAY_LEN(ranks)];
            x.after[i] = 1 + mix(&s) % 2000;
        }
        play(&x);
        bool told = strstr(x.said, "the job cannot go on") != NULL;
        cr_expect(told ? rot_must_tell() : x.said[0] == 0 && x.memory == calm.memory,
                  "seed %lu (%s, %s, %s, %s): memory %.0f, not %.0f. %s", seed, x.program,
                  x.algorithm, x.policy, x.sink, x.memory, calm.memory, x.said);
        before += !told && strstr(x.remarked, "is damaged: the one before is used") != NULL;
    }
    cr_expect(count < 40 || before > 1, "%u have gone on from the one before", before);
}

/* A sink that is full, or whose I/O node is down: the checkpoint is not committed, the job goes on,
 * and the last good one is used. */
Test(ckpt, a_checkpoint_that_cannot_be_written_leaves_the_one_before)
{
    struct run full[] = {
        { .sink = "memory", .room = 36000, .interval = "3ms", .think = "1ms" },
        { .sink = "memory", .room = 36000, .group = 2, .interval = "3ms", .think = "1ms" },
        { .sink = "servers", .seed = 2, .frames = 100, .interval = "3ms", .think = "1ms" },
        { .sink = "file", .cylinders = 5, .memory_kib = 256, .interval = "100ms", .think = "1s" },
        { .sink = "file",
          .system = "vesta",
          .cylinders = 5,
          .memory_kib = 256,
          .interval = "100ms",
          .think = "1s" },
    };
    for (size_t k = 0; k < ARRAY_LEN(full); k++) {
        struct run calm = full[k], x;
        calm.program = "random";
        calm.policy = policies[k % ARRAY_LEN(policies)];
        calm.dirty = 4;
        calm.more_steps = calm.cylinders > 0 ? 0 : 20;
        x = calm;
        play(&calm);
        cr_expect(calm.said[0] == 0 && calm.fulls > 0, "%lu: %u full. %s", k, calm.fulls,
                  calm.said);
        cr_expect(calm.committed >= 5, "%lu: %.0f committed of %.0f", k, calm.committed,
                  calm.saves);
        x.crashes = 1;
        x.at[0] = calm.steps * 7 / 10;
        x.node[0] = 4;
        x.after[0] = 500;
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory && x.damaged == 0, "%lu: %s", k,
                  x.said);
        /* nothing of it fits: the job ends all the same */
        x = calm;
        x.room = x.room > 0 ? 4000 : 0;
        x.frames = x.frames > 0 ? 50 : 0;
        x.cylinders = x.cylinders > 0 ? 4 : 0;
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory && x.fulls > 0, "%lu: %s", k, x.said);
    }
    struct run calm = { .program = "random",
                        .policy = "cow",
                        .sink = "file",
                        .dirty = 4,
                        .more_steps = 20,
                        .interval = "50ms",
                        .think = "100ms" };
    struct run x = calm;
    play(&calm);
    for (uint32_t back = 0; back < 2; back++) {
        x.crashes = 1 + back;
        x.at[0] = calm.steps / 2;
        x.node[0] = 3; /* an I/O node */
        x.after[0] = back ? 20000 : 0;
        x.at[1] = calm.steps * 8 / 10;
        x.node[1] = 5;
        x.after[1] = 500;
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory && x.errors > 0, "%u: %u errors. %s",
                  back, x.errors, x.said);
        cr_expect(x.committed >= 5, "%.0f", x.committed);
    }
    x.after[0] = 0;
    x.at[1] = calm.steps * 11 / 20;
    play(&x);
    cr_expect_not_null(strstr(x.said, "the job cannot go on"), "said %s; %.0f restarts", x.said,
                       x.memory);
}

/* What else happens to jobs that move or take turns: nodes die, some for ever. */
static void let_die(struct run *x, uint64_t steps, uint32_t crashes, uint64_t *s)
{
    static const uint32_t seats[] = { 0, 1, 2, 5, 6, 7, 8 };
    x->crashes = crashes;
    for (uint32_t i = 0; i < crashes; i++) {
        x->at[i] = 1 + mix(s) % (steps * 2);
        x->node[i] = seats[mix(s) % ARRAY_LEN(seats)];
        x->after[i] = i == 0 && mix(s) % 2 ? 0 : 1 + mix(s) % 8000;
    }
}

/* Ranks go to spare nodes, and all of them to a partition of another shape and back, between two
 * messages of theirs: what was in flight arrives. */
Test(ckpt, ranks_that_move_while_the_job_runs_end_as_if_they_had_not)
{
    uint64_t count = sample("CKPT_SEEDS", 16), from = sample("CKPT_FIRST", sample_one_in());
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct run calm, x;
        uint64_t s = seed * 83, at = 0;
        choose(&calm, seed);
        calm.spares = 2;
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a move: %s", seed, calm.said);
        choose(&x, seed);
        x.spares = 2;
        x.move_count = 1 + (uint32_t)(mix(&s) % 3);
        for (uint32_t i = 0; i < x.move_count; i++) {
            bool all = x.sink[0] != 'm' && mix(&s) % 2;
            at += 1 + mix(&s) % 4000;
            x.move[i].at = at;
            x.move[i].rank = all ? -1 : (int64_t)(mix(&s) % 5);
            x.move[i].to = !all ? "spare" : mix(&s) % 2 ? "forward" : "reverse";
        }
        if (x.sink[0] != 'm')
            let_die(&x, calm.steps, (uint32_t)(mix(&s) % 3), &s);
        play(&x);
        cr_expect(x.said[0] == 0 && x.memory == calm.memory,
                  "seed %lu (%s, %s, %s; %u moves, the first at %lu us to %s, %.0f made; %u "
                  "crashes): memory %.0f, not %.0f. %s",
                  seed, x.program, x.policy, x.sink, x.move_count, x.move[0].at, x.move[0].to,
                  x.moves, x.crashes, x.memory, calm.memory, x.said);
    }
}

/* Jobs that take turns on the same nodes, each from where it was. */
Test(ckpt, jobs_that_take_turns_end_as_they_do_alone)
{
    uint64_t count = sample("CKPT_SEEDS", 8), from = sample("CKPT_FIRST", sample_one_in());
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct run x;
        uint64_t s = seed * 89, steps = 0;
        double least = INFINITY, most = 0;
        uint32_t jobs = 2 + (uint32_t)(mix(&s) % 2);
        for (uint32_t k = 0; k < jobs; k++) {
            choose(&x, seed);
            x.spares = 2;
            x.seed += k;
            play(&x);
            cr_assert_str_empty(x.said, "seed %lu alone: %s", seed, x.said);
            least = fmin(least, x.memory);
            most = fmax(most, x.memory);
            steps += x.steps;
        }
        choose(&x, seed);
        x.spares = 2;
        x.jobs = jobs;
        if (x.sink[0] != 'm')
            let_die(&x, steps, (uint32_t)(mix(&s) % 3), &s);
        play(&x);
        cr_expect(
            x.said[0] == 0 && x.least == least && x.most == most && x.swaps >= (x.crashes == 0),
            "seed %lu (%s, %s, %s; %u jobs, %.0f swaps, %u crashes): memory %.0f to %.0f, not %.0f "
            "to %.0f. %s",
            seed, x.program, x.policy, x.sink, jobs, x.swaps, x.crashes, x.least, x.most, least,
            most, x.said);
    }
}
