/* turns.h: requests of a layer that take several steps: each in a thread, those of one file in
 * turn.
 *
 *   TURN1  Requests of a file begin in the order in which they came; such as only look are under
 *       way together, any other alone.
 *   TURN2  A request of file 0 is of all: it begins once no request is under way.
 */
#ifndef OS_FILE_TURNS_H
#define OS_FILE_TURNS_H

#include "os/file/file.h"
#include "os/xk/map.h"

struct file_turns {
    struct file_sys *sys; /* the layer */
    void (*serve)(struct file_sys *s, struct file_req *r);
    struct xk_map files; /* by handle, of those that have any: private, as all that follows */
    struct list all;
    uint32_t busy;
    struct port_timer again;
};
/* `serve` does what the request asks and sets what is out of it, in a thread; its `done` is called
 * here. */
void file_turns_init(struct file_turns *t, struct file_sys *sys,
                     void (*serve)(struct file_sys *s, struct file_req *r));
/* One more, of r->file; `looks`: it changes nothing. */
void file_turn(struct file_turns *t, struct file_req *r, bool looks);

/* The request goes to the system below as it is, and comes back. (blocks) */
void file_turn_pass(struct file_sys *s, struct file_req *r);
/* A request of the layer's own to the system below, for one that it serves: its parts and, when
 * it fails, its status are that one's, too. (blocks) */
enum file_status file_turn_ask(struct file_sys *s, struct file_req *own, struct file_req *r);

#endif
