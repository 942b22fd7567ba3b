/* store_fsck.c: looks at a store from outside: superblock, records and trees, as they lie there.
 *
 * It shares no code with the mount and reads the format that store_disk.c draws by itself.  One
 * record of an object that is not whole is what a crash leaves (the other counts); both are damage,
 * but for an object that never was.
 */
#include "os/vesta/store_internal.h"

#include <stdio.h>
#include <string.h>

enum { SUPER = 64, RECORD = 256, NODE = 96, LEVELS = 8, ANY = 99 };

struct object {
    const uint8_t *record; /* the newest whole one, or NULL */
    uint64_t handle;
    bool used, gone; /* gone: a rename has replaced it */
};

struct place {      /* who names a node or block, and for which block of the object */
    uint32_t owner; /* slot + 1; 0: nobody */
    uint32_t first;
};

struct fsck {
    struct port *port;
    const uint8_t *image;
    uint64_t fsid;
    uint32_t block, objects, nodes, blocks, sector, record, first_data;
    uint64_t table, area, end; /* bytes before the object table, the nodes, and what is behind */
    struct object *obj;
    struct place *node, *data;
    uint32_t slot; /* being looked at */
    vst_found_fn *found;
    void *arg;
    uint32_t count, nodes_named, blocks_named;
};

static void find(struct fsck *k, enum vst_damage what, const char *text)
{
    char line[128];
    (void)snprintf(line, sizeof line, "object %u: %s", k->slot, text);
    k->count++;
    k->found(k->arg, what, line);
}

static bool whole(const uint8_t *b, size_t n, size_t field, const char *magic)
{
    uint64_t h = 0xcbf29ce484222325u;
    for (size_t i = 0; i < n; i++)
        h = (h ^ (i >= field && i < field + 8 ? 0 : b[i])) * 0x100000001b3u;
    return memcmp(b, magic, 4) == 0 && wire_get64(b + field) == h;
}

static bool look_at_super(struct fsck *k, uint64_t bytes)
{
    const uint8_t *b = k->image;
    if (bytes < SUPER || !whole(b, SUPER, 56, "PSVS") || wire_get32(b + 4) != 1)
        return false;
    k->fsid = wire_get64(b + 8);
    k->block = wire_get32(b + 16);
    k->objects = wire_get32(b + 20);
    k->nodes = wire_get32(b + 24);
    k->blocks = wire_get32(b + 28);
    k->record = (RECORD + k->sector - 1) / k->sector * k->sector;
    k->table = k->sector;
    k->area = k->table + 2 * (uint64_t)k->objects * k->record;
    uint64_t end = k->area + (uint64_t)k->nodes * k->sector;
    k->first_data = k->block > 0 ? (uint32_t)((end + k->block - 1) / k->block) : 0;
    k->end = end;
    return k->block > 0 && k->first_data < k->blocks;
}

static void look_at_records(struct fsck *k)
{
    static const uint8_t blank[RECORD];
    for (k->slot = 0; k->slot < k->objects; k->slot++) {
        struct object *x = &k->obj[k->slot];
        uint32_t broken = 0;
        for (uint32_t i = 0; i < 2; i++) {
            const uint8_t *b = k->image + k->table + (2 * (uint64_t)k->slot + i) * k->record;
            bool good = whole(b, RECORD, 8, "PSVR"), mine = wire_get64(b + 16) == k->fsid;
            if (good && mine && wire_get32(b + 4) != k->slot)
                find(k, VST_BAD_RECORD, "a record is another object's");
            else if (good && mine &&
                     (x->record == NULL || wire_get64(b + 24) > wire_get64(x->record + 24)))
                x->record = b;
            broken += !good && memcmp(b, blank, RECORD) != 0;
        }
        if (x->record == NULL && broken == 2)
            find(k, VST_BAD_RECORD, "no record of it is whole");
        x->used = x->record != NULL && wire_get32(x->record + 52) != 0;
        if (x->used)
            x->handle = (uint64_t)wire_get32(x->record + 32) << 32 | k->slot;
    }
}

/* The place is this object's, for block `first` of it. */
static void claim(struct fsck *k, struct place *p, uint32_t first, uint32_t *named,
                  const char *text)
{
    if (p->owner == 0) {
        *p = (struct place){ k->slot + 1, first };
        (*named)++;
    }
    if (p->owner != k->slot + 1 || p->first != first)
        find(k, VST_SHARED, text);
}

/* Looks at each of its blocks for each version: the sizes differ. */
static void look_at_node(struct fsck *k, uint32_t at, uint32_t level, uint64_t first,
                         uint64_t blocks)
{
    if (at > k->nodes) {
        find(k, VST_OUTSIDE, "a node lies outside of their area");
        return;
    }
    const uint8_t *b = k->image + k->area + (uint64_t)(at - 1) * k->sector;
    uint32_t its = wire_get32(b + 4);
    if (!whole(b, NODE, 8, "PSVN") || wire_get64(b + 16) != k->fsid || its >= LEVELS ||
        wire_get64(b + 24) != k->obj[k->slot].handle || (level != ANY && its != level)) {
        find(k, VST_BAD_NODE, "a node of it is none");
        return;
    }
    claim(k, &k->node[at], (uint32_t)first, &k->nodes_named, "a node is named twice");
    for (uint32_t i = 0; i < VST_FAN; i++) {
        uint32_t x = wire_get32(b + 32 + 4 * (size_t)i);
        uint64_t blk = first + ((uint64_t)i << (4 * its));
        if (x == 0)
            continue;
        if (blk >= blocks)
            find(k, VST_BAD_SIZE, "a block lies behind the end");
        else if (its > 0)
            look_at_node(k, x, its - 1, blk, blocks);
        else if (x < k->first_data || x >= k->blocks)
            find(k, VST_OUTSIDE, "a block lies outside of the data");
        else
            claim(k, &k->data[x], (uint32_t)blk, &k->blocks_named, "a block is named twice");
    }
}

static uint64_t parent_of(const struct fsck *k, uint32_t slot)
{
    return wire_get64(k->obj[slot].record + 248);
}

static void look_at_name(struct fsck *k)
{
    const uint8_t *name = k->obj[k->slot].record + 152;
    if (name[0] == 0 || name[FILE_NAME_MAX] != 0)
        find(k, VST_BAD_NAME, "its name is none");
    for (uint32_t i = 0; i < k->slot; i++)
        if (k->obj[i].used && !k->obj[i].gone && parent_of(k, i) == parent_of(k, k->slot) &&
            memcmp(k->obj[i].record + 152, name, FILE_NAME_MAX + 1) == 0)
            find(k, VST_BAD_NAME, "its name is another's");
    uint64_t up = parent_of(k, k->slot);
    for (uint32_t i = 0; up != FILE_ROOT; i++) {
        uint32_t slot = (uint32_t)up;
        if (slot >= k->objects || !k->obj[slot].used || k->obj[slot].handle != up ||
            !(wire_get32(k->obj[slot].record + 40) & FILE_MODE_DIR) || i > k->objects) {
            find(k, VST_BAD_NAME, "its directory is not there, or lies in itself");
            return;
        }
        up = parent_of(k, slot);
    }
}

static void look_at_objects(struct fsck *k)
{
    for (uint32_t i = 0; i < k->objects; i++)
        for (uint32_t t = 0; k->obj[i].used && t < k->objects; t++)
            if (k->obj[t].used && wire_get64(k->obj[i].record + 72) == k->obj[t].handle)
                k->obj[t].gone = true;
    for (k->slot = 0; k->slot < k->objects; k->slot++) {
        const struct object *x = &k->obj[k->slot];
        if (!x->used)
            continue;
        if (!x->gone)
            look_at_name(k);
        for (uint32_t i = 0; i <= VST_KEPT; i++) {
            const uint8_t *v = x->record + 80 + 24 * (size_t)i;
            uint64_t size = wire_get64(v + 8), blocks = size / k->block + (size % k->block > 0);
            if (wire_get32(v + 16) != 0)
                look_at_node(k, wire_get32(v + 16), ANY, 0, blocks);
        }
    }
}

uint32_t vst_fsck(struct port *p, const uint8_t *image, uint64_t bytes, uint32_t sector,
                  vst_found_fn *found, void *arg, uint32_t *blocks, uint32_t *nodes)
{
    struct fsck k = { .port = p, .image = image, .sector = sector, .found = found, .arg = arg };
    if (!look_at_super(&k, bytes) || bytes < k.end) {
        found(arg, VST_BAD_SUPER, "there is no superblock of a store");
        return 1;
    }
    k.obj = port_alloc(p, k.objects * sizeof *k.obj);
    k.node = port_alloc(p, (k.nodes + 1) * sizeof *k.node);
    k.data = port_alloc(p, k.blocks * sizeof *k.data);
    look_at_records(&k);
    look_at_objects(&k);
    port_free(p, k.obj);
    port_free(p, k.node);
    port_free(p, k.data);
    if (blocks != NULL)
        *blocks = k.blocks_named;
    if (nodes != NULL)
        *nodes = k.nodes_named;
    return k.count;
}

/* ---- on a device ---- */

struct looking {
    struct port_io io;
    struct port *port;
    uint32_t dev, most; /* sectors of a request */
    uint32_t sector;    /* bytes */
    uint64_t end;       /* sectors before the data; 0: not known yet */
    uint8_t *image;
};

static void damage(void *arg, enum vst_damage what, const char *text)
{
    const struct looking *x = arg;
    (void)what;
    port_remark(x->port, "device %u: %s", x->dev, text);
    port_fail(x->port, "device %u: %s", x->dev, text);
}

static void read_more(struct looking *x)
{
    uint64_t left = x->end - x->io.sector;
    x->io.sectors = (uint32_t)(left < x->most ? left : x->most);
    port_blk_submit(x->port, x->dev, &x->io);
}

static void piece_read(struct port_io *io)
{
    struct looking *x = io->arg;
    struct fsck k = { .sector = x->sector };
    uint8_t first[SUPER] = { 0 };
    static const uint8_t blank[SUPER];
    if (io->status != PORT_IO_OK) {
        damage(x, VST_BAD_SUPER, "what lies before its data cannot be read");
        return;
    }
    if (x->image == NULL) {
        rope_read(&io->data, 0, sizeof first, first);
        if (memcmp(first, blank, sizeof blank) == 0)
            return; /* nobody has formatted it */
        k.image = first;
        if (!look_at_super(&k, SUPER)) {
            damage(x, VST_BAD_SUPER, "there is no superblock of a store");
            return;
        }
        x->end = k.end / x->sector;
        x->image = port_alloc(x->port, k.end);
    }
    rope_read(&io->data, 0, io->data.length, x->image + io->sector * x->sector);
    rope_fini(&io->data);
    io->sector += io->sectors;
    if (io->sector < x->end)
        read_more(x);
    else if (vst_fsck(x->port, x->image, x->end * x->sector, x->sector, damage, x, NULL, NULL) == 0)
        port_remark(x->port, "device %u: its store is whole", x->dev);
}

void vst_look(struct port *p, const struct vst_params *params)
{
    struct looking *x = port_alloc(p, sizeof *x);
    struct port_blk_info info;
    port_blk_describe(p, (uint32_t)params->device, &info);
    x->port = p;
    x->dev = (uint32_t)params->device;
    x->sector = info.sector_bytes;
    x->most = (uint32_t)(params->max_io / info.sector_bytes);
    x->end = 1;
    x->io.done = piece_read;
    x->io.arg = x;
    rope_init(&x->io.data);
    read_more(x);
}
