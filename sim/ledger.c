/* ledger.c: see ledger.h. */
#include "sim/ledger.h"

#include <stdlib.h>
#include <string.h>

void sim_ledger_book_fini(struct sim_ledger_book *b)
{
    for (size_t i = 0; i < b->count; i++)
        free(b->by_who[i]);
    free(b->by_who);
    *b = (struct sim_ledger_book){ NULL, 0, 0 };
}

struct sim_ledger *sim_ledger_of(struct sim_ledger_book *b, uint64_t who)
{
    size_t low = 0, high = b->count;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (b->by_who[middle]->who < who)
            low = middle + 1;
        else
            high = middle;
    }
    if (low < b->count && b->by_who[low]->who == who)
        return b->by_who[low];
    if (b->count == b->room) {
        b->room = 2 * b->room + 16;
        b->by_who = base_realloc(b->by_who, b->room * sizeof *b->by_who);
    }
    memmove(&b->by_who[low + 1], &b->by_who[low], (b->count++ - low) * sizeof *b->by_who);
    b->by_who[low] = base_alloc(sizeof **b->by_who);
    *b->by_who[low] = (struct sim_ledger){ .who = who, .most = SIM_NEVER };
    return b->by_who[low];
}

void sim_ledger_move(struct sim_ledger *l, unsigned part, sim_time most, sim_time at)
{
    sim_time now = sim_time_max(at, l->since), all = now - l->since,
             its = sim_time_min(all, l->most), sum = 0;
    ASSERT(part < SIM_LEDGER_PARTS);
    l->spent[l->part] += its;
    l->spent[SIM_LEDGER_REST] += all - its;
    for (unsigned i = 0; i < SIM_LEDGER_PARTS; i++)
        sum += l->spent[i];
    ASSERT_MSG(sum == now, "LEDGER1");
    l->part = part;
    l->since = now;
    l->most = most;
}

void sim_ledger_leave(struct sim_ledger *l, const void *holder, sim_time at)
{
    if (l->holder != holder)
        return;
    sim_ledger_move(l, SIM_LEDGER_AWAY, SIM_NEVER, at);
    l->holder = NULL;
}

sim_time sim_ledger_spent(struct sim_ledger *l, unsigned part, sim_time at)
{
    sim_time most = l->most, left = most;
    if (most != SIM_NEVER)
        left = most - sim_time_min(most, sim_time_max(at, l->since) - l->since);
    sim_ledger_move(l, l->part, left, at);
    return l->spent[part];
}
