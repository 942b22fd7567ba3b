/* cuts.c: programs that send each other messages at random while consistent cuts are taken.
 *
 * Each cut is started by some ranks, a random time after they are done with the one before; each
 * rank answers late, as one does that has to come to a safe point.  At the end rank 0 gathers what
 * all have recorded and judges every cut (cuts_check.h).  Without messages (`gap` 0) what crosses
 * the network is what the cuts alone need.  Where ranks may die (`deaths`) a death must end the cut
 * under way at all others; they take no more, and those that all had completed are judged.
 */
#include <stdio.h>

#include "os/ckpt/cut.h"
#include "os/nx/nx.h"
#include "workloads/msg/cuts_check.h"
#include "workloads/workload.h"

#define TRAFFIC_TYPE 1
#define RECORD_TYPE 2

struct cuts_params {
    int64_t cuts, starters, at, size, hot, hot_size, hot_share, nodes;
    sim_time gap, interval, late;
    bool check, deaths;
};

static const struct param params_desc[] = {
    P_INT(cuts_params, cuts, "10", "1", "1000000", "Cuts that are taken."),
    P_INT(cuts_params, starters, "2", "1", "1000000", "Ranks that start each, if they get to it."),
    P_INT(cuts_params, at, "-1", "-1", "65535",
          "The rank that starts all of them; -1: others each time."),
    P_TIME(cuts_params, interval, "1ms", "0", "1h",
           "A starter waits up to so long, drawn evenly, when it is done with the cut before."),
    P_TIME(cuts_params, late, "200us", "0", "1h",
           "A rank saves, or stops, up to so long after it is asked, drawn evenly."),
    P_TIME(
        cuts_params, gap, "100us", "0", "1h",
        "A program waits up to twice that, drawn evenly, between two messages; 0: it sends none."),
    P_SIZE(cuts_params, size, "1kB", "0", "16MiB",
           "Data of a message behind its stamp: up to so much, drawn evenly."),
    P_INT(cuts_params, hot, "-1", "-1", "65535",
          "A rank to which messages go that are long: others wait behind them; -1: none."),
    P_SIZE(cuts_params, hot_size, "16KiB", "0", "16MiB", "Data of one of these."),
    P_INT(cuts_params, hot_share, "50", "0", "100", "Of a hundred messages so many are such."),
    P_INT(cuts_params, nodes, "0", "0", "65536", "Compute nodes that take part; 0: all."),
    P_BOOL(cuts_params, check, "true",
           "Every cut is judged at the end; the stamps are 4 bytes a rank in each message."),
    P_BOOL(cuts_params, deaths, "false",
           "Ranks may die, which ends the cuts; records go to rank 0 as their cuts are complete."),
    P_END,
};

enum { M_CUT, M_STOPPED, M_JUDGED };
static const struct measure measures[] = {
    [M_CUT] = { "cut", "s",
                "From the moment that a rank hears of a cut until its part is complete.",
                MEASURE_COLUMN },
    [M_STOPPED] = { "stopped", "s", "Time that a rank is stopped in a cut.", MEASURE_COLUMN },
    [M_JUDGED] = { "judged", "1", "Cuts that were judged.", MEASURE_TOTAL },
    { .name = NULL }
};

struct rank {
    struct os_node *node;
    struct port *port;
    const struct cuts_params *params;
    struct nx *nx;
    struct cut *cut;
    uint32_t rank, ranks;
    struct cuts_history history;
    struct cuts_record *records; /* by cut, from 1 */
    struct port_timer answer, start;
    uint32_t stop, save, complete; /* asked for, not answered; the last that is complete */
    bool stopped, over;            /* over: somebody has died */
    bool *down;                    /* by rank */
    /* rank 0 */
    struct cuts_record *all; /* of the other ranks, by rank and cut */
    bool *told;              /* by rank */
    sim_time asked, halted;
    struct port_thread *thread;
};

static sim_time up_to(struct rank *r, sim_time most)
{
    return most > 0 ? (sim_time)port_random_below(r->port, (uint64_t)most + 1) : 0;
}

/* ---- traffic ---- */

static void receive(void *arg, const struct nx_info *info, struct rope *data)
{
    struct rank *r = arg;
    if (info->status == NX_PEER_DOWN) { /* the others send yet */
        nx_go_on(r->nx);
        nx_hrecv(r->nx, TRAFFIC_TYPE, UINT64_MAX, receive, r);
    }
    if (info->status != NX_OK)
        return;
    if (r->params->check && !r->over && !cuts_received(&r->history, info->node, data, 0))
        port_fail(r->port, "rank %u: a message from rank %u is not the next", r->rank, info->node);
    nx_hrecv(r->nx, TRAFFIC_TYPE, UINT64_MAX, receive, r);
}

static void send(struct rank *r)
{
    uint32_t to = (uint32_t)port_random_below(r->port, r->ranks);
    uint64_t more = port_random_below(r->port, (uint64_t)r->params->size + 1);
    struct rope data;
    if (r->params->hot >= 0 && port_random_below(r->port, 100) < (uint64_t)r->params->hot_share) {
        to = (uint32_t)r->params->hot;
        more = (uint64_t)r->params->hot_size;
    }
    rope_init(&data);
    if (r->params->check)
        cuts_sent(&r->history, to, &data);
    rope_add_pattern(&data, more, 0, more);
    nx_msgignore(nx_isend(r->nx, TRAFFIC_TYPE, &data, to));
}

/* ---- cuts ---- */

static bool ours(uint32_t key, const struct rope *message, uint64_t *offset)
{
    int64_t type;
    return key == 0 && nx_logged(message, &type, offset) && type == TRAFFIC_TYPE;
}

static void waits(void *arg, enum nx_waits what, const struct nx_info *info,
                  const struct rope *data)
{
    struct rank *r = arg;
    struct cuts_record *record = &r->records[r->save];
    if (info->type == TRAFFIC_TYPE && what == NX_WAITS_ARRIVED)
        cuts_record_add(record, CUTS_ARRIVED, info->node, r->rank, cuts_number(data, 0));
    else if (info->type == TRAFFIC_TYPE)
        cuts_record_add(record, CUTS_TO_GO, r->rank, info->node, cuts_number(data, 0));
}

static void answer(struct port_timer *t)
{
    struct rank *r = t->arg;
    uint32_t stop = r->stop, save = r->save;
    r->stop = 0;
    if (stop) {
        r->stopped = true;
        r->halted = port_now(r->port);
        cut_stopped(r->cut, stop);
    } else if (save) {
        if (r->params->check) {
            cuts_record_make(&r->records[save], &r->history, save);
            nx_each_waiting(r->nx, waits, r);
        }
        r->save = 0;
        cut_saved(r->cut, save);
    }
}

static void user_stop(void *arg, uint32_t number)
{
    struct rank *r = arg;
    r->stop = number;
    r->asked = port_now(r->port);
    port_timer_set(&r->answer, up_to(r, r->params->late));
}

static void user_snapshot(void *arg, uint32_t number)
{
    struct rank *r = arg;
    r->save = number;
    if (!r->stopped)
        r->asked = port_now(r->port);
    port_timer_set(&r->answer, r->stopped ? 0 : up_to(r, r->params->late));
}

static void user_in_flight(void *arg, uint32_t number, const struct cut_message *m)
{
    struct rank *r = arg;
    uint64_t offset;
    /* The log of a cut that is complete is closed. */
    if (r->params->check && number > r->complete && ours(m->key, m->data, &offset))
        cuts_record_add(&r->records[number], CUTS_LOGGED, m->from, m->to,
                        cuts_number(m->data, offset));
}

static void user_resume(void *arg, uint32_t number)
{
    struct rank *r = arg;
    (void)number;
    r->stopped = false;
    port_measure(r->port, &measures[M_STOPPED],
                 (double)(port_now(r->port) - r->halted) / (double)SIM_SEC);
    port_thread_wake(r->port, r->thread);
}

static bool more(const struct rank *r)
{
    return r->complete < (uint32_t)r->params->cuts;
}

static void begin(struct port_timer *t)
{
    struct rank *r = t->arg;
    if (more(r) && cut_complete(r->cut)) /* others may have been first */
        cut_start(r->cut);
}

/* Those who start the next, by its number: any, over many. */
static void start_next(struct rank *r)
{
    uint64_t next = r->complete + 1;
    if (r->params->at >= 0 && r->rank == (uint32_t)r->params->at && more(r))
        port_timer_set(&r->start, up_to(r, r->params->interval));
    if (r->params->at >= 0)
        return;
    for (uint64_t i = 0; next <= (uint64_t)r->params->cuts && i < (uint64_t)r->params->starters;
         i++)
        if ((next * UINT64_C(2654435761) / 65536 + i * 7919) % r->ranks == r->rank)
            port_timer_set(&r->start, up_to(r, r->params->interval));
}

static void send_record(struct rank *r, uint32_t cut);

static void user_complete(void *arg, uint32_t number, enum cut_status status)
{
    struct rank *r = arg;
    if (status != CUT_OK) {
        if (!r->params->deaths)
            port_fail(r->port, "rank %u: cut %u: %s", r->rank, number, cut_status_name(status));
        r->stop = r->save = 0;
        r->stopped = false;
        r->over = true;
        port_thread_wake(r->port, r->thread);
        return;
    }
    r->complete = number;
    if (r->params->check && r->params->deaths && r->rank > 0)
        send_record(r, number);
    port_measure(r->port, &measures[M_CUT],
                 (double)(port_now(r->port) - r->asked) / (double)SIM_SEC);
    start_next(r);
    if (number == (uint32_t)r->params->cuts)
        port_thread_wake(r->port, r->thread);
}

static void node_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct rank *r = arg;
    (void)life;
    for (uint32_t i = 0; i < r->ranks; i++)
        if (r->node->places.nodes[i] == node && !alive)
            r->down[i] = r->over = true;
    port_thread_wake(r->port, r->thread);
}

/* CUT6: a death has ended the cut that was under way, and no other begins. */
static void look_at_end(struct rank *r)
{
    uint32_t epoch = cut_epoch(r->cut);
    if (!cut_complete(r->cut) || cut_start(r->cut) > epoch + 1 || !cut_complete(r->cut))
        port_fail(r->port, "rank %u: cut %u goes on, and somebody has died", r->rank,
                  cut_start(r->cut));
}

/* ---- the judgement: at rank 0 ---- */

static void send_record(struct rank *r, uint32_t cut)
{
    struct rope data;
    rope_init(&data);
    cuts_record_write(&r->records[cut], &data);
    nx_msgignore(nx_isend(r->nx, RECORD_TYPE, &data, 0));
}

/* A record; an empty message: there are no more from that rank. */
static void receive_record(void *arg, const struct nx_info *info, struct rope *data)
{
    struct rank *r = arg;
    struct cuts_record record;
    if (info->status == NX_PEER_DOWN)
        nx_go_on(r->nx);
    if (info->status == NX_OK && data->length > 0) {
        cuts_record_read(&record, r->port, data);
        r->all[(size_t)info->node * (size_t)r->params->cuts + cuts_record_cut(&record) - 1] =
            record;
    } else if (info->status == NX_OK) {
        r->told[info->node] = true;
        port_thread_wake(r->port, r->thread);
    }
    nx_hrecv(r->nx, RECORD_TYPE, UINT64_MAX, receive_record, r);
}

static bool all_told(const struct rank *r)
{
    for (uint32_t i = 1; i < r->ranks; i++)
        if (!r->told[i] && !r->down[i])
            return false;
    return true;
}

/* Those cuts of which all records have come: all, unless somebody has died. */
static void judge(struct rank *r)
{
    const struct cuts_record **by_rank = port_alloc(r->port, r->ranks * sizeof(void *));
    uint32_t cuts = (uint32_t)r->params->cuts, judged = 0;
    for (uint32_t n = 0; n < cuts; n++) {
        char sentence[200];
        uint32_t have = 0;
        for (uint32_t i = 0; i < r->ranks; i++) {
            by_rank[i] = i > 0 ? &r->all[(size_t)i * cuts + n] : &r->records[n + 1];
            have += by_rank[i]->count > 0 && (i > 0 || n < r->complete);
        }
        if (have < r->ranks)
            continue;
        judged++;
        if (!cuts_judge(by_rank, r->ranks, sentence, sizeof sentence)) {
            port_fail(r->port, "%s", sentence);
            return;
        }
    }
    if (judged < cuts && !r->over)
        port_fail(r->port, "%u cuts of %u were judged", judged, cuts);
    port_measure(r->port, &measures[M_JUDGED], judged);
}

static void report(struct rank *r)
{
    if (r->rank > 0) {
        struct rope none;
        rope_init(&none);
        for (uint32_t n = 1; !r->params->deaths && n <= r->complete; n++)
            send_record(r, n);
        while (nx_csend(r->nx, RECORD_TYPE, &none, 0) == NX_PEER_DOWN && !r->down[0])
            nx_go_on(r->nx); /* it lacked a grant when another died (NX7) */
        return;
    }
    while (!all_told(r))
        port_thread_block(r->port, "records of cuts", 0);
    judge(r);
}

/* ---- the program ---- */

static void prepare(struct rank *r, struct os_node *node, const struct program *me)
{
    *r = (struct rank){
        .node = node, .port = node->port, .params = me->params, .rank = me->rank, .ranks = me->ranks
    };
    r->nx = os_find(node, &nx_service);
    r->cut = os_find(node, &cut_service);
    r->thread = port_thread_self(r->port);
    if (r->params->check) {
        size_t cuts = (size_t)r->params->cuts;
        cuts_history_init(&r->history, r->port, r->ranks, r->rank);
        r->records = port_alloc(r->port, (cuts + 1) * sizeof *r->records);
        if (r->rank == 0) {
            r->all = port_alloc(r->port, r->ranks * cuts * sizeof *r->all);
            r->told = port_alloc(r->port, r->ranks * sizeof *r->told);
            nx_hrecv(r->nx, RECORD_TYPE, UINT64_MAX, receive_record, r);
        }
    }
    r->down = port_alloc(r->port, r->ranks * sizeof *r->down);
    if (r->params->deaths)
        port_on_node_change(r->port, node_changed, r);
    port_timer_init(r->port, &r->answer, answer, r);
    port_timer_init(r->port, &r->start, begin, r);
    cut_attach(r->cut, &(struct cut_user){ .stop = user_stop,
                                           .snapshot = user_snapshot,
                                           .in_flight = user_in_flight,
                                           .resume = user_resume,
                                           .complete = user_complete,
                                           .arg = r });
    if (r->params->gap > 0)
        nx_hrecv(r->nx, TRAFFIC_TYPE, UINT64_MAX, receive, r);
}

static void program(struct os_node *node, const struct program *me)
{
    const struct cuts_params *p = me->params;
    struct rank *r = port_alloc(node->port, sizeof *r);
    prepare(r, node, me);
    r->over = nx_gsync(r->nx) != NX_OK;
    port_window(r->port, true, r->ranks);
    start_next(r);
    while (r->complete < (uint32_t)p->cuts && !r->over) {
        if (p->gap == 0 || r->stopped) {
            port_thread_block(r->port, "the end of a cut", r->complete + 1);
            continue;
        }
        send(r);
        port_thread_sleep(r->port, up_to(r, sim_time_mul(p->gap, 2)));
    }
    port_window(r->port, false, r->ranks);
    if (r->over)
        look_at_end(r);
    if (p->check)
        report(r);
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct cuts_params *p = params;
    uint32_t ranks = workload_nodes(p->nodes, layout);
    if (!workload_nodes_check(p->nodes, layout, e))
        return false;
    return !p->check || ranks <= 256 ||
           err_set(e, "workload.check is for up to 256 ranks, and %u take part: set it to false",
                   ranks);
}

static uint32_t programs(const void *params, const struct os_layout *layout)
{
    return workload_nodes(((const struct cuts_params *)params)->nodes, layout);
}

static const struct os_service_ops *const services[] = { &nx_service, &cut_service, NULL };

const struct workload_ops workload_cuts = {
    .kind = { .name = "cuts",
              .doc = "Messages at random while consistent cuts are taken, and judged.",
              .params = params_desc,
              .params_size = sizeof(struct cuts_params) },
    .measures = measures,
    .check = check,
    .programs = programs,
    .services = services,
    .main = program,
};
