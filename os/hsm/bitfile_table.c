/* bitfile_table.c: the bitfile server's tables.  See bitfile_server.h.
 *
 * Records, big-endian:
 *   bitfiles  0 u8 state  1 u8 class  2 u32 generation  6 u64 size  14 u64 created  22 u64 stored
 *             30 u32 segments  34 u64 record of segments behind the first two, plus one
 *             42 u64 owner  50 two segments
 *   segments  0 u64 next record, plus one  8 u8 used  9 six segments
 *   places    (volume x pieces + piece) u64 number of the bitfile, plus one; 0: nothing is there
 *   live      (volume) u64 blocks  8 u32 pieces
 * A number is its slot, and above BITFILE_SLOT_BITS the generation: how often the slot was freed.
 *
 *   BFTI1  What is counted of a volume is changed with no other thread in between, from the look at
 *       the counts to the call of records_commit: commits count in the order of these calls (RDO1).
 */
#include <string.h>

#include "os/hsm/bitfile_internal.h"

enum {
    SEGMENT = 37,
    HEAD = 50,
    RECORD = HEAD + 2 * SEGMENT,
    CHAIN = 9 + BITFILE_CHAINED * SEGMENT
};
enum { BITFILES, SEGMENTS, PLACES, LIVE };
#define SLOT_MASK ((UINT64_C(1) << BITFILE_SLOT_BITS) - 1)

/* ---- wire ---- */

static void segment_store(uint8_t *out, const struct bitfile_segment *s)
{
    wire_put32(out, s->volume);
    wire_put32(out + 4, s->life);
    wire_put64(out + 8, s->first);
    wire_put64(out + 16, s->count);
    wire_put64(out + 24, s->at);
    wire_put32(out + 32, s->piece);
    out[36] = s->copy;
}

static struct bitfile_segment segment_load(const uint8_t *in)
{
    return (struct bitfile_segment){ .volume = wire_get32(in),
                                     .life = wire_get32(in + 4),
                                     .first = wire_get64(in + 8),
                                     .count = wire_get64(in + 16),
                                     .at = wire_get64(in + 24),
                                     .piece = wire_get32(in + 32),
                                     .copy = in[36] };
}

static void record_store(uint8_t out[RECORD], const struct bitfile *f)
{
    memset(out, 0, RECORD);
    out[0] = (uint8_t)f->state;
    out[1] = (uint8_t)f->class;
    wire_put32(out + 2, (uint32_t)(f->id >> BITFILE_SLOT_BITS));
    wire_put64(out + 6, f->size);
    wire_put64(out + 14, (uint64_t)f->created);
    wire_put64(out + 22, (uint64_t)f->stored);
    wire_put32(out + 30, f->count);
    wire_put64(out + 34, f->chains > 0 ? f->chain[0] + 1 : 0);
    wire_put64(out + 42, f->owner);
    for (uint32_t i = 0; i < 2 && i < f->count; i++)
        segment_store(out + HEAD + (size_t)i * SEGMENT, &f->segments[i]);
}

/* ---- what is declared ---- */

struct storage_place bitfile_declared(const struct bitfile_params *p,
                                      const struct storage_params *storage, uint64_t n)
{
    uint64_t block = (uint64_t)storage->block, count = ((uint64_t)p->size + block - 1) / block;
    uint64_t each = (uint64_t)storage->blocks / count;
    return (struct storage_place){ .volume = (uint32_t)(n / each),
                                   .first = n % each * count,
                                   .count = count,
                                   .piece = (uint32_t)(n % each) };
}

/* Of a volume: how many, and the first. */
static uint64_t declared_on(const struct bitfiles *b, uint32_t volume, uint64_t *first)
{
    uint64_t all = (uint64_t)b->params->declared, block = (uint64_t)b->storage->block;
    *first = 0;
    if (all == 0)
        return 0;
    uint64_t count = ((uint64_t)b->params->size + block - 1) / block;
    uint64_t each = (uint64_t)b->storage->blocks / count;
    *first = volume * each;
    if (*first >= all)
        return 0;
    return all - *first < each ? all - *first : each;
}

bool bitfile_foreign(const struct bitfiles *b, const struct storage_volume *v)
{
    uint64_t first;
    return v->life == 0 && v->volume < (uint64_t)b->storage->filled &&
           declared_on(b, v->volume, &first) == 0;
}

static void declare(void *arg, uint64_t n, uint8_t *out)
{
    const struct bitfiles *b = arg;
    if (n >= (uint64_t)b->params->declared)
        return;
    const struct storage_place at = bitfile_declared(b->params, b->storage, n);
    struct bitfile f = {
        .id = n, .state = BITFILE_WRITTEN, .size = (uint64_t)b->params->size, .count = 1
    };
    f.segments[0] = (struct bitfile_segment){
        .volume = at.volume, .first = at.first, .count = at.count, .piece = at.piece
    };
    record_store(out, &f);
}

static void declare_place(void *arg, uint64_t n, uint8_t *out)
{
    const struct bitfiles *b = arg;
    uint64_t first, piece = n % b->pieces;
    if (piece < declared_on(b, (uint32_t)(n / b->pieces), &first))
        wire_put64(out, first + piece + 1);
}

static void declare_live(void *arg, uint64_t n, uint8_t *out)
{
    const struct bitfiles *b = arg;
    uint64_t first, pieces = declared_on(b, (uint32_t)n, &first);
    if (pieces == 0)
        return;
    wire_put64(out, pieces * bitfile_declared(b->params, b->storage, first).count);
    wire_put32(out + 8, (uint32_t)pieces);
}

void bitfile_tables(struct bitfiles *b, struct file_sys *files)
{
    const struct bitfile_params *p = b->params;
    uint32_t volumes = storage_volumes(b->storage);
    uint64_t first, declared = declared_on(b, 0, &first);
    b->pieces = (uint32_t)declared;
    for (uint32_t c = 0; c < storage_class_count(b->storage); c++) {
        uint32_t most = (uint32_t)storage_class(b->storage, c).pieces;
        b->pieces = most > b->pieces ? most : b->pieces;
    }
    b->records = records_create(b->port, files, "bitfile", &p->records);
    (void)records_table(b->records, "bitfiles", RECORD, (uint64_t)p->bitfiles, declare, b);
    (void)records_table(b->records, "segments", CHAIN, (uint64_t)p->chains, NULL, NULL);
    (void)records_table(b->records, "places", 8, (uint64_t)volumes * b->pieces, declare_place, b);
    (void)records_table(b->records, "live", 12, volumes, declare_live, b);
}

/* ---- locks ---- */

struct lock {
    uint64_t id;
    struct list waiting; /* struct sleeper */
};
struct sleeper {
    struct list link;
    struct port_thread *thread;
    bool has;
};

void bitfile_lock(struct bitfiles *b, uint64_t id)
{
    struct lock *l = xk_map_resolve(&b->locks, &id);
    if (l == NULL) {
        l = port_alloc(b->port, sizeof *l);
        l->id = id;
        list_init(&l->waiting);
        xk_map_bind(&b->locks, &l->id, l);
        return;
    }
    struct sleeper *me = port_alloc(b->port, sizeof *me);
    me->thread = port_thread_self(b->port);
    list_push(&l->waiting, &me->link);
    while (!me->has)
        port_thread_block(b->port, "the records of a bitfile", id);
    port_free(b->port, me);
}

void bitfile_unlock(struct bitfiles *b, uint64_t id)
{
    struct lock *l = xk_map_resolve(&b->locks, &id);
    struct list *next = list_pop(&l->waiting);
    if (next != NULL) { /* it is the next one's */
        struct sleeper *s = LIST_ENTRY(next, struct sleeper, link);
        s->has = true;
        port_thread_wake(b->port, s->thread);
        return;
    }
    (void)xk_map_unbind(&b->locks, &id);
    port_free(b->port, l);
}

/* ---- one bitfile ---- */

enum hsm_status bitfile_load_slot(struct bitfiles *b, uint64_t slot, struct bitfile *f)
{
    uint8_t wire[RECORD], chain[CHAIN];
    memset(f, 0, sizeof *f);
    if (records_get(b->records, BITFILES, slot, wire) != FILE_OK)
        return HSM_CATALOGUE;
    f->id = (uint64_t)wire_get32(wire + 2) << BITFILE_SLOT_BITS | slot;
    f->state = (enum bitfile_state)wire[0];
    f->class = wire[1];
    f->size = wire_get64(wire + 6);
    f->created = (sim_time)wire_get64(wire + 14);
    f->stored = (sim_time)wire_get64(wire + 22);
    f->count = wire_get32(wire + 30);
    f->owner = wire_get64(wire + 42);
    for (uint32_t i = 0; i < 2 && i < f->count; i++)
        f->segments[i] = segment_load(wire + HEAD + (size_t)i * SEGMENT);
    uint64_t next = wire_get64(wire + 34);
    for (uint32_t i = 2; i < f->count; i += BITFILE_CHAINED) {
        f->chain[f->chains++] = next - 1;
        if (records_get(b->records, SEGMENTS, next - 1, chain) != FILE_OK)
            return HSM_CATALOGUE;
        for (uint32_t k = 0; k < BITFILE_CHAINED && i + k < f->count; k++)
            f->segments[i + k] = segment_load(chain + 9 + (size_t)k * SEGMENT);
        next = wire_get64(chain);
    }
    return HSM_OK;
}

enum hsm_status bitfile_load(struct bitfiles *b, uint64_t id, struct bitfile *f)
{
    uint64_t slot = id & SLOT_MASK;
    if (slot >= (uint64_t)b->params->bitfiles) {
        memset(f, 0, sizeof *f);
        return HSM_OK;
    }
    enum hsm_status s = bitfile_load_slot(b, slot, f);
    if (f->id != id) { /* another one, earlier or later */
        memset(f, 0, sizeof *f);
        f->id = id;
    }
    return s;
}

void bitfile_sort(struct bitfile *f)
{
    for (uint32_t i = 1; i < f->count; i++)
        for (uint32_t k = i; k > 0; k--) {
            struct bitfile_segment *x = &f->segments[k - 1], *y = &f->segments[k], z;
            if (x->copy < y->copy || (x->copy == y->copy && x->at < y->at))
                break;
            z = *x;
            *x = *y;
            *y = z;
        }
}

/* ---- volumes ---- */

enum hsm_status bitfile_live(struct bitfiles *b, uint32_t volume, struct live **out)
{
    uint8_t wire[12];
    struct live *v = xk_map_resolve(&b->live, &volume);
    if (v == NULL) {
        if (records_get(b->records, LIVE, volume, wire) != FILE_OK)
            return HSM_CATALOGUE;
        v = xk_map_resolve(&b->live, &volume); /* another thread may have been faster */
    }
    if (v == NULL) {
        v = port_alloc(b->port, sizeof *v);
        *v = (struct live){ volume, wire_get64(wire), wire_get32(wire + 8) };
        xk_map_bind(&b->live, &v->volume, v);
    }
    *out = v;
    return HSM_OK;
}

enum hsm_status bitfile_piece(struct bitfiles *b, uint32_t volume, uint32_t piece, uint64_t *owner)
{
    uint8_t wire[8];
    if (records_get(b->records, PLACES, (uint64_t)volume * b->pieces + piece, wire) != FILE_OK)
        return HSM_CATALOGUE;
    *owner = wire_get64(wire);
    return HSM_OK;
}

/* ---- changes ---- */

/* Slots and chains have one map: those of chains are odd. */
static bool take(struct bitfiles *b, uint64_t n, bool chain)
{
    uint64_t key = n << 1 | chain;
    if (xk_map_resolve(&b->taken, &key) != NULL)
        return false;
    xk_map_bind(&b->taken, &key, b);
    return true;
}

static void give_back(struct bitfiles *b, uint64_t n, bool chain)
{
    uint64_t key = n << 1 | chain;
    (void)xk_map_unbind(&b->taken, &key);
}

/* A record of segments that nobody uses; taken. */
static enum hsm_status new_chain(struct bitfiles *b, uint64_t *out)
{
    uint64_t all = (uint64_t)b->params->chains;
    for (uint64_t i = 0; i < all; i++) {
        uint8_t wire[CHAIN];
        uint64_t n = b->chain_at;
        b->chain_at = (n + 1) % all;
        if (!take(b, n, true))
            continue;
        if (records_get(b->records, SEGMENTS, n, wire) != FILE_OK)
            return HSM_CATALOGUE;
        *out = n;
        if (wire[8] == 0)
            return HSM_OK;
        give_back(b, n, true);
    }
    return HSM_FULL;
}

static void put_chains(struct bitfiles *b, struct records_change *x, const struct bitfile *f,
                       uint32_t used)
{
    for (uint32_t c = 0; c < f->chains; c++) {
        uint8_t wire[CHAIN] = { 0 };
        if (c < used) {
            wire_put64(wire, c + 1 < used ? f->chain[c + 1] + 1 : 0);
            wire[8] = 1;
        }
        for (uint32_t k = 0; c < used && k < BITFILE_CHAINED; k++) {
            uint32_t i = 2 + c * BITFILE_CHAINED + k;
            if (i < f->count)
                segment_store(wire + 9 + (size_t)k * SEGMENT, &f->segments[i]);
        }
        records_put(b->records, x, SEGMENTS, f->chain[c], wire);
    }
}

static void put_live(struct bitfiles *b, struct records_change *x, const struct live *v)
{
    uint8_t wire[12];
    wire_put64(wire, v->blocks);
    wire_put32(wire + 8, v->pieces);
    records_put(b->records, x, LIVE, v->volume, wire);
}

static void put_places(struct bitfiles *b, struct records_change *x,
                       const struct bitfile_segment *s, uint32_t count, uint64_t owner)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t wire[8];
        struct live *v = xk_map_resolve(&b->live, &s[i].volume);
        ASSERT_MSG(v != NULL, "BFTI1");
        wire_put64(wire, owner);
        records_put(b->records, x, PLACES, (uint64_t)s[i].volume * b->pieces + s[i].piece, wire);
        if (owner == 0) {
            ASSERT_MSG(v->pieces > 0 && v->blocks >= s[i].count, "BFS1");
            v->blocks -= s[i].count;
            v->pieces--;
        } else {
            v->blocks += s[i].count;
            v->pieces++;
        }
        put_live(b, x, v);
    }
}

enum hsm_status bitfile_change(struct bitfiles *b, struct bitfile *f,
                               const struct bitfile_segment *gone, uint32_t gone_count,
                               const struct bitfile_segment *come, uint32_t come_count)
{
    uint8_t wire[RECORD];
    struct records_change x;
    struct live *v;
    uint32_t had = f->chains;
    uint32_t used = f->count > 2 ? (f->count - 2 + BITFILE_CHAINED - 1) / BITFILE_CHAINED : 0;
    enum hsm_status s = HSM_OK;
    for (uint32_t i = 0; s == HSM_OK && i < gone_count; i++)
        s = bitfile_live(b, gone[i].volume, &v);
    for (uint32_t i = 0; s == HSM_OK && i < come_count; i++)
        s = bitfile_live(b, come[i].volume, &v);
    while (s == HSM_OK && f->chains < used) {
        s = new_chain(b, &f->chain[f->chains]);
        f->chains += s == HSM_OK;
    }
    if (s == HSM_OK) { /* BFTI1: nothing blocks from here on */
        records_begin(&x);
        put_places(b, &x, gone, gone_count, 0);
        put_places(b, &x, come, come_count, f->id + 1);
        put_chains(b, &x, f, used);
        if (used == 0 && f->chains > 0) {
            uint32_t chains = f->chains;
            f->chains = 0;
            record_store(wire, f);
            f->chains = chains;
        } else {
            record_store(wire, f);
        }
        records_put(b->records, &x, BITFILES, f->id & SLOT_MASK, wire);
        if (records_commit(b->records, &x) != FILE_OK)
            s = HSM_CATALOGUE;
    }
    for (uint32_t c = had; c < f->chains; c++)
        give_back(b, f->chain[c], true);
    if (f->chains > used && s == HSM_OK)
        f->chains = used;
    return s;
}

enum hsm_status bitfile_create(struct bitfiles *b, uint32_t class, uint64_t owner, uint64_t *id)
{
    uint64_t all = (uint64_t)b->params->bitfiles;
    struct bitfile *f = port_alloc(b->port, sizeof *f);
    enum hsm_status s = HSM_FULL;
    for (uint64_t i = 0; s == HSM_FULL && i < all; i++) {
        uint64_t n = b->slot;
        b->slot = (n + 1) % all;
        if (!take(b, n, false))
            continue;
        s = bitfile_load_slot(b, n, f);
        if (s == HSM_OK && f->state != BITFILE_FREE)
            s = HSM_FULL;
        if (s == HSM_OK) {
            f->state = BITFILE_EMPTY;
            f->class = class;
            f->owner = owner;
            f->created = port_now(b->port);
            *id = f->id;
            s = bitfile_change(b, f, NULL, 0, NULL, 0);
        }
        give_back(b, n, false);
    }
    port_free(b->port, f);
    return s;
}

enum hsm_status bitfile_list(struct bitfiles *b, uint64_t owner, uint64_t *slot,
                             uint64_t ids[BITFILE_LISTED], uint32_t *count)
{
    uint8_t wire[RECORD];
    uint64_t n = *slot, all = (uint64_t)b->params->bitfiles;
    for (*count = 0; n < all && *count < BITFILE_LISTED; n++) {
        if (records_get(b->records, BITFILES, n, wire) != FILE_OK)
            return HSM_CATALOGUE;
        if (wire[0] != BITFILE_FREE && wire_get64(wire + 42) == owner)
            ids[(*count)++] = (uint64_t)wire_get32(wire + 2) << BITFILE_SLOT_BITS | n;
    }
    *slot = n < all ? n : UINT64_MAX;
    return HSM_OK;
}

/* ---- for who walks them ---- */

enum hsm_status bitfile_look(struct bitfiles *b, uint64_t n, struct bitfile_stat *stat,
                             struct bitfile_segment segments[BITFILE_SEGMENTS])
{
    struct bitfile *f = port_alloc(b->port, sizeof *f);
    enum hsm_status s = bitfile_load_slot(b, n, f);
    *stat = bitfile_stat_of(b, f);
    memcpy(segments, f->segments, sizeof f->segments);
    if (s == HSM_OK && f->state == BITFILE_FREE)
        s = HSM_NO_BITFILE;
    port_free(b->port, f);
    return s;
}

enum hsm_status bitfile_look_volume(struct bitfiles *b, uint32_t volume, uint64_t *live)
{
    struct live *v;
    enum hsm_status s = bitfile_live(b, volume, &v);
    *live = s == HSM_OK ? v->blocks : 0;
    return s;
}

enum hsm_status bitfile_look_piece(struct bitfiles *b, uint32_t volume, uint32_t piece,
                                   uint64_t *owner)
{
    return bitfile_piece(b, volume, piece, owner);
}
