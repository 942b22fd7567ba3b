/* tcp_early.c: data that came before what is in front of it.
 *
 * Stretches by number, that neither overlap nor touch each other; what came first stays.  Each is
 * within the window, so their bytes are bounded by it, and their count by TCP_EARLY_MOST.
 */
#include "os/proto/tcp/tcp_internal.h"

static void early_free(struct tcp_conn *t, struct tcp_early *e)
{
    list_remove(&e->link);
    rope_fini(&e->data);
    port_free(tcp_port(t), e);
    t->early_count--;
}

/* The data at *seq, which touches or overlaps e, become what both are. */
static void join(struct tcp_early *e, uint32_t *seq, struct rope *data)
{
    uint64_t had = e->data.length;
    if (tcp_before(*seq, e->seq)) {
        struct rope tail;
        rope_split(data, e->seq - *seq, &tail);
        rope_join(data, &e->data);
        if (tail.length > had) {
            rope_drop_front(&tail, had);
            rope_join(data, &tail);
        }
        rope_fini(&tail);
        return;
    }
    uint64_t over = e->seq + (uint32_t)had - *seq;
    if (data->length > over) {
        rope_drop_front(data, over);
        rope_join(&e->data, data);
    }
    rope_fini(data);
    rope_move(data, &e->data);
    *seq = e->seq;
}

void tcp_early_put(struct tcp_conn *t, uint32_t seq, struct rope *data)
{
    struct list *before = &t->early;
    if (data->length == 0)
        return;
    LIST_EACH_SAFE (it, next, &t->early) {
        struct tcp_early *e = LIST_ENTRY(it, struct tcp_early, link);
        if (tcp_before(e->seq + (uint32_t)e->data.length, seq))
            continue;
        if (tcp_before(seq + (uint32_t)data->length, e->seq)) {
            before = it;
            break;
        }
        join(e, &seq, data);
        early_free(t, e);
    }
    if (t->early_count >= TCP_EARLY_MOST && seq != t->rcv_nxt) {
        tcp_self(t)->counts.rcvoodrop++;
        rope_fini(data);
        return;
    }
    struct tcp_early *e = port_alloc(tcp_port(t), sizeof *e);
    e->seq = seq;
    e->turn = ++t->early_turn;
    rope_move(&e->data, data);
    list_push(before, &e->link);
    t->early_count++;
}

void tcp_early_take(struct tcp_conn *t, struct rope *to)
{
    if (list_empty(&t->early))
        return;
    struct tcp_early *e = LIST_ENTRY(t->early.next, struct tcp_early, link);
    if (e->seq != t->rcv_nxt)
        return;
    t->rcv_nxt += (uint32_t)e->data.length;
    rope_join(to, &e->data);
    early_free(t, e);
}

void tcp_early_cut(struct tcp_conn *t, uint32_t end)
{
    LIST_EACH_SAFE (it, next, &t->early) {
        struct tcp_early *e = LIST_ENTRY(it, struct tcp_early, link);
        if (!tcp_before(e->seq, end))
            early_free(t, e);
        else if (tcp_after(e->seq + (uint32_t)e->data.length, end))
            rope_truncate(&e->data, end - e->seq);
    }
}

void tcp_early_drop(struct tcp_conn *t)
{
    while (!list_empty(&t->early))
        early_free(t, LIST_ENTRY(t->early.next, struct tcp_early, link));
}
