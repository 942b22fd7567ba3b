/* library_elements.c: what lies where, what the library believes, and whose turn it is. */
#include <stdlib.h>
#include <string.h>

#include "disks/library/library_internal.h"

void elements_init(struct library *l)
{
    list_init(&l->made);
    list_init(&l->outside);
    for (uint32_t k = 0; k < CHG_ELEMENTS; k++) {
        l->elements[k] = base_zalloc(l->count[k] + 1, sizeof *l->elements[k]);
        for (uint32_t i = 0; i < l->count[k]; i++)
            list_init(&l->elements[k][i].turns);
    }
}

void elements_grow(struct library *l, enum changer_element kind)
{
    uint32_t n = l->count[kind];
    struct element *e = base_zalloc(n + 1, sizeof *e);
    for (uint32_t i = 0; i < n; i++) {
        ASSERT(i + 1 == n || list_empty(&l->elements[kind][i].turns));
        list_init(&e[i].turns);
    }
    free(l->elements[kind]);
    l->elements[kind] = e;
}

void elements_fini(struct library *l)
{
    struct list *it;
    while ((it = list_pop(&l->made)) != NULL) {
        struct cartridge *c = LIST_ENTRY(it, struct cartridge, made);
        tape_medium_destroy(c->medium);
        free(c);
    }
    for (uint32_t k = 0; k < CHG_ELEMENTS; k++)
        free(l->elements[k]);
}

struct cartridge *cartridge_make(struct library *l, const char *label)
{
    struct cartridge *c = base_zalloc(1, sizeof *c);
    strncpy(c->label, label, sizeof c->label - 1);
    list_push(&l->made, &c->made);
    list_init(&c->outside);
    l->cartridges_made++;
    element_outside(l, c);
    return c;
}

struct cartridge *element_take(struct library *l, struct changer_place from)
{
    struct element *e = element_at(l, from);
    struct cartridge *c = e->held;
    ASSERT_MSG(c != NULL && c->in == l && place_same(c->at, from), "CHG1");
    e->held = NULL;
    e->seen[0] = '\0';
    if (from.element == CHG_DRIVE)
        drive_holds(&l->drives[from.index], false);
    return c;
}

void element_put(struct library *l, struct changer_place to, struct cartridge *c)
{
    struct element *e = element_at(l, to);
    ASSERT_MSG(e->held == NULL, "CHG2");
    list_remove(&c->outside);
    e->held = c;
    c->in = l;
    c->at = to;
    element_see(l, to);
    if (to.element == CHG_DRIVE)
        drive_holds(&l->drives[to.index], true);
    if (to.element == CHG_CELL && c->medium != NULL)
        tape_medium_rest(c->medium);
}

void element_outside(struct library *l, struct cartridge *c)
{
    c->in = l;
    c->at = changer_at(CARTRIDGE_OUTSIDE, 0);
    list_push(&l->outside, &c->outside);
}

void element_lost(struct library *l, struct cartridge *c)
{
    c->in = l;
    c->at = changer_at(CARTRIDGE_LOST, 0);
    l->cartridges_lost++;
}

void element_see(struct library *l, struct changer_place at)
{
    struct element *e = element_at(l, at);
    memset(e->seen, 0, sizeof e->seen);
    if (e->held != NULL)
        memcpy(e->seen, e->held->label, sizeof e->seen);
}

/* ---- turns ---- */

static struct changer_place end_of(const struct changer_req *r, uint32_t which)
{
    return which == 0 ? r->from : r->to;
}

static bool first_at(const struct library *l, const struct changer_req *r, uint32_t which)
{
    const struct changer_turn *t = &r->turns[which];
    return list_empty(&t->link) || element_at(l, end_of(r, which))->turns.next == &t->link;
}

bool turns_first(const struct library *l, const struct changer_req *r)
{
    return first_at(l, r, 0) && first_at(l, r, 1);
}

bool turns_join(struct library *l, struct changer_req *r)
{
    for (uint32_t k = 0; k < (r->op == CHG_MOVE ? 2u : 1u); k++)
        list_push(&element_at(l, end_of(r, k))->turns, &r->turns[k].link);
    return turns_first(l, r);
}

struct changer_req *turns_leave(struct library *l, struct changer_req *r, uint32_t which)
{
    struct list *link = &r->turns[which].link;
    if (list_empty(link))
        return NULL;
    struct element *e = element_at(l, end_of(r, which));
    bool was_first = e->turns.next == link;
    list_remove(link);
    if (!was_first || list_empty(&e->turns))
        return NULL;
    struct changer_req *next = LIST_ENTRY(e->turns.next, struct changer_turn, link)->of;
    return turns_first(l, next) ? next : NULL;
}

struct changer_req *turns_behind(const struct library *l, const struct changer_req *r)
{
    const struct element *e = element_at(l, r->from);
    struct list *next = r->turns[0].link.next;
    return next == &e->turns ? NULL : LIST_ENTRY(next, struct changer_turn, link)->of;
}

/* ---- checking ---- */

void elements_check(const struct library *l)
{
    uint64_t held = 0, gone = 0;
    for (uint32_t k = 0; k < CHG_ELEMENTS; k++)
        for (uint32_t i = 0; i < l->count[k]; i++) {
            const struct cartridge *c = l->elements[k][i].held;
            held += c != NULL;
            ASSERT_MSG(c == NULL || (c->in == l && place_same(c->at, changer_at(k, i))),
                       "CHG1: a cartridge is not where it is thought to be");
        }
    LIST_EACH (it, &l->outside)
        gone++;
    ASSERT_MSG(held + gone + l->cartridges_lost ==
                   l->cartridges_made + l->cartridges_came - l->cartridges_left,
               "CHG1: a cartridge is in two places, or in none");
}
