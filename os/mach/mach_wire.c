/* mach_wire.c: messages as bytes.  See mach_wire.h. */
#include "os/mach/mach_wire.h"

#include "os/mach/mach_internal.h"
#include "os/xk/msg.h"

#define VERSION 1

const char *mach_wire_status_name(enum mach_wire_status s)
{
    static const char *const names[MACH_WIRE_STATUS_COUNT] = {
        [MACH_WIRE_OK] = "ok",
        [MACH_WIRE_SHORT] = "it ends early",
        [MACH_WIRE_VERSION] = "another version",
        [MACH_WIRE_ITEMS] = "too many items",
        [MACH_WIRE_TYPE] = "an unknown type of item",
        [MACH_WIRE_RIGHTS] = "another number of rights",
        [MACH_WIRE_KIND] = "a wrong kind of right",
        [MACH_WIRE_DEST] = "no destination",
        [MACH_WIRE_DATA] = "another length of data",
        [MACH_WIRE_SIZE] = "another size",
    };
    return s < MACH_WIRE_STATUS_COUNT ? names[s] : "unknown";
}

uint32_t mach_wire_rights(const struct mach_kmsg *k)
{
    uint32_t n = 2;
    for (uint32_t i = 0; i < k->item_count; i++)
        n += k->items[i].rights ? k->items[i].count : 0;
    return n;
}

struct mach_held *mach_wire_held(struct mach_kmsg *k, uint32_t i)
{
    if (i < 2)
        return i == 0 ? &k->dest : &k->reply;
    i -= 2;
    for (uint32_t n = 0; n < k->item_count; n++) {
        struct mach_kitem *it = &k->items[n];
        if (!it->rights)
            continue;
        if (i < it->count)
            return &it->rights[i];
        i -= it->count;
    }
    ASSERT_MSG(false, "a message has no such right");
    return NULL;
}

/* ---- out ---- */

/* Out of line it has whole pages, of which these bytes travel. */
static uint64_t data_bytes(const struct mach_kitem *it)
{
    return it->out_of_line ? it->bytes : it->data.length;
}

void mach_wire_put(const struct mach_kmsg *k, const struct mach_wire_right *rights, uint16_t flags,
                   struct rope *out)
{
    uint8_t head[MACH_WIRE_HEADER], item[MACH_WIRE_ITEM], right[MACH_WIRE_RIGHT];
    uint32_t count = mach_wire_rights(k);
    uint64_t data = 0;
    for (uint32_t i = 0; i < k->item_count; i++)
        data += data_bytes(&k->items[i]);
    ASSERT(k->item_count <= MACH_ITEMS_MAX);
    head[0] = VERSION;
    head[1] = (uint8_t)k->item_count;
    wire_put16(head + 2, flags);
    wire_put32(head + 4, (uint32_t)k->id);
    wire_put32(head + 8, k->size);
    wire_put32(head + 12, count);
    wire_put64(head + 16, data);
    rope_add_bytes(out, head, sizeof head);
    for (uint32_t i = 0; i < k->item_count; i++) {
        const struct mach_kitem *it = &k->items[i];
        wire_put32(item, it->type | (it->out_of_line ? MACH_WIRE_MEMORY : 0));
        wire_put32(item + 4, it->rights ? it->count : 0);
        wire_put64(item + 8, data_bytes(it));
        rope_add_bytes(out, item, sizeof item);
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct mach_wire_right *r = &rights[i];
        wire_put64(right, r->uid);
        wire_put32(right + 8, r->node);
        wire_put32(right + 12, r->word);
        wire_put32(right + 16, (uint32_t)r->kind << 24);
        rope_add_bytes(out, right, sizeof right);
    }
    for (uint32_t i = 0; i < k->item_count; i++)
        rope_add_slice(out, &k->items[i].data, k->items[i].offset, data_bytes(&k->items[i]));
}

/* ---- in ---- */

static bool fits(uint32_t type, enum mach_held_kind kind)
{
    return kind == MACH_HELD_NONE || kind == MACH_HELD_DEAD ||
           (type == MACH_PORT_RECEIVE && kind == MACH_HELD_RECEIVE) ||
           (type == MACH_PORT_SEND && kind == MACH_HELD_SEND) ||
           (type == MACH_PORT_SEND_ONCE && kind == MACH_HELD_ONCE);
}

static bool is_port(uint32_t type)
{
    return type >= MACH_PORT_RECEIVE && type <= MACH_PORT_SEND_ONCE;
}

/* The items' heads; their data's lengths go to lengths.  *rights: how many are still to come. */
static enum mach_wire_status get_items(struct mach *m, struct rope *in, struct mach_kmsg *k,
                                       uint64_t *lengths, uint32_t *rights)
{
    uint8_t item[MACH_WIRE_ITEM];
    for (uint32_t i = 0; i < k->item_count; i++) {
        struct mach_kitem *it = &k->items[i];
        rope_take_front(in, sizeof item, item);
        uint32_t count = wire_get32(item + 4);
        it->type = wire_get32(item) & ~MACH_WIRE_MEMORY;
        it->out_of_line = (wire_get32(item) & MACH_WIRE_MEMORY) != 0;
        lengths[i] = wire_get64(item + 8);
        if (!is_port(it->type) && (mach_is_right(it->type) || it->type > MACH_TYPE_STRING || count))
            return MACH_WIRE_TYPE;
        if (is_port(it->type) && (lengths[i] || it->out_of_line))
            return MACH_WIRE_TYPE;
        it->bytes = it->out_of_line ? lengths[i] : 0;
        if (count > *rights)
            return MACH_WIRE_RIGHTS;
        *rights -= count;
        it->count = count;
        if (is_port(it->type))
            it->rights = port_alloc(m->port, (count ? count : 1) * sizeof *it->rights);
    }
    return *rights ? MACH_WIRE_RIGHTS : MACH_WIRE_OK;
}

static bool get_right(struct rope *in, struct mach_wire_right *r)
{
    uint8_t right[MACH_WIRE_RIGHT];
    rope_take_front(in, sizeof right, right);
    uint32_t kind = wire_get32(right + 16);
    *r = (struct mach_wire_right){ .uid = wire_get64(right),
                                   .node = wire_get32(right + 8),
                                   .word = wire_get32(right + 12),
                                   .kind = kind >> 24 };
    return kind << 8 == 0 && r->kind <= MACH_HELD_ONCE;
}

static enum mach_wire_status get_rights(struct rope *in, struct mach_wire *w)
{
    struct mach_wire_right *r = w->rights;
    for (uint32_t i = 0; i < w->count; i++)
        if (!get_right(in, &r[i]))
            return MACH_WIRE_KIND;
    if ((r[0].kind != MACH_HELD_SEND && r[0].kind != MACH_HELD_ONCE) ||
        r[1].kind == MACH_HELD_RECEIVE)
        return MACH_WIRE_DEST;
    r += 2;
    for (uint32_t i = 0; i < w->k->item_count; i++)
        for (uint32_t j = 0; j < w->k->items[i].count; j++, r++) {
            if (!fits(w->k->items[i].type, r->kind))
                return MACH_WIRE_KIND;
            w->k->receives = w->k->receives || r->kind == MACH_HELD_RECEIVE;
        }
    return MACH_WIRE_OK;
}

static enum mach_wire_status get_data(struct rope *in, struct mach_kmsg *k, const uint64_t *lengths,
                                      uint64_t data)
{
    uint32_t size = MACH_HEADER_BYTES;
    uint64_t left = data;
    for (uint32_t i = 0; i < k->item_count; i++) {
        if (lengths[i] > left)
            return MACH_WIRE_DATA;
        left -= lengths[i];
        size += MACH_ITEM_BYTES + k->items[i].count * 4;
        size += k->items[i].out_of_line ? MACH_MEMORY_BYTES : (uint32_t)(lengths[i] + 3) & ~3u;
    }
    if (left)
        return MACH_WIRE_DATA;
    if (size != k->size)
        return MACH_WIRE_SIZE;
    for (uint32_t i = 0; i < k->item_count; i++) {
        struct rope rest;
        rope_split(in, lengths[i], &rest);
        rope_join(&k->items[i].data, in);
        rope_join(in, &rest);
    }
    return MACH_WIRE_OK;
}

enum mach_wire_status mach_wire_get(struct mach *m, struct rope *in, struct mach_wire *out)
{
    uint8_t head[MACH_WIRE_HEADER];
    uint64_t lengths[MACH_ITEMS_MAX];
    *out = (struct mach_wire){ 0 };
    if (in->length < sizeof head)
        return MACH_WIRE_SHORT;
    rope_take_front(in, sizeof head, head);
    uint32_t count = wire_get32(head + 12);
    uint64_t data = wire_get64(head + 16);
    if (head[0] != VERSION)
        return MACH_WIRE_VERSION;
    if (head[1] > MACH_ITEMS_MAX)
        return MACH_WIRE_ITEMS;
    if (count < 2)
        return MACH_WIRE_RIGHTS;
    uint64_t fixed = (uint64_t)head[1] * MACH_WIRE_ITEM + (uint64_t)count * MACH_WIRE_RIGHT;
    if (in->length < fixed || in->length - fixed < data)
        return MACH_WIRE_SHORT;
    out->k = mach_kmsg_new(m, head[1]);
    out->k->id = (int32_t)wire_get32(head + 4);
    out->k->size = wire_get32(head + 8);
    out->count = count;
    out->flags = wire_get16(head + 2);
    out->rights = port_alloc(m->port, count * sizeof *out->rights);
    uint32_t left = count - 2;
    enum mach_wire_status s = get_items(m, in, out->k, lengths, &left);
    if (s == MACH_WIRE_OK)
        s = get_rights(in, out);
    if (s == MACH_WIRE_OK)
        s = get_data(in, out->k, lengths, data);
    if (s != MACH_WIRE_OK)
        mach_wire_fini(m, out);
    return s;
}

void mach_wire_fini(struct mach *m, struct mach_wire *w)
{
    port_free(m->port, w->rights);
    if (w->k)
        mach_kmsg_free(m, w->k);
    *w = (struct mach_wire){ 0 };
}
