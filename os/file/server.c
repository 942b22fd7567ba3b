/* server.c: the service file_server: the files of this node for the layer REMOTE of others. */
#include "os/file/directed.h"
#include "os/file/file_internal.h"

struct server {
    struct port *port;
    struct file_sys *files;
    uint64_t most; /* bytes of data in one call */
};

struct job {
    struct file_req r;
    struct server *s;
    struct select_request *call;
    sim_time came;
    struct file_run runs[FILE_WIRE_RUNS];
    char names[2][FILE_NAME_MAX + 2];
};

struct server_params {
    const struct val *files;
    struct file_stack stack;
};
static const struct param server_params[] = {
    P_VAL(
        server_params, files,
        "The layers, top to bottom, of the file system that it serves: tables { layer = NAME, and "
        "its parameters }. Without them the one on device 0.",
        "ASSUMED(one file system a node)"),
    P_END,
};

static void answer(struct file_req *r)
{
    struct job *j = r->arg;
    struct rope reply;
    rope_init(&reply);
    r->part[FILE_NETWORK] += port_now(j->s->port) - j->came; /* the caller takes it off its own */
    file_reply_store(&reply, r);
    rope_join(&reply, &r->data);
    select_reply(j->call, &reply);
    rope_fini(&reply);
    rope_fini(&r->data);
    port_free(j->s->port, j);
}

static void serve(void *arg, struct select_request *call, uint32_t op, struct rope *args)
{
    struct server *s = arg;
    struct job *j = port_alloc(s->port, sizeof *j);
    j->s = s;
    j->call = call;
    j->came = port_now(s->port);
    file_req_init(&j->r, op < FILE_OP_COUNT ? op : FILE_STAT, answer, j);
    if (op >= FILE_OP_COUNT || !file_request_load(args, &j->r, j->runs, j->names) ||
        (op == FILE_READ && file_bytes(&j->r) > s->most)) {
        j->r.status = FILE_RANGE;
        answer(&j->r);
        return;
    }
    rope_move(&j->r.data, args);
    if (j->r.stream != 0) /* of all that are open there */
        j->r.stream |= (uint64_t)(select_request_host(call) + 1) << 32;
    file_submit(s->files, &j->r);
}

static bool ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    struct server_params *p = params;
    if (!file_stack_load(&p->stack, b, p->files, "lfs", NULL, path, e))
        return false;
    for (uint32_t i = 0; i < b->service_count; i++)
        if (b->services[i].params == params)
            return file_stack_ends(b, &file_server_service, b->services[i].on, path, e);
    return true;
}

static void drop(void *params)
{
    file_stack_free(&((struct server_params *)params)->stack);
}

static void *start(struct os_node *n, const struct os_service *service, struct xk_protl *over)
{
    const struct server_params *p = service->params;
    struct server *s = port_alloc(n->port, sizeof *s);
    s->port = n->port;
    s->most = select_max_bytes(over) - FILE_WIRE_BESIDE;
    s->files = file_stack_start(&p->stack, &(struct file_boot){ .node = n, .rpc = over });
    enum xk_status served = select_serve(over, FILE_SERVICE, serve, s);
    ASSERT(served == XK_OK);
    directed_start(over, DIRECTED_FILES, s->files);
    return s;
}

const struct os_service_ops file_server_service = {
    .kind = { .name = "file_server",
              .doc = "The files of this node for other nodes, whose layer \"remote\" names it.",
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
