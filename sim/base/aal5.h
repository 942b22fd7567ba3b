/* aal5.h: ATM cells and the adaptation layer AAL5 over real bytes.
 *
 * A frame becomes a PDU: its bytes, padding to a multiple of 48, and a trailer at the very end; the
 * PDU is cut into payloads of cells, of which the last is marked in its header.  Networks count
 * cells by aal5_cells; protocols and readers of captures use the rest.
 *
 *     trailer: UU 1 | CPI 1 (0) | length of the frame 2 | CRC-32 of all before it 4
 *     cell:    GFC 4 bits | VPI 8 | VCI 16 | PTI 3 | CLP 1 | HEC 8, then 48 octets
 *
 * Source: ITU-T I.361 (cell), I.432 (HEC), I.363.5 (AAL5).  The CRC's bits go most significant
 * first, not reflected as those of Ethernet.
 */
#ifndef SIM_BASE_AAL5_H
#define SIM_BASE_AAL5_H

#include "sim/base/rope.h"

#define ATM_CELL 53    /* octets */
#define ATM_PAYLOAD 48 /* of these */
#define ATM_HEADER 5
#define AAL5_TRAILER 8
#define AAL5_LONGEST 65535 /* bytes of a frame */

/* Cells of a frame of so many bytes, of which up to AAL5_LONGEST are allowed. */
static inline uint32_t aal5_cells(uint32_t bytes)
{
    return (bytes + AAL5_TRAILER + ATM_PAYLOAD - 1) / ATM_PAYLOAD;
}

enum aal5_status {
    AAL5_OK,
    AAL5_BAD_SIZE,   /* no multiple of 48 bytes, or none */
    AAL5_BAD_CRC,    /* bytes were changed, lost, or of several frames */
    AAL5_BAD_LENGTH, /* the CRC is right, and the frame has not the length that fills these cells */
    AAL5_BAD_CPI     /* the common part indicator is not 0 */
};

/* The CRC-32 of AAL5 over bytes that follow those of which `crc` is; 0: the first. */
uint32_t aal5_crc(uint32_t crc, const void *bytes, size_t len);

/* Makes a frame of up to AAL5_LONGEST bytes a PDU: appends padding and trailer.  uu: the users'
 * own octet, which is carried. */
void aal5_close(struct rope *frame, uint8_t uu);

/* The reverse: takes padding and trailer off.  Another status than AAL5_OK: pdu is as it was.  uu
 * may be NULL. */
enum aal5_status aal5_open(struct rope *pdu, uint8_t *uu) MUST_CHECK;

struct atm_header {
    uint8_t gfc; /* 0 to 15: generic flow control; at trunks the upper bits of the VPI */
    uint8_t vpi;
    uint16_t vci;
    uint8_t pti; /* 0 to 7; its bit 0 marks the last cell of a frame */
    bool clp;    /* to be lost first */
};
#define ATM_PTI_LAST 1u

/* Writes the header with its check (HEC). */
void atm_header_store(uint8_t out[ATM_HEADER], const struct atm_header *h);

/* False: the check fails, and *h is not written. */
bool atm_header_load(const uint8_t in[ATM_HEADER], struct atm_header *h) MUST_CHECK;

#endif
