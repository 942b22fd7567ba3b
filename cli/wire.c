/* wire.c: the buffer, the checked reader, and trees of values on them. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/wire.h"

void wire_init(struct wire *w)
{
    *w = (struct wire){ 0 };
}

void wire_fini(struct wire *w)
{
    free(w->data);
    wire_init(w);
}

void wire_bytes(struct wire *w, const void *bytes, size_t len)
{
    if (len == 0)
        return;
    if (w->length + len > w->capacity) {
        w->capacity = (w->length + len) * 2;
        w->data = base_realloc(w->data, w->capacity);
    }
    memcpy(w->data + w->length, bytes, len);
    w->length += len;
}

void wire_u8(struct wire *w, uint8_t v)
{
    wire_bytes(w, &v, 1);
}

void wire_u32(struct wire *w, uint32_t v)
{
    uint8_t b[4];
    for (size_t i = 0; i < sizeof b; i++)
        b[i] = (uint8_t)(v >> (8 * i));
    wire_bytes(w, b, sizeof b);
}

void wire_u64(struct wire *w, uint64_t v)
{
    wire_u32(w, (uint32_t)v);
    wire_u32(w, (uint32_t)(v >> 32));
}

void wire_double(struct wire *w, double v)
{
    uint64_t bits;
    memcpy(&bits, &v, sizeof bits);
    wire_u64(w, bits);
}

void wire_text(struct wire *w, const char *s)
{
    wire_u32(w, s ? (uint32_t)strlen(s) : UINT32_MAX);
    if (s)
        wire_bytes(w, s, strlen(s));
}

static void put_val(struct wire *w, const struct val *v)
{
    wire_u8(w, (uint8_t)v->type);
    wire_u32(w, (uint32_t)v->line);
    /* Names of files are kept once (val.c): most are the one before. */
    wire_u8(w, v->file == w->file);
    if (v->file != w->file)
        wire_text(w, v->file);
    w->file = v->file;
    wire_text(w, v->key);
    switch (v->type) {
    case VAL_NIL:
        break;
    case VAL_BOOL:
        wire_u8(w, v->u.b);
        break;
    case VAL_INT:
        wire_u64(w, (uint64_t)v->u.i);
        break;
    case VAL_REAL:
        wire_double(w, v->u.r);
        break;
    case VAL_STRING:
        wire_text(w, v->u.s);
        break;
    case VAL_LIST:
    case VAL_TABLE:
        wire_u32(w, (uint32_t)v->count);
        for (size_t i = 0; i < v->count; i++)
            put_val(w, v->items[i]);
        break;
    }
}

void wire_val(struct wire *w, const struct val *v)
{
    w->file = NULL;
    put_val(w, v);
}

void wire_reader_init(struct wire_reader *r, const void *data, size_t length)
{
    *r = (struct wire_reader){ .data = data, .length = length };
}

static const uint8_t *take(struct wire_reader *r, size_t n)
{
    if (r->bad || r->length - r->at < n) {
        r->bad = true;
        return NULL;
    }
    const uint8_t *p = r->data + r->at;
    r->at += n;
    return p;
}

uint8_t wire_get_u8(struct wire_reader *r)
{
    const uint8_t *p = take(r, 1);
    return p ? *p : 0;
}

uint32_t wire_get_u32(struct wire_reader *r)
{
    const uint8_t *p = take(r, 4);
    return p ? (uint32_t)p[0] | (uint32_t)p[1] << 8 | (uint32_t)p[2] << 16 | (uint32_t)p[3] << 24
             : 0;
}

uint64_t wire_get_u64(struct wire_reader *r)
{
    uint64_t lo = wire_get_u32(r);
    return lo | (uint64_t)wire_get_u32(r) << 32;
}

double wire_get_double(struct wire_reader *r)
{
    uint64_t bits = wire_get_u64(r);
    double v;
    memcpy(&v, &bits, sizeof v);
    return v;
}

char *wire_get_text(struct wire_reader *r)
{
    uint32_t len = wire_get_u32(r);
    if (len == UINT32_MAX)
        return NULL;
    const uint8_t *p = take(r, len);
    if (!p)
        return NULL;
    if (memchr(p, 0, len)) {
        r->bad = true;
        return NULL;
    }
    char *s = base_alloc((size_t)len + 1);
    memcpy(s, p, len);
    s[len] = 0;
    return s;
}

static struct val *get_val(struct wire_reader *r, int depth)
{
    uint8_t type = wire_get_u8(r);
    int line = (int)wire_get_u32(r);
    bool same_file = wire_get_u8(r) != 0;
    char *file = same_file ? NULL : wire_get_text(r);
    char *key = wire_get_text(r);
    if (type > VAL_TABLE || depth > WIRE_DEPTH)
        r->bad = true;
    if (r->bad) {
        free(file);
        free(key);
        return NULL;
    }
    struct val *v = val_new((enum val_type)type, same_file ? r->file : file, line);
    free(file); /* val_new keeps its own copy of a name */
    r->file = v->file;
    v->key = key;
    if (type == VAL_BOOL) {
        v->u.b = wire_get_u8(r) != 0;
    } else if (type == VAL_INT) {
        v->u.i = (int64_t)wire_get_u64(r);
    } else if (type == VAL_REAL) {
        v->u.r = wire_get_double(r);
    } else if (type == VAL_STRING) {
        v->u.s = wire_get_text(r);
        r->bad |= !v->u.s;
    } else if (type == VAL_LIST || type == VAL_TABLE) {
        uint32_t count = wire_get_u32(r);
        r->bad |= type == VAL_TABLE && count > WIRE_MEMBERS;
        for (uint32_t i = 0; i < count && !r->bad; i++) {
            struct val *item = get_val(r, depth + 1);
            if (!item)
                break;
            if (type == VAL_TABLE && !item->key) {
                r->bad = true;
                val_free(item);
            } else if (type == VAL_TABLE) {
                val_put(v, item->key, item);
            } else {
                val_append(v, item);
            }
        }
    }
    if (r->bad) {
        val_free(v);
        return NULL;
    }
    return v;
}

struct val *wire_get_val(struct wire_reader *r)
{
    r->file = NULL;
    return get_val(r, 0);
}

bool wire_send(int fd, const void *data, size_t length)
{
    const uint8_t *p = data;
    while (length > 0) {
        ssize_t n = write(fd, p, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        p += n;
        length -= (size_t)n;
    }
    return true;
}

bool wire_receive(int fd, void *data, size_t length)
{
    uint8_t *p = data;
    while (length > 0) {
        ssize_t n = read(fd, p, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return false;
        p += n;
        length -= (size_t)n;
    }
    return true;
}
