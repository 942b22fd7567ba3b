/* rig.h: a machine for tests: parameters by path, boot code of the test's own, a network of fixed
 * delay.
 */
#ifndef TESTS_MODELS_RIG_H
#define TESTS_MODELS_RIG_H

#include "models/node.h"
#include "workloads/workload.h"

struct rig {
    struct sim *sim;
    struct machine *m;
    struct val *spec;
    struct sim_options options;
    struct machine_registry reg;
    uint64_t leaves; /* alive when it was opened */
};

typedef void rig_boot_fn(struct port *kernel, const struct os_layout *layout);

/* Network "wire": every packet takes `delay` from injection to delivery, and the injection channel
 * is busy for flits * flit_time. */
#define RIG_WIRE_DELAY ((sim_time)500 * SIM_NS)
extern const struct net_ops rig_wire;

/* A spec of rows x columns on the wire, all software free; then set what the test needs. */
void rig_init(struct rig *r, int rows, int columns);
void rig_set(struct rig *r, const char *path, const char *text); /* dimensioned or a name */
void rig_set_int(struct rig *r, const char *path, int64_t value);
void rig_set_bool(struct rig *r, const char *path, bool value);
/* Makes it; `boot` runs as every node's first upcall.  Fails the test with the sentence. */
void rig_open(struct rig *r, rig_boot_fn *boot);
/* The same, expecting refusal; the sentence is in *e. */
void rig_refused(struct rig *r, struct err *e);
/* The real operating system boots, and this workload's programs: between rig_open and rig_run. */
void rig_os(struct rig *r);
bool rig_load(struct rig *r, const struct workload_ops *ops, const void *params, struct err *e);
/* With a schedule of faults leaks are not watched. */
enum sim_end rig_run(struct rig *r);
/* Whether LeakSanitizer watches what is allocated from now on: a crash drops the references that a
 * heap holds without a look at them, so their leaves stay. */
void rig_watch_leaks(bool on);
/* Audit clean, everything freed, no leaf leaked. */
void rig_close(struct rig *r);

/* The path of a node in a schedule of faults. */
struct val *rig_node(uint32_t node);

#endif
