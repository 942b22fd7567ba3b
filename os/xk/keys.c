/* keys.c: see keys.h. */
#include "os/xk/keys.h"

struct early {
    struct list link;
    struct xk_sessn *sessn; /* referenced */
    struct rope data;
    bool first;
};

void xk_keys_init(struct xk_keys *k)
{
    *k = (struct xk_keys){ .enabled = { 0 } };
    list_init(&k->early);
}

static void give(struct xk_sessn *s, bool first, struct xk_msg *m)
{
    s->first = first;
    xk_demux(s, m);
}

void xk_keys_give(struct xk_keys *k, struct xk_sessn *s, bool first, struct xk_msg *m)
{
    if (k->enabled[s->upper->number] >> s->key & 1) {
        give(s, first, m);
        return;
    }
    struct early *e = port_alloc(xk_port(s->protl), sizeof *e);
    e->sessn = xk_dup(s);
    e->first = first;
    xk_msg_to_rope(m, &e->data);
    list_push(&k->early, &e->link);
}

static void early_free(struct early *e)
{
    struct xk_sessn *s = e->sessn;
    list_remove(&e->link);
    rope_fini(&e->data);
    port_free(xk_port(s->protl), e);
    xk_close(s);
}

void xk_keys_drop(struct xk_keys *k, const struct xk_sessn *s)
{
    LIST_EACH_SAFE (l, next, &k->early)
        if (LIST_ENTRY(l, struct early, link)->sessn == s)
            early_free(LIST_ENTRY(l, struct early, link));
}

enum xk_status xk_keys_enable(struct xk_keys *k, struct xk_protl *upper, struct xk_parts local)
{
    uint64_t key = 0; /* PART2 */
    xk_part_take(&local, XK_PART_KEY, &key);
    if (local.count > 0)
        return XK_REFUSED; /* PART1 */
    ASSERT(key < XK_KEYS && upper->number < ARRAY_LEN(k->enabled));
    k->enabled[upper->number] |= (uint16_t)(1u << key);
    LIST_EACH_SAFE (l, next, &k->early) {
        struct early *e = LIST_ENTRY(l, struct early, link);
        struct xk_msg m;
        if (e->sessn->upper != upper || e->sessn->key != key)
            continue;
        xk_msg_init_rope(&m, &e->data);
        give(e->sessn, e->first, &m);
        xk_msg_fini(&m);
        early_free(e);
    }
    return XK_OK;
}
