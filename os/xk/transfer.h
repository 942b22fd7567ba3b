/* transfer.h: how the data of messages gets from one domain into another.
 *
 * Each domain but the kernel's says it (machine.domains.NAME.transfer), for its boundaries with the
 * domains that the graph names before it; but what stands right below says it where it knows better
 * (xk_protl_ops.transfer).  A kind names what it does to pages: the machine prices
 * that, and no kind has a time of its own.  Sources: copy-on-write of Mach and remapping of DASH as
 * they were measured beside fbufs, and fbufs [Druschel & Peterson, SOSP 1993].
 *
 *   TRAN1  What is delivered is what was pushed, whatever the kind.
 *   TRAN2  Data stands in the buffers of a path, or is immutable.  Who receives a buffer cannot
 *       change it; who made it can while it is not secured, and all who hold it see that.
 *   TRAN3  A secured buffer does not change until all have dropped it.  The kernel's own need not
 *       be: it is trusted.
 *   TRAN5  Where what goes up waits (`slots`), it is taken in its order.  What comes when so many
 *       messages wait is dropped and counted; but where what is below loses nothing all wait: what
 *       there is of it has bounds of its own (a window).
 *   TRAN6  With kinds that name the whole of a crossing, what push was answered busy for has
 *       crossed: the next push of that session is of the same message, and names nothing.
 *   TRAN4  A buffer is used again when nobody holds it any more, and by its own path alone: what a
 *       dead domain held is dropped with it, and what it had made lives until its last holder drops
 *       it.
 */
#ifndef OS_XK_TRANSFER_H
#define OS_XK_TRANSFER_H

#include "os/xk/xobj.h"

struct xk_transfer_ops;

struct xk_transfer { /* of a boundary */
    const struct xk_transfer_ops *ops;
    const void *params;
    struct port *port;    /* the kernel's: heap, work */
    uint8_t above, below; /* domains' numbers */
    void *state;
};

struct xk_transfer_ops {
    struct kind kind; /* its state is zeroed, in the kernel's heap */
    bool whole;       /* it names all that a crossing costs: there is no PORT_WORK_CROSS besides */
    void (*init)(struct xk_transfer *t); /* NULL: nothing */
    /* Data crosses, up or down: names the work, and may put it elsewhere. */
    void (*cross)(struct xk_transfer *t, struct rope *data, bool up);
    /* What goes up waits until the upper domain takes it, so many messages of a boundary (TRAN5).
     * NULL: it is given in the same call. */
    int64_t (*slots)(const void *params);
    /* With that: the upper domain takes a message of so many bytes, or a signal (0); slept: it had
     * found nothing before. */
    void (*take)(struct xk_transfer *t, uint64_t bytes, bool slept);
    /* The upper domain has made data, which will cross: puts it where that is cheap. */
    void (*born)(struct xk_transfer *t, struct rope *data); /* NULL: anywhere */
    /* A domain has died, or begun anew: called outside of any code of the node. */
    void (*died)(struct xk_transfer *t, uint8_t domain); /* NULL, both: nothing */
    void (*began)(struct xk_transfer *t, uint8_t domain);
};
extern const struct kind_set xk_transfers;

/* For who makes data and who uses it.  `self` is the instance that does. */
/* It has made data, which it will push to the first instance below it: puts it into buffers, if
 * that instance is of another domain which has them. */
void xk_born(struct xk_protl *self, struct rope *data);
/* What it has been given must not change any more: secures the buffers that others may write
 * (lazily: those that are not).  Names a trap, and pages protected. */
void xk_secure(struct xk_protl *self, const struct rope *data);
/* Writes `bytes` at `off` into the buffer of data that it has made.  XK_REFUSED, and a fault is
 * named: it may not write there. */
enum xk_status xk_overwrite(struct xk_protl *self, const struct rope *data, uint64_t off,
                            const struct rope *bytes) MUST_CHECK;

#endif
