/* nx_global.c: operations of all nodes of the partition together, for any number of nodes.
 *
 *   gsync   dissemination: in round k each node tells the one 2^k ahead and hears from the one 2^k
 *           behind; ceil(log2 n) rounds [Hensgen, Finkel & Manber 1988].
 *   sums    the nodes above the largest power of two hand their part to one below; then recursive
 *           doubling; then they get the result.  Parts are combined lower node first, so all nodes
 *           compute the same bits.
 *   bcast   binomial tree.
 *   gcol    each round doubles the run of neighbours' parts that a node holds [Bruck et al. 1997].
 *
 * Their messages are selected by (operation, round) and source and never meet the program's.
 */
#include "os/nx/nx_internal.h"

#include <string.h>

#define ROUNDS 64 /* at most so many rounds an operation */
#define NO_LIMIT (UINT64_MAX / 2)

static int64_t next_tag(struct nx *n)
{
    return (int64_t)(n->collective++ * ROUNDS);
}

static enum nx_status send(struct nx *n, int64_t tag, struct rope *data, uint32_t to)
{
    return nx_msgwait(nx_send(n, true, tag, data, to), NULL).status;
}

static enum nx_status receive(struct nx *n, int64_t tag, uint32_t from, struct rope *out)
{
    return nx_msgwait(nx_receive(n, true, tag, from, NO_LIMIT), out).status;
}

/* Sends and receives at once; out is initialised here. */
static enum nx_status exchange(struct nx *n, int64_t tag, struct rope *data, uint32_t to,
                               uint32_t from, struct rope *out)
{
    struct nx_op *in = nx_receive(n, true, tag, from, NO_LIMIT);
    enum nx_status sent = send(n, tag, data, to), received = nx_msgwait(in, out).status;
    return sent != NX_OK ? sent : received;
}

enum nx_status nx_gsync(struct nx *n)
{
    bool announced = nx_enter(n);
    int64_t tag = next_tag(n);
    enum nx_status status = NX_OK;
    port_trace_begin(n->port, "messages", "gsync", n->collective);
    for (uint32_t step = 1; step < n->count && status == NX_OK; step *= 2, tag++) {
        struct rope empty, heard;
        rope_init(&empty);
        status = exchange(n, tag, &empty, (n->rank + step) % n->count,
                          (n->rank + n->count - step) % n->count, &heard);
        rope_fini(&heard);
        rope_fini(&empty);
    }
    port_trace_end(n->port, "messages", "gsync", n->collective);
    nx_leave(n, announced);
    return status;
}

/* ---- reductions of 64-bit words ---- */
typedef void combine_fn(uint64_t *lower, const uint64_t *higher, uint32_t count);

static void words_to_rope(struct nx *n, const uint64_t *x, uint32_t count, struct rope *out)
{
    uint8_t *wire = port_alloc(n->port, (size_t)count * 8);
    for (uint32_t i = 0; i < count; i++)
        wire_put64(wire + (size_t)i * 8, x[i]);
    rope_init(out);
    rope_add_bytes(out, wire, (size_t)count * 8);
    port_free(n->port, wire);
}

/* Takes the rope.  The receiver makes right what a node of the other order has sent. */
static void words_from_rope(struct nx *n, struct rope *in, uint64_t *x, uint32_t count,
                            uint32_t from)
{
    if (n->os && os_little_endian(n->os->layout, n->nodes[from]) != port_little_endian(n->port))
        port_work(n->port, PORT_WORK_SWAP, (uint64_t)count * 2);
    ASSERT_MSG(in->length == (uint64_t)count * 8, "nodes call a global operation with other sizes");
    uint8_t *wire = port_alloc(n->port, (size_t)count * 8);
    rope_read(in, 0, (size_t)count * 8, wire);
    for (uint32_t i = 0; i < count; i++)
        x[i] = wire_get64(wire + (size_t)i * 8);
    port_free(n->port, wire);
    rope_fini(in);
}

static enum nx_status send_words(struct nx *n, int64_t tag, const uint64_t *x, uint32_t count,
                                 uint32_t to)
{
    struct rope data;
    words_to_rope(n, x, count, &data);
    enum nx_status status = send(n, tag, &data, to);
    rope_fini(&data);
    return status;
}

static enum nx_status receive_words(struct nx *n, int64_t tag, uint64_t *x, uint32_t count,
                                    uint32_t from)
{
    struct rope data;
    enum nx_status status = receive(n, tag, from, &data);
    if (status == NX_OK)
        words_from_rope(n, &data, x, count, from);
    rope_fini(&data);
    return status;
}

static void combine(struct nx *n, combine_fn *fn, uint64_t *x, uint64_t *other, bool other_is_lower,
                    uint32_t count)
{
    port_work(n->port, PORT_WORK_FLOP, count);
    if (!other_is_lower) {
        fn(x, other, count);
        return;
    }
    fn(other, x, count);
    memcpy(x, other, (size_t)count * 8);
}

/* Recursive doubling among the `power` lowest. */
static enum nx_status double_up(struct nx *n, int64_t tag, uint64_t *x, uint64_t *other,
                                uint32_t count, uint32_t power, combine_fn *fn)
{
    enum nx_status status = NX_OK;
    for (uint32_t mask = 1; mask < power && status == NX_OK; mask *= 2, tag++) {
        uint32_t partner = n->rank ^ mask;
        struct rope mine, theirs;
        words_to_rope(n, x, count, &mine);
        status = exchange(n, tag, &mine, partner, partner, &theirs);
        if (status == NX_OK) {
            words_from_rope(n, &theirs, other, count, partner);
            combine(n, fn, x, other, partner < n->rank, count);
        }
        rope_fini(&theirs);
        rope_fini(&mine);
    }
    return status;
}

static enum nx_status reduce_words(struct nx *n, uint64_t *x, uint32_t count, combine_fn *fn)
{
    int64_t tag = next_tag(n);
    uint32_t power = 1;
    while (power * 2 <= n->count)
        power *= 2;
    if (n->rank >= power) {
        enum nx_status status = send_words(n, tag, x, count, n->rank - power);
        return status == NX_OK ? receive_words(n, tag + 1, x, count, n->rank - power) : status;
    }
    bool helps = n->rank + power < n->count;
    uint64_t *other = port_alloc(n->port, (size_t)count * 8);
    enum nx_status status = helps ? receive_words(n, tag, other, count, n->rank + power) : NX_OK;
    if (helps && status == NX_OK)
        combine(n, fn, x, other, false, count);
    if (status == NX_OK)
        status = double_up(n, tag + 2, x, other, count, power, fn);
    port_free(n->port, other);
    if (helps && status == NX_OK)
        status = send_words(n, tag + 1, x, count, n->rank + power);
    return status;
}

static enum nx_status reduce(struct nx *n, uint64_t *x, uint32_t count, combine_fn *fn)
{
    uint64_t id = n->collective + 1;
    bool announced = nx_enter(n);
    port_trace_begin(n->port, "messages", "reduce", id);
    enum nx_status status = reduce_words(n, x, count, fn);
    port_trace_end(n->port, "messages", "reduce", id);
    nx_leave(n, announced);
    return status;
}

static double as_double(uint64_t w)
{
    double d;
    memcpy(&d, &w, sizeof(d));
    return d;
}

static uint64_t as_word(double d)
{
    uint64_t w;
    memcpy(&w, &d, sizeof(w));
    return w;
}

static void add_doubles(uint64_t *lower, const uint64_t *higher, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        lower[i] = as_word(as_double(lower[i]) + as_double(higher[i]));
}

static void max_doubles(uint64_t *lower, const uint64_t *higher, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (as_double(higher[i]) > as_double(lower[i]))
            lower[i] = higher[i];
}

static void min_doubles(uint64_t *lower, const uint64_t *higher, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if (as_double(higher[i]) < as_double(lower[i]))
            lower[i] = higher[i];
}

static void add_integers(uint64_t *lower, const uint64_t *higher, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        lower[i] += higher[i];
}

static void max_integers(uint64_t *lower, const uint64_t *higher, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++)
        if ((int64_t)higher[i] > (int64_t)lower[i])
            lower[i] = higher[i];
}

static enum nx_status reduce_doubles(struct nx *n, double *x, uint32_t count, combine_fn *fn)
{
    uint64_t *words = port_alloc(n->port, (size_t)count * 8);
    memcpy(words, x, (size_t)count * 8);
    enum nx_status status = reduce(n, words, count, fn);
    memcpy(x, words, (size_t)count * 8);
    port_free(n->port, words);
    return status;
}

enum nx_status nx_gdsum(struct nx *n, double *x, uint32_t count)
{
    return reduce_doubles(n, x, count, add_doubles);
}

enum nx_status nx_gdhigh(struct nx *n, double *x, uint32_t count)
{
    return reduce_doubles(n, x, count, max_doubles);
}

enum nx_status nx_gdlow(struct nx *n, double *x, uint32_t count)
{
    return reduce_doubles(n, x, count, min_doubles);
}

static enum nx_status reduce_integers(struct nx *n, int64_t *x, uint32_t count, combine_fn *fn)
{
    uint64_t *words = port_alloc(n->port, (size_t)count * 8);
    memcpy(words, x, (size_t)count * 8);
    enum nx_status status = reduce(n, words, count, fn);
    memcpy(x, words, (size_t)count * 8);
    port_free(n->port, words);
    return status;
}

enum nx_status nx_gisum(struct nx *n, int64_t *x, uint32_t count)
{
    return reduce_integers(n, x, count, add_integers);
}

enum nx_status nx_gihigh(struct nx *n, int64_t *x, uint32_t count)
{
    return reduce_integers(n, x, count, max_integers);
}

/* ---- data ---- */
enum nx_status nx_bcast(struct nx *n, struct rope *data, uint32_t root)
{
    bool announced = nx_enter(n);
    int64_t tag = next_tag(n);
    uint32_t place = (n->rank + n->count - root) % n->count; /* in the tree: 0 is the root */
    uint32_t mask = 1;
    enum nx_status status = NX_OK;
    port_trace_begin(n->port, "messages", "bcast", n->collective);
    while (mask < n->count && !(place & mask))
        mask *= 2;
    if (place != 0) {
        rope_fini(data);
        status = receive(n, tag, (n->rank + n->count - mask) % n->count, data);
    }
    for (mask /= 2; mask > 0 && status == NX_OK; mask /= 2) {
        if (place + mask >= n->count)
            continue;
        struct rope copy;
        rope_copy(&copy, data);
        status = send(n, tag, &copy, (n->rank + mask) % n->count);
        rope_fini(&copy);
    }
    port_trace_end(n->port, "messages", "bcast", n->collective);
    nx_leave(n, announced);
    return status;
}

/* A run of parts as one message: for each its length, then its bytes. */
static void pack_parts(const struct rope *parts, uint32_t count, struct rope *out)
{
    rope_init(out);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t length[8];
        wire_put64(length, parts[i].length);
        rope_add_bytes(out, length, sizeof(length));
        rope_add_slice(out, &parts[i], 0, parts[i].length);
    }
}

/* Takes the rope. */
static void unpack_parts(struct rope *in, struct rope *parts, uint32_t count)
{
    struct rope_cursor c;
    rope_cursor_init(&c, in);
    for (uint32_t i = 0; i < count; i++) {
        uint8_t wire[8];
        struct rope length;
        rope_init(&length);
        ASSERT(c.left >= sizeof(wire));
        rope_cursor_take(&c, sizeof(wire), &length);
        rope_read(&length, 0, sizeof(wire), wire);
        rope_fini(&length);
        ASSERT(c.left >= wire_get64(wire));
        rope_init(&parts[i]);
        rope_cursor_take(&c, wire_get64(wire), &parts[i]);
    }
    rope_fini(in);
}

enum nx_status nx_gcol(struct nx *n, struct rope *mine, struct rope *out)
{
    bool announced = nx_enter(n);
    int64_t tag = next_tag(n);
    enum nx_status status = NX_OK;
    port_trace_begin(n->port, "messages", "gcol", n->collective);
    /* parts[i] is what node rank + i brings. */
    struct rope *parts = port_alloc(n->port, n->count * sizeof(*parts));
    rope_move(&parts[0], mine);
    uint32_t have = 1;
    for (; have < n->count && status == NX_OK; tag++) {
        uint32_t more = have < n->count - have ? have : n->count - have;
        struct rope outgoing, incoming;
        pack_parts(parts, more, &outgoing);
        status = exchange(n, tag, &outgoing, (n->rank + n->count - have) % n->count,
                          (n->rank + have) % n->count, &incoming);
        rope_fini(&outgoing);
        if (status == NX_OK)
            unpack_parts(&incoming, parts + have, more);
        rope_fini(&incoming);
        have += more;
    }
    rope_init(out);
    for (uint32_t node = 0; node < n->count; node++)
        rope_join(out, &parts[(node + n->count - n->rank) % n->count]);
    port_free(n->port, parts);
    port_trace_end(n->port, "messages", "gcol", n->collective);
    nx_leave(n, announced);
    return status;
}
