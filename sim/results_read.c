/* results_read.c: walks over what a results file holds.
 *
 * Nothing of the file is trusted: a missing text reads as "", a missing number as NAN.
 */
#include <math.h>

#include "sim/results_internal.h"

static const char *text(sqlite3_stmt *s, int column)
{
    const unsigned char *t = sqlite3_column_text(s, column);
    return t != NULL ? (const char *)t : "";
}

static double number(sqlite3_stmt *s, int column)
{
    return sqlite3_column_type(s, column) == SQLITE_NULL ? NAN : sqlite3_column_double(s, column);
}

/* Steps to the next row; at the end, or when reading fails, frees the statement and sets *ok. */
static bool next(struct results *r, sqlite3_stmt *s, bool *ok, struct err *e)
{
    int rc = sqlite3_step(s);
    if (rc == SQLITE_ROW)
        return true;
    *ok = rc == SQLITE_DONE || results_fail(r, "read", e);
    sqlite3_finalize(s);
    return false;
}

bool results_each_experiment(struct results *r,
                             void (*fn)(void *arg, const struct results_experiment *x), void *arg,
                             struct err *e)
{
    sqlite3_stmt *s = results_prepare(r,
                                      "SELECT id, name, title, config_path, config_text, version,"
                                      " command, started FROM experiment ORDER BY id",
                                      e);
    bool ok = false;
    while (s != NULL && next(r, s, &ok, e)) {
        const struct results_experiment x = { .id = sqlite3_column_int64(s, 0),
                                              .name = text(s, 1),
                                              .title = text(s, 2),
                                              .config_path = text(s, 3),
                                              .config_text = text(s, 4),
                                              .version = text(s, 5),
                                              .command = text(s, 6),
                                              .started = text(s, 7) };
        fn(arg, &x);
    }
    return ok;
}

#define POINT_COLUMNS                                                                              \
    " p.replication, p.seed, p.identity, p.status, p.finished, p.detail, p.digest, p.end_ps,"      \
    " p.window_ps, p.events, p.host_seconds, p.host_bytes"

bool results_each_point(struct results *r, int64_t experiment,
                        void (*fn)(void *arg, const struct results_point *p), void *arg,
                        struct err *e)
{
    sqlite3_stmt *s = results_prepare(
        r,
        experiment == 0 ? "SELECT p.id, p.experiment, p.idx," POINT_COLUMNS
                          " FROM point p ORDER BY p.id"
                        : "SELECT p.id, p.experiment, p.idx AS place," POINT_COLUMNS
                          " FROM point p WHERE p.experiment=?1"
                          " UNION ALL SELECT p.id, p.experiment, u.idx AS place," POINT_COLUMNS
                          " FROM reuse u JOIN point p ON p.id=u.point WHERE u.experiment=?1"
                          " ORDER BY place",
        e);
    bool ok = false;
    if (s != NULL && experiment != 0)
        sqlite3_bind_int64(s, 1, experiment);
    while (s != NULL && next(r, s, &ok, e)) {
        const struct results_point p = { .id = sqlite3_column_int64(s, 0),
                                         .experiment = sqlite3_column_int64(s, 1),
                                         .idx = sqlite3_column_int64(s, 2),
                                         .replication = sqlite3_column_int64(s, 3),
                                         .seed = (uint64_t)sqlite3_column_int64(s, 4),
                                         .identity = text(s, 5),
                                         .status = text(s, 6),
                                         .finished = sqlite3_column_int(s, 7) != 0,
                                         .detail = text(s, 8),
                                         .digest = text(s, 9),
                                         .end_time = sqlite3_column_int64(s, 10),
                                         .window = sqlite3_column_int64(s, 11),
                                         .events = (uint64_t)sqlite3_column_int64(s, 12),
                                         .host_seconds = number(s, 13),
                                         .host_bytes = (uint64_t)sqlite3_column_int64(s, 14) };
        fn(arg, &p);
    }
    return ok;
}

/* A statement over the rows of one point. */
static sqlite3_stmt *rows_of(struct results *r, const char *sql, int64_t point, struct err *e)
{
    sqlite3_stmt *s = results_prepare(r, sql, e);
    if (s != NULL)
        sqlite3_bind_int64(s, 1, point);
    return s;
}

bool results_each_param(struct results *r, int64_t point, enum results_param_kind kind,
                        void (*fn)(void *arg, const char *path, const char *value, double number),
                        void *arg, struct err *e)
{
    sqlite3_stmt *s = rows_of(r,
                              "SELECT path, value, number FROM param WHERE point=? AND kind=?"
                              " ORDER BY seq",
                              point, e);
    bool ok = false;
    if (s != NULL)
        sqlite3_bind_int(s, 2, (int)kind);
    while (s != NULL && next(r, s, &ok, e))
        fn(arg, text(s, 0), text(s, 1), number(s, 2));
    return ok;
}

bool results_each_scalar(struct results *r, int64_t point,
                         void (*fn)(void *arg, const char *name, const char *unit, double value,
                                    double half_width, unsigned flags),
                         void *arg, struct err *e)
{
    sqlite3_stmt *s = rows_of(r,
                              "SELECT name, unit, value, half_width, flags FROM scalar"
                              " WHERE point=? ORDER BY seq",
                              point, e);
    bool ok = false;
    while (s != NULL && next(r, s, &ok, e))
        fn(arg, text(s, 0), text(s, 1), number(s, 2), number(s, 3),
           (unsigned)sqlite3_column_int64(s, 4));
    return ok;
}

bool results_each_bin(struct results *r, int64_t point,
                      void (*fn)(void *arg, const char *name, double lo, double hi, uint64_t count),
                      void *arg, struct err *e)
{
    sqlite3_stmt *s =
        rows_of(r, "SELECT name, lo, hi, count FROM bin WHERE point=? ORDER BY seq", point, e);
    bool ok = false;
    while (s != NULL && next(r, s, &ok, e))
        fn(arg, text(s, 0), number(s, 1), number(s, 2), (uint64_t)sqlite3_column_int64(s, 3));
    return ok;
}

bool results_each_sample(struct results *r, int64_t point,
                         void (*fn)(void *arg, const char *name, const char *unit, sim_time at,
                                    double value),
                         void *arg, struct err *e)
{
    sqlite3_stmt *s = rows_of(
        r, "SELECT name, unit, at_ps, value FROM sample WHERE point=? ORDER BY seq", point, e);
    bool ok = false;
    while (s != NULL && next(r, s, &ok, e))
        fn(arg, text(s, 0), text(s, 1), sqlite3_column_int64(s, 2), number(s, 3));
    return ok;
}

bool results_each_busy(struct results *r, int64_t point,
                       void (*fn)(void *arg, const char *kind, const char *name, int64_t node,
                                  sim_time busy, double share, uint64_t uses),
                       void *arg, struct err *e)
{
    sqlite3_stmt *s = rows_of(r,
                              "SELECT kind, name, node, busy_ps, share, uses FROM busy"
                              " WHERE point=? ORDER BY seq",
                              point, e);
    bool ok = false;
    while (s != NULL && next(r, s, &ok, e)) {
        int64_t node = sqlite3_column_type(s, 2) == SQLITE_NULL ? -1 : sqlite3_column_int64(s, 2);
        fn(arg, text(s, 0), text(s, 1), node, sqlite3_column_int64(s, 3), number(s, 4),
           (uint64_t)sqlite3_column_int64(s, 5));
    }
    return ok;
}

bool results_each_remark(struct results *r, int64_t point, void (*fn)(void *arg, const char *text),
                         void *arg, struct err *e)
{
    sqlite3_stmt *s = rows_of(r, "SELECT text FROM remark WHERE point=? ORDER BY seq", point, e);
    bool ok = false;
    while (s != NULL && next(r, s, &ok, e))
        fn(arg, text(s, 0));
    return ok;
}

bool results_find_finished(struct results *r, const char *identity, int64_t *id, struct err *e)
{
    sqlite3_stmt *s =
        results_prepare(r, "SELECT max(id) FROM point WHERE identity=? AND finished=1", e);
    if (s == NULL)
        return false;
    sqlite3_bind_text(s, 1, identity, -1, SQLITE_TRANSIENT);
    int rc = sqlite3_step(s);
    bool found = rc == SQLITE_ROW && sqlite3_column_type(s, 0) != SQLITE_NULL;
    if (found)
        *id = sqlite3_column_int64(s, 0);
    else if (rc != SQLITE_ROW)
        results_fail(r, "read", e);
    sqlite3_finalize(s);
    return found;
}

int64_t results_newest(struct results *r)
{
    struct err ignored = ERR_INIT;
    sqlite3_stmt *s = results_prepare(r, "SELECT max(id) FROM experiment", &ignored);
    int64_t id = s != NULL && sqlite3_step(s) == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return id;
}
