/* storage.h: the storage server: virtual volumes, and the queue of what is wanted of each.
 *
 * A virtual volume is one cartridge or a stripe of several, whose blocks go round them in turn.
 * The server keeps a record of each (records.h); volumes that the archive had from the start are
 * declared.  Requests for blocks of a volume wait until it is mounted; then all that wait for it
 * go to the movers at once, and again those that have come meanwhile, up to `rounds` times; then
 * others have their turn.
 *
 * What is appended goes to the volumes behind those that were declared, one after the other; a
 * volume's record says how much of it counts.  What lies on the tape behind that was never told to
 * anybody, and is written over.
 *
 *   STO1  A request ends once: HSM_OK, its sink has taken all its bytes; else with a status.
 *   STO2  A volume is asked for when a request waits for it, and released when none does.
 *   STO3  An append that ended with HSM_OK is on the tape and in the catalogue, whatever crashes.
 *
 * Procedures of HSM_SERVICE_STORAGE, long calls (call.h), big-endian:
 *   STORAGE_READ    u32 volume, u64 first, u64 count, u64 token -> u8 hsm_status; blocks of the
 *                   virtual volume, to the sink that is the caller
 *   STORAGE_APPEND  u64 count, u64 token -> u8 hsm_status, u32 volume, u64 first: there lie blocks
 *                   that were pulled from the caller
 */
#ifndef OS_HSM_STORAGE_H
#define OS_HSM_STORAGE_H

#include "os/file/file.h"
#include "os/hsm/hsm.h"
#include "os/hsm/records.h"
#include "os/xk/xobj.h"

enum storage_procedure { STORAGE_READ = 1, STORAGE_APPEND };

struct storage_params {
    const char *prefix;     /* of labels; the cartridges of volume v are v x width and on */
    int64_t volumes, width; /* width: cartridges of a volume */
    int64_t block, blocks;  /* bytes of a block; blocks of a declared volume, */
    int64_t filled;         /* of which there are so many, the first; */
    int64_t capacity;       /* blocks that are written to another at most */
    int64_t threads, rounds, batch;
    sim_time retry; /* of calls for which there is no room */
    struct records_params records;
    const struct val *files; /* of the service: the file system of its records */
    struct file_stack stack;
};
/* Serves on this node; its records are in `files`, the library is at node `pvl`. */
struct storage *storage_serve(struct xk_protl *rpc, struct file_sys *files,
                              const struct storage_params *params, uint32_t pvl);
extern const struct os_service_ops storage_service;
extern const struct counter storage_counters[]; /* "storage.*" */

#endif
