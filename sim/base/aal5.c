/* aal5.c: ATM cells and AAL5 over real bytes.  See aal5.h. */
#include "sim/base/aal5.h"

#include <isa-l/crc.h>

#define HEC_POLYNOMIAL 0x07u /* x^8 + x^2 + x + 1 [I.432] */
#define HEC_COSET 0x55u
#define PIECE 4096u /* bytes of a rope that are read at a time */

uint32_t aal5_crc(uint32_t crc, const void *bytes, size_t len)
{
    return crc32_ieee(crc, bytes, len); /* inverts before and after */
}

static uint32_t crc_of(const struct rope *r, uint64_t len)
{
    uint8_t piece[PIECE];
    uint32_t crc = 0;
    for (uint64_t at = 0; at < len; at += PIECE) {
        size_t n = (size_t)(len - at < PIECE ? len - at : PIECE);
        rope_read(r, at, n, piece);
        crc = aal5_crc(crc, piece, n);
    }
    return crc;
}

void aal5_close(struct rope *frame, uint8_t uu)
{
    ASSERT_MSG(frame->length <= AAL5_LONGEST, "the length has two bytes");
    uint32_t bytes = (uint32_t)frame->length;
    uint8_t t[AAL5_TRAILER] = { uu, 0, (uint8_t)(bytes >> 8), (uint8_t)bytes };
    rope_add_zero(frame, aal5_cells(bytes) * ATM_PAYLOAD - AAL5_TRAILER - bytes);
    uint32_t crc = aal5_crc(crc_of(frame, frame->length), t, 4);
    for (uint32_t i = 0; i < 4; i++)
        t[4 + i] = (uint8_t)(crc >> (24 - 8 * i));
    rope_add_bytes(frame, t, sizeof t);
}

enum aal5_status aal5_open(struct rope *pdu, uint8_t *uu)
{
    uint8_t t[AAL5_TRAILER];
    if (pdu->length == 0 || pdu->length % ATM_PAYLOAD != 0)
        return AAL5_BAD_SIZE;
    rope_read(pdu, pdu->length - AAL5_TRAILER, sizeof t, t);
    uint32_t crc = 0, bytes = (uint32_t)t[2] << 8 | t[3];
    for (uint32_t i = 0; i < 4; i++)
        crc = crc << 8 | t[4 + i];
    if (crc_of(pdu, pdu->length - 4) != crc)
        return AAL5_BAD_CRC;
    if ((uint64_t)aal5_cells(bytes) * ATM_PAYLOAD != pdu->length)
        return AAL5_BAD_LENGTH;
    if (t[1] != 0)
        return AAL5_BAD_CPI;
    rope_truncate(pdu, bytes);
    if (uu)
        *uu = t[0];
    return AAL5_OK;
}

static uint8_t hec(const uint8_t octets[4])
{
    uint8_t rest = 0;
    for (int i = 0; i < 4; i++) {
        rest ^= octets[i];
        for (int bit = 0; bit < 8; bit++)
            rest = (uint8_t)((unsigned)rest << 1 ^ (rest & 0x80u ? HEC_POLYNOMIAL : 0));
    }
    return rest ^ HEC_COSET;
}

void atm_header_store(uint8_t out[ATM_HEADER], const struct atm_header *h)
{
    ASSERT(h->gfc < 16 && h->pti < 8);
    out[0] = (uint8_t)(h->gfc << 4 | h->vpi >> 4);
    out[1] = (uint8_t)(h->vpi << 4 | h->vci >> 12);
    out[2] = (uint8_t)(h->vci >> 4);
    out[3] = (uint8_t)(h->vci << 4 | h->pti << 1 | h->clp);
    out[4] = hec(out);
}

bool atm_header_load(const uint8_t in[ATM_HEADER], struct atm_header *h)
{
    if (hec(in) != in[4])
        return false;
    *h = (struct atm_header){ .gfc = in[0] >> 4,
                              .vpi = (uint8_t)(in[0] << 4 | in[1] >> 4),
                              .vci = (uint16_t)((in[1] & 15) << 12 | in[2] << 4 | in[3] >> 4),
                              .pti = in[3] >> 1 & 7,
                              .clp = in[3] & 1 };
    return true;
}
