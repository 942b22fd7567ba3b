/* The drive against one simulated the slow obvious way: sector by sector, with the buffer and the
 * bus beside it.  A sector that is not there (a write's), or that finds no room (a read's), when it
 * comes under the head is waited for another turn. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "sim/rng.h"
#include "tests/disks/kit.h"

struct slow {
    const struct geometry *g;
    const struct seek_curve *c;
    const struct disk_params *p;
    sim_time read_sector, write_sector;
    uint32_t cyl, head;
};

/* When sector `lbn` begins to pass under a head that is on its track from t on. */
static sim_time comes(const struct slow *w, uint64_t lbn, sim_time t)
{
    struct geo_run run;
    geo_locate(w->g, lbn, &run);
    sim_time slot = geo_slot_time(w->g, run.slot, run.zone->track_sectors);
    sim_time turn = t / w->g->rev * w->g->rev + slot;
    while (turn < t)
        turn += w->g->rev;
    return turn;
}

static sim_time long_sector(const struct slow *w, uint64_t lbn)
{
    struct geo_run run;
    geo_locate(w->g, lbn, &run);
    return geo_slot_time(w->g, run.slot + 1, run.zone->track_sectors) -
           geo_slot_time(w->g, run.slot, run.zone->track_sectors);
}

/* Moves the head to the sector's track; the time it is there. */
static sim_time moved(struct slow *w, uint64_t lbn, sim_time t, bool write, sim_time least)
{
    struct geo_pos at = geo_position(w->g, lbn);
    sim_time move = seek_time(w->c, w->cyl, w->head, at.cyl, at.head, write);
    w->cyl = at.cyl;
    w->head = at.head;
    return t + (move > least ? move : least);
}

/* Whether sector k of a write is in the buffer at `begin`, and as many as must be. */
static bool there(const struct slow *w, uint32_t k, uint32_t first, sim_time data, sim_time begin)
{
    uint32_t come = begin < data ? 0 : (uint32_t)((begin - data) / w->write_sector);
    return come > k && come >= first;
}

/* The sectors of a write on one track, each when it comes and is there first; from t on. */
static sim_time slow_on_arrival(const struct slow *w, uint64_t lbn, uint32_t k, uint32_t count,
                                uint32_t first, sim_time data, sim_time t)
{
    bool done[256] = { false };
    for (uint32_t i = 0; i < count; i++) {
        uint32_t next = 0;
        sim_time soonest = SIM_NEVER;
        for (uint32_t j = 0; j < count; j++) {
            sim_time begin = comes(w, lbn + k + j, t);
            while (!done[j] && !there(w, k + j, first, data, begin))
                begin += w->g->rev;
            if (!done[j] && begin < soonest) {
                soonest = begin;
                next = j;
            }
        }
        done[next] = true;
        t = soonest + long_sector(w, lbn + k + next);
    }
    return t;
}

static sim_time slow_write(struct slow *w, uint64_t lbn, uint32_t n, sim_time t)
{
    const struct disk_overhead_params *o = &w->p->overhead;
    const struct disk_bus_params *b = &w->p->interface;
    uint32_t first = (uint32_t)(n < b->write_long ? b->write_first : b->write_first_long);
    first = first < n ? first : n;
    sim_time data = t + o->write + o->write_data, head = t + o->write;
    sim_time least = w->p->seek.write_least;
    for (uint32_t k = 0, count = 1; k < n; k += count, least = 0) {
        head = moved(w, lbn + k, head, true, least);
        if (w->p->zero_latency_writes) {
            struct geo_run run;
            geo_locate(w->g, lbn + k, &run);
            count = run.count < n - k ? run.count : n - k;
            head = slow_on_arrival(w, lbn, k, count, first, data, head);
            continue;
        }
        sim_time begin = comes(w, lbn + k, head);
        while (!there(w, k, first, data, begin))
            begin += w->g->rev;
        head = begin + long_sector(w, lbn + k);
    }
    sim_time off = data + n * w->write_sector + o->disconnect_write;
    return (head > off ? head : off) + o->reselect_write + o->write_done;
}

static sim_time slow_read(struct slow *w, uint64_t lbn, uint32_t n, sim_time t)
{
    const struct disk_overhead_params *o = &w->p->overhead;
    uint32_t room = (uint32_t)w->p->cache.segment_sectors, least = n < room ? n : room;
    uint32_t mark = (uint32_t)(w->p->interface.read_mark * least);
    uint32_t block = (uint32_t)w->p->interface.read_block;
    mark = mark == 0 ? 1 : mark;
    static sim_time arrived[4096], sent[4096];
    sim_time head = t + o->read_miss;
    uint32_t on_bus = 0; /* sectors whose time on the bus is known */
    for (uint32_t k = 0; k < n; k++) {
        head = moved(w, lbn + k, head, false, 0);
        sim_time begin = comes(w, lbn + k, head);
        for (;; begin += w->g->rev) {
            uint32_t gone = 0;
            while (gone < on_bus && sent[gone] <= begin)
                gone++;
            if (k - gone < room)
                break;
        }
        head = arrived[k] = begin + long_sector(w, lbn + k);
        if (k + 1 < mark)
            continue;
        /* From the mark on the bus is held: each sector follows the one before, when its block is
         * there. */
        for (; on_bus <= k; on_bus++) {
            uint32_t last = (on_bus / block + 1) * block;
            last = (last < n ? last : n) - 1;
            if (last > k)
                break;
            sim_time from = on_bus == 0 ? arrived[k] + o->reselect : sent[on_bus - 1];
            from = from > arrived[last] ? from : arrived[last];
            sent[on_bus] = from + w->read_sector;
        }
    }
    return sent[n - 1] + o->read_done;
}

static struct disk_params varied(struct sim_rng *g)
{
    struct disk_params p = kit_bare();
    static const int64_t rates[] = { 1500000, 2200000, 2700000, 4000000, 10000000 };
    static const double marks[] = { 0, 0.5, 0.75, 1 };
    static const int64_t blocks[] = { 1, 1, 8, 16 };
    p.bus.rate = rates[sim_rng_below(g, 5)];
    p.zero_latency_writes = sim_rng_below(g, 2) == 0;
    p.cache.enabled = true;
    p.cache.segments = 2;
    p.cache.write_segment = true;
    p.cache.segment_sectors = 40 + (int64_t)sim_rng_below(g, 200);
    p.interface.hold = true;
    p.interface.read_mark = marks[sim_rng_below(g, 4)];
    p.interface.read_block = blocks[sim_rng_below(g, 4)];
    p.interface.write_first = 1 + (int64_t)sim_rng_below(g, 20);
    p.interface.write_first_long = 15;
    p.interface.write_long = 45;
    p.seek.write_settle = 650 * SIM_US;
    p.seek.write_least = 600 * SIM_US;
    p.overhead.read_miss = p.overhead.read_miss_after_write = 558 * SIM_US;
    p.overhead.write = p.overhead.write_after_write = 824 * SIM_US;
    p.overhead.write_data = sim_rng_below(g, 2) == 0 ? 25 * SIM_US : 4 * SIM_MS;
    p.overhead.disconnect_write = 166 * SIM_US;
    p.overhead.reselect = 188 * SIM_US;
    p.overhead.reselect_write = 162 * SIM_US;
    p.overhead.read_done = 57 * SIM_US;
    p.overhead.write_done = 50 * SIM_US;
    return p;
}

Test(disk_sectors, every_request_takes_what_a_drive_simulated_sector_by_sector_takes, .timeout = 60)
{
    struct sim_rng g;
    uint64_t waited = 0;
    sim_rng_init_seed(&g, 7, "sectors");
    for (int drive = 0; drive < 40; drive++) {
        struct disk_params p = varied(&g);
        struct sim *s = kit_sim(1);
        struct blkdev *d = kit_disk(s, &p);
        struct slow w = { .g = disk_geometry(d),
                          .c = disk_seek_curve(d),
                          .p = &p,
                          .read_sector = sim_time_of_bytes(512, p.bus.rate),
                          .write_sector = sim_time_of_bytes(512, p.bus.rate) };
        uint64_t near = sim_rng_below(&g, w.g->sectors - 4000);
        for (int i = 0; i < 60; i++) {
            uint32_t n = 1 + (uint32_t)sim_rng_below(&g, sim_rng_below(&g, 3) == 0 ? 500 : 40);
            uint64_t at = near + sim_rng_below(&g, 3000);
            if (sim_rng_below(&g, 3) == 0)
                at = near = sim_rng_below(&g, w.g->sectors - 4000);
            sim_time now = sim_now(s), want, took, more = 20;
            if (sim_rng_below(&g, 2) == 0) {
                struct rope data;
                kit_pattern(&data, 1, 0, n * 512);
                want = slow_write(&w, at, n, now) - now;
                took = kit_write(d, at, n, &data);
                rope_fini(&data);
                if (p.zero_latency_writes && p.bus.rate < 2500000) /* the medium's; it may wait */
                    more = 1000 * SIM_MS;
                waited += want > n * w.write_sector + 2 * w.g->rev;
            } else {
                uint64_t hits = disk_counts(d).hits + disk_counts(d).partial_hits;
                struct slow before = w;
                want = slow_read(&w, at, n, now) - now;
                took = kit_read(d, at, n, NULL);
                if (disk_counts(d).hits + disk_counts(d).partial_hits > hits) {
                    /* What is cached is another test's; the head is where the drive says. */
                    w = before;
                    if (disk_counts(d).hits == hits)
                        (void)moved(&w, at + n - 1, 0, false, 0);
                    kit_wait(s, 100 * SIM_MS);
                    kit_read(d, 5, 1, NULL);
                    (void)moved(&w, 5, 0, false, 0);
                    continue;
                }
            }
            /* Slots of a turn are rounded to picoseconds. */
            cr_assert(took >= want - 20 && took <= want + more, "drive %d request %d: %ld, not %ld",
                      drive, i, (long)took, (long)want);
            kit_wait(s, (sim_time)sim_rng_below(&g, 20 * SIM_MS));
        }
        d->ops->destroy(d);
        sim_destroy(s);
    }
    cr_assert_gt(waited, 100, "%d", (int)waited);
}

/* A write that follows a write elsewhere lets go of the bus before its data too: command 0.6 ms,
 * bus kept 0.05 ms more, 0.4 ms away, reconnection 0.2 ms, data; the arm starts at 0.6 + 0.25 ms.
 * With an arm that is fast the data decide: the sectors cannot be written before they came. */
Test(disk_sectors, a_second_disconnection_puts_off_the_data_of_a_write)
{
    struct disk_params p = kit_bare();
    p.bus.rate = 512000; /* a sector a millisecond */
    p.overhead.write = p.overhead.write_after_write = 800 * SIM_US;
    p.overhead.reselect = 200 * SIM_US;
    p.overhead.second = (struct disk_second_params){ .enabled = true,
                                                     .command = 600 * SIM_US,
                                                     .seek = 250 * SIM_US,
                                                     .disconnect = 50 * SIM_US,
                                                     .away = 400 * SIM_US,
                                                     .data_disconnect = 100 * SIM_US,
                                                     .reselect = 130 * SIM_US };
    struct sim *s = kit_sim(1);
    struct blkdev *d = kit_disk(s, &p);
    struct rope data;
    sim_time rev = disk_geometry(d)->rev, slot = rev / 72;
    kit_pattern(&data, 1, 0, 512);
    struct slow w = { .g = disk_geometry(d), .c = disk_seek_curve(d), .p = &p };
    for (uint64_t i = 0; i < 50; i++) {
        uint64_t at = i * 5 % 72; /* one track, never the next sector: the arm is there */
        sim_time now = sim_now(s), took = kit_write(d, at, 1, &data);
        bool second = i > 0;
        sim_time arm = now + (second ? 850 : 800) * SIM_US;
        sim_time there = now + (second ? 600 + 50 + 400 + 200 : 800) * SIM_US + SIM_MS;
        sim_time begin = comes(&w, at, arm);
        while (begin < there)
            begin += rev;
        cr_assert(llabs(took - (begin + slot + (second ? 130 * SIM_US : 0) - now)) <= 1, "write %d",
                  (int)i);
        kit_wait(s, (sim_time)i * 317 * SIM_US);
    }
    /* One that goes on where the last ended does not: 49 * 5 mod 72 = 29. */
    sim_time now = sim_now(s), took = kit_write(d, 30, 1, &data);
    sim_time begin = comes(&w, 30, now + 800 * SIM_US);
    while (begin < now + 1800 * SIM_US)
        begin += rev;
    cr_assert(llabs(took - (begin + slot - now)) <= 1);
    rope_fini(&data);
    d->ops->destroy(d);
    sim_destroy(s);
}
