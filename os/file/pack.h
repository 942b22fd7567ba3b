/* pack.h: bytes made fewer: the words in which two pages differ, and compression.
 *
 *   PACK1  What was made here is read back the same; anything else gives false, and no byte outside
 *       what was handed in is touched.
 *
 * Differences [Plank, Xu & Netzer, CS-95-302, 1995]: runs of words of 4 bytes, each u16 words to
 * skip, u16 words of the run, the words.  Compression is LZRW1 [Williams, DCC 1991]: groups of a
 * u16 of control bits, the lowest first, and 16 items: a byte, or (bit set) u16 of which the upper
 * four bits are the length - 3 and the rest says how far back the same bytes stand.
 */
#ifndef OS_FILE_PACK_H
#define OS_FILE_PACK_H

#include "sim/base/base.h"

#define PACK_WORD 4u
#define PACK_TABLE 4096u     /* entries */
#define PACK_NONE SIZE_MAX   /* it does not fit */
#define PACK_MOST (1u << 24) /* the most that is compressed at once */

/* What `now` has that `old` has not; n: a multiple of PACK_WORD. */
size_t pack_diff(const uint8_t *old, const uint8_t *now, size_t n, uint8_t *out, size_t room);
bool pack_patch(uint8_t *bytes, size_t n, const uint8_t *diff, size_t length);

/* table: PACK_TABLE words, for this call. */
size_t pack_lz(const uint8_t *in, size_t n, uint8_t *out, size_t room, uint32_t *table);
bool pack_unlz(const uint8_t *in, size_t length, uint8_t *out, size_t n);

#endif
