/* store.c: what lies where on the sink.
 *
 * Of each rank: headers at 0 and 4096, commit records at 8192 and 12288, used in turn, then frames:
 * of one page, or where pages are compared or compressed of a part of one.  Big-endian.
 *   header  0 magic u32, 4 rank u32, 8 generation u32, 12 page bytes u32, 16 image: frame u64,
 *           24 length u64, 32 hash u64, 40 frame bytes u32, 44 form of the image u32, 48 hash of
 *           0..47 u64
 *   commit  0 magic u32, 4 zero u32, 8 generation u32, 12 ranks u32, 48 hash of 0..47 u64
 *   image   u64 pages, u64 length of the parts; each page: u32 region, u64 page, u64 frame, u64
 *           hash, and in form 1 u32 length, u64 frame and u32 length of its difference (upper bit
 *           of a length: compressed); parts
 */
#include <stdlib.h>
#include <string.h>

#include "os/ckpt/ckpt_internal.h"

#define SLOT_BYTES 4096u
#define COMMIT_AT (2 * SLOT_BYTES)
#define MAGIC_HEADER 0x636b7074u
#define MAGIC_COMMIT 0x636b636du
#define HASHED 48u
#define ENTRY_BYTES 28u
#define LONG_ENTRY_BYTES 44u
#define IMAGE_HEAD 16u
#define PACKED (1u << 31)
#define PARTS_OF_PAGE 32 /* ASSUMED(few of the bytes of a frame are lost, frames stay few) */

uint64_t ckpt_hash_bytes(const void *bytes, size_t n)
{
    struct rope r;
    rope_init(&r);
    rope_add_bytes(&r, bytes, n);
    uint64_t hash = rope_hash(&r);
    rope_fini(&r);
    return hash;
}

/* Names the work of a checksum. */
static uint64_t checksum(struct ckpt *c, const struct rope *r)
{
    port_work(c->port, PORT_WORK_CHECKSUM, r->length);
    return rope_hash(r);
}

/* ---- images ---- */

void ckpt_image_init(struct ckpt_image *i)
{
    *i = (struct ckpt_image){ .generation = 0 };
    rope_init(&i->parts);
}

void ckpt_image_fini(struct ckpt *c, struct ckpt_image *i)
{
    rope_fini(&i->parts);
    for (uint64_t k = 0; k < i->count; k++)
        ckpt_entry_drop(c, &i->pages[k]);
    port_free(c->port, i->pages);
    ckpt_image_init(i);
}

struct ckpt_entry *ckpt_image_add(struct ckpt *c, struct ckpt_image *i)
{
    if (i->count == i->room) {
        i->room = i->room > 0 ? 2 * i->room : 64;
        i->pages = port_realloc(c->port, i->pages, i->room * sizeof *i->pages);
    }
    return &i->pages[i->count++];
}

/* ---- frames ---- */

/* It stays what it was when the store was begun. */
static uint64_t frame_bytes(struct ckpt *c)
{
    bool parts = c->params->compare || c->params->compress;
    if (c->unit == 0)
        c->unit = c->page_bytes == 0 ? SLOT_BYTES
                  : parts            ? c->page_bytes / PARTS_OF_PAGE
                                     : c->page_bytes;
    c->unit = c->unit > 0 ? c->unit : 1;
    return c->unit;
}

/* The long form: pages are not one frame each. */
static bool is_long(struct ckpt *c)
{
    return frame_bytes(c) != c->page_bytes;
}

uint64_t ckpt_frames_of(struct ckpt *c, uint64_t bytes)
{
    return (bytes + frame_bytes(c) - 1) / frame_bytes(c);
}

uint64_t ckpt_frame_at(struct ckpt *c, uint64_t frame)
{
    return CKPT_FRAMES_AT + frame * frame_bytes(c);
}

static void use(struct ckpt *c, uint64_t frame, uint64_t count)
{
    if (count == 0)
        return;
    if (frame + count > c->used_room) {
        c->used_room = frame + count + 256;
        c->used = port_realloc(c->port, c->used, c->used_room);
    }
    memset(c->used + frame, 1, count);
    uint64_t end = ckpt_frame_at(c, frame + count);
    c->counts.space = end > c->counts.space ? end : c->counts.space;
}

static void use_blob(struct ckpt *c, const struct ckpt_blob *b)
{
    use(c, b->frame, ckpt_frames_of(c, b->length));
}

void ckpt_frames_begin(struct ckpt *c)
{
    const struct ckpt_image *i = &c->last;
    if (c->used)
        memset(c->used, 0, c->used_room);
    c->used_below = 0;
    for (uint64_t k = 0; k < i->count; k++) {
        use_blob(c, &i->pages[k].base);
        use_blob(c, &i->pages[k].diff);
    }
    use(c, i->meta_frame, i->meta_frames);
}

static bool is_free(const struct ckpt *c, uint64_t frame)
{
    return frame >= c->used_room || !c->used[frame];
}

uint64_t ckpt_frames_take(struct ckpt *c, uint64_t least, uint64_t want, uint64_t *got)
{
    uint64_t at = ckpt_frames_next(c), n = 0;
    c->used_below = at;
    for (;;) {
        while (!is_free(c, at))
            at++;
        for (n = 1; n < want && is_free(c, at + n); n++)
            continue;
        if (n >= least)
            break;
        at += n;
    }
    use(c, at, n);
    *got = n;
    return at;
}

uint64_t ckpt_frames_next(const struct ckpt *c)
{
    uint64_t at = c->used_below;
    while (!is_free(c, at))
        at++;
    return at;
}

void ckpt_frames_give(struct ckpt *c, uint64_t frame, uint64_t count)
{
    if (count > 0)
        memset(c->used + frame, 0, count);
}

enum ckpt_status ckpt_room(struct ckpt *c, const struct ckpt_image *i, uint64_t pages)
{
    uint64_t entries = i->count * (is_long(c) ? LONG_ENTRY_BYTES : ENTRY_BYTES),
             left = pages * ckpt_frames_of(c, c->page_bytes) +
                    ckpt_frames_of(c, IMAGE_HEAD + entries + i->parts.length),
             at = c->used_below;
    if (!c->sink->expect || c->params->compare || c->params->compress)
        return CKPT_OK;
    for (; left > 0; at++)
        left -= is_free(c, at);
    return c->sink->expect(c->sink_state, ckpt_frame_at(c, at));
}

/* ---- small records ---- */

static enum ckpt_status put_record(struct ckpt *c, uint64_t at, uint8_t wire[CKPT_HEADER_BYTES])
{
    struct rope r;
    wire_put64(wire + HASHED, ckpt_hash_bytes(wire, HASHED));
    rope_init(&r);
    rope_add_bytes(&r, wire, CKPT_HEADER_BYTES);
    enum ckpt_status s = c->sink->write(c->sink_state, at, &r);
    rope_fini(&r);
    return s;
}

/* CKPT_NONE: there is none that is whole; if nothing but zeros is there `wire` has these. */
static enum ckpt_status get_record(struct ckpt *c, uint64_t at, uint32_t magic,
                                   uint8_t wire[CKPT_HEADER_BYTES])
{
    memset(wire, 0, CKPT_HEADER_BYTES);
    struct rope r;
    enum ckpt_status s = c->sink->read(c->sink_state, at, CKPT_HEADER_BYTES, &r);
    if (s == CKPT_OK && r.length < CKPT_HEADER_BYTES)
        s = CKPT_NONE;
    if (s == CKPT_OK)
        rope_read(&r, 0, CKPT_HEADER_BYTES, wire);
    if (s == CKPT_OK &&
        (wire_get32(wire) != magic || wire_get64(wire + HASHED) != ckpt_hash_bytes(wire, HASHED)))
        s = CKPT_NONE;
    rope_fini(&r);
    return s;
}

enum ckpt_status ckpt_sink_put(struct ckpt *c, uint64_t at, struct rope *data)
{
    enum ckpt_status s = c->sink->write(c->sink_state, at, data);
    return s == CKPT_OK ? c->sink->flush(c->sink_state) : s;
}

static enum ckpt_status put_zeros(struct ckpt *c, uint64_t at)
{
    struct rope zeros;
    rope_init(&zeros);
    rope_add_zero(&zeros, CKPT_HEADER_BYTES);
    enum ckpt_status s = ckpt_sink_put(c, at, &zeros);
    rope_fini(&zeros);
    return s;
}

enum ckpt_status ckpt_slot_void(struct ckpt *c, uint32_t slot)
{
    return put_zeros(c, slot * SLOT_BYTES);
}

enum ckpt_status ckpt_commit_write(struct ckpt *c, uint32_t generation)
{
    uint8_t wire[CKPT_HEADER_BYTES] = { 0 };
    wire_put32(wire, MAGIC_COMMIT);
    wire_put32(wire + 8, generation);
    wire_put32(wire + 12, c->ranks);
    enum ckpt_status s = put_record(c, COMMIT_AT + generation % 2 * SLOT_BYTES, wire);
    return s == CKPT_OK ? c->sink->flush(c->sink_state) : s;
}

enum ckpt_status ckpt_commit_read(struct ckpt *c, uint32_t below, uint32_t *generation)
{
    uint32_t damaged = 2; /* whose record is there */
    *generation = 0;
    for (uint32_t slot = 0; slot < 2; slot++) {
        uint8_t wire[CKPT_HEADER_BYTES];
        enum ckpt_status s = get_record(c, COMMIT_AT + slot * SLOT_BYTES, MAGIC_COMMIT, wire);
        if (s == CKPT_OK && wire_get32(wire + 12) != c->ranks)
            return CKPT_DAMAGED;
        uint32_t found = s == CKPT_OK ? wire_get32(wire + 8) : 0;
        if (s != CKPT_OK && s != CKPT_NONE)
            return s;
        if (found >= below)
            damaged = slot;
        else if (found > *generation)
            *generation = found;
    }
    if (damaged == 2 || *generation == 0)
        return CKPT_OK;
    return put_zeros(c, COMMIT_AT + damaged * SLOT_BYTES); /* CKPT9 */
}

/* ---- writing ---- */

static uint32_t length_wire(const struct ckpt_blob *b)
{
    return b->length | (b->packed ? PACKED : 0);
}

static void pack(struct ckpt *c, const struct ckpt_image *i, struct rope *out)
{
    uint8_t head[IMAGE_HEAD], wire[LONG_ENTRY_BYTES];
    wire_put64(head, i->count);
    wire_put64(head + 8, i->parts.length);
    rope_add_bytes(out, head, sizeof head);
    for (uint64_t k = 0; k < i->count; k++) {
        const struct ckpt_entry *e = &i->pages[k];
        wire_put32(wire, e->region);
        wire_put64(wire + 4, e->page);
        wire_put64(wire + 12, e->base.frame);
        wire_put64(wire + 20, e->hash);
        wire_put32(wire + 28, length_wire(&e->base));
        wire_put64(wire + 32, e->diff.frame);
        wire_put32(wire + 40, length_wire(&e->diff));
        rope_add_bytes(out, wire, is_long(c) ? LONG_ENTRY_BYTES : ENTRY_BYTES);
    }
    rope_add_slice(out, &i->parts, 0, i->parts.length);
}

enum ckpt_status ckpt_image_write(struct ckpt *c, struct ckpt_image *i)
{
    uint8_t wire[CKPT_HEADER_BYTES] = { 0 };
    struct rope image;
    rope_init(&image);
    pack(c, i, &image);
    rope_flatten(&image, true);
    uint64_t want = ckpt_frames_of(c, image.length);
    i->meta_frame = ckpt_frames_take(c, want, want, &i->meta_frames);
    wire_put32(wire, MAGIC_HEADER);
    wire_put32(wire + 4, c->rank);
    wire_put32(wire + 8, i->generation);
    wire_put32(wire + 12, (uint32_t)c->page_bytes);
    wire_put64(wire + 16, i->meta_frame);
    wire_put64(wire + 24, image.length);
    wire_put64(wire + 32, checksum(c, &image));
    wire_put32(wire + 40, (uint32_t)frame_bytes(c));
    wire_put32(wire + 44, is_long(c));
    c->counts.meta_bytes += image.length;
    enum ckpt_status s = c->sink->write(c->sink_state, ckpt_frame_at(c, i->meta_frame), &image);
    rope_fini(&image);
    if (s == CKPT_OK)
        s = c->sink->flush(c->sink_state);
    if (s == CKPT_OK)
        s = put_record(c, i->slot * SLOT_BYTES, wire);
    return s == CKPT_OK ? c->sink->flush(c->sink_state) : s;
}

/* ---- reading ---- */

static enum ckpt_status read_whole(struct ckpt *c, uint64_t at, uint64_t length, struct rope *out)
{
    enum ckpt_status s = c->sink->read(c->sink_state, at, length, out);
    return s == CKPT_OK && out->length < length ? CKPT_DAMAGED : s;
}

static void blob_load(struct ckpt_blob *b, uint64_t frame, uint32_t length)
{
    *b = (struct ckpt_blob){ frame, length & ~PACKED, (length & PACKED) != 0 };
}

/* False: makes no sense. */
static bool unpack(struct ckpt *c, const struct rope *image, bool long_form, struct ckpt_image *i)
{
    uint8_t head[16], wire[LONG_ENTRY_BYTES] = { 0 };
    uint32_t size = long_form ? LONG_ENTRY_BYTES : ENTRY_BYTES;
    if (image->length < sizeof head)
        return false;
    rope_read(image, 0, sizeof head, head);
    uint64_t count = wire_get64(head), parts = wire_get64(head + 8), at = sizeof head;
    if (count > image->length / size || image->length != sizeof head + count * size + parts)
        return false;
    for (uint64_t k = 0; k < count; k++, at += size) {
        struct ckpt_entry *e = ckpt_image_add(c, i);
        rope_read(image, at, size, wire);
        *e = (struct ckpt_entry){ .region = wire_get32(wire),
                                  .page = wire_get64(wire + 4),
                                  .hash = wire_get64(wire + 20) };
        blob_load(&e->base, wire_get64(wire + 12),
                  long_form ? wire_get32(wire + 28) : (uint32_t)c->page_bytes);
        blob_load(&e->diff, wire_get64(wire + 32), wire_get32(wire + 40));
        if (e->base.length == 0 || e->base.length > c->page_bytes || e->diff.length > c->page_bytes)
            return false;
    }
    rope_add_slice(&i->parts, image, at, parts);
    return true;
}

struct place {
    const struct ckpt_blob *blob;
    struct rope *to;
};

static int by_frame(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->blob->frame > y->blob->frame) - (x->blob->frame < y->blob->frame);
}

/* Blobs in the order of frames; those that lie one behind the other at once. */
static enum ckpt_status read_blobs(struct ckpt *c, struct place *at, uint64_t count)
{
    enum ckpt_status s = CKPT_OK;
    qsort(at, count, sizeof *at, by_frame);
    for (uint64_t k = 0, n; s == CKPT_OK && k < count; k += n) {
        struct rope piece;
        uint64_t frame = at[k].blob->frame, frames = ckpt_frames_of(c, at[k].blob->length);
        for (n = 1;
             k + n < count && at[k + n].blob->frame == frame + frames &&
             (frames + ckpt_frames_of(c, at[k + n].blob->length)) * frame_bytes(c) <= c->piece;
             n++)
            frames += ckpt_frames_of(c, at[k + n].blob->length);
        s = read_whole(c, ckpt_frame_at(c, frame), frames * frame_bytes(c), &piece);
        for (uint64_t j = k; s == CKPT_OK && j < k + n; j++)
            rope_add_slice(at[j].to, &piece, (at[j].blob->frame - frame) * frame_bytes(c),
                           at[j].blob->length);
        rope_fini(&piece);
        port_pay(c->port);
    }
    return s;
}

/* Pages by entry; `pages` has as many ropes again behind them, for differences. */
static enum ckpt_status read_pages(struct ckpt *c, struct ckpt_image *i, struct rope *pages)
{
    struct place *at = port_alloc(c->port, (2 * i->count + 1) * sizeof *at);
    uint64_t count = 0;
    for (uint64_t k = 0; k < i->count; k++) {
        at[count++] = (struct place){ &i->pages[k].base, &pages[k] };
        if (i->pages[k].diff.length > 0)
            at[count++] = (struct place){ &i->pages[k].diff, &pages[i->count + k] };
    }
    enum ckpt_status s = read_blobs(c, at, count);
    for (uint64_t k = 0; s == CKPT_OK && k < i->count; k++) {
        struct rope page;
        rope_init(&page);
        if (!ckpt_decode(c, &i->pages[k], &pages[k], &pages[i->count + k], &page))
            s = CKPT_DAMAGED;
        rope_fini(&pages[k]);
        rope_move(&pages[k], &page);
    }
    port_pay(c->port);
    port_free(c->port, at);
    return s;
}

static enum ckpt_status read_image(struct ckpt *c, const uint8_t *header, struct ckpt_image *i)
{
    struct rope image;
    uint64_t length = wire_get64(header + 24);
    c->page_bytes = wire_get32(header + 12);
    c->unit = wire_get32(header + 40);
    i->meta_frame = wire_get64(header + 16);
    i->meta_frames = ckpt_frames_of(c, length);
    enum ckpt_status s = read_whole(c, ckpt_frame_at(c, i->meta_frame), length, &image);
    if (s == CKPT_OK && (checksum(c, &image) != wire_get64(header + 32) ||
                         !unpack(c, &image, wire_get32(header + 44) != 0, i)))
        s = CKPT_DAMAGED;
    rope_fini(&image);
    return s;
}

enum ckpt_status ckpt_image_read(struct ckpt *c, uint32_t generation, struct ckpt_image *i,
                                 struct rope **pages)
{
    enum ckpt_status s = CKPT_DAMAGED; /* it is committed, and in neither slot */
    uint32_t empty = 0, other = 0;
    ckpt_image_init(i);
    *pages = NULL;
    for (uint32_t slot = 0; slot < 2; slot++) {
        uint8_t wire[CKPT_HEADER_BYTES];
        enum ckpt_status got = get_record(c, slot * SLOT_BYTES, MAGIC_HEADER, wire);
        if (got == CKPT_OK && wire_get32(wire + 8) == generation &&
            wire_get32(wire + 4) == c->rank) {
            i->generation = generation;
            i->slot = slot;
            s = read_image(c, wire, i);
            break;
        }
        if (got != CKPT_OK && got != CKPT_NONE) /* it may be in the one that was not read */
            s = got;
        empty += got == CKPT_NONE && wire_get32(wire) == 0;
        other += got == CKPT_OK;
    }
    bool torn = c->sink->torn && c->sink->torn(c->sink_state);
    if (empty == 2 || (i->generation == 0 && empty + other == 2 && torn))
        s = CKPT_LOST;
    if (s != CKPT_OK)
        return s;
    *pages = port_alloc(c->port, (2 * i->count + 1) * sizeof **pages);
    for (uint64_t k = 0; k < 2 * i->count; k++)
        rope_init(&(*pages)[k]);
    s = read_pages(c, i, *pages);
    for (uint64_t k = i->count; k < 2 * i->count; k++)
        rope_fini(&(*pages)[k]);
    return s;
}
