/* pfs_world.c: see pfs_world.h. */
#include <criterion/criterion.h>
#include <string.h>

#include "os/registry.h"
#include "tests/os/pfs_world.h"

void pfs_world_defaults(struct pfs_world *w, uint32_t compute, uint32_t io)
{
    memset(w, 0, sizeof *w);
    w->compute = compute;
    w->io = io;
    w->params = (struct pfs_params){ .unit = 1024,
                                     .rpc = 4096,
                                     .window = 8,
                                     .depth = 2,
                                     .pool = 4,
                                     .retries = 3,
                                     .per_file_layout = true,
                                     .log_ratio = 4,
                                     .log_least = 256 * 1024,
                                     .retry_delay = 5 * SIM_MS };
    w->lfs = (struct lfs_params){ .block = 2048,
                                  .inode = 1024,
                                  .files = 16,
                                  .cache = 4,
                                  .dirty_fraction = 0.5,
                                  .read_ahead = 2,
                                  .max_io = 8192,
                                  .prealloc = 8,
                                  .flush_delay = SIM_SEC };
    w->graph = "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan";
    w->bad_disk = UINT32_MAX;
}

uint32_t pfs_world_io_node(const struct pfs_world *w, uint32_t io)
{
    return w->compute + io;
}

/* The file server of an I/O node has the file system that PFS has there. */
extern const struct os_service_ops file_server_service;
static void load_layers(struct pfs_world *w)
{
    struct err e = ERR_INIT;
    w->group = (struct os_group){ .name = "io", .count = w->io, .nodes = w->layout.io };
    w->service = (struct os_service){ .ops = &file_server_service, .on = &w->group };
    w->boot = (struct os_boot){ .layout = &w->layout,
                                .layers = &os_layers,
                                .groups = &w->group,
                                .group_count = 1,
                                .services = &w->service,
                                .service_count = 1 };
    struct {
        const struct val *files;
        struct file_stack stack;
    } *server = calloc(1, sizeof *server); /* as in os/file/server.c */
    cr_assert(file_stack_load(&w->stack[0], &w->boot, NULL, "lfs", NULL, "", &e), "%s", e.text);
    cr_assert(file_stack_load(&w->stack[1], &w->boot, NULL, "remote", NULL, "", &e), "%s", e.text);
    server->stack = w->stack[0];
    w->service.params = server;
}

static struct file_sys *kept_in(struct pfs_world *w, struct port *p, struct xk_protl *rpc)
{
    struct file_boot b = { .node = &w->node[w->layout.service], .rpc = rpc };
    return w->remote  ? file_stack_start(&w->stack[1], &b)
           : w->names ? lfs_files(lfs_start(p, &w->lfs))
                      : NULL;
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct pfs_world *w = CONTAINER_OF(r, struct pfs_world, r);
    w->booted++;
    struct xk_protl *rpc = xk_find(r->k[node], "rpc"), *nx = xk_find(r->k[node], "nx");
    if (nx != NULL && node < w->compute)
        w->nx[node] = nx_start(nx, w->nodes, w->compute, node);
    w->node[node] = (struct os_node){
        .port = p, .boot = &w->boot, .layout = &w->layout, .node = node, .xk = r->k[node]
    };
    if (node < w->compute)
        w->client[node] = pfs_client_start(rpc, &w->layout, &w->params);
    else if (node < w->compute + w->io) {
        struct os_node *n = &w->node[node];
        n->on_device = port_alloc(p, sizeof(struct file_sys *));
        n->on_device[0] = lfs_files(lfs_start(p, &w->lfs));
        struct file_sys *files = n->on_device[0];
        if (w->over != NULL)
            files = w->over(p, node - w->compute, files);
        pfs_server_start(rpc, &w->params, files);
        if (w->remote)
            (void)file_server_service.start(n, &w->service, rpc);
    } else {
        pfs_meta_start(rpc, &w->layout, &w->params, kept_in(w, p, rpc));
    }
}

static enum port_io_status on_disk(void *arg, uint32_t node, uint32_t dev, const struct port_io *io,
                                   uint32_t *sectors)
{
    struct pfs_world *w = arg;
    (void)dev;
    if (w->names && node == w->layout.service && io->op == PORT_IO_WRITE &&
        ++w->writes == w->power_off) {
        w->off = true;
        *sectors = *sectors / 2;
        return PORT_IO_MEDIUM;
    }
    if (node == w->bad_disk && (io->op == PORT_IO_WRITE ? w->bad_writes : w->bad_reads)) {
        *sectors = 0;
        return PORT_IO_MEDIUM;
    }
    return PORT_IO_OK;
}

void pfs_world_start(struct pfs_world *w, struct fake_options o)
{
    for (uint32_t i = 0; i < RIG_NODES; i++)
        w->nodes[i] = i;
    w->layout = (struct os_layout){ .nodes = w->compute + w->io + 1,
                                    .compute_count = w->compute,
                                    .io_count = w->io,
                                    .compute = w->nodes,
                                    .io = w->nodes + w->compute,
                                    .service = w->compute + w->io };
    if (w->remote)
        load_layers(w);
    o.nodes = w->layout.nodes;
    o.disks = 1;
    rig_start(&w->r, &o, w->graph, booted, NULL);
    fake_on_disk(w->r.f, on_disk, w);
    while (w->booted < o.nodes)
        cr_assert(fake_step(w->r.f));
}

void pfs_world_stop(struct pfs_world *w)
{
    rig_stop(&w->r);
    free(w->service.params);
    file_stack_free(&w->stack[0]);
    file_stack_free(&w->stack[1]);
}

/* idle: nothing else will ever be. */
static bool kill_and_revive(struct pfs_world *w, bool idle)
{
    for (size_t i = 0; i < ARRAY_LEN(w->deaths); i++) {
        struct pfs_death *d = &w->deaths[i];
        bool dead = d->at > 0;
        if (d->step > 0 && !dead && fake_steps(w->r.f) >= d->step && fake_up(w->r.f, d->node)) {
            d->at = fake_now(w->r.f) + 1;
            fake_crash(w->r.f, d->node);
            if (d->node < w->compute && !w->ended[d->node]) { /* with its program */
                w->ended[d->node] = true;
                w->running--;
            }
        } else if (dead && !d->over && d->back > 0 &&
                   (idle || fake_now(w->r.f) >= d->at + d->back)) {
            d->over = true;
            fake_restart(w->r.f, d->node);
            return true;
        }
    }
    return false;
}

struct start {
    struct pfs_world *w;
    uint32_t rank;
};
static struct start starts[RIG_NODES];

static void program_main(void *arg)
{
    struct start *s = arg;
    s->w->program(s->w, s->w->client[s->rank], s->rank);
    s->w->ended[s->rank] = true;
    s->w->running--;
}

static void spawn(struct port *p, void *arg)
{
    (void)port_thread_spawn(p, "program", program_main, arg, 0);
}

void pfs_world_run(struct pfs_world *w,
                   void (*program)(struct pfs_world *w, struct pfs_client *c, uint32_t rank))
{
    w->program = program;
    w->running = w->only > 0 ? w->only : w->compute;
    for (uint32_t i = 0, n = w->running; i < n; i++) {
        starts[i] = (struct start){ w, i };
        w->ended[i] = false;
        fake_call(w->r.f, i, spawn, &starts[i]);
    }
    for (uint64_t steps = 0; w->running > 0; steps++) {
        (void)kill_and_revive(w, false);
        if (w->running == 0)
            break;
        uint32_t node = pfs_world_io_node(w, 1);
        if (w->crash_step > 0 && fake_steps(w->r.f) >= w->crash_step && fake_up(w->r.f, node))
            fake_crash(w->r.f, node);
        if (w->crash_step > 0 && fake_steps(w->r.f) >= w->crash_step + 50 &&
            !fake_up(w->r.f, node)) {
            fake_restart(w->r.f, node);
            w->crash_step = 0;
        }
        if (w->off && fake_up(w->r.f, w->layout.service)) {
            fake_crash(w->r.f, w->layout.service);
            w->back = fake_steps(w->r.f) + 60;
        }
        if (w->off && fake_steps(w->r.f) >= w->back) {
            fake_restart(w->r.f, w->layout.service);
            w->off = false;
        }
        if (w->dies != NULL) {
            fake_crash(w->r.f, *w->dies);
            w->dies = NULL;
            if (--w->running == 0)
                break;
        }
        cr_assert(fake_step(w->r.f) || kill_and_revive(w, true),
                  "%u programs wait for ever; deaths at steps %d and %d", w->running,
                  (int)w->deaths[0].step, (int)w->deaths[1].step);
        cr_assert_lt(steps, 20000000 + w->steps_more, "%u programs do not come to an end",
                     w->running);
    }
}

void pfs_world_check_split(const struct pfs_req *r)
{
    const struct pfs_split *x = &r->split;
    cr_assert_eq(x->client + x->mesh + x->queue + x->arm, x->latency); /* PFS3 */
    cr_assert_geq(x->client, 0);
    cr_assert_geq(x->mesh, 0);
    cr_assert_geq(x->queue, 0);
    cr_assert_geq(x->arm, 0);
}

enum pfs_status pfs_world_read(struct pfs_world *w, struct pfs_file *f, uint64_t off, void *out,
                               size_t n, size_t *got)
{
    struct pfs_req r;
    pfs_req_init(&r, PFS_READ, f);
    r.at = true;
    r.off = off;
    r.len = n;
    w->requests++;
    pfs_submit(&r);
    enum pfs_status s = pfs_wait(&r);
    pfs_world_check_split(&r);
    cr_assert_eq(r.data.length, r.moved);
    *got = r.moved;
    rope_read(&r.data, 0, r.data.length, out);
    rope_fini(&r.data);
    return s;
}

enum pfs_status pfs_world_write(struct pfs_world *w, struct pfs_file *f, uint64_t off,
                                const void *bytes, size_t n)
{
    struct pfs_req r;
    pfs_req_init(&r, PFS_WRITE, f);
    r.at = true;
    r.off = off;
    rope_add_bytes(&r.data, bytes, n);
    w->requests++;
    pfs_submit(&r);
    enum pfs_status s = pfs_wait(&r);
    pfs_world_check_split(&r);
    rope_fini(&r.data);
    return s;
}
