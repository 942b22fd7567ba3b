/* blob.c: what is written of a page, and how the page is made of that again.
 *
 * Of each page the store has its base, and maybe the words in which it differs from that now.  With
 * `compare` the bytes of the base are kept in memory, and share the frame of the page until that is
 * written; a difference of more than half a page is none: the page is written anew, so that what
 * has been written of it before is room again.  With `compress` both are compressed where that
 * makes them smaller: u32 their length, then LZRW1.
 */
#include "os/ckpt/ckpt_internal.h"
#include "os/file/pack.h"

struct ckpt_scratch { /* pages of bytes */
    uint8_t *old, *page, *diff, *packed;
    uint32_t *table;
};

static struct ckpt_scratch *scratch(struct ckpt *c)
{
    struct ckpt_scratch *x = c->scratch;
    if (x)
        return x;
    x = c->scratch = port_alloc(c->port, sizeof *x);
    x->old = port_alloc(c->port, c->page_bytes);
    x->page = port_alloc(c->port, c->page_bytes);
    x->diff = port_alloc(c->port, c->page_bytes);
    x->packed = port_alloc(c->port, c->page_bytes);
    x->table = port_alloc(c->port, PACK_TABLE * sizeof *x->table);
    return x;
}

/* ---- what is kept in memory ---- */

static struct ckpt_kept *keep(struct ckpt *c, const struct rope *page, bool shared)
{
    struct ckpt_kept *k = port_alloc(c->port, sizeof *k);
    *k = (struct ckpt_kept){ .refs = 1, .shared = shared };
    rope_copy(&k->data, page);
    c->counts.kept += k->data.length;
    return k;
}

void ckpt_entry_copy(struct ckpt_entry *to, const struct ckpt_entry *from)
{
    *to = *from;
    if (to->kept)
        to->kept->refs++;
}

void ckpt_entry_drop(struct ckpt *c, struct ckpt_entry *e)
{
    struct ckpt_kept *k = e->kept;
    e->kept = NULL;
    if (!k || --k->refs > 0)
        return;
    c->counts.kept -= k->data.length;
    rope_fini(&k->data);
    port_free(c->port, k);
}

void ckpt_kept_touched(struct ckpt *c, const struct ckpt_entry *e)
{
    if (!e || !e->kept || !e->kept->shared)
        return;
    e->kept->shared = false;
    port_work(c->port, PORT_WORK_TWIN, c->page_bytes);
}

/* ---- writing ---- */

/* Bytes go to `data`, compressed where that is asked for and makes them smaller. */
static void put(struct ckpt *c, const uint8_t *bytes, size_t n, struct ckpt_blob *b,
                struct rope *data)
{
    struct ckpt_scratch *x = scratch(c);
    size_t packed = PACK_NONE;
    if (c->params->compress && n > 8) {
        port_work(c->port, PORT_WORK_PACK, n);
        packed = pack_lz(bytes, n, x->packed, n - 5, x->table);
    }
    b->packed = packed != PACK_NONE;
    if (b->packed) {
        uint8_t head[4];
        wire_put32(head, (uint32_t)n);
        rope_add_bytes(data, head, sizeof head);
    }
    rope_add_bytes(data, b->packed ? x->packed : bytes, b->packed ? packed : n);
    b->length = (uint32_t)data->length;
}

/* The words that differ from what is kept of the base.  False: too many. */
static bool put_diff(struct ckpt *c, const struct ckpt_page *p, struct ckpt_entry *e,
                     struct rope *data)
{
    struct ckpt_scratch *x = scratch(c);
    size_t length = 0;
    if (!p->old || !p->old->kept)
        return false;
    port_work(c->port, PORT_WORK_DIFF, c->page_bytes);
    if (!rope_equal(&p->old->kept->data, &p->data)) {
        rope_read(&p->old->kept->data, 0, c->page_bytes, x->old);
        rope_read(&p->data, 0, c->page_bytes, x->page);
        length = pack_diff(x->old, x->page, c->page_bytes, x->diff, c->page_bytes / 2);
    }
    if (length == PACK_NONE)
        return false;
    e->base = p->old->base;
    e->kept = p->old->kept;
    e->kept->refs++;
    c->counts.diffs++;
    if (length == 0)
        return true;
    port_work(c->port, PORT_WORK_DIFF_OUT, length);
    put(c, x->diff, length, &e->diff, data);
    return true;
}

struct ckpt_blob *ckpt_encode(struct ckpt *c, const struct ckpt_page *p, struct ckpt_entry *e,
                              struct rope *data)
{
    port_work(c->port, PORT_WORK_CHECKSUM, p->data.length);
    e->hash = rope_hash(&p->data);
    if (c->params->compare && put_diff(c, p, e, data))
        return e->diff.length > 0 ? &e->diff : NULL;
    if (c->params->compare) {
        e->kept = keep(c, &p->data, p->watched && !p->copied);
        if (!p->watched && !p->copied)
            port_work(c->port, PORT_WORK_TWIN, c->page_bytes);
    }
    if (c->params->compress) {
        rope_read(&p->data, 0, c->page_bytes, scratch(c)->page);
        put(c, scratch(c)->page, c->page_bytes, &e->base, data);
    }
    if (!e->base.packed) {
        rope_fini(data);
        rope_add_slice(data, &p->data, 0, p->data.length);
        e->base.length = (uint32_t)data->length;
    }
    return &e->base;
}

/* ---- reading ---- */

/* The bytes of a blob in `out`, which has room for a page; PACK_NONE: it makes no sense. */
static size_t get(struct ckpt *c, const struct ckpt_blob *b, const struct rope *data, uint8_t *out)
{
    struct ckpt_scratch *x = scratch(c);
    uint8_t head[4];
    if (!b->packed) {
        rope_read(data, 0, b->length, out);
        return b->length;
    }
    if (b->length < sizeof head)
        return PACK_NONE;
    rope_read(data, 0, sizeof head, head);
    rope_read(data, sizeof head, b->length - sizeof head, x->packed);
    size_t n = wire_get32(head);
    if (n > c->page_bytes || !pack_unlz(x->packed, b->length - sizeof head, out, n))
        return PACK_NONE;
    port_work(c->port, PORT_WORK_UNPACK, n);
    return n;
}

static bool apply(struct ckpt *c, const struct ckpt_entry *e, const struct rope *diff,
                  uint8_t *page)
{
    struct ckpt_scratch *x = scratch(c);
    size_t n = get(c, &e->diff, diff, x->diff);
    if (n == PACK_NONE)
        return false;
    port_work(c->port, PORT_WORK_DIFF_IN, n);
    return pack_patch(page, c->page_bytes, x->diff, n);
}

bool ckpt_decode(struct ckpt *c, struct ckpt_entry *e, struct rope *base, const struct rope *diff,
                 struct rope *page)
{
    if (e->base.packed) {
        struct ckpt_scratch *x = scratch(c);
        bool whole = get(c, &e->base, base, x->page) == c->page_bytes;
        rope_fini(base);
        rope_add_bytes(base, x->page, whole ? c->page_bytes : 0);
    }
    if (base->length != c->page_bytes)
        return false;
    if (e->diff.length > 0) {
        struct ckpt_scratch *x = scratch(c);
        rope_read(base, 0, c->page_bytes, x->page);
        if (!apply(c, e, diff, x->page))
            return false;
        rope_add_bytes(page, x->page, c->page_bytes);
    } else {
        rope_add_slice(page, base, 0, base->length);
    }
    port_work(c->port, PORT_WORK_CHECKSUM, page->length);
    if (rope_hash(page) != e->hash)
        return false;
    if (c->params->compare)
        e->kept = keep(c, base, e->diff.length == 0);
    return true;
}
