/* scsi.c: arbitration of a SCSI bus.
 *
 * A device that asks while the bus is free is decided upon in the arbiter phase of the same
 * instant, so that all who ask at one instant compete (BUS2).  When a phase ends the next
 * arbitration is in the same instant too.  A bus with one device needs no events: it is reckoned.
 */
#include "disks/scsi.h"

#include <stdlib.h>

const struct param scsi_params[] = {
    P_RATE(scsi_params, rate, "10MB/s", "1kB/s", "1GB/s",
           "Synchronous data phase: 5 MB/s SCSI-1, 10 MB/s fast SCSI-2.",
           "ANSI X3.131-1986 and X3.131-1994"),
    P_RATE(scsi_params, async_rate, "3MB/s", "1kB/s", "1GB/s", "Data phase when sync is false.",
           "ASSUMED(asynchronous handshakes over a few metres reached 1.5 to 3 MB/s)"),
    P_RATE(scsi_params, host_rate, "0", "0", "1GB/s", "The host adapter's own limit; 0: none.",
           "none"),
    P_BOOL(scsi_params, sync, "true", "Data go at the synchronous rate.",
           "SCSI-2 drives negotiate it"),
    P_TIME(scsi_params, arbitration, "0", "0", "1s",
           "From asking on a free bus to the first information phase: bus free delay (0.8 us), "
           "arbitration delay (2.4 us) and selection.",
           "0: measured overheads of drives hold it already"),
    P_INT(scsi_params, host_id, "7", "0", "15", "The host adapter's id; the highest wins.",
          "usual"),
    P_END,
};

struct scsi_bus {
    struct sim *sim;
    struct scsi_params params;
    struct sim_busy busy;
    struct list waiting[SCSI_IDS];
    uint32_t waiting_ids; /* bit per id with something in waiting */
    struct scsi_phase *holder;
    struct sim_event arbiter, release;
    uint32_t devices;
    sim_time free_at;
    uint64_t asked, ended;
    struct sim_whole carried; /* bytes */
    struct sim_inside queue;  /* phases, once there are several devices */
};

static void arbitrate(struct sim *s, struct sim_event *ev)
{
    struct scsi_bus *b = CONTAINER_OF(ev, struct scsi_bus, arbiter);
    (void)s;
    if (b->holder != NULL || b->waiting_ids == 0)
        return;
    uint32_t id = 31 - (uint32_t)__builtin_clz(b->waiting_ids);
    struct scsi_phase *p = LIST_ENTRY(list_pop(&b->waiting[id]), struct scsi_phase, link);
    if (list_empty(&b->waiting[id]))
        b->waiting_ids &= ~(1u << id);
    b->holder = p;
    sim_time now = sim_now(b->sim), at = sim_time_add(now, b->params.arbitration);
    sim_time end = p->granted(p, at);
    ASSERT(end >= at);
    sim_busy_add(&b->busy, b->sim, now, end);
    sim_at(b->sim, &b->release, end);
}

static void released(struct sim *s, struct sim_event *ev)
{
    struct scsi_bus *b = CONTAINER_OF(ev, struct scsi_bus, release);
    struct scsi_phase *p = b->holder;
    b->holder = NULL;
    b->ended++;
    if (b->queue.sim != NULL)
        sim_inside_leave(&b->queue, p->asked, sim_now(s));
    if (b->waiting_ids != 0 && !sim_event_pending(&b->arbiter))
        sim_at(s, &b->arbiter, sim_now(s));
    if (p->ended != NULL)
        p->ended(p);
}

static void audit(void *self, struct sim_audit_report *report)
{
    const struct scsi_bus *b = self;
    uint64_t inside = b->holder != NULL;
    for (uint32_t i = 0; i < SCSI_IDS; i++) {
        LIST_EACH (it, &b->waiting[i])
            inside++;
    }
    sim_audit_rate(report, &b->carried, "bytes over the bus", SIM_SEC, (uint64_t)scsi_rate(b, 0));
    sim_audit_balance(report, "bus phases", b->asked, b->ended, inside, 0);
}

struct scsi_bus *scsi_create(struct sim *s, const struct scsi_params *p, int32_t node,
                             const char *name)
{
    struct scsi_bus *b = base_zalloc(1, sizeof *b);
    b->sim = s;
    b->params = *p;
    sim_busy_init(&b->busy, s, SIM_KIND_BUS, node, name);
    for (uint32_t i = 0; i < SCSI_IDS; i++)
        list_init(&b->waiting[i]);
    sim_event_init(&b->arbiter, SIM_CLASS_ARBITER, arbitrate);
    sim_event_init(&b->release, SIM_CLASS_DEVICE, released);
    sim_audit_register(s, name, audit, b);
    return b;
}

void scsi_destroy(struct scsi_bus *b)
{
    sim_cancel(b->sim, &b->arbiter);
    sim_cancel(b->sim, &b->release);
    sim_audit_unregister(b->sim, b);
    if (b->queue.sim != NULL)
        sim_inside_fini(&b->queue);
    sim_busy_fini(&b->busy);
    free(b);
}

void scsi_phase_init(struct scsi_phase *p, uint32_t id,
                     sim_time (*granted)(struct scsi_phase *p, sim_time at),
                     void (*ended)(struct scsi_phase *p))
{
    ASSERT(id < SCSI_IDS);
    *p = (struct scsi_phase){ .id = (uint8_t)id, .granted = granted, .ended = ended };
    list_init(&p->link);
}

void scsi_ask(struct scsi_bus *b, struct scsi_phase *p)
{
    list_push(&b->waiting[p->id], &p->link);
    b->waiting_ids |= 1u << p->id;
    p->asked = sim_now(b->sim);
    b->asked++;
    if (b->queue.sim != NULL)
        sim_inside_enter(&b->queue, p->asked);
    if (b->holder == NULL && !sim_event_pending(&b->arbiter))
        sim_at(b->sim, &b->arbiter, p->asked);
}

int64_t scsi_rate(const struct scsi_bus *b, int64_t device_rate)
{
    int64_t rate = b->params.sync ? b->params.rate : b->params.async_rate;
    if (b->params.host_rate > 0 && b->params.host_rate < rate)
        rate = b->params.host_rate;
    return device_rate > 0 && device_rate < rate ? device_rate : rate;
}

void scsi_carried(struct scsi_bus *b, sim_time began, uint64_t bytes)
{
    sim_whole_add(&b->carried, b->sim, began, bytes);
}

uint32_t scsi_host_id(const struct scsi_bus *b)
{
    return (uint32_t)b->params.host_id;
}

void scsi_attach(struct scsi_bus *b, uint32_t id)
{
    ASSERT_MSG(id < SCSI_IDS && id != scsi_host_id(b), "a device under the host adapter's id");
    if (++b->devices == 2)
        sim_inside_init(&b->queue, b->sim, SIM_KIND_SCSI, b->busy.node, b->busy.name);
}

void scsi_detach(struct scsi_bus *b)
{
    ASSERT(b->devices > 0);
    if (--b->devices == 0)
        scsi_destroy(b);
}

bool scsi_private(const struct scsi_bus *b)
{
    return b->devices <= 1;
}

sim_time scsi_reserve(struct scsi_bus *b, sim_time at)
{
    return sim_time_add(sim_time_max(at, b->free_at), b->params.arbitration);
}

void scsi_held(struct scsi_bus *b, sim_time from, sim_time to)
{
    sim_busy_add(&b->busy, b->sim, from - b->params.arbitration, to);
    b->free_at = to;
}
