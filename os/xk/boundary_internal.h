/* boundary_internal.h: private to boundary.c and boundary_ends.c: what stands on either side. */
#ifndef OS_XK_BOUNDARY_INTERNAL_H
#define OS_XK_BOUNDARY_INTERNAL_H

#include "os/xk/xk_internal.h"

struct xk_enabled {
    struct xk_enabled *next;
    struct xk_parts local;
};

struct half { /* in the lower's heap */
    struct list link;
    struct xk_sessn *lower, *proxy;
    struct list stalled; /* struct crossing: refused below */
    uint64_t waiting;    /* here and on their way */
    bool holds;          /* the lower session, by one reference */
    bool refused;        /* a push found too many waiting */
};

struct proxy { /* the state of a proxy session, in the upper's heap */
    struct list link;
    struct half *half; /* NULL: the domain below has died since */
    struct xk_parts peer;
    uint64_t calls, lost; /* pushed on a session of calls and not answered; when that died */
    bool opened;          /* by the upper, for peer; else a peer began it */
    bool busy;            /* the last push was answered so */
    bool paid;            /* and its message has crossed: TRAN6 */
};

enum what { MESSAGE, DONE, READY, FAILED };
struct crossing { /* to another processor, in the heap of the domain where it goes */
    struct list link;
    struct xk_sessn *sessn; /* down: the lower one; up: the proxy; it holds it */
    sim_time at;
    enum what what;
    enum xk_status why;
    bool first;
    struct xk_msg msg;
};

/* A proxy without a lower session, or with one that goes, is gone. */
void xk_proxy_free(struct xk_boundary *b, struct xk_sessn *s);

#endif
