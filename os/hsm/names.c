/* names.c: the name server.  See names.h.
 *
 * An entry is a file or a directory, with its name.  Entry 0 is the root; the declared directories
 * follow, then the declared files, then room for others.  What is declared is where its number says
 * until it is first moved or removed; all others are in a chain of a bucket of a hash of directory
 * and name, and in a list of their directory.
 *
 * Records, big-endian: entries (struct entry, below, in its order); buckets: u64 first of the
 * chain.  References are numbers of entries plus one.  A handle is the number, and above
 * HANDLE_BITS how often it was used before.
 */
#include "os/hsm/names_internal.h"

#include <stdio.h> /* snprintf alone */

enum { ENTRIES, BUCKETS };
enum { RECORD = 86 + NAME_FIELD };
#define HANDLE_BITS 40
#define NUMBER(handle) ((handle) & ((UINT64_C(1) << HANDLE_BITS) - 1))

enum entry_state { ENTRY_FREE, ENTRY_FILE, ENTRY_DIR };
struct entry {
    struct list link; /* in what the call has seen */
    uint64_t n;
    bool dirty;
    uint8_t state;
    bool linked; /* it is in a bucket's chain, and in its directory's list */
    uint32_t generation, mode, uid, gid;
    uint64_t parent, bitfile; /* parent: a number */
    sim_time changed;
    uint64_t next;                 /* in the chain */
    uint64_t before, after, child; /* in the directory's list; of a directory the list's first */
    uint32_t entries;
    uint64_t bucket;
    char name[FILE_NAME_MAX + 1];
};

struct bucket {
    struct list link;
    uint64_t n, first;
    bool dirty;
};

struct names {
    struct port *port;
    const struct name_params *params;
    struct hsm_calls calls;
    struct records *records;
    struct list arrived; /* struct job */
    struct port_thread *thread;
    uint64_t all, cursor; /* entries; where a free one is looked for */
    struct {
        uint64_t calls, changes, refused;
    } counts;
};

const struct counter name_counters[] = {
    C_SUM(names, counts, calls, "1", "Calls."),
    C_SUM(names, counts, changes, "1", "Of these, those that changed something."),
    C_SUM(names, counts, refused, "1", "Of these, those that did not end well."),
    C_END,
};

struct job {
    struct list link;
    struct names *s;
    struct hsm_caller caller;
    struct name_call c;
    char name[FILE_NAME_MAX + 1], to_name[FILE_NAME_MAX + 1];
    struct list entries, buckets; /* that it has seen */
    enum file_status failed;      /* of its records */
};

/* ---- what is declared ---- */

void name_of_dir(uint64_t k, char out[FILE_NAME_MAX + 1])
{
    (void)snprintf(out, FILE_NAME_MAX + 1, "d%06llu", (unsigned long long)k);
}

void name_of_file(uint64_t n, char out[FILE_NAME_MAX + 1])
{
    (void)snprintf(out, FILE_NAME_MAX + 1, "f%09llu", (unsigned long long)n);
}

/* The number in such a name; false: it is none. */
static bool number_in(const char *name, char letter, uint64_t *out)
{
    char same[FILE_NAME_MAX + 1];
    *out = 0;
    if (name[0] != letter)
        return false;
    for (const char *c = name + 1; *c != 0; c++) {
        if (*c < '0' || *c > '9' || *out > UINT64_MAX / 100)
            return false;
        *out = *out * 10 + (uint64_t)(*c - '0');
    }
    if (letter == 'd')
        name_of_dir(*out, same);
    else
        name_of_file(*out, same);
    return strcmp(same, name) == 0;
}

static uint64_t dirs(const struct names *s)
{
    return (uint64_t)s->params->dirs;
}

static uint64_t first_file(const struct names *s)
{
    return 1 + dirs(s);
}

/* Declared files of declared directory k: the first, and how many. */
static uint64_t files_of(const struct names *s, uint64_t k, uint64_t *first)
{
    uint64_t each = (uint64_t)s->params->fanout, all = (uint64_t)s->params->declared;
    *first = k * each;
    if (*first >= all)
        return 0;
    return all - *first < each ? all - *first : each;
}

static void store(const struct entry *e, uint8_t *out)
{
    out[0] = e->state;
    out[1] = e->linked;
    wire_put32(out + 2, e->generation);
    wire_put32(out + 6, e->mode);
    wire_put32(out + 10, e->uid);
    wire_put32(out + 14, e->gid);
    wire_put64(out + 18, e->parent);
    wire_put64(out + 26, e->bitfile);
    wire_put64(out + 34, (uint64_t)e->changed);
    wire_put64(out + 42, e->next);
    wire_put64(out + 50, e->before);
    wire_put64(out + 58, e->after);
    wire_put64(out + 66, e->child);
    wire_put32(out + 74, e->entries);
    wire_put64(out + 78, e->bucket);
    out[86] = (uint8_t)strlen(e->name);
    memcpy(out + 87, e->name, FILE_NAME_MAX);
}

static void declare(void *arg, uint64_t n, uint8_t *out)
{
    const struct names *s = arg;
    struct entry e = { .n = n, .state = ENTRY_DIR, .mode = 0777 };
    uint64_t first, file = n - first_file(s);
    if (n == 0) {
        e.entries = (uint32_t)dirs(s);
    } else if (n < first_file(s)) {
        e.entries = (uint32_t)files_of(s, n - 1, &first);
        name_of_dir(n - 1, e.name);
    } else if (file < (uint64_t)s->params->declared) {
        e.state = ENTRY_FILE;
        e.mode = 0666;
        e.parent = 1 + file / (uint64_t)s->params->fanout;
        e.bitfile = file;
        name_of_file(file, e.name);
    } else {
        return;
    }
    store(&e, out);
}

/* ---- what a call sees and changes ---- */

static struct entry *entry(struct job *j, uint64_t n)
{
    uint8_t wire[RECORD];
    LIST_EACH (l, &j->entries)
        if (LIST_ENTRY(l, struct entry, link)->n == n)
            return LIST_ENTRY(l, struct entry, link);
    struct entry *e = port_alloc(j->s->port, sizeof *e);
    enum file_status f = records_get(j->s->records, ENTRIES, n, wire);
    if (f != FILE_OK) {
        j->failed = f;
        memset(wire, 0, sizeof wire);
    }
    *e = (struct entry){ .n = n,
                         .state = wire[0],
                         .linked = wire[1] != 0,
                         .generation = wire_get32(wire + 2),
                         .mode = wire_get32(wire + 6),
                         .uid = wire_get32(wire + 10),
                         .gid = wire_get32(wire + 14),
                         .parent = wire_get64(wire + 18),
                         .bitfile = wire_get64(wire + 26),
                         .changed = (sim_time)wire_get64(wire + 34),
                         .next = wire_get64(wire + 42),
                         .before = wire_get64(wire + 50),
                         .after = wire_get64(wire + 58),
                         .child = wire_get64(wire + 66),
                         .entries = wire_get32(wire + 74),
                         .bucket = wire_get64(wire + 78) };
    memcpy(e->name, wire + 87, FILE_NAME_MAX);
    list_push(&j->entries, &e->link);
    return e;
}

static struct entry *changed(struct job *j, uint64_t n)
{
    struct entry *e = entry(j, n);
    e->dirty = true;
    return e;
}

static struct bucket *bucket(struct job *j, uint64_t n)
{
    uint8_t wire[8] = { 0 };
    LIST_EACH (l, &j->buckets)
        if (LIST_ENTRY(l, struct bucket, link)->n == n)
            return LIST_ENTRY(l, struct bucket, link);
    struct bucket *b = port_alloc(j->s->port, sizeof *b);
    enum file_status f = records_get(j->s->records, BUCKETS, n, wire);
    if (f != FILE_OK)
        j->failed = f;
    b->n = n;
    b->first = wire_get64(wire);
    list_push(&j->buckets, &b->link);
    return b;
}

static uint64_t hash(const struct names *s, uint64_t dir, const char *name)
{
    return (base_hash_text(name) ^ dir * UINT64_C(0x9e3779b97f4a7c15)) %
           (uint64_t)s->params->buckets;
}

/* NAMES1: all of it, or nothing. */
static enum file_status commit(struct job *j)
{
    struct records_change x;
    uint8_t wire[RECORD];
    if (j->failed != FILE_OK)
        return j->failed;
    records_begin(&x);
    LIST_EACH (l, &j->entries) {
        const struct entry *e = LIST_ENTRY(l, struct entry, link);
        if (!e->dirty)
            continue;
        store(e, wire);
        records_put(j->s->records, &x, ENTRIES, e->n, wire);
    }
    LIST_EACH (l, &j->buckets) {
        const struct bucket *b = LIST_ENTRY(l, struct bucket, link);
        if (!b->dirty)
            continue;
        wire_put64(wire, b->first);
        records_put(j->s->records, &x, BUCKETS, b->n, wire);
    }
    j->s->counts.changes++;
    return records_commit(j->s->records, &x);
}

/* ---- the tree ---- */

/* The entry of a handle, or NULL. */
static struct entry *handle(struct job *j, uint64_t h)
{
    if (NUMBER(h) >= j->s->all)
        return NULL;
    struct entry *e = entry(j, NUMBER(h));
    return e->state != ENTRY_FREE && e->generation == h >> HANDLE_BITS ? e : NULL;
}

static uint64_t handle_of(const struct entry *e)
{
    return (uint64_t)e->generation << HANDLE_BITS | e->n;
}

/* Where a declared name of that directory would be; 0: nowhere. */
static uint64_t declared_place(const struct names *s, uint64_t dir, const char *name)
{
    uint64_t n, first;
    if (dir == 0)
        return number_in(name, 'd', &n) && n < dirs(s) ? 1 + n : 0;
    if (dir >= first_file(s) || !number_in(name, 'f', &n))
        return 0;
    uint64_t count = files_of(s, dir - 1, &first);
    return n >= first && n - first < count ? first_file(s) + n : 0;
}

static struct entry *find(struct job *j, const struct entry *dir, const char *name)
{
    uint64_t at = dir->generation == 0 ? declared_place(j->s, dir->n, name) : 0;
    if (at != 0) {
        struct entry *e = entry(j, at);
        if (e->state != ENTRY_FREE && !e->linked && e->generation == 0)
            return e;
    }
    at = bucket(j, hash(j->s, dir->n, name))->first;
    while (at != 0) {
        struct entry *e = entry(j, at - 1);
        if (j->failed != FILE_OK)
            return NULL;
        if (e->parent == dir->n && strcmp(e->name, name) == 0)
            return e;
        at = e->next;
    }
    return NULL;
}

/* Into a directory, under that name. */
static void put_in(struct job *j, struct entry *e, struct entry *dir, const char *name)
{
    struct bucket *b = bucket(j, hash(j->s, dir->n, name));
    e->dirty = b->dirty = dir->dirty = true;
    memset(e->name, 0, sizeof e->name);
    strncpy(e->name, name, FILE_NAME_MAX);
    e->linked = true;
    e->parent = dir->n;
    e->bucket = b->n;
    e->next = b->first;
    b->first = e->n + 1;
    e->before = 0;
    e->after = dir->child;
    if (dir->child != 0)
        changed(j, dir->child - 1)->before = e->n + 1;
    dir->child = e->n + 1;
    dir->entries++;
    dir->changed = e->changed = port_now(j->s->port);
}

static void take_out(struct job *j, struct entry *e, struct entry *dir)
{
    e->dirty = dir->dirty = true;
    dir->entries--;
    dir->changed = port_now(j->s->port);
    if (!e->linked)
        return;
    struct bucket *b = bucket(j, e->bucket);
    if (b->first == e->n + 1) {
        b->first = e->next;
        b->dirty = true;
    } else {
        struct entry *p = entry(j, b->first - 1);
        while (p->next != e->n + 1)
            p = entry(j, p->next - 1);
        p->next = e->next;
        p->dirty = true;
    }
    if (e->before != 0)
        changed(j, e->before - 1)->after = e->after;
    else
        dir->child = e->after;
    if (e->after != 0)
        changed(j, e->after - 1)->before = e->before;
}

static void let_go(struct entry *e)
{
    e->state = ENTRY_FREE;
    e->linked = false;
    e->generation++;
    e->next = e->before = e->after = e->child = e->bitfile = e->parent = 0;
    memset(e->name, 0, sizeof e->name);
}

/* A free entry, or NULL. */
static struct entry *make(struct job *j)
{
    struct names *s = j->s;
    uint64_t from = first_file(s) + (uint64_t)s->params->declared;
    uint8_t wire[RECORD];
    for (uint64_t i = from; i < s->all; i++) {
        uint64_t n = s->cursor;
        s->cursor = n + 1 < s->all ? n + 1 : from;
        enum file_status f = records_get(s->records, ENTRIES, n, wire);
        if (f != FILE_OK) {
            j->failed = f;
            return NULL;
        }
        if (wire[0] == ENTRY_FREE)
            return changed(j, n);
    }
    return NULL;
}

/* ---- calls ---- */

static bool may(const struct job *j, const struct entry *e, uint32_t bits)
{
    return file_may(&j->c.who, &(struct file_rights){ e->mode, e->uid, e->gid }, bits);
}

/* A directory in which the caller may do that; NULL, and why. */
static struct entry *dir_for(struct job *j, uint64_t h, uint32_t bits, enum file_status *why)
{
    struct entry *d = handle(j, h);
    *why = d == NULL               ? FILE_NO_FILE
           : d->state != ENTRY_DIR ? FILE_NOT_DIR
           : !may(j, d, bits)      ? FILE_DENIED
                                   : FILE_OK;
    return *why == FILE_OK ? d : NULL;
}

static void tell(struct job *j, const struct entry *e)
{
    j->c.file = handle_of(e);
    j->c.bitfile = e->bitfile;
    j->c.attr = (struct name_attr){ .dir = e->state == ENTRY_DIR,
                                    .mode = e->mode,
                                    .uid = e->uid,
                                    .gid = e->gid,
                                    .entries = e->entries,
                                    .changed = e->changed };
}

static enum file_status look_up(struct job *j)
{
    enum file_status s;
    const struct entry *d = dir_for(j, j->c.dir, 01, &s);
    const struct entry *e = d != NULL ? find(j, d, j->name) : NULL;
    if (e != NULL)
        tell(j, e);
    return d == NULL ? s : e == NULL ? FILE_NO_FILE : FILE_OK;
}

static enum file_status create(struct job *j, bool dir)
{
    enum file_status s;
    struct entry *d = dir_for(j, j->c.dir, 02, &s);
    if (d == NULL)
        return s;
    const struct entry *old = find(j, d, j->name);
    if (old != NULL) {
        tell(j, old);
        return FILE_EXISTS;
    }
    struct entry *e = make(j);
    if (e == NULL)
        return FILE_NO_INODE;
    e->state = dir ? ENTRY_DIR : ENTRY_FILE;
    e->mode = file_mode_of(&j->c.who, dir);
    e->uid = j->c.who.uid;
    e->gid = j->c.who.gid;
    e->bitfile = dir ? 0 : j->c.bitfile;
    e->entries = 0;
    put_in(j, e, d, j->name);
    tell(j, e);
    return commit(j);
}

static enum file_status remove_it(struct job *j)
{
    enum file_status s;
    struct entry *d = dir_for(j, j->c.dir, 02, &s);
    struct entry *e = d != NULL ? find(j, d, j->name) : NULL;
    if (e == NULL)
        return d == NULL ? s : FILE_NO_FILE;
    if (e->entries > 0)
        return FILE_NOT_EMPTY;
    tell(j, e);
    take_out(j, e, d);
    let_go(e);
    return commit(j);
}

static enum file_status rename_it(struct job *j)
{
    enum file_status s;
    struct entry *d = dir_for(j, j->c.dir, 02, &s), *to = NULL;
    if (d != NULL)
        to = dir_for(j, j->c.to_dir, 02, &s);
    struct entry *e = to != NULL ? find(j, d, j->name) : NULL;
    if (e == NULL)
        return s != FILE_OK ? s : FILE_NO_FILE;
    for (const struct entry *up = to; e->state == ENTRY_DIR; up = entry(j, up->parent)) {
        if (up == e || j->failed != FILE_OK)
            return j->failed != FILE_OK ? j->failed : FILE_LOOP; /* NAMES2 */
        if (up->n == 0)
            break;
    }
    struct entry *old = find(j, to, j->to_name);
    if (old == e) {
        tell(j, e);
        return FILE_OK;
    }
    if (old != NULL && (old->state == ENTRY_DIR || e->state == ENTRY_DIR)) {
        tell(j, old);
        return FILE_EXISTS;
    }
    take_out(j, e, d);
    if (old != NULL) {
        tell(j, old);
        take_out(j, old, to);
        let_go(old);
    }
    put_in(j, e, to, j->to_name);
    uint64_t bitfile = j->c.bitfile;
    tell(j, e);
    j->c.replaced = old != NULL;
    if (old != NULL)
        j->c.bitfile = bitfile;
    return commit(j);
}

static enum file_status change(struct job *j)
{
    struct entry *e = handle(j, j->c.file);
    const struct name_attr *a = &j->c.attr;
    bool ids = e != NULL && (a->uid != e->uid || a->gid != e->gid);
    if (e == NULL)
        return FILE_NO_FILE;
    if (j->c.who.uid != 0 && (ids || j->c.who.uid != e->uid))
        return FILE_DENIED;
    e->dirty = true;
    e->mode = a->mode & 0777;
    e->uid = a->uid;
    e->gid = a->gid;
    e->changed = port_now(j->s->port);
    tell(j, e);
    return commit(j);
}

static void add_entry(struct job *j, const struct entry *e)
{
    uint8_t wire[NAME_ENTRY_BYTES] = { 0 };
    wire_put64(wire, handle_of(e));
    wire_put64(wire + 8, e->bitfile);
    wire[16] = e->state == ENTRY_DIR;
    wire[17] = (uint8_t)strlen(e->name);
    memcpy(wire + 18, e->name, strlen(e->name));
    rope_add_bytes(&j->c.entries, wire, sizeof wire);
}

/* `at`: 1 and on, the next of those that are declared here; above that the next of the list, by
 * its handle. */
#define IN_LIST (UINT64_C(1) << 63)
enum { LISTED = 32 };

static enum file_status list(struct job *j)
{
    struct names *s = j->s;
    enum file_status why;
    const struct entry *d = dir_for(j, j->c.dir, 04, &why);
    uint64_t at = j->c.at > 0 ? j->c.at : 1, first = 0, count = 0;
    if (d == NULL)
        return why;
    if (d->n == 0)
        count = dirs(s);
    else if (d->n < first_file(s) && d->generation == 0)
        count = files_of(s, d->n - 1, &first);
    uint64_t from = d->n == 0 ? 1 : first_file(s) + first, told = 0;
    for (; !(at & IN_LIST) && at <= count && told < LISTED; at++, told++) {
        const struct entry *e = entry(j, from + at - 1);
        if (e->state != ENTRY_FREE && !e->linked && e->generation == 0)
            add_entry(j, e);
    }
    const struct entry *e = NULL;
    if (at & IN_LIST) {
        e = handle(j, at & ~IN_LIST);
        if (e == NULL || e->parent != d->n)
            return FILE_NO_FILE;
    } else if (at > count && d->child != 0) {
        e = entry(j, d->child - 1);
    }
    j->c.at = at <= count && !(at & IN_LIST) ? at : 0;
    while (e != NULL) {
        if (told++ >= LISTED) {
            j->c.at = IN_LIST | handle_of(e);
            break;
        }
        add_entry(j, e);
        e = e->after != 0 ? entry(j, e->after - 1) : NULL;
    }
    return j->failed;
}

static enum file_status do_it(struct job *j)
{
    struct entry *e;
    bool named = j->c.op != NAME_STAT && j->c.op != NAME_LIST && j->c.op != NAME_CHANGE;
    if ((named && j->name[0] == 0) || (j->c.op == NAME_RENAME && j->to_name[0] == 0))
        return FILE_BAD_NAME;
    switch (j->c.op) {
    case NAME_LOOKUP:
        return look_up(j);
    case NAME_STAT:
        e = handle(j, j->c.file);
        if (e != NULL)
            tell(j, e);
        return e != NULL ? FILE_OK : FILE_NO_FILE;
    case NAME_CREATE:
    case NAME_MAKE_DIR:
        return create(j, j->c.op == NAME_MAKE_DIR);
    case NAME_REMOVE:
        return remove_it(j);
    case NAME_RENAME:
        return rename_it(j);
    case NAME_LIST:
        return list(j);
    case NAME_CHANGE:
        return change(j);
    default:
        return FILE_UNSUPPORTED;
    }
}

/* ---- the thread ---- */

static void answer(struct job *j, enum file_status status)
{
    uint8_t wire[NAME_REPLY_BYTES] = { 0 };
    struct rope reply;
    struct list *l;
    struct names *s = j->s;
    const struct name_attr *a = &j->c.attr;
    wire[0] = (uint8_t)status;
    wire_put64(wire + 1, j->c.file);
    wire_put64(wire + 9, j->c.bitfile);
    wire_put64(wire + 17, j->c.at);
    wire[25] = j->c.replaced;
    wire[26] = a->dir;
    wire_put32(wire + 27, a->mode);
    wire_put32(wire + 31, a->uid);
    wire_put32(wire + 35, a->gid);
    wire_put32(wire + 39, a->entries);
    wire_put64(wire + 43, (uint64_t)a->changed);
    rope_init(&reply);
    rope_add_bytes(&reply, wire, sizeof wire);
    rope_join(&reply, &j->c.entries);
    s->counts.refused += status != FILE_OK;
    hsm_answer(&s->calls, &j->caller, &reply);
    while ((l = list_pop(&j->entries)) != NULL)
        port_free(s->port, LIST_ENTRY(l, struct entry, link));
    while ((l = list_pop(&j->buckets)) != NULL)
        port_free(s->port, LIST_ENTRY(l, struct bucket, link));
    port_free(s->port, j);
}

static void work(void *arg)
{
    struct names *s = arg;
    enum file_status f = records_open(s->records);
    if (f != FILE_OK)
        port_remark(s->port, "the name server's records cannot be used: %s", file_status_name(f));
    for (;;) {
        struct list *l = list_pop(&s->arrived);
        if (l == NULL) {
            port_thread_block(s->port, "calls of names", 0);
            continue;
        }
        struct job *j = LIST_ENTRY(l, struct job, link);
        enum file_status status = f == FILE_OK ? do_it(j) : f;
        answer(j, j->failed != FILE_OK ? j->failed : status);
    }
}

static void name_from(const uint8_t *field, char out[FILE_NAME_MAX + 1])
{
    size_t n = field[0] < FILE_NAME_MAX ? field[0] : FILE_NAME_MAX;
    memcpy(out, field + 1, n);
    out[n] = 0;
}

static void serve(void *arg, struct select_request *request, uint32_t procedure, struct rope *args)
{
    struct names *s = arg;
    uint8_t wire[NAME_CALL_BYTES] = { 0 };
    struct job *j = port_alloc(s->port, sizeof *j);
    port_work(s->port, PORT_WORK_RPC, 1);
    j->caller = hsm_take(request, args);
    rope_take_front(args, args->length < sizeof wire ? args->length : sizeof wire, wire);
    j->s = s;
    list_init(&j->entries);
    list_init(&j->buckets);
    j->c = (struct name_call){ .op = (enum name_op)procedure,
                               .dir = wire_get64(wire),
                               .to_dir = wire_get64(wire + 8),
                               .file = wire_get64(wire + 16),
                               .bitfile = wire_get64(wire + 24),
                               .at = wire_get64(wire + 32),
                               .who = { wire_get32(wire + 40), wire_get32(wire + 44),
                                        wire_get32(wire + 48) } };
    j->c.attr.mode = wire_get32(wire + 52);
    j->c.attr.uid = wire_get32(wire + 56);
    j->c.attr.gid = wire_get32(wire + 60);
    rope_init(&j->c.entries);
    name_from(wire + 64, j->name);
    name_from(wire + 64 + NAME_FIELD, j->to_name);
    s->counts.calls++;
    list_push(&s->arrived, &j->link);
    if (s->thread != NULL)
        port_thread_wake(s->port, s->thread);
}

struct names *name_serve(struct xk_protl *rpc, struct file_sys *files,
                         const struct name_params *params)
{
    struct names *s = port_alloc(xk_port(rpc), sizeof *s);
    s->port = xk_port(rpc);
    s->params = params;
    hsm_calls_init(&s->calls, rpc, 0, params->retry);
    list_init(&s->arrived);
    s->cursor = first_file(s) + (uint64_t)params->declared;
    s->all = s->cursor + (uint64_t)params->names;
    s->records = records_create(s->port, files, "names", &params->records);
    (void)records_table(s->records, "entries", RECORD, s->all, declare, s);
    (void)records_table(s->records, "buckets", 8, (uint64_t)params->buckets, NULL, NULL);
    port_counters(s->port, "name_server", name_counters, s);
    enum xk_status served = select_serve(rpc, HSM_SERVICE_NAMES, serve, s);
    ASSERT(served == XK_OK);
    s->thread = port_thread_spawn(s->port, "name server", work, s, PORT_THREAD_SERVICE);
    if (s->thread == NULL)
        port_fail(s->port, "no room for the thread of the name server");
    return s;
}
