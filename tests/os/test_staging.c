/* test_staging.c: policies of purge and of prefetch, and the walks of data sets, against slow
 * models that know nothing of how they are made. */
#include <criterion/criterion.h>
#include <math.h>
#include <string.h>

#include "os/hsm/prefetch.h"
#include "os/hsm/replace.h"
#include "tests/fake/port_fake.h"
#include "tests/sample.h"
#include "workloads/tape/shelf.h"
#include "workloads/tape/walk.h"

static uint64_t state;

static uint64_t draw(uint64_t n)
{
    state = state * 6364136223846793005u + 1442695040888963407u;
    return (state >> 33) % n;
}

static void in_a_world(void (*fn)(struct port *p, void *arg))
{
    struct fake *f = fake_create(&(struct fake_options){ .nodes = 1 });
    state = 1;
    fake_boot(f, 0, fn, NULL);
    fake_run(f, 10);
    fake_destroy(f);
}

static const struct replace_ops *replacement(const char *name)
{
    const struct kind *k = kind_find(&hsm_replacements, name);
    cr_assert_not_null(k);
    return (const struct replace_ops *)k;
}

static const struct prefetch_ops *prefetcher(const char *name)
{
    const struct kind *k = kind_find(&hsm_prefetches, name);
    cr_assert_not_null(k);
    return (const struct prefetch_ops *)k;
}

/* ---- which file goes ---- */

enum { FILES = 40 };

/* All that is there, and the rule as a book has it. */
struct book {
    const char *rule;
    uint64_t room, used, now, size[FILES], last[FILES];
    bool there[FILES];
    double credit[FILES], level;
};

static bool goes_before(const struct book *b, uint32_t x, uint32_t y)
{
    double old_x = (double)(b->now - b->last[x]), old_y = (double)(b->now - b->last[y]);
    double size_x = (double)b->size[x], size_y = (double)b->size[y];
    if (strcmp(b->rule, "lru") == 0)
        return old_x > old_y;
    if (strcmp(b->rule, "mru") == 0)
        return old_x < old_y;
    if (strcmp(b->rule, "size") == 0)
        return size_x > size_y;
    if (strcmp(b->rule, "stp") == 0)
        return size_x * old_x > size_y * old_y;
    if (strcmp(b->rule, "stp14") == 0)
        return log(size_x) + 1.4 * log(old_x) > log(size_y) + 1.4 * log(old_y) + 1e-9;
    return b->credit[x] < b->credit[y];
}

static bool book_read(struct book *b, uint32_t file)
{
    bool hit = b->there[file];
    b->now++;
    while (!hit && b->used + b->size[file] > b->room) {
        uint32_t goes = FILES;
        for (uint32_t i = 0; i < FILES; i++)
            if (b->there[i] && (goes == FILES || goes_before(b, i, goes)))
                goes = i;
        if (goes == FILES)
            return false;
        b->there[goes] = false;
        b->used -= b->size[goes];
        b->level = b->credit[goes];
    }
    b->used += hit ? 0 : b->size[file];
    b->there[file] = true;
    b->last[file] = b->now;
    b->credit[file] = b->level + 1.0 / ((double)b->size[file] + 1);
    return hit;
}

static void by_the_book(struct port *p, void *arg)
{
    static const char *const rules[] = { "lru", "mru", "size", "stp", "stp14", "gds", "gds_cost" };
    (void)arg;
    for (uint32_t round = 0; round < 10 * ARRAY_LEN(rules); round++) {
        struct book b = { .rule = rules[round % ARRAY_LEN(rules)], .room = 500 + draw(2000) };
        for (uint32_t i = 0; i < FILES; i++)
            b.size[i] = 1 + draw(i % 5 == 0 ? 400 : 60);
        const struct shelf_params s = { .room = b.room,
                                        .high = 1,
                                        .low = 1,
                                        .replace = replacement(b.rule),
                                        .prefetch = prefetcher("none") };
        struct shelf *x = shelf_create(p, &s, FILES, 1, b.size);
        for (uint32_t k = 0; k < 400; k++) {
            uint32_t file = (uint32_t)(draw(3) == 0 ? draw(FILES) : draw(FILES / 4));
            cr_assert_eq(shelf_read(x, file, 0), book_read(&b, file), "%s: read %u of round %u",
                         b.rule, k, round);
            cr_assert_eq(shelf_used(x), b.used, "%s: read %u of round %u", b.rule, k, round);
        }
        shelf_free(x);
    }
}

Test(staging, the_file_goes_that_the_book_says)
{
    in_a_world(by_the_book);
}

/* What a policy says of files is the same, whoever asks how often, until one has gone. */
static void steady(struct port *p, void *arg)
{
    (void)arg;
    for (const struct kind *const *k = hsm_replacements.items; *k; k++) {
        const struct replace_ops *ops = (const struct replace_ops *)*k;
        void *self = port_alloc(p, ops->kind.state_size + 1);
        double note[FILES] = { 0 }, first[FILES];
        struct replace_file f[FILES];
        for (uint32_t i = 0; i < FILES; i++) {
            f[i] = (struct replace_file){ .file = i + 1,
                                          .size = 1 + draw(1000),
                                          .idle = (sim_time)draw(1000) * SIM_SEC,
                                          .age = (sim_time)draw(1000) * SIM_SEC,
                                          .fetch = (sim_time)draw(3) * SIM_SEC,
                                          .note = &note[i] };
            if (ops->used != NULL && draw(2))
                ops->used(self, &f[i]);
            first[i] = ops->value(self, &f[i]);
        }
        for (uint32_t i = FILES; i-- > 0;)
            cr_assert_eq(ops->value(self, &f[i]), first[i], "%s", ops->kind.name);
        if (ops->purged != NULL)
            ops->purged(self, &f[0], first[0]);
        port_free(p, self);
    }
}

Test(staging, what_a_policy_says_stays_until_a_purge)
{
    in_a_world(steady);
}

/* What came just now, and was not used since hours, is not old. */
static void what_came(struct port *p, void *arg)
{
    static const char *const rules[] = { "lru", "stp", "stp14" };
    (void)p;
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        double notes[2] = { 0, 0 };
        struct replace_file fresh = {
            .file = 1, .size = 10, .idle = 9000 * SIM_SEC, .age = SIM_SEC, .note = &notes[0]
        };
        struct replace_file old = {
            .file = 2, .size = 10, .idle = 5 * SIM_SEC, .age = 9000 * SIM_SEC, .note = &notes[1]
        };
        const struct replace_ops *ops = replacement(rules[i]);
        cr_assert_gt(ops->value(NULL, &old), ops->value(NULL, &fresh), "%s", rules[i]);
    }
}

Test(staging, what_was_staged_ahead_is_not_as_old_as_its_last_use)
{
    in_a_world(what_came);
}

/* GreedyDual-Size by cost: among files of one size that which is cheap to fetch goes. */
static void by_cost(struct port *p, void *arg)
{
    (void)arg;
    const struct replace_ops *ops = replacement("gds_cost");
    void *self = port_alloc(p, ops->kind.state_size);
    double notes[2] = { 0, 0 };
    struct replace_file dear = { .file = 1, .size = 99, .fetch = 100 * SIM_SEC, .note = &notes[0] },
                        cheap = { .file = 2, .size = 99, .fetch = 10 * SIM_SEC, .note = &notes[1] };
    ops->used(self, &dear);
    ops->used(self, &cheap);
    cr_assert_float_eq(notes[0], 1, 1e-12);
    cr_assert_float_eq(notes[1], 0.1, 1e-12);
    double value = ops->value(self, &cheap);
    cr_assert_gt(value, ops->value(self, &dear));
    for (uint32_t i = 1; i <= 9; i++) { /* it comes and goes nine times, and then no more */
        ops->purged(self, &cheap, value);
        notes[1] = 0;
        value = ops->value(self, &cheap);
        cr_assert_float_eq(notes[1], 0.1 * (i + 1), 1e-12);
    }
    cr_assert_leq(value, ops->value(self, &dear) + 1e-12);
    port_free(p, self);
}

Test(staging, a_file_that_is_dear_to_fetch_stays_longer)
{
    in_a_world(by_cost);
}

/* ---- how often it is there ---- */

static double hits_of(struct port *p, const char *policy, const struct walk_params *w,
                      uint64_t room, uint64_t reads, uint64_t warmup, uint32_t *list)
{
    uint64_t *size = port_alloc(p, (size_t)w->files * sizeof *size), was = 0;
    struct walk x;
    struct walk_piece piece[1];
    for (int64_t i = 0; i < w->files; i++)
        size[i] = 1;
    const struct shelf_params s = { .room = room,
                                    .high = 1,
                                    .low = 1,
                                    .replace = replacement(policy),
                                    .prefetch = prefetcher("none") };
    struct shelf *shelf = shelf_create(p, &s, (uint32_t)w->files, 1, size);
    walk_init(&x, p, w, 0, 1);
    for (uint64_t k = 0; k < warmup + reads; k++) {
        if (k == warmup)
            was = shelf_counts(shelf)->hits;
        cr_assert_eq(walk_next(&x, piece), 1);
        if (list != NULL)
            list[k] = piece[0].file;
        (void)shelf_read(shelf, piece[0].file, 0);
    }
    double ratio = (double)(shelf_counts(shelf)->hits - was) / (double)reads;
    walk_fini(&x);
    shelf_free(shelf);
    port_free(p, size);
    return ratio;
}

/* The hit ratio when reads are independent.  By LRU file i is there with probability
 * 1 - exp(-q_i T) [Che, Tung & Wang 2002], when any file goes with q_i T / (1 + q_i T) [Fricker,
 * Robert & Roberts 2012]; T makes the sum of these the room. */
static double che(int64_t files, double alpha, double room, bool lru)
{
    double sum = 0, low = 0, high = 1e9, hits = 0;
    for (int64_t i = 1; i <= files; i++)
        sum += pow((double)i, -alpha);
    for (int round = 0; round < 100; round++) {
        double t = (low + high) / 2, there = 0;
        hits = 0;
        for (int64_t i = 1; i <= files; i++) {
            double q = pow((double)i, -alpha) / sum;
            double is = lru ? 1 - exp(-q * t) : q * t / (1 + q * t);
            there += is;
            hits += q * is;
        }
        *(there > room ? &high : &low) = t;
    }
    return hits;
}

static void against_che(struct port *p, void *arg)
{
    (void)arg;
    static const struct {
        double alpha;
        uint64_t room;
    } cases[] = { { 0.6, 30 }, { 0.8, 60 }, { 1.1, 100 }, { 0, 80 } };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct walk_params w = {
            .access = WALK_ZIPF, .files = 400, .pieces = 1, .run = 1, .seed = 5, .scattered = true
        };
        w.alpha = cases[i].alpha;
        for (int lru = 0; lru < 2; lru++) {
            double got = hits_of(p, lru ? "lru" : "random", &w, cases[i].room, 40000, 4000, NULL);
            double want = che(w.files, w.alpha, (double)cases[i].room, lru);
            cr_assert_float_eq(got, want, 0.01, "%d, alpha %g, room %llu: %g, by Che %g", lru,
                               w.alpha, (unsigned long long)cases[i].room, got, want);
        }
    }
}

Test(staging, lru_and_chance_hit_as_often_as_che_says)
{
    in_a_world(against_che);
}

/* The most hits that any choices reach, by trying all. */
static uint64_t try_all(const uint32_t *reads, uint64_t n, uint32_t there, uint32_t room)
{
    if (n == 0)
        return 0;
    uint32_t bit = 1u << reads[0], count = 0;
    uint64_t best = 0;
    if (there & bit)
        return 1 + try_all(reads + 1, n - 1, there, room);
    for (uint32_t x = there; x != 0; x &= x - 1)
        count++;
    if (count < room)
        return try_all(reads + 1, n - 1, there | bit, room);
    best = try_all(reads + 1, n - 1, there, room); /* it itself is not kept */
    for (uint32_t i = 0; i < 6; i++) {
        if (!(there & 1u << i))
            continue;
        uint64_t x = try_all(reads + 1, n - 1, (there & ~(1u << i)) | bit, room);
        best = x > best ? x : best;
    }
    return best;
}

static void the_best(struct port *p, void *arg)
{
    (void)arg;
    for (uint32_t round = 0; round < 200; round++) {
        uint32_t reads[10], n = 1 + (uint32_t)draw(10), room = 1 + (uint32_t)draw(3);
        for (uint32_t i = 0; i < n; i++)
            reads[i] = (uint32_t)draw(6);
        cr_assert_eq(shelf_best(p, reads, n, 6, room), try_all(reads, n, 0, room), "round %u",
                     round);
    }
    for (const struct kind *const *k = hsm_replacements.items; *k; k++) {
        struct walk_params w = {
            .access = WALK_ZIPF, .files = 200, .pieces = 1, .run = 5, .seed = 5, .alpha = 0.7
        };
        uint32_t list[3000];
        double got = hits_of(p, (*k)->name, &w, 30, 3000, 0, list);
        cr_assert_leq(got * 3000, (double)shelf_best(p, list, 3000, 200, 30) + 0.5, "%s",
                      (*k)->name);
    }
}

Test(staging, nothing_hits_more_often_than_the_best)
{
    in_a_world(the_best);
}

/* ---- what is asked for ahead ---- */

struct asked {
    uint64_t file, off, len;
};
struct door {
    struct asked asked[64];
    uint32_t count;
    uint64_t files, size; /* handles 1 .. files, all alike */
};

static bool stage(void *arg, uint64_t file, uint64_t off, uint64_t len)
{
    struct door *d = arg;
    cr_assert_lt(d->count, ARRAY_LEN(d->asked));
    cr_assert_gt(len, 0);
    d->asked[d->count++] = (struct asked){ file, off, len };
    return true;
}

static uint64_t size_of(void *arg, uint64_t file)
{
    const struct door *d = arg;
    return file >= 1 && file <= d->files ? d->size : UINT64_MAX;
}

/* All that was done so far, by which a slow model says what is asked for. */
struct past {
    struct prefetch_access a[600];
    struct asked said[600];
    uint32_t count, said_count, said_from;
};

static uint32_t slow_next(const struct past *x, const struct door *d, struct asked *out)
{
    const struct prefetch_access *a = &x->a[x->count - 1];
    bool on = a->off == 0;
    for (uint32_t i = x->count - 1; i-- > 0;)
        if (x->a[i].file == a->file && !x->a[i].write) {
            on = x->a[i].off + x->a[i].len == a->off;
            break;
        }
    uint64_t end = a->off + a->len, most = end + 4 * a->len;
    if (!on || end >= d->size)
        return 0;
    out[0] = (struct asked){ a->file, end, (most < d->size ? most : d->size) - end };
    return 1;
}

static uint32_t slow_file(const struct past *x, const struct door *d, struct asked *out)
{
    const struct prefetch_access *a = &x->a[x->count - 1];
    uint32_t n = 0;
    if (a->off + a->len < d->size)
        out[n++] = (struct asked){ a->file, a->off + a->len, d->size - a->off - a->len };
    if (a->off > 0)
        out[n++] = (struct asked){ a->file, 0, a->off };
    return n;
}

/* The file before that read which is another's. */
static uint64_t before(const struct past *x, uint32_t at, uint32_t *where)
{
    for (uint32_t i = at; i-- > 0;)
        if (!x->a[i].write && x->a[i].file != x->a[at].file) {
            *where = i;
            return x->a[i].file;
        }
    return 0;
}

static bool same_as_before(const struct past *x)
{
    for (uint32_t i = x->count - 1; i-- > 0;)
        if (!x->a[i].write)
            return x->a[i].file == x->a[x->count - 1].file;
    return false;
}

static uint32_t slow_near(const struct past *x, const struct door *d, struct asked *out)
{
    uint64_t file = x->a[x->count - 1].file;
    uint32_t n = 0;
    for (uint64_t k = file + 1; k <= file + 2 && !same_as_before(x); k++)
        if (k <= d->files)
            out[n++] = (struct asked){ k, 0, d->size };
    return n;
}

/* Who came after `file` the last time that another did. */
static uint64_t after(const struct past *x, uint64_t file)
{
    uint32_t where;
    for (uint32_t i = x->count; i-- > 0;)
        if (!x->a[i].write && before(x, i, &where) == file &&
            (i == 0 || where + 1 == i || x->a[i].file != file))
            return x->a[i].file;
    return 0;
}

static uint32_t slow_last(const struct past *x, const struct door *d, struct asked *out)
{
    uint64_t file = x->a[x->count - 1].file, then = after(x, file);
    uint32_t n = 0;
    if (same_as_before(x) || then == 0)
        return 0;
    out[n++] = (struct asked){ then, 0, d->size };
    then = after(x, then);
    if (then != 0 && then != file)
        out[n++] = (struct asked){ then, 0, d->size };
    return n;
}

static uint32_t slow_list(struct past *x, const struct door *d, struct asked *out)
{
    const struct prefetch_access *a = &x->a[x->count - 1];
    uint32_t n = 0;
    (void)d;
    for (uint32_t i = x->said_from; i < x->said_count && i < x->said_from + 64; i++) {
        const struct asked *s = &x->said[i];
        bool apart = a->off + a->len <= s->off || s->off + s->len <= a->off;
        if (s->file != a->file || apart)
            continue;
        x->said_from = a->off + a->len >= s->off + s->len ? i + 1 : i;
        break;
    }
    for (uint32_t i = x->said_from; i < x->said_count && n < 8; i++)
        out[n++] = x->said[i];
    return n;
}

static void one_prefetcher(struct port *p, const char *name, uint32_t round,
                           uint32_t (*slow)(struct past *x, const struct door *d,
                                            struct asked *out))
{
    const struct prefetch_ops *ops = prefetcher(name);
    void *self = port_alloc(p, ops->kind.state_size);
    struct past *x = port_alloc(p, sizeof *x);
    struct door d = { .files = 5 + draw(6), .size = 1000 };
    const struct prefetch_door door = { .arg = &d, .stage = stage, .size = size_of };
    ops->init(self, p, &door);
    for (uint32_t k = 0; k < 300; k++) {
        struct asked want[16];
        uint32_t n;
        d.count = 0;
        if (ops->hint != NULL && draw(3) > 0 && x->said_count < ARRAY_LEN(x->said)) {
            struct file_run r = { .off = draw(10) * 100, .len = 100 + draw(3) * 100, .count = 1 };
            uint64_t file = 1 + draw(d.files);
            ops->hint(self, file, &r, 1);
            x->said[x->said_count++] = (struct asked){ file, r.off, r.len };
        }
        struct prefetch_access *a = &x->a[x->count++];
        *a = (struct prefetch_access){
            .file = 1 + draw(d.files), .off = draw(10) * 100, .len = 100, .write = draw(8) == 0
        };
        if (k > 0 && draw(2)) { /* it goes on */
            *a = x->a[x->count - 2];
            a->off = (a->off + a->len) % d.size;
        }
        d.count = 0;
        ops->access(self, a);
        n = a->write ? 0 : slow(x, &d, want);
        cr_assert_eq(d.count, n, "%s: %u for %u at %u of round %u", name, d.count, n, k, round);
        for (uint32_t i = 0; i < n; i++)
            cr_assert(memcmp(&d.asked[i], &want[i], sizeof want[i]) == 0,
                      "%s: file %llu, not %llu at %u of round %u", name,
                      (unsigned long long)d.asked[i].file, (unsigned long long)want[i].file, k,
                      round);
    }
    port_free(p, x);
    port_free(p, self);
}

#define SLOW(name)                                                                                 \
    static uint32_t model_##name(struct past *x, const struct door *d, struct asked *out)          \
    {                                                                                              \
        return slow_##name(x, d, out);                                                             \
    }
SLOW(next)
SLOW(file)
SLOW(near)
SLOW(last)
SLOW(list)

static void ahead(struct port *p, void *arg)
{
    (void)arg;
    for (uint32_t round = 0; round < 10; round++) {
        one_prefetcher(p, "next", round, model_next);
        one_prefetcher(p, "file", round, model_file);
        one_prefetcher(p, "near", round, model_near);
        one_prefetcher(p, "last", round, model_last);
        one_prefetcher(p, "list", round, model_list);
    }
}

Test(staging, a_prefetcher_asks_for_what_its_rule_says)
{
    in_a_world(ahead);
}

/* What was said is asked for: of `hints` at once, with its strides. */
static void as_told(struct port *p, void *arg)
{
    (void)arg;
    const struct prefetch_ops *ops = prefetcher("hints");
    void *self = port_alloc(p, ops->kind.state_size);
    struct door d = { .files = 9, .size = 1000 };
    const struct prefetch_door door = { .arg = &d, .stage = stage, .size = size_of };
    const struct file_run runs[] = { { 100, 10, 50, 3 }, { 0, 0, 0, 1 }, { 700, 20, 20, 1 } };
    ops->init(self, p, &door);
    ops->hint(self, 4, runs, 3);
    cr_assert_eq(d.count, 2);
    cr_assert(d.asked[0].file == 4 && d.asked[0].off == 100 && d.asked[0].len == 110);
    cr_assert(d.asked[1].file == 4 && d.asked[1].off == 700 && d.asked[1].len == 20);
    port_free(p, self);
}

Test(staging, hints_are_asked_for_as_they_come)
{
    in_a_world(as_told);
}

/* Files that have gone are not asked for, and memory does not grow with what is told. */
static void gone(struct port *p, void *arg)
{
    (void)arg;
    struct door d = { .files = 100000, .size = 1000 };
    const struct prefetch_door door = { .arg = &d, .stage = stage, .size = size_of };
    for (const struct kind *const *k = hsm_prefetches.items; *k; k++) {
        const struct prefetch_ops *ops = (const struct prefetch_ops *)*k;
        void *self = port_alloc(p, ops->kind.state_size + 1);
        if (ops->init != NULL)
            ops->init(self, p, &door);
        for (uint32_t i = 1; i < 20000; i++) {
            struct file_run r = { .off = 0, .len = 100, .count = 1 };
            const struct prefetch_access a = { .file = i % 3 + 1, .off = 0, .len = 100 };
            d.count = 0;
            if (ops->hint != NULL)
                ops->hint(self, i, &r, 1);
            if (ops->access != NULL)
                ops->access(self, &a);
        }
        d.count = 0;
        for (uint64_t i = 1; i < 20000; i++)
            if (ops->gone != NULL)
                ops->gone(self, i);
        const struct prefetch_access a = { .file = 1, .off = 0, .len = 1000 };
        if (ops->gone != NULL) {
            ops->access(self, &a);
            cr_assert_eq(d.count, 0, "%s", ops->kind.name);
        }
        port_free(p, self);
    }
}

Test(staging, what_has_gone_is_forgotten)
{
    in_a_world(gone);
}

/* On a shelf: what was fetched ahead was read, was purged unread, or still lies there. */
static void accounts(struct port *p, void *arg)
{
    (void)arg;
    for (const struct kind *const *k = hsm_prefetches.items; *k; k++)
        for (int access = WALK_SWEEP; access <= WALK_ZIPF; access++) {
            const struct walk_params w = { .access = access,
                                           .files = 24,
                                           .pieces = 4,
                                           .columns = 12,
                                           .rows = 8,
                                           .layers = 1,
                                           .view = 2,
                                           .run = 4,
                                           .seed = 3,
                                           .straight = 0.8,
                                           .alpha = 0.7,
                                           .scattered = true };
            uint64_t size[24], unread = 0;
            struct walk x, y;
            struct walk_piece pieces[9];
            for (uint32_t i = 0; i < 24; i++)
                size[i] = 4 * (1 + draw(30));
            const struct shelf_params s = { .room = 500,
                                            .high = 0.95,
                                            .low = 0.7,
                                            .whole = access == WALK_ZIPF,
                                            .replace = replacement("lru"),
                                            .prefetch = (const struct prefetch_ops *)*k };
            struct shelf *shelf = shelf_create(p, &s, 24, 4, size);
            const struct shelf_counts *c = shelf_counts(shelf);
            walk_init(&x, p, &w, 0, 1);
            walk_init(&y, p, &w, 0, 1);
            for (uint32_t step = 0; step < 300; step++) {
                uint32_t n = walk_next(&y, pieces);
                for (uint32_t i = 0; i < n; i++)
                    shelf_hint(shelf, pieces[i].file, pieces[i].piece);
                n = walk_next(&x, pieces);
                for (uint32_t i = 0; i < n; i++) {
                    uint64_t purged = c->purged;
                    (void)shelf_read(shelf, pieces[i].file, pieces[i].piece);
                    if (c->purged > purged && !s.whole && c->ahead == 0)
                        cr_assert_leq(shelf_used(shelf), 350 + 30);
                }
                cr_assert_leq(shelf_used(shelf), 500, "SHELF1");
                cr_assert_leq(c->used + c->wasted, c->ahead, "SHELF2");
            }
            uint64_t before = c->used + c->wasted;
            for (uint32_t i = 0; i < 24; i++) /* what lies there is a hit, and read then */
                for (uint32_t j = 0; j < 4; j++)
                    unread += shelf_unread(shelf, i, j);
            cr_assert_eq(c->ahead, before + unread, "SHELF2: %s", (*k)->name);
            cr_assert_eq(c->fetched, c->ahead + c->reads - c->hits + c->beside, "%s", (*k)->name);
            walk_fini(&x);
            walk_fini(&y);
            shelf_free(shelf);
        }
}

Test(staging, what_is_fetched_ahead_is_accounted_for)
{
    in_a_world(accounts);
}

/* ---- walks ---- */

static struct walk_params tiles_of(int64_t columns, int64_t rows, int64_t layers, int64_t view)
{
    return (struct walk_params){ .access = WALK_TILES,
                                 .files = columns * rows * layers / 4,
                                 .pieces = 4,
                                 .columns = columns,
                                 .rows = rows,
                                 .layers = layers,
                                 .view = view,
                                 .straight = 0.7,
                                 .seed = (int64_t)draw(1000) };
}

/* The tiles touched so far and in the last steps give back the view, a block that has moved by one;
 * a second walk goes the same way. */
static void views(struct port *p, void *arg)
{
    static const int64_t shapes[][4] = {
        { 12, 8, 1, 3 }, { 6, 4, 5, 2 }, { 4, 2, 1, 2 }, { 3, 4, 1, 3 }, { 8, 8, 2, 4 }
    };
    (void)arg;
    for (uint32_t round = 0; round < 4 * ARRAY_LEN(shapes); round++) {
        const int64_t *s = shapes[round % ARRAY_LEN(shapes)];
        const struct walk_params w = tiles_of(s[0], s[1], s[2], s[3]);
        struct err e = ERR_INIT;
        cr_assert(walk_check(&w, "walk", &e), "%s", e.text);
        struct walk x, y;
        struct walk_piece a[64], b[64];
        bool view[200] = { false };
        walk_init(&x, p, &w, 2, 5);
        walk_init(&y, p, &w, 2, 5);
        for (uint32_t step = 0; step < 200; step++) {
            uint32_t from[3] = { x.at[0], x.at[1], x.at[2] }, n = walk_next(&x, a), moved = 0;
            cr_assert_eq(walk_next(&y, b), n);
            cr_assert_arr_eq(a, b, n * sizeof *a);
            for (int way = 0; way < 3; way++)
                moved += x.at[way] > from[way] ? x.at[way] - from[way] : from[way] - x.at[way];
            bool stuck = w.columns == w.view && w.rows == w.view && w.layers <= w.view;
            cr_assert(step == 0 || moved == !stuck);
            bool now[200] = { false };
            uint32_t fresh = 0, deep = (uint32_t)(w.view < w.layers ? w.view : w.layers);
            for (uint32_t z = x.at[2]; z < x.at[2] + deep; z++)
                for (uint32_t r = x.at[1]; r < x.at[1] + (uint32_t)w.view; r++)
                    for (uint32_t c = x.at[0]; c < x.at[0] + (uint32_t)w.view; c++) {
                        cr_assert(c < w.columns && r < w.rows && z < w.layers);
                        now[(z * w.rows + r) * w.columns + c] = true;
                    }
            for (uint32_t t = 0; t < 200; t++)
                fresh += now[t] && (!view[t] || stuck);
            cr_assert_eq(n, fresh);
            for (uint32_t i = 0; i < n; i++) {
                uint32_t t = a[i].file * 4 + a[i].piece;
                cr_assert(now[t] && (!view[t] || stuck));
                view[t] = true; /* none twice */
            }
            memcpy(view, now, sizeof view);
        }
        walk_fini(&x);
        walk_fini(&y);
    }
}

Test(staging, a_view_moves_by_one_and_asks_for_what_is_new)
{
    in_a_world(views);
}

static void by_popularity(struct port *p, void *arg)
{
    (void)arg;
    for (int scattered = 0; scattered < 2; scattered++) {
        const struct walk_params w = { .access = WALK_ZIPF,
                                       .files = 60,
                                       .pieces = 2,
                                       .run = 3,
                                       .seed = 9,
                                       .alpha = 1,
                                       .scattered = scattered };
        uint64_t first[60] = { 0 }, n = 30000, set = 0;
        uint32_t members[20][3], sets = 0, close = 0;
        struct walk x;
        struct walk_piece a[2];
        walk_init(&x, p, &w, 0, 1);
        for (uint64_t k = 0; k < n; k++) {
            uint32_t got[3];
            for (uint32_t i = 0; i < 3; i++) {
                cr_assert_eq(walk_next(&x, a), 2);
                cr_assert(a[0].file == a[1].file && a[0].piece == 0 && a[1].piece == 1);
                got[i] = a[0].file;
            }
            for (set = 0; set < sets && members[set][0] != got[0]; set++)
                ;
            if (set == sets) {
                cr_assert_lt(sets, 20);
                memcpy(members[sets++], got, sizeof got);
                close += got[1] == got[0] + 1 && got[2] == got[0] + 2;
            }
            cr_assert_arr_eq(members[set], got, sizeof got);
            first[set]++;
        }
        cr_assert_eq(sets, 20);
        cr_assert_eq(close == 20, !scattered);
        /* Frequencies fall as 1/i. */
        double sum = 0, chi = 0;
        for (uint32_t i = 1; i <= 20; i++)
            sum += 1.0 / i;
        for (uint32_t i = 1; i <= 20; i++) {
            uint64_t most = 0;
            for (uint32_t s = 0; s < 20; s++)
                most = first[s] > first[most] ? s : most;
            double want = (double)n / i / sum, is = (double)first[most] - want;
            chi += is * is / want;
            first[most] = 0;
        }
        cr_assert_lt(chi, 43.8, "chi square of 19 degrees, one in a thousand: %g", chi);
        walk_fini(&x);
    }
}

Test(staging, sets_are_read_by_popularity_in_their_own_order)
{
    in_a_world(by_popularity);
}

static void sweeps(struct port *p, void *arg)
{
    (void)arg;
    const struct walk_params w = { .access = WALK_SWEEP, .files = 6, .pieces = 5 };
    for (uint32_t rank = 0; rank < 4; rank++) {
        struct walk x;
        struct walk_piece a[1];
        walk_init(&x, p, &w, rank, 4);
        for (uint32_t k = 0; k < 70; k++) {
            uint32_t at = (30 / 4 * rank + k) % 30;
            cr_assert_eq(walk_next(&x, a), 1);
            cr_assert(a[0].file == at / 5 && a[0].piece == at % 5);
        }
        walk_fini(&x);
    }
}

Test(staging, a_sweep_goes_round)
{
    in_a_world(sweeps);
}
