/* parts.h: participants: whom a session is with, as a stack of numbers, one for each layer that
 * has addresses of its own.
 *
 * Who opens stacks what each layer below is to have, the lowest first: a node, then a key of RDM
 * on it; an address of IP, then a port of UDP.  Each layer takes its own part off its copy and
 * hands the rest down; one without addresses hands all down.  Source: participant stacks
 * [Hutchinson & Peterson 1991, section 3; x-kernel 3.2 programmer's manual].
 *
 *   PART1  A part has a type, and only a layer of that type takes it: what nobody takes is refused
 *       by the driver.
 *   PART2  What a layer does not find it takes from the graph: RDM the key 0, ETH and IP the
 *       upper's relative number.
 */
#ifndef OS_XK_PARTS_H
#define OS_XK_PARTS_H

#include <stdbool.h>
#include <stdint.h>

#include "sim/base/base.h"

enum xk_part_type {
    XK_PART_NODE = 1, /* driver: a node's number */
    XK_PART_KEY,      /* RDM: one of the upper's own */
    XK_PART_STATION,  /* a station of a network, as its interfaces number them */
    XK_PART_ADDRESS,  /* IP */
    XK_PART_PORT,     /* UDP, TCP */
    XK_PART_TYPE /* ETH, IP: the number by which the layer tells its uppers apart: an ethertype,
                         a protocol number */
};

#define XK_PARTS_MAX 4
struct xk_parts {
    uint8_t count;
    uint8_t type[XK_PARTS_MAX];    /* enum xk_part_type; the last is the uppermost layer's */
    uint64_t number[XK_PARTS_MAX]; /* in the byte order of this machine: nothing of it travels */
};

/* One more, for a layer above those so far. */
static inline void xk_part_push(struct xk_parts *ps, enum xk_part_type type, uint64_t number)
{
    ASSERT(ps->count < XK_PARTS_MAX); /* more than any graph here has layers with addresses */
    ps->type[ps->count] = (uint8_t)type;
    ps->number[ps->count++] = number;
}

/* Takes the uppermost off; false: it is not of that type, or there is none (nothing changes). */
static inline bool xk_part_take(struct xk_parts *ps, enum xk_part_type type, uint64_t *number)
{
    if (ps->count == 0 || ps->type[ps->count - 1] != type)
        return false;
    *number = ps->number[--ps->count];
    return true;
}

/* Whoever comes, with what the graph says: for xk_open_enable. */
static inline struct xk_parts xk_any(void)
{
    return (struct xk_parts){ .count = 0 };
}
/* Who comes with that key. */
static inline struct xk_parts xk_key(uint32_t key)
{
    return (struct xk_parts){ .count = 1, .type = { XK_PART_KEY }, .number = { key } };
}
/* Who comes with that type. */
static inline struct xk_parts xk_type(uint32_t type)
{
    return (struct xk_parts){ .count = 1, .type = { XK_PART_TYPE }, .number = { type } };
}
/* Who comes to that port. */
static inline struct xk_parts xk_at_port(uint16_t port)
{
    return (struct xk_parts){ .count = 1, .type = { XK_PART_PORT }, .number = { port } };
}
/* A node. */
static inline struct xk_parts xk_node(uint32_t node)
{
    return (struct xk_parts){ .count = 1, .type = { XK_PART_NODE }, .number = { node } };
}
/* A node, and a key of RDM on it. */
static inline struct xk_parts xk_node_key(uint32_t node, uint32_t key)
{
    return (struct xk_parts){ .count = 2,
                              .type = { XK_PART_NODE, XK_PART_KEY },
                              .number = { node, key } };
}
/* True: nothing but a node is left. */
static inline bool xk_parts_node(const struct xk_parts *ps, uint32_t *node)
{
    if (ps->count != 1 || ps->type[0] != XK_PART_NODE)
        return false;
    *node = (uint32_t)ps->number[0];
    return true;
}
/* Do they name the same? */
static inline bool xk_parts_same(const struct xk_parts *a, const struct xk_parts *b)
{
    bool same = a->count == b->count;
    for (uint8_t i = 0; i < a->count && same; i++)
        same = a->type[i] == b->type[i] && a->number[i] == b->number[i];
    return same;
}

#endif
