/* library_build.c: libraries from their description.
 *
 *   libraries = { silo = { kind = "silo", cells = 6000, drives = 8, cartridges = { count = 5000 },
 *                          passes = { { to = "silo2", time = "7s" } } },
 *                 silo2 = { kind = "silo", ... } }
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "disks/library/library_internal.h"
#include "disks/tape/drive.h"

#define CELLS_MAX "100000"
#define EXPERIMENT "ASSUMED(the experiment's choice)"

static const char *const shares[] = { "any", "halves", NULL };

static const struct param cartridges_params[] = {
    P_INT(library_cartridges, count, "100", "0", CELLS_MAX,
          "Cartridges at the start, spread evenly over the cells.", EXPERIMENT),
    P_INT(library_cartridges, first, "0", "0", "900000", "Number on the first label.", EXPERIMENT),
    P_STRING(library_cartridges, prefix, "V", "Text on each label before its number of six digits.",
             EXPERIMENT),
    P_INT(library_cartridges, filled, "0", "0", CELLS_MAX,
          "The first so many of them hold data from the start: so many blocks of that length, of a "
          "pattern that follows from the label.",
          EXPERIMENT),
    P_INT(library_cartridges, blocks, "1000", "1", "1000000000", "Blocks of each of these.",
          EXPERIMENT),
    P_SIZE(library_cartridges, block, "256KiB", "1B", "1GiB", "Bytes of each block.", EXPERIMENT),
    P_END,
};

#define HEAD(kind_)                                                                                \
    P_STRING(library_params, kind, kind_, "What moves the media.", "none"),                        \
        P_INT(library_params, cells, "500", "1", CELLS_MAX, "Places for cartridges.", EXPERIMENT), \
        P_TABLE(library_params, cartridges, cartridges_params, "What lies in them."),              \
        P_INT(library_params, drives, "4", "0", "1000", "Drives that take times alone.",           \
              EXPERIMENT),                                                                         \
        P_VAL(library_params, tape_drives,                                                         \
              "Tape drives that stand in it, in place of those: a list of their names, or 'all'.", \
              "ASSUMED(none: times alone)"),                                                       \
        P_STRING(                                                                                  \
            library_params, control, "",                                                           \
            "On a machine: the node from which it is controlled: 'node 3', or a group, whose "     \
            "first node; empty: that of its first tape drive.",                                    \
            "ASSUMED(a choice of the installation)"),                                              \
        P_TIME(library_params, load, "10s", "0", "1h",                                             \
               "Threading a tape and going to its start, without the arm; not of tape drives.",    \
               "IBM 3590: 10-20 s [from memory]"),                                                 \
        P_TIME(library_params, unload, "10s", "0", "1h",                                           \
               "Rewinding, unthreading and ejecting it, before the arm comes.",                    \
               "ASSUMED(as long as loading)"),                                                     \
        P_INT(library_params, ports, "1", "0", "1000", "Cartridges in the import/export port.",    \
              EXPERIMENT),                                                                         \
        P_TIME(library_params, operator, "5min", "0", "24h",                                       \
               "Until somebody has put a cartridge into the port, or has taken it out.",           \
               "ASSUMED(a walk; NCAR's shelf: about 5 min to the first byte [from memory])"),      \
        P_CHOICE_OF(library_params, queue, "fifo", changer_queues,                                 \
                    "Which waiting request an arm takes next."),                                   \
        P_INT(library_params, patience, "100", "1", "1000000",                                     \
              "So many others may be taken before the oldest.", EXPERIMENT)
#define TIMES(pick_, place_, read_, source)                                                        \
    P_TIME(library_params, pick, pick_, "0", "24h", "An arm takes a cartridge out.", source),      \
        P_TIME(library_params, place, place_, "0", "24h", "An arm puts it in.", source),           \
        P_TIME(library_params, read, read_, "0", "24h", "An arm reads a label.", source)
#define GAP "ASSUMED(travel profiles are not published)"
#define WALLS(rows_, columns_, walls_, row_pitch_)                                                 \
    P_INT(library_params, rows, rows_, "1", "10000", "Cells in a column.", GAP),                   \
        P_INT(library_params, columns, columns_, "1", "10000", "Columns of a wall.", GAP),         \
        P_INT(library_params, walls, walls_, "1", "2", "Walls: one, or two that face each other.", \
              GAP),                                                                                \
        P_REAL(library_params, row_pitch, row_pitch_, "0", "10", "From row to row, in metres.",    \
               GAP),                                                                               \
        P_INT(library_params, drive_column, "0", "0", "10000", "Column of the first drives.",      \
              GAP),                                                                                \
        P_INT(library_params, drive_rows, "4", "1", "1000", "Drives in a column.", GAP),           \
        P_INT(library_params, port_column, "0", "0", "10000", "Column of the port.", GAP),         \
        P_INT(library_params, pass_column, "0", "0", "10000", "Column of the passes.", GAP)
#define MOTION(speed_, acceleration_, unit)                                                        \
    P_REAL(library_params, speed, speed_, "0.000001", "1000000",                                   \
           "Of an arm along the columns, in " unit " a second.", GAP),                             \
        P_REAL(library_params, acceleration, acceleration_, "0", "1000000",                        \
               "From and to its speed, in " unit " a second squared; 0: it needs none.", GAP),     \
        P_REAL(library_params, lift_speed, "1", "0.000001", "1000000",                             \
               "The same in height, in metres a second.", GAP),                                    \
        P_REAL(library_params, lift_acceleration, "2", "0", "1000000",                             \
               "In metres a second squared; 0: it needs none.", GAP),                              \
        P_TIME(library_params, turn, "1s", "0", "1h", "The hand turns from wall to wall.", GAP)
#define HANDS(hands_)                                                                              \
    P_INT(library_params, hands, hands_, "1", "2",                                                 \
          "Hands of an arm: with two it exchanges the cartridge of a drive in one tour.",          \
          "STK 4400: a two-hand arm [NASA RAL]; IBM 3494: the second is an option")
#define PASSES                                                                                     \
    P_VAL(library_params, passes,                                                                  \
          "Passes to other libraries: a list of { to = name, time = '7s' }; each is one of the "   \
          "other, too.",                                                                           \
          "ASSUMED(none)")

static const struct param silo_params[] = {
    HEAD("silo"),
    HANDS("2"),
    WALLS("15", "50", "2", "0.1"),
    MOTION("120", "240", "degrees"),
    TIMES("2s", "2s", "500ms", GAP),
    PASSES,
    P_END,
};

static const struct param rail_params[] = {
    HEAD("rail"),
    P_INT(library_params, arms, "1", "1", "2", "Arms on the rail.", "IBM 3494: one or two"),
    HANDS("1"),
    WALLS("20", "40", "2", "0.05"),
    P_REAL(library_params, pitch, "0.15", "0.000001", "100", "From column to column, in metres.",
           GAP),
    MOTION("2", "4", "metres"),
    P_REAL(library_params, gap, "0.5", "0", "100", "Between the middles of two arms, in metres.",
           GAP),
    P_CHOICE(library_params, share, "any", shares,
             "Two arms: each takes what it can; or what has its cell in its own half.", EXPERIMENT),
    TIMES("2s", "2s", "500ms", GAP),
    PASSES,
    P_END,
};

static const struct param shelf_params[] = {
    HEAD("shelf"),
    P_INT(library_params, operators, "1", "1", "64", "People who fetch and put back.", EXPERIMENT),
    TIMES("2min", "1min", "1min",
          "ASSUMED(a walk; NCAR's shelf: about 5 min to the first byte [from memory])"),
    P_END,
};

#define KIND(name_, doc_, circular_, free_)                                                        \
    static const struct library_kind kind_##name_ = {                                              \
        .ops = { .kind = { .name = #name_,                                                         \
                           .doc = doc_,                                                            \
                           .params = name_##_params,                                               \
                           .params_size = sizeof(struct library_params),                           \
                           .counters = library_counters },                                         \
                 .submit = library_submit,                                                         \
                 .describe = library_describe,                                                     \
                 .home = library_home,                                                             \
                 .medium = library_medium,                                                         \
                 .drive = library_drive,                                                           \
                 .destroy = library_destroy },                                                     \
        .circular = circular_,                                                                     \
        .free = free_,                                                                             \
    };
KIND(silo, "an arm on a pivot in a ring of cells", true, false)
KIND(rail, "one arm or two on a rail between walls of cells", false, false)
KIND(shelf, "a shelf, and operators who walk", false, true)
static const struct kind *const kinds[] = { &kind_silo.ops.kind, &kind_rail.ops.kind,
                                            &kind_shelf.ops.kind, NULL };
const struct kind_set changer_kinds = { "changer", "libraries", kinds };

/* ---- what fits ---- */

static bool fits(const struct library_kind *k, const struct library_params *p, const char *path,
                 struct err *e)
{
    int64_t room = p->rows * p->columns * p->walls;
    if (!k->free && p->cells > room)
        return err_set(e, "%s.cells is %" PRId64 ": rows x columns x walls have room for %" PRId64,
                       path, p->cells, room);
    if (p->cartridges.count > p->cells)
        return err_set(e, "%s.cartridges.count is %" PRId64 ": there are %" PRId64 " cells", path,
                       p->cartridges.count, p->cells);
    if (strlen(p->cartridges.prefix) > CHG_LABEL_SIZE - 8)
        return err_set(e, "%s.cartridges.prefix has more than %d letters", path,
                       CHG_LABEL_SIZE - 8);
    return true;
}

/* ---- tape drives ---- */

struct drives {
    struct blkdev *const *devs;
    size_t count;
    const char **in; /* the library of each, or NULL */
};

static bool is_free_drive(const struct drives *x, size_t i)
{
    return tape_is_drive(x->devs[i]) && x->in[i] == NULL;
}

static void drive_name(const struct drives *x, size_t i, struct blk_describe *out)
{
    x->devs[i]->ops->describe(x->devs[i], out);
}

static bool take_named(struct drives *x, const char *name, const char *library, const char *path,
                       struct blkdev **out, struct err *e)
{
    const char **names = base_zalloc(x->count + 1, sizeof *names);
    struct blk_describe *about = base_zalloc(x->count + 1, sizeof *about);
    size_t n = 0, found = SIZE_MAX;
    for (size_t i = 0; i < x->count; i++) {
        drive_name(x, i, &about[i]);
        if (tape_is_drive(x->devs[i]))
            names[n++] = about[i].name;
        if (tape_is_drive(x->devs[i]) && strcmp(about[i].name, name) == 0)
            found = i;
    }
    if (found == SIZE_MAX) {
        err_set(e, "%s.tape_drives: there is no tape drive '%s'", path, name);
        if (n > 0)
            err_nearest(e, name, names);
    } else if (x->in[found] != NULL) {
        err_set(e, "%s.tape_drives: '%s' stands in library '%s' already", path, name, x->in[found]);
        found = SIZE_MAX;
    } else if (about[found].medium[0] != '\0') {
        err_set(e, "%s.tape_drives: '%s' has a cartridge of its own: cartridge = ''", path, name);
        found = SIZE_MAX;
    } else {
        x->in[found] = library;
        *out = x->devs[found];
    }
    free(names);
    free(about);
    return found != SIZE_MAX;
}

/* Heap; *count is left alone when the description names none. */
static bool take_drives(struct drives *x, const struct val *v, const char *library,
                        const char *path, struct blkdev ***out, int64_t *count, struct err *e)
{
    if (v == NULL)
        return true;
    *count = 0;
    *out = base_zalloc(x->count + 1, sizeof(struct blkdev *));
    if (v->type == VAL_STRING && strcmp(v->u.s, "all") == 0) {
        struct blk_describe about;
        for (size_t i = 0; i < x->count; i++)
            if (is_free_drive(x, i)) {
                drive_name(x, i, &about);
                if (!take_named(x, about.name, library, path, &(*out)[*count], e))
                    return false;
                ++*count;
            }
        return *count > 0 || err_set(e, "%s.tape_drives: there is no tape drive", path);
    }
    if (v->type != VAL_LIST || v->count == 0)
        return err_set(e, "%s.tape_drives: a list of names, or 'all'", path);
    for (size_t i = 0; i < v->count; i++, ++*count)
        if (v->items[i]->type != VAL_STRING)
            return err_set(e, "%s.tape_drives: a list of names, or 'all'", path);
        else if (!take_named(x, v->items[i]->u.s, library, path, &(*out)[*count], e))
            return false;
    return true;
}

/* ---- one library ---- */

static struct changer *build(struct sim *s, const struct val *spec, const char *path,
                             struct drives *drives, struct err *e)
{
    struct blkdev **devs = NULL;
    static const char *const but[] = { "kind", NULL };
    if (spec->type != VAL_TABLE) {
        err_set(e, "%s: a library is a table { kind = ... }, not %s", path,
                val_type_name(spec->type));
        return NULL;
    }
    const struct library_kind *k = kind_choose(&changer_kinds, spec, "kind", "silo", path, e);
    struct library_params *p = k != NULL ? kind_load(&k->ops.kind, spec, but, path, e) : NULL;
    struct library *l = NULL;
    if (p != NULL) {
        p->arms = k->free ? p->operators : p->arms > 0 ? p->arms : 1;
        p->hands = p->hands > 0 ? p->hands : 1;
        p->rows = p->rows > 0 ? p->rows : 1;
        p->columns = p->columns > 0 ? p->columns : 1;
        p->drive_rows = p->drive_rows > 0 ? p->drive_rows : 1;
        if (fits(k, p, path, e) &&
            take_drives(drives, p->tape_drives, spec->key, path, &devs, &p->drives, e))
            l = library_create(s, k, p, devs, spec->key);
    }
    free(devs);
    free(p);
    return l != NULL ? &l->changer : NULL;
}

/* ---- passes ---- */

struct pass_params {
    const char *to;
    sim_time time;
};
static const struct param pass_params[] = {
    P_STRING(pass_params, to, NULL, "The library on the other side."),
    P_TIME(pass_params, time, "7s", "0", "1h", "The slot goes through the wall.",
           "ASSUMED(5-10 s [from memory])"),
    P_END,
};

static struct library *find(const struct changer_list *list, const char *name)
{
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->items[i]->name, name) == 0)
            return library_of(list->items[i]);
    return NULL;
}

static void nearest(const struct changer_list *list, const char *wrong, struct err *e)
{
    const char **names = base_zalloc(list->count + 1, sizeof *names);
    for (size_t i = 0; i < list->count; i++)
        names[i] = list->items[i]->name;
    err_nearest(e, wrong, names);
    free(names);
}

/* One more element of the kind, at the end. */
static uint32_t add_pass(struct library *l)
{
    uint32_t n = l->count[CHG_PASS]++;
    l->passes = base_realloc(l->passes, (n + 1) * sizeof(struct pass *));
    elements_grow(l, CHG_PASS);
    return n;
}

static bool link_one(struct changer_list *list, struct library *l, const struct val *spec,
                     const char *path, struct err *e)
{
    struct pass_params p;
    if (!param_load(pass_params, &p, spec, path, e))
        return false;
    struct library *to = find(list, p.to);
    if (to == l)
        return err_set(e, "%s.to: a pass leads to another library", path);
    if (to == NULL) {
        err_set(e, "%s.to: there is no library '%s'", path, p.to);
        nearest(list, p.to, e);
        return false;
    }
    if (to->kind->free)
        return err_set(e, "%s.to: a shelf has no passes", path);
    struct pass *x = base_zalloc(1, sizeof *x);
    *x = (struct pass){ .end = { l, to }, .time = p.time };
    for (int k = 0; k < 2; k++)
        x->index[k] = add_pass(x->end[k]);
    library_link(x);
    list_push(&list->passes, &x->link);
    return true;
}

static bool link_all(struct changer_list *list, const char *path, struct err *e)
{
    bool good = true;
    for (size_t i = 0; good && i < list->count; i++) {
        struct library *l = library_of(list->items[i]);
        const struct val *v = l->p.passes;
        char *at = base_printf("%s.%s.passes", path, l->changer.name);
        if (v != NULL && v->type != VAL_LIST)
            good = err_set(e, "%s: a list of { to = name }", at);
        for (size_t k = 0; good && v != NULL && k < v->count; k++)
            good = link_one(list, l, v->items[k], at, e);
        free(at);
        l->p.passes = NULL; /* the description may go */
    }
    return good;
}

bool changer_build(struct sim *s, const struct val *spec, const char *path,
                   struct blkdev *const *devs, size_t dev_count, struct changer_list *list,
                   struct err *e)
{
    *list = (struct changer_list){ .count = 0 };
    list_init(&list->passes);
    if (spec == NULL)
        return true;
    if (spec->type != VAL_TABLE)
        return err_set(e, "%s: a table, name = { kind = ... }", path);
    struct drives drives = { devs, dev_count, base_zalloc(dev_count + 1, sizeof(char *)) };
    bool good = true;
    list->items = base_zalloc(spec->count + 1, sizeof(struct changer *));
    for (size_t i = 0; good && i < spec->count; i++) {
        char *at = base_printf("%s.%s", path, spec->items[i]->key);
        struct changer *c = build(s, spec->items[i], at, &drives, e);
        free(at);
        good = c != NULL;
        if (good)
            list->items[list->count++] = c;
    }
    free(drives.in);
    return good && link_all(list, path, e);
}

void changer_list_free(struct changer_list *list)
{
    if (list->items == NULL)
        return;
    struct list *it;
    while ((it = list_pop(&list->passes)) != NULL)
        library_unlink(LIST_ENTRY(it, struct pass, link));
    for (size_t i = 0; i < list->count; i++)
        list->items[i]->ops->destroy(list->items[i]);
    free(list->items);
    *list = (struct changer_list){ .count = 0 };
}
