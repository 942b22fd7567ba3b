/* build_list.c: lists of devices, and the SCSI buses that they share. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disks/build.h"

#define COUNT_MAX 65536
#define BUSES_MAX 1024

struct named_bus {
    const char *name; /* of the specification */
    struct blk_bus_params params;
    struct scsi_bus *bus; /* NULL until the first device stands on it */
    uint32_t devices;
};

struct building {
    struct sim *sim;
    int32_t node;
    const char *prefix;
    struct named_bus *buses;
    size_t bus_count;
    struct blkdev ***devs;
    size_t *count;
};

static struct named_bus *add_bus(struct building *l, const char *name)
{
    l->buses = base_realloc(l->buses, (l->bus_count + 1) * sizeof *l->buses);
    struct named_bus *b = &l->buses[l->bus_count++];
    *b = (struct named_bus){ .name = name };
    return b;
}

static struct named_bus *find_bus(struct building *l, const char *name)
{
    for (size_t i = 0; i < l->bus_count; i++) {
        if (strcmp(l->buses[i].name, name) == 0)
            return &l->buses[i];
    }
    return NULL;
}

static bool is_bus(const struct val *spec)
{
    const struct val *kind = spec->type == VAL_TABLE ? val_get(spec, "kind") : NULL;
    return kind != NULL && kind->type == VAL_STRING && strcmp(kind->u.s, "bus") == 0;
}

static bool declare_bus(struct building *l, const struct val *spec, const char *path, struct err *e)
{
    struct blk_bus_params p;
    if (!param_load(blk_bus_params, &p, spec, path, e))
        return false;
    if (find_bus(l, p.name) != NULL)
        return err_set(e, "%s.name: there is a bus '%s' already", path, p.name);
    if (l->bus_count == BUSES_MAX)
        return err_set(e, "%s: more than %d buses", path, BUSES_MAX);
    add_bus(l, p.name)->params = p;
    return true;
}

/* Puts one drive on a bus, under the next id that the host adapter does not have. */
static bool stand(struct building *l, struct blkdev *d, const char *name, const char *path,
                  struct err *e)
{
    struct named_bus *b = find_bus(l, name);
    if (b == NULL) {
        b = add_bus(l, name);
        if (!param_load(scsi_params, &b->params.bus, NULL, path, e))
            return false;
    }
    const struct scsi_params *p = &b->params.bus;
    if (b->devices + 1 >= SCSI_IDS)
        return err_set(e, "%s.on: more than %d devices on bus '%s'", path, SCSI_IDS - 1, name);
    if (b->bus == NULL) {
        char *account = base_printf("%sbus %s", l->node < 0 ? "" : l->prefix, name);
        b->bus = scsi_create(l->sim, p, l->node, account);
        free(account);
    }
    uint32_t id = b->devices >= (uint32_t)p->host_id ? b->devices + 1 : b->devices;
    b->devices++;
    d->ops->attach(d, b->bus, id);
    return true;
}

/* Walks down to the drives of a device; `turn` counts those that stand already. */
static bool put_on(struct building *l, struct blkdev *d, const struct val *on, size_t *turn,
                   const char *path, struct err *e)
{
    if (d->ops->attach != NULL) {
        const struct val *name = on->type == VAL_LIST ? on->items[(*turn)++ % on->count] : on;
        return stand(l, d, name->u.s, path, e);
    }
    if (d->ops->member == NULL)
        return err_set(e, "%s.on: a %s cannot be on a SCSI bus", path, d->ops->name);
    struct blkdev *below;
    for (uint32_t i = 0; (below = d->ops->member(d, i)) != NULL; i++) {
        if (!put_on(l, below, on, turn, path, e))
            return false;
    }
    return true;
}

static bool check_on(const struct val *on, const char *path, struct err *e)
{
    bool good = on->type == VAL_STRING || (on->type == VAL_LIST && on->count > 0);
    for (size_t i = 0; good && on->type == VAL_LIST && i < on->count; i++)
        good = on->items[i]->type == VAL_STRING;
    return good || err_set(e, "%s.on: the name of a bus, or a list of names", path);
}

/* The specification without what the list itself reads. */
static struct val *bare(const struct val *spec)
{
    struct val *rest = val_new(VAL_TABLE, spec->file, spec->line);
    for (size_t i = 0; i < spec->count; i++) {
        const char *key = spec->items[i]->key;
        if (strcmp(key, "count") != 0 && strcmp(key, "on") != 0)
            val_put(rest, key, val_copy(spec->items[i]));
    }
    return rest;
}

static bool add_devices(struct building *l, const struct val *spec, const char *path, struct err *e)
{
    if (spec != NULL && spec->type != VAL_TABLE)
        return err_set(e, "%s: a device is a table { kind = ... }, not %s", path,
                       val_type_name(spec->type));
    const struct val *count = spec == NULL ? NULL : val_get(spec, "count");
    const struct val *on = spec == NULL ? NULL : val_get(spec, "on");
    if (count != NULL && (count->type != VAL_INT || count->u.i < 1 || count->u.i > COUNT_MAX))
        return err_set(e, "%s.count: must be a whole number from 1 to %d", path, COUNT_MAX);
    if (on != NULL && !check_on(on, path, e))
        return false;
    struct val *rest = spec == NULL ? NULL : bare(spec);
    size_t n = count == NULL ? 1 : (size_t)count->u.i, turn = 0;
    *l->devs = base_realloc(*l->devs, (*l->count + n) * sizeof(struct blkdev *));
    bool good = true;
    for (size_t i = 0; good && i < n; i++) {
        char *name = base_printf("%s%zu", l->prefix, *l->count);
        struct blkdev *d = blk_build(l->sim, rest, l->node, name, path, e);
        free(name);
        good = d != NULL;
        if (good)
            (*l->devs)[(*l->count)++] = d;
        if (good && on != NULL)
            good = put_on(l, d, on, &turn, path, e);
    }
    val_free(rest);
    return good;
}

/* Buses first: a device may name one that stands behind it. */
static bool add_all(struct building *l, const struct val *spec, const char *path, struct err *e)
{
    if (spec == NULL || spec->type != VAL_LIST)
        return add_devices(l, spec, path, e);
    bool good = true;
    for (int buses = 1; good && buses >= 0; buses--) {
        for (size_t i = 0; good && i < spec->count; i++) {
            const struct val *item = spec->items[i];
            if (is_bus(item) != (buses == 1))
                continue;
            char *at = base_printf("%s.%zu", path, i + 1);
            good = buses == 1 ? declare_bus(l, item, at, e) : add_devices(l, item, at, e);
            free(at);
        }
    }
    for (size_t i = 0; good && i < l->bus_count; i++) {
        if (l->buses[i].bus == NULL)
            good = err_set(e, "%s: no device is on bus '%s'", path, l->buses[i].name);
    }
    return good;
}

bool blk_build_list(struct sim *s, const struct val *spec, int32_t node, const char *prefix,
                    const char *path, struct blkdev ***devs, size_t *count, struct err *e)
{
    struct building l = { .sim = s, .node = node, .prefix = prefix, .devs = devs, .count = count };
    *devs = NULL;
    *count = 0;
    bool good = add_all(&l, spec, path, e);
    free(l.buses);
    return good;
}
