/* pfs_hint.c: hints to the layers of files of the I/O nodes of a file: each is told of its own, all
 * at once.
 */
#include "os/file/pieces.h"
#include "os/pfs/layout.h"
#include "os/pfs/pfs_internal.h"

#define RUNS 256 /* of a call; ASSUMED(8 KiB, as in Vesta) */

struct telling {
    struct pfs_client *c;
    struct port_thread *thread;
    uint32_t left;
    enum pfs_status status; /* the first that is not PFS_OK */
};

static void went(struct telling *t, enum pfs_status s)
{
    if (t->status == PFS_OK)
        t->status = s;
}

static void told(void *arg, enum xk_status status, struct rope *r)
{
    struct telling *t = arg;
    struct pfs_io_reply reply;
    enum pfs_status s = pfs_status_of_call(status);
    if (s == PFS_OK)
        s = pfs_io_reply_load(r, &reply) ? reply.status : PFS_SERVER_DOWN;
    went(t, s);
    t->left--;
    port_thread_wake(t->c->port, t->thread);
}

/* (blocks) */
static void tell(struct telling *t, uint32_t host, const struct pfs_io_args *a,
                 const struct file_run *runs, uint32_t count)
{
    enum xk_status s;
    do {
        struct rope args;
        rope_init(&args);
        pfs_io_args_store(&args, a);
        for (uint32_t i = 0; i < count; i++) {
            uint8_t b[FILE_RUN_BYTES];
            file_run_store(b, &runs[i]);
            rope_add_bytes(&args, b, sizeof b);
        }
        s = select_call(t->c->rpc, host, PFS_SERVICE_IO, PFS_IO_HINT, &args, told, t);
        rope_fini(&args);
        if (s == XK_BUSY)
            port_thread_sleep(t->c->port, t->c->params->retry_delay);
    } while (s == XK_BUSY);
    if (s == XK_OK)
        t->left++;
    else
        went(t, pfs_status_of_call(s));
}

/* What a directory has of the list. */
static void share(struct port *p, struct pfs_layout l, uint32_t dir, const struct file_run *runs,
                  uint32_t count, struct file_runs *out)
{
    const struct file_window all = { 0, PFS_SIZE_MAX };
    for (uint32_t k = 0; k < count; k++) {
        struct file_clip c = file_clip(&runs[k], all);
        for (uint64_t i = c.from; i < c.to; i++) {
            struct file_window w = file_piece(&runs[k], i, all);
            uint64_t from = pfs_layout_share(l, w.lo, dir), to = pfs_layout_share(l, w.hi, dir);
            if (from < to)
                file_runs_add(p, out, from, to - from);
        }
    }
    file_runs_end(out);
}

enum pfs_status pfs_hint(struct pfs_file *f, enum file_hint hint, uint64_t size,
                         const struct file_run *runs, uint32_t count)
{
    struct pfs_client *c = f->client;
    if (!f->owned && file_hint_is_owners(hint))
        return PFS_DENIED;
    const struct pfs_attrs *attrs = &f->v->attrs;
    struct pfs_layout l = { attrs->unit, attrs->factor };
    struct telling *t = port_alloc(c->port, sizeof *t);
    bool some = file_list_bytes((struct file_list){ runs, count },
                                (struct file_window){ 0, PFS_SIZE_MAX }) > 0;
    *t = (struct telling){ .c = c, .thread = port_thread_self(c->port), .status = PFS_OK };
    port_work(c->port, PORT_WORK_TRAP, 1);
    for (uint32_t dir = 0; dir < attrs->factor; dir++) {
        uint32_t host = c->layout->io[attrs->group[dir]];
        struct pfs_io_args a = { .id = f->v->local,
                                 .len = size,
                                 .unit = attrs->unit,
                                 .record = hint,
                                 .factor = attrs->factor,
                                 .dir = dir };
        struct file_runs own = { .count = 0 };
        if (!some)
            tell(t, host, &a, NULL, 0);
        else
            share(c->port, l, dir, runs, count, &own);
        for (uint32_t i = 0; i < own.count; i += RUNS)
            tell(t, host, &a, own.runs + i, own.count - i < RUNS ? own.count - i : RUNS);
        port_free(c->port, own.runs);
    }
    while (t->left > 0)
        port_thread_block(c->port, "I/O nodes", f->v->local);
    enum pfs_status s = t->status;
    port_free(c->port, t);
    return s;
}
