/* base.c: failing assertions and host memory. */
#include "sim/base/base.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define EXIT_POINT_LOST 3

static void (*hook_fn)(void *arg);
static void *hook_arg;

void base_assert_hook(void (*fn)(void *arg), void *arg)
{
    hook_fn = fn;
    hook_arg = arg;
}

void base_assert_failed(const char *cond, const char *file, int line, const char *msg)
{
    fflush(stdout);
    fprintf(stderr, "psim: %s:%d: assertion failed: %s%s%s\n", file, line, cond, msg ? ": " : "",
            msg ? msg : "");
    void (*fn)(void *arg) = hook_fn;
    hook_fn = NULL; /* an assertion inside the hook must not call it again */
    if (fn)
        fn(hook_arg);
    fflush(stderr);
    abort();
}

NO_RETURN static void out_of_memory(size_t size)
{
    fprintf(stderr, "psim: out of host memory: %zu bytes were refused\n", size);
    fflush(NULL);
    _Exit(EXIT_POINT_LOST);
}

void *base_alloc(size_t size)
{
    void *p = malloc(size ? size : 1);
    if (!p)
        out_of_memory(size);
    return p;
}

void *base_zalloc(size_t count, size_t size)
{
    size_t bytes;
    if (__builtin_mul_overflow(count, size, &bytes))
        out_of_memory(SIZE_MAX);
    void *p = calloc(1, bytes ? bytes : 1);
    if (!p)
        out_of_memory(bytes);
    return p;
}

void *base_realloc(void *ptr, size_t size)
{
    void *p = realloc(ptr, size ? size : 1);
    if (!p)
        out_of_memory(size);
    return p;
}

char *base_strdup(const char *s)
{
    size_t n = strlen(s) + 1;
    return memcpy(base_alloc(n), s, n);
}

uint64_t base_hash_text(const char *text)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325);
    for (; *text != '\0'; text++)
        h = (h ^ (uint8_t)*text) * UINT64_C(0x100000001b3);
    return h;
}

char *base_printf(const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *out = NULL;
    int n = vasprintf(&out, fmt, ap);
    va_end(ap);
    if (n < 0)
        out_of_memory(0);
    return out;
}
