/* test_memsrv.c: memory servers: pages come back as they went, from memory, disk or mirror; deaths
 * are told.
 *
 * The oracle is a flat array in the test.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/memsrv/memsrv_internal.h"
#include "tests/os/xk_rig.h"

#define BASE 0x20000000u
#define PAGE 512
#define PAGES 40

struct world {
    struct rig rig;
    struct memsrv_params server;
    struct memsrv_client_params client;
    uint32_t servers;
    bool backup; /* on this node's own disk */
    int64_t frames;
    uint64_t seed;
    uint32_t crash; /* node that dies in the middle; 0: none */
    uint32_t then;  /* another one that dies later */
    uint64_t pages; /* that the program touches; 0: all */
    bool finished, failed;
    enum vm_status status;
    struct vm *vm;
    struct vm_space *space;
    struct memsrv_client *c;
    struct memsrv *m[RIG_NODES];
    uint8_t shadow[PAGES * PAGE];
};

static uint64_t mix(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool keep_error(void *arg, const struct vm_error *e)
{
    struct world *w = arg;
    w->failed = true;
    w->status = e->status;
    return true;
}

static void program(void *arg)
{
    struct world *w = arg;
    uint64_t x = w->seed;
    port_thread_sleep(vm_port(w->vm), SIM_MS);
    for (int i = 0; i < 1500 && !w->failed; i++) {
        uint64_t at = mix(&x) % (w->pages ? w->pages * PAGE : sizeof w->shadow);
        if (mix(&x) % 2) {
            uint8_t value = (uint8_t)mix(&x);
            vm_store_u8(w->space, BASE + at, value);
            w->shadow[at] = value;
        } else {
            uint8_t got = vm_load_u8(w->space, BASE + at);
            cr_assert(w->failed || got == w->shadow[at], "seed %llu, access %d",
                      (unsigned long long)w->seed, i);
        }
    }
    w->finished = true;
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct world *w = r->arg;
    struct xk_protl *rpc = xk_find(r->k[node], "rpc");
    if (node > 0) {
        w->m[node] = memsrv_serve(rpc, &w->server, PAGE);
        cr_assert_not_null(w->m[node]);
        return;
    }
    struct vm_params vp = { .page = PAGE, .frames = w->frames, .replacement = 1 };
    uint32_t servers[RIG_NODES];
    for (uint32_t i = 0; i < w->servers; i++)
        servers[i] = i + 1;
    w->vm = vm_create(p, &vp);
    w->space = vm_space_create(w->vm, "test");
    vm_on_error(w->space, keep_error, w);
    w->c = memsrv_client_create(rpc, 0, servers, w->servers, &w->client, "paging");
    if (w->backup)
        memsrv_client_backup(w->c, vm_swap_create(w->vm, 0, 0, 8192));
    cr_assert_not_null(
        vm_map(w->space, BASE, sizeof w->shadow, VM_WRITE, &vm_pager_store, memsrv_store(w->c)));
    cr_assert_not_null(port_thread_spawn(p, "program", program, w, 0));
}

static void run(struct world *w)
{
    struct fake_options o = { .nodes = w->servers + 1, .seed = w->seed, .disks = 1, .mtu = 2048 };
    o.detect_delay = SIM_MS;
    rig_start(&w->rig, &o, "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan",
              booted, w);
    if (w->crash) {
        fake_run(w->rig.f, 4000);
        cr_assert_not(w->finished);
        fake_crash(w->rig.f, w->crash);
    }
    if (w->then) {
        fake_run(w->rig.f, 10);
        fake_crash(w->rig.f, w->then);
    }
    fake_run(w->rig.f, 0);
    cr_assert(w->finished, "the program did not end");
}

static uint64_t served(const struct world *w, uint32_t node, const char *what)
{
    char name[64];
    snprintf(name, sizeof name, "memory_server.%s", what);
    return fake_count(w->rig.f, node, name);
}

/* MS1, VMS2. */
Test(memsrv, pages_come_back_from_memory_and_from_disk)
{
    for (uint64_t seed = 1; seed <= 6; seed++)
        for (int spills = 0; spills < 2; spills++) {
            static struct world w;
            w = (struct world){ .server = { .frames = spills ? 3 : 100, .disk_pages = 200 },
                                .client = { .placement = (int)(seed % 2) },
                                .servers = 1 + (uint32_t)(seed % 3),
                                .frames = 5,
                                .seed = seed };
            run(&w);
            cr_assert_not(w.failed);
            uint64_t disk = 0, memory = 0;
            for (uint32_t n = 1; n <= w.servers; n++) {
                uint64_t disk_reads = served(&w, n, "disk_reads");
                disk += disk_reads;
                memory += served(&w, n, "gets") - disk_reads;
                cr_assert_leq(served(&w, n, "in_memory"), spills ? 3u : 100u);
            }
            cr_assert(spills ? disk > 50 : memory > 50 && disk == 0);
            rig_stop(&w.rig);
        }
}

Test(memsrv, a_page_to_disk_only_is_kept_without_memory)
{
    static struct world w;
    w = (struct world){
        .server = { .frames = 0, .disk_pages = 200 }, .servers = 1, .frames = 5, .seed = 11
    };
    run(&w);
    cr_assert_not(w.failed);
    cr_assert_eq(served(&w, 1, "in_memory"), 0);
    cr_assert_gt(served(&w, 1, "disk_reads"), 100u);
    rig_stop(&w.rig);
}

/* MS3. */
Test(memsrv, a_dead_server_is_told_and_a_mirror_or_a_backup_hides_it)
{
    for (int policy = 0; policy < 3; policy++)
        for (uint32_t dead = 1; dead <= 3; dead++) {
            static struct world w;
            w = (struct world){ .server = { .frames = 100 },
                                .client = { .mirror = policy == 1 },
                                .backup = policy == 2,
                                .servers = 3,
                                .frames = 5,
                                .seed = 20 + dead,
                                .crash = dead };
            run(&w);
            cr_assert_eq(w.failed, policy == 0, "policy %d, server %u: %d", policy, dead, w.status);
            if (policy == 0)
                cr_assert_eq(w.status, VM_UNREACHABLE);
            cr_assert(policy != 1 || fake_count(w.rig.f, 0, "paging.from_mirror") > 0);
            cr_assert(policy != 2 || (fake_count(w.rig.f, 0, "paging.from_backup") > 0 &&
                                      fake_count(w.rig.f, 0, "paging.disk") > 0));
            rig_stop(&w.rig);
        }
}

/* All three die one after another: the mirrors move on, and at last nobody takes a page.  MS2. */
Test(memsrv, mirrors_move_to_the_servers_that_are_left)
{
    static struct world w;
    w = (struct world){ .server = { .frames = 100 },
                        .client = { .mirror = true },
                        .servers = 3,
                        .frames = 5,
                        .seed = 41,
                        .crash = 1,
                        .then = 2 };
    run(&w);
    cr_assert(w.failed, "a page that lay at two dead servers is there");
    cr_assert(w.status == VM_UNREACHABLE);
    rig_stop(&w.rig);
}

Test(memsrv, a_dropped_page_gives_its_room_back)
{
    static struct world w;
    w = (struct world){
        .server = { .frames = 2, .disk_pages = 6 }, .servers = 1, .frames = 5, .seed = 51
    };
    w.pages = 12; /* five in frames: seven or eight at the server */
    run(&w);
    cr_assert_not(w.failed);
    cr_assert_leq(served(&w, 1, "in_memory"), 2u);
    cr_assert_leq(served(&w, 1, "on_disk"), 6u);
    cr_assert_gt(served(&w, 1, "spilled"), 100u);
    rig_stop(&w.rig);
}

Test(memsrv, full_servers_end_in_too_few_frames)
{
    static struct world w;
    w = (struct world){ .server = { .frames = 4 }, .servers = 2, .frames = 5, .seed = 31 };
    run(&w);
    cr_assert(w.failed);
    cr_assert_eq(w.status, VM_NO_FRAMES);
    rig_stop(&w.rig);
}

/* ---- regions that outlive their client ---- */

#define KEPT_PAGES 60
struct regions {
    struct rig rig;
    struct memsrv_params server;
    bool mirror;
    struct memsrv_client *client[5]; /* on nodes 0 and 4; servers are 1 to 3 */
    struct port *port[5];
    uint32_t node;             /* of the client that has the region */
    uint8_t value[KEPT_PAGES]; /* put last; 0: never */
    uint8_t other[KEPT_PAGES]; /* or this, where the client died while it was put; 0: no */
    bool loss[KEPT_PAGES];     /* a server that had it may have died */
    uint64_t s;
    uint64_t losses;
    enum { PUT_SOME, OPEN, MEND, MAKE, CHECK, PUT_MANY, COUNT, PUT_ONE } what;
    uint32_t
        at; /* PUT_ONE: which server has got page 0, with `value`, of the client that then died */
    bool done;
    enum vm_status status;
};

static void regions_booted(struct rig *r, uint32_t node, struct port *p)
{
    struct regions *w = r->arg;
    struct xk_protl *rpc = xk_find(r->k[node], "rpc");
    const struct memsrv_client_params params = { .mirror = w->mirror };
    w->port[node] = p;
    if (node % 4 > 0)
        cr_assert_not_null(memsrv_serve(rpc, &w->server, PAGE));
    else
        w->client[node] =
            memsrv_region_create(rpc, (const uint32_t[]){ 1, 2, 3 }, 3, &params, "paging");
}

static void put_some(struct regions *w)
{
    struct vm_store_io io[16] = { { 0 } };
    uint32_t n = 1 + (uint32_t)(mix(&w->s) % 16);
    uint64_t page = mix(&w->s) % (KEPT_PAGES - n);
    for (uint32_t i = 0; i < n; i++) {
        uint8_t bytes[PAGE];
        w->other[page + i] = (uint8_t)(1 + mix(&w->s) % 255);
        memset(bytes, w->other[page + i], PAGE);
        io[i].page = page + i;
        rope_init(&io[i].data);
        rope_add_bytes(&io[i].data, bytes, PAGE);
    }
    cr_assert_eq(memsrv_region_move(w->client[w->node], true, io, n), VM_OK);
    for (uint32_t i = 0; i < n; i++) {
        rope_fini(&io[i].data);
        w->value[page + i] = w->other[page + i];
        w->other[page + i] = 0;
        w->loss[page + i] = false;
    }
}

/* MS4, MS5. */
static void check_all(struct regions *w)
{
    struct memsrv_client *c = w->client[w->node];
    for (uint64_t page = 0; page < KEPT_PAGES; page++) {
        struct vm_store_io io = { .page = page };
        uint8_t bytes[PAGE];
        bool lost, has = memsrv_region_has(c, page, &lost);
        if (w->value[page] == 0)
            cr_assert(!has || w->other[page] > 0, "page %lu was never put", page);
        else
            cr_assert(has || (lost && w->loss[page]), "page %lu is not there", page);
        w->losses += !has && w->value[page] > 0;
        if (!has)
            continue;
        rope_init(&io.data);
        cr_assert_eq(memsrv_region_move(c, false, &io, 1), VM_OK);
        cr_assert_eq(io.data.length, PAGE);
        rope_read(&io.data, 0, PAGE, bytes);
        if (w->other[page] > 0 && bytes[0] == w->other[page])
            w->value[page] = w->other[page];
        w->other[page] = 0;
        for (int i = 0; i < PAGE; i++)
            cr_assert_eq(bytes[i], w->value[page], "page %lu", page);
        rope_fini(&io.data);
    }
}

#define MANY 4000 /* more than a reply of 64 small frames lists of a server */

static void put_many(struct regions *w)
{
    for (uint64_t page = 0; page < MANY; page += 16) {
        struct vm_store_io io[16] = { { 0 } };
        for (uint32_t i = 0; i < 16; i++) {
            io[i].page = page + i;
            rope_init(&io[i].data);
            rope_add_zero(&io[i].data, PAGE);
        }
        cr_assert_eq(memsrv_region_move(w->client[w->node], true, io, 16), VM_OK);
    }
}

static void put_one(struct regions *w)
{
    uint8_t h[MEMSRV_ARGS + PAGE];
    struct rope args, reply;
    memset(h, w->value[0], sizeof h);
    wire_put32(h, 77);
    wire_put32(h + 4, 1000);
    wire_put64(h + 8, MEMSRV_KEPT);
    rope_init(&args);
    rope_add_bytes(&args, h, sizeof h);
    cr_assert_eq(select_call_wait(xk_find(w->rig.k[w->node], "rpc"), w->at, MEMSRV_SERVICE,
                                  MEMSRV_PUT, &args, &reply),
                 XK_OK);
    rope_fini(&args);
    rope_fini(&reply);
}

static void command(void *arg)
{
    struct regions *w = arg;
    struct memsrv_client *c = w->client[w->node];
    if (w->what == PUT_SOME)
        put_some(w);
    if (w->what == OPEN)
        w->status = memsrv_region_open(c, 77);
    if (w->what == MEND)
        memsrv_region_mend(c);
    if (w->what == MAKE)
        w->status = memsrv_region_make(c, 77, false);
    if (w->what == CHECK)
        check_all(w);
    if (w->what == PUT_MANY)
        put_many(w);
    if (w->what == PUT_ONE)
        put_one(w);
    bool lost;
    for (uint64_t page = 0; w->what == COUNT && page < MANY; page++)
        cr_assert(memsrv_region_has(c, page, &lost), "page %lu", page);
    w->done = true;
}

static void spawn_command(struct port *p, void *arg)
{
    cr_assert_not_null(port_thread_spawn(p, "command", command, arg, 0));
}

static enum vm_status order(struct regions *w, int what)
{
    w->what = what;
    w->done = false;
    w->status = VM_OK;
    fake_call(w->rig.f, w->node, spawn_command, w);
    fake_run(w->rig.f, 0);
    cr_assert(w->done);
    return w->status;
}

static void start_regions(struct regions *w, uint32_t mtu)
{
    rig_start(&w->rig,
              &(struct fake_options){
                  .nodes = 5, .seed = w->s, .disks = 1, .mtu = mtu, .detect_delay = SIM_MS },
              "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan", regions_booted,
              w);
    fake_run(w->rig.f, 0);
    cr_assert_eq(order(w, OPEN), VM_OUTSIDE);
    cr_assert_eq(order(w, MAKE), VM_OK);
}

Test(memsrv, what_servers_have_of_a_region_is_told_in_many_replies)
{
    static struct regions w;
    w = (struct regions){ .server = { .frames = MANY }, .s = 1 };
    start_regions(&w, 256);
    order(&w, PUT_MANY);
    w.node = 4;
    cr_assert_eq(order(&w, OPEN), VM_OK);
    order(&w, COUNT);
    rig_stop(&w.rig);
}

/* By how the client places: it has asked. */
static bool has_first(const struct regions *w, uint32_t server)
{
    const struct memsrv_kept *k = xk_map_resolve(&w->client[w->node]->kept, &(uint64_t){ 0 });
    return k->place[0] + 1 == server || k->place[1] + 1 == server;
}

static void server_dies(struct regions *w, uint32_t server)
{
    fake_crash(w->rig.f, server);
    fake_restart(w->rig.f, server);
    fake_run(w->rig.f, 0);
}

/* MS4: a put that one of two servers has got is found, and put at both; if that server dies first,
 * what was there before is. */
Test(memsrv, a_put_that_its_clients_death_cuts_short_is_made_or_not)
{
    for (int k = 0; k < 8; k++) {
        static struct regions w;
        uint32_t first = 0, last = 0;
        w = (struct regions){ .server = { .frames = 100 }, .mirror = true, .s = 1 };
        start_regions(&w, 2048);
        while (w.value[0] == 0)
            order(&w, PUT_SOME);
        for (uint32_t n = 1; n <= 3; n++)
            if (has_first(&w, n)) {
                first = first > 0 ? first : n;
                last = n;
            }
        uint8_t before = w.value[0];
        w.value[0] = (uint8_t)(before ^ 1);
        w.at = k % 2 ? first : last;
        order(&w, PUT_ONE);
        w.node = 4;
        cr_assert_eq(order(&w, OPEN), VM_OK);
        if (k % 4 >= 2)
            order(&w, MEND);
        else
            w.value[0] = before;
        server_dies(&w, w.at);
        order(&w, CHECK);
        order(&w, MEND); /* two copies again */
        server_dies(&w, first + last - w.at);
        order(&w, CHECK);
        rig_stop(&w.rig);
    }
}

/* MS4, MS5: whatever dies: what is found later is what was put last, or is known to be lost; with
 * two copies, and mended after each death, nothing is. */
Test(memsrv, regions_outlive_their_clients_and_know_what_servers_lost)
{
    for (uint64_t seed = 1; seed <= 16; seed++) {
        static struct regions w;
        w = (struct regions){ .server = { .frames = seed % 3 ? 1000 : 20, .disk_pages = 400 },
                              .mirror = seed % 2,
                              .s = seed };
        start_regions(&w, seed % 4 < 2 ? 256 : 2048);
        bool died = false; /* the client */
        for (int round = 0; round < 60; round++) {
            uint64_t draw = died ? 13 : mix(&w.s) % 16;
            died = false;
            if (draw < 8) {
                order(&w, PUT_SOME);
            } else if (draw < 10) { /* the client dies, maybe while it puts some */
                w.what = PUT_SOME;
                fake_call(w.rig.f, w.node, spawn_command, &w);
                fake_run(w.rig.f, 1 + mix(&w.s) % 400);
                fake_crash(w.rig.f, w.node);
                fake_restart(w.rig.f, w.node);
                fake_run(w.rig.f, 0);
                cr_assert_eq(order(&w, OPEN), VM_OK);
                died = true;
                if (mix(&w.s) % 2)
                    continue; /* a server dies before it is mended: what was put may be undone */
                order(&w, CHECK);
                order(&w, MEND);
            } else if (draw < 12) { /* another has the region */
                w.node = 4 - w.node;
                cr_assert_eq(order(&w, OPEN), VM_OK);
            } else if (draw < 15) {
                uint32_t server = 1 + (uint32_t)(mix(&w.s) % 3);
                server_dies(&w, server);
                for (int i = 0; !w.mirror && i < KEPT_PAGES; i++)
                    w.loss[i] = true;
                if (draw == 14 && !w.mirror) /* it comes to know of that by what it finds */
                    cr_assert_eq(order(&w, OPEN), VM_OK);
                order(&w, CHECK);
                if (w.mirror || draw > 12 || mix(&w.s) % 2)
                    order(&w, MEND);
            } else if (mix(&w.s) % 3 == 0) {
                cr_assert_eq(order(&w, MAKE), VM_OK);
                memset(w.value, 0, sizeof w.value);
                memset(w.other, 0, sizeof w.other);
                memset(w.loss, 0, sizeof w.loss);
            }
            order(&w, CHECK);
        }
        uint64_t kept = 0, there = 0;
        for (uint32_t n = 1; n <= 3; n++)
            kept += fake_count(w.rig.f, n, "memory_server.kept");
        for (int i = 0; i < KEPT_PAGES; i++)
            there += w.value[i] > 0 && !w.loss[i];
        cr_expect(w.mirror ? w.losses == 0 : w.losses > 0, "%lu pages lost", w.losses);
        cr_expect(kept >= there * (w.mirror ? 2 : 1), "%lu kept of %lu", kept, there);
        cr_assert_eq(order(&w, MAKE), VM_OK);
        for (uint32_t n = 1; n <= 3; n++)
            cr_expect_eq(fake_count(w.rig.f, n, "memory_server.kept"), 0);
        rig_stop(&w.rig);
    }
}
