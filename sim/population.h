/* population.h: the customers of a workload: in requests, between them, and Little's law for both.
 *
 * A customer goes from stage to stage, and tells a measure how long a stage was.  That is counted
 * here a second time, by itself, and compared at the end of every run:
 *   POP1  What was told of a stage inside the window is the number and the time of the stages that
 *       ended in it.
 *   POP2  Closed (customers > 0), and none leaves before the window closes: the integrals of the
 *       numbers in the two stages sum up to customers x window, exactly.
 * The integral of each number equals the residence clipped to the window (SRV2).  Together:
 * N = X (R + Z) but for the stages that the two edges cut, whose ages are in both sides of SRV2.
 */
#ifndef SIM_POPULATION_H
#define SIM_POPULATION_H

#include "sim/measure.h"
#include "sim/server.h"

enum sim_stage { SIM_ABSENT, SIM_OUTSIDE, SIM_INSIDE };

struct sim_customer { /* zeroed: absent */
    enum sim_stage stage;
    sim_time since;
};

struct sim_population {
    struct sim *sim;
    uint64_t customers; /* 0: open, or not known */
    struct sim_population_stage {
        struct sim_inside now;
        const struct sim_measure *measure; /* what is told of it; NULL: nothing is */
        uint64_t ended;                    /* in the window, and told */
        sim_u128 time;
    } stages[2];         /* outside, inside */
    sim_time first_left; /* SIM_NEVER: none has */
};

/* Nobody is there.  `name` is copied and stands before the failures.  Must not move until
 * sim_population_fini, before sim_destroy. */
void sim_population_init(struct sim_population *p, struct sim *s, const char *name);
void sim_population_fini(struct sim_population *p);
/* The measure that is told of a stage: SIM_OUTSIDE, SIM_INSIDE. */
void sim_population_tells(struct sim_population *p, enum sim_stage stage,
                          const struct sim_measure *m);
/* c goes to another stage at a moment that is not over yet; told: the measure has had, or has now,
 * the time of the stage that ends. */
void sim_population_move(struct sim_population *p, struct sim_customer *c, enum sim_stage to,
                         sim_time at, bool told);
/* After the run, of a closed one: the scalars `customers` (N: the mean of those there),
 * `customers.law` (X (R + Z)) and, where no measure has it, `outside` (Z); a remark when some, but
 * so few requests ended in the window that its edges weigh. */
void sim_population_report(const struct sim_population *p);

#endif
