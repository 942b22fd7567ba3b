/* history.c: see history.h.  Recording, the locations of a history, and "the most recent write".
 *
 * Accesses are sorted by location and value; all accesses of one value of a location, the write and
 * its reads, are a cluster.  With lo the earliest end and hi the latest start in a cluster, cluster
 * A must come before B when A.lo < B.hi; both ways is a contradiction.  That happens exactly when
 * the zones of two clusters with lo < hi ("forward") overlap, or a zone with hi <= lo ("backward")
 * lies within a forward one; so the forward zones, sorted, are compared with their neighbours, and
 * each backward zone with the forward one before it [Gibbons & Korach 1997].
 */
#include "os/svm/history_internal.h"

#include <stdarg.h>
#include <stdio.h>  /* snprintf alone */
#include <stdlib.h> /* qsort alone */

void history_init(struct history *h, struct port *p, uint64_t base, uint64_t page_bytes)
{
    *h = (struct history){ .port = p, .base = base, .page_bytes = page_bytes };
}

void history_fini(struct history *h)
{
    port_free(h->port, h->ops);
    h->ops = NULL;
    h->count = h->capacity = 0;
}

void history_add(struct history *h, const struct history_op *op)
{
    ASSERT(op->start <= op->end);
    if (h->count == h->capacity) {
        h->capacity = h->capacity ? 2 * h->capacity : 64;
        h->ops = port_realloc(h->port, h->ops, h->capacity * sizeof *h->ops);
    }
    h->ops[h->count++] = *op;
}

/* ---- sentences ---- */

void history_say(struct history_report *r, const char *fmt, ...)
{
    size_t used = 0;
    while (r->text[used])
        used++;
    va_list args;
    va_start(args, fmt);
    vsnprintf(r->text + used, sizeof r->text - used, fmt, args);
    va_end(args);
}

void history_say_op(struct history_report *r, const struct history_op *op)
{
    if (!op) {
        history_say(r, "0 stands there from the start");
        return;
    }
    double us = (double)SIM_US;
    history_say(r, "node %u %s %llu (%.3f to %.3f us)", op->node, op->write ? "writes" : "reads",
                (unsigned long long)op->value, (double)op->start / us, (double)op->end / us);
}

void history_say_place(const struct history *h, struct history_report *r, uint64_t addr)
{
    if (h->page_bytes)
        history_say(r, "page %llu, ", (unsigned long long)((addr - h->base) / h->page_bytes));
    history_say(r, "address 0x%llx: ", (unsigned long long)addr);
}

static void bad(const struct history *h, struct history_report *r, uint64_t addr)
{
    r->verdict = HISTORY_VIOLATION;
    r->text[0] = '\0';
    history_say_place(h, r, addr);
}

/* ---- locations ---- */

static int compare(const void *a, const void *b)
{
    const struct history_op *x = *(const struct history_op *const *)a;
    const struct history_op *y = *(const struct history_op *const *)b;
    if (x->addr != y->addr)
        return x->addr < y->addr ? -1 : 1;
    if (x->size != y->size)
        return x->size < y->size ? -1 : 1;
    if (x->value != y->value)
        return x->value < y->value ? -1 : 1;
    if (x->write != y->write)
        return x->write ? -1 : 1;
    return x < y ? -1 : x > y; /* in the order in which they were added */
}

static bool same_place(const struct history_op *a, const struct history_op *b)
{
    return a->addr == b->addr && a->size == b->size;
}

const struct history_op **history_sorted(const struct history *h, struct history_report *r)
{
    *r = (struct history_report){ .verdict = HISTORY_OK };
    const struct history_op **ops = port_alloc(h->port, (h->count + 1) * sizeof *ops);
    for (uint64_t i = 0; i < h->count; i++) {
        ops[i] = &h->ops[i];
        r->writes += h->ops[i].write;
        r->reads += !h->ops[i].write;
    }
    if (h->count > 0)
        qsort(ops, h->count, sizeof *ops, compare);
    uint64_t reached = 0;
    for (uint64_t i = 0; i < h->count; i++) {
        bool first = i == 0 || !same_place(ops[i - 1], ops[i]);
        r->locations += first;
        if (first && ops[i]->addr < reached) {
            r->verdict = HISTORY_UNCLEAR;
            r->text[0] = '\0';
            history_say_place(h, r, ops[i]->addr);
            history_say(r, "accesses overlap in part, and are not judged");
            break;
        }
        reached = ops[i]->addr + ops[i]->size;
    }
    return ops;
}

uint64_t history_place_end(const struct history_op *const *ops, uint64_t from, uint64_t count)
{
    uint64_t to = from + 1;
    while (to < count && same_place(ops[from], ops[to]))
        to++;
    return to;
}

/* Is a value written twice to this location, or the 0 of the beginning written again? */
bool history_place_ambiguous(const struct history_op *const *ops, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++)
        if (ops[i]->write && (ops[i]->value == 0 || (i > from && ops[i - 1]->write &&
                                                     ops[i - 1]->value == ops[i]->value)))
            return true;
    return false;
}

/* ---- values that are written once ---- */

struct cluster {
    const struct history_op *write;        /* NULL: the 0 of the beginning */
    const struct history_op *first, *last; /* of the earliest end, of the latest start */
    sim_time lo, hi;
};

static void extend(struct cluster *c, const struct history_op *op)
{
    if (op->end < c->lo) {
        c->lo = op->end;
        c->first = op;
    }
    if (op->start > c->hi || !c->last) {
        c->hi = op->start;
        c->last = op;
    }
}

static bool forward(const struct cluster *c)
{
    return c->lo < c->hi;
}

static int by_zone(const void *a, const void *b)
{
    const struct cluster *x = a, *y = b;
    if (forward(x) != forward(y))
        return forward(x) ? -1 : 1;
    if (x->lo != y->lo)
        return x->lo < y->lo ? -1 : 1;
    return x->hi < y->hi ? -1 : x->hi > y->hi;
}

static bool clash(const struct history *h, struct history_report *r, const struct cluster *a,
                  const struct cluster *b)
{
    if (!(a->lo < b->hi && b->lo < a->hi))
        return false;
    bad(h, r, b->last->addr);
    history_say_op(r, a->first);
    history_say(r, " before ");
    history_say_op(r, b->last);
    history_say(r, ", but ");
    history_say_op(r, b->first);
    history_say(r, " before ");
    history_say_op(r, a->last);
    history_say(r, ": a read does not return the most recent write");
    return true;
}

/* The clusters of a location in by_zone's order: does any pair contradict itself? */
static bool zones_clash(const struct history *h, struct history_report *r, struct cluster *c,
                        uint64_t count)
{
    qsort(c, count, sizeof *c, by_zone);
    uint64_t forwards = 0;
    while (forwards < count && forward(&c[forwards]))
        forwards++;
    for (uint64_t i = 1; i < forwards; i++)
        if (clash(h, r, &c[i - 1], &c[i]))
            return true;
    for (uint64_t i = forwards; i < count; i++) {
        uint64_t lo = 0, hi = forwards; /* the first forward zone that does not begin before */
        while (lo < hi) {
            uint64_t mid = lo + (hi - lo) / 2;
            if (c[mid].lo < c[i].hi)
                lo = mid + 1;
            else
                hi = mid;
        }
        if (lo > 0 && clash(h, r, &c[lo - 1], &c[i]))
            return true;
    }
    return false;
}

/* Accesses [from, to) of one location, sorted by value. */
static bool place_clashes(const struct history *h, struct history_report *r,
                          const struct history_op *const *ops, uint64_t from, uint64_t to)
{
    struct cluster *c = port_alloc(h->port, (to - from) * sizeof *c);
    uint64_t count = 0;
    bool found = false;
    for (uint64_t i = from; i < to && !found; i++) {
        const struct history_op *op = ops[i];
        if (i == from || ops[i - 1]->value != op->value) {
            c[count] = (struct cluster){ .lo = op->value == 0 ? INT64_MIN : INT64_MAX,
                                         .hi = INT64_MIN,
                                         .write = op->write ? op : NULL };
            count++;
            if (!op->write && op->value != 0) {
                bad(h, r, op->addr);
                history_say_op(r, op);
                history_say(r, ", which nobody has written");
                found = true;
                break;
            }
        }
        struct cluster *now = &c[count - 1];
        extend(now, op);
        if (now->write && op->end < now->write->start) {
            bad(h, r, op->addr);
            history_say_op(r, op);
            history_say(r, " before ");
            history_say_op(r, now->write);
            found = true;
        }
    }
    found = found || zones_clash(h, r, c, count);
    port_free(h->port, c);
    return found;
}

/* ---- values that are written more than once ---- */

static int by_start(const void *a, const void *b)
{
    const struct history_op *x = *(const struct history_op *const *)a;
    const struct history_op *y = *(const struct history_op *const *)b;
    if (x->start != y->start)
        return x->start < y->start ? -1 : 1;
    return x < y ? -1 : x > y;
}

static int by_end(const void *a, const void *b)
{
    const struct history_op *x = *(const struct history_op *const *)a;
    const struct history_op *y = *(const struct history_op *const *)b;
    if (x->end != y->end)
        return x->end < y->end ? -1 : 1;
    return x < y ? -1 : x > y;
}

struct writes {
    const struct history_op **by_start, **by_end;
    const struct history_op **latest; /* [i]: of by_end[0..i] the one with the latest start */
    sim_time *reached;                /* [i]: the latest end of by_start[0..i] */
    uint64_t count;
};

static void writes_init(struct writes *w, struct port *p, const struct history_op *const *ops,
                        uint64_t from, uint64_t to)
{
    uint64_t n = to - from;
    *w = (struct writes){ .by_start = port_alloc(p, n * sizeof *w->by_start),
                          .by_end = port_alloc(p, n * sizeof *w->by_end),
                          .latest = port_alloc(p, n * sizeof *w->latest),
                          .reached = port_alloc(p, n * sizeof *w->reached) };
    for (uint64_t i = from; i < to; i++)
        if (ops[i]->write) {
            w->by_start[w->count] = ops[i];
            w->by_end[w->count++] = ops[i];
        }
    qsort(w->by_start, w->count, sizeof *w->by_start, by_start);
    qsort(w->by_end, w->count, sizeof *w->by_end, by_end);
    for (uint64_t i = 0; i < w->count; i++) {
        bool later = i == 0 || w->by_end[i]->start > w->latest[i - 1]->start;
        w->latest[i] = later ? w->by_end[i] : w->latest[i - 1];
        w->reached[i] = w->by_start[i]->end;
        if (i > 0 && w->reached[i - 1] > w->reached[i])
            w->reached[i] = w->reached[i - 1];
    }
}

static void writes_fini(struct writes *w, struct port *p)
{
    port_free(p, w->by_start);
    port_free(p, w->by_end);
    port_free(p, w->latest);
    port_free(p, w->reached);
}

/* Of the writes that ended before `t`, the one that began last; NULL: none. */
static const struct history_op *last_before(const struct writes *w, sim_time t)
{
    uint64_t lo = 0, hi = w->count;
    while (lo < hi) {
        uint64_t mid = lo + (hi - lo) / 2;
        if (w->by_end[mid]->end < t)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo > 0 ? w->latest[lo - 1] : NULL;
}

/* Can some write be the latest one at this read, and has its value? */
static bool explained(const struct writes *w, const struct history_op *read,
                      const struct history_op *last)
{
    if (!last && read->value == 0)
        return true;
    sim_time since = last ? last->start : INT64_MIN;
    uint64_t i = 0, past = w->count; /* i: the first write that began after the read */
    while (i < past) {
        uint64_t mid = i + (past - i) / 2;
        if (w->by_start[mid]->start <= read->end)
            i = mid + 1;
        else
            past = mid;
    }
    for (; i > 0 && w->reached[i - 1] >= since; i--)
        if (w->by_start[i - 1]->end >= since && w->by_start[i - 1]->value == read->value)
            return true;
    return false;
}

static bool place_unexplained(const struct history *h, struct history_report *r,
                              const struct history_op *const *ops, uint64_t from, uint64_t to)
{
    struct writes w;
    bool found = false;
    writes_init(&w, h->port, ops, from, to);
    for (uint64_t i = from; i < to && !found; i++) {
        const struct history_op *last = last_before(&w, ops[i]->start);
        if (ops[i]->write || explained(&w, ops[i], last))
            continue;
        bad(h, r, ops[i]->addr);
        history_say_op(r, ops[i]);
        history_say(r, ", but before that ");
        history_say_op(r, last);
        history_say(r, ": a read does not return the most recent write");
        found = true;
    }
    writes_fini(&w, h->port);
    return found;
}

enum history_verdict history_recent(const struct history *h, struct history_report *out)
{
    const struct history_op **ops = history_sorted(h, out);
    for (uint64_t from = 0; out->verdict == HISTORY_OK && from < h->count;) {
        uint64_t to = history_place_end(ops, from, h->count);
        if (history_place_ambiguous(ops, from, to)) {
            out->ambiguous++;
            place_unexplained(h, out, ops, from, to);
        } else {
            place_clashes(h, out, ops, from, to);
        }
        from = to;
    }
    port_free(h->port, ops);
    return out->verdict;
}
