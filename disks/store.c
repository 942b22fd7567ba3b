/* store.c: extents in a sorted array of sorted pages.
 *
 * A page holds up to PAGE_EXTENTS extents; the store holds the pages in order, and beside them
 * where each ends, so that the search among many pages touches little memory.  Finding is two
 * binary searches, adding moves at most one page's worth, and a page that is full is split in two.
 * A slice whose ends do not fall on sectors is cut: the whole sectors inside stay shared, a sector
 * that several slices meet in becomes bytes of its own.
 */
#include "disks/store.h"

#include <stdlib.h>
#include <string.h>

#define PAGE_EXTENTS 64
#define SECTOR_MAX 65536

struct extent {
    uint64_t first, count; /* sectors */
    struct leaf *leaf;     /* one reference */
    uint64_t off;          /* bytes */
};

struct page {
    uint32_t count;
    struct extent e[PAGE_EXTENTS];
};

struct store {
    uint32_t sector_bytes;
    uint32_t page_count, page_capacity;
    struct page **pages; /* none empty */
    uint64_t *ends;      /* of each page's last extent */
    uint64_t extents;
};

/* A place in the array; page == page_count: past the end. */
struct place {
    uint32_t page, index;
};

struct store *store_create(uint32_t sector_bytes)
{
    ASSERT(sector_bytes > 0 && sector_bytes <= SECTOR_MAX);
    struct store *t = base_zalloc(1, sizeof *t);
    t->sector_bytes = sector_bytes;
    return t;
}

void store_destroy(struct store *t)
{
    for (uint32_t p = 0; p < t->page_count; p++) {
        for (uint32_t i = 0; i < t->pages[p]->count; i++)
            leaf_put(t->pages[p]->e[i].leaf);
        free(t->pages[p]);
    }
    free(t->pages);
    free(t->ends);
    free(t);
}

static uint64_t end_of(const struct extent *x)
{
    return x->first + x->count;
}

/* The last extent of a page is another, or ends elsewhere. */
static void note_end(struct store *t, uint32_t page)
{
    const struct page *p = t->pages[page];
    t->ends[page] = end_of(&p->e[p->count - 1]);
}

/* The first extent that ends past `sector`. */
static struct place find(const struct store *t, uint64_t sector)
{
    uint32_t lo = 0, hi = t->page_count;
    while (lo < hi) {
        uint32_t mid = (lo + hi) / 2;
        if (t->ends[mid] > sector)
            hi = mid;
        else
            lo = mid + 1;
    }
    struct place at = { .page = lo, .index = 0 };
    if (lo == t->page_count)
        return at;
    const struct page *p = t->pages[lo];
    uint32_t a = 0, b = p->count;
    while (a < b) {
        uint32_t mid = (a + b) / 2;
        if (end_of(&p->e[mid]) > sector)
            b = mid;
        else
            a = mid + 1;
    }
    at.index = a;
    return at;
}

static struct extent *extent_at(const struct store *t, struct place at)
{
    return at.page < t->page_count ? &t->pages[at.page]->e[at.index] : NULL;
}

static struct place after(const struct store *t, struct place at)
{
    if (++at.index == t->pages[at.page]->count)
        at = (struct place){ .page = at.page + 1, .index = 0 };
    return at;
}

static void add_page(struct store *t, uint32_t at, struct page *p)
{
    if (t->page_count == t->page_capacity) {
        t->page_capacity = t->page_capacity == 0 ? 4 : 2 * t->page_capacity;
        t->pages = base_realloc(t->pages, t->page_capacity * sizeof *t->pages);
        t->ends = base_realloc(t->ends, t->page_capacity * sizeof *t->ends);
    }
    memmove(&t->pages[at + 1], &t->pages[at], (t->page_count - at) * sizeof *t->pages);
    memmove(&t->ends[at + 1], &t->ends[at], (t->page_count - at) * sizeof *t->ends);
    t->pages[at] = p;
    t->page_count++;
}

/* Puts x in front of what stands at `at`; returns where it stands. */
static struct place insert(struct store *t, struct place at, struct extent x)
{
    t->extents++;
    if (at.index == 0 && at.page > 0 && t->pages[at.page - 1]->count < PAGE_EXTENTS) {
        at.page--;
        at.index = t->pages[at.page]->count;
    }
    if (at.page == t->page_count) {
        struct page *fresh = base_alloc(sizeof *fresh);
        fresh->count = 0;
        add_page(t, at.page, fresh);
    }
    struct page *p = t->pages[at.page];
    if (p->count == PAGE_EXTENTS) {
        /* Appending in rising order leaves full pages behind; elsewhere they are halved. */
        bool last = at.index == p->count;
        uint32_t keep = last ? p->count : p->count / 2;
        struct page *q = base_alloc(sizeof *q);
        q->count = p->count - keep;
        memcpy(q->e, &p->e[keep], q->count * sizeof q->e[0]);
        p->count = keep;
        add_page(t, at.page + 1, q);
        note_end(t, at.page);
        if (q->count > 0)
            note_end(t, at.page + 1);
        if (at.index >= keep) {
            at = (struct place){ .page = at.page + 1, .index = at.index - keep };
            p = q;
        }
    }
    memmove(&p->e[at.index + 1], &p->e[at.index], (p->count - at.index) * sizeof p->e[0]);
    p->e[at.index] = x;
    p->count++;
    note_end(t, at.page);
    return at;
}

/* Takes out the extent at `at`; returns where the one behind it stands now. */
static struct place erase(struct store *t, struct place at)
{
    struct page *p = t->pages[at.page];
    leaf_put(p->e[at.index].leaf);
    p->count--;
    t->extents--;
    memmove(&p->e[at.index], &p->e[at.index + 1], (p->count - at.index) * sizeof p->e[0]);
    if (p->count == 0) {
        free(p);
        t->page_count--;
        memmove(&t->pages[at.page], &t->pages[at.page + 1],
                (t->page_count - at.page) * sizeof *t->pages);
        memmove(&t->ends[at.page], &t->ends[at.page + 1],
                (t->page_count - at.page) * sizeof *t->ends);
        return (struct place){ .page = at.page, .index = 0 };
    }
    note_end(t, at.page);
    if (at.index == p->count)
        return (struct place){ .page = at.page + 1, .index = 0 };
    return at;
}

static void drop_front(const struct store *t, struct extent *x, uint64_t sectors)
{
    x->first += sectors;
    x->count -= sectors;
    x->off += sectors * t->sector_bytes;
}

/* Makes a hole of [first, end), `at` being what find says of first; returns the place in front of
 * which an extent for it belongs. */
static struct place carve(struct store *t, struct place at, uint64_t first, uint64_t end)
{
    struct extent *x = extent_at(t, at);
    if (x != NULL && x->first < first) {
        struct extent rest = *x;
        x->count = first - x->first;
        note_end(t, at.page);
        at = after(t, at);
        if (end_of(&rest) > end) {
            drop_front(t, &rest, end - rest.first);
            leaf_get(rest.leaf);
            return insert(t, at, rest);
        }
    }
    for (x = extent_at(t, at); x != NULL && x->first < end; x = extent_at(t, at)) {
        if (end_of(x) > end) {
            drop_front(t, x, end - x->first);
            break;
        }
        at = erase(t, at);
    }
    return at;
}

static bool continues(const struct store *t, const struct extent *a, const struct extent *b)
{
    if (end_of(a) != b->first)
        return false;
    struct rope_slice s = { .leaf = a->leaf, .off = a->off, .len = a->count * t->sector_bytes };
    struct rope_slice u = { .leaf = b->leaf, .off = b->off, .len = b->count * t->sector_bytes };
    return slice_continues(&s, &u) && s.len <= a->leaf->length - a->off &&
           u.len <= a->leaf->length - a->off - s.len;
}

/* Puts x (whose reference is the store's from here) into the hole that carve made for it. */
static void put_extent(struct store *t, struct extent x)
{
    if (leaf_is_zero(x.leaf)) {
        carve(t, find(t, x.first), x.first, end_of(&x));
        leaf_put(x.leaf);
        return;
    }
    struct place at = find(t, x.first);
    struct extent *same = extent_at(t, at);
    if (same != NULL && same->first == x.first && same->count == x.count) {
        leaf_put(same->leaf);
        *same = x;
        return;
    }
    at = carve(t, at, x.first, end_of(&x));
    struct extent *next = extent_at(t, at);
    struct extent *before = NULL;
    if (at.index > 0)
        before = &t->pages[at.page]->e[at.index - 1];
    else if (at.page > 0)
        before = &t->pages[at.page - 1]->e[t->pages[at.page - 1]->count - 1];
    if (before != NULL && continues(t, before, &x)) {
        uint32_t home = at.index > 0 ? at.page : at.page - 1;
        before->count += x.count;
        leaf_put(x.leaf);
        if (next != NULL && continues(t, before, next)) {
            before->count += next->count;
            erase(t, at);
        }
        note_end(t, home);
        return;
    }
    if (next != NULL && continues(t, &x, next)) {
        leaf_put(next->leaf);
        x.count += next->count;
        *next = x;
        return;
    }
    insert(t, at, x);
}

/* One sector that several slices meet in. */
static void put_mixed(struct store *t, uint64_t sector, const struct rope *data, uint64_t off)
{
    uint8_t bytes[SECTOR_MAX];
    struct rope r;
    rope_read(data, off, t->sector_bytes, bytes);
    rope_init(&r);
    rope_add_bytes(&r, bytes, t->sector_bytes);
    leaf_get(r.slices[0].leaf);
    put_extent(t,
               (struct extent){
                   .first = sector, .count = 1, .leaf = r.slices[0].leaf, .off = r.slices[0].off });
    rope_fini(&r);
}

void store_write(struct store *t, uint64_t sector, uint64_t sectors, const struct rope *data)
{
    uint64_t size = t->sector_bytes, at = 0, into = 0; /* into: bytes of slice i already used */
    ASSERT(data->length == sectors * size);
    for (uint32_t i = 0; at < data->length;) {
        const struct rope_slice *s = &data->slices[i];
        if (into >= s->len) {
            into -= s->len;
            i++;
            continue;
        }
        uint64_t whole = (s->len - into) / size;
        if (whole == 0) {
            put_mixed(t, sector + at / size, data, at);
            whole = 1;
        } else {
            leaf_get(s->leaf);
            put_extent(t, (struct extent){ .first = sector + at / size,
                                           .count = whole,
                                           .leaf = s->leaf,
                                           .off = s->off + into });
        }
        at += whole * size;
        into += whole * size;
    }
}

void store_read(const struct store *t, uint64_t sector, uint64_t sectors, struct rope *out)
{
    uint64_t end = sector + sectors;
    struct place at = find(t, sector);
    while (sector < end) {
        const struct extent *x = extent_at(t, at);
        if (x == NULL || x->first >= end) {
            rope_add_zero(out, (end - sector) * t->sector_bytes);
            return;
        }
        if (x->first > sector) {
            rope_add_zero(out, (x->first - sector) * t->sector_bytes);
            sector = x->first;
        }
        uint64_t n = end_of(x) < end ? end_of(x) - sector : end - sector;
        leaf_get(x->leaf);
        rope_add_leaf(out, x->leaf, x->off + (sector - x->first) * t->sector_bytes,
                      n * t->sector_bytes);
        sector += n;
        at = after(t, at);
    }
}

void store_clear(struct store *t, uint64_t sector, uint64_t sectors)
{
    if (sectors > 0)
        carve(t, find(t, sector), sector, sector + sectors);
}

void store_flip(struct store *t, uint64_t sector, uint32_t byte, uint8_t flip)
{
    uint8_t bytes[SECTOR_MAX];
    ASSERT(byte < t->sector_bytes);
    struct rope r;
    rope_init(&r);
    store_read(t, sector, 1, &r);
    rope_read(&r, 0, t->sector_bytes, bytes);
    rope_fini(&r);
    bytes[byte] ^= flip;
    rope_add_bytes(&r, bytes, t->sector_bytes);
    store_write(t, sector, 1, &r);
    rope_fini(&r);
}

bool store_next(const struct store *t, uint64_t from, uint64_t *first, uint64_t *count)
{
    const struct extent *x = extent_at(t, find(t, from));
    if (x == NULL)
        return false;
    *first = x->first;
    *count = x->count;
    return true;
}

uint32_t store_sector_bytes(const struct store *t)
{
    return t->sector_bytes;
}

uint64_t store_extents(const struct store *t)
{
    return t->extents;
}

bool store_check(const struct store *t)
{
    uint64_t last = 0, n = 0;
    for (uint32_t p = 0; p < t->page_count; p++) {
        if (t->pages[p]->count == 0 ||
            t->ends[p] != end_of(&t->pages[p]->e[t->pages[p]->count - 1]))
            return false;
        for (uint32_t i = 0; i < t->pages[p]->count; i++, n++) {
            const struct extent *x = &t->pages[p]->e[i];
            if (x->count == 0 || (n > 0 && x->first < last))
                return false;
            last = end_of(x);
        }
    }
    return n == t->extents;
}
