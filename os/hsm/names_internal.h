/* names_internal.h: private to the name server and its doors: what travels between them.
 *
 * Arguments, big-endian: u64 dir, u64 to_dir, u64 file, u64 bitfile, u64 at, u32 mode, u32 uid, u32
 * gid of the caller, u32 mode, u32 uid, u32 gid of attr, two names: u8 length, 63 bytes.
 * Replies: u8 enum file_status, u64 file, u64 bitfile, u64 at, u8 replaced, attr: u8 dir, u32 mode,
 * u32 uid, u32 gid, u32 entries, u64 changed; then entries: u64 file, u64 bitfile, u8 dir, a name.
 */
#ifndef OS_HSM_NAMES_INTERNAL_H
#define OS_HSM_NAMES_INTERNAL_H

#include "os/hsm/call.h"
#include "os/hsm/names.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

enum {
    NAME_FIELD = 1 + FILE_NAME_MAX,
    NAME_CALL_BYTES = 64 + 2 * NAME_FIELD,
    NAME_REPLY_BYTES = 26 + 25,
    NAME_ENTRY_BYTES = 17 + NAME_FIELD
};

#endif
