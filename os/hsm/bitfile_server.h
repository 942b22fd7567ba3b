/* bitfile_server.h: the bitfile server: files of the archive, and where they lie.
 *
 * It keeps a record of each bitfile (records.h): size, class, segments.  A segment is blocks in a
 * row of one virtual volume (storage.h), of one copy; where a volume has no room for all, the file
 * goes on with another segment on the next.  Data never passes through the server, but for segments
 * that repack cannot have copied from drive to drive: it turns ranges of bytes into blocks of
 * volumes, and the movers push them to who asked.  Bitfiles that the archive had from the start are
 * declared: number n lies where n says, until it is first changed.
 *
 * Classes of service say which storage class a bitfile goes to, and in how many copies; a copy is
 * written to the stream of its number, so that no volume has two of one file.  What the first copy
 * cannot give is read from the second.
 *
 * What is removed leaves blocks on tape that nobody needs, as does a WRITE that never ended: what
 * is live on a volume is counted here, in the same commits as the bitfiles themselves, so that the
 * storage server needs to be told nothing (docs/decisions/0111-*.md).  Repack takes a full volume
 * of which little is live, copies that to where the streams write, and makes the volume blank.
 * It runs as a policy, when no call has come for a while, and when it is asked for.  So does what
 * makes a segment anew that a READ found damaged, or its cartridge missing, from the other copy.
 *
 *   BFS1  Segments of live bitfiles do not overlap, each has its place in the table of its volume,
 *       and a volume's count is their sum.
 *   BFS2  A volume becomes blank when no live segment is on it, and none that a WRITE under way has
 *       been given.
 *   BFS3  Nor does one to which programs have appended, or that the archive had from the start
 *       without bitfiles on it.
 *
 * Procedures of HSM_SERVICE_BITFILE, long calls (call.h), big-endian:
 *   enum bitfile_op  u64 id, u32 cos, u64 size, u64 offset, u64 length, u64 token at the caller's
 *                    sink -> u8 hsm_status, u64 id, struct bitfile_stat; of a CREATE or a LIST
 *                    the owner stands for offset; behind the answer of a LIST u64 each number
 */
#ifndef OS_HSM_BITFILE_SERVER_H
#define OS_HSM_BITFILE_SERVER_H

#include "os/hsm/bitfile.h"
#include "os/hsm/storage.h"

#define BITFILE_SEGMENTS 64 /* of a bitfile at most, all copies */

#define BITFILE_CLASSES 16
struct bitfile_class {
    const char *name;
    int64_t storage, copies; /* which storage class, from 0 */
    int64_t min, max;        /* bytes of files that it takes by size */
};
struct bitfile_params {
    int64_t bitfiles, declared; /* room for so many; of which the archive had the first */
    int64_t size;               /* bytes of a declared one */
    int64_t chains;             /* records for segments behind the first two of a bitfile */
    const struct val *classes;
    struct bitfile_class class[BITFILE_CLASSES];
    uint32_t class_count; /* 0: one, of the first storage class, for all sizes */
    int64_t threads;
    sim_time retry;
    struct bitfile_repack {
        int64_t percent; /* of a volume that is live at most; 0: it is empty */
        sim_time every;  /* 0: only when it is asked for */
        sim_time idle;
        int64_t buffer; /* bytes in memory at once, if a segment is no longer */
        bool direct;    /* from drive to drive, where that can be */
        bool heal;      /* of a copy that cannot be read another is made */
    } repack;
    struct records_params records;
    const struct val *files;
    struct file_stack stack;
};

/* Where a declared bitfile lies: its volume; the first of its blocks, how many; its piece. */
struct storage_place bitfile_declared(const struct bitfile_params *p,
                                      const struct storage_params *storage, uint64_t n);

/* Serves on this node; its records are in `files`; the storage server at `host` has those
 * parameters. */
struct bitfiles *bitfile_serve(struct xk_protl *rpc, struct file_sys *files,
                               const struct bitfile_params *params, uint32_t host,
                               const struct storage_params *storage);
extern const struct os_service_ops bitfile_service;
extern const struct counter bitfile_counters[]; /* "bitfile.*" */

/* What stands in the tables, for who walks them; segments of bitfile n.  (block) */
struct bitfile_segment {
    uint32_t volume, life;
    uint64_t first, count; /* blocks, there */
    uint64_t at;           /* the block of the bitfile that is the first of them */
    uint32_t piece;
    uint8_t copy;
};
/* HSM_NO_BITFILE: there is none in slot n. */
enum hsm_status bitfile_look(struct bitfiles *b, uint64_t n, struct bitfile_stat *stat,
                             struct bitfile_segment segments[BITFILE_SEGMENTS]);
/* Blocks of it that are live, as it is counted, and the number plus one of the bitfile whose piece
 * that is there, 0: nobody's. */
enum hsm_status bitfile_look_volume(struct bitfiles *b, uint32_t volume, uint64_t *live);
enum hsm_status bitfile_look_piece(struct bitfiles *b, uint32_t volume, uint32_t piece,
                                   uint64_t *owner);

/* The door of this node, to the server at `host`, whose storage server has those parameters. */
struct bitfile_door *bitfile_open(struct xk_protl *rpc, uint32_t host, sim_time retry);

#endif
