/* atm.c: an ATM network: stations on channels to switches, circuits, cells of 53 octets, AAL5.
 *
 * A flit is an octet of a frame; the frame and its trailer of 8 octets fill cells of 48, which go
 * over the circuit of their two stations: each switch looks the number on the cell's channel up and
 * finds the next channel and number.  A cell is stored and forwarded.  Queues, what they lose, and
 * what stations make of what is left: atm_output.c, atm_input.c, atm_frame.c.
 *
 * Not modelled: frames to many stations, AAL3/4, rates granted to circuits and their shaping,
 * priorities (CLP), resource management cells; circuits are never released.  The frames of
 * SONET: cells follow each other evenly, at the rate that is left for them.
 *
 *   ATM1  A packet's fate is told once, when its last cell is: at its station, or lost.
 *
 * Cost: a run of cells that meets no other has one event a channel; where runs meet, each cell has.
 */
#include "mesh/switch/atm.h"

#include <stdio.h>
#include <stdlib.h>

#include "mesh/switch/atm_internal.h"
#include "sim/audit.h"

static struct atm *of(const struct net *net)
{
    ASSERT(net->ops == &net_atm);
    return (struct atm *)(uintptr_t)net;
}

/* ---- stations that send ---- */

/* The cells of f enter the channel of its station from now on, one after the other. */
static void send_frame(struct atm *n, struct atm_host *h, struct atm_frame *f)
{
    struct atm_channel *q = &n->channels[f->c->src];
    h->sending = f->p;
    f->p->injected = n->now;
    for (uint32_t at = 0; at < f->cells; at++) {
        uint32_t pass = f->cells - at;
        if (pass > q->until_loss)
            pass = (uint32_t)q->until_loss;
        q->until_loss -= pass;
        if (pass > 0) {
            struct atm_run *r = atm_run_new(n, f, q, f->c->vci);
            r->first = at;
            r->count = pass;
            r->start = n->now + at * q->cell;
            r->gap = q->cell;
            atm_run_begin(n, r);
            at += pass;
        }
        if (at == f->cells)
            break;
        atm_draw_loss(q);
        h->why = atm_loss(q);
        if (at + 1 == f->cells)
            h->cut_short = f;
        else
            atm_lose(n, f, at, h->why);
    }
    n->steps++;
    q->free = n->now + f->cells * q->cell;
    sim_busy_add(&q->busy, n->net.sim, n->now, q->free);
    atm_post(n, q->free, ATM_SENT, h);
}

static void send_next(struct atm *n, struct atm_host *h)
{
    struct atm_frame *f = h->first;
    if (!f || h->sending)
        return;
    h->first = f->next;
    send_frame(n, h, f);
}

static void tail_left(struct atm *n, struct atm_host *h)
{
    atm_sent(n, h->sending);
    h->sending = NULL;
    if (h->cut_short)
        atm_lose(n, h->cut_short, h->cut_short->cells - 1, h->why);
    h->cut_short = NULL;
    send_next(n, h);
}

static void append(struct atm_frame **first, struct atm_frame **last, struct atm_frame *f)
{
    f->next = NULL;
    if (*first)
        (*last)->next = f;
    else
        *first = f;
    *last = f;
}

static void circuit_ready(struct atm *n, struct atm_circuit *c)
{
    struct atm_host *h = &n->hosts[c->src];
    c->ready = true;
    while (c->first) {
        struct atm_frame *f = c->first;
        c->first = f->next;
        append(&h->first, &h->last, f);
    }
    send_next(n, h);
}

static struct atm_circuit *circuit_of(struct atm *n, uint32_t src, uint32_t dst)
{
    struct atm_host *h = &n->hosts[src];
    if (!h->circuits)
        h->circuits = base_zalloc(n->stations, sizeof(*h->circuits));
    struct atm_circuit *c = h->circuits[dst];
    if (c)
        return c;
    c = h->circuits[dst] = atm_circuit_make(n, src, dst);
    c->ready = n->params.circuits == ATM_PERMANENT || n->params.setup == 0;
    n->counts.circuits++;
    if (!c->ready)
        atm_post(n, sim_time_add(n->now, sim_time_mul(n->params.setup, c->switches)), ATM_READY, c);
    return c;
}

static void atm_inject(struct net *net, struct net_packet *p)
{
    struct atm *n = of(net);
    ASSERT(p->src < n->stations && p->dst < n->stations);
    ASSERT_MSG(p->flits > 0 && p->flits <= AAL5_LONGEST,
               "longer than a frame (net_describe.longest)");
    n->now = sim_now(net->sim);
    struct atm_circuit *c = circuit_of(n, p->src, p->dst);
    struct atm_host *h = &n->hosts[p->src];
    struct atm_frame *f = atm_frame_new(n, p, c);
    n->counts.packets_in++;
    n->counts.flits_in += p->flits;
    p->blocked = 0;
    p->dropped = false;
    p->hops = 0;
    p->left = 0;
    if (c->ready) {
        append(&h->first, &h->last, f);
        send_next(n, h);
    } else {
        append(&c->first, &c->last, f);
    }
    atm_schedule(n);
}

/* ---- an instant ---- */

/* The last cell of a run is at its station. */
static void run_ended(struct atm *n, struct atm_run *r)
{
    struct atm_frame *f = r->f;
    uint32_t count = r->count;
    atm_got(n, f, r->first, count);
    n->steps++;
    if (r->first + count == f->cells) {
        n->counts.frames_merged += !f->good && f->lost == NET_OK;
        atm_tell(n, f, f->good);
    }
    atm_run_free(n, r);
    atm_frame_gone(n, f, count);
}

static void handle(struct atm *n, uint64_t word)
{
    void *at = (void *)(uintptr_t)(word & ~UINT64_C(7));
    switch (word & 7) {
    case ATM_ARRIVE: {
        struct atm_run *r = at;
        if (n->params.queue == ATM_INPUT) {
            r->next = n->arrived;
            n->arrived = r;
            break;
        }
        struct atm_channel *q = atm_hop_of(r->on, r->vci)->out;
        r->next = q->now;
        q->now = r;
        atm_mark(n, q);
        break;
    }
    case ATM_END:
        run_ended(n, at);
        break;
    case ATM_SENT:
        tail_left(n, at);
        break;
    case ATM_READY: {
        struct atm_circuit *c = at, **in = &n->ready;
        while (*in && ((*in)->src < c->src || ((*in)->src == c->src && (*in)->dst < c->dst)))
            in = &(*in)->next;
        c->next = *in;
        *in = c;
        break;
    }
    case ATM_FREE:
        atm_input_free(n, at);
        break;
    default:
        ASSERT_MSG(false, "no such word");
    }
}

static int by_source(const void *a, const void *b)
{
    uint32_t x = ((const struct atm_told *)a)->p->src, y = ((const struct atm_told *)b)->p->src;
    return (x > y) - (x < y);
}

static int by_destination(const void *a, const void *b)
{
    const struct net_packet *p = ((const struct atm_told *)a)->p;
    const struct net_packet *q = ((const struct atm_told *)b)->p;
    if (p->dst != q->dst)
        return p->dst < q->dst ? -1 : 1;
    if (p->src != q->src)
        return p->src < q->src ? -1 : 1;
    return (p->injected > q->injected) - (p->injected < q->injected);
}

static void tell_fate(struct atm *n, struct net_packet *p, enum net_status status)
{
    struct atm_host *h = &n->hosts[p->dst];
    if (status == NET_OK && h->terminal.room > 0 && h->room == 0)
        status = NET_DROPPED_FULL;
    p->dropped = status != NET_OK;
    if (p->dropped) {
        net_drop(&n->net, p, status);
    } else {
        h->room -= h->terminal.room > 0;
        n->counts.packets_out++;
        n->counts.flits_out += p->flits;
    }
    if (h->terminal.receive)
        h->terminal.receive(h->terminal.arg, p, status);
}

/* In order of the stations, whatever the order of the events was. */
static void call_terminals(struct atm *n)
{
    uint32_t sent = n->sent_count, done = n->done_count;
    n->sent_count = n->done_count = 0;
    for (uint32_t k = 0; k < done; k++)
        if (n->done[k].f && n->done[k].f->lost != NET_OK)
            n->done[k].status = n->done[k].f->lost;
    if (sent > 1)
        qsort(n->sent, sent, sizeof(*n->sent), by_source);
    for (uint32_t k = 0; k < sent; k++) {
        const struct net_terminal *t = &n->hosts[n->sent[k].p->src].terminal;
        if (t->sent)
            t->sent(t->arg, n->sent[k].p);
    }
    if (done > 1)
        qsort(n->done, done, sizeof(*n->done), by_destination);
    for (uint32_t k = 0; k < done; k++)
        tell_fate(n, n->done[k].p, n->done[k].status);
}

/* Handles the moment n->now. */
static void instant(struct atm *n)
{
    const uint64_t *words;
    uint32_t count = wheel_take(&n->wheel, &words);
    for (uint32_t i = 0; i < count; i++)
        handle(n, words[i]);
    for (; n->ready; n->ready = n->ready->next)
        circuit_ready(n, n->ready);
    while (n->arrived) {
        struct atm_run *r = n->arrived;
        n->arrived = r->next;
        atm_input_arrive(n, r);
    }
    for (uint32_t i = 0; i < n->dirty_count; i++)
        if (n->params.queue == ATM_INPUT)
            atm_input_choose(n, n->dirty[i]);
        else
            atm_output_arrive(n, n->dirty[i]);
    n->dirty_count = 0;
}

static void tick(struct sim *s, struct sim_event *e)
{
    struct atm *n = CONTAINER_OF(e, struct atm, tick);
    n->now = sim_now(s);
    for (;;) {
        instant(n);
        if (n->sent_count + n->done_count > 0)
            break;
        sim_time next = wheel_next(&n->wheel);
        if (next == SIM_NEVER || !sim_run_ahead(s, next))
            break;
        n->now = next;
    }
    atm_schedule(n);
    call_terminals(n);
}

static void settle(void *arg)
{
    struct atm *n = arg;
    for (uint32_t c = n->stations; c < n->channel_count; c++)
        atm_output_settle(n, &n->channels[c]);
}

/* ---- the network's slots ---- */

static void atm_set_terminal(struct net *net, uint32_t terminal, const struct net_terminal *t)
{
    struct atm *n = of(net);
    ASSERT(terminal < n->stations);
    n->hosts[terminal].terminal = *t;
    n->hosts[terminal].room = t->room;
}

static void atm_taken(struct net *net, uint32_t terminal)
{
    struct atm_host *h = &of(net)->hosts[terminal];
    if (h->terminal.room == 0)
        return;
    ASSERT_MSG(h->room < h->terminal.room, "no packet has the place");
    h->room++;
}

static void atm_describe(const struct net *net, struct net_describe *d)
{
    const struct atm *n = of(net);
    sim_time octet = (n->channels[0].cell + n->params.cell_octets / 2) / n->params.cell_octets;
    *d = (struct net_describe){ .model = "atm",
                                .terminals = n->stations,
                                .flit_bytes = 1,
                                .flit_time = octet,
                                .longest = AAL5_LONGEST,
                                .uniform_load = n->uniform_load };
    snprintf(d->shape, sizeof(d->shape), "ATM network of %u stations, %u switches", n->stations,
             n->switches);
}

static void atm_grid(const void *params, struct net_grid *g)
{
    (void)params;
    *g = (struct net_grid){ .drops = true };
}

static sim_time atm_zero_load(const struct net *net, uint32_t src, uint32_t dst, uint32_t flits)
{
    struct atm_circuit c = { .src = src, .dst = dst };
    atm_circuit_time(of(net), &c);
    return c.fixed + (sim_time)(aal5_cells(flits) - 1) * c.slowest;
}

static uint32_t atm_distance(const struct net *net, uint32_t src, uint32_t dst)
{
    struct atm_circuit c = { .src = src, .dst = dst };
    atm_circuit_time(of(net), &c);
    return c.switches - 1;
}

void atm_watch(struct net *net, atm_cell_fn *fn, void *arg)
{
    of(net)->watcher = fn;
    of(net)->watcher_arg = arg;
}

uint64_t atm_steps(const struct net *net)
{
    return of(net)->steps;
}

bool atm_circuit(const struct net *net, uint32_t src, uint32_t dst, uint32_t hop, uint32_t *vpi,
                 uint32_t *vci)
{
    const struct atm *n = of(net);
    const struct atm_circuit *c = n->hosts[src].circuits ? n->hosts[src].circuits[dst] : NULL;
    if (!c)
        return false;
    const struct atm_channel *q = &n->channels[src];
    uint32_t number = c->vci;
    for (; hop > 0; hop--) {
        const struct atm_hop *h = atm_hop_of(q, number);
        if (!h->out)
            return false;
        q = h->out;
        number = h->vci;
    }
    *vpi = number / ATM_VCIS;
    *vci = number % ATM_VCIS + ATM_VCI_FIRST;
    return true;
}

static void audit(void *self, struct sim_audit_report *r)
{
    const struct atm *n = self;
    const struct atm_counts *c = &n->counts;
    uint64_t packets = 0, flits = 0, cells = 0;
    for (const struct atm_frame *f = n->made_frames; f; f = f->made) {
        if (f->left == 0 || !f->p)
            continue;
        packets++;
        flits += f->p->flits;
    }
    for (const struct atm_run *x = n->made_runs; x; x = x->made)
        cells += x->f ? x->count - x->taken : 0;
    for (uint32_t i = 0; i < n->stations; i++) {
        const struct atm_host *h = &n->hosts[i];
        cells += h->cut_short != NULL;
        for (const struct atm_frame *f = h->first; f; f = f->next)
            cells += f->cells;
        for (uint32_t k = 0; h->circuits && k < n->stations; k++)
            for (const struct atm_frame *f = h->circuits[k] ? h->circuits[k]->first : NULL; f;
                 f = f->next)
                cells += f->cells;
    }
    for (uint32_t i = 0; i < n->channel_count; i++)
        cells += n->channels[i].in.count;
    sim_audit_balance(r, "packets", c->packets_in, c->packets_out, packets,
                      net_audit_drops(&n->net, r));
    sim_audit_balance(r, "flits", c->flits_in, c->flits_out, flits, n->net.flits_dropped);
    sim_audit_balance(r, "cells", c->cells_in, c->cells_out, cells,
                      c->cells_dropped + c->cells_lost);
}

/* ---- making ---- */

static const struct counter counters[] = {
    C_SUM(atm, counts, packets_in, "1", "Packets injected."),
    C_SUM(atm, counts, packets_out, "1", "Packets delivered."),
    NET_DROPS(atm, net, "packets_dropped_queue", NET_DROPPED_QUEUE,
              "Packets of which a full queue lost cells, or which it refused."),
    NET_DROPS(atm, net, "packets_dropped_damaged", NET_DROPPED_DAMAGED,
              "Packets of which a channel lost cells, or that came with the rest of another."),
    NET_DROPS(atm, net, "packets_dropped_full", NET_DROPPED_FULL,
              "Packets whose receiver had no room for them."),
    NET_DROPS(atm, net, "packets_dropped_fault", NET_DROPPED_FAULT,
              "Packets of which a cell met a channel or a switch that was down."),
    C_SUM(atm, counts, flits_in, "1", "Flits of the packets injected."),
    C_SUM(atm, counts, flits_out, "1", "Flits of the packets delivered."),
    C_SUM(atm, counts, cells_in, "1", "Cells that packets were cut into."),
    C_SUM(atm, counts, cells_out, "1", "Cells that came to their station."),
    C_SUM(atm, counts, cells_dropped, "1", "Cells that queues lost."),
    C_SUM(atm, counts, cells_lost, "1", "Cells that a channel damaged, or lost as it was down."),
    C_SUM(atm, counts, frames_refused, "1", "Frames that began above the threshold of `epd`."),
    C_SUM(atm, counts, frames_merged, "1",
          "Frames that came whole behind the rest of another, and were rejected with it."),
    C_MOST(atm, counts, queue_longest, "1", "Most cells in one queue."),
    C_SUM(atm, counts, circuits, "1", "Circuits set up."),
    C_END,
};

static void atm_destroy(struct net *net)
{
    struct atm *n = of(net);
    sim_faults_free(net->schedule);
    free(n->selves);
    sim_cancel(net->sim, &n->tick);
    list_remove(&n->settler.link);
    sim_count_end(&net->counted);
    sim_audit_unregister(net->sim, n);
    while (n->made_runs) {
        struct atm_run *r = n->made_runs;
        n->made_runs = r->made;
        free(r);
    }
    while (n->made_frames) {
        struct atm_frame *f = n->made_frames;
        n->made_frames = f->made;
        free(f);
    }
    for (uint32_t i = 0; i < n->stations; i++) {
        for (uint32_t k = 0; n->hosts[i].circuits && k < n->stations; k++)
            free(n->hosts[i].circuits[k]);
        free(n->hosts[i].circuits);
    }
    free(n->hosts);
    free(n->sent);
    free(n->done);
    free(n->dirty);
    wheel_fini(&n->wheel);
    atm_graph_fini(n);
    free(n);
}

static struct net *atm_create(struct sim *s, const void *params, struct err *e)
{
    struct atm *n = base_zalloc(1, sizeof(*n));
    n->net = (struct net){ .ops = &net_atm, .sim = s, .params = &n->params };
    n->params = *(const struct atm_params *)params;
    n->stations = (uint32_t)n->params.stations;
    n->switches = (uint32_t)n->params.switches;
    if (!atm_graph_init(n, e)) {
        free(n);
        return NULL;
    }
    n->buffer = n->threshold = UINT32_MAX;
    if (n->params.buffer_cells > 0) {
        n->buffer = (uint32_t)n->params.buffer_cells;
        n->threshold = (uint32_t)((double)n->buffer * n->params.threshold);
    }
    n->hosts = base_zalloc(n->stations, sizeof(*n->hosts));
    n->dirty = base_zalloc(n->channel_count, sizeof(struct atm_channel *));
    atm_links_init(n);
    wheel_init(&n->wheel, n->channels[0].cell / 32);
    sim_event_init(&n->tick, SIM_CLASS_ARRIVAL, tick);
    sim_settle_by(s, &n->settler, settle, n);
    sim_count(&n->net.counted, s, "network", -1, counters, n);
    sim_audit_register(s, "atm", audit, n);
    if (!net_schedule_faults(&n->net, n->params.faults, e)) {
        atm_destroy(&n->net);
        return NULL;
    }
    return &n->net;
}

const struct net_ops net_atm = {
    .kind = { .name = "atm",
              .doc = "ATM: switches, circuits, cells of 53 octets in output or input queues, AAL5",
              .params = atm_params_desc,
              .params_size = sizeof(struct atm_params),
              .counters = counters },
    .create = atm_create,
    .destroy = atm_destroy,
    .set_terminal = atm_set_terminal,
    .taken = atm_taken,
    .inject = atm_inject,
    .describe = atm_describe,
    .grid = atm_grid,
    .zero_load = atm_zero_load,
    .fault_targets = atm_fault_targets,
    .fails = atm_fails,
    .distance = atm_distance,
};
