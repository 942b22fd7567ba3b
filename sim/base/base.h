/* base.h: what every file may use: assertions, container_of, saturating helpers.
 *
 * No I/O, no global state but the assertion hook.  Every layer may include sim/base/.
 */
#ifndef SIM_BASE_BASE_H
#define SIM_BASE_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
#define CONTAINER_OF(ptr, type, member) ((type *)(void *)((char *)(ptr)-offsetof(type, member)))
#define MUST_CHECK __attribute__((warn_unused_result))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#define NO_RETURN __attribute__((noreturn))

/* A bug in psim itself.  Always compiled in.  Prints the condition, file and line, then what the
 * hook adds (seed, simulated time, event number, node), and ends the process with abort(). */
#define ASSERT(cond) ((cond) ? (void)0 : base_assert_failed(#cond, __FILE__, __LINE__, NULL))
#define ASSERT_MSG(cond, msg)                                                                      \
    ((cond) ? (void)0 : base_assert_failed(#cond, __FILE__, __LINE__, (msg)))

/* What these call; msg may be NULL. */
NO_RETURN void base_assert_failed(const char *cond, const char *file, int line, const char *msg);

/* Registers `fn`, called once by a failing assertion to print the state of the run to standard
 * error.  One hook at a time; NULL removes it. */
void base_assert_hook(void (*fn)(void *arg), void *arg);

/* The same text; for names, most of which differ at their first byte: no call for those. */
static inline bool base_same(const char *a, const char *b)
{
    return a[0] == b[0] && strcmp(a, b) == 0;
}
/* a * b, saturating to UINT64_MAX. */
static inline uint64_t base_mul(uint64_t a, uint64_t b)
{
    uint64_t r;
    return __builtin_mul_overflow(a, b, &r) ? UINT64_MAX : r;
}
/* a + b, saturating to UINT64_MAX. */
static inline uint64_t base_add(uint64_t a, uint64_t b)
{
    uint64_t r;
    return __builtin_add_overflow(a, b, &r) ? UINT64_MAX : r;
}

/* malloc, calloc, realloc, strdup that never return NULL: out of host memory ends the process with
 * one sentence and exit status 3 (the point is lost, the campaign is not).  os/ and workloads/ use
 * port_alloc instead. */
void *base_alloc(size_t size);                /* uninitialised */
void *base_zalloc(size_t count, size_t size); /* zeroed */
void *base_realloc(void *ptr, size_t size);
char *base_strdup(const char *s);
/* FNV-1a of 64 bits over a text, without its end. */
uint64_t base_hash_text(const char *text);
char *base_printf(const char *fmt, ...) PRINTF_LIKE(1, 2); /* heap string; the caller frees */

#endif
