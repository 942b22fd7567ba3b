/* charisma.h: a mix of jobs as CHARISMA found it on an iPSC/860: which job has which nodes and
 * files, and how these are accessed.  All is drawn from a seed, and the same for whoever asks.
 *
 * Jobs come in a line.  A job takes the next nodes that nobody has; where there are not enough, it
 * is the first of a new round, in which all nodes are free.
 *
 *   CHR1  The files of a job are its own: no byte is of two jobs.
 *   CHR2  Requests of one file do not overlap, and together are its bytes, once.
 *
 * Pure arithmetic.
 */
#ifndef WORKLOADS_IO_CHARISMA_H
#define WORKLOADS_IO_CHARISMA_H

#include "sim/base/param.h"

struct charisma_params {
    int64_t seed, jobs, requests, small, files_most;
    double single, written, read, strided;
    double read_small, read_small_bytes, write_small, write_small_bytes;
};
extern const struct param charisma_params_desc[];

struct charisma_job {
    uint64_t number;
    uint32_t first, nodes, files; /* the nodes are first, first + 1, ... */
    uint64_t file;                /* number of its first file */
};
/* Goes through the jobs in their order. */
struct charisma_walk {
    const struct charisma_params *p;
    uint32_t ranks, at; /* private */
    struct charisma_job job;
};
/* The walk stands before the first job. */
struct charisma_walk charisma_walk(const struct charisma_params *p, uint32_t ranks);
/* The next job is walk.job; false: there is none. */
bool charisma_next(struct charisma_walk *w);

enum charisma_use { CHARISMA_WRITTEN, CHARISMA_READ, CHARISMA_BOTH }; /* both: written, then read */
struct charisma_file {
    enum charisma_use use;
    bool strided; /* requests of the job's nodes in turn, else each has a piece of its own */
    uint64_t write, read; /* bytes of a request; 0: there are none of that kind */
    uint64_t requests;    /* of each kind, of each node of the job */
    uint64_t bytes;
};
/* The k-th file of a job. */
struct charisma_file charisma_file(const struct charisma_params *p, const struct charisma_job *j,
                                   uint32_t k);
/* Where request k, of `size` bytes, of node i of the job begins in it. */
uint64_t charisma_place(const struct charisma_file *f, const struct charisma_job *j, uint64_t size,
                        uint32_t i, uint64_t k);

#endif
