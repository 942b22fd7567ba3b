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
#include "workloads/tape/users.h"
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

static struct kind_choice replacement(const char *name)
{
    return kind_plain(&hsm_replacements, name);
}

static struct kind_choice prefetcher(const char *name)
{
    return kind_plain(&hsm_prefetches, name);
}

/* Of a choice: its policy, and the state of that. */
static const struct replace_ops *rule_of(const struct kind_choice *c)
{
    return (const struct replace_ops *)c->kind;
}

static const struct prefetch_ops *guess_of(const struct kind_choice *c)
{
    return (const struct prefetch_ops *)c->kind;
}

static void *begun(struct port *p, const struct kind_choice *c)
{
    void *self = port_alloc(p, c->kind->state_size + 1);
    if (rule_of(c)->init != NULL)
        rule_of(c)->init(self, c->params);
    return self;
}

/* A choice with the parameters of a table; it is written as a user would. */
struct with {
    struct kind_choice choice;
};
static const struct param purge_param[] = { P_KIND(with, choice, "lru", hsm_replacements, "It."),
                                            P_END };
static const struct param ahead_param[] = { P_KIND(with, choice, "none", hsm_prefetches, "It."),
                                            P_END };

static struct kind_choice with(const struct param *of, const char *policy, const char *const *names,
                               const double *values, size_t count)
{
    struct with w;
    struct err e = ERR_INIT;
    struct val *table = val_new(VAL_TABLE, "t.lua", 1), *own = val_new(VAL_TABLE, "t.lua", 1);
    val_put(own, "policy", val_new_string(policy, "t.lua", 1));
    for (size_t i = 0; i < count; i++)
        val_put(own, names[i], val_new_real(values[i], "t.lua", 1));
    val_put(table, "choice", own);
    cr_assert(param_load(of, &w, table, "test", &e), "%s", e.text);
    val_free(table);
    return w.choice;
}

/* ---- which file goes ---- */

enum { FILES = 40 };

/* All that is there, and the rule as a book has it. */
struct book {
    const char *rule;
    double time, space, often; /* exponents */
    bool aging;
    uint64_t uses[FILES];
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
    if (strncmp(b->rule, "stp", 3) == 0)
        return b->space * log(size_x / size_y) + b->time * log(old_x / old_y) > 1e-9;
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
    b->uses[file] = hit ? b->uses[file] + 1 : 1;
    b->there[file] = true;
    b->last[file] = b->now;
    b->credit[file] = (b->aging ? b->level : 0) + pow((double)b->uses[file], b->often) /
                                                      pow((double)b->size[file] + 1, b->space);
    return hit;
}

static void one_book(struct port *p, struct book *b, const struct kind_choice *policy,
                     uint32_t round)
{
    b->room = 500 + draw(2000);
    for (uint32_t i = 0; i < FILES; i++)
        b->size[i] = 1 + draw(i % 5 == 0 ? 400 : 60);
    const struct shelf_params s = {
        .room = b->room, .high = 1, .low = 1, .replace = *policy, .prefetch = prefetcher("none")
    };
    struct shelf *x = shelf_create(p, &s, FILES, 1, b->size);
    for (uint32_t k = 0; k < 400; k++) {
        uint32_t file = (uint32_t)(draw(3) == 0 ? draw(FILES) : draw(FILES / 4));
        cr_assert_eq(shelf_read(x, file, 0), book_read(b, file), "%s: read %u of round %u", b->rule,
                     k, round);
        cr_assert_eq(shelf_used(x), b->used, "%s: read %u of round %u", b->rule, k, round);
    }
    shelf_free(x);
}

static void by_the_book(struct port *p, void *arg)
{
    static const char *const rules[] = { "lru", "mru", "size", "stp", "stp14", "gds", "gds_cost" };
    (void)arg;
    for (uint32_t round = 0; round < 10 * ARRAY_LEN(rules); round++) {
        struct book b = { .rule = rules[round % ARRAY_LEN(rules)], .space = 1, .aging = true };
        b.time = strcmp(b.rule, "stp14") == 0 ? 1.4 : 1;
        struct kind_choice policy = replacement(b.rule);
        one_book(p, &b, &policy, round);
    }
}

/* Parameters have the effect that the book says, and at their ends the rule is another one. */
static void by_parameters(struct port *p, void *arg)
{
    static const char *const stp[] = { "exponent", "size_exponent" };
    static const char *const gds[] = { "size_exponent", "uses_exponent" };
    (void)arg;
    for (uint32_t round = 0; round < 40; round++) {
        double v[2] = { (double)draw(5) / 2 + 0.5, (double)draw(5) / 2 + 0.5 };
        struct book b = { .rule = "stp", .time = v[0], .space = v[1] };
        struct kind_choice policy = with(purge_param, "stp", stp, v, 2);
        one_book(p, &b, &policy, round);
        v[1] = (double)draw(4) / 2;
        b = (struct book){ .rule = "gds", .space = v[0], .often = v[1], .aging = true };
        policy = with(purge_param, "gds", gds, v, 2);
        one_book(p, &b, &policy, round);
        b = (struct book){ .rule = "lru" };
        policy = with(purge_param, "stp", stp, (const double[]){ 2.5, 0 }, 2);
        one_book(p, &b, &policy, round);
        b = (struct book){ .rule = "size" };
        policy = with(purge_param, "stp", stp, (const double[]){ 0, 0.5 }, 2);
        one_book(p, &b, &policy, round);
    }
}

Test(staging, parameters_of_a_rule_are_those_of_the_book)
{
    in_a_world(by_parameters);
}

/* Without aging what was used often once stays for ever; with it, it goes. */
static void by_aging(struct port *p, void *arg)
{
    (void)arg;
    for (int aging = 0; aging < 2; aging++) {
        struct with w;
        struct err e = ERR_INIT;
        struct val *table = val_new(VAL_TABLE, "t.lua", 1), *own = val_new(VAL_TABLE, "t.lua", 1);
        val_put(own, "policy", val_new_string("gds", "t.lua", 1));
        val_put(own, "uses_exponent", val_new_int(1, "t.lua", 1));
        val_put(own, "aging", val_new_bool(aging, "t.lua", 1));
        val_put(table, "choice", own);
        cr_assert(param_load(purge_param, &w, table, "test", &e), "%s", e.text);
        val_free(table);
        uint64_t size[40], hits = 0;
        for (uint32_t i = 0; i < 40; i++)
            size[i] = 1;
        const struct shelf_params s = {
            .room = 4, .high = 1, .low = 1, .replace = w.choice, .prefetch = prefetcher("none")
        };
        struct shelf *x = shelf_create(p, &s, 40, 1, size);
        for (uint32_t k = 0; k < 12; k++)
            (void)shelf_read(x, 0, 0);
        for (uint32_t round = 0; round < 30; round++)
            for (uint32_t i = 1; i < 10; i++)
                (void)shelf_read(x, i, 0);
        hits = shelf_counts(x)->hits;
        (void)shelf_read(x, 0, 0);
        cr_assert_eq(shelf_counts(x)->hits == hits, aging == 1);
        shelf_free(x);
    }
}

Test(staging, credit_that_does_not_age_stays)
{
    in_a_world(by_aging);
}

/* Another seed, another row; the same seed, the same. */
static void by_seed(struct port *p, void *arg)
{
    static const char *const names[] = { "seed" };
    static const double seeds[] = { 0, 0, 1 };
    double said[3][FILES] = { { 0 } };
    uint32_t differ = 0;
    (void)arg;
    for (int turn = 0; turn < 3; turn++) {
        struct kind_choice c = with(purge_param, "random", names, &seeds[turn], 1);
        void *self = begun(p, &c);
        for (uint32_t i = 0; i < FILES; i++) {
            const struct replace_file f = { .file = i + 1, .size = 1 };
            said[turn][i] = rule_of(&c)->value(self, &f);
        }
        port_free(p, self);
    }
    for (uint32_t i = 1; i < FILES; i++) {
        cr_assert(said[0][i] >= said[1][i] && said[0][i] <= said[1][i]);
        differ += (said[0][i] < said[0][i - 1]) != (said[2][i] < said[2][i - 1]);
    }
    cr_assert_gt(differ, FILES / 8);
}

Test(staging, chances_hang_on_the_seed)
{
    in_a_world(by_seed);
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
        const struct kind_choice c = replacement((*k)->name);
        const struct replace_ops *ops = rule_of(&c);
        void *self = begun(p, &c);
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
    (void)arg;
    for (size_t i = 0; i < ARRAY_LEN(rules); i++) {
        double notes[2] = { 0, 0 };
        struct replace_file fresh = {
            .file = 1, .size = 10, .idle = 9000 * SIM_SEC, .age = SIM_SEC, .note = &notes[0]
        };
        struct replace_file old = {
            .file = 2, .size = 10, .idle = 5 * SIM_SEC, .age = 9000 * SIM_SEC, .note = &notes[1]
        };
        const struct kind_choice c = replacement(rules[i]);
        void *self = begun(p, &c);
        cr_assert_gt(rule_of(&c)->value(self, &old), rule_of(&c)->value(self, &fresh), "%s",
                     rules[i]);
        port_free(p, self);
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
    const struct kind_choice c = replacement("gds_cost");
    const struct replace_ops *ops = rule_of(&c);
    void *self = begun(p, &c);
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

/* Two cartridges; on them files lie as 7 f mod 13 says, in sets of f mod 3. */
static uint64_t place_of(uint64_t file)
{
    return file * 7 % 13;
}

static uint64_t behind(void *arg, uint64_t file)
{
    const struct door *d = arg;
    for (uint64_t place = place_of(file) + 1; place < 13; place++)
        for (uint64_t i = 1; i <= d->files; i++)
            if (place_of(i) == place && i % 2 == file % 2)
                return i;
    return 0;
}

static uint64_t mate(void *arg, uint64_t file)
{
    const struct door *d = arg;
    uint64_t next = file;
    do
        next = next % d->files + 1;
    while (next % 3 != file % 3);
    return next;
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
    /* parameters */
    uint32_t depth, files, reads, order, confidence, search;
};

/* How many reads of its file up to a[at] went on, each from where the one before ended. */
static uint32_t in_a_row(const struct past *x, uint32_t at)
{
    for (uint32_t i = at; i-- > 0;)
        if (x->a[i].file == x->a[at].file && !x->a[i].write)
            return x->a[i].off + x->a[i].len == x->a[at].off ? in_a_row(x, i) + 1 : 0;
    return x->a[at].off == 0;
}

static uint32_t slow_next(const struct past *x, const struct door *d, struct asked *out)
{
    const struct prefetch_access *a = &x->a[x->count - 1];
    uint64_t end = a->off + a->len, most = end + x->depth * a->len;
    if (in_a_row(x, x->count - 1) < x->reads || end >= d->size)
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

static bool same_as_before(const struct past *x)
{
    for (uint32_t i = x->count - 1; i-- > 0;)
        if (!x->a[i].write)
            return x->a[i].file == x->a[x->count - 1].file;
    return false;
}

/* All that lie behind it, the nearest first. */
static uint32_t slow_near(const struct past *x, const struct door *d, struct asked *out)
{
    uint64_t file = x->a[x->count - 1].file;
    uint32_t n = 0;
    for (uint64_t place = place_of(file) + 1; place < 13 && !same_as_before(x); place++)
        for (uint64_t i = file % 2; i <= d->files; i += 2)
            if (i > 0 && place_of(i) == place && n < x->files)
                out[n++] = (struct asked){ i, 0, d->size };
    return n;
}

static uint32_t slow_set(const struct past *x, const struct door *d, struct asked *out)
{
    uint64_t file = x->a[x->count - 1].file;
    uint32_t n = 0;
    for (uint64_t i = file + 1; i < file + d->files && !same_as_before(x); i++) {
        uint64_t one = (i - 1) % d->files + 1;
        if (one % 3 == file % 3 && n < x->files)
            out[n++] = (struct asked){ one, 0, d->size };
    }
    return n;
}

/* The row of files as they were read, one after the other; how many. */
static uint32_t row_of(const struct past *x, uint64_t *row)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < x->count; i++)
        if (!x->a[i].write && (n == 0 || row[n - 1] != x->a[i].file))
            row[n++] = x->a[i].file;
    return n;
}

static bool same_context(const struct past *x, const uint64_t *a, const uint64_t *b)
{
    for (uint32_t i = 0; i < x->order; i++)
        if (a[-(ptrdiff_t)i] != b[-(ptrdiff_t)i])
            return false;
    return true;
}

/* What follows `order` files that end at `end`, if it has followed often enough in a row. */
static uint64_t follows(const struct past *x, const uint64_t *row, uint32_t n, const uint64_t *end)
{
    uint64_t then = 0;
    uint32_t right = 0;
    for (uint32_t i = n; i-- > x->order;) {
        if (!same_context(x, &row[i - 1], end))
            continue;
        if (then != 0 && row[i] != then)
            break;
        then = row[i];
        right++;
    }
    return right >= x->confidence ? then : 0;
}

static uint32_t slow_last(const struct past *x, const struct door *d, struct asked *out)
{
    uint64_t row[700], file = x->a[x->count - 1].file, then;
    uint32_t n = row_of(x, row), count = 0, end = n;
    if (same_as_before(x) || n < x->order)
        return 0;
    for (uint32_t i = 0; i < x->depth && (then = follows(x, row, n, &row[end - 1])) != 0; i++) {
        if (then != file)
            out[count++] = (struct asked){ then, 0, d->size };
        row[end++] = then;
    }
    return count;
}

static uint32_t slow_list(struct past *x, const struct door *d, struct asked *out)
{
    const struct prefetch_access *a = &x->a[x->count - 1];
    uint32_t n = 0;
    (void)d;
    for (uint32_t i = x->said_from; i < x->said_count && i < x->said_from + x->search; i++) {
        const struct asked *s = &x->said[i];
        bool apart = a->off + a->len <= s->off || s->off + s->len <= a->off;
        if (s->file != a->file || apart)
            continue;
        x->said_from = a->off + a->len >= s->off + s->len ? i + 1 : i;
        break;
    }
    for (uint32_t i = x->said_from; i < x->said_count && n < x->depth; i++)
        out[n++] = x->said[i];
    return n;
}

static void
one_prefetcher(struct port *p, const struct kind_choice *c, const struct past *by, uint32_t round,
               uint32_t (*slow)(struct past *x, const struct door *d, struct asked *out))
{
    const struct prefetch_ops *ops = guess_of(c);
    const char *name = c->kind->name;
    void *self = port_alloc(p, ops->kind.state_size);
    struct past *x = port_alloc(p, sizeof *x);
    struct door d = { .files = 5 + draw(6), .size = 1000 };
    const struct prefetch_door door = {
        .arg = &d, .stage = stage, .size = size_of, .behind = behind, .mate = mate
    };
    *x = *by;
    ops->init(self, p, &door, c->params);
    for (uint32_t k = 0; k < 300; k++) {
        struct asked want[64];
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
SLOW(set)
SLOW(last)
SLOW(list)

static void ahead(struct port *p, void *arg)
{
    static const struct past plain = {
        .depth = 4, .files = 2, .reads = 1, .order = 1, .confidence = 1, .search = 64
    };
    static const char *const next[] = { "depth", "reads" }, *const near[] = { "files" };
    static const char *const last[] = { "order", "confidence", "depth" };
    static const char *const list[] = { "depth", "search" };
    (void)arg;
    for (uint32_t round = 0; round < 20; round++) {
        bool own = round % 2; /* with other parameters than its own */
        struct past x = plain;
        struct kind_choice c = prefetcher("file");
        one_prefetcher(p, &c, &x, round, model_file);
        if (own) {
            x.depth = 1 + (uint32_t)draw(9);
            x.files = 1 + (uint32_t)draw(5);
            x.reads = 1 + (uint32_t)draw(3);
            x.order = 1 + (uint32_t)draw(3);
            x.confidence = 1 + (uint32_t)draw(3);
            x.search = 1 + (uint32_t)draw(20);
        }
        const double as_next[] = { x.depth, x.reads }, as_near[] = { x.files };
        const double as_last[] = { x.order, x.confidence, x.depth };
        const double as_list[] = { x.depth, x.search };
        c = own ? with(ahead_param, "next", next, as_next, 2) : prefetcher("next");
        one_prefetcher(p, &c, &x, round, model_next);
        c = own ? with(ahead_param, "near", near, as_near, 1) : prefetcher("near");
        one_prefetcher(p, &c, &x, round, model_near);
        c = own ? with(ahead_param, "set", near, as_near, 1) : prefetcher("set");
        one_prefetcher(p, &c, &x, round, model_set);
        x.depth = own ? x.depth : 2;
        c = own ? with(ahead_param, "last", last, as_last, 3) : prefetcher("last");
        one_prefetcher(p, &c, &x, round, model_last);
        x.depth = own ? x.depth : 8;
        c = own ? with(ahead_param, "list", list, as_list, 2) : prefetcher("list");
        one_prefetcher(p, &c, &x, round, model_list);
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
    const struct kind_choice c = prefetcher("hints");
    const struct prefetch_ops *ops = guess_of(&c);
    void *self = port_alloc(p, ops->kind.state_size);
    struct door d = { .files = 9, .size = 1000 };
    const struct prefetch_door door = {
        .arg = &d, .stage = stage, .size = size_of, .behind = behind, .mate = mate
    };
    const struct file_run runs[] = { { 100, 10, 50, 3 }, { 0, 0, 0, 1 }, { 700, 20, 20, 1 } };
    ops->init(self, p, &door, c.params);
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
    const struct prefetch_door door = {
        .arg = &d, .stage = stage, .size = size_of, .behind = behind, .mate = mate
    };
    for (const struct kind *const *k = hsm_prefetches.items; *k; k++) {
        const struct kind_choice c = prefetcher((*k)->name);
        const struct prefetch_ops *ops = guess_of(&c);
        void *self = port_alloc(p, ops->kind.state_size + 1);
        if (ops->init != NULL)
            ops->init(self, p, &door, c.params);
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
                                            .prefetch = prefetcher((*k)->name) };
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

/* Of three sets that lie among each other the mates of a file come, and nothing else. */
static void mates(struct port *p, void *arg)
{
    uint64_t size[9];
    uint32_t set[9];
    (void)arg;
    for (uint32_t i = 0; i < 9; i++) {
        size[i] = 2;
        set[i] = i % 3;
    }
    const struct shelf_params s = { .room = 100,
                                    .high = 1,
                                    .low = 1,
                                    .replace = replacement("lru"),
                                    .prefetch = prefetcher("set"),
                                    .set = set };
    for (uint32_t file = 0; file < 9; file++) {
        struct shelf *x = shelf_create(p, &s, 9, 1, size);
        (void)shelf_read(x, file, 0);
        for (uint32_t i = 0; i < 9; i++)
            cr_assert_eq(shelf_unread(x, i, 0), i != file && i % 3 == file % 3);
        shelf_free(x);
    }
}

Test(staging, of_a_set_its_mates_are_fetched)
{
    in_a_world(mates);
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

/* Planes of a field, in each order of its tiles: what a step touches lies in its plane, all planes
 * together are all pieces; and the tiles of a file are a row, or a square or cube. */
static void planes(struct port *p, void *arg)
{
    static const int64_t shapes[][4] = { { 8, 6, 1, 4 }, { 8, 4, 6, 8 }, { 9, 6, 3, 27 } };
    (void)arg;
    for (uint32_t round = 0; round < 6 * ARRAY_LEN(shapes); round++) {
        const int64_t *s = shapes[round % ARRAY_LEN(shapes)];
        struct walk_params w = tiles_of(s[0], s[1], s[2], 1);
        w.access = WALK_PLANES;
        w.pieces = s[3];
        w.files = s[0] * s[1] * s[2] / s[3];
        w.order = round / 3 % 2;
        w.across = (int)(round / 6);
        struct err e = ERR_INIT;
        cr_assert(walk_check(&w, "walk", &e), "%s", e.text);
        struct walk x;
        struct walk_piece a[200];
        bool seen[200] = { false };
        uint32_t step = 0, left = (uint32_t)(w.files * w.pieces), low[3], high[3];
        walk_init(&x, p, &w, 1, 2);
        for (; left > 0; step++) {
            uint32_t n = walk_next(&x, a), plane = (uint32_t)(s[w.across] / 2 + step);
            cr_assert_eq(n, (uint32_t)(w.files * w.pieces / s[w.across]));
            cr_assert_eq(n, walk_most(&w));
            for (uint32_t i = 0; i < n; i++, left--) {
                uint32_t at = a[i].file * (uint32_t)w.pieces + a[i].piece;
                cr_assert(!seen[at] && a[i].piece < w.pieces);
                seen[at] = true;
                bool in = false; /* the plane has a tile that is this piece */
                uint32_t t[3];
                for (t[2] = 0; t[2] < s[2]; t[2]++)
                    for (t[1] = 0; t[1] < s[1]; t[1]++)
                        for (t[0] = 0; t[0] < s[0]; t[0]++) {
                            struct walk_piece is = walk_tile(&w, t);
                            in |= is.file == a[i].file && is.piece == a[i].piece &&
                                  t[w.across] == plane % (uint32_t)s[w.across];
                        }
                cr_assert(in);
            }
        }
        cr_assert_eq(step, (uint32_t)s[w.across]);
        for (uint32_t file = 0; file < w.files; file++) {
            uint32_t t[3];
            for (int way = 0; way < 3; way++) {
                low[way] = 99;
                high[way] = 0;
            }
            for (t[2] = 0; t[2] < s[2]; t[2]++)
                for (t[1] = 0; t[1] < s[1]; t[1]++)
                    for (t[0] = 0; t[0] < s[0]; t[0]++)
                        for (int way = 0; walk_tile(&w, t).file == file && way < 3; way++) {
                            low[way] = t[way] < low[way] ? t[way] : low[way];
                            high[way] = t[way] > high[way] ? t[way] : high[way];
                        }
            uint32_t wide = high[0] - low[0] + 1, tall = high[1] - low[1] + 1,
                     deep = high[2] - low[2] + 1;
            if (w.order == WALK_BLOCKS)
                cr_assert(wide == tall && wide * tall * deep == w.pieces &&
                          deep == (s[2] > 1 ? wide : 1));
            else
                cr_assert(tall == 1 || wide == s[0]);
        }
        walk_fini(&x);
    }
}

Test(staging, planes_of_a_field_touch_each_tile_once)
{
    in_a_world(planes);
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
                cr_assert_eq(walk_set(&x, got[i]), walk_set(&x, got[0]));
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

/* ---- what the users of an archive ask ---- */

enum { WEEKS = 10, MADE = WEEKS * 7 * 1440 }; /* one a minute */
/* What is published of them, and what the workload assumes besides. */
static const struct users_params published = { .files = 100000,
                                               .gap = 60 * SIM_SEC,
                                               .within = 8 * 3600 * SIM_SEC,
                                               .reads = 67,
                                               .repeats = 33,
                                               .never = 50,
                                               .busy = 3,
                                               .smallest = 14000,
                                               .octaves = 14 };

static struct user *begun_user(struct port *p, const struct users_params *u)
{
    struct user *user = port_alloc(p, sizeof *user);
    user_begin(user, p, u, UINT64_MAX, 0, 1);
    return user;
}

/* So many of n came, and each does with that probability: within four standard deviations. */
static void as_likely(const char *what, double count, double n, double probability)
{
    double off = fabs(count - n * probability);
    cr_assert_leq(off, 4 * sqrt(n * probability * (1 - probability)), "%s: %g of %g, not %g", what,
                  count, n, n * probability);
}

/* Counts of `cells` cells in those proportions: chi-square, within four of its deviations. */
static void as_proportions(const char *what, const uint64_t *counts, const double *weights,
                           uint32_t cells)
{
    double n = 0, all = 0, chi = 0;
    for (uint32_t i = 0; i < cells; i++) {
        n += (double)counts[i];
        all += weights[i];
    }
    for (uint32_t i = 0; i < cells; i++) {
        double wanted = n * weights[i] / all, off = (double)counts[i] - wanted;
        chi += off * off / wanted;
    }
    cr_assert_leq(fabs(chi - (cells - 1)), 4 * sqrt(2.0 * (cells - 1)),
                  "%s: chi-square is %g of %u", what, chi, cells - 1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov: numbers whose distribution function should be even from 0 to 1. */
static void as_even(const char *what, double *x, uint64_t n)
{
    double most = 0;
    qsort(x, n, sizeof *x, by_value);
    for (uint64_t i = 0; i < n; i++)
        most = fmax(most, fmax((double)(i + 1) / (double)n - x[i], x[i] - (double)i / (double)n));
    cr_assert_leq(most * sqrt((double)n), 1.95, "%s: off by %g, with %llu numbers", what, most,
                  (unsigned long long)n); /* one in a thousand is */
}

/* Reads twice as many as writes, by the hours of a week, and gaps [Miller & Katz]. */
static void asks_by_the_clock(struct port *p, int64_t busy)
{
    static double gaps[MADE];
    struct users_params u = published;
    u.busy = busy;
    struct user *user = begun_user(p, &u);
    uint64_t hours[2][168] = { { 0 } }, count[2] = { 0, 0 }, reads = 0, bunched = 0;
    sim_time last[2] = { 0, 0 }, week = 168 * 3600 * SIM_SEC;
    double read_gap = 60.0 / 0.67, write_gap = 60.0 / 0.33, flat[168], human[168];
    double rate = 168 / (60 + 108 / (double)busy), slow = rate / (double)busy; /* over the mean */
    for (;;) {
        struct tape_op o = user_next(user);
        double gap = sim_time_seconds(o.at - last[o.write]);
        if (o.at >= WEEKS * week)
            break;
        cr_assert(o.at >= last[0] && o.at >= last[1], "not in the order of time");
        if (o.write)
            gaps[count[1]] = 1 - exp(-gap / write_gap);
        else
            bunched += gap < read_gap / 2;
        last[o.write] = o.at;
        count[o.write]++;
        hours[o.write][o.at % week / (3600 * SIM_SEC)]++;
    }
    for (uint32_t h = 0; h < 168; h++) {
        flat[h] = 1;
        human[h] = h / 24 < 5 && h % 24 >= 8 && h % 24 < 20 ? (double)busy : 1;
    }
    reads = count[0];
    as_likely("reads", (double)reads, (double)(reads + count[1]), 0.67);
    /* Poisson: the variance is the mean. */
    cr_assert_leq(fabs((double)(reads + count[1]) - MADE), 4 * sqrt(MADE));
    as_proportions("writes by the hour", hours[1], flat, 168);
    as_proportions("reads by the hour", hours[0], human, 168);
    as_even("gaps of writes", gaps, count[1]);
    as_likely("short gaps of reads", (double)bunched, (double)reads,
              60 * rate / 168 * (1 - exp(-rate / 2)) + 108 * slow / 168 * (1 - exp(-slow / 2)));
    port_free(p, user);
}
static void ask_by_the_clock(struct port *p, void *arg)
{
    (void)arg;
    asks_by_the_clock(p, 3);
    asks_by_the_clock(p, 5);
}
Test(staging, users_ask_by_the_clock)
{
    in_a_world(ask_by_the_clock);
}

/* A third of the reads repeat one of the last 8 hours; so many files that no other is met twice. */
static void repeat_of_late(struct port *p, void *arg)
{
    enum { N = 30000 };
    static struct tape_op all[N];
    struct users_params u = published;
    u.files = 1000000000000;
    struct user *user = begun_user(p, &u);
    double could = 0, repeats = 0, younger = 0, wanted = 0, spread = 0;
    (void)arg;
    for (uint32_t k = 0, first = 0; k < N; k++) {
        struct tape_op *o = &all[k];
        uint32_t met = 0, met_young = 0, young, half;
        *o = user_next(user);
        while (o->at - all[first].at > 8 * 3600 * SIM_SEC)
            first++;
        young = k - first;
        half = k - young / 2; /* from there on: the younger half */
        for (uint32_t i = k; i-- > 0 && i + 2000 > k;) {
            if (all[i].file != o->file)
                continue;
            cr_assert(i >= first || met > 0, "request %u repeats one that is older than 8 h", k);
            cr_assert_eq(all[i].bytes, o->bytes);
            met += i >= first;
            met_young += i >= half;
        }
        cr_assert(!o->write || met == 0, "a write of what there is");
        could += !o->write && young > 0;
        repeats += !o->write && met > 0;
        if (met > 0 && young >= 2) {
            double q = (double)(k - half) / young;
            younger += (double)met_young / met; /* which of them was drawn is not seen */
            wanted += q;
            spread += q * (1 - q);
        }
    }
    as_likely("repeats", repeats, could, 0.33);
    cr_assert_leq(fabs(younger - wanted), 4 * sqrt(spread), "%g of the younger half, not %g",
                  younger, wanted);
    port_free(p, user);
}
Test(staging, users_repeat_what_they_asked_of_late)
{
    in_a_world(repeat_of_late);
}

/* Octaves alike, even within each; a mean of about 25 MB over a median of 2 MB. */
static void files_of_all_sizes(struct port *p, void *arg)
{
    enum { N = 50000, OCTAVES = 14 };
    static double within[N];
    const struct users_params u = published;
    struct user *user = begun_user(p, &u);
    uint64_t octaves[OCTAVES] = { 0 }, n = 0, small = 0;
    double alike[OCTAVES], sum = 0, mean = 14e3 * 1.5 * 16383 / 14;
    double square = 14e3 * 14e3 * 7 / 3 * (pow(4, 14) - 1) / 3 / 14;
    static bool seen[200000];
    (void)arg;
    for (uint32_t i = 0; i < OCTAVES; i++)
        alike[i] = 1;
    while (n < N) {
        struct tape_op o = user_next(user);
        uint64_t of = 0, size = o.bytes;
        cr_assert_lt(o.file, ARRAY_LEN(seen));
        if (seen[o.file])
            continue;
        seen[o.file] = true;
        for (; size >= 28000; size /= 2)
            of++;
        cr_assert(size >= 14000 && of < OCTAVES, "%llu bytes", (unsigned long long)o.bytes);
        octaves[of]++;
        within[n++] = (double)o.bytes / (14e3 * (double)(1 << of)) - 1;
        sum += (double)o.bytes;
        small += o.bytes < 1792000;
    }
    as_proportions("octaves", octaves, alike, OCTAVES);
    as_even("sizes within an octave", within, n);
    as_likely("files below 1.8 MB", (double)small, (double)n, 0.5);
    cr_assert_leq(fabs(sum / N - mean), 4 * sqrt((square - mean * mean) / N), "a mean of %g",
                  sum / N);
    cr_assert_leq(fabs(mean - 25e6), 1e6);
    port_free(p, user);
}
Test(staging, users_have_files_of_all_sizes)
{
    in_a_world(files_of_all_sizes);
}

/* So many of the files that the archive has are never read, the others alike. */
static void some_are_never_read(struct port *p, void *arg)
{
    enum { N = 60000, FEW = 2000 };
    (void)arg;
    for (int64_t never = 0; never <= 99; never += 33) {
        uint64_t times[FEW] = { 0 }, of[FEW], n = 0;
        double alike[FEW];
        struct users_params u = published;
        u.files = FEW;
        u.repeats = 0;
        u.never = never;
        struct user *user = begun_user(p, &u);
        for (uint32_t i = 0; i < N; i++) {
            struct tape_op o = user_next(user);
            if (!o.write)
                times[o.file]++;
        }
        for (uint32_t i = 0; i < FEW; i++)
            if (times[i] > 0) {
                of[n] = times[i];
                alike[n++] = 1;
            }
        as_likely("files that are read", (double)n, FEW, (double)(100 - never) / 100);
        as_proportions("reads by file", of, alike, (uint32_t)n);
        port_free(p, user);
    }
}
Test(staging, users_never_read_some_files)
{
    in_a_world(some_are_never_read);
}
