/* bytes.c: bytes of calls and answers, big-endian. */
#include "os/proto/machipc/machipc_internal.h"

void xipc_put32(struct rope *r, uint32_t v)
{
    uint8_t b[4];
    wire_put32(b, v);
    rope_add_bytes(r, b, sizeof b);
}

void xipc_put64(struct rope *r, uint64_t v)
{
    uint8_t b[8];
    wire_put64(b, v);
    rope_add_bytes(r, b, sizeof b);
}

bool xipc_get32(struct rope *r, uint32_t *v)
{
    uint8_t b[4];
    *v = 0;
    if (r->length < sizeof b)
        return false;
    rope_take_front(r, sizeof b, b);
    *v = wire_get32(b);
    return true;
}

bool xipc_get64(struct rope *r, uint64_t *v)
{
    uint8_t b[8];
    *v = 0;
    if (r->length < sizeof b)
        return false;
    rope_take_front(r, sizeof b, b);
    *v = wire_get64(b);
    return true;
}

void xipc_put_right(struct rope *r, const struct mach_wire_right *w)
{
    xipc_put64(r, w->uid);
    xipc_put32(r, w->node);
    xipc_put32(r, w->word);
    xipc_put32(r, w->kind);
}

bool xipc_get_right(struct rope *r, struct mach_wire_right *w)
{
    uint32_t kind;
    if (!xipc_get64(r, &w->uid) || !xipc_get32(r, &w->node) || !xipc_get32(r, &w->word) ||
        !xipc_get32(r, &kind) || kind > MACH_HELD_ONCE)
        return false;
    w->kind = kind;
    return true;
}

void xipc_answer(struct select_request *q, enum xipc_answer a, uint32_t node)
{
    struct rope r;
    rope_init(&r);
    xipc_put32(&r, a);
    xipc_put32(&r, node);
    select_reply(q, &r);
    rope_fini(&r);
}

enum xipc_answer xipc_read_answer(struct rope *reply, uint32_t *node)
{
    uint32_t a;
    if (!xipc_get32(reply, &a) || !xipc_get32(reply, node) || a >= XIPC_ANSWERS) {
        *node = XIPC_NOBODY;
        return XIPC_BAD;
    }
    return a;
}
