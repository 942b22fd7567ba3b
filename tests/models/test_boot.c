/* test_boot.c: which services boot where: each alone, twice, without what it talks over, on a group
 * that is not there.
 */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "os/memsrv/memsrv.h"
#include "os/nx/nx.h"
#include "os/pfs/pfs.h"
#include "os/registry.h"
#include "rig.h"

static struct os_node *booted[16];

static struct os_node *boot(struct port *kernel, const struct os_boot *b)
{
    return booted[port_node(kernel)] = os_node_boot(kernel, b);
}

static struct val *instance(const char *name, const char *protocol, const char *below)
{
    struct val *v = val_new(VAL_TABLE, "c.lua", 3);
    val_put(v, "name", val_new_string(name, "c.lua", 3));
    val_put(v, "protocol", val_new_string(protocol, "c.lua", 3));
    if (below != NULL) {
        struct val *l = val_new(VAL_LIST, "c.lua", 3);
        val_append(l, val_new_string(below, "c.lua", 3));
        val_put(v, "below", l);
    }
    return v;
}

/* 2 x 4 nodes, two of them I/O nodes (3, 7), node 2 the service node; all instances there are. */
static void begin(struct rig *r)
{
    struct val *graph = val_new(VAL_LIST, "c.lua", 3), *disk = val_new(VAL_TABLE, "c.lua", 4);
    rig_init(r, 2, 4);
    rig_set_int(r, "io_nodes", 2);
    val_append(graph, instance("mesh", "driver", NULL));
    val_append(graph, instance("rdm", "rdm", "mesh"));
    val_append(graph, instance("nx", "nx", "rdm"));
    val_append(graph, instance("cut", "cut", "rdm"));
    val_append(graph, instance("blast", "blast", "mesh"));
    val_append(graph, instance("chan", "chan", "blast"));
    val_append(graph, instance("rpc", "select", "chan"));
    val_append(graph, instance("rpc2", "select", "chan"));
    val_put(r->spec, "graph", graph);
    val_put(disk, "kind", val_new_string("disk", "c.lua", 4));
    val_put(r->spec, "storage", disk);
    rig_os(r);
    r->reg.boot = boot;
}

/* Adds an entry; `on`, `over` may be NULL. */
static void listed(struct rig *r, const char *service, const char *on, const char *over)
{
    struct val *list = (struct val *)(uintptr_t)val_get(r->spec, "os");
    struct val *v = val_new(VAL_TABLE, "c.lua", 9);
    if (list == NULL)
        val_put(r->spec, "os", list = val_new(VAL_LIST, "c.lua", 8));
    val_put(v, "service", val_new_string(service, "c.lua", 9));
    if (on != NULL)
        val_put(v, "on", val_new_string(on, "c.lua", 9));
    if (over != NULL)
        val_put(v, "over", val_new_string(over, "c.lua", 9));
    if (strcmp(service, "ckpt") == 0) /* files need a service that has them */
        val_put(v, "sink", val_new_string("memory", "c.lua", 9));
    val_append(list, v);
}

/* What must stand before it. */
static const char *const before[][4] = {
    { "ckpt", "nx", "cut" },          { "storage", "pvl", NULL },
    { "archive", "pvl", "storage" },  { "bitfile", "pvl", "storage" },
    { "name_client", "name_server" }, { "bitfile_client", "pvl", "storage", "bitfile" },
    { "mach_names", "mach" },
};

static void listed_before(struct rig *r, const char *service, const char *on)
{
    for (size_t i = 0; i < ARRAY_LEN(before); i++)
        for (size_t k = 1; strcmp(service, before[i][0]) == 0 && k < 4; k++)
            if (before[i][k] != NULL)
                listed(r, before[i][k], on, NULL);
}

static bool stands_before(const struct os_service_ops *s, const struct os_service_ops *other)
{
    bool found = false;
    for (size_t i = 0; i < ARRAY_LEN(before); i++)
        for (size_t k = 1; strcmp(s->kind.name, before[i][0]) == 0 && k < 4; k++)
            found |= before[i][k] != NULL && strcmp(other->kind.name, before[i][k]) == 0;
    return found;
}

static void group(struct rig *r, const char *name, const char *end, int64_t count)
{
    struct err e = ERR_INIT;
    char *path = base_printf("nodes.%s.%s", name, end);
    cr_assert(val_set_path(r->spec, path, val_new_int(count, "c.lua", 7), &e));
    free(path);
}

/* On how many nodes it has started. */
static uint32_t started(const struct os_service_ops *ops)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < 8; i++)
        n += os_find(booted[i], ops) != NULL;
    return n;
}

static void says(struct rig *r, const char *sentence)
{
    struct err e = ERR_INIT;
    rig_refused(r, &e);
    cr_assert(strstr(e.text, sentence), "'%s' is not in: %s", sentence, e.text);
}

Test(boot, unlisted_all_boot_that_graph_and_groups_bear)
{
    struct rig r;
    begin(&r);
    rig_open(&r, NULL);
    rig_run(&r);
    cr_expect_eq(started(&nx_service), 5);
    cr_expect_eq(started(&pfs_meta_service), 1);
    cr_expect_eq(started(&pfs_server_service), 2);
    cr_expect_eq(started(&pfs_client_service), 5);
    cr_expect_eq(started(&memsrv_service), 0, "only where it is listed");
    cr_expect(os_find(booted[7], &pfs_server_service) && os_find(booted[2], &pfs_meta_service));
    rig_close(&r);
}

Test(boot, each_service_alone_and_on_another_group)
{
    for (int i = 0; os_services.items[i]; i++)
        for (int other = 0; other < 2; other++) {
            struct rig r;
            const struct os_service_ops *s = kind_at(&os_services, i);
            begin(&r);
            group(&r, "pair", "last", 2);
            listed_before(&r, s->kind.name, other ? "pair" : NULL);
            listed(&r, s->kind.name, other ? "pair" : NULL, NULL);
            rig_open(&r, NULL);
            rig_run(&r);
            for (int k = 0; os_services.items[k]; k++) {
                const struct os_service_ops *o = kind_at(&os_services, k);
                cr_expect_eq(started(o),
                             k != i && !stands_before(s, o)  ? 0
                             : other                         ? 2
                             : strcmp(o->on, "compute") == 0 ? 5
                             : strcmp(o->on, "io") == 0      ? 2
                                                             : 1,
                             "%s on %s", s->kind.name, other ? "pair" : s->on);
            }
            rig_close(&r);
        }
}

/* BOOT1. */
Test(boot, a_service_is_once_on_a_node)
{
    for (int i = 0; os_services.items[i]; i++) {
        struct rig r;
        begin(&r);
        group(&r, "pair", "first", 2);
        group(&r, "rest", "last", 3);
        listed_before(&r, os_services.items[i]->name, NULL);
        listed(&r, os_services.items[i]->name, "pair", NULL);
        listed(&r, os_services.items[i]->name, "rest", NULL);
        rig_open(&r, NULL);
        rig_run(&r);
        cr_expect_eq(started(kind_at(&os_services, i)), 5);
        rig_close(&r);
        begin(&r);
        group(&r, "pair", "first", 2);
        listed(&r, os_services.items[i]->name, "pair", NULL);
        listed(&r, os_services.items[i]->name, "compute", NULL);
        says(&r, "is on node 0 already");
    }
}

Test(boot, what_it_talks_over_must_be_there)
{
    struct rig r;
    begin(&r);
    listed(&r, "pfs_meta", NULL, "rpc2");
    rig_open(&r, NULL);
    rig_close(&r);
    begin(&r);
    listed(&r, "pfs_meta", NULL, "rcp");
    says(&r, "c.lua:9: machine.os[1]: service 'pfs_meta' talks over instance 'rcp', which the "
             "graph does "
             "not have");
    for (int i = 0; os_services.items[i]; i++) {
        begin(&r);
        val_put(r.spec, "graph", val_new(VAL_LIST, "c.lua", 3));
        val_append((struct val *)(uintptr_t)val_get(r.spec, "graph"),
                   instance("mesh", "driver", NULL));
        listed(&r, os_services.items[i]->name, NULL, NULL);
        says(&r, "which the graph does not have");
    }
}

Test(boot, mistakes_have_their_sentences)
{
    struct rig r;
    begin(&r);
    listed(&r, "pfs_meta", "oi", NULL);
    says(&r, "c.lua:9: machine.os[1]: there is no group of nodes 'oi', did you mean 'io'?");
    begin(&r);
    listed(&r, "pfs_mate", NULL, NULL);
    says(
        &r,
        "c.lua:9: machine.os[1].service: there is no service 'pfs_mate', did you mean 'pfs_meta'?");
    begin(&r);
    listed(&r, "nx", NULL, "rdm");
    says(&r, "service 'nx' talks over an instance of 'nx', but 'rdm' is one of 'rdm'");
    begin(&r);
    listed(&r, "nx", NULL, NULL);
    listed(&r, "ckpt", NULL, NULL);
    says(&r, "c.lua:9: machine.os[2]: service 'ckpt' needs service 'cut' before it in the list of "
             "services");
    begin(&r);
    rig_set_int(&r, "os.pfs_clinet.window", 3);
    says(&r, "machine.os.pfs_clinet is not a service, did you mean 'pfs_client'?");
    begin(&r);
    rig_set_int(&r, "os.memory_server.frames", 3);
    says(&r, "machine.os.memory_server: this service boots only where a list of services names it");
    begin(&r);
    rig_set_int(&r, "os.pfs_client.windw", 3);
    says(&r, "did you mean 'window'?");
    begin(&r);
    group(&r, "memory", "last", 9);
    says(&r, "first or last says how many of the 5 nodes of 'compute' it has");
    begin(&r);
    group(&r, "io", "last", 1);
    says(&r, "a machine has its group 'io' already");
    begin(&r);
    group(&r, "memory", "last", 1);
    rig_set(&r, "nodes.memory.of", "compuet");
    says(&r, "there is no group of nodes 'compuet', did you mean 'compute'?");
    begin(&r);
    rig_set(&r, "os", "pfs");
    says(&r, "machine.os is a string, not a list of services");
}
