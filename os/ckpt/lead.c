/* lead.c: rank 0's part: when a checkpoint is taken and when the job is restarted.
 *
 *   phase    what all ranks are asked           all good ->           else ->
 *   running  nothing                            the interval: STOP
 *   STOP..   STOP, SAVE, WRITE in turn          committed -> running  running, not committed
 *   waiting  nothing: a member is down          all are up: RESET
 *   RESET..  RESET, FLUSH, LOAD, ENTER in turn  running               again after `retry`
 *   over     nothing: all programs have ended
 * A member's death ends any phase but the last: a restart begins when all are there.  A run's
 * number has this node's incarnation above 16 bits: it rises whoever crashes.
 */
#include "os/ckpt/ckpt_internal.h"

#define TRIES 100 /* ASSUMED(who serves a sink may be down for that long) */

enum phase { RUNNING, CHECKPOINT, WAITING, RESTART, OVER };

struct ckpt_lead {
    struct ckpt *c;
    enum phase phase;
    enum ckpt_procedure asked; /* of all ranks */
    uint32_t round;            /* rises with each question: answers to former ones count no more */
    uint32_t left;             /* answers that are to come */
    enum ckpt_status worst;
    bool unreached; /* somebody gave no answer */
    bool save_good; /* all were captured */
    uint32_t tries; /* restarts in a row that a sink has failed */
    uint32_t run, committed, generation, below;
    uint64_t *coming;   /* by rank: messages that were sent to it */
    bool *ended, *down; /* by rank; down: as the failure detector told last */
    uint32_t ended_count;
    struct port_timer timer;
    struct port_thread *thread;
    enum { NOTHING, COMMIT, FIND, QUIT } job;
};

struct question {
    struct ckpt_lead *lead;
    uint32_t round, rank;
};

static void ask_all(struct ckpt_lead *l, enum ckpt_procedure what);

static bool all_alive(const struct ckpt_lead *l)
{
    for (uint32_t r = 0; r < l->c->ranks; r++)
        if (l->down[r])
            return false;
    return true;
}

static void later(struct ckpt_lead *l, sim_time delay)
{
    if (delay > 0)
        port_timer_set(&l->timer, delay);
}

static void run_on(struct ckpt_lead *l)
{
    l->phase = RUNNING;
    later(l, l->c->params->interval);
}

static void job(struct ckpt_lead *l, int what)
{
    l->job = what;
    port_thread_wake(l->c->port, l->thread);
}

static void over(struct ckpt_lead *l)
{
    l->phase = OVER;
    l->round++;
    port_timer_cancel(&l->timer);
    job(l, QUIT);
}

/* From the last checkpoint that is committed, or (below) one before that. */
static void restart(struct ckpt_lead *l, uint32_t below)
{
    port_timer_cancel(&l->timer);
    l->round++;
    l->run++;
    l->below = below;
    l->ended_count = 0;
    for (uint32_t r = 0; r < l->c->ranks; r++)
        l->ended[r] = false;
    if (!all_alive(l)) {
        l->phase = WAITING;
        return;
    }
    l->phase = RESTART;
    ask_all(l, CKPT_RESET);
}

static void checkpoint_failed(struct ckpt_lead *l)
{
    port_remark(l->c->port, "checkpoint %u is not committed: %s", l->generation,
                ckpt_status_name(l->worst));
    run_on(l);
}

static void restart_failed(struct ckpt_lead *l)
{
    if (l->asked != CKPT_LOAD || (l->worst == CKPT_IO && ++l->tries < TRIES)) {
        l->phase = WAITING;
        later(l, l->c->params->retry);
    } else if (l->worst == CKPT_DAMAGED && l->below == UINT32_MAX) {
        port_remark(l->c->port, "checkpoint %u is damaged: the one before is used", l->generation);
        restart(l, l->generation);
    } else {
        over(l);
        port_fail(l->c->port, "the job cannot go on from checkpoint %u: %s", l->generation,
                  ckpt_status_name(l->worst));
    }
}

static void all_answered(struct ckpt_lead *l)
{
    bool good = l->worst == CKPT_OK;
    switch (l->asked) {
    case CKPT_STOP:
        ask_all(l, CKPT_SAVE);
        break;
    case CKPT_SAVE: /* programs are to go on in any case */
        l->save_good = good;
        ask_all(l, CKPT_WRITE);
        break;
    case CKPT_WRITE:
        if (good && l->save_good)
            job(l, COMMIT);
        else
            checkpoint_failed(l);
        break;
    case CKPT_RESET:
        ask_all(l, CKPT_FLUSH);
        break;
    case CKPT_FLUSH:
        job(l, FIND);
        break;
    case CKPT_LOAD:
        ask_all(l, CKPT_ENTER);
        break;
    default:
        l->committed = l->generation;
        l->tries = 0;
        run_on(l);
    }
}

static void take_sent(struct ckpt_lead *l, const struct rope *reply)
{
    for (uint64_t at = 1; at + 12 <= reply->length; at += 12) {
        uint8_t wire[12];
        rope_read(reply, at, sizeof wire, wire);
        if (wire_get32(wire) < l->c->ranks)
            l->coming[wire_get32(wire)] += wire_get64(wire + 4);
    }
}

static void answered(void *arg, enum xk_status status, struct rope *reply)
{
    struct question *q = arg;
    struct ckpt_lead *l = q->lead;
    bool stale = q->round != l->round;
    uint8_t said = CKPT_LOST;
    port_free(l->c->port, q);
    if (stale)
        return;
    if (status == XK_OK && reply->length > 0)
        rope_read(reply, 0, 1, &said);
    if (l->asked == CKPT_STOP && status == XK_OK)
        take_sent(l, reply);
    if (said != CKPT_OK && (l->worst == CKPT_OK || said != CKPT_DAMAGED))
        l->worst = said;
    l->unreached |= status != XK_OK;
    if (--l->left > 0)
        return;
    if (l->unreached)
        restart(l, UINT32_MAX); /* waits until all are there */
    else if (l->phase == RESTART && l->worst != CKPT_OK)
        restart_failed(l);
    else
        all_answered(l);
}

static void ask_all(struct ckpt_lead *l, enum ckpt_procedure what)
{
    struct ckpt *c = l->c;
    l->asked = what;
    l->round++;
    l->left = c->ranks;
    l->worst = CKPT_OK;
    l->unreached = false;
    for (uint32_t r = 0; r < c->ranks; r++) {
        uint8_t wire[CKPT_ARGS];
        struct rope args;
        struct question *q = port_alloc(c->port, sizeof *q);
        *q = (struct question){ l, l->round, r };
        wire_put32(wire, l->run);
        wire_put32(wire + 4, l->generation);
        wire_put32(wire + 8, l->committed);
        wire_put64(wire + 12, l->coming[r]);
        rope_init(&args);
        rope_add_bytes(&args, wire, sizeof wire);
        if (select_call(c->rpc, c->node->layout->compute[r], CKPT_SERVICE, what, &args, answered,
                        q) != XK_OK) {
            struct rope none;
            rope_init(&none);
            rope_fini(&args);
            answered(q, XK_UNREACHABLE, &none);
        }
    }
}

static void due(struct port_timer *t)
{
    struct ckpt_lead *l = t->arg;
    if (l->phase == WAITING)
        restart(l, UINT32_MAX);
    if (l->phase != RUNNING)
        return;
    l->phase = CHECKPOINT;
    l->generation = l->committed + 1;
    for (uint32_t r = 0; r < l->c->ranks; r++)
        l->coming[r] = 0;
    ask_all(l, CKPT_STOP);
}

/* By the failure detector, which tells all at once: nobody hears of a death in the next run. */
static void node_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct ckpt_lead *l = arg;
    const struct os_layout *layout = l->c->node->layout;
    (void)life;
    for (uint32_t r = 1; l->phase != OVER && r < l->c->ranks; r++)
        if (layout->compute[r] == node) {
            l->down[r] = !alive;
            restart(l, UINT32_MAX);
        }
}

void ckpt_lead_ended(struct ckpt_lead *l, uint32_t run, uint32_t rank)
{
    if (run != l->run || rank >= l->c->ranks)
        return;
    l->ended_count += !l->ended[rank];
    l->ended[rank] = true;
    if (l->ended_count == l->c->ranks)
        over(l);
}

/* What takes the sink.  No service's thread: while it is there the job is not over. */
static void work(void *arg)
{
    struct ckpt_lead *l = arg;
    struct ckpt *c = l->c;
    while (l->job != QUIT) {
        int what = l->job;
        uint32_t round = l->round, found = 0;
        enum ckpt_status s = CKPT_OK;
        l->job = NOTHING;
        if (what == COMMIT)
            s = ckpt_commit_write(c, l->generation);
        if (what == FIND)
            s = ckpt_commit_read(c, l->below, &found);
        if (what != NOTHING && round == l->round) { /* else a restart has begun meanwhile */
            l->worst = s;
            if (what == COMMIT && s == CKPT_OK) {
                l->committed = l->generation;
                run_on(l);
            } else if (what == COMMIT) {
                checkpoint_failed(l);
            } else if (s == CKPT_OK && (found > 0 || l->below == UINT32_MAX)) {
                l->generation = l->committed = found;
                ask_all(l, CKPT_LOAD);
            } else {
                l->asked = CKPT_LOAD;
                l->worst = s == CKPT_OK ? CKPT_DAMAGED : s;
                l->below = 0;
                restart_failed(l);
            }
        }
        if (l->job == NOTHING)
            port_thread_block(c->port, "a checkpoint to lead", 0);
    }
}

static void begin(struct port_timer *t)
{
    struct ckpt_lead *l = t->arg;
    port_timer_init(l->c->port, &l->timer, due, l);
    if (port_incarnation(l->c->port) > 1)
        later(l, l->c->params->retry); /* all have heard of all by then */
    else
        run_on(l);
}

struct ckpt_lead *ckpt_lead_start(struct ckpt *c)
{
    struct ckpt_lead *l = port_alloc(c->port, sizeof *l);
    l->c = c;
    l->phase = WAITING;
    l->run = (port_incarnation(c->port) - 1) << 16;
    l->coming = port_alloc(c->port, c->ranks * sizeof *l->coming);
    l->ended = port_alloc(c->port, c->ranks * sizeof *l->ended);
    l->down = port_alloc(c->port, c->ranks * sizeof *l->down);
    l->thread = port_thread_spawn(c->port, "leader of checkpoints", work, l, 0);
    if (!l->thread)
        port_fail(c->port, "no room for the thread of the leader of checkpoints");
    port_on_node_change(c->port, node_changed, l);
    port_timer_init(c->port, &l->timer, begin, l);
    port_timer_set(&l->timer, 0);
    return l;
}
