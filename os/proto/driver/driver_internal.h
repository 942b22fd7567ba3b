/* driver_internal.h: private to os/proto/driver/: state and wire image.
 *
 * Header, 8 bytes, big-endian:
 *   0  u16  relative number of the upper protocol
 *   2  u16  life of the sender, low bits; 0: it does not say
 *   4  u32  length of what follows
 */
#ifndef OS_PROTO_DRIVER_DRIVER_INTERNAL_H
#define OS_PROTO_DRIVER_DRIVER_INTERNAL_H

#include "os/proto/driver/driver.h"
#include "os/proto/driver/outq.h"
#include "os/xk/table.h"

#define DRIVER_HEADER 8

struct driver_header {
    uint16_t protocol, life;
    uint32_t length;
};
_Static_assert(DRIVER_HEADER == 2 + 2 + 4, "the wire image of the driver header");

struct driver_params {
    const char *interface; /* its network */
    int64_t queue;         /* frames */
    int64_t idle;          /* sessions */
    bool lives;
};

struct driver_sessn {
    uint64_t station;
    struct outq_waiter waiter;
};

struct driver_state {
    const struct driver_params *params;
    struct outq out;
    struct xk_table sessns;
    struct {
        uint64_t sent, received, bad_length, stale, nobody;
    } counts;
};

void driver_header_store(uint8_t out[DRIVER_HEADER], const struct driver_header *h);
void driver_header_load(struct driver_header *h, const uint8_t in[DRIVER_HEADER]);

#endif
