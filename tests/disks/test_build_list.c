/* Lists of devices: how many there are, what they are called, which bus they stand on. */
#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

#include "disks/build.h"
#include "disks/raid.h"
#include "tests/disks/kit.h"

static struct val *text(const char *s)
{
    return val_new_string(s, NULL, 0);
}

static struct val *entry(const char *kind)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "kind", text(kind));
    return v;
}

static struct val *bus(const char *name, const char *rate, const char *host_rate)
{
    struct val *v = entry("bus"), *b = val_new(VAL_TABLE, NULL, 0);
    val_put(b, "rate", text(rate));
    val_put(b, "host_rate", text(host_rate));
    val_put(v, "name", text(name));
    val_put(v, "bus", b);
    return v;
}

static struct val *names(const char *a, const char *b)
{
    struct val *v = val_new(VAL_LIST, NULL, 0);
    val_append(v, text(a));
    val_append(v, text(b));
    return v;
}

static void drop(struct blkdev **d, size_t n)
{
    for (size_t i = 0; i < n; i++)
        d[i]->ops->destroy(d[i]);
    free(d);
}

/* ---- rates ---- */

#define SECTORS 128

struct stream {
    struct blkdev *d;
    struct blk_req r;
    uint64_t at, left;
};

static void ended(struct blk_req *r)
{
    struct stream *x = r->owner;
    blk_req_fini(r);
    if (x->left-- == 0)
        return;
    blk_req_init(r, BLK_READ, x->at, SECTORS, ended, x);
    x->at += SECTORS;
    blk_submit(x->d, r);
}

/* Bytes a second of all devices of a list together, each read one after the other from its start.
 */
static double streams(struct val *list)
{
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct blkdev **d;
    size_t n;
    cr_assert(blk_build_list(s, list, -1, "dev", "devices", &d, &n, &e), "%s", e.text);
    struct stream *x = calloc(n, sizeof *x);
    for (size_t i = 0; i < n; i++) {
        x[i] = (struct stream){ .d = d[i], .left = 60 };
        blk_req_init(&x[i].r, BLK_READ, 0, SECTORS, ended, &x[i]);
        ended(&x[i].r);
    }
    sim_run(s);
    double rate = (double)n * 60 * SECTORS * 512 / sim_time_seconds(sim_now(s));
    free(x);
    drop(d, n);
    cr_assert(kit_audit(s));
    sim_destroy(s);
    val_free(list);
    return rate;
}

static struct val *drives(int64_t count, struct val *on)
{
    struct val *v = entry("disk");
    val_put(v, "count", val_new_int(count, NULL, 0));
    if (on != NULL)
        val_put(v, "on", on);
    return v;
}

/* One drive streams at about 2.2 MB/s.  Four on a bus of 5 MB/s share it; the commands, 2.2 ms of
 * every 64 KiB, keep it as well, so together they move 64 KiB in 2.2 ms + 64 KiB / rate. */
Test(build_list, drives_on_one_bus_share_it_and_on_two_buses_have_it_twice)
{
    struct val *own = val_new(VAL_LIST, NULL, 0), *one = val_new(VAL_LIST, NULL, 0),
               *two = val_new(VAL_LIST, NULL, 0), *slow = val_new(VAL_LIST, NULL, 0);
    val_append(own, drives(4, NULL));
    val_append(one, drives(4, text("a")));
    val_append(one, bus("a", "5MB/s", "0"));
    val_append(two, bus("a", "5MB/s", "0"));
    val_append(two, bus("b", "5MB/s", "0"));
    val_append(two, drives(4, names("a", "b")));
    val_append(slow, bus("a", "5MB/s", "2MB/s"));
    val_append(slow, drives(4, text("a")));
    double bytes = SECTORS * 512;
    double shared = bytes / (2.2e-3 + bytes / 5e6), host = bytes / (2.2e-3 + bytes / 2e6);
    double rate_own = streams(own), rate_one = streams(one), rate_two = streams(two);
    cr_assert(rate_one < shared && rate_one > 0.92 * shared, "%g %g", rate_one, shared);
    cr_assert_gt(rate_own, 1.9 * rate_one);
    cr_assert_gt(rate_two, 1.5 * rate_one);
    double rate_host = streams(slow);
    cr_assert(rate_host < host && rate_host > 0.95 * host, "%g %g", rate_host, host);
}

Test(build_list, the_drives_of_arrays_and_caches_stand_on_named_buses_too)
{
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct blkdev **d;
    size_t n;
    struct val *list = val_new(VAL_LIST, NULL, 0), *array = entry("raid5"), *cache = entry("cache");
    val_put(array, "members", val_new_int(4, NULL, 0));
    val_put(array, "spares", val_new_int(1, NULL, 0));
    val_put(array, "on", names("a", "b"));
    val_put(cache, "device", entry("raid3"));
    val_put(cache, "on", text("b"));
    val_append(list, array);
    val_append(list, cache);
    val_append(list, drives(2, NULL));
    cr_assert(blk_build_list(s, list, -1, "dev", "devices", &d, &n, &e), "%s", e.text);
    cr_assert_eq(n, 4);
    struct blk_describe about;
    d[3]->ops->describe(d[3], &about);
    cr_assert_str_eq(about.name, "dev3");
    struct rope r;
    rope_init(&r);
    kit_read(d[0], 0, 100, &r);
    kit_read(d[1], 0, 4, &r);
    cr_assert_eq(kit_status(), BLK_OK);
    rope_fini(&r);
    drop(d, n);
    cr_assert(kit_audit(s));
    sim_destroy(s);
    val_free(list);
}

/* ---- mistakes ---- */

static void refused(struct val *list, const char *part)
{
    struct sim *s = kit_sim(1);
    struct err e = ERR_INIT;
    struct blkdev **d;
    size_t n;
    cr_assert_not(blk_build_list(s, list, -1, "dev", "devices", &d, &n, &e));
    cr_assert(strstr(e.text, part) != NULL, "%s", e.text);
    drop(d, n);
    sim_destroy(s);
    val_free(list);
}

static struct val *pair(struct val *a, struct val *b)
{
    struct val *v = val_new(VAL_LIST, NULL, 0);
    val_append(v, a);
    if (b != NULL)
        val_append(v, b);
    return v;
}

Test(build_list, mistakes_are_one_sentence)
{
    refused(pair(drives(16, text("a")), NULL), "more than 15 devices on bus 'a'");
    refused(pair(bus("a", "5MB/s", "0"), bus("a", "5MB/s", "0")), "a bus 'a' already");
    refused(pair(bus("a", "5MB/s", "0"), drives(1, NULL)), "no device is on bus 'a'");
    refused(pair(drives(0, NULL), NULL), "devices.1.count");
    refused(pair(drives(1, val_new_int(3, NULL, 0)), NULL), "devices.1.on");
    refused(pair(entry("bus"), drives(1, NULL)), "devices.1.name");
    refused(pair(text("disk"), NULL), "devices.1");
    refused(bus("a", "5MB/s", "0"), "a bus is no device");
}
