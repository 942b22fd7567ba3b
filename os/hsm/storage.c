/* storage.c: the storage server: what is wanted of each virtual volume.  See storage.h.
 *
 *   state of a volume  guarantee                               event -> next (function)
 *   idle               nothing waits for it; it is forgotten   a request -> asked (wanted)
 *   asked              the library has a job for it            mounted -> open (mounted)
 *   open               all its drives are its                  calls of movers end -> open again,
 *                                                              or released: idle, asked (ended)
 *
 *   STOI1  A request is in the queue of its volume, or at movers: `at` says at which.
 */
#include "os/hsm/storage_internal.h"

#include "os/node.h"

enum { M_WAIT };
static const struct measure measures[] = {
    [M_WAIT] = { "storage.request", "s", "From a request's arrival until it ends.", MEASURE_TOTAL },
    { .name = NULL },
};

const struct counter storage_counters[] = {
    C_SUM(storage, counts, requests, "1", "Requests."),
    C_SUM(storage, counts, appends, "1", "Of these, those that append."),
    C_SUM(storage, counts, copies, "1", "Of these, those that copy from another volume."),
    C_SUM(storage, counts, again, "1", "Times that one had to be put elsewhere, or again."),
    C_SUM(storage, counts, failed, "1", "Of these, those that did not end well."),
    C_SUM(storage, counts, mounts, "1", "Times that a volume was mounted for its requests."),
    C_SUM(storage, counts, rounds, "1", "Times that requests of a volume went to its movers."),
    C_SUM(storage, counts, bytes, "B", "Bytes of requests that ended well."),
    C_SUM(storage, counts, blanked, "1", "Volumes on which nothing was needed any more."),
    C_SUM(storage, counts, degraded, "1", "Volumes with parity mounted without a cartridge."),
    C_SUM(storage, counts, mended, "1", "Blocks that were asked of other cartridges, by parity."),
    C_END,
};

static void ask(struct volume *v, uint64_t weight);

#define UNKNOWN UINT64_MAX /* row */

struct sleeper {
    struct list link;
    struct port_thread *thread;
};

/* ---- the ends of requests ---- */

void storage_end(struct storage *s, struct want *w, enum hsm_status status)
{
    struct rope reply;
    uint8_t wire[1 + STORAGE_PLACE_BYTES] = { (uint8_t)status };
    const struct storage_place place = { w->r.volume, w->r.life, w->r.first, w->r.count, w->piece };
    bool append = storage_writes(w);
    rope_init(&reply);
    if (append)
        storage_place_store(wire + 1, &place);
    else
        wire_put64(wire + 1, w->bad);
    rope_add_bytes(&reply, wire, append ? sizeof wire : 9);
    list_remove(&w->link);
    (void)xk_map_unbind(&s->wants, &w->tag);
    s->counts.failed += status != HSM_OK;
    if (status == HSM_OK) {
        uint32_t c = storage_class_of(s->params, w->r.volume);
        s->counts.bytes += w->r.count * (uint64_t)storage_class(s->params, c).block;
    }
    port_measure(s->port, &measures[M_WAIT], sim_time_seconds(port_now(s->port) - w->since));
    hsm_answer(&s->calls, &w->caller, &reply);
    port_free(s->port, w);
}

void storage_arrive(struct storage *s, struct want *w)
{
    list_push(&s->arrived, &w->link);
    struct list *l = list_pop(&s->asleep);
    if (l != NULL)
        port_thread_wake(s->port, LIST_ENTRY(l, struct sleeper, link)->thread);
}

/* Mover `k` has done its part. */
static void part_done(struct volume *v, struct want *w, uint32_t k, enum hsm_status status,
                      uint64_t row)
{
    struct storage *s = v->s;
    ASSERT_MSG(w->at >> k & 1, "STOI1");
    w->at &= ~(1u << k);
    if (w->worst == HSM_OK && status != HSM_OK &&
        (row == UNKNOWN || !storage_stopped(v, w, k, status, row))) {
        uint32_t of = w->mending > 0 ? w->mending - 1 : k;
        w->worst = status;
        w->bad = row * storage_data(&v->class) + storage_column(&v->class, row, of);
    }
    if (w->at != 0)
        return;
    if (!storage_writes(w)) {
        if (w->worst != HSM_OK || !storage_mend(v, w))
            storage_end(s, w, w->worst);
    } else if (w->worst != HSM_OK) {
        storage_append_failed(s, w);
    } else {
        w->written = true;
        list_remove(&w->link);
        storage_arrive(s, w);
    }
}

static void all_end(struct storage *s, struct list *of, enum hsm_status status)
{
    while (!list_empty(of)) {
        struct want *w = LIST_ENTRY(of->next, struct want, link);
        w->worst = status;
        if (storage_writes(w))
            storage_append_failed(s, w);
        else
            storage_end(s, w, status);
    }
}

/* Nothing is appended to a volume of which a cartridge cannot be had. */
static void appends_end(struct volume *v)
{
    LIST_EACH_SAFE (l, next, &v->queue) {
        struct want *w = LIST_ENTRY(l, struct want, link);
        if (!storage_writes(w))
            continue;
        w->worst = v->why;
        storage_append_failed(v->s, w);
    }
}

/* ---- movers ---- */

struct call {
    struct volume *v;
    uint32_t mover, phase; /* phase: of the wants that it was for */
    bool append;
    const struct want *only; /* NULL: for all that were out */
};

static void next_round(struct volume *v);

static void ended(void *arg, enum xk_status status, struct rope *reply)
{
    struct call *c = arg;
    struct volume *v = c->v;
    enum hsm_status s = hsm_reply_status(status, reply);
    if (c->append && s == HSM_UNREACHABLE)
        s = HSM_DEVICE;                 /* it is put elsewhere: the source is there */
    LIST_EACH_SAFE (l, next, &v->out) { /* what it has told nothing of */
        struct want *w = LIST_ENTRY(l, struct want, link);
        bool its = (c->only == NULL || c->only == w) && w->phase == c->phase;
        if (its && storage_writes(w) == c->append && (w->at >> c->mover & 1))
            part_done(v, w, c->mover, s == HSM_OK ? HSM_UNREACHABLE : s, UNKNOWN);
    }
    v->failed |= s != HSM_OK ? 1u << c->mover : 0;
    port_free(v->s->port, c);
    if (--v->calls == 0)
        next_round(v);
}

/* Is the block of that row that cartridge k has one of the want's? */
static bool has(const struct volume *v, const struct want *w, uint32_t k, uint64_t row)
{
    uint64_t data = storage_data(&v->class), column = storage_column(&v->class, row, k);
    uint64_t block = row * data + column;
    return column < data && block >= w->r.first && block < w->r.first + w->r.count;
}

bool storage_part(const struct volume *v, const struct want *w, uint32_t k, uint64_t row,
                  struct mover_request *r)
{
    const struct storage_class *c = &v->class;
    uint64_t data = storage_data(c), block = (uint64_t)c->block;
    uint64_t from = w->r.first / data, to = (w->r.first + w->r.count - 1) / data + 1;
    bool parity = c->rait != STORAGE_RAIT0, all = parity && storage_writes(w);
    from = row > from ? row : from;
    if (!all && c->rait == STORAGE_RAIT3 && k == data)
        return false;
    while (!all && from < to && !has(v, w, k, from))
        from++;
    while (!all && to > from && !has(v, w, k, to - 1))
        to--;
    if (from >= to)
        return false;
    *r = (struct mover_request){ .first = from,
                                 .count = to - from,
                                 .offset = w->r.offset + (from * data - w->r.first) * block,
                                 .stride = data * block,
                                 .token = w->r.token,
                                 .tag = w->tag << 8 | k,
                                 .end = w->r.offset + w->r.count * block,
                                 .sink = w->r.sink,
                                 .data = (uint8_t)data,
                                 .column = (uint8_t)storage_column(c, from, k),
                                 .turn = c->rait == STORAGE_RAIT5 };
    return true;
}

void storage_tell_mover(struct volume *v, uint32_t k, bool append, struct want *only, uint32_t n,
                        struct rope *list)
{
    struct storage *s = v->s;
    struct rope args;
    uint8_t wire[16];
    struct call *c = port_alloc(s->port, sizeof *c);
    *c = (struct call){ v, k, only != NULL ? only->phase : 0, append, only };
    wire_put32(wire, v->mount[k].device);
    wire_put32(wire + 4, n);
    wire_put64(wire + 8, (uint64_t)v->class.block);
    rope_init(&args);
    rope_add_bytes(&args, wire, 8);
    rope_add_bytes(&args, v->mount[k].label, HSM_LABEL);
    rope_add_bytes(&args, wire + 8, append ? 8 : 0);
    rope_join(&args, list);
    v->calls++;
    (void)hsm_call(&s->calls, v->mount[k].node, HSM_SERVICE_MOVER,
                   !append      ? MOVER_READ
                   : v->copying ? MOVER_COPY
                                : MOVER_WRITE,
                   &args, ended, c);
}

/* What of the round is this mover's: its reads, or what it is to write. */
static void tell_mover(struct volume *v, uint32_t k, bool append)
{
    struct rope list;
    uint8_t wire[MOVER_REQUEST_BYTES];
    uint32_t n = 0;
    rope_init(&list);
    LIST_EACH (l, &v->out) {
        struct want *w = LIST_ENTRY(l, struct want, link);
        struct mover_request r;
        if (storage_writes(w) != append || !storage_part(v, w, k, 0, &r))
            continue;
        mover_request_store(wire, &r);
        rope_add_bytes(&list, wire, sizeof wire);
        if (w->op == STORAGE_COPY) {
            const struct mover_source from = storage_copy_from(v, w, k, &r);
            mover_source_store(wire, &from);
            rope_add_bytes(&list, wire, MOVER_SOURCE_BYTES);
        }
        w->at |= 1u << k;
        n++;
    }
    if (n > 0)
        storage_tell_mover(v, k, append, NULL, n, &list);
}

static void release(struct volume *v)
{
    struct storage *s = v->s;
    uint32_t failed = 0, at = 0; /* the job's cartridges are those that it asked for */
    for (uint32_t k = 0; k < v->width; k++) {
        if (v->absent >> k & 1)
            continue;
        failed |= (v->failed >> k & 1) << at;
        at++;
    }
    pvl_release(&s->pvl, v->job, failed);
    if (!list_empty(&v->queue)) {
        ask(v, 1);
        return;
    }
    ASSERT_MSG(list_empty(&v->out), "STO2");
    (void)xk_map_unbind(&s->volumes, &v->number);
    port_free(s->port, v);
}

/* What waits goes to the movers, or the volume is released. */
static void next_round(struct volume *v)
{
    struct storage *s = v->s;
    if (v->failed != 0 || list_empty(&v->queue) || v->round == (uint32_t)s->params->rounds) {
        release(v);
        return;
    }
    if (v->absent != 0) {
        appends_end(v);
        if (list_empty(&v->queue)) {
            release(v);
            return;
        }
    }
    v->round++;
    s->counts.rounds++;
    const struct want *before = NULL;
    for (int64_t n = 0; n < s->params->batch && !list_empty(&v->queue); n++) {
        struct want *w = LIST_ENTRY(v->queue.next, struct want, link);
        if (!storage_copy_joins(v, before, w))
            break;
        list_remove(&w->link);
        list_push(&v->out, &w->link);
        v->copying = w->op == STORAGE_COPY;
        before = w;
    }
    if (list_empty(&v->out)) { /* another source is to be mounted */
        release(v);
        return;
    }
    v->calls = 1;
    for (uint32_t k = 0; k < v->width; k++)
        if (!(v->absent >> k & 1))
            tell_mover(v, k, false);
    for (uint32_t k = 0; k < v->width; k++)
        tell_mover(v, k, true);
    LIST_EACH_SAFE (l, next, &v->out) {
        struct want *w = LIST_ENTRY(l, struct want, link);
        if (v->absent != 0)
            storage_mend_absent(v, w);
    }
    if (--v->calls == 0)
        next_round(v);
}

/* ---- the library ---- */

static void mounted(void *arg, enum hsm_status status, uint64_t job, const struct pvl_mount *m)
{
    struct volume *v = arg;
    struct storage *s = v->s;
    if (status != HSM_OK && storage_copy_refused(v, status, m)) {
        if (!list_empty(&v->queue)) {
            ask(v, 1);
            return;
        }
    }
    if (status != HSM_OK && v->source == NO_SOURCE && storage_without(v, status, m)) {
        appends_end(v);
        if (!list_empty(&v->queue)) {
            ask(v, 1);
            return;
        }
    }
    if (status != HSM_OK) {
        (void)xk_map_unbind(&s->volumes, &v->number);
        all_end(s, &v->queue, status);
        port_free(s->port, v);
        return;
    }
    v->state = OPEN;
    v->job = job;
    v->round = 0;
    v->failed = 0;
    s->counts.mounts++;
    s->counts.degraded += v->absent != 0;
    for (uint32_t k = 0, at = 0; k < v->width; k++)
        if (!(v->absent >> k & 1))
            v->mount[k] = m[at++];
    for (uint32_t k = 0; v->source != NO_SOURCE && k < v->width; k++)
        v->from[k] = m[v->width + k];
    next_round(v);
}

static void ask(struct volume *v, uint64_t weight)
{
    struct storage *s = v->s;
    struct pvl_mount m[PVL_STRIPE] = { 0 };
    uint32_t n = 0;
    v->state = ASKED;
    for (uint32_t k = 0; k < v->width; k++)
        if (!(v->absent >> k & 1))
            storage_cartridge(s->params, v->number, k, m[n++].label);
    n = storage_copy_ask(v, m, n);
    pvl_mount_start(&s->pvl, m, n, weight, mounted, v);
}

void storage_wanted(struct storage *s, struct want *w)
{
    struct volume *v = xk_map_resolve(&s->volumes, &w->r.volume);
    if (v == NULL) {
        const struct storage_class c =
            storage_class(s->params, storage_class_of(s->params, w->r.volume));
        v = port_alloc(s->port, sizeof *v);
        v->s = s;
        v->number = w->r.volume;
        v->width = (uint32_t)c.width;
        v->class = c;
        v->source = NO_SOURCE;
        list_init(&v->queue);
        list_init(&v->out);
        xk_map_bind(&s->volumes, &v->number, v);
        list_push(&v->queue, &w->link);
        ask(v, 1);
        return;
    }
    list_push(&v->queue, &w->link);
    if (v->state == ASKED) {
        char label[HSM_LABEL];
        storage_cartridge(s->params, v->number, (v->absent & 1) != 0, label);
        pvl_more(&s->pvl, label, 1);
    }
}

/* ---- threads: what the records say ---- */

static void declare(void *arg, uint64_t n, uint8_t *out)
{
    const struct storage *s = arg;
    uint8_t wire[STORAGE_VOLUME_BYTES];
    bool filled = n < (uint64_t)s->params->filled;
    const struct storage_volume v = { .volume = (uint32_t)n,
                                      .blocks = filled ? (uint64_t)s->params->blocks : 0,
                                      .state = filled ? STORAGE_FULL : STORAGE_BLANK };
    storage_volume_store(wire, &v);
    memcpy(out, wire + 4, sizeof wire - 4);
}

static void look_up(struct storage *s, struct want *w)
{
    struct storage_volume v;
    enum hsm_status status = HSM_NO_VOLUME;
    if (w->r.volume < storage_volumes(s->params)) {
        enum file_status f = storage_volume_get(s, w->r.volume, &v);
        bool there = f == FILE_OK && w->r.count > 0 && w->r.first < v.blocks &&
                     w->r.count <= v.blocks - w->r.first &&
                     (w->r.life == STORAGE_ANY_LIFE || w->r.life == v.life);
        status = f != FILE_OK ? HSM_CATALOGUE : there ? HSM_OK : HSM_NO_BLOCK;
    }
    if (status == HSM_OK)
        storage_wanted(s, w);
    else
        storage_end(s, w, status);
}

static void do_it(struct storage *s, struct want *w)
{
    if (w->written)
        storage_append_enter(s, w);
    else if (w->op == STORAGE_READ)
        look_up(s, w);
    else if (w->op == STORAGE_APPEND)
        storage_append_place(s, w);
    else if (w->op == STORAGE_COPY)
        storage_copy(s, w);
    else if (w->op == STORAGE_LIST)
        storage_list(s, w);
    else
        storage_scratch(s, w);
}

static void work(void *arg)
{
    struct storage *s = arg;
    for (;;) {
        struct list *l = list_pop(&s->arrived);
        if (l != NULL) {
            list_init(l);
            do_it(s, LIST_ENTRY(l, struct want, link));
            continue;
        }
        struct sleeper *me = port_alloc(s->port, sizeof *me);
        me->thread = port_thread_self(s->port);
        list_push(&s->asleep, &me->link);
        port_thread_block(s->port, "requests for tapes", 0);
        port_free(s->port, me);
    }
}

/* The first thread: makes the tables, then the others. */
static void open(void *arg)
{
    struct storage *s = arg;
    enum file_status f = records_open(s->records);
    s->opened = f == FILE_OK;
    if (f != FILE_OK)
        port_remark(s->port, "the storage server's catalogue cannot be used: %s",
                    file_status_name(f));
    for (int64_t i = 1; i < s->params->threads; i++)
        (void)port_thread_spawn(s->port, "storage server", work, s, PORT_THREAD_SERVICE);
    work(s);
}

static void told(struct storage *s, struct select_request *request, struct rope *args)
{
    struct rope empty;
    uint8_t wire[17] = { 0 };
    rope_init(&empty);
    if (args->length >= sizeof wire)
        rope_take_front(args, sizeof wire, wire);
    uint64_t tag = wire_get64(wire), id = tag >> 8;
    struct want *w = xk_map_resolve(&s->wants, &id);
    if (w != NULL && (w->at >> (tag & 31) & 1) && wire[8] < HSM_STATUS_COUNT) {
        struct volume *v = xk_map_resolve(&s->volumes, &w->r.volume);
        part_done(v, w, tag & 31, (enum hsm_status)wire[8], wire_get64(wire + 9));
    }
    select_reply(request, &empty);
}

static bool good(const struct storage *s, const struct want *w)
{
    if (storage_writes(w))
        return w->stream < STORAGE_STREAMS * storage_class_count(s->params);
    return w->op == STORAGE_READ || w->op == STORAGE_LIST || w->op == STORAGE_SCRATCH;
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct storage *s = arg;
    uint8_t wire[STORAGE_REQUEST_BYTES] = { 0 }, from[STORAGE_SOURCE_BYTES] = { 0 };
    port_work(s->port, PORT_WORK_RPC, 1);
    if (procedure == MOVER_DONE) {
        told(s, request, args);
        return;
    }
    struct hsm_caller caller = hsm_take(request, args);
    rope_take_front(args, args->length < sizeof wire ? args->length : sizeof wire, wire);
    if (procedure == STORAGE_COPY && args->length >= sizeof from)
        rope_take_front(args, sizeof from, from);
    struct want *w = port_alloc(s->port, sizeof *w);
    *w = (struct want){ .caller = caller,
                        .op = (enum storage_procedure)procedure,
                        .r = storage_request_load(wire),
                        .from = storage_source_load(from),
                        .since = port_now(s->port),
                        .tag = (uint64_t)port_incarnation(s->port) << 40 | ++s->last };
    list_init(&w->link);
    w->all = w->r.count;
    w->stream = w->r.volume;
    s->counts.requests++;
    s->counts.appends += storage_writes(w);
    s->counts.copies += w->op == STORAGE_COPY;
    xk_map_bind(&s->wants, &w->tag, w);
    if (good(s, w))
        storage_arrive(s, w);
    else
        storage_end(s, w, HSM_NO_VOLUME);
}

/* ---- the service ---- */

struct storage *storage_serve(struct xk_protl *rpc, struct file_sys *files,
                              const struct storage_params *params, uint32_t pvl)
{
    struct storage *s = port_alloc(xk_port(rpc), sizeof *s);
    s->port = xk_port(rpc);
    s->rpc = rpc;
    s->params = params;
    hsm_calls_init(&s->calls, rpc, HSM_ANSWER_STORAGE, params->retry);
    s->pvl = (struct pvl_client){ &s->calls, pvl };
    list_init(&s->arrived);
    list_init(&s->asleep);
    for (uint32_t i = 0; i < STREAMS; i++) {
        list_init(&s->streams[i].again);
        s->streams[i].kept = i % STORAGE_STREAMS == STORAGE_PROGRAMS;
    }
    s->cursor[0] = (uint32_t)(params->filled % params->volumes);
    xk_map_init(&s->volumes, s->port, sizeof(uint32_t));
    xk_map_init(&s->wants, s->port, sizeof(uint64_t));
    s->records = records_create(s->port, files, "storage", &params->records);
    (void)records_table(s->records, "volumes", STORAGE_VOLUME_BYTES - 4, storage_volumes(params),
                        declare, s);
    (void)records_table(s->records, "streams", 4, STREAMS, NULL, NULL);
    port_counters(s->port, "storage", storage_counters, s);
    enum xk_status served = select_serve(rpc, HSM_SERVICE_STORAGE, serve, s);
    ASSERT(served == XK_OK);
    if (!port_thread_spawn(s->port, "storage server", open, s, PORT_THREAD_SERVICE))
        port_fail(s->port, "no room for the threads of the storage server");
    return s;
}

static bool ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    struct storage_params *p = params;
    if (hsm_host(b, &pvl_service) == UINT32_MAX)
        return err_set(e, "%s: a storage server needs the service pvl in the list", path);
    return storage_classes_load(p, path, e) &&
           file_stack_load(&p->stack, b, p->files, "lfs", NULL, path, e);
}

static void drop(void *params)
{
    file_stack_free(&((struct storage_params *)params)->stack);
}

static void *start(struct os_node *n, const struct os_service *service, struct xk_protl *over)
{
    const struct storage_params *p = service->params;
    struct file_sys *files =
        file_stack_start(&p->stack, &(struct file_boot){ .node = n, .rpc = over });
    return storage_serve(over, files, p, hsm_host(n->boot, &pvl_service));
}

const struct os_service_ops storage_service = {
    .kind = { .name = "storage",
              .doc = "The storage server of an archive: virtual volumes, and what is wanted of "
                     "each.",
              .params = storage_params_desc,
              .params_size = sizeof(struct storage_params),
              .counters = storage_counters },
    .on = "service",
    .over = "rpc",
    .protocol = &select_protl,
    .ready = ready,
    .drop = drop,
    .stack = offsetof(struct storage_params, stack),
    .start = start,
};
