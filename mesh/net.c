/* net.c: why packets are dropped, in words and for the audit.  See net.h. */
#include "mesh/net.h"

#include "sim/audit.h"
#include "sim/fault.h"

bool net_schedule_faults(struct net *n, const struct val *faults, struct err *e)
{
    if (!faults)
        return true;
    n->schedule = sim_faults_create(n->sim, false);
    n->ops->fault_targets(n, n->schedule);
    return sim_faults_load(n->schedule, faults, "mesh.faults", e);
}

const char *net_status_name(enum net_status s)
{
    static const char *const names[NET_STATUSES] = {
        [NET_OK] = "delivered",
        [NET_DROPPED_FAULT] = "dead channel",
        [NET_DROPPED_COLLISIONS] = "16 collisions",
        [NET_DROPPED_FULL] = "no room at the receiver",
        [NET_DROPPED_QUEUE] = "a full queue",
        [NET_DROPPED_REFUSED] = "connection refused",
        [NET_DROPPED_DAMAGED] = "damaged",
        [NET_DROPPED_NOBODY] = "nobody to send to",
    };
    return (unsigned)s < NET_STATUSES ? names[s] : "?";
}

uint64_t net_audit_drops(const struct net *n, struct sim_audit_report *r)
{
    uint64_t all = 0;
    for (unsigned why = NET_OK + 1; why < NET_STATUSES; why++) {
        all += n->dropped[why];
        sim_audit_dropped(r, "packets", net_status_name((enum net_status)why), n->dropped[why]);
    }
    return all;
}
