/* storage_copy.c: the storage server: copies from volume to volume, from drive to drive.  See
 * storage.h STORAGE_COPY.
 *
 * A copy waits in the queue of the volume that it goes to, like an append; when it is the first
 * there, the volume is asked for together with the one that has its blocks: all drives at once, or
 * none (pvl.h PVL2).  Both are of one class, so what one cartridge has goes to one cartridge.
 */
#include "os/hsm/storage_internal.h"

void storage_copy(struct storage *s, struct want *w)
{
    struct storage_volume v;
    uint32_t class = w->stream / STORAGE_STREAMS;
    const struct storage_class c = storage_class(s->params, class);
    enum hsm_status status = HSM_NO_BLOCK;
    if (w->from.volume < storage_volumes(s->params) &&
        storage_class_of(s->params, w->from.volume) == class && storage_copies(&c)) {
        enum file_status f = storage_volume_get(s, w->from.volume, &v);
        bool there = f == FILE_OK && v.life == w->from.life && v.state == STORAGE_FULL &&
                     w->from.first < v.blocks && w->all <= v.blocks - w->from.first;
        status = f != FILE_OK ? HSM_CATALOGUE : there ? HSM_OK : HSM_NO_BLOCK;
    }
    if (status == HSM_OK)
        storage_append_place(s, w);
    else
        storage_end(s, w, status);
}

static const struct want *first(const struct volume *v)
{
    return list_empty(&v->queue) ? NULL : LIST_ENTRY(v->queue.next, struct want, link);
}

uint32_t storage_copy_ask(struct volume *v, struct pvl_mount *m, uint32_t n)
{
    const struct want *w = first(v);
    v->source = NO_SOURCE;
    if (w == NULL || w->op != STORAGE_COPY)
        return n;
    v->source = w->from.volume;
    for (uint32_t k = 0; k < v->width; k++)
        storage_cartridge(v->s->params, v->source, k, m[n++].label);
    return n;
}

bool storage_copy_refused(struct volume *v, enum hsm_status status, const struct pvl_mount *m)
{
    bool refused = status == HSM_NO_DRIVE;
    if (v->source == NO_SOURCE)
        return false;
    for (uint32_t k = 0; k < v->width; k++)
        refused |= m[v->width + k].bad;
    LIST_EACH_SAFE (l, next, &v->queue) {
        struct want *w = LIST_ENTRY(l, struct want, link);
        if (!refused || w->op != STORAGE_COPY || w->from.volume != v->source)
            continue;
        w->worst = status == HSM_NO_DRIVE ? status : HSM_SOURCE;
        storage_append_failed(v->s, w);
    }
    return refused;
}

bool storage_copy_joins(const struct volume *v, const struct want *before, const struct want *w)
{
    bool copy = w->op == STORAGE_COPY;
    return (!copy || w->from.volume == v->source) &&
           (before == NULL || (before->op == STORAGE_COPY) == copy);
}

struct mover_source storage_copy_from(const struct volume *v, const struct want *w, uint32_t k,
                                      const struct mover_request *r)
{
    uint64_t block = r->first * v->width + k - w->r.first; /* of the copy, the first that k has */
    uint64_t at = w->from.first + block;
    struct mover_source s = { .first = at / v->width };
    const struct pvl_mount *m = &v->from[at % v->width];
    s.node = m->node;
    s.device = m->device;
    memcpy(s.label, m->label, HSM_LABEL);
    return s;
}
