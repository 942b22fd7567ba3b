/* tape_steps.h: one script of requests to a tape drive through the port, for both of its sides. */
#ifndef TESTS_TAPE_STEPS_H
#define TESTS_TAPE_STEPS_H

#include <criterion/criterion.h>

#include "os/port.h"

struct tape_step {
    enum port_io_op op;
    uint64_t sector, length; /* length: to be written, or read */
    enum port_io_status status;
    enum port_io_end end;
};

static const struct tape_step tape_steps[] = {
    { PORT_IO_READ, 0, 0, PORT_IO_END, PORT_END_DATA },
    { PORT_IO_WRITE, 0, 1000, PORT_IO_OK, PORT_END_NONE },
    { PORT_IO_WRITE, 1, 65000, PORT_IO_OK, PORT_END_NONE },
    { PORT_IO_MARK, 2, 0, PORT_IO_OK, PORT_END_NONE },
    { PORT_IO_WRITE, 3, 7, PORT_IO_OK, PORT_END_NONE },
    { PORT_IO_WRITE, 9, 7, PORT_IO_END, PORT_END_DATA },
    { PORT_IO_READ, 1, 65000, PORT_IO_OK, PORT_END_NONE },
    { PORT_IO_READ, 2, 0, PORT_IO_END, PORT_END_MARK },
    { PORT_IO_READ, 3, 7, PORT_IO_OK, PORT_END_NONE },
    { PORT_IO_READ, 4, 0, PORT_IO_END, PORT_END_DATA },
    { PORT_IO_LOCATE, 9, 4, PORT_IO_END, PORT_END_DATA },
    { PORT_IO_LOCATE, 1, 1, PORT_IO_OK, PORT_END_NONE },
    { PORT_IO_WRITE, 1, 90, PORT_IO_OK, PORT_END_NONE },
    { PORT_IO_FLUSH, 0, 0, PORT_IO_OK, PORT_END_NONE },
    { PORT_IO_READ, 2, 0, PORT_IO_END, PORT_END_DATA },
    { PORT_IO_READ, 0, 1000, PORT_IO_OK, PORT_END_NONE },
    { PORT_IO_READ, 1, 90, PORT_IO_OK, PORT_END_NONE },
    { PORT_IO_ERASE, 1, 0, PORT_IO_OK, PORT_END_NONE },
    { PORT_IO_READ, 1, 0, PORT_IO_END, PORT_END_DATA },
    { PORT_IO_READ, 0, 1000, PORT_IO_OK, PORT_END_NONE },
};
enum { TAPE_STEPS = sizeof tape_steps / sizeof tape_steps[0] };

static struct port_io tape_io;
static uint32_t tape_dev, tape_step_now;

static void tape_next(struct port *p);

static void tape_stepped(struct port_io *io)
{
    const struct tape_step *x = &tape_steps[tape_step_now];
    struct rope want;
    rope_init(&want);
    rope_add_pattern(&want, x->sector, x->length, x->length);
    cr_expect_eq(io->status, x->status, "step %u: status %d", tape_step_now, (int)io->status);
    cr_expect_eq(io->end, x->end, "step %u: end %d", tape_step_now, (int)io->end);
    if (x->op == PORT_IO_LOCATE || x->status == PORT_IO_OK)
        cr_expect_eq(io->moved, x->length, "step %u: moved %d", tape_step_now, (int)io->moved);
    if (x->op == PORT_IO_READ && x->status == PORT_IO_OK)
        cr_expect(rope_equal(&want, &io->data), "step %u: data", tape_step_now);
    rope_fini(&want);
    rope_fini(&io->data);
    tape_step_now++;
    if (tape_step_now < TAPE_STEPS)
        tape_next(io->port);
}

static void tape_next(struct port *p)
{
    const struct tape_step *x = &tape_steps[tape_step_now];
    tape_io = (struct port_io){
        .op = x->op, .sector = x->sector, .sectors = x->op < PORT_IO_FLUSH, .done = tape_stepped
    };
    rope_init(&tape_io.data);
    if (x->op == PORT_IO_WRITE)
        rope_add_pattern(&tape_io.data, x->sector, x->length, x->length);
    port_blk_submit(p, tape_dev, &tape_io);
}

/* Takes the steps on a device; when nothing is pending any more, tape_step_now is TAPE_STEPS. */
static void tape_take_steps(struct port *p, uint32_t dev)
{
    struct port_blk_info info;
    port_blk_describe(p, dev, &info);
    cr_expect(info.sequential);
    cr_expect_geq(info.largest, 65000);
    cr_expect_neq(info.medium[0], '\0');
    cr_expect_eq(port_blk_locate_time(p, dev, 0, 0), 0);
    tape_dev = dev;
    tape_step_now = 0;
    tape_next(p);
}

#endif
