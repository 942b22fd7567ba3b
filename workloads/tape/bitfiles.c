/* bitfiles.c: programs write files to the archive, remove some, and read the others back.
 *
 * With `names` a file that is on tape gets a name in a directory of its program; it is removed, and
 * found for reading, by that.
 *
 * Each program makes `files` bitfiles, at most `window` calls under way at once; then it removes
 * each `remove`-th; where that is wanted it asks for a repack, and waits for it; then it reads what
 * is left, `reads` times, and compares each byte.  The window of the figures is all of that.
 */
#include <stdio.h> /* snprintf alone */

#include "os/hsm/bitfile.h"
#include "os/hsm/names.h"
#include "workloads/io/loop.h"
#include "workloads/tape/data.h"
#include "workloads/workload.h"

struct bitfiles_params {
    int64_t nodes, files, size, largest, window, cos, remove, repack, reads;
    bool names;
    sim_time rest;
    int64_t old, old_files, old_each;
};

static const struct param bitfiles_params[] = {
    P_INT(bitfiles_params, nodes, "0", "0", "60000", "Compute nodes that take part; 0: all.",
          "ASSUMED(the experiment's choice)"),
    P_INT(bitfiles_params, files, "10", "0", "10000000", "Bitfiles that each of them makes.",
          "ASSUMED(the experiment's choice)"),
    P_SIZE(bitfiles_params, size, "1MB", "0B", "1000TB", "Bytes of the smallest.",
           "ASSUMED(the experiment's choice)"),
    P_SIZE(bitfiles_params, largest, "0B", "0B", "1000TB",
           "Bytes of the largest; sizes between are drawn, all alike.  Less than `size`: all are "
           "of that.",
           "ASSUMED(the experiment's choice)"),
    P_INT(bitfiles_params, window, "4", "1", "100000", "Calls that a program has under way.",
          "ASSUMED(the experiment's choice)"),
    P_INT(bitfiles_params, cos, "-1", "-1", "15", "Their class of service; -1: by size.",
          "ASSUMED(the experiment's choice)"),
    P_INT(bitfiles_params, remove, "0", "0", "10000000", "Each so-many-th is removed; 0: none.",
          "ASSUMED(the experiment's choice)"),
    P_INT(bitfiles_params, repack, "-1", "-1", "100",
          "Then volumes of which no more percent is live are repacked; -1: not now.",
          "ASSUMED(the experiment's choice)"),
    P_BOOL(bitfiles_params, names, "false", "Files have names, and are asked for by them.",
           "ASSUMED(the experiment's choice)"),
    P_TIME(bitfiles_params, rest, "0s", "0s", "1000h",
           "From then until the first is read, and from one time to the next.",
           "ASSUMED(the experiment's choice)"),
    P_INT(bitfiles_params, reads, "1", "0", "1000000", "Times that the others are read.",
          "ASSUMED(the experiment's choice)"),
    P_INT(bitfiles_params, old, "0", "0", "1000000000",
          "Then so many reads of bitfiles that the archive had from the start, each drawn, "
          "and compared.",
          "ASSUMED(the experiment's choice)"),
    P_INT(bitfiles_params, old_files, "0", "0", "1000000000",
          "Of the first so many; bitfile.declared has as many.",
          "ASSUMED(the experiment's choice)"),
    P_INT(bitfiles_params, old_each, "0", "0", "1000000000",
          "Of which so many lie on each volume, one behind the other; 0: that is not compared.",
          "ASSUMED(the experiment's choice)"),
    P_END,
};

enum { M_WRITE, M_READ, M_STAT, M_NAME, M_REPACK, M_BLANK, M_FAILED };
static const struct measure measures[] = {
    [M_WRITE] = { "bitfiles.write", "s", "From the creation of a bitfile until it is on tape.",
                  MEASURE_COLUMN | MEASURE_HISTOGRAM | MEASURE_TOTAL },
    [M_READ] = { "bitfiles.read", "s", "From the request for a bitfile until all of it is there.",
                 MEASURE_COLUMN | MEASURE_HISTOGRAM | MEASURE_TOTAL },
    [M_STAT] = { "bitfiles.stat", "s", "From the question where a bitfile lies to the answer.",
                 MEASURE_COLUMN | MEASURE_HISTOGRAM | MEASURE_TOTAL },
    [M_NAME] = { "bitfiles.name", "s", "A call of the name server.",
                 MEASURE_HISTOGRAM | MEASURE_TOTAL },
    [M_REPACK] = { "bitfiles.repack", "s", "From the call for a repack until it has ended.",
                   MEASURE_TOTAL },
    [M_BLANK] = { "bitfiles.blank", "1", "Volumes that became blank by it.",
                  MEASURE_COLUMN | MEASURE_TOTAL },
    [M_FAILED] = { "bitfiles.failed", "1", "Calls that did not end well.",
                   MEASURE_COLUMN | MEASURE_TOTAL },
    { .name = NULL },
};

struct file {
    struct bitfile_call call; /* first */
    struct owner *owner;
    uint64_t id, size, seed;
    sim_time since;
    bool there, busy; /* busy: of one that the archive had from the start */
    struct bitfile_stat stat;
};

struct owner {
    struct port *port;
    const struct bitfiles_params *p;
    struct bitfile_door *door;
    const struct archive *archive; /* of one that reads what the archive had */
    struct name_door *names;       /* NULL: files have none */
    uint64_t dir;                  /* its own */
    uint32_t rank;
    struct port_thread *thread;
    struct file *files;
    int64_t under_way;
    uint64_t failed;
    bool wrong;
};

static void over(struct owner *x)
{
    x->under_way--;
    port_thread_wake(x->port, x->thread);
}

static void fails(struct file *f, const char *what)
{
    struct owner *x = f->owner;
    x->failed++;
    f->busy = false;
    port_remark(x->port, "%s of bitfile %llu: %s", what, (unsigned long long)f->id,
                hsm_status_name(f->call.status));
    over(x);
}

/* ---- writing ---- */

static void give(struct bitfile_call *c, uint64_t offset, uint64_t length, struct rope *out)
{
    rope_add_pattern(out, ((struct file *)c)->seed, offset, length);
}

static void written(struct bitfile_call *c)
{
    struct file *f = (struct file *)c;
    struct owner *x = f->owner;
    if (c->status != HSM_OK) {
        fails(f, "writing");
        return;
    }
    f->there = true;
    port_measure(x->port, &measures[M_WRITE], sim_time_seconds(port_now(x->port) - f->since));
    port_progress(x->port, f->since, (double)f->size);
    over(x);
}

static void created(struct bitfile_call *c)
{
    struct file *f = (struct file *)c;
    if (c->status != HSM_OK) {
        fails(f, "creation");
        return;
    }
    f->id = c->id;
    f->call = (struct bitfile_call){
        .op = BITFILE_WRITE, .id = f->id, .size = f->size, .give = give, .done = written
    };
    bitfile_ask(f->owner->door, &f->call);
}

/* ---- reading, removing ---- */

static void take(struct bitfile_call *c, uint64_t offset, struct rope *data)
{
    struct file *f = (struct file *)c;
    struct rope should;
    rope_init(&should);
    rope_add_pattern(&should, f->seed, offset, data->length);
    if (!rope_equal(data, &should) && !f->owner->wrong) {
        f->owner->wrong = true;
        port_fail(f->owner->port, "byte %llu of bitfile %llu is not what was written",
                  (unsigned long long)offset, (unsigned long long)f->id);
    }
    rope_fini(&should);
    port_delivered(f->owner->port, data->length, 0);
}

static void was_read(struct bitfile_call *c)
{
    struct file *f = (struct file *)c;
    struct owner *x = f->owner;
    if (c->status != HSM_OK) {
        fails(f, "reading");
        return;
    }
    port_measure(x->port, &measures[M_READ], sim_time_seconds(port_now(x->port) - f->since));
    port_progress(x->port, f->since, (double)f->size);
    f->busy = false;
    over(x);
}

static void removed(struct bitfile_call *c)
{
    struct file *f = (struct file *)c;
    if (c->status != HSM_OK) {
        fails(f, "removal");
        return;
    }
    f->there = false;
    over(f->owner);
}

static void wait_for(struct owner *x, int64_t under_way)
{
    while (x->under_way > under_way)
        port_thread_block(x->port, "bitfiles", (uint64_t)x->under_way);
}

static void ask(struct file *f, struct bitfile_call call)
{
    struct owner *x = f->owner;
    wait_for(x, x->p->window - 1);
    f->call = call;
    f->since = port_now(x->port);
    x->under_way++;
    bitfile_ask(x->door, &f->call);
}

/* ---- what the archive had from the start ---- */

static void take_old(struct bitfile_call *c, uint64_t offset, struct rope *data)
{
    const struct file *f = (struct file *)c;
    struct owner *x = f->owner;
    struct rope copy;
    rope_copy(&copy, data);
    port_delivered(x->port, data->length, 0);
    if (!x->wrong)
        x->wrong =
            !tape_declared(x->port, x->archive, f->stat.volume, f->stat.first, offset, &copy);
    else
        rope_fini(&copy);
}

static void stat_old(struct bitfile_call *c)
{
    struct file *f = (struct file *)c;
    struct owner *x = f->owner;
    if (c->status != HSM_OK) {
        fails(f, "the place");
        return;
    }
    sim_time now = port_now(x->port);
    port_measure(x->port, &measures[M_STAT], sim_time_seconds(now - f->since));
    f->stat = c->stat;
    f->size = c->stat.size;
    uint64_t each = (uint64_t)x->p->old_each, block = archive_block(x->archive);
    if (each > 0 && (c->stat.volume != f->id / each ||
                     c->stat.first != f->id % each * ((f->size + block - 1) / block)))
        port_fail(x->port,
                  "bitfile %llu lies at block %llu of volume %u, not where it was declared",
                  (unsigned long long)f->id, (unsigned long long)c->stat.first, c->stat.volume);
    f->call = (struct bitfile_call){
        .op = BITFILE_READ, .id = f->id, .length = f->size, .take = take_old, .done = was_read
    };
    bitfile_ask(x->door, &f->call);
}

/* `window` of them at once: each slot has the next that is drawn when its last one has come. */
static void read_old(struct owner *x)
{
    struct file *slots = port_alloc(x->port, (size_t)x->p->window * sizeof *slots);
    for (int64_t i = 0; i < x->p->old; i++) {
        struct file *f = slots;
        wait_for(x, x->p->window - 1);
        while (f->busy)
            f++;
        f->owner = x;
        f->busy = true;
        f->id = port_random_below(x->port, (uint64_t)x->p->old_files);
        ask(f, (struct bitfile_call){ .op = BITFILE_STAT, .id = f->id, .done = stat_old });
    }
    wait_for(x, 0);
    port_free(x->port, slots);
}

/* ---- names ---- */

/* Says what becomes of a name; false: it failed, and is counted. */
static bool name(struct owner *x, enum name_op op, uint64_t dir, const char *what, uint64_t *file,
                 uint64_t *bitfile)
{
    struct name_call *c = port_alloc(x->port, sizeof *c);
    sim_time since = port_now(x->port);
    *c = (struct name_call){ .op = op, .dir = dir, .name = what, .bitfile = *bitfile };
    enum file_status s = name_wait(x->names, c);
    port_measure(x->port, &measures[M_NAME], sim_time_seconds(port_now(x->port) - since));
    if (s != FILE_OK) {
        x->failed++;
        port_remark(x->port, "the name %s: %s", what, file_status_name(s));
    }
    *file = c->file;
    *bitfile = c->bitfile;
    port_free(x->port, c);
    return s == FILE_OK;
}

static void file_name(int64_t i, char out[FILE_NAME_MAX + 1])
{
    (void)snprintf(out, FILE_NAME_MAX + 1, "file%06lld", (long long)i);
}

static void name_all(struct owner *x)
{
    char text[FILE_NAME_MAX + 1];
    uint64_t none = 0, file;
    (void)snprintf(text, sizeof text, "program%06u", x->rank);
    if (!name(x, NAME_MAKE_DIR, NAME_ROOT, text, &x->dir, &none))
        return;
    for (int64_t i = 0; i < x->p->files; i++) {
        struct file *f = &x->files[i];
        uint64_t id = f->id;
        file_name(i, text);
        if (f->there)
            f->there = name(x, NAME_CREATE, x->dir, text, &file, &id);
    }
}

/* The bitfile of a name; with NAME_REMOVE the name goes. */
static bool by_name(struct owner *x, int64_t i, enum name_op op)
{
    char text[FILE_NAME_MAX + 1];
    uint64_t id = 0, file;
    file_name(i, text);
    if (!name(x, op, x->dir, text, &file, &id))
        return false;
    if (id != x->files[i].id)
        port_fail(x->port, "%s of program %u is bitfile %llu, not %llu", text, x->rank,
                  (unsigned long long)id, (unsigned long long)x->files[i].id);
    x->files[i].id = id;
    return true;
}

/* ---- the program ---- */

static void write_all(struct owner *x, uint32_t rank)
{
    const struct bitfiles_params *p = x->p;
    for (int64_t i = 0; i < p->files; i++) {
        struct file *f = &x->files[i];
        f->owner = x;
        f->size = (uint64_t)p->size;
        if (p->largest > p->size)
            f->size += port_random_below(x->port, (uint64_t)(p->largest - p->size) + 1);
        f->seed = UINT64_C(0x6269740000000000) + ((uint64_t)rank << 24) + (uint64_t)i;
        ask(f, (struct bitfile_call){ .op = BITFILE_CREATE,
                                      .cos = p->cos < 0 ? BITFILE_BY_SIZE : (uint32_t)p->cos,
                                      .size = f->size,
                                      .done = created });
    }
    wait_for(x, 0);
}

static void remove_some(struct owner *x)
{
    for (int64_t i = 0; x->p->remove > 0 && i < x->p->files; i += x->p->remove)
        if (x->files[i].there && (x->names == NULL || by_name(x, i, NAME_REMOVE)))
            ask(&x->files[i], (struct bitfile_call){
                                  .op = BITFILE_REMOVE, .id = x->files[i].id, .done = removed });
    wait_for(x, 0);
}

static void repack(struct owner *x)
{
    struct bitfile_call *c = port_alloc(x->port, sizeof *c);
    sim_time since = port_now(x->port);
    *c = (struct bitfile_call){ .op = BITFILE_REPACK, .size = (uint64_t)x->p->repack };
    enum hsm_status s = bitfile_wait(x->door, c);
    port_measure(x->port, &measures[M_REPACK], sim_time_seconds(port_now(x->port) - since));
    port_measure(x->port, &measures[M_BLANK], (double)c->id);
    x->failed += s != HSM_OK;
    port_free(x->port, c);
}

static void read_all(struct owner *x)
{
    for (int64_t i = 0; i < x->p->files; i++) {
        struct file *f = &x->files[i];
        if (f->there && f->size > 0 && (x->names == NULL || by_name(x, i, NAME_LOOKUP)))
            ask(f, (struct bitfile_call){ .op = BITFILE_READ,
                                          .id = f->id,
                                          .length = f->size,
                                          .take = take,
                                          .done = was_read });
    }
    wait_for(x, 0);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct bitfiles_params *p = me->params;
    struct owner *x = port_alloc(me->task, sizeof *x);
    x->port = me->task;
    x->p = p;
    x->door = os_find(node, &bitfile_client_service);
    x->archive = p->old > 0 ? os_find(node, &archive_service) : NULL;
    x->names = p->names ? os_find(node, &name_client_service) : NULL;
    x->rank = me->rank;
    x->thread = port_thread_self(me->task);
    x->files = port_alloc(me->task, (size_t)p->files * sizeof *x->files);
    port_window(me->task, true, me->ranks);
    write_all(x, me->rank);
    if (x->names != NULL)
        name_all(x);
    remove_some(x);
    if (p->repack >= 0)
        repack(x);
    for (int64_t i = 0; i < p->reads; i++) {
        if (p->rest > 0)
            port_thread_sleep(me->task, p->rest);
        read_all(x);
    }
    if (p->old > 0) {
        if (p->rest > 0)
            port_thread_sleep(me->task, p->rest);
        read_old(x);
    }
    port_window(me->task, false, me->ranks);
    port_measure(me->task, &measures[M_FAILED], (double)x->failed);
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct bitfiles_params *p = params;
    if (p->old > 0 && p->old_files == 0)
        return err_set(e, "workload.old_files is 0: of how many bitfiles are workload.old drawn?");
    return workload_nodes_check(((const struct bitfiles_params *)params)->nodes, layout, e);
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    return workload_nodes(((const struct bitfiles_params *)params)->nodes, layout);
}

static const struct os_service_ops *const services[] = { &bitfile_client_service, NULL };
static const struct os_service_ops *const old[] = { &bitfile_client_service, &archive_service,
                                                    NULL };
static const struct os_service_ops *const named[] = { &bitfile_client_service, &name_client_service,
                                                      NULL };

static const struct os_service_ops *const *services_of(const void *params)
{
    const struct bitfiles_params *p = params;
    return p->names ? named : p->old > 0 ? old : services;
}

extern const struct workload_ops workload_bitfiles;
const struct workload_ops workload_bitfiles = {
    .kind = { .name = "bitfiles",
              .doc = "Programs that write bitfiles to an archive, remove some, and read the rest.",
              .params = bitfiles_params,
              .params_size = sizeof(struct bitfiles_params) },
    .measures = measures,
    .check = check,
    .programs = programs,
    .services_of = services_of,
    .main = program,
};
