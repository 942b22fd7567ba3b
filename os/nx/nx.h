/* nx.h: message passing between the programs of a partition, after Intel's NX.
 *
 * A program calls the library on its node; nodes are numbered 0 .. numnodes-1 inside the partition.
 * A message has a type that the receiver selects by.  Message data are ropes: what a call takes is
 * empty afterwards, what it hands out is the caller's to finish.
 *
 *   NX1  Messages between two nodes arrive in the order in which they were sent.
 *   NX2  A receive takes the oldest message that its type selector fits; a message goes to the
 *       oldest receive that fits it.
 *   NX3  A send is done when its data has been given to the network interface; that says nothing
 *       about its receipt.
 *   NX4  What arrives before its receive is posted waits in the receiver's buffers, of which each
 *       sender has been granted `grant` bytes; a sender without grant waits.  It is copied when it
 *       is received.  What finds its receive posted is not copied (parameter `copies`).
 *   NX5  A message of a force type (bit 30 set) that finds no receive posted is dropped and
 *       counted.
 *   NX7  Nobody waits for the dead.  Once a member of the partition is known to have crashed, sends
 *       to it end with NX_PEER_DOWN until it is back; so do, until nx_go_on, all receives and
 *       cprobes that fit no message that has come, and sends that lack a grant: nobody knows
 *       whether the dead would have sent or received; and, for good, global operations, for which
 *       it will be missing.  To a node in a later life it is itself the member that has crashed.
 *   NX8  A call that os_safe_call announced can be saved while it waits: what it has sent and
 *       received so far is kept, and the same call of a program that is entered again neither sends
 *       nor waits for that once more.
 *   NX9  A program that somebody keeps (os_keep) is not told of deaths: what needs the dead waits
 *       until it is ended and entered again.
 *   NX6  Two programs that both send long messages before they receive wait for ever, as on the
 *       real machine.
 *
 * Calls marked (blocks) are for threads.  The others never block and also serve upcalls.
 * Source: iPSC/2 and iPSC/860 Programmer's Reference; Paragon C System Calls Reference [Intel].
 */
#ifndef OS_NX_NX_H
#define OS_NX_NX_H

#include "os/node.h"
#include "os/xk/xobj.h"

struct nx;    /* the library on one node */
struct nx_op; /* an asynchronous send or receive: NX's message id */

#define NX_ANY (-1)                  /* type selector: any type but force types */
#define NX_TYPE_FORCE 0x40000000     /* bit 30: dropped when no receive is posted */
#define NX_TYPE_MAX (0x80000000 - 1) /* largest type of a message */
#define NX_NO_NODE UINT32_MAX

enum nx_status {
    NX_OK,
    NX_TOO_LONG,  /* the message was longer than the receive allows: its front was received */
    NX_PEER_DOWN, /* the peer, or somebody who might have sent, has crashed (NX7) */
    NX_NO_PEER,   /* no such node in the partition */
};
const char *nx_status_name(enum nx_status s); /* in words; static */

struct nx_info {
    int64_t type;
    uint64_t count; /* bytes of the message */
    uint32_t node;
    enum nx_status status;
};

/* The protocol: stands in the graph above RDM. */
extern const struct xk_protl_ops nx_protl;

/* Starts the library over an instance of the protocol.  nodes: rank -> node number, kept by
 * reference.  A node outside the partition has the rank NX_NO_NODE and cannot call the rest. */
struct nx *nx_start(struct xk_protl *protl, const uint32_t *nodes, uint32_t count, uint32_t rank);

/* The library as a service: os_find gives the struct nx of a program's node. */
extern const struct os_service_ops nx_service;

/* After nx_reset, before nx_resume: from now on the ranks are on these nodes, and this node has
 * that rank.  What is between it and a rank that was elsewhere ends.  nodes is kept by reference.
 */
void nx_place(struct nx *n, const uint32_t *nodes, uint32_t rank);

uint32_t nx_mynode(const struct nx *n);   /* its rank, or NX_NO_NODE */
uint32_t nx_numnodes(const struct nx *n); /* of the partition */

/* ---- one to one ---- */
/* Sends and waits until the data has been given away (NX3). (blocks) */
enum nx_status nx_csend(struct nx *n, int64_t type, struct rope *data, uint32_t node);
/* Receives a message of at most `max` bytes; out is initialised here. (blocks) */
struct nx_info nx_crecv(struct nx *n, int64_t typesel, uint64_t max, struct rope *out);
/* Both at once: sends, and waits for the answer. (blocks) */
struct nx_info nx_csendrecv(struct nx *n, int64_t type, struct rope *data, uint32_t node,
                            int64_t typesel, uint64_t max, struct rope *out);

/* The asynchronous forms; the op is the caller's until nx_msgwait, nx_msgignore or nx_msgcancel. */
struct nx_op *nx_isend(struct nx *n, int64_t type, struct rope *data, uint32_t node);
struct nx_op *nx_irecv(struct nx *n, int64_t typesel, uint64_t max);
bool nx_msgdone(const struct nx_op *op);
/* Waits for it and ends it.  out (NULL for a send) is initialised here with what was received.
 * (blocks) */
struct nx_info nx_msgwait(struct nx_op *op, struct rope *out);
void nx_msgignore(struct nx_op *op); /* ends itself when done */
/* Takes a receive back that has matched nothing yet; false: it has, and stays the caller's. */
bool nx_msgcancel(struct nx_op *op);

/* Posts a receive whose message is handed to fn, as an upcall; once.  data is fn's to take. */
void nx_hrecv(struct nx *n, int64_t typesel, uint64_t max,
              void (*fn)(void *arg, const struct nx_info *info, struct rope *data), void *arg);

/* Has a message that fits begun to arrive?  iprobe asks; cprobe waits for one. */
bool nx_iprobe(struct nx *n, int64_t typesel, struct nx_info *info);
struct nx_info nx_cprobe(struct nx *n, int64_t typesel); /* (blocks) */

/* The program knows who has crashed so far: its receives wait again (NX7). */
void nx_go_on(struct nx *n);

/* ---- for who saves a program (os/ckpt) ---- */
/* Messages of programs that NX has: come whole, and no program has them yet; or to be sent, and RDM
 * has not been given them. */
enum nx_waits { NX_WAITS_ARRIVED, NX_WAITS_TO_GO };
/* Calls fn for each; info.node is the other. */
void nx_each_waiting(struct nx *n,
                     void (*fn)(void *arg, enum nx_waits what, const struct nx_info *info,
                                const struct rope *data),
                     void *arg);
/* A message as RDM has it, and the log of a cut: its type, and where its data begin.  False: it is
 * too short. */
bool nx_logged(const struct rope *message, int64_t *type, uint64_t *offset);

/* Of the message that crecv, msgwait, iprobe or cprobe returned last. */
uint64_t nx_infocount(const struct nx *n);
uint32_t nx_infonode(const struct nx *n);
int64_t nx_infotype(const struct nx *n);

/* ---- all together: every node of the partition makes the same calls in the same order.  When
 * one does not end with NX_OK what it was to give is not to be used. ---- */
enum nx_status nx_gsync(struct nx *n); /* barrier (blocks) */
enum nx_status nx_gdsum(struct nx *n, double *x,
                        uint32_t count); /* sums, the same bits everywhere */
enum nx_status nx_gdhigh(struct nx *n, double *x, uint32_t count);  /* maxima */
enum nx_status nx_gdlow(struct nx *n, double *x, uint32_t count);   /* minima */
enum nx_status nx_gisum(struct nx *n, int64_t *x, uint32_t count);  /* sums, wrapping */
enum nx_status nx_gihigh(struct nx *n, int64_t *x, uint32_t count); /* maxima */
/* data: in at root, out elsewhere */
enum nx_status nx_bcast(struct nx *n, struct rope *data, uint32_t root);
/* Concatenates what each brings, in order of node number, at all.  mine is taken; out is
 * initialised here. */
enum nx_status nx_gcol(struct nx *n, struct rope *mine, struct rope *out);

/* ---- for who saves programs (os/ckpt) ---- */
/* Appends what the library holds for its program, which has stopped (os_stop): whole messages that
 * it has not received, what has not been given to RDM, the progress of a call.  A sentence when
 * that cannot be saved, else NULL. */
const char *nx_save(struct nx *n, struct rope *out);
/* Nothing is held or waited for any more, and no operation is under way: the program is gone.
 * From now on messages of run `run` are sent and taken; those of other runs are dropped.  Nothing
 * is sent until nx_resume. */
void nx_reset(struct nx *n, uint32_t run);
/* After nx_reset: what nx_save gave; false: it makes no sense. */
bool nx_load(struct nx *n, const struct rope *in) MUST_CHECK;
/* After that: messages of the log of a cut (os/ckpt/cut.h), as RDM had them; of the program or
 * (system) of a global operation.  The one as if it had just come; the other, which this rank had
 * given to RDM, goes again, before all that it had not. */
bool nx_replay(struct nx *n, uint32_t from, bool system, const struct rope *message) MUST_CHECK;
bool nx_resend(struct nx *n, uint32_t to, bool system, const struct rope *message) MUST_CHECK;
void nx_resume(struct nx *n);

#endif
