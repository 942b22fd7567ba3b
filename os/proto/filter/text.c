/* text.c: the language of filters: read into a tree, which becomes a program from its end on: so
 * where a jump goes is known when it is made [as any compiler of conditions; McCanne & Jacobson
 * 1993, section 3].  What is known when a test is reached (the protocol, that it is a first
 * fragment, the index register) is not looked at again.  See program.h.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "os/proto/filter/program.h"
#include "os/xk/inet.h"

#define NODES 160
#define DEEPEST 24 /* parentheses and nots in each other */
#define WORD 48

enum kind { TRUE_NODE, TEST, AND, OR, NOT };
enum relation { EQUAL, DIFFERENT, GREATER, LESS, LEAST, MOST };

struct node {
    enum kind kind;
    uint8_t a, b; /* of AND, OR; of NOT: a */
    enum relation relation;
    struct filter_test test;
};

struct text {
    const char *at, *from;
    char word[WORD]; /* the next token; "": the end */
    const char *place;
    struct err *e;
    struct node nodes[NODES];
    uint32_t count, depth;
};

#define BAD UINT8_MAX
#define IP_PROTOCOL 9 /* offsets in IP's header [RFC 791] */
#define IP_FRAGMENT 6
#define IP_SOURCE 12
#define IP_TARGET 16

/* ---- tokens ---- */

static bool part_of_word(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '.' ||
           c == '/' || c == '-' || c == '_';
}

static void next(struct text *t)
{
    static const char *const doubles[] = { "==", "!=", "<=", ">=", "&&", "||" };
    size_t n = 0;
    while (*t->at == ' ' || *t->at == '\t' || *t->at == '\n')
        t->at++;
    while (part_of_word(t->at[n]))
        n++;
    for (size_t i = 0; n == 0 && i < ARRAY_LEN(doubles); i++)
        if (strncmp(t->at, doubles[i], 2) == 0)
            n = 2;
    if (n == 0 && *t->at)
        n = 1;
    snprintf(t->word, sizeof t->word, "%.*s", (int)n, t->at);
    t->at += n;
}

static bool is(const struct text *t, const char *word)
{
    return strcmp(t->word, word) == 0;
}

static bool take(struct text *t, const char *word)
{
    bool there = is(t, word);
    if (there)
        next(t);
    return there;
}

static const char *here(const struct text *t)
{
    return t->word[0] ? t->word : "its end";
}

static uint8_t wrong(struct text *t, const char *wanted)
{
    err_set(t->e, "%s: the filter '%.100s' has %s%s%s where %s is wanted", t->place, t->from,
            t->word[0] ? "'" : "", here(t), t->word[0] ? "'" : "", wanted);
    return BAD;
}

static bool number(struct text *t, uint64_t most, uint32_t *out)
{
    char *end;
    if (t->word[0] < '0' || t->word[0] > '9')
        return false;
    unsigned long long v = strtoull(t->word, &end, t->word[1] == 'x' ? 16 : 10);
    if (*end || v > most)
        return false;
    *out = (uint32_t)v;
    next(t);
    return true;
}

/* ---- nodes ---- */

static uint8_t node(struct text *t, struct node n)
{
    if (t->count == NODES) {
        err_set(t->e, "%s: the filter '%.100s' has more than %d tests", t->place, t->from,
                NODES / 4);
        return BAD;
    }
    t->nodes[t->count] = n;
    return (uint8_t)t->count++;
}

static uint8_t both(struct text *t, enum kind kind, uint8_t a, uint8_t b)
{
    return a == BAD || b == BAD ? BAD : node(t, (struct node){ .kind = kind, .a = a, .b = b });
}

static uint8_t test(struct text *t, bool behind, uint8_t size, uint32_t offset, uint32_t mask,
                    enum relation relation, uint32_t value)
{
    return node(t, (struct node){ .kind = TEST,
                                  .relation = relation,
                                  .test = { .behind = behind,
                                            .size = size,
                                            .offset = (uint16_t)offset,
                                            .mask = mask,
                                            .value = value } });
}

static uint8_t protocol_is(struct text *t, uint32_t protocol)
{
    return test(t, false, 1, IP_PROTOCOL, 0xff, EQUAL, protocol);
}

/* Only there is the header of what IP carries. */
static uint8_t first_fragment(struct text *t)
{
    return test(t, false, 2, IP_FRAGMENT, 0x1fff, EQUAL, 0);
}

/* ---- primitives ---- */

static const struct {
    const char *name;
    uint8_t number;
} protocols[] = { { "icmp", 1 }, { "tcp", 6 }, { "udp", 17 } };

static bool protocol_named(const struct text *t, uint32_t *out)
{
    for (size_t i = 0; i < ARRAY_LEN(protocols); i++)
        if (is(t, protocols[i].name)) {
            *out = protocols[i].number;
            return true;
        }
    return false;
}

static uint8_t protocol(struct text *t)
{
    uint32_t n;
    if (protocol_named(t, &n))
        next(t);
    else if (!number(t, 255, &n))
        return wrong(t, "a protocol, tcp, udp, icmp or a number up to 255,");
    return protocol_is(t, n);
}

enum side { EITHER, SOURCE, TARGET };

static uint8_t of_side(struct text *t, enum side side, bool behind, uint8_t size, uint32_t offset,
                       uint32_t mask, enum relation relation, uint32_t value)
{
    uint8_t source = BAD, target = BAD;
    if (side != TARGET)
        source = test(t, behind, size, offset, mask, relation, value);
    if (side != SOURCE)
        target = test(t, behind, size, offset + size, mask, relation, value);
    return side == SOURCE ? source : side == TARGET ? target : both(t, OR, source, target);
}

static uint8_t host(struct text *t, enum side side)
{
    uint32_t address;
    if (!inet_parse(t->word, &address))
        return wrong(t, "the address of a host, as 10.1.0.9,");
    next(t);
    return of_side(t, side, false, 4, IP_SOURCE, UINT32_MAX, EQUAL, address);
}

static uint8_t net(struct text *t, enum side side)
{
    struct inet_network n;
    if (!inet_network_parse(t->word, &n))
        return wrong(t, "a network, as 10.1.0.0/16,");
    next(t);
    return of_side(t, side, false, 4, IP_SOURCE, n.mask, EQUAL, n.base);
}

/* Of TCP or UDP: of that, or (0) of both. */
static uint8_t of_ports(struct text *t, uint32_t of, uint8_t ports)
{
    uint8_t which = of ? protocol_is(t, of) : both(t, OR, protocol_is(t, 6), protocol_is(t, 17));
    return both(t, AND, which, both(t, AND, first_fragment(t), ports));
}

static uint8_t port(struct text *t, enum side side, uint32_t of)
{
    uint32_t n;
    if (!number(t, 65535, &n))
        return wrong(t, "a port, a number up to 65535,");
    return of_ports(t, of, of_side(t, side, true, 2, 0, 0xffff, EQUAL, n));
}

static uint8_t port_range_of(struct text *t, enum side side, uint32_t first, uint32_t last)
{
    return both(t, AND, of_side(t, side, true, 2, 0, 0xffff, LEAST, first),
                of_side(t, side, true, 2, 0, 0xffff, MOST, last));
}

static uint8_t port_range(struct text *t, enum side side, uint32_t of)
{
    unsigned first, last;
    char rest;
    if (sscanf(t->word, "%5u-%5u%c", &first, &last, &rest) != 2 || first > last || last > 65535)
        return wrong(t, "a range of ports, as 5000-5010,");
    next(t);
    if (side != EITHER)
        return of_ports(t, of, port_range_of(t, side, first, last));
    return of_ports(
        t, of,
        both(t, OR, port_range_of(t, SOURCE, first, last), port_range_of(t, TARGET, first, last)));
}

/* What may follow [tcp|udp]: `of` is 0 where neither stands there. */
static uint8_t ends(struct text *t, uint32_t of)
{
    enum side side = take(t, "src") ? SOURCE : take(t, "dst") ? TARGET : EITHER;
    if (take(t, "port"))
        return port(t, side, of);
    if (take(t, "portrange"))
        return port_range(t, side, of);
    if (of)
        return wrong(t, "port or portrange");
    if (take(t, "host"))
        return host(t, side);
    if (take(t, "net"))
        return net(t, side);
    return wrong(t, "host, net, port or portrange");
}

static bool relation(struct text *t, enum relation *out)
{
    static const struct {
        const char *word;
        enum relation relation;
    } words[] = { { "=", EQUAL }, { "==", EQUAL }, { "!=", DIFFERENT }, { ">", GREATER },
                  { "<", LESS },  { ">=", LEAST }, { "<=", MOST } };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (take(t, words[i].word)) {
            *out = words[i].relation;
            return true;
        }
    return false;
}

/* Bytes of a header, from behind the bracket on: of IP's (0), or of what it carries. */
static uint8_t bytes(struct text *t, uint32_t of)
{
    uint32_t offset, size = 1, mask, value;
    enum relation r;
    if (!number(t, FILTER_SPAN - 1, &offset))
        return wrong(t, "an offset up to 127");
    if (take(t, ":") && ((!is(t, "1") && !is(t, "2") && !is(t, "4")) || !number(t, 4, &size)))
        return wrong(t, "a size, 1, 2 or 4,");
    if (offset + size > FILTER_SPAN) {
        err_set(t->e, "%s: the filter '%.100s' looks at bytes beyond %u", t->place, t->from,
                FILTER_SPAN);
        return BAD;
    }
    uint32_t most = size == 4 ? UINT32_MAX : (1u << 8 * size) - 1;
    mask = most;
    if (!take(t, "]"))
        return wrong(t, size == 1 ? "':' or ']'" : "']'");
    if (take(t, "&") && !number(t, most, &mask))
        return wrong(t, "a mask no wider than the bytes");
    if (!relation(t, &r))
        return wrong(t, "'&', '=', '!=', '<', '<=', '>' or '>='");
    if (!number(t, most, &value))
        return wrong(t, "a number no wider than the bytes");
    uint8_t it = test(t, of != 0, (uint8_t)size, offset, mask, r, value);
    return of ? both(t, AND, protocol_is(t, of), both(t, AND, first_fragment(t), it)) : it;
}

static uint8_t of_ip(struct text *t)
{
    if (take(t, "["))
        return bytes(t, 0);
    if (take(t, "proto"))
        return protocol(t);
    enum side side = take(t, "src") ? SOURCE : take(t, "dst") ? TARGET : EITHER;
    if (take(t, "host"))
        return host(t, side);
    if (take(t, "net"))
        return net(t, side);
    return side == EITHER ? node(t, (struct node){ .kind = TRUE_NODE }) : wrong(t, "host or net");
}

static uint8_t primitive(struct text *t)
{
    static const char *const words[] = { "ip",   "tcp", "udp",  "icmp",      "proto", "src", "dst",
                                         "host", "net", "port", "portrange", "not",   NULL };
    uint32_t of;
    if (take(t, "ip"))
        return of_ip(t);
    if (take(t, "proto"))
        return protocol(t);
    if (protocol_named(t, &of)) {
        next(t);
        if (take(t, "["))
            return bytes(t, of);
        if (of != 1 && (is(t, "src") || is(t, "dst") || is(t, "port") || is(t, "portrange")))
            return ends(t, of);
        return protocol_is(t, of);
    }
    for (size_t i = 5; words[i + 1]; i++)
        if (is(t, words[i]))
            return ends(t, 0);
    if (!t->word[0] || !part_of_word(t->word[0]))
        return wrong(t, "a test");
    err_set(t->e, "%s: the filter '%.100s' has '%s', which is no test", t->place, t->from, t->word);
    err_nearest(t->e, t->word, words);
    return BAD;
}

/* ---- expressions ---- */

static uint8_t any_of(struct text *t);

static uint8_t factor(struct text *t)
{
    uint8_t r;
    if (t->depth == DEEPEST) {
        err_set(t->e, "%s: the filter '%.100s' has more than %d parentheses and nots in each other",
                t->place, t->from, DEEPEST);
        return BAD;
    }
    t->depth++;
    if (take(t, "not") || take(t, "!")) {
        r = factor(t);
        r = both(t, NOT, r, r);
    } else if (take(t, "(")) {
        r = any_of(t);
        if (r != BAD && !take(t, ")"))
            r = wrong(t, "'and', 'or' or ')'");
    } else {
        r = primitive(t);
    }
    t->depth--;
    return r;
}

static uint8_t all_of(struct text *t)
{
    uint8_t r = factor(t);
    while (r != BAD && (take(t, "and") || take(t, "&&")))
        r = both(t, AND, r, factor(t));
    return r;
}

static uint8_t any_of(struct text *t)
{
    uint8_t r = all_of(t);
    while (r != BAD && (take(t, "or") || take(t, "||")))
        r = both(t, OR, r, all_of(t));
    return r;
}

/* ---- programs ---- */

struct known {
    int protocol; /* -1: not known */
    bool first, index;
};

struct made {
    const struct node *nodes;
    uint32_t count; /* instructions, from the last on */
    bool full;
    struct filter_insn insn[FILTER_INSNS];
};

static uint32_t put(struct made *m, struct filter_insn i)
{
    m->full |= m->count == FILTER_INSNS;
    if (m->full)
        return 0;
    m->insn[m->count] = i;
    return m->count++;
}

/* What is known behind a test that was met. */
static struct known met(const struct made *m, uint8_t at, struct known k)
{
    const struct node *n = &m->nodes[at];
    if (n->kind == AND)
        return met(m, n->b, met(m, n->a, k));
    if (n->kind != TEST)
        return k;
    k.index |= n->test.behind;
    if (n->relation != EQUAL || n->test.behind)
        return k;
    if (n->test.offset == IP_PROTOCOL && n->test.size == 1 && n->test.mask == 0xff)
        k.protocol = (int)n->test.value;
    k.first |= n->test.offset == IP_FRAGMENT && n->test.size == 2 && n->test.mask == 0x1fff &&
               n->test.value == 0;
    return k;
}

/* Is the test decided by what is known? */
static bool decided(const struct node *n, struct known k, bool *yes)
{
    const struct filter_test *t = &n->test;
    if (n->relation != EQUAL || t->behind)
        return false;
    *yes = t->offset == IP_FRAGMENT || k.protocol == (int)t->value;
    return (k.protocol >= 0 && t->offset == IP_PROTOCOL && t->size == 1 && t->mask == 0xff) ||
           (k.first && t->offset == IP_FRAGMENT && t->size == 2 && t->mask == 0x1fff &&
            t->value == 0);
}

/* A test; where it begins.  yes and no are where it goes on. */
static uint32_t make_test(struct made *m, const struct node *n, uint32_t yes, uint32_t no,
                          struct known k)
{
    static const struct {
        uint8_t op;
        bool other; /* when it is not met */
    } jumps[] = { [EQUAL] = { FILTER_EQUAL, false },     [DIFFERENT] = { FILTER_EQUAL, true },
                  [GREATER] = { FILTER_GREATER, false }, [LESS] = { FILTER_LEAST, true },
                  [LEAST] = { FILTER_LEAST, false },     [MOST] = { FILTER_GREATER, true } };
    const struct filter_test *t = &n->test;
    bool answer;
    if (decided(n, k, &answer))
        return answer ? yes : no;
    uint32_t jt = jumps[n->relation].other ? no : yes, jf = jumps[n->relation].other ? yes : no;
    put(m, (struct filter_insn){ .op = jumps[n->relation].op,
                                 .jt = (uint8_t)(m->count - 1 - jt),
                                 .jf = (uint8_t)(m->count - 1 - jf),
                                 .k = t->value });
    if (t->mask != (t->size == 4 ? UINT32_MAX : (1u << 8 * t->size) - 1))
        put(m, (struct filter_insn){ .op = FILTER_AND, .k = t->mask });
    uint32_t at = put(m, (struct filter_insn){ .op = t->behind ? FILTER_LOAD_AT : FILTER_LOAD,
                                               .size = t->size,
                                               .k = t->offset });
    return t->behind && !k.index ? put(m, (struct filter_insn){ .op = FILTER_HEADER }) : at;
}

static uint32_t make(struct made *m, uint8_t at, uint32_t yes, uint32_t no, struct known k)
{
    const struct node *n = &m->nodes[at];
    switch (n->kind) {
    case TRUE_NODE:
        return yes;
    case AND:
        return make(m, n->a, make(m, n->b, yes, no, met(m, n->a, k)), no, k);
    case OR:
        return make(m, n->a, yes, make(m, n->b, yes, no, k), k);
    case NOT:
        return make(m, n->a, no, yes, k);
    default:
        return make_test(m, n, yes, no, k);
    }
}

bool filter_compile(const char *text, struct filter_program *out, const char *at, struct err *e)
{
    struct text t = { .at = text, .from = text, .place = at, .e = e };
    struct made m = { .nodes = t.nodes };
    next(&t);
    uint8_t root = any_of(&t);
    if (root != BAD && t.word[0])
        root = wrong(&t, "'and', 'or' or its end");
    if (root == BAD)
        return false;
    uint32_t no = put(&m, (struct filter_insn){ .op = FILTER_ANSWER, .k = 0 });
    uint32_t yes = put(&m, (struct filter_insn){ .op = FILTER_ANSWER, .k = 1 });
    uint32_t first = make(&m, root, yes, no, (struct known){ .protocol = -1 });
    if (m.full)
        return err_set(e, "%s: the filter '%.100s' is a program of more than %d instructions", at,
                       text, FILTER_INSNS);
    *out = (struct filter_program){ .priority = FILTER_STATIC, .count = (uint8_t)(first + 1) };
    for (uint32_t i = 0; i <= first; i++)
        out->insn[i] = m.insn[first - i];
    return true;
}

void filter_session(struct filter_program *out, uint8_t protocol, uint32_t my_address,
                    uint16_t my_port, uint32_t peer_address, uint16_t peer_port)
{
    const struct {
        struct filter_insn load;
        uint32_t mask, value;
    } tests[] = {
        { { .op = FILTER_LOAD, .size = 1, .k = IP_PROTOCOL }, 0, protocol },
        { { .op = FILTER_LOAD, .size = 2, .k = IP_FRAGMENT }, 0x1fff, 0 },
        { { .op = FILTER_LOAD, .size = 4, .k = IP_SOURCE }, 0, peer_address },
        { { .op = FILTER_LOAD, .size = 4, .k = IP_TARGET }, 0, my_address },
        { { .op = FILTER_LOAD_AT, .size = 2, .k = 0 }, 0, peer_port },
        { { .op = FILTER_LOAD_AT, .size = 2, .k = 2 }, 0, my_port },
    };
    bool any = peer_port == 0;
    *out = (struct filter_program){ .priority = FILTER_OF_SESSION, .count = any ? 12 : 16 };
    struct filter_insn *at = out->insn;
    for (size_t i = 0; i < ARRAY_LEN(tests); i++) {
        if (i == 4)
            *at++ = (struct filter_insn){ .op = FILTER_HEADER };
        if (any && (i == 2 || i == 4)) /* the peer's address, and port */
            continue;
        *at++ = tests[i].load;
        if (tests[i].mask)
            *at++ = (struct filter_insn){ .op = FILTER_AND, .k = tests[i].mask };
        *at = (struct filter_insn){ .op = FILTER_EQUAL, .k = tests[i].value };
        at->jf = (uint8_t)(out->insn + out->count - 2 - at);
        at++;
    }
    *at++ = (struct filter_insn){ .op = FILTER_ANSWER, .k = 1 };
    *at = (struct filter_insn){ .op = FILTER_ANSWER, .k = 0 };
}
