/* sink_file.c: the sink that is a file of each rank, in any system of pio; and the set of sinks. */
#include <stdio.h>

#include "os/ckpt/ckpt_internal.h"
#include "os/pio/pio.h"

struct file_sink {
    struct ckpt *c;
    uint32_t turn;
    const struct pio_ops *ops;
    struct pio_file *file; /* NULL: not open */
    uint64_t size;         /* that the system has been told */
    struct ckpt_gate gate; /* one call at a time: an error closes the file */
};

static const struct pio_ops *system_of(const struct ckpt_params *p)
{
    return kind_at(&pio_systems, p->system);
}

static bool file_check(const void *params, const struct os_boot *b, const char *path, struct err *e)
{
    const struct pio_ops *ops = system_of(params);
    for (const struct os_service_ops *const *s = ops->services; s && *s; s++)
        if (!os_served(b->layout, *s, "compute"))
            return err_set(e,
                           "%s.system is '%s', which needs service '%s' on the compute nodes, but "
                           "machine.os boots none",
                           path, ops->kind.name, (*s)->kind.name);
    return true;
}

static void *file_start(struct ckpt *c)
{
    struct file_sink *f = port_alloc(c->port, sizeof *f);
    f->c = c;
    f->turn = c->turn;
    f->ops = system_of(c->params);
    return f;
}

static enum ckpt_status status_of(enum pio_status s)
{
    return s == PIO_OK ? CKPT_OK : s == PIO_NO_SPACE ? CKPT_FULL : CKPT_IO;
}

static enum ckpt_status open_file(struct file_sink *f)
{
    char name[32];
    if (f->turn == 0)
        snprintf(name, sizeof name, "ckpt.%u", f->c->rank);
    else
        snprintf(name, sizeof name, "ckpt.%u.%u", f->c->rank, f->turn);
    const struct pio_open o = {
        .name = name, .flags = PIO_O_CREATE, .ranks = 1, .mode = PIO_PLAIN
    };
    struct pio_control q = { .what = PIO_GET_SIZE };
    if (f->file)
        return CKPT_OK;
    enum pio_status s = pio_open(pio_find(f->ops, f->c->node), &o, &f->file);
    if (s == PIO_OK)
        s = pio_control(f->file->sys, f->file, &q);
    f->size = q.value;
    return status_of(s);
}

/* A size that only the writer knows would be lost with it, in a system that leaves it there.  All
 * I/O nodes are told each. */
static enum pio_status grow(struct file_sink *f, uint64_t size)
{
    if (size <= f->size)
        return PIO_OK;
    f->size = size;
    return pio_set_size(f->file, size);
}

/* After an error it is opened anew. */
static enum ckpt_status ended(struct file_sink *f, enum pio_status s)
{
    if (s != PIO_OK && f->file) {
        pio_close(f->file);
        f->file = NULL;
    }
    return status_of(s);
}

static enum ckpt_status move(struct file_sink *f, enum pio_op op, uint64_t at, uint64_t length,
                             struct rope *data)
{
    struct file_run run = { .off = at, .len = length, .stride = 0, .count = 1 };
    struct pio_req r;
    enum ckpt_status s = open_file(f);
    if (s != CKPT_OK)
        return s;
    s = op == PIO_WRITE ? ended(f, grow(f, at + length)) : CKPT_OK;
    if (s != CKPT_OK)
        return s;
    pio_req_init(&r, op, f->file);
    r.runs = &run;
    r.run_count = 1;
    if (op == PIO_WRITE)
        rope_move(&r.data, data);
    pio_submit(&r);
    s = ended(f, pio_wait(&r));
    if (op == PIO_READ)
        rope_join(data, &r.data);
    rope_fini(&r.data);
    return s;
}

static enum ckpt_status file_expect(void *state, uint64_t end)
{
    struct file_sink *f = state;
    ckpt_gate_enter(&f->gate, f->c);
    enum ckpt_status s = open_file(f);
    if (s == CKPT_OK)
        s = ended(f, grow(f, end));
    ckpt_gate_leave(&f->gate, f->c);
    return s;
}

static enum ckpt_status file_write(void *state, uint64_t at, struct rope *data)
{
    struct file_sink *f = state;
    ckpt_gate_enter(&f->gate, f->c);
    enum ckpt_status s = move(f, PIO_WRITE, at, data->length, data);
    ckpt_gate_leave(&f->gate, f->c);
    return s;
}

static enum ckpt_status file_read(void *state, uint64_t at, uint64_t length, struct rope *out)
{
    struct file_sink *f = state;
    rope_init(out);
    ckpt_gate_enter(&f->gate, f->c);
    enum ckpt_status s = move(f, PIO_READ, at, length, out);
    ckpt_gate_leave(&f->gate, f->c);
    return s;
}

/* The file is another rank's now. */
static void file_placed(void *state, bool own)
{
    struct file_sink *f = state;
    if (own && f->file) {
        pio_close(f->file);
        f->file = NULL;
    }
}

static enum ckpt_status file_flush(void *state)
{
    struct file_sink *f = state;
    ckpt_gate_enter(&f->gate, f->c);
    enum ckpt_status s = f->file ? ended(f, pio_flush(f->file)) : CKPT_OK;
    ckpt_gate_leave(&f->gate, f->c);
    return s;
}

static const struct ckpt_sink_ops sink_file = {
    .kind = { .name = "file", .doc = "A file of each rank, in the parallel file system `system`." },
    .check = file_check,
    .start = file_start,
    .expect = file_expect,
    .write = file_write,
    .read = file_read,
    .flush = file_flush,
    .placed = file_placed,
    .piece = 4 << 20,
    .anywhere = true,
};

static const struct kind *const sinks[] = { &sink_file.kind, &ckpt_sink_memory.kind,
                                            &ckpt_sink_servers.kind, NULL };
const struct kind_set ckpt_sinks = { "sink", "machine.os.ckpt.sink", sinks };
