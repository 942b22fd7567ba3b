/* test_tcp_engine.c: TCP's states and segments, all of them: each state, each set of flags, where
 * the segment lies to the window, what it acknowledges, with and without data.
 *
 * What is sent and the next state are those of a model that follows RFC 793, pages 65 to 76, by the
 * letter, but for what tcp_in.c says of itself: of an old segment the acknowledgement counts
 * [4.4BSD]; a FIN, and what has no length, may lie at the window's end; a RST counts by its number
 * alone and not in TIME-WAIT [RFC 1337].
 */
#include <criterion/criterion.h>
#include <stdio.h>
#include <string.h>

#include "tests/os/tcp_rig.h"

#define SYN "> S 0:0 ack - win 8192 mss 1472"
#define FIFTY "< . 1:50 ack 1 win 8000", "+ 300", "> . 1:0 ack 51 win 8142"
#define ESTAB "! open", SYN, "< S. 0:0 ack 1 win 8000 mss 500", "> . 1:0 ack 1 win 8192", FIFTY
#define FIN1 ESTAB, "! finish", "> F. 1:0 ack 51 win 8142"
#define FIN2 FIN1, "< . 51:0 ack 2 win 8000"
#define CLOSEW ESTAB, "< F. 51:0 ack 1 win 8000", "> . 1:0 ack 52 win 8141"
#define EDGE 8193 /* of the window in all of them */

struct at {
    const char *state, *how[16];
    int una, nxt, rcv;
};
static const struct at states[] = {
    { "CLOSED", { NULL }, 0, 0, 0 },
    { "LISTEN", { "! listen" }, 0, 0, 0 },
    { "SYN_SENT", { "! open", SYN }, 0, 1, 0 },
    { "SYN_RCVD",
      { "! listen", "< S 0:0 ack - win 8000 mss 500", "> S. 0:0 ack 1 win 8192 mss 1472" },
      0,
      1,
      1 },
    { "ESTABLISHED", { ESTAB }, 1, 1, 51 },
    { "ESTABLISHED", { ESTAB, "! push 100", "> P. 1:100 ack 51 win 8142" }, 1, 101, 51 },
    { "CLOSE_WAIT", { CLOSEW }, 1, 1, 52 },
    { "FIN_WAIT_1", { FIN1 }, 1, 2, 51 },
    { "CLOSING", { FIN1, "< F. 51:0 ack 1 win 8000", "> . 2:0 ack 52 win 8141" }, 1, 2, 52 },
    { "LAST_ACK", { CLOSEW, "! finish", "> F. 1:0 ack 52 win 8141" }, 1, 2, 52 },
    { "FIN_WAIT_2", { FIN2 }, 2, 2, 51 },
    { "TIME_WAIT", { FIN2, "< F. 51:0 ack 2 win 8000", "> . 2:0 ack 52 win 8141" }, 2, 2, 52 },
};

struct event {
    bool syn, fin, rst, acks;
    int seq, len, ack;
};

struct expected {
    char sent[80]; /* empty: nothing */
    char next[16];
};

static bool is(const char *a, const char *b)
{
    return strcmp(a, b) == 0;
}

static void says(struct expected *x, const char *next)
{
    snprintf(x->next, sizeof x->next, "%s", next);
}

/* Page 36: a segment to nobody, or to a connection that is not it. */
static void reset_of(const struct event *e, struct expected *x)
{
    if (e->rst)
        return;
    if (e->acks)
        snprintf(x->sent, sizeof x->sent, "> R %d:0 ack - win 0", e->ack);
    else
        snprintf(x->sent, sizeof x->sent, "> R. 0:0 ack %d win 0",
                 e->seq + e->len + e->syn + e->fin);
}

static void answer(struct expected *x, const struct at *m, bool reset)
{
    snprintf(x->sent, sizeof x->sent, "> %s %d:0 ack %d win %d", reset ? "R." : ".", m->nxt, m->rcv,
             EDGE - m->rcv);
}

static void answer_syn(struct expected *x, int rcv)
{
    snprintf(x->sent, sizeof x->sent, "> S. 0:0 ack %d win 8192 mss 1472", rcv);
}

static void in_listen(const struct event *e, struct expected *x)
{
    if (e->rst)
        return;
    if (e->acks) {
        reset_of(e, x);
    } else if (e->syn) {
        answer_syn(x, e->seq + 1);
        says(x, "SYN_RCVD");
    }
}

static void in_syn_sent(const struct at *m, const struct event *e, struct expected *x)
{
    if (e->acks && (e->ack <= m->una || e->ack > m->nxt)) {
        reset_of(e, x);
    } else if (e->rst) {
        says(x, e->acks ? "gone" : m->state);
    } else if (e->syn && e->acks) {
        snprintf(x->sent, sizeof x->sent, "> . 1:0 ack %d win %d", e->seq + 1 + e->len + e->fin,
                 8192 - e->len - e->fin);
        says(x, e->fin ? "CLOSE_WAIT" : "ESTABLISHED");
    } else if (e->syn) {
        answer_syn(x, e->seq + 1);
        says(x, "SYN_RCVD");
    }
}

/* Fifth: the acknowledgement; false: no more is done with the segment. */
static bool takes_ack(struct at *m, const struct event *e, struct expected *x, bool *now)
{
    if (is(x->next, "SYN_RCVD")) {
        if (e->ack <= m->una || e->ack > m->nxt) {
            reset_of(e, x);
            *now = false;
            return false;
        }
        says(x, "ESTABLISHED");
    }
    if (e->ack > m->nxt) {
        *now = true;
        return false;
    }
    if (e->ack < m->nxt || e->ack <= m->una)
        return true;
    if (is(x->next, "FIN_WAIT_1"))
        says(x, "FIN_WAIT_2");
    else if (is(x->next, "CLOSING"))
        says(x, "TIME_WAIT");
    else if (is(x->next, "LAST_ACK"))
        says(x, "gone");
    return !is(x->next, "gone");
}

/* Seventh and eighth: the data and the FIN, from seq on, of which len bytes are left. */
static void takes_rest(struct at *m, int seq, int len, bool fin, struct expected *x, bool *now)
{
    bool two = is(x->next, "FIN_WAIT_2"), one = is(x->next, "FIN_WAIT_1");
    if (!is(x->next, "ESTABLISHED") && !one && !two)
        return;
    if (len > 0 && seq == m->rcv)
        m->rcv += len; /* acknowledged later */
    else if (len > 0)
        *now = true;
    if (!fin)
        return;
    *now = true;
    if (seq + len != m->rcv && seq != m->rcv - len)
        return;
    m->rcv++;
    says(x, two ? "TIME_WAIT" : one ? "CLOSING" : "CLOSE_WAIT");
}

static void in_others(struct at *m, const struct event *e, struct expected *x)
{
    int seq = e->seq, len = e->len;
    bool syn = e->syn, fin = e->fin, now = false;
    if (e->rst) {
        if (seq >= m->rcv && seq < EDGE && !is(m->state, "TIME_WAIT"))
            says(x, "gone");
        return;
    }
    if (seq < m->rcv) {
        bool again = syn && is(m->state, "SYN_RCVD") && !e->acks;
        seq += syn;
        syn = false;
        int old = m->rcv - seq;
        now = old > len || (old == len && !fin); /* all of it */
        len = now ? 0 : len - old;
        fin = fin && !now;
        seq = m->rcv;
        if (again) {
            answer_syn(x, m->rcv);
            return;
        }
    }
    if (seq + len + syn > EDGE) {
        now = true;
        fin = false;
        if (seq >= EDGE) {
            answer(x, m, false);
            return;
        }
        len = EDGE - seq;
    }
    if (syn) {
        answer(x, m, true);
        says(x, "gone");
        return;
    }
    if (e->acks && takes_ack(m, e, x, &now))
        takes_rest(m, seq, len, fin, x, &now);
    if (now && !is(x->next, "gone"))
        answer(x, m, false);
}

static void expect(const struct at *state, const struct event *e, struct expected *x)
{
    struct at m = *state;
    x->sent[0] = '\0';
    says(x, m.state);
    if (is(m.state, "CLOSED"))
        reset_of(e, x);
    else if (is(m.state, "LISTEN"))
        in_listen(e, x);
    else if (is(m.state, "SYN_SENT"))
        in_syn_sent(&m, e, x);
    else
        in_others(&m, e, x);
    if (is(x->next, "CLOSED") || is(x->next, "LISTEN"))
        says(x, "gone");
}

static void run(const struct at *state, const struct event *e)
{
    const char *script[24];
    char flags[8], ack[16] = "-", came[80], next[24];
    struct expected x;
    size_t n = 0;
    snprintf(flags, sizeof flags, "%s%s%s%s", e->syn ? "S" : "", e->fin ? "F" : "",
             e->rst ? "R" : "", e->acks ? "." : "");
    if (e->acks)
        snprintf(ack, sizeof ack, "%d", e->ack);
    snprintf(came, sizeof came, "< %s %d:%d ack %s win 8000", flags[0] ? flags : "P", e->seq,
             e->len, ack);
    expect(state, e, &x);
    snprintf(next, sizeof next, "= %s", x.next);
    while (n < ARRAY_LEN(state->how) && state->how[n]) {
        script[n] = state->how[n];
        n++;
    }
    script[n++] = came;
    if (x.sent[0])
        script[n++] = x.sent;
    script[n++] = next;
    script[n] = NULL;
    tcp_script("window_scale=false stamps=false", script);
}

/* All that it may acknowledge. */
static void each_ack(const struct at *m, struct event e)
{
    const int acks[] = { m->una - 1, m->una, m->una + 1, m->nxt - 1, m->nxt, m->nxt + 1 };
    if (!e.acks)
        run(m, &e);
    for (size_t i = 0; e.acks && i < ARRAY_LEN(acks); i++) {
        e.ack = acks[i];
        if (e.ack >= 0 && (i == 0 || acks[i] > acks[i - 1]))
            run(m, &e);
    }
}

/* Where it may lie: outside on the left, the same with a part inside, at the edge, inside, at the
 * right edge, behind it. */
static void each_place(const struct at *m, struct event e)
{
    const int places[] = { m->rcv - 20, m->rcv - 5, m->rcv - 1, m->rcv,  m->rcv + 5,
                           m->rcv + 20, EDGE - 1,   EDGE,       EDGE + 5 };
    for (size_t i = 0; i < ARRAY_LEN(places); i++) {
        e.seq = places[i];
        if (e.seq < 0 || (m->rcv == 0 && e.len > 0 && e.seq > 0))
            continue;
        if (e.seq == 0 && e.len > 0 && !e.syn)
            continue; /* no byte of the stream */
        each_ack(m, e);
    }
}

Test(tcp_engine, each_segment_in_each_state)
{
    for (size_t i = 0; i < ARRAY_LEN(states); i++)
        for (unsigned flags = 0; flags < 16; flags++)
            for (int len = 0; len <= 10; len += 10) {
                struct event e = { .syn = flags & 1, .fin = flags & 2, .rst = flags & 4 };
                e.acks = flags & 8;
                e.len = len;
                each_place(&states[i], e);
            }
}

/* ---- data in any order ----
 *
 * A model of the receiver: which bytes it has, and which segment came last to each stretch that
 * waits behind a hole, for the newest is told first [RFC 2018, section 4]. */

#define BYTES 1000
#define LINES 64

struct receiver {
    bool has[BYTES];
    int last[BYTES]; /* the number of the last segment with this byte */
    int rcv, adv, segments;
    char text[LINES][100];
    const char *script[LINES + 1];
    uint32_t lines;
};

static void line(struct receiver *x, const char *text)
{
    cr_assert_lt(x->lines, LINES);
    snprintf(x->text[x->lines], sizeof x->text[0], "%s", text);
    x->script[x->lines] = x->text[x->lines];
    x->script[++x->lines] = NULL;
}

static void begin(struct receiver *x)
{
    static const char *const opened[] = { "! open", "> S 0:0 ack - win 8192 mss 1472 sackok",
                                          "< S. 0:0 ack 1 win 8000 mss 500 sackok",
                                          "> . 1:0 ack 1 win 8192" };
    memset(x, 0, sizeof *x);
    x->rcv = 1;
    x->adv = EDGE;
    for (size_t i = 0; i < ARRAY_LEN(opened); i++)
        line(x, opened[i]);
}

/* Adds the stretches behind holes, those that were touched last first. */
static void add_stretches(const struct receiver *x, char *text, size_t size)
{
    int below = x->segments + 1;
    for (bool first = true;; first = false) {
        int newest = 0, from = 0, to = 0;
        for (int i = x->rcv; i < BYTES; i++) {
            int begins = i, turn = 0;
            for (; i < BYTES && x->has[i]; i++)
                turn = x->last[i] > turn ? x->last[i] : turn;
            if (turn > newest && turn < below) {
                newest = turn;
                from = begins;
                to = i;
            }
        }
        if (newest == 0)
            return;
        size_t n = strlen(text);
        snprintf(text + n, size - n, "%s %d-%d", first ? " sack" : "", from, to);
        below = newest;
    }
}

/* Bytes from to before `to` come. */
static void comes(struct receiver *x, int from, int to)
{
    char text[100];
    bool waits = false, old = to <= x->rcv;
    for (int i = x->rcv; i < BYTES; i++)
        waits |= x->has[i];
    snprintf(text, sizeof text, "< . %d:%d ack 1 win 8000", from, to - from);
    line(x, text);
    x->segments++;
    for (int i = from > x->rcv ? from : x->rcv; i < to; i++) {
        x->has[i] = true;
        x->last[i] = x->segments;
    }
    if (from > x->rcv && x->has[from - 1])
        x->last[from - 1] = x->segments; /* it touches what is there */
    bool in_order = !old && from <= x->rcv;
    while (x->has[x->rcv])
        x->rcv++;
    if (in_order && !waits)
        line(x, "+ 300"); /* a delayed acknowledgement */
    int edge = x->adv - x->rcv, win = 8192 < edge + 500 ? edge : 8192; /* RFC 1122, 4.2.3.3 */
    x->adv = x->rcv + win;
    snprintf(text, sizeof text, "> . 1:0 ack %d win %d", x->rcv, win);
    add_stretches(x, text, sizeof text);
    line(x, text);
    snprintf(text, sizeof text, "? got %d", x->rcv - 1);
    line(x, text);
}

Test(tcp_engine, a_segment_that_overlaps_others_in_any_way)
{
    struct receiver x;
    for (int from = 25; from < 725; from += 25)
        for (int to = from + 25; to <= 725; to += 25) {
            begin(&x);
            comes(&x, 1, 100);
            comes(&x, 200, 300);
            comes(&x, 400, 500);
            comes(&x, 600, 700);
            comes(&x, from, to);
            comes(&x, 1, 800);
            tcp_script("window_scale=false stamps=false sack=true", x.script);
        }
}

static void permuted(int *order, int n)
{
    struct receiver x;
    if (n < 5) {
        for (int i = n; i < 5; i++) {
            int one = order[n];
            order[n] = order[i];
            order[i] = one;
            permuted(order, n + 1);
            order[i] = order[n];
            order[n] = one;
        }
        return;
    }
    begin(&x);
    for (int i = 0; i < 5; i++)
        comes(&x, 1 + 100 * order[i], 101 + 100 * order[i]);
    tcp_script("window_scale=false stamps=false sack=true", x.script);
}

Test(tcp_engine, five_segments_in_each_order)
{
    int order[] = { 0, 1, 2, 3, 4 };
    permuted(order, 0);
}
