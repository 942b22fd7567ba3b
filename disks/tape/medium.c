/* medium.c: a cartridge: runs of items that are alike, and a store of all their bytes in a row. */
#include "disks/tape/medium.h"

#include <stdlib.h>

#include "disks/store.h"

struct run {
    uint64_t first, count;
    uint64_t length, stored; /* of each; 0: marks */
    uint64_t bytes;          /* of all blocks before it */
    struct tape_place place; /* of its first, settled */
};

struct bad {
    uint64_t from, to;
};

struct tape_medium {
    struct tape_format format;
    char *format_name, *label;
    uint64_t seed;
    struct run *runs;
    size_t run_count, run_room;
    uint64_t items, bytes;
    struct tape_place end; /* where what comes next is written */
    struct store *store;
    struct tape_source source;
    uint64_t source_bytes; /* what comes before is the source's */
    bool declared, indexed, changed;
    struct bad *bad; /* in rising order, apart */
    size_t bad_count;
    bool protect;
    struct tape_wear wear;
    uint64_t parked;
};

struct tape_medium *tape_medium_create(const struct tape_format *f, const char *label)
{
    struct tape_medium *m = base_zalloc(1, sizeof *m);
    m->format = *f;
    m->format_name = base_strdup(f->name);
    m->format.name = m->format_name;
    m->label = base_strdup(label);
    m->seed = base_hash_text(label);
    m->store = store_create(1);
    m->parked = tape_format_load_point(f);
    return m;
}

void tape_medium_destroy(struct tape_medium *m)
{
    if (m == NULL)
        return;
    store_destroy(m->store);
    free(m->runs);
    free(m->bad);
    free(m->format_name);
    free(m->label);
    free(m);
}

const char *tape_medium_label(const struct tape_medium *m)
{
    return m->label;
}

const struct tape_format *tape_medium_format(const struct tape_medium *m)
{
    return &m->format;
}

uint64_t tape_medium_seed(const struct tape_medium *m)
{
    return m->seed;
}

/* ---- items ---- */

/* `count` items that lie from `place` (settled) on. */
static void add_run(struct tape_medium *m, struct tape_place place, uint64_t count, uint64_t length,
                    uint64_t stored)
{
    struct run *last = m->run_count > 0 ? &m->runs[m->run_count - 1] : NULL;
    bool alike = last != NULL && last->length == length && last->stored == stored;
    if (alike) {
        struct tape_place next = tape_place_after(&m->format, last->place, stored, last->count);
        next = tape_place_settle(&m->format, next, stored);
        alike = next.at == place.at && next.into == place.into;
    }
    if (alike) {
        last->count += count;
    } else {
        if (m->run_count == m->run_room) {
            m->run_room = m->run_room == 0 ? 8 : 2 * m->run_room;
            m->runs = base_realloc(m->runs, m->run_room * sizeof *m->runs);
        }
        m->runs[m->run_count++] = (struct run){ .first = m->items,
                                                .count = count,
                                                .length = length,
                                                .stored = stored,
                                                .bytes = m->bytes,
                                                .place = place };
    }
    m->items += count;
    m->bytes += count * length;
    m->end = tape_place_after(&m->format, place, stored, count);
}

static void forget(struct tape_medium *m)
{
    m->run_count = 0;
    m->items = m->bytes = 0;
    m->end = (struct tape_place){ .at = 0 };
}

/* What a declared medium holds is worked out when somebody asks. */
static void know(struct tape_medium *m)
{
    if (!m->declared || m->indexed)
        return;
    forget(m);
    for (uint64_t i = 0; i < m->source.stretches; i++) {
        uint64_t count = 0, length = 0, stored = 0;
        m->source.stretch(m->source.arg, i, &count, &length, &stored);
        if (count > 0)
            add_run(m, tape_place_settle(&m->format, m->end, stored), count, length, stored);
    }
    m->source_bytes = m->bytes;
    m->indexed = true;
}

void tape_medium_declare(struct tape_medium *m, const struct tape_source *source)
{
    ASSERT_MSG(m->items == 0 && !m->declared, "a medium that holds something is declared");
    m->source = *source;
    m->declared = true;
}

void tape_medium_rest(struct tape_medium *m)
{
    if (!m->declared || m->changed)
        return;
    forget(m);
    free(m->runs);
    m->runs = NULL;
    m->run_room = 0;
    m->indexed = false;
}

uint64_t tape_medium_items(struct tape_medium *m)
{
    know(m);
    return m->items;
}

uint64_t tape_medium_bytes(struct tape_medium *m)
{
    know(m);
    return m->bytes;
}

uint64_t tape_medium_records(struct tape_medium *m)
{
    return m->run_count + store_extents(m->store) + m->bad_count;
}

/* The run that holds item n, which is there. */
static const struct run *run_of(const struct tape_medium *m, uint64_t n)
{
    size_t lo = 0, hi = m->run_count;
    while (hi - lo > 1) {
        size_t mid = (lo + hi) / 2;
        if (m->runs[mid].first <= n)
            lo = mid;
        else
            hi = mid;
    }
    return &m->runs[lo];
}

struct tape_item tape_medium_item(struct tape_medium *m, uint64_t n)
{
    know(m);
    if (n >= m->items)
        return (
            struct tape_item){ .kind = TAPE_END, .place = m->end, .end = m->end.at + m->end.into };
    const struct run *r = run_of(m, n);
    struct tape_item i = { .kind = r->stored == 0 ? TAPE_MARK : TAPE_BLOCK,
                           .length = r->length,
                           .stored = r->stored,
                           .place =
                               tape_place_after(&m->format, r->place, r->stored, n - r->first) };
    i.place = tape_place_settle(&m->format, i.place, i.stored);
    i.end = tape_place_end(&m->format, i.place, i.stored);
    return i;
}

/* ---- bytes ---- */

/* Where the bytes of block n stand in the row of all. */
static uint64_t offset_of(const struct tape_medium *m, uint64_t n)
{
    const struct run *r = run_of(m, n);
    return r->bytes + (n - r->first) * r->length;
}

bool tape_medium_read(struct tape_medium *m, uint64_t n, struct rope *out)
{
    struct tape_item i = tape_medium_item(m, n);
    ASSERT(i.kind == TAPE_BLOCK);
    if (tape_medium_bad(m, n))
        return false;
    uint64_t from = offset_of(m, n);
    uint64_t first, count;
    if (from >= m->source_bytes ||
        (store_next(m->store, from, &first, &count) && first < from + i.length))
        store_read(m->store, from, i.length, out);
    else
        m->source.bytes(m->source.arg, from, i.length, out);
    return true;
}

void tape_medium_flip(struct tape_medium *m, uint64_t n, uint64_t byte, uint8_t bits)
{
    struct tape_item i = tape_medium_item(m, n);
    ASSERT(i.kind == TAPE_BLOCK && byte < i.length);
    uint64_t from = offset_of(m, n), first, count;
    if (from < m->source_bytes &&
        !(store_next(m->store, from, &first, &count) && first < from + i.length)) {
        struct rope r;
        rope_init(&r);
        m->source.bytes(m->source.arg, from, i.length, &r);
        store_write(m->store, from, i.length, &r);
        rope_fini(&r);
    }
    store_flip(m->store, from + byte, 0, bits);
    m->changed = true;
}

void tape_medium_truncate(struct tape_medium *m, uint64_t n)
{
    know(m);
    if (n >= m->items)
        return;
    struct tape_item i = tape_medium_item(m, n);
    uint64_t from = offset_of(m, n);
    m->changed = true;
    if (m->bytes > from)
        store_clear(m->store, from, m->bytes - from);
    while (m->run_count > 0 && m->runs[m->run_count - 1].first >= n)
        m->run_count--;
    if (m->run_count > 0)
        m->runs[m->run_count - 1].count = n - m->runs[m->run_count - 1].first;
    m->items = n;
    m->bytes = from;
    m->source_bytes = m->source_bytes < from ? m->source_bytes : from;
    m->end = i.place;
}

void tape_medium_append(struct tape_medium *m, struct tape_place place, uint64_t stored,
                        const struct rope *data)
{
    know(m);
    m->changed = true;
    ASSERT(data == NULL ? stored == 0 : stored > 0);
    if (data != NULL)
        store_write(m->store, m->bytes, data->length, data);
    add_run(m, place, 1, data == NULL ? 0 : data->length, stored);
}

/* ---- bad places ---- */

/* The first bad place that ends past `at`; NULL: none. */
static const struct bad *bad_after(const struct tape_medium *m, uint64_t at)
{
    size_t lo = 0, hi = m->bad_count;
    while (lo < hi) {
        size_t mid = (lo + hi) / 2;
        if (m->bad[mid].to > at)
            hi = mid;
        else
            lo = mid + 1;
    }
    return lo < m->bad_count ? &m->bad[lo] : NULL;
}

static const struct bad *bad_under(const struct tape_medium *m, struct tape_place p, uint64_t end)
{
    uint64_t from = p.at + p.into;
    const struct bad *b = bad_after(m, from);
    return b != NULL && b->from < end ? b : NULL;
}

struct tape_place tape_medium_fit(const struct tape_medium *m, struct tape_place p, uint64_t stored)
{
    const struct bad *b;
    p = tape_place_settle(&m->format, p, stored);
    while ((b = bad_under(m, p, tape_place_end(&m->format, p, stored))) != NULL)
        p = (struct tape_place){ .at = b->to };
    return p;
}

bool tape_medium_bad(struct tape_medium *m, uint64_t n)
{
    struct tape_item i = tape_medium_item(m, n);
    return i.kind != TAPE_END && bad_under(m, i.place, i.end) != NULL;
}

uint64_t tape_medium_lost(struct tape_medium *m, uint64_t n, uint64_t end)
{
    know(m);
    end = end < m->items ? end : m->items;
    while (n < end) {
        struct tape_item i = tape_medium_item(m, n);
        if (bad_under(m, i.place, i.end) != NULL)
            return n;
        const struct bad *b = bad_after(m, i.end);
        if (b == NULL)
            return UINT64_MAX;
        /* Items lie in rising order: the next that can be lost is the first that ends past it. */
        uint64_t lo = n + 1, hi = end;
        while (lo < hi) {
            uint64_t mid = lo + (hi - lo) / 2;
            if (tape_medium_item(m, mid).end > b->from)
                hi = mid;
            else
                lo = mid + 1;
        }
        n = lo;
    }
    return UINT64_MAX;
}

void tape_medium_damage(struct tape_medium *m, uint64_t at, uint64_t length)
{
    struct bad fresh = { .from = at, .to = at + length };
    size_t kept = 0;
    if (length == 0)
        return;
    m->bad = base_realloc(m->bad, (m->bad_count + 1) * sizeof *m->bad);
    for (size_t i = 0; i < m->bad_count; i++) {
        struct bad b = m->bad[i];
        if (b.to < fresh.from || b.from > fresh.to) {
            m->bad[kept++] = b;
            continue;
        }
        fresh.from = b.from < fresh.from ? b.from : fresh.from;
        fresh.to = b.to > fresh.to ? b.to : fresh.to;
    }
    size_t place = kept;
    while (place > 0 && m->bad[place - 1].from > fresh.from) {
        m->bad[place] = m->bad[place - 1];
        place--;
    }
    m->bad[place] = fresh;
    m->bad_count = kept + 1;
}

/* ---- what it has been through ---- */

bool tape_medium_protected(const struct tape_medium *m)
{
    return m->protect;
}

void tape_medium_protect(struct tape_medium *m, bool on)
{
    m->protect = on;
}

struct tape_wear *tape_medium_wear(struct tape_medium *m)
{
    return &m->wear;
}

double tape_medium_passes(struct tape_medium *m)
{
    return (double)m->wear.passed / (double)m->format.track;
}

uint64_t tape_medium_parked(const struct tape_medium *m)
{
    return m->parked;
}

void tape_medium_park(struct tape_medium *m, uint64_t at)
{
    m->parked = at;
}
