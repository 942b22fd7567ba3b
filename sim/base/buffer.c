/* buffer.c: the leaf whose bytes change: memory that domains of a node share.
 *
 * It holds a rope of what its bytes are now, so that bulk data stays a description in it as well.
 */
#include "sim/base/pool.h"
#include "sim/base/rope_internal.h"

struct leaf_buffer {
    struct leaf leaf;
    struct rope content;
    void *owner;
};

static struct leaf_buffer *buffer_of(const struct leaf *l)
{
    return (struct leaf_buffer *)(uintptr_t)l;
}

static void buffer_read(const struct leaf *l, uint64_t off, size_t len, uint8_t *out)
{
    rope_read(&buffer_of(l)->content, off, len, out);
}

static void buffer_destroy(struct leaf *l)
{
    struct leaf_buffer *b = buffer_of(l);
    rope_fini(&b->content);
    pool_give(b, sizeof *b);
}

static uint64_t buffer_crc(const struct leaf *l, uint64_t s, uint64_t off, uint64_t len)
{
    struct rope part;
    rope_init(&part);
    rope_add_slice(&part, &buffer_of(l)->content, off, len);
    for (uint32_t i = 0; i < part.count; i++)
        s = crc_slice(s, part.slices[i].leaf, part.slices[i].off, part.slices[i].len);
    rope_fini(&part);
    return s;
}

static const struct leaf_ops buffer_ops = {
    .name = "buffer",
    .stays = true,
    .read = buffer_read,
    .destroy = buffer_destroy,
    .crc = buffer_crc,
};

struct leaf *leaf_buffer_new(struct rope *content, void *owner)
{
    struct leaf_buffer *b = pool_take(sizeof *b);
    leaf_init(&b->leaf, &buffer_ops, content->length);
    rope_move(&b->content, content);
    rope_settle(&b->content);
    b->owner = owner;
    return &b->leaf;
}

void *leaf_buffer_owner(const struct leaf *l)
{
    return l->ops == &buffer_ops ? buffer_of(l)->owner : NULL;
}

void leaf_buffer_put(struct leaf *l, uint64_t off, const struct rope *bytes)
{
    struct leaf_buffer *b = buffer_of(l);
    ASSERT(l->ops == &buffer_ops && off + bytes->length <= l->length);
    uint64_t end = off + bytes->length;
    struct rope fresh;
    rope_init(&fresh);
    rope_add_slice(&fresh, &b->content, 0, off);
    rope_add_slice(&fresh, bytes, 0, bytes->length);
    rope_add_slice(&fresh, &b->content, end, l->length - end);
    rope_fini(&b->content);
    rope_move(&b->content, &fresh);
    rope_settle(&b->content);
}

void rope_settle(struct rope *r)
{
    if (!rope_stays(r))
        return;
    struct rope now;
    rope_init(&now);
    for (uint32_t i = 0; i < r->count; i++) {
        const struct rope_slice *s = &r->slices[i];
        if (s->leaf->ops == &buffer_ops) {
            rope_add_slice(&now, &buffer_of(s->leaf)->content, s->off, s->len);
        } else {
            leaf_get(s->leaf);
            rope_add_leaf(&now, s->leaf, s->off, s->len);
        }
    }
    rope_fini(r);
    rope_move(r, &now);
}
