/* sink_memory.c: the sink that is memory (diskless checkpointing [Plank, Li & Puening 1998]): each
 * rank keeps its own bytes, and others what makes up for the loss of it.
 *
 * Without a group the next rank has a copy.  With a group of n the ranks are cut in groups of n
 * that follow each other (the last has what is left over, too), and each member keeps a part of the
 * parity of the others: of each round of n stripes, units of `piece` bytes, member p keeps the
 * parity of stripe p, and the others have a unit of their own bytes in it, in order (RAID 5).
 *
 *   CKPTM1  What a rank has written is in its own memory and in its neighbour's, but from the
 *       crash of one of the two until all have loaded.
 *   CKPTM2  A stripe's parity is the sum of its units, but for what a writer has given to the
 *       parity and not yet to itself, and from the crash of a member until all have loaded.
 *   CKPTM3  A node in another life, or with another rank, whose bytes and parity are not made
 *       again is *fresh*: it keeps nothing for others, and says so.
 * So two neighbours, or two of a group, may not crash between: what they had is lost, which is
 * told.  All that crashes changed is made good while all load, for then nobody writes.
 */
#include "os/ckpt/bytes.h"
#include "os/ckpt/ckpt_internal.h"
#include "os/xk/peers.h"

enum part { PART_OWN, PART_GUEST, PART_PARITY };

struct memory_sink {
    struct ckpt *c;
    uint32_t turn;                   /* whose bytes they are */
    struct bytes own, guest, parity; /* guest: of the rank before */
    uint32_t first, size, me; /* the group: its first rank, members, this one; size 0: none */
    uint32_t host, life;      /* of the neighbour that has all of `own` */
    bool fresh;               /* CKPTM3 */
    bool whole;               /* guest has all that the rank before has written */
};

static uint32_t node_of(const struct memory_sink *m, uint32_t rank)
{
    return m->c->node->places.nodes[rank % m->c->ranks];
}

static uint32_t member(const struct memory_sink *m, uint32_t k)
{
    return node_of(m, m->first + k);
}

/* Of all jobs. */
static uint64_t held(const struct ckpt *c)
{
    uint64_t sum = 0;
    for (uint32_t k = 0; k < c->params->jobs; k++) {
        const struct memory_sink *m = c->sinks[k];
        sum += m->own.held + m->guest.held + m->parity.held;
    }
    return sum;
}

static void count(struct memory_sink *m)
{
    m->c->counts.memory = held(m->c);
}

/* Whether there is room for a change of `b`. */
static bool has_room(const struct memory_sink *m, const struct bytes *b, uint64_t at,
                     uint64_t length)
{
    uint64_t room = (uint64_t)m->c->params->room;
    return room == 0 || held(m->c) + bytes_growth(b, at, length) <= room;
}

/* ---- others ---- */

/* A call: u64 at, u64 length, u32 rank, u8 part, u8 turn, bytes; its reply: u8 status, bytes. */
#define HEAD 22

static enum ckpt_status call(struct memory_sink *m, uint32_t node, enum ckpt_procedure what,
                             enum part part, uint64_t at, uint64_t length, const struct rope *data,
                             struct rope *out)
{
    bool met = xk_life(m->c->node->xk, node) > 0;
    uint8_t wire[HEAD], said = CKPT_IO;
    struct rope args, reply;
    wire_put64(wire, at);
    wire_put64(wire + 8, length);
    wire_put32(wire + 16, m->c->rank);
    wire[20] = (uint8_t)part;
    wire[21] = (uint8_t)m->turn;
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    if (data)
        rope_add_slice(&args, data, 0, data->length);
    enum xk_status s = select_call_wait(m->c->rpc, node, CKPT_SERVICE, what, &args, &reply);
    rope_fini(&args);
    if (s == XK_RESTARTED && !met) { /* it was in a later life all the time */
        rope_fini(&reply);
        return call(m, node, what, part, at, length, data, out);
    }
    if (s == XK_OK && reply.length > 0)
        rope_take_front(&reply, 1, &said);
    if (out && said == CKPT_OK)
        rope_join(out, &reply);
    rope_fini(&reply);
    return (enum ckpt_status)said;
}

/* As many bytes as a call carries. */
static uint64_t portion(const struct memory_sink *m, uint64_t left)
{
    uint64_t most = select_max_bytes(m->c->rpc) - 64;
    most = most < m->c->piece ? most : m->c->piece;
    return most < left ? most : left;
}

static enum ckpt_status fetch(struct memory_sink *m, uint32_t node, enum part part, uint64_t at,
                              uint64_t length, struct rope *out)
{
    enum ckpt_status s = CKPT_OK;
    for (uint64_t done = 0, n; s == CKPT_OK && done < length; done += n) {
        uint64_t before = out->length;
        n = portion(m, length - done);
        s = call(m, node, CKPT_FETCH, part, at + done, n, NULL, out);
        if (out->length - before < n)
            break;
    }
    return s;
}

static void sum(struct port *p, struct rope *to, struct rope *with)
{
    const struct rope *both[2] = { to, with };
    struct rope out;
    if (to->length < with->length)
        rope_add_zero(to, with->length - to->length);
    if (with->length < to->length)
        rope_add_zero(with, to->length - with->length);
    port_work(p, PORT_WORK_XOR, to->length);
    rope_xor(&out, both, 2);
    rope_flatten(&out, true);
    rope_fini(to);
    rope_move(to, &out);
}

/* ---- for others ---- */

/* Whether that rank has something here. */
static bool is_of(const struct memory_sink *m, uint32_t rank, enum part part)
{
    if (m->c->rank == OS_NO_RANK || rank == m->c->rank)
        return false;
    return part == PART_GUEST ? m->size == 0 && (rank + 1) % m->c->ranks == m->c->rank
                              : rank - m->first < m->size;
}

static enum ckpt_status serve_store(struct memory_sink *m, enum part part, uint64_t at,
                                    struct rope *data)
{
    struct bytes *b = part == PART_GUEST ? &m->guest : &m->parity;
    struct rope now;
    if (part == PART_PARITY && m->fresh)
        return CKPT_LOST;
    if (!has_room(m, b, at, data->length))
        return CKPT_FULL;
    m->whole |= part == PART_GUEST && data->length == 0; /* that was all */
    rope_init(&now);
    if (part == PART_PARITY) {
        bytes_peek(b, at, data->length, &now);
        sum(m->c->port, data, &now);
        rope_fini(&now);
    }
    bytes_put(m->c->port, b, at, data);
    count(m);
    return CKPT_OK;
}

/* `length` 0: u64, where the part ends; else zeros where nobody wrote. */
static enum ckpt_status serve_fetch(struct memory_sink *m, enum part part, uint64_t at,
                                    uint64_t length, struct rope *reply)
{
    const struct bytes *b = part == PART_OWN     ? &m->own
                            : part == PART_GUEST ? &m->guest
                                                 : &m->parity;
    uint8_t wire[8];
    if (part == PART_GUEST ? !m->whole : m->fresh)
        return CKPT_LOST;
    if (length == 0) {
        wire_put64(wire, bytes_end(b));
        rope_add_bytes(reply, wire, sizeof wire);
    } else if (at < bytes_end(b)) {
        length = length < bytes_end(b) - at ? length : bytes_end(b) - at;
        bytes_peek(b, at, length, reply);
        port_work(m->c->port, PORT_WORK_COPY, length);
    }
    return CKPT_OK;
}

void ckpt_memory_serve(struct ckpt *c, struct select_request *request, enum ckpt_procedure what,
                       struct rope *args)
{
    struct memory_sink *m;
    uint8_t wire[HEAD], status = CKPT_IO;
    struct rope reply, data;
    rope_init(&reply);
    rope_init(&data);
    if (c->sink == &ckpt_sink_memory && args->length >= sizeof wire) {
        rope_take_front(args, sizeof wire, wire);
        enum part part = (enum part)wire[20];
        m = c->sinks[wire[21] < c->params->jobs ? wire[21] : 0];
        if (is_of(m, wire_get32(wire + 16), part))
            status = (uint8_t)(what == CKPT_STORE ? serve_store(m, part, wire_get64(wire), args)
                                                  : serve_fetch(m, part, wire_get64(wire),
                                                                wire_get64(wire + 8), &data));
    }
    rope_add_bytes(&reply, &status, 1);
    rope_join(&reply, &data);
    select_reply(request, &reply);
}

/* Where a part of another's ends. */
static enum ckpt_status end_of(struct memory_sink *m, uint32_t node, enum part part, uint64_t *end)
{
    uint8_t wire[8] = { 0 };
    struct rope out;
    rope_init(&out);
    enum ckpt_status s = call(m, node, CKPT_FETCH, part, 0, 0, NULL, &out);
    if (s == CKPT_OK && out.length == sizeof wire)
        rope_read(&out, 0, sizeof wire, wire);
    rope_fini(&out);
    *end = wire_get64(wire);
    return s;
}

/* ---- the neighbour ---- */

/* It has all that this rank has, in the life that it is in. */
static void is_mirrored(struct memory_sink *m)
{
    m->host = node_of(m, m->c->rank + 1);
    m->life = xk_life_assumed(m->c->node->xk, m->host);
}

/* CKPTM1: a neighbour in another life, or on another node, is given all. */
static enum ckpt_status mirror(struct memory_sink *m)
{
    uint32_t node = node_of(m, m->c->rank + 1), life = xk_life_assumed(m->c->node->xk, node);
    enum ckpt_status s = CKPT_OK;
    struct rope nothing;
    if (node == m->host && life == m->life)
        return CKPT_OK;
    for (uint64_t k = 0; s == CKPT_OK && k < m->own.count; k++)
        if (m->own.chunks[k].length > 0)
            s = call(m, node, CKPT_STORE, PART_GUEST, k * BYTES_CHUNK, 0, &m->own.chunks[k], NULL);
    rope_init(&nothing);
    if (s == CKPT_OK)
        s = call(m, node, CKPT_STORE, PART_GUEST, 0, 0, &nothing, NULL);
    if (s == CKPT_OK) {
        m->host = node;
        m->life = life;
    }
    return s;
}

/* All that this rank had. */
static enum ckpt_status read_back(struct memory_sink *m)
{
    uint32_t node = node_of(m, m->c->rank + 1);
    uint64_t end = 0, n;
    enum ckpt_status s = end_of(m, node, PART_GUEST, &end);
    bytes_clear(m->c->port, &m->own);
    for (uint64_t at = 0; s == CKPT_OK && at < end; at += n) {
        struct rope some;
        n = portion(m, end - at);
        rope_init(&some);
        s = fetch(m, node, PART_GUEST, at, n, &some);
        bytes_put(m->c->port, &m->own, at, &some);
        rope_fini(&some);
    }
    if (s == CKPT_OK) {
        m->fresh = false;
        is_mirrored(m);
    }
    return s;
}

/* ---- the group ---- */

/* Where byte `at` of a member lies: the member that has the parity, and the place in that.  Returns
 * how many bytes of the unit are from there on. */
static uint64_t stripe_of(const struct memory_sink *m, uint64_t at, uint32_t *who, uint64_t *place)
{
    uint64_t unit = m->c->piece, k = at / unit, others = m->size - 1;
    *who = (uint32_t)(k % others) + (k % others >= m->me);
    *place = k / others * unit + at % unit;
    return unit - at % unit;
}

/* Of that stripe the unit of a member: its place in the member's bytes. */
static uint64_t unit_of(const struct memory_sink *m, uint64_t round, uint32_t stripe, uint32_t who)
{
    return (round * (m->size - 1) + stripe - (stripe > who)) * m->c->piece;
}

/* The sum of what all others have of a stripe is what this rank has lost of it. */
static enum ckpt_status make_unit(struct memory_sink *m, uint64_t round, uint32_t stripe)
{
    uint64_t unit = m->c->piece;
    enum ckpt_status s = CKPT_OK;
    struct rope all;
    rope_init(&all);
    for (uint32_t k = 0; s == CKPT_OK && k < m->size; k++) {
        struct rope one;
        if (k == m->me)
            continue;
        rope_init(&one);
        s = fetch(m, member(m, k), k == stripe ? PART_PARITY : PART_OWN,
                  k == stripe ? round * unit : unit_of(m, round, stripe, k), unit, &one);
        sum(m->c->port, &all, &one);
        rope_fini(&one);
    }
    bool parity = stripe == m->me;
    if (s == CKPT_OK && all.length > 0)
        bytes_put(m->c->port, parity ? &m->parity : &m->own,
                  parity ? round * unit : unit_of(m, round, stripe, m->me), &all);
    rope_fini(&all);
    return s;
}

/* All that this rank had. */
static enum ckpt_status make_again(struct memory_sink *m)
{
    uint64_t unit = m->c->piece, rounds = 0;
    enum ckpt_status s = CKPT_OK;
    bytes_clear(m->c->port, &m->own);
    bytes_clear(m->c->port, &m->parity);
    for (uint32_t k = 0; s == CKPT_OK && k < m->size; k++)
        for (int part = PART_OWN; s == CKPT_OK && k != m->me && part <= PART_PARITY;
             part += PART_PARITY - PART_OWN) {
            uint64_t row = part == PART_OWN ? unit * (m->size - 1) : unit, n;
            s = end_of(m, member(m, k), (enum part)part, &n);
            n = (n + row - 1) / row;
            rounds = n > rounds ? n : rounds;
        }
    for (uint64_t round = 0; round < rounds; round++)
        for (uint32_t stripe = 0; s == CKPT_OK && stripe < m->size; stripe++)
            s = make_unit(m, round, stripe);
    if (s == CKPT_OK)
        m->fresh = false;
    return s;
}

/* CKPTM2: what changes goes to the parity first. */
static enum ckpt_status give_parity(struct memory_sink *m, uint64_t at, const struct rope *data)
{
    enum ckpt_status s = CKPT_OK;
    for (uint64_t done = 0, n; s == CKPT_OK && done < data->length; done += n) {
        uint32_t who;
        uint64_t place;
        struct rope was, part;
        n = stripe_of(m, at + done, &who, &place);
        n = portion(m, n < data->length - done ? n : data->length - done);
        rope_init(&was);
        rope_init(&part);
        rope_add_slice(&part, data, done, n);
        bytes_peek(&m->own, at + done, n, &was);
        sum(m->c->port, &was, &part);
        s = call(m, member(m, who), CKPT_STORE, PART_PARITY, place, n, &was, NULL);
        if (s == CKPT_OK)
            bytes_put(m->c->port, &m->own, at + done, &part);
        rope_fini(&was);
        rope_fini(&part);
    }
    return s == CKPT_LOST ? CKPT_IO : s; /* it is made again when all load */
}

/* ---- the sink ---- */

static bool memory_check(const void *params, const struct os_boot *b, const char *path,
                         struct err *e)
{
    int64_t group = ((const struct ckpt_params *)params)->group;
    if (group == 1)
        return err_set(e, "%s.group is 1: a parity is of two ranks or more", path);
    return group <= (int64_t)b->ranks || b->ranks == 0 ||
           err_set(e, "%s.group is %lld, but there are %u ranks", path, (long long)group, b->ranks);
}

static void join_group(struct memory_sink *m)
{
    const struct ckpt *c = m->c;
    uint32_t n = (uint32_t)c->params->group, groups = n > 0 ? c->ranks / n : 0;
    if (groups == 0 || c->rank == OS_NO_RANK)
        return;
    uint32_t k = c->rank / n < groups ? c->rank / n : groups - 1;
    m->first = k * n;
    m->size = k + 1 < groups ? n : c->ranks - m->first;
    m->me = c->rank - m->first;
}

static void *memory_start(struct ckpt *c)
{
    struct memory_sink *m = port_alloc(c->port, sizeof *m);
    m->c = c;
    m->turn = c->turn;
    m->fresh = port_incarnation(c->port) > 1;
    m->whole = !m->fresh;
    m->host = m->fresh || c->rank == OS_NO_RANK ? CKPT_NOBODY : node_of(m, c->rank + 1);
    m->life = 1;
    join_group(m);
    return m;
}

/* Who has another rank now has nothing of it, and nothing of others. */
static void memory_placed(void *state, bool own)
{
    struct memory_sink *m = state;
    if (!own)
        return;
    bytes_clear(m->c->port, &m->own);
    bytes_clear(m->c->port, &m->guest);
    bytes_clear(m->c->port, &m->parity);
    m->fresh = true;
    m->whole = false;
    m->host = CKPT_NOBODY;
    join_group(m);
    count(m);
}

static enum ckpt_status memory_write(void *state, uint64_t at, struct rope *data)
{
    struct memory_sink *m = state;
    enum ckpt_status s = has_room(m, &m->own, at, data->length) ? CKPT_OK : CKPT_FULL;
    bool alone = m->c->ranks == 1;
    if (s == CKPT_OK && m->fresh) {
        s = CKPT_IO;
    } else if (s == CKPT_OK && m->size > 0) {
        s = give_parity(m, at, data);
    } else if (s == CKPT_OK) {
        bytes_put(m->c->port, &m->own, at, data);
        s = alone ? CKPT_OK : mirror(m);
        for (uint64_t done = 0, n; s == CKPT_OK && !alone && done < data->length; done += n) {
            struct rope part;
            n = portion(m, data->length - done);
            rope_init(&part);
            rope_add_slice(&part, data, done, n);
            s = call(m, node_of(m, m->c->rank + 1), CKPT_STORE, PART_GUEST, at + done, n, &part,
                     NULL);
            rope_fini(&part);
        }
    }
    count(m);
    rope_truncate(data, 0);
    return s;
}

static enum ckpt_status memory_recover(void *state, bool anew)
{
    struct memory_sink *m = state;
    enum ckpt_status s = CKPT_OK;
    if (anew) {
        bytes_clear(m->c->port, &m->own);
        bytes_clear(m->c->port, &m->guest);
        bytes_clear(m->c->port, &m->parity);
        m->fresh = false;
        m->whole = true;
        is_mirrored(m);
    } else if (m->c->ranks == 1) {
        m->fresh = false;
    } else if (m->fresh) {
        s = m->size > 0 ? make_again(m) : read_back(m);
    } else if (m->size == 0) {
        s = mirror(m);
    }
    count(m);
    return s;
}

static enum ckpt_status memory_read(void *state, uint64_t at, uint64_t length, struct rope *out)
{
    struct memory_sink *m = state;
    enum ckpt_status s = memory_recover(m, false);
    rope_init(out);
    if (s != CKPT_OK)
        return s;
    bytes_get(m->c->port, &m->own, at, length, out);
    return CKPT_OK;
}

static enum ckpt_status memory_flush(void *state)
{
    (void)state;
    return CKPT_OK;
}

const struct ckpt_sink_ops ckpt_sink_memory = {
    .kind = { .name = "memory",
              .doc = "Memory of the rank, and a copy at the next one or the parity of a group: no "
                     "disk, and no two neighbours, or members, may crash at once." },
    .check = memory_check,
    .start = memory_start,
    .recover = memory_recover,
    .write = memory_write,
    .read = memory_read,
    .flush = memory_flush,
    .placed = memory_placed,
    .piece = 64 << 10,
};
