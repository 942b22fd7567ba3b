/* val.c: trees of plain data.
 *
 * Names of files are kept once for the whole process, so that a value's `file` stays good however
 * trees are copied and freed.
 */
#include "sim/base/val.h"

#include <ctype.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "sim/base/pool.h"

struct file_name {
    struct file_name *next;
    char *text;
};

static const char *file_intern(const char *file)
{
    static struct file_name *known;
    static const char *last; /* most values are in the file of the one before */
    if (file == NULL || file == last)
        return file;
    for (const struct file_name *f = known; f != NULL; f = f->next) {
        if (strcmp(f->text, file) == 0)
            return last = f->text;
    }
    struct file_name *f = base_alloc(sizeof *f);
    f->text = base_strdup(file);
    f->next = known;
    known = f;
    return last = f->text;
}

struct val *val_new(enum val_type type, const char *file, int line)
{
    struct val *v = pool_take(sizeof *v);
    *v = (struct val){ .type = type, .file = file_intern(file), .line = line };
    return v;
}

struct val *val_new_string(const char *s, const char *file, int line)
{
    struct val *v = val_new(VAL_STRING, file, line);
    v->u.s = base_strdup(s);
    return v;
}

struct val *val_new_int(int64_t i, const char *file, int line)
{
    struct val *v = val_new(VAL_INT, file, line);
    v->u.i = i;
    return v;
}

struct val *val_new_real(double r, const char *file, int line)
{
    struct val *v = val_new(VAL_REAL, file, line);
    v->u.r = r;
    return v;
}

struct val *val_new_bool(bool b, const char *file, int line)
{
    struct val *v = val_new(VAL_BOOL, file, line);
    v->u.b = b;
    return v;
}

void val_free(struct val *v)
{
    if (v == NULL)
        return;
    for (size_t i = 0; i < v->count; i++)
        val_free(v->items[i]);
    free(v->items);
    free(v->key);
    if (v->type == VAL_STRING)
        free(v->u.s);
    pool_give(v, sizeof *v);
}

struct val *val_copy(const struct val *v)
{
    if (v == NULL)
        return NULL;
    struct val *c = val_new(v->type, v->file, v->line);
    c->u = v->u;
    if (v->type == VAL_STRING)
        c->u.s = base_strdup(v->u.s);
    if (v->key != NULL)
        c->key = base_strdup(v->key);
    if (v->count > 0)
        c->items = base_alloc(v->count * sizeof c->items[0]);
    c->capacity = v->count;
    for (; c->count < v->count; c->count++)
        c->items[c->count] = val_copy(v->items[c->count]);
    return c;
}

/* As numbers that identify a run are told apart: -0 is not 0. */
static bool same_real(double a, double b)
{
    uint64_t x, y;
    memcpy(&x, &a, sizeof x);
    memcpy(&y, &b, sizeof y);
    return x == y;
}

bool val_equal(const struct val *a, const struct val *b)
{
    bool same = a->type == b->type && a->count == b->count;
    if (same && a->type == VAL_STRING)
        same = strcmp(a->u.s, b->u.s) == 0;
    else if (same && a->type == VAL_REAL)
        same = same_real(a->u.r, b->u.r);
    else if (same && a->type == VAL_INT)
        same = a->u.i == b->u.i;
    else if (same && a->type == VAL_BOOL)
        same = a->u.b == b->u.b;
    for (size_t i = 0; same && i < a->count; i++)
        same = (a->type != VAL_TABLE || strcmp(a->items[i]->key, b->items[i]->key) == 0) &&
               val_equal(a->items[i], b->items[i]);
    return same;
}

void val_append(struct val *list, struct val *item)
{
    ASSERT(list->type == VAL_LIST || list->type == VAL_TABLE);
    if (list->count == list->capacity) {
        list->capacity = list->capacity == 0 ? 4 : list->capacity * 2;
        list->items = base_realloc(list->items, list->capacity * sizeof list->items[0]);
    }
    if (list->type == VAL_LIST) {
        free(item->key);
        item->key = NULL;
    }
    list->items[list->count++] = item;
}

static size_t find_key(const struct val *table, const char *key)
{
    for (size_t i = 0; i < table->count; i++) {
        if (base_same(table->items[i]->key, key))
            return i;
    }
    return SIZE_MAX;
}

void val_put(struct val *table, const char *key, struct val *item)
{
    ASSERT(table->type == VAL_TABLE);
    size_t i = find_key(table, key);
    if (key != item->key) {
        char *own = base_strdup(key); /* `key` may belong to the item that is replaced */
        free(item->key);
        item->key = own;
    }
    if (i == SIZE_MAX) {
        val_append(table, item);
        return;
    }
    ASSERT(table->items != NULL);
    val_free(table->items[i]);
    table->items[i] = item;
}

const struct val *val_get(const struct val *table, const char *key)
{
    if (table == NULL || table->type != VAL_TABLE)
        return NULL;
    size_t i = find_key(table, key);
    return i == SIZE_MAX ? NULL : table->items[i];
}

/* Cuts the first step off a dotted path; NULL when it is at its end. */
static const char *path_step(const char *path, char *step, size_t size)
{
    if (*path == '\0')
        return NULL;
    size_t n = strcspn(path, ".");
    snprintf(step, size, "%.*s", (int)n, path);
    return path[n] == '.' ? path + n + 1 : path + n;
}

static size_t list_index(const char *step)
{
    char *end;
    unsigned long long n = strtoull(step, &end, 10);
    if (!isdigit((unsigned char)step[0]) || *end != '\0')
        return SIZE_MAX;
    return (size_t)n - 1; /* 0: none either */
}

static const struct val *child(const struct val *v, const char *step)
{
    if (v->type != VAL_LIST)
        return val_get(v, step);
    size_t i = list_index(step);
    return i < v->count ? v->items[i] : NULL;
}

#define STEP_MAX 256

const struct val *val_path(const struct val *root, const char *path)
{
    char step[STEP_MAX];
    const struct val *v = root;
    while (v != NULL && (path = path_step(path, step, sizeof step)) != NULL)
        v = child(v, step);
    return v;
}

static bool set_in_list(struct val *list, const char *step, struct val *item, const char *path,
                        struct err *e)
{
    size_t i = list_index(step);
    if (i > list->count) {
        val_free(item);
        err_set(e, "'%s' cannot be set: '%s' is not an element of a list of %zu", path, step,
                list->count);
        return false;
    }
    if (i == list->count) {
        val_append(list, item);
        return true;
    }
    val_free(list->items[i]);
    free(item->key);
    item->key = NULL;
    list->items[i] = item;
    return true;
}

bool val_set_path(struct val *root, const char *path, struct val *item, struct err *e)
{
    char step[STEP_MAX];
    const char *rest = path;
    struct val *v = root;
    while ((rest = path_step(rest, step, sizeof step)) != NULL) {
        if (step[0] == '\0')
            break;
        if (v->type != VAL_TABLE && v->type != VAL_LIST) {
            val_free(item);
            return err_set(e, "'%s' cannot be set: '%s' is inside %s, not a table", path, step,
                           val_type_name(v->type));
        }
        if (*rest == '\0') {
            if (v->type == VAL_LIST)
                return set_in_list(v, step, item, path, e);
            val_put(v, step, item);
            return true;
        }
        size_t i = v->type == VAL_LIST ? list_index(step) : find_key(v, step);
        if (i >= v->count) {
            struct val *made = val_new(VAL_TABLE, item->file, item->line);
            if (v->type == VAL_LIST) {
                if (!set_in_list(v, step, made, path, e)) {
                    val_free(item);
                    return false;
                }
            } else {
                val_put(v, step, made);
            }
            v = made;
        } else {
            v = v->items[i];
        }
    }
    val_free(item);
    return err_set(e, "'%s' is not a path: write names with dots between them", path);
}

const char *val_type_name(enum val_type type)
{
    static const char *const names[] = { "nil",      "true or false", "a whole number", "a number",
                                         "a string", "a list",        "a table" };
    return names[type];
}

const char *val_where(const struct val *v, char *out, size_t size)
{
    out[0] = '\0';
    if (v == NULL || v->file == NULL)
        return out;
    if (v->line > 0)
        snprintf(out, size, "%s:%d: ", v->file, v->line);
    else
        snprintf(out, size, "%s: ", v->file);
    return out;
}

/* ---- canonical text ---- */

struct text {
    char *data;
    size_t used, size;
};

static void text_add(struct text *t, const char *s, size_t n)
{
    if (t->used + n + 1 > t->size) {
        t->size = (t->used + n + 1) * 2;
        t->data = base_realloc(t->data, t->size);
    }
    memcpy(t->data + t->used, s, n);
    t->used += n;
    t->data[t->used] = '\0';
}

static void text_puts(struct text *t, const char *s)
{
    text_add(t, s, strlen(s));
}

static void text_quoted(struct text *t, const char *s)
{
    text_puts(t, "\"");
    for (; *s != '\0'; s++) {
        unsigned char c = (unsigned char)*s;
        char buf[8];
        if (c == '"' || c == '\\')
            snprintf(buf, sizeof buf, "\\%c", c);
        else if (c < 0x20 || c == 0x7f)
            snprintf(buf, sizeof buf, "\\x%02x", c);
        else
            snprintf(buf, sizeof buf, "%c", c);
        text_puts(t, buf);
    }
    text_puts(t, "\"");
}

static bool plain_key(const char *key)
{
    if (*key == '\0')
        return false;
    for (; *key != '\0'; key++) {
        if (!isalnum((unsigned char)*key) && *key != '_' && *key != '-')
            return false;
    }
    return true;
}

/* The shortest of %.15g .. %.17g that reads back as the same number, always with a mark that it is
 * no whole number. */
static void text_real(struct text *t, double r)
{
    char buf[40];
    for (int digits = 15; digits <= 17; digits++) {
        snprintf(buf, sizeof buf, "%.*g", digits, r);
        if (strtod(buf, NULL) == r)
            break;
    }
    if (isfinite(r) && strpbrk(buf, ".e") == NULL)
        snprintf(buf + strlen(buf), sizeof ".0", ".0");
    text_puts(t, buf);
}

static void text_leaf(struct text *t, const struct val *v)
{
    char buf[32];
    switch (v->type) {
    case VAL_NIL:
        text_puts(t, "nil");
        break;
    case VAL_BOOL:
        text_puts(t, v->u.b ? "true" : "false");
        break;
    case VAL_INT:
        snprintf(buf, sizeof buf, "%" PRId64, v->u.i);
        text_puts(t, buf);
        break;
    case VAL_REAL:
        text_real(t, v->u.r);
        break;
    case VAL_STRING:
        text_quoted(t, v->u.s);
        break;
    case VAL_LIST:
        text_puts(t, "[]");
        break;
    case VAL_TABLE:
        text_puts(t, "{}");
        break;
    }
}

/* `path` holds the dotted path of v; it is as before on return. */
static void canonical(struct text *out, struct text *path, const struct val *v)
{
    if (v->count == 0) {
        text_puts(out, path->used > 0 ? path->data : ".");
        text_puts(out, " = ");
        text_leaf(out, v);
        text_puts(out, "\n");
        return;
    }
    size_t used = path->used;
    for (size_t i = 0; i < v->count; i++) {
        if (used > 0)
            text_puts(path, ".");
        if (v->type == VAL_LIST) {
            char buf[24];
            snprintf(buf, sizeof buf, "%zu", i + 1);
            text_puts(path, buf);
        } else if (plain_key(v->items[i]->key)) {
            text_puts(path, v->items[i]->key);
        } else {
            text_quoted(path, v->items[i]->key);
        }
        canonical(out, path, v->items[i]);
        path->used = used;
        path->data[used] = '\0';
    }
}

char *val_canonical(const struct val *v)
{
    struct text out = { 0 }, path = { 0 };
    text_puts(&out, "");
    canonical(&out, &path, v);
    free(path.data);
    return out.data;
}
