/* tcp_sack.c: selective acknowledgements: what is told to the peer, and what it tells [RFC 2018].
 *
 * A sender in recovery sends what is lost before anything new, while less is under way (`pipe`)
 * than its congestion window holds.  What is lost, and what is under way, is as in RFC 3517,
 * section 4: a byte is lost when three stretches behind it, or more than two segments of bytes,
 * have been told.  A time-out forgets what was told [RFC 2018, section 8].
 *
 *   TCPS1  Stretches that were told lie between una and max, in order, and do not touch.
 */
#include "os/proto/tcp/tcp_internal.h"

static uint32_t least_of(uint32_t a, uint32_t b)
{
    return tcp_before(a, b) ? a : b;
}
static uint32_t most_of(uint32_t a, uint32_t b)
{
    return tcp_after(a, b) ? a : b;
}

/* ---- what is told ---- */

void tcp_sack_tell(const struct tcp_conn *t, struct tcp_segment *g, uint32_t room)
{
    uint32_t below = UINT32_MAX; /* the turn of what was told last */
    while (g->sacks < TCP_SACKS && room >= 4 + 8 * (g->sacks + 1u)) {
        const struct tcp_early *next = NULL;
        LIST_EACH (it, &t->early) {
            const struct tcp_early *e = LIST_ENTRY(it, struct tcp_early, link);
            if (e->turn < below && (!next || e->turn > next->turn))
                next = e;
        }
        if (!next)
            return;
        below = next->turn; /* the newest first */
        g->sack[g->sacks].from = next->seq;
        g->sack[g->sacks++].to = next->seq + (uint32_t)next->data.length;
    }
}

/* ---- what the peer tells ---- */

/* Joins what is told to the others. */
static void note(struct tcp_conn *t, struct tcp_range r)
{
    uint32_t i = 0, n = t->sacked_count;
    while (i < n && tcp_before(t->sacked[i].to, r.from))
        i++;
    uint32_t j = i;
    for (; j < n && !tcp_after(t->sacked[j].from, r.to); j++) {
        r.from = least_of(r.from, t->sacked[j].from);
        r.to = most_of(r.to, t->sacked[j].to);
    }
    if (j == i && n == TCP_SACKED_MOST)
        return; /* it is told again when there is room */
    memmove(t->sacked + i + 1, t->sacked + j, (n - j) * sizeof *t->sacked);
    t->sacked[i] = r;
    t->sacked_count = (uint8_t)(n + 1 - (j - i));
}

static bool is_known(const struct tcp_conn *t, struct tcp_range r)
{
    for (uint32_t i = 0; i < t->sacked_count; i++)
        if (!tcp_before(r.from, t->sacked[i].from) && !tcp_after(r.to, t->sacked[i].to))
            return true;
    return false;
}

bool tcp_sack_take(struct tcp_conn *t, const struct tcp_segment *g)
{
    bool news = false;
    for (uint32_t i = 0; t->sack_ok && i < g->sacks; i++) {
        struct tcp_range r = g->sack[i];
        if (!tcp_after(r.from, t->una) || tcp_after(r.to, t->max) || !tcp_before(r.from, r.to))
            continue; /* what is acknowledged, or was never sent */
        if (!t->sacked)
            t->sacked = port_alloc(tcp_port(t), (TCP_SACKED_MOST + 1) * sizeof *t->sacked);
        news |= !is_known(t, r);
        note(t, r);
    }
    uint32_t gone = 0;
    while (gone < t->sacked_count && !tcp_after(t->sacked[gone].from, t->una))
        gone++;
    if (gone == 0)
        return news;
    t->sacked_count = (uint8_t)(t->sacked_count - gone);
    memmove(t->sacked, t->sacked + gone, t->sacked_count * sizeof *t->sacked);
    return news;
}

void tcp_sack_forget(struct tcp_conn *t)
{
    t->sacked_count = 0;
}

/* Is what lies before the i-th stretch lost? */
static bool is_lost(const struct tcp_conn *t, uint32_t i)
{
    uint32_t bytes = 0;
    for (uint32_t k = i; k < t->sacked_count; k++)
        bytes += t->sacked[k].to - t->sacked[k].from;
    return t->sacked_count - i >= TCP_DUPACKS || bytes > (TCP_DUPACKS - 1) * t->mss;
}

bool tcp_sack_recovers(const struct tcp_conn *t)
{
    return t->recovering && t->sack_ok;
}

uint32_t tcp_sack_pipe(const struct tcp_conn *t)
{
    uint32_t pipe = 0, at = t->una;
    for (uint32_t i = 0; i <= t->sacked_count; i++) {
        bool tail = i == t->sacked_count;
        uint32_t end = tail ? t->nxt : t->sacked[i].from;
        if (tcp_before(at, end)) {
            if (tail || !is_lost(t, i))
                pipe += end - at;
            if (tcp_after(t->high_rxt, at))
                pipe += least_of(t->high_rxt, end) - at;
        }
        if (!tail)
            at = t->sacked[i].to;
    }
    return pipe;
}

bool tcp_sack_next(const struct tcp_conn *t, uint32_t *seq, uint32_t *len)
{
    uint32_t at = most_of(t->una, t->high_rxt);
    for (uint32_t i = 0; i < t->sacked_count; i++) {
        if (tcp_before(at, t->sacked[i].from) && is_lost(t, i)) {
            uint32_t n = t->sacked[i].from - at;
            *seq = at;
            *len = n < t->mss ? n : t->mss;
            return true;
        }
        at = most_of(at, t->sacked[i].to);
    }
    return false;
}
