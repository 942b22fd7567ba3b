/* save.c: one rank is captured and written; the policies.
 *
 *   state of a page   guarantee                               event -> next (function)
 *   captured          its snapshot is held                    -> ready (the policy)
 *   ready             in save.ready; its snapshot is held     written -> written (write_some)
 *   written           it is on the sink
 */
#include <stdio.h>

#include "os/ckpt/files_internal.h"

/* ---- capture ---- */

/* The entry of a page in the image before, which has them in the same order; *from: where to look
 * on. */
static const struct ckpt_entry *old_entry(const struct ckpt_image *last, uint64_t *from,
                                          uint32_t region, uint64_t page)
{
    for (; *from < last->count; ++*from) {
        const struct ckpt_entry *e = &last->pages[*from];
        if (e->region > region || (e->region == region && e->page >= page))
            return e->region == region && e->page == page ? e : NULL;
    }
    return NULL;
}

static uint64_t resident(const struct vm_space *s)
{
    uint64_t n = 0;
    for (struct vm_region *r = vm_region_next(s, NULL); r; r = vm_region_next(s, r))
        for (uint64_t page = vm_page_saved(r, 0); page < vm_region_pages(r);
             page = vm_page_saved(r, page + 1))
            n++;
    return n;
}

/* Pages are written but for those that are as the last committed checkpoint has them. */
static void capture_page(struct ckpt *c, struct vm_region *r, uint32_t region, uint64_t page,
                         const struct ckpt_entry *old)
{
    struct ckpt_save *s = &c->save;
    bool read_only = ckpt_is_read_only(c, r, page);
    bool watched = c->params->incremental || read_only;
    uint64_t at = vm_region_base(r) + page * c->page_bytes;
    struct ckpt_entry *e = ckpt_image_add(c, &s->image);
    if (old && watched && !c->whole && !vm_changed(r, page)) {
        ckpt_entry_copy(e, old);
        return;
    }
    if (old && read_only && !c->whole && c->counts.rewritten++ == 0)
        port_remark(c->port,
                    "rank %u has written to a range that is read only, at 0x%llx: the page is "
                    "saved again",
                    c->rank, (unsigned long long)at);
    *e = (struct ckpt_entry){ .region = region, .page = page };
    struct ckpt_page *p = &s->pages[s->count++];
    *p = (struct ckpt_page){
        .region = r, .entry = s->image.count - 1, .watched = watched, .old = old
    };
    rope_init(&p->data);
    list_init(&p->link);
    if (!vm_snapshot(r, page, watched || c->policy->protects, &p->data)) {
        p->out = p->was_out = true; /* it stays as it is until its first write is told */
        vm_unchanged(r, page);
    }
}

static void fetch_done(struct vm_fetch *f)
{
    struct ckpt *c = f->arg;
    c->fetching = false;
    ckpt_wake(c);
}

/* The bytes of a captured page that is out, if it is; else save.status says why not. (blocks) */
static void fetch(struct ckpt *c, struct ckpt_page *p)
{
    struct ckpt_save *s = &c->save;
    uint64_t page = s->image.pages[p->entry].page;
    if (!p->out)
        return;
    p->out = !vm_snapshot(p->region, page, false, &p->data); /* the program has used it */
    if (!p->out)
        return;
    c->counts.fetched++;
    c->fetch = (struct vm_fetch){ .done = fetch_done, .arg = c };
    list_init(&c->fetch.link);
    rope_init(&c->fetch.data);
    c->fetching = true;
    enum vm_status status = vm_fetch(p->region, page, &c->fetch);
    c->fetching &= status == VM_OK; /* it may have come at once */
    while (c->fetching)
        port_thread_block(c->port, "a page of the program that is out", page);
    status = status == VM_OK ? c->fetch.status : status;
    if (!s->aborted && p->out && status == VM_OK) {
        rope_move(&p->data, &c->fetch.data);
        p->out = false;
    } else if (!s->aborted && p->out) {
        s->status = status == VM_IO ? CKPT_IO : CKPT_LOST;
    }
    rope_fini(&c->fetch.data);
}

static void capture_pages(struct ckpt *c)
{
    uint64_t from = 0;
    uint32_t region = 0;
    c->save.pages = port_alloc(c->port, (resident(c->space) + 1) * sizeof *c->save.pages);
    for (struct vm_region *r = vm_region_next(c->space, NULL); r;
         r = vm_region_next(c->space, r), region++)
        for (uint64_t page = vm_page_saved(r, 0); page < vm_region_pages(r);
             page = vm_page_saved(r, page + 1))
            if (ckpt_is_saved(c, r, page))
                capture_page(c, r, region, page,
                             c->torn ? NULL : old_entry(&c->last, &from, region, page));
}

/* The part is taken. */
static void add_part(struct rope *out, const char *name, struct rope *part)
{
    uint8_t head[24] = { 0 };
    snprintf((char *)head, 16, "%s", name);
    wire_put64(head + 16, part->length);
    rope_add_bytes(out, head, sizeof head);
    rope_join(out, part);
}

static bool capture_parts(struct ckpt *c)
{
    struct rope *out = &c->save.image.parts;
    const char *why = NULL;
    bool good = true;
    for (uint32_t i = 0; good && i < c->part_count; i++) {
        struct rope part;
        rope_init(&part);
        good = c->parts[i].ops->save(c->parts[i].obj, &part, &why);
        if (part.length > 0)
            add_part(out, c->parts[i].ops->name, &part);
    }
    if (!good)
        port_remark(c->port, "rank %u cannot be saved: %s", c->rank, why);
    return good;
}

bool ckpt_capture(struct ckpt *c)
{
    struct ckpt_save *s = &c->save;
    ckpt_end_save(c);
    *s = (struct ckpt_save){ .active = true };
    list_init(&s->ready);
    ckpt_image_init(&s->image);
    rope_init(&s->log);
    c->torn |= c->sink->lost && c->sink->lost(c->sink_state);
    s->image.generation = c->generation;
    s->image.slot = c->last.generation > 0 ? 1 - c->last.slot : 0;
    if (!capture_parts(c)) {
        s->status = CKPT_STATE;
        return false;
    }
    if (c->space)
        capture_pages(c);
    ckpt_frames_begin(c);
    c->counts.saves++;
    c->counts.pages += s->count;
    return true;
}

void ckpt_end_save(struct ckpt *c)
{
    struct ckpt_save *s = &c->save;
    for (uint64_t k = 0; k < s->count; k++)
        rope_fini(&s->pages[k].data);
    port_free(c->port, s->pages);
    if (s->active) {
        rope_fini(&s->log);
        ckpt_image_fini(c, &s->image);
    }
    *s = (struct ckpt_save){ .active = false };
    c->save_number++;
}

/* ---- writing ---- */

void ckpt_ready(struct ckpt *c, struct ckpt_page *p)
{
    p->state = PAGE_READY;
    list_push(&c->save.ready, &p->link);
}

struct batch {
    struct ckpt_page *page;
    struct ckpt_blob *blob; /* NULL: nothing is to be written */
    struct rope data;
    uint64_t frames;
};

/* What is ready, as much as a piece has.  Pieces end at multiples of their size, so that one that
 * is a stripe unit is the whole of one. */
static uint32_t pack_some(struct ckpt *c, struct batch *b, uint32_t room)
{
    struct ckpt_save *s = &c->save;
    uint64_t bytes = 0, most = c->piece - ckpt_frame_at(c, ckpt_frames_next(c)) % c->piece;
    uint32_t n = 0;
    for (; n < room && bytes < most && !list_empty(&s->ready); n++) {
        b[n].page = LIST_ENTRY(list_pop(&s->ready), struct ckpt_page, link);
        rope_init(&b[n].data);
        b[n].blob = ckpt_encode(c, b[n].page, &s->image.pages[b[n].page->entry], &b[n].data);
        b[n].frames = ckpt_frames_of(c, b[n].data.length);
        bytes += b[n].data.length;
    }
    return n;
}

/* Of a batch as many as lie in a row of free frames are put there, one behind the other. */
static uint32_t place_some(struct ckpt *c, struct batch *b, uint32_t n, uint64_t *frame,
                           struct rope *piece)
{
    uint64_t least = 0, want = 0, got = 0, used = 0,
             unit = ckpt_frame_at(c, 1) - ckpt_frame_at(c, 0);
    uint32_t m = 0;
    for (uint32_t k = 0; k < n; k++) {
        least = least > 0 ? least : b[k].frames;
        want += b[k].frames;
    }
    if (want > 0)
        *frame = ckpt_frames_take(c, least, want, &got);
    for (; m < n && used + b[m].frames <= got; used += b[m].frames, m++)
        if (b[m].blob) {
            b[m].blob->frame = *frame + used;
            rope_join(piece, &b[m].data);
            rope_add_zero(piece, (used + b[m].frames) * unit - piece->length);
        }
    ckpt_frames_give(c, *frame + used, got - used);
    return m;
}

static void wrote(struct ckpt *c, struct ckpt_page *p)
{
    struct ckpt_save *s = &c->save;
    rope_fini(&p->data);
    p->state = PAGE_WRITTEN;
    s->written++;
    if (c->policy->wrote)
        c->policy->wrote(c, p);
    if ((c->policy->protects || p->was_out) && !p->watched && !s->aborted)
        vm_unwatch(p->region, s->image.pages[p->entry].page);
}

static void write_some(struct ckpt *c)
{
    struct ckpt_save *s = &c->save;
    uint32_t room = (uint32_t)((c->piece + c->page_bytes - 1) / c->page_bytes), n = 0;
    LIST_EACH (l, &s->ready) {
        if (n++ == room || s->status != CKPT_OK || s->aborted)
            break;
        fetch(c, LIST_ENTRY(l, struct ckpt_page, link));
    }
    if (s->status != CKPT_OK || s->aborted)
        return;
    struct batch *b = port_alloc(c->port, room * sizeof *b);
    n = pack_some(c, b, room);
    for (uint32_t k = 0, m; k < n && s->status == CKPT_OK && !s->aborted; k += m) {
        uint64_t frame = 0;
        struct rope piece;
        rope_init(&piece);
        m = place_some(c, b + k, n - k, &frame, &piece);
        c->counts.page_bytes += piece.length;
        if (piece.length > 0)
            s->status = c->sink->write(c->sink_state, ckpt_frame_at(c, frame), &piece);
        rope_fini(&piece);
        for (uint32_t j = k; j < k + m; j++)
            wrote(c, b[j].page);
        ckpt_wake(c);
    }
    for (uint32_t k = 0; k < n; k++)
        rope_fini(&b[k].data);
    port_free(c->port, b);
}

void ckpt_write(struct ckpt *c)
{
    struct ckpt_save *s = &c->save;
    if (s->status == CKPT_OK && !s->aborted && s->written < s->count)
        s->status = ckpt_room(c, &s->image, s->count - s->written);
    while (s->status == CKPT_OK && !s->aborted && s->written < s->count) {
        if (!list_empty(&s->ready))
            write_some(c);
        else
            port_thread_block(c->port, "pages to be copied", c->generation);
    }
}

void ckpt_finish(struct ckpt *c)
{
    struct ckpt_save *s = &c->save;
    if (s->status != CKPT_OK || s->aborted)
        return;
    if (c->files->places.length > 0)
        add_part(&s->image.parts, CKPT_PLACES, &c->files->places);
    add_part(&s->image.parts, CKPT_LOG, &s->log);
    s->status = ckpt_image_write(c, &s->image);
}

/* ---- policies ---- */

static void copied(struct ckpt *c, struct ckpt_page *p)
{
    p->copied = true;
    port_work(c->port, PORT_WORK_COPY, c->page_bytes);
    c->counts.copied_bytes += c->page_bytes;
    port_pay(c->port);
}

static void all_ready(struct ckpt *c)
{
    for (uint64_t k = 0; k < c->save.count; k++)
        ckpt_ready(c, &c->save.pages[k]);
}

static void stop_captured(struct ckpt *c)
{
    all_ready(c);
    ckpt_write(c);
    if (c->save.status == CKPT_OK && !c->save.aborted)
        c->save.status = c->sink->flush(c->sink_state);
}

static void copy_captured(struct ckpt *c)
{
    struct ckpt_save *s = &c->save;
    for (uint64_t k = 0; k < s->count && !s->aborted && s->status == CKPT_OK; k++)
        if (s->pages[k].out)
            fetch(c, &s->pages[k]);
        else
            copied(c, &s->pages[k]);
    all_ready(c);
}

static void nothing_captured(struct ckpt *c)
{
    (void)c;
}

static void cow_touched(struct ckpt *c, struct ckpt_page *p)
{
    if (p->state != PAGE_WRITTEN)
        copied(c, p);
}

/* Copies a page into the pool, once there is room; the program goes first. (blocks) */
static void pool_copy(struct ckpt *c, struct ckpt_page *p, bool program)
{
    struct ckpt_save *s = &c->save;
    bool waited = false;
    uint64_t number = c->save_number;
    while ((s->pooled >= (uint64_t)c->params->pool || (!program && c->stalled)) &&
           s->status == CKPT_OK && !s->aborted && p->state == PAGE_CAPTURED) {
        c->counts.stalls += program && !waited;
        waited = true;
        if (program)
            c->stalled = port_thread_self(c->port);
        port_thread_block(c->port, "room in the pool of a checkpoint", c->generation);
        if (program)
            c->stalled = NULL;
        if (c->save_number != number)
            return;
    }
    if (p->state != PAGE_CAPTURED || s->status != CKPT_OK || s->aborted)
        return;
    s->pooled++;
    ckpt_ready(c, p);
    if (!p->out) /* else it is fetched when it is written */
        copied(c, p);
    if (c->save_number != number)
        return;
    if (!program && !p->watched && !s->aborted && !p->out)
        vm_unwatch(p->region, s->image.pages[p->entry].page);
    ckpt_wake(c);
}

static void cll_touched(struct ckpt *c, struct ckpt_page *p)
{
    pool_copy(c, p, true);
}

static void cll_wrote(struct ckpt *c, struct ckpt_page *p)
{
    (void)p;
    c->save.pooled--;
}

void ckpt_copy_ahead(void *arg)
{
    struct ckpt *c = arg;
    for (;;) {
        struct ckpt_save *s = &c->save;
        uint64_t number = c->save_number;
        for (uint64_t k = 0; c->save_number == number && !s->aborted && k < s->count; k++)
            if (s->pages[k].state == PAGE_CAPTURED)
                pool_copy(c, &s->pages[k], false);
        port_thread_block(c->port, "a checkpoint to copy", 0);
    }
}

/* Entries are in the order of regions and pages; NULL: there is none. */
static const struct ckpt_entry *entry_of(const struct ckpt_image *i, uint32_t region, uint64_t page)
{
    uint64_t low = 0, high = i->count;
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        const struct ckpt_entry *e = &i->pages[mid];
        if (e->region < region || (e->region == region && e->page < page))
            low = mid + 1;
        else
            high = mid;
    }
    if (low == i->count || i->pages[low].region != region || i->pages[low].page != page)
        return NULL;
    return &i->pages[low];
}

/* The page of an entry that is to be written; NULL: it is none of these. */
static struct ckpt_page *captured(struct ckpt *c, const struct ckpt_entry *e)
{
    struct ckpt_save *s = &c->save;
    uint64_t low = 0, high = s->count, entry = (uint64_t)(e - s->image.pages);
    while (low < high) {
        uint64_t mid = low + (high - low) / 2;
        if (s->pages[mid].entry < entry)
            low = mid + 1;
        else
            high = mid;
    }
    return low < s->count && s->pages[low].entry == entry ? &s->pages[low] : NULL;
}

/* The program is about to write to a page that is unchanged. */
void ckpt_first_write(void *arg, struct vm_region *r, uint64_t page)
{
    struct ckpt *c = arg;
    struct ckpt_save *s = &c->save;
    sim_time since = port_now(c->port);
    uint32_t region = 0;
    c->counts.faults++;
    for (struct vm_region *x = vm_region_next(c->space, NULL); x != r;
         x = vm_region_next(c->space, x))
        region++;
    if (c->params->compare)
        ckpt_kept_touched(c, entry_of(&c->last, region, page));
    if (!s->active)
        return;
    const struct ckpt_entry *e = entry_of(&s->image, region, page);
    ckpt_kept_touched(c, e);
    struct ckpt_page *p = e ? captured(c, e) : NULL;
    if (p && p->out)
        p->out = !vm_snapshot(r, page, false, &p->data);
    if (!p || s->aborted || !c->policy->touched)
        return;
    port_ledger_part(c->node->run->task, LEDGER_STOPPED, SIM_NEVER);
    c->policy->touched(c, p);
    port_ledger_part(c->node->run->task, LEDGER_REST, SIM_NEVER);
    ckpt_stopped_for(c, since);
}

#define LOSSES 100 /* ASSUMED(that often a store has lost pages when no restart helps) */

/* The job goes back; this ends with the program's task. */
bool ckpt_page_lost(void *arg, const struct vm_error *e)
{
    struct ckpt *c = arg;
    bool gone = e->status == VM_LOST || e->status == VM_UNREACHABLE || e->status == VM_IO;
    if (!gone || c->losses++ == LOSSES)
        return false;
    port_remark(c->port, "rank %u goes back to its last checkpoint: %s", c->rank, e->text);
    ckpt_go_back(c);
    for (;;)
        port_thread_block(c->node->run->task, "a restart", c->rank);
}

uint32_t ckpt_run(const struct ckpt *c)
{
    return c->run;
}

static const struct ckpt_policy_ops policy_stop = {
    .kind = { .name = "stop", .doc = "Stop and write: the program waits until all is written." },
    .captured = stop_captured,
};
static const struct ckpt_policy_ops policy_copy = {
    .kind = { .name = "copy", .doc = "Main memory: it waits until all is copied in memory." },
    .captured = copy_captured,
};
static const struct ckpt_policy_ops policy_cow = {
    .kind = { .name = "cow",
              .doc = "Copy on write: pages are protected; what is written first is copied first." },
    .protects = true,
    .captured = all_ready,
    .touched = cow_touched,
};
static const struct ckpt_policy_ops policy_cll = {
    .kind = { .name = "cll",
              .doc = "Concurrent, low latency: pages are protected, and copied ahead of the writer "
                     "into a pool." },
    .protects = true,
    .copier = true,
    .captured = nothing_captured,
    .touched = cll_touched,
    .wrote = cll_wrote,
};
static const struct kind *const policies[] = { &policy_stop.kind, &policy_copy.kind,
                                               &policy_cow.kind, &policy_cll.kind, NULL };
const struct kind_set ckpt_policies = { "policy", "machine.os.ckpt.policy", policies };
