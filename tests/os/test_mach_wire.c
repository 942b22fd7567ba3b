/* test_mach_wire.c: messages of Mach as bytes: there and back, and bytes of anybody.
 *
 * The oracles: one image written out by hand; and whatever is taken for a message must give the
 * very bytes again that it came from.
 */
#include <criterion/criterion.h>

#include "os/mach/mach_internal.h"
#include "os/mach/mach_wire.h"
#include "tests/fake/port_fake.h"
#include "tests/sample.h"

#define RIGHTS_MAX 64

struct world {
    struct fake *f;
    struct mach *m;
    void (*fn)(struct world *w);
    uint64_t random;
};

static void boot(struct port *p, void *arg)
{
    ((struct world *)arg)->m = mach_create(p, 0);
}

static void call(struct port *p, void *arg)
{
    struct world *w = arg;
    (void)p;
    w->fn(w);
}

static void in_world(void (*fn)(struct world *w))
{
    struct world w = { .fn = fn, .random = 4711 };
    w.f = fake_create(&(struct fake_options){ .nodes = 1 });
    fake_boot(w.f, 0, boot, &w);
    fake_run(w.f, 0);
    fake_call(w.f, 0, call, &w);
    fake_run(w.f, 0);
    cr_assert_eq(mach_messages(w.m), 0);
    cr_assert_eq(mach_ports(w.m), 0);
    fake_destroy(w.f);
}

static uint32_t pick(struct world *w, uint32_t below)
{
    w->random = w->random * 6364136223846793005u + 1442695040888963407u;
    return (uint32_t)(w->random >> 33) % below;
}

/* A message without ports: the rights stand in r alone. */
static struct mach_kmsg *some(struct world *w, struct mach_wire_right *r)
{
    static const uint32_t types[] = { MACH_PORT_RECEIVE,    MACH_PORT_SEND, MACH_PORT_SEND_ONCE,
                                      MACH_TYPE_INTEGER_32, MACH_TYPE_CHAR, MACH_TYPE_STRING };
    uint32_t n = 2;
    struct mach_kmsg *k = mach_kmsg_new(w->m, pick(w, MACH_ITEMS_MAX + 1));
    k->id = (int32_t)pick(w, UINT32_MAX) - 0x40000000;
    for (uint32_t i = 0; i < k->item_count; i++) {
        struct mach_kitem *it = &k->items[i];
        it->type = types[pick(w, 6)];
        k->size += MACH_ITEM_BYTES;
        if (!mach_is_right(it->type) && pick(w, 3) == 0) {
            it->out_of_line = true;
            it->bytes = pick(w, 3) * pick(w, 700);
            it->offset = it->bytes ? pick(w, 64) : 0;
            rope_add_pattern(&it->data, pick(w, 100), 0, (it->offset + it->bytes + 63) / 64 * 64);
            k->size += MACH_MEMORY_BYTES;
            continue;
        }
        if (!mach_is_right(it->type)) {
            rope_add_pattern(&it->data, pick(w, 100), pick(w, 100), pick(w, 3) * pick(w, 700));
            k->size += (uint32_t)(it->data.length + 3) / 4 * 4;
            continue;
        }
        it->count = pick(w, 7);
        it->rights = port_alloc(w->m->port, (it->count + 1) * sizeof *it->rights);
        k->size += 4 * it->count;
        for (uint32_t j = 0; j < it->count; j++)
            r[n++].kind =
                pick(w, 3) == 0 ? pick(w, 2) : MACH_HELD_RECEIVE + (it->type - MACH_PORT_RECEIVE);
    }
    r[0].kind = MACH_HELD_SEND + pick(w, 2);
    r[1].kind = pick(w, 2) ? MACH_HELD_SEND + pick(w, 2) : pick(w, 2);
    for (uint32_t i = 0; i < n; i++) {
        r[i].uid = (uint64_t)pick(w, UINT32_MAX) << 32 | pick(w, UINT32_MAX);
        r[i].node = pick(w, UINT32_MAX);
        r[i].word = pick(w, UINT32_MAX);
    }
    cr_assert_eq(n, mach_wire_rights(k));
    return k;
}

static void same(const struct mach_kmsg *k, const struct mach_wire_right *r,
                 const struct mach_wire *got)
{
    cr_assert_eq(got->k->id, k->id);
    cr_assert_eq(got->k->size, k->size);
    cr_assert_eq(got->k->item_count, k->item_count);
    cr_assert_eq(got->count, mach_wire_rights(k));
    bool receives = false;
    for (uint32_t i = 0; i < got->count; i++) {
        const struct mach_wire_right *a = &r[i], *b = &got->rights[i];
        cr_assert(a->uid == b->uid && a->node == b->node && a->word == b->word &&
                  a->kind == b->kind);
        cr_assert_eq(mach_wire_held(got->k, i)->kind, MACH_HELD_NONE);
        receives = receives || a->kind == MACH_HELD_RECEIVE;
    }
    cr_assert_eq(got->k->receives, receives);
    for (uint32_t i = 0; i < k->item_count; i++) {
        const struct mach_kitem *a = &k->items[i], *b = &got->k->items[i];
        cr_assert(a->type == b->type && a->count == b->count && !a->rights == !b->rights);
        cr_assert_eq(a->out_of_line, b->out_of_line);
        if (a->out_of_line) { /* its bytes, at the front of the first page */
            struct rope bytes;
            rope_init(&bytes);
            rope_add_slice(&bytes, &a->data, a->offset, a->bytes);
            cr_assert(b->offset == 0 && b->bytes == a->bytes && rope_equal(&bytes, &b->data));
            rope_fini(&bytes);
        } else {
            cr_assert(rope_equal(&a->data, &b->data));
        }
    }
}

/* WIRE1, and several images one behind the other. */
static void there_and_back(struct world *w)
{
    for (int i = 0; i < 500; i++) {
        struct mach_wire_right r[3][RIGHTS_MAX];
        struct mach_kmsg *k[3];
        struct mach_wire got;
        struct rope wire;
        rope_init(&wire);
        for (int j = 0; j < 3; j++) {
            k[j] = some(w, r[j]);
            mach_wire_put(k[j], r[j], (uint16_t)(i + j), &wire);
        }
        for (int j = 0; j < 3; j++) {
            cr_assert_eq(mach_wire_get(w->m, &wire, &got), MACH_WIRE_OK);
            cr_assert_eq(got.flags, i + j);
            same(k[j], r[j], &got);
            mach_wire_fini(w->m, &got);
            mach_kmsg_free(w->m, k[j]);
        }
        cr_assert_eq(wire.length, 0);
        rope_fini(&wire);
    }
}

Test(mach_wire, what_is_put_is_got_again)
{
    in_world(there_and_back);
}

/* WIRE3: the bytes of data are the very leaves. */
static void one_leaf(struct world *w)
{
    struct mach_wire_right r[2] = { { .kind = MACH_HELD_SEND }, { .kind = MACH_HELD_NONE } };
    struct mach_wire got;
    struct rope wire;
    uint8_t bytes[4096] = { 1 };
    struct mach_kmsg *k = mach_kmsg_new(w->m, 1);
    k->items[0].type = MACH_TYPE_BYTE;
    rope_add_bytes(&k->items[0].data, bytes, sizeof bytes);
    k->size += MACH_ITEM_BYTES + sizeof bytes;
    rope_init(&wire);
    mach_wire_put(k, r, 0, &wire);
    cr_assert_eq(wire.slices[wire.count - 1].leaf, k->items[0].data.slices[0].leaf);
    cr_assert_eq(mach_wire_get(w->m, &wire, &got), MACH_WIRE_OK);
    cr_assert_eq(got.k->items[0].data.slices[0].leaf, k->items[0].data.slices[0].leaf);
    mach_wire_fini(w->m, &got);
    mach_kmsg_free(w->m, k);
    rope_fini(&wire);
}

Test(mach_wire, data_is_not_copied)
{
    in_world(one_leaf);
}

/* ---- an image by hand ---- */

/* Destination: a send right to 0x0102030405060708 at node 9 with word 10; a send-once right for the
 * reply; an item of one receive right, and one of three characters. */
static const uint8_t image[] = {
    1,    2,    0xab, 0xcd,               /* version, items, flags */
    0xff, 0xff, 0xff, 0xfe,               /* id: -2 */
    0,    0,    0,    24 + 4 + 4 + 4 + 4, /* size */
    0,    0,    0,    3,                  /* rights */
    0,    0,    0,    0,
    0,    0,    0,    3, /* data */
    0,    0,    0,    16,
    0,    0,    0,    1,
    0,    0,    0,    0,
    0,    0,    0,    0, /* 24: receive rights */
    0,    0,    0,    8,
    0,    0,    0,    0,
    0,    0,    0,    0,
    0,    0,    0,    3, /* 40: characters */
    1,    2,    3,    4,
    5,    6,    7,    8,
    0,    0,    0,    9,
    0,    0,    0,    10,
    3,    0,    0,    0, /* 56 */
    0,    0,    0,    0,
    0,    0,    0,    5,
    0,    0,    0,    1,
    0,    0,    0,    6,
    4,    0,    0,    0, /* 76 */
    0,    0,    0,    0,
    0,    0,    0,    7,
    0,    0,    0,    2,
    0,    0,    0,    8,
    2,    0,    0,    0, /* 96 */
    'a',  'b',  'c',     /* 116 */
};

static enum mach_wire_status read_bytes(struct world *w, const uint8_t *bytes, size_t length)
{
    struct rope wire, again;
    struct mach_wire got;
    rope_init(&wire);
    rope_init(&again);
    rope_add_bytes(&wire, bytes, length);
    enum mach_wire_status s = mach_wire_get(w->m, &wire, &got);
    if (s == MACH_WIRE_OK) { /* WIRE2: what is taken for a message is one */
        mach_wire_put(got.k, got.rights, got.flags, &again);
        cr_assert_eq(again.length + wire.length, length);
        rope_join(&again, &wire);
        rope_add_bytes(&wire, bytes, length);
        cr_assert(rope_equal(&wire, &again));
    } else {
        cr_assert(!got.k && !got.rights);
    }
    mach_wire_fini(w->m, &got);
    rope_fini(&wire);
    rope_fini(&again);
    return s;
}

static void by_hand(struct world *w)
{
    struct rope wire;
    struct mach_wire got;
    cr_assert_eq(read_bytes(w, image, sizeof image), MACH_WIRE_OK);
    rope_init(&wire);
    rope_add_bytes(&wire, image, sizeof image);
    cr_assert_eq(mach_wire_get(w->m, &wire, &got), MACH_WIRE_OK);
    cr_assert_eq(got.flags, 0xabcd);
    cr_assert_eq(got.k->id, -2);
    cr_assert(got.k->receives);
    cr_assert_eq(got.rights[0].uid, 0x0102030405060708);
    cr_assert_eq(got.rights[0].node, 9);
    cr_assert_eq(got.rights[0].word, 10);
    cr_assert_eq(got.rights[0].kind, MACH_HELD_SEND);
    cr_assert_eq(got.rights[1].kind, MACH_HELD_ONCE);
    cr_assert_eq(got.rights[2].kind, MACH_HELD_RECEIVE);
    cr_assert_eq(got.k->items[0].type, MACH_PORT_RECEIVE);
    cr_assert_eq(got.k->items[1].type, MACH_TYPE_CHAR);
    cr_assert_eq(mach_wire_held(got.k, 2), &got.k->items[0].rights[0]);
    mach_wire_fini(w->m, &got);
    for (size_t n = 0; n < sizeof image; n++)
        cr_assert_eq(read_bytes(w, image, n), MACH_WIRE_SHORT, "%zu bytes", n);
}

Test(mach_wire, an_image_is_as_the_header_says)
{
    in_world(by_hand);
}

static const struct {
    uint32_t at;
    uint8_t byte;
    enum mach_wire_status status;
} wrong[] = {
    { 0, 2, MACH_WIRE_VERSION },    { 1, 9, MACH_WIRE_ITEMS },
    { 11, 41, MACH_WIRE_SIZE },     { 12, 0xff, MACH_WIRE_SHORT },
    { 15, 1, MACH_WIRE_RIGHTS },    { 15, 2, MACH_WIRE_RIGHTS },
    { 16, 0xff, MACH_WIRE_SHORT },  { 23, 2, MACH_WIRE_DATA },
    { 27, 20, MACH_WIRE_TYPE },   /* MACH_MAKE_SEND does not travel */
    { 27, 0, MACH_WIRE_TYPE },    /* bytes with a right */
    { 24, 0x80, MACH_WIRE_TYPE }, /* rights out of line */
    { 28, 0xff, MACH_WIRE_RIGHTS }, { 31, 0, MACH_WIRE_RIGHTS },
    { 39, 1, MACH_WIRE_TYPE },      { 43, 13, MACH_WIRE_TYPE },
    { 55, 2, MACH_WIRE_DATA },      { 48, 0xff, MACH_WIRE_DATA },
    { 72, 2, MACH_WIRE_DEST },      { 72, 0, MACH_WIRE_DEST },
    { 72, 5, MACH_WIRE_KIND },      { 73, 1, MACH_WIRE_KIND },
    { 92, 2, MACH_WIRE_DEST },      { 112, 3, MACH_WIRE_KIND },
};

static void each_cause(struct world *w)
{
    uint32_t seen = 1u << MACH_WIRE_OK;
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        uint8_t bytes[sizeof image];
        memcpy(bytes, image, sizeof image);
        bytes[wrong[i].at] = wrong[i].byte;
        enum mach_wire_status s = read_bytes(w, bytes, sizeof bytes);
        cr_assert_eq(s, wrong[i].status, "byte %u: %s", wrong[i].at, mach_wire_status_name(s));
        seen |= 1u << s;
    }
    cr_assert_eq(seen, (1u << MACH_WIRE_STATUS_COUNT) - 1, "a status that nothing gives");
}

Test(mach_wire, each_cause_has_its_status)
{
    in_world(each_cause);
}

/* Bytes changed at one, two or three places of the image, and cut. */
static void anything(struct world *w)
{
    uint64_t runs = sample("MACH_WIRE_FUZZ", 20000), taken = 0;
    for (uint64_t i = 0; i < runs; i++) {
        uint8_t bytes[sizeof image];
        memcpy(bytes, image, sizeof image);
        for (uint32_t n = pick(w, 3) + 1; n > 0; n--)
            bytes[pick(w, sizeof bytes)] ^= (uint8_t)(1u << pick(w, 8));
        size_t length = pick(w, 4) ? sizeof bytes : pick(w, sizeof bytes);
        taken += read_bytes(w, bytes, length) == MACH_WIRE_OK;
    }
    cr_assert(taken > runs / 10 && taken < runs);
}

Test(mach_wire, hostile_bytes_are_told_from_messages)
{
    in_world(anything);
}
