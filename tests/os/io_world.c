/* io_world.c: see io_world.h. */
#include "tests/os/io_world.h"

#include <criterion/criterion.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "os/registry.h"

/* ---- text ---- */

static void blanks(const char **t)
{
    *t += strspn(*t, " \n,");
}

static struct val *word(const char **t)
{
    char text[64], *end;
    const char *at = *t;
    size_t n;
    if (*at == '\'') {
        n = strcspn(++at, "'");
        *t = at + n + 1;
    } else {
        n = strcspn(at, " \n,}");
        *t = at + n;
    }
    cr_assert_lt(n, sizeof text);
    memcpy(text, at, n);
    text[n] = 0;
    long long i = strtoll(text, &end, 10);
    if (n > 0 && *end == 0 && at[-1] != '\'')
        return val_new_int(i, "text", 1);
    if (strcmp(text, "true") == 0 || strcmp(text, "false") == 0)
        return val_new_bool(text[0] == 't', "text", 1);
    return val_new_string(text, "text", 1);
}

static struct val *value(const char **t)
{
    blanks(t);
    if (**t != '{')
        return word(t);
    ++*t;
    blanks(t);
    size_t key = strspn(*t, "abcdefghijklmnopqrstuvwxyz_");
    struct val *v = val_new(key > 0 && (*t)[key] == '=' ? VAL_TABLE : VAL_LIST, "text", 1);
    while (**t != '}') {
        char name[40];
        cr_assert_neq(**t, 0, "a brace is missing");
        if (v->type == VAL_TABLE) {
            key = strspn(*t, "abcdefghijklmnopqrstuvwxyz_");
            cr_assert(key < sizeof name && (*t)[key] == '=', "no name at '%s'", *t);
            memcpy(name, *t, key);
            name[key] = 0;
            *t += key + 1;
            val_put(v, name, value(t));
        } else {
            val_append(v, value(t));
        }
        blanks(t);
    }
    ++*t;
    return v;
}

struct val *io_val(const char *text)
{
    return value(&text);
}

/* ---- the machine ---- */

static bool belongs(const struct pio_ops *ops, const struct os_service_ops *s)
{
    for (size_t i = 0; ops->services[i] != NULL; i++) {
        const char *name = ops->services[i]->kind.name;
        size_t n = strcspn(name, "_");
        if (strncmp(name, s->kind.name, n) == 0 && (s->kind.name[n] == '_' || !s->kind.name[n]))
            return true;
    }
    return strcmp(s->kind.name, "nx") == 0;
}

static struct val *all_services(const struct pio_ops *ops)
{
    struct val *list = val_new(VAL_LIST, "text", 1);
    for (int i = 0; os_services.items[i] != NULL; i++)
        if (belongs(ops, kind_at(&os_services, i))) {
            struct val *one = val_new(VAL_TABLE, "text", 1);
            val_put(one, "service", val_new_string(os_services.items[i]->name, "text", 1));
            val_append(list, one);
        }
    return list;
}

static struct io_world *entered;
const char *io_world_graph;
const struct kind_set *io_world_layers;

static void enter(struct os_node *n, const struct program *me)
{
    entered->main(entered, n, me->rank);
    entered->running--;
}

static void boot(struct port *p, void *arg)
{
    (void)os_node_boot(p, arg);
}

static void choose_layout(struct io_world *w, uint32_t sector_bytes, uint64_t sectors)
{
    for (uint32_t i = 0; i < IO_NODES; i++) {
        w->nodes[i] = i;
        w->ranks[i] = i < IO_RANKS ? i : i < IO_NODES - 1 ? i - IO_RANKS : 0;
    }
    w->layout = (struct os_layout){ .nodes = IO_NODES,
                                    .compute_count = IO_RANKS,
                                    .io_count = IO_SERVERS,
                                    .compute = w->nodes,
                                    .io = w->nodes + IO_RANKS,
                                    .ranks = w->ranks,
                                    .service = IO_NODES - 1,
                                    .io_sectors = sectors,
                                    .io_sector_bytes = sector_bytes,
                                    .boot = &w->boot };
}

void io_world_start(struct io_world *w, const struct pio_ops *ops, const char *text,
                    struct fake_options o,
                    void (*main)(struct io_world *w, struct os_node *n, uint32_t rank))
{
    struct err e = ERR_INIT;
    struct val *os = text != NULL ? io_val(text) : all_services(ops);
    memset(w, 0, sizeof *w);
    w->os = os;
    entered = w;
    o.nodes = IO_NODES;
    o.disks = 1;
    o.disk_sectors = o.disk_sectors ? o.disk_sectors : UINT64_C(1) << 17;
    choose_layout(w, 512, o.disk_sectors);
    w->ops = ops;
    w->main = main;
    w->running = IO_RANKS;
    w->boot = (struct os_boot){ .layout = &w->layout,
                                .layers = io_world_layers != NULL ? io_world_layers : &os_layers,
                                .graph = rig_graph(io_world_graph != NULL
                                                       ? io_world_graph
                                                       : "mesh driver; rdm rdm <mesh; nx nx <rdm; "
                                                         "blast blast <mesh; chan chan <blast; "
                                                         "rpc select <chan"),
                                .main = enter,
                                .ranks = IO_RANKS,
                                .files = 64 };
    cr_assert(os_groups_load(&w->boot, NULL, NULL, "machine", &e), "%s", e.text);
    cr_assert(os_boot_load(&w->boot, os, &os_services, "machine", &e), "%s: %s", ops->kind.name,
              e.text);
    struct pio_plan plan = { .path = "plan",
                             .traits = PIO_SHARED | PIO_LAYOUT,
                             .unit = 1000,
                             .size = 10000,
                             .factor = IO_SERVERS,
                             .files = IO_RANKS };
    w->unit = pio_check(ops, &w->layout, &plan, &e) ? plan.unit : 0;
    plan = (struct pio_plan){ .path = "plan", .traits = PIO_SHARED, .size = 10000, .files = 4 };
    w->shared = pio_check(ops, &w->layout, &plan, &e);
    w->f = fake_create(&o);
    for (uint32_t i = 0; i < IO_NODES; i++)
        fake_boot(w->f, i, boot, &w->boot);
}

void io_world_stop(struct io_world *w)
{
    fake_destroy(w->f);
    os_boot_free(&w->boot);
    val_free(w->os);
}
