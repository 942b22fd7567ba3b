/* pace.h: how long a protocol waits that keeps what it has sent, where its parameter is 0: by what
 * the slowest link below carries, so that nothing goes again because its link is slow.
 */
#ifndef OS_XK_PACE_H
#define OS_XK_PACE_H

#include "os/xk/xobj.h"

/* What they take below a protocol; 0: not known. */
static inline sim_time xk_pace(const struct xk_protl *below, uint64_t bytes)
{
    return below->rate ? sim_time_of_bytes((int64_t)bytes, (int64_t)below->rate) : 0;
}
/* Until an acknowledgement goes that nothing has carried: so many bytes more may come before. */
static inline sim_time xk_pace_ack(const struct xk_protl *below, sim_time given, uint64_t bytes)
{
    return given ? given : sim_time_max(xk_pace(below, bytes), 500 * SIM_US);
}
/* Until what has not been acknowledged goes again: three times what a window takes, and that, for
 * others may want the link, too. */
static inline sim_time xk_pace_resend(const struct xk_protl *below, sim_time given, uint64_t window,
                                      sim_time ack)
{
    sim_time all = sim_time_add(xk_pace(below, window), ack);
    return given ? given : sim_time_max(sim_time_mul(all, 3), 5 * SIM_MS);
}

#endif
