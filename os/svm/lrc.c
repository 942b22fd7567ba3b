/* lrc.c: intervals, vector clocks and write notices of lazy release consistency; see lrc.h.
 *
 * Called by the synchronisation (sync.h) in the program's thread and at the homes of its objects.
 * What goes with its messages, all words of 32 bits, big-endian:
 *   a clock                 one word a rank
 *   a clock with notices    the clock, the number of intervals, and for each: rank, index,
 *                           number of runs, and for each run: first page, pages
 */
#include "os/svm/lrc.h"

#include <stdlib.h> /* qsort alone */

uint32_t lrc_interval_of(const struct lrc_versions *v, uint32_t rank)
{
    for (uint32_t i = 0; i < v->count && v->of[i].rank <= rank; i++)
        if (v->of[i].rank == rank)
            return v->of[i].interval;
    return 0;
}

void lrc_raise(struct port *p, struct lrc_versions *v, uint32_t rank, uint32_t interval)
{
    uint32_t at = 0;
    while (at < v->count && v->of[at].rank < rank)
        at++;
    if (at < v->count && v->of[at].rank == rank) {
        if (interval > v->of[at].interval)
            v->of[at].interval = interval;
        return;
    }
    if (v->count == v->capacity) {
        v->capacity = v->capacity ? 2 * v->capacity : 2;
        v->of = port_realloc(p, v->of, v->capacity * sizeof *v->of);
    }
    for (uint32_t i = v->count++; i > at; i--)
        v->of[i] = v->of[i - 1];
    v->of[at] = (struct lrc_version){ .rank = rank, .interval = interval };
}

bool lrc_covers(const struct lrc_versions *have, const struct lrc_versions *need)
{
    for (uint32_t i = 0; i < need->count; i++)
        if (lrc_interval_of(have, need->of[i].rank) < need->of[i].interval)
            return false;
    return true;
}

/* ---- words to send ---- */

struct words {
    uint8_t *bytes;
    size_t length, capacity;
};

static void put(struct port *p, struct words *w, uint32_t value)
{
    if (w->length == w->capacity) {
        w->capacity = w->capacity ? 2 * w->capacity : 256;
        w->bytes = port_realloc(p, w->bytes, w->capacity);
    }
    wire_put32(w->bytes + w->length, value);
    w->length += 4;
}

static void put_clock(struct lrc *l, struct words *w, const uint32_t *clock)
{
    for (uint32_t j = 0; j < l->svm->count; j++)
        put(l->svm->port, w, clock[j]);
}

static void finish(struct lrc *l, struct words *w, struct rope *out)
{
    rope_add_bytes(out, w->bytes, w->length);
    port_free(l->svm->port, w->bytes);
}

static struct lrc_interval *interval_at(struct list *it)
{
    return LIST_ENTRY(it, struct lrc_interval, link);
}

/* The first interval of a rank's log above `index`, or its head: what is new stands at the end. */
static struct list *first_above(const struct lrc *l, uint32_t rank, uint32_t index)
{
    struct list *it = &l->log[rank];
    while (it->prev != &l->log[rank] && interval_at(it->prev)->index > index)
        it = it->prev;
    return it;
}

/* The clock, and the notices of the intervals above `from` and at most `clock`. */
static void put_notices(struct lrc *l, struct words *w, const uint32_t *from, const uint32_t *clock)
{
    struct port *p = l->svm->port;
    put_clock(l, w, clock);
    size_t count_at = w->length;
    uint32_t count = 0;
    put(p, w, 0);
    for (uint32_t j = 0; j < l->svm->count; j++) {
        uint32_t low = from[j] > l->base[j] ? from[j] : l->base[j], found = 0;
        if (clock[j] <= low)
            continue;
        for (struct list *it = first_above(l, j, low); it != &l->log[j]; it = it->next) {
            const struct lrc_interval *iv = interval_at(it);
            if (iv->index > clock[j])
                break;
            found++;
            put(p, w, j);
            put(p, w, iv->index);
            put(p, w, iv->runs);
            for (uint32_t i = 0; i < iv->runs; i++) {
                put(p, w, iv->run[i].first);
                put(p, w, iv->run[i].count);
            }
        }
        ASSERT_MSG(found == clock[j] - low, "LRC6: notices that somebody needs are not here");
        count += found;
    }
    wire_put32(w->bytes + count_at, count);
}

/* ---- words that came ---- */

struct reader {
    uint8_t *bytes;
    size_t length, at;
};

static uint32_t get(struct reader *r)
{
    if (r->at + 4 > r->length)
        return 0;
    r->at += 4;
    return wire_get32(r->bytes + r->at - 4);
}

static struct reader reader_of(struct lrc *l, const struct rope *notes)
{
    struct reader r = { .length = notes->length };
    r.bytes = port_alloc(l->svm->port, notes->length + 1);
    rope_read(notes, 0, notes->length, r.bytes);
    return r;
}

static struct lrc_interval *interval_new(struct lrc *l, uint32_t index, uint32_t runs)
{
    struct lrc_interval *iv = port_alloc(l->svm->port, sizeof *iv + runs * sizeof iv->run[0]);
    iv->index = index;
    iv->runs = runs;
    return iv;
}

/* Puts an interval into the log of its rank, which rises; false: it is there, or too old. */
static bool log_interval(struct lrc *l, uint32_t rank, struct lrc_interval *iv)
{
    struct list *before = l->log[rank].prev;
    if (iv->index <= l->base[rank])
        return false;
    while (before != &l->log[rank] && interval_at(before)->index > iv->index)
        before = before->prev;
    if (before != &l->log[rank] && interval_at(before)->index == iv->index)
        return false;
    list_push_front(before, &iv->link);
    return true;
}

/* Takes notices into the log and returns the clock that came with them, in `clock`. */
static void absorb(struct lrc *l, const struct rope *notes, uint32_t *clock)
{
    struct reader r = reader_of(l, notes);
    for (uint32_t j = 0; j < l->svm->count; j++)
        clock[j] = get(&r);
    uint32_t count = get(&r);
    for (uint32_t k = 0; k < count && r.at < r.length; k++) {
        uint32_t rank = get(&r), index = get(&r), runs = get(&r);
        if (rank >= l->svm->count || runs > (r.length - r.at) / 8)
            break;
        struct lrc_interval *iv = interval_new(l, index, runs);
        for (uint32_t i = 0; i < runs; i++) {
            iv->run[i].first = get(&r);
            iv->run[i].count = get(&r);
        }
        if (!log_interval(l, rank, iv))
            port_free(l->svm->port, iv);
    }
    port_free(l->svm->port, r.bytes);
}

static uint32_t *clock_new(struct lrc *l)
{
    return port_alloc(l->svm->port, l->svm->count * sizeof(uint32_t));
}

static void join_clock(struct lrc *l, uint32_t *into, const uint32_t *clock)
{
    for (uint32_t j = 0; j < l->svm->count; j++)
        if (clock[j] > into[j])
            into[j] = clock[j];
}

/* ---- what others know ---- */

struct peer {
    struct list link;
    uint32_t node;
    uint32_t clock[];
};

static struct peer *peer_of(struct lrc *l, uint32_t node)
{
    struct peer *p = xk_map_resolve(&l->peers, &node);
    if (!p) {
        p = port_alloc(l->svm->port, sizeof *p + l->svm->count * sizeof p->clock[0]);
        p->node = node;
        list_push(&l->known, &p->link);
        xk_map_bind(&l->peers, &node, p);
    }
    return p;
}

static void forget_peers(struct lrc *l)
{
    struct list *it;
    while ((it = list_pop(&l->known))) {
        struct peer *p = LIST_ENTRY(it, struct peer, link);
        xk_map_unbind(&l->peers, &p->node);
        port_free(l->svm->port, p);
    }
}

/* ---- intervals of this node ---- */

struct lrc *lrc_of(struct svm *s)
{
    return s->relaxed;
}

static int rising(const void *a, const void *b)
{
    const uint32_t *x = a, *y = b;
    return (*x > *y) - (*x < *y);
}

/* Pages that were changed, as runs; sorts them. */
static struct lrc_interval *interval_of(struct lrc *l, uint32_t index, uint32_t *pages, uint32_t n)
{
    uint32_t runs = 0;
    qsort(pages, n, sizeof *pages, rising);
    for (uint32_t i = 0; i < n; i++)
        runs += i == 0 || pages[i] > pages[i - 1] + 1;
    struct lrc_interval *iv = interval_new(l, index, runs);
    struct lrc_run *run = iv->run;
    for (uint32_t i = 0; i < n; i++) {
        if (i > 0 && pages[i] <= pages[i - 1] + 1) /* a page that stayed pinned may stand twice */
            run[-1].count += pages[i] - pages[i - 1];
        else
            *run++ = (struct lrc_run){ .first = pages[i], .count = 1 };
    }
    return iv;
}

static void add_changed(struct lrc *l, uint64_t page)
{
    if (l->changed == l->changed_room) {
        l->changed_room = l->changed_room ? 2 * l->changed_room : 16;
        l->pages_changed = port_realloc(l->svm->port, l->pages_changed,
                                        l->changed_room * sizeof *l->pages_changed);
    }
    l->pages_changed[l->changed++] = (uint32_t)page;
}

/* Closes the pages that are dirty now; a page that stays pinned goes to the end, for the next time.
 * Closing may block: whoever else wants the interval ended meanwhile closes pages of the same. */
static void close_pages(struct lrc *l, uint32_t index, bool pay)
{
    uint32_t count = 0;
    LIST_EACH (it, &l->dirty)
        count++;
    while (count-- > 0 && !list_empty(&l->dirty)) {
        struct lrc_page *lp = LIST_ENTRY(list_pop(&l->dirty), struct lrc_page, link);
        if (lrc_close_page(l, lp, index, pay))
            add_changed(l, lp->page);
    }
}

void lrc_end_interval(struct lrc *l, bool pay)
{
    uint32_t index = l->clock[l->rank] + 1;
    bool inner = l->ending;
    l->ending = true;
    close_pages(l, index, pay);
    if (inner)
        return;
    l->ending = false;
    if (l->changed == 0)
        return;
    struct lrc_interval *iv = interval_of(l, index, l->pages_changed, l->changed);
    l->changed = 0;
    if (!log_interval(l, l->rank, iv))
        ASSERT_MSG(false, "an interval of this node is not new");
    l->clock[l->rank] = l->learned[l->rank] = index;
}

/* ---- what the synchronisation calls ---- */

/* The program's work so far comes before the release: its diffs hold what it has written by
 * then. */
static void release(void *arg)
{
    struct lrc *l = lrc_of(arg);
    port_pay(l->svm->port);
    lrc_end_interval(l, true);
}

static void clock_out(void *arg, struct rope *out)
{
    struct lrc *l = lrc_of(arg);
    struct words w = { .length = 0 };
    put_clock(l, &w, l->clock);
    finish(l, &w, out);
}

static void tell(void *arg, uint32_t node, struct rope *out)
{
    struct lrc *l = lrc_of(arg);
    struct peer *peer = peer_of(l, node);
    struct words w = { .length = 0 };
    put_notices(l, &w, peer->clock, l->learned);
    join_clock(l, peer->clock, l->learned);
    finish(l, &w, out);
}

static void learn(void *arg, uint32_t from, const struct rope *notes)
{
    struct lrc *l = lrc_of(arg);
    if (notes->length == 0)
        return;
    uint32_t *clock = clock_new(l);
    absorb(l, notes, clock);
    join_clock(l, l->learned, clock);
    join_clock(l, peer_of(l, from)->clock, clock);
    port_free(l->svm->port, clock);
}

/* Calls fn for each interval of others that was learned and is not seen yet. */
static bool each_new(struct lrc *l,
                     bool (*fn)(struct lrc *l, uint32_t rank, struct lrc_interval *iv))
{
    for (uint32_t j = 0; j < l->svm->count; j++) {
        uint32_t next = l->clock[j] + 1;
        if (j == l->rank || next > l->learned[j])
            continue;
        for (struct list *it = first_above(l, j, l->clock[j]); it != &l->log[j]; it = it->next) {
            struct lrc_interval *iv = interval_at(it);
            if (iv->index > l->learned[j])
                break;
            ASSERT_MSG(iv->index == next, "LRC6: an interval is missing: do two threads of a node "
                                          "synchronise?");
            next++;
            if (!fn(l, j, iv))
                return false;
        }
        ASSERT_MSG(next > l->learned[j], "LRC6: an interval is missing");
    }
    return true;
}

/* Stops at a page that is being written here. */
static bool spares_dirty(struct lrc *l, uint32_t rank, struct lrc_interval *iv)
{
    (void)rank;
    for (uint32_t i = 0; i < iv->runs; i++)
        LIST_EACH (it, &l->dirty) {
            const struct lrc_page *lp = LIST_ENTRY(it, struct lrc_page, link);
            if (lp->page - iv->run[i].first < iv->run[i].count)
                return false;
        }
    return true;
}

static bool see(struct lrc *l, uint32_t rank, struct lrc_interval *iv)
{
    for (uint32_t i = 0; i < iv->runs; i++)
        for (uint32_t k = 0; k < iv->run[i].count; k++)
            lrc_notice(l, iv->run[i].first + k, rank, iv->index);
    return true;
}

static void drop_log(struct lrc *l)
{
    for (uint32_t j = 0; j < l->svm->count; j++)
        while (!list_empty(&l->log[j])) {
            struct lrc_interval *iv = interval_at(l->log[j].next);
            if (iv->index > l->base[j])
                break;
            list_remove(&iv->link);
            port_free(l->svm->port, iv);
        }
}

static void acquired(void *arg, bool all)
{
    struct lrc *l = lrc_of(arg);
    if (all)
        join_clock(l, l->base, l->learned);
    if (!list_empty(&l->dirty) && !each_new(l, spares_dirty))
        lrc_end_interval(l, true);
    each_new(l, see);
    join_clock(l, l->clock, l->learned);
    if (!all)
        return;
    drop_log(l);
    forget_peers(l);
}

static void merge(void *arg, void **object, const struct rope *notes)
{
    struct lrc *l = lrc_of(arg);
    if (notes->length == 0)
        return;
    if (!*object)
        *object = clock_new(l);
    uint32_t *clock = clock_new(l);
    absorb(l, notes, clock);
    join_clock(l, *object, clock);
    port_free(l->svm->port, clock);
}

static void grant(void *arg, const void *object, const struct rope *asked, struct rope *out)
{
    struct lrc *l = lrc_of(arg);
    if (!object || asked->length != 4 * (uint64_t)l->svm->count)
        return;
    struct reader r = reader_of(l, asked);
    uint32_t *from = clock_new(l);
    for (uint32_t j = 0; j < l->svm->count; j++)
        from[j] = get(&r);
    struct words w = { .length = 0 };
    put_notices(l, &w, from, object);
    finish(l, &w, out);
    port_free(l->svm->port, from);
    port_free(l->svm->port, r.bytes);
}

const struct sync_memory lrc_memory = {
    .release = release,
    .clock = clock_out,
    .tell = tell,
    .learn = learn,
    .acquired = acquired,
    .merge = merge,
    .grant = grant,
};
