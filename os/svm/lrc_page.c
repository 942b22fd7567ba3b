/* lrc_page.c: pages under home-based lazy release consistency: faults, twins, diffs, homes.
 *
 * The manager "hlrc"; lrc.h says how it works, lrc.c has the intervals. Messages, carried by svm.c:
 *   FETCH  to the home, or along the directory: the intervals that the copy must hold
 *          (`version` of them, each rank and interval, 32 bits)
 *   COPY   the intervals that the page holds (`version` of them), and its bytes; with `ownership`
 *          and no body: the asker is the page's home
 *   DIFF   of the rank `fault` in its interval `moves`: runs, each two words of 16 bits, bytes that
 *          are skipped and bytes that follow; longer stretches are cut, with one of the two zero
 *
 * States of a page at a node that is not its home:
 *   state     guarantee                              event -> next
 *   absent    no copy; `need` says what one must hold   fault -> wanting
 *   clean     READ; holds `have`                        write fault -> dirty (twin);
 *                                                       notice -> absent
 *   dirty     WRITE; twin; in the open interval         interval ends -> clean (diff sent)
 *   wanting   a FETCH is out                            COPY -> clean, or dirty
 * At its home the bytes are always there; the page is hidden while an interval is missing that the
 * program here must see, clean or dirty else.
 */
#include "os/svm/lrc.h"

#include <string.h>

enum { HOMES_HASH, HOMES_FIRST_TOUCH }; /* of svm_params.homes */

/* ---- records ---- */

static uint32_t directory_of(const struct svm *s, uint64_t page)
{
    return s->nodes[page / (uint64_t)s->params.hash_block % s->count];
}

struct lrc_page *lrc_page_find(struct lrc *l, uint64_t page)
{
    return xk_map_resolve(&l->pages, &page);
}

struct lrc_page *lrc_page_get(struct lrc *l, uint64_t page)
{
    struct lrc_page *lp = lrc_page_find(l, page);
    if (lp)
        return lp;
    lp = port_alloc(l->svm->port, sizeof *lp);
    lp->page = page;
    lp->home = l->svm->params.homes == HOMES_HASH ? directory_of(l->svm, page) : LRC_NOBODY;
    list_init(&lp->link);
    list_init(&lp->asking);
    xk_map_bind(&l->pages, &page, lp);
    return lp;
}

static bool at_home(const struct lrc *l, const struct lrc_page *lp)
{
    return lp->home == l->svm->self;
}

static uint64_t page_bytes(const struct lrc *l)
{
    return vm_page_bytes(vm_region_vm(l->svm->region));
}

static void put_versions(struct rope *out, const struct lrc_versions *v)
{
    for (uint32_t i = 0; i < v->count; i++) {
        uint8_t pair[8];
        wire_put32(pair, v->of[i].rank);
        wire_put32(pair + 4, v->of[i].interval);
        rope_add_bytes(out, pair, sizeof pair);
    }
}

/* Takes the pairs at the head of a message's body; false: it is shorter. */
static bool get_versions(struct lrc *l, struct svm_msg *m, struct lrc_versions *v)
{
    if (m->data.length < 8 * (uint64_t)m->version)
        return false;
    for (uint32_t i = 0; i < m->version; i++) {
        uint8_t pair[8];
        rope_read(&m->data, 8 * i, sizeof pair, pair);
        lrc_raise(l->svm->port, v, wire_get32(pair), wire_get32(pair + 4));
    }
    rope_drop_front(&m->data, 8 * (uint64_t)m->version);
    return true;
}

static void drop_versions(struct lrc *l, struct lrc_versions *v)
{
    port_free(l->svm->port, v->of);
    *v = (struct lrc_versions){ .count = 0 };
}

/* ---- twins and diffs ---- */

/* The page as it is now, before the program's first write. */
static void twin(struct lrc *l, struct lrc_page *lp, const uint8_t *bytes)
{
    uint64_t size = page_bytes(l);
    port_work(l->svm->port, PORT_WORK_TWIN, size);
    if (!lp->twin) {
        lp->twin = port_alloc(l->svm->port, size);
        l->svm->counts.twins++;
        l->twins++;
    }
    memcpy(lp->twin, bytes, size);
}

static void drop_twin(struct lrc *l, struct lrc_page *lp)
{
    port_free(l->svm->port, lp->twin);
    l->twins -= lp->twin != NULL;
    lp->twin = NULL;
}

static void add_run(struct rope *diff, uint64_t skip, const uint8_t *bytes, uint64_t len)
{
    uint8_t head[4];
    for (; skip > UINT16_MAX; skip -= UINT16_MAX) {
        wire_put16(head, UINT16_MAX);
        wire_put16(head + 2, 0);
        rope_add_bytes(diff, head, sizeof head);
    }
    while (len > 0) {
        uint64_t now = len < UINT16_MAX ? len : UINT16_MAX;
        wire_put16(head, (uint16_t)skip);
        wire_put16(head + 2, (uint16_t)now);
        rope_add_bytes(diff, head, sizeof head);
        rope_add_bytes(diff, bytes, now);
        skip = 0;
        bytes += now;
        len -= now;
    }
}

/* The bytes of a page that are no longer those of its twin (LRC4). */
static void make_diff(struct lrc *l, struct lrc_page *lp, const uint8_t *bytes, struct rope *diff)
{
    uint64_t size = page_bytes(l), end = 0;
    struct rope flat;
    rope_init(&flat);
    port_work(l->svm->port, PORT_WORK_DIFF, size);
    for (uint64_t i = 0; i < size;) {
        uint64_t from = i;
        while (i < size && bytes[i] != lp->twin[i])
            i++;
        if (i > from) {
            add_run(&flat, from - end, bytes + from, i - from);
            end = i;
        } else {
            i++;
        }
    }
    rope_flatten(&flat, false);
    rope_move(diff, &flat);
    if (diff->length > 0)
        port_work(l->svm->port, PORT_WORK_DIFF_OUT, diff->length);
}

/* False: it is no diff of a page of this size, and nothing more of it is applied. */
static bool apply_diff(struct lrc *l, uint8_t *bytes, const struct rope *diff)
{
    uint64_t size = page_bytes(l), at = 0;
    port_work(l->svm->port, PORT_WORK_DIFF_IN, diff->length);
    for (uint64_t i = 0; i + 4 <= diff->length;) {
        uint8_t head[4];
        rope_read(diff, i, sizeof head, head);
        at += wire_get16(head);
        uint64_t len = wire_get16(head + 2);
        i += sizeof head;
        if (at + len > size || i + len > diff->length)
            return false;
        if (len > 0)
            rope_read(diff, i, len, bytes + at);
        at += len;
        i += len;
    }
    return true;
}

/* ---- the open interval ---- */

static void mark_dirty(struct lrc *l, struct lrc_page *lp)
{
    if (lp->dirty)
        return;
    lp->dirty = true;
    list_push(&l->dirty, &lp->link);
}

/* Before a page becomes dirty: too many twins end the interval. */
static void limit_twins(struct lrc *l, const struct lrc_page *lp)
{
    uint64_t most = (uint64_t)l->svm->params.twins;
    if (most > 0 && l->twins >= most && !at_home(l, lp))
        lrc_end_interval(l, false);
}

bool lrc_close_page(struct lrc *l, struct lrc_page *lp, uint32_t interval, bool pay)
{
    struct svm *s = l->svm;
    bool pinned = !vm_revoke(s->region, lp->page, VM_READ);
    lp->dirty = false;
    if (pinned) /* the program goes on writing in the next interval */
        mark_dirty(l, lp);
    if (at_home(l, lp))
        return true;
    const uint8_t *bytes = vm_frame(s->region, lp->page, false);
    struct svm_msg *m = svm_msg_new(s, SVM_DIFF, lp->page);
    make_diff(l, lp, bytes, &m->data);
    if (pinned)
        twin(l, lp, bytes);
    else
        drop_twin(l, lp);
    if (m->data.length == 0) {
        svm_msg_free(s, m);
        return false;
    }
    m->fault = l->rank;
    m->moves = interval;
    s->counts.diffs++;
    lrc_raise(s->port, &lp->have, l->rank, interval);
    lrc_raise(s->port, &lp->need, l->rank, interval);
    /* A diff that must wait for the interface is not to leave before the work that made it. */
    if (pay)
        port_pay(s->port);
    svm_send(s, lp->home, m);
    return true;
}

/* ---- the home ---- */

static void serve(struct lrc *l, struct lrc_page *lp, struct svm_msg *m)
{
    struct svm *s = l->svm;
    struct svm_msg *a = svm_msg_new(s, SVM_COPY, lp->page);
    struct lrc_versions holds = { .count = 0 };
    const uint8_t *bytes = vm_frame(s->region, lp->page, false);
    for (uint32_t i = 0; i < lp->have.count; i++)
        lrc_raise(s->port, &holds, lp->have.of[i].rank, lp->have.of[i].interval);
    if (l->clock[l->rank] > 0)
        lrc_raise(s->port, &holds, l->rank, l->clock[l->rank]);
    a->version = holds.count;
    put_versions(&a->data, &holds);
    drop_versions(l, &holds);
    if (bytes)
        rope_add_bytes(&a->data, bytes, page_bytes(l));
    else
        rope_add_zero(&a->data, page_bytes(l));
    s->counts.pages_sent++;
    lp->served = true;
    /* A page that was not watched is from now on: its next write is to be noticed. */
    if (!lp->dirty && !vm_revoke(s->region, lp->page, VM_READ))
        mark_dirty(l, lp);
    svm_send(s, m->origin, a);
    svm_msg_free(s, m);
}

/* The first node that touches a page becomes its home; this node knows who that was. */
static void appoint(struct lrc *l, struct lrc_page *lp, struct svm_msg *m)
{
    struct svm_msg *a = svm_msg_new(l->svm, SVM_COPY, lp->page);
    lp->home = m->origin;
    a->ownership = true;
    svm_send(l->svm, m->origin, a);
    svm_msg_free(l->svm, m);
}

/* Answers who can be answered (LRC3); the rest wait on. */
static void serve_asking(struct lrc *l, struct lrc_page *lp)
{
    LIST_EACH_SAFE (it, next, &lp->asking) {
        struct svm_msg *m = LIST_ENTRY(it, struct svm_msg, link);
        struct lrc_versions need = { .count = 0 };
        uint64_t pairs = m->data.length / 8;
        for (uint64_t i = 0; i < pairs; i++) {
            uint8_t pair[8];
            rope_read(&m->data, 8 * i, sizeof pair, pair);
            if (wire_get32(pair) != l->rank) /* a home's own writes are there */
                lrc_raise(l->svm->port, &need, wire_get32(pair), wire_get32(pair + 4));
        }
        bool now = lrc_covers(&lp->have, &need);
        drop_versions(l, &need);
        if (!now)
            continue;
        list_remove(it);
        serve(l, lp, m);
    }
}

static void asked(struct lrc *l, struct lrc_page *lp, struct svm_msg *m)
{
    if (at_home(l, lp)) {
        list_push(&lp->asking, &m->link);
        serve_asking(l, lp);
    } else if (lp->home == LRC_NOBODY) {
        appoint(l, lp, m);
    } else {
        svm_pass_on(l->svm, lp->home, m);
    }
}

/* ---- faults ---- */

/* After a death nobody knows which intervals are missing: what would have to be waited for is not
 * to be had (there is no recovery of relaxed memory). */
static void fail_fault(struct lrc *l, struct lrc_page *lp)
{
    struct svm *s = l->svm;
    uint32_t home = lp->home != LRC_NOBODY ? lp->home : directory_of(s, lp->page);
    lp->wanted = false;
    s->counts.lost++;
    vm_fail(s->region, lp->page, svm_alive(s, home) ? VM_UNREACHABLE : VM_LOST);
}

static bool fail_waiting(void *arg, const void *key, void *value)
{
    struct lrc_page *lp = value;
    (void)key;
    if (lp->wanted)
        fail_fault(arg, lp);
    return true;
}

static void down(struct svm *s, uint32_t node)
{
    struct lrc *l = lrc_of(s);
    (void)node;
    xk_map_each(&l->pages, fail_waiting, l);
}

/* A home that nobody has asked for the page need not watch its own writes. */
static bool unwatched(const struct lrc *l, const struct lrc_page *lp)
{
    return l->svm->params.watch == 1 && !lp->served;
}

static void grant_at_home(struct lrc *l, struct lrc_page *lp)
{
    enum vm_prot prot = lp->want;
    if (!lrc_covers(&lp->have, &lp->need)) {
        if (l->svm->recovery)
            fail_fault(l, lp);
        return;
    }
    lp->wanted = false;
    vm_frame(l->svm->region, lp->page, true);
    if (unwatched(l, lp))
        prot = VM_WRITE;
    else if (prot == VM_WRITE)
        mark_dirty(l, lp);
    vm_grant(l->svm->region, lp->page, prot);
}

static void fetch(struct lrc *l, struct lrc_page *lp)
{
    struct svm *s = l->svm;
    uint32_t to = lp->home != LRC_NOBODY ? lp->home : directory_of(s, lp->page);
    struct svm_msg *m = svm_msg_new(s, SVM_FETCH, lp->page);
    m->version = lp->need.count;
    put_versions(&m->data, &lp->need);
    svm_send(s, to, m);
}

static void fault(struct vm_region *r, uint64_t page, enum vm_prot have, enum vm_prot want)
{
    struct svm *s = vm_region_object(r);
    struct lrc *l = lrc_of(s);
    struct lrc_page *lp = lrc_page_get(l, page);
    s->counts.read_faults += want == VM_READ;
    s->counts.write_faults += want == VM_WRITE;
    lp->wanted = true;
    lp->want = want;
    if (lp->home == LRC_NOBODY && directory_of(s, page) == s->self)
        lp->home = s->self;
    if (at_home(l, lp)) {
        grant_at_home(l, lp);
    } else if (have == VM_READ) {
        limit_twins(l, lp);
        lp->wanted = false;
        twin(l, lp, vm_frame(r, page, false));
        mark_dirty(l, lp);
        vm_grant(r, page, VM_WRITE);
    } else if (s->recovery) {
        fail_fault(l, lp);
    } else {
        fetch(l, lp);
    }
}

static void copy_arrived(struct lrc *l, struct lrc_page *lp, struct svm_msg *m)
{
    struct svm *s = l->svm;
    if (!lp->wanted)
        return;
    if (m->ownership) {
        lp->home = s->self;
        grant_at_home(l, lp);
        return;
    }
    lp->home = m->from;
    drop_versions(l, &lp->have);
    if (!get_versions(l, m, &lp->have) || m->data.length != page_bytes(l))
        return;
    if (!lrc_covers(&lp->have, &lp->need)) { /* a notice came meanwhile */
        s->counts.retries++;
        fetch(l, lp);
        return;
    }
    drop_versions(l, &lp->need);
    lp->wanted = false;
    vm_supply(s->region, lp->page, &m->data, VM_READ);
    if (lp->want == VM_WRITE) {
        limit_twins(l, lp);
        twin(l, lp, vm_frame(s->region, lp->page, false));
        mark_dirty(l, lp);
        vm_grant(s->region, lp->page, VM_WRITE);
    }
}

static void diff_arrived(struct lrc *l, struct lrc_page *lp, struct svm_msg *m)
{
    if (!at_home(l, lp) || m->fault >= l->svm->count ||
        !apply_diff(l, vm_frame(l->svm->region, lp->page, true), &m->data))
        return;
    lrc_raise(l->svm->port, &lp->have, m->fault, m->moves);
    serve_asking(l, lp);
    if (lp->wanted)
        grant_at_home(l, lp);
}

/* ---- notices ---- */

/* The copy here misses an interval that the program is to see. */
static void drop_copy(struct lrc *l, struct lrc_page *lp)
{
    struct svm *s = l->svm;
    if (vm_page_prot(s->region, lp->page) == VM_NONE)
        return;
    lp->stale =
        at_home(l, lp) ? !vm_hide(s->region, lp->page) : !vm_revoke(s->region, lp->page, VM_NONE);
    s->counts.invalidations += !lp->stale;
}

void lrc_notice(struct lrc *l, uint64_t page, uint32_t rank, uint32_t interval)
{
    if (page >= vm_region_pages(l->svm->region))
        return;
    struct lrc_page *lp = lrc_page_get(l, page);
    bool held = at_home(l, lp) || vm_page_prot(l->svm->region, page) != VM_NONE;
    if (held && lrc_interval_of(&lp->have, rank) >= interval)
        return;
    lrc_raise(l->svm->port, &lp->need, rank, interval);
    if (held)
        drop_copy(l, lp);
}

static void unpinned(struct vm_region *r, uint64_t page)
{
    struct lrc *l = lrc_of(vm_region_object(r));
    struct lrc_page *lp = lrc_page_get(l, page);
    if (!lp->stale)
        return;
    lp->stale = false;
    if (lrc_covers(&lp->have, &lp->need))
        return;
    if (lp->dirty && !at_home(l, lp))
        lrc_end_interval(l, false);
    drop_copy(l, lp);
}

/* Frames are without limit here (svm_join sees to it). */
static void evict(struct vm_region *r, uint64_t page, bool dirty)
{
    (void)dirty;
    vm_keep(r, page, VM_NO_FRAMES);
}

/* ---- the manager ---- */

static const struct vm_pager_ops pager = {
    .name = "hlrc",
    .fault = fault,
    .evict = evict,
    .unpinned = unpinned,
};

static void start(struct svm *s)
{
    struct lrc *l = port_alloc(s->port, sizeof *l);
    l->svm = s;
    s->relaxed = l;
    l->clock = port_alloc(s->port, s->count * sizeof *l->clock);
    l->learned = port_alloc(s->port, s->count * sizeof *l->learned);
    l->base = port_alloc(s->port, s->count * sizeof *l->base);
    l->log = port_alloc(s->port, s->count * sizeof *l->log);
    for (uint32_t i = 0; i < s->count; i++) {
        list_init(&l->log[i]);
        if (s->nodes[i] == s->self)
            l->rank = i;
    }
    xk_map_init(&l->peers, s->port, sizeof(uint32_t));
    xk_map_init(&l->pages, s->port, sizeof(uint64_t));
    list_init(&l->known);
    list_init(&l->dirty);
}

static void take(struct svm *s, struct svm_msg *m)
{
    struct lrc *l = lrc_of(s);
    struct lrc_page *lp = lrc_page_get(l, m->page);
    /* A home is asked and told while its program computes; for an answer the program waits. */
    if (m->from != s->self && m->op != SVM_COPY)
        port_work(s->port, PORT_WORK_INTERRUPT, 1);
    switch (m->op) {
    case SVM_FETCH:
        asked(l, lp, m); /* takes it */
        return;
    case SVM_COPY:
        copy_arrived(l, lp, m);
        break;
    case SVM_DIFF:
        diff_arrived(l, lp, m);
        break;
    default:
        break;
    }
    svm_msg_free(s, m);
}

const struct svm_mgr_ops svm_mgr_hlrc = {
    .kind = { .name = "hlrc",
              .doc = "Home-based lazy release consistency: many writers, twins and diffs." },
    .pager = &pager,
    .start = start,
    .down = down,
    .take = take,
    .memory = &lrc_memory,
};
