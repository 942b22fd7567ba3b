/* pool.c: lists of free blocks by size, over chunks.  See pool.h. */
#include "sim/base/pool.h"

#include <stdlib.h>

#if defined(__SANITIZE_ADDRESS__)

void *pool_take(size_t size)
{
    return base_alloc(size);
}

void pool_give(void *block, size_t size)
{
    (void)size;
    free(block);
}

#else

#define GRAIN 16
#define CHUNK_BYTES (256 * 1024)

struct unused {
    struct unused *next;
};

static struct unused *lists[POOL_MAX / GRAIN + 1];
static char *chunk; /* the rest of the newest */
static size_t chunk_left;

static void *carve(size_t bytes)
{
    if (chunk_left < bytes) {
        chunk = base_alloc(CHUNK_BYTES); /* for the life of the process */
        chunk_left = CHUNK_BYTES;
    }
    char *block = chunk;
    chunk += bytes;
    chunk_left -= bytes;
    return block;
}

void *pool_take(size_t size)
{
    if (size > POOL_MAX)
        return base_alloc(size);
    size_t i = (size + GRAIN - 1) / GRAIN;
    struct unused *u = lists[i];
    if (u == NULL)
        return carve((i > 0 ? i : 1) * GRAIN);
    lists[i] = u->next;
    return u;
}

void pool_give(void *block, size_t size)
{
    if (size > POOL_MAX) {
        free(block);
        return;
    }
    struct unused *u = block;
    size_t i = (size + GRAIN - 1) / GRAIN;
    u->next = lists[i];
    lists[i] = u;
}

#endif
