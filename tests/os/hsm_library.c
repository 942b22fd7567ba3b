/* hsm_library.c: see hsm_library.h. */
#include "tests/os/hsm_library.h"

#include <stdlib.h>
#include <string.h>

#include "os/hsm/pvr.h"
#include "os/xk/msg.h"

uint64_t hsm_library_seed(uint32_t cartridge)
{
    return 1000 + cartridge;
}

struct answer {
    struct port_timer timer;
    struct hsm_library *library;
    struct hsm_caller caller;
    uint32_t drive;
    char label[HSM_LABEL];
    uint8_t status;
};

static void moved(struct port_timer *t)
{
    struct answer *a = t->arg;
    struct hsm_library *l = a->library;
    uint32_t node = l->first + a->drive / l->drives;
    struct rope reply;
    bool up = fake_up(l->fake, node);
    for (uint32_t k = 0; k < l->nodes * l->drives; k++) /* where it is, of a drive given up */
        if (a->label[0] != 0 && strcmp(l->in[k], a->label) == 0) {
            l->in[k][0] = 0;
            (void)fake_tape_load(l->fake, l->first + k / l->drives, 1 + k % l->drives, "");
        }
    strcpy(l->in[a->drive], up ? a->label : "");
    (void)fake_tape_load(l->fake, node, 1 + a->drive % l->drives, l->in[a->drive]);
    l->loaded += a->label[0] != 0 && up;
    uint32_t n = a->label[0] != 0 && up ? (uint32_t)atoi(a->label + 1) : l->filled;
    if (n < l->filled && !l->whole[n]) {
        l->whole[n] = true;
        fake_tape_fill(l->fake, node, 1 + a->drive % l->drives, l->blocks, l->block,
                       hsm_library_seed(n));
    }
    rope_init(&reply);
    uint8_t status = up ? a->status : HSM_DEVICE;
    rope_add_bytes(&reply, &status, 1);
    hsm_answer(&l->calls, &a->caller, &reply);
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct hsm_library *l = arg;
    struct port *p = l->calls.port;
    uint8_t wire[9 + HSM_LABEL] = { 0 };
    struct hsm_caller caller = hsm_take(request, args);
    struct rope reply;
    rope_init(&reply);
    rope_add_bytes(&reply, &(uint8_t){ HSM_OK }, 1);
    if (procedure == PVR_DRIVES) {
        wire_put32(wire, l->nodes * l->drives);
        rope_add_bytes(&reply, wire, 4);
        for (uint32_t k = 0; k < l->nodes * l->drives; k++) {
            wire_put32(wire, l->first + k / l->drives);
            wire_put32(wire + 4, 1 + k % l->drives);
            wire[8] = fake_up(l->fake, l->first + k / l->drives);
            memcpy(wire + 9, l->in[k], HSM_LABEL);
            rope_add_bytes(&reply, wire, sizeof wire);
        }
    }
    if (procedure == PVR_DRIVES || procedure == PVR_FIND) {
        hsm_answer(&l->calls, &caller, &reply);
        return;
    }
    rope_fini(&reply);
    struct answer *a = port_alloc(p, sizeof *a);
    a->library = l;
    a->caller = caller;
    rope_take_front(args, 4, wire);
    a->drive = wire_get32(wire);
    if (procedure == PVR_MOUNT)
        rope_take_front(args, HSM_LABEL, a->label);
    a->status = HSM_OK;
    if (l->lost != NULL && a->label[0] != 0 && l->lost((uint32_t)atoi(a->label + 1))) {
        a->status = HSM_MISLABELLED;
        a->label[0] = 0;
    }
    port_timer_init(p, &a->timer, moved, a);
    port_timer_set(&a->timer, SIM_SEC);
}

void hsm_library_serve(struct hsm_library *l, struct xk_protl *rpc)
{
    hsm_calls_init(&l->calls, rpc, HSM_ANSWER_PROGRAM, SIM_MS);
    enum xk_status s = select_serve(rpc, HSM_SERVICE_PVR, serve, l);
    ASSERT(s == XK_OK);
}

void hsm_library_lfs(struct lfs_params *lfs)
{
    *lfs = (struct lfs_params){ .block = 2048,
                                .inode = 1024,
                                .files = 16,
                                .cache = 8,
                                .dirty_fraction = 0.5,
                                .max_io = 16384,
                                .prealloc = 8,
                                .flush_delay = SIM_SEC };
}

void hsm_library_servers(struct pvl_params *pvl, struct mover_params *mover, uint64_t seed)
{
    *pvl = (struct pvl_params){ .call_retry = SIM_MS,
                                .retry = 5 * SIM_SEC,
                                .patience = 10000 * SIM_SEC };
    mover->order = (int)(seed % 9);
    mover->retry = SIM_MS;
    mover->piece = 1024 << seed % 3;
    mover->buffers = 1 + (int64_t)seed % 3;
}
