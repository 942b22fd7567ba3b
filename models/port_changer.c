/* port_changer.c: the libraries of a machine, and the port's media changers over them.
 *
 *     machine = { ..., libraries = { silo = { kind = "silo", tape_drives = { "io0.0", "io1.0" },
 *                                             control = "io" } } }
 *
 * A library does not know tasks: a move whose task has crashed goes on and is forgotten when it is
 * done.  Libraries live through a crash of the node that controls them.
 */
#include "models/node.h"

#include <stdlib.h>
#include <string.h>

#include "disks/tape/drive.h"

/* ---- making ---- */

/* Of a group the first, or "node 3". */
static bool node_of(const struct machine *m, const char *control, const char *path, uint32_t *node,
                    struct err *e)
{
    char *end;
    if (strncmp(control, "node ", 5) == 0) {
        unsigned long n = strtoul(control + 5, &end, 10);
        if (*end == '\0' && control[5] != '\0' && n < m->layout.nodes) {
            *node = (uint32_t)n;
            return true;
        }
    }
    const struct os_group *g = os_group(&m->boot, control);
    if (g != NULL && g->count > 0) {
        *node = g->nodes[0];
        return true;
    }
    return err_set(e, "%s.control: '%s' is no node ('node 3') and no group of nodes", path,
                   control);
}

/* Who has it when nobody says so: the node of its first tape drive. */
static uint32_t usual(const struct machine *m, const struct changer *c)
{
    struct changer_describe about;
    c->ops->describe(c, &about);
    const struct blkdev *d = about.count[CHG_DRIVE] > 0 ? c->ops->drive(c, 0) : NULL;
    return d != NULL                ? (uint32_t)d->node
           : m->layout.io_count > 0 ? m->layout.io[0]
                                    : m->layout.compute[0];
}

static bool give(struct machine *m, struct changer *c, const struct val *spec, struct err *e)
{
    const struct val *control = val_get(spec, "control");
    uint32_t node = usual(m, c);
    char *path = base_printf("%s.libraries.%s", m->path, c->name);
    bool good = control == NULL || control->type != VAL_STRING || control->u.s[0] == '\0' ||
                node_of(m, control->u.s, path, &node, e);
    free(path);
    struct node *n = &m->nodes[node];
    n->changers = base_realloc(n->changers, (n->changer_count + 1) * sizeof(struct changer *));
    n->changers[n->changer_count++] = c;
    return good;
}

bool libraries_make(struct machine *m, struct err *e)
{
    const struct val *spec = m->params.libraries;
    struct blkdev **tapes = NULL;
    size_t count = 0;
    if (spec == NULL)
        return true;
    for (uint32_t i = 0; i < m->layout.nodes; i++)
        for (uint32_t k = 0; k < m->nodes[i].dev_count; k++)
            if (tape_is_drive(m->nodes[i].devs[k])) {
                tapes = base_realloc(tapes, (count + 1) * sizeof(struct blkdev *));
                tapes[count++] = m->nodes[i].devs[k];
            }
    char *path = base_printf("%s.libraries", m->path);
    bool good = changer_build(m->sim, spec, path, tapes, count, &m->libraries, e);
    for (size_t i = 0; good && i < m->libraries.count; i++)
        good = give(m, m->libraries.items[i], spec->items[i], e);
    free(path);
    free(tapes);
    return good;
}

/* ---- the port ---- */

_Static_assert((int)PORT_ELEMENTS == (int)CHG_ELEMENTS, "the same elements, in the same order");
_Static_assert((int)PORT_CHANGE_EXPORT == (int)CHG_EXPORT, "and operations");
_Static_assert((int)PORT_CHANGE_STATUSES == (int)CHG_STATUS_COUNT, "and statuses");
_Static_assert(PORT_LABEL_SIZE == CHG_LABEL_SIZE, "and labels");

uint32_t port_changer_count(const struct port *p)
{
    return p->node->changer_count;
}

static struct changer *changer_of(const struct port *p, uint32_t changer)
{
    ASSERT(changer < p->node->changer_count);
    return p->node->changers[changer];
}

void port_changer_describe(const struct port *p, uint32_t changer, struct port_changer_info *out)
{
    const struct changer *c = changer_of(p, changer);
    struct changer_describe d;
    c->ops->describe(c, &d);
    *out = (struct port_changer_info){ .cartridges = d.cartridges };
    _Static_assert(sizeof d.name == sizeof out->name, "a name");
    memcpy(out->name, d.name, sizeof out->name);
    memcpy(out->count, d.count, sizeof out->count);
}

uint32_t port_changer_home(const struct port *p, uint32_t changer, uint32_t k,
                           char label[PORT_LABEL_SIZE])
{
    const struct changer *c = changer_of(p, changer);
    return c->ops->home(c, k, label);
}

bool port_changer_drive(const struct port *p, uint32_t changer, uint32_t drive, uint32_t *node,
                        uint32_t *dev)
{
    const struct changer *c = changer_of(p, changer);
    const struct blkdev *d = c->ops->drive(c, drive);
    if (d == NULL)
        return false;
    const struct node *n = &p->machine->nodes[d->node];
    for (*dev = 0; n->devs[*dev] != d; ++*dev)
        continue;
    *node = n->id;
    return true;
}

/* The library is done; its upcall waits for a CPU. */
static void completed(struct changer_req *r)
{
    struct change *x = CONTAINER_OF(r, struct change, req);
    struct machine *m = x->node->machine;
    if (x->io == NULL) {
        m->counts.changes.dropped++;
        change_free(x);
        return;
    }
    struct upcall *u = upcall_new(x->task, UPCALL_CHANGE);
    u->change = x;
    list_remove(&x->link);
    upcall_submit(u);
}

void port_changer_submit(struct port *p, uint32_t changer, struct port_change *io)
{
    struct machine *m = p->machine;
    struct change *x = base_alloc(sizeof *x);
    *x = (struct change){ .node = p->node, .task = p, .io = io, .to = changer_of(p, changer) };
    list_init(&x->link);
    io->port = p;
    changer_req_init(&x->req, (enum changer_op)io->op, changer_at(io->from.element, io->from.index),
                     changer_at(io->to.element, io->to.index), completed, x);
    memcpy(x->req.label, io->label, sizeof x->req.label);
    m->counts.changes.made++;
    m->counts.changes.inside++;
    struct effect *f = effect_new(p, EFFECT_CHANGE);
    f->change = x;
    f->dst = changer;
    effect_take(f);
}

void change_submit(struct change *x)
{
    list_push(&x->node->changes, &x->link);
    changer_submit(x->to, &x->req);
}

void change_finish(struct change *x)
{
    struct port_change *io = x->io;
    const struct changer_req *r = &x->req;
    io->status = (enum port_change_status)r->status;
    memcpy(io->label, r->label, sizeof io->label);
    io->waited_for = r->part[CHG_PART_WAIT];
    io->moved_for = r->part[CHG_PART_ARM];
    io->drive_for = r->part[CHG_PART_UNLOAD] + r->part[CHG_PART_LOAD];
    x->node->machine->counts.changes.done++;
    change_free(x);
    io->done(io);
}

void change_free(struct change *x)
{
    changer_req_fini(&x->req);
    list_remove(&x->link);
    x->node->machine->counts.changes.inside--;
    free(x);
}
