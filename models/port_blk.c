/* port_blk.c: the port's block devices, over disks/blkdev.h.
 *
 * A device does not know tasks: a request whose task has crashed goes on and is forgotten when it
 * completes.  Disks live through a crash of their node.
 */
#include "models/node.h"

#include <string.h>

#include "sim/trace.h"

uint32_t port_blk_count(const struct port *p)
{
    return p->node->dev_count;
}

void port_blk_describe(const struct port *p, uint32_t dev, struct port_blk_info *out)
{
    ASSERT(dev < p->node->dev_count);
    struct blk_describe d;
    struct blkdev *b = p->node->devs[dev];
    b->ops->describe(b, &d);
    *out = (struct port_blk_info){
        .sectors = d.sectors,
        .sector_bytes = d.sector_bytes,
        .best_sectors = d.best_sectors,
        .volatile_writes = d.volatile_writes,
        .sequential = d.sequential,
        .largest = d.largest,
    };
    out->at = d.at;
    _Static_assert(sizeof d.medium == sizeof out->medium, "a label");
    memcpy(out->medium, d.medium, sizeof out->medium);
    size_t n = strnlen(d.name, sizeof out->name - 1);
    memcpy(out->name, d.name, n);
    out->name[n] = '\0';
}

/* As a span from where the device gets it to where it is done. */
static void trace(const struct request *r,
                  void (*mark)(struct sim *, const char *, int64_t, const char *, const char *,
                               uint64_t, sim_time))
{
    static const char *const names[] = {
        [BLK_READ] = "read",     [BLK_WRITE] = "write", [BLK_FLUSH] = "flush",
        [BLK_LOCATE] = "locate", [BLK_MARK] = "mark",   [BLK_ERASE] = "erase"
    };
    struct sim *s = r->node->machine->sim;
    if (sim_trace_on(s, "os"))
        mark(s, "os", r->node->id, r->node->in_dev[r->dev].name, names[r->blk.op], r->trace,
             sim_now(s));
}

/* The device is done; its upcall waits for a CPU. */
static void completed(struct blk_req *b)
{
    struct request *r = CONTAINER_OF(b, struct request, blk);
    struct machine *m = r->node->machine;
    sim_inside_leave(&r->node->in_dev[r->dev], b->submitted, sim_now(m->sim));
    trace(r, sim_trace_end);
    if (r->io == NULL) {
        m->counts.requests.dropped++;
        request_free(r);
        return;
    }
    struct upcall *u = upcall_new(r->task, UPCALL_IO);
    u->request = r;
    list_remove(&r->link);
    upcall_submit(u);
}

void port_blk_submit(struct port *p, uint32_t dev, struct port_io *io)
{
    struct machine *m = p->machine;
    ASSERT(dev < p->node->dev_count);
    if (io->op == PORT_IO_WRITE) /* by DMA: as it is now */
        rope_settle(&io->data);
    struct list *l = list_pop(&m->free_requests);
    struct request *r = l != NULL ? LIST_ENTRY(l, struct request, link) : base_alloc(sizeof *r);
    *r = (struct request){ .node = p->node,
                           .task = p,
                           .io = io,
                           .dev = dev,
                           .trace = io->trace ? io->trace : io->sector };
    list_init(&r->link);
    io->port = p;
    static const enum blk_op ops[] = { BLK_READ,   BLK_WRITE, BLK_FLUSH,
                                       BLK_LOCATE, BLK_MARK,  BLK_ERASE };
    blk_req_init(&r->blk, ops[io->op], io->sector, io->sectors, completed, r);
    if (io->op == PORT_IO_WRITE) {
        r->bytes = io->data.length;
        rope_move(&r->blk.data, &io->data);
    }
    m->counts.requests.made++;
    m->counts.requests.inside++;
    struct effect *f = effect_new(p, EFFECT_SUBMIT);
    f->request = r;
    f->dst = dev;
    effect_take(f);
}

sim_time port_blk_locate_time(const struct port *p, uint32_t dev, uint64_t from, uint64_t to)
{
    ASSERT(dev < p->node->dev_count);
    return blk_locate_time(p->node->devs[dev], from, to);
}

bool port_blk_spot(const struct port *p, uint32_t dev, uint64_t block, struct port_blk_spot *out)
{
    struct blk_spot s;
    ASSERT(dev < p->node->dev_count);
    if (!blk_spot(p->node->devs[dev], block, &s))
        return false;
    *out = (struct port_blk_spot){
        .place = s.place, .pass = s.pass, .section = s.section, .back = s.back
    };
    return true;
}

void request_submit(struct request *r)
{
    list_push(&r->node->requests, &r->link);
    sim_inside_enter(&r->node->in_dev[r->dev], sim_now(r->node->machine->sim));
    trace(r, sim_trace_begin);
    blk_submit(r->node->devs[r->dev], &r->blk);
}

void request_orphan(struct request *r)
{
    r->io = NULL;
}

static enum port_io_status status_of(enum blk_status s)
{
    switch (s) {
    case BLK_OK:
        return PORT_IO_OK;
    case BLK_ERR_MEDIUM:
        return PORT_IO_MEDIUM;
    case BLK_ERR_DEVICE:
        return PORT_IO_DEVICE;
    case BLK_NO_MEDIUM:
        return PORT_IO_NO_MEDIUM;
    case BLK_END:
        return PORT_IO_END;
    case BLK_ERR_ABORTED:
    case BLK_STATUS_COUNT:
        break;
    }
    return PORT_IO_ABORTED;
}

/* Of what the device has moved the part inside the window. */
static void count_bytes(struct machine *m, const struct request *r)
{
    sim_time took = r->blk.completed - r->blk.started;
    sim_time part = sim_window_part(m->sim, r->blk.started, r->blk.completed);
    uint64_t bytes = r->io->op == PORT_IO_READ ? r->blk.data.length : r->bytes;
    if (r->blk.status == BLK_OK && part > 0)
        m->counts.io_bytes += (double)bytes * ((double)part / (double)took);
}

void request_finish(struct request *r)
{
    struct machine *m = r->node->machine;
    struct port_io *io = r->io;
    static const enum port_io_end ends[] = { [BLK_END_NONE] = PORT_END_NONE,
                                             [BLK_END_MARK] = PORT_END_MARK,
                                             [BLK_END_DATA] = PORT_END_DATA,
                                             [BLK_END_MEDIUM] = PORT_END_MEDIUM };
    io->status = status_of(r->blk.status);
    io->end = ends[r->blk.end];
    io->moved = r->blk.moved;
    io->queued_for = r->blk.started - r->blk.submitted;
    io->device_for = r->blk.completed - r->blk.started;
    m->counts.io_queue += (double)io->queued_for;
    m->counts.io_device += (double)io->device_for;
    m->counts.requests.done++;
    count_bytes(m, r);
    if (io->op == PORT_IO_READ)
        rope_move(&io->data, &r->blk.data);
    request_free(r);
    io->done(io);
}

void request_free(struct request *r)
{
    struct machine *m = r->node->machine;
    blk_req_fini(&r->blk);
    list_remove(&r->link);
    list_push_front(&m->free_requests, &r->link);
    m->counts.requests.inside--;
}
