/* test_siphash.c: the hash with a key against its authors' own values. */
#include <criterion/criterion.h>

#include "sim/base/siphash.h"

/* Key 00 01 .. 0f; the bytes 00 01 .. of each length: [Aumasson & Bernstein 2012, appendix A], and
 * of their program's vectors the first. */
Test(siphash, is_that_of_its_authors)
{
    const uint64_t key[2] = { 0x0706050403020100u, 0x0f0e0d0c0b0a0908u };
    uint8_t bytes[15];
    for (unsigned i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)i;
    cr_assert_eq(siphash(key, bytes, 15), 0xa129ca6149be45e5u);
    cr_assert_eq(siphash(key, bytes, 0), 0x726fdb47dd0e0e31u);
}
