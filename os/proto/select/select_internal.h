/* select_internal.h: private to os/proto/select/: state and wire image.
 *
 * Header, 8 bytes, big-endian:
 *   0  u32  service
 *   4  u32  request: procedure; reply: status (enum select_wire)
 */
#ifndef OS_PROTO_SELECT_SELECT_INTERNAL_H
#define OS_PROTO_SELECT_SELECT_INTERNAL_H

#include "os/proto/select/select.h"
#include "os/xk/map.h"

#define SELECT_HEADER 8

struct select_header {
    uint32_t service, word;
};
_Static_assert(SELECT_HEADER == 4 + 4, "the wire image of SELECT's header");

enum select_wire { SELECT_WIRE_OK = 0, SELECT_WIRE_NO_SERVICE = 1, SELECT_WIRE_TOO_LONG = 2 };

struct select_params {
    int64_t channels, queue, idle;
};

struct select_call {
    struct list link; /* waits in its host's queue, or in select_state.ended */
    struct select_host *host;
    struct rope data; /* args, while it waits */
    uint32_t service, procedure;
    enum xk_status status; /* when ended */
    select_done_fn done;
    void *arg;
};

struct select_channel { /* an open CHAN session; its upper_state */
    struct list idle;   /* in select_state.idle */
    struct select_host *host;
    struct xk_sessn *sessn;
    struct select_call *call; /* NULL: idle */
};

struct select_waiter { /* a thread that waits for room in a host's queue */
    struct list link;
    struct port_thread *thread;
    bool woken;
};

struct select_host { /* exists while calls or channels to it do */
    uint32_t host;
    uint32_t channels; /* open: busy and idle */
    uint32_t idle;
    uint32_t queued;
    uint32_t ended;      /* calls in select_state.ended */
    struct list queue;   /* of select_call */
    struct list waiters; /* of select_waiter */
};

struct select_service {
    select_serve_fn fn;
    void *arg;
};

struct select_request {
    struct xk_protl *self;
    struct xk_sessn *sessn; /* counted */
    uint32_t service;
    _Alignas(8) uint8_t state[SELECT_REQUEST_STATE];
};

struct select_state {
    const struct select_params *params;
    struct {
        uint64_t requests, unknown, replies;
    } counts;
    struct xk_map hosts, services;
    struct list idle; /* of select_channel, oldest first */
    uint32_t idle_count;
    struct list ended; /* calls that ended inside select_call: told from the timer */
    struct port_timer tell;
};

#endif
