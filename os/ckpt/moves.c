/* moves.c: planned moves, as a configuration says them, read before there is a node; plan.c makes
 * them. */
#include <stdlib.h>

#include "os/ckpt/ckpt_internal.h"

static const char *const to_names[] = { "spare", "forward", "reverse", "rows", "columns", NULL };

static const struct param move_params[] = {
    P_TIME(ckpt_move, at, "1s", "1ps", "1000h", "When.", "ASSUMED(an experiment's choice)"),
    P_INT(ckpt_move, rank, "-1", "-1", "60000", "Which rank; -1: all.",
          "ASSUMED(an experiment's choice)"),
    P_CHOICE(
        ckpt_move, to, "spare", to_names,
        "spare: the first node that has no rank; all ranks: the nodes that may have one, as at "
        "first, from the last one, row by row or column by column.",
        "ASSUMED(an experiment's choice)"),
    P_END,
};

static bool makes_sense(const struct ckpt_params *p, const struct ckpt_move *m,
                        const struct os_layout *l, const char *path, struct err *e)
{
    const struct ckpt_sink_ops *sink = kind_at(&ckpt_sinks, p->sink);
    if ((m->to == CKPT_TO_SPARE) != (m->rank >= 0))
        return err_set(e, "%s: to = 'spare' moves one rank, '%s' moves all: rank is %lld", path,
                       to_names[m->to == CKPT_TO_SPARE ? CKPT_TO_ROWS : m->to], (long long)m->rank);
    if (m->to == CKPT_TO_SPARE)
        return p->spares > 0 || err_set(e, "%s.to is 'spare', but there is none", path);
    if (m->to >= CKPT_TO_ROWS && l->grid.dims != 2)
        return err_set(e, "%s.to is '%s', but the network has no rows and columns", path,
                       to_names[m->to]);
    return sink->anywhere ||
           err_set(e,
                   "%s.to is '%s', which moves all ranks, but the sink '%s' keeps what is saved "
                   "on their nodes",
                   path, to_names[m->to], sink->kind.name);
}

bool ckpt_moves_load(struct ckpt_params *p, const struct os_layout *l, const char *path,
                     struct err *e)
{
    const struct val *list = p->moves;
    char where[256];
    bool good = true;
    sim_time last = 0;
    if (list == NULL || (list->count == 0 && list->type >= VAL_LIST))
        return true;
    if (list->type != VAL_LIST)
        return err_set(e, "%s%s.moves is %s, not a list of moves",
                       val_where(list, where, sizeof where), path, val_type_name(list->type));
    p->move = base_zalloc(list->count, sizeof *p->move);
    for (size_t i = 0; good && i < list->count; i++) {
        struct ckpt_move *m = &p->move[p->move_count++];
        char *at = base_printf("%s.moves[%zu]", path, i + 1);
        good = param_load(move_params, m, list->items[i], at, e) && makes_sense(p, m, l, at, e) &&
               (m->at >= last || err_set(e, "%s.at is before that of the move before", at));
        last = m->at;
        free(at);
    }
    return good;
}

void ckpt_moves_free(struct ckpt_params *p)
{
    free(p->move);
    p->move = NULL;
    p->move_count = 0;
}

bool ckpt_moves_fit(const struct ckpt_params *p, uint32_t ranks, struct err *e)
{
    for (uint32_t i = 0; i < p->move_count; i++)
        if (p->move[i].rank >= ranks)
            return err_set(e, "machine.os.ckpt.moves[%u].rank is %lld, but the job has %u ranks",
                           i + 1, (long long)p->move[i].rank, ranks);
    return true;
}
