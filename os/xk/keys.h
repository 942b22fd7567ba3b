/* keys.h: keys of uppers, and what comes before they are enabled.
 *
 * A protocol that has sessions by (upper, host, key) gives nothing to an upper that has not enabled
 * the key (ops->open_enable): peers begin at different times.  What comes meanwhile is kept, with
 * its session, and is given in order when it does; it is the protocol's to bound that (the
 * credit of the session).
 *
 * Who calls it: RDM, ULP and RECORD.  Memory is the heap of the task of `p`.
 */
#ifndef OS_XK_KEYS_H
#define OS_XK_KEYS_H

#include "os/xk/xobj.h"

#define XK_KEYS 16 /* keys are below */

struct xk_keys {
    uint16_t enabled[64]; /* by upper's number: bits of its keys */
    struct list early;    /* what waits for them */
};

/* None is enabled, and nothing waits. */
void xk_keys_init(struct xk_keys *k);
/* For ops->open_enable: takes the key of `local`, and gives what waited for it.  XK_REFUSED: there
 * are parts that nobody takes. */
enum xk_status xk_keys_enable(struct xk_keys *k, struct xk_protl *upper, struct xk_parts local);
/* Hands the message to s->upper, or keeps it.  `first`: it is the first piece of a message, for
 * s->first. */
void xk_keys_give(struct xk_keys *k, struct xk_sessn *s, bool first, struct xk_msg *m);
/* Drops what waits on that session. */
void xk_keys_drop(struct xk_keys *k, const struct xk_sessn *s);

#endif
