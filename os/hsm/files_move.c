/* files_move.c: room on the disk: migration, purge, and who waits for it. */
#include "os/hsm/files_internal.h"

#include <stdlib.h> /* qsort alone */
#include <string.h>

/* ---- room ---- */

static uint64_t percent(const struct hsm *h, int64_t n)
{
    return h->space / 100 * (uint64_t)n + h->space % 100 * (uint64_t)n / 100;
}

void hsm_kick(struct hsm *h)
{
    h->kicked = true;
    if (h->mover != NULL && h->state == HSM_READY)
        port_thread_wake(h->sys.port, h->mover);
}

bool hsm_reserve(struct hsm_file *f, uint64_t bytes)
{
    struct hsm *h = f->h;
    if (bytes > 0 &&
        ((!list_empty(&h->rooms) && !h->feeding) || bytes > h->space || h->used > h->space - bytes))
        return false;
    h->used += bytes;
    f->charged += bytes;
    if (h->used > percent(h, h->params->start) && !(h->stuck && h->polls) && !h->kicked)
        hsm_kick(h);
    return true;
}

void hsm_charge(struct hsm_file *f)
{
    struct hsm *h = f->h;
    uint64_t now = f->whole ? f->size : 0;
    if ((f->writing > 0 || f->holding > 0) && !f->gone)
        return;
    for (uint32_t i = 0; i < f->pieces && !f->whole; i++)
        if (f->piece[i] & (PIECE_HERE | PIECE_COMING | PIECE_OVER))
            now += hsm_tape_bytes(f, i, i + 1);
    if (!f->whole && f->size > f->rec.tape)
        now += f->size - f->rec.tape;
    now = f->gone ? 0 : now;
    bool less = now < f->charged;
    h->used = h->used - f->charged + now;
    f->charged = now;
    if (less)
        hsm_feed(h);
}

void hsm_beg(struct hsm_file *f, uint64_t bytes)
{
    struct hsm *h = f->h;
    if (f->by_mover) {
        hsm_fail(f, 0, f->pieces, FILE_NO_SPACE);
        hsm_wake(h);
        return;
    }
    f->room = port_alloc(h->sys.port, sizeof *f->room);
    *f->room = (struct hsm_room){ .f = f, .bytes = bytes, .pull = true };
    list_push(&h->rooms, &f->room->link);
    hsm_kick(h);
}

enum file_status hsm_room(struct hsm_file *f, uint64_t bytes)
{
    struct hsm *h = f->h;
    if (bytes > h->space)
        return hsm_too_large(f, bytes);
    struct hsm_room *x = port_alloc(h->sys.port, sizeof *x);
    *x = (struct hsm_room){ .f = f, .bytes = bytes };
    list_push(&h->rooms, &x->link);
    f->begging = true;
    hsm_feed(h);
    while (!x->given && x->status == FILE_OK) {
        hsm_kick(h);
        hsm_wait(h, "room on the disk");
    }
    f->begging = false;
    enum file_status s = x->status;
    list_remove(&x->link);
    port_free(h->sys.port, x);
    return s;
}

void hsm_feed(struct hsm *h)
{
    if (h->feeding)
        return;
    h->feeding = true;
    while (!list_empty(&h->rooms)) {
        struct hsm_room *x = LIST_ENTRY(h->rooms.next, struct hsm_room, link);
        struct hsm_file *f = x->f;
        if (!f->gone && !hsm_reserve(f, x->bytes))
            break;
        list_remove(&x->link);
        if (x->pull) { /* it takes what it needs now */
            if (!f->gone) {
                h->used -= x->bytes;
                f->charged -= x->bytes;
            }
            f->room = NULL;
            port_free(h->sys.port, x);
            hsm_pull(f);
        } else {
            x->given = true;
            hsm_wake(h);
        }
    }
    h->feeding = false;
}

enum file_status hsm_too_large(struct hsm_file *f, uint64_t bytes)
{
    struct hsm *h = f->h;
    h->counts.full++;
    if (!h->told_full)
        port_remark(h->sys.port,
                    "hsm: no room for %llu bytes: of the %llu bytes of space %llu are used, and "
                    "nothing can be purged",
                    (unsigned long long)bytes, (unsigned long long)h->space,
                    (unsigned long long)h->used);
    h->told_full = true;
    return FILE_NO_SPACE;
}

/* Who began to wait later gives back what has come of its file, to whoever waits longer. */
static bool give_back(struct hsm *h)
{
    for (struct list *l = h->rooms.prev; l != h->rooms.next && l != &h->rooms; l = l->prev) {
        const struct hsm_room *x = LIST_ENTRY(l, struct hsm_room, link);
        struct hsm_file *f = x->f;
        if (x->pull && hsm_clean(f) && f->charged > 0 && f->busy == 0 && f->pulls == 0 &&
            !f->alone && !f->moving && hsm_purge(f) == FILE_OK)
            return true;
    }
    return false;
}

/* The last that has begun to wait gives up: what it has is others' then. */
static void give_up(struct hsm *h)
{
    struct hsm_room *x = LIST_ENTRY(h->rooms.prev, struct hsm_room, link);
    struct hsm_file *f = x->f;
    enum file_status s = hsm_too_large(f, x->bytes);
    list_remove(&x->link);
    if (x->pull) {
        f->room = NULL;
        port_free(h->sys.port, x);
        hsm_fail(f, 0, f->pieces, s);
        hsm_pump(f);
    } else {
        x->status = s;
    }
    hsm_wake(h);
}

/* ---- purge (block) ---- */

static bool may_go(const struct hsm_file *f)
{
    return hsm_clean(f) && !f->gone && !f->rec.kept && f->charged > 0 && hsm_idle(f) &&
           !hsm_pinned(f);
}

struct replace_file hsm_seen(struct hsm_file *f)
{
    const struct hsm *h = f->h;
    sim_time now = port_now(h->sys.port), one = 0;
    uint64_t row = (uint64_t)h->params->piece * (uint64_t)h->params->row;
    if (h->counts.pulls > h->counts.failed)
        one = h->pull_time / (int64_t)(h->counts.pulls - h->counts.failed);
    return (struct replace_file){ .file = f->rec.file,
                                  .size = f->charged,
                                  .idle = now - f->used,
                                  .age = now - f->came,
                                  .fetch = sim_time_mul(one, (int64_t)((f->size + row - 1) / row)),
                                  .uses = f->uses,
                                  .note = &f->note };
}

void hsm_used(struct hsm_file *f)
{
    const struct hsm *h = f->h;
    struct replace_file x = hsm_seen(f);
    x.idle = 0;
    if (h->replacement->used != NULL)
        h->replacement->used(h->replace_state, &x);
}

enum file_status hsm_purge(struct hsm_file *f)
{
    struct hsm *h = f->h;
    struct file_req q;
    enum file_status s = FILE_OK;
    uint64_t taken = f->charged;
    f->alone = true;
    if (f->rec.whole) { /* HSM3 */
        f->rec.whole = false;
        s = hsm_commit(f);
    }
    if (s == FILE_OK) {
        (void)hsm_below(h, FILE_SIZE, f->rec.file, 0, &q); /* what is left is no longer looked at */
        hsm_not_here(f);
        f->size = f->rec.tape;
        f->scattered = false;
        f->note = 0;
        f->uses = 0;
        h->counts.purges++;
        h->counts.purged += taken;
    } else {
        f->rec.whole = true;
    }
    f->alone = false;
    hsm_charge(f);
    hsm_wake(h);
    hsm_pump(f);
    return s;
}

struct ranked {
    double value;
    uint64_t file;
};

static int by_value(const void *a, const void *b)
{
    const struct ranked *x = a, *y = b;
    if (x->value != y->value)
        return x->value > y->value ? -1 : 1;
    return x->file < y->file ? -1 : x->file > y->file;
}

/* Files for which `fits` is true, the largest value first; heap. */
static struct ranked *rank(struct hsm *h, bool urgent,
                           bool (*fits)(struct hsm_file *f, bool urgent),
                           double (*value)(struct hsm_file *f), uint32_t *count)
{
    struct ranked *all = port_alloc(h->sys.port, (xk_map_count(&h->map) + 1) * sizeof *all);
    *count = 0;
    LIST_EACH (l, &h->files) {
        struct hsm_file *f = LIST_ENTRY(l, struct hsm_file, link);
        if (fits(f, urgent))
            all[(*count)++] = (struct ranked){ value(f), f->rec.file };
    }
    qsort(all, *count, sizeof *all, by_value);
    return all;
}

static bool purgeable(struct hsm_file *f, bool urgent)
{
    return may_go(f) && (urgent || port_now(f->h->sys.port) - f->used >= f->h->params->recent);
}

static double purge_value(struct hsm_file *f)
{
    struct replace_file x = hsm_seen(f);
    return f->h->replacement->value(f->h->replace_state, &x);
}

/* From the start mark to the stop mark, and as long as somebody waits.  Bytes. */
static uint64_t purge(struct hsm *h)
{
    uint32_t n;
    uint64_t freed = h->counts.purged;
    bool over = h->used > percent(h, h->params->start), urgent = !list_empty(&h->rooms);
    if (!over && !urgent)
        return 0;
    struct ranked *all = rank(h, urgent, purgeable, purge_value, &n);
    for (uint32_t i = 0; i < n; i++) {
        struct hsm_file *f = hsm_file_of(h, all[i].file);
        if (list_empty(&h->rooms) && !(over && h->used > percent(h, h->params->stop)))
            break;
        if (f == NULL || !purgeable(f, !list_empty(&h->rooms)))
            continue;
        struct replace_file x = hsm_seen(f);
        if (hsm_purge(f) == FILE_OK && h->replacement->purged != NULL)
            h->replacement->purged(h->replace_state, &x, all[i].value);
    }
    port_free(h->sys.port, all);
    h->stuck = h->used > percent(h, h->params->start);
    return h->counts.purged - freed;
}

/* ---- migration (block) ---- */

static enum file_status drop_other(struct hsm_file *f)
{
    struct hsm *h = f->h;
    struct bitfile_call c = { .op = BITFILE_REMOVE, .id = f->rec.other - 1 };
    if (f->rec.other == 0)
        return FILE_OK;
    if (f->commits > 0 && hsm_commit(f) != FILE_OK) /* on the device it may still be the file's */
        return FILE_IO_ERROR;
    enum hsm_status s = hsm_archive(h, &c);
    if (s != HSM_OK)
        return hsm_file_status(s);
    h->counts.removed++;
    f->rec.other = 0;
    return hsm_commit_or_drop(f);
}

/* The copy is what the file is, and its record says so. */
static enum file_status becomes(struct hsm_file *f, uint64_t size, sim_time mtime)
{
    struct hsm *h = f->h;
    uint64_t old = f->rec.bitfile;
    f->alone = true;
    f->rec.bitfile = f->rec.other;
    f->rec.other = old;
    f->rec.tape = f->rec.size = size;
    f->rec.mtime = mtime;
    f->rec.whole = true;
    f->rec.dirty = false;
    enum file_status s = hsm_commit(f);
    f->dirty = s != FILE_OK;
    f->alone = false;
    if (s == FILE_OK) {
        h->counts.migrations++;
        h->unreached = 0;
        h->counts.migrated += size;
        h->stuck = false;
    }
    hsm_wake(h);
    hsm_pump(f);
    return s;
}

static enum file_status copy(struct hsm_file *f, const struct file_attr *a, uint64_t changes)
{
    struct hsm *h = f->h;
    enum file_status s = f->changes == changes ? hsm_send(f, a->size, changes) : FILE_OK;
    bool same = f->changes == changes && f->writing == 0 && f->holding == 0 && !f->gone;
    if (s == FILE_OK && same)
        return becomes(f, a->size, a->mtime);
    h->counts.abandoned++;
    return s;
}

static enum file_status migrate(struct hsm_file *f)
{
    struct hsm *h = f->h;
    struct file_req q;
    enum file_status s = drop_other(f);
    while (s == FILE_OK && !f->whole)
        s = hsm_stage(f, 0, f->pieces);
    uint64_t changes = f->changes;
    if (s == FILE_OK && (f->writing > 0 || f->holding > 0))
        return FILE_OK; /* later */
    if (s == FILE_OK)
        s = hsm_below(h, FILE_FLUSH, f->rec.file, 0, &q);
    if (s == FILE_OK)
        s = hsm_below(h, FILE_STAT, f->rec.file, 0, &q);
    if (s != FILE_OK || q.attr.size == 0 || f->changes != changes)
        return s;
    struct file_attr a = q.attr;
    s = hsm_make_bitfile(f, a.size);
    if (s != FILE_OK)
        return s;
    s = copy(f, &a, changes);
    (void)drop_other(f); /* or the mover, later */
    hsm_place(f);
    return s;
}

enum file_status hsm_migrate(struct hsm_file *f)
{
    struct hsm *h = f->h;
    f->moving = f->migrating = true;
    if (++h->migrating > h->counts.at_once)
        h->counts.at_once = h->migrating;
    enum file_status s = migrate(f);
    h->migrating--;
    f->moving = f->migrating = false;
    hsm_wake(f->h);
    if (f->gone || f->rec.other != 0 || !list_empty(&f->h->rooms))
        hsm_kick(f->h);
    return s;
}

static bool is_to_move(const struct hsm_file *f)
{
    return !hsm_clean(f) && f->size >= (uint64_t)f->h->params->least && !f->rec.kept && !f->gone;
}

static bool migratable(struct hsm_file *f, bool urgent)
{
    return is_to_move(f) && !f->moving && f->writing == 0 && !f->serving &&
           (urgent || port_now(f->h->sys.port) - f->changed >= f->h->params->age);
}

static double migrate_value(struct hsm_file *f)
{
    struct migrate_file x = { f->rec.file, f->size, port_now(f->h->sys.port) - f->changed };
    return f->h->migration->value(&x);
}

/* Several at a time, and their ends. */
struct party {
    struct hsm *h;
    uint32_t flying, ended;
    bool vain; /* the archive does not answer, or the table is full */
};

struct member {
    struct party *p;
    struct hsm_file *f;
};

static void take_part(struct party *p, struct hsm_file *f)
{
    struct hsm *h = p->h;
    f->by_mover = true;
    enum file_status s = hsm_migrate(f);
    f->by_mover = false;
    h->vain += s != FILE_OK;
    if (s != FILE_UNREACHABLE && s != FILE_NO_INODE)
        return;
    if (!h->told_archive)
        port_remark(h->sys.port, "hsm: a file was not migrated: %s", file_status_name(s));
    h->told_archive = true;
    h->unreached += s == FILE_UNREACHABLE;
    p->vain = true;
}

static void member(void *arg)
{
    struct member m = *(struct member *)arg;
    struct hsm *h = m.p->h;
    port_free(h->sys.port, arg);
    if (migratable(m.f, true)) /* nobody else has begun meanwhile */
        take_part(m.p, m.f);
    m.p->flying--;
    m.p->ended++;
    hsm_wake(h);
}

static void join(struct party *p, struct hsm_file *f)
{
    struct port *port = p->h->sys.port;
    struct member *m = port_alloc(port, sizeof *m);
    *m = (struct member){ p, f };
    p->flying++;
    if (p->h->params->migrations > 1 && port_thread_spawn(port, "hsm", member, m, 0) != NULL)
        return;
    p->flying--;
    port_free(port, m);
    take_part(p, f);
    p->ended++;
}

/* Until no more than so many are under way.  Bytes that were purged. */
static uint64_t wait_for_some(struct party *p, uint32_t most)
{
    while (p->flying > most)
        hsm_wait(p->h, "migrations");
    uint32_t ended = p->ended;
    p->ended = 0;
    return ended > 0 && !p->vain ? purge(p->h) : 0;
}

/* All that are due, or, for who waits for room, as many as are needed. */
static uint64_t migrate_some(struct hsm *h, bool due)
{
    uint32_t n;
    uint64_t freed = 0, was = h->counts.migrations;
    bool urgent = !list_empty(&h->rooms);
    struct party *p = port_alloc(h->sys.port, sizeof *p);
    struct ranked *all = rank(h, urgent, migratable, migrate_value, &n);
    p->h = h;
    for (uint32_t i = 0; i < n; i++) {
        struct hsm_file *f = hsm_file_of(h, all[i].file);
        urgent = !list_empty(&h->rooms);
        if (!urgent && !due)
            break;
        if (f == NULL || !migratable(f, urgent))
            continue;
        join(p, f);
        freed += wait_for_some(p, (uint32_t)h->params->migrations - 1);
        if (p->vain)
            break;
    }
    freed += wait_for_some(p, 0);
    port_free(h->sys.port, p);
    if (due)
        h->refused = n > 0 && h->counts.migrations == was ? h->refused + 1 : 0;
    port_free(h->sys.port, all);
    return freed;
}

/* ---- the mover (block) ---- */

/* Files that were removed. */
static void reap(struct hsm *h)
{
    LIST_EACH_SAFE (l, next, &h->gone) {
        struct hsm_file *f = LIST_ENTRY(l, struct hsm_file, link);
        struct bitfile_call c = { .op = BITFILE_REMOVE };
        if (!hsm_idle(f) || f->room != NULL)
            continue;
        if (drop_other(f) != FILE_OK)
            continue;
        c.id = f->rec.bitfile - 1;
        if (f->rec.bitfile != 0 && hsm_archive(h, &c) != HSM_OK)
            continue;
        h->counts.removed += f->rec.bitfile != 0;
        f->rec.bitfile = 0;
        if (hsm_drop_record(f) != FILE_OK)
            continue;
        list_remove(&f->link);
        list_remove(&f->settle);
        port_free(h->sys.port, f->piece);
        port_free(h->sys.port, f);
    }
}

/* Files of which all bytes have come: their records say so. */
static void settle(struct hsm *h)
{
    for (struct list *l; (l = list_pop(&h->settle)) != NULL;) {
        struct hsm_file *f = LIST_ENTRY(l, struct hsm_file, settle);
        f->settling = false;
        if (f->gone || !f->whole || f->rec.whole || f->moving || f->alone)
            continue;
        f->moving = true;
        (void)hsm_flush(f);
        f->moving = false;
        hsm_wake(h);
    }
}

/* Others that have something to do end, and may leave room. */
static bool others_work(const struct hsm *h)
{
    LIST_EACH (l, &h->files) {
        const struct hsm_file *f = LIST_ENTRY(l, struct hsm_file, link);
        if (f->busy > 0 || f->pulls > 0 ||
            ((f->serving || f->moving) && !f->begging && f->room == NULL))
            return true;
    }
    return false;
}

/* It may be purged one day though nobody asks for anything: else it is not waited for. */
static bool goes_later(const struct hsm_file *f)
{
    return hsm_clean(f) && !f->rec.kept && f->rec.pins == 0 && f->charged > 0;
}

static bool looks_again(const struct hsm *h)
{
    if (!list_empty(&h->rooms))
        return true;
    if (h->refused >= h->params->tries) /* until something changes */
        return false;
    if (!list_empty(&h->gone) || !h->listed || h->unplaced)
        return true;
    LIST_EACH (l, &h->files)
        if (is_to_move(LIST_ENTRY(l, struct hsm_file, link)) ||
            LIST_ENTRY(l, struct hsm_file, link)->rec.other != 0)
            return true;
    LIST_EACH (l, &h->files)
        if (h->used > percent(h, h->params->start) &&
            goes_later(LIST_ENTRY(l, struct hsm_file, link)))
            return true;
    return false;
}

static void others_of_before(struct hsm *h)
{
    uint32_t n = 0;
    uint64_t *all = port_alloc(h->sys.port, (xk_map_count(&h->map) + 1) * sizeof *all);
    LIST_EACH (l, &h->files)
        if (LIST_ENTRY(l, struct hsm_file, link)->rec.other != 0)
            all[n++] = LIST_ENTRY(l, struct hsm_file, link)->rec.file;
    while (n > 0) {
        struct hsm_file *f = hsm_file_of(h, all[--n]);
        if (f == NULL || f->moving)
            continue;
        f->moving = true;
        (void)drop_other(f);
        f->moving = false;
        hsm_wake(h);
    }
    port_free(h->sys.port, all);
}

static void work(struct hsm *h)
{
    bool due = port_now(h->sys.port) >= h->next_poll, knew = !list_empty(&h->rooms);
    reap(h);
    settle(h);
    if (due) {
        h->next_poll = sim_time_add(port_now(h->sys.port), h->params->poll);
        h->stuck = false;
        (void)hsm_orphans(h);
        others_of_before(h);
        h->unplaced = hsm_places(h);
    }
    int64_t unreached = h->unreached;
    uint64_t vain = h->vain;
    uint64_t freed = purge(h);
    if (due || !list_empty(&h->rooms))
        freed += migrate_some(h, due);
    hsm_feed(h);
    if (list_empty(&h->rooms))
        return;
    /* It comes back; or others end: who has failed at once would fail again at once. */
    bool down = h->unreached > unreached && h->unreached < h->params->tries;
    if (freed == 0 && (down || (h->vain > vain && others_work(h)))) {
        port_thread_sleep(h->sys.port, h->params->retry);
        h->kicked = true;
        return;
    }
    if (freed == 0 && others_work(h))
        return;
    if (freed == 0 && knew && !give_back(h)) /* else it looks again at what there is by now */
        give_up(h);
    h->kicked = true;
}

void hsm_move(void *arg)
{
    struct hsm *h = arg;
    h->kicked = true;
    for (;;) {
        while (h->kicked || (h->polls && port_now(h->sys.port) >= h->next_poll)) {
            h->kicked = false;
            work(h);
        }
        h->polls = looks_again(h);
        if (!h->polls)
            port_thread_block(h->sys.port, "files to be moved", 0);
        else if (h->next_poll > port_now(h->sys.port))
            (void)port_thread_block_for(h->sys.port, "files to be moved", 0,
                                        h->next_poll - port_now(h->sys.port));
    }
}
