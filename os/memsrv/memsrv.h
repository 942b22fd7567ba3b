/* memsrv.h: memory servers: the memory of other nodes as backing store for pages.
 *
 * A layer between a node's memory and disk [Iftode, Li & Petersen 1993].  A server keeps pages
 * that clients page out, in its memory up to a limit, least recently used ones on its disk beyond
 * it.  A client is a store of os/vm, so sequential, message-passing and shared-memory programs
 * alike can exceed their node's memory.  A server without memory (frames = 0) and with a disk is
 * the baseline: paging to disk.
 *
 *   MS1  A page-out that was answered is kept: in the server's memory, or on its disk, or both.
 *   MS2  A client drops a page from its memory only when it is kept elsewhere (mirrored: at two
 *       servers, or at one when no second has room).
 *       A backup store has every page that a server has.
 *   MS3  A server that dies takes the pages in its memory with it; those that were mirrored or
 *       backed up come from there, the others end in VM_UNREACHABLE or, when it is back, VM_LOST.
 *   MS4  A region that is kept outlives its client: a server has its pages until they are freed or
 *       it dies, and whoever opens the region again, on any node, finds them.
 *   MS5  A page of such a region that a server's death has taken is known to be lost, also to who
 *       opens the region later: it is never taken for one that was not put.
 * Talks through SELECT (at most once), so it runs over whatever lies below.
 */
#ifndef OS_MEMSRV_MEMSRV_H
#define OS_MEMSRV_MEMSRV_H

#include "os/node.h"
#include "os/vm/store.h"
#include "os/xk/xobj.h"

#define MEMSRV_SERVICE 20 /* service number at SELECT */

struct memsrv_params {
    int64_t frames;     /* pages that a server keeps in memory */
    int64_t disk_pages; /* pages that it can spill to its disk, if it has one; 0: none */
};
extern const struct param memsrv_params_desc[];

/* A server as a service, which boots only where it is listed: on the I/O nodes, on compute nodes of
 * its own, or, with the memory that they lend to each other, on all compute nodes.  Its parameters
 * are these and the clients' `page`. */
extern const struct os_service_ops memsrv_service;
/* Refuses clients on the first so many compute nodes, with pages of that size, where the machine
 * boots no servers for them on the group of nodes.  *room: pages that those keep together. */
bool memsrv_check(const struct os_layout *l, const char *group, uint32_t clients,
                  uint64_t page_bytes, uint64_t *room, struct err *e) MUST_CHECK;

/* Those that serve on that group of nodes; NULL: none.  *page_bytes: their pages. */
const struct os_group *memsrv_group(const struct os_layout *l, const char *group,
                                    uint64_t *page_bytes);

/* Serves on this node from now on.  Pages are spilled to block device 0 when the node has one.
 * NULL when
 * there is a server already. */
struct memsrv *memsrv_serve(struct xk_protl *rpc, const struct memsrv_params *params,
                            uint64_t page_bytes);

extern const struct counter memsrv_counters[]; /* of a server: "memory_server.*" */

/* ---- client ---- */
enum memsrv_placement { MEMSRV_HASH, MEMSRV_LOAD };
struct memsrv_client_params {
    int placement; /* of a page: by hashing, or at the least loaded server at first page-out */
    bool mirror;   /* keep two copies, at different servers */
};
extern const struct param memsrv_client_params_desc[];

/* A store of pages at these servers (node numbers).  `region` tells the stores of a node apart;
 * its counters (vm_store_counters) are `owner`'s. */
struct memsrv_client;
struct memsrv_client *memsrv_client_create(struct xk_protl *rpc, uint32_t region,
                                           const uint32_t *servers, uint32_t count,
                                           const struct memsrv_client_params *params,
                                           const char *owner);
struct vm_store *memsrv_store(struct memsrv_client *c);
/* Every page that is put goes to this store as well, and comes from there when no server has it.  A
 * put ends when both have ended.  Before the first put. */
void memsrv_client_backup(struct memsrv_client *c, struct vm_store *backup);
/* ---- regions that outlive their client ---- */
/* The same, of regions that are kept: of one at a time, which it has opened or made; nobody else
 * has that open.  What is said to block is called in one thread at a time. */
struct memsrv_client *memsrv_region_create(struct xk_protl *rpc, const uint32_t *servers,
                                           uint32_t count,
                                           const struct memsrv_client_params *params,
                                           const char *owner);
/* Asks all servers what they have of the region.  VM_OK; VM_OUTSIDE: none of them knows it;
 * VM_UNREACHABLE: none has answered.  (blocks) */
enum vm_status memsrv_region_open(struct memsrv_client *c, uint32_t region);
/* What they have is void, and it is empty from now on, as one of which pages were put and lost if
 * `torn`.  VM_OK, or VM_UNREACHABLE. (blocks) */
enum vm_status memsrv_region_make(struct memsrv_client *c, uint32_t region, bool torn);
/* After deaths: pages with one copy left have two again, where a second server has room, and
 * servers that are back may have pages again. (blocks) */
void memsrv_region_mend(struct memsrv_client *c);
/* Whether a server has the page; if not, *lost: it may have been put. */
bool memsrv_region_has(struct memsrv_client *c, uint64_t page, bool *lost);
/* Whether pages of what is open may have been lost since they were first put. */
bool memsrv_region_torn(const struct memsrv_client *c);
/* How often pages of what is open have been lost. */
uint64_t memsrv_region_losses(const struct memsrv_client *c);
/* Puts, or gets, these pages side by side.  VM_OK, or what one of them has ended with. (blocks) */
enum vm_status memsrv_region_move(struct memsrv_client *c, bool puts, struct vm_store_io *io,
                                  uint32_t count);

/* Whether a call of so many bytes carries a page of that size. */
bool memsrv_carries(uint64_t call_bytes, uint64_t page_bytes);

#endif
