/* pfs_token.c: the metadata server's tokens, one a file.
 *
 *     free     --TOKEN-->  held by the caller
 *     held     --TOKEN by another-->  recalled: the holder is asked to give it back (RECALL)
 *     recalled --RECALL answered, holder gone, or CLOSE-->  held by the first who waits
 *
 * The holder knows the size; it comes back with the token.
 */
#include "os/pfs/pfs_meta.h"

struct recall {
    struct meta *m;
    uint64_t id, grant;
};

static void recall(struct meta_file *f);

void pfs_token_next(struct meta_file *f)
{
    struct list *l;
    f->held = false;
    f->recalling = false;
    list_remove(&f->retry); /* one recall a grant */
    while (!f->held && (l = list_pop(&f->waiters)) != NULL) {
        struct pfs_call *w = LIST_ENTRY(l, struct pfs_call, link);
        if (w->wants == WANTS_STAT) {
            pfs_meta_answer_stat(w->request, f);
            port_free(f->m->port, w);
            continue;
        }
        if (w->wants == WANTS_TO_SET) {
            f->size = w->value;
        } else {
            f->held = true;
            f->holder = w->host;
            f->grant++;
        }
        pfs_meta_answer(w->request, PFS_OK, f->size, f->grant);
        port_free(f->m->port, w);
    }
    if (f->held && !list_empty(&f->waiters))
        recall(f);
}

static void recalled(void *arg, enum xk_status status, struct rope *r)
{
    struct recall *x = arg;
    struct meta_file *f = pfs_meta_by_id(x->m, x->id);
    struct pfs_meta_msg msg;
    uint64_t grant = x->grant;
    port_free(x->m->port, x);
    if (f == NULL || !f->held || f->grant != grant)
        return;
    if (status == XK_OK && pfs_meta_load(r, &msg, NULL) && msg.status == PFS_OK &&
        msg.size > f->size)
        f->size = msg.size;
    pfs_token_next(f); /* a holder that does not answer has lost it */
}

static void recall(struct meta_file *f)
{
    struct meta *m = f->m;
    struct rope args;
    struct recall *x = port_alloc(m->port, sizeof *x);
    *x = (struct recall){ m, f->id, f->grant };
    f->recalling = true;
    rope_init(&args);
    pfs_meta_store(&args, &(struct pfs_meta_msg){ .id = f->id, .value = f->grant }, NULL);
    enum xk_status s =
        select_call(m->rpc, f->holder, PFS_SERVICE_CLIENT, PFS_CLIENT_RECALL, &args, recalled, x);
    rope_fini(&args);
    if (s == XK_OK)
        return;
    port_free(m->port, x);
    list_remove(&f->retry);
    list_push(&m->retry, &f->retry);
    if (!port_timer_pending(&m->retry_timer))
        port_timer_set(&m->retry_timer, m->params->retry_delay);
}

static void retry_tick(struct port_timer *t)
{
    struct meta *m = t->arg;
    struct list again, *l;
    list_init(&again);
    while ((l = list_pop(&m->retry)) != NULL)
        list_push(&again, l);
    while ((l = list_pop(&again)) != NULL) {
        struct meta_file *f = LIST_ENTRY(l, struct meta_file, retry);
        if (f->held && !list_empty(&f->waiters))
            recall(f);
    }
}

void pfs_token_ask(struct meta *m, struct select_request *q, struct meta_file *f, uint64_t size)
{
    uint32_t host = select_request_host(q);
    /* It has given the token back, and its answer to the recall is still on the way: or it has
     * restarted, and knows no size. */
    if (f->held && f->holder == host && size > f->size)
        f->size = size;
    (void)pfs_meta_hang(m, &f->waiters, q, 0);
    if (!f->held || f->holder == host)
        pfs_token_next(f);
    else if (!f->recalling)
        recall(f);
}

void pfs_token_size(struct meta *m, struct select_request *q, struct meta_file *f, uint64_t size)
{
    if (!f->held || f->holder == select_request_host(q)) {
        f->size = size;
        pfs_meta_answer(q, PFS_OK, size, 0);
        return;
    }
    pfs_meta_hang(m, &f->waiters, q, size)->wants = WANTS_TO_SET;
    if (!f->recalling)
        recall(f);
}

void pfs_token_stat(struct meta *m, struct select_request *q, struct meta_file *f)
{
    if (!f->held) {
        pfs_meta_answer_stat(q, f);
        return;
    }
    pfs_meta_hang(m, &f->waiters, q, 0)->wants = WANTS_STAT;
    if (!f->recalling)
        recall(f);
}

void pfs_token_start(struct meta *m)
{
    list_init(&m->retry);
    port_timer_init(m->port, &m->retry_timer, retry_tick, m);
}
