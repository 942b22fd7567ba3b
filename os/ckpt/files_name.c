/* files_name.c: files that one rank opens, and then another.
 *
 * Rank 0 keeps a table of names.  It says to which cut a file can be brought back already, that the
 * number for that be not made again of what was written since (CKPTF2).  Where all ranks stop (sns)
 * several may have a file open, to write, too: while one makes the number the others wait, and at a
 * cut each file that is open to write gets one.
 *
 * Where nobody stops, what a rank reads that another has written comes to it through the file, and
 * no cut knows of that.  It is sound where messages say who comes first: they carry epochs (cut.h),
 * so who hears of a write behind the cut is saved by then.  The table says what else is not:
 *   - a file that two have open, of whom one writes;
 *   - a file that one has written after it was saved, opened by who is not saved for that cut.
 * Each opening and closing is a call to rank 0, under sns of who writes alone, and so is the end of
 * making a number there.  The table goes with the run; in a restart each rank tells what it can
 * bring back, before any program is entered (CKPTF8).
 */
#include <string.h>

#include "os/ckpt/files_internal.h"

struct name {
    struct list link; /* in ckpt_files.names */
    char *name;       /* the system's and its own */
    uint32_t readers, writers, who;
    uint32_t epoch;        /* of who has closed it last of those who wrote */
    uint32_t at, at_epoch; /* as of a ckpt_file */
    uint32_t maker;        /* sns: that rank makes its number; OS_NO_RANK: nobody does */
};

/* Who opens a file while another makes its number. */
struct asker {
    struct list link; /* in ckpt_files.openers */
    struct name *name;
    struct select_request *request; /* NULL: the program of rank 0, in this thread */
    struct port_thread *thread;
    const uint8_t *asked;
};

enum { NAME_OPEN = 1, NAME_CLOSE = 2, NAME_WRITES = 4, NAME_MADE = 8, NAME_BACK = 16 };
#define ASKED 21u /* u8 what, u32 rank, u32 epoch, u32 at, u32 its epoch, u32 last cut; the name */
#define SAID 14u  /* u8 status, u32 rank, u32 at, u32 its epoch, u8 it makes a number */

static struct name *find(struct ckpt_files *f, const char *text)
{
    LIST_EACH (l, &f->names) {
        struct name *n = LIST_ENTRY(l, struct name, link);
        if (strcmp(n->name, text) == 0)
            return n;
    }
    struct name *n = port_alloc(f->c->port, sizeof *n);
    *n = (struct name){ .name = port_alloc(f->c->port, strlen(text) + 1),
                        .at = CKPT_NO_CUT,
                        .maker = OS_NO_RANK };
    memcpy(n->name, text, strlen(text) + 1);
    list_push(&f->names, &n->link);
    return n;
}

void ckpt_names_give_up(struct ckpt_files *f)
{
    for (struct list *l; (l = list_pop(&f->openers)) != NULL;) {
        struct asker *a = LIST_ENTRY(l, struct asker, link);
        if (a->request == NULL) {
            port_thread_wake(f->c->port, a->thread);
            continue;
        }
        ckpt_files_reply(a->request, CKPT_STATE);
        port_free(f->c->port, a);
    }
}

void ckpt_names_clear(struct ckpt_files *f)
{
    ckpt_names_give_up(f);
    for (struct list *l; (l = list_pop(&f->names)) != NULL;) {
        struct name *n = LIST_ENTRY(l, struct name, link);
        port_free(f->c->port, n->name);
        port_free(f->c->port, n);
    }
}

static enum ckpt_status opens(struct name *n, bool writes, uint32_t rank, uint32_t epoch)
{
    if (n->writers > 0 || (writes && n->readers > 0))
        return CKPT_STATE;
    if ((int32_t)(n->epoch - epoch) > 0)
        return CKPT_CUT;
    n->who = rank;
    *(writes ? &n->writers : &n->readers) += 1;
    return CKPT_OK;
}

static void closes(struct name *n, bool writes, uint32_t rank, uint32_t epoch)
{
    uint32_t *count = writes ? &n->writers : &n->readers;
    *count -= *count > 0;
    if (!writes)
        return;
    n->who = rank;
    n->epoch = epoch;
}

/* It can be brought back to that cut, and to those that were known before. */
static void back(struct name *n, uint32_t at, uint32_t epoch)
{
    if (at == CKPT_NO_CUT || (n->at != CKPT_NO_CUT && n->at > at))
        return;
    n->at = at;
    n->at_epoch = epoch;
}

static bool waits(const struct name *n, const uint8_t b[ASKED])
{
    return n->maker != OS_NO_RANK && (b[0] & NAME_OPEN);
}

/* At rank 0. */
static void take(struct ckpt_files *f, const uint8_t b[ASKED], struct name *n, uint8_t said[SAID])
{
    uint32_t rank = wire_get32(b + 1), epoch = wire_get32(b + 5), who = n->who,
             at = wire_get32(b + 9), at_epoch = wire_get32(b + 13), cut = wire_get32(b + 17);
    bool writes = b[0] & NAME_WRITES, stops = cut_stops(f->c->cut);
    if (at == f->cut && (int32_t)(at_epoch - f->cut_epoch) < 0)
        at = f->c->last.generation; /* of a former capture; this rank has made the next */
    said[0] = CKPT_OK;
    if (stops || (b[0] & NAME_BACK))
        back(n, at, at_epoch);
    if ((b[0] & NAME_OPEN) && stops) {
        n->writers++;
        n->maker = n->at == CKPT_NO_CUT || n->at < cut ? rank : OS_NO_RANK;
    } else if (b[0] & NAME_OPEN) {
        said[0] = (uint8_t)opens(n, writes, rank, epoch);
    } else if (b[0] & NAME_CLOSE) {
        closes(n, writes, rank, epoch);
    }
    if ((b[0] & NAME_CLOSE) && writes && !stops) {
        n->at = at;
        n->at_epoch = at_epoch;
    }
    wire_put32(said + 1, who);
    wire_put32(said + 5, n->at);
    wire_put32(said + 9, n->at_epoch);
    said[13] = n->maker == rank;
}

static void reply(struct ckpt_files *f, struct select_request *request, const uint8_t b[ASKED],
                  struct name *n)
{
    uint8_t said[SAID];
    struct rope out;
    take(f, b, n, said);
    rope_init(&out);
    rope_add_bytes(&out, said, sizeof said);
    select_reply(request, &out);
    rope_fini(&out);
}

/* If its number is made now, or will not be, who waits for that goes on, until one makes it. */
static void made(struct ckpt_files *f, const uint8_t b[ASKED], struct name *n)
{
    if (!(b[0] & (NAME_MADE | NAME_CLOSE)) || n->maker != wire_get32(b + 1))
        return;
    n->maker = OS_NO_RANK;
    for (struct list *l = f->openers.next, *next; l != &f->openers && n->maker == OS_NO_RANK;
         l = next) {
        struct asker *a = LIST_ENTRY(l, struct asker, link);
        next = l->next;
        if (a->name != n)
            continue;
        list_remove(&a->link);
        if (a->request == NULL) {
            port_thread_wake(f->c->port, a->thread);
            continue;
        }
        reply(f, a->request, a->asked, n);
        port_free(f->c->port, a);
    }
}

void ckpt_names_captured(struct ckpt_files *f)
{
    uint32_t last = f->c->last.generation;
    bool stops = cut_stops(f->c->cut);
    LIST_EACH (l, &f->names) {
        struct name *n = LIST_ENTRY(l, struct name, link);
        if (n->at == f->asked && n->at_epoch != f->c->cut_number)
            n->at = last;
        if (stops && n->writers > 0)
            back(n, f->asked, f->c->cut_number);
    }
}

void ckpt_names_serve(struct ckpt *c, struct select_request *request, struct rope *args)
{
    struct ckpt_files *f = c->files;
    struct asker *a = port_alloc(c->port, sizeof *a + ASKED);
    uint8_t *b = (uint8_t *)(a + 1);
    if (args->length >= ASKED)
        rope_take_front(args, ASKED, b);
    char *text = port_alloc(c->port, args->length + 1);
    rope_read(args, 0, args->length, text);
    struct name *n = find(f, text);
    port_free(c->port, text);
    if (waits(n, b)) {
        *a = (struct asker){ .name = n, .request = request, .asked = b };
        list_push(&f->openers, &a->link);
        return;
    }
    reply(f, request, b, n);
    made(f, b, n);
    port_free(c->port, a);
}

/* At rank 0, of its own program. (blocks) False: the run ends. */
static bool take_own(struct ckpt_files *f, const uint8_t b[ASKED], const char *text,
                     uint8_t said[SAID])
{
    struct port *p = f->c->port;
    struct name *n = find(f, text);
    while (waits(n, b)) {
        struct asker a = { .name = n, .thread = port_thread_self(p), .asked = b };
        if (f->ending)
            return false;
        list_push(&f->openers, &a.link);
        port_thread_block(p, "the number of a file that another rank opens", f->cut);
        list_remove(&a.link);
    }
    take(f, b, n, said);
    made(f, b, n);
    return true;
}

/* Does the table have it?  One of all ranks is rank 0's there. */
static bool listed(const struct ckpt_files *f, const struct ckpt_file *x)
{
    return (!cut_stops(f->c->cut) || !x->read_only) && ckpt_files_taken(f) &&
           (x->ops->traits & PIO_SHARED) && (x->ranks <= 1 || x->rank == 0);
}

/* (blocks) False: rank 0 has died, and the job goes back. */
static bool tell(struct ckpt_files *f, const struct ckpt_file *x, uint8_t what, uint8_t said[SAID])
{
    struct ckpt *c = f->c;
    uint8_t run[4], b[ASKED] = { (uint8_t)(what | (x->read_only ? 0 : NAME_WRITES)) };
    size_t size = strlen(x->ops->kind.name) + strlen(x->name) + 2;
    char *text = port_alloc(c->port, size);
    strcpy(text, x->ops->kind.name);
    strcat(text, ":");
    strcat(text, x->name);
    wire_put32(run, c->run);
    wire_put32(b + 1, c->rank);
    wire_put32(b + 5, cut_epoch(c->cut));
    wire_put32(b + 9, x->at);
    wire_put32(b + 13, x->at_epoch);
    wire_put32(b + 17, f->cut);
    bool good;
    if (c->rank == 0) {
        good = take_own(f, b, text, said);
    } else {
        struct rope args, answer;
        rope_init(&args);
        rope_add_bytes(&args, run, sizeof run);
        rope_add_bytes(&args, b, sizeof b);
        rope_add_bytes(&args, text, size - 1);
        enum xk_status s = select_call_wait(c->rpc, c->node->places.nodes[0], CKPT_SERVICE,
                                            CKPT_NAME, &args, &answer);
        good = s == XK_OK && answer.length == SAID;
        if (good)
            rope_read(&answer, 0, SAID, said);
        rope_fini(&args);
        rope_fini(&answer);
    }
    port_free(c->port, text);
    return good;
}

enum pio_status ckpt_name_opens(struct ckpt_files *f, struct ckpt_file *x)
{
    struct ckpt *c = f->c;
    uint8_t said[SAID];
    if (!listed(f, x))
        return PIO_OK;
    if (!tell(f, x, NAME_OPEN, said))
        return PIO_NODE_DOWN; /* nobody knows whether it has its number */
    uint32_t who = wire_get32(said + 1), at = wire_get32(said + 5), epoch = wire_get32(said + 9);
    x->making = said[0] == CKPT_OK && said[13] != 0;
    if (said[0] == CKPT_STATE)
        port_fail(c->port,
                  "file %s: rank %u has it open, and one of both writes; where ranks are saved at "
                  "different moments allowed are files of all ranks, those that one rank opens "
                  "when others have closed them, or cut.algorithm = 'sns'",
                  x->name, who);
    else if (said[0] == CKPT_CUT)
        port_fail(c->port,
                  "file %s: rank %u has written to it after it was saved, and rank %u, which is "
                  "not yet, has had no message since; allowed are files of all ranks, to open it "
                  "after a message of who has written, or cut.algorithm = 'sns'",
                  x->name, who, c->rank);
    else if (at == f->cut && (int32_t)(epoch - f->cut_epoch) < 0) /* of a former capture of it */
        ckpt_file_back(x, f->cut - 1, 0);
    else if (at != CKPT_NO_CUT) /* no further than this rank, of which a capture may have failed */
        ckpt_file_back(x, at < f->cut ? at : f->cut, epoch);
    return said[0] == CKPT_OK ? PIO_OK : PIO_UNSUPPORTED;
}

void ckpt_name_made(struct ckpt_files *f, struct ckpt_file *x)
{
    uint8_t said[SAID];
    if (x->making)
        (void)tell(f, x, NAME_MADE, said);
    x->making = false;
}

bool ckpt_name_tells(struct ckpt_files *f, const struct ckpt_file *x)
{
    uint8_t said[SAID];
    bool others = (x->ops->traits & PIO_SHARED) && (x->ranks <= 1 || x->rank == 0);
    return x->at == CKPT_NO_CUT || !others || tell(f, x, NAME_BACK, said);
}

void ckpt_name_closes(struct ckpt_files *f, struct ckpt_file *x)
{
    uint8_t said[SAID];
    if (listed(f, x))
        (void)tell(f, x, NAME_CLOSE, said);
    x->making = false;
}
