/* region.c: what a node has of a region: pages, who lives, messages that leave.
 *
 * Wire image of a message, big-endian: SVM_HEADER bytes, then the body: 4 bytes for each member of
 * the copy set, and the page's bytes if it carries any.
 *   0 op  1 access  2 flags (1: has_copy, 2: ownership, from bit 2: lost)
 *   3 zero  4 page(4)  8 origin(4)  12 fault(4)  16 version(4)  20 moves(4)  24 hops(2)
 *   26 copies(2)  28 end; where programs are saved, the
 * number of their run in 4 bytes before all that (save.c)
 */
#include "os/svm/svm_internal.h"

/* ---- who lives ---- */

bool svm_alive(const struct svm *s, uint32_t node)
{
    return s->dead.count == 0 || !nodeset_has(&s->dead, node);
}

uint32_t svm_alive_from(const struct svm *s, uint32_t index)
{
    while (!svm_alive(s, s->nodes[index]))
        index = (index + 1) % s->count;
    return s->nodes[index];
}

uint32_t svm_leader(const struct svm *s)
{
    return svm_alive_from(s, 0);
}

/* ---- pages ---- */

uint32_t svm_first_owner(const struct svm *s, uint64_t page)
{
    switch (s->params.initial_owner) {
    case 0:
        return s->nodes[0];
    case 1:
        return s->nodes[page % s->count];
    default: {
        uint64_t per = (vm_region_pages(s->region) + s->count - 1) / s->count;
        return s->nodes[page / per];
    }
    }
}

uint32_t svm_initial_owner(const struct svm *s, uint64_t page)
{
    uint32_t first = svm_first_owner(s, page);
    return svm_alive(s, first) ? first : svm_leader(s);
}

struct svm_page *svm_page_find(struct svm *s, uint64_t page)
{
    if (page != s->last_page)
        port_work(s->port, PORT_WORK_LOOKUP, 1);
    struct svm_page *sp = vm_page_user(s->region, page);
    if (sp)
        s->last_page = page;
    return sp;
}

void svm_page_of_dead(struct svm *s, struct svm_page *sp)
{
    if (s->frozen || s->ops->ownerless || sp->owner || sp->hint != s->self ||
        svm_alive(s, svm_first_owner(s, sp->page)))
        return;
    sp->owner = true;
    sp->lost = VM_LOST;
    s->counts.lost++;
}

struct svm_page *svm_page_get(struct svm *s, uint64_t page)
{
    struct svm_page *sp = svm_page_find(s, page);
    if (sp)
        return sp;
    sp = port_alloc(s->port, sizeof *sp);
    sp->svm = s;
    sp->page = page;
    sp->hint = svm_initial_owner(s, page);
    sp->owner = svm_first_owner(s, page) == s->self && !s->ops->ownerless;
    svm_page_of_dead(s, sp);
    list_push(&s->all, &sp->all);
    rope_init(&sp->arrived);
    list_init(&sp->deferred);
    port_timer_init(s->port, &sp->retry, s->retry, sp);
    vm_page_set_user(s->region, page, sp);
    s->last_page = page;
    return sp;
}

struct svm_msg *svm_msg_new(struct svm *s, enum svm_op op, uint64_t page)
{
    struct svm_msg *m = port_alloc(s->port, sizeof *m);
    m->op = op;
    m->page = page;
    m->origin = s->self;
    list_init(&m->link);
    rope_init(&m->data);
    return m;
}

void svm_msg_free(struct svm *s, struct svm_msg *m)
{
    nodeset_clear(s->port, &m->copies);
    rope_fini(&m->data);
    port_free(s->port, m);
}

/* ---- messages ---- */

void svm_drop_all(struct svm *s, struct list *list)
{
    struct list *l;
    while ((l = list_pop(list)))
        svm_msg_free(s, LIST_ENTRY(l, struct svm_msg, link));
}

/* The body of a message, whose bytes it takes: its copy set, then the page's. */
static void body_of(struct svm_msg *m, struct rope *body)
{
    uint8_t part[4 * COPIES_PART];
    rope_init(body);
    for (uint32_t i = 0; i < m->copies.count;) {
        uint32_t n = 0;
        for (; n < COPIES_PART && i < m->copies.count; n++)
            wire_put32(part + 4 * (size_t)n, m->copies.nodes[i++]);
        rope_add_bytes(body, part, 4 * (size_t)n);
    }
    if (body->length == 0)
        rope_move(body, &m->data);
    else
        rope_join(body, &m->data);
}

static void store_header(const struct svm_msg *m, uint8_t *h)
{
    h[0] = (uint8_t)m->op;
    h[1] = (uint8_t)m->access;
    h[2] = (uint8_t)(m->has_copy | m->ownership << 1 | (uint8_t)m->lost << 2);
    h[3] = 0;
    wire_put32(h + 4, (uint32_t)m->page);
    wire_put32(h + 8, m->origin);
    wire_put32(h + 12, m->fault);
    wire_put32(h + 16, m->version);
    wire_put32(h + 20, m->moves);
    wire_put16(h + 24, (uint16_t)(m->hops < UINT16_MAX ? m->hops : UINT16_MAX));
    wire_put16(h + 26, (uint16_t)m->copies.count);
}

/* To a dead node, or one that is not there, the message is lost. */
static void push(struct svm *s, uint32_t node, struct svm_msg *m)
{
    enum xk_status why;
    struct xk_sessn *session = xk_open(s->protl->down[0], s->protl, xk_node_key(node, s->id), &why);
    if (!session)
        return;
    struct rope body;
    struct xk_msg out;
    body_of(m, &body);
    xk_msg_init_rope(&out, &body);
    store_header(m, xk_msg_push(&out, SVM_HEADER));
    if (s->kept) {
        wire_put32(xk_msg_push(&out, SVM_RUN), s->kept->run);
        s->kept->sent++;
    }
    enum xk_status status = xk_push(session, &out);
    ASSERT(status == XK_OK || status == XK_UNREACHABLE);
    xk_msg_fini(&out);
    xk_close(session);
}

void svm_send(struct svm *s, uint32_t node, struct svm_msg *m)
{
    m->from = s->self;
    if (s->gone) {
        svm_msg_free(s, m);
        return;
    }
    if (s->frozen && m->op < SVM_MARK) {
        ASSERT_MSG(!m->ownership, "a page is given away while the survivors agree (SVMI9)");
        svm_msg_free(s, m);
        return;
    }
    if (node == s->self) {
        list_push(&s->local, &m->link);
        if (!port_timer_pending(&s->local_timer))
            port_timer_set(&s->local_timer, 0);
        return;
    }
    s->counts.sent++;
    s->counts.pages_sent += m->data.length > 0 && m->op < SVM_FETCH;
    push(s, node, m);
    svm_msg_free(s, m);
}

void svm_pass_on(struct svm *s, uint32_t node, struct svm_msg *m)
{
    s->counts.forwards++;
    m->hops++;
    svm_send(s, node, m);
}
