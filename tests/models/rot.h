/* rot.h: for tests of checkpoints: the last one is damaged, as a rank finds when it is to go on
 * from it; never the one before that, which is used then. */
#ifndef TESTS_MODELS_ROT_H
#define TESTS_MODELS_ROT_H

#include "os/ckpt/ckpt.h"

enum rots {
    ROTS_NEVER,
    ROTS_AGAIN, /* when it has been used before */
    ROTS_OFTEN, /* every other time */
    ROTS_LISTS  /* never; but a byte turns over of some lists of files, as they are written */
};

/* Before a machine is made. */
void rot_begin(enum rots when, uint64_t draw);
bool rot_is_on(void);
/* At the end of a node's boot. */
void rot_boot(struct ckpt *c);
/* No checkpoint is before the one that was damaged last: the job cannot go on, and says so.  Of
 * sinks that are no files nobody knows, and it may. */
bool rot_must_tell(void);

#endif
