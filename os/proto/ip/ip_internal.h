/* ip_internal.h: private to os/proto/ip/: state and wire image.
 *
 * Header, 20 bytes and options, big-endian [RFC 791]:
 *   0  u8   4 and the header's length in words      8  u8   time to live
 *   1  u8   type of service                         9  u8   protocol
 *   2  u16  length of all                          10  u16  checksum of the header
 *   4  u16  identification                         12  u32  source
 *   6  u16  flags, and offset in 8 octets          16  u32  destination
 * and behind protocol 253, for an upper without a type:
 *   0  u16  relative number of the upper            2  u16  0
 */
#ifndef OS_PROTO_IP_IP_INTERNAL_H
#define OS_PROTO_IP_IP_INTERNAL_H

#include "os/proto/ip/ip.h"
#include "os/xk/inet.h"
#include "os/xk/keyed.h"

#define IP_HEADER_MOST 60
#define IP_LOCAL_HEADER 4
#define IP_DONT_FRAGMENT 0x4000u
#define IP_MORE 0x2000u
#define IP_OFFSET 0x1fffu
#define IP_QUOTE 8        /* bytes of a datagram that an error quotes behind the header */
#define IP_LEAST_MTU 68u  /* [RFC 791] */
#define IP_UNTYPED 0x100u /* and the upper's number: the type of one that names none */
_Static_assert(IP_HEADER == 4 * 5, "the wire image of IP's header");

struct ip_params {
    const struct val *routes;
    const char *filter;
    bool forward, dont_fragment;
    int64_t ttl;
    sim_time reassembly;
    int64_t memory, idle;
};

struct ip_header {
    uint8_t tos, ttl, protocol, options_length;
    uint16_t length, id, offset; /* offset: with flags */
    uint32_t src, dst;
    uint8_t options[IP_HEADER_MOST - IP_HEADER];
};

struct ip_if { /* the node is a host of that network */
    struct xk_protl *below;
    const void *hosts; /* the parameters of its ARP */
    struct inet_network network;
    uint32_t address; /* 0: it is not */
    uint32_t mtu;
};

struct ip_route {
    struct inet_network to;
    uint32_t via;
    uint8_t ifc;
};

struct ip_hop { /* where a datagram goes next */
    uint8_t ifc;
    bool loop;        /* to this node itself */
    uint32_t address; /* INET_ALL: to all there */
};

struct ip_fragment { /* a piece of a datagram that waits */
    struct list link;
    struct xk_msg msg; /* with its header */
};

struct ip_sessn {
    struct ip_key {
        uint32_t peer, local;
        uint16_t type, upper; /* type: a protocol number, or IP_UNTYPED and upper */
    } key;
    uint8_t ifc;
    bool loop, dont_fragment;
    uint32_t mtu;     /* of the path, as far as it is known */
    struct list rest; /* of ip_fragment: of a message whose first ones are gone */
};
_Static_assert(sizeof(struct ip_key) == 12, "a key has no padding");

/* A datagram that is being put together. */
struct ip_piece {
    struct list link;
    uint32_t first, end;
    struct rope data;
};
struct ip_partial {
    struct list link; /* of ip_state.partials, oldest first */
    uint32_t src, dst;
    uint16_t id;
    uint8_t protocol, ifc;
    bool all, has_first;     /* sent to all; the header is that of the first fragment */
    uint32_t total, have;    /* total: 0: the last has not come */
    struct ip_header header; /* */
    struct list pieces;      /* in order, disjoint */
    uint64_t bytes;          /* of memory */
    sim_time until;
};

struct ip_state {
    const struct ip_params *params;
    struct ip_if ifs[XK_DOWN_MAX];
    struct ip_route *routes;
    uint32_t route_count;
    uint16_t id;
    struct xk_types types;
    struct xk_keyed sessns;
    struct list loop; /* of ip_fragment: to this node itself */
    struct port_timer loop_timer;
    struct list partials;
    uint64_t partial_bytes;
    struct port_timer partial_timer;
    /* What is being delivered, for XK_SEND_UNREACHABLE. */
    const struct ip_header *now;
    uint8_t now_quote[IP_QUOTE];
    size_t now_quoted;
    uint8_t now_ifc;
    bool now_all;
    /* What `failed` is about. */
    uint16_t error; /* type * 256 + code */
    uint64_t quoted;
    struct {
        uint64_t received, delivered, forwarded, fragments_in, errors_in;
        uint64_t bad_header, bad_checksum, bad_length, bad_address, not_mine, ttl_exceeded,
            no_route, dont_fragment, discarded, unknown_protocol, bad_errors;
        uint64_t sent, fragmented, fragments_out, out_no_route, out_lost, looped;
        uint64_t reassembled, reassembly_timeouts, reassembly_overflows, reassembly_bad;
        uint64_t errors_out, errors_unsent;
    } counts;
};

/* ip_route.c */
void ip_header_store(uint8_t out[IP_HEADER_MOST], const struct ip_header *h); /* with checksum */
static inline uint32_t ip_header_length(const struct ip_header *h)
{
    return IP_HEADER + (uint32_t)h->options_length;
}
bool ip_routes_init(struct xk_protl *self);
bool ip_route(const struct ip_state *st, uint32_t dst, struct ip_hop *out); /* false: none */
bool ip_mine(const struct ip_state *st, uint32_t address);
bool ip_all(const struct ip_state *st, uint8_t ifc, uint32_t address);
bool ip_node_address(const struct xk_protl *self, uint32_t node, uint32_t *address);
uint32_t ip_host(const struct xk_protl *self, uint32_t address); /* or XK_NO_HOST */
bool ip_routes_check(const struct ip_params *p, const char *at, const struct xk_below *below,
                     uint8_t count, struct err *e);

/* ip_output.c */
struct xk_sessn *ip_sessn_get(struct xk_protl *self, struct xk_protl *upper, struct ip_key k,
                              bool *fresh);
struct xk_sessn *ip_sessn_find(struct xk_protl *self, uint32_t peer, uint32_t local, uint32_t type);
enum xk_status ip_pass(struct xk_protl *self, const struct ip_hop *hop, struct ip_header *h,
                       struct xk_msg *m);
void ip_send(struct xk_protl *self, uint32_t src, uint32_t dst, uint8_t protocol, struct xk_msg *m);
void ip_ready(struct xk_protl *self, struct xk_sessn *lower);

/* ip_partial.c: true: it is whole, and h, ifc, all and m are the datagram's; else m is gone. */
bool ip_partial_add(struct xk_protl *self, struct ip_header *h, uint8_t *ifc, bool *all,
                    struct xk_msg *m);
void ip_partial_free(struct xk_protl *self, struct ip_partial *p);

/* ip_error.c */
void ip_error_send(struct xk_protl *self, const struct ip_header *h, const uint8_t *quote,
                   size_t quoted, bool all, uint8_t type, uint8_t code, uint16_t mtu);
void ip_error_take(struct xk_protl *self, const struct ip_header *h, struct xk_msg *m);
void ip_error_tell(struct xk_protl *self, const struct ip_header *about, const uint8_t *quote,
                   size_t quoted, uint8_t type, uint8_t code, uint16_t mtu);

/* ip_input.c */
void ip_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m);
void ip_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why);
void ip_loop(struct port_timer *t);
void ip_partial_timer(struct port_timer *t);

#endif
