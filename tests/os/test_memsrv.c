/* test_memsrv.c: memory servers: pages come back as they went, from memory, disk or mirror; deaths
 * are told.
 *
 * The oracle is a flat array in the test.
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "os/memsrv/memsrv.h"
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
    rig_start(&w->rig, &o, "mesh mesh; blast blast <mesh; chan chan <blast; rpc select <chan",
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
