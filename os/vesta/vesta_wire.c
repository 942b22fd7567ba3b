/* vesta_wire.c: messages between clients and I/O nodes: see vesta_internal.h. */
#include "os/vesta/vesta_internal.h"

#include <stdio.h> /* snprintf alone */
#include <string.h>

uint32_t vesta_home(const char *name, uint32_t nodes)
{
    uint64_t h = UINT64_C(0xcbf29ce484222325); /* FNV-1a, mixed: its low bits are poor */
    for (; *name != 0; name++)
        h = (h ^ (uint8_t)*name) * UINT64_C(0x100000001b3);
    h = (h ^ h >> 33) * UINT64_C(0xff51afd7ed558ccd);
    return (uint32_t)((h ^ h >> 33) % nodes);
}

void vesta_cells_name(char out[FILE_NAME_MAX + 1], uint64_t id, uint32_t maker)
{
    (void)snprintf(out, FILE_NAME_MAX + 1, "c%llx.%x.", (unsigned long long)id, maker);
}

enum file_status vesta_of_call(enum xk_status s)
{
    return s == XK_OK ? FILE_OK : FILE_UNREACHABLE;
}

void vesta_store(struct rope *out, const struct vesta_msg *m)
{
    uint8_t b[VESTA_HEAD + 2 * VESTA_NAME_MAX];
    size_t name = strlen(m->name), to = strlen(m->to);
    const uint32_t low[] = { m->maker, m->cells, m->base,  m->pos,
                             m->last,  m->parts, m->lists, m->bits };
    wire_put32(b, m->status);
    wire_put32(b + 4, m->flags);
    wire_put64(b + 8, m->id);
    wire_put64(b + 16, m->bsu);
    wire_put64(b + 24, m->value);
    wire_put64(b + 32, m->seq);
    for (size_t i = 0; i < ARRAY_LEN(low); i++)
        wire_put32(b + 40 + 4 * i, low[i]);
    b[72] = (uint8_t)name;
    b[73] = (uint8_t)to;
    memcpy(b + VESTA_HEAD, m->name, name);
    memcpy(b + VESTA_HEAD + name, m->to, to);
    rope_add_bytes(out, b, VESTA_HEAD + name + to);
}

bool vesta_load(struct rope *in, struct vesta_msg *m)
{
    uint8_t b[VESTA_HEAD];
    *m = (struct vesta_msg){ .status = FILE_IO_ERROR };
    uint32_t *const low[] = { &m->maker, &m->cells, &m->base,  &m->pos,
                              &m->last,  &m->parts, &m->lists, &m->bits };
    if (in->length < sizeof b)
        return false;
    rope_take_front(in, sizeof b, b);
    if (b[72] > VESTA_NAME_MAX || b[73] > VESTA_NAME_MAX || in->length < (uint64_t)b[72] + b[73])
        return false;
    m->status = wire_get32(b);
    m->flags = wire_get32(b + 4);
    m->id = wire_get64(b + 8);
    m->bsu = wire_get64(b + 16);
    m->value = wire_get64(b + 24);
    m->seq = wire_get64(b + 32);
    for (size_t i = 0; i < ARRAY_LEN(low); i++)
        *low[i] = wire_get32(b + 40 + 4 * i);
    rope_take_front(in, b[72], m->name);
    rope_take_front(in, b[73], m->to);
    return m->status < FILE_STATUS_COUNT;
}
