/* replace.h: which file leaves the disk when room is needed: policies of the layer hsm.
 *
 * A policy gives each file that may be purged a value; the largest goes first, of equal ones the
 * one with the lower handle.  A file that may go lies in the archive as it is, has no request under
 * way, is not pinned, and was not used for so long as the layer says (os/hsm/files.h): the policy
 * need not look at that.
 *
 * A value depends on what the policy was told, and on nothing else: equal runs, equal purges.
 */
#ifndef OS_HSM_REPLACE_H
#define OS_HSM_REPLACE_H

#include "os/port.h"
#include "sim/base/kind.h"

struct replace_file {
    uint64_t file;  /* its handle */
    uint64_t size;  /* bytes that it takes on the disk */
    sim_time idle;  /* since it was read or written last */
    sim_time age;   /* since its bytes came to the disk: written or staged */
    sim_time fetch; /* what staging it may take, by what stagings took; 0: there was none yet */
    uint64_t uses;  /* reads and writes since its bytes came */
    double *note;   /* the policy's own word about it; 0 when its bytes come */
};

struct replace_ops {
    struct kind kind; /* state_size: of the policy, zeroed */
    /* At boot; params are the kind's and stay.  NULL: there is nothing to do. */
    void (*init)(void *state, const void *params);
    double (*value)(void *state, const struct replace_file *f);
    /* It was read or written, and what that needed is on the disk: idle is 0, `size` has those
     * bytes, and `uses` counts it.  NULL: the policy does not ask. */
    void (*used)(void *state, const struct replace_file *f);
    /* It is purged, with that value.  NULL: the policy does not ask. */
    void (*purged)(void *state, const struct replace_file *f, double value);
};
extern const struct kind_set hsm_replacements;

#endif
