/* trace.c: writes a Chrome trace: a JSON array of events, one a line, compressed when asked.
 *
 * A process of the trace is a node (pid = node + 1; 0 is the machine as a whole), a thread of it a
 * track; both get a name record when they first occur.  Times are microseconds with six digits, so
 * a picosecond is not lost.  Identifiers of spans are local to their process and category.
 *
 * Spans that are open at the end, or whose begin fell outside the window, are made whole: the trace
 * holds as many ends as begins.
 */
#include "sim/trace.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wconversion"
#include <uthash.h>
#pragma GCC diagnostic pop

#include "sim/base/whole.h"
#include "sim/internal.h"

#define RECORDS_MAX 10000000 /* when the options say nothing: some 1 GB of text */
#define BUFFER 65536
#define ZSTD_LEVEL 3

struct track {
    UT_hash_handle hh;
    uint64_t tid;
    char key[]; /* "pid track" */
};

struct span {
    UT_hash_handle hh;
    uint64_t depth; /* the same name may be begun twice with one id */
    int64_t node;
    uint64_t id, tid;
    char *category, *name;
    char key[]; /* "category node id track: name" */
};

struct sim_trace {
    FILE *file; /* NULL: off */
    struct whole whole;
    ZSTD_CCtx *zstd;
    struct sim_trace_options options;
    char *categories;
    const struct sim_trace_nodes *nodes;
    size_t node_count;
    uint64_t records;
    bool first, cut;
    sim_time latest;
    struct track *tracks;
    struct span *spans;
    char line[8192];
    size_t used;
};

struct sim_trace *sim_trace_create(struct sim *s)
{
    (void)s;
    return base_zalloc(1, sizeof(struct sim_trace));
}

static void out_raw(struct sim_trace *t, const void *data, size_t size)
{
    if (size > 0)
        (void)!fwrite(data, 1, size, t->file); /* a failure is told at the end */
}

static void out(struct sim_trace *t, const char *data, size_t size, bool last)
{
    if (t->zstd == NULL) {
        out_raw(t, data, size);
        return;
    }
    static uint8_t packed[BUFFER];
    ZSTD_inBuffer in = { data, size, 0 };
    size_t left;
    do {
        ZSTD_outBuffer to = { packed, sizeof packed, 0 };
        left = ZSTD_compressStream2(t->zstd, &to, &in, last ? ZSTD_e_end : ZSTD_e_continue);
        ASSERT(!ZSTD_isError(left));
        out_raw(t, packed, to.pos);
    } while (last ? left > 0 : in.pos < in.size);
}

/* ---- one record ---- */

static void text(struct sim_trace *t, const char *s)
{
    size_t n = strlen(s);
    if (n > sizeof t->line - t->used - 64)
        n = 0; /* only absurdly long names: they are cut by quoted() */
    memcpy(t->line + t->used, s, n);
    t->used += n;
}

static void number(struct sim_trace *t, const char *key, int64_t v)
{
    char buf[64];
    snprintf(buf, sizeof buf, ",\"%s\":%" PRId64, key, v);
    text(t, buf);
}

/* A JSON string of at most 256 characters; bytes that are not ASCII become '?'. */
static void quoted(struct sim_trace *t, const char *s)
{
    text(t, "\"");
    size_t length = strnlen(s, 256);
    for (size_t i = 0; i < length; i++) {
        unsigned char c = (unsigned char)s[i];
        char buf[8];
        if (c == '"' || c == '\\')
            snprintf(buf, sizeof buf, "\\%c", c);
        else if (c < 0x20)
            snprintf(buf, sizeof buf, "\\u%04x", c);
        else
            snprintf(buf, sizeof buf, "%c", c < 0x7f ? c : '?');
        text(t, buf);
    }
    text(t, "\"");
}

static void member(struct sim_trace *t, const char *key, const char *value)
{
    text(t, ",\"");
    text(t, key);
    text(t, "\":");
    quoted(t, value);
}

static int64_t pid_of(int64_t node)
{
    return node < 0 ? 0 : node + 1;
}

static void record_begin(struct sim_trace *t, const char *phase)
{
    t->used = 0;
    text(t, t->first ? "[\n" : ",\n");
    t->first = false;
    text(t, "{\"ph\":\"");
    text(t, phase);
    text(t, "\"");
}

static void record_end(struct sim_trace *t)
{
    text(t, "}");
    out(t, t->line, t->used, false);
}

static void when(struct sim_trace *t, sim_time at)
{
    char buf[64];
    snprintf(buf, sizeof buf, ",\"ts\":%" PRId64 ".%06" PRId64, at / SIM_US, at % SIM_US);
    text(t, buf);
}

static void name_record(struct sim_trace *t, const char *what, int64_t node, uint64_t tid,
                        const char *name)
{
    record_begin(t, "M");
    member(t, "name", what);
    number(t, "pid", pid_of(node));
    number(t, "tid", (int64_t)tid);
    text(t, ",\"args\":{\"name\":");
    quoted(t, name);
    text(t, "}");
    record_end(t);
}

static struct track *track_find(struct sim_trace *t, int64_t node, const char *name, bool *fresh)
{
    char key[320];
    snprintf(key, sizeof key, "%" PRId64 " %.256s", pid_of(node), name);
    struct track *k = NULL;
    HASH_FIND_STR(t->tracks, key, k);
    *fresh = k == NULL;
    if (k != NULL)
        return k;
    size_t size = strlen(key) + 1;
    k = base_zalloc(1, sizeof *k + size);
    memcpy(k->key, key, size);
    k->tid = HASH_COUNT(t->tracks) + 1;
    HASH_ADD_KEYPTR(hh, t->tracks, k->key, strlen(k->key), k);
    return k;
}

/* The thread of a track; names it, and its process, at the first use. */
static uint64_t track_id(struct sim_trace *t, int64_t node, const char *name)
{
    bool fresh;
    track_find(t, node, "", &fresh);
    if (fresh) {
        char process[32] = "machine";
        if (node >= 0)
            snprintf(process, sizeof process, "node %" PRId64, node);
        name_record(t, "process_name", node, 0, process);
        record_begin(t, "M");
        member(t, "name", "process_sort_index");
        number(t, "pid", pid_of(node));
        char buf[64];
        snprintf(buf, sizeof buf, ",\"args\":{\"sort_index\":%" PRId64 "}", pid_of(node));
        text(t, buf);
        record_end(t);
    }
    struct track *k = track_find(t, node, name, &fresh);
    if (fresh)
        name_record(t, "thread_name", node, k->tid, name);
    return k->tid;
}

static bool category_on(const struct sim_trace *t, const char *category)
{
    size_t n = strlen(category);
    for (const char *p = t->categories; p != NULL; p++) {
        if (strncmp(p, category, n) == 0 && (p[n] == ',' || p[n] == '\0'))
            return true;
        p = strchr(p, ',');
        if (p == NULL)
            return false;
    }
    return true; /* no list: all */
}

static bool node_on(const struct sim_trace *t, int64_t node)
{
    size_t i = 0;
    while (i < t->node_count && (node < t->nodes[i].from || node > t->nodes[i].to))
        i++;
    return i < t->node_count || t->node_count == 0;
}

static bool wanted(struct sim_trace *t, const char *category, int64_t node, sim_time at)
{
    if (t->file == NULL || at < t->options.from || (t->options.to > 0 && at > t->options.to))
        return false;
    if (!category_on(t, category) || !node_on(t, node))
        return false;
    if (t->records >= t->options.max_records) {
        t->cut = true;
        return false;
    }
    t->records++;
    t->latest = sim_time_max(t->latest, at);
    return true;
}

static void span_record(struct sim_trace *t, const char *phase, const char *category, int64_t node,
                        uint64_t tid, const char *name, uint64_t id, sim_time at)
{
    record_begin(t, phase);
    member(t, "cat", category);
    member(t, "name", name);
    char buf[64];
    snprintf(buf, sizeof buf, ",\"id2\":{\"local\":\"0x%" PRIx64 "\"}", id);
    text(t, buf);
    number(t, "pid", pid_of(node));
    number(t, "tid", (int64_t)tid);
    when(t, at);
    record_end(t);
}

static void span_key(char *key, size_t size, const char *category, int64_t node, uint64_t id,
                     const char *track, const char *name)
{
    snprintf(key, size, "%.64s %" PRId64 " %" PRIx64 " %.128s: %.256s", category, node, id, track,
             name);
}

static void span_free(struct sim_trace *t, struct span *p)
{
    HASH_DEL(t->spans, p);
    free(p->category);
    free(p->name);
    free(p);
}

/* ---- the interface ---- */

bool sim_trace_open(struct sim *s, const char *path, const struct sim_trace_options *o,
                    struct err *e)
{
    struct sim_trace *t = sim_trace(s);
    ASSERT(t->file == NULL);
    if (!whole_open(&t->whole, "the trace", path, e))
        return false;
    t->file = t->whole.file;
    t->options = o != NULL ? *o : (struct sim_trace_options){ 0 };
    t->categories = t->options.categories != NULL ? base_strdup(t->options.categories) : NULL;
    if (t->options.max_records == 0)
        t->options.max_records = RECORDS_MAX;
    size_t n = strlen(path);
    if (n > 4 && strcmp(path + n - 4, ".zst") == 0) {
        t->zstd = ZSTD_createCCtx();
        ASSERT(t->zstd != NULL);
        ZSTD_CCtx_setParameter(t->zstd, ZSTD_c_compressionLevel, ZSTD_LEVEL);
    }
    t->first = true;
    t->cut = false;
    t->records = 0;
    t->latest = 0;
    s->tracing = true;
    return true;
}

static void close_spans(struct sim_trace *t)
{
    struct span *p, *next;
    HASH_ITER(hh, t->spans, p, next)
    {
        /* cppcheck-suppress uninitvar ; HASH_ITER sets p */
        for (; p->depth > 0; p->depth--)
            span_record(t, "e", p->category, p->node, p->tid, p->name, p->id, t->latest);
        span_free(t, p);
    }
    struct track *k, *k_next;
    HASH_ITER(hh, t->tracks, k, k_next)
    {
        HASH_DEL(t->tracks, k); /* NOLINT(clang-analyzer-unix.Malloc): k_next was read before */
        free(k);
    }
}

static bool trace_close(struct sim_trace *t, struct err *e)
{
    if (t->file == NULL)
        return true;
    if (t->cut) {
        char name[96];
        snprintf(name, sizeof name, "trace cut after %" PRIu64 " records", t->records);
        record_begin(t, "i");
        member(t, "name", name);
        text(t, ",\"s\":\"g\",\"pid\":0,\"tid\":0");
        when(t, t->latest);
        record_end(t);
    }
    close_spans(t);
    const char *end = t->first ? "[\n]\n" : "\n]\n";
    out(t, end, strlen(end), true);
    bool ok = whole_close(&t->whole, "the trace", true, e);
    t->file = NULL;
    ZSTD_freeCCtx(t->zstd);
    t->zstd = NULL;
    free(t->categories);
    t->categories = NULL;
    return ok;
}

void sim_trace_destroy(struct sim_trace *t)
{
    trace_close(t, NULL); /* when the run ended in a hurry: what is there stays readable */
    free(t);
}

void sim_trace_only(struct sim *s, const struct sim_trace_nodes *nodes, size_t count)
{
    s->trace->nodes = nodes;
    s->trace->node_count = count;
}

bool sim_trace_close(struct sim *s, struct err *e)
{
    s->tracing = false;
    return trace_close(sim_trace(s), e);
}

bool sim_trace_on(const struct sim *s, const char *category)
{
    return s->trace->file != NULL && category_on(s->trace, category);
}

void sim_trace_begin(struct sim *s, const char *category, int64_t node, const char *track,
                     const char *name, uint64_t id, sim_time at)
{
    struct sim_trace *t = sim_trace(s);
    if (!wanted(t, category, node, at))
        return;
    uint64_t tid = track_id(t, node, track);
    span_record(t, "b", category, node, tid, name, id, at);
    char key[544];
    span_key(key, sizeof key, category, node, id, track, name);
    struct span *p = NULL;
    HASH_FIND_STR(t->spans, key, p);
    if (p == NULL) {
        size_t size = strlen(key) + 1;
        p = base_zalloc(1, sizeof *p + size);
        memcpy(p->key, key, size);
        p->node = node;
        p->id = id;
        p->tid = tid;
        p->category = base_strdup(category);
        p->name = base_strdup(name);
        HASH_ADD_KEYPTR(hh, t->spans, p->key, strlen(p->key), p);
    }
    p->depth++;
}

void sim_trace_end(struct sim *s, const char *category, int64_t node, const char *track,
                   const char *name, uint64_t id, sim_time at)
{
    struct sim_trace *t = sim_trace(s);
    if (t->file == NULL)
        return;
    char key[544];
    span_key(key, sizeof key, category, node, id, track, name);
    struct span *p = NULL;
    HASH_FIND_STR(t->spans, key, p);
    if (p == NULL)
        return; /* its begin was left out */
    if (t->options.to > 0 && at > t->options.to)
        at = t->options.to;
    span_record(t, "e", category, node, p->tid, name, id, at);
    t->latest = sim_time_max(t->latest, at);
    if (--p->depth == 0)
        span_free(t, p);
}

void sim_trace_interval(struct sim *s, const char *category, int64_t node, const char *track,
                        const char *name, sim_time from, sim_time to)
{
    struct sim_trace *t = sim_trace(s);
    from = sim_time_max(from, t->options.from);
    if (t->options.to > 0)
        to = sim_time_min(to, t->options.to);
    if (to < from || !wanted(t, category, node, from))
        return;
    uint64_t tid = track_id(t, node, track);
    record_begin(t, "X");
    member(t, "cat", category);
    member(t, "name", name);
    number(t, "pid", pid_of(node));
    number(t, "tid", (int64_t)tid);
    when(t, from);
    char buf[64];
    sim_time d = to - from;
    snprintf(buf, sizeof buf, ",\"dur\":%" PRId64 ".%06" PRId64, d / SIM_US, d % SIM_US);
    text(t, buf);
    record_end(t);
    t->latest = sim_time_max(t->latest, to);
}

void sim_trace_counter(struct sim *s, const char *category, int64_t node, const char *name,
                       double value, sim_time at)
{
    struct sim_trace *t = sim_trace(s);
    if (!wanted(t, category, node, at))
        return;
    track_id(t, node, name);
    record_begin(t, "C");
    member(t, "cat", category);
    member(t, "name", name);
    number(t, "pid", pid_of(node));
    when(t, at);
    char buf[64];
    snprintf(buf, sizeof buf, ",\"args\":{\"value\":%.17g}", value - value == 0.0 ? value : 0.0);
    text(t, buf);
    record_end(t);
}

void sim_trace_instant(struct sim *s, const char *category, int64_t node, const char *track,
                       const char *name, sim_time at)
{
    struct sim_trace *t = sim_trace(s);
    if (!wanted(t, category, node, at))
        return;
    uint64_t tid = track_id(t, node, track);
    record_begin(t, "i");
    member(t, "cat", category);
    member(t, "name", name);
    text(t, ",\"s\":\"t\"");
    number(t, "pid", pid_of(node));
    number(t, "tid", (int64_t)tid);
    when(t, at);
    record_end(t);
}
