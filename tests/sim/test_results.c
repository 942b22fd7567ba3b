/* test_results.c: what is stored is read back, and no failure loses what was stored before. */
#include <criterion/criterion.h>
#include <math.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "sim/results.h"

static char dir[64], path[96];

static void start(void)
{
    snprintf(dir, sizeof dir, "/tmp/psim-results-XXXXXX");
    cr_assert_not_null(mkdtemp(dir));
    snprintf(path, sizeof path, "%s/a ?#%%.db", dir);
}

static void stop(void)
{
    char command[128];
    chmod(dir, 0700);
    snprintf(command, sizeof command, "rm -rf '%s'", dir);
    cr_assert_eq(system(command), 0);
}

TestSuite(results, .init = start, .fini = stop);

static struct results *open_file(void)
{
    struct err e = ERR_INIT;
    struct results *r = results_open(path, &e);
    cr_assert_not_null(r, "%s", e.text);
    return r;
}

static void close_file(struct results *r)
{
    struct err e = ERR_INIT;
    cr_assert(results_close(r, &e), "%s", e.text);
}

static int64_t add_experiment(struct results *r)
{
    const struct results_experiment x = { .name = "sweep", .title = "A sweep", .version = "1" };
    int64_t id;
    struct err e = ERR_INIT;
    cr_assert(results_experiment_add(r, &x, &id, &e), "%s", e.text);
    return id;
}

static void begin(struct results *r, int64_t experiment, int64_t idx, const char *identity,
                  bool finished)
{
    const struct results_point p = { .experiment = experiment,
                                     .idx = idx,
                                     .seed = UINT64_MAX - 7,
                                     .identity = identity,
                                     .status = finished ? "ok" : "crashed",
                                     .finished = finished,
                                     .detail = finished ? NULL : "signal 11",
                                     .digest = "00ff",
                                     .end_time = 5 * SIM_SEC,
                                     .window = 4 * SIM_SEC,
                                     .events = 1ULL << 40,
                                     .host_seconds = 2.385,
                                     .host_bytes = 123456789 };
    results_point_begin(r, &p);
}

static bool commit(struct results *r, int64_t *id)
{
    struct err e = ERR_INIT;
    return results_point_commit(r, id, &e);
}

static int64_t add_point(struct results *r, int64_t experiment, int64_t idx, const char *identity,
                         bool finished)
{
    int64_t id;
    begin(r, experiment, idx, identity, finished);
    results_add_scalar(r, "bandwidth", "B/s", 1e6 * (double)idx, NAN, 0);
    cr_assert(commit(r, &id));
    return id;
}

/* Everything a walk sees goes into one text. */
static char seen[4096];

static void see(const char *fmt, ...) PRINTF_LIKE(1, 2);
static void see(const char *fmt, ...)
{
    size_t n = strlen(seen);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(seen + n, sizeof seen - n, fmt, ap);
    va_end(ap);
}

static void on_experiment(void *arg, const struct results_experiment *x)
{
    (void)arg;
    see("experiment %s|%s|%s\n", x->name, x->title, x->command);
}
static void on_point(void *arg, const struct results_point *p)
{
    (void)arg;
    see("point %ld of %ld %lu %s %s %d '%s' %s %ld %ld %lu %g %lu\n", p->idx, p->experiment,
        p->seed, p->identity, p->status, p->finished, p->detail, p->digest, p->end_time, p->window,
        p->events, p->host_seconds, p->host_bytes);
}
static void on_param(void *arg, const char *name, const char *value, double number)
{
    (void)arg;
    see("param %s=%s %g\n", name, value, number);
}
static void on_scalar(void *arg, const char *name, const char *unit, double value,
                      double half_width, unsigned flags)
{
    (void)arg;
    see("scalar %s %s %g %g %u\n", name, unit, value, half_width, flags);
}
static void on_bin(void *arg, const char *name, double lo, double hi, uint64_t count)
{
    (void)arg;
    see("bin %s %g %g %lu\n", name, lo, hi, count);
}
static void on_sample(void *arg, const char *name, const char *unit, sim_time at, double value)
{
    (void)arg;
    see("sample %s %s %ld %g\n", name, unit, at, value);
}
static void on_busy(void *arg, const char *kind, const char *name, int64_t node, sim_time busy,
                    double share, uint64_t uses)
{
    (void)arg;
    see("busy %s %s %ld %ld %g %lu\n", kind, name, node, busy, share, uses);
}
static void on_remark(void *arg, const char *text)
{
    (void)arg;
    see("remark %s\n", text);
}

Test(results, everything_stored_is_read_back)
{
    struct results *r = open_file();
    int64_t x = add_experiment(r), id;
    begin(r, x, 3, "abc", true);
    results_add_param(r, RESULTS_PARAM_SWEPT, "workload.size", "64KiB", 65536);
    results_add_param(r, RESULTS_PARAM_RESOLVED, "machine.mesh.route", "xy", NAN);
    results_add_scalar(r, "b", "B/s", 2.5e6, 1e3, 4);
    results_add_scalar(r, "a", "s", NAN, NAN, 2);
    results_add_bin(r, "latency", 1, 2, 99);
    results_add_sample(r, "load", "1", 7, 0.5);
    results_add_busy(r, "arm", "disk 0", 17, SIM_SEC, 0.25, 12);
    results_add_busy(r, "bus", "scsi", -1, 5, 0.5, 1);
    results_add_remark(r, "not 'steady'; \"x\"");
    cr_assert(commit(r, &id));
    close_file(r);

    struct err e = ERR_INIT;
    r = results_open_read(path, &e);
    cr_assert_not_null(r, "%s", e.text);
    cr_assert(results_each_experiment(r, on_experiment, NULL, &e));
    cr_assert(results_each_point(r, x, on_point, NULL, &e));
    cr_assert(results_each_param(r, id, RESULTS_PARAM_SWEPT, on_param, NULL, &e));
    cr_assert(results_each_param(r, id, RESULTS_PARAM_RESOLVED, on_param, NULL, &e));
    cr_assert(results_each_scalar(r, id, on_scalar, NULL, &e));
    cr_assert(results_each_bin(r, id, on_bin, NULL, &e));
    cr_assert(results_each_sample(r, id, on_sample, NULL, &e));
    cr_assert(results_each_busy(r, id, on_busy, NULL, &e));
    cr_assert(results_each_remark(r, id, on_remark, NULL, &e));
    cr_assert_str_eq(seen, "experiment sweep|A sweep|\n"
                           "point 3 of 1 18446744073709551608 abc ok 1 '' 00ff 5000000000000"
                           " 4000000000000 1099511627776 2.385 123456789\n"
                           "param workload.size=64KiB 65536\n"
                           "param machine.mesh.route=xy nan\n"
                           "scalar b B/s 2.5e+06 1000 4\n"
                           "scalar a s nan nan 2\n"
                           "bin latency 1 2 99\n"
                           "sample load 1 7 0.5\n"
                           "busy arm disk 0 17 1000000000000 0.25 12\n"
                           "busy bus scsi -1 5 0.5 1\n"
                           "remark not 'steady'; \"x\"\n");
    cr_assert_eq(results_newest(r), x);
    close_file(r);
}

Test(results, the_file_is_in_wal_mode)
{
    close_file(open_file());
    unsigned char head[20];
    FILE *f = fopen(path, "r");
    cr_assert_eq(fread(head, 1, sizeof head, f), sizeof head);
    fclose(f);
    cr_assert(head[18] == 2 && head[19] == 2, "format versions of the header say WAL");
}

/* RES4. */
Test(results, only_finished_points_are_found)
{
    struct results *r = open_file();
    struct err e = ERR_INIT;
    int64_t x = add_experiment(r), id = 0;
    int64_t good = add_point(r, x, 0, "good", true);
    add_point(r, x, 1, "bad", false);
    cr_assert(results_find_finished(r, "good", &id, &e));
    cr_assert_eq(id, good);
    cr_assert_not(results_find_finished(r, "bad", &id, &e));
    cr_assert_not(results_find_finished(r, "none", &id, &e));
    cr_assert_not(e.set);
    add_point(r, x, 1, "bad", true);
    cr_assert(results_find_finished(r, "bad", &id, &e));
    cr_assert(results_each_point(r, 0, on_point, NULL, &e));
    cr_assert(strstr(seen, "crashed") == NULL, "the unfinished point was not replaced");
    close_file(r);
}

Test(results, a_reused_point_is_found_in_its_place)
{
    struct results *r = open_file();
    struct err e = ERR_INIT;
    int64_t x = add_experiment(r), old = add_point(r, x, 5, "old", true);
    int64_t y = add_experiment(r);
    add_point(r, y, 0, "p0", true);
    add_point(r, y, 2, "p2", true);
    cr_assert(results_point_reuse(r, y, 1, old, &e), "%s", e.text);
    cr_assert(results_each_point(r, y, on_point, NULL, &e));
    cr_assert(strstr(seen, "point 0 ") < strstr(seen, "point 1 "));
    cr_assert(strstr(seen, "point 1 ") < strstr(seen, "point 2 "));
    cr_assert(strstr(seen, " old ok") != NULL);
    close_file(r);
}

/* ---- mistakes ---- */

static void refused(bool writing, const char *sentence)
{
    struct err e = ERR_INIT;
    struct results *r = writing ? results_open(path, &e) : results_open_read(path, &e);
    cr_assert_null(r);
    cr_assert(strstr(e.text, sentence) != NULL, "%s", e.text);
    cr_assert(strstr(e.text, dir) != NULL || path[1] != 't', "%s", e.text);
}

static void write_text(const char *text)
{
    FILE *f = fopen(path, "w");
    for (int i = 0; i < 200; i++)
        fputs(text, f);
    fclose(f);
}

Test(results, a_text_file_is_refused_and_left_alone)
{
    write_text("this is no database\n");
    struct stat before, after;
    stat(path, &before);
    refused(true, "it is not a results file");
    refused(false, "it is not a results file");
    stat(path, &after);
    cr_assert_eq(before.st_size, after.st_size);
}

static void sql(const char *text)
{
    sqlite3 *db;
    cr_assert_eq(sqlite3_open(path, &db), SQLITE_OK);
    cr_assert_eq(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK, "%s", sqlite3_errmsg(db));
    sqlite3_close(db);
}

/* RES3. */
Test(results, a_foreign_database_is_refused_and_left_alone)
{
    sql("CREATE TABLE point(x); PRAGMA application_id=77");
    refused(true, "is a database of another program");
    refused(false, "is a database of another program");
}

Test(results, another_version_is_refused)
{
    close_file(open_file());
    sql("PRAGMA user_version=2");
    refused(true, "has schema version 2 and this psim reads version 1");
    refused(false, "has schema version 2 and this psim reads version 1");
}

Test(results, an_empty_file_is_filled_but_not_read)
{
    FILE *f = fopen(path, "w");
    fclose(f);
    refused(false, "is empty");
    struct results *r = open_file();
    add_experiment(r);
    close_file(r);
}

Test(results, what_is_not_there_has_a_sentence)
{
    refused(false, "No such file or directory");
    snprintf(path, sizeof path, "%s", dir);
    refused(true, "it is a folder");
    refused(false, "it is a folder");
    snprintf(path, sizeof path, "%s/none/x.db", dir);
    refused(true, "No such file or directory");
    snprintf(path, sizeof path, "/proc/x.db");
    refused(true, "could not be opened");
}

/* Looking at all of it would take longer than what is asked of it. */
Test(results, a_file_above_64_mib_is_read_without_a_look_at_all_of_it)
{
    struct results *r = open_file();
    struct err e = ERR_INIT;
    add_point(r, add_experiment(r), 0, "p", true);
    close_file(r);
    cr_assert_eq(truncate(path, (65 << 20)), 0);
    r = results_open_read(path, &e);
    cr_assert_not_null(r, "%s", e.text);
    close_file(r);
}

Test(results, a_damaged_file_is_refused)
{
    struct results *r = open_file();
    int64_t x = add_experiment(r);
    char identity[16];
    for (int i = 0; i < 300; i++) {
        snprintf(identity, sizeof identity, "p%d", i);
        add_point(r, x, i, identity, true);
    }
    close_file(r);
    FILE *f = fopen(path, "r+");
    fseek(f, 3 * 4096 + 5, SEEK_SET);
    for (int i = 0; i < 12000; i++)
        fputc(0xa5, f);
    fclose(f);
    refused(false, "the file is damaged");
}

Test(results, a_file_in_a_read_only_folder_can_be_read)
{
    struct results *r = open_file();
    add_point(r, add_experiment(r), 0, "p", true);
    close_file(r);
    cr_assert_eq(chmod(path, 0400), 0);
    cr_assert_eq(chmod(dir, 0500), 0);
    pid_t child = fork(); /* root may write everywhere: be nobody */
    if (child == 0) {
        if (getuid() == 0 && (chown(dir, 65534, 65534) != 0 || chown(path, 65534, 65534) != 0 ||
                              setgid(65534) != 0 || setuid(65534) != 0))
            _exit(77);
        struct err e = ERR_INIT;
        r = results_open_read(path, &e);
        if (r == NULL || !results_each_point(r, 0, on_point, NULL, &e) ||
            strstr(seen, "p ok") == 0) {
            fprintf(stderr, "%s\n", e.text);
            _exit(1);
        }
        results_close(r, &e);
        if (results_open(path, &e) != NULL || strstr(e.text, "read-only") == NULL) {
            fprintf(stderr, "%s\n", e.text);
            _exit(2);
        }
        _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
    cr_assert(WIFEXITED(status));
    cr_assert(WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 77, "%d", WEXITSTATUS(status));
}

/* ---- a disk that fills ----
 * A VFS in front of the real one whose n-th write from now finds no space, and all after it. */

static sqlite3_vfs shim, *real;
static sqlite3_io_methods methods[8];
static const sqlite3_io_methods *originals[8];
static int writes_left = -1; /* negative: no fault */

static int shim_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
    if (writes_left == 0)
        return SQLITE_FULL;
    if (writes_left > 0)
        writes_left--;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (f->pMethods == &methods[i])
            return originals[i]->xWrite(f, data, n, at);
    }
    return SQLITE_IOERR;
}

static int shim_open(sqlite3_vfs *v, const char *name, sqlite3_file *f, int flags, int *out)
{
    (void)v;
    int rc = real->xOpen(real, name, f, flags, out);
    if (rc != SQLITE_OK || f->pMethods == NULL)
        return rc;
    for (size_t i = 0; i < ARRAY_LEN(methods); i++) {
        if (originals[i] == NULL || originals[i] == f->pMethods) {
            originals[i] = f->pMethods;
            methods[i] = *f->pMethods;
            methods[i].xWrite = shim_write;
            f->pMethods = &methods[i];
            return rc;
        }
    }
    return SQLITE_IOERR;
}

static void count_point(void *arg, const struct results_point *p)
{
    (void)p;
    ++*(int *)arg;
}

/* Stores up to 6 points until a write fails; returns how many commits were reported good. */
static int fill_until_full(int fault, struct err *e)
{
    writes_left = -1;
    unlink(path);
    char extra[128];
    snprintf(extra, sizeof extra, "%s-wal", path);
    unlink(extra);
    struct results *r = open_file();
    int64_t x = add_experiment(r), id;
    int good = 0;
    writes_left = fault;
    for (int i = 0; i < 6; i++) {
        char identity[16];
        snprintf(identity, sizeof identity, "p%d", i);
        begin(r, x, i, identity, true);
        for (int k = 0; k < 40; k++)
            results_add_busy(r, "cpu", "a rather long name of a resource", k, k, 0.5, 1);
        if (!results_point_commit(r, &id, e))
            break;
        good++;
    }
    struct err ignored = ERR_INIT;
    results_close(r, &ignored);
    writes_left = -1;
    return good;
}

Test(results, a_full_disk_loses_no_stored_point)
{
    real = sqlite3_vfs_find(NULL);
    shim = *real;
    shim.zName = "shim";
    shim.xOpen = shim_open;
    cr_assert_eq(sqlite3_vfs_register(&shim, 1), SQLITE_OK);
    int good = 0, fault = 0;
    for (; good < 6 && fault < 400; fault += 3) {
        struct err e = ERR_INIT;
        good = fill_until_full(fault, &e);
        if (good < 6)
            cr_assert(strstr(e.text, "the disk is full") != NULL, "%s", e.text);
        struct err why = ERR_INIT;
        struct results *r = results_open_read(path, &why);
        cr_assert_not_null(r, "after write %d: %s", fault, why.text);
        int count = 0;
        cr_assert(results_each_point(r, 0, count_point, &count, &why));
        cr_assert_eq(count, good, "after write %d: %d of %d", fault, count, good);
        close_file(r);
    }
    cr_assert(fault > 30 && good == 6, "the fault was never reached (%d)", fault);
}

/* RES1. */
Test(results, a_killed_writer_loses_no_stored_point)
{
    for (int round = 0; round < 8; round++) {
        int told[2];
        cr_assert_eq(pipe(told), 0);
        unlink(path);
        pid_t child = fork();
        if (child == 0) {
            struct results *r = open_file();
            int64_t x = add_experiment(r);
            for (int i = 0;; i++) {
                char identity[16];
                snprintf(identity, sizeof identity, "p%d", i);
                add_point(r, x, i, identity, true);
                if (write(told[1], "x", 1) != 1)
                    _exit(1);
            }
        }
        close(told[1]);
        char c;
        int stored = 0;
        while (stored < 3 + 7 * round && read(told[0], &c, 1) == 1)
            stored++;
        kill(child, SIGKILL);
        waitpid(child, NULL, 0);
        while (read(told[0], &c, 1) == 1)
            stored++;
        close(told[0]);
        struct err e = ERR_INIT;
        struct results *r = results_open_read(path, &e);
        cr_assert_not_null(r, "%s", e.text);
        int count = 0;
        cr_assert(results_each_point(r, 0, count_point, &count, &e));
        cr_assert(count == stored || count == stored + 1, "%d told, %d there", stored, count);
        close_file(r);
        char command[256];
        snprintf(command, sizeof command, "rm -f '%s'*", path);
        cr_assert_eq(system(command), 0);
    }
}

/* RES2. */
Test(results, a_point_left_open_is_dropped)
{
    struct results *r = open_file();
    int64_t x = add_experiment(r);
    add_point(r, x, 0, "p0", true);
    begin(r, x, 1, "p1", true);
    close_file(r);
    struct err e = ERR_INIT;
    r = results_open_read(path, &e);
    int count = 0;
    cr_assert(results_each_point(r, 0, count_point, &count, &e));
    cr_assert_eq(count, 1);
    close_file(r);
}
