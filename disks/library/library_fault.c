/* library_fault.c: what can happen to a library, for the schedule of faults (sim/fault.h).
 *
 *   { path = "silo.arm.0", action = "death", at = "2h", after = "1h" }      it is back after 1 h
 *   { path = "silo.drive.3", action = "death", mtbf = "1000h", after = "8h" }
 *       (a tape drive has a path of its own: disks/fault.h)
 *   { path = "silo.pass.0", action = "block", at = "1h", after = "10min" }
 *   { path = "silo", action = "lost", label = "V000017", at = "1h" }        it is in no cell now
 *   { path = "silo", action = "mislabel", label = "V000017", as = "X", ... } its label reads so
 *   { path = "silo", action = "stick", label = "V000017", count = 3, ... }  picks that fail
 *
 * Without a label it is one of the cartridges that lie in cells, drawn from a stream of the
 * library's own.  Only what lies in a cell is lost.
 */
#include <stdlib.h>
#include <string.h>

#include "disks/library/library_internal.h"
#include "sim/fault.h"
#include "sim/measure.h"

enum { DEATH, REPAIR };
static const char *const part_actions[] = { "death", "repair", NULL };
static const char *const pass_actions[] = { "block", "repair", NULL };

static void arm_fault(void *self, const struct fault *f)
{
    if (f->action == REPAIR || f->over)
        arm_repair(self);
    else
        arm_die(self);
}

static void drive_fault(void *self, const struct fault *f)
{
    if (f->action == REPAIR || f->over)
        drive_repair(self);
    else
        drive_die(self);
}

static void pass_fault(void *self, const struct fault *f)
{
    struct pass *x = self;
    if (f->action == REPAIR || f->over)
        x->blocked = false;
    else
        library_pass_block(x);
}

static const struct fault_ops arm_ops = { part_actions, .usual = true, .ends = true,
                                          .when = SIM_CLASS_ARRIVAL, .apply = arm_fault },
                              drive_ops = { part_actions, .usual = true, .ends = true,
                                            .when = SIM_CLASS_ARRIVAL, .apply = drive_fault },
                              pass_ops = { pass_actions, .usual = true, .ends = true,
                                           .when = SIM_CLASS_ARRIVAL, .apply = pass_fault };

/* ---- cartridges ---- */

enum { LOST, MISLABEL, STICK };
static const char *const cartridge_actions[] = { "lost", "mislabel", "stick", NULL };

struct args {
    const char *label, *as;
    int64_t count;
};
static const struct param args_params[] = {
    P_STRING(args, label, "", "Which cartridge; empty: one of those in cells."),
    P_STRING(args, as, "?", "mislabel: what its label reads from then on."),
    P_INT(args, count, "1", "1", "1000000", "stick: picks that fail."),
    P_END,
};

static struct cartridge *labelled(const struct library *l, const char *label)
{
    LIST_EACH (it, &l->made) {
        struct cartridge *c = LIST_ENTRY(it, struct cartridge, made);
        if (strncmp(c->label, label, CHG_LABEL_SIZE) == 0)
            return c;
    }
    return NULL;
}

static struct cartridge *any(struct library *l)
{
    uint64_t n = 0;
    for (uint32_t i = 0; i < l->count[CHG_CELL]; i++)
        n += l->elements[CHG_CELL][i].held != NULL;
    uint64_t k = n > 0 ? sim_rng_below(&l->rng, n) : 0;
    for (uint32_t i = 0; i < l->count[CHG_CELL]; i++) {
        struct cartridge *c = l->elements[CHG_CELL][i].held;
        if (c != NULL && k-- == 0)
            return c;
    }
    return NULL;
}

static bool check(void *self, const struct fault *f, const char *path, struct err *e)
{
    const struct args *a = f->args;
    if (a->label[0] != '\0' && labelled(self, a->label) == NULL)
        return err_set(e, "%s.label: there is no cartridge '%s'", path, a->label);
    if (strlen(a->as) >= CHG_LABEL_SIZE)
        return err_set(e, "%s.as: a label has %d letters at most", path, CHG_LABEL_SIZE - 1);
    return true;
}

static void cartridge_fault(void *self, const struct fault *f)
{
    struct library *l = self;
    const struct args *a = f->args;
    struct cartridge *c = a->label[0] != '\0' ? labelled(l, a->label) : any(l);
    if (c == NULL || (f->action == LOST && (c->in != l || c->at.element != CHG_CELL))) {
        sim_remark(l->changer.sim, "%s: no cartridge lies there for the fault '%s'",
                   l->changer.name, cartridge_actions[f->action]);
        return;
    }
    if (f->action == LOST) {
        struct element *e = element_at(l, c->at);
        char seen[CHG_LABEL_SIZE];
        memcpy(seen, e->seen, sizeof seen);
        element_take(l, c->at);
        memcpy(e->seen, seen, sizeof seen); /* nobody has looked */
        element_lost(l, c);
    } else if (f->action == MISLABEL) {
        memset(c->label, 0, sizeof c->label);
        memcpy(c->label, a->as, strlen(a->as));
    } else {
        c->stuck = (uint32_t)a->count;
    }
}

static const struct fault_ops cartridge_ops = { .actions = cartridge_actions,
                                                .when = SIM_CLASS_ARRIVAL,
                                                .params = args_params,
                                                .params_size = sizeof(struct args),
                                                .check = check,
                                                .apply = cartridge_fault };

static void add(struct sim_faults *f, const struct library *l, const char *what, uint32_t i,
                const struct fault_ops *ops, void *self)
{
    char *path = base_printf("%s.%s.%u", l->changer.name, what, i);
    sim_fault_target(f, path, ops, self, false);
    free(path);
}

void changer_fault_targets(struct sim_faults *f, const struct changer_list *list)
{
    for (size_t i = 0; i < list->count; i++) {
        struct library *l = library_of(list->items[i]);
        sim_fault_target(f, l->changer.name, &cartridge_ops, l, false);
        for (uint32_t k = 0; k < l->arm_count; k++)
            add(f, l, "arm", k, &arm_ops, &l->arms[k]);
        for (uint32_t k = 0; k < l->count[CHG_DRIVE] && l->format == NULL; k++)
            add(f, l, "drive", k, &drive_ops, &l->drives[k]);
        for (uint32_t k = 0; k < l->count[CHG_PASS]; k++)
            add(f, l, "pass", k, &pass_ops, l->passes[k]);
    }
}
