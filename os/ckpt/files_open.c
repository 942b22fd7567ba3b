/* files_open.c: a program opens and closes files that belong to the checkpoints of its job. */
#include <string.h>

#include "os/ckpt/files_internal.h"

bool ckpt_takes_files(const struct os_layout *l)
{
    const struct ckpt_params *p = os_service_params(l, &ckpt_service);
    return p != NULL && p->files == CKPT_FILES_CUT;
}

/* Whether a restart from the last checkpoint looks for it, or from one that may have been committed
 * since. */
static bool is_needed(const struct ckpt_files *f, const struct ckpt_file *x)
{
    uint32_t last = f->c->last.generation;
    if (f->c->params->files != CKPT_FILES_CUT || x->read_only)
        return false;
    if (x->ranks > 1 && x->rank > 0)
        return x->f != NULL;
    if (x->number > last)
        return true;
    if (x->since[0].cut != CKPT_NO_CUT)
        return !x->since[0].made || (x->since[1].cut != CKPT_NO_CUT && !x->since[1].made);
    return last > 0 && x->at != CKPT_NO_CUT && x->at >= last;
}

static void gone(struct pio *sys, const char *name)
{
    struct ckpt_files *f = sys->gone_arg;
    const struct ckpt_file *x = ckpt_file_find(f, sys->ops, name);
    if (x != NULL && is_needed(f, x))
        port_remark(f->c->port,
                    "file %s is removed or renamed, and a checkpoint has it: a restart from that "
                    "will not find it",
                    name);
}

void ckpt_files(struct ckpt *c, struct pio *sys)
{
    if (c == NULL)
        return;
    struct ckpt_files *f = c->files;
    for (uint32_t i = 0; i < f->sys_count; i++)
        if (f->sys[i] == sys)
            return;
    ASSERT_MSG(f->sys_count < ARRAY_LEN(f->sys), "a program has more file systems than that");
    f->sys[f->sys_count++] = sys;
    sys->gone = gone;
    sys->gone_arg = f;
}

void ckpt_again(struct ckpt *c, struct port *port)
{
    if (c == NULL) {
        port_fail(port, "who serves a file has lost what was written, and there is no checkpoint");
        return;
    }
    for (ckpt_go_back(c);;)
        port_thread_block(port, "the job to go back to its last checkpoint", c->rank);
}

/* ---- what cannot be ---- */

/* True after port_fail. */
static bool refused(const struct ckpt *c, const struct pio *sys, const struct pio_open *o)
{
    unsigned traits = sys->ops->mode ? sys->ops->mode(o->mode) : PIO_MODE_OFFSETS;
    bool leave = c->params->files == CKPT_FILES_LEAVE, reads = o->flags & PIO_O_READ_ONLY;
    bool own = traits & (PIO_MODE_OFFSETS | PIO_MODE_RANKS);
    uint64_t needs = PIO_CAN(PIO_CHECKPOINT) | PIO_CAN(PIO_ROLLBACK);
    const char *mode = o->mode >= 0 ? sys->ops->modes->items[o->mode]->name : "";
    bool together = traits & PIO_MODE_TOGETHER;
    if (together && !cut_stops(c->cut))
        port_fail(c->port,
                  "file %s: in mode %s all ranks make each request together, and one that has been "
                  "saved would make it for another checkpoint; allowed are modes with a pointer of "
                  "one's own, and those that are first come, first served, or cut.algorithm = "
                  "'sns'",
                  o->name, mode);
    else if (together && !(sys->ops->traits & PIO_RETURN))
        port_fail(c->port,
                  "file %s: in mode %s all ranks make each request together, and files of '%s' "
                  "refuse that for good when a rank's node has crashed; allowed are other modes, "
                  "or files of 'pfs'",
                  o->name, mode, sys->ops->kind.name);
    else if (together && (c->params->spares > 0 || c->params->move_count > 0))
        port_fail(c->port,
                  "file %s: in mode %s all ranks make each request together, and PFS looks for "
                  "them on the nodes that they had at first; allowed are other modes, or a job "
                  "whose ranks stay (no spares, no moves)",
                  o->name, mode);
    else if (together && (o->ranks < 2 || o->ranks != c->ranks))
        port_fail(c->port,
                  "file %s: in mode %s all ranks make each request together, and it is opened as "
                  "of %u ranks; allowed are all %u, of two at least",
                  o->name, mode, o->ranks, c->ranks);
    else if (leave && !own)
        port_fail(c->port,
                  "file %s: machine.os.ckpt.files is 'leave', and a restart would append again in "
                  "mode %s; allowed are modes with a pointer of one's own, or files = 'cut'",
                  o->name, mode);
    else if (leave && !reads && !(o->flags & CKPT_O_WRITE_ONLY))
        port_fail(c->port,
                  "file %s: machine.os.ckpt.files is 'leave', and a restart would read what was "
                  "written after the checkpoint; allowed are files that are read or written, not "
                  "both, or files = 'cut'",
                  o->name);
    else if (!leave && !reads && (sys->ops->can & needs) != needs)
        port_fail(c->port,
                  "file %s: files of '%s' have no checkpoints; allowed are other systems, or "
                  "machine.os.ckpt.files = 'leave'",
                  o->name, sys->ops->kind.name);
    else if (o->ranks > 1 && (o->ranks != c->ranks || o->rank != c->rank))
        port_fail(c->port,
                  "file %s: it is opened as of rank %u of %u; allowed are a file of all %u ranks "
                  "of the job, or of one alone",
                  o->name, o->rank, o->ranks, c->ranks);
    else if (o->ranks > 1 && c->node->run->passed && !(c->node->run->call && cut_stops(c->cut)))
        port_fail(
            c->port,
            "file %s: all ranks open it, and one that has been stopped for a checkpoint would "
            "not come; allowed before the first safe point, or with cut.algorithm = 'sns' as "
            "the call that os_safe_call announces",
            o->name);
    else
        return false;
    return true;
}

/* ---- what was not open at the cut ---- */

/* What can be brought back before it is changed: CKPTF2. */
static enum ckpt_status listed(struct ckpt_files *f, struct ckpt_file *x, struct ckpt_since then)
{
    if (x->at != CKPT_NO_CUT) /* an entry may be of a capture that was given up */
        ckpt_since_limit(f, x, x->at);
    struct ckpt_since *since = &x->since[x->since[0].cut == CKPT_NO_CUT ? 0 : 1];
    ASSERT(since->cut == CKPT_NO_CUT);
    *since = then;
    since->from = x->at == CKPT_NO_CUT ? 0 : x->at + 1;
    since->cut = f->cut;
    enum ckpt_status s = ckpt_log_write(f);
    if (s == CKPT_OK)
        ckpt_file_back(x, f->cut, cut_epoch(f->c->cut));
    else
        since->cut = CKPT_NO_CUT;
    return s;
}

static enum pio_status told(struct ckpt_files *f, const struct ckpt_file *x, enum ckpt_status s)
{
    if (s == CKPT_FULL)
        port_fail(f->c->port,
                  "file %s: a rank opens more files from one checkpoint to the next than a list of "
                  "2,900 bytes has; allowed are shorter intervals",
                  x->name);
    return s == CKPT_OK ? PIO_OK : s == CKPT_FULL ? PIO_NO_SPACE : PIO_SERVER_DOWN;
}

/* Where a pointer is that all move, first come, first served. */
static enum pio_status shared_place(struct pio_file *file, struct ckpt_since *then)
{
    const struct pio_ops *ops = file->sys->ops;
    unsigned traits = ops->mode ? ops->mode(file->mode) : PIO_MODE_OFFSETS;
    struct pio_control q = { .what = PIO_PLACE };
    if ((traits & (PIO_MODE_OFFSETS | PIO_MODE_RANKS | PIO_MODE_TOGETHER)) ||
        !(ops->can & PIO_CAN(PIO_PLACE)))
        return PIO_OK;
    enum pio_status s = pio_control(file->sys, file, &q);
    then->placed = s == PIO_OK;
    then->place = q.value;
    return s;
}

/* One that this rank makes the numbers of, and that no image has. */
static enum pio_status open_new(struct ckpt_files *f, struct ckpt_file *x, struct pio *sys,
                                struct pio_open *o, struct pio_file **out)
{
    struct pio_control q = {
        .what = PIO_STAT, .name = o->name, .unit = o->unit, .factor = o->factor
    };
    bool kept = x->at == f->cut, cuts = o->flags & PIO_O_TRUNC;
    enum pio_status s = kept ? PIO_OK : pio_control(sys, NULL, &q);
    bool makes = s == PIO_NO_FILE && (o->flags & PIO_O_CREATE);
    if (makes)
        s = told(f, x, listed(f, x, (struct ckpt_since){ .made = true }));
    if (s != PIO_OK)
        return s;
    if (!kept && !makes)
        o->flags &= ~(unsigned)PIO_O_TRUNC;
    s = pio_open(sys, o, out);
    if (s != PIO_OK || kept || makes)
        return s;
    uint32_t last = f->c->last.generation;
    uint64_t number = (x->at == last ? f->cut : last) + UINT64_C(1);
    struct pio_control make = { .what = PIO_CHECKPOINT, .value = number };
    struct ckpt_since then = { .number = number, .mode = o->mode };
    s = pio_control(sys, *out, &make);
    if (s == PIO_OK)
        s = shared_place(*out, &then);
    if (s == PIO_OK)
        s = told(f, x, listed(f, x, then));
    if (s == PIO_OK && cuts)
        s = pio_set_size(*out, 0);
    if (s != PIO_OK)
        (void)pio_close(*out);
    return s;
}

/* ---- opening ---- */

static enum pio_status open_file(struct ckpt_files *f, struct ckpt_file *x, struct pio *sys,
                                 struct pio_open *o, struct pio_file **out)
{
    bool cut = f->c->params->files == CKPT_FILES_CUT, again = x->loaded;
    enum pio_status s;
    if (again || (o->ranks > 1 && o->rank > 0))
        o->flags &= ~(unsigned)(PIO_O_CREATE | PIO_O_EXCL | PIO_O_TRUNC);
    if (again)
        o->mode = x->mode;
    if (sys->ops->traits & PIO_RETURN)
        o->flags |= PIO_O_RETURN;
    if (!cut && f->c->run > 0)
        o->flags &= ~(unsigned)PIO_O_EXCL;
    if (x->mine && cut && (!again || x->at != f->cut)) /* again: it was read alone */
        s = open_new(f, x, sys, o, out);
    else
        s = pio_open(sys, o, out);
    if (s != PIO_OK)
        return s;
    x->placed &= again;
    s = ckpt_file_place(x, *out); /* of a mode of all together also a new one's */
    if (s != PIO_OK) {
        (void)pio_close(*out);
        return s;
    }
    x->loaded = false;
    x->f = *out;
    if (!again && ckpt_file_leads(x))
        x->others += x->ranks - 1;
    ckpt_file_opened(f, x);
    return PIO_OK;
}

/* Rank 0 is the first of those who share it; who waits for that can be saved there, if the program
 * has said so, and has opened nothing then.  False: rank 0 has died. (blocks) */
static bool comes_after_first(struct ckpt_files *f, const struct ckpt_file *x,
                              const struct pio_open *o)
{
    bool call = o->ranks > 1 && os_call_begin(f->c->node);
    bool fine = o->ranks <= 1 || o->rank == 0 || ckpt_file_wait(f, x);
    if (call)
        os_call_end(f->c->node);
    return fine;
}

/* One that the program has closed before others did is opened by it again. */
static bool taken_back(struct ckpt *c, struct ckpt_file *x, const struct pio_open *o)
{
    struct pio_file *file = x->f;
    if (x->others > 0 && o->ranks <= 1) {
        port_fail(c->port,
                  "file %s: rank 0 has closed it, and opens it for itself while other ranks have "
                  "it open; allowed is that when all have closed it",
                  x->name);
        return false;
    }
    x->f = NULL;
    x->closed = false;
    (void)pio_close(file);
    return true;
}

enum pio_status ckpt_open(struct ckpt *c, struct pio *sys, const struct pio_open *asked,
                          struct pio_file **out)
{
    struct pio_open o = *asked;
    *out = NULL;
    o.flags &= ~(unsigned)CKPT_O_WRITE_ONLY;
    o.together = false;
    if (c == NULL)
        return pio_open(sys, &o, out);
    if (refused(c, sys, asked))
        return PIO_UNSUPPORTED;
    ckpt_files(c, sys);
    struct ckpt_files *f = c->files;
    struct ckpt_file *x = ckpt_file_find(f, sys->ops, o.name);
    if (x == NULL)
        x = ckpt_file_add(f, sys->ops, o.name);
    if (!comes_after_first(f, x, &o))
        return PIO_NODE_DOWN;
    pio_enter(sys);
    if (x->f != NULL && x->closed && !taken_back(c, x, asked)) {
        pio_leave(sys);
        return PIO_UNSUPPORTED;
    }
    ASSERT_MSG(x->f == NULL, "a program opens a file twice");
    if (!x->loaded)
        x->mode = o.mode;
    x->rank = o.rank;
    x->ranks = o.ranks;
    x->unit = o.unit;
    x->factor = o.factor;
    x->read_only = o.flags & PIO_O_READ_ONLY;
    x->mine = !x->read_only && (o.ranks <= 1 || o.rank == 0);
    enum pio_status s = ckpt_name_opens(f, x);
    bool named = s == PIO_OK;
    if (named)
        s = open_file(f, x, sys, &o, out);
    if (named && s != PIO_OK)
        ckpt_name_closes(f, x);
    else if (named)
        ckpt_name_made(f, x);
    if (s != PIO_OK)
        *out = NULL;
    pio_leave(sys);
    return s;
}

enum pio_status ckpt_close(struct ckpt *c, struct pio_file *file)
{
    struct pio *sys = file->sys;
    enum pio_status s = PIO_OK, closed = PIO_OK;
    struct ckpt_file *x = NULL;
    if (c == NULL)
        return pio_close(file);
    pio_enter(sys);
    LIST_EACH (l, &c->files->files) {
        struct ckpt_file *y = LIST_ENTRY(l, struct ckpt_file, link);
        x = y->f == file ? y : x;
    }
    ASSERT_MSG(x != NULL && !x->closed, "a program closes a file that it does not have");
    if (!x->read_only && c->params->files == CKPT_FILES_CUT)
        s = pio_flush(file);
    if (ckpt_file_leads(x) && x->others > 0) {
        x->closed = true;
    } else {
        x->f = NULL;
        x->opened = false;
        closed = pio_close(file);
        ckpt_name_closes(c->files, x);
    }
    if (x->ranks > 1 && x->rank > 0)
        ckpt_file_tell(c->files, x);
    pio_leave(sys);
    if (pio_is_lost(s))
        ckpt_again(c, sys->node->port);
    return s == PIO_OK ? closed : s;
}
