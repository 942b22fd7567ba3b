/* transfer.c: the kinds of transfer without state: pass, copy, copy-on-write, remap.  See
 * transfer.h.
 */
#include "os/xk/xk_internal.h"

static uint64_t pages_of(uint64_t bytes, int64_t page)
{
    return (bytes + (uint64_t)page - 1) / (uint64_t)page;
}

/* ---- pass: the crossing is all there is ---- */

static void pass(struct xk_transfer *t, struct rope *data, bool up)
{
    (void)t;
    (void)data;
    (void)up;
}

static const struct xk_transfer_ops pass_transfer = {
    .kind = { .name = "pass",
              .doc = "data costs nothing: what it costs is in the price of the crossing" },
    .cross = pass,
};

/* ---- copy ---- */

struct page_params {
    int64_t page;
};
#define PAGE_PARAM(s)                                                                              \
    P_SIZE(s, page, "4KiB", "256", "1MiB", "Page of the domains' memory.",                         \
           "DECstation 5000/200, i860: 4 KiB")
static const struct param page_params[] = { PAGE_PARAM(page_params), P_END };

static void copy(struct xk_transfer *t, struct rope *data, bool up)
{
    const struct page_params *p = t->params;
    (void)up;
    port_work(t->port, PORT_WORK_COPY, data->length);
    port_work(t->port, PORT_WORK_TOUCH, 2 * pages_of(data->length, p->page));
}

static const struct xk_transfer_ops copy_transfer = {
    .kind = { .name = "copy",
              .doc = "data is copied once",
              .params = page_params,
              .params_size = sizeof(struct page_params) },
    .cross = copy,
};

/* ---- cow: Mach's virtual copy ---- */

/* The sender's pages become read-only, the receiver's are mapped when it reads them, the sender's
 * made writable again when it writes them next: a fault each. */
static void cow(struct xk_transfer *t, struct rope *data, bool up)
{
    const struct page_params *p = t->params;
    uint64_t pages = pages_of(data->length, p->page);
    (void)up;
    port_work(t->port, PORT_WORK_PROTECT, pages);
    port_work(t->port, PORT_WORK_MAP, pages);
    port_work(t->port, PORT_WORK_UNMAP, pages);
    port_work(t->port, PORT_WORK_FAULT, 2 * pages);
    port_work(t->port, PORT_WORK_TOUCH, 2 * pages);
}

static const struct xk_transfer_ops cow_transfer = {
    .kind = { .name = "cow",
              .doc = "pages are mapped copy-on-write, and touched by both sides",
              .params = page_params,
              .params_size = sizeof(struct page_params) },
    .cross = cow,
};

/* ---- remap: pages move, as in DASH ---- */

struct remap_params {
    int64_t page;
    bool fresh, clear;
};
static const struct param remap_params[] = {
    PAGE_PARAM(remap_params),
    P_BOOL(remap_params, fresh, "true",
           "Who makes data takes new pages for it, and who has used it gives them back; false: "
           "pages go to and fro."),
    P_BOOL(remap_params, clear, "true", "New pages are cleared.",
           "Druschel & Peterson: for security, 57 us a page"),
    P_END,
};

static void remap(struct xk_transfer *t, struct rope *data, bool up)
{
    const struct remap_params *p = t->params;
    uint64_t pages = pages_of(data->length, p->page);
    (void)up;
    port_work(t->port, PORT_WORK_UNMAP, pages);
    port_work(t->port, PORT_WORK_RANGE, pages);
    port_work(t->port, PORT_WORK_MAP, pages);
    port_work(t->port, PORT_WORK_TOUCH, 2 * pages);
}

static void remap_born(struct xk_transfer *t, struct rope *data)
{
    const struct remap_params *p = t->params;
    uint64_t pages = pages_of(data->length, p->page);
    if (!p->fresh)
        return;
    if (p->clear)
        port_work(t->port, PORT_WORK_CLEAR, pages * (uint64_t)p->page);
    port_work(t->port, PORT_WORK_RANGE, pages);
    port_work(t->port, PORT_WORK_MAP, pages);
    port_work(t->port, PORT_WORK_UNMAP, pages); /* when they are given back */
}

static const struct xk_transfer_ops remap_transfer = {
    .kind = { .name = "remap",
              .doc = "pages move to an address that is looked for in the other domain",
              .params = remap_params,
              .params_size = sizeof(struct remap_params) },
    .cross = remap,
    .born = remap_born,
};

static const struct kind *const items[] = { &pass_transfer.kind,        &copy_transfer.kind,
                                            &cow_transfer.kind,         &remap_transfer.kind,
                                            &fbuf_transfer.kind,        &trap_transfer.kind,
                                            &ipc_transfer.kind,         &ring_transfer.kind,
                                            &ring_driver_transfer.kind, NULL };
const struct kind_set xk_transfers = { "transfer", "machine.domains.NAME.transfer", items };
