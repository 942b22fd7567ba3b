/* files_name.c: files that one rank opens, and then another, under cuts that stop nobody.
 *
 * What a rank reads that another has written comes to it through the file, and no cut knows of
 * that.  It is sound where messages say who comes first: they carry epochs (cut.h), so who hears of
 * a write behind the cut is saved by then.  Rank 0 keeps a table of names, which says what else is
 * not:
 *   - a file that two have open, of whom one writes;
 *   - a file that one has written after it was saved, opened by who is not saved for that cut.
 * Each opening and closing is a call to rank 0.  The table goes with the run.
 *
 * It says as well to which cut a file can be brought back already, that the number for that be not
 * made again of what was written since (CKPTF2).
 */
#include <string.h>

#include "os/ckpt/files_internal.h"

struct name {
    struct list link; /* in ckpt_files.names */
    char *name;       /* the system's and its own */
    uint32_t readers, writers, who;
    uint32_t epoch;        /* of who has closed it last of those who wrote */
    uint32_t at, at_epoch; /* as of a ckpt_file */
};

enum { NAME_OPEN = 1, NAME_CLOSE = 2, NAME_WRITES = 4 };
#define ASKED 17u /* u8 what, u32 rank, u32 epoch, u32 at, u32 its epoch; the name */
#define SAID 13u  /* u8 status, u32 rank, u32 at, u32 its epoch */

static struct name *find(struct ckpt_files *f, const char *text)
{
    LIST_EACH (l, &f->names) {
        struct name *n = LIST_ENTRY(l, struct name, link);
        if (strcmp(n->name, text) == 0)
            return n;
    }
    struct name *n = port_alloc(f->c->port, sizeof *n);
    *n = (struct name){ .name = port_alloc(f->c->port, strlen(text) + 1), .at = CKPT_NO_CUT };
    memcpy(n->name, text, strlen(text) + 1);
    list_push(&f->names, &n->link);
    return n;
}

void ckpt_names_clear(struct ckpt_files *f)
{
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

/* At rank 0. */
static void take(struct ckpt_files *f, const uint8_t b[ASKED], const char *text, uint8_t said[SAID])
{
    struct name *n = find(f, text);
    uint32_t rank = wire_get32(b + 1), epoch = wire_get32(b + 5), who = n->who;
    bool writes = b[0] & NAME_WRITES;
    said[0] = CKPT_OK;
    if (b[0] & NAME_OPEN)
        said[0] = (uint8_t)opens(n, writes, rank, epoch);
    else
        closes(n, writes, rank, epoch);
    if ((b[0] & NAME_CLOSE) && writes) {
        n->at = wire_get32(b + 9);
        n->at_epoch = wire_get32(b + 13);
    }
    wire_put32(said + 1, who);
    wire_put32(said + 5, n->at);
    wire_put32(said + 9, n->at_epoch);
}

void ckpt_names_captured(struct ckpt_files *f)
{
    LIST_EACH (l, &f->names) {
        struct name *n = LIST_ENTRY(l, struct name, link);
        if (n->at == f->asked && n->at_epoch != f->c->cut_number)
            n->at = f->c->last.generation;
    }
}

void ckpt_names_serve(struct ckpt *c, struct select_request *request, struct rope *args)
{
    uint8_t b[ASKED] = { 0 }, said[SAID];
    struct rope out;
    if (args->length >= sizeof b)
        rope_take_front(args, sizeof b, b);
    char *text = port_alloc(c->port, args->length + 1);
    rope_read(args, 0, args->length, text);
    take(c->files, b, text, said);
    port_free(c->port, text);
    rope_init(&out);
    rope_add_bytes(&out, said, sizeof said);
    select_reply(request, &out);
    rope_fini(&out);
}

/* Does the table have it?  One of all ranks is rank 0's there. */
static bool listed(const struct ckpt_files *f, const struct ckpt_file *x)
{
    return !cut_stops(f->c->cut) && ckpt_files_taken(f) && (x->ops->traits & PIO_SHARED) &&
           (x->ranks <= 1 || x->rank == 0);
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
    bool good = c->rank == 0;
    if (good) {
        take(f, b, text, said);
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
    else if (at != CKPT_NO_CUT)
        ckpt_file_back(x, at, epoch);
    return said[0] == CKPT_OK ? PIO_OK : PIO_UNSUPPORTED;
}

void ckpt_name_closes(struct ckpt_files *f, const struct ckpt_file *x)
{
    uint8_t said[SAID];
    if (listed(f, x))
        (void)tell(f, x, NAME_CLOSE, said);
}
