/* mgr_xmm.c: the baseline of OSF/1 AD: a central manager at the pager's node through which data
 * passes.
 *
 * The manager keeps which kernels have a page and with what right, and the page's contents as its
 * pager
 * has them; requests of a page are done one after another.  A write request flushes every other
 * kernel
 * (clean copies too, unless the requester holds it); a read request of a page that somebody writes
 * cleans it:
 * both keep read.  So a page that moves from a writer to a reader crosses the network twice.
 * Source: NORMA's XMM service as described in the fact sheets of Mach 3.0.
 */
#include "os/svm/svm_internal.h"

struct record {
    struct nodeset readers;
    uint32_t writer;
    bool has_writer, busy;
    struct svm_msg *now;
    struct nodeset waiting; /* flushes that are out */
    struct rope contents;   /* the pager's; empty: zeroes */
    struct list queue;
};

static struct record *record_of(struct svm *s, struct svm_page *sp)
{
    if (!sp->mgr) {
        struct record *r = port_alloc(s->port, sizeof *r);
        list_init(&r->queue);
        rope_init(&r->contents);
        sp->mgr = r;
    }
    return sp->mgr;
}

static void ask(struct svm *s, struct svm_page *sp, bool has_copy)
{
    struct svm_msg *m = svm_msg_new(s, SVM_REQUEST, sp->page);
    m->access = sp->want;
    m->fault = sp->fault;
    m->has_copy = has_copy;
    svm_send(s, s->nodes[0], m);
}

static void flush(struct svm *s, struct svm_page *sp, struct record *r, uint32_t node,
                  enum vm_prot keep)
{
    struct svm_msg *m = svm_msg_new(s, SVM_FLUSH, sp->page);
    m->access = keep;
    nodeset_add(s->port, &r->waiting, node);
    s->counts.invalidations += keep == VM_NONE;
    svm_send(s, node, m);
}

/* Nothing stands in the way any more: supplies the requester, and takes the next request. */
static void supply(struct svm *s, struct svm_page *sp, struct record *r)
{
    struct svm_msg *m = r->now;
    struct svm_msg *a = svm_msg_new(s, SVM_PAGE, sp->page);
    a->origin = m->origin;
    a->fault = m->fault;
    a->access = m->access;
    if (!nodeset_has(&r->readers, m->origin)) {
        if (r->contents.length > 0)
            rope_add_slice(&a->data, &r->contents, 0, r->contents.length);
        else
            rope_add_zero(&a->data, vm_page_bytes(vm_region_vm(s->region)));
    }
    if (m->access == VM_WRITE) {
        nodeset_clear(s->port, &r->readers);
        r->has_writer = true;
        r->writer = m->origin;
    } else {
        nodeset_add(s->port, &r->readers, m->origin);
    }
    svm_send(s, m->origin, a);
    svm_msg_free(s, m);
    r->now = NULL;
    r->busy = false;
}

static void start(struct svm *s, struct svm_page *sp, struct record *r)
{
    while (!r->busy && !list_empty(&r->queue)) {
        struct svm_msg *m = LIST_ENTRY(list_pop(&r->queue), struct svm_msg, link);
        r->busy = true;
        r->now = m;
        if (r->has_writer && r->writer != m->origin) {
            flush(s, sp, r, r->writer, m->access == VM_READ ? VM_READ : VM_NONE);
        } else if (m->access == VM_WRITE) {
            for (uint32_t i = 0; i < r->readers.count; i++)
                if (r->readers.nodes[i] != m->origin)
                    flush(s, sp, r, r->readers.nodes[i], VM_NONE);
        }
        if (r->waiting.count == 0)
            supply(s, sp, r);
    }
}

static void data_arrived(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    struct record *r = record_of(s, sp);
    if (!nodeset_remove(&r->waiting, m->from))
        return;
    if (m->data.length > 0) {
        rope_fini(&r->contents);
        rope_move(&r->contents, &m->data);
    }
    if (r->has_writer && r->writer == m->from) {
        r->has_writer = false;
        if (m->access == VM_READ)
            nodeset_add(s->port, &r->readers, m->from);
    } else {
        nodeset_remove(&r->readers, m->from);
    }
    if (r->waiting.count == 0) {
        supply(s, sp, r);
        start(s, sp, r);
    }
}

/* A kernel gives back what it has: bytes when it may have written them. */
static void flushed(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    bool written = vm_page_prot(s->region, sp->page) == VM_WRITE;
    struct svm_msg *a = svm_msg_new(s, SVM_DATA, sp->page);
    a->access = m->access;
    if (written && !vm_contents(s->region, sp->page, &a->data))
        ASSERT_MSG(false, "a page that is mapped for writing has no frame");
    if (!vm_revoke(s->region, sp->page, m->access)) {
        svm_msg_free(s, a);
        svm_defer(sp, m);
        return;
    }
    svm_send(s, s->nodes[0], a);
    svm_msg_free(s, m);
}

static bool message(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    switch (m->op) {
    case SVM_REQUEST:
        list_push(&record_of(s, sp)->queue, &m->link);
        start(s, sp, record_of(s, sp));
        return true;
    case SVM_DATA:
        data_arrived(s, sp, m);
        svm_msg_free(s, m);
        return true;
    case SVM_FLUSH:
        flushed(s, sp, m);
        return true;
    default:
        return false;
    }
}

static void serve(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    (void)sp;
    svm_msg_free(s, m);
}

static bool defers(struct svm *s, const struct svm_page *sp, const struct svm_msg *m)
{
    (void)s;
    (void)sp;
    (void)m;
    return false;
}

const struct svm_mgr_ops svm_mgr_xmm = {
    .name = "xmm",
    .doc = "OSF/1 AD's: central manager at the pager's node; data goes through it.",
    .request = ask,
    .serve = serve,
    .defers = defers,
    .message = message,
    .ownerless = true,
};
