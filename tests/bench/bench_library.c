/* bench_library.c: moves of a tape library simulated per second of host time, by its size.
 *
 * Every drive's cartridge goes back and another comes, drawn evenly, without end.  Prints
 * name<TAB>value<TAB>unit<TAB>peer<TAB>ratio; there is no peer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "disks/library/changer.h"
#include "sim/rng.h"

#define DRIVES_MAX 32

struct place {
    struct load *of;
    struct changer_req r;
    uint32_t tape;
    bool out; /* the move that runs takes it from the drive */
};

struct load {
    struct changer *c;
    struct changer_describe about;
    struct sim_rng rng;
    struct place at[DRIVES_MAX];
    uint64_t left;
};

static double now_s(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return (double)t.tv_sec + (double)t.tv_nsec * 1e-9;
}

static void next(struct place *p);

static void ended(struct changer_req *r)
{
    struct place *p = r->owner;
    if (p->of->left == 0)
        return;
    p->of->left--;
    p->out = !p->out;
    next(p);
}

static void next(struct place *p)
{
    struct load *l = p->of;
    uint32_t drive = (uint32_t)(p - l->at), share = l->about.cartridges / l->about.count[CHG_DRIVE];
    if (!p->out) /* no two drives want one cartridge */
        p->tape = drive * share + (uint32_t)sim_rng_below(&l->rng, share);
    struct changer_place cell = changer_at(CHG_CELL, l->c->ops->home(l->c, p->tape, NULL));
    struct changer_place bay = changer_at(CHG_DRIVE, drive);
    changer_req_init(&p->r, CHG_MOVE, p->out ? bay : cell, p->out ? cell : bay, ended, p);
    changer_submit(l->c, &p->r);
}

static void run(const char *name, int64_t cells, int64_t drives, const char *queue, uint64_t n)
{
    struct sim_options o = { .seed = 1 };
    struct sim *s = sim_create(&o);
    struct err e = ERR_INIT;
    struct val *all = val_new(VAL_TABLE, NULL, 0), *v = val_new(VAL_TABLE, NULL, 0);
    struct val *cartridges = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "cells", val_new_int(cells, NULL, 0));
    val_put(v, "columns", val_new_int(1 + cells / 30, NULL, 0));
    val_put(v, "drives", val_new_int(drives, NULL, 0));
    val_put(v, "queue", val_new_string(queue, NULL, 0));
    val_put(cartridges, "count", val_new_int(cells, NULL, 0));
    val_put(v, "cartridges", cartridges);
    val_put(all, "silo", v);
    struct changer_list list;
    static struct load l;
    double from = now_s();
    if (!changer_build(s, all, "libraries", NULL, 0, &list, &e)) {
        fprintf(stderr, "%s\n", e.text);
        exit(2);
    }
    printf("%s: made\t%.1f\tms\t-\t-\n", name, (now_s() - from) * 1e3);
    l = (struct load){ .c = list.items[0], .left = n };
    l.c->ops->describe(l.c, &l.about);
    sim_rng_init_seed(&l.rng, 1, "bench");
    from = now_s();
    for (uint32_t i = 0; i < l.about.count[CHG_DRIVE]; i++) {
        l.at[i].of = &l;
        next(&l.at[i]);
    }
    sim_run(s);
    printf("%s\t%.0f\tmoves/s\t-\t-\n", name, (double)n / (now_s() - from));
    fflush(stdout);
    changer_list_free(&list);
    val_free(all);
    sim_destroy(s);
}

int main(void)
{
    run("library of 300 cartridges, 4 drives", 300, 4, "fifo", 300000);
    run("library of 10,000 cartridges, 32 drives", 10000, 32, "fifo", 300000);
    run("the same, interleaved", 10000, 32, "interleave", 300000);
    run("library of 100,000 cartridges, 32 drives", 100000, 32, "fifo", 300000);
    return 0;
}
