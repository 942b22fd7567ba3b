/* bitfile_repack.c: the bitfile server: repack.  See bitfile_server.h.
 *
 * One thread makes passes.  A pass looks at all volumes; a full one on which little is live is
 * emptied: its segments are copied from drive to drive to where the streams of their copies write,
 * some at a time, and put into their bitfiles' records one by one.  What cannot be copied so
 * (parity, too few drives, a place that cannot be read) goes through the server's memory.  Until
 * its commit a segment lies where it lay; a copy that gets no commit is live nowhere.  When nothing
 * on the volume is live, it becomes blank.
 *
 *   BFRI1  A volume that was full when the list of volumes was made gets no more segments once all
 *       appends have ended whose calls had begun before the list came: then what is live on it is
 *       known.
 */
#include "os/hsm/bitfile_internal.h"

enum { DAMAGED = 1000 }; /* ASSUMED(what is not remembered is found again) */
enum { MOVES = 64 };     /* ASSUMED(with the buffer, what is moved together) */

struct piece { /* what came of a segment */
    struct list link;
    uint64_t offset;
    struct rope data;
};

struct move {
    struct repack *repack;
    uint64_t id;
    struct bitfile_segment segment;
    uint64_t block; /* bytes */
    uint32_t class;
    uint64_t token;
    struct list pieces; /* by offset */
    struct rope data;
    struct job *job;
    struct appending append;
    bool had;  /* it is in memory, */
    bool over; /* and needs not be: it went from drive to drive */
    bool anew; /* it cannot be read: another copy is */
};

struct repack {
    struct bitfiles *server;
    struct port_thread *thread;
    uint32_t under_way;
    uint32_t blanked;
    struct move *moves[MOVES];
    uint32_t count;
};

static void wake(struct repack *r)
{
    port_thread_wake(r->server->port, r->thread);
}

void bitfile_repack_poke(struct bitfiles *b)
{
    if (b->repack != NULL)
        wake(b->repack);
}

/* ---- one segment into memory ---- */

static void take(void *arg, uint64_t offset, struct rope *data)
{
    struct move *m = arg;
    struct piece *p = port_alloc(m->repack->server->port, sizeof *p);
    struct list *before = &m->pieces;
    p->offset = offset;
    rope_move(&p->data, data);
    while (before->prev != &m->pieces &&
           LIST_ENTRY(before->prev, struct piece, link)->offset > offset)
        before = before->prev;
    list_push(before, &p->link);
}

/* Pieces in a row; of those that came twice one. */
static void join(struct move *m)
{
    struct port *p = m->repack->server->port;
    uint64_t at = m->segment.at * m->block;
    struct list *l;
    rope_init(&m->data);
    while ((l = list_pop(&m->pieces)) != NULL) {
        struct piece *x = LIST_ENTRY(l, struct piece, link);
        uint64_t end = x->offset + x->data.length;
        if (end > at && x->offset <= at) {
            rope_drop_front(&x->data, at - x->offset);
            rope_join(&m->data, &x->data);
            at = end;
        }
        rope_fini(&x->data);
        port_free(p, x);
    }
}

static void come(struct job *j)
{
    struct move *m = j->arg;
    m->repack->under_way--;
    wake(m->repack);
}

static uint32_t other_copy(const struct bitfiles *b, const struct move *m)
{
    return (m->segment.copy + 1u) % (uint32_t)bitfile_class(b->params, m->class).copies;
}

static void read_begin(struct move *m)
{
    struct bitfiles *b = m->repack->server;
    struct job *j = m->job = port_alloc(b->port, sizeof *j);
    list_init(&m->pieces);
    m->token = hsm_sink_open(b->sink, take, m);
    j->op = BITFILE_READ;
    j->id = m->id;
    j->cos = m->anew ? other_copy(b, m) : m->segment.copy;
    j->offset = m->segment.at * m->block;
    j->length = m->segment.count * m->block;
    j->token = m->token;
    j->sink = port_node(b->port);
    j->ended = come;
    j->arg = m;
    list_init(&j->link);
    list_init(&j->parts);
    list_init(&j->writing);
    list_init(&j->removing);
    m->repack->under_way++;
    bitfile_arrive(b, j);
}

static void read_end(struct move *m)
{
    struct bitfiles *b = m->repack->server;
    hsm_sink_close(b->sink, m->token);
    join(m);
    m->had = m->job->status == HSM_OK;
    ASSERT(!m->had || m->data.length == m->segment.count * m->block);
    port_free(b->port, m->job);
}

/* ---- and to tape again ---- */

static void give(void *arg, uint64_t offset, uint64_t length, struct rope *out)
{
    struct move *m = arg;
    uint64_t at = m->segment.at * m->block;
    if (offset >= at && offset - at < m->data.length)
        rope_add_slice(out, &m->data, offset - at, length);
}

static void gone(struct appending *a)
{
    struct move *m = a->arg;
    m->repack->under_way--;
    wake(m->repack);
}

static void write_begin(struct move *m, bool direct)
{
    struct bitfiles *b = m->repack->server;
    m->token = direct ? 0 : hsm_source_open(b->sink, give, NULL, m);
    m->append = (struct appending){
        .server = b,
        .sink = port_node(b->port),
        .stream = (uint32_t)bitfile_class(b->params, m->class).storage * STORAGE_STREAMS +
                  m->segment.copy,
        .token = m->token,
        .at = m->segment.at,
        .left = m->segment.count,
        .copy = m->segment.copy,
        .from = direct ? &m->segment : NULL,
        .done = gone,
        .arg = m,
    };
    m->repack->under_way++;
    bitfile_append(&m->append);
}

/* The copy takes the place of the segment, if that is still there. */
static void enter(struct move *m)
{
    struct bitfiles *b = m->repack->server;
    struct bitfile *f = port_alloc(b->port, sizeof *f);
    const struct bitfile_segment *old = &m->segment;
    bitfile_lock(b, m->id);
    enum hsm_status s = bitfile_load(b, m->id, f);
    for (uint32_t i = 0; s == HSM_OK && i < f->count; i++) {
        const struct bitfile_segment *x = &f->segments[i];
        if (x->volume != old->volume || x->life != old->life || x->first != old->first ||
            f->count - 1 + m->append.count > BITFILE_SEGMENTS)
            continue;
        f->segments[i] = m->append.segments[0];
        for (uint32_t k = 1; k < m->append.count; k++)
            f->segments[f->count++] = m->append.segments[k];
        bitfile_sort(f);
        s = bitfile_change(b, f, old, 1, m->append.segments, m->append.count);
        if (s == HSM_OK) {
            b->counts.healed += m->anew;
            b->counts.moved += !m->anew;
            b->counts.moved_blocks += m->anew ? 0 : old->count;
            b->counts.copied += m->over;
        }
        break;
    }
    bitfile_unlock(b, m->id);
    port_free(b->port, f);
}

static void wait_for_all(struct repack *r)
{
    while (r->under_way > 0)
        port_thread_block(r->server->port, "segments that are moved", r->under_way);
}

/* From drive to drive, what can be. */
static void copy_all(struct repack *r)
{
    const struct bitfiles *b = r->server;
    for (uint32_t i = 0; i < r->count; i++) {
        struct move *m = r->moves[i];
        const struct storage_class c =
            storage_class(b->storage, (uint32_t)bitfile_class(b->params, m->class).storage);
        m->over = b->params->repack.direct && storage_copies(&c) && !m->anew;
        if (m->over)
            write_begin(m, true);
    }
    wait_for_all(r);
    for (uint32_t i = 0; i < r->count; i++) {
        struct move *m = r->moves[i];
        if (m->over && (m->append.status == HSM_SOURCE || m->append.status == HSM_NO_DRIVE))
            m->over = false;
    }
}

/* Moves what has been collected. */
static void move_all(struct repack *r)
{
    struct bitfiles *b = r->server;
    copy_all(r);
    for (uint32_t i = 0; i < r->count; i++)
        if (!r->moves[i]->over)
            read_begin(r->moves[i]);
    wait_for_all(r);
    for (uint32_t i = 0; i < r->count; i++) {
        if (r->moves[i]->over)
            continue;
        read_end(r->moves[i]);
        if (r->moves[i]->had)
            write_begin(r->moves[i], false);
    }
    wait_for_all(r);
    for (uint32_t i = 0; i < r->count; i++) {
        struct move *m = r->moves[i];
        if (m->had)
            hsm_sink_close(b->sink, m->token);
        if ((m->over || m->had) && m->append.status == HSM_OK)
            enter(m);
        rope_fini(&m->data);
        port_free(b->port, m);
    }
    r->count = 0;
}

/* ---- one volume ---- */

/* Segments of the bitfile that lie there, of that piece: to be moved. */
static uint64_t collect(struct repack *r, uint64_t id, uint32_t volume, uint32_t piece)
{
    struct bitfiles *b = r->server;
    struct bitfile *f = port_alloc(b->port, sizeof *f);
    uint64_t bytes = 0;
    bitfile_lock(b, id);
    enum hsm_status s = bitfile_load(b, id, f);
    bitfile_unlock(b, id);
    for (uint32_t i = 0; s == HSM_OK && i < f->count; i++) {
        if (f->segments[i].volume != volume || f->segments[i].piece != piece)
            continue;
        struct move *m = port_alloc(b->port, sizeof *m);
        m->repack = r;
        m->id = id;
        m->segment = f->segments[i];
        m->class = f->class;
        m->block = bitfile_block(b, f->class);
        bytes += m->segment.count * m->block;
        r->moves[r->count++] = m;
    }
    port_free(b->port, f);
    return bytes;
}

/* ---- what is made anew ---- */

struct damage {
    struct list link;
    uint64_t id;
    struct bitfile_segment segment;
};

void bitfile_damaged(struct bitfiles *b, uint64_t id, const struct bitfile_segment *s)
{
    if (!b->params->repack.heal || b->damaged_count == DAMAGED)
        return;
    LIST_EACH (l, &b->damaged) {
        const struct damage *d = LIST_ENTRY(l, struct damage, link);
        if (d->id == id && d->segment.volume == s->volume && d->segment.first == s->first)
            return;
    }
    struct damage *d = port_alloc(b->port, sizeof *d);
    d->id = id;
    d->segment = *s;
    list_push(&b->damaged, &d->link);
    b->damaged_count++;
    bitfile_repack_poke(b);
}

/* Some of them. */
static void heal(struct repack *r)
{
    struct bitfiles *b = r->server;
    uint64_t bytes = 0;
    struct list *l;
    while (r->count < MOVES && bytes < (uint64_t)b->params->repack.buffer &&
           (l = list_pop(&b->damaged)) != NULL) {
        struct damage *d = LIST_ENTRY(l, struct damage, link);
        uint32_t from = r->count;
        b->damaged_count--;
        bytes += collect(r, d->id, d->segment.volume, d->segment.piece);
        for (uint32_t i = from; i < r->count; i++)
            r->moves[i]->anew = true;
        port_free(b->port, d);
    }
    move_all(r);
}

static void empty(struct repack *r, uint32_t volume)
{
    struct bitfiles *b = r->server;
    uint64_t bytes = 0, owner;
    for (uint32_t piece = 0; piece < b->pieces; piece++) {
        if (bitfile_piece(b, volume, piece, &owner) != HSM_OK)
            return;
        if (owner == 0)
            continue;
        bytes += collect(r, owner - 1, volume, piece);
        if (r->count == MOVES || bytes >= (uint64_t)b->params->repack.buffer) {
            move_all(r);
            bytes = 0;
        }
    }
    move_all(r);
}

/* A WRITE under way has a segment there, which is in no record yet: it stays so, or becomes live,
 * and no other one comes (BFRI1). */
static bool held(const struct bitfiles *b, uint32_t volume)
{
    LIST_EACH (l, &b->writing) {
        const struct job *j = LIST_ENTRY(l, struct job, writing);
        for (uint32_t k = 0; k < STORAGE_COPIES && j->copy[k] != NULL; k++)
            for (uint32_t i = 0; i < j->copy[k]->count; i++)
                if (j->copy[k]->segments[i].volume == volume)
                    return true;
    }
    return false;
}

static void blank(struct repack *r, const struct storage_volume *v)
{
    struct bitfiles *b = r->server;
    struct live *live;
    struct rope args, reply;
    uint64_t ticket;
    uint8_t wire[8];
    if (bitfile_live(b, v->volume, &live) != HSM_OK || live->pieces > 0)
        return;
    ASSERT_MSG(live->blocks == 0, "BFS2");
    wire_put32(wire, v->volume);
    wire_put32(wire + 4, v->life);
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    enum xk_status x = hsm_call_wait(&b->calls, b->host, HSM_SERVICE_STORAGE, STORAGE_SCRATCH,
                                     &args, &reply, &ticket);
    if (hsm_reply_status(x, &reply) == HSM_OK) {
        r->blanked++;
        b->counts.blanked++;
    }
    rope_fini(&reply);
}

static void wait_for_appends(struct repack *r, uint64_t serial)
{
    struct bitfiles *b = r->server;
    while (!list_empty(&b->appending) &&
           LIST_ENTRY(b->appending.next, struct appending, link)->serial <= serial)
        port_thread_block(b->port, "appends that began before", serial);
    LIST_EACH (l, &b->appending)
        ASSERT_MSG(LIST_ENTRY(l, struct appending, link)->serial > serial, "BFRI1");
}

/* ---- passes ---- */

static bool sparse(struct bitfiles *b, const struct storage_volume *v, uint64_t percent)
{
    struct live *live;
    if (v->kept || bitfile_foreign(b, v))
        return false; /* BFS3 */
    return v->state == STORAGE_FULL && v->blocks > 0 &&
           bitfile_live(b, v->volume, &live) == HSM_OK && !held(b, v->volume) &&
           live->blocks * 100 <= percent * v->blocks;
}

/* Volumes from *next on, as many as one answer has. */
static enum hsm_status some(struct repack *r, uint32_t *next, uint64_t percent)
{
    struct bitfiles *b = r->server;
    struct rope args, reply;
    uint64_t ticket;
    uint8_t wire[STORAGE_VOLUME_BYTES];
    rope_init(&args);
    wire_put32(wire, *next);
    rope_add_bytes(&args, wire, 4);
    enum xk_status x = hsm_call_wait(&b->calls, b->host, HSM_SERVICE_STORAGE, STORAGE_LIST, &args,
                                     &reply, &ticket);
    enum hsm_status s = hsm_reply_status(x, &reply);
    *next = UINT32_MAX;
    if (s == HSM_OK && reply.length >= 4) {
        rope_take_front(&reply, 4, wire);
        *next = wire_get32(wire);
        wait_for_appends(r, b->serial);
    }
    while (s == HSM_OK && reply.length >= sizeof wire) {
        rope_take_front(&reply, sizeof wire, wire);
        const struct storage_volume v = storage_volume_load(wire);
        if (!sparse(b, &v, percent))
            continue;
        empty(r, v.volume);
        blank(r, &v);
    }
    rope_fini(&reply);
    return s;
}

/* `job`: is told how it went; NULL: nobody is. */
static void pass(struct repack *r, uint64_t percent, struct job *job)
{
    enum hsm_status s = HSM_OK;
    r->blanked = 0;
    for (uint32_t next = 0; s == HSM_OK && next != UINT32_MAX;)
        s = some(r, &next, percent);
    if (job == NULL)
        return;
    job->id = r->blanked;
    bitfile_end(r->server, job, s);
}

static bool is_idle(const struct bitfiles *b)
{
    return list_empty(&b->writing) && list_empty(&b->arrived) &&
           port_now(b->port) - b->called >= b->params->repack.idle;
}

static void work(void *arg)
{
    struct repack *r = arg;
    struct bitfiles *b = r->server;
    const struct bitfile_repack *p = &b->params->repack;
    sim_time last = port_now(b->port);
    for (;;) {
        struct list *l = list_pop(&b->repack_asked);
        if (l != NULL) {
            struct job *j = LIST_ENTRY(l, struct job, link);
            pass(r, j->size, j);
        } else if (!list_empty(&b->damaged)) {
            heal(r);
        } else if (p->every > 0 && port_now(b->port) - last >= p->every) {
            if (is_idle(b))
                pass(r, (uint64_t)p->percent, NULL);
            last = port_now(b->port);
        } else if (p->every > 0) {
            (void)port_thread_block_for(b->port, "volumes on which little is live", 0,
                                        last + p->every - port_now(b->port));
        } else {
            port_thread_block(b->port, "calls for repack", 0);
        }
    }
}

void bitfile_repack(struct bitfiles *b, struct job *j)
{
    list_push(&b->repack_asked, &j->link);
    bitfile_repack_poke(b);
}

void bitfile_repack_start(struct bitfiles *b)
{
    struct repack *r = port_alloc(b->port, sizeof *r);
    r->server = b;
    r->thread = port_thread_spawn(b->port, "repack", work, r, PORT_THREAD_SERVICE);
    if (r->thread == NULL)
        port_fail(b->port, "no room for the thread of repack");
    b->repack = r;
}
