/* results_write.c: stores experiments and points.
 *
 * results_point_begin opens a transaction and results_point_commit ends it; the first failure in
 * between is kept and told there, and the whole point is rolled back.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/results_internal.h"

static const char *const insert_sql[INSERT_COUNT] = {
    [INSERT_POINT] = "INSERT INTO point(experiment, idx, replication, seed, identity, status,"
                     " finished, detail, digest, end_ps, window_ps, events, host_seconds,"
                     " host_bytes) VALUES(?,?,?,?,?,?,?,?,?,?,?,?,?,?)",
    [INSERT_PARAM] = "INSERT INTO param(point, seq, kind, path, value, number) VALUES(?,?,?,?,?,?)",
    [INSERT_SCALAR] = "INSERT INTO scalar(point, seq, name, unit, value, half_width, flags)"
                      " VALUES(?,?,?,?,?,?,?)",
    [INSERT_BIN] = "INSERT INTO bin(point, seq, name, lo, hi, count) VALUES(?,?,?,?,?,?)",
    [INSERT_SAMPLE] = "INSERT INTO sample(point, seq, name, unit, at_ps, value)"
                      " VALUES(?,?,?,?,?,?)",
    [INSERT_BUSY] = "INSERT INTO busy(point, seq, kind, name, node, busy_ps, share, uses)"
                    " VALUES(?,?,?,?,?,?,?,?)",
    [INSERT_REMARK] = "INSERT INTO remark(point, seq, text) VALUES(?,?,?)",
};

static void bind_text(sqlite3_stmt *s, int column, const char *text)
{
    sqlite3_bind_text(s, column, text != NULL ? text : "", -1, SQLITE_TRANSIENT);
}

/* Runs a bound statement once. */
static bool run(struct results *r, sqlite3_stmt *s, struct err *e)
{
    bool ok = sqlite3_step(s) == SQLITE_DONE;
    if (!ok)
        results_fail(r, "written", e);
    sqlite3_reset(s);
    return ok;
}

/* ---- experiments ---- */

bool results_experiment_add(struct results *r, const struct results_experiment *x, int64_t *id,
                            struct err *e)
{
    char now[32];
    time_t t = time(NULL);
    strftime(now, sizeof now, "%Y-%m-%dT%H:%M:%SZ", gmtime(&t));
    sqlite3_stmt *s = results_prepare(r,
                                      "INSERT INTO experiment(name, title, config_path,"
                                      " config_text, version, command, started)"
                                      " VALUES(?,?,?,?,?,?,?)",
                                      e);
    if (s == NULL)
        return false;
    bind_text(s, 1, x->name);
    bind_text(s, 2, x->title);
    bind_text(s, 3, x->config_path);
    bind_text(s, 4, x->config_text);
    bind_text(s, 5, x->version);
    bind_text(s, 6, x->command);
    bind_text(s, 7, x->started != NULL ? x->started : now);
    bool ok = run(r, s, e);
    sqlite3_finalize(s);
    *id = sqlite3_last_insert_rowid(r->db);
    return ok;
}

bool results_point_reuse(struct results *r, int64_t experiment, int64_t idx, int64_t point,
                         struct err *e)
{
    sqlite3_stmt *s =
        results_prepare(r, "INSERT OR REPLACE INTO reuse(experiment, idx, point) VALUES(?,?,?)", e);
    if (s == NULL)
        return false;
    sqlite3_bind_int64(s, 1, experiment);
    sqlite3_bind_int64(s, 2, idx);
    sqlite3_bind_int64(s, 3, point);
    bool ok = run(r, s, e);
    sqlite3_finalize(s);
    return ok;
}

/* ---- points ---- */

/* The statement for one row, or NULL when an earlier one of this point has failed. */
static sqlite3_stmt *statement(struct results *r, enum results_insert which)
{
    ASSERT(r->writing && r->in_point);
    if (r->failed.set)
        return NULL;
    if (r->insert[which] == NULL)
        r->insert[which] = results_prepare(r, insert_sql[which], &r->failed);
    return r->insert[which];
}

/* The statement for a row that belongs to the point: columns 1 and 2 are bound. */
static sqlite3_stmt *row(struct results *r, enum results_insert which)
{
    sqlite3_stmt *s = statement(r, which);
    if (s == NULL)
        return NULL;
    sqlite3_bind_int64(s, 1, r->point);
    sqlite3_bind_int64(s, 2, r->seq++);
    return s;
}

static void drop_unfinished(struct results *r, const char *identity)
{
    sqlite3_stmt *s =
        results_prepare(r, "DELETE FROM point WHERE identity=? AND finished=0", &r->failed);
    if (s == NULL)
        return;
    bind_text(s, 1, identity);
    run(r, s, &r->failed);
    sqlite3_finalize(s);
}

void results_point_begin(struct results *r, const struct results_point *p)
{
    ASSERT(!r->in_point);
    r->in_point = true;
    r->seq = 0;
    r->failed = (struct err)ERR_INIT;
    if (!results_exec(r, "BEGIN IMMEDIATE", "written", &r->failed))
        return;
    drop_unfinished(r, p->identity);
    sqlite3_stmt *s = statement(r, INSERT_POINT);
    if (s == NULL)
        return;
    sqlite3_bind_int64(s, 1, p->experiment);
    sqlite3_bind_int64(s, 2, p->idx);
    sqlite3_bind_int64(s, 3, p->replication);
    sqlite3_bind_int64(s, 4, (int64_t)p->seed);
    bind_text(s, 5, p->identity);
    bind_text(s, 6, p->status);
    sqlite3_bind_int(s, 7, p->finished);
    bind_text(s, 8, p->detail);
    bind_text(s, 9, p->digest);
    sqlite3_bind_int64(s, 10, p->end_time);
    sqlite3_bind_int64(s, 11, p->window);
    sqlite3_bind_int64(s, 12, (int64_t)p->events);
    sqlite3_bind_double(s, 13, p->host_seconds);
    sqlite3_bind_int64(s, 14, (int64_t)p->host_bytes);
    run(r, s, &r->failed);
    r->point = sqlite3_last_insert_rowid(r->db);
}

void results_add_param(struct results *r, enum results_param_kind kind, const char *path,
                       const char *value, double number)
{
    sqlite3_stmt *s = row(r, INSERT_PARAM);
    if (s == NULL)
        return;
    sqlite3_bind_int(s, 3, (int)kind);
    bind_text(s, 4, path);
    bind_text(s, 5, value);
    sqlite3_bind_double(s, 6, number); /* NAN is stored as NULL */
    run(r, s, &r->failed);
}

void results_add_scalar(struct results *r, const char *name, const char *unit, double value,
                        double half_width, unsigned flags)
{
    sqlite3_stmt *s = row(r, INSERT_SCALAR);
    if (s == NULL)
        return;
    bind_text(s, 3, name);
    bind_text(s, 4, unit);
    sqlite3_bind_double(s, 5, value);
    sqlite3_bind_double(s, 6, half_width);
    sqlite3_bind_int64(s, 7, flags);
    run(r, s, &r->failed);
}

void results_add_bin(struct results *r, const char *name, double lo, double hi, uint64_t count)
{
    sqlite3_stmt *s = row(r, INSERT_BIN);
    if (s == NULL)
        return;
    bind_text(s, 3, name);
    sqlite3_bind_double(s, 4, lo);
    sqlite3_bind_double(s, 5, hi);
    sqlite3_bind_int64(s, 6, (int64_t)count);
    run(r, s, &r->failed);
}

void results_add_sample(struct results *r, const char *name, const char *unit, sim_time at,
                        double value)
{
    sqlite3_stmt *s = row(r, INSERT_SAMPLE);
    if (s == NULL)
        return;
    bind_text(s, 3, name);
    bind_text(s, 4, unit);
    sqlite3_bind_int64(s, 5, at);
    sqlite3_bind_double(s, 6, value);
    run(r, s, &r->failed);
}

void results_add_busy(struct results *r, const char *kind, const char *name, int64_t node,
                      sim_time busy, double share, uint64_t uses)
{
    sqlite3_stmt *s = row(r, INSERT_BUSY);
    if (s == NULL)
        return;
    bind_text(s, 3, kind);
    bind_text(s, 4, name);
    if (node >= 0)
        sqlite3_bind_int64(s, 5, node);
    else
        sqlite3_bind_null(s, 5);
    sqlite3_bind_int64(s, 6, busy);
    sqlite3_bind_double(s, 7, share);
    sqlite3_bind_int64(s, 8, (int64_t)uses);
    run(r, s, &r->failed);
}

void results_add_remark(struct results *r, const char *text)
{
    sqlite3_stmt *s = row(r, INSERT_REMARK);
    if (s == NULL)
        return;
    bind_text(s, 3, text);
    run(r, s, &r->failed);
}

bool results_point_commit(struct results *r, int64_t *id, struct err *e)
{
    ASSERT(r->in_point);
    r->in_point = false;
    if (!r->failed.set)
        results_exec(r, "COMMIT", "written", &r->failed);
    if (!r->failed.set) {
        *id = r->point;
        return true;
    }
    if (sqlite3_get_autocommit(r->db) == 0)
        sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    return (r->failed.lost ? err_lost : err_set)(e, "%s", r->failed.text);
}
