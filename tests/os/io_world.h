/* io_world.h: a machine on the fake port that boots what a file system of os/pio needs, and runs a
 * program on each compute node.
 *
 * Nodes 0 .. RANKS-1 run programs, the next SERVERS are I/O nodes, the last is the service node;
 * each has a device.  Services are chosen as a configuration chooses them: from a text, or, for a
 * system that nobody has written one for, all those whose names begin as those that its programs'
 * nodes must boot do ("pfs_client": "pfs_").
 */
#ifndef TESTS_OS_IO_WORLD_H
#define TESTS_OS_IO_WORLD_H

#include "os/nx/nx.h"
#include "os/pio/coll.h"
#include "tests/os/xk_rig.h"

enum { IO_RANKS = 4, IO_SERVERS = 3, IO_NODES = IO_RANKS + IO_SERVERS + 1 };

struct io_world {
    struct fake *f;
    struct val *os; /* what parameters of services borrow from */
    struct os_boot boot;
    struct os_layout layout;
    uint32_t nodes[IO_NODES], ranks[IO_NODES];
    const struct pio_ops *ops;
    bool shared;   /* ranks see each other's files */
    uint64_t unit; /* of files that are made; 0: the system has none, or only its own */
    void (*main)(struct io_world *w, struct os_node *n, uint32_t rank);
    uint32_t running;
};

/* A value as Lua writes it, of tables, names, quoted words and numbers alone; "2KiB" is a word. */
struct val *io_val(const char *text);
extern const char *io_world_graph;             /* of protocols, NULL: the usual one */
extern const struct kind_set *io_world_layers; /* of files, NULL: the usual ones */
/* The services that boot with `ops`: `text`, a list, or all that belong to it (NULL). */
void io_world_start(struct io_world *w, const struct pio_ops *ops, const char *text,
                    struct fake_options o,
                    void (*main)(struct io_world *w, struct os_node *n, uint32_t rank));
void io_world_stop(struct io_world *w);
static inline uint32_t io_server(uint32_t k)
{
    return IO_RANKS + k;
}

#endif
