/* domains_claim.c: which node of its list has a domain (PFX5).
 *
 * At first that is the first.  When one of the list has died each that has not got the domain asks
 * all others, as does a node that comes back.  It takes the domain when none says that it has it
 * and none answers that stands before it: who does will take it.
 */
#include "os/file/domains_internal.h"

struct claim {
    struct list link;
    struct served *s;
    uint32_t round, seat; /* asked */
};

static void ask_all(struct served *s);

static void told(struct served *s)
{
    s->state = SEAT_HERE;
}

/* The domain is this node's: PFX7. */
static void take(struct served *s)
{
    s->state = SEAT_TELLING;
    held_tell_all(s, told);
}

static void decide(struct served *s)
{
    if (s->again) {
        ask_all(s);
        return;
    }
    s->state = SEAT_STANDBY;
    s->d->counts.taken += !s->beaten;
    if (!s->beaten)
        take(s);
}

static void later(struct claim *c)
{
    struct domains *d = c->s->d;
    list_push(&d->again, &c->link);
    if (!port_timer_pending(&d->calls))
        port_timer_set(&d->calls, d->retry_delay);
}

static void answered(void *arg, enum xk_status status, struct rope *reply)
{
    struct claim *c = arg;
    struct served *s = c->s;
    struct domains *d = s->d;
    uint32_t node = d->x.seat[c->seat].node;
    if (c->round != s->round) {
        port_free(d->sys.port, c);
        return;
    }
    if (status != XK_OK && status != XK_REFUSED && xk_alive(d->rpc->kernel, node)) {
        later(c);
        return;
    }
    if (status == XK_OK) {
        uint8_t has = 0;
        if (reply->length > 0)
            rope_take_front(reply, 1, &has);
        s->beaten |= has || c->seat < s->seat;
    }
    port_free(d->sys.port, c);
    if (--s->left == 0)
        decide(s);
}

static void send(struct claim *c)
{
    struct domains *d = c->s->d;
    struct rope args;
    uint8_t b[8];
    rope_init(&args);
    wire_put32(b, c->s->domain);
    wire_put32(b + 4, c->s->place);
    rope_add_bytes(&args, b, sizeof b);
    if (select_call(d->rpc, d->x.seat[c->seat].node, PREFIX_SERVICE, PREFIX_CLAIM, &args, answered,
                    c) != XK_OK)
        later(c);
    rope_fini(&args);
}

static void ask_all(struct served *s)
{
    struct domains *d = s->d;
    const struct prefix_domain *x = &d->x.domain[s->domain];
    s->state = SEAT_ASKING;
    s->round++;
    s->again = s->beaten = false;
    s->left = x->count - 1;
    for (uint32_t i = 0; i < x->count; i++) {
        if (i == s->place)
            continue;
        struct claim *c = port_alloc(d->sys.port, sizeof *c);
        *c = (struct claim){ .s = s, .round = s->round, .seat = x->first + i };
        list_init(&c->link);
        send(c);
    }
}

void domains_calls_again(struct port_timer *t)
{
    struct domains *d = t->arg;
    struct list now, *l;
    list_init(&now);
    held_again(d);
    list_splice(&now, &d->again);
    while ((l = list_pop(&now)) != NULL) {
        struct claim *c = LIST_ENTRY(l, struct claim, link);
        if (!xk_alive(d->rpc->kernel, d->x.seat[c->seat].node))
            answered(c, XK_UNREACHABLE, NULL);
        else
            send(c);
    }
}

void domains_claim(struct domains *d)
{
    bool first = port_incarnation(d->sys.port) == 1;
    for (uint32_t i = 0; i < d->served_count; i++) {
        struct served *s = &d->served[i];
        if (first)
            s->state = s->place == 0 ? SEAT_HERE : SEAT_STANDBY;
        else if (d->x.domain[s->domain].count == 1)
            take(s);
        else
            ask_all(s);
    }
}

static struct served *mine(const struct domains *d, uint32_t domain)
{
    for (uint32_t i = 0; i < d->served_count; i++)
        if (d->served[i].domain == domain)
            return &d->served[i];
    return NULL;
}

void domains_claim_serve(struct domains *d, struct select_request *q, struct rope *args)
{
    uint8_t b[8] = { 0 };
    struct rope reply;
    struct served *s = NULL;
    if (args->length >= sizeof b) {
        rope_take_front(args, sizeof b, b);
        s = mine(d, wire_get32(b));
    }
    uint8_t has = s != NULL && (s->state == SEAT_HERE || s->state == SEAT_TELLING);
    if (s != NULL && s->state == SEAT_ASKING && wire_get32(b + 4) < s->place)
        s->again = true; /* it is there, and goes before this one */
    rope_init(&reply);
    rope_add_bytes(&reply, &has, 1);
    select_reply(q, &reply);
    rope_fini(&reply);
}

void domains_peer_changed(void *arg, uint32_t host, uint32_t life, bool alive)
{
    struct domains *d = arg;
    (void)life;
    if (!alive)
        held_gone(d, host);
    for (uint32_t i = 0; i < d->served_count && !alive; i++) {
        struct served *s = &d->served[i];
        const struct prefix_domain *x = &d->x.domain[s->domain];
        bool ours = false;
        for (uint32_t k = 0; k < x->count; k++)
            ours |= k != s->place && d->x.seat[x->first + k].node == host;
        if (ours && s->state == SEAT_ASKING)
            s->again = true;
        else if (ours && s->state == SEAT_STANDBY)
            ask_all(s);
    }
}
