/* test_pfs.c: PFS on the fake port: every mode, against shadow arrays, limits, losses, crashes. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "tests/os/pfs_world.h"

static uint32_t draw(uint64_t *state, uint32_t n)
{
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(*state >> 33) % n;
}

/* ---- M_ASYNC against a byte array ---- */

enum { REGION = 20000, TURNS = 60 };

/* Each rank has a region of the shared file to itself. */
static void random_region(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    uint8_t *want = calloc(1, REGION), *got = malloc(REGION);
    uint64_t state = 1000 + rank, base = (uint64_t)rank * REGION;
    enum pfs_mode mode = *(enum pfs_mode *)w->arg;
    size_t n;
    cr_assert_eq(pfs_gopen(c, "shared", PFS_O_CREATE, mode, rank, w->compute, NULL, &f), PFS_OK);
    for (int t = 0; t < TURNS; t++) {
        uint32_t off = draw(&state, REGION), len = 1 + draw(&state, draw(&state, 2) ? 9000 : 200);
        if (len > REGION - off)
            len = REGION - off;
        if (draw(&state, 2)) {
            memset(want + off, (int)(1 + draw(&state, 255)), len);
            cr_assert_eq(pfs_world_write(w, f, base + off, want + off, len), PFS_OK);
        } else {
            cr_assert_eq(pfs_world_read(w, f, base + off, got, len, &n), PFS_OK);
            cr_assert(memcmp(got, want + off, n) == 0, "rank %u, offset %u", rank, off);
        }
    }
    cr_assert_eq(pfs_close(f), PFS_OK);
    free(want);
    free(got);
}

/* Every rank reads the whole file after all have written. */
static void write_then_read_all(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    static uint8_t bytes[RIG_NODES][5001];
    uint8_t *got = malloc(64 * 5001);
    size_t n;
    enum pfs_mode mode = *(enum pfs_mode *)w->arg;
    cr_assert_eq(pfs_gopen(c, "all", PFS_O_CREATE, mode, rank, w->compute, NULL, &f), PFS_OK);
    for (size_t i = 0; i < sizeof bytes[0]; i++)
        bytes[rank][i] = (uint8_t)(1 + (rank * 83 + i * 7) % 255);
    cr_assert_eq(pfs_world_write(w, f, rank * sizeof bytes[0], bytes[rank], sizeof bytes[0]),
                 PFS_OK);
    cr_assert_eq(pfs_agree(c, "first", w->compute, rank == 1 ? PFS_NO_SPACE : PFS_NO_FILE),
                 w->compute > 1 ? PFS_NO_SPACE : PFS_NO_FILE);
    cr_assert_eq(pfs_agree(c, "written", w->compute, PFS_OK), PFS_OK);
    cr_assert_eq(pfs_world_read(w, f, 0, got, 64 * 5001, &n), PFS_OK);
    cr_assert_eq(n, w->compute * sizeof bytes[0], "the size is what all have written");
    cr_assert_eq(memcmp(got, bytes, n), 0);
    cr_assert_eq(pfs_close(f), PFS_OK);
    free(got);
}

static void run_both(struct pfs_world *w, struct fake_options o, enum pfs_mode mode)
{
    w->arg = &mode;
    pfs_world_start(w, o);
    pfs_world_run(w, random_region);
    pfs_world_run(w, write_then_read_all);
    pfs_world_stop(w);
}

/* PFS1. */
Test(pfs, random_requests_agree_with_a_byte_array)
{
    struct pfs_world w;
    static const enum pfs_mode modes[] = { M_ASYNC, M_UNIX };
    for (int m = 0; m < 2; m++) {
        pfs_world_defaults(&w, 5, 3);
        run_both(&w, (struct fake_options){ .seed = 1 }, modes[m]);
        pfs_world_defaults(&w, 3, 4);
        run_both(&w, (struct fake_options){ .seed = 2, .order = FAKE_RANDOM }, modes[m]);
    }
}

Test(pfs, tiny_limits_change_nothing)
{
    struct pfs_world w;
    static const enum pfs_mode modes[] = { M_ASYNC, M_UNIX };
    for (int m = 0; m < 2; m++) {
        pfs_world_defaults(&w, 4, 3);
        w.params.window = 1;
        w.params.depth = 1;
        w.params.pool = 1;
        w.params.rpc = 1024;
        w.params.unit = 7;
        w.lfs.cache = 1;
        w.lfs.max_io = 512;
        w.graph = "mesh driver; blast blast <mesh; chan chan <blast; "
                  "rpc select <chan channels=1 queue=1";
        run_both(&w, (struct fake_options){ .seed = 5, .order = FAKE_RANDOM }, modes[m]);
    }
}

Test(pfs, lost_and_doubled_frames_change_nothing)
{
    struct pfs_world w;
    static const enum pfs_mode modes[] = { M_ASYNC, M_UNIX };
    for (int m = 0; m < 2; m++) {
        pfs_world_defaults(&w, 3, 3);
        run_both(&w,
                 (struct fake_options){ .seed = 7,
                                        .lossy = true,
                                        .unordered = true,
                                        .drop_ppm = 5000,
                                        .duplicate_ppm = 20000,
                                        .delay_ppm = 20000 },
                 modes[m]);
    }
}

Test(pfs, faults_as_a_layer_of_the_graph_change_nothing)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 3, 3);
    w.graph = "mesh driver; vdrop vdrop <mesh every=97 duplicate=0.01 delay=0.01; "
              "blast blast <vdrop; chan chan <blast; rpc select <chan";
    run_both(&w, (struct fake_options){ .seed = 8 }, M_UNIX);
}

/* ---- M_UNIX: each request is atomic; M_ASYNC is the control ---- */

static bool torn;

static void write_all_over(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    uint8_t bytes[9000], got[9000];
    size_t n;
    enum pfs_mode mode = *(enum pfs_mode *)w->arg;
    cr_assert_eq(pfs_gopen(c, "one", PFS_O_CREATE, mode, rank, w->compute, NULL, &f), PFS_OK);
    for (int t = 0; t < 12; t++) {
        memset(bytes, (int)(1 + rank), sizeof bytes);
        cr_assert_eq(pfs_world_write(w, f, 100, bytes, sizeof bytes), PFS_OK);
        cr_assert_eq(pfs_world_read(w, f, 100, got, sizeof got, &n), PFS_OK);
        for (size_t i = 0; i < n; i++)
            torn = torn || got[i] != got[0];
    }
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs, m_unix_requests_are_atomic_and_m_async_ones_are_not)
{
    struct pfs_world w;
    static const enum pfs_mode modes[] = { M_UNIX, M_ASYNC };
    for (int m = 0; m < 2; m++) {
        torn = false;
        for (uint64_t seed = 1; seed < 6; seed++) {
            enum pfs_mode mode = modes[m];
            pfs_world_defaults(&w, 4, 3);
            w.arg = &mode;
            pfs_world_start(&w, (struct fake_options){ .seed = seed, .order = FAKE_RANDOM });
            pfs_world_run(&w, write_all_over);
            pfs_world_stop(&w);
        }
        cr_assert_eq(torn, modes[m] == M_ASYNC);
    }
}

/* ---- the modes with a rule for the offset ---- */

static void in_records(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    enum { L = 1500, K = 5 };
    uint8_t bytes[L], all[64 * L];
    struct rope data;
    size_t n;
    cr_assert_eq(pfs_gopen(c, "rec", PFS_O_CREATE, M_RECORD, rank, w->compute, NULL, &f), PFS_OK);
    for (uint32_t k = 0; k < K; k++) {
        memset(bytes, (int)(1 + k * w->compute + rank), L);
        rope_init(&data);
        rope_add_bytes(&data, bytes, L);
        cr_assert_eq(pfs_write(f, &data), PFS_OK);
        cr_assert_eq(data.length, 0);
    }
    rope_init(&data);
    rope_add_bytes(&data, bytes, L - 1);
    cr_assert_eq(pfs_write(f, &data), PFS_BAD_RECORD);
    cr_assert_eq(pfs_agree(c, "recs", w->compute, PFS_OK), PFS_OK);
    cr_assert_eq(pfs_setiomode(f, M_ASYNC), PFS_OK);
    cr_assert_eq(pfs_world_read(w, f, 0, all, sizeof all, &n), PFS_OK);
    cr_assert_eq(n, K * w->compute * L);
    for (size_t i = 0; i < n; i++)
        cr_assert_eq(all[i], 1 + i / L, "record %zu", i / L);
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs, m_record_puts_request_k_of_rank_i_at_record_k_ranks_plus_i)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 5, 3);
    pfs_world_start(&w, (struct fake_options){ .order = FAKE_RANDOM, .seed = 3 });
    pfs_world_run(&w, in_records);
    pfs_world_stop(&w);
}

/* Each rank appends lines of its own length; later every line is there once and whole. */
static void as_a_log(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    enum { K = 6 };
    uint8_t bytes[3000], *all = malloc(100000);
    uint32_t seen[RIG_NODES] = { 0 };
    struct rope data;
    size_t n, len = 200 + 331 * rank;
    cr_assert_eq(pfs_gopen(c, "log", PFS_O_CREATE, M_LOG, rank, w->compute, NULL, &f), PFS_OK);
    for (uint32_t k = 0; k < K; k++) {
        memset(bytes, (int)(1 + rank), len);
        bytes[0] = 0xff;
        rope_init(&data);
        rope_add_bytes(&data, bytes, len);
        cr_assert_eq(pfs_write(f, &data), PFS_OK);
    }
    cr_assert_eq(pfs_agree(c, "logged", w->compute, PFS_OK), PFS_OK);
    cr_assert_eq(pfs_setiomode(f, M_ASYNC), PFS_OK);
    cr_assert_eq(pfs_world_read(w, f, 0, all, 100000, &n), PFS_OK);
    cr_assert_eq(n, K * (w->compute * 200 + 331 * w->compute * (w->compute - 1) / 2));
    for (size_t at = 0; at < n;) {
        uint32_t who = all[at + 1] - 1u;
        cr_assert_eq(all[at], 0xff);
        cr_assert_lt(who, w->compute);
        for (size_t i = 1; i < 200 + 331 * who; i++)
            cr_assert_eq(all[at + i], who + 1);
        seen[who]++;
        at += 200 + 331 * who;
    }
    for (uint32_t i = 0; i < w->compute; i++)
        cr_assert_eq(seen[i], K);
    cr_assert_eq(pfs_close(f), PFS_OK);
    free(all);
}

Test(pfs, m_log_gives_each_request_the_next_range)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 5, 3);
    pfs_world_start(&w, (struct fake_options){ .order = FAKE_RANDOM, .seed = 4 });
    pfs_world_run(&w, as_a_log);
    pfs_world_stop(&w);
}

static void in_order(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    enum { K = 4 };
    uint8_t bytes[3000], *all = malloc(100000);
    struct rope data;
    size_t n, at = 0;
    cr_assert_eq(pfs_gopen(c, "sync", PFS_O_CREATE, M_SYNC, rank, w->compute, NULL, &f), PFS_OK);
    for (uint32_t k = 0; k < K; k++) {
        memset(bytes, (int)(1 + k * w->compute + rank), sizeof bytes);
        rope_init(&data);
        rope_add_bytes(&data, bytes, 100 + 177 * rank);
        cr_assert_eq(pfs_write(f, &data), PFS_OK);
    }
    cr_assert_eq(pfs_agree(c, "synced", w->compute, PFS_OK), PFS_OK);
    cr_assert_eq(pfs_setiomode(f, M_ASYNC), PFS_OK);
    cr_assert_eq(pfs_world_read(w, f, 0, all, 100000, &n), PFS_OK);
    for (uint32_t k = 0; k < K; k++)
        for (uint32_t i = 0; i < w->compute; i++)
            for (uint32_t b = 0; b < 100 + 177 * i; b++, at++)
                cr_assert_eq(all[at], 1 + k * w->compute + i, "byte %zu", at);
    cr_assert_eq(n, at);
    cr_assert_eq(pfs_close(f), PFS_OK);
    free(all);
}

Test(pfs, m_sync_serves_ranks_in_order)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 5, 3);
    pfs_world_start(&w, (struct fake_options){ .order = FAKE_RANDOM, .seed = 9 });
    pfs_world_run(&w, in_order);
    pfs_world_stop(&w);
}

static void all_the_same(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    enum { L = 9001, K = 3 };
    uint8_t bytes[L];
    struct rope data, want;
    cr_assert_eq(pfs_gopen(c, "global", PFS_O_CREATE, M_GLOBAL, rank, w->compute, NULL, &f),
                 PFS_OK);
    for (uint32_t k = 0; k < K; k++) {
        rope_init(&data);
        rope_add_pattern(&data, 31, k * L, L);
        cr_assert_eq(pfs_write(f, &data), PFS_OK);
    }
    cr_assert_eq(pfs_setiomode(f, M_GLOBAL), PFS_OK);
    for (uint32_t k = 0; k < K; k++) {
        cr_assert_eq(pfs_read(f, L, &data), PFS_OK);
        rope_init(&want);
        rope_add_pattern(&want, 31, k * L, L);
        cr_assert(rope_equal(&data, &want), "rank %u, request %u", rank, k);
        rope_fini(&want);
        rope_fini(&data);
    }
    memset(bytes, 0, L);
    rope_init(&data);
    rope_add_bytes(&data, bytes, rank == 0 ? 10 : 11);
    cr_assert_eq(pfs_write(f, &data), PFS_BAD_RECORD);
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs, m_global_gives_all_ranks_the_same_bytes_of_one_transfer)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 7, 3);
    pfs_world_start(&w, (struct fake_options){ .order = FAKE_RANDOM, .seed = 11 });
    pfs_world_run(&w, all_the_same);
    pfs_world_stop(&w);
}

/* Eight requests at once, over one channel to each child and a queue of one call: parts of rank 0's
 * transfers wait for room. */
static void all_at_once(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    enum { L = 5000, K = 8 };
    struct pfs_file *f = NULL;
    struct pfs_req r[K];
    struct rope want;
    cr_assert_eq(pfs_gopen(c, "burst", PFS_O_CREATE, M_GLOBAL, rank, w->compute, NULL, &f), PFS_OK);
    for (int op = 0; op < 2; op++) {
        for (uint32_t k = 0; k < K; k++) {
            pfs_req_init(&r[k], op ? PFS_READ : PFS_WRITE, f);
            r[k].len = L;
            if (!op)
                rope_add_pattern(&r[k].data, 33, k * L, L);
            pfs_submit(&r[k]);
        }
        for (uint32_t k = 0; k < K; k++) {
            cr_assert_eq(pfs_wait(&r[k]), PFS_OK);
            rope_init(&want);
            rope_add_pattern(&want, 33, k * L, op ? L : 0);
            cr_assert(rope_equal(&r[k].data, &want), "rank %u, request %u", rank, k);
            rope_fini(&want);
            rope_fini(&r[k].data);
        }
        cr_assert_eq(pfs_setiomode(f, M_GLOBAL), PFS_OK);
    }
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs, m_global_waits_for_room_in_the_queue_of_calls)
{
    for (uint64_t seed = 1; seed <= 4; seed++) {
        struct pfs_world w;
        pfs_world_defaults(&w, 4, 3);
        w.params.rpc = 1024;
        w.graph = "mesh driver; blast blast <mesh; chan chan <blast; "
                  "rpc select <chan channels=1 queue=1";
        pfs_world_start(&w, (struct fake_options){ .order = FAKE_RANDOM, .seed = seed });
        pfs_world_run(&w, all_at_once);
        pfs_world_stop(&w);
    }
}

/* Rank 0 makes the file longer, two requests at a time, while the others take the token from it:
 * its next request for the token may overtake its answer to the recall, which has the new size. */
static void grows_under_recalls(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    cr_assert_eq(pfs_gopen(c, "grows", PFS_O_CREATE, M_UNIX, rank, w->compute, NULL, &f), PFS_OK);
    for (uint64_t k = 0; k < 6; k++) {
        struct pfs_req r[2];
        for (uint64_t i = 0; i < 2; i++) {
            pfs_req_init(&r[i], rank == 0 && i == 0 ? PFS_WRITE : PFS_READ, f);
            r[i].at = true;
            r[i].off = rank == 0 ? 100 * k : 0;
            r[i].len = 100;
            if (r[i].op == PFS_WRITE)
                rope_add_pattern(&r[i].data, 34, 100 * k, 100);
            pfs_submit(&r[i]);
        }
        for (uint64_t i = 0; i < 2; i++) {
            cr_assert_eq(pfs_wait(&r[i]), PFS_OK);
            cr_assert(rank > 0 || r[i].moved == 100, "what was written is not there: %d",
                      (int)r[i].moved);
            rope_fini(&r[i].data);
        }
    }
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs, a_size_is_not_lost_when_the_token_is_asked_for_before_its_recall_is_answered)
{
    for (uint64_t seed = 1; seed <= 40; seed++) {
        struct pfs_world w;
        pfs_world_defaults(&w, 3, 2);
        pfs_world_start(
            &w, (struct fake_options){ .order = FAKE_RANDOM, .unordered = true, .seed = seed });
        pfs_world_run(&w, grows_under_recalls);
        pfs_world_stop(&w);
    }
}

/* Rank 0 makes the file longer.  Files are closed with the token and opened anew while others take
 * it: a recall of the grant that went back with the close may come when the next is asked for or
 * held, and its own recall after it. */
static void reopens_under_recalls(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    (void)w;
    for (uint64_t k = 0; k < 8; k++) {
        struct pfs_file *f = NULL;
        struct pfs_req r[4];
        cr_assert_eq(pfs_open(c, "again", PFS_O_CREATE, M_UNIX, 0, 1, NULL, &f), PFS_OK);
        for (uint64_t i = 0; i < ARRAY_LEN(r); i++) {
            pfs_req_init(&r[i], i < 2 ? PFS_WRITE : PFS_READ, f);
            r[i].at = true;
            r[i].off = 100 * (2 * k + (i & 1)) + (rank == 0 ? 10000 : 0);
            r[i].len = 100;
            if (r[i].op == PFS_WRITE)
                rope_add_pattern(&r[i].data, 35, r[i].off, 100);
            pfs_submit(&r[i]);
        }
        for (uint64_t i = 0; i < ARRAY_LEN(r); i++) {
            cr_assert_eq(pfs_wait(&r[i]), PFS_OK);
            cr_assert_eq(r[i].moved, 100, "what was written is not there: %d", (int)r[i].moved);
            rope_fini(&r[i].data);
        }
        cr_assert_eq(pfs_close(f), PFS_OK);
    }
}

/* Holds a recall back until the next one to the same node, and lets it come just before that. */
struct held {
    struct fake *f;
    uint32_t service, dst, released;
    uint8_t bytes[256];
    size_t length; /* 0: none is held */
};

static bool hold_recalls(void *arg, uint32_t src, uint32_t dst, struct rope *frame)
{
    enum { FLAGS = 8 + 2, FROM_CLIENT = 1 }; /* of CHAN's header behind that of the mesh */
    struct held *h = arg;
    uint8_t flags = 0;
    if (src != h->service || frame->length <= FLAGS)
        return true;
    rope_read(frame, FLAGS, 1, &flags);
    if ((flags & FROM_CLIENT) == 0)
        return true;
    if (h->length == 0) {
        cr_assert_leq(frame->length, sizeof h->bytes);
        h->dst = dst;
        h->length = frame->length;
        rope_read(frame, 0, h->length, h->bytes);
        return false;
    }
    if (dst == h->dst) {
        size_t length = h->length;
        h->length = 0;
        h->released++;
        fake_inject(h->f, src, dst, h->bytes, length);
    }
    return true;
}

Test(pfs, a_late_recall_of_a_grant_that_is_over_does_not_hide_the_next)
{
    for (uint64_t seed = 1; seed <= 20; seed++) {
        struct pfs_world w;
        pfs_world_defaults(&w, 3, 2);
        w.params.rpc = 1024;
        w.graph = "mesh driver; chan chan <mesh; rpc select <chan";
        pfs_world_start(&w, (struct fake_options){ .unordered = true,
                                                   .order = seed > 1 ? FAKE_RANDOM : FAKE_IN_ORDER,
                                                   .seed = seed });
        struct held h = { .f = w.r.f, .service = w.layout.service };
        fake_on_frame(w.r.f, hold_recalls, &h);
        pfs_world_run(&w, reopens_under_recalls);
        cr_assert_gt(h.released, 0);
        fake_on_frame(w.r.f, NULL, NULL);
        if (h.length > 0)
            fake_inject(w.r.f, h.service, h.dst, h.bytes, h.length);
        fake_run(w.r.f, 0);
        pfs_world_stop(&w);
    }
}

/* ---- names, pointers, sizes ---- */

static void names_and_pointers(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL, *g = NULL;
    struct pfs_attrs attrs = { .unit = 512, .factor = 2, .group = { 2, 0 } };
    struct rope data;
    char name[PFS_NAME_MAX + 2];
    uint64_t size;
    (void)rank;
    memset(name, 'n', sizeof name);
    name[PFS_NAME_MAX + 1] = 0;
    cr_assert_eq(pfs_open(c, "x", 0, M_UNIX, 0, 1, NULL, &f), PFS_NO_FILE);
    cr_assert_eq(pfs_open(c, "", PFS_O_CREATE, M_UNIX, 0, 1, NULL, &f), PFS_BAD_NAME);
    cr_assert_eq(pfs_open(c, name, PFS_O_CREATE, M_UNIX, 0, 1, NULL, &f), PFS_BAD_NAME);
    cr_assert_eq(pfs_unlink(c, "x"), PFS_NO_FILE);
    attrs.factor = w->io + 1;
    cr_assert_eq(pfs_open(c, "x", PFS_O_CREATE, M_UNIX, 0, 1, &attrs, &f), PFS_BAD_ATTRS);
    attrs.factor = 2;
    attrs.group[1] = w->io;
    cr_assert_eq(pfs_open(c, "x", PFS_O_CREATE, M_UNIX, 0, 1, &attrs, &f), PFS_BAD_ATTRS);
    attrs.group[1] = 0;
    cr_assert_eq(pfs_open(c, "x", PFS_O_CREATE, M_UNIX, 0, 1, &attrs, &f), PFS_OK);
    cr_assert_eq(pfs_open(c, "x", PFS_O_CREATE | PFS_O_EXCL, M_UNIX, 0, 1, NULL, &g), PFS_EXISTS);
    cr_assert_eq(pfs_file_attrs(f)->factor, 2);
    cr_assert_eq(pfs_file_attrs(f)->group[0], 2);
    rope_init(&data);
    rope_add_pattern(&data, 1, 0, 3000);
    cr_assert_eq(pfs_write(f, &data), PFS_OK);
    cr_assert_eq(pfs_tell(f), 3000);
    pfs_lseek(f, 2500);
    cr_assert_eq(pfs_read(f, 1000, &data), PFS_OK);
    cr_assert_eq(data.length, 500, "a read stops at the end");
    cr_assert_eq(pfs_tell(f), 3000);
    rope_fini(&data);
    cr_assert_eq(pfs_read(f, 1000, &data), PFS_OK);
    cr_assert_eq(data.length, 0);
    cr_assert_eq(pfs_lsize(f, 100000), PFS_OK);
    cr_assert_eq(pfs_size(f, &size), PFS_OK);
    cr_assert_eq(size, 100000);
    cr_assert_eq(pfs_open(c, "x", PFS_O_TRUNC, M_ASYNC, 0, 1, NULL, &g), PFS_OK);
    cr_assert_eq(pfs_size(g, &size), PFS_OK);
    cr_assert_eq(size, 0);
    cr_assert_eq(pfs_close(g), PFS_OK);
    cr_assert_eq(pfs_unlink(c, "x"), PFS_OK);
    pfs_lseek(f, 0);
    cr_assert_eq(pfs_read(f, 10, &data), PFS_OK, "the token is held: nobody is asked");
    rope_fini(&data);
    (void)pfs_close(f);
    cr_assert_eq(pfs_open(c, "x", 0, M_UNIX, 0, 1, NULL, &f), PFS_NO_FILE);
    /* A size that is set by who has never held the token is known to the next that opens. */
    cr_assert_eq(pfs_open(c, "y", PFS_O_CREATE, M_UNIX, 0, 1, NULL, &f), PFS_OK);
    cr_assert_eq(pfs_lsize(f, 5000), PFS_OK);
    cr_assert_eq(pfs_close(f), PFS_OK);
    cr_assert_eq(pfs_open(c, "y", 0, M_UNIX, 0, 1, NULL, &f), PFS_OK);
    cr_assert_eq(pfs_size(f, &size), PFS_OK);
    cr_assert_eq(size, 5000);
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs, names_pointers_and_sizes_do_as_the_header_says)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 1, 3);
    pfs_world_start(&w, (struct fake_options){ .seed = 1 });
    pfs_world_run(&w, names_and_pointers);
    pfs_world_stop(&w);
}

Test(pfs, a_factor_above_the_io_nodes_is_a_sentence)
{
    struct os_layout l = { .io_count = 3 };
    struct pfs_params p = { .factor = 4 };
    struct err e = ERR_INIT;
    cr_assert_not(pfs_check(&p, &l, "machine.os.pfs", &e));
    cr_assert(strstr(e.text, "machine.os.pfs.factor") && strstr(e.text, "4") &&
                  strstr(e.text, "3 I/O nodes"),
              "%s", e.text);
    p.factor = 3;
    e = (struct err)ERR_INIT;
    cr_assert(pfs_check(&p, &l, "machine.os.pfs", &e));
}

/* ---- failures ---- */

static void with_a_bad_disk(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    uint8_t bytes[8192], got[8192];
    size_t n;
    (void)rank;
    memset(bytes, 3, sizeof bytes);
    cr_assert_eq(pfs_open(c, "x", PFS_O_CREATE, M_ASYNC, 0, 1, NULL, &f), PFS_OK);
    cr_assert_eq(pfs_world_write(w, f, 0, bytes, sizeof bytes), PFS_OK);
    cr_assert_eq(pfs_sync(f), PFS_OK);
    w->bad_disk = pfs_world_io_node(w, 1);
    w->bad_reads = true;
    cr_assert_eq(pfs_world_write(w, f, 8192, bytes, 10000 - 8192), PFS_OK, "other I/O nodes");
    cr_assert_eq(pfs_world_read(w, f, 0, got, 8192, &n), PFS_IO_ERROR);
    cr_assert_eq(n, 0);
    w->bad_reads = false;
    cr_assert_eq(pfs_world_read(w, f, 0, got, 8192, &n), PFS_OK);
    cr_assert_eq(memcmp(got, bytes, 8192), 0);
    w->bad_writes = true;
    cr_assert_eq(pfs_world_write(w, f, 0, bytes, 8192), PFS_IO_ERROR);
    w->bad_writes = false;
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs, a_disk_error_is_handed_up_and_passes)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 1, 2);
    w.params.unit = 4096; /* whole blocks: the fast path */
    pfs_world_start(&w, (struct fake_options){ .seed = 1 });
    pfs_world_run(&w, with_a_bad_disk);
    pfs_world_stop(&w);
}

static void until_full(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    static uint8_t bytes[30000], got[30000];
    enum pfs_status s = PFS_OK;
    uint64_t off = 0, size;
    size_t n;
    (void)rank;
    memset(bytes, 9, sizeof bytes);
    cr_assert_eq(pfs_open(c, "x", PFS_O_CREATE, M_ASYNC, 0, 1, NULL, &f), PFS_OK);
    while ((s = pfs_world_write(w, f, off, bytes, sizeof bytes)) == PFS_OK)
        off += sizeof bytes;
    cr_assert_eq(s, PFS_NO_SPACE);
    cr_assert_gt(off, 100000);
    cr_assert_eq(pfs_size(f, &size), PFS_OK);
    cr_assert_eq(size, off, "the size does not cover what failed (PFS2)");
    cr_assert_eq(pfs_world_read(w, f, off - sizeof got, got, sizeof got, &n), PFS_OK);
    cr_assert_eq(memcmp(got, bytes, n), 0);
    cr_assert_eq(pfs_lsize(f, 10000000), PFS_NO_SPACE);
    cr_assert_eq(pfs_close(f), PFS_OK);
    cr_assert_eq(pfs_unlink(c, "x"), PFS_OK);
    cr_assert_eq(pfs_open(c, "y", PFS_O_CREATE, M_ASYNC, 0, 1, NULL, &f), PFS_OK);
    cr_assert_eq(pfs_world_write(w, f, 0, bytes, sizeof bytes), PFS_OK);
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs, a_full_io_node_is_handed_up)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 1, 2);
    pfs_world_start(&w, (struct fake_options){ .seed = 1, .disk_sectors = 400 });
    pfs_world_run(&w, until_full);
    pfs_world_stop(&w);
}

static struct pfs_file *kept_file;
static uint8_t kept[20000];

static void before_crash(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    (void)rank;
    for (size_t i = 0; i < sizeof kept; i++)
        kept[i] = (uint8_t)(i * 7 + i / 300);
    cr_assert_eq(pfs_open(c, "k", PFS_O_CREATE, M_ASYNC, 0, 1, NULL, &kept_file), PFS_OK);
    cr_assert_eq(pfs_world_write(w, kept_file, 0, kept, sizeof kept), PFS_OK);
    cr_assert_eq(pfs_sync(kept_file), PFS_OK);
}

static void while_down(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    uint8_t got[20000];
    size_t n;
    (void)rank;
    (void)c;
    cr_assert_eq(pfs_world_read(w, kept_file, 0, got, sizeof got, &n), PFS_SERVER_DOWN);
    cr_assert_eq(pfs_world_write(w, kept_file, 0, kept, sizeof kept), PFS_SERVER_DOWN);
}

static void after_restart(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    uint8_t got[20000];
    size_t n;
    (void)rank;
    port_thread_sleep(fake_port(w->r.f, 0), 10 * SIM_MS); /* until it is known */
    (void)c;
    enum pfs_status s = pfs_world_read(w, kept_file, 0, got, sizeof got, &n);
    cr_assert_eq(s, PFS_OK, "%s", pfs_status_name(s));
    cr_assert_eq(n, sizeof kept);
    cr_assert_eq(memcmp(got, kept, n), 0, "the I/O node has mounted what it had");
    cr_assert_eq(pfs_close(kept_file), PFS_OK);
}

Test(pfs, an_io_node_that_crashed_and_came_back_has_its_files)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 1, 3);
    pfs_world_start(&w, (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    pfs_world_run(&w, before_crash);
    fake_crash(w.r.f, pfs_world_io_node(&w, 1));
    pfs_world_run(&w, while_down);
    fake_restart(w.r.f, pfs_world_io_node(&w, 1));
    pfs_world_run(&w, after_restart);
    pfs_world_stop(&w);
}

static void written(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    before_crash(w, c, rank);
    cr_assert_eq(pfs_world_write(w, kept_file, 0, kept, sizeof kept), PFS_OK);
}

static void synced_after_restart(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    (void)c;
    (void)rank;
    port_thread_sleep(fake_port(w->r.f, 0), 10 * SIM_MS);
    cr_assert_eq(pfs_sync(kept_file), PFS_SERVER_DOWN, "what was written may be lost");
    cr_assert_eq(pfs_sync(kept_file), PFS_OK, "it is told once");
    cr_assert_eq(pfs_lsize(kept_file, 100), PFS_OK);
    cr_assert_eq(pfs_sync(kept_file), PFS_OK, "in the life of now");
    cr_assert_eq(pfs_close(kept_file), PFS_OK);
}

Test(pfs, a_sync_says_that_an_io_node_lost_what_was_written)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 1, 3);
    pfs_world_start(&w, (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    pfs_world_run(&w, written);
    fake_crash(w.r.f, pfs_world_io_node(&w, 1));
    fake_restart(w.r.f, pfs_world_io_node(&w, 1));
    pfs_world_run(&w, synced_after_restart);
    pfs_world_stop(&w);
}

static void without_service(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    static struct pfs_file *unix_file;
    uint8_t got[20000];
    size_t n;
    (void)rank;
    if (!unix_file) {
        cr_assert_eq(pfs_open(c, "u", PFS_O_CREATE, M_UNIX, 0, 1, NULL, &unix_file), PFS_OK);
        cr_assert_eq(pfs_world_write(w, unix_file, 0, kept, 10), PFS_OK);
        return;
    }
    port_thread_sleep(fake_port(w->r.f, 0), 10 * SIM_MS);
    cr_assert_eq(pfs_world_read(w, kept_file, 0, got, sizeof got, &n), PFS_OK);
    cr_assert_eq(n, sizeof kept);
    cr_assert_eq(pfs_world_write(w, unix_file, 0, kept, 10), PFS_STALE);
    struct pfs_file *f;
    cr_assert_eq(pfs_open(c, "k", 0, M_ASYNC, 0, 1, NULL, &f), PFS_NO_FILE);
}

/* PFS4. */
Test(pfs, after_a_crash_of_the_service_node_what_needs_no_token_goes_on)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 1, 3);
    pfs_world_start(&w, (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    pfs_world_run(&w, before_crash);
    pfs_world_run(&w, without_service);
    fake_crash(w.r.f, w.compute + w.io);
    fake_restart(w.r.f, w.compute + w.io);
    pfs_world_run(&w, without_service);
    pfs_world_stop(&w);
}

/* The crash comes in the middle: after any number of steps each request ends, and what was synced
 * before is there after the restart. */
static void any_status(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    uint8_t got[20000];
    size_t n;
    (void)rank;
    (void)c;
    for (int i = 0; i < 3; i++) {
        enum pfs_status s = pfs_world_write(w, kept_file, 0, kept, sizeof kept);
        cr_assert(s == PFS_OK || s == PFS_SERVER_DOWN, "%s", pfs_status_name(s));
        s = pfs_world_read(w, kept_file, 0, got, sizeof got, &n);
        cr_assert(s == PFS_OK || s == PFS_SERVER_DOWN, "%s", pfs_status_name(s));
        cr_assert(s != PFS_OK || memcmp(got, kept, n) == 0);
    }
}

Test(pfs, a_crash_of_an_io_node_at_any_step_hangs_nobody)
{
    for (uint64_t at = 0; at < 400; at += 7) {
        struct pfs_world w;
        pfs_world_defaults(&w, 1, 3);
        pfs_world_start(&w, (struct fake_options){ .seed = at, .detect_delay = SIM_MS });
        pfs_world_run(&w, before_crash);
        w.crash_step = fake_steps(w.r.f) + 1 + at;
        pfs_world_run(&w, any_status);
        w.crash_step = 0;
        if (!fake_up(w.r.f, pfs_world_io_node(&w, 1)))
            fake_restart(w.r.f, pfs_world_io_node(&w, 1));
        pfs_world_run(&w, after_restart);
        pfs_world_stop(&w);
    }
}

/* ---- hints ---- */

enum { NODES = 3 };
/* Over the files of each I/O node: what hint came last, of which bytes. */
static struct listener {
    struct file_sys sys, *below;
    uint32_t heard;
    enum file_hint hint;
    uint64_t size;
    struct file_run run;
    bool denies;
} listeners[NODES];

static void listen(struct file_sys *s, struct file_req *r)
{
    struct listener *x = CONTAINER_OF(s, struct listener, sys);
    if (r->op != FILE_HINT) {
        file_submit(x->below, r);
        return;
    }
    x->heard++;
    x->hint = r->hint;
    x->size = r->size;
    x->run = r->run_count > 0 ? r->runs[0] : (struct file_run){ .len = 0 };
    r->status = x->denies ? FILE_DENIED : FILE_OK;
    r->done(r);
}

static struct file_sys *listener(struct port *p, uint32_t io, struct file_sys *below)
{
    static const struct file_ops ops = { .kind = { .name = "listener" }, .submit = listen };
    listeners[io] = (struct listener){ .sys = { .ops = &ops, .port = p }, .below = below };
    return &listeners[io].sys;
}

static void heard(uint32_t first, uint32_t second, uint32_t third)
{
    const uint32_t want[NODES] = { first, second, third };
    for (uint32_t i = 0; i < NODES; i++) {
        cr_assert_eq(listeners[i].heard, want[i], "I/O node %u", i);
        listeners[i].heard = 0;
    }
}

static void hints(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    uint8_t bytes[6144] = { 1 };
    const struct file_run middle = { .off = 1500, .len = 2500, .count = 1 };
    const struct file_run last = { .off = 5120, .len = 880, .count = 1 };
    const struct file_run second = { .off = 1024, .len = 100, .stride = 3072, .count = 2 };
    (void)rank;
    listeners[1].denies = false;
    cr_assert_eq(pfs_open(c, "x", PFS_O_CREATE, M_ASYNC, 0, 1, NULL, &f), PFS_OK);
    cr_assert_eq(pfs_hint(f, FILE_MIGRATE, 0, NULL, 0), PFS_OK, "there is nothing yet");
    heard(0, 0, 0);
    cr_assert_eq(pfs_hint(f, FILE_PIN, 7, NULL, 0), PFS_OK);
    heard(1, 1, 1);
    cr_assert_eq(listeners[2].size, 7, "seconds of a pin");
    cr_assert_eq(pfs_world_write(w, f, 0, bytes, sizeof bytes), PFS_OK);
    cr_assert_eq(pfs_hint(f, FILE_STAGE, 0, &middle, 1), PFS_OK);
    heard(1, 1, 1);
    /* units 0 to 5 lie on 0 1 2 0 1 2: of [1500, 4000) they have [1024, 1952), [476, 1024), all */
    cr_assert(listeners[0].run.off == 1024 && listeners[0].run.len == 4000 - 3072);
    cr_assert(listeners[1].run.off == 476 && listeners[1].run.len == 1024 - 476);
    cr_assert(listeners[2].run.off == 0 && listeners[2].run.len == 1024);
    cr_assert_eq(pfs_hint(f, FILE_STAGE, 0, &last, 1), PFS_OK);
    heard(0, 0, 1);
    cr_assert_eq(pfs_hint(f, FILE_STAGE, 0, &second, 1), PFS_OK);
    heard(0, 1, 0);
    cr_assert(listeners[1].run.stride == 1024 && listeners[1].run.count == 2, "two units in a row");
    cr_assert(listeners[1].run.off == 0 && listeners[1].run.len == 100);
    listeners[1].denies = true;
    cr_assert_eq(pfs_hint(f, FILE_PURGE, 0, NULL, 0), PFS_DENIED);
    heard(1, 1, 1);
    for (uint32_t i = 0; i < NODES; i++)
        cr_assert(listeners[i].hint == FILE_PURGE && listeners[i].run.len == 0, "all of it");
    listeners[1].denies = false;
    cr_assert_eq(pfs_close(f), PFS_OK);
}

Test(pfs, a_hint_reaches_each_io_node_that_has_a_part)
{
    struct pfs_world w;
    pfs_world_defaults(&w, 1, NODES);
    w.over = listener;
    pfs_world_start(&w, (struct fake_options){ .seed = 1 });
    pfs_world_run(&w, hints);
    pfs_world_stop(&w);
}
