/* store.c: what is written of a point, and read back of a finished one. */
#include "cli/store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/value.h"
#include "cli/version.h"
#include "sim/base/units.h"

static const char *const kind_names[SIM_KIND_COUNT] = {
    [SIM_KIND_CPU] = "cpu",    [SIM_KIND_BUS] = "bus", [SIM_KIND_CHANNEL] = "channel",
    [SIM_KIND_ARM] = "arm",    [SIM_KIND_NIC] = "nic", [SIM_KIND_SCSI] = "scsi",
    [SIM_KIND_OTHER] = "other"
};

const char *store_kind_name(enum sim_kind kind)
{
    return kind_names[kind];
}

static void add_value(struct results *db, enum results_param_kind kind, const char *path,
                      const struct val *v)
{
    char *text = value_text(v);
    results_add_param(db, kind, path, text, value_number(v));
    free(text);
}

static void add_leaves(struct results *db, const char *path, const struct val *v)
{
    if (v->type != VAL_TABLE && v->type != VAL_LIST) {
        add_value(db, RESULTS_PARAM_RESOLVED, path, v);
        return;
    }
    for (size_t i = 0; i < v->count; i++) {
        char *inner = v->type == VAL_TABLE ? base_printf("%s.%s", path, v->items[i]->key)
                                           : base_printf("%s.%zu", path, i + 1);
        add_leaves(db, inner, v->items[i]);
        free(inner);
    }
}

static void add_params(struct results *db, const struct config_case *c)
{
    static const char *const parts[] = { "machine", "mesh", "devices", "libraries", "workload" };
    for (size_t i = 0; i < c->sweep->count; i++)
        add_value(db, RESULTS_PARAM_SWEPT, c->sweep->items[i]->key, c->sweep->items[i]);
    for (size_t i = 0; i < ARRAY_LEN(parts) && !c->answer; i++) {
        const struct val *v = val_get(c->root, parts[i]);
        if (v)
            add_leaves(db, parts[i], v);
    }
}

/* ---- writing ---- */

bool store_experiment(struct results *db, const struct config *c, const char *command, int64_t *id,
                      struct err *e)
{
    const struct val *text = val_get(c->sources, c->file);
    struct results_experiment x = {
        .name = c->name,
        .title = c->title,
        .config_path = c->file,
        .config_text = text ? text->u.s : "",
        .version = version_of_model(),
        .command = command,
    };
    return results_experiment_add(db, &x, id, e);
}

/* The measure of the configuration's figure, or the first that it names and that was measured. */
static const struct point_scalar *chosen(const struct config *c, const struct point_result *r)
{
    const struct val *y = val_get(c->figure, "y");
    const struct point_scalar *s = y && y->type == VAL_STRING ? point_scalar(r, y->u.s) : NULL;
    for (size_t i = 0; !s && c->measures && i < c->measures->count; i++)
        s = point_scalar(r, c->measures->items[i]->u.s);
    return s;
}

bool store_point(struct results *db, int64_t experiment, const struct config *c, size_t idx,
                 const struct point_result *r, struct err *e)
{
    const struct config_point *p = &c->points[idx];
    struct results_point row = {
        .experiment = experiment,
        .idx = (int64_t)idx,
        .replication = p->replication,
        .seed = p->seed,
        .identity = p->identity,
        .status = point_status_name(r->status),
        .finished = point_finished(r->status),
        .detail = r->message,
        .digest = r->digest,
        .end_time = r->end_time,
        .window = r->window,
        .events = r->events,
        .host_seconds = r->host_seconds,
        .host_bytes = r->host_bytes,
    };
    int64_t id;
    results_point_begin(db, &row);
    add_params(db, p->c);
    const struct point_scalar *first = chosen(c, r);
    for (size_t i = 0; i < r->scalar_count; i++) {
        const struct point_scalar *s = &r->scalars[i];
        results_add_scalar(db, s->name, s->unit, s->value, s->half_width,
                           s->flags | (s == first ? SIM_MEASURE_CHOSEN : 0U));
    }
    for (size_t i = 0; i < r->bin_count; i++)
        results_add_bin(db, r->bins[i].measure, r->bins[i].lo, r->bins[i].hi, r->bins[i].count);
    for (size_t i = 0; i < r->sample_count; i++)
        results_add_sample(db, r->samples[i].series, r->samples[i].unit, r->samples[i].at,
                           r->samples[i].value);
    for (size_t i = 0; i < r->busy_count; i++)
        results_add_busy(db, kind_names[r->busy[i].kind], r->busy[i].name, r->busy[i].node,
                         r->busy[i].time, r->busy[i].share, r->busy[i].uses);
    for (size_t i = 0; i < r->remark_count; i++)
        results_add_remark(db, r->remarks[i]);
    return results_point_commit(db, &id, e);
}

/* ---- reading: what tables and expectations need; the rest stays in the file ---- */

struct stored {
    char identity[33], digest[33];
    int64_t id;
    enum point_status status;
    char *message;
    sim_time end_time, window;
    uint64_t events, host_bytes;
    double host_seconds;
};

struct store_index {
    struct stored *points; /* by identity, the latest of equals first */
    size_t count;
};

static void index_point(void *arg, const struct results_point *p)
{
    struct store_index *x = arg;
    if (!p->finished)
        return;
    if ((x->count & (x->count - 1)) == 0)
        x->points = base_realloc(x->points, (x->count ? x->count * 2 : 1) * sizeof *x->points);
    struct stored *s = &x->points[x->count++];
    *s = (struct stored){ .id = p->id,
                          .status = POINT_OK,
                          .message = p->detail && p->detail[0] ? base_strdup(p->detail) : NULL,
                          .end_time = p->end_time,
                          .window = p->window,
                          .events = p->events,
                          .host_seconds = p->host_seconds,
                          .host_bytes = p->host_bytes };
    snprintf(s->identity, sizeof s->identity, "%s", p->identity);
    snprintf(s->digest, sizeof s->digest, "%s", p->digest ? p->digest : "");
    for (int k = 0; k < POINT_STATUS_COUNT; k++)
        if (strcmp(point_status_name((enum point_status)k), p->status) == 0)
            s->status = (enum point_status)k;
}

static int by_identity(const void *a, const void *b)
{
    const struct stored *x = a, *y = b;
    int d = strcmp(x->identity, y->identity);
    return d ? d : (x->id < y->id) - (x->id > y->id);
}

struct store_index *store_index_make(struct results *db, struct err *e)
{
    struct store_index *x = base_zalloc(1, sizeof *x);
    if (!results_each_point(db, 0, index_point, x, e)) {
        store_index_free(x);
        return NULL;
    }
    if (x->count > 0)
        qsort(x->points, x->count, sizeof *x->points, by_identity);
    return x;
}

void store_index_free(struct store_index *x)
{
    for (size_t i = 0; x && i < x->count; i++)
        free(x->points[i].message);
    if (x)
        free(x->points);
    free(x);
}

/* The latest stored point of that identity, or NULL. */
static const struct stored *index_find(const struct store_index *x, const char *identity)
{
    size_t lo = 0, hi = x->count;
    while (lo < hi) {
        size_t mid = lo + (hi - lo) / 2;
        if (strcmp(x->points[mid].identity, identity) < 0)
            lo = mid + 1;
        else
            hi = mid;
    }
    return lo < x->count && strcmp(x->points[lo].identity, identity) == 0 ? &x->points[lo] : NULL;
}

static void read_scalar(void *arg, const char *name, const char *unit, double value,
                        double half_width, unsigned flags)
{
    struct point_result *r = arg;
    r->scalars = base_realloc(r->scalars, (r->scalar_count + 1) * sizeof *r->scalars);
    r->scalars[r->scalar_count++] =
        (struct point_scalar){ base_strdup(name), base_strdup(unit), value, half_width, flags };
}

static void read_busy(void *arg, const char *kind, const char *name, int64_t node, sim_time busy,
                      double share, uint64_t uses)
{
    struct point_result *r = arg;
    struct point_busy b = { .name = base_strdup(name),
                            .kind = SIM_KIND_OTHER,
                            .node = (int32_t)node,
                            .time = busy,
                            .share = share,
                            .uses = uses };
    for (int k = 0; k < SIM_KIND_COUNT; k++)
        if (strcmp(kind_names[k], kind) == 0)
            b.kind = (enum sim_kind)k;
    r->busy = base_realloc(r->busy, (r->busy_count + 1) * sizeof *r->busy);
    r->busy[r->busy_count++] = b;
}

static void read_remark(void *arg, const char *text)
{
    struct point_result *r = arg;
    r->remarks = base_realloc(r->remarks, (r->remark_count + 1) * sizeof *r->remarks);
    r->remarks[r->remark_count++] = base_strdup(text);
}

static void read_sample(void *arg, const char *series, const char *unit, sim_time at, double value)
{
    struct point_result *r = arg;
    if ((r->sample_count & (r->sample_count - 1)) == 0)
        r->samples = base_realloc(r->samples, (2 * r->sample_count + 1) * sizeof *r->samples);
    r->samples[r->sample_count++] =
        (struct point_sample){ base_strdup(series), base_strdup(unit), at, value };
}

struct axes {
    const struct val *sweep;
    size_t at;
    bool same;
};

static void compare_axis(void *arg, const char *path, const char *value, double number)
{
    struct axes *a = arg;
    const struct val *v = a->at < a->sweep->count ? a->sweep->items[a->at++] : NULL;
    char *text = v ? value_text(v) : NULL;
    (void)number;
    a->same = a->same && v && strcmp(v->key, path) == 0 && strcmp(text, value) == 0;
    free(text);
}

/* Of the stored points that are this one the latest that was swept by the same names and values:
 * what is stored says where it stands in tables and figures.  NULL: there is none. */
static bool find_swept(struct results *db, const struct store_index *x,
                       const struct config_point *p, const struct stored **out, struct err *e)
{
    const struct stored *s = index_find(x, p->identity), *end = x->points + x->count;
    for (*out = NULL; s && s < end && strcmp(s->identity, p->identity) == 0; s++) {
        struct axes a = { .sweep = p->c->sweep, .same = true };
        if (!results_each_param(db, s->id, RESULTS_PARAM_SWEPT, compare_axis, &a, e))
            return false;
        if (a.same && a.at == a.sweep->count) {
            *out = s;
            break;
        }
    }
    return true;
}

bool store_reuse(struct results *db, const struct store_index *x, int64_t experiment,
                 const struct config *c, size_t idx, struct point_result *r, bool *found,
                 struct err *e)
{
    const struct stored *s;
    point_result_init(r);
    if (!find_swept(db, x, &c->points[idx], &s, e))
        return false;
    *found = s != NULL;
    if (!s)
        return true;
    r->status = s->status;
    r->message = s->message ? base_strdup(s->message) : NULL;
    memcpy(r->digest, s->digest, sizeof r->digest);
    r->end_time = s->end_time;
    r->window = s->window;
    r->events = s->events;
    r->host_seconds = s->host_seconds;
    r->host_bytes = s->host_bytes;
    return results_each_scalar(db, s->id, read_scalar, r, e) &&
           results_each_busy(db, s->id, read_busy, r, e) &&
           results_each_remark(db, s->id, read_remark, r, e) &&
           results_each_sample(db, s->id, read_sample, r, e) &&
           results_point_reuse(db, experiment, (int64_t)idx, s->id, e);
}
