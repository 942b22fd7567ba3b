/* charisma_draw.c: see charisma.h. */
#include "workloads/io/charisma.h"

#define FOUND "CHARISMA: Nieuwejaar, Kotz, Purakayastha, Ellis, Best 1996, iPSC/860; as recalled"
const struct param charisma_params_desc[] = {
    P_INT(charisma_params, seed, "1", "0", "1000000000", "What the mix is drawn from."),
    P_INT(charisma_params, jobs, "64", "1", "1000000", "Jobs."),
    P_INT(charisma_params, requests, "8", "1", "10000",
          "Requests of each node to each file of its job.",
          "ASSUMED(alike for all, so that files weigh as their requests do)"),
    P_REAL(charisma_params, single, "0.742", "0", "1", "Share of jobs of one node.",
           FOUND ": 2,237 of 3,016 jobs; the others ASSUMED(powers of two, each as likely)"),
    P_INT(charisma_params, files_most, "8", "5", "1000",
          "A job has at most so many files: 1, 2, 3, 4 or more as 71, 15, 24, 120, 240.",
          FOUND "; ASSUMED(from five on each number as likely)"),
    P_REAL(charisma_params, written, "0.7", "0", "1", "Share of files that are only written.",
           "CHARISMA: they dominate; ASSUMED(about three times those that are read)"),
    P_REAL(charisma_params, read, "0.25", "0", "1",
           "Share of files that are only read; the others are written and read.",
           "ASSUMED(files that are both are few)"),
    P_REAL(charisma_params, strided, "0.8", "0", "1",
           "Share of files of several nodes that these access in turn.",
           "CHARISMA: mostly strided; ASSUMED(the number)"),
    P_SIZE(charisma_params, small, "512B", "16B", "2000B",
           "Mean of small requests, drawn from 24 bytes to twice that less 24.",
           "ASSUMED(far below 4,000 bytes)"),
    P_REAL(charisma_params, read_small, "0.961", "0.001", "0.999",
           "Share of reads that are small: of fewer than 4,000 bytes.", FOUND),
    P_REAL(charisma_params, read_small_bytes, "0.02", "0.0001", "0.999",
           "Their share of the bytes read: it says how large the others are.", FOUND),
    P_REAL(charisma_params, write_small, "0.894", "0.001", "0.999",
           "Share of writes that are small.", FOUND),
    P_REAL(charisma_params, write_small_bytes, "0.03", "0.0001", "0.999",
           "Their share of the bytes written.", FOUND),
    P_END,
};

/* A number for each thing that is drawn: the n-th of `what` of that number [SplitMix64]. */
static uint64_t draw(const struct charisma_params *p, uint64_t number, uint64_t what)
{
    uint64_t x = ((uint64_t)p->seed << 40) + number * 16 + what;
    for (int i = 0; i < 2; i++) {
        x += UINT64_C(0x9e3779b97f4a7c15);
        x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
        x ^= x >> 31;
    }
    return x;
}

static double part(uint64_t x) /* below 1 */
{
    return (double)(x >> 11) * 0x1p-53;
}

static uint64_t below(uint64_t x, uint64_t n)
{
    return (uint64_t)((unsigned __int128)x * n >> 64);
}

enum { NODES, POWER, FILES, MANY };                                        /* of a job */
enum { USE = 4, STRIDED, READ_SMALL, READ_SIZE, WRITE_SMALL, WRITE_SIZE }; /* of a file */

static uint32_t nodes_of(const struct charisma_params *p, uint64_t job, uint32_t ranks)
{
    uint32_t powers = 0;
    while (ranks >> (powers + 1) > 0)
        powers++;
    if (powers == 0 || part(draw(p, job, NODES)) < p->single)
        return 1;
    return 2u << below(draw(p, job, POWER), powers);
}

static uint32_t files_of(const struct charisma_params *p, uint64_t job)
{
    static const uint32_t jobs[] = { 71, 15, 24, 120, 240 };
    uint64_t x = below(draw(p, job, FILES), 71 + 15 + 24 + 120 + 240);
    for (uint32_t i = 0; i < 4; i++) {
        if (x < jobs[i])
            return i + 1;
        x -= jobs[i];
    }
    return 5 + (uint32_t)below(draw(p, job, MANY), (uint64_t)p->files_most - 4);
}

struct charisma_walk charisma_walk(const struct charisma_params *p, uint32_t ranks)
{
    return (struct charisma_walk){ .p = p, .ranks = ranks, .job = { .number = UINT64_MAX } };
}

bool charisma_next(struct charisma_walk *w)
{
    struct charisma_job *j = &w->job;
    j->number++;
    j->file += j->files;
    if (j->number >= (uint64_t)w->p->jobs)
        return false;
    j->nodes = nodes_of(w->p, j->number, w->ranks);
    j->files = files_of(w->p, j->number);
    if (w->at + j->nodes > w->ranks)
        w->at = 0;
    j->first = w->at;
    w->at += j->nodes;
    return true;
}

/* Bytes of a request.  The mean m of the large ones follows from s and b, the shares of the small
 * ones, of mean l, by number and by bytes: (1 - s) m / (s l) = (1 - b) / b. */
static uint64_t size_of(const struct charisma_params *p, uint64_t file, bool write)
{
    double s = write ? p->write_small : p->read_small;
    double b = write ? p->write_small_bytes : p->read_small_bytes;
    uint64_t x = draw(p, file, write ? WRITE_SIZE : READ_SIZE), least = 24;
    if (part(draw(p, file, write ? WRITE_SMALL : READ_SMALL)) < s) {
        uint64_t mean = (uint64_t)p->small;
        return mean <= least ? mean : least + below(x, 2 * (mean - least) + 1);
    }
    uint64_t mean = (uint64_t)((double)p->small * s / (1 - s) * (1 - b) / b);
    return mean / 2 + below(x, mean + 1);
}

struct charisma_file charisma_file(const struct charisma_params *p, const struct charisma_job *j,
                                   uint32_t k)
{
    uint64_t number = j->file + k, most;
    double use = part(draw(p, number, USE));
    struct charisma_file f = { .requests = (uint64_t)p->requests };
    f.use = use < p->written             ? CHARISMA_WRITTEN
            : use < p->written + p->read ? CHARISMA_READ
                                         : CHARISMA_BOTH;
    f.strided = j->nodes > 1 && part(draw(p, number, STRIDED)) < p->strided;
    f.write = f.use != CHARISMA_READ ? size_of(p, number, true) : 0;
    f.read = f.use != CHARISMA_WRITTEN ? size_of(p, number, false) : 0;
    most = f.write > f.read ? f.write : f.read;
    f.bytes = most * f.requests * j->nodes;
    return f;
}

uint64_t charisma_place(const struct charisma_file *f, const struct charisma_job *j, uint64_t size,
                        uint32_t i, uint64_t k)
{
    return f->strided ? (k * j->nodes + i) * size : (i * f->requests + k) * size;
}
