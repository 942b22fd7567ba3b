/* test_bitfile.c: the bitfile server over the storage server, movers and tapes of the fake port,
 * against a shadow: what each bitfile holds.  Servers die between any two steps, and at any write
 * of their disk; what stands in the tables is walked from outside.
 *   BITFILE_SOAK=N  so many times as many seeds     BITFILE_SAYS=1  what begins, what ends badly
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/hsm/archive.h"
#include "os/hsm/bitfile_server.h"
#include "os/hsm/mover.h"
#include "os/hsm/pvl.h"
#include "os/hsm/storage.h"
#include "os/lfs/lfs.h"
#include "os/proto/select/select.h"
#include "os/xk/msg.h"
#include "tests/os/hsm_library.h"
#include "tests/os/xk_rig.h"

/* Node 0 has the servers, 1 the repository, 2 and 3 the drives, the others ask. */
enum { DRIVES = 2, MOVERS = 2, FIRST = 4, CLIENTS = 2, NODES = FIRST + CLIENTS };
enum { BLOCK = 3000, VOLUMES = 24, FILLED = 2, CAPACITY = 12, PIECES = 8, SLOTS = 40 };
enum { OWNER = 77 };
enum { DECLARED = 6, DECLARED_SIZE = 2 * BLOCK + 700, FILES = 60 };

enum state { NONE, MAKING, EMPTY, WRITING, WRITTEN, REMOVING, GONE };
struct shadow {
    enum state state;
    uint64_t id, size, seed;
    uint32_t cos, calls;
    bool declared, bad; /* bad: a copy of it cannot be read */
};

struct world {
    struct rig rig;
    struct hsm_library library;
    struct storage_params storage;
    struct bitfile_params params;
    struct pvl_params pvl;
    struct mover_params mover;
    struct lfs_params lfs;
    struct bitfiles *server;
    struct bitfile_door *doors[NODES];
    struct archive *archive; /* of the first client */
    struct port *ports[NODES];
    uint64_t seed;
    struct shadow files[FILES];
    uint32_t made, asked, ended, requests; /* made: of files */
    uint32_t unknown;                      /* CREATEs that ended in doubt */
    uint32_t bad[HSM_STATUS_COUNT];
    uint32_t repacks, blanked;
    uint64_t listed[SLOTS], found[BITFILE_LISTED]; /* of the owner */
    uint32_t listed_count;
    bool any_order; /* of all that is under way */
    struct shadow ghosts[16];
    uint32_t ghost_count;
    bool quiet;                             /* no more requests but what is needed to know */
    uint64_t writes, crash_write, crash_at; /* write of node 0's disk, or step, at which */
    uint32_t victim, crashes;               /* the victim dies; so often, all at such a distance */
    bool crash_now;
    bool walked;
    char fail_label[HSM_LABEL]; /* reads of that block of that cartridge fail, */
    uint64_t fail_block;
    bool lost;     /* a volume was made blank behind the server's back */
    bool fail_all; /* or all reads of tapes */
    uint32_t failed;
    struct bitfile_stat stat; /* of the last STAT */
    bool silent;              /* of a WRITE none are given: the server dies meanwhile */
    bool short_of_bytes;      /* or not all, */
    uint32_t later;           /* and parts of what was asked for so often, later */
};
static struct world *world;

static uint64_t draw(uint64_t n)
{
    world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
    return (world->seed >> 33) % n;
}

/* Bytes [offset, offset + length) of a file, as they should be. */
static void should_be(const struct shadow *f, uint64_t offset, uint64_t length, struct rope *out)
{
    if (!f->declared) {
        rope_add_pattern(out, f->seed, offset, length);
        return;
    }
    const struct storage_place at = bitfile_declared(&world->params, &world->storage, f->id);
    while (length > 0) {
        char label[HSM_LABEL];
        uint64_t b = offset / BLOCK, into = offset % BLOCK;
        uint64_t n = BLOCK - into < length ? BLOCK - into : length;
        uint64_t block = storage_label(&world->storage, at.volume, at.first + b, label);
        rope_add_pattern(out, hsm_library_seed((uint32_t)atoi(label + 1)), block * BLOCK + into, n);
        offset += n;
        length -= n;
    }
}

/* ---- clients ---- */

struct one {
    struct bitfile_call call; /* first */
    struct shadow *f;
    uint32_t node;
    uint64_t taken;
    struct port_timer timer, later;
};

static void next(uint32_t node);
static void begin(uint32_t node, enum bitfile_op op, struct shadow *f);
static void again(uint32_t node, enum bitfile_op op, struct shadow *f);
static void next_later(uint32_t node);

static void give(struct bitfile_call *c, uint64_t offset, uint64_t length, struct rope *out)
{
    const struct one *o = (struct one *)c;
    cr_assert(offset + length <= c->size);
    rope_add_pattern(out, o->f->seed, offset, length);
}

/* Bytes that are given later: the first that was asked for, or the last, in one part or two; of
 * what has none the first part alone. */
static void give_later(struct port_timer *t)
{
    struct one *o = t->arg;
    struct bitfile_call *c = &o->call;
    struct list *l = c->pulls.next->next == &c->pulls || fake_now(world->rig.f) % 3 == 0
                         ? c->pulls.next
                         : c->pulls.prev;
    struct bitfile_pull *p = LIST_ENTRY(l, struct bitfile_pull, link);
    uint64_t had = p->data.length, left = p->length - had;
    cr_assert(p->length > 0 && p->offset + p->length <= c->size);
    uint64_t n = had == 0 && left > 1 ? left / 2 : left;
    rope_add_pattern(&p->data, o->f->seed, p->offset + had, n);
    world->later++;
    if (n == left || world->short_of_bytes)
        p->answer(p);
    if (!list_empty(&c->pulls))
        port_timer_set(&o->later, 1 + fake_now(world->rig.f) % 17 * SIM_US);
}

static void ask_later(struct bitfile_call *c)
{
    struct one *o = (struct one *)c;
    if (world->silent)
        world->crash_now = true;
    else if (!port_timer_pending(&o->later))
        port_timer_set(&o->later, SIM_US);
}

static void take(struct bitfile_call *c, uint64_t offset, struct rope *data)
{
    struct one *o = (struct one *)c;
    struct rope should;
    cr_assert(offset >= c->offset && offset + data->length <= c->offset + c->length);
    o->taken += data->length;
    rope_init(&should);
    should_be(o->f, offset, data->length, &should);
    cr_assert(rope_equal(data, &should), "bytes %u of bitfile %llx are not what was written",
              (unsigned)offset, (unsigned long long)c->id);
    rope_fini(&should);
}

static void written(struct one *o, struct shadow *f)
{
    switch (o->call.status) {
    case HSM_OK:
        f->state = WRITTEN;
        break;
    case HSM_UNREACHABLE: /* BITF3: STAT says */
        again(o->node, BITFILE_STAT, f);
        break;
    default:
        f->state = EMPTY;
    }
}

static void statted(struct one *o, struct shadow *f)
{
    const struct bitfile_call *c = &o->call;
    if (c->status == HSM_UNREACHABLE) {
        again(o->node, BITFILE_STAT, f);
        return;
    }
    if (c->status == HSM_NO_BITFILE && f->state >= REMOVING)
        return;
    cr_assert_eq(c->status, HSM_OK, "BITF2: %s", hsm_status_name(c->status));
    cr_assert_eq(c->stat.cos, f->cos);
    world->stat = c->stat;
    if (f->state == WRITING)
        f->state = c->stat.written ? WRITTEN : EMPTY;
    if (c->stat.written)
        cr_assert_eq(c->stat.size, f->size);
}

static void done(struct bitfile_call *c)
{
    struct one *o = (struct one *)c;
    struct shadow *f = o->f;
    uint32_t node = o->node;
    world->bad[c->status]++;
    if (getenv("BITFILE_SAYS") != NULL && c->status != HSM_OK)
        (void)fprintf(stderr, "op %d of %llx: %s\n", c->op, (unsigned long long)c->id,
                      hsm_status_name(c->status));
    world->ended++;
    f->calls--;
    cr_assert(c->op != BITFILE_WRITE || list_empty(&c->pulls));
    port_timer_cancel(&o->later);
    switch (c->op) {
    case BITFILE_CREATE:
        f->id = c->id;
        f->state = c->status == HSM_OK ? EMPTY : GONE;
        world->unknown += c->status == HSM_UNREACHABLE;
        break;
    case BITFILE_WRITE:
        written(o, f);
        break;
    case BITFILE_READ:
        if (c->status == HSM_OK)
            cr_assert_eq(o->taken, c->length, "BITF4");
        else if (world->quiet &&
                 (c->status == HSM_DEVICE ||
                  c->status == HSM_NO_DRIVE)) /* a move that a dead library had begun */
            again(node, BITFILE_READ, f);
        else
            cr_assert(c->status == HSM_UNREACHABLE || c->status == HSM_DEVICE ||
                          (c->status == HSM_NO_BLOCK && world->lost) ||
                          (c->status == HSM_NO_DRIVE && world->any_order) ||
                          (c->status == HSM_NO_BITFILE && f->state >= REMOVING) ||
                          (c->status == HSM_MEDIUM && f->bad),
                      "BITF4: %s", hsm_status_name(c->status));
        break;
    case BITFILE_REMOVE:
        if (c->status == HSM_OK && f->state == REMOVING)
            world->ghosts[world->ghost_count++ % 16] =
                (struct shadow){ .state = GONE, .id = f->id, .size = 1 };
        if (c->status == HSM_OK)
            f->state = GONE;
        else
            again(node, BITFILE_REMOVE, f); /* BITF5 */
        break;
    default:
        statted(o, f);
    }
    bool down = c->status == HSM_UNREACHABLE;
    port_free(world->ports[node], o);
    if (down)
        next_later(node);
    else
        next(node);
}

static void asked(struct port_timer *t)
{
    struct one *o = t->arg;
    bitfile_ask(world->doors[o->node], &o->call);
}

static struct one *prepare(uint32_t node, enum bitfile_op op, struct shadow *f)
{
    struct port *p = world->ports[node];
    struct one *o = port_alloc(p, sizeof *o);
    port_timer_init(p, &o->timer, asked, o);
    port_timer_init(p, &o->later, give_later, o);
    o->f = f;
    o->node = node;
    o->call = (struct bitfile_call){ .op = op, .id = f->id, .cos = f->cos, .done = done };
    o->call.size = f->size;
    o->call.owner = OWNER;
    if (op == BITFILE_WRITE) {
        if (f->seed % 2 == 0)
            o->call.ask = ask_later;
        else
            o->call.give = give;
        f->state = WRITING;
    } else if (op == BITFILE_READ) {
        o->call.take = take;
        o->call.offset = world->quiet ? 0 : draw(f->size);
        o->call.length = world->quiet ? f->size : 1 + draw(f->size - o->call.offset);
    } else if (op == BITFILE_REMOVE && f->state != GONE) {
        f->state = REMOVING;
    } else if (op == BITFILE_CREATE) {
        f->state = MAKING;
    }
    world->asked++;
    f->calls++;
    return o;
}

static void begin(uint32_t node, enum bitfile_op op, struct shadow *f)
{
    bitfile_ask(world->doors[node], &prepare(node, op, f)->call);
}

/* After a while: who asks a dead node at once is told at once. */
static void again(uint32_t node, enum bitfile_op op, struct shadow *f)
{
    port_timer_set(&prepare(node, op, f)->timer, SIM_SEC);
}

static void repacked(struct bitfile_call *c)
{
    struct one *o = (struct one *)c;
    uint32_t node = o->node;
    bool ok = c->status == HSM_OK;
    world->blanked += ok ? (uint32_t)c->id : 0;
    world->ended++;
    port_free(world->ports[node], o);
    if (ok)
        next(node);
    else
        next_later(node);
}

static void repack(uint32_t node, uint32_t percent)
{
    struct one *o = port_alloc(world->ports[node], sizeof *o);
    o->node = node;
    o->call = (struct bitfile_call){ .op = BITFILE_REPACK, .size = percent, .done = repacked };
    world->asked++;
    world->repacks++;
    bitfile_ask(world->doors[node], &o->call);
}

static struct shadow *some(enum state s)
{
    uint32_t from = (uint32_t)draw(FILES);
    for (uint32_t i = 0; i < FILES; i++) {
        struct shadow *f = &world->files[(from + i) % FILES];
        if (f->state == s && (s != GONE || f->calls == 0))
            return f;
    }
    return NULL;
}

/* The next request of a client, drawn. */
static void next(uint32_t node)
{
    struct shadow *f;
    if (world->quiet || world->asked >= world->requests)
        return;
    uint64_t what = draw(20);
    if (what == 0) {
        repack(node, 60);
    } else if (what == 19 && world->ghost_count > 0) { /* BITF2: its slot may be another's */
        f = &world->ghosts[draw(world->ghost_count < 16 ? world->ghost_count : 16)];
        begin(node, draw(2) ? BITFILE_REMOVE : BITFILE_READ, f);
    } else if (what < 8 && (f = some(WRITTEN)) != NULL) {
        begin(node, BITFILE_READ, f);
    } else if (what < 11 && (f = some(WRITTEN)) != NULL) {
        begin(node, BITFILE_REMOVE, f);
    } else if (what < 12 && (f = some(WRITTEN)) != NULL) {
        begin(node, BITFILE_STAT, f);
    } else if ((f = some(EMPTY)) != NULL) {
        begin(node, BITFILE_WRITE, f);
    } else if ((f = some(NONE)) != NULL || (f = some(GONE)) != NULL) {
        memset(f, 0, sizeof *f);
        f->seed = 5000 + world->made++;
        f->size = 1 + draw(6) * draw(6) * BLOCK + draw(BLOCK);
        f->cos = (uint32_t)draw(2);
        begin(node, BITFILE_CREATE, f);
    } else {
        repack(node, 100);
    }
}

static void go_on(struct port_timer *t)
{
    uint32_t node = port_node(t->port);
    port_free(t->port, t);
    next(node);
}

static void next_later(uint32_t node)
{
    struct port *p = world->ports[node];
    struct port_timer *t = port_alloc(p, sizeof *t);
    port_timer_init(p, t, go_on, NULL);
    port_timer_set(t, SIM_SEC);
}

/* ---- the world ---- */

static enum port_io_status on_disk(void *arg, uint32_t node, uint32_t dev, const struct port_io *io,
                                   uint32_t *sectors)
{
    (void)arg;
    if (node == 0 && dev == 0 && io->op == PORT_IO_WRITE && ++world->writes == world->crash_write) {
        world->crash_now = true;
        *sectors = (uint32_t)draw(*sectors + 1); /* torn */
    }
    if (dev > 0 && io->op == PORT_IO_READ && world->fail_all)
        return PORT_IO_MEDIUM;
    if (dev > 0 && io->op == PORT_IO_READ && world->fail_label[0] != 0 &&
        io->sector == world->fail_block && node >= 2 && node < 2 + MOVERS &&
        strcmp(world->library.in[(node - 2) * DRIVES + dev - 1], world->fail_label) == 0) {
        world->failed++;
        return PORT_IO_MEDIUM;
    }
    return PORT_IO_OK;
}

static const struct archive_params archive_params = { .retry = SIM_MS };

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    static const uint32_t pvrs[] = { 1 };
    struct xk_protl *rpc = xk_find(r->k[node], "rpc");
    if (node == 0) {
        struct file_sys *files = lfs_files(lfs_start(p, &world->lfs));
        (void)pvl_serve(rpc, &world->pvl, pvrs, 1);
        (void)storage_serve(rpc, files, &world->storage, 0);
        world->server = bitfile_serve(rpc, files, &world->params, 0, &world->storage);
    } else if (node == 1) {
        world->library.fake = r->f;
        hsm_library_serve(&world->library, rpc);
    } else if (node < FIRST) {
        (void)mover_serve(rpc, &world->mover);
    } else {
        world->doors[node] = bitfile_open(rpc, 0, SIM_MS);
        world->ports[node] = p;
        if (node == FIRST)
            world->archive = archive_open(rpc, &archive_params, 0, &world->storage);
        for (int i = 0; i < 4; i++)
            next(node);
    }
}

static void start(struct world *w, uint64_t seed, uint32_t width)
{
    world = w;
    w->seed = seed;
    w->storage = (struct storage_params){ .prefix = "T",
                                          .volumes = VOLUMES,
                                          .width = width,
                                          .block = BLOCK,
                                          .blocks = 9,
                                          .filled = FILLED,
                                          .capacity = CAPACITY,
                                          .pieces = PIECES,
                                          .threads = 3,
                                          .rounds = 2,
                                          .batch = 100,
                                          .retry = SIM_MS,
                                          .records = { 512, 16, 16384 } };
    w->params = (struct bitfile_params){ .bitfiles = SLOTS,
                                         .declared = DECLARED,
                                         .size = DECLARED_SIZE,
                                         .chains = 20,
                                         .class_count = 2,
                                         .threads = 3,
                                         .retry = SIM_MS,
                                         .repack = { .percent = 60,
                                                     .buffer = 5 * BLOCK,
                                                     .direct = seed % 3 != 0,
                                                     .heal = seed % 2 != 0 },
                                         .records = { 512, 16, 16384 } };
    w->params.class[0] = (struct bitfile_class){ .name = "one", .copies = 1, .max = INT64_MAX };
    w->params.class[1] = (struct bitfile_class){ .name = "two", .copies = 2, .max = INT64_MAX };
    hsm_library_lfs(&w->lfs);
    hsm_library_servers(&w->pvl, &w->mover, seed);
    struct fake_options o = { .nodes = NODES, .seed = seed, .disks = 1, .tapes = DRIVES };
    o.detect_delay = SIM_MS;
    o.disk_cache = true;
    o.order = w->any_order ? FAKE_RANDOM : FAKE_IN_ORDER;
    o.timer_odds = 3;
    w->library = (struct hsm_library){ .first = 2, .nodes = MOVERS, .drives = DRIVES };
    w->library.filled = FILLED * width;
    w->library.blocks = (9 + width - 1) / width;
    w->library.block = BLOCK;
    for (uint32_t i = 0; i < DECLARED; i++)
        w->files[i] =
            (struct shadow){ .state = WRITTEN, .id = i, .size = DECLARED_SIZE, .declared = true };
    rig_start(&w->rig, &o, "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan",
              booted, NULL);
    fake_on_disk(w->rig.f, on_disk, NULL);
}

static void settle(struct world *w)
{
    uint64_t crashed = 0;
    for (uint64_t i = 1; w->ended < w->asked && i < 4000000; i++) {
        if (w->crash_now || (i == w->crash_at && w->crash_at > 0)) {
            w->crash_now = false;
            if (fake_up(w->rig.f, w->victim))
                fake_crash(w->rig.f, w->victim);
            crashed = i;
            w->crash_write += w->crash_write / (1 + w->crashes);
            w->crash_at += w->crash_at / (1 + w->crashes);
            w->crashes++;
        }
        if (crashed > 0 && i == crashed + 12 && !fake_up(w->rig.f, w->victim))
            fake_restart(w->rig.f, w->victim);
        if (!fake_step(w->rig.f))
            break;
    }
    if (!fake_up(w->rig.f, w->victim))
        fake_restart(w->rig.f, w->victim);
    w->crash_write = 0;
    fake_run(w->rig.f, 20000);
    w->crash_now = false;
    cr_assert_eq(w->ended, w->asked, "a call never ended (BITF1): %u of %u", w->ended, w->asked);
}

/* ---- the walk: BFS1 ---- */

static void walk(void *arg)
{
    struct world *w = arg;
    static uint8_t owner[VOLUMES * 2][CAPACITY + 9];
    uint64_t live[VOLUMES] = { 0 }, count;
    uint32_t pieces[VOLUMES] = { 0 }, found = 0, expected = 0, empty = 0;
    memset(owner, 0, sizeof owner);
    for (uint64_t n = 0; n < SLOTS; n++) {
        struct bitfile_stat stat;
        struct bitfile_segment s[BITFILE_SEGMENTS];
        enum hsm_status status = bitfile_look(w->server, n, &stat, s);
        if (status == HSM_NO_BITFILE)
            continue;
        cr_assert_eq(status, HSM_OK);
        found += stat.written;
        empty += !stat.written;
        uint64_t next_block[STORAGE_COPIES] = { 0 };
        for (uint32_t i = 0; i < stat.segments; i++) {
            cr_assert_lt(s[i].volume, VOLUMES);
            cr_assert_eq(s[i].at, next_block[s[i].copy], "BFS1: a copy without holes");
            next_block[s[i].copy] += s[i].count;
            for (uint64_t b = s[i].first; b < s[i].first + s[i].count; b++)
                cr_assert_eq(owner[s[i].volume][b]++, 0, "BFS1: two segments in one place");
            live[s[i].volume] += s[i].count;
            pieces[s[i].volume]++;
            uint64_t who;
            cr_assert_eq(bitfile_look_piece(w->server, s[i].volume, s[i].piece, &who), HSM_OK);
            cr_assert_eq((who - 1) & ((UINT64_C(1) << 40) - 1), n, "BFS1: its place");
        }
        for (uint32_t c = 0; c < STORAGE_COPIES; c++)
            cr_assert_eq(next_block[c],
                         stat.written && c < stat.copies ? (stat.size + BLOCK - 1) / BLOCK : 0);
    }
    for (uint32_t v = 0; v < VOLUMES; v++) {
        cr_assert_eq(bitfile_look_volume(w->server, v, &count), HSM_OK);
        cr_assert_eq(count, live[v], "BFS1: the count of volume %u is %u, not %u", v,
                     (unsigned)count, (unsigned)live[v]);
        for (uint32_t i = 0; i < PIECES; i++) {
            uint64_t who;
            cr_assert_eq(bitfile_look_piece(w->server, v, i, &who), HSM_OK);
            pieces[v] -= who != 0;
        }
        cr_assert_eq(pieces[v], 0, "BFS1: a place of nobody");
    }
    for (uint32_t i = 0; i < FILES; i++) {
        expected += w->files[i].state == WRITTEN;
        empty -= w->files[i].state == EMPTY;
    }
    cr_assert_eq(found, expected, "%u bitfiles are there, not %u", found, expected);
    cr_assert_leq(empty, w->unknown, "BITF2");
    w->walked = true;
}

static void spawn(struct port *p, void *arg)
{
    (void)port_thread_spawn(p, "walk", walk, arg, 0);
}

static void look_at(struct port *p, void *arg)
{
    begin(port_node(p), BITFILE_READ, arg);
}

static void listed(struct bitfile_call *c)
{
    struct one *o = (struct one *)c;
    world->ended++;
    cr_assert_eq(c->status, HSM_OK);
    for (uint32_t i = 0; i < c->found_count; i++)
        world->listed[world->listed_count++] = c->found[i];
    cr_assert_eq(c->id, UINT64_MAX, "there are fewer slots than one list has numbers");
    port_free(world->ports[o->node], o);
}

static void list(struct port *p, void *arg)
{
    struct one *o = port_alloc(p, sizeof *o);
    o->node = port_node(p);
    o->call = (struct bitfile_call){
        .op = BITFILE_LIST, .owner = OWNER, .found = world->found, .done = listed, .arg = arg
    };
    world->asked++;
    bitfile_ask(world->doors[o->node], &o->call);
}

/* BITF6: its owner hears of all that were created, and of none but those whose CREATE ended in
 * doubt besides. */
static void check_list(struct world *w)
{
    uint32_t named = 0;
    fake_call(w->rig.f, FIRST, list, NULL);
    settle(w);
    for (uint32_t i = 0; i < FILES; i++) {
        const struct shadow *f = &w->files[i];
        uint32_t there = 0;
        for (uint32_t k = 0; k < w->listed_count; k++)
            there += !f->declared && f->state >= EMPTY && w->listed[k] == f->id;
        cr_assert_eq(there, !f->declared && (f->state == EMPTY || f->state == WRITTEN), "BITF6");
        named += there;
    }
    cr_assert_leq(w->listed_count, named + w->unknown, "BITF6");
}

/* All that should be there is, and nothing else. */
static void check(struct world *w)
{
    w->quiet = true;
    w->crash_write = w->crash_at = 0;
    settle(w);
    w->walked = false;
    fake_call(w->rig.f, 0, spawn, w);
    for (uint32_t i = 0; i < 100000 && !w->walked; i++)
        (void)fake_step(w->rig.f);
    cr_assert(w->walked);
    check_list(w);
    uint32_t was = w->bad[HSM_OK], all = 0;
    for (uint32_t i = 0; i < FILES; i++)
        if (w->files[i].state == WRITTEN && !w->files[i].bad) {
            all++;
            fake_call(w->rig.f, FIRST, look_at, &w->files[i]);
        }
    settle(w);
    cr_assert_eq(w->bad[HSM_OK] - was, all, "BITF3: of %u bitfiles %u can be read", all,
                 w->bad[HSM_OK] - was);
    rig_stop(&w->rig);
}

/* So many times as many seeds, from that one; by default a sample. */
static uint64_t seeds(uint64_t usual)
{
    const char *text = getenv("BITFILE_SOAK");
    return text != NULL ? usual * strtoull(text, NULL, 10) : usual;
}

static void begins(const char *what, uint64_t seed)
{
    if (getenv("BITFILE_SAYS") != NULL)
        (void)fprintf(stderr, "%s %u\n", what, (unsigned)seed);
}

Test(bitfile, holds_what_was_written)
{
    uint32_t blanked = 0, copied = 0;
    for (uint64_t seed = 0; seed < seeds(6); seed++) {
        struct world w = { .requests = 200 };
        begins("holds", seed);
        start(&w, seed, 1 + (uint32_t)seed % 2);
        settle(&w);
        for (uint32_t s = 0; s < HSM_STATUS_COUNT; s++)
            cr_assert(w.bad[s] == 0 || s == HSM_OK || s == HSM_NO_BITFILE || s == HSM_FULL, "%s",
                      hsm_status_name((enum hsm_status)s));
        blanked += w.blanked;
        copied += (uint32_t)fake_count(w.rig.f, 0, "bitfile.copied");
        check(&w);
    }
    cr_assert_gt(copied, 5, "segments go from drive to drive: %u", copied);
    cr_assert_gt(blanked, 5, "volumes become blank: %u", blanked);
}

/* The same with messages, timers and devices in any order. */
Test(bitfile, holds_it_in_any_order)
{
    for (uint64_t seed = 0; seed < seeds(20); seed++) {
        struct world w = { .requests = 120, .any_order = true };
        begins("any order", seed);
        start(&w, seed, 1 + (uint32_t)seed % 2);
        settle(&w);
        check(&w);
    }
}

/* The servers die at any write of their disk, with a part of that and with what was not flushed. */
Test(bitfile, outlives_power_off_at_any_write)
{
    uint32_t crashes = 0, unreachable = 0;
    for (uint64_t seed = 0; seed < seeds(40); seed++) {
        struct world w = { .requests = 90, .crash_write = 30 + 7 * (seed % 40) + seed / 40 };
        begins("power off", seed);
        start(&w, seed, 1 + (uint32_t)seed % 2);
        settle(&w);
        crashes += w.crashes;
        unreachable += w.bad[HSM_UNREACHABLE];
        check(&w);
    }
    cr_assert(crashes > 20 && unreachable > crashes, "%u crashes, %u calls in doubt", crashes,
              unreachable);
}

/* Or die between any two steps, they or a mover. */
Test(bitfile, outlives_deaths_at_any_step)
{
    uint32_t crashes = 0;
    for (uint64_t seed = 0; seed < seeds(40); seed++) {
        struct world w = { .requests = 90, .victim = seed % 2 ? 2 : 0 };
        w.crash_at = 500 + 50 * (seed % 40) + seed / 40;
        begins("steps", seed);
        start(&w, seed, 1 + (uint32_t)seed / 2 % 2);
        settle(&w);
        crashes += w.crashes;
        check(&w);
    }
    cr_assert_gt(crashes, 40);
}

static enum bitfile_op op_now;

static void do_op(struct port *p, void *arg)
{
    begin(port_node(p), op_now, arg);
}

static void do_now(struct world *w, enum bitfile_op op, struct shadow *f)
{
    op_now = op;
    fake_call(w->rig.f, FIRST, do_op, f);
    settle(w);
}

/* What the first copy cannot give is read from the second; only if neither can it is an error.
 * What was found damaged is made anew, if that is wanted, and the first copy gives it again. */
Test(bitfile, second_copies)
{
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct world w = { .requests = 0 };
        struct shadow *f = &w.files[DECLARED];
        start(&w, seed, 1 + (uint32_t)seed % 2);
        *f = (struct shadow){ .seed = 99, .size = 9 * BLOCK + 5, .cos = 1 };
        w.quiet = true;
        do_now(&w, BITFILE_CREATE, f);
        do_now(&w, BITFILE_WRITE, f);
        do_now(&w, BITFILE_STAT, f);
        cr_assert(w.stat.copies == 2 && w.stat.segments >= 2);
        w.fail_block = storage_label(&w.storage, w.stat.volume, w.stat.first + 3, w.fail_label);
        do_now(&w, BITFILE_READ, f);
        cr_assert_eq(w.failed, 1);
        cr_assert_eq(fake_count(w.rig.f, 0, "bitfile.second"), 1);
        cr_assert_eq(w.bad[HSM_OK], 4);
        uint64_t heals = seed % 2; /* or both */
        cr_assert_eq(fake_count(w.rig.f, 0, "bitfile.healed"), heals);
        do_now(&w, BITFILE_READ, f);
        cr_assert_eq(fake_count(w.rig.f, 0, "bitfile.second"), 2 - heals);
        w.fail_all = f->bad = true;
        do_now(&w, BITFILE_READ, f);
        cr_assert_eq(w.bad[HSM_MEDIUM], 1);
        w.fail_all = false;
        w.fail_label[0] = 0;
        check(&w);
    }
}

/* BITF3: a WRITE of whose bytes some are not given ends, and the bitfile is empty; so does one
 * whose server dies while movers wait for bytes.  Another has all of its bytes, which are given
 * later than they were asked for. */
Test(bitfile, bytes_that_are_given_later)
{
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct world w = { .requests = 0 };
        struct shadow *f = &w.files[DECLARED];
        start(&w, seed, 1 + (uint32_t)seed % 2);
        *f = (struct shadow){ .seed = 98, .size = 9 * BLOCK + 5, .cos = (uint32_t)seed / 2 };
        w.quiet = true;
        do_now(&w, BITFILE_CREATE, f);
        w.short_of_bytes = true;
        do_now(&w, BITFILE_WRITE, f);
        w.short_of_bytes = false;
        cr_assert_eq(w.bad[HSM_UNREACHABLE], 1);
        cr_assert_eq(f->state, EMPTY);
        cr_assert_gt(w.later, 0);
        w.silent = true;
        do_now(&w, BITFILE_WRITE, f);
        w.silent = false;
        cr_assert_geq(w.crashes, 1);
        cr_assert_eq(f->state, EMPTY);
        w.later = 0;
        do_now(&w, BITFILE_WRITE, f);
        cr_assert_eq(f->state, WRITTEN);
        cr_assert(w.later > 2 * 9);
        do_now(&w, BITFILE_READ, f);
        check(&w);
    }
}

/* ---- what programs append: BFS3 ---- */

static struct archive_write append;
static struct archive_read looked;
static bool archive_over;

static void give_program(struct archive_write *w, uint64_t offset, uint64_t length,
                         struct rope *out)
{
    (void)w;
    rope_add_pattern(out, 4711, offset, length);
}

static void take_program(struct archive_read *r, uint64_t offset, struct rope *data)
{
    struct rope should;
    (void)r;
    rope_init(&should);
    rope_add_pattern(&should, 4711, offset, data->length);
    cr_assert(rope_equal(data, &should), "BFS3: another's bytes");
    rope_fini(&should);
}

static void appended(struct archive_write *w)
{
    cr_assert_eq(w->status, HSM_OK);
    archive_over = true;
}

static void looked_at(struct archive_read *r)
{
    cr_assert_eq(r->status, HSM_OK, "BFS3: %s", hsm_status_name(r->status));
    archive_over = true;
}

static void do_append(struct port *p, void *arg)
{
    const struct world *w = arg;
    (void)p;
    append = (struct archive_write){ .count = 10, .give = give_program, .done = appended };
    archive_write(w->archive, &append);
}

static void do_look(struct port *p, void *arg)
{
    const struct world *w = arg;
    (void)p;
    looked = (struct archive_read){ .volume = append.volume,
                                    .first = append.first,
                                    .count = append.count,
                                    .take = take_program,
                                    .done = looked_at };
    archive_read(w->archive, &looked);
}

static void wait_archive(struct world *w, void (*what)(struct port *p, void *arg))
{
    archive_over = false;
    fake_call(w->rig.f, FIRST, what, w);
    for (uint32_t i = 0; i < 1000000 && !archive_over; i++)
        (void)fake_step(w->rig.f);
    cr_assert(archive_over);
}

static void do_repack(struct port *p, void *arg)
{
    (void)arg;
    repack(port_node(p), 100);
}

static void repack_now(struct world *w)
{
    fake_call(w->rig.f, FIRST, do_repack, NULL);
    settle(w);
}

/* Volumes fill up with bitfiles that are removed again; what a program appended meanwhile outlives
 * every repack, as does what lies on a volume that no bitfile is declared on. */
Test(bitfile, what_programs_append_stays)
{
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct world w = { .quiet = true };
        start(&w, seed, 1 + (uint32_t)seed % 2);
        settle(&w);
        wait_archive(&w, do_append); /* 10 of the 12 blocks of a volume */
        struct archive_write was = append;
        wait_archive(&w, do_append); /* so that one is full */
        cr_assert_neq(was.volume, append.volume);
        struct shadow *f = &w.files[DECLARED];
        for (uint32_t i = 0; i < 4; i++) {
            f[i] = (struct shadow){ .seed = 100 + i, .size = 9 * BLOCK, .cos = i % 2 };
            do_now(&w, BITFILE_CREATE, &f[i]);
            do_now(&w, BITFILE_WRITE, &f[i]);
        }
        do_now(&w, BITFILE_REMOVE, &f[0]);
        do_now(&w, BITFILE_REMOVE, &f[1]);
        repack_now(&w);
        cr_assert_gt(w.blanked, 0);
        append = was;
        wait_archive(&w, do_look);
        check(&w);
    }
}

/* ---- copies from volume to volume ---- */

enum { COPIES = 6 };
static struct hsm_calls raw;
static struct storage_place copied[COPIES];
static uint32_t copies_over;

static void copy_over(void *arg, enum xk_status status, struct rope *reply)
{
    uint8_t wire[STORAGE_PLACE_BYTES];
    cr_assert_eq(hsm_reply_status(status, reply), HSM_OK);
    cr_assert_geq(reply->length, sizeof wire);
    rope_take_front(reply, sizeof wire, wire);
    copied[(uintptr_t)arg] = storage_place_load(wire);
    copies_over++;
}

/* Two blocks each of both declared volumes, by turns, to one stream. */
static void copy_some(struct port *p, void *arg)
{
    const struct world *w = arg;
    if (raw.port != p)
        hsm_calls_init(&raw, xk_find(w->rig.k[FIRST], "rpc"), HSM_ANSWER_PROGRAM, SIM_MS);
    for (uint32_t i = 0; i < COPIES; i++) {
        uint8_t wire[STORAGE_REQUEST_BYTES], from[STORAGE_SOURCE_BYTES];
        struct rope args;
        const struct storage_request q = { .count = 2 };
        const struct storage_source x = { .volume = i % 2, .first = 1 + i };
        storage_request_store(wire, &q);
        storage_source_store(from, &x);
        rope_init(&args);
        rope_add_bytes(&args, wire, sizeof wire);
        rope_add_bytes(&args, from, sizeof from);
        (void)hsm_call(&raw, 0, HSM_SERVICE_STORAGE, STORAGE_COPY, &args, copy_over,
                       (void *)(uintptr_t)i);
    }
}

static void take_copy(struct archive_read *r, uint64_t offset, struct rope *data)
{
    uint64_t i = (uint64_t)(uintptr_t)r->arg;
    while (data->length > 0) {
        char label[HSM_LABEL];
        uint64_t into = offset % BLOCK, n = BLOCK - into, at;
        struct rope should, part;
        at = storage_label(&world->storage, (uint32_t)i % 2, 1 + i + offset / BLOCK, label);
        n = n < data->length ? n : data->length;
        rope_init(&should);
        rope_init(&part);
        rope_add_slice(&part, data, 0, n);
        rope_drop_front(data, n);
        rope_add_pattern(&should, hsm_library_seed((uint32_t)atoi(label + 1)), at * BLOCK + into,
                         n);
        cr_assert(rope_equal(&part, &should), "copy %u is of another place", (unsigned)i);
        rope_fini(&should);
        rope_fini(&part);
        offset += n;
    }
}

static void do_look_at_copy(struct port *p, void *arg)
{
    const struct world *w = arg;
    (void)p;
    looked = (struct archive_read){ .volume = copied[copies_over].volume,
                                    .first = copied[copies_over].first,
                                    .count = copied[copies_over].count,
                                    .take = take_copy,
                                    .done = looked_at,
                                    .arg = (void *)(uintptr_t)copies_over };
    archive_read(w->archive, &looked);
}

Test(bitfile, copies_of_two_volumes)
{
    for (uint64_t seed = 0; seed < 6; seed++) {
        struct world w = { .quiet = true };
        start(&w, seed, 1 + (uint32_t)seed % 2);
        settle(&w);
        raw.port = NULL;
        copies_over = 0;
        fake_call(w.rig.f, FIRST, copy_some, &w);
        for (uint32_t i = 0; i < 1000000 && copies_over < COPIES; i++)
            (void)fake_step(w.rig.f);
        cr_assert_eq(copies_over, COPIES);
        for (copies_over = 0; copies_over < COPIES; copies_over++)
            wait_archive(&w, do_look_at_copy);
        rig_stop(&w.rig);
    }
}

/* ---- the storage server's part: STO4 ---- */

static enum hsm_status raw_status;
static bool raw_over;

static void scratched(void *arg, enum xk_status status, struct rope *reply)
{
    (void)arg;
    raw_status = hsm_reply_status(status, reply);
    raw_over = true;
}

static void scratch(struct port *p, void *arg)
{
    struct rope args;
    uint8_t wire[8] = { 0 }; /* volume 0, life 0 */
    const struct world *w = arg;
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    if (raw.port != p)
        hsm_calls_init(&raw, xk_find(w->rig.k[FIRST], "rpc"), HSM_ANSWER_PROGRAM, SIM_MS);
    (void)hsm_call(&raw, 0, HSM_SERVICE_STORAGE, STORAGE_SCRATCH, &args, scratched, NULL);
}

static enum hsm_status scratch_now(struct world *w)
{
    raw_over = false;
    fake_call(w->rig.f, FIRST, scratch, w);
    for (uint32_t i = 0; i < 10000 && !raw_over; i++)
        (void)fake_step(w->rig.f);
    cr_assert(raw_over);
    return raw_status;
}

Test(bitfile, no_volume_becomes_blank_that_is_wanted)
{
    struct world w = { .quiet = true };
    start(&w, 1, 1);
    raw.port = NULL;
    settle(&w);
    op_now = BITFILE_READ;
    fake_call(w.rig.f, FIRST, do_op, &w.files[0]); /* it lies on volume 0 */
    fake_run_until(w.rig.f, fake_now(w.rig.f) + 500 * SIM_MS);
    cr_assert(w.ended < w.asked, "it is being mounted");
    cr_assert_eq(scratch_now(&w), HSM_STATE, "STO4");
    settle(&w);
    cr_assert_eq(w.bad[HSM_OK], 1);
    cr_assert_eq(scratch_now(&w), HSM_OK);
    cr_assert_eq(scratch_now(&w), HSM_OK, "it may be said twice");
    /* Whose volume has another life is looked up anew, but not for ever. */
    world->lost = true;
    do_now(&w, BITFILE_READ, &w.files[0]);
    cr_assert_eq(w.bad[HSM_NO_BLOCK], 1, "STO4");
    cr_assert_geq(fake_count(w.rig.f, 0, "bitfile.stale"), 10);
    rig_stop(&w.rig);
}
