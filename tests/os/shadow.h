/* shadow.h: what the bytes and the size of a file that several nodes share may be, judged from
 * outside of every file system.
 *
 * Each byte has the writes whose value it may have now.  A write joins them when it begins; those
 * that ended before it began leave them when it is answered.  What left may come back by a crash of
 * who keeps the file, until a flush is answered that began later.  A write that failed stays among
 * them.  So a read may return, of each byte, what was there when it began or what a write put there
 * while it lasted, and nothing else (PIO2); it ends at the first byte of its list that lies behind
 * the end (PIO3).
 *
 * Changes of the size, and of what the file is, have the file for themselves: that is the caller's
 * to see to.
 */
#ifndef TESTS_OS_SHADOW_H
#define TESTS_OS_SHADOW_H

#include "os/file/file.h"

#define SHADOW_SPAN 9000 /* bytes of a file at most */

struct shadow;
struct shadow_op; /* one request under way */

struct shadow *shadow_new(void); /* an empty file, on the devices */
void shadow_free(struct shadow *s);
/* The file is another now: empty. */
void shadow_fresh(struct shadow *s);
/* Nothing is known of it until its size is set to 0. */
void shadow_unsure(struct shadow *s);
/* Who keeps parts of it died and lost what was not flushed. */
void shadow_crash(struct shadow *s);
/* From now on writes that are answered may be lost, as when devices fail under delayed writes. */
void shadow_losing(struct shadow *s, bool losing);

struct shadow_op *shadow_read(struct shadow *s, const struct file_run *runs, uint32_t count);
/* Its data, to be written; disjoint runs. */
struct shadow_op *shadow_write(struct shadow *s, const struct file_run *runs, uint32_t count,
                               struct rope *data);
struct shadow_op *shadow_size(struct shadow *s, uint64_t size);
struct shadow_op *shadow_flush(struct shadow *s);
struct shadow_op *shadow_ask(struct shadow *s); /* of the size */
/* A write's data once more. */
void shadow_data(const struct shadow_op *x, struct rope *data);
/* It took place at this offset: what its first run said was no more than a length. */
void shadow_moved_to(struct shadow_op *x, uint64_t off);
/* The end of each; frees it.  good: it was answered with success. */
void shadow_end(struct shadow_op *x, bool good);
/* Of a read that was answered, and of the size: NULL, or what is wrong with it (static). */
const char *shadow_judge(const struct shadow_op *x, const uint8_t *got, uint64_t moved);
const char *shadow_judge_size(const struct shadow_op *x, uint64_t size);
uint64_t shadow_least(const struct shadow *s);  /* bytes that the file has at least */
uint64_t shadow_doubts(const struct shadow *s); /* bytes that may be more than one value */

#endif
