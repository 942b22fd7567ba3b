/* storage_append.c: the storage server: streams of appends, and volumes that become blank again.
 * See storage.h.
 *
 *   STOI2  A volume that is open is the current one of one stream.
 */
#include "os/hsm/storage_internal.h"

#define TRIES 5 /* ASSUMED(drives that fail in a row) */
enum { LISTED = 512 };

/* When no append has a place that has not ended, those that failed are put elsewhere: behind what
 * counts. */
static void settle(struct storage *s, struct stream *st)
{
    struct list todo;
    if (!st->broken || st->placed > 0 || st->opening)
        return;
    st->broken = false;
    st->tail = st->committed;
    st->next_piece = st->pieces;
    st->known &= !st->full;
    list_init(&todo);
    list_splice(&todo, &st->again);
    while (!list_empty(&todo))
        storage_arrive(s, LIST_ENTRY(list_pop(&todo), struct want, link));
}

/* The cartridge, or one of the stripe, is of no use, whatever drive it is brought to.
 * HSM_NO_BLOCK: one of a stripe ends before what counts: of two appends the one behind, which is
 * all on other cartridges, is there, and the one before it is not. */
static bool useless(enum hsm_status s)
{
    return s == HSM_NO_VOLUME || s == HSM_MISLABELLED || s == HSM_STUCK || s == HSM_MEDIUM ||
           s == HSM_NO_BLOCK;
}

void storage_append_failed(struct storage *s, struct want *w)
{
    struct stream *st = &s->streams[w->stream];
    bool full = w->worst == HSM_FULL;
    bool never = full && w->r.first == 0; /* no tape has that room */
    bool next = (full && !never) || useless(w->worst);
    st->broken = true;
    st->placed--;
    if (next && !full && !st->full)
        port_remark(s->port, "nothing is appended to volume %u any more: %s", w->r.volume,
                    hsm_status_name(w->worst));
    st->full |= next;
    if (never || w->worst == HSM_UNREACHABLE || w->worst == HSM_NO_DRIVE ||
        w->worst == HSM_SOURCE || (!next && ++w->tries == TRIES)) {
        storage_end(s, w, w->worst);
    } else {
        s->counts.again++;
        w->worst = HSM_OK;
        list_remove(&w->link);
        list_push(&st->again, &w->link);
    }
    settle(s, st);
}

/* ---- records ---- */

/* Of a volume: what storage_volume_store has, without its number. */
enum { RECORD = STORAGE_VOLUME_BYTES - 4 };

enum file_status storage_volume_get(struct storage *s, uint32_t volume, struct storage_volume *v)
{
    uint8_t wire[STORAGE_VOLUME_BYTES];
    wire_put32(wire, volume);
    enum file_status f = records_get(s->records, TABLE_VOLUMES, volume, wire + 4);
    *v = storage_volume_load(wire);
    return f;
}

static void put_volume(struct storage *s, struct records_change *x, const struct storage_volume *v)
{
    uint8_t wire[STORAGE_VOLUME_BYTES];
    storage_volume_store(wire, v);
    records_put(s->records, x, TABLE_VOLUMES, v->volume, wire + 4);
}

static struct storage_volume of_stream(const struct stream *st, enum storage_state state)
{
    return (struct storage_volume){ st->current, st->life,       st->committed,
                                    st->pieces,  (uint8_t)state, st->kept };
}

/* ---- the next volume of a stream ---- */

static bool claimed(const struct storage *s, uint32_t volume)
{
    for (uint32_t i = 0; i < STREAMS; i++)
        if (s->streams[i].claimed && s->streams[i].current == volume)
            return true;
    return false;
}

/* A blank volume, from the cursor on; it is the stream's claim. */
static enum hsm_status find_blank(struct storage *s, struct stream *st, uint32_t class,
                                  struct storage_volume *v)
{
    const struct storage_class c = storage_class(s->params, class);
    uint32_t from = s->cursor[class], n = (uint32_t)c.volumes;
    for (uint32_t i = 0; i < n; i++) {
        uint32_t at = c.first + (from + i) % n;
        if (claimed(s, at))
            continue;
        st->current = at;
        st->claimed = true;
        if (storage_volume_get(s, at, v) != FILE_OK)
            return HSM_CATALOGUE;
        if (v->state == STORAGE_BLANK) {
            s->cursor[class] = (from + i + 1) % n;
            return HSM_OK;
        }
    }
    st->claimed = false;
    return HSM_FULL;
}

static void opened(struct stream *st, const struct storage_volume *v)
{
    st->current = v->volume;
    st->claimed = st->known = true;
    st->full = false;
    st->life = v->life;
    st->tail = st->committed = v->blocks;
    st->next_piece = st->pieces = v->pieces;
}

/* After a start the volume that the stream had; else, or when that is full, the next. */
static enum hsm_status find_volume(struct storage *s, struct stream *st, uint32_t number)
{
    struct records_change x;
    struct storage_volume old, v;
    uint8_t wire[4];
    bool had = st->claimed && st->full;
    if (!st->claimed) {
        if (records_get(s->records, TABLE_STREAMS, number, wire) != FILE_OK)
            return HSM_CATALOGUE;
        uint32_t was = wire_get32(wire); /* 0: none, yet */
        if (was > 0) {
            st->current = was - 1;
            st->claimed = true;
            if (storage_volume_get(s, was - 1, &v) != FILE_OK)
                return HSM_CATALOGUE;
            ASSERT_MSG(v.state == STORAGE_OPEN, "STOI2");
            opened(st, &v);
            return HSM_OK;
        }
    }
    old = of_stream(st, STORAGE_FULL);
    enum hsm_status status = find_blank(s, st, number / STORAGE_STREAMS, &v);
    if (status == HSM_FULL && had) { /* the one that it has stays its: nothing else is to be had */
        st->current = old.volume;
        st->claimed = true;
    }
    if (status != HSM_OK)
        return status;
    records_begin(&x);
    if (had)
        put_volume(s, &x, &old);
    v.state = STORAGE_OPEN;
    v.kept = st->kept;
    put_volume(s, &x, &v);
    wire_put32(wire, v.volume + 1);
    records_put(s->records, &x, TABLE_STREAMS, number, wire);
    if (records_commit(s->records, &x) != FILE_OK)
        return HSM_CATALOGUE;
    opened(st, &v);
    return HSM_OK;
}

/* ---- appends ---- */

/* Blocks of the append that go to what is left of the volume; 0: it goes to another. */
static uint64_t room(const struct stream *st, const struct storage_class *c, const struct want *w)
{
    uint64_t all = (uint64_t)c->capacity, left;
    left = (c->rait != STORAGE_RAIT0 ? all - all % storage_data(c) : all) - st->tail;
    if (c->pieces > 0 && st->next_piece >= (uint64_t)c->pieces)
        return 0;
    if (w->all <= left)
        return w->all;
    return w->r.part ? left : 0;
}

void storage_append_place(struct storage *s, struct want *w)
{
    struct stream *st = &s->streams[w->stream];
    const struct storage_class c = storage_class(s->params, w->stream / STORAGE_STREAMS);
    enum hsm_status status = HSM_OK;
    if (w->all == 0 || (!w->r.part && storage_taken(&c, w->all) > (uint64_t)c.capacity))
        status = HSM_FULL;
    while (status == HSM_OK && !st->broken) {
        w->r.count = st->known ? room(st, &c, w) : 0;
        if (w->r.count > 0)
            break;
        st->broken = true; /* others wait: for the next one, when all that are placed have ended */
        if (st->known) {
            st->full = true;
            settle(s, st);
        } else {
            st->opening = true;
            status = find_volume(s, st, w->stream);
            st->opening = false;
            settle(s, st);
        }
    }
    if (status != HSM_OK) {
        storage_end(s, w, status);
    } else if (st->broken) {
        list_push(&st->again, &w->link);
    } else {
        w->r.volume = st->current;
        w->r.life = st->life;
        w->r.first = st->tail;
        w->piece = st->next_piece++;
        st->tail += storage_taken(&c, w->r.count);
        st->placed++;
        storage_wanted(s, w);
    }
}

void storage_append_enter(struct storage *s, struct want *w)
{
    struct records_change x;
    struct stream *st = &s->streams[w->stream];
    const struct storage_class c = storage_class(s->params, w->stream / STORAGE_STREAMS);
    uint64_t end = w->r.first + storage_taken(&c, w->r.count);
    ASSERT_MSG(st->claimed && st->current == w->r.volume, "STOI2");
    st->committed = end > st->committed ? end : st->committed;
    st->pieces = w->piece + 1 > st->pieces ? w->piece + 1 : st->pieces;
    const struct storage_volume v = of_stream(st, STORAGE_OPEN);
    records_begin(&x);
    put_volume(s, &x, &v);
    enum file_status f = records_commit(s->records, &x);
    st->placed--;
    storage_end(s, w, f == FILE_OK ? HSM_OK : HSM_CATALOGUE);
    settle(s, st);
}

/* ---- for who owns what lies there ---- */

static void answer(struct storage *s, struct want *w, enum hsm_status status, struct rope *more)
{
    struct rope reply;
    rope_init(&reply);
    rope_add_bytes(&reply, &(uint8_t){ (uint8_t)status }, 1);
    if (more != NULL)
        rope_join(&reply, more);
    list_remove(&w->link);
    (void)xk_map_unbind(&s->wants, &w->tag);
    hsm_answer(&s->calls, &w->caller, &reply);
    port_free(s->port, w);
}

void storage_list(struct storage *s, struct want *w)
{
    struct rope more;
    uint8_t wire[STORAGE_VOLUME_BYTES];
    uint32_t all = storage_volumes(s->params), at = w->r.volume, to;
    enum hsm_status status = HSM_OK;
    to = all - (at < all ? at : all) > LISTED ? at + LISTED : all;
    rope_init(&more);
    wire_put32(wire, to < all ? to : UINT32_MAX);
    rope_add_bytes(&more, wire, 4);
    for (; status == HSM_OK && at < to; at++) {
        struct storage_volume v;
        if (storage_volume_get(s, at, &v) != FILE_OK)
            status = HSM_CATALOGUE;
        storage_volume_store(wire, &v);
        rope_add_bytes(&more, wire, sizeof wire);
    }
    answer(s, w, status, &more);
}

void storage_scratch(struct storage *s, struct want *w)
{
    struct records_change x;
    struct storage_volume v;
    uint32_t volume = w->r.volume;
    if (volume >= storage_volumes(s->params)) {
        answer(s, w, HSM_NO_VOLUME, NULL);
        return;
    }
    enum hsm_status status = HSM_OK;
    if (storage_volume_get(s, volume, &v) != FILE_OK)
        status = HSM_CATALOGUE;
    else if (v.life == w->r.life &&
             (v.state != STORAGE_FULL || v.kept || xk_map_resolve(&s->volumes, &volume) != NULL))
        status = HSM_STATE;
    if (status == HSM_OK && v.life == w->r.life) {
        /* Reads of that life that come until the commit has ended are served before any append of
         * the next: a volume's queue keeps its order. */
        v = (struct storage_volume){ .volume = volume, .life = v.life + 1 };
        records_begin(&x);
        put_volume(s, &x, &v);
        status = records_commit(s->records, &x) == FILE_OK ? HSM_OK : HSM_CATALOGUE;
        s->counts.blanked += status == HSM_OK;
    }
    answer(s, w, status, NULL);
}
