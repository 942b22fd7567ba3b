/* job.c: message-passing programs that run for long and go on after crashes from a checkpoint.
 *
 * All state is in virtual memory; every place where a rank waits for others is a call that is
 * announced (os_safe_call), and a resume point is 4 * step + the phase of the step.
 *
 *   jacobi   the mean of the four neighbours, on a grid of `columns` words a row and as many rows
 *            as `memory` has; ranks are strips, whose edge rows are exchanged.  Words are integers,
 *            so that the result is exact.
 *   random   in each step every rank sends a message of random length to the rank a random distance
 *            ahead, and receives one; what it receives is compared with what was to be sent and
 *            folded into its memory, `dirty` pages of which it writes.  All meet each `meet` steps:
 *            in a sum, which is checked, a barrier or a concatenation.
 *   ring     the same with distance 1.
 *   matrix, update: programs of files (job_files.c).
 *
 * At the end each rank folds its memory to a number; the sum of all is the measure job.memory:
 * equal to that of a run without failures, whatever happened.  So is job.files, of what is in the
 * files.
 */
#include "workloads/msg/job.h"

#define SCRATCH 0x60000000u /* behind the largest memory */
#define TABLE 0xa0000000u
enum { EXACT = 8192 }; /* sums of so many numbers of 40 bits */

static const char *const programs_names[] = {
    "jacobi", "ring", "random", "matrix", "update", NULL
};

static const struct param job_params[] = {
    P_TABLE(job_params, page, vm_params_desc, "Pages of each rank.", "os/vm/vm.h"),
    P_TABLE(job_params, paging, paging_params_desc, "Where pages of memory and table go.",
            "workloads/paging.h"),
    P_BOOL(job_params, swap, "false",
           "Pages of memory and table go to the first device of the rank's own node.",
           "ASSUMED(the experiment's choice)"),
    P_CHOICE(job_params, program, "random", programs_names, "What the ranks do.",
             "ASSUMED(the experiment's choice)"),
    P_INT(job_params, nodes, "0", "0", "60000", "Compute nodes that take part; 0: all.",
          "ASSUMED(the experiment's choice)"),
    P_SIZE(job_params, memory, "64KiB", "4KiB", "1GiB", "Memory of each rank.",
           "ASSUMED(the experiment's choice)"),
    P_SIZE(job_params, pattern, "0B", "0B", "1GiB",
           "Memory of each rank beside that, filled with a pattern: a word of it is changed in "
           "each step, and the host keeps the pages alone that have been changed.",
           "ASSUMED(the experiment's choice)"),
    P_SIZE(
        job_params, scratch, "0B", "0B", "1GiB",
        "Memory of each rank beside that, written anew in each step and left out of checkpoints.",
        "ASSUMED(the experiment's choice)"),
    P_SIZE(
        job_params, table, "0B", "0B", "1GiB",
        "Memory of each rank that is written at the start alone, read in each step, and named to "
        "the checkpoints as read only.",
        "ASSUMED(the experiment's choice)"),
    P_INT(job_params, rewrite, "0", "0", "100000000",
          "In this step each rank writes a page of its table after all; 0: in none.",
          "ASSUMED(the experiment's choice)"),
    P_BOOL(
        job_params, named, "false",
        "Memory and table are named to the checkpoints as what must be saved, in place of scratch "
        "memory as what is not.",
        "ASSUMED(the experiment's choice)"),
    P_INT(job_params, columns, "64", "1", "100000", "Jacobi: words of a row.",
          "ASSUMED(the experiment's choice)"),
    P_INT(job_params, steps, "20", "1", "100000000", "Steps.", "ASSUMED(the experiment's choice)"),
    P_INT(job_params, dirty, "4", "0", "1000000", "Ring, random: pages written in a step.",
          "ASSUMED(the experiment's choice)"),
    P_SIZE(job_params, bytes, "2KiB", "1B", "1MiB", "Ring, random: the longest message.",
           "ASSUMED(the experiment's choice)"),
    P_INT(job_params, meet, "5", "1", "1000000",
          "Ring, random: steps from one meeting to the next.", "ASSUMED(the experiment's choice)"),
    P_INT(job_params, seed, "1", "0", "1000000000", "Ring, random: what is drawn.",
          "ASSUMED(the experiment's choice)"),
    P_BOOL(job_params, late, "false",
           "Program 'matrix': all ranks open the file of the product when the factors are there."),
    P_BOOL(job_params, together, "false",
           "Program 'update': each step ends with a request that all ranks make together, in mode "
           "M_SYNC or M_GLOBAL."),
    P_BOOL(
        job_params, uneven, "false",
        "Each step of each rank computes for up to twice as long, so that ranks wait for others.",
        "ASSUMED(the experiment's choice)"),
    P_TIME(
        job_params, slice, "500us", "1us", "1h",
        "A step computes for so long at once; between two the node's other threads have the CPU.",
        "ASSUMED(a slice of time is shorter than what is waited for)"),
    P_BOOL(
        job_params, account, "false",
        "Where the time went is measured: useful work, work done, work lost, stops, the share of "
        "time in which programs are there.",
        "the measures of Daly, FGCS 22, 2006"),
    P_CHOICE_OF(job_params, system, "pfs", pio_systems, "Matrix, update: the file system."),
    P_INT(job_params, order, "32", "1", "4096", "Matrix: rows and columns of the matrices.",
          "ASSUMED(the experiment's choice)"),
    P_INT(job_params, strip, "8", "1", "4096", "Matrix: rows of the second that a step takes.",
          "ASSUMED(the experiment's choice)"),
    P_SIZE(job_params, file, "16KiB", "1B", "1GiB", "Update: bytes that each rank has in files.",
           "ASSUMED(the experiment's choice)"),
    P_SIZE(job_params, block, "1KiB", "8B", "16MiB", "Update: bytes of a block.",
           "ASSUMED(the experiment's choice)"),
    P_TIME(job_params, think, "1ms", "0s", "1h", "Computation of a step.",
           "ASSUMED(the experiment's choice)"),
    P_END,
};

enum {
    M_TIME,
    M_MEMORY,
    M_FILES,
    M_STEPS,
    M_USEFUL,
    M_LOST,
    M_STOPPED,
    M_AWAY,
    M_REST,
    M_WORK,
    M_EFFICIENCY,
    M_THERE
};
/* With `account` each rank tells at its end of its whole time: useful + lost + stopped + away +
 * rest is job.time, of each rank, and useful + lost all that it has computed, wherever it was. */
static const struct measure measures[] = {
    [M_TIME] = { "job.time", "s", "Time of a rank from its start to the end of the job.",
                 MEASURE_COLUMN | MEASURE_TOTAL },
    [M_MEMORY] = { "job.memory", "1", "A number made of the final memory of all ranks.",
                   MEASURE_COLUMN | MEASURE_TOTAL },
    [M_FILES] = { "job.files", "1", "A number made of the final bytes of all files.",
                  MEASURE_COLUMN | MEASURE_TOTAL },
    [M_STEPS] = { "job.step", "s", "Time of a step, when it is done.", MEASURE_TOTAL },
    [M_USEFUL] = { "job.useful", "s", "Computation of a rank that the job needed.", MEASURE_TOTAL },
    [M_LOST] = { "job.lost", "s",
                 "Computation of a rank beyond that: done since the checkpoint that it went back "
                 "to, in whole steps and in one that was broken off.",
                 MEASURE_TOTAL },
    [M_STOPPED] = { "job.stopped", "s",
                    "Time in which a rank was stopped by checkpoints, or stood in a first write "
                    "to a page of one.",
                    MEASURE_TOTAL },
    [M_AWAY] = { "job.away", "s",
                 "Time in which a rank had no program: its node was down, or all restarted.",
                 MEASURE_TOTAL },
    [M_REST] = { "job.rest", "s",
                 "All other time of a rank: messages, files, and waiting for others.",
                 MEASURE_TOTAL },
    [M_WORK] = { "job.work", "s",
                 "Computation of a rank in a step that it has ended; of steps done again, too.",
                 MEASURE_TOTAL },
    [M_EFFICIENCY] = { "job.efficiency", "1", "Of its time that part of a rank that is useful.",
                       MEASURE_TOTAL },
    [M_THERE] = { "job.there", "s", "Time of a program from its start, or from where it goes on.",
                  MEASURE_INSIDE },
    { .name = NULL },
};

bool job_good(const struct job *j, bool fine, const char *what, uint64_t step)
{
    if (!fine)
        port_fail(j->port, "rank %u, step %llu: %s", j->rank, (unsigned long long)step, what);
    if (!fine)
        ckpt_failed(j->ckpt);
    return fine;
}

/* ---- ring and random ---- */

uint64_t job_draw(const struct job *j, uint64_t step, uint32_t rank, uint32_t what)
{
    return job_mix(job_mix(job_mix(j->seed) + step) + rank * 8 + what);
}

static uint32_t distance(const struct job *j, uint64_t step)
{
    return j->p->program == PROGRAM_RING ? 1 : (uint32_t)(job_draw(j, step, 0, 0) % j->ranks);
}

static void message(const struct job *j, uint64_t step, uint32_t from, struct rope *out)
{
    rope_init(out);
    rope_add_pattern(out, job_draw(j, step, from, 1), 0,
                     1 + job_draw(j, step, from, 2) % (uint64_t)j->p->bytes);
}

/* What has come goes into the memory, and so do the pages that are written. */
static void fold(const struct job *j, uint64_t step, uint64_t hash)
{
    for (uint64_t k = 0; k <= (uint64_t)j->p->dirty && k < j->pages; k++) {
        uint64_t page = k == 0 ? 0 : (job_draw(j, step, j->rank, 3) + k) % j->pages;
        uint64_t at = JOB_BASE + page * j->page + job_mix(step + k) % (j->page / 8) * 8;
        vm_store_u64(j->space, at, job_mix(vm_load_u64(j->space, at) + hash + k));
    }
}

bool job_pass(const struct job *j, uint64_t step)
{
    struct rope out, in, want;
    uint32_t d = distance(j, step), to = (j->rank + d) % j->ranks,
             from = (j->rank + j->ranks - d) % j->ranks;
    message(j, step, j->rank, &out);
    os_safe_call(j->node, 4 * step);
    struct nx_info i = nx_csendrecv(j->nx, (int64_t)(step % 1000000), &out, to,
                                    (int64_t)(step % 1000000), (uint64_t)j->p->bytes, &in);
    message(j, step, from, &want);
    bool fine = job_good(j, i.status == NX_OK, "no message", step) &&
                job_good(j, i.node == from && rope_equal(&in, &want), "another message", step);
    if (fine)
        fold(j, step, rope_hash(&in));
    rope_fini(&out);
    rope_fini(&in);
    rope_fini(&want);
    return fine;
}

/* All meet: by three calls in turn. */
static bool meet(const struct job *j, uint64_t step)
{
    int64_t sum = (int64_t)(j->rank + step), n = j->ranks;
    struct rope mine, all;
    bool fine;
    os_safe_call(j->node, 4 * step + 1);
    switch (step / (uint64_t)j->p->meet % 3) {
    case 0:
        return job_good(j, nx_gsync(j->nx) == NX_OK, "no barrier", step);
    case 1:
        fine = nx_gisum(j->nx, &sum, 1) == NX_OK;
        return job_good(j, fine && sum == n * (n - 1) / 2 + n * (int64_t)step, "another sum", step);
    default:
        message(j, step, j->rank, &mine);
        fine = nx_gcol(j->nx, &mine, &all) == NX_OK;
        if (fine)
            fold(j, step, rope_hash(&all));
        rope_fini(&mine);
        rope_fini(&all);
        return job_good(j, fine, "no concatenation", step);
    }
}

static bool step_random(const struct job *j, uint64_t step, uint64_t phase)
{
    if (phase == 0 && !job_pass(j, step))
        return false;
    if ((step + 1) % (uint64_t)j->p->meet == 0 && phase <= 1 && !meet(j, step))
        return false;
    return true;
}

/* ---- jacobi: two grids in turn, rows 0 and rows + 1 are those of the neighbours ---- */

static uint64_t rows_of(const struct job *j)
{
    uint64_t words = (uint64_t)j->p->memory / 16, columns = (uint64_t)j->p->columns;
    return words / columns > 2 ? words / columns - 2 : 1;
}

static uint64_t word(const struct job *j, uint64_t grid, uint64_t row, uint64_t column)
{
    uint64_t columns = (uint64_t)j->p->columns;
    return JOB_BASE + ((grid * (rows_of(j) + 2) + row) * columns + column) * 8;
}

/* Sends a row to one side, and has that of the other side put in its place. */
static bool shift(const struct job *j, uint64_t step, bool up)
{
    uint64_t grid = step % 2, rows = rows_of(j), bytes = (uint64_t)j->p->columns * 8;
    uint32_t to = (j->rank + (up ? j->ranks - 1 : 1)) % j->ranks;
    struct rope out, in;
    uint8_t *row = port_alloc(j->port, bytes);
    bool fine = vm_read(j->space, word(j, grid, up ? 1 : rows, 0), row, bytes);
    rope_init(&out);
    rope_add_bytes(&out, row, bytes);
    os_safe_call(j->node, 4 * step + !up);
    struct nx_info i = nx_csendrecv(j->nx, up, &out, to, up, bytes, &in);
    fine = job_good(j, fine && i.status == NX_OK && in.length == bytes, "no row", step);
    if (fine)
        rope_read(&in, 0, bytes, row);
    fine = fine && vm_write(j->space, word(j, grid, up ? rows + 1 : 0, 0), row, bytes);
    rope_fini(&out);
    rope_fini(&in);
    port_free(j->port, row);
    return fine;
}

static void relax(const struct job *j, uint64_t step)
{
    uint64_t grid = step % 2, rows = rows_of(j), columns = (uint64_t)j->p->columns;
    for (uint64_t r = 1; r <= rows; r++)
        for (uint64_t c = 0; c < columns; c++) {
            uint64_t left = c > 0 ? c - 1 : columns - 1, right = c + 1 < columns ? c + 1 : 0;
            uint64_t sum = vm_load_u64(j->space, word(j, grid, r - 1, c)) / 4 +
                           vm_load_u64(j->space, word(j, grid, r + 1, c)) / 4 +
                           vm_load_u64(j->space, word(j, grid, r, left)) / 4 +
                           vm_load_u64(j->space, word(j, grid, r, right)) / 4;
            vm_store_u64(j->space, word(j, 1 - grid, r, c), sum);
        }
    port_work(j->port, PORT_WORK_FLOP, rows * columns * 4);
}

static bool step_jacobi(const struct job *j, uint64_t step, uint64_t phase)
{
    if (phase == 0 && !shift(j, step, true))
        return false;
    if (phase <= 1 && !shift(j, step, false))
        return false;
    os_safe_point(j->node, 4 * step + 2);
    relax(j, step);
    return true;
}

/* ---- all ---- */

static sim_time work_of(const struct job *j, uint64_t step)
{
    sim_time think = j->p->think;
    return j->p->uneven ? think / 1000 * (sim_time)(job_draw(j, step, j->rank, 4) % 2000) : think;
}

/* In slices, so that others of the node have the CPU meanwhile. */
static void think(const struct job *j, uint64_t step)
{
    sim_time slice = j->p->slice;
    for (sim_time left = work_of(j, step); left > 0; left -= slice) {
        sim_time now = left < slice ? left : slice;
        port_ledger_part(j->port, LEDGER_WORK, now);
        port_compute(j->port, now);
        port_ledger_part(j->port, LEDGER_REST, SIM_NEVER);
        if (left > slice)
            port_thread_sleep(j->port, 1);
    }
    if (j->p->account)
        port_measure(j->port, &measures[M_WORK], sim_time_seconds(work_of(j, step)));
}

/* What a page of the table begins with, from that step on. */
static uint64_t table_word(const struct job *j, uint64_t step, uint64_t page)
{
    bool again = page == 0 && j->p->rewrite > 0 && step >= (uint64_t)j->p->rewrite;
    return job_mix(j->rank * 1000033u + page) + again;
}

static bool use_table(const struct job *j, uint64_t step)
{
    bool same = true;
    if (j->table_pages > 0 && j->p->rewrite > 0 && step == (uint64_t)j->p->rewrite)
        vm_store_u64(j->space, TABLE, table_word(j, step, 0));
    for (uint64_t k = 0; k < j->table_pages; k++)
        same &= vm_load_u64(j->space, TABLE + k * j->page) == table_word(j, step, k);
    return same;
}

/* What is in scratch memory lasts from the beginning of this to its end. */
static bool compute(const struct job *j, uint64_t step)
{
    bool same = true;
    for (uint64_t k = 0; k < j->scratch_pages; k++)
        vm_store_u64(j->space, SCRATCH + k * j->page, job_mix(step + k));
    same &= use_table(j, step);
    job_pattern_write(j, step);
    think(j, step);
    for (uint64_t k = 0; k < j->scratch_pages; k++)
        same &= vm_load_u64(j->space, SCRATCH + k * j->page) == job_mix(step + k);
    return job_good(j, same, "a page of scratch memory or of the table is wrong", step);
}

static void map(const struct job *j, uint64_t base, uint64_t pages)
{
    bool mapped = vm_map(j->space, base, pages * j->page, VM_WRITE, &vm_pager_zero, NULL) != NULL;
    ASSERT(mapped);
}

#define STORES 2 /* memory, table */
#define AREAS 4  /* ASSUMED(what a program has written to a device is on it after three others) */

static uint64_t sectors_of(uint64_t pages, uint64_t page, uint32_t sector)
{
    return pages * ((page + sector - 1) / sector);
}

/* Where these pages go when their frames are needed; NULL: nowhere.  Each time that a program is
 * entered it has a store of its own: what one before has sent there may still be on its way. */
static struct vm_store *store(struct job *j, uint64_t pages)
{
    struct vm *vm = vm_space_vm(j->space);
    uint32_t run = j->ckpt ? ckpt_run(j->ckpt) : 0;
    struct vm_store *s = NULL;
    if (j->p->swap) {
        struct port_blk_info d;
        port_blk_describe(j->port, 0, &d);
        uint64_t all = sectors_of(j->pages + j->table_pages, j->page, d.sector_bytes),
                 n = sectors_of(pages, j->page, d.sector_bytes);
        s = vm_swap_create(vm, 0, run % AREAS * all + j->swapped, n);
        j->swapped += n;
    } else if (!paging_store(j->node, run * STORES + j->stores++, j->page, &j->p->paging, &s)) {
        return NULL;
    }
    return s;
}

static void map_paged(struct job *j, uint64_t base, uint64_t pages)
{
    struct vm_store *s = store(j, pages);
    bool mapped = vm_map(j->space, base, pages * j->page, VM_WRITE,
                         s ? &vm_pager_store : &vm_pager_zero, s) != NULL;
    ASSERT(mapped);
}

/* What checkpoints need not know, and what they must. */
static void tell_ranges(const struct job *j, struct ckpt *c)
{
    uint64_t memory = j->pages * j->page, scratch = j->scratch_pages * j->page,
             table = j->table_pages * j->page;
    if (j->p->named)
        ckpt_only(c, JOB_BASE, memory);
    if (j->p->named && job_has_files(j->p))
        ckpt_only(c, JOB_FILES, job_files_pages(j->p) * j->page);
    if (j->p->named && table > 0)
        ckpt_only(c, TABLE, table);
    if (!j->p->named && scratch > 0)
        ckpt_exclude(c, SCRATCH, scratch);
    if (j->p->named && j->pattern)
        ckpt_only(c, vm_region_base(j->pattern), vm_region_pages(j->pattern) * j->page);
    if (table > 0)
        ckpt_read_only(c, TABLE, table);
}

static void fill(const struct job *j)
{
    for (uint64_t k = 0; k < j->table_pages; k++)
        vm_store_u64(j->space, TABLE + k * j->page, table_word(j, 0, k));
    for (uint64_t k = 0; k < j->pages; k++)
        for (uint64_t w = 0; w < j->page; w += j->p->program == PROGRAM_JACOBI ? 8 : 512)
            vm_store_u64(j->space, JOB_BASE + k * j->page + w,
                         job_mix(j->rank * 1000003u + k + w) >> 8);
}

/* All that is in memory, in 40 bits, so that a sum of 8192 ranks is exact as a double. */
static int64_t number_of(const struct job *j)
{
    uint64_t hash = 0, word;
    for (uint64_t at = 0; at < j->pages * j->page; at += 8) {
        word = vm_load_u64(j->space, JOB_BASE + at);
        hash = (hash ^ word) * 0x100000001b3u + 1;
    }
    return (int64_t)(job_mix(hash + job_pattern_hash(j)) >> 24);
}

static void report(const struct job *j)
{
    sim_time useful = 0;
    for (uint64_t step = 0; step < j->steps; step++)
        useful += work_of(j, step);
    double seconds = sim_time_seconds(useful);
    port_measure(j->port, &measures[M_USEFUL], seconds);
    port_measure(j->port, &measures[M_EFFICIENCY], seconds / sim_time_seconds(port_now(j->port)));
    port_ledger_tell(j->port, LEDGER_WORK, &measures[M_LOST], useful);
    port_ledger_tell(j->port, LEDGER_STOPPED, &measures[M_STOPPED], 0);
    port_ledger_tell(j->port, LEDGER_AWAY, &measures[M_AWAY], 0);
    port_ledger_tell(j->port, LEDGER_REST, &measures[M_REST], 0);
    port_window(j->port, false, j->ranks);
    port_stage(j->port, NULL);
}

static void finish(struct job *j, uint64_t at)
{
    int64_t sum[2] = { number_of(j), 0 };
    bool files = job_has_files(j->p);
    if (files && !job_files_finish(j, at, &sum[1]))
        return;
    os_safe_call(j->node, 4 * j->steps + (files ? 2 : 0));
    if (!job_good(j, nx_gisum(j->nx, sum, files ? 2 : 1) == NX_OK, "the last sum failed", j->steps))
        return;
    struct nx_info left; /* all have received all by now */
    if (nx_iprobe(j->nx, NX_ANY, &left))
        port_fail(j->port, "rank %u: a message of rank %u and type %lld is one too many", j->rank,
                  left.node, (long long)left.type);
    port_measure(j->port, &measures[M_TIME], sim_time_seconds(port_now(j->port)));
    if (j->rank == 0)
        port_measure(j->port, &measures[M_MEMORY], (double)sum[0]);
    if (j->rank == 0 && files)
        port_measure(j->port, &measures[M_FILES], (double)sum[1]);
    if (j->p->account)
        report(j);
}

static bool step_of(struct job *j, uint64_t step, uint64_t phase)
{
    switch (j->p->program) {
    case PROGRAM_JACOBI:
        return step_jacobi(j, step, phase);
    case PROGRAM_MATRIX:
        return job_step_matrix(j, step, phase);
    case PROGRAM_UPDATE:
        return job_step_update(j, step, phase);
    default:
        return step_random(j, step, phase);
    }
}

static void program(struct os_node *node, const struct program *me)
{
    const struct job_params *p = me->params;
    struct job j = { .node = node, .port = me->task, .p = p, .rank = me->rank, .ranks = me->ranks };
    j.seed = (uint64_t)p->seed + me->job;
    j.job = me->job;
    struct ckpt *ckpt = j.ckpt = os_find(node, &ckpt_service);
    struct vm *vm = vm_create(me->task, &p->page);
    j.nx = os_find(node, &nx_service);
    j.space = vm_space_create(vm, "job");
    j.page = (uint64_t)p->page.page;
    j.steps = job_steps(p);
    j.pages = ((uint64_t)p->memory + j.page - 1) / j.page;
    j.scratch_pages = ((uint64_t)p->scratch + j.page - 1) / j.page;
    j.table_pages = ((uint64_t)p->table + j.page - 1) / j.page;
    map_paged(&j, JOB_BASE, j.pages);
    if (j.scratch_pages > 0)
        map(&j, SCRATCH, j.scratch_pages);
    if (j.table_pages > 0)
        map_paged(&j, TABLE, j.table_pages);
    if (job_has_files(p))
        map(&j, JOB_FILES, job_files_pages(p));
    job_pattern_map(&j);
    if (ckpt) {
        ckpt_memory(ckpt, j.space);
        tell_ranges(&j, ckpt);
    }
    if (p->account)
        port_ledger(j.port, (uint64_t)j.job << 32 | j.rank);
    if (p->account)
        port_stage(j.port, &measures[M_THERE]);
    if (p->account && me->resume == 0)
        port_window(j.port, true, j.ranks);
    if (me->resume == 0)
        fill(&j);
    if (job_has_files(p) && !job_files_open(&j, me->resume))
        return;
    uint64_t at = me->resume;
    for (; at / 4 < j.steps; at = (at / 4 + 1) * 4) {
        if (!step_of(&j, at / 4, at % 4) || !compute(&j, at / 4))
            return;
        port_measure(j.port, &measures[M_STEPS], sim_time_seconds(port_now(j.port)));
    }
    finish(&j, at);
}

/* Pages that go somewhere have room there. */
static bool check_paging(const struct job_params *p, uint32_t ranks, const struct os_layout *l,
                         struct err *e)
{
    uint64_t page = (uint64_t)p->page.page, room = 0,
             pages =
                 ((uint64_t)p->memory + page - 1) / page + ((uint64_t)p->table + page - 1) / page;
    if (p->swap && p->paging.backing != PAGING_NONE)
        return err_set(e,
                       "workload.swap is true, and workload.paging.backing is '%s': pages go to "
                       "one of them",
                       paging_backings[p->paging.backing]);
    for (uint32_t i = 0; p->swap && i < l->compute_count; i++) {
        struct os_disk d = os_disk(l, l->compute[i]);
        if (d.sectors == 0 || d.sectors < AREAS * sectors_of(pages, page, d.sector_bytes))
            return err_set(e,
                           "workload.swap needs a device of %u times memory and table on each "
                           "compute node (machine.nodes.compute.storage); node %u has none",
                           AREAS, l->compute[i]);
    }
    if (!paging_check(&p->paging, ranks, page, l, &room, e))
        return false;
    return p->paging.backing == PAGING_NONE || !l->boot || ranks * pages <= room ||
           err_set(e,
                   "workload.memory and table are %llu pages of %u ranks, but the servers have "
                   "room for %llu in all",
                   (unsigned long long)pages, ranks, (unsigned long long)room);
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct job_params *p = params;
    uint32_t ranks = workload_nodes(p->nodes, layout);
    if (!workload_nodes_check(p->nodes, layout, e))
        return false;
    if (p->program == PROGRAM_JACOBI && p->columns * 16 * 3 > p->memory)
        return err_set(e, "workload.memory is %lld bytes, but two grids of three rows need %lld",
                       (long long)p->memory, (long long)p->columns * 16 * 3);
    if (job_has_files(p) && !job_files_check(p, ranks, layout, e))
        return false;
    if (!check_paging(p, ranks, layout, e))
        return false;
    return ranks <= EXACT || err_set(e,
                                     "workload.nodes is %u, but the sum of the memory of more "
                                     "than %d ranks is not exact",
                                     ranks, EXACT);
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    return workload_nodes(((const struct job_params *)params)->nodes, layout);
}

/* The sink's, too. */
static uint32_t files(const void *params, const struct os_layout *layout)
{
    uint32_t ranks = programs(params, layout);
    return ranks + (job_has_files(params) ? job_files_count(params, ranks) : 0);
}

static const struct os_service_ops *const services[] = { &nx_service, NULL };

const struct workload_ops workload_job = {
    .kind = { .name = "job",
              .doc = "Message-passing programs that go on from checkpoints after crashes.",
              .params = job_params,
              .params_size = sizeof(struct job_params) },
    .measures = measures,
    .check = check,
    .programs = programs,
    .files = files,
    .services = services,
    .main = program,
};
