/* recover.c: the death of a node that shares memory: the survivors agree on what is left.
 *
 * The machine's failure detector tells each node of a crash (port_on_node_change), at its own time.
 *   1. Whoever learns of it freezes: it answers nothing, forgets what it was doing for others, and
 *      sends a MARK with the dead that it knows to every survivor.  A mark is news to who receives
 *      it.
 *   2. Two nodes keep the order of their messages, so with the marks of all survivors a node has
 *      got everything that was on its way to it: ownership that arrives meanwhile is taken, all
 *      else is dropped, for whoever asked will ask again.
 *   3. It sends a REPORT of its pages to the leader, the first survivor in the list.
 *   4. The leader decides each page and sends a VERDICT to everybody: who owned it owns it; else
 *      the first that has a READ copy owns it from now on; else it is lost, and the leader owns
 *      that fact. Copy sets and managers' tables are made anew.
 *   5. With the verdict a node goes on and makes its requests again.
 * A further death meanwhile starts all over with more dead.
 *
 *   REC1  Messages of a dead node that arrive after its death is known are dropped.
 *   REC2  A READ copy that exists is current: a writer writes when all have dropped theirs.  So a
 *       copy that survives the owner is the page.
 *   REC3  Only survivors whose last mark names the same dead are listened to; what they send after
 *       it waits for the verdict.
 * Messages: N^2 marks, N reports, N verdicts.  A page that no survivor has ever touched is lost
 * when its first owner is dead: nobody knows whether it was written.
 */
#include "os/svm/svm_internal.h"
#include "os/xk/map.h"

#define REPORT_ENTRY 16 /* page(4) version(4) moves(4) flags(1) zero(3) */
#define VERDICT_ENTRY                                                                              \
    20 /* page(4) version(4) moves(4) owner(4) lost(1) absent(1) copies(2), nodes(4) */

enum { OWNS = 1, HOLDS = 2, WRITES = 4, LOST_SHIFT = 3 };

/* What the leader learns of a page. */
struct verdict {
    uint64_t page;
    uint32_t owner, version, moves;
    bool owned, written; /* the owner may write */
    bool touched;        /* its first owner knows of it */
    enum vm_status lost;
    struct nodeset holders; /* of READ copies, the owner's not among them */
};

struct svm_recovery {
    struct nodeset marked; /* survivors whose last mark names the same dead */
    bool report_sent;
    uint64_t lost_before; /* counts.lost before this death */
    struct list held;     /* messages of survivors that are through with this recovery */
    struct nodeset reported;
    struct xk_map verdicts; /* page -> struct verdict */
};

/* ---- who lives ---- */

static uint32_t alive_count(const struct svm *s)
{
    return s->count - s->dead.count;
}

static bool is_member(const struct svm *s, uint32_t node)
{
    for (uint32_t i = 0; i < s->count; i++)
        if (s->nodes[i] == node)
            return true;
    return false;
}

/* ---- freezing ---- */

static void complete(struct svm *s);
static void take_late(struct svm *s, struct svm_msg *m);

static bool free_verdict(void *arg, const void *key, void *value)
{
    struct svm *s = arg;
    struct verdict *v = value;
    (void)key;
    nodeset_clear(s->port, &v->holders);
    port_free(s->port, v);
    return true;
}

static void drop_verdicts(struct svm *s)
{
    xk_map_each(&s->recovery->verdicts, free_verdict, s);
    xk_map_fini(&s->recovery->verdicts);
    xk_map_init(&s->recovery->verdicts, s->port, sizeof(uint64_t));
}

static struct svm_recovery *recovery_of(struct svm *s)
{
    if (!s->recovery) {
        s->recovery = port_alloc(s->port, sizeof *s->recovery);
        list_init(&s->recovery->held);
        xk_map_init(&s->recovery->verdicts, s->port, sizeof(uint64_t));
    }
    return s->recovery;
}

static void put32(uint8_t *bytes, uint64_t *at, uint32_t value)
{
    wire_put32(bytes + *at, value);
    *at += 4;
}

static void add_body(struct svm *s, struct svm_msg *m, uint8_t *bytes, uint64_t length)
{
    rope_add_bytes(&m->data, bytes, length);
    port_free(s->port, bytes);
}

static void send_marks(struct svm *s)
{
    const struct nodeset *dead = &s->dead;
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->nodes[i] == s->self || !svm_alive(s, s->nodes[i]))
            continue;
        struct svm_msg *m = svm_msg_new(s, SVM_MARK, 0);
        uint8_t *bytes = port_alloc(s->port, 4 * dead->count);
        uint64_t at = 0;
        for (uint32_t d = 0; d < dead->count; d++)
            put32(bytes, &at, dead->nodes[d]);
        add_body(s, m, bytes, at);
        svm_send(s, s->nodes[i], m);
    }
}

/* What this node was about to tell itself is old too. */
static void take_local(struct svm *s)
{
    struct list *l;
    while ((l = list_pop(&s->local))) {
        struct svm_msg *m = LIST_ENTRY(l, struct svm_msg, link);
        if (m->op < SVM_MARK)
            take_late(s, m);
        else
            svm_msg_free(s, m);
    }
}

/* More dead are known: what was going on ends. */
static void freeze(struct svm *s)
{
    struct svm_recovery *r = s->recovery;
    s->frozen = true;
    s->counts.recoveries++;
    r->report_sent = false;
    r->lost_before = s->counts.lost;
    nodeset_clear(s->port, &r->marked);
    nodeset_clear(s->port, &r->reported);
    svm_drop_all(s, &r->held);
    drop_verdicts(s);
    LIST_EACH (l, &s->all) {
        struct svm_page *sp = LIST_ENTRY(l, struct svm_page, all);
        port_timer_cancel(&sp->retry);
        svm_drop_all(s, &sp->deferred);
        nodeset_clear(s->port, &sp->acks);
        sp->ack_below = false;
        if (sp->mgr && s->ops->reset)
            s->ops->reset(s, sp);
    }
    take_local(s);
    send_marks(s);
    complete(s);
}

void svm_node_down(struct svm *s, uint32_t node)
{
    if (!is_member(s, node) || !svm_alive(s, node))
        return;
    (void)recovery_of(s);
    nodeset_add(s->port, &s->dead, node);
    if (s->ops->down)
        s->ops->down(s, node);
    else
        freeze(s);
}

/* ---- what arrives meanwhile ---- */

static void ownership_kept(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    sp->owner = true;
    sp->lost = m->lost;
    sp->hint = s->self;
    sp->version = m->version;
    sp->moves = m->moves;
    if (m->data.length == 0)
        return;
    rope_fini(&sp->arrived);
    rope_move(&sp->arrived, &m->data);
    sp->arrived_bytes = true;
}

/* A message that was sent before its sender's mark: what would be lost with it is kept. */
static void take_late(struct svm *s, struct svm_msg *m)
{
    struct svm_page *sp = svm_page_get(s, m->page);
    if (m->op == SVM_PAGE && m->ownership)
        ownership_kept(s, sp, m);
    else if (m->op == SVM_PAGE && s->ops->ownerless)
        svm_copy_arrived(s, sp, m);
    else if (m->op == SVM_DATA && s->ops->ownerless)
        s->ops->late(s, sp, m);
    svm_msg_free(s, m);
}

static void mark_arrived(struct svm *s, struct svm_msg *m)
{
    struct svm_recovery *r = recovery_of(s);
    uint32_t known = s->dead.count, named = 0;
    uint8_t entry[4];
    for (uint64_t at = 0; at + 4 <= m->data.length; at += 4, named++) {
        rope_read(&m->data, at, 4, entry);
        if (wire_get32(entry) != s->self)
            nodeset_add(s->port, &s->dead, wire_get32(entry));
    }
    if (s->dead.count > known)
        freeze(s);
    if (named == s->dead.count && s->frozen) {
        nodeset_add(s->port, &r->marked, m->from);
        complete(s);
    }
}

static void report_arrived(struct svm *s, struct svm_msg *m);
static void verdict_arrived(struct svm *s, struct svm_msg *m);

/* True: the message belongs to the recovery, or must wait for it, and was taken. */
static bool takes(struct svm *s, struct svm_msg *m)
{
    const struct svm_recovery *r = s->recovery;
    bool current = r && m->fault == s->dead.count;
    if (!svm_alive(s, m->from)) {
        svm_msg_free(s, m); /* REC1 */
        return true;
    }
    switch (m->op) {
    case SVM_MARK:
        mark_arrived(s, m);
        break;
    case SVM_REPORT:
        if (current && s->frozen)
            report_arrived(s, m);
        break;
    case SVM_VERDICT:
        if (current && s->frozen)
            verdict_arrived(s, m);
        break;
    default:
        if (!s->frozen)
            return false;
        ASSERT(s->recovery != NULL);
        if (nodeset_has(&s->recovery->marked, m->from))
            list_push(&s->recovery->held, &m->link);
        else
            take_late(s, m);
        return true;
    }
    svm_msg_free(s, m);
    return true;
}

void svm_receive(struct svm *s, struct svm_msg *m)
{
    if (s->out)
        svm_msg_free(s, m);
    else if ((!s->recovery && m->op < SVM_MARK) || !takes(s, m))
        svm_handle(s, m);
}

/* ---- reports ---- */

static uint8_t flags_of(struct svm *s, const struct svm_page *sp)
{
    enum vm_prot prot = vm_page_prot(s->region, sp->page);
    if (sp->owner)
        return (uint8_t)(OWNS | (prot == VM_WRITE ? WRITES : 0) | sp->lost << LOST_SHIFT);
    if (s->ops->ownerless && sp->arrived_bytes) /* refused a frame: still the writer's */
        return HOLDS | WRITES;
    return (uint8_t)((prot != VM_NONE ? HOLDS : 0) | (prot == VM_WRITE ? WRITES : 0));
}

/* Everything has come that was on its way here: the leader is told what there is. */
static void complete(struct svm *s)
{
    struct svm_recovery *r = s->recovery;
    uint64_t pages = 0, at = 0;
    if (r->report_sent || r->marked.count + 1 < alive_count(s))
        return;
    r->report_sent = true;
    LIST_EACH (l, &s->all)
        pages++;
    struct svm_msg *m = svm_msg_new(s, SVM_REPORT, 0);
    uint8_t *bytes = port_alloc(s->port, pages * REPORT_ENTRY + 1);
    LIST_EACH (l, &s->all) {
        const struct svm_page *sp = LIST_ENTRY(l, struct svm_page, all);
        put32(bytes, &at, (uint32_t)sp->page);
        put32(bytes, &at, sp->version);
        put32(bytes, &at, sp->moves);
        bytes[at] = flags_of(s, sp);
        at += 4;
    }
    m->fault = s->dead.count;
    add_body(s, m, bytes, at);
    svm_send(s, svm_leader(s), m);
}

static void decide(struct svm *s);

static void report_arrived(struct svm *s, struct svm_msg *m)
{
    struct svm_recovery *r = s->recovery;
    uint8_t e[REPORT_ENTRY];
    nodeset_add(s->port, &r->reported, m->from);
    for (uint64_t at = 0; at + sizeof e <= m->data.length; at += sizeof e) {
        rope_read(&m->data, at, sizeof e, e);
        uint64_t page = wire_get32(e);
        struct verdict *v = xk_map_resolve(&r->verdicts, &page);
        if (!v) {
            v = port_alloc(s->port, sizeof *v);
            v->page = page;
            xk_map_bind(&r->verdicts, &page, v);
        }
        v->touched |= m->from == svm_first_owner(s, page);
        if (wire_get32(e + 4) > v->version)
            v->version = wire_get32(e + 4);
        if (wire_get32(e + 8) > v->moves)
            v->moves = wire_get32(e + 8);
        if (e[12] & (OWNS | WRITES)) {
            ASSERT_MSG(!v->owned, "two nodes own a page");
            v->owned = true;
            v->owner = m->from;
            v->lost = (enum vm_status)(e[12] >> LOST_SHIFT);
            v->written = e[12] & WRITES;
        } else if (e[12] & HOLDS) {
            nodeset_add(s->port, &v->holders, m->from);
        }
    }
    if (r->reported.count == alive_count(s))
        decide(s);
}

/* ---- verdicts ---- */

struct writing {
    struct svm *svm;
    uint32_t dest;
    uint8_t *bytes; /* NULL: their number is wanted */
    uint64_t at;
    uint64_t lost;
};

static bool decide_page(void *arg, const void *key, void *value)
{
    struct writing *w = arg;
    struct verdict *v = value;
    (void)key;
    v->moves++;
    ASSERT_MSG(!v->written || v->holders.count == 0, "a page has a writer and a reader");
    if (v->owned)
        return true;
    if (v->holders.count > 0) {
        v->owner = v->holders.nodes[0];
        nodeset_remove(&v->holders, v->owner);
        return true;
    }
    /* Nobody's: unless the first request has not reached the first owner, who has it as zeroes. */
    v->owner = svm_first_owner(w->svm, v->page);
    if (!v->touched && !w->svm->ops->ownerless && svm_alive(w->svm, v->owner))
        return true;
    v->owner = w->svm->self;
    v->lost = VM_LOST;
    w->lost++;
    return true;
}

/* Copy sets are for the owner, and for the leader if it manages. */
static bool write_page(void *arg, const void *key, void *value)
{
    struct writing *w = arg;
    const struct verdict *v = value;
    (void)key;
    uint32_t copies = w->dest == v->owner || w->dest == w->svm->self ? v->holders.count : 0;
    if (!w->bytes) {
        w->at += VERDICT_ENTRY + 4ull * copies;
        return true;
    }
    put32(w->bytes, &w->at, (uint32_t)v->page);
    put32(w->bytes, &w->at, v->version);
    put32(w->bytes, &w->at, v->moves);
    put32(w->bytes, &w->at, v->owner);
    w->bytes[w->at] = (uint8_t)v->lost;
    w->bytes[w->at + 1] = w->svm->ops->absent && w->svm->ops->absent(w->svm, v->page);
    wire_put16(w->bytes + w->at + 2, (uint16_t)copies);
    w->at += 4;
    for (uint32_t i = 0; i < copies; i++)
        put32(w->bytes, &w->at, v->holders.nodes[i]);
    return true;
}

static void decide(struct svm *s)
{
    struct svm_recovery *r = s->recovery;
    struct writing all = { .svm = s };
    xk_map_each(&r->verdicts, decide_page, &all);
    for (uint32_t i = 0; i < s->count; i++) {
        if (!svm_alive(s, s->nodes[i]))
            continue;
        struct writing w = { .svm = s, .dest = s->nodes[i] };
        xk_map_each(&r->verdicts, write_page, &w);
        w.bytes = port_alloc(s->port, w.at + 1);
        w.at = 0;
        xk_map_each(&r->verdicts, write_page, &w);
        struct svm_msg *m = svm_msg_new(s, SVM_VERDICT, 0);
        m->fault = s->dead.count;
        add_body(s, m, w.bytes, w.at);
        svm_send(s, s->nodes[i], m);
    }
    drop_verdicts(s);
    if (!s->ops->ownerless) /* else the manager counts */
        s->counts.lost += all.lost;
}

static void apply(struct svm *s, struct svm_page *sp, uint32_t owner, enum vm_status lost,
                  struct nodeset *copies)
{
    bool mine = owner == s->self;
    nodeset_clear(s->port, &sp->copies);
    if (s->ops->rebuild)
        s->ops->rebuild(s, sp, owner, lost, copies);
    if (s->ops->ownerless)
        return;
    sp->hint = owner;
    if (mine && !sp->owner)
        sp->lost = lost;
    sp->owner = mine;
    if (mine && !s->ops->managed)
        nodeset_move(&sp->copies, copies);
}

/* What waited for the verdict: messages of who had it earlier, and the faults of this node. */
static void thaw(struct svm *s)
{
    struct list held, *l;
    s->frozen = false;
    list_init(&held);
    while ((l = list_pop(&s->recovery->held)))
        list_push(&held, l);
    LIST_EACH (p, &s->all) {
        struct svm_page *sp = LIST_ENTRY(p, struct svm_page, all);
        svm_page_of_dead(s, sp);
        svm_resume(s, sp);
    }
    while ((l = list_pop(&held)))
        svm_receive(s, LIST_ENTRY(l, struct svm_msg, link));
}

static void verdict_arrived(struct svm *s, struct svm_msg *m)
{
    uint8_t e[VERDICT_ENTRY], entry[4];
    for (uint64_t at = 0; at + sizeof e <= m->data.length;) {
        struct nodeset copies = { .count = 0 };
        rope_read(&m->data, at, sizeof e, e);
        at += sizeof e;
        for (uint32_t i = wire_get16(e + 18); i > 0 && at + 4 <= m->data.length; i--, at += 4) {
            rope_read(&m->data, at, 4, entry);
            nodeset_add(s->port, &copies, wire_get32(entry));
        }
        uint32_t owner = wire_get32(e + 12);
        bool needed = owner == s->self || svm_leader(s) == s->self ||
                      (s->ops->manages && s->ops->manages(s, wire_get32(e)));
        struct svm_page *sp =
            needed ? svm_page_get(s, wire_get32(e)) : svm_page_find(s, wire_get32(e));
        if (sp) {
            sp->version = wire_get32(e + 4);
            sp->moves = wire_get32(e + 8);
            sp->source = e[17] && e[16] == VM_OK && owner == s->self &&
                         vm_page_prot(s->region, sp->page) == VM_READ;
            apply(s, sp, owner, (enum vm_status)e[16], &copies);
        }
        nodeset_clear(s->port, &copies);
    }
    s->manager = svm_leader(s);
    if (s->manager == s->self && s->counts.lost > s->recovery->lost_before)
        port_remark(s->port,
                    "shared memory: with %u of %u nodes the only copies of %llu pages have died",
                    s->dead.count, s->count,
                    (unsigned long long)(s->counts.lost - s->recovery->lost_before));
    thaw(s);
}
