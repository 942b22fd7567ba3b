/* stacks.h: the stacks of files that there are to be tried: every layer, with every kind of each
 * set that its parameters choose from (policies, read-ahead), at every place.
 *
 * Built from the kinds themselves: a layer or a policy that is new is in it.
 */
#ifndef TESTS_OS_STACKS_H
#define TESTS_OS_STACKS_H

#include <stddef.h>

enum { STACK_TEXT = 400 };

struct stack_layer {
    const char *layer;
    const char *set, *kind; /* the parameter, and what it is; NULL: all as it comes */
    const char *params;     /* so small that it has something to do; "" where nobody has said */
};
/* All of them; a bottom, too, but for REMOTE and PFS, whose files are other nodes' (test_shadow.c
 * has stacks over them), and for the two of a name space over many nodes. */
size_t stack_layers(const struct stack_layer **all);

/* Where a layer stands. */
enum stack_place {
    STACK_LIBRARY,   /* in the callers' address space */
    STACK_KERNEL,    /* in another of the node: the kernel's */
    STACK_SERVER,    /* a server's */
    STACK_IO_NODE,   /* on the node with the files */
    STACK_OVER_WIRE, /* on the callers' node, the files on another */
    STACK_PLACES
};

/* "cache bytes=16KiB policy=mru": as tests/os/test_files.c has them. */
void stack_text(const struct stack_layer *l, char out[STACK_TEXT]);
/* "{layer=cache, bytes=16KiB, policy=mru}": as io_val reads them. */
void stack_table(const struct stack_layer *l, char out[STACK_TEXT]);

#endif
