/* mgr_xmm.c: the baseline of OSF/1 AD: a central manager at the pager's node through which data
 * passes.
 *
 * The manager keeps which kernels have a page and with what right, and the page's contents as its
 * pager has them; requests of a page are done one after another.  A write request flushes every
 * other kernel (clean copies too, unless the requester holds it); a read request of a page that
 * somebody writes cleans it: both keep read.  So a page that moves from a writer to a reader
 * crosses the network twice.  A kernel that needs a frame gives a written page back unasked and
 * drops a clean one in silence; the manager puts what was given back into its node's store, if
 * there is one.
 *   XMM1  A kernel answers each flush exactly once, also when it has nothing any more.
 * Source: NORMA's XMM service as described in the fact sheets of Mach 3.0.
 */
#include "os/svm/svm_internal.h"

struct record {
    struct nodeset readers; /* some may have dropped their copy */
    uint32_t writer;
    bool has_writer, busy;
    struct svm_msg *now;
    struct nodeset waiting; /* flushes that are out */
    struct rope contents;   /* the pager's; empty: in the store, or zeroes */
    struct list queue;
    bool stored;      /* the store has the contents */
    bool io_out;      /* a request is with the store */
    bool absent;      /* after a death: they come from the writer, which may have READ only */
    uint32_t changes; /* of the contents */
    enum vm_status lost;
    struct vm_store_io io;
    uint32_t io_changes; /* when a put began */
    struct svm_page *page;
};

static struct record *record_of(struct svm *s, struct svm_page *sp)
{
    if (!sp->mgr) {
        struct record *r = port_alloc(s->port, sizeof *r);
        list_init(&r->queue);
        rope_init(&r->contents);
        rope_init(&r->io.data);
        r->page = sp;
        if (s->recovery && s->nodes[0] != s->self)
            r->lost = VM_LOST; /* unless a survivor has it: rebuild */
        sp->mgr = r;
    }
    return sp->mgr;
}

static void ask(struct svm *s, struct svm_page *sp, bool has_copy)
{
    svm_send(s, svm_leader(s), svm_request_new(s, sp, has_copy));
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

/* ---- the store ---- */

static void supply(struct svm *s, struct svm_page *sp, struct record *r);
static void start(struct svm *s, struct svm_page *sp, struct record *r);

static void put(struct svm *s, struct record *r);

static void put_away(struct vm_store_io *io)
{
    struct record *r = io->arg;
    struct svm *s = r->page->svm;
    r->io_out = false;
    rope_fini(&io->data);
    if (io->status != VM_OK)
        return; /* the contents stay in memory */
    s->counts.page_outs++;
    if (r->changes == r->io_changes) {
        r->stored = true;
        rope_fini(&r->contents);
    } else if (r->contents.length > 0) {
        put(s, r);
    } else {
        s->store->ops->drop(s->store, r->page->page);
    }
}

static void put(struct svm *s, struct record *r)
{
    r->io = (struct vm_store_io){ .page = r->page->page, .done = put_away, .arg = r };
    rope_copy(&r->io.data, &r->contents);
    r->io_out = true;
    r->io_changes = r->changes;
    s->store->ops->put(s->store, &r->io);
}

static void fetched(struct vm_store_io *io)
{
    struct record *r = io->arg;
    struct svm *s = r->page->svm;
    r->io_out = false;
    if (io->status == VM_OK) {
        s->counts.page_ins++;
        rope_move(&r->contents, &io->data);
    } else {
        s->counts.lost++;
        r->lost = io->status;
    }
    if (!r->now) /* a death has come between */
        return;
    supply(s, r->page, r);
    start(s, r->page, r);
}

/* False: the contents are on their way from the store; `supply` is called again. */
static bool at_hand(struct svm *s, struct record *r)
{
    if (!r->stored || r->contents.length > 0 || r->lost != VM_OK)
        return true;
    if (r->io_out)
        return false;
    r->io = (struct vm_store_io){ .page = r->page->page, .done = fetched, .arg = r };
    rope_init(&r->io.data);
    r->io_out = true;
    s->store->ops->get(s->store, &r->io);
    return false;
}

/* A writer will have the only contents. */
static void contents_void(struct svm *s, struct record *r)
{
    if (r->stored && !r->io_out)
        s->store->ops->drop(s->store, r->page->page);
    r->stored = r->absent = false;
    r->changes++;
    vm_change(s->region, r->page->page);
    rope_fini(&r->contents);
}

/* ---- requests ---- */

/* Nothing stands in the way any more: supplies the requester, and takes the next request. */
static void supply(struct svm *s, struct svm_page *sp, struct record *r)
{
    struct svm_msg *m = r->now;
    bool bytes = !m->has_copy || !nodeset_has(&r->readers, m->origin);
    if (bytes && !at_hand(s, r))
        return;
    struct svm_msg *a = svm_msg_new(s, SVM_PAGE, sp->page);
    a->origin = m->origin;
    a->fault = m->fault;
    a->access = m->access;
    a->lost = r->lost;
    if (bytes && r->lost == VM_OK) {
        if (r->contents.length > 0)
            rope_add_slice(&a->data, &r->contents, 0, r->contents.length);
        else
            rope_add_zero(&a->data, vm_page_bytes(vm_region_vm(s->region)));
    }
    if (r->lost != VM_OK) {
        nodeset_remove(&r->readers, m->origin);
    } else if (m->access == VM_WRITE) {
        nodeset_clear(s->port, &r->readers);
        r->has_writer = true;
        r->writer = m->origin;
        contents_void(s, r);
    } else {
        nodeset_add(s->port, &r->readers, m->origin);
        if (r->stored)
            rope_fini(&r->contents);
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
        if (r->has_writer && r->writer != m->origin)
            flush(s, sp, r, r->writer, m->access == VM_READ ? VM_READ : VM_NONE);
        for (uint32_t i = 0; m->access == VM_WRITE && i < r->readers.count; i++)
            if (r->readers.nodes[i] != m->origin && !nodeset_has(&r->waiting, r->readers.nodes[i]))
                flush(s, sp, r, r->readers.nodes[i], VM_NONE);
        if (r->waiting.count == 0)
            supply(s, sp, r);
    }
}

static void contents_arrived(struct svm *s, struct record *r, struct svm_msg *m)
{
    if (m->data.length == 0)
        return;
    contents_void(s, r);
    rope_move(&r->contents, &m->data);
}

/* A kernel needed the frame: nobody writes the page any more. */
static void given_back(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    struct record *r = record_of(s, sp);
    ASSERT_MSG(r->has_writer && r->writer == m->from, "a page comes back from who does not write");
    r->has_writer = false;
    contents_arrived(s, r, m);
    if (s->store && !r->io_out)
        put(s, r);
}

/* What a flush brought. */
static void flush_answered(struct svm *s, struct record *r, struct svm_msg *m)
{
    contents_arrived(s, r, m);
    nodeset_remove(&r->readers, m->from);
    if (r->has_writer && r->writer == m->from)
        r->has_writer = false;
    if (m->access == VM_READ)
        nodeset_add(s->port, &r->readers, m->from);
}

static void data_arrived(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    struct record *r = record_of(s, sp);
    if (!nodeset_remove(&r->waiting, m->from))
        return;
    flush_answered(s, r, m);
    if (r->waiting.count == 0) {
        supply(s, sp, r);
        start(s, sp, r);
    }
}

static bool page_out(struct svm *s, struct svm_page *sp, struct rope *data, enum vm_prot prot)
{
    if (prot != VM_WRITE)
        return true;
    struct svm_msg *m = svm_msg_new(s, SVM_DATA, sp->page);
    m->ownership = true; /* unasked */
    rope_move(&m->data, data);
    svm_send(s, svm_leader(s), m);
    return true;
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
    svm_send(s, svm_leader(s), a);
    svm_msg_free(s, m);
}

/* ---- after a death: the first that lives manages ---- */

static void reset(struct svm *s, struct svm_page *sp)
{
    struct record *r = sp->mgr;
    svm_drop_all(s, &r->queue);
    if (r->now)
        svm_msg_free(s, r->now);
    r->now = NULL;
    r->busy = false;
    nodeset_clear(s->port, &r->waiting);
}

static void late(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    if (s->manager != s->self)
        return;
    if (m->ownership)
        given_back(s, sp, m);
    else
        flush_answered(s, record_of(s, sp), m);
}

/* The contents died with the writer. */
static void without_the_dead(struct svm *s, struct record *r)
{
    for (uint32_t i = r->readers.count; i-- > 0;)
        if (!svm_alive(s, r->readers.nodes[i]))
            nodeset_remove(&r->readers, r->readers.nodes[i]);
    if (!r->has_writer || svm_alive(s, r->writer))
        return;
    r->has_writer = false;
    r->lost = VM_LOST;
    s->counts.lost++;
}

static bool absent(struct svm *s, uint64_t page)
{
    const struct svm_page *sp = svm_page_find(s, page);
    const struct record *r = sp ? sp->mgr : NULL;
    return !svm_alive(s, s->manager) || (r && r->absent);
}

/* A manager that lives knows all but the deaths.  A new one learns of every copy, and has the bytes
 * sent by the writer when they are asked for, or at once by the first that can read. */
static void rebuild(struct svm *s, struct svm_page *sp, uint32_t owner, enum vm_status lost,
                    struct nodeset *copies)
{
    if (svm_leader(s) != s->self)
        return;
    bool from_others = absent(s, sp->page);
    struct record *r = record_of(s, sp);
    if (!from_others) {
        without_the_dead(s, r);
        return;
    }
    nodeset_clear(s->port, &r->readers);
    nodeset_move(&r->readers, copies);
    r->lost = lost;
    s->counts.lost += lost != VM_OK;
    r->has_writer = r->absent = lost == VM_OK;
    r->writer = owner;
    if (lost == VM_OK)
        nodeset_add(s->port, &r->readers, owner);
}

static void resumed(struct svm *s, struct svm_page *sp)
{
    struct rope data;
    if (!sp->source && !sp->arrived_bytes)
        return;
    rope_move(&data, &sp->arrived);
    sp->arrived_bytes = false;
    if (sp->source && !vm_contents(s->region, sp->page, &data))
        ASSERT_MSG(false, "a copy that is needed is gone");
    sp->source = false;
    page_out(s, sp, &data, VM_WRITE);
    rope_fini(&data);
}

/* ---- as part of what is saved ---- */

static bool idle(const struct svm_page *sp)
{
    const struct record *r = sp->mgr;
    return !r->busy && !r->io_out && list_empty(&r->queue);
}

static const struct rope *contents(const struct svm_page *sp)
{
    const struct record *r = sp->mgr;
    return r && r->contents.length > 0 ? &r->contents : NULL;
}

static void restored(struct svm_page *sp, struct rope *data)
{
    struct record *r = sp->mgr;
    rope_move(&r->contents, data);
}

/* Where there is a writer there are no contents: those have a node that may write. */
static void save(const struct svm_page *sp, struct rope *out)
{
    const struct record *r = sp->mgr;
    ASSERT(!r->stored && !r->absent && r->lost == VM_OK);
    ASSERT(!r->has_writer || r->contents.length == 0);
    svm_put32(out, r->has_writer);
    if (r->has_writer)
        svm_put_node(sp->svm, out, r->writer);
    svm_put_nodes(sp->svm, out, &r->readers);
}

static bool load(struct svm_page *sp, struct svm_image *in)
{
    struct record *r = record_of(sp->svm, sp);
    r->has_writer = svm_get32(in) != 0;
    if (r->has_writer)
        r->writer = svm_get_node(sp->svm, in);
    svm_get_nodes(sp->svm, in, &r->readers);
    return in->good;
}

static void forget(struct svm_page *sp)
{
    struct svm *s = sp->svm;
    struct record *r = sp->mgr;
    reset(s, sp);
    nodeset_clear(s->port, &r->readers);
    rope_fini(&r->contents);
    port_free(s->port, r);
}

static bool message(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    switch (m->op) {
    case SVM_REQUEST:
        list_push(&record_of(s, sp)->queue, &m->link);
        start(s, sp, record_of(s, sp));
        return true;
    case SVM_DATA:
        if (m->ownership)
            given_back(s, sp, m);
        else
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

const struct svm_mgr_ops svm_mgr_xmm = {
    .kind = { .name = "xmm",
              .doc = "OSF/1 AD's: central manager at the pager's node; data goes through it." },
    .request = ask,
    .serve = serve,
    .defers = svm_defers_none,
    .message = message,
    .page_out = page_out,
    .reset = reset,
    .late = late,
    .absent = absent,
    .rebuild = rebuild,
    .resumed = resumed,
    .idle = idle,
    .save = save,
    .load = load,
    .forget = forget,
    .contents = contents,
    .restored = restored,
    .ownerless = true,
};
