/* memsrv_internal.h: what a client and a server of page memory say to each other.
 *
 * Arguments, big-endian: 0 region(4)  4 number of the put(4)  8 page(8)  16 end; PUT adds the
 *                        page's bytes.  DROP: if the page is still the one of that put.  The upper
 *                        bit of the page: the region is not the client's, but one that is kept.
 * Reply:                 0 status(1)  1 disk transfers that no reply has told yet(1)  2 of a LIST
 *                        the region's MEMSRV_TORN(1)  3 zero  4 load(4)  8 end; GET adds the page's
 *                        bytes, LIST as many pages as fit: page(8) number(4), none: that was all.
 */
#ifndef OS_MEMSRV_MEMSRV_INTERNAL_H
#define OS_MEMSRV_MEMSRV_INTERNAL_H

#include "os/memsrv/memsrv.h"
#include "os/proto/select/select.h"
#include "os/xk/map.h"

#define MEMSRV_ARGS 16
#define MEMSRV_REPLY 8

enum memsrv_procedure {
    MEMSRV_PUT = 1,
    MEMSRV_GET,
    MEMSRV_DROP,
    MEMSRV_OPEN, /* of a region that is kept: there is such a region; number: MEMSRV_TORN or 0 */
    MEMSRV_LIST, /* of one: its pages behind that one, or MEMSRV_FIRST */
    MEMSRV_FREE  /* of one: all of it is void */
};
enum memsrv_status { MEMSRV_OK, MEMSRV_NONE, MEMSRV_FULL, MEMSRV_IO };

#define MEMSRV_KEPT (UINT64_C(1) << 63)          /* with the page: its region outlives its client */
#define MEMSRV_FIRST (UINT64_MAX & ~MEMSRV_KEPT) /* no page */
#define MEMSRV_TORN 1
#define MEMSRV_LISTED 12 /* a page of the list: page(8) number(4) */

/* ---- client ---- */

#define MEMSRV_NOWHERE UINT32_MAX
#define MEMSRV_COPIES 2

/* Where a page is: indices of servers. */
struct memsrv_kept {
    uint32_t place[MEMSRV_COPIES];
    uint32_t number; /* of the put */
    bool backed_up;
    bool older; /* place[1] has what was put before: who put the page died amid that (region.c) */
};

struct memsrv_client {
    struct vm_store store; /* first */
    struct port *port;
    struct xk_protl *rpc;
    struct memsrv_client_params params;
    struct vm_store *backup; /* NULL: none */
    uint32_t *servers, *load;
    uint32_t count;
    uint32_t region, numbers;
    struct xk_map kept; /* page -> struct memsrv_kept */
    struct list queue;  /* struct call: refused for now */
    struct port_timer retry;
    bool closed; /* what ends is told to nobody */
    /* of a region that is kept (region.c) */
    bool outlives;
    bool torn;    /* pages of it may have been lost */
    bool changed; /* since it was mended a server has died or come back */
    uint64_t losses;
};

/* The record of a page; made when there is none. */
struct memsrv_kept *memsrv_kept_get(struct memsrv_client *c, uint64_t page);
/* The server after `from` that has no copy of it. */
uint32_t memsrv_next_server(const struct memsrv_client *c, const struct memsrv_kept *k,
                            uint32_t from);

#endif
