/* bench_machine.c: whole machines: clients read 64 KiB blocks from I/O nodes, disks included.
 *
 * Bare frames through the port, no protocols: what nodes, network and drives cost by themselves.
 * The peer of a machine is the same number of requests on its drives alone; the peer of the large
 * machine's cost per event is the small one's.
 */
#include <stdio.h>
#include <stdlib.h>

#include "disks/build.h"
#include "mesh/mesh.h"
#include "models/node.h"
#include "os/registry.h"
#include "tests/bench/bench.h"
#include "tests/ends.h"

#define BLOCK 65536 /* bytes a request */
#define SECTORS (BLOCK / 512)

static uint64_t answered, wanted;

struct agent {
    struct port *port;
    const struct os_layout *layout;
    uint64_t next;
};

struct service {
    struct port_io io;
    struct port *port;
    uint32_t client;
};

static void send(struct port *p, uint32_t dst, struct rope *frame)
{
    if (end_send(p, dst, 0, frame) != PORT_IF_OK)
        abort();
}

static void ask(struct agent *a)
{
    struct rope f;
    uint64_t block = a->next++;
    rope_init(&f);
    rope_add_bytes(&f, &block, sizeof block);
    send(a->port, a->layout->io[(block + port_node(a->port)) % a->layout->io_count], &f);
}

static void on_answer(void *arg, uint64_t src, unsigned flags, struct rope *frame)
{
    struct agent *a = arg;
    (void)src, (void)flags, (void)frame;
    port_work(a->port, PORT_WORK_FRAME_IN, 1);
    if (++answered + a->layout->compute_count <= wanted)
        ask(a);
}

static void on_read(struct port_io *io)
{
    struct service *s = io->arg;
    port_work(s->port, PORT_WORK_INTERRUPT, 1);
    send(s->port, s->client, &io->data);
    port_free(s->port, s);
}

static void on_request(void *arg, uint64_t src, unsigned flags, struct rope *frame)
{
    struct agent *a = arg;
    (void)flags;
    uint64_t block;
    rope_read(frame, 0, sizeof block, &block);
    struct service *s = port_alloc(a->port, sizeof *s);
    s->port = a->port;
    s->client = (uint32_t)src;
    rope_init(&s->io.data);
    s->io.sector = (block + src * 8) % 8000 * SECTORS;
    s->io.sectors = SECTORS;
    s->io.done = on_read;
    s->io.arg = s;
    port_work(a->port, PORT_WORK_IO, 1);
    port_blk_submit(a->port, 0, &s->io);
}

static struct os_node *boot(struct port *p, const struct os_boot *b)
{
    const struct os_layout *l = b->layout;
    struct agent *a = port_alloc(p, sizeof *a);
    bool io = false;
    for (uint32_t i = 0; i < l->io_count; i++)
        io = io || l->io[i] == port_node(p);
    a->port = p;
    a->layout = l;
    static const struct port_end_ops servers = { .receive = on_request };
    static const struct port_end_ops clients = { .receive = on_answer };
    end_open(p, io ? &servers : &clients, a);
    if (!io && port_node(p) != l->service)
        ask(a);
    return NULL;
}

static void put(struct val *spec, const char *path, const char *text)
{
    struct err e = ERR_INIT;
    if (!val_set_path(spec, path, val_new_string(text, NULL, 0), &e))
        abort();
}

/* Runs side x side nodes with `side` I/O nodes; *events: how many it took. */
static double run(uint64_t side, uint64_t requests, const char *model, uint64_t *events)
{
    static const struct machine_registry reg = { .nets = &net_kinds,
                                                 .protocols = &os_protocols,
                                                 .boot = boot };
    struct sim_options o = { .seed = 1 };
    struct err e = ERR_INIT;
    struct val *spec = val_new(VAL_TABLE, NULL, 0);
    val_put(spec, "rows", val_new_int((int64_t)side, NULL, 0));
    val_put(spec, "columns", val_new_int((int64_t)side, NULL, 0));
    val_put(spec, "io_nodes", val_new_int((int64_t)side, NULL, 0));
    put(spec, "network.model", model);
    put(spec, "nic.packet_bytes", "64KiB");
    put(spec, "prices.io.each", "20us");
    put(spec, "prices.frame_in.each", "3us");
    put(spec, "prices.interrupt.each", "3us");
    val_put((struct val *)(uintptr_t)val_get(spec, "nic"), "queue_frames",
            val_new_int(100000, NULL, 0));
    answered = 0;
    wanted = requests;
    double start = bench_seconds();
    struct sim *s = sim_create(&o);
    struct machine *m = machine_create(s, spec, "machine", &reg, &e);
    if (m == NULL) {
        fprintf(stderr, "%s\n", e.text);
        abort();
    }
    sim_run(s);
    double seconds = bench_seconds() - start;
    *events = sim_events_fired(s);
    machine_destroy(m);
    sim_destroy(s);
    val_free(spec);
    return seconds;
}

static double ideal_rate(uint64_t side, uint64_t requests)
{
    uint64_t events;
    return (double)requests / run(side, requests, "ideal", &events);
}

static double worm_rate(uint64_t side, uint64_t requests)
{
    uint64_t events;
    return (double)requests / run(side, requests, "worm", &events);
}

static double event_cost(uint64_t side, uint64_t requests)
{
    uint64_t events;
    double seconds = run(side, requests, "ideal", &events);
    return seconds / (double)events * 1e9;
}

/* ---- the drives alone ---- */

struct loop {
    struct blk_req req;
    struct blkdev *dev;
    uint64_t left, next;
};

static void start(struct loop *l);

static void done(struct blk_req *r)
{
    struct loop *l = r->owner;
    blk_req_fini(r);
    if (--l->left > 0)
        start(l);
}

static void start(struct loop *l)
{
    blk_req_init(&l->req, BLK_READ, l->next++ * 64 % 8000 * SECTORS, SECTORS, done, l);
    blk_submit(l->dev, &l->req);
}

static double drives_rate(uint64_t drives, uint64_t requests)
{
    struct sim_options o = { .seed = 1 };
    struct err e = ERR_INIT;
    double begin = bench_seconds();
    struct sim *s = sim_create(&o);
    struct loop *loops = base_zalloc(drives, sizeof *loops);
    for (uint64_t i = 0; i < drives; i++) {
        char name[32];
        snprintf(name, sizeof name, "drive %d", (int)i);
        loops[i].dev = blk_build(s, NULL, (int32_t)i, name, "device", &e);
        loops[i].left = requests / drives;
        start(&loops[i]);
    }
    sim_run(s);
    return (double)requests / (bench_seconds() - begin);
}

int main(void)
{
    double drives = bench_measure(drives_rate, 64, 200000);
    double ideal = bench_measure(ideal_rate, 64, 200000);
    double worm = bench_measure(worm_rate, 64, 50000);
    double small = bench_measure(event_cost, 8, 100000);
    double large = bench_measure(event_cost, 64, 200000);
    bench_print("machine 4096 nodes, ideal", ideal, "requests/s", "its 64 drives alone",
                ideal / drives);
    bench_print("machine 4096 nodes, worm", worm, "requests/s", "its 64 drives alone",
                worm / drives);
    bench_print("machine 4096 nodes, event", large, "ns", "64 nodes", large / small);
    return 0;
}
