/* place.c: on which nodes the ranks are, and which node leads.
 *
 * *Seats* are the nodes that may have ranks: those that have them at first, then the spares.  Each
 * node of a seat knows from the failure detector who is down.  Who leads a run has told so in its
 * RESET, and goes on leading while it lives; seat 0 leads run 0.
 *
 *   state of a seat   event -> next (function)
 *   follows           somebody has died, and it is the lowest that is up -> claims (node_changed);
 *                     the same when it begins another life (elect)
 *   claims            it has asked all who are up (WHO): one of them leads -> follows; else leads
 *   leads             somebody obeys another, of a higher run, or of the same run and a lower seat
 *                     -> follows (ckpt_lead_refused)
 *
 *   PLACE3  A node obeys the leader of the highest run that it has been told of, and one leader a
 *       run: what others ask is refused.  So of two who lead at once (each can have heard of
 *       another death last) none can have all begin its run but the one with the higher, and only
 *       that can have a checkpoint committed: a commit record is written by rank 0's node, for the
 *       leader that it obeys.
 *   PLACE4  A new leader has asked all who are up: its run is higher than any that one of them was
 *       in, and its placement the newest that one of them has.
 */
#include "os/ckpt/ckpt_internal.h"

/* ---- seats ---- */

bool ckpt_free_seat(const struct ckpt *c, const struct os_places *places, uint32_t seat)
{
    return !c->seats[seat].down && os_places_rank(places, c->seats[seat].node) == OS_NO_RANK;
}

uint32_t ckpt_seat_of(const struct ckpt *c, uint32_t node)
{
    uint32_t seat = 0;
    while (seat < c->seat_count && c->seats[seat].node != node)
        seat++;
    return seat;
}

static uint32_t lowest_up(const struct ckpt *c)
{
    uint32_t seat = 0;
    while (c->seats[seat].down) /* this node's own is never */
        seat++;
    return seat;
}

void ckpt_elect(struct ckpt *c)
{
    bool follows = c->leader != CKPT_NOBODY && !c->seats[c->leader].down;
    if (!ckpt_leads(c->lead) && !follows && lowest_up(c) == c->seat)
        ckpt_lead_claim(c);
}

static void elect(struct port_timer *t)
{
    ckpt_elect(t->arg);
}

/* By the failure detector, which tells all at once: nobody hears of a death in the next run. */
static void node_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct ckpt *c = arg;
    uint32_t seat = ckpt_seat_of(c, node);
    (void)life;
    if (seat == c->seat_count)
        return;
    c->seats[seat].down = !alive;
    c->seats[seat].since = port_now(c->port);
    if (!alive && seat == c->leader)
        c->leader = CKPT_NOBODY;
    if (ckpt_leads(c->lead))
        ckpt_lead_changed(c->lead, seat, alive);
    else if (!alive && lowest_up(c) == c->seat) /* it may be the leader who is not known here */
        ckpt_lead_claim(c);
}

uint32_t ckpt_spares(const struct os_layout *l)
{
    const struct ckpt_params *p = os_service_params(l, &ckpt_service);
    return p ? (uint32_t)p->spares : 0;
}

bool ckpt_fits(const struct os_layout *l, uint32_t ranks, struct err *e)
{
    const struct ckpt_params *p = os_service_params(l, &ckpt_service);
    if (!p)
        return true;
    if (ranks + (uint64_t)p->spares > l->compute_count)
        return err_set(e,
                       "the workload has %u programs, but of the %u compute nodes %u are spares "
                       "(machine.os.ckpt.spares)",
                       ranks, l->compute_count, ckpt_spares(l));
    const uint32_t *other = os_unlike(l, 0, ranks);
    if (!other)
        other = os_unlike(l, l->compute_count - (uint32_t)p->spares, (uint32_t)p->spares);
    if (other)
        return err_set(e,
                       "what is saved of a program is bytes of its memory, and the bytes of a word "
                       "have another order on node %u than on node %u (machine.node.byte_order)",
                       *other, l->compute[0]);
    const struct ckpt_sink_ops *sink = kind_at(&ckpt_sinks, p->sink);
    return ckpt_moves_fit(p, ranks, e) && (!sink->fit || sink->fit(p, l, ranks, e));
}

bool ckpt_seats_start(struct ckpt *c)
{
    const struct os_layout *l = c->node->layout;
    uint32_t spares = (uint32_t)c->params->spares;
    c->seat_count = c->ranks + spares;
    c->seats = port_alloc(c->port, (c->seat_count + 1) * sizeof *c->seats);
    for (uint32_t i = 0; i < c->seat_count; i++)
        c->seats[i].node =
            l->compute[i < c->ranks ? i : l->compute_count - spares + (i - c->ranks)];
    c->seat = ckpt_seat_of(c, c->node->node);
    if (c->seat == c->seat_count)
        return false;
    port_on_node_change(c->port, node_changed, c);
    port_timer_init(c->port, &c->election, elect, c);
    if (port_incarnation(c->port) > 1) { /* all have heard of all by then */
        c->leader = CKPT_NOBODY;
        port_timer_set(&c->election, c->params->retry);
    }
    return true;
}

/* ---- what a rank tells who leads ---- */

void ckpt_go_back(struct ckpt *c)
{
    ckpt_tell_leader(c, CKPT_AGAIN);
}

void ckpt_failed(struct ckpt *c)
{
    if (c != NULL)
        ckpt_tell_leader(c, CKPT_FAILED);
}

/* ---- who is obeyed ---- */

bool ckpt_obey(struct ckpt *c, uint32_t run, uint32_t leader)
{
    if (run < c->run || (run == c->run && leader != c->leader)) /* PLACE3 */
        return false;
    c->run = run;
    c->leader = leader;
    if (leader != c->seat && ckpt_leads(c->lead))
        ckpt_lead_end(c->lead);
    return true;
}

/* ---- wire: u32 run, u32 leader, u32 it leads, u64 plan; then of a placement that is not the
 * first u32 version, u32 node of each rank ---- */

static void put32(struct rope *out, uint32_t v)
{
    uint8_t wire[4];
    wire_put32(wire, v);
    rope_add_bytes(out, wire, sizeof wire);
}

void ckpt_places_put(const struct os_places *places, struct rope *out)
{
    if (places->version == 0)
        return;
    put32(out, places->version);
    for (uint32_t r = 0; r < places->count; r++)
        put32(out, places->nodes[r]);
}

bool ckpt_places_get(struct ckpt *c, const struct rope *in, uint64_t at, struct os_places *out)
{
    uint8_t wire[4];
    if (in->length - at != 4 + 4 * (uint64_t)c->ranks)
        return false;
    os_places_copy(c->port, out, &c->node->places);
    rope_read(in, at, sizeof wire, wire);
    out->version = wire_get32(wire);
    for (uint32_t r = 0; r < c->ranks; r++) {
        rope_read(in, at + 4 + 4 * (uint64_t)r, sizeof wire, wire);
        out->own[r] = wire_get32(wire);
    }
    return true;
}

void ckpt_tell_who(const struct ckpt *c, struct rope *out)
{
    put32(out, c->run);
    put32(out, c->leader);
    put32(out, c->leader == c->seat);
    put32(out, (uint32_t)(ckpt_plan_pack(&c->plan) >> 32));
    put32(out, (uint32_t)ckpt_plan_pack(&c->plan));
    ckpt_places_put(&c->node->places, out);
}

/* ---- where this node stands in a placement ---- */

enum ckpt_status ckpt_take_places(struct ckpt *c, const struct rope *args)
{
    struct os_places places;
    uint32_t was = c->rank;
    if (!ckpt_places_get(c, args, CKPT_ARGS, &places))
        return CKPT_STATE;
    bool newer = os_places_take(c->node, &places), same = places.version == c->node->places.version;
    os_places_free(c->port, &places);
    if (!newer)
        return same ? CKPT_OK : CKPT_STATE;
    c->rank = os_places_rank(&c->node->places, c->node->node);
    nx_place(c->nx, c->node->places.nodes, c->rank == OS_NO_RANK ? NX_NO_NODE : c->rank);
    cut_place(c->cut, c->node->places.nodes, c->rank);
    for (uint32_t k = 0; c->sink->placed && k < c->params->jobs; k++)
        c->sink->placed(c->sinks[k], was != c->rank);
    return CKPT_OK;
}
