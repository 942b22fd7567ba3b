/* rope.h: immutable data as a sequence of slices of shared leaves.
 *
 * The bytes of messages, disk blocks, pages and files.  Copying, splitting and joining move slices,
 * never bytes.
 *   ROPE1  A leaf never changes once a rope holds it, but by who holds it alone (rope_bytes), and
 *       but for a buffer (leaf_buffer_new); it lives until the last slice is dropped.
 *   ROPE2  A rope's slices are non-empty, and neighbours that continue each other are merged.
 *   ROPE3  A leaf belongs to no task and no node: it is counted, and no host pointer into it is
 *       kept longer than a rope that holds it stays as it is.
 * Leaf kinds are const ops, so that others (copy-on-write pages, lazy parity) can join.
 */
#ifndef SIM_BASE_ROPE_H
#define SIM_BASE_ROPE_H

#include "sim/base/base.h"

struct leaf;

struct leaf_ops {
    const char *name;
    bool stays; /* it may not leave its node: rope_settle (rope_flatten asserts) */
    /* Writes bytes [off, off+len) of the leaf to out. */
    void (*read)(const struct leaf *l, uint64_t off, size_t len, uint8_t *out);
    /* Frees the leaf and drops what it refers to. */
    void (*destroy)(struct leaf *l);
    /* True when [aoff, aoff+len) of a and [boff, ...) of b, both of this kind, are known to be
     * equal without reading them; NULL or false: compare bytes. */
    bool (*same)(const struct leaf *a, uint64_t aoff, const struct leaf *b, uint64_t boff,
                 uint64_t len);
    /* Slices of this kind at (a, aoff) continue at (b, boff)?  NULL: only when a == b. */
    bool (*continues)(const struct leaf *a, uint64_t aend, const struct leaf *b, uint64_t boff);
    /* The checksum of rope_hash with state s after bytes [off, off+len); NULL: they are read. */
    uint64_t (*crc)(const struct leaf *l, uint64_t s, uint64_t off, uint64_t len);
    /* The same for rope_name: s and what says which bytes these are, without a look at them. NULL:
     * crc. */
    uint64_t (*named)(const struct leaf *l, uint64_t s, uint64_t off, uint64_t len);
};

struct leaf {
    const struct leaf_ops *ops;
    uint32_t refs;
    uint64_t length;
};

struct rope_slice {
    struct leaf *leaf;
    uint64_t off, len;
};

#define ROPE_INLINE 2

struct rope {
    uint64_t length; /* bytes */
    uint32_t count, capacity;
    struct rope_slice *slices; /* == fixed while count <= ROPE_INLINE */
    struct rope_slice fixed[ROPE_INLINE];
};

/* Rope in caller storage.  Because of the inline slices a rope must not be copied by assignment:
 * rope_move and rope_copy. */
static inline void rope_init(struct rope *r) /* empty */
{
    r->length = 0;
    r->count = 0;
    r->capacity = ROPE_INLINE;
    r->slices = r->fixed;
}

void rope_clear(struct rope *r);             /* private */
static inline void rope_fini(struct rope *r) /* drops its slices; empty afterwards */
{
    if (r->count > 0 || r->slices != r->fixed)
        rope_clear(r);
}
void rope_copy(struct rope *dst,
               const struct rope *src); /* dst is initialised here; shares leaves */
void rope_own(struct rope *r);          /* private: its spilled slices are r's now */
/* dst initialised here; src empty afterwards. */
static inline void rope_move(struct rope *dst, struct rope *src)
{
    /* Word by word: a wide load of words that have just been stored would wait for them. */
    dst->length = src->length;
    dst->count = src->count;
    dst->capacity = src->capacity;
    if (src->slices != src->fixed && src->slices != NULL) {
        dst->slices = src->slices;
        rope_own(dst);
    } else {
        dst->slices = dst->fixed;
        for (uint32_t i = 0; i < src->count; i++) {
            dst->fixed[i].leaf = src->fixed[i].leaf;
            dst->fixed[i].off = src->fixed[i].off;
            dst->fixed[i].len = src->fixed[i].len;
        }
    }
    rope_init(src);
}

/* Appends: private copy of bytes; len zero bytes; len bytes of the pattern `seed` from offset
 * `off`. */
void rope_add_bytes(struct rope *r, const void *bytes, size_t len);
void rope_add_zero(struct rope *r, uint64_t len);
void rope_add_pattern(struct rope *r, uint64_t seed, uint64_t off, uint64_t len);
/* Appends a new leaf (refs == 1 on entry; the rope takes that reference). */
void rope_add_leaf(struct rope *r, struct leaf *l, uint64_t off, uint64_t len);

/* Appends src, which is empty afterwards. */
void rope_join(struct rope *r, struct rope *src);
/* Appends bytes [off, off+len) of src, which keeps them. */
void rope_add_slice(struct rope *r, const struct rope *src, uint64_t off, uint64_t len);
/* A place in a rope: what is taken there goes on where the last taking ended, at the cost of the
 * slices that it passes.  The rope stays as it is meanwhile. */
struct rope_cursor {
    const struct rope *rope;
    uint32_t slice;
    uint64_t in;   /* bytes of the slice before the place */
    uint64_t left; /* bytes of the rope behind it */
};
void rope_cursor_init(struct rope_cursor *c, const struct rope *r);         /* at its front */
void rope_cursor_skip(struct rope_cursor *c, uint64_t n);                   /* passes n bytes */
void rope_cursor_take(struct rope_cursor *c, uint64_t n, struct rope *out); /* appends to out */
/* Moves the bytes from `at` on to tail (initialised here); r keeps the first `at`. */
void rope_split(struct rope *r, uint64_t at, struct rope *tail);
/* Drops the first / all but the first n bytes. */
void rope_drop_front(struct rope *r, uint64_t n);
void rope_truncate(struct rope *r, uint64_t n);
/* Moves the first n bytes to out. */
void rope_take_front(struct rope *r, size_t n, void *out);

/* The bytes of a rope that is one slice of a byte leaf, at a multiple of eight, or NULL.  `alone`:
 * NULL also when another slice holds the leaf; else the caller may change them (ROPE1). */
uint8_t *rope_bytes(const struct rope *r, bool alone);

/* Writes bytes [off, off+len) to out; the range must lie inside. */
void rope_read(const struct rope *r, uint64_t off, size_t len, void *out);

/* Replaces the contents by one private byte leaf of the same bytes ("flatten"): proof that no
 * pointer travels.  Pattern and zero slices stay descriptors when keep_patterns is set. */
void rope_flatten(struct rope *r, bool keep_patterns);

/* Byte-for-byte equality; descriptors that are known equal are not materialised. */
bool rope_equal(const struct rope *a, const struct rope *b);
/* Offset of the first byte that differs, or UINT64_MAX when equal (a shorter rope differs at its
 * end). */
uint64_t rope_first_difference(const struct rope *a, const struct rope *b);

/* A 64-bit hash of the bytes, the same whatever the slices and kinds.  Pattern and zero stretches
 * cost O(1) per 4 KiB-aligned block at most, parity that per member: a CRC-64, which composes
 * and is linear over XOR, mixed with the length; see rope.c and pattern.c. */
uint64_t rope_hash(const struct rope *r);
/* The same of frames, of which a run has millions: a stretch of a pattern counts by its seed,
 * offset and length, which say what its bytes are, all else by its bytes.  The same however the
 * rope is cut, joined and flattened with its patterns kept; not the same when a pattern has been
 * made bytes. */
uint64_t rope_name(const struct rope *r);

/* Byte `off` of pattern `seed`, the definition that all else must agree with. */
uint8_t pattern_byte(uint64_t seed, uint64_t off);
void pattern_fill(uint64_t seed, uint64_t off, size_t len, uint8_t *out);

/* XOR of `count` ropes of equal length as a lazy leaf over them (parity); dst initialised here. The
 * members are shared, not copied.  XOR with itself cancels.  Bytes are made only when they are
 * read. */
void rope_xor(struct rope *dst, const struct rope *const *members, size_t count);

/* For those that keep slices outside a rope (contents of devices) or have leaf kinds of their own:
 * prepares and counts a new leaf; a reference more, one less; are the leaf's bytes all zero; does b
 * go on where a ends. */
void leaf_init(struct leaf *l, const struct leaf_ops *ops, uint64_t length); /* refs == 1 */
void leaf_get(struct leaf *l);
void leaf_put(struct leaf *l);
bool leaf_is_zero(const struct leaf *l);
bool slice_continues(const struct rope_slice *a, const struct rope_slice *b);

/* A buffer: memory that protection domains of a node share, which one of them may still write while
 * ropes hold it.  Its bytes are `content`, which is taken; refs == 1.  `owner` is the maker's own,
 * who looks after its safety: NULL of any other leaf. */
struct leaf *leaf_buffer_new(struct rope *content, void *owner);
void *leaf_buffer_owner(const struct leaf *l);
/* Writes at `off`: all who hold the buffer see it. */
void leaf_buffer_put(struct leaf *l, uint64_t off, const struct rope *bytes);
bool rope_stays(const struct rope *r); /* it has leaves that may not leave their node */
/* Puts what buffers hold now in their place: before it leaves, and for who must not see later
 * writes. */
void rope_settle(struct rope *r);

struct rope_span {
    void *start;
    size_t size; /* bytes */
};
/* Finishes every rope that lies in memory which is about to be dropped whole: the heap of a task
 * that crashed, none of whose code runs any more.  Spans are aligned like malloc's, disjoint, and
 * come back sorted. */
void rope_sweep(struct rope_span *spans, size_t count);

/* Leaves alive in this process: for the leak audit. */
uint64_t rope_leaves_alive(void);

#endif
