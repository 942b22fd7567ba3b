/* test_blk.c: block devices through the port: what is written is read, across crashes too.
 *
 * The device is the default drive.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "rig.h"
#include "tests/tape_steps.h"

#define MS SIM_MS

static struct port_io write_io, read_io;
static unsigned written, was_read;
static sim_time read_at;

static void on_read(struct port_io *io)
{
    was_read++;
    read_at = port_now(io->port);
    cr_expect_eq(io->status, PORT_IO_OK);
    cr_expect_eq(io->data.length, io->sectors * 512);
    struct rope want;
    rope_init(&want);
    rope_add_pattern(&want, 77, 5, 16 * 512);
    cr_expect(rope_equal(&io->data, &want));
    cr_expect_gt(io->device_for, 0);
    cr_expect_geq(io->queued_for, 0);
    rope_fini(&want);
    rope_fini(&io->data);
}

static void submit_read(struct port *p)
{
    memset(&read_io, 0, sizeof read_io);
    rope_init(&read_io.data);
    read_io.sector = 1000;
    read_io.sectors = 16;
    read_io.done = on_read;
    port_blk_submit(p, 0, &read_io);
}

static void on_written(struct port_io *io)
{
    written++;
    cr_expect_eq(io->status, PORT_IO_OK);
    rope_fini(&io->data);
    submit_read(io->port);
}

static void submit_write(struct port *p)
{
    memset(&write_io, 0, sizeof write_io);
    rope_init(&write_io.data);
    rope_add_pattern(&write_io.data, 77, 5, 16 * 512);
    write_io.op = PORT_IO_WRITE;
    write_io.sector = 1000;
    write_io.sectors = 16;
    write_io.done = on_written;
    port_blk_submit(p, 0, &write_io);
}

static void boot_io(struct port *p, const struct os_layout *l)
{
    if (port_node(p) != l->io[0]) {
        cr_expect_eq(port_blk_count(p), 0);
        return;
    }
    cr_expect_eq(port_blk_count(p), 1);
    struct port_blk_info info;
    port_blk_describe(p, 0, &info);
    cr_expect_eq(info.sector_bytes, 512);
    cr_expect_gt(info.sectors, 1000000);
    cr_expect_gt(strlen(info.name), 0);
    if (port_incarnation(p) == 1)
        submit_write(p);
    else
        submit_read(p);
}

static void prepare(struct rig *r)
{
    rig_init(r, 1, 3);
    rig_set_int(r, "io_nodes", 1);
    rig_set(r, "prices.op.each", "1us");
    written = was_read = 0;
}

Test(blk, what_is_written_is_read)
{
    struct rig r;
    prepare(&r);
    rig_open(&r, boot_io);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(written, 1);
    cr_expect_eq(was_read, 1);
    cr_expect_eq(sim_digest_records(r.sim, SIM_WAIST_BLOCK), 2);
    cr_expect_eq(r.m->counts.requests.done, 2);
    rig_close(&r);
}

static void crash_at(struct rig *r, const char *at)
{
    struct val *list = val_new(VAL_LIST, NULL, 0), *f = val_new(VAL_TABLE, NULL, 0);
    val_put(f, "at", val_new_string(at, NULL, 0));
    val_put(f, "path", rig_node(2));
    val_put(f, "after", val_new_string("1s", NULL, 0));
    val_append(list, f);
    val_put(r->spec, "faults", list);
}

/* PORT4. */
Test(blk, a_request_in_flight_outlives_a_crash_of_its_node_and_is_forgotten)
{
    struct rig r;
    prepare(&r);
    crash_at(&r, "1us"); /* the write has been submitted at 0 and takes milliseconds */
    rig_open(&r, boot_io);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    /* The code of the first life never hears of it; that of the second reads what it wrote. */
    cr_expect_eq(written, 0);
    cr_expect_eq(was_read, 1);
    cr_expect_geq(read_at, SIM_SEC);
    cr_expect_eq(r.m->counts.requests.dropped, 1);
    cr_expect_eq(r.m->counts.requests.done, 1);
    rig_close(&r);
}

/* ---- a device that dies ---- */

static unsigned refused;

static void on_refused(struct port_io *io)
{
    refused += io->status == PORT_IO_DEVICE;
    rope_fini(&io->data);
}

static void read_late(struct port_timer *t)
{
    memset(&read_io, 0, sizeof read_io);
    rope_init(&read_io.data);
    read_io.sectors = 1;
    read_io.done = on_refused;
    port_blk_submit(t->arg, 0, &read_io);
}

static void boot_late(struct port *p, const struct os_layout *l)
{
    static struct port_timer late;
    if (port_node(p) != l->io[0])
        return;
    port_timer_init(p, &late, read_late, p);
    port_timer_set(&late, 10 * MS);
}

/* Each device of a node is a target, the first too. */
Test(blk, a_device_of_a_node_can_die_by_its_path)
{
    struct rig r;
    prepare(&r);
    refused = 0;
    struct val *list = val_new(VAL_LIST, NULL, 0), *f = val_new(VAL_TABLE, NULL, 0);
    val_put(f, "at", val_new_string("5ms", NULL, 0));
    val_put(f, "path", val_new_string("io0.0", NULL, 0));
    val_put(f, "action", val_new_string("death", NULL, 0));
    val_append(list, f);
    val_put(r.spec, "faults", list);
    rig_open(&r, boot_late);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(refused, 1);
    rig_close(&r);
}

/* ---- a tape drive ---- */

static void boot_tape(struct port *p, const struct os_layout *l)
{
    if (port_node(p) != l->io[0])
        return;
    tape_take_steps(p, 0);
    cr_expect_eq(port_blk_locate_time(p, 0, 3, 8), 0, "nothing is written");
}

Test(blk, a_tape_drive_takes_the_steps_of_any)
{
    struct rig r;
    struct val *tape = val_new(VAL_TABLE, NULL, 0);
    prepare(&r);
    val_put(tape, "kind", val_new_string("tape", NULL, 0));
    val_put(r.spec, "storage", tape);
    rig_open(&r, boot_tape);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(tape_step_now, TAPE_STEPS);
    rig_close(&r);
}

static void on_no_tape(struct port_io *io)
{
    refused += io->status == PORT_IO_NO_MEDIUM;
}

static void boot_no_tape(struct port *p, const struct os_layout *l)
{
    if (port_node(p) != l->io[0])
        return;
    read_io = (struct port_io){ .op = PORT_IO_LOCATE, .sector = 7, .done = on_no_tape };
    rope_init(&read_io.data);
    port_blk_submit(p, 0, &read_io);
    cr_expect_eq(port_blk_locate_time(p, 0, 3, 8), SIM_NEVER);
}

/* BLK6. */
Test(blk, a_disk_has_no_medium_to_locate_on)
{
    struct rig r;
    prepare(&r);
    refused = 0;
    rig_open(&r, boot_no_tape);
    cr_assert_eq(rig_run(&r), SIM_END_IDLE);
    cr_expect_eq(refused, 1);
    rig_close(&r);
}
