/* machine_params.c: what a configuration may say of a machine. */
#include "models/node.h"

#include "mesh/mapping.h"

static const char *const upcall_cpus[] = { "application", "coprocessor", NULL };

static const char *const byte_orders[] = { "big", "little", NULL };

static const struct param node_params[] = {
    P_BOOL(node_params, coprocessor, "true",
           "The node has a message coprocessor beside its application CPU.",
           "Paragon GP node: two i860 XP, one for messages [netlib top500 report95, node4]"),
    P_BOOL(node_params, third, "false",
           "The node has a third CPU, for protection domains that are placed there.",
           "Paragon MP node: two application CPUs and the coprocessor"),
    P_CHOICE(node_params, upcall_cpu, "application", upcall_cpus,
             "The CPU that runs upcalls: arrivals, timers, completions.",
             "Paragon R1.0: the application CPU, by interrupt; later releases the coprocessor"),
    P_BOOL(node_params, preempt, "true",
           "An upcall interrupts the work of a thread on the application CPU; else it waits until "
           "the thread blocks.",
           "ASSUMED(interrupts are enabled while programs run)"),
    P_CHOICE(node_params, byte_order, "big", byte_orders,
             "Order of the bytes of a word: what travels is big-endian, and a little-endian node "
             "swaps the words of headers (prices.swap).",
             "ASSUMED(that of the network: nothing is swapped)"),
    P_SIZE(node_params, memory, "0", "0", "1TiB",
           "Physical memory, of which the pages of programs have frames; 0: no limit.",
           "ASSUMED(experiments that study paging set it)"),
    P_SIZE(
        node_params, heap_limit, "0", "0", NULL,
        "Memory that one task may allocate; a task that needs more ends the point.  0: no limit.",
        "ASSUMED(none: programs keep their bulk data in messages)"),
    P_END,
};

#define OWN_PARAMS(s, in)                                                                          \
    { .name = "node",                                                                              \
      .type = PARAM_TABLE,                                                                         \
      .offset = offsetof(struct s, in node),                                                       \
      .sub = node_params,                                                                          \
      .doc = "CPUs and memory of every node.",                                                     \
      .src = "see the node" },                                                                     \
    {                                                                                              \
        .name = "prices", .type = PARAM_TABLE, .offset = offsetof(struct s, in prices),            \
        .sub = price_list_params, .doc = "What the work that software names costs.",               \
        .src = "see the price list"                                                                \
    }
const struct param node_own_params[] = { OWN_PARAMS(node_own, ), P_END };
const char *const node_own_names[] = { "node", "prices", "storage", NULL };

const struct param machine_params[] = {
    P_INT(machine_params, rows, "4", "1", "1024", "Rows of nodes.", "ASSUMED(a small machine)"),
    P_INT(machine_params, columns, "4", "1", "1024", "Columns of nodes.",
          "ASSUMED(a small machine)"),
    P_INT(machine_params, io_nodes, "0", "0", "65536", "I/O nodes, in the last column or columns.",
          "ASSUMED(none: a machine for messages)"),
    MAPPING_PARAMS(machine_params),
    P_BOOL(machine_params, service_node, "true",
           "A machine with I/O nodes has a service node, which runs metadata servers.",
           "Paragon: a service partition runs servers"),
    P_VAL(machine_params, network,
          "The interconnect: `model` names it, the rest are its own parameters.",
          "see the interconnects"),
    P_VAL(
        machine_params, networks,
        "Several networks, by name: name = { kind =, nodes = 'all', a group or a list of nodes, "
        "nic = what its interfaces have of their own, prices = what frames cost there, adapter = { "
        "kind =, its parameters }, adapters = { group = the same in its place }, and the "
        "interconnect's own parameters }; instead of `network`.",
        "see the interconnects"),
    P_VAL(machine_params, captures,
          "Files of what interfaces carry: a list of { file =, nodes =, interface = a network, "
          "direction = 'both', 'in' or 'out', snaplen =, filter = }; docs/captures.md.",
          "none"),
    P_TABLE(machine_params, nic, nic_params_desc,
            "Network interface of every node; with several networks what those have that say "
            "nothing else.",
            "see the network interface"),
    OWN_PARAMS(machine_params, own.),
    P_VAL(machine_params, storage, "The device of every I/O node, or a list of devices.",
          "see the devices"),
    P_VAL(machine_params, libraries,
          "Tape libraries: name = { kind =, tape_drives = { names of drives of nodes }, control =, "
          "... }.",
          "see the changers"),
    P_VAL(machine_params, nodes,
          "Groups of nodes beside compute, io and service: name = { of = 'compute', first = n } or "
          "{ last = n }; and what any group has of its own: node, prices, storage.",
          "ASSUMED(no others, and all nodes alike)"),
    P_VAL(machine_params, os,
          "The services that boot, in order: a list of { service =, on =, over =, parameters }; or "
          "parameters by service, and all boot that graph and groups bear.",
          "see the services"),
    P_VAL(machine_params, graph,
          "The protocol graph of every node; absent: the operating system's own.",
          "see the protocols"),
    P_VAL(machine_params, domains,
          "Protection domains of the graph beside the kernel, by name: name = { cpu =, restart =, "
          "queue = }; an instance says which it is in.",
          "see the domains"),
    P_TIME(machine_params, detector_delay, "1s", "0", NULL,
           "From a node's crash or restart until the others know.",
           "ASSUMED(one missed heartbeat of a second)"),
    P_VAL(machine_params, faults,
          "Crashes and restarts of nodes, crashes of their domains, and what devices and the "
          "network add: a list of { path, at, event or mtbf, action, after }.",
          "ASSUMED(a choice of the experiment)"),
    P_BOOL(machine_params, restart_programs, "false",
           "A node that comes back starts its program anew.",
           "ASSUMED(nobody restarts a job by itself)"),
    P_BOOL(machine_params, trains, "true",
           "The frames of a long message are reckoned together where nobody else is on their way; "
           "false: each by events of its own.  Results are the same.",
           "ASSUMED(a check; true is faster)"),
    P_BOOL(machine_params, flatten, "false",
           "Every frame is turned into bytes at the node boundary and rebuilt; results must not "
           "change.",
           "ASSUMED(a check, off by default)"),
    P_END,
};
