/* fake_driver.c: the fake port's driver: the pending list, the choice of what is next, crashes.
 *
 * See port_fake.h for FAKE1 to FAKE5.
 */
#include "tests/fake/fake_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

uint32_t fake_choose(struct fake *f, uint32_t n)
{
    if (n <= 1)
        return 0;
    if (f->o.order != FAKE_EXPLORE)
        return (uint32_t)(draw_next(&f->random) % n);
    if (f->depth == f->script_len) {
        if (f->script_len == f->script_capacity) {
            f->script_capacity = f->script_capacity ? 2 * f->script_capacity : 64;
            f->script = base_realloc(f->script, f->script_capacity * sizeof *f->script);
            f->arity = base_realloc(f->arity, f->script_capacity * sizeof *f->arity);
        }
        f->script[f->script_len++] = 0;
    }
    f->arity[f->depth] = n;
    ASSERT_MSG(f->script[f->depth] < n, "a replayed run took another course");
    return f->script[f->depth++];
}

sim_time fake_time(const struct fake *f)
{
    return f->running ? sim_time_add(f->start, f->worked) : f->now;
}

struct item *fake_item(struct fake *f, enum item_kind kind, uint32_t node, struct port *task,
                       sim_time at)
{
    struct item *it = base_zalloc(1, sizeof *it);
    it->kind = kind;
    it->node = node;
    it->task = task;
    it->at = at;
    it->seq = f->next_seq++;
    uint32_t maker = f->running ? f->running->node->id : node;
    it->key = (uint64_t)maker << 40 | f->nodes[maker].made++;
    it->soon = at <= fake_time(f);
    if (kind == ITEM_FRAME)
        rope_init(&it->u.frame.data);
    list_push(&f->pending, &it->link);
    f->pending_count++;
    return it;
}

void fake_item_drop(struct fake *f, struct item *it)
{
    list_remove(&it->link);
    f->pending_count--;
    if (it->kind == ITEM_FRAME)
        rope_fini(&it->u.frame.data);
    free(it);
}

/* ---- life of nodes ---- */

struct fake *fake_create(const struct fake_options *o)
{
    struct fake *f = base_zalloc(1, sizeof *f);
    f->o = *o;
    list_init(&f->media);
    f->o.nodes = o->nodes ? o->nodes : 2;
    f->o.interfaces = o->interfaces ? o->interfaces : 1;
    f->o.mtu = o->mtu ? o->mtu : 4096;
    f->o.latency = o->latency ? o->latency : 10 * SIM_US;
    f->o.delay_max = o->delay_max ? o->delay_max : 100 * f->o.latency;
    f->o.disk_sectors = o->disk_sectors ? o->disk_sectors : 8192;
    f->o.sector_bytes = o->sector_bytes ? o->sector_bytes : 512;
    f->o.disk_time = o->disk_time ? o->disk_time : SIM_MS;
    f->o.tape_largest = o->tape_largest ? o->tape_largest : 65536;
    f->o.tape_blocks = o->tape_blocks ? o->tape_blocks : 1000;
    f->o.changer_cells = o->changer_cells ? o->changer_cells : 8;
    f->o.changer_time = o->changer_time ? o->changer_time : 10 * SIM_SEC;
    f->o.tape_step = o->tape_step ? o->tape_step : SIM_MS;
    ASSERT(f->o.interfaces <= FAKE_IFS_MAX);
    f->random = o->seed * 2 + 1;
    f->window.from = f->window.to = SIM_NEVER;
    f->drops_left = o->explore_drops;
    f->copies_left = o->explore_copies;
    list_init(&f->pending);
    f->nodes = base_zalloc(f->o.nodes, sizeof *f->nodes);
    for (uint32_t i = 0; i < f->o.nodes; i++) {
        struct fake_node *n = &f->nodes[i];
        n->id = i;
        list_init(&n->tasks);
        list_init(&n->gone);
        for (uint32_t k = 0; k < FAKE_IFS_MAX; k++)
            list_init(&n->refused[k]);
        n->disks = f->o.disks ? base_zalloc(f->o.disks, sizeof *n->disks) : NULL;
        for (uint32_t d = 0; d < f->o.disks; d++)
            n->disks[d].sectors = base_zalloc(f->o.disk_sectors, sizeof(struct fake_sector *));
        n->tapes = f->o.tapes ? base_zalloc(f->o.tapes, sizeof *n->tapes) : NULL;
        for (uint32_t d = 0; d < f->o.tapes; d++)
            fake_tape_make(f, &n->tapes[d]);
        n->changers = f->o.changers ? base_zalloc(f->o.changers, sizeof *n->changers) : NULL;
        for (uint32_t d = 0; d < f->o.changers; d++)
            fake_changer_make(f, &n->changers[d]);
        for (uint32_t d = 0; f->o.changers > 0 && d < f->o.tapes; d++)
            n->tapes[d].label[0] = '\0';
    }
    return f;
}

void fake_destroy(struct fake *f)
{
    f->o.order = FAKE_RANDOM; /* what is dropped now is no choice of an explorer */
    for (uint32_t i = 0; i < f->o.nodes; i++) {
        struct fake_node *n = &f->nodes[i];
        while (!list_empty(&n->tasks))
            fake_task_drop(f, LIST_ENTRY(n->tasks.prev, struct port, link));
        for (uint32_t d = 0; d < f->o.disks; d++)
            fake_disk_free(f, &n->disks[d]);
        for (uint32_t d = 0; d < f->o.tapes; d++)
            fake_tape_free(f, &n->tapes[d]);
        for (uint32_t d = 0; d < f->o.changers; d++)
            fake_changer_free(f, &n->changers[d]);
        counted_free(&n->gone);
        free(n->changers);
        free(n->tapes);
        free(n->disks);
    }
    while (!list_empty(&f->pending))
        fake_item_drop(f, LIST_ENTRY(f->pending.next, struct item, link));
    fake_media_free(f);
    free(f->nodes);
    free(f->script);
    free(f->arity);
    free(f->asleep);
    free(f);
}

static void node_start(struct fake *f, struct fake_node *n)
{
    n->incarnation++;
    n->up = true;
    n->booted = false;
    struct port *p = fake_task_new(f, n, "kernel");
    struct item *it = fake_item(f, ITEM_MAIN, n->id, p, f->now);
    it->u.main.fn = n->boot;
    it->u.main.arg = n->boot_arg;
}

void fake_boot(struct fake *f, uint32_t node, void (*fn)(struct port *p, void *arg), void *arg)
{
    struct fake_node *n = &f->nodes[node];
    ASSERT(!n->up);
    n->boot = fn;
    n->boot_arg = arg;
    node_start(f, n);
}

static void notify(struct fake *f, uint32_t whom, uint32_t changed, bool up)
{
    if (!f->o.detect_delay || whom == changed || !f->nodes[whom].up)
        return;
    LIST_EACH (t, &f->nodes[whom].tasks) {
        struct port *task = LIST_ENTRY(t, struct port, link);
        LIST_EACH (h, &task->changes) {
            struct change_handler *ch = LIST_ENTRY(h, struct change_handler, link);
            struct item *it =
                fake_item(f, ITEM_CHANGE, whom, task, sim_time_add(f->now, f->o.detect_delay));
            it->u.change.fn = ch->fn;
            it->u.change.arg = ch->arg;
            it->u.change.node = changed;
            it->u.change.life = f->nodes[changed].incarnation;
            it->u.change.up = up;
        }
    }
}

static void notify_others(struct fake *f, uint32_t changed, bool up)
{
    for (uint32_t i = 0; i < f->o.nodes; i++)
        notify(f, i, changed, up);
}

void fake_crash(struct fake *f, uint32_t node)
{
    struct fake_node *n = &f->nodes[node];
    ASSERT(!f->running);
    if (!n->up)
        return;
    n->up = false;
    while (!list_empty(&n->tasks))
        fake_task_drop(f, LIST_ENTRY(n->tasks.prev, struct port, link));
    n->task_count = 0;
    for (uint32_t i = 0; i < FAKE_IFS_MAX; i++) {
        n->in_flight[i] = 0;
    }
    n->busy_until = 0;
    for (uint32_t d = 0; d < f->o.disks; d++)
        fake_disk_power_off(f, &n->disks[d]);
    for (uint32_t d = 0; d < f->o.tapes; d++)
        fake_tape_power_off(f, &n->tapes[d]);
    notify_others(f, node, false);
}

void fake_restart(struct fake *f, uint32_t node)
{
    ASSERT(!f->running);
    if (f->nodes[node].up)
        return;
    node_start(f, &f->nodes[node]);
    notify_others(f, node, true);
}

/* ---- running one thing ---- */

static void enter(struct fake *f, struct port *task)
{
    ASSERT(!f->running);
    f->running = task;
    f->start = sim_time_max(f->now, task->node->busy_until);
    f->worked = 0;
}

static void leave(struct fake *f)
{
    struct port *task = f->running;
    task->node->busy_until = sim_time_add(f->start, f->worked);
    f->running = NULL;
    if (task->dead)
        fake_task_drop(f, task);
    if (f->crash_wanted) {
        f->crash_wanted = false;
        fake_crash(f, 0);
    }
}

void fake_call(struct fake *f, uint32_t node, void (*fn)(struct port *p, void *arg), void *arg)
{
    struct port *p = fake_port(f, node);
    ASSERT(p);
    enter(f, p);
    fn(p, arg);
    leave(f);
}

/* The sender's transmit queue has room again. */
void fake_frame_departed(struct fake *f, struct item *it)
{
    struct fake_node *n = &f->nodes[it->u.frame.src];
    uint32_t ifc = it->u.frame.ifc;
    if (!it->u.frame.queued || n->incarnation != it->u.frame.src_incarnation || !n->up)
        return;
    it->u.frame.queued = false;
    ASSERT(n->in_flight[ifc] > 0);
    n->in_flight[ifc]--;
    struct list *l;
    while ((l = list_pop(&n->refused[ifc]))) {
        struct port_end *e = LIST_ENTRY(l, struct port_end, refused);
        fake_item(f, ITEM_READY, n->id, e->task, f->now)->u.end = e;
    }
}

static void run_frame(struct fake *f, struct item *it)
{
    struct fake_node *n = &f->nodes[it->node];
    const struct match_set *ends = &n->ends[it->u.frame.ifc];
    struct match_entry *found =
        n->up ? match_find(ends, &it->u.frame.data, &f->counts.filter_looks) : NULL;
    if (!found) {
        f->counts.stale++;
        return;
    }
    struct port_end *e = CONTAINER_OF(found, struct port_end, match);
    enter(f, e->task);
    if (ends->conditioned > 0)
        port_work(e->task, PORT_WORK_FILTER, ends->conditioned);
    e->ops->receive(e->arg, it->u.frame.src, it->u.frame.flags, &it->u.frame.data);
    leave(f);
}

static void run_io(struct fake *f, struct item *it)
{
    struct port_io *io = it->u.io.io;
    fake_disk_apply(f, &f->nodes[it->node], it);
    enter(f, it->task);
    io->done(io);
    leave(f);
}

static void run_item(struct fake *f, struct item *it)
{
    struct fake_node *n = &f->nodes[it->node];
    switch (it->kind) {
    case ITEM_FRAME:
        run_frame(f, it);
        break;
    case ITEM_TIMER: {
        struct port_timer *t = it->u.timer;
        t->opaque[0] = 0;
        enter(f, it->task);
        t->fn(t);
        leave(f);
        break;
    }
    case ITEM_IO:
        run_io(f, it);
        break;
    case ITEM_CHANGER:
        enter(f, it->task);
        it->u.change_io->done(it->u.change_io);
        leave(f);
        break;
    case ITEM_WAKE:
    case ITEM_TIMEOUT: {
        struct port_thread *t = it->u.thread;
        t->timed_out = it->kind == ITEM_TIMEOUT;
        t->timeout = NULL;
        enter(f, it->task);
        fake_thread_run(f, t);
        leave(f);
        break;
    }
    case ITEM_MAIN: {
        n->booted = true;
        enter(f, it->task);
        bool boots = it->u.main.fn == n->boot;
        it->u.main.fn(it->task, it->u.main.arg);
        leave(f);
        for (uint32_t i = 0; boots && i < f->o.nodes; i++) /* who comes back is told who is down */
            if (f->nodes[i].incarnation > 0 && !f->nodes[i].up)
                notify(f, it->node, i, false);
        break;
    }
    case ITEM_READY:
        if (it->u.end && it->u.end->ops->ready) {
            enter(f, it->task);
            it->u.end->ops->ready(it->u.end->arg);
            leave(f);
        }
        break;
    case ITEM_CHANGE:
        enter(f, it->task);
        it->u.change.fn(it->u.change.arg, it->u.change.node, it->u.change.life, it->u.change.up);
        leave(f);
        break;
    }
}

/* ---- what is next ---- */

static bool is_timer(const struct item *it)
{
    return it->kind == ITEM_TIMER || it->kind == ITEM_TIMEOUT ||
           (it->kind == ITEM_WAKE && it->u.thread->asleep);
}

static bool before(const struct item *a, const struct item *b)
{
    return a->at != b->at ? a->at < b->at : a->seq < b->seq;
}

static struct item *earliest(struct fake *f)
{
    struct item *best = NULL;
    LIST_EACH (l, &f->pending) {
        struct item *it = LIST_ENTRY(l, struct item, link);
        if (!best || before(it, best))
            best = it;
    }
    return best;
}

/* FAKE2: nothing of its kind must come before it. */
static bool may_be_next(struct fake *f, const struct item *it)
{
    if (it->kind == ITEM_FRAME && f->nodes[it->node].up && !f->nodes[it->node].booted)
        return false;
    if (it->kind == ITEM_FRAME && f->o.unordered)
        return true;
    if (it->kind != ITEM_FRAME && it->kind != ITEM_CHANGE && !is_timer(it))
        return true;
    LIST_EACH (l, &f->pending) {
        const struct item *o = LIST_ENTRY(l, struct item, link);
        if (o == it || o->node != it->node)
            continue;
        if (it->kind == ITEM_FRAME) {
            if (o->kind == ITEM_FRAME && o->u.frame.src == it->u.frame.src && o->seq < it->seq)
                return false;
        } else if (it->kind == ITEM_CHANGE) {
            if (o->kind == ITEM_CHANGE && o->seq < it->seq)
                return false;
        } else if (is_timer(o) && before(o, it)) {
            return false;
        }
    }
    return true;
}

static bool is_asleep(const struct fake *f, const struct item *it)
{
    for (uint32_t i = 0; i < f->asleep_count; i++)
        if (f->asleep[i].key == it->key)
            return true;
    return false;
}

static void put_to_sleep(struct fake *f, const struct item *it)
{
    if (f->asleep_count == f->asleep_capacity) {
        f->asleep_capacity = f->asleep_capacity ? 2 * f->asleep_capacity : 16;
        f->asleep = base_realloc(f->asleep, f->asleep_capacity * sizeof *f->asleep);
    }
    f->asleep[f->asleep_count++] = (struct asleep){ it->key, it->node };
}

/* FAKE6.  Steps that stand before the chosen one were done first in earlier orders: they stay
 * asleep until a step of their node makes a difference.  Late timers are done when all else is, and
 * differ with everything. */
static struct item *pick_reduced(struct fake *f)
{
    uint32_t awake = 0, all = 0;
    bool late = true;
    LIST_EACH (l, &f->pending) {
        const struct item *it = LIST_ENTRY(l, struct item, link);
        late &= is_timer(it) && !it->soon;
    }
    LIST_EACH (l, &f->pending) {
        const struct item *it = LIST_ENTRY(l, struct item, link);
        if ((late || !is_timer(it) || it->soon) && may_be_next(f, it)) {
            all++;
            awake += !is_asleep(f, it);
        }
    }
    f->cut = all > 0 && awake == 0;
    if (awake == 0)
        return NULL;
    uint32_t c = fake_choose(f, awake);
    struct item *chosen = NULL;
    LIST_EACH (l, &f->pending) {
        struct item *it = LIST_ENTRY(l, struct item, link);
        if (!(late || !is_timer(it) || it->soon) || !may_be_next(f, it) || is_asleep(f, it))
            continue;
        if (c-- == 0) {
            chosen = it;
            break;
        }
        put_to_sleep(f, it);
    }
    uint32_t kept = 0;
    for (uint32_t i = 0; i < f->asleep_count && !late; i++)
        if (f->asleep[i].node != chosen->node)
            f->asleep[kept++] = f->asleep[i];
    f->asleep_count = kept;
    return chosen;
}

static struct item *pick(struct fake *f)
{
    if (f->o.order == FAKE_IN_ORDER)
        return earliest(f);
    if (f->o.order == FAKE_EXPLORE && f->o.explore_reduced)
        return pick_reduced(f);
    uint32_t now = 0, late = 0;
    LIST_EACH (l, &f->pending) {
        struct item *it = LIST_ENTRY(l, struct item, link);
        if (!may_be_next(f, it))
            continue;
        if (is_timer(it))
            late++;
        else
            now++;
    }
    bool timers = now == 0 || (f->o.order == FAKE_EXPLORE && f->o.explore_timers);
    bool others = true;
    if (!timers && late > 0 && f->o.order == FAKE_RANDOM && f->o.timer_odds &&
        fake_choose(f, f->o.timer_odds) == 0) {
        timers = true;
        others = false;
    }
    uint32_t n = (others ? now : 0) + (timers ? late : 0);
    if (n == 0)
        return NULL;
    uint32_t c = fake_choose(f, n);
    LIST_EACH (l, &f->pending) {
        struct item *it = LIST_ENTRY(l, struct item, link);
        if ((is_timer(it) ? timers : others) && may_be_next(f, it) && c-- == 0)
            return it;
    }
    return NULL;
}

/* Exploring: a frame may be lost or come twice while the budget lasts.  False: it is lost. */
static bool explore_fault(struct fake *f, struct item *it)
{
    if (f->o.order != FAKE_EXPLORE || it->kind != ITEM_FRAME)
        return true;
    uint32_t c = fake_choose(f, 1u + (f->drops_left > 0) + (f->copies_left > 0));
    if (c == 0)
        return true;
    if (c == 1 && f->drops_left > 0) {
        f->drops_left--;
        f->counts.dropped++;
        return false;
    }
    f->copies_left--;
    f->counts.duplicated++;
    struct item *copy = fake_item(f, ITEM_FRAME, it->node, NULL, it->at);
    copy->u.frame.src = it->u.frame.src;
    copy->u.frame.ifc = it->u.frame.ifc;
    copy->u.frame.flags = it->u.frame.flags;
    rope_fini(&copy->u.frame.data);
    rope_copy(&copy->u.frame.data, &it->u.frame.data);
    return true;
}

bool fake_step(struct fake *f)
{
    struct item *it = pick(f);
    if (!it)
        return false;
    f->now = sim_time_max(f->now, it->at);
    f->steps++;
    bool arrives = explore_fault(f, it);
    list_remove(&it->link);
    if (it->kind == ITEM_FRAME)
        fake_frame_departed(f, it);
    if (arrives)
        run_item(f, it);
    fake_item_drop(f, it);
    return true;
}

uint64_t fake_run(struct fake *f, uint64_t max_steps)
{
    uint64_t n = 0;
    uint64_t max = max_steps ? max_steps : 1000000;
    while (n < max && fake_step(f))
        n++;
    return n;
}

void fake_run_until(struct fake *f, sim_time until)
{
    for (;;) {
        struct item *it = earliest(f);
        if (!it || it->at > until)
            break;
        enum fake_order order = f->o.order;
        f->o.order = FAKE_IN_ORDER;
        fake_step(f);
        f->o.order = order;
    }
    f->now = sim_time_max(f->now, until);
}

/* ---- exploring: depth first over the choices, by replay ---- */

static bool next_script(uint32_t *script, const uint32_t *arity, uint32_t *len)
{
    while (*len > 0) {
        uint32_t last = *len - 1;
        if (script[last] + 1 < arity[last]) {
            script[last]++;
            return true;
        }
        *len = last;
    }
    return false;
}

static void describe_order(struct fake_explore *x, const struct fake *f)
{
    size_t used = 0;
    x->order[0] = '\0';
    for (uint32_t i = 0; i < f->depth && used + 8 < sizeof x->order; i++)
        used += (size_t)snprintf(x->order + used, sizeof x->order - used, "%s%u", i ? " " : "",
                                 f->script[i]);
}

void fake_explore(struct fake_explore *x)
{
    uint32_t *script = NULL, *arity = NULL;
    uint32_t len = 0, capacity = 0;
    uint64_t orders_max = x->orders_max ? x->orders_max : 1000000;
    x->options.order = FAKE_EXPLORE;
    x->orders = x->cut = 0;
    x->complete = x->failed = false;
    while (x->orders + x->cut < orders_max) {
        struct fake *f = fake_create(&x->options);
        f->script = script;
        f->arity = arity;
        f->script_len = len;
        f->script_capacity = capacity;
        x->setup(f, x->arg);
        uint64_t steps = x->steps_max ? x->steps_max : 10000;
        while (steps-- > 0 && !x->failed && fake_step(f))
            x->failed = x->each && !x->each(f, x->arg);
        describe_order(x, f);
        x->orders += !f->cut;
        x->cut += f->cut;
        x->failed = x->failed || (!f->cut && !x->check(f, x->arg));
        script = f->script;
        arity = f->arity;
        len = f->depth;
        capacity = f->script_capacity;
        f->script = f->arity = NULL;
        fake_destroy(f);
        if (x->failed)
            break;
        x->complete = !next_script(script, arity, &len);
        if (x->complete)
            break;
    }
    free(script);
    free(arity);
}
