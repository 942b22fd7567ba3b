/* raid_merge.c: requests to the members, with neighbours put together.
 *
 * A request over several stripes asks each member for units that lie one behind the other there.
 * While its ops begin, what they ask for is held back; then the neighbours of each member, of one
 * direction, go as one request.  When that is answered the ops' children are answered one by one,
 * and what they ask for next (the writes after the reads of parity) is merged in its turn.  A
 * merged request that meets a medium error is taken apart and tried again child by child, so that
 * the error is known to belong to one.
 */
#include <stdlib.h>
#include <string.h>

#include "disks/raid_internal.h"

/* Children that went to a member as one request. */
struct raid_run {
    struct blk_req r;
    struct raid *a;
    struct raid_child *first;
    struct raid_run *next_free;
};

void raid_pass(struct raid *a, struct raid_child *c)
{
    struct raid_slot *s = &a->slots[c->member];
    c->next = NULL;
    if (a->held == 0) {
        blk_pass(c->dev, &c->r);
        return;
    }
    if (s->first == NULL)
        s->first = c;
    else
        s->last->next = c;
    s->last = c;
}

static struct raid_run *run_get(struct raid *a)
{
    struct raid_run *m = a->free_runs;
    if (m != NULL)
        a->free_runs = m->next_free;
    else
        m = base_zalloc(1, sizeof *m);
    m->a = a;
    return m;
}

/* Each child gets its part of the answer; the times are counted once, for the first. */
static void answer(struct raid_run *m, struct raid_child *c)
{
    struct blk_req *r = &m->r;
    c->r.status = r->status;
    c->r.submitted = r->submitted;
    c->r.started = r->started;
    c->r.completed = r->completed;
    memset(c->r.part, 0, sizeof c->r.part);
    if (c == m->first)
        blk_add_parts(&c->r, r);
    if (r->op == BLK_READ && r->status == BLK_OK) {
        uint64_t size = m->a->sector_bytes;
        rope_add_slice(&c->r.data, &r->data, (c->r.sector - r->sector) * size, c->r.sectors * size);
    }
}

static void run_done(struct blk_req *r)
{
    struct raid_run *m = r->owner;
    struct raid *a = m->a;
    bool apart = r->status == BLK_ERR_MEDIUM;
    for (struct raid_child *c = m->first; !apart && c != NULL; c = c->next)
        answer(m, c);
    raid_hold(a);
    /* A child that is answered may be asked again at once: its link is read before. */
    for (struct raid_child *c = m->first, *next; c != NULL; c = next) {
        next = c->next;
        if (apart)
            blk_pass(c->dev, &c->r);
        else
            raid_child_done(&c->r);
    }
    blk_req_fini(r);
    m->next_free = a->free_runs;
    a->free_runs = m;
    raid_release(a);
}

/* Sends the children from `first` on, that reach over `sectors`. */
static void send(struct raid *a, struct raid_child *first, uint64_t sectors)
{
    if (first->next == NULL) {
        blk_pass(first->dev, &first->r);
        return;
    }
    struct raid_run *m = run_get(a);
    m->first = first;
    blk_req_init(&m->r, first->r.op, first->r.sector, (uint32_t)sectors, run_done, m);
    for (struct raid_child *c = first; c != NULL && first->r.op == BLK_WRITE; c = c->next)
        rope_add_slice(&m->r.data, &c->r.data, 0, c->r.data.length);
    blk_pass(first->dev, &m->r);
}

static void send_all(struct raid *a, struct raid_slot *s)
{
    struct raid_child *first = s->first;
    s->first = s->last = NULL;
    while (first != NULL) {
        struct raid_child *last = first, *next;
        uint64_t sectors = first->r.sectors;
        for (; (next = last->next) != NULL; last = next) {
            bool neighbour = next->r.op == last->r.op && next->dev == last->dev &&
                             next->r.sector == last->r.sector + last->r.sectors;
            if (!neighbour || sectors + next->r.sectors > a->merge)
                break;
            sectors += next->r.sectors;
        }
        last->next = NULL;
        send(a, first, sectors);
        first = next;
    }
}

void raid_hold(struct raid *a)
{
    a->held++;
}

void raid_release(struct raid *a)
{
    ASSERT(a->held > 0);
    if (a->held > 1) {
        a->held--;
        return;
    }
    a->held = 0;
    for (uint32_t i = 0; i < a->layout.members; i++)
        send_all(a, &a->slots[i]);
}

void raid_merge_fini(struct raid *a)
{
    while (a->free_runs != NULL) {
        struct raid_run *m = a->free_runs;
        a->free_runs = m->next_free;
        free(m);
    }
}
