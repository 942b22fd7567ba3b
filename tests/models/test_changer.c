/* test_changer.c: libraries of a machine through the port: moves, data that go along, crashes of
 * the node that controls one, faults by path. */
#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"
#include "tests/changer_steps.h"

#define LIBRARY "libraries.a"

static void prepare(struct rig *r, bool tapes)
{
    rig_init(r, 1, 4);
    rig_set_int(r, "io_nodes", 2);
    if (tapes) {
        rig_set(r, "storage.kind", "tape");
        rig_set(r, "storage.cartridge", "");
        rig_set(r, LIBRARY ".tape_drives", "all");
    }
    rig_set(r, LIBRARY ".kind", "silo");
    rig_set_int(r, LIBRARY ".cells", 8);
    rig_set_int(r, LIBRARY ".cartridges.count", 4);
    rig_set(r, LIBRARY ".pick", "2s");
    rig_set(r, LIBRARY ".place", "2s");
}

static void boot_steps(struct port *p, const struct os_layout *l)
{
    if (port_node(p) == l->io[0])
        changer_take_steps(p);
    else
        cr_expect_eq(port_changer_count(p), 0);
}

/* That of the fake does the same (tests/os/test_fake.c). */
Test(changer, a_library_takes_the_steps_of_any)
{
    for (int tapes = 0; tapes < 2; tapes++) {
        struct rig r;
        prepare(&r, tapes);
        rig_open(&r, boot_steps);
        cr_assert_eq(rig_run(&r), SIM_END_IDLE);
        cr_expect_eq(changer_step_now, CHANGER_STEPS);
        cr_expect_eq(r.m->counts.changes.done, CHANGER_STEPS);
        rig_close(&r);
    }
}

/* ---- data ---- */

static struct port_change change;
static struct port_io io;
static struct port_timer timer;
static unsigned was_read;

static void submit(struct port *p, enum port_change_op op, struct port_place from,
                   struct port_place to, void (*done)(struct port_change *c))
{
    change = (struct port_change){ .op = op, .from = from, .to = to, .done = done };
    port_changer_submit(p, 0, &change);
}

#define AT(kind, i) ((struct port_place){ PORT_##kind, i })

static void moved_on(struct port_change *c)
{
    cr_expect_eq(c->status, PORT_CHANGE_OK);
    cr_expect_gt(c->drive_for, 0);
    cr_expect_gt(c->moved_for, 0);
}

static void written(struct port_io *x)
{
    cr_expect_eq(x->status, PORT_IO_OK);
    rope_fini(&x->data);
    submit(x->port, PORT_CHANGE_MOVE, AT(DRIVE, 0), AT(DRIVE, 1), moved_on);
}

static void block(struct port *p, enum port_io_op op, void (*done)(struct port_io *x))
{
    io = (struct port_io){ .op = op, .sectors = 1, .done = done };
    rope_init(&io.data);
    if (op == PORT_IO_WRITE)
        rope_add_pattern(&io.data, 9, 0, 5000);
    port_blk_submit(p, 0, &io);
}

static void mounted(struct port_change *c)
{
    uint32_t node, dev;
    cr_expect_eq(c->status, PORT_CHANGE_OK);
    cr_expect(port_changer_drive(c->port, 0, 0, &node, &dev));
    cr_expect_eq(node, port_node(c->port));
    cr_expect_eq(dev, 0);
    cr_expect(port_changer_drive(c->port, 0, 1, &node, &dev));
    cr_expect_neq(node, port_node(c->port));
    block(c->port, PORT_IO_WRITE, written);
}

static void read_back(struct port_io *x)
{
    struct rope want;
    rope_init(&want);
    rope_add_pattern(&want, 9, 0, 5000);
    cr_expect_eq(x->status, PORT_IO_OK);
    cr_expect(rope_equal(&want, &x->data));
    rope_fini(&want);
    rope_fini(&x->data);
    was_read++;
}

/* The other node waits until something is in its drive. */
static void look_at_drive(struct port_timer *t)
{
    struct port_blk_info info;
    port_blk_describe(t->port, 0, &info);
    if (info.medium[0] == '\0') {
        port_timer_set(t, SIM_SEC);
        return;
    }
    cr_expect_str_eq(info.medium, "V000002");
    block(t->port, PORT_IO_READ, read_back);
}

static void boot_data(struct port *p, const struct os_layout *l)
{
    if (port_node(p) == l->io[0])
        submit(p, PORT_CHANGE_MOVE, AT(CELL, 4), AT(DRIVE, 0), mounted);
    if (port_node(p) == l->io[1]) {
        port_timer_init(p, &timer, look_at_drive, NULL);
        port_timer_set(&timer, SIM_SEC);
    }
}

Test(changer, a_cartridge_takes_its_data_to_another_node)
{
    struct rig r;
    prepare(&r, true);
    rig_open(&r, boot_data);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(was_read, 1);
    rig_close(&r);
}

/* ---- crashes and faults ---- */

static void fault(struct rig *r, const char *path, const char *action, const char *at,
                  const char *after)
{
    struct val *f = val_new(VAL_TABLE, NULL, 0), *list = val_new(VAL_LIST, NULL, 0);
    val_put(f, "path", val_new_string(path, NULL, 0));
    val_put(f, "at", val_new_string(at, NULL, 0));
    if (action != NULL)
        val_put(f, "action", val_new_string(action, NULL, 0));
    if (after != NULL)
        val_put(f, "after", val_new_string(after, NULL, 0));
    val_append(list, f);
    val_put(r->spec, "faults", list);
}

static unsigned told, looks;

static void never(struct port_change *c)
{
    (void)c;
    told++;
}

static void looked(struct port_change *c)
{
    looks++;
    cr_expect_eq(c->status, PORT_CHANGE_OK);
    cr_expect_str_eq(c->label, "V000001", "the move has ended without its submitter");
}

static void look_later(struct port_timer *t)
{
    submit(t->port, PORT_CHANGE_LOOK, AT(DRIVE, 0), AT(DRIVE, 0), looked);
}

static void boot_crash(struct port *p, const struct os_layout *l)
{
    (void)l;
    if (port_node(p) != 0)
        return;
    if (port_incarnation(p) == 1) {
        submit(p, PORT_CHANGE_MOVE, AT(CELL, 2), AT(DRIVE, 0), never);
        return;
    }
    port_timer_init(p, &timer, look_later, NULL);
    port_timer_set(&timer, 60 * SIM_SEC);
}

/* PORT3, CHG6: a move under way ends, and nobody is told; at every moment of it. */
Test(changer, a_move_outlives_a_crash_of_its_node_and_is_forgotten)
{
    static const char *const moments[] = { "1ms", "2s", "4500ms", "10s" };
    for (size_t i = 0; i < ARRAY_LEN(moments); i++) {
        struct rig r;
        prepare(&r, false);
        told = looks = 0;
        rig_set(&r, LIBRARY ".control", "node 0");
        fault(&r, "node 0", NULL, moments[i], "1s");
        rig_open(&r, boot_crash);
        cr_assert_eq(rig_run(&r), SIM_END_IDLE);
        cr_expect_eq(told, 0);
        cr_expect_eq(looks, 1);
        cr_expect_eq(r.m->counts.changes.dropped, 1);
        rig_close(&r);
    }
}

static void no_arm(struct port_change *c)
{
    told += c->status == PORT_CHANGE_ARM;
}

static void boot_arm(struct port *p, const struct os_layout *l)
{
    if (port_node(p) == l->io[0])
        submit(p, PORT_CHANGE_MOVE, AT(CELL, 2), AT(DRIVE, 0), no_arm);
}

Test(changer, an_arm_dies_by_its_path)
{
    struct rig r;
    prepare(&r, false);
    told = 0;
    fault(&r, "a.arm.0", "death", "1s", NULL);
    rig_open(&r, boot_arm);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(told, 1);
    rig_close(&r);
}

/* ---- descriptions ---- */

static void boot_nothing(struct port *p, const struct os_layout *l)
{
    unsigned count = port_changer_count(p);
    cr_expect_eq(count, port_node(p) == 2);
    (void)l;
}

Test(changer, a_library_is_controlled_from_where_the_machine_says)
{
    static const struct {
        const char *control, *says;
    } wrong[] = { { "node 9", "is no node ('node 3') and no group" },
                  { "nodes", "is no node ('node 3') and no group" } };
    struct rig r;
    prepare(&r, false);
    rig_set(&r, LIBRARY ".control", "node 2");
    rig_open(&r, boot_nothing);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    rig_close(&r);
    for (size_t i = 0; i < ARRAY_LEN(wrong); i++) {
        struct err e = ERR_INIT;
        prepare(&r, false);
        rig_set(&r, LIBRARY ".control", wrong[i].control);
        rig_refused(&r, &e);
        cr_expect(strstr(e.text, wrong[i].says) != NULL, "%s", e.text);
    }
}
