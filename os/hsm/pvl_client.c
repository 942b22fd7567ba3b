/* pvl_client.c: what clients of the physical volume library call; its policies. */
#include "os/hsm/pvl_internal.h"

#include <string.h>

const char *hsm_status_name(enum hsm_status s)
{
    static const char *const names[HSM_STATUS_COUNT] = {
        [HSM_OK] = "ok",
        [HSM_NO_VOLUME] = "no repository has the volume",
        [HSM_MISLABELLED] = "what lies in the volume's place bears another label",
        [HSM_STUCK] = "the volume does not come out of where it is",
        [HSM_NO_DRIVE] = "no drive and arm that could take the volume works",
        [HSM_MEDIUM] = "a place of the tape cannot be read",
        [HSM_NO_BLOCK] = "the tape has no such block",
        [HSM_FULL] = "no volume has room",
        [HSM_DEVICE] = "the drive failed",
        [HSM_CATALOGUE] = "the catalogue cannot be read",
        [HSM_UNREACHABLE] = "the server is down, or came back",
        [HSM_NO_BITFILE] = "there is no such bitfile",
        [HSM_STATE] = "the bitfile is written already, or empty",
        [HSM_RANGE] = "the bitfile does not have those bytes",
        [HSM_NO_CLASS] = "no class of service takes it",
        [HSM_SOURCE] = "what was to be copied cannot be read",
    };
    return (size_t)s < HSM_STATUS_COUNT ? names[s] : "?";
}

uint32_t hsm_host(const struct os_boot *b, const struct os_service_ops *ops)
{
    for (uint32_t i = 0; i < b->service_count; i++)
        if (b->services[i].ops == ops && b->services[i].on->count > 0)
            return b->services[i].on->nodes[0];
    return UINT32_MAX;
}

enum hsm_status hsm_reply_status(enum xk_status status, struct rope *reply)
{
    uint8_t s = HSM_UNREACHABLE;
    if (status == XK_OK && reply->length > 0)
        rope_take_front(reply, 1, &s);
    return s < HSM_STATUS_COUNT ? (enum hsm_status)s : HSM_UNREACHABLE;
}

static void mount_args(const struct pvl_mount *m, uint32_t count, uint64_t weight,
                       struct rope *args)
{
    uint8_t wire[12];
    ASSERT(count > 0 && count <= PVL_STRIPE);
    wire_put32(wire, count);
    wire_put64(wire + 4, weight);
    rope_init(args);
    rope_add_bytes(args, wire, sizeof wire);
    for (uint32_t i = 0; i < count; i++) {
        char label[HSM_LABEL] = { 0 };
        strncpy(label, m[i].label, sizeof label - 1);
        rope_add_bytes(args, label, sizeof label);
    }
}

/* Of a reply, without its status. */
static enum hsm_status mount_reply(enum hsm_status s, struct rope *reply, struct pvl_mount *m,
                                   uint32_t count)
{
    uint8_t wire[8];
    if (s == HSM_OK && reply->length < 8 * (uint64_t)count)
        s = HSM_UNREACHABLE;
    if (s != HSM_OK && reply->length >= 4) {
        rope_take_front(reply, 4, wire);
        for (uint32_t i = 0; i < count; i++)
            m[i].bad = (wire_get32(wire) >> i & 1) != 0;
    }
    for (uint32_t i = 0; s == HSM_OK && i < count; i++) {
        rope_take_front(reply, 8, wire);
        m[i].node = wire_get32(wire);
        m[i].device = wire_get32(wire + 4);
    }
    return s;
}

enum hsm_status pvl_mount(const struct pvl_client *c, struct pvl_mount *m, uint32_t count,
                          uint64_t weight, uint64_t *job)
{
    struct rope args, reply;
    mount_args(m, count, weight, &args);
    enum xk_status x =
        hsm_call_wait(c->calls, c->host, HSM_SERVICE_PVL, PVL_MOUNT, &args, &reply, job);
    enum hsm_status s = mount_reply(hsm_reply_status(x, &reply), &reply, m, count);
    rope_fini(&reply);
    if (s == HSM_UNREACHABLE) /* it may have been granted */
        pvl_release(c, *job, 0);
    return s;
}

struct mounting {
    struct pvl_client c;
    uint64_t job;
    pvl_mounted_fn *done;
    void *arg;
    uint32_t count;
    struct pvl_mount m[];
};

static void answered(void *arg, enum xk_status status, struct rope *reply)
{
    struct mounting *x = arg;
    struct port *p = x->c.calls->port;
    enum hsm_status s = mount_reply(hsm_reply_status(status, reply), reply, x->m, x->count);
    if (s == HSM_UNREACHABLE)
        pvl_release(&x->c, x->job, 0);
    x->done(x->arg, s, x->job, x->m);
    port_free(p, x);
}

void pvl_mount_start(const struct pvl_client *c, const struct pvl_mount *m, uint32_t count,
                     uint64_t weight, pvl_mounted_fn *done, void *arg)
{
    struct mounting *x = port_alloc(c->calls->port, sizeof *x + count * sizeof *m);
    struct rope args;
    *x = (struct mounting){ .c = *c, .done = done, .arg = arg, .count = count };
    memcpy(x->m, m, count * sizeof *m);
    mount_args(m, count, weight, &args);
    x->job = hsm_call(c->calls, c->host, HSM_SERVICE_PVL, PVL_MOUNT, &args, answered, x);
}

void pvl_more(const struct pvl_client *c, const char *label, uint64_t weight)
{
    uint8_t wire[8 + HSM_LABEL] = { 0 };
    wire_put64(wire, weight);
    strncpy((char *)wire + 8, label, HSM_LABEL - 1);
    hsm_tell(c->calls, c->host, HSM_SERVICE_PVL, PVL_MORE, wire, sizeof wire);
}

void pvl_release(const struct pvl_client *c, uint64_t job, uint32_t failed)
{
    uint8_t wire[12];
    wire_put64(wire, job);
    wire_put32(wire + 8, failed);
    hsm_tell(c->calls, c->host, HSM_SERVICE_PVL, PVL_RELEASE, wire, sizeof wire);
}

/* ---- policies ---- */

static bool older(const struct pvl_waiting *a, const struct pvl_waiting *b, sim_time now)
{
    (void)now;
    return a->since < b->since;
}

static bool heavier(const struct pvl_waiting *a, const struct pvl_waiting *b, sim_time now)
{
    (void)now;
    return a->weight > b->weight;
}

/* Requests times the time that they have waited, in microseconds and saturating. */
static uint64_t urgency(const struct pvl_waiting *a, sim_time now)
{
    uint64_t waited = (uint64_t)((now - a->since) / SIM_US), all;
    return __builtin_mul_overflow(waited, a->weight, &all) ? UINT64_MAX : all;
}

static bool more_urgent(const struct pvl_waiting *a, const struct pvl_waiting *b, sim_time now)
{
    return urgency(a, now) > urgency(b, now);
}

static const struct pvl_order_ops orders[] = {
    { { .name = "fifo", .doc = "The job that came first." }, older },
    { { .name = "most", .doc = "The job for which most requests wait." }, heavier },
    { { .name = "aged", .doc = "The job of the most requests times the time that it has waited." },
      more_urgent },
};
static const struct kind *const order_items[] = { &orders[0].kind, &orders[1].kind, &orders[2].kind,
                                                  NULL };
const struct kind_set pvl_orders = { "order", "machine.os.pvl.order", order_items };

static bool idle_longer(const struct pvl_idle *a, const struct pvl_idle *b)
{
    return a->since < b->since;
}

static bool idle_shorter(const struct pvl_idle *a, const struct pvl_idle *b)
{
    return a->since > b->since;
}

static bool rarer(const struct pvl_idle *a, const struct pvl_idle *b)
{
    return a->mounts != b->mounts ? a->mounts < b->mounts : a->since < b->since;
}

static const struct pvl_victim_ops victims[] = {
    { { .name = "lru", .doc = "The one that has been idle for longest." }, idle_longer },
    { { .name = "mru", .doc = "The one that became idle last." }, idle_shorter },
    { { .name = "lfu", .doc = "The one that was mounted most rarely." }, rarer },
};
static const struct kind *const victim_items[] = { &victims[0].kind, &victims[1].kind,
                                                   &victims[2].kind, NULL };
const struct kind_set pvl_victims = { "replacement", "machine.os.pvl.victim", victim_items };
