/* library_drive.c: the drives of a library, as it sees them: they load and unload media.
 *
 * What a drive does with its medium is the drive's own (disks/tape/).
 */
#include <stdlib.h>

#include "disks/library/library_internal.h"

static void worked(struct sim *s, struct sim_event *e)
{
    struct drive *d = CONTAINER_OF(e, struct drive, event);
    struct changer_req *r = d->r;
    (void)s;
    bool loading = d->state == DRIVE_LOADING;
    d->state = DRIVE_RESTS;
    d->r = NULL;
    d->loaded = loading;
    if (loading)
        d->lib->told->ended(r, CHG_OK);
    else
        d->lib->told->unloaded(r, CHG_OK);
}

void drives_init(struct library *l)
{
    l->drives = base_zalloc(l->count[CHG_DRIVE] + 1, sizeof *l->drives);
    for (uint32_t i = 0; i < l->count[CHG_DRIVE]; i++) {
        struct drive *d = &l->drives[i];
        *d = (struct drive){ .lib = l, .index = i };
        sim_event_init(&d->event, SIM_CLASS_DEVICE, worked);
        char *name = base_printf("%s.drive.%u", l->changer.name, i);
        sim_busy_init(&d->busy, l->changer.sim, SIM_KIND_OTHER, -1, name);
        free(name);
    }
}

void drives_fini(struct library *l)
{
    for (uint32_t i = 0; i < l->count[CHG_DRIVE]; i++) {
        sim_cancel(l->changer.sim, &l->drives[i].event);
        sim_busy_fini(&l->drives[i].busy);
    }
    free(l->drives);
}

void drive_holds(struct drive *d, bool holds)
{
    sim_time now = sim_now(d->lib->changer.sim);
    if (holds)
        sim_busy_begin(&d->busy, now);
    else
        sim_busy_end(&d->busy, now);
    d->loaded = false;
}

static void work(struct drive *d, struct changer_req *r, enum drive_state state, sim_time length)
{
    ASSERT(d->state == DRIVE_RESTS);
    d->state = state;
    d->r = r;
    sim_after(d->lib->changer.sim, &d->event, length);
}

void drive_load(struct drive *d, struct changer_req *r)
{
    if (d->dead)
        d->lib->told->ended(r, CHG_DRIVE_DEAD);
    else
        work(d, r, DRIVE_LOADING, d->lib->p.load);
}

void drive_unload(struct drive *d, struct changer_req *r)
{
    if (d->dead)
        d->lib->told->unloaded(r, CHG_DRIVE_DEAD);
    else
        work(d, r, DRIVE_UNLOADING, d->loaded ? d->lib->p.unload : 0);
}

void drive_die(struct drive *d)
{
    if (d->dead)
        return;
    bool loading = d->state == DRIVE_LOADING;
    struct changer_req *r = d->r;
    sim_cancel(d->lib->changer.sim, &d->event);
    d->dead = true;
    d->state = DRIVE_RESTS;
    d->r = NULL;
    if (r != NULL && loading)
        d->lib->told->ended(r, CHG_DRIVE_DEAD);
    else if (r != NULL)
        d->lib->told->unloaded(r, CHG_DRIVE_DEAD);
}

void drive_repair(struct drive *d)
{
    d->dead = false;
}
