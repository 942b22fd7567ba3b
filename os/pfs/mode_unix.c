/* mode_unix.c: M_UNIX: private pointers; each request holds the file's token.
 *
 * A node keeps the token until another asks for it (the service node's side: pfs_token.c).
 */
#include "os/pfs/pfs_internal.h"

void pfs_token_give(struct pfs_vnode *v)
{
    struct rope r;
    struct pfs_meta_msg m = { .id = v->id, .size = v->size };
    v->token = PFS_TOKEN_NONE;
    v->gave = v->size;
    pfs_ahead_written(v, 0, UINT64_MAX);
    rope_init(&r);
    pfs_meta_store(&r, &m, NULL);
    select_reply(v->recall, &r);
    rope_fini(&r);
    v->recall = NULL;
}

static void fail_queue(struct pfs_vnode *v, enum pfs_status s)
{
    struct list failed, *l;
    list_init(&failed);
    while ((l = list_pop(&v->queue)) != NULL)
        list_push(&failed, l);
    while ((l = list_pop(&failed)) != NULL)
        pfs_req_end(LIST_ENTRY(l, struct pfs_req, link), s);
}

static void pump(struct pfs_vnode *v);

static void granted(void *arg, enum pfs_status s, const struct pfs_meta_msg *m,
                    const uint32_t *group)
{
    struct pfs_vnode *v = arg;
    (void)group;
    v->refs--; /* the call's */
    if (s != PFS_OK) {
        v->token = PFS_TOKEN_NONE;
        v->stale = s == PFS_STALE;
        fail_queue(v, s);
        return;
    }
    v->token = PFS_TOKEN_HELD;
    v->fresh = true;
    pfs_vnode_sized(v, m->size);
    v->grant = m->value;
    pump(v);
}

/* Of all that waits only what is of the batch that has the token may go beside others. */
static struct pfs_req *next_of_batch(const struct pfs_vnode *v)
{
    LIST_EACH (l, &v->queue)
        if (LIST_ENTRY(l, struct pfs_req, link)->batch == v->batch)
            return LIST_ENTRY(l, struct pfs_req, link);
    return NULL;
}

static void start(struct pfs_vnode *v, struct pfs_req *r)
{
    list_remove(&r->link);
    v->fresh = false;
    v->running++;
    v->batch = r->batch;
    r->holds = true;
    r->waited += port_now(v->client->port) - r->since;
    pfs_data_start(r);
}

static void pump(struct pfs_vnode *v)
{
    struct pfs_req *r;
    if (v->token == PFS_TOKEN_ASKED)
        return;
    while (v->batch != 0 && v->token == PFS_TOKEN_HELD && (r = next_of_batch(v)) != NULL)
        start(v, r);
    if (v->running > 0 || (v->batch != 0 && v->token == PFS_TOKEN_HELD))
        return;
    bool wanted = v->recall != NULL && !(v->fresh && !list_empty(&v->queue));
    if (v->token == PFS_TOKEN_HELD && wanted)
        pfs_token_give(v);
    if (list_empty(&v->queue))
        return;
    if (v->token == PFS_TOKEN_HELD) {
        start(v, LIST_ENTRY(v->queue.next, struct pfs_req, link));
        pump(v); /* others of its batch may have come while the token was asked for */
    } else {
        v->token = PFS_TOKEN_ASKED;
        v->refs++;
        pfs_meta_call(v->client, PFS_META_TOKEN,
                      &(struct pfs_meta_msg){ .id = v->id, .size = v->gave }, NULL, granted, v);
    }
}

void pfs_token_recalled(struct pfs_client *c, struct select_request *q,
                        const struct pfs_meta_msg *a)
{
    struct pfs_vnode *v = pfs_vnode_find(c, a->id);
    if (v != NULL && v->token != PFS_TOKEN_NONE &&
        (v->recall == NULL || a->value > v->recall_grant)) {
        struct select_request *late = v->recall; /* of a grant that is over */
        v->recall = q;                           /* answered by pump, after what is under way */
        v->recall_grant = a->value;
        q = late;
        pump(v);
        if (q == NULL)
            return;
    }
    struct rope r;
    struct pfs_meta_msg m = { .status = v == NULL ? PFS_NO_FILE : PFS_OK,
                              .id = a->id,
                              .size = v == NULL ? 0 : v->gave };
    rope_init(&r);
    pfs_meta_store(&r, &m, NULL);
    select_reply(q, &r);
    rope_fini(&r);
}

void pfs_token_queue(struct pfs_req *r)
{
    list_push(&r->file->v->queue, &r->link);
    pump(r->file->v);
}

void pfs_token_done(struct pfs_req *r)
{
    struct pfs_vnode *v = r->file->v;
    if (!r->holds)
        return;
    r->holds = false;
    v->running--;
    pump(v);
}

uint64_t pfs_batch_begin(struct pfs_file *f)
{
    return ++f->client->batches;
}

void pfs_batch_end(struct pfs_file *f)
{
    f->v->batch = 0;
    pump(f->v);
}

static void place(struct pfs_req *r)
{
    if (pfs_place_own(r))
        pfs_token_queue(r);
}

const struct pfs_mode_ops pfs_mode_unix = {
    .kind = { .name = "M_UNIX", .doc = "private pointers; each request is atomic" },
    .is = PFS_MODE_OWN,
    .place = place,
    .expect = pfs_expect_own,
    .ended = pfs_token_done,
};
