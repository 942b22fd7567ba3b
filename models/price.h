/* price.h: the price list: what each kind of named work costs on this machine.
 *
 * Code names its work (port_work: a kind and an amount); a price turns it into CPU time:
 *     cost = scale * (fixed + each * amount + amount / rate)
 * in integers, rounded up to a picosecond once, at the end.  A price that is not given is zero: a
 * machine without a price list runs its software in no time.  The numbers stand in
 * configs/machines/, each with its source; none stands here.
 */
#ifndef MODELS_PRICE_H
#define MODELS_PRICE_H

#include "os/port.h"
#include "sim/base/param.h"

struct price {
    sim_time fixed; /* each time that the work is named */
    sim_time each;  /* per unit of the amount */
    int64_t rate;   /* amount a second (bytes); 0: no part per byte */
};

struct price_list {
    double scale; /* multiplies every price; kept as millionths */
    struct price of[PORT_WORK_COUNT];
    int64_t scale_millionths;    /* derived by price_list_prepare, as is: */
    bool plain[PORT_WORK_COUNT]; /* fixed + each * amount as it stands; amounts below 2^31 fit */
    struct {
        uint64_t amount;
        sim_time cost;
    } latest[PORT_WORK_COUNT]; /* of those that are not plain: frames are alike */
};

extern const struct param price_list_params[]; /* of struct price_list */

/* After the parameters are loaded, once. */
void price_list_prepare(struct price_list *l);

/* Time for `amount` of `kind`; saturates to SIM_NEVER. */
sim_time price_cost_any(const struct price_list *l, enum port_work kind, uint64_t amount);
static inline sim_time price_cost(struct price_list *l, enum port_work kind, uint64_t amount)
{
    const struct price *p = &l->of[kind];
    if (l->plain[kind] && amount < UINT64_C(1) << 31)
        return p->fixed + p->each * (sim_time)amount;
    if (l->latest[kind].amount != amount) {
        l->latest[kind].cost = price_cost_any(l, kind, amount);
        l->latest[kind].amount = amount;
    }
    return l->latest[kind].cost;
}

#endif
