/* files_log.c: what is written of a program's files: in an image, and the list on the sink of those
 * that were opened since a cut.
 *
 * The list stands behind the headers (store.c), at 1024 and at 5120 in turn, whole each time: a
 * crash leaves the one before, of which nothing had come yet.  It is cut in sectors, for what a
 * crash has torn has sectors of two lists, or none, and one whose hash is wrong is damaged: then
 * nobody knows whether that list was the last, and no restart goes by the other.  Big-endian:
 *   sector 0 number of the list u64, 8 hash of the rest and of the number u64, 496 bytes of
 *   a list 0 magic u32, 4 entries u32, 8 bytes behind u64, 16 hash of those u64; each entry: from
 *          u32, cut u32, it was made u8, number u64, the file, placed as it was at the cut
 *   a file: mode u32, rank u32, ranks u32, u8: 1 read only, 2 mine, 4 placed, 8 closed, 16 of an
 *           image that has not got it: it can be brought back to the cut before; number u64, place
 *           u64, unit u64, factor u32, others u32, and twice (the system, the name) u16 length and
 *           bytes
 */
#include <string.h>

#include "os/ckpt/files_internal.h"

#define NAME_BYTES 255 /* of a system or a file: PFS has the longest */
#define LOG_AT 1024u
#define LOG_NEXT 4096u
#define LOG_MAGIC 0x636b666cu
#define HEAD_BYTES 24u
#define SECTOR 512u
#define SECTOR_HEAD 16u
#define SECTORS 6u
#define ROOM (SECTORS * (SECTOR - SECTOR_HEAD))
#define FILE_BYTES 45u
#define ENTRY_BYTES 17u
#define SHUT 16u /* CKPTF8 */

/* ---- a file ---- */

static void put_text(struct rope *out, const char *text)
{
    uint8_t n[2] = { (uint8_t)(strlen(text) >> 8), (uint8_t)strlen(text) };
    rope_add_bytes(out, n, sizeof n);
    rope_add_bytes(out, text, strlen(text));
}

static bool take_text(struct rope *in, char text[NAME_BYTES + 1])
{
    uint8_t n[2];
    if (in->length < sizeof n)
        return false;
    rope_take_front(in, sizeof n, n);
    size_t length = (size_t)n[0] << 8 | n[1];
    if (length > NAME_BYTES || length > in->length)
        return false;
    rope_take_front(in, length, text);
    text[length] = 0;
    return true;
}

void ckpt_file_pack(const struct ckpt_file *x, struct rope *out)
{
    uint8_t b[FILE_BYTES];
    wire_put32(b, (uint32_t)x->mode);
    wire_put32(b + 4, x->rank);
    wire_put32(b + 8, x->ranks);
    b[12] = (uint8_t)(x->read_only | x->mine << 1 | x->placed << 2 | x->closed << 3);
    b[12] |= x->f == NULL ? SHUT : 0;
    wire_put64(b + 13, x->number);
    wire_put64(b + 21, x->place);
    wire_put64(b + 29, x->unit);
    wire_put32(b + 37, x->factor);
    wire_put32(b + 41, x->others);
    rope_add_bytes(out, b, sizeof b);
    put_text(out, x->ops->kind.name);
    put_text(out, x->name);
}

struct ckpt_file *ckpt_file_find(const struct ckpt_files *f, const struct pio_ops *ops,
                                 const char *name)
{
    LIST_EACH (l, &f->files) {
        struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        if (x->ops == ops && strcmp(x->name, name) == 0)
            return x;
    }
    return NULL;
}

struct ckpt_file *ckpt_file_add(struct ckpt_files *f, const struct pio_ops *ops, const char *name)
{
    struct ckpt_file *x = port_alloc(f->c->port, sizeof *x);
    x->ops = ops;
    x->name = port_alloc(f->c->port, strlen(name) + 1);
    memcpy(x->name, name, strlen(name) + 1);
    x->at = x->since[0].cut = x->since[1].cut = CKPT_NO_CUT;
    list_push(&f->files, &x->link);
    return x;
}

/* Its system; NULL: it makes no sense. */
static const struct pio_ops *take_file(struct rope *in, uint8_t b[FILE_BYTES],
                                       char name[NAME_BYTES + 1])
{
    char system[NAME_BYTES + 1];
    if (in->length < FILE_BYTES)
        return NULL;
    rope_take_front(in, FILE_BYTES, b);
    if (!take_text(in, system) || !take_text(in, name))
        return NULL;
    return (const struct pio_ops *)kind_find(&pio_systems, system);
}

bool ckpt_file_unpack_met(struct ckpt_files *f, struct rope *in)
{
    uint8_t b[FILE_BYTES];
    char name[NAME_BYTES + 1];
    const struct pio_ops *ops = take_file(in, b, name);
    struct ckpt_file *x = ops != NULL ? ckpt_file_find(f, ops, name) : NULL;
    if (x == NULL)
        return false;
    x->placed = b[12] & 4;
    x->place = wire_get64(b + 21);
    x->others = wire_get32(b + 41);
    return true;
}

struct ckpt_file *ckpt_file_unpack(struct ckpt_files *f, struct rope *in, bool *shut)
{
    uint8_t b[FILE_BYTES];
    char name[NAME_BYTES + 1];
    const struct pio_ops *ops = take_file(in, b, name);
    if (ops == NULL)
        return NULL;
    struct ckpt_file *x = ckpt_file_find(f, ops, name);
    *shut = b[12] & SHUT;
    if (x != NULL) /* the image has it */
        return x;
    x = ckpt_file_add(f, ops, name);
    x->mode = (int)wire_get32(b);
    x->rank = wire_get32(b + 4);
    x->ranks = wire_get32(b + 8);
    x->read_only = b[12] & 1;
    x->mine = b[12] & 2;
    x->placed = b[12] & 4;
    x->closed = b[12] & 8;
    x->number = wire_get64(b + 13);
    x->place = wire_get64(b + 21);
    x->unit = wire_get64(b + 29);
    x->factor = wire_get32(b + 37);
    x->others = wire_get32(b + 41);
    return x;
}

/* ---- what files were at cuts ---- */

const struct ckpt_since *ckpt_since_of(const struct ckpt_file *x, uint32_t cut)
{
    for (uint32_t i = 0; i < ARRAY_LEN(x->since); i++) {
        const struct ckpt_since *s = &x->since[i];
        if (s->cut != CKPT_NO_CUT && s->from <= cut && cut <= s->cut)
            return s;
    }
    return NULL;
}

static void close_up(struct ckpt_file *x)
{
    if (x->since[0].cut != CKPT_NO_CUT)
        return;
    x->since[0] = x->since[1];
    x->since[1].cut = CKPT_NO_CUT;
}

void ckpt_since_limit(struct ckpt_files *f, struct ckpt_file *x, uint32_t cut)
{
    if (x->at != CKPT_NO_CUT && x->at > cut)
        x->at = cut;
    for (uint32_t i = ARRAY_LEN(x->since); i-- > 0;) {
        struct ckpt_since *s = &x->since[i];
        if (s->cut == CKPT_NO_CUT || s->cut <= cut)
            continue;
        s->cut = s->from <= cut ? cut : CKPT_NO_CUT;
        f->log_old = true;
    }
    close_up(x);
}

void ckpt_since_prune(struct ckpt_files *f, uint32_t cut)
{
    LIST_EACH (l, &f->files) {
        struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        for (uint32_t i = ARRAY_LEN(x->since); i-- > 0;)
            if (x->since[i].cut < cut)
                x->since[i].cut = CKPT_NO_CUT;
        close_up(x);
    }
}

bool ckpt_since_any(const struct ckpt_files *f, uint32_t before)
{
    bool any = false;
    LIST_EACH (l, &f->files)
        any |= LIST_ENTRY(l, struct ckpt_file, link)->since[0].cut < before;
    return any;
}

/* ---- the list ---- */

static uint64_t place_of(uint64_t number)
{
    return LOG_AT + number % 2 * LOG_NEXT;
}

static uint32_t entries(const struct ckpt_files *f, struct rope *out)
{
    uint32_t count = 0;
    LIST_EACH (l, &f->files) {
        const struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        for (uint32_t i = 0; i < ARRAY_LEN(x->since); i++) {
            uint8_t b[ENTRY_BYTES];
            if (x->since[i].cut == CKPT_NO_CUT)
                continue;
            wire_put32(b, x->since[i].from);
            wire_put32(b + 4, x->since[i].cut);
            b[8] = x->since[i].made;
            wire_put64(b + 9, x->since[i].number);
            rope_add_bytes(out, b, sizeof b);
            struct ckpt_file then = *x;
            then.placed = x->since[i].placed;
            then.place = x->since[i].place;
            then.mode = then.placed ? x->since[i].mode : x->mode;
            ckpt_file_pack(&then, out);
            count++;
        }
    }
    return count;
}

static uint64_t hash_of(const uint8_t sector[SECTOR])
{
    return ckpt_hash_bytes(sector + SECTOR_HEAD, SECTOR - SECTOR_HEAD) ^ ckpt_hash_bytes(sector, 8);
}

enum ckpt_status ckpt_log_write(struct ckpt_files *f)
{
    struct ckpt *c = f->c;
    uint8_t head[HEAD_BYTES] = { 0 };
    struct rope body, list, all;
    rope_init(&body);
    rope_init(&list);
    rope_init(&all);
    uint32_t count = entries(f, &body);
    enum ckpt_status s = body.length > ROOM - HEAD_BYTES ? CKPT_FULL : CKPT_OK;
    rope_flatten(&body, true);
    wire_put32(head, LOG_MAGIC);
    wire_put32(head + 4, count);
    wire_put64(head + 8, body.length);
    wire_put64(head + 16, rope_hash(&body));
    rope_add_bytes(&list, head, sizeof head);
    rope_join(&list, &body);
    while (list.length > 0) {
        uint8_t sector[SECTOR] = { 0 };
        uint64_t most = SECTOR - SECTOR_HEAD, n = list.length < most ? list.length : most;
        rope_take_front(&list, n, sector + SECTOR_HEAD);
        wire_put64(sector, f->log_number + 1);
        wire_put64(sector + 8, hash_of(sector));
        rope_add_bytes(&all, sector, sizeof sector);
    }
    if (s == CKPT_OK)
        s = ckpt_sink_put(c, place_of(f->log_number + 1), &all);
    rope_fini(&all);
    if (s == CKPT_OK) {
        f->log_number++;
        f->log_old = false;
        f->log_full = count > 0;
    }
    return s;
}

/* The next sector of what was read: its number, 0: nobody has written it.  False: damaged. */
static bool next_sector(struct rope *in, uint64_t *number, struct rope *out)
{
    static const uint8_t zeros[SECTOR];
    uint8_t sector[SECTOR] = { 0 };
    rope_take_front(in, in->length < SECTOR ? in->length : SECTOR, sector);
    *number = wire_get64(sector);
    rope_add_bytes(out, sector + SECTOR_HEAD, SECTOR - SECTOR_HEAD);
    return memcmp(sector, zeros, SECTOR) == 0 || hash_of(sector) == wire_get64(sector + 8);
}

/* The list there: its number, 0: there is none that is whole. */
static enum ckpt_status list_at(struct ckpt *c, uint64_t at, uint64_t *number, uint32_t *count,
                                struct rope *out)
{
    uint8_t head[HEAD_BYTES];
    struct rope in;
    uint64_t its = 0, next, length = 0;
    *number = 0;
    enum ckpt_status s = c->sink->read(c->sink_state, at, SECTOR, &in);
    if (s == CKPT_OK && !next_sector(&in, &its, out))
        s = CKPT_DAMAGED;
    rope_fini(&in);
    if (s != CKPT_OK || its == 0)
        return s;
    rope_take_front(out, sizeof head, head);
    length = wire_get64(head + 8);
    bool whole = wire_get32(head) == LOG_MAGIC && length <= ROOM - HEAD_BYTES;
    if (!whole)
        return s;
    uint64_t more = (HEAD_BYTES + length - 1) / (SECTOR - SECTOR_HEAD) * SECTOR;
    if (more > 0)
        s = c->sink->read(c->sink_state, at + SECTOR, more, &in);
    while (s == CKPT_OK && whole && out->length < length) {
        if (!next_sector(&in, &next, out))
            s = CKPT_DAMAGED;
        whole = next == its;
    }
    rope_fini(&in);
    if (s != CKPT_OK || !whole)
        return s;
    rope_truncate(out, length);
    rope_flatten(out, true);
    if (rope_hash(out) != wire_get64(head + 16)) /* two tries to write it */
        return CKPT_OK;
    *count = wire_get32(head + 4);
    *number = its;
    return CKPT_OK;
}

/* Those that the cut and the one before it need. */
static bool take_entry(struct ckpt_files *f, struct rope *in, uint32_t cut)
{
    uint8_t b[ENTRY_BYTES], of[FILE_BYTES];
    bool shut;
    if (in->length < sizeof b + sizeof of)
        return false;
    rope_take_front(in, sizeof b, b);
    rope_read(in, 0, sizeof of, of);
    struct ckpt_file *x = ckpt_file_unpack(f, in, &shut);
    struct ckpt_since since = { wire_get32(b),      wire_get32(b + 4), b[8] != 0,
                                wire_get64(b + 9),  (of[12] & 4) != 0, (int)wire_get32(of),
                                wire_get64(of + 21) };
    if (x == NULL)
        return false;
    if (!x->loaded) { /* nobody has it open */
        x->others = 0;
        x->number = 0;
        x->closed = false;
    }
    if (since.cut + UINT64_C(1) < cut)
        return true;
    struct ckpt_since *to = &x->since[x->since[0].cut == CKPT_NO_CUT ? 0 : 1];
    if (to->cut != CKPT_NO_CUT || since.from > since.cut)
        return false;
    *to = since;
    if (x->at == CKPT_NO_CUT || x->at < since.cut)
        ckpt_file_back(x, since.cut, f->cut_epoch);
    ckpt_since_limit(f, x, cut);
    return true;
}

enum ckpt_status ckpt_log_read(struct ckpt_files *f, uint32_t cut)
{
    struct rope list[2];
    uint64_t number[2];
    uint32_t count[2] = { 0 }, newest;
    enum ckpt_status s = CKPT_OK;
    for (uint32_t i = 0; i < 2; i++) {
        rope_init(&list[i]);
        number[i] = 0;
        if (s == CKPT_OK)
            s = list_at(f->c, place_of(i), &number[i], &count[i], &list[i]);
    }
    newest = number[1] > number[0];
    f->log_number = number[newest];
    f->log_full = number[newest] > 0 && count[newest] > 0;
    f->log_old = false;
    for (uint32_t k = 0; s == CKPT_OK && number[newest] > 0 && k < count[newest]; k++)
        if (!take_entry(f, &list[newest], cut))
            s = CKPT_DAMAGED;
    rope_fini(&list[0]);
    rope_fini(&list[1]);
    return s;
}
