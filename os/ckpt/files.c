/* files.c: a program's files, and what a checkpoint, a restart and the program's end ask of them.
 *
 *   job    asked when                   what is done, in the thread of this file
 *   STOP   the program has stopped      its requests end; what it has written is flushed
 *   CUT    all have stopped, or this    the checkpoint before the last is void (CKPTF3); a number
 *          rank has (and STOP is done)  of each file, where its pointer is
 *   MEET   all have been captured       the numbers of shared files (files_meet.c)
 *   UNDO   all images are loaded        each file of the image, and of the list, is brought back,
 *                                       and rank 0 told of it (CKPTF8); what the program has
 *                                       closed, and others have not, is opened (CKPTF6)
 *   CLOSE  the last of those who share  what this rank's program has closed before them is closed
 *          a file has closed it
 *   END    a new run begins             no request is under way: the program is killed, its files
 *                                       are closed
 * One at a time; END may come at any moment, and takes the place of what is asked.
 *
 * Who makes the numbers of a file: the rank whose it is, or rank 0 of those who share it.  The
 * number at a cut is its generation + 1.  A file that is opened since has no number there: it is
 * given one before it can be changed, and an entry in the list (`since`).  `last` is the last
 * checkpoint that the rank knows to be committed, `cut` the last for which it was captured, which
 * may be one later and may never be committed:
 *
 *   it can be brought back to        number            the entry's cuts
 *   `cut`                            none is made
 *   `last`, but not `cut`            that of `cut`     `cut`
 *   neither                          that of `last`    to `cut`, from the first to which it can
 *                                                      not: it has not changed between them
 *
 * So the number of `last` stays when the next checkpoint is captured, for the same generation again
 * or for the next.  When a generation is captured again what was noted of its former capture is not
 * of this one (anew): files may have been changed between.
 *
 * A restart may be followed by another from the checkpoint before, when the one that it was from is
 * damaged by then.  So it leaves the list as it is, but for cuts that are not any more, and the
 * list still says what both need.  It is all the same in what has happened since: `last` is `cut`
 * then.
 */
#include <string.h>

#include "os/ckpt/files_internal.h"

static void work(void *arg);

struct ckpt_files *ckpt_files_start(struct ckpt *c)
{
    struct ckpt_files *f = port_alloc(c->port, sizeof *f);
    f->c = c;
    list_init(&f->files);
    list_init(&f->waiting);
    list_init(&f->rounds);
    list_init(&f->asking);
    list_init(&f->names);
    list_init(&f->openers);
    rope_init(&f->places);
    return f;
}

void ckpt_files_ask(struct ckpt_files *f, enum ckpt_files_job job, ckpt_files_then then)
{
    struct port *p = f->c->node->port;
    f->job = job;
    f->then = then;
    if (f->thread == NULL) {
        f->thread = port_thread_spawn(p, "files of a checkpoint", work, f, PORT_THREAD_SERVICE);
        if (f->thread == NULL)
            port_fail(p, "no room for the thread of a checkpoint's files");
    } else {
        port_thread_wake(p, f->thread);
    }
}

bool ckpt_files_taken(const struct ckpt_files *f)
{
    return f->c->params->files == CKPT_FILES_CUT;
}

static enum ckpt_status status_of(enum pio_status s)
{
    return s == PIO_OK            ? CKPT_OK
           : pio_is_lost(s)       ? CKPT_LOST
           : s == PIO_NO_SPACE    ? CKPT_FULL
           : s == PIO_UNSUPPORTED ? CKPT_STATE
           : s == PIO_NO_FILE     ? CKPT_GONE
                                  : CKPT_IO;
}

static enum pio_status call(struct pio_file *x, enum pio_ctl what, uint64_t value)
{
    struct pio_control q = { .what = what, .value = value };
    return pio_control(x->sys, x, &q);
}

/* Nothing is open, nothing is asked for it, and the list has nothing. */
static bool idle(const struct ckpt_files *f)
{
    bool open = f->sys_count > 0 || f->log_old || ckpt_since_any(f, CKPT_NO_CUT);
    LIST_EACH (l, &f->files)
        open |= LIST_ENTRY(l, struct ckpt_file, link)->f != NULL;
    return !open;
}

/* ---- CLOSE ---- */

bool ckpt_file_leads(const struct ckpt_file *x)
{
    return x->ranks > 1 && x->rank == 0;
}

static void close_all(struct ckpt_files *f)
{
    LIST_EACH (l, &f->files) {
        struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        struct pio_file *file = x->f;
        if (file == NULL || !x->closed || x->others > 0)
            continue;
        x->f = NULL;
        x->closed = false;
        (void)pio_close(file);
    }
}

static void closed(struct ckpt *c)
{
    (void)c;
}

/* ---- STOP ---- */

static enum ckpt_status stop(struct ckpt_files *f)
{
    enum ckpt_status s = CKPT_OK;
    close_all(f);
    for (uint32_t i = 0; i < f->sys_count; i++) {
        pio_drain(f->sys[i]);
        if (ckpt_files_taken(f) && pio_lost(f->sys[i]))
            s = CKPT_LOST;
    }
    LIST_EACH (l, &f->files) {
        const struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        if (s == CKPT_OK && ckpt_files_taken(f) && x->f != NULL && !x->read_only)
            s = status_of(pio_flush(x->f));
    }
    return s;
}

bool ckpt_files_stop(struct ckpt *c, ckpt_files_then then)
{
    struct ckpt_files *f = c->files;
    f->status = CKPT_OK;
    if (idle(f) || f->ending)
        return f->ending;
    ckpt_files_ask(f, FILES_STOP, then);
    return true;
}

/* ---- CUT ---- */

/* This generation was captured before, and that was not committed: what can be brought back to
 * that capture can be brought back to `last`. */
static void anew(struct ckpt_files *f)
{
    uint32_t last = f->c->last.generation;
    f->cut = f->cut < f->asked ? f->cut : last;
    LIST_EACH (l, &f->files) {
        struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        if (x->at != CKPT_NO_CUT && x->at >= f->asked)
            ckpt_since_limit(f, x, last);
    }
}

static bool has_numbers(const struct ckpt_files *f)
{
    bool any = false;
    LIST_EACH (l, &f->files) {
        const struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        any |= x->f != NULL && x->mine;
    }
    return any && ckpt_files_taken(f);
}

static unsigned traits_of(const struct ckpt_file *x)
{
    return x->ops->mode ? x->ops->mode(x->f->mode) : 0;
}

bool ckpt_file_own(const struct ckpt_file *x)
{
    return traits_of(x) & (PIO_MODE_OFFSETS | PIO_MODE_RANKS);
}

bool ckpt_file_together(const struct ckpt_file *x)
{
    return traits_of(x) & PIO_MODE_TOGETHER;
}

bool ckpt_file_tells(const struct ckpt_file *x)
{
    return (x->ops->can & PIO_CAN(PIO_PLACE)) &&
           (ckpt_file_own(x) || ckpt_file_together(x) || x->rank == 0);
}

void ckpt_file_back(struct ckpt_file *x, uint32_t cut, uint32_t epoch)
{
    x->at = cut;
    x->at_epoch = epoch;
}

enum ckpt_status ckpt_file_number(struct ckpt_files *f, struct ckpt_file *x)
{
    enum ckpt_status s = status_of(call(x->f, PIO_CHECKPOINT, x->number));
    f->c->counts.numbers++;
    return s;
}

static enum ckpt_status cut(struct ckpt_files *f)
{
    struct ckpt *c = f->c;
    enum ckpt_status s = cut_stops(c->cut) ? CKPT_OK : stop(f); /* else nobody has said STOP */
    for (uint32_t i = 0; i < f->sys_count; i++)
        pio_drain(f->sys[i]);
    ckpt_files_hold(f);
    if (f->job != FILES_NOTHING) /* the run ends */
        return s;
    anew(f);
    if (s == CKPT_OK && c->last.generation > 0 &&
        (has_numbers(f) || ckpt_since_any(f, c->last.generation)))
        s = ckpt_slot_void(c, 1 - c->last.slot); /* CKPTF3, CKPTF8 */
    if (s == CKPT_OK)
        ckpt_since_prune(f, c->last.generation);
    if (s == CKPT_OK && f->log_old)
        s = ckpt_log_write(f);
    LIST_EACH (l, &f->files) {
        struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        enum pio_status told = PIO_UNSUPPORTED;
        struct pio_control q = { .what = PIO_PLACE };
        x->number = 0;
        if (s != CKPT_OK || x->f == NULL || f->job != FILES_NOTHING)
            continue;
        if (x->mine && ckpt_files_taken(f)) {
            x->number = f->asked + UINT64_C(1);
            if (!ckpt_file_meets(f, x))
                s = ckpt_file_number(f, x);
        }
        x->mode = x->f->mode;
        if (s == CKPT_OK && ckpt_file_tells(x) && !(ckpt_file_meets(f, x) && !ckpt_file_own(x)))
            told = pio_control(x->f->sys, x->f, &q);
        if (told != PIO_UNSUPPORTED && s == CKPT_OK)
            s = status_of(told);
        x->placed = told == PIO_OK;
        x->place = q.value;
    }
    if (s != CKPT_OK) /* numbers that were made are made again */
        return s;
    f->cut = f->asked;
    f->cut_epoch = c->cut_number;
    LIST_EACH (l, &f->files) {
        struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        if (x->number > 0 && !ckpt_file_meets(f, x))
            ckpt_file_back(x, f->cut, c->cut_number);
    }
    return s;
}

bool ckpt_files_cut(struct ckpt *c, ckpt_files_then then)
{
    struct ckpt_files *f = c->files;
    if (f->ending)
        return true;
    f->asked = c->generation; /* the leader may ask for another meanwhile */
    if (!cut_stops(c->cut))
        f->status = CKPT_OK;
    if (idle(f)) {
        f->cut = f->asked;
        f->cut_epoch = c->cut_number;
    }
    if (idle(f) || f->status != CKPT_OK)
        return false;
    ckpt_files_ask(f, FILES_CUT, then);
    return true;
}

/* ---- the part of an image ---- */

static bool save(void *obj, struct rope *out, const char **why)
{
    const struct ckpt_files *f = ((struct ckpt *)obj)->files;
    if (f->status != CKPT_OK)
        *why = f->status == CKPT_GONE   ? "a file of it was removed or renamed"
               : f->status == CKPT_FULL ? "there is no room for a checkpoint of its files"
                                        : "its files have no state that can be kept";
    LIST_EACH (l, &f->files) {
        const struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        bool goes_back = x->at != CKPT_NO_CUT && x->at + UINT64_C(1) == f->asked;
        if (x->f != NULL || (goes_back && ckpt_files_taken(f)))
            ckpt_file_pack(x, out);
    }
    return f->status == CKPT_OK;
}

static bool load(void *obj, struct rope *in)
{
    struct ckpt *c = obj;
    struct ckpt_files *f = c->files;
    while (in->length > 0) {
        bool shut;
        struct ckpt_file *x = ckpt_file_unpack(f, in, &shut);
        if (x == NULL)
            return false;
        x->loaded = !shut;
        x->number = shut ? 0 : x->number;
        x->others = shut ? 0 : x->others;
        if (shut || x->number > 0)
            ckpt_file_back(x, c->generation - shut, cut_epoch(c->cut));
    }
    return true;
}

const struct ckpt_part_ops ckpt_part_files = { "files", save, load };

/* ---- UNDO ---- */

static struct pio *own_system(struct ckpt_files *f, const struct pio_ops *ops)
{
    for (uint32_t i = 0; i < f->own_count; i++)
        if (f->own[i]->ops == ops)
            return f->own[i];
    ASSERT(f->own_count < ARRAY_LEN(f->own));
    return f->own[f->own_count++] = pio_find(ops, f->c->node);
}

/* since: what the list says, NULL: the image has it, and its program sets its pointer. */
static enum ckpt_status bring_back(struct ckpt_files *f, const struct ckpt_file *x, uint64_t number,
                                   const struct ckpt_since *since)
{
    struct pio_file *file = NULL;
    bool placed = since != NULL && since->placed;
    const struct pio_open o = { .name = x->name,
                                .ranks = 1,
                                .mode = placed ? since->mode : PIO_PLAIN,
                                .unit = x->unit,
                                .factor = x->factor };
    enum pio_status s = pio_open(own_system(f, x->ops), &o, &file);
    if (s == PIO_NO_FILE) {
        port_remark(f->c->port, "file %s of the checkpoint was removed or renamed", x->name);
        return CKPT_GONE;
    }
    if (s != PIO_OK)
        return CKPT_IO; /* it is tried again */
    s = call(file, PIO_ROLLBACK, number);
    if (s == PIO_OK && placed)
        s = call(file, PIO_SEEK, since->place);
    enum pio_status closed = pio_close(file);
    if (s == PIO_NO_FILE)
        return CKPT_DAMAGED;
    return s == PIO_OK && closed == PIO_OK ? CKPT_OK : CKPT_IO;
}

static enum ckpt_status take_away(struct ckpt_files *f, const struct ckpt_file *x)
{
    struct pio *sys = own_system(f, x->ops);
    struct pio_control q = {
        .what = PIO_UNLINK, .name = x->name, .unit = x->unit, .factor = x->factor
    };
    enum pio_status s = pio_control(sys, NULL, &q);
    return s == PIO_OK || s == PIO_NO_FILE ? CKPT_OK : CKPT_IO;
}

enum pio_status ckpt_file_place(struct ckpt_file *x, struct pio_file *f)
{
    unsigned traits = x->ops->mode ? x->ops->mode(f->mode) : 0;
    bool alone = traits & PIO_MODE_TOGETHER;
    struct pio_control q = { .what = PIO_SEEK, .value = x->placed ? x->place : 0, .ok = alone };
    return x->placed || alone ? pio_control(f->sys, f, &q) : PIO_OK;
}

/* As the program had it that has closed it, while others have not. */
static enum ckpt_status reopen(struct ckpt_files *f, struct ckpt_file *x, struct pio *sys)
{
    const struct pio_open o = { .name = x->name,
                                .flags = (x->read_only ? PIO_O_READ_ONLY : 0u) |
                                         (sys->ops->traits & PIO_RETURN ? PIO_O_RETURN : 0u),
                                .ranks = x->ranks,
                                .mode = x->mode,
                                .unit = x->unit,
                                .factor = x->factor };
    enum pio_status s = pio_open(sys, &o, &x->f);
    if (s == PIO_OK && (s = ckpt_file_place(x, x->f)) != PIO_OK)
        (void)pio_close(x->f);
    x->f = s == PIO_OK ? x->f : NULL;
    x->loaded = s != PIO_OK;
    x->opened = s == PIO_OK;
    if (s == PIO_OK)
        s = ckpt_name_opens(f, x);
    ckpt_name_made(f, x);
    return s == PIO_OK ? CKPT_OK : CKPT_IO; /* it is tried again */
}

static enum ckpt_status undo(struct ckpt_files *f)
{
    enum ckpt_status s = CKPT_OK;
    LIST_EACH (l, &f->files) {
        struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        /* Of a later cut alone: who had it before has what is of this one (files_name.c). */
        const struct ckpt_since *since = ckpt_since_of(x, f->cut);
        bool in_image = x->loaded && x->number > 0;
        if (s != CKPT_OK || (!in_image && since == NULL))
            continue;
        if (in_image)
            s = bring_back(f, x, x->number, NULL);
        else
            s = since->made ? take_away(f, x) : bring_back(f, x, since->number, since);
        f->c->counts.undone += s == CKPT_OK;
    }
    if (s == CKPT_OK && f->cut == 0) { /* there is none before it */
        ckpt_since_prune(f, CKPT_NO_CUT);
        return f->log_full ? ckpt_log_write(f) : s;
    }
    LIST_EACH (l, &f->files)
        if (s == CKPT_OK && !ckpt_name_tells(f, LIST_ENTRY(l, struct ckpt_file, link)))
            s = CKPT_IO;
    LIST_EACH (l, &f->files) {
        struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        if (s == CKPT_OK && x->loaded && x->closed)
            s = reopen(f, x, own_system(f, x->ops));
    }
    return s;
}

void ckpt_files_undo(struct ckpt *c, ckpt_files_then then)
{
    ckpt_files_ask(c->files, FILES_UNDO, then);
}

enum ckpt_status ckpt_files_found(struct ckpt *c, uint32_t generation, bool *undo_it)
{
    struct ckpt_files *f = c->files;
    f->cut = generation;
    f->cut_epoch = cut_epoch(c->cut);
    enum ckpt_status s = ckpt_files_taken(f) ? ckpt_log_read(f, generation) : CKPT_OK;
    *undo_it = f->log_full && generation == 0;
    LIST_EACH (l, &f->files) {
        const struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        *undo_it |= x->at != CKPT_NO_CUT || x->closed;
    }
    return s;
}

/* ---- END ---- */

static void answer_waiting(struct ckpt_files *f, const char *name, enum ckpt_status s);

void ckpt_files_clear(struct ckpt *c)
{
    struct ckpt_files *f = c->files;
    struct list *l;
    while ((l = list_pop(&f->files)) != NULL) {
        struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        port_free(c->port, x->name);
        port_free(c->port, x);
    }
    f->sys_count = 0;
    f->held = f->meeting = false;
    ckpt_names_clear(f);
    f->status = CKPT_OK;
    answer_waiting(f, NULL, CKPT_STATE);
    ckpt_rounds_end(f);
}

static void end(struct ckpt_files *f)
{
    for (uint32_t i = 0; i < f->sys_count; i++)
        pio_drain(f->sys[i]);
    ckpt_kill(f->c); /* CKPTF5 */
    for (uint32_t i = 0; i < f->sys_count; i++)
        pio_forget(f->sys[i]);
    LIST_EACH (l, &f->files) {
        struct ckpt_file *x = LIST_ENTRY(l, struct ckpt_file, link);
        if (x->f != NULL)
            (void)pio_close(x->f);
        x->f = NULL;
    }
    ckpt_files_clear(f->c);
}

bool ckpt_files_end(struct ckpt *c, ckpt_files_then then)
{
    struct ckpt_files *f = c->files;
    answer_waiting(f, NULL, CKPT_STATE);
    ckpt_rounds_end(f);
    if (idle(f) && !f->ending && !f->busy && f->job == FILES_NOTHING)
        return false;
    for (uint32_t i = 0; i < f->sys_count; i++)
        pio_hold(f->sys[i]);
    f->ending = true;
    ckpt_names_give_up(f);
    ckpt_files_ask(f, FILES_END, then);
    return true;
}

/* ---- the thread ---- */

static void work(void *arg)
{
    struct ckpt_files *f = arg;
    for (;;) {
        enum ckpt_files_job job = f->job;
        ckpt_files_then then = f->then;
        enum ckpt_status s = CKPT_OK;
        f->job = FILES_NOTHING;
        f->busy = job != FILES_NOTHING;
        for (uint32_t i = 0; i < f->sys_count; i++)
            pio_serve(f->sys[i], f->thread);
        if (job == FILES_STOP || job == FILES_CUT)
            ckpt_files_release(f); /* of a checkpoint that was given up */
        if (job == FILES_NOTHING) {
            port_thread_block(f->c->port, "a checkpoint's files", f->cut);
            continue;
        }
        if (job == FILES_STOP)
            s = stop(f);
        else if (job == FILES_CUT)
            s = cut(f);
        else if (job == FILES_MEET)
            s = ckpt_files_meet(f);
        else if (job == FILES_CLOSE)
            close_all(f);
        else if (job == FILES_UNDO)
            s = undo(f);
        else
            end(f);
        if (f->job != FILES_NOTHING) /* END has come meanwhile */
            continue;
        f->status = job == FILES_CLOSE ? f->status : s;
        f->busy = f->ending = false;
        if (s == CKPT_LOST && job != FILES_UNDO)
            ckpt_go_back(f->c);
        then(f->c);
    }
}

/* ---- the ranks that share a file ---- */

struct waiting {
    struct list link; /* in select_request_state */
    struct select_request *request;
    char *name;
};

void ckpt_files_reply(struct select_request *request, enum ckpt_status s)
{
    struct rope out;
    rope_init(&out);
    rope_add_bytes(&out, &(uint8_t){ (uint8_t)s }, 1);
    select_reply(request, &out);
    rope_fini(&out);
}

/* Those who wait for that name, or (NULL) all. */
static void answer_waiting(struct ckpt_files *f, const char *name, enum ckpt_status s)
{
    for (struct list *l = f->waiting.next, *next; l != &f->waiting; l = next) {
        struct waiting *w = LIST_ENTRY(l, struct waiting, link);
        next = l->next;
        if (name != NULL && strcmp(w->name, name) != 0)
            continue;
        list_remove(&w->link);
        ckpt_files_reply(w->request, s);
        port_free(f->c->port, w->name);
        port_free(f->c->port, w);
    }
}

/* Another rank has closed it. */
static void one_less(struct ckpt_files *f, struct ckpt_file *x)
{
    bool last = x->others == 1 && x->closed;
    x->others -= x->others > 0;
    x->opened &= !last;
    if (last)
        ckpt_name_closes(f, x);
    if (last && !f->busy && !f->meeting && f->job == FILES_NOTHING)
        ckpt_files_ask(f, FILES_CLOSE, closed);
}

static void asked(struct ckpt *c, struct select_request *request, enum ckpt_procedure what,
                  struct rope *args)
{
    struct ckpt_files *f = c->files;
    struct ckpt_file *x = NULL;
    char *name = port_alloc(c->port, args->length + 1);
    rope_read(args, 0, args->length, name);
    LIST_EACH (l, &f->files) {
        struct ckpt_file *y = LIST_ENTRY(l, struct ckpt_file, link);
        x = ckpt_file_leads(y) && strcmp(y->name, name) == 0 ? y : x;
    }
    if (what == CKPT_CLOSED || (x != NULL && x->opened)) {
        port_free(c->port, name);
        if (what == CKPT_CLOSED && x != NULL)
            one_less(f, x);
        ckpt_files_reply(request, CKPT_OK);
        return;
    }
    struct waiting *w = port_alloc(c->port, sizeof *w);
    w->request = request;
    w->name = name;
    list_push(&f->waiting, &w->link);
}

void ckpt_files_serve(struct ckpt *c, struct select_request *request, enum ckpt_procedure what,
                      struct rope *args)
{
    uint8_t run[4] = { 0 }, cut[4] = { 0 };
    if (args->length >= sizeof run)
        rope_take_front(args, sizeof run, run);
    if ((what == CKPT_PAST || what == CKPT_MET) && args->length >= sizeof cut)
        rope_take_front(args, sizeof cut, cut);
    bool same = wire_get32(run) == c->run && !c->files->ending;
    bool early =
        what == CKPT_NAME || what == CKPT_OPENED || what == CKPT_CLOSED || what == CKPT_ROUND;
    /* Before this rank's program is entered, too: that of another may have been. */
    if (!same || (c->node->run == NULL && !early)) {
        ckpt_files_reply(request, CKPT_STATE);
    } else if (what == CKPT_NAME) {
        ckpt_names_serve(c, request, args);
    } else if (what == CKPT_ROUND) {
        ckpt_rounds_serve(c->files, request, args);
    } else if (early) {
        asked(c, request, what, args);
    } else if (what == CKPT_PAST) {
        ckpt_files_asks_past(c, request, wire_get32(cut));
    } else {
        ckpt_files_met(c, wire_get32(cut));
        ckpt_files_reply(request, CKPT_OK);
    }
}

void ckpt_file_opened(struct ckpt_files *f, struct ckpt_file *x)
{
    x->opened = true;
    if (ckpt_file_leads(x))
        answer_waiting(f, x->name, CKPT_OK);
}

static void name_it(const struct ckpt_files *f, const struct ckpt_file *x, struct rope *args)
{
    uint8_t run[4];
    wire_put32(run, f->c->run);
    rope_init(args);
    rope_add_bytes(args, run, sizeof run);
    rope_add_bytes(args, x->name, strlen(x->name));
}

struct ckpt_opening {
    struct port *port;
    bool ended, gone;
    enum ckpt_status said;
    struct port_thread *thread;
};

static void may_open(void *arg, enum xk_status status, struct rope *reply)
{
    struct ckpt_opening *o = arg;
    uint8_t said = CKPT_STATE;
    if (status == XK_OK && reply->length > 0)
        rope_read(reply, 0, 1, &said);
    o->ended = true;
    o->said = (enum ckpt_status)said;
    if (o->gone)
        port_free(o->port, o);
    else
        port_thread_wake(o->port, o->thread);
}

enum ckpt_status ckpt_first_asked(struct ckpt_files *f, enum ckpt_procedure what, struct rope *args,
                                  const char *why)
{
    struct ckpt *c = f->c;
    struct ckpt_opening *o = f->opening = port_alloc(c->port, sizeof *o);
    *o = (struct ckpt_opening){ .port = c->port,
                                .said = CKPT_STATE,
                                .thread = port_thread_self(c->port) };
    if (select_call(c->rpc, c->node->places.nodes[0], CKPT_SERVICE, what, args, may_open, o) !=
        XK_OK)
        o->ended = true;
    while (!o->ended)
        port_thread_block(c->port, why, c->rank);
    enum ckpt_status said = o->said;
    f->opening = NULL;
    port_free(c->port, o);
    return said;
}

bool ckpt_file_wait(struct ckpt_files *f, const struct ckpt_file *x)
{
    struct rope args;
    name_it(f, x, &args);
    enum ckpt_status said = ckpt_first_asked(f, CKPT_OPENED, &args, "rank 0 to open a file");
    rope_fini(&args);
    return said == CKPT_OK;
}

void ckpt_files_gone(struct ckpt_files *f)
{
    struct ckpt_opening *o = f->opening;
    f->opening = NULL;
    if (o != NULL && o->ended)
        port_free(f->c->port, o);
    else if (o != NULL)
        o->gone = true;
}

void ckpt_file_tell(struct ckpt_files *f, const struct ckpt_file *x)
{
    struct ckpt *c = f->c;
    struct rope args, answer;
    name_it(f, x, &args);
    enum xk_status s = select_call_wait(c->rpc, c->node->places.nodes[0], CKPT_SERVICE, CKPT_CLOSED,
                                        &args, &answer);
    (void)s; /* where rank 0 has died all go back */
    rope_fini(&args);
    rope_fini(&answer);
}
