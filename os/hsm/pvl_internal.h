/* pvl_internal.h: private to the physical volume library: its state, its messages.
 *
 * Procedures of HSM_SERVICE_PVL, big-endian; a reply begins with u8 hsm_status:
 *   PVL_MOUNT    (a long call; its ticket is the job's name) u32 volumes, u64 weight, labels
 *                -> { u32 node, u32 device } of each; else u32 bits of the volumes that are to
 *                blame
 *   PVL_RELEASE  u64 job, u32 bits of its drives that failed
 *   PVL_MORE     u64 weight, label of a volume of a job that waits
 */
#ifndef OS_HSM_PVL_INTERNAL_H
#define OS_HSM_PVL_INTERNAL_H

#include "os/hsm/pvl.h"
#include "os/hsm/pvr.h"
#include "os/proto/select/select.h"
#include "os/xk/map.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

enum pvl_procedure { PVL_MOUNT = 1, PVL_RELEASE, PVL_MORE };
enum { PVRS_MAX = 64, DRIVES_MAX = 1024 };
#define NOWHERE UINT32_MAX

struct job;
struct volume {
    char label[HSM_LABEL];
    uint32_t pvr;        /* NOWHERE: not known yet */
    struct drive *drive; /* that has it, or is to get it */
    struct pvl_idle seen;
};

enum drive_state { DRIVE_DEAD, DRIVE_EMPTY, DRIVE_IDLE, DRIVE_BUSY, DRIVE_MOVING };
struct drive {
    uint32_t pvr, number; /* its number there */
    uint32_t node, device;
    enum drive_state state;
    bool taken;                      /* while a job is being granted */
    struct volume *volume, *leaving; /* leaving: while it is moving */
    struct job *job;
    sim_time since; /* it is so */
};

enum job_state { JOB_FINDING, JOB_WAITING, JOB_MOUNTING, JOB_HELD };
struct job {
    struct list link; /* of its state */
    enum job_state state;
    struct hsm_caller caller;
    uint32_t count, mounting;
    uint32_t turn; /* in the order of arrival */
    struct pvl_waiting seen;
    struct volume *volumes[PVL_STRIPE];
    struct drive *drives[PVL_STRIPE];
    enum hsm_status worst;
    uint32_t bad; /* bits of the volumes because of which that is so */
    bool orphan;  /* its client has died meanwhile */
    bool doubt;   /* a repository gave no answer */
};

struct pvl {
    struct port *port;
    struct xk_protl *rpc;
    struct hsm_calls calls;
    const struct pvl_params *params;
    const struct pvl_order_ops *order;
    const struct pvl_victim_ops *victim;
    struct xk_map volumes; /* label -> struct volume */
    struct {
        uint32_t host;
        bool known, asking;
        sim_time asked;
    } pvrs[PVRS_MAX];
    uint32_t pvr_count, drive_count, last;
    struct drive drives[DRIVES_MAX];
    struct list finding, waiting, mounting, held; /* jobs */
    struct port_timer timer;
    struct {
        uint64_t jobs, failed, mounts, found, victims, put_away, drive_errors;
    } counts;
};

#endif
