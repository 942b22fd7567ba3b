/* digest.c: sums the hashes of records at the waist.
 *
 * A record is five little-endian 64-bit numbers, whatever the machine's byte order.
 */
#include "sim/digest.h"

#include <endian.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#define XXH_INLINE_ALL /* a record is short: the call would cost as much as the hash */
#include <xxhash.h>

#include "sim/internal.h"

struct sim_digest {
    uint64_t low, high; /* the sum, modulo 2^128 */
    uint64_t records[SIM_WAIST_COUNT];
};

struct sim_digest *sim_digest_create(struct sim *s)
{
    (void)s;
    return base_zalloc(1, sizeof(struct sim_digest));
}

void sim_digest_destroy(struct sim_digest *d)
{
    free(d);
}

void sim_waist(struct sim *s, enum sim_waist kind, sim_time time, int64_t node, uint64_t length,
               uint64_t content)
{
    struct sim_digest *d = sim_digest(s);
    ASSERT((unsigned)kind < SIM_WAIST_COUNT);
    const uint64_t record[5] = { htole64((uint64_t)kind), htole64((uint64_t)time),
                                 htole64((uint64_t)node), htole64(length), htole64(content) };
    XXH128_hash_t h = XXH3_128bits(record, sizeof record);
    bool carry = __builtin_add_overflow(d->low, h.low64, &d->low);
    d->high += h.high64 + carry;
    d->records[kind]++;
}

void sim_digest_text(struct sim *s, char out[33])
{
    const struct sim_digest *d = sim_digest(s);
    snprintf(out, 33, "%016" PRIx64 "%016" PRIx64, d->high, d->low);
}

uint64_t sim_digest_records(struct sim *s, enum sim_waist kind)
{
    return sim_digest(s)->records[kind];
}
