/* mapping.c: orders of the nodes of a grid. */
#include "mesh/mapping.h"

#include <stdlib.h>
#include <string.h>

const char *const mapping_names[] = { "row", "column", "snake", "blocks", "random", "list", NULL };

struct place {
    uint64_t key;
    uint32_t node;
};

static int by_key(const void *a, const void *b)
{
    const struct place *x = a, *y = b;
    return (x->key > y->key) - (x->key < y->key);
}

/* Nodes are ranked in order of their keys. */
static uint64_t key_of(enum mapping kind, uint32_t dims, const uint32_t *size, uint32_t block,
                       uint32_t node)
{
    uint32_t at[32], rest = node;
    uint64_t key = 0, inside = 0;
    ASSERT(dims <= ARRAY_LEN(at));
    for (uint32_t d = 0; d < dims; d++) {
        at[d] = rest % size[d];
        rest /= size[d];
        if (kind == MAPPING_COLUMN)
            key = key * size[d] + at[d];
    }
    for (uint32_t d = dims; d-- > 0 && kind == MAPPING_SNAKE;)
        key = key * size[d] + (key % 2 == 1 ? size[d] - 1 - at[d] : at[d]);
    for (uint32_t d = dims; d-- > 0 && kind == MAPPING_BLOCKS;) {
        uint32_t side = block < size[d] ? block : size[d];
        key = key * ((size[d] + side - 1) / side) + at[d] / side;
        inside = inside * side + at[d] % side;
    }
    return kind == MAPPING_ROW ? node : key << 32 | inside;
}

void mapping_fill(enum mapping kind, uint32_t dims, const uint32_t *size, uint32_t block,
                  struct sim_rng *r, uint32_t *out)
{
    uint32_t n = 1;
    for (uint32_t d = 0; d < dims; d++)
        n *= size[d];
    struct place *places = base_alloc(n * sizeof(*places));
    for (uint32_t i = 0; i < n; i++)
        places[i] = (struct place){ key_of(kind, dims, size, block, i), i };
    for (uint32_t i = 0; i < n && kind == MAPPING_RANDOM; i++) { /* [Fisher & Yates] */
        uint32_t at = (uint32_t)sim_rng_below(r, i + 1);
        places[i].key = places[at].key;
        places[at].key = i;
    }
    qsort(places, n, sizeof(*places), by_key);
    for (uint32_t i = 0; i < n; i++)
        out[i] = places[i].node;
    free(places);
}

bool mapping_read(const struct val *list, const uint32_t *allowed, uint32_t count, const char *path,
                  uint32_t *out, struct err *e)
{
    char where[512];
    if (!list || list->type != VAL_LIST || list->count != count)
        return err_set(e, "%s%s.mapping_list must be a list of %u nodes, one for each rank",
                       list ? val_where(list, where, sizeof(where)) : "", path, count);
    uint32_t top = 0;
    for (uint32_t i = 0; i < count; i++)
        top = allowed[i] > top ? allowed[i] : top;
    bool *open = base_zalloc((size_t)top + 1, sizeof(*open)), good = true;
    for (uint32_t i = 0; i < count; i++)
        open[allowed[i]] = true;
    for (uint32_t i = 0; i < count && good; i++) {
        const struct val *v = list->items[i];
        good = v->type == VAL_INT && v->u.i >= 0 && v->u.i <= top && open[v->u.i];
        if (!good) {
            err_set(e, "%s%s.mapping_list[%u]: every rank needs a node of its own, from 0 to %u%s",
                    val_where(v, where, sizeof(where)), path, i + 1, top,
                    top + 1 == count ? "" : ", that is none for I/O or service");
            break;
        }
        out[i] = (uint32_t)v->u.i;
        open[out[i]] = false;
    }
    free(open);
    return good;
}
