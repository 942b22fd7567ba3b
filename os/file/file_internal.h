/* file_internal.h: private to os/file/: what the layer REMOTE and the service file_server exchange.
 *
 * All numbers big-endian; a call's procedure is the op.
 *
 *   request                            reply
 *    0 hint  4    32 name    4          0 status   4    16 moved   8    40 network time 8
 *      (of READ and WRITE: 1, it is direct)
 *    4 runs  4    36 to_name 4          4 grew     4    24 queue   8    48 attr        72
 *    8 file  8    40 to_dir  8          8 file     8    32 device  8   120 data
 *   16 dir   8    48 uid     4
 *   24 size  8    52 gid     4
 *   56 attr 72
 *  128 runs, 32 bytes each; name; to_name; data
 *
 *   attr: size 8, mode 4, uid 4, gid 4, unused 4 (of a request: which of the caller's open files),
 *         mtime 8, ctime 8, owner 32
 */
#ifndef OS_FILE_FILE_INTERNAL_H
#define OS_FILE_FILE_INTERNAL_H

#include "os/file/file.h"
#include "os/proto/select/select.h"

#define FILE_SERVICE 0x5004 /* service number at SELECT */
#define FILE_WIRE_RUNS 64   /* of one call */
#define FILE_WIRE_ATTR 72
#define FILE_REQUEST_HEAD (56 + FILE_WIRE_ATTR)
#define FILE_REQUEST_STREAM (56 + 20)
#define FILE_REPLY_HEAD (48 + FILE_WIRE_ATTR)
/* The most that goes beside the data of a call, either way. */
#define FILE_WIRE_BESIDE (FILE_REQUEST_HEAD + FILE_WIRE_RUNS * FILE_RUN_BYTES + 2 * FILE_NAME_MAX)

/* A name that is too long travels as one byte more than a name may have. */
void file_request_store(struct rope *out, const struct file_req *r);
/* Fills r, which is initialised; `runs` and `names` are where its list and names go; the data stay
 * in `in`.  False: it is no request. */
bool file_request_load(struct rope *in, struct file_req *r, struct file_run runs[FILE_WIRE_RUNS],
                       char names[2][FILE_NAME_MAX + 2]);
void file_reply_store(struct rope *out, const struct file_req *r);
bool file_reply_load(struct rope *in, struct file_req *r); /* the data stay in `in` */

extern const struct os_service_ops file_server_service;

struct file_keep_params { /* of the layer KEEP */
    int64_t block;
};
extern const struct file_ops file_keep;

#endif
