/* save.c: see save.h: regions of an instance as part of what is saved.
 *
 * Image, big-endian: u32 regions; each, newest first: u32 its number, u32 manager, u32 pages; each
 * page: u32 page, u8 flags, u8 protection, u32 rank of the hint, u32 version, u32 moves, u32
 * members of its copy set, u32 rank each; then what its manager keeps.  Pages that the node has
 * never touched are as they were at the beginning.
 */
#include "os/svm/save.h"

#include "os/svm/svm_internal.h"

enum { OWNS = 1, MANAGES = 2 };

struct svm_early {
    struct list link;
    uint32_t from, key;
    struct rope data;
};

void svm_put32(struct rope *out, uint32_t v)
{
    uint8_t wire[4];
    wire_put32(wire, v);
    rope_add_bytes(out, wire, sizeof wire);
}

uint32_t svm_get32(struct svm_image *in)
{
    uint8_t wire[4] = { 0 };
    in->good = in->good && in->bytes->length - in->at >= sizeof wire;
    if (!in->good)
        return 0;
    rope_read(in->bytes, in->at, sizeof wire, wire);
    in->at += sizeof wire;
    return wire_get32(wire);
}

void svm_put_node(const struct svm *s, struct rope *out, uint32_t node)
{
    svm_put32(out, s->kept->ranks[node]);
}

void svm_put_nodes(const struct svm *s, struct rope *out, const struct nodeset *n)
{
    svm_put32(out, n->count);
    for (uint32_t i = 0; i < n->count; i++)
        svm_put_node(s, out, n->nodes[i]);
}

uint32_t svm_get_node(const struct svm *s, struct svm_image *in)
{
    uint32_t rank = svm_get32(in);
    in->good = in->good && rank < s->count;
    return in->good ? s->nodes[rank] : 0;
}

void svm_get_nodes(struct svm *s, struct svm_image *in, struct nodeset *n)
{
    for (uint32_t left = svm_get32(in); in->good && left > 0; left--)
        nodeset_add(s->port, n, svm_get_node(s, in));
}

/* ---- pages: for os/vm ---- */

static bool is_saved(const struct svm *s, const struct svm_page *sp)
{
    enum vm_prot prot = vm_page_prot(s->region, sp->page);
    if (s->ops->ownerless)
        return prot == VM_WRITE || s->ops->contents(sp) != NULL;
    return sp->owner && (prot != VM_NONE || sp->arrived_bytes);
}

static uint64_t next(const struct vm_region *r, uint64_t page)
{
    const struct svm *s = vm_region_object(r);
    for (page = vm_page_touched(r, page); page < s->pages; page = vm_page_touched(r, page + 1)) {
        const struct svm_page *sp = vm_page_user(r, page);
        if (sp && is_saved(s, sp))
            break;
    }
    return page;
}

static bool contents(struct vm_region *r, uint64_t page, struct rope *out)
{
    const struct svm *s = vm_region_object(r);
    const struct svm_page *sp = vm_page_user(r, page);
    const struct rope *bytes = s->ops->ownerless ? s->ops->contents(sp) : &sp->arrived;
    rope_add_slice(out, bytes, 0, bytes->length);
    return true;
}

static void restore(struct vm_region *r, uint64_t page, struct rope *data)
{
    struct svm *s = vm_region_object(r);
    struct svm_page *sp = vm_page_user(r, page);
    ASSERT_MSG(sp && (sp->owner || s->ops->ownerless) && !s->kept->open,
               "bytes of a page come back to who does not own it (SVMS2)");
    if (s->ops->ownerless && sp->was != VM_WRITE) {
        s->ops->restored(sp, data);
    } else if (sp->was != VM_NONE) {
        vm_supply(r, page, data, sp->was);
    } else {
        rope_move(&sp->arrived, data);
        sp->arrived_bytes = true;
    }
}

const struct vm_saving_ops svm_saving = { .next = next, .contents = contents, .restore = restore };

/* ---- the image ---- */

static void save_page(const struct svm *s, const struct svm_page *sp, struct rope *out)
{
    uint8_t head[6];
    wire_put32(head, (uint32_t)sp->page);
    head[4] = (uint8_t)((sp->owner ? OWNS : 0) | (sp->mgr ? MANAGES : 0));
    head[5] = (uint8_t)vm_page_prot(s->region, sp->page);
    rope_add_bytes(out, head, sizeof head);
    svm_put_node(s, out, sp->hint);
    svm_put32(out, sp->version);
    svm_put32(out, sp->moves);
    svm_put_nodes(s, out, &sp->copies);
    if (sp->mgr)
        s->ops->save(sp, out);
}

/* The inverse of the list of nodes; the caller's. */
static uint32_t *ranks_of(const struct svm *s)
{
    uint32_t most = 0;
    for (uint32_t i = 0; i < s->count; i++)
        most = s->nodes[i] > most ? s->nodes[i] : most;
    uint32_t *ranks = port_alloc(s->port, (most + 1) * sizeof *ranks);
    for (uint32_t i = 0; i < s->count; i++)
        ranks[s->nodes[i]] = i;
    return ranks;
}

void svm_save(const struct xk_protl *svm, struct rope *out, uint64_t *copies)
{
    const struct svm_instance *in = svm->state;
    svm_put32(out, in->count);
    for (const struct svm *s = in->regions; s; s = s->next) {
        uint32_t pages = 0;
        in->kept->ranks = ranks_of(s);
        LIST_EACH (l, &s->all)
            pages++;
        svm_put32(out, s->id);
        svm_put32(out, (uint32_t)s->params.manager);
        svm_put32(out, pages);
        LIST_EACH (l, &s->all) {
            const struct svm_page *sp = LIST_ENTRY(l, struct svm_page, all);
            save_page(s, sp, out);
            *copies += vm_page_prot(s->region, sp->page) != VM_NONE && !is_saved(s, sp);
        }
        port_free(s->port, in->kept->ranks);
    }
}

/* Into the page, or past it (s: another region). */
static void load_page(struct svm *s, struct svm_image *in)
{
    uint8_t head[6] = { 0 };
    in->good = in->good && in->bytes->length - in->at >= sizeof head;
    if (!in->good)
        return;
    rope_read(in->bytes, in->at, sizeof head, head);
    in->at += sizeof head;
    in->good = wire_get32(head) < s->pages && head[5] <= VM_WRITE;
    if (!in->good)
        return;
    struct svm_page *sp = svm_page_get(s, wire_get32(head));
    sp->owner = head[4] & OWNS;
    sp->was = head[5];
    sp->hint = svm_get_node(s, in);
    sp->version = svm_get32(in);
    sp->moves = svm_get32(in);
    svm_get_nodes(s, in, &sp->copies);
    if (head[4] & MANAGES)
        in->good = in->good && s->ops->load(sp, in);
}

void svm_restore(struct svm *s)
{
    struct svm_image in = { .bytes = &s->kept->image, .good = true };
    if (in.bytes->length == 0)
        return;
    uint32_t regions = svm_get32(&in);
    ASSERT_MSG(regions == 1 && svm_get32(&in) == s->id &&
                   svm_get32(&in) == (uint32_t)s->params.manager,
               "a program shares another memory than it had");
    for (uint32_t left = svm_get32(&in); in.good && left > 0; left--)
        load_page(s, &in);
    ASSERT_MSG(in.good && in.at == in.bytes->length, "an image of shared memory makes no sense");
}

/* ---- an instance that is kept ---- */

static void drop_early(struct svm_kept *k)
{
    struct list *l;
    while ((l = list_pop(&k->early))) {
        struct svm_early *e = LIST_ENTRY(l, struct svm_early, link);
        rope_fini(&e->data);
        port_free(k->port, e);
    }
}

void svm_keep(struct xk_protl *svm, uint32_t run, struct rope *image)
{
    struct svm_instance *in = svm->state;
    struct svm_kept *k = in->kept;
    if (!k) {
        k = in->kept = port_alloc(xk_port(svm), sizeof *k);
        k->port = xk_port(svm);
        k->run = run;
        rope_init(&k->image);
        list_init(&k->early);
    }
    ASSERT(!k->open && k->run == run && !in->regions);
    rope_fini(&k->image);
    rope_move(&k->image, image);
}

void svm_open(struct xk_protl *svm)
{
    struct svm_instance *in = svm->state;
    struct svm_kept *k = in->kept;
    struct list *l;
    k->open = true;
    rope_fini(&k->image);
    while ((l = list_pop(&k->early))) {
        struct svm_early *e = LIST_ENTRY(l, struct svm_early, link);
        struct xk_msg m;
        xk_msg_init_rope(&m, &e->data);
        in->arrived(in, e->from, e->key, &m);
        xk_msg_fini(&m);
        port_free(k->port, e);
    }
}

bool svm_kept_takes(struct svm_kept *k, const struct xk_sessn *lower, struct xk_msg *m)
{
    uint8_t run[SVM_RUN];
    if (!xk_msg_pop(m, run, sizeof run) || wire_get32(run) != k->run)
        return true;
    k->received++;
    if (k->open)
        return false;
    struct svm_early *e = port_alloc(k->port, sizeof *e);
    list_init(&e->link);
    e->from = lower->host;
    e->key = lower->key;
    xk_msg_to_rope(m, &e->data);
    list_push(&k->early, &e->link);
    return true;
}

/* Its regions, whose program has ended long since. */
static void free_former(struct svm_kept *k)
{
    for (struct svm *s = k->former, *more; s; s = more) {
        more = s->next;
        struct list *l;
        while ((l = list_pop(&s->all))) {
            struct svm_page *sp = LIST_ENTRY(l, struct svm_page, all);
            svm_drop_all(s, &sp->deferred);
            nodeset_clear(s->port, &sp->copies);
            nodeset_clear(s->port, &sp->acks);
            rope_fini(&sp->arrived);
            if (sp->mgr)
                s->ops->forget(sp);
            port_free(s->port, sp);
        }
    }
    k->former = NULL;
}

void svm_drop(struct xk_protl *svm, uint32_t run)
{
    struct svm_instance *in = svm->state;
    struct svm_kept *k = in->kept;
    if (!k)
        return;
    free_former(k);
    drop_early(k);
    k->run = run;
    k->open = false;
    k->sent = k->received = 0;
    for (struct svm *s = in->regions; s; s = s->next) {
        s->gone = true;
        port_timer_cancel(&s->local_timer);
        svm_drop_all(s, &s->local);
        LIST_EACH (l, &s->all)
            port_timer_cancel(&LIST_ENTRY(l, struct svm_page, all)->retry);
    }
    k->former = in->regions;
    in->regions = NULL;
    in->count = 0;
}

static bool is_busy(const struct svm *s, const struct svm_page *sp)
{
    return sp->locked || sp->putting || sp->fetching || sp->ack_below || sp->acks.count > 0 ||
           !list_empty(&sp->deferred) || (sp->mgr && !s->ops->idle(sp));
}

void svm_add_traffic(const struct xk_protl *svm, struct svm_traffic *t)
{
    const struct svm_instance *in = svm->state;
    t->sent += in->kept->sent;
    t->received += in->kept->received;
    t->busy |= !in->kept->open;
    for (const struct svm *s = in->regions; s; s = s->next) {
        t->busy |= !list_empty(&s->local);
        LIST_EACH (l, &s->all)
            t->busy |= is_busy(s, LIST_ENTRY(l, struct svm_page, all));
    }
}
