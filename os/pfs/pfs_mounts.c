/* pfs_mounts.c: the mounts of the parallel file system: where, on which I/O nodes, how striped. */
#include "os/pfs/pfs_internal.h"

#include <stdio.h>
#include <string.h>

struct mount_params {
    const char *path;
    int64_t unit, factor;
    int first;
    const struct val *group;
};
const char *const pfs_first_names[] = { "zero", "round", NULL };
static const struct param mount_params[] = {
    P_STRING(mount_params, path, "/pfs", "Its directory.", "Intel PFS: mounted at /pfs"),
    P_SIZE(mount_params, unit, "64KiB", "1B", "1GiB", "Stripe unit of all its files.",
           "Intel PFS, default 64 KB; as recalled, no document at hand"),
    P_INT(mount_params, factor, "0", "0", "256",
          "Their stripe factor: the first so many of its group; 0: all.",
          "Intel PFS: a mount spreads files over all its stripe directories; as recalled"),
    P_CHOICE(mount_params, first, "zero", pfs_first_names,
             "On which member of the group a file begins: the first, or each on the next."),
    P_VAL(mount_params, group, "Its stripe group: I/O nodes by number, in order; absent: all.",
          "Intel PFS: an ordered list of stripe directories; as recalled"),
    P_END,
};

bool pfs_mounts_listed(const struct pfs_params *p)
{
    return p->mounts != NULL && p->mounts->count > 0;
}

uint32_t pfs_mount_count(const struct pfs_params *p)
{
    return !pfs_mounts_listed(p) ? 1 : (uint32_t)p->mounts->count;
}

/* The stripe group, its first members; `count` of them. */
static bool read_group(const struct val *list, const struct os_layout *l, uint32_t *group,
                       uint32_t *count, const char *path, struct err *e)
{
    char where[256];
    uint32_t n = list == NULL ? l->io_count : (uint32_t)list->count;
    *count = n < PFS_FACTOR_MAX ? n : PFS_FACTOR_MAX;
    if (list != NULL && (list->type != VAL_LIST || n == 0 || n > PFS_FACTOR_MAX))
        return err_set(e, "%s%s.group: a list of 1 to %d I/O nodes",
                       val_where(list, where, sizeof where), path, PFS_FACTOR_MAX);
    for (uint32_t i = 0; i < *count; i++) {
        const struct val *v = list == NULL ? NULL : list->items[i];
        if (v != NULL && (v->type != VAL_INT || v->u.i < 0 || v->u.i >= l->io_count))
            return err_set(e, "%s%s.group[%u]: not one of the machine's I/O nodes, 0 to %u",
                           val_where(v, where, sizeof where), path, i + 1, l->io_count - 1);
        group[i] = v == NULL ? i : (uint32_t)v->u.i;
        for (uint32_t k = 0; k < i; k++)
            if (group[k] == group[i])
                return err_set(e, "%s%s.group: I/O node %u stands there twice",
                               val_where(v, where, sizeof where), path, group[i]);
    }
    return true;
}

static bool fill(const struct mount_params *q, const struct val *v, const struct os_layout *l,
                 const char *path, struct pfs_mount *out, struct err *e)
{
    uint32_t count;
    char where[256] = "";
    memset(out, 0, sizeof *out);
    if (l->io_count == 0)
        return err_set(e, "%s: PFS needs an I/O node, the machine has none", path);
    if (q->path[0] != '/' || strlen(q->path) > PFS_NAME_MAX)
        return err_set(e, "%s%s.path: '%.80s' does not begin with '/', or is too long",
                       val_where(v, where, sizeof where), path, q->path);
    memcpy(out->path, q->path, strlen(q->path));
    if (!read_group(q->group, l, out->attrs.group, &count, path, e))
        return false;
    if (q->factor > count)
        return err_set(e,
                       "%s%s.factor: stripe factor %lld is more than the %u I/O nodes of the "
                       "%s; write 1 to %u, or 0 for all",
                       val_where(v, where, sizeof where), path, (long long)q->factor, count,
                       q->group == NULL ? "machine" : "group", count);
    out->first = (enum pfs_first)q->first;
    out->members = count;
    out->attrs.unit = (uint64_t)q->unit;
    out->attrs.factor = q->factor == 0 ? count : (uint32_t)q->factor;
    return true;
}

bool pfs_mount_read(const struct pfs_params *p, const struct os_layout *l, uint32_t i,
                    const char *path, struct pfs_mount *out, struct err *e)
{
    struct mount_params q = {
        .path = "/", .unit = p->unit, .factor = p->factor, .first = p->first
    };
    const struct val *v = pfs_mounts_listed(p) ? p->mounts->items[i] : NULL;
    char at[128];
    (void)snprintf(at, sizeof at, "%s.mounts[%u]", path, i + 1);
    if ((v != NULL && !param_load(mount_params, &q, v, at, e)) ||
        !fill(&q, v, l, v != NULL ? at : path, out, e))
        return false;
    out->home = i == 0;
    return true;
}

bool pfs_check(const struct pfs_params *p, const struct os_layout *l, const char *path,
               struct err *e)
{
    struct pfs_mount a, b;
    char where[256];
    if (pfs_mounts_listed(p) && p->mounts->type != VAL_LIST)
        return err_set(e, "%s%s.mounts is %s, not a list of mounts",
                       val_where(p->mounts, where, sizeof where), path,
                       val_type_name(p->mounts->type));
    for (uint32_t i = 0; i < pfs_mount_count(p); i++) {
        if (!pfs_mount_read(p, l, i, path, &a, e))
            return false;
        for (uint32_t k = 0; k < i; k++)
            if (pfs_mount_read(p, l, k, path, &b, e) && strcmp(a.path, b.path) == 0)
                return err_set(e, "%s%s.mounts: two mounts at '%s'",
                               val_where(p->mounts, where, sizeof where), path, a.path);
    }
    return true;
}
