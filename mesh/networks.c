/* networks.c: every interconnect by name. */
#include "mesh/net.h"

#define NETS(N)                                                                                    \
    N(worm)                                                                                        \
    N(ideal)                                                                                       \
    N(flit)                                                                                        \
    N(ethernet)                                                                                    \
    N(fddi)                                                                                        \
    N(hippi)                                                                                       \
    N(switched)                                                                                    \
    N(atm)                                                                                         \
    N(sp)
#define DECLARE(name) extern const struct net_ops net_##name;
#define ITEM(name) &net_##name.kind,
NETS(DECLARE)

static const struct kind *const nets[] = { NETS(ITEM) NULL };
const struct kind_set net_kinds = { "network", "mesh", nets };
