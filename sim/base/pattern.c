/* pattern.c: bytes that are a function of (seed, offset), and their checksum in O(1) a block.
 *
 * Definition.  A pattern is cut into blocks of 4 KiB, 512 words of 8 bytes, lowest byte first.
 * Word i of block b of pattern `seed` is
 *     rotate_left(key(seed, b), turn[i]) XOR salt[i]
 * where key is a mixing function and turn and salt are fixed tables.  Words of a block differ by
 * their salt and turn; the same word of two blocks differs by its key.
 *
 * Why so: rotation and XOR are linear over GF(2), and so is a CRC.  The checksum of a whole block
 * is therefore  checksum(salt) XOR L(key)  with one fixed linear map L of 64 bits to 64 bits, a
 * look-up for each half byte of the key, in 2 KiB of table.  Bulk data of any size is hashed
 * without being made.  L has rank 63: the polynomial has the factor x + 1 and every bit of the key
 * occurs 512 times in a block, so one dimension is lost whatever the turns; these turns lose no
 * other (test).
 *
 * The first k words of a block have a map L_k and a constant of their own, for every k.  What lies
 * between two words is the difference of two such prefixes, so a part of a block costs no bytes
 * either: messages cut patterns anywhere.
 */
#include <isa-l/crc64.h>
#include <string.h>

#if defined(__x86_64__)
#include <immintrin.h>
#endif

#include "sim/base/rope_internal.h"

#define BLOCK 4096
#define WORDS (BLOCK / 8)
#define ECMA_POLY 0x42f0e1eba9ea3693ULL

static uint64_t salt[WORDS];
static uint8_t turn[WORDS];
static uint64_t zeros[64]; /* x^(8 * 2^k): appending 2^k zero bytes */

/* Prefixes of a block: the checksum of the first k words is prefix_salt[k] and what each bit of the
 * key adds, bit 63 - 16 l - t at [k][t][l]: four lanes of a register, one bit further at each step.
 * shift[k] is x^(64 k), few[k] x^(8 k). */
#define LANES 4
#define STEPS (64 / LANES)
static _Alignas(64) uint64_t prefix[WORDS + 1][STEPS][LANES];
static uint64_t prefix_salt[WORDS + 1], shift[WORDS + 1], few[8];

/* The finaliser of MurmurHash3's 64-bit variant as improved by Stafford (his mix 13). */
static uint64_t mix(uint64_t z)
{
    z = (z ^ (z >> 30)) * 0xbf58476d1ce4e5b9ULL;
    z = (z ^ (z >> 27)) * 0x94d049bb133111ebULL;
    return z ^ (z >> 31);
}

static uint64_t rotate(uint64_t x, unsigned n)
{
    return (x << (n & 63)) | (x >> (-n & 63));
}

/* Product modulo the CRC's polynomial. */
static uint64_t gf_mul_plain(uint64_t a, uint64_t b)
{
    uint64_t r = 0;
    for (int bit = 63; bit >= 0; bit--) {
        r = (r << 1) ^ (r >> 63 ? ECMA_POLY : 0);
        if (b >> bit & 1)
            r ^= a;
    }
    return r;
}

static uint64_t (*gf_mul)(uint64_t a, uint64_t b) = gf_mul_plain;

#if defined(__x86_64__)
#define ECMA_QUOTIENT 0x578d29d06cc4f872ULL /* x^128 divided by the polynomial, without x^64 */

/* The same by the processor's carry-less product; the remainder as Barrett's. */
__attribute__((target("pclmul,sse4.1"))) static uint64_t gf_mul_clmul(uint64_t a, uint64_t b)
{
    const __m128i by = _mm_set_epi64x((long long)ECMA_POLY, (long long)ECMA_QUOTIENT);
    __m128i product =
        _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)a), _mm_cvtsi64_si128((long long)b), 0);
    __m128i q = _mm_clmulepi64_si128(product, by, 0x01); /* its upper half * quotient */
    uint64_t high = (uint64_t)_mm_extract_epi64(product, 1) ^ (uint64_t)_mm_extract_epi64(q, 1);
    __m128i back = _mm_clmulepi64_si128(_mm_cvtsi64_si128((long long)high), by, 0x10);
    return (uint64_t)_mm_cvtsi128_si64(product) ^ (uint64_t)_mm_cvtsi128_si64(back);
}

#endif

/* What the key adds to the checksum of the first `words` words. */
static uint64_t of_key_plain(uint64_t key, size_t words)
{
    uint64_t r = 0;
    for (size_t t = 0; t < STEPS; t++)
        for (size_t l = 0; l < LANES; l++)
            r ^= prefix[words][t][l] & -(key >> (63 - STEPS * l - t) & 1);
    return r;
}

static uint64_t (*of_key)(uint64_t key, size_t words) = of_key_plain;

#if defined(__x86_64__)
__attribute__((target("avx2"))) static uint64_t of_key_avx2(uint64_t key, size_t words)
{
    __m256d bits = _mm256_castsi256_pd(_mm256_sllv_epi64(
        _mm256_set1_epi64x((long long)key), _mm256_set_epi64x(3LL * STEPS, 2LL * STEPS, STEPS, 0)));
    __m256d r = _mm256_setzero_pd();
#pragma GCC unroll 16
    for (size_t t = 0; t < STEPS; t++) {
        __m256d column = _mm256_load_pd((const double *)prefix[words][t]);
        r = _mm256_xor_pd(r, _mm256_blendv_pd(_mm256_setzero_pd(), column, bits));
        bits = _mm256_castsi256_pd(_mm256_slli_epi64(_mm256_castpd_si256(bits), 1));
    }
    __m128d half = _mm_xor_pd(_mm256_castpd256_pd128(r), _mm256_extractf128_pd(r, 1));
    __m128i both = _mm_castpd_si128(half);
    return (uint64_t)(_mm_extract_epi64(both, 0) ^ _mm_extract_epi64(both, 1));
}
#endif

static void choose_forms(void)
{
#if defined(__x86_64__)
    if (__builtin_cpu_supports("pclmul") && __builtin_cpu_supports("sse4.1"))
        gf_mul = gf_mul_clmul;
    if (__builtin_cpu_supports("avx2"))
        of_key = of_key_avx2;
#endif
}

uint64_t crc_bytes(uint64_t s, const uint8_t *bytes, size_t len)
{
    return ~crc64_ecma_norm(~s, bytes, len); /* ISA-L inverts before and after */
}

static void store_words(uint64_t *words, size_t count)
{
#if __BYTE_ORDER__ != __ORDER_LITTLE_ENDIAN__
    for (size_t i = 0; i < count; i++)
        words[i] = __builtin_bswap64(words[i]);
#else
    (void)words;
    (void)count;
#endif
}

static uint64_t crc_word(uint64_t s, uint64_t word)
{
    store_words(&word, 1);
    return crc_bytes(s, (const uint8_t *)&word, sizeof word);
}

static void build_prefixes(void)
{
    shift[0] = few[0] = 1;
    for (unsigned i = 1; i < 8; i++)
        few[i] = gf_mul(few[i - 1], zeros[0]);
    for (unsigned i = 0; i < WORDS; i++) {
        shift[i + 1] = gf_mul(shift[i], zeros[3]);
        prefix_salt[i + 1] = crc_word(prefix_salt[i], salt[i]);
        for (unsigned t = 0; t < STEPS; t++)
            for (unsigned l = 0; l < LANES; l++)
                prefix[i + 1][t][l] =
                    crc_word(prefix[i][t][l], rotate(1ULL << (63 - STEPS * l - t), turn[i]));
    }
}

static void build_tables(void)
{
    choose_forms();
    for (unsigned i = 0; i < WORDS; i++) {
        salt[i] = mix(0x9e3779b97f4a7c15ULL * (i + 1));
        turn[i] = (uint8_t)(mix(salt[i] + 5) >> 58);
    }
    zeros[0] = 1ULL << 8;
    for (int k = 1; k < 64; k++)
        zeros[k] = gf_mul(zeros[k - 1], zeros[k - 1]);
    build_prefixes();
    /* The forms of this processor and the plain ones are one function. */
    ASSERT(gf_mul(salt[0], salt[1]) == gf_mul_plain(salt[0], salt[1]));
    ASSERT(of_key(salt[2], WORDS - 1) == of_key_plain(salt[2], WORDS - 1));
}

static void tables(void)
{
    static bool built;
    if (!built) {
        build_tables();
        built = true;
    }
}

static uint64_t block_key(uint64_t seed, uint64_t block)
{
    return mix(mix(seed + 0x9e3779b97f4a7c15ULL) + block * 0xd1342543de82ef95ULL);
}

uint8_t pattern_byte(uint64_t seed, uint64_t off)
{
    tables();
    uint64_t i = off % BLOCK / 8;
    uint64_t word = rotate(block_key(seed, off / BLOCK), turn[i]) ^ salt[i];
    return (uint8_t)(word >> (8 * (off % 8)));
}

/* Words [first, first+count) of a block. */
static void fill_words(uint64_t key, size_t first, size_t count, uint64_t *words)
{
    for (size_t i = 0; i < count; i++)
        words[i] = rotate(key, turn[first + i]) ^ salt[first + i];
    store_words(words, count);
}

void pattern_fill(uint64_t seed, uint64_t off, size_t len, uint8_t *out)
{
    tables();
    static uint64_t words[WORDS]; /* not on the small stacks of simulated threads */
    while (len > 0) {
        size_t at = off % BLOCK;
        size_t n = BLOCK - at < len ? BLOCK - at : len;
        size_t first = at / 8, end = (at + n + 7) / 8;
        fill_words(block_key(seed, off / BLOCK), first, end - first, words);
        memcpy(out, (const uint8_t *)words + at % 8, n);
        out += n;
        off += n;
        len -= n;
    }
}

uint64_t crc_zeros(uint64_t s, uint64_t n)
{
    tables();
    if (s == 0)
        return 0;
    for (int k = 0; n != 0; k++, n >>= 1) {
        if (n & 1)
            s = gf_mul(s, zeros[k]);
    }
    return s;
}

/* The checksum of the first `bytes` bytes of a block.  Where one fragment of a message ends the
 * next begins: the latest is kept. */
static uint64_t crc_prefix(uint64_t key, size_t bytes)
{
    static uint64_t last_key, last;
    static size_t last_bytes;
    if (last_bytes == bytes && last_key == key)
        return last;
    size_t k = bytes / 8;
    last = prefix_salt[k] ^ of_key(key, k);
    if (bytes % 8 != 0) { /* of a message M of n bytes: (state + M x^(64 - 8n)) x^(8n) */
        uint64_t word = __builtin_bswap64(rotate(key, turn[k]) ^ salt[k]);
        last = gf_mul(last ^ (word & ~(UINT64_MAX >> 8 * (bytes % 8))), few[bytes % 8]);
    }
    last_key = key;
    last_bytes = bytes;
    return last;
}

/* State s after bytes [at, at+n) of a block. */
static uint64_t crc_part(uint64_t s, uint64_t key, size_t at, size_t n)
{
    uint64_t by = shift[n / 8];
    if (at > 0)
        s ^= crc_prefix(key, at);
    if (n % 8 != 0)
        by = gf_mul(by, few[n % 8]);
    return gf_mul(s, by) ^ crc_prefix(key, at + n);
}

uint64_t crc_pattern(uint64_t s, uint64_t seed, uint64_t off, uint64_t len)
{
    tables();
    while (len > 0) {
        uint64_t at = off % BLOCK;
        uint64_t n = BLOCK - at < len ? BLOCK - at : len;
        s = crc_part(s, block_key(seed, off / BLOCK), (size_t)at, (size_t)n);
        off += n;
        len -= n;
    }
    return s;
}
