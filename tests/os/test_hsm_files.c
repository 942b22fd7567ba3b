/* test_hsm_files.c: files that are migrated, purged and staged, over lfs and an archive in memory
 * (tests/os/mem_archive.h): random requests of two files against copies, and the same with their
 * node dead at every device write.
 */
#include "os/hsm/files_internal.h"
#include "os/hsm/prefetch.h"
#include "tests/os/lfs_world.h"
#include "tests/os/mem_archive.h"
#include "tests/sample.h"
#include "workloads/tape/shelf.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum {
    PIECE = 2048,
    SPAN = 9 * PIECE + 700,
    FILES = 2,
    STEPS = 14,
    STATES = STEPS + 2,
    SECTOR = 512,
    CHUNK = 700, /* that the archive asks for at a time */
    IN_MEMORY = FILES * (2 * PIECE + CHUNK)
};

struct content {
    size_t size;
    uint8_t bytes[SPAN];
};

static struct {
    struct lfs_world w;
    struct mem_archive archive;
    struct file_hsm_params params;
    uint64_t file[FILES], draws;
    /* What the file was since its last flush: what a crash may leave, sector by sector. */
    struct content was[FILES][STATES];
    uint32_t states[FILES];
    uint32_t crashes;
    uint64_t space;
    uint8_t value;
    char what[100];
} t;

static uint32_t draw(uint32_t n)
{
    t.draws = t.draws * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(t.draws >> 33) % n;
}

static struct file_sys *over(struct lfs_world *w, struct port *p, struct file_sys *lfs)
{
    struct hsm_door door = mem_archive_door(&t.archive, p);
    (void)w;
    return file_hsm_start(p, &t.params, lfs, &door, t.space);
}

static struct content *now(uint32_t f)
{
    return &t.was[f][t.states[f] - 1];
}

/* One more state, which begins as the one before. */
static struct content *next(uint32_t f)
{
    cr_assert_lt(t.states[f], STATES);
    t.was[f][t.states[f]] = *now(f);
    t.states[f]++;
    return now(f);
}

static enum file_status hint(uint32_t f, enum file_hint what, uint64_t size)
{
    struct file_req r;
    file_req_init(&r, FILE_HINT, NULL, NULL);
    r.hint = what;
    r.file = t.file[f];
    r.size = size;
    lfs_world_do(&t.w, &r);
    return r.status;
}

static void check_now(uint32_t f)
{
    static uint8_t got[SPAN + 1];
    uint32_t off = draw(2) ? 0 : draw(SPAN);
    size_t n = 0, want = now(f)->size > off ? now(f)->size - off : 0;
    enum file_status s = lfs_world_read(&t.w, t.file[f], off, got, SPAN + 1 - off, &n);
    if (t.w.crashed)
        return;
    cr_assert_eq(s, FILE_OK, "%s: a read: %s", t.what, file_status_name(s));
    cr_assert_eq(n, want, "%s: file %d has %d bytes from %d on, not %d", t.what, (int)f, (int)n,
                 (int)off, (int)want);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(got[i], now(f)->bytes[off + i], "%s: file %d, byte %d: %d, not %d", t.what,
                     (int)f, (int)(off + i), got[i], now(f)->bytes[off + i]);
    struct file_req r;
    file_req_init(&r, FILE_STAT, NULL, NULL);
    r.file = t.file[f];
    lfs_world_do(&t.w, &r);
    cr_assert(t.w.crashed || r.attr.size == now(f)->size, "%s: its size is said to be %d", t.what,
              (int)r.attr.size);
}

static void write_some(uint32_t f)
{
    uint32_t off = draw(SPAN), n = 1 + draw(draw(2) ? 3 * PIECE : 300);
    if (draw(3) == 0)
        off -= off % PIECE;
    n = off + n > SPAN ? SPAN - off : n;
    struct content *c = next(f);
    memset(c->bytes + off, ++t.value, n);
    c->size = off + n > c->size ? off + n : c->size;
    enum file_status s = lfs_world_write(&t.w, t.file[f], off, c->bytes + off, n);
    cr_assert(s == FILE_OK || t.w.crashed, "%s: a write: %s", t.what, file_status_name(s));
}

static void cut(uint32_t f)
{
    struct content *c = next(f);
    size_t size = draw(3) == 0 ? 0 : draw(SPAN);
    if (size < c->size)
        memset(c->bytes + size, 0, c->size - size);
    c->size = size;
    enum file_status s = lfs_world_op(&t.w, FILE_SIZE, t.file[f], size);
    cr_assert(s == FILE_OK || t.w.crashed, "%s: a size: %s", t.what, file_status_name(s));
}

static void flush(uint32_t f)
{
    enum file_status s = lfs_world_op(&t.w, FILE_FLUSH, t.file[f], 0);
    cr_assert(s == FILE_OK || t.w.crashed, "%s: a flush: %s", t.what, file_status_name(s));
    if (t.w.crashed)
        return;
    t.was[f][0] = *now(f);
    t.states[f] = 1;
}

static void idle(sim_time for_so_long)
{
    sim_time until = fake_now(t.w.fake) + for_so_long;
    while (!t.w.crashed && fake_now(t.w.fake) < until && fake_step(t.w.fake))
        continue;
    if (t.w.crashed && fake_up(t.w.fake, 0))
        fake_crash(t.w.fake, 0);
}

static void step(uint32_t what)
{
    uint32_t f = draw(FILES);
    enum file_status s = FILE_OK;
    switch (what) {
    case 0:
    case 1:
    case 2:
        write_some(f);
        return;
    case 3:
        cut(f);
        return;
    case 4:
        flush(f);
        return;
    case 5:
    case 6:
        check_now(f);
        return;
    case 7:
        s = hint(f, FILE_STAGE, 0);
        break;
    case 8:
    case 9:
        s = hint(f, FILE_MIGRATE, 0);
        s = s == FILE_UNREACHABLE && t.archive.fail_in > 0 ? FILE_OK : s;
        break;
    case 10:
    case 11:
        s = hint(f, FILE_PURGE, 0);
        s = s == FILE_DENIED ? FILE_OK : s;
        break;
    default:
        idle(draw(40) * SIM_MS);
    }
    cr_assert(s == FILE_OK || t.w.crashed, "%s: step %d: %s", t.what, (int)what,
              file_status_name(s));
}

/* After a crash: each sector is one of those that it was since the last flush; and what it is now
 * it stays, wherever the file goes. */
static void recover(void)
{
    static uint8_t got[SPAN + 1];
    lfs_world_restart(&t.w);
    cr_assert_eq(t.w.mounted, FILE_OK);
    for (uint32_t f = 0; f < FILES; f++) {
        size_t n = 0;
        bool size = false;
        cr_assert_eq(lfs_world_read(&t.w, t.file[f], 0, got, SPAN + 1, &n), FILE_OK, "%s", t.what);
        for (uint32_t k = 0; k < t.states[f]; k++)
            size |= t.was[f][k].size == n;
        cr_assert(size, "%s: file %d has %d bytes, which it never had", t.what, (int)f, (int)n);
        for (size_t at = 0; at < n; at += SECTOR) {
            size_t len = n - at < SECTOR ? n - at : SECTOR;
            bool good = false;
            for (uint32_t k = 0; k < t.states[f] && !good; k++) {
                good = true;
                for (size_t i = at; i < at + len; i++)
                    good &= got[i] == (i < t.was[f][k].size ? t.was[f][k].bytes[i] : 0);
            }
            cr_assert(good, "%s: file %d: what lies at %d was never written", t.what, (int)f,
                      (int)at);
        }
        memset(&t.was[f][0], 0, sizeof t.was[f][0]);
        memcpy(t.was[f][0].bytes, got, n);
        t.was[f][0].size = n;
        t.states[f] = 1;
    }
}

/* Wherever they go, and after another boot; when they are gone nothing is left of them (HSM4). */
static void finish(void)
{
    for (uint32_t f = 0; f < FILES; f++) {
        check_now(f);
        while (t.archive.fail_in > 0 && hint(f, FILE_MIGRATE, 0) == FILE_UNREACHABLE)
            continue;
        cr_assert_eq(hint(f, FILE_MIGRATE, 0), FILE_OK, "%s", t.what);
        check_now(f);
        (void)hint(f, FILE_PURGE, 0);
        check_now(f);
        write_some(f);
        flush(f);
        check_now(f);
    }
    lfs_world_restart(&t.w);
    t.crashes++;
    for (uint32_t f = 0; f < FILES; f++) {
        check_now(f);
        cr_assert_eq(lfs_world_op(&t.w, FILE_REMOVE, t.file[f], 0), FILE_OK);
    }
    idle(SIM_SEC);
    cr_assert_eq(mem_archive_written(&t.archive), 0, "%s: %d bitfiles of nobody", t.what,
                 (int)mem_archive_written(&t.archive));
    cr_assert_eq(t.archive.count, 0, "%s: %d empty bitfiles of nobody", t.what,
                 (int)t.archive.count);
    lfs_world_check(&t.w);
}

/* A crash drops a heap with ropes in it: their leaves are nobody's.  LeakSanitizer is not to see
 * those that were made meanwhile; what a file's life leaves behind without one it sees. */
extern void __lsan_disable(void) __attribute__((weak));
extern void __lsan_enable(void) __attribute__((weak));
static void watch_leaks(bool on)
{
    void (*fn)(void) = on ? __lsan_enable : __lsan_disable;
    if (fn != NULL)
        fn();
}

static uint64_t run(uint64_t seed, uint64_t crash_at, uint32_t torn, uint32_t fail_in)
{
    struct lfs_params p = lfs_world_params();
    const struct fake_options o = {
        .nodes = 1, .seed = seed, .disks = 1, .disk_sectors = 1200, .disk_cache = seed % 2
    };
    struct err e = ERR_INIT;
    memset(&t, 0, sizeof t);
    cr_assert(param_load(file_hsm_params, &t.params, NULL, "hsm", &e), "%s", e.text);
    t.params.stage = (int)(seed % 4);
    t.params.piece = PIECE;
    t.params.row = 1 + (int64_t)(seed / 4 % 3);
    t.params.migrations = 1 + (int64_t)(seed / 3 % 2);
    t.params.age = 0;
    t.params.poll = 7 * SIM_MS;
    t.params.retry = SIM_MS;
    t.params.tries = 100;
    t.params.start = 60;
    t.params.stop = 20;
    t.params.files = 4;
    t.params.records.log = 16384;
    t.space = 3 * SPAN;
    mem_archive_init(&t.archive, seed);
    t.archive.fail_in = fail_in;
    t.draws = seed;
    (void)snprintf(t.what, sizeof t.what, "seed %d, dead at write %d", (int)seed, (int)crash_at);
    lfs_world_over(&t.w, &o, &p, over);
    cr_assert_eq(t.w.mounted, FILE_OK);
    for (uint32_t f = 0; f < FILES; f++) {
        cr_assert_eq(lfs_world_create(&t.w, f ? "b" : "a", &t.file[f]), FILE_OK);
        t.states[f] = 1;
    }
    uint64_t before = t.w.writes;
    t.w.crash_at_write = crash_at > 0 ? before + crash_at : 0;
    t.w.torn_sectors = torn;
    for (int i = 0; i < STEPS && !t.w.crashed; i++)
        step(draw(14));
    uint64_t writes = t.w.writes - before;
    t.crashes = t.w.crashed;
    if (t.w.crashed)
        recover();
    t.w.crash_at_write = 0;
    finish();
    cr_assert_leq(fake_count(t.w.fake, 0, "hsm.buffered"), IN_MEMORY, "%s: in memory", t.what);
    lfs_world_fini(&t.w);
    mem_archive_fini(&t.archive);
    return writes;
}

/* HSM1, HSM5.  HSM_SEEDS: so many runs. */
Test(hsm_files, are_what_was_written_wherever_they_lie, .timeout = 86400)
{
    for (uint64_t seed = getenv("S") ? strtoull(getenv("S"), 0, 10) : 1;
         seed <= sample("HSM_SEEDS", 60); seed++)
        (void)run(seed, 0, UINT32_MAX, 0);
    (void)run(1334, 0, UINT32_MAX, 0); /* a purge that was asked for while all had just come */
}

Test(hsm_files, and_when_the_archive_does_not_answer, .timeout = 86400)
{
    watch_leaks(false);
    for (uint64_t seed = getenv("S") ? strtoull(getenv("S"), 0, 10) : 1;
         seed <= sample("HSM_SEEDS", 60); seed++)
        (void)run(seed, 0, UINT32_MAX, 4);
    watch_leaks(true);
}

/* HSM1, HSM2, HSM3.  HSM_CRASHES: of so many runs, at every write. */
Test(hsm_files, and_after_a_crash_at_every_device_write, .timeout = 86400)
{
    static const uint32_t torn[] = { 0, 1, UINT32_MAX };
    watch_leaks(false);
    for (uint64_t seed = getenv("S") ? strtoull(getenv("S"), 0, 10) : 1;
         seed <= sample("HSM_CRASHES", 16); seed++) {
        uint64_t writes = run(seed, 0, UINT32_MAX, 0);
        for (uint64_t at = 1; at <= writes; at++)
            (void)run(seed, at, torn[(at + seed) % ARRAY_LEN(torn)], 0);
    }
    watch_leaks(true);
}

/* ---- single things ---- */

static struct kind_choice early_by;   /* of hsm_prefetches; no kind: none */
static struct kind_choice replace_by; /* of hsm_replacements; no kind: lru */

static void begin(enum hsm_stage stage, uint64_t space)
{
    const struct fake_options o = { .nodes = 1, .seed = 1, .disks = 1, .disk_sectors = 1200 };
    struct lfs_params p = lfs_world_params();
    struct err e = ERR_INIT;
    p.files = 40;
    memset(&t, 0, sizeof t);
    cr_assert(param_load(file_hsm_params, &t.params, NULL, "hsm", &e), "%s", e.text);
    t.params.stage = stage;
    if (early_by.kind != NULL)
        t.params.prefetch = early_by;
    if (replace_by.kind != NULL)
        t.params.replace = replace_by;
    t.params.piece = PIECE;
    t.params.retry = SIM_MS;
    t.params.records.log = 16384;
    t.params.files = 32;
    t.space = space;
    mem_archive_init(&t.archive, 1);
    lfs_world_over(&t.w, &o, &p, over);
    for (uint32_t f = 0; f < FILES; f++)
        cr_assert_eq(lfs_world_create(&t.w, f ? "b" : "a", &t.file[f]), FILE_OK);
}

static void end(void)
{
    lfs_world_fini(&t.w);
    mem_archive_fini(&t.archive);
}

static enum file_status fill(uint32_t f, size_t n)
{
    static uint8_t bytes[SPAN];
    memset(bytes, 7 + (int)f, sizeof bytes);
    return lfs_world_write(&t.w, t.file[f], 0, bytes, n);
}

static enum file_status read_at(uint32_t f, uint64_t off, size_t n, uint32_t uid)
{
    struct file_req r;
    file_req_init(&r, FILE_READ, NULL, NULL);
    r.file = t.file[f];
    r.uid = uid;
    file_range(&r, off, n);
    lfs_world_do(&t.w, &r);
    cr_assert(r.status != FILE_OK || r.moved == n);
    rope_fini(&r.data);
    return r.status;
}

/* Two pieces of it, though it is nine long; the archive, which asks for its bytes in any order,
 * gets them all; and each is read once where it asks for them in their order. */
Test(hsm_files, a_migration_has_two_pieces_of_its_file_in_memory)
{
    for (uint32_t i = 0; i < 2; i++) {
        begin(HSM_STAGE_DEMAND, 100 * PIECE);
        t.archive.in_order = i > 0;
        cr_assert_eq(fill(0, SPAN), FILE_OK);
        cr_assert_eq(hint(0, FILE_MIGRATE, 0), FILE_OK);
        uint64_t reads = fake_count(t.w.fake, 0, "hsm.copied");
        cr_assert_eq(fake_count(t.w.fake, 0, "hsm.migrated"), SPAN);
        uint64_t most = fake_count(t.w.fake, 0, "hsm.buffered");
        cr_assert(most >= 2 * PIECE && most <= 2 * PIECE + CHUNK, "%d bytes in memory", (int)most);
        cr_assert(i == 0 ? reads >= SPAN : reads == SPAN, "%d bytes read", (int)reads);
        cr_assert_eq(hint(0, FILE_PURGE, 0), FILE_OK);
        cr_assert_eq(fake_count(t.w.fake, 0, "hsm.abandoned"), 0);
        end();
    }
}

/* What is written while the file goes to tape: it is given no further, and goes anew later. */
Test(hsm_files, a_file_that_changes_on_its_way_goes_again)
{
    begin(HSM_STAGE_DEMAND, 100 * PIECE);
    t.params.age = 0;
    t.archive.in_order = true;
    cr_assert_eq(fill(0, SPAN), FILE_OK);
    cr_assert_eq(fill(0, SPAN), FILE_OK);
    fake_run_until(t.w.fake, 59 * SIM_SEC);
    for (uint32_t i = 0; i < 10000 && fake_count(t.w.fake, 0, "hsm.copied") < 3 * PIECE; i++)
        fake_run_until(t.w.fake, fake_now(t.w.fake) + SIM_MS / 5);
    t.params.age = 20 * SIM_SEC;
    cr_assert_eq(fill(0, 5), FILE_OK);
    fake_run_until(t.w.fake, fake_now(t.w.fake) + SIM_SEC);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.abandoned"), 1);
    cr_assert_leq(fake_count(t.w.fake, 0, "hsm.copied"), 5 * PIECE);
    cr_assert_eq(t.archive.calls[BITFILE_WRITE], 1);
    fake_run_until(t.w.fake, fake_now(t.w.fake) + 130 * SIM_SEC);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.migrated"), SPAN);
    cr_assert_eq(t.archive.count, 1);
    end();
}

/* The mover looks at a file when its only WRITE has ended, not while it is under way. */
Test(hsm_files, a_file_that_is_written_once_goes)
{
    begin(HSM_STAGE_DEMAND, 100 * PIECE);
    cr_assert_eq(fill(0, SPAN), FILE_OK);
    fake_run_until(t.w.fake, t.params.age + 2 * t.params.poll);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.migrations"), 1);
    end();
}

/* Several files are on their way at a time, if that is wanted. */
Test(hsm_files, so_many_go_at_a_time)
{
    for (uint32_t n = 1; n <= 3; n++) {
        begin(HSM_STAGE_DEMAND, 100 * PIECE);
        t.params.age = 0;
        t.params.migrations = n;
        for (uint32_t f = 0; f < FILES; f++)
            for (uint32_t i = 0; i < 2; i++)
                cr_assert_eq(fill(f, SPAN), FILE_OK);
        fake_run_until(t.w.fake, 130 * SIM_SEC);
        cr_assert_eq(fake_count(t.w.fake, 0, "hsm.migrations"), FILES);
        cr_assert_eq(t.archive.count, FILES);
        cr_assert_eq(fake_count(t.w.fake, 0, "hsm.at_once"), n == 1 ? 1 : FILES);
        uint64_t most = fake_count(t.w.fake, 0, "hsm.buffered");
        cr_assert(n == 1 ? most <= IN_MEMORY / 2 : most > IN_MEMORY / 2 && most <= IN_MEMORY);
        end();
    }
}

/* What cannot be read does not go, and leaves nothing in the archive. */
Test(hsm_files, a_file_that_the_disk_cannot_read_stays)
{
    for (uint32_t skip = 0; skip < 4; skip++) {
        begin(HSM_STAGE_DEMAND, 100 * PIECE);
        cr_assert_eq(fill(0, SPAN), FILE_OK);
        cr_assert_eq(lfs_world_op(&t.w, FILE_FLUSH, t.file[0], 0), FILE_OK);
        t.w.fail_reads = true;
        t.w.fail_to = UINT64_MAX;
        t.w.fail_skip = skip;
        t.w.fail_count = 1;
        cr_assert_eq(hint(0, FILE_MIGRATE, 0), FILE_IO_ERROR);
        cr_assert_eq(fake_count(t.w.fake, 0, "hsm.abandoned"), 1);
        cr_assert_eq(t.archive.calls[BITFILE_WRITE], 1);
        cr_assert_eq(t.archive.count, 0);
        cr_assert_eq(hint(0, FILE_MIGRATE, 0), FILE_OK);
        cr_assert_leq(fake_count(t.w.fake, 0, "hsm.buffered"), 2 * PIECE + CHUNK);
        end();
    }
}

/* HSM6 */
Test(hsm_files, who_needs_room_waits_for_a_purge_or_hears_that_there_is_none)
{
    begin(HSM_STAGE_DEMAND, 4 * PIECE);
    cr_assert_eq(fill(0, 3 * PIECE), FILE_OK);
    cr_assert_eq(fill(1, 3 * PIECE), FILE_OK); /* after "a" was migrated and purged */
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.purges"), 1);
    cr_assert_eq(read_at(0, 0, 3 * PIECE, 0), FILE_OK); /* and back, in the place of "b" */
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.purges"), 2);
    cr_assert_eq(hint(0, FILE_PIN, 0), FILE_OK);
    cr_assert_eq(hint(0, FILE_PURGE, 0), FILE_DENIED);
    cr_assert_eq(read_at(1, 0, 3 * PIECE, 0), FILE_NO_SPACE);
    cr_assert_eq(read_at(1, 0, PIECE, 0), FILE_OK);
    cr_assert_eq(fill(1, 5 * PIECE), FILE_NO_SPACE);
    lfs_world_restart(&t.w);
    cr_assert_eq(hint(0, FILE_STAGE, 0), FILE_OK);
    cr_assert_eq(hint(0, FILE_PURGE, 0), FILE_DENIED, "a pin outlives a crash");
    cr_assert_eq(hint(0, FILE_UNPIN, 0), FILE_OK);
    cr_assert_eq(read_at(1, 0, 3 * PIECE, 0), FILE_OK);
    cr_assert_eq(hint(1, FILE_PIN, 2), FILE_OK); /* for two seconds */
    cr_assert_eq(read_at(0, 0, 3 * PIECE, 0), FILE_NO_SPACE);
    idle(3 * SIM_SEC);
    fake_run_until(t.w.fake, fake_now(t.w.fake) + 3 * SIM_SEC);
    cr_assert_eq(read_at(0, 0, 3 * PIECE, 0), FILE_OK);
    end();
}

/* The disk is fuller than it should be, and nobody can help it before somebody asks for something:
 * then there is nothing to look at. */
Test(hsm_files, what_is_pinned_for_ever_is_not_looked_at_again_and_again)
{
    begin(HSM_STAGE_DEMAND, 8 * PIECE);
    t.params.start = t.params.stop = 0;
    cr_assert_eq(fill(0, 3 * PIECE), FILE_OK);
    cr_assert_eq(fill(1, 2 * PIECE), FILE_OK);
    cr_assert_eq(hint(0, FILE_PIN, 0), FILE_OK);
    sim_time from = fake_now(t.w.fake);
    idle(10000 * SIM_SEC);
    cr_assert_lt(fake_now(t.w.fake), from + 9000 * SIM_SEC);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.migrations"), 2);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.purges"), 1);
    cr_assert_eq(read_at(1, 0, PIECE, 0), FILE_OK); /* what comes beside it goes again */
    idle(10000 * SIM_SEC);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.purges"), 2);
    cr_assert_eq(hint(0, FILE_UNPIN, 0), FILE_OK);
    idle(10000 * SIM_SEC);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.purges"), 3);
    cr_assert_lt(fake_now(t.w.fake), from + 9000 * SIM_SEC);
    end();
}

/* What of a file comes from tape for one READ of a byte, and what of it stays. */
Test(hsm_files, a_read_brings_what_its_way_of_staging_says)
{
    static const struct {
        enum hsm_stage stage;
        uint64_t now, later, staged;
    } ways[] = { { HSM_STAGE_OPEN, 5 * PIECE, 5 * PIECE, 5 * PIECE },
                 { HSM_STAGE_DEMAND, PIECE, PIECE, PIECE },
                 { HSM_STAGE_BACKGROUND, PIECE, 5 * PIECE, 5 * PIECE },
                 { HSM_STAGE_NONE, 1, 1, 0 } };
    for (size_t i = 0; i < ARRAY_LEN(ways); i++) {
        begin(ways[i].stage, 100 * PIECE);
        cr_assert_eq(fill(0, 5 * PIECE), FILE_OK);
        cr_assert_eq(hint(0, FILE_PURGE, 0), FILE_DENIED, "it is not in the archive");
        cr_assert_eq(hint(0, FILE_MIGRATE, 0), FILE_OK);
        cr_assert_eq(hint(0, FILE_PURGE, 0), FILE_OK);
        cr_assert_eq(read_at(0, 3 * PIECE + 1, 1, 0), FILE_OK);
        cr_assert_geq(t.archive.read_bytes, ways[i].now);
        cr_assert(i == 2 || t.archive.read_bytes == ways[i].now);
        idle(SIM_SEC);
        cr_assert_eq(t.archive.read_bytes, ways[i].later);
        cr_assert_eq(fake_count(t.w.fake, 0, "hsm.staged"), ways[i].staged);
        end();
    }
}

Test(hsm_files, who_may_not_read_a_file_stages_nothing_of_it)
{
    struct file_req r;
    begin(HSM_STAGE_OPEN, 100 * PIECE);
    cr_assert_eq(fill(0, 5 * PIECE), FILE_OK);
    file_req_init(&r, FILE_CHANGE, NULL, NULL);
    r.file = t.file[0];
    r.attr.mode = 0600;
    r.attr.uid = 3;
    lfs_world_do(&t.w, &r);
    cr_assert_eq(hint(0, FILE_MIGRATE, 0), FILE_OK);
    cr_assert_eq(hint(0, FILE_PURGE, 0), FILE_OK);
    cr_assert_eq(read_at(0, 0, 1, 7), FILE_DENIED);
    cr_assert_eq(t.archive.calls[BITFILE_READ], 0);
    cr_assert_eq(read_at(0, 0, 1, 3), FILE_OK);
    cr_assert_eq(t.archive.calls[BITFILE_READ], 1);
    end();
}

static enum file_status hint_as(uint32_t uid, enum file_hint what)
{
    struct file_req r;
    file_req_init(&r, FILE_HINT, NULL, NULL);
    r.hint = what;
    r.file = t.file[0];
    r.uid = r.gid = uid;
    file_range(&r, 0, PIECE);
    lfs_world_do(&t.w, &r);
    return r.status;
}

static void change(uint32_t mode, uint32_t uid)
{
    struct file_req r;
    file_req_init(&r, FILE_CHANGE, NULL, NULL);
    r.file = t.file[0];
    r.attr.mode = mode;
    r.attr.uid = r.attr.gid = uid;
    lfs_world_do(&t.w, &r);
    cr_assert_eq(r.status, FILE_OK);
}

Test(hsm_files, where_a_file_lies_is_for_its_owner_to_say)
{
    static const enum file_hint all[] = { FILE_MIGRATE, FILE_PURGE, FILE_STAGE, FILE_PIN,
                                          FILE_UNPIN };
    begin(HSM_STAGE_DEMAND, 100 * PIECE);
    cr_assert_eq(fill(0, 5 * PIECE), FILE_OK);
    for (uint32_t mode = 0600; mode <= 0604; mode += 4) {
        change(mode, 3);
        for (uint32_t i = 0; i < ARRAY_LEN(all); i++) {
            bool may = all[i] == FILE_STAGE && mode == 0604;
            cr_assert_eq(hint_as(7, all[i]), may ? FILE_OK : FILE_DENIED, "another: hint %u", i);
            cr_assert_eq(hint_as(3, all[i]), FILE_OK, "the owner: hint %u", i);
            cr_assert_eq(hint_as(0, all[i]), FILE_OK, "user 0: hint %u", i);
        }
    }
    end();
}

/* FILE_WILL_READ */
Test(hsm_files, nothing_is_staged_for_who_will_not_be_able_to_read_it)
{
    early_by = kind_plain(&hsm_prefetches, "hints");
    begin(HSM_STAGE_DEMAND, 100 * PIECE);
    cr_assert_eq(fill(0, 5 * PIECE), FILE_OK);
    cr_assert_eq(hint_as(0, FILE_MIGRATE), FILE_OK);
    cr_assert_eq(hint_as(0, FILE_PURGE), FILE_OK);
    lfs_world_restart(&t.w);
    change(0600, 3);
    cr_assert_eq(hint_as(7, FILE_WILL_READ), FILE_OK);
    idle(SIM_SEC);
    cr_assert_eq(t.archive.calls[BITFILE_READ], 0);
    cr_assert_eq(hint_as(3, FILE_WILL_READ), FILE_OK);
    idle(SIM_SEC);
    cr_assert_eq(t.archive.calls[BITFILE_READ], 1);
    end();
}

/* A name that takes the place of another. */
Test(hsm_files, of_a_file_that_a_rename_takes_away_no_bitfile_is_left)
{
    begin(HSM_STAGE_DEMAND, 100 * PIECE);
    for (uint32_t f = 0; f < FILES; f++) {
        cr_assert_eq(fill(f, 3 * PIECE), FILE_OK);
        cr_assert_eq(hint(f, FILE_MIGRATE, 0), FILE_OK);
        cr_assert_eq(hint(f, FILE_PURGE, 0), FILE_OK);
    }
    cr_assert_eq(lfs_world_move(&t.w, FILE_ROOT, "a", FILE_ROOT, "b"), FILE_OK);
    idle(SIM_SEC);
    cr_assert_eq(t.archive.count, 1);
    cr_assert_eq(read_at(0, PIECE, PIECE, 0), FILE_OK);
    end();
}

/* What is on the disk whole and was changed needs no bitfile. */
Test(hsm_files, the_bitfile_of_a_changed_file_goes_when_the_disk_has_all_of_it)
{
    begin(HSM_STAGE_DEMAND, 100 * PIECE);
    for (uint32_t f = 0; f < FILES; f++) {
        cr_assert_eq(fill(f, 3 * PIECE), FILE_OK);
        cr_assert_eq(hint(f, FILE_MIGRATE, 0), FILE_OK);
    }
    cr_assert_eq(hint(1, FILE_PURGE, 0), FILE_OK);
    t.params.age = 1000 * SIM_SEC;
    cr_assert_eq(fill(0, PIECE), FILE_OK);
    cr_assert_eq(fill(1, PIECE), FILE_OK);
    fake_run_until(t.w.fake, fake_now(t.w.fake) + 130 * SIM_SEC);
    cr_assert_eq(t.archive.count, 1, "the disk has a third of it");
    cr_assert_eq(read_at(1, 0, 3 * PIECE, 0), FILE_OK);
    cr_assert_eq(lfs_world_op(&t.w, FILE_FLUSH, t.file[1], 0), FILE_OK);
    fake_run_until(t.w.fake, fake_now(t.w.fake) + 130 * SIM_SEC);
    cr_assert_eq(t.archive.count, 0);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.removed"), 2);
    lfs_world_restart(&t.w);
    for (uint32_t f = 0; f < FILES; f++)
        cr_assert_eq(read_at(f, 0, 3 * PIECE, 0), FILE_OK);
    end();
}

/* What a policy has staged is read, or purged unread. */
Test(hsm_files, what_is_staged_early_is_read_or_wasted)
{
    early_by = kind_plain(&hsm_prefetches, "file");
    begin(HSM_STAGE_DEMAND, 100 * PIECE);
    cr_assert_eq(fill(0, 7 * PIECE), FILE_OK);
    for (uint32_t round = 0; round < 3; round++) {
        cr_assert_eq(hint(0, FILE_MIGRATE, 0), FILE_OK);
        cr_assert_eq(hint(0, FILE_PURGE, 0), FILE_OK);
        cr_assert_eq(fake_count(t.w.fake, 0, "hsm.early_wasted"), 3 * round);
        cr_assert_eq(read_at(0, 2 * PIECE + 5, 1, 0), FILE_OK);
        idle(SIM_SEC);
        cr_assert_eq(fake_count(t.w.fake, 0, "hsm.early"), 6 * (round + 1));
        cr_assert_eq(read_at(0, 2 * PIECE, 7, 0), FILE_OK);
        cr_assert_eq(fake_count(t.w.fake, 0, "hsm.early_used"), 3 * round);
        cr_assert_eq(read_at(0, 4 * PIECE, 1, 0), FILE_OK);
        cr_assert_eq(read_at(0, 4 * PIECE, PIECE + 1, 0), FILE_OK);
        cr_assert_eq(read_at(0, 0, 1, 0), FILE_OK);
        cr_assert_eq(fake_count(t.w.fake, 0, "hsm.early_used"), 3 * (round + 1));
    }
    cr_assert_eq(lfs_world_op(&t.w, FILE_REMOVE, t.file[0], 0), FILE_OK);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.early_wasted"), 9);
    end();
    early_by.kind = NULL;
}

/* Reads a byte of the file, and tells whether that asked the archive. */
static bool asks(uint64_t file)
{
    uint64_t calls = t.archive.calls[BITFILE_READ];
    t.file[0] = file;
    cr_assert_eq(read_at(0, 0, 1, 0), FILE_OK);
    return t.archive.calls[BITFILE_READ] > calls;
}

static void purge_all(const uint64_t *files)
{
    for (uint32_t i = 0; i < 4; i++) {
        t.file[0] = files[i];
        cr_assert_eq(hint(0, FILE_PURGE, 0), FILE_OK);
    }
}

/* Files x0 to x3 go to two cartridges in turn, in the order x2 x0 x3 x1: behind x2 lies x3, behind
 * x0 x1.  Of their set x1 follows x0, and x0 x3. */
static void neighbours(const char *policy, const int *next)
{
    static const uint32_t order[] = { 2, 0, 3, 1 };
    uint64_t x[4];
    early_by = kind_plain(&hsm_prefetches, policy);
    early_by.params[0] = 1; /* files */
    begin(HSM_STAGE_OPEN, 100 * PIECE);
    cr_assert_eq(fill(1, 1), FILE_OK);
    for (uint32_t i = 0; i < 4; i++) {
        char name[] = { 'x', (char)('0' + i), 0 };
        cr_assert_eq(lfs_world_create(&t.w, name, &x[i]), FILE_OK);
        t.file[0] = x[i];
        cr_assert_eq(fill(0, 2 * PIECE), FILE_OK);
    }
    for (uint32_t i = 0; i < 4; i++) {
        t.file[0] = x[order[i]];
        cr_assert_eq(hint(0, FILE_MIGRATE, 0), FILE_OK);
    }
    for (uint32_t life = 0; life < 2; life++) {
        for (uint32_t i = 0; i < 4; i++) {
            purge_all(x);
            (void)asks(t.file[1]); /* another file is read between */
            cr_assert(asks(x[i]));
            idle(SIM_SEC);
            for (uint32_t k = 0; k < 4; k++) {
                bool here = k == i || (int)k == next[i];
                t.file[0] = x[k];
                uint64_t was = fake_count(t.w.fake, 0, "hsm.purged");
                cr_assert_eq(hint(0, FILE_PURGE, 0), FILE_OK);
                cr_assert_eq(fake_count(t.w.fake, 0, "hsm.purged") > was, here, "%s: x%u of x%u",
                             policy, k, i);
            }
        }
        lfs_world_restart(&t.w); /* what lies where is asked for again */
        idle(70 * SIM_SEC);
    }
    end();
    early_by.kind = NULL;
}

Test(hsm_files, near_is_what_lies_behind_on_the_cartridge)
{
    neighbours("near", (const int[]){ 1, -1, 3, -1 });
}

Test(hsm_files, a_set_is_what_is_named_alike)
{
    neighbours("set", (const int[]){ 1, 2, 3, 0 });
}

/* What the layer says of each file's neighbours is what a look at all files finds. */
static void check_neighbours(uint64_t *behind, uint64_t *mates)
{
    struct hsm *h = CONTAINER_OF(t.w.top, struct hsm, sys);
    LIST_EACH (l, &h->files) {
        const struct hsm_file *f = LIST_ENTRY(l, struct hsm_file, link), *next = NULL;
        uint64_t first = f->rec.file, mate = UINT64_MAX;
        bool is_placed = f->placed != 0 && f->placed == f->rec.bitfile;
        LIST_EACH (k, &h->files) {
            const struct hsm_file *x = LIST_ENTRY(k, struct hsm_file, link);
            uint64_t file = x->rec.file;
            if (x->set == f->set && f->set != 0) {
                first = file < first ? file : first;
                mate = file > f->rec.file && file < mate ? file : mate;
            }
            if (is_placed && x->placed != 0 && x->placed == x->rec.bitfile &&
                x->volume == f->volume && x->first > f->first &&
                (next == NULL || x->first < next->first))
                next = x;
        }
        mate = mate == UINT64_MAX ? first : mate;
        cr_assert_eq(hsm_behind(h, f->rec.file), next != NULL ? next->rec.file : 0);
        cr_assert_eq(hsm_mate(h, f->rec.file), mate);
        *behind += next != NULL;
        *mates += mate != f->rec.file;
    }
}

/* Files are made, written, migrated, renamed and removed, while the archive fails now and then. */
Test(hsm_files, neighbours_are_those_that_a_look_at_all_finds)
{
    enum { MANY = 18 };
    uint64_t behind = 0, mates = 0;
    early_by = kind_plain(&hsm_prefetches, "near");
    for (uint64_t seed = 1; seed <= 6; seed++) {
        uint64_t file[MANY] = { 0 };
        begin(seed > 3 ? HSM_STAGE_OPEN : HSM_STAGE_DEMAND, 100 * PIECE);
        t.draws = seed;
        t.archive.fail_in = seed % 2 ? 6 : 0;
        t.params.age = seed % 3 ? 0 : 1000 * SIM_SEC;
        t.params.poll = seed % 3 ? 7 * SIM_MS : t.params.poll;
        for (uint32_t k = 0; k < 300; k++) {
            uint32_t i = draw(MANY), to = draw(MANY), what = draw(12);
            char name[8], other[8];
            (void)snprintf(name, sizeof name, "%c%u", (int)('x' + i % 3), i);
            (void)snprintf(other, sizeof other, "%c%u", (int)('x' + to % 3), to);
            t.file[0] = file[i];
            if (file[i] == 0)
                cr_assert_eq(lfs_world_create(&t.w, name, &file[i]), FILE_OK);
            else if (what < 4)
                (void)fill(0, 1 + draw(3 * PIECE));
            else if (what < 8)
                (void)hint(0, FILE_MIGRATE, 0);
            else if (what < 9 || (what < 10 && to % 2))
                (void)hint(0, FILE_PURGE, 0);
            else if (what < 10 && to != i &&
                     lfs_world_move(&t.w, FILE_ROOT, name, FILE_ROOT, other) == FILE_OK) {
                file[to] = file[i];
                file[i] = 0;
            } else if (what < 11 && lfs_world_op(&t.w, FILE_REMOVE, t.file[0], 0) == FILE_OK)
                file[i] = 0;
            else if (draw(6) == 0)
                lfs_world_restart(&t.w);
            check_neighbours(&behind, &mates);
            if (draw(3) == 0)
                idle(40 * SIM_SEC);
            for (uint32_t n = draw(60); n > 0 && fake_step(t.w.fake); n--)
                check_neighbours(&behind, &mates);
        }
        end();
    }
    early_by.kind = NULL;
    cr_assert(behind > 50000 && mates > 50000, "%d %d", (int)behind, (int)mates);
}

static uint32_t depth(const struct hsm_node *n)
{
    if (n == NULL)
        return 0;
    uint32_t l = depth(n->left), r = depth(n->right);
    return 1 + (l > r ? l : r);
}

/* Nodes that come and go against an array of them; and the way to one of many that came in order is
 * a few times the logarithm. */
Test(hsm_files, an_index_finds_the_next)
{
    enum { N = 60, MANY = 1 << 16 };
    static struct hsm_node node[N], many[MANY];
    struct hsm_node *root = NULL;
    t.draws = 3;
    for (uint32_t k = 0; k < 20000; k++) {
        uint32_t i = draw(N);
        if (draw(3) > 0)
            hsm_index_put(&root, &node[i], (struct hsm_key){ draw(4), draw(9), i });
        else
            hsm_index_drop(&root, &node[i]);
        struct hsm_key from = { draw(4), draw(9), draw(N) };
        uint64_t order = (from.row * 9 + from.at) * N + from.file, least = UINT64_MAX;
        const struct hsm_node *best = NULL;
        for (uint32_t n = 0; n < N; n++) {
            uint64_t at = (node[n].key.row * 9 + node[n].key.at) * N + node[n].key.file;
            if (node[n].in && at > order && at < least) {
                least = at;
                best = &node[n];
            }
        }
        cr_assert_eq(hsm_index_next(root, from), best);
    }
    root = NULL;
    for (uint32_t i = 0; i < MANY; i++)
        hsm_index_put(&root, &many[i], (struct hsm_key){ 1, i, 1 + i });
    cr_assert_lt(depth(root), 64);
    for (uint32_t i = 0; i < MANY; i += 2)
        hsm_index_drop(&root, &many[i]);
    cr_assert_lt(depth(root), 64);
    for (uint32_t i = 1; i + 2 < MANY; i += 2)
        cr_assert_eq(hsm_index_next(root, many[i].key), &many[i + 2]);
}

/* ---- the layer against the shelf (workloads/tape/shelf.h) ----
 *
 * The same reads of files that are all in the archive, one a second, by the same policy of purge:
 * each is a hit of both, or of none.  `pieces` > 1: files alike, of which a piece is read at
 * a time; else all of a file.
 *
 * What is not alike by design has no part in it: the time that files take to come (gds_cost),
 * marks below the whole space, before which the shelf purges and behind which the layer does, and
 * chances, which hang on handles. */

static void as_the_shelf(const char *policy, uint32_t pieces)
{
    enum { N = 24, READS = 400 };
    uint64_t file[N], size[N], misses, purges, staged, hits;
    replace_by = kind_plain(&hsm_replacements, policy);
    uint64_t mean = pieces > 1 ? pieces * PIECE : 4 * PIECE;
    begin(pieces > 1 ? HSM_STAGE_DEMAND : HSM_STAGE_OPEN, (pieces > 1 ? 7 : 4) * mean);
    t.draws = 5;
    t.params.start = 100;
    for (uint32_t i = 0; i < N; i++) {
        char name[] = { 'x', (char)('a' + i), 0 };
        uint64_t n = pieces > 1 ? mean : 100 + draw(3) * draw(3) * draw(PIECE) + draw(2 * PIECE);
        cr_assert_eq(lfs_world_create(&t.w, name, &file[i]), FILE_OK);
        cr_assert(i == 0 || file[i] > file[i - 1], "of equal values the lower handle goes");
        t.file[0] = file[i];
        cr_assert_eq(fill(0, n), FILE_OK);
        cr_assert_eq(hint(0, FILE_MIGRATE, 0), FILE_OK);
        cr_assert_eq(hint(0, FILE_PURGE, 0), FILE_OK);
        size[i] = n;
    }
    const struct shelf_params s = { .room = t.space,
                                    .high = 1,
                                    .low = 1,
                                    .whole = pieces == 1,
                                    .replace = replace_by,
                                    .prefetch = kind_plain(&hsm_prefetches, "none") };
    struct shelf *x = shelf_create(t.w.node.port, &s, N, pieces, size);
    const struct shelf_counts *c = shelf_counts(x);
    hits = fake_count(t.w.fake, 0, "hsm.hits");
    misses = fake_count(t.w.fake, 0, "hsm.misses");
    purges = fake_count(t.w.fake, 0, "hsm.purges");
    staged = fake_count(t.w.fake, 0, "hsm.staged");
    sim_time since = fake_now(t.w.fake);
    for (uint32_t k = 0; k < READS; k++) {
        uint32_t a = draw(N), b = draw(N), piece = draw(pieces);
        uint32_t i = a < b ? a : b;
        uint64_t n = size[i] / pieces;
        uint64_t calls = t.archive.calls[BITFILE_READ];
        fake_run_until(t.w.fake, since + (sim_time)(k + 1) * SIM_SEC);
        t.file[0] = file[i];
        cr_assert_eq(read_at(0, piece * n, n, 0), FILE_OK);
        cr_assert_eq(shelf_read(x, i, piece), t.archive.calls[BITFILE_READ] == calls,
                     "%s, %u pieces: read %u, of file %u", policy, pieces, k, i);
    }
    cr_assert(c->hits > READS / 10 && c->hits < READS * 9 / 10 && c->purged > READS / 10);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.hits") - hits, c->hits);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.misses") - misses, c->reads - c->hits);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.purges") - purges, c->purged);
    cr_assert_eq(fake_count(t.w.fake, 0, "hsm.staged") - staged, c->bytes - c->hit_bytes);
    shelf_free(x);
    end();
    replace_by.kind = NULL;
}

Test(hsm_files, hit_what_is_reckoned_from_references)
{
    static const char *const policies[] = { "lru", "mru", "size", "stp", "stp14", "gds" };
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        as_the_shelf(policies[i], 1);
        as_the_shelf(policies[i], 4);
    }
}
