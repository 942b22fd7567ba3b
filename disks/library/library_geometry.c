/* library_geometry.c: where elements are, and how long an arm takes from one to another.
 *
 * Cells stand in walls of columns; an arm moves along the columns (axis a: metres on a rail,
 * degrees around a pivot) and in height (axis y) at once, and turns its hand from wall to wall
 * meanwhile: a way takes as long as the slowest of the three.  On an axis it accelerates, goes at
 * its speed, and brakes as it accelerated.  Drives, ports and passes stand in columns of their own
 * choice, one over the other, in the first wall; what cells they take the place of is not
 * modelled.
 */
#include <math.h>

#include "disks/library/library_internal.h"

#define ROUND 360.0 /* degrees */

static double pitch_of(const struct library *l)
{
    return l->kind->circular ? ROUND / (double)l->p.columns : l->p.pitch;
}

static struct spot spot_at(const struct library *l, uint64_t column, uint64_t row, uint32_t wall)
{
    uint64_t columns = (uint64_t)l->p.columns;
    if (l->kind->circular)
        column %= columns;
    else if (column >= columns)
        column = columns - 1;
    return (struct spot){ (double)column * pitch_of(l), (double)row * l->p.row_pitch, wall };
}

struct spot geometry_spot(const struct library *l, struct changer_place p)
{
    const struct library_params *x = &l->p;
    uint64_t rows = (uint64_t)x->rows, columns = (uint64_t)x->columns, i = p.index;
    uint64_t tall = (uint64_t)x->drive_rows;
    switch ((enum changer_element)p.element) {
    case CHG_CELL:
        return spot_at(l, i / rows % columns, i % rows, (uint32_t)(i / rows / columns));
    case CHG_DRIVE:
        return spot_at(l, (uint64_t)x->drive_column + i / tall, i % tall, 0);
    case CHG_PORT:
        return spot_at(l, (uint64_t)x->port_column, i % rows, 0);
    case CHG_PASS:
        return spot_at(l, (uint64_t)x->pass_column, i % rows, 0);
    case CHG_HAND:
        return l->arms[i / (uint64_t)x->hands].spot;
    case CHG_ELEMENTS:
        break;
    }
    ASSERT_MSG(false, "an element is of a kind");
    return (struct spot){ 0 };
}

struct spot geometry_start(const struct library *l, uint32_t arm)
{
    struct spot s = spot_at(l, 0, 0, 0);
    if (arm > 0 && !l->kind->free) {
        s.a = (double)(l->p.columns - 1) * pitch_of(l);
        s.a = s.a < l->p.gap ? l->p.gap : s.a;
    }
    return s;
}

struct spot geometry_park(const struct library *l, uint32_t arm)
{
    struct spot s = geometry_start(l, arm);
    if (!l->kind->free && !l->kind->circular)
        s.a += arm > 0 ? l->p.gap : -l->p.gap;
    return s;
}

sim_time geometry_axis(double distance, double speed, double acceleration)
{
    double d = fabs(distance), seconds;
    if (d == 0)
        return 0;
    if (acceleration == 0)
        seconds = d / speed;
    else if (d * acceleration >= speed * speed)
        seconds = d / speed + speed / acceleration;
    else
        seconds = 2 * sqrt(d / acceleration);
    return sim_time_scale(SIM_SEC, seconds);
}

double geometry_progress(double distance, double speed, double acceleration, sim_time since)
{
    double d = fabs(distance), t = sim_time_seconds(since);
    sim_time whole = geometry_axis(distance, speed, acceleration);
    double sign = distance < 0 ? -1 : 1, way;
    if (since >= whole)
        return distance;
    if (acceleration == 0)
        return sign * speed * t;
    double top = d * acceleration >= speed * speed ? speed : sqrt(d * acceleration);
    double ramp = top / acceleration, left = sim_time_seconds(whole) - t;
    if (t <= ramp)
        way = acceleration * t * t / 2;
    else if (left <= ramp)
        way = d - acceleration * left * left / 2;
    else
        way = acceleration * ramp * ramp / 2 + top * (t - ramp);
    return sign * way;
}

/* Around the shorter way. */
static double around(const struct library *l, double from, double to)
{
    double d = to - from;
    if (l->kind->circular)
        d = d > ROUND / 2 ? d - ROUND : d < -ROUND / 2 ? d + ROUND : d;
    return d;
}

sim_time geometry_travel(const struct library *l, const struct spot *from, const struct spot *to)
{
    if (l->kind->free)
        return 0;
    const struct library_params *x = &l->p;
    sim_time a = geometry_axis(around(l, from->a, to->a), x->speed, x->acceleration);
    sim_time y = geometry_axis(to->y - from->y, x->lift_speed, x->lift_acceleration);
    sim_time turn = from->wall == to->wall ? 0 : x->turn;
    sim_time most = a > y ? a : y;
    return most > turn ? most : turn;
}

double geometry_where(const struct library *l, const struct leg *g, sim_time now)
{
    double d = around(l, g->from.a, g->to.a);
    return g->from.a + geometry_progress(d, l->p.speed, l->p.acceleration, now - g->start);
}
