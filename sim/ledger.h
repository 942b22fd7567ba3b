/* ledger.h: where the time of somebody goes who outlives what works for him: a rank of a job that
 * goes on after crashes.  It is in one part at each moment, from the beginning of the run:
 *   LEDGER1  The parts of a ledger sum up to the time that has passed, exactly.
 * Holders are those who work for him, one after the other; nobody else has a say.
 */
#ifndef SIM_LEDGER_H
#define SIM_LEDGER_H

#include "sim/sim.h"

/* The first of the parts: nobody works for him; somebody does, and has said no more. */
enum { SIM_LEDGER_AWAY, SIM_LEDGER_REST, SIM_LEDGER_PARTS = 4 };

struct sim_ledger {
    uint64_t who;
    const void *holder; /* NULL: nobody */
    unsigned part;
    sim_time since, most; /* of the time in the part at most so much is its; else that of REST */
    sim_time spent[SIM_LEDGER_PARTS]; /* until `since` */
};

struct sim_ledger_book { /* zeroed: empty */
    struct sim_ledger **by_who;
    size_t count, room;
};

/* Frees all that are in it. */
void sim_ledger_book_fini(struct sim_ledger_book *b);
/* That of `who`, who has been away from the beginning if he is new. */
struct sim_ledger *sim_ledger_of(struct sim_ledger_book *b, uint64_t who);
/* Another part begins, not before the last one has. */
void sim_ledger_move(struct sim_ledger *l, unsigned part, sim_time most, sim_time at);
/* That holder works for him no more; nothing if he is no holder. */
void sim_ledger_leave(struct sim_ledger *l, const void *holder, sim_time at);
/* What he has spent in a part until then. */
sim_time sim_ledger_spent(struct sim_ledger *l, unsigned part, sim_time at);

#endif
