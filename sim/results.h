/* results.h: the results database: one SQLite file of experiments and their points.
 *
 * The tables are described in docs/results-schema.md.  One process writes; anybody may read
 * meanwhile.
 *   RES1  A point is one transaction: it is there whole or not at all, after kill -9 too (WAL,
 *       synchronous NORMAL; a power cut may lose the last points, never the file).
 *   RES2  What is stored never changes; only an unfinished point gives way to one of the same
 *       identity.
 *   RES3  A file of another schema version, of another program or that is no database is refused
 *       by a sentence and left as it is.
 *   RES4  A finished point is found by its identity, the hash of parameters, seed and model
 *       version.
 */
#ifndef SIM_RESULTS_H
#define SIM_RESULTS_H

#include "sim/base/base.h"
#include "sim/base/err.h"
#include "sim/base/time.h"

#define RESULTS_VERSION 1              /* user_version of the file */
#define RESULTS_APPLICATION 0x7073696d /* application_id: "psim" */

struct results;

/* Opens a file to write, making it when it is not there.  NULL with a sentence when that cannot be:
 * no such folder, read-only, not a database, another program's or version's.  Several processes may
 * write to one file in turn. */
struct results *results_open(const char *path, struct err *e) MUST_CHECK;
/* Opens an existing file to read. */
struct results *results_open_read(const char *path, struct err *e) MUST_CHECK;
/* Closes it; an unfinished point is dropped.  NULL is fine.  False with a sentence when the last
 * data could not be brought to the disk. */
bool results_close(struct results *r, struct err *e);
const char *results_path(const struct results *r);

/* ---- writing ---- */

struct results_experiment {
    int64_t id;              /* set by the reader; ignored by the writer */
    const char *name;        /* "pfs_striping" */
    const char *title;       /* one line */
    const char *config_path; /* as the user gave it */
    const char *config_text; /* what it was when it ran */
    const char *version;     /* of the simulator */
    const char *command;     /* what was typed */
    const char *started;     /* host time, UTC, "2026-01-31T12:00:00Z"; NULL: now */
};

/* Stores an experiment; its id goes to *id.  Texts may be NULL. */
bool results_experiment_add(struct results *r, const struct results_experiment *x, int64_t *id,
                            struct err *e) MUST_CHECK;

struct results_point {
    int64_t id, experiment; /* id: set by the reader */
    int64_t idx;            /* place in the experiment's order, from 0 */
    int64_t replication;    /* from 0 */
    uint64_t seed;
    const char *identity; /* 32 hexadecimal digits */
    const char *status;   /* "ok", "audit", "crashed", ... */
    bool finished;        /* --resume takes it for done */
    const char *detail;   /* what went wrong; NULL: nothing */
    const char *digest;   /* 32 hexadecimal digits, or "" */
    sim_time end_time, window;
    uint64_t events;
    double host_seconds;
    uint64_t host_bytes; /* peak resident set */
};

enum results_param_kind {
    RESULTS_PARAM_SWEPT,   /* an axis of the sweep */
    RESULTS_PARAM_RESOLVED /* any other parameter, defaults included */
};

/* Begins a point; what results_add_* is called with until results_point_commit belongs to it.
 * Texts are copied at once.  A failure in between is kept and told by the commit, which then stores
 * nothing of the point.  An earlier unfinished point of the same identity is replaced. */
void results_point_begin(struct results *r, const struct results_point *p);
/* `value` is text as a user would write it; `number` its value in base units (s, B, B/s, 1), NAN
 * when it has none. */
void results_add_param(struct results *r, enum results_param_kind kind, const char *path,
                       const char *value, double number);
void results_add_scalar(struct results *r, const char *name, const char *unit, double value,
                        double half_width, unsigned flags); /* half_width NAN: none */
void results_add_bin(struct results *r, const char *name, double lo, double hi, uint64_t count);
void results_add_sample(struct results *r, const char *name, const char *unit, sim_time at,
                        double value);
/* kind: "cpu", "bus", "channel", "arm", "other"; node -1: none. */
void results_add_busy(struct results *r, const char *kind, const char *name, int64_t node,
                      sim_time busy, double share, uint64_t uses);
void results_add_remark(struct results *r, const char *text);
bool results_point_commit(struct results *r, int64_t *id, struct err *e) MUST_CHECK;

/* A finished point of an earlier experiment stands for point `idx` of this one (--resume): walks
 * over this experiment find it in its place. */
bool results_point_reuse(struct results *r, int64_t experiment, int64_t idx, int64_t point,
                         struct err *e) MUST_CHECK;

/* ---- reading: each walks in the order of writing; texts live until the callback returns ---- */

/* The oldest first; a text that was not given is "".  This and the others return false with a
 * sentence when the file could not be read, after the calls so far. */
bool results_each_experiment(struct results *r,
                             void (*fn)(void *arg, const struct results_experiment *x), void *arg,
                             struct err *e) MUST_CHECK;
/* In order of idx, points taken over by results_point_reuse among them; experiment 0: all points of
 * the file in the order in which they were stored. */
bool results_each_point(struct results *r, int64_t experiment,
                        void (*fn)(void *arg, const struct results_point *p), void *arg,
                        struct err *e) MUST_CHECK;
bool results_each_param(struct results *r, int64_t point, enum results_param_kind kind,
                        void (*fn)(void *arg, const char *path, const char *value, double number),
                        void *arg, struct err *e) MUST_CHECK;
bool results_each_scalar(struct results *r, int64_t point,
                         void (*fn)(void *arg, const char *name, const char *unit, double value,
                                    double half_width, unsigned flags),
                         void *arg, struct err *e) MUST_CHECK;
bool results_each_bin(struct results *r, int64_t point,
                      void (*fn)(void *arg, const char *name, double lo, double hi, uint64_t count),
                      void *arg, struct err *e) MUST_CHECK;
bool results_each_sample(struct results *r, int64_t point,
                         void (*fn)(void *arg, const char *name, const char *unit, sim_time at,
                                    double value),
                         void *arg, struct err *e) MUST_CHECK;
bool results_each_busy(struct results *r, int64_t point,
                       void (*fn)(void *arg, const char *kind, const char *name, int64_t node,
                                  sim_time busy, double share, uint64_t uses),
                       void *arg, struct err *e) MUST_CHECK;
bool results_each_remark(struct results *r, int64_t point, void (*fn)(void *arg, const char *text),
                         void *arg, struct err *e) MUST_CHECK;

/* The latest finished point of this identity: true and *id, else false (with e set only when the
 * file could not be read). */
bool results_find_finished(struct results *r, const char *identity, int64_t *id, struct err *e);
/* The newest experiment's id, 0 when there is none. */
int64_t results_newest(struct results *r);

#endif
