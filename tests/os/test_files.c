/* test_files.c: one byte-exact shadow file under random requests over every stack of files: lists
 * of runs, several requests at once, device errors, lost frames, a crash of the files' node.
 */
#include "os/file/file_internal.h"
#include "os/file/token.h"
#include "os/lfs/lfs.h"
#include "os/registry.h"
#include "os/xk/msg.h" /* wire_get */
#include "tests/os/mem_archive.h"
#include "tests/os/stacks.h"
#include "tests/os/xk_rig.h"
#include "tests/sample.h"

#include <criterion/criterion.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FILES = 3, SPAN = 30000, FLIGHT = 5, RUNS = 6, TURNS = 400 };

struct shadow {
    uint64_t file;
    uint8_t bytes[SPAN];
    bool unknown[SPAN]; /* a write that failed may have changed it */
    size_t size;
    uint32_t busy;
    bool stale; /* a change failed: its size is to be asked */
};

struct flight {
    struct file_req r;
    struct file_run runs[RUNS];
    struct stage *g;
    struct shadow *s;
    bool busy;
    uint8_t *want; /* a READ's data as they were when it was submitted */
    bool *may;
    uint64_t most; /* of these */
};

struct stage {
    struct rig r;
    struct os_group groups[1];
    uint32_t io[1];
    struct os_layout layout;
    struct os_boot boot;
    struct os_service service[2]; /* files, tokens */
    sim_time retry[1];            /* the parameters of the second */
    struct file_stack server, client;
    struct val *list[2];
    struct os_node node[2];
    struct file_sys *top; /* of node 0 */
    bool remote;          /* the files are node 1's */
    bool slow;            /* requests take many steps */
    uint32_t booted;
    struct shadow s[FILES];
    struct flight f[FLIGHT];
    uint32_t inside;
    bool versions; /* files have checkpoints */
    bool serial;   /* a file has one request at a time */
    bool late;     /* writes may fail after they have ended */
    struct mem_archive archive;
    uint32_t bad_reads; /* so many reads of the device fail */
    uint64_t failed, reads, lists;
};

static uint64_t draw_state;
static uint32_t draw(uint32_t n)
{
    draw_state = draw_state * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(draw_state >> 33) % n;
}

static enum port_io_status on_disk(void *arg, uint32_t node, uint32_t dev, const struct port_io *io,
                                   uint32_t *sectors)
{
    struct stage *g = arg;
    (void)node, (void)dev;
    if (io->op != PORT_IO_READ || g->bad_reads == 0 || draw(4) > 0)
        return PORT_IO_OK;
    g->bad_reads--;
    *sectors = 0;
    return PORT_IO_MEDIUM;
}

/* "pass; lfs cache=4": top to bottom. */
static struct val *layers(const char *text)
{
    struct val *list = val_new(VAL_LIST, "test", 1);
    char *copy = base_strdup(text), *at = copy, *one, *word;
    while ((one = strsep(&at, ";"))) {
        struct val *v = val_new(VAL_TABLE, "test", 1);
        while ((word = strsep(&one, " "))) {
            char *eq = strchr(word, '='), *end;
            if (eq == NULL) {
                if (*word)
                    val_put(v, "layer", val_new_string(word, "test", 1));
                continue;
            }
            *eq = 0;
            long long n = strtoll(eq + 1, &end, 10);
            val_put(v, word,
                    *end == 0                     ? val_new_int(n, "test", 1)
                    : strcmp(eq + 1, "true") == 0 ? val_new_bool(true, "test", 1)
                                                  : val_new_string(eq + 1, "test", 1));
        }
        val_append(list, v);
    }
    free(copy);
    return list;
}

/* Every layer there is, and HSM over an archive of the test. */
static const char *stage_name; /* its stack */
static struct stage *stage;
static struct file_sys *archived_start(const struct file_boot *b, const void *params,
                                       struct file_sys *below)
{
    const struct file_hsm_params *p = params;
    struct hsm_door door = mem_archive_door(&stage->archive, b->node->port);
    return file_hsm_start(b->node->port, p, below, &door, (uint64_t)p->space);
}
static struct file_ops archived = {
    .kind = { .name = "archived",
              .params = file_hsm_params,
              .params_size = sizeof(struct file_hsm_params) },
    .files = 2,
    .start = archived_start,
};
static const struct kind_set *layers_of_test(void)
{
    static const struct kind *items[32];
    static struct kind_set set;
    size_t n = 0;
    extern const struct file_ops file_hsm;
    archived.submit = file_hsm.submit;
    for (; os_layers.items[n] != NULL; n++)
        items[n] = os_layers.items[n];
    items[n] = &archived.kind;
    set = os_layers;
    set.items = items;
    return &set;
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct stage *g = CONTAINER_OF(r, struct stage, r);
    struct xk_protl *rpc = xk_find(r->k[node], "rpc");
    g->node[node] = (struct os_node){
        .port = p, .boot = &g->boot, .layout = &g->layout, .node = node, .xk = r->k[node]
    };
    struct file_boot b = { .node = &g->node[node], .rpc = rpc };
    g->booted++;
    if (node == 0)
        g->top = file_stack_start(&g->client, &b);
    else
        for (int i = 0; i < 2; i++)
            (void)g->service[i].ops->start(&g->node[node], &g->service[i], rpc);
}

struct server_params { /* as in os/file/server.c */
    const struct val *files;
    struct file_stack stack;
};

static struct stage *stage_new(const char *client, const char *server, struct fake_options o)
{
    struct stage *g = calloc(1, sizeof *g);
    struct err e = ERR_INIT;
    stage = g;
    stage_name = client;
    mem_archive_init(&g->archive, o.seed);
    g->io[0] = 1;
    g->groups[0] = (struct os_group){ .name = "io", .count = 1, .nodes = g->io };
    g->layout.nodes = 2;
    g->retry[0] = SIM_MS;
    struct server_params *p = calloc(1, sizeof *p);
    g->service[0] =
        (struct os_service){ .ops = &file_server_service, .on = g->groups, .params = p };
    g->service[1] =
        (struct os_service){ .ops = &token_server_service, .on = g->groups, .params = g->retry };
    g->boot = (struct os_boot){ .layout = &g->layout,
                                .layers = layers_of_test(),
                                .groups = g->groups,
                                .group_count = 1,
                                .services = g->service,
                                .service_count = 2 };
    g->list[0] = layers(client);
    g->list[1] = layers(server);
    p->files = g->list[1];
    cr_assert(file_stack_load(&g->client, &g->boot, g->list[0], "lfs", NULL, "client", &e), "%s",
              e.text);
    cr_assert(file_server_service.ready(p, &g->boot, "server", &e), "%s", e.text);
    g->remote = strstr(client, "remote") != NULL;
    g->slow = g->remote || strstr(client, "archived") != NULL ||
              strstr(client, "checksum") != NULL || strstr(client, "compress") != NULL;
    o.nodes = 2;
    o.disks = 1;
    rig_start(&g->r, &o, "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan",
              booted, NULL);
    fake_on_disk(g->r.f, on_disk, g);
    while (g->booted < 2)
        cr_assert(fake_step(g->r.f));
    return g;
}

static void stage_free(struct stage *g)
{
    rig_stop(&g->r);
    for (int i = 0; i < FLIGHT; i++) {
        free(g->f[i].want);
        free(g->f[i].may);
    }
    file_server_service.drop(g->service[0].params);
    free(g->service[0].params);
    mem_archive_fini(&g->archive);
    file_stack_free(&g->client);
    val_free(g->list[0]);
    val_free(g->list[1]);
    free(g);
}

/* ---- requests ---- */

static void each_byte(struct flight *x, void (*fn)(struct flight *x, uint64_t at, uint64_t off))
{
    uint64_t at = 0;
    for (uint32_t i = 0; i < x->r.run_count; i++)
        for (uint64_t k = 0; k < x->r.runs[i].count; k++)
            for (uint64_t b = 0; b < x->r.runs[i].len; b++)
                fn(x, at++, x->r.runs[i].off + k * x->r.runs[i].stride + b);
}

static void forget(struct flight *x, uint64_t at, uint64_t off)
{
    (void)at;
    x->s->unknown[off] = true;
}

static void remember(struct flight *x, uint64_t at, uint64_t off)
{
    bool there = off < x->s->size;
    x->want[at] = there ? x->s->bytes[off] : 0;
    x->may[at] = there && x->s->unknown[off];
    if (there && x->most == at) /* FILE3 */
        x->most = at + 1;
}

static void change(struct flight *x, uint64_t at, uint64_t off)
{
    x->s->bytes[off] = x->want[at];
    x->s->unknown[off] = x->g->late;
    if (off >= x->s->size)
        x->s->size = off + 1;
}

static void size_is(struct shadow *s, uint64_t size)
{
    s->size = size;
    s->stale = false;
    for (size_t i = size; i < SPAN; i++) /* what failed may have left something there */
        s->bytes[i] = 0;
}

static void ended(struct file_req *r)
{
    struct flight *x = r->arg;
    cr_assert_eq(x->g->inside, 0, "done is called inside a submit (FILE1)");
    cr_assert(x->busy, "a request ends twice");
    x->busy = false;
    x->s->busy--;
    cr_assert(r->file == x->s->file && (r->runs == x->runs || r->runs == &r->one),
              "the request is not as it came (FILE4)");
    bool may_fail = r->status == FILE_IO_ERROR || r->status == FILE_UNREACHABLE ||
                    (r->op == FILE_HINT && r->hint == FILE_PURGE && r->status == FILE_DENIED);
    cr_assert(r->status == FILE_OK || may_fail, "%s: %s: %s", stage_name, file_op_name(r->op),
              file_status_name(r->status));
    if (r->status != FILE_OK) {
        x->g->failed += r->op != FILE_HINT;
        if (r->op == FILE_WRITE)
            each_byte(x, forget);
        for (size_t i = r->size; r->op == FILE_SIZE && i < SPAN; i++)
            x->s->unknown[i] = true;
        x->s->stale |= r->op == FILE_WRITE || r->op == FILE_SIZE;
    } else if (r->op == FILE_STAT && x->s->stale) {
        size_is(x->s, r->attr.size);
    } else if (r->op == FILE_READ) {
        uint8_t *got = malloc(r->data.length + 1);
        rope_read(&r->data, 0, r->data.length, got);
        cr_assert_eq(r->moved, r->data.length);
        cr_assert(x->most == UINT64_MAX || r->moved == x->most, "%s: a read gives %d bytes, not %d",
                  stage_name, (int)r->moved, (int)x->most); /* FILE3 */
        for (uint64_t i = 0; i < r->moved; i++)
            cr_assert(got[i] == x->want[i] || x->may[i], "byte %d of the data is %u, not %u",
                      (int)i, got[i], x->want[i]);
        free(got);
        x->g->reads++;
        x->g->lists += r->run_count > 1;
    }
    rope_fini(&r->data);
}

/* Runs that do not overlap, in any order. */
static uint64_t draw_runs(struct flight *x)
{
    uint32_t n = draw(3) == 0 ? 1 + draw(RUNS) : 1, room = SPAN / n;
    uint64_t bytes = 0;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t len = 1 + draw(draw(3) == 0 ? room / 2 : room / 16 + 1), count = 1;
        uint32_t off = draw(room - len + 1), stride = len + draw(200);
        if (draw(3) == 0) {
            off -= off % 2048;
            len = len > 2048 ? len - len % 2048 : len;
            stride = (len + 2047) / 2048 * 2048;
        }
        while (draw(4) > 0 && off + count * stride + len <= room)
            count++;
        x->runs[(i + n / 2) % n] = (struct file_run){ i * room + off, len, stride, count };
        bytes += (uint64_t)len * count;
    }
    x->r.runs = x->runs;
    x->r.run_count = n;
    x->want = realloc(x->want, bytes + 1);
    x->may = realloc(x->may, (bytes + 1) * sizeof(bool));
    x->most = 0;
    return bytes;
}

static void submit_random(struct port *p, void *arg)
{
    struct stage *g = arg;
    struct flight *x = NULL;
    struct shadow *s = &g->s[draw(FILES)];
    uint32_t kind = draw(24);
    (void)p;
    for (int i = 0; i < FLIGHT; i++)
        x = g->f[i].busy ? x : &g->f[i];
    /* Calls to another node may be entered in any order: there a file has one request at a time.
     * Where one may end short of a size that another sets, too. */
    if (x == NULL || (s->busy > 0 && (g->remote || g->serial)))
        return;
    file_req_init(&x->r, FILE_READ, ended, x);
    x->g = g;
    x->s = s;
    x->busy = true;
    s->busy++;
    x->r.file = s->file;
    x->r.direct = g->reads % 8 == 0; /* that is asked of READ and WRITE alone */
    if (s->stale) {
        x->r.op = FILE_STAT;
    } else if (kind < 11) {
        (void)draw_runs(x);
        each_byte(x, remember);
        if (g->late)
            x->most = UINT64_MAX;
        for (int i = 0; i < FLIGHT; i++) /* may cut or lengthen it meanwhile */
            if (g->f[i].busy && g->f[i].s == s && g->f[i].r.op != FILE_READ)
                x->most = UINT64_MAX;
    } else if (kind < 20) {
        x->r.op = FILE_WRITE;
        uint64_t n = draw_runs(x);
        uint32_t kinds = draw(2) ? 255 : 2; /* of bytes: the fewer, the better they compress */
        for (uint64_t i = 0; i < n; i++)
            x->want[i] = (uint8_t)(1 + draw(kinds));
        size_t had = s->size;
        rope_add_bytes(&x->r.data, x->want, n);
        each_byte(x, change);
        for (int i = 0; s->size > had && i < FLIGHT; i++) /* a READ of other blocks may see that */
            if (g->f[i].busy && g->f[i].s == s)
                g->f[i].most = UINT64_MAX;
    } else if (kind < 21) {
        x->r.op = FILE_FLUSH;
    } else if (kind < 22) {
        x->r.op = FILE_HINT;
        x->r.hint = draw(2) == 0   ? draw(FILE_HINT_COUNT)
                    : draw(2) == 0 ? FILE_FORGET
                                   : FILE_WILL_READ;
        (void)draw_runs(x);
    } else if (s->busy == 1) {
        x->r.op = FILE_SIZE;
        x->r.size = draw(SPAN);
        for (size_t i = x->r.size; i < s->size; i++) {
            s->bytes[i] = 0;
            s->unknown[i] = g->late; /* a crash may undo it */
        }
        s->size = x->r.size;
    } else {
        x->r.op = FILE_STAT;
    }
    g->inside++;
    file_submit(g->top, &x->r);
    g->inside--;
}

static void until_idle(struct stage *g)
{
    for (int i = 0; i < FLIGHT; i++)
        while (g->f[i].busy)
            cr_assert(fake_step(g->r.f), "a request never ends");
}

/* One request alone. */
static struct stage *alone;
static void submit_alone(struct port *p, void *arg)
{
    (void)p;
    alone->inside++;
    file_submit(alone->top, arg);
    alone->inside--;
}
static void alone_done(struct file_req *r)
{
    cr_assert_eq(alone->inside, 0);
    r->arg = NULL;
}
static enum file_status ask(struct stage *g, struct file_req *r)
{
    r->done = alone_done;
    r->arg = r;
    alone = g;
    fake_call(g->r.f, 0, submit_alone, r);
    while (r->arg != NULL)
        cr_assert(fake_step(g->r.f), "%s never ends", file_op_name(r->op));
    return r->status;
}

static enum file_status ask_named(struct stage *g, enum file_op op, const char *name,
                                  uint64_t *file)
{
    struct file_req r;
    file_req_init(&r, op, NULL, NULL);
    r.name = name;
    (void)ask(g, &r);
    *file = r.file;
    return r.status;
}

static void check_all(struct stage *g)
{
    until_idle(g);
    g->bad_reads = 0;
    for (int i = 0; i < FILES; i++) {
        struct shadow *s = &g->s[i];
        static uint8_t got[SPAN];
        struct file_req r;
        if (g->late) {
            file_req_init(&r, FILE_FLUSH, NULL, NULL);
            r.file = s->file;
            (void)ask(g, &r);
            cr_assert_eq(ask(g, &r), FILE_OK, "CACHE4: a late status is told twice");
            s->stale = true;
        }
        if (s->stale) {
            file_req_init(&r, FILE_STAT, NULL, NULL);
            r.file = s->file;
            cr_assert_eq(ask(g, &r), FILE_OK);
            size_is(s, r.attr.size);
        }
        file_req_init(&r, FILE_READ, NULL, NULL);
        r.file = s->file;
        file_range(&r, 0, SPAN);
        cr_assert_eq(ask(g, &r), FILE_OK);
        cr_assert_eq(r.moved, s->size, "file %d has %d bytes, not %d", i, (int)r.moved,
                     (int)s->size);
        rope_read(&r.data, 0, r.moved, got);
        rope_fini(&r.data);
        for (size_t b = 0; b < s->size; b++)
            cr_assert(got[b] == s->bytes[b] || s->unknown[b], "file %d, byte %d: %u, not %u", i,
                      (int)b, got[b], s->bytes[b]);
    }
}

static void make_files(struct stage *g)
{
    static const char *const names[FILES] = { "one", "two", "three" };
    uint64_t other;
    for (int i = 0; i < FILES; i++) {
        enum file_status s = ask_named(g, FILE_CREATE, names[i], &g->s[i].file);
        cr_assert_eq(s, FILE_OK, "%s: %s", stage_name, file_status_name(s));
        cr_assert_eq(ask_named(g, FILE_CREATE, names[i], &other), FILE_EXISTS);
        cr_assert_eq(ask_named(g, FILE_LOOKUP, names[i], &other), FILE_OK);
        cr_assert_eq(other, g->s[i].file);
    }
    cr_assert_eq(ask_named(g, FILE_LOOKUP, "four", &other), FILE_NO_FILE);
    struct file_req r;
    struct file_entry x;
    file_req_init(&r, FILE_LIST, NULL, NULL);
    cr_assert_eq(ask(g, &r), FILE_OK);
    for (int i = 0; i < FILES; i++)
        cr_assert(file_entry_next(&r.data, &x) && strcmp(x.name, names[i]) == 0);
    cr_assert_not(file_entry_next(&r.data, &x));
    rope_fini(&r.data);
}

static void random_requests(struct stage *g, uint64_t seed, int turns)
{
    draw_state = seed;
    g->serial = g->bad_reads > 0;
    g->late = g->serial && file_stack_has(&g->client, "cache");
    for (int t = 0; t < turns; t++) {
        struct file_req r;
        file_req_init(&r, FILE_CHECKPOINT, NULL, NULL);
        r.file = g->s[t / 32 % FILES].file;
        if (g->versions &&
            t % 32 == 31) /* among the others; changes nothing that they see: KEEP4 */
            (void)ask(g, &r);
        fake_call(g->r.f, 0, submit_random, g);
        for (uint32_t k = draw(g->slow ? 30 : 4); k > 0; k--)
            (void)fake_step(g->r.f);
    }
    check_all(g);
}

#define LFS "block=2KiB inode=4KiB read_ahead=2 max_io=8KiB prealloc=4"
#define STORE "block=2KiB objects=8 read_ahead=2 max_io=8KiB"
#define HSM "piece=2KiB space=200KiB start=20 stop=5 age=0s poll=4ms files=8"
static const struct {
    const char *client, *server;
} stacks[] = {
    { "lfs cache=1 " LFS, "lfs" },
    { "lfs cache=9 buffered=true " LFS, "lfs" },
    { "pass; lfs cache=5 queue=1 " LFS, "lfs" },
    { "remote", "lfs cache=5 " LFS },
    { "pass; remote", "pass; lfs cache=9 buffered=true queue=2 " LFS },
    { "vesta_store cache=1 " STORE, "lfs" },
    { "pass; vesta_store cache=9 " STORE, "lfs" },
    { "remote", "vesta_store cache=5 " STORE },
    { "keep block=2KiB; lfs cache=5 " LFS, "lfs" },
    { "remote", "pass; keep block=512B; lfs cache=5 buffered=true " LFS },
    { "cache bytes=16KiB block=1000B ahead=3 dirty=4KiB; lfs cache=5 " LFS, "lfs" },
    { "cache bytes=4KiB block=512B ahead=0 dirty=0B policy=mru; vesta_store cache=9 " STORE,
      "lfs" },
    { "cache bytes=256KiB block=3KiB; pass; remote",
      "cache bytes=8KiB block=2KiB; lfs cache=9 buffered=true queue=2 " LFS },
    { "crossing; lfs cache=5 " LFS, "lfs" },
    { "pass; crossing domain=kernel; cache bytes=16KiB block=1000B ahead=3 dirty=4KiB; "
      "crossing; lfs cache=5 " LFS,
      "lfs" },
    { "crossing; remote", "crossing domain=kernel; lfs cache=9 buffered=true " LFS },
    { "checksum; lfs cache=5 " LFS, "lfs" },
    { "checksum block=100; lfs cache=9 buffered=true " LFS, "lfs" },
    { "checksum; vesta_store cache=9 " STORE, "lfs" },
    { "checksum block=1000; keep block=512B; lfs cache=5 " LFS, "lfs" },
    { "pass; remote", "checksum; lfs cache=9 queue=2 " LFS },
    { "checksum; cache bytes=16KiB block=2KiB ahead=3 dirty=4KiB; remote", "lfs cache=5 " LFS },
    { "token; cache bytes=16KiB block=1000B ahead=3 dirty=4KiB; remote", "lfs cache=5 " LFS },
    { "compress unit=512B; lfs cache=5 " LFS, "lfs" },
    { "compress unit=3000B commit=7 files=1; lfs cache=9 buffered=true " LFS, "lfs" },
    { "compress; vesta_store cache=9 " STORE, "lfs" },
    { "compress unit=5KiB; keep block=512B; lfs cache=5 " LFS, "lfs" },
    { "pass; remote", "checksum; compress unit=2KiB; checksum; lfs cache=9 queue=2 " LFS },
    { "token; compress unit=4KiB; cache bytes=16KiB block=1000B ahead=3 dirty=4KiB; remote",
      "lfs cache=5 " LFS },
    { "archived stage=open " HSM "; lfs cache=5 " LFS, "lfs" },
    { "archived stage=demand row=2 " HSM "; lfs cache=9 buffered=true " LFS, "lfs" },
    { "archived stage=background pulls=1 " HSM "; lfs cache=5 " LFS, "lfs" },
    { "archived stage=none " HSM "; lfs cache=5 " LFS, "lfs" },
    { "remote", "archived stage=demand " HSM "; vesta_store cache=9 " STORE },
    { "cache bytes=16KiB block=1000B ahead=3 dirty=4KiB; archived " HSM "; lfs cache=5 " LFS,
      "lfs" },
    { "token; mapped; cache bytes=16KiB block=1000B ahead=3 dirty=4KiB; remote",
      "lfs cache=5 " LFS },
};
static bool has_versions(size_t i)
{
    return strstr(stacks[i].client, "store") || strstr(stacks[i].server, "store") ||
           strstr(stacks[i].client, "keep") || strstr(stacks[i].server, "keep");
}

/* FILE2, FILE3, FILE5, VSO1, VSOI6, CROSS1; REMOTE1: the frames are so short that a request
 * needs several calls. */
Test(files, a_shadow_file_agrees_over_every_stack)
{
    for (size_t i = 0; i < ARRAY_LEN(stacks); i++)
        for (int order = 0; order < 2; order++) {
            struct stage *g =
                stage_new(stacks[i].client, stacks[i].server,
                          (struct fake_options){ .seed = i + 1,
                                                 .order = order ? FAKE_RANDOM : FAKE_IN_ORDER,
                                                 .mtu = 512,
                                                 .disk_sectors = 2000 });
            make_files(g);
            g->versions = has_versions(i);
            random_requests(g, 10 * i + (uint64_t)order + 1, TURNS);
            cr_assert_gt(g->reads, TURNS / 10, "%s: %d reads", stacks[i].client, (int)g->reads);
            cr_assert_gt(g->lists, TURNS / 60, "%s: %d lists", stacks[i].client, (int)g->lists);
            cr_assert_eq(g->failed, 0);
            stage_free(g);
        }
}

/* Every layer with every policy at every place (tests/os/stacks.h), over a bottom, another layer
 * above it: this one of them. */
static bool run_at(const struct stack_layer *l, enum stack_place place, uint64_t seed)
{
    static const char *const bottoms[] = { "lfs cache=5 " LFS, "lfs cache=9 buffered=true " LFS,
                                           "vesta_store cache=5 " STORE };
    static const char *const edges[STACK_PLACES] = {
        [STACK_KERNEL] = "crossing domain=kernel; ", [STACK_SERVER] = "crossing; "
    };
    char layer[STACK_TEXT], stack[2 * STACK_TEXT], client[3 * STACK_TEXT];
    const struct file_ops *ops = kind_find(&os_layers, l->layer);
    bool wire = place >= STACK_IO_NODE;
    stack_text(l, layer);
    draw_state = seed;
    if (strncmp(layer, "hsm ", 4) == 0) {
        memmove(layer + 5, layer, strlen(layer) + 1);
        memcpy(layer, "archived", 8);
    }
    if (ops->bottom && place == STACK_OVER_WIRE)
        return false;
    (void)snprintf(stack, sizeof stack, ops->bottom ? "%s" : "%s; %s", layer,
                   place == STACK_OVER_WIRE ? "remote" : bottoms[draw(ARRAY_LEN(bottoms))]);
    (void)snprintf(client, sizeof client, "%s%s%s", draw(2) ? "pass; " : "",
                   edges[place] != NULL ? edges[place] : "",
                   place == STACK_IO_NODE ? "remote" : stack);
    const char *server = place == STACK_IO_NODE ? stack : bottoms[draw(ARRAY_LEN(bottoms))];
    struct stage *g =
        stage_new(client, server,
                  (struct fake_options){ .seed = seed,
                                         .order = draw(2) ? FAKE_RANDOM : FAKE_IN_ORDER,
                                         .mtu = 512,
                                         .disk_sectors = 2000 });
    make_files(g);
    random_requests(g, seed, TURNS);
    cr_assert_gt(g->reads, TURNS / 20, "%s over %s: %d reads", client, server, (int)g->reads);
    cr_assert(g->failed == 0 && wire == g->remote);
    stage_free(g);
    return true;
}

Test(files, a_shadow_file_agrees_over_every_layer_and_policy_at_every_place)
{
    const struct stack_layer *all;
    size_t n = stack_layers(&all);
    uint64_t seeds = sample("SHADOW_SEEDS", 1);
    bool soak = getenv("SHADOW_SEEDS") != NULL;
    for (uint64_t seed = 1; seed <= seeds; seed++)
        for (size_t i = 0; i < n; i++) {
            uint64_t first = (seed * 7919 + i) % STACK_PLACES;
            for (uint64_t k = 0; k < STACK_PLACES; k++) {
                enum stack_place place = (enum stack_place)((first + k) % STACK_PLACES);
                if (run_at(&all[i], place, seed * 1000 + i * STACK_PLACES + place) && !soak)
                    break;
            }
        }
}

/* A bottom without versions says so, through what lies above it. */
Test(files, a_checkpoint_is_made_or_refused)
{
    for (size_t i = 0; i < ARRAY_LEN(stacks); i++) {
        struct stage *g = stage_new(stacks[i].client, stacks[i].server,
                                    (struct fake_options){ .disk_sectors = 2000 });
        struct file_req r;
        make_files(g);
        bool can = has_versions(i);
        for (int op = FILE_CHECKPOINT; op <= FILE_ROLLBACK; op++) {
            file_req_init(&r, op, NULL, NULL);
            r.file = g->s[0].file;
            cr_assert_eq(ask(g, &r), can ? FILE_OK : FILE_UNSUPPORTED);
            r.file = 77;
            cr_assert_eq(ask(g, &r), FILE_NO_FILE);
        }
        check_all(g);
        stage_free(g);
    }
}

Test(files, device_errors_are_told_over_every_stack)
{
    for (size_t n = 0; n < sample(NULL, 4) * ARRAY_LEN(stacks); n++) {
        size_t i = n % ARRAY_LEN(stacks);
        if (strstr(stacks[i].client, "checksum block") != NULL ||  /* CSUM2: no sector, and torn */
            strstr(stacks[i].client, "compress unit=4KiB; cache")) /* COMP3: told as damage */
            continue;
        struct stage *g = stage_new(
            stacks[i].client, stacks[i].server,
            (struct fake_options){ .seed = n + 1, .order = FAKE_RANDOM, .disk_sectors = 2000 });
        make_files(g);
        g->bad_reads = 12;
        random_requests(g, n + 100, TURNS);
        cr_assert_gt(g->failed, 0);
        stage_free(g);
    }
}

/* REMOTE2: lost frames change nothing; a node that dies fails what it was asked, and no more. */
Test(files, another_node_s_files_outlive_lost_frames_and_its_crash)
{
    struct stage *g = stage_new("remote", "lfs cache=5 " LFS,
                                (struct fake_options){ .seed = 3,
                                                       .lossy = true,
                                                       .drop_ppm = 20000,
                                                       .detect_delay = SIM_MS,
                                                       .mtu = 512,
                                                       .disk_sectors = 2000 });
    make_files(g);
    for (int life = 0; life < 5; life++) {
        struct file_req r;
        random_requests(g, 200 + (uint64_t)life, TURNS / 4);
        file_req_init(&r, FILE_FLUSH, NULL, NULL);
        cr_assert_eq(ask(g, &r), FILE_OK);
        file_req_init(&r, FILE_READ, NULL, NULL);
        r.file = g->s[0].file;
        file_range(&r, 0, SPAN);
        r.done = alone_done;
        r.arg = &r;
        fake_call(g->r.f, 0, submit_alone, &r);
        for (uint32_t k = draw(20); k > 0; k--)
            (void)fake_step(g->r.f);
        fake_crash(g->r.f, 1);
        fake_run_until(g->r.f, fake_now(g->r.f) + 5 * SIM_MS);
        fake_restart(g->r.f, 1);
        while (r.arg != NULL)
            cr_assert(fake_step(g->r.f), "a request to a dead node never ends");
        cr_assert(r.status == FILE_OK || r.status == FILE_UNREACHABLE);
        rope_fini(&r.data);
        fake_run_until(g->r.f, fake_now(g->r.f) + SIM_SEC);
        check_all(g);
    }
    stage_free(g);
}

/* CSUM1: a bit that turns on the device is told, where it is, and that alone; what is written over
 * it is good again. */
Test(files, a_checksum_finds_what_a_device_has_changed)
{
    enum { ROOM = 504, BLOCKS = 20 };
    static uint8_t want[ROOM * BLOCKS], got[ROOM * BLOCKS], sector[512];
    struct stage *g = stage_new("checksum; lfs cache=4 " LFS, "lfs",
                                (struct fake_options){ .disk_sectors = 2000, .seed = 5 });
    struct file_req r;
    uint64_t file;
    uint32_t found = 0;
    draw_state = 9;
    for (size_t i = 0; i < sizeof want; i++)
        want[i] = (uint8_t)draw(256);
    cr_assert_eq(ask_named(g, FILE_CREATE, "a", &file), FILE_OK);
    for (int op = FILE_WRITE; op <= FILE_FLUSH; op += FILE_FLUSH - FILE_WRITE) {
        file_req_init(&r, op, NULL, NULL);
        r.file = file;
        file_range(&r, 0, sizeof want);
        if (op == FILE_WRITE)
            rope_add_bytes(&r.data, want, sizeof want);
        cr_assert_eq(ask(g, &r), FILE_OK);
    }
    for (uint32_t at = 0; at < 2000; at++) { /* every sector that has bytes of the file */
        fake_disk_read(g->r.f, 0, 0, at, 1, sector);
        for (uint32_t b = 0; b < BLOCKS; b++) {
            if (memcmp(sector + 8, want + (size_t)b * ROOM, ROOM) != 0)
                continue;
            uint32_t byte = draw(512);
            uint8_t mask = (uint8_t)(1u << draw(8));
            file_req_init(&r, FILE_FLUSH, NULL, NULL);
            cr_assert_eq(ask(g, &r), FILE_OK);
            fake_disk_flip(g->r.f, 0, 0, at, byte, mask);
            for (uint32_t k = 0; k < BLOCKS; k++) { /* all other blocks are good */
                file_req_init(&r, FILE_HINT, NULL, NULL);
                r.hint = FILE_FORGET;
                r.file = file;
                cr_assert_eq(ask(g, &r), FILE_OK);
                file_req_init(&r, FILE_READ, NULL, NULL);
                r.file = file;
                file_range(&r, (uint64_t)k * ROOM, ROOM);
                cr_assert_eq(ask(g, &r), k == b ? FILE_CORRUPT : FILE_OK, "block %u, flipped %u", k,
                             b);
                if (k != b)
                    rope_read(&r.data, 0, ROOM, got);
                cr_assert(k == b || memcmp(got, want + (size_t)k * ROOM, ROOM) == 0);
                rope_fini(&r.data);
            }
            file_req_init(&r, FILE_WRITE, NULL, NULL); /* a part: it is not made good by that */
            r.file = file;
            file_range(&r, (uint64_t)b * ROOM + 3, 5);
            rope_add_zero(&r.data, 5);
            cr_assert_eq(ask(g, &r), FILE_CORRUPT);
            file_req_init(&r, FILE_WRITE, NULL, NULL);
            r.file = file;
            file_range(&r, (uint64_t)b * ROOM, ROOM);
            rope_add_bytes(&r.data, want + (size_t)b * ROOM, ROOM);
            cr_assert_eq(ask(g, &r), FILE_OK);
            found++;
            break;
        }
    }
    cr_assert_eq(found, BLOCKS);
    cr_assert_eq(fake_count(g->r.f, 0, "checksum.bad"), 2 * BLOCKS);
    stage_free(g);
}

/* CSUM2, CSUM3, COMP2: the files' node dies amid changes, and nothing that it left is damage;
 * bytes that nobody changed since a flush are as they were. */
static void crashes(const char *const stack[2])
{
    for (uint64_t seed = 1; seed <= sample(NULL, 12); seed++) {
        struct stage *g = stage_new("remote", stack[seed % 2],
                                    (struct fake_options){ .seed = seed,
                                                           .order = FAKE_RANDOM,
                                                           .detect_delay = SIM_MS,
                                                           .disk_cache = seed % 3 > 0,
                                                           .disk_sectors = 2000 });
        make_files(g);
        draw_state = seed;
        for (int life = 0; life < 6; life++) {
            struct file_req r;
            g->late = true; /* what is done from now on may be lost */
            for (int t = 0; t < 40; t++) {
                fake_call(g->r.f, 0, submit_random, g);
                for (uint32_t k = draw(30); k > 0; k--)
                    (void)fake_step(g->r.f);
            }
            fake_crash(g->r.f, 1);
            fake_run_until(g->r.f, fake_now(g->r.f) + 5 * SIM_MS);
            fake_restart(g->r.f, 1);
            until_idle(g);
            fake_run_until(g->r.f, fake_now(g->r.f) + SIM_SEC);
            file_req_init(&r, FILE_FLUSH, NULL, NULL);
            (void)ask(g, &r);
            for (int i = 0; i < FILES; i++)
                g->s[i].stale = true;
            g->late = false;
            check_all(g);
            for (int i = 0; i < FILES; i++) { /* what is there now is what there is */
                struct shadow *s = &g->s[i];
                file_req_init(&r, FILE_READ, NULL, NULL);
                r.file = s->file;
                file_range(&r, 0, SPAN);
                cr_assert_eq(ask(g, &r), FILE_OK);
                rope_read(&r.data, 0, r.moved, s->bytes);
                rope_fini(&r.data);
                memset(s->unknown, 0, sizeof s->unknown);
            }
        }
        stage_free(g);
    }
}

Test(files, a_crash_is_no_damage_to_a_checksum)
{
    crashes((const char *const[2]){ "checksum; lfs cache=5 " LFS,
                                    "checksum; lfs cache=5 buffered=true " LFS });
}

Test(files, a_crash_is_no_damage_to_what_is_compressed)
{
    crashes((const char *const[2]){ "compress unit=512B commit=9; lfs cache=5 " LFS,
                                    "compress unit=2KiB files=1; lfs cache=5 buffered=true " LFS });
    crashes((const char *const[2]){ "compress unit=3000B; vesta_store cache=5 " STORE,
                                    "checksum; compress unit=1KiB commit=4; lfs cache=9 " LFS });
}

/* One request of a file's bytes. */
static enum file_status move(struct stage *g, enum file_op op, uint64_t file, uint64_t off,
                             uint64_t len, uint8_t *bytes)
{
    struct file_req r;
    file_req_init(&r, op, NULL, NULL);
    r.file = file;
    r.size = off;
    r.hint = op == FILE_HINT ? (enum file_hint)len : 0;
    if (op == FILE_READ || op == FILE_WRITE)
        file_range(&r, off, len);
    if (op == FILE_WRITE)
        rope_add_bytes(&r.data, bytes, len);
    enum file_status s = ask(g, &r);
    if (op == FILE_READ && s == FILE_OK) {
        memset(bytes, 0, len);
        rope_read(&r.data, 0, r.moved, bytes);
    }
    rope_fini(&r.data);
    return s;
}

enum { UNIT = 1024, UNITS = 80 };

/* What is in buffers and in memory is asked for again. */
static void reload(struct stage *g, uint64_t file)
{
    cr_assert_eq(move(g, FILE_FLUSH, file, 0, 0, NULL), FILE_OK);
    cr_assert_eq(move(g, FILE_HINT, file, 0, FILE_REFRESH, NULL), FILE_OK);
    cr_assert_eq(move(g, FILE_HINT, file, 0, FILE_FORGET, NULL), FILE_OK);
}

/* All units are as they were, but for some of these, which are damaged: so many. */
static uint32_t damaged(struct stage *g, uint64_t file, const uint8_t *want, uint32_t from,
                        uint32_t to)
{
    static uint8_t got[UNIT];
    uint32_t n = 0;
    for (uint32_t u = 0; u < UNITS; u++) {
        enum file_status s = move(g, FILE_READ, file, (uint64_t)u * UNIT, UNIT, got);
        n += s != FILE_OK;
        cr_assert(s == FILE_OK || (s == FILE_CORRUPT && u >= from && u < to),
                  "unit %u: %s, %u to %u are damaged", u, file_status_name(s), from, to);
        cr_assert(s != FILE_OK || memcmp(got, want + (size_t)u * UNIT, UNIT) == 0, "unit %u", u);
    }
    return n;
}

static void write_units(struct stage *g, uint64_t file, uint8_t *want, uint32_t from, uint32_t to)
{
    for (uint32_t u = from; u < to && u < UNITS; u++)
        cr_assert_eq(move(g, FILE_WRITE, file, (uint64_t)u * UNIT, UNIT, want + (size_t)u * UNIT),
                     FILE_OK);
    reload(g, file);
    cr_assert_eq(damaged(g, file, want, 0, 0), 0);
}

static uint64_t size_of(struct stage *g, uint64_t file, enum file_status status)
{
    struct file_req r;
    file_req_init(&r, FILE_STAT, NULL, NULL);
    r.file = file;
    cr_assert_eq(ask(g, &r), status);
    return r.attr.size;
}

/* COMP1: a bit that turns over on the device damages its unit, or the units of its grain of the
 * index, or the file; what is written over is good again. */
Test(files, what_is_compressed_says_where_it_is_damaged)
{
    static uint8_t want[UNITS * UNIT], at[512];
    struct stage *g = stage_new("compress unit=1KiB; lfs cache=4 " LFS, "lfs",
                                (struct fake_options){ .disk_sectors = 2000, .seed = 5 });
    uint64_t file;
    uint32_t head = 0, units = 0, grains = 0;
    draw_state = 9;
    for (size_t i = 0; i < sizeof want; i++)
        want[i] = (uint8_t)draw(i / UNIT % 2 ? 256 : 3);
    cr_assert_eq(ask_named(g, FILE_CREATE, "a", &file), FILE_OK);
    cr_assert_eq(move(g, FILE_WRITE, file, 0, sizeof want, want), FILE_OK);
    reload(g, file);
    cr_assert_eq(fake_count(g->r.f, 0, "compress.units"), UNITS);
    cr_assert_eq(fake_count(g->r.f, 0, "compress.whole"), UNITS / 2);
    cr_assert_eq(fake_count(g->r.f, 0, "compress.in"), UNITS * UNIT);
    /* 3 grains of one that does not shrink, else 2 */
    cr_assert_eq(fake_count(g->r.f, 0, "compress.out"), UNITS / 2 * (3 + 2) * 512);
    for (uint32_t sector = 0; sector < 2000; sector++) {
        fake_disk_read(g->r.f, 0, 0, sector, 1, at);
        uint32_t from, to;
        bool unit =
            wire_get32(at + 8) == 0 && wire_get32(at + 12) < UNITS && wire_get32(at + 16) == UNIT;
        if (wire_get32(at + 12) == UNIT && wire_get64(at + 16) == sizeof want)
            head = sector;
        if (unit) {
            from = wire_get32(at + 12);
            to = from + 1;
        } else if (wire_get32(at + 8) < 3 && wire_get32(at + 24) == UNIT) {
            from = wire_get32(at + 8) * 31; /* what is of length is its first unit */
            to = from + 31 < UNITS ? from + 31 : UNITS;
        } else {
            continue;
        }
        fake_disk_flip(g->r.f, 0, 0, sector, draw(unit ? 500 : 508), (uint8_t)(1u << draw(8)));
        reload(g, file);
        uint32_t n = damaged(g, file, want, from, to);
        if (n == 0) /* it was there before */
            continue;
        cr_assert_eq(n, to - from);
        cr_assert_eq(move(g, FILE_WRITE, file, (uint64_t)from * UNIT + 3, 5, at), FILE_CORRUPT);
        write_units(g, file, want, from, to);
        *(unit ? &units : &grains) += 1;
    }
    cr_assert(units > UNITS / 2 && grains > 1 && head > 0, "%u, %u, %u", units, grains, head);
    cr_assert_geq(fake_count(g->r.f, 0, "compress.bad"), units + grains);
    fake_disk_flip(g->r.f, 0, 0, head, draw(512), 4);
    reload(g, file);
    cr_assert_eq(move(g, FILE_READ, file, 7, 1, at), FILE_CORRUPT);
    cr_assert_eq(move(g, FILE_WRITE, file, 7, 1, at), FILE_CORRUPT);
    cr_assert_eq(move(g, FILE_SIZE, file, 7, 0, NULL), FILE_CORRUPT);
    (void)size_of(g, file, FILE_CORRUPT);
    cr_assert_eq(move(g, FILE_SIZE, file, 0, 0, NULL), FILE_OK);
    reload(g, file);
    cr_assert_eq(size_of(g, file, FILE_OK), 0);
    write_units(g, file, want, 0, UNITS);
    stage_free(g);
}

/* COMP2: a crash comes when the index is written and the head is not; what the index says beyond
 * the end of the file is not in it when that grows again. */
struct power_off {
    uint32_t requests, sectors, lost; /* of the device; of these sectors */
};

static uint32_t but_one(void *arg, uint32_t n)
{
    struct power_off *x = arg;
    return x->sectors++ == x->lost ? 0 : n;
}

static enum port_io_status counted(void *arg, uint32_t node, uint32_t dev, const struct port_io *io,
                                   uint32_t *sectors)
{
    struct power_off *x = arg;
    (void)node, (void)dev, (void)io, (void)sectors;
    x->requests++;
    return PORT_IO_OK;
}

/* How long the file is then. */
static uint64_t cut_short(uint32_t requests, uint32_t lost)
{
    static uint8_t bytes[3 * UNIT], got[3 * UNIT];
    struct power_off x = { .lost = lost };
    struct stage *g = stage_new(
        "remote", "compress unit=1KiB; lfs cache=9 " LFS,
        (struct fake_options){ .detect_delay = SIM_MS, .disk_cache = true, .disk_sectors = 2000 });
    uint64_t file;
    struct file_req r;
    memset(bytes, 7, sizeof bytes);
    cr_assert_eq(ask_named(g, FILE_CREATE, "a", &file), FILE_OK);
    cr_assert_eq(move(g, FILE_WRITE, file, 0, UNIT / 2, bytes), FILE_OK);
    cr_assert_eq(move(g, FILE_FLUSH, file, 0, 0, NULL), FILE_OK);
    cr_assert_eq(move(g, FILE_WRITE, file, 0, sizeof bytes, bytes), FILE_OK);
    file_req_init(&r, FILE_FLUSH, alone_done, &r);
    r.file = file;
    alone = g;
    fake_on_disk(g->r.f, counted, &x);
    fake_on_power_off(g->r.f, but_one, &x);
    fake_call(g->r.f, 0, submit_alone, &r);
    while (x.requests < requests && r.arg != NULL)
        cr_assert(fake_step(g->r.f));
    fake_crash(g->r.f, 1);
    fake_run_until(g->r.f, fake_now(g->r.f) + 5 * SIM_MS);
    fake_restart(g->r.f, 1);
    fake_run_until(g->r.f, fake_now(g->r.f) + SIM_SEC);
    (void)move(g, FILE_FLUSH, file, 0, 0, NULL);
    uint64_t size = size_of(g, file, FILE_OK);
    cr_assert_eq(move(g, FILE_SIZE, file, sizeof bytes, 0, NULL), FILE_OK);
    cr_assert_eq(move(g, FILE_READ, file, 0, sizeof bytes, got), FILE_OK);
    for (size_t i = 0; i < sizeof got; i++)
        cr_assert(got[i] == (i < size ? 7 : 0) || (got[i] == 0 && i >= UNIT / 2),
                  "byte %d of %d is %u", (int)i, (int)size, got[i]);
    stage_free(g);
    return size;
}

Test(files, an_index_that_is_longer_than_its_file_is_cut)
{
    uint32_t older = 0, newer = 0;
    for (uint32_t requests = 1; requests < 7; requests++)
        for (uint32_t lost = 0; lost < 4; lost++) {
            uint64_t size = cut_short(requests, lost);
            cr_assert(size == UNIT / 2 || size == 3 * UNIT, "%d bytes", (int)size);
            *(size == UNIT / 2 ? &older : &newer) += 1;
        }
    cr_assert(older > 0 && newer > 0);
}

static enum port_io_status no_writes(void *arg, uint32_t node, uint32_t dev,
                                     const struct port_io *io, uint32_t *sectors)
{
    (void)arg, (void)node, (void)dev;
    *sectors = io->op == PORT_IO_WRITE ? 0 : *sectors;
    return io->op == PORT_IO_WRITE ? PORT_IO_MEDIUM : PORT_IO_OK;
}

/* COMP3: over another node that dies, or a device that does not take what was delayed, the file
 * goes back to what was flushed, and a FLUSH says so. */
Test(files, what_is_compressed_goes_back_to_what_was_flushed)
{
    static uint8_t want[20 * UNIT], got[20 * UNIT];
    for (uint64_t seed = 1; seed < 13; seed++) {
        bool dies = seed % 2;
        const char *stack = dies ? "compress unit=1KiB; remote"
                                 : "compress unit=1KiB commit=9; lfs cache=30 buffered=true " LFS;
        struct stage *g = stage_new(stack, "lfs cache=9 buffered=true " LFS,
                                    (struct fake_options){ .detect_delay = SIM_MS,
                                                           .disk_cache = true,
                                                           .order = FAKE_RANDOM,
                                                           .seed = seed,
                                                           .disk_sectors = 2000 });
        uint64_t file;
        draw_state = seed;
        for (size_t i = 0; i < sizeof want; i++)
            want[i] = (uint8_t)draw(3);
        cr_assert_eq(ask_named(g, FILE_CREATE, "a", &file), FILE_OK);
        cr_assert_eq(move(g, FILE_WRITE, file, 0, sizeof want, want), FILE_OK);
        cr_assert_eq(move(g, FILE_FLUSH, file, 0, 0, NULL), FILE_OK);
        if (!dies)
            fake_on_disk(g->r.f, no_writes, NULL);
        for (int i = 0; i < 9; i++) {
            uint32_t off = draw(sizeof got - 2 * UNIT);
            memset(got, i, sizeof got);
            enum file_status s = move(g, FILE_WRITE, file, off, 1 + draw(2 * UNIT), got);
            cr_assert(s == FILE_OK || (!dies && (s == FILE_CORRUPT || s == FILE_IO_ERROR)));
        }
        if (dies) {
            fake_crash(g->r.f, 1);
            fake_run_until(g->r.f, fake_now(g->r.f) + 5 * SIM_MS);
            fake_restart(g->r.f, 1);
        }
        fake_run_until(g->r.f, fake_now(g->r.f) + 9 * SIM_SEC);
        fake_on_disk(g->r.f, on_disk, g);
        enum file_status s = move(g, FILE_READ, file, 0, sizeof got, got);
        cr_assert(s == FILE_OK || s == FILE_CORRUPT, "%s", file_status_name(s));
        cr_assert_eq(move(g, FILE_FLUSH, file, 0, 0, NULL),
                     dies ? FILE_UNREACHABLE : FILE_IO_ERROR);
        cr_assert_eq(move(g, FILE_READ, file, 0, sizeof got, got), FILE_OK);
        cr_assert_arr_eq(got, want, sizeof want);
        cr_assert_eq(move(g, FILE_FLUSH, file, 0, 0, NULL), FILE_OK);
        stage_free(g);
    }
}

/* COMP4, COMP5: what does not fit changes nothing; places that were written over are used again. */
Test(files, a_compressed_file_that_has_no_room_stays_as_it_was)
{
    static uint8_t want[400 * UNIT], got[400 * UNIT];
    struct stage *g = stage_new("compress unit=1KiB; lfs cache=4 " LFS, "lfs",
                                (struct fake_options){ .disk_sectors = 1400, .seed = 5 });
    uint64_t file;
    uint32_t full = 0, fits = 0;
    draw_state = 9;
    cr_assert_eq(ask_named(g, FILE_CREATE, "a", &file), FILE_OK);
    cr_assert_eq(move(g, FILE_SIZE, file, sizeof want, 0, NULL), FILE_OK);
    for (int i = 0; i < 300; i++) {
        uint32_t off = draw(sizeof want), len = 1 + draw(sizeof want - off);
        for (uint32_t k = 0; k < len; k++)
            got[k] = (uint8_t)draw(i % 2 ? 256 : 2);
        enum file_status s = move(g, FILE_WRITE, file, off, len, got);
        cr_assert(s == FILE_OK || s == FILE_NO_SPACE, "%s", file_status_name(s));
        full += s != FILE_OK;
        fits += s == FILE_OK;
        if (s == FILE_OK)
            memcpy(want + off, got, len);
        if (draw(3) == 0 && move(g, FILE_FLUSH, file, 0, 0, NULL) == FILE_OK)
            (void)move(g, FILE_HINT, file, 0, FILE_REFRESH, NULL);
        cr_assert_eq(move(g, FILE_READ, file, 0, sizeof want, got), FILE_OK);
        cr_assert_arr_eq(got, want, sizeof want);
    }
    cr_assert(full > 20 && fits > 100, "%u, %u", full, fits);
    stage_free(g);
}

/* Pieces of a WRITE that overlap do not cover what is between them. */
Test(files, cells_under_pieces_that_overlap_are_read_first)
{
    static const char *const over[] = { "checksum; lfs cache=4 " LFS,
                                        "compress unit=1000B; lfs cache=4 " LFS };
    for (size_t i = 0; i < ARRAY_LEN(over); i++) {
        static uint8_t want[2000], got[2000];
        struct stage *g = stage_new(over[i], "lfs", (struct fake_options){ .disk_sectors = 2000 });
        struct file_run runs[3] = { { 0, 504, 0, 1 }, { 100, 400, 0, 1 }, { 600, 400, 0, 1 } };
        struct file_req r;
        uint64_t file;
        memset(want, 7, sizeof want);
        cr_assert_eq(ask_named(g, FILE_CREATE, "a", &file), FILE_OK);
        cr_assert_eq(move(g, FILE_WRITE, file, 0, sizeof want, want), FILE_OK);
        file_req_init(&r, FILE_WRITE, NULL, NULL);
        r.file = file;
        r.runs = runs;
        r.run_count = 3;
        rope_add_pattern(&r.data, 3, 0, 1304);
        rope_read(&r.data, 0, 504, want);
        rope_read(&r.data, 504, 400, want + 100);
        rope_read(&r.data, 904, 400, want + 600);
        cr_assert_eq(ask(g, &r), FILE_OK);
        cr_assert_eq(move(g, FILE_READ, file, 0, sizeof want, got), FILE_OK);
        cr_assert_arr_eq(got, want, sizeof want);
        stage_free(g);
    }
}

/* What so many requests of `bytes` over a stack name as work. */
static void work_of(const char *client, uint64_t bytes, uint32_t requests,
                    uint64_t work[PORT_WORK_COUNT], uint64_t memory[2])
{
    struct stage *g = stage_new(client, "lfs", (struct fake_options){ .disk_sectors = 2000 });
    struct file_req r;
    uint64_t file;
    cr_assert_eq(ask_named(g, FILE_CREATE, "a", &file), FILE_OK);
    for (int i = 0; i < PORT_WORK_COUNT; i++)
        work[i] = fake_work(g->r.f, 0, i);
    for (uint32_t k = 0; k < requests; k++) {
        file_req_init(&r, k % 2 == 0 ? FILE_WRITE : FILE_READ, NULL, NULL);
        r.file = file;
        file_range(&r, 0, bytes);
        if (r.op == FILE_WRITE)
            rope_add_pattern(&r.data, 1, 0, bytes);
        cr_assert_eq(ask(g, &r), FILE_OK);
        rope_fini(&r.data);
    }
    for (int i = 0; i < PORT_WORK_COUNT; i++)
        work[i] = fake_work(g->r.f, 0, i) - work[i];
    if (memory != NULL) {
        memory[0] = fake_count(g->r.f, 0, "crossing.above");
        memory[1] = fake_count(g->r.f, 0, "crossing.below");
    }
    stage_free(g);
}

/* A crossing costs what it says, and nothing else; the memory of a domain is what its layers have.
 */
Test(files, an_edge_between_domains_names_its_work_and_their_memory)
{
    enum { N = 20, BYTES = 3000, CACHE = 16 << 10, BUFFERS = 5 * 2048 };
    uint64_t plain[PORT_WORK_COUNT], with[PORT_WORK_COUNT], memory[2], heap[2];
    for (int server = 0; server < 2; server++) {
        work_of("lfs cache=5 buffered=true " LFS, BYTES, N, plain, NULL);
        work_of(server ? "crossing; lfs cache=5 buffered=true " LFS
                       : "crossing domain=kernel; lfs cache=5 buffered=true " LFS,
                BYTES, N, with, memory);
        plain[PORT_WORK_CROSS] += server ? 2 * N : 0;
        plain[PORT_WORK_RPC] += server ? N : 0;
        plain[PORT_WORK_TRAP] += server ? 0 : N;
        plain[PORT_WORK_COPY] += N * BYTES;
        for (int i = 0; i < PORT_WORK_COUNT; i++)
            cr_assert(with[i] == plain[i] || i == PORT_WORK_SWITCH, "work %d: %d, not %d", i,
                      (int)with[i], (int)plain[i]);
        cr_assert(memory[0] == 0 && memory[1] > BUFFERS && memory[1] < BUFFERS + 10000,
                  "%d and %d bytes", (int)memory[0], (int)memory[1]);
        heap[0] = memory[1] - BUFFERS;
        work_of("cache bytes=16KiB block=1KiB; crossing; lfs cache=5 buffered=true " LFS, BYTES, N,
                with, memory);
        heap[1] = memory[1] - BUFFERS;
        cr_assert(memory[0] > CACHE && memory[0] < 2 * CACHE);
        cr_assert(heap[1] < heap[0] + 2000, "the cache is above");
    }
}

Test(files, a_layer_that_does_nothing_costs_a_call)
{
    uint64_t plain[PORT_WORK_COUNT], with[PORT_WORK_COUNT];
    work_of("lfs cache=5 " LFS, 1000, 10, plain, NULL);
    work_of("pass; pass; pass; lfs cache=5 " LFS, 1000, 10, with, NULL);
    plain[PORT_WORK_CALL] += 3 * UINT64_C(10);
    for (int i = 0; i < PORT_WORK_COUNT; i++)
        cr_assert_eq(with[i], plain[i], "work %d: %d, not %d", i, (int)with[i], (int)plain[i]);
}

/* FILE1: a request is its caller's once it has ended, who may submit it as another at once. */
static void then_read(struct file_req *r)
{
    uint64_t file = r->file;
    file_req_init(r, FILE_READ, alone_done, r);
    r->file = file;
    file_range(r, 0, 5000);
    file_submit(alone->top, r);
}

Test(files, a_request_that_has_ended_may_be_another_at_once)
{
    for (size_t i = 0; i < ARRAY_LEN(stacks); i++)
        for (int op = FILE_WRITE; op <= FILE_HINT; op++) {
            struct stage *g = stage_new(stacks[i].client, stacks[i].server,
                                        (struct fake_options){ .disk_sectors = 2000 });
            struct file_req r;
            uint64_t file;
            bool names = op >= FILE_CREATE && op <= FILE_LIST && op != FILE_STAT;
            if (!names) {
                cr_assert_eq(ask_named(g, FILE_CREATE, "a", &file), FILE_OK);
                for (int k = 0; k < 2; k++) {
                    file_req_init(&r, k == 0 ? FILE_WRITE : op, k == 0 ? alone_done : then_read,
                                  &r);
                    r.hint = FILE_MIGRATE;
                    r.size = 5000;
                    r.file = file;
                    file_range(&r, 0, 5000);
                    if (r.op == FILE_WRITE)
                        rope_add_pattern(&r.data, 1, 0, 5000);
                    alone = g;
                    fake_call(g->r.f, 0, submit_alone, &r);
                    while (r.arg != NULL)
                        cr_assert(fake_step(g->r.f), "%s never ends", file_op_name(r.op));
                }
                cr_assert(r.status == FILE_OK && r.moved == 5000);
                rope_fini(&r.data);
            }
            stage_free(g);
        }
}

/* REMOTE3: who flushes is told that the node has restarted since; once. */
Test(files, a_flush_says_that_the_node_has_lost_what_it_covers)
{
    struct stage *g = stage_new("remote", "lfs cache=5 " LFS,
                                (struct fake_options){ .seed = 3, .detect_delay = SIM_MS });
    make_files(g);
    for (int file = 0; file < 3; file++)
        for (int restarts = 0; restarts < 2; restarts++) {
            struct file_req r;
            file_req_init(&r, FILE_WRITE, NULL, NULL);
            r.file = g->s[0].file;
            file_range(&r, 100, 50);
            rope_add_pattern(&r.data, 1, 0, 50);
            cr_assert_eq(ask(g, &r), FILE_OK);
            if (restarts > 0) {
                fake_crash(g->r.f, 1);
                fake_restart(g->r.f, 1);
            }
            fake_run_until(g->r.f, fake_now(g->r.f) + 50 * SIM_MS);
            for (int again = 0; again < 2; again++) {
                file_req_init(&r, FILE_FLUSH, NULL, NULL);
                r.file = file == 2 ? 0 : g->s[file].file;
                bool told = again == 0 && (restarts > 0 ? file != 1 : file == 2);
                cr_assert_eq(ask(g, &r), told ? FILE_UNREACHABLE : FILE_OK);
            }
        }
    stage_free(g);
}

/* LFS1: the device gets a list in the order of its blocks, however the runs come. */
static uint64_t order_last, order_seen;
static enum port_io_status in_order(void *arg, uint32_t node, uint32_t dev,
                                    const struct port_io *io, uint32_t *sectors)
{
    (void)arg, (void)node, (void)dev, (void)sectors;
    cr_assert_gt(io->sector + 1, order_last, "sector %d after %d", (int)io->sector,
                 (int)order_last - 1);
    order_last = io->sector + io->sectors;
    order_seen++;
    return PORT_IO_OK;
}

Test(files, a_list_goes_to_the_device_in_the_order_of_its_blocks)
{
    enum { BLOCK = 2048, N = 12 };
    struct stage *g =
        stage_new("lfs cache=16 " LFS, "lfs", (struct fake_options){ .disk_sectors = 4000 });
    static uint8_t bytes[N * BLOCK], got[N * BLOCK];
    struct file_run runs[N];
    struct file_req r;
    uint64_t file;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i / 7 + i / BLOCK);
    cr_assert_eq(ask_named(g, FILE_CREATE, "a", &file), FILE_OK);
    for (int part = 0; part < 2; part++) { /* whole blocks, and pieces of 100 bytes */
        uint64_t len = part == 0 ? BLOCK : 100;
        for (uint32_t i = 0; i < N; i++)
            runs[i] = (struct file_run){ .off = (i * 5 % N) * BLOCK, .len = len, .count = 1 };
        file_req_init(&r, FILE_WRITE, NULL, NULL);
        r.file = file;
        r.runs = runs;
        r.run_count = N;
        for (uint32_t i = 0; i < N; i++)
            rope_add_bytes(&r.data, bytes + runs[i].off, len);
        cr_assert_eq(ask(g, &r), FILE_OK);
        file_req_init(&r, FILE_HINT, NULL, NULL);
        r.hint = FILE_FORGET;
        r.file = file;
        cr_assert_eq(ask(g, &r), FILE_OK);
        order_last = order_seen = 0;
        fake_on_disk(g->r.f, in_order, NULL);
        file_req_init(&r, FILE_READ, NULL, NULL);
        r.file = file;
        r.runs = runs;
        r.run_count = N;
        cr_assert_eq(ask(g, &r), FILE_OK);
        cr_assert_eq(order_seen, N);
        cr_assert_eq(r.moved, N * len);
        rope_read(&r.data, 0, r.moved, got);
        rope_fini(&r.data);
        for (uint32_t i = 0; i < N; i++)
            cr_assert_arr_eq(got + i * len, bytes + runs[i].off, len);
        fake_on_disk(g->r.f, on_disk, g);
    }
    /* pieces of a WRITE that overlap */
    file_req_init(&r, FILE_WRITE, NULL, NULL);
    r.file = file;
    r.one = (struct file_run){ .off = 0, .len = 10, .stride = 9, .count = 2 };
    rope_add_zero(&r.data, 20);
    cr_assert_eq(ask(g, &r), FILE_RANGE);
    rope_fini(&r.data);
    stage_free(g);
}

Test(files, a_mistake_in_a_stack_is_one_sentence)
{
    static const struct {
        const char *layers, *says;
    } wrong[] = {
        { "pass", "needs a layer below it" },
        { "lfs; pass", "has nothing below it" },
        { "lsf", "did you mean 'lfs'" },
        { "remote group=oi", "no node 0 in a group \"oi\"" },
        { "remote rank=7", "no node 7" },
        { "lfs blok=1", "blok" },
        { "hsm; lfs", "machine.os has no { service = \"bitfile\" }" },
        { "hsm start=10 stop=20; lfs", "not up to 20" },
    };
    uint32_t nodes[1] = { 1 };
    struct os_group io = { .name = "io", .count = 1, .nodes = nodes };
    struct os_boot b = { .layers = &os_layers, .groups = &io, .group_count = 1 };
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct file_stack k;
        struct err e = ERR_INIT;
        struct val *v = layers(wrong[i].layers);
        cr_assert_not(file_stack_load(&k, &b, v, "lfs", NULL, "at", &e));
        cr_assert_not_null(strstr(e.text, wrong[i].says), "'%s' does not say '%s'", e.text,
                           wrong[i].says);
        file_stack_free(&k);
        val_free(v);
    }
}

/* Servers whose files are each other's: the last of them says so.  A chain with an end is good. */
Test(files, a_circle_of_servers_is_one_sentence)
{
    static const struct {
        const char *files[3]; /* of nodes 0, 1, 2 */
        bool good;
    } rings[] = {
        { { "remote rank=1", "remote rank=2", "lfs" }, true },
        { { "lfs", "pass; remote rank=0", "remote rank=1" }, true },
        { { "remote rank=0", "lfs", "lfs" }, false },
        { { "remote rank=1", "pass; remote rank=0", "lfs" }, false },
        { { "remote rank=1", "cache; remote rank=2", "crossing; remote rank=0" }, false },
        { { "remote rank=1", "remote rank=2", "remote rank=1" }, false },
    };
    uint32_t nodes[3] = { 0, 1, 2 };
    struct os_layout layout = { .nodes = 3 };
    struct os_group groups[4] = { { .name = "io", .count = 3, .nodes = nodes } };
    for (size_t i = 0; i < ARRAY_LEN(rings); i++) {
        struct os_service services[3];
        struct server_params *p = calloc(3, sizeof *p);
        struct val *lists[3];
        struct os_boot b = { .layout = &layout,
                             .layers = &os_layers,
                             .groups = groups,
                             .group_count = 1,
                             .services = services,
                             .service_count = 3 };
        struct err e = ERR_INIT;
        for (int k = 0; k < 3; k++) {
            groups[1 + k] = (struct os_group){ .name = "one", .count = 1, .nodes = &nodes[k] };
            lists[k] = layers(rings[i].files[k]);
            p[k].files = lists[k];
            services[k] = (struct os_service){ .ops = &file_server_service,
                                               .on = &groups[1 + k],
                                               .params = &p[k] };
        }
        bool good = true;
        for (int k = 0; k < 3; k++)
            good = good && file_server_service.ready(&p[k], &b, "server", &e);
        cr_assert_eq(good, rings[i].good, "ring %d: %s", (int)i, e.text);
        cr_assert(good || strstr(e.text, "in a circle"), "'%s'", e.text);
        for (int k = 0; k < 3; k++) {
            file_server_service.drop(&p[k]);
            val_free(lists[k]);
        }
        free(p);
    }
}
