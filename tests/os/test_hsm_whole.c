/* test_hsm_whole.c: the layer HSM over a real archive: a node with files, the bitfile server, the
 * storage server, the library, movers, tapes of the fake port.  Random requests of some files
 * against copies; any one node dies at any step and comes back; and what must hold between any two
 * steps is looked at from outside.
 *   HSM_WHOLE=N  so many seeds     HSM_STEPS=N  of a seed every N-th step is one of a crash
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/hsm/bitfile_server.h"
#include "os/hsm/files_internal.h"
#include "os/hsm/mover.h"
#include "os/hsm/pvl_internal.h"
#include "os/hsm/storage.h"
#include "os/lfs/lfs.h"
#include "tests/os/hsm_library.h"
#include "tests/os/xk_rig.h"
#include "tests/sample.h"

enum { SERVERS, LIBRARY, DRIVE, FILES_AT = DRIVE + 2, NODES };
enum { BLOCK = 3000, VOLUMES = 30, CAPACITY = 12, APPENDS = 8, SLOTS = 24 };
enum { PIECE = 2048, SPAN = 5 * PIECE + 300, FILES = 3, STATES = 6, SECTOR = 512 };

enum act {
    LOOKUP, /* first after a crash, */
    UNPIN,  /* and this */
    CREATE,
    WRITE,
    CUT,
    FLUSH,
    READ,
    STAGE,
    MIGRATE,
    PURGE,
    PIN,
    REMOVE,
    KINDS
};

struct content {
    size_t size;
    uint8_t bytes[SPAN];
};

struct shadow {
    uint64_t file;
    struct content was[STATES]; /* since the last flush; the last is what it is */
    uint32_t states, todo;
    bool there, removing, lost; /* lost: its node has died since */
    bool pinned, whole;         /* whole: it was when it was pinned */
    enum act kind;              /* of the request under way */
    bool busy;
    struct file_req r;
    struct file_run run;
    sim_time not_before;
    char name[2];
};

static struct world {
    struct rig rig;
    struct hsm_library library;
    struct storage_params storage;
    struct bitfile_params bitfile;
    struct pvl_params pvl;
    struct mover_params mover;
    struct lfs_params lfs, server_lfs;
    struct file_hsm_params params;
    struct pvl *mounts;
    struct bitfiles *server;
    struct bitfile_door *door;
    struct file_sys *layer;
    struct hsm *hsm;
    struct shadow files[FILES];
    struct bitfile_call repack;
    bool no_room;                          /* somebody has heard that there is none */
    bool repacking, crashed, walked, last; /* last: files are removed for good */
    uint64_t draws, steps, walks, moved;
    uint32_t left, every; /* bitfiles that the last walk found; steps from one to the next */
    uint8_t value;
    char what[80], wrong[200];
} w;

static uint32_t draw(uint32_t n)
{
    w.draws = w.draws * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w.draws >> 33) % n;
}

/* ---- the nodes ---- */

static void ask(void *arg, struct bitfile_call *c)
{
    bitfile_ask(arg, c);
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    static const uint32_t pvrs[] = { LIBRARY };
    struct xk_protl *rpc = xk_find(r->k[node], "rpc");
    if (node == SERVERS) {
        struct file_sys *files = lfs_files(lfs_start(p, &w.server_lfs));
        w.mounts = pvl_serve(rpc, &w.pvl, pvrs, 1);
        (void)storage_serve(rpc, files, &w.storage, SERVERS);
        w.server = bitfile_serve(rpc, files, &w.bitfile, SERVERS, &w.storage);
    } else if (node == LIBRARY) {
        w.library.fake = r->f;
        hsm_library_serve(&w.library, rpc);
    } else if (node < FILES_AT) {
        (void)mover_serve(rpc, &w.mover);
    } else {
        w.door = bitfile_open(rpc, SERVERS, SIM_MS);
        w.layer = file_hsm_start(p, &w.params, lfs_files(lfs_start(p, &w.lfs)),
                                 &(struct hsm_door){ ask, w.door }, 5 * SPAN / 2);
        w.hsm = CONTAINER_OF(w.layer, struct hsm, sys);
    }
}

static void start(uint64_t seed)
{
    struct err e = ERR_INIT;
    memset(&w, 0, sizeof w);
    w.draws = seed;
    w.every = 13;
    w.walked = true;
    w.storage = (struct storage_params){ .prefix = "T",
                                         .volumes = VOLUMES,
                                         .width = 1 + (int64_t)seed % 2,
                                         .block = BLOCK,
                                         .capacity = CAPACITY,
                                         .pieces = APPENDS,
                                         .threads = 3,
                                         .rounds = 2,
                                         .batch = 100,
                                         .retry = SIM_MS,
                                         .records = { 512, 64, 16384 } };
    w.bitfile = (struct bitfile_params){ .bitfiles = SLOTS,
                                         .chains = 8,
                                         .class_count = 1,
                                         .threads = 3,
                                         .retry = SIM_MS,
                                         .repack = { .percent = 60, .buffer = 5 * BLOCK },
                                         .records = { 512, 64, 16384 } };
    w.bitfile.class[0] =
        (struct bitfile_class){ .copies = 1 + (int64_t)(seed / 2 % 2), .max = INT64_MAX };
    hsm_library_lfs(&w.server_lfs);
    hsm_library_lfs(&w.lfs);
    hsm_library_servers(&w.pvl, &w.mover, seed);
    cr_assert(param_load(file_hsm_params, &w.params, NULL, "hsm", &e), "%s", e.text);
    w.params.stage = (int)(seed % 3);
    w.params.piece = PIECE;
    w.params.row = 1 + (int64_t)(seed / 3 % 3);
    w.params.migrations = 1 + (int64_t)(seed / 2 % 3);
    w.params.age = (sim_time)(seed % 2) * 10 * SIM_SEC;
    w.params.poll = 4 * SIM_SEC;
    w.params.retry = SIM_SEC;
    w.params.start = 80;
    w.params.stop = 40;
    w.params.files = 6;
    w.params.records.log = 16384;
    struct fake_options o = { .nodes = NODES, .seed = seed, .disks = 1, .tapes = 1 };
    o.detect_delay = SIM_MS;
    o.disk_cache = seed % 3 > 0;
    w.library = (struct hsm_library){ .first = DRIVE, .nodes = 2, .drives = 1, .block = BLOCK };
    for (uint32_t f = 0; f < FILES; f++) {
        w.files[f].name[0] = (char)('a' + f);
        w.files[f].todo = 8;
    }
    rig_start(&w.rig, &o, "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan",
              booted, NULL);
}

/* ---- requests ---- */

static struct content *now(struct shadow *x)
{
    return &x->was[x->states - 1];
}

static struct content *next(struct shadow *x)
{
    x->was[x->states] = *now(x);
    x->states++;
    return now(x);
}

/* What a crash has left is one of the states, sector by sector. */
static void adopt(struct shadow *x)
{
    uint8_t got[SPAN] = { 0 };
    uint64_t n = x->r.moved;
    bool size = false;
    rope_read(&x->r.data, 0, n, got);
    for (uint32_t k = 0; k < x->states; k++)
        size |= x->was[k].size == n;
    cr_assert(size, "%s: %s has %d bytes, which it never had", w.what, x->name, (int)n);
    for (size_t at = 0; at < n; at += SECTOR) {
        size_t len = n - at < SECTOR ? n - at : SECTOR;
        bool good = false;
        for (uint32_t k = 0; k < x->states && !good; k++) {
            good = true;
            for (size_t i = at; i < at + len; i++)
                good &= got[i] == (i < x->was[k].size ? x->was[k].bytes[i] : 0);
        }
        cr_assert(good, "%s: %s: what lies at %d was never written", w.what, x->name, (int)at);
    }
    memset(&x->was[0], 0, sizeof x->was[0]);
    memcpy(x->was[0].bytes, got, n);
    x->was[0].size = n;
    x->states = 1;
    x->lost = false;
}

static void compare(struct shadow *x)
{
    const struct content *c = now(x);
    uint8_t got[SPAN];
    cr_assert_eq(x->r.moved, c->size, "%s: %s has %d bytes, not %d", w.what, x->name,
                 (int)x->r.moved, (int)c->size);
    rope_read(&x->r.data, 0, c->size, got);
    for (size_t i = 0; i < c->size; i++)
        cr_assert_eq(got[i], c->bytes[i], "%s: %s, byte %d: %d, not %d", w.what, x->name, (int)i,
                     got[i], c->bytes[i]);
}

static struct hsm_file *of(const struct shadow *x)
{
    return hsm_file_of(w.hsm, x->file);
}

static void ended(struct file_req *r)
{
    struct shadow *x = r->arg;
    enum file_status s = r->status;
    const struct hsm_file *f = of(x);
    x->busy = false;
    if (x->kind == LOOKUP && s == FILE_NO_FILE) {
        cr_assert(x->removing || !x->there, "%s: %s is not there", w.what, x->name);
        x->there = x->removing = x->lost = false;
        x->states = 1;
        memset(&x->was[0], 0, sizeof x->was[0]);
        return;
    }
    if (s != FILE_OK && !(x->kind == PURGE && s == FILE_DENIED)) {
        cr_assert(s == FILE_NO_SPACE ||
                      (w.crashed && (s == FILE_UNREACHABLE || s == FILE_IO_ERROR)),
                  "%s: %d of %s: %s", w.what, (int)x->kind, x->name, file_status_name(s));
        x->not_before = fake_now(w.rig.f) + SIM_SEC; /* again, then */
        w.no_room |= s == FILE_NO_SPACE;
        rope_fini(&r->data);
        return;
    }
    switch (x->kind) {
    case LOOKUP:
    case CREATE:
        x->file = r->file;
        x->there = true;
        x->kind = x->lost ? UNPIN : READ;
        return;
    case UNPIN:
        x->pinned = false;
        break;
    case FLUSH:
        x->was[0] = *now(x);
        x->states = 1;
        break;
    case READ:
        if (x->lost)
            adopt(x);
        else
            compare(x);
        rope_fini(&r->data);
        break;
    case STAGE:
        break;
    case PURGE:
        cr_assert(s == FILE_DENIED || !x->pinned, "%s: %s is pinned", w.what, x->name);
        w.moved += s == FILE_OK;
        break;
    case PIN:
        x->pinned = true;
        x->whole = f != NULL && f->whole;
        break;
    case REMOVE:
        x->there = x->removing = x->pinned = false;
        x->states = 1;
        memset(&x->was[0], 0, sizeof x->was[0]);
        break;
    default:
        break;
    }
    if (x->lost) /* then what it holds is looked at */
        x->kind = READ;
    else
        x->kind = KINDS;
}

static void submit(struct port *p, void *arg)
{
    struct shadow *x = arg;
    (void)p;
    file_submit(w.layer, &x->r);
}

static void go(struct shadow *x, enum act kind)
{
    static const enum file_op ops[KINDS] = {
        [LOOKUP] = FILE_LOOKUP, [CREATE] = FILE_CREATE, [WRITE] = FILE_WRITE,  [CUT] = FILE_SIZE,
        [FLUSH] = FILE_FLUSH,   [READ] = FILE_READ,     [REMOVE] = FILE_REMOVE
    };
    static const enum file_hint hints[KINDS] = { [UNPIN] = FILE_UNPIN,
                                                 [STAGE] = FILE_STAGE,
                                                 [MIGRATE] = FILE_MIGRATE,
                                                 [PURGE] = FILE_PURGE,
                                                 [PIN] = FILE_PIN };
    bool again = x->kind == kind; /* what has failed is the same once more */
    x->kind = kind;
    x->busy = true;
    file_req_init(&x->r, hints[kind] != 0 ? FILE_HINT : ops[kind], ended, x);
    x->r.hint = hints[kind];
    x->r.file = x->file;
    x->r.dir = FILE_ROOT;
    x->r.name = x->name;
    x->r.attr.mode = 0666;
    x->run = (struct file_run){ .len = SPAN, .count = 1 };
    x->r.runs = &x->run;
    x->r.run_count = kind == READ || kind == WRITE;
    if (kind == WRITE) {
        uint32_t off = draw(SPAN), n = 1 + draw(draw(2) ? 3 * PIECE : 300);
        off -= draw(3) == 0 ? off % PIECE : 0;
        n = off + n > SPAN ? SPAN - off : n;
        struct content *c = again ? now(x) : next(x);
        if (again) /* nothing of it was done */
            *c = x->was[x->states - 2];
        memset(c->bytes + off, ++w.value, n);
        c->size = off + n > c->size ? off + n : c->size;
        x->run = (struct file_run){ .off = off, .len = n, .count = 1 };
        rope_add_bytes(&x->r.data, c->bytes + off, n);
    } else if (kind == CUT) {
        struct content *c = again ? now(x) : next(x);
        if (again)
            *c = x->was[x->states - 2];
        size_t size = draw(3) == 0 ? 0 : draw(SPAN);
        if (size < c->size)
            memset(c->bytes + size, 0, c->size - size);
        c->size = x->r.size = size;
    } else if (kind == REMOVE) {
        x->removing = true;
    }
    fake_call(w.rig.f, FILES_AT, submit, x);
}

static enum act choose(struct shadow *x)
{
    static const enum act usual[] = { WRITE, WRITE, WRITE,   CUT,   FLUSH, READ,  READ,
                                      STAGE, STAGE, MIGRATE, PURGE, PURGE, PURGE, REMOVE };
    enum act k = usual[draw(ARRAY_LEN(usual))];
    if (x->states == STATES)
        return FLUSH;
    if (k == STAGE && draw(3) == 0) {
        bool one = false;
        for (uint32_t f = 0; f < FILES; f++)
            one |= w.files[f].pinned || w.files[f].kind == PIN;
        return x->pinned ? UNPIN : one ? STAGE : PIN;
    }
    return k == REMOVE && draw(3) > 0 ? MIGRATE : k;
}

static void begin(struct shadow *x)
{
    if (x->busy || x->not_before > fake_now(w.rig.f))
        return;
    if (w.no_room && x->kind == KINDS && x->todo == 0 && x->pinned) {
        w.no_room = false; /* a pin that would stay for ever, and files that lack a piece each */
        go(x, UNPIN);
        return;
    }
    if (x->kind != KINDS && x->kind != LOOKUP) { /* it goes on, or is made again */
        go(x, x->kind);
    } else if (x->lost) {
        go(x, LOOKUP);
    } else if (!x->there && x->todo > 0) {
        x->states = 1;
        x->kind = KINDS;
        go(x, CREATE);
    } else if (x->todo > 0) {
        x->todo--;
        go(x, choose(x));
    }
}

static void repacked(struct bitfile_call *c)
{
    (void)c;
    w.repacking = false;
}

static void repack(struct port *p, void *arg)
{
    (void)p;
    (void)arg;
    w.repack = (struct bitfile_call){ .op = BITFILE_REPACK, .size = 60, .done = repacked };
    bitfile_ask(w.door, &w.repack);
}

/* ---- what must hold between any two steps ---- */

static uint64_t takes(const struct hsm_file *f)
{
    uint64_t n = 0, at = 0;
    if (f->gone)
        return 0;
    if (f->whole)
        return f->size;
    for (uint32_t i = 0; i < f->pieces; i++, at += PIECE)
        if (f->piece[i] & (PIECE_HERE | PIECE_COMING | PIECE_OVER))
            n += f->rec.tape - at < PIECE ? f->rec.tape - at : PIECE;
    return f->size > f->rec.tape ? n + f->size - f->rec.tape : n;
}

static uint64_t look_at_file(const struct hsm_file *f, uint64_t *ids, uint32_t *count)
{
    bool still = f->busy == 0 && f->pulls == 0 && f->writing == 0 && f->holding == 0 && !f->alone &&
                 f->room == NULL && !f->begging;
    cr_assert(f->whole == (f->piece == NULL), "%s: a whole file has no list of pieces", w.what);
    for (uint32_t i = 0; i < f->pieces && !f->whole; i++)
        cr_assert((f->piece[i] & (PIECE_HERE | PIECE_COMING)) != (PIECE_HERE | PIECE_COMING),
                  "%s: piece %d is here, and comes", w.what, (int)i);
    cr_assert(!still || f->charged == takes(f), "%s: of file %d %d bytes are here, %d are counted",
              w.what, (int)f->rec.file, (int)takes(f), (int)f->charged);
    cr_assert(!f->dirty || f->rec.bitfile != 0 || f->commits > 0 || f->gone,
              "%s: it differs from no bitfile", w.what);
    if (f->rec.bitfile != 0)
        ids[(*count)++] = f->rec.bitfile;
    if (f->rec.other != 0)
        ids[(*count)++] = f->rec.other;
    return f->charged;
}

/* The layer: what is counted is what is there; a bitfile is one file's. */
static void look_at_layer(void)
{
    uint64_t sum = 0, ids[64];
    uint32_t n = 0;
    if (w.hsm->state != HSM_READY)
        return;
    LIST_EACH (l, &w.hsm->files)
        sum += look_at_file(LIST_ENTRY(l, struct hsm_file, link), ids, &n);
    LIST_EACH (l, &w.hsm->gone)
        sum += look_at_file(LIST_ENTRY(l, struct hsm_file, link), ids, &n);
    cr_assert_eq(sum, w.hsm->used, "%s: files take %d bytes, %d are counted", w.what, (int)sum,
                 (int)w.hsm->used);
    cr_assert_leq(w.hsm->used, w.hsm->space, "%s: HSM6: %d bytes", w.what, (int)w.hsm->used);
    for (uint32_t i = 0; i < n; i++)
        for (uint32_t k = 0; k < i; k++)
            cr_assert_neq(ids[i], ids[k], "%s: a bitfile is in two records", w.what);
    for (uint32_t f = 0; f < FILES; f++) {
        const struct shadow *x = &w.files[f];
        cr_assert(!x->pinned || !x->whole || x->lost || of(x) == NULL || of(x)->whole,
                  "%s: pieces of a pinned file went", w.what);
    }
}

/* The library: a cartridge is in one place, or on its way to one; a drive has one. */
static void look_at_drives(void)
{
    const struct pvl *m = w.mounts;
    for (uint32_t i = 0; i < m->drive_count; i++) {
        const struct drive *d = &m->drives[i];
        cr_assert(d->volume == NULL || d->volume->drive == d || d->state == DRIVE_DEAD,
                  "%s: drive %d has a cartridge that is elsewhere", w.what, (int)i);
        for (uint32_t k = 0; k < i; k++) {
            cr_assert(d->volume == NULL || d->volume != m->drives[k].volume,
                      "%s: a cartridge is in two drives", w.what);
            cr_assert(w.library.in[i][0] == 0 || strcmp(w.library.in[i], w.library.in[k]) != 0,
                      "%s: %s is in two drives", w.what, w.library.in[i]);
        }
    }
}

/* In a thread of the servers: told at the end of the step. */
#define SHOULD(so, ...)                                                                            \
    do {                                                                                           \
        if (!(so) && w.wrong[0] == 0)                                                              \
            (void)snprintf(w.wrong, sizeof w.wrong, __VA_ARGS__);                                  \
    } while (0)

/* A bitfile is in a record, or about to be, or looked for. */
static void look_at_owner(uint64_t id, uint32_t *nobodys, bool written, uint64_t size)
{
    if (w.layer == NULL || w.hsm->state != HSM_READY)
        return;
    const struct list *lists[] = { &w.hsm->files, &w.hsm->gone };
    for (uint32_t k = 0; k < 2; k++)
        LIST_EACH (l, lists[k]) {
            const struct hsm_file *f = LIST_ENTRY(l, struct hsm_file, link);
            if (f->rec.bitfile == id + 1)
                SHOULD(written && size == f->rec.tape,
                       "%s: the bitfile of a file has %d bytes, not %d", w.what, (int)size,
                       (int)f->rec.tape);
            if (f->rec.bitfile == id + 1 || f->rec.other == id + 1)
                return;
        }
    ++*nobodys;
}

/* In a thread of the servers, which finds all in memory: between two steps. */
static void walk(void *arg)
{
    static uint8_t owner[VOLUMES][2 * CAPACITY];
    static uint64_t ids[SLOTS];
    uint32_t nobodys = 0, n = 0;
    (void)arg;
    memset(owner, 0, sizeof owner);
    w.left = 0;
    for (uint64_t slot = 0; slot < SLOTS; slot++) {
        struct bitfile_stat stat;
        static struct bitfile_segment s[BITFILE_SEGMENTS];
        uint64_t blocks = 0;
        if (bitfile_look(w.server, slot, &stat, s) != HSM_OK)
            continue;
        w.left++;
        for (uint32_t i = 0; i < stat.segments; i++) {
            uint64_t who;
            blocks += s[i].count;
            for (uint64_t b = s[i].first; b < s[i].first + s[i].count; b++) {
                SHOULD(b < CAPACITY, "%s: BFS1: behind what a volume has", w.what);
                SHOULD(owner[s[i].volume][b]++ == 0, "%s: BFS1: two in one place", w.what);
            }
            (void)bitfile_look_piece(w.server, s[i].volume, s[i].piece, &who);
            SHOULD(((who - 1) & ((UINT64_C(1) << 40) - 1)) == slot, "%s: BFS1: its place", w.what);
            ids[n] = who - 1;
        }
        SHOULD(blocks == (stat.written ? stat.copies * ((stat.size + BLOCK - 1) / BLOCK) : 0),
               "%s: BFS1: all of it", w.what);
        if (stat.segments > 0)
            look_at_owner(ids[n], &nobodys, stat.written, stat.size);
    }
    SHOULD(w.layer == NULL || w.hsm->state != HSM_READY || !w.hsm->listed || nobodys == 0,
           "%s: HSM4: %d bitfiles with bytes are nobody's", w.what, (int)nobodys);
    w.walked = true;
    w.walks++;
}

static void spawn(struct port *p, void *arg)
{
    (void)port_thread_spawn(p, "walk", walk, arg, 0);
}

static void look(void)
{
    if (w.layer != NULL)
        look_at_layer();
    if (w.server != NULL)
        look_at_drives();
}

/* ---- a run ---- */

static bool idle(void)
{
    bool all = true;
    for (uint32_t f = 0; f < FILES; f++) {
        const struct shadow *x = &w.files[f];
        all &= !x->busy && !x->lost && x->todo == 0 && (x->kind == KINDS || x->kind == LOOKUP);
    }
    return all;
}

static void crash(uint32_t node)
{
    w.crashed = true;
    fake_crash(w.rig.f, node);
    if (node == FILES_AT)
        w.layer = NULL;
    if (node == SERVERS)
        w.server = NULL;
    for (uint32_t f = 0; f < FILES && node == FILES_AT; f++) {
        struct shadow *x = &w.files[f];
        x->lost |= x->there || x->busy;
        x->busy = false;
        x->kind = LOOKUP;
        rope_init(&x->r.data);
    }
    w.repacking &= node != FILES_AT;
    w.walked |= node == SERVERS;
}

/* Until all has ended, a node dead from step `at` for `down` steps; so many steps it takes. */
static uint64_t play(uint32_t node, uint64_t at, uint64_t down, bool looks)
{
    uint64_t i;
    for (i = 1; !idle() && i < 400000; i++) {
        if (i == at && fake_up(w.rig.f, node))
            crash(node);
        if (i == at + down && at > 0 && !fake_up(w.rig.f, node))
            fake_restart(w.rig.f, node);
        if (w.layer != NULL) {
            for (uint32_t f = 0; f < FILES; f++)
                begin(&w.files[f]);
            if (!w.repacking && draw(900) == 0) {
                w.repacking = true;
                fake_call(w.rig.f, FILES_AT, repack, NULL);
            }
        }
        if (!fake_step(w.rig.f) && (at == 0 || i >= at + down)) {
            bool waits = false;
            for (uint32_t f = 0; f < FILES; f++)
                waits |= w.files[f].not_before > fake_now(w.rig.f);
            if (!waits)
                break;
            fake_run_until(w.rig.f, fake_now(w.rig.f) + SIM_SEC);
        }
        if (looks)
            look();
        cr_assert_eq(w.wrong[0], 0, "%s", w.wrong);
        if (looks && w.walked && i % w.every == 0 && w.server != NULL) {
            w.walked = false;
            fake_call(w.rig.f, SERVERS, spawn, NULL);
        }
    }
    for (uint32_t f = 0; f < FILES && !idle(); f++)
        (void)fprintf(stderr, "%s: %d, busy %d, there %d, lost %d, todo %d\n", w.files[f].name,
                      (int)w.files[f].kind, w.files[f].busy, w.files[f].there, w.files[f].lost,
                      (int)w.files[f].todo);
    cr_assert(idle(), "%s: a request never ended", w.what);
    if (!fake_up(w.rig.f, node))
        fake_restart(w.rig.f, node);
    return i;
}

static void all(enum act kind)
{
    for (uint32_t f = 0; f < FILES; f++) {
        struct shadow *x = &w.files[f];
        if (x->there)
            go(x, kind);
    }
    (void)play(0, 0, 0, true);
}

/* Every byte is there wherever its file goes, and when the files are gone no bitfile is. */
static void finish(void)
{
    all(UNPIN);
    all(READ);
    all(MIGRATE);
    all(PURGE);
    all(READ);
    all(REMOVE);
    w.left = 1;
    for (uint32_t i = 0; i < 100 && w.left > 0; i++) {
        fake_run_until(w.rig.f, fake_now(w.rig.f) + 10 * SIM_SEC);
        w.walked = false;
        fake_call(w.rig.f, SERVERS, spawn, NULL);
        for (uint32_t k = 0; k < 100000 && !w.walked; k++)
            (void)fake_step(w.rig.f);
    }
    cr_assert_eq(w.left, 0, "%s: HSM4: %d bitfiles are left", w.what, (int)w.left);
    rig_stop(&w.rig);
}

static uint64_t run(uint64_t seed, uint32_t node, uint64_t at, uint64_t down, bool looks)
{
    start(seed);
    (void)snprintf(w.what, sizeof w.what, "seed %d, node %d dead at step %d", (int)seed, (int)node,
                   (int)at);
    uint64_t n = play(node, at, down, looks);
    finish();
    return n;
}

/* What must hold does between any two steps. */
Test(hsm_whole, nothing_is_counted_wrong_at_any_step, .timeout = 86400)
{
    uint64_t moved = 0, walks = 0, count = sample("HSM_WHOLE", 24);
    for (uint64_t seed = 1; seed <= count; seed++) {
        (void)run(seed, 0, 0, 0, true);
        moved += w.moved;
        walks += w.walks;
    }
    cr_assert(2 * moved > count && walks > 4 * count, "%d files were purged, %d walks", (int)moved,
              (int)walks);
}

/* Any one node dies at a step, and is back after some: nothing that was acknowledged is lost. */
Test(hsm_whole, outlives_the_death_of_any_node_at_any_step, .timeout = 86400)
{
    const char *text = getenv("HSM_STEPS");
    uint64_t stride = text != NULL ? strtoull(text, NULL, 10) : 0;
    for (uint64_t seed = 1; seed <= sample("HSM_WHOLE", 6); seed++) {
        uint64_t n = run(seed, 0, 0, 0, false), each = stride > 0 ? stride : n / 5 + 1;
        for (uint32_t node = 0; node < NODES; node++)
            for (uint64_t at = 1 + (seed * 7 + node) % each; at <= n; at += each)
                (void)run(seed, node, at, 3 + (seed + at) % 400, at % 3 == 0);
    }
    /* The archive is down, others wait for room and work; then all do, and it is back; of two
     * appends to a stripe the second, all on the other tape, is there alone. */
    (void)run(25, SERVERS, 176, 204, false);
    (void)run(2, SERVERS, 98, 103, false); /* there is no room to stage what is to be migrated */
    (void)run(101, SERVERS, 153, 257, true);
    (void)run(109, DRIVE, 316, 28, false);
    (void)run(48, LIBRARY, 252, 303, true); /* no file can be staged for want of room */
}
