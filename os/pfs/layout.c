/* layout.c: see layout.h. */
#include "os/pfs/layout.h"

struct pfs_place pfs_layout_place(struct pfs_layout l, uint64_t off)
{
    uint64_t stripe = off / l.unit, in = off % l.unit;
    return (struct pfs_place){ .dir = (uint32_t)(stripe % l.factor),
                               .local = stripe / l.factor * l.unit + in,
                               .run = l.unit - in };
}

uint64_t pfs_layout_offset(struct pfs_layout l, uint32_t dir, uint64_t local)
{
    return (local / l.unit * l.factor + dir) * l.unit + local % l.unit;
}

uint64_t pfs_layout_share(struct pfs_layout l, uint64_t size, uint32_t dir)
{
    uint64_t stripes = size / l.unit, rest = size % l.unit;
    uint64_t whole = stripes / l.factor + (dir < stripes % l.factor);
    return whole * l.unit + (dir == stripes % l.factor ? rest : 0);
}

void pfs_layout_gather(struct pfs_layout l, const struct rope *data, uint64_t off, uint32_t dir,
                       uint64_t from, uint64_t to, struct rope *out)
{
    while (from < to) {
        uint64_t n = l.unit - from % l.unit;
        if (n > to - from)
            n = to - from;
        rope_add_slice(out, data, pfs_layout_offset(l, dir, from) - off, n);
        from += n;
    }
}

void pfs_layout_pattern(struct pfs_layout l, uint64_t seed, uint32_t dir, uint64_t from,
                        uint64_t to, struct rope *out)
{
    while (from < to) {
        uint64_t n = l.unit - from % l.unit;
        if (n > to - from)
            n = to - from;
        rope_add_pattern(out, seed, pfs_layout_offset(l, dir, from), n);
        from += n;
    }
}
