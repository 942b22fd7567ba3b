/* mgr_central.c: managers that know the owner: central, improved, fixed.
 *
 * central   [Li & Hudak 1989, section 3.1, monitor-like]: the manager has owner and copy set of
 * every
 *           page, does one request of a page at a time, invalidates, and waits for a confirmation.
 * improved  [section 3.1, improved]: the copy set is with the owner, which synchronises; the
 * manager has
 *           the owner alone and sets it when it forwards a write request.
 * fixed     [section 3.2]: as improved, the manager of page p is node (p div hash_block) mod N.
 */
#include "os/svm/svm_internal.h"

static uint32_t manager_of(const struct svm *s, uint64_t page)
{
    if (s->ops != &svm_mgr_fixed)
        return svm_leader(s);
    return svm_alive_from(s, (uint32_t)(page / (uint64_t)s->params.hash_block % s->count));
}

static void ask(struct svm *s, struct svm_page *sp, bool has_copy)
{
    svm_send(s, manager_of(s, sp->page), svm_request_new(s, sp, has_copy));
}

/* What a manager keeps of a page. */
struct record {
    uint32_t owner;
    bool busy;             /* central: from request to confirmation */
    struct svm_msg *now;   /* central: what waits for acknowledgements */
    struct nodeset copies; /* central */
    struct nodeset acks;   /* central */
    struct list queue;     /* central: struct svm_msg */
};

static struct record *record_of(struct svm *s, struct svm_page *sp)
{
    if (!sp->mgr) {
        struct record *r = port_alloc(s->port, sizeof *r);
        r->owner = svm_initial_owner(s, sp->page);
        list_init(&r->queue);
        sp->mgr = r;
    }
    return sp->mgr;
}

/* ---- after a death: the next that lives manages ---- */

static void reset(struct svm *s, struct svm_page *sp)
{
    struct record *r = sp->mgr;
    svm_drop_all(s, &r->queue);
    if (r->now)
        svm_msg_free(s, r->now);
    r->now = NULL;
    r->busy = false;
    nodeset_clear(s->port, &r->acks);
}

static bool manages(const struct svm *s, uint64_t page)
{
    return manager_of(s, page) == s->self;
}

static void rebuild(struct svm *s, struct svm_page *sp, uint32_t owner, enum vm_status lost,
                    struct nodeset *copies)
{
    (void)lost;
    if (!manages(s, sp->page))
        return;
    struct record *r = record_of(s, sp);
    r->owner = owner;
    nodeset_clear(s->port, &r->copies);
    if (s->ops->managed)
        nodeset_move(&r->copies, copies);
}

/* ---- as part of what is saved ---- */

static bool idle(const struct svm_page *sp)
{
    const struct record *r = sp->mgr;
    return !r->busy && list_empty(&r->queue);
}

static void save(const struct svm_page *sp, struct rope *out)
{
    const struct record *r = sp->mgr;
    svm_put_node(sp->svm, out, r->owner);
    svm_put_nodes(sp->svm, out, &r->copies);
}

static bool load(struct svm_page *sp, struct svm_image *in)
{
    struct record *r = record_of(sp->svm, sp);
    r->owner = svm_get_node(sp->svm, in);
    svm_get_nodes(sp->svm, in, &r->copies);
    return in->good;
}

static void forget(struct svm_page *sp)
{
    struct svm *s = sp->svm;
    struct record *r = sp->mgr;
    reset(s, sp);
    nodeset_clear(s->port, &r->copies);
    port_free(s->port, r);
}

/* ---- improved, fixed ---- */

static void serve_as_owner(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    if (m->access == VM_READ)
        svm_serve_copy(s, sp, m);
    else
        svm_serve_ownership(s, sp, m, VM_NONE);
}

/* The manager looks the owner up; everybody else that gets a request is the owner, or will be. */
static bool manage(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    if (m->op != SVM_REQUEST)
        return false;
    struct record *r = record_of(s, sp);
    uint32_t owner = r->owner;
    if (m->access == VM_WRITE)
        r->owner = m->origin;
    m->op = SVM_FORWARD;
    if (owner == s->self)
        s->receive(s, m);
    else
        svm_pass_on(s, owner, m);
    return true;
}

static void serve_forwarded(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    ASSERT_MSG(sp->owner, "a manager forwards to a node that is not the owner");
    serve_as_owner(s, sp, m);
}

const struct svm_mgr_ops svm_mgr_improved = {
    .kind = { .name = "improved",
              .doc = "One node knows the owner of every page; owners know the copies." },
    .request = ask,
    .serve = serve_forwarded,
    .defers = svm_defers_all,
    .message = manage,
    .reset = reset,
    .manages = manages,
    .rebuild = rebuild,
    .idle = idle,
    .save = save,
    .load = load,
    .forget = forget,
};

const struct svm_mgr_ops svm_mgr_fixed = {
    .kind = { .name = "fixed",
              .doc = "As improved, with managers spread by hashing the page number." },
    .request = ask,
    .serve = serve_forwarded,
    .defers = svm_defers_all,
    .message = manage,
    .reset = reset,
    .manages = manages,
    .rebuild = rebuild,
    .idle = idle,
    .save = save,
    .load = load,
    .forget = forget,
};

/* ---- central ---- */

static void start_next(struct svm *s, struct svm_page *sp, struct record *r);

/* No copy stands in the way: the owner grants. */
static void to_owner(struct svm *s, struct svm_page *sp, struct record *r, struct svm_msg *m)
{
    (void)sp;
    uint32_t owner = r->owner;
    r->now = NULL;
    if (m->access == VM_WRITE) {
        nodeset_clear(s->port, &r->copies);
        r->owner = m->origin;
    } else if (owner != m->origin) {
        nodeset_add(s->port, &r->copies, m->origin);
    }
    m->op = SVM_FORWARD;
    svm_pass_on(s, owner, m);
}

static void start(struct svm *s, struct svm_page *sp, struct record *r, struct svm_msg *m)
{
    r->busy = true;
    if (m->access == VM_WRITE) {
        for (uint32_t i = 0; i < r->copies.count; i++) {
            uint32_t node = r->copies.nodes[i];
            if (node == m->origin || node == r->owner)
                continue;
            struct svm_msg *inv = svm_msg_new(s, SVM_INVALIDATE, sp->page);
            inv->origin = m->origin;
            nodeset_add(s->port, &r->acks, node);
            s->counts.invalidations++;
            svm_send(s, node, inv);
        }
        if (r->acks.count > 0) {
            r->now = m;
            return;
        }
    }
    to_owner(s, sp, r, m);
}

static void start_next(struct svm *s, struct svm_page *sp, struct record *r)
{
    r->busy = false;
    struct list *l = list_pop(&r->queue);
    if (l)
        start(s, sp, r, LIST_ENTRY(l, struct svm_msg, link));
}

static bool central_message(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    if (m->op != SVM_REQUEST && m->op != SVM_CONFIRM && m->op != SVM_ACK)
        return false;
    struct record *r = record_of(s, sp);
    if (m->op == SVM_REQUEST) {
        if (r->busy)
            list_push(&r->queue, &m->link);
        else
            start(s, sp, r, m);
        return true;
    }
    bool confirmed = m->op == SVM_CONFIRM;
    uint32_t from = m->from;
    svm_msg_free(s, m);
    if (confirmed)
        start_next(s, sp, r);
    else if (nodeset_remove(&r->acks, from) && r->acks.count == 0)
        to_owner(s, sp, r, r->now);
    return true;
}

/* The owner itself may be who asks: it has the page already. */
static void central_serve(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    ASSERT_MSG(sp->owner, "the manager forwards to a node that is not the owner");
    if (m->origin == s->self)
        svm_serve_self(s, sp, m);
    else
        serve_as_owner(s, sp, m);
}

static void confirm(struct svm *s, struct svm_page *sp)
{
    svm_send(s, manager_of(s, sp->page), svm_msg_new(s, SVM_CONFIRM, sp->page));
}

const struct svm_mgr_ops svm_mgr_central = {
    .kind = { .name = "central",
              .doc =
                  "One node knows owner and copies of every page and does one request at a time." },
    .request = ask,
    .serve = central_serve,
    .defers = svm_defers_none,
    .granted = confirm,
    .message = central_message,
    .reset = reset,
    .manages = manages,
    .rebuild = rebuild,
    .idle = idle,
    .save = save,
    .load = load,
    .forget = forget,
    .managed = true,
};
