/* mover.h: movers: from the drives of a node to who wants the data, directly.
 *
 * Who has a volume mounted (pvl.h) tells the mover of its drive which blocks are wanted by whom;
 * the mover reads them, in the order that its policy gives (order.h), and pushes the data to their
 * sinks: third-party transfers, in which whoever asked sees no data.  Several movers push to one
 * sink at once, where a file is striped.
 *
 * A sink is a node with a service that takes pieces; pieces that have not been taken hold the mover
 * up once there are `buffers` of them: with two or more, tape and network work at once.
 *
 *   MOV1  Of each request its asker is told once how it ended, by MOVER_DONE; the call that brought
 *       it is answered when that was so for all in it.  HSM_OK: the sink has taken all its bytes.
 *   MOV2  Each byte of a request is pushed once.
 *       Blocks that are written are pulled from the same service, while the one before goes to the
 *       drive; HSM_OK: all of them are on the tape.
 *   MOV3  A place that cannot be read ends the request that wants it (HSM_MEDIUM) and no other.
 *   MOV4  Of a run that is for one cartridge nothing is read from, or written to, another that has
 *       come into the drive meanwhile.  The runs of an asker that dies end.
 *
 *       Where they are copied they come from another mover, that reads them of a drive of its own:
 *       this one asks it, and takes of what is pushed as much as it has room for.
 *   MOV5  A block of parity is the XOR of the `data` blocks of its row, of which those from `end`
 *       on are zeros; it is made where it is written.  A block that is wanted of other cartridges
 *       is the XOR of what `fold` movers push for it; it is made at the sink.
 *
 * Procedures of HSM_SERVICE_MOVER, long calls (call.h), big-endian:
 *   MOVER_READ  u32 device, u32 requests, label of the cartridge, struct mover_request each
 *               -> u8 hsm_status of the drive
 *   MOVER_WRITE u32 device, u32 requests, label, u64 bytes of a block, the same: blocks first .. at
 *               their places on the tape, in order; what lay behind is gone.  HSM_FULL: the tape
 *               has no room for it, and for none behind it
 *   MOVER_COPY  the same with struct mover_source behind each request; its blocks are those from
 *               there on.  HSM_SOURCE: they cannot be read
 * of the asker (HSM_SERVICE_STORAGE): MOVER_DONE u64 tag, u8 hsm_status, u64 the block that could
 *                                     not be read, or from which on nothing was (HSM_DEVICE)
 * of the sink (HSM_SERVICE_SINK):     SINK_DATA  u64 token, u64 offset, bytes
 *                                     SINK_PULL  u64 token, u64 offset, u64 length -> bytes
 *                                     SINK_FOLD  u64 token, u64 offset, u64 tag, u8 fold, bytes
 */
#ifndef OS_HSM_MOVER_H
#define OS_HSM_MOVER_H

#include "os/hsm/hsm.h"
#include "os/node.h"
#include "os/xk/xobj.h"

enum mover_procedure { MOVER_READ = 1, MOVER_WRITE, MOVER_COPY };
enum { MOVER_DONE = 100 };
enum sink_procedure { SINK_DATA = 1, SINK_PULL, SINK_FOLD };

/* Blocks first .. first + count - 1 of a cartridge, each of a row: the cartridge has column
 * `column` of row `first`, and of each next one the next column where it goes round (`turn`).
 * Column `data` is parity: when blocks are read, it is passed over. */
struct mover_request {
    uint64_t first, count;
    uint64_t offset; /* of row `first` in what the sink has; each next row is `stride` behind, */
    uint64_t stride; /* and a column a `data`-th of that behind the one before it */
    uint64_t token, tag;
    uint64_t end; /* of what the sink has: behind it are zeros */
    uint32_t sink;
    uint8_t data, column, turn;
    uint8_t fold; /* so many movers push for each block; 0: this one */
};
#define MOVER_REQUEST_BYTES 64
struct mover_source { /* a drive, its cartridge, and the first of the blocks */
    uint32_t node, device;
    char label[HSM_LABEL];
    uint64_t first;
};
#define MOVER_SOURCE_BYTES (16 + HSM_LABEL)
/* As it travels. */
void mover_source_store(uint8_t out[MOVER_SOURCE_BYTES], const struct mover_source *s);
/* The other way. */
struct mover_source mover_source_load(const uint8_t in[MOVER_SOURCE_BYTES]);
/* Column of block first + i. */
uint32_t mover_column(const struct mover_request *r, uint64_t i);
/* Where column c of that row is at the sink. */
uint64_t mover_offset(const struct mover_request *r, uint64_t i, uint32_t c);
/* As it travels. */
void mover_request_store(uint8_t out[MOVER_REQUEST_BYTES], const struct mover_request *r);
/* The other way. */
struct mover_request mover_request_load(const uint8_t in[MOVER_REQUEST_BYTES]);

struct mover_params {
    int order; /* of hsm_orders */
    int64_t buffers, piece;
    sim_time retry;
};
extern const struct param mover_params_desc[];
/* Serves the drives of this node. */
struct mover *mover_serve(struct xk_protl *rpc, const struct mover_params *params);

/* On the I/O nodes, if no group is named. */
extern const struct os_service_ops mover_service;
extern const struct counter mover_counters[]; /* "mover.*" */

/* ---- sinks ---- */

struct select_request;
struct hsm_sink; /* of a node */
/* Takes what movers push to this node from now on; the same for all who ask. */
struct hsm_sink *hsm_sink_serve(struct xk_protl *rpc);
/* From now on pieces of the token that this returns go to `take`, in an upcall; data is its to
 * take. */
uint64_t hsm_sink_open(struct hsm_sink *s,
                       void (*take)(void *arg, uint64_t offset, struct rope *data), void *arg);
/* The same, but who pushed a piece is answered by `take`, with hsm_sink_answer, maybe later. */
uint64_t hsm_sink_open_held(struct hsm_sink *s,
                            void (*take)(void *arg, uint64_t offset, struct rope *data,
                                         struct select_request *from),
                            void *arg);
void hsm_sink_answer(struct select_request *from);
/* The same of what is pulled: `give` appends `length` bytes from `offset` on to out.  They are
 * given when the time has come that `when` tells, which is asked once (NULL: all is there). */
uint64_t hsm_source_open(struct hsm_sink *s,
                         void (*give)(void *arg, uint64_t offset, uint64_t length,
                                      struct rope *out),
                         sim_time (*when)(void *arg, uint64_t offset, uint64_t length), void *arg);
/* The same, but who pulls is answered by `ask`, with hsm_source_answer, maybe later: with all that
 * was asked for, or with nothing: there is no such thing, and who pulls gives up. */
uint64_t hsm_source_open_held(struct hsm_sink *s,
                              void (*ask)(void *arg, uint64_t offset, uint64_t length,
                                          struct select_request *from),
                              void *arg);
void hsm_source_answer(struct select_request *from, struct rope *data); /* data is taken */
void hsm_sink_close(struct hsm_sink *s, uint64_t token);                /* later ones are dropped */

#endif
