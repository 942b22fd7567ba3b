/* coherence.c: what owners, holders of copies and requesters do, whoever manages.
 *
 * Called by the pager (faults of the program), by messages, and by the managers.  The states and
 * the in-flight rules stand in svm_internal.h.
 */
#include "os/svm/svm_internal.h"

void svm_defer(struct svm_page *sp, struct svm_msg *m)
{
    list_push(&sp->deferred, &m->link);
}

/* Handles what was put aside; what cannot be handled yet is put aside again. */
static void answer_deferred(struct svm *s, struct svm_page *sp)
{
    struct list todo, *l;
    list_init(&todo);
    while ((l = list_pop(&sp->deferred)))
        list_push(&todo, l);
    while ((l = list_pop(&todo)))
        s->receive(s, LIST_ENTRY(l, struct svm_msg, link));
}

static bool resident(const struct svm *s, const struct svm_page *sp)
{
    return vm_page_prot(s->region, sp->page) != VM_NONE;
}

/* The bytes of a page that this node holds: zeroes when it was never touched. */
static void bytes_of(struct svm *s, struct svm_page *sp, struct rope *out)
{
    if (sp->arrived_bytes)
        rope_add_slice(out, &sp->arrived, 0, s->page_bytes);
    else if (!vm_contents(s->region, sp->page, out))
        rope_add_zero(out, s->page_bytes);
}

static void drop_arrived(struct svm_page *sp)
{
    rope_fini(&sp->arrived);
    sp->arrived_bytes = false;
}

/* ---- the store of owned pages (SVMI7) ---- */

static void owned(struct svm *s, struct svm_page *sp);

struct paging {
    struct vm_store_io io;
    struct svm_page *sp;
};

static struct paging *paging_new(struct svm_page *sp, void (*done)(struct vm_store_io *io))
{
    struct paging *g = port_alloc(sp->svm->port, sizeof *g);
    g->sp = sp;
    g->io = (struct vm_store_io){ .page = sp->page, .done = done, .arg = g };
    rope_init(&g->io.data);
    return g;
}

static void fetched(struct vm_store_io *io)
{
    struct paging *g = io->arg;
    struct svm_page *sp = g->sp;
    struct svm *s = sp->svm;
    svm_event(s, sp, SVM_ON_FETCHED);
    sp->fetching = false;
    if (io->status == VM_OK) {
        s->counts.page_ins++;
        rope_fini(&sp->arrived);
        rope_move(&sp->arrived, &io->data);
        sp->arrived_bytes = true;
    } else {
        s->counts.lost++;
        sp->stored = false;
        sp->lost = io->status;
    }
    port_free(s->port, g);
    if (sp->locked && sp->owner && !s->ops->managed)
        owned(s, sp);
    else
        answer_deferred(s, sp);
    if (sp->stored && !sp->locked)
        drop_arrived(sp);
}

/* Are an owner's bytes here?  False: they are being fetched, and answer_deferred or the fault in
 * progress goes on when they have come. */
static bool at_hand(struct svm *s, struct svm_page *sp)
{
    if (!sp->stored || sp->arrived_bytes || sp->lost != VM_OK || resident(s, sp))
        return true;
    if (!sp->fetching) {
        sp->fetching = true;
        s->store->ops->get(s->store, &paging_new(sp, fetched)->io);
        ASSERT_MSG(sp->fetching, "a store answers for a stored page from inside the call");
    }
    return false;
}

static void put_away(struct vm_store_io *io)
{
    struct paging *g = io->arg;
    struct svm_page *sp = g->sp;
    struct svm *s = sp->svm;
    enum vm_status status = io->status;
    rope_fini(&io->data);
    port_free(s->port, g);
    svm_event(s, sp, SVM_ON_PUT);
    sp->putting = false;
    if (status == VM_OK) {
        s->counts.page_outs++;
        sp->stored = true;
        vm_set_clean(s->region, sp->page);
    }
    if (status == VM_OK && list_empty(&sp->deferred))
        vm_discard(s->region, sp->page);
    else
        vm_keep(s->region, sp->page, status == VM_OK ? VM_NO_FRAMES : status);
    answer_deferred(s, sp);
}

static void put(struct svm *s, struct svm_page *sp)
{
    struct paging *g = paging_new(sp, put_away);
    if (!vm_contents(s->region, sp->page, &g->io.data))
        ASSERT_MSG(false, "an evicted page has no frame");
    sp->putting = true;
    sp->stored = false;
    s->store->ops->put(s->store, &g->io);
}

/* The ownership leaves this node: what it keeps of the page elsewhere is void. */
static void forget_stored(struct svm *s, struct svm_page *sp)
{
    if (sp->stored)
        s->store->ops->drop(s->store, sp->page);
    sp->stored = false;
    drop_arrived(sp);
}

/* ---- the requester ---- */

struct svm_msg *svm_request_new(struct svm *s, struct svm_page *sp, bool has_copy)
{
    struct svm_msg *m = svm_msg_new(s, SVM_REQUEST, sp->page);
    m->access = sp->want;
    m->fault = sp->fault;
    m->has_copy = has_copy;
    m->version = sp->version;
    return m;
}

bool svm_defers_all(struct svm *s, const struct svm_page *sp, const struct svm_msg *m)
{
    (void)s;
    (void)sp;
    (void)m;
    return true;
}

bool svm_defers_none(struct svm *s, const struct svm_page *sp, const struct svm_msg *m)
{
    return !svm_defers_all(s, sp, m);
}

bool svm_defers_owning(struct svm *s, const struct svm_page *sp, const struct svm_msg *m)
{
    (void)s;
    (void)m;
    return sp->owner || sp->want == VM_WRITE;
}

static void request(struct svm *s, struct svm_page *sp)
{
    sp->fault++;
    s->ops->request(s, sp, resident(s, sp));
}

void svm_ask_again(struct svm *s, struct svm_page *sp)
{
    if (!sp->locked || sp->owner || s->frozen)
        return;
    s->counts.retries++;
    request(s, sp);
}

/* The fault here is over, well or not: the manager may know, and those that waited go on. */
static void fault_over(struct svm *s, struct svm_page *sp)
{
    if (s->ops->granted)
        s->ops->granted(s, sp);
    answer_deferred(s, sp);
}

static void fail_fault(struct svm *s, struct svm_page *sp, enum vm_status why)
{
    port_timer_cancel(&sp->retry);
    sp->tries = 0;
    sp->locked = false;
    vm_fail(s->region, sp->page, why);
    fault_over(s, sp);
}

void svm_grant(struct svm *s, struct svm_page *sp, struct rope *data, enum vm_prot prot)
{
    port_timer_cancel(&sp->retry);
    sp->tries = 0;
    sp->locked = false;
    if (data)
        vm_supply(s->region, sp->page, data, prot);
    else
        vm_grant(s->region, sp->page, prot);
    fault_over(s, sp);
}

/* This node owns the page, and `arrived_bytes` or its own copy is good. */
static void grant_owned(struct svm *s, struct svm_page *sp, enum vm_prot prot)
{
    struct rope data;
    bool bytes = sp->arrived_bytes || !resident(s, sp);
    if (sp->lost != VM_OK) {
        fail_fault(s, sp, sp->lost);
        return;
    }
    rope_init(&data);
    if (bytes)
        bytes_of(s, sp, &data);
    drop_arrived(sp);
    svm_grant(s, sp, bytes ? &data : NULL, prot);
    rope_fini(&data);
}

/* This node is owner and its fault goes on: other copies go before a write. */
static void owned(struct svm *s, struct svm_page *sp)
{
    if (s->frozen || !at_hand(s, sp))
        return;
    if (sp->want == VM_READ) {
        grant_owned(s, sp, sp->copies.count > 0 ? VM_READ : VM_WRITE);
        return;
    }
    sp->version++;
    svm_invalidate_copies(s, sp, s->self, sp->version);
    if (sp->acks.count == 0)
        grant_owned(s, sp, VM_WRITE);
}

static void fault(struct vm_region *r, uint64_t page, enum vm_prot have, enum vm_prot want)
{
    struct svm *s = vm_region_object(r);
    (void)have;
    if (s->gone)
        return;
    struct svm_page *sp = svm_page_get(s, page);
    svm_event(s, sp, want == VM_READ ? SVM_ON_READ_FAULT : SVM_ON_WRITE_FAULT);
    ASSERT(!sp->locked);
    s->counts.read_faults += want == VM_READ;
    s->counts.write_faults += want == VM_WRITE;
    sp->locked = true;
    sp->want = want;
    if (s->out)
        fail_fault(s, sp, VM_OUT);
    else if (s->frozen) /* svm_resume goes on */
        return;
    else if (sp->owner && !s->ops->managed)
        owned(s, sp);
    else
        request(s, sp);
}

void svm_resume(struct svm *s, struct svm_page *sp)
{
    if (s->ops->resumed)
        s->ops->resumed(s, sp);
    if (!sp->locked)
        return;
    sp->tries = 0;
    if (sp->owner && !s->ops->managed)
        owned(s, sp);
    else
        request(s, sp);
}

/* A READ copy, or (ownerless) what the manager grants. */
void svm_copy_arrived(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    bool expected = sp->locked && m->fault == sp->fault;
    if (!expected)
        return;
    if (m->version < sp->version) {
        svm_ask_again(s, sp);
        return;
    }
    sp->version = m->version;
    if (s->ops->hints)
        sp->hint = m->from;
    if (m->lost != VM_OK) {
        fail_fault(s, sp, m->lost);
        return;
    }
    svm_grant(s, sp, m->data.length > 0 ? &m->data : NULL, m->access);
}

static void announce(struct svm *s, struct svm_page *sp)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->nodes[i] == s->self || !svm_alive(s, s->nodes[i]))
            continue;
        struct svm_msg *m = svm_msg_new(s, SVM_ANNOUNCE, sp->page);
        m->moves = sp->moves;
        svm_send(s, s->nodes[i], m);
    }
}

/* One more copy was served here.  In a tree a holder that is not the owner serves copies too. */
static void served(struct svm *s, struct svm_page *sp)
{
    if (s->params.announce_every == 0 || !s->ops->hints || !sp->owner ||
        ++sp->served < (uint64_t)s->params.announce_every)
        return;
    sp->served = 0;
    announce(s, sp);
}

/* The ownership has moved here, for the moves-th time. */
static void moved(struct svm *s, struct svm_page *sp)
{
    if (s->params.announce_every > 0 && s->ops->hints &&
        sp->moves % (uint64_t)s->params.announce_every == 0)
        announce(s, sp);
}

static void ownership_arrived(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    ASSERT_MSG(m->data.length > 0 || resident(s, sp) || sp->owner || m->lost != VM_OK,
               "ownership without bytes reaches a node without a copy (SVMI5)");
    sp->owner = true;
    sp->lost = m->lost;
    sp->hint = s->self;
    sp->version = m->version;
    sp->moves = m->moves;
    nodeset_remove(&m->copies, s->self);
    if (sp->copies.count == 0) {
        nodeset_clear(s->port, &sp->copies);
        nodeset_move(&sp->copies, &m->copies);
    }
    for (uint32_t i = 0; i < m->copies.count; i++)
        nodeset_add(s->port, &sp->copies, m->copies.nodes[i]);
    moved(s, sp);
    drop_arrived(sp);
    sp->arrived_bytes = m->data.length > 0;
    if (sp->arrived_bytes)
        vm_change(s->region, sp->page);
    rope_move(&sp->arrived, &m->data);
    if (sp->locked)
        owned(s, sp);
    else /* a gift: the bytes stay in the buffer until somebody wants them */
        answer_deferred(s, sp);
}

static void ack_arrived(struct svm *s, struct svm_page *sp, uint32_t from)
{
    if (!nodeset_remove(&sp->acks, from) || sp->acks.count > 0)
        return;
    if (sp->ack_below) {
        sp->ack_below = false;
        svm_send(s, sp->ack_to, svm_msg_new(s, SVM_ACK, sp->page));
    }
    if (sp->locked && sp->owner)
        grant_owned(s, sp, VM_WRITE);
}

/* ---- owners and holders ---- */

/* Lowers this node's own access for a request; false after putting the request aside. */
static bool lower(struct svm *s, struct svm_page *sp, struct svm_msg *m, enum vm_prot prot)
{
    if (!sp->putting && vm_revoke(s->region, sp->page, prot))
        return true;
    svm_defer(sp, m);
    return false;
}

/* The bytes that an answer needs are here; false after putting the request aside. */
static bool ready(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    if (at_hand(s, sp))
        return true;
    svm_defer(sp, m);
    return false;
}

static bool needs_bytes(const struct svm_page *sp, const struct svm_msg *m)
{
    return !(m->has_copy && m->version == sp->version);
}

static struct svm_msg *answer(struct svm *s, struct svm_page *sp, const struct svm_msg *m)
{
    struct svm_msg *a = svm_msg_new(s, SVM_PAGE, sp->page);
    a->origin = m->origin;
    a->fault = m->fault;
    a->version = sp->version;
    a->access = m->access;
    a->lost = sp->lost;
    return a;
}

bool svm_serve_copy(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    if (!lower(s, sp, m, VM_READ) || !ready(s, sp, m))
        return false;
    struct svm_msg *a = answer(s, sp, m);
    a->access = VM_READ;
    if (sp->lost == VM_OK)
        bytes_of(s, sp, &a->data);
    if (sp->lost == VM_OK && !s->ops->managed)
        nodeset_add(s->port, &sp->copies, m->origin);
    svm_send(s, m->origin, a);
    svm_msg_free(s, m);
    served(s, sp);
    return true;
}

bool svm_serve_ownership(struct svm *s, struct svm_page *sp, struct svm_msg *m, enum vm_prot keep)
{
    bool bytes = needs_bytes(sp, m) && sp->lost == VM_OK;
    if (sp->putting ||
        (vm_page_pinned(s->region, sp->page) && vm_page_prot(s->region, sp->page) > keep))
        return lower(s, sp, m, keep);
    if (bytes && !ready(s, sp, m))
        return false;
    struct svm_msg *a = answer(s, sp, m);
    bool held = resident(s, sp);
    if (bytes && keep == VM_NONE)
        bytes_of(s, sp, &a->data);
    if (!lower(s, sp, m, keep))
        ASSERT_MSG(false, "a page that is not pinned cannot be revoked (SVMI3)");
    if (bytes && keep != VM_NONE) /* shared from now on: nobody writes it */
        bytes_of(s, sp, &a->data);
    a->ownership = true;
    a->moves = ++sp->moves;
    nodeset_move(&a->copies, &sp->copies);
    if (keep != VM_NONE && held)
        nodeset_add(s->port, &a->copies, s->self);
    sp->owner = false;
    sp->lost = VM_OK;
    sp->hint = m->origin;
    forget_stored(s, sp);
    svm_send(s, m->origin, a);
    svm_msg_free(s, m);
    return true;
}

bool svm_serve_self(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    if (!ready(s, sp, m))
        return false;
    enum vm_prot prot = m->access;
    sp->version += prot == VM_WRITE;
    svm_msg_free(s, m);
    grant_owned(s, sp, prot);
    return true;
}

void svm_invalidate_copies(struct svm *s, struct svm_page *sp, uint32_t writer, uint32_t version)
{
    for (uint32_t i = 0; i < sp->copies.count; i++) {
        uint32_t node = sp->copies.nodes[i];
        if (node == s->self || node == writer)
            continue;
        struct svm_msg *m = svm_msg_new(s, SVM_INVALIDATE, sp->page);
        m->origin = writer;
        m->version = version;
        nodeset_add(s->port, &sp->acks, node);
        s->counts.invalidations++;
        svm_send(s, node, m);
    }
    nodeset_clear(s->port, &sp->copies);
}

static void invalidate(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    if (sp->owner) {
        /* The writer is this node, or this node has become owner since: its copy is not the
         * old one. */
        svm_send(s, m->from, svm_msg_new(s, SVM_ACK, sp->page));
        svm_msg_free(s, m);
        return;
    }
    if (!vm_revoke(s->region, sp->page, VM_NONE)) {
        svm_defer(sp, m);
        return;
    }
    if (m->version > sp->version)
        sp->version = m->version;
    if (s->ops->hints)
        sp->hint = m->origin;
    /* Who lost its copy to replacement may read again from a node below: then the invalidation
     * comes round, and is answered at once, for whoever sent the first waits for all below. */
    bool around = sp->ack_below;
    if (s->ops->copies_in_tree && sp->copies.count > 0) {
        svm_invalidate_copies(s, sp, m->origin, m->version);
        if (!around)
            sp->ack_to = m->from;
        sp->ack_below = sp->acks.count > 0;
    }
    if (around || !sp->ack_below)
        svm_send(s, m->from, svm_msg_new(s, SVM_ACK, sp->page));
    svm_msg_free(s, m);
}

static void announced(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    if (!sp->owner && !sp->locked && m->moves > sp->moves) {
        sp->moves = m->moves;
        sp->hint = m->origin;
    }
    svm_msg_free(s, m);
}

static enum svm_event event_of(const struct svm_msg *m)
{
    bool write = m->access == VM_WRITE;
    switch (m->op) {
    case SVM_REQUEST:
        return write ? SVM_ON_WRITE_REQUEST : SVM_ON_READ_REQUEST;
    case SVM_FORWARD:
        return write ? SVM_ON_WRITE_FORWARD : SVM_ON_READ_FORWARD;
    case SVM_PAGE:
        return m->ownership ? SVM_ON_OWNERSHIP : SVM_ON_COPY;
    case SVM_CONFIRM:
        return SVM_ON_CONFIRM;
    case SVM_INVALIDATE:
        return SVM_ON_INVALIDATE;
    case SVM_ACK:
        return SVM_ON_ACK;
    case SVM_ANNOUNCE:
        return SVM_ON_ANNOUNCE;
    case SVM_FLUSH:
        return SVM_ON_FLUSH;
    default:
        return SVM_ON_DATA;
    }
}

void svm_handle(struct svm *s, struct svm_msg *m)
{
    if (s->ops->take) {
        s->ops->take(s, m);
        return;
    }
    struct svm_page *sp = svm_page_get(s, m->page);
    svm_event(s, sp, event_of(m));
    if (s->ops->message && s->ops->message(s, sp, m))
        return;
    switch (m->op) {
    case SVM_REQUEST:
    case SVM_FORWARD:
        /* An owner serves in order (SVMI6): what waits for an unpin comes first. */
        if ((sp->locked && s->ops->defers(s, sp, m)) || (sp->owner && !list_empty(&sp->deferred)))
            svm_defer(sp, m);
        else
            s->ops->serve(s, sp, m);
        break;
    case SVM_PAGE:
        if (m->ownership)
            ownership_arrived(s, sp, m);
        else
            svm_copy_arrived(s, sp, m);
        svm_msg_free(s, m);
        break;
    case SVM_INVALIDATE:
        invalidate(s, sp, m);
        break;
    case SVM_ACK:
        ack_arrived(s, sp, m->from);
        svm_msg_free(s, m);
        break;
    case SVM_ANNOUNCE:
        announced(s, sp, m);
        break;
    default:
        svm_msg_free(s, m);
        break;
    }
}

/* ---- the pager ---- */

/* A READ copy is dropped in silence; its owner keeps this node in the copy set, which costs an
 * invalidation at most.  What is owned goes to the store, unless that has it as it is. */
static void evict(struct vm_region *r, uint64_t page, bool dirty)
{
    struct svm *s = vm_region_object(r);
    struct svm_page *sp = svm_page_get(s, page);
    bool stays = s->gone || sp->locked || sp->fetching || s->frozen;
    svm_event(s, sp, SVM_ON_EVICT);
    if (s->ops->ownerless && !stays) {
        struct rope data;
        enum vm_prot prot = vm_page_prot(r, page);
        rope_init(&data);
        if (prot == VM_WRITE && !vm_contents(r, page, &data))
            ASSERT_MSG(false, "an evicted page has no frame");
        stays = !s->ops->page_out(s, sp, &data, prot);
        rope_fini(&data);
    } else if (sp->owner && !stays && (dirty || !sp->stored)) {
        stays = s->store == NULL;
        if (!stays) {
            put(s, sp);
            return;
        }
    }
    if (stays)
        vm_keep(r, page, VM_NO_FRAMES);
    else
        vm_discard(r, page);
}

/* No frame was found for what was granted: an owner keeps the bytes in a buffer. */
static void refused(struct vm_region *r, uint64_t page, struct rope *data, enum vm_prot prot)
{
    struct svm *s = vm_region_object(r);
    struct svm_page *sp = svm_page_get(s, page);
    svm_event(s, sp, SVM_ON_REFUSED);
    if (s->ops->ownerless && !s->frozen) {
        s->ops->page_out(s, sp, data, prot);
    } else if (data && (sp->owner || (s->ops->ownerless && prot == VM_WRITE))) {
        drop_arrived(sp);
        rope_move(&sp->arrived, data);
        sp->arrived_bytes = true;
    }
    answer_deferred(s, sp);
}

static void unpinned(struct vm_region *r, uint64_t page)
{
    struct svm *s = vm_region_object(r);
    if (s->gone)
        return;
    struct svm_page *sp = svm_page_get(s, page);
    svm_event(s, sp, SVM_ON_UNPIN);
    answer_deferred(s, sp);
}

const struct vm_pager_ops svm_pager = {
    .name = "svm",
    .fault = fault,
    .evict = evict,
    .unpinned = unpinned,
    .refused = refused,
    .saving = &svm_saving,
};
