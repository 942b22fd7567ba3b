/* results_internal.h: what the files of the results database share. */
#ifndef SIM_RESULTS_INTERNAL_H
#define SIM_RESULTS_INTERNAL_H

#include <sqlite3.h>

#include "sim/results.h"

enum results_insert {
    INSERT_POINT,
    INSERT_PARAM,
    INSERT_SCALAR,
    INSERT_BIN,
    INSERT_SAMPLE,
    INSERT_BUSY,
    INSERT_REMARK,
    INSERT_COUNT
};

struct results {
    sqlite3 *db;
    char *path;
    bool writing;
    sqlite3_stmt *insert[INSERT_COUNT]; /* prepared at the first use */
    bool in_point;                      /* between point_begin and commit */
    int64_t point, seq;                 /* its id; of the next row that belongs to it */
    struct err failed;                  /* the first failure since point_begin */
};

/* Says in one sentence why a call failed.  Always false. */
bool results_fail(const struct results *r, const char *doing, struct err *e);
/* Runs SQL without results. */
bool results_exec(struct results *r, const char *sql, const char *doing, struct err *e);
/* NULL with a sentence. */
sqlite3_stmt *results_prepare(struct results *r, const char *sql, struct err *e);

#endif
