/* call.h: calls that take long: a mount, a queue of tapes.
 *
 * A call through SELECT holds a channel until it is answered, of which there are few between two
 * nodes; calls that wait for each other would hold them all.  A long call is two short ones: it is
 * taken at once, and answered by a call the other way when that is due.
 *
 *   LONG1  A long call ends once: with an answer, or with the death of who took it.  An answer that
 *       nobody waits for any more is dropped.
 *
 * Arguments, big-endian: u32 the caller's service for answers, u64 its ticket, then the call's own.
 */
#ifndef OS_HSM_CALL_H
#define OS_HSM_CALL_H

#include "os/proto/select/select.h"
#include "os/xk/map.h"

/* Whoever makes long calls, or answers them, on a node. */
struct hsm_calls {
    struct port *port;
    struct xk_protl *rpc;
    uint32_t service; /* at which it is answered; 0: it makes none */
    sim_time retry;   /* what there is no room for is tried again after so long */
    struct xk_map waiting;
    uint64_t begun; /* calls */
};
/* In a boot upcall; `c` stays.  One for each service number on a node. */
void hsm_calls_init(struct hsm_calls *c, struct xk_protl *rpc, uint32_t service, sim_time retry);

/* Calls; args is taken.  `done` is told once, later, as select_call tells it.  Never blocks.  The
 * ticket, for who wants to speak of the call. */
uint64_t hsm_call(struct hsm_calls *c, uint32_t host, uint32_t service, uint32_t procedure,
                  struct rope *args, select_done_fn done, void *arg);
/* The same in a thread.  (blocks) */
enum xk_status hsm_call_wait(struct hsm_calls *c, uint32_t host, uint32_t service,
                             uint32_t procedure, struct rope *args, struct rope *reply,
                             uint64_t *ticket);
/* Something that needs no answer; bytes are copied. */
void hsm_tell(struct hsm_calls *c, uint32_t host, uint32_t service, uint32_t procedure,
              const void *bytes, size_t n);

struct hsm_caller {
    uint32_t host, service;
    uint64_t ticket;
};
/* Takes a long call: its head off args; the caller hears that it was taken. */
struct hsm_caller hsm_take(struct select_request *request, struct rope *args);
/* Answers it; reply is taken. */
void hsm_answer(struct hsm_calls *c, const struct hsm_caller *to, struct rope *reply);

#endif
