/* table.c: columns of text. */
#include "cli/table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "cli/clean.h"
#include "cli/store.h"
#include "cli/value.h"
#include "sim/measure.h"

/* ---- numbers ---- */

struct scale {
    double factor;
    const char *unit;
};

static const struct scale time_scales[] = { { 1, "s" },     { 1e-3, "ms" },  { 1e-6, "us" },
                                            { 1e-9, "ns" }, { 1e-12, "ps" }, { 0, NULL } };
static const struct scale size_scales[] = { { 1e12, "TB" }, { 1e9, "GB" }, { 1e6, "MB" },
                                            { 1e3, "kB" },  { 1, "B" },    { 0, NULL } };
static const struct scale rate_scales[] = {
    { 1e9, "GB/s" }, { 1e6, "MB/s" }, { 1e3, "kB/s" }, { 1, "B/s" }, { 0, NULL }
};

/* The scale in which a magnitude is at least 1 (or the smallest). */
static struct scale choose_scale(double magnitude, const char *unit)
{
    const struct scale *s = NULL;
    if (strcmp(unit, "s") == 0)
        s = time_scales;
    else if (strcmp(unit, "B") == 0)
        s = size_scales;
    else if (strcmp(unit, "B/s") == 0)
        s = rate_scales;
    if (!s)
        return (struct scale){ 1, strcmp(unit, "1") == 0 ? "" : unit };
    if (!(magnitude > 0))
        return strcmp(unit, "s") == 0 ? s[0] : (struct scale){ 1, unit };
    while (s[1].unit && magnitude < s->factor * 0.9999995)
        s++;
    return *s;
}

/* The decimal exponent of x rounded to four digits. */
static int exponent(double x)
{
    char text[32];
    snprintf(text, sizeof text, "%.3e", fabs(x));
    return atoi(strchr(text, 'e') + 1);
}

static int clamp(int digits)
{
    return digits < 0 ? 0 : digits > 9 ? 9 : digits;
}

/* Four digits; with an interval, as many as give the interval two. */
static void format_number(double x, double half_width, char *out, size_t size)
{
    bool interval = isfinite(half_width) && half_width > 0;
    if (!isfinite(x)) {
        snprintf(out, size, "-");
    } else if (interval) {
        int digits = clamp(1 - exponent(half_width));
        snprintf(out, size, "%.*f ±%.*f", digits, x, digits, half_width);
    } else {
        snprintf(out, size, "%.*f", clamp(3 - exponent(x)), x);
    }
}

void table_value(double value, const char *unit, char *out, size_t size)
{
    struct scale s = choose_scale(fabs(value), unit);
    char number[64];
    format_number(value / s.factor, NAN, number, sizeof number);
    snprintf(out, size, "%s%s%s", number, s.unit[0] && isfinite(value) ? " " : "",
             isfinite(value) ? s.unit : "");
}

/* ---- the grid ---- */

struct grid {
    char ***rows; /* [row][column], heap texts */
    size_t row_count, columns;
    size_t keys; /* columns at the left that tell rows apart */
};

static void grid_row(struct grid *g)
{
    g->rows = base_realloc(g->rows, (g->row_count + 1) * sizeof *g->rows);
    g->rows[g->row_count++] = base_zalloc(g->columns, sizeof(char *));
}

static void grid_set(struct grid *g, size_t column, char *text)
{
    g->rows[g->row_count - 1][column] = clean_line(text);
}

/* Columns on a terminal that a text takes: continuation bytes of UTF-8 take none. */
static size_t width(const char *s)
{
    size_t n = 0;
    for (; *s; s++)
        n += ((unsigned char)*s & 0xc0) != 0x80;
    return n;
}

/* Columns that the reader's terminal has; SIZE_MAX: nobody looks. */
static size_t terminal_columns(void)
{
    struct winsize w;
    const char *said = getenv("COLUMNS");
    if (isatty(STDOUT_FILENO) && ioctl(STDOUT_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        return w.ws_col;
    long n = said != NULL ? strtol(said, NULL, 10) : 0;
    return n > 0 ? (size_t)n : SIZE_MAX;
}

/* The columns from `from` to before `to`, behind those that tell rows apart. */
static void print_columns(FILE *f, const struct grid *g, const size_t *widths, size_t from,
                          size_t to)
{
    for (size_t r = 0; r < g->row_count; r++) {
        size_t blanks = 0; /* held back, so that no line ends in them */
        for (size_t c = 0; c < to; c++) {
            if (c >= g->keys && c < from)
                continue;
            const char *s = g->rows[r][c] ? g->rows[r][c] : "";
            if (s[0])
                fprintf(f, "%*s%s", (int)blanks, "", s);
            blanks = (s[0] ? 0 : blanks) + widths[c] - width(s) + 2;
        }
        fputc('\n', f);
    }
}

/* What does not fit the terminal follows below, each part with the columns that tell rows apart. */
static void grid_print(FILE *f, const struct grid *g)
{
    size_t *widths = base_zalloc(g->columns, sizeof *widths), room = terminal_columns();
    for (size_t r = 0; r < g->row_count; r++)
        for (size_t c = 0; c < g->columns; c++)
            if (g->rows[r][c] && width(g->rows[r][c]) > widths[c])
                widths[c] = width(g->rows[r][c]);
    size_t keys = 0;
    for (size_t c = 0; c < g->keys; c++)
        keys += widths[c] + 2;
    for (size_t from = g->keys, to; from < g->columns; from = to) {
        size_t used = keys + widths[from];
        for (to = from + 1; to < g->columns && used + 2 + widths[to] <= room; to++)
            used += 2 + widths[to];
        if (from > g->keys)
            fputc('\n', f);
        print_columns(f, g, widths, from, to);
    }
    free(widths);
}

static void grid_fini(struct grid *g)
{
    for (size_t r = 0; r < g->row_count; r++) {
        for (size_t c = 0; c < g->columns; c++)
            free(g->rows[r][c]);
        free(g->rows[r]);
    }
    free(g->rows);
}

/* ---- measures ---- */

static const struct point_result *a_finished(const struct campaign *r)
{
    for (size_t i = 0; i < r->count; i++)
        if (point_finished(r->results[i].status) && r->results[i].scalar_count > 0)
            return &r->results[i];
    return NULL;
}

/* What the answer of a bisection says. */
static const char *const found_names[] = { "saturated_at", "saturated_by" };

static bool is_found_name(const char *name)
{
    return strcmp(name, found_names[0]) == 0 || strcmp(name, found_names[1]) == 0;
}

/* With a bisection a table has a row for each answer; the values tried are in the results file. */
static bool is_row(const struct config *c, size_t case_idx)
{
    return !c->bisect || c->cases[case_idx].answer;
}

/* The case that a row's measures are of: in the row of an answer the largest value that holds.
 * SIZE_MAX: there is none. */
static size_t measured_case(const struct config *c, size_t case_idx)
{
    return c->bisect ? c->cases[case_idx].held : case_idx;
}

static bool row_value(const struct config *c, const struct campaign *r, size_t case_idx,
                      const char *measure, struct campaign_value *v)
{
    size_t from = c->bisect && is_found_name(measure) ? case_idx : measured_case(c, case_idx);
    return from != SIZE_MAX && campaign_value(r, c, from, measure, v);
}

const char **table_measures(const struct config *c, const struct campaign *r, size_t *count)
{
    const struct point_result *p = a_finished(r);
    size_t asked = c->measures ? c->measures->count : 0;
    const char **names = base_zalloc(asked + (p ? p->scalar_count : 0) + 3, sizeof *names);
    *count = 0;
    for (size_t i = 0; c->bisect && i < ARRAY_LEN(found_names); i++)
        names[(*count)++] = found_names[i];
    for (size_t i = 0; i < asked; i++)
        if (!c->bisect || !is_found_name(c->measures->items[i]->u.s))
            names[(*count)++] = c->measures->items[i]->u.s;
    for (size_t i = 0; asked == 0 && p && i < p->scalar_count; i++)
        if (p->scalars[i].flags & SIM_MEASURE_DEFAULT_COLUMN)
            names[(*count)++] = p->scalars[i].name;
    return names;
}

/* The scale of a column, by its largest value; of values more than a thousand times apart each has
 * a unit of its own, and `unit` is NULL. */
static struct scale column_scale(const struct config *c, const struct campaign *r,
                                 const char *measure)
{
    double most = 0, least = INFINITY;
    const char *unit = "1";
    struct campaign_value v;
    for (size_t i = 0; i < c->case_count; i++) {
        if (!is_row(c, i) || !row_value(c, r, i, measure, &v))
            continue;
        unit = v.unit;
        if (fabs(v.mean) > most)
            most = fabs(v.mean);
        if (fabs(v.mean) > 0 && fabs(v.mean) < least)
            least = fabs(v.mean);
    }
    struct scale s = choose_scale(most, unit);
    if (least < most / 1000 && choose_scale(least, unit).factor < s.factor)
        s.unit = NULL;
    return s;
}

/* ---- rows ---- */

static char *limited_by(const struct config *c, const struct campaign *r, size_t case_idx)
{
    for (size_t i = 0; i < c->point_count; i++) {
        const struct point_busy *b = point_busiest(&r->results[i]);
        if (c->points[i].case_idx != case_idx || !point_finished(r->results[i].status) || !b)
            continue;
        bool named =
            strncmp(b->name, store_kind_name(b->kind), strlen(store_kind_name(b->kind))) == 0 ||
            b->kind == SIM_KIND_OTHER;
        return base_printf("%s%s%s %.0f %%", named ? "" : store_kind_name(b->kind),
                           named ? "" : " ", b->name, 100 * b->share);
    }
    return base_strdup("-");
}

static char *status_of(const struct config *c, const struct campaign *r, size_t case_idx)
{
    size_t n[POINT_STATUS_COUNT] = { 0 }, all = 0;
    char *out = base_strdup("");
    for (size_t i = 0; i < c->point_count; i++) {
        if (c->points[i].case_idx != case_idx)
            continue;
        if (r->results[i].status == POINT_UNUSED)
            continue;
        n[r->results[i].status]++;
        all++;
    }
    if (n[POINT_OK] == all)
        return out;
    for (int s = 1; s < POINT_STATUS_COUNT; s++) {
        if (n[s] == 0)
            continue;
        const char *name = point_status_name((enum point_status)s), *sep = out[0] ? ", " : "";
        char *more = all == 1 ? base_printf("%s%s%s", out, sep, name)
                              : base_printf("%s%s%zu of %zu %s", out, sep, n[s], all, name);
        free(out);
        out = more;
    }
    return out;
}

/* What is wrong with the window of a case: the worst of its replications. */
static enum sim_why mark_of(const struct config *c, const struct campaign *r, size_t case_idx)
{
    enum sim_why why = SIM_WHY_GOOD;
    for (size_t i = 0; i < c->point_count && why == SIM_WHY_GOOD; i++)
        if (c->points[i].case_idx == case_idx && point_finished(r->results[i].status))
            why = point_mark(&r->results[i]);
    return why;
}

static bool any_mark(const struct config *c, const struct campaign *r)
{
    for (size_t k = 0; k < c->case_count; k++)
        if (is_row(c, k) && mark_of(c, r, measured_case(c, k)) != SIM_WHY_GOOD)
            return true;
    return false;
}

static const char *last_step(const char *path)
{
    const char *dot = strrchr(path, '.');
    return dot ? dot + 1 : path;
}

/* Axes are headed by their last name when that is clear, else by the whole path. */
static const char *axis_head(const struct config *c, size_t axis)
{
    for (size_t i = 0; i < c->axis_count; i++)
        if (i != axis && strcmp(last_step(c->axes[i]), last_step(c->axes[axis])) == 0)
            return c->axes[axis];
    return last_step(c->axes[axis]);
}

/* The axis that is searched is no column: its value is the answer. */
static bool is_column(const struct config *c, size_t axis)
{
    return !c->bisect || strcmp(c->axes[axis], c->bisect->path) != 0;
}

static void add_head(struct grid *g, const struct config *c, const char **measures, size_t count,
                     const struct scale *scales, bool marked)
{
    grid_row(g);
    size_t at = 0;
    for (size_t i = 0; i < c->axis_count; i++)
        if (is_column(c, i))
            grid_set(g, at++, base_strdup(axis_head(c, i)));
    for (size_t i = 0; i < count; i++)
        grid_set(g, at++,
                 scales[i].unit && scales[i].unit[0]
                     ? base_printf("%s [%s]", measures[i], scales[i].unit)
                     : base_strdup(measures[i]));
    if (marked)
        grid_set(g, at++, base_strdup("window"));
    grid_set(g, at++, base_strdup("limited by"));
    grid_set(g, at, base_strdup("status"));
}

static void add_case(struct grid *g, const struct config *c, const struct campaign *r, size_t k,
                     const char **measures, size_t count, const struct scale *scales, bool marked)
{
    size_t at = 0;
    grid_row(g);
    for (size_t i = 0; i < c->axis_count; i++) {
        const struct val *v = val_get(c->cases[k].sweep, c->axes[i]);
        if (is_column(c, i))
            grid_set(g, at++, v ? value_text(v) : base_strdup("-"));
    }
    for (size_t i = 0; i < count; i++) {
        struct campaign_value v = { .why = SIM_WHY_GOOD };
        char text[64] = "-";
        bool known = row_value(c, r, k, measures[i], &v);
        struct scale s = known && !scales[i].unit ? choose_scale(fabs(v.mean), v.unit) : scales[i];
        if (known)
            format_number(v.mean / s.factor, v.half_width / s.factor, text, sizeof text);
        if (known && !scales[i].unit && isfinite(v.mean))
            snprintf(text + strlen(text), sizeof text - strlen(text), " %s", s.unit);
        if (!known && v.why != SIM_WHY_GOOD)
            snprintf(text, sizeof text, "%s", sim_why_text(v.why));
        grid_set(g, at++, base_strdup(text));
    }
    if (marked)
        grid_set(g, at++, base_strdup(sim_why_text(mark_of(c, r, measured_case(c, k)))));
    grid_set(g, at++, limited_by(c, r, measured_case(c, k)));
    grid_set(g, at, status_of(c, r, k));
}

void table_print(FILE *f, const struct config *c, const struct campaign *r)
{
    size_t count;
    const char **measures = table_measures(c, r, &count);
    struct scale *scales = base_zalloc(count + 1, sizeof *scales);
    struct grid g = { .columns = c->axis_count + count + 3 };
    for (size_t i = 0; i < c->axis_count; i++)
        g.keys += is_column(c, i);
    bool marked = any_mark(c, r);
    for (size_t i = 0; i < count; i++)
        scales[i] = column_scale(c, r, measures[i]);
    fprintf(f, "%s\n\n", c->title);
    if (c->bisect) {
        char *words = bisect_words(c->bisect);
        fprintf(f, "Searched: the %s at which %s; other columns are at saturated_at.\n\n",
                c->bisect->path, words);
        free(words);
    }
    add_head(&g, c, measures, count, scales, marked);
    for (size_t k = 0; k < c->case_count; k++)
        if (is_row(c, k))
            add_case(&g, c, r, k, measures, count, scales, marked);
    grid_print(f, &g);
    grid_fini(&g);
    free(scales);
    free(measures);
}

/* ---- problems ---- */

static void print_point(FILE *f, const struct config *c, size_t i)
{
    const struct config_point *p = &c->points[i];
    fprintf(f, "point %zu (", i + 1);
    for (size_t k = 0; k < p->c->sweep->count; k++) {
        char *value = value_text(p->c->sweep->items[k]);
        fprintf(f, "%s=%s, ", p->c->sweep->items[k]->key, clean_line(value));
        free(value);
    }
    fprintf(f, "seed %llu)", (unsigned long long)p->seed);
}

/* Names that the configuration asks for and no point has. */
static void print_missing(FILE *f, const struct config *c, const struct campaign *r)
{
    const struct point_result *p = a_finished(r);
    struct campaign_value v;
    for (size_t i = 0; p && c->measures && i < c->measures->count; i++) {
        const char *name = c->measures->items[i]->u.s;
        bool found = false;
        for (size_t k = 0; k < c->case_count && !found; k++)
            found = campaign_value(r, c, k, name, &v) || v.why != SIM_WHY_GOOD;
        if (found)
            continue;
        const char **names = base_zalloc(p->scalar_count + 1, sizeof *names);
        for (size_t k = 0; k < p->scalar_count; k++)
            names[k] = p->scalars[k].name;
        const char *near = nearest_name(name, names);
        clean_print(f, "remark: no point has the measure '%s'%s%s%s\n", name,
                    near ? ", did you mean '" : "", near ? near : "", near ? "'?" : "");
        free(names);
    }
}

/* To the last figure.  Digests differ by what programs draw and no figure hangs on. */
static bool same_figures(const struct point_result *a, const struct point_result *b)
{
    bool same = a->end_time == b->end_time && a->scalar_count == b->scalar_count;
    for (size_t i = 0; same && i < a->scalar_count; i++) {
        double x = a->scalars[i].value, y = b->scalars[i].value;
        same = x == y || (isnan(x) && isnan(y));
    }
    return same;
}

/* Replications with other seeds that are the same run, at so many times the cost. */
static bool never_differs(const struct config *c, const struct campaign *r, size_t case_idx,
                          size_t *replications)
{
    const struct point_result *first = NULL;
    *replications = 0;
    for (size_t i = 0; i < c->point_count; i++) {
        const struct point_result *p = &r->results[i];
        if (c->points[i].case_idx != case_idx || !point_finished(p->status))
            continue;
        if (first && !same_figures(first, p))
            return false;
        first = p;
        ++*replications;
    }
    return *replications > 1;
}

static void print_equal(FILE *f, const struct config *c, const struct campaign *r)
{
    size_t cases = 0, n, replications = 0;
    for (size_t k = 0; k < c->case_count; k++)
        if (never_differs(c, r, k, &n)) {
            cases++;
            replications = n;
        }
    if (cases > 0)
        fprintf(f,
                "remark: in %zu of %zu combinations the %zu replications are one and the same run: "
                "nothing in it is drawn\n",
                cases, c->case_count, replications);
}

/* Are two texts the same but for their numbers? */
static bool same_words(const char *a, const char *b)
{
    static const char number[] = "0123456789.";
    if (a == NULL || b == NULL)
        return a == b;
    while (*a != '\0' && *b != '\0') {
        size_t n = strspn(a, number), m = strspn(b, number);
        if ((n > 0) != (m > 0) || (n == 0 && *a != *b))
            return false;
        a += n > 0 ? n : 1;
        b += m > 0 ? m : 1;
    }
    return *a == *b;
}

static bool is_problem(const struct point_result *p)
{
    return p->status != POINT_OK && p->status != POINT_INTERRUPTED && p->status != POINT_UNUSED;
}

/* How many points from `from` on ended like point i, with the same words. */
static size_t same_problems(const struct campaign *r, size_t i, size_t from, size_t to)
{
    size_t n = 0;
    for (size_t k = from; k < to; k++)
        n += is_problem(&r->results[k]) && r->results[k].status == r->results[i].status &&
             same_words(r->results[k].message, r->results[i].message);
    return n;
}

/* In how many points from `from` on is a remark of these words; the text counts numbers as well. */
static size_t same_remarks(const struct campaign *r, const char *text, size_t from, size_t to,
                           size_t *exactly)
{
    size_t n = 0;
    *exactly = 0;
    for (size_t k = from; k < to; k++) {
        size_t words = 0, exact = 0;
        for (size_t m = 0; m < r->results[k].remark_count; m++) {
            words += same_words(r->results[k].remarks[m], text);
            exact += strcmp(r->results[k].remarks[m], text) == 0;
        }
        n += words > 0;
        *exactly += exact > 0;
    }
    return n;
}

#define TOLD_EACH 3 /* points that failed with the same words and are named one by one */

/* The rest is counted; a remark that points share is printed with the first of them. */
static void and_others(FILE *f, size_t others, bool numbers_differ)
{
    if (others > 0)
        fprintf(f, " (and %zu other point%s%s)", others, others == 1 ? "" : "s",
                numbers_differ ? ", with other numbers" : "");
}

/* What a bisection tried beyond the answer is expected to be remarkable. */
static bool remarks_told(const struct config *c, size_t point)
{
    size_t case_idx = c->points[point].case_idx;
    size_t answer = case_idx - case_idx % c->group_size + c->group_size - 1;
    return !c->bisect || case_idx == answer || c->cases[answer].held == case_idx;
}

void table_problems(FILE *f, const struct config *c, const struct campaign *r)
{
    for (size_t i = 0; i < r->count; i++) {
        const struct point_result *p = &r->results[i];
        size_t told = same_problems(r, i, 0, i);
        if (!is_problem(p) || told >= TOLD_EACH)
            continue;
        fputs("psim: ", f);
        print_point(f, c, i);
        if (told + 1 == TOLD_EACH)
            and_others(f, same_problems(r, i, i + 1, r->count), false);
        fprintf(f, ": %s: %s\n", point_status_name(p->status),
                p->message ? p->message : "no reason is known");
    }
    print_missing(f, c, r);
    print_equal(f, c, r);
    for (size_t i = 0; i < r->count; i++) {
        if (!remarks_told(c, i))
            continue;
        for (size_t k = 0; k < r->results[i].remark_count; k++) {
            const char *text = r->results[i].remarks[k];
            size_t exactly, others;
            if (same_remarks(r, text, 0, i, &exactly) > 0)
                continue;
            fputs("remark: ", f);
            if (r->count > 1) {
                print_point(f, c, i);
                others = same_remarks(r, text, i + 1, r->count, &exactly);
                and_others(f, others, exactly < others);
                fputs(": ", f);
            }
            clean_print(f, "%s\n", text);
        }
    }
}
