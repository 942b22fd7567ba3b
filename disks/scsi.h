/* scsi.h: a parallel SCSI bus: one talker at a time, chosen by id.
 *
 * Modelled: arbitration by id (the highest wins, requests of one id in order), the time of
 * arbitration and selection, information phases as long as the device that holds the bus says,
 * synchronous and asynchronous data rates, the host adapter's own rate, disconnection (the bus is
 * free between a device's phases), several devices.  Not modelled: single handshakes, parity errors
 * and resets on the cable, wide negotiation (a wide bus is a faster one).
 *
 *   BUS1  One phase holds the bus at a time; a phase ends before another is granted.
 *   BUS2  Among phases that wait at one instant the choice depends on ids and order of asking
 *       alone.
 *
 * Called by the devices on it (disks/disk.c, disks/raid3.c) and made by disks/build.c.
 */
#ifndef DISKS_SCSI_H
#define DISKS_SCSI_H

#include "sim/audit.h"
#include "sim/base/list.h"
#include "sim/base/param.h"
#include "sim/server.h"
#include "sim/sim.h"

#define SCSI_IDS 16

struct scsi_params {
    int64_t rate;       /* synchronous data phase, bytes a second */
    int64_t async_rate; /* used when sync is false */
    int64_t host_rate;  /* host adapter's own limit; 0: none */
    bool sync;
    sim_time arbitration; /* bus free delay, arbitration and (re)selection */
    int64_t host_id;
};
extern const struct param scsi_params[];

struct scsi_bus;

/* One use of the bus; embedded by a device, at most one pending per struct. */
struct scsi_phase {
    struct list link;
    uint8_t id;
    /* The bus is yours from `at` (arbitration is over); returns when it will be free, >= at. */
    sim_time (*granted)(struct scsi_phase *p, sim_time at);
    void (*ended)(struct scsi_phase *p); /* at the time that granted returned; may be NULL */
    sim_time asked;
};

/* A free bus without devices; `params` and `name` (of its busy account) are copied.  It ends with
 * the last device that is detached, or by scsi_destroy. */
struct scsi_bus *scsi_create(struct sim *s, const struct scsi_params *p, int32_t node,
                             const char *name);
void scsi_destroy(struct scsi_bus *b); /* one that no device was attached to */

/* Prepares a phase, not yet asked for, of the device under `id` (below SCSI_IDS). */
void scsi_phase_init(struct scsi_phase *p, uint32_t id,
                     sim_time (*granted)(struct scsi_phase *p, sim_time at),
                     void (*ended)(struct scsi_phase *p));
/* Asks for the bus now. */
void scsi_ask(struct scsi_bus *b, struct scsi_phase *p);

/* The rate of data phases for a device that can do at most `device_rate` (0: no limit). */
int64_t scsi_rate(const struct scsi_bus *b, int64_t device_rate);
uint32_t scsi_host_id(const struct scsi_bus *b);
/* Tells that data of a request which began then are over the bus: what the window has of them is
 * audited against the rate. */
void scsi_carried(struct scsi_bus *b, sim_time began, uint64_t bytes);
/* Counts a device on the bus; the bus goes with the last that leaves it. */
void scsi_attach(struct scsi_bus *b, uint32_t id);
void scsi_detach(struct scsi_bus *b);
/* Only one device: it may reckon its phases itself (scsi_reserve) and needs no events for them. */
bool scsi_private(const struct scsi_bus *b);
/* For the only device: the time from which the bus is its own when asked at `at`; then it tells how
 * long it was held. */
sim_time scsi_reserve(struct scsi_bus *b, sim_time at);
void scsi_held(struct scsi_bus *b, sim_time from, sim_time to);

#endif
