/* hsm_library.h: a repository of cartridges for tests of the archive, over the fake port's drives.
 *
 * A cartridge is made when it is mounted first; those of the first `filled` numbers hold `blocks`
 * blocks then, of the pattern of their seed.  A move takes a second.
 */
#ifndef TESTS_OS_HSM_LIBRARY_H
#define TESTS_OS_HSM_LIBRARY_H

#include "os/hsm/call.h"
#include "os/hsm/hsm.h"
#include "os/hsm/mover.h"
#include "os/hsm/pvl.h"
#include "os/lfs/lfs.h"
#include "tests/fake/port_fake.h"

enum { HSM_LIBRARY_DRIVES = 16, HSM_LIBRARY_FILLED = 64 };
struct hsm_library {
    struct fake *fake;
    uint32_t first, nodes, drives; /* nodes with drives; devices 1 and on of each */
    uint32_t filled, blocks, block;
    struct hsm_calls calls;
    char in[HSM_LIBRARY_DRIVES][HSM_LABEL]; /* what is in the drives; outlives its node */
    bool whole[HSM_LIBRARY_FILLED];         /* these have been filled */
    uint32_t loaded;                        /* cartridges that were mounted */
    bool (*lost)(uint32_t cartridge);       /* in its place lies another; NULL: of none */
};
/* Serves HSM_SERVICE_PVR, in a boot upcall. */
void hsm_library_serve(struct hsm_library *l, struct xk_protl *rpc);
uint64_t hsm_library_seed(uint32_t cartridge);
/* What the servers of such a test have: a small file system for their records; a library and movers
 * with short retries, whose order, pieces and buffers are drawn by the seed. */
void hsm_library_lfs(struct lfs_params *lfs);
void hsm_library_servers(struct pvl_params *pvl, struct mover_params *mover, uint64_t seed);

#endif
