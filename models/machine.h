/* machine.h: a whole simulated machine: nodes on a network, made from parameters.
 *
 * A machine is rows x columns nodes on one network.  Some are I/O nodes with storage, one may be
 * the service node, the others form the compute partition.  Every node runs the real code of os/
 * on a model of its CPUs, memory bus, network interface and devices (models/node.h); its price list
 * (models/price.h) says what the work that the code names costs.
 *
 * Life of a run (cli/point.c, tests):
 *     sim_create, machine_create, machine_program, sim_run, machine_finish, sim_audit_run,
 *     machine_destroy, sim_destroy.
 * Only one machine exists in a run.  Called by cli/ and tests/; nothing in os/ sees it.
 */
#ifndef MODELS_MACHINE_H
#define MODELS_MACHINE_H

#include "mesh/net.h"
#include "os/node.h"
#include "sim/base/err.h"
#include "sim/base/val.h"
#include "sim/base/whole.h"

struct machine;

/* What a configuration may name, and the first upcall of every node: os_node_boot, or a test's own,
 * which may return NULL.  Outlives the machine. */
struct machine_registry {
    const struct kind_set *nets;      /* machine.network.model picks one, else the first */
    const struct kind_set *protocols; /* what machine.graph is made of */
    const struct kind_set *services;  /* what machine.os boots */
    const struct kind_set *layers;    /* of the stacks of files of these */
    struct os_node *(*boot)(struct port *kernel, const struct os_boot *b);
    struct os_node *(*look)(struct port *kernel, const struct os_boot *b); /* of machine_look */
};

/* The parameters of `machine = {...}`, for `psim list parameters` and docs/params.md.  The tables
 * network, storage, os and graph are described by the modules that they are handed to. */
extern const struct param machine_params[];

extern const struct counter machine_counters[]; /* "machine.*" */

/* Makes the machine that `spec` (the configuration's machine table) describes.  `path` names the
 * table in sentences ("machine").  NULL with a sentence.  All three must outlive it. */
struct machine *machine_create(struct sim *s, const struct val *spec, const char *path,
                               const struct machine_registry *reg, struct err *e);
/* The same in two halves.  The first has the layout, with what boots and what a device of an I/O
 * node holds: enough to judge a workload, for the price of one such device.  The second makes
 * network, nodes and devices; false with a sentence, and machine_destroy is still due. */
struct machine *machine_plan(struct sim *s, const struct val *spec, const char *path,
                             const struct machine_registry *reg, struct err *e);
bool machine_build(struct machine *m, struct err *e) MUST_CHECK;

/* The program that the first `ranks` compute nodes boot after their services; `params` outlives the
 * run; they make `files` files (os_boot.files).  Before sim_run; without it nodes boot and serve,
 * and run no program. */
void machine_program(struct machine *m, void (*main)(struct os_node *n, const struct program *me),
                     const void *params, uint32_t ranks, uint32_t files);

/* What the results have in any case (each ended by a NULL name; NULL: nothing more), and what
 * port_progress is called in them (NULL: "rate").  Before sim_run. */
void machine_measures(struct machine *m, const struct measure *measures,
                      const struct counter_ratio *ratios, const struct measure *rate);

/* After sim_run: writes the default scalars of a machine run: what limited it (share of time that
 * the busiest CPU, bus, channel and arm were busy), where time went (mesh, device queue, device),
 * counts of frames and of what was dropped. */
void machine_finish(struct machine *m);

/* After machine_finish, when results are taken: the power of all nodes goes, and comes back; in
 * place of booting they look at their devices. */
enum sim_end machine_look(struct machine *m);

/* The media of all devices of nodes as files of a folder (disks/image.h): before the run what they
 * begin with, afterwards what they have.  False with a sentence. */
bool machine_images_load(struct machine *m, const char *dir, struct err *e) MUST_CHECK;
bool machine_images_save(const struct machine *m, const char *dir, struct err *e) MUST_CHECK;

/* Frees everything, with what is still in flight. */
void machine_destroy(struct machine *m);

/* The run option: frames are flattened to bytes at node boundaries and rebuilt.  The digest must
 * not change.  Before sim_run. */
void machine_set_flatten(struct machine *m, bool on);
/* What port_progress is told is kept over time, too, in bins of this width from time 0: the series
 * of the rate's name with ".bin", of the bins that lie in the window whole. */
void machine_set_rate_bin(struct machine *m, sim_time width);

/* What interfaces carry, as files (docs/captures.md); before sim_run.  The first begins those of
 * machine.captures in that folder, which closes them (NULL: none is written), and returns how many
 * there are.  The second is one more: `at` is a node or a group and a network, "3.lan", each of
 * which may be left out; `out` is the caller's to close, after the run.  False with a sentence. */
size_t machine_captures_open(struct machine *m, struct whole_folder *to);
bool machine_capture(struct machine *m, const char *at, FILE *out, struct err *e) MUST_CHECK;

/* ---- for tests and reports ---- */
/* Who is who: from machine_plan on. */
const struct os_layout *machine_layout(const struct machine *m);
struct net *machine_net(struct machine *m); /* the first; NULL before it is built */
/* The first sentence given to port_fail, or NULL. The audit of the run fails with it. */
const char *machine_failure(const struct machine *m);

/* ---- faults ---- */
/* Crashes a node now: tasks, heaps, threads, timers and queued upcalls are gone; frames in its
 * network interface and to it are dropped and counted.  Its disks live on.  Harmless when it is
 * down.  Not from inside that node's own code: port_task_crash of the kernel task is the way
 * there. */
void machine_crash(struct machine *m, uint32_t node);
/* Boots a node that is down, in its next incarnation, and starts its program anew when the machine
 * says so (machine.restart_programs).  Harmless when it is up. */
void machine_restart(struct machine *m, uint32_t node);
bool machine_node_up(const struct machine *m, uint32_t node);
/* Node happenings so far: upcalls started, effects taken place, threads resumed.  What `event = n`
 * of the fault schedule counts, so that a node can be crashed at each in turn. */
uint64_t machine_steps(const struct machine *m);

#endif
