/* program.c: the machine of filters: what may run, running, and shapes.  See program.h. */
#include "os/proto/filter/program.h"

#include <stdlib.h>
#include <string.h>

#include "os/xk/msg.h"

static bool is_jump(uint8_t op)
{
    return op >= FILTER_EQUAL && op <= FILTER_SET;
}

static bool insn_good(const struct filter_insn *i, uint32_t left)
{
    switch (i->op) {
    case FILTER_LOAD:
    case FILTER_LOAD_AT:
        return (i->size == 1 || i->size == 2 || i->size == 4) && i->k <= FILTER_SPAN - i->size &&
               left > 0; /* FILT2 */
    case FILTER_HEADER:
        return i->k == 0 && left > 0;
    case FILTER_AND:
        return left > 0;
    case FILTER_ANSWER:
        return i->k <= 1;
    default:
        return is_jump(i->op) && i->jt < left && i->jf < left; /* FILT1 */
    }
}

bool filter_check(const struct filter_program *p)
{
    bool good = p->count > 0 && p->count <= FILTER_INSNS;
    for (uint32_t i = 0; good && i < p->count; i++)
        good = insn_good(&p->insn[i], p->count - 1u - i);
    return good;
}

static bool load(const uint8_t *bytes, uint32_t length, uint32_t at, uint8_t size, uint32_t *out)
{
    if (at + size > length)
        return false;
    *out = 0;
    for (uint8_t i = 0; i < size; i++)
        *out = *out << 8 | bytes[at + i];
    return true;
}

static uint32_t header_length(const uint8_t *bytes)
{
    return 4u * (bytes[0] & 15u);
}

static bool met(const struct filter_insn *i, uint32_t a)
{
    switch (i->op) {
    case FILTER_EQUAL:
        return a == i->k;
    case FILTER_GREATER:
        return a > i->k;
    case FILTER_LEAST:
        return a >= i->k;
    default:
        return (a & i->k) != 0;
    }
}

bool filter_run(const struct filter_program *p, const uint8_t *bytes, uint32_t length,
                uint64_t *steps)
{
    uint32_t a = 0, x = 0, pc = 0;
    for (;; ++*steps) {
        ASSERT(pc < p->count); /* FILT1 */
        const struct filter_insn *i = &p->insn[pc++];
        switch (i->op) {
        case FILTER_LOAD:
        case FILTER_LOAD_AT:
            if (!load(bytes, length, i->k + (i->op == FILTER_LOAD_AT ? x : 0), i->size, &a)) {
                ++*steps;
                return false; /* FILT2 */
            }
            break;
        case FILTER_HEADER:
            if (length == 0) {
                ++*steps;
                return false;
            }
            x = header_length(bytes);
            break;
        case FILTER_AND:
            a &= i->k;
            break;
        case FILTER_ANSWER:
            ++*steps;
            return i->k == 1;
        default:
            pc += met(i, a) ? i->jt : i->jf;
        }
    }
}

/* ---- shapes: FILT3 ---- */

static int by_place(const void *a, const void *b)
{
    const struct filter_test *x = a, *y = b;
    uint64_t kx = (uint64_t)x->behind << 48 | (uint64_t)x->offset << 32 | x->mask;
    uint64_t ky = (uint64_t)y->behind << 48 | (uint64_t)y->offset << 32 | y->mask;
    return kx != ky ? (kx < ky ? -1 : 1) : (int)x->size - (int)y->size;
}

static uint32_t all_of(uint8_t size)
{
    return size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;
}

bool filter_tests(const struct filter_program *p, struct filter_test out[FILTER_TESTS],
                  uint32_t *count)
{
    bool indexed = false;
    uint32_t i = 0, n = 0;
    for (; p->insn[i].op != FILTER_ANSWER; i++) {
        const struct filter_insn *c = &p->insn[i];
        if (c->op == FILTER_HEADER) {
            indexed = true;
            continue;
        }
        if ((c->op != FILTER_LOAD && !(c->op == FILTER_LOAD_AT && indexed)) || n == FILTER_TESTS)
            return false;
        struct filter_test *t = &out[n++];
        *t = (struct filter_test){ .behind = c->op == FILTER_LOAD_AT,
                                   .size = c->size,
                                   .offset = (uint16_t)c->k,
                                   .mask = all_of(c->size) };
        if (p->insn[i + 1].op == FILTER_AND)
            t->mask &= p->insn[++i].k;
        c = &p->insn[++i];
        if (c->op != FILTER_EQUAL || c->jt != 0)
            return false;
        const struct filter_insn *no = &p->insn[i + 1 + c->jf];
        if (no->op != FILTER_ANSWER || no->k != 0)
            return false;
        t->value = c->k;
    }
    qsort(out, n, sizeof *out, by_place);
    for (uint32_t k = 1; k < n; k++)
        if (by_place(&out[k - 1], &out[k]) == 0)
            return false;
    *count = n;
    return n > 0 && p->insn[i].k == 1;
}

bool filter_field(const struct filter_test *t, const uint8_t *bytes, uint32_t length, uint32_t *out)
{
    uint32_t at = t->offset;
    if (length == 0)
        return false;
    if (t->behind)
        at += header_length(bytes);
    if (!load(bytes, length, at, t->size, out))
        return false;
    *out &= t->mask;
    return true;
}

/* ---- on the wire ---- */

uint32_t filter_store(uint8_t out[FILTER_WIRE(FILTER_INSNS)], const struct filter_program *p)
{
    out[0] = p->priority;
    out[1] = p->count;
    for (uint32_t i = 0; i < p->count; i++) {
        uint8_t *at = out + FILTER_WIRE(i);
        at[0] = p->insn[i].op;
        at[1] = p->insn[i].size;
        at[2] = p->insn[i].jt;
        at[3] = p->insn[i].jf;
        wire_put32(at + 4, p->insn[i].k);
    }
    return FILTER_WIRE(p->count);
}

bool filter_load(struct filter_program *p, const uint8_t *in, uint32_t length)
{
    if (length < 2 || in[1] > FILTER_INSNS || length != FILTER_WIRE(in[1]))
        return false;
    *p = (struct filter_program){ .priority = in[0], .count = in[1] };
    for (uint32_t i = 0; i < p->count; i++) {
        const uint8_t *at = in + FILTER_WIRE(i);
        p->insn[i] = (struct filter_insn){ at[0], at[1], at[2], at[3], wire_get32(at + 4) };
    }
    return filter_check(p);
}
