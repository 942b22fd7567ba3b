/* ahead.h: what of a file is read before it is asked for: read-ahead of buffer caches.
 *
 * A cache tells of each READ of a file, and has what may be worth reading then: a row of blocks, or
 * the blocks of the same list moved on by a distance, once and more.  What it has already it leaves
 * out, and what there is no room for.  Of each file `streams` readers are told apart by where their
 * next READ is expected; with `by_open` of each open file, where requests say which they are of:
 * then hints are of that alone, too.
 *
 * Sources: one block ahead, and doubling, are those of UNIX [McKusick et al. 1984; later BSDs]; a
 * distance that comes twice is a stride, as the traces of CHARISMA ask for [Nieuwejaar & Kotz].
 */
#ifndef OS_FILE_AHEAD_H
#define OS_FILE_AHEAD_H

#include "os/file/file.h"

struct ahead_read {
    uint64_t off, end;  /* of the list: its first byte, and behind its last */
    uint64_t blocks;    /* that it touches */
    enum file_hint way; /* FILE_AS_IT_COMES, FILE_SEQUENTIAL, FILE_RANDOM */
    uint64_t block;     /* bytes */
    uint32_t most;      /* blocks ahead */
    bool before;        /* the cache has the block before the first byte's, or there is none */
};

struct ahead_plan {
    uint64_t from, to;    /* blocks; from == to: none */
    int64_t distance;     /* of the list, */
    uint32_t first, last; /* so often; first > last: none */
};

struct ahead_ops {
    struct kind kind;                        /* state_size: of one reader, zeroed */
    uint32_t (*readers)(const void *params); /* of a file; NULL: 1 */
    bool (*by_open)(const void *params);     /* there are so many of each open file; NULL: no */
    /* What is worth reading after this READ; `out` is zeroed, but for `first`: 1. */
    void (*read)(const void *params, void *state, const struct ahead_read *r,
                 struct ahead_plan *out);
};
extern const struct kind_set file_read_aheads; /* of struct ahead_ops */

/* Each open file has a state of its own. */
bool ahead_by_open(const struct kind_choice *c);
/* Bytes of a file's state, zeroed at first. */
size_t ahead_bytes(const struct kind_choice *c);
/* What was read ahead of the file is not there any more. */
void ahead_forget(const struct kind_choice *c, void *state);

#endif
