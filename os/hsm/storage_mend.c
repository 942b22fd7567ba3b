/* storage_mend.c: the storage server: reads of volumes with parity that lack something.
 * See storage.h STO5.
 *
 *   state of a read  who has parts of it                        event -> next (function)
 *   reading          movers of its cartridges, each its rows    a row, or what is left of a
 *                                                               cartridge, fails: noted (stopped)
 *   mending          all movers but one of a row, or of what    all have ended -> reading what is
 *                    is left of one cartridge                   behind it (mend)
 */
#include "os/hsm/storage_internal.h"

bool storage_stopped(struct volume *v, struct want *w, uint32_t k, enum hsm_status status,
                     uint64_t row)
{
    bool place = status == HSM_MEDIUM, drive = status == HSM_DEVICE;
    if (w->op != STORAGE_READ || v->class.rait == STORAGE_RAIT0 || w->mending > 0 ||
        (!place && !drive))
        return false;
    w->stopped[k] = row + 1;
    w->rest |= drive ? 1u << k : 0;
    return true;
}

/* Blocks of data of that request: of its rows those that are not parity. */
static uint64_t blocks_of(const struct mover_request *r)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < r->count; i++)
        n += mover_column(r, i) < r->data;
    return n;
}

static void ask_one(struct volume *v, struct want *w, uint32_t k, struct mover_request r)
{
    struct rope list;
    uint8_t wire[MOVER_REQUEST_BYTES];
    r.tag = w->tag << 8 | k;
    mover_request_store(wire, &r);
    rope_init(&list);
    rope_add_bytes(&list, wire, sizeof wire);
    w->at |= 1u << k;
    storage_tell_mover(v, k, false, w, 1, &list);
}

/* Asks all others for what cartridge k has of these rows; false: one of them cannot help. */
static bool ask_others(struct volume *v, struct want *w, uint32_t k, struct mover_request r)
{
    uint32_t others = ((1u << v->width) - 1) & ~(1u << k);
    if (((v->absent | v->failed | w->rest) & others) != 0)
        return false;
    r.fold = (uint8_t)(v->width - 1);
    w->mending = k + 1;
    w->mended = r.count;
    v->s->counts.mended += blocks_of(&r);
    w->phase++;
    for (uint32_t j = 0; j < v->width; j++)
        if (others >> j & 1)
            ask_one(v, w, j, r);
    return true;
}

bool storage_mend(struct volume *v, struct want *w)
{
    struct mover_request r;
    if (w->mending > 0) {
        uint32_t k = w->mending - 1;
        uint64_t row = w->stopped[k] - 1 + w->mended;
        bool rest = (w->rest >> k & 1) != 0;
        w->mending = 0;
        w->stopped[k] = 0;
        if (!rest && storage_part(v, w, k, row, &r)) {
            w->phase++;
            ask_one(v, w, k, r);
            return true;
        }
    }
    for (uint32_t k = 0; k < v->width; k++) {
        if (w->stopped[k] == 0)
            continue;
        bool some = storage_part(v, w, k, w->stopped[k] - 1, &r);
        if (some && !(w->rest >> k & 1))
            r.count = 1;
        if (some && ask_others(v, w, k, r))
            return true;
        if (some) {
            w->worst = (w->rest >> k & 1) && !(v->absent >> k & 1) ? HSM_DEVICE : HSM_MEDIUM;
            w->worst = v->absent >> k & 1 ? v->why : w->worst;
            w->bad = r.first * r.data + r.column;
            return false;
        }
        w->stopped[k] = 0;
    }
    return false;
}

void storage_mend_absent(struct volume *v, struct want *w)
{
    struct mover_request r;
    for (uint32_t k = 0; k < v->width; k++)
        if ((v->absent >> k & 1) && storage_part(v, w, k, 0, &r)) {
            w->stopped[k] = r.first + 1;
            w->rest |= 1u << k;
        }
    if (w->at == 0 && !storage_mend(v, w))
        storage_end(v->s, w, w->worst);
}

bool storage_without(struct volume *v, enum hsm_status status, const struct pvl_mount *m)
{
    uint32_t absent = v->absent, n = 0;
    for (uint32_t k = 0, at = 0; k < v->width; k++) {
        if (v->absent >> k & 1) {
            n++;
            continue;
        }
        if (m[at++].bad) {
            absent |= 1u << k;
            n++;
        }
    }
    if (status == HSM_NO_DRIVE && n == 0 && v->width > 1) { /* one drive fewer may be enough */
        absent = 1u << (v->width - 1);
        n = 1;
    }
    if (v->class.rait == STORAGE_RAIT0 || absent == v->absent || n > 1)
        return false;
    v->absent = absent;
    v->why = status;
    return true;
}
