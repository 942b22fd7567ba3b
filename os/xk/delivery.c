/* delivery.c: kinds of transfer of a micro-kernel's protocols [Maeda & Bershad, SOSP 1993]: traps,
 * messages of the kernel, rings shared with it.  See transfer.h, TRAN5.
 *
 *           down, to who is below                  up, when it comes          when it is taken
 *   trap    a trap, a copy                         a trap, a copy             -
 *   ipc     a trap, a copy; to a server besides:   a copy; of a server        a trap, a copy; of a
 *           a switch, a copy, its dispatch, and    besides: a trap            server besides: its
 *           a trap and a switch for its answer                                dispatch
 *   ring    a trap, a copy                         a copy                     nothing
 *   ring_driver  the same                          nothing                    nothing
 *
 * Who slept is woken besides: a switch.  Who is awake takes all that is there.  A signal (an open,
 * `ready`, `failed`) is a trap.
 */
#include "os/xk/xk_internal.h"

static void copy(struct xk_transfer *t, uint64_t bytes)
{
    port_work(t->port, PORT_WORK_TRAP, 1);
    port_work(t->port, PORT_WORK_COPY, bytes);
}

/* ---- trap: the kernel and a program ---- */

static void trap(struct xk_transfer *t, struct rope *data, bool up)
{
    (void)up;
    copy(t, data->length);
}

const struct xk_transfer_ops trap_transfer = {
    .kind = { .name = "trap", .doc = "system calls: a trap, and data is copied in or out" },
    .whole = true,
    .cross = trap,
};

/* ---- what waits ---- */

struct slots_params {
    int64_t slots;
};

static int64_t slots(const void *params)
{
    return ((const struct slots_params *)params)->slots;
}

static void woken(struct xk_transfer *t, bool slept)
{
    if (slept)
        port_work(t->port, PORT_WORK_SWITCH, 1);
}

/* ---- ipc ---- */

static const struct param ipc_params[] = {
    P_INT(slots_params, slots, "16", "1", "1000000",
          "Messages that wait for who is above; more are dropped.",
          "Mach 3.0, mach/port.h: MACH_PORT_QLIMIT_MAX"),
    P_END,
};

static void ipc(struct xk_transfer *t, struct rope *data, bool up)
{
    bool server = t->below != 0;
    if (up && !server) {
        port_work(t->port, PORT_WORK_COPY, data->length);
        return;
    }
    copy(t, data->length);
    if (up || !server)
        return;
    port_work(t->port, PORT_WORK_SWITCH, 2);
    port_work(t->port, PORT_WORK_COPY, data->length);
    port_work(t->port, PORT_WORK_RPC, 1);
    port_work(t->port, PORT_WORK_TRAP, 1);
}

static void ipc_take(struct xk_transfer *t, uint64_t bytes, bool slept)
{
    woken(t, slept);
    copy(t, bytes);
    if (t->below != 0)
        port_work(t->port, PORT_WORK_RPC, 1);
}

const struct xk_transfer_ops ipc_transfer = {
    .kind = { .name = "ipc",
              .doc = "messages of the kernel: data is copied into one and out of it",
              .params = ipc_params,
              .params_size = sizeof(struct slots_params) },
    .whole = true,
    .cross = ipc,
    .slots = slots,
    .take = ipc_take,
};

/* ---- rings ---- */

static const struct param ring_params[] = {
    P_INT(slots_params, slots, "64", "1", "1000000",
          "Messages that the ring holds for who is above; more are dropped.",
          "ASSUMED(a window of 64 KiB and as much besides)"),
    P_END,
};

static void ring(struct xk_transfer *t, struct rope *data, bool up)
{
    if (up)
        port_work(t->port, PORT_WORK_COPY, data->length);
    else
        copy(t, data->length);
}

static void ring_take(struct xk_transfer *t, uint64_t bytes, bool slept)
{
    (void)bytes; /* it is read where it is */
    woken(t, slept);
}

const struct xk_transfer_ops ring_transfer = {
    .kind = { .name = "ring",
              .doc = "a ring shared with the kernel, which copies data into it",
              .params = ring_params,
              .params_size = sizeof(struct slots_params) },
    .whole = true,
    .cross = ring,
    .slots = slots,
    .take = ring_take,
};

/* The one copy is that from the interface's memory, which its adapter's prices name. */
static void ring_driver(struct xk_transfer *t, struct rope *data, bool up)
{
    if (!up)
        copy(t, data->length);
}

const struct xk_transfer_ops ring_driver_transfer = {
    .kind = { .name = "ring_driver",
              .doc = "the same, filled by the driver out of the interface's memory",
              .params = ring_params,
              .params_size = sizeof(struct slots_params) },
    .whole = true,
    .cross = ring_driver,
    .slots = slots,
    .take = ring_take,
};
