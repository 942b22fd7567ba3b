/* point_result.c: the result of a point in memory and as bytes on a pipe. */
#include <stdlib.h>
#include <string.h>

#include "cli/point.h"

const char *point_status_name(enum point_status s)
{
    static const char *const names[] = { "ok",      "audit",     "refused",     "deadlock", "limit",
                                         "crashed", "unwritten", "interrupted", "unused" };
    return names[s];
}

void point_result_init(struct point_result *r)
{
    *r = (struct point_result){ .status = POINT_OK };
}

void point_result_fini(struct point_result *r)
{
    for (size_t i = 0; i < r->scalar_count; i++) {
        free(r->scalars[i].name);
        free(r->scalars[i].unit);
    }
    for (size_t i = 0; i < r->busy_count; i++)
        free(r->busy[i].name);
    for (size_t i = 0; i < r->bin_count; i++)
        free(r->bins[i].measure);
    for (size_t i = 0; i < r->sample_count; i++) {
        free(r->samples[i].series);
        free(r->samples[i].unit);
    }
    for (size_t i = 0; i < r->remark_count; i++)
        free(r->remarks[i]);
    free(r->scalars);
    free(r->busy);
    free(r->bins);
    free(r->samples);
    free(r->remarks);
    free(r->message);
    point_result_init(r);
}

void point_result_put(struct wire *w, const struct point_result *r)
{
    wire_u8(w, (uint8_t)r->status);
    wire_text(w, r->message);
    wire_text(w, r->digest);
    wire_u64(w, (uint64_t)r->end_time);
    wire_u64(w, (uint64_t)r->window);
    wire_u64(w, r->events);
    wire_double(w, r->host_seconds);
    wire_u64(w, r->host_bytes);
    wire_u64(w, r->scalar_count);
    for (size_t i = 0; i < r->scalar_count; i++) {
        wire_text(w, r->scalars[i].name);
        wire_text(w, r->scalars[i].unit);
        wire_double(w, r->scalars[i].value);
        wire_double(w, r->scalars[i].half_width);
        wire_u32(w, r->scalars[i].flags);
    }
    wire_u64(w, r->busy_count);
    for (size_t i = 0; i < r->busy_count; i++) {
        wire_text(w, r->busy[i].name);
        wire_u8(w, (uint8_t)r->busy[i].kind);
        wire_u32(w, (uint32_t)r->busy[i].node);
        wire_u64(w, (uint64_t)r->busy[i].time);
        wire_double(w, r->busy[i].share);
        wire_u64(w, r->busy[i].uses);
    }
    wire_u64(w, r->bin_count);
    for (size_t i = 0; i < r->bin_count; i++) {
        wire_text(w, r->bins[i].measure);
        wire_double(w, r->bins[i].lo);
        wire_double(w, r->bins[i].hi);
        wire_u64(w, r->bins[i].count);
    }
    wire_u64(w, r->sample_count);
    for (size_t i = 0; i < r->sample_count; i++) {
        wire_text(w, r->samples[i].series);
        wire_text(w, r->samples[i].unit);
        wire_u64(w, (uint64_t)r->samples[i].at);
        wire_double(w, r->samples[i].value);
    }
    wire_u64(w, r->remark_count);
    for (size_t i = 0; i < r->remark_count; i++)
        wire_text(w, r->remarks[i]);
}

/* Room for as many items as were announced, if the rest of the data could hold them at all. */
static void *room(struct wire_reader *rd, size_t *count, size_t size)
{
    uint64_t n = wire_get_u64(rd);
    *count = 0;
    if (rd->bad || n > rd->length - rd->at) {
        rd->bad = true;
        return NULL;
    }
    *count = (size_t)n;
    return base_zalloc(*count + 1, size);
}

static char *text(struct wire_reader *rd)
{
    char *s = wire_get_text(rd);
    return s ? s : base_strdup("");
}

static void get_scalars(struct wire_reader *rd, struct point_result *r)
{
    r->scalars = room(rd, &r->scalar_count, sizeof *r->scalars);
    for (size_t i = 0; i < r->scalar_count; i++) {
        r->scalars[i].name = text(rd);
        r->scalars[i].unit = text(rd);
        r->scalars[i].value = wire_get_double(rd);
        r->scalars[i].half_width = wire_get_double(rd);
        r->scalars[i].flags = wire_get_u32(rd);
    }
}

static void get_busy(struct wire_reader *rd, struct point_result *r)
{
    r->busy = room(rd, &r->busy_count, sizeof *r->busy);
    for (size_t i = 0; i < r->busy_count; i++) {
        r->busy[i].name = text(rd);
        uint8_t kind = wire_get_u8(rd);
        rd->bad |= kind >= SIM_KIND_COUNT;
        r->busy[i].kind = kind < SIM_KIND_COUNT ? (enum sim_kind)kind : SIM_KIND_OTHER;
        r->busy[i].node = (int32_t)wire_get_u32(rd);
        r->busy[i].time = (sim_time)wire_get_u64(rd);
        r->busy[i].share = wire_get_double(rd);
        r->busy[i].uses = wire_get_u64(rd);
    }
}

bool point_result_get(struct wire_reader *rd, struct point_result *r)
{
    point_result_init(r);
    uint8_t status = wire_get_u8(rd);
    rd->bad |= status >= POINT_STATUS_COUNT;
    r->status = rd->bad ? POINT_CRASHED : (enum point_status)status;
    r->message = wire_get_text(rd);
    char *digest = text(rd);
    strncpy(r->digest, digest, sizeof r->digest - 1);
    free(digest);
    r->end_time = (sim_time)wire_get_u64(rd);
    r->window = (sim_time)wire_get_u64(rd);
    r->events = wire_get_u64(rd);
    r->host_seconds = wire_get_double(rd);
    r->host_bytes = wire_get_u64(rd);
    get_scalars(rd, r);
    get_busy(rd, r);
    r->bins = room(rd, &r->bin_count, sizeof *r->bins);
    for (size_t i = 0; i < r->bin_count; i++) {
        r->bins[i].measure = text(rd);
        r->bins[i].lo = wire_get_double(rd);
        r->bins[i].hi = wire_get_double(rd);
        r->bins[i].count = wire_get_u64(rd);
    }
    r->samples = room(rd, &r->sample_count, sizeof *r->samples);
    for (size_t i = 0; i < r->sample_count; i++) {
        r->samples[i].series = text(rd);
        r->samples[i].unit = text(rd);
        r->samples[i].at = (sim_time)wire_get_u64(rd);
        r->samples[i].value = wire_get_double(rd);
    }
    r->remarks = room(rd, &r->remark_count, sizeof *r->remarks);
    for (size_t i = 0; i < r->remark_count; i++)
        r->remarks[i] = text(rd);
    if (!rd->bad)
        return true;
    point_result_fini(r);
    return false;
}

const struct point_scalar *point_scalar(const struct point_result *r, const char *name)
{
    size_t n = strlen(name);
    for (size_t i = 0; i < r->scalar_count; i++)
        if (strcmp(r->scalars[i].name, name) == 0)
            return &r->scalars[i];
    for (size_t i = 0; i < r->scalar_count; i++)
        if (strncmp(r->scalars[i].name, name, n) == 0 &&
            strcmp(r->scalars[i].name + n, ".mean") == 0)
            return &r->scalars[i];
    return NULL;
}

enum sim_why point_mark(const struct point_result *r)
{
    const struct point_scalar *steady = point_scalar(r, "steady"),
                              *window = point_scalar(r, "window");
    enum sim_why why = steady ? sim_why_of(steady->flags) : SIM_WHY_GOOD;
    return why == SIM_WHY_GOOD && window ? sim_why_of(window->flags) : why;
}

const struct point_busy *point_busiest(const struct point_result *r)
{
    const struct point_busy *best = NULL;
    for (size_t i = 0; i < r->busy_count; i++)
        if (!best || r->busy[i].time > best->time)
            best = &r->busy[i];
    return best;
}
