/* test_nic.c: frames go in whole and come out whole, in order, or are dropped and counted. */
#include <criterion/criterion.h>
#include <string.h>

#include "mesh/mesh.h"
#include "mesh/nic.h"
#include "sim/audit.h"

#define NODES 6
#define FRAMES 400

static struct sim *s;
static struct net *net;
static struct nic *nics[NODES];
static struct mesh_params mesh;
static struct nic_params params;

struct log_entry {
    uint32_t src, dst;
    uint64_t bytes, cookie, hash;
    struct nic_split split;
    sim_time posted, delivered;
};
static struct log_entry entries[FRAMES];
static struct sim_server *buses;
static uint32_t delivered, ready_calls, sent_calls;

static void receive(void *arg, struct nic_frame *f)
{
    cr_assert_eq(f->dst, (uint32_t)(uintptr_t)arg);
    entries[delivered++] = (struct log_entry){ .src = f->src,
                                               .dst = f->dst,
                                               .bytes = f->bytes,
                                               .cookie = f->cookie,
                                               .hash = rope_hash(&f->data),
                                               .split = nic_frame_split(f),
                                               .posted = f->posted,
                                               .delivered = f->delivered };
    cr_assert_eq(f->delivered, sim_now(s));
}

static void ready(void *arg)
{
    (void)arg;
    ready_calls++;
}

static void sent(void *arg, uint64_t cookie)
{
    (void)arg;
    (void)cookie;
    sent_calls++;
}

static int64_t setup_above; /* of the interfaces that start() makes, with 3 us a turn */
static int64_t receive_packets;
static int arbitration;
static int64_t dma_rate; /* 0: the default */

static void start(const struct net_ops *ops, struct sim_server *bus)
{
    struct err e = ERR_INIT;
    s = sim_create(NULL);
    buses = bus;
    cr_assert(param_load(mesh_params_desc, &mesh, NULL, "mesh", &e), "%s", e.text);
    cr_assert(param_load(nic_params_desc, &params, NULL, "nic", &e), "%s", e.text);
    params.setup_above = setup_above;
    params.setup_time = 3 * SIM_US;
    params.receive_packets = receive_packets;
    params.dma_rate = dma_rate ? dma_rate : params.dma_rate;
    mesh.arbitration = arbitration;
    mesh.rows = 2;
    mesh.columns = 3;
    net = ops->create(s, &mesh, &e);
    cr_assert(net, "%s", e.text);
    for (uint32_t i = 0; i < NODES; i++) {
        if (bus)
            sim_server_init(&bus[i], s, SIM_KIND_BUS, (int32_t)i, "bus", false);
        nics[i] = nic_create(s, net, i, (int32_t)i, &params, bus ? &bus[i] : NULL, 1, &e);
        cr_assert(nics[i], "%s", e.text);
        nic_set_handler(nics[i], &(struct nic_handler){ .receive = receive,
                                                        .ready = ready,
                                                        .sent = sent,
                                                        .arg = (void *)(uintptr_t)i });
    }
}

static void finish(void)
{
    char text[1024] = "";
    cr_assert_eq(sim_audit_run(s, text, sizeof(text)), 0, "%s", text);
    for (uint32_t i = 0; i < NODES; i++)
        nic_destroy(nics[i]);
    for (uint32_t i = 0; buses && i < NODES; i++)
        sim_server_fini(&buses[i]);
    net->ops->destroy(net);
    sim_destroy(s);
    cr_assert_eq(rope_leaves_alive(), 0);
}

static enum nic_result post(uint32_t src, uint32_t dst, uint64_t bytes, uint64_t cookie)
{
    struct rope r;
    rope_init(&r);
    rope_add_pattern(&r, cookie, 0, bytes);
    enum nic_result result = nic_send(nics[src], dst, &r, cookie);
    cr_assert_eq(r.length, result == NIC_OK ? 0 : bytes);
    rope_fini(&r);
    return result;
}

/* The frames of one node wait for its transfers, each until its last byte is read; those of the
 * node that goes down until then. */
Test(nic, the_transmit_queue_is_a_measure_of_the_window)
{
    double mean, most;
    int32_t fullest;
    start(&net_ideal, NULL);
    for (uint64_t k = 0; k < 4; k++)
        cr_assert_eq(post(0, 1, 0, k), NIC_OK);
    cr_assert_eq(nic_queue_length(nics[0]), 4);
    sim_run(s);
    sim_time each = params.dma_setup + sim_time_of_bytes(0, params.dma_rate);
    double window = (double)sim_now(s);
    cr_assert(sim_queue_mean(s, SIM_KIND_NIC, &mean, &most, &fullest));
    cr_assert_eq(fullest, 0);
    /* Two transmit buffers: all four may wait for more than their transfers, none for less. */
    cr_assert_geq(most * window, 10.0 * (double)each);
    cr_assert_float_eq(mean, most / NODES, 1e-12);
    cr_assert_eq(post(0, 1, 0, 4), NIC_OK);
    nic_down(nics[0]);
    cr_assert_eq(nic_queue_length(nics[0]), 0);
    sim_run(s);
    finish();
}

Test(nic, a_frame_alone_takes_dma_mesh_dma)
{
    start(&net_worm, NULL);
    cr_assert_eq(post(0, 5, 100, 7), NIC_OK);
    sim_run(s);
    cr_assert_eq(delivered, 1);
    /* 100 B at 400 MB/s each way; 16 + 50 flits over three channels between routers. */
    cr_assert_eq(entries[0].split.queue, 0);
    cr_assert_eq(entries[0].split.dma, 2 * 250 * SIM_NS);
    cr_assert_eq(entries[0].split.mesh, mesh_zero_load(&mesh, 3, 66));
    cr_assert_eq(entries[0].delivered, 500 * SIM_NS + mesh_zero_load(&mesh, 3, 66));
    finish();
}

static const struct net_ops *const fidelities[] = { &net_worm, &net_flit, &net_ideal };

Test(nic, a_long_frame_reserves_first_and_a_short_one_does_not)
{
    setup_above = 100;
    for (size_t k = 0; k < ARRAY_LEN(fidelities); k++) {
        start(fidelities[k], NULL);
        delivered = 0;
        cr_assert_eq(post(0, 5, 100, 7), NIC_OK);
        cr_assert_eq(post(1, 3, 101, 8), NIC_OK);
        sim_run(s);
        cr_assert_eq(delivered, 2);
        cr_assert_eq(entries[0].delivered, 500 * SIM_NS + mesh_zero_load(&mesh, 3, 66));
        /* 16 flits there and back and a turn of each end; then 101 B, two channels between routers,
         * which share none with the other frame's. */
        sim_time alone = 2 * (252500 * SIM_PS) + mesh_zero_load(&mesh, 2, 16 + 51);
        sim_time setup = 2 * mesh_zero_load(&mesh, 2, 16) + 2 * 3 * SIM_US;
        cr_assert_eq(entries[1].delivered, setup + alone);
        cr_assert_eq(entries[1].split.mesh, setup + mesh_zero_load(&mesh, 2, 16 + 51));
        cr_assert_eq(entries[1].split.dma, 2 * (252500 * SIM_PS));
        cr_assert_eq(entries[1].split.queue, 0);
        cr_assert_eq(post(1, 3, 101, 9), NIC_OK); /* later, and alone: all as before */
        sim_run(s);
        cr_assert_eq(delivered, 3);
        cr_assert_eq(entries[2].split.mesh, entries[1].split.mesh);
        cr_assert_eq(entries[2].split.dma, entries[1].split.dma);
        finish();
    }
}

struct later {
    struct sim_event event;
    uint32_t src;
    uint64_t bytes;
};

static void post_later(struct sim *sim, struct sim_event *e)
{
    struct later *w = CONTAINER_OF(e, struct later, event);
    (void)sim;
    cr_assert_eq(post(w->src, 4, w->bytes, w->src), NIC_OK);
}

/* At the ejection of one, a frame waits behind another's when a third asks: it is older. */
Test(nic, a_packet_that_asks_is_as_old_as_its_question)
{
    setup_above = 1000;
    for (size_t k = 0; k < 2; k++) {
        sim_time came[2];
        for (int asks = 0; asks < 2; asks++) {
            struct later at[2] = { { .src = 5, .bytes = 100 }, { .src = 1, .bytes = 1001 } };
            arbitration = MESH_AGE;
            start(fidelities[k], NULL);
            delivered = 0;
            cr_assert_eq(post(3, 4, 1000, 3), NIC_OK);
            for (int i = 0; i <= asks; i++) {
                sim_event_init(&at[i].event, SIM_CLASS_SOFTWARE, post_later);
                sim_at(s, &at[i].event, (3 + i) * SIM_US);
            }
            sim_run(s);
            cr_assert_eq(delivered, 2 + (uint32_t)asks);
            cr_assert_eq(entries[1].src, 5);
            cr_assert_gt(entries[1].split.mesh, 2 * mesh_zero_load(&mesh, 1, 66), "it waits");
            came[asks] = entries[1].split.mesh;
            finish();
        }
        cr_assert_eq(came[0], came[1]);
    }
}

static uint32_t left[8], left_count;

static void packet_left(void *arg, struct net_packet *p)
{
    (void)arg;
    left[left_count++] = p->flits;
}

static void packet_came(void *arg, struct net_packet *p, enum net_status status)
{
    (void)arg;
    (void)p;
    cr_assert_eq(status, NET_OK);
}

/* Short packets fit a FIFO whole: when they leave is known as soon as the one before has left. */
Test(nic, a_source_is_told_of_each_packet_that_leaves_in_order)
{
    static const uint32_t flits[] = { 40, 2, 1, 30, 3, 2 };
    for (size_t k = 0; k < ARRAY_LEN(fidelities); k++) {
        struct net_packet packets[ARRAY_LEN(flits)];
        start(fidelities[k], NULL);
        for (uint32_t i = 0; i < NODES; i++)
            net->ops->set_terminal(
                net, i, &(struct net_terminal){ .receive = packet_came, .sent = packet_left });
        left_count = 0;
        for (size_t i = 0; i < ARRAY_LEN(flits); i++) {
            packets[i] = (struct net_packet){ .src = 0, .dst = 5, .flits = flits[i] };
            net_inject(net, &packets[i]);
        }
        sim_run(s);
        cr_assert_eq(left_count, ARRAY_LEN(flits));
        for (size_t i = 0; i < ARRAY_LEN(flits); i++)
            cr_assert_eq(left[i], flits[i], "%s: %u flits left, not %u", fidelities[k]->kind.name,
                         left[i], flits[i]);
        finish();
    }
}

/* NIC1. */
Test(nic, frames_of_all_sizes_arrive_whole_and_in_order_in_every_fidelity)
{
    static const uint64_t sizes[] = { 0, 1, 2, 3, 1023, 1024, 1025, 4096, 65536 };
    for (size_t k = 0; k < ARRAY_LEN(fidelities); k++) {
        struct sim_server bus[NODES];
        start(fidelities[k], bus);
        delivered = 0;
        uint32_t posted = 0;
        for (uint32_t src = 0; src < NODES; src++)
            for (size_t z = 0; z < ARRAY_LEN(sizes); z++, posted++)
                cr_assert_eq(post(src, (src * 5 + (uint32_t)z % 2) % NODES, sizes[z], posted + 1),
                             NIC_OK);
        sim_run(s);
        cr_assert_eq(delivered, posted);
        for (uint32_t i = 0; i < delivered; i++) {
            struct rope want;
            rope_init(&want);
            rope_add_pattern(&want, entries[i].cookie, 0, entries[i].bytes);
            cr_assert_eq(entries[i].hash, rope_hash(&want));
            rope_fini(&want);
            cr_assert_eq(entries[i].bytes, sizes[(entries[i].cookie - 1) % ARRAY_LEN(sizes)]);
            cr_assert_eq(entries[i].split.queue + entries[i].split.dma + entries[i].split.mesh,
                         entries[i].delivered - entries[i].posted);
            for (uint32_t j = 0; j < i; j++) /* NIC2 */
                cr_assert(entries[j].src != entries[i].src || entries[j].dst != entries[i].dst ||
                          entries[j].cookie < entries[i].cookie);
        }
        finish();
    }
}

Test(nic, a_full_queue_refuses_and_calls_ready_once)
{
    start(&net_worm, NULL);
    for (int64_t i = 0; i < params.queue_frames; i++)
        cr_assert_eq(post(0, 1, 5000, 1), NIC_OK);
    cr_assert_eq(post(0, 1, 5000, 1), NIC_BUSY);
    cr_assert_eq(post(0, 1, 5000, 1), NIC_BUSY);
    sim_run(s);
    cr_assert_eq(ready_calls, 1);
    cr_assert_eq(sent_calls, 16);
    cr_assert_eq(delivered, 16);
    finish();
}

Test(nic, refuses_what_it_cannot_send)
{
    start(&net_worm, NULL);
    cr_assert_eq(post(0, NODES, 10, 1), NIC_NO_ADDRESS);
    cr_assert_eq(post(0, NET_ALL, 10, 1), NIC_NO_ADDRESS, "a mesh knows no broadcast");
    cr_assert_eq(post(0, 1, 65537, 1), NIC_TOO_LONG);
    nic_down(nics[0]);
    cr_assert_eq(post(0, 1, 10, 1), NIC_DOWN);
    nic_up(nics[0]);
    cr_assert_eq(post(0, 0, 10, 1), NIC_OK);
    sim_run(s);
    cr_assert_eq(delivered, 1);
    finish();
}

/* Five nodes send to a sixth whose DMA is four times slower than its channel. */
Test(nic, a_full_interface_holds_the_network_and_loses_nothing)
{
    dma_rate = 50 * 1000 * 1000;
    for (size_t k = 0; k < ARRAY_LEN(fidelities); k++) {
        sim_time ends[2], blocked[2] = { 0, 0 };
        for (int limited = 0; limited < 2; limited++) {
            struct nic_counts c;
            receive_packets = limited ? 2 : 0;
            start(fidelities[k], NULL);
            delivered = 0;
            for (uint32_t i = 0; i < 5; i++)
                for (uint32_t f = 0; f < 4; f++)
                    cr_assert_eq(post(i, 5, 5000, i * 4 + f), NIC_OK);
            sim_run(s);
            cr_assert_eq(delivered, 20);
            nic_counts(nics[5], &c);
            if (limited)
                cr_assert_leq(c.receive_queue_longest, 2);
            else
                cr_assert_gt(c.receive_queue_longest, 2, "the test is about a full interface");
            ends[limited] = sim_now(s);
            for (uint32_t i = 0; i < delivered; i++)
                blocked[limited] += entries[i].split.mesh;
            finish();
        }
        /* The slow memory sets the pace either way; what waited in the interface waits before. */
        cr_assert_lt(ends[1] - ends[0], 10 * SIM_US, "%s", fidelities[k]->kind.name);
        cr_assert_gt(blocked[1], blocked[0], "%s", fidelities[k]->kind.name);
    }
}

struct switch_event {
    struct sim_event event;
    uint32_t node;
    bool up;
};

static void flip(struct sim *sim, struct sim_event *e)
{
    struct switch_event *w = CONTAINER_OF(e, struct switch_event, event);
    (void)sim;
    if (w->up)
        nic_up(nics[w->node]);
    else
        nic_down(nics[w->node]);
}

/* NIC3, NIC4. */
Test(nic, a_node_down_and_up_at_any_moment_loses_frames_but_no_account)
{
    for (uint32_t k = 0; k < 480; k++) {
        struct sim_server bus[NODES];
        setup_above = k % 240 < 120 ? 0 : 2500; /* of two senders, one reserves */
        receive_packets = k < 240 ? 0 : 1;
        struct switch_event down = { .node = k % 2, .up = false };
        struct switch_event up = { .node = k % 2, .up = true };
        start(&net_worm, bus);
        delivered = 0;
        for (uint32_t i = 0; i < 10; i++) {
            cr_assert_eq(post(0, 1, 3000, i + 1), NIC_OK);
            cr_assert_eq(post(4, 1, 2000, i + 1), NIC_OK);
        }
        sim_event_init(&down.event, SIM_CLASS_SOFTWARE, flip);
        sim_event_init(&up.event, SIM_CLASS_SOFTWARE, flip);
        sim_at(s, &down.event, (sim_time)(k % 120) * 1777 * SIM_NS / 2);
        sim_at(s, &up.event, (sim_time)(k % 120) * 1777 * SIM_NS / 2 + 20 * SIM_US);
        sim_run(s);
        uint64_t in = 0, out = 0, dropped = 0;
        for (uint32_t i = 0; i < NODES; i++) {
            struct nic_counts c;
            nic_counts(nics[i], &c);
            in += c.frames_in;
            out += c.frames_out;
            dropped += c.frames_dropped_down + c.frames_dropped_fault;
        }
        cr_assert_eq(in, 20);
        cr_assert_eq(out, delivered);
        cr_assert_eq(in, out + dropped);
        finish();
    }
}

Test(nic, frames_that_meet_a_dead_channel_are_counted_and_the_rest_arrive)
{
    for (size_t k = 0; k < 2 * ARRAY_LEN(fidelities); k++) {
        setup_above = k < ARRAY_LEN(fidelities) ? 0 : 100;
        start(fidelities[k % ARRAY_LEN(fidelities)], NULL);
        delivered = 0;
        /* The only way from 0 to 2 is over 0 -> 1; it works again at 100 us. */
        net->ops->fault(net, &(struct net_fault){ .at = 20 * SIM_US, .port = 0, .dead = true });
        net->ops->fault(net, &(struct net_fault){ .at = 100 * SIM_US, .port = 0, .dead = false });
        for (uint32_t i = 0; i < 12; i++) {
            cr_assert_eq(post(0, 2, 5000, i + 1), NIC_OK);
            cr_assert_eq(post(5, 2, 5000, i + 1), NIC_OK);
        }
        sim_run(s);
        uint64_t dropped = 0;
        for (uint32_t i = 0; i < NODES; i++) { /* a lost reservation counts at its sender */
            struct nic_counts c;
            nic_counts(nics[i], &c);
            dropped += c.frames_dropped_fault;
        }
        cr_assert_eq(delivered + dropped, 24);
        cr_assert_gt(dropped, 0);
        cr_assert_geq(delivered, 12);
        finish();
    }
}
