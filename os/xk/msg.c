/* msg.c: the message tool.  See msg.h.
 *
 * Headers stand at the end of the array, so that the next push is in front of them: bytes
 * [start, XK_HEADER_ROOM) of `headers` come before the rope.
 */
#include "os/xk/msg.h"

#include <string.h>

static size_t header_bytes(const struct xk_msg *m)
{
    return XK_HEADER_ROOM - m->start;
}

void xk_msg_init(struct xk_msg *m)
{
    m->start = XK_HEADER_ROOM;
    m->part = m->control = false;
    rope_init(&m->data);
}

void xk_msg_init_rope(struct xk_msg *m, struct rope *data)
{
    m->start = XK_HEADER_ROOM;
    m->part = m->control = false;
    rope_move(&m->data, data);
}

void xk_msg_fini(struct xk_msg *m)
{
    m->start = XK_HEADER_ROOM;
    rope_fini(&m->data);
}

static void copy_headers(struct xk_msg *dst, const struct xk_msg *src)
{
    dst->start = src->start;
    dst->part = src->part;
    dst->control = src->control;
    memcpy(dst->headers + src->start, src->headers + src->start, header_bytes(src));
}

void xk_msg_copy(struct xk_msg *dst, const struct xk_msg *src)
{
    copy_headers(dst, src);
    rope_copy(&dst->data, &src->data);
}

void xk_msg_move(struct xk_msg *dst, struct xk_msg *src)
{
    copy_headers(dst, src);
    rope_move(&dst->data, &src->data);
    src->start = XK_HEADER_ROOM;
}

uint64_t xk_msg_length(const struct xk_msg *m)
{
    return header_bytes(m) + m->data.length;
}

uint8_t *xk_msg_push(struct xk_msg *m, size_t n)
{
    ASSERT_MSG(n <= m->start, "headers exceed XK_HEADER_ROOM");
    m->start = (uint16_t)(m->start - n);
    return m->headers + m->start;
}

bool xk_msg_pop(struct xk_msg *m, void *out, size_t n)
{
    if (n > xk_msg_length(m))
        return false;
    size_t h = header_bytes(m) < n ? header_bytes(m) : n;
    if (h > 0)
        memcpy(out, m->headers + m->start, h);
    m->start = (uint16_t)(m->start + h);
    if (h < n)
        rope_take_front(&m->data, n - h, (uint8_t *)out + h);
    return true;
}

/* Keeps the first n of the header bytes. */
static void keep_headers(struct xk_msg *m, size_t n)
{
    memmove(m->headers + XK_HEADER_ROOM - n, m->headers + m->start, n);
    m->start = (uint16_t)(XK_HEADER_ROOM - n);
}

void xk_msg_split(struct xk_msg *m, uint64_t n, struct xk_msg *tail)
{
    size_t h = header_bytes(m);
    ASSERT(n <= xk_msg_length(m));
    tail->start = XK_HEADER_ROOM;
    tail->part = tail->control = false;
    if (n >= h) {
        rope_split(&m->data, n - h, &tail->data);
        return;
    }
    rope_move(&tail->data, &m->data);
    tail->start = (uint16_t)(XK_HEADER_ROOM - (h - n));
    memcpy(tail->headers + tail->start, m->headers + m->start + n, h - n);
    keep_headers(m, n);
}

void xk_msg_to_end(struct xk_msg *m, struct rope *r)
{
    rope_add_bytes(r, m->headers + m->start, header_bytes(m));
    rope_join(r, &m->data);
    m->start = XK_HEADER_ROOM;
}

void xk_msg_join(struct xk_msg *m, struct xk_msg *other)
{
    xk_msg_to_end(other, &m->data);
}

void xk_msg_to_rope(struct xk_msg *m, struct rope *out)
{
    if (header_bytes(m) == 0) {
        rope_move(out, &m->data);
        return;
    }
    rope_init(out);
    xk_msg_to_end(m, out);
}

void xk_msg_from_rope(struct xk_msg *m, struct rope *in)
{
    xk_msg_init_rope(m, in);
}
