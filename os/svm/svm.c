/* svm.c: joining a region, the protocol instance, messages that arrive.
 *
 * RDM below carries whole messages, in order, and takes all that is pushed.  A region is a key:
 * what comes before it is joined waits below.
 */
#include "os/proto/rdm/rdm.h"
#include "os/svm/svm_internal.h"
#include "os/xk/keys.h"
#include "os/xk/peers.h"

#define REGIONS_MAX XK_KEYS

static const char *const home_names[] = { "hash", "first_touch", NULL };
static const char *const watch_names[] = { "always", "served", NULL };
static const char *const initial_names[] = { "first", "modulo", "block", NULL };

static const struct kind *const managers[] = { &svm_mgr_central.kind, &svm_mgr_improved.kind,
                                               &svm_mgr_fixed.kind,   &svm_mgr_broadcast.kind,
                                               &svm_mgr_dynamic.kind, &svm_mgr_dynamic_s.kind,
                                               &svm_mgr_tree.kind,    &svm_mgr_xmm.kind,
                                               &svm_mgr_hlrc.kind,    NULL };
const struct kind_set svm_managers = { "manager", "workload.svm.manager", managers };

const struct param svm_params_desc[] = {
    P_CHOICE_OF(svm_params, manager, "dynamic", svm_managers, "How the owner of a page is found.",
                "[Li & Hudak 1989]; xmm: OSF/1 AD; hlrc: [Zhou, Iftode & Li 1996]"),
    P_INT(svm_params, hash_block, "1", "1", "1000000000",
          "Managers 'fixed' and 'hlrc': so many neighbouring pages share a manager, or a home.",
          "[Li & Hudak 1989], H(p) = (p div s) mod N"),
    P_INT(svm_params, announce_every, "0", "0", "1000000000",
          "Dynamic managers: the owner tells all nodes after so many moves of the ownership or "
          "copies served; 0: never.",
          "[Li & Hudak 1989], refinement of the dynamic manager"),
    P_INT(svm_params, fanout, "0", "0", "1000000000",
          "Manager 'tree': copies that a node answers for before it passes readers on to one of "
          "its own; 0: no limit.",
          "ours; without it the tree is flat where all readers ask the writer"),
    P_TIME(
        svm_params, retry, "10ms", "1us", "1h",
        "Manager 'broadcast': ask again when nobody has answered for so long, then twice as long.",
        "ASSUMED(a request can miss an owner that moves; a few fault times)"),
    P_CHOICE(
        svm_params, initial_owner, "first", initial_names,
        "Who owns a page before it is touched: the first node, page mod N, or blocks of pages.",
        "[Li & Hudak 1989]: a default node"),
    P_CHOICE(svm_params, homes, "hash", home_names,
             "Manager 'hlrc': the home of a page is found by hashing its number, or it is the node "
             "that touches the page first (a message more for whoever comes later, once).",
             "ASSUMED(both are usual for home-based protocols)"),
    P_CHOICE(svm_params, watch, "always", watch_names,
             "Manager 'hlrc': a home takes a write fault in each interval for each page that it "
             "changes, or only for pages of which others have had a copy.",
             "always: [Zhou, Iftode & Li 1996]; served: ours"),
    P_INT(svm_params, twins, "0", "0", "1000000000",
          "Manager 'hlrc': most twins of a node; one more ends the interval early, so that diffs "
          "go home and twins are freed. 0: no limit but the pages that are written between two "
          "releases.",
          "ours: bounds the memory"),
    P_END,
};

bool svm_is_strict(int index)
{
    const struct svm_mgr_ops *m = kind_at(&svm_managers, index);
    return m && !m->memory;
}

const struct sync_memory *svm_memory(const struct svm *s)
{
    return s->ops->memory;
}

static void retry(struct port_timer *t)
{
    struct svm_page *sp = t->arg;
    svm_event(sp->svm, sp, SVM_ON_RETRY);
    svm_ask_again(sp->svm, sp);
}

/* ---- messages ---- */

/* NULL when it is no message of this region: such frames are dropped. */
static struct svm_msg *load(struct svm *s, const uint8_t *h, struct xk_msg *in)
{
    uint64_t page = wire_get32(h + 4);
    uint32_t copies = wire_get16(h + 26);
    if (h[0] >= SVM_OP_COUNT || h[1] > VM_WRITE || h[2] >> 2 > VM_OUT || page >= s->pages)
        return NULL;
    uint64_t rest = xk_msg_length(in);
    bool relaxed = h[0] >= SVM_FETCH; /* whose manager looks into the body itself */
    if (relaxed ? copies > 0 : rest != 4 * copies && rest != 4 * copies + s->page_bytes)
        return NULL;
    struct svm_msg *m = svm_msg_new(s, (enum svm_op)h[0], page);
    m->access = (enum vm_prot)h[1];
    m->has_copy = h[2] & 1;
    m->ownership = h[2] >> 1 & 1;
    m->lost = (enum vm_status)(h[2] >> 2 & 7);
    m->origin = wire_get32(h + 8);
    m->fault = wire_get32(h + 12);
    m->version = wire_get32(h + 16);
    m->moves = wire_get32(h + 20);
    m->hops = wire_get16(h + 24);
    for (uint32_t left = copies, n; left > 0; left -= n) {
        uint8_t part[4 * COPIES_PART];
        n = left < COPIES_PART ? left : COPIES_PART;
        if (!xk_msg_pop(in, part, 4 * (size_t)n))
            break;
        for (uint32_t i = 0; i < n; i++)
            nodeset_add(s->port, &m->copies, wire_get32(part + 4 * (size_t)i));
    }
    xk_msg_to_rope(in, &m->data);
    return m;
}

static void drain_local(struct port_timer *t)
{
    struct svm *s = t->arg;
    struct list *l;
    while ((l = list_pop(&s->local)))
        svm_receive(s, LIST_ENTRY(l, struct svm_msg, link));
}

static void arrived(struct svm_instance *instance, uint32_t from, uint32_t key, struct xk_msg *in)
{
    struct svm *s = instance->regions;
    uint8_t header[SVM_HEADER];
    while (s->id != key)
        s = s->next;
    struct svm_msg *m = xk_msg_pop(in, header, sizeof header) ? load(s, header, in) : NULL;
    if (!m)
        return;
    m->from = from;
    svm_receive(s, m);
}

static void demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *in)
{
    struct svm_instance *instance = self->state;
    if (!instance->kept || !svm_kept_takes(instance->kept, lower, in))
        arrived(instance, lower->host, lower->key, in);
}

/* A node that is back has lost what it shared: to the regions it stays dead. */
static void peer_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct xk_protl *self = arg;
    const struct svm_instance *in = self->state;
    (void)life;
    if (alive || in->kept) /* who keeps the programs restarts them all */
        return;
    for (struct svm *s = in->regions; s; s = s->next)
        svm_node_down(s, node);
}

static enum xk_status init(struct xk_protl *self, const void *params)
{
    struct svm_instance *in = self->state;
    (void)params;
    in->arrived = arrived;
    xk_on_peer(self->kernel, peer_changed, self);
    return XK_OK;
}

const struct xk_protl_ops svm_protl = {
    .kind = { .name = "svm",
              .doc = "Carries the messages of shared virtual memory.",
              .state_size = sizeof(struct svm_instance) },
    .header = SVM_HEADER,
    .down_min = 1,
    .down_max = 1,
    .needs = XK_NETWORK | XK_LONG | XK_LIVES | XK_TAKES,
    .called = true,
    .init = init,
    .demux = demux,
};

const struct counter svm_counters[] = {
    C_SUM(svm, counts, read_faults, "1",
          "Read faults that asked another node or changed protection."),
    C_SUM(svm, counts, write_faults, "1", "Write faults that did."),
    C_SUM(svm, counts, sent, "1", "Messages to other nodes."),
    C_SUM(svm, counts, forwards, "1", "Requests passed on."),
    C_SUM(svm, counts, invalidations, "1",
          "Copies of others that a node had dropped; hlrc: own copies dropped for a notice."),
    C_SUM(svm, counts, pages_sent, "1", "Messages with a page's bytes."),
    C_SUM(svm, counts, retries, "1", "Requests made again."),
    C_SUM(svm, counts, page_outs, "1", "Owned pages sent to the store."),
    C_SUM(svm, counts, page_ins, "1", "Owned pages fetched from the store."),
    C_SUM(svm, counts, lost, "1", "Pages whose contents are gone."),
    C_SUM(svm, counts, recoveries, "1", "Deaths after which a survivor agreed anew."),
    C_SUM(svm, counts, twins, "1", "Twins made (hlrc)."),
    C_SUM(svm, counts, diffs, "1", "Diffs sent (hlrc)."),
    C_END,
};

struct svm *svm_join(struct xk_protl *protl, struct vm_space *space, uint64_t base, uint64_t length,
                     const uint32_t *nodes, uint32_t count, const struct svm_params *params)
{
    struct svm_instance *in = protl->state;
    struct port *p = xk_port(protl);
    const struct svm_mgr_ops *ops = kind_at(&svm_managers, params->manager);
    bool member = false;
    for (uint32_t i = 0; i < count; i++)
        member |= nodes[i] == port_node(p);
    if (ops->memory && vm_frames_limit(vm_space_vm(space)) > 0) {
        port_fail(p, "manager %s keeps the pages that it has touched: memory.frames must be 0",
                  ops->kind.name);
        return NULL;
    }
    if (ops->memory && in->kept) {
        port_fail(p,
                  "memory of manager %s cannot be saved: it is the same everywhere only where "
                  "programs synchronise",
                  ops->kind.name);
        return NULL;
    }
    if (!member || in->count == REGIONS_MAX || length > SVM_SPACE_MAX)
        return NULL;
    struct svm *s = port_alloc(p, sizeof *s);
    s->region = vm_map(space, base, length, VM_WRITE, ops->pager ? ops->pager : &svm_pager, s);
    if (!s->region)
        return NULL;
    s->pages = vm_region_pages(s->region);
    s->page_bytes = vm_page_bytes(vm_space_vm(space));
    s->port = p;
    s->protl = protl;
    s->space = space;
    s->params = *params;
    s->ops = ops;
    s->self = port_node(p);
    s->nodes = nodes;
    s->count = count;
    s->id = in->count++;
    s->last_page = UINT64_MAX;
    s->receive = svm_receive;
    s->retry = retry;
    svm_never(params->manager, s->never);
    s->manager = nodes[0];
    s->kept = in->kept;
    s->out = port_incarnation(p) > 1 && !s->kept;
    list_init(&s->all);
    list_init(&s->local);
    port_timer_init(p, &s->local_timer, drain_local, s);
    s->next = in->regions;
    in->regions = s;
    port_counters(p, protl->instance, svm_counters, s);
    if (ops->start)
        ops->start(s);
    for (uint32_t i = 0; i < count && !s->out && !s->kept; i++)
        if (xk_died(protl->kernel, nodes[i]))
            svm_node_down(s, nodes[i]);
    if (s->kept)
        svm_restore(s);
    xk_open_enable(protl->down[0], protl, xk_key(s->id));
    return s;
}

void svm_set_store(struct svm *s, struct vm_store *store)
{
    s->store = store;
}

void svm_counts(const struct svm *s, struct svm_counts *out)
{
    *out = s->counts;
}

void svm_look(const struct svm *s, uint64_t page, struct svm_view *out)
{
    const struct svm_page *sp = vm_page_user(s->region, page);
    uint32_t first = svm_initial_owner(s, page);
    *out = (struct svm_view){ .owner = sp ? sp->owner : first == s->self,
                              .locked = (sp && sp->locked) || s->frozen,
                              .stored = sp && sp->stored,
                              .hint = sp ? sp->hint : first,
                              .copies = sp ? sp->copies.count : 0,
                              .prot = vm_page_prot(s->region, page) };
}
