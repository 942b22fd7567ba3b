/* pattern.h: which bytes of a file a program touches with its k-th request, as kinds.
 *
 * Each rank has a part of the file, a sequence of bytes in an order of its own; request k moves
 * bytes [k * size, (k + 1) * size) of that sequence.  A pattern says where the part's bytes lie:
 *
 *   interleaved  [Nitzberg] blocks of `size` go round the ranks
 *   partitioned  [Nitzberg] the file in as many pieces as ranks
 *   broadcast    [Nitzberg] all ranks have the same bytes
 *   segmented    [IOR] blocks of `block` go round the ranks; a request is a transfer inside
 *   strided      records of `record`, one each `stride`; rank r begins at its r-th record
 *   nested       the same, `inner` of them each `outer` [CHARISMA: simple and nested strides]
 *   array        [Kotz] an array of records in one or two dimensions, each dealt out none, block or
 *                cyclic, to a grid of ranks: his rnb is distribution "nb" read; "a": all ranks all;
 *                a part comes row by row or, of two dimensions, column by column (`order`)
 *   cells        [BTIO] a cube of `grid` points of 40 bytes, cut in cells along its diagonals: a
 *                request is a rank's part of one dump of it, whatever `size` says
 *   filetype     a file view (os/pio/fview.h): from byte disp + rank * step on the file is tiled
 *                with the type that `filetype` makes of records; a request is what the rank has of
 *                a tile, whatever `size` says
 *   random       places of `size` bytes in an order drawn from `seed`, each once
 *   zipf         places of `size` bytes, `places` of them, each request's drawn: place i (from 1)
 *                as often as 1 / i^skew
 *   hot          by turns a place of the first `hot`, drawn, and the next of a walk through the
 *                others, which begins again at its end
 *
 *   IOP1  The parts of interleaved, partitioned, segmented, array (but "a"), cells and random are
 *         disjoint and cover the file: every byte belongs to exactly one rank.
 *
 * Pure arithmetic.
 */
#ifndef WORKLOADS_IO_PATTERN_H
#define WORKLOADS_IO_PATTERN_H

#include "os/array/map.h"
#include "os/pio/ftype.h"
#include "os/pio/pio.h"

/* Numbers of a pattern, the table `shape` of a program's. */
struct io_shape {
    int64_t block, record, stride, inner, outer, rows, grid, seed, disp, step, places, hot;
    double skew;
    int distribution, order;
    const struct val *filetype;
};
extern const struct param io_shape_params[];

struct io_dealt { /* one dimension of records, and this rank's part */
    struct array_dim d;
    uint32_t part;
};
struct io_array {
    struct io_dealt row, column;
    bool has; /* this rank has a part; */
    bool all; /* each has all */
};

struct io_pattern_ops;
struct io_pattern {
    const struct io_pattern_ops *ops;
    const struct io_shape *shape;
    uint64_t size, per_rank; /* bytes of a request; requests of a rank, on average */
    uint32_t rank, ranks;
    struct io_array array; /* private */
    struct ftype type;     /* filetype */
};

struct io_pattern_ops {
    struct kind kind;
    /* Refuses numbers that do not fit together; `path` is the program's.  NULL: nothing. */
    bool (*check)(const struct io_pattern *p, const char *path, struct err *e);
    /* Bytes of the rank's part; NULL: per_rank * size. */
    uint64_t (*own)(const struct io_pattern *p);
    /* Where byte `pos` of the part lies; *len: how many lie in a row from there, at least 1. */
    uint64_t (*place)(const struct io_pattern *p, uint64_t pos, uint64_t *len);
    /* Bytes that all parts reach over; NULL: per_rank * size * ranks. */
    uint64_t (*extent)(const struct io_pattern *p);
    /* The rank's part as a subfile of a file of rows of `factor` such units; false: it is none.
     * NULL: never. */
    bool (*view)(const struct io_pattern *p, uint64_t unit, uint64_t factor, struct pio_view *out);
    /* Bytes of a request of this rank; NULL: as it is told. */
    uint64_t (*request)(const struct io_pattern *p);
    bool typed; /* the part is seen through `type`, from io_pattern_disp on */
    bool whole; /* a piece of work: ranks may have unlike numbers of requests, or none */
};
extern const struct kind_set io_patterns;

/* The pattern of a rank; `shape` stays the caller's.  To be checked before it is asked. */
struct io_pattern io_pattern(const struct io_pattern_ops *ops, const struct io_shape *shape,
                             uint64_t size, uint64_t per_rank, uint32_t rank, uint32_t ranks);
bool io_pattern_check(const struct io_pattern *p, const char *path, struct err *e) MUST_CHECK;

uint64_t io_pattern_disp(const struct io_pattern *p); /* of a typed part */
/* Bytes of the rank's part; that the parts of all reach over. */
uint64_t io_pattern_own(const struct io_pattern *p);
uint64_t io_pattern_extent(const struct io_pattern *p);
/* Requests of the rank: the last may be short. */
uint64_t io_pattern_requests(const struct io_pattern *p);
/* The runs of request k, in the order of the part: the first `room` of them are written, the number
 * of all is returned: 0 behind its last request. */
uint32_t io_pattern_runs(const struct io_pattern *p, uint64_t k, struct file_run *out,
                         uint32_t room);

#endif
