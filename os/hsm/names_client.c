/* names_client.c: the name server as a service, and a node's door to it.  See names.h. */
#include "os/hsm/names_internal.h"
#include "os/node.h"

struct name_client_params {
    sim_time retry;
};

struct name_door {
    struct port *port;
    struct hsm_calls calls;
    uint32_t host;
};

/* ---- calls ---- */

static bool put_name(uint8_t *field, const char *name)
{
    size_t n = name != NULL ? strlen(name) : 0;
    if (n > FILE_NAME_MAX)
        return false;
    field[0] = (uint8_t)n;
    memcpy(field + 1, name != NULL ? name : "", n);
    return true;
}

static void ended(void *arg, enum xk_status status, struct rope *reply)
{
    struct name_call *c = arg;
    uint8_t wire[NAME_REPLY_BYTES] = { 0 };
    c->status = FILE_UNREACHABLE;
    if (status == XK_OK && reply->length >= sizeof wire) {
        rope_take_front(reply, sizeof wire, wire);
        c->status = wire[0] < FILE_STATUS_COUNT ? (enum file_status)wire[0] : FILE_UNREACHABLE;
        c->file = wire_get64(wire + 1);
        c->bitfile = wire_get64(wire + 9);
        c->at = wire_get64(wire + 17);
        c->replaced = wire[25] != 0;
        c->attr = (struct name_attr){ .dir = wire[26] != 0,
                                      .mode = wire_get32(wire + 27),
                                      .uid = wire_get32(wire + 31),
                                      .gid = wire_get32(wire + 35),
                                      .entries = wire_get32(wire + 39),
                                      .changed = (sim_time)wire_get64(wire + 43) };
        if (c->op == NAME_LIST)
            rope_join(&c->entries, reply);
    }
    c->done(c);
}

void name_ask(struct name_door *d, struct name_call *c)
{
    uint8_t wire[NAME_CALL_BYTES] = { 0 };
    struct rope args;
    c->door = d;
    rope_init(&c->entries);
    wire_put64(wire, c->dir);
    wire_put64(wire + 8, c->to_dir);
    wire_put64(wire + 16, c->file);
    wire_put64(wire + 24, c->bitfile);
    wire_put64(wire + 32, c->at);
    wire_put32(wire + 40, c->who.mode);
    wire_put32(wire + 44, c->who.uid);
    wire_put32(wire + 48, c->who.gid);
    wire_put32(wire + 52, c->attr.mode);
    wire_put32(wire + 56, c->attr.uid);
    wire_put32(wire + 60, c->attr.gid);
    if (!put_name(wire + 64, c->name) || !put_name(wire + 64 + NAME_FIELD, c->to_name))
        memset(wire + 64, 0, sizeof wire - 64); /* the server says what is wrong with it */
    rope_init(&args);
    rope_add_bytes(&args, wire, sizeof wire);
    (void)hsm_call(&d->calls, d->host, HSM_SERVICE_NAMES, c->op, &args, ended, c);
}

struct waiting {
    struct port *port;
    struct port_thread *thread;
    bool over;
};

static void woken(struct name_call *c)
{
    struct waiting *w = c->waiting;
    w->over = true;
    port_thread_wake(w->port, w->thread);
}

enum file_status name_wait(struct name_door *d, struct name_call *c)
{
    struct waiting *w = port_alloc(d->port, sizeof *w);
    w->port = d->port;
    w->thread = port_thread_self(d->port);
    c->waiting = w;
    c->done = woken;
    name_ask(d, c);
    while (!w->over)
        port_thread_block(d->port, "a call of names", 0);
    port_free(d->port, w);
    return c->status;
}

enum file_status name_walk(struct name_door *d, const struct file_rights *who, const char *path,
                           uint64_t *file, uint64_t *bitfile)
{
    struct name_call *c = port_alloc(d->port, sizeof *c);
    enum file_status s = FILE_OK;
    *file = NAME_ROOT;
    *bitfile = 0;
    while (s == FILE_OK && *path != 0) {
        char name[FILE_NAME_MAX + 2] = { 0 };
        size_t n = strcspn(path, "/");
        memcpy(name, path, n <= FILE_NAME_MAX ? n : FILE_NAME_MAX + 1);
        path += n + (path[n] == '/');
        if (n == 0)
            continue;
        *c = (struct name_call){ .op = NAME_LOOKUP, .dir = *file, .name = name, .who = *who };
        s = name_wait(d, c);
        *file = c->file;
        *bitfile = c->bitfile;
    }
    port_free(d->port, c);
    return s;
}

bool name_entry_next(struct rope *entries, struct name_entry *out)
{
    uint8_t wire[NAME_ENTRY_BYTES];
    if (entries->length < sizeof wire)
        return false;
    rope_take_front(entries, sizeof wire, wire);
    *out = (struct name_entry){ .file = wire_get64(wire),
                                .bitfile = wire_get64(wire + 8),
                                .dir = wire[16] != 0 };
    memcpy(out->name, wire + 18, wire[17] <= FILE_NAME_MAX ? wire[17] : FILE_NAME_MAX);
    return true;
}

struct name_door *name_open(struct xk_protl *rpc, uint32_t host, sim_time retry)
{
    struct name_door *d = port_alloc(xk_port(rpc), sizeof *d);
    d->port = xk_port(rpc);
    d->host = host;
    hsm_calls_init(&d->calls, rpc, HSM_ANSWER_NAMES, retry);
    return d;
}

/* ---- services ---- */

static const struct param server_params[] = {
    P_INT(name_params, names, "10000", "1", "1000000000",
          "Room for so many files and directories, declared ones not among them.",
          "ASSUMED(an experiment's choice)"),
    P_INT(name_params, dirs, "0", "0", "1000000", "Directories that the root has from the start.",
          "ASSUMED(an experiment's choice)"),
    P_INT(name_params, fanout, "1000", "1", "1000000", "Files of each, at most.",
          "ASSUMED(an experiment's choice)"),
    P_INT(name_params, declared, "0", "0", "1000000000",
          "Files that they have, over all: file n is bitfile n, in directory n / fanout.",
          "ASSUMED(an experiment's choice)"),
    P_INT(name_params, buckets, "4096", "1", "100000000",
          "Buckets of the hash that has the names which are not declared.",
          "ASSUMED(a few names in each)"),
    P_TIME(name_params, retry, "5ms", "1us", "1h",
           "What the queue of calls has no room for is tried again after so long.",
           "ASSUMED(some messages)"),
    P_TABLE(name_params, records, records_params_desc, "The tree.", "os/hsm/records.h"),
    P_VAL(name_params, files,
          "The layers, top to bottom, of the file system that has the tree: tables { layer = NAME, "
          "and its parameters }.",
          "ASSUMED(one file system a node)"),
    P_END,
};

static bool server_ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    struct name_params *p = params;
    if (p->declared > p->dirs * p->fanout)
        return err_set(e, "%s.declared: %lld directories of %lld files have no room for %lld", path,
                       (long long)p->dirs, (long long)p->fanout, (long long)p->declared);
    return file_stack_load(&p->stack, b, p->files, "lfs", NULL, path, e);
}

static void server_drop(void *params)
{
    file_stack_free(&((struct name_params *)params)->stack);
}

static void *server_start(struct os_node *n, const struct os_service *service,
                          struct xk_protl *over)
{
    const struct name_params *p = service->params;
    struct file_sys *files =
        file_stack_start(&p->stack, &(struct file_boot){ .node = n, .rpc = over });
    return name_serve(over, files, p);
}

const struct os_service_ops name_server_service = {
    .kind = { .name = "name_server",
              .doc = "The name server of an archive: directories, and names of bitfiles.",
              .params = server_params,
              .params_size = sizeof(struct name_params),
              .counters = name_counters },
    .on = "service",
    .over = "rpc",
    .protocol = &select_protl,
    .ready = server_ready,
    .drop = server_drop,
    .stack = offsetof(struct name_params, stack),
    .start = server_start,
};

static const struct param client_params[] = {
    P_TIME(name_client_params, retry, "10ms", "1us", "1h",
           "What the queue of calls has no room for is tried again after so long.",
           "ASSUMED(some messages)"),
    P_END,
};

static bool client_ready(void *params, const struct os_boot *b, const char *path, struct err *e)
{
    (void)params;
    return hsm_host(b, &name_server_service) != UINT32_MAX ||
           err_set(e, "%s: a door to names needs the service name_server in the list", path);
}

static void *client_start(struct os_node *n, const struct os_service *s, struct xk_protl *over)
{
    const struct name_client_params *p = s->params;
    return name_open(over, hsm_host(n->boot, &name_server_service), p->retry);
}

const struct os_service_ops name_client_service = {
    .kind = { .name = "name_client",
              .doc = "A node's door to the names of an archive.",
              .params = client_params,
              .params_size = sizeof(struct name_client_params) },
    .on = "compute",
    .over = "rpc",
    .protocol = &select_protl,
    .ready = client_ready,
    .start = client_start,
};
