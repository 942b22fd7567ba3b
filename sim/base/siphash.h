/* siphash.h: SipHash-2-4: a number of bytes that nobody guesses who has not the key [Aumasson &
 * Bernstein 2012].
 */
#ifndef SIM_BASE_SIPHASH_H
#define SIM_BASE_SIPHASH_H

#include <stddef.h>
#include <stdint.h>

/* Of n bytes at `data`, whatever the order of bytes of the machine. */
uint64_t siphash(const uint64_t key[2], const void *data, size_t n);

#endif
