/* vesta_cells.c: the cells of an I/O node: files of its stack, named by their file and cell.
 *
 * A cell that nobody wrote has no file: it reads as empty, and the first write makes it, which may
 * be a directed transfer past this file (os/file/directed.h).  A file
 * whose cells were dropped is remembered until the node restarts: who still has it open is told.
 */
#include "os/vesta/vesta_internal.h"

#include <stdio.h> /* snprintf alone */
#include <string.h>

enum state { UNKNOWN, ASKED, THERE, ABSENT, GONE };
struct cell {
    struct pfs_hashed hashed;
    uint64_t id, handle;
    uint32_t maker, cell;
    enum state state;
    struct list waiters; /* vesta_part.link */
    struct file_req q;   /* ASKED */
    struct vesta_server *s;
    char name[FILE_NAME_MAX + 1];
};

#define FILL_BYTES (1024 * 1024) /* a fill writes so much at a time */

static uint64_t key_of(const struct vesta_msg *m, uint32_t cell)
{
    return m->id * 31 + (uint64_t)m->maker * 65537 + cell;
}

static struct cell *cell_get(struct vesta_server *s, const struct vesta_msg *m, uint32_t number)
{
    uint64_t key = key_of(m, number);
    port_work(s->port, PORT_WORK_LOOKUP, 1);
    LIST_EACH (l, pfs_hash_slot(&s->cells, key)) {
        struct cell *c = LIST_ENTRY(l, struct cell, hashed.link);
        if (c->id == m->id && c->maker == m->maker && c->cell == number)
            return c;
    }
    struct cell *c = port_alloc(s->port, sizeof *c);
    c->s = s;
    c->id = m->id;
    c->maker = m->maker;
    c->cell = number;
    list_init(&c->waiters);
    vesta_cells_name(c->name, c->id, c->maker);
    (void)snprintf(c->name + strlen(c->name), sizeof c->name - strlen(c->name), "%x", number);
    pfs_hash_add(&s->cells, &c->hashed, key);
    return c;
}

/* ---- reads, writes and hints ---- */

static void reply(struct vesta_job *j)
{
    struct rope out;
    sim_time here = port_now(j->s->port) - j->arrived;
    struct vesta_msg m = { .status = j->status,
                           .value = (uint64_t)(j->device < here ? j->device : here),
                           .seq = (uint64_t)here };
    bool read = j->proc == VESTA_READ && j->status == FILE_OK;
    rope_init(&out);
    for (uint32_t i = 0; i < j->m.lists && read; i++) {
        uint8_t b[8];
        wire_put64(b, j->parts[i].q.data.length);
        rope_add_bytes(&out, b, sizeof b);
    }
    for (uint32_t i = 0; i < j->m.lists; i++) {
        if (read)
            rope_join(&out, &j->parts[i].q.data);
        rope_fini(&j->parts[i].q.data);
    }
    m.lists = read ? j->m.lists : 0;
    vesta_answer(j, &m, &out);
    rope_fini(&out);
}

static void part_end(struct vesta_part *x, enum file_status status)
{
    struct vesta_job *j = x->job;
    if (status != FILE_OK && j->status == FILE_OK)
        j->status = status;
    if (--j->left == 0)
        reply(j);
}

static void moved(struct file_req *q)
{
    struct vesta_part *x = q->arg;
    x->job->device += q->part[FILE_DEVICE];
    part_end(x, q->status);
}

static void go(struct vesta_part *x, const struct cell *c)
{
    struct vesta_job *j = x->job;
    x->q.file = c->handle;
    x->q.trace = (uint64_t)j->host << 40 | j->m.value;
    file_submit(j->s->files, &x->q);
}

static void settle(struct cell *c);

static void found(struct file_req *q)
{
    struct cell *c = q->arg;
    bool made = q->op == FILE_CREATE && q->status == FILE_EXISTS;
    c->state = q->status == FILE_OK || made ? THERE : ABSENT;
    c->handle = q->file;
    if (q->status != FILE_OK && !made && q->status != FILE_NO_FILE) {
        struct list all, *l;
        c->state = UNKNOWN;
        list_init(&all);
        list_splice(&all, &c->waiters);
        while ((l = list_pop(&all)) != NULL)
            part_end(LIST_ENTRY(l, struct vesta_part, link), q->status);
        return;
    }
    settle(c);
}

static void ask(struct cell *c, enum file_op op)
{
    c->state = ASKED;
    file_req_init(&c->q, op, found, c);
    c->q.name = c->name;
    file_submit(c->s->files, &c->q);
}

/* A pin is kept with the file. */
static bool makes(const struct file_req *q)
{
    return q->op == FILE_WRITE || (q->op == FILE_HINT && q->hint == FILE_PIN);
}

/* What waits goes on, as far as the cell's state lets it. */
static void settle(struct cell *c)
{
    struct list all, *l;
    list_init(&all);
    list_splice(&all, &c->waiters);
    while ((l = list_pop(&all)) != NULL) {
        struct vesta_part *x = LIST_ENTRY(l, struct vesta_part, link);
        if (c->state == THERE)
            go(x, c);
        else if (c->state == GONE)
            part_end(x, FILE_NO_FILE);
        else if (c->state == ABSENT && !makes(&x->q))
            part_end(x, FILE_OK);
        else
            list_push(&c->waiters, l);
    }
    if (!list_empty(&c->waiters) && c->state != ASKED)
        ask(c, c->state == UNKNOWN ? FILE_LOOKUP : FILE_CREATE);
    else if (c->state == ABSENT)
        c->state = UNKNOWN; /* a directed transfer may make it */
}

static void part_init(struct vesta_job *j, struct vesta_part *x, uint32_t cell)
{
    static const enum file_op ops[] = {
        [VESTA_READ] = FILE_READ, [VESTA_WRITE] = FILE_WRITE, [VESTA_HINT] = FILE_HINT
    };
    file_req_init(&x->q, ops[j->proc], moved, x);
    x->job = j;
    x->cell = cell;
    if (j->proc != VESTA_HINT)
        return;
    x->q.hint = (enum file_hint)j->m.value;
    x->q.size = j->m.seq;
}

/* A hint of the whole file: to all cells of this node. */
static void all_cells(struct vesta_job *j)
{
    uint32_t every = j->s->layout->io_count, n = 0;
    if (j->m.cells > j->m.pos)
        n = (j->m.cells - j->m.pos + every - 1) / every;
    j->m.lists = n;
    j->parts = port_alloc(j->s->port, (n + 1) * sizeof *j->parts);
    for (uint32_t i = 0; i < n; i++)
        part_init(j, &j->parts[i], j->m.pos + i * every);
}

/* The lists behind a message; false: it is none. */
static bool lists_load(struct vesta_job *j)
{
    struct vesta_server *s = j->s;
    uint32_t n = 0, room = VESTA_RUNS_MAX;
    if (j->data.length / FILE_RUN_BYTES < room)
        room = (uint32_t)(j->data.length / FILE_RUN_BYTES);
    if (j->m.lists == 0 || j->m.lists > VESTA_RUNS_MAX)
        return false;
    j->parts = port_alloc(s->port, j->m.lists * sizeof *j->parts);
    j->runs = port_alloc(s->port, room * sizeof *j->runs);
    for (uint32_t i = 0; i < j->m.lists; i++) {
        struct vesta_part *x = &j->parts[i];
        uint8_t b[FILE_RUN_BYTES];
        if (j->data.length < VESTA_LIST_HEAD)
            return false;
        rope_take_front(&j->data, VESTA_LIST_HEAD, b);
        part_init(j, x, wire_get32(b));
        x->first = n;
        x->count = wire_get32(b + 4);
        if (x->count > room - n || x->cell >= j->m.cells ||
            j->data.length < (uint64_t)x->count * FILE_RUN_BYTES)
            return false;
        for (uint32_t k = 0; k < x->count; k++, n++) {
            rope_take_front(&j->data, FILE_RUN_BYTES, b);
            j->runs[n] = file_run_load(b);
        }
        x->q.runs = &j->runs[x->first];
        x->q.run_count = x->count;
        x->bytes = file_bytes(&x->q);
    }
    return true;
}

void vesta_cells_end(struct vesta_job *j, enum file_status status)
{
    j->status = status;
    j->m.lists = 0;
    reply(j);
}

void vesta_cells_start(struct vesta_job *j)
{
    uint64_t bytes = 0, most = select_max_bytes(j->s->rpc);
    bool hint = j->proc == VESTA_HINT, all = hint && j->m.lists == 0;
    bool good = (!hint || j->m.value < FILE_HINT_COUNT) && (all || lists_load(j));
    if (all && good)
        all_cells(j);
    for (uint32_t i = 0; i < j->m.lists && good && !hint; i++) {
        bytes += j->parts[i].bytes;
        good = bytes <= most;
    }
    if (!good || (j->proc == VESTA_WRITE && bytes != j->data.length)) {
        vesta_cells_end(j, FILE_RANGE);
        return;
    }
    for (uint32_t i = 0; i < j->m.lists && j->proc == VESTA_WRITE; i++) {
        struct rope rest;
        rope_split(&j->data, j->parts[i].bytes, &rest);
        rope_move(&j->parts[i].q.data, &j->data);
        rope_move(&j->data, &rest);
    }
    j->left = j->m.lists;
    if (j->left == 0) {
        reply(j);
        return;
    }
    for (uint32_t i = 0, n = j->m.lists; i < n; i++) { /* the last may end the job */
        struct cell *c = cell_get(j->s, &j->m, j->parts[i].cell);
        list_push(&c->waiters, &j->parts[i].link);
        settle(c);
    }
}

/* ---- all cells of a file, in a thread ---- */

/* Its handle; 0: it has no file.  (blocks) */
static enum file_status handle_of(struct vesta_job *j, struct cell *c, bool make, uint64_t *handle)
{
    struct file_req q;
    enum file_status s = c->state == GONE ? FILE_NO_FILE : FILE_OK;
    *handle = c->state == THERE ? c->handle : 0;
    if (*handle != 0 || s != FILE_OK)
        return s;
    file_req_init(&q, make ? FILE_CREATE : FILE_LOOKUP, NULL, NULL);
    q.name = c->name;
    s = file_ask(j->s->files, &q);
    bool there = s == FILE_OK || (make && s == FILE_EXISTS);
    if (there && (c->state == UNKNOWN || c->state == ABSENT)) {
        c->state = THERE;
        c->handle = q.file;
    }
    *handle = there ? q.file : 0;
    return there || (!make && s == FILE_NO_FILE) ? FILE_OK : s;
}

static enum file_status ask_of(struct vesta_job *j, uint64_t handle, enum file_op op, uint64_t size,
                               uint64_t *length)
{
    struct file_req q;
    file_req_init(&q, op, NULL, NULL);
    q.file = handle;
    q.size = size;
    q.hint = FILE_FORGET;
    enum file_status s = file_ask(j->s->files, &q);
    *length = q.attr.size;
    return s;
}

static enum file_status fill(struct vesta_job *j, uint64_t handle, const struct vesta_map *map,
                             uint32_t cell, uint64_t length)
{
    struct file_req q;
    enum file_status s = FILE_OK;
    for (uint64_t at = 0, to; at < length && s == FILE_OK; at = to) {
        to = at + FILL_BYTES < length ? at + FILL_BYTES : length;
        file_req_init(&q, FILE_WRITE, NULL, NULL);
        q.file = handle;
        file_range(&q, at, to - at);
        for (uint64_t x = at, n; x < to; x += n) {
            n = map->bsu - x % map->bsu < to - x ? map->bsu - x % map->bsu : to - x;
            rope_add_pattern(&q.data, j->m.seq, vesta_map_offset(map, cell, x), n);
        }
        s = file_ask(j->s->files, &q);
    }
    if (s == FILE_OK && length > 0)
        s = ask_of(j, handle, FILE_FLUSH, 0, &length);
    return s == FILE_OK && (j->m.flags & VESTA_COLD) ? ask_of(j, handle, FILE_HINT, 0, &length) : s;
}

static enum file_status one(struct vesta_job *j, const struct vesta_map *map, uint32_t cell,
                            uint64_t *length)
{
    struct cell *c = cell_get(j->s, &j->m, cell);
    uint64_t handle, want = vesta_map_length(map, cell, j->m.value);
    bool make = (j->proc == VESTA_SIZE || j->proc == VESTA_FILL) && want > 0;
    enum file_status s = handle_of(j, c, make, &handle);
    *length = 0;
    if (j->proc == VESTA_DROP_CELLS) {
        c->state = GONE;
        settle(c);
    }
    if (s != FILE_OK || handle == 0)
        return s;
    switch (j->proc) {
    case VESTA_LENGTHS:
        return ask_of(j, handle, FILE_STAT, 0, length);
    case VESTA_SIZE:
        return ask_of(j, handle, FILE_SIZE, want, length);
    case VESTA_FLUSH:
        return ask_of(j, handle, FILE_FLUSH, 0, length);
    case VESTA_CHECKPOINT:
        return ask_of(j, handle, FILE_CHECKPOINT, j->m.value, length);
    case VESTA_ROLLBACK:
        s = ask_of(j, handle, FILE_ROLLBACK, j->m.value, length);
        return s == FILE_NO_VERSION ? ask_of(j, handle, FILE_SIZE, 0, length) : s;
    case VESTA_DROP_CELLS:
        return ask_of(j, handle, FILE_REMOVE, 0, length);
    default:
        return fill(j, handle, map, cell, want);
    }
}

void vesta_cells_all(struct vesta_job *j)
{
    struct vesta_view all = vesta_view_all(j->m.cells);
    struct vesta_map map;
    struct rope out;
    enum file_status s = vesta_map_init(&map, j->m.cells, j->m.bsu, &all) ? FILE_OK : FILE_RANGE;
    struct vesta_holder h;
    char file[40];
    rope_init(&out);
    if (j->proc == VESTA_ROLLBACK) { /* one that a dead home has asked for ends first */
        (void)snprintf(file, sizeof file, "!%llx.%x", (unsigned long long)j->m.id, j->m.maker);
        vesta_hold(j->s, &h, file);
    }
    for (uint32_t c = j->m.pos; s == FILE_OK && c < j->m.cells; c += j->s->layout->io_count) {
        uint64_t length;
        uint8_t b[8];
        s = one(j, &map, c, &length);
        wire_put64(b, length);
        if (j->proc == VESTA_LENGTHS)
            rope_add_bytes(&out, b, sizeof b);
    }
    if (j->proc == VESTA_ROLLBACK)
        vesta_let_go(j->s, &h);
    vesta_answer(j, &(struct vesta_msg){ .status = s }, &out);
    rope_fini(&out);
}
