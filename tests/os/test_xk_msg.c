/* test_xk_msg.c: the message tool against a flat array. */
#include <criterion/criterion.h>
#include <string.h>

#include "os/xk/msg.h"

/* The oracle: the same operations on a flat array. */
struct flat {
    uint8_t b[1024];
    size_t n;
};

static void same(const struct xk_msg *m, const struct flat *f)
{
    uint8_t got[1024];
    struct xk_msg c;
    xk_msg_copy(&c, m);
    cr_assert_eq(xk_msg_length(m), f->n);
    cr_assert(xk_msg_pop(&c, got, f->n));
    cr_assert_arr_eq(got, f->b, f->n);
    cr_assert_not(xk_msg_pop(&c, got, 1));
    xk_msg_fini(&c);
}

static void cut(struct xk_msg *m, uint64_t n)
{
    struct xk_msg tail;
    xk_msg_split(m, n, &tail);
    xk_msg_fini(&tail);
}

static void flat_push(struct flat *f, const uint8_t *b, size_t n)
{
    memmove(f->b + n, f->b, f->n);
    memcpy(f->b, b, n);
    f->n += n;
}

/* Two headers of 5 and 3 bytes before 20 of data in two leaves, one of them a pattern. */
static void build(struct xk_msg *m, struct flat *f)
{
    static const uint8_t h1[5] = { 1, 2, 3, 4, 5 }, h2[3] = { 0xaa, 0xbb, 0xcc };
    struct rope r;
    rope_init(&r);
    rope_add_bytes(&r, "0123456", 7);
    rope_add_pattern(&r, 2385, 11, 13);
    xk_msg_init_rope(m, &r);
    memcpy(f->b, "0123456", 7);
    pattern_fill(2385, 11, 13, f->b + 7);
    f->n = 20;
    memcpy(xk_msg_push(m, 5), h1, 5);
    flat_push(f, h1, 5);
    memcpy(xk_msg_push(m, 3), h2, 3);
    flat_push(f, h2, 3);
}

Test(xk_msg, split_at_every_byte_and_join_again)
{
    for (size_t at = 0; at <= 28; at++) {
        struct xk_msg m, tail;
        struct flat f, head;
        build(&m, &f);
        memset(&tail, 0xff, sizeof tail);
        xk_msg_split(&m, at, &tail);
        cr_assert_not(tail.part);
        head = f;
        head.n = at;
        same(&m, &head);
        struct flat rest = { .n = f.n - at };
        memcpy(rest.b, f.b + at, rest.n);
        same(&tail, &rest);
        xk_msg_join(&m, &tail);
        same(&m, &f);
        cr_assert_eq(xk_msg_length(&tail), 0);
        xk_msg_fini(&m);
        xk_msg_fini(&tail);
    }
    cr_assert_eq(rope_leaves_alive(), 0);
}

Test(xk_msg, pop_at_every_byte)
{
    for (size_t at = 0; at <= 28; at++) {
        struct xk_msg m;
        struct flat f;
        uint8_t out[64];
        build(&m, &f);
        cr_assert(xk_msg_pop(&m, out, at));
        cr_assert_arr_eq(out, f.b, at);
        memmove(f.b, f.b + at, f.n - at);
        f.n -= at;
        same(&m, &f);
        cr_assert_not(xk_msg_pop(&m, out, f.n + 1));
        same(&m, &f);
        xk_msg_fini(&m);
    }
    cr_assert_eq(rope_leaves_alive(), 0);
}

Test(xk_msg, to_and_from_a_frame_keeps_the_bytes_and_a_copy_is_independent)
{
    struct xk_msg m, copy;
    struct flat f;
    struct rope frame;
    build(&m, &f);
    xk_msg_copy(&copy, &m);
    xk_msg_to_rope(&m, &frame);
    cr_assert_eq(xk_msg_length(&m), 0);
    xk_msg_fini(&m);
    xk_msg_from_rope(&m, &frame);
    same(&m, &f);
    xk_msg_push(&m, 4)[0] = 9;
    cut(&m, 2);
    same(&copy, &f);
    xk_msg_fini(&m);
    xk_msg_move(&m, &copy);
    cr_assert_eq(xk_msg_length(&copy), 0);
    same(&m, &f);
    xk_msg_fini(&m);
    xk_msg_fini(&copy);
    cr_assert_eq(rope_leaves_alive(), 0);
}

/* Random operations on both; 3,000 of them on each of 40 messages. */
Test(xk_msg, random_operations_agree_with_a_flat_array)
{
    uint64_t x = 12345;
    for (int round = 0; round < 40; round++) {
        struct xk_msg m;
        struct flat f = { .n = 0 };
        xk_msg_init(&m);
        for (int step = 0; step < 3000; step++) {
            x = x * 6364136223846793005u + 1442695040888963407u;
            uint32_t op = (uint32_t)(x >> 33) % 6, n = (uint32_t)(x >> 40) % 23;
            uint8_t b[32];
            for (uint32_t i = 0; i < sizeof b; i++)
                b[i] = (uint8_t)(x >> (i % 8 * 8));
            if (op == 0 && m.start >= n && f.n < 800) {
                memcpy(xk_msg_push(&m, n), b, n);
                flat_push(&f, b, n);
            } else if (op == 1 && n <= f.n) {
                cr_assert(xk_msg_pop(&m, b, n));
                cr_assert_arr_eq(b, f.b, n);
                f.n -= n;
                memmove(f.b, f.b + n, f.n);
            } else if (op == 2 && f.n < 800) {
                struct xk_msg o;
                xk_msg_init(&o);
                memcpy(xk_msg_push(&o, n), b, n);
                xk_msg_join(&m, &o);
                memcpy(f.b + f.n, b, n);
                f.n += n;
                xk_msg_fini(&o);
            } else if (op == 3 && f.n > 400) {
                cut(&m, f.n - n);
                f.n -= n;
            } else if (op == 4 && n <= f.n) {
                struct xk_msg t;
                xk_msg_split(&m, n, &t);
                xk_msg_join(&m, &t);
                xk_msg_fini(&t);
            } else if (op == 5 && n == 7) {
                struct rope frame;
                xk_msg_to_rope(&m, &frame);
                rope_flatten(&frame, false);
                xk_msg_fini(&m);
                xk_msg_from_rope(&m, &frame);
            }
            same(&m, &f);
        }
        xk_msg_fini(&m);
    }
    cr_assert_eq(rope_leaves_alive(), 0);
}

Test(xk_msg, headers_are_big_endian)
{
    uint8_t w[8];
    wire_put64(w, 0x0102030405060708u);
    cr_assert_eq(w[0], 1);
    cr_assert_eq(w[7], 8);
    cr_assert_eq(wire_get64(w), 0x0102030405060708u);
    cr_assert_eq(wire_get32(w + 4), 0x05060708u);
    cr_assert_eq(wire_get16(w + 2), 0x0304);
}
