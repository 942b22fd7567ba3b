/* filetype.h: types of file views (os/pio/ftype.h) as a configuration writes them.
 *
 * A list of constructors from the inside out, each of what the one before it made, the first of an
 * elementary datum:
 *
 *   { { type = "darray", dims = { { n = 64, deal = "block", parts = 2 }, { n = 64 } } } }
 */
#ifndef WORKLOADS_IO_FILETYPE_H
#define WORKLOADS_IO_FILETYPE_H

#include "os/pio/ftype.h"
#include "sim/base/kind.h"

extern const struct kind_set io_filetypes;

/* What it is of rank `rank`; NULL: elementary data in a row. */
bool io_filetype(const struct val *list, uint64_t etype, uint32_t rank, const char *path,
                 struct ftype *out, struct err *e) MUST_CHECK;

#endif
