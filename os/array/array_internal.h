/* array_internal.h: private to os/array/. */
#ifndef OS_ARRAY_ARRAY_INTERNAL_H
#define OS_ARRAY_ARRAY_INTERNAL_H

#include "os/array/array.h"

/* Tells the caches below what will come of the rank's file.  (blocks) */
void array_tell(struct array *a, enum pio_hint hint, const struct file_run *runs, uint32_t count);
/* Moves a section of the layout of the rank's file.  (blocks) */
enum pio_status array_by_file(struct array *a, enum pio_op op, const struct array_section *of,
                              struct array_order order, struct rope *data);
/* What a rank has of a section: places in it, and local indices; both initialised here.  False:
 * nothing. */
bool array_meet(const struct array *a, const struct array_section *s, uint32_t rank,
                struct array_section *places, struct array_section *locals);
/* A transfer of elements of others: local placement.  (blocks) */
enum pio_status array_exchange(struct array *a, struct array_part *x);

#endif
