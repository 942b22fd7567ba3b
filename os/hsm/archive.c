/* archive.c: clients of the archive.  See archive.h. */
#include "os/hsm/archive.h"

#include "os/hsm/call.h"
#include "os/hsm/mover.h"
#include "os/hsm/storage.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

static const struct param params_desc[] = {
    P_TIME(archive_params, retry, "10ms", "1us", "1h",
           "What the queue of calls has no room for is tried again after so long.",
           "ASSUMED(some messages)"),
    P_END,
};

struct archive {
    struct port *port;
    struct hsm_calls calls;
    const struct storage_params *storage;
    struct hsm_sink *sink;
    uint32_t host;
};

static void take(void *arg, uint64_t offset, struct rope *data)
{
    struct archive_read *r = arg;
    r->taken += data->length;
    r->take(r, offset, data);
}

static void ended(void *arg, enum xk_status status, struct rope *reply)
{
    struct archive_read *r = arg;
    struct archive *a = r->archive;
    uint8_t wire[8] = { 0 };
    r->status = hsm_reply_status(status, reply);
    if (reply->length >= sizeof wire)
        rope_take_front(reply, sizeof wire, wire);
    r->bad = wire_get64(wire);
    hsm_sink_close(a->sink, r->token);
    if (r->status == HSM_OK) {
        uint32_t c = storage_class_of(a->storage, r->volume);
        ASSERT(r->taken == r->count * (uint64_t)storage_class(a->storage, c).block); /* ARC1 */
    }
    r->done(r);
}

void archive_read(struct archive *a, struct archive_read *r)
{
    uint8_t wire[STORAGE_REQUEST_BYTES];
    struct rope args;
    r->archive = a;
    r->taken = 0;
    r->token = hsm_sink_open(a->sink, take, r);
    const struct storage_request q = { .volume = r->volume,
                                       .life = STORAGE_ANY_LIFE,
                                       .first = r->first,
                                       .count = r->count,
                                       .token = r->token,
                                       .sink = port_node(a->port) };
    storage_request_store(wire, &q);
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    (void)hsm_call(&a->calls, a->host, HSM_SERVICE_STORAGE, STORAGE_READ, &args, ended, r);
}

static void give(void *arg, uint64_t offset, uint64_t length, struct rope *out)
{
    struct archive_write *w = arg;
    w->give(w, offset, length, out);
}

static sim_time when(void *arg, uint64_t offset, uint64_t length)
{
    struct archive_write *w = arg;
    return w->when != NULL ? w->when(w, offset, length) : 0;
}

static void written(void *arg, enum xk_status status, struct rope *reply)
{
    struct archive_write *w = arg;
    uint8_t wire[STORAGE_PLACE_BYTES] = { 0 };
    w->status = hsm_reply_status(status, reply);
    if (reply->length >= sizeof wire)
        rope_take_front(reply, sizeof wire, wire);
    const struct storage_place place = storage_place_load(wire);
    w->volume = place.volume;
    w->first = place.first;
    hsm_sink_close(w->archive->sink, w->token);
    w->done(w);
}

void archive_write(struct archive *a, struct archive_write *w)
{
    uint8_t wire[STORAGE_REQUEST_BYTES];
    struct rope args;
    w->archive = a;
    w->token = hsm_source_open(a->sink, give, when, w);
    const struct storage_request q = {
        .volume = STORAGE_PROGRAMS, .count = w->count, .token = w->token, .sink = port_node(a->port)
    };
    storage_request_store(wire, &q);
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    (void)hsm_call(&a->calls, a->host, HSM_SERVICE_STORAGE, STORAGE_APPEND, &args, written, w);
}

uint64_t archive_block(const struct archive *a)
{
    return (uint64_t)a->storage->block;
}

void archive_place(const struct archive *a, uint32_t volume, uint64_t block, char label[HSM_LABEL],
                   uint64_t *at)
{
    *at = storage_label(a->storage, volume, block, label);
}

struct archive *archive_open(struct xk_protl *rpc, const struct archive_params *params,
                             uint32_t host, const struct storage_params *storage)
{
    struct archive *a = port_alloc(xk_port(rpc), sizeof *a);
    a->port = xk_port(rpc);
    hsm_calls_init(&a->calls, rpc, HSM_ANSWER_ARCHIVE, params->retry);
    a->storage = storage;
    a->host = host;
    a->sink = hsm_sink_serve(rpc);
    return a;
}

static bool ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    (void)params;
    return hsm_host(b, &storage_service) != UINT32_MAX ||
           err_set(e, "%s: an archive needs the service storage in the list", path);
}

static void *start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    return archive_open(over, s->params, hsm_host(n->boot, &storage_service),
                        os_service_params(n->layout, &storage_service));
}

const struct os_service_ops archive_service = {
    .kind = { .name = "archive",
              .doc = "A node's door to the archive.",
              .params = params_desc,
              .params_size = sizeof(struct archive_params) },
    .on = "compute",
    .over = "rpc",
    .protocol = &select_protl,
    .ready = ready,
    .start = start,
};
