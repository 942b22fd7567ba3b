/* results.c: opens, checks and closes results files; the schema; what SQLite's errors mean.
 *
 * The file is in WAL mode with synchronous NORMAL: a killed process loses nothing that was
 * committed.  A file that is read may come from anywhere, so it is opened defensively: no trusted
 * schema, no memory map, cells checked, and a small file is checked as a whole.
 */
#include "sim/results.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "sim/results_internal.h"

#define BUSY_MS 20000 /* how long a writer waits for another */
#define CHECK_WHOLE                                                                                \
    (64                                                                                            \
     << 20) /* files up to this size are checked when they are opened to read                   \
                */

static const char schema[] =
    "CREATE TABLE experiment("
    " id INTEGER PRIMARY KEY, name TEXT NOT NULL, title TEXT NOT NULL, config_path TEXT NOT NULL,"
    " config_text TEXT NOT NULL, version TEXT NOT NULL, command TEXT NOT NULL,"
    " started TEXT NOT NULL) STRICT;"
    "CREATE TABLE point("
    " id INTEGER PRIMARY KEY,"
    " experiment INTEGER NOT NULL REFERENCES experiment(id) ON DELETE CASCADE,"
    " idx INTEGER NOT NULL, replication INTEGER NOT NULL, seed INTEGER NOT NULL,"
    " identity TEXT NOT NULL, status TEXT NOT NULL, finished INTEGER NOT NULL,"
    " detail TEXT NOT NULL, digest TEXT NOT NULL, end_ps INTEGER NOT NULL,"
    " window_ps INTEGER NOT NULL, events INTEGER NOT NULL, host_seconds REAL NOT NULL,"
    " host_bytes INTEGER NOT NULL) STRICT;"
    "CREATE INDEX point_identity ON point(identity);"
    "CREATE INDEX point_experiment ON point(experiment, idx);"
    "CREATE TABLE reuse("
    " experiment INTEGER NOT NULL REFERENCES experiment(id) ON DELETE CASCADE,"
    " idx INTEGER NOT NULL, point INTEGER NOT NULL REFERENCES point(id) ON DELETE CASCADE,"
    " PRIMARY KEY(experiment, idx)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE param("
    " point INTEGER NOT NULL REFERENCES point(id) ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, path TEXT NOT NULL, value TEXT NOT NULL, number REAL,"
    " PRIMARY KEY(point, seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE scalar("
    " point INTEGER NOT NULL REFERENCES point(id) ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " name TEXT NOT NULL, unit TEXT NOT NULL, value REAL, half_width REAL,"
    " flags INTEGER NOT NULL, PRIMARY KEY(point, seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE bin("
    " point INTEGER NOT NULL REFERENCES point(id) ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " name TEXT NOT NULL, lo REAL NOT NULL, hi REAL NOT NULL, count INTEGER NOT NULL,"
    " PRIMARY KEY(point, seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE sample("
    " point INTEGER NOT NULL REFERENCES point(id) ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " name TEXT NOT NULL, unit TEXT NOT NULL, at_ps INTEGER NOT NULL, value REAL,"
    " PRIMARY KEY(point, seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE busy("
    " point INTEGER NOT NULL REFERENCES point(id) ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " kind TEXT NOT NULL, name TEXT NOT NULL, node INTEGER, busy_ps INTEGER NOT NULL,"
    " share REAL NOT NULL, uses INTEGER NOT NULL, PRIMARY KEY(point, seq)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE remark("
    " point INTEGER NOT NULL REFERENCES point(id) ON DELETE CASCADE, seq INTEGER NOT NULL,"
    " text TEXT NOT NULL, PRIMARY KEY(point, seq)) STRICT, WITHOUT ROWID;";

/* ---- sentences ---- */

bool results_fail(const struct results *r, const char *doing, struct err *e)
{
    int code = sqlite3_extended_errcode(r->db), system = sqlite3_system_errno(r->db);
    const char *why;
    switch (code & 0xff) {
    case SQLITE_FULL:
        why = "the disk is full; what was stored before is safe";
        break;
    case SQLITE_NOTADB:
        why = "it is not a results file";
        break;
    case SQLITE_CORRUPT:
        why = "the file is damaged";
        break;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        why = "another program holds it locked";
        break;
    case SQLITE_READONLY:
        why = "it may not be written here (read-only file or folder)";
        break;
    case SQLITE_CANTOPEN:
        why = system == EISDIR ? "it is a folder" : system != 0 ? strerror(system) : "no such file";
        break;
    case SQLITE_IOERR:
        why = system != 0 ? strerror(system) : "the disk reported an error";
        break;
    default:
        why = sqlite3_errmsg(r->db);
    }
    int kind = code & 0xff;
    bool lost = kind == SQLITE_FULL || (kind == SQLITE_IOERR && system != 0 && system != EISDIR);
    return (lost ? err_lost : err_set)(e, "the results file '%s' could not be %s: %s", r->path,
                                       doing, why);
}

bool results_exec(struct results *r, const char *sql, const char *doing, struct err *e)
{
    if (sqlite3_exec(r->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    return results_fail(r, doing, e);
}

sqlite3_stmt *results_prepare(struct results *r, const char *sql, struct err *e)
{
    sqlite3_stmt *s = NULL;
    if (sqlite3_prepare_v2(r->db, sql, -1, &s, NULL) != SQLITE_OK)
        results_fail(r, "read", e);
    return s;
}

static bool one_number(struct results *r, const char *sql, int64_t *out, struct err *e)
{
    sqlite3_stmt *s = results_prepare(r, sql, e);
    if (s == NULL)
        return false;
    int rc = sqlite3_step(s);
    *out = rc == SQLITE_ROW ? sqlite3_column_int64(s, 0) : 0;
    sqlite3_finalize(s);
    return rc == SQLITE_ROW || results_fail(r, "read", e);
}

/* ---- opening ---- */

static bool refuse(const struct results *r, int64_t application, int64_t version, struct err *e)
{
    if (application != RESULTS_APPLICATION)
        return err_set(e, "'%s' is a database of another program, not a results file", r->path);
    return err_set(e,
                   "the results file '%s' has schema version %lld and this psim reads version %d: "
                   "use the psim that wrote it, or another file",
                   r->path, (long long)version, RESULTS_VERSION);
}

/* True when it is ours; *empty when nothing is in it yet. */
static bool identify(struct results *r, bool *empty, struct err *e)
{
    int64_t tables, application, version;
    if (!one_number(r, "SELECT count(*) FROM sqlite_schema", &tables, e) ||
        !one_number(r, "PRAGMA application_id", &application, e) ||
        !one_number(r, "PRAGMA user_version", &version, e))
        return false;
    *empty = tables == 0 && application == 0 && version == 0;
    if (*empty || (application == RESULTS_APPLICATION && version == RESULTS_VERSION))
        return true;
    return refuse(r, application, version, e);
}

static bool create_schema(struct results *r, struct err *e)
{
    bool empty;
    char mark[96];
    snprintf(mark, sizeof mark, "PRAGMA application_id=%d; PRAGMA user_version=%d; COMMIT",
             RESULTS_APPLICATION, RESULTS_VERSION);
    if (!results_exec(r, "BEGIN IMMEDIATE", "created", e))
        return false;
    /* Another process may have been faster. */
    bool ok = identify(r, &empty, e);
    if (ok && !empty)
        return results_exec(r, "COMMIT", "created", e);
    ok = ok && results_exec(r, schema, "created", e) && results_exec(r, mark, "created", e);
    if (!ok)
        sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    return ok;
}

static struct results *results_new(const char *path, bool writing)
{
    struct results *r = base_zalloc(1, sizeof *r);
    r->path = base_strdup(path);
    r->writing = writing;
    return r;
}

static void results_free(struct results *r)
{
    for (int i = 0; i < INSERT_COUNT; i++)
        sqlite3_finalize(r->insert[i]);
    sqlite3_close(r->db);
    free(r->path);
    free(r);
}

static bool connect_to(struct results *r, const char *name, int flags, struct err *e)
{
    sqlite3_close(r->db);
    r->db = NULL;
    if (sqlite3_open_v2(name, &r->db, flags | SQLITE_OPEN_EXRESCODE, NULL) != SQLITE_OK)
        return results_fail(r, "opened", e);
    sqlite3_busy_timeout(r->db, BUSY_MS);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_DEFENSIVE, 1, NULL);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, NULL);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_ENABLE_TRIGGER, 0, NULL);
    sqlite3_db_config(r->db, SQLITE_DBCONFIG_ENABLE_VIEW, 0, NULL);
    return results_exec(r, "PRAGMA mmap_size=0; PRAGMA cell_size_check=ON", "opened", e);
}

/* SQLite would make a journal in a folder of that name; and its words for it are unclear. */
static bool is_folder(const char *path, struct err *e)
{
    struct stat st;
    if (stat(path, &st) != 0 || !S_ISDIR(st.st_mode))
        return false;
    err_set(e, "the results file '%s' could not be opened: it is a folder", path);
    return true;
}

struct results *results_open(const char *path, struct err *e)
{
    if (is_folder(path, e))
        return NULL;
    struct results *r = results_new(path, true);
    bool empty = false;
    bool ok = connect_to(r, path, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, e) &&
              identify(r, &empty, e) &&
              results_exec(r,
                           "PRAGMA journal_mode=WAL; PRAGMA synchronous=NORMAL;"
                           "PRAGMA foreign_keys=ON",
                           "opened to write", e);
    if (ok && empty)
        ok = create_schema(r, e);
    /* A read-only file opens and would only fail at the first point. */
    if (ok && sqlite3_db_readonly(r->db, "main") == 1)
        ok = err_set(e, "the results file '%s' may not be written: it is read-only", path);
    if (ok)
        return r;
    results_free(r);
    return NULL;
}

/* The path as a URI that tells SQLite that nobody changes the file: needed where it lies in a
 * folder in which the reader's shared memory file cannot be made. */
static char *immutable_uri(const char *path)
{
    char *uri = base_alloc(3 * strlen(path) + 32), *to = uri;
    to += sprintf(to, "file:");
    for (; *path != '\0'; path++) {
        unsigned char c = (unsigned char)*path;
        if (c == '%' || c == '?' || c == '#')
            to += sprintf(to, "%%%02x", c);
        else
            *to++ = (char)c;
    }
    static const char mode[] = "?immutable=1";
    memcpy(to, mode, sizeof mode);
    return uri;
}

static bool open_still(struct results *r, bool *empty, struct err *e)
{
    struct stat st;
    char *wal = base_printf("%s-wal", r->path);
    bool quiet = stat(wal, &st) != 0 || st.st_size == 0;
    free(wal);
    if (!quiet)
        return false;
    char *uri = immutable_uri(r->path);
    bool ok =
        connect_to(r, uri, SQLITE_OPEN_READONLY | SQLITE_OPEN_URI, e) && identify(r, empty, e);
    free(uri);
    return ok;
}

static bool check_whole(struct results *r, struct err *e)
{
    struct stat st;
    if (stat(r->path, &st) != 0 || st.st_size > CHECK_WHOLE)
        return true;
    sqlite3_stmt *s = results_prepare(r, "PRAGMA quick_check(1)", e);
    if (s == NULL)
        return false;
    bool ok =
        sqlite3_step(s) == SQLITE_ROW && strcmp((const char *)sqlite3_column_text(s, 0), "ok") == 0;
    sqlite3_finalize(s);
    return ok ||
           err_set(e, "the results file '%s' could not be read: the file is damaged", r->path);
}

struct results *results_open_read(const char *path, struct err *e)
{
    if (is_folder(path, e))
        return NULL;
    struct results *r = results_new(path, false);
    bool empty = false;
    struct err first = ERR_INIT;
    /* Opened to write where that is allowed, though nothing is written: the last reader to close
     * then takes SQLite's helper files away again. */
    bool ok = connect_to(r, path, SQLITE_OPEN_READWRITE, &first) &&
              results_exec(r, "PRAGMA query_only=ON", "opened", &first) &&
              identify(r, &empty, &first);
    struct stat st;
    int code = ok ? 0 : sqlite3_errcode(r->db) & 0xff;
    if ((code == SQLITE_CANTOPEN || code == SQLITE_READONLY) && stat(path, &st) == 0) {
        struct err second = ERR_INIT;
        ok = open_still(r, &empty, &second);
    }
    if (!ok)
        err_set(e, "%s", first.text);
    if (ok && empty)
        ok = err_set(e, "the results file '%s' is empty", path);
    ok = ok && check_whole(r, e);
    if (ok)
        return r;
    results_free(r);
    return NULL;
}

bool results_close(struct results *r, struct err *e)
{
    if (r == NULL)
        return true;
    bool ok = true;
    if (r->in_point)
        sqlite3_exec(r->db, "ROLLBACK", NULL, NULL, NULL);
    if (r->writing) {
        /* Brings the log into the file; a reader that is in the way only postpones that. */
        int rc = sqlite3_wal_checkpoint_v2(r->db, NULL, SQLITE_CHECKPOINT_PASSIVE, NULL, NULL);
        if (rc != SQLITE_OK && (rc & 0xff) != SQLITE_BUSY && (rc & 0xff) != SQLITE_LOCKED)
            ok = results_fail(r, "brought to the disk", e);
    }
    results_free(r);
    return ok;
}

const char *results_path(const struct results *r)
{
    return r->path;
}
