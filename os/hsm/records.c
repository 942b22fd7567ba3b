/* records.c: tables of records with a log.  See records.h.
 *
 * Log file: sector 0 is its header { u32 magic, u32 generation, u64 checksum }; entries of that
 * generation follow, in a row from LOG_START:
 *   0  u32 magic  4 u32 generation  8 u32 write, from 1  12 u32 number, from 1  16 u32 images
 *   20 u32 bytes of them  24 u64 checksum, of all
 *   32 images: { u32 table, u64 n, bytes of a record }
 * Entries of one write of the log have one number of a write.  Of the last one any may be missing,
 * of others none: then the log is damaged.
 * A slot of a table is a byte, 0 where the record is declared, u64 checksum of all, and the record.
 * A page of which a write was cut short has wrong slots only where the log has images.
 *
 *   RECI1  A page is dirty exactly while the log of this generation has an image of a record of it.
 *   RECI2  One thread at a time writes (busy): a batch of commits, or the pages and the header.
 */
#include "os/hsm/records.h"

#include <stdio.h>  /* snprintf alone */
#include <stdlib.h> /* qsort alone */
#include <string.h>

#include "os/xk/map.h"
#include "os/xk/msg.h" /* wire_put / wire_get */

#define MAGIC 0x5245434fu
#define LOG_START 512
enum { HEADER = 16, ENTRY = 32, IMAGE = 12, TABLES = 8, PIECE = 1 << 20, SLOT = 9 };

struct table {
    uint64_t file, count, pages;
    uint32_t bytes, per; /* of a record; records in a page */
    void (*declare)(void *arg, uint64_t n, uint8_t *out);
    void *arg;
    char name[FILE_NAME_MAX + 1];
};

struct key {
    uint64_t page;
    uint32_t table, zero;
};

struct page {
    struct list link; /* in records.pages, the one used longest ago first */
    struct key key;
    uint32_t pins;
    bool loading, dirty;
    uint8_t *bytes;
};

/* A thread that waits. */
struct waiter {
    struct list link;
    struct port_thread *thread;
    bool woken;
};

struct commit {
    struct list link; /* in records.queue */
    struct rope entry;
    const struct records_change *x;
    bool done;
};

struct records {
    struct port *port;
    struct file_sys *fs;
    const struct records_params *params;
    char name[FILE_NAME_MAX + 1];
    struct table table[TABLES];
    uint32_t tables;
    struct xk_map map; /* key -> page */
    struct list pages, queue, waiters;
    uint64_t held, dirty;
    uint64_t log, at;
    uint32_t generation, write, number;
    bool busy;
    enum file_status dead; /* FILE_OK: it is not */
    struct {
        uint64_t commits, batches, reads, hits, writes, log_bytes, cleanings, redone;
    } counts;
};

const struct counter records_counters[] = {
    C_SUM(records, counts, commits, "1", "Commits."),
    C_SUM(records, counts, batches, "1", "Writes of the log: commits go together."),
    C_SUM(records, counts, hits, "1", "Pages that were in the cache when a record was needed."),
    C_SUM(records, counts, reads, "1", "Pages read."),
    C_SUM(records, counts, writes, "1", "Pages written to their tables."),
    C_SUM(records, counts, log_bytes, "B", "Bytes written to the log."),
    C_SUM(records, counts, cleanings, "1", "Times that all dirty pages were written."),
    C_SUM(records, counts, redone, "1", "Images that a log had after a crash."),
    C_END,
};

const struct param records_params_desc[] = {
    P_SIZE(records_params, page, "4KiB", "512B", "1MiB", "A page of a table.",
           "ASSUMED(a page of a memory)"),
    P_INT(records_params, cache, "1024", "16", "10000000", "Pages in memory.",
          "ASSUMED(an experiment's choice)"),
    P_SIZE(records_params, log, "1MiB", "16KiB", "1GiB", "The log.",
           "ASSUMED(an experiment's choice)"),
    P_END,
};

/* ---- waiting ---- */

static void wait(struct records *r, const char *what)
{
    struct waiter *w = port_alloc(r->port, sizeof *w);
    w->thread = port_thread_self(r->port);
    ASSERT_MSG(w->thread != NULL, "records are used in threads");
    list_push(&r->waiters, &w->link);
    while (!w->woken)
        port_thread_block(r->port, what, 0);
    port_free(r->port, w);
}

/* Whoever waits looks again. */
static void wake(struct records *r)
{
    struct list *l;
    while ((l = list_pop(&r->waiters)) != NULL) {
        struct waiter *w = LIST_ENTRY(l, struct waiter, link);
        w->woken = true;
        port_thread_wake(r->port, w->thread);
    }
}

/* ---- files ---- */

static enum file_status ask(struct records *r, enum file_op op, uint64_t file)
{
    struct file_req q;
    file_req_init(&q, op, NULL, NULL);
    q.file = file;
    return file_ask(r->fs, &q);
}

static enum file_status put(struct records *r, uint64_t file, uint64_t at, struct rope *data)
{
    struct file_req q;
    file_req_init(&q, FILE_WRITE, NULL, NULL);
    q.file = file;
    file_range(&q, at, data->length);
    rope_move(&q.data, data);
    return file_ask(r->fs, &q);
}

static enum file_status get(struct records *r, uint64_t file, uint64_t at, uint64_t len, void *out)
{
    struct file_req q;
    memset(out, 0, len);
    file_req_init(&q, FILE_READ, NULL, NULL);
    q.file = file;
    file_range(&q, at, len);
    enum file_status s = file_ask(r->fs, &q);
    if (s == FILE_OK)
        rope_read(&q.data, 0, q.data.length, out);
    rope_fini(&q.data);
    return s;
}

/* The file of that name, made where there is none. */
static enum file_status file_of(struct records *r, const char *what, uint64_t *file)
{
    char name[FILE_NAME_MAX + 1];
    struct file_req q;
    int n = snprintf(name, sizeof name, "%s.%s", r->name, what);
    ASSERT_MSG(n < (int)sizeof name, "the name of a table is short");
    file_req_init(&q, FILE_CREATE, NULL, NULL);
    q.name = name;
    enum file_status s = file_ask(r->fs, &q);
    *file = q.file;
    return s == FILE_EXISTS ? FILE_OK : s;
}

/* ---- pages ---- */

static struct page *victim(struct records *r)
{
    LIST_EACH (l, &r->pages) {
        struct page *p = LIST_ENTRY(l, struct page, link);
        if (!p->dirty && p->pins == 0)
            return p;
    }
    return NULL;
}

static struct page *page_new(struct records *r, const struct key *k)
{
    struct page *p = r->held >= (uint64_t)r->params->cache ? victim(r) : NULL;
    if (p != NULL) {
        (void)xk_map_unbind(&r->map, &p->key);
        list_remove(&p->link);
    } else { /* more than the cache while all are in use: RECI1 bounds the dirty ones */
        p = port_alloc(r->port, sizeof *p);
        p->bytes = port_alloc(r->port, (size_t)r->params->page);
        r->held++;
    }
    p->key = *k;
    xk_map_bind(&r->map, k, p);
    list_push(&r->pages, &p->link);
    return p;
}

static void page_drop(struct records *r, struct page *p)
{
    (void)xk_map_unbind(&r->map, &p->key);
    list_remove(&p->link);
    port_free(r->port, p->bytes);
    port_free(r->port, p);
    r->held--;
}

/* The page of a record, pinned.  (blocks) */
static enum file_status page_get(struct records *r, uint32_t table, uint64_t n, struct page **out)
{
    const struct table *t = &r->table[table];
    struct key k = { .page = n / t->per, .table = table };
    ASSERT_MSG(table < r->tables && n < t->count, "a record that the table does not have");
    struct page *p = xk_map_resolve(&r->map, &k);
    r->counts.hits += p != NULL;
    while (p != NULL && p->loading) {
        wait(r, "a page of records");
        p = xk_map_resolve(&r->map, &k);
    }
    *out = p;
    if (p != NULL) {
        p->pins++;
        list_remove(&p->link);
        list_push(&r->pages, &p->link);
        return FILE_OK;
    }
    *out = p = page_new(r, &k);
    p->loading = true;
    p->pins = 1;
    r->counts.reads++;
    enum file_status s =
        get(r, t->file, k.page * (uint64_t)r->params->page, (uint64_t)r->params->page, p->bytes);
    p->loading = false;
    if (s != FILE_OK)
        page_drop(r, p);
    wake(r);
    return s;
}

static uint8_t *slot(const struct records *r, const struct page *p, uint64_t n)
{
    const struct table *t = &r->table[p->key.table];
    return p->bytes + n % t->per * ((size_t)t->bytes + SLOT);
}

/* Is the slot what was written there, or one that never was? */
static bool slot_good(const struct table *t, const uint8_t *at)
{
    if (at[0] == 0)
        return wire_get64(at + 1) == 0;
    return at[0] == 1 && wire_get64(at + 1) == file_checksum(at, t->bytes + SLOT, 1);
}

/* ---- the log ---- */

static enum file_status write_header(struct records *r)
{
    uint8_t wire[LOG_START] = { 0 };
    struct rope data;
    wire_put32(wire, MAGIC);
    wire_put32(wire + 4, r->generation);
    wire_put64(wire + 8, file_checksum(wire, HEADER, 8));
    rope_init(&data);
    rope_add_bytes(&data, wire, sizeof wire);
    enum file_status s = put(r, r->log, 0, &data);
    return s == FILE_OK ? ask(r, FILE_FLUSH, r->log) : s;
}

static int by_place(const void *a, const void *b)
{
    const struct key *x = &(*(struct page *const *)a)->key, *y = &(*(struct page *const *)b)->key;
    if (x->table != y->table)
        return x->table < y->table ? -1 : 1;
    return x->page < y->page ? -1 : 1;
}

/* Dirty pages by table and place, those in a row in one write; then the log begins anew. (blocks)
 */
static enum file_status clean(struct records *r)
{
    struct page **all = port_alloc(r->port, (r->dirty + 1) * sizeof(struct page *));
    enum file_status s = FILE_OK;
    uint64_t n = 0, page = (uint64_t)r->params->page;
    LIST_EACH (l, &r->pages) {
        struct page *p = LIST_ENTRY(l, struct page, link);
        if (p->dirty)
            all[n++] = p;
    }
    ASSERT_MSG(n == r->dirty, "RECI1");
    qsort(all, n, sizeof(struct page *), by_place);
    for (uint64_t i = 0, to; s == FILE_OK && i < n; i = to) {
        const struct table *t = &r->table[all[i]->key.table];
        struct rope data;
        rope_init(&data);
        for (to = i; to < n && all[to]->key.table == all[i]->key.table &&
                     all[to]->key.page == all[i]->key.page + (to - i) && data.length < PIECE;
             to++)
            rope_add_bytes(&data, all[to]->bytes, page);
        port_work(r->port, PORT_WORK_COPY, data.length);
        r->counts.writes += to - i;
        s = put(r, t->file, all[i]->key.page * page, &data);
        rope_fini(&data);
        if (s == FILE_OK && (to == n || all[to]->key.table != all[i]->key.table))
            s = ask(r, FILE_FLUSH, t->file);
    }
    r->generation++;
    if (s == FILE_OK)
        s = write_header(r);
    for (uint64_t i = 0; s == FILE_OK && i < n; i++)
        all[i]->dirty = false;
    r->dirty = s == FILE_OK ? 0 : r->dirty;
    r->at = LOG_START;
    r->number = r->write = 0;
    r->counts.cleanings++;
    port_free(r->port, all);
    return s;
}

/* The images of a commit into their pages, which are there.  `images` is used up. */
static enum file_status apply(struct records *r, struct rope *images, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        uint8_t head[IMAGE];
        struct page *p;
        rope_take_front(images, sizeof head, head);
        uint32_t table = wire_get32(head);
        uint64_t n = wire_get64(head + 4);
        enum file_status s = page_get(r, table, n, &p);
        if (s != FILE_OK)
            return s;
        uint8_t *at = slot(r, p, n);
        at[0] = 1;
        rope_take_front(images, r->table[table].bytes, at + SLOT);
        wire_put64(at + 1, file_checksum(at, r->table[table].bytes + SLOT, 1));
        r->dirty += !p->dirty;
        p->dirty = true;
        p->pins--;
    }
    return FILE_OK;
}

/* Writes what is queued, as much as fits; at least one.  (blocks) */
static enum file_status write_batch(struct records *r)
{
    ASSERT_MSG(r->busy, "RECI2");
    struct list batch;
    struct rope data;
    enum file_status s = FILE_OK;
    const struct commit *first = LIST_ENTRY(r->queue.next, struct commit, link);
    uint64_t size = (uint64_t)r->params->log;
    if (r->at + first->entry.length > size || r->dirty > (uint64_t)r->params->cache / 2)
        s = clean(r);
    list_init(&batch);
    rope_init(&data);
    while (s == FILE_OK && !list_empty(&r->queue)) {
        struct commit *c = LIST_ENTRY(r->queue.next, struct commit, link);
        uint8_t wire[ENTRY] = { 0 };
        if (r->at + data.length + c->entry.length > size)
            break;
        list_remove(&c->link);
        list_push(&batch, &c->link);
        rope_read(&c->entry, 0, ENTRY, wire);
        wire_put32(wire + 4, r->generation);
        wire_put32(wire + 8, r->write + 1);
        wire_put32(wire + 12, ++r->number);
        uint8_t *all = port_alloc(r->port, c->entry.length);
        rope_read(&c->entry, 0, c->entry.length, all);
        memcpy(all, wire, ENTRY);
        wire_put64(all + 24, file_checksum(all, c->entry.length, 24));
        port_work(r->port, PORT_WORK_CHECKSUM, c->entry.length);
        rope_add_bytes(&data, all, c->entry.length);
        port_free(r->port, all);
    }
    uint64_t bytes = data.length;
    if (s == FILE_OK)
        s = put(r, r->log, r->at, &data);
    if (s == FILE_OK)
        s = ask(r, FILE_FLUSH, r->log);
    rope_fini(&data);
    r->at += bytes;
    r->write++;
    r->counts.batches++;
    r->counts.log_bytes += bytes;
    LIST_EACH_SAFE (l, next, &batch) {
        struct commit *c = LIST_ENTRY(l, struct commit, link);
        struct rope images;
        rope_copy(&images, &c->x->images);
        if (s == FILE_OK)
            s = apply(r, &images, c->x->count);
        rope_fini(&images);
        list_remove(l);
        c->done = true;
    }
    return s;
}

/* ---- opening ---- */

/* The entry there, whole and of this generation: its bytes; 0: there is none. */
static uint64_t entry_at(const struct records *r, const uint8_t *all, uint64_t at, uint64_t size)
{
    const uint8_t *e = all + at;
    if (at + ENTRY > size || wire_get32(e) != MAGIC || wire_get32(e + 4) != r->generation)
        return 0;
    uint64_t bytes = (uint64_t)ENTRY + wire_get32(e + 20);
    bool whole = bytes <= size - at && wire_get64(e + 24) == file_checksum(e, bytes, 24);
    return whole ? bytes : 0;
}

/* Is there, behind where the entries end, one of a write that was only begun when all that is
 * missing was on the device? */
static bool log_damaged(const struct records *r, const uint8_t *all, uint64_t size)
{
    for (uint64_t at = r->at; at + ENTRY <= size; at++)
        if (entry_at(r, all, at, size) > 0 && wire_get32(all + at + 8) > r->write + 1)
            return true;
    return false;
}

/* Entries of the log of this generation; the first that is not whole ends them.  (blocks) */
static enum file_status redo(struct records *r)
{
    uint64_t size = (uint64_t)r->params->log, bytes;
    uint8_t *all = port_alloc(r->port, size);
    enum file_status s = get(r, r->log, 0, size, all);
    r->at = LOG_START;
    r->number = r->write = 0;
    while (s == FILE_OK && (bytes = entry_at(r, all, r->at, size)) > 0) {
        const uint8_t *e = all + r->at;
        struct rope images;
        if (wire_get32(e + 12) != r->number + 1 || wire_get32(e + 8) - r->write > 1)
            break;
        rope_init(&images);
        rope_add_bytes(&images, e + ENTRY, bytes - ENTRY);
        s = apply(r, &images, wire_get32(e + 16));
        rope_fini(&images);
        r->counts.redone += wire_get32(e + 16);
        r->at += bytes;
        r->number++;
        r->write = wire_get32(e + 8);
    }
    if (s == FILE_OK && log_damaged(r, all, size))
        s = FILE_CORRUPT;
    port_free(r->port, all);
    return s == FILE_OK ? clean(r) : s;
}

/* All records are declared: zeros, written, so that who reads them reads the device.  (blocks) */
static enum file_status make_table(struct records *r, const struct table *t)
{
    uint64_t size = t->pages * (uint64_t)r->params->page;
    struct file_req q;
    file_req_init(&q, FILE_SIZE, NULL, NULL);
    q.file = t->file;
    q.size = size;
    enum file_status s = file_ask(r->fs, &q);
    for (uint64_t at = 0; s == FILE_OK && at < size; at += PIECE) {
        struct rope data;
        rope_init(&data);
        rope_add_zero(&data, size - at < PIECE ? size - at : PIECE);
        s = put(r, t->file, at, &data);
    }
    return s == FILE_OK ? ask(r, FILE_FLUSH, t->file) : s;
}

enum file_status records_open(struct records *r)
{
    uint8_t wire[HEADER];
    enum file_status s = file_of(r, "log", &r->log);
    for (uint32_t i = 0; s == FILE_OK && i < r->tables; i++)
        s = file_of(r, r->table[i].name, &r->table[i].file);
    if (s == FILE_OK)
        s = get(r, r->log, 0, sizeof wire, wire);
    r->generation = wire_get32(wire + 4);
    bool there = s == FILE_OK && wire_get32(wire) == MAGIC;
    if (there && wire_get64(wire + 8) != file_checksum(wire, HEADER, 8))
        s = FILE_CORRUPT;
    if (s == FILE_OK && there)
        s = redo(r);
    for (uint32_t i = 0; s == FILE_OK && !there && i < r->tables; i++)
        s = make_table(r, &r->table[i]);
    if (s == FILE_OK && !there) /* the header is what makes it count */
        s = clean(r);
    r->dead = s;
    return s;
}

/* ---- for servers ---- */

struct records *records_create(struct port *p, struct file_sys *fs, const char *name,
                               const struct records_params *params)
{
    struct records *r = port_alloc(p, sizeof *r);
    r->port = p;
    r->fs = fs;
    r->params = params;
    (void)snprintf(r->name, sizeof r->name, "%s", name);
    xk_map_init(&r->map, p, sizeof(struct key));
    list_init(&r->pages);
    list_init(&r->queue);
    list_init(&r->waiters);
    port_counters(p, name, records_counters, r);
    return r;
}

uint32_t records_table(struct records *r, const char *name, uint32_t bytes, uint64_t count,
                       void (*declare)(void *arg, uint64_t n, uint8_t *out), void *arg)
{
    struct table *t = &r->table[r->tables];
    ASSERT(r->tables < TABLES && bytes > 0 && (int64_t)bytes + SLOT <= r->params->page);
    *t = (struct table){ .count = count, .bytes = bytes, .declare = declare, .arg = arg };
    t->per = (uint32_t)((uint64_t)r->params->page / (bytes + SLOT));
    t->pages = (count + t->per - 1) / t->per;
    (void)snprintf(t->name, sizeof t->name, "%s", name);
    return r->tables++;
}

enum file_status records_get(struct records *r, uint32_t table, uint64_t n, void *out)
{
    const struct table *t = &r->table[table];
    struct page *p;
    enum file_status s = r->dead != FILE_OK ? r->dead : page_get(r, table, n, &p);
    if (s != FILE_OK)
        return s;
    const uint8_t *at = slot(r, p, n);
    port_work(r->port, PORT_WORK_LOOKUP, 1);
    port_work(r->port, PORT_WORK_CHECKSUM, t->bytes);
    port_work(r->port, PORT_WORK_COPY, t->bytes);
    if (!slot_good(t, at)) {
        s = FILE_CORRUPT;
        port_remark(r->port, "record %llu of table %s.%s is not what was written there",
                    (unsigned long long)n, r->name, t->name);
    } else if (at[0] == 1) {
        memcpy(out, at + SLOT, t->bytes);
    } else {
        memset(out, 0, t->bytes);
        if (t->declare != NULL)
            t->declare(t->arg, n, out);
    }
    p->pins--;
    return s;
}

void records_begin(struct records_change *x)
{
    rope_init(&x->images);
    x->count = 0;
}

void records_put(struct records *r, struct records_change *x, uint32_t table, uint64_t n,
                 const void *record)
{
    uint8_t head[IMAGE];
    ASSERT(table < r->tables && n < r->table[table].count);
    wire_put32(head, table);
    wire_put64(head + 4, n);
    rope_add_bytes(&x->images, head, sizeof head);
    rope_add_bytes(&x->images, record, r->table[table].bytes);
    x->count++;
}

enum file_status records_commit(struct records *r, struct records_change *x)
{
    struct commit *c = port_alloc(r->port, sizeof *c);
    uint8_t wire[ENTRY] = { 0 };
    struct rope images;
    c->x = x;
    wire_put32(wire, MAGIC);
    wire_put32(wire + 16, x->count);
    wire_put32(wire + 20, (uint32_t)x->images.length);
    rope_init(&c->entry);
    rope_add_bytes(&c->entry, wire, sizeof wire);
    rope_copy(&images, &x->images);
    rope_join(&c->entry, &images);
    ASSERT_MSG(c->entry.length + LOG_START <= (uint64_t)r->params->log, "a commit fits the log");
    list_push(&r->queue, &c->link);
    while (r->dead == FILE_OK && !c->done) {
        if (r->busy) {
            wait(r, "the log");
            continue;
        }
        r->busy = true;
        enum file_status s = write_batch(r);
        r->busy = false;
        if (s != FILE_OK)
            r->dead = s;
        wake(r);
    }
    if (!c->done)
        list_remove(&c->link);
    r->counts.commits += r->dead == FILE_OK;
    rope_fini(&c->entry);
    port_free(r->port, c);
    rope_fini(&x->images);
    records_begin(x);
    return r->dead;
}
