/* fault.c: what can fail in a machine, for the schedule of faults (sim/fault.h): nodes, that crash
 * and come back, domains of their graphs, devices and their members, libraries and their parts,
 * what the network has.
 *
 *     faults = { { path = "node 3", at = "2ms", after = "1ms" },      -- crashes, back 1 ms later
 *                { path = "node 0", action = "crash", event = 117 },  -- right after step 117
 *                { path = "io0.0.member.2", action = "death", at = "2s" },
 *                { path = "channel (1,2)+x", at = "1s", after = "5ms" } }
 *
 * A step is a node happening: an upcall started, an effect taken place, a thread resumed.  So a
 * small run can be repeated with a crash at each of its steps in turn.
 */
#include "models/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/fault.h"
#include "os/xk/domain.h"

enum { CRASH, RESTART };
static const char *const actions[] = { "crash", "restart", NULL };

static void node_fault(void *self, const struct fault *f)
{
    struct node *n = self;
    if (f->action == RESTART || f->over)
        machine_restart(n->machine, n->id);
    else
        machine_crash(n->machine, n->id);
}

static const struct fault_ops node_ops = {
    .actions = actions, .usual = true, .ends = true, .when = SIM_CLASS_SOFTWARE, .apply = node_fault
};

/* A domain of a node: its own `restart` says whether it begins anew. */
struct domain_target {
    struct node *node;
    const char *name;    /* the graph's */
    const char *called;  /* an instance of it that ends with the node alone, or NULL */
    const char *program; /* one that programs call, who end with it, or NULL */
    bool restarts;
};
static const char *const domain_actions[] = { "crash", NULL };

static bool domain_check(void *self, const struct fault *f, const char *path, struct err *e)
{
    const struct domain_target *t = self;
    (void)f;
    if (t->called != NULL)
        return err_set(e,
                       "%s: domain '%s' has '%s', which services and programs call: it ends with "
                       "its node alone, 'node %u'",
                       path, t->name, t->called, t->node->id);
    return t->restarts || t->program != NULL ||
           err_set(e,
                   "%s: machine.domains.%s has no restart, so what stands above believes that "
                   "nothing is lost there; one that is longer than the run is a crash for good",
                   path, t->name);
}

static void crash_named(struct node *n, const char *name)
{
    LIST_EACH (l, &n->tasks) {
        struct port *task = LIST_ENTRY(l, struct port, link);
        if (strcmp(task->name, name) == 0) {
            task_crash(task);
            return;
        }
    }
}

static void domain_fault(void *self, const struct fault *f)
{
    const struct domain_target *t = self;
    (void)f;
    if (t->program != NULL)
        crash_named(t->node, "program");
    crash_named(t->node, xk_domain_task_name(t->name));
}

static const struct fault_ops domain_ops = { .actions = domain_actions,
                                             .usual = true,
                                             .when = SIM_CLASS_SOFTWARE,
                                             .check = domain_check,
                                             .apply = domain_fault };

static void domain_targets(struct machine *m, uint32_t node)
{
    const struct xk_graph *g = m->boot.graph;
    for (uint32_t i = 1; xk_graph_domain(g, i) != NULL; i++) {
        struct domain_target *t = base_alloc(sizeof *t);
        *t = (struct domain_target){ &m->nodes[node], xk_graph_domain(g, i),
                                     xk_graph_domain_called(g, i), xk_graph_domain_program(g, i),
                                     xk_graph_domain_restarts(g, i) };
        char *path = base_printf("node %u domain %s", node, t->name);
        sim_fault_target(m->faults, path, &domain_ops, t, true);
        free(path);
    }
}

void faults_step(struct machine *m)
{
    sim_faults_step(m->faults, m->steps); /* the code that runs now goes on to its end first */
    m->fault_step = sim_faults_next(m->faults, m->steps);
}

/* All programs have ended, or died. */
static bool over(void *machine)
{
    return ((const struct machine *)machine)->programs == 0;
}

bool faults_load(struct machine *m, const struct val *v, const char *path, struct err *e)
{
    m->fault_step = UINT64_MAX;
    if (v == NULL)
        return true;
    m->faults = sim_faults_create(m->sim, true);
    sim_faults_until(m->faults, over, m);
    for (uint32_t i = 0; i < m->layout.nodes; i++) {
        char name[32];
        snprintf(name, sizeof name, "node %u", i);
        sim_fault_target(m->faults, name, &node_ops, &m->nodes[i], false);
        domain_targets(m, i);
        for (uint32_t k = 0; k < m->nodes[i].dev_count; k++)
            blk_fault_targets(m->faults, m->nodes[i].devs[k]);
    }
    changer_fault_targets(m->faults, &m->libraries);
    networks_fault_targets(m);
    if (!sim_faults_load(m->faults, v, path, e))
        return false;
    m->fault_step = sim_faults_next(m->faults, 0);
    return true;
}

void faults_free(struct machine *m)
{
    sim_faults_free(m->faults);
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
