/* template_internal.h: private to os/proto/template/: state and wire image.
 *
 * Header, 8 bytes, big-endian:
 *   0  u16  relative number of the upper protocol
 *   2  u16  0
 *   4  u32  number of the message on its session, from 1
 */
#ifndef OS_PROTO_TEMPLATE_TEMPLATE_INTERNAL_H
#define OS_PROTO_TEMPLATE_TEMPLATE_INTERNAL_H

#include "os/proto/template/template.h"
#include "os/xk/table.h"

#define TEMPLATE_HEADER 8

struct template_header {
    uint16_t protocol;
    uint32_t seq;
};
_Static_assert(TEMPLATE_HEADER == 2 + 2 + 4, "the wire image of TEMPLATE's header");

struct template_params {
    int64_t idle;
};

struct template_sessn {
    uint32_t sent;     /* number of the last message pushed */
    uint32_t received; /* of the last one that came */
};

struct template_state {
    const struct template_params *params;
    struct xk_table sessns;
    struct {
        uint64_t sent, received, gaps, bad;
    } counts;
};

#endif
