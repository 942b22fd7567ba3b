/* test_regions.c: two regions of one instance: what one sends does not mix with the other's, over
 * the driver and over RDM on a network that keeps all or loses, doubles and reorders. */
#include <criterion/criterion.h>
#include <string.h>

#include "tests/os/svm_rig.h"

#define BASE2 0x20000000u
#define IDLE 0x30000000u /* regions that nobody touches */

static uint64_t latest[2][PAGES_MAX][32], wrong;

/* The first thread of each node uses the first region, the second the sixteenth. */
static void program(struct cluster *c, uint32_t id)
{
    uint32_t node = id % c->nodes, region = id / c->nodes;
    uint64_t x = c->seed * 1000 + id;
    for (uint32_t i = 1; i <= c->accesses; i++) {
        uint64_t page = mix(&x) % c->pages, word = mix(&x) % 32;
        uint64_t addr = (region ? BASE2 : BASE) + page * PAGE + 8 * word;
        enum vm_prot want = mix(&x) % 3 == 0 ? VM_WRITE : VM_READ;
        uint64_t *at = vm_at(c->space[node], addr, 8, want);
        cr_assert_not_null(at);
        if (want == VM_WRITE)
            *at = latest[region][page][word] = i * 1000 + id;
        else
            wrong += *at != latest[region][page][word];
    }
}

static void booted(struct rig *rig, uint32_t node, struct port *p)
{
    static const uint32_t nodes[] = { 0, 1, 2, 3 };
    struct cluster *c = rig->arg;
    struct svm_params params = { .manager = c->manager, .hash_block = 1, .retry = 10 * SIM_MS };
    struct xk_protl *svm = xk_find(rig->k[node], "svm");
    cluster_booted(rig, node, p);
    for (uint32_t i = 0; i < 14; i++)
        cr_assert_not_null(svm_join(svm, c->space[node], IDLE + (uint64_t)i * PAGE, PAGE, nodes,
                                    c->nodes, &params));
    cr_assert_not_null(
        svm_join(svm, c->space[node], BASE2, c->pages * PAGE, nodes, c->nodes, &params));
    cr_assert_null(
        svm_join(svm, c->space[node], IDLE + 14 * (uint64_t)PAGE, PAGE, nodes, c->nodes, &params));
}

static void run(int manager, uint64_t seed, const char *graph, uint32_t tx_queue, bool lossy)
{
    static struct cluster c;
    memset(latest, 0, sizeof latest);
    wrong = 0;
    c = (struct cluster){ .mtu = 100,
                          .tx_queue = tx_queue,
                          .nodes = 4,
                          .threads = 2,
                          .pages = 4,
                          .manager = manager,
                          .seed = seed,
                          .accesses = 60,
                          .program = program };
    struct fake_options o = { .nodes = 4,
                              .seed = seed,
                              .order = seed % 2 ? FAKE_IN_ORDER : FAKE_RANDOM,
                              .mtu = 100,
                              .tx_queue = tx_queue,
                              .lossy = lossy,
                              .unordered = lossy,
                              .drop_ppm = 50000,
                              .duplicate_ppm = 50000,
                              .delay_ppm = 50000 };
    rig_start(&c.rig, &o, graph, booted, &c);
    fake_run(c.rig.f, 3000000);
    cr_assert_eq(c.finished, 8, "manager %d, seed %d: %d of 8 threads end", manager, (int)seed,
                 (int)c.finished);
    cr_assert_eq(wrong, 0, "manager %d, seed %d: an old value is read", manager, (int)seed);
    cluster_stop(&c);
}

Test(regions, two_of_one_instance_do_not_mix_their_segments, .timeout = 60)
{
    for (int m = 0; strcmp(svm_managers.items[m]->name, "hlrc") != 0; m++) /* is relaxed */
        for (uint64_t seed = 1; seed <= 8; seed++) {
            run(m, seed, "mesh driver queue=1; r rdm <mesh; svm svm <r", 2, false);
            run(m, seed, "mesh driver; r rdm <mesh queue=300B; svm svm <r", 2, seed % 2);
        }
}
