/* vesta_server.c: the service of an I/O node: calls come in, answers go out. */
#include "os/file/directed.h"
#include "os/lfs/lfs.h"
#include "os/vesta/vesta_internal.h"

extern const struct file_ops file_vesta_store;

struct server_params {
    int64_t pool;
    struct lfs_params lfs; /* of the stack's bottom, when that is one */
    const struct val *files;
    struct file_stack stack;
};
static const struct param server_params[] = {
    P_INT(server_params, pool, "4", "1", "64",
          "Threads of an I/O node for what is not reading and writing: objects, sizes, flushes.",
          "ASSUMED(its device does one thing at a time)"),
    P_TABLE(server_params, lfs, lfs_params_desc,
            "The local file system of each I/O node; its buffers are Vesta's cache.",
            "see its parameters"),
    P_VAL(server_params, files,
          "What the server keeps objects and cells in: layers, top to bottom, each a table { layer "
          "= NAME, and its parameters }; \"lfs\" has those of `lfs`, too.",
          "ASSUMED(nothing between the server and its disk)"),
    P_END,
};

void vesta_answer(struct vesta_job *j, struct vesta_msg *m, struct rope *data)
{
    struct port *p = j->s->port;
    struct rope out;
    rope_init(&out);
    vesta_store(&out, m);
    if (data != NULL)
        rope_join(&out, data);
    select_reply(j->request, &out);
    rope_fini(&out);
    rope_fini(&j->data);
    port_free(p, j->parts);
    port_free(p, j->runs);
    port_free(p, j->bits);
    port_free(p, j);
}

/* ---- shared pointers ---- */

struct pointer {
    struct pfs_hashed hashed;
    uint64_t id, value;
    uint32_t maker;
};

static void pointer(struct vesta_job *j)
{
    struct vesta_server *s = j->s;
    struct pointer *x = NULL;
    uint64_t life = port_incarnation(s->port), key = j->m.id * 31 + j->m.maker;
    struct vesta_msg m = { .status = FILE_OK, .seq = life };
    LIST_EACH (l, pfs_hash_slot(&s->pointers, key)) {
        struct pointer *y = LIST_ENTRY(l, struct pointer, hashed.link);
        x = y->id == j->m.id && y->maker == j->m.maker ? y : x;
    }
    if (x == NULL) {
        x = port_alloc(s->port, sizeof *x);
        x->id = j->m.id;
        x->maker = j->m.maker;
        pfs_hash_add(&s->pointers, &x->hashed, key);
    }
    m.value = x->value;
    if (j->m.seq != life)
        m.status = FILE_UNREACHABLE;
    else
        x->value = j->m.flags & VESTA_SET ? j->m.value : x->value + j->m.value;
    vesta_answer(j, &m, NULL);
}

/* ---- jobs ---- */

/* A thread lives as long as there are jobs for it: an idle node has none. */
static void work(void *arg)
{
    struct vesta_server *s = arg;
    struct list *l;
    while ((l = list_pop(&s->waiting)) != NULL) {
        struct vesta_job *j = LIST_ENTRY(l, struct vesta_job, link);
        port_work(s->port, PORT_WORK_FILE, 1);
        (j->proc <= VESTA_DROP_CELLS ? vesta_cells_all : vesta_object)(j);
    }
    s->threads--;
}

void vesta_later(struct vesta_server *s, struct vesta_job *j)
{
    list_push(&s->waiting, &j->link);
    if (s->threads == s->pool)
        return;
    if (port_thread_spawn(s->port, "vesta", work, s, 0) != NULL) {
        s->threads++;
    } else if (s->threads == 0) {
        list_remove(&j->link);
        vesta_answer(j, &(struct vesta_msg){ .status = FILE_UNREACHABLE }, NULL);
    }
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct vesta_server *s = arg;
    struct vesta_job *j = port_alloc(s->port, sizeof *j);
    j->s = s;
    j->request = request;
    j->proc = procedure;
    j->host = select_request_host(request);
    j->arrived = port_now(s->port);
    bool good = procedure < VESTA_PROCS && vesta_load(args, &j->m) &&
                j->m.cells <= VESTA_CELLS_MAX && j->m.bits <= args->length;
    rope_init(&j->data);
    if (good && j->m.bits > 0) {
        j->bits = port_alloc(s->port, j->m.bits);
        rope_take_front(args, j->m.bits, j->bits);
    }
    rope_move(&j->data, args);
    if (!good) {
        vesta_answer(j, &(struct vesta_msg){ .status = FILE_RANGE }, NULL);
    } else if (procedure <= VESTA_WRITE) {
        if (j->m.flags & VESTA_ATOMIC)
            vesta_order_part(j);
        else
            vesta_cells_start(j);
    } else if (procedure == VESTA_HINT) {
        vesta_cells_start(j);
    } else if (procedure == VESTA_TOKEN) {
        vesta_order_tokens(j);
    } else if (procedure == VESTA_ABORT) {
        vesta_order_abort(j);
    } else if (procedure == VESTA_POINTER) {
        pointer(j);
    } else {
        vesta_later(s, j);
    }
}

static void peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    vesta_order_peer(arg, host, life, alive);
}

/* Of calls between I/O nodes. */
static const struct vesta_params among = { .retry_delay = SIM_MS }; /* ASSUMED(a call's time) */

void vesta_server_start(struct xk_protl *rpc, const struct os_layout *layout, uint32_t self,
                        uint32_t pool, struct file_sys *files)
{
    struct port *p = xk_port(rpc);
    struct vesta_server *s = port_alloc(p, sizeof *s);
    s->port = p;
    s->rpc = rpc;
    s->layout = layout;
    s->self = self;
    s->files = files;
    pfs_hash_init(&s->cells, p);
    pfs_hash_init(&s->orders, p);
    pfs_hash_init(&s->hosts, p);
    pfs_hash_init(&s->pointers, p);
    list_init(&s->waiting);
    list_init(&s->busy);
    list_init(&s->rolls);
    s->as_client = port_alloc(p, sizeof *s->as_client);
    s->as_client->port = p;
    s->as_client->rpc = rpc;
    s->as_client->layout = layout;
    s->as_client->params = &among;
    s->pool = pool;
    xk_on_peer(rpc->kernel, peer_changed, s);
    enum xk_status served = select_serve(rpc, VESTA_SERVICE, serve, s);
    ASSERT(served == XK_OK);
    directed_start(rpc, DIRECTED_VESTA, files);
}

static bool ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    struct server_params *p = params;
    return file_stack_load(&p->stack, b, p->files, "lfs", &p->lfs, path, e);
}

static void drop(void *params)
{
    file_stack_free(&((struct server_params *)params)->stack);
}

static void *start(struct os_node *n, const struct os_service *service, struct xk_protl *over)
{
    const struct server_params *p = service->params;
    if (port_blk_count(n->port) > 0 || p->files != NULL)
        vesta_server_start(
            over, n->layout, n->layout->ranks[n->node], (uint32_t)p->pool,
            file_stack_start(&p->stack, &(struct file_boot){ .node = n, .rpc = over }));
    return n;
}

const struct os_service_ops vesta_server_service = {
    .kind = { .name = "vesta_server",
              .doc = "Objects and cells of Vesta's files that lie on this node's device.",
              .params = server_params,
              .params_size = sizeof(struct server_params) },
    .on = "io",
    .over = "rpc",
    .protocol = &select_protl,
    .ready = ready,
    .drop = drop,
    .stack = offsetof(struct server_params, stack),
    .start = start,
};

bool vesta_versions(const struct os_layout *l)
{
    const struct server_params *p = os_service_params(l, &vesta_server_service);
    return p != NULL && p->stack.count > 0 &&
           p->stack.layer[p->stack.count - 1].ops == &file_vesta_store;
}

bool vesta_room_check(const struct os_layout *l, const struct vesta_layout *x, uint32_t files,
                      uint64_t size, const char *path, struct err *e)
{
    const struct server_params *p = os_service_params(l, &vesta_server_service);
    if (!p || p->files != NULL)
        return true;
    if (l->io_sectors == 0)
        return err_set(e, "machine.storage: the I/O nodes have no device for files");
    struct lfs_params lfs = p->lfs;
    uint64_t cells = (x->cells + l->io_count - 1) / l->io_count;
    lfs.files = files > lfs.files ? files : lfs.files;
    if (cells + 1 > (uint64_t)lfs.files)
        return err_set(e,
                       "%s: a file's object and its %llu cells on one I/O node are more files than "
                       "machine.os.vesta_server.lfs.files, %lld",
                       path, (unsigned long long)cells, (long long)lfs.files);
    uint64_t row = x->bsu * x->cells, part = cells * ((size / row + (size % row > 0)) * x->bsu);
    uint64_t room = lfs_room(&lfs, l->io_sectors, l->io_sector_bytes) * (uint64_t)lfs.block;
    return part <= room ||
           err_set(e,
                   "%s: an I/O node has %llu bytes of a file of %llu, and its device has room for "
                   "%llu",
                   path, (unsigned long long)part, (unsigned long long)size,
                   (unsigned long long)room);
}

bool vesta_buffered(const struct os_layout *l)
{
    const struct server_params *p = os_service_params(l, &vesta_server_service);
    return p != NULL && (p->lfs.buffered || vesta_versions(l));
}
