/* files_record.c: where files lie, as it outlives a crash; what a boot makes of it.
 *
 * Record 0 says how many were ever used: u32 magic, u64 that; and, u64, who owns the bitfiles: a
 * number that was drawn when the records were made.  The others, big-endian:
 *   0 file 8, bitfile 8, other 8 (these two plus one), bytes of the bitfile 8, of the file 8,
 *     time of change 8
 *  48 flags 4 (whole 1, dirty 2, kept 4), pins 4, pinned until 8, a bit for each piece
 */
#include "os/hsm/files_internal.h"

#include <string.h>

#include "os/xk/msg.h" /* wire_put / wire_get */

#define MAGIC 0x48534d31u
#define NAME "residency"
enum { HEAD = 64, BYTES = HEAD + HSM_PIECES / 8 };

static void store(uint8_t b[BYTES], const struct hsm_record *x)
{
    wire_put64(b, x->file);
    wire_put64(b + 8, x->bitfile);
    wire_put64(b + 16, x->other);
    wire_put64(b + 24, x->tape);
    wire_put64(b + 32, x->size);
    wire_put64(b + 40, (uint64_t)x->mtime);
    wire_put32(b + 48, (x->whole ? 1u : 0) | (x->dirty ? 2u : 0) | (x->kept ? 4u : 0));
    wire_put32(b + 52, x->pins);
    wire_put64(b + 56, (uint64_t)x->pinned);
    memcpy(b + HEAD, x->here, sizeof x->here);
}

static void load(const uint8_t b[BYTES], struct hsm_record *x)
{
    uint32_t flags = wire_get32(b + 48);
    *x = (struct hsm_record){ .file = wire_get64(b),
                              .bitfile = wire_get64(b + 8),
                              .other = wire_get64(b + 16),
                              .tape = wire_get64(b + 24),
                              .size = wire_get64(b + 32),
                              .mtime = (sim_time)wire_get64(b + 40),
                              .whole = flags & 1,
                              .dirty = flags & 2,
                              .kept = flags & 4,
                              .pins = wire_get32(b + 52),
                              .pinned = (sim_time)wire_get64(b + 56) };
    memcpy(x->here, b + HEAD, sizeof x->here);
}

bool hsm_own_name(const char *name)
{
    return strcmp(name, NAME ".log") == 0 || strcmp(name, NAME ".files") == 0;
}

static void free_slot(struct hsm *h, uint64_t slot)
{
    if (h->free_count == h->free_room) {
        h->free_room = h->free_room == 0 ? 16 : 2 * h->free_room;
        h->free_slots =
            port_realloc(h->sys.port, h->free_slots, h->free_room * sizeof *h->free_slots);
    }
    h->free_slots[h->free_count++] = slot;
}

static void put_head(struct hsm *h, struct records_change *x)
{
    uint8_t wire[BYTES] = { 0 };
    wire_put32(wire, MAGIC);
    wire_put64(wire + 4, h->high);
    wire_put64(wire + 12, h->owner);
    records_put(h->records, x, h->table, 0, wire);
}

enum file_status hsm_keep_owner(struct hsm *h)
{
    struct records_change x;
    if (h->owner_kept)
        return FILE_OK;
    records_begin(&x);
    put_head(h, &x);
    enum file_status s = records_commit(h->records, &x);
    h->owner_kept |= s == FILE_OK;
    return s;
}

/* A slot for it; how many there are goes with its first record. */
static bool take_slot(struct hsm_file *f, struct records_change *x)
{
    struct hsm *h = f->h;
    if (h->free_count > 0) {
        f->slot = h->free_slots[--h->free_count];
        return true;
    }
    if (h->high >= (uint64_t)h->params->files)
        return false;
    f->slot = ++h->high;
    put_head(h, x);
    return true;
}

enum file_status hsm_commit(struct hsm_file *f)
{
    struct hsm *h = f->h;
    struct records_change x;
    uint8_t wire[BYTES];
    records_begin(&x);
    if (f->slot == 0 && !take_slot(f, &x)) {
        if (!h->told_table)
            port_remark(h->sys.port,
                        "hsm: its %lld records are used: no more files go to the archive",
                        (long long)h->params->files);
        h->told_table = true;
        return FILE_NO_INODE;
    }
    store(wire, &f->rec);
    records_put(h->records, &x, h->table, f->slot, wire);
    f->commits++;
    enum file_status s = records_commit(h->records, &x);
    f->commits--;
    if (f->commits == 0 && f->rec.bitfile == 0)
        f->dirty = false; /* it was let go */
    return s;
}

enum file_status hsm_drop_record(struct hsm_file *f)
{
    struct hsm *h = f->h;
    struct records_change x;
    uint8_t wire[BYTES] = { 0 };
    uint64_t slot = f->slot;
    if (slot == 0)
        return FILE_OK;
    f->slot = 0;
    records_begin(&x);
    records_put(h->records, &x, h->table, slot, wire);
    enum file_status s = records_commit(h->records, &x);
    if (s == FILE_OK)
        free_slot(h, slot);
    return s;
}

enum file_status hsm_commit_or_drop(struct hsm_file *f)
{
    const struct hsm_record *x = &f->rec;
    bool none = x->bitfile == 0 && x->other == 0 && !x->kept && x->pins == 0 && x->pinned == 0;
    return none ? hsm_drop_record(f) : hsm_commit(f);
}

/* ---- at boot (block) ---- */

static enum file_status load_records(struct hsm *h)
{
    uint8_t wire[BYTES];
    enum file_status s = records_get(h->records, h->table, 0, wire);
    h->owner_kept = s == FILE_OK && wire_get32(wire) == MAGIC;
    h->high = h->owner_kept ? wire_get64(wire + 4) : 0;
    h->owner = h->owner_kept ? wire_get64(wire + 12) : port_random(h->sys.port) | 1;
    h->listed = !h->owner_kept;
    for (uint64_t n = 1; n <= h->high && s == FILE_OK; n++) {
        struct hsm_record x;
        s = records_get(h->records, h->table, n, wire);
        load(wire, &x);
        if (x.file == 0 || s != FILE_OK) {
            free_slot(h, n);
            continue;
        }
        struct hsm_file *f = hsm_file_new(h, x.file);
        f->rec = x;
        f->slot = n;
        f->gone = true; /* until it is found */
    }
    return s;
}

/* What the disk has of it is what its record says. */
static enum file_status settle(struct hsm_file *f, const struct file_attr *a)
{
    struct hsm *h = f->h;
    struct file_req q;
    uint64_t most = a->size;
    f->size = a->size;
    f->gone = false;
    if (f->rec.bitfile != 0 && !f->rec.whole) {
        f->size = f->rec.dirty ? f->rec.size : f->rec.tape;
        f->dirty = f->rec.dirty;
        hsm_not_here(f);
        for (uint32_t i = 0; i < f->pieces && f->dirty; i++)
            f->piece[i] = f->rec.here[i / 8] >> i % 8 & 1 ? PIECE_HERE : 0;
        most = f->dirty ? f->size : 0;
    }
    f->dirty = f->rec.bitfile != 0 && f->rec.dirty;
    hsm_charge(f);
    /* what was being staged, or written behind the end that counts */
    return a->size > most ? hsm_below(h, FILE_SIZE, f->rec.file, most, &q) : FILE_OK;
}

struct dirs {
    uint64_t *at;
    uint32_t count, room;
};

static void dirs_add(struct hsm *h, struct dirs *d, uint64_t dir)
{
    if (d->count == d->room) {
        d->room = d->room == 0 ? 16 : 2 * d->room;
        d->at = port_realloc(h->sys.port, d->at, d->room * sizeof *d->at);
    }
    d->at[d->count++] = dir;
}

static enum file_status found(struct hsm *h, struct dirs *d, uint64_t dir,
                              const struct file_entry *x)
{
    struct file_req q;
    enum file_status s = hsm_below(h, FILE_STAT, x->file, 0, &q);
    if (s != FILE_OK)
        return s;
    if (q.attr.mode & FILE_MODE_DIR) {
        dirs_add(h, d, x->file);
        return FILE_OK;
    }
    struct hsm_file *f = hsm_file_of(h, x->file);
    f = f != NULL ? f : hsm_file_new(h, x->file);
    hsm_join_set(f, dir, x->name);
    return settle(f, &q.attr);
}

static enum file_status find_files(struct hsm *h)
{
    struct dirs d = { NULL, 0, 0 };
    enum file_status s = FILE_OK;
    dirs_add(h, &d, FILE_ROOT);
    for (uint32_t i = 0; i < d.count && s == FILE_OK; i++) {
        uint64_t next = 0, dir = d.at[i];
        do {
            struct file_req q;
            struct file_entry x;
            file_req_init(&q, FILE_LIST, NULL, NULL);
            q.dir = dir;
            q.file = next;
            s = file_ask(h->sys.below, &q);
            next = q.file;
            while (s == FILE_OK && file_entry_next(&q.data, &x))
                if (dir != FILE_ROOT || !hsm_own_name(x.name))
                    s = found(h, &d, dir, &x);
            rope_fini(&q.data);
        } while (s == FILE_OK && next != 0);
    }
    port_free(h->sys.port, d.at);
    return s;
}

enum file_status hsm_load(struct hsm *h)
{
    h->records = records_create(h->sys.port, h->sys.below, NAME, &h->params->records);
    h->table =
        records_table(h->records, "files", BYTES, (uint64_t)h->params->files + 1, NULL, NULL);
    enum file_status s = records_open(h->records);
    if (s == FILE_OK)
        s = load_records(h);
    if (s == FILE_OK)
        s = find_files(h);
    LIST_EACH_SAFE (l, n, &h->files) {
        struct hsm_file *f = LIST_ENTRY(l, struct hsm_file, link);
        if (f->gone) { /* it was removed, and its bitfile not yet */
            f->gone = false;
            hsm_forget(f);
        }
    }
    return s;
}
