/* directed.c: see directed.h.
 *
 * A call, big-endian:
 *   0 flags 4 (1: write)   4 window 4   8 transfer 8   16 ranks 4   20 runs 4   24 name 64
 *      (of a part by its handle: 0 1, unused 7, file 8, uid 4, gid 4)
 *   88 runs, 32 bytes each; the data of a write
 * An answer: 0 status 4, 4 zero 4; the data of a read.
 */
#include "os/file/directed.h"

#include <string.h>

#include "os/file/pieces.h"
#include "os/xk/msg.h"
#include "os/xk/peers.h"

#define HEAD_BYTES (24 + FILE_NAME_MAX + 1)
#define ANSWER_BYTES 8
#define KNOWN_MAX 64 /* parts; ASSUMED(more than are in use at a time) */

struct server {
    struct port *port;
    struct file_sys *files;
    struct list rounds; /* in order of their first calls */
    struct list known;  /* parts that were looked up, who was asked for last at the end, */
    uint32_t known_count;
    struct list gone; /* transfers that were given up */
};

struct gone {
    struct list link;
    struct file_ref part;
    uint64_t transfer;
};

struct part {
    struct list link;
    char name[FILE_NAME_MAX + 1];
    uint64_t file;
};

/* A window of a transfer. */
struct round {
    struct list link; /* while callers are awaited */
    struct server *s;
    struct directed_call c; /* of the first; its runs are nobody's */
    uint32_t came;
    struct select_request **calls;
    struct file_list *lists;
    struct rope *data;
    struct file_merge all;
    struct file_req file;
};

uint64_t directed_beside(uint32_t run_count)
{
    return HEAD_BYTES + (uint64_t)run_count * FILE_RUN_BYTES;
}

void directed_store(struct rope *out, const struct directed_call *c)
{
    uint8_t head[HEAD_BYTES] = { 0 };
    wire_put32(head, c->write);
    wire_put32(head + 4, c->window);
    wire_put64(head + 8, c->transfer);
    wire_put32(head + 16, c->ranks);
    wire_put32(head + 20, c->run_count);
    memcpy(head + 24, c->part.name, strlen(c->part.name));
    if (c->part.name[0] == 0) {
        wire_put64(head + 32, c->part.file);
        wire_put32(head + 40, c->part.uid);
        wire_put32(head + 44, c->part.gid);
    }
    rope_add_bytes(out, head, sizeof head);
    for (uint32_t i = 0; i < c->run_count; i++) {
        uint8_t run[FILE_RUN_BYTES];
        file_run_store(run, &c->runs[i]);
        rope_add_bytes(out, run, sizeof run);
    }
}

/* Takes a call apart; the data stay in `args`.  False: it is none. */
static bool load(struct port *p, struct rope *args, struct directed_call *c, struct file_run **runs)
{
    uint8_t head[HEAD_BYTES], run[FILE_RUN_BYTES];
    if (args->length < sizeof head)
        return false;
    rope_take_front(args, sizeof head, head);
    *c = (struct directed_call){ .write = wire_get32(head) & 1,
                                 .window = wire_get32(head + 4),
                                 .transfer = wire_get64(head + 8),
                                 .ranks = wire_get32(head + 16),
                                 .run_count = wire_get32(head + 20) };
    memcpy(c->part.name, head + 24, FILE_NAME_MAX);
    if (c->part.name[0] == 0)
        c->part = (struct file_ref){ .file = wire_get64(head + 32),
                                     .uid = wire_get32(head + 40),
                                     .gid = wire_get32(head + 44) };
    if (c->ranks == 0 || args->length / FILE_RUN_BYTES < c->run_count)
        return false;
    *runs = port_alloc(p, (c->run_count + 1) * sizeof **runs);
    for (uint32_t i = 0; i < c->run_count; i++) {
        rope_take_front(args, sizeof run, run);
        (*runs)[i] = file_run_load(run);
    }
    return true;
}

enum file_status directed_answer(enum xk_status status, struct rope *reply)
{
    uint8_t head[ANSWER_BYTES];
    if (status != XK_OK || reply->length < sizeof head)
        return FILE_UNREACHABLE;
    rope_take_front(reply, sizeof head, head);
    return (enum file_status)wire_get32(head);
}

static void answer(struct select_request *call, enum file_status status, struct rope *data)
{
    uint8_t head[ANSWER_BYTES] = { 0 };
    struct rope reply;
    wire_put32(head, status);
    rope_init(&reply);
    rope_add_bytes(&reply, head, sizeof head);
    if (data)
        rope_join(&reply, data);
    select_reply(call, &reply);
    rope_fini(&reply);
}

/* Answers all that have come. */
static void end(struct round *x, enum file_status status)
{
    struct server *s = x->s;
    struct file_window whole = { 0, UINT64_MAX };
    for (uint32_t i = 0; i < x->came; i++) {
        struct rope mine;
        rope_init(&mine);
        if (status == FILE_OK && !x->c.write) {
            uint64_t wanted = file_list_bytes(x->lists[i], whole);
            file_gather(s->port, x->lists[i], x->all.runs, x->all.count, &x->file.data, &mine);
            ASSERT(mine.length == wanted);
        }
        answer(x->calls[i], status, &mine);
        rope_fini(&mine);
        rope_fini(&x->data[i]);
        port_free(s->port, (void *)(uintptr_t)x->lists[i].runs);
    }
    rope_fini(&x->file.data);
    list_remove(&x->link);
    port_free(s->port, x->all.runs);
    port_free(s->port, x->data);
    port_free(s->port, x->lists);
    port_free(s->port, x->calls);
    port_free(s->port, x);
}

static void moved(struct file_req *r)
{
    struct round *x = r->arg;
    bool hole = r->status == FILE_NO_FILE && x->c.part.name[0] != 0;
    if (r->op == FILE_READ && (r->status == FILE_OK || hole)) {
        uint64_t all = 0; /* DIR2 */
        for (uint32_t i = 0; i < x->all.count; i++)
            all += x->all.runs[i].len;
        rope_add_zero(&r->data, all - r->data.length);
        r->status = FILE_OK;
    }
    end(x, r->status);
}

static void move(struct round *x, uint64_t file)
{
    if (x->all.count == 0) {
        end(x, FILE_OK);
        return;
    }
    file_req_init(&x->file, x->c.write ? FILE_WRITE : FILE_READ, moved, x);
    x->file.file = file;
    x->file.uid = x->c.part.uid;
    x->file.gid = x->c.part.gid;
    x->file.runs = x->all.runs;
    x->file.run_count = x->all.count;
    if (x->c.write)
        rope_move(&x->file.data, &x->all.data);
    file_submit(x->s->files, &x->file);
}

/* The least recently used makes room. */
static void learn(struct server *s, const char *name, uint64_t file)
{
    if (s->known_count < KNOWN_MAX)
        s->known_count++;
    else
        port_free(s->port, LIST_ENTRY(list_pop(&s->known), struct part, link));
    struct part *p = port_alloc(s->port, sizeof *p);
    memcpy(p->name, name, sizeof p->name);
    p->file = file;
    list_push(&s->known, &p->link);
}

static void looked_up(struct file_req *r);
static void ask(struct round *x, enum file_op op)
{
    file_req_init(&x->file, op, looked_up, x);
    x->file.name = x->c.part.name;
    file_submit(x->s->files, &x->file);
}

static void looked_up(struct file_req *r)
{
    struct round *x = r->arg;
    struct server *s = x->s;
    if (r->status == FILE_NO_FILE && x->c.write && r->op == FILE_LOOKUP) {
        ask(x, FILE_CREATE); /* the file has a hole here */
    } else if (r->status == FILE_OK || r->status == FILE_EXISTS) {
        learn(s, x->c.part.name, r->file);
        move(x, r->file);
    } else if (r->status == FILE_NO_FILE && !x->c.write) {
        r->op = FILE_READ;
        moved(r); /* nothing was ever written here */
    } else {
        end(x, r->status);
    }
}

/* All have come. */
static void run(struct round *x)
{
    struct server *s = x->s;
    list_remove(&x->link);
    file_merge(s->port, x->lists, x->c.write ? x->data : NULL, x->c.ranks,
               (struct file_window){ 0, UINT64_MAX }, NULL, &x->all);
    port_work(s->port, PORT_WORK_LOOKUP, 1);
    if (x->c.part.name[0] == 0) {
        move(x, x->c.part.file);
        return;
    }
    LIST_EACH (l, &s->known) {
        struct part *p = LIST_ENTRY(l, struct part, link);
        if (strcmp(p->name, x->c.part.name) == 0) {
            list_remove(l);
            list_push(&s->known, l);
            move(x, p->file);
            return;
        }
    }
    ask(x, FILE_LOOKUP);
}

static bool same_part(const struct file_ref *a, const struct file_ref *b)
{
    return a->file == b->file && strcmp(a->name, b->name) == 0;
}

static struct round *round_of(struct server *s, const struct directed_call *c)
{
    LIST_EACH (l, &s->rounds) {
        struct round *x = LIST_ENTRY(l, struct round, link);
        if (x->c.transfer == c->transfer && x->c.window == c->window && x->c.ranks == c->ranks &&
            same_part(&x->c.part, &c->part))
            return x;
    }
    struct round *x = port_alloc(s->port, sizeof *x);
    x->s = s;
    x->c = *c;
    x->calls = port_alloc(s->port, c->ranks * sizeof(struct select_request *));
    x->lists = port_alloc(s->port, c->ranks * sizeof *x->lists);
    x->data = port_alloc(s->port, c->ranks * sizeof *x->data);
    rope_init(&x->file.data);
    list_push(&s->rounds, &x->link);
    return x;
}

/* Whether the call's transfer was given up; one before it is forgotten. */
static bool is_gone(struct server *s, const struct directed_call *c)
{
    LIST_EACH_SAFE (l, next, &s->gone) {
        struct gone *g = LIST_ENTRY(l, struct gone, link);
        if (!same_part(&g->part, &c->part))
            continue;
        if (g->transfer == c->transfer)
            return true;
        list_remove(l);
        port_free(s->port, g);
    }
    return false;
}

static void give_up(struct server *s, const struct directed_call *c)
{
    if (!is_gone(s, c)) {
        struct gone *g = port_alloc(s->port, sizeof *g);
        g->part = c->part;
        g->transfer = c->transfer;
        list_push(&s->gone, &g->link);
    }
    LIST_EACH_SAFE (l, next, &s->rounds) {
        struct round *x = LIST_ENTRY(l, struct round, link);
        if (x->c.transfer == c->transfer && same_part(&x->c.part, &c->part))
            end(x, FILE_UNREACHABLE);
    }
}

static void serve(void *arg, struct select_request *call, uint32_t procedure, struct rope *args)
{
    struct server *s = arg;
    struct directed_call c;
    struct file_run *runs = NULL;
    enum file_status status = load(s->port, args, &c, &runs) ? FILE_OK : FILE_RANGE;
    if (status == FILE_OK && procedure == DIRECTED_GIVE_UP)
        give_up(s, &c);
    else if (status == FILE_OK && is_gone(s, &c))
        status = FILE_UNREACHABLE;
    if (status != FILE_OK || procedure == DIRECTED_GIVE_UP) {
        port_free(s->port, runs);
        answer(call, status, NULL);
        return;
    }
    struct round *x = round_of(s, &c);
    ASSERT(x->came < c.ranks); /* DIR1: a full round is not awaited any more */
    x->calls[x->came] = call;
    x->lists[x->came] = (struct file_list){ runs, c.run_count };
    rope_move(&x->data[x->came], args);
    if (++x->came == c.ranks)
        run(x);
}

/* DIR1. */
static void peer_changed(void *arg, uint32_t node, uint32_t life, bool alive)
{
    struct server *s = arg;
    (void)life;
    LIST_EACH_SAFE (l, next, &s->rounds) {
        struct round *x = LIST_ENTRY(l, struct round, link);
        bool ours = false;
        for (uint32_t i = 0; i < x->came; i++)
            ours |= select_request_host(x->calls[i]) == node;
        if (!alive && ours)
            end(x, FILE_UNREACHABLE);
    }
}

void directed_start(struct xk_protl *rpc, uint32_t service, struct file_sys *files)
{
    struct port *p = xk_port(rpc);
    struct server *s = port_alloc(p, sizeof *s);
    s->port = p;
    s->files = files;
    list_init(&s->rounds);
    list_init(&s->known);
    list_init(&s->gone);
    xk_on_peer(rpc->kernel, peer_changed, s);
    enum xk_status served = select_serve(rpc, service, serve, s);
    ASSERT(served == XK_OK);
}
