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
#include "os/hsm/storage.h"

#include <stdio.h> /* snprintf alone */

#include "os/hsm/mover.h"
#include "os/hsm/pvl.h"
#include "os/node.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

enum { M_WAIT };
static const struct measure measures[] = {
    [M_WAIT] = { "storage.request", "s", "From a request's arrival until it ends.", MEASURE_TOTAL },
    { .name = NULL },
};

struct storage {
    struct port *port;
    struct xk_protl *rpc;
    const struct storage_params *params;
    struct hsm_calls calls;
    struct pvl_client pvl;
    struct records *records;
    bool opened;
    struct list arrived; /* wants that no thread has taken yet */
    struct list asleep;  /* threads: struct sleeper */
    struct xk_map volumes, wants;
    uint64_t last;
    /* What is appended. */
    uint32_t current;   /* the volume that is written, */
    bool current_known; /* since its record was read; then */
    uint64_t tail;      /* where the next append goes, */
    uint64_t committed; /* and what its record says, or is about to */
    uint32_t placed;    /* appends that have a place and have not ended */
    bool
        broken; /* one has failed, or the volume is full: new ones wait in `again` till all ended */
    bool full;  /* the tape has no room for more */
    struct list again;
    struct {
        uint64_t requests, appends, again, failed, rounds, mounts, bytes;
    } counts;
};

const struct counter storage_counters[] = {
    C_SUM(storage, counts, requests, "1", "Requests."),
    C_SUM(storage, counts, appends, "1", "Of these, those that append."),
    C_SUM(storage, counts, again, "1", "Times that one had to be put elsewhere, or again."),
    C_SUM(storage, counts, failed, "1", "Of these, those that did not end well."),
    C_SUM(storage, counts, mounts, "1", "Times that a volume was mounted for its requests."),
    C_SUM(storage, counts, rounds, "1", "Times that requests of a volume went to its movers."),
    C_SUM(storage, counts, bytes, "B", "Bytes of requests that ended well."),
    C_END,
};

struct want {
    struct list link; /* in storage.arrived, or its volume's queue, or its `out` */
    struct hsm_caller caller;
    uint64_t first, count, token, tag;
    uint32_t volume, sink, at; /* at: a bit for each mover that has a part of it */
    sim_time since;
    enum hsm_status worst;
    bool append, written; /* written: it is on the tape, and not in the catalogue yet */
    uint32_t tries;
};

#define TRIES 5 /* ASSUMED(drives that fail in a row) */

struct volume {
    struct storage *s;
    uint32_t number, calls, round;
    enum { ASKED, OPEN } state;
    struct list queue, out;
    uint64_t job;
    uint32_t failed; /* a bit for each mover that, or whose drive, failed */
    struct pvl_mount mount[PVL_STRIPE];
};

static void ask(struct volume *v, uint64_t weight);

struct sleeper {
    struct list link;
    struct port_thread *thread;
};

/* ---- the ends of requests ---- */

static void want_end(struct storage *s, struct want *w, enum hsm_status status)
{
    struct rope reply;
    uint8_t wire[13] = { (uint8_t)status };
    rope_init(&reply);
    wire_put32(wire + 1, w->volume);
    wire_put64(wire + 5, w->first);
    rope_add_bytes(&reply, wire, w->append ? sizeof wire : 1);
    list_remove(&w->link);
    (void)xk_map_unbind(&s->wants, &w->tag);
    s->counts.failed += status != HSM_OK;
    s->counts.bytes += status == HSM_OK ? w->count * (uint64_t)s->params->block : 0;
    port_measure(s->port, &measures[M_WAIT], sim_time_seconds(port_now(s->port) - w->since));
    hsm_answer(&s->calls, &w->caller, &reply);
    port_free(s->port, w);
}

/* For a thread. */
static void arrive(struct storage *s, struct want *w)
{
    list_push(&s->arrived, &w->link);
    struct list *l = list_pop(&s->asleep);
    if (l != NULL)
        port_thread_wake(s->port, LIST_ENTRY(l, struct sleeper, link)->thread);
}

/* When no append has a place that has not ended, those that failed are put elsewhere: behind what
 * counts. */
static void settle(struct storage *s)
{
    if (!s->broken || s->placed > 0)
        return;
    s->broken = false;
    s->tail = s->committed;
    s->current += s->full;
    s->current_known &= !s->full;
    s->full = false;
    struct list todo;
    list_init(&todo);
    list_splice(&todo, &s->again);
    while (!list_empty(&todo))
        arrive(s, LIST_ENTRY(list_pop(&todo), struct want, link));
}

static void append_failed(struct storage *s, struct want *w)
{
    bool full = w->worst == HSM_FULL, never = full && w->first == 0; /* no tape has that room */
    s->broken = true;
    s->placed--;
    s->full |= full && !never;
    if (never || w->worst == HSM_UNREACHABLE || (!full && ++w->tries == TRIES)) {
        want_end(s, w, w->worst);
    } else {
        s->counts.again++;
        w->worst = HSM_OK;
        list_remove(&w->link);
        list_push(&s->again, &w->link);
    }
    settle(s);
}

/* Mover `k` has done its part. */
static void part_done(struct storage *s, struct want *w, uint32_t k, enum hsm_status status)
{
    ASSERT_MSG(w->at >> k & 1, "STOI1");
    w->at &= ~(1u << k);
    if (w->worst == HSM_OK)
        w->worst = status;
    if (w->at != 0)
        return;
    if (!w->append) {
        want_end(s, w, w->worst);
    } else if (w->worst != HSM_OK) {
        append_failed(s, w);
    } else {
        w->written = true;
        list_remove(&w->link);
        arrive(s, w);
    }
}

static void all_end(struct storage *s, struct list *of, enum hsm_status status)
{
    while (!list_empty(of)) {
        struct want *w = LIST_ENTRY(of->next, struct want, link);
        w->worst = status;
        if (w->append)
            append_failed(s, w);
        else
            want_end(s, w, status);
    }
}

/* ---- movers ---- */

struct call {
    struct volume *v;
    uint32_t mover;
    bool append;
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
        if (w->append == c->append && (w->at >> c->mover & 1))
            part_done(v->s, w, c->mover, s == HSM_OK ? HSM_UNREACHABLE : s);
    }
    v->failed |= s != HSM_OK ? 1u << c->mover : 0;
    port_free(v->s->port, c);
    if (--v->calls == 0)
        next_round(v);
}

/* Blocks of the want that lie on cartridge k; false: none. */
static bool part_of(const struct storage *s, const struct want *w, uint32_t k,
                    struct mover_request *r)
{
    uint64_t width = (uint64_t)s->params->width, block = (uint64_t)s->params->block;
    uint64_t b = w->first + (k + width - w->first % width) % width;
    if (b >= w->first + w->count)
        return false;
    *r = (struct mover_request){ .first = b / width,
                                 .count = (w->first + w->count - b + width - 1) / width,
                                 .offset = (b - w->first) * block,
                                 .stride = width * block,
                                 .token = w->token,
                                 .tag = w->tag << 8 | k,
                                 .sink = w->sink };
    return true;
}

/* What of the round is this mover's: its reads, or what it is to write. */
static void tell_mover(struct volume *v, uint32_t k, bool append)
{
    struct storage *s = v->s;
    struct rope args, list;
    uint8_t wire[MOVER_REQUEST_BYTES];
    uint32_t n = 0;
    rope_init(&list);
    LIST_EACH (l, &v->out) {
        struct want *w = LIST_ENTRY(l, struct want, link);
        struct mover_request r;
        if (w->append != append || !part_of(s, w, k, &r))
            continue;
        mover_request_store(wire, &r);
        rope_add_bytes(&list, wire, sizeof wire);
        w->at |= 1u << k;
        n++;
    }
    if (n == 0)
        return;
    struct call *c = port_alloc(s->port, sizeof *c);
    *c = (struct call){ v, k, append };
    wire_put32(wire, v->mount[k].device);
    wire_put32(wire + 4, n);
    wire_put64(wire + 8, (uint64_t)s->params->block);
    rope_init(&args);
    rope_add_bytes(&args, wire, append ? 16 : 8);
    rope_join(&args, &list);
    v->calls++;
    (void)hsm_call(&s->calls, v->mount[k].node, HSM_SERVICE_MOVER,
                   append ? MOVER_WRITE : MOVER_READ, &args, ended, c);
}

static void release(struct volume *v)
{
    struct storage *s = v->s;
    pvl_release(&s->pvl, v->job, v->failed);
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
    v->round++;
    s->counts.rounds++;
    for (int64_t n = 0; n < s->params->batch && !list_empty(&v->queue); n++)
        list_push(&v->out, list_pop(&v->queue));
    v->calls = 1;
    for (uint32_t k = 0; k < (uint32_t)s->params->width; k++)
        tell_mover(v, k, false);
    for (uint32_t k = 0; k < (uint32_t)s->params->width; k++)
        tell_mover(v, k, true);
    if (--v->calls == 0)
        next_round(v);
}

/* ---- the library ---- */

static void mounted(void *arg, enum hsm_status status, uint64_t job, const struct pvl_mount *m)
{
    struct volume *v = arg;
    struct storage *s = v->s;
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
    for (uint32_t k = 0; k < (uint32_t)s->params->width; k++)
        v->mount[k] = m[k];
    next_round(v);
}

static void ask(struct volume *v, uint64_t weight)
{
    struct storage *s = v->s;
    uint32_t width = (uint32_t)s->params->width;
    v->state = ASKED;
    for (uint32_t k = 0; k < width; k++)
        (void)snprintf(v->mount[k].label, HSM_LABEL, "%.9s%06u", s->params->prefix,
                       v->number * width + k);
    pvl_mount_start(&s->pvl, v->mount, width, weight, mounted, v);
}

static void wanted(struct storage *s, struct want *w)
{
    struct volume *v = xk_map_resolve(&s->volumes, &w->volume);
    if (v == NULL) {
        v = port_alloc(s->port, sizeof *v);
        v->s = s;
        v->number = w->volume;
        list_init(&v->queue);
        list_init(&v->out);
        xk_map_bind(&s->volumes, &v->number, v);
        list_push(&v->queue, &w->link);
        ask(v, 1);
        return;
    }
    list_push(&v->queue, &w->link);
    if (v->state == ASKED)
        pvl_more(&s->pvl, v->mount[0].label, 1);
}

/* ---- threads: what the records say ---- */

struct record {
    uint8_t blocks[8];
};

static void declare(void *arg, uint64_t n, uint8_t *out)
{
    const struct storage *s = arg;
    wire_put64(out, n < (uint64_t)s->params->filled ? (uint64_t)s->params->blocks : 0);
}

static void look_up(struct storage *s, struct want *w)
{
    struct record r;
    enum file_status f = FILE_OK;
    enum hsm_status status = HSM_NO_VOLUME;
    if (w->volume < (uint64_t)s->params->volumes) {
        f = records_get(s->records, 0, w->volume, &r);
        uint64_t blocks = wire_get64(r.blocks);
        bool there =
            f == FILE_OK && w->count > 0 && w->first < blocks && w->count <= blocks - w->first;
        status = f != FILE_OK ? HSM_CATALOGUE : there ? HSM_OK : HSM_NO_BLOCK;
    }
    if (status == HSM_OK)
        wanted(s, w);
    else
        want_end(s, w, status);
}

/* Gives an append its place: the next on the volume that is written, or on one behind it. */
static void place(struct storage *s, struct want *w)
{
    uint64_t capacity = (uint64_t)s->params->capacity;
    enum hsm_status status = w->count > 0 && w->count <= capacity ? HSM_OK : HSM_FULL;
    while (status == HSM_OK && !s->broken) {
        struct record r;
        uint32_t at = s->current;
        if (s->current_known && s->tail + w->count <= capacity)
            break;
        if (s->current_known) { /* the next one, when all that are placed here have ended */
            s->full = s->broken = true;
            settle(s);
        } else if (at >= (uint64_t)s->params->volumes) {
            status = HSM_FULL;
        } else if (records_get(s->records, 0, at, &r) != FILE_OK) {
            status = HSM_CATALOGUE;
        } else if (at == s->current && !s->current_known) {
            s->tail = s->committed = wire_get64(r.blocks);
            s->current_known = true;
        }
    }
    if (status != HSM_OK) {
        want_end(s, w, status);
    } else if (s->broken) {
        list_push(&s->again, &w->link);
    } else {
        w->volume = s->current;
        w->first = s->tail;
        s->tail += w->count;
        s->placed++;
        wanted(s, w);
    }
}

/* STO3: what is on the tape comes into the catalogue. */
static void enter(struct storage *s, struct want *w)
{
    struct records_change x;
    struct record r;
    uint64_t end = w->first + w->count;
    if (w->volume == s->current && s->current_known) {
        s->committed = end > s->committed ? end : s->committed;
        end = s->committed;
    }
    wire_put64(r.blocks, end);
    records_begin(&x);
    records_put(s->records, &x, 0, w->volume, &r);
    enum file_status f = records_commit(s->records, &x);
    s->placed--;
    want_end(s, w, f == FILE_OK ? HSM_OK : HSM_CATALOGUE);
    settle(s);
}

static void work(void *arg)
{
    struct storage *s = arg;
    for (;;) {
        struct list *l = list_pop(&s->arrived);
        if (l != NULL) {
            list_init(l);
            struct want *w = LIST_ENTRY(l, struct want, link);
            if (w->written)
                enter(s, w);
            else if (w->append)
                place(s, w);
            else
                look_up(s, w);
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

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct storage *s = arg;
    uint8_t wire[28] = { 0 };
    port_work(s->port, PORT_WORK_RPC, 1);
    if (procedure == MOVER_DONE) {
        struct rope empty;
        rope_init(&empty);
        if (args->length >= 9)
            rope_take_front(args, 9, wire);
        uint64_t tag = wire_get64(wire), id = tag >> 8;
        struct want *w = xk_map_resolve(&s->wants, &id);
        if (w != NULL && (w->at >> (tag & 31) & 1) && wire[8] < HSM_STATUS_COUNT)
            part_done(s, w, tag & 31, (enum hsm_status)wire[8]);
        select_reply(request, &empty);
        return;
    }
    bool append = procedure == STORAGE_APPEND;
    struct hsm_caller caller = hsm_take(request, args);
    if (append && args->length >= 16)
        rope_take_front(args, 16, wire + 12); /* the rest is ours to say */
    else if (!append && args->length >= sizeof wire)
        rope_take_front(args, sizeof wire, wire);
    struct want *w = port_alloc(s->port, sizeof *w);
    *w = (struct want){ .caller = caller,
                        .append = append,
                        .volume = wire_get32(wire),
                        .first = wire_get64(wire + 4),
                        .count = wire_get64(wire + 12),
                        .token = wire_get64(wire + 20),
                        .sink = caller.host,
                        .since = port_now(s->port),
                        .tag = (uint64_t)port_incarnation(s->port) << 40 | ++s->last };
    s->counts.requests++;
    s->counts.appends += append;
    xk_map_bind(&s->wants, &w->tag, w);
    arrive(s, w);
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
    list_init(&s->again);
    s->current = (uint32_t)params->filled;
    xk_map_init(&s->volumes, s->port, sizeof(uint32_t));
    xk_map_init(&s->wants, s->port, sizeof(uint64_t));
    s->records = records_create(s->port, files, "storage", &params->records);
    (void)records_table(s->records, "volumes", sizeof(struct record), (uint64_t)params->volumes,
                        declare, s);
    port_counters(s->port, "storage", storage_counters, s);
    enum xk_status served = select_serve(rpc, HSM_SERVICE_STORAGE, serve, s);
    ASSERT(served == XK_OK);
    if (!port_thread_spawn(s->port, "storage server", open, s, PORT_THREAD_SERVICE))
        port_fail(s->port, "no room for the threads of the storage server");
    return s;
}

static const struct param params_desc[] = {
    P_STRING(storage_params, prefix, "V",
             "Text on the label of each cartridge, before its number of six digits."),
    P_INT(storage_params, volumes, "100", "1", "10000000", "Virtual volumes.",
          "ASSUMED(an experiment's choice)"),
    P_INT(storage_params, width, "1", "1", "16", "Cartridges of a virtual volume: a stripe.",
          "ASSUMED(an experiment's choice)"),
    P_SIZE(storage_params, block, "256KiB", "1KiB", "16MiB", "A block on the tape.",
           "ASSUMED(an experiment's choice)"),
    P_INT(storage_params, blocks, "1000", "0", "1000000000",
          "Blocks of a virtual volume that it has from the start.",
          "ASSUMED(an experiment's choice)"),
    P_INT(storage_params, filled, "100", "0", "10000000",
          "Of the virtual volumes the first, which hold their blocks from the start.",
          "ASSUMED(an experiment's choice)"),
    P_INT(storage_params, capacity, "1000", "1", "1000000000",
          "Blocks that are written to a virtual volume at most.",
          "ASSUMED(an experiment's choice)"),
    P_INT(storage_params, threads, "8", "1", "1000", "Threads that look up the catalogue.",
          "ASSUMED(a few)"),
    P_INT(storage_params, rounds, "4", "1", "1000000",
          "Times that requests which have come meanwhile go to a volume that is mounted.",
          "ASSUMED(others wait)"),
    P_INT(storage_params, batch, "1000", "1", "2000", "Requests that go to a volume at once.",
          "ASSUMED(what one call carries)"),
    P_TIME(storage_params, retry, "5ms", "1us", "1h",
           "What the queue of calls has no room for is tried again after so long.",
           "ASSUMED(some messages)"),
    P_TABLE(storage_params, records, records_params_desc, "The catalogue.", "os/hsm/records.h"),
    P_VAL(storage_params, files,
          "The layers, top to bottom, of the file system that has the catalogue: tables { layer = "
          "NAME, and its parameters }.",
          "ASSUMED(one file system a node)"),
    P_END,
};

static bool ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    struct storage_params *p = params;
    if (hsm_host(b, &pvl_service) == UINT32_MAX)
        return err_set(e, "%s: a storage server needs the service pvl in the list", path);
    return file_stack_load(&p->stack, b, p->files, "lfs", NULL, path, e);
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
              .params = params_desc,
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
