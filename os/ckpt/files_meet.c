/* files_meet.c: files that ranks share, under cuts that stop nobody.
 *
 * Ranks are saved at different moments, each when its own requests have ended and what it has
 * written is flushed.  The number of a file that all share is made once all are past:
 *
 *   CKPTF7  From when a rank that has such a file open is captured until the file has its number
 *       none of the program's requests begins.  So the number has what each rank had written before
 *       it was captured, and nothing else; and no rank that is still to be captured reads what
 *       another wrote behind the cut, or finds a shared pointer there.
 *
 * A program goes on meanwhile; its file requests wait for the last rank.  Rank 0, which makes the
 * numbers, asks each other (PAST), and tells them when they are made (MET): 2 (N - 1) calls a
 * checkpoint.  Both name the cut, for one that is given up is followed by another of the same
 * checkpoint.  Where pointers are that ranks share, and how many have still to close a file
 * (CKPTF6), is known then, and goes to rank 0's image as a part of its own.
 */
#include "os/ckpt/files_internal.h"

struct asking {
    struct list link; /* in ckpt_files.asking */
    struct select_request *request;
    uint32_t cut;
};

struct question {
    struct ckpt *c;
    uint32_t run, cut;
};

bool ckpt_file_meets(const struct ckpt_files *f, const struct ckpt_file *x)
{
    return x->ranks > 1 && !cut_stops(f->c->cut) && ckpt_files_taken(f);
}

bool ckpt_files_wait(const struct ckpt *c)
{
    return c->files->held || c->files->meeting;
}

void ckpt_files_hold(struct ckpt_files *f)
{
    f->held = true;
    for (uint32_t i = 0; i < f->sys_count; i++)
        pio_hold(f->sys[i]);
}

void ckpt_files_release(struct ckpt_files *f)
{
    if (f->held && !f->ending)
        for (uint32_t i = 0; i < f->sys_count; i++)
            pio_release(f->sys[i]);
    f->held = f->meeting = false;
}

/* ---- rank 0 asks ---- */

static void call(struct ckpt *c, uint32_t rank, enum ckpt_procedure what, select_done_fn done,
                 void *arg)
{
    uint8_t wire[8];
    struct rope args;
    wire_put32(wire, c->run);
    wire_put32(wire + 4, c->files->past);
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    if (select_call(c->rpc, c->node->places.nodes[rank], CKPT_SERVICE, what, &args, done, arg) ==
        XK_OK)
        return;
    struct rope none;
    rope_init(&none);
    rope_fini(&args);
    done(arg, XK_UNREACHABLE, &none);
}

static void told(void *arg, enum xk_status status, struct rope *reply)
{
    (void)arg, (void)status, (void)reply;
}

/* Who gives no answer has died, or has given the cut up: so will this rank. */
static void came(void *arg, enum xk_status status, struct rope *reply)
{
    struct question *q = arg;
    struct ckpt *c = q->c;
    struct ckpt_files *f = c->files;
    bool now = q->run == c->run && q->cut == f->past && f->meeting;
    uint8_t said = CKPT_STATE;
    port_free(c->port, q);
    if (status == XK_OK && reply->length > 0)
        rope_read(reply, 0, 1, &said);
    if (now && said == CKPT_OK && --f->left == 0)
        ckpt_files_ask(f, FILES_MEET, ckpt_files_meet_done);
}

static void meet(struct ckpt *c)
{
    struct ckpt_files *f = c->files;
    f->meeting = true;
    f->left = c->ranks - 1;
    if (f->left == 0)
        ckpt_files_ask(f, FILES_MEET, ckpt_files_meet_done);
    for (uint32_t r = 1; r < c->ranks; r++) {
        struct question *q = port_alloc(c->port, sizeof *q);
        *q = (struct question){ c, c->run, f->past };
        call(c, r, CKPT_PAST, came, q);
    }
}

enum ckpt_status ckpt_files_meet(struct ckpt_files *f)
{
    enum ckpt_status s = f->status;
    if (!f->meeting)
        return s;
    LIST_EACH (l, &f->files) {
        struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        struct pio_control q = { .what = PIO_PLACE };
        if (s != CKPT_OK || x->f == NULL || !ckpt_file_meets(f, x) || !f->meeting)
            continue;
        if (x->number > 0)
            s = ckpt_file_number(f, x);
        if (x->number > 0 && s == CKPT_OK)
            ckpt_file_back(x, f->asked, f->past);
        if (s == CKPT_OK && !ckpt_file_own(x) && ckpt_file_tells(x)) {
            enum pio_status told_it = pio_control(x->f->sys, x->f, &q);
            s = told_it == PIO_OK || told_it == PIO_UNSUPPORTED ? s : CKPT_IO;
            x->placed = told_it == PIO_OK;
            x->place = q.value;
        }
        ckpt_file_pack(x, &f->places);
    }
    return s;
}

void ckpt_files_meet_done(struct ckpt *c)
{
    for (uint32_t r = 1; c->files->meeting && r < c->ranks; r++)
        call(c, r, CKPT_MET, told, c);
    ckpt_files_release(c->files);
    ckpt_wake(c);
}

/* ---- at each rank ---- */

/* Those who ask for this cut; others, of cuts that were given up, hear of that. */
static void answer(struct ckpt_files *f, enum ckpt_status s)
{
    for (struct list *l = f->asking.next, *next; l != &f->asking; l = next) {
        struct asking *a = LIST_ENTRY(l, struct asking, link);
        next = l->next;
        if (s == CKPT_OK && (int32_t)(a->cut - f->past) > 0)
            continue;
        list_remove(&a->link);
        ckpt_files_reply(a->request, a->cut == f->past ? s : CKPT_CUT);
        port_free(f->c->port, a);
    }
}

void ckpt_files_captured(struct ckpt *c)
{
    struct ckpt_files *f = c->files;
    bool open = false;
    f->past = c->cut_number;
    answer(f, CKPT_OK);
    ckpt_names_captured(f);
    rope_fini(&f->places);
    LIST_EACH (l, &f->files) {
        const struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        open |= x->f != NULL && ckpt_file_meets(f, x);
    }
    if (!open)
        ckpt_files_release(f);
    if (open && c->rank == 0)
        meet(c);
}

void ckpt_files_asks_past(struct ckpt *c, struct select_request *request, uint32_t cut)
{
    struct ckpt_files *f = c->files;
    if (cut == f->past) {
        ckpt_files_reply(request, CKPT_OK);
        return;
    }
    struct asking *a = port_alloc(c->port, sizeof *a);
    *a = (struct asking){ .request = request, .cut = cut };
    list_push(&f->asking, &a->link);
}

void ckpt_files_met(struct ckpt *c, uint32_t cut)
{
    if (cut != c->files->past)
        return;
    ckpt_files_release(c->files);
    ckpt_wake(c);
}

void ckpt_files_give_up(struct ckpt *c)
{
    struct ckpt_files *f = c->files;
    f->meeting = false;
    if (!f->busy)
        ckpt_files_release(f);
    answer(f, CKPT_CUT);
    f->past = 0;
}

/* ---- after a restart ---- */

bool ckpt_places_load(struct ckpt *c, struct rope *places)
{
    bool good = true;
    while (good && places->length > 0)
        good = ckpt_file_unpack_met(c->files, places);
    return good;
}
