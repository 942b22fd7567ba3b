/* map.c: see map.h. */
#include "os/vesta/map.h"

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

/* What of [0, n) lies behind `from`, at most `most`. */
static uint64_t part(uint64_t n, uint64_t from, uint64_t most)
{
    return n <= from ? 0 : least(n - from, most);
}

bool vesta_map_init(struct vesta_map *m, uint32_t cells, uint64_t bsu,
                    const struct vesta_view *view)
{
    const struct vesta_view *w = view;
    *m = (struct vesta_map){ .bsu = bsu, .cells = cells, .view = *w };
    if (cells == 0 || cells > VESTA_CELLS_MAX || bsu == 0 || bsu > VESTA_SIZE_MAX || w->vbs == 0 ||
        w->vn == 0 || w->hbs == 0 || w->hn == 0 || w->vbs > VESTA_SIZE_MAX / bsu ||
        (uint64_t)w->vn * w->hn > VESTA_SUBFILES_MAX || w->subfile >= w->vn * w->hn)
        return false;
    m->v = w->by_column ? w->subfile % w->vn : w->subfile / w->hn;
    m->h = w->by_column ? w->subfile / w->vn : w->subfile % w->hn;
    uint64_t round = (uint64_t)w->hbs * w->hn;
    m->have =
        (uint32_t)(cells / round * w->hbs + part(cells % round, (uint64_t)m->h * w->hbs, w->hbs));
    return m->have > 0;
}

struct vesta_view vesta_view_all(uint32_t cells)
{
    return (struct vesta_view){ .vbs = 1, .vn = 1, .hbs = cells, .hn = 1 };
}

uint32_t vesta_map_cell(const struct vesta_map *m, uint32_t nth)
{
    const struct vesta_view *w = &m->view;
    return (nth / w->hbs * w->hn + m->h) * w->hbs + nth % w->hbs;
}

/* The bytes that a cell has of the subfile, counted in themselves, stand in it in strips. */
static uint64_t local_of(const struct vesta_map *m, uint64_t own)
{
    uint64_t strip = m->view.vbs * m->bsu;
    return (own / strip * m->view.vn + m->v) * strip + own % strip;
}

struct vesta_place vesta_map_place(const struct vesta_map *m, uint64_t off)
{
    uint64_t strip = m->view.vbs * m->bsu, block = strip * m->have, in = off % block;
    uint64_t own = off / block * strip, run;
    struct vesta_place p;
    if (m->view.down) {
        p.nth = (uint32_t)(in / strip);
        own += in % strip;
        run = strip - in % strip;
    } else {
        uint64_t entry = in / m->bsu;
        p.nth = (uint32_t)(entry % m->have);
        own += entry / m->have * m->bsu + in % m->bsu;
        run = m->have == 1 ? strip - own % strip : m->bsu - in % m->bsu;
    }
    p.local = local_of(m, own);
    p.run = m->have == 1 && m->view.vn == 1 ? VESTA_SIZE_MAX : run;
    return p;
}

static uint64_t offset_of(const struct vesta_map *m, uint32_t nth, uint64_t own)
{
    uint64_t strip = m->view.vbs * m->bsu, in = own % strip;
    uint64_t off = own / strip * strip * m->have;
    return m->view.down ? off + nth * strip + in
                        : off + (in / m->bsu * m->have + nth) * m->bsu + in % m->bsu;
}

/* Bytes that [0, length) of a cell has of the subfile. */
static uint64_t own_of(const struct vesta_map *m, uint64_t length)
{
    uint64_t strip = m->view.vbs * m->bsu, round = strip * m->view.vn;
    return length / round * strip + part(length % round, m->v * strip, strip);
}

uint64_t vesta_map_offset(const struct vesta_map *m, uint32_t nth, uint64_t local)
{
    return offset_of(m, nth, own_of(m, local));
}

uint64_t vesta_map_end(const struct vesta_map *m, uint32_t nth, uint64_t length)
{
    uint64_t own = own_of(m, length);
    return own == 0 ? 0 : offset_of(m, nth, own - 1) + 1;
}

uint64_t vesta_map_length(const struct vesta_map *m, uint32_t nth, uint64_t size)
{
    uint64_t strip = m->view.vbs * m->bsu, block = strip * m->have, in = size % block;
    uint64_t own = size / block * strip, row = m->have * m->bsu;
    own += m->view.down ? part(in, nth * strip, strip)
                        : in / row * m->bsu + part(in % row, nth * m->bsu, m->bsu);
    return own == 0 ? 0 : local_of(m, own - 1) + 1;
}
