/* bench_match.c: for which of many ends a frame is (sim/base/match.h): the cost of a look-up by
 * connections and by shapes of their conditions.
 *
 * A connection's conditions are those of TCP over IP over Ethernet: type, protocol, source address,
 * both ports, in words.  Frames come to 256 of the connections in turn.  The peer is a walk over
 * the list of connections.
 */
#include <stdio.h>
#include <stdlib.h>

#include "sim/base/base.h"
#include "sim/base/match.h"
#include "tests/bench/bench.h"

enum { CONDITIONS = 4, FRAME = 64, FRAMES = 256, LOOKS = 2000000 };

struct end {
    struct match_entry entry; /* first */
    struct match m[CONDITIONS];
};

/* End i of shape k: each shape looks for its source in another place. */
static void conditions(struct match m[CONDITIONS], uint64_t i, uint64_t k)
{
    m[0] = (struct match){ 12, 0xffff0000, 0x08000000 };        /* IP */
    m[1] = (struct match){ 20, 0x000000ff, 6 };                 /* TCP */
    m[2] = (struct match){ (uint16_t)(26 - k), 0xffffffff, 0 }; /* from */
    m[3] = (struct match){ 34, 0xffffffff, (uint32_t)i };       /* ports */
    m[2].value = k == 0 ? (uint32_t)(i * 2654435761u) : 0x20202020 + (uint32_t)k;
}

/* A frame for end i of shape 0. */
static void frame_for(struct rope *out, uint64_t i)
{
    uint8_t bytes[FRAME] = { 0 };
    struct match m[CONDITIONS];
    conditions(m, i, 0);
    for (int c = 0; c < CONDITIONS; c++)
        for (int b = 0; b < 4; b++)
            bytes[m[c].offset + b] |= (uint8_t)((m[c].value & m[c].mask) >> (24 - 8 * b));
    rope_init(out);
    rope_add_bytes(out, bytes, sizeof bytes);
}

struct world {
    struct match_set set;
    struct end *ends;
    struct rope frames[FRAMES];
    uint64_t wanted[FRAMES];
};

/* So many ends of shape 0, behind one of each of `shapes` - 1 others. */
static void make(struct world *w, uint64_t ends, uint64_t shapes)
{
    uint64_t state = 1;
    *w = (struct world){ .ends = base_zalloc(ends + shapes, sizeof(struct end)) };
    for (uint64_t i = 0; i < ends + shapes - 1; i++) {
        struct end *e = &w->ends[i];
        bool other = i < shapes - 1;
        conditions(e->m, other ? i : i - (shapes - 1), other ? i + 1 : 0);
        if (!match_add(&w->set, &e->entry, e->m, CONDITIONS))
            abort();
    }
    for (int f = 0; f < FRAMES; f++) {
        uint64_t i = bench_random(&state) % ends;
        frame_for(&w->frames[f], i);
        w->wanted[f] = i + shapes - 1;
    }
}

static double seconds_a_look(uint64_t ends, uint64_t shapes)
{
    struct world w;
    make(&w, ends, shapes);
    double start = bench_seconds();
    for (uint64_t k = 0; k < LOOKS; k++)
        if (match_find(&w.set, &w.frames[k % FRAMES], NULL) != &w.ends[w.wanted[k % FRAMES]].entry)
            abort();
    return (bench_seconds() - start) / LOOKS;
}

static bool meets(const uint8_t *bytes, const struct match *m)
{
    for (int c = 0; c < CONDITIONS; c++) {
        uint32_t word = 0;
        for (int b = 0; b < 4; b++)
            word = word << 8 | bytes[m[c].offset + b];
        if ((word & m[c].mask) != m[c].value)
            return false;
    }
    return true;
}

/* The list, end by end. */
static double seconds_a_walk(uint64_t ends, uint64_t looks)
{
    struct world w;
    make(&w, ends, 1);
    double start = bench_seconds();
    for (uint64_t k = 0; k < looks; k++) {
        uint8_t bytes[FRAME];
        uint64_t i = 0;
        rope_read(&w.frames[k % FRAMES], 0, FRAME, bytes);
        while (!meets(bytes, w.ends[i].m))
            i++;
        if (i != w.wanted[k % FRAMES])
            abort();
    }
    return (bench_seconds() - start) / (double)looks;
}

int main(void)
{
    static const uint64_t ends[] = { 1, 100, 10000 }, shapes[] = { 2, 4, 8 };
    char name[64];
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        double ours = bench_median(seconds_a_look, ends[i], 1);
        double peer = bench_median(seconds_a_walk, ends[i], LOOKS / 2 / ends[i] + 1);
        snprintf(name, sizeof name, "match %lu ends, 1 shape", ends[i]);
        bench_print(name, ours * 1e9, "ns", "a walk over the list", ours / peer);
    }
    double one = bench_median(seconds_a_look, 1000, 1);
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        double many = bench_median(seconds_a_look, 1000, shapes[i]);
        snprintf(name, sizeof name, "match 1000 ends, %lu shapes", shapes[i]);
        bench_print(name, many * 1e9, "ns", "1 shape", many / one);
    }
    return 0;
}
