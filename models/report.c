/* report.c: what a machine run says of itself: what was busy, where time went, what was dropped.
 *
 * Shares, counts and means are of the measurement window: means of time over the frames delivered
 * into memory and the device requests whose completion was taken in it.
 */
#include "models/node.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define M_SUM(name, in, unit, doc) COUNTER(COUNTER_SUM, name, machine, in, unit, doc)
const struct counter machine_counters[] = {
    C_SUM(machine, counts, frames_in, "1", "Frames that the port took to be sent."),
    C_SUM(machine, counts, controls, "1", "Of these, markers that keep their place."),
    C_SUM(machine, counts, filter_looks, "1",
          "Ends and shapes of conditions looked at to find for whom a frame is."),
    C_SUM(machine, counts, frames_out, "1", "Frames given to their receiver."),
    C_SUM(machine, counts, bytes_in, "B", "Bytes of frames_in."),
    C_SUM(machine, counts, bytes_out, "B", "Bytes of frames_out."),
    M_SUM("frames_sender_crashed", counts.frames_dropped[DROP_SENDER_CRASHED], "1",
          "Frames dropped: their sender crashed before they were in its interface."),
    M_SUM("frames_receiver_crashed", counts.frames_dropped[DROP_RECEIVER_CRASHED], "1",
          "Frames dropped: their receiver crashed before it saw them."),
    M_SUM("frames_no_receiver", counts.frames_dropped[DROP_NO_RECEIVER], "1",
          "Frames dropped: no protocol receives at that node."),
    M_SUM("frames_adapter_full", counts.frames_dropped[DROP_ADAPTER_FULL], "1",
          "Frames dropped: their cells found no room in the adapter."),
    C_SUM(machine, counts, adapter_interrupts, "1",
          "Interrupts of adapters that have a price for them."),
    M_SUM("upcalls", counts.upcalls.done, "1", "Upcalls that ran."),
    M_SUM("upcalls_dropped", counts.upcalls.dropped, "1", "Upcalls whose task ended before."),
    M_SUM("threads", counts.threads.made, "1", "Threads begun."),
    M_SUM("threads_killed", counts.threads.dropped, "1", "Threads that ended with their task."),
    M_SUM("requests", counts.requests.done, "1", "Device requests completed."),
    M_SUM("requests_dropped", counts.requests.dropped, "1",
          "Device requests whose task ended before."),
    M_SUM("changes", counts.changes.done, "1", "Requests to libraries completed."),
    M_SUM("changes_dropped", counts.changes.dropped, "1",
          "Requests to libraries whose task ended before."),
    M_SUM("effects_dropped", counts.effects.dropped, "1",
          "Sends, wakes and requests whose task ended before they took place."),
    C_SUM(machine, counts, timers_dropped, "1", "Timers pending when their task ended."),
    C_SUM(machine, counts, crashes, "1", "Crashes of nodes."),
    C_SUM(machine, counts, restarts, "1", "Restarts of nodes."),
    C_END,
};

static const struct {
    enum sim_kind kind;
    const char *busiest, *mean, *queue, *fullest, *node;
} kinds[] = {
    { SIM_KIND_CPU, "cpu.busiest", "cpu.mean", "cpu.queue", "cpu.fullest", "cpu.fullest.node" },
    { SIM_KIND_BUS, "bus.busiest", "bus.mean", NULL, NULL, NULL },
    { SIM_KIND_CHANNEL, "channel.busiest", "channel.mean", NULL, NULL, NULL },
    { SIM_KIND_ARM, "arm.busiest", "arm.mean", "arm.queue", "arm.fullest", "arm.fullest.node" },
    { SIM_KIND_NIC, NULL, NULL, "nic.queue", "nic.fullest", "nic.fullest.node" },
    { SIM_KIND_SCSI, NULL, NULL, "scsi.queue", "scsi.fullest", "scsi.fullest.node" },
};

static void seconds(struct sim *s, const char *name, double sum, uint64_t count)
{
    if (count > 0)
        sim_scalar(s, name, "s", sum / (double)count / (double)SIM_SEC, 0);
}

/* What devices moved and what programs say that they did: more than the devices came from caches or
 * stayed in them. */
static void devices(struct machine *m, double bytes)
{
    struct sim *s = m->sim;
    const struct measure *rate = m->rate;
    double window = sim_time_seconds(sim_window_length(s));
    if (m->storage_count == 0 || window <= 0)
        return;
    sim_scalar(s, "io.bandwidth", "B/s", bytes / window, 0);
    if (rate != NULL && strcmp(rate->unit, "B/s") == 0 && m->window.progress > 1.1 * bytes)
        sim_remark(s,
                   "the devices moved %.3g MB in the window, the programs %.3g MB: the rest is in "
                   "caches, or went to several",
                   bytes * 1e-6, m->window.progress * 1e-6);
}

/* ---- groups of nodes of their own kind ---- */

static const enum sim_kind group_kinds[] = { SIM_KIND_CPU, SIM_KIND_BUS };
static const char *const group_names[] = { "cpu", "bus" };

struct group_busy {
    const struct machine *m;
    struct {
        sim_time sum, most;
        uint64_t count;
    } * of; /* by group, by kind */
};

static void add_busy(void *arg, const struct sim_busy *b)
{
    struct group_busy *g = arg;
    const struct machine *m = g->m;
    size_t k = 0, i = 0;
    while (k < ARRAY_LEN(group_kinds) && group_kinds[k] != b->kind)
        k++;
    if (k == ARRAY_LEN(group_kinds) || b->node < 0)
        return;
    while (i < m->own_count && m->owns[i] != m->nodes[b->node].own)
        i++;
    if (i == m->own_count)
        return;
    sim_time busy = sim_busy_time(b, sim_now(m->sim));
    i = i * ARRAY_LEN(group_kinds) + k;
    g->of[i].sum += busy;
    g->of[i].most = busy > g->of[i].most ? busy : g->of[i].most;
    g->of[i].count++;
}

/* Shares of the window by group, as of all nodes: those that it counts for. */
static void groups(struct machine *m)
{
    struct group_busy g = { .m = m };
    double window = (double)sim_window_length(m->sim);
    if (window <= 0 || m->own_count == 0)
        return;
    g.of = base_zalloc(m->own_count * ARRAY_LEN(group_kinds), sizeof *g.of);
    sim_busy_each(m->sim, add_busy, &g);
    for (size_t i = 0; i < m->own_count * ARRAY_LEN(group_kinds); i++) {
        char name[128];
        const char *group = m->params.nodes->items[i / ARRAY_LEN(group_kinds)]->key;
        const char *kind = group_names[i % ARRAY_LEN(group_kinds)];
        if (g.of[i].count == 0)
            continue;
        snprintf(name, sizeof name, "%s.%s.busiest", group, kind);
        sim_scalar(m->sim, name, "1", (double)g.of[i].most / window, 0);
        snprintf(name, sizeof name, "%s.%s.mean", group, kind);
        sim_scalar(m->sim, name, "1", (double)g.of[i].sum / (double)g.of[i].count / window, 0);
    }
    free(g.of);
}

void machine_finish(struct machine *m)
{
    struct sim *s = m->sim;
    captures_end(m);
    machine_window_finish(m);
    const struct machine_counts *a = &m->window.at_open, *z = &m->window.at_close, *c = &m->counts;
    uint64_t frames = z->frames_out - a->frames_out, upcalls = z->upcalls.done - a->upcalls.done;
    uint64_t requests = z->requests.done - a->requests.done;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        double share, mean, most;
        int32_t node;
        if (kinds[i].queue != NULL && sim_queue_mean(s, kinds[i].kind, &mean, &most, &node)) {
            sim_scalar(s, kinds[i].queue, "1", mean, 0);
            sim_scalar(s, kinds[i].fullest, "1", most, 0);
            sim_scalar(s, kinds[i].node, "1", node, 0);
        }
        if (sim_busiest(s, kinds[i].kind, &share) == NULL)
            continue;
        sim_scalar(s, kinds[i].busiest, "1", share, 0);
        sim_scalar(s, kinds[i].mean, "1", sim_busy_mean(s, kinds[i].kind), 0);
    }
    groups(m);
    seconds(s, "frame.queue", (double)(z->frame_queue - a->frame_queue), frames);
    seconds(s, "frame.dma", (double)(z->frame_dma - a->frame_dma), frames);
    seconds(s, "frame.mesh", (double)(z->frame_mesh - a->frame_mesh), frames);
    seconds(s, "frame.blocked", (double)(z->frame_blocked - a->frame_blocked), frames);
    seconds(s, "upcall.wait", (double)(z->upcall_wait - a->upcall_wait), upcalls);
    seconds(s, "upcall.work", (double)(z->upcall_work - a->upcall_work), upcalls);
    seconds(s, "io.queue", z->io_queue - a->io_queue, requests);
    seconds(s, "io.device", z->io_device - a->io_device, requests);
    devices(m, c->io_bytes - a->io_bytes);
    sim_scalar(s, "steps", "1", (double)m->steps, 0);
    uint64_t dropped = c->frames_in - c->frames_out;
    if (c->crashes > 0)
        sim_remark(s,
                   "%lu crashes and %lu restarts of nodes; %lu of %lu frames were dropped or "
                   "are on their way",
                   c->crashes, c->restarts, dropped, c->frames_in);
}
