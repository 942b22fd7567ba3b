/* mesh_closed.c: closed sets of packets on a bare network: mesh_batch and mesh_list.
 *
 * mesh_batch: every terminal has `packets` packets at time 0, to the destinations of a pattern, or
 * one for every other terminal (exchange).  mesh_list: packets from a file or a list, each at its
 * time.  Both run until all are delivered; the makespan is when the last was.  Where the pattern is
 * fixed nothing is random: one run says it all.
 *
 * The file of mesh_list has a line "time source destination flits" a packet, blanks or commas
 * between; the time has its unit ("120ns") or that of workload.time_unit; '#' starts a comment.
 * Packets of one source and time are sent in the order of their lines.
 */
#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/audit.h"
#include "sim/digest.h"
#include "sim/measure.h"
#include "sim/population.h"
#include "sim/stat.h"
#include "sim/window.h"
#include "workloads/direct/mesh_traffic.h"
#include "workloads/direct/pattern.h"
#include "workloads/direct/trace_clock.h"

#define PACKETS_MAX (64u << 20)

struct entry {
    sim_time at;
    uint32_t src, dst, flits;
    uint32_t order; /* of the line */
};

struct closed {
    struct sim *sim;
    struct net *net;
    struct net_describe d;
    const char *name;
    struct whole_folder *files;
    struct entry *entries;
    size_t count, capacity, next, delivered, dropped;
    uint64_t flits;
    sim_time first, last;
    struct sim_event event;
    struct traffic_pool pool;
    FILE *log; /* packets.csv; NULL: not written */
    struct sim_population packets;
    struct sim_measure *latency;
    struct traffic_cycles latency_cycles;
    struct stat_moments blocking;
    sim_time *done; /* of each source: when its last packet was delivered */
    bool random;
};

/* ---- the run ---- */

static void inject(struct sim *s, struct sim_event *e)
{
    struct closed *c = CONTAINER_OF(e, struct closed, event);
    sim_time now = sim_now(s);
    if (c->next == 0)
        sim_window_open(s);
    while (c->next < c->count && c->entries[c->next].at == now) {
        const struct entry *x = &c->entries[c->next];
        struct net_packet *p = traffic_take(&c->pool);
        p->src = x->src;
        p->dst = x->dst;
        p->flits = x->flits;
        p->created = now;
        p->user = c->next++;
        sim_population_move(&c->packets, &(struct sim_customer){ 0 }, SIM_INSIDE, now, false);
        net_inject(c->net, p);
    }
    if (c->next < c->count)
        sim_at(s, e, c->entries[c->next].at);
}

static void receive(void *arg, struct net_packet *p, enum net_status status)
{
    struct closed *c = arg;
    sim_population_move(&c->packets, &(struct sim_customer){ SIM_INSIDE, p->created }, SIM_ABSENT,
                        sim_now(c->sim), status == NET_OK);
    if (c->delivered + c->dropped + 1 == c->count) /* the last of all */
        sim_window_close(c->sim);
    if (status != NET_OK) {
        c->dropped++;
        traffic_give(&c->pool, p);
        return;
    }
    c->delivered++;
    c->last = p->delivered;
    c->done[p->src] = p->delivered;
    sim_measure_add(c->latency, sim_time_seconds(p->delivered - p->created));
    traffic_cycles_add(&c->latency_cycles, p->delivered - p->created);
    stat_add(&c->blocking,
             sim_time_seconds(p->delivered - p->injected -
                              c->net->ops->zero_load(c->net, p->src, p->dst, p->flits)));
    sim_waist(c->sim, SIM_WAIST_PACKET, p->delivered, p->dst, p->flits,
              (uint64_t)p->src << 40 ^ p->user);
    if (c->log)
        traffic_log_write(c->log, p);
    traffic_give(&c->pool, p);
}

static void audit(void *self, struct sim_audit_report *r)
{
    const struct closed *c = self;
    sim_audit_balance(r, "packets", c->next, c->delivered, c->next - c->delivered - c->dropped,
                      c->dropped);
}

static void add(struct closed *c, struct entry x)
{
    if (c->count == c->capacity) {
        c->capacity = c->capacity ? 2 * c->capacity : 256;
        c->entries = base_realloc(c->entries, c->capacity * sizeof(*c->entries));
    }
    x.order = (uint32_t)c->count;
    c->entries[c->count++] = x;
    c->flits += x.flits;
}

static int by_time(const void *a, const void *b)
{
    const struct entry *x = a, *y = b;
    if (x->at != y->at)
        return x->at < y->at ? -1 : 1;
    return (x->order > y->order) - (x->order < y->order);
}

static struct closed *closed_new(struct sim *s, const struct direct_world *w, const char *name)
{
    struct closed *c = base_zalloc(1, sizeof(*c));
    c->sim = s;
    c->net = w->net;
    c->name = name;
    c->files = w->out;
    w->net->ops->describe(w->net, &c->d);
    c->latency_cycles.cycle = c->d.flit_time;
    c->done = base_zalloc(c->d.terminals, sizeof(*c->done));
    sim_event_init(&c->event, SIM_CLASS_SOFTWARE, inject);
    sim_population_init(&c->packets, s, name);
    return c;
}

static void closed_destroy(void *self)
{
    struct closed *c = self;
    sim_cancel(c->sim, &c->event);
    sim_audit_unregister(c->sim, c);
    sim_population_fini(&c->packets);
    traffic_pool_fini(&c->pool);
    free(c->latency_cycles.counts);
    free(c->entries);
    free(c->done);
    free(c);
}

/* The packets are there: measures, and the first event. */
static void *closed_start(struct closed *c)
{
    unsigned flags = SIM_MEASURE_DEFAULT_COLUMN | SIM_MEASURE_HISTOGRAM;
    c->log = traffic_log_open(c->files);
    c->latency = sim_measure_declare(c->sim, "latency", "s",
                                     "From a packet's creation to the delivery of its tail.",
                                     c->random ? flags : flags | SIM_MEASURE_DETERMINISTIC);
    sim_population_tells(&c->packets, SIM_INSIDE, c->latency);
    stat_init(&c->blocking);
    traffic_watch(c->net);
    qsort(c->entries, c->count, sizeof(*c->entries), by_time);
    for (uint32_t i = 0; i < c->d.terminals; i++)
        c->net->ops->set_terminal(c->net, i,
                                  &(struct net_terminal){ .receive = receive, .arg = c });
    sim_audit_register(c->sim, c->name, audit, c);
    if (c->count > 0) {
        c->first = c->entries[0].at;
        sim_at(c->sim, &c->event, c->first);
    }
    return c;
}

static void closed_finish(void *self, enum sim_end end)
{
    struct closed *c = self;
    unsigned flags = SIM_MEASURE_DEFAULT_COLUMN | (c->random ? 0 : SIM_MEASURE_DETERMINISTIC);
    sim_time span = c->last - c->first;
    double cycles = (double)span / (double)c->d.flit_time;
    if (c->dropped > 0)
        sim_remark(c->sim, "%zu packets were dropped by the network", c->dropped);
    if (c->delivered + c->dropped < c->count)
        sim_remark(c->sim, "%zu of %zu packets were delivered when the run ended (%s)",
                   c->delivered, c->count, sim_end_name(end));
    sim_scalar(c->sim, "makespan", "s", sim_time_seconds(span), flags);
    sim_scalar(c->sim, "makespan_cycles", "1", cycles, flags);
    sim_scalar(c->sim, "packets", "1", (double)c->delivered, flags);
    unsigned rest = flags & ~(unsigned)SIM_MEASURE_DEFAULT_COLUMN;
    if (c->delivered > 0)
        sim_scalar(c->sim, "latency_cycles", "1",
                   sim_measure_mean(c->latency) / sim_time_seconds(c->d.flit_time), rest);
    traffic_cycles_write(&c->latency_cycles, c->sim, "latency_cycles", rest);
    if (span > 0)
        sim_scalar(c->sim, "accepted", "flits/node/cycle",
                   (double)c->flits / cycles / c->d.terminals, flags);
    sim_time first_done = c->d.terminals ? c->last : 0;
    for (uint32_t i = 0; i < c->d.terminals; i++)
        if (c->done[i] > 0 && c->done[i] < first_done)
            first_done = c->done[i];
    sim_scalar(c->sim, "first_source_done", "s", sim_time_seconds(first_done - c->first), rest);
    sim_scalar(c->sim, "blocking", "s", c->blocking.mean, rest);
    traffic_channels(c->sim);
    traffic_pairs(c->net, c->files);
    traffic_write_channels(c->net, c->files);
}

/* ---- mesh_batch ---- */

enum exchange { EXCHANGE_NONE, EXCHANGE_SHIFTED, EXCHANGE_SAME, EXCHANGE_RANDOM };
static const char *const exchanges[] = { "none", "shifted", "same", "random", NULL };

struct batch_params {
    struct pattern_params pattern; /* first */
    int64_t packets, packet_flits;
    int exchange;
};

static const struct param batch_params[] = {
    PATTERN_PARAMS,
    P_INT(batch_params, packets, "1", "1", "1000000",
          "Packets that every terminal has at time 0 (rounds, with exchange).",
          "ASSUMED(one shows the exact hand-over of channels)"),
    P_INT(batch_params, packet_flits, "8", "1", "1048576", "Length of a packet.", "ASSUMED(short)"),
    P_CHOICE(
        batch_params, exchange, "none", exchanges,
        "All-to-all in place of a pattern.  shifted: terminal i sends to i+1, i+2, ...; same: all "
        "send to 0, 1, 2, ... in this order; random: each to all others in an order of its own.",
        "ASSUMED(a pattern is the common case)"),
    P_END,
};

/* The order in which terminal i sends to the others, in a round. */
static void draw_order(uint32_t *order, uint32_t n, struct sim_rng *r)
{
    for (uint32_t k = 0; k < n; k++) { /* [Fisher & Yates] */
        uint32_t at = (uint32_t)sim_rng_below(r, k + 1);
        order[k] = order[at];
        order[at] = k;
    }
}

static bool fill_exchange(struct closed *c, const struct batch_params *p, struct err *e)
{
    struct pattern_params all = p->pattern;
    struct pattern ranks; /* for their places */
    all.pattern = PATTERN_UNIFORM;
    all.self_sends = true;
    if (!pattern_init(&ranks, &all, &c->d, c->sim, e))
        return false;
    uint32_t n = c->d.terminals, *order = base_alloc(n * sizeof(*order));
    c->random = p->exchange == EXCHANGE_RANDOM;
    for (uint32_t i = 0; i < n; i++) {
        struct sim_rng r;
        sim_rng_init_indexed(&r, c->sim, "mesh_batch/order", i);
        for (int64_t round = 0; round < p->packets; round++) {
            if (c->random)
                draw_order(order, n, &r);
            for (uint32_t k = 0; k < n; k++) {
                uint32_t dst = p->exchange == EXCHANGE_SHIFTED ? (i + k) % n : k;
                if (c->random)
                    dst = order[k];
                if (dst != i)
                    add(c, (struct entry){ .src = pattern_node(&ranks, i),
                                           .dst = pattern_node(&ranks, dst),
                                           .flits = (uint32_t)p->packet_flits });
            }
        }
    }
    free(order);
    pattern_fini(&ranks);
    return true;
}

static bool fill_pattern(struct closed *c, const struct batch_params *p, struct err *e)
{
    struct pattern pattern;
    if (!pattern_init(&pattern, &p->pattern, &c->d, c->sim, e))
        return false;
    c->random = pattern_is_random(&pattern);
    for (uint32_t i = 0; i < c->d.terminals; i++) {
        struct sim_rng r;
        sim_rng_init_indexed(&r, c->sim, "mesh_batch/source", i);
        for (int64_t k = 0; k < p->packets; k++) {
            uint32_t dst = pattern_next(&pattern, i, &r);
            if (dst != PATTERN_SILENT)
                add(c, (struct entry){ .src = i, .dst = dst, .flits = (uint32_t)p->packet_flits });
        }
    }
    pattern_fini(&pattern);
    return true;
}

static void *batch_create(struct sim *s, const struct direct_world *w, const void *params,
                          struct err *e)
{
    const struct batch_params *p = params;
    struct closed *c = closed_new(s, w, "mesh_batch");
    uint64_t each = p->exchange == EXCHANGE_NONE ? 1 : c->d.terminals;
    bool good = true;
    if ((uint64_t)p->packets * each * c->d.terminals > PACKETS_MAX)
        good = err_set(e,
                       "workload.packets: %" PRId64
                       " packets for each of %u terminals are too many: at most %u",
                       p->packets, c->d.terminals, PACKETS_MAX);
    else if (!traffic_fits(&c->d, p->packet_flits, "workload.packet_flits", e))
        good = false;
    else if (p->exchange != EXCHANGE_NONE)
        good = fill_exchange(c, p, e);
    else
        good = fill_pattern(c, p, e);
    if (good && c->count == 0)
        good = err_set(e, "workload: a network of one terminal has nobody to exchange with");
    if (good)
        return closed_start(c);
    closed_destroy(c);
    return NULL;
}

const struct direct_ops direct_mesh_batch = {
    .kind = { .name = "mesh_batch",
              .doc = "Every terminal has packets at time 0: the makespan until all are delivered.",
              .params = batch_params,
              .params_size = sizeof(struct batch_params) },
    .needs_net = true,
    .create = batch_create,
    .finish = closed_finish,
    .destroy = closed_destroy,
};

/* ---- mesh_list ---- */

struct list_params {
    const char *file;
    TRACE_CLOCK_MEMBERS;
    const struct val *packets;
};

static const struct param list_params[] = {
    P_FILE(list_params, file, "",
           "Text file below the configuration's folder, a line \"time source destination flits\" "
           "a packet.",
           "the user's"),
    TRACE_CLOCK_PARAMS(list_params, "own", "true"),
    P_VAL(list_params, packets,
          "The packets themselves: a list of { \"time\", source, destination, flits }.",
          "the user's"),
    P_END,
};

/* Reads a packet but for its time, which goes to *at. */
static bool read_line(struct closed *c, int unit, const char *where, char *line, trace_time *at,
                      struct err *e)
{
    char *words[5] = { NULL }, *rest = line, *end;
    size_t count = 0;
    for (char *word; (word = strsep(&rest, " \t,")) && count < 5;)
        if (*word)
            words[count++] = word;
    if (count != 4)
        return err_set(e, "%sa line has four fields: time source destination flits", where);
    struct entry x = { 0 };
    struct err why = ERR_INIT;
    if (!trace_time_parse(words[0], unit, at, &why))
        return err_set(e, "%s%s", where, why.text);
    uint32_t *fields[] = { &x.src, &x.dst, &x.flits };
    for (int i = 0; i < 3; i++) {
        errno = 0;
        unsigned long v = isdigit((unsigned char)words[i + 1][0]) ? strtoul(words[i + 1], &end, 10)
                                                                  : (end = words[i + 1], 0ul);
        unsigned long most = i < 2 ? c->d.terminals - 1 : 1048576, least = i < 2 ? 0 : 1;
        if (i == 2 && c->d.longest > 0)
            most = c->d.longest;
        if (*end || errno || v < least || v > most)
            return err_set(e, "%s'%.80s' is not a %s: %lu to %lu are", where, words[i + 1],
                           i < 2 ? "terminal" : "length in flits", least, most);
        *fields[i] = (uint32_t)v;
    }
    add(c, x);
    return true;
}

static bool read_file(struct closed *c, const struct list_params *p, const struct input *in,
                      struct err *e)
{
    struct input_lines from = { .in = in };
    struct trace_times times = { .count = 0 };
    char line[256], where[600];
    trace_time at = 0;
    bool good = true;
    while (good && input_line(&from, line, sizeof line, e)) {
        snprintf(where, sizeof where, "%.500s:%zu: ", in->shown, from.number);
        if (c->count == PACKETS_MAX)
            good = err_set(e, "%smore than %u packets", where, PACKETS_MAX);
        else if ((good = read_line(c, p->time_unit, where, line, &at, e)))
            trace_times_add(&times, at, from.number);
    }
    good = good && !e->set && trace_times_fit(&times, p->origin, p->sort, in->shown, e);
    for (size_t i = 0; good && i < times.count; i++)
        c->entries[i].at = trace_times_at(&times, i);
    trace_times_fini(&times);
    return good;
}

static bool read_list(struct closed *c, const struct val *list, struct err *e)
{
    char where[512], line[256];
    trace_time at = 0;
    for (size_t i = 0; i < list->count; i++) {
        const struct val *v = list->items[i];
        val_where(v, where, sizeof(where));
        if (v->type != VAL_LIST || v->count != 4 || v->items[0]->type != VAL_STRING ||
            v->items[1]->type != VAL_INT || v->items[2]->type != VAL_INT ||
            v->items[3]->type != VAL_INT)
            return err_set(e, "%sa packet is { \"time\", source, destination, flits }", where);
        snprintf(line, sizeof(line), "%.100s %" PRId64 " %" PRId64 " %" PRId64, v->items[0]->u.s,
                 v->items[1]->u.i, v->items[2]->u.i, v->items[3]->u.i);
        if (!read_line(c, 0, where, line, &at, e))
            return false;
        c->entries[c->count - 1].at = (sim_time)at;
    }
    return true;
}

static void *list_create(struct sim *s, const struct direct_world *w, const void *params,
                         struct err *e)
{
    const struct list_params *p = params;
    struct closed *c = closed_new(s, w, "mesh_list");
    bool good = true;
    if (p->file[0])
        good = read_file(c, p, direct_file(w, p->file), e);
    if (good && p->packets && p->packets->type != VAL_LIST)
        good = err_set(e, "workload.packets must be a list");
    else if (good && p->packets)
        good = read_list(c, p->packets, e);
    if (good && c->count == 0)
        good = err_set(e, "workload.%s: there is no packet: give file or packets",
                       p->file[0] ? "file" : "packets");
    if (good)
        return closed_start(c);
    closed_destroy(c);
    return NULL;
}

static void list_finish(void *self, enum sim_end end)
{
    struct closed *c = self;
    closed_finish(self, end);
    trace_idle_remark(c->sim, SIM_KIND_CHANNEL, "the channels");
}

const struct direct_ops direct_mesh_list = {
    .kind = { .name = "mesh_list",
              .doc = "Packets from a file or a list, each at its time: a trace.",
              .params = list_params,
              .params_size = sizeof(struct list_params) },
    .needs_net = true,
    .create = list_create,
    .finish = list_finish,
    .destroy = closed_destroy,
};
