/* Libraries: moves to the picosecond, the arm against M/D/1, two arms that do not
 * collide, statuses, and random requests with faults against a shadow. */
#include <criterion/criterion.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "disks/library/library_internal.h"
#include "disks/tape/drive.h"
#include "sim/audit.h"
#include "sim/fault.h"
#include "sim/rng.h"
#include "tests/disks/kit.h"
#include "tests/sample.h"

/* ---- making them ---- */

static struct val *value(const char *text)
{
    char *end;
    double real = strtod(text, &end);
    if (*end != '\0' || end == text)
        return val_new_string(text, NULL, 0);
    return strchr(text, '.') ? val_new_real(real, NULL, 0) : val_new_int((int64_t)real, NULL, 0);
}

/* "key=value key.key=value ..." of library `name`. */
static void describe(struct val *all, const char *name, const char *text)
{
    struct err e = ERR_INIT;
    char *copy = base_strdup(text), *rest = copy, *word;
    val_put(all, name, val_new(VAL_TABLE, NULL, 0));
    while ((word = strsep(&rest, " ")) != NULL) {
        char *is = strchr(word, '=');
        if (is == NULL)
            continue;
        *is = '\0';
        char *path = base_printf("%s.%s", name, word);
        cr_assert(val_set_path(all, path, value(is + 1), &e), "%s", e.text);
        free(path);
    }
    free(copy);
}

static struct changer_list made;
static struct blkdev *tapes[4]; /* which the libraries may name */
static size_t tape_count;
static struct val *list_of_faults[8];
static size_t fault_lists;
static struct library *lib;

static bool try_make(struct sim *s, const char *a, const char *b, struct err *e)
{
    struct val *all = val_new(VAL_TABLE, NULL, 0);
    describe(all, "a", a);
    if (b != NULL) {
        struct val *pass = val_new(VAL_TABLE, NULL, 0), *passes = val_new(VAL_LIST, NULL, 0);
        val_put(pass, "to", val_new_string("b", NULL, 0));
        val_put(pass, "time", val_new_string("7s", NULL, 0));
        val_append(passes, pass);
        cr_assert(val_set_path(all, "a.passes", passes, e));
        describe(all, "b", b);
    }
    bool good = changer_build(s, all, "libraries", tapes, tape_count, &made, e);
    val_free(all);
    return good;
}

static struct sim *make2(uint64_t seed, const char *a, const char *b)
{
    struct err e = ERR_INIT;
    struct sim *s = kit_sim(seed);
    cr_assert(try_make(s, a, b, &e), "%s", e.text);
    lib = library_of(made.items[0]);
    return s;
}

static struct sim *make(const char *a)
{
    return make2(7, a, NULL);
}

static void unmake(struct sim *s)
{
    cr_assert(kit_audit(s));
    changer_list_free(&made);
    sim_destroy(s);
    while (fault_lists > 0)
        val_free(list_of_faults[--fault_lists]);
}

/* ---- requests ---- */

static void ended(struct changer_req *r)
{
    *(bool *)r->owner = true;
}

static struct changer_place cell(uint32_t i)
{
    return changer_at(CHG_CELL, i);
}
static struct changer_place drive(uint32_t i)
{
    return changer_at(CHG_DRIVE, i);
}
static struct changer_place hand(uint32_t i)
{
    return changer_at(CHG_HAND, i);
}
static struct changer_place port(uint32_t i)
{
    return changer_at(CHG_PORT, i);
}
static struct changer_place pass(uint32_t i)
{
    return changer_at(CHG_PASS, i);
}

static struct changer_req last;

/* Submits one request, and runs until it is done. */
static enum changer_status ask(struct library *l, enum changer_op op, struct changer_place from,
                               struct changer_place to, const char *label)
{
    bool done = false;
    changer_req_init(&last, op, from, to, ended, &done);
    strncpy(last.label, label, sizeof last.label - 1);
    changer_submit(&l->changer, &last);
    cr_assert(!done, "CHG4: done inside its submission");
    sim_run(l->changer.sim);
    cr_assert(done);
    return last.status;
}

static enum changer_status move(struct changer_place from, struct changer_place to)
{
    return ask(lib, CHG_MOVE, from, to, "");
}

static sim_time took(void)
{
    return last.completed - last.submitted;
}

static void faults(struct sim *s, const char *path, const char *action, const char *label,
                   const char *at, struct sim_faults **out)
{
    struct err e = ERR_INIT;
    struct val *list = val_new(VAL_LIST, NULL, 0), *v = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "path", val_new_string(path, NULL, 0));
    val_put(v, "action", val_new_string(action, NULL, 0));
    val_put(v, "at", val_new_string(at, NULL, 0));
    if (label != NULL)
        val_put(v, "label", val_new_string(label, NULL, 0));
    val_append(list, v);
    *out = sim_faults_create(s, false);
    changer_fault_targets(*out, &made);
    cr_assert(sim_faults_load(*out, list, "faults", &e), "%s", e.text);
    list_of_faults[fault_lists++] = list; /* labels are read where they stand */
}

/* ---- one move ---- */

/* Of a distance, from rest to rest, as school teaches it. */
static sim_time trapezoid(long double d, long double v, long double a)
{
    long double ramp = v * v / a, t = d >= ramp ? 2 * v / a + (d - ramp) / v : 2 * sqrtl(d / a);
    return (sim_time)llroundl(t * 1e12L);
}

Test(library, a_move_takes_what_its_parts_take)
{
    struct sim *s =
        make("kind=rail cells=400 rows=10 columns=20 walls=2 row_pitch=0.1 "
             "pitch=0.25 speed=2.0 "
             "acceleration=4.0 lift_speed=1.0 lift_acceleration=2.0 turn=1.7s pick=2s place=3s "
             "read=500ms load=11s unload=13s drives=2 drive_column=7 drive_rows=1 "
             "cartridges.count=400");
    /* The arm stands at column 0, row 0; cell 133 is column 13, row 3; drive 1 column 8, row 0. */
    sim_time there = trapezoid(13 * 0.25L, 2, 4), height = trapezoid(0.3L, 1, 2);
    sim_time back = trapezoid(5 * 0.25L, 2, 4);
    cr_assert_gt(there, height);
    cr_assert_gt(back, height);
    cr_assert_eq(move(cell(133), drive(1)), CHG_OK);
    cr_assert_eq(took(), there + 2 * SIM_SEC + back + 3 * SIM_SEC + 11 * SIM_SEC, "%ld", took());
    cr_assert_eq(last.part[CHG_PART_LOAD], 11 * SIM_SEC);
    cr_assert_eq(last.part[CHG_PART_ARM], took() - 11 * SIM_SEC);
    cr_assert_str_eq(last.label, "V000133");
    /* To the other wall: cell 199 would be the last of the first; 133 is empty now. */
    cr_assert_eq(move(drive(1), cell(133)), CHG_OK);
    cr_assert_eq(took(), 13 * SIM_SEC + 2 * SIM_SEC + back + 3 * SIM_SEC);
    cr_assert_eq(last.part[CHG_PART_UNLOAD], 13 * SIM_SEC);
    /* From column 13 to column 13 of the other wall: the hand turns, and that takes longest. */
    cr_assert_eq(ask(lib, CHG_INVENTORY, cell(333), cell(0), ""), CHG_OK);
    cr_assert_eq(took(), 1700 * SIM_MS + 500 * SIM_MS);
    cr_assert_str_eq(last.label, "V000333");
    unmake(s);
}

Test(library, around_a_pivot_the_arm_takes_the_shorter_way)
{
    struct sim *s = make("kind=silo cells=100 rows=2 columns=36 walls=2 speed=120.0 "
                         "acceleration=240.0 turn=1s "
                         "pick=2s place=2s drives=1 load=5s cartridges.count=100");
    /* Cell 69 is column 34: 340 degrees, which is 20 the other way round. */
    cr_assert_eq(move(cell(69), drive(0)), CHG_OK);
    sim_time way = trapezoid(20, 120, 240), up = trapezoid(0.1L, 1, 2);
    sim_time leg = way > up ? way : up;
    cr_assert_eq(took(), 2 * leg + 4 * SIM_SEC + 5 * SIM_SEC);
    unmake(s);
}

Test(library, a_shelf_takes_minutes_and_its_operators_work_side_by_side)
{
    struct sim *s = make("kind=shelf operators=2 drives=3 pick=3min place=1min load=30s "
                         "unload=30s cells=10 "
                         "cartridges.count=10");
    struct changer_req r[3];
    bool done[3];
    for (uint32_t i = 0; i < 3; i++) {
        changer_req_init(&r[i], CHG_MOVE, cell(i), drive(i), ended, &done[i]);
        changer_submit(&lib->changer, &r[i]);
    }
    sim_run(s);
    cr_assert_eq(r[0].completed, 4 * 60 * SIM_SEC + 30 * SIM_SEC);
    cr_assert_eq(r[1].completed, r[0].completed);
    cr_assert_eq(r[2].completed, 8 * 60 * SIM_SEC + 30 * SIM_SEC);
    unmake(s);
}

/* A motion in small steps, with the speed that its acceleration gives. */
Test(library, where_an_arm_is_follows_from_its_acceleration)
{
    const double d = 3.7, v = 2, a = 1.5;
    sim_time whole = geometry_axis(d, v, a);
    double x = 0, speed = 0;
    const sim_time step = SIM_MS / 10;
    for (sim_time t = 0; t < whole; t += step) {
        cr_assert_float_eq(geometry_progress(d, v, a, t), x, 2e-3, "at %ld", t);
        cr_assert_float_eq(geometry_progress(-d, v, a, t), -x, 2e-3);
        double left = d - x, h = sim_time_seconds(step);
        double brake = speed * speed / (2 * a);
        speed += left <= brake ? -a * h : speed < v ? a * h : 0;
        speed = speed < 0 ? 0 : speed > v ? v : speed;
        x += speed * h;
    }
    cr_assert_float_eq(x, d, 2e-3);
}

/* ---- two hands ---- */

static void two(struct changer_req r[2], bool done[2])
{
    changer_req_init(&r[0], CHG_MOVE, drive(0), cell(0), ended, &done[0]);
    changer_req_init(&r[1], CHG_MOVE, cell(5), drive(0), ended, &done[1]);
    for (int i = 0; i < 2; i++)
        changer_submit(&lib->changer, &r[i]);
    sim_run(lib->changer.sim);
    cr_assert(done[0] && done[1]);
}

#define PLAIN                                                                                      \
    "kind=silo rows=1 columns=10 walls=1 cells=10 cartridges.count=10 speed=36.0 "                 \
    "acceleration=0.0 "                                                                            \
    "row_pitch=0.0 pick=1s place=2s load=10s unload=10s drives=1 drive_column=0 "

Test(library, with_one_hand_a_drive_is_served_in_two_moves)
{
    struct changer_req r[2];
    bool done[2] = { false, false };
    struct sim *s = make(PLAIN "hands=1");
    cr_assert_eq(move(cell(0), drive(0)), CHG_OK);
    two(r, done);
    /* One column is a second.  At the drive; unload; pick 1, place 2 in the same column; 5 to the
     * cell, pick 1, 5 back, place 2, load. */
    cr_assert_eq(r[0].completed - r[0].submitted, 13 * SIM_SEC);
    cr_assert_eq(r[1].completed - r[0].submitted, (13 + 5 + 1 + 5 + 2 + 10) * SIM_SEC);
    cr_assert_eq(lib->counts.exchanges, 0);
    unmake(s);
}

Test(library, with_two_hands_a_drive_is_served_in_one_tour)
{
    struct changer_req r[2];
    bool done[2] = { false, false };
    struct sim *s = make(PLAIN "hands=2");
    cr_assert_eq(move(cell(0), drive(0)), CHG_OK);
    two(r, done);
    /* Unload 10; to the cell 5, pick 1, back 5, pick 1, place 2 (loads 10), place 2. */
    cr_assert_eq(r[1].completed - r[0].submitted, (10 + 5 + 1 + 5 + 1 + 2 + 10) * SIM_SEC);
    cr_assert_eq(r[0].completed - r[0].submitted, (10 + 5 + 1 + 5 + 1 + 2 + 2) * SIM_SEC);
    cr_assert_eq(lib->counts.exchanges, 1);
    cr_assert_str_eq(r[0].label, "V000000");
    cr_assert_str_eq(r[1].label, "V000005");
    unmake(s);
}

Test(library, an_exchange_whose_old_cartridge_is_stuck_takes_the_new_one_back)
{
    struct changer_req r[2];
    bool done[2] = { false, false };
    struct sim *s = make(PLAIN "hands=2");
    cr_assert_eq(move(cell(0), drive(0)), CHG_OK);
    element_at(lib, drive(0))->held->stuck = 1;
    two(r, done);
    cr_assert_eq(r[0].status, CHG_STUCK);
    cr_assert_eq(r[1].status, CHG_FULL);
    cr_assert_eq(ask(lib, CHG_LOOK, cell(5), cell(0), ""), CHG_OK);
    cr_assert_str_eq(last.label, "V000005");
    cr_assert_eq(move(drive(0), cell(0)), CHG_OK, "it comes out now");
    unmake(s);
}

/* ---- statuses ---- */

Test(library, every_status_has_its_cause)
{
    struct sim *s = make("kind=silo cells=20 cartridges.count=10 drives=2 hands=1");
    /* They lie in 0, 2, 4, ... */
    cr_assert_eq(move(cell(1), drive(0)), CHG_EMPTY);
    cr_assert_eq(move(cell(0), cell(2)), CHG_FULL);
    cr_assert_eq(move(drive(0), cell(1)), CHG_EMPTY);
    cr_assert_eq(move(cell(20), cell(1)), CHG_NO_ELEMENT);
    cr_assert_eq(move(cell(0), hand(0)), CHG_NO_ELEMENT);
    cr_assert_eq(move(cell(0), cell(0)), CHG_NO_ELEMENT);
    cr_assert_eq(ask(lib, CHG_IMPORT, cell(0), cell(0), "X"), CHG_NO_ELEMENT);
    cr_assert_eq(ask(lib, CHG_MOVE, cell(2), cell(1), "V000009"), CHG_LABEL);
    cr_assert_str_eq(last.label, "V000009");
    cr_assert_eq(ask(lib, CHG_MOVE, cell(2), cell(1), "V000001"), CHG_OK);
    element_at(lib, cell(4))->held->stuck = 2;
    cr_assert_eq(move(cell(4), drive(0)), CHG_STUCK);
    cr_assert_eq(move(cell(4), drive(0)), CHG_STUCK);
    drive_die(&lib->drives[0]);
    cr_assert_eq(move(cell(4), drive(0)), CHG_DRIVE_DEAD);
    drive_repair(&lib->drives[0]);
    cr_assert_eq(move(cell(4), drive(0)), CHG_OK);
    drive_die(&lib->drives[0]);
    cr_assert_eq(move(drive(0), cell(4)), CHG_DRIVE_DEAD);
    drive_die(&lib->drives[1]);
    cr_assert_eq(move(cell(0), drive(1)), CHG_DRIVE_DEAD, "all drives are down");
    arm_die(&lib->arms[0]);
    cr_assert_eq(move(cell(0), cell(3)), CHG_ARM);
    cr_assert_eq(ask(lib, CHG_LOOK, cell(0), cell(0), ""), CHG_OK, "nobody needs to go there");
    arm_repair(&lib->arms[0]);
    cr_assert_eq(move(cell(0), cell(3)), CHG_OK);
    unmake(s);
}

Test(library, a_drive_that_dies_while_it_loads_keeps_the_cartridge)
{
    struct sim_faults *f;
    struct sim *s = make(PLAIN "hands=1");
    faults(s, "a.drive.0", "death", NULL, "9s", &f);
    cr_assert_eq(move(cell(1), drive(0)), CHG_DRIVE_DEAD); /* 1 + 1 + 1 + 2, and 10 to load */
    cr_assert_eq(sim_now(s), 9 * SIM_SEC);
    cr_assert_eq(move(drive(0), cell(1)), CHG_DRIVE_DEAD);
    drive_repair(&lib->drives[0]);
    cr_assert_eq(move(drive(0), cell(1)), CHG_OK);
    cr_assert_eq(last.part[CHG_PART_UNLOAD], 0, "it was never threaded");
    sim_faults_free(f);
    unmake(s);
}

Test(library, what_a_dead_arm_holds_waits_for_its_repair)
{
    struct sim_faults *f;
    struct sim *s = make(PLAIN "hands=1");
    faults(s, "a.arm.0", "death", NULL, "2500ms", &f);
    cr_assert_eq(move(cell(1), drive(0)), CHG_ARM); /* 1 to the cell, 1 to pick, 1 back */
    cr_assert_eq(ask(lib, CHG_LOOK, hand(0), cell(0), ""), CHG_OK);
    cr_assert_str_eq(last.label, "V000001");
    cr_assert_eq(move(hand(0), cell(1)), CHG_ARM);
    arm_repair(&lib->arms[0]);
    cr_assert_eq(move(cell(2), drive(0)), CHG_ARM, "its hand is full");
    cr_assert_eq(move(hand(0), cell(1)), CHG_OK);
    cr_assert_eq(move(cell(2), drive(0)), CHG_OK);
    sim_faults_free(f);
    unmake(s);
}

Test(library, what_is_lost_or_has_another_label_is_found_by_an_inventory)
{
    struct sim_faults *f, *g;
    struct sim *s = make("kind=silo cells=10 cartridges.count=10");
    faults(s, "a", "lost", "V000003", "1s", &f);
    faults(s, "a", "mislabel", "V000004", "1s", &g);
    sim_run(s);
    cr_assert_eq(ask(lib, CHG_LOOK, cell(3), cell(0), ""), CHG_OK, "nobody has looked yet");
    cr_assert_str_eq(last.label, "V000003");
    cr_assert_eq(ask(lib, CHG_INVENTORY, cell(3), cell(0), ""), CHG_EMPTY);
    cr_assert_eq(ask(lib, CHG_LOOK, cell(3), cell(0), ""), CHG_EMPTY);
    cr_assert_eq(ask(lib, CHG_MOVE, cell(4), drive(0), "V000004"), CHG_LABEL);
    cr_assert_eq(ask(lib, CHG_LOOK, cell(4), cell(0), ""), CHG_OK);
    cr_assert_str_eq(last.label, "?");
    sim_faults_free(f);
    sim_faults_free(g);
    unmake(s);
}

/* ---- tape drives ---- */

static struct sim *make_tapes(const char *text)
{
    struct err e = ERR_INIT;
    struct sim *s = kit_sim(7);
    for (tape_count = 0; tape_count < 2; tape_count++) {
        char name[8];
        struct val *v = val_new(VAL_TABLE, NULL, 0);
        val_put(v, "kind", val_new_string("tape", NULL, 0));
        val_put(v, "cartridge", val_new_string("", NULL, 0));
        snprintf(name, sizeof name, "t%zu", tape_count);
        tapes[tape_count] = blk_build(s, v, -1, name, "devices", &e);
        cr_assert(tapes[tape_count] != NULL, "%s", e.text);
        val_free(v);
    }
    cr_assert(try_make(s, text, NULL, &e), "%s", e.text);
    lib = library_of(made.items[0]);
    return s;
}

static void unmake_tapes(struct sim *s)
{
    cr_assert(kit_audit(s));
    while (tape_count > 0)
        tape_count--, tapes[tape_count]->ops->destroy(tapes[tape_count]);
    changer_list_free(&made);
    sim_destroy(s);
}

static void block_done(struct blk_req *r)
{
    *(bool *)r->owner = true;
}

/* One block, written or read and compared. */
static enum blk_status block(uint32_t d, enum blk_op op, uint64_t n, uint64_t seed)
{
    struct blk_req r;
    struct rope want;
    bool done = false;
    rope_init(&want);
    rope_add_pattern(&want, seed, 0, 3000);
    blk_req_init(&r, op, n, 1, block_done, &done);
    if (op == BLK_WRITE)
        rope_add_slice(&r.data, &want, 0, want.length);
    blk_submit(tapes[d], &r);
    sim_run(tapes[d]->sim);
    cr_assert(done);
    if (op == BLK_READ && r.status == BLK_OK)
        cr_assert(rope_equal(&r.data, &want), "it reads what another cartridge has");
    rope_fini(&want);
    enum blk_status s = r.status;
    blk_req_fini(&r);
    return s;
}

Test(library, a_cartridge_takes_its_data_from_drive_to_drive)
{
    struct sim *s = make_tapes(PLAIN "hands=1 tape_drives=all");
    cr_assert_eq(lib->count[CHG_DRIVE], 2);
    cr_assert_eq(block(0, BLK_WRITE, 0, 1), BLK_NO_MEDIUM);
    for (uint32_t i = 0; i < 2; i++) {
        cr_assert_eq(move(cell(i + 3), drive(i)), CHG_OK);
        cr_assert_eq(took(), last.part[CHG_PART_ARM] + last.part[CHG_PART_LOAD]);
        cr_assert_eq(block(i, BLK_WRITE, 0, 10 + i), BLK_OK);
    }
    cr_assert_eq(move(drive(0), cell(3)), CHG_OK);
    cr_assert_eq(move(drive(1), cell(4)), CHG_OK);
    cr_assert_gt(last.part[CHG_PART_UNLOAD], 0);
    cr_assert_eq(move(cell(4), drive(0)), CHG_OK);
    cr_assert_eq(block(0, BLK_READ, 0, 11), BLK_OK);
    cr_assert_eq(tape_loaded(tapes[0]), library_medium(&lib->changer, 4));
    cr_assert_str_eq(tape_medium_label(tape_loaded(tapes[0])), "V000004");
    unmake_tapes(s);
}

Test(library, a_dead_tape_drive_is_opened_by_hand)
{
    struct sim *s = make_tapes(PLAIN "hands=1 tape_drives=all operator=5min");
    cr_assert_eq(ask(lib, CHG_EXPORT, drive(0), drive(0), ""), CHG_NO_ELEMENT, "it works");
    cr_assert_eq(move(cell(3), drive(0)), CHG_OK);
    tapes[0]->ops->kill(tapes[0]);
    sim_run(s);
    cr_assert_eq(move(drive(0), cell(3)), CHG_DRIVE_DEAD);
    cr_assert_eq(ask(lib, CHG_EXPORT, drive(0), drive(0), ""), CHG_OK);
    cr_assert_str_eq(last.label, "V000003");
    cr_assert_eq(took(), 5 * 60 * SIM_SEC);
    cr_assert_eq(move(cell(4), drive(0)), CHG_DRIVE_DEAD);
    cr_assert_eq(ask(lib, CHG_IMPORT, port(0), cell(0), "V000003"), CHG_OK);
    cr_assert_eq(move(port(0), drive(1)), CHG_OK);
    unmake_tapes(s);
}

Test(library, a_drive_stands_in_one_library)
{
    static const struct {
        const char *a, *says;
    } rows[] = {
        { "kind=silo tape_drives=al", "a list of names, or 'all'" },
        { "kind=silo tape_drives=all", "there is no tape drive" },
    };
    struct sim *t = make_tapes("kind=silo tape_drives=all");
    struct val *both = val_new(VAL_TABLE, NULL, 0);
    struct changer_list second;
    struct err two_of_them = ERR_INIT;
    describe(both, "a", "kind=silo tape_drives=all");
    describe(both, "b", "kind=silo tape_drives=all");
    cr_assert(!changer_build(t, both, "libraries", tapes, tape_count, &second, &two_of_them));
    cr_assert(strstr(two_of_them.text, "there is no tape drive") != NULL, "%s", two_of_them.text);
    changer_list_free(&second);
    struct val *names = val_new(VAL_LIST, NULL, 0);
    val_append(names, val_new_string("t1", NULL, 0));
    two_of_them = (struct err)ERR_INIT;
    cr_assert(val_set_path(both, "b.tape_drives", names, &two_of_them));
    cr_assert(!changer_build(t, both, "libraries", tapes, tape_count, &second, &two_of_them));
    cr_assert(strstr(two_of_them.text, "'t1' stands in library 'a' already") != NULL, "%s",
              two_of_them.text);
    changer_list_free(&second);
    val_free(both);
    unmake_tapes(t);
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct sim *s = kit_sim(1);
        cr_assert(!try_make(s, rows[i].a, NULL, &e));
        cr_assert(strstr(e.text, rows[i].says) != NULL, "%s", e.text);
        changer_list_free(&made);
        sim_destroy(s);
    }
}

/* ---- the port, and the pass ---- */

Test(library, what_is_exported_can_be_imported)
{
    struct sim *s = make(PLAIN "ports=1 operator=5min");
    cr_assert_eq(ask(lib, CHG_EXPORT, port(0), cell(0), ""), CHG_EMPTY);
    cr_assert_eq(move(cell(3), port(0)), CHG_OK);
    cr_assert_eq(ask(lib, CHG_IMPORT, port(0), cell(0), "V000007"), CHG_FULL);
    cr_assert_eq(ask(lib, CHG_EXPORT, port(0), cell(0), ""), CHG_OK);
    cr_assert_eq(took(), 5 * 60 * SIM_SEC);
    cr_assert_str_eq(last.label, "V000003");
    elements_check(lib);
    cr_assert_eq(ask(lib, CHG_IMPORT, port(0), cell(0), "V000003"), CHG_OK);
    cr_assert_eq(lib->cartridges_made, 10, "the same one");
    cr_assert_eq(ask(lib, CHG_MOVE, port(0), cell(3), "V000003"), CHG_OK);
    cr_assert_eq(ask(lib, CHG_IMPORT, port(0), cell(0), "NEW"), CHG_OK);
    cr_assert_eq(lib->cartridges_made, 11);
    unmake(s);
}

Test(library, a_pass_leads_to_the_neighbour_and_back)
{
    struct sim *s = make2(7, PLAIN "hands=1", PLAIN "hands=1 cartridges.prefix=W");
    struct library *other = library_of(made.items[1]);
    cr_assert_eq(ask(other, CHG_MOVE, cell(4), drive(0), ""), CHG_OK);
    cr_assert_eq(ask(other, CHG_MOVE, drive(0), port(0), ""), CHG_OK); /* cell 4 there is empty */
    cr_assert_eq(move(cell(2), pass(0)), CHG_OK);
    cr_assert_eq(took(), (2 + 1 + 2 + 2 + 7) * SIM_SEC);
    cr_assert_eq(move(cell(3), pass(0)), CHG_FULL, "it lies in the slot still");
    cr_assert_eq(ask(other, CHG_MOVE, pass(0), cell(4), "V000002"), CHG_OK);
    elements_check(lib);
    elements_check(other);
    cr_assert_eq(ask(other, CHG_MOVE, cell(4), pass(0), ""), CHG_OK);
    cr_assert_eq(move(pass(0), cell(2)), CHG_OK);
    library_pass_block(lib->passes[0]);
    cr_assert_eq(move(cell(2), pass(0)), CHG_BLOCKED);
    lib->passes[0]->blocked = false;
    struct sim_faults *f;
    /* While it travels: 0 to the column of the pass would be too soon. */
    char at[32];
    snprintf(at, sizeof at, "%ldms", (sim_now(s) + 8 * SIM_SEC) / SIM_MS);
    faults(s, "a.pass.0", "block", NULL, at, &f);
    cr_assert_eq(move(cell(2), pass(0)), CHG_BLOCKED);
    cr_assert_eq(ask(lib, CHG_LOOK, pass(0), cell(0), ""), CHG_OK, "on this side");
    cr_assert_eq(move(pass(0), cell(2)), CHG_OK);
    sim_faults_free(f);
    unmake(s);
}

/* ---- the order of requests ---- */

Test(library, requests_that_name_one_element_keep_their_order)
{
    struct changer_req r[4];
    bool done[4] = { false };
    struct sim *s = make(PLAIN "hands=1 queue=mounts_first");
    const struct changer_place from[] = { cell(5), drive(0), cell(6), drive(0) };
    const struct changer_place to[] = { drive(0), cell(5), drive(0), cell(6) };
    for (int i = 0; i < 4; i++) {
        changer_req_init(&r[i], CHG_MOVE, from[i], to[i], ended, &done[i]);
        changer_submit(&lib->changer, &r[i]);
    }
    sim_run(s);
    for (int i = 0; i < 4; i++) {
        cr_assert_eq(r[i].status, CHG_OK, "%d: %s", i, changer_status_name(r[i].status));
        cr_assert(i == 0 || r[i].completed > r[i - 1].completed, "CHG3");
    }
    unmake(s);
}

/* ---- disciplines ---- */

enum { MANY = 6 };
static char order[MANY + 1]; /* in which requests were done, by their letters */
static struct changer_req many[MANY];

static void submit_others(void);

static void note(struct changer_req *r)
{
    if (r->op == CHG_LOOK) {
        submit_others();
        return;
    }
    size_t n = strlen(order);
    cr_assert_eq(r->status, CHG_OK);
    order[n] = *(const char *)r->owner;
    order[n + 1] = '\0';
}

static void add(uint32_t i, enum changer_op op, struct changer_place from, struct changer_place to,
                const char *letter)
{
    union {
        const char *text;
        void *owner;
    } name = { .text = letter };
    changer_req_init(&many[i], op, from, to, note, name.owner);
    changer_submit(&lib->changer, &many[i]);
}

static void submit_others(void)
{
    add(2, CHG_MOVE, cell(4), drive(2), "m");
    add(3, CHG_MOVE, cell(5), drive(3), "M");
    add(4, CHG_MOVE, drive(1), cell(2), "D");
}

/* A move first, then all wait for the arm: d and D take from drives, m and M put into them. */
static const char *order_of(const char *queue)
{
    char *text = base_printf("kind=shelf cells=20 cartridges.count=20 drives=4 load=0s unload=0s "
                             "pick=1s place=1s queue=%s",
                             queue);
    struct sim *s = make(text);
    free(text);
    cr_assert_eq(move(cell(0), drive(0)), CHG_OK);
    cr_assert_eq(move(cell(1), drive(1)), CHG_OK);
    order[0] = '\0';
    add(0, CHG_MOVE, cell(2), cell(1), "-");
    add(1, CHG_MOVE, drive(0), cell(0), "d");
    add(5, CHG_LOOK, cell(7), cell(7), "l"); /* by when it is done, d is unloaded */
    sim_run(s);
    unmake(s);
    return order;
}

Test(library, every_discipline_has_its_order)
{
    static const char *const rows[][2] = {
        { "fifo", "-dmMD" },         { "nearest", "-dmMD" },
        { "mounts_first", "-mMdD" }, { "dismounts_first", "-dDmM" },
        { "in_runs", "-dDmM" },      { "interleave", "-dmDM" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++)
        cr_assert_str_eq(order_of(rows[i][0]), rows[i][1], "%s: %s", rows[i][0], order);
    size_t known = 0;
    while (changer_queues.items[known] != NULL)
        known++;
    cr_assert_eq(known, ARRAY_LEN(rows));
}

static const char *far_and_near(const char *patience)
{
    char *text = base_printf("kind=silo rows=4 columns=10 walls=1 cells=40 cartridges.count=40 "
                             "hands=1 queue=nearest patience=%s",
                             patience);
    struct sim *s = make(text);
    free(text);
    order[0] = '\0';
    add(0, CHG_INVENTORY, cell(0), cell(0), "-");
    add(1, CHG_INVENTORY, cell(20), cell(0), "f"); /* on the other side */
    add(2, CHG_INVENTORY, cell(2), cell(0), "n");
    add(3, CHG_INVENTORY, cell(3), cell(0), "n");
    add(4, CHG_INVENTORY, cell(4), cell(0), "N");
    sim_run(s);
    unmake(s);
    return order;
}

Test(library, the_nearest_is_first_until_the_oldest_has_waited_enough)
{
    cr_assert_str_eq(far_and_near("100"), "-nnNf");
    cr_assert_str_eq(far_and_near("2"), "-nnfN");
    cr_assert_str_eq(far_and_near("1"), "-nfNn", "N is nearer to f");
}

/* ---- the arm is an M/D/1 queue ---- */

struct stream {
    struct sim *s;
    struct sim_event arrival;
    struct sim_rng g;
    struct stream_req {
        struct changer_req r;
        struct stream *of;
    } * reqs;
    uint32_t count, next;
    sim_time gap;
    double sum;
    uint64_t ended;
};

static void stream_done(struct changer_req *r)
{
    struct stream *x = r->owner;
    cr_assert_eq(r->status, CHG_OK);
    x->sum += sim_time_seconds(r->part[CHG_PART_WAIT]);
    x->ended++;
}

static void stream_arrive(struct sim *s, struct sim_event *e)
{
    struct stream *x = CONTAINER_OF(e, struct stream, arrival);
    struct changer_req *r = &x->reqs[x->next].r;
    changer_req_init(r, CHG_INVENTORY, cell(x->next % 400), cell(0), stream_done, x);
    changer_submit(&lib->changer, r);
    if (++x->next < x->count)
        sim_after(s, e, sim_rng_exponential(&x->g, x->gap));
}

/* Mean waits of runs of `count` requests at `load`, and the half width of their mean at 95 %. */
static double md1(double load, uint32_t count, uint32_t runs, double *half)
{
    double sum = 0, square = 0;
    for (uint32_t i = 0; i < runs; i++) {
        struct sim *s = make2(100 + i,
                              "kind=shelf cells=400 cartridges.count=400 drives=0 "
                              "read=8s",
                              NULL);
        struct stream x = { .s = s, .count = count, .gap = sim_time_scale(8 * SIM_SEC, 1 / load) };
        x.reqs = base_zalloc(count, sizeof *x.reqs);
        sim_rng_init(&x.g, s, "test/arrivals");
        sim_event_init(&x.arrival, SIM_CLASS_ARRIVAL, stream_arrive);
        sim_after(s, &x.arrival, sim_rng_exponential(&x.g, x.gap));
        sim_run(s);
        cr_assert_eq(x.ended, count);
        double mean = x.sum / count;
        sum += mean;
        square += mean * mean;
        unmake(s);
        free(x.reqs);
    }
    double mean = sum / runs, variance = (square - sum * mean) / (runs - 1);
    *half = 2.131 * sqrt(variance / runs); /* t of 15 degrees of freedom */
    return mean;
}

Test(library, an_arm_is_an_m_d_1_queue)
{
    static const double loads[] = { 0.3, 0.6, 0.8 };
    for (size_t i = 0; i < ARRAY_LEN(loads); i++) {
        double half, rho = loads[i], mean = md1(rho, 4000, 16, &half);
        double formula = rho * 8 / (2 * (1 - rho));
        cr_assert_float_eq(mean, formula, 2 * half, "load %g: %g, not %g", rho, mean, formula);
        cr_assert_lt(half, 0.08 * formula);
    }
}

/* ---- random requests with faults, and everything checked at every step ---- */

enum { LABELS = 60, PLACES = 200, OPEN = 12 };

struct crowd {
    struct sim *s;
    struct library *l;
    struct sim_rng g;
    struct sim_event watch;
    struct changer_req r[OPEN];
    bool busy[OPEN];
    struct changer_place where[LABELS]; /* the shadow */
    int left;
    uint32_t statuses[CHG_STATUS_COUNT];
    uint64_t exchanges;
    double nearest; /* that two arms were to each other */
};

static bool uses(const struct changer_req *r, struct changer_place p)
{
    return place_same(r->from, p) || place_same(r->to, p);
}

static uint32_t number(const char *label)
{
    cr_assert_eq(label[0], 'V');
    return (uint32_t)strtoul(label + 1, NULL, 10);
}

static struct changer_place any_place(struct crowd *c, bool hands)
{
    uint64_t k = sim_rng_below(&c->g, 20);
    if (k < 5)
        return drive((uint32_t)sim_rng_below(&c->g, c->l->count[CHG_DRIVE]));
    if (k == 5 && hands)
        return hand((uint32_t)sim_rng_below(&c->g, c->l->count[CHG_HAND]));
    if (k == 6)
        return port(0);
    return cell((uint32_t)sim_rng_below(&c->g, c->l->count[CHG_CELL]));
}

static void crowd_next(struct crowd *c, uint32_t i);

static void crowd_done(struct changer_req *r)
{
    struct crowd *c = r->owner;
    uint32_t i = (uint32_t)(r - c->r);
    c->statuses[r->status]++;
    c->busy[i] = false;
    bool moved = r->op == CHG_MOVE &&
                 (r->status == CHG_OK || r->status == CHG_ARM || r->status == CHG_DRIVE_DEAD);
    if (moved && r->label[0] != '\0') {
        uint32_t n = number(r->label);
        cr_assert(place_same(c->where[n], r->from), "cartridge %u was elsewhere", n);
        struct cartridge *x = r->cartridge;
        c->where[n] =
            r->status == CHG_OK || x == NULL ? (r->status == CHG_OK ? r->to : r->from) : x->at;
        if (r->status == CHG_ARM && x != NULL)
            cr_assert_eq(x->at.element, CHG_HAND);
        if (r->status == CHG_DRIVE_DEAD && x != NULL)
            cr_assert(place_same(x->at, r->to));
    }
    if (r->op == CHG_MOVE && r->status == CHG_FULL) {
        bool there = false;
        for (uint32_t n = 0; n < LABELS; n++)
            there |= place_same(c->where[n], r->to);
        cr_assert(there || r->cartridge != NULL, "it was full of nothing");
    }
    if (r->op == CHG_INVENTORY && r->status == CHG_OK) {
        uint32_t n = number(r->label);
        bool on_its_way = place_same(c->where[n], r->from);
        for (uint32_t k = 0; k < OPEN; k++)
            on_its_way |= c->busy[k] && uses(&c->r[k], r->from);
        cr_assert(on_its_way, "a label was read where its cartridge is not");
    }
    if (c->left > 0)
        crowd_next(c, i);
}

static void crowd_next(struct crowd *c, uint32_t i)
{
    uint64_t what = sim_rng_below(&c->g, 10);
    struct changer_place from = any_place(c, true), to = any_place(c, false);
    if (what > 2 && sim_rng_below(&c->g, 4) > 0) /* mostly something that is there */
        from = c->where[sim_rng_below(&c->g, LABELS)];
    enum changer_op op = what == 0 ? CHG_INVENTORY : what == 1 ? CHG_LOOK : CHG_MOVE;
    if (op == CHG_INVENTORY && from.element == CHG_HAND)
        op = CHG_LOOK;
    c->left--;
    c->busy[i] = true;
    changer_req_init(&c->r[i], op, from, to, crowd_done, c);
    changer_submit(&c->l->changer, &c->r[i]);
}

static void crowd_watch(struct sim *s, struct sim_event *e)
{
    struct crowd *c = CONTAINER_OF(e, struct crowd, watch);
    elements_check(c->l);
    if (c->l->arm_count == 2 && !c->l->arms[0].dead && !c->l->arms[1].dead) {
        double apart = arm_where(&c->l->arms[1]) - arm_where(&c->l->arms[0]);
        cr_assert_geq(apart, c->l->p.gap - 1e-9, "CHG5: %g m apart", apart);
        c->nearest = apart < c->nearest ? apart : c->nearest;
    }
    bool any = c->left > 0;
    for (uint32_t i = 0; i < OPEN; i++)
        any |= c->busy[i];
    if (any)
        sim_after(s, e, (sim_time)sim_rng_below(&c->g, 300) * SIM_MS);
}

/* Parts die and are repaired, again and again. */
static struct sim_faults *misfortune(struct sim *s, bool on)
{
    static const char *const paths[] = { "a.arm.0", "a.arm.1", "a.drive.0", "a.drive.2" };
    static const char *const mtbf[] = { "7min", "11min", "5min", "6min" };
    struct err e = ERR_INIT;
    struct val *list = val_new(VAL_LIST, NULL, 0);
    for (size_t i = 0; on && i < ARRAY_LEN(paths); i++) {
        if (i == 1 && lib->arm_count < 2)
            continue;
        struct val *v = val_new(VAL_TABLE, NULL, 0);
        val_put(v, "path", val_new_string(paths[i], NULL, 0));
        val_put(v, "action", val_new_string("death", NULL, 0));
        val_put(v, "mtbf", val_new_string(mtbf[i], NULL, 0));
        val_put(v, "after", val_new_string("40s", NULL, 0));
        val_append(list, v);
    }
    struct sim_faults *f = sim_faults_create(s, false);
    changer_fault_targets(f, &made);
    cr_assert(sim_faults_load(f, list, "faults", &e), "%s", e.text);
    val_free(list);
    return f;
}

static void crowd(const char *spec, uint64_t seed, bool with_faults, int requests, struct crowd *c)
{
    struct sim *s = make2(seed, spec, NULL);
    *c = (struct crowd){ .s = s, .l = lib, .left = requests, .nearest = INFINITY };
    sim_rng_init(&c->g, s, "test/crowd");
    for (uint32_t n = 0; n < LABELS; n++)
        c->where[n] = cell(library_home(&lib->changer, n, NULL));
    struct sim_faults *f = misfortune(s, with_faults);
    for (uint32_t i = 0; i < OPEN; i++)
        crowd_next(c, i);
    sim_event_init(&c->watch, SIM_CLASS_MEASURE, crowd_watch);
    sim_after(s, &c->watch, 0);
    sim_run(s);
    for (uint32_t i = 0; i < OPEN; i++)
        cr_assert(!c->busy[i], "a request was never done");
    for (uint32_t n = 0; n < LABELS; n++) {
        const struct cartridge *x = element_at(lib, c->where[n])->held;
        cr_assert(x != NULL && number(x->label) == n,
                  "seed %lu: cartridge %u is not where the shadow has it", seed, n);
    }
    c->exchanges = lib->counts.exchanges;
    sim_faults_free(f);
    unmake(s);
}

#define CROWD                                                                                      \
    "cells=100 cartridges.count=60 drives=4 ports=1 load=3s unload=3s pick=1s place=1s rows=5 "

Test(library, random_requests_leave_every_cartridge_in_one_place)
{
    static const char *const specs[] = {
        CROWD "kind=silo columns=20 walls=1 hands=2 queue=interleave",
        CROWD "kind=silo columns=20 walls=1 hands=1 queue=nearest",
        CROWD "kind=rail columns=20 walls=1 arms=2 drive_column=10 queue=fifo",
        CROWD "kind=rail columns=20 walls=1 arms=2 hands=2 drive_column=5 queue=nearest patience=3",
        CROWD "kind=rail columns=10 walls=2 arms=2 hands=2 share=halves queue=dismounts_first",
        "kind=shelf cells=100 cartridges.count=60 drives=4 operators=3 queue=mounts_first",
    };
    uint64_t seeds = sample("LIBRARY_CROWDS", 8);
    uint32_t seen[CHG_STATUS_COUNT] = { 0 };
    uint64_t exchanges = 0;
    double nearest = INFINITY;
    for (size_t k = 0; k < ARRAY_LEN(specs); k++)
        for (uint64_t seed = 0; seed < seeds; seed++) {
            struct crowd c;
            crowd(specs[k], 1000 * k + seed, seed % 2 == 1, 400, &c);
            for (int i = 0; i < CHG_STATUS_COUNT; i++)
                seen[i] += c.statuses[i];
            nearest = c.nearest < nearest ? c.nearest : nearest;
            exchanges += c.exchanges;
        }
    if (seeds < 8) /* a sample of them need not have seen all */
        return;
    cr_assert_gt(seen[CHG_OK], 1000);
    cr_assert(seen[CHG_ARM] > 0 && seen[CHG_DRIVE_DEAD] > 0 && seen[CHG_EMPTY] > 0 &&
              seen[CHG_FULL] > 0);
    cr_assert_gt(exchanges, 20);
    cr_assert_lt(nearest, 0.6, "two arms came near enough to be a test");
}

/* ---- descriptions ---- */

Test(library, what_does_not_fit_is_refused)
{
    static const struct {
        const char *a, *b, *says;
    } rows[] = {
        { "kind=silo cells=2000 rows=10 columns=10", NULL,
          "cells is 2000: rows x columns x "
          "walls have room for 200" },
        { "kind=silo cells=10 cartridges.count=11", NULL,
          "a.cartridges.count is 11: there "
          "are 10 cells" },
        { "kind=sylo", NULL, "silo" },
        { "kind=silo arms=2", NULL, "arms" },
        { "kind=silo cartridges.count=1 cartridges.prefix=ABCDEFGHIJK", NULL,
          "prefix has "
          "more than" },
        { "kind=silo", "kind=shelf", "a shelf has no passes" },
    };
    for (size_t i = 0; i < ARRAY_LEN(rows); i++) {
        struct err e = ERR_INIT;
        struct sim *s = kit_sim(1);
        cr_assert(!try_make(s, rows[i].a, rows[i].b, &e), "row %zu", i);
        cr_assert(strstr(e.text, rows[i].says) != NULL, "%s", e.text);
        changer_list_free(&made);
        sim_destroy(s);
    }
}
