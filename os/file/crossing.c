/* crossing.c: CROSSING, a layer between two protection domains of a node: what lies above it has
 * the callers' address space, what lies below another.
 *
 *   domain = "kernel"  the caller traps, and its own thread goes on in the kernel;
 *   domain = "server"  a message crosses to a task, whose thread takes one after the other and
 *                      hands each down; another message says how it ended.
 *
 * Either way the data of a request are copied once (ASSUMED: address spaces share no pages).  The
 * work: a trap, or two crossings, a procedure of the server entered and what it costs to give its
 * thread the CPU; and the bytes.  A stack without the layer has no edge: it all is in one domain.
 *
 *   CROSS1  Requests go down in the order in which they came.
 *
 * Each domain is a task of the node (os/file/stack.c): what its layers keep is its heap and,
 * outside of that, the buffers that they have by their parameters.  Counters tell both, as of the
 * last request: `above` and `below` are what the node's memory holds for files.  Code has no bytes
 * here.
 */
#include "os/file/file.h"

enum domain { KERNEL, SERVER };
static const char *const domains[] = { "kernel", "server", NULL };

struct crossing_params {
    int domain; /* enum domain */
};
static const struct param params_desc[] = {
    P_CHOICE(crossing_params, domain, "server", domains,
             "Where the layers below are: in the kernel, which a caller enters by a trap, or in a "
             "server's task, which it sends messages to."),
    P_END,
};

struct crossing {
    struct file_sys sys; /* first */
    enum domain domain;
    struct port *caller;
    uint64_t buffers_above, buffers_below;
    struct list queue; /* messages that the server has not taken */
    struct port_thread *server;
    struct {
        uint64_t requests, copied, above, below;
    } counts;
};
static const struct counter counters[] = {
    C_SUM(crossing, counts, requests, "1", "Requests that crossed, and came back."),
    C_SUM(crossing, counts, copied, "B", "Bytes copied from one domain to the other."),
    C_NOW(crossing, counts, above, "B", "Memory of the layers above, in the callers' domain."),
    C_NOW(crossing, counts, below, "B", "Memory of those below, in the kernel or a server."),
    C_END,
};

struct message {
    struct list link;
    struct crossing *c;
    struct file_req *r;
    void (*done)(struct file_req *r);
    void *arg;
};

static void copy(struct crossing *c, const struct rope *data)
{
    port_work(c->sys.port, PORT_WORK_COPY, data->length);
    c->counts.copied += data->length;
}

static void ended(struct file_req *r)
{
    struct message *m = r->arg;
    struct crossing *c = m->c;
    if (c->domain == SERVER)
        port_work(c->sys.port, PORT_WORK_CROSS, 1);
    if (r->op == FILE_READ || r->op == FILE_LIST)
        copy(c, &r->data);
    r->done = m->done;
    r->arg = m->arg;
    port_free(c->sys.port, m);
    c->counts.above = port_heap_bytes(c->caller) + c->buffers_above;
    c->counts.below = port_heap_bytes(c->sys.port) + c->buffers_below;
    r->done(r);
}

static void down(struct message *m)
{
    struct crossing *c = m->c;
    struct file_req *r = m->r;
    if (c->domain == SERVER)
        port_work(c->sys.port, PORT_WORK_RPC, 1);
    if (r->op == FILE_WRITE)
        copy(c, &r->data);
    file_submit(c->sys.below, r);
}

static void serve(void *arg)
{
    struct crossing *c = arg;
    struct list *l;
    for (;;) {
        while ((l = list_pop(&c->queue)) != NULL)
            down(LIST_ENTRY(l, struct message, link));
        port_thread_block(c->sys.port, "messages", 0);
    }
}

static void submit(struct file_sys *s, struct file_req *r)
{
    struct crossing *c = CONTAINER_OF(s, struct crossing, sys);
    struct message *m = port_alloc(s->port, sizeof *m);
    *m = (struct message){ .c = c, .r = r, .done = r->done, .arg = r->arg };
    r->done = ended;
    r->arg = m;
    c->counts.requests++;
    port_work(s->port, c->domain == SERVER ? PORT_WORK_CROSS : PORT_WORK_TRAP, 1);
    if (c->domain == SERVER && c->server == NULL)
        c->server = port_thread_spawn(s->port, "file server", serve, c, PORT_THREAD_SERVICE);
    if (c->server == NULL) { /* the kernel's; or the machine has no room for a thread */
        down(m);
        return;
    }
    list_push(&c->queue, &m->link); /* CROSS1 */
    port_thread_wake(s->port, c->server);
}

extern const struct file_ops file_crossing;

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    const struct crossing_params *p = params;
    struct port *port = b->node->port; /* of what lies below */
    struct crossing *c = port_alloc(port, sizeof *c);
    c->sys = (struct file_sys){ .ops = &file_crossing, .port = port, .below = below };
    c->domain = (enum domain)p->domain;
    c->caller = b->caller;
    c->buffers_above = b->above;
    c->buffers_below = b->below;
    list_init(&c->queue);
    port_counters(port, "crossing", counters, c);
    return &c->sys;
}

const struct file_ops file_crossing = {
    .kind = { .name = "crossing",
              .doc = "An edge between two address spaces of the node: what lies below it is in the "
                     "kernel, or in a server's task.",
              .params = params_desc,
              .params_size = sizeof(struct crossing_params),
              .counters = counters },
    .crossing = true,
    .same = true,
    .start = start,
    .submit = submit,
};
