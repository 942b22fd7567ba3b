/* atm_graph.c: the channels of an ATM network, the routes over them, and circuits with their
 * numbers.
 *
 * A route has the fewest trunks; of several such it takes, at each switch, the trunk that was named
 * first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "mesh/switch/atm_internal.h"

/* Bits a second that are there for cells. */
static const char *const rate_names[] = { "oc3c", "oc12c", "taxi140", "taxi100", NULL };
static const char *const trunk_rate_names[] = {
    "oc3c", "oc12c", "taxi140", "taxi100", "same", NULL
};
static const int64_t rates[] = { 149760000, 599040000, 140000000, 100000000 };
#define SAME_RATE 4

static const char *const queue_names[] = { "output", "input", NULL };
static const char *const drop_names[] = { "tail", "ppd", "epd", NULL };
static const char *const circuit_names[] = { "permanent", "switched", NULL };

const struct param atm_params_desc[] = {
    P_INT(atm_params, stations, "16", "1", "4096", "Stations; in a machine its nodes.",
          "ASSUMED(small example)"),
    P_INT(atm_params, switches, "1", "1", "256", "Switches.", "ASSUMED(small example)"),
    P_VAL(atm_params, at,
          "The switch that each station is at: a list of numbers from 0, one for each; without, "
          "they are dealt evenly, neighbours together.",
          "the user's"),
    P_VAL(atm_params, trunks,
          "Channels between switches, both ways: a list of { switch, switch } or { switch, "
          "switch, rate }.",
          "the user's"),
    P_CHOICE(atm_params, rate, "oc3c", rate_names,
             "Of a station's channel: OC-3c (149.76 Mb/s of cells), OC-12c (599.04), TAXI of 140 "
             "or 100 Mb/s.",
             "ITU-T I.432: 260 of 270 columns of 155.52 Mb/s; ATM Forum UNI 3.1"),
    P_CHOICE(atm_params, trunk_rate, "same", trunk_rate_names,
             "Of a trunk that names none; same: that of the stations.", "ASSUMED(small network)"),
    P_INT(atm_params, cell_octets, "53", "53", "64",
          "Octets of a channel that one cell takes: 54 with the start symbol of TAXI.",
          "ITU-T I.361"),
    P_TIME(atm_params, propagation, "500ns", "0", "1s", "Of every channel.",
           "ASSUMED(100 m of fibre at 5 ns a metre)"),
    P_TIME(atm_params, transit, "10us", "0", "1s",
           "From a cell's last bit into a switch to its being in the queue.",
           "ASSUMED(FORE ASX-100, about 10 us a cell, from memory)"),
    P_CHOICE(atm_params, queue, "output", queue_names,
             "output: a queue in front of each channel, and a switch that is fast enough to fill "
             "them; input: one behind each, whose first cell alone may cross.",
             "FORE ASX-100: output; Karol, Hluchyj and Morgan 1987"),
    P_CHOICE(atm_params, drop, "tail", drop_names,
             "What a full queue loses.  tail: each cell that comes; ppd: and the rest of its "
             "frame but the last cell; epd: and whole frames that begin above the threshold.",
             "Romanow and Floyd 1995"),
    P_INT(atm_params, buffer_cells, "256", "0", "10000000",
          "Cells that wait in one queue, that on the channel not counted; 0: any number.",
          "FORE ASX-100: 256 a port, from memory"),
    P_REAL(atm_params, threshold, "0.5", "0", "1",
           "Part of buffer_cells above which `epd` refuses frames.",
           "ASSUMED(half a queue holds the rest of the frames that have begun)"),
    P_CHOICE(atm_params, circuits, "permanent", circuit_names,
             "permanent: all are set up; switched: each on its first use, for `setup` of each "
             "switch.",
             "ATM Forum UNI 3.1"),
    P_TIME(atm_params, setup, "10ms", "0", "100s",
           "That a switch takes to set up a circuit (circuits = \"switched\").",
           "ASSUMED(signalling is software of the switch's controller)"),
    P_REAL(atm_params, cell_loss, "0", "0", "0.5",
           "Part of the cells on a channel whose header is damaged, and which are lost.",
           "ASSUMED(fibre: next to none)"),
    NET_FAULTS_PARAM(atm_params),
    P_END,
};

/* Rounded to a picosecond: at OC-3c 1.5e-7 too long, where SONET's clocks may be 2e-5 off. */
static sim_time cell_time(const struct atm_params *p, int rate)
{
    return (p->cell_octets * 8 * SIM_SEC + rates[rate] / 2) / rates[rate];
}

/* ---- reading ---- */

static bool read_at(struct atm *n, struct err *e)
{
    const struct val *list = n->params.at;
    char where[256];
    for (uint32_t i = 0; i < n->stations; i++)
        n->at[i] = (uint32_t)((uint64_t)i * n->switches / n->stations);
    if (!list)
        return true;
    if (list->type != VAL_LIST || list->count != n->stations)
        return err_set(e, "mesh.at: must be a list of %u switches, one a station", n->stations);
    for (uint32_t i = 0; i < n->stations; i++) {
        const struct val *v = list->items[i];
        if (v->type != VAL_INT || v->u.i < 0 || v->u.i >= n->switches)
            return err_set(e, "%smesh.at: a switch is a whole number from 0 to %u",
                           val_where(v, where, sizeof where), n->switches - 1);
        n->at[i] = (uint32_t)v->u.i;
    }
    return true;
}

static void add_channel(struct atm *n, uint32_t from, uint32_t to, uint32_t terminal, sim_time cell)
{
    struct atm_channel *q = &n->channels[n->channel_count];
    *q = (struct atm_channel){ .index = n->channel_count++, .from = from, .to = to };
    q->terminal = terminal;
    q->cell = cell;
    q->after = n->params.propagation;
    if (terminal == ATM_NO_TERMINAL) {
        q->after += n->params.transit;
        q->input = n->inputs[to]++;
    }
    list_init(&q->streams);
}

static bool read_rate(const struct atm *n, const struct val *v, int *rate)
{
    *rate = n->params.trunk_rate == SAME_RATE ? n->params.rate : n->params.trunk_rate;
    if (!v)
        return true;
    for (int i = 0; v->type == VAL_STRING && rate_names[i]; i++)
        if (strcmp(v->u.s, rate_names[i]) == 0) {
            *rate = i;
            return true;
        }
    return false;
}

static bool read_trunk(struct atm *n, const struct val *v, struct err *e)
{
    char where[256];
    uint32_t ends[2] = { 0, 0 };
    int rate;
    bool shape = v->type == VAL_LIST && (v->count == 2 || v->count == 3);
    if (!shape || !read_rate(n, v->count == 3 ? v->items[2] : NULL, &rate))
        return err_set(e,
                       "%smesh.trunks: a trunk is { switch, switch } or { switch, switch, rate } "
                       "with a rate of oc3c, oc12c, taxi140, taxi100",
                       val_where(v, where, sizeof where));
    for (int k = 0; k < 2; k++) {
        const struct val *x = v->items[k];
        if (x->type != VAL_INT || x->u.i < 0 || x->u.i >= n->switches ||
            (k == 1 && x->u.i == ends[0]))
            return err_set(e, "%smesh.trunks: a trunk joins two switches, numbers from 0 to %u",
                           val_where(v, where, sizeof where), n->switches - 1);
        ends[k] = (uint32_t)x->u.i;
    }
    for (int k = 0; k < 2; k++)
        add_channel(n, ends[k], ends[1 - k], ATM_NO_TERMINAL, cell_time(&n->params, rate));
    return true;
}

/* ---- routes ---- */

/* From every switch to `to`, breadth first from there. */
static void find_routes(struct atm *n, uint32_t to, uint32_t *far, uint32_t *list)
{
    uint32_t count = 1, stations = 2 * n->stations;
    for (uint32_t i = 0; i < n->switches; i++)
        far[i] = UINT32_MAX;
    far[to] = 0;
    list[0] = to;
    for (uint32_t k = 0; k < count; k++)
        for (uint32_t c = stations; c < n->channel_count; c++) {
            uint32_t from = n->channels[c].from;
            if (n->channels[c].to == list[k] && far[from] == UINT32_MAX) {
                far[from] = far[list[k]] + 1;
                list[count++] = from;
            }
        }
    for (uint32_t c = n->channel_count; c-- > stations;) {
        const struct atm_channel *q = &n->channels[c];
        if (far[q->from] != UINT32_MAX && far[q->from] == far[q->to] + 1)
            n->route[q->from * n->switches + to] = c;
    }
}

static bool find_all_routes(struct atm *n, struct err *e)
{
    uint32_t *far = base_alloc(2 * n->switches * sizeof(*far));
    bool good = true;
    for (uint32_t to = 0; good && to < n->switches; to++) {
        find_routes(n, to, far, far + n->switches);
        for (uint32_t i = 0; good && i < n->switches; i++)
            if (far[i] == UINT32_MAX)
                good =
                    err_set(e, "mesh.trunks: there is no way from switch %u to switch %u", i, to);
    }
    free(far);
    return good;
}

/* Flits a flit time of the busiest channel, at one of each station to stations drawn evenly: each
 * flit is a 48th of a cell. */
static void reckon_load(struct atm *n)
{
    double *flows = base_zalloc(n->channel_count, sizeof(*flows)), most = 0;
    uint32_t *of = base_zalloc(n->switches, sizeof(*of));
    for (uint32_t i = 0; i < n->stations; i++) {
        of[n->at[i]]++;
        flows[i] = flows[n->stations + i] = n->stations;
    }
    for (uint32_t a = 0; a < n->switches; a++)
        for (uint32_t b = 0; b < n->switches; b++)
            for (uint32_t at = a; at != b;) {
                uint32_t c = n->route[at * n->switches + b];
                flows[c] += (double)of[a] * of[b];
                at = n->channels[c].to;
            }
    double flit = (double)n->channels[0].cell / (double)n->params.cell_octets;
    for (uint32_t c = 0; c < n->channel_count; c++) {
        double load = flows[c] / n->stations * (double)n->channels[c].cell / ATM_PAYLOAD / flit;
        most = load > most ? load : most;
    }
    n->uniform_load = most;
    free(flows);
    free(of);
}

static void begin_channel(struct atm *n, struct atm_channel *q)
{
    char name[48];
    if (q->index < n->stations)
        snprintf(name, sizeof name, "from station %u", q->index);
    else if (q->terminal != ATM_NO_TERMINAL)
        snprintf(name, sizeof name, "to station %u", q->terminal);
    else
        snprintf(name, sizeof name, "%u from switch %u to %u", q->index - 2 * n->stations, q->from,
                 q->to);
    sim_busy_init(&q->busy, n->net.sim, SIM_KIND_CHANNEL, -1, name);
    sim_rng_init_indexed(&q->rng, n->net.sim, "atm/loss", q->index);
    net_link_init(&q->link, n->net.sim, "atm/link", q->index);
    q->from_inputs = n->inputs[q->from];
    q->asks = base_zalloc((q->from_inputs + 63) / 64, sizeof(*q->asks));
    if (q->terminal != ATM_NO_TERMINAL)
        return;
    if (!n->into[q->to])
        n->into[q->to] = base_zalloc(n->inputs[q->to], sizeof(struct atm_channel *));
    n->into[q->to][q->input] = q;
}

bool atm_graph_init(struct atm *n, struct err *e)
{
    const struct val *trunks = n->params.trunks;
    if (trunks && trunks->type != VAL_LIST)
        return err_set(e, "mesh.trunks: must be a list of trunks");
    size_t most = 2 * (n->stations + (trunks ? trunks->count : 0));
    sim_time cell = cell_time(&n->params, n->params.rate);
    n->channels = base_zalloc(most, sizeof(*n->channels));
    n->inputs = base_zalloc(n->switches, sizeof(*n->inputs));
    n->into = base_zalloc(n->switches, sizeof(*n->into));
    n->at = base_zalloc(n->stations, sizeof(*n->at));
    n->route = base_zalloc((size_t)n->switches * n->switches, sizeof(*n->route));
    bool good = read_at(n, e);
    for (uint32_t i = 0; good && i < n->stations; i++)
        add_channel(n, n->at[i], n->at[i], ATM_NO_TERMINAL, cell);
    for (uint32_t i = 0; good && i < n->stations; i++)
        add_channel(n, n->at[i], n->at[i], i, cell);
    for (size_t i = 0; good && trunks && i < trunks->count; i++)
        good = read_trunk(n, trunks->items[i], e);
    if (!good || !find_all_routes(n, e)) {
        n->channel_count = 0;
        atm_graph_fini(n);
        return false;
    }
    reckon_load(n);
    for (uint32_t c = 0; c < n->channel_count; c++)
        begin_channel(n, &n->channels[c]);
    return true;
}

void atm_graph_fini(struct atm *n)
{
    for (uint32_t c = 0; c < n->channel_count; c++) {
        sim_busy_fini(&n->channels[c].busy);
        free(n->channels[c].hops);
        free(n->channels[c].asks);
        free(n->channels[c].in.cells);
    }
    for (uint32_t i = 0; i < n->switches; i++)
        free(n->into[i]);
    free(n->into);
    free(n->channels);
    free(n->inputs);
    free(n->at);
    free(n->route);
}

/* ---- circuits ---- */

/* The channel behind q on the way to station dst; NULL: q ends there. */
static struct atm_channel *behind(const struct atm *n, const struct atm_channel *q, uint32_t dst)
{
    if (q->terminal != ATM_NO_TERMINAL)
        return NULL;
    if (q->to == n->at[dst])
        return &n->channels[n->stations + dst];
    return &n->channels[n->route[q->to * n->switches + n->at[dst]]];
}

static uint32_t number_on(struct atm_channel *q, struct atm_circuit *c)
{
    if (q->hop_count == q->hop_size) {
        q->hop_size = q->hop_size ? 2 * q->hop_size : 16;
        q->hops = base_realloc(q->hops, q->hop_size * sizeof(*q->hops));
    }
    q->hops[q->hop_count] = (struct atm_hop){ .c = c };
    return q->hop_count++;
}

void atm_circuit_time(const struct atm *n, struct atm_circuit *c)
{
    for (const struct atm_channel *q = &n->channels[c->src]; q; q = behind(n, q, c->dst)) {
        c->fixed += q->cell + q->after;
        c->slowest = sim_time_max(c->slowest, q->cell);
        c->switches += q->terminal == ATM_NO_TERMINAL;
    }
}

struct atm_circuit *atm_circuit_make(struct atm *n, uint32_t src, uint32_t dst)
{
    struct atm_circuit *c = base_zalloc(1, sizeof(*c));
    struct atm_channel *q = &n->channels[src], *next;
    *c = (struct atm_circuit){ .src = src, .dst = dst, .closed = true };
    atm_circuit_time(n, c);
    uint32_t vci = c->vci = number_on(q, c);
    for (; (next = behind(n, q, dst)); q = next) {
        uint32_t then = number_on(next, c);
        q->hops[vci].out = next;
        q->hops[vci].vci = then;
        vci = then;
    }
    return c;
}
