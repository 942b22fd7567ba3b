/* mgr_dynamic.c: dynamic distributed managers: every node has a hint of each page's owner.
 *
 * A request follows hints to the owner; who forwards it learns who will own next [Li & Hudak 1989,
 * section 3.3].  Variants:
 *   dynamic    ownership moves on reads too, so that every forwarding is a path reversal, which is
 *              what the bound O(N + K log N) on the messages of K requests rests on;
 *   dynamic_s  a read leaves the ownership: a forwarded read changes no hint;
 *   tree       as dynamic_s, but any holder of a copy answers a read, and answers for that reader
 *              when copies are invalidated: read copies form a tree.
 */
#include "os/svm/svm_internal.h"

static void ask(struct svm *s, struct svm_page *sp, bool has_copy)
{
    svm_send(s, sp->hint, svm_request_new(s, sp, has_copy));
}

static void forward(struct svm *s, struct svm_page *sp, struct svm_msg *m, bool will_own)
{
    uint32_t next = sp->hint;
    if (will_own)
        sp->hint = m->origin;
    svm_pass_on(s, next, m);
}

static void serve_moving(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    if (!sp->owner)
        forward(s, sp, m, true);
    else
        svm_serve_ownership(s, sp, m, m->access == VM_READ ? VM_READ : VM_NONE);
}

static void serve_staying(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    if (!sp->owner)
        forward(s, sp, m, m->access == VM_WRITE);
    else if (m->access == VM_READ)
        svm_serve_copy(s, sp, m);
    else
        svm_serve_ownership(s, sp, m, VM_NONE);
}

#define HANDED_MOST 64 /* ASSUMED(no tree is deeper; who has come so far is served) */

/* With `fanout`, a holder that has enough readers passes the next on to one of them, in turn.  A
 * reader that lost its copy meanwhile sends the request back to its hint, which is this node: what
 * comes from below is served here. */
static bool hand_down(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    const struct nodeset *c = &sp->copies;
    if (s->params.fanout == 0 || c->count < (uint64_t)s->params.fanout || m->hops >= HANDED_MOST ||
        nodeset_has(c, m->from) || nodeset_has(c, m->origin))
        return false;
    svm_pass_on(s, c->nodes[sp->handed_down++ % c->count], m);
    return true;
}

static void serve_tree(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    bool holder = vm_page_prot(s->region, sp->page) != VM_NONE && !sp->ack_below;
    if (m->access == VM_READ && (holder || sp->owner) && hand_down(s, sp, m))
        return;
    if (!sp->owner && m->access == VM_READ && holder)
        svm_serve_copy(s, sp, m);
    else
        serve_staying(s, sp, m);
}

/* SVM5, the `defers` of all three: whoever will be owner keeps what reaches it. */

const struct svm_mgr_ops svm_mgr_dynamic = {
    .kind = { .name = "dynamic", .doc = "Hints; ownership moves on reads and writes." },
    .request = ask,
    .serve = serve_moving,
    .defers = svm_defers_all,
    .hints = true,
};

const struct svm_mgr_ops svm_mgr_dynamic_s = {
    .kind = { .name = "dynamic_s", .doc = "Hints; ownership moves on writes alone." },
    .request = ask,
    .serve = serve_staying,
    .defers = svm_defers_owning,
    .hints = true,
};

const struct svm_mgr_ops svm_mgr_tree = {
    .kind = { .name = "tree",
              .doc = "Hints; copy sets form a tree down which invalidations fan out." },
    .request = ask,
    .serve = serve_tree,
    .defers = svm_defers_owning,
    .hints = true,
    .copies_in_tree = true,
};
