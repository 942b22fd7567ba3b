/* token_protocol.h: of how much of a file a token is: protocols of the layer TOKEN (token.h).
 *
 * A protocol says what a node asks for when it needs a range, and what it gives away when another
 * asks.  That is all: who gets what, and when, is the same under each, and nodes of different
 * protocols may share a file.
 *
 *   file   All of it: many nodes read, or one writes, as in OSF/1 AD.
 *   range  The range, in whole blocks, and as much beside it as nobody else has or waits for.  Who
 *          is asked gives the range away and all on the far side of it, as seen from where it reads
 *          or writes itself, as in GPFS: who work on parts of their own come to have these, and ask
 *          no more.
 *
 * Source: Schmuck & Haskin, FAST 2002, 3.2 (required and desired ranges; what the first of two
 * writers keeps), as recalled, no document at hand.
 */
#ifndef OS_FILE_TOKEN_PROTOCOL_H
#define OS_FILE_TOKEN_PROTOCOL_H

#include "os/file/token_set.h"
#include "sim/base/kind.h"

struct token_protocol_ops {
    struct kind kind;
    /* What has to be had for the bytes r: r is in it. */
    struct token_range (*need)(const void *params, struct token_range r);
    /* What is taken with `need` if nobody minds: that is in it. */
    struct token_range (*want)(const void *params, struct token_range need);
    /* What goes when `asked` is asked for and `last` was read or written last: `asked` is in it. */
    struct token_range (*yields)(const void *params, struct token_range asked,
                                 struct token_range last);
};

extern const struct kind_set token_protocols;

#endif
