/* counter.h: what a part counts, described once and read from outside.
 *
 * Code that counts increments a uint64_t in its state and knows no more.  An array of descriptors,
 * ended by one without a name, says which members these are; whoever owns the state hands array and
 * base to the world (os/port.h, sim/counts.h), which reads them when the measurement window opens
 * and closes, and before the state goes.
 */
#ifndef SIM_BASE_COUNTER_H
#define SIM_BASE_COUNTER_H

#include "sim/base/base.h"

enum counter_how {
    COUNTER_SUM,  /* only rises: what it rose by inside the window, summed over all that count */
    COUNTER_MOST, /* a high-water mark since the state began: the largest of all */
    COUNTER_NOW,  /* a level: its last value in the window, summed over all that still live */
    COUNTER_LEFT, /* a level: its value when the state went, summed over all that went in the
                     window: what was lost with it */
    COUNTER_HOWS
};

struct counter {
    const char *name, *unit, *doc; /* unit: "1", "B" */
    uint32_t offset;               /* of a uint64_t, from the base */
    uint8_t how;
};

/* One call a counter: `s` is the tag of the struct at the base, which holds a uint64_t `in.m`; m is
 * also its name in the results:
 *
 *     static const struct counter counters[] = {
 *         C_SUM(chan_state, counts, calls, "1", "Calls made."),
 *         C_END,
 *     };
 */
#define C_SUM(s, in, m, unit, doc) COUNTER(COUNTER_SUM, #m, s, in.m, unit, doc)
#define C_MOST(s, in, m, unit, doc) COUNTER(COUNTER_MOST, #m, s, in.m, unit, doc)
#define C_NOW(s, in, m, unit, doc) COUNTER(COUNTER_NOW, #m, s, in.m, unit, doc)
#define C_LEFT(s, in, m, unit, doc) COUNTER(COUNTER_LEFT, #m, s, in.m, unit, doc)
#define COUNTER(how, name, s, m, unit, doc)                                                        \
    {                                                                                              \
        name, unit, doc, COUNTER_OFFSET(struct s, m), how                                          \
    }
#define COUNTER_OFFSET(type, m)                                                                    \
    (uint32_t)(offsetof(type, m) + 0 * sizeof(*(1 ? (uint64_t *)0 : &((type *)0)->m)))
#define C_END                                                                                      \
    {                                                                                              \
        .name = NULL                                                                               \
    }

/* A number of the results that is made of counters of one array, over all their owners: what those
 * in `over` counted in the window, for each program of it, or for each that those in `under` did.
 */
struct counter_ratio {
    const char *name, *doc;
    const struct counter *of;
    const char *over[2], *under[2];
    bool column; /* shown in the table */
};

/* The counter's value in the struct at `base`. */
static inline uint64_t counter_read(const struct counter *c, const void *base)
{
    return *(const uint64_t *)(const void *)((const char *)base + c->offset);
}

#endif
