/* rot.c: checkpoints that a rank finds damaged; rot.h. */
#include "rot.h"

#include <string.h>

#include "os/ckpt/files_internal.h"

enum { RANK = 2, NODES = 16, HEADERS = 8192, LIST_AT = 1024 };

static enum rots rots;
static uint64_t drawn;
static uint32_t loaded;  /* what that rank has loaded last */
static uint32_t damaged; /* the last that it found so */
static uint32_t begun;   /* the last for which a rank was captured, or has begun to be */
static bool unseen;      /* a sink that is no file */
static bool turned;      /* a byte */
static struct ckpt *nodes[NODES];
static struct ckpt_sink_ops sink; /* a file, and what is seen of it */
static enum ckpt_status (*sink_write)(void *state, uint64_t at, struct rope *data);

static uint64_t draw(void)
{
    uint64_t z = drawn += 0x9e3779b97f4a7c15u;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static bool load(void *obj, struct rope *in)
{
    const struct ckpt *c = obj;
    (void)in;
    if (c->rank != RANK || rots == ROTS_LISTS)
        return true;
    bool last = (uint32_t)c->below == UINT32_MAX;
    bool now = rots == ROTS_AGAIN ? c->generation == loaded && c->generation > 1 : draw() % 2 > 0;
    loaded = c->generation;
    damaged = last && now ? loaded : damaged;
    return !last || !now;
}

/* One byte of a list that is there twice, whole: half of those that are written. */
static void turn_over(uint64_t at, struct rope *data)
{
    uint8_t bytes[4096];
    if (rots != ROTS_LISTS || at >= HEADERS || at % 4096 != LIST_AT || draw() % 2)
        return;
    uint64_t n = data->length;
    rope_read(data, 0, n, bytes);
    bytes[draw() % n] ^= (uint8_t)(1u << draw() % 8);
    rope_fini(data);
    rope_add_bytes(data, bytes, n);
    turned = true;
}

static bool save(void *obj, struct rope *out, const char **why)
{
    (void)out, (void)why;
    begun = ((const struct ckpt *)obj)->generation;
    return true;
}

static const struct ckpt_part_ops rotting = { "rotting", save, load };

/* Who makes a header void has begun the next checkpoint. */
static enum ckpt_status write(void *state, uint64_t at, struct rope *data)
{
    uint64_t first = 1;
    if (data->length >= sizeof first)
        rope_read(data, 0, sizeof first, &first);
    for (size_t i = 0; at < HEADERS && first == 0 && i < NODES; i++)
        if (nodes[i] != NULL && nodes[i]->sink_state == state)
            begun = nodes[i]->files->asked;
    turn_over(at, data);
    return sink_write(state, at, data);
}

void rot_begin(enum rots when, uint64_t seed)
{
    rots = when;
    drawn = seed;
    loaded = damaged = begun = 0;
    unseen = turned = false;
    memset(nodes, 0, sizeof nodes);
}

bool rot_is_on(void)
{
    return rots != ROTS_NEVER;
}

void rot_boot(struct ckpt *c)
{
    ckpt_part(c, &rotting, c);
    if (!c->sink->anywhere || c->sink == &ckpt_sink_servers) {
        unseen = true;
        return;
    }
    if (c->sink != &sink) {
        sink = *c->sink;
        sink_write = sink.write;
        sink.write = write;
        c->sink = &sink;
    }
    nodes[port_node(c->port) % NODES] = c;
}

bool rot_must_tell(void)
{
    return unseen || turned || damaged == 1 || begun == damaged + 1;
}
