/* memsrv_internal.h: what a client and a server of page memory say to each other.
 *
 * Arguments, big-endian: 0 region(4)  4 number of the put(4)  8 page(8)  16 end; PUT adds the
 *                        page's bytes.  DROP: if the page is still the one of that put.
 * Reply:                 0 status(1)  1 disk transfers that no reply has told yet(1)  2..3 zero
 *                        4 load(4)  8 end; GET adds the page's bytes.
 */
#ifndef OS_MEMSRV_MEMSRV_INTERNAL_H
#define OS_MEMSRV_MEMSRV_INTERNAL_H

#include "os/memsrv/memsrv.h"
#include "os/proto/select/select.h"

#define MEMSRV_ARGS 16
#define MEMSRV_REPLY 8

enum memsrv_procedure { MEMSRV_PUT = 1, MEMSRV_GET, MEMSRV_DROP };
enum memsrv_status { MEMSRV_OK, MEMSRV_NONE, MEMSRV_FULL, MEMSRV_IO };

#endif
