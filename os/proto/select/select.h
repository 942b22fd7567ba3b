/* select.h: remote procedure calls: service numbers, calls, and requests that a server answers.
 *
 * The interface that file systems and other services use.  SELECT sits on top of CHAN (at most
 * once) and BLAST (large messages); who calls here does not know what lies below.
 *
 *   struct xk_protl *rpc = xk_find(kernel, "rpc");        the instance's name in the graph
 *   client:  select_call(rpc, host, SERVICE, procedure, &args, done, arg);      asynchronous
 *            select_call_wait(rpc, host, SERVICE, procedure, &args, &reply);    in a thread
 *   server:  select_serve(rpc, SERVICE, call, arg);  in call(): keep the request; later
 *            select_reply(request, &reply);
 *
 *   SEL1  A call that was accepted (XK_OK) ends exactly once, by its done callback, which is never
 *       called from inside select_call.
 *   SEL2  The server's procedure is entered at most once per call.  When `done` says XK_OK it was
 *       entered once; when it says XK_UNREACHABLE or XK_RESTARTED it was entered once or never.
 *   SEL3  A request that a server has been given is answered by select_reply exactly once, at any
 *       later time, from an upcall or a thread.  A crash of the node forgets it.
 *   SEL4  Calls to one host run side by side on a pool of channels; those above the pool's size
 *       wait in order.  Calls that run side by side may be entered in any order.
 *
 * Source of the decomposition: SELECT / CHANNEL / FRAGMENT [Hutchinson & Peterson 1991].
 */
#ifndef OS_PROTO_SELECT_SELECT_H
#define OS_PROTO_SELECT_SELECT_H

#include "os/xk/xobj.h"

struct select_request; /* a call that this server has taken and not yet answered */

/* How a call ended.  The reply is the callee's to take (rope_move, rope_join); it is dropped after
 * the callback otherwise.  It is empty unless status is XK_OK.
 *   XK_OK           the server's reply
 *   XK_REFUSED      nobody serves that service there: it was not entered
 *   XK_UNREACHABLE  the peer is known to be dead, or gave no answer in time
 *   XK_RESTARTED    the peer crashed and came back during the call
 *   XK_TOO_LONG     the reply did not fit */
typedef void (*select_done_fn)(void *arg, enum xk_status status, struct rope *reply);

/* Calls `procedure` of `service` at `host` (the own node is fine) and takes args (empty afterwards)
 * when it returns XK_OK.  Otherwise args stays with the caller and done is never called:
 * XK_BUSY (the host's queue is full), XK_TOO_LONG (more than select_max_bytes), XK_NO_PEER.
 * Never blocks. */
enum xk_status select_call(struct xk_protl *rpc, uint32_t host, uint32_t service,
                           uint32_t procedure, struct rope *args, select_done_fn done,
                           void *arg) MUST_CHECK;

/* The same for a thread: returns how the call ended; `reply` is initialised here in every case.
 * Waits its turn when the host's queue is full.  args is empty afterwards.  (blocks) */
enum xk_status select_call_wait(struct xk_protl *rpc, uint32_t host, uint32_t service,
                                uint32_t procedure, struct rope *args,
                                struct rope *reply) MUST_CHECK;

/* Longest args or reply in bytes that one call carries: about 64 frames of the network below. */
uint64_t select_max_bytes(struct xk_protl *rpc);

/* Entered as an upcall for each call; args are the server's to take.  The request is kept until
 * select_reply. */
typedef void (*select_serve_fn)(void *arg, struct select_request *request, uint32_t procedure,
                                struct rope *args);

/* Serves `service` on this node from now on.  A service has one server: XK_REFUSED when there is
 * one already. */
enum xk_status select_serve(struct xk_protl *rpc, uint32_t service, select_serve_fn fn,
                            void *arg) MUST_CHECK;

/* The `arg` of who serves it on this node; NULL: nobody does. */
void *select_server(struct xk_protl *rpc, uint32_t service);

uint32_t select_request_host(const struct select_request *request); /* whose call it is */
/* Bytes that the server may hang on the request (a pointer-aligned 64 bytes, zeroed), so that a
 * service needs no table of its own. */
void *select_request_state(struct select_request *request);
#define SELECT_REQUEST_STATE 64

/* Answers and forgets the request; reply is taken.  XK_TOO_LONG: more than select_max_bytes; the
 * caller then sees XK_TOO_LONG.  Never blocks. */
void select_reply(struct select_request *request, struct rope *reply);

extern const struct xk_protl_ops select_protl;

#endif
