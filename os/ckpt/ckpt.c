/* ckpt.c: the service on each node that has a rank or may have one: what the leader asks of it, its
 * thread, its parts.
 *
 * Requests come one at a time: each is answered before the leader asks the next.  RESET may come at
 * any moment, for the leader may have crashed: what is under way is given up, and the request
 * before answered first.
 */
#include "os/ckpt/files_internal.h"

#include <string.h>

#include "os/pio/pio.h"

const char *ckpt_status_name(enum ckpt_status s)
{
    static const char *const names[CKPT_STATUS_COUNT] = {
        [CKPT_OK] = "ok",
        [CKPT_NONE] = "no such checkpoint",
        [CKPT_DAMAGED] = "damaged",
        [CKPT_LOST] = "lost with those who kept it",
        [CKPT_IO] = "the sink gives an error",
        [CKPT_FULL] = "the sink is full",
        [CKPT_STATE] = "the program is in a state that cannot be saved",
        [CKPT_CUT] = "a node has died",
        [CKPT_GONE] = "a file that it has was removed or renamed",
    };
    return (size_t)s < CKPT_STATUS_COUNT ? names[s] : "?";
}

enum { M_STOP, M_TIME };
static const struct measure measures[] = {
    [M_STOP] = { "ckpt.stop", "s", "Time that a program was stopped by a checkpoint at once.",
                 MEASURE_TOTAL },
    { .name = NULL },
};

void ckpt_answer(struct ckpt *c, enum ckpt_status s, struct rope *more)
{
    struct rope reply;
    struct select_request *request = c->request;
    if (!request)
        return;
    c->request = NULL;
    rope_init(&reply);
    rope_add_bytes(&reply, &(uint8_t){ (uint8_t)s }, 1);
    if (more)
        rope_join(&reply, more);
    select_reply(request, &reply);
    rope_fini(&reply);
}

void ckpt_wake(struct ckpt *c)
{
    port_thread_wake(c->port, c->thread);
    if (c->copier)
        port_thread_wake(c->port, c->copier);
    if (c->stalled)
        port_thread_wake(c->port, c->stalled);
}

void ckpt_stopped_for(struct ckpt *c, sim_time since)
{
    port_measure(c->port, &measures[M_STOP], sim_time_seconds(port_now(c->port) - since));
}

/* ---- memory ---- */

static void drop_loaded(struct ckpt *c)
{
    for (uint64_t k = 0; c->loaded && k < c->last.count; k++)
        rope_fini(&c->loaded[k]);
    port_free(c->port, c->loaded);
    c->loaded = NULL;
}

void ckpt_memory(struct ckpt *c, struct vm_space *s)
{
    struct vm_region *r = NULL;
    uint32_t region = UINT32_MAX;
    c->space = s;
    c->page_bytes = vm_page_bytes(vm_space_vm(s));
    ckpt_ranges_clear(c);
    for (r = vm_region_next(s, NULL); r; r = vm_region_next(s, r))
        if (!vm_region_pager(r)->saving) {
            port_fail(
                c->port,
                "memory of the pager %s cannot be saved: allowed are private memory, and shared "
                "memory",
                vm_region_pager(r)->name);
            c->space = NULL; /* nothing of it is saved */
            return;
        }
    for (uint64_t k = 0; c->loaded && k < c->last.count; k++) {
        const struct ckpt_entry *e = &c->last.pages[k];
        for (; region != e->region; region++)
            r = vm_region_next(s, r);
        ASSERT_MSG(r && e->page < vm_region_pages(r), "a program maps other regions than it had");
        vm_restore(r, e->page, &c->loaded[k]);
        if (c->params->incremental)
            vm_unchanged(r, e->page);
    }
    drop_loaded(c);
    ckpt_shared_open(c);
    vm_watch(s, ckpt_first_write, c);
    vm_on_error(s, ckpt_page_lost, c);
    port_pay(c->port);
}

/* ---- a checkpoint ---- */

/* The leader says what is committed: what was written last, or it is as if it had not been. */
static void settle(struct ckpt *c, uint32_t committed)
{
    struct ckpt_save *s = &c->save;
    if (!s->active)
        return;
    if (s->image.generation == committed) {
        ckpt_image_fini(c, &c->last);
        c->last = s->image;
        rope_init(&c->last.parts);
        rope_fini(&s->image.parts);
        ckpt_image_init(&s->image);
        c->whole = c->torn = false;
        c->had[c->turn] = true;
        c->counts.committed++;
    } else {
        c->whole = true; /* what it had captured counts as unchanged */
        c->counts.failed++;
    }
    ckpt_end_save(c);
}

static void look(struct ckpt *c);

static void quiet(struct ckpt *c)
{
    if (c->stopped && (c->held & HELD_CUT))
        cut_stopped(c->cut, c->cut_number);
}

static void stopped(void *arg)
{
    struct ckpt *c = arg;
    c->stopped = true;
    c->stopped_at = port_now(c->port);
    if ((c->held & HELD_CUT) && !ckpt_files_stop(c, quiet))
        quiet(c);
    look(c);
}

static void hold(struct ckpt *c, enum ckpt_hold why)
{
    bool stopping = c->stopping;
    c->held |= why;
    c->stopping = true;
    if (!stopping)
        os_stop(c->node, stopped, c);
}

static void let_go(struct ckpt *c, unsigned why)
{
    c->held &= ~why;
    if (why & HELD_CUT)
        ckpt_rounds_go(c->files);
    if (c->held || !c->stopping)
        return;
    if (c->stopped && !c->node->run->ended)
        ckpt_stopped_for(c, c->stopped_at);
    c->stopping = c->stopped = false;
    os_go(c->node);
}

/* Its files are done with. */
static void capture(struct ckpt *c)
{
    if (!c->capturing) {
        ckpt_files_release(c->files);
        return;
    }
    c->capturing = false;
    (void)ckpt_capture(c); /* else c->save.status says so */
    ckpt_files_captured(c);
    cut_saved(c->cut, c->cut_number);
    c->job = CKPT_SAVE;
    ckpt_wake(c);
}

/* Both have asked, the cut and the leader: the rank is saved as soon as it can be. */
static void look(struct ckpt *c)
{
    if (!c->wanted || !c->asked)
        return;
    hold(c, HELD_SAVE);
    if (!c->stopped || !c->wanted || !ckpt_shared_quiet(c))
        return;
    c->wanted = c->asked = false;
    if (c->planned)
        hold(c, HELD_PLAN);
    c->capturing = true;
    if (!ckpt_files_cut(c, capture))
        capture(c);
}

/* In the thread: it has been captured. */
static enum ckpt_status save(struct ckpt *c)
{
    struct ckpt_save *s = &c->save;
    if (s->status == CKPT_OK)
        c->policy->captured(c);
    if (!s->aborted)
        let_go(c, HELD_SAVE);
    if (c->copier)
        port_thread_wake(c->port, c->copier);
    ckpt_write(c);
    while (!s->aborted && (!s->closed || ckpt_files_wait(c)))
        port_thread_block(c->port, "the end of a cut", c->cut_number);
    if (s->status == CKPT_OK)
        s->status = c->files->status;
    ckpt_finish(c);
    return s->aborted ? CKPT_CUT : s->status;
}

/* What is under way is void. */
static void abort_save(struct ckpt *c)
{
    c->save.aborted = true;
    c->asked = c->wanted = c->capturing = c->cut_lost = false;
    ckpt_shared_give_up(c);
    ckpt_files_give_up(c);
}

/* ---- what the cut asks ---- */

static void cut_asks_stop(void *arg, uint32_t epoch)
{
    struct ckpt *c = arg;
    c->cut_number = epoch;
    hold(c, HELD_CUT);
    ckpt_rounds_stop(c->files);
}

static void cut_asks_snapshot(void *arg, uint32_t epoch)
{
    struct ckpt *c = arg;
    c->cut_number = epoch;
    c->wanted = true;
    look(c);
}

static void cut_in_flight(void *arg, uint32_t epoch, const struct cut_message *m)
{
    (void)epoch;
    ckpt_log_add(arg, m);
}

static void cut_resumes(void *arg, uint32_t epoch)
{
    (void)epoch;
    let_go(arg, HELD_CUT);
}

static void cut_ended(void *arg, uint32_t epoch, enum cut_status status)
{
    struct ckpt *c = arg;
    (void)epoch;
    if (status == CUT_OK) {
        c->save.closed = true;
    } else { /* the leader gives up what is held, or begins another run */
        abort_save(c);
        c->cut_lost = true;
        ckpt_answer(c, CKPT_CUT, NULL);
    }
    ckpt_wake(c);
}

static const struct cut_user cut_user = { .stop = cut_asks_stop,
                                          .snapshot = cut_asks_snapshot,
                                          .in_flight = cut_in_flight,
                                          .resume = cut_resumes,
                                          .complete = cut_ended };

/* ---- a restart ---- */

void ckpt_kill(struct ckpt *c)
{
    ckpt_shared_drop(c);
    if (c->space)
        vm_space_end(c->space);
    c->fetching = false;
    os_kill(c->node);
    ckpt_files_gone(c->files);
    c->space = NULL;
    c->stalled = NULL;
    nx_reset(c->nx, c->run);
}

static void killed(struct ckpt *c)
{
    ckpt_kill(c);
    c->job = CKPT_RESET;
    ckpt_wake(c);
}

static void reset(struct ckpt *c)
{
    abort_save(c);
    c->held = 0;
    c->stopping = c->stopped = false;
    c->cuts_heard = cut_leave(c->cut);
    if (!ckpt_files_end(c, killed))
        killed(c);
}

/* Before others' memory of it is let go: which files were opened, though nothing was committed.
 * With two that kept it the list is lost, and files stay as they are; damaged, it is told. */
static enum ckpt_status lists(struct ckpt *c, bool *undo)
{
    ckpt_files_clear(c);
    enum ckpt_status s = ckpt_files_found(c, 0, undo);
    return s == CKPT_LOST ? CKPT_OK : s;
}

static enum ckpt_status load(struct ckpt *c, bool *undo)
{
    bool *had = &c->had[c->turn]; /* then it is not that there never was one */
    *had |= c->generation > 0;
    enum ckpt_status s = c->generation == 0 && *had ? CKPT_LOST : CKPT_OK;
    *undo = false;
    drop_loaded(c);
    ckpt_image_fini(c, &c->last);
    c->whole = true;
    c->torn = false;
    c->resume = 0;
    c->ended = false;
    ckpt_files_clear(c);
    if (s == CKPT_OK && c->sink->recover)
        s = c->sink->recover(c->sink_state, c->generation == 0);
    for (uint32_t k = 0; c->sink->recover && k < c->params->jobs; k++)
        if (k != c->turn)
            (void)c->sink->recover(c->sinks[k], false); /* if that fails it is told in its turn */
    if (s == CKPT_OK && c->generation > 0) {
        s = ckpt_image_read(c, c->generation, &c->last, &c->loaded);
        if (s == CKPT_OK && !ckpt_load_parts(c, &c->last.parts))
            s = CKPT_DAMAGED;
        c->whole = false;
    }
    if (s == CKPT_OK && c->generation > 0)
        s = ckpt_files_found(c, c->generation, undo);
    if (s == CKPT_DAMAGED)
        c->counts.damaged++;
    return s;
}

static void told_end(void *arg, enum xk_status status, struct rope *reply)
{
    (void)arg;
    (void)status;
    (void)reply;
}

void ckpt_tell_leader(struct ckpt *c, enum ckpt_procedure what)
{
    uint8_t wire[CKPT_ARGS] = { 0 };
    struct rope args;
    if (c->leader == CKPT_NOBODY) /* whoever leads next begins another run */
        return;
    wire_put32(wire, c->run);
    wire_put64(wire + 12, c->rank);
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    if (select_call(c->rpc, c->seats[c->leader].node, CKPT_SERVICE, what, &args, told_end, c) !=
        XK_OK)
        rope_fini(&args);
}

/* The program has ended: the leader is told. */
static void ended(void *arg)
{
    struct ckpt *c = arg;
    if (!c->files->ending)
        ckpt_tell_leader(c, CKPT_ENDED);
}

static void enter(struct ckpt *c)
{
    c->counts.restarts++;
    nx_resume(c->nx);
    os_enter(c->node, c->resume, c->ended);
    ckpt_answer(c, CKPT_OK, NULL);
    if (c->ended)
        ended(c);
}

/* ---- requests ---- */

static void put32(struct rope *out, uint32_t v)
{
    uint8_t wire[4];
    wire_put32(wire, v);
    rope_add_bytes(out, wire, sizeof wire);
}

static enum ckpt_status find(struct ckpt *c, struct rope *out)
{
    uint32_t found = 0;
    enum ckpt_status s = ckpt_commit_read(c, (uint32_t)c->below, &found);
    if (s == CKPT_LOST && (uint32_t)c->below == UINT32_MAX)
        s = CKPT_OK; /* who has loaded or written one before knows whether there was one */
    put32(out, found);
    return s;
}

/* The run is of that job: what is known of the checkpoints of another is not of this one's. */
static void take_turn(struct ckpt *c)
{
    if (c->turn == c->plan.turn)
        return;
    drop_loaded(c);
    ckpt_image_fini(c, &c->last);
    c->turn = c->node->job = c->plan.turn;
    c->sink_state = c->sinks[c->turn];
}

static void undone(struct ckpt *c)
{
    ckpt_answer(c, c->files->status, NULL);
}

static void work(void *arg)
{
    struct ckpt *c = arg;
    for (;;) {
        enum ckpt_procedure job = c->job;
        enum ckpt_status s = CKPT_OK;
        struct rope more;
        bool undo;
        rope_init(&more);
        c->job = 0;
        if (job == CKPT_SAVE)
            s = save(c);
        if (job == CKPT_RESET) { /* again, for a load may have been under way */
            ckpt_end_save(c);
            nx_reset(c->nx, c->run);
            take_turn(c);
            put32(&more, c->cuts_heard);
        }
        if (job == CKPT_ABANDON)
            put32(&more, c->late);
        if (job == CKPT_COMMIT)
            s = ckpt_commit_write(c, c->generation);
        if (job == CKPT_PLACE)
            s = ckpt_take_places(c, &c->args);
        if (job == CKPT_FIND)
            s = find(c, &more);
        if (job == CKPT_LISTS) {
            s = lists(c, &undo);
            put32(&more, undo);
        }
        if (job == CKPT_LOAD) {
            s = load(c, &undo);
            put32(&more, undo);
        }
        if (job != 0 && c->job == 0) /* else another has come meanwhile */
            ckpt_answer(c, s, &more);
        rope_fini(&more);
        if (c->job == 0)
            port_thread_block(c->port, "a checkpoint", c->rank);
    }
}

/* What the thread does. */
static void give(struct ckpt *c, enum ckpt_procedure job)
{
    c->job = job;
    ckpt_wake(c);
}

static void cut_life(struct ckpt *c)
{
    uint8_t wire[12];
    rope_read(&c->args, 20, sizeof wire, wire);
    cut_restore(c->cut, wire_get64(wire + 4), wire_get32(wire));
}

static void begin(struct ckpt *c, enum ckpt_procedure what, uint32_t generation, uint32_t committed,
                  uint64_t more)
{
    bool running = c->node->run != NULL, has_rank = c->rank != OS_NO_RANK;
    c->generation = generation;
    c->below = more;
    if (what == CKPT_RESET) {
        ckpt_plan_unpack(more >> 16, &c->plan);
        reset(c);
    } else if (what == CKPT_SAVE && running && !c->cut_lost) {
        settle(c, committed);
        c->asked = true;
        c->planned = more != 0;
        if (c->rank == 0)
            (void)cut_start(c->cut);
        look(c);
    } else if (what == CKPT_ABANDON && running) {
        c->late = c->stopping && !c->stopped;
        abort_save(c);
        let_go(c, HELD_CUT | HELD_SAVE | HELD_PLAN);
        cut_life(c);
        give(c, what);
    } else if (what == CKPT_LOAD && has_rank && !running) {
        cut_place(c->cut, c->node->places.nodes, c->rank);
        cut_life(c);
        give(c, what);
    } else if (what == CKPT_PLACE || (has_rank && (what == CKPT_COMMIT || what == CKPT_FIND)) ||
               (what == CKPT_LISTS && has_rank && !running)) {
        give(c, what);
    } else if (what == CKPT_UNDO && has_rank && !running) {
        ckpt_files_undo(c, undone);
    } else if (what == CKPT_ENTER && has_rank && !running) {
        enter(c);
    } else {
        ckpt_answer(c, c->cut_lost ? CKPT_CUT : CKPT_STATE, NULL);
    }
}

static void reply(struct select_request *request, enum ckpt_status s, struct rope *more)
{
    struct rope out;
    rope_init(&out);
    rope_add_bytes(&out, &(uint8_t){ (uint8_t)s }, 1);
    if (more)
        rope_join(&out, more);
    select_reply(request, &out);
}

/* What needs no answer of the leader's turn: true, it has been answered. */
static bool aside(struct ckpt *c, struct select_request *request, enum ckpt_procedure what,
                  uint32_t run, uint64_t more)
{
    bool begins = what == CKPT_RESET || what == CKPT_OVER;
    bool obeys = begins ? ckpt_obey(c, run, (uint16_t)more) : run == c->run;
    struct rope who;
    rope_init(&who);
    bool tells = what == CKPT_ENDED || what == CKPT_AGAIN || what == CKPT_FAILED;
    if (what == CKPT_ENDED && c->lead)
        ckpt_lead_ended(c->lead, run, (uint32_t)more);
    if (what == CKPT_AGAIN && c->lead)
        ckpt_lead_again(c->lead, run);
    if (what == CKPT_FAILED && c->lead)
        ckpt_lead_failed(c->lead, run);
    bool over = what == CKPT_OVER && obeys;
    if (over)
        ckpt_plan_unpack(more >> 16, &c->plan);
    if (what != CKPT_WHO && !tells && !over && obeys)
        return false;
    ckpt_tell_who(c, &who);
    reply(request, what == CKPT_WHO || tells || over ? CKPT_OK : CKPT_STATE, &who);
    rope_fini(&who);
    return true;
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct ckpt *c = arg;
    uint8_t wire[CKPT_ARGS] = { 0 };
    if (procedure >= CKPT_STORE) {
        ckpt_memory_serve(c, request, (enum ckpt_procedure)procedure, args);
        return;
    }
    if (procedure == CKPT_COUNT || procedure == CKPT_QUIET) {
        ckpt_shared_serve(c, request, (enum ckpt_procedure)procedure, args);
        return;
    }
    if (procedure >= CKPT_OPENED) {
        ckpt_files_serve(c, request, (enum ckpt_procedure)procedure, args);
        return;
    }
    if (args->length >= sizeof wire)
        rope_read(args, 0, sizeof wire, wire);
    uint32_t run = wire_get32(wire);
    if (aside(c, request, (enum ckpt_procedure)procedure, run, wire_get64(wire + 12)))
        return;
    ckpt_answer(c, CKPT_STATE, NULL); /* a leader that has crashed since */
    c->request = request;
    rope_fini(&c->args);
    rope_move(&c->args, args);
    begin(c, (enum ckpt_procedure)procedure, wire_get32(wire + 4), wire_get32(wire + 8),
          wire_get64(wire + 12));
}

/* ---- the service ---- */

static const char *const server_groups[] = { "memory", "io", NULL };
static const char *const files_names[] = {
    [CKPT_FILES_CUT] = "cut", [CKPT_FILES_LEAVE] = "leave", NULL
};

static const struct param ckpt_params_desc[] = {
    P_TIME(ckpt_params, interval, "1s", "0s", "1000h",
           "From the end of a checkpoint to the start of the next; 0: none is taken.",
           "ASSUMED(an experiment's choice)"),
    P_TIME(ckpt_params, retry, "10ms", "1us", "1h",
           "After so long a restart that failed is tried again.",
           "ASSUMED(an experiment's choice)"),
    P_TIME(ckpt_params, limit, "1h", "0s", "1000h",
           "A checkpoint that is not written after so long is abandoned, and programs go on; a "
           "restart that waits so long for an answer ends the job; 0: never.",
           "ASSUMED(longer than any checkpoint takes)"),
    P_INT(ckpt_params, spares, "0", "0", "60000",
          "So many of the last compute nodes have no rank at first: one takes the place of a node "
          "that is down.",
          "ASSUMED(an experiment's choice)"),
    P_TIME(ckpt_params, patience, "1s", "0s", "1000h",
           "A node that is down for so long loses its rank to another that has none.",
           "ASSUMED(an experiment's choice)"),
    P_TIME(ckpt_params, give_up, "1h", "1us", "1000h",
           "The job is given up when a rank has had no node for so long.",
           "ASSUMED(an experiment's choice)"),
    P_INT(ckpt_params, jobs, "1", "1", "24",
          "Jobs that take turns on the nodes: the same program, each with a memory of its own.",
          "ASSUMED(an experiment's choice)"),
    P_TIME(ckpt_params, quantum, "10s", "1us", "1000h", "A turn, if another job is left.",
           "ASSUMED(an experiment's choice)"),
    P_VAL(ckpt_params, moves,
          "Moves of ranks while the job runs, a list of { at, rank, to }, in the order of time; "
          "to: spare, or rank = -1 (all) and forward, reverse, rows or columns."),
    P_CHOICE_OF(ckpt_params, policy, "stop", ckpt_policies,
                "What a program waits for while it is saved."),
    P_BOOL(ckpt_params, incremental, "false",
           "Only pages that were written since the checkpoint before are saved.",
           "ASSUMED(an experiment's choice)"),
    P_BOOL(ckpt_params, restart, "false",
           "The job begins from what is committed on the sink, if anything is: on a machine whose "
           "devices begin with images of another run.",
           "ASSUMED(an experiment's choice)"),
    P_BOOL(ckpt_params, compare, "false",
           "A page is compared with what was saved of it, which is kept in memory; only the words "
           "that differ are written, where they are less than half of it.",
           "ASSUMED(an experiment's choice) [Plank, Xu & Netzer 1995]"),
    P_BOOL(ckpt_params, compress, "false", "What is written of pages is compressed.",
           "ASSUMED(an experiment's choice) [Williams 1991]"),
    P_CHOICE(ckpt_params, files, "cut", files_names,
             "Files of the program: put back to what they were at the checkpoint (cut), or left as "
             "they are, modes and pointers alone put back (leave).",
             "ASSUMED(an experiment's choice)"),
    P_CHOICE_OF(ckpt_params, sink, "file", ckpt_sinks, "Where checkpoints go."),
    P_CHOICE_OF(ckpt_params, system, "pfs", pio_systems, "Sink file: the file system."),
    P_INT(ckpt_params, group, "0", "0", "60000",
          "Sink memory: ranks that have their parity among them; 0: the next rank has a copy.",
          "ASSUMED(an experiment's choice)"),
    P_SIZE(ckpt_params, room, "0B", "0B", "1TiB",
           "Sink memory: what a rank gives to its own checkpoints and those of others; 0: all that "
           "they need.",
           "ASSUMED(an experiment's choice)"),
    P_CHOICE(ckpt_params, servers, "memory", server_groups,
             "Sink servers: the group of nodes whose memory servers have it.",
             "ASSUMED(an experiment's choice)"),
    P_BOOL(ckpt_params, mirror, "false", "Sink servers: two servers have each page.",
           "ASSUMED(an experiment's choice)"),
    P_INT(ckpt_params, pool, "64", "1", "1000000",
          "Policy cll: pages of the pool into which pages are copied.",
          "ASSUMED(an experiment's choice)"),
    P_SIZE(
        ckpt_params, piece, "0B", "0B", "16MiB",
        "The most that one write has, of whole pages; 0: what suits the sink, 4 MiB to a file, a "
        "stripe unit on each of 64 I/O nodes, 64 KiB to memory, so that one is summed while "
        "another is under way.",
        "CLIP wrote to PFS in big parallel writes [Chen, Plank & Li 1997, from memory]"),
    P_END,
};

const struct counter ckpt_counters[] = {
    C_SUM(ckpt, counts, saves, "1", "Times that a rank was captured."),
    C_SUM(ckpt, counts, committed, "1", "Of these, those it has learnt were committed."),
    C_SUM(ckpt, counts, failed, "1", "Of these, those it has learnt were not."),
    C_SUM(ckpt, counts, restarts, "1", "Times that a rank was entered again."),
    C_SUM(ckpt, counts, pages, "1", "Pages captured to be written."),
    C_SUM(ckpt, counts, fetched, "1", "Pages that were fetched from where they are paged to."),
    C_SUM(ckpt, counts, page_bytes, "B", "Bytes of pages written to the sink."),
    C_SUM(ckpt, counts, meta_bytes, "B", "Bytes of images written beside them."),
    C_SUM(ckpt, counts, copied_bytes, "B", "Bytes of pages copied in memory."),
    C_SUM(ckpt, counts, faults, "1", "First writes to pages that were protected."),
    C_SUM(ckpt, counts, stalls, "1", "Of these, those that waited for the pool."),
    C_SUM(ckpt, counts, logged, "1", "Messages in flight that were logged."),
    C_SUM(ckpt, counts, logged_bytes, "B", "Their bytes."),
    C_SUM(ckpt, counts, replayed, "1", "Messages of a log that had come, after a restart."),
    C_SUM(ckpt, counts, resent, "1", "Messages of a log that were sent again, after a restart."),
    C_SUM(ckpt, counts, copies, "1", "Copies of shared pages that were left to their owners."),
    C_SUM(ckpt, counts, rounds, "1", "Counts of the messages between shared memories."),
    C_SUM(ckpt, counts, moves, "1", "Planned moves made."),
    C_SUM(ckpt, counts, swaps, "1", "Times that a job gave way to another."),
    C_SUM(ckpt, counts, numbers, "1", "Files of which a checkpoint kept the state."),
    C_SUM(ckpt, counts, undone, "1", "Files that restarts have brought back."),
    C_SUM(ckpt, counts, damaged, "1", "Images that were damaged."),
    C_SUM(ckpt, counts, diffs, "1", "Pages of which only the words that differ were written."),
    C_NOW(ckpt, counts, kept, "B", "Memory that has pages as they were saved, for comparison."),
    C_NOW(ckpt, counts, memory, "B", "Sink memory: what the ranks keep, own and others'."),
    C_MOST(ckpt, counts, space, "B", "The most that the store of a rank has been long."),
    C_SUM(ckpt, counts, rewritten, "1", "Pages of read-only ranges that were written after all."),
    C_END,
};

/* What a rank is saved with: who agrees on the moment, and what its messages are in. */
static const struct os_service_ops *const needed[] = { &nx_service, &cut_service };

static bool stands_before(const void *params, const struct os_boot *b,
                          const struct os_service_ops *ops)
{
    for (uint32_t i = 0; b->services[i].params != params; i++)
        if (b->services[i].ops == ops)
            return true;
    return false;
}

static bool ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    struct ckpt_params *p = params;
    const struct ckpt_sink_ops *sink = kind_at(&ckpt_sinks, p->sink);
    for (size_t i = 0; i < ARRAY_LEN(needed); i++)
        if (!stands_before(params, b, needed[i]))
            return err_set(
                e, "%s: service 'ckpt' needs service '%s' before it in the list of services", path,
                needed[i]->kind.name);
    if (p->spares >= b->layout->compute_count)
        return err_set(e, "%s.spares is %lld, but the machine has %u compute nodes", path,
                       (long long)p->spares, b->layout->compute_count);
    if (!ckpt_moves_load(p, b->layout, path, e))
        return false;
    return !sink->check || sink->check(p, b, path, e);
}

static void drop(void *params)
{
    ckpt_moves_free(params);
}

static void *start(struct os_node *n, const struct os_service *service, struct xk_protl *over)
{
    struct ckpt *c = port_alloc(n->port, sizeof *c);
    c->node = n;
    c->port = n->port;
    c->rpc = over;
    c->params = service->params;
    c->policy = kind_at(&ckpt_policies, c->params->policy);
    c->sink = kind_at(&ckpt_sinks, c->params->sink);
    c->piece = c->params->piece > 0 ? (uint64_t)c->params->piece : c->sink->piece;
    ASSERT(c->piece > 0); /* of each sink something suits it */
    c->nx = os_find(n, &nx_service);
    c->cut = os_find(n, &cut_service);
    c->rank = os_rank(n, service->on);
    c->ranks = n->boot->ranks;
    c->whole = true;
    ckpt_image_init(&c->last);
    port_counters(n->port, "ckpt", ckpt_counters, c);
    if (c->rank >= c->ranks)
        c->rank = OS_NO_RANK;
    rope_init(&c->args);
    c->files = ckpt_files_start(c);
    if (!ckpt_seats_start(c))
        return c;
    struct cut_user user = cut_user;
    user.arg = c;
    cut_attach(c->cut, &user);
    ckpt_part(c, &ckpt_part_program, c);
    ckpt_part(c, &ckpt_part_nx, c->nx);
    c->shared = ckpt_shared_start(c, look);
    ckpt_part(c, &ckpt_part_svm, c->shared);
    ckpt_part(c, &ckpt_part_sync, c->shared);
    ckpt_part(c, &ckpt_part_files, c);
    for (; c->turn < c->params->jobs; c->turn++)
        c->sinks[c->turn] = c->sink->start(c);
    c->turn = 0;
    c->sink_state = c->sinks[0];
    c->keeper = (struct os_keeper){ .ended = ended, .arg = c };
    os_keep(n, &c->keeper);
    enum xk_status served = select_serve(over, CKPT_SERVICE, serve, c);
    ASSERT(served == XK_OK);
    c->thread = port_thread_spawn(n->port, "checkpoint", work, c, PORT_THREAD_SERVICE);
    if (c->policy->copier)
        c->copier = port_thread_spawn(n->port, "copier", ckpt_copy_ahead, c, PORT_THREAD_SERVICE);
    if (!c->thread || (c->policy->copier && !c->copier))
        port_fail(n->port, "no room for the threads of checkpoints");
    if (c->seat == 0 && c->leader == 0)
        ckpt_lead_claim(c);
    return c;
}

const struct os_service_ops ckpt_service = {
    .kind = { .name = "ckpt",
              .doc = "Checkpoints of programs that pass messages or share memory.",
              .params = ckpt_params_desc,
              .params_size = sizeof(struct ckpt_params),
              .counters = ckpt_counters },
    .on = "compute",
    .over = "rpc",
    .protocol = &select_protl,
    .ready = ready,
    .drop = drop,
    .start = start,
};
