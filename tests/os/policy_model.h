/* policy_model.h: replacement policies as their papers say them, with arrays that are searched from
 * end to end: what os/file/policy.h is compared with, request by request. */
#ifndef TESTS_OS_POLICY_MODEL_H
#define TESTS_OS_POLICY_MODEL_H

#include "sim/base/base.h"

enum { MODEL_MOST = 512, MODEL_FILES = 8 };

/* A row of blocks, numbers of which file * MODEL_FILE + index; the oldest first. */
#define MODEL_FILE UINT64_C(1000000)
struct model_row {
    uint64_t at[2 * MODEL_MOST];
    uint32_t count;
};

struct policy_model {
    const char *policy;
    uint32_t most;
    struct model_row row, again, gone, gone_again; /* lru ...; A1in, Am, A1out; T1, T2, B1, B2 */
    bool referenced[2 * MODEL_MOST];               /* clock: of row, beside it */
    uint32_t in, out, target;
    /* application */
    uint32_t program[MODEL_FILES], priority[MODEL_FILES];
    bool hints[MODEL_FILES], last_first[MODEL_FILES][8]; /* by program */
    struct model_row level[MODEL_FILES][8];
    struct model_row places, stands; /* who is gone, who stands in its place */
};

void policy_model_init(struct policy_model *m, const char *policy, uint32_t most);
bool policy_model_use(struct policy_model *m, uint64_t block); /* true: it was there */
uint32_t policy_model_count(const struct policy_model *m);
/* The hints; all: of the file, from now on. */
void policy_model_priority(struct policy_model *m, uint32_t file, uint64_t from, uint64_t to,
                           bool all, uint32_t priority);
void policy_model_order(struct policy_model *m, uint32_t file, uint32_t priority, bool last_first);
void policy_model_program(struct policy_model *m, uint32_t file, uint32_t program);

#endif
