/* store.c: what lies where on the sink.
 *
 * Of each rank: headers at 0 and 4096, commit records at 8192 and 12288, used in turn, then frames
 * of one page.  Big-endian.
 *   header  0 magic u32, 4 rank u32, 8 generation u32, 12 page bytes u32, 16 image: frame u64,
 *           24 length u64, 32 hash u64, 40 hash of 0..39 u64
 *   commit  0 magic u32, 4 zero u32, 8 generation u32, 12 ranks u32, 40 hash of 0..39 u64
 *   image   u64 pages, u64 length of the parts; each page: u32 region, u64 page, u64 frame, u64
 *           hash; parts
 */
#include <stdlib.h>
#include <string.h>

#include "os/ckpt/ckpt_internal.h"

#define SLOT_BYTES 4096u
#define COMMIT_AT (2 * SLOT_BYTES)
#define FRAMES_AT (4 * SLOT_BYTES)
#define MAGIC_HEADER 0x636b7074u
#define MAGIC_COMMIT 0x636b636du
#define HASHED 40u
#define ENTRY_BYTES 28u

static uint64_t hash_bytes(const void *bytes, size_t n)
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

static void use(struct ckpt *c, uint64_t frame)
{
    if (frame >= c->used_room) {
        c->used_room = frame + 256;
        c->used = port_realloc(c->port, c->used, c->used_room);
    }
    c->used[frame] = 1;
}

void ckpt_frames_begin(struct ckpt *c)
{
    const struct ckpt_image *i = &c->last;
    if (c->used)
        memset(c->used, 0, c->used_room);
    for (uint64_t k = 0; k < i->count; k++)
        use(c, i->pages[k].frame);
    for (uint64_t k = 0; k < i->meta_frames; k++)
        use(c, i->meta_frame + k);
}

static bool is_free(const struct ckpt *c, uint64_t frame)
{
    return frame >= c->used_room || !c->used[frame];
}

uint64_t ckpt_frames_take(struct ckpt *c, uint64_t want, bool all, uint64_t *got)
{
    uint64_t at = 0, n = 0;
    for (;;) {
        while (!is_free(c, at))
            at++;
        for (n = 1; n < want && is_free(c, at + n); n++)
            continue;
        if (n == want || !all)
            break;
        at += n;
    }
    for (uint64_t k = 0; k < n; k++)
        use(c, at + k);
    *got = n;
    return at;
}

static uint64_t frame_bytes(const struct ckpt *c)
{
    return c->page_bytes > 0 ? c->page_bytes : SLOT_BYTES;
}

uint64_t ckpt_frame_at(const struct ckpt *c, uint64_t frame)
{
    return FRAMES_AT + frame * frame_bytes(c);
}

/* ---- small records ---- */

static enum ckpt_status put_record(struct ckpt *c, uint64_t at, uint8_t wire[CKPT_HEADER_BYTES])
{
    struct rope r;
    wire_put64(wire + HASHED, hash_bytes(wire, HASHED));
    rope_init(&r);
    rope_add_bytes(&r, wire, CKPT_HEADER_BYTES);
    enum ckpt_status s = c->sink->write(c->sink_state, at, &r);
    rope_fini(&r);
    return s;
}

/* CKPT_NONE: there is none that is whole. */
static enum ckpt_status get_record(struct ckpt *c, uint64_t at, uint32_t magic,
                                   uint8_t wire[CKPT_HEADER_BYTES])
{
    struct rope r;
    enum ckpt_status s = c->sink->read(c->sink_state, at, CKPT_HEADER_BYTES, &r);
    if (s == CKPT_OK && r.length < CKPT_HEADER_BYTES)
        s = CKPT_NONE;
    if (s == CKPT_OK)
        rope_read(&r, 0, CKPT_HEADER_BYTES, wire);
    if (s == CKPT_OK &&
        (wire_get32(wire) != magic || wire_get64(wire + HASHED) != hash_bytes(wire, HASHED)))
        s = CKPT_NONE;
    rope_fini(&r);
    return s;
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
    *generation = 0;
    for (uint32_t slot = 0; slot < 2; slot++) {
        uint8_t wire[CKPT_HEADER_BYTES];
        enum ckpt_status s = get_record(c, COMMIT_AT + slot * SLOT_BYTES, MAGIC_COMMIT, wire);
        if (s == CKPT_OK && wire_get32(wire + 12) != c->ranks)
            return CKPT_DAMAGED;
        uint32_t found = s == CKPT_OK ? wire_get32(wire + 8) : 0;
        if (s != CKPT_OK && s != CKPT_NONE)
            return s;
        if (found > *generation && found < below)
            *generation = found;
    }
    return CKPT_OK;
}

/* ---- writing ---- */

static void pack(const struct ckpt_image *i, struct rope *out)
{
    uint8_t head[16], wire[ENTRY_BYTES];
    wire_put64(head, i->count);
    wire_put64(head + 8, i->parts.length);
    rope_add_bytes(out, head, sizeof head);
    for (uint64_t k = 0; k < i->count; k++) {
        const struct ckpt_entry *e = &i->pages[k];
        wire_put32(wire, e->region);
        wire_put64(wire + 4, e->page);
        wire_put64(wire + 12, e->frame);
        wire_put64(wire + 20, e->hash);
        rope_add_bytes(out, wire, sizeof wire);
    }
    rope_add_slice(out, &i->parts, 0, i->parts.length);
}

enum ckpt_status ckpt_image_write(struct ckpt *c, struct ckpt_image *i)
{
    uint8_t wire[CKPT_HEADER_BYTES] = { 0 };
    struct rope image;
    rope_init(&image);
    pack(i, &image);
    rope_flatten(&image, true);
    uint64_t want = (image.length + frame_bytes(c) - 1) / frame_bytes(c);
    i->meta_frame = ckpt_frames_take(c, want, true, &i->meta_frames);
    wire_put32(wire, MAGIC_HEADER);
    wire_put32(wire + 4, c->rank);
    wire_put32(wire + 8, i->generation);
    wire_put32(wire + 12, (uint32_t)frame_bytes(c));
    wire_put64(wire + 16, i->meta_frame);
    wire_put64(wire + 24, image.length);
    wire_put64(wire + 32, checksum(c, &image));
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

/* False: makes no sense. */
static bool unpack(struct ckpt *c, const struct rope *image, struct ckpt_image *i)
{
    uint8_t head[16], wire[ENTRY_BYTES];
    if (image->length < sizeof head)
        return false;
    rope_read(image, 0, sizeof head, head);
    uint64_t count = wire_get64(head), parts = wire_get64(head + 8), at = sizeof head;
    if (count > image->length / ENTRY_BYTES ||
        image->length != sizeof head + count * ENTRY_BYTES + parts)
        return false;
    for (uint64_t k = 0; k < count; k++, at += ENTRY_BYTES) {
        rope_read(image, at, sizeof wire, wire);
        *ckpt_image_add(c, i) = (struct ckpt_entry){ .region = wire_get32(wire),
                                                     .page = wire_get64(wire + 4),
                                                     .frame = wire_get64(wire + 12),
                                                     .hash = wire_get64(wire + 20) };
    }
    rope_add_slice(&i->parts, image, at, parts);
    return true;
}

struct place {
    uint64_t frame, entry;
};

static int by_frame(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->frame > y->frame) - (x->frame < y->frame);
}

/* In the order of frames; those that lie one behind the other at once. */
static enum ckpt_status read_pages(struct ckpt *c, const struct ckpt_image *i, struct rope *pages)
{
    uint64_t page = frame_bytes(c), most = (uint64_t)c->params->piece / page;
    struct place *at = port_alloc(c->port, (i->count + 1) * sizeof *at);
    enum ckpt_status s = CKPT_OK;
    for (uint64_t k = 0; k < i->count; k++)
        at[k] = (struct place){ i->pages[k].frame, k };
    qsort(at, i->count, sizeof *at, by_frame);
    for (uint64_t k = 0, n; s == CKPT_OK && k < i->count; k += n) {
        struct rope piece;
        for (n = 1; n < most && k + n < i->count && at[k + n].frame == at[k].frame + n;)
            n++;
        s = read_whole(c, ckpt_frame_at(c, at[k].frame), n * page, &piece);
        for (uint64_t j = 0; s == CKPT_OK && j < n; j++) {
            struct rope *to = &pages[at[k + j].entry];
            rope_add_slice(to, &piece, j * page, page);
            if (checksum(c, to) != i->pages[at[k + j].entry].hash)
                s = CKPT_DAMAGED;
        }
        rope_fini(&piece);
        port_pay(c->port);
    }
    port_free(c->port, at);
    return s;
}

static enum ckpt_status read_image(struct ckpt *c, const uint8_t *header, struct ckpt_image *i)
{
    struct rope image;
    uint64_t length = wire_get64(header + 24);
    c->page_bytes = wire_get32(header + 12);
    i->meta_frame = wire_get64(header + 16);
    i->meta_frames = (length + frame_bytes(c) - 1) / frame_bytes(c);
    enum ckpt_status s = read_whole(c, ckpt_frame_at(c, i->meta_frame), length, &image);
    if (s == CKPT_OK && (checksum(c, &image) != wire_get64(header + 32) || !unpack(c, &image, i)))
        s = CKPT_DAMAGED;
    rope_fini(&image);
    return s;
}

enum ckpt_status ckpt_image_read(struct ckpt *c, uint32_t generation, struct ckpt_image *i,
                                 struct rope **pages)
{
    enum ckpt_status s = CKPT_DAMAGED; /* it is committed, and in neither slot */
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
    }
    if (s != CKPT_OK)
        return s;
    *pages = port_alloc(c->port, (i->count + 1) * sizeof **pages);
    for (uint64_t k = 0; k < i->count; k++)
        rope_init(&(*pages)[k]);
    return read_pages(c, i, *pages);
}
