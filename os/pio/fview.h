/* fview.h: file views as in MPI-IO: a rank sees of a file what a type (ftype.h) names, as if the
 * gaps were not there.
 *
 * A library over os/pio and os/pio/coll.h, for any system.  From byte `disp` on the file is tiled
 * with the type; the bytes of its data, tile after tile, are the view's, counted in elementary data
 * of `etype` bytes.  Ranks may have other views, and change theirs; no byte moves.
 *
 *   Place     at an offset that the call names (FVIEW_AT); where the rank's own pointer is
 *             (FVIEW_OWN), which then stands behind what was asked for; where the pointer of all
 *             ranks is (FVIEW_SHARED): where the file has a mode of its system that moves one
 *             (pio.h: without PIO_MODE_OFFSETS), and the view has no gaps.
 *   Memory    the data as they are or, by a list of places in a buffer, as in any request; a type
 *             of the buffer is made such a list by ftype_runs.
 *   Together  the ranks' requests go by a collective method (coll.h): all make the call, one may
 *             ask for nothing.  Else each request is for itself.
 *
 *   FVIEW1  A request names each byte of the file that the view names there, once, in its order.
 *   FVIEW2  Reads end where a request of pio does: at the first byte behind the end of the file.
 *
 * Errors are those of pio; and PIO_BAD_LAYOUT: a view whose bytes do not rise (FTYPE2), whose tiles
 * overlap, or whose type is no multiple of the elementary datum; nothing done.
 *
 * Source: MPI-2 (1997) 9.3 and 9.4.  Not modelled: seeking a shared pointer to an offset of one
 * view while others are seen; data representations other than native.
 * Who calls it: programs (workloads/), in threads.
 */
#ifndef OS_PIO_FVIEW_H
#define OS_PIO_FVIEW_H

#include "os/pio/coll.h"
#include "os/pio/ftype.h"

struct fview { /* of one rank on one open file */
    struct pio_file *file;
    struct coll *coll; /* for calls together; NULL: there are none.  The caller's */
    uint64_t disp, etype;
    struct ftype type;
    uint64_t at; /* its pointer, in elementary data */
};
/* All of the file, byte by byte. */
void fview_init(struct fview *v, struct pio_file *f, struct coll *c);
/* From now on it sees this; its pointer is 0, and so is that of all where the mode moves one and
 * rank 0 calls.  (blocks) */
enum pio_status fview_set(struct fview *v, uint64_t disp, uint64_t etype, const struct ftype *type);

enum fview_place { FVIEW_AT, FVIEW_OWN, FVIEW_SHARED };
struct fview_io {
    enum pio_op op;
    enum fview_place by;
    bool together;
    uint64_t off;   /* in elementary data: FVIEW_AT: in; else out: where it took place */
    uint64_t count; /* of elementary data; 0: nothing */
    const struct pio_memory *memory; /* NULL: the data are in `data`, else there */
    struct rope data;                /* of a write it is taken */
    uint64_t moved;                  /* out: bytes */
    struct pio_split split;          /* out: as coll.h says */
};
void fview_io_init(struct fview_io *x, enum pio_op op, uint64_t count); /* FVIEW_OWN, alone */
/* PIO_BAD_LIST: data or places are not `count` of elementary data, or outside the buffer; nothing
 * done.  PIO_UNSUPPORTED: not by that place here, or together without a method.  (blocks) */
enum pio_status fview_transfer(struct fview *v, struct fview_io *x);
/* Bytes [pos, pos + bytes) of the data of a type that begins at `at`, as runs, in their order; of
 * the port's heap. */
struct file_run *ftype_runs(struct port *port, const struct ftype *t, uint64_t at, uint64_t pos,
                            uint64_t bytes, uint32_t *count);

#endif
