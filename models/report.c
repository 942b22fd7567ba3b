/* report.c: what a machine run says of itself: what was busy, where time went, what was dropped.
 *
 * Shares are of the measurement window.  Means of time are over all frames delivered into memory
 * and all device requests whose completion was taken.
 */
#include "models/node.h"

static const struct {
    enum sim_kind kind;
    const char *busiest, *mean;
} kinds[] = {
    { SIM_KIND_CPU, "cpu.busiest", "cpu.mean" },
    { SIM_KIND_BUS, "bus.busiest", "bus.mean" },
    { SIM_KIND_CHANNEL, "channel.busiest", "channel.mean" },
    { SIM_KIND_ARM, "arm.busiest", "arm.mean" },
};

static void seconds(struct sim *s, const char *name, double sum, uint64_t count)
{
    if (count > 0)
        sim_scalar(s, name, "s", sum / (double)count / (double)SIM_SEC, 0);
}

void machine_finish(struct machine *m)
{
    struct sim *s = m->sim;
    const struct machine_counts *c = &m->counts;
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        double share;
        if (sim_busiest(s, kinds[i].kind, &share) == NULL)
            continue;
        sim_scalar(s, kinds[i].busiest, "1", share, 0);
        sim_scalar(s, kinds[i].mean, "1", sim_busy_mean(s, kinds[i].kind), 0);
    }
    seconds(s, "frame.queue", c->frame_queue, c->frames_out);
    seconds(s, "frame.dma", c->frame_dma, c->frames_out);
    seconds(s, "frame.mesh", c->frame_mesh, c->frames_out);
    seconds(s, "frame.blocked", c->frame_blocked, c->frames_out);
    seconds(s, "upcall.wait", c->upcall_wait, c->upcalls.done);
    seconds(s, "upcall.work", c->upcall_work, c->upcalls.done);
    seconds(s, "io.queue", c->io_queue, c->requests.done);
    seconds(s, "io.device", c->io_device, c->requests.done);
    sim_scalar(s, "frames", "1", (double)c->frames_out, 0);
    sim_scalar(s, "frames.bytes", "B", (double)c->bytes_out, 0);
    sim_scalar(s, "steps", "1", (double)m->steps, 0);
    uint64_t dropped = c->frames_in - c->frames_out;
    if (c->crashes > 0)
        sim_remark(s,
                   "%lu crashes and %lu restarts of nodes; %lu of %lu frames were dropped or "
                   "are on their way",
                   c->crashes, c->restarts, dropped, c->frames_in);
}
