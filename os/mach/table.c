/* table.c: ports and messages as memory, and the names of a task.
 *
 * A name is the index of an entry and its generation, so that one that was freed is not taken for
 * the next [Mach 3.0, ipc/ipc_entry.c].  The name of a receive right stands in its port, those of
 * send rights in a map.
 */
#include "os/mach/mach_internal.h"

#define GENERATION_BITS 8

struct mach_port *mach_get(struct mach_port *port)
{
    port->refs++;
    return port;
}

struct mach_record *mach_record_new(struct mach *m, struct mach_port *port, uint64_t uid,
                                    bool principal)
{
    struct mach_record *r = port_alloc(m->port, sizeof *r);
    ASSERT_MSG(!xk_map_resolve(&m->by_uid, &uid) && !port->record, "MNET1");
    *r = (struct mach_record){ .mach = m, .uid = uid, .port = port, .principal = principal };
    r->own = port_alloc(m->port, m->net_ops->record_size);
    list_init(&r->link);
    list_push(&m->records, &r->link);
    xk_map_bind(&m->by_uid, &uid, r);
    port->record = r;
    return r;
}

static void record_end(struct mach_record *r)
{
    struct mach *m = r->mach;
    m->net_ops->gone(m->net, r);
    xk_map_unbind(&m->by_uid, &r->uid);
    list_remove(&r->link);
    port_free(m->port, r->own);
    port_free(m->port, r);
}

void mach_put(struct mach *m, struct mach_port *port)
{
    ASSERT(port->refs > 0);
    if (--port->refs > 0)
        return;
    ASSERT_MSG((port->dead || mach_is_proxy(port)) && !port->sends && !port->onces &&
                   !port->no_senders && !port->destroyed && list_empty(&port->deaths),
               "MACH1, MACH2, MNET2: a port goes that rights are of");
    if (port->record)
        record_end(port->record);
    m->ports--;
    port_free(m->port, port);
}

struct mach_port *mach_port_new(struct mach *m)
{
    struct mach_port *port = port_alloc(m->port, sizeof *port);
    mach_queue_init(&port->queue);
    list_init(&port->senders);
    list_init(&port->in_set);
    list_init(&port->deaths);
    port->id = ++m->next_id;
    port->refs = 1;
    port->qlimit = MACH_QLIMIT_DEFAULT;
    m->ports++;
    return port;
}

static bool is_use(const struct mach_entry *e, mach_name name)
{
    return e->rights && e->generation == (uint8_t)name;
}

/* The port of these send or send-once rights has died. */
static void bury(struct mach_task *t, struct mach_entry *e)
{
    struct mach_port *port = e->u.port;
    ASSERT_MSG(!e->request, "MACH5: a request outlives the port");
    if (e->rights & BIT(MACH_RIGHT_SEND)) {
        mach_unbind(t, port);
        port->sends--;
    } else {
        port->onces--;
        e->urefs = 1;
    }
    e->rights = BIT(MACH_RIGHT_DEAD_NAME);
    e->u.port = NULL;
    mach_put(t->mach, port);
}

struct mach_entry *mach_entry_at(struct mach_task *t, mach_name name)
{
    uint32_t index = name >> GENERATION_BITS;
    if (index > 0 && index < t->used && is_use(&t->entries[index], name))
        return &t->entries[index];
    return xk_map_count(&t->far) > 0 ? xk_map_resolve(&t->far, &name) : NULL;
}

struct mach_entry *mach_entry_find(struct mach_task *t, mach_name name)
{
    struct mach_entry *e = mach_entry_at(t, name);
    if (e && e->rights & (BIT(MACH_RIGHT_SEND) | BIT(MACH_RIGHT_SEND_ONCE)) && e->u.port->dead)
        bury(t, e);
    return e;
}

bool mach_full_table(const struct mach_task *t)
{
    return t->mach->names_max && t->names >= t->mach->names_max;
}

struct mach_entry *mach_entry_new(struct mach_task *t, mach_name *name)
{
    uint32_t index = t->free;
    if (mach_full_table(t))
        return NULL;
    if (index) {
        t->free = t->entries[index].urefs;
    } else {
        if (t->used == t->room) {
            t->room += 8 + t->room / 8; /* little slack: a million names are one table */
            t->entries =
                port_realloc(t->mach->port, t->entries, t->room * sizeof(struct mach_entry));
        }
        if (t->used == 0)
            t->used = 1;
        index = t->used++;
    }
    struct mach_entry *e = &t->entries[index];
    uint8_t generation = (uint8_t)(e->generation + 1);
    *name = index << GENERATION_BITS | generation;
    while (xk_map_count(&t->far) > 0 && xk_map_resolve(&t->far, name))
        *name = index << GENERATION_BITS | ++generation;
    *e = (struct mach_entry){ .generation = generation };
    t->names++;
    return e;
}

struct mach_entry *mach_entry_named(struct mach_task *t, mach_name name)
{
    struct mach_entry *e = port_alloc(t->mach->port, sizeof *e);
    xk_map_bind(&t->far, &name, e);
    t->names++;
    return e;
}

uint32_t mach_entry_type(const struct mach_entry *e)
{
    return (uint32_t)e->rights << 16 | (e->accepting ? MACH_TYPE_MAREQUEST : 0) |
           (e->request ? MACH_TYPE_DNREQUEST : 0);
}

static bool add_name(void *arg, const void *key, void *value)
{
    mach_name **at = arg;
    (void)value;
    memcpy((*at)++, key, sizeof(mach_name));
    return true;
}

void mach_entry_names(struct mach_task *t, mach_name *names)
{
    for (uint32_t i = 1; i < t->used; i++)
        if (t->entries[i].rights)
            *names++ = i << GENERATION_BITS | t->entries[i].generation;
    xk_map_each(&t->far, add_name, &names);
}

void mach_accept_rename(struct mach_task *t, mach_name from, mach_name to)
{
    LIST_EACH (it, &t->accepts) {
        struct mach_accept *a = LIST_ENTRY(it, struct mach_accept, link);
        if (a->name == from)
            a->name = to;
    }
}

void mach_entry_free(struct mach_task *t, mach_name name)
{
    uint32_t index = name >> GENERATION_BITS;
    struct mach_entry *e = mach_entry_at(t, name);
    ASSERT(!e->request);
    if (e->accepting)
        mach_accept_rename(t, name, MACH_PORT_NULL);
    t->names--;
    if (xk_map_count(&t->far) > 0 && xk_map_resolve(&t->far, &name) == e) {
        (void)xk_map_unbind(&t->far, &name);
        port_free(t->mach->port, e);
        return;
    }
    e->rights = 0;
    e->u.port = NULL;
    e->urefs = t->free;
    t->free = index;
}

mach_name mach_name_of(struct mach_task *t, const struct mach_port *port)
{
    if (port->receiver == t)
        return port->name;
    return (mach_name)(uintptr_t)xk_map_resolve(&t->sends, &port->id);
}

void mach_bind(struct mach_task *t, const struct mach_port *port, mach_name name)
{
    xk_map_bind(&t->sends, &port->id, (void *)(uintptr_t)name);
}

void mach_unbind(struct mach_task *t, const struct mach_port *port)
{
    ASSERT(xk_map_unbind(&t->sends, &port->id));
}

struct mach_kmsg *mach_kmsg_new(struct mach *m, uint32_t items)
{
    struct mach_kmsg *k = port_alloc(m->port, sizeof *k + items * sizeof k->items[0]);
    list_init(&k->link);
    for (uint32_t i = 0; i < items; i++)
        rope_init(&k->items[i].data);
    k->item_count = items;
    k->size = MACH_HEADER_BYTES;
    m->messages++;
    return k;
}
