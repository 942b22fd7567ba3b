/* bitfile_server.c: the bitfile server: its calls and its threads.  See bitfile_server.h. */
#include "os/hsm/bitfile_internal.h"
#include "os/node.h"
#include "os/xk/peers.h"

const struct counter bitfile_counters[] = {
    C_SUM(bitfiles, counts, calls, "1", "Calls."),
    C_SUM(bitfiles, counts, failed, "1", "Of these, those that did not end well."),
    C_SUM(bitfiles, counts, created, "1", "Bitfiles created."),
    C_SUM(bitfiles, counts, written, "B", "Bytes of bitfiles written."),
    C_SUM(bitfiles, counts, read, "B", "Bytes of bitfiles read."),
    C_SUM(bitfiles, counts, removed, "1", "Bitfiles removed."),
    C_SUM(bitfiles, counts, segments, "1", "Segments of bitfiles written, of all copies."),
    C_SUM(bitfiles, counts, second, "1", "Parts that were asked of another copy."),
    C_SUM(bitfiles, counts, stale, "1", "Parts whose volume had been repacked meanwhile."),
    C_SUM(bitfiles, counts, moved, "1", "Segments that repack has moved."),
    C_SUM(bitfiles, counts, moved_blocks, "1", "Their blocks."),
    C_SUM(bitfiles, counts, copied, "1", "Segments moved that went from drive to drive."),
    C_SUM(bitfiles, counts, healed, "1", "Segments made anew from another copy."),
    C_SUM(bitfiles, counts, blanked, "1", "Volumes that became blank."),
    C_END,
};

enum { M_CALL };
static const struct measure measures[] = {
    [M_CALL] = { "bitfile.call", "s", "From a call's arrival until it ends.", MEASURE_TOTAL },
    { .name = NULL },
};

struct sleeper {
    struct list link;
    struct port_thread *thread;
};

void bitfile_arrive(struct bitfiles *b, struct job *j)
{
    list_push(&b->arrived, &j->link);
    struct list *l = list_pop(&b->asleep);
    if (l != NULL)
        port_thread_wake(b->port, LIST_ENTRY(l, struct sleeper, link)->thread);
}

void bitfile_end(struct bitfiles *b, struct job *j, enum hsm_status status)
{
    struct rope reply;
    uint8_t wire[BITFILE_REPLY_BYTES];
    port_free(b->port, j->file);
    j->file = NULL;
    j->status = status;
    if (j->ended != NULL) {
        j->ended(j);
        return;
    }
    b->counts.failed += status != HSM_OK;
    b->counts.written += status == HSM_OK && j->op == BITFILE_WRITE ? j->size : 0;
    b->counts.read += status == HSM_OK && j->op == BITFILE_READ ? j->length : 0;
    b->called = port_now(b->port);
    port_measure(b->port, &measures[M_CALL], sim_time_seconds(b->called - j->since));
    bitfile_reply_store(wire, status, j->id, &j->stat);
    rope_init(&reply);
    rope_add_bytes(&reply, wire, sizeof wire);
    hsm_answer(&b->calls, &j->caller, &reply);
    port_free(b->port, j);
}

/* Of a life of its caller that has ended. */
static bool is_late(const struct bitfiles *b, const struct job *j)
{
    return xk_life_assumed(b->calls.rpc->kernel, j->caller.host) != j->life;
}

struct bitfile_stat bitfile_stat_of(const struct bitfiles *b, const struct bitfile *f)
{
    struct bitfile_stat s = { .size = f->size,
                              .cos = f->class,
                              .written = f->state == BITFILE_WRITTEN,
                              .segments = f->count,
                              .created = f->created,
                              .stored = f->stored };
    if (f->state != BITFILE_FREE)
        s.copies = (uint32_t)bitfile_class(b->params, f->class).copies;
    if (f->count > 0) {
        s.volume = f->segments[0].volume;
        s.first = f->segments[0].first;
    }
    return s;
}

/* ---- calls that need the records alone ---- */

static void create(struct bitfiles *b, struct job *j)
{
    uint32_t n = bitfile_class_count(b->params), class = j->cos;
    for (uint32_t i = 0; class == BITFILE_BY_SIZE && i < n; i++) {
        const struct bitfile_class c = bitfile_class(b->params, i);
        if (j->size >= (uint64_t)c.min && j->size <= (uint64_t)c.max)
            class = i;
    }
    b->creating++;
    enum hsm_status s = is_late(b, j) ? HSM_UNREACHABLE /* BITF6 */
                        : class < n   ? bitfile_create(b, class, j->offset, &j->id)
                                      : HSM_NO_CLASS;
    b->creating--;
    for (struct list *l; b->creating == 0 && (l = list_pop(&b->listing)) != NULL;)
        bitfile_arrive(b, LIST_ENTRY(l, struct job, link));
    b->counts.created += s == HSM_OK;
    bitfile_end(b, j, s);
}

/* What a CREATE that has begun makes is on the list: BITF6. */
static void list(struct bitfiles *b, struct job *j)
{
    struct rope reply;
    uint8_t wire[BITFILE_REPLY_BYTES];
    uint32_t count = 0;
    if (b->creating > 0) {
        list_push(&b->listing, &j->link);
        return;
    }
    uint64_t *ids = port_alloc(b->port, BITFILE_LISTED * sizeof *ids);
    enum hsm_status s = bitfile_list(b, j->offset, &j->id, ids, &count);
    bitfile_reply_store(wire, s, j->id, &j->stat);
    rope_init(&reply);
    rope_add_bytes(&reply, wire, sizeof wire);
    for (uint32_t i = 0; i < count && s == HSM_OK; i++) {
        wire_put64(wire, ids[i]);
        rope_add_bytes(&reply, wire, 8);
    }
    port_free(b->port, ids);
    b->counts.failed += s != HSM_OK;
    hsm_answer(&b->calls, &j->caller, &reply);
    port_free(b->port, j);
}

static void stat(struct bitfiles *b, struct job *j)
{
    j->file = port_alloc(b->port, sizeof *j->file);
    bitfile_lock(b, j->id);
    enum hsm_status s = bitfile_load(b, j->id, j->file);
    bitfile_unlock(b, j->id);
    if (s == HSM_OK && j->file->state == BITFILE_FREE)
        s = HSM_NO_BITFILE;
    j->stat = bitfile_stat_of(b, j->file);
    bitfile_end(b, j, s);
}

static void remove_it(struct bitfiles *b, struct job *j)
{
    struct bitfile *f = j->file = port_alloc(b->port, sizeof *j->file);
    bitfile_lock(b, j->id);
    struct job *writing = bitfile_writing(b, j->id);
    if (writing != NULL) {
        list_push(&writing->removing, &j->link);
        bitfile_unlock(b, j->id);
        port_free(b->port, f);
        j->file = NULL;
        return;
    }
    enum hsm_status s = bitfile_load(b, j->id, f);
    if (s == HSM_OK && f->state != BITFILE_FREE) {
        struct bitfile_segment *gone = port_alloc(b->port, sizeof f->segments);
        uint32_t count = f->count;
        memcpy(gone, f->segments, sizeof f->segments);
        f->state = BITFILE_FREE;
        f->id += UINT64_C(1) << BITFILE_SLOT_BITS;
        f->count = 0;
        f->size = 0;
        f->class = 0;
        f->owner = 0;
        f->created = f->stored = 0;
        s = bitfile_change(b, f, gone, count, NULL, 0);
        b->counts.removed += s == HSM_OK;
        port_free(b->port, gone);
    }
    bitfile_unlock(b, j->id);
    bitfile_end(b, j, s);
}

/* ---- threads ---- */

static void do_it(struct bitfiles *b, struct job *j)
{
    switch (j->op) {
    case BITFILE_CREATE:
        create(b, j);
        break;
    case BITFILE_WRITE:
        bitfile_write(b, j);
        break;
    case BITFILE_READ:
        bitfile_read(b, j);
        break;
    case BITFILE_REMOVE:
        remove_it(b, j);
        break;
    case BITFILE_STAT:
        stat(b, j);
        break;
    case BITFILE_LIST:
        list(b, j);
        break;
    default:
        bitfile_end(b, j, HSM_STATE);
    }
}

static void work(void *arg)
{
    struct bitfiles *b = arg;
    for (;;) {
        struct list *l = list_pop(&b->arrived);
        if (l != NULL) {
            do_it(b, LIST_ENTRY(l, struct job, link));
            continue;
        }
        struct sleeper *me = port_alloc(b->port, sizeof *me);
        me->thread = port_thread_self(b->port);
        list_push(&b->asleep, &me->link);
        port_thread_block(b->port, "calls of bitfiles", 0);
        list_remove(&me->link);
        port_free(b->port, me);
    }
}

/* The first thread: makes the tables, then the others. */
static void open(void *arg)
{
    struct bitfiles *b = arg;
    enum file_status f = records_open(b->records);
    if (f != FILE_OK)
        port_remark(b->port, "the bitfile server's catalogue cannot be used: %s",
                    file_status_name(f));
    for (int64_t i = 1; i < b->params->threads; i++)
        (void)port_thread_spawn(b->port, "bitfile server", work, b, PORT_THREAD_SERVICE);
    bitfile_repack_start(b);
    work(b);
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct bitfiles *b = arg;
    uint8_t wire[BITFILE_CALL_BYTES] = { 0 };
    port_work(b->port, PORT_WORK_RPC, 1);
    struct job *j = port_alloc(b->port, sizeof *j);
    j->caller = hsm_take(request, args);
    rope_take_front(args, args->length < sizeof wire ? args->length : sizeof wire, wire);
    j->op = procedure;
    j->sink = j->caller.host;
    j->life = xk_life_assumed(b->calls.rpc->kernel, j->caller.host);
    j->since = port_now(b->port);
    b->called = j->since;
    list_init(&j->link);
    list_init(&j->parts);
    list_init(&j->writing);
    list_init(&j->removing);
    j->id = wire_get64(wire);
    j->cos = procedure == BITFILE_CREATE ? wire_get32(wire + 8) : 0;
    j->size = wire_get64(wire + 12);
    j->offset = wire_get64(wire + 20);
    j->length = wire_get64(wire + 28);
    j->token = wire_get64(wire + 36);
    b->counts.calls++;
    if (procedure == BITFILE_REPACK)
        bitfile_repack(b, j);
    else
        bitfile_arrive(b, j);
}

struct bitfiles *bitfile_serve(struct xk_protl *rpc, struct file_sys *files,
                               const struct bitfile_params *params, uint32_t host,
                               const struct storage_params *storage)
{
    struct bitfiles *b = port_alloc(xk_port(rpc), sizeof *b);
    b->port = xk_port(rpc);
    b->params = params;
    b->storage = storage;
    b->host = host;
    hsm_calls_init(&b->calls, rpc, HSM_ANSWER_BITFILE, params->retry);
    b->sink = hsm_sink_serve(rpc);
    list_init(&b->arrived);
    list_init(&b->asleep);
    list_init(&b->writing);
    list_init(&b->appending);
    list_init(&b->repack_asked);
    list_init(&b->listing);
    list_init(&b->damaged);
    xk_map_init(&b->locks, b->port, sizeof(uint64_t));
    xk_map_init(&b->live, b->port, sizeof(uint32_t));
    xk_map_init(&b->taken, b->port, sizeof(uint64_t));
    b->slot = (uint64_t)params->declared % (uint64_t)params->bitfiles;
    bitfile_tables(b, files);
    port_counters(b->port, "bitfile", bitfile_counters, b);
    enum xk_status served = select_serve(rpc, HSM_SERVICE_BITFILE, serve, b);
    ASSERT(served == XK_OK);
    if (!port_thread_spawn(b->port, "bitfile server", open, b, PORT_THREAD_SERVICE))
        port_fail(b->port, "no room for the threads of the bitfile server");
    return b;
}

static bool ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    struct bitfile_params *p = params;
    if (hsm_host(b, &storage_service) == UINT32_MAX)
        return err_set(e, "%s: a bitfile server needs the service storage in the list", path);
    return bitfile_params_ready(p, os_service_params(b->layout, &storage_service), path, e) &&
           file_stack_load(&p->stack, b, p->files, "lfs", NULL, path, e);
}

static void drop(void *params)
{
    file_stack_free(&((struct bitfile_params *)params)->stack);
}

static void *start(struct os_node *n, const struct os_service *service, struct xk_protl *over)
{
    const struct bitfile_params *p = service->params;
    struct file_sys *files =
        file_stack_start(&p->stack, &(struct file_boot){ .node = n, .rpc = over });
    return bitfile_serve(over, files, p, hsm_host(n->boot, &storage_service),
                         os_service_params(n->layout, &storage_service));
}

const struct os_service_ops bitfile_service = {
    .kind = { .name = "bitfile",
              .doc = "The bitfile server of an archive: files by number, and where they lie.",
              .params = bitfile_params_desc,
              .params_size = sizeof(struct bitfile_params),
              .counters = bitfile_counters },
    .on = "service",
    .over = "rpc",
    .protocol = &select_protl,
    .ready = ready,
    .drop = drop,
    .stack = offsetof(struct bitfile_params, stack),
    .start = start,
};
