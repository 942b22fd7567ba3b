/* test_cache.c: the layer CACHE: what it counts against a slow model, and several over one file
 * system, whose users write bytes of the same blocks. */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/file/cache_internal.h"
#include "os/lfs/lfs_internal.h"
#include "os/registry.h"
#include "os/vesta/store_internal.h"
#include "tests/os/io_world.h"
#include "tests/os/policy_model.h"
#include "tests/os/recorded.h"
#include "tests/sample.h"

enum { CLIENTS = 3, SPAN = 12000, TURNS = 600, POLICIES = 7 };

static struct world {
    struct rig r;
    struct os_layout layout;
    struct os_boot boot;
    struct os_node node;
    struct file_stack stack;
    struct val *list;
    struct file_sys *below, *top[CLIENTS];
    uint64_t file;
    uint32_t inside;
    uint64_t stream; /* as which requests are made */
} w;

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    w.node = (struct os_node){
        .port = p, .boot = &w.boot, .layout = &w.layout, .node = node, .xk = r->k[node]
    };
    w.below = file_stack_start(&w.stack, &(struct file_boot){ .node = &w.node });
}

struct asking {
    struct file_sys *at;
    struct file_req *r;
};

static void submit(struct port *p, void *arg)
{
    const struct asking *a = arg;
    (void)p;
    w.inside++;
    file_submit(a->at, a->r);
    w.inside--;
}

static void answered(struct file_req *r)
{
    cr_assert_eq(w.inside, 0, "FILE1");
    r->arg = NULL;
}

static enum file_status ask(struct file_sys *at, struct file_req *r)
{
    struct asking a = { at, r };
    r->file = r->op == FILE_CREATE ? 0 : w.file;
    r->stream = w.stream;
    r->done = answered;
    r->arg = r;
    fake_call(w.r.f, 0, submit, &a);
    while (r->arg != NULL)
        cr_assert(fake_step(w.r.f), "%s never ends", file_op_name(r->op));
    return r->status;
}

static enum file_status hint(uint32_t client, enum file_hint what)
{
    struct file_req r;
    file_req_init(&r, FILE_HINT, NULL, NULL);
    r.hint = what;
    return ask(w.top[client], &r);
}

/* Of `len` bytes, or (`tail`) of all from `off` on. */
static enum file_status hint_of(uint32_t client, enum file_hint what, uint64_t off, uint64_t len,
                                bool tail)
{
    struct file_req r;
    file_req_init(&r, FILE_HINT, NULL, NULL);
    r.hint = what;
    r.size = tail ? off : 0;
    file_range(&r, off, tail ? 0 : len);
    return ask(w.top[client], &r);
}

static void start_caches(struct port *p, void *arg)
{
    for (uint32_t i = 0; i < CLIENTS; i++)
        w.top[i] = file_cache_start(p, arg, w.below);
}

static void start_over(const char *layers, struct file_cache_params *p, uint64_t seed)
{
    struct err e = ERR_INIT;
    struct fake_options o = { .nodes = 1, .disks = 1, .seed = seed, .disk_sectors = 2000 };
    memset(&w, 0, sizeof w);
    w.boot = (struct os_boot){ .layout = &w.layout, .layers = &os_layers };
    w.list = io_val(layers);
    cr_assert(file_stack_load(&w.stack, &w.boot, w.list, "lfs", NULL, "test", &e), "%s", e.text);
    rig_start(&w.r, &o, "mesh driver", booted, NULL);
    while (w.below == NULL)
        cr_assert(fake_step(w.r.f));
    cr_assert(file_cache_check(p, "cache", &e), "%s", e.text);
    fake_call(w.r.f, 0, start_caches, p);
    struct file_req r;
    file_req_init(&r, FILE_CREATE, NULL, NULL);
    r.name = "f";
    cr_assert_eq(ask(w.below, &r), FILE_OK);
    w.file = r.file;
}

static void start(struct file_cache_params *p, uint64_t seed)
{
    start_over("{{layer=lfs, block=2KiB, inode=4KiB, cache=5}}", p, seed);
}

static void stop(void)
{
    rig_stop(&w.r);
    file_stack_free(&w.stack);
    val_free(w.list);
}

static struct cache *cache_of(uint32_t client)
{
    return CONTAINER_OF(w.top[client], struct cache, sys);
}

static uint64_t state;
static uint32_t draw(uint32_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(state >> 33) % n;
}

static void move_at(struct file_sys *at, enum file_op op, uint64_t off, uint8_t *bytes,
                    uint64_t len)
{
    struct file_req r;
    file_req_init(&r, op, NULL, NULL);
    file_range(&r, off, len);
    if (op == FILE_WRITE)
        rope_add_bytes(&r.data, bytes, len);
    cr_assert_eq(ask(at, &r), FILE_OK);
    cr_assert_eq(r.moved, len);
    if (op == FILE_READ)
        rope_read(&r.data, 0, len, bytes);
    rope_fini(&r.data);
}

static void move(uint32_t client, enum file_op op, uint64_t off, uint8_t *bytes, uint64_t len)
{
    move_at(w.top[client], op, off, bytes, len);
}

/* ---- what it counts ---- */

static const char *policy_name(int policy)
{
    return file_cache_policies.items[policy]->name;
}

static struct kind_choice policy_of(const char *name)
{
    return kind_plain(&file_cache_policies, name);
}

/* Block number t of a stream over 2 * most blocks: of one kind each. */
enum stream { UNIFORM, SKEWED, LOOP, SCANS, STREAMS, RECORDED };
static uint64_t next_block(enum stream kind, uint32_t t, uint32_t most)
{
    uint32_t all = 2 * most;
    switch (kind) {
    case SKEWED:
        return draw(1 + draw(1 + draw(all)));
    case LOOP:
        return t % (most + most / 4 + 1);
    case SCANS: /* a hot set, and every other block of a walk through the rest */
        return draw(2) ? draw(most / 2) : most / 2 + t % (all - most / 2);
    case RECORDED:
        return recorded[t];
    default:
        return draw(all);
    }
}

Test(cache, misses_are_those_of_a_slow_model_request_by_request)
{
    static uint8_t bytes[SPAN];
    static struct policy_model m;
    for (int policy = 0; file_cache_policies.items[policy] != NULL; policy++)
        for (uint64_t seed = 1; seed <= sample("CACHE_SEEDS", 4); seed++) {
            struct file_cache_params p = { .dirty_fraction = 0.5,
                                           .bytes = 3200,
                                           .block = 100 * (1 + (int64_t)(seed % 3)),
                                           .dirty = 1000,
                                           .policy = policy_of(policy_name(policy)) };
            uint64_t block = (uint64_t)p.block, hits = 0, misses = 0;
            uint32_t most = (uint32_t)(3200 / block);
            /* Blocks of a request do not go while it is under way, of which the model knows
             * nothing: with lru no other would go anyhow. */
            bool several = strcmp(policy_name(policy), "lru") == 0 && seed != 3;
            policy_model_init(&m, policy_name(policy), most);
            start(&p, seed);
            state = seed;
            move(0, FILE_WRITE, 0, bytes, SPAN); /* past it */
            uint32_t turns = seed == 3 ? ARRAY_LEN(recorded) : TURNS;
            for (uint32_t t = 0; t < turns; t++) {
                enum stream kind =
                    seed == 3 ? RECORDED : (enum stream)((t / 100 + (uint32_t)seed) % STREAMS);
                uint64_t first = next_block(kind, t, most), n = several ? 1 + draw(3) : 1,
                         in = draw((uint32_t)block);
                uint64_t before = misses;
                for (uint64_t i = first; i < first + n; i++)
                    *(policy_model_use(&m, i) ? &hits : &misses) += 1;
                if (n == 1 && misses > before && cache_of(0)->store.count == most) {
                    struct cache_policy *asked = cache_of(0)->store.policy;
                    const struct cache_entry *e = cache_policy_victim(asked, w.file, first);
                    (void)cache_policy_victim(asked, w.file, first + 1000);
                    cr_assert_eq(cache_policy_victim(asked, w.file, first), e, "POL2");
                }
                move(0, FILE_READ, first * block + in, bytes, (n - 1) * block + 1);
                cr_assert_eq(cache_of(0)->store.counts.hits, hits,
                             "%s, seed %d, request %d: %d hits, not %d", policy_name(policy),
                             (int)seed, (int)t, (int)cache_of(0)->store.counts.hits, (int)hits);
                cr_assert_eq(cache_of(0)->store.counts.misses, misses);
                cr_assert_eq(cache_of(0)->store.count, policy_model_count(&m));
            }
            cr_assert_gt(hits, 50);
            cr_assert_gt(cache_of(0)->store.counts.evicted, 50);
            stop();
        }
}

/* ---- the buffers of os/lfs, by the same policies ---- */

enum { LFS_BLOCK = 2048, LFS_BLOCKS = 72 };

/* A file of LFS_BLOCKS blocks over a bottom of these parameters, of which no buffer is left. */
static void over_bottom(const char *bottom, const char *more, uint64_t seed)
{
    static uint8_t bytes[LFS_BLOCK * LFS_BLOCKS];
    struct file_cache_params p = { .bytes = 400, .block = 100 };
    struct file_req r;
    char layers[200];
    (void)snprintf(layers, sizeof layers, "{{%s, block=2KiB, cache=12, %s}}", bottom, more);
    start_over(layers, &p, seed);
    file_req_init(&r, FILE_WRITE, NULL, NULL);
    file_range(&r, 0, sizeof bytes);
    rope_add_bytes(&r.data, bytes, sizeof bytes);
    cr_assert_eq(ask(w.below, &r), FILE_OK);
    file_req_init(&r, FILE_HINT, NULL, NULL);
    r.hint = FILE_FORGET;
    cr_assert_eq(ask(w.below, &r), FILE_OK);
}

static struct lfs *lfs_over(const char *more, uint64_t seed)
{
    over_bottom("layer=lfs, inode=4KiB, buffered=true", more, seed);
    return CONTAINER_OF(w.below, struct lfs, sys);
}

/* The buffers of os/lfs, or of a store of Vesta's. */
static struct blocks *store_over(bool vesta, const char *more, uint64_t seed)
{
    if (!vesta)
        return &lfs_over(more, seed)->store;
    over_bottom("layer=vesta_store, objects=8", more, seed);
    return &CONTAINER_OF(w.below, struct vst, sys)->store;
}

static void lfs_say(enum file_hint what, uint64_t off, uint64_t len, uint64_t value)
{
    struct file_req r;
    file_req_init(&r, FILE_HINT, NULL, NULL);
    r.hint = what;
    r.size = value;
    file_range(&r, off, len);
    cr_assert_eq(ask(w.below, &r), FILE_OK);
}

static void lfs_read(uint64_t off, uint64_t len)
{
    struct file_req r;
    file_req_init(&r, FILE_READ, NULL, NULL);
    file_range(&r, off, len);
    cr_assert_eq(ask(w.below, &r), FILE_OK);
    cr_assert_eq(r.moved, len);
    rope_fini(&r.data);
}

static void go_as_a_slow_model_says(bool vesta)
{
    static struct policy_model m;
    for (int policy = 0; file_cache_policies.items[policy] != NULL; policy++) {
        char more[60];
        (void)snprintf(more, sizeof more, "read_ahead=0, policy='%s'", policy_name(policy));
        const struct blocks *s = store_over(vesta, more, 1);
        uint64_t before = s->counts.fetched, misses = 0;
        bool program = strcmp(policy_name(policy), "application") == 0;
        policy_model_init(&m, policy_name(policy), 12);
        state = (uint64_t)policy + 1;
        for (uint32_t t = 0; t < TURNS; t++) {
            uint64_t block = next_block((enum stream)(t / 100 % STREAMS), t, 12);
            if (program && t % 150 == 50) {
                lfs_say(FILE_MRU, 0, 0, FILE_PRIORITY_NORMAL);
                policy_model_order(&m, 0, FILE_PRIORITY_NORMAL, true);
                lfs_say(FILE_PRIORITY, 3 * LFS_BLOCK, 4 * LFS_BLOCK, 6);
                policy_model_priority(&m, 0, 3, 7, false, 6);
            }
            misses += !policy_model_use(&m, block);
            lfs_read(block * LFS_BLOCK + draw(LFS_BLOCK - 9), 9);
            cr_assert_eq(s->counts.fetched - before, misses, "%s, request %d: %d, not %d",
                         policy_name(policy), (int)t, (int)(s->counts.fetched - before),
                         (int)misses);
        }
        stop();
    }
}

Test(cache, buffers_of_lfs_go_as_a_slow_model_says)
{
    go_as_a_slow_model_says(false);
}

Test(cache, buffers_of_vesta_go_as_a_slow_model_says)
{
    go_as_a_slow_model_says(true);
}

static bool in_buffer(bool vesta, uint32_t blk)
{
    struct lfs *fs = CONTAINER_OF(w.below, struct lfs, sys);
    struct vst *vs = CONTAINER_OF(w.below, struct vst, sys);
    return vesta ? vst_buf_find(vs, vst_lookup(vst_by_handle(vs, w.file)->version[0].root, blk))
                 : lfs_buf_find(fs, lfs_by_handle(fs, w.file), blk);
}

/* Which blocks are in buffers before they are asked for. */
static void read_ahead_as_the_policy_says(bool vesta)
{
    static const struct {
        const char *more;
        uint64_t by, late; /* blocks from READ to READ; READs that find nothing */
        enum file_hint way;
    } cases[] = {
        { "read_ahead_policy=strided", 3, 3, FILE_AS_IT_COMES },
        { "read_ahead_policy=strided", 1, 1, FILE_AS_IT_COMES },
        { "read_ahead_policy=sequential", 1, 1, FILE_AS_IT_COMES },
        { "read_ahead_policy=neighbour", 1, 1, FILE_AS_IT_COMES },
        { "read_ahead_policy=sequential", 3, 11, FILE_AS_IT_COMES }, /* from the front */
        { "read_ahead_policy=hints", 1, 12, FILE_AS_IT_COMES },
        { "read_ahead_policy=hints", 1, 1, FILE_SEQUENTIAL },
        { "read_ahead_policy=none", 1, 12, FILE_AS_IT_COMES },
        { "read_ahead_policy=neighbour", 1, 12, FILE_RANDOM },
        { "read_ahead_policy=neighbour", 6, 12, FILE_AS_IT_COMES },
    };
    for (size_t k = 0; k < ARRAY_LEN(cases); k++) {
        const struct blocks *s = store_over(vesta, cases[k].more, 1);
        uint64_t late = 0, misses = s->counts.fetched;
        lfs_say(cases[k].way, 0, 0, 0);
        for (uint64_t i = 0; i < 12; i++) {
            fake_run_until(w.r.f, fake_now(w.r.f) + SIM_SEC); /* time to think */
            late += !in_buffer(vesta, (uint32_t)(i * cases[k].by));
            lfs_read(i * cases[k].by * LFS_BLOCK, LFS_BLOCK);
        }
        cr_assert_eq(late, cases[k].late, "case %d: %d late", (int)k, (int)late);
        misses = s->counts.fetched - misses;
        cr_assert(cases[k].by < 6 || misses == 12 + 4, "ahead of the first alone");
        cr_assert(in_buffer(vesta, (uint32_t)(11 * cases[k].by)));
        lfs_say(FILE_WONT_NEED, 11 * cases[k].by * LFS_BLOCK, LFS_BLOCK, 0);
        cr_assert(!in_buffer(vesta, (uint32_t)(11 * cases[k].by)));
        stop();
    }
}

Test(cache, buffers_of_lfs_are_read_ahead_as_the_policy_says)
{
    read_ahead_as_the_policy_says(false);
}

Test(cache, buffers_of_vesta_are_read_ahead_as_the_policy_says)
{
    read_ahead_as_the_policy_says(true);
}

/* ---- programs that choose among their own blocks ---- */

enum { FILES = 5, JOINED = 7 };
static uint64_t files[FILES];

static void make_files(void)
{
    static uint8_t bytes[SPAN];
    for (uint32_t i = 0; i < FILES; i++) {
        struct file_req r;
        char name[4] = { 'g', (char)('0' + i), 0 };
        file_req_init(&r, FILE_CREATE, NULL, NULL);
        r.name = name;
        cr_assert_eq(ask(w.below, &r), FILE_OK);
        w.file = files[i] = r.file;
        move(0, FILE_WRITE, 0, bytes, SPAN);
    }
}

static void say(enum file_hint what, uint32_t file, uint64_t from, uint64_t to, uint64_t value)
{
    struct file_req r;
    file_req_init(&r, FILE_HINT, NULL, NULL);
    r.hint = what;
    r.size = value;
    file_range(&r, from, to - from);
    w.file = files[file];
    cr_assert_eq(ask(w.top[0], &r), FILE_OK);
}

static bool read_block(uint32_t file, uint64_t index)
{
    static uint8_t bytes[1];
    uint64_t hits = cache_of(0)->store.counts.hits;
    w.file = files[file];
    move(0, FILE_READ, index * 100, bytes, 1);
    return cache_of(0)->store.counts.hits > hits;
}

Test(cache, a_program_s_victims_are_those_of_a_slow_model)
{
    static struct policy_model m;
    for (uint64_t seed = 1; seed <= sample("CACHE_SEEDS", 5); seed++) {
        struct file_cache_params p = {
            .dirty_fraction = 0.5, .bytes = 3200, .block = 100, .dirty = 1000
        };
        p.policy = policy_of("application");
        start(&p, seed);
        make_files();
        state = seed;
        policy_model_init(&m, "application", 32);
        for (int t = 0; t < 2 * TURNS; t++) {
            uint32_t f = draw(FILES), kind = draw(30), pr = draw(FILE_PRIORITIES);
            uint64_t from = draw(30), to = from + 1 + draw(12);
            if (kind == 0 && f > 0) {
                say(FILE_PRIORITY, f, from * 100, to * 100, pr);
                policy_model_priority(&m, f, from, to, false, pr);
            } else if (kind == 1 && f > 0) {
                say(FILE_PRIORITY, f, 0, 0, pr);
                policy_model_priority(&m, f, 0, 0, true, pr);
            } else if (kind == 2 && f > 0) {
                bool last = draw(2);
                say(last ? FILE_MRU : FILE_LRU, f, 0, 0, pr);
                policy_model_order(&m, f, pr, last);
            } else if (kind == 3 && f > 2 && t > TURNS / 2) {
                say(FILE_PROGRAM, f, 0, 0, 99);
                policy_model_program(&m, f, JOINED);
            } else {
                uint64_t i = next_block((enum stream)(f % STREAMS), (uint32_t)t, 16);
                bool hit = policy_model_use(&m, f * MODEL_FILE + i);
                cr_assert_eq(read_block(f, i), hit, "seed %d, turn %d: block %d of file %u",
                             (int)seed, t, (int)i, f);
            }
        }
        cr_assert_gt(cache_of(0)->store.counts.hits, 100);
        stop();
    }
}

/* Of two programs one is sensible, and says nothing; its misses, where the other gives its best
 * blocks away, or says nothing either. */
static uint64_t misses_beside(bool foolish, uint64_t seed, uint64_t *others)
{
    struct file_cache_params p = {
        .dirty_fraction = 0.5, .bytes = 3200, .block = 100, .dirty = 1000
    };
    uint64_t misses = 0;
    p.policy = policy_of("application");
    start(&p, seed);
    make_files();
    state = seed;
    if (foolish)
        say(FILE_MRU, 1, 0, 0, FILE_PRIORITY_NORMAL);
    *others = 0;
    for (uint32_t t = 0; t < 2 * TURNS; t++) {
        misses += !read_block(0, next_block(SKEWED, t, 20));
        *others += !read_block(1, next_block(SKEWED, t, 40));
    }
    stop();
    return misses;
}

Test(cache, a_foolish_program_harms_none_but_itself)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        uint64_t own[2], alone = misses_beside(false, seed, &own[0]),
                         beside = misses_beside(true, seed, &own[1]);
        cr_assert_gt(own[1], own[0], "POL4: it is foolish");
        cr_assert_leq(beside, alone, "POL4: seed %d: %d misses beside a foolish program, %d alone",
                      (int)seed, (int)beside, (int)alone);
    }
}

Test(cache, what_is_read_ahead_is_used_where_reads_go_on)
{
    static uint8_t bytes[SPAN];
    struct file_cache_params p = {
        .dirty_fraction = 0.5, .bytes = 10000, .block = 100, .dirty = 1000, .ahead = 8
    };
    start(&p, 1);
    const struct cache *c = cache_of(0);
    move(0, FILE_WRITE, 0, bytes, SPAN);
    cr_assert_eq(c->store.counts.past, 1, "CACHE5");
    for (uint64_t at = 0; at < 4000; at += 50) {
        move(0, FILE_READ, at, bytes, 50);
        fake_run_until(w.r.f, fake_now(w.r.f) + SIM_SEC); /* time to think */
    }
    cr_assert_eq(c->store.counts.misses, 1, "%d blocks were not there",
                 (int)c->store.counts.misses);
    cr_assert_eq(c->store.counts.ahead_used, 39);
    cr_assert_leq(c->store.counts.ahead, 39 + 8);
    uint64_t ahead = c->store.counts.ahead;
    cr_assert_eq(hint(0, FILE_RANDOM), FILE_OK);
    for (uint64_t at = 8000; at < 9000; at += 50)
        move(0, FILE_READ, at, bytes, 50);
    cr_assert_eq(c->store.counts.ahead, ahead);
    cr_assert_eq(c->store.counts.misses, 11);
    const struct file_run runs[] = { { .off = 9500, .len = 30, .stride = 300, .count = 5 } };
    struct file_req r;
    file_req_init(&r, FILE_HINT, NULL, NULL);
    r.hint = FILE_WILL_READ;
    r.runs = runs;
    cr_assert_eq(ask(w.top[0], &r), FILE_OK);
    cr_assert_eq(c->store.counts.ahead, ahead + 5);
    fake_run_until(w.r.f, fake_now(w.r.f) + SIM_SEC);
    for (uint64_t i = 0; i < 5; i++)
        move(0, FILE_READ, 9500 + i * 300, bytes, 30);
    cr_assert_eq(c->store.counts.misses, 11);
    uint32_t count = c->store.count;
    file_req_init(&r, FILE_HINT, NULL, NULL);
    r.hint = FILE_WONT_NEED;
    file_range(&r, 8000, 1000);
    cr_assert_eq(ask(w.top[0], &r), FILE_OK);
    cr_assert_eq(c->store.count, count - 10);
    stop();
}

/* What came ahead is not what was used last, and what it came for is no second use. */
Test(cache, what_is_read_ahead_stays_until_it_is_asked_for_and_counts_once)
{
    static uint8_t bytes[SPAN];
    for (int k = 0; k < 2; k++) {
        struct file_cache_params p = {
            .dirty_fraction = 0.5, .bytes = 1600, .block = 100, .dirty = 800, .ahead = 4
        };
        p.policy = policy_of(k == 0 ? "mru" : "arc");
        start(&p, 1);
        move(0, FILE_WRITE, 0, bytes, SPAN);
        const struct cache *c = cache_of(0);
        cr_assert_eq(hint(0, FILE_RANDOM), FILE_OK);
        for (uint64_t i = 0; i < 32; i++) /* a hot set of 8 */
            move(0, FILE_READ, i % 16 / 2 * 100, bytes, 100);
        for (uint64_t i = 0; k == 0 && i < 16; i++)
            move(0, FILE_READ, i * 100, bytes, 100);
        cr_assert_eq(hint(0, FILE_AS_IT_COMES), FILE_OK);
        uint64_t misses = c->store.counts.misses;
        for (uint64_t i = 40; i < 100; i++) {
            move(0, FILE_READ, i * 100, bytes, 100);
            fake_run_until(w.r.f, fake_now(w.r.f) + SIM_SEC);
        }
        cr_assert_leq(c->store.counts.misses, misses + 2, "%s: %d misses", p.policy.kind->name,
                      (int)(c->store.counts.misses - misses));
        misses = c->store.counts.misses;
        for (uint64_t i = 0; i < 8 && k == 1; i++)
            move(0, FILE_READ, i * 100, bytes, 100);
        cr_assert_eq(c->store.counts.misses, misses, "a walk drives nothing out");
        struct file_req r;
        file_req_init(&r, FILE_HINT, NULL, NULL);
        r.hint = FILE_WILL_READ;
        file_range(&r, 3000, 400);
        cr_assert_eq(ask(w.top[0], &r), FILE_OK);
        fake_run_until(w.r.f, fake_now(w.r.f) + SIM_SEC);
        cr_assert_eq(hint(0, FILE_RANDOM), FILE_OK);
        move(0, FILE_READ, 10500, bytes, 100); /* takes the place of another */
        misses = c->store.counts.misses;
        for (uint64_t i = 30; i < 34; i++)
            move(0, FILE_READ, i * 100, bytes, 100);
        cr_assert_eq(c->store.counts.misses, misses, "%s: what is to be read stays",
                     p.policy.kind->name);
        stop();
    }
}

/* ---- what is read ahead, and what is written behind ---- */

/* Looks at all the READs there were. */
struct ahead_model {
    bool strided, doubles;
    uint64_t most, block, off[TURNS], end[TURNS], upto, window, lists;
    uint32_t reads;
    bool there[SPAN]; /* blocks */
    uint64_t ahead;
};

static void fetch(struct ahead_model *m, uint64_t from, uint64_t to, bool asked)
{
    for (uint64_t i = from; i < to; i++) {
        m->ahead += !asked && !m->there[i];
        m->there[i] = true;
    }
}

static void model_read(struct ahead_model *m, uint64_t off, uint64_t len, enum file_hint way)
{
    uint32_t k = m->reads++;
    uint64_t end = off + len, b = m->block, first = off / b, last = (end - 1) / b;
    m->off[k] = off;
    m->end[k] = end;
    fetch(m, first, last + 1, true);
    bool on =
        way == FILE_SEQUENTIAL || (way == FILE_AS_IT_COMES && off == (k > 0 ? m->end[k - 1] : 0));
    bool steps = m->strided && way == FILE_AS_IT_COMES && k >= 2 && off != m->off[k - 1] &&
                 off - m->off[k - 1] == m->off[k - 1] - m->off[k - 2];
    m->lists = steps ? m->lists : 0;
    if (!on && !steps) {
        m->window = 0;
        return;
    }
    m->window = !m->doubles ? m->most : m->window == 0 ? 1 : 2 * m->window;
    m->window = m->window < m->most ? m->window : m->most;
    if (on) {
        uint64_t to = last + 1 + m->window;
        if (m->upto <= last || m->upto > to)
            m->upto = last + 1;
        if (2 * (to - m->upto) >= m->window) {
            fetch(m, m->upto, to, false);
            m->upto = to;
        }
        return;
    }
    uint64_t by = off - m->off[k - 1], n = m->window / (last - first + 1);
    n = n > 0 ? n : 1;
    m->lists -= m->lists > 0;
    if (m->lists > n || 2 * (n - m->lists) < n)
        return;
    for (uint64_t i = m->lists + 1; i <= n && off + i * by < SPAN; i++)
        fetch(m, (off + i * by) / b, (end - 1 + i * by) / b + 1, false);
    m->lists = n;
}

/* Of `streams` readers; 0: it has no such parameters. */
static struct kind_choice ahead_by(const char *name, bool doubles, int64_t streams, bool by_open)
{
    struct kind_choice c = kind_plain(&file_read_aheads, name);
    struct err e = ERR_INIT;
    char text[90];
    if (streams == 0)
        return c;
    (void)snprintf(text, sizeof text, "{growth=%s, streams=%d, by_open=%s}",
                   doubles ? "double" : "fixed", (int)streams, by_open ? "true" : "false");
    struct val *v = io_val(text);
    cr_assert(param_load(c.kind->params, c.params, v, "ahead", &e), "%s", e.text);
    val_free(v);
    return c;
}

static struct kind_choice ahead_of(const char *name, bool doubles, int64_t streams)
{
    return ahead_by(name, doubles, streams, false);
}

Test(cache, blocks_read_ahead_are_those_of_a_slow_model)
{
    static uint8_t bytes[SPAN];
    static struct ahead_model m;
    static const char *const kinds[] = { "none", "hints", "sequential", "strided", "strided" };
    for (uint64_t seed = 1; seed <= sample("CACHE_SEEDS", 10); seed++) {
        const char *kind = kinds[seed % 5];
        bool none = seed % 5 == 0, says = seed % 5 == 1;
        struct file_cache_params p = { .bytes = 40000, .block = 100, .dirty_fraction = 0.5 };
        p.dirty = 1000;
        p.ahead = 1 + (int64_t)(seed * 7 % 12);
        p.read_ahead = ahead_of(kind, seed % 2, none ? 0 : 1);
        start(&p, seed);
        state = seed;
        move(0, FILE_WRITE, 0, bytes, SPAN);
        cr_assert_eq(hint(0, FILE_FORGET), FILE_OK);
        memset(&m, 0, sizeof m);
        m.strided = seed % 5 > 2;
        m.doubles = seed % 2;
        m.block = 100;
        m.most = (uint64_t)p.ahead;
        enum file_hint way = FILE_AS_IT_COMES;
        uint64_t off = 0, len = 100, by = 100, left = 0;
        for (int t = 0; t < 400; t++) {
            if (left-- == 0) { /* another way through the file */
                off = draw(3000);
                len = 1 + draw(250);
                by = draw(3) == 0   ? len
                     : draw(3) == 0 ? (uint64_t) - (int64_t)draw(200)
                                    : draw(300);
                left = draw(12);
                way = draw(6) == 0   ? FILE_SEQUENTIAL
                      : draw(6) == 0 ? FILE_RANDOM
                                     : FILE_AS_IT_COMES;
                cr_assert_eq(hint(0, way), FILE_OK);
            }
            off = off + by < 6000 ? off + by : 0;
            move(0, FILE_READ, off, bytes, len);
            if (none || (says && way != FILE_SEQUENTIAL))
                fetch(&m, off / 100, (off + len - 1) / 100 + 1, true);
            else
                model_read(&m, off, len, way);
            cr_assert_eq(cache_of(0)->store.counts.ahead, m.ahead,
                         "%s, seed %d, request %d: %d blocks ahead, not %d", kind, (int)seed, t,
                         (int)cache_of(0)->store.counts.ahead, (int)m.ahead);
        }
        cr_assert(says || none == (m.ahead == 0));
        stop();
    }
}

/* Who has the file open, in a half of it, of whom the model knows nobody else. */
struct opener {
    struct ahead_model m;
    enum file_hint way;
    uint64_t from, off, len, by, left;
};

static void another_way(struct opener *o, bool first)
{
    o->off = draw(2000);
    o->len = 1 + draw(250);
    o->by = draw(2) ? o->len : draw(250);
    o->left = draw(12);
    if (!first && draw(4) == 0) { /* it closes the file, and opens it again */
        cr_assert_eq(hint(0, FILE_CLOSED), FILE_OK);
        o->m.reads = 0;
        o->m.upto = o->m.window = o->m.lists = 0;
        o->way = FILE_AS_IT_COMES;
    }
    if (draw(2)) {
        o->way = (enum file_hint)(FILE_AS_IT_COMES + draw(3));
        cr_assert_eq(hint(0, o->way), FILE_OK);
    }
}

Test(cache, each_who_has_a_file_open_is_read_ahead_for_as_alone)
{
    static uint8_t bytes[SPAN];
    static struct opener all[2];
    static const char *const kinds[] = { "hints", "sequential", "strided" };
    for (uint64_t seed = 1; seed <= sample("CACHE_SEEDS", 6); seed++) {
        struct file_cache_params p = { .bytes = 40000, .block = 100, .dirty_fraction = 0.5 };
        p.dirty = 1000;
        p.ahead = 1 + (int64_t)(seed * 7 % 12);
        p.read_ahead = ahead_by(kinds[seed % 3], seed % 2, 1, true);
        start(&p, seed);
        state = seed;
        move(0, FILE_WRITE, 0, bytes, SPAN);
        cr_assert_eq(hint(0, FILE_FORGET), FILE_OK);
        memset(all, 0, sizeof all);
        for (uint32_t t = 0; t < 400; t++) {
            uint32_t k = draw(2);
            struct opener *o = &all[k];
            w.stream = k + 5;
            if (o->m.block == 0) {
                o->m.strided = seed % 3 == 2;
                o->m.doubles = seed % 2;
                o->m.block = 100;
                o->m.most = (uint64_t)p.ahead;
                o->way = FILE_AS_IT_COMES;
                o->from = k * 6000;
                another_way(o, true);
            } else if (o->left-- == 0) {
                another_way(o, false);
            }
            o->off = o->off + o->by < 2200 ? o->off + o->by : 0;
            uint64_t at = o->from + o->off;
            move(0, FILE_READ, at, bytes, o->len);
            if (seed % 3 == 0 && o->way != FILE_SEQUENTIAL)
                fetch(&o->m, at / 100, (at + o->len - 1) / 100 + 1, true);
            else
                model_read(&o->m, at, o->len, o->way);
            cr_assert_eq(cache_of(0)->store.counts.ahead, all[0].m.ahead + all[1].m.ahead,
                         "%s, seed %d, request %d", kinds[seed % 3], (int)seed, t);
        }
        cr_assert(all[0].m.ahead > 0 && all[1].m.ahead > 0);
        stop();
    }
}

/* Of so many that come and do not say that they go the last are known. */
Test(cache, who_has_a_file_open_and_reads_least_recently_is_forgotten)
{
    static uint8_t bytes[SPAN];
    struct file_cache_params p = { .bytes = 40000, .block = 100, .dirty_fraction = 0.5 };
    p.dirty = 1000;
    p.ahead = 1;
    p.read_ahead = ahead_by("hints", false, 1, true);
    start(&p, 1);
    move(0, FILE_WRITE, 0, bytes, SPAN);
    cr_assert_eq(hint(0, FILE_FORGET), FILE_OK);
    for (w.stream = 1; w.stream <= BLOCKS_OPENS; w.stream++)
        cr_assert_eq(hint(0, FILE_SEQUENTIAL), FILE_OK);
    const uint64_t *ahead = &cache_of(0)->store.counts.ahead;
    w.stream = 1;
    move(0, FILE_READ, 0, bytes, 100);
    cr_assert_eq(*ahead, 1);
    w.stream = BLOCKS_OPENS + 1; /* for 2, not for 1, which has read */
    cr_assert_eq(hint(0, FILE_SEQUENTIAL), FILE_OK);
    w.stream = 1;
    move(0, FILE_READ, 3000, bytes, 100);
    cr_assert_eq(*ahead, 2);
    w.stream = 2;
    move(0, FILE_READ, 4000, bytes, 100);
    cr_assert_eq(*ahead, 2);
    w.stream = 0;
    cr_assert_eq(hint(0, FILE_SEQUENTIAL), FILE_OK); /* of all that have not said */
    w.stream = 2;
    move(0, FILE_READ, 5000, bytes, 100);
    cr_assert_eq(*ahead, 3);
    stop();
}

Test(cache, readers_of_one_file_are_told_apart)
{
    static uint8_t bytes[SPAN];
    for (int k = 0; k < 3; k++) {
        struct file_cache_params p = { .bytes = 20000, .block = 100, .dirty_fraction = 0.5 };
        p.dirty = 1000;
        p.ahead = 4;
        p.read_ahead = k == 2 ? kind_plain(&file_read_aheads, "neighbour")
                              : ahead_of("sequential", false, k == 0 ? 1 : 4);
        start(&p, 1);
        move(0, FILE_WRITE, 0, bytes, SPAN);
        cr_assert_eq(hint(0, FILE_FORGET), FILE_OK);
        for (uint64_t i = 0; i < 20; i++)
            for (uint64_t reader = 0; reader < 4; reader++) {
                move(0, FILE_READ, reader * 3000 + i * 100, bytes, 100);
                fake_run_until(w.r.f, fake_now(w.r.f) + SIM_SEC);
            }
        uint64_t misses = cache_of(0)->store.counts.misses;
        cr_assert(k == 0 ? misses > 70 : misses <= 8, "%d: %d misses", k, (int)misses);
        stop();
    }
}

static void wait_for(sim_time time)
{
    fake_run_until(w.r.f, fake_now(w.r.f) + time);
}

/* Blocks [0, blocks) are written, all bytes or some. */
static void goes_by_age(const struct blocks *s, struct file_sys *at, uint32_t blocks, bool all)
{
    static uint8_t bytes[LFS_BLOCK];
    sim_time since[100];
    uint64_t before = s->counts.written, written = 0;
    for (uint32_t i = 0; i < blocks; i++)
        since[i] = SIM_NEVER;
    state = 5;
    for (int t = 0; t < 300; t++) {
        wait_for((sim_time)draw(1000) * SIM_SEC / 500);
        for (uint32_t i = 0; i < blocks; i++)
            if (since[i] != SIM_NEVER && since[i] + s->age <= fake_now(w.r.f)) {
                since[i] = SIM_NEVER;
                written++;
            }
        cr_assert_eq(s->counts.written - before, written, "turn %d: %d blocks, not %d", t,
                     (int)(s->counts.written - before), (int)written);
        uint32_t i = draw(blocks), in = draw(50), len = 1 + draw(50);
        move_at(at, FILE_WRITE, i * s->block + (all ? 0 : in), bytes, all ? s->block : len);
        since[i] = since[i] == SIM_NEVER ? fake_now(w.r.f) : since[i];
    }
    cr_assert_gt(written, blocks < 20 ? 50 : 200);
    stop();
}

Test(cache, what_has_waited_for_its_age_goes_down_and_nothing_else)
{
    struct file_cache_params p = { .bytes = 40000, .block = 100, .dirty_fraction = 1 };
    p.dirty = 40000;
    p.age = 5 * SIM_SEC;
    start(&p, 1);
    goes_by_age(&cache_of(0)->store, w.top[0], 100, false);
    for (int vesta = 0; vesta < 2; vesta++) {
        const struct blocks *s =
            store_over(vesta, "dirty_fraction=1, flush_delay='1h', age='5s'", 1);
        goes_by_age(s, w.below, 10, true);
    }
}

Test(cache, triggers_of_write_behind)
{
    static uint8_t bytes[100], many[2048];
    struct file_cache_params p = { .bytes = 4000, .block = 100, .dirty_fraction = 1 };
    p.dirty = 4000;
    p.idle = 2 * SIM_SEC;
    start(&p, 1);
    for (uint64_t i = 0; i < 8; i++) { /* idle */
        move(0, FILE_WRITE, i * 200, bytes, 50);
        wait_for(SIM_SEC);
        cr_assert_eq(cache_of(0)->store.counts.written, 0);
    }
    move(0, FILE_READ, 0, bytes, 10); /* asks, too */
    wait_for(3 * SIM_SEC / 2);
    cr_assert_eq(cache_of(0)->store.counts.written, 0);
    wait_for(SIM_SEC);
    cr_assert_eq(cache_of(0)->store.counts.written, 8);
    stop();
    p.age = SIM_SEC;
    start(&p, 1); /* one is old, and the other was written just now */
    move(0, FILE_WRITE, 0, bytes, 50);
    wait_for(SIM_SEC / 2);
    move(0, FILE_WRITE, 1000, bytes, 50);
    wait_for(3 * SIM_SEC / 4);
    cr_assert_eq(cache_of(0)->store.counts.written, 1);
    stop();
    p.idle = 0;
    p.age = 5 * SIM_SEC;
    p.block = 2048; /* the disk's time goes by */
    p.bytes = p.dirty = 40960;
    start(&p, 1); /* written again while it goes down */
    move(0, FILE_WRITE, 0, many, 2048);
    wait_for(p.age);
    cr_assert_eq(cache_of(0)->store.counts.written, 1);
    cr_assert_eq(cache_of(0)->transfers, 1);
    move(0, FILE_WRITE, 0, many, 2048);
    wait_for(p.age + SIM_SEC);
    cr_assert_eq(cache_of(0)->store.counts.written, 2);
    stop();
    p.block = 100;
    p.bytes = p.dirty = 4000;
    p.age = 0;
    p.cluster = 4;
    start(&p, 1);
    for (uint64_t i = 0; i < 16; i++) { /* whole blocks in a row */
        move(0, FILE_WRITE, i * 100, bytes, i == 9 ? 99 : 100);
        cr_assert_eq(cache_of(0)->store.counts.written,
                     i < 8    ? (i + 1) / 4 * 4
                     : i < 15 ? 8
                              : 12,
                     "block %d", (int)i);
    }
    move(0, FILE_WRITE, 999, bytes, 1);
    cr_assert_eq(cache_of(0)->store.counts.written, 16);
    stop();
    p.cluster = 0;
    p.dirty_fraction = 0.25;
    start(&p, 1);
    for (uint64_t i = 0; i < 30; i++) {
        move(0, FILE_WRITE, i * 200, bytes, 50);
        cr_assert_leq(cache_of(0)->store.dirty_count, 10);
        cr_assert(i >= 10 || cache_of(0)->store.counts.written == 0);
    }
    cr_assert_gt(cache_of(0)->store.counts.written, 15);
    stop();
    for (int k = 0; k < 2; k++) { /* closed */
        p.dirty_fraction = 1;
        p.on_close = k == 1;
        start(&p, 1);
        move(0, FILE_WRITE, 0, bytes, 50);
        cr_assert_eq(hint(0, FILE_CLOSED), FILE_OK);
        cr_assert_eq(cache_of(0)->store.counts.written, (uint64_t)k);
        stop();
    }
}

Test(cache, triggers_of_write_behind_of_the_buffers_of_lfs)
{
    static uint8_t bytes[LFS_BLOCK];
    const struct blocks *s = &lfs_over("dirty_fraction=1, flush_delay='1h', idle='2s'", 1)->store;
    uint64_t before = s->counts.written;
    for (uint64_t i = 0; i < 4; i++) {
        move_at(w.below, FILE_WRITE, 2 * i * LFS_BLOCK, bytes, 50);
        wait_for(SIM_SEC);
        cr_assert_eq(s->counts.written, before);
    }
    lfs_read(0, 10); /* asks, too */
    wait_for(3 * SIM_SEC / 2);
    cr_assert_eq(s->counts.written, before);
    wait_for(SIM_SEC);
    cr_assert_eq(s->counts.written, before + 4);
    stop();
    s = &lfs_over("dirty_fraction=1, flush_delay='1h', cluster=4", 1)->store;
    before = s->counts.written;
    for (uint64_t i = 1; i < 8; i++) {
        move_at(w.below, FILE_WRITE, i * LFS_BLOCK, bytes, i == 5 ? 50 : LFS_BLOCK);
        cr_assert_eq(s->counts.written - before, i < 7 ? 0 : 4, "block %d", (int)i);
    }
    move_at(w.below, FILE_WRITE, 0, bytes, LFS_BLOCK);
    cr_assert_eq(s->counts.written - before, 8);
    stop();
    s = &lfs_over("flush_delay='1h'", 1)->store;
    before = s->counts.written;
    for (uint64_t i = 0; i < 30; i++) {
        move_at(w.below, FILE_WRITE, 2 * i * LFS_BLOCK, bytes, LFS_BLOCK);
        cr_assert_leq(s->dirty_count, 6); /* half of them */
        cr_assert_eq(s->counts.written - before, i < 6 ? 0 : i - 5, "one goes for each");
    }
    stop();
}

/* What came ahead and was not used yet stays while others go, but not for ever. */
Test(cache, buffers_of_lfs_that_are_to_be_used_yet_are_spared)
{
    struct lfs *fs = lfs_over("read_ahead=0", 1);
    struct lfs_file *f = lfs_by_handle(fs, w.file);
    lfs_say(FILE_WILL_READ, 0, 4 * LFS_BLOCK, 0);
    wait_for(SIM_SEC);
    cr_assert_eq(fs->store.fresh_count, 4);
    for (uint64_t i = 0; i < 48; i++) { /* four times the buffers, less what was there */
        cr_assert(i >= 44 || lfs_buf_find(fs, f, 3) != NULL, "BLOCKS4: gone after %d", (int)i);
        lfs_read((8 + i) * LFS_BLOCK, 9);
    }
    for (uint64_t i = 0; i < 12; i++)
        lfs_read((20 + i) * LFS_BLOCK, 9);
    cr_assert_null(lfs_buf_find(fs, f, 3), "BLOCKS4: it stays for ever");
    cr_assert_eq(fs->store.fresh_count, 0);
    stop();
    fs = lfs_over("read_ahead=2", 1);
    lfs_say(FILE_WILL_READ, 0, 6 * LFS_BLOCK, 0);
    wait_for(SIM_SEC);
    lfs_say(FILE_SEQUENTIAL, 0, 0, 0);
    uint64_t fetched = fs->store.counts.fetched;
    lfs_read(20 * LFS_BLOCK, 9);
    cr_assert_eq(fs->store.counts.fetched - fetched, 1, "half of them are to be used yet");
    lfs_read(0, 9);
    lfs_read(30 * LFS_BLOCK, 9);
    cr_assert_eq(fs->store.counts.fetched - fetched, 4);
    stop();
}

/* ---- several over one ---- */

/* CACHE1, CACHE2: byte o is client o % CLIENTS's to write; each sees its own, and of the others'
 * what they had propagated before it refreshed, or later. */
static void shared(struct file_cache_params *p, uint64_t seed)
{
    static uint8_t now[SPAN], got[SPAN], bytes[SPAN];
    static uint64_t version[SPAN], below[SPAN], seen[CLIENTS][SPAN];
    static uint8_t history[SPAN][256];
    memset(version, 0, sizeof version);
    memset(below, 0, sizeof below);
    memset(seen, 0, sizeof seen);
    memset(history, 0, sizeof history);
    memset(now, 0, sizeof now);
    start(p, seed);
    state = seed;
    struct file_req r;
    file_req_init(&r, FILE_SIZE, NULL, NULL);
    r.size = SPAN;
    cr_assert_eq(ask(w.below, &r), FILE_OK);
    for (int t = 0; t < TURNS; t++) {
        uint32_t me = draw(CLIENTS), kind = draw(8);
        uint64_t off = draw(SPAN - 1), len = 1 + draw(draw(4) ? 80 : 1500);
        len = off + len > SPAN ? SPAN - off : len;
        if (kind < 4) { /* own bytes of the range, as one list */
            uint64_t first = off + (me + CLIENTS - off % CLIENTS) % CLIENTS, n = 0;
            for (uint64_t o = first; o < off + len; o += CLIENTS)
                if (version[o] < 255) {
                    version[o]++;
                    history[o][version[o]] = (uint8_t)draw(256);
                }
            for (uint64_t o = first; o < off + len; o += CLIENTS)
                bytes[n++] = now[o] = history[o][version[o]];
            const struct file_run run = { .off = first, .len = 1, .stride = CLIENTS, .count = n };
            file_req_init(&r, FILE_WRITE, NULL, NULL);
            r.runs = &run;
            rope_add_bytes(&r.data, bytes, n);
            if (n == 0)
                continue;
            cr_assert_eq(ask(w.top[me], &r), FILE_OK);
        } else if (kind < 6) {
            move(me, FILE_READ, off, got, len);
            for (uint64_t o = off; o < off + len; o++) {
                bool fine = false, mine = o % CLIENTS == me;
                for (uint64_t v = mine ? version[o] : seen[me][o]; v <= version[o]; v++)
                    fine |= history[o][v] == got[o - off];
                cr_assert(fine, "seed %d, turn %d: client %u has %u of byte %d", (int)seed, t, me,
                          got[o - off], (int)o);
            }
        } else { /* of all, of a range, of all behind a byte */
            enum file_hint what = kind == 6 ? FILE_PROPAGATE : FILE_REFRESH;
            bool all = draw(2) == 0, tail = !all && off > 0 && draw(2) == 0;
            cr_assert_eq(all ? hint(me, what) : hint_of(me, what, off, len, tail), FILE_OK);
            for (uint64_t o = 0; o < SPAN; o++) {
                if (!all && (o < off || (!tail && o >= off + len)))
                    continue;
                if (kind == 7)
                    seen[me][o] = below[o];
                else if (o % CLIENTS == me)
                    below[o] = version[o];
            }
        }
    }
    for (uint32_t i = 0; i < CLIENTS; i++)
        cr_assert_eq(hint(i, FILE_PROPAGATE), FILE_OK);
    for (uint32_t i = 0; i < CLIENTS; i++) {
        cr_assert_eq(hint(i, FILE_REFRESH), FILE_OK);
        move(i, FILE_READ, 0, got, SPAN);
        for (uint64_t o = 0; o < SPAN; o++)
            cr_assert_eq(got[o], now[o], "seed %d: client %u has %u of byte %d, written was %u",
                         (int)seed, i, got[o], (int)o, now[o]);
    }
    stop();
}

Test(cache, bytes_of_a_block_that_several_write_are_never_lost)
{
    for (uint64_t seed = 1; seed <= sample("CACHE_SEEDS", 4); seed++) {
        struct file_cache_params p = { .dirty_fraction = 0.5,
                                       .bytes = 4000 << seed % 3,
                                       .block = 300 + 170 * (int64_t)(seed % 4),
                                       .ahead = (int64_t)seed % 5,
                                       .dirty = (int64_t)(seed % 3) * 1500,
                                       .policy = policy_of(policy_name((int)seed % POLICIES)),
                                       .age = seed % 2 ? SIM_MS : 0,
                                       .idle = seed % 3 ? 0 : SIM_MS / 10,
                                       .cluster = seed % 4 == 1 ? 2 : 0 };
        shared(&p, seed);
    }
}

/* A block that the file below ended in, of which something is dirty. */
Test(cache, after_a_refresh_the_file_is_as_long_as_others_made_it)
{
    struct file_cache_params p = {
        .dirty_fraction = 0.5, .bytes = 4000, .block = 400, .dirty = 2000
    };
    uint8_t bytes[150], mine = 77;
    struct file_req r;
    start(&p, 1);
    file_req_init(&r, FILE_READ, NULL, NULL);
    file_range(&r, 0, 150);
    cr_assert_eq(ask(w.top[0], &r), FILE_OK);
    cr_assert_eq(r.moved, 0);
    pattern_fill(1, 0, 100, bytes);
    move(1, FILE_WRITE, 50, bytes, 100);
    cr_assert_eq(cache_of(1)->store.counts.written, 0, "CACHE3");
    cr_assert_eq(hint(1, FILE_PROPAGATE), FILE_OK);
    cr_assert_eq(cache_of(1)->store.counts.written, 1);
    move(0, FILE_WRITE, 10, &mine, 1);
    file_req_init(&r, FILE_READ, NULL, NULL);
    file_range(&r, 0, 150);
    cr_assert_eq(ask(w.top[0], &r), FILE_OK);
    cr_assert_eq(r.moved, 11, "not before");
    rope_fini(&r.data);
    cr_assert_eq(hint(0, FILE_REFRESH), FILE_OK);
    move(0, FILE_READ, 0, bytes, 150);
    for (uint32_t i = 0; i < 150; i++)
        cr_assert_eq(bytes[i], i == 10 ? mine : i < 50 ? 0 : pattern_byte(1, i - 50));
    stop();
}

/* FILE_REFRESH of a range leaves the others, and asks where the file ends if that is of it. */
Test(cache, a_range_alone_is_forgotten)
{
    struct file_cache_params p = { .dirty_fraction = 0.5, .bytes = 4000, .block = 400 };
    uint8_t bytes[1000], got[1000];
    struct file_req r;
    start(&p, 1);
    pattern_fill(1, 0, 1000, bytes);
    move(1, FILE_WRITE, 0, bytes, 900);
    move(0, FILE_READ, 0, got, 900);
    uint64_t fetched = cache_of(0)->store.counts.fetched;
    pattern_fill(2, 0, 1000, bytes);
    move(1, FILE_WRITE, 0, bytes, 1000);
    cr_assert_eq(hint_of(0, FILE_REFRESH, 300, 200, false), FILE_OK);
    move(0, FILE_READ, 0, got, 900);
    cr_assert_eq(cache_of(0)->store.counts.fetched, fetched + 2);
    for (uint32_t i = 0; i < 900; i++)
        cr_assert_eq(got[i], pattern_byte(i < 300 || i >= 500 ? 1 : 2, i), "byte %d", (int)i);
    for (int again = 0; again < 2; again++) {
        file_req_init(&r, FILE_READ, NULL, NULL);
        file_range(&r, 850, 200);
        cr_assert_eq(ask(w.top[0], &r), FILE_OK);
        cr_assert_eq(r.moved, again ? 150 : 50);
        rope_fini(&r.data);
        cr_assert_eq(hint_of(0, FILE_REFRESH, 1300, 0, true), FILE_OK);
    }
    stop();
    p.dirty = 4000;
    p.dirty_fraction = 1;
    start(&p, 1);
    for (uint64_t i = 0; i < 6; i++)
        move(0, FILE_WRITE, i * 400 + 100, bytes, 50);
    cr_assert_eq(hint_of(0, FILE_PROPAGATE, 399, 402, false), FILE_OK);
    cr_assert_eq(cache_of(0)->store.counts.written, 3);
    cr_assert_eq(hint_of(0, FILE_PROPAGATE, 1700, 0, true), FILE_OK);
    cr_assert_eq(cache_of(0)->store.counts.written, 5);
    cr_assert_eq(hint(0, FILE_PROPAGATE), FILE_OK);
    cr_assert_eq(cache_of(0)->store.counts.written, 6);
    stop();
}
