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
    v->size = m->size;
    v->grant = m->value;
    pump(v);
}

static void pump(struct pfs_vnode *v)
{
    if (v->active != NULL || v->token == PFS_TOKEN_ASKED)
        return;
    bool wanted = v->recall != NULL && !(v->fresh && !list_empty(&v->queue));
    if (v->token == PFS_TOKEN_HELD && wanted)
        pfs_token_give(v);
    if (list_empty(&v->queue))
        return;
    if (v->token == PFS_TOKEN_HELD) {
        struct pfs_req *r = LIST_ENTRY(list_pop(&v->queue), struct pfs_req, link);
        v->fresh = false;
        v->active = r;
        r->waited += port_now(v->client->port) - r->since;
        pfs_data_start(r);
    } else {
        v->token = PFS_TOKEN_ASKED;
        v->refs++;
        pfs_meta_call(v->client, PFS_META_TOKEN,
                      &(struct pfs_meta_msg){ .id = v->id, .size = v->size }, NULL, granted, v);
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
                              .size = v == NULL ? 0 : v->size };
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
    if (v->active != r)
        return;
    v->active = NULL;
    pump(v);
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
