/* stack.c: the internet protocols of a host on a TAP.  See stack.h. */
#include "cli/live/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "cli/clean.h"
#include "cli/live/netstat.h"
#include "os/registry.h"
#include "os/xk/inet.h"
#include "sim/base/whole.h"

#define NETWORK "tap"
#define ETHERNET_HEADER 14
#define DATAGRAMS "256KiB" /* that wait at a socket: some of the longest */
#define PORT_FIRST 49152   /* of those for who asks for none [RFC 6335, 6] */
#define BUFFER "60KiB"     /* of a connection, each way: what a window tells without a scale */
#define PIECE 4096         /* bytes that a pipe takes at once when it takes any [POSIX, PIPE_BUF] */

static struct val *text(const char *s)
{
    return val_new_string(s, NULL, 0);
}

/* An instance of the protocol of its own name, over those named in `below`, with blanks between. */
static struct val *instance(struct val *graph, const char *protocol, const char *below)
{
    struct val *v = val_new(VAL_TABLE, NULL, 0), *list = val_new(VAL_LIST, NULL, 0);
    val_put(v, "name", text(protocol));
    val_put(v, "protocol", text(protocol));
    while (*below) {
        size_t n = strcspn(below, " ");
        char *name = base_printf("%.*s", (int)n, below);
        val_append(list, text(name));
        free(name);
        below += n + (below[n] == ' ');
    }
    val_put(v, "below", list);
    val_append(graph, v);
    return v;
}

/* The graph of a host: eth, arp, ip, and what stands there. */
static struct val *describe(const struct stack_options *o, const char *own,
                            const struct inet_network *n, const char *prefix)
{
    struct val *graph = val_new(VAL_LIST, NULL, 0);
    struct val *v = instance(graph, "eth", "");
    val_put(v, "interface", text(NETWORK));
    v = instance(graph, "arp", "eth");
    char base[INET_TEXT], *network = base_printf("%s%s", inet_text(n->base, base), prefix);
    struct val *hosts = val_new(VAL_LIST, NULL, 0), *self = val_new(VAL_TABLE, NULL, 0);
    val_put(v, "address", text(network));
    val_put(self, "node", val_new_int(0, NULL, 0));
    val_put(self, "address", text(own));
    val_append(hosts, self);
    val_put(v, "hosts", hosts);
    v = instance(graph, "ip", "arp");
    if (o->gateway) {
        struct val *routes = val_new(VAL_LIST, NULL, 0), *route = val_new(VAL_TABLE, NULL, 0);
        val_put(route, "to", text("0.0.0.0/0"));
        val_put(route, "via", text(o->gateway));
        val_append(routes, route);
        val_put(v, "routes", routes);
    }
    instance(graph, "icmp", "ip");
    instance(graph, "ping", "icmp");
    instance(graph, "udp", "ip");
    v = instance(graph, "tcp", "ip");
    val_put(v, "send_buffer", text(BUFFER));
    val_put(v, "receive_buffer", text(BUFFER));
    /* The peer remembers the connections of who ran here before. */
    val_put(v, "isn", val_new_int(-2, NULL, 0));
    val_put(v, "port_choice", text("drawn"));
    val_put(v, "port_first", val_new_int(PORT_FIRST, NULL, 0));
    val_put(v, "port_last", val_new_int(UINT16_MAX, NULL, 0));
    v = instance(graph, "sock", "tcp udp");
    val_put(v, "datagrams", text(DATAGRAMS));
    free(network);
    return graph;
}

/* What a word of the command line says: yes or no, a number, or a text, as a size or a time. */
static struct val *value_of(const char *word)
{
    char *end;
    long long whole = strtoll(word, &end, 10);
    if (strcmp(word, "true") == 0 || strcmp(word, "false") == 0)
        return val_new_bool(word[0] == 't', NULL, 0);
    if (*word != '\0' && *end == '\0')
        return val_new_int(whole, NULL, 0);
    double real = strtod(word, &end);
    return *word != '\0' && *end == '\0' ? val_new_real(real, NULL, 0) : text(word);
}

/* "tcp.sack=true": a parameter of an instance of the graph. */
static bool set_parameter(struct val *graph, const char *word, struct err *e)
{
    const char *names[32];
    const char *dot = strchr(word, '.'), *is = strchr(word, '=');
    size_t n = 0;
    if (!dot || !is || dot == word || is < dot + 2)
        return err_set(e, "--set '%s' is not like tcp.sack=true", word);
    char *name = base_printf("%.*s", (int)(dot - word), word);
    char *key = base_printf("%.*s", (int)(is - dot - 1), dot + 1);
    struct val *found = NULL;
    for (size_t i = 0; i < graph->count && n + 1 < ARRAY_LEN(names); i++) {
        names[n++] = val_get(graph->items[i], "name")->u.s; /* that of its protocol, too */
        found = strcmp(names[i], name) == 0 ? graph->items[i] : found;
    }
    names[n] = NULL;
    if (!found) {
        err_set(e, "--set '%s': this host has no '%s'", word, name);
        err_nearest(e, name, names);
    } else if (strcmp(key, "name") == 0 || strcmp(key, "protocol") == 0 ||
               strcmp(key, "below") == 0 || strcmp(key, "domain") == 0) {
        err_set(e, "--set '%s': that makes another host", word);
    } else {
        val_put(found, key, value_of(is + 1));
    }
    free(name);
    free(key);
    return !e->set;
}

/* "10.0.0.2/24": the address, its network and its prefix. */
static bool own_address(const char *at, char own[INET_TEXT], uint32_t *address,
                        struct inet_network *n, struct err *e)
{
    const char *slash = strchr(at, '/');
    size_t length = slash ? (size_t)(slash - at) : 0;
    char *end;
    long bits = slash ? strtol(slash + 1, &end, 10) : 0;
    if (length > 0 && length < INET_TEXT && bits > 0 && bits < 31 && *end == '\0') {
        memcpy(own, at, length);
        own[length] = '\0';
        n->mask = UINT32_MAX << (32 - bits);
        if (inet_parse(own, address)) {
            n->base = *address & n->mask;
            if (inet_host_of(*n, *address))
                return true;
        }
    }
    return err_set(e, "'%s' is no address of a host with its network's prefix, like 10.0.0.2/24",
                   at);
}

bool stack_address(const char *at, struct xk_parts *out, struct err *e)
{
    uint32_t address;
    *out = (struct xk_parts){ .count = 0 };
    if (!inet_parse(at, &address))
        return err_set(e, "'%s' is no address like 10.0.0.1", at);
    xk_part_push(out, XK_PART_ADDRESS, address);
    return true;
}

static bool port_number(const char *text, uint16_t *port, struct err *e)
{
    char *end;
    unsigned long v = strtoul(text, &end, 10);
    *port = (uint16_t)v;
    if (text[0] >= '0' && text[0] <= '9' && *end == '\0' && v > 0 && v <= UINT16_MAX)
        return true;
    return err_set(e, "'%s' is no port: 1 to 65535", text);
}

bool stack_words(const char *command, const char *const *verbs, const char *const *words, size_t n,
                 struct stack_ends *out, struct err *e)
{
    *out = (struct stack_ends){ .own = strcmp(words[0], verbs[0]) == 0, .host = words[1] };
    if (!out->own && strcmp(words[0], verbs[1]) != 0) {
        err_set(e, "'psim live %s' knows no '%s'", command, words[0]);
        err_nearest(e, words[0], verbs);
        return false;
    }
    if (n != (out->own ? 2 : 3))
        return err_set(e, "'psim live %s' is '%s PORT' or '%s HOST PORT'", command, verbs[0],
                       verbs[1]);
    if (!port_number(words[n - 1], &out->port, e))
        return false;
    if (out->own)
        return true;
    if (!stack_address(out->host, &out->peer, e))
        return false;
    xk_part_push(&out->peer, XK_PART_PORT, out->port);
    return true;
}

bool stack_read(struct stack *s, size_t most, struct rope *out)
{
    uint8_t *bytes = port_alloc(s->port, most);
    live_wait(s->port, STDIN_FILENO, false);
    ssize_t n = read(STDIN_FILENO, bytes, most);
    rope_init(out);
    if (n > 0)
        rope_add_bytes(out, bytes, (size_t)n);
    port_free(s->port, bytes);
    return n > 0;
}

bool stack_write(struct stack *s, const struct rope *data)
{
    uint8_t bytes[PIECE];
    for (uint64_t at = 0; at < data->length;) {
        size_t n = data->length - at < PIECE ? (size_t)(data->length - at) : PIECE;
        rope_read(data, at, n, bytes);
        live_wait(s->port, STDOUT_FILENO, true);
        ssize_t done = write(STDOUT_FILENO, bytes, n);
        if (done < 0 && errno != EAGAIN)
            return false;
        at += done > 0 ? (uint64_t)done : 0;
    }
    return true;
}

/* ---- the run ---- */

static int signalled; /* where the byte goes that says so */

static void on_signal(int number)
{
    (void)number;
    (void)!write(signalled, "", 1);
}

/* Who ends the run, in the course of the others, when a signal comes. */
static void stopper(void *arg)
{
    struct stack *s = arg;
    live_wait(s->port, s->signals[0], false);
    if (s->stopped)
        s->stopped(s);
    stack_end(s, s->code);
}

void stack_end(struct stack *s, int code)
{
    s->code = code;
    live_stop(s->live);
}

static void say(void *arg, bool failed, const char *sentence)
{
    struct stack *s = arg;
    if (failed)
        s->code = CLI_FAILED;
    clean_print(stderr, "psim: %s\n", sentence);
}

static void enter(void *arg)
{
    struct stack *s = arg;
    s->main(s);
}

static void boot(struct port *p, void *arg)
{
    struct stack *s = arg;
    s->port = p;
    s->xk = xk_boot(p, s->graph);
    if (!port_thread_spawn(p, "stopper", stopper, s, 0) ||
        !port_thread_spawn(p, "command", enter, s, 0))
        stack_end(s, cli_complainf(CLI_POINT, "there is no room for a thread"));
}

static void run_with(struct stack *s, FILE *pcap)
{
    struct sigaction on = { .sa_handler = on_signal }, was_int, was_term;
    sigemptyset(&on.sa_mask);
    live_capture(s->live, pcap);
    signalled = s->signals[1];
    sigaction(SIGINT, &on, &was_int);
    sigaction(SIGTERM, &on, &was_term);
    signal(SIGPIPE, SIG_IGN); /* who reads our output has gone: write says so */
    live_run(s->live, boot, s);
    sigaction(SIGINT, &was_int, NULL);
    sigaction(SIGTERM, &was_term, NULL);
}

static uint64_t seed_of(const struct stack_options *o)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return o->seed.given ? o->seed.value
                         : (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static int run_on_tap(struct stack *s, const struct stack_options *o)
{
    struct err e = ERR_INIT;
    char own[INET_TEXT];
    uint32_t address;
    struct inet_network n = { 0, 0 };
    uint64_t frame = (uint64_t)o->mtu + ETHERNET_HEADER;
    struct xk_network network = {
        .name = NETWORK, .mtu = frame, .gives = XK_ORDERED | XK_ONCE | XK_INTACT, .stations = 1
    };
    if (o->mtu < 68 || frame > 65536)
        err_set(&e, "an MTU is 68 to %d bytes", 65536 - ETHERNET_HEADER);
    else if (own_address(o->address, own, &address, &n, &e)) {
        struct val *graph = describe(o, own, &n, strchr(o->address, '/'));
        for (size_t i = 0; i < o->set.count && !e.set; i++)
            (void)set_parameter(graph, o->set.items[i], &e);
        if (!e.set)
            s->graph = xk_graph_load(graph, &os_protocols, "graph", &network, 1, &e);
        val_free(graph);
    }
    if (!s->graph)
        return cli_complain(CLI_USAGE, &e);
    s->live = live_create(&(struct live_options){ .seed = seed_of(o), .say = say, .arg = s });
    struct whole pcap = { .file = NULL };
    /* The other end's address is made of this one's: nobody else on this wire has it. */
    if (live_tap(s->live, NETWORK, o->tap, address, address ^ 0x80000000u, (uint32_t)frame, &e) &&
        (!o->pcap || whole_open(&pcap, "the capture", o->pcap, &e))) {
        run_with(s, pcap.file);
        if (o->netstat)
            netstat_print(stderr, s->live);
        if (o->pcap && !whole_close(&pcap, "the capture", true, &e))
            s->code = CLI_POINT;
    } else {
        s->code = CLI_USAGE;
    }
    live_destroy(s->live);
    xk_graph_free(s->graph);
    return e.set ? cli_complain(s->code, &e) : s->code;
}

int stack_run(struct stack *s, const struct stack_options *o)
{
    if (pipe2(s->signals, O_CLOEXEC | O_NONBLOCK) != 0)
        return cli_complainf(CLI_POINT, "there is no room for a pipe");
    int code = run_on_tap(s, o);
    close(s->signals[0]);
    close(s->signals[1]);
    free(o->set.items);
    return code;
}
