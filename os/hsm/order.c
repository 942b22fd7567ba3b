/* order.c: the policies' set; those without a file of their own. */
#include "os/hsm/order_internal.h"

#include <stdlib.h>

static void fifo(struct port *p, const struct hsm_head *h, const struct hsm_extent *r, uint32_t n,
                 uint32_t *out)
{
    (void)p;
    (void)h;
    (void)r;
    for (uint32_t i = 0; i < n; i++)
        out[i] = i;
}

static int by_block(const void *a, const void *b, void *arg)
{
    const struct hsm_extent *r = arg;
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    if (r[x].first != r[y].first)
        return r[x].first < r[y].first ? -1 : 1;
    return x < y ? -1 : 1;
}

static void sort(struct port *p, const struct hsm_head *h, const struct hsm_extent *r, uint32_t n,
                 uint32_t *out)
{
    fifo(p, h, r, n, out);
    qsort_r(out, n, sizeof *out, by_block, (void *)(uintptr_t)r);
}

static void sltf(struct port *p, const struct hsm_head *h, const struct hsm_extent *r, uint32_t n,
                 uint32_t *out)
{
    struct order_job j = { p, h, r, n };
    uint32_t at = 0;
    fifo(p, h, r, n, out);
    for (uint32_t k = 0; k < n; k++) {
        uint32_t best = k;
        sim_time least = order_way(&j, at, out[k] + 1);
        for (uint32_t i = k + 1; i < n; i++) {
            sim_time way = order_way(&j, at, out[i] + 1);
            if (way < least || (way == least && out[i] < out[best])) {
                least = way;
                best = i;
            }
        }
        uint32_t next = out[best];
        out[best] = out[k];
        out[k] = next;
        at = next + 1;
    }
}

#define OF_A_JOB(name, fn)                                                                         \
    static void name(struct port *p, const struct hsm_head *h, const struct hsm_extent *r,         \
                     uint32_t n, uint32_t *out)                                                    \
    {                                                                                              \
        fn(&(struct order_job){ p, h, r, n }, out);                                                \
    }

static void shortest(const struct order_job *j, uint32_t *out)
{
    if (j->n <= HSM_OPTIMAL)
        order_optimal(j, out);
    else
        order_loss(j, out);
}

OF_A_JOB(scan, order_scan)
OF_A_JOB(mpscan, order_mpscan)
OF_A_JOB(weave, order_weave)
OF_A_JOB(loss, order_loss)
OF_A_JOB(optimal, shortest)

static const struct hsm_order_ops orders[] = {
    { { .name = "fifo", .doc = "As they came." }, .order = fifo },
    { { .name = "sort", .doc = "By block." }, .order = sort },
    { { .name = "scan", .doc = "An elevator along the tape: out, then back." }, .order = scan },
    { { .name = "mpscan",
        .doc = "Sweeps in which the tape turns at its end alone, then requests are moved while "
               "that helps." },
      .order = mpscan },
    { { .name = "sltf", .doc = "The nearest in time next." }, .order = sltf },
    { { .name = "weave", .doc = "The nearest by a fixed order of sections around the head." },
      .order = weave },
    { { .name = "loss", .doc = "The way whose loss would be the largest is taken first." },
      .order = loss },
    { { .name = "optimal",
        .doc = "The shortest path, for up to 12 requests; of more that of loss." },
      .order = optimal },
    { { .name = "whole", .doc = "The tape is read from the first to the last of them." },
      .through = true,
      .order = sort },
};
static const struct kind *const items[] = {
    &orders[0].kind, &orders[1].kind, &orders[2].kind, &orders[3].kind, &orders[4].kind,
    &orders[5].kind, &orders[6].kind, &orders[7].kind, &orders[8].kind, NULL
};
const struct kind_set hsm_orders = { "order", "workload.order", items };

void hsm_order(struct port *p, const struct hsm_order_ops *ops, const struct hsm_head *h,
               const struct hsm_extent *r, uint32_t n, uint32_t *out)
{
    ops->order(p, h, r, n, out);
    uint8_t *seen = port_alloc(p, n);
    for (uint32_t i = 0; i < n; i++) {
        ASSERT_MSG(out[i] < n && !seen[out[i]], "ORD1");
        seen[out[i]] = 1;
    }
    port_free(p, seen);
}

sim_time hsm_order_time(const struct hsm_order_ops *ops, const struct hsm_head *h,
                        const struct hsm_extent *r, uint32_t n, const uint32_t *order)
{
    struct order_job j = { NULL, h, r, n };
    sim_time t = order_way(&j, 0, order[0] + 1);
    uint64_t from = r[order[0]].first, end = from;
    for (uint32_t k = 0; k < n; k++) {
        const struct hsm_extent *x = &r[order[k]];
        if (!ops->through) {
            t += k > 0 ? order_way(&j, order[k - 1] + 1, order[k] + 1) : 0;
            t += h->read(h->arg, x->first, x->first + x->count);
        }
        end = x->first + x->count > end ? x->first + x->count : end;
    }
    return ops->through ? t + h->read(h->arg, from, end) : t;
}
