/* mem_archive.h: an archive in the memory of the test: what the layer HSM asks for, with delays,
 * bytes in any order, and failures.  It outlives the nodes.
 */
#ifndef TESTS_OS_MEM_ARCHIVE_H
#define TESTS_OS_MEM_ARCHIVE_H

#include "os/hsm/files.h"

struct mem_archive {
    struct mem_archive_one {
        uint64_t id, size, owner;
        uint8_t *bytes; /* NULL: it is empty */
        uint64_t place; /* the how manieth that was written: on volume place % 2 */
    } * all;
    uint32_t count;
    uint64_t last, seed, places;
    sim_time delay;   /* of a part of a call, at most */
    uint32_t chunk;   /* bytes of a part, at most */
    bool in_order;    /* the parts of a call come in their order */
    uint32_t fail_in; /* one call in so many fails, 0: none, */
    enum hsm_status how;
    uint32_t orphans; /* were created, and who asked heard that it failed */
    uint64_t calls[BITFILE_OP_COUNT], read_bytes;
};
void mem_archive_init(struct mem_archive *b, uint64_t seed);
void mem_archive_fini(struct mem_archive *b);
/* The door of a node in this life. */
struct hsm_door mem_archive_door(struct mem_archive *b, struct port *p);
uint32_t mem_archive_written(const struct mem_archive *b); /* how many have bytes */

#endif
