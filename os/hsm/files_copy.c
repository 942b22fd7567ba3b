/* files_copy.c: the bytes of a file on their way from disk to tape.
 *
 * Movers ask for bytes as their tapes take them.  They are read from the disk below in pieces; what
 * the tape takes is in one buffer while the next piece comes into the other, so both work at once.
 * Where several streams of movers go through the file (copies, a stripe one of whose drives is
 * late), the buffers are for who comes first; a late one's bytes are read for it alone, unless it
 * is the only one that still takes any.
 *
 * A file that has changed since it was begun is given no further: the movers hear it, and let go.
 */
#include "os/hsm/files_internal.h"

enum { M_COPY };
static const struct measure measures[] = {
    [M_COPY] = { "hsm.copy", "s",
                 "A file's way to tape: from the first request for its bytes until all are there.",
                 0 },
    { .name = NULL },
};

enum { BUFFERS = 2, LATE = BUFFERS };

struct buffer {
    struct outward *x;
    struct file_req read;
    uint64_t off, len; /* of the file; 0: it is empty */
    uint64_t given;
    uint64_t touched; /* x->given, when it came or gave something */
    bool reading;
    struct rope data;
};

struct outward {
    struct bitfile_call call;
    struct hsm_file *f;
    uint64_t changes; /* of the file, as it was begun */
    uint64_t given;   /* bytes, again and again included */
    sim_time since;   /* movers have asked; -1: not yet */
    bool stopped;     /* nothing more is given */
    enum file_status status;
    uint32_t reads;               /* under way */
    const struct buffer *last;    /* that gave something */
    struct buffer b[BUFFERS + 1]; /* the last one: for a late stream */
};

static void go_on(struct outward *x);

/* ---- buffers ---- */

static void drop(struct buffer *b)
{
    b->x->f->h->buffered -= b->len;
    rope_fini(&b->data);
    b->len = b->given = 0;
}

static void came(struct file_req *r)
{
    struct buffer *b = r->arg;
    struct outward *x = b->x;
    struct hsm *h = x->f->h;
    b->reading = false;
    x->reads--;
    rope_move(&b->data, &r->data);
    bool all = r->status == FILE_OK && r->moved == b->len;
    if (!all && x->f->changes == x->changes) {
        x->stopped = true;
        x->status = r->status == FILE_OK ? FILE_IO_ERROR : r->status;
    }
    b->touched = x->given;
    go_on(x);
    if (x->reads == 0)
        hsm_wake(h);
}

static void read_into(struct buffer *b, uint64_t off, uint64_t len)
{
    struct outward *x = b->x;
    struct hsm *h = x->f->h;
    drop(b);
    b->off = off;
    b->len = len;
    b->reading = true;
    x->reads++;
    h->buffered += len;
    h->counts.copied += len;
    if (h->buffered > h->counts.buffered)
        h->counts.buffered = h->buffered;
    file_req_init(&b->read, FILE_READ, came, b);
    b->read.file = x->f->rec.file;
    file_range(&b->read, off, len);
    file_submit(h->sys.below, &b->read);
}

static struct buffer *that_has(struct outward *x, uint64_t at)
{
    for (uint32_t i = 0; i <= LATE; i++)
        if (at >= x->b[i].off && at - x->b[i].off < x->b[i].len)
            return &x->b[i];
    return NULL;
}

static uint64_t piece(const struct outward *x)
{
    return (uint64_t)x->f->h->params->piece;
}

/* One that nobody is known to need: empty, given whole, or not asked for while two pieces were. */
static struct buffer *to_fill(struct outward *x)
{
    for (uint32_t i = 0; i < BUFFERS; i++) {
        struct buffer *b = &x->b[i];
        if (!b->reading && (b->given >= b->len || x->given - b->touched >= 2 * piece(x)))
            return b;
    }
    return NULL;
}

static void read_piece(struct buffer *b, uint64_t at)
{
    uint64_t n = piece(b->x), off = at - at % n, left = b->x->call.size - off;
    read_into(b, off, left < n ? left : n);
}

/* ---- movers ---- */

/* What is here of what it waits for; it is gone if that is all. */
static void give(struct outward *x, struct bitfile_pull *p)
{
    uint64_t at = p->offset + p->data.length;
    for (struct buffer *b;
         p->data.length < p->length && (b = that_has(x, at)) != NULL && !b->reading;) {
        uint64_t here = b->off + b->len - at, left = p->length - p->data.length;
        uint64_t n = here < left ? here : left;
        rope_add_slice(&p->data, &b->data, at - b->off, n);
        at += n;
        b->given += n;
        x->given += n;
        b->touched = x->given;
        x->last = b;
    }
    if (p->data.length == p->length)
        p->answer(p);
}

static void ask_for(struct outward *x, const struct bitfile_pull *p)
{
    uint64_t at = p->offset + p->data.length;
    struct buffer *b = that_has(x, at);
    if (b != NULL)
        return; /* it is coming */
    b = to_fill(x);
    if (b != NULL)
        read_piece(b, at);
    else if (!x->b[LATE].reading)
        read_into(&x->b[LATE], at, p->length - p->data.length);
}

static void read_ahead(struct outward *x)
{
    uint64_t at = x->last != NULL ? x->last->off + x->last->len : UINT64_MAX;
    struct buffer *b = at < x->call.size && that_has(x, at) == NULL ? to_fill(x) : NULL;
    if (b != NULL)
        read_piece(b, at);
}

static void go_on(struct outward *x)
{
    x->stopped |= x->f->changes != x->changes;
    LIST_EACH_SAFE (l, next, &x->call.pulls) {
        struct bitfile_pull *p = LIST_ENTRY(l, struct bitfile_pull, link);
        if (x->stopped)
            rope_fini(&p->data);
        if (x->stopped)
            p->answer(p);
        else
            give(x, p);
    }
    if (x->stopped)
        return;
    LIST_EACH (l, &x->call.pulls)
        ask_for(x, LIST_ENTRY(l, struct bitfile_pull, link));
    read_ahead(x);
}

static void ask(struct bitfile_call *c)
{
    struct outward *x = CONTAINER_OF(c, struct outward, call);
    if (x->since < 0)
        x->since = port_now(x->f->h->sys.port);
    go_on(x);
}

enum file_status hsm_send(struct hsm_file *f, uint64_t size, uint64_t changes)
{
    struct hsm *h = f->h;
    struct outward *x = port_alloc(h->sys.port, sizeof *x);
    x->call.op = BITFILE_WRITE;
    x->call.id = f->rec.other - 1;
    x->call.size = size;
    x->call.ask = ask;
    x->f = f;
    x->changes = changes;
    x->since = -1;
    for (uint32_t i = 0; i <= LATE; i++) {
        x->b[i].x = x;
        rope_init(&x->b[i].data);
    }
    enum file_status s = hsm_file_status(hsm_archive(h, &x->call));
    if (x->stopped)
        s = x->status;
    else if (s == FILE_OK)
        port_measure(h->sys.port, &measures[M_COPY],
                     sim_time_seconds(port_now(h->sys.port) - x->since));
    x->stopped = true; /* nothing is read any more */
    while (x->reads > 0)
        hsm_wait(h, "what was read ahead");
    for (uint32_t i = 0; i <= LATE; i++)
        drop(&x->b[i]);
    port_free(h->sys.port, x);
    return s;
}
