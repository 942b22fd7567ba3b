/* adapter.c: the adapters: parameters, and the CPU's time for a frame. */
#include "models/adapter.h"

static const char *const interrupts[] = { "each", "batch", NULL };

#define INTERRUPTS                                                                                 \
    P_TIME(adapter_params, interrupt, "0", "0", "1s",                                              \
           "Time of the CPU for an interrupt of the adapter; a coprocessor that runs upcalls "     \
           "polls, and takes none.",                                                               \
           "ASSUMED(folded into the price frame_in)"),                                             \
        P_CHOICE(adapter_params, interrupts, "each", interrupts,                                   \
                 "Who interrupts: each frame, or the first of a batch: those that come while one " \
                 "of the interface waits or is handled are found with it.",                        \
                 "ASSUMED(the adapter tells of each)")

static const struct param dma_params[] = { INTERRUPTS, P_END };

/* ---- pio ---- */

static const struct param pio_params[] = {
    P_RATE(adapter_params, rate_out, "10MB/s", "1B/s", "1000GB/s",
           "Rate at which the CPU writes bytes of frames to the adapter.",
           "ASSUMED(a controller on a slow bus)"),
    P_RATE(adapter_params, rate_in, "10MB/s", "1B/s", "1000GB/s",
           "Rate at which the CPU reads bytes of frames from the adapter.",
           "ASSUMED(a controller on a slow bus)"),
    INTERRUPTS,
    P_END,
};

static sim_time at_rate(uint64_t bytes, int64_t rate)
{
    uint64_t ps;
    bool fits = !__builtin_mul_overflow(bytes, (uint64_t)SIM_SEC, &ps);
    ASSERT_MSG(fits, "a frame is below 16 MB"); /* networks.c refuses others */
    return (sim_time)(ps / (uint64_t)rate + (ps % (uint64_t)rate != 0));
}

static sim_time pio_out(const struct adapter_params *p, struct adapter_state *s, uint64_t bytes,
                        sim_time now)
{
    (void)s, (void)now;
    return at_rate(bytes, p->rate_out);
}

static sim_time pio_in(const struct adapter_params *p, struct adapter_state *s, uint64_t bytes,
                       sim_time now)
{
    (void)s, (void)now;
    return at_rate(bytes, p->rate_in);
}

/* ---- cell_fifo ---- */

static const struct param cell_params[] = {
    P_TIME(
        adapter_params, cell_out, "2.39us", "0", "1s", "Time of the CPU to write a cell.",
        "ASSUMED(as its copy of 48 bytes: a DECstation 5000/200 copies 4 KiB in 204 us [Druschel "
        "and Peterson 1993, memory])"),
    P_TIME(adapter_params, cell_in, "4.78us", "0", "1s", "Time of the CPU to read a cell.",
           "ASSUMED(twice that of writing: a read over the I/O bus waits for its answer)"),
    P_TIME(adapter_params, cell_time, "3.029us", "1ns", "1s",
           "Time in which the channel takes a cell out of the transmit FIFO.",
           "TAXI of 140 Mb/s: 424 bits [derived]"),
    P_INT(adapter_params, out_cells, "36", "1", "1000000", "Cells that the transmit FIFO holds.",
          "FORE TCA-100 [memory, medium]"),
    P_INT(adapter_params, in_cells, "292", "1", "1000000", "Cells that the receive FIFO holds.",
          "FORE TCA-100 [memory, medium]"),
    P_INT(adapter_params, cell_bytes, "48", "1", "64", "Bytes of a frame in a cell.",
          "ITU-T I.363.5 (AAL5)"),
    P_INT(adapter_params, trailer, "8", "0", "64", "Bytes behind a frame.", "ITU-T I.363.5 (AAL5)"),
    INTERRUPTS,
    P_END,
};

static uint64_t cells_of(const struct adapter_params *p, uint64_t bytes)
{
    uint64_t all = bytes + (uint64_t)p->trailer, each = (uint64_t)p->cell_bytes;
    return all / each + (all % each != 0);
}

static sim_time cell_out(const struct adapter_params *p, struct adapter_state *s, uint64_t bytes,
                         sim_time now)
{
    sim_time at = now;
    for (uint64_t k = cells_of(p, bytes); k > 0; k--) {
        /* ADAPT1: the cells that wait leave one after the other, the last at `drained`. */
        sim_time room = s->drained - (p->out_cells - 1) * p->cell_time;
        at = (at > room ? at : room) + p->cell_out;
        s->drained = (at > s->drained ? at : s->drained) + p->cell_time;
    }
    return at - now;
}

static sim_time cell_in(const struct adapter_params *p, struct adapter_state *s, uint64_t bytes,
                        sim_time now)
{
    sim_time work = (sim_time)cells_of(p, bytes) * p->cell_in;
    s->read = now + work;
    return work;
}

bool adapter_room(const struct adapter_params *p, const struct adapter_state *s, uint64_t waiting,
                  uint64_t cells, sim_time now)
{
    sim_time left = s->read > now ? s->read - now : 0;
    uint64_t unread = left == 0 ? 0 : (uint64_t)((left + p->cell_in - 1) / p->cell_in);
    return waiting + unread + cells <= (uint64_t)p->in_cells;
}

/* ---- the kinds ---- */

static const struct adapter_ops dma = {
    .kind = { .name = "dma",
              .doc = "the adapter moves the bytes; what of them the CPU does is a price",
              .params = dma_params,
              .params_size = sizeof(struct adapter_params) },
};
static const struct adapter_ops pio = {
    .kind = { .name = "pio",
              .doc = "the CPU moves each byte to and from the adapter",
              .params = pio_params,
              .params_size = sizeof(struct adapter_params) },
    .programmed = true,
    .out = pio_out,
    .in = pio_in,
};
static const struct adapter_ops cell_fifo = {
    .kind = { .name = "cell_fifo",
              .doc = "the CPU moves each cell of a frame through FIFOs of so many cells",
              .params = cell_params,
              .params_size = sizeof(struct adapter_params) },
    .programmed = true,
    .out = cell_out,
    .in = cell_in,
    .cells = cells_of,
};

static const struct kind *const adapters[] = { &dma.kind, &pio.kind, &cell_fifo.kind, NULL };
const struct kind_set adapter_kinds = { "adapter", "machine.networks.adapter", adapters };
