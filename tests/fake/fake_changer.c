/* fake_changer.c: libraries of the fake: labels in places.
 *
 * A request takes changer_time; it has its effect when it is submitted, so that requests for one
 * element have theirs in order, and what a crash of the node leaves has moved; the answers come in
 * any order.  A cartridge has its tape with it in the node's tape drives, as far as there are any.
 */
#include "tests/fake/fake_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void fake_changer_make(struct fake *f, struct fake_changer *c)
{
    c->count[PORT_CELL] = f->o.changer_cells;
    c->count[PORT_DRIVE] = f->o.tapes > 0 ? f->o.tapes : 1;
    c->count[PORT_PORT] = 1;
    c->count[PORT_HAND] = 1;
    c->cartridges = base_zalloc(f->o.changer_cells, sizeof *c->cartridges);
    for (int k = 0; k < PORT_ELEMENTS; k++)
        c->in[k] = base_zalloc(c->count[k] + 1, sizeof(struct fake_cartridge *));
    for (uint32_t i = 0; i < f->o.changer_cells / 2; i++) {
        struct fake_cartridge *x = &c->cartridges[c->made++];
        snprintf(x->label, sizeof x->label, "V%06u", i);
        fake_tape_make(f, &x->tape);
        c->in[PORT_CELL][2 * i] = x;
    }
}

void fake_changer_free(struct fake *f, struct fake_changer *c)
{
    for (uint32_t i = 0; i < c->made; i++)
        fake_tape_free(f, &c->cartridges[i].tape);
    for (int k = 0; k < PORT_ELEMENTS; k++)
        free(c->in[k]);
    free(c->cartridges);
}

static struct fake_changer *changer_of(const struct port *p, uint32_t changer)
{
    ASSERT(changer < p->f->o.changers);
    return &p->node->changers[changer];
}

uint32_t port_changer_count(const struct port *p)
{
    return p->f->o.changers;
}

void port_changer_describe(const struct port *p, uint32_t changer, struct port_changer_info *out)
{
    const struct fake_changer *c = changer_of(p, changer);
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, "library%u", changer);
    memcpy(out->count, c->count, sizeof out->count);
    out->cartridges = p->f->o.changer_cells / 2;
}

uint32_t port_changer_home(const struct port *p, uint32_t changer, uint32_t k,
                           char label[PORT_LABEL_SIZE])
{
    (void)changer_of(p, changer);
    if (label != NULL)
        snprintf(label, PORT_LABEL_SIZE, "V%06u", k);
    return 2 * k;
}

bool port_changer_drive(const struct port *p, uint32_t changer, uint32_t drive, uint32_t *node,
                        uint32_t *dev)
{
    if (drive >= p->f->o.tapes || changer > 0)
        return false;
    *node = p->node->id;
    *dev = p->f->o.disks + drive;
    return true;
}

static struct fake_cartridge **place_of(struct fake_changer *c, struct port_place p)
{
    return p.element < PORT_ELEMENTS && p.index < c->count[p.element] ? &c->in[p.element][p.index]
                                                                      : NULL;
}

/* What the drive holds and what the cartridge holds change places. */
static void exchange(struct fake *f, struct fake_node *n, const struct fake_changer *c,
                     struct port_place p, struct fake_cartridge *x, bool loads)
{
    if (p.element != PORT_DRIVE || p.index >= f->o.tapes || c != n->changers)
        return;
    struct fake_tape *drive = &n->tapes[p.index], was = *drive;
    *drive = x->tape;
    x->tape = was;
    snprintf(drive->label, sizeof drive->label, "%s", loads ? x->label : "");
    drive->at = 0;
}

static enum port_change_status move(struct fake *f, struct fake_node *n, struct fake_changer *c,
                                    struct port_change *r)
{
    struct fake_cartridge **from = place_of(c, r->from), **to = place_of(c, r->to), *x = *from;
    if (to == NULL || from == to || r->to.element == PORT_HAND)
        return PORT_CHANGE_NO_ELEMENT;
    if (x == NULL)
        return PORT_CHANGE_EMPTY;
    if (*to != NULL)
        return PORT_CHANGE_FULL;
    bool other = r->label[0] != '\0' && strcmp(r->label, x->label) != 0;
    if (other)
        return PORT_CHANGE_LABEL;
    exchange(f, n, c, r->from, x, false);
    exchange(f, n, c, r->to, x, true);
    *to = x;
    *from = NULL;
    memcpy(r->label, x->label, sizeof r->label);
    return PORT_CHANGE_OK;
}

static enum port_change_status import(struct fake *f, struct fake_changer *c, struct port_change *r,
                                      struct fake_cartridge **port)
{
    if (*port != NULL)
        return PORT_CHANGE_FULL;
    for (uint32_t i = 0; i < c->made; i++) {
        struct fake_cartridge *x = &c->cartridges[i];
        if (x->outside && strcmp(x->label, r->label) == 0)
            *port = x;
    }
    if (*port == NULL && c->made < f->o.changer_cells) {
        *port = &c->cartridges[c->made++];
        memcpy((*port)->label, r->label, sizeof(*port)->label);
        fake_tape_make(f, &(*port)->tape);
    }
    if (*port == NULL)
        return PORT_CHANGE_ARM;
    (*port)->outside = false;
    return PORT_CHANGE_OK;
}

static enum port_change_status change(struct fake *f, struct fake_node *n, struct fake_changer *c,
                                      struct port_change *r)
{
    struct fake_cartridge **from = place_of(c, r->from);
    if (from == NULL || (r->op >= PORT_CHANGE_IMPORT && r->from.element != PORT_PORT))
        return PORT_CHANGE_NO_ELEMENT;
    if (r->op == PORT_CHANGE_MOVE)
        return move(f, n, c, r);
    if (r->op == PORT_CHANGE_IMPORT)
        return import(f, c, r, from);
    if (*from == NULL)
        return PORT_CHANGE_EMPTY;
    memcpy(r->label, (*from)->label, sizeof r->label);
    if (r->op == PORT_CHANGE_EXPORT) {
        (*from)->outside = true;
        *from = NULL;
    }
    return PORT_CHANGE_OK;
}

void port_changer_submit(struct port *p, uint32_t changer, struct port_change *c)
{
    struct fake *f = p->f;
    struct fake_changer *l = changer_of(p, changer);
    c->port = p;
    c->waited_for = c->drive_for = 0;
    c->moved_for = f->o.changer_time;
    c->status =
        f->on_change != NULL ? f->on_change(f->on_change_arg, p->node->id, c) : PORT_CHANGE_OK;
    if (c->status == PORT_CHANGE_OK)
        c->status = change(f, p->node, l, c);
    struct item *it =
        fake_item(f, ITEM_CHANGER, p->node->id, p, sim_time_add(fake_time(f), c->moved_for));
    it->u.change_io = c;
}

void fake_on_change(struct fake *f, fake_change_fn *fn, void *arg)
{
    f->on_change = fn;
    f->on_change_arg = arg;
}
