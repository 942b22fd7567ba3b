/* point.c: builds the world of one point, runs it, asks it what happened. */
#include "cli/point.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>

#include "cli/schema.h"
#include "cli/trace_nodes.h"
#include "disks/build.h"
#include "models/machine.h"
#include "sim/audit.h"
#include "sim/digest.h"
#include "sim/measure.h"
#include "sim/thread.h"
#include "sim/trace.h"

#define BUSY_KEPT 64 /* of each kind, the busiest */

struct run {
    struct sim *sim;
    const struct config_point *point;
    const struct point_options *options;
    struct schema schema;
    struct direct_world world;
    struct changer_list libraries;
    struct whole_folder files; /* what the run writes into the user's folder */
    struct whole pcap;         /* point_options.pcap */
    void *direct;
    struct machine *machine;
    uint32_t ranks;                 /* programs on it */
    struct sim_trace_nodes *traced; /* what point_options.trace_nodes names */
    size_t traced_count;
    struct point_result *out;
};

/* ---- the world ---- */

static bool build_direct(struct run *r, struct err *e)
{
    struct direct_world *w = &r->world;
    w->files = r->point->c->files;
    w->file_count = r->point->c->file_count;
    r->files.path = r->options->output_dir;
    w->out = r->files.path ? &r->files : NULL;
    if (r->schema.net && !(w->net = r->schema.net->create(r->sim, r->schema.mesh, e)))
        return false;
    if (r->schema.devices && !blk_build_list(r->sim, r->schema.devices, -1, "dev", "devices",
                                             &w->devs, &w->dev_count, e))
        return false;
    if (!changer_build(r->sim, r->schema.libraries, "libraries", w->devs, w->dev_count,
                       &r->libraries, e))
        return false;
    w->libraries = &r->libraries;
    r->direct = r->schema.direct->create(r->sim, w, r->schema.workload, e);
    return r->direct != NULL;
}

/* The machine without its nodes, and what the workload says to it. */
static bool plan_machine(struct run *r, struct err *e)
{
    const struct workload_ops *ops = r->schema.programs;
    r->machine = machine_plan(r->sim, r->schema.machine, "machine", &registry_machine, e);
    if (ops->prepare &&
        !ops->prepare(r->schema.workload, r->point->c->files, r->point->c->file_count, e))
        return false;
    if (!r->machine ||
        !workload_ranks(ops, r->schema.workload, machine_layout(r->machine), &r->ranks, e))
        return false;
    return r->ranks <= SIM_THREAD_MAX ||
           err_set(e,
                   "machine.rows and machine.columns: workload '%s' has %u programs on the "
                   "compute nodes, and a run at most %d threads",
                   ops->kind.name, r->ranks, SIM_THREAD_MAX);
}

static bool build_machine(struct run *r, struct err *e)
{
    const struct workload_ops *ops = r->schema.programs;
    if (!machine_build(r->machine, e))
        return false;
    if (r->options->flatten)
        machine_set_flatten(r->machine, true);
    machine_set_rate_bin(r->machine, r->schema.results.bin);
    machine_measures(r->machine, ops->measures, ops->ratios, ops->rate);
    machine_program(r->machine, ops->main, r->schema.workload, r->ranks,
                    ops->files ? ops->files(r->schema.workload, machine_layout(r->machine)) : 0);
    return true;
}

/* "trace.txt:12: ..." */
static bool begins_with_place(const char *text)
{
    const char *colon = strchr(text, ':');
    size_t digits = colon ? strspn(colon + 1, "0123456789") : 0;
    return digits > 0 && colon[1 + digits] == ':';
}

/* Puts the place of the parameter that a builder's sentence begins with before it, where the
 * builder
 * knew only its name: "machine.io_nodes is 99: ..." */
static void locate(const struct val *root, struct err *e)
{
    char path[256], where[512] = "", text[sizeof e->text];
    size_t n = strspn(e->text, "abcdefghijklmnopqrstuvwxyz0123456789_.");
    snprintf(path, sizeof path, "%.*s", (int)n, e->text);
    for (char *dot; !where[0] && path[0]; *dot = 0) {
        const struct val *v = val_path(root, path);
        if (!v)
            v = val_path(val_get(root, "machine"), path);
        if (v)
            val_where(v, where, sizeof where);
        dot = strrchr(path, '.');
        if (!dot)
            break;
    }
    bool placed = strncmp(e->text, "-p ", 3) == 0 || strstr(e->text, ".lua:") ||
                  begins_with_place(e->text) ||
                  (root->file && strncmp(e->text, root->file, strlen(root->file)) == 0);
    if (!where[0])
        val_where(root, where, sizeof where);
    if (placed || !where[0])
        return;
    memcpy(text, e->text, sizeof text);
    snprintf(e->text, sizeof e->text, "%s%.*s", where, (int)(sizeof text - strlen(where) - 1),
             text);
}

/* What is known of the point, and where that is good, when `build`, its world. */
static bool make_world(struct run *r, bool build, struct err *e)
{
    bool good = !r->schema.machine || plan_machine(r, e);
    if (good && build)
        good = r->schema.machine ? build_machine(r, e) : build_direct(r, e);
    if (!good)
        locate(r->point->c->root, e);
    return good;
}

static void destroy_world(struct run *r)
{
    if (r->machine)
        machine_destroy(r->machine);
    if (r->direct)
        r->schema.direct->destroy(r->direct);
    for (size_t i = 0; i < r->world.dev_count; i++)
        r->world.devs[i]->ops->destroy(r->world.devs[i]);
    free(r->world.devs);
    changer_list_free(&r->libraries);
    if (r->world.net)
        r->world.net->ops->destroy(r->world.net);
}

/* ---- what happened ---- */

static void *grow(void *items, size_t count, size_t size)
{
    if (count & (count - 1))
        return items;
    return base_realloc(items, (count ? count * 2 : 1) * size);
}

static void take_scalar(void *arg, const char *name, const char *unit, double value,
                        double half_width, unsigned flags)
{
    struct point_result *o = arg;
    o->scalars = grow(o->scalars, o->scalar_count, sizeof *o->scalars);
    o->scalars[o->scalar_count++] =
        (struct point_scalar){ base_strdup(name), base_strdup(unit), value, half_width, flags };
}

static void take_bin(void *arg, const char *name, double lo, double hi, uint64_t n)
{
    struct point_result *o = arg;
    o->bins = grow(o->bins, o->bin_count, sizeof *o->bins);
    o->bins[o->bin_count++] = (struct point_bin){ base_strdup(name), lo, hi, n };
}

static void take_sample(void *arg, const char *name, const char *unit, sim_time at, double value)
{
    struct point_result *o = arg;
    o->samples = grow(o->samples, o->sample_count, sizeof *o->samples);
    o->samples[o->sample_count++] =
        (struct point_sample){ base_strdup(name), base_strdup(unit), at, value };
}

static void take_remark(void *arg, const char *text)
{
    struct point_result *o = arg;
    o->remarks = grow(o->remarks, o->remark_count, sizeof *o->remarks);
    o->remarks[o->remark_count++] = base_strdup(text);
}

static void take_busy(void *arg, const struct sim_busy *b)
{
    struct run *r = arg;
    struct point_result *o = r->out;
    sim_time time = sim_busy_time(b, sim_now(r->sim));
    o->busy = grow(o->busy, o->busy_count, sizeof *o->busy);
    o->busy[o->busy_count++] = (struct point_busy){
        .name = base_strdup(b->name),
        .kind = b->kind,
        .node = b->node,
        .time = time,
        .share = o->window > 0 ? (double)time / (double)o->window : 0,
        .uses = b->uses,
    };
}

/* Busiest first; accounts of equal time stay in the order of their names. */
static int by_busy(const void *a, const void *b)
{
    const struct point_busy *x = a, *y = b;
    if (x->time != y->time)
        return x->time > y->time ? -1 : 1;
    if (x->node != y->node)
        return x->node < y->node ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* A large mesh has tens of thousands of channels: the busiest of each kind are kept. */
static void keep_busiest(struct point_result *o)
{
    size_t kept[SIM_KIND_COUNT] = { 0 }, n = 0;
    if (o->busy_count > 0)
        qsort(o->busy, o->busy_count, sizeof *o->busy, by_busy);
    for (size_t i = 0; i < o->busy_count; i++) {
        if (kept[o->busy[i].kind]++ < BUSY_KEPT)
            o->busy[n++] = o->busy[i];
        else
            free(o->busy[i].name);
    }
    o->busy_count = n;
}

static void set_status(struct point_result *o, enum point_status s, const char *text)
{
    o->status = s;
    if (text && !o->message)
        o->message = base_strdup(text);
}

static void say_deadlock(struct run *r, char *out, size_t size)
{
    if (sim_deadlock_found(r->sim)) {
        snprintf(out, size, "the network stands still since %g us: %s",
                 sim_time_seconds(sim_now(r->sim)) * 1e6, sim_deadlock_found(r->sim));
        return;
    }
    /* What a program said before it ended is why the others wait. */
    const char *failure = r->machine ? machine_failure(r->machine) : NULL;
    snprintf(out, size, "%s%sdeadlock: every thread waits\n", failure ? failure : "",
             failure ? "; then " : "");
    sim_report_deadlock(r->sim, out + strlen(out), size - strlen(out));
}

static void judge_end(struct run *r, enum sim_end end)
{
    static char report[4096];
    struct point_result *o = r->out;
    const struct schema_limits *l = &r->schema.limits;
    char text[256];
    switch (end) {
    case SIM_END_IDLE:
    case SIM_END_STOPPED:
        if (sim_audit_run(r->sim, report, sizeof report) > 0)
            set_status(o, POINT_FAILED_AUDIT, report);
        return;
    case SIM_END_DEADLOCK:
        say_deadlock(r, report, sizeof report);
        set_status(o, POINT_DEADLOCK, report);
        return;
    case SIM_END_TIME_LIMIT:
        snprintf(text, sizeof text, "the limit of %g s of simulated time was reached (limits.time)",
                 sim_time_seconds(l->time));
        break;
    case SIM_END_EVENT_LIMIT:
        snprintf(text, sizeof text, "the limit of %lld events was reached (limits.events)",
                 (long long)l->events);
        break;
    case SIM_END_HOST_LIMIT:
        snprintf(text, sizeof text,
                 "the point used %.0f s and %.0f MiB of the host, past limits.host_time or "
                 "limits.memory",
                 o->host_seconds, (double)o->host_bytes / 0x1p20);
        break;
    case SIM_END_NEVER:
        snprintf(text, sizeof text, "the run asked for a simulated time past 106 days");
        break;
    }
    const char *failure = r->machine ? machine_failure(r->machine) : NULL;
    snprintf(report, sizeof report, "%s%s%s", failure ? failure : "", failure ? "; then " : "",
             text);
    set_status(o, POINT_LIMIT, report);
}

static double host_seconds(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void collect(struct run *r)
{
    struct point_result *o = r->out;
    const struct sim_result_sink sink = { .arg = o,
                                          .scalar = take_scalar,
                                          .bin = take_bin,
                                          .sample = take_sample,
                                          .remark = take_remark };
    o->end_time = sim_now(r->sim);
    o->window = sim_window_length(r->sim);
    o->events = sim_events_fired(r->sim);
    sim_digest_text(r->sim, o->digest);
    if (sim_window_phase(r->sim) == SIM_WINDOW_NONE)
        sim_absent(r->sim, "window", "s", SIM_WHY_NO_WINDOW, SIM_MEASURE_DETERMINISTIC);
    else
        sim_scalar(r->sim, "window", "s", sim_time_seconds(o->window), 0);
    sim_measures_write(r->sim, &sink);
    sim_busy_each(r->sim, take_busy, r);
    keep_busiest(o);
}

/* ---- the run ---- */

static struct sim *create_sim(const struct config_point *p, const struct schema *x)
{
    const struct schema_limits *l = &x->limits;
    struct sim_options o = {
        .seed = p->seed,
        .time_limit = l->time,
        .event_limit = (uint64_t)l->events,
        .host_seconds_limit = sim_time_seconds(l->host_time),
        .host_bytes_limit = (uint64_t)l->memory,
        .per_node = x->results.per_node,
    };
    return sim_create(&o);
}

/* The nodes that the trace is of, once the world knows them. */
static bool choose_traced(struct run *r, struct err *e)
{
    struct net_describe d = { .terminals = 0 };
    if (!r->options->trace_nodes)
        return true;
    if (r->world.net)
        r->world.net->ops->describe(r->world.net, &d);
    r->traced =
        cli_trace_nodes(r->options->trace_nodes, r->machine ? machine_layout(r->machine) : NULL,
                        d.terminals, &r->traced_count, e);
    sim_trace_only(r->sim, r->traced, r->traced_count);
    return r->traced != NULL;
}

static bool open_trace(struct run *r, struct err *e)
{
    const struct sim_trace_options o = { .from = r->options->trace_from,
                                         .to = r->options->trace_to,
                                         .categories = r->options->trace_categories };
    return !r->options->trace || sim_trace_open(r->sim, r->options->trace, &o, e);
}

/* What the machine's interfaces carry: the configuration's captures, and that of the command line.
 */
static bool open_captures(struct run *r, struct err *e)
{
    const struct point_options *o = r->options;
    r->files.path = o->output_dir;
    if (r->machine && machine_captures_open(r->machine, o->output_dir ? &r->files : NULL) > 0 &&
        !o->output_dir)
        take_remark(r->out, "machine.captures: nothing is written without --output-dir");
    if (r->files.failed.set || !o->pcap)
        return !r->files.failed.set;
    if (!r->machine)
        return err_set(e, "--pcap is of a machine's interfaces: there is no machine");
    return whole_open(&r->pcap, "the capture", o->pcap, e) &&
           machine_capture(r->machine, o->pcap_at, r->pcap.file, e);
}

static bool load_images(struct run *r, struct err *e)
{
    return !r->options->images ||
           (r->machine ? machine_images_load(r->machine, r->options->images, e)
                       : err_set(e, "--images are of a machine's devices: there is no machine"));
}

/* A file that could not be written; what else went wrong is worse. */
static void lose(struct point_result *o, const char *why)
{
    if (o->status == POINT_OK)
        set_status(o, POINT_UNWRITTEN, why);
    else
        take_remark(o, why);
}

/* What the run has left on the devices, as a mount after a loss of power would find it. */
static void look(struct run *r)
{
    const struct sim_result_sink sink = { .arg = r->out, .remark = take_remark };
    enum sim_end end = machine_look(r->machine);
    sim_remarks_write(r->sim, &sink);
    if (end != SIM_END_IDLE)
        take_remark(r->out, "fsck: the point was at a limit, not every device was looked at");
    if (r->out->status == POINT_OK && machine_failure(r->machine))
        set_status(r->out, POINT_FAILED_AUDIT, machine_failure(r->machine));
}

static void run_world(struct run *r, struct err *e)
{
    double start = host_seconds();
    struct rusage usage;
    enum sim_end end = sim_run(r->sim);
    if (r->machine)
        machine_finish(r->machine);
    else
        r->schema.direct->finish(r->direct, end);
    getrusage(RUSAGE_SELF, &usage);
    r->out->host_seconds = host_seconds() - start;
    r->out->host_bytes = (uint64_t)usage.ru_maxrss * 1024;
    judge_end(r, end);
    collect(r);
    if ((r->options->trace && !sim_trace_close(r->sim, e)) ||
        !whole_close(&r->pcap, "the capture", true, e) || !whole_folder_close(&r->files, true, e))
        lose(r->out, e->text);
    if (r->options->save_images && r->machine &&
        !machine_images_save(r->machine, r->options->save_images, e))
        lose(r->out, e->text);
    if (r->options->fsck && r->machine)
        look(r);
}

static void drop(struct run *r)
{
    destroy_world(r);
    if (r->sim)
        sim_destroy(r->sim);
    free(r->traced);
    schema_fini(&r->schema);
    *r = (struct run){ .sim = NULL };
}

static struct run standing; /* of point_run */

void point_run(const struct config_point *p, const struct point_options *o,
               struct point_result *out)
{
    struct run *r = &standing;
    struct err e = ERR_INIT;
    *r = (struct run){ .point = p, .options = o, .out = out };
    point_result_init(out);
    if (!schema_load(&r->schema, p->c->root, &e)) {
        set_status(out, POINT_REFUSED, e.text);
        return;
    }
    r->sim = create_sim(p, &r->schema);
    if (o->started)
        o->started(o->started_arg, r->sim);
    if (make_world(r, true, &e) && !r->files.failed.set && choose_traced(r, &e) &&
        open_trace(r, &e) && open_captures(r, &e) && load_images(r, &e) &&
        (!r->machine || sim_threads_ready(&e)))
        run_world(r, &e);
    else if (whole_close(&r->pcap, "the capture", false, &e))
        set_status(out,
                   whole_folder_close(&r->files, false, &e) || !e.lost ? POINT_REFUSED
                                                                       : POINT_UNWRITTEN,
                   e.text);
    if (o->started)
        o->started(o->started_arg, NULL);
}

void point_end(void)
{
    if (standing.sim)
        drop(&standing);
}

static bool check(const struct config_point *p, bool build, struct err *e)
{
    const struct point_options o = { .trace = NULL };
    struct run r = { .point = p, .options = &o };
    if (!schema_load(&r.schema, p->c->root, e))
        return false;
    r.sim = create_sim(p, &r.schema);
    bool good = make_world(&r, build, e);
    drop(&r);
    return good;
}

bool point_check(const struct config_point *p, struct err *e)
{
    return check(p, true, e);
}

static double cpu_seconds(void)
{
    return (double)clock() / CLOCKS_PER_SEC;
}

bool point_check_all(const struct config *c, double seconds, struct err *e)
{
    double end = cpu_seconds() + seconds;
    bool good = true;
    for (size_t i = 0; good && i < c->point_count; i += c->replications * c->group_size)
        good = check(&c->points[i], i == 0 || cpu_seconds() < end, e);
    return good;
}
