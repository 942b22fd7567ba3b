/* fake_tape.c: tape drives of the fake: an array of blocks and marks.
 *
 * A request takes disk_time, and tape_step for each block between it and where the tape stands.
 * With disk_cache what no flush has covered is gone with its node; in other orders than
 * FAKE_IN_ORDER a beginning of it may stay.
 */
#include "tests/fake/fake_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct rope *blocks_new(const struct fake *f)
{
    struct rope *blocks = base_zalloc(f->o.tape_blocks, sizeof *blocks);
    for (uint64_t i = 0; i < f->o.tape_blocks; i++)
        rope_init(&blocks[i]);
    return blocks;
}

static void blocks_free(const struct fake *f, struct rope *blocks)
{
    for (uint64_t i = 0; i < f->o.tape_blocks; i++)
        rope_fini(&blocks[i]);
    free(blocks);
}

void fake_tape_make(struct fake *f, struct fake_tape *t)
{
    t->blocks = blocks_new(f);
    snprintf(t->label, sizeof t->label, "FAKETAPE");
}

void fake_tape_free(struct fake *f, struct fake_tape *t)
{
    blocks_free(f, t->blocks);
}

void fake_media_free(struct fake *f)
{
    while (!list_empty(&f->media)) {
        struct fake_medium *m = LIST_ENTRY(list_pop(&f->media), struct fake_medium, link);
        blocks_free(f, m->blocks);
        free(m);
    }
}

uint64_t fake_tape_load(struct fake *f, uint32_t node, uint32_t dev, const char *label)
{
    struct fake_tape *t = &f->nodes[node].tapes[dev - f->o.disks];
    if (strcmp(t->label, label) == 0)
        return t->count;
    if (t->label[0] != '\0') {
        struct fake_medium *out = base_zalloc(1, sizeof *out);
        memcpy(out->label, t->label, sizeof out->label);
        out->blocks = t->blocks;
        out->count = t->count;
        list_push(&f->media, &out->link);
    } else {
        blocks_free(f, t->blocks);
    }
    t->blocks = NULL;
    t->count = t->safe = t->at = 0;
    snprintf(t->label, sizeof t->label, "%s", label);
    LIST_EACH_SAFE (l, next, &f->media) {
        struct fake_medium *m = LIST_ENTRY(l, struct fake_medium, link);
        if (strcmp(m->label, label) != 0)
            continue;
        t->blocks = m->blocks;
        t->count = t->safe = m->count;
        list_remove(l);
        free(m);
        return t->count;
    }
    t->blocks = blocks_new(f);
    return 0;
}

void fake_tape_fill(struct fake *f, uint32_t node, uint32_t dev, uint32_t blocks, uint64_t bytes,
                    uint64_t seed)
{
    struct fake_tape *t = &f->nodes[node].tapes[dev - f->o.disks];
    for (uint32_t i = 0; i < blocks && t->count < f->o.tape_blocks; i++)
        rope_add_pattern(&t->blocks[t->count++], seed, i * bytes, bytes);
    t->safe = t->count;
}

void fake_tape_describe(const struct fake *f, const struct fake_tape *t, struct port_blk_info *out)
{
    snprintf(out->name, sizeof out->name, "tape");
    out->sectors = f->o.tape_blocks * f->o.tape_largest;
    out->sector_bytes = out->best_sectors = 1;
    out->volatile_writes = f->o.disk_cache;
    out->sequential = true;
    out->largest = f->o.tape_largest;
    memcpy(out->medium, t->label, sizeof out->medium);
    out->at = t->at;
}

sim_time fake_tape_time(const struct fake *f, const struct fake_tape *t, const struct port_io *io)
{
    if (io->op == PORT_IO_FLUSH)
        return 0;
    return (sim_time)(t->at > io->sector ? t->at - io->sector : io->sector - t->at) *
           f->o.tape_step;
}

static void cut(struct fake_tape *t, uint64_t n)
{
    while (t->count > n)
        rope_fini(&t->blocks[--t->count]);
    t->safe = t->safe < n ? t->safe : n;
}

static void end_at(struct port_io *io, enum port_io_end end)
{
    io->status = PORT_IO_END;
    io->end = end;
}

static void put(struct fake *f, struct fake_tape *t, struct port_io *io)
{
    if (io->sector > t->count) {
        end_at(io, PORT_END_DATA);
        return;
    }
    if (io->op != PORT_IO_ERASE && io->sector >= f->o.tape_blocks) {
        end_at(io, PORT_END_MEDIUM);
        return;
    }
    cut(t, io->sector);
    t->at = io->sector;
    if (io->op == PORT_IO_ERASE)
        return;
    if (io->op == PORT_IO_WRITE) {
        rope_copy(&t->blocks[t->count], &io->data);
        io->moved = io->data.length;
    }
    t->at = ++t->count;
    if (io->op == PORT_IO_MARK || !f->o.disk_cache)
        t->safe = t->count;
}

void fake_tape_apply(struct fake *f, struct fake_tape *t, struct port_io *io)
{
    io->status = t->label[0] == '\0' ? PORT_IO_NO_MEDIUM : PORT_IO_OK;
    io->end = PORT_END_NONE;
    io->moved = 0;
    if (io->op == PORT_IO_READ)
        rope_fini(&io->data);
    if (io->status != PORT_IO_OK)
        return;
    switch (io->op) {
    case PORT_IO_READ:
        t->at = io->sector < t->count ? io->sector + 1 : t->count;
        t->safe = t->count;
        if (io->sector >= t->count) {
            end_at(io, PORT_END_DATA);
        } else if (t->blocks[io->sector].length == 0) {
            end_at(io, PORT_END_MARK);
        } else {
            rope_copy(&io->data, &t->blocks[io->sector]);
            io->moved = io->data.length;
        }
        break;
    case PORT_IO_FLUSH:
        t->safe = t->count;
        break;
    case PORT_IO_LOCATE:
        t->safe = t->count;
        io->moved = t->at = io->sector < t->count ? io->sector : t->count;
        if (io->sector > t->count)
            end_at(io, PORT_END_DATA);
        break;
    case PORT_IO_WRITE:
    case PORT_IO_MARK:
    case PORT_IO_ERASE:
        put(f, t, io);
        break;
    }
}

void fake_tape_power_off(struct fake *f, struct fake_tape *t)
{
    uint64_t more = t->count - t->safe;
    if (f->o.disk_cache && more > 0) {
        uint32_t stays =
            f->o.order == FAKE_IN_ORDER ? 0 : fake_choose(f, (uint32_t)(more < 3 ? more : 3) + 1);
        cut(t, t->safe + stays);
    }
    t->safe = t->count;
    t->at = 0;
}
