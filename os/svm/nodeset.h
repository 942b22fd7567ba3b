/* nodeset.h: a set of nodes, as copy sets are: small mostly, sorted, in a task's heap. */
#ifndef OS_SVM_NODESET_H
#define OS_SVM_NODESET_H

#include "os/port.h"

struct nodeset {
    uint32_t count, capacity;
    uint32_t *nodes; /* rising */
};

bool nodeset_has(const struct nodeset *n, uint32_t node);           /* is it in? */
void nodeset_add(struct port *p, struct nodeset *n, uint32_t node); /* no change when it is in */
bool nodeset_remove(struct nodeset *n, uint32_t node);              /* false: it was not in */
void nodeset_clear(struct port *p, struct nodeset *n);              /* frees */
/* dst, which is empty, takes src's members; src is empty afterwards. */
void nodeset_move(struct nodeset *dst, struct nodeset *src);

#endif
