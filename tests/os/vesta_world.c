/* vesta_world.c: see vesta_world.h. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "os/vesta/vesta_internal.h"
#include "tests/os/vesta_world.h"

const struct vst_params vesta_world_store = { .block = 512,
                                              .objects = 64,
                                              .cache = 8,
                                              .dirty_fraction = 0.5,
                                              .read_ahead = 2,
                                              .max_io = 2048,
                                              .flush_delay = SIM_SEC };

void vesta_world_defaults(struct vesta_world *w, uint32_t compute, uint32_t io)
{
    memset(w, 0, sizeof *w);
    w->compute = compute;
    w->io = io;
    w->params = (struct vesta_params){
        .rpc = 2048, .window = 8, .depth = 2, .retries = 3, .retry_delay = 5 * SIM_MS
    };
    w->lfs = (struct lfs_params){ .block = 2048,
                                  .inode = 1024,
                                  .files = 64,
                                  .cache = 8,
                                  .dirty_fraction = 0.5,
                                  .read_ahead = 2,
                                  .max_io = 8192,
                                  .prealloc = 8,
                                  .flush_delay = SIM_SEC,
                                  .buffered = true };
}

struct xk_graph *vesta_world_graph(void)
{
    return rig_graph("mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan");
}

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct vesta_world *w = CONTAINER_OF(r, struct vesta_world, r);
    struct xk_protl *rpc = xk_find(r->k[node], "rpc");
    w->booted++;
    if (node < w->compute)
        w->client[node] = vesta_client_start(rpc, &w->layout, &w->params);
    else
        vesta_server_start(rpc, &w->layout, node - w->compute, 3,
                           w->store != NULL ? vst_files(vst_start(p, w->store, false, NULL, NULL))
                                            : lfs_files(lfs_start(p, &w->lfs)));
}

static void set_up(struct vesta_world *w)
{
    for (uint32_t i = 0; i < RIG_NODES; i++)
        w->nodes[i] = i;
    w->layout = (struct os_layout){ .nodes = w->compute + w->io,
                                    .compute_count = w->compute,
                                    .io_count = w->io,
                                    .compute = w->nodes,
                                    .io = w->nodes + w->compute };
}

void vesta_world_boot(struct vesta_world *w, struct fake *f, struct xk_graph *g)
{
    set_up(w);
    rig_boot_all(&w->r, f, g, w->layout.nodes, booted, NULL);
}

void vesta_world_start(struct vesta_world *w, struct fake_options o)
{
    set_up(w);
    o.nodes = w->layout.nodes;
    o.disks = 1;
    rig_start(&w->r, &o, "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan",
              booted, NULL);
    while (w->booted < o.nodes)
        cr_assert(fake_step(w->r.f));
}

void vesta_world_stop(struct vesta_world *w)
{
    rig_stop(&w->r);
}

static struct start {
    struct vesta_world *w;
    uint32_t rank;
} starts[RIG_NODES];

static void program_main(void *arg)
{
    struct start *s = arg;
    s->w->program(s->w, s->w->client[s->rank], s->rank);
    s->w->runs[s->rank] = false;
    s->w->running--;
}

static void spawn(struct port *p, void *arg)
{
    (void)port_thread_spawn(p, "program", program_main, arg, 0);
}

void vesta_world_spawn(struct vesta_world *w, uint32_t ranks,
                       void (*program)(struct vesta_world *w, struct vesta_client *c,
                                       uint32_t rank))
{
    w->program = program;
    for (uint32_t i = 0; i < w->compute; i++) {
        if (ranks != 0 && !(ranks >> i & 1))
            continue;
        starts[i] = (struct start){ w, i };
        w->runs[i] = true;
        w->running++;
        fake_call(w->r.f, i, spawn, &starts[i]);
    }
}

static void crashes(struct vesta_world *w)
{
    struct fake *f = w->r.f;
    uint64_t at = fake_steps(f);
    if (w->crash_step == 0 || at < w->crash_step)
        return;
    if (fake_up(f, w->crash_node)) {
        fake_crash(f, w->crash_node);
        if (w->crash_node < w->compute && w->runs[w->crash_node]) {
            w->runs[w->crash_node] = false;
            w->running--;
        }
        w->crash_step = w->down_steps > 0 ? at + w->down_steps : 0;
    } else {
        fake_restart(f, w->crash_node);
        w->crash_step = 0;
    }
}

void vesta_world_run(struct vesta_world *w, uint32_t ranks,
                     void (*program)(struct vesta_world *w, struct vesta_client *c, uint32_t rank))
{
    vesta_world_spawn(w, ranks, program);
    for (uint64_t steps = 0; w->running > 0; steps++) {
        crashes(w);
        if (w->running == 0)
            break;
        cr_assert(fake_step(w->r.f), "%u programs wait for ever", w->running);
        cr_assert_lt(steps, 5000000, "%u programs do not come to an end", w->running);
    }
}

struct waiter {
    struct port *p;
    struct port_thread *t;
    bool ended;
};

static void woken(struct file_req *r)
{
    struct waiter *w = r->arg;
    w->ended = true;
    port_thread_wake(w->p, w->t);
}

static enum file_status go(struct vesta_file *f, struct file_req *r)
{
    struct waiter *w = malloc(sizeof *w);
    *w = (struct waiter){ f->c->port, port_thread_self(f->c->port), false };
    r->done = woken;
    r->arg = w;
    vesta_submit(f, r);
    while (!w->ended)
        port_thread_block(w->p, "request", 0);
    free(w);
    return r->status;
}

enum file_status vesta_world_write(struct vesta_file *f, const struct file_run *runs,
                                   uint32_t count, const uint8_t *bytes, uint64_t n)
{
    struct file_req r;
    file_req_init(&r, FILE_WRITE, NULL, NULL);
    r.runs = runs;
    r.run_count = count;
    rope_add_bytes(&r.data, bytes, n);
    enum file_status s = go(f, &r);
    cr_assert_eq(r.data.length, 0);
    cr_assert_eq(r.moved, s == FILE_OK ? n : 0);
    return s;
}

enum file_status vesta_world_read(struct vesta_file *f, const struct file_run *runs, uint32_t count,
                                  uint8_t *bytes, uint64_t *moved)
{
    struct file_req r;
    file_req_init(&r, FILE_READ, NULL, NULL);
    r.runs = runs;
    r.run_count = count;
    enum file_status s = go(f, &r);
    cr_assert_eq(r.moved, r.data.length);
    *moved = r.moved;
    rope_read(&r.data, 0, r.moved, bytes);
    rope_fini(&r.data);
    return s;
}
