/* pvl.h: the physical volume library: mounts, and who gets which drive.
 *
 * A job asks for one volume or several (a stripe) to be mounted at once; when all are, it is told
 * where, and does with the drives what it likes, until it releases them.  A volume stays in its
 * drive then: the next job of it finds it mounted; it is put away when its drive is needed, or
 * after a while [HPSS: deferred dismount].
 *
 * Which job is next is said by a policy, a const ops struct of pvl_orders; which idle volume goes
 * when a drive is needed, by one of pvl_victims.  A job that finds all its volumes in idle drives
 * need not wait for its turn.
 *
 *   PVL1  A drive belongs to one job at a time, a volume too.
 *   PVL2  A job gets all its drives at one moment, or none: who waits holds nothing.
 *   PVL3  A job that needs drives is not passed, in the order of the policy, by one behind it that
 *       needs drives of the same library.
 *   PVL4  Every job ends: with all its volumes mounted, or with a status; then it holds nothing.
 *   PVL5  The jobs of a node that dies are released.
 *   PVL6  A job of more volumes than their library has drives ends at once (HSM_NO_DRIVE).
 *
 * A drive that fails is left alone for `retry`; a job whose drive fails while it is being mounted
 * waits again, up to `patience` in all.  After a crash the service learns from the repositories
 * what lies in the drives; jobs are void.
 */
#ifndef OS_HSM_PVL_H
#define OS_HSM_PVL_H

#include "os/hsm/call.h"
#include "os/hsm/hsm.h"
#include "os/node.h"
#include "os/xk/xobj.h"

#define PVL_STRIPE 16 /* volumes of a job */

struct pvl_params {
    int order, victim;        /* of pvl_orders, pvl_victims */
    sim_time dismount_after;  /* an idle volume is put away; 0: when its drive is needed */
    sim_time retry, patience; /* of a drive that failed; of a job */
    sim_time call_retry;      /* of calls for which there is no room */
};
extern const struct param pvl_params_desc[];

/* On the service node, if no group is named. */
extern const struct os_service_ops pvl_service;
extern const struct kind_set pvl_orders, pvl_victims;
extern const struct counter pvl_counters[]; /* "pvl.*" */

/* What the service does: serves on this node; `pvrs` are the nodes of the repositories. */
struct pvl *pvl_serve(struct xk_protl *rpc, const struct pvl_params *params, const uint32_t *pvrs,
                      uint32_t count);

/* ---- clients ---- */

struct pvl_mount { /* one volume of a job */
    char label[HSM_LABEL];
    uint32_t node, device; /* out: its drive, a block device of that node */
    bool bad;              /* out, where the job has ended because of volumes: this one */
};
struct pvl_client {
    struct hsm_calls *calls;
    uint32_t host; /* of the service */
};
/* Asks the service for `count` volumes.  `weight`: so many requests wait for them.  When
 * they are mounted: HSM_OK, and *job.  What else: the job has ended.  (blocks) */
enum hsm_status pvl_mount(const struct pvl_client *c, struct pvl_mount *m, uint32_t count,
                          uint64_t weight, uint64_t *job);
/* The same for upcalls: `done` is told once, later.  m is the callee's to read then. */
typedef void pvl_mounted_fn(void *arg, enum hsm_status s, uint64_t job, const struct pvl_mount *m);
void pvl_mount_start(const struct pvl_client *c, const struct pvl_mount *m, uint32_t count,
                     uint64_t weight, pvl_mounted_fn *done, void *arg);
/* So many more requests wait for a job that has that volume, and has not been given it yet. */
void pvl_more(const struct pvl_client *c, const char *label, uint64_t weight);
/* The job needs its drives no more; `failed`: a bit for each of its volumes whose drive, or its
 * node, did not do what it was asked: it is left alone for `retry`. */
void pvl_release(const struct pvl_client *c, uint64_t job, uint32_t failed);

/* ---- policies ---- */

struct pvl_waiting { /* a job, as a policy sees it */
    uint64_t weight;
    sim_time since;
};
struct pvl_order_ops {
    struct kind kind;
    /* Does a come before b?  Of equal ones the older does. */
    bool (*before)(const struct pvl_waiting *a, const struct pvl_waiting *b, sim_time now);
};
struct pvl_idle { /* a drive whose volume nobody uses */
    sim_time since;
    uint64_t mounts; /* of its volume, so far */
};
struct pvl_victim_ops {
    struct kind kind;
    bool (*before)(const struct pvl_idle *a, const struct pvl_idle *b);
};

#endif
