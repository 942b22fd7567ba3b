/* order_internal.h: what the policies of order.h share. */
#ifndef OS_HSM_ORDER_INTERNAL_H
#define OS_HSM_ORDER_INTERNAL_H

#include "os/hsm/order.h"

/* The head is node 0 of the paths, request i is node i + 1. */
struct order_job {
    struct port *port;
    const struct hsm_head *head;
    const struct hsm_extent *r;
    uint32_t n;
};

/* From the end of node a to the start of request node b > 0. */
static inline sim_time order_way(const struct order_job *j, uint32_t a, uint32_t b)
{
    const struct hsm_extent *x = &j->r[a - (a > 0)];
    uint64_t from = a == 0 ? j->head->at : x->first + x->count, to = j->r[b - 1].first;
    return from == to ? 0 : j->head->locate(j->head->arg, from, to);
}

void order_loss(const struct order_job *j, uint32_t *out);    /* order_loss.c */
void order_optimal(const struct order_job *j, uint32_t *out); /* order_loss.c; n <= HSM_OPTIMAL */
void order_scan(const struct order_job *j, uint32_t *out);    /* order_scan.c */
void order_mpscan(const struct order_job *j, uint32_t *out);
void order_weave(const struct order_job *j, uint32_t *out);

#endif
