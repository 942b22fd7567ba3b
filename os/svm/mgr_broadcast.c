/* mgr_broadcast.c: nobody knows the owner: a request goes to all, the owner answers.
 *
 * [Li & Hudak 1989, section 3.2].  There the broadcast is atomic; here it is N - 1 messages, and a
 * request can miss an ownership that moves meanwhile.  Then nobody answers, and the requester asks
 * again after `retry`, then after twice as long, and so on: an owner that is slow because all ask
 * it must not be asked more for it.  A node that waits to become owner keeps requests until it is
 * (SVM5); a request that was answered elsewhere meanwhile makes a gift at most (SVMI1).
 */
#include "os/svm/svm_internal.h"

#define DOUBLINGS_MAX 10 /* of `retry` */

static void ask(struct svm *s, struct svm_page *sp, bool has_copy)
{
    for (uint32_t i = 0; i < s->count; i++) {
        if (s->nodes[i] == s->self || !svm_alive(s, s->nodes[i]))
            continue;
        svm_send(s, s->nodes[i], svm_request_new(s, sp, has_copy));
    }
    uint32_t doublings = sp->tries < DOUBLINGS_MAX ? sp->tries : DOUBLINGS_MAX;
    port_timer_set(&sp->retry, sim_time_mul(s->params.retry, INT64_C(1) << doublings));
    sp->tries++;
}

static void serve(struct svm *s, struct svm_page *sp, struct svm_msg *m)
{
    if (!sp->owner || m->origin == s->self)
        svm_msg_free(s, m);
    else if (m->access == VM_READ)
        svm_serve_copy(s, sp, m);
    else
        svm_serve_ownership(s, sp, m, VM_NONE);
}

const struct svm_mgr_ops svm_mgr_broadcast = {
    .kind = { .name = "broadcast", .doc = "Requests go to all nodes; the owner answers." },
    .request = ask,
    .serve = serve,
    .defers = svm_defers_owning,
};
