/* test_stores.c: backing stores, one request at a time: pages put again, dropped, kept by nobody.
 *
 * Node 0 has the client and a swap; the others serve.  Every page of the test is full of one byte.
 */
#include <criterion/criterion.h>

#include "os/memsrv/memsrv_internal.h"
#include "tests/os/xk_rig.h"

#define PAGE 512
#define NO_BYTES (-1) /* the store has no bytes of the page: zeroes */

struct stores {
    struct rig rig;
    uint32_t servers;
    struct memsrv_params server;
    bool backup;             /* the client's, on a disk */
    uint64_t backup_sectors; /* 0: it takes no page */
    struct memsrv_client *client;
    struct vm_store *swap;
    uint32_t out; /* requests of the test */
};

static void booted(struct rig *r, uint32_t node, struct port *p)
{
    struct stores *w = r->arg;
    struct xk_protl *rpc = xk_find(r->k[node], "rpc");
    if (node > 0) {
        cr_assert_not_null(memsrv_serve(rpc, &w->server, PAGE));
        return;
    }
    static const uint32_t servers[] = { 1, 2, 3 };
    static const struct memsrv_client_params params = { 0 };
    struct vm *vm = vm_create(p, &(struct vm_params){ .page = PAGE, .frames = 4 });
    w->client = memsrv_client_create(rpc, 0, servers, w->servers, &params, "remote");
    w->swap = vm_swap_create(vm, 0, 0, w->backup ? w->backup_sectors : 4096);
    if (w->backup)
        memsrv_client_backup(w->client, w->swap);
}

static struct stores *start(struct stores w)
{
    static struct stores s;
    s = w;
    rig_start(&s.rig,
              &(struct fake_options){
                  .nodes = s.servers + 1, .disks = 1, .mtu = 2048, .detect_delay = SIM_MS },
              "mesh driver; blast blast <mesh; chan chan <blast; rpc select <chan", booted, &s);
    fake_run(s.rig.f, 0);
    return &s;
}

/* ---- requests of a store ---- */

struct ask {
    struct stores *w;
    struct vm_store *store;
    struct vm_store_io io;
    bool put;
    int got; /* of a get: the byte, or NO_BYTES */
};

static void ended(struct vm_store_io *io)
{
    struct ask *a = io->arg;
    uint8_t bytes[PAGE];
    a->w->out--;
    a->got = NO_BYTES;
    if (a->put || io->data.length == 0)
        return;
    cr_assert_eq(io->data.length, PAGE);
    rope_read(&io->data, 0, PAGE, bytes);
    for (int i = 0; i < PAGE; i++)
        cr_assert_eq(bytes[i], bytes[0]);
    a->got = bytes[0];
    rope_fini(&io->data);
}

static void make(struct port *p, void *arg)
{
    struct ask *a = arg;
    (void)p;
    if (a->put)
        a->store->ops->put(a->store, &a->io);
    else
        a->store->ops->get(a->store, &a->io);
}

static void begin(struct stores *w, struct ask *a, struct vm_store *store, uint64_t page, int value)
{
    uint8_t bytes[PAGE];
    *a = (struct ask){ .w = w, .store = store, .put = value >= 0 };
    a->io = (struct vm_store_io){ .page = page, .done = ended, .arg = a };
    rope_init(&a->io.data);
    for (int i = 0; i < PAGE; i++)
        bytes[i] = (uint8_t)value;
    if (a->put)
        rope_add_bytes(&a->io.data, bytes, PAGE);
    w->out++;
    fake_call(w->rig.f, 0, make, a);
}

static enum vm_status put(struct stores *w, struct vm_store *store, uint64_t page, uint8_t value)
{
    struct ask a;
    begin(w, &a, store, page, value);
    fake_run(w->rig.f, 0);
    cr_assert_eq(w->out, 0);
    return a.io.status;
}

static int get(struct stores *w, struct vm_store *store, uint64_t page, enum vm_status expected)
{
    struct ask a;
    begin(w, &a, store, page, -1);
    fake_run(w->rig.f, 0);
    cr_assert_eq(w->out, 0);
    cr_assert_eq(a.io.status, expected, "%s", vm_status_name(a.io.status));
    return a.got;
}

struct drop {
    struct vm_store *store;
    uint64_t page;
};

static void make_drop(struct port *p, void *arg)
{
    struct drop *d = arg;
    (void)p;
    d->store->ops->drop(d->store, d->page);
}

static void drop(struct stores *w, struct vm_store *store, uint64_t page)
{
    fake_call(w->rig.f, 0, make_drop, &(struct drop){ store, page });
    fake_run(w->rig.f, 0);
}

Test(stores, a_dropped_page_is_zero_wherever_it_was)
{
    struct stores *w = start((struct stores){ .servers = 1, .server = { 1, 100 } });
    struct vm_store *stores[] = { w->swap, memsrv_store(w->client) };
    for (int i = 0; i < 2; i++) {
        for (uint64_t page = 0; page < 12; page++)
            cr_assert_eq(put(w, stores[i], page, (uint8_t)(page + 1)), VM_OK);
        for (uint64_t page = 0; page < 12; page += 3)
            drop(w, stores[i], page);
        for (uint64_t page = 0; page < 12; page++)
            cr_assert_eq(get(w, stores[i], page, VM_OK), page % 3 ? (int)page + 1 : NO_BYTES);
        cr_assert_eq(put(w, stores[i], 3, 99), VM_OK);
        cr_assert_eq(get(w, stores[i], 3, VM_OK), 99);
    }
    /* Eight pages and one, of which one has room in memory. */
    cr_assert_eq(fake_count(w->rig.f, 1, "memory_server.on_disk"), 8);
    cr_assert_eq(fake_count(w->rig.f, 1, "memory_server.drops"), 4);
    rig_stop(&w->rig);
}

/* Page 1 is kept and answered; the put of page 2 sends it to the disk; while that write is out,
 * page 1 is put again. */
Test(stores, a_page_put_again_while_its_spill_is_out_has_the_new_bytes)
{
    struct stores *w = start((struct stores){ .servers = 1, .server = { 1, 100 } });
    struct vm_store *store = memsrv_store(w->client);
    struct ask second, again;
    cr_assert_eq(put(w, store, 1, 10), VM_OK);
    begin(w, &second, store, 2, 20);
    fake_run_until(w->rig.f, fake_now(w->rig.f) + 200 * SIM_US);
    cr_assert_eq(w->out, 1, "the spill takes a millisecond");
    begin(w, &again, store, 1, 11);
    fake_run_until(w->rig.f, fake_now(w->rig.f) + 200 * SIM_US);
    cr_assert_eq(fake_count(w->rig.f, 1, "memory_server.puts"), 3, "it came in that time");
    fake_run(w->rig.f, 0);
    cr_assert_eq(w->out, 0);
    cr_assert_eq(get(w, store, 1, VM_OK), 11);
    cr_assert_eq(get(w, store, 2, VM_OK), 20);
    cr_assert_eq(fake_count(w->rig.f, 1, "memory_server.in_memory"), 1);
    cr_assert_eq(fake_count(w->rig.f, 1, "memory_server.on_disk"), 1);
    rig_stop(&w->rig);
}

/* The client goes on over the backup's failure: a page is kept by its server alone. */
Test(stores, a_backup_that_took_nothing_is_asked_for_nothing)
{
    for (uint64_t sectors = 0; sectors <= 4096; sectors += 4096) {
        struct stores *w = start((struct stores){
            .servers = 1, .server = { 100, 0 }, .backup = true, .backup_sectors = sectors });
        struct vm_store *store = memsrv_store(w->client);
        cr_assert_eq(put(w, store, 5, 50), VM_OK);
        cr_assert_eq(get(w, store, 5, VM_OK), 50);
        fake_crash(w->rig.f, 1);
        fake_run(w->rig.f, 0);
        cr_assert_eq(get(w, store, 5, sectors ? VM_OK : VM_UNREACHABLE), sectors ? 50 : NO_BYTES);
        cr_assert_eq(fake_count(w->rig.f, 0, "remote.from_backup"), sectors > 0);
        cr_assert_eq(fake_count(w->rig.f, 0, "remote.lost"), sectors == 0);
        rig_stop(&w->rig);
    }
}

/* ---- calls of a server, as a client might have sent them ---- */

struct call {
    struct xk_protl *rpc;
    enum memsrv_procedure procedure;
    uint32_t number;
    uint8_t value, reply[MEMSRV_REPLY + 1];
    bool done;
};

static void replied(void *arg, enum xk_status status, struct rope *reply)
{
    struct call *c = arg;
    cr_assert_eq(status, XK_OK);
    rope_read(reply, 0, reply->length < sizeof c->reply ? reply->length : sizeof c->reply,
              c->reply);
    c->done = true;
}

static void send(struct port *p, void *arg)
{
    struct call *c = arg;
    uint8_t h[MEMSRV_ARGS + PAGE] = { 0 };
    struct rope args;
    (void)p;
    wire_put32(h + 4, c->number);
    wire_put64(h + 8, 7);
    for (int i = 0; i < PAGE; i++)
        h[MEMSRV_ARGS + i] = c->value;
    rope_init(&args);
    rope_add_bytes(&args, h, c->procedure == MEMSRV_PUT ? sizeof h : MEMSRV_ARGS);
    cr_assert_eq(select_call(c->rpc, 1, MEMSRV_SERVICE, c->procedure, &args, replied, c), XK_OK);
    rope_fini(&args);
}

static struct call call(struct stores *w, enum memsrv_procedure procedure, uint32_t number,
                        uint8_t value)
{
    struct call c = { xk_find(w->rig.k[0], "rpc"), procedure, number, value, { 0 }, false };
    fake_call(w->rig.f, 0, send, &c);
    fake_run(w->rig.f, 0);
    cr_assert(c.done);
    return c;
}

Test(stores, a_drop_that_the_next_put_overtook_does_no_harm)
{
    for (int64_t frames = 0; frames <= 1; frames++) { /* the page is on disk, or in memory */
        struct stores *w = start((struct stores){ .servers = 1, .server = { frames, 100 } });
        call(w, MEMSRV_PUT, 1, 10);
        call(w, MEMSRV_PUT, 2, 20);
        call(w, MEMSRV_DROP, 1, 0);
        struct call got = call(w, MEMSRV_GET, 0, 0);
        cr_assert_eq(got.reply[0], MEMSRV_OK);
        cr_assert_eq(got.reply[MEMSRV_REPLY], 20);
        call(w, MEMSRV_DROP, 2, 0);
        got = call(w, MEMSRV_GET, 0, 0);
        cr_assert_eq(got.reply[0], MEMSRV_NONE);
        cr_assert_eq(fake_count(w->rig.f, 1, "memory_server.drops"), 1);
        rig_stop(&w->rig);
    }
}
