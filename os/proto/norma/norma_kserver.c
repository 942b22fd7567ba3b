/* norma_kserver.c: four threads do what other kernels ask for; they may wait for transits, and for
 * messages that have come in part.
 */
#include "os/proto/norma/norma_internal.h"

struct norma_kserver {
    struct list link; /* idle or suspended */
    struct norma_state *st;
    struct port_thread *thread;
    bool woken;
};

static void wait_in(struct norma_kserver *ks, struct list *where, const char *what)
{
    struct port *port = xk_port(ks->st->self);
    ks->woken = false;
    list_push(where, &ks->link);
    while (!ks->woken)
        port_thread_block(port, what, 0);
}

static void wake(struct norma_kserver *ks)
{
    list_remove(&ks->link);
    ks->woken = true;
    port_thread_wake(xk_port(ks->st->self), ks->thread);
}

void norma_resume(struct norma_state *st)
{
    while (!list_empty(&st->suspended))
        wake(LIST_ENTRY(st->suspended.next, struct norma_kserver, link));
}

/* ---- the requests ---- */

static void no_local_senders(struct norma_state *st, uint64_t uid, uint32_t n)
{
    struct mach_record *r = mach_record_find(st->m, uid);
    uint32_t to = mach_uid_node(uid);
    const uint32_t words[2] = { norma_uid(uid), n };
    if (r && r->principal) {
        if (r->lent < n) {
            norma_panic(st, "uid %08x gets back %u of %u", norma_uid(uid), n, r->lent);
            return;
        }
        mach_record_get(r);
        mach_net_lent(r, r->lent - n, r->lent_onces);
        norma_forget(r);
        mach_record_put(r);
    } else if (r && (mach_record_dead(r) || mach_record_sends(r) > 0)) {
        norma_own(r)->stransit -= n; /* it is absorbed: these owe it now */
    } else if (r) {
        norma_tell(st, norma_own(r)->dest, NORMA_NO_LOCAL_SENDERS, words, 2, NULL, 0);
    } else if (to == port_node(xk_port(st->self))) {
        norma_panic(st, "no_local_senders: failed lookup, uid %08x stransit %u", norma_uid(uid), n);
    } else {
        norma_tell(st, to, NORMA_NO_LOCAL_SENDERS, words, 2, NULL, 0);
    }
}

/* words: number, asker, uid.  The answer: number, 0 or 1 (dead) or 2 (not known), transits. */
static void stransit_request(struct norma_state *st, const uint32_t *words)
{
    uint64_t uid = norma_uid64(words[2]);
    struct mach_record *r = mach_record_find(st->m, uid);
    uint32_t answer[3] = { words[0], 0, 0 }, to = mach_uid_node(uid);
    if (r && !r->principal && !mach_record_dead(r)) {
        norma_tell(st, norma_own(r)->dest, NORMA_STRANSIT_REQUEST, words, 3, NULL, 0);
        return;
    }
    if (!r && to != port_node(xk_port(st->self))) {
        norma_tell(st, to, NORMA_STRANSIT_REQUEST, words, 3, NULL, 0);
        return;
    }
    if (r && words[1] == port_node(xk_port(st->self))) { /* the port has come to who asks */
        struct norma_pending *w = norma_answered(st, words[0], NORMA_STRANSIT_REQUEST);
        if (w) {
            norma_got_transits(st, r, 0, 0);
            norma_resume(st);
            mach_record_put(r);
            port_free(xk_port(st->self), w);
        }
        return;
    }
    if (!r) {
        answer[1] = 2;
    } else if (mach_record_dead(r)) {
        answer[1] = 1;
    } else {
        answer[2] = NORMA_TRANSITS;
        mach_net_lent(r, r->lent + NORMA_TRANSITS, r->lent_onces);
    }
    norma_tell(st, words[1], NORMA_STRANSIT_REQUEST + NORMA_REPLY, answer, 3, NULL, 0);
}

/* words: uid, node. */
static void node_dnrequest(struct norma_state *st, const uint32_t *words)
{
    struct mach_record *r = mach_record_find(st->m, norma_uid64(words[0]));
    if (r && !mach_record_dead(r) && r->principal)
        norma_wants_add(st, r, words[1]);
    else if (r && !mach_record_dead(r))
        norma_tell(st, norma_own(r)->dest, NORMA_NODE_DNREQUEST, words, 2, NULL, 0);
    else if (words[1] != port_node(xk_port(st->self)))
        norma_tell(st, words[1], NORMA_NODE_DNNOTIFY, words, 1, NULL, 0);
    else if (r)
        norma_kill(st, r);
}

static void lacks(void *arg, struct mach_record *r)
{
    norma_want_transits(arg, r);
}

/* Until nothing is missing that the messages in the queue need to leave. */
static void prepare(struct norma_kserver *ks, struct mach_record *r)
{
    struct norma_state *st = ks->st;
    for (;;) {
        uint32_t count;
        struct mach_kmsg **all = mach_net_queued(r, &count);
        bool ready = norma_enough(all, count, lacks, st);
        port_free(xk_port(st->self), all);
        if (ready && norma_own(r)->partials == 0)
            return;
        wait_in(ks, &st->suspended, "transits and pages");
    }
}

/* words: number, asker, uid. */
static void pull_receive(struct norma_kserver *ks, const uint32_t *words)
{
    struct norma_state *st = ks->st;
    struct mach_record *r = mach_record_find(st->m, norma_uid64(words[2]));
    if (!r || !r->principal || !norma_own(r)->leaving) {
        norma_panic(st, "pull_receive of port %08x, which has not left", words[2]);
        return;
    }
    prepare(ks, r);
    norma_give_up(st, r, words[1], words[0]);
}

/* words: number, asker, which. */
static void get_special(struct norma_kserver *ks, const uint32_t *words)
{
    struct norma_state *st = ks->st;
    struct mach_held h = mach_special_own(st->m, words[2]);
    struct mach_kmsg *k = mach_kmsg_new(st->m, 0);
    k->reply = h; /* where the transits are counted */
    while (!norma_enough(&k, 1, lacks, st))
        wait_in(ks, &st->suspended, "transits");
    h = k->reply;
    k->reply = (struct mach_held){ NULL, MACH_HELD_NONE };
    mach_kmsg_free(st->m, k);
    norma_tell(st, words[1], NORMA_GET_SPECIAL + NORMA_REPLY, words, 1, &h, 1);
}

static void serve(struct norma_kserver *ks, struct mach_kmsg *k)
{
    struct norma_state *st = ks->st;
    uint32_t words[3];
    norma_words(k, words, 3);
    port_work(xk_port(st->self), PORT_WORK_RPC, 1);
    switch (k->id) {
    case NORMA_NO_LOCAL_SENDERS:
        no_local_senders(st, norma_uid64(words[0]), words[1]);
        break;
    case NORMA_STRANSIT_REQUEST:
        stransit_request(st, words);
        break;
    case NORMA_PULL_RECEIVE:
        pull_receive(ks, words);
        break;
    case NORMA_NODE_DNREQUEST:
        node_dnrequest(st, words);
        break;
    case NORMA_NODE_DNNOTIFY: {
        struct mach_record *r = mach_record_find(st->m, norma_uid64(words[0]));
        if (r)
            norma_kill(st, r);
        break;
    }
    case NORMA_GET_SPECIAL:
        get_special(ks, words);
        break;
    default:
        st->counts.bad++;
        break;
    }
}

static void kserver(void *arg)
{
    struct norma_kserver *ks = arg;
    struct norma_state *st = ks->st;
    ks->thread = port_thread_self(xk_port(st->self));
    for (;;) {
        struct list *it = list_pop(&st->requests);
        if (!it) {
            wait_in(ks, &st->idle, "request of a kernel");
            continue;
        }
        struct norma_request *q = LIST_ENTRY(it, struct norma_request, link);
        serve(ks, q->k);
        mach_kmsg_destroy(st->m, q->k);
        port_free(xk_port(st->self), q);
    }
}

void norma_serve(struct norma_state *st, struct mach_kmsg *k)
{
    struct port *port = xk_port(st->self);
    struct norma_request *q = port_alloc(port, sizeof *q);
    q->k = k;
    list_init(&q->link);
    list_push(&st->requests, &q->link);
    if (!list_empty(&st->idle)) {
        wake(LIST_ENTRY(st->idle.next, struct norma_kserver, link));
    } else if (st->kservers < NORMA_KSERVERS) {
        struct norma_kserver *ks = port_alloc(port, sizeof *ks);
        ks->st = st;
        list_init(&ks->link);
        if (port_thread_spawn(port, "kserver", kserver, ks, PORT_THREAD_SERVICE))
            st->kservers++;
        else
            port_free(port, ks);
    }
}
