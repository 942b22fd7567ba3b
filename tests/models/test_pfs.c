/* test_pfs.c: the PFS workload on a whole simulated machine: every mode, a byte that rots, crashes.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "os/pfs/pfs.h"
#include "os/proto/blast/blast.h"
#include "os/proto/chan/chan.h"
#include "os/proto/driver/driver.h"
#include "os/proto/select/select.h"
#include "rig.h"
#include "sim/audit.h"
#include "sim/digest.h"
#include "sim/thread.h"
#include "tests/sample.h"
#include "workloads/workload.h"

extern const struct workload_ops workload_pfs;

static void instance(struct val *graph, const char *name, const char *protocol, const char *below)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "name", val_new_string(name, NULL, 0));
    val_put(v, "protocol", val_new_string(protocol, NULL, 0));
    if (below != NULL) {
        struct val *l = val_new(VAL_LIST, NULL, 0);
        val_append(l, val_new_string(below, NULL, 0));
        val_put(v, "below", l);
    }
    val_append(graph, v);
}

struct world {
    struct rig r;
    struct val *program;
    void *params;
};

/* 2 x 4 nodes: two I/O nodes, a service node, five programs. */
static void start(struct world *w)
{
    struct val *graph = val_new(VAL_LIST, NULL, 0), *disk = val_new(VAL_TABLE, NULL, 0);
    rig_init(&w->r, 2, 4);
    rig_set_int(&w->r, "io_nodes", 2);
    instance(graph, "mesh", "driver", NULL);
    instance(graph, "blast", "blast", "mesh");
    instance(graph, "chan", "chan", "blast");
    instance(graph, "rpc", "select", "chan");
    val_put(w->r.spec, "graph", graph);
    val_put(disk, "kind", val_new_string("disk", NULL, 0));
    val_put(w->r.spec, "storage", disk);
    rig_os(&w->r);
    w->program = val_new(VAL_TABLE, NULL, 0);
    w->params = NULL;
}

static void text(struct world *w, const char *key, const char *value)
{
    val_put(w->program, key, val_new_string(value, NULL, 0));
}

static void number(struct world *w, const char *key, int64_t value)
{
    val_put(w->program, key, val_new_int(value, NULL, 0));
}

static void make(struct world *w)
{
    struct err e = ERR_INIT;
    w->r.sim = sim_create(&w->r.options);
    w->r.m = machine_create(w->r.sim, w->r.spec, "machine", &w->r.reg, &e);
    cr_assert_not_null(w->r.m, "%s", e.text);
    w->params = calloc(1, workload_pfs.kind.params_size);
    cr_assert(param_load(workload_pfs.kind.params, w->params, w->program, "workload", &e), "%s",
              e.text);
    cr_assert(rig_load(&w->r, &workload_pfs, w->params, &e), "%s", e.text);
}

static void finish(struct world *w, bool good)
{
    char said[4096] = "";
    size_t failed = sim_audit_run(w->r.sim, said, sizeof said);
    cr_expect(good == (failed == 0), "%s", said);
    machine_finish(w->r.m);
    machine_destroy(w->r.m);
    sim_destroy(w->r.sim);
    val_free(w->r.spec);
    val_free(w->program);
    free(w->params);
}

static void mode_runs(const char *op, const char *mode, const char *access, char digest[33],
                      bool flatten)
{
    struct world w;
    start(&w);
    text(&w, "op", op);
    text(&w, "mode", mode);
    text(&w, "access", access);
    text(&w, "size", "100000B");
    number(&w, "requests", 3);
    if (strcmp(op, "write") == 0 && strcmp(mode, "M_LOG") != 0)
        val_put(w.program, "readback", val_new_bool(true, NULL, 0));
    make(&w);
    machine_set_flatten(w.r.m, flatten);
    cr_assert_eq(sim_run(w.r.sim), SIM_END_IDLE, "%s %s", op, mode);
    cr_assert_null(machine_failure(w.r.m), "%s %s: %s", op, mode, machine_failure(w.r.m));
    sim_digest_text(w.r.sim, digest);
    finish(&w, true);
}

Test(pfs, every_mode_runs_and_what_is_written_is_read)
{
    static const char *const access[] = { "interleaved", "partitioned", "broadcast" };
    char a[33];
    for (int m = 0; m < PFS_MODES; m++)
        for (int op = 0; op < 2; op++)
            mode_runs(op == 0 ? "read" : "write", pfs_modes.items[m]->name, access[m % 3], a,
                      false);
}

Test(pfs, the_digest_hangs_on_the_run_alone)
{
    char a[33], b[33], c[33], d[33];
    mode_runs("write", "M_UNIX", "interleaved", a, false);
    mode_runs("write", "M_UNIX", "interleaved", b, false);
    mode_runs("write", "M_UNIX", "interleaved", c, true);
    mode_runs("write", "M_UNIX", "partitioned", d, false);
    cr_assert_str_eq(a, b);
    cr_assert_str_eq(a, c, "messages flattened to bytes");
    cr_assert_str_neq(a, d);
}

/* ---- one byte rots on a disk ---- */

struct rot {
    struct sim_event event;
    struct world *w;
};

static void rot(struct sim *s, struct sim_event *e)
{
    struct world *w = CONTAINER_OF(e, struct rot, event)->w;
    const struct os_layout *l = machine_layout(w->r.m);
    struct blkdev *d = w->r.m->nodes[l->io[1]].devs[0];
    struct blk_describe about;
    (void)s;
    d->ops->describe(d, &about);
    /* The first data block lies behind the superblock and 16 inodes of two records of 64 KiB; this
     * is the 12th: unit 23 of the file. */
    uint64_t block = 65536 / about.sector_bytes;
    cr_assert(d->ops->corrupt(d, (33 + 11) * block + 7 * block / 8, 5, 0x10));
}

Test(pfs, a_byte_that_rots_on_a_disk_fails_the_run)
{
    struct world w;
    struct rot r = { .w = &w };
    start(&w);
    text(&w, "op", "read");
    number(&w, "requests", 4);
    text(&w, "think", "1s");
    make(&w);
    /* When all is written, and before the request of rank 3 that reads the unit. */
    sim_event_init(&r.event, SIM_CLASS_DEVICE, rot);
    sim_at(w.r.sim, &r.event, 2500 * SIM_MS);
    cr_assert_eq(sim_run(w.r.sim), SIM_END_IDLE);
    const char *said = machine_failure(w.r.m);
    cr_assert_not_null(said, "nobody noticed");
    cr_assert(strstr(said, "file data") && strstr(said, "byte ") && strstr(said, "node "), "%s",
              said);
    finish(&w, false);
}

/* ---- nodes that crash ---- */

/* What runs when a node dies. */
struct victim {
    const char *op;
    enum pfs_mode mode;
    bool restart;
};

/* The run ends, whatever it says of itself.  True: it came as far as that step. */
static bool crash_at(uint32_t node, uint64_t step, struct victim c)
{
    struct world w;
    struct val *faults = val_new(VAL_LIST, NULL, 0), *v = val_new(VAL_TABLE, NULL, 0);
    char said[4096] = "";
    start(&w);
    val_put(v, "event", val_new_int((int64_t)step, NULL, 0));
    val_put(v, "path", rig_node(node));
    if (c.restart)
        val_put(v, "after", val_new_string("30ms", NULL, 0));
    val_append(faults, v);
    val_put(w.r.spec, "faults", faults);
    text(&w, "op", c.op);
    text(&w, "mode", pfs_modes.items[c.mode]->name);
    text(&w, "size", "150000B");
    number(&w, "requests", 1);
    make(&w);
    rig_watch_leaks(false);
    enum sim_end end = sim_run(w.r.sim);
    rig_watch_leaks(true);
    if (end == SIM_END_DEADLOCK)
        (void)sim_report_deadlock(w.r.sim, said, sizeof said);
    cr_assert_eq(end, SIM_END_IDLE, "%s %s: node %u dies at step %d%s: %s\n%s", c.op,
                 pfs_modes.items[c.mode]->name, node, (int)step, c.restart ? " and comes back" : "",
                 sim_end_name(end), said);
    bool went_off = machine_steps(w.r.m) >= step;
    size_t failed = sim_audit_run(w.r.sim, said, sizeof said);
    cr_expect(failed == 0 || machine_failure(w.r.m) != NULL, "%s", said);
    cr_expect_leq(failed, 1, "%s", said);
    machine_finish(w.r.m);
    machine_destroy(w.r.m);
    sim_destroy(w.r.sim);
    val_free(w.r.spec);
    val_free(w.program);
    free(w.params);
    return went_off;
}

static int number_of(const char *variable, int otherwise)
{
    const char *text = getenv(variable);
    return text != NULL ? atoi(text) : otherwise;
}

/* Row by row: 0 and 1 compute, 2 the service node, 3 an I/O node.  PSIM_CRASH_STRIDE=1 (in
 * scripts/soak-crash) makes every node die at every step of every mode. */
Test(pfs, a_node_of_any_role_that_dies_hangs_nobody, .timeout = 86400)
{
    int stride = number_of("PSIM_CRASH_STRIDE", 151 * (int)sample_one_in()), variant = 0;
    int only = number_of("PSIM_CRASH_NODE", -1);
    for (uint32_t node = 0; node < 4; node++)
        for (int mode = 0; mode < PFS_MODES && (only < 0 || only == (int)node); mode++)
            for (int k = 0; k < 4; k++, variant++) {
                struct victim c = { k % 2 ? "read" : "write", (enum pfs_mode)mode, k / 2 == 1 };
                uint64_t step = 1 + (uint64_t)(variant * 7 % stride);
                while (crash_at(node, step, c))
                    step += (uint64_t)stride;
            }
}
