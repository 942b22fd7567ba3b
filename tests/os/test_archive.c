/* test_archive.c: storage server, library and movers over tapes of the fake port; the repository
 * is the test's.  What comes is compared with what was written on the tapes.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/hsm/archive.h"
#include "os/hsm/mover.h"
#include "os/hsm/order.h"
#include "os/hsm/pvl.h"
#include "os/hsm/storage.h"
#include "os/lfs/lfs.h"
#include "os/proto/select/select.h"
#include "os/xk/msg.h"
#include "tests/os/hsm_library.h"
#include "tests/os/xk_rig.h"

/* Node 0 has the storage server and the library, 1 the repository, 2 and 3 the drives, the others
 * ask. */
enum { DRIVES = 2, MOVERS = 2, FIRST = 4, CLIENTS = 2, NODES = FIRST + CLIENTS };
enum { VOLUMES = 6, BLOCKS = 40, BLOCK = 3000 };

struct world {
    struct rig rig;
    struct hsm_library library;
    struct storage_params storage;
    struct pvl_params pvl;
    struct mover_params mover;
    struct archive_params archive;
    struct lfs_params lfs;
    uint64_t seed;
    uint32_t requests, batch;
    uint64_t tape_blocks;
    bool stores; /* clients write, else they read */
    int rait;
    bool bad_rows; /* of each row that is read one block cannot be */
    bool hopeless; /* what was stored cannot be read, if it is not in a drive still */
    uint32_t refused;
    struct archive *doors[NODES];
    uint32_t asked, came, bad[HSM_STATUS_COUNT];
    uint32_t break_at; /* this read of a device fails, 0: none */
    enum port_io_status how;
    uint32_t reads;
    uint32_t victim;
    uint64_t crash_at; /* this step a mover's node dies, and comes back; 0: never */
};
static struct world *world;

static uint64_t draw(uint64_t n)
{
    world->seed = world->seed * 6364136223846793005u + 1442695040888963407u;
    return (world->seed >> 33) % n;
}

/* ---- clients ---- */

struct one {
    struct archive_read read; /* first */
    struct port *port;
    uint8_t seen[BLOCKS * 4];
};

static void take(struct archive_read *r, uint64_t offset, struct rope *data)
{
    struct one *o = (struct one *)r;
    while (data->length > 0) {
        uint64_t block = r->first + offset / BLOCK, into = offset % BLOCK, n = BLOCK - into;
        char label[HSM_LABEL];
        uint64_t at;
        struct rope should, part;
        archive_place(r->archive, r->volume, block, label, &at);
        n = n < data->length ? n : data->length;
        rope_init(&should);
        rope_init(&part);
        rope_add_slice(&part, data, 0, n);
        rope_drop_front(data, n);
        rope_add_pattern(&should, hsm_library_seed((uint32_t)atoi(label + 1)), at * BLOCK + into,
                         n);
        cr_assert(rope_equal(&part, &should), "block %u of %s", (unsigned)at, label);
        rope_fini(&should);
        rope_fini(&part);
        o->seen[offset / BLOCK] = (uint8_t)(o->seen[offset / BLOCK] + (into == 0));
        offset += n;
    }
}

static void ask(struct port *p, void *arg);
static void store(struct port *p, void *arg);

static void done(struct archive_read *r)
{
    struct one *o = (struct one *)r;
    struct port *p = o->port;
    world->came++;
    world->bad[r->status]++;
    for (uint64_t k = 0; r->status == HSM_OK && k < r->count; k++)
        cr_assert_eq(o->seen[k], 1, "each block once (ARC1, MOV2)");
    if (r->status == HSM_MEDIUM) { /* which one: the first that was not given */
        cr_assert(r->bad >= r->first && r->bad < r->first + r->count);
        cr_assert_eq(o->seen[r->bad - r->first], 0);
        for (uint64_t k = 0; world->storage.width == 1 && k < r->bad - r->first; k++)
            cr_assert_eq(o->seen[k], 1);
    }
    struct archive *a = r->archive;
    port_free(p, o);
    if (world->asked < world->requests)
        ask(p, a);
}

static void ask(struct port *p, void *arg)
{
    struct one *o = port_alloc(p, sizeof *o);
    uint64_t all = (uint64_t)world->storage.blocks, first = draw(all - 4);
    o->port = p;
    o->read = (struct archive_read){ .volume = (uint32_t)draw(VOLUMES - 2),
                                     .first = first,
                                     .count = 1 + draw(4),
                                     .take = take,
                                     .done = done };
    world->asked++;
    archive_read(arg, &o->read);
}

static enum port_io_status on_disk(void *arg, uint32_t node, uint32_t dev, const struct port_io *io,
                                   uint32_t *sectors)
{
    (void)arg;
    (void)sectors;
    if (world->bad_rows && !world->stores && node >= 2 && dev > 0 && io->op == PORT_IO_READ) {
        const char *label = world->library.in[(node - 2) * DRIVES + dev - 1];
        uint32_t n = (uint32_t)atoi(label + 1), width = (uint32_t)world->storage.width;
        return n % width == (n / width + io->sector * 7) % width ? PORT_IO_MEDIUM : PORT_IO_OK;
    }
    if (node < 2 || dev == 0 || io->op != (world->stores ? PORT_IO_WRITE : PORT_IO_READ))
        return PORT_IO_OK;
    return ++world->reads == world->break_at ? world->how : PORT_IO_OK;
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    static const uint32_t pvrs[] = { 1 };
    struct xk_protl *rpc = xk_find(r->k[node], "rpc");
    if (node == 0) {
        (void)pvl_serve(rpc, &world->pvl, pvrs, 1);
        (void)storage_serve(rpc, lfs_files(lfs_start(p, &world->lfs)), &world->storage, 0);
    } else if (node == 1) {
        world->library.fake = r->f;
        hsm_library_serve(&world->library, rpc);
    } else if (node < FIRST) {
        (void)mover_serve(rpc, &world->mover);
    } else {
        struct archive *a = archive_open(rpc, &world->archive, 0, &world->storage);
        world->doors[node] = a;
        for (uint32_t i = 0; i < world->batch; i++)
            (world->stores ? store : ask)(p, a);
    }
}

static void run(struct world *w, uint64_t seed, uint32_t width)
{
    world = w;
    w->seed = seed;
    w->storage = (struct storage_params){ .prefix = "T",
                                          .volumes = VOLUMES,
                                          .width = width,
                                          .block = BLOCK,
                                          .blocks = (int64_t)width * BLOCKS,
                                          .filled = VOLUMES - 2,
                                          .capacity = 50,
                                          .rait = w->rait,
                                          .threads = 2,
                                          .rounds = 2,
                                          .batch = 100,
                                          .retry = SIM_MS,
                                          .records = { 512, 16, 16384 } };
    hsm_library_lfs(&w->lfs);
    hsm_library_servers(&w->pvl, &w->mover, seed);
    w->mover.piece = 1024 << seed % 4;
    w->archive.retry = SIM_MS;
    struct fake_options o = { .nodes = NODES, .seed = seed, .disks = 1, .tapes = DRIVES };
    o.tape_blocks = w->tape_blocks;
    w->storage.filled = w->stores ? 0 : VOLUMES - 2;
    w->storage.volumes = w->stores ? 40 : VOLUMES;
    o.detect_delay = SIM_MS;
    w->library = (struct hsm_library){
        .first = 2, .nodes = MOVERS, .drives = DRIVES, .lost = w->library.lost
    };
    w->library.filled = (uint32_t)(w->storage.filled * w->storage.width);
    w->library.blocks = BLOCKS;
    w->library.block = BLOCK;
    rig_start(&w->rig, &o, "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan",
              booted, NULL);
    fake_on_disk(w->rig.f, on_disk, NULL);
    for (uint64_t i = 0; w->came < w->requests && i < 4000000; i++) {
        if (i == w->crash_at && i > 0)
            fake_crash(w->rig.f, w->victim);
        if (i == w->crash_at + 100 && w->crash_at > 0)
            fake_restart(w->rig.f, w->victim);
        if (!fake_step(w->rig.f))
            break;
    }
    cr_assert_eq(w->came, w->requests, "a request never ended (STO1): %u of %u", w->came,
                 w->requests);
}

Test(archive, what_is_on_tapes_comes)
{
    for (uint64_t seed = 0; seed < 9; seed++) {
        struct world w = { .requests = 80, .batch = 5 };
        run(&w, seed, 1 + (uint32_t)seed % 3);
        cr_assert_eq(w.bad[HSM_OK], w.requests);
        cr_assert_lt(w.library.loaded, w.requests * (1 + (uint32_t)seed % 3),
                     "requests are batched");
        rig_stop(&w.rig);
    }
}

/* A place that cannot be read takes its request with it, a drive that fails all that it had. */
Test(archive, of_what_fails_the_asker_is_told)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct world w = { .requests = 60, .batch = 8, .break_at = 20 + 5 * (uint32_t)seed };
        w.how = seed % 2 == 0 ? PORT_IO_MEDIUM : PORT_IO_DEVICE;
        run(&w, seed, 1 + (uint32_t)(seed % 4 == 2));
        cr_assert_geq(w.reads, w.break_at);
        if (seed % 2 == 0)
            cr_assert(w.bad[HSM_MEDIUM] == 1 && w.bad[HSM_OK] == w.requests - 1, "MOV3");
        else
            cr_assert(w.bad[HSM_DEVICE] > 0 && w.bad[HSM_DEVICE] + w.bad[HSM_OK] == w.requests);
        rig_stop(&w.rig);
    }
}

/* A mover dies: what it was to bring ends, and what comes afterwards is right. */
Test(archive, a_mover_that_dies)
{
    uint32_t lost = 0;
    for (uint64_t seed = 0; seed < 10; seed++) {
        struct world w = { .requests = 60, .batch = 8, .crash_at = 300 + 60 * seed };
        w.victim = 2 + (uint32_t)seed % MOVERS;
        run(&w, seed, 1 + seed % 2);
        lost += w.bad[HSM_UNREACHABLE] + w.bad[HSM_DEVICE];
        cr_assert_eq(w.bad[HSM_OK] + w.bad[HSM_UNREACHABLE] + w.bad[HSM_DEVICE], w.requests);
        rig_stop(&w.rig);
    }
    cr_assert_gt(lost, 0);
}

/* ---- appends: what was written is what is read, whatever fails meanwhile ---- */

struct stored {
    struct archive_write write; /* first */
    struct port *port;
    uint64_t seed;
    sim_time since;
};
#define STORED_MAX 400
static struct {
    uint32_t volume;
    uint64_t first, count, seed;
} kept[STORED_MAX];
static uint32_t kept_count, unread;

/* A byte is there one microsecond after the one before it. */
static sim_time when(struct archive_write *w, uint64_t offset, uint64_t length)
{
    const struct stored *x = (struct stored *)w;
    return x->since + (sim_time)(offset + length) * SIM_US;
}

static void give(struct archive_write *w, uint64_t offset, uint64_t length, struct rope *out)
{
    const struct stored *x = (struct stored *)w;
    cr_assert(w->when == NULL || port_now(x->port) >= when(w, offset, length),
              "taken before it was there");
    cr_assert(offset + length <= w->count * BLOCK, "what is not there is pulled");
    rope_add_pattern(out, ((struct stored *)w)->seed, offset, length);
}

static void stored(struct archive_write *w)
{
    struct stored *x = (struct stored *)w;
    world->came++;
    world->bad[w->status]++;
    if (w->status == HSM_OK) {
        for (uint32_t i = 0; i < kept_count; i++)
            cr_assert(kept[i].volume != w->volume || kept[i].first >= w->first + w->count ||
                          w->first >= kept[i].first + kept[i].count,
                      "two appends in one place (ARC2)");
        kept[kept_count].volume = w->volume;
        kept[kept_count].first = w->first;
        kept[kept_count].count = w->count;
        kept[kept_count++].seed = x->seed;
    }
    struct archive *a = w->archive;
    struct port *p = x->port;
    port_free(p, x);
    if (world->asked < world->requests)
        store(p, a);
}

static void store(struct port *p, void *arg)
{
    struct stored *x = port_alloc(p, sizeof *x);
    x->port = p;
    x->seed = 77 + world->asked++;
    x->since = port_now(p);
    x->write = (struct archive_write){ .count = 1 + draw(5), .give = give, .done = stored };
    x->write.when = x->seed % 2 ? when : NULL;
    archive_write(arg, &x->write);
}

static void compare(struct archive_read *r, uint64_t offset, struct rope *data)
{
    struct rope should;
    uint32_t i = (uint32_t)(uintptr_t)r->arg;
    rope_init(&should);
    rope_add_pattern(&should, kept[i].seed, offset, data->length);
    cr_assert(rope_equal(data, &should), "what was stored %u-th is not what is read", i);
    rope_fini(&should);
}

static void look_next(struct port *p, void *arg);

static void compared(struct archive_read *r)
{
    struct one *o = (struct one *)r;
    struct port *p = o->port;
    struct archive *a = r->archive;
    bool refused = world->hopeless && r->status == HSM_MISLABELLED;
    bool over = r->status == HSM_OK || refused;
    world->refused += refused;
    cr_assert(over || r->status == HSM_UNREACHABLE, "%s", hsm_status_name(r->status));
    unread -= over; /* else it is asked again */
    port_free(p, o);
    if (unread > 0)
        look_next(p, a);
}

static void look_next(struct port *p, void *arg)
{
    struct one *o = port_alloc(p, sizeof *o);
    uint32_t i = unread - 1;
    o->port = p;
    o->read = (struct archive_read){ .volume = kept[i].volume,
                                     .first = kept[i].first,
                                     .count = kept[i].count,
                                     .take = compare,
                                     .done = compared,
                                     .arg = (void *)(uintptr_t)i };
    archive_read(arg, &o->read);
}

static void look(struct port *p, void *arg)
{
    (void)arg;
    look_next(p, world->doors[port_node(p)]);
}

/* Appends under what the seed says; then all that was said to be stored is read. */
static void store_all(struct world *w, uint64_t seed, uint32_t width)
{
    kept_count = 0;
    w->stores = true;
    w->requests = 60;
    w->batch = 6;
    run(w, seed, width);
    cr_assert_leq(kept_count, STORED_MAX);
    if (!fake_up(w->rig.f, w->victim))
        fake_restart(w->rig.f, w->victim);
    fake_run(w->rig.f, 1000);
    unread = kept_count;
    w->stores = false;
    w->break_at = w->rait != STORAGE_RAIT0 && w->how == PORT_IO_DEVICE ? 30 : 0;
    w->reads = 0;
    if (unread > 0)
        fake_call(w->rig.f, FIRST, look, NULL);
    for (uint64_t i = 0; unread > 0 && i < 4000000; i++)
        if (!fake_step(w->rig.f))
            break;
    cr_assert_eq(unread, 0);
}

Test(archive, what_is_stored_is_there)
{
    for (uint64_t seed = 0; seed < 8; seed++) {
        struct world w = { .break_at = seed % 4 == 1 ? 30 : 0, .how = PORT_IO_DEVICE };
        w.tape_blocks = seed % 4 == 2 ? 37 : 1000; /* less than the catalogue thinks */
        store_all(&w, seed, 1 + (uint32_t)seed % 2);
        cr_assert_eq(kept_count, w.requests, "%u of %u", kept_count, w.requests);
        rig_stop(&w.rig);
    }
}

/* The storage server dies, or a mover: nothing that was told to be stored is lost (STO3). */
Test(archive, what_is_stored_outlives_crashes)
{
    for (uint64_t seed = 0; seed < 16; seed++) {
        struct world w = { .crash_at = 300 + 130 * seed, .victim = seed % 2 ? 0 : 2 };
        store_all(&w, seed, 1 + (uint32_t)seed / 2 % 2);
        cr_assert_gt(kept_count, 0);
        rig_stop(&w.rig);
    }
}

/* There is no room for more. */
Test(archive, no_volume_has_room)
{
    struct world w = { .tape_blocks = 4 };
    store_all(&w, 3, 1);
    cr_assert(w.bad[HSM_FULL] > 0 && w.bad[HSM_FULL] + w.bad[HSM_OK] == w.requests);
    rig_stop(&w.rig);
}

/* ---- parity ---- */

static bool one_of_each(uint32_t cartridge)
{
    uint32_t width = (uint32_t)world->storage.width;
    return !world->stores && cartridge % width == cartridge / width % width;
}

static bool two_of_each(uint32_t cartridge)
{
    uint32_t width = (uint32_t)world->storage.width;
    return !world->stores && cartridge % width < 2;
}

/* STO5: with one cartridge of each volume gone, one block of each row bad, or a drive that dies,
 * all that was stored is read: a block that is not there comes of the XOR of the others alone. */
Test(archive, parity_gives_back_what_is_lost)
{
    for (uint64_t seed = 0; seed < 24; seed++) {
        struct world w = { .rait = seed % 2 ? STORAGE_RAIT3 : STORAGE_RAIT5 };
        uint32_t how = (uint32_t)seed / 2 % 4;
        w.library.lost = how == 1 ? one_of_each : NULL;
        w.bad_rows = how == 2;
        w.how = how == 3 ? PORT_IO_DEVICE : PORT_IO_OK;
        store_all(&w, seed, 2 + (uint32_t)seed / 8);
        cr_assert_eq(kept_count, w.requests, "%u of %u", kept_count, w.requests);
        uint64_t mended = fake_count(w.rig.f, 0, "storage.mended");
        cr_assert(how == 0 ? mended == 0 : mended > 0, "%u: %u", how, (unsigned)mended);
        rig_stop(&w.rig);
    }
}

/* Of two cartridges parity cannot make up for both: each read ends, and says why. */
Test(archive, parity_of_two_that_are_lost)
{
    for (uint64_t seed = 0; seed < 4; seed++) {
        struct world w = { .rait = seed % 2 ? STORAGE_RAIT3 : STORAGE_RAIT5, .hopeless = true };
        w.library.lost = two_of_each;
        store_all(&w, seed, 2 + (uint32_t)seed % 3);
        cr_assert_eq(kept_count, w.requests, "%u of %u", kept_count, w.requests);
        cr_assert_gt(w.refused, 0);
        rig_stop(&w.rig);
    }
}
