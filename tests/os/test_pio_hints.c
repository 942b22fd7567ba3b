/* test_pio_hints.c: what a program tells of a parallel file reaches the layers of files of the I/O
 * nodes that have a part of it, each of its own bytes: over every system whose files have parts,
 * against where those parts are (ops.stripes).
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/registry.h"
#include "tests/os/io_world.h"
#include "tests/os/mem_archive.h"

enum { BYTES = 20000, CELLS = 5, UNIT = 300 };

/* ---- a layer that listens ---- */

struct listener {
    struct file_sys sys;
    uint32_t io;
};
static struct {
    uint32_t hints[IO_SERVERS];
    enum file_hint hint;
    uint64_t size;
    uint64_t parts[IO_SERVERS][8]; /* files of each that were told */
    uint32_t part_count;
    uint8_t bytes[IO_SERVERS][BYTES]; /* so often it was told of each, of all parts together */
    uint32_t denies;                  /* this one; IO_SERVERS: none */
} heard;

static void clear(void)
{
    memset(heard.hints, 0, sizeof heard.hints);
    memset(heard.bytes, 0, sizeof heard.bytes);
    memset(heard.parts, 0, sizeof heard.parts);
    heard.part_count = 0;
}

static void count(uint32_t io, const struct file_req *r)
{
    for (uint32_t k = 0; k < r->run_count; k++)
        for (uint64_t i = 0; i < r->runs[k].count; i++)
            for (uint64_t b = 0; b < r->runs[k].len; b++) {
                uint64_t at = r->runs[k].off + i * r->runs[k].stride + b;
                cr_assert_lt(at, BYTES);
                heard.bytes[io][at]++;
            }
}

static void count_part(uint32_t io, uint64_t file)
{
    uint32_t i = 0;
    for (; heard.parts[io][i] != 0; i++)
        if (heard.parts[io][i] == file)
            return;
    heard.parts[io][i] = file;
    heard.part_count++;
}

static void listen(struct file_sys *s, struct file_req *r)
{
    const struct listener *x = CONTAINER_OF(s, struct listener, sys);
    if (r->op != FILE_HINT || r->hint == FILE_FORGET) {
        file_submit(s->below, r);
        return;
    }
    heard.hints[x->io]++;
    heard.hint = r->hint;
    heard.size = r->size;
    count(x->io, r);
    count_part(x->io, r->file);
    r->status = heard.denies == x->io ? FILE_DENIED : FILE_OK;
    r->done(r);
}

static const struct file_ops listener;
static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    struct listener *x = port_alloc(b->node->port, sizeof *x);
    (void)params;
    x->sys = (struct file_sys){ .ops = &listener, .port = b->node->port, .below = below };
    x->io = b->node->node - io_server(0);
    return &x->sys;
}
static bool hears_close(const void *params)
{
    (void)params;
    return true;
}
static const struct file_ops listener = { .kind = { .name = "listener", .doc = "Listens." },
                                          .hears_close = hears_close,
                                          .start = start,
                                          .submit = listen };
/* ---- one system ---- */

static struct {
    struct io_world w;
    uint64_t seed;
    enum pio_status down;
    uint32_t told;
    bool pins;
    struct pio_file *f;
    struct pio_stripes parts; /* of the file as it lies */
} t;

static uint32_t draw(uint32_t n)
{
    t.seed = t.seed * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(t.seed >> 33) % n;
}

static enum pio_status hint(enum pio_hint what, const struct file_run *runs, uint32_t n)
{
    return pio_control(
        t.f->sys, t.f,
        &(struct pio_control){ .what = PIO_HINT, .value = what, .runs = runs, .run_count = n });
}

/* Byte `off` of the file is one more of those that its I/O node must hear of. */
static void must_hear(uint8_t want[IO_SERVERS][BYTES], const struct pio_stripes *s, uint64_t off)
{
    uint32_t host = s->host[off / s->unit % s->factor];
    want[host - io_server(0)][off / s->unit / s->factor * s->unit + off % s->unit]++;
}

/* view: bytes are those of cell `column`, a subfile (UINT32_MAX: of the file). */
static void one_list(uint32_t column)
{
    static uint8_t want[IO_SERVERS][BYTES];
    struct file_run runs[4];
    uint32_t n = 1 + draw(ARRAY_LEN(runs)), some[IO_SERVERS] = { 0 };
    uint64_t at = draw(BYTES / 10);
    memset(want, 0, sizeof want);
    clear();
    for (uint32_t k = 0; k < n; k++) {
        runs[k] = (struct file_run){ .off = at, .len = 1 + draw(400), .count = 1 + draw(4) };
        runs[k].stride = runs[k].len + draw(300);
        at += runs[k].stride * runs[k].count + draw(300);
    }
    for (uint32_t k = 0; k < n; k++)
        for (uint64_t i = 0; i < runs[k].count; i++)
            for (uint64_t b = 0; b < runs[k].len; b++) {
                uint64_t off = runs[k].off + i * runs[k].stride + b;
                if (column != UINT32_MAX)
                    off = (off / UNIT * CELLS + column) * UNIT + off % UNIT;
                must_hear(want, &t.parts, off);
            }
    cr_assert_eq(hint(draw(2) ? PIO_HINT_STAGE : PIO_HINT_WILL_NEED, runs, n), PIO_OK);
    for (uint32_t io = 0; io < IO_SERVERS; io++) {
        for (uint64_t b = 0; b < BYTES; b++)
            some[io] |= want[io][b];
        cr_assert_eq(heard.hints[io] > 0, some[io] > 0, "%s: node %u", t.w.ops->kind.name, io);
    }
    cr_assert_eq(memcmp(want, heard.bytes, sizeof want), 0, "%s: other bytes", t.w.ops->kind.name);
}

static void lists(void)
{
    bool views = t.w.ops->can & PIO_CAN(PIO_VIEW);
    t.w.ops->stripes(t.f, &t.parts);
    for (uint32_t i = 0; i < 30; i++)
        one_list(UINT32_MAX);
    for (uint32_t i = 0; i < 15 && views; i++) {
        struct pio_control c = { .what = PIO_VIEW, .view = { 1, 1, 1, CELLS, i % CELLS, false } };
        cr_assert_eq(pio_control(t.f->sys, t.f, &c), PIO_OK);
        one_list(i % CELLS);
    }
}

static void all_heard(uint32_t except)
{
    for (uint32_t io = 0; io < IO_SERVERS; io++)
        cr_assert_eq(heard.hints[io] > 0, io != except, "%s: node %u", t.w.ops->kind.name, io);
    cr_assert(except < IO_SERVERS || heard.part_count == t.parts.factor, "a part was not told");
    clear();
}

static void whole_file(void)
{
    static const enum pio_hint all[] = { PIO_HINT_STAGE,  PIO_HINT_PURGE,   PIO_HINT_PIN,
                                         PIO_HINT_UNPIN,  PIO_HINT_MIGRATE, PIO_HINT_SEQUENTIAL,
                                         PIO_HINT_RANDOM, PIO_HINT_NORMAL };
    static const enum file_hint files[] = { FILE_STAGE,  FILE_PURGE,      FILE_PIN,
                                            FILE_UNPIN,  FILE_MIGRATE,    FILE_SEQUENTIAL,
                                            FILE_RANDOM, FILE_AS_IT_COMES };
    const struct file_run first = { .len = 10, .count = 1 };
    const struct file_run most = { .len = BYTES / 2, .count = 1 };
    clear();
    for (uint32_t i = 0; i < ARRAY_LEN(all); i++) {
        cr_assert_eq(hint(all[i], all[i] == PIO_HINT_STAGE ? NULL : &first, 1), PIO_OK);
        cr_assert_eq(heard.hint, files[i]);
        all_heard(IO_SERVERS);
    }
    heard.denies = 1;
    cr_assert_eq(hint(PIO_HINT_PURGE, NULL, 0), PIO_DENIED, "one says no");
    all_heard(IO_SERVERS);
    heard.denies = IO_SERVERS;
    t.told++;
    while (t.told == 1) /* a node dies */
        port_thread_sleep(t.f->sys->node->port, SIM_MS);
    cr_assert_eq(hint(PIO_HINT_MIGRATE, NULL, 0), PIO_SERVER_DOWN, "one is down");
    all_heard(1);
    cr_assert_eq(hint(PIO_HINT_WILL_NEED, &most, 1), PIO_OK, "that is advice");
    cr_assert_eq(hint(PIO_HINT_SEQUENTIAL, NULL, 0), PIO_OK, "that, too");
    clear();
    t.told++;
    while (t.told == 3) /* it is back */
        port_thread_sleep(t.f->sys->node->port, SIM_MS);
    (void)hint(PIO_HINT_MIGRATE, NULL, 0); /* may say that it came back */
    clear();
    cr_assert_eq(hint(PIO_HINT_MIGRATE, NULL, 0), PIO_OK);
    all_heard(IO_SERVERS);
}

/* Who opened a file that is his, or is user 0, says where it lies; others have it staged. */
static void rights(struct pio *s)
{
    static const struct file_rights users[] = { { 0644, 7, 1 }, { 0644, 8, 2 }, { 0, 0, 0 } };
    struct pio_open o = { .name = "y", .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN };
    struct pio_file *old = t.f;
    for (uint32_t i = 0; i < ARRAY_LEN(users); i++) {
        enum pio_status may = users[i].uid == 8 ? PIO_DENIED : PIO_OK;
        s->user = users[i];
        cr_assert_eq(pio_open(s, &o, &t.f), PIO_OK);
        cr_assert_eq(hint(PIO_HINT_STAGE, NULL, 0), PIO_OK);
        clear();
        for (uint64_t h = PIO_HINT_PURGE; h <= PIO_HINT_MIGRATE; h++)
            cr_assert_eq(hint((enum pio_hint)h, NULL, 0), may, "%s: user %u, hint %u",
                         t.w.ops->kind.name, users[i].uid, (unsigned)h);
        for (uint32_t io = 0; io < IO_SERVERS; io++)
            cr_assert(may == PIO_OK || heard.hints[io] == 0, "a node was told");
        cr_assert_eq(pio_close(t.f), PIO_OK);
        o.flags = PIO_O_READ_ONLY;
    }
    t.f = old;
}

/* ---- an archive below ---- */

static struct {
    struct mem_archive archive;
    struct file_hsm_params params;
} below;

static struct file_sys *start_hsm(const struct file_boot *b, const void *params,
                                  struct file_sys *files)
{
    struct hsm_door door = mem_archive_door(&below.archive, b->node->port);
    (void)params;
    return file_hsm_start(b->node->port, &below.params, files, &door, UINT64_C(1) << 20);
}
static const struct file_ops archived = { .kind = { .name = "archived",
                                                    .doc = "HSM over the archive of the test." },
                                          .files = 2,
                                          .start = start_hsm };

static const struct kind *layers[40];
static const struct kind_set with_listener = { "layer", "machine.os.files", layers };

static void add_layers(void)
{
    uint32_t n = 0;
    for (; os_layers.items[n] != NULL; n++)
        layers[n] = os_layers.items[n];
    cr_assert_lt(n + 2, ARRAY_LEN(layers));
    layers[n] = &listener.kind;
    layers[n + 1] = &archived.kind;
    io_world_layers = &with_listener;
}

static void wait_until(uint32_t told)
{
    while (t.told < told)
        port_thread_sleep(t.f->sys->node->port, SIM_MS);
}

static uint64_t purges(uint32_t io)
{
    return fake_count(t.w.f, io_server(io), "hsm.purges");
}

static enum pio_status pin_for(uint64_t seconds)
{
    return pio_control(
        t.f->sys, t.f,
        &(struct pio_control){ .what = PIO_HINT, .value = PIO_HINT_PIN, .number = seconds });
}

static void none_purged(const char *why)
{
    cr_assert_eq(hint(PIO_HINT_PURGE, NULL, 0), PIO_DENIED, "%s: %s", t.w.ops->kind.name, why);
    for (uint32_t io = 0; io < IO_SERVERS; io++)
        cr_assert_eq(purges(io), 0, "%s: %s: node %u", t.w.ops->kind.name, why, io);
}

/* A node dies and comes back. */
static void restart(void)
{
    t.told++;
    wait_until(t.told + 1);
    t.told++;
    wait_until(t.told + 1);
    while (pio_flush(t.f) != PIO_OK)
        port_thread_sleep(t.f->sys->node->port, 5 * SIM_MS);
}

static void pins(void)
{
    cr_assert_eq(hint(PIO_HINT_MIGRATE, NULL, 0), PIO_OK);
    for (uint32_t i = 0; i < 2; i++)
        cr_assert_eq(pin_for(0), PIO_OK);
    none_purged("two pins");
    cr_assert_eq(hint(PIO_HINT_UNPIN, NULL, 0), PIO_OK);
    none_purged("one pin is left");
    restart();
    none_purged("a pin outlives a crash");
    cr_assert_eq(pin_for(20), PIO_OK);
    restart();
    none_purged("both do");
    port_thread_sleep(t.f->sys->node->port, 30 * SIM_SEC);
    none_purged("one for ever is left");
    cr_assert_eq(hint(PIO_HINT_UNPIN, NULL, 0), PIO_OK);
    cr_assert_eq(pin_for(20), PIO_OK);
    none_purged("20 seconds");
    port_thread_sleep(t.f->sys->node->port, 15 * SIM_SEC);
    none_purged("5 seconds are left");
    restart();
    none_purged("after a crash, too");
    port_thread_sleep(t.f->sys->node->port, 6 * SIM_SEC);
    cr_assert_eq(hint(PIO_HINT_PURGE, NULL, 0), PIO_OK, "%s", t.w.ops->kind.name);
    for (uint32_t io = 0; io < IO_SERVERS; io++)
        cr_assert_gt(purges(io), 0, "%s: node %u", t.w.ops->kind.name, io);
}

static void program(struct io_world *w, struct os_node *n, uint32_t rank)
{
    struct pio *s = rank == 0 ? pio_find(w->ops, n) : NULL;
    static uint8_t bytes[BYTES];
    bool fixed = strcmp(w->ops->kind.name, "pfs") == 0; /* its layout is the mount's */
    const struct file_run all = { .len = BYTES, .count = 1 };
    const struct pio_open o = { .name = "x",
                                .flags = PIO_O_CREATE,
                                .ranks = 1,
                                .mode = PIO_PLAIN,
                                .unit = fixed ? 0 : UNIT,
                                .factor = fixed ? 0 : CELLS };
    struct pio_req r;
    if (s == NULL)
        return;
    cr_assert_eq(pio_open(s, &o, &t.f), PIO_OK);
    clear();
    cr_assert_eq(hint(PIO_HINT_MIGRATE, NULL, 0), PIO_OK, "there is nothing yet");
    for (uint32_t io = 0; io < IO_SERVERS; io++)
        cr_assert_eq(heard.hints[io], 0);
    pio_req_init(&r, PIO_WRITE, t.f);
    r.runs = &all;
    r.run_count = 1;
    rope_add_bytes(&r.data, bytes, BYTES);
    pio_submit(&r);
    cr_assert_eq(pio_wait(&r), PIO_OK);
    cr_assert_eq(pio_flush(t.f), PIO_OK);
    if (t.pins) {
        pins();
    } else {
        rights(s);
        lists();
        whole_file();
    }
    uint32_t once[IO_SERVERS]; /* by who is told of the whole file, and how often */
    clear();
    cr_assert_eq(hint(PIO_HINT_SEQUENTIAL, NULL, 0), PIO_OK);
    memcpy(once, heard.hints, sizeof once);
    clear();
    cr_assert_eq(pio_close(t.f), PIO_OK);
    for (uint32_t io = 0; io < IO_SERVERS; io++)
        cr_assert_eq(heard.hints[io], once[io], "%s: node %u", t.w.ops->kind.name, io);
    cr_assert(t.pins || heard.hint == FILE_CLOSED);
}

static void play(const struct pio_ops *ops, const char *text, bool pinned)
{
    memset(&t, 0, sizeof t);
    t.pins = pinned;
    heard.denies = IO_SERVERS;
    io_world_start(&t.w, ops, text, (struct fake_options){ .seed = 5, .detect_delay = SIM_MS },
                   program);
    while (t.w.running > 0) {
        bool done = fake_step(t.w.f);
        if (t.told % 2 == 1) {
            (t.told % 4 == 1 ? fake_crash : fake_restart)(t.w.f, io_server(1));
            t.told++;
        }
        cr_assert(done, "%s: nothing goes on", ops->kind.name);
    }
    io_world_stop(&t.w);
}

/* Over all systems whose files have parts; %s: the layer. */
static void play_all(const char *layer, bool pinned)
{
    static const char pfs[] = "{{service=nx}, {service=pfs_meta, unit=700B}, {service=pfs_server, "
                              "files={{layer=%s}, {layer=lfs}}}, {service=pfs_client}}";
    static const char vesta[] = "{{service=nx}, {service=vesta_server, files={{layer=%s}, "
                                "{layer=lfs}}}, {service=vesta_client}, {service=ranks}}";
    uint32_t systems = 0;
    add_layers();
    for (int i = 0; pio_systems.items[i] != NULL; i++) {
        const struct pio_ops *ops = kind_at(&pio_systems, i);
        char text[300];
        bool on_pfs = false;
        for (int k = 0; ops->services[k] != NULL; k++)
            on_pfs |= strcmp(ops->services[k]->kind.name, "pfs_client") == 0;
        if (!(ops->traits & PIO_SHARED) || !ops->stripes || strcmp(ops->kind.name, "files") == 0)
            continue;
        (void)snprintf(text, sizeof text, on_pfs ? pfs : vesta, layer);
        play(ops, text, pinned);
        systems++;
    }
    cr_assert_geq(systems, 4);
}

Test(pio_hints, each_io_node_hears_of_its_own_bytes)
{
    play_all("listener", false);
}

/* As many as there were, on each I/O node; those for some time end. */
Test(pio_hints, a_pinned_file_is_not_purged)
{
    struct err e = ERR_INIT;
    cr_assert(param_load(file_hsm_params, &below.params, NULL, "hsm", &e), "%s", e.text);
    below.params.retry = SIM_MS;
    below.params.records.log = 16384;
    below.params.files = 64;
    mem_archive_init(&below.archive, 1);
    play_all("archived", true);
    mem_archive_fini(&below.archive);
}
