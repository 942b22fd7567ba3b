/* nic.h: the network interface of a node: frames in, frames out, over any network of mesh/net.h.
 *
 * Modelled: a bounded transmit queue; packetisation (packet_bytes of payload and header flits); DMA
 * between memory and the interface, one packet at a time each way, over the node's memory bus; two
 * transmit buffers, so that the DMA of a packet overlaps the injection of the one before it;
 * reassembly per frame; sends to oneself through the node's own router; node down and up.
 * A frame of more than `setup_above` bytes reserves room first (iPSC/860): a short packet asks the
 * destination's interface, which answers with another; each end takes `setup_time` for its part,
 * and the frames behind it wait.  A reservation that is lost with its packet, or meets a node that
 * is down, drops the frame at that moment; a real sender would wait for a timeout.
 * Packets that arrived wait for the bus; with `receive_packets` the interface has room for so many
 * only, and the network holds the others (net.h, room); without, the longest queue is reported.
 * Not modelled: cut-through from memory to the wire inside a packet.
 *
 * A frame to all (NET_ALL) is one packet, where the network can broadcast.  Each receiver gets a
 * copy, which is a frame of its own.
 *
 *   NIC1  A frame is delivered whole, once, or it is dropped and counted with its reason.
 *   NIC2  Frames of one (source, destination) pair are delivered in the order of nic_send, where
 *       the network keeps the order of their packets (NET2).
 *   NIC3  in + copied = out + inside + dropped for frames and for packets, at any moment.
 *   NIC4  A node that went down forgets its queues; what arrives for it while it is down, and rests
 *       of frames that it had begun to receive, are dropped and counted.
 *
 * Called by models/node (port_if_send) and by direct workloads.
 */
#ifndef MESH_NIC_H
#define MESH_NIC_H

#include "mesh/net.h"
#include "sim/base/counter.h"
#include "sim/base/rope.h"
#include "sim/server.h"

struct nic;

struct nic_params {
    int64_t mtu;          /* largest frame, bytes */
    int64_t packet_bytes; /* payload of one packet (worm), bytes */
    int64_t header_flits; /* flits of every packet that carry no payload: route, length, checksum */
    int64_t queue_frames; /* frames that the transmit queue holds, the one in service included */
    int64_t dma_rate;     /* bytes a second between memory and the interface */
    sim_time dma_setup;   /* fixed time of one DMA transfer (one packet) on the bus */
    int64_t setup_above;  /* frames of more bytes reserve first; 0: none does */
    sim_time setup_time;  /* of each end, for its part of a reservation */
    int64_t receive_packets; /* arrived or arriving, not in memory yet; 0: any number */
};
extern const struct param nic_params_desc[];

/* A frame on its way; the receiver sees it in its callback.  Times are of the run's clock. */
struct nic_frame {
    uint32_t src, dst;
    uint64_t bytes;   /* length of data */
    struct rope data; /* the receiver may move it out; the rest is dropped after the callback */
    uint64_t cookie;  /* the sender's, carried to the receiver */
    uint32_t packets; /* worms that it was cut into */
    uint32_t src_life, dst_life; /* private */
    sim_time posted;             /* nic_send */
    sim_time started;            /* first DMA transfer began: the transmit queue is left */
    sim_time injected;           /* header of its first packet entered the network */
    sim_time arrived;            /* tail of its last packet left the network */
    sim_time delivered;          /* last DMA transfer into memory done */
    sim_time setup;              /* length of its reservation */
    sim_time blocked;            /* sum over packets of the time that headers waited for channels */
    struct nic *sender;          /* private from here on */
    struct list link;            /* in the transmit queue */
    uint64_t sent_bytes;         /* handed to DMA so far */
    uint32_t made, gone;         /* packets injected; packets delivered into memory or lost */
    bool lost, fault, begun, withdrawn, kept;
    bool asking, granted; /* its reservation is under way; is made */
};

/* The time of a frame, split; the parts sum up to delivered - posted. */
struct nic_split {
    sim_time queue; /* waited in the transmit queue */
    sim_time dma;   /* first transfer out of memory and last into memory */
    sim_time mesh;  /* its reservation, and from its first header's entry to its last tail's exit */
};
/* Of a frame that is delivered: in `receive`, or kept. */
struct nic_split nic_frame_split(const struct nic_frame *f);

enum nic_result { NIC_OK, NIC_BUSY, NIC_TOO_LONG, NIC_NO_ADDRESS, NIC_DOWN };

struct nic_handler {
    /* In class SIM_CLASS_DEVICE at `delivered`.  The frame is the interface's again afterwards,
     * unless it is kept (nic_frame_keep). */
    void (*receive)(void *arg, struct nic_frame *f);
    /* The transmit queue has room again after NIC_BUSY; may be NULL. */
    void (*ready)(void *arg);
    /* A frame of this node left its transmit queue: its last byte was read from memory; NULL
     * allowed. */
    void (*sent)(void *arg, uint64_t cookie);
    void *arg;
};

/* The interface of `node` at terminal `terminal` of `net`.  bus: the node's memory bus, on which
 * DMA transfers queue as jobs of class `bus_class`; NULL: a private path of dma_rate each way.
 * NULL with a sentence when the parameters do not fit the network. */
struct nic *nic_create(struct sim *s, struct net *net, uint32_t terminal, int32_t node,
                       const struct nic_params *params, struct sim_server *bus, uint8_t bus_class,
                       struct err *e);
/* All interfaces of a network go before the network, each before its bus; nothing runs then. */
void nic_destroy(struct nic *n);
void nic_set_handler(struct nic *n, const struct nic_handler *h);

/* Sends one frame of 0 .. mtu bytes, to all (NET_ALL) of up to packet_bytes; the rope is taken
 * (empty afterwards) when the result is NIC_OK.  Never blocks and calls nothing back.  NIC_BUSY:
 * `ready` will be called. */
enum nic_result nic_send(struct nic *n, uint32_t dst, struct rope *data,
                         uint64_t cookie) MUST_CHECK;

/* The same in two steps, so that a frame is filled where its data are, and moved no more.  A frame
 * that is not sent after all (any other result than NIC_OK), and one that was kept, goes back by
 * nic_frame_free. */
struct nic_frame *nic_frame_new(struct nic *n, uint32_t dst, struct rope *data, uint64_t cookie);
enum nic_result nic_send_frame(struct nic *n, struct nic_frame *f) MUST_CHECK;
static inline void nic_frame_keep(struct nic_frame *f) /* in `receive` */
{
    f->kept = true;
}
/* Gives a frame back; what is left of its data is dropped. */
void nic_frame_free(struct nic_frame *f);

/* The node goes down: queues are dropped, transfers on the bus withdrawn.  Packets that the network
 * already holds travel on.  nic_up starts a new life with empty queues.  Both harmless when
 * repeated. */
void nic_down(struct nic *n);
void nic_up(struct nic *n);

/* Frames and packets count at their sender (in) and at their receiver (out, dropped on arrival). */
struct nic_counts {
    uint64_t frames_in, frames_out, frames_dropped_down, frames_dropped_fault;
    uint64_t packets_in, packets_out, packets_dropped, bytes_in, bytes_out;
    uint64_t busy, receive_queue_longest;
    uint64_t frames_copied; /* received of those to all, but for the last of each */
};
extern const struct counter nic_counters[]; /* "nic.*" */
/* Since the interface was made, whatever the window and however often the node went down. */
void nic_counts(const struct nic *n, struct nic_counts *out);
uint32_t nic_mtu(const struct nic *n);     /* largest frame, bytes */
uint32_t nic_mtu_all(const struct nic *n); /* of those to all; 0: the network knows none */
/* Frames in the transmit queue now, the one in service included. */
uint32_t nic_queue_length(const struct nic *n);

#endif
