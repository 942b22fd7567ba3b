/* peers.c: the table of lives; see peers.h.
 *
 * A word a node, life * 2 + ended, in blocks that are made when one of their nodes is heard of.
 */
#include "os/xk/peers.h"

#include "os/xk/xk_internal.h"

#define BLOCK 64
#define LIFE_MAX (UINT32_MAX / 2)

struct xk_listener {
    struct xk_listener *next;
    const struct port *task; /* of the instance that asked when it started; else the kernel's */
    void (*fn)(void *arg, uint32_t host, uint32_t life, bool alive);
    void *arg;
};

static uint32_t word_of(const struct xk_kernel *k, uint32_t host)
{
    const uint32_t *block = host < k->hosts ? k->lives[host / BLOCK] : NULL;
    return block ? block[host % BLOCK] : 0;
}

uint32_t xk_life(const struct xk_kernel *k, uint32_t host)
{
    return word_of(k, host) / 2;
}

bool xk_alive(const struct xk_kernel *k, uint32_t host)
{
    return (word_of(k, host) & 1) == 0;
}

bool xk_died(const struct xk_kernel *k, uint32_t host)
{
    return word_of(k, host) > 2;
}

void xk_on_peer(struct xk_kernel *k,
                void (*fn)(void *arg, uint32_t host, uint32_t life, bool alive), void *arg)
{
    struct xk_listener *l = port_alloc(k->port, sizeof *l), **end = &k->listeners;
    l->fn = fn;
    l->arg = arg;
    l->task = k->starts ? k->starts->task : k->port;
    while (*end)
        end = &(*end)->next;
    *end = l;
}

void xk_off_peer(struct xk_kernel *k, const void *arg)
{
    struct xk_listener **at = &k->listeners;
    while ((*at)->arg != arg)
        at = &(*at)->next;
    struct xk_listener *l = *at;
    *at = l->next;
    port_free(k->port, l);
}

void xk_peers_forget(struct xk_kernel *k, const struct port *task)
{
    struct xk_listener **at = &k->listeners, *l;
    while ((l = *at)) {
        if (l->task != task) {
            at = &l->next;
            continue;
        }
        *at = l->next;
        port_free(k->port, l);
    }
}

static void tell(struct xk_kernel *k, uint32_t host, uint32_t life, bool alive)
{
    for (const struct xk_listener *l = k->listeners; l; l = l->next)
        l->fn(l->arg, host, life, alive);
}

static void set(struct xk_kernel *k, uint32_t host, uint32_t word)
{
    uint32_t **block = &k->lives[host / BLOCK];
    if (!*block)
        *block = port_alloc(k->port, BLOCK * sizeof **block);
    (*block)[host % BLOCK] = word;
}

/* PEER1.  The table has the new life by then: who is told of an end can see a node that is back. */
static void begun(struct xk_kernel *k, uint32_t host, uint32_t life)
{
    uint32_t was = word_of(k, host);
    set(k, host, 2 * life);
    if (life > 1 && was != 2 * (life - 1) + 1)
        tell(k, host, life - 1, false);
    if (life > 1)
        tell(k, host, life, true);
}

enum xk_heard xk_heard(struct xk_kernel *k, uint32_t host, uint32_t life)
{
    uint32_t word = word_of(k, host);
    if (life > LIFE_MAX)
        return XK_OLD; /* nobody's: the header is damaged */
    if (word == 2 * life && life > 0)
        return XK_SAME;
    if (host >= k->hosts || life <= word / 2)
        return XK_OLD;
    begun(k, host, life);
    return XK_NEW;
}

enum xk_heard xk_heard_low(struct xk_kernel *k, uint32_t host, uint16_t life)
{
    uint32_t word = word_of(k, host), known = word / 2, high = known & ~(uint32_t)UINT16_MAX;
    if (life == 0 || word == 2u * life)
        return XK_SAME;
    if (known > INT16_MAX && high + life < known - INT16_MAX)
        high += UINT16_MAX + 1;
    return xk_heard(k, host, high + life);
}

/* The failure detector's news, which a header may have told before. */
static void node_changed(void *arg, uint32_t node, uint32_t life, bool up)
{
    struct xk_kernel *k = arg;
    uint32_t word = word_of(k, node);
    if (up && life > word / 2) {
        begun(k, node, life);
    } else if (!up && 2 * life >= word) {
        set(k, node, 2 * life + 1);
        tell(k, node, life, false);
    }
}

void xk_peers_boot(struct xk_kernel *k)
{
    k->hosts = port_nodes(k->port);
    k->lives = port_alloc(k->port, (k->hosts / BLOCK + 1) * sizeof *k->lives);
    if (port_incarnation(k->port) > 1) /* PEER4 */
        set(k, port_node(k->port), 2 * port_incarnation(k->port));
    port_on_node_change(k->port, node_changed, k);
}

/* PEER3: who has not been heard of yet is in its first life. */
uint32_t xk_life_assumed(const struct xk_kernel *k, uint32_t host)
{
    uint32_t life = xk_life(k, host);
    return life > 0 ? life : 1;
}

void xk_unsafe_add(struct xk_unsafe *u, struct xk_kernel *k, uint32_t count, uint32_t i,
                   uint32_t host)
{
    if (u->at == NULL)
        u->at = port_alloc(k->port, count * sizeof *u->at);
    u->count = count;
    if (u->at[i].life == 0)
        u->at[i] = (struct xk_unsafe_at){ host, xk_life_assumed(k, host) };
}

bool xk_unsafe_end(struct xk_unsafe *u, struct xk_kernel *k)
{
    bool safe = true;
    for (uint32_t i = 0; i < u->count; i++)
        safe &= u->at[i].life == 0 || u->at[i].life == xk_life_assumed(k, u->at[i].host);
    port_free(k->port, u->at);
    *u = (struct xk_unsafe){ 0 };
    return safe;
}
