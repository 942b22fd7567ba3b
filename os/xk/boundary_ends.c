/* boundary_ends.c: a domain on one side of a boundary dies, or begins anew.  See boundary.c. */
#include "os/xk/boundary_internal.h"

/* Ports and the like that it had enabled and will not come back for are free. */
static void names_free(struct xk_boundary *b)
{
    for (struct xk_enabled **at = &b->enabled; *at;) {
        struct xk_enabled *e = *at;
        if (e->local.count == 0) { /* it is not by a name: what comes is still counted as dropped */
            at = &e->next;
            continue;
        }
        *at = e->next;
        (void)xk_open_disable(b->lower, &b->over, e->local);
        port_free(b->upper->kernel->port, e);
    }
}

/* In the lower domain: what the upper one held when it died. */
static void let_go(struct port *task, void *arg)
{
    struct xk_boundary *b = arg;
    struct list *l, *i;
    while ((l = list_pop(&b->orphans))) {
        struct half *h = LIST_ENTRY(l, struct half, link);
        struct xk_sessn *lower = h->lower;
        while ((i = list_pop(&h->stalled))) {
            struct crossing *c = LIST_ENTRY(i, struct crossing, link);
            xk_msg_fini(&c->msg);
            port_free(task, c);
            b->counts->counts.dropped++;
            xk_close(lower);
        }
        if (h->holds)
            xk_close(lower);
        port_free(task, h);
    }
    if (!b->upper->task && b->above->desc->params.restart == 0)
        names_free(b);
}

static void upper_died(struct xk_boundary *b)
{
    b->under.task = NULL;
    b->cut = 0;
    list_init(&b->proxies);
    LIST_EACH (l, &b->up) {
        b->waiting--;
        b->counts->counts.dropped += LIST_ENTRY(l, struct crossing, link)->what == MESSAGE;
    }
    list_init(&b->up);
    b->up_waiting = 0;
    if (!b->below->task)
        return;
    struct list *l;
    while ((l = list_pop(&b->halves))) {
        struct half *h = LIST_ENTRY(l, struct half, link);
        h->proxy = NULL;
        h->lower->upper_state = NULL;
        if (h->holds || !list_empty(&h->stalled))
            list_push(&b->orphans, &h->link);
        else
            port_free(b->below->task, h);
    }
    if (!list_empty(&b->orphans) || b->enabled)
        port_task_run(b->below->task, let_go, b);
}

/* In the upper domain: what was under way below when that died. */
static void tell_lost(struct port *task, void *arg)
{
    struct xk_boundary *b = arg;
    const struct xk_protl_ops *ops = b->upper->ops;
    (void)task;
    bool again = b->upper->task != NULL;
    if (again && ops->closed)
        ops->closed(b->upper, &b->under);
    while (again) {
        again = false;
        LIST_EACH (l, &b->proxies) {
            struct proxy *x = LIST_ENTRY(l, struct proxy, link);
            struct xk_sessn *s = xk_sessn_of(x);
            again = x->lost > 0 || x->busy;
            if (!again)
                continue;
            xk_dup(s);
            if (x->lost > 0) {
                x->lost--;
                if (ops->failed)
                    ops->failed(b->upper, s, XK_CLOSED);
            } else {
                x->busy = false;
                if (ops->ready)
                    ops->ready(b->upper, s);
            }
            xk_close(s);
            break; /* the list may have changed */
        }
    }
}

static void lower_died(struct xk_boundary *b)
{
    bool tell = b->upper->ops->closed != NULL;
    b->over.task = NULL;
    list_init(&b->halves);
    list_init(&b->orphans);
    LIST_EACH (l, &b->down) {
        (void)l;
        b->waiting--;
        b->counts->counts.dropped++;
    }
    list_init(&b->down);
    if (!b->above->task)
        return;
    LIST_EACH_SAFE (l, nx, &b->proxies) {
        struct proxy *x = LIST_ENTRY(l, struct proxy, link);
        b->cut += x->half != NULL;
        x->half = NULL;
        x->lost += x->calls;
        x->calls = 0;
        tell |= x->lost > 0 || x->busy;
        if (xk_sessn_of(x)->refs == 0)
            xk_proxy_free(b, xk_sessn_of(x));
    }
    if (tell)
        port_task_run(b->above->task, tell_lost, b);
}

void xk_boundaries_died(struct xk_domain *d)
{
    uint8_t number = (uint8_t)(d - d->kernel->domains);
    for (struct xk_boundary *b = d->kernel->boundaries; b; b = b->next) {
        if (b->transfer.ops->died)
            b->transfer.ops->died(&b->transfer, number);
        if (b->above == d)
            upper_died(b);
        if (b->below == d)
            lower_died(b);
    }
}

void xk_boundaries_begin(struct xk_domain *d)
{
    for (struct xk_boundary *b = d->kernel->boundaries; b; b = b->next) {
        if (b->above == d)
            b->under.task = d->task;
        if (b->below == d)
            b->over.task = d->task;
        if (b->transfer.ops->began)
            b->transfer.ops->began(&b->transfer, (uint8_t)(d - d->kernel->domains));
    }
}

void xk_boundaries_began(struct xk_domain *d)
{
    for (struct xk_boundary *b = d->kernel->boundaries; b; b = b->next)
        for (const struct xk_enabled *e = b->below == d ? b->enabled : NULL; e; e = e->next)
            if (xk_open_enable(b->lower, &b->over, e->local) != XK_OK)
                port_remark(d->kernel->port, "'%s' cannot take anew what comes by '%s'",
                            b->upper->instance, b->lower->instance);
}
