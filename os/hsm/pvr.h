/* pvr.h: a physical volume repository: one library, and what it has in its drives.
 *
 * It knows where each cartridge lies, and moves it between its cell and the drives.  Procedures of
 * HSM_SERVICE_PVR, long calls (call.h), big-endian; a reply begins with u8 hsm_status:
 *   PVR_DRIVES   -> u32 count, { u32 node, u32 device, u8 works, label } of each drive; the label
 *                of what is loaded there
 *   PVR_FIND     label -> HSM_OK: it is one of its cartridges
 *   PVR_MOUNT    u32 drive, label -> it is in the drive, at its load point; what was in it before
 *                has gone back to its cell
 *   PVR_DISMOUNT u32 drive -> it is empty
 *
 *   PVR1  A cartridge goes back to the cell that it came from.
 *   PVR2  Who is told HSM_OK of a mount finds that label in the drive: the arm has read it.
 */
#ifndef OS_HSM_PVR_H
#define OS_HSM_PVR_H

#include "os/hsm/hsm.h"
#include "os/node.h"

enum pvr_procedure { PVR_DRIVES = 1, PVR_FIND, PVR_MOUNT, PVR_DISMOUNT };

struct pvr_params {
    int64_t changer; /* of the node */
    sim_time retry;  /* of calls for which there is no room */
    bool opens;      /* drives that have died */
};
/* Serves that library; one that the node does not have has no cartridges. */
struct pvr *pvr_serve(struct xk_protl *rpc, const struct pvr_params *params);

/* On the service node, if no group is named. */
extern const struct os_service_ops pvr_service;
extern const struct counter pvr_counters[]; /* "pvr.*" */

#endif
