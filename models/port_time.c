/* port_time.c: the port's clock, names and work.
 *
 * Work is priced when it is named and added to the activity that runs; who pays for it, and when,
 * is the business of upcall.c and port_thread.c.
 */
#include "models/node.h"

sim_time port_now(struct port *p)
{
    return activity_now(p->machine);
}

uint32_t port_node(const struct port *p)
{
    return p->node->id;
}

uint32_t port_nodes(const struct port *p)
{
    return p->machine->layout.nodes;
}

uint32_t port_incarnation(const struct port *p)
{
    return p->node->incarnation;
}

uint64_t port_kept(const struct port *p)
{
    return p->node->kept;
}

void port_keep(struct port *p, uint64_t value)
{
    p->node->kept = value;
}

bool port_little_endian(const struct port *p)
{
    return p->node->own->node.byte_order == NODE_ORDER_LITTLE;
}

uint64_t port_memory(const struct port *p)
{
    return (uint64_t)p->node->own->node.memory;
}

const char *port_task_name(const struct port *p)
{
    return p->name;
}

void port_work(struct port *p, enum port_work kind, uint64_t amount)
{
    struct activity *a = p->machine->running;
    ASSERT_MSG(a != NULL && a->node == p->node, "work is named by code that runs on the node");
    if (!a->unpriced && !(a->polls && kind == PORT_WORK_INTERRUPT))
        a->work = sim_time_add(a->work, price_cost(&p->node->own->prices, kind, amount));
}
