/* test_filter.c: filters of datagrams: programs against what their text says, evaluated here from a
 * tree that the test has made; the table of filters against a list; FILTER between hosts.
 */
#include <criterion/criterion.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/proto/eth/eth.h"
#include "os/proto/filter/filter_internal.h"
#include "os/xk/domain.h"
#include "tests/os/tcp_rig.h"
#include "tests/sample.h"

static uint64_t state;

static uint32_t draw(uint32_t n)
{
    uint64_t z = state += UINT64_C(0x9e3779b97f4a7c15);
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return (uint32_t)((z ^ (z >> 31)) % n);
}

/* ---- datagrams ---- */

static const uint32_t addresses[] = { 0x0a010001, 0x0a010002, 0x0a020001, 0x7f000001 };
static const uint16_t ports[] = { 7, 80, 5001, 65535 };
static const uint8_t protocols[] = { 1, 6, 17, 89 };

struct packet {
    uint8_t bytes[FILTER_REACH];
    uint32_t length;
};

static void draw_packet(struct packet *p)
{
    for (uint32_t i = 0; i < FILTER_REACH; i++)
        p->bytes[i] = (uint8_t)draw(256);
    p->length = draw(4) ? 20 + draw(FILTER_REACH - 19) : draw(30);
    p->bytes[0] = (uint8_t)(0x40 | (draw(3) ? 5 : draw(16)));
    p->bytes[9] = protocols[draw(4)];
    wire_put16(p->bytes + 6, (uint16_t)(draw(3) ? 0x4000 : draw(2) ? 0x2000 : 0x2005));
    wire_put32(p->bytes + 12, addresses[draw(4)]);
    wire_put32(p->bytes + 16, addresses[draw(4)]);
    uint32_t behind = 4u * (p->bytes[0] & 15u);
    wire_put16(p->bytes + behind, ports[draw(4)]);
    wire_put16(p->bytes + behind + 2, ports[draw(4)]);
}

/* Of `size` bytes; -1: they are not there. */
static int64_t field(const struct packet *p, uint32_t at, uint32_t size)
{
    int64_t v = 0;
    if (at + size > p->length)
        return -1;
    for (uint32_t i = 0; i < size; i++)
        v = v * 256 + p->bytes[at + i];
    return v;
}

/* ---- filters: what they say ---- */

enum what { ANY, PROTOCOL, HOST, NET, PORT, RANGE, BYTES, AND, OR, NOT };
static struct tree {
    enum what what;
    struct tree *a, *b;
    uint32_t of, side, n, last, size, mask, relation; /* side: 0 either, 1 source, 2 target */
} trees[256];
static uint32_t tree_count;
static char text[8192];

static struct tree *draw_tree(uint32_t depth)
{
    struct tree *t = &trees[tree_count++];
    *t = (struct tree){ .what = depth ? ANY + draw(10) : ANY + draw(7) };
    t->side = draw(3);
    switch (t->what) {
    case PROTOCOL:
        t->n = protocols[draw(4)];
        break;
    case HOST:
    case NET:
        t->n = addresses[draw(4)];
        break;
    case PORT:
    case RANGE:
        t->of = draw(2) ? 0 : draw(2) ? 6 : 17;
        t->n = ports[draw(4)];
        t->last = t->n < 100 ? t->n + draw(5000) : t->n;
        break;
    case BYTES:
        t->of = draw(2) ? 0 : protocols[draw(3)];
        t->size = 1u << draw(3);
        t->n = draw(2) ? draw(20) : draw(FILTER_SPAN - t->size + 1);
        t->mask = draw(2) ? UINT32_MAX >> (32 - 8 * t->size) : draw(1u << 7);
        t->last = draw(3) ? draw(64) : draw(256);
        t->relation = draw(6);
        break;
    case AND:
    case OR:
    case NOT:
        t->a = draw_tree(depth - 1);
        t->b = t->what == NOT ? NULL : draw_tree(depth - 1);
        break;
    default:
        break;
    }
    return t;
}

static const char *const sides[] = { "", "src ", "dst " };

static const char *of_name(uint32_t of)
{
    return of == 1 ? "icmp" : of == 6 ? "tcp" : of == 17 ? "udp" : "";
}

static PRINTF_LIKE(1, 2) void put(const char *fmt, ...)
{
    size_t n = strlen(text);
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text + n, sizeof text - n, fmt, ap);
    va_end(ap);
}

static void put_address(uint32_t a)
{
    put("%u.%u.%u.%u", a >> 24, a >> 16 & 255, a >> 8 & 255, a & 255);
}

static void put_tree(const struct tree *t);

static void put_operand(const struct tree *t, bool bracket)
{
    put("%s", bracket ? "(" : "");
    put_tree(t);
    put("%s", bracket ? " )" : "");
}

static void put_tree(const struct tree *t)
{
    static const char *const relations[] = { "=", "!=", ">", "<", ">=", "<=" };
    switch (t->what) {
    case ANY:
        put("ip");
        break;
    case PROTOCOL:
        if (t->n == 89)
            put("ip proto 89");
        else
            put("%s%s", t->side ? "" : "proto ", of_name(t->n));
        break;
    case HOST:
        put("%shost ", sides[t->side]);
        put_address(t->n);
        break;
    case NET:
        put("ip %snet ", sides[t->side]);
        put_address(t->n & 0xffff0000);
        put("/16");
        break;
    case PORT:
        put("%s %sport %u", of_name(t->of), sides[t->side], t->n);
        break;
    case RANGE:
        put("%s %sportrange %u-%u", of_name(t->of), sides[t->side], t->n, t->last);
        break;
    case BYTES:
        put("%s[%u%s", t->of ? of_name(t->of) : "ip", t->n,
            t->size == 1   ? ""
            : t->size == 2 ? ":2"
                           : ":4");
        if (t->mask == UINT32_MAX >> (32 - 8 * t->size))
            put("]");
        else
            put("] & 0x%x", t->mask);
        put(" %s %u", relations[t->relation], t->last);
        break;
    case NOT:
        put("%s", draw(2) ? "not " : "!");
        put_operand(t->a, t->a->what >= AND && t->a->what <= OR);
        break;
    default:
        put_operand(t->a, t->what == AND && t->a->what == OR);
        put("%s", t->what == AND ? draw(2) ? " and " : " && " : draw(2) ? " or " : "||");
        put_operand(t->b,
                    t->what == AND ? t->b->what == OR || t->b->what == AND : t->b->what == OR);
    }
}

#define SHORT (-1) /* bytes are asked for that are not there */

static int is_one(const struct packet *p, uint32_t at, uint32_t size, uint32_t mask, uint32_t side,
                  int64_t first, int64_t last)
{
    for (uint32_t k = 0; k < 2; k++) {
        if (side == 2 - k)
            continue; /* the source alone, the target alone */
        int64_t v = field(p, at + k * size, size);
        if (v < 0)
            return SHORT;
        if ((v & mask) >= first && (v & mask) <= last)
            return 1;
    }
    return 0;
}

static int carries(const struct packet *p, uint32_t of, bool either)
{
    int64_t protocol = field(p, 9, 1), fragment = field(p, 6, 2);
    if (protocol < 0)
        return SHORT;
    if (either ? protocol != 6 && protocol != 17 : protocol != of)
        return 0;
    return fragment < 0 ? SHORT : (fragment & 0x1fff) == 0;
}

/* In the order in which the text stands, as far as needed. */
static int says(const struct tree *t, const struct packet *p)
{
    uint32_t behind = 4u * (p->bytes[0] & 15u);
    int64_t v;
    int r;
    switch (t->what) {
    case ANY:
        return 1;
    case PROTOCOL:
        v = field(p, 9, 1);
        return v < 0 ? SHORT : v == t->n;
    case HOST:
        return is_one(p, 12, 4, UINT32_MAX, t->side, t->n, t->n);
    case NET:
        return is_one(p, 12, 4, 0xffff0000, t->side, t->n & 0xffff0000, t->n & 0xffff0000);
    case PORT:
    case RANGE:
        r = carries(p, t->of, t->of == 0);
        return r != 1
                   ? r
                   : is_one(p, behind, 2, 0xffff, t->side, t->n, t->what == PORT ? t->n : t->last);
    case BYTES:
        r = t->of ? carries(p, t->of, false) : 1;
        v = field(p, t->n + (t->of ? behind : 0), t->size);
        if (r != 1)
            return r;
        if (v < 0)
            return SHORT;
        v &= t->mask;
        return t->relation == 0   ? v == t->last
               : t->relation == 1 ? v != t->last
               : t->relation == 2 ? v > t->last
               : t->relation == 3 ? v < t->last
               : t->relation == 4 ? v >= t->last
                                  : v <= t->last;
    case NOT:
        r = says(t->a, p);
        return r == SHORT ? SHORT : !r;
    default:
        r = says(t->a, p);
        return r == SHORT || r == (t->what == OR) ? r : says(t->b, p);
    }
}

/* FILT2.  And a program that has a shape is met by its tests. */
static void compare(const struct tree *t, const struct filter_program *p)
{
    struct filter_test test[FILTER_TESTS];
    uint32_t count;
    bool shape = filter_tests(p, test, &count);
    for (uint32_t i = 0; i < 20; i++) {
        struct packet k;
        uint64_t steps = 0;
        draw_packet(&k);
        bool yes = says(t, &k) == 1;
        cr_assert_eq(filter_run(p, k.bytes, k.length, &steps), yes, "'%s': %u", text, i);
        cr_assert(steps > 0 && steps <= p->count, "FILT1: '%s'", text);
        bool all = true;
        for (uint32_t n = 0; shape && n < count; n++) {
            uint32_t v;
            all = all && filter_field(&test[n], k.bytes, k.length, &v) && v == test[n].value;
        }
        cr_assert(!shape || all == yes, "FILT3: '%s'", text);
    }
}

Test(filter, programs_say_what_their_text_says)
{
    uint64_t rounds = sample("FILTER_TEXTS", 3000), shapes = 0, done = 0;
    for (uint64_t seed = 0; seed < rounds; seed++) {
        struct err e = ERR_INIT;
        struct filter_program p, again;
        struct filter_test test[FILTER_TESTS];
        uint8_t wire[FILTER_WIRE(FILTER_INSNS)];
        uint32_t count;
        state = seed;
        tree_count = 0;
        text[0] = '\0';
        struct tree *t = draw_tree(draw(5));
        put_tree(t);
        if (!filter_compile(text, &p, "filter", &e)) {
            cr_assert(strstr(e.text, "more than") && strlen(text) > 300, "%s", e.text);
            continue;
        }
        done++;
        cr_assert(filter_check(&p), "FILT1: '%s'", text);
        shapes += filter_tests(&p, test, &count);
        cr_assert(filter_load(&again, wire, filter_store(wire, &p)));
        cr_assert(memcmp(&p, &again,
                         offsetof(struct filter_program, insn) + p.count * sizeof p.insn[0]) == 0);
        compare(t, &again);
    }
    cr_assert(done > rounds * 9 / 10 && shapes > rounds / 8, "%lu, %lu", (unsigned long)done,
              (unsigned long)shapes);
}

/* Whatever the bytes are: what is taken for a program ends, and looks at nothing outside. */
Test(filter, hostile_programs_are_refused_or_end)
{
    uint64_t rounds = sample("FILTER_PROGRAMS", 200000), taken = 0;
    for (uint64_t seed = 0; seed < rounds; seed++) {
        uint8_t wire[FILTER_WIRE(FILTER_INSNS)];
        struct filter_program p;
        struct filter_test test[FILTER_TESTS];
        state = seed;
        uint32_t count = draw(6), tests;
        for (uint32_t i = 0; i < FILTER_WIRE(count); i++)
            wire[i] = (uint8_t)draw(draw(2) ? 256 : 9);
        wire[1] = (uint8_t)(draw(20) ? count : draw(256));
        for (uint32_t i = 0; i < count; i++) { /* small numbers: some are taken */
            memset(wire + FILTER_WIRE(i) + 4, 0, 3);
            wire[FILTER_WIRE(i) + 2] &= 3;
            wire[FILTER_WIRE(i) + 3] &= 3;
        }
        if (count > 0)
            memcpy(wire + FILTER_WIRE(count - 1), (uint8_t[8]){ FILTER_ANSWER }, 7);
        if (!filter_load(&p, wire, FILTER_WIRE(count) - (draw(30) == 0)))
            continue;
        taken++;
        bool shape = filter_tests(&p, test, &tests);
        for (uint32_t i = 0; i < 4; i++) {
            struct packet k;
            uint64_t steps = 0;
            draw_packet(&k);
            uint8_t *exact = malloc(k.length ? k.length : 1);
            memcpy(exact, k.bytes, k.length);
            bool yes = filter_run(&p, exact, k.length, &steps), all = true;
            cr_assert(steps <= p.count, "FILT1");
            for (uint32_t n = 0; shape && n < tests; n++) {
                uint32_t v;
                all = all && filter_field(&test[n], exact, k.length, &v) && v == test[n].value;
            }
            cr_assert(!shape || all == yes, "FILT3");
            free(exact);
        }
    }
    cr_assert_gt(taken, rounds / 100);
    struct filter_program never = { .count = 3,
                                    .insn = { { .op = FILTER_LOAD, .size = 1 },
                                              { .op = FILTER_EQUAL },
                                              { .op = FILTER_ANSWER } } };
    struct filter_test one[FILTER_TESTS];
    uint32_t count;
    cr_assert(filter_check(&never));
    cr_assert_not(filter_tests(&never, one, &count), "FILT3: its answer is no");
    struct filter_program loop = {
        .count = 2, .insn = { { .op = FILTER_EQUAL, .jt = 1 }, { .op = FILTER_ANSWER } }
    };
    cr_assert_not(filter_check(&loop), "it jumps beyond its end");
    loop.insn[0].jt = 0;
    cr_assert(filter_check(&loop));
    loop.insn[1].op = FILTER_AND;
    cr_assert_not(filter_check(&loop), "it has no answer");
    loop = (struct filter_program){
        .count = 2, .insn = { { .op = FILTER_LOAD, .size = 4, .k = 125 }, { .op = FILTER_ANSWER } }
    };
    cr_assert_not(filter_check(&loop), "it looks too far");
}

Test(filter, mistakes_get_a_sentence)
{
    static const struct {
        const char *text, *part;
    } all[] = {
        { "", "has its end where a test is wanted" },
        { "tpc", "has 'tpc', which is no test, did you mean 'tcp'?" },
        { "tcp and", "has its end where a test is wanted" },
        { "tcp udp", "has 'udp' where 'and', 'or' or its end is wanted" },
        { "(tcp", "has its end where 'and', 'or' or ')' is wanted" },
        { "port 65536", "has '65536' where a port, a number up to 65535, is wanted" },
        { "port http", "where a port" },
        { "tcp port 0x", "has '0x' where a port" },
        { "tcp host 10.1.0.1", "has 'host' where 'and'" },
        { "tcp src host 10.1.0.1", "has 'host' where port or portrange is wanted" },
        { "host 10.1.0", "has '10.1.0' where the address of a host, as 10.1.0.9, is wanted" },
        { "net 10.1.0.0", "where a network, as 10.1.0.0/16, is wanted" },
        { "src 10.1.0.1", "where host, net, port or portrange is wanted" },
        { "portrange 9-7", "has '9-7' where a range of ports, as 5000-5010, is wanted" },
        { "portrange 7-9x", "where a range" },
        { "proto 256", "where a protocol, tcp, udp, icmp or a number up to 255, is wanted" },
        { "ip[128] = 1", "where an offset up to 127 is wanted" },
        { "ip[127:2] = 1", "looks at bytes beyond 128" },
        { "ip[0:3] = 1", "has '3' where a size, 1, 2 or 4, is wanted" },
        { "ip[0:2 = 1", "has '=' where ']' is wanted" },
        { "ip[0] & 256 = 1", "has '256' where a mask no wider than the bytes is wanted" },
        { "ip[0] ~ 1", "has '~' where '&', '=', '!=', '<', '<=', '>' or '>=' is wanted" },
        { "ip[0:2] = 65536", "has '65536' where a number no wider than the bytes is wanted" },
        { "ip src port 7", "has 'port' where host or net is wanted" },
    };
    struct filter_program p;
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        struct err e = ERR_INIT;
        cr_assert_not(filter_compile(all[i].text, &p, "graph[3].filter", &e), "'%s'", all[i].text);
        cr_expect(strncmp(e.text, "graph[3].filter: the filter '", 29) == 0, "%s", e.text);
        cr_expect_not_null(strstr(e.text, all[i].part), "'%s': %s", all[i].text, e.text);
    }
    char deep[200] = "";
    struct err e = ERR_INIT;
    memset(deep, '(', 100);
    strcpy(deep + 100, "tcp");
    cr_assert_not(filter_compile(deep, &p, "f", &e));
    cr_expect_not_null(strstr(e.text, "parentheses and nots in each other"), "%s", e.text);
    memset(text, 0, sizeof text);
    for (uint32_t i = 0; i < 70; i++)
        put("%sip[%u] > %u", i ? " or " : "", i, i);
    e = (struct err)ERR_INIT;
    cr_assert_not(filter_compile(text, &p, "f", &e));
    cr_expect_not_null(strstr(e.text, "is a program of more than 128 instructions"), "%s", e.text);
}

/* ---- the table ---- */

#define KINDS 6
#define FILTERS 60

/* A filter by two numbers: its form, and what it asks for. */
static void draw_filter(struct filter_program *p)
{
    struct err e = ERR_INIT;
    uint32_t port = ports[draw(4)], host = 1 + draw(3);
    text[0] = '\0';
    switch (draw(KINDS + 2)) {
    case 0:
        put("tcp and dst port %u and src host 10.1.0.%u", port, host);
        break;
    case 1:
        put("src host 10.1.0.%u and udp dst port %u", host, port);
        break;
    case 2:
        put("tcp dst port %u or src host 10.1.0.%u", port, host);
        break;
    case 3:
        put("ip[8] > %u", host);
        break;
    case 4:
        put("not port %u", port);
        break;
    case 5:
        put("udp src port %u", port);
        break;
    default:
        filter_session(p, draw(2) ? 6 : 17, addresses[draw(4)], ports[draw(4)], addresses[draw(4)],
                       ports[draw(4)]);
    }
    if (text[0])
        cr_assert(filter_compile(text, p, "f", &e), "%s", e.text);
    p->priority = (uint8_t)draw(3);
}

static struct listed {
    bool there;
    uint32_t upper;
    struct filter_program p;
} listed[FILTERS]; /* in the order of their coming */

static uint32_t listed_count;

/* The tests of both are the same, whatever their order: they are met by the same datagrams. */
static bool equal(const struct filter_program *a, const struct filter_program *b)
{
    struct filter_test x[FILTER_TESTS], y[FILTER_TESTS];
    uint32_t n, m;
    if (a->priority != b->priority)
        return false;
    bool one = filter_tests(a, x, &n), other = filter_tests(b, y, &m);
    if (one != other)
        return false;
    return one ? n == m && memcmp(x, y, n * sizeof x[0]) == 0
               : a->count == b->count &&
                     memcmp(a->insn, b->insn, a->count * sizeof a->insn[0]) == 0;
}

static bool odd_lives(void *arg, uint32_t upper)
{
    return *(bool *)arg || upper % 2;
}

static void on_a_node(void (*job)(struct port *p, void *arg), void *arg)
{
    struct fake *f = fake_create(&(struct fake_options){ .nodes = 1 });
    fake_boot(f, 0, job, arg);
    cr_assert(fake_step(f));
    fake_destroy(f);
}

static void table_job(struct port *port, void *arg)
{
    struct filter_table t = { 0 };
    state = *(uint64_t *)arg;
    filter_table_init(&t, port);
    uint64_t heap = port_heap_bytes(port);
    listed_count = 0;
    memset(listed, 0, sizeof listed);
    for (uint32_t i = 0; i < 400; i++) {
        struct filter_program p = { 0 };
        struct listed *same = NULL, *best = NULL;
        uint32_t upper = 1 + draw(4);
        draw_filter(&p);
        for (uint32_t k = 0; k < listed_count; k++)
            same = listed[k].there && equal(&listed[k].p, &p) ? &listed[k] : same;
        if (same && draw(2)) {
            cr_assert_eq(filter_table_remove(&t, same->upper + 1, &p), XK_NO_PEER);
            cr_assert_eq(filter_table_remove(&t, same->upper, &same->p), XK_OK);
            same->there = false;
        } else if (same || listed_count < FILTERS) {
            cr_assert_eq(filter_table_add(&t, upper, 0, &p), same ? XK_IN_USE : XK_OK, "FILT5");
            if (!same)
                listed[listed_count++] = (struct listed){ true, upper, p };
        } else {
            cr_assert_eq(filter_table_remove(&t, upper, &p), XK_NO_PEER);
        }
        for (uint32_t n = 0; n < 5; n++) {
            struct packet k;
            struct filter_seen seen = { 0 };
            uint64_t steps = 0;
            bool all = draw(2);
            draw_packet(&k);
            best = NULL;
            for (uint32_t j = 0; j < listed_count; j++)
                if (listed[j].there && (all || listed[j].upper % 2) &&
                    filter_run(&listed[j].p, k.bytes, k.length, &steps) &&
                    (!best || listed[j].p.priority > best->p.priority))
                    best = &listed[j];
            const struct filter_entry *x =
                filter_table_find(&t, k.bytes, k.length, odd_lives, &all, &seen);
            cr_assert_eq(x != NULL, best != NULL);
            cr_assert(!x || (x->upper == best->upper && equal(x->program, &best->p)), "FILT4");
            cr_assert_leq(seen.looked, 3 * KINDS);
        }
    }
    for (uint32_t k = 0; k < listed_count; k++)
        if (listed[k].there)
            cr_assert_eq(filter_table_remove(&t, listed[k].upper, &listed[k].p), XK_OK);
    cr_assert_eq(port_heap_bytes(port), heap);
}

Test(filter, the_table_has_for_each_datagram_the_oldest_of_the_highest)
{
    for (uint64_t seed = 0; seed < sample("FILTER_TABLES", 60); seed++)
        on_a_node(table_job, &seed);
}

static void many_job(struct port *port, void *arg)
{
    struct filter_table t = { 0 };
    struct filter_program p;
    bool all = true;
    (void)arg;
    filter_table_init(&t, port);
    for (uint32_t i = 0; i < 1000; i++) {
        filter_session(&p, 6, addresses[0], 80, addresses[1], (uint16_t)(1024 + i));
        cr_assert_eq(filter_table_add(&t, 1 + i % 60, 0, &p), XK_OK);
    }
    for (uint32_t i = 0; i < 1100; i++) {
        struct packet k;
        struct filter_seen seen = { 0 };
        draw_packet(&k);
        k.length = 40;
        k.bytes[0] = 0x45;
        k.bytes[9] = 6;
        wire_put16(k.bytes + 6, 0);
        wire_put32(k.bytes + 12, addresses[1]);
        wire_put32(k.bytes + 16, addresses[0]);
        wire_put16(k.bytes + 20, (uint16_t)(1024 + i));
        wire_put16(k.bytes + 22, 80);
        const struct filter_entry *x =
            filter_table_find(&t, k.bytes, k.length, odd_lives, &all, &seen);
        cr_assert(i < 1000 ? x && x->upper == 1 + i % 60 : !x);
        cr_assert(seen.looked == 1 && seen.steps == 0, "one look-up for a thousand sessions");
    }
    struct err e = ERR_INIT;
    cr_assert(filter_compile("src host 10.1.0.1 and udp dst port 80", &p, "f", &e));
    cr_assert_eq(filter_table_add(&t, 1, 0, &p), XK_OK);
    cr_assert(filter_compile("udp dst port 80 and src host 10.1.0.1", &p, "f", &e));
    cr_assert_eq(filter_table_add(&t, 2, 0, &p), XK_IN_USE, "FILT5: in whatever order it stands");
}

Test(filter, a_thousand_sessions_are_one_look_up)
{
    on_a_node(many_job, NULL);
}

/* ---- FILTER between hosts ---- */

/* Instances 4 and 6 are ip and lib; each has a probe, whose messages name it by its number. */
#define HOSTS                                                                                      \
    "eth eth interface=mesh; arp arp <eth retry=1ms; filter filter <arp; ip ip <filter; "          \
    "probe probe <ip; lib ip <filter domain=app; low probe <lib domain=app"
#define TO_LOW "ip proto 253 and ip[20:2] = 7"

static struct xk_graph *hosts(const char *graph, const char *filter)
{
    struct err e = ERR_INIT;
    struct val *v = rig_val(graph);
    if (filter)
        val_put(v->items[5], "filter", val_new_string(filter, "graph", 1));
    struct xk_graph *g = xk_graph_load(v, rig_protocols(), "graph", rig_networks, 2, &e);
    cr_assert_not_null(g, "%s", e.text);
    val_free(v);
    return g;
}

static void start(struct rig *r, const char *graph, const char *filter)
{
    struct fake_options o = { .nodes = 3, .mtu = 1514, .broadcast = true, .tx_queue = 2 };
    rig_boot_all(r, fake_create(&o), hosts(graph, filter), 3, NULL, NULL);
}

struct job {
    struct rig *r;
    const char *from;
    uint32_t node, to;
    uint64_t seed, length;
    enum xk_status status;
};

static void send_job(struct port *p, void *arg)
{
    struct job *j = arg;
    struct xk_protl *probe = xk_find(j->r->k[j->node], j->from);
    struct rope d;
    struct xk_msg m;
    (void)p;
    struct xk_sessn *s = xk_open(probe->down[0], probe, xk_node(j->to), &j->status);
    if (!s)
        return;
    rope_init(&d);
    rope_add_pattern(&d, j->seed, 0, j->length);
    xk_msg_init_rope(&m, &d);
    j->status = xk_push(s, &m);
    xk_msg_fini(&m);
    xk_close(s);
}

static enum xk_status send_from(struct rig *r, const char *from, uint32_t node, uint32_t to,
                                uint64_t seed, uint64_t length)
{
    struct job j = { r, from, node, to, seed, length, XK_OK };
    fake_call(r->f, node, send_job, &j);
    fake_run(r->f, 0);
    return j.status;
}

static bool has(struct rig *r, const char *who, uint32_t node, uint64_t got, uint64_t seed,
                uint64_t length)
{
    const struct probe *p = xk_find(r->k[node], who)->state;
    const struct probe_got *g = &p->log[p->got - 1];
    return p->got == got && g->length == length && g->hash == rig_pattern_hash(seed, length);
}

static void forget_last(struct rig *r)
{
    for (uint32_t i = 0; i < 3; i++) {
        struct probe *low = fake_up(r->f, i) ? xk_find(r->k[i], "low")->state : NULL;
        if (low)
            rope_fini(&low->last);
    }
    cr_assert(rig_alloc_quiet(r));
}

/* Two instances of IP with one address: each gets what is its own, of any length; FILT6. */
Test(filter, each_of_two_instances_of_ip_gets_its_own)
{
    static const uint64_t lengths[] = { 0, 100, 1476, 1477, 4000, 20000 };
    struct rig r;
    start(&r, HOSTS, TO_LOW);
    uint64_t n = 0;
    for (size_t i = 0; i < ARRAY_LEN(lengths); i++)
        for (uint32_t a = 0; a < 3; a++) {
            uint32_t b = (a + 1) % 3;
            cr_assert_eq(send_from(&r, "probe", a, b, 2 * i, lengths[i]), XK_OK);
            cr_assert_eq(send_from(&r, "low", a, b, 2 * i + 1, lengths[i]), XK_OK);
            cr_assert(has(&r, "probe", b, i + 1, 2 * i, lengths[i]), "%zu %u", i, a);
            cr_assert(has(&r, "low", b, i + 1, 2 * i + 1, lengths[i]), "%zu %u", i, a);
            n += 2;
        }
    cr_assert_eq(fake_count(r.f, 0, "lib.delivered"), ARRAY_LEN(lengths));
    cr_assert_eq(fake_count(r.f, 0, "ip.delivered"), ARRAY_LEN(lengths));
    cr_assert_gt(fake_count(r.f, 0, "filter.fragments"), 30);
    cr_assert_eq(fake_count(r.f, 0, "filter.received"),
                 fake_count(r.f, 0, "filter.matched") + fake_count(r.f, 0, "filter.rest"));
    cr_assert_eq(fake_work(r.f, 0, PORT_WORK_FILTER), fake_count(r.f, 0, "filter.looked"));
    cr_assert_gt(n, 0);
    forget_last(&r);
    rig_stop(&r);
}

/* FILT6: datagrams that come cut, between each other's fragments. */
Test(filter, fragments_of_several_datagrams_go_where_their_first_went)
{
    static const char *const who[] = { "low", "probe" };
    struct rig r;
    start(&r, HOSTS, TO_LOW);
    for (uint32_t from = 0; from < 3; from += 2)
        cr_assert_eq(send_from(&r, "low", from, 1, 9, 1), XK_OK); /* stations are known then */
    for (uint32_t i = 0; i < 8; i++) {
        struct job j = { &r, who[i / 2 % 2], i % 2 * 2, 1, i, 9000, XK_OK };
        fake_call(r.f, j.node, send_job, &j);
        cr_assert_eq(j.status, XK_OK);
    }
    fake_run(r.f, 0);
    for (uint32_t i = 0; i < 2; i++)
        cr_assert_eq(((struct probe *)xk_find(r.k[1], who[i])->state)->got, i == 0 ? 6 : 4);
    cr_assert_eq(fake_count(r.f, 1, "ip.fragments_in"), 4 * 7);
    forget_last(&r);
    rig_stop(&r);
}

/* Of what came cut and whose beginning nobody remembers the rest goes to the first instance. */
Test(filter, fragments_are_remembered_for_the_last_datagrams_alone)
{
    struct rig r;
    start(&r,
          "eth eth interface=mesh; arp arp <eth retry=1ms; filter filter <arp fragments=0; "
          "ip ip <filter reassembly=1ms; probe probe <ip; "
          "lib ip <filter domain=app reassembly=1ms; low probe <lib domain=app",
          TO_LOW);
    cr_assert_eq(send_from(&r, "low", 0, 1, 1, 2000), XK_OK);
    cr_assert_eq(((struct probe *)xk_find(r.k[1], "low")->state)->got, 0);
    cr_assert_eq(fake_count(r.f, 1, "ip.fragments_in"), 1);
    cr_assert_eq(fake_count(r.f, 1, "lib.fragments_in"), 1);
    forget_last(&r);
    rig_stop(&r);
}

struct change {
    struct rig *r;
    uint32_t node, upper;
    const char *below;
    const struct filter_program *p;
    bool add;
    enum xk_status status;
};

static void change_job(struct port *p, void *arg)
{
    struct change *c = arg;
    struct xk_protl *below = xk_find(c->r->k[c->node], c->below);
    (void)p;
    c->status = c->add ? filter_add(below, c->upper, c->p) : filter_remove(below, c->upper, c->p);
}

static enum xk_status change(struct rig *r, uint32_t node, const char *below, bool add,
                             uint32_t upper, const struct filter_program *p)
{
    struct change c = { r, node, upper, below, p, add, XK_OK };
    fake_call(r->f, node, change_job, &c);
    return c.status;
}

/* Filters come and go while all runs, by controls that pass domains and IP. */
Test(filter, filters_are_added_and_removed_through_ip)
{
    struct err e = ERR_INIT;
    struct filter_program p, bad = { .count = 1, .insn = { { .op = FILTER_AND } } };
    struct rig r;
    start(&r, HOSTS, NULL);
    cr_assert(filter_compile(TO_LOW, &p, "f", &e), "%s", e.text);
    cr_assert_eq(send_from(&r, "low", 0, 1, 1, 10), XK_OK);
    cr_assert_eq(fake_count(r.f, 1, "ip.unknown_protocol"), 1, "the first has what nobody takes");
    cr_assert_eq(change(&r, 1, "filter", true, 6, &bad), XK_REFUSED);
    cr_assert_eq(change(&r, 1, "filter", true, 5, &p), XK_REFUSED, "a probe does not stand on it");
    cr_assert_eq(change(&r, 1, "filter", true, 99, &p), XK_REFUSED);
    cr_assert_eq(change(&r, 1, "arp", true, 6, &p), XK_REFUSED);
    cr_assert_eq(change(&r, 1, "lib", true, 6, &p), XK_OK, "across the boundary");
    cr_assert_eq(change(&r, 1, "ip", true, 4, &p), XK_IN_USE, "FILT5");
    cr_assert_eq(send_from(&r, "low", 0, 1, 2, 10), XK_OK);
    cr_assert(has(&r, "low", 1, 1, 2, 10));
    cr_assert_eq(change(&r, 1, "ip", false, 4, &p), XK_NO_PEER, "it is another's");
    cr_assert_eq(change(&r, 1, "ip", false, 6, &p), XK_OK);
    cr_assert_eq(change(&r, 1, "ip", false, 6, &p), XK_NO_PEER);
    cr_assert_eq(send_from(&r, "low", 0, 1, 3, 10), XK_OK);
    cr_assert_eq(fake_count(r.f, 1, "ip.unknown_protocol"), 2);
    cr_assert_eq(fake_count(r.f, 1, "filter.added"), 1);
    cr_assert_eq(fake_count(r.f, 1, "filter.removed"), 1);
    forget_last(&r);
    rig_stop(&r);
}

/* An error of ICMP of that type to node 1, about `quoted` bytes of what TCP's port 80 there has
 * sent to port 1024, with options of IP in words. */
static void inject_error(struct rig *r, uint8_t type, uint32_t quoted, uint32_t options,
                         uint16_t offset)
{
    uint8_t f[200] = { 0 };
    uint8_t *ip = f + 14, *icmp = ip + 20, *q = icmp + 8;
    eth_address_store(f, 1);
    eth_address_store(f + 6, 0);
    wire_put16(f + 12, ETH_TYPE_IP);
    ip[0] = 0x45;
    ip[9] = 1;
    wire_put32(ip + 12, 0x0a000001);
    wire_put32(ip + 16, 0x0a000002);
    icmp[0] = type;
    q[0] = (uint8_t)(0x45 + options);
    q[9] = 6;
    wire_put16(q + 6, offset);
    wire_put32(q + 12, 0x0a000002);
    wire_put32(q + 16, 0x0a000001);
    wire_put16(q + 20 + 4 * options, 80);
    wire_put16(q + 22 + 4 * options, 1024);
    fake_inject(r->f, 0, 1, f, 14 + 28 + quoted);
    fake_run(r->f, 0);
}

/* FILT8. */
Test(filter, errors_go_to_whom_they_are_about)
{
    static const struct {
        uint8_t type;
        uint32_t quoted, options;
        uint16_t offset;
        bool lib;
    } all[] = {
        { 3, 28, 0, 0, true },       { 11, 28, 0, 0x2000, true }, { 3, 68, 10, 0, true },
        { 8, 28, 0, 0, false },      { 3, 23, 0, 0, false },      { 3, 64, 10, 0, true },
        { 3, 28, 0, 0x2001, false }, { 3, 63, 10, 0, false },     { 3, 10, 0, 0, false },
        { 3, 24, 0, 0, true },
    };
    struct filter_program p;
    struct rig r;
    uint64_t lib = 0, first = 0;
    start(&r, HOSTS, NULL);
    filter_session(&p, 6, 0x0a000002, 80, 0x0a000001, 1024);
    cr_assert_eq(change(&r, 1, "ip", true, 6, &p), XK_OK);
    for (size_t i = 0; i < ARRAY_LEN(all); i++) {
        inject_error(&r, all[i].type, all[i].quoted, all[i].options, all[i].offset);
        lib += all[i].lib;
        first += !all[i].lib;
        cr_assert_eq(fake_count(r.f, 1, "lib.received"), lib, "%zu", i);
        cr_assert_eq(fake_count(r.f, 1, "ip.received"), first, "%zu", i);
    }
    rig_stop(&r);
}

/* A node with a thousand sessions: their filters are one look-up of a datagram. */
Test(filter, a_thousand_filters_on_a_node_are_one_look_up)
{
    struct err e = ERR_INIT;
    struct filter_program p;
    struct rig r;
    start(&r, HOSTS, NULL);
    for (uint16_t i = 0; i < 1000; i++) {
        filter_session(&p, 6, 0x0a000002, 80, 0x0a000001, (uint16_t)(1024 + i));
        cr_assert_eq(change(&r, 1, "ip", true, 6, &p), XK_OK);
    }
    cr_assert(filter_compile(TO_LOW, &p, "f", &e), "%s", e.text);
    cr_assert_eq(change(&r, 1, "ip", true, 6, &p), XK_OK);
    cr_assert_eq(send_from(&r, "low", 0, 1, 1, 10), XK_OK);
    cr_assert(has(&r, "low", 1, 1, 1, 10));
    cr_assert_eq(fake_count(r.f, 1, "filter.most"), 1001);
    cr_assert_eq(fake_count(r.f, 1, "filter.looked"), 2, "that of sessions, and its own");
    cr_assert_eq(fake_work(r.f, 1, PORT_WORK_FILTER), 2);
    for (uint16_t i = 0; i < 1000; i++) {
        filter_session(&p, 6, 0x0a000002, 80, 0x0a000001, (uint16_t)(1024 + i));
        cr_assert_eq(change(&r, 1, "lib", false, 6, &p), XK_OK);
    }
    forget_last(&r);
    rig_stop(&r);
}

/* Two networks, each with a FILTER: a filter of an instance of IP is at both, or at none. */
Test(filter, filters_are_of_all_networks_or_of_none)
{
    struct fake_options o = { .nodes = 3, .interfaces = 2, .mtu = 1514, .broadcast = true };
    struct err e = ERR_INIT;
    struct filter_program p;
    struct rig r;
    struct val *v = rig_val("eth eth interface=mesh; leth eth interface=lan; "
                            "arp arp <eth address=10.1.0.0/16 retry=1ms; "
                            "larp arp <leth address=10.2.0.0/16 retry=1ms; one filter <arp; "
                            "two filter <larp; ip ip <one <two; probe probe <ip; "
                            "lib ip <one <two domain=app; low probe <lib domain=app");
    struct xk_graph *g = xk_graph_load(v, rig_protocols(), "graph", rig_networks, 2, &e);
    cr_assert_not_null(g, "%s", e.text);
    val_free(v);
    rig_boot_all(&r, fake_create(&o), g, 3, NULL, NULL);
    cr_assert(filter_compile("ip proto 253 and ip[20:2] = 10", &p, "f", &e), "%s", e.text);
    cr_assert_eq(change(&r, 1, "two", true, 7, &p), XK_OK);
    cr_assert_eq(change(&r, 1, "lib", true, 9, &p), XK_IN_USE);
    cr_assert_eq(fake_count(r.f, 1, "one.added"), 1);
    cr_assert_eq(fake_count(r.f, 1, "one.removed"), 1, "of none");
    cr_assert_eq(change(&r, 1, "two", false, 7, &p), XK_OK);
    cr_assert_eq(change(&r, 1, "ip", true, 9, &p), XK_OK);
    cr_assert_eq(change(&r, 1, "one", true, 7, &p), XK_IN_USE, "of all");
    cr_assert_eq(change(&r, 1, "two", true, 7, &p), XK_IN_USE);
    cr_assert_eq(send_from(&r, "low", 0, 1, 1, 3000), XK_OK);
    cr_assert(has(&r, "low", 1, 1, 1, 3000));
    cr_assert_eq(change(&r, 1, "one", false, 9, &p), XK_OK);
    cr_assert_eq(change(&r, 1, "ip", false, 9, &p), XK_NO_PEER, "at one of them no more");
    cr_assert_eq(change(&r, 1, "two", false, 9, &p), XK_NO_PEER, "nor at the other");
    cr_assert_eq(send_from(&r, "low", 0, 1, 2, 10), XK_OK);
    cr_assert_eq(fake_count(r.f, 1, "ip.unknown_protocol"), 1);
    forget_last(&r);
    rig_stop(&r);
}

static void crash_app(struct port *p, void *arg)
{
    (void)p;
    port_task_crash(xk_domain_task(((struct rig *)arg)->k[1], "app"));
}

/* What is for one whose domain is dead goes to the first, which answers for it. */
Test(filter, what_is_for_a_dead_domain_goes_to_the_first_instance)
{
    struct rig r;
    start(&r, HOSTS, TO_LOW);
    cr_assert_eq(send_from(&r, "low", 0, 1, 1, 10), XK_OK);
    cr_assert(has(&r, "low", 1, 1, 1, 10));
    fake_call(r.f, 1, crash_app, &r);
    fake_run(r.f, 0);
    cr_assert_eq(send_from(&r, "low", 0, 1, 2, 10), XK_OK);
    cr_assert_eq(fake_count(r.f, 1, "ip.unknown_protocol"), 1);
    cr_assert_eq(((struct probe *)xk_find(r.k[0], "low")->state)->failed, 1, "FILT8");
    cr_assert_eq(send_from(&r, "probe", 0, 1, 3, 10), XK_OK);
    cr_assert(has(&r, "probe", 1, 1, 3, 10));
    forget_last(&r);
    rig_stop(&r);
}

/* FILT7: all who speak with a host that does not answer are told. */
Test(filter, a_host_that_does_not_answer_is_told_to_each)
{
    static const char *const who[] = { "low", "probe" };
    struct rig r;
    start(&r, HOSTS, TO_LOW);
    fake_crash(r.f, 2);
    for (uint32_t i = 0; i < 2; i++) {
        struct job j = { &r, who[i], 0, 2, i, 10, XK_OK };
        fake_call(r.f, 0, send_job, &j);
        cr_assert_eq(j.status, XK_OK);
    }
    fake_run(r.f, 0);
    for (uint32_t i = 0; i < 2; i++) {
        const struct probe *p = xk_find(r.k[0], who[i])->state;
        cr_assert(p->failed == 1 && p->why == XK_UNREACHABLE, "%s", who[i]);
    }
    forget_last(&r);
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

static void refused(const char *graph, const char *filter, const char *part)
{
    struct err e = ERR_INIT;
    struct val *v = rig_val(graph);
    if (filter)
        val_put(v->items[v->count - 1], "filter", val_new_string(filter, "graph", 1));
    cr_assert_null(xk_graph_load(v, rig_protocols(), "graph", rig_networks, 2, &e), "%s", graph);
    cr_expect_not_null(strstr(e.text, part), "'%s' does not say '%s'", e.text, part);
    val_free(v);
}

Test(filter, graphs_that_cannot_be_get_a_sentence)
{
    refused("eth eth interface=mesh; f filter <eth", NULL,
            "protocol 'filter' stands on an instance of 'arp', and 'eth' is none");
    refused("eth eth interface=mesh; arp arp <eth; ip ip <arp domain=app", NULL,
            "allowed is an instance of 'filter' between them");
    refused("eth eth interface=mesh; arp arp <eth; ip ip <arp", "tcp",
            "graph[3].filter: 'arp' below it is no instance of 'filter'");
    refused("eth eth interface=mesh; arp arp <eth; f filter <arp; ip ip <f", "tcp and port",
            "graph[4].filter: the filter 'tcp and port' has its end where a port");
    refused("eth eth interface=mesh; arp arp <eth; f filter <arp; u udp <f", NULL, "stands");
}

/* ---- placements ---- */

#define QUICK                                                                                      \
    "rto_min=10ms rto_first=100ms tick=1ms ack_delay=5ms msl=1ms persist_min=50ms mss=900B"
#define IN_KERNEL "eth eth; arp arp <eth retry=1ms tries=20 down=20ms; filter filter <arp "
#define IN_LIBRARY                                                                                 \
    "; ip ip <filter; lib ip <filter domain=app filter=tcp; tcp tcp <lib " QUICK                   \
    " domain=app; user streams <tcp domain=app"
#define IN_SERVER                                                                                  \
    "; ip ip <filter domain=server; tcp tcp <ip " QUICK                                            \
    " domain=server; user streams <tcp domain=app"

static const struct {
    const char *graph, *transfer; /* of the program's domain; NULL: it is the kernel's */
} placed[] = {
    { IN_KERNEL "; ip ip <filter; tcp tcp <ip " QUICK "; user streams <tcp", NULL },
    { IN_KERNEL "; ip ip <filter; tcp tcp <ip " QUICK "; user streams <tcp domain=app", "trap" },
    { IN_KERNEL "delivery=ipc" IN_LIBRARY, "ipc" },
    { IN_KERNEL "delivery=ring" IN_LIBRARY, "ipc" },
    { IN_KERNEL "delivery=ring_driver" IN_LIBRARY, "pass" },
    { IN_KERNEL "delivery=copy" IN_LIBRARY, "pass" },
    { IN_KERNEL "delivery=ipc" IN_SERVER, "ipc" },
    { IN_KERNEL "delivery=ring" IN_SERVER, "ring" },
    { IN_KERNEL "delivery=ring_driver" IN_SERVER, "trap" },
};

static void place(struct rig *r, size_t i, const struct fake_options *o)
{
    struct err e = ERR_INIT;
    tcp_rig_protocols();
    struct xk_graph *g = rig_graph(placed[i].graph);
    if (placed[i].transfer) {
        struct val *all = val_new(VAL_TABLE, "domains", 1), *app = val_new(VAL_TABLE, "domains", 1);
        val_put(app, "transfer", val_new_string(placed[i].transfer, "domains", 1));
        val_put(all, "app", app);
        cr_assert(xk_graph_domains(g, all, "machine.domains", &e), "%s", e.text);
        val_free(all);
    }
    rig_boot_all(r, fake_create(o), g, 2, NULL, NULL);
}

/* Streams both ways between two nodes, each placed as it likes, over a network that loses, doubles
 * and delays: every byte comes (tcp_rig compares), and nothing is left. */
static void both_ways(size_t i, const struct fake_options *o)
{
    enum xk_status why;
    struct rig r;
    place(&r, i, o);
    cr_assert_eq(tcp_rig_listen(&r, 1, 80), XK_OK);
    struct streams *there = tcp_streams(&r, 1);
    there->accept_from = 8;
    there->accept_seed = 9;
    there->accept_push = 15000;
    there->close_at_end = true;
    struct stream *x = tcp_rig_open(&r, 0, 1, 0, 80, &why);
    cr_assert_not_null(x, "%s: %s", placed[i].graph, xk_status_name(why));
    x->seed = 8;
    x->from_seed = 9;
    x->to_push = 30000;
    x->finish = true;
    tcp_rig_push(&r, 0, x, 1000);
    fake_run(r.f, 0);
    cr_assert_eq(there->count, 1);
    const struct stream *y = &there->at[0];
    cr_assert(y->got == 30000 && x->got == 15000 && y->ends == 1 && x->ends == 1,
              "%s, seed %lu: %lu and %lu bytes", placed[i].graph, (unsigned long)o->seed,
              (unsigned long)y->got, (unsigned long)x->got);
    cr_assert(x->fails <= 1 && y->fails <= 1);
    rig_stop(&r);
    cr_assert_eq(rope_leaves_alive(), 0);
}

Test(filter, streams_are_whole_wherever_tcp_stands, .timeout = 3600)
{
    uint64_t runs = sample("FILTER_STREAMS", 2);
    for (uint64_t n = 0; n < runs; n++)
        for (size_t i = 0; i < ARRAY_LEN(placed); i++)
            both_ways(i, &(struct fake_options){ .seed = n + 1,
                                                 .mtu = 1514,
                                                 .broadcast = true,
                                                 .lossy = true,
                                                 .unordered = true,
                                                 .latency = SIM_MS,
                                                 .drop_ppm = n % 2 ? 20000 : 0,
                                                 .duplicate_ppm = 20000,
                                                 .delay_ppm = 20000,
                                                 .delay_max = 20 * SIM_MS,
                                                 .flatten = n % 3 == 0 });
}

static void crash_domain(struct port *p, void *arg)
{
    struct port *task = xk_domain_task(((struct rig *)arg)->k[1], "app");
    (void)p;
    if (task)
        port_task_crash(task);
}

/* The library's domain dies at any event: what comes for it the first instance of IP has, which
 * here has no TCP; the peer gives up, and nothing is left behind. */
Test(filter, a_library_that_dies_at_any_event_leaks_nothing)
{
    for (uint64_t step = 0; step<400; step += sample_one_in()> 1 ? 37 : 7) {
        struct fake_options o = { .mtu = 1514, .broadcast = true, .latency = SIM_MS };
        enum xk_status why;
        struct rig r;
        place(&r, 3, &o);
        cr_assert_eq(tcp_rig_listen(&r, 1, 80), XK_OK);
        tcp_streams(&r, 1)->accept_from = 8;
        struct stream *x = tcp_rig_open(&r, 0, 1, 0, 80, &why);
        x->seed = 8;
        x->to_push = 20000000;
        tcp_rig_push(&r, 0, x, 1000);
        fake_run(r.f, step + 1);
        fake_call(r.f, 1, crash_domain, &r);
        fake_run(r.f, 0);
        cr_assert(fake_up(r.f, 1));
        cr_assert(x->fails == 1 && x->pushed < 20000000, "step %lu", (unsigned long)step);
        cr_assert_gt(fake_count(r.f, 1, "filter.rest"), 0);
        cr_assert_eq(fake_count(r.f, 1, "filter.received"),
                     fake_count(r.f, 1, "filter.matched") + fake_count(r.f, 1, "filter.rest"));
        rig_stop(&r);
        cr_assert_eq(rope_leaves_alive(), 0);
    }
}
