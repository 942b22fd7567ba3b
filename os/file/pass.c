/* pass.c: PASS, a layer that leaves every request alone and counts what goes through it.
 *
 * The example of docs/howto-layer.md, and what a layer costs at least: one call a
 * request, and nothing when it ends.
 */
#include "os/file/file.h"

struct pass {
    struct file_sys sys; /* first */
    struct {
        uint64_t requests;
    } counts;
};

static const struct counter counters[] = {
    C_SUM(pass, counts, requests, "1", "Requests that went through the layer."),
    C_END,
};

static void submit(struct file_sys *s, struct file_req *r)
{
    struct pass *p = CONTAINER_OF(s, struct pass, sys);
    p->counts.requests++;
    port_work(s->port, PORT_WORK_CALL, 1);
    file_submit(s->below, r);
}

extern const struct file_ops file_pass;

static struct file_sys *start(const struct file_boot *b, const void *params, struct file_sys *below)
{
    struct pass *p = port_alloc(b->node->port, sizeof *p);
    (void)params;
    p->sys = (struct file_sys){ .ops = &file_pass, .port = b->node->port, .below = below };
    port_counters(p->sys.port, "pass", counters, p);
    return &p->sys;
}

const struct file_ops file_pass = {
    .kind = { .name = "pass",
              .doc = "Leaves every request alone and counts them: an example of a layer.",
              .counters = counters },
    .same = true,
    .start = start,
    .submit = submit,
};
