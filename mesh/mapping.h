/* mapping.h: which node of a grid a rank is on: rows, columns, a snake, blocks, a draw, a list.
 *
 *   MAP1  Every node has one rank, and every rank one node.
 */
#ifndef MESH_MAPPING_H
#define MESH_MAPPING_H

#include "sim/base/param.h"
#include "sim/rng.h"

enum mapping {
    MAPPING_ROW,    /* by number: x runs fastest */
    MAPPING_COLUMN, /* x slowest */
    MAPPING_SNAKE,  /* every other row backwards: ranks that follow each other are neighbours */
    MAPPING_BLOCKS, /* squares (cubes) of `block` nodes a side, by rows; rows in them */
    MAPPING_RANDOM,
    MAPPING_LIST
};
extern const char *const mapping_names[];

/* The parameters, for a struct with these members. */
#define MAPPING_PARAMS(s)                                                                          \
    P_CHOICE(                                                                                      \
        s, mapping, "row", mapping_names,                                                          \
        "Which node a rank is on.  row: by number, x fastest; column: x slowest; snake: every "    \
        "other row backwards; blocks: squares of mapping_block nodes a side; random: drawn; "      \
        "list: mapping_list.",                                                                     \
        "ASSUMED(partitions were numbered by rows)"),                                              \
        P_INT(s, mapping_block, "4", "1", "65536", "Mapping blocks: nodes of a side.",             \
              "ASSUMED(small beside a machine)"),                                                  \
        P_VAL(s, mapping_list, "Mapping list: the node of every rank, from 0.", "the user's")

/* Puts all nodes of the grid (size[0] runs fastest) into `out` in the order of their ranks; not for
 * MAPPING_LIST.  r: for MAPPING_RANDOM. */
void mapping_fill(enum mapping kind, uint32_t dims, const uint32_t *size, uint32_t block,
                  struct sim_rng *r, uint32_t *out);

/* Reads a list: each of the `count` nodes in `allowed` once, in the order of ranks.  False with a
 * sentence that begins with `path`. */
bool mapping_read(const struct val *list, const uint32_t *allowed, uint32_t count, const char *path,
                  uint32_t *out, struct err *e) MUST_CHECK;

#endif
