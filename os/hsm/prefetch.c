/* prefetch.c: what is staged before anybody asks for it.  See prefetch.h. */
#include "os/hsm/prefetch.h"

static const struct prefetch_ops none = {
    .kind = { .name = "none", .doc = "Nothing is staged that nobody has asked for." },
};
static const struct kind *const policies[] = { &none.kind, NULL };
const struct kind_set hsm_prefetches = { "prefetcher", "prefetch of the layer hsm", policies };
