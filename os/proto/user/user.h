/* user.h: USER: where a program meets the graph: it sends messages, and takes those that come.
 *
 * See README.md.  One thread at a time sends, and one receives; or upcalls do both.
 *   USER1  Messages come to the program in the order in which what is below delivers them.
 *   USER2  What is sent is born in buffers of the boundary below, if that has any (xk_born).
 */
#ifndef OS_PROTO_USER_USER_H
#define OS_PROTO_USER_USER_H

#include "os/xk/xobj.h"

/* The message is taken when what is below has it; XK_BUSY is waited out.  (blocks) */
enum xk_status user_send(struct xk_protl *user, uint32_t host, struct rope *data) MUST_CHECK;
/* The next message, and who has sent it; or, over a path of calls, why one got no answer. (blocks)
 */
enum xk_status user_receive(struct xk_protl *user, uint32_t *host, struct rope *data) MUST_CHECK;

/* As user_send, but XK_BUSY is the answer and leaves the message: for upcalls. */
enum xk_status user_push(struct xk_protl *user, uint32_t host, struct rope *data) MUST_CHECK;
/* From now on what comes is given to `take`, in the upcall that brings it, and nothing to
 * user_receive.  What `take` leaves of the message is dropped. */
typedef void (*user_take_fn)(void *arg, enum xk_status status, uint32_t host, struct rope *data);
void user_on_receive(struct xk_protl *user, user_take_fn take, void *arg);

extern const struct xk_protl_ops user_protl;

#endif
