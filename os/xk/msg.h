/* msg.h: the message tool: a header stack in front of a rope of shared data.
 *
 * push and pop of headers move a cursor; data is never copied.  A message at a node boundary is one
 * rope (headers as a byte leaf, then the data), so no pointer travels. Source of the idea: x-kernel
 * message tool [Hutchinson & Peterson 1991, section 4].
 */
#ifndef OS_XK_MSG_H
#define OS_XK_MSG_H

#include <endian.h>
#include <string.h>

#include "sim/base/rope.h"

#define XK_HEADER_ROOM 192 /* bytes of headers that one message can carry above its data */

struct xk_msg {
    uint16_t start; /* first header byte in `headers`; XK_HEADER_ROOM: none */
    /* On its way down: a piece between the first and the last of a message over a lossless network,
     * so that its receiver will join it and do nothing else (PORT_PART). */
    bool part;
    bool control; /* on its way down: a marker that keeps its place (PORT_CONTROL) */
    uint8_t headers[XK_HEADER_ROOM];
    struct rope data;
};

void xk_msg_init(struct xk_msg *m);                         /* empty */
void xk_msg_init_rope(struct xk_msg *m, struct rope *data); /* takes the rope */
void xk_msg_fini(struct xk_msg *m);                         /* empty afterwards */
void xk_msg_copy(struct xk_msg *dst,
                 const struct xk_msg *src);               /* dst initialised here; leaves shared */
void xk_msg_move(struct xk_msg *dst, struct xk_msg *src); /* dst initialised here; src empty */
uint64_t xk_msg_length(const struct xk_msg *m);           /* headers and data */

/* Room for a header of n bytes in front; the caller stores its wire image there. */
uint8_t *xk_msg_push(struct xk_msg *m, size_t n);
/* Takes n bytes off the front into out; false when the message is shorter (it is unchanged). */
bool xk_msg_pop(struct xk_msg *m, void *out, size_t n) MUST_CHECK;

/* Moves all but the first n bytes to tail (fragment); appends other, which is empty afterwards
 * (join). */
void xk_msg_split(struct xk_msg *m, uint64_t n, struct xk_msg *tail);
void xk_msg_join(struct xk_msg *m, struct xk_msg *other);

/* To and from a frame.  The message is empty afterwards / initialised here. */
void xk_msg_to_rope(struct xk_msg *m, struct rope *out);
void xk_msg_from_rope(struct xk_msg *m, struct rope *in);
void xk_msg_to_end(struct xk_msg *m, struct rope *r); /* moves it to the end of a rope */

/* Big-endian wire images. */
#define XK_WIRE(bits)                                                                              \
    static inline void wire_put##bits(uint8_t *p, uint##bits##_t v)                                \
    {                                                                                              \
        v = htobe##bits(v);                                                                        \
        memcpy(p, &v, sizeof v);                                                                   \
    }                                                                                              \
    static inline uint##bits##_t wire_get##bits(const uint8_t *p)                                  \
    {                                                                                              \
        uint##bits##_t v;                                                                          \
        memcpy(&v, p, sizeof v);                                                                   \
        return be##bits##toh(v);                                                                   \
    }
XK_WIRE(16) /* wire_put16, wire_get16 */
XK_WIRE(32)
XK_WIRE(64)
#undef XK_WIRE

#endif
