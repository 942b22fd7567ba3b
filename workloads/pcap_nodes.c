/* pcap_nodes.c: the frames of a capture, each sent by the interface of the node that sent it.
 *
 * A program gives the frames of its node's station to the interface at their times, octet by octet,
 * as if the node's own protocols had: so those of the receivers see what they saw when it was
 * captured.  It names no work, so it costs the node no time.  What comes for a node that sends is
 * taken off before its protocols see it (answers = "drop"), for they know nothing of what was sent,
 * until it has sent all and `linger` is over.
 * There is no window: counters are of the whole run.
 */
#include <string.h>

#include "sim/input.h"
#include "workloads/pcap_index.h"
#include "workloads/pcap_nodes.h"
#include "workloads/workload.h"

#define LATEST_NS ((uint64_t)(SIM_NEVER / 4 / SIM_NS))

enum { STATIONS_OWN, STATIONS_SEEN };
static const char *const station_names[] = { "own", "seen", NULL };
enum { ORIGIN_ZERO, ORIGIN_FIRST };
static const char *const origins[] = { "zero", "first", NULL };
enum { ANSWERS_DROP, ANSWERS_STACK };
static const char *const answers_names[] = { "drop", "stack", NULL };

struct params {
    const char *file, *interface;
    int stations, origin, answers;
    int64_t only, source, loops;
    double factor;
    sim_time start, gap, linger;
    struct pcap_index x; /* of `file` */
};

static const struct param params_desc[] = {
    P_FILE(params, file, NULL, "The capture, classic pcap, below the configuration's folder.",
           "the experiment's choice"),
    P_STRING(params, interface, "", "The network whose interfaces send; none: the machine's first.",
             "ASSUMED(the first)"),
    P_CHOICE(
        params, stations, "own", station_names,
        "own: addresses name stations, as those of psim's captures do; seen: they are numbered "
        "in the order in which they are seen, as for captures of other networks.",
        "the capture's kind"),
    P_INT(
        params, only, "-1", "-1", "65535",
        "Frames of this station alone, as one of its two ends has captured a conversation; -1: of "
        "all.",
        "ASSUMED(as they were)"),
    P_INT(params, source, "-1", "-1", "65535",
          "All frames are sent by this station; -1: each by its own.", "ASSUMED(as they were)"),
    P_CHOICE(params, answers, "drop", answers_names,
             "What comes for a node that sends: drop: nobody sees it; stack: its protocols, which "
             "may answer in their turn.",
             "ASSUMED(they do not know what was sent)"),
    P_CHOICE(
        params, origin, "first", origins,
        "Which time of the file is workload.start: zero: its own zero; first: that of the first "
        "frame.",
        "captures count from 1970"),
    P_TIME(params, start, "0", "0", "1000000s", "When it is.", "ASSUMED(at once)"),
    P_REAL(params, factor, "1", "0", "1000000", "Times are so many times as long.",
           "ASSUMED(as they were)"),
    P_INT(params, loops, "1", "1", "1000000", "How often the whole is sent.", "ASSUMED(once)"),
    P_TIME(params, gap, "0", "0", "1000s", "From the last frame to the first of the next time.",
           "ASSUMED(none)"),
    P_TIME(params, linger, "1s", "0", "1000000s",
           "Behind a node's last frame what comes for it is still dropped so long; then its "
           "protocols see it, and end what others would send again for ever.",
           "ASSUMED(longer than what is sent again waits)"),
    P_END,
};

enum { M_LATE };
static const struct measure measures[] = {
    [M_LATE] = { "late", "s", "From a frame's time until the interface has room for it.",
                 MEASURE_DETERMINISTIC | MEASURE_COLUMN },
    { .name = NULL },
};

struct sender {
    const struct params *p;
    struct port *port;
    struct port_end *end;
    struct port_timer timer;
    struct port_thread *thread;
    const struct pcap_source *of;
    uint64_t next; /* of its frames, all loops in a row */
    bool waits;    /* for room */
    struct {
        uint64_t sent, bytes, waited, missed, answers;
    } counts;
};

const struct counter pcap_counters[] = {
    C_SUM(sender, counts, sent, "1", "Frames of the capture that were sent."),
    C_SUM(sender, counts, bytes, "B", "Their bytes."),
    C_SUM(sender, counts, waited, "1", "Frames that waited for room in the transmit queue."),
    C_SUM(sender, counts, missed, "1", "Frames whose time passed while their node was down."),
    C_SUM(sender, counts, answers, "1", "Frames that came for nodes that send, and were dropped."),
    C_END,
};

/* ---- before the run ---- */

static sim_time scaled(const struct params *p, uint64_t ns)
{
    sim_time t = (sim_time)ns * SIM_NS;
    return p->factor == 1 ? t : (sim_time)((double)t * p->factor);
}

static bool prepare(void *params, const struct input *files, size_t count, struct err *e)
{
    struct params *p = params;
    const struct pcap_choice c = { .seen = p->stations == STATIONS_SEEN,
                                   .zero = p->origin == ORIGIN_ZERO,
                                   .only = p->only,
                                   .sent_by = p->source };
    if (count == 0)
        return err_set(e, "workload.file: name the file of the capture");
    if (!pcap_index_read(&p->x, &files[0], &c, e))
        return false;
    double last = (double)p->x.length * p->factor;
    last = (last + (double)p->gap / (double)SIM_NS) * (double)p->loops +
           (double)p->start / (double)SIM_NS;
    return p->x.length <= LATEST_NS && last <= (double)LATEST_NS
               ? true
               : err_set(e,
                         "%s: the last frame is sent after %.4g s, and a run has at most %.4g s: "
                         "is workload.origin to be \"first\"?",
                         files[0].shown, last * 1e-9, (double)LATEST_NS * 1e-9);
}

static void release(void *params)
{
    pcap_index_free(&((struct params *)params)->x);
}

/* How many ranks there are up to that of the node; 0: it has none. */
static uint32_t ranks_to(const struct os_layout *l, uint32_t node)
{
    for (uint32_t r = 0; r < l->compute_count; r++)
        if (l->compute[r] == node)
            return r + 1;
    return 0;
}

static const struct xk_network *network_of(const struct os_layout *l, const struct params *p,
                                           struct err *e)
{
    return xk_graph_network(l->boot->graph, p->interface, "workload.interface", e);
}

static bool check(const void *params, const struct os_layout *l, struct err *e)
{
    const struct params *p = params;
    const struct pcap_index *x = &p->x;
    const struct xk_network *n = network_of(l, p, e);
    if (n == NULL)
        return false;
    if (x->longest > n->mtu)
        return err_set(e, "%s: offset %zu: a frame of %u octets, and the network '%s' takes %llu",
                       x->reader.name, x->longest_at, x->longest, n->name,
                       (unsigned long long)n->mtu);
    if (x->farthest >= n->stations)
        return err_set(e, "%s: offset %zu: sent to station %u, and '%s' has %u", x->reader.name,
                       x->farthest_at, x->farthest, n->name, n->stations);
    for (uint32_t i = 0; i < x->source_count; i++) {
        const struct pcap_source *s = &x->sources[i];
        size_t at = x->offsets[s->first];
        if (s->station >= n->stations)
            return err_set(e, "%s: offset %zu: sent by station %u, and '%s' has %u", x->reader.name,
                           at, s->station, n->name, n->stations);
        if (ranks_to(l, n->nodes[s->station]) == 0)
            return err_set(e,
                           "%s: offset %zu: sent by station %u, node %u, which runs no programs: "
                           "it is no compute node; workload.only or workload.source choose another",
                           x->reader.name, at, s->station, n->nodes[s->station]);
    }
    return true;
}

static uint32_t programs(const void *params, const struct os_layout *l)
{
    const struct params *p = params;
    struct err e = ERR_INIT;
    const struct xk_network *n = network_of(l, p, &e);
    uint32_t most = 1;
    for (uint32_t i = 0; n != NULL && i < p->x.source_count; i++) {
        uint32_t station = p->x.sources[i].station,
                 ranks = station < n->stations ? ranks_to(l, n->nodes[station]) : 0;
        most = ranks > most ? ranks : most;
    }
    return most;
}

/* ---- the run ---- */

static sim_time due(const struct sender *s, const struct pcap_record *r)
{
    const struct params *p = s->p;
    sim_time loop = (sim_time)(s->next / s->of->count);
    return p->start + loop * (scaled(p, p->x.length) + p->gap) +
           scaled(p, r->nanoseconds - p->x.base);
}

/* What the frame had: octets that the file does not keep are zeros. */
static void fill(struct rope *out, const struct pcap_record *r, uint32_t skipped)
{
    static const uint8_t zeros[4096] = { 0 };
    uint32_t kept = r->kept > skipped ? r->kept - skipped : 0, left = r->length - skipped - kept;
    rope_init(out);
    if (kept > 0)
        rope_add_bytes(out, r->octets + skipped, kept);
    for (; left > 0; left -= left < sizeof zeros ? left : (uint32_t)sizeof zeros)
        rope_add_bytes(out, zeros, left < sizeof zeros ? left : sizeof zeros);
}

/* False: it must wait, for its time or for room. */
static bool send_next(struct sender *s, const struct pcap_record *r, uint32_t skipped, uint32_t to)
{
    struct port *p = s->port;
    sim_time at = due(s, r), now = port_now(p);
    struct rope frame;
    if (at > now) {
        port_timer_set(&s->timer, at - now);
        return false;
    }
    fill(&frame, r, skipped);
    uint64_t bytes = frame.length;
    enum port_if_result why = port_end_send(s->end, to, to == PCAP_TO_ALL ? PORT_ALL : 0u, &frame);
    rope_fini(&frame);
    if (why == PORT_IF_BUSY) {
        s->counts.waited += !s->waits;
        s->waits = true;
        return false;
    }
    if (why == PORT_IF_OK) {
        s->counts.sent++;
        s->counts.bytes += bytes;
        port_measure(p, &measures[M_LATE], sim_time_seconds(now - at));
    } else {
        port_fail(p, "the frame at offset %zu cannot be sent: %s", r->offset,
                  why == PORT_IF_TOO_LONG ? "one to all is no longer than a packet there"
                                          : "the network has no way to all");
        s->next = s->of->count * (uint64_t)s->p->loops - 1;
    }
    s->waits = false;
    return true;
}

static void go(struct sender *s)
{
    uint64_t all = s->of->count * (uint64_t)s->p->loops;
    bool goes = true;
    while (s->next < all && goes) {
        struct pcap_record r;
        uint32_t skipped, to;
        size_t at = s->p->x.offsets[s->of->first + s->next % s->of->count];
        pcap_index_frame(&s->p->x, at, &r, &skipped, &to);
        goes = send_next(s, &r, skipped, to);
        s->next += goes;
    }
    if (s->next < all)
        return;
    port_timer_set(&s->timer, s->p->linger);
    if (port_thread_self(s->port) == NULL)
        port_thread_wake(s->port, s->thread);
}

static void on_timer(struct port_timer *t)
{
    struct sender *s = t->arg;
    if (s->next < s->of->count * (uint64_t)s->p->loops)
        go(s);
    else
        port_end_close(s->end);
}

static void on_ready(void *arg)
{
    struct sender *s = arg;
    if (s->waits)
        go(s);
}

static void on_frame(void *arg, uint64_t from, unsigned flags, struct rope *frame)
{
    struct sender *s = arg;
    (void)from, (void)flags, (void)frame;
    s->counts.answers++;
}

/* A node that was down goes on with what comes then. */
static void skip(struct sender *s)
{
    sim_time now = port_now(s->port);
    uint64_t all = s->of->count * (uint64_t)s->p->loops;
    struct pcap_record r;
    uint32_t skipped, to;
    for (; s->next < all; s->next++, s->counts.missed++) {
        size_t at = s->p->x.offsets[s->of->first + s->next % s->of->count];
        pcap_index_frame(&s->p->x, at, &r, &skipped, &to);
        if (due(s, &r) >= now)
            break;
    }
}

/* Of what this node is to send; NULL: nothing. */
static const struct pcap_source *frames_of(const struct params *p, const struct os_node *node,
                                           uint32_t *ifc)
{
    struct err e = ERR_INIT;
    const struct xk_network *n = network_of(node->boot->layout, p, &e);
    struct port_if_info info;
    for (*ifc = 0; *ifc < port_if_count(node->port); ++*ifc) {
        port_if_describe(node->port, *ifc, &info);
        for (uint32_t i = 0; strcmp(n->name, info.name) == 0 && i < p->x.source_count; i++)
            if (p->x.sources[i].station == info.station)
                return &p->x.sources[i];
    }
    return NULL;
}

static void pcap_main(struct os_node *node, const struct program *me)
{
    static const struct port_end_ops ops = { .receive = on_frame, .ready = on_ready };
    static const struct match all = { 0 }, none = { MATCH_REACH - 4, UINT32_MAX, UINT32_MAX };
    const struct params *p = me->params;
    struct port *port = node->port;
    enum port_if_result why;
    uint32_t ifc;
    const struct pcap_source *of = frames_of(p, node, &ifc);
    if (of == NULL)
        return;
    if (p->x.cut > 0 && of == p->x.sources)
        port_remark(port,
                    "of %llu frames the capture does not keep all octets: what is missing is sent "
                    "as zeros",
                    (unsigned long long)p->x.cut);
    struct sender *s = port_alloc(port, sizeof *s);
    *s = (struct sender){ .p = p, .port = port, .of = of, .thread = port_thread_self(port) };
    port_counters(port, "pcap", pcap_counters, s);
    s->end = port_end_open(port, ifc, p->answers == ANSWERS_DROP ? &all : &none, 1, &ops, s, &why);
    ASSERT_MSG(s->end != NULL, "nobody else has these conditions");
    if (p->answers == ANSWERS_DROP)
        port_end_first(s->end);
    port_timer_init(port, &s->timer, on_timer, s);
    if (port_incarnation(port) > 1)
        skip(s);
    go(s);
    while (s->next < of->count * (uint64_t)p->loops)
        port_thread_block(port, "the frames of the capture", of->station);
}

extern const struct workload_ops workload_pcap_nodes;
const struct workload_ops workload_pcap_nodes = {
    .kind = { .name = "pcap_nodes",
              .doc = "The frames of a capture, each sent by the interface of its node.",
              .params = params_desc,
              .params_size = sizeof(struct params) },
    .measures = measures,
    .prepare = prepare,
    .release = release,
    .check = check,
    .programs = programs,
    .main = pcap_main,
};
