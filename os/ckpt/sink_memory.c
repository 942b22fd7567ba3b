/* sink_memory.c: the sink that is memory: each rank keeps its own bytes, and the next rank has a
 * copy (diskless checkpointing [Plank, Li & Puening 1998], with one mirror).
 *
 *   CKPTM1  What a rank has written is in its own memory and in its neighbour's, but from the
 *       crash of one of the two until the next reading or writing.
 * Both may not crash between: then it is lost.  A neighbour that begins another life is given all
 * again before the next transfer; a rank in another life reads what its neighbour has, and keeps
 * it.
 */
#include "os/ckpt/ckpt_internal.h"
#include "os/xk/peers.h"

#define CHUNK 4096u
#define HEAD 20 /* of a call: u64 at, u64 length, u32 rank; its reply: u8 it is kept here, bytes */

struct memory { /* bytes of one rank, in chunks */
    struct rope *chunks;
    uint64_t count;
};

struct memory_sink {
    struct ckpt *c;
    struct memory own, guest; /* guest: of the rank before */
    uint32_t neighbour;       /* its node */
    uint32_t host, life;      /* of the neighbour that has all of `own` */
    bool fresh;               /* this node is in a later life, and has not read its bytes back */
};

static void grow(struct port *p, struct memory *m, uint64_t chunks)
{
    uint64_t count = m->count ? m->count : 16;
    if (chunks <= m->count)
        return;
    while (count < chunks)
        count *= 2;
    struct rope *more = port_alloc(p, count * sizeof *more);
    for (uint64_t k = 0; k < count; k++) {
        rope_init(&more[k]);
        if (k < m->count)
            rope_join(&more[k], &m->chunks[k]);
    }
    port_free(p, m->chunks);
    m->chunks = more;
    m->count = count;
}

static void put(struct port *p, struct memory *m, uint64_t at, const struct rope *data)
{
    port_work(p, PORT_WORK_COPY, data->length);
    grow(p, m, (at + data->length + CHUNK - 1) / CHUNK);
    for (uint64_t done = 0; done < data->length;) {
        struct rope *chunk = &m->chunks[(at + done) / CHUNK], next;
        uint64_t in = (at + done) % CHUNK, n = CHUNK - in;
        n = n < data->length - done ? n : data->length - done;
        rope_init(&next);
        if (chunk->length < in)
            rope_add_zero(chunk, in - chunk->length);
        rope_add_slice(&next, chunk, 0, in);
        rope_add_slice(&next, data, done, n);
        if (chunk->length > in + n)
            rope_add_slice(&next, chunk, in + n, chunk->length - in - n);
        rope_fini(chunk);
        rope_move(chunk, &next);
        done += n;
    }
}

/* Up to the first byte that nobody wrote. */
static void get(struct port *p, const struct memory *m, uint64_t at, uint64_t length,
                struct rope *out)
{
    while (length > 0 && at / CHUNK < m->count) {
        const struct rope *chunk = &m->chunks[at / CHUNK];
        uint64_t in = at % CHUNK, n = CHUNK - in < length ? CHUNK - in : length;
        if (chunk->length < in + n)
            break;
        rope_add_slice(out, chunk, in, n);
        at += n;
        length -= n;
    }
    port_work(p, PORT_WORK_COPY, out->length);
}

/* ---- the neighbour ---- */

static void *memory_start(struct ckpt *c)
{
    struct memory_sink *m = port_alloc(c->port, sizeof *m);
    m->c = c;
    if (c->rank != OS_NO_RANK)
        m->neighbour = m->host = c->node->places.nodes[(c->rank + 1) % c->ranks];
    m->life = 1;
    m->fresh = port_incarnation(c->port) > 1;
    if (m->fresh)
        m->host = CKPT_NOBODY;
    return m;
}

static void clear(struct port *p, struct memory *m)
{
    for (uint64_t k = 0; k < m->count; k++)
        rope_fini(&m->chunks[k]);
    port_free(p, m->chunks);
    *m = (struct memory){ 0 };
}

/* Who has another rank now has nothing of it, and nothing of the one before it. */
static void memory_placed(void *state, bool own)
{
    struct memory_sink *m = state;
    struct ckpt *c = m->c;
    if (own) {
        clear(c->port, &m->own);
        clear(c->port, &m->guest);
        m->fresh = true;
        m->host = CKPT_NOBODY;
    }
    if (c->rank != OS_NO_RANK)
        m->neighbour = c->node->places.nodes[(c->rank + 1) % c->ranks];
}

static enum ckpt_status call(struct memory_sink *m, enum ckpt_procedure what, uint64_t at,
                             uint64_t length, const struct rope *data, struct rope *reply)
{
    bool met = xk_life(m->c->node->xk, m->neighbour) > 0;
    uint8_t wire[HEAD];
    struct rope args;
    wire_put64(wire, at);
    wire_put64(wire + 8, length);
    wire_put32(wire + 16, m->c->rank);
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    if (data)
        rope_add_slice(&args, data, 0, data->length);
    enum xk_status s = select_call_wait(m->c->rpc, m->neighbour, CKPT_SERVICE, what, &args, reply);
    rope_fini(&args);
    if (s == XK_RESTARTED && !met) { /* it was in a later life all the time */
        rope_fini(reply);
        return call(m, what, at, length, data, reply);
    }
    uint8_t kept = 0;
    if (s == XK_OK && reply->length > 0)
        rope_take_front(reply, 1, &kept);
    return kept ? CKPT_OK : CKPT_LOST;
}

/* As many bytes as a call carries. */
static uint64_t portion(struct memory_sink *m)
{
    uint64_t most = select_max_bytes(m->c->rpc) - 64;
    return most < (uint64_t)m->c->params->piece ? most : (uint64_t)m->c->params->piece;
}

static enum ckpt_status store(struct memory_sink *m, uint64_t at, const struct rope *data)
{
    enum ckpt_status s = CKPT_OK;
    for (uint64_t done = 0, n; s == CKPT_OK && done < data->length; done += n) {
        struct rope part, reply;
        n = portion(m) < data->length - done ? portion(m) : data->length - done;
        rope_init(&part);
        rope_add_slice(&part, data, done, n);
        s = call(m, CKPT_STORE, at + done, n, &part, &reply);
        rope_fini(&part);
        rope_fini(&reply);
    }
    return s;
}

static enum ckpt_status fetch(struct memory_sink *m, uint64_t at, uint64_t length, struct rope *out)
{
    enum ckpt_status s = CKPT_OK;
    for (uint64_t done = 0, n; s == CKPT_OK && done < length; done += n) {
        struct rope reply;
        n = portion(m) < length - done ? portion(m) : length - done;
        s = call(m, CKPT_FETCH, at + done, n, NULL, &reply);
        bool more = reply.length == n;
        rope_join(out, &reply);
        rope_fini(&reply);
        if (!more)
            break;
    }
    return s;
}

static uint32_t life_of(const struct memory_sink *m)
{
    uint32_t life = xk_life(m->c->node->xk, m->neighbour);
    return life > 0 ? life : 1;
}

static bool another(const struct memory_sink *m)
{
    return m->neighbour != m->host || life_of(m) != m->life;
}

/* CKPTM1: a neighbour in another life, or on another node, is given all. */
static enum ckpt_status mirror(struct memory_sink *m)
{
    uint32_t life = life_of(m);
    enum ckpt_status s = CKPT_OK;
    if (!another(m) || m->fresh)
        return CKPT_OK;
    for (uint64_t k = 0; s == CKPT_OK && k < m->own.count; k++)
        s = store(m, k * CHUNK, &m->own.chunks[k]);
    if (s == CKPT_OK) {
        m->host = m->neighbour;
        m->life = life;
    }
    return s;
}

void ckpt_memory_serve(void *state, struct select_request *request, enum ckpt_procedure what,
                       struct rope *args)
{
    struct memory_sink *m = state;
    uint8_t wire[HEAD];
    struct rope reply, data;
    bool mine = false;
    rope_init(&reply);
    rope_init(&data);
    if (args->length >= sizeof wire) {
        rope_take_front(args, sizeof wire, wire);
        mine = (wire_get32(wire + 16) + 1) % m->c->ranks == m->c->rank;
    }
    if (mine && what == CKPT_STORE)
        put(m->c->port, &m->guest, wire_get64(wire), args);
    else if (mine)
        get(m->c->port, &m->guest, wire_get64(wire), wire_get64(wire + 8), &data);
    rope_add_bytes(&reply, &(uint8_t){ mine }, 1);
    rope_join(&reply, &data);
    select_reply(request, &reply);
}

/* ---- the sink ---- */

static enum ckpt_status memory_write(void *state, uint64_t at, struct rope *data)
{
    struct memory_sink *m = state;
    m->fresh = false;
    enum ckpt_status s = m->c->ranks > 1 ? mirror(m) : CKPT_OK;
    put(m->c->port, &m->own, at, data);
    if (s == CKPT_OK && m->c->ranks > 1)
        s = store(m, at, data);
    rope_truncate(data, 0);
    return s;
}

static enum ckpt_status memory_read(void *state, uint64_t at, uint64_t length, struct rope *out)
{
    struct memory_sink *m = state;
    rope_init(out);
    if (m->fresh && m->host != CKPT_NOBODY && another(m))
        m->fresh = false; /* what it has read back is all that there is */
    if (!m->fresh || m->c->ranks == 1) {
        get(m->c->port, &m->own, at, length, out);
        return m->c->ranks > 1 ? mirror(m) : CKPT_OK;
    }
    enum ckpt_status s = fetch(m, at, length, out);
    if (s != CKPT_OK)
        return s;
    put(m->c->port, &m->own, at, out);
    m->host = m->neighbour;
    m->life = life_of(m);
    return CKPT_OK;
}

static enum ckpt_status memory_flush(void *state)
{
    (void)state;
    return CKPT_OK;
}

const struct ckpt_sink_ops ckpt_sink_memory = {
    .kind = { .name = "memory",
              .doc = "Memory of the rank and of the next one: no disk, and no two neighbours may "
                     "crash at once." },
    .start = memory_start,
    .write = memory_write,
    .read = memory_read,
    .flush = memory_flush,
    .placed = memory_placed,
};
