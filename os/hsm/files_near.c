/* files_near.c: which files lie by each other: on tape, and in a data set.
 *
 * Where a bitfile begins is asked of the archive once it is written, and of those that were there
 * at boot by and by; repack moves them, which nobody tells: then it is a guess like any other.
 *
 * Both are kept in order, by set and handle, and by cartridge and block.  In the latter a file may
 * stand where its bitfile was before the one that it has now, until the archive has answered.
 *
 * A data set is what is named alike in a directory: NAME and a number.  A file keeps the set that
 * it was made in, or was found in at boot, whatever it is called later.
 */
#include "os/hsm/files_internal.h"

static uint64_t set_of(uint64_t dir, const char *name)
{
    uint64_t set = (dir + 1) * UINT64_C(0x9e3779b97f4a7c15);
    size_t n = strlen(name);
    while (n > 0 && name[n - 1] >= '0' && name[n - 1] <= '9')
        n--;
    for (size_t i = 0; i < n; i++)
        set = (set ^ (uint8_t)name[i]) * UINT64_C(0x100000001b3); /* FNV-1a */
    return set | 1;                                               /* 0: none is known */
}

void hsm_join_set(struct hsm_file *f, uint64_t dir, const char *name)
{
    f->set = set_of(dir, name);
    hsm_index_put(&f->h->sets, &f->of_set, (struct hsm_key){ f->set, 0, f->rec.file });
}

void hsm_unplace(struct hsm_file *f)
{
    f->placed = 0;
    hsm_index_drop(&f->h->places, &f->of_place);
}

void hsm_alone(struct hsm_file *f)
{
    hsm_index_drop(&f->h->sets, &f->of_set);
    hsm_unplace(f);
}

uint64_t hsm_mate(void *arg, uint64_t file)
{
    struct hsm *h = arg;
    const struct hsm_file *f = hsm_file_of(h, file);
    if (f == NULL || f->set == 0)
        return file;
    const struct hsm_node *n = hsm_index_next(h->sets, f->of_set.key);
    if (n == NULL || n->key.row != f->set) /* handles begin at 1 */
        n = hsm_index_next(h->sets, (struct hsm_key){ f->set, 0, 0 });
    return n->key.file;
}

static bool placed(const struct hsm_file *f)
{
    return f->placed != 0 && f->placed == f->rec.bitfile;
}

uint64_t hsm_behind(void *arg, uint64_t file)
{
    struct hsm *h = arg;
    const struct hsm_file *f = hsm_file_of(h, file);
    if (f == NULL || !placed(f))
        return 0;
    struct hsm_node *n = hsm_index_next(h->places, f->of_place.key);
    while (n != NULL && n->key.row == f->volume &&
           !placed(CONTAINER_OF(n, struct hsm_file, of_place)))
        n = hsm_index_next(h->places, n->key);
    return n != NULL && n->key.row == f->volume ? n->key.file : 0;
}

void hsm_place(struct hsm_file *f)
{
    struct hsm *h = f->h;
    struct bitfile_call c = { .op = BITFILE_STAT, .id = f->rec.bitfile - 1 };
    uint64_t bitfile = f->rec.bitfile;
    if (!placed(f))
        hsm_unplace(f);
    if (!h->prefetcher->places || bitfile == 0 || hsm_archive(h, &c) != HSM_OK || !c.stat.written)
        return;
    f->placed = bitfile;
    f->volume = c.stat.volume;
    f->first = c.stat.first;
    if (!f->gone) /* meanwhile */
        hsm_index_put(&h->places, &f->of_place,
                      (struct hsm_key){ f->volume, f->first, f->rec.file });
}

bool hsm_places(struct hsm *h)
{
    uint32_t n = 0, left = 0;
    if (!h->prefetcher->places)
        return false;
    uint64_t *all = port_alloc(h->sys.port, (xk_map_count(&h->map) + 1) * sizeof *all);
    LIST_EACH (l, &h->files) {
        const struct hsm_file *f = LIST_ENTRY(l, struct hsm_file, link);
        if (f->rec.bitfile != 0 && !placed(f) && !f->moving)
            all[n++] = f->rec.file;
    }
    for (uint32_t i = 0; i < n; i++) { /* while one is asked, others may go */
        struct hsm_file *f = hsm_file_of(h, all[i]);
        if (f == NULL || f->rec.bitfile == 0 || placed(f) || f->moving)
            continue;
        f->moving = true;
        hsm_place(f);
        f->moving = false;
        left += !placed(f);
        hsm_wake(h);
    }
    port_free(h->sys.port, all);
    return left > 0;
}
