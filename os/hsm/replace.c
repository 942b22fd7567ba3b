/* replace.c: which file leaves the disk when room is needed.  See replace.h. */
#include "os/hsm/replace.h"

static double longest_idle(void *state, const struct replace_file *f)
{
    (void)state;
    return (double)f->idle;
}

static const struct replace_ops lru = {
    .kind = { .name = "lru", .doc = "The file goes that was used least recently." },
    .value = longest_idle,
};
static const struct kind *const policies[] = { &lru.kind, NULL };
const struct kind_set hsm_replacements = { "purge", "replace of the layer hsm", policies };
