/* mover_copy.c: movers: from the drive of another mover to a drive of this one.  See mover.h.
 *
 * The other one reads, and pushes pieces here, as to any sink.  A piece for a block that has a slot
 * goes there; one that has come too early is kept, and who pushed it waits: as many blocks are
 * under way between both drives as there are `buffers` at each.
 */
#include "os/hsm/mover_internal.h"

struct asked {
    struct run *run;
    uint32_t request;
};

void mover_part_free(struct run *x, struct mover_part *p)
{
    list_remove(&p->link);
    rope_fini(&p->data);
    if (p->from != NULL)
        hsm_sink_answer(p->from);
    port_free(x->drive->m->port, p);
}

void mover_copy_end(struct run *x, struct wanted *w)
{
    if (w->token == 0)
        return;
    hsm_sink_close(x->drive->m->sink, w->token);
    w->token = 0;
    while (!list_empty(&w->held))
        mover_part_free(x, LIST_ENTRY(w->held.next, struct mover_part, link));
    LIST_EACH (l, &x->slots) {
        struct slot *s = LIST_ENTRY(l, struct slot, link);
        if (&x->wanted[s->request] == w)
            s->pulls = 0; /* nothing is to come */
    }
}

/* It goes to its slot; false: there is none. */
static bool put(struct run *x, struct wanted *w, struct mover_part *p)
{
    LIST_EACH (l, &x->slots) {
        struct slot *s = LIST_ENTRY(l, struct slot, link);
        if (&x->wanted[s->request] != w || s->block != p->offset / x->block)
            continue;
        struct list *before = &s->parts;
        while (before->prev != &s->parts &&
               LIST_ENTRY(before->prev, struct mover_part, link)->offset > p->offset)
            before = before->prev;
        ASSERT_MSG(p->data.length <= s->left, "MOV2");
        list_push(before, &p->link);
        s->left -= p->data.length;
        w->came += p->data.length;
        s->pulls = s->left > 0;
        hsm_sink_answer(p->from);
        p->from = NULL;
        return true;
    }
    return false;
}

static void all_came(struct run *x, struct wanted *w)
{
    if (w->came == w->r.count * x->block)
        mover_copy_end(x, w);
}

static void comes(void *arg, uint64_t offset, struct rope *data, struct select_request *from)
{
    struct wanted *w = arg;
    struct run *x = w->run;
    struct mover_part *p = port_alloc(x->drive->m->port, sizeof *p);
    p->offset = offset;
    p->from = from;
    rope_move(&p->data, data);
    if (!put(x, w, p)) {
        list_push(&w->held, &p->link);
        return;
    }
    all_came(x, w);
    mover_write_on(x);
}

void mover_copy_slot(struct slot *s)
{
    struct run *x = s->run;
    struct wanted *w = &x->wanted[s->request];
    s->left = x->block;
    s->pulls = 1;
    LIST_EACH_SAFE (l, next, &w->held) {
        struct mover_part *p = LIST_ENTRY(l, struct mover_part, link);
        if (p->offset / x->block != s->block)
            continue;
        list_remove(&p->link);
        (void)put(x, w, p);
    }
    all_came(x, w);
}

/* It has read what there was to be had. */
static void over(void *arg, enum xk_status status, struct rope *reply)
{
    struct asked *a = arg;
    struct run *x = a->run;
    struct wanted *w = &x->wanted[a->request];
    (void)status; /* what counts is what has come */
    (void)reply;
    x->asked--;
    if (w->token != 0)
        mover_write_stop_at(x, a->request, HSM_SOURCE);
    port_free(x->drive->m->port, a);
    mover_write_on(x);
}

void mover_copy_begin(struct run *x, uint32_t request)
{
    struct mover *m = x->drive->m;
    struct wanted *w = &x->wanted[request];
    struct asked *a = port_alloc(m->port, sizeof *a);
    uint8_t wire[MOVER_REQUEST_BYTES];
    struct rope args;
    *a = (struct asked){ x, request };
    w->run = x;
    list_init(&w->held);
    w->token = hsm_sink_open_held(m->sink, comes, w);
    const struct mover_request r = { .first = w->from.first,
                                     .count = w->r.count,
                                     .stride = x->block,
                                     .token = w->token,
                                     .tag = w->token << 8,
                                     .sink = port_node(m->port),
                                     .data = 1 };
    wire_put32(wire, w->from.device);
    wire_put32(wire + 4, 1);
    rope_init(&args);
    rope_add_bytes(&args, wire, 8);
    rope_add_bytes(&args, w->from.label, HSM_LABEL);
    mover_request_store(wire, &r);
    rope_add_bytes(&args, wire, sizeof wire);
    x->asked++;
    (void)hsm_call(&m->calls, w->from.node, HSM_SERVICE_MOVER, MOVER_READ, &args, over, a);
}
