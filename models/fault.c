/* fault.c: the fault schedule of a machine: nodes that crash and come back.
 *
 *     faults = { { at = "2ms", node = 3, after = "1ms" },           -- crashes, back 1 ms later
 *                { event = 117, node = 0, action = "crash" } }      -- right after step 117
 *
 * A step is a node happening: an upcall started, an effect taken place, a thread resumed.  So a
 * small run can be repeated with a crash at each of its steps in turn.
 */
#include "models/node.h"

#include <stdio.h>
#include <stdlib.h>

enum { CRASH, RESTART };
static const char *const actions[] = { "crash", "restart", NULL };

struct fault_params {
    sim_time at, after;
    int64_t event, node;
    int action;
};

static const struct param fault_params[] = {
    P_TIME(fault_params, at, "0", "0", NULL, "When it happens, unless `event` says so.",
           "ASSUMED(a choice of the experiment)"),
    P_INT(fault_params, event, "0", "0", NULL,
          "Number of the step right after which it happens; 0: at the time `at`.",
          "ASSUMED(a choice of the experiment)"),
    P_INT(fault_params, node, NULL, "0", NULL, "The node.", "ASSUMED(a choice of the experiment)"),
    P_CHOICE(fault_params, action, "crash", actions, "What happens to it.",
             "ASSUMED(a choice of the experiment)"),
    P_TIME(fault_params, after, "0", "0", NULL,
           "A crashed node restarts so long afterwards; 0: it stays down.",
           "ASSUMED(a choice of the experiment)"),
    P_END,
};

struct fault {
    struct sim_event event;
    struct machine *machine;
    struct fault_params params;
    int next; /* action of the event */
};

static void happen(struct sim *s, struct sim_event *e)
{
    struct fault *f = CONTAINER_OF(e, struct fault, event);
    struct machine *m = f->machine;
    uint32_t node = (uint32_t)f->params.node;
    if (f->next == RESTART) {
        machine_restart(m, node);
        return;
    }
    machine_crash(m, node);
    if (f->params.after > 0) {
        f->next = RESTART;
        sim_after(s, &f->event, f->params.after);
    }
}

static void find_next_step(struct machine *m)
{
    m->fault_step = UINT64_MAX;
    for (size_t i = 0; i < m->fault_count; i++) {
        uint64_t step = (uint64_t)m->faults[i].params.event;
        if (step > m->steps && step < m->fault_step)
            m->fault_step = step;
    }
}

void faults_step(struct machine *m)
{
    /* The code that runs now goes on to its end first. */
    for (size_t i = 0; i < m->fault_count; i++)
        if ((uint64_t)m->faults[i].params.event == m->steps)
            sim_after(m->sim, &m->faults[i].event, 0);
    find_next_step(m);
}

bool faults_load(struct machine *m, const struct val *v, const char *path, struct err *e)
{
    m->fault_step = UINT64_MAX;
    if (v == NULL)
        return true;
    if (v->type != VAL_LIST && v->count > 0) {
        char where[256];
        return err_set(e, "%s%s is a list of tables { at =, node =, ... }",
                       val_where(v, where, sizeof where), path);
    }
    m->faults = base_zalloc(v->count, sizeof *m->faults);
    m->fault_count = v->count;
    for (size_t i = 0; i < v->count; i++) {
        struct fault *f = &m->faults[i];
        char item[128];
        snprintf(item, sizeof item, "%s[%zu]", path, i + 1);
        f->machine = m;
        sim_event_init(&f->event, SIM_CLASS_SOFTWARE, happen);
        if (!param_load(fault_params, &f->params, v->items[i], item, e))
            return false;
        if (f->params.node >= m->layout.nodes) {
            char where[256];
            return err_set(e, "%s%s.node is %ld, but the machine's nodes are 0 to %u",
                           val_where(v->items[i], where, sizeof where), item, (long)f->params.node,
                           m->layout.nodes - 1);
        }
        f->next = f->params.action;
        if (f->params.event == 0)
            sim_at(m->sim, &f->event, f->params.at);
    }
    find_next_step(m);
    return true;
}

void faults_free(struct machine *m)
{
    for (size_t i = 0; i < m->fault_count; i++)
        sim_cancel(m->sim, &m->faults[i].event);
    free(m->faults);
}

void machine_crash(struct machine *m, uint32_t node)
{
    ASSERT(node < m->layout.nodes);
    ASSERT_MSG(m->running == NULL, "a node crashes between pieces of code");
    node_crash(&m->nodes[node]);
}

void machine_restart(struct machine *m, uint32_t node)
{
    ASSERT(node < m->layout.nodes);
    node_restart(&m->nodes[node]);
}

bool machine_node_up(const struct machine *m, uint32_t node)
{
    return m->nodes[node].up;
}
