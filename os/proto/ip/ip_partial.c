/* ip_partial.c: puts datagrams together from their fragments [RFC 791, 3.2; RFC 815].
 *
 *   PARTIAL1  The pieces of a datagram are in order and do not overlap: of octets that come twice
 *       the first are kept.
 *   PARTIAL2  What makes no sense ends the datagram: two ends, octets behind the end, a piece that
 *       is not the last and no multiple of eight, more than 65,535 octets.
 */
#include "os/proto/ip/ip_internal.h"

#define PIECE_COST 128 /* bytes of memory that a piece takes beside its octets: ASSUMED */

static struct ip_partial *find(struct ip_state *st, const struct ip_header *h)
{
    LIST_EACH (it, &st->partials) {
        struct ip_partial *p = LIST_ENTRY(it, struct ip_partial, link);
        if (p->src == h->src && p->dst == h->dst && p->id == h->id && p->protocol == h->protocol)
            return p;
    }
    return NULL;
}

void ip_partial_free(struct xk_protl *self, struct ip_partial *p)
{
    struct ip_state *st = self->state;
    while (!list_empty(&p->pieces)) {
        struct ip_piece *x = LIST_ENTRY(list_pop(&p->pieces), struct ip_piece, link);
        rope_fini(&x->data);
        port_free(xk_port(self), x);
    }
    st->partial_bytes -= p->bytes;
    list_remove(&p->link);
    port_free(xk_port(self), p);
}

static void account(struct ip_state *st, struct ip_partial *p, uint64_t bytes)
{
    p->bytes += bytes;
    st->partial_bytes += bytes;
}

static struct ip_partial *partial_new(struct xk_protl *self, const struct ip_header *h, uint8_t ifc,
                                      bool all)
{
    struct ip_state *st = self->state;
    struct port *port = xk_port(self);
    struct ip_partial *p = port_alloc(port, sizeof *p);
    p->src = h->src;
    p->dst = h->dst;
    p->id = h->id;
    p->protocol = h->protocol;
    p->ifc = ifc;
    p->all = all;
    list_init(&p->pieces);
    p->until = port_now(port) + st->params->reassembly;
    if (list_empty(&st->partials)) {
        port_work(port, PORT_WORK_TIMER, 1);
        port_timer_set(&st->partial_timer, st->params->reassembly);
    }
    list_push(&st->partials, &p->link);
    account(st, p, sizeof *p);
    return p;
}

/* The part [first, end) of what is at [at, ...) becomes a piece, before `next`. */
static void insert(struct xk_protl *self, struct ip_partial *p, struct list *next, uint32_t first,
                   uint32_t end, uint32_t at, const struct rope *data)
{
    struct ip_piece *x = port_alloc(xk_port(self), sizeof *x);
    x->first = first;
    x->end = end;
    rope_init(&x->data);
    rope_add_slice(&x->data, data, first - at, end - first);
    list_push(next, &x->link); /* in front of it */
    p->have += end - first;
    account(self->state, p, end - first + PIECE_COST);
}

/* PARTIAL1: fills the holes between the pieces that there are. */
static void fill(struct xk_protl *self, struct ip_partial *p, uint32_t first, uint32_t end,
                 const struct rope *data)
{
    uint32_t at = first;
    struct list *it = p->pieces.next;
    for (; it != &p->pieces && at < end; it = it->next) {
        const struct ip_piece *x = LIST_ENTRY(it, struct ip_piece, link);
        ASSERT(x->first < x->end); /* PARTIAL1 */
        if (x->first > at)
            insert(self, p, it, at, x->first < end ? x->first : end, first, data);
        if (x->end > at)
            at = x->end;
    }
    if (at < end)
        insert(self, p, it, at, end, first, data);
}

/* PARTIAL2. */
static bool sensible(const struct ip_partial *p, uint32_t first, uint32_t end, bool more)
{
    uint32_t last =
        list_empty(&p->pieces) ? 0 : LIST_ENTRY(p->pieces.prev, struct ip_piece, link)->end;
    if (end > IP_LONGEST - IP_HEADER || (more && (end - first) % 8 != 0) || end == first)
        return false;
    if (!more)
        return p->total ? p->total == end : last <= end;
    return !p->total || end <= p->total;
}

bool ip_partial_add(struct xk_protl *self, struct ip_header *h, uint8_t *ifc, bool *all,
                    struct xk_msg *m)
{
    struct ip_state *st = self->state;
    struct ip_partial *p = find(st, h);
    bool more = h->offset & IP_MORE;
    uint32_t first = 8u * (h->offset & IP_OFFSET), end = first + (uint32_t)xk_msg_length(m);
    struct rope data;
    if (!p)
        p = partial_new(self, h, *ifc, *all);
    if (!sensible(p, first, end, more)) {
        st->counts.reassembly_bad++;
        ip_partial_free(self, p);
        return false;
    }
    if (!more)
        p->total = end;
    if (first == 0 && !p->has_first) {
        p->has_first = true;
        p->header = *h;
    }
    xk_msg_to_rope(m, &data);
    fill(self, p, first, end, &data);
    rope_fini(&data);
    if (p->total && p->have == p->total) {
        *h = p->header;
        *ifc = p->ifc;
        *all = p->all;
        h->offset = 0;
        h->length = (uint16_t)(ip_header_length(h) + p->total);
        xk_msg_init(m);
        LIST_EACH (it, &p->pieces)
            rope_join(&m->data, &LIST_ENTRY(it, struct ip_piece, link)->data);
        ip_partial_free(self, p);
        st->counts.reassembled++;
        return true;
    }
    while (st->partial_bytes > (uint64_t)st->params->memory) { /* IP7 */
        st->counts.reassembly_overflows++;
        ip_partial_free(self, LIST_ENTRY(st->partials.next, struct ip_partial, link));
    }
    return false;
}
