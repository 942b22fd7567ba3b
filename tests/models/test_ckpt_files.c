/* test_ckpt_files.c: jobs whose state is in files, too, are killed at any event and end as if
 * nothing had happened: over every file system that has checkpoints, also when a node dies while a
 * file is given a number, while the checkpoint is committed, or while files are brought back
 * (CKPTF1, CKPTF2, CKPTF3, CKPTF4, CKPTF5, CKPTF6, CKPTF7), or when a checkpoint is found damaged
 * (CKPTF8, CKPT9).
 *
 * The programs (workloads/msg/job_files.c) compare every read with what memory says, and at the end
 * every byte with a closed form; what is compared here is a number made of all bytes.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/ckpt/ckpt_internal.h"
#include "os/ckpt/files.h"
#include "os/nx/nx.h"
#include "os/xk/msg.h"
#include "rig.h"
#include "rot.h"
#include "sim/audit.h"
#include "sim/thread.h"
#include "tests/sample.h"

extern const struct workload_ops workload_job;

/* ---- the machine: 2 x 4 nodes: three I/O nodes, a service node, four programs ---- */

static struct val *table(void)
{
    return val_new(VAL_TABLE, NULL, 0);
}

static struct val *text(struct val *t, const char *key, const char *value)
{
    val_put(t, key, val_new_string(value, NULL, 0));
    return t;
}

static struct val *number(struct val *t, const char *key, uint64_t value)
{
    val_put(t, key, val_new_int((int64_t)value, NULL, 0));
    return t;
}

static struct val *list(struct val *first, struct val *second)
{
    struct val *l = val_new(VAL_LIST, NULL, 0);
    val_append(l, first);
    if (second)
        val_append(l, second);
    return l;
}

static struct val *layer(const char *name)
{
    return text(table(), "layer", name);
}

static struct val *lfs(void)
{
    struct val *l = text(text(layer("lfs"), "block", "4KiB"), "inode", "2KiB");
    return number(number(l, "files", 900), "cache", 16);
}

static struct val *kept(void)
{
    return list(text(layer("keep"), "block", "4KiB"), lfs());
}

static struct val *store(void)
{
    struct val *l = text(text(layer("vesta_store"), "block", "4KiB"), "flush_delay", "3ms");
    return list(number(number(l, "objects", 900), "cache", 16), NULL);
}

static struct val *service(struct val *os, const char *name, const char *key, struct val *files)
{
    struct val *s = text(table(), "service", name);
    if (files)
        val_put(s, key, files);
    val_append(os, s);
    return s;
}

static void services(struct val *os, const char *system)
{
    service(os, "nx", NULL, NULL);
    if (strcmp(system, "pfs") == 0) {
        service(os, "file_server", "files", kept());
        service(os, "pfs_meta", "names", list(text(layer("remote"), "group", "io"), NULL));
        service(os, "pfs_server", "files", kept());
        service(os, "pfs_client", NULL, NULL);
    } else if (strcmp(system, "vesta") == 0) {
        service(os, "vesta_server", "files", store());
        service(os, "vesta_client", NULL, NULL);
    } else {
        service(os, "file_server", "files", kept());
        service(os, "file_client", "files", list(layer("remote"), NULL));
    }
}

static void instance(struct val *graph, const char *name, const char *protocol, const char *below)
{
    struct val *v = text(text(table(), "name", name), "protocol", protocol);
    if (below)
        val_put(v, "below", list(val_new_string(below, NULL, 0), NULL));
    val_append(graph, v);
}

struct run {
    const char *program, *system, *policy, *sink, *interval;
    const char *algorithm, *kept;                              /* NULL: sns, cut */
    void (*main)(struct os_node *n, const struct program *me); /* NULL: the job's */
    uint64_t seed, steps;
    bool incremental, late, together;
    uint32_t crashes, spares;
    uint64_t at[4]; /* events */
    uint32_t node[4];
    uint64_t after[4]; /* us */
    bool again;        /* each checkpoint fails at first, when all have been captured */
    enum rots rots;
    /* out */
    double files, memory, numbers, undone, restarts, committed;
    uint64_t events;
    char said[512], remarks[2000];
};

static uint64_t mix(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

/* ---- a rank that cannot be saved, each time that it is asked for another checkpoint ---- */

static uint32_t failed; /* the last that it was asked for */

static bool fails(void *obj, struct rope *out, const char **why)
{
    const struct ckpt *c = obj;
    bool fails = c->rank == 2 && c->generation != failed;
    (void)out;
    *why = "the test wants that";
    if (fails)
        failed = c->generation;
    return !fails;
}

static bool loads(void *obj, struct rope *in)
{
    (void)obj, (void)in;
    return true;
}

static const struct ckpt_part_ops failing = { "failing", fails, loads };

static struct os_node *boot(struct port *kernel, const struct os_boot *b)
{
    struct os_node *n = os_node_boot(kernel, b);
    struct ckpt *c = os_find(n, &ckpt_service);
    if (c && rot_is_on())
        rot_boot(c);
    else if (c)
        ckpt_part(c, &failing, c);
    return n;
}

static void machine(struct rig *r, const struct run *x)
{
    static const char *const groups[] = { "compute", "io", "service" };
    const char *algorithm = x->algorithm ? x->algorithm : "sns";
    struct val *graph = val_new(VAL_LIST, NULL, 0), *os = val_new(VAL_LIST, NULL, 0);
    bool sweep = strcmp(algorithm, "ns") == 0;
    rig_init(r, 2, 4);
    if (sweep)
        r->reg.nets = &net_kinds;
    rig_set_int(r, "io_nodes", 3);
    rig_set(r, "detector_delay", "1ms");
    r->options.event_limit = 3000000; /* a program that has failed does not end the checkpoints */
    instance(graph, "mesh", "driver", NULL);
    instance(graph, "rdm", "rdm", "mesh");
    instance(graph, "nx", "nx", "rdm");
    instance(graph, "blast", "blast", "mesh");
    instance(graph, "chan", "chan", "blast");
    instance(graph, "rpc", "select", "chan");
    instance(graph, "cut", "cut", "rdm");
    val_append((struct val *)(uintptr_t)val_get(graph->items[graph->count - 1], "below"),
               val_new_string("mesh", NULL, 0)); /* the markers of ns */
    val_put(r->spec, "graph", graph);
    val_put(r->spec, "storage", text(table(), "kind", "disk"));
    services(os, x->system);
    for (size_t i = 0; i < (sweep ? ARRAY_LEN(groups) : 1); i++)
        text(text(service(os, "cut", NULL, NULL), "on", groups[i]), "algorithm", algorithm);
    struct val *ckpt = service(os, "ckpt", NULL, NULL);
    text(text(ckpt, "policy", x->policy), "sink", x->sink);
    text(text(ckpt, "interval", x->interval), "retry", "5ms");
    text(ckpt, "files", x->kept ? x->kept : "cut");
    number(text(ckpt, "system", x->system), "pool", 3);
    number(ckpt, "spares", x->spares);
    val_put(ckpt, "incremental", val_new_bool(x->incremental, NULL, 0));
    val_put(r->spec, "os", os);
    rig_crashes(r, x->crashes, x->at, x->node, x->after);
    rig_os(r);
    failed = 0;
    rot_begin(x->rots, x->at[0]);
    if (x->again || x->rots != ROTS_NEVER)
        r->reg.boot = boot;
}

static void on_scalar(void *arg, const char *name, const char *unit, double value,
                      double half_width, unsigned flags)
{
    struct run *x = arg;
    (void)unit, (void)half_width, (void)flags;
    if (strcmp(name, "ckpt.numbers") == 0)
        x->numbers = value;
    if (strcmp(name, "ckpt.undone") == 0)
        x->undone = value;
    if (strcmp(name, "ckpt.restarts") == 0)
        x->restarts = value;
    if (strcmp(name, "ckpt.committed") == 0)
        x->committed = value;
}

static void on_remark(void *arg, const char *said)
{
    struct run *x = arg;
    size_t n = strlen(x->remarks);
    snprintf(x->remarks + n, sizeof x->remarks - n, "%s\n", said);
}

static void play(struct run *x)
{
    struct rig r;
    struct val *p = table();
    machine(&r, x);
    text(text(p, "program", x->program), "system", x->system);
    val_put(p, "page", text(table(), "page", "1KiB"));
    text(text(text(p, "memory", "4KiB"), "bytes", "1KiB"), "think", "300us");
    text(text(p, "file", "6KiB"), "block", "1000B");
    number(number(number(p, "steps", x->steps), "meet", 3), "dirty", 2);
    number(number(number(p, "order", 16), "strip", 4), "seed", x->seed);
    val_put(p, "late", val_new_bool(x->late, NULL, 0));
    val_put(p, "together", val_new_bool(x->together, NULL, 0));
    val_put(p, "uneven", val_new_bool(true, NULL, 0));
    struct workload_ops job = workload_job;
    job.main = x->main ? x->main : workload_job.main;
    void *params = rig_start(&r, &workload_job, &job, p);
    enum sim_end end = rig_run(&r);
    rig_verdict(&r, end, "", x->said, sizeof x->said);
    x->files = rig_mean(&r, "job.files");
    x->memory = rig_mean(&r, "job.memory");
    x->events = machine_steps(r.m);
    rig_finish(&r, params,
               &(struct sim_result_sink){ .arg = x, .scalar = on_scalar, .remark = on_remark });
    val_free(p);
}

/* The same with one death, of a run that has so many events without. */
static void play_death(struct run *x, uint64_t events, uint64_t at, uint32_t node, uint64_t after)
{
    x->crashes = 1;
    x->at[0] = at;
    x->node[0] = node;
    x->after[0] = after;
    play(x);
    cr_expect_str_empty(x->said, "%s, node %u dies at event %lu of %lu: %s", x->system, node,
                        (unsigned long)at, (unsigned long)events, x->said);
}

static void choose(struct run *x, uint64_t seed)
{
    static const char *const systems[] = { "pfs", "vesta", "files" };
    static const char *const policies[] = { "stop", "copy", "cow", "cll" };
    static const char *const intervals[] = { "5ms", "40ms", "300ms" };
    static const char *const algorithms[] = { "sns", "cl", "ns" };
    uint64_t s = seed * 31;
    *x = (struct run){ .algorithm = algorithms[seed / 3 % 3],
                       .program = seed % 4 == 3 ? "matrix" : "update",
                       .system = systems[seed % ARRAY_LEN(systems)],
                       .policy = policies[mix(&s) % ARRAY_LEN(policies)],
                       .sink = mix(&s) % 3 ? "file" : "memory",
                       .interval = intervals[mix(&s) % ARRAY_LEN(intervals)],
                       .incremental = mix(&s) % 2,
                       .seed = seed,
                       .steps = 12 };
    x->late = seed % 3 > 0 && strcmp(x->algorithm, "sns") == 0;
}

static bool judge(uint64_t seed, const struct run *x, const struct run *calm)
{
    char crashes[200] = "";
    bool good = x->said[0] == 0 && x->files == calm->files && x->memory == calm->memory;
    for (uint32_t i = 0; i < x->crashes; i++)
        snprintf(crashes + strlen(crashes), sizeof crashes - strlen(crashes),
                 " %lu: node %u, %lu us;", x->at[i], x->node[i], x->after[i]);
    cr_expect(
        good,
        "seed %lu (%s, %s, %s, %s, %s%s, each %s; of %lu events%s): files %.0f, not %.0f; memory "
        "%.0f, not %.0f. %s",
        seed, x->algorithm, x->program, x->system, x->policy, x->sink,
        x->incremental ? ", incremental" : "", x->interval, calm->events, crashes, x->files,
        calm->files, x->memory, calm->memory, x->said);
    return good;
}

static int answered; /* enum pio_status; -1: nobody has asked */
static const uint32_t crashing[] = { 0, 1, 4, 5, 3, 6, 7, 2 };

enum fate { FATE_WRONG, FATE_SAME, FATE_BEFORE, FATE_TOLD };

/* It is told where there is none before, or the one behind the last was begun. */
static enum fate fate_of(const struct run *x, bool good)
{
    bool told = strstr(x->said, "the job cannot go on") != NULL;
    cr_expect(!told || rot_must_tell(), "it could have gone on: %s", x->said);
    return !good                                                      ? FATE_WRONG
           : told                                                     ? FATE_TOLD
           : strstr(x->remarks, "is damaged: the one before is used") ? FATE_BEFORE
                                                                      : FATE_SAME;
}

/* It goes on from a checkpoint, and dies again before the next one; then that is damaged.  Or any
 * is. */
static void die_twice(struct run *x, uint64_t seed, uint64_t events)
{
    uint64_t s = seed * 89;
    x->rots = seed % 4 > 0 ? ROTS_AGAIN : ROTS_OFTEN;
    x->crashes = 2 + (uint32_t)(mix(&s) % 3);
    x->at[0] = events / 4 + mix(&s) % (3 * events / 4);
    for (uint32_t i = 0; i < x->crashes; i++) {
        bool same = i > 0 && x->sink[0] == 'm'; /* no two neighbours */
        if (i > 0)
            x->at[i] = x->at[i - 1] + 200 + mix(&s) % (events / (i < 2 ? 4 : 1));
        x->node[i] = same ? x->node[0] : crashing[mix(&s) % 4];
        x->after[i] = 1 + mix(&s) % 3000;
    }
}

static enum fate rot_one(uint64_t seed)
{
    struct run calm, x;
    choose(&calm, seed);
    calm.interval = seed % 2 ? "300ms" : "1s";
    x = calm;
    play(&calm);
    cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
    die_twice(&x, seed, calm.events);
    play(&x);
    return fate_of(&x, strstr(x.said, "the job cannot go on") || judge(seed, &x, &calm));
}

/* CKPTF8. */
Test(ckpt_files, are_brought_back_to_the_checkpoint_before_when_the_last_one_is_damaged)
{
    uint64_t count = sample("CKPT_FILES_SEEDS", 24), from = sample("CKPT_FIRST", sample_one_in());
    uint32_t fates[FATE_TOLD + 1] = { 0 };
    for (uint64_t seed = from; seed < from + count; seed++)
        fates[rot_one(seed)]++;
    cr_expect(count < 24 || fates[FATE_BEFORE] > 0, "%u from the one before, %u told",
              fates[FATE_BEFORE], fates[FATE_TOLD]);
}

/* How many files were brought back; -1: it has not ended well. */
static double kill_some(uint64_t seed, const char *algorithm)
{
    struct run calm, x;
    uint64_t s = seed * 77;
    choose(&x, seed);
    x.algorithm = algorithm ? algorithm : x.algorithm;
    calm = x;
    play(&calm);
    cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
    x.crashes = x.sink[0] == 'm' ? 1 : 1 + (uint32_t)(mix(&s) % 3);
    for (uint32_t i = 0; i < x.crashes; i++) {
        x.at[i] = 1 + mix(&s) % (calm.events * (i + 1));
        x.node[i] = crashing[mix(&s) % (mix(&s) % 3 ? 4 : ARRAY_LEN(crashing))];
        x.after[i] = 1 + mix(&s) % 20000;
    }
    play(&x);
    return judge(seed, &x, &calm) ? x.undone : -1;
}

/* Whatever dies, and when: ranks, I/O nodes, who keeps the names. */
Test(ckpt_files, are_at_the_end_as_if_nobody_had_died)
{
    uint64_t count = sample("CKPT_FILES_SEEDS", 24), from = sample("CKPT_FIRST", sample_one_in());
    double undone = 0;
    for (uint64_t seed = from; seed < from + count; seed++)
        undone += kill_some(seed, NULL);
    undone += kill_some(70, NULL); /* ranks that are captured have writes that wait for others */
    undone += kill_some(88, NULL);
    cr_expect(undone > 0 || count < 4, "nothing has been brought back");
}

/* Two crashes, and each checkpoint fails at first. */
static bool capture_again(uint64_t seed)
{
    struct run calm, x;
    uint64_t s = seed * 79;
    choose(&calm, seed);
    calm.program = "update";
    calm.sink = "file";
    calm.interval = "40ms";
    x = calm;
    play(&calm);
    cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
    x.again = true;
    x.crashes = 2;
    for (uint32_t i = 0; i < x.crashes; i++) {
        x.at[i] = 1 + mix(&s) % (calm.events * (i + 1));
        x.node[i] = crashing[mix(&s) % ARRAY_LEN(crashing)];
        x.after[i] = 1 + mix(&s) % 20000;
    }
    play(&x);
    return judge(seed, &x, &calm);
}

/* What was noted of a capture that was not committed is not of the next one of that number: files
 * have been opened, cut and closed between, here or, where nobody stops, at a rank that was not
 * captured yet when rank 0 was. */
Test(ckpt_files, are_brought_back_to_the_capture_that_counts)
{
    static const uint64_t seeds[] = { 348, 570 }, again[] = { 3254, 3410, 3038 };
    uint64_t count = sample("CKPT_FILES_SEEDS", 10) / 2, from = sample("CKPT_FIRST", 1);
    for (size_t k = 0; k < ARRAY_LEN(seeds); k++)
        if (kill_some(seeds[k], "sns") < 0)
            return;
    for (size_t k = 0; k < ARRAY_LEN(again); k++)
        if (!capture_again(again[k]))
            return;
    for (uint64_t seed = from; seed < from + count; seed++)
        (void)capture_again(seed);
}

/* The list of what was opened is in memory, too, and not lost with the node: also when that dies
 * again while files are brought back. */
Test(ckpt_files, that_were_made_before_the_first_checkpoint_go_with_a_restart)
{
    uint64_t count = sample("CKPT_FILES_SEEDS", 12), from = sample("CKPT_FIRST", 1);
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct run calm, x;
        uint64_t s = seed * 83;
        choose(&calm, seed);
        calm.program = "update";
        calm.sink = "memory";
        calm.interval = "1s";
        x = calm;
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
        x.crashes = 2;
        x.at[0] = calm.events / 20 + mix(&s) % (calm.events / 10);
        x.at[1] = x.at[0] + 1 + mix(&s) % (calm.events / 20);
        x.node[0] = x.node[1] = crashing[mix(&s) % 4];
        x.after[0] = x.after[1] = 1 + mix(&s) % 3000;
        play(&x);
        if (!judge(seed, &x, &calm))
            return;
    }
}

/* A list of which a byte has turned over is not taken for one that a crash has torn: the one before
 * it does not say what was opened since. */
Test(ckpt_files, whose_list_is_damaged_are_brought_back_or_it_is_told)
{
    uint64_t count = sample("CKPT_FILES_SEEDS", 24), from = sample("CKPT_FIRST", sample_one_in());
    uint32_t told = 0;
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct run calm, x;
        uint64_t s = seed * 89;
        choose(&calm, seed);
        calm.program = "update";
        calm.sink = "file";
        calm.interval = seed % 2 ? "300ms" : "10s";
        x = calm;
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu without a crash: %s", seed, calm.said);
        x.rots = ROTS_LISTS;
        x.crashes = 1;
        x.at[0] = calm.events / 4 + mix(&s) % (3 * calm.events / 4);
        x.node[0] = crashing[mix(&s) % 4];
        x.after[0] = 1 + mix(&s) % 3000;
        play(&x);
        bool says = strstr(x.said, "the job cannot go on") != NULL;
        told += says;
        if (!says && !judge(seed, &x, &calm))
            return;
    }
    cr_expect(count < 24 || (told > 0 && told < count), "%u of %lu are told", told, count);
}

/* ---- what rank 0 has closed, and others have not ---- */

enum { ADDS = 24, WORD = 8 };
static const struct pio_ops *adding;

static void wants(struct os_node *n, bool good, const char *what, uint64_t is, uint64_t want)
{
    if (!good)
        port_fail(n->port, "%s: %lu, not %lu", what, is, want);
}

static bool moved(struct pio_file *f, enum pio_op op, uint64_t off, uint64_t *word)
{
    struct pio_req q;
    struct file_run run = { .off = off, .len = WORD, .count = 1 };
    pio_req_init(&q, op, f);
    q.runs = &run;
    q.run_count = 1;
    if (op == PIO_WRITE)
        rope_add_bytes(&q.data, word, WORD);
    pio_submit(&q);
    bool good = pio_wait(&q) == PIO_OK;
    *word = op == PIO_READ ? 0 : *word;
    if (good && op == PIO_READ && q.moved == WORD)
        rope_read(&q.data, 0, WORD, word);
    rope_fini(&q.data);
    return good;
}

/* Rank 0 closes both files at once; the others add to theirs words, and append. */
static void adds(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio *sys = pio_find(adding, n);
    struct pio_file *f = NULL, *log = NULL;
    struct pio_open o = {
        .name = "sum", .flags = PIO_O_CREATE, .rank = me->rank, .ranks = 4, .mode = PIO_PLAIN
    };
    uint64_t word;
    bool has = me->rank > 0 ? me->resume <= ADDS : me->resume == 0;
    enum pio_status s = has ? ckpt_open(c, sys, &o, &f) : PIO_OK;
    o.name = "log";
    for (int i = 0; adding->modes != NULL && adding->modes->items[i] != NULL; i++)
        o.mode = adding->mode(i) == 0 ? i : o.mode;
    if (has && s == PIO_OK && o.mode != PIO_PLAIN)
        s = ckpt_open(c, sys, &o, &log);
    for (uint64_t k = me->resume; has && s == PIO_OK && me->rank > 0 && k < ADDS; k++) {
        bool good = moved(f, PIO_READ, me->rank * WORD, &word);
        wants(n, !good || word == k, "a rank has added", word, k);
        word = k + 1;
        good = good && moved(f, PIO_WRITE, me->rank * WORD, &word) &&
               (log == NULL || moved(log, PIO_WRITE, 0, &word));
        s = good ? PIO_OK : PIO_SERVER_DOWN;
        port_thread_sleep(n->port, 3 * SIM_MS);
        if (good)
            os_safe_point(n, k + 1);
    }
    s = s == PIO_OK && f != NULL ? ckpt_close(c, f) : s;
    s = s == PIO_OK && log != NULL ? ckpt_close(c, log) : s;
    if (s != PIO_OK)
        ckpt_again(c, n->port);
    os_safe_call(n, ADDS + 1);
    (void)nx_gsync(os_find(n, &nx_service));
    if (me->rank > 0 || o.mode == PIO_PLAIN)
        return;
    struct pio_control size = { .what = PIO_STAT, .name = "log" };
    s = pio_control(sys, NULL, &size);
    wants(n, s != PIO_OK || size.stat.size == 3 * ADDS * WORD, "bytes of the log", size.stat.size,
          3 * ADDS * WORD);
}

/* CKPTF6. */
Test(ckpt_files, that_rank_0_has_closed_are_brought_back_as_long_as_others_have_them)
{
    static const char *const systems[] = { "pfs", "vesta", "pfs", "vesta" };
    static const char *const algorithms[] = { "sns", "sns", "cl", "ns" };
    (void)kill_some(583, "sns");
    for (size_t k = 0; k < ARRAY_LEN(systems); k++) {
        struct run calm = { .program = "random",
                            .algorithm = algorithms[k],
                            .system = systems[k],
                            .policy = "copy",
                            .sink = "memory",
                            .interval = "5ms",
                            .main = adds,
                            .steps = 12 };
        adding = (const struct pio_ops *)kind_find(&pio_systems, systems[k]);
        struct run x = calm;
        play(&calm);
        cr_expect(calm.said[0] == 0 && calm.committed > 4 && calm.numbers > 4,
                  "%s: %g checkpoints, %g numbers. %s", systems[k], calm.committed, calm.numbers,
                  calm.said);
        double undone = 0;
        for (uint32_t i = 0; i < 2 * ARRAY_LEN(crashing); i++) {
            play_death(&x, calm.events, calm.events * (4 + i) / 24,
                       crashing[i % ARRAY_LEN(crashing)], 3000);
            undone += x.undone;
        }
        cr_expect(undone > 8, "%s: %g files have been brought back", systems[k], undone);
    }
}

/* ---- a shared pointer, and a restart from the beginning ---- */

static bool was_there;

/* A log of 1 KiB has been there before; each appends, and no checkpoint is taken. */
static void appends(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio *sys = pio_find(adding, n);
    struct pio_file *f = NULL;
    struct pio_open o = { .name = "log", .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN };
    enum pio_status s = PIO_OK;
    uint64_t word = 7, seen = 0;
    if (me->rank == 0 && !was_there) {
        was_there = true;
        s = pio_open(sys, &o, &f);
        if (s == PIO_OK && moved(f, PIO_WRITE, 1024 - WORD, &word))
            s = pio_close(f);
    }
    wants(n, me->resume == 0, "it begins", me->resume, 0);
    for (int i = 0; adding->modes->items[i] != NULL; i++)
        o.mode = adding->mode(i) == 0 ? i : o.mode;
    o.flags = 0;
    o.rank = me->rank;
    o.ranks = 4;
    (void)nx_gsync(os_find(n, &nx_service));
    s = s == PIO_OK ? ckpt_open(c, sys, &o, &f) : s;
    for (uint64_t k = 0; s == PIO_OK && k < ADDS; k++) {
        word = 100 * me->rank + k;
        s = moved(f, PIO_WRITE, 0, &word) ? PIO_OK : PIO_SERVER_DOWN;
        port_thread_sleep(n->port, 3 * SIM_MS);
    }
    s = s == PIO_OK ? ckpt_close(c, f) : s;
    if (s != PIO_OK)
        ckpt_again(c, n->port);
    (void)nx_gsync(os_find(n, &nx_service));
    if (me->rank > 0)
        return;
    o = (struct pio_open){ .name = "log", .ranks = 1, .mode = PIO_PLAIN };
    s = pio_open(sys, &o, &f);
    for (uint64_t at = 0; s == PIO_OK && at < 4 * ADDS * WORD; at += WORD)
        if (moved(f, PIO_READ, at, &word))
            seen += word;
    wants(n, s != PIO_OK || seen == 4 * ADDS * (ADDS - 1) / 2 + 600 * ADDS, "sum of the log", seen,
          4 * ADDS * (ADDS - 1) / 2 + 600 * ADDS);
    if (s == PIO_OK)
        (void)pio_close(f);
}

/* CKPTF2. */
Test(ckpt_files, that_were_there_before_the_job_have_their_pointer_at_its_beginning_again)
{
    static const char *const systems[] = { "pfs", "vesta" };
    for (size_t k = 0; k < ARRAY_LEN(systems); k++) {
        struct run calm = { .program = "random",
                            .system = systems[k],
                            .policy = "copy",
                            .sink = "memory",
                            .interval = "10s",
                            .main = appends,
                            .steps = 12 };
        adding = (const struct pio_ops *)kind_find(&pio_systems, systems[k]);
        struct run x = calm;
        was_there = false;
        play(&calm);
        cr_expect_str_empty(calm.said, "%s: %s", systems[k], calm.said);
        for (uint32_t i = 0; i < 4; i++) {
            was_there = false;
            play_death(&x, calm.events, calm.events * (5 + i) / 20, i % 2 ? 0 : 4, 3000);
            cr_expect(x.restarts > 0, "%s: no restart", systems[k]);
        }
    }
}

static void opens_again(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio *sys = pio_find((const struct pio_ops *)kind_find(&pio_systems, "pfs"), n);
    struct pio_file *f = NULL;
    struct pio_open o = {
        .name = "f", .flags = PIO_O_CREATE, .rank = me->rank, .ranks = 4, .mode = PIO_PLAIN
    };
    if (ckpt_open(c, sys, &o, &f) != PIO_OK || me->rank > 0 || ckpt_close(c, f) != PIO_OK)
        return;
    o.flags = PIO_O_READ_ONLY;
    o.ranks = 1;
    answered = (int)ckpt_open(c, sys, &o, &f);
}

static void reads_all(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio *sys = pio_find((const struct pio_ops *)kind_find(&pio_systems, "pfs"), n);
    struct pio_file *f = NULL;
    struct pio_open o = { .name = "f", .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN };
    enum pio_status s = PIO_OK;
    if (me->rank == 0 && (s = ckpt_open(c, sys, &o, &f)) == PIO_OK)
        s = ckpt_close(c, f);
    o.flags = PIO_O_READ_ONLY;
    o.rank = me->rank;
    o.ranks = 4;
    for (int times = 0; times < 2; times++) {
        s = s == PIO_OK ? ckpt_open(c, sys, &o, &f) : s;
        s = s == PIO_OK ? ckpt_close(c, f) : s;
    }
    wants(n, s == PIO_OK, "status", s, PIO_OK);
}

Test(ckpt_files,
     that_all_have_can_be_read_and_opened_again_and_by_rank_0_alone_once_all_have_closed)
{
    struct run x = { .program = "random",
                     .system = "pfs",
                     .policy = "stop",
                     .sink = "memory",
                     .interval = "10s",
                     .main = reads_all,
                     .steps = 12 };
    play(&x);
    cr_expect_str_empty(x.said, "%s", x.said);
    x.main = opens_again;
    play(&x);
    cr_expect(strstr(x.said, "file f: rank 0 has closed it, and opens it for itself while other "
                             "ranks have it open"),
              "%s", x.said);
    cr_expect_eq(answered, PIO_UNSUPPORTED, "%d", answered);
}

/* ---- what is lost, and what is taken away ---- */

/* Writes a word a step and reads none before the end. */
static void writes(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio *sys = pio_find(adding, n);
    struct pio_file *f = NULL;
    char name[8];
    snprintf(name, sizeof name, "w.%u", me->rank);
    struct pio_open o = { .name = name, .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN };
    bool good = ckpt_open(c, sys, &o, &f) == PIO_OK;
    uint64_t word;
    for (uint64_t k = me->resume; good && k < ADDS; k++) {
        word = k + 1;
        good = moved(f, PIO_WRITE, k * WORD, &word);
        port_thread_sleep(n->port, 10 * SIM_MS);
        if (good)
            os_safe_point(n, k + 1);
    }
    good = good && pio_flush(f) == PIO_OK;
    for (uint64_t k = 0; good && k < ADDS; k++) {
        good = moved(f, PIO_READ, k * WORD, &word);
        wants(n, !good || word == k + 1, "a word of the file", word, k + 1);
    }
    if (!good)
        ckpt_again(c, n->port);
}

/* Ranks live, and who serves their files dies with what no flush had covered: the next flush, or
 * the cut, tells, and all go back. */
Test(ckpt_files, that_who_serves_them_has_lost_are_written_again)
{
    static const char *const systems[] = { "pfs", "vesta", "files" };
    static const uint32_t io[] = { 3, 6, 7, 2 };
    for (size_t k = 0; k < ARRAY_LEN(systems); k++) {
        struct run calm = { .program = "random",
                            .system = systems[k],
                            .policy = "copy",
                            .sink = "memory",
                            .interval = "60ms",
                            .main = writes,
                            .steps = 12 };
        adding = (const struct pio_ops *)kind_find(&pio_systems, systems[k]);
        struct run x = calm;
        play(&calm);
        cr_expect_str_empty(calm.said, "%s: %s", systems[k], calm.said);
        double restarts = 0;
        for (uint32_t i = 0; i < 3 * ARRAY_LEN(io); i++) {
            play_death(&x, calm.events, calm.events * (3 + i) / 20, io[i % ARRAY_LEN(io)], 2000);
            restarts += x.restarts;
        }
        cr_expect(restarts > 0, "%s: nobody has gone back", systems[k]);
    }
}

static const struct taking {
    const char *to; /* NULL: it is removed */
    const char *interval;
    bool there, open;     /* before the job has it; still when it is taken away */
    const char *sentence; /* of the restart */
} takings[] = {
    { .interval = "100ms",
      .sentence = "the job cannot go on from checkpoint 1: a file that it has was removed or "
                  "renamed" },
    { .interval = "100ms",
      .to = "other",
      .sentence = "the job cannot go on from checkpoint 1: a file that it has was removed or "
                  "renamed" },
    { .interval = "10s",
      .there = true,
      .sentence = "the job cannot go on from checkpoint 0: a file that it has was removed or "
                  "renamed" },
    { .interval = "100ms",
      .open = true,
      .sentence = "the job cannot go on from checkpoint 1: a file that it has was removed or "
                  "renamed" },
    { .interval = "10s", .sentence = NULL }, /* made since: it is to be removed */
};
static const struct taking *taking;

/* Rank 1 takes it away after 170 ms, 30 before the second checkpoint. */
static void takes_away(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio *sys = pio_find((const struct pio_ops *)kind_find(&pio_systems, "pfs"), n);
    struct pio_file *f = NULL;
    struct pio_open o = { .name = "g", .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN };
    bool mine = me->rank == 1 && me->resume < 60;
    enum pio_status s = PIO_OK;
    if (mine && taking->there && me->resume == 0 && (s = pio_open(sys, &o, &f)) == PIO_OK)
        s = pio_close(f);
    s = mine && s == PIO_OK ? ckpt_open(c, sys, &o, &f) : s;
    for (uint64_t k = me->resume; s == PIO_OK && k < 68; k++) {
        while (k == 60 && port_now(n->port) < 170 * SIM_MS)
            port_thread_sleep(n->port, SIM_MS);
        while (k == 62 && taking->open && port_now(n->port) < 400 * SIM_MS)
            port_thread_sleep(n->port, SIM_MS);
        if (k == 60 && me->rank == 1 && !taking->open)
            s = ckpt_close(c, f);
        if (k == 60 && me->rank == 1 && s == PIO_OK) {
            struct pio_control q = { .what = taking->to ? PIO_RENAME : PIO_UNLINK,
                                     .name = "g",
                                     .to = taking->to };
            s = pio_control(sys, NULL, &q);
        }
        port_thread_sleep(n->port, SIM_MS);
        os_safe_point(n, k + 1);
    }
    wants(n, s == PIO_OK, "status", s, PIO_OK);
}

Test(ckpt_files, that_are_taken_away_while_a_checkpoint_has_them_are_told)
{
    for (size_t k = 0; k < ARRAY_LEN(takings); k++) {
        taking = &takings[k];
        struct run calm = { .program = "random",
                            .system = "pfs",
                            .policy = "stop",
                            .sink = "memory",
                            .interval = taking->interval,
                            .main = takes_away,
                            .steps = 12 };
        struct run x = calm;
        play(&calm);
        cr_expect_str_empty(calm.said, "%zu: %s", k, calm.said);
        const char *told = strstr(calm.remarks, "file g is removed or renamed, and a "
                                                "checkpoint has it");
        cr_expect_eq(told != NULL, taking->sentence != NULL, "%zu: %s", k, calm.remarks);
        cr_expect_eq(strstr(calm.remarks, "rank 1 cannot be saved: a file of it was removed or "
                                          "renamed") != NULL,
                     taking->open, "%zu: %s", k, calm.remarks);
        x.crashes = 1;
        x.at[0] = calm.events - 30;
        x.node[0] = 5;
        x.after[0] = 2000;
        play(&x);
        if (taking->sentence)
            cr_expect(strstr(x.said, taking->sentence), "%zu: %s", k, x.said);
        else
            cr_expect_str_empty(x.said, "%zu: %s", k, x.said);
    }
}

/* ---- what is refused ---- */

static const struct refusal {
    const char *mode, *algorithm, *files; /* mode NULL: plain */
    uint32_t ranks, spares;
    unsigned flags;
    bool bare, passed; /* of a system without checkpoints; after a safe point */
    bool moves;        /* it is opened, and a request is made */
    const char *sentence;
} refusals[] = {
    { .mode = "M_SYNC",
      .ranks = 4,
      .algorithm = "cl",
      .sentence = "file f: in mode M_SYNC all ranks make each request together, and one that has "
                  "been saved" },
    { .mode = "M_GLOBAL",
      .ranks = 1,
      .sentence = "file f: in mode M_GLOBAL all ranks make each request together, and it is opened "
                  "as of 1 ranks; allowed are all 4" },
    { .mode = "M_SYNC",
      .ranks = 4,
      .bare = true,
      .sentence = "file f: in mode M_SYNC all ranks make each request together, and files of 'pfs' "
                  "refuse that" },
    { .mode = "M_SYNC",
      .ranks = 3,
      .spares = 1,
      .sentence = "file f: in mode M_SYNC all ranks make each request together, and PFS looks for "
                  "them" },
    { .mode = "M_GLOBAL",
      .ranks = 4,
      .moves = true,
      .sentence = "file f: all ranks make this request together" },
    { .mode = "M_LOG",
      .files = "leave",
      .ranks = 4,
      .flags = CKPT_O_WRITE_ONLY,
      .sentence = "file f: machine.os.ckpt.files is 'leave', and a restart would append again in "
                  "mode M_LOG" },
    { .files = "leave",
      .ranks = 1,
      .sentence = "file f: machine.os.ckpt.files is 'leave', and a restart would read what was "
                  "written after the checkpoint" },
    { .ranks = 1, .bare = true, .sentence = "file f: files of 'pfs' have no checkpoints" },
    { .ranks = 2,
      .sentence = "file f: it is opened as of rank 0 of 2; allowed are a file of all 4 ranks" },
    { .ranks = 4,
      .passed = true,
      .sentence = "file f: all ranks open it, and one that has been stopped for a checkpoint" },
};
static const struct refusal *asked;

static void opens(struct os_node *n, const struct program *me)
{
    static struct pio_ops bare;
    const struct pio_ops *pfs = (const struct pio_ops *)kind_find(&pio_systems, "pfs");
    struct pio_file *f = NULL;
    struct pio_open o = { .name = "f", .flags = asked->flags | PIO_O_CREATE, .mode = PIO_PLAIN };
    if (asked->passed)
        os_safe_point(n, 1);
    if (me->rank > 0)
        return;
    bare = *pfs;
    bare.can &= ~PIO_CAN(PIO_ROLLBACK);
    bare.traits &= ~(unsigned)PIO_RETURN;
    o.ranks = asked->ranks;
    for (int i = 0; asked->mode && pfs->modes->items[i]; i++)
        if (strcmp(pfs->modes->items[i]->name, asked->mode) == 0)
            o.mode = i;
    answered =
        (int)ckpt_open(os_find(n, &ckpt_service), pio_find(asked->bare ? &bare : pfs, n), &o, &f);
    if (!asked->moves || answered != PIO_OK)
        return;
    struct pio_req q;
    struct pio_control seek = { .what = PIO_SEEK };
    pio_req_init(&q, PIO_CONTROL, f);
    q.control = &seek;
    answered = (int)ckpt_together(os_find(n, &ckpt_service), &q);
}

Test(ckpt_files, that_cannot_belong_to_a_checkpoint_are_refused_by_a_sentence)
{
    for (size_t k = 0; k < ARRAY_LEN(refusals); k++) {
        asked = &refusals[k];
        answered = -1;
        struct run x = { .program = "random",
                         .system = "pfs",
                         .policy = "stop",
                         .sink = "memory",
                         .interval = "10s",
                         .algorithm = asked->algorithm,
                         .kept = asked->files,
                         .spares = asked->spares,
                         .main = opens,
                         .steps = 12 };
        play(&x);
        cr_expect(strstr(x.said, asked->sentence), "%s: %s", asked->sentence, x.said);
        cr_expect_eq(answered, PIO_UNSUPPORTED, "%s: %d", asked->sentence, answered);
    }
}

/* Requests of all ranks together: who has come to one that not all have is saved as it waits, what
 * all have begun is made before they stop; after a restart all make the same ones (CKPTF9). */
Test(ckpt_files, that_all_move_together_are_the_same_after_crashes)
{
    uint32_t restarts = 0, committed = 0;
    for (uint64_t seed = 1; seed <= 14; seed++) {
        static const char *const policies[] = { "stop", "copy", "cow", "cll" };
        uint64_t s = seed * 47;
        struct run calm = { .program = "update",
                            .system = "pfs",
                            .policy = policies[seed % 4],
                            .sink = seed % 3 ? "memory" : "file",
                            .interval = seed % 2 ? "5ms" : "40ms",
                            .together = true,
                            .incremental = mix(&s) % 2,
                            .seed = seed,
                            .steps = 12 };
        struct run x = calm;
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu: %s", (unsigned long)seed, calm.said);
        cr_expect(!strstr(calm.remarks, "is abandoned"), "%s", calm.remarks);
        x.crashes = 1 + seed % 2;
        for (uint32_t i = 0; i < x.crashes; i++) {
            x.at[i] = (i == 0 ? 0 : x.at[i - 1]) + 100 + mix(&s) % (calm.events * 2 / 3);
            x.node[i] = crashing[mix(&s) % (seed % 4 ? 5 : 8)];
            x.after[i] = 1 + mix(&s) % 3000;
        }
        play(&x);
        (void)judge(seed, &x, &calm);
        cr_expect(!strstr(x.remarks, "is abandoned"), "%s", x.remarks);
        restarts += (uint32_t)x.restarts;
        committed += (uint32_t)calm.committed;
    }
    cr_expect_gt(restarts, 10);
    cr_expect_gt(committed, 30);
}

/* Nothing but requests of all together, so that ranks ask for one at any moment of a stop. */
enum { TOGETHER_ROUNDS = 60 };

static void seeks_together(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    const struct pio_ops *pfs = (const struct pio_ops *)kind_find(&pio_systems, "pfs");
    struct pio *sys = pio_find(pfs, n);
    struct pio_file *f = NULL;
    struct pio_open o = {
        .name = "together", .flags = PIO_O_CREATE, .rank = me->rank, .ranks = me->ranks
    };
    while (strcmp(pfs->modes->items[o.mode]->name, "M_SYNC") != 0)
        o.mode++;
    uint64_t s = (me->rank + 1) * UINT64_C(1000) + me->resume, from = me->resume;
    if (ckpt_open(c, sys, &o, &f) != PIO_OK)
        ckpt_again(c, n->port);
    struct pio_control place = { .what = PIO_TELL };
    if (pio_control(sys, f, &place) != PIO_OK || place.value != (from > 0 ? from - 1 : 0))
        port_fail(n->port, "rank %u finds the pointer at %lu, and goes on from %lu", me->rank,
                  (unsigned long)place.value, (unsigned long)from);
    for (uint64_t round = from > 0 ? from : 1; round <= TOGETHER_ROUNDS; round++) {
        struct pio_req q;
        struct pio_control seek = { .what = PIO_SEEK, .value = round };
        port_thread_sleep(n->port, (sim_time)(mix(&s) % 400) * SIM_US);
        os_safe_call(n, round);
        pio_req_init(&q, PIO_CONTROL, f);
        q.control = &seek;
        if (ckpt_together(c, &q) != PIO_OK)
            port_fail(n->port, "rank %u: %s", me->rank, pio_status_name(q.status));
    }
    (void)ckpt_close(c, f);
}

Test(ckpt_files, that_are_asked_for_by_all_at_any_moment_of_a_stop_hold_no_checkpoint_up)
{
    uint32_t committed = 0;
    for (uint64_t seed = 1; seed <= 8; seed++) {
        uint64_t s = seed * 53;
        struct run calm = { .program = "random",
                            .system = "pfs",
                            .policy = seed % 2 ? "copy" : "stop",
                            .sink = "memory",
                            .interval = "1ms",
                            .main = seeks_together,
                            .seed = seed,
                            .steps = 12 };
        struct run x = calm;
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu: %s", (unsigned long)seed, calm.said);
        cr_expect(!strstr(calm.remarks, "is abandoned"), "%s", calm.remarks);
        committed += (uint32_t)calm.committed;
        play_death(&x, calm.events, calm.events / 8 + mix(&s) % (calm.events / 2),
                   crashing[mix(&s) % 4], 1 + mix(&s) % 3000);
        cr_expect(!strstr(x.remarks, "is abandoned"), "%s", x.remarks);
    }
    cr_expect_gt(committed, 40);
}

/* Rank 0 has twelve safe points before it opens a file that the others wait for. */
enum { LATE_POINTS = 12, LATE_BYTES = 3000 };
static uint32_t late_waited;       /* images of ranks that wait there, which were loaded */
static bool late_again, late_last; /* rank 0 has opened it again; it closes it last */

static bool late_move(struct pio_file *f, enum pio_op op, uint32_t rank, struct rope *data)
{
    struct pio_req q;
    const struct file_run run = { .off = rank * (uint64_t)LATE_BYTES,
                                  .len = LATE_BYTES,
                                  .count = 1 };
    pio_req_init(&q, op, f);
    q.runs = &run;
    q.run_count = 1;
    if (op == PIO_WRITE)
        rope_move(&q.data, data);
    pio_submit(&q);
    bool good = pio_wait(&q) == PIO_OK;
    rope_join(data, &q.data);
    return good;
}

static void opens_late(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio *sys = pio_find((const struct pio_ops *)kind_find(&pio_systems, "pfs"), n);
    struct pio_file *f = NULL;
    const struct pio_open o = { .name = "late",
                                .flags = PIO_O_CREATE,
                                .rank = me->rank,
                                .ranks = me->ranks,
                                .mode = PIO_PLAIN };
    struct rope data, want;
    uint64_t point = me->resume;
    ckpt_files(c, sys);
    late_waited += me->resume == LATE_POINTS && me->rank > 0;
    if (point > LATE_POINTS && point <= 2 * LATE_POINTS && ckpt_open(c, sys, &o, &f) != PIO_OK)
        ckpt_again(c, n->port);
    for (; me->rank == 0 && point < LATE_POINTS; point++) {
        port_thread_sleep(n->port, 4 * SIM_MS);
        os_safe_point(n, point + 1);
    }
    if (point <= LATE_POINTS) {
        os_safe_call(n, LATE_POINTS);
        if (ckpt_open(c, sys, &o, &f) != PIO_OK)
            ckpt_again(c, n->port);
        rope_init(&data);
        rope_add_pattern(&data, 7 + me->rank, 0, LATE_BYTES);
        if (!late_move(f, PIO_WRITE, me->rank, &data))
            ckpt_again(c, n->port);
        point = LATE_POINTS;
    }
    for (; point < 2 * LATE_POINTS; point++) {
        os_safe_point(n, point + 1);
        port_thread_sleep(n->port, 2 * SIM_MS);
    }
    if (point <= 2 * LATE_POINTS) {
        rope_init(&data);
        rope_init(&want);
        rope_add_pattern(&want, 7 + me->rank, 0, LATE_BYTES);
        if (!late_move(f, PIO_READ, me->rank, &data))
            ckpt_again(c, n->port);
        if (!rope_equal(&data, &want))
            port_fail(n->port, "rank %u has other bytes", me->rank);
        rope_fini(&data);
        rope_fini(&want);
        if (me->rank == 0 && late_last)
            port_thread_sleep(n->port, 9 * SIM_MS);
        (void)ckpt_close(c, f);
    }
    if (point <= 2 * LATE_POINTS + 1) { /* all have closed it */
        os_safe_call(n, 2 * LATE_POINTS + 1);
        (void)nx_gsync(os_find(n, &nx_service));
    }
    if (me->rank == 0) {
        port_thread_sleep(n->port, 3 * SIM_MS);
        late_again = true;
    }
    os_safe_call(n, 2 * LATE_POINTS + 2);
    if (ckpt_open(c, sys, &o, &f) != PIO_OK)
        ckpt_again(c, n->port);
    if (!late_again)
        port_fail(n->port, "rank %u has opened it again before rank 0", me->rank);
    (void)ckpt_close(c, f);
}

/* Who waits for rank 0 is saved as it waits, and a restart opens the file again: with rank 0, which
 * has it already, or has not. */
Test(ckpt_files, that_all_open_late_keep_no_rank_from_being_saved)
{
    late_waited = 0;
    for (uint64_t seed = 1; seed <= 16; seed++) {
        uint64_t s = seed * 61;
        struct run calm = { .program = "random",
                            .system = "pfs",
                            .policy = seed % 2 ? "copy" : "stop",
                            .sink = seed % 3 ? "memory" : "file",
                            .interval = "3ms",
                            .main = opens_late,
                            .seed = seed,
                            .steps = 12 };
        struct run x = calm;
        late_last = seed % 4 > 1;
        late_again = false;
        play(&calm);
        cr_assert_str_empty(calm.said, "seed %lu: %s", (unsigned long)seed, calm.said);
        late_again = false;
        x.crashes = 1;
        x.at[0] = calm.events / 8 + mix(&s) % (calm.events / 2);
        x.node[0] = crashing[mix(&s) % 4];
        x.after[0] = 1 + mix(&s) % 3000;
        play(&x);
        cr_expect_str_empty(x.said, "seed %lu, node %u dies at event %lu of %lu: %s",
                            (unsigned long)seed, x.node[0], (unsigned long)x.at[0],
                            (unsigned long)calm.events, x.said);
        cr_expect(!strstr(x.remarks, "is abandoned"), "%s", x.remarks);
    }
    cr_expect_gt(late_waited, 10);
}

static uint32_t fitted;

static void opens_many(struct os_node *n, const struct program *me)
{
    struct pio *sys = pio_find((const struct pio_ops *)kind_find(&pio_systems, "pfs"), n);
    struct pio_file *f = NULL;
    answered = PIO_OK;
    for (uint32_t k = 0; me->rank == 0 && answered == PIO_OK && k < 60; k++) {
        char name[128];
        memset(name, 'n', 100);
        snprintf(name + 100, sizeof name - 100, "%02u", k);
        const struct pio_open o = {
            .name = name, .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN
        };
        answered = (int)ckpt_open(os_find(n, &ckpt_service), sys, &o, &f);
        fitted += answered == PIO_OK;
        if (answered != PIO_OK)
            return;
    }
}

/* A list of 6 times 496 bytes, 24 of them its head; an entry has 17 and a file's 45, and twice two
 * of a length, "pfs" and the name. */
Test(ckpt_files, as_many_as_the_list_of_opened_files_has_can_be_opened)
{
    struct run x = { .program = "random",
                     .system = "pfs",
                     .policy = "stop",
                     .sink = "memory",
                     .interval = "10s",
                     .main = opens_many,
                     .steps = 12 };
    fitted = 0;
    play(&x);
    cr_expect(strstr(x.said, "a rank opens more files from one checkpoint to the next than a list "
                             "of 2,900 bytes has"),
              "%s", x.said);
    cr_expect_eq(answered, PIO_NO_SPACE, "%d", answered);
    cr_expect_eq(fitted, (6 * 496 - 24) / (17 + 45 + 2 + 3 + 2 + 102), "%u", fitted);
}

/* ---- a file that goes from rank to rank ---- */

enum { TURNS = 14 };
static uint32_t wrong;
static uint64_t left_there;

static enum pio_status word_of(struct pio_file *f, enum pio_op op, uint64_t *word)
{
    uint8_t bytes[8];
    const struct file_run all = { .len = sizeof bytes, .count = 1 };
    struct pio_req q;
    pio_req_init(&q, op, f);
    q.runs = &all;
    q.run_count = 1;
    wire_put64(bytes, *word);
    if (op == PIO_WRITE)
        rope_add_bytes(&q.data, bytes, sizeof bytes);
    pio_submit(&q);
    enum pio_status s = pio_wait(&q);
    if (op == PIO_READ && s == PIO_OK && q.data.length == sizeof bytes) {
        rope_read(&q.data, 0, sizeof bytes, bytes);
        *word = wire_get64(bytes);
    }
    rope_fini(&q.data);
    return s;
}

/* The number of turns so far becomes one more; `turn` is what it is to be. */
static void take_turn(struct ckpt *c, struct pio *sys, uint64_t turn)
{
    uint64_t is = 0, next = turn + 1;
    struct pio_file *f;
    const struct pio_open o = {
        .name = "turns", .flags = turn == 0 ? PIO_O_CREATE : 0, .ranks = 1, .mode = PIO_PLAIN
    };
    enum pio_status s = ckpt_open(c, sys, &o, &f);
    if (s == PIO_OK && turn > 0)
        s = word_of(f, PIO_READ, &is);
    wrong += s == PIO_OK && is != turn;
    if (s == PIO_OK && turn < TURNS)
        s = word_of(f, PIO_WRITE, &next);
    left_there = is;
    if (s == PIO_OK)
        s = ckpt_close(c, f);
    if (pio_is_lost(s))
        ckpt_again(c, sys->node->port);
    wrong += s != PIO_OK;
}

static void pass_round(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio *sys = pio_find((const struct pio_ops *)kind_find(&pio_systems, "vesta"), n);
    ckpt_files(c, sys);
    for (uint64_t at = me->resume; at <= 2 * TURNS; at++) {
        uint64_t turn = at / 2;
        if (at % 2 == 0 && turn % me->ranks == me->rank)
            take_turn(c, sys, turn);
        if (at % 2 == 0)
            at++;
        os_safe_call(n, at);
        wrong += nx_gsync(os_find(n, &nx_service)) != NX_OK;
        os_safe_point(n, at + 1);
    }
}

/* Messages say who comes first, and no cut is between a write and its undoing, also where two ranks
 * open the file between the same cuts. */
Test(ckpt_files, that_go_from_rank_to_rank_go_back_to_the_cut)
{
    static const char *const algorithms[] = { "cl", "ns", "sns" };
    uint64_t count = sample("CKPT_FILES_SEEDS", 32), from = sample("CKPT_FIRST", sample_one_in());
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct run x = { .program = "random",
                         .system = "vesta",
                         .policy = "cow",
                         .sink = "file",
                         .interval = seed % 3 ? "40ms" : "150ms",
                         .algorithm = algorithms[seed % 3],
                         .main = pass_round,
                         .steps = 12 };
        uint64_t s = seed * 77;
        wrong = 0;
        left_there = 0;
        play(&x);
        cr_assert(x.said[0] == 0 && wrong == 0 && left_there == TURNS, "seed %lu: %lu %s", seed,
                  left_there, x.said);
        x.crashes = 1 + (uint32_t)(mix(&s) % 2);
        for (uint32_t i = 0; i < x.crashes; i++) {
            x.at[i] = 1 + mix(&s) % (x.events * (i + 1));
            x.node[i] = (uint32_t[]){ 0, 1, 4, 5 }[mix(&s) % 4];
            x.after[i] = 1 + mix(&s) % 20000;
        }
        left_there = 0;
        play(&x);
        cr_expect(x.said[0] == 0 && wrong == 0 && left_there == TURNS,
                  "seed %lu: %u are wrong, %lu turns. %s", seed, wrong, left_there, x.said);
    }
}

static uint32_t keeping; /* ranks that keep it open */

/* ---- files that all ranks take in turns, some to read alone at first ---- */

enum { JUGGLED = 6, THROWS = 20 };

static uint64_t throw_of(uint64_t k)
{
    uint64_t s = k * 1021 + 5;
    return mix(&s);
}

static uint32_t file_in(uint64_t k, uint32_t rank)
{
    return (uint32_t)((rank + throw_of(k)) % JUGGLED);
}

/* In step k it is opened to read alone, and then to write. */
static bool reads_first(uint64_t k, uint32_t file)
{
    return (throw_of(k) >> (8 + file)) % 2;
}

/* One more than the last step before k in which somebody has written it; 0: nobody has. */
static uint64_t word_in(uint64_t k, uint32_t file)
{
    while (k > 0 && (file + JUGGLED - throw_of(k - 1) % JUGGLED) % JUGGLED >= 4)
        k--;
    return k;
}

static enum pio_status catch_it(struct ckpt *c, struct pio *sys, uint64_t k, uint32_t file,
                                bool reads, struct pio_file **f)
{
    char name[8];
    uint64_t is = 0;
    snprintf(name, sizeof name, "j.%u", file);
    const struct pio_open o = {
        .name = name, .flags = reads ? PIO_O_READ_ONLY : PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN
    };
    enum pio_status s = ckpt_open(c, sys, &o, f);
    if (s == PIO_OK)
        s = word_of(*f, PIO_READ, &is);
    wrong += s == PIO_OK && is != word_in(k, file);
    left_there += k == THROWS && s == PIO_OK && is == word_in(k, file);
    return s;
}

/* It has a safe point while the file is open, and others while it has none. */
static enum pio_status juggle_one(struct os_node *n, struct pio *sys, uint32_t rank, uint64_t k,
                                  bool open)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio_file *f;
    uint32_t file = file_in(k, rank);
    bool reads = word_in(k, file) > 0 && reads_first(k, file) && (!open || file % 2);
    uint64_t next = k + 1;
    enum pio_status s = catch_it(c, sys, k, file, reads, &f);
    if (!open) /* most of the time it is open */
        port_thread_sleep(n->port, (sim_time)(throw_of(k + rank) % 64) * SIM_MS);
    if (s == PIO_OK && !open)
        os_safe_point(n, 3 * k + 1);
    port_thread_sleep(n->port, (sim_time)(throw_of(k + rank) % 8) * SIM_MS);
    if (s == PIO_OK && reads && (s = ckpt_close(c, f)) == PIO_OK)
        s = catch_it(c, sys, k, file, false, &f);
    if (s == PIO_OK)
        s = word_of(f, PIO_WRITE, &next);
    return s == PIO_OK ? ckpt_close(c, f) : s;
}

static void juggle(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio *sys = pio_find(adding, n);
    struct pio_file *f;
    enum pio_status s = PIO_OK;
    for (uint64_t at = me->resume; s == PIO_OK && at < 3 * THROWS; at++) {
        if (at % 3 < 2) {
            s = juggle_one(n, sys, me->rank, at / 3, at % 3 == 1);
            at += 2 - at % 3;
        }
        if (s != PIO_OK)
            break;
        os_safe_call(n, at);
        wrong += nx_gsync(os_find(n, &nx_service)) != NX_OK;
        os_safe_point(n, at + 1);
    }
    left_there = me->rank == 0 ? 0 : left_there;
    for (uint32_t k = 0; s == PIO_OK && me->rank == 0 && k < JUGGLED; k++)
        if ((s = catch_it(c, sys, THROWS, k, true, &f)) == PIO_OK)
            s = ckpt_close(c, f);
    if (pio_is_lost(s))
        ckpt_again(c, n->port);
    wrong += s != PIO_OK;
}

static enum fate juggle_and_die(uint64_t seed)
{
    static const char *const algorithms[] = { "cl", "ns", "sns" };
    static const char *const systems[] = { "pfs", "vesta" };
    struct run x = { .program = "random",
                     .system = systems[seed / 3 % 2],
                     .policy = "cow",
                     .sink = seed / 6 % 2 ? "file" : "memory",
                     .interval = seed % 5 ? "300ms" : "1s",
                     .algorithm = algorithms[seed % 3],
                     .main = juggle,
                     .steps = 12 };
    adding = (const struct pio_ops *)kind_find(&pio_systems, x.system);
    wrong = 0;
    play(&x);
    cr_assert(x.said[0] == 0 && wrong == 0 && left_there == JUGGLED, "seed %lu: %lu, %u. %s", seed,
              left_there, wrong, x.said);
    die_twice(&x, seed, x.events);
    play(&x);
    bool told = strstr(x.said, "the job cannot go on") != NULL;
    bool good = wrong == 0 && (told || (x.said[0] == 0 && left_there == JUGGLED));
    cr_expect(good, "seed %lu (%s, %s, %s): %u are wrong, %lu. %s", seed, x.algorithm, x.system,
              x.sink, wrong, left_there, x.said);
    return fate_of(&x, good);
}

/* CKPTF8, CKPT9: also by ranks that have not had them before. */
Test(ckpt_files, that_go_from_rank_to_rank_go_back_to_the_checkpoint_before)
{
    uint64_t count = sample("CKPT_FILES_SEEDS", 36), from = sample("CKPT_FIRST", sample_one_in());
    uint32_t fates[FATE_TOLD + 1] = { 0 };
    for (uint64_t seed = from; seed < from + count; seed++)
        fates[juggle_and_die(seed)]++;
    (void)juggle_and_die(99); /* rank 0 is to know what others can bring back */
    (void)juggle_and_die(111);
    (void)juggle_and_die(391); /* the list on the sink is to be limited, too */
    (void)juggle_and_die(483);
    cr_expect(count < 24 || fates[FATE_BEFORE] > 1, "%u from the one before, %u told",
              fates[FATE_BEFORE], fates[FATE_TOLD]);
}

/* Each adds to its own word, in a file that it opens for itself. */
static void add_beside(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio *sys = pio_find(adding, n);
    struct pio_file *f = NULL;
    const struct pio_open o = {
        .name = "words", .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN
    };
    enum pio_status s = PIO_OK;
    uint64_t word = 0;
    ckpt_files(c, sys);
    for (uint64_t k = me->resume; s == PIO_OK && k <= ADDS; k++) {
        bool good = true;
        uint64_t draw = k * 4 + me->rank;
        if (keeping == 0)
            port_thread_sleep(n->port, (sim_time)(mix(&draw) % 4000) * SIM_US);
        if (f == NULL)
            s = ckpt_open(c, sys, &o, &f);
        if (s == PIO_OK && k > 0)
            good = moved(f, PIO_READ, me->rank * WORD, &word);
        wrong += s == PIO_OK && good && word != k;
        word = k + 1;
        if (s == PIO_OK && good && k < ADDS)
            good = moved(f, PIO_WRITE, me->rank * WORD, &word);
        if (s == PIO_OK && good && (me->rank < 4 - keeping || k == ADDS)) {
            s = ckpt_close(c, f);
            f = NULL;
        }
        s = good ? s : PIO_SERVER_DOWN;
        if (keeping > 0)
            port_thread_sleep(n->port, (sim_time)(1 + (k + me->rank) % 3) * SIM_MS);
        if (s == PIO_OK)
            os_safe_point(n, k + 1);
    }
    if (s != PIO_OK)
        ckpt_again(c, n->port);
    os_safe_call(n, ADDS + 1);
    (void)nx_gsync(os_find(n, &nx_service));
}

static struct run beside(uint64_t seed)
{
    struct run x = { .program = "random",
                     .system = "vesta",
                     .policy = "copy",
                     .sink = seed % 2 ? "file" : "memory",
                     .interval = seed % 5 ? "10ms" : "40ms",
                     .main = add_beside,
                     .again = seed / 2 % 2,
                     .steps = 12 };
    adding = (const struct pio_ops *)kind_find(&pio_systems, x.system);
    keeping = seed % 3 ? 2 : 0;
    wrong = 0;
    return x;
}

/* CKPTF8: of a file that several had, who opens it after a restart knows what others can bring
 * back. */
Test(ckpt_files, that_several_ranks_open_for_themselves_go_back_to_the_checkpoint_before)
{
    uint64_t count = sample("CKPT_FILES_SEEDS", 24), from = sample("CKPT_FIRST", sample_one_in());
    uint32_t fates[FATE_TOLD + 1] = { 0 };
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct run x = beside(seed);
        x.again = false;
        x.interval = "100ms";
        play(&x);
        cr_assert(x.said[0] == 0 && wrong == 0, "seed %lu: %u are wrong. %s", seed, wrong, x.said);
        die_twice(&x, seed, x.events);
        play(&x);
        bool good = wrong == 0 && (x.said[0] == 0 || strstr(x.said, "the job cannot go on"));
        cr_expect(good, "seed %lu: %u are wrong. %s", seed, wrong, x.said);
        fates[fate_of(&x, good)]++;
    }
    cr_expect(count < 24 || fates[FATE_BEFORE] > 1, "%u from the one before, %u told",
              fates[FATE_BEFORE], fates[FATE_TOLD]);
}

/* Also one that several have open to write, while it gets a number, and when a capture fails. */
Test(ckpt_files, that_several_ranks_open_for_themselves_go_back_where_all_stop)
{
    uint64_t count = sample("CKPT_FILES_SEEDS", 24), from = sample("CKPT_FIRST", sample_one_in());
    double undone = 0;
    for (uint64_t seed = from; seed < from + count; seed++) {
        struct run x = beside(seed);
        uint64_t s = seed * 79;
        play(&x);
        cr_assert(x.said[0] == 0 && wrong == 0, "seed %lu: %u are wrong. %s", seed, wrong, x.said);
        x.crashes = 1 + (uint32_t)(mix(&s) % 2 && x.sink[0] == 'f');
        for (uint32_t i = 0; i < x.crashes; i++) {
            x.at[i] = 1 + mix(&s) % (x.events * (i + 1));
            x.node[i] = (uint32_t[]){ 0, 1, 4, 5 }[mix(&s) % 4];
            x.after[i] = 1 + mix(&s) % 20000;
        }
        play(&x);
        cr_expect(x.said[0] == 0 && wrong == 0, "seed %lu: %u are wrong. %s", seed, wrong, x.said);
        undone += x.undone;
    }
    cr_expect(undone > 0 || count < 4, "nothing has been brought back");
}

static bool late; /* rank 0 writes behind its cut; else it keeps the file open */

static void two_open(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio *sys = pio_find((const struct pio_ops *)kind_find(&pio_systems, "pfs"), n);
    struct pio_file *f;
    const struct pio_open o = { .name = "f",
                                .flags = me->rank == 0 ? PIO_O_CREATE : PIO_O_READ_ONLY,
                                .ranks = 1,
                                .mode = PIO_PLAIN };
    (void)port_thread_block_for(n->port, "a while", 0, (me->rank == 0 ? 100 : 2000) * SIM_MS);
    if (late && me->rank == 0)
        os_safe_point(n, 1);
    if (me->rank > 1)
        return;
    int s = (int)ckpt_open(c, sys, &o, &f);
    if (late && me->rank == 0)
        s = (int)ckpt_close(c, f);
    if (me->rank == 0)
        cr_expect_eq(s, PIO_OK);
    else
        answered = s;
}

/* A file that two use without a message that says who comes first. */
Test(ckpt_files, that_two_use_in_no_order_are_refused_by_a_sentence)
{
    static const char *const sentences[] = { "file f: rank 0 has it open, and one of both writes",
                                             "file f: rank 0 has written to it after it was saved, "
                                             "and rank 1, which is not yet" };
    for (int k = 0; k < 2; k++) {
        struct run x = { .program = "random",
                         .system = "pfs",
                         .policy = "copy",
                         .sink = "memory",
                         .interval = "50ms",
                         .algorithm = "cl",
                         .main = two_open,
                         .steps = 12 };
        late = k > 0;
        answered = -1;
        play(&x);
        cr_expect(strstr(x.said, sentences[k]), "%s: %s", sentences[k], x.said);
        cr_expect_eq(answered, PIO_UNSUPPORTED, "%s: %d", sentences[k], answered);
    }
}

/* ---- files that are left as they are ---- */

enum { COPIES = 16 };
static uint64_t copies_right;

static uint64_t in_word(uint32_t rank, uint64_t k)
{
    return (rank + 1) * UINT64_C(1000003) + 7 * k;
}

/* A word of what a rank only reads goes, changed, to what it only writes. */
static enum pio_status copy_on(struct os_node *n, const struct program *me, struct ckpt *c,
                               struct pio *sys)
{
    char in[16], out[16];
    struct pio_file *f, *from, *to;
    uint64_t word;
    snprintf(in, sizeof in, "in.%u", me->rank);
    snprintf(out, sizeof out, "out.%u", me->rank);
    struct pio_open o = { .name = in, .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN };
    enum pio_status s = me->resume == 0 ? pio_open(sys, &o, &f) : PIO_OK;
    for (uint64_t k = 0; me->resume == 0 && s == PIO_OK && k < COPIES; k++) {
        word = in_word(me->rank, k);
        s = moved(f, PIO_WRITE, k * WORD, &word) ? PIO_OK : PIO_SERVER_DOWN;
    }
    if (me->resume == 0 && s == PIO_OK)
        s = pio_close(f);
    o.flags = PIO_O_READ_ONLY;
    s = s == PIO_OK ? ckpt_open(c, sys, &o, &from) : s;
    o.name = out;
    o.flags = PIO_O_CREATE | CKPT_O_WRITE_ONLY;
    s = s == PIO_OK ? ckpt_open(c, sys, &o, &to) : s;
    for (uint64_t k = me->resume; s == PIO_OK && k < COPIES; k++) {
        bool good = moved(from, PIO_READ, k * WORD, &word);
        word = ~word;
        s = good && moved(to, PIO_WRITE, k * WORD, &word) ? PIO_OK : PIO_SERVER_DOWN;
        port_thread_sleep(n->port, 3 * SIM_MS);
        if (s == PIO_OK)
            os_safe_point(n, k + 1);
    }
    s = s == PIO_OK ? ckpt_close(c, from) : s;
    s = s == PIO_OK ? ckpt_close(c, to) : s;
    o.flags = PIO_O_READ_ONLY;
    s = s == PIO_OK ? pio_open(sys, &o, &f) : s;
    for (uint64_t k = 0; s == PIO_OK && k < COPIES; k++) {
        s = moved(f, PIO_READ, k * WORD, &word) ? PIO_OK : PIO_SERVER_DOWN;
        copies_right += s == PIO_OK && word == ~in_word(me->rank, k);
    }
    return s == PIO_OK ? pio_close(f) : s;
}

static void copies(struct os_node *n, const struct program *me)
{
    struct ckpt *c = os_find(n, &ckpt_service);
    struct pio *sys = pio_find((const struct pio_ops *)kind_find(&pio_systems, "pfs"), n);
    ckpt_files(c, sys);
    if (me->resume <= COPIES && copy_on(n, me, c, sys) != PIO_OK)
        ckpt_again(c, n->port);
    os_safe_point(n, COPIES + 1);
}

/* What a restart repeats writes the same again. */
Test(ckpt_files, that_are_left_have_the_same_bytes_after_restarts)
{
    static const char *const algorithms[] = { "sns", "cl", "ns" };
    double restarts = 0;
    struct run calm = { .events = 0 };
    for (uint32_t i = 0; i < 15; i++) {
        struct run x = { .program = "random",
                         .system = "pfs",
                         .policy = "copy",
                         .sink = "memory",
                         .interval = "5ms",
                         .algorithm = algorithms[i / 5],
                         .kept = "leave",
                         .main = copies,
                         .steps = 12 };
        copies_right = 0;
        x.crashes = i % 5 > 0;
        x.at[0] = x.crashes ? calm.events * (i % 5) / 5 : 0;
        x.node[0] = crashing[i % 4];
        x.after[0] = 3000;
        play(&x);
        calm = x.crashes ? calm : x;
        cr_expect(x.said[0] == 0 && x.undone == 0 && x.numbers == 0, "%s: %g undone. %s",
                  x.algorithm, x.undone, x.said);
        cr_expect(copies_right >= 4 * COPIES, "%s, event %lu of %lu: %lu words are right",
                  x.algorithm, x.at[0], calm.events, copies_right);
        cr_expect(x.crashes || x.committed > 4);
        restarts += x.restarts;
    }
    cr_expect(restarts >= 12, "%g restarts", restarts);
}
