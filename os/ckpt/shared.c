/* shared.c: programs that share memory (os/svm/save.h): when nothing is under way between them, and
 * what of it is saved.
 *
 * When all ranks have stopped rank 0 asks each how many messages it has sent and got, until two
 * rounds agree (SVMS1); then it tells all that they may be captured.  Each round is a call to each.
 */
#include "os/ckpt/ckpt_internal.h"
#include "os/svm/save.h"

#define PAUSE (100 * SIM_US) /* ASSUMED(a message and what it has done take about so long) */
#define REPLY_BYTES 17

struct ckpt_shared {
    struct ckpt *c;
    void (*look)(struct ckpt *c);  /* something has come: of ckpt.c */
    struct xk_protl *svm, *sync;   /* NULL: no program of this life has shared anything */
    bool there;                    /* the program is, and shares */
    struct rope image, sync_image; /* loaded, until the program has them */
    uint32_t quiet;                /* number of the cut before which nothing is under way */
    /* at rank 0 */
    bool counting;
    uint32_t round, left;
    struct svm_traffic now;
    uint64_t received; /* in the round before; UINT64_MAX: there was none, or somebody was busy */
    struct port_timer pause;
};

void ckpt_shared(struct ckpt *c, struct xk_protl *svm, struct xk_protl *sync)
{
    struct ckpt_shared *s = c->shared;
    s->svm = svm;
    s->sync = sync;
    s->there = true;
    svm_keep(svm, c->run, &s->image);
    sync_keep(sync, c->node, c->run, &s->sync_image);
}

void ckpt_shared_open(struct ckpt *c)
{
    if (c->shared->there)
        svm_open(c->shared->svm);
}

/* ---- rounds ---- */

struct question {
    struct ckpt_shared *shared;
    uint32_t round;
};

static void ask_all(struct ckpt_shared *s, enum ckpt_procedure what);

static void counted(struct ckpt_shared *s)
{
    const struct svm_traffic *t = &s->now;
    if (!t->busy && t->sent == s->received) {
        s->counting = false;
        ask_all(s, CKPT_QUIET);
        return;
    }
    s->received = t->busy ? UINT64_MAX : t->received;
    port_timer_set(&s->pause, t->busy || t->sent != t->received ? PAUSE : 0);
}

static void answered(void *arg, enum xk_status status, struct rope *reply)
{
    struct question *q = arg;
    struct ckpt_shared *s = q->shared;
    bool stale = q->round != s->round || !s->counting;
    uint8_t wire[REPLY_BYTES] = { [16] = true };
    port_free(s->c->port, q);
    if (stale)
        return;
    /* No answer: it is asked again; if it is gone a restart follows, and if it was in a later life
     * all the time, that is known now. */
    if (status == XK_OK && reply->length == sizeof wire)
        rope_read(reply, 0, sizeof wire, wire);
    s->now.sent += wire_get64(wire);
    s->now.received += wire_get64(wire + 8);
    s->now.busy |= wire[16] != 0;
    if (--s->left == 0)
        counted(s);
}

static void ask_all(struct ckpt_shared *s, enum ckpt_procedure what)
{
    struct ckpt *c = s->c;
    s->round++;
    s->left = c->ranks;
    s->now = (struct svm_traffic){ .sent = 0 };
    c->counts.rounds += what == CKPT_COUNT;
    for (uint32_t r = 0; r < c->ranks; r++) {
        uint8_t wire[8];
        struct rope args;
        struct question *q = port_alloc(c->port, sizeof *q);
        *q = (struct question){ s, s->round };
        wire_put32(wire, c->run);
        wire_put32(wire + 4, c->cut_number);
        rope_init(&args);
        rope_add_bytes(&args, wire, sizeof wire);
        if (select_call(c->rpc, c->node->places.nodes[r], CKPT_SERVICE, what, &args, answered, q) !=
            XK_OK) {
            struct rope none;
            rope_init(&none);
            rope_fini(&args);
            answered(q, XK_UNREACHABLE, &none);
        }
    }
}

static void again(struct port_timer *t)
{
    struct ckpt_shared *s = t->arg;
    if (s->counting)
        ask_all(s, CKPT_COUNT);
}

bool ckpt_shared_quiet(struct ckpt *c)
{
    struct ckpt_shared *s = c->shared;
    if (!s->there)
        return true;
    if (s->quiet == c->cut_number)
        return true;
    if (c->rank == 0 && !s->counting) {
        s->counting = true;
        s->received = UINT64_MAX;
        ask_all(s, CKPT_COUNT);
    }
    return false;
}

void ckpt_shared_serve(struct ckpt *c, struct select_request *request, enum ckpt_procedure what,
                       struct rope *args)
{
    struct ckpt_shared *s = c->shared;
    uint8_t wire[8] = { 0 }, answer[REPLY_BYTES] = { 0 };
    struct svm_traffic t = { .sent = 0 };
    struct rope reply;
    if (args->length >= sizeof wire)
        rope_read(args, 0, sizeof wire, wire);
    bool current = s->there && wire_get32(wire) == c->run;
    if (current) {
        svm_add_traffic(s->svm, &t);
        sync_add_traffic(s->sync, &t);
    }
    wire_put64(answer, t.sent);
    wire_put64(answer + 8, t.received);
    answer[16] = t.busy || !current;
    rope_init(&reply);
    rope_add_bytes(&reply, answer, sizeof answer);
    select_reply(request, &reply);
    rope_fini(&reply);
    if (current && what == CKPT_QUIET) {
        s->quiet = wire_get32(wire + 4);
        s->look(c);
    }
}

/* ---- what is saved ---- */

static bool save_svm(void *obj, struct rope *out, const char **why)
{
    struct ckpt_shared *s = obj;
    struct svm_traffic t = { .sent = 0 };
    (void)why;
    if (!s->there)
        return true;
    svm_add_traffic(s->svm, &t);
    sync_add_traffic(s->sync, &t);
    ASSERT_MSG(!t.busy, "shared memory is saved while something is under way (SVMS1)");
    svm_save(s->svm, out, &s->c->counts.copies);
    return true;
}

static bool load_svm(void *obj, struct rope *in)
{
    rope_fini(&((struct ckpt_shared *)obj)->image);
    rope_move(&((struct ckpt_shared *)obj)->image, in);
    return true;
}

static bool save_sync(void *obj, struct rope *out, const char **why)
{
    const struct ckpt_shared *s = obj;
    (void)why;
    if (s->there)
        sync_save(s->sync, out);
    return true;
}

static bool load_sync(void *obj, struct rope *in)
{
    rope_fini(&((struct ckpt_shared *)obj)->sync_image);
    rope_move(&((struct ckpt_shared *)obj)->sync_image, in);
    return true;
}

const struct ckpt_part_ops ckpt_part_svm = { "svm", save_svm, load_svm };
const struct ckpt_part_ops ckpt_part_sync = { "sync", save_sync, load_sync };

struct ckpt_shared *ckpt_shared_start(struct ckpt *c, void (*look)(struct ckpt *c))
{
    struct ckpt_shared *s = port_alloc(c->port, sizeof *s);
    s->c = c;
    s->look = look;
    rope_init(&s->image);
    rope_init(&s->sync_image);
    port_timer_init(c->port, &s->pause, again, s);
    return s;
}

void ckpt_shared_give_up(struct ckpt *c)
{
    struct ckpt_shared *s = c->shared;
    s->counting = false;
    s->round++;
    port_timer_cancel(&s->pause);
}

void ckpt_shared_drop(struct ckpt *c)
{
    struct ckpt_shared *s = c->shared;
    s->quiet = 0;
    rope_fini(&s->image);
    rope_fini(&s->sync_image);
    s->there = false;
    if (!s->svm)
        return;
    svm_drop(s->svm, c->run);
    sync_drop(s->sync, c->run);
}
