/* library_drive.c: the drives of a library, as it sees them: they load and unload media.
 *
 * A tape drive (disks/tape/) does that itself, and what it does with its medium is its own: when
 * its power fails meanwhile, it is asked once more.  One without a device takes times alone.
 */
#include <stdlib.h>

#include "disks/library/library_internal.h"
#include "disks/tape/drive.h"

/* It has loaded, or unloaded, or could not. */
static void over(struct drive *d, enum changer_status s)
{
    struct changer_req *r = d->r;
    bool loading = d->state == DRIVE_LOADING;
    d->state = DRIVE_RESTS;
    d->r = NULL;
    if (s == CHG_OK)
        d->loaded = loading;
    if (loading)
        d->lib->told->ended(r, s);
    else
        d->lib->told->unloaded(r, s);
}

static void worked(struct sim *s, struct sim_event *e)
{
    (void)s;
    over(CONTAINER_OF(e, struct drive, event), CHG_OK);
}

static void loaded(void *arg, struct blkdev *dev, enum blk_status s, struct tape_medium *m)
{
    if (s == BLK_ERR_ABORTED)
        tape_load(dev, m, loaded, arg);
    else
        over(arg, s == BLK_OK ? CHG_OK : s == BLK_NO_MEDIUM ? CHG_UNFIT : CHG_DRIVE_DEAD);
}

static void unloaded(void *arg, struct blkdev *dev, enum blk_status s, struct tape_medium *m)
{
    (void)m;
    if (s == BLK_ERR_ABORTED)
        tape_unload(dev, unloaded, arg);
    else /* it could not load what lies in its door */
        over(arg, s == BLK_OK || s == BLK_NO_MEDIUM ? CHG_OK : CHG_DRIVE_DEAD);
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

bool drive_dead(const struct drive *d)
{
    return d->dev == NULL ? d->dead : tape_drive_state(d->dev) == TAPE_DEAD;
}

static void work(struct drive *d, struct changer_req *r, enum drive_state state)
{
    ASSERT(d->state == DRIVE_RESTS);
    d->state = state;
    d->r = r;
}

void drive_load(struct drive *d, struct changer_req *r)
{
    if (drive_dead(d)) {
        d->lib->told->ended(r, CHG_DRIVE_DEAD);
        return;
    }
    work(d, r, DRIVE_LOADING);
    if (d->dev != NULL)
        tape_load(d->dev, cartridge_medium(d->lib, r->cartridge), loaded, d);
    else
        sim_after(d->lib->changer.sim, &d->event, d->lib->p.load);
}

void drive_unload(struct drive *d, struct changer_req *r)
{
    if (drive_dead(d)) {
        d->lib->told->unloaded(r, CHG_DRIVE_DEAD);
        return;
    }
    work(d, r, DRIVE_UNLOADING);
    if (d->dev != NULL)
        tape_unload(d->dev, unloaded, d);
    else
        sim_after(d->lib->changer.sim, &d->event, d->loaded ? d->lib->p.unload : 0);
}

void drive_open(struct drive *d)
{
    if (d->dev != NULL)
        tape_take_out(d->dev);
}

void drive_die(struct drive *d)
{
    ASSERT(d->dev == NULL);
    if (d->dead)
        return;
    d->dead = true;
    sim_cancel(d->lib->changer.sim, &d->event);
    if (d->state != DRIVE_RESTS)
        over(d, CHG_DRIVE_DEAD);
}

void drive_repair(struct drive *d)
{
    d->dead = false;
}
