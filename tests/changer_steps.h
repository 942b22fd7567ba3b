/* changer_steps.h: one script of requests to a library through the port, for both of its sides:
 * cells 0, 2, 4 and 6 of 8 have a cartridge, drive 0 is empty. */
#ifndef TESTS_CHANGER_STEPS_H
#define TESTS_CHANGER_STEPS_H

#include <criterion/criterion.h>
#include <string.h>

#include "os/port.h"

struct changer_step {
    enum port_change_op op;
    struct port_place from, to;
    const char *expected; /* label in the request */
    enum port_change_status status;
    const char *label; /* afterwards; "": it does not matter */
};

#define CELL(i)                                                                                    \
    {                                                                                              \
        PORT_CELL, i                                                                               \
    }
#define DRIVE(i)                                                                                   \
    {                                                                                              \
        PORT_DRIVE, i                                                                              \
    }
#define DOOR                                                                                       \
    {                                                                                              \
        PORT_PORT, 0                                                                               \
    }
static const struct changer_step changer_steps[] = {
    { PORT_CHANGE_LOOK, CELL(0), CELL(0), "", PORT_CHANGE_OK, "V000000" },
    { PORT_CHANGE_LOOK, CELL(1), CELL(0), "", PORT_CHANGE_EMPTY, "" },
    { PORT_CHANGE_MOVE, CELL(0), DRIVE(0), "V000000", PORT_CHANGE_OK, "V000000" },
    { PORT_CHANGE_LOOK, DRIVE(0), CELL(0), "", PORT_CHANGE_OK, "V000000" },
    { PORT_CHANGE_MOVE, CELL(2), DRIVE(0), "", PORT_CHANGE_FULL, "" },
    { PORT_CHANGE_MOVE, CELL(0), CELL(3), "", PORT_CHANGE_EMPTY, "" },
    { PORT_CHANGE_MOVE, CELL(2), CELL(3), "V000007", PORT_CHANGE_LABEL, "" },
    { PORT_CHANGE_MOVE, DRIVE(0), CELL(3), "", PORT_CHANGE_OK, "V000000" },
    { PORT_CHANGE_INVENTORY, CELL(0), CELL(0), "", PORT_CHANGE_EMPTY, "" },
    { PORT_CHANGE_INVENTORY, CELL(3), CELL(0), "", PORT_CHANGE_OK, "V000000" },
    { PORT_CHANGE_MOVE, CELL(99), CELL(0), "", PORT_CHANGE_NO_ELEMENT, "" },
    { PORT_CHANGE_MOVE, CELL(2), CELL(2), "", PORT_CHANGE_NO_ELEMENT, "" },
    { PORT_CHANGE_IMPORT, CELL(0), CELL(0), "NEW", PORT_CHANGE_NO_ELEMENT, "" },
    { PORT_CHANGE_EXPORT, DOOR, CELL(0), "", PORT_CHANGE_EMPTY, "" },
    { PORT_CHANGE_MOVE, CELL(2), DOOR, "", PORT_CHANGE_OK, "V000001" },
    { PORT_CHANGE_IMPORT, DOOR, CELL(0), "NEW", PORT_CHANGE_FULL, "" },
    { PORT_CHANGE_EXPORT, DOOR, CELL(0), "", PORT_CHANGE_OK, "V000001" },
    { PORT_CHANGE_IMPORT, DOOR, CELL(0), "NEW", PORT_CHANGE_OK, "NEW" },
    { PORT_CHANGE_MOVE, DOOR, CELL(0), "NEW", PORT_CHANGE_OK, "NEW" },
    { PORT_CHANGE_IMPORT, DOOR, CELL(0), "V000001", PORT_CHANGE_OK, "V000001" },
    { PORT_CHANGE_MOVE, DOOR, CELL(2), "V000001", PORT_CHANGE_OK, "V000001" },
};
enum { CHANGER_STEPS = sizeof changer_steps / sizeof changer_steps[0] };

static struct port_change changer_io;
static uint32_t changer_step_now;

static void changer_next(struct port *p);

static void changer_stepped(struct port_change *c)
{
    const struct changer_step *x = &changer_steps[changer_step_now];
    cr_expect_eq(c->status, x->status, "step %u: status %d", changer_step_now, (int)c->status);
    if (x->label[0] != '\0')
        cr_expect_str_eq(c->label, x->label, "step %u: label", changer_step_now);
    changer_step_now++;
    if (changer_step_now < CHANGER_STEPS)
        changer_next(c->port);
}

static void changer_next(struct port *p)
{
    const struct changer_step *x = &changer_steps[changer_step_now];
    changer_io =
        (struct port_change){ .op = x->op, .from = x->from, .to = x->to, .done = changer_stepped };
    strncpy(changer_io.label, x->expected, sizeof changer_io.label - 1);
    port_changer_submit(p, 0, &changer_io);
}

/* Takes the steps; when nothing is pending any more, changer_step_now is CHANGER_STEPS. */
static void changer_take_steps(struct port *p)
{
    struct port_changer_info info;
    char label[PORT_LABEL_SIZE];
    cr_expect_eq(port_changer_count(p), 1);
    port_changer_describe(p, 0, &info);
    cr_expect_eq(info.count[PORT_CELL], 8);
    cr_expect_eq(info.cartridges, 4);
    cr_expect_eq(port_changer_home(p, 0, 3, label), 6);
    cr_expect_str_eq(label, "V000003");
    changer_step_now = 0;
    changer_next(p);
}

#endif
