/* file_internal.h: private to os/file/: what the layer REMOTE and the service file_server exchange.
 *
 * All numbers big-endian; a call's procedure is the op.
 *
 *   request                            reply
 *    0 hint  4    24 size  8            0 status   4    16 moved   8    40 network time 8
 *    4 runs  4    32 name  4            4 grew     4    24 queue   8    48 attr        40
 *    8 file  8    36 unused 4           8 file     8    32 device  8    88 data
 *   16 dir   8    40 attr  40
 *   80 runs, 32 bytes each; name; data
 *
 *   attr: size 8, owner 32
 */
#ifndef OS_FILE_FILE_INTERNAL_H
#define OS_FILE_FILE_INTERNAL_H

#include "os/file/file.h"
#include "os/proto/select/select.h"

#define FILE_SERVICE 0x5004 /* service number at SELECT */
#define FILE_WIRE_RUNS 64   /* of one call */
#define FILE_WIRE_ATTR 40
#define FILE_REQUEST_HEAD (40 + FILE_WIRE_ATTR)
#define FILE_RUN_BYTES 32
#define FILE_REPLY_HEAD (48 + FILE_WIRE_ATTR)
/* The most that goes beside the data of a call, either way. */
#define FILE_WIRE_BESIDE (FILE_REQUEST_HEAD + FILE_WIRE_RUNS * FILE_RUN_BYTES + FILE_NAME_MAX)

/* A name that is too long travels as one byte more than a name may have. */
void file_request_store(struct rope *out, const struct file_req *r);
/* Fills r, which is initialised; `runs` and `name` are where its list and name go; the data stay in
 * `in`.  False: it is no request. */
bool file_request_load(struct rope *in, struct file_req *r, struct file_run runs[FILE_WIRE_RUNS],
                       char name[FILE_NAME_MAX + 2]);
void file_reply_store(struct rope *out, const struct file_req *r);
bool file_reply_load(struct rope *in, struct file_req *r); /* the data stay in `in` */

extern const struct os_service_ops file_server_service;

#endif
