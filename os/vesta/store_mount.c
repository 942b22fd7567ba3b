/* store_mount.c: parameters, format, mount, and the check of the structures in memory.
 *
 * A mount reads the object table, then the trees that the newest whole records name, level by level
 * in the order of the device; what no tree names is free.
 */
#include "os/vesta/store_internal.h"

#include "os/node.h"

#include <stdlib.h>

const struct param vst_params_desc[] = {
    P_INT(vst_params, device, "0", "0", "1000", "Which of the node's devices it is on."),
    P_SIZE(vst_params, block, "64KiB", "512B", "16MiB",
           "Data block: a multiple of the device's sector.",
           "Vesta: 64 KB disk blocks on a raw disk [Corbett, DAGS 1993]"),
    P_INT(vst_params, objects, "256", "1", "65536",
          "Objects that a store can hold; a format makes room for those that the workload says it "
          "makes, if they are more.",
          "ASSUMED(a mount reads all records)"),
    P_INT(vst_params, cache, "64", "1", "65536", "Block buffers.",
          "ASSUMED(4 MiB of an I/O node's 16 to 32 MB)"),
    BLOCKS_PARAMS(vst_params),
    P_INT(vst_params, read_ahead, "4", "0", "1024",
          "Blocks fetched ahead of each sequential reader.", "ASSUMED(as lfs)"),
    P_KIND(vst_params, read_ahead_policy, "neighbour", file_read_aheads,
           "After which reads blocks are fetched ahead."),
    P_SIZE(vst_params, max_io, "1MiB", "512B", "256MiB",
           "Largest device request: blocks, or nodes, that lie in a row go together up to it.",
           "ASSUMED(no published limit)"),
    P_TIME(vst_params, flush_delay, "1s", "1us", "1h",
           "What was changed is committed at the latest so long after.", "ASSUMED(as lfs)"),
    P_END,
};

const struct counter vst_counters[] = {
    C_SUM(vst, counts, copied_bytes, "B", "Bytes copied to or from buffers."),
    C_SUM(vst, counts, device_reads, "1", "Requests to the device that read."),
    C_SUM(vst, counts, device_writes, "1", "Requests to the device that wrote."),
    C_SUM(vst, counts, buffer_hits, "1", "Pieces of reads that a buffer had."),
    COUNTER(COUNTER_SUM, "buffer_misses", vst, store.counts.fetched, "1",
            "Blocks that had to be read into a buffer."),
    C_SUM(vst, counts, blocks_copied, "1",
          "Blocks that were changed in another place, for a version names the old one."),
    C_SUM(vst, counts, nodes_written, "1", "Nodes of block lists that commits wrote."),
    C_SUM(vst, counts, commits, "1", "Records of objects written."),
    C_SUM(vst, counts, checkpoints, "1", "Checkpoints made."),
    C_SUM(vst, counts, rollbacks, "1", "Returns to a checkpoint."),
    C_END,
};

struct todo {
    struct vst_node *n;
    struct vst_file *f;
    uint32_t at;
};

struct mounting {
    struct port_io io;
    struct port_blk_info info;
    struct vst_super super;
    struct vst *vs;
    void (*next)(struct mounting *m); /* once the device has answered */
    bool format;
    uint32_t place;             /* records read */
    struct todo *level, *below; /* nodes to be read */
    uint32_t level_count, level_next, below_count, below_room;
    uint32_t reading;        /* records or nodes, by the request under way */
    struct vst_node **nodes; /* by place, those that some version names */
    uint32_t *owner;         /* of a block: slot + 1 */
    vst_mounted_fn *done;
    void *arg;
};

static void (*const steps[FILE_OP_COUNT])(struct vst_op *) = {
    [FILE_READ] = vst_step_read,
    [FILE_WRITE] = vst_step_write,
    [FILE_SIZE] = vst_step_size,
    [FILE_FLUSH] = vst_step_flush,
    [FILE_CREATE] = vst_step_name,
    [FILE_REMOVE] = vst_step_remove,
    [FILE_RENAME] = vst_step_name,
    [FILE_LOOKUP] = vst_step_name,
    [FILE_STAT] = vst_step_stat,
    [FILE_CHANGE] = vst_step_change,
    [FILE_LIST] = vst_step_name,
    [FILE_HINT] = vst_step_hint,
    [FILE_CHECKPOINT] = vst_step_checkpoint,
    [FILE_ROLLBACK] = vst_step_rollback,
};

static struct vst *store_new(struct port *p, const struct vst_params *params)
{
    struct vst *vs = port_alloc(p, sizeof *vs);
    vs->sys = (struct file_sys){ .ops = &file_vesta_store, .port = p };
    vs->port = p;
    vs->steps = steps;
    vs->dev = (uint32_t)params->device;
    vs->params = *params;
    vst_buf_init(vs);
    vst_run_init(vs);
    return vs;
}

static void sized(struct mounting *m)
{
    struct vst *vs = m->vs;
    const struct vst_super *s = &m->super;
    vs->super = *s;
    vs->sector_bytes = m->info.sector_bytes;
    vs->volatile_writes = m->info.volatile_writes;
    vs->block_sectors = s->block / vs->sector_bytes;
    vs->record_sectors = vst_record_sectors(vs->sector_bytes);
    vs->node_sector = vst_node_sector(s, vs->sector_bytes);
    vs->first_data = vst_first_data(s, vs->sector_bytes);
    vs->max_io_blocks = vs->params.max_io > s->block ? (uint32_t)(vs->params.max_io / s->block) : 1;
    vst_buf_sized(vs);
    vs->max_io_nodes = (uint32_t)(vs->params.max_io / vs->sector_bytes);
    vs->files = port_alloc(vs->port, s->objects * sizeof(struct vst_file *));
    vs->names = port_alloc(vs->port, s->objects * sizeof *vs->names);
    for (uint32_t i = 0; i < s->objects; i++)
        list_init(&vs->names[i]);
    vs->block_refs = port_alloc(vs->port, s->blocks);
    vs->node_refs = port_alloc(vs->port, s->nodes + 1);
    vs->free_blocks = s->blocks - vs->first_data;
    vs->free_nodes = s->nodes;
    vs->next_node = 1;
    port_counters(vs->port, "vesta_store", vst_counters, vs);
}

static void finish(struct mounting *m, enum file_status status)
{
    struct vst *vs = m->vs;
    struct port *p = vs->port;
    vst_mounted_fn *done = m->done;
    void *arg = m->arg;
    rope_fini(&m->io.data);
    port_free(p, m->level);
    port_free(p, m->below);
    port_free(p, m->nodes);
    port_free(p, m->owner);
    port_free(p, m);
    if (status != FILE_OK)
        port_remark(p, "node %u: its Vesta store does not mount: %s", port_node(p),
                    file_status_name(status));
    if (done != NULL)
        done(arg, status);
    vst_opened(vs, status);
}

static void step(struct mounting *m, enum port_io_op op, uint64_t sector, uint64_t sectors,
                 void (*next)(struct mounting *m))
{
    m->io.op = op;
    m->io.sector = sector;
    m->io.sectors = (uint32_t)sectors;
    m->io.opaque[0] = 0;
    m->next = next;
    port_work(m->vs->port, PORT_WORK_IO, 1);
    port_blk_submit(m->vs->port, m->vs->dev, &m->io);
}

static void io_done(struct port_io *io)
{
    struct mounting *m = io->arg;
    if (io->status != PORT_IO_OK)
        finish(m, FILE_IO_ERROR);
    else
        m->next(m);
}

/* ---- format ---- */

static bool sizes_fit(const struct vst_super *s, const struct port_blk_info *info)
{
    uint32_t sector = info->sector_bytes;
    return sector >= VST_NODE_BYTES && s->block % sector == 0 && s->nodes > 0 &&
           s->blocks <= info->sectors / (s->block / sector) &&
           vst_first_data(s, sector) < s->blocks;
}

static void mounted(struct mounting *m)
{
    finish(m, FILE_OK);
}

static void formatted(struct mounting *m)
{
    sized(m);
    m->vs->written = 1; /* the superblock */
    finish(m, FILE_OK);
}

static void format(struct mounting *m)
{
    const struct vst_params *p = &m->vs->params;
    uint8_t image[VST_SUPER_BYTES];
    uint64_t blocks = m->info.sectors * m->info.sector_bytes / (uint64_t)p->block;
    m->super =
        (struct vst_super){ .fsid = port_random(m->vs->port) | 1,
                            .block = (uint32_t)p->block,
                            .objects = (uint32_t)p->objects,
                            .blocks = blocks < UINT32_MAX ? (uint32_t)blocks : UINT32_MAX - 1 };
    m->super.nodes = m->super.blocks / 2 + 4 * m->super.objects;
    if (!sizes_fit(&m->super, &m->info)) {
        finish(m, FILE_BAD_DEVICE);
        return;
    }
    vst_super_store(image, &m->super);
    rope_fini(&m->io.data);
    rope_add_bytes(&m->io.data, image, sizeof image);
    rope_add_zero(&m->io.data, m->info.sector_bytes - sizeof image);
    step(m, PORT_IO_WRITE, 0, 1, formatted);
}

/* ---- mount ---- */

static void todo_add(struct mounting *m, struct todo x)
{
    if (m->below_count == m->below_room) {
        m->below_room = m->below_room == 0 ? 64 : 2 * m->below_room;
        m->below = port_realloc(m->vs->port, m->below, m->below_room * sizeof *m->below);
    }
    m->below[m->below_count++] = x;
}

/* The node that a version (of any level: VST_LEVELS) or another node names; NULL: it cannot be that
 * one's. */
static struct vst_node *name_node(struct mounting *m, struct vst_file *f, uint32_t at,
                                  uint8_t level)
{
    struct vst *vs = m->vs;
    if (at > vs->super.nodes)
        return NULL;
    struct vst_node *n = m->nodes[at];
    if (n != NULL) {
        n->level = n->level == VST_LEVELS ? level : n->level; /* it is not read yet */
        vs->node_refs[at]++;
        return (level == VST_LEVELS || n->level == level) && vs->node_refs[at] <= VST_KEPT + 2
                   ? n
                   : NULL;
    }
    n = vst_node_new(vs, at, level);
    n->stored = true;
    m->nodes[at] = n;
    todo_add(m, (struct todo){ .n = n, .f = f, .at = at });
    return n;
}

static bool name_block(struct mounting *m, const struct vst_file *f, uint32_t dev)
{
    struct vst *vs = m->vs;
    if (dev < vs->first_data || dev >= vs->super.blocks)
        return false;
    if (vs->block_refs[dev]++ == 0) {
        m->owner[dev] = f->slot + 1;
        vs->free_blocks--;
    }
    return m->owner[dev] == f->slot + 1 && vs->block_refs[dev] <= VST_KEPT + 2;
}

static bool load_node(struct mounting *m, const struct todo *t, const uint8_t *bytes)
{
    struct vst_image x;
    port_work(m->vs->port, PORT_WORK_CHECKSUM, VST_NODE_BYTES);
    if (!vst_node_load(bytes, m->vs->super.fsid, &x) || x.owner != vst_handle(t->f) ||
        (t->n->level != VST_LEVELS && x.level != t->n->level))
        return false;
    t->n->level = (uint8_t)x.level;
    for (uint32_t i = 0; i < VST_FAN; i++) {
        if (x.at[i] == 0)
            continue;
        if (x.level == 0 && !name_block(m, t->f, x.at[i]))
            return false;
        if (x.level == 0)
            t->n->dev[i] = x.at[i];
        else if ((t->n->kid[i] = name_node(m, t->f, x.at[i], (uint8_t)(x.level - 1))) == NULL)
            return false;
    }
    return true;
}

/* All are read: names, and what a rename has left to do. */
static void link_names(struct mounting *m)
{
    struct vst *vs = m->vs;
    for (uint32_t i = 0; i < vs->super.objects; i++) {
        const struct vst_file *f = vs->files[i];
        if (f != NULL && f->used && vst_by_handle(vs, f->replaces) != NULL)
            vst_by_handle(vs, f->replaces)->creating = true; /* hidden until it is removed */
    }
    for (uint32_t i = 0; i < vs->super.objects; i++) {
        struct vst_file *f = vs->files[i];
        if (f == NULL || !f->used)
            continue;
        f->parent = f->in == FILE_ROOT ? NULL : vst_by_handle(vs, f->in);
        if (f->parent != NULL)
            f->parent->kids++;
        bool lost = f->in != FILE_ROOT && (f->parent == NULL || !(f->parent->mode & FILE_MODE_DIR));
        if (lost || (!f->creating && !vst_name_add(f))) {
            finish(m, FILE_CORRUPT);
            return;
        }
        if (f->creating)
            vst_internal(vs, FILE_REMOVE, vst_handle(f), NULL);
        f->creating = false;
    }
    if (vs->volatile_writes) /* what was read is on the medium before anything is built on it */
        step(m, PORT_IO_FLUSH, 0, 0, mounted);
    else
        finish(m, FILE_OK);
}

static int by_place(const void *a, const void *b)
{
    const struct todo *x = a, *y = b;
    return (x->at > y->at) - (x->at < y->at);
}

static void read_nodes(struct mounting *m);

static void nodes_read(struct mounting *m)
{
    uint8_t bytes[VST_NODE_BYTES];
    bool good = true;
    for (uint32_t i = 0; i < m->reading && good; i++) {
        rope_read(&m->io.data, (uint64_t)i * m->vs->sector_bytes, sizeof bytes, bytes);
        good = load_node(m, &m->level[m->level_next + i], bytes);
    }
    rope_fini(&m->io.data);
    m->level_next += m->reading;
    if (good)
        read_nodes(m);
    else
        finish(m, FILE_CORRUPT);
}

/* The nodes of a level that lie in a row, then those of the level below. */
static void read_nodes(struct mounting *m)
{
    struct vst *vs = m->vs;
    if (m->level_next == m->level_count) {
        port_free(vs->port, m->level);
        m->level = m->below;
        m->level_count = m->below_count;
        m->level_next = m->below_count = m->below_room = 0;
        m->below = NULL;
        if (m->level_count > 0)
            qsort(m->level, m->level_count, sizeof *m->level, by_place);
    }
    if (m->level_count == 0) {
        link_names(m);
        return;
    }
    const struct todo *t = &m->level[m->level_next];
    uint32_t n = 1, left = m->level_count - m->level_next;
    while (n < left && n < vs->max_io_nodes && t[n].at == t->at + n)
        n++;
    m->reading = n;
    step(m, PORT_IO_READ, vs->node_sector + t->at - 1, n, nodes_read);
}

static void load_record(struct vst *vs, uint32_t slot, const uint8_t *bytes)
{
    struct vst_record r;
    struct vst_file *f = vs->files[slot];
    port_work(vs->port, PORT_WORK_CHECKSUM, VST_RECORD_BYTES);
    if (!vst_record_load(bytes, vs->super.fsid, &r) || r.slot != slot ||
        (f != NULL && r.sequence <= f->sequence))
        return;
    f = f != NULL ? f : vst_file_new(vs, slot);
    f->sequence = r.sequence;
    f->generation = r.generation;
    f->kept.id = vst_handle(f);
    f->used = r.used;
    f->replaces = r.replaces;
    f->in = r.parent;
    f->mode = r.mode;
    f->uid = r.uid;
    f->gid = r.gid;
    f->mtime = r.mtime;
    f->ctime = r.ctime;
    memcpy(f->name, r.name, sizeof f->name);
    memcpy(f->owner, r.owner, sizeof f->owner);
    for (uint32_t i = 0; i <= VST_KEPT; i++) {
        f->version[i].number = r.version[i].number;
        f->version[i].size = r.version[i].size;
        f->roots[i] = r.version[i].root;
    }
}

static bool name_roots(struct mounting *m)
{
    struct vst *vs = m->vs;
    for (uint32_t i = 0; i < vs->super.objects; i++) {
        struct vst_file *f = vs->files[i];
        for (uint32_t k = 0; f != NULL && f->used && k <= VST_KEPT; k++)
            if (f->roots[k] != 0 &&
                (f->version[k].root = name_node(m, f, f->roots[k], VST_LEVELS)) == NULL)
                return false;
    }
    return true;
}

static void read_table(struct mounting *m);

static void table_read(struct mounting *m)
{
    struct vst *vs = m->vs;
    uint8_t bytes[VST_RECORD_BYTES];
    uint64_t size = (uint64_t)vs->record_sectors * vs->sector_bytes;
    for (uint32_t i = 0; i < m->reading; i++) {
        rope_read(&m->io.data, i * size, sizeof bytes, bytes);
        load_record(vs, (m->place + i) / 2, bytes);
    }
    rope_fini(&m->io.data);
    m->place += m->reading;
    if (m->place < 2 * vs->super.objects)
        read_table(m);
    else if (name_roots(m))
        read_nodes(m);
    else
        finish(m, FILE_CORRUPT);
}

static void read_table(struct mounting *m)
{
    const struct vst *vs = m->vs;
    uint64_t size = (uint64_t)vs->record_sectors * vs->sector_bytes;
    uint64_t most = (uint64_t)vs->params.max_io / size, left = 2 * vs->super.objects - m->place;
    most = most > 0 ? most : 1;
    m->reading = (uint32_t)(left < most ? left : most);
    step(m, PORT_IO_READ, 1 + (uint64_t)m->place * vs->record_sectors,
         (uint64_t)m->reading * vs->record_sectors, table_read);
}

static void super_read(struct mounting *m)
{
    static const uint8_t blank[VST_SUPER_BYTES];
    uint8_t image[VST_SUPER_BYTES];
    rope_read(&m->io.data, 0, sizeof image, image);
    rope_fini(&m->io.data);
    if (m->format || memcmp(image, blank, sizeof image) == 0) {
        format(m);
    } else if (!vst_super_load(image, &m->super) || !sizes_fit(&m->super, &m->info)) {
        finish(m, FILE_CORRUPT);
    } else {
        sized(m);
        m->nodes = port_alloc(m->vs->port, (m->super.nodes + 1) * sizeof(struct vst_node *));
        m->owner = port_alloc(m->vs->port, m->super.blocks * sizeof *m->owner);
        read_table(m);
    }
}

struct vst *vst_start(struct port *p, const struct vst_params *params, bool format,
                      vst_mounted_fn *done, void *arg)
{
    struct vst *vs = store_new(p, params);
    struct mounting *m = port_alloc(p, sizeof *m);
    m->vs = vs;
    m->format = format;
    m->done = done;
    m->arg = arg;
    m->io.arg = m;
    m->io.done = io_done;
    rope_init(&m->io.data);
    if (vs->dev < port_blk_count(p))
        port_blk_describe(p, vs->dev, &m->info);
    if (m->info.sector_bytes < VST_NODE_BYTES)
        finish(m, FILE_BAD_DEVICE);
    else
        step(m, PORT_IO_READ, 0, 1, super_read);
    return vs;
}

/* ---- as a layer ---- */

/* A device has one file system, whoever starts it: where the node keeps it.  NULL: there is no such
 * device. */
static struct file_sys **on_device(struct os_node *n, const struct vst_params *p)
{
    if (p->device >= port_blk_count(n->port))
        return NULL;
    if (n->on_device == NULL)
        n->on_device = port_alloc(n->port, port_blk_count(n->port) * sizeof(struct file_sys *));
    return &n->on_device[p->device];
}

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    struct os_node *n = b->node;
    struct vst_params p = *(const struct vst_params *)params;
    struct file_sys *none = NULL, **at = on_device(n, &p);
    (void)below;
    if (n->boot->files > p.objects)
        p.objects = n->boot->files;
    at = at != NULL ? at : &none;
    if (*at == NULL)
        *at = vst_files(vst_start(n->port, &p, false, NULL, NULL));
    return *at;
}

static void look(const struct file_boot *b, const void *params)
{
    struct file_sys **at = on_device(b->node, params);
    if (at == NULL || *at != NULL)
        return;
    *at = port_alloc(b->node->port, sizeof **at); /* it is looked at once */
    vst_look(b->node->port, params);
}

static void submit(struct file_sys *s, struct file_req *r)
{
    vst_begin(CONTAINER_OF(s, struct vst, sys), r);
}

static int64_t device(const void *params)
{
    return ((const struct vst_params *)params)->device;
}

const struct file_ops file_vesta_store = {
    .kind = { .name = "vesta_store",
              .doc = "The bottom: Vesta's objects with checkpoints, on a device of the node, "
                     "formatted where it is blank.",
              .params = vst_params_desc,
              .params_size = sizeof(struct vst_params) },
    .bottom = true,
    .device = device,
    .start = start,
    .submit = submit,
    .look = look,
};

struct file_sys *vst_files(struct vst *vs)
{
    return &vs->sys;
}

/* ---- reports ---- */

void vst_usage(const struct vst *vs, struct vst_usage *out)
{
    *out = (struct vst_usage){ .block = vs->super.block,
                               .blocks = vs->super.blocks - vs->first_data,
                               .free_blocks = vs->free_blocks,
                               .nodes = vs->super.nodes,
                               .free_nodes = vs->free_nodes };
    for (uint32_t i = 0; i < vs->super.objects; i++)
        out->objects += vs->files[i] != NULL && vs->files[i]->used;
}

struct tally {
    uint8_t *blocks, *nodes;
};

/* One more names the node: what is below it counts with its first. */
static void tally_node(struct tally *t, const struct vst_node *n)
{
    if (n == NULL || t->nodes[n->at]++ > 0)
        return;
    for (uint32_t i = 0; i < VST_FAN; i++)
        if (n->level > 0)
            tally_node(t, n->kid[i]);
        else if (n->dev[i] != 0)
            t->blocks[n->dev[i]]++;
}

static bool same(const uint8_t *refs, const uint8_t *seen, uint32_t from, uint32_t to,
                 uint32_t free, const char *what, struct err *e)
{
    uint32_t idle = 0;
    for (uint32_t i = from; i < to; i++) {
        idle += refs[i] == 0;
        if (refs[i] != seen[i])
            return err_set(e, "%s %u has %u references, not %u (VSOI1)", what, i, refs[i], seen[i]);
    }
    return idle == free || err_set(e, "%u %ss are free, not %u (VSO3)", idle, what, free);
}

bool vst_check(const struct vst *vs, struct err *e)
{
    struct tally t = { port_alloc(vs->port, vs->super.blocks),
                       port_alloc(vs->port, vs->super.nodes + 1) };
    uint32_t dirty = 0;
    for (uint32_t i = 0; i < vs->super.objects; i++) {
        const struct vst_file *f = vs->files[i];
        if (f == NULL)
            continue;
        for (uint32_t k = 0; k <= VST_KEPT; k++)
            tally_node(&t, f->version[k].root);
        for (uint32_t k = 0; k < f->limbo_count; k++)
            (f->limbo[k].node ? t.nodes : t.blocks)[f->limbo[k].at]++;
        dirty += f->kept.dirty;
    }
    bool good = same(vs->block_refs, t.blocks, vs->first_data, vs->super.blocks, vs->free_blocks,
                     "block", e) &&
                same(vs->node_refs, t.nodes, 1, vs->super.nodes + 1, vs->free_nodes, "node", e);
    port_free(vs->port, t.blocks);
    port_free(vs->port, t.nodes);
    return good && blocks_check(&vs->store, dirty, e);
}
