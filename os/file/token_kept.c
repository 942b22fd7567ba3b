/* token_kept.c: what a node has of files under the layer TOKEN: how it comes and goes; see
 * token_internal.h.
 */
#include "os/file/token_internal.h"

struct token_call_out {
    struct list link;
    struct token *t;
    struct token_kept *f;
    enum token_call what;
    struct token_msg m;
    uint64_t ends; /* of the server's lives, seen before */
    bool again;    /* it was made before anything was heard of the server, and has failed */
};

/* Ranges of one hint at most; ASSUMED(a few are enough where others have parts of a file). */
enum { TOKEN_RANGES = 16 };

static void go_on(struct token_kept *f, bool fail)
{
    f->t->go_on(f, fail);
}

/* ---- calls to the server ---- */

/* What was asked of a life that has ended is void; of whom nothing was heard any may answer. */
static bool is_void(const struct token_call_out *c)
{
    const struct token_peer *s = c->f->s;
    return s->down || c->ends != s->ends_seen;
}

static void later(struct token_call_out *c)
{
    list_push(&c->t->again, &c->link);
    if (!port_timer_pending(&c->t->calls))
        port_timer_set(&c->t->calls, c->t->retry_delay);
}

static void drop(struct token_call_out *c)
{
    struct token_kept *f = c->f;
    bool asks = f->ask == c;
    port_free(c->t->sys.port, c);
    if (asks) {
        f->asking = false;
        f->ask = NULL;
        go_on(f, true);
    }
}

static void called(void *arg, enum xk_status status, struct rope *reply)
{
    struct token_call_out *c = arg;
    struct token_kept *f = c->f;
    struct token_msg m;
    if (is_void(c)) {
        drop(c);
        return;
    }
    if (status != XK_OK) {
        bool first = !f->s->met && !c->again; /* it may have met another life than the first */
        c->again = true;
        later(c);
        if (f->ask == c && !first) /* who waits is told; the token may come later */
            go_on(f, true);
        return;
    }
    f->s->met = true;
    bool asks = c->what == TOKEN_ASK;
    if (f->ask == c)
        f->ask = NULL;
    port_free(c->t->sys.port, c);
    if (asks && token_msg_load(reply, &m) && m.mode != TOKEN_NONE)
        token_granted(f, &m);
}

static void send(struct token_call_out *c)
{
    struct rope args;
    rope_init(&args);
    token_msg_store(&args, &c->m);
    enum xk_status s =
        select_call(c->t->rpc, c->f->s->host, TOKEN_SERVER, c->what, &args, called, c);
    rope_fini(&args);
    if (s != XK_OK)
        later(c);
    else
        c->t->counts.calls++;
}

struct token_call_out *token_call_server(struct token_kept *f, enum token_call what,
                                         enum token_mode mode, const struct token_ranges *r)
{
    struct token *t = f->t;
    struct token_call_out *c = port_alloc(t->sys.port, sizeof *c);
    *c = (struct token_call_out){ .t = t,
                                  .f = f,
                                  .what = what,
                                  .m = { .file = f->file,
                                         .stamp = f->stamp,
                                         .mode = mode,
                                         .range = r->at[0],
                                         .size = f->below },
                                  .ends = f->s->ends_seen };
    for (uint32_t i = 1; i < r->count; i++)
        c->m.more.at[c->m.more.count++] = r->at[i];
    if (what == TOKEN_ASK)
        c->m.want = t->protocol->want(t->chosen.params, r->at[0]);
    list_init(&c->link);
    send(c);
    return c;
}

void token_calls_again(struct port_timer *timer)
{
    struct token *t = timer->arg;
    struct list now, *l;
    list_init(&now);
    list_splice(&now, &t->again);
    while ((l = list_pop(&now)) != NULL) {
        struct token_call_out *c = LIST_ENTRY(l, struct token_call_out, link);
        if (is_void(c))
            drop(c);
        else
            send(c);
    }
}

/* ---- tokens that come and go ---- */

void token_recall(struct token_kept *f, uint64_t stamp, enum token_mode may, struct token_range r)
{
    struct token_recall *c = port_alloc(f->t->sys.port, sizeof *c);
    *c = (struct token_recall){ .stamp = stamp, .may = may, .range = r };
    list_push(&f->recalls, &c->link);
}

void token_granted(struct token_kept *f, const struct token_msg *m)
{
    struct port *p = f->t->sys.port;
    bool had = f->has.count > 0;
    if (m->stamp <= f->stamp || !f->asking)
        return; /* it has come before */
    f->t->counts.grants++;
    f->stamp = m->stamp;
    f->came = token_one(m->range);
    for (uint32_t i = 0; i < m->more.count; i++)
        (void)token_ranges_add(&f->came, m->more.at[i]); /* TOKEN_LIST are all that a message has */
    f->asking = false;
    f->ask = NULL;
    bool grew = had && m->size > f->size;
    f->size = !had || m->size > f->size ? m->size : f->size;
    f->below = !had || m->size > f->below ? m->size : f->below;
    if (had) {
        for (uint32_t i = 0; i < f->came.count; i++)
            token_set_raise(p, &f->stale, f->came.at[i], TOKEN_READ, 0);
        for (uint32_t i = 0; i < f->has.count; i++)
            token_set_lower(p, &f->stale, f->has.at[i].r, TOKEN_NONE, 0);
    }
    if (grew) /* layers below may have seen an end that was none any more */
        token_set_raise(p, &f->stale, (struct token_range){ TOKEN_END - 1, TOKEN_END }, TOKEN_READ,
                        0);
    for (uint32_t i = 0; i < f->came.count; i++)
        token_set_raise(p, &f->has, f->came.at[i], m->mode, m->stamp);
    f->promised = 0;
    LIST_EACH (l, &f->queue)
        f->promised++;
    go_on(f, false);
}

void token_recalled(struct token_kept *f, const struct token_msg *m)
{
    f->t->counts.recalls++;
    if (m->stamp > f->stamp && !f->asking)
        f->stamp = m->stamp; /* of a grant that nobody here waits for, and that has not come */
    token_recall(f, m->stamp, m->mode, m->range);
    go_on(f, false);
}

/* ---- what layers below have to do ---- */

static void hinted(struct file_req *r);

/* Of these ranges, the last of which may have the end of the file. */
static void say(struct token_kept *f, enum file_hint hint, const struct token_range *r,
                uint32_t count)
{
    file_req_init(&f->hint, FILE_HINT, hinted, f);
    f->hint.hint = hint;
    f->hint.file = f->file;
    if (count > 0 && (r->lo > 0 || r->hi < TOKEN_END)) {
        f->runs = port_alloc(f->t->sys.port, count * sizeof *f->runs);
        f->hint.runs = f->runs;
        f->hint.run_count = 0;
        for (uint32_t i = 0; i < count; i++)
            if (r[i].hi == TOKEN_END)
                f->hint.size = r[i].lo;
            else
                f->runs[f->hint.run_count++] =
                    (struct file_run){ .off = r[i].lo, .len = r[i].hi - r[i].lo, .count = 1 };
    }
    file_submit(f->t->sys.below, &f->hint);
}

static void say_stale(struct token_kept *f)
{
    struct token_range all[TOKEN_RANGES];
    uint32_t n = 0;
    for (uint32_t i = 0; i < f->stale.count; i++) /* what is too much is one range at the end */
        if (n < TOKEN_RANGES)
            all[n++] = f->stale.at[i].r;
        else
            all[n - 1].hi = f->stale.at[i].r.hi;
    token_set_clear(f->t->sys.port, &f->stale);
    f->busy = TOKEN_REFRESHING;
    say(f, FILE_REFRESH, all, n);
}

/* A request under way needs more of the range than that. */
static bool in_use(const struct token_kept *f, struct token_range r, enum token_mode may)
{
    LIST_EACH (l, &f->below_it) {
        const struct token_waits *w = LIST_ENTRY(l, struct token_waits, link);
        if (w->need > may && token_ranges_meet(&w->parts, r))
            return true;
    }
    return false;
}

/* The range that goes for a recall; lo == hi: it cannot yet. */
static struct token_range goes(const struct token_kept *f, const struct token_recall *c)
{
    const struct token *t = f->t;
    struct token_range r = t->protocol->yields(t->chosen.params, c->range, f->last);
    if (in_use(f, r, c->may))
        r = c->range;
    return in_use(f, r, c->may) ? (struct token_range){ 0, 0 } : r;
}

/* What is given back, or all the layers below have when nothing stays. */
static void forget(struct token_kept *f)
{
    bool rest = false;
    for (uint32_t i = 0; i < f->has.count; i++)
        rest |= f->has.at[i].r.lo < f->range.lo || f->has.at[i].r.hi > f->range.hi;
    say(f, FILE_REFRESH, &f->range, rest ? 1 : 0);
}

static void settle(struct token_kept *f, struct token_range r, enum token_mode may)
{
    f->busy = TOKEN_SETTLING;
    f->range = r;
    f->to = may;
    bool writes = token_set_over(&f->has, r, TOKEN_READ);
    if (writes && r.hi == TOKEN_END && f->below < r.lo)
        r.lo = f->below; /* what makes the file longer */
    if (writes)
        say(f, FILE_PROPAGATE, &r, 1);
    else
        forget(f);
}

/* What has to be done below before anything else goes there, or is given back. */
void token_next_hint(struct token_kept *f)
{
    if (f->busy != TOKEN_IDLE || (f->is_void && !list_empty(&f->below_it)))
        return;
    if (f->is_void) {
        f->busy = TOKEN_VOIDING;
        say(f, FILE_REFRESH, NULL, 0);
        return;
    }
    if (f->save) {
        f->busy = TOKEN_SAVING;
        say(f, FILE_PROPAGATE, NULL, 0);
        return;
    }
    if (f->stale.count > 0) {
        say_stale(f);
        return;
    }
    LIST_EACH_SAFE (l, next, &f->recalls) {
        struct token_recall *c = LIST_ENTRY(l, struct token_recall, link);
        if (c->stamp > f->stamp || (f->promised > 0 && token_ranges_meet(&f->came, c->range)))
            continue;
        struct token_range r = goes(f, c);
        bool has = token_set_over(&f->has, c->range, c->may);
        enum token_mode may = c->may;
        if (has && r.lo == r.hi)
            continue;
        r = has ? r : c->range;
        list_remove(l);
        port_free(f->t->sys.port, c);
        if (has) {
            settle(f, r, may);
            return;
        }
        const struct token_ranges one = token_one(r);
        (void)token_call_server(f, TOKEN_RELEASE, may, &one); /* the server does not know */
    }
}

static void settled(struct token_kept *f)
{
    if (f->is_void)
        return;
    token_set_lower(f->t->sys.port, &f->has, f->range, f->to, UINT64_MAX);
    const struct token_ranges one = token_one(f->range);
    (void)token_call_server(f, TOKEN_RELEASE, f->to, &one);
}

/* Nothing of it is to be told but what is for writing. */
static void voided(struct token_kept *f)
{
    struct port *p = f->t->sys.port;
    struct token_set writes = { .count = 0 };
    for (uint32_t i = 0; i < f->has.count && !f->gone; i++)
        if (f->has.at[i].mode == TOKEN_WRITE)
            token_set_raise(p, &writes, f->has.at[i].r, TOKEN_WRITE, 0);
    token_set_clear(p, &f->has);
    token_set_clear(p, &f->stale);
    f->has = writes;
    f->is_void = false;
    f->size = f->below = 0;
}

/* What was written has gone down, or not. */
static void propagated(struct token_kept *f, enum file_status s)
{
    bool end = f->busy == TOKEN_SAVING || f->range.hi == TOKEN_END;
    if (s != FILE_OK && !f->gone) {
        f->late = s;
        f->t->counts.lost++;
    }
    if (s != FILE_OK)
        f->size = f->below;
    else if (end && f->busy == TOKEN_SETTLING)
        f->below = f->size;
}

static void hinted(struct file_req *r)
{
    struct token_kept *f = r->arg;
    struct token *t = f->t;
    enum token_busy was = f->busy;
    port_free(t->sys.port, f->runs);
    f->runs = NULL;
    if (r->op == FILE_HINT && r->hint == FILE_PROPAGATE) {
        propagated(f, r->status);
        if (was == TOKEN_SETTLING && f->to == TOKEN_NONE) {
            forget(f);
            return;
        }
        if (was == TOKEN_SAVING) { /* how long it is now */
            file_req_init(&f->hint, FILE_STAT, hinted, f);
            f->hint.file = f->file;
            file_submit(t->sys.below, &f->hint);
            return;
        }
    }
    f->busy = TOKEN_IDLE;
    if (was == TOKEN_SETTLING)
        settled(f);
    else if (was == TOKEN_VOIDING)
        voided(f);
    else if (was == TOKEN_SAVING && !f->is_void)
        f->size = f->below = r->status == FILE_OK ? r->attr.size : 0;
    f->save = f->save && was != TOKEN_SAVING;
    if (was == TOKEN_VOIDING || was == TOKEN_SAVING)
        token_recover_answer(t, f->s);
    go_on(f, false);
}

/* ---- lives of the server ---- */

/* Once nothing is void: what the next life asks for.  A place is the number of a file, and of a
 * range in it. */
void token_recover_answer(struct token *t, struct token_peer *s)
{
    uint8_t b[8];
    uint64_t at = 0, from = s->recover_at, next = 0;
    uint64_t room = select_max_bytes(t->rpc) / TOKEN_ENTRY_BYTES - 1;
    struct rope reply, all;
    LIST_EACH (l, &t->files) {
        const struct token_kept *f = LIST_ENTRY(l, struct token_kept, link);
        if (f->s == s && (f->is_void || f->save))
            return;
    }
    if (s->recover == NULL)
        return;
    rope_init(&reply);
    rope_init(&all);
    LIST_EACH (l, &t->files) {
        const struct token_kept *f = LIST_ENTRY(l, struct token_kept, link);
        uint64_t place = at++ << 32;
        for (uint32_t i = 0; f->s == s && i < f->has.count && next == 0; i++) {
            if (f->has.at[i].mode != TOKEN_WRITE || (place | i) < from)
                continue;
            if (room-- == 0)
                next = place | i;
            else
                token_entry_store(&reply,
                                  &(struct token_entry){ f->file, f->has.at[i].r, f->below });
        }
    }
    wire_put64(b, next);
    rope_add_bytes(&all, b, sizeof b);
    rope_join(&all, &reply);
    select_reply(s->recover, &all);
    rope_fini(&all);
    s->recover = NULL;
}

/* The server's next life asks what the node has, from its first file on. */
void token_recover(struct token *t, const struct token_peer *s)
{
    LIST_EACH (l, &t->files) {
        struct token_kept *f = LIST_ENTRY(l, struct token_kept, link);
        struct token_range end = { TOKEN_END - 1, TOKEN_END };
        if (f->s != s)
            continue;
        f->save = token_set_over(&f->has, TOKEN_ALL, TOKEN_READ) &&
                  !token_set_has(&f->has, end, TOKEN_WRITE);
        token_next_hint(f);
    }
}
