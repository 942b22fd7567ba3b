/* mem_archive.c: bitfiles in the memory of the test.  See mem_archive.h. */
#include "tests/os/mem_archive.h"

#include <criterion/criterion.h>
#include <stdlib.h>
#include <string.h>

struct door {
    struct mem_archive *b;
    struct port *port;
};

/* Bytes of a part that were asked for and have not come. */
struct wants {
    struct bitfile_pull pull; /* first */
    struct job *j;
};

struct job {
    struct port_timer timer;
    struct door *d;
    struct bitfile_call *c;
    uint64_t at, parts, part; /* part of a row of `parts`, begun at one that was drawn */
    uint64_t first;
    uint8_t *bytes;
    bool fails, refused;
};

static uint64_t draw(struct mem_archive *b, uint64_t n)
{
    b->seed = b->seed * 6364136223846793005u + 1442695040888963407u;
    return (b->seed >> 33) % n;
}

static struct mem_archive_one *find(struct mem_archive *b, uint64_t id)
{
    for (uint32_t i = 0; i < b->count; i++)
        if (b->all[i].id == id)
            return &b->all[i];
    return NULL;
}

void mem_archive_init(struct mem_archive *b, uint64_t seed)
{
    *b =
        (struct mem_archive){ .seed = seed, .delay = SIM_MS, .chunk = 700, .how = HSM_UNREACHABLE };
}

void mem_archive_fini(struct mem_archive *b)
{
    for (uint32_t i = 0; i < b->count; i++)
        free(b->all[i].bytes);
    free(b->all);
}

uint32_t mem_archive_written(const struct mem_archive *b)
{
    uint32_t n = 0;
    for (uint32_t i = 0; i < b->count; i++)
        n += b->all[i].bytes != NULL;
    return n;
}

static void create(struct mem_archive *b, struct bitfile_call *c)
{
    b->all = realloc(b->all, (b->count + 1) * sizeof *b->all);
    b->all[b->count++] = (struct mem_archive_one){ .id = b->last, .owner = c->owner };
    c->id = b->last++;
}

/* Two at a time. */
static void list(struct mem_archive *b, struct bitfile_call *c)
{
    uint64_t id = c->id;
    for (c->found_count = 0; id < b->last && c->found_count < 2; id++) {
        const struct mem_archive_one *x = find(b, id);
        if (x != NULL && x->owner == c->owner)
            c->found[c->found_count++] = id;
    }
    c->id = id < b->last ? id : UINT64_MAX;
}

static void drop(struct mem_archive *b, uint64_t id)
{
    struct mem_archive_one *x = find(b, id);
    if (x == NULL)
        return;
    free(x->bytes);
    *x = b->all[--b->count];
}

static void keep(struct mem_archive *b, struct job *j)
{
    struct mem_archive_one *x = find(b, j->c->id);
    cr_assert(x != NULL && x->bytes == NULL, "bitfile %d is not there, or not empty",
              (int)j->c->id);
    x->size = j->c->size;
    x->bytes = malloc(x->size + 1);
    memcpy(x->bytes, j->bytes, x->size);
    x->place = b->places++;
}

static void end(struct job *j)
{
    struct bitfile_call *c = j->c;
    struct mem_archive *b = j->d->b;
    c->status = j->refused ? HSM_UNREACHABLE : j->fails ? b->how : HSM_OK;
    bool done = !j->refused && (!j->fails || (b->how == HSM_UNREACHABLE && draw(b, 2) == 0));
    if (done && c->op == BITFILE_CREATE) {
        create(b, c);
        b->orphans += j->fails;
    }
    if (done && c->op == BITFILE_REMOVE)
        drop(b, c->id);
    if (done && c->op == BITFILE_LIST)
        list(b, c);
    if (done && c->op == BITFILE_WRITE)
        keep(b, j);
    const struct mem_archive_one *x = c->op == BITFILE_STAT ? find(b, c->id) : NULL;
    if (x != NULL)
        c->stat = (struct bitfile_stat){ .size = x->size,
                                         .written = x->bytes != NULL,
                                         .volume = (uint32_t)(x->place % 2),
                                         .first = x->place };
    struct port *p = j->d->port;
    port_free(p, j->bytes);
    port_free(p, j);
    for (struct list *l; (l = list_pop(&c->pulls)) != NULL;) {
        struct wants *w = (struct wants *)LIST_ENTRY(l, struct bitfile_pull, link);
        rope_fini(&w->pull.data);
        port_free(p, w);
    }
    c->done(c);
}

static void answered(struct bitfile_pull *p)
{
    struct wants *w = (struct wants *)p;
    struct job *j = w->j;
    list_remove(&p->link);
    if (p->data.length == p->length)
        rope_read(&p->data, 0, p->length, j->bytes + p->offset);
    else
        j->refused = j->fails = true;
    rope_fini(&p->data);
    port_free(j->d->port, w);
}

static void pull(struct job *j, uint64_t off, uint64_t len)
{
    struct wants *w = port_alloc(j->d->port, sizeof *w);
    *w = (struct wants){ { .offset = off, .length = len, .answer = answered }, j };
    rope_init(&w->pull.data);
    list_push(&j->c->pulls, &w->pull.link);
    j->c->ask(j->c);
}

/* A part, wherever the row has come to. */
static void part(struct job *j)
{
    struct bitfile_call *c = j->c;
    struct mem_archive *b = j->d->b;
    uint64_t n = c->op == BITFILE_READ ? c->length : c->size;
    uint64_t step = b->in_order || j->parts % 7 == 0 ? 1 : 7; /* goes round all */
    uint64_t k = (j->first + j->part * step) % j->parts, off = k * b->chunk;
    uint64_t len = off + b->chunk < n ? b->chunk : n - off;
    struct rope data;
    rope_init(&data);
    if (c->op == BITFILE_READ) {
        const struct mem_archive_one *x = find(b, c->id);
        rope_add_bytes(&data, x->bytes + c->offset + off, len);
        b->read_bytes += len;
        c->take(c, c->offset + off, &data);
    } else if (c->ask != NULL) {
        pull(j, off, len);
    } else {
        c->give(c, off, len, &data);
        cr_assert_eq(data.length, len);
        rope_read(&data, 0, len, j->bytes + off);
    }
    rope_fini(&data);
    j->part++;
}

static void tick(struct port_timer *t)
{
    struct job *j = t->arg;
    bool early = j->fails && j->part >= j->parts / 2, waits = !list_empty(&j->c->pulls);
    if ((j->part == j->parts && !waits) || early || j->refused) {
        end(j);
        return;
    }
    if (j->part < j->parts)
        part(j);
    port_timer_set(&j->timer, (sim_time)draw(j->d->b, (uint64_t)j->d->b->delay));
}

static void ask(void *arg, struct bitfile_call *c)
{
    struct door *d = arg;
    struct mem_archive *b = d->b;
    struct job *j = port_alloc(d->port, sizeof *j);
    uint64_t n = c->op == BITFILE_READ ? c->length : c->op == BITFILE_WRITE ? c->size : 0;
    list_init(&c->pulls);
    j->d = d;
    j->c = c;
    j->fails = b->fail_in > 0 && draw(b, b->fail_in) == 0;
    j->parts = (n + b->chunk - 1) / b->chunk;
    j->first = b->in_order ? 0 : draw(b, j->parts + 1);
    b->calls[c->op]++;
    if (c->op == BITFILE_READ) {
        const struct mem_archive_one *x = find(b, c->id);
        cr_assert(x != NULL && x->bytes != NULL, "a READ of bitfile %d, which is not written",
                  (int)c->id);
        cr_assert(c->length > 0 && c->offset + c->length <= x->size, "a READ of %d at %d of %d",
                  (int)c->length, (int)c->offset, (int)x->size);
    }
    if (c->op == BITFILE_WRITE)
        j->bytes = port_alloc(d->port, c->size + 1);
    port_timer_init(d->port, &j->timer, tick, j);
    port_timer_set(&j->timer, (sim_time)draw(b, (uint64_t)b->delay));
}

struct hsm_door mem_archive_door(struct mem_archive *b, struct port *p)
{
    struct door *d = port_alloc(p, sizeof *d);
    *d = (struct door){ b, p };
    return (struct hsm_door){ ask, d };
}
