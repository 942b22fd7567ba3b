/* pfs_service.c: PFS as services: metadata, a server on every I/O node, a library for programs. */
#include "os/lfs/lfs.h"
#include "os/pfs/pfs_internal.h"

#include <string.h>

#define X(number, name) &pfs_mode_##name.kind,
static const struct kind *const modes[] = { PFS_MODE_LIST(X) NULL };
#undef X
const struct kind_set pfs_modes = { "mode", "workload.mode", modes };

bool pfs_mode_is(enum pfs_mode m, unsigned what)
{
    return (pfs_mode_at(&pfs_modes, m)->is & what) != 0;
}

#define RETRY_DELAY                                                                                \
    P_TIME(pfs_params, retry_delay, "10ms", "1us", "1h",                                           \
           "Pause before a refused or failed call is made again.", "ASSUMED(a disk access long)")
struct meta_params {
    struct pfs_params pfs;   /* first */
    const struct val *names; /* NULL: in memory */
    struct file_stack stack;
};
static const struct param meta_params[] = {
    P_SIZE(pfs_params, unit, "64KiB", "1B", "1GiB", "Stripe unit, where no mounts are listed.",
           "Intel PFS, default 64 KB; as recalled, no document at hand"),
    P_INT(pfs_params, factor, "0", "0", "256",
          "Stripe factor, where no mounts are listed: how many I/O nodes a file is on; 0: all.",
          "Intel PFS: a mount spreads files over all its stripe directories; as recalled"),
    P_CHOICE(
        pfs_params, first, "zero", pfs_first_names,
        "On which I/O node a file begins, where no mounts are listed: the first, or each on the "
        "next."),
    P_VAL(pfs_params, mounts,
          "Mounts: { path, unit, factor, first, group } each; absent: one at the root, of the "
          "layout that "
          "its first file is made with.",
          "Intel PFS: an ordered stripe group, unit and factor for each mount; as recalled"),
    P_BOOL(pfs_params, per_file_layout, "false",
           "A file may be made with a unit, factor and group of its own, as in Vesta; not Intel's.",
           "proposal 5.1: all files of a PFS have the same layout"),
    P_VAL(meta_params, names,
          "What names are kept in, to outlive a crash of the service node: layers of files, as "
          "pfs_server.files; absent: its memory.",
          "ASSUMED(a UNIX directory on a disk; its cost is the experiment's)"),
    P_INT(pfs_params, log_ratio, "4", "0", "1000000",
          "Kept names are written anew when their log has so many times as many records as there "
          "are names; 0: never.",
          "ASSUMED(a change then costs a quarter of a copied name at most)"),
    P_SIZE(pfs_params, log_least, "256KiB", "1B", "1TiB",
           "Nor is a log written anew that is shorter.", "ASSUMED(one write of an array)"),
    P_INT(pfs_params, retries, "3", "0", "1000",
          "How often what keeps the names is asked again when it gives no answer, before callers "
          "are told.",
          "ASSUMED(as often as a client asks an I/O node)"),
    RETRY_DELAY,
    P_END,
};

static const struct param client_params[] = {
    P_SIZE(pfs_params, rpc, "256KiB", "1KiB", "64MiB",
           "Largest piece of a request that one call to an I/O node carries; what the calls of the "
           "protocol graph carry bounds it too.",
           "ASSUMED(one call per I/O node; its limit is not published)"),
    P_INT(pfs_params, window, "64", "1", "4096",
          "Calls that one request of a program has under way at once.",
          "ASSUMED(all pieces in parallel on the machines of the time)"),
    P_INT(pfs_params, depth, "2", "1", "4096",
          "Of these, calls to one I/O node at once: it works on one while another travels.",
          "ASSUMED(one call per I/O node; pieces longer than a call overlap)"),
    P_INT(pfs_params, retries, "3", "0", "1000",
          "How often a piece is sent again to an I/O node that restarted.",
          "ASSUMED(reads and writes of a range may be repeated)"),
    P_INT(pfs_params, prefetch, "0", "0", "64",
          "Blocks of the length of its reads that an open file reads ahead, where the mode knows "
          "which come next (M_UNIX, M_RECORD, M_ASYNC); 0: none.",
          "Arunachalam, Choudhary, Rullman, IPPS 1996: a prototype reads one ahead"),
    RETRY_DELAY,
    P_END,
};

struct server_params {
    struct pfs_params pfs; /* first */
    struct lfs_params lfs; /* of the stack's bottom, when that is one */
    const struct val *files;
    struct file_stack stack;
};
static const struct param server_params[] = {
    P_INT(pfs_params, pool, "16", "1", "4096",
          "Requests that an I/O server works on at once; more wait in order of arrival.",
          "ASSUMED(a pool of server threads; its size is not published)"),
    P_TABLE(server_params, lfs, lfs_params_desc, "The local file system of each I/O node.",
            "see its parameters"),
    P_VAL(
        server_params, files,
        "What the server keeps its files in, in place of the local file system alone: layers, top "
        "to bottom, each a table { layer = NAME, and its parameters }; \"lfs\" has those of `lfs`, "
        "too.",
        "ASSUMED(nothing between the server and its disk)"),
    P_END,
};

void pfs_meta_start(struct xk_protl *rpc, const struct os_layout *layout,
                    const struct pfs_params *params, struct file_sys *names)
{
    pfs_meta_boot(rpc, layout, params, &pfs_modes, names);
}

struct pfs_client *pfs_client_start(struct xk_protl *rpc, const struct os_layout *layout,
                                    const struct pfs_params *params)
{
    return pfs_client_boot(rpc, layout, params, &pfs_modes);
}

static void *start_meta(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    const struct meta_params *p = s->params;
    struct file_boot b = { .node = n, .rpc = over };
    pfs_meta_start(over, n->layout, &p->pfs,
                   p->names != NULL ? file_stack_start(&p->stack, &b) : NULL);
    return n;
}

static bool check_meta(const void *params, const struct os_layout *l, const char *path,
                       struct err *e)
{
    return l->io_count == 0 || pfs_check(params, l, path, e);
}

static bool meta_ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    struct meta_params *p = params;
    return p->names == NULL || file_stack_load(&p->stack, b, p->names, "lfs", NULL, path, e);
}

static void meta_drop(void *params)
{
    file_stack_free(&((struct meta_params *)params)->stack);
}

static bool server_ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    struct server_params *p = params;
    bool good = file_stack_load(&p->stack, b, p->files, "lfs", &p->lfs, path, e);
    uint32_t n = p->stack.count;
    if (good && p->stack.layer[n - 1].ops == kind_find(b->layers, "lfs"))
        p->lfs = *(const struct lfs_params *)p->stack.layer[n - 1].params;
    return good;
}

static void server_drop(void *params)
{
    file_stack_free(&((struct server_params *)params)->stack);
}

static void *start_server(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    const struct server_params *p = s->params;
    if (port_blk_count(n->port) > 0 || p->files != NULL)
        pfs_server_start(
            over, &p->pfs,
            file_stack_start(&p->stack, &(struct file_boot){ .node = n, .rpc = over }));
    return n;
}

static void *start_client(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    return pfs_client_start(over, n->layout, s->params);
}

#define SERVICE(name_, doc_, params_, tag, on_, start_, ...)                                       \
    {                                                                                              \
        .kind = { .name = name_, .doc = doc_, .params = params_, .params_size = sizeof(tag) },     \
        .on = on_, .over = "rpc", .protocol = &select_protl, .with = "io", .start = start_,        \
        __VA_ARGS__                                                                                \
    }
const struct os_service_ops pfs_meta_service =
    SERVICE("pfs_meta", "Names, sizes and tokens of the parallel file system.", meta_params,
            struct meta_params, "service", start_meta, .check = check_meta, .ready = meta_ready,
            .drop = meta_drop, .stack = offsetof(struct meta_params, stack));
const struct os_service_ops pfs_server_service =
    SERVICE("pfs_server", "The parts of files that lie on this node's device.", server_params,
            struct server_params, "io", start_server, .ready = server_ready, .drop = server_drop,
            .stack = offsetof(struct server_params, stack));
const struct os_service_ops pfs_client_service =
    SERVICE("pfs_client", "The parallel file system as programs see it.", client_params,
            struct pfs_params, "compute", start_client, );

bool pfs_room_check(const struct os_layout *l, const struct pfs_attrs *a, uint32_t files,
                    uint64_t size, const char *path, struct err *e)
{
    const struct server_params *p = os_service_params(l, &pfs_server_service);
    if (!p || file_stack_has(&p->stack, "hsm")) /* what has no room lies in the archive */
        return true;
    if (l->io_sectors == 0)
        return err_set(e, "machine.storage: the I/O nodes have no device for files");
    struct lfs_params lfs = p->lfs;
    uint64_t all = (uint64_t)files * file_stack_files(&p->stack);
    lfs.files = (int64_t)all > lfs.files ? (int64_t)all : lfs.files;
    uint64_t part = pfs_layout_share((struct pfs_layout){ a->unit, a->factor }, size, 0);
    uint64_t room = lfs_room(&lfs, l->io_sectors, l->io_sector_bytes);
    return lfs_need(&lfs, files, part) <= room ||
           err_set(
               e,
               "%s: the first I/O node has %llu bytes of each of %u files, and its device has room "
               "for %llu in all",
               path, (unsigned long long)part, files,
               (unsigned long long)room * (unsigned long long)lfs.block);
}

bool pfs_versions(const struct os_layout *l)
{
    const struct server_params *p = os_service_params(l, &pfs_server_service);
    return p != NULL &&
           (file_stack_has(&p->stack, "keep") || file_stack_has(&p->stack, "vesta_store"));
}

bool pfs_buffered(const struct os_layout *l)
{
    const struct server_params *p = os_service_params(l, &pfs_server_service);
    return p != NULL && p->lfs.buffered;
}

bool pfs_mount_for(const struct os_layout *l, uint64_t unit, uint32_t factor, const char *path,
                   struct pfs_mount *out, struct err *e)
{
    static const struct pfs_params none = { .unit = 65536 };
    const struct pfs_params *own = os_service_params(l, &pfs_meta_service);
    struct pfs_params p = own != NULL ? *own : none;
    struct pfs_mount first = { 0 };
    for (uint32_t i = 0; i < pfs_mount_count(&p); i++) {
        if (!pfs_mount_read(&p, l, i, "machine.os.pfs_meta", out, e))
            return false;
        if ((unit == 0 || out->attrs.unit == unit) && (factor == 0 || out->attrs.factor == factor))
            return true;
        first = i == 0 ? *out : first;
    }
    if (pfs_mounts_listed(&p) && !p.per_file_layout)
        return err_set(e,
                       "%s: none of machine.os.pfs_meta.mounts has stripe unit %llu and factor %u "
                       "(0: any); %s has %llu and %u",
                       path, (unsigned long long)unit, factor, first.path,
                       (unsigned long long)first.attrs.unit, first.attrs.factor);
    p.mounts = NULL;
    p.unit = unit != 0 ? (int64_t)unit : (int64_t)first.attrs.unit;
    p.factor = factor != 0 ? factor : first.attrs.factor;
    if (!pfs_mount_read(&p, l, 0, path, out, e))
        return false;
    memcpy(out->path, first.path, sizeof out->path);
    return true;
}
