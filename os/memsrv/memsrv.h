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
/* Whether a call of so many bytes carries a page of that size. */
bool memsrv_carries(uint64_t call_bytes, uint64_t page_bytes);

#endif
