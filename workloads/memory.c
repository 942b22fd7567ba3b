/* memory.c: programs whose data exceed their node's memory, over memory servers or disk.
 *
 * Each client sweeps over an array of its own, page by page, and checks what it reads: the sweep
 * that makes the data writes, the others read and write (or read alone: `dirty`).  With enough
 * frames nothing is paged; beyond, every sweep pages the whole array out and in, as LRU on a cyclic
 * reference does.  Pattern random goes to pages at random instead: beyond its memory a program
 * faults at one access in (1 - frames / pages).  With `exchange` the clients are one program that
 * passes messages: after each sweep a client sends the end of its array to the next and checks what
 * comes from the one before.  Backing:
 *   servers   the last `servers` compute nodes keep pages in their memory;
 *   io        the I/O nodes keep them, on their disks when their memory is 0 frames (machine.os);
 *   lent      all compute nodes lend memory to each other (machine.os.memory_server.lent).
 */
#include "workloads/memory.h"
#include "os/nx/nx.h"
#include "os/proto/select/select.h"
#include "workloads/paging.h"

#define BASE 0x80000000u

enum pattern { PATTERN_SWEEP, PATTERN_RANDOM };
static const char *const patterns[] = { "sweep", "random", NULL };
enum backing { BACKING_SERVERS, BACKING_IO, BACKING_LENT };
static const char *const backings[] = { "servers", "io", "lent", NULL };

struct memory_params {
    struct vm_params memory;
    struct memsrv_params server;
    struct memsrv_client_params client;
    int backing, pattern;
    const char *over;
    int64_t servers, clients, size, sweeps, accesses, exchange;
    bool backup, dirty;
    sim_time think;
};

static const struct param memory_params[] = {
    P_TABLE(memory_params, memory, vm_params_desc, "Pages and frames of each client.",
            "os/vm/vm.h"),
    P_TABLE(memory_params, server, memsrv_params_desc,
            "Memory and disk of each server among the compute nodes.", "os/memsrv/memsrv.h"),
    P_TABLE(memory_params, client, memsrv_client_params_desc, "Placement of pages.",
            "os/memsrv/memsrv.h"),
    P_STRING(memory_params, over, "rpc", "The instance of the graph that calls memory servers."),
    P_CHOICE(memory_params, backing, "servers", backings,
             "Who keeps the pages: compute nodes that serve, the I/O nodes, or all compute nodes.",
             "ASSUMED(the experiment's choice)"),
    P_INT(memory_params, servers, "1", "0", "60000", "Compute nodes that serve; the last ones.",
          "ASSUMED(the experiment's choice)"),
    P_INT(memory_params, clients, "1", "1", "60000", "Compute nodes that compute.",
          "ASSUMED(the experiment's choice)"),
    P_SIZE(memory_params, size, "1MiB", "1B", "1TiB", "Data of each client.",
           "ASSUMED(the experiment's choice)"),
    P_INT(memory_params, sweeps, "4", "1", "1000000",
          "Times that the data are gone over, after one that makes them.",
          "ASSUMED(the experiment's choice)"),
    P_CHOICE(memory_params, pattern, "sweep", patterns,
             "Which page comes next: the one behind, or any.", "ASSUMED(the experiment's choice)"),
    P_INT(memory_params, accesses, "1000", "1", "1000000000",
          "Pattern random: accesses to pages, which stand for a sweep.",
          "ASSUMED(the experiment's choice)"),
    P_BOOL(memory_params, backup, "false",
           "Backing servers and lent: every page goes to the I/O nodes too, so that it outlives "
           "its server.",
           "ASSUMED(a policy to compare with client.mirror)"),
    P_BOOL(memory_params, dirty, "true",
           "Each sweep writes every page; false: the later sweeps read, so pages leave clean.",
           "ASSUMED(the experiment's choice)"),
    P_SIZE(memory_params, exchange, "0B", "0B", "1GiB",
           "Bytes that each client sends to the next after each sweep: a message-passing program.",
           "ASSUMED(the experiment's choice)"),
    P_TIME(memory_params, think, "200us", "0s", "1h", "Computation on each page.",
           "ASSUMED(2,000 operations at 10 Mflop/s)"),
    P_END,
};

enum { M_TIME, M_FAULT_TIME, M_OUTSIDE };
static const struct measure measures[] = {
    [M_TIME] = { "memory.time", "s", "Time of a sweep over the data of a client.", MEASURE_COLUMN },
    [M_FAULT_TIME] = { "memory.fault_time", "s",
                       "Time of a client in a fault: its page is not in memory.", MEASURE_INSIDE },
    [M_OUTSIDE] = { "memory.outside", "s",
                    "Time of a client between two faults: it computes or waits for others.",
                    MEASURE_OUTSIDE | MEASURE_DETERMINISTIC },
    { .name = NULL },
};

#define PER_CLIENT(name, doc, column, ...)                                                         \
    {                                                                                              \
        name, doc, vm_store_counters, { __VA_ARGS__ }, { NULL }, column                            \
    }
static const struct counter_ratio ratios[] = {
    PER_CLIENT("memory.page_ins.mean", "Pages that a client fetched.", true, "gets"),
    PER_CLIENT("memory.page_outs.mean", "Pages that a client sent away.", true, "puts"),
    PER_CLIENT("memory.disk_transfers.mean", "Pages that moved to or from a disk for a client.",
               true, "disk"),
    PER_CLIENT("memory.rescued.mean",
               "Pages that came from a mirror or a backup, for their server was gone.", false,
               "from_mirror", "from_backup"),
    { .name = NULL },
};

static struct paging_params paging_of(const struct memory_params *p)
{
    static const int kinds[] = { [BACKING_SERVERS] = PAGING_NONE, /* it starts them itself */
                                 [BACKING_IO] = PAGING_IO,
                                 [BACKING_LENT] = PAGING_LENT };
    return (struct paging_params){
        .backing = kinds[p->backing], .backup = p->backup, .over = p->over, .client = p->client
    };
}

static uint64_t pages_of(const struct memory_params *p)
{
    return ((uint64_t)p->size + (uint64_t)p->memory.page - 1) / (uint64_t)p->memory.page;
}

/* A node on which the workload starts a server and the machine boots one. */
static bool serves_already(const struct memory_params *p, const struct os_layout *l)
{
    const struct os_boot *b = l->boot;
    for (uint32_t i = 0; b && i < b->service_count; i++)
        for (uint32_t k = 0; b->services[i].ops == &memsrv_service && k < b->services[i].on->count;
             k++)
            for (uint32_t n = 1; n <= (uint32_t)p->servers; n++)
                if (b->services[i].on->nodes[k] == l->compute[l->compute_count - n])
                    return true;
    return false;
}

/* Whether a machine keeps its pages; what the frames do not hold must be with the servers. */
static bool has_room(const struct memory_params *p, const struct os_layout *l, struct err *e)
{
    const struct paging_params paging = paging_of(p);
    uint64_t page = (uint64_t)p->memory.page, all = pages_of(p),
             frames = vm_frames_in(&p->memory, os_least_memory(l, (uint32_t)p->clients));
    uint64_t room = (uint64_t)p->servers * (uint64_t)p->server.frames, backup;
    if (p->backing == BACKING_SERVERS && serves_already(p, l))
        return err_set(e, "workload.backing is \"servers\", which the workload starts itself, but "
                          "machine.os boots a memory_server on one of its nodes, too");
    if (!paging_check(&paging, (uint32_t)p->clients, page, l, &room, e) ||
        (l->boot && p->backing == BACKING_SERVERS && p->backup &&
         !memsrv_check(l, "io", (uint32_t)p->clients, page, &backup, e)))
        return false;
    if (l->boot && frames > 0 && all > frames && (uint64_t)p->clients * (all - frames) > room)
        return err_set(e,
                       "workload.size is %lld bytes: %lld clients keep %llu pages of %llu each in "
                       "memory, and the servers have room for %llu in all",
                       (long long)p->size, (long long)p->clients, (unsigned long long)frames,
                       (unsigned long long)all, (unsigned long long)room);
    return true;
}

static bool check(const void *params, const struct os_layout *layout, struct err *e)
{
    const struct memory_params *p = params;
    int64_t need = p->clients + (p->backing == BACKING_SERVERS ? p->servers : 0);
    if (need > layout->compute_count)
        return err_set(e,
                       "workload.clients and workload.servers need %lld compute nodes, the "
                       "machine has %u",
                       (long long)need, layout->compute_count);
    if (p->pattern == PATTERN_RANDOM && p->exchange > 0)
        return err_set(e, "workload.exchange belongs to the pattern \"sweep\"");
    if (p->backing == BACKING_SERVERS && p->servers == 0)
        return err_set(e, "workload.servers is 0, but workload.backing is \"servers\"");
    return has_room(p, layout, e);
}

struct client {
    struct os_node *node;
    const struct memory_params *p;
    struct vm_space *space;
    struct vm *vm;
    struct vm_store *store;
    uint64_t pages, wrong;
    uint32_t *written; /* pattern random: times that each page was written */
};

#define EXCHANGE_TYPE 77

/* What page g holds after `pass` sweeps have written it. */
static uint64_t content(const struct client *c, uint64_t g, uint64_t pass)
{
    return (c->p->dirty ? pass : pass > 0) * (g + 1);
}

static void expect(struct client *c, uint64_t got, uint64_t expected, const char *where, uint64_t g)
{
    if (got != expected && c->wrong++ == 0)
        port_fail(c->node->port, "%s %llu holds %llu where %llu was written", where,
                  (unsigned long long)g, (unsigned long long)got, (unsigned long long)expected);
}

/* One pass: every page's number of passes is read, checked and raised. */
static void sweep(struct client *c, uint64_t pass)
{
    struct port *port = c->node->port;
    for (uint64_t g = 0; g < c->pages; g++) {
        uint64_t at = BASE + g * (uint64_t)c->p->memory.page;
        expect(c, vm_load_u64(c->space, at + 8), content(c, g, pass), "page", g);
        if (c->p->dirty || pass == 0)
            vm_store_u64(c->space, at + 8, content(c, g, pass + 1));
        port_compute(port, c->p->think);
    }
    port_pay(port);
}

/* As many accesses to pages anywhere. */
static void roam(struct client *c)
{
    struct port *port = c->node->port;
    for (int64_t k = 0; k < c->p->accesses; k++) {
        uint64_t g = port_random_below(port, c->pages);
        uint64_t at = BASE + g * (uint64_t)c->p->memory.page;
        expect(c, vm_load_u64(c->space, at + 8), c->written[g] * (g + 1), "page", g);
        if (c->p->dirty)
            vm_store_u64(c->space, at + 8, ++c->written[g] * (g + 1));
        port_compute(port, c->p->think);
    }
    port_pay(port);
}

/* Another sweep, so that what is in memory then is as clean as the accesses leave it. */
static void warm_up(struct client *c)
{
    sweep(c, 1);
    c->written = port_alloc(c->node->port, c->pages * sizeof *c->written);
    for (uint64_t g = 0; g < c->pages; g++)
        c->written[g] = c->p->dirty ? 2 : 1;
}

/* Sends the first `exchange` bytes to the next client; those of the one before are the same. */
static void exchange(struct client *c, uint32_t rank, uint64_t pass)
{
    uint64_t len = (uint64_t)c->p->exchange, page = (uint64_t)c->p->memory.page;
    uint32_t clients = (uint32_t)c->p->clients;
    if (len > (uint64_t)c->p->size)
        len = (uint64_t)c->p->size;
    if (len == 0 || clients < 2)
        return;
    struct port *port = c->node->port;
    uint8_t *bytes = port_alloc(port, len);
    struct rope out, in;
    if (!vm_read(c->space, BASE, bytes, len))
        return;
    rope_init(&out);
    rope_add_bytes(&out, bytes, len);
    struct nx_info got =
        nx_csendrecv(os_find(c->node, &nx_service), EXCHANGE_TYPE, &out,
                     c->node->layout->compute[(rank + 1) % clients], EXCHANGE_TYPE, len, &in);
    if (got.status != NX_OK || in.length != len) {
        port_fail(port, "rank %u has no message of the client before", rank);
    } else {
        rope_read(&in, 0, len, bytes);
        for (uint64_t g = 0; g * page + 16 <= len; g++) {
            uint64_t value = 0;
            for (int i = 0; i < 8; i++)
                value |= (uint64_t)bytes[g * page + 8 + (uint64_t)i] << 8 * i;
            expect(c, value, content(c, g, pass + 1), "a message's page", g);
        }
    }
    rope_fini(&in);
    port_free(port, bytes);
}

/* False after port_fail. */
static bool open_store(struct client *c, uint32_t ranks)
{
    const struct memory_params *p = c->p;
    const struct paging_params paging = paging_of(p);
    uint64_t page = (uint64_t)p->memory.page;
    if (p->backing != BACKING_SERVERS)
        return paging_store(c->node, 0, page, &paging, &c->store);
    const uint32_t *servers = c->node->layout->compute + ranks - p->servers;
    return paging_servers(c->node, 0, page, servers, (uint32_t)p->servers, &paging, &c->store);
}

/* Maps the data and fills it; false after port_fail. */
static bool prepare(struct client *c, struct os_node *node, uint32_t ranks,
                    const struct memory_params *p)
{
    uint64_t page = (uint64_t)p->memory.page;
    *c = (struct client){ .node = node, .p = p, .vm = vm_create(node->port, &p->memory) };
    vm_customer(c->vm, &measures[M_FAULT_TIME], &measures[M_OUTSIDE]);
    c->pages = pages_of(p);
    c->space = vm_space_create(c->vm, "memory");
    if (!open_store(c, ranks))
        return false;
    bool mapped =
        vm_map(c->space, BASE, c->pages * page, VM_WRITE, &vm_pager_store, c->store) != NULL;
    ASSERT(mapped);
    sweep(c, 0);
    if (p->pattern == PATTERN_RANDOM)
        warm_up(c);
    return true;
}

/* The window is from when all have filled their data to when the last has ended its sweeps. */
static void run_client(struct client *c, uint32_t rank)
{
    const struct memory_params *p = c->p;
    struct port *port = c->node->port;
    port_window(port, true, (uint32_t)p->clients);
    for (int64_t k = 1; k <= p->sweeps; k++) {
        sim_time start = port_now(port);
        if (p->pattern == PATTERN_SWEEP)
            sweep(c, (uint64_t)k);
        else
            roam(c);
        exchange(c, rank, (uint64_t)k);
        port_measure(port, &measures[M_TIME], sim_time_seconds(port_now(port) - start));
    }
    port_window(port, false, (uint32_t)p->clients);
    port_delivered(port, (uint64_t)p->size, c->wrong);
}

static void memory_main(struct os_node *node, const struct program *me)
{
    const struct memory_params *p = me->params;
    struct xk_protl *rpc = xk_find(node->xk, p->over);
    struct client c;
    struct nx *nx = os_find(node, &nx_service);
    bool server = p->backing == BACKING_SERVERS && me->rank >= me->ranks - (uint32_t)p->servers;
    bool serves = !server || memsrv_serve(rpc, &p->server, (uint64_t)p->memory.page);
    ASSERT_MSG(serves, "has_room looks for another server");
    enum nx_status status = nx_gsync(nx);
    if (status != NX_OK) {
        port_fail(node->port, "rank %u passes no barrier: %s", me->rank, nx_status_name(status));
        return;
    }
    if (me->rank < (uint32_t)p->clients && prepare(&c, node, me->ranks, p))
        run_client(&c, me->rank);
    /* Nobody leaves before the clients have ended; it may end by the death of a server, which is
     * what an experiment with mirrors is about, and told by whoever has lost a page. */
    status = nx_gsync(nx);
    if (status != NX_OK && status != NX_PEER_DOWN)
        port_fail(node->port, "rank %u passes no barrier: %s", me->rank, nx_status_name(status));
}

static const struct workload_instance instances[] = {
    { "over", offsetof(struct memory_params, over), &select_protl },
    { .name = NULL },
};
static const struct os_service_ops *const services[] = { &nx_service, NULL };

const struct workload_ops workload_memory = {
    .kind = { .name = "memory",
              .doc = "Programs whose data exceed their memory, over memory servers or disk.",
              .params = memory_params,
              .params_size = sizeof(struct memory_params) },
    .measures = measures,
    .ratios = ratios,
    .check = check,
    .instances = instances,
    .services = services,
    .main = memory_main,
};
