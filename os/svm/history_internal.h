/* history_internal.h: what the two questions of history.h share. */
#ifndef OS_SVM_HISTORY_INTERNAL_H
#define OS_SVM_HISTORY_INTERNAL_H

#include "os/svm/history.h"

/* Pointers to all accesses, sorted by location, value, writes first; to be freed.  Fills the
 * counts of the report, and its verdict with UNCLEAR when accesses overlap in part. */
const struct history_op **history_sorted(const struct history *h, struct history_report *r);
/* The end of the run of accesses to the location of ops[from]. */
uint64_t history_place_end(const struct history_op *const *ops, uint64_t from, uint64_t count);
bool history_place_ambiguous(const struct history_op *const *ops, uint64_t from, uint64_t to);

/* Append to the sentence.  NULL: the initial value. */
void history_say(struct history_report *r, const char *fmt, ...) PRINTF_LIKE(2, 3);
void history_say_op(struct history_report *r, const struct history_op *op);
void history_say_place(const struct history *h, struct history_report *r, uint64_t addr);

#endif
