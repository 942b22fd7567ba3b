/* mapped.h: MAPPED, a layer that maps files into the memory of programs, and its mappings.
 *
 * A mapping is a region of an address space (os/vm/vm.h) whose pages are bytes of a file: a page
 * that is touched is read, one that was written is written, without a call of the program.  Pages,
 * what caches below keep and requests that go past caches are one truth, for every request of the
 * node's programs goes through the layer:
 *
 *   MAPPED1  Before a READ or a FLUSH goes down, what was written to pages of its bytes has gone
 *       there, and before a WRITE no page has any of its bytes.  A page that may be written is the
 *       only one of its bytes on the node, and others of the same mapping that are read are as the
 *       file is.
 *   MAPPED2  Requests and faults that have bytes of a file in common, but those that read, go one
 *       after the other in the order in which they came here.
 *   MAPPED3  FILE_PROPAGATE has written all pages, none of which may be written afterwards without
 *       a new fault; FILE_REFRESH has none any more but those that may be written.  So a layer
 *       TOKEN above takes a file's pages back as it does blocks: TOK1 is true of loads and stores,
 *       too, each of which is in a fault or under the token that its page came with.
 *   MAPPED4  A page has the bytes of the file as it came, and zeros behind its end, where what is
 *       stored is written nowhere.  A page that lies behind the end as a whole is VM_BEHIND.  A
 *       file that grows or shrinks by this node's requests, or by others' under tokens, is seen so
 *       by the next access.
 *   MAPPED5  What failed as it was written is told by the next FLUSH or FILE_PROPAGATE, once, and
 *       its page is lost; one whose frame was needed stays.  A crash of the node loses all pages.
 *   MAPPED6  A page of a mapping with `copy` is the program's own from its first write on: it is
 *       never written to the file, nor read again, and keeps its frame.
 *
 * A page fault goes to the top of the stack as a hint with the page's bytes, FILE_WILL_READ or
 * FILE_WILL_WRITE: layers above see what is needed, and the token is held until the page is there.
 * So the layers between must hand each request down itself (file_ops.same): `pass`, `token`,
 * `crossing`.  A program that holds a page (vm_span) must neither touch another of a mapped file
 * nor ask for its bytes: it would wait for itself.
 *
 * Work named: a look-up for each request and each fault of a file that is mapped; faults and maps
 * are os/vm's, the bytes those of the layers below.
 * Source: a file is a memory object whose pages are cached where they are used, with tokens at the
 * file's server and a single writer [Roy, USENIX Mach III Symposium 1993, abstract].
 * Who calls it: stacks of files (os/registry.c), os/pio/pio_files.c; os/pio/pio_cache.c over the
 * files of os/pio.
 */
#ifndef OS_FILE_MAPPED_H
#define OS_FILE_MAPPED_H

#include "os/file/file.h"
#include "os/vm/vm.h"

struct file_map_ask {
    struct vm_space *space;
    uint64_t base, length; /* of the region: whole pages; it may be longer than the file */
    uint64_t file, off;    /* off: of its first byte, a multiple of the page */
    uint32_t uid, gid;     /* whose its requests are */
    bool writes;           /* it may be written */
    bool copy;
};

struct file_map; /* a mapping, in the heap of the layer; it lives until file_unmap */

/* Maps a file of the stack `top`.  NULL: the stack has no layer MAPPED, or one above it hands other
 * requests down; the offset is no multiple of the page; the region overlaps another. */
struct file_map *file_map(struct file_sys *top, const struct file_map_ask *a);
/* Ends it when what was written is in the file below; `m` is gone whatever the status, which is
 * that of what failed.  No thread may be in its region. (blocks) */
enum file_status file_unmap(struct file_map *m);
/* The layer for an owner that is no stack: over `below`, on `port`. */
struct file_sys *file_mapped_start(struct port *port, struct file_sys *below);
/* Frees one without mappings that has nothing to do. */
void file_mapped_end(struct file_sys *s);
/* Stacks of that kind can be mapped. */
bool file_stack_maps(const struct file_stack *k);

#endif
