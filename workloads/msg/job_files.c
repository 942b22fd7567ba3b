/* job_files.c: programs whose state is in files, too.
 *
 *   matrix  C = A B, out of files that all ranks share.  Each rank writes its rows of A and B, and
 *           zeros for those of C.  Then each step takes `strip` columns of A and rows of B, and
 *           adds
 *           their product to this rank's rows of C, which it reads and writes.  Words are integers
 *           modulo 2^64, and a closed form says what C is.
 *           With `late` all open C when A and B are there, in the midst of the run.
 *   update  each step, after a message, a rank reads a block of its part of a file, writes another
 *           in its place, made of what it has read, and has a safe point while that write is under
 *           way; appends a record to a file in mode M_RECORD and one to a file with a shared
 *           pointer, where the system has them; and each `meet` steps it ends a file of its own,
 *           begins the next (which must not be there), changes the one before and cuts it.  What is
 *           to be in each block stands in memory, which is part of the checkpoint: every read is
 *           compared with that.
 *           With `together` a step ends, instead, with a request of all ranks together: the first
 *           of four writes a record of each rank, of its own length, in mode M_SYNC, the second one
 *           record of all in mode M_GLOBAL, the third seeks back to it and the last reads it.
 *
 * A restart that left a file as it was would add a product twice, find a block that memory does not
 * know, or append a record twice.
 */
#include <stdio.h>

#include "os/xk/msg.h" /* wire_put / wire_get */
#include "workloads/msg/job.h"

enum { RECORD = 96 }; /* ASSUMED(a short record) */
enum { FILE_U, FILE_R, FILE_L, FILE_T, FILE_S, FILE_G };

struct job_files {
    struct pio *sys;
    struct pio_file *a, *b, *c; /* matrix */
    struct pio_file *u, *r, *l, *t, *s, *g;
    bool shared;      /* all ranks have parts of u */
    int records, log; /* modes; PIO_PLAIN: none */
    uint64_t blocks;
    struct pio_req write;
    struct file_run run;
    bool writing;
};

static const struct pio_ops *system_of(const struct job_params *p)
{
    return kind_at(&pio_systems, p->system);
}

/* The mode whose pointer is each rank's own, in lock step, or one of all; PIO_PLAIN: there is
 * none. */
static int mode_with(const struct pio_ops *ops, unsigned traits)
{
    for (int i = 0; ops->modes != NULL && ops->modes->items[i] != NULL; i++)
        if (ops->mode(i) == traits)
            return i;
    return PIO_PLAIN;
}

uint64_t job_steps(const struct job_params *p)
{
    return p->program == PROGRAM_MATRIX ? 1 + (uint64_t)(p->order / p->strip) : (uint64_t)p->steps;
}

static uint64_t blocks_of(const struct job_params *p)
{
    return (uint64_t)p->file / (uint64_t)p->block;
}

uint64_t job_files_pages(const struct job_params *p)
{
    return (8 * (blocks_of(p) + 1) + (uint64_t)p->page.page - 1) / (uint64_t)p->page.page;
}

uint32_t job_files_count(const struct job_params *p, uint32_t ranks)
{
    uint32_t own = 1 + (uint32_t)(p->steps / p->meet);
    return pio_file_count(system_of(p),
                          p->program == PROGRAM_MATRIX ? 3 : (p->together ? 4u : 2u) + ranks * own);
}

bool job_files_check(const struct job_params *p, uint32_t ranks, const struct os_layout *l,
                     struct err *e)
{
    const struct pio_ops *ops = system_of(p);
    uint64_t order = (uint64_t)p->order, size = (uint64_t)p->file;
    bool matrix = p->program == PROGRAM_MATRIX;
    for (const struct os_service_ops *const *s = ops->services; s != NULL && *s != NULL; s++)
        if (!os_served(l, *s, "compute"))
            return err_set(
                e,
                "workload.system is '%s', which needs service '%s' on the compute nodes, "
                "but machine.os boots none",
                ops->kind.name, (*s)->kind.name);
    if (p->together && (matrix || p->steps % 4 != 0 || !(ops->traits & PIO_RETURN)))
        return err_set(e,
                       "workload.together is for program 'update', steps that are a multiple of 4, "
                       "and workload.system = 'pfs'");
    if (matrix && (order % ranks != 0 || p->order % p->strip != 0))
        return err_set(e,
                       "workload.order is %lld, which is not a multiple of %u ranks and of "
                       "workload.strip, %lld",
                       (long long)p->order, ranks, (long long)p->strip);
    if (!matrix && (p->block > p->file || p->steps % p->meet != 0))
        return err_set(
            e,
            "workload.block is %lld and workload.file %lld, workload.meet %lld and "
            "workload.steps %lld: a file has a block at least, and steps are whole times "
            "of meetings",
            (long long)p->block, (long long)p->file, (long long)p->meet, (long long)p->steps);
    const struct pio_plan plan = {
        .path = "workload",
        .can = ckpt_takes_files(l) ? PIO_CAN(PIO_CHECKPOINT) | PIO_CAN(PIO_ROLLBACK) : 0,
        .traits = matrix || ops->modes != NULL ? PIO_SHARED : 0,
        .size = matrix ? order * order * 8 : size * (ops->modes != NULL ? ranks : 1),
        .files = job_files_count(p, ranks),
        .ranks = ranks
    };
    return pio_check(ops, l, &plan, e);
}

/* ---- requests ---- */

/* False after port_fail.  What a server has lost sends the job back: then it does not return. */
static bool done(const struct job *j, enum pio_status s, uint64_t step)
{
    if (pio_is_lost(s))
        ckpt_again(j->ckpt, j->port);
    return job_good(j, s == PIO_OK, pio_status_name(s), step);
}

/* Jobs that take turns have files of their own. */
static bool opened(const struct job *j, const char *name, unsigned flags, bool all, int mode,
                   struct pio_file **f)
{
    char whole[48];
    (void)snprintf(whole, sizeof whole, j->job > 0 ? "%s.job%u" : "%s", name, j->job);
    const struct pio_open o = { .name = whole,
                                .flags = flags,
                                .rank = all ? j->rank : 0,
                                .ranks = all ? j->ranks : 1,
                                .mode = mode };
    return done(j, ckpt_open(j->ckpt, j->files->sys, &o, f), 0);
}

static bool closed(const struct job *j, struct pio_file **f)
{
    enum pio_status s = *f != NULL ? ckpt_close(j->ckpt, *f) : PIO_OK;
    *f = NULL;
    return done(j, s, j->steps);
}

/* `count` pieces of `len` bytes; read: into data, which is initialised here, of so many bytes. */
static bool move(const struct job *j, struct pio_file *f, enum pio_op op, struct file_run run,
                 struct rope *data, uint64_t step)
{
    struct pio_req q;
    pio_req_init(&q, op, f);
    q.runs = &run;
    q.run_count = 1;
    if (op == PIO_WRITE)
        rope_move(&q.data, data);
    else
        rope_init(data);
    pio_submit(&q);
    bool fine = done(j, pio_wait(&q), step) &&
                job_good(j, q.moved == run.len * run.count, "a file is too short", step);
    if (op == PIO_READ)
        rope_join(data, &q.data);
    rope_fini(&q.data);
    return fine;
}

static struct file_run piece(uint64_t off, uint64_t len)
{
    return (struct file_run){ .off = off, .len = len, .count = 1 };
}

static bool put_pattern(const struct job *j, struct pio_file *f, uint64_t off, uint64_t len,
                        uint64_t seed, uint64_t step)
{
    struct rope data;
    rope_init(&data);
    rope_add_pattern(&data, seed, 0, len);
    bool fine = move(j, f, PIO_WRITE, piece(off, len), &data, step);
    rope_fini(&data);
    return fine;
}

/* Read, and compared with a pattern; its hash. */
static bool get_pattern(const struct job *j, struct pio_file *f, uint64_t off, uint64_t len,
                        uint64_t seed, uint64_t step, uint64_t *hash)
{
    struct rope data, want;
    rope_init(&want);
    rope_add_pattern(&want, seed, 0, len);
    bool fine = move(j, f, PIO_READ, piece(off, len), &data, step) &&
                job_good(j, rope_equal(&data, &want), "a file has other bytes", step);
    *hash = rope_hash(&data);
    rope_fini(&data);
    rope_fini(&want);
    return fine;
}

static bool size_is(const struct job *j, struct pio_file *f, uint64_t size)
{
    struct pio_control q = { .what = PIO_GET_SIZE };
    return done(j, pio_control(f->sys, f, &q), j->steps) &&
           job_good(j, q.value == size, "a file has another size", j->steps);
}

/* ---- matrix ---- */

static uint64_t rows_of(const struct job *j)
{
    return (uint64_t)j->p->order / j->ranks;
}

static uint64_t a_word(uint64_t i, uint64_t k)
{
    return (i + 1) * (k + 2) + k;
}

static uint64_t b_word(uint64_t k, uint64_t c)
{
    return 5 * k + c * c + 1;
}

/* The sum over k of a_word(i, k) b_word(k, c), where a_word is k (i + 2) + 2 (i + 1). */
static uint64_t c_word(uint64_t i, uint64_t c, uint64_t n)
{
    uint64_t s1 = n * (n - 1) / 2, s2 = (n - 1) * n * (2 * n - 1) / 6, d = c * c + 1;
    return 5 * (i + 2) * s2 + (i + 2) * d * s1 + 10 * (i + 1) * s1 + 2 * (i + 1) * d * n;
}

static uint64_t zero_word(uint64_t i, uint64_t c)
{
    (void)i, (void)c;
    return 0;
}

/* Rows of a matrix of this rank. */
static bool put_rows(const struct job *j, struct pio_file *f,
                     uint64_t (*word)(uint64_t row, uint64_t column))
{
    uint64_t n = (uint64_t)j->p->order, first = j->rank * rows_of(j);
    uint8_t *bytes = port_alloc(j->port, n * 8);
    bool fine = true;
    for (uint64_t row = first; fine && row < first + rows_of(j); row++) {
        struct rope data;
        for (uint64_t k = 0; k < n; k++)
            wire_put64(bytes + 8 * k, word(row, k));
        rope_init(&data);
        rope_add_bytes(&data, bytes, n * 8);
        fine = move(j, f, PIO_WRITE, piece(row * n * 8, n * 8), &data, 0);
        rope_fini(&data);
    }
    port_free(j->port, bytes);
    return fine;
}

/* Into words, `len` of them a piece. */
static bool get_words(const struct job *j, struct pio_file *f, struct file_run run, uint8_t *bytes,
                      uint64_t step)
{
    struct rope data;
    bool fine = move(j, f, PIO_READ, run, &data, step);
    if (fine)
        rope_read(&data, 0, run.len * run.count, bytes);
    rope_fini(&data);
    return fine;
}

/* C's rows, to which the product of A's columns and B's rows is added. */
static void multiply(const struct job *j, const uint8_t *a, const uint8_t *b, uint8_t *c)
{
    uint64_t n = (uint64_t)j->p->order, w = (uint64_t)j->p->strip, rows = rows_of(j);
    for (uint64_t i = 0; i < rows; i++)
        for (uint64_t x = 0; x < n; x++) {
            uint64_t sum = wire_get64(c + 8 * (i * n + x));
            for (uint64_t k = 0; k < w; k++)
                sum += wire_get64(a + 8 * (i * w + k)) * wire_get64(b + 8 * (k * n + x));
            wire_put64(c + 8 * (i * n + x), sum);
        }
    port_work(j->port, PORT_WORK_FLOP, rows * n * w * 2);
}

static bool strip(const struct job *j, uint64_t step)
{
    struct job_files *f = j->files;
    uint64_t n = (uint64_t)j->p->order, w = (uint64_t)j->p->strip, rows = rows_of(j);
    uint64_t k = (step - 1) * w, first = j->rank * rows;
    struct file_run columns = {
        .off = (first * n + k) * 8, .len = w * 8, .stride = n * 8, .count = rows
    };
    uint8_t *a = port_alloc(j->port, (rows * w + w * n + rows * n) * 8), *b = a + rows * w * 8,
            *c = b + w * n * 8;
    bool fine = get_words(j, f->a, columns, a, step) &&
                get_words(j, f->b, piece(k * n * 8, w * n * 8), b, step) &&
                get_words(j, f->c, piece(first * n * 8, rows * n * 8), c, step);
    if (fine) {
        struct rope data;
        multiply(j, a, b, c);
        rope_init(&data);
        rope_add_bytes(&data, c, rows * n * 8);
        vm_store_u64(j->space, JOB_BASE,
                     job_mix(vm_load_u64(j->space, JOB_BASE) + rope_hash(&data)));
        fine = move(j, f->c, PIO_WRITE, piece(first * n * 8, rows * n * 8), &data, step);
        rope_fini(&data);
    }
    port_free(j->port, a);
    return fine;
}

bool job_step_matrix(struct job *j, uint64_t step, uint64_t phase)
{
    struct job_files *f = j->files;
    bool late = j->p->late;
    if (step == 0 && phase == 0 &&
        !(put_rows(j, f->a, a_word) && put_rows(j, f->b, b_word) &&
          (late || put_rows(j, f->c, zero_word))))
        return false;
    if (step == 0 && phase <= 1) { /* all of B is there */
        os_safe_call(j->node, 1);
        if (!job_good(j, nx_gsync(j->nx) == NX_OK, "no barrier", step))
            return false;
    }
    if (step == 0 && late)
        os_safe_call(j->node, 2);
    if (step == 0)
        return !late || (opened(j, "c", PIO_O_CREATE, true, PIO_PLAIN, &f->c) &&
                         put_rows(j, f->c, zero_word));
    if (phase == 0 && !strip(j, step))
        return false;
    os_safe_point(j->node, 4 * step + 1);
    return true;
}

static bool check_matrix(const struct job *j, uint64_t *number)
{
    static const char *const names[] = { "a", "b", "c" };
    uint64_t n = (uint64_t)j->p->order, first = j->rank * rows_of(j);
    uint8_t *bytes = port_alloc(j->port, n * 8);
    bool fine = true;
    for (int m = 0; fine && m < 3; m++) {
        struct pio_file *f = NULL;
        fine =
            opened(j, names[m], PIO_O_READ_ONLY, false, PIO_PLAIN, &f) && size_is(j, f, n * n * 8);
        for (uint64_t row = first; fine && row < first + rows_of(j); row++) {
            fine = get_words(j, f, piece(row * n * 8, n * 8), bytes, j->steps);
            for (uint64_t x = 0; fine && x < n; x++) {
                uint64_t is = wire_get64(bytes + 8 * x);
                uint64_t want = m == 0   ? a_word(row, x)
                                : m == 1 ? b_word(row, x)
                                         : c_word(row, x, n);
                fine = job_good(j, is == want, "an element of a matrix is wrong", j->steps);
                *number = job_mix(*number + is);
            }
        }
        fine = fine && closed(j, &f);
    }
    port_free(j->port, bytes);
    return fine;
}

/* ---- update ---- */

static void name_t(const struct job *j, uint64_t k, char name[32])
{
    (void)snprintf(name, 32, "t.%u.%u", j->rank, (uint32_t)k);
}

static void name_u(const struct job *j, char name[32])
{
    (void)snprintf(name, 32, j->files->shared ? "u" : "u.%u", j->rank);
}

static uint64_t seed_of(const struct job *j, int file, uint64_t a, uint64_t b)
{
    return job_mix(job_mix(job_mix((uint64_t)file * 1000003u + j->rank) + a) + b) >> 8;
}

static uint64_t block_at(const struct job *j, uint64_t b)
{
    return ((j->files->shared ? j->rank * j->files->blocks : 0) + b) * (uint64_t)j->p->block;
}

static bool ended_write(struct job *j, uint64_t step)
{
    struct job_files *f = j->files;
    bool fine = !f->writing || done(j, pio_wait(&f->write), step);
    f->writing = false;
    return fine;
}

/* Reads a block, and starts to write what is made of it; memory knows of it. */
static bool change(struct job *j, uint64_t step)
{
    struct job_files *f = j->files;
    uint64_t b = job_draw(j, step, j->rank, 5) % f->blocks, len = (uint64_t)j->p->block;
    uint64_t was = vm_load_u64(j->space, JOB_FILES + 8 * b), hash;
    if (!get_pattern(j, f->u, block_at(j, b), len, was, step, &hash))
        return false;
    uint64_t next = job_mix(was + hash + step) >> 8;
    vm_store_u64(j->space, JOB_FILES + 8 * b, next);
    pio_req_init(&f->write, PIO_WRITE, f->u);
    f->run = piece(block_at(j, b), len);
    f->write.runs = &f->run;
    f->write.run_count = 1;
    rope_add_pattern(&f->write.data, next, 0, len);
    f->writing = true;
    pio_submit(&f->write);
    return true;
}

static bool append(struct job *j, uint64_t step)
{
    struct job_files *f = j->files;
    return (f->r == NULL || put_pattern(j, f->r, 0, RECORD, seed_of(j, FILE_R, step, 0), step)) &&
           (f->l == NULL || put_pattern(j, f->l, 0, RECORD, seed_of(j, FILE_L, step, 0), step));
}

/* File k has a block of each step from its beginning to that of the next; when the one behind the
 * next begins, its first block is another, and half a block is cut off. */
static bool again(struct job *j, uint64_t k, uint64_t step)
{
    struct pio_file *t = NULL;
    uint64_t len = (uint64_t)j->p->block, hash;
    char name[32];
    name_t(j, k, name);
    return opened(j, name, 0, false, PIO_PLAIN, &t) &&
           get_pattern(j, t, 0, len, seed_of(j, FILE_T, k, 0), step, &hash) &&
           put_pattern(j, t, 0, len, seed_of(j, FILE_T, k, hash), step) &&
           done(j, pio_set_size(t, (uint64_t)j->p->meet * len - len / 2), step) && closed(j, &t);
}

static bool open_t(struct job *j, uint64_t k)
{
    char name[32];
    name_t(j, k, name);
    return opened(j, name, PIO_O_CREATE | PIO_O_EXCL, false, PIO_PLAIN, &j->files->t);
}

static bool own_files(struct job *j, uint64_t step)
{
    uint64_t meet = (uint64_t)j->p->meet, len = (uint64_t)j->p->block, k = (step + 1) / meet;
    bool turn = (step + 1) % meet == 0, fine = true;
    if (turn && k >= 2)
        fine = closed(j, &j->files->t);
    if (turn && k >= 3)
        fine = fine && again(j, k - 3, step);
    if (turn)
        fine = fine && open_t(j, k - 1);
    if (k == 0 || !fine)
        return fine;
    uint64_t at = (step + 1) % meet;
    return put_pattern(j, j->files->t, at * len, len, seed_of(j, FILE_T, k - 1, at), step);
}

/* In M_SYNC a rank's records have a length of its own. */
static uint64_t sync_bytes(uint32_t rank)
{
    return RECORD + 8 * (uint64_t)rank;
}

/* The record of all that a step writes: as of rank 0. */
static uint64_t seed_g(const struct job *j, uint64_t step)
{
    struct job first = *j;
    first.rank = 0;
    return seed_of(&first, FILE_G, step, 0);
}

static bool together(struct job *j, uint64_t step)
{
    struct job_files *f = j->files;
    struct pio_req q;
    struct pio_control seek = { .what = PIO_SEEK, .value = step / 4 * RECORD };
    const struct file_run run = piece(0, step % 4 == 0 ? sync_bytes(j->rank) : RECORD);
    struct rope want;
    os_safe_call(j->node, 4 * step + 3);
    pio_req_init(&q,
                 step % 4 == 2   ? PIO_CONTROL
                 : step % 4 == 3 ? PIO_READ
                                 : PIO_WRITE,
                 step % 4 == 0 ? f->s : f->g);
    q.runs = &run;
    q.run_count = 1;
    q.control = &seek;
    rope_init(&want);
    rope_add_pattern(&want, seed_g(j, step / 4), 0, RECORD);
    if (step % 4 == 0)
        rope_add_pattern(&q.data, seed_of(j, FILE_S, step, 0), 0, run.len);
    else if (step % 4 == 1)
        rope_add_slice(&q.data, &want, 0, RECORD);
    bool fine = done(j, ckpt_together(j->ckpt, &q), step);
    if (step % 4 == 3)
        fine = fine && job_good(j, rope_equal(&q.data, &want), "a record of all is wrong", step);
    rope_fini(&q.data);
    rope_fini(&want);
    return fine;
}

bool job_step_update(struct job *j, uint64_t step, uint64_t phase)
{
    if (phase == 0) {
        if (!job_pass(j, step) || !change(j, step))
            return false;
        os_safe_point(j->node, 4 * step + 1);
    }
    if (!ended_write(j, step))
        return false;
    if (phase <= 1) {
        if (!append(j, step))
            return false;
        os_safe_point(j->node, 4 * step + 2);
    }
    if (phase <= 2) {
        if (!own_files(j, step))
            return false;
        os_safe_point(j->node, 4 * step + 3);
    }
    if (j->p->together)
        return together(j, step);
    if ((step + 1) % (uint64_t)j->p->meet != 0)
        return true;
    os_safe_call(j->node, 4 * step + 3);
    return job_good(j, nx_gsync(j->nx) == NX_OK, "no barrier", step);
}

static bool check_u(const struct job *j, uint64_t *number)
{
    struct pio_file *f = NULL;
    char name[32];
    uint64_t blocks = j->files->blocks, len = (uint64_t)j->p->block, hash;
    name_u(j, name);
    bool fine = opened(j, name, PIO_O_READ_ONLY, false, PIO_PLAIN, &f) &&
                size_is(j, f, blocks * len * (j->files->shared ? j->ranks : 1));
    for (uint64_t b = 0; fine && b < blocks; b++) {
        uint64_t seed = vm_load_u64(j->space, JOB_FILES + 8 * b);
        fine = get_pattern(j, f, block_at(j, b), len, seed, j->steps, &hash);
        *number = job_mix(*number + hash);
    }
    return fine && closed(j, &f);
}

/* Record k of rank r is record k * ranks + r. */
static bool check_r(const struct job *j, uint64_t *number)
{
    struct pio_file *f = NULL;
    uint64_t hash;
    bool fine = opened(j, "r", PIO_O_READ_ONLY, false, PIO_PLAIN, &f) &&
                size_is(j, f, j->steps * j->ranks * RECORD);
    for (uint64_t k = 0; fine && k < j->steps; k++) {
        fine = get_pattern(j, f, (k * j->ranks + j->rank) * RECORD, RECORD,
                           seed_of(j, FILE_R, k, 0), j->steps, &hash);
        *number = job_mix(*number + hash);
    }
    return fine && closed(j, &f);
}

/* Each record of each rank once, in any order. */
static bool check_l(struct job *j, uint64_t *number)
{
    struct pio_file *f = NULL;
    uint64_t all = j->steps * j->ranks, sum = 0, want = 0;
    bool fine =
        opened(j, "l", PIO_O_READ_ONLY, false, PIO_PLAIN, &f) && size_is(j, f, all * RECORD);
    struct job other = *j;
    for (uint64_t k = 0; fine && k < all; k++) {
        struct rope data;
        other.rank = (uint32_t)(k % j->ranks);
        fine = move(j, f, PIO_READ, piece(k * RECORD, RECORD), &data, j->steps);
        sum += job_mix(rope_hash(&data));
        rope_truncate(&data, 0);
        rope_add_pattern(&data, seed_of(&other, FILE_L, k / j->ranks, 0), 0, RECORD);
        want += job_mix(rope_hash(&data));
        rope_fini(&data);
    }
    *number = job_mix(*number + sum);
    return fine && job_good(j, sum == want, "the log has other records", j->steps) && closed(j, &f);
}

static bool check_t(const struct job *j, uint64_t k, uint64_t *number)
{
    uint64_t meet = (uint64_t)j->p->meet, len = (uint64_t)j->p->block, files = j->steps / meet;
    bool last = k + 1 == files, changed = k + 3 <= files;
    uint64_t size = (last ? 1 : meet) * len - (changed ? len / 2 : 0), hash = 0;
    struct pio_file *f = NULL;
    char name[32];
    name_t(j, k, name);
    bool fine = opened(j, name, PIO_O_READ_ONLY, false, PIO_PLAIN, &f) && size_is(j, f, size);
    for (uint64_t at = 0; fine && at * len < size; at++) {
        uint64_t left = size - at * len, seed = seed_of(j, FILE_T, k, at);
        if (at == 0 && changed) {
            struct rope old;
            rope_init(&old);
            rope_add_pattern(&old, seed, 0, len);
            seed = seed_of(j, FILE_T, k, rope_hash(&old));
            rope_fini(&old);
        }
        fine = get_pattern(j, f, at * len, left < len ? left : len, seed, j->steps, &hash);
        *number = job_mix(*number + hash);
    }
    return fine && closed(j, &f);
}

/* Of each round of s all ranks' records in their order; g has one a round. */
static bool check_together(const struct job *j, uint64_t *number)
{
    struct pio_file *f = NULL;
    uint64_t rounds = j->steps / 4, at = 0, hash;
    bool fine = opened(j, "s", PIO_O_READ_ONLY, false, PIO_PLAIN, &f);
    for (uint64_t k = 0; fine && k < rounds * j->ranks; k++) {
        struct job other = *j;
        other.rank = (uint32_t)(k % j->ranks);
        uint64_t len = sync_bytes(other.rank);
        fine = get_pattern(j, f, at, len, seed_of(&other, FILE_S, 4 * (k / j->ranks), 0), j->steps,
                           &hash);
        at += len;
        *number = job_mix(*number + hash);
    }
    fine = fine && size_is(j, f, at) && closed(j, &f) &&
           opened(j, "g", PIO_O_READ_ONLY, false, PIO_PLAIN, &f) && size_is(j, f, rounds * RECORD);
    for (uint64_t k = 0; fine && k < rounds; k++) {
        fine = get_pattern(j, f, k * RECORD, RECORD, seed_g(j, k), j->steps, &hash);
        *number = job_mix(*number + hash);
    }
    return fine && closed(j, &f);
}

static bool check_update(struct job *j, uint64_t *number)
{
    struct job_files *f = j->files;
    bool fine = check_u(j, number) && (f->records == PIO_PLAIN || check_r(j, number)) &&
                (f->log == PIO_PLAIN || j->rank > 0 || check_l(j, number)) &&
                (!j->p->together || check_together(j, number));
    for (uint64_t k = 0; fine && k < j->steps / (uint64_t)j->p->meet; k++)
        fine = check_t(j, k, number);
    return fine;
}

/* ---- both ---- */

static int together_with(const struct pio_ops *ops, unsigned same)
{
    return mode_with(ops, same ? PIO_MODE_TOGETHER | same : PIO_MODE_TOGETHER | PIO_MODE_RANKS);
}

/* What is in the file at the start, and memory knows of it. */
static bool fill_u(struct job *j)
{
    bool fine = true;
    for (uint64_t b = 0; fine && b < j->files->blocks; b++) {
        uint64_t seed = seed_of(j, FILE_U, b, 0);
        vm_store_u64(j->space, JOB_FILES + 8 * b, seed);
        fine = put_pattern(j, j->files->u, block_at(j, b), (uint64_t)j->p->block, seed, 0);
    }
    return fine;
}

static bool open_update(struct job *j, uint64_t resume)
{
    struct job_files *f = j->files;
    uint64_t meet = (uint64_t)j->p->meet, step = resume / 4;
    uint64_t begun = step / meet + ((step + 1) % meet == 0 && resume % 4 == 3);
    char name[32];
    name_u(j, name);
    return opened(j, name, PIO_O_CREATE, f->shared, PIO_PLAIN, &f->u) &&
           (f->records == PIO_PLAIN || opened(j, "r", PIO_O_CREATE, true, f->records, &f->r)) &&
           (f->log == PIO_PLAIN || opened(j, "l", PIO_O_CREATE, true, f->log, &f->l)) &&
           (!j->p->together ||
            (opened(j, "s", PIO_O_CREATE, true, together_with(f->sys->ops, 0), &f->s) &&
             opened(j, "g", PIO_O_CREATE, true, together_with(f->sys->ops, PIO_MODE_SAME),
                    &f->g))) &&
           (begun == 0 || open_t(j, begun - 1)) && (resume > 0 || fill_u(j));
}

bool job_files_open(struct job *j, uint64_t resume)
{
    const struct pio_ops *ops = system_of(j->p);
    struct job_files *f = j->files = port_alloc(j->port, sizeof *f);
    f->sys = pio_find(ops, j->node);
    f->shared = ops->modes != NULL;
    f->records = mode_with(ops, PIO_MODE_RANKS);
    f->log = mode_with(ops, 0);
    f->blocks = blocks_of(j->p);
    ckpt_files(j->ckpt, f->sys);
    if (resume > 4 * j->steps)
        return true; /* they are closed by then */
    if (j->p->program == PROGRAM_UPDATE)
        return open_update(j, resume);
    return opened(j, "a", PIO_O_CREATE, true, PIO_PLAIN, &f->a) &&
           opened(j, "b", PIO_O_CREATE, true, PIO_PLAIN, &f->b) &&
           ((j->p->late && resume <= 2) || opened(j, "c", PIO_O_CREATE, true, PIO_PLAIN, &f->c));
}

bool job_files_finish(struct job *j, uint64_t at, int64_t *number)
{
    struct job_files *f = j->files;
    uint64_t hash = 0;
    if (at <= 4 * j->steps && !(closed(j, &f->a) && closed(j, &f->b) && closed(j, &f->c) &&
                                closed(j, &f->u) && closed(j, &f->r) && closed(j, &f->l) &&
                                closed(j, &f->t) && closed(j, &f->s) && closed(j, &f->g)))
        return false;
    if (at <= 4 * j->steps + 1) { /* all have written all */
        os_safe_call(j->node, 4 * j->steps + 1);
        if (!job_good(j, nx_gsync(j->nx) == NX_OK, "no barrier", j->steps))
            return false;
    }
    bool fine = j->p->program == PROGRAM_MATRIX ? check_matrix(j, &hash) : check_update(j, &hash);
    *number = (int64_t)(job_mix(hash) >> 24);
    return fine;
}
