/* fake_port.c: os/port.h over the pending list: time, memory, timers, frames, disks, measures. */
#include "tests/fake/fake_internal.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- tasks and memory ---- */

struct port *fake_task_new(struct fake *f, struct fake_node *n, const char *name)
{
    struct port *p = base_zalloc(1, sizeof *p);
    p->f = f;
    p->node = n;
    snprintf(p->name, sizeof p->name, "%s", name);
    heap_init(&p->heap);
    list_init(&p->threads);
    list_init(&p->changes);
    list_init(&p->ends);
    list_init(&p->counters);
    p->random =
        f->o.seed ^ ((uint64_t)n->id << 40) ^ ((uint64_t)n->incarnation << 20) ^ n->task_count++;
    list_push(&n->tasks, &p->link);
    return p;
}

/* PORT3: everything that the task owns goes, without running any of its code. */
void fake_task_drop(struct fake *f, struct port *t)
{
    if (t->on_end && t->node->up)
        t->on_end(t->on_end_arg);
    LIST_EACH_SAFE (l, nx, &f->pending) {
        struct item *it = LIST_ENTRY(l, struct item, link);
        if (it->task != t)
            continue;
        /* A write that is on its way may or may not reach the medium. */
        if (it->kind == ITEM_IO && it->u.io.io->op == PORT_IO_WRITE &&
            f->o.order != FAKE_IN_ORDER && fake_choose(f, 2))
            fake_disk_apply(f, t->node, it);
        f->counts.stale++;
        fake_item_drop(f, it);
    }
    struct list *l;
    while ((l = list_pop(&t->threads)))
        fake_thread_free(LIST_ENTRY(l, struct port_thread, link));
    while ((l = list_pop(&t->changes)))
        free(LIST_ENTRY(l, struct change_handler, link));
    counted_end(&t->counters, NULL, &t->node->gone);
    heap_end(&t->heap);
    while (!list_empty(&t->ends))
        port_end_close(LIST_ENTRY(t->ends.next, struct port_end, link));
    list_remove(&t->link);
    free(t);
}

void *port_alloc(struct port *p, size_t size)
{
    if (p->node->id == 0 && ++p->node->allocs == p->f->o.crash_at_alloc)
        p->f->crash_wanted = true;
    return heap_take(&p->heap, size);
}

/* FAKE4. */
static void check_nothing_pending_in(const struct fake *f, const void *ptr, size_t size)
{
    const char *from = ptr, *to = from + size;
    if (f->pending_count > 4096)
        return;
    LIST_EACH (l, &f->pending) {
        const struct item *it = LIST_ENTRY(l, struct item, link);
        const char *at = it->kind == ITEM_TIMER     ? (const char *)it->u.timer
                         : it->kind == ITEM_IO      ? (const char *)it->u.io.io
                         : it->kind == ITEM_CHANGER ? (const char *)it->u.change_io
                                                    : NULL;
        ASSERT_MSG(!at || at < from || at >= to, "memory freed with a timer or I/O pending in it");
    }
}

uint64_t port_heap_bytes(const struct port *p)
{
    return p->heap.bytes;
}

void port_free(struct port *p, void *ptr)
{
    if (!ptr)
        return;
    size_t size = heap_size(ptr);
    check_nothing_pending_in(p->f, ptr, size);
    memset(ptr, 0xdb, size);
    heap_give(&p->heap, ptr);
}

void *port_realloc(struct port *p, void *ptr, size_t size)
{
    void *fresh = port_alloc(p, size);
    if (ptr) {
        size_t old = heap_size(ptr);
        memcpy(fresh, ptr, old < size ? old : size);
        port_free(p, ptr);
    }
    return fresh;
}

struct port *port_task_create(struct port *p, const char *name,
                              void (*main)(struct port *task, void *arg), void *arg)
{
    ASSERT(name);
    struct port *t = fake_task_new(p->f, p->node, name);
    if (!main)
        return t;
    struct item *it = fake_item(p->f, ITEM_MAIN, p->node->id, t, fake_time(p->f));
    it->u.main.fn = main;
    it->u.main.arg = arg;
    return t;
}

void port_task_crash(struct port *task)
{
    struct fake *f = task->f;
    if (f->running != task) {
        fake_task_drop(f, task);
        return;
    }
    task->dead = true;
    if (f->thread)
        coroutine_leave(&f->thread->run);
}

void port_task_on_end(struct port *task, void (*fn)(void *arg), void *arg)
{
    task->on_end = fn;
    task->on_end_arg = arg;
}

bool port_task_place(struct port *task, const char *cpu)
{
    static const char *const names[] = { "application", "coprocessor", "third" };
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        if (strcmp(cpu, names[i]) == 0)
            task->cpu = names[i];
    return true;
}

const char *port_task_cpu(const struct port *task)
{
    return task->cpu ? task->cpu : "application";
}

void port_task_run(struct port *task, void (*fn)(struct port *task, void *arg), void *arg)
{
    if (task->dead)
        return;
    struct item *it = fake_item(task->f, ITEM_MAIN, task->node->id, task, fake_time(task->f));
    it->u.main.fn = fn;
    it->u.main.arg = arg;
}

void port_on_node_change(struct port *p,
                         void (*fn)(void *arg, uint32_t node, uint32_t life, bool up), void *arg)
{
    struct change_handler *h = base_zalloc(1, sizeof *h);
    h->fn = fn;
    h->arg = arg;
    list_push(&p->changes, &h->link);
}

struct port *fake_port(struct fake *f, uint32_t node)
{
    struct fake_node *n = &f->nodes[node];
    return n->up ? LIST_ENTRY(n->tasks.next, struct port, link) : NULL;
}

/* ---- who, when, work ---- */

sim_time port_now(struct port *p)
{
    return fake_time(p->f);
}

uint32_t port_node(const struct port *p)
{
    return p->node->id;
}

uint32_t port_nodes(const struct port *p)
{
    return p->f->o.nodes;
}

uint32_t port_incarnation(const struct port *p)
{
    return p->node->incarnation;
}

uint64_t port_kept(const struct port *p)
{
    return p->node->kept;
}

void port_keep(struct port *p, uint64_t value)
{
    p->node->kept = value;
}

bool port_little_endian(const struct port *p)
{
    return p->node->id < 64 && p->f->o.little >> p->node->id & 1;
}

uint64_t port_memory(const struct port *p)
{
    return p->f->o.memory;
}

const char *port_task_name(const struct port *p)
{
    return p->name;
}

bool port_in_thread(const struct port *p)
{
    return p->f->thread != NULL;
}

void port_work(struct port *p, enum port_work kind, uint64_t amount)
{
    p->node->work[kind] += amount;
    if (p->f->running && p->f->o.work_cost)
        p->f->worked = sim_time_add(p->f->worked, sim_time_mul(p->f->o.work_cost, (int64_t)amount));
}

/* ---- timers ---- */

void port_timer_init(struct port *p, struct port_timer *t, void (*fn)(struct port_timer *t),
                     void *arg)
{
    memset(t, 0, sizeof *t);
    t->fn = fn;
    t->port = p;
    t->arg = arg;
}

bool port_timer_pending(const struct port_timer *t)
{
    return t->opaque[0] != 0;
}

bool port_timer_cancel(struct port_timer *t)
{
    if (!t->opaque[0])
        return false;
    fake_item_drop(t->port->f, (struct item *)(uintptr_t)t->opaque[0]);
    t->opaque[0] = 0;
    return true;
}

void port_timer_set(struct port_timer *t, sim_time delay)
{
    struct port *p = t->port;
    port_timer_cancel(t);
    struct item *it =
        fake_item(p->f, ITEM_TIMER, p->node->id, p, sim_time_add(fake_time(p->f), delay));
    it->u.timer = t;
    t->opaque[0] = (uintptr_t)it;
}

/* ---- network interfaces ---- */

uint32_t port_if_count(const struct port *p)
{
    return p->f->o.interfaces;
}

void port_if_describe(const struct port *p, uint32_t ifc, struct port_if_info *out)
{
    const struct fake_options *o = &p->f->o;
    ASSERT(ifc < o->interfaces);
    memset(out, 0, sizeof *out);
    snprintf(out->name, sizeof out->name, ifc == 0 ? "mesh" : "lan");
    out->mtu = ifc == 1 && o->lan_mtu ? o->lan_mtu : o->mtu;
    out->station = p->node->id;
    out->rate = o->rate;
    out->reliable = !o->lossy;
    out->ordered = !o->unordered;
    out->control = o->control;
    out->broadcast = o->broadcast;
}

bool port_if_station(const struct port *p, uint32_t ifc, uint32_t host, uint64_t *station)
{
    ASSERT(ifc < p->f->o.interfaces);
    p->f->counts.station_asks++;
    *station = host;
    uint32_t lan = ifc == 1 ? p->f->o.lan_nodes : 0;
    if (lan && (host >= lan || port_node(p) >= lan))
        return false;
    return host < p->f->o.nodes;
}

bool port_if_host(const struct port *p, uint32_t ifc, uint64_t station, uint32_t *host)
{
    ASSERT(ifc < p->f->o.interfaces);
    p->f->counts.station_asks++;
    *host = (uint32_t)station;
    return station < p->f->o.nodes;
}

struct port_end *port_end_open(struct port *task, uint32_t ifc, const struct match *m,
                               uint32_t count, const struct port_end_ops *ops, void *arg,
                               enum port_if_result *why)
{
    *why = PORT_IF_NONE;
    if (ifc >= task->f->o.interfaces)
        return NULL;
    struct port_end *e = base_zalloc(1, sizeof *e);
    *e = (struct port_end){ .task = task, .ifc = ifc, .ops = ops, .arg = arg };
    if (!match_add(&task->node->ends[ifc], &e->match, m, count)) {
        *why = PORT_IF_TAKEN;
        free(e);
        return NULL;
    }
    list_init(&e->link);
    list_init(&e->refused);
    list_push(&task->ends, &e->link);
    *why = PORT_IF_OK;
    return e;
}

void port_end_first(struct port_end *e)
{
    match_first(&e->task->node->ends[e->ifc], &e->match);
}

void port_end_close(struct port_end *e)
{
    if (!e)
        return;
    LIST_EACH (l, &e->task->f->pending) {
        struct item *it = LIST_ENTRY(l, struct item, link);
        if (it->kind == ITEM_READY && it->u.end == e)
            it->u.end = NULL;
    }
    match_remove(&e->task->node->ends[e->ifc], &e->match);
    list_remove(&e->link);
    list_remove(&e->refused);
    free(e);
}

void port_end_out(struct port_end *e, uint64_t bytes)
{
    port_work(e->task, PORT_WORK_FRAME_OUT, 1);
    port_work(e->task, PORT_WORK_FRAME_BYTES, bytes);
}

void port_end_in(struct port_end *e, uint64_t bytes)
{
    port_work(e->task, PORT_WORK_FRAME_IN, 1);
    port_work(e->task, PORT_WORK_FRAME_BYTES, bytes);
}

static bool fault(struct fake *f, uint32_t ppm)
{
    if (!ppm || !f->o.lossy || (f->o.faults_max && f->faults >= f->o.faults_max))
        return false;
    if (draw_next(&f->random) % 1000000 >= ppm)
        return false;
    f->faults++;
    return true;
}

static void corrupt(struct fake *f, struct rope *r)
{
    uint64_t at = draw_next(&f->random) % r->length;
    struct rope tail;
    uint8_t byte;
    rope_read(r, at, 1, &byte);
    byte = (uint8_t)~byte;
    rope_split(r, at, &tail);
    rope_drop_front(&tail, 1);
    rope_add_bytes(r, &byte, 1);
    rope_join(r, &tail);
    rope_fini(&tail);
    f->counts.corrupted++;
}

static struct item *put_on_wire(struct fake *f, uint32_t src, uint32_t ifc, uint32_t dst,
                                unsigned flags, struct rope *frame)
{
    sim_time at = sim_time_add(
        fake_time(f),
        sim_time_add(f->o.latency, sim_time_mul(f->o.byte_time, (int64_t)frame->length)));
    if (fault(f, f->o.delay_ppm)) {
        at = sim_time_add(at, (sim_time)(draw_next(&f->random) % (uint64_t)f->o.delay_max));
        f->counts.delayed++;
    }
    struct item *it = fake_item(f, ITEM_FRAME, dst, NULL, at);
    it->u.frame.src = src;
    it->u.frame.ifc = ifc;
    it->u.frame.flags = flags & PORT_ALL;
    it->u.frame.src_incarnation = f->nodes[src].incarnation;
    rope_join(&it->u.frame.data, frame);
    if (f->o.flatten)
        rope_flatten(&it->u.frame.data, false);
    if (it->u.frame.data.length && fault(f, f->o.corrupt_ppm))
        corrupt(f, &it->u.frame.data);
    return it;
}

/* One frame to one node: lost, doubled, or on its way. */
static struct item *send_to(struct port *p, uint32_t ifc, uint32_t dst, unsigned flags,
                            struct rope *frame)
{
    struct fake *f = p->f;
    struct fake_node *n = p->node;
    if ((f->on_frame && !f->on_frame(f->on_frame_arg, n->id, dst, frame)) ||
        fault(f, f->o.drop_ppm)) {
        f->counts.dropped++;
        rope_fini(frame);
        return NULL;
    }
    if (fault(f, f->o.duplicate_ppm)) {
        struct rope copy;
        rope_copy(&copy, frame);
        put_on_wire(f, n->id, ifc, dst, flags, &copy);
        rope_fini(&copy);
        f->counts.duplicated++;
    }
    return put_on_wire(f, n->id, ifc, dst, flags, frame);
}

/* To all others; the last of them keeps the place in the transmit queue. */
static struct item *send_to_all(struct port *p, uint32_t ifc, struct rope *frame)
{
    struct item *last = NULL;
    for (uint32_t dst = 0; dst < p->f->o.nodes; dst++) {
        struct rope copy;
        if (dst == p->node->id)
            continue;
        rope_copy(&copy, frame);
        struct item *it = send_to(p, ifc, dst, PORT_ALL, &copy);
        rope_fini(&copy);
        last = it ? it : last;
    }
    rope_fini(frame);
    return last;
}

enum port_if_result port_end_send(struct port_end *e, uint64_t station, unsigned flags,
                                  struct rope *frame)
{
    struct port *p = e->task;
    struct fake *f = p->f;
    struct fake_node *n = p->node;
    bool all = flags & PORT_ALL;
    ASSERT(!(flags & PORT_CONTROL) || f->o.control);
    if (frame->length > (e->ifc == 1 && f->o.lan_mtu ? f->o.lan_mtu : f->o.mtu))
        return PORT_IF_TOO_LONG;
    if (all ? !f->o.broadcast : station >= f->o.nodes)
        return PORT_IF_NO_STATION;
    if (f->o.tx_queue && n->in_flight[e->ifc] >= f->o.tx_queue) {
        if (list_empty(&e->refused))
            list_push(&n->refused[e->ifc], &e->refused);
        f->counts.busy++;
        return PORT_IF_BUSY;
    }
    f->counts.frames++;
    rope_settle(frame);
    struct item *it =
        all ? send_to_all(p, e->ifc, frame) : send_to(p, e->ifc, (uint32_t)station, 0, frame);
    if (it && f->o.tx_queue) {
        it->u.frame.queued = true;
        n->in_flight[e->ifc]++;
    }
    return PORT_IF_OK;
}

void fake_inject(struct fake *f, uint32_t src, uint32_t dst, const void *bytes, size_t len)
{
    struct rope r;
    rope_init(&r);
    rope_add_bytes(&r, bytes, len);
    put_on_wire(f, src, 0, dst, 0, &r);
    rope_fini(&r);
}

void fake_on_frame(struct fake *f,
                   bool (*fn)(void *arg, uint32_t src, uint32_t dst, struct rope *frame), void *arg)
{
    f->on_frame = fn;
    f->on_frame_arg = arg;
}

void fake_set_faults(struct fake *f, uint32_t drop_ppm, uint32_t duplicate_ppm)
{
    f->o.drop_ppm = drop_ppm;
    f->o.duplicate_ppm = duplicate_ppm;
}

/* ---- block devices ---- */

enum { JUNK = 0xee };

uint32_t port_blk_count(const struct port *p)
{
    return p->f->o.disks + p->f->o.tapes;
}

/* NULL: it is a disk. */
static struct fake_tape *tape_of(const struct port *p, uint32_t dev)
{
    ASSERT(dev < port_blk_count(p));
    return dev < p->f->o.disks ? NULL : &p->node->tapes[dev - p->f->o.disks];
}

sim_time port_blk_locate_time(const struct port *p, uint32_t dev, uint64_t from, uint64_t to)
{
    const struct fake_tape *t = tape_of(p, dev);
    if (t == NULL || t->label[0] == '\0')
        return SIM_NEVER;
    return (sim_time)(from > to ? from - to : to - from) * p->f->o.tape_step;
}

bool port_blk_spot(const struct port *p, uint32_t dev, uint64_t block, struct port_blk_spot *out)
{
    const struct fake_tape *t = tape_of(p, dev);
    *out = (struct port_blk_spot){ .place = block };
    return t != NULL && t->label[0] != '\0';
}

void port_blk_describe(const struct port *p, uint32_t dev, struct port_blk_info *out)
{
    memset(out, 0, sizeof *out);
    if (tape_of(p, dev) != NULL) {
        fake_tape_describe(p->f, tape_of(p, dev), out);
        return;
    }
    snprintf(out->name, sizeof out->name, "disk%u", dev);
    out->sectors = p->f->o.disk_sectors;
    out->sector_bytes = p->f->o.sector_bytes;
    out->best_sectors = 8;
    out->volatile_writes = p->f->o.disk_cache;
}

void port_blk_submit(struct port *p, uint32_t dev, struct port_io *io)
{
    struct fake *f = p->f;
    struct fake_tape *t = tape_of(p, dev);
    ASSERT((io->sectors > 0) == (io->op < PORT_IO_FLUSH));
    ASSERT(t != NULL || io->sector + io->sectors <= f->o.disk_sectors);
    ASSERT(t != NULL || io->op != PORT_IO_WRITE ||
           io->data.length == (uint64_t)io->sectors * f->o.sector_bytes);
    ASSERT(t == NULL || io->op != PORT_IO_WRITE ||
           (io->data.length > 0 && io->data.length <= f->o.tape_largest));
    if (io->op == PORT_IO_WRITE)
        rope_settle(&io->data);
    io->port = p;
    io->queued_for = 0;
    io->device_for = f->o.disk_time;
    if (t != NULL)
        io->device_for += fake_tape_time(f, t, io);
    struct item *it =
        fake_item(f, ITEM_IO, p->node->id, p, sim_time_add(fake_time(f), io->device_for));
    it->u.io.io = io;
    it->u.io.dev = dev;
    it->u.io.upto = t != NULL ? 0 : p->node->disks[dev].writes;
}

static struct fake_sector *sector_made(struct fake_disk *d, uint64_t sector)
{
    struct fake_sector *s = d->sectors[sector];
    if (s)
        return s;
    s = d->sectors[sector] = base_zalloc(1, sizeof *s);
    rope_init(&s->now.data);
    list_init(&s->old);
    return s;
}

/* Not any more one of what it may be after a crash. */
static void drop_oldest(struct fake_sector *s)
{
    struct fake_version *v = LIST_ENTRY(list_pop(&s->old), struct fake_version, link);
    rope_fini(&v->data);
    free(v);
    s->old_count--;
}

void fake_disk_free(struct fake *f, struct fake_disk *d)
{
    for (uint64_t i = 0; i < f->o.disk_sectors; i++) {
        struct fake_sector *s = d->sectors[i];
        if (!s)
            continue;
        while (s->old_count > 0)
            drop_oldest(s);
        rope_fini(&s->now.data);
        free(s);
    }
    free(d->sectors);
}

/* The cache of a disk: a sector that is written keeps what it was. */
static void make_volatile(struct fake_sector *s)
{
    struct fake_version *v = base_zalloc(1, sizeof *v);
    rope_move(&v->data, &s->now.data);
    v->stamp = s->now.stamp;
    list_push(&s->old, &v->link);
    s->old_count++;
}

/* What the last of its writes up to this one left is on the medium, or what came behind it. */
static void make_stable(struct fake *f, struct fake_disk *d, uint64_t upto)
{
    for (uint64_t i = 0; f->o.disk_cache && i < f->o.disk_sectors; i++) {
        struct fake_sector *s = d->sectors[i];
        while (s && s->old_count > 0 &&
               (s->old_count > 1 ? LIST_ENTRY(s->old.next->next, struct fake_version, link)->stamp
                                 : s->now.stamp) <= upto)
            drop_oldest(s);
    }
}

void fake_disk_power_off(struct fake *f, struct fake_disk *d)
{
    for (uint64_t i = 0; f->o.disk_cache && i < f->o.disk_sectors; i++) {
        struct fake_sector *s = d->sectors[i];
        if (!s || s->old_count == 0)
            continue;
        uint32_t k = f->stays != NULL              ? f->stays(f->stays_arg, s->old_count)
                     : f->o.order == FAKE_IN_ORDER ? 0
                                                   : fake_choose(f, s->old_count + 1);
        while (s->old_count > 0) {
            if (k-- == 0) {
                rope_fini(&s->now.data);
                rope_move(&s->now.data, &LIST_ENTRY(s->old.next, struct fake_version, link)->data);
            }
            drop_oldest(s);
        }
    }
}

void fake_disk_apply(struct fake *f, struct fake_node *n, struct item *it)
{
    struct port_io *io = it->u.io.io;
    if (it->u.io.dev >= f->o.disks) {
        uint32_t one = 1;
        fake_tape_apply(f, &n->tapes[it->u.io.dev - f->o.disks], io);
        if (f->on_disk && io->status == PORT_IO_OK)
            io->status = f->on_disk(f->on_disk_arg, n->id, it->u.io.dev, io, &one);
        if (io->status != PORT_IO_OK && io->op == PORT_IO_READ)
            rope_fini(&io->data);
        return;
    }
    struct fake_disk *d = &n->disks[it->u.io.dev];
    uint32_t size = f->o.sector_bytes, sectors = io->sectors;
    struct rope out;
    rope_init(&out);
    io->status = io->op > PORT_IO_FLUSH ? PORT_IO_NO_MEDIUM : PORT_IO_OK;
    if (f->on_disk)
        io->status = f->on_disk(f->on_disk_arg, n->id, it->u.io.dev, io, &sectors);
    if (io->op == PORT_IO_FLUSH && io->status == PORT_IO_OK)
        make_stable(f, d, it->u.io.upto);
    d->writes += io->op == PORT_IO_WRITE;
    for (uint32_t i = 0; i < sectors; i++) {
        struct fake_sector *s = d->sectors[io->sector + i];
        if (io->op == PORT_IO_WRITE) {
            s = sector_made(d, io->sector + i);
            if (f->o.disk_cache)
                make_volatile(s);
            s->now.stamp = d->writes;
            rope_fini(&s->now.data);
            rope_add_slice(&s->now.data, &io->data, (uint64_t)i * size, size);
        } else if (s && s->now.data.length) {
            rope_add_slice(&out, &s->now.data, 0, size);
        } else if (f->o.disk_junk) {
            uint8_t *junk = base_alloc(size);
            memset(junk, JUNK, size);
            rope_add_bytes(&out, junk, size);
            free(junk);
        } else {
            rope_add_zero(&out, size);
        }
    }
    if (io->op == PORT_IO_READ) {
        rope_fini(&io->data);
        rope_join(&io->data, &out);
    }
    rope_fini(&out);
}

void fake_on_disk(struct fake *f, fake_disk_fn *fn, void *arg)
{
    f->on_disk = fn;
    f->on_disk_arg = arg;
}

void fake_on_power_off(struct fake *f, fake_stays_fn *fn, void *arg)
{
    f->stays = fn;
    f->stays_arg = arg;
}

void fake_disk_flip(struct fake *f, uint32_t node, uint32_t dev, uint64_t sector, uint32_t byte,
                    uint8_t mask)
{
    uint8_t *bytes = base_alloc(f->o.sector_bytes);
    struct fake_disk *d = &f->nodes[node].disks[dev];
    struct rope *s = &sector_made(d, sector)->now.data;
    fake_disk_read(f, node, dev, sector, 1, bytes);
    bytes[byte] ^= mask;
    rope_fini(s);
    rope_add_bytes(s, bytes, f->o.sector_bytes);
    free(bytes);
}

void fake_disk_read(struct fake *f, uint32_t node, uint32_t dev, uint64_t sector, uint32_t sectors,
                    void *out)
{
    uint32_t size = f->o.sector_bytes;
    for (uint32_t i = 0; i < sectors; i++) {
        const struct fake_sector *s = f->nodes[node].disks[dev].sectors[sector + i];
        uint8_t *to = (uint8_t *)out + (size_t)i * size;
        if (s && s->now.data.length)
            rope_read(&s->now.data, 0, size, to);
        else
            memset(to, f->o.disk_junk ? JUNK : 0, size);
    }
}

/* ---- random draws, measures, failures ---- */

uint64_t port_random(struct port *p)
{
    return draw_next(&p->random);
}

uint64_t port_random_below(struct port *p, uint64_t n)
{
    return draw_next(&p->random) % n;
}

static struct observed *find_measure(const struct fake *f, const char *name)
{
    for (uint32_t i = 0; i < f->measure_count; i++)
        if (strcmp(f->measures[i].name, name) == 0)
            return (struct observed *)(uintptr_t)&f->measures[i];
    return NULL;
}

void port_window(struct port *p, bool open, uint32_t of)
{
    struct fake *f = p->f;
    struct fake_window *w = &f->window;
    if (open && ++w->opened == of && w->to == SIM_NEVER) {
        w->from = fake_time(f);
        w->progress = 0;
        f->measure_count = 0;
    }
    if (!open && ++w->closed == of)
        w->to = fake_time(f);
}

void port_stage(struct port *p, const struct measure *d)
{
    ASSERT(d == NULL || (d->flags & (MEASURE_INSIDE | MEASURE_OUTSIDE)) != 0);
    (void)p;
}

void port_ledger(struct port *p, uint64_t who)
{
    (void)p;
    (void)who;
}

void port_ledger_part(struct port *p, enum ledger_part part, sim_time most)
{
    ASSERT(part < LEDGER_PARTS && most >= 0);
    (void)p;
}

void port_ledger_tell(struct port *p, enum ledger_part part, const struct measure *m, sim_time less)
{
    ASSERT(part < LEDGER_PARTS && m);
    (void)p;
    (void)less;
}

void port_progress(struct port *p, sim_time since, double amount)
{
    const struct fake *f = p->f;
    struct fake_window *w = &p->f->window;
    sim_time now = fake_time(f), open = w->from == SIM_NEVER ? 0 : w->from;
    sim_time from = sim_time_max(since, open), to = sim_time_min(now, w->to);
    if (to > from)
        w->progress += amount * ((double)(to - from) / (double)(now - since));
    else if (since == now && now >= open && now < w->to)
        w->progress += amount;
}

void port_measure(struct port *p, const struct measure *d, double value)
{
    struct fake *f = p->f;
    struct observed *m = find_measure(f, d->name);
    if (f->window.to != SIM_NEVER && !(d->flags & MEASURE_TOTAL))
        return;
    if (!m) {
        ASSERT(f->measure_count < ARRAY_LEN(f->measures));
        m = &f->measures[f->measure_count++];
        snprintf(m->name, sizeof m->name, "%s", d->name);
        m->count = 0;
        m->sum = 0;
    }
    m->count++;
    m->sum += value;
}

void port_counters(struct port *p, const char *owner, const struct counter *d, const void *base)
{
    counted_begin(&p->counters, owner, d, base);
}

void port_counters_end(struct port *p, const void *base)
{
    counted_end(&p->counters, base, &p->node->gone);
}

uint64_t fake_count(const struct fake *f, uint32_t node, const char *name)
{
    uint64_t sum = 0;
    bool found = counted_add(&f->nodes[node].gone, name, &sum);
    LIST_EACH (l, &f->nodes[node].tasks)
        found |= counted_add(&LIST_ENTRY(l, struct port, link)->counters, name, &sum);
    ASSERT_MSG(found, "nothing counts under that name");
    return sum;
}

void port_delivered(struct port *p, uint64_t length, uint64_t content)
{
    struct fake_counts *c = &p->f->counts;
    c->delivered++;
    c->delivered_bytes += length;
    c->digest = digest_delivered(c->digest, p->node->id, length, content);
}

bool port_trace_on(const struct port *p)
{
    (void)p;
    return false;
}

void port_trace_begin(struct port *p, const char *track, const char *name, uint64_t id)
{
    (void)p, (void)track, (void)name, (void)id;
}

void port_trace_end(struct port *p, const char *track, const char *name, uint64_t id)
{
    (void)p, (void)track, (void)name, (void)id;
}

void port_remark(struct port *p, const char *fmt, ...)
{
    (void)fmt;
    p->f->counts.remarks++;
}

void port_fail(struct port *p, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(p->f->failure, sizeof p->f->failure, fmt, ap);
    va_end(ap);
    p->f->counts.failures++;
}

/* ---- what tests ask ---- */

bool fake_up(const struct fake *f, uint32_t node)
{
    return f->nodes[node].up;
}

sim_time fake_now(const struct fake *f)
{
    return fake_time(f);
}

uint64_t fake_steps(const struct fake *f)
{
    return f->steps;
}

uint64_t fake_pending(const struct fake *f)
{
    return f->pending_count;
}

const struct fake_counts *fake_counts(const struct fake *f)
{
    return &f->counts;
}

const char *fake_last_failure(const struct fake *f)
{
    return f->failure;
}

uint64_t fake_work(const struct fake *f, uint32_t node, enum port_work kind)
{
    return f->nodes[node].work[kind];
}

uint64_t fake_heap_bytes(const struct fake *f, uint32_t node)
{
    uint64_t n = 0;
    LIST_EACH (l, &f->nodes[node].tasks)
        n += LIST_ENTRY(l, struct port, link)->heap.bytes;
    return n;
}

uint64_t fake_heap_blocks(const struct fake *f, uint32_t node)
{
    uint64_t n = 0;
    LIST_EACH (l, &f->nodes[node].tasks)
        n += LIST_ENTRY(l, struct port, link)->heap.count;
    return n;
}

const struct fake_window *fake_window(const struct fake *f)
{
    return &f->window;
}

uint64_t fake_measures(const struct fake *f, const char *measure)
{
    const struct observed *m = find_measure(f, measure);
    return m ? m->count : 0;
}

double fake_measure_sum(const struct fake *f, const char *measure)
{
    const struct observed *m = find_measure(f, measure);
    return m ? m->sum : 0;
}
