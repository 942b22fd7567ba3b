/* copy.h: memory that goes from task to task by copy on write: a rope that shares frames, and a
 * region that is made of one.
 *
 *   COW1  Whoever holds a frame sees the bytes of when it was shared, whatever others write; a
 *       writer pays for a copy (PORT_WORK_COPY, counted as vm.copied) only while somebody else
 *       still holds the frame, so that of n holders at most n - 1 pay.
 */
#ifndef OS_VM_COPY_H
#define OS_VM_COPY_H

#include "os/vm/vm.h"

/* Appends the bytes of whole pages [addr, addr + length) to out, which shares their frames: those
 * that may be written are write-protected (PORT_WORK_MAP a page), and the first write to each is a
 * fault.  Pages without a frame are brought in first, as by a read.  What is pinned may change at
 * any time, and is copied at once.  `last`: the caller removes the region next, so nothing is
 * protected.  Else than VM_OK: what the access found; out is as it was.  (blocks on a fault) */
enum vm_status vm_share(struct vm_space *s, uint64_t addr, uint64_t length, bool last,
                        struct rope *out) MUST_CHECK;

/* Maps the bytes, which are whole pages and taken, as a new region where there is room (first fit,
 * from the second page on); its address, or 0: there is none, and `data` is dropped.  Pages come in
 * at their first access, without a copy; those that were written cannot be paged out.  One
 * PORT_WORK_ALLOC. */
uint64_t vm_map_copy(struct vm_space *s, struct rope *data);

/* The region of an address, or NULL. */
struct vm_region *vm_region_at(const struct vm_space *s, uint64_t addr);

/* Ends a region with its frames (PORT_WORK_INVALIDATE each).  False, and nothing has changed: a
 * page is pinned or in a fault, or the pager has no `removed`. */
bool vm_remove(struct vm_region *r) MUST_CHECK;

#endif
