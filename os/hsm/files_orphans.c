/* files_orphans.c: bitfiles are made, and those removed that no record names: a crash came between
 * their making and the record, or nobody heard whether they were made.
 *
 * The archive has a list of the bitfiles of an owner (BITF6).  What is on it was made in a life
 * before this one, or before the look at it began, for none is made meanwhile; so it is in a record
 * by then, or will never be.
 */
#include "os/hsm/files_internal.h"

#include <stdlib.h> /* qsort, bsearch alone */

static int by_number(const void *a, const void *b)
{
    const uint64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

static uint32_t add_named(const struct list *files, uint64_t *out, uint32_t n)
{
    LIST_EACH (l, files) {
        const struct hsm_file *f = LIST_ENTRY(l, struct hsm_file, link);
        if (f->rec.bitfile != 0)
            out[n++] = f->rec.bitfile - 1;
        if (f->rec.other != 0)
            out[n++] = f->rec.other - 1;
    }
    return n;
}

/* The numbers in records, as they are now, in order; heap. */
static uint64_t *named(struct hsm *h, uint32_t *count)
{
    uint32_t gone = 0;
    LIST_EACH (l, &h->gone)
        gone++;
    uint64_t *all = port_alloc(h->sys.port, 2 * (xk_map_count(&h->map) + gone + 1) * sizeof *all);
    *count = add_named(&h->gone, all, add_named(&h->files, all, 0));
    qsort(all, *count, sizeof *all, by_number);
    return all;
}

/* Of these those that no record names are left. */
static uint32_t nobodys(struct hsm *h, uint64_t *ids, uint32_t count)
{
    uint32_t n, left = 0;
    uint64_t *all = named(h, &n);
    for (uint32_t i = 0; i < count; i++)
        if (bsearch(&ids[i], all, n, sizeof *all, by_number) == NULL)
            ids[left++] = ids[i];
    port_free(h->sys.port, all);
    return left;
}

static enum hsm_status look(struct hsm *h, uint64_t found[BITFILE_LISTED])
{
    struct bitfile_call c = { .op = BITFILE_LIST, .owner = h->owner, .found = found };
    enum hsm_status s = HSM_OK;
    while (s == HSM_OK && c.id != UINT64_MAX) {
        s = hsm_archive(h, &c);
        uint32_t n = s == HSM_OK ? nobodys(h, found, c.found_count) : 0;
        for (uint32_t i = 0; i < n && s == HSM_OK; i++) {
            struct bitfile_call gone = { .op = BITFILE_REMOVE, .id = found[i] };
            s = hsm_archive(h, &gone);
            h->counts.orphans += s == HSM_OK;
            h->counts.removed += s == HSM_OK;
        }
    }
    return s;
}

enum file_status hsm_orphans(struct hsm *h)
{
    while (h->listing || (!h->listed && h->creating > 0))
        hsm_wait(h, "bitfiles being made");
    if (h->listed)
        return FILE_OK;
    h->listing = true;
    uint64_t *found = port_alloc(h->sys.port, BITFILE_LISTED * sizeof *found);
    enum hsm_status s = look(h, found);
    port_free(h->sys.port, found);
    h->listing = false;
    h->listed = s == HSM_OK;
    hsm_wake(h);
    return hsm_file_status(s);
}

enum file_status hsm_make_bitfile(struct hsm_file *f, uint64_t size)
{
    struct hsm *h = f->h;
    struct bitfile_call c = {
        .op = BITFILE_CREATE, .size = size, .cos = BITFILE_BY_SIZE, .owner = h->owner
    };
    enum file_status s = FILE_OK;
    while (s == FILE_OK && (!h->listed || h->listing))
        s = hsm_orphans(h);
    if (s != FILE_OK)
        return s;
    if (h->params->cos >= 0)
        c.cos = (uint32_t)h->params->cos;
    h->creating++;
    s = hsm_keep_owner(h);
    if (s == FILE_OK)
        s = hsm_file_status(hsm_archive(h, &c));
    h->creating--;
    hsm_wake(h);
    if (s != FILE_OK) {
        h->listed &= s != FILE_UNREACHABLE; /* it may have been made */
        return s;
    }
    f->rec.other = c.id + 1;
    s = hsm_commit(f);
    if (s != FILE_OK) {
        f->rec.other = 0;
        c.op = BITFILE_REMOVE;
        h->listed &= hsm_archive(h, &c) == HSM_OK;
    }
    return s;
}
