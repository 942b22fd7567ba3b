/* test_aal5.c: cells and AAL5 against the standard's polynomials bit by bit, and known values. */
#include <criterion/criterion.h>
#include <string.h>

#include "sim/base/aal5.h"

/* Remainder of the bits of `bytes`, most significant first, by a polynomial of that degree. */
static uint32_t divide(const uint8_t *bytes, size_t len, uint32_t polynomial, int degree,
                       uint32_t start)
{
    uint64_t top = UINT64_C(1) << degree, rest = start;
    for (size_t i = 0; i < 8 * len; i++) {
        uint64_t bit = (unsigned)bytes[i / 8] >> (7 - i % 8) & 1u;
        rest = rest << 1 ^ bit << degree;
        if (rest & top)
            rest ^= top | polynomial;
    }
    return (uint32_t)rest;
}

static uint32_t slow_crc(const uint8_t *bytes, size_t len)
{
    return ~divide(bytes, len, 0x04c11db7, 32, UINT32_MAX);
}

/* The value of nine digits is that of CRC-32/BZIP2, the same polynomial and bit order. */
Test(aal5, the_crc_has_the_known_values_and_is_that_of_the_polynomial_bit_by_bit)
{
    uint8_t bytes[300];
    cr_assert_eq(aal5_crc(0, "123456789", 9), 0xfc891918);
    cr_assert_eq(aal5_crc(aal5_crc(0, "1234", 4), "56789", 5), 0xfc891918);
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (uint8_t)(i * i * 37 + 11);
    for (size_t len = 0; len <= sizeof bytes; len++)
        cr_assert_eq(aal5_crc(0, bytes, len), slow_crc(bytes, len), "%zu bytes", len);
}

/* 40 octets of 0, of 255, and counting from 1, UU and CPI 0 [the examples of I.363.5]. */
Test(aal5, the_standard_s_examples_have_their_crc)
{
    static const uint32_t crc[] = { 0x864d7f99, 0xc55e457a, 0xbf671ed0 };
    for (uint32_t k = 0; k < 3; k++) {
        uint8_t octets[48];
        struct rope r;
        for (uint32_t i = 0; i < 40; i++)
            octets[i] = (uint8_t)(k == 0 ? 0 : k == 1 ? 255 : i + 1);
        rope_init(&r);
        rope_add_bytes(&r, octets, 40);
        aal5_close(&r, 0);
        cr_assert_eq(r.length, 48);
        rope_read(&r, 0, 48, octets);
        for (uint32_t i = 0; i < 4; i++)
            cr_assert_eq(octets[44 + i], (uint8_t)(crc[k] >> (24 - 8 * i)));
        rope_fini(&r);
    }
}

/* ceil((L + 8) / 48): an acknowledgement of 40 bytes has 1 cell, 2 behind LLC/SNAP. */
Test(aal5, a_frame_has_the_cells_that_hold_it_and_its_trailer)
{
    static const uint32_t known[][2] = { { 0, 1 },      { 40, 1 },      { 41, 2 },    { 48, 2 },
                                         { 88, 2 },     { 89, 3 },      { 1500, 32 }, { 9180, 192 },
                                         { 9188, 192 }, { 65535, 1366 } };
    for (size_t i = 0; i < ARRAY_LEN(known); i++)
        cr_assert_eq(aal5_cells(known[i][0]), known[i][1], "%u bytes", known[i][0]);
    for (uint32_t bytes = 0; bytes <= 9180; bytes++) {
        uint32_t cells = 0;
        while (48 * cells < bytes + 8)
            cells++;
        cr_assert_eq(aal5_cells(bytes), cells);
    }
}

static void round_trip(uint32_t bytes, bool pattern)
{
    static uint8_t text[AAL5_LONGEST + 64], pdu[AAL5_LONGEST + 64];
    struct rope r;
    uint8_t uu = 0;
    for (uint32_t i = 0; i < bytes; i++)
        text[i] = pattern ? pattern_byte(5, i) : (uint8_t)(i * 7 + bytes);
    rope_init(&r);
    if (pattern)
        rope_add_pattern(&r, 5, 0, bytes);
    else
        rope_add_bytes(&r, text, bytes);
    aal5_close(&r, 0xa7);
    uint32_t length = aal5_cells(bytes) * 48;
    cr_assert_eq(r.length, length);
    rope_read(&r, 0, length, pdu);
    cr_assert_eq(memcmp(pdu, text, bytes), 0);
    for (uint32_t i = bytes; i < length - 8; i++)
        cr_assert_eq(pdu[i], 0);
    const uint8_t *t = pdu + length - 8;
    uint32_t crc = slow_crc(pdu, length - 4);
    const uint8_t want[8] = { 0xa7,
                              0,
                              (uint8_t)(bytes >> 8),
                              (uint8_t)bytes,
                              (uint8_t)(crc >> 24),
                              (uint8_t)(crc >> 16),
                              (uint8_t)(crc >> 8),
                              (uint8_t)crc };
    cr_assert_eq(memcmp(t, want, 8), 0, "%u bytes", bytes);
    cr_assert_eq(aal5_open(&r, &uu), AAL5_OK);
    cr_assert_eq(uu, 0xa7);
    cr_assert_eq(r.length, bytes);
    rope_read(&r, 0, bytes, pdu);
    cr_assert_eq(memcmp(pdu, text, bytes), 0);
    rope_fini(&r);
}

Test(aal5, a_pdu_is_padded_and_ends_in_its_trailer_and_opens_to_the_frame)
{
    for (uint32_t bytes = 0; bytes < 200; bytes++)
        round_trip(bytes, bytes % 2);
    static const uint32_t longer[] = { 1500, 4087, 4088, 4089, 9180, 9188, 65535 };
    for (size_t i = 0; i < ARRAY_LEN(longer); i++)
        round_trip(longer[i], i % 2);
}

static enum aal5_status status_of(const uint8_t *pdu, size_t len)
{
    struct rope r;
    rope_init(&r);
    rope_add_bytes(&r, pdu, len);
    enum aal5_status status = aal5_open(&r, NULL);
    cr_assert(status == AAL5_OK || r.length == len);
    rope_fini(&r);
    return status;
}

static size_t pdu_of(uint8_t *out, uint32_t bytes, uint8_t first)
{
    struct rope r;
    for (uint32_t i = 0; i < bytes; i++)
        out[i] = (uint8_t)(first + i * 3);
    rope_init(&r);
    rope_add_bytes(&r, out, bytes);
    aal5_close(&r, 0);
    size_t len = (size_t)r.length;
    rope_read(&r, 0, len, out);
    rope_fini(&r);
    return len;
}

static void seal(uint8_t *pdu, size_t len)
{
    uint32_t crc = slow_crc(pdu, len - 4);
    for (size_t i = 0; i < 4; i++)
        pdu[len - 4 + i] = (uint8_t)(crc >> (24 - 8 * i));
}

/* Each bit; each cell; the end of one frame and the beginning of the next. */
Test(aal5, whatever_is_changed_lost_or_merged_is_refused)
{
    uint8_t pdu[2048], other[2048];
    size_t len = pdu_of(pdu, 333, 1);
    cr_assert_eq(len, 8 * 48);
    cr_assert_eq(status_of(pdu, len), AAL5_OK);
    for (size_t bit = 0; bit < 8 * len; bit++) {
        pdu[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert_eq(status_of(pdu, len), AAL5_BAD_CRC, "bit %zu", bit);
        pdu[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    for (size_t cell = 0; cell < len; cell += 48) {
        memcpy(other, pdu, cell);
        memcpy(other + cell, pdu + cell + 48, len - cell - 48);
        cr_assert_eq(status_of(other, len - 48), AAL5_BAD_CRC, "cell %zu", cell / 48);
    }
    memcpy(other, pdu, len - 48);
    size_t merged = len - 48 + pdu_of(other + len - 48, 100, 9);
    cr_assert_eq(status_of(other, merged), AAL5_BAD_CRC);
    cr_assert_eq(status_of(pdu, 0), AAL5_BAD_SIZE);
    cr_assert_eq(status_of(pdu, len - 1), AAL5_BAD_SIZE);
}

Test(aal5, a_right_crc_over_a_wrong_length_is_refused)
{
    uint8_t pdu[2048];
    size_t len = pdu_of(pdu, 333, 1); /* 329 to 376 bytes have as many cells */
    for (uint32_t bytes = 0; bytes < 500; bytes++) {
        pdu[len - 6] = (uint8_t)(bytes >> 8);
        pdu[len - 5] = (uint8_t)bytes;
        seal(pdu, len);
        cr_assert_eq(status_of(pdu, len), bytes >= 329 && bytes <= 376 ? AAL5_OK : AAL5_BAD_LENGTH,
                     "%u bytes", bytes);
    }
    len = pdu_of(pdu, 333, 1);
    pdu[len - 7] = 1;
    seal(pdu, len);
    cr_assert_eq(status_of(pdu, len), AAL5_BAD_CPI);
}

/* The headers of an unassigned and of an idle cell have the checks 55 and 52 [I.432]. */
Test(aal5, a_header_is_checked_and_carries_its_fields)
{
    uint8_t octets[5];
    struct atm_header h = { 0 }, got;
    atm_header_store(octets, &h);
    cr_assert_eq(memcmp(octets, "\x00\x00\x00\x00\x55", 5), 0);
    h.clp = true;
    atm_header_store(octets, &h);
    cr_assert_eq(memcmp(octets, "\x00\x00\x00\x01\x52", 5), 0);
    h = (struct atm_header){ .gfc = 0xa, .vpi = 0xbc, .vci = 0xdef1, .pti = 5 };
    atm_header_store(octets, &h);
    cr_assert_eq(memcmp(octets, "\xab\xcd\xef\x1a", 4), 0);
    cr_assert_eq(octets[4], divide(octets, 4, 7, 8, 0) ^ 0x55);
    cr_assert(atm_header_load(octets, &got));
    cr_assert(got.gfc == 0xa && got.vpi == 0xbc && got.vci == 0xdef1 && got.pti == 5 && !got.clp);
    for (int bit = 0; bit < 40; bit++) {
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
        cr_assert(!atm_header_load(octets, &got), "bit %d", bit);
        octets[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}
