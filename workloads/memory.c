/* memory.c: programs whose data exceed their node's memory, over memory servers or disk.
 *
 * Each client sweeps over an array of its own, page by page, reading and writing every page, and
 * checks what
 * it reads.  With enough frames nothing is paged; beyond, every sweep pages the whole array out
 * and in, as
 * LRU on a cyclic reference does.  Backing:
 *   servers   the last `servers` compute nodes keep pages in their memory;
 *   io        the I/O nodes keep them, on their disks when their memory is 0 frames (machine.os).
 */
#include "workloads/memory.h"
#include "os/memsrv/memsrv.h"
#include "os/nx/nx.h"

#define BASE 0x80000000u

enum backing { BACKING_SERVERS, BACKING_IO };
static const char *const backings[] = { "servers", "io", NULL };

struct memory_params {
    struct vm_params memory;
    struct memsrv_params server;
    struct memsrv_client_params client;
    int backing;
    int64_t servers, clients, size, sweeps;
    sim_time think;
};

#define MEMBER(m) offsetof(struct memory_params, m)
static const struct param memory_params[] = {
    { .name = "memory",
      .type = PARAM_TABLE,
      .offset = MEMBER(memory),
      .sub = vm_params_desc,
      .doc = "Pages and frames of each client.",
      .src = "os/vm/vm.h" },
    { .name = "server",
      .type = PARAM_TABLE,
      .offset = MEMBER(server),
      .sub = memsrv_params_desc,
      .doc = "Memory and disk of each server among the compute nodes.",
      .src = "os/memsrv/memsrv.h" },
    { .name = "client",
      .type = PARAM_TABLE,
      .offset = MEMBER(client),
      .sub = memsrv_client_params_desc,
      .doc = "Placement of pages.",
      .src = "os/memsrv/memsrv.h" },
    { .name = "backing",
      .type = PARAM_CHOICE,
      .offset = MEMBER(backing),
      .def = "servers",
      .choices = backings,
      .doc = "Who keeps the pages: compute nodes that serve, or the I/O nodes.",
      .src = "ASSUMED(the experiment's choice)" },
    { .name = "servers",
      .type = PARAM_INT,
      .offset = MEMBER(servers),
      .def = "1",
      .min = "0",
      .max = "60000",
      .doc = "Compute nodes that serve; the last ones.",
      .src = "ASSUMED(the experiment's choice)" },
    { .name = "clients",
      .type = PARAM_INT,
      .offset = MEMBER(clients),
      .def = "1",
      .min = "1",
      .max = "60000",
      .doc = "Compute nodes that compute.",
      .src = "ASSUMED(the experiment's choice)" },
    { .name = "size",
      .type = PARAM_SIZE,
      .offset = MEMBER(size),
      .def = "1MiB",
      .min = "1B",
      .max = "1TiB",
      .doc = "Data of each client.",
      .src = "ASSUMED(the experiment's choice)" },
    { .name = "sweeps",
      .type = PARAM_INT,
      .offset = MEMBER(sweeps),
      .def = "4",
      .min = "1",
      .max = "1000000",
      .doc = "Times that the data are gone over, after one that makes them.",
      .src = "ASSUMED(the experiment's choice)" },
    { .name = "think",
      .type = PARAM_TIME,
      .offset = MEMBER(think),
      .def = "200us",
      .min = "0s",
      .max = "1h",
      .doc = "Computation on each page.",
      .src = "ASSUMED(2,000 operations at 10 Mflop/s)" },
    { .name = NULL },
};

static const struct measure_desc measures[] = {
    { "memory.time", "s", "Time of a sweep over the data of a client.", WORKLOAD_COLUMN },
    { "memory.page_ins", "1", "Pages that a client fetched.", WORKLOAD_COLUMN },
    { "memory.page_outs", "1", "Pages that a client sent away.", WORKLOAD_COLUMN },
    { .name = NULL },
};

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct memory_params *p = params;
    int64_t need = p->clients + (p->backing == BACKING_SERVERS ? p->servers : 0);
    if (need > layout->compute_count)
        return err_set(e,
                       "workload.clients and workload.servers need %lld compute nodes, the "
                       "machine has %u",
                       (long long)need, layout->compute_count);
    if (p->backing == BACKING_SERVERS && p->servers == 0)
        return err_set(e, "workload.servers is 0, but workload.backing is \"servers\"");
    if (p->backing == BACKING_IO && layout->io_count == 0)
        return err_set(e, "workload.backing is \"io\", but the machine has no I/O nodes");
    return true;
}

struct client {
    struct os_node *node;
    const struct memory_params *p;
    struct vm_space *space;
    struct memsrv_client *c;
    uint64_t pages, wrong;
};

/* One pass: every page's number of passes is read, checked and raised. */
static void sweep(struct client *c, uint64_t pass)
{
    struct port *port = c->node->port;
    for (uint64_t g = 0; g < c->pages; g++) {
        uint64_t at = BASE + g * (uint64_t)c->p->memory.page_bytes;
        uint64_t got = vm_load_u64(c->space, at + 8), expected = pass * (g + 1);
        if (got != expected && c->wrong++ == 0)
            port_fail(port, "page %llu holds %llu where %llu was written", (unsigned long long)g,
                      (unsigned long long)got, (unsigned long long)expected);
        vm_store_u64(c->space, at + 8, expected + g + 1);
        port_compute(port, c->p->think);
    }
    port_pay(port);
}

static void run_client(struct os_node *node, uint32_t ranks, const struct memory_params *p)
{
    struct port *port = node->port;
    struct client c = { .node = node, .p = p };
    struct xk_protl *rpc = xk_find(node->xk, "rpc");
    struct vm *vm = vm_create(port, &p->memory);
    uint64_t page = (uint64_t)p->memory.page_bytes;
    c.pages = ((uint64_t)p->size + page - 1) / page;
    c.space = vm_space_create(vm, "memory");
    const struct os_layout *l = node->layout;
    if (p->backing == BACKING_SERVERS)
        c.c = memsrv_client_create(rpc, 0, l->compute + ranks - p->servers, (uint32_t)p->servers,
                                   &p->client);
    else
        c.c = memsrv_client_create(rpc, 0, l->io, l->io_count, &p->client);
    if (!vm_map(c.space, BASE, c.pages * page, VM_WRITE, &vm_pager_store, memsrv_store(c.c))) {
        port_fail(port, "the data could not be mapped");
        return;
    }
    sweep(&c, 0);
    for (int64_t k = 1; k <= p->sweeps; k++) {
        sim_time start = port_now(port);
        sweep(&c, (uint64_t)k);
        port_measure(port, "memory.time", sim_time_seconds(port_now(port) - start));
    }
    struct memsrv_client_counts n;
    memsrv_client_counts(c.c, &n);
    port_measure(port, "memory.page_ins", (double)n.page_ins);
    port_measure(port, "memory.page_outs", (double)n.page_outs);
    port_delivered(port, (uint64_t)p->size, c.wrong);
}

static void memory_main(struct os_node *node, uint32_t rank, uint32_t ranks, const void *params)
{
    const struct memory_params *p = params;
    struct xk_protl *rpc = node->xk ? xk_find(node->xk, "rpc") : NULL;
    if (!rpc || !node->nx) {
        port_fail(node->port, "the machine's graph has no instances named rpc and nx, which memory "
                              "servers need");
        return;
    }
    bool server = p->backing == BACKING_SERVERS && rank >= ranks - (uint32_t)p->servers;
    if (server && !memsrv_serve(rpc, &p->server, (uint64_t)p->memory.page_bytes))
        port_fail(node->port, "rank %u serves memory already", rank);
    nx_gsync(node->nx);
    if (rank < (uint32_t)p->clients)
        run_client(node, ranks, p);
    nx_gsync(node->nx);
}

const struct workload_ops workload_memory = {
    .name = "memory",
    .doc = "Programs whose data exceed their memory, over memory servers or disk.",
    .params = memory_params,
    .params_size = sizeof(struct memory_params),
    .measures = measures,
    .check = check,
    .main = memory_main,
};
