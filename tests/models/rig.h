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
/* ---- one run of a workload, from its parameters to what is looked at ---- */
/* Makes the machine and loads `kind` with the parameters `p`; programs are those of `run` (NULL:
 * kind's own).  What is returned is for rig_finish. */
void *rig_start(struct rig *r, const struct workload_ops *kind, const struct workload_ops *run,
                const struct val *p);
/* Nodes crash at these events, and come back so many microseconds later; 0: never. */
void rig_crashes(struct rig *r, uint32_t count, const uint64_t *at, const uint32_t *node,
                 const uint64_t *after);
/* How it ended, in words; "": well.  `wrong` is what the test itself has found ("": nothing). */
void rig_verdict(struct rig *r, enum sim_end end, const char *wrong, char *said, size_t n);
/* Of a measure; -1: there is none. */
double rig_mean(const struct rig *r, const char *measure);
/* Tells the results to the sink, and frees all. */
void rig_finish(struct rig *r, void *params, const struct sim_result_sink *sink);

/* Audit clean, everything freed, no leaf leaked. */
void rig_close(struct rig *r);

/* The path of a node in a schedule of faults. */
struct val *rig_node(uint32_t node);

#endif
