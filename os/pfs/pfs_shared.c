/* pfs_shared.c: shared pointers on a program's node: the service node gives the ranges. */
#include "os/pfs/pfs_internal.h"

static void ask(struct pfs_req *r, enum pfs_meta_proc proc, pfs_meta_done *done)
{
    struct pfs_file *f = r->file;
    bool meet = proc == PFS_META_ORDER;
    struct pfs_meta_msg m = { .id = f->v->id,
                              .value = r->len,
                              .rank = f->rank,
                              .ranks = f->ranks,
                              .flags = (r->op == PFS_WRITE ? PFS_META_WRITE : 0) |
                                       (meet ? (uint32_t)f->mode << PFS_META_MODE_AT : 0) };
    pfs_meta_call(f->client, proc, &m, NULL, done, r);
}

static void given(struct pfs_req *r, enum pfs_status s, const struct pfs_meta_msg *m)
{
    struct pfs_file *f = r->file;
    if (s != PFS_OK) {
        pfs_req_end(r, s);
        return;
    }
    r->off = m->value;
    r->moved = m->unit;
    r->round = m->ranks;
    f->pointer = m->id;
    if (m->size > f->v->size)
        f->v->size = m->size;
    if (f->ops->begin != NULL)
        f->ops->begin(r);
    else
        pfs_data_start(r);
}

static void pointer_given(void *arg, enum pfs_status s, const struct pfs_meta_msg *m,
                          const uint32_t *group)
{
    struct pfs_req *r = arg;
    (void)group;
    r->waited += port_now(r->file->client->port) - r->since;
    given(r, s, m);
}

void pfs_ask_pointer(struct pfs_req *r)
{
    ask(r, PFS_META_POINTER, pointer_given);
}

static void round_given(void *arg, enum pfs_status s, const struct pfs_meta_msg *m,
                        const uint32_t *group)
{
    struct pfs_req *r = arg;
    struct pfs_file *f = r->file;
    (void)group;
    r->waited += port_now(f->client->port) - r->since;
    list_remove(&r->link);
    if (!list_empty(&f->orders)) /* the next in order asks */
        ask(LIST_ENTRY(f->orders.next, struct pfs_req, link), PFS_META_ORDER, round_given);
    given(r, s, m);
}

void pfs_ask_round(struct pfs_req *r)
{
    struct pfs_file *f = r->file;
    list_push(&f->orders, &r->link);
    if (f->orders.next == &r->link)
        ask(r, PFS_META_ORDER, round_given);
}

enum pfs_status pfs_call_together(struct pfs_file *f, enum pfs_meta_proc proc, unsigned flag,
                                  uint64_t value, uint32_t *number)
{
    struct pfs_meta_msg m = { .id = f->v->id,
                              .flags = flag,
                              .value = value,
                              .unit = f->told ? 0 : f->record,
                              .rank = f->rank,
                              .ranks = f->ranks };
    enum pfs_status s = pfs_meta_ask(f->client, proc, &m, NULL);
    if (s == PFS_OK) {
        f->pointer = m.id;
        *number = m.ranks;
    } else if (s == PFS_BAD_RECORD) {
        f->told = true;
    }
    return s;
}

enum pfs_status pfs_seek_pointer(struct pfs_file *f, unsigned from, uint64_t off)
{
    uint32_t round;
    return pfs_call_together(f, PFS_META_POINTER, PFS_META_SEEK | from, off, &round);
}

enum pfs_status pfs_seek_round(struct pfs_file *f, unsigned from, uint64_t off)
{
    uint32_t round;
    return pfs_call_together(f, PFS_META_ORDER, PFS_META_SEEK | from, off, &round);
}
