/* test_memory_errors.c: what programs do wrong with memory, on a whole machine: a sentence that
 * names node, program and address ends the program, and the run goes on.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "models/machine.h"
#include "os/proto/driver/driver.h"
#include "os/svm/svm.h"
#include "rig.h"
#include "workloads/workload.h"

#define BASE 0x10000000u
#define PAGE 4096u

enum mistake { OUTSIDE, PROTECTION, NO_FRAMES, LOST, FINE };

static enum mistake mistake;
static unsigned ended;

/* Rank 0 makes the mistake; rank 1, whose node dies in the case LOST, owns the second page. */
static void program(struct os_node *node, const struct program *me)
{
    struct port *p = node->port;
    struct vm_params vp = { .page = PAGE, .frames = mistake == NO_FRAMES };
    struct svm_params sp = { .hash_block = 1, .retry = SIM_MS, .initial_owner = 1 };
    while (strcmp(svm_managers.items[sp.manager]->name, "dynamic") != 0)
        sp.manager++;
    struct vm_space *s = vm_space_create(vm_create(p, &vp), "careless");
    cr_assert_not_null(svm_join(xk_find(node->xk, "svm"), s, BASE, 2 * PAGE, node->layout->compute,
                                me->ranks, &sp));
    cr_assert_not_null(vm_map(s, 2 * BASE, PAGE, VM_READ, &vm_pager_zero, NULL));
    if (me->rank == 1) {
        vm_store_u64(s, BASE + PAGE, 5);
        port_thread_sleep(p, 100 * SIM_MS);
        ended++;
        return;
    }
    port_thread_sleep(p, 20 * SIM_MS);
    vm_store_u64(s, BASE, 7);
    if (mistake == OUTSIDE)
        vm_load_u64(s, 3 * (uint64_t)BASE + 8);
    if (mistake == PROTECTION)
        vm_store_u64(s, 2 * BASE + 16, 1);
    if (mistake == NO_FRAMES || mistake == LOST)
        vm_load_u64(s, BASE + PAGE + 24);
    port_compute(p, SIM_MS); /* a task that has ended computes no more */
    ended++;
}

static const struct workload_ops careless = { .kind.name = "careless", .main = program };

static struct val *instance(const char *name, const char *below)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "name", val_new_string(name, NULL, 0));
    val_put(v, "protocol", val_new_string(name, NULL, 0));
    if (below) {
        struct val *list = val_new(VAL_LIST, NULL, 0);
        val_append(list, val_new_string(below, NULL, 0));
        val_put(v, "below", list);
    }
    return v;
}

static void expect(enum mistake what, const char *sentence, unsigned survivors)
{
    struct rig r;
    struct err e = ERR_INIT;
    rig_init(&r, 1, 2);
    rig_set(&r, "detector_delay", "5ms");
    struct val *graph = val_new(VAL_LIST, NULL, 0);
    val_append(graph, instance("driver", NULL));
    val_append(graph, instance("rdm", "driver"));
    val_append(graph, instance("svm", "rdm"));
    val_put(r.spec, "graph", graph);
    rig_os(&r);
    if (what == LOST) {
        struct val *list = val_new(VAL_LIST, NULL, 0), *f = val_new(VAL_TABLE, NULL, 0);
        val_put(f, "at", val_new_string("10ms", NULL, 0));
        val_put(f, "path", rig_node(1));
        val_append(list, f);
        val_put(r.spec, "faults", list);
    }
    mistake = what;
    ended = 0;
    r.sim = sim_create(&r.options);
    r.m = machine_create(r.sim, r.spec, "machine", &r.reg, &e);
    cr_assert(r.m != NULL, "%s", e.text);
    cr_assert(rig_load(&r, &careless, NULL, &e), "%s", e.text);
    rig_watch_leaks(false);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    rig_watch_leaks(true);
    cr_assert_eq(ended, survivors);
    if (!sentence)
        cr_assert_null(machine_failure(r.m));
    else
        cr_assert_str_eq(machine_failure(r.m), sentence);
    machine_finish(r.m);
    machine_destroy(r.m);
    sim_destroy(r.sim);
    val_free(r.spec);
}

Test(memory_errors, no_mistake)
{
    expect(FINE, NULL, 2);
}

Test(memory_errors, an_address_outside)
{
    expect(OUTSIDE,
           "node 0, kernel: program careless cannot read address 0x30000008: address outside every "
           "region",
           1);
}

Test(memory_errors, a_write_that_the_region_does_not_allow)
{
    expect(PROTECTION,
           "node 0, kernel: program careless cannot write address 0x20000010: protection violation",
           1);
}

Test(memory_errors, too_few_frames)
{
    expect(NO_FRAMES,
           "node 0, kernel: program careless cannot read address 0x10001018: too few frames to "
           "make progress",
           1);
}

Test(memory_errors, a_page_that_died_with_its_node)
{
    expect(LOST,
           "node 0, kernel: program careless cannot read address 0x10001018: the only copy of the "
           "page died with its node",
           0);
}
