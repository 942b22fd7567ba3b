/* adapter.h: host adapters: what the CPU does for a frame at an interface, as price lists.
 *
 * A network of a machine names one (machine.networks.NAME.adapter).  `dma` moves the bytes itself;
 * at the others the CPU does (programmed), and there is no DMA beside it, nor a price frame_bytes.
 * The times are those of the adapter and its bus: machine.prices.scale does not touch them.
 *
 *   ADAPT1  The CPU writes a cell while fewer than out_cells wait for the channel, else it waits
 *       for the first of them to leave; the channel sends one each cell_time while there are any.
 *   ADAPT2  A frame is lost where its cells and those that the CPU has not read are more than
 *       in_cells.
 *
 * Called by models/networks.c (loading) and models/port_net.c (when a frame's work is named).
 */
#ifndef MODELS_ADAPTER_H
#define MODELS_ADAPTER_H

#include "sim/base/kind.h"

enum { ADAPTER_EACH, ADAPTER_BATCH }; /* adapter_params.interrupts */

struct adapter_params {
    sim_time interrupt; /* of one, in the CPU's time */
    int interrupts;
    int64_t rate_out, rate_in;   /* of the CPU at the adapter, bytes a second */
    sim_time cell_out, cell_in;  /* of the CPU, a cell */
    sim_time cell_time;          /* of the channel, a cell */
    int64_t out_cells, in_cells; /* that the FIFOs hold */
    int64_t cell_bytes, trailer; /* of a frame in a cell; behind a frame */
};

/* Of one interface; zero when its node boots. */
struct adapter_state {
    sim_time drained; /* when all cells written so far have left */
    sim_time read;    /* when the CPU has read all cells of the frames that it was given */
};

struct adapter_ops {
    struct kind kind;
    bool programmed; /* the CPU moves the bytes */
    /* CPU time to write a frame from `now` on; to read one.  `bytes`: with headers
     * where there are cells.  NULL where the adapter moves them. */
    sim_time (*out)(const struct adapter_params *p, struct adapter_state *s, uint64_t bytes,
                    sim_time now);
    sim_time (*in)(const struct adapter_params *p, struct adapter_state *s, uint64_t bytes,
                   sim_time now);
    /* Cells of a frame in its FIFOs; NULL: it has none. */
    uint64_t (*cells)(const struct adapter_params *p, uint64_t bytes);
};

extern const struct kind_set adapter_kinds;

/* Whether a frame finds room, when frames of `waiting` cells wait for the CPU (ADAPT2). */
bool adapter_room(const struct adapter_params *p, const struct adapter_state *s, uint64_t waiting,
                  uint64_t cells, sim_time now);

#endif
