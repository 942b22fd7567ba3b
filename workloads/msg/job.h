/* job.h: what the programs of the workload `job` share (job.c), and those of files (job_files.c).
 * */
#ifndef WORKLOADS_MSG_JOB_H
#define WORKLOADS_MSG_JOB_H

#include "os/ckpt/files.h"
#include "os/nx/nx.h"
#include "workloads/paging.h"
#include "workloads/workload.h"

#define JOB_BASE 0x10000000u
#define JOB_FILES 0xf0000000u /* what the programs of files know of them; behind all else */

enum program_kind { PROGRAM_JACOBI, PROGRAM_RING, PROGRAM_RANDOM, PROGRAM_MATRIX, PROGRAM_UPDATE };

struct job_params {
    struct vm_params page;
    int program, system;
    int64_t nodes, memory, pattern, scratch, table, rewrite, columns, steps, dirty, bytes, meet,
        seed;
    int64_t order, strip, file, block;
    bool uneven, named, account, swap, late, together;
    struct paging_params paging;
    sim_time think, slice;
};

struct job_files; /* those that it has open */

struct job {
    struct os_node *node;
    struct port *port;
    const struct job_params *p;
    struct ckpt *ckpt; /* NULL: no checkpoints are taken */
    struct nx *nx;
    struct vm_space *space;
    struct vm_region *pattern; /* NULL: none */
    struct job_files *files;
    uint32_t rank, ranks, job; /* job: of those that take turns */
    uint64_t seed;             /* each of these has its own */
    uint32_t stores;           /* made */
    uint64_t swapped;          /* sectors of the device that are taken */
    uint64_t pages, scratch_pages, table_pages, page, steps;
};

/* A word that looks like none of its neighbours'. */
static inline uint64_t job_mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9u;
    x = (x ^ x >> 27) * 0x94d049bb133111ebu;
    return x ^ x >> 31;
}

/* False after port_fail. */
bool job_good(const struct job *j, bool fine, const char *what, uint64_t step);
/* Draw number `what` of that rank in that step: all know it. */
uint64_t job_draw(const struct job *j, uint64_t step, uint32_t rank, uint32_t what);
/* Each rank sends a message and receives one; resume point 4 * step.  (blocks) */
bool job_pass(const struct job *j, uint64_t step);

/* ---- memory filled with a pattern ---- */
/* Maps it, if the job has any, after all other memory. */
void job_pattern_map(struct job *j);
/* A word of it is made from what it was; it is drawn by rank and step.  (blocks) */
void job_pattern_write(const struct job *j, uint64_t step);
/* A number made of all its bytes; 0: there is none. */
uint64_t job_pattern_hash(const struct job *j);

/* ---- programs of files ---- */
/* It is one of them. */
static inline bool job_has_files(const struct job_params *p)
{
    return p->program == PROGRAM_MATRIX || p->program == PROGRAM_UPDATE;
}
uint64_t job_steps(const struct job_params *p);                       /* of any program */
uint64_t job_files_pages(const struct job_params *p);                 /* of memory at JOB_FILES */
uint32_t job_files_count(const struct job_params *p, uint32_t ranks); /* that it makes */
/* Refuses what does not fit together or the machine. */
bool job_files_check(const struct job_params *p, uint32_t ranks, const struct os_layout *l,
                     struct err *e) MUST_CHECK;
/* Each time it is entered, before a safe point; false after port_fail, as below. (block) */
bool job_files_open(struct job *j, uint64_t resume);
/* A step of theirs, as those of job.c. (both block) */
bool job_step_matrix(struct job *j, uint64_t step, uint64_t phase);
bool job_step_update(struct job *j, uint64_t step, uint64_t phase);
/* From resume point `at` on: closes what is open, meets all, compares every byte of this rank's
 * with
 * what must be there; a number that the bytes make, in 40 bits.  Resume points 4 * steps + 1. */
bool job_files_finish(struct job *j, uint64_t at, int64_t *number);

#endif
