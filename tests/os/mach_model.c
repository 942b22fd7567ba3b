/* mach_model.c: the slow model of Mach IPC.  From the manual: it shares no code with os/mach. */
#include "tests/os/mach_model.h"

#include <criterion/criterion.h>
#include <stdlib.h>

enum kind { NOTHING, DEAD, RECEIVE, SEND, ONCE };

struct lport {
    struct lport *next;
    struct lport *no_senders, *destroyed; /* whom to tell; NULL: nobody asked */
    uint32_t make_send, seqno, qlimit;
    mach_name set; /* in the table of who receives */
    bool dead;
};
struct right {
    enum kind kind;
    struct lport *port;
};
struct entry {
    mach_name name;
    uint32_t type, refs;
    struct lport *port;
    struct lport *request; /* whom to tell of its death or end; NULL: nobody asked */
    uint64_t asked;
    uint64_t chosen; /* when the task gave it this name; 0: the kernel did */
    bool accepting;  /* a forced message has not been received yet */
};
struct table {
    struct entry *at;
    uint32_t count, room;
};
struct part {
    uint32_t type, count, bytes;
    struct right *rights;
    uint64_t hash; /* of the bytes in line */
    bool out_of_line;
    uint64_t offset, length; /* of the bytes in the pages, and of these */
    uint8_t *pages;
};
struct memory {
    struct memory *next;
    uint32_t task;
    struct model_region region;
};
struct letter {
    struct letter *next, *next_doomed;
    struct right dest, reply;
    int32_t id;
    uint32_t size, seqno, parts;
    uint64_t stamp;       /* when it came into the queue; 0: it is in none */
    struct lport *accept; /* whom to tell when it goes; NULL: nobody */
    uint32_t accept_task; /* whose name is told; MODEL_TASKS: of one that ended */
    mach_name accept_name;
    struct part part[MACH_ITEMS_MAX];
};
struct model {
    struct table tasks[MODEL_TASKS];
    struct lport *ports;
    struct letter *letters, *doomed;
    struct memory *memory;
    uint32_t names_max;
    uint64_t clock;
    const struct lport *quiet; /* of MACH_SEND_CANCEL */
    bool reaping;
};

/* ---- looking ---- */

static struct entry *find(struct model *m, uint32_t task, mach_name name)
{
    struct table *t = &m->tasks[task];
    for (uint32_t i = 0; i < t->count; i++)
        if (t->at[i].name == name)
            return &t->at[i];
    return NULL;
}

static bool in_letter(const struct letter *l, enum kind kind, const struct lport *port)
{
    if ((l->dest.kind == kind && l->dest.port == port) ||
        (l->reply.kind == kind && l->reply.port == port))
        return true;
    for (uint32_t i = 0; i < l->parts; i++)
        for (uint32_t j = 0; l->part[i].rights && j < l->part[i].count; j++)
            if (l->part[i].rights[j].kind == kind && l->part[i].rights[j].port == port)
                return true;
    return kind == ONCE && l->accept == port;
}

static bool exists(const struct model *m, enum kind kind, const struct lport *port)
{
    uint32_t type = kind == SEND ? MACH_TYPE_SEND : MACH_TYPE_SEND_ONCE;
    for (uint32_t i = 0; i < MODEL_TASKS; i++)
        for (uint32_t j = 0; j < m->tasks[i].count; j++) {
            const struct entry *e = &m->tasks[i].at[j];
            if ((e->port == port && e->type & type) || (kind == ONCE && e->request == port))
                return true;
        }
    for (const struct letter *l = m->letters; l; l = l->next)
        if (in_letter(l, kind, port))
            return true;
    for (const struct lport *p = m->ports; kind == ONCE && p; p = p->next)
        if (p->no_senders == port || p->destroyed == port)
            return true;
    return false;
}

static struct letter *oldest(struct model *m, const struct lport *port)
{
    struct letter *best = NULL;
    for (struct letter *l = m->letters; l; l = l->next)
        if (l->stamp && l->dest.port == port && (!best || l->stamp < best->stamp))
            best = l;
    return best;
}

static uint32_t queued(const struct model *m, const struct lport *port)
{
    uint32_t n = 0;
    for (const struct letter *l = m->letters; l; l = l->next)
        n += l->stamp && l->dest.port == port;
    return n;
}

/* Going from a port to the one to whose queue its receive right travels, and so on: do we come to
 * the port or the letter? */
static bool leads_to(const struct model *m, const struct lport *from, const struct lport *port,
                     const struct letter *letter)
{
    for (uint32_t steps = 0; from && steps < 100000; steps++) {
        const struct letter *l = m->letters;
        if (from == port)
            return true;
        while (l && !in_letter(l, RECEIVE, from))
            l = l->next;
        if (!l)
            return false;
        if (l == letter)
            return true;
        from = l->dest.port;
    }
    return false;
}

/* ---- making and ending ---- */

static struct entry *add(struct model *m, uint32_t task, mach_name got)
{
    struct table *t = &m->tasks[task];
    cr_assert(got != MACH_PORT_NULL && got != MACH_PORT_DEAD);
    cr_assert_null(find(m, task, got), "a new right has the name %#x of another", got);
    if (t->count == t->room) {
        t->room += 64;
        t->at = realloc(t->at, t->room * sizeof *t->at);
    }
    t->at[t->count] = (struct entry){ .name = got };
    return &t->at[t->count++];
}

static void accept_rename(struct model *m, uint32_t task, mach_name from, mach_name to)
{
    for (struct letter *l = m->letters; l; l = l->next)
        if (l->accept && l->accept_task == task && l->accept_name == from)
            l->accept_name = to;
}

static void drop(struct model *m, uint32_t task, struct entry *e)
{
    struct table *t = &m->tasks[task];
    accept_rename(m, task, e->name, MACH_PORT_NULL);
    *e = t->at[--t->count];
}

static bool full(const struct model *m, uint32_t task)
{
    return m->names_max && m->tasks[task].count >= m->names_max;
}

static struct letter *letter_new(struct model *m)
{
    struct letter *l = calloc(1, sizeof *l);
    l->size = 24;
    l->next = m->letters;
    m->letters = l;
    return l;
}

static void notify(struct model *m, struct lport *to, int32_t id, bool has_word, uint32_t word);

static void letter_free(struct model *m, struct letter *l)
{
    struct lport *to = l->accept;
    if (to) {
        struct entry *e =
            l->accept_task < MODEL_TASKS ? find(m, l->accept_task, l->accept_name) : NULL;
        if (e)
            e->accepting = false;
        l->accept = NULL;
        notify(m, to, MACH_NOTIFY_MSG_ACCEPTED, true, l->accept_name);
    }
    struct letter **at = &m->letters;
    while (*at != l)
        at = &(*at)->next;
    *at = l->next;
    for (uint32_t i = 0; i < l->parts; i++) {
        free(l->part[i].rights);
        free(l->part[i].pages);
    }
    free(l);
}

static void release(struct model *m, struct right r);

static struct right taken(struct right *r)
{
    struct right was = *r;
    *r = (struct right){ NOTHING, NULL };
    return was;
}

/* What destroying one dooms comes after it. */
static void letter_destroy(struct model *m, struct letter *l)
{
    struct letter **at = &m->doomed;
    while (*at)
        at = &(*at)->next_doomed;
    *at = l;
    l->stamp = 0;
    if (m->reaping)
        return;
    m->reaping = true;
    while ((l = m->doomed)) {
        m->doomed = l->next_doomed;
        release(m, taken(&l->dest));
        release(m, taken(&l->reply));
        for (uint32_t i = 0; i < l->parts; i++)
            for (uint32_t j = 0; l->part[i].rights && j < l->part[i].count; j++)
                release(m, taken(&l->part[i].rights[j]));
        letter_free(m, l);
    }
    m->reaping = false;
}

static void post(struct model *m, struct letter *l)
{
    if (l->dest.port->dead)
        letter_destroy(m, l);
    else
        l->stamp = ++m->clock;
}

static void notify(struct model *m, struct lport *to, int32_t id, bool has_word, uint32_t word)
{
    struct letter *l = letter_new(m);
    l->dest = (struct right){ ONCE, to };
    l->id = id;
    if (has_word) {
        uint8_t b[4] = { (uint8_t)(word >> 24), (uint8_t)(word >> 16), (uint8_t)(word >> 8),
                         (uint8_t)word };
        struct rope r;
        rope_init(&r);
        rope_add_bytes(&r, b, 4);
        l->parts = 1;
        l->part[0] =
            (struct part){ .type = MACH_TYPE_INTEGER_32, .bytes = 4, .hash = rope_hash(&r) };
        l->size += 8;
        rope_fini(&r);
    }
    post(m, l);
}

static void lost_send(struct model *m, struct lport *port)
{
    struct lport *to = port->no_senders;
    if (port->dead || !to || exists(m, SEND, port))
        return;
    port->no_senders = NULL;
    notify(m, to, MACH_NOTIFY_NO_SENDERS, true, port->make_send);
}

static void send_back(struct model *m, struct lport *port, struct lport *to)
{
    struct letter *l = letter_new(m);
    l->dest = (struct right){ ONCE, to };
    l->id = MACH_NOTIFY_PORT_DESTROYED;
    l->size += 8;
    l->parts = 1;
    l->part[0] = (struct part){ .type = MACH_PORT_RECEIVE, .count = 1 };
    l->part[0].rights = calloc(1, sizeof(struct right));
    l->part[0].rights[0] = (struct right){ RECEIVE, port };
    post(m, l);
}

static void answer(struct model *m, struct lport *port)
{
    for (;;) {
        struct entry *first = NULL;
        for (uint32_t i = 0; i < MODEL_TASKS; i++)
            for (uint32_t j = 0; j < m->tasks[i].count; j++) {
                struct entry *e = &m->tasks[i].at[j];
                if (e->request && e->port == port && (!first || e->asked < first->asked))
                    first = e;
            }
        if (!first)
            return;
        struct lport *to = first->request;
        first->request = NULL;
        if (first->refs < MACH_UREFS_MAX)
            first->refs++;
        notify(m, to, MACH_NOTIFY_DEAD_NAME, true, first->name);
    }
}

/* The receive right is in no table. */
static void destroy_port(struct model *m, struct lport *port)
{
    struct lport *to = port->destroyed;
    port->destroyed = NULL;
    if (to && !leads_to(m, to, port, NULL)) {
        send_back(m, port, to);
        return;
    }
    port->dead = true;
    for (uint32_t i = 0; i < MODEL_TASKS; i++)
        for (uint32_t j = 0; j < m->tasks[i].count; j++) {
            struct entry *e = &m->tasks[i].at[j];
            if (e->port == port) {
                e->refs = e->type == MACH_TYPE_SEND ? e->refs : 1;
                e->type = MACH_TYPE_DEAD_NAME;
            }
        }
    if (to)
        release(m, (struct right){ ONCE, to });
    for (struct letter *l; (l = oldest(m, port));)
        letter_destroy(m, l);
    answer(m, port);
    to = port->no_senders;
    port->no_senders = NULL;
    if (to)
        release(m, (struct right){ ONCE, to });
}

static void release(struct model *m, struct right r)
{
    if (r.kind == RECEIVE)
        destroy_port(m, r.port);
    else if (r.kind == SEND)
        lost_send(m, r.port);
    else if (r.kind == ONCE && !r.port->dead)
        notify(m, r.port, MACH_NOTIFY_SEND_ONCE, false, 0);
}

/* ---- rights and names ---- */

static void drop_and_tell(struct model *m, uint32_t task, struct entry *e)
{
    struct lport *to = e->request;
    mach_name name = e->name;
    drop(m, task, e);
    if (to && to != m->quiet)
        notify(m, to, MACH_NOTIFY_PORT_DELETED, true, name);
}

/* The send right leaves the table; true: it was the only one of the entry. */
static void drop_send(struct model *m, uint32_t task, struct entry *e)
{
    if (e->type & MACH_TYPE_RECEIVE)
        e->type = MACH_TYPE_RECEIVE;
    else
        drop_and_tell(m, task, e);
}

static void drop_refs(struct model *m, uint32_t task, struct entry *e, uint32_t count)
{
    struct lport *port = e->port;
    e->refs -= count;
    if (e->refs > 0)
        return;
    if (e->type & MACH_TYPE_DEAD_NAME) {
        drop(m, task, e);
        return;
    }
    drop_send(m, task, e);
    lost_send(m, port);
}

static struct lport *take_receive(struct model *m, uint32_t task, struct entry *e)
{
    struct lport *port = e->port;
    port->make_send = port->seqno = 0;
    port->set = MACH_PORT_NULL;
    if (e->type & MACH_TYPE_SEND)
        e->type = MACH_TYPE_SEND;
    else
        drop_and_tell(m, task, e);
    return port;
}

static enum kern_return may_take(const struct entry *e, uint32_t d)
{
    uint32_t need = d == MACH_MOVE_SEND || d == MACH_COPY_SEND
                        ? MACH_TYPE_SEND | MACH_TYPE_DEAD_NAME
                    : d == MACH_MOVE_SEND_ONCE ? MACH_TYPE_SEND_ONCE | MACH_TYPE_DEAD_NAME
                                               : MACH_TYPE_RECEIVE;
    if (!e)
        return KERN_INVALID_NAME;
    return e->type & need ? KERN_SUCCESS : KERN_INVALID_RIGHT;
}

static enum kern_return take(struct model *m, uint32_t task, mach_name name, uint32_t d,
                             struct right *out)
{
    struct entry *e = find(m, task, name);
    enum kern_return kr = may_take(e, d);
    *out = (struct right){ NOTHING, NULL };
    if (kr != KERN_SUCCESS)
        return kr;
    if (e->type & MACH_TYPE_DEAD_NAME) {
        if (d != MACH_COPY_SEND)
            drop_refs(m, task, e, 1);
        out->kind = DEAD;
        return KERN_SUCCESS;
    }
    *out = (struct right){ SEND, e->port };
    if (d == MACH_MAKE_SEND) {
        e->port->make_send++;
    } else if (d == MACH_MOVE_SEND) {
        if (--e->refs == 0)
            drop_send(m, task, e);
    } else if (d == MACH_MAKE_SEND_ONCE) {
        out->kind = ONCE;
    } else if (d == MACH_MOVE_SEND_ONCE) {
        out->kind = ONCE;
        drop_and_tell(m, task, e);
    } else if (d == MACH_MOVE_RECEIVE) {
        out->kind = RECEIVE;
        take_receive(m, task, e);
    }
    return KERN_SUCCESS;
}

/* The right comes to the task under the name that the kernel says; false: there is no room for it,
 * and it is destroyed. */
static bool give(struct model *m, uint32_t task, struct right r, mach_name got)
{
    struct entry *e = NULL;
    if (r.kind == NOTHING || r.kind == DEAD || r.port->dead) {
        cr_assert_eq(got, r.kind == NOTHING ? MACH_PORT_NULL : MACH_PORT_DEAD, "%#x came", got);
        return true;
    }
    for (uint32_t i = 0; r.kind != ONCE && !e && i < m->tasks[task].count; i++) {
        e = &m->tasks[task].at[i];
        if (e->port != r.port || !(e->type & (MACH_TYPE_SEND | MACH_TYPE_RECEIVE)))
            e = NULL;
    }
    if (!e && full(m, task)) {
        cr_assert_eq(got, MACH_PORT_NULL, "%#x came", got);
        release(m, r);
        return false;
    }
    if (e)
        cr_assert_eq(got, e->name, "a right is called %#x, not %#x", got, e->name);
    else
        e = add(m, task, got);
    e->port = r.port;
    if (r.kind == SEND && e->type & MACH_TYPE_SEND)
        e->refs += e->refs < MACH_UREFS_MAX;
    else if (r.kind != RECEIVE)
        e->refs = 1;
    e->type |= r.kind == RECEIVE ? MACH_TYPE_RECEIVE
               : r.kind == SEND  ? MACH_TYPE_SEND
                                 : MACH_TYPE_SEND_ONCE;
    return true;
}

static void leave_set(struct model *m, uint32_t task, mach_name set)
{
    for (uint32_t i = 0; i < m->tasks[task].count; i++) {
        const struct entry *e = &m->tasks[task].at[i];
        if (e->type & MACH_TYPE_RECEIVE && e->port->set == set)
            e->port->set = MACH_PORT_NULL;
    }
}

static void destroy_name(struct model *m, uint32_t task, mach_name name)
{
    struct entry *e = find(m, task, name);
    struct lport *port = e->port;
    uint32_t type = e->type;
    if (type & MACH_TYPE_PORT_SET) {
        leave_set(m, task, name);
        drop(m, task, e);
    } else if (type & MACH_TYPE_DEAD_NAME) {
        drop(m, task, e);
    } else if (type & MACH_TYPE_SEND_ONCE) {
        drop_and_tell(m, task, e);
        release(m, (struct right){ ONCE, port });
    } else {
        if (type & MACH_TYPE_SEND)
            drop_refs(m, task, e, e->refs);
        if (type & MACH_TYPE_RECEIVE)
            destroy_port(m, take_receive(m, task, find(m, task, name)));
    }
}

/* ---- memory ---- */

struct model_region *model_map(struct model *m, uint32_t task, uint64_t address, uint64_t length)
{
    struct memory *r = calloc(1, sizeof *r);
    r->task = task;
    r->region = (struct model_region){ address, length, calloc(1, length) };
    r->next = m->memory;
    m->memory = r;
    return &r->region;
}

void model_unmap(struct model *m, uint32_t task, uint64_t address)
{
    struct memory **at = &m->memory;
    while ((*at)->task != task || (*at)->region.address != address)
        at = &(*at)->next;
    struct memory *r = *at;
    *at = r->next;
    free(r->region.bytes);
    free(r);
}

struct model_region *model_region_at(struct model *m, uint32_t task, uint32_t index)
{
    for (struct memory *r = m->memory; r; r = r->next)
        if (r->task == task && index-- == 0)
            return &r->region;
    return NULL;
}

uint32_t model_regions(const struct model *m, uint32_t task)
{
    uint32_t n = 0;
    for (const struct memory *r = m->memory; r; r = r->next)
        n += r->task == task;
    return n;
}

static struct model_region *holding(struct model *m, uint32_t task, uint64_t address)
{
    for (struct memory *r = m->memory; r; r = r->next)
        if (r->task == task && address >= r->region.address &&
            address - r->region.address < r->region.length)
            return &r->region;
    return NULL;
}

/* False: the task has not these pages, or they are no region that could go. */
static bool take_memory(struct model *m, uint32_t task, uint64_t address, uint64_t bytes,
                        bool deallocate, struct part *p)
{
    uint64_t first = address / MODEL_PAGE * MODEL_PAGE;
    uint64_t end = (address + bytes + MODEL_PAGE - 1) / MODEL_PAGE * MODEL_PAGE;
    if (bytes == 0)
        return true;
    for (uint64_t at = first; at < end; at += MODEL_PAGE)
        if (!holding(m, task, at))
            return false;
    const struct model_region *r = holding(m, task, first);
    if (deallocate && (r->address != first || r->length != end - first))
        return false;
    p->offset = address - first;
    p->length = end - first;
    p->pages = calloc(1, p->length);
    for (uint64_t at = first; at < end; at += MODEL_PAGE) {
        r = holding(m, task, at);
        memcpy(p->pages + (at - first), r->bytes + (at - r->address), MODEL_PAGE);
    }
    if (deallocate)
        model_unmap(m, task, first);
    return true;
}

static void give_memory(struct model *m, uint32_t task, const struct part *p,
                        const struct mach_item *it)
{
    cr_assert(it->out_of_line && it->deallocate);
    cr_assert_eq(it->bytes, p->bytes);
    if (p->bytes == 0) {
        cr_assert_eq(it->address, 0);
        return;
    }
    cr_assert_eq(it->address % MODEL_PAGE, p->offset);
    uint64_t at = it->address - p->offset;
    for (uint64_t page = 0; page < p->length; page += MODEL_PAGE)
        cr_assert_null(holding(m, task, at + page), "a new region lies on another");
    memcpy(model_map(m, task, at, p->length)->bytes, p->pages, p->length);
}

/* ---- a model ---- */

struct model *model_new(uint32_t names_max)
{
    struct model *m = calloc(1, sizeof *m);
    m->names_max = names_max;
    return m;
}

void model_free(struct model *m)
{
    while (m->letters) {
        m->letters->accept = NULL;
        letter_free(m, m->letters);
    }
    for (struct lport *p = m->ports, *next; p; p = next) {
        next = p->next;
        free(p);
    }
    while (m->memory)
        model_unmap(m, m->memory->task, m->memory->region.address);
    for (uint32_t i = 0; i < MODEL_TASKS; i++)
        free(m->tasks[i].at);
    free(m);
}

void model_terminate(struct model *m, uint32_t task)
{
    struct table *t = &m->tasks[task];
    for (struct letter *l = m->letters; l; l = l->next)
        if (l->accept_task == task)
            l->accept_task = MODEL_TASKS;
    while (t->count > 0) { /* by their indices; then those that the task chose, oldest first */
        uint32_t first = 0;
        for (uint32_t i = 1; i < t->count; i++) {
            const struct entry *a = &t->at[i], *b = &t->at[first];
            if (a->chosen != b->chosen ? a->chosen < b->chosen : a->name >> 8 < b->name >> 8)
                first = i;
        }
        destroy_name(m, task, t->at[first].name);
    }
}

/* ---- the calls on names ---- */

static bool may_be_new(enum mach_right right)
{
    return right == MACH_RIGHT_RECEIVE || right == MACH_RIGHT_PORT_SET ||
           right == MACH_RIGHT_DEAD_NAME;
}

enum kern_return model_allocate_name(struct model *m, uint32_t task, enum mach_right right,
                                     mach_name name)
{
    if (!may_be_new(right) || name == MACH_PORT_NULL || name == MACH_PORT_DEAD)
        return KERN_INVALID_VALUE;
    if (find(m, task, name))
        return KERN_NAME_EXISTS;
    enum kern_return kr = model_allocate(m, task, right, name);
    if (kr == KERN_SUCCESS)
        find(m, task, name)->chosen = ++m->clock;
    return kr;
}

enum kern_return model_rename(struct model *m, uint32_t task, mach_name from, mach_name to)
{
    struct entry *e = find(m, task, from);
    if (to == MACH_PORT_NULL || to == MACH_PORT_DEAD)
        return KERN_INVALID_VALUE;
    if (!e)
        return KERN_INVALID_NAME;
    if (find(m, task, to))
        return KERN_NAME_EXISTS;
    e->name = to;
    e->chosen = ++m->clock;
    accept_rename(m, task, from, to);
    for (uint32_t i = 0; e->type == MACH_TYPE_PORT_SET && i < m->tasks[task].count; i++) {
        const struct entry *member = &m->tasks[task].at[i];
        if (member->type & MACH_TYPE_RECEIVE && member->port->set == from)
            member->port->set = to;
    }
    return KERN_SUCCESS;
}

enum kern_return model_allocate(struct model *m, uint32_t task, enum mach_right right,
                                mach_name got)
{
    if (!may_be_new(right))
        return KERN_INVALID_VALUE;
    if (full(m, task))
        return KERN_NO_SPACE;
    struct entry *e = add(m, task, got);
    e->type = MACH_TYPE(right);
    e->refs = 1;
    if (right == MACH_RIGHT_RECEIVE) {
        struct lport *port = calloc(1, sizeof *port);
        port->qlimit = 5;
        port->next = m->ports;
        m->ports = port;
        e->port = port;
    }
    return KERN_SUCCESS;
}

enum kern_return model_mod_refs(struct model *m, uint32_t task, mach_name name,
                                enum mach_right right, int32_t delta)
{
    struct entry *e = find(m, task, name);
    if (right >= MACH_RIGHT_COUNT)
        return KERN_INVALID_VALUE;
    if (!e)
        return KERN_INVALID_NAME;
    if (!(e->type & MACH_TYPE(right)))
        return KERN_INVALID_RIGHT;
    if (right == MACH_RIGHT_SEND || right == MACH_RIGHT_DEAD_NAME) {
        int64_t refs = (int64_t)e->refs + delta;
        if (refs < 0)
            return KERN_INVALID_VALUE;
        if (refs > 65535)
            return KERN_UREFS_OVERFLOW;
        if (delta < 0)
            drop_refs(m, task, e, (uint32_t)-delta);
        else
            e->refs = (uint32_t)refs;
        return KERN_SUCCESS;
    }
    if (delta != 0 && delta != -1)
        return KERN_INVALID_VALUE;
    if (delta == 0)
        return KERN_SUCCESS;
    if (right == MACH_RIGHT_RECEIVE)
        destroy_port(m, take_receive(m, task, e));
    else
        destroy_name(m, task, name);
    return KERN_SUCCESS;
}

enum kern_return model_deallocate(struct model *m, uint32_t task, mach_name name)
{
    struct entry *e = find(m, task, name);
    if (!e)
        return KERN_INVALID_NAME;
    if (e->type & (MACH_TYPE_SEND | MACH_TYPE_DEAD_NAME))
        drop_refs(m, task, e, 1);
    else if (e->type & MACH_TYPE_SEND_ONCE)
        destroy_name(m, task, name);
    else
        return KERN_INVALID_RIGHT;
    return KERN_SUCCESS;
}

enum kern_return model_destroy(struct model *m, uint32_t task, mach_name name)
{
    if (!find(m, task, name))
        return KERN_INVALID_NAME;
    destroy_name(m, task, name);
    return KERN_SUCCESS;
}

enum kern_return model_give(struct model *m, uint32_t from, mach_name right, uint32_t d,
                            uint32_t to, mach_name got)
{
    struct right r;
    enum kern_return kr = take(m, from, right, d, &r);
    if (kr != KERN_SUCCESS)
        return kr;
    if (r.kind == DEAD)
        return KERN_INVALID_CAPABILITY;
    if (full(m, to)) /* the kernel gives no name then */
        got = MACH_PORT_NULL;
    for (uint32_t i = 0; r.kind != ONCE && i < m->tasks[to].count; i++)
        if (m->tasks[to].at[i].port == r.port &&
            m->tasks[to].at[i].type & (MACH_TYPE_SEND | MACH_TYPE_RECEIVE))
            got = m->tasks[to].at[i].name;
    return give(m, to, r, got) ? KERN_SUCCESS : KERN_NO_SPACE;
}

enum kern_return model_insert(struct model *m, uint32_t task, mach_name name, uint32_t from,
                              mach_name right, uint32_t d)
{
    struct right r;
    if (name == MACH_PORT_NULL || name == MACH_PORT_DEAD)
        return KERN_INVALID_VALUE;
    enum kern_return kr = take(m, from, right, d, &r);
    if (kr != KERN_SUCCESS)
        return kr;
    const struct entry *there = find(m, task, name), *known = NULL;
    for (uint32_t i = 0; r.kind != DEAD && r.kind != ONCE && i < m->tasks[task].count; i++) {
        const struct entry *e = &m->tasks[task].at[i];
        if (e->port == r.port && e->type & (MACH_TYPE_SEND | MACH_TYPE_RECEIVE))
            known = e;
    }
    if (r.kind == DEAD || r.port->dead)
        kr = KERN_INVALID_CAPABILITY;
    else if (known && known != there)
        kr = KERN_RIGHT_EXISTS;
    else if (there && !known)
        kr = KERN_NAME_EXISTS;
    else if (!there && full(m, task))
        kr = KERN_NO_SPACE;
    else if (known && r.kind == SEND && known->refs == 65535 && known->type & MACH_TYPE_SEND)
        kr = KERN_UREFS_OVERFLOW;
    if (kr != KERN_SUCCESS) {
        release(m, r);
        return kr;
    }
    (void)give(m, task, r, name);
    if (!there)
        find(m, task, name)->chosen = ++m->clock;
    return KERN_SUCCESS;
}

static enum kern_return receiver(struct model *m, uint32_t task, mach_name name, struct lport **p)
{
    const struct entry *e = find(m, task, name);
    if (!e)
        return KERN_INVALID_NAME;
    *p = e->port;
    return e->type & MACH_TYPE_RECEIVE ? KERN_SUCCESS : KERN_INVALID_RIGHT;
}

enum kern_return model_move_member(struct model *m, uint32_t task, mach_name name, mach_name set)
{
    struct lport *port;
    enum kern_return kr = receiver(m, task, name, &port);
    if (kr != KERN_SUCCESS)
        return kr;
    if (set == MACH_PORT_NULL) {
        kr = port->set ? KERN_SUCCESS : KERN_NOT_IN_SET;
        port->set = MACH_PORT_NULL;
        return kr;
    }
    const struct entry *e = find(m, task, set);
    if (!e)
        return KERN_INVALID_NAME;
    if (!(e->type & MACH_TYPE_PORT_SET))
        return KERN_INVALID_RIGHT;
    port->set = set;
    /* What was in its queue comes after all that the set has. */
    uint64_t before = m->clock;
    for (struct letter *l; (l = oldest(m, port)) && l->stamp <= before;)
        l->stamp = ++m->clock;
    return KERN_SUCCESS;
}

enum kern_return model_set_qlimit(struct model *m, uint32_t task, mach_name name, uint32_t limit)
{
    struct lport *port;
    if (limit > 16)
        return KERN_INVALID_VALUE;
    enum kern_return kr = receiver(m, task, name, &port);
    if (kr == KERN_SUCCESS)
        port->qlimit = limit;
    return kr;
}

static enum kern_return may_ask(const struct entry *e, enum mach_notification id, uint32_t sync)
{
    if (!e)
        return KERN_INVALID_NAME;
    if (id == MACH_NOTIFY_NO_SENDERS || id == MACH_NOTIFY_PORT_DESTROYED)
        return e->type & MACH_TYPE_RECEIVE ? KERN_SUCCESS : KERN_INVALID_RIGHT;
    if (e->type & MACH_TYPE_PORT_SET)
        return KERN_INVALID_RIGHT;
    if (e->type & MACH_TYPE_DEAD_NAME && sync == 0)
        return KERN_INVALID_ARGUMENT;
    if (e->type & MACH_TYPE_DEAD_NAME && e->refs == 65535)
        return KERN_UREFS_OVERFLOW;
    return KERN_SUCCESS;
}

enum kern_return model_request(struct model *m, uint32_t task, mach_name name,
                               enum mach_notification id, uint32_t sync, mach_name notify_name,
                               uint32_t d, mach_name got)
{
    struct right r = { NOTHING, NULL };
    struct lport *old = NULL;
    enum kern_return kr = may_ask(find(m, task, name), id, sync);
    if (kr != KERN_SUCCESS)
        return kr;
    if (notify_name != MACH_PORT_NULL) {
        if (notify_name == name && d == MACH_MOVE_SEND_ONCE)
            return KERN_INVALID_ARGUMENT;
        kr = take(m, task, notify_name, d, &r);
        if (kr != KERN_SUCCESS)
            return kr;
        if (r.kind == DEAD)
            return KERN_INVALID_CAPABILITY;
    }
    struct entry *e = find(m, task, name);
    if (e->type & MACH_TYPE_DEAD_NAME) {
        if (r.port) {
            e->refs++;
            notify(m, r.port, MACH_NOTIFY_DEAD_NAME, true, name);
        }
    } else if (id == MACH_NOTIFY_DEAD_NAME) {
        old = e->request;
        e->request = r.port;
        if (!old)
            e->asked = ++m->clock;
    } else if (id == MACH_NOTIFY_PORT_DESTROYED) {
        old = e->port->destroyed;
        e->port->destroyed = r.port;
    } else {
        struct lport *port = e->port;
        old = port->no_senders;
        port->no_senders = r.port;
        if (r.port && !exists(m, SEND, port) && sync <= port->make_send) {
            port->no_senders = NULL;
            notify(m, r.port, MACH_NOTIFY_NO_SENDERS, true, port->make_send);
        }
    }
    (void)give(m, task, (struct right){ old ? ONCE : NOTHING, old }, got);
    return KERN_SUCCESS;
}

/* ---- messages ---- */

struct model_before {
    struct mach_msg head; /* without items */
    uint32_t count;
    struct {
        uint32_t type, count, bytes;
        uint64_t hash, address;
        bool out_of_line, deallocate;
        mach_name *names;
    } item[MACH_ITEMS_MAX];
};

struct model_before *model_copy(const struct mach_msg *msg)
{
    struct model_before *b = calloc(1, sizeof *b);
    b->head.remote_disp = msg->remote_disp;
    b->head.local_disp = msg->local_disp;
    b->head.remote = msg->remote;
    b->head.local = msg->local;
    b->head.id = msg->id;
    b->head.notify = msg->notify;
    b->count = msg->item_count;
    for (uint32_t i = 0; i < b->count; i++) {
        const struct mach_item *it = &msg->items[i];
        b->item[i].type = it->type;
        b->item[i].count = it->count;
        b->item[i].bytes = (uint32_t)(it->out_of_line ? it->bytes : it->data.length);
        b->item[i].out_of_line = it->out_of_line;
        b->item[i].deallocate = it->deallocate;
        b->item[i].address = it->address;
        b->item[i].hash = rope_hash(&it->data);
        b->item[i].names = calloc(it->count + 1, sizeof(mach_name));
        if (it->names)
            memcpy(b->item[i].names, it->names, it->count * sizeof(mach_name));
    }
    return b;
}

static bool goes(uint32_t d)
{
    return d == MACH_MOVE_SEND || d == MACH_MOVE_SEND_ONCE;
}

static struct lport *told(struct model *m, uint32_t task, mach_name name)
{
    const struct entry *e = find(m, task, name);
    return e && e->type & MACH_TYPE_RECEIVE ? e->port : NULL;
}

static enum mach_msg_return check(struct model *m, uint32_t task, unsigned options,
                                  const struct model_before *b)
{
    const struct mach_msg *h = &b->head;
    bool replies = h->local_disp != MACH_NO_RIGHT;
    if (h->remote_disp < 17 || h->remote_disp > 21)
        return MACH_SEND_INVALID_HEADER;
    if (replies ? h->local_disp < 17 || h->local_disp > 21 : h->local != MACH_PORT_NULL)
        return MACH_SEND_INVALID_HEADER;
    for (uint32_t i = 0; i < b->count; i++)
        if (!mach_is_right(b->item[i].type) && b->item[i].type > 12)
            return MACH_SEND_INVALID_TYPE;
    if (options & MACH_SEND_CANCEL && !told(m, task, h->notify))
        return MACH_SEND_INVALID_NOTIFY;
    const struct entry *e = find(m, task, h->remote);
    if (may_take(e, h->remote_disp) != KERN_SUCCESS || e->type & MACH_TYPE_DEAD_NAME)
        return MACH_SEND_INVALID_DEST;
    if (replies && h->local == h->remote && goes(h->local_disp) && goes(h->remote_disp) &&
        (e->type & MACH_TYPE_SEND_ONCE || e->refs < 2))
        return MACH_SEND_INVALID_DEST;
    if (replies && h->local != MACH_PORT_NULL && h->local != MACH_PORT_DEAD &&
        may_take(find(m, task, h->local), h->local_disp) != KERN_SUCCESS)
        return MACH_SEND_INVALID_REPLY;
    return MACH_MSG_SUCCESS;
}

static bool take_any(struct model *m, uint32_t task, mach_name name, uint32_t d, struct right *out)
{
    *out = (struct right){ name == MACH_PORT_DEAD ? DEAD : NOTHING, NULL };
    return name == MACH_PORT_NULL || name == MACH_PORT_DEAD ||
           take(m, task, name, d, out) == KERN_SUCCESS;
}

static uint32_t shows(enum kind kind)
{
    return kind == NOTHING ? MACH_NO_RIGHT : kind == ONCE ? MACH_PORT_SEND_ONCE : MACH_PORT_SEND;
}

/* Rights of items come to the task, and are what the message says. */
static bool give_parts(struct model *m, uint32_t task, struct letter *l, const struct mach_msg *msg)
{
    bool ok = true;
    cr_assert_eq(msg->item_count, l->parts);
    for (uint32_t i = 0; i < l->parts; i++) {
        struct part *p = &l->part[i];
        const struct mach_item *it = &msg->items[i];
        cr_assert_eq(it->type, p->type);
        cr_assert_eq(it->count, p->count);
        cr_assert_eq(it->out_of_line, p->out_of_line);
        cr_assert_eq(it->data.length, p->out_of_line ? 0 : p->bytes);
        if (p->out_of_line)
            give_memory(m, task, p, it);
        else if (!p->rights)
            cr_assert_eq(rope_hash(&it->data), p->hash);
        for (uint32_t j = 0; p->rights && j < p->count; j++)
            ok = give(m, task, taken(&p->rights[j]), it->names[j]) && ok;
    }
    return ok;
}

static enum mach_msg_return take_parts(struct model *m, uint32_t task, const struct model_before *b,
                                       struct letter *l)
{
    for (uint32_t i = 0; i < b->count; i++) {
        struct part *p = &l->part[i];
        p->type = b->item[i].type;
        p->bytes = b->item[i].bytes;
        p->hash = b->item[i].hash;
        l->parts = i + 1;
        l->size += 4;
        p->out_of_line = b->item[i].out_of_line;
        if (p->out_of_line) {
            l->size += 4;
            if (!take_memory(m, task, b->item[i].address, p->bytes, b->item[i].deallocate, p))
                return MACH_SEND_INVALID_MEMORY;
            continue;
        }
        if (!mach_is_right(p->type)) {
            l->size += (p->bytes + 3) / 4 * 4;
            continue;
        }
        uint32_t d = p->type;
        p->type = d == MACH_MOVE_RECEIVE                                 ? MACH_PORT_RECEIVE
                  : d == MACH_MOVE_SEND_ONCE || d == MACH_MAKE_SEND_ONCE ? MACH_PORT_SEND_ONCE
                                                                         : MACH_PORT_SEND;
        p->rights = calloc(b->item[i].count + 1, sizeof *p->rights);
        l->size += 4 * b->item[i].count;
        for (; p->count < b->item[i].count; p->count++)
            if (!take_any(m, task, b->item[i].names[p->count], d, &p->rights[p->count]))
                return MACH_SEND_INVALID_RIGHT;
    }
    return MACH_MSG_SUCCESS;
}

/* There is no room; is it sent all the same? */
static enum mach_msg_return force(struct model *m, uint32_t task, mach_name name, struct letter *l)
{
    struct lport *to = told(m, task, name);
    struct entry *e = NULL;
    if (!to)
        return MACH_SEND_INVALID_NOTIFY;
    for (uint32_t i = 0; !e && i < m->tasks[task].count; i++) {
        e = &m->tasks[task].at[i];
        if (e->port != l->dest.port || !(e->type & (MACH_TYPE_SEND | MACH_TYPE_RECEIVE)))
            e = NULL;
    }
    if (e && e->accepting)
        return MACH_SEND_NOTIFY_IN_PROGRESS;
    l->accept = to;
    l->accept_task = task;
    l->accept_name = e ? e->name : MACH_PORT_NULL;
    if (e)
        e->accepting = true;
    post(m, l);
    return MACH_SEND_WILL_NOTIFY;
}

static enum mach_msg_return sent(struct model *m, uint32_t task, unsigned options,
                                 const struct model_before *b, const struct mach_msg *after)
{
    const struct mach_msg *h = &b->head;
    enum mach_msg_return r = check(m, task, options, b);
    if (r != MACH_MSG_SUCCESS)
        return r;
    struct letter *l = letter_new(m);
    const struct lport *quiet = options & MACH_SEND_CANCEL ? told(m, task, h->notify) : NULL;
    bool reply_last = goes(h->local_disp);
    l->id = h->id;
    if (h->local_disp != MACH_NO_RIGHT && !reply_last)
        (void)take_any(m, task, h->local, h->local_disp, &l->reply);
    m->quiet = quiet;
    (void)take_any(m, task, h->remote, h->remote_disp, &l->dest);
    if (h->local != h->remote)
        m->quiet = NULL;
    if (reply_last)
        (void)take_any(m, task, h->local, h->local_disp, &l->reply);
    m->quiet = NULL;
    r = take_parts(m, task, b, l);
    if (r != MACH_MSG_SUCCESS) {
        letter_destroy(m, l);
        return r;
    }
    struct lport *port = l->dest.port;
    if (leads_to(m, port, NULL, l)) { /* it would wait for itself */
        letter_destroy(m, l);
    } else if (l->dest.kind == ONCE || queued(m, port) < port->qlimit) {
        post(m, l);
    } else {
        r = MACH_SEND_TIMED_OUT;
        if (options & MACH_SEND_NOTIFY)
            r = force(m, task, h->notify, l);
        if (r == MACH_SEND_WILL_NOTIFY)
            return r;
        cr_assert_eq(after->remote_disp, shows(l->dest.kind));
        cr_assert_eq(after->local_disp, shows(l->reply.kind));
        (void)give(m, task, taken(&l->dest), after->remote);
        (void)give(m, task, taken(&l->reply), after->local);
        (void)give_parts(m, task, l, after);
        letter_free(m, l);
        return r;
    }
    return MACH_MSG_SUCCESS;
}

enum mach_msg_return model_send(struct model *m, uint32_t task, unsigned options,
                                struct model_before *before, const struct mach_msg *after)
{
    enum mach_msg_return r = sent(m, task, options, before, after);
    for (uint32_t i = 0; i < before->count; i++)
        free(before->item[i].names);
    free(before);
    return r;
}

static enum mach_msg_return next_letter(struct model *m, uint32_t task, mach_name from,
                                        struct letter **out)
{
    const struct entry *e = find(m, task, from);
    *out = NULL;
    if (e && e->type & MACH_TYPE_PORT_SET) {
        for (uint32_t i = 0; i < m->tasks[task].count; i++) {
            const struct entry *o = &m->tasks[task].at[i];
            if (!(o->type & MACH_TYPE_RECEIVE) || o->port->set != from)
                continue;
            struct letter *l = oldest(m, o->port);
            if (l && (!*out || l->stamp < (*out)->stamp))
                *out = l;
        }
    } else if (!e || !(e->type & MACH_TYPE_RECEIVE)) {
        return MACH_RCV_INVALID_NAME;
    } else if (e->port->set) {
        return MACH_RCV_IN_SET;
    } else {
        *out = oldest(m, e->port);
    }
    return *out ? MACH_MSG_SUCCESS : MACH_RCV_TIMED_OUT;
}

enum mach_msg_return model_receive(struct model *m, uint32_t task, unsigned options, mach_name from,
                                   uint32_t limit, const struct mach_msg *got)
{
    struct letter *l;
    enum mach_msg_return r = next_letter(m, task, from, &l);
    if (r != MACH_MSG_SUCCESS)
        return r;
    cr_assert_eq(got->size, l->size);
    if (limit && l->size > limit && options & MACH_RCV_LARGE)
        return MACH_RCV_TOO_LARGE;
    struct lport *port = l->dest.port;
    uint32_t seqno = port->seqno++;
    mach_name local = MACH_PORT_NULL;
    for (uint32_t i = 0; i < m->tasks[task].count; i++)
        if (m->tasks[task].at[i].port == port && m->tasks[task].at[i].type & MACH_TYPE_RECEIVE)
            local = m->tasks[task].at[i].name;
    l->stamp = 0;
    struct right dest = taken(&l->dest);
    bool sent_there = dest.kind == SEND;
    struct lport *to = options & MACH_RCV_NOTIFY ? told(m, task, got->notify) : NULL;
    uint32_t names = m->tasks[task].count;
    bool lives = (l->reply.kind == SEND || l->reply.kind == ONCE) && !l->reply.port->dead;
    if (limit && l->size > limit) {
        r = MACH_RCV_TOO_LARGE;
    } else if (options & MACH_RCV_NOTIFY && !to && (lives || got->notify == MACH_PORT_NULL)) {
        r = MACH_RCV_INVALID_NOTIFY;
    } else if (!give(m, task, taken(&l->reply), got->remote)) {
        r = MACH_RCV_HEADER_ERROR;
    }
    if (r == MACH_MSG_SUCCESS && to && m->tasks[task].count > names) {
        struct entry *e = find(m, task, got->remote);
        e->request = to;
        e->asked = ++m->clock;
    }
    if (sent_there)
        lost_send(m, port);
    if (r != MACH_MSG_SUCCESS) {
        letter_destroy(m, l);
        return r;
    }
    cr_assert_eq(got->id, l->id, "%d came, not %d", got->id, l->id);
    cr_assert_eq(got->seqno, seqno);
    cr_assert_eq(got->local, local);
    cr_assert_eq(got->local_disp, shows(dest.kind));
    bool ok = give_parts(m, task, l, got);
    letter_free(m, l);
    return ok ? MACH_MSG_SUCCESS : MACH_RCV_BODY_ERROR;
}

/* ---- what there is ---- */

uint32_t model_names(const struct model *m, uint32_t task)
{
    return m->tasks[task].count;
}

struct model_name model_name_at(const struct model *m, uint32_t task, uint32_t index)
{
    const struct entry *e = &m->tasks[task].at[index];
    uint32_t more =
        (e->accepting ? MACH_TYPE_MAREQUEST : 0) | (e->request ? MACH_TYPE_DNREQUEST : 0);
    return (struct model_name){ e->name, e->type | more, e->refs };
}

struct mach_status model_status(const struct model *m, uint32_t task, mach_name name)
{
    const struct table *t = &m->tasks[task];
    const struct lport *p = NULL;
    for (uint32_t i = 0; i < t->count; i++)
        if (t->at[i].name == name)
            p = t->at[i].port;
    cr_assert_not_null(p);
    return (struct mach_status){ .set = p->set,
                                 .seqno = p->seqno,
                                 .make_send = p->make_send,
                                 .qlimit = p->qlimit,
                                 .messages = queued(m, p),
                                 .senders = exists(m, SEND, p),
                                 .send_once = exists(m, ONCE, p),
                                 .no_senders = p->no_senders != NULL,
                                 .destroyed = p->destroyed != NULL };
}

uint32_t model_messages(const struct model *m)
{
    uint32_t n = 0;
    for (const struct letter *l = m->letters; l; l = l->next)
        n++;
    return n;
}
