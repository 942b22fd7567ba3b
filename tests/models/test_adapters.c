/* test_adapters.c: what the CPU does at an interface, against closed forms and a slow model. */
#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"
#include "sim/rng.h"

#define US SIM_US

static struct val *table(struct val *in, const char *key)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    val_put(in, key, v);
    return v;
}

static void put(struct val *in, const char *key, const char *text)
{
    val_put(in, key, val_new_string(text, NULL, 0));
}

/* Two nodes on one network "lan" of this kind; its adapter is returned. */
static struct val *pair(struct rig *r, const char *kind, const char *adapter, struct val **lan)
{
    rig_init(r, 1, 2);
    r->reg.nets = &net_kinds;
    *lan = table(table(r->spec, "networks"), "lan");
    put(*lan, "kind", kind);
    struct val *nic = table(*lan, "nic");
    put(nic, "mtu", "1500B");
    put(nic, "packet_bytes", "1500B");
    val_put(nic, "header_flits", val_new_int(8, NULL, 0));
    struct val *a = table(*lan, "adapter");
    put(a, "kind", adapter);
    if (strcmp(adapter, "cell_fifo") == 0)
        put(a, "cell_time", "2831197ps"); /* of OC-3c, as the network's */
    return a;
}

/* ---- a stream of frames from node 0 to node 1 ---- */

#define MOST 400
static struct {
    struct port_end *end;
    struct port_timer timer;
    struct port *port;
    unsigned left, length, came;
    bool paid;
    sim_time begun[MOST], read[MOST], sent; /* sent: CPU time of the latest frame */
    uint32_t which[MOST];
} st;

static void say(void)
{
    while (st.left > 0) {
        struct rope f;
        sim_time before = port_now(st.port);
        if (!st.paid) {
            port_end_out(st.end, st.length);
            st.sent = port_now(st.port) - before;
        }
        rope_init(&f);
        rope_add_pattern(&f, st.left, 0, st.length);
        enum port_if_result why = port_end_send(st.end, 1, 0, &f);
        rope_fini(&f);
        st.paid = why == PORT_IF_BUSY;
        if (st.paid)
            return;
        st.left--;
    }
}

static void ready(void *arg)
{
    (void)arg;
    say();
}

static void begin(struct port_timer *t)
{
    (void)t;
    say();
}

static struct port_end *hearer;
static struct port *hears;
static void hear(void *arg, uint64_t from, unsigned flags, struct rope *frame)
{
    (void)arg, (void)from, (void)flags;
    st.begun[st.came] = port_now(hears);
    port_end_in(hearer, frame->length);
    st.read[st.came++] = port_now(hears);
}
static const struct port_end_ops says_ops = { .ready = ready }, hears_ops = { .receive = hear };

static void boot(struct port *p, const struct os_layout *l)
{
    enum port_if_result why;
    (void)l;
    if (port_node(p) == 1) {
        hears = p;
        hearer = port_end_open(p, 0, NULL, 0, &hears_ops, NULL, &why);
        return;
    }
    st.port = p;
    st.end = port_end_open(p, 0, NULL, 0, &says_ops, NULL, &why);
    port_timer_init(p, &st.timer, begin, NULL);
    port_timer_set(&st.timer, US);
}

static void stream(struct rig *r, unsigned frames, unsigned length)
{
    memset(&st, 0, sizeof st);
    st.left = frames;
    st.length = length;
    rig_open(r, boot);
    cr_assert_eq(rig_run(r), SIM_END_IDLE);
}

/* Mean time from a frame to the next, the first ten aside. */
static double period(void)
{
    return (double)(st.read[st.came - 1] - st.read[10]) / (st.came - 11);
}

#define CELL_PS 2831197.0 /* 424 bits at 149.76 Mb/s */
#define CELLS 32          /* of 1,500 bytes, 8 and 8 */

/* What is slowest sets the pace: the link, or the CPU of the sender, or that of the receiver. */
Test(adapters, the_slowest_of_link_and_cpus_sets_the_pace)
{
    static const struct {
        const char *adapter, *out_key, *out, *in_key, *in;
        double period; /* ps a frame of 1,500 bytes */
    } rows[] = {
        { "dma", NULL, NULL, NULL, NULL, CELLS * CELL_PS },
        { "pio", "rate_out", "10MB/s", "rate_in", "100MB/s", 150e6 },
        { "pio", "rate_out", "100MB/s", "rate_in", "5MB/s", 300e6 },
        { "pio", "rate_out", "100MB/s", "rate_in", "100MB/s", CELLS * CELL_PS },
        { "cell_fifo", "cell_out", "5us", "cell_in", "1us", CELLS * 5e6 },
        { "cell_fifo", "cell_out", "1us", "cell_in", "1us", CELLS * CELL_PS },
        { "cell_fifo", "cell_out", "1us", "cell_in", "9us", CELLS * 9e6 },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct rig r;
        struct val *lan, *a = pair(&r, "atm", rows[i].adapter, &lan);
        if (rows[i].out_key != NULL) {
            put(a, rows[i].out_key, rows[i].out);
            put(a, rows[i].in_key, rows[i].in);
        }
        stream(&r, 200, 1500);
        cr_expect(st.came > 50);
        cr_expect_float_eq(period() / rows[i].period, 1, 2e-3, "row %zu: %g ps", i, period());
        rig_close(&r);
    }
}

Test(adapters, each_byte_has_its_price_each_way)
{
    struct rig r;
    struct val *lan, *a = pair(&r, "ethernet", "pio", &lan);
    put(a, "rate_out", "20MB/s");
    put(a, "rate_in", "8MB/s");
    rig_set(&r, "prices.frame_bytes.each", "1us"); /* the adapter's price has its place */
    rig_set(&r, "prices.frame_out.each", "3us");
    rig_set(&r, "nic.dma_rate", "1kB/s"); /* there is no DMA */
    stream(&r, 1, 1000);
    cr_expect_eq(st.came, 1);
    cr_expect_eq(st.sent, 53 * US);
    cr_expect_eq(st.read[0] - st.begun[0], 125 * US);
    cr_expect_lt(st.begun[0], 2 * SIM_MS);
    rig_close(&r);
}

/* The sender's adapter has DMA at 1 MB/s, and its CPU the price of bytes at this network; the CPU
 * of the receiver, the last node, moves them itself.  The other way round, too. */
Test(adapters, groups_of_nodes_have_adapters_of_their_own)
{
    for (int way = 0; way < 2; way++) {
        struct rig r;
        struct val *lan, *a = pair(&r, "ethernet", "dma", &lan), *own, *bytes;
        (void)a;
        rig_set_int(&r, "nodes.old.last", 2);
        rig_set_int(&r, way == 0 ? "nodes.hand.last" : "nodes.hand.first", 1);
        own = table(lan, "adapters");
        put(table(own, "old"), "kind", "dma"); /* of both; what comes later counts */
        put(table(own, "hand"), "kind", "pio");
        put((struct val *)(uintptr_t)val_get(own, "hand"), "rate_in", "8MB/s");
        put((struct val *)(uintptr_t)val_get(own, "hand"), "rate_out", "20MB/s");
        put((struct val *)(uintptr_t)val_get(lan, "nic"), "dma_rate", "1MB/s");
        bytes = table(table(lan, "prices"), "frame_bytes");
        put(bytes, "rate", "4MB/s");
        stream(&r, 1, 1000);
        cr_expect_eq(st.came, 1);
        const struct network *n = &r.m->networks[0];
        cr_expect_eq(n->side_of[way], &n->sides[1]);
        cr_expect_eq(n->side_of[1 - way], &n->sides[2]);
        cr_expect_eq(st.sent, (way == 0 ? 250 : 50) * US);
        cr_expect_eq(st.read[0] - st.begun[0], (way == 0 ? 125 : 250) * US);
        /* From its timer on: the CPU, DMA at one end, 812.8 us of the cable and its signal. */
        cr_expect_geq(st.begun[0], (1 + (way == 0 ? 250 : 50) + 1000 + 812) * US);
        cr_expect_leq(st.begun[0], (1 + (way == 0 ? 250 : 50) + 1000 + 880) * US);
        rig_close(&r);
    }
}

/* ---- FIFOs of cells ---- */

/* ADAPT1: every cell with the time at which it leaves: a cell is written when the one `room`
 * before it has left. */
Test(adapters, cells_are_written_as_a_fifo_has_room)
{
    const struct adapter_ops *ops = kind_find(&adapter_kinds, "cell_fifo");
    struct sim_rng rng;
    sim_rng_init_seed(&rng, 7, "cells");
    unsigned waited = 0;
    for (unsigned run = 0; run < 300; run++) {
        struct adapter_params p = { .cell_out = (sim_time)(1 + sim_rng_below(&rng, 30)),
                                    .cell_time = (sim_time)(1 + sim_rng_below(&rng, 30)),
                                    .out_cells = (int64_t)(1 + sim_rng_below(&rng, 40)),
                                    .cell_bytes = 48,
                                    .trailer = 8 };
        struct adapter_state s = { 0 };
        sim_time leaves[2000] = { 0 }, now = 0;
        size_t n = 0, room = (size_t)p.out_cells;
        for (unsigned f = 0; f < 20; f++) {
            uint64_t bytes = sim_rng_below(&rng, 3000), cells = (bytes + 8 + 47) / 48;
            sim_time at = now;
            for (uint64_t k = 0; k < cells; k++, n++) {
                if (n >= room && leaves[n - room] > at) {
                    at = leaves[n - room];
                    waited++;
                }
                at += p.cell_out;
                sim_time free = n > 0 && leaves[n - 1] > at ? leaves[n - 1] : at;
                leaves[n] = free + p.cell_time;
            }
            cr_assert_eq(ops->out(&p, &s, bytes, now), at - now, "run %u, frame %u", run, f);
            now = at + (sim_time)sim_rng_below(&rng, 400);
        }
    }
    cr_expect_gt(waited, 1000);
}

/* ADAPT2: frames come as the link brings them; cells wait in the FIFO until each is read. */
static void fill_fifo(int64_t room)
{
    struct rig r;
    struct val *lan, *a = pair(&r, "atm", "cell_fifo", &lan);
    put(a, "cell_out", "1us");
    put(a, "cell_in", "9us");
    val_put(a, "in_cells", val_new_int(room, NULL, 0));
    stream(&r, 200, 1500);
    sim_time first = st.begun[0], last = first, read[200 * CELLS] = { 0 };
    unsigned kept = 0, lost = 0;
    size_t n = 0, gone = 0;
    for (unsigned f = 0; f < 200; f++) {
        sim_time at = first + (sim_time)(f * CELLS * CELL_PS);
        while (gone < n && read[gone] <= at)
            gone++;
        if (n - gone + CELLS > (size_t)room) {
            lost++;
            continue;
        }
        last = last > at ? last : at;
        cr_expect_leq(llabs((long long)(st.begun[kept] - last)), SIM_NS, "frame %u", f);
        for (unsigned k = 0; k < CELLS; k++)
            read[n++] = last += 9 * US;
        kept++;
    }
    cr_expect_gt(lost, 50);
    cr_expect_eq(st.came, kept, "room for %ld: %u, not %u", (long)room, st.came, kept);
    cr_expect_eq(r.m->counts.frames_dropped[DROP_ADAPTER_FULL], lost);
    rig_close(&r);
}

/* Of each length near that of the TCA-100: at some of them one cell decides. */
Test(adapters, a_frame_that_finds_the_fifo_full_is_lost)
{
    for (int64_t room = 260; room <= 292; room++)
        fill_fifo(room);
}

/* ---- interrupts ---- */

static uint64_t interrupts(const char *who, const char *cpu, sim_time *all)
{
    struct rig r;
    struct val *lan, *a = pair(&r, "atm", "pio", &lan);
    put(a, "rate_out", "1000MB/s");
    put(a, "rate_in", "5MB/s");
    put(a, "interrupt", "20us");
    put(a, "interrupts", who);
    rig_set(&r, "node.upcall_cpu", cpu);
    rig_set_bool(&r, "node.coprocessor", true);
    stream(&r, 5, 1500);
    cr_expect_eq(st.came, 5);
    *all = st.read[4] - st.begun[0];
    uint64_t n = r.m->counts.adapter_interrupts;
    rig_close(&r);
    return n;
}

Test(adapters, one_interrupt_a_frame_or_a_batch)
{
    sim_time all;
    cr_expect_eq(interrupts("each", "application", &all), 5);
    cr_expect_eq(all, (5 * 300 + 4 * 20) * US);
    cr_expect_eq(interrupts("batch", "application", &all), 1);
    cr_expect_eq(all, 5 * 300 * US);
    cr_expect_eq(interrupts("each", "coprocessor", &all), 0, "it polls");
    cr_expect_eq(all, 5 * 300 * US);
}

/* A frame that comes when all before it are handled interrupts. */
Test(adapters, a_batch_ends_when_the_cpu_has_caught_up)
{
    struct rig r;
    struct val *lan, *a = pair(&r, "atm", "pio", &lan);
    put(a, "rate_out", "5MB/s");
    put(a, "rate_in", "1000MB/s");
    put(a, "interrupt", "1us");
    put(a, "interrupts", "batch");
    stream(&r, 7, 1500);
    cr_expect_eq(r.m->counts.adapter_interrupts, 7);
    rig_close(&r);
}

/* ---- what cannot be ---- */

static void refused(const char *kind, const char *adapter, const char *path, const char *text,
                    const char *part)
{
    struct rig r;
    struct err e = ERR_INIT;
    struct val *lan;
    pair(&r, kind, adapter, &lan);
    if (path != NULL)
        rig_set(&r, path, text);
    rig_refused(&r, &e);
    cr_expect(strstr(e.text, part), "%s", e.text);
}

Test(adapters, mistakes_get_a_sentence)
{
#define AT "networks.lan."
    refused("ethernet", "dna", NULL, NULL, "there is no adapter 'dna'");
    refused("ethernet", "pio", AT "adapter.rate", "1MB/s", "lan.adapter.rate");
    refused("ethernet", "pio", AT "adapter", "pio", "not a table with its kind");
    refused("ethernet", "pio", AT "nic.dma_rate", "1MB/s", "an adapter 'pio' has no DMA");
    refused("ethernet", "pio", AT "prices.frame_bytes.each", "1us",
            "at an adapter 'pio' the bytes have its price");
    refused("ethernet", "pio", AT "nic.mtu", "17MB", "frames of at most 16000000 bytes");
    refused("ethernet", "cell_fifo", NULL, NULL, "others have no cells");
    refused("ethernet", "dma", AT "adapters.compte.kind", "pio",
            "there is no group of nodes 'compte', did you mean 'compute'?");
    refused("ethernet", "dma", AT "adapters.compute.kind", "cell_fifo",
            "lan.adapters.compute: 'cell_fifo' is for networks of kind 'atm'");
    refused("ethernet", "dma", AT "adapters", "pio", "lan.adapters is a string, not a table");
    refused("atm", "cell_fifo", AT "nic.mtu", "20kB", "has 417 cells, and the FIFO holds 292");
}
