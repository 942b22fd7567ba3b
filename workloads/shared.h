/* shared.h: what programs over shared virtual memory have in common: joining, arrays, timing,
 * reporting.
 *
 * A program is a function that computes real results in shared memory.  Its structure:
 *   shared_open        every node joins the region and waits for the others
 *   set up          shared data are written by their first users
 *   shared_start       barriers; the window opens, the clock starts
 *   compute
 *   shared_stop        barriers; the clock stops, the window closes; "svm.time" is reported
 *   check           one node compares with a sequential run in private memory: port_fail if it
 *   differs
 * Where the service ckpt boots a program can be saved at its barriers: shared_barrier has a number
 * with which it is entered again (struct shared.resume).  What it has in private memory then is
 * gone, but for `started`.  The barriers of shared_stop and shared_close have SHARED_STOP and
 * SHARED_CLOSE; those before shared_start is over have none: nobody is stopped before them.
 * Compute time is charged from operation counts (PORT_WORK_FLOP, PORT_WORK_OP).
 */
#ifndef WORKLOADS_SHARED_H
#define WORKLOADS_SHARED_H

#include "os/svm/svm.h"
#include "os/svm/sync.h"
#include "workloads/paging.h"
#include "workloads/workload.h"

/* The first member of every program's parameters. */
struct shared_params {
    int64_t nodes; /* that take part; 0: all compute nodes */
    const char *over, *sync;
    struct svm_params svm;
    struct vm_params memory;
    struct paging_params paging;
};
/* Their descriptors, to stand first in a program's array. */
#define SHARED_PARAMS                                                                              \
    P_INT(shared_params, nodes, "0", "0", "100000", "Compute nodes that take part; 0 means all.",  \
          "ASSUMED(the experiment's choice)"),                                                     \
        P_STRING(shared_params, over, "svm",                                                       \
                 "The instance of the graph that carries the shared memory."),                     \
        P_STRING(shared_params, sync, "sync", "That of its locks and barriers."),                  \
        P_TABLE(shared_params, svm, svm_params_desc, "The manager of the shared memory.",          \
                "os/svm/svm.h"),                                                                   \
        P_TABLE(shared_params, paging, paging_params_desc,                                         \
                "Where owned pages go when memory.frames are too few.", "workloads/paging.h"),     \
        P_TABLE(shared_params, memory, vm_params_desc, "Pages and frames of each node.",           \
                "os/vm/vm.h")

enum { SM_TIME, SM_WRITE_TIME, SM_FAULT_TIME, SM_OUTSIDE, SM_MEMORY, SM_CHECKED };
extern const struct measure shared_measures[];
extern const struct counter_ratio shared_ratios[];
struct shared_counts {
    uint64_t disk_last;
};
extern const struct counter shared_counters[];            /* "svm.*" where pages go to a store */
extern const struct workload_instance shared_instances[]; /* that shared_open needs */
/* On how many compute nodes the program runs: for workload_ops. */
uint32_t shared_programs(const void *params, const struct os_layout *layout);
/* More nodes than the machine has is a mistake. */
bool shared_check(const void *params, const struct os_layout *layout, struct err *e) MUST_CHECK;
/* The ops of a program over shared memory, whose parameters are a `type`. */
#define SHARED_WORKLOAD(id, text, list, type, checks, runs)                                        \
    {                                                                                              \
        .kind = { .name = id, .doc = text, .params = list, .params_size = sizeof(type) },          \
        .measures = shared_measures, .ratios = shared_ratios, .instances = shared_instances,       \
        .typed = true, .programs = shared_programs, .check = checks, .main = runs                  \
    }

struct shared {
    struct port *port;
    struct os_node *node;
    struct ckpt *ckpt; /* who saves the program; NULL: nobody */
    uint64_t resume;   /* where it goes on; 0: at the beginning */
    struct vm *vm;
    struct vm_space *space;
    struct svm *svm;
    struct sync *sync;
    struct xk_protl *over;
    const uint32_t *nodes; /* of the ranks */
    uint32_t rank, ranks;
    uint64_t length; /* of the shared region */
    uint64_t next;   /* shared_array: first free address */
    sim_time started;
    struct vm_store *store; /* NULL: owned pages keep their frames */
    struct shared_counts *counts;
    uint64_t disk_before; /* when this iteration began */
    uint64_t kept;        /* address of what this rank keeps for itself; 0: nobody saves it */
};

#define SHARED_BASE 0x100000000u

/* False after port_fail when the machine's graph has no svm or sync instance, or a page does not
 * fit. */
bool shared_open(struct shared *h, struct os_node *node, const struct program *me,
                 const struct shared_params *params, uint64_t bytes) MUST_CHECK;
/* The address of the next `bytes` of the region, on a page of their own; the same on every node
 * when all make
 * the same calls. */
uint64_t shared_array(struct shared *h, uint64_t bytes);
/* What shared_array takes for so many bytes. */
uint64_t shared_array_bytes(const struct shared_params *p, uint64_t bytes);
/* The numbers of a program's own barriers are below these. */
#define SHARED_STOP (UINT64_C(1) << 62)
#define SHARED_CLOSE (SHARED_STOP + 2)
void shared_start(struct shared *h); /* (blocks) */
void shared_stop(struct shared *h);  /* (blocks) */
/* The last: nobody leaves while another may be restarted and need its pages.  Where it is saved,
 * rank 0 reports a number made of the memory, "svm.memory". (blocks) */
void shared_close(struct shared *h);
/* Step k of a program ends with the barrier of number k + 1.  The first of `count` steps whose
 * barrier is not over; and whether that barrier alone is left of this one. */
uint64_t shared_first(const struct shared *h, uint64_t count);
bool shared_again(const struct shared *h, uint64_t step);
/* Is this the rank that checks the result, and has not? */
bool shared_checks(const struct shared *h);
/* A barrier at which the program can be saved; nothing but the work since the last safe point is
 * done again when it is entered with `resume`, from 1. (blocks) */
void shared_barrier(struct shared *h, uint64_t resume);
/* The same without a barrier, and before a lock is taken. (blocks) */
void shared_point(struct shared *h, uint64_t resume);
void shared_lock(struct shared *h, uint32_t lock, uint64_t resume);
/* An iteration has ended; what the last one moved to and from disks is "svm.disk_last". */
void shared_iteration(struct shared *h);

/* The part [*first, *end) of n items that belongs to this rank: as equal as can be. */
void shared_share(const struct shared *h, uint64_t n, uint64_t *first, uint64_t *end);

/* A reproducible value of item i: in [-1, 1), a multiple of 2^-20. */
double shared_value(uint64_t seed, uint64_t i);

/* Copies n doubles between shared and private memory. */
bool shared_get(struct shared *h, uint64_t addr, double *out, uint64_t n);
bool shared_put(struct shared *h, uint64_t addr, const double *in, uint64_t n);

extern const struct workload_ops workload_svm_dot, workload_svm_matmul, workload_svm_jacobi,
    workload_svm_pde, workload_svm_sort, workload_svm_tsp, workload_svm_fft, workload_svm_lu,
    workload_svm_irregular, workload_svm_pattern;

#endif
