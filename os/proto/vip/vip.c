/* vip.c: what VIPsize and VIPaddr have in common: the way up.  See vip_internal.h.
 */
#include "os/proto/vip/vip_internal.h"

#include <string.h>

void vip_take(struct xk_sessn *s, struct xk_sessn *lower)
{
    s->down[s->downs++] = lower;
    lower->upper_state = s;
}

/* The session over it with one more reference, or NULL. */
static struct xk_sessn *above(struct vip *v, struct xk_sessn *lower)
{
    return lower->upper_state ? xk_table_hold(&v->sessns, lower->upper_state) : NULL;
}

/* VIP1, VIP3. */
void vip_demux(struct xk_protl *self, struct xk_sessn *lower, struct xk_msg *m)
{
    struct vip *v = self->state;
    bool fresh = false;
    struct xk_sessn *s = above(v, lower);
    if (!s && self->upper)
        s = v->passive(self, lower, &fresh);
    if (!s) {
        v->orphans++;
        return;
    }
    if (fresh)
        xk_open_done(self->upper, s);
    xk_demux(s, m);
    xk_close(s);
}

void vip_ready(struct xk_protl *self, struct xk_sessn *lower)
{
    struct xk_sessn *s = above(self->state, lower);
    if (!s)
        return;
    xk_ready(s);
    xk_close(s);
}

void vip_failed(struct xk_protl *self, struct xk_sessn *lower, enum xk_status why)
{
    struct xk_sessn *s = above(self->state, lower);
    if (!s)
        return;
    xk_failed(s, why);
    xk_close(s);
}

void vip_close(struct xk_sessn *s)
{
    xk_table_idle(&((struct vip *)s->protl->state)->sessns, s);
}

bool vip_paths(const char *at, const char *protocol, const struct xk_path *below, uint8_t count,
               struct err *e)
{
    for (uint8_t i = 0; i < count; i++) {
        if (below[i].gives & XK_CALLS)
            return err_set(e,
                           "%s: '%s' carries calls, whose answers come on the session of the call: "
                           "protocol '%s' stands below what makes them",
                           at, below[i].name, protocol);
        for (uint8_t k = 0; k < i; k++)
            if (strcmp(below[i].name, below[k].name) == 0)
                return err_set(e,
                               "%s: protocol '%s' chooses among paths, and '%s' is below it twice",
                               at, protocol, below[i].name);
    }
    return true;
}
