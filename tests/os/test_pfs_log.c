/* test_pfs_log.c: names that are kept outlive the service node, whichever write its power fails at.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/os/pfs_world.h"
#include "tests/sample.h"

enum { NAMES = 6, STEPS = 30, LEN = 3000 };

/* What is known of a name: a file of that many bytes, a directory, nothing. */
enum is { NOTHING, FILE_OF, DIRECTORY };
struct name {
    enum is is;
    uint64_t size;
    uint8_t label; /* each byte of it */
};
static struct {
    uint64_t state;
    struct name now[NAMES], then[NAMES]; /* then: if the call that did not answer was done */
    bool unsure;
    uint8_t tried; /* the label that was set last */
    uint32_t crashes;
    uint64_t copies; /* of the log, that were renamed */
    bool empty;      /* files have no bytes */
    sim_time slowest;
} m;

static uint32_t draw(uint32_t n)
{
    m.state = m.state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(m.state >> 33) % n;
}

static const char *name_of(uint32_t i)
{
    static const char *const names[NAMES] = { "a", "b", "c", "d/a", "d/b", "d/c" };
    return names[i];
}

static bool is_now(const struct name *x, enum pfs_status s, const struct pfs_stat *st,
                   uint8_t label)
{
    if (x->is == NOTHING)
        return s == PFS_NO_FILE;
    return s == PFS_OK && st->dir == (x->is == DIRECTORY) &&
           (st->dir || (st->size == x->size && label == x->label));
}

/* What a name is, of a file its label, too. */
static enum pfs_status look(struct pfs_client *c, const char *name, struct pfs_stat *st,
                            uint8_t *label)
{
    uint8_t b[FILE_LABEL_BYTES] = { 0 };
    struct pfs_file *f = NULL;
    enum pfs_status s = pfs_stat(c, name, st);
    if (s != PFS_OK || st->dir)
        return s;
    s = pfs_open(c, name, 0, M_ASYNC, 0, 1, NULL, &f);
    s = s == PFS_OK ? pfs_label(f, false, b) : s;
    if (f != NULL)
        (void)pfs_close(f);
    *label = b[0];
    cr_assert(s != PFS_OK || memcmp(b, b + 1, sizeof b - 1) == 0, "%s: a label of two", name);
    return s == PFS_STALE ? PFS_SERVER_DOWN : s;
}

/* It never comes back. */
static bool gone(struct pfs_world *w, const struct pfs_death *d)
{
    return d->at > 0 && d->back == 0 && !fake_up(w->r.f, d->node);
}

/* PFS6: all names are as they were told to be, or as the call without an answer would have them. */
static void compare(struct pfs_world *w, struct pfs_client *c)
{
    bool now = true, then = m.unsure;
    for (uint32_t i = 0; i < NAMES; i++) {
        struct pfs_stat st = { 0 };
        uint8_t label = 0;
        enum pfs_status s;
        while ((s = look(c, name_of(i), &st, &label)) == PFS_SERVER_DOWN ||
               (s == PFS_IO_ERROR && w->off)) { /* told in its last moment */
            if (gone(w, &w->deaths[0]) || gone(w, &w->deaths[1]))
                return;
            port_thread_sleep(fake_port(w->r.f, 0), 20 * SIM_MS);
        }
        cr_assert(s == PFS_OK || s == PFS_NO_FILE, "%s: %s", name_of(i), pfs_status_name(s));
        now = now && is_now(&m.now[i], s, &st, label);
        then = then && is_now(&m.then[i], s, &st, label);
    }
    cr_assert(now || then, "names are not what was answered");
    if (!now)
        memcpy(m.now, m.then, sizeof m.now);
    m.unsure = false;
}

static enum pfs_status set_label(struct pfs_file *f, struct name *x)
{
    uint8_t b[FILE_LABEL_BYTES];
    m.tried = (uint8_t)(1 + draw(200));
    memset(b, m.tried, sizeof b);
    enum pfs_status s = pfs_label(f, true, b);
    x->label = s == PFS_OK ? m.tried : x->label;
    return s;
}

/* A file with bytes, of which the I/O nodes know the number. */
static enum pfs_status make(struct pfs_client *c, uint32_t i)
{
    struct pfs_file *f = NULL;
    struct rope data;
    enum pfs_status s = pfs_open(c, name_of(i), PFS_O_CREATE, M_ASYNC, 0, 1, NULL, &f);
    if (s != PFS_OK)
        return s;
    m.now[i] = (struct name){ FILE_OF, m.now[i].size, m.now[i].label };
    s = draw(2) ? set_label(f, &m.now[i]) : PFS_OK;
    if (s != PFS_OK || m.empty) {
        enum pfs_status closed = pfs_close(f);
        return s != PFS_OK ? s : closed;
    }
    rope_init(&data);
    rope_add_pattern(&data, i, 0, 1 + draw(LEN));
    uint64_t n = data.length;
    s = pfs_write(f, &data);
    if (s == PFS_OK)
        s = pfs_sync(f);
    m.now[i].size = n > m.now[i].size ? n : m.now[i].size;
    (void)pfs_close(f);
    return s;
}

static void change(struct pfs_client *c)
{
    uint32_t i = draw(NAMES), k = draw(NAMES), what = draw(4);
    struct name *x = &m.then[i], *y = &m.then[k];
    enum pfs_status s;
    memcpy(m.then, m.now, sizeof m.now);
    if (what == 0 && x->is == NOTHING) {
        *x = (struct name){ DIRECTORY, 0, 0 };
        s = pfs_mkdir(c, name_of(i));
    } else if (what <= 1 && x->is != DIRECTORY) {
        m.tried = m.now[i].label;
        s = make(c, i);
        memcpy(m.then, m.now, sizeof m.now);
        if (s != PFS_OK && x->is == NOTHING)
            *x = (struct name){ FILE_OF, 0, 0 };
        else if (s != PFS_OK)
            x->label = m.tried;
    } else if (what == 2 && x->is == FILE_OF && y->is != DIRECTORY && i != k) {
        *y = *x;
        *x = (struct name){ NOTHING, 0, 0 };
        s = pfs_rename(c, name_of(i), name_of(k));
    } else if (x->is != NOTHING) {
        s = (x->is == DIRECTORY ? pfs_rmdir : pfs_unlink)(c, name_of(i));
        *x = (struct name){ NOTHING, 0, 0 };
    } else {
        return;
    }
    if (s == PFS_OK)
        memcpy(m.now, m.then, sizeof m.now);
    else
        m.unsure = true;
    cr_assert(s == PFS_OK || s == PFS_SERVER_DOWN || (s == PFS_IO_ERROR && !m.empty) ||
                  s == PFS_STALE,
              "%s", pfs_status_name(s));
}

/* Of the service node, once it is up. */
static uint32_t lives(struct pfs_world *w)
{
    while (w->off || !fake_up(w->r.f, w->layout.service))
        port_thread_sleep(fake_port(w->r.f, 0), SIM_MS);
    return port_incarnation(fake_port(w->r.f, w->layout.service));
}

static void changes(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    (void)rank;
    for (enum pfs_status s = PFS_IO_ERROR; s != PFS_OK && s != PFS_EXISTS;) {
        s = pfs_mkdir(c, "d");
        port_thread_sleep(fake_port(w->r.f, 0), 20 * SIM_MS);
    }
    (void)pfs_open(c, "old", PFS_O_CREATE, M_UNIX, 0, 1, NULL, &f);
    uint32_t life = lives(w);
    for (uint32_t i = 0; i < STEPS; i++) {
        change(c);
        compare(w, c);
    }
    uint64_t size;
    bool again = lives(w) > life;
    cr_assert(f == NULL || !again || pfs_size(f, &size) == PFS_STALE, "opens of before are over");
    m.crashes = lives(w) - 1;
    if (f != NULL)
        (void)pfs_close(f);
}

/* How many writes the service node's disk had. */
static uint64_t survive(uint64_t seed, uint64_t power_off)
{
    struct pfs_world w;
    memset(&m, 0, sizeof m);
    m.state = seed;
    pfs_world_defaults(&w, 1, 2);
    w.names = true;
    w.power_off = power_off;
    w.lfs.files = 200;
    if (seed % 2 == 0) { /* the log is written anew every few changes */
        w.params.log_ratio = 1;
        w.params.log_least = 1;
    }
    pfs_world_start(&w, (struct fake_options){ .seed = seed, .detect_delay = SIM_MS });
    pfs_world_run(&w, changes);
    m.copies = fake_count(w.r.f, w.layout.service, "pfs_meta.copies");
    pfs_world_stop(&w);
    cr_assert(power_off == 0 || m.crashes == 1, "seed %d: no crash at write %d", (int)seed,
              (int)power_off);
    return w.writes;
}

/* The power fails at each write of some runs; PFS_LOG: so many runs. */
Test(pfs_log, names_outlive_a_power_failure_at_any_write)
{
    for (uint64_t seed = 1; seed <= sample("PFS_LOG", 3); seed++) {
        uint64_t writes = survive(seed, 0);
        cr_assert_gt(writes, 20, "%d writes", (int)writes);
        cr_assert(seed % 2 != 0 || m.copies > 2, "%d copies", (int)m.copies);
        for (uint64_t k = 1; k < writes; k++)
            (void)survive(seed, k);
    }
}

/* What another node has been told of a name is so after the crash, too: one makes, one looks. */
static bool seen[STEPS], seen_off;

static void watch(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    char name[16];
    struct pfs_stat st;
    for (uint32_t i = 0; i < STEPS; i++) {
        (void)snprintf(name, sizeof name, "x%u", i);
        enum pfs_status s = rank == 0 ? pfs_mkdir(c, name) : PFS_NO_FILE;
        for (uint32_t k = 0; rank == 1 && k < 200 && s == PFS_NO_FILE; k++)
            s = pfs_stat(c, name, &st);
        if (w->off || s != PFS_OK)
            break;
        seen[i] = true;
    }
    seen_off = seen_off || w->off;
    (void)lives(w);
    for (uint32_t i = 0; i < STEPS && seen[i]; i++) {
        enum pfs_status s;
        (void)snprintf(name, sizeof name, "x%u", i);
        while ((s = pfs_stat(c, name, &st)) == PFS_SERVER_DOWN)
            port_thread_sleep(fake_port(w->r.f, rank), 20 * SIM_MS);
        cr_assert_eq(s, PFS_OK, "%s was there: %s", name, pfs_status_name(s));
    }
}

Test(pfs_log, what_was_seen_outlives_a_power_failure)
{
    seen_off = false;
    for (uint64_t k = 3; k < 3 + sample(NULL, 40); k++) {
        struct pfs_world w;
        memset(seen, 0, sizeof seen);
        pfs_world_defaults(&w, 2, 1);
        w.names = true;
        w.power_off = k;
        w.lfs.files = 200;
        pfs_world_start(&w, (struct fake_options){ .seed = k, .detect_delay = SIM_MS });
        pfs_world_run(&w, watch);
        pfs_world_stop(&w);
    }
    cr_assert(seen_off);
}

/* What a file is called at the I/O nodes stays: others than the client ask them by that name. */
static void keeps_its_parts(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    struct pfs_file *f = NULL;
    char before[FILE_NAME_MAX + 1], after[FILE_NAME_MAX + 1], name[16];
    (void)rank;
    cr_assert_eq(pfs_open(c, "kept", PFS_O_CREATE, M_ASYNC, 0, 1, NULL, &f), PFS_OK);
    pfs_part_name(f, before);
    (void)pfs_close(f);
    for (uint32_t i = 0; i < STEPS && !w->off; i++) {
        (void)snprintf(name, sizeof name, "x%u", i);
        (void)pfs_mkdir(c, name);
    }
    m.crashes = lives(w) - 1;
    for (enum pfs_status s = PFS_SERVER_DOWN; s == PFS_SERVER_DOWN;) {
        port_thread_sleep(fake_port(w->r.f, 0), 20 * SIM_MS);
        s = pfs_open(c, "kept", 0, M_ASYNC, 0, 1, NULL, &f);
        cr_assert(s == PFS_OK || s == PFS_SERVER_DOWN, "%s", pfs_status_name(s));
    }
    pfs_part_name(f, after);
    cr_assert_str_eq(before, after);
    (void)pfs_close(f);
}

Test(pfs_log, parts_have_their_names_after_a_power_failure)
{
    struct pfs_world w;
    memset(&m, 0, sizeof m);
    pfs_world_defaults(&w, 1, 2);
    w.names = true;
    w.power_off = 20;
    w.lfs.files = 200;
    pfs_world_start(&w, (struct fake_options){ .seed = 1, .detect_delay = SIM_MS });
    pfs_world_run(&w, keeps_its_parts);
    pfs_world_stop(&w);
    cr_assert_eq(m.crashes, 1);
}

/* However many names come and go, the log has some times as many bytes as what is there needs. */
enum { STAY = 50, LEAST = 8 << 10 };
static uint64_t longest, churn;

static void come_and_go(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    char name[16], to[16];
    for (uint64_t i = 0; i < churn; i++) {
        (void)snprintf(name, sizeof name, "%u/%u", rank, (uint32_t)i);
        (void)snprintf(to, sizeof to, "%u/%u", rank, (uint32_t)(i - STAY));
        enum pfs_status s = i == 0 ? pfs_mkdir(c, rank == 0 ? "0" : "1") : PFS_OK;
        cr_assert(s == PFS_OK && pfs_mkdir(c, name) == PFS_OK);
        cr_assert(i < STAY || pfs_rmdir(c, to) == PFS_OK);
        uint64_t n = fake_count(w->r.f, w->layout.service, "pfs_meta.log_bytes");
        longest = n > longest ? n : longest;
    }
}

Test(pfs_log, names_that_come_and_go_keep_the_log_short)
{
    struct pfs_world w;
    churn = sample("PFS_CHURN", 2000) / 2;
    longest = 0;
    pfs_world_defaults(&w, 2, 1);
    w.names = true;
    w.params.log_least = LEAST;
    w.steps_more = churn * 2000;
    pfs_world_start(&w, (struct fake_options){ .seed = 1 });
    pfs_world_run(&w, come_and_go);
    uint64_t copies = fake_count(w.r.f, w.layout.service, "pfs_meta.copies");
    cr_assert_gt(copies + 3, churn * 4 / (5 * 2 * (STAY + 2)), "%d copies", (int)copies);
    cr_assert_lt(longest, 2 * 5 * 60 * 2 * (STAY + 2), "%d bytes", (int)longest);
    pfs_world_stop(&w);
}

/* ---- what keeps the names is another node's ---- */

/* Every call ends in time; what was answered is there once all are back. */
static void changes_elsewhere(struct pfs_world *w, struct pfs_client *c, uint32_t rank)
{
    (void)rank;
    for (enum pfs_status s = PFS_IO_ERROR; s != PFS_OK && s != PFS_EXISTS;) {
        s = pfs_mkdir(c, "d");
        port_thread_sleep(fake_port(w->r.f, 0), 5 * SIM_MS);
        if (gone(w, &w->deaths[0]) || gone(w, &w->deaths[1]))
            return;
    }
    for (uint32_t i = 0; i < STEPS; i++) {
        bool never = gone(w, &w->deaths[0]) || gone(w, &w->deaths[1]);
        sim_time since = port_now(fake_port(w->r.f, 0));
        enum pfs_status s = never ? pfs_mkdir(c, "new") : PFS_OK;
        if (!never)
            change(c);
        cr_assert(s == PFS_OK || s == PFS_SERVER_DOWN || s == PFS_EXISTS, "%s", pfs_status_name(s));
        sim_time took = port_now(fake_port(w->r.f, 0)) - since;
        m.slowest = took > m.slowest ? took : m.slowest;
        if (!never)
            compare(w, c);
    }
    while (w->deaths[1].at > 0 && !w->deaths[1].over)
        port_thread_sleep(fake_port(w->r.f, 0), SIM_MS);
    /* The service node must read all that back. */
    w->deaths[1] = (struct pfs_death){ .node = w->layout.service, .step = 1, .back = SIM_MS };
    while (!w->deaths[1].over)
        port_thread_sleep(fake_port(w->r.f, 0), SIM_MS);
    compare(w, c);
}

static uint64_t elsewhere(uint64_t seed, struct pfs_death io, struct pfs_death service)
{
    struct pfs_world w;
    memset(&m, 0, sizeof m);
    m.state = seed;
    m.empty = true;
    pfs_world_defaults(&w, 1, 2);
    w.remote = true;
    w.lfs.files = 200;
    w.params.log_ratio = seed % 2;
    w.params.log_least = 1;
    pfs_world_start(&w, (struct fake_options){ .seed = seed, .detect_delay = SIM_MS });
    w.deaths[0] = io;
    w.deaths[0].node = pfs_world_io_node(&w, 0);
    w.deaths[1] = service;
    w.deaths[1].node = w.layout.service;
    pfs_world_run(&w, changes_elsewhere);
    uint64_t steps = fake_steps(w.r.f);
    cr_assert_lt(m.slowest, SIM_SEC, "seed %d, step %d: a call took %.3f s", (int)seed,
                 (int)io.step, (double)m.slowest / (double)SIM_SEC);
    m.copies = fake_up(w.r.f, w.layout.service)
                   ? fake_count(w.r.f, w.layout.service, "pfs_meta.copies")
                   : 0;
    pfs_world_stop(&w);
    return steps;
}

static const sim_time backs[] = { 0, SIM_MS, 20 * SIM_MS, 2 * SIM_SEC };

/* The I/O node that keeps the names dies: idle, in a request, in a copy; PFS_ELSEWHERE: so many
 * steps of each run. */
Test(pfs_log, names_outlive_the_node_that_keeps_them)
{
    for (uint64_t seed = 1; seed <= 2; seed++) {
        uint64_t steps = elsewhere(seed, (struct pfs_death){ 0 }, (struct pfs_death){ 0 });
        uint64_t runs = sample("PFS_ELSEWHERE", 200);
        cr_assert(seed % 2 == 0 || m.copies > 2);
        for (uint64_t i = 0; i < runs; i++)
            (void)elsewhere(seed,
                            (struct pfs_death){ .step = 1 + i * steps / runs,
                                                .back = backs[i % ARRAY_LEN(backs)] },
                            (struct pfs_death){ 0 });
    }
}

/* And while the service node boots and reads them. */
Test(pfs_log, names_outlive_both_nodes)
{
    uint64_t steps = elsewhere(1, (struct pfs_death){ 0 }, (struct pfs_death){ 0 });
    uint64_t runs = sample("PFS_ELSEWHERE", 200);
    for (uint64_t i = 0; i < runs; i++) {
        uint64_t at = steps / 3 + i * steps / (3 * runs);
        struct pfs_death service = { .step = at, .back = 2 * SIM_MS };
        (void)elsewhere(
            1 + i / 4 % 2,
            (struct pfs_death){ .step = at + 1 + i % 60, .back = backs[i % ARRAY_LEN(backs)] },
            service);
    }
}
