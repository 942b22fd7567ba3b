/* rope_internal.h: what the files of the rope share: leaf kinds and the checksum they compose. */
#ifndef SIM_BASE_ROPE_INTERNAL_H
#define SIM_BASE_ROPE_INTERNAL_H

#include "sim/base/rope.h"

extern const struct leaf_ops leaf_bytes_ops, leaf_zero_ops, leaf_pattern_ops, leaf_xor_ops;

/* Counts an allocated leaf in and out. */
void leaf_born(struct leaf *l, const struct leaf_ops *ops, uint64_t length);
void leaf_died(void);
bool leaf_is_descriptor(const struct leaf *l); /* no bytes of its own anywhere below it */

/* New leaves with refs == 1; the zero leaf is one for all and not counted. */
struct leaf *leaf_bytes_create(size_t len, uint8_t **data); /* the caller fills *data at once */
struct leaf *leaf_pattern_create(uint64_t seed);
struct leaf *leaf_zero(void);

/* Equal without reading? */
bool slice_same(const struct rope_slice *a, const struct rope_slice *b, uint64_t len);

/* CRC-64 (ECMA-182 polynomial, no inversion, first bit highest) of bytes appended to state s; and
 * of n zero bytes appended. */
uint64_t crc_bytes(uint64_t s, const uint8_t *bytes, size_t len);
uint64_t crc_zeros(uint64_t s, uint64_t n);
uint64_t crc_slice(uint64_t s, const struct leaf *l, uint64_t off, uint64_t len);
uint64_t crc_pattern(uint64_t s, uint64_t seed, uint64_t off, uint64_t len);

/* The terms of a lazy parity leaf: all of the leaf's length, none zero or parity itself. */
struct leaf_xor {
    struct leaf leaf;
    size_t count;
    struct rope_slice terms[];
};

#endif
