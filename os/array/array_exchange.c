/* array_exchange.c: sections of arrays in local files, whose elements others keep: by messages.
 *
 * All ranks learn each other's sections.  An owner reads what others want of its file and sends it,
 * or writes what they send it.
 *
 * Sends are begun before a rank waits for anybody: NX6 cannot happen.  Who fails still does all its
 * sends and receives, with nothing in them.  Nobody leaves an exchange before all have had their
 * messages: they agree on the status at its end.  So all exchanges have one type of message.
 */
#include "os/array/array_internal.h"
#include "os/file/pieces.h"
#include "os/nx/nx.h"
#include "os/xk/msg.h" /* wire_put, wire_get */

#define ARRAY_TYPE 0x22000000 /* of messages: below those that NX keeps for itself */
#define HEAD_BYTES 8          /* of a message: status */

struct exchange {
    struct array *a;
    struct array_part *x;
    struct array_section *of; /* by rank */
    struct nx_op **sends;     /* by rank; NULL: nothing was sent */
    uint32_t come;            /* messages that this rank gets */
    enum pio_status status;
};

static void failed(struct exchange *e, enum pio_status s)
{
    e->status = s > e->status ? s : e->status;
}

/* ---- who wants what ---- */

static void store(const struct array_section *s, struct rope *out)
{
    rope_init(out);
    for (uint32_t d = 0; d < s->dims; d++) {
        uint8_t b[FILE_RUN_BYTES];
        wire_put32(b, s->at[d].count);
        rope_add_bytes(out, b, 4);
        for (uint32_t i = 0; i < s->at[d].count; i++) {
            file_run_store(b, &s->at[d].run[i]);
            rope_add_bytes(out, b, sizeof b);
        }
    }
}

static void load(struct array *a, struct rope *image, struct array_section *s)
{
    array_section_init(s, a->form.dist.dims, a->port);
    for (uint32_t d = 0; d < s->dims; d++) {
        uint8_t b[FILE_RUN_BYTES];
        struct array_list *l = &s->at[d];
        rope_take_front(image, 4, b);
        l->count = l->room = wire_get32(b);
        l->run = port_alloc(a->port, (l->count + 1) * sizeof *l->run);
        for (uint32_t i = 0; i < l->count; i++) {
            rope_take_front(image, sizeof b, b);
            l->run[i] = file_run_load(b);
            l->n += l->run[i].len * l->run[i].count;
        }
    }
}

/* False: a node is down. */
static bool learn(struct exchange *e)
{
    struct array *a = e->a;
    struct rope mine, all;
    store(e->x->section, &mine);
    bool good = nx_gcol(a->nx, &mine, &all) == NX_OK;
    rope_fini(&mine);
    for (uint32_t q = 0; q < a->ranks; q++)
        if (good)
            load(a, &all, &e->of[q]);
        else
            array_section_init(&e->of[q], a->form.dist.dims, a->port);
    rope_fini(&all);
    return good;
}

/* ---- messages ---- */

/* `data` is taken. */
static void send(struct exchange *e, uint32_t to, struct rope *data)
{
    uint8_t head[HEAD_BYTES];
    struct rope m;
    wire_put64(head, e->status);
    rope_init(&m);
    rope_add_bytes(&m, head, sizeof head);
    e->a->counts.exchanged += data->length;
    rope_join(&m, data);
    e->sends[to] = nx_isend(e->a->nx, ARRAY_TYPE, &m, to);
}

/* Puts the data of a message from any rank into parts[rank].  False: a node is down. */
static bool take(struct exchange *e, struct rope *parts)
{
    uint8_t head[HEAD_BYTES];
    struct rope m;
    struct nx_info i = nx_crecv(e->a->nx, ARRAY_TYPE, UINT64_MAX, &m);
    if (i.status != NX_OK || m.length < HEAD_BYTES) {
        rope_fini(&m);
        failed(e, PIO_NODE_DOWN);
        return false;
    }
    rope_take_front(&m, sizeof head, head);
    failed(e, (enum pio_status)wire_get64(head));
    rope_join(&parts[i.node], &m);
    return true;
}

/* Moves elements of this rank's file. */
static void serve(struct exchange *e, const struct array_section *locals, struct rope *data)
{
    uint64_t bytes = array_section_size(locals) * e->a->form.element;
    if (e->status == PIO_OK && (e->x->op == PIO_READ || data->length == bytes))
        failed(e, array_by_file(e->a, e->x->op, locals, e->a->layout.order, data));
    if (e->x->op == PIO_WRITE || e->status != PIO_OK)
        rope_fini(data);
}

/* This rank's file gives (reads) what each rank wants of it, or takes (writes) what it has from
 * each, `parts`. */
static void serve_all(struct exchange *e, struct rope *parts)
{
    struct array *a = e->a;
    for (uint32_t k = 0; k < a->ranks; k++) {
        uint32_t q = (a->rank + k) % a->ranks; /* not all at the same */
        struct array_section places, locals;
        if (array_meet(a, &e->of[q], a->rank, &places, &locals)) {
            struct rope data;
            rope_init(&data);
            if (e->x->op == PIO_WRITE)
                rope_join(&data, &parts[q]);
            serve(e, &locals, &data);
            if (e->x->op == PIO_READ && q != a->rank)
                send(e, q, &data);
            else
                rope_join(&parts[q], &data);
        }
        array_section_free(&places);
        array_section_free(&locals);
    }
}

/* Where in the data of this rank's section those of owner o lie, in the order of its file. */
static bool places_of(struct exchange *e, uint32_t o, struct array_list *out)
{
    const struct array_section *mine = e->x->section;
    struct array_layout l = array_layout_of(mine, e->a->form.element, e->x->order);
    struct array_section places, locals;
    bool any = array_meet(e->a, mine, o, &places, &locals);
    array_runs(&l, &places, e->a->layout.order, out);
    array_section_free(&places);
    array_section_free(&locals);
    return any;
}

static void read_all(struct exchange *e, struct rope *parts)
{
    struct array *a = e->a;
    struct array_list *at = port_alloc(a->port, a->ranks * sizeof *at);
    struct file_list *lists = port_alloc(a->port, a->ranks * sizeof *lists);
    uint64_t bytes = array_section_size(e->x->section) * a->form.element, got = 0;
    bool good = true;
    serve_all(e, parts);
    for (uint32_t o = 0; o < a->ranks; o++) {
        if (places_of(e, o, &at[o]) && o != a->rank)
            e->come++;
        lists[o] = (struct file_list){ at[o].run, at[o].count };
    }
    while (good && e->come-- > 0)
        good = take(e, parts);
    for (uint32_t o = 0; o < a->ranks; o++)
        got += parts[o].length;
    if (e->status == PIO_OK && bytes > 0) {
        struct file_merge m;
        ASSERT(got == bytes);
        file_merge(a->port, lists, parts, a->ranks, (struct file_window){ 0, bytes }, NULL, &m);
        rope_move(&e->x->data, &m.data);
        port_free(a->port, m.runs);
    }
    for (uint32_t o = 0; o < a->ranks; o++)
        array_list_free(&at[o]);
    port_free(a->port, lists);
    port_free(a->port, at);
}

static void write_all(struct exchange *e, struct rope *parts)
{
    struct array *a = e->a;
    bool good = true;
    const struct file_run whole = { .len = e->x->data.length, .count = 1 };
    for (uint32_t k = 0; k < a->ranks; k++) {
        uint32_t o = (a->rank + k) % a->ranks;
        struct array_list at;
        struct rope data;
        if (places_of(e, o, &at)) {
            rope_init(&data);
            file_gather(a->port, (struct file_list){ at.run, at.count }, &whole, 1, &e->x->data,
                        &data);
            if (o == a->rank)
                rope_join(&parts[o], &data);
            else
                send(e, o, &data);
        }
        array_list_free(&at);
    }
    for (uint32_t q = 0; q < a->ranks; q++) {
        struct array_section places, locals;
        e->come += array_meet(a, &e->of[q], a->rank, &places, &locals) && q != a->rank;
        array_section_free(&places);
        array_section_free(&locals);
    }
    while (good && e->come-- > 0)
        good = take(e, parts);
    if (good)
        serve_all(e, parts);
}

enum pio_status array_exchange(struct array *a, struct array_part *x)
{
    struct exchange e = { .a = a, .x = x, .status = PIO_OK };
    struct rope *parts = port_alloc(a->port, a->ranks * sizeof *parts);
    e.of = port_alloc(a->port, a->ranks * sizeof *e.of);
    e.sends = port_alloc(a->port, a->ranks * sizeof(struct nx_op *));
    for (uint32_t q = 0; q < a->ranks; q++) {
        rope_init(&parts[q]);
        e.sends[q] = NULL;
    }
    if (!learn(&e))
        failed(&e, PIO_NODE_DOWN);
    else if (x->op == PIO_READ)
        read_all(&e, parts);
    else
        write_all(&e, parts);
    for (uint32_t q = 0; q < a->ranks; q++) {
        if (e.sends[q] && nx_msgwait(e.sends[q], NULL).status != NX_OK)
            failed(&e, PIO_NODE_DOWN);
        rope_fini(&parts[q]);
        array_section_free(&e.of[q]);
    }
    port_free(a->port, e.sends);
    port_free(a->port, e.of);
    port_free(a->port, parts);
    int64_t worst = e.status; /* ARRAY2 */
    return nx_gihigh(a->nx, &worst, 1) == NX_OK ? (enum pio_status)worst : PIO_NODE_DOWN;
}
