/* pfs_meta.c: the metadata server: what a file has; its parts are in pfs_meta.h. */
#include "os/pfs/pfs_meta.h"

#include <string.h>

void pfs_meta_pack(struct rope *r, enum pfs_status status, const struct pfs_meta_msg *m,
                   const uint32_t *group)
{
    struct pfs_meta_msg out = *m;
    out.status = status;
    if (group == NULL)
        out.factor = 0;
    rope_init(r);
    pfs_meta_store(r, &out, group);
}

void pfs_meta_reply(struct select_request *q, enum pfs_status status, const struct pfs_meta_msg *m,
                    const uint32_t *group)
{
    struct rope r;
    pfs_meta_pack(&r, status, m, group);
    select_reply(q, &r);
    rope_fini(&r);
}

void pfs_meta_answer(struct select_request *q, enum pfs_status status, uint64_t size,
                     uint64_t value)
{
    pfs_meta_reply(q, status, &(struct pfs_meta_msg){ .size = size, .value = value }, NULL);
}

struct meta_file *pfs_meta_by_id(struct meta *m, uint64_t id)
{
    port_work(m->port, PORT_WORK_LOOKUP, 1);
    LIST_EACH (l, pfs_hash_slot(&m->ids, id)) {
        struct meta_file *f = LIST_ENTRY(l, struct meta_file, numbered.link);
        if (f->id == id)
            return f;
    }
    return NULL;
}

struct pfs_call *pfs_meta_hang(struct meta *m, struct list *on, struct select_request *q,
                               uint64_t value)
{
    struct pfs_call *w = port_alloc(m->port, sizeof *w);
    w->request = q;
    w->host = select_request_host(q);
    w->value = value;
    list_push(on, &w->link);
    return w;
}

static void peer_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct meta *m = arg;
    (void)life;
    if (alive)
        return;
    for (uint32_t i = 0; i < m->lowest_lost && i < m->layout->compute_count; i++)
        if (m->layout->compute[i] == node)
            m->lowest_lost = i;
    /* Collective calls of a partition that the node belongs to have no end any more. */
    LIST_EACH (l, &m->files) {
        struct meta_file *f = LIST_ENTRY(l, struct meta_file, link);
        pfs_group_lost(m, f, node);
        if (f->held && f->holder == node)
            pfs_token_next(f);
    }
    pfs_gather_lost(m);
}

/* ---- files ---- */

static enum pfs_status check_attrs(const struct meta *m, const struct pfs_attrs *a)
{
    if (a->unit == 0 || a->factor == 0 || a->factor > m->layout->io_count)
        return PFS_BAD_ATTRS;
    for (uint32_t i = 0; i < a->factor; i++)
        if (a->group[i] >= m->layout->io_count)
            return PFS_BAD_ATTRS;
    return PFS_OK;
}

struct layout {
    struct list link;
    struct pfs_attrs attrs;
};

const struct pfs_attrs *pfs_meta_kept(struct meta *m, const struct pfs_attrs *a)
{
    LIST_EACH (l, &m->layouts) {
        const struct pfs_attrs *x = &LIST_ENTRY(l, struct layout, link)->attrs;
        if (x->unit == a->unit && x->factor == a->factor &&
            memcmp(x->group, a->group, a->factor * sizeof *a->group) == 0)
            return x;
    }
    struct layout *y = port_alloc(m->port, sizeof *y);
    y->attrs = *a;
    list_push_front(&m->layouts, &y->link);
    return &y->attrs;
}

const struct pfs_attrs *pfs_meta_from(struct meta *m, const struct meta_mount *mount,
                                      const struct pfs_attrs *a, uint32_t from)
{
    struct pfs_attrs x = { .unit = a->unit, .factor = a->factor };
    for (uint32_t i = 0; i < x.factor; i++)
        x.group[i] = mount->group[(from + i) % mount->members];
    return x.factor <= mount->members ? pfs_meta_kept(m, &x) : a;
}

const struct pfs_attrs *pfs_meta_attrs(struct meta *m, struct meta_mount *mount,
                                       const struct pfs_meta_msg *a, const uint32_t *group)
{
    struct pfs_attrs x = { .unit = a->unit, .factor = a->factor };
    const struct pfs_attrs *asked = mount->attrs;
    if (a->factor > 0) {
        memcpy(x.group, group, a->factor * sizeof *group);
        if (check_attrs(m, &x) != PFS_OK)
            return NULL;
        asked = pfs_meta_kept(m, &x);
    }
    if (m->params->per_file_layout)
        return asked;
    if (!mount->fixed)
        mount->attrs = asked;
    mount->fixed = true;
    return asked == mount->attrs ? asked : NULL;
}

struct pfs_meta_msg pfs_meta_file_reply(const struct meta_file *f)
{
    return (struct pfs_meta_msg){ .id = f->id,
                                  .size = f->size,
                                  .unit = f->attrs->unit,
                                  .factor = f->attrs->factor,
                                  .ranks = f->number,
                                  .rights = f->rights,
                                  .value = f->local == f->id ? 0 : f->local,
                                  .flags = f->unsized ? PFS_META_UNSIZED : 0 };
}

void pfs_meta_answer_stat(struct select_request *q, const struct meta_file *f)
{
    struct pfs_meta_msg out = { .id = f->id, .flags = PFS_META_DIR, .rights = f->rights };
    if (f->dir) {
        pfs_log_reply(f->m, q, PFS_OK, &out, NULL);
        return;
    }
    out = pfs_meta_file_reply(f);
    out.id = f->local;
    out.value = f->pointer;
    pfs_log_reply(f->m, q, PFS_OK, &out, f->attrs->group);
}

static void do_lookup(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a)
{
    struct meta_file *f = NULL;
    enum pfs_status s = PFS_OK;
    if (a->flags & PFS_META_NUMBER)
        s = (f = pfs_tree_numbered(m, a->id)) == NULL ? PFS_NO_FILE : PFS_OK;
    else
        s = pfs_tree_find(m, a->name, &f);
    if (s != PFS_OK)
        pfs_log_reply(m, q, s, &(struct pfs_meta_msg){ 0 }, NULL);
    else
        pfs_token_stat(m, q, f);
}

static void do_open(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a,
                    const uint32_t *group)
{
    struct meta_file *f;
    if (a->ranks > 1 && (a->rank >= a->ranks || a->ranks > m->layout->compute_count)) {
        pfs_meta_answer(q, PFS_BAD_MODE, 0, 0);
    } else if ((a->flags & PFS_META_TOGETHER) && pfs_rank_lost(m, a->ranks)) {
        pfs_meta_answer(q, PFS_NODE_DOWN, 0, 0);
    } else if ((a->flags & PFS_META_TOGETHER) && a->ranks > 1) {
        pfs_gather_open(m, q, a, group);
    } else {
        enum pfs_status s = pfs_tree_file(m, a, group, &f);
        struct pfs_meta_msg out = { 0 };
        if (s == PFS_OK) {
            pfs_group_join(m, f, a->rank, a->ranks, a->flags);
            out = pfs_meta_file_reply(f);
            out.flags |= a->flags;
        }
        pfs_log_reply(m, q, s, &out, s == PFS_OK ? f->attrs->group : NULL);
    }
}

static void do_close(struct meta *m, struct select_request *q, struct meta_file *f,
                     const struct pfs_meta_msg *a)
{
    enum pfs_status s = PFS_OK;
    if ((a->flags & PFS_META_TOKEN_BACK) && f->held && f->grant == a->value) {
        if (a->size > f->size)
            f->size = a->size;
        pfs_token_next(f);
    }
    if (pfs_in_group(f, a)) {
        if (a->unit > 0 && f->record > 0 && a->unit != f->record)
            s = PFS_BAD_RECORD;
        f->record = a->unit > 0 ? a->unit : f->record;
        pfs_group_leave(m, f, a->rank);
    }
    pfs_meta_answer(q, s, f->size, 0);
}

/* What is kept with it, which may be new, once that is on the device. */
static void do_note(struct meta *m, struct select_request *q, struct meta_file *f,
                    const struct pfs_meta_msg *a, const struct rope *args)
{
    static const struct meta_note none;
    struct meta_note note = f->note != NULL ? *f->note : none;
    struct rope r;
    bool number = a->flags & PFS_META_NUMBER, label = a->flags & PFS_META_WRITE;
    if ((number || label) && m->log.failed) {
        pfs_meta_answer(q, PFS_IO_ERROR, 0, 0);
        return;
    }
    if (label && args->length - pfs_meta_length(a) == sizeof note.label)
        rope_read(args, pfs_meta_length(a), sizeof note.label, note.label);
    if (number) {
        note.checkpoint = a->value;
        note.size = a->size;
    }
    if (number || label) {
        pfs_tree_note(f, &note);
        pfs_log_add(m, PFS_LOG_NOTE, f, "", NULL);
    }
    struct pfs_meta_msg out = { .id = f->id, .value = note.checkpoint, .size = note.size };
    pfs_meta_pack(&r, PFS_OK, &out, NULL);
    rope_add_bytes(&r, note.label, sizeof note.label);
    pfs_log_send(m, q, &r);
}

static void on_file(struct meta *m, struct select_request *q, uint32_t procedure,
                    const struct pfs_meta_msg *a, const struct rope *args)
{
    struct meta_file *f = pfs_meta_by_id(m, a->id);
    if (f == NULL) {
        bool mine = a->id >> 32 == port_incarnation(m->port);
        pfs_meta_answer(q, mine ? PFS_NO_FILE : PFS_STALE, 0, 0);
        return;
    }
    switch (procedure) {
    case PFS_META_CLOSE:
        do_close(m, q, f, a);
        break;
    case PFS_META_TOKEN:
        pfs_token_ask(m, q, f, a->size);
        break;
    case PFS_META_POINTER:
        pfs_pointer_move(q, f, a);
        break;
    case PFS_META_SIZE:
        pfs_token_size(m, q, f, a->size);
        break;
    case PFS_META_ORDER:
        pfs_round_call(m, q, f, a);
        break;
    case PFS_META_NOTE:
        do_note(m, q, f, a, args);
        break;
    case PFS_META_STAT:
        if (a->flags & PFS_META_EXACT) {
            pfs_token_stat(m, q, f);
            break;
        }
        pfs_meta_answer(q, PFS_OK, f->size, 0);
        break;
    default: /* PFS_META_EXTEND */
        f->unsized = false;
        if (a->size > f->size)
            f->size = a->size;
        pfs_meta_answer(q, PFS_OK, f->size, 0);
    }
}

static void serve(void *arg, struct select_request *q, uint32_t procedure, struct rope *args)
{
    if (!pfs_log_waits(arg, q, procedure, args))
        pfs_meta_serve(arg, q, procedure, args);
}

void pfs_meta_serve(struct meta *m, struct select_request *q, uint32_t procedure, struct rope *args)
{
    struct pfs_meta_msg a;
    uint32_t group[PFS_FACTOR_MAX];
    port_work(m->port, PORT_WORK_FILE, 1);
    bool good = procedure < PFS_META_PROCS && pfs_meta_load(args, &a, group);
    if (good)
        m->as = a.rights;
    if (!good)
        pfs_meta_answer(q, PFS_BAD_NAME, 0, 0);
    else if (procedure == PFS_META_OPEN)
        do_open(m, q, &a, group);
    else if (procedure == PFS_META_AGREE)
        pfs_gather_agree(m, q, &a);
    else if (procedure == PFS_META_LOOKUP)
        do_lookup(m, q, &a);
    else if (!pfs_tree_serve(m, q, procedure, &a, args))
        on_file(m, q, procedure, &a, args);
}

const struct counter pfs_meta_counters[] = {
    C_SUM(meta, counts, records, "1", "Changes of names written to the log that keeps them."),
    C_NOW(meta, log, log_bytes, "B", "How long the log is."),
    C_SUM(meta, counts, copies, "1", "Times that log was written anew from the names."),
    C_SUM(meta, counts, copied, "B", "Bytes of names written for that."),
    C_SUM(meta, counts, lost, "1", "Times that callers were told that it gave no answer."),
    C_END,
};

void pfs_meta_boot(struct xk_protl *rpc, const struct os_layout *layout,
                   const struct pfs_params *params, const struct kind_set *modes,
                   struct file_sys *names)
{
    struct port *p = xk_port(rpc);
    struct meta *m = port_alloc(p, sizeof *m);
    m->port = p;
    m->rpc = rpc;
    m->layout = layout;
    m->params = params;
    m->modes = modes;
    m->lowest_lost = UINT32_MAX;
    port_counters(p, "pfs_meta", pfs_meta_counters, m);
    list_init(&m->gathers);
    list_init(&m->layouts);
    pfs_tree_init(m);
    pfs_log_start(m, names);
    for (uint32_t i = 0; i < pfs_mount_count(params); i++) {
        struct err e = ERR_INIT;
        struct pfs_mount x;
        if (pfs_mount_read(params, layout, i, "", &x, &e)) /* else there is no I/O node */
            pfs_tree_mount(m, &x, params->mounts != NULL);
    }
    pfs_token_start(m);
    xk_on_peer(rpc->kernel, peer_changed, m);
    enum xk_status served = select_serve(m->rpc, PFS_SERVICE_META, serve, m);
    ASSERT(served == XK_OK);
}
