/* bitfile_data.c: the bitfile server: what goes to tape, and what comes from there.  See
 * bitfile_server.h.
 *
 * A READ is parts, each blocks in a row of one copy.  A part is asked of the storage server segment
 * by segment; what cannot be had is a part again: of the same copy where its volume has begun
 * another life meanwhile (it was repacked), of the next where it cannot be read.
 */
#include "os/hsm/bitfile_internal.h"

struct part {
    struct list link; /* in job.parts, while it is to be had */
    struct bitfiles *server;
    struct job *job;
    uint64_t from, to;    /* blocks of the bitfile */
    uint32_t copy, tried; /* tried: times that its volume had begun another life */
};

#define STALE_MOST 100 /* ASSUMED(a volume is not repacked so often while one request lasts) */

/* ---- READ ---- */

static void add_part(struct bitfiles *b, struct job *j, const struct part *like, uint64_t from,
                     uint64_t to)
{
    struct part *p = port_alloc(b->port, sizeof *p);
    *p = *like;
    p->from = from;
    p->to = to;
    list_push(&j->parts, &p->link);
}

/* The cartridge, or a place of it, is of no use, whatever drive it is brought to. */
static bool is_damage(enum hsm_status s)
{
    return s == HSM_MEDIUM || s == HSM_NO_VOLUME || s == HSM_MISLABELLED || s == HSM_STUCK;
}

/* It lies in a segment of that copy. */
static void damaged(struct bitfiles *b, const struct part *p, uint32_t copy)
{
    const struct bitfile *f = p->job->file;
    for (uint32_t i = 0; i < f->count; i++) {
        const struct bitfile_segment *s = &f->segments[i];
        if (s->copy == copy && p->from >= s->at && p->from < s->at + s->count)
            bitfile_damaged(b, f->id, s);
    }
}

/* A part has not come: is there another way? */
static void failed(struct bitfiles *b, struct part *p, enum hsm_status status)
{
    struct job *j = p->job;
    uint32_t copies = (uint32_t)bitfile_class(b->params, j->file->class).copies;
    if (status == HSM_NO_BLOCK) {
        b->counts.stale++;
        j->hopeless |= ++p->tried == STALE_MOST;
    } else {
        uint32_t was = p->copy;
        p->tried = 0;
        p->copy = (p->copy + 1) % copies;
        j->hopeless |= p->copy == j->cos;
        b->counts.second += !j->hopeless;
        if (!j->hopeless && copies > 1 && is_damage(status))
            damaged(b, p, was);
    }
    if (j->status == HSM_OK || status != HSM_MEDIUM)
        j->status = status;
    list_push(&j->parts, &p->link);
}

static void drop_parts(struct bitfiles *b, struct job *j)
{
    struct list *l;
    while ((l = list_pop(&j->parts)) != NULL)
        port_free(b->port, LIST_ENTRY(l, struct part, link));
}

/* None is under way any more. */
static void round_over(struct bitfiles *b, struct job *j)
{
    if (list_empty(&j->parts)) {
        bitfile_end(b, j, HSM_OK);
    } else if (j->hopeless) {
        drop_parts(b, j);
        bitfile_end(b, j, j->status);
    } else {
        bitfile_arrive(b, j);
    }
}

static void part_ended(void *arg, enum xk_status status, struct rope *reply)
{
    struct part *p = arg;
    struct bitfiles *b = p->server;
    struct job *j = p->job;
    enum hsm_status s = hsm_reply_status(status, reply);
    if (s == HSM_OK)
        port_free(b->port, p);
    else
        failed(b, p, s);
    if (--j->flying == 0)
        round_over(b, j);
}

/* The part lies in this segment. */
static void send_for(struct bitfiles *b, struct part *p, const struct bitfile_segment *s)
{
    uint8_t wire[STORAGE_REQUEST_BYTES];
    struct rope args;
    struct job *j = p->job;
    const struct storage_request q = {
        .volume = s->volume,
        .life = s->life,
        .first = s->first + (p->from - s->at),
        .count = p->to - p->from,
        .token = j->token,
        .offset = p->from * bitfile_block(b, j->file->class),
        .sink = j->sink,
    };
    storage_request_store(wire, &q);
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    j->flying++;
    (void)hsm_call(&b->calls, b->host, HSM_SERVICE_STORAGE, STORAGE_READ, &args, part_ended, p);
}

/* Cut by the segments of its copy. */
static void send_part(struct bitfiles *b, struct part *p)
{
    struct bitfile *f = p->job->file;
    uint64_t at = p->from, to = p->to;
    for (uint32_t i = 0; i < f->count && at < to; i++) {
        const struct bitfile_segment *s = &f->segments[i];
        if (s->copy != p->copy || s->at > at || at >= s->at + s->count)
            continue;
        uint64_t end = s->at + s->count < to ? s->at + s->count : to;
        struct part *x = p;
        if (end < to) {
            x = port_alloc(b->port, sizeof *x);
            *x = *p;
        }
        list_init(&x->link);
        x->from = at;
        x->to = end;
        at = end;
        send_for(b, x, s);
    }
    ASSERT_MSG(at == to, "BFS1: a copy has all blocks");
}

static enum hsm_status readable(struct bitfiles *b, struct job *j)
{
    const struct bitfile *f = j->file;
    (void)b;
    if (f->state == BITFILE_FREE)
        return HSM_NO_BITFILE;
    if (f->state == BITFILE_EMPTY)
        return HSM_STATE;
    if (j->ended != NULL)
        return HSM_OK;
    return j->length > 0 && j->offset < f->size && j->length <= f->size - j->offset ? HSM_OK
                                                                                    : HSM_RANGE;
}

void bitfile_read(struct bitfiles *b, struct job *j)
{
    struct list todo, *l;
    if (j->file == NULL)
        j->file = port_alloc(b->port, sizeof *j->file);
    bitfile_lock(b, j->id);
    enum hsm_status s = bitfile_load(b, j->id, j->file);
    bitfile_unlock(b, j->id);
    if (s == HSM_OK)
        s = readable(b, j);
    if (s != HSM_OK) {
        drop_parts(b, j);
        bitfile_end(b, j, s);
        return;
    }
    uint64_t block = bitfile_block(b, j->file->class);
    const struct part whole = { .server = b, .job = j, .copy = j->begun ? 0 : j->cos };
    if (!j->begun)
        add_part(b, j, &whole, j->offset / block, (j->offset + j->length + block - 1) / block);
    j->begun = true;
    list_init(&todo);
    list_splice(&todo, &j->parts);
    j->flying++;
    while ((l = list_pop(&todo)) != NULL)
        send_part(b, LIST_ENTRY(l, struct part, link));
    if (--j->flying == 0)
        round_over(b, j);
}

/* ---- to tape ---- */

static void placed(struct appending *a, const struct storage_place *p)
{
    a->segments[a->count++] = (struct bitfile_segment){ .volume = p->volume,
                                                        .life = p->life,
                                                        .first = p->first,
                                                        .count = p->count,
                                                        .at = a->at,
                                                        .piece = p->piece,
                                                        .copy = a->copy };
    a->at += p->count;
    a->left -= p->count;
}

static void append_ended(void *arg, enum xk_status status, struct rope *reply)
{
    struct appending *a = arg;
    struct bitfiles *b = a->server;
    uint8_t wire[STORAGE_PLACE_BYTES] = { 0 };
    a->status = hsm_reply_status(status, reply);
    if (a->status == HSM_OK) {
        if (reply->length >= sizeof wire)
            rope_take_front(reply, sizeof wire, wire);
        const struct storage_place p = storage_place_load(wire);
        ASSERT(p.count > 0 && p.count <= a->left);
        placed(a, &p);
    }
    list_remove(&a->link);
    if (a->status == HSM_OK && a->left > 0) {
        if (a->count < BITFILE_SEGMENTS) {
            bitfile_append(a);
            bitfile_repack_poke(b);
            return;
        }
        a->status = HSM_FULL;
    }
    a->done(a);
    bitfile_repack_poke(b);
}

void bitfile_append(struct appending *a)
{
    struct bitfiles *b = a->server;
    uint8_t wire[STORAGE_REQUEST_BYTES], from[STORAGE_SOURCE_BYTES];
    struct rope args;
    const struct storage_class c = storage_class(b->storage, a->stream / STORAGE_STREAMS);
    const struct storage_request q = { .volume = a->stream,
                                       .count = a->left,
                                       .token = a->token,
                                       .offset = a->at * (uint64_t)c.block,
                                       .sink = a->sink,
                                       .part = true };
    storage_request_store(wire, &q);
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    if (a->from != NULL) {
        const struct storage_source x = { a->from->volume, a->from->life,
                                          a->from->first + (a->at - a->from->at) };
        storage_source_store(from, &x);
        rope_add_bytes(&args, from, sizeof from);
    }
    a->serial = ++b->serial;
    list_push(&b->appending, &a->link);
    (void)hsm_call(&b->calls, b->host, HSM_SERVICE_STORAGE,
                   a->from != NULL ? STORAGE_COPY : STORAGE_APPEND, &args, append_ended, a);
}

/* ---- WRITE ---- */

struct job *bitfile_writing(struct bitfiles *b, uint64_t id)
{
    LIST_EACH (l, &b->writing) {
        struct job *j = LIST_ENTRY(l, struct job, writing);
        if (j->id == id)
            return j;
    }
    return NULL;
}

static void copy_ended(struct appending *a)
{
    struct job *j = a->arg;
    if (a->status != HSM_OK)
        j->status = a->status;
    if (--j->flying == 0)
        bitfile_arrive(a->server, j);
}

static void write_end(struct bitfiles *b, struct job *j, enum hsm_status status)
{
    struct list *l;
    list_remove(&j->writing);
    while ((l = list_pop(&j->removing)) != NULL) {
        struct job *r = LIST_ENTRY(l, struct job, link);
        bitfile_arrive(b, r);
    }
    for (uint32_t k = 0; k < STORAGE_COPIES; k++)
        port_free(b->port, j->copy[k]);
    bitfile_end(b, j, status);
}

/* All copies are on tape. */
static enum hsm_status enter(struct bitfiles *b, struct job *j)
{
    struct bitfile *f = j->file;
    bitfile_lock(b, j->id);
    enum hsm_status s = bitfile_load(b, j->id, f);
    ASSERT_MSG(s != HSM_OK || f->state == BITFILE_EMPTY, "a REMOVE waits for the WRITE");
    for (uint32_t k = 0; k < STORAGE_COPIES && j->copy[k] != NULL; k++)
        for (uint32_t i = 0; s == HSM_OK && i < j->copy[k]->count; i++) {
            if (f->count == BITFILE_SEGMENTS)
                s = HSM_FULL;
            else
                f->segments[f->count++] = j->copy[k]->segments[i];
        }
    if (s == HSM_OK) {
        f->state = BITFILE_WRITTEN;
        f->size = j->size;
        f->stored = port_now(b->port);
        s = bitfile_change(b, f, NULL, 0, f->segments, f->count);
    }
    bitfile_unlock(b, j->id);
    b->counts.segments += s == HSM_OK ? f->count : 0;
    return s;
}

static enum hsm_status begin(struct bitfiles *b, struct job *j)
{
    struct bitfile *f = j->file = port_alloc(b->port, sizeof *j->file);
    bitfile_lock(b, j->id);
    enum hsm_status s = bitfile_load(b, j->id, f);
    if (s == HSM_OK && f->state == BITFILE_FREE)
        s = HSM_NO_BITFILE;
    else if (s == HSM_OK && (f->state != BITFILE_EMPTY || bitfile_writing(b, j->id) != NULL))
        s = HSM_STATE;
    if (s == HSM_OK)
        list_push(&b->writing, &j->writing);
    bitfile_unlock(b, j->id);
    return s;
}

void bitfile_write(struct bitfiles *b, struct job *j)
{
    if (j->begun) {
        write_end(b, j, j->status == HSM_OK ? enter(b, j) : j->status);
        return;
    }
    j->begun = true;
    enum hsm_status s = begin(b, j);
    if (s != HSM_OK) {
        bitfile_end(b, j, s);
        return;
    }
    const struct bitfile_class c = bitfile_class(b->params, j->file->class);
    uint64_t block = bitfile_block(b, j->file->class), count = (j->size + block - 1) / block;
    if (count == 0) {
        write_end(b, j, enter(b, j));
        return;
    }
    j->flying = (uint32_t)c.copies;
    for (uint32_t k = 0; k < (uint32_t)c.copies; k++) {
        struct appending *a = j->copy[k] = port_alloc(b->port, sizeof *a);
        *a = (struct appending){ .server = b,
                                 .sink = j->sink,
                                 .stream = (uint32_t)c.storage * STORAGE_STREAMS + k,
                                 .token = j->token,
                                 .left = count,
                                 .copy = (uint8_t)k,
                                 .done = copy_ended,
                                 .arg = j };
        bitfile_append(a);
    }
}
