/* compress_internal.h: private to the layer COMPRESS: what it knows of a file, and the file below.
 *
 * The file below is a row of grains of 512 bytes.  All numbers big-endian.
 *
 *   grain 0, the head
 *      0 sum 8     of the grain, the file's handle in its place
 *      8 magic 4   16 size 8    of the file
 *     12 unit 4    24 places 4  of the parts of the index, 16 of them; 0: there is none
 *   index, part k: 2^k grains in a row, of 31 units each
 *      0 sum 8     as the head's
 *      8 number 4  of the grain in the index
 *     12 units, 16 bytes each: place 4 (0: none; all ones: lost), sum 4 (the low half of the
 *        unit's), packed 4 (bytes behind its head), len 4 (of the file's bytes in it; zeros follow)
 *   a unit: grains in a row
 *      0 sum 8     of head and bytes, the file's handle in its place
 *      8 number 8  of the unit
 *     16 raw 4     bytes that it expands to
 *     20 packed 4  bytes that follow: as they are if as many as raw, else of pack_lz
 */
#ifndef OS_FILE_COMPRESS_INTERNAL_H
#define OS_FILE_COMPRESS_INTERNAL_H

#include "os/file/turns.h"

enum {
    COMPRESS_GRAIN = 512,
    COMPRESS_HEAD = 24,                                         /* of a unit */
    COMPRESS_FAN = 31,                                          /* units of a grain of the index */
    COMPRESS_PARTS = 16,                                        /* of the index */
    COMPRESS_UNITS = COMPRESS_FAN * ((1 << COMPRESS_PARTS) - 1) /* of a file at most */
};
#define COMPRESS_LOST UINT32_MAX /* the place of a unit that the index has no more */

struct compress_unit {
    uint32_t place; /* in grains */
    uint32_t sum, packed, len;
    bool young; /* no index that a crash may leave says this place */
};

struct compress_file {
    struct list link; /* among those known, the one used last first */
    uint64_t file, size;
    uint32_t unit; /* bytes */
    struct compress_unit *units;
    uint32_t count;                /* those behind have no place */
    uint8_t *dirty;                /* of the grains of the index for these: it is to be written */
    uint32_t part[COMPRESS_PARTS]; /* places; 0: none */
    uint32_t fresh;                /* a bit for each that has not been flushed */
    uint8_t *used;                 /* a bit for each grain below `end` */
    uint32_t end, room, rover;
    uint32_t below;              /* grains of the file below */
    struct compress_unit *limbo; /* places that are free once the index is written */
    uint32_t limbo_count, limbo_room;
    uint32_t changes;      /* units since the index was written */
    bool changed;          /* it is to be written */
    uint32_t users;        /* requests under way */
    enum file_status late; /* told by the next FLUSH */
    enum file_status lost; /* what was not flushed may be: FILE_OK, or how that was told (COMP3) */
};

struct compress {
    struct file_sys sys; /* first */
    uint32_t unit, files, commit;
    struct file_turns turns;
    struct xk_map map; /* of files, by handle */
    struct list known;
    struct {
        uint64_t in, out, units, whole, expanded, read, commits, bad;
    } counts;
};

/* Grains of so many bytes. */
static inline uint32_t compress_grains(uint64_t bytes)
{
    return (uint32_t)((bytes + COMPRESS_GRAIN - 1) / COMPRESS_GRAIN);
}

/* ---- places (compress_index.c) ---- */

/* A place of so many grains in a row, taken. */
uint32_t compress_take(struct compress *c, struct compress_file *f, uint32_t grains);
/* The place of a unit is free: now, or once no index that a crash may leave says it. */
void compress_drop(struct compress *c, struct compress_file *f, const struct compress_unit *x);
/* The unit, which has an entry from now on; its grain of the index is to be written. */
struct compress_unit *compress_change(struct compress *c, struct compress_file *f, uint32_t unit);

/* ---- the index (compress_index.c) ---- */

/* What is known of the file, read from below when it is not in memory; the caller gives it back.
 * Otherwise NULL, and r->status says why; `anew`: one whose head is damaged is empty.  (blocks) */
struct compress_file *compress_open(struct compress *c, struct file_req *r, uint64_t file,
                                    bool anew);
void compress_close(struct compress *c, struct compress_file *f);
/* Without what is not written.  Nobody has it open. */
void compress_forget(struct compress *c, struct compress_file *f);
/* Flushes, writes the index, and flushes again; r->status on failure, which may be f->lost.
 * (blocks) */
enum file_status compress_commit(struct compress *c, struct compress_file *f, struct file_req *r);

#endif
