/* files_round.c: requests that all ranks make together, where all stop for a checkpoint (sns):
 * rank 0's side; the program's is files_together.c.
 *
 * Who has been stopped does not come, so none may be under way that not all make before they stop
 * (CKPTF9).  Rank 0 decides: a rank asks it before each request, and is told to go when all have.
 * While rank 0 is stopped for a cut, who asks, or has asked, is told that the checkpoint comes
 * first.  A rank can be saved there from then on, not before: until it has its answer it does not
 * know whether it makes the request in this epoch.  So nothing of this is in an image: what was
 * begun has been made by all, and what was not is asked for again by those that had come to it.
 */
#include <string.h>

#include "os/ckpt/files_internal.h"

/* One that has asked. */
struct round {
    struct list link;
    struct select_request *request;
    bool later; /* it waits for the end of the checkpoint */
    char *name;
};

static uint32_t come(const struct ckpt_files *f, const char *name)
{
    uint32_t count = 0;
    LIST_EACH (l, &f->rounds) {
        const struct round *x = LIST_ENTRY(l, struct round, link);
        count += !x->later && strcmp(x->name, name) == 0;
    }
    return count;
}

/* Those of that kind; of that name, or (NULL) of any. */
static void answer(struct ckpt_files *f, bool later, const char *name, enum ckpt_status s)
{
    LIST_EACH_SAFE (l, nx, &f->rounds) {
        struct round *x = LIST_ENTRY(l, struct round, link);
        if (x->later != later || (name != NULL && strcmp(x->name, name) != 0))
            continue;
        list_remove(&x->link);
        ckpt_files_reply(x->request, s);
        port_free(f->c->port, x->name);
        port_free(f->c->port, x);
    }
}

void ckpt_rounds_serve(struct ckpt_files *f, struct select_request *request, struct rope *args)
{
    struct ckpt *c = f->c;
    uint8_t later = 0;
    bool stops = c->held & HELD_CUT;
    if (args->length > 0)
        rope_take_front(args, 1, &later);
    if (stops == (later == 0)) {
        ckpt_files_reply(request, stops ? CKPT_NONE : CKPT_OK);
        return;
    }
    struct round *x = port_alloc(c->port, sizeof *x);
    x->request = request;
    x->later = later != 0;
    x->name = port_alloc(c->port, args->length + 1);
    rope_read(args, 0, args->length, x->name);
    list_push(&f->rounds, &x->link);
    if (!x->later && come(f, x->name) == c->ranks) {
        char *name = x->name;
        x->name = port_alloc(c->port, strlen(name) + 1);
        memcpy(x->name, name, strlen(name));
        answer(f, false, name, CKPT_OK);
        port_free(c->port, name);
    }
}

void ckpt_rounds_stop(struct ckpt_files *f)
{
    answer(f, false, NULL, CKPT_NONE);
}

void ckpt_rounds_go(struct ckpt_files *f)
{
    answer(f, true, NULL, CKPT_OK);
}

void ckpt_rounds_end(struct ckpt_files *f)
{
    answer(f, false, NULL, CKPT_STATE);
    answer(f, true, NULL, CKPT_STATE);
}
