/* test_vm.c: virtual memory: contents under paging, replacement, protection, pins, failures.
 *
 * The oracle for contents is a flat shadow array; for replacement, the textbook reference string
 * 1 2 3 4 1 2 5 1 2 3 4 5 [Belady, Nelson & Shedler 1969], whose fault counts are 9 and 10 for FIFO
 * with 3 and 4 frames, and 10 and 8 for LRU.
 */
#include <criterion/criterion.h>
#include <string.h>

#include "os/vm/copy.h"
#include "os/vm/store.h"
#include "os/vm/vm_internal.h"
#include "tests/fake/port_fake.h"
#include "tests/sample.h"

#define BASE 0x40000000u

struct world {
    struct fake *fake;
    struct vm_params params;
    void (*program)(struct world *w);
    struct port *port;
    struct vm *vm;
    struct vm_space *space;
    struct vm_region *region;
    uint64_t pages;
    const struct vm_pager_ops *pager;
    void *object;
    uint64_t seed;
    bool finished;
    struct vm_error error;
};

static bool keep_error(void *arg, const struct vm_error *e)
{
    ((struct world *)arg)->error = *e;
    return true;
}

static void thread(void *arg)
{
    struct world *w = arg;
    w->program(w);
    w->finished = true;
}

static void boot(struct port *p, void *arg)
{
    struct world *w = arg;
    w->port = p;
    w->vm = vm_create(p, &w->params);
    w->space = vm_space_create(w->vm, "test");
    vm_on_error(w->space, keep_error, w);
    if (w->pager == &vm_pager_store)
        w->object = vm_swap_create(w->vm, 0, 0, 8192);
    w->region =
        vm_map(w->space, BASE, w->pages * (uint64_t)w->params.page, VM_WRITE, w->pager, w->object);
    cr_assert_not_null(w->region);
    cr_assert_not_null(port_thread_spawn(p, "program", thread, w, 0));
}

static void run(struct world *w)
{
    struct fake_options o = { .nodes = 1, .disks = 1, .seed = w->seed };
    if (!w->params.page)
        w->params.page = 1024;
    w->fake = fake_create(&o);
    fake_boot(w->fake, 0, boot, w);
    fake_run(w->fake, 0);
    cr_assert(w->finished, "the program did not end");
    fake_destroy(w->fake);
}

static uint64_t mix(uint64_t *x)
{
    *x += 0x9e3779b97f4a7c15u;
    uint64_t z = *x;
    z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
    z = (z ^ z >> 27) * 0x94d049bb133111ebu;
    return z ^ z >> 31;
}

static void random_accesses(struct world *w)
{
    static uint8_t shadow[37 * 1024];
    memset(shadow, 0, sizeof shadow);
    uint64_t x = w->seed;
    for (int i = 0; i < 4000; i++) {
        uint64_t len = 1 + mix(&x) % 1500, at = mix(&x) % (sizeof shadow - len);
        uint8_t buffer[1500];
        if (mix(&x) % 2) {
            for (uint64_t j = 0; j < len; j++)
                buffer[j] = shadow[at + j] = (uint8_t)mix(&x);
            cr_assert(vm_write(w->space, BASE + at, buffer, len));
        } else {
            cr_assert(vm_read(w->space, BASE + at, buffer, len));
            cr_assert_arr_eq(buffer, shadow + at, len, "seed %llu, access %d, offset %llu",
                             (unsigned long long)w->seed, i, (unsigned long long)at);
        }
    }
    cr_assert_leq(fake_count(w->fake, 0, "vm.frames_most"), (uint64_t)w->params.frames);
    cr_assert_gt(fake_count(w->fake, 0, "vm.evictions_dirty"), 100u);
}

/* VM5, VMS3, PAGER1. */
Test(vm, swapped_memory_equals_a_flat_array_under_every_policy)
{
    for (int policy = 0; vm_replacements.items[policy]; policy++)
        for (uint64_t seed = 1; seed <= 5; seed++) {
            struct world w = { .program = random_accesses,
                               .pager = &vm_pager_store,
                               .pages = 37,
                               .seed = seed,
                               .params = { .frames = 3 + (int64_t)seed, .replacement = policy } };
            run(&w);
        }
}

static void belady(struct world *w)
{
    /* Pages 64 apart share one entry of the translation cache, so that every use is seen. */
    static const uint64_t string[] = { 1, 2, 3, 4, 1, 2, 5, 1, 2, 3, 4, 5 };
    for (size_t i = 0; i < ARRAY_LEN(string); i++)
        vm_load_u32(w->space, BASE + string[i] * 64 * 1024);
}

static uint64_t belady_faults(int policy, int64_t frames)
{
    struct world w = { .program = belady,
                       .pager = &vm_pager_store,
                       .pages = 64 * 6,
                       .params = { .frames = frames, .replacement = policy } };
    struct fake_options o = { .nodes = 1, .disks = 1 };
    w.params.page = 1024;
    w.fake = fake_create(&o);
    fake_boot(w.fake, 0, boot, &w);
    fake_run(w.fake, 0);
    uint64_t faults = fake_count(w.fake, 0, "vm.read_faults");
    fake_destroy(w.fake);
    return faults;
}

Test(vm, replacement_meets_the_textbook_counts)
{
    cr_assert_str_eq(vm_replacements.items[1]->name, "lru");
    cr_assert_str_eq(vm_replacements.items[2]->name, "fifo");
    cr_assert_eq(belady_faults(2, 3), 9);
    cr_assert_eq(belady_faults(2, 4), 10);
    cr_assert_eq(belady_faults(1, 3), 10);
    cr_assert_eq(belady_faults(1, 4), 8);
}

/* What was taken of a page stays what it was, whoever writes the page later, and is not copied
 * while nobody may; a program that holds a pointer to the page sees what is written. */
static void taken_contents(struct world *w)
{
    uint8_t byte = 1;
    cr_assert(vm_write(w->space, BASE + 5, &byte, 1));
    for (int round = 0; round < 3; round++) {
        bool read_only = round > 0;
        struct rope taken;
        rope_init(&taken);
        if (read_only)
            cr_assert(vm_revoke(w->region, 0, VM_READ));
        cr_assert(vm_contents(w->region, 0, &taken));
        cr_assert_eq(rope_bytes(&taken, false) == vm_frame(w->region, 0, false), read_only);
        size_t got;
        const uint8_t *held = round == 2 ? vm_span(w->space, BASE + 5, 1, VM_READ, &got) : NULL;
        byte++;
        cr_assert(vm_write(w->space, BASE + 5, &byte, 1));
        if (held) {
            cr_assert_eq(*held, byte);
            vm_unspan(w->space, BASE + 5);
        }
        cr_assert_eq(vm_load_u8(w->space, BASE + 5), byte);
        rope_drop_front(&taken, 5);
        rope_read(&taken, 0, 1, &byte);
        cr_assert_eq(byte, round + 1, "round %d", round);
        byte++;
        rope_fini(&taken);
    }
}

Test(vm, what_was_taken_of_a_page_stays_what_it_was)
{
    struct world w = { .program = taken_contents, .pager = &vm_pager_store, .pages = 2, .seed = 1 };
    w.params.frames = 4;
    run(&w);
}

static void bad_accesses(struct world *w)
{
    cr_assert_eq(vm_load_u32(w->space, 0x10), 0);
    cr_assert_eq(w->error.status, VM_OUTSIDE);
    cr_assert_not_null(strstr(w->error.text, "node 0: program test cannot read address 0x10"));
    struct vm_region *r = vm_map(w->space, 0x1000, 1024, VM_READ, &vm_pager_zero, NULL);
    cr_assert_not_null(r);
    cr_assert_null(vm_map(w->space, 0x1000, 1024, VM_READ, &vm_pager_zero, NULL), "overlap");
    cr_assert_null(vm_map(w->space, 0x2001, 1024, VM_READ, &vm_pager_zero, NULL), "alignment");
    vm_store_u64(w->space, 0x1008, 7);
    cr_assert_eq(w->error.status, VM_PROTECTION);
    cr_assert_eq(vm_load_u64(w->space, 0x1008), 0);
}

Test(vm, a_bad_access_is_told_with_node_program_and_address)
{
    struct world w = { .program = bad_accesses, .pager = &vm_pager_zero, .pages = 1 };
    run(&w);
}

static void pin_everything(struct world *w)
{
    size_t got;
    for (uint64_t i = 0; i < 3; i++) {
        void *p = vm_span(w->space, BASE + i * 1024 + 100, 5000, VM_WRITE, &got);
        cr_assert_not_null(p);
        cr_assert_eq(got, 924);
    }
    cr_assert_null(vm_span(w->space, BASE + 3 * 1024, 8, VM_WRITE, &got));
    cr_assert_eq(w->error.status, VM_NO_FRAMES);
    cr_assert_not(vm_revoke(w->region, 0, VM_NONE), "a pinned page keeps its protection");
    vm_unspan(w->space, BASE + 100);
    cr_assert(vm_revoke(w->region, 0, VM_NONE));
    w->error.status = VM_OK;
    vm_store_f64(w->space, BASE + 3 * 1024, 2.385);
    cr_assert_eq(w->error.status, VM_OK);
    cr_assert_eq(vm_load_f64(w->space, BASE + 3 * 1024), 2.385);
}

/* VM3, VM4. */
Test(vm, pinned_pages_stay_and_too_few_frames_are_told)
{
    struct world w = { .program = pin_everything,
                       .pager = &vm_pager_store,
                       .pages = 8,
                       .params = { .frames = 3, .replacement = 2 } };
    run(&w);
}

/* ---- snapshots ---- */

static struct {
    uint64_t told, last;
} watched;

static void told_first_write(void *arg, struct vm_region *r, uint64_t page)
{
    struct world *w = arg;
    cr_expect_eq(r, w->region);
    cr_expect_not(vm_changed(r, page), "told after the write");
    watched.told++;
    watched.last = page;
}

/* Random writes between snapshots of all pages: each snapshot stays what it was, and what is
 * changed is exactly what was written since the one before (VM6). */
static void random_snapshots(struct world *w)
{
    enum { PAGES = 16, SIZE = 1024, ROUNDS = 40 };
    static uint8_t shadow[PAGES][SIZE], saved[PAGES][SIZE];
    bool written[PAGES] = { false };
    struct rope snap[PAGES];
    uint64_t x = w->seed;
    memset(shadow, 0, sizeof shadow);
    vm_watch(w->space, told_first_write, w);
    for (uint64_t k = 0; k < PAGES; k++) {
        vm_store_u8(w->space, BASE + k * SIZE, 0);
        rope_init(&snap[k]);
    }
    for (int round = 0; round < ROUNDS; round++) {
        uint64_t expected = 0;
        for (uint64_t k = 0; k < PAGES; k++) {
            cr_expect_eq(vm_changed(w->region, k), round == 0 || written[k]);
            rope_fini(&snap[k]);
            cr_assert(vm_snapshot(w->region, k, true, &snap[k]));
            cr_expect_not(vm_changed(w->region, k));
            memcpy(saved[k], shadow[k], SIZE);
            written[k] = false;
        }
        watched.told = 0;
        for (uint64_t n = mix(&x) % 20; n > 0; n--) {
            uint64_t k = mix(&x) % PAGES, at = mix(&x) % SIZE;
            bool first = !written[k];
            if (mix(&x) % 4 == 0) {
                cr_expect_eq(vm_load_u8(w->space, BASE + k * SIZE + at), shadow[k][at]);
                continue;
            }
            expected += first;
            written[k] = true;
            shadow[k][at] = (uint8_t)mix(&x);
            vm_store_u8(w->space, BASE + k * SIZE + at, shadow[k][at]);
            cr_expect(!first || watched.last == k);
        }
        cr_expect_eq(watched.told, expected);
        for (uint64_t k = 0; k < PAGES; k++) {
            uint8_t bytes[SIZE];
            rope_read(&snap[k], 0, SIZE, bytes);
            cr_expect_arr_eq(bytes, saved[k], SIZE, "seed %lu: page %lu of a snapshot changed",
                             w->seed, k);
            cr_expect(vm_read(w->space, BASE + k * SIZE, bytes, SIZE));
            cr_expect_arr_eq(bytes, shadow[k], SIZE);
        }
    }
    for (uint64_t k = 0; k < PAGES; k++)
        rope_fini(&snap[k]);
}

Test(vm, a_snapshot_stays_and_tells_the_first_write)
{
    for (uint64_t seed = 1; seed <= 5; seed++) {
        struct world w = {
            .program = random_snapshots, .pager = &vm_pager_zero, .pages = 20, .seed = seed
        };
        run(&w);
    }
}

static void snapshot_unwatched(struct world *w)
{
    struct rope snap;
    size_t got;
    rope_init(&snap);
    vm_watch(w->space, told_first_write, w);
    vm_store_u64(w->space, BASE, 1);
    watched.told = 0;
    cr_assert(vm_snapshot(w->region, 0, false, &snap));
    vm_store_u64(w->space, BASE, 2);
    cr_expect_eq(watched.told, 0);
    uint64_t word;
    rope_read(&snap, 0, sizeof word, &word);
    cr_expect_eq(word, 1, "what was shared was written");
    rope_fini(&snap);
    /* One that is pinned is copied, and goes on counting as changed. */
    uint64_t *p = vm_span(w->space, BASE, sizeof *p, VM_WRITE, &got);
    cr_assert(vm_snapshot(w->region, 0, true, &snap));
    cr_expect(vm_changed(w->region, 0));
    *p = 3;
    rope_read(&snap, 0, sizeof word, &word);
    cr_expect_eq(word, 2);
    vm_unspan(w->space, BASE);
    rope_fini(&snap);
    cr_assert(vm_snapshot(w->region, 0, true, &snap));
    vm_unwatch(w->region, 0);
    vm_store_u64(w->space, BASE, 4);
    cr_expect_eq(watched.told, 0);
    rope_fini(&snap);
    cr_expect_not(vm_snapshot(w->region, 7, true, &snap), "a page that nobody has touched");
    cr_expect_eq(vm_page_resident(w->region, 0), 0);
    cr_expect_eq(vm_page_resident(w->region, 1), w->pages);
}

Test(vm, a_snapshot_without_a_watch_and_of_a_pinned_page)
{
    struct world w = { .program = snapshot_unwatched, .pager = &vm_pager_zero, .pages = 20 };
    run(&w);
}

/* SVMS5: a page that comes again is changed, though nobody has written it here. */
static void snapshot_filled_anew(struct world *w)
{
    struct rope snap;
    rope_init(&snap);
    vm_store_u64(w->space, BASE, 1);
    cr_assert(vm_snapshot(w->region, 0, true, &snap));
    cr_expect_not(vm_changed(w->region, 0));
    cr_expect_eq(vm_load_u64(w->space, BASE), 1);
    cr_expect_not(vm_changed(w->region, 0), "it was read alone");
    cr_assert(vm_revoke(w->region, 0, VM_READ));
    cr_expect_not(vm_changed(w->region, 0), "nor is a change who may write it no more");
    cr_assert(vm_revoke(w->region, 0, VM_NONE));
    cr_expect_eq(vm_load_u64(w->space, BASE), 0);
    cr_expect(vm_changed(w->region, 0));
    rope_fini(&snap);
}

Test(vm, a_page_whose_frame_is_filled_anew_has_changed)
{
    struct world w = { .program = snapshot_filled_anew, .pager = &vm_pager_zero, .pages = 3 };
    run(&w);
}

/* ---- memory that is shared by copy on write ---- */

#define COPY_PAGE 64u
#define COPY_PAGES 6u
#define COPY_REGIONS 6
#define COPY_ROPES 4

/* The oracle: each holder of a page has bytes of its own, and the number of the frame that it would
 * be.  A write copies when another has the same number, and only then. */
struct holder {
    struct vm_region *region; /* NULL: none */
    struct vm_space *space;
    uint64_t base, pages;
    struct rope rope; /* of those that are no region */
    uint64_t frame[COPY_PAGES];
    uint8_t bytes[COPY_PAGES][COPY_PAGE];
};
struct copies {
    struct world *w;
    struct vm_space *spaces[2];
    struct holder regions[COPY_REGIONS], ropes[COPY_ROPES];
    uint64_t frames, copied;
};

static uint32_t holders(const struct copies *c, uint64_t frame)
{
    uint32_t n = 0;
    for (int i = 0; i < COPY_REGIONS + COPY_ROPES; i++) {
        const struct holder *h = i < COPY_REGIONS ? &c->regions[i] : &c->ropes[i - COPY_REGIONS];
        for (uint64_t k = 0; k < h->pages; k++)
            n += h->frame[k] == frame;
    }
    return n;
}

static void holds_the_same(const struct holder *from, uint64_t first, struct holder *to)
{
    memcpy(to->frame, from->frame + first, to->pages * sizeof to->frame[0]);
    memcpy(to->bytes, from->bytes + first, to->pages * COPY_PAGE);
}

static void copy_write(struct copies *c, struct holder *h)
{
    uint64_t at = mix(&c->w->seed) % (h->pages * COPY_PAGE), page = at / COPY_PAGE;
    uint8_t value = (uint8_t)mix(&c->w->seed);
    vm_store_u8(h->space, h->base + at, value);
    if (holders(c, h->frame[page]) > 1) {
        c->copied++;
        h->frame[page] = ++c->frames;
    }
    h->bytes[page][at % COPY_PAGE] = value;
}

static void copy_share(struct copies *c, struct holder *h, struct holder *to)
{
    uint64_t first = mix(&c->w->seed) % h->pages, some = 1 + mix(&c->w->seed) % (h->pages - first);
    bool last = first == 0 && some == h->pages && mix(&c->w->seed) % 2;
    rope_init(&to->rope);
    cr_assert_eq(vm_share(h->space, h->base + first * COPY_PAGE, some * COPY_PAGE, last, &to->rope),
                 VM_OK);
    to->pages = some;
    holds_the_same(h, first, to);
    if (!last)
        return;
    cr_assert(vm_remove(h->region));
    cr_assert_null(vm_region_at(h->space, h->base));
    h->pages = 0;
}

static void copy_map(struct copies *c, struct holder *rope, struct holder *to)
{
    to->space = c->spaces[mix(&c->w->seed) % 2];
    to->pages = rope->pages;
    holds_the_same(rope, 0, to);
    to->base = vm_map_copy(to->space, &rope->rope);
    cr_assert_neq(to->base, 0);
    to->region = vm_region_at(to->space, to->base);
    cr_assert_eq(vm_region_pages(to->region), to->pages);
    rope->pages = 0;
}

/* Of zeroes, each page a frame of its own. */
static void copy_new(struct copies *c, struct holder *to)
{
    static uint64_t where = BASE;
    where += 0x10000;
    to->space = c->spaces[mix(&c->w->seed) % 2];
    to->pages = 1 + mix(&c->w->seed) % COPY_PAGES;
    to->base = where;
    to->region = vm_map(to->space, where, to->pages * COPY_PAGE, VM_WRITE, &vm_pager_zero, NULL);
    for (uint64_t k = 0; k < to->pages; k++)
        to->frame[k] = ++c->frames;
    memset(to->bytes, 0, sizeof to->bytes);
}

static void copies_right(struct copies *c)
{
    for (int i = 0; i < COPY_REGIONS; i++) {
        uint8_t got[COPY_PAGES * COPY_PAGE];
        struct holder *h = &c->regions[i];
        if (h->pages == 0 || mix(&c->w->seed) % 4)
            continue;
        cr_assert(vm_read(h->space, h->base, got, h->pages * COPY_PAGE));
        cr_assert_arr_eq(got, h->bytes, h->pages * COPY_PAGE, "COW1");
    }
    for (int i = 0; i < COPY_ROPES; i++) {
        uint8_t got[COPY_PAGES * COPY_PAGE];
        struct holder *h = &c->ropes[i];
        if (h->pages == 0)
            continue;
        rope_read(&h->rope, 0, h->pages * COPY_PAGE, got);
        cr_assert_arr_eq(got, h->bytes, h->pages * COPY_PAGE, "COW1");
    }
    cr_assert_eq(c->w->vm->counts.copied, c->copied, "COW1: %lu pages were copied, should be %lu",
                 (unsigned long)c->w->vm->counts.copied, (unsigned long)c->copied);
}

static void random_copies(struct world *w)
{
    struct copies *c = calloc(1, sizeof *c);
    c->w = w;
    c->spaces[0] = w->space;
    c->spaces[1] = vm_space_create(w->vm, "other");
    for (uint64_t i = 0, n = sample("VM_COPIES", 6000); i < n; i++) {
        struct holder *h = &c->regions[mix(&w->seed) % COPY_REGIONS];
        struct holder *rope = &c->ropes[mix(&w->seed) % COPY_ROPES];
        uint64_t what = mix(&w->seed) % 16;
        if (h->pages == 0 && rope->pages > 0)
            copy_map(c, rope, h);
        else if (h->pages == 0)
            copy_new(c, h);
        else if (what < 9)
            copy_write(c, h);
        else if (what < 13 && rope->pages == 0)
            copy_share(c, h, rope);
        else if (what == 13 && vm_remove(h->region))
            h->pages = 0;
        else if (what == 14 && rope->pages > 0) {
            rope_fini(&rope->rope);
            rope->pages = 0;
        }
        copies_right(c);
    }
    cr_assert(sample_saw(c->copied, 200), "%lu", (unsigned long)c->copied);
    for (int i = 0; i < COPY_ROPES; i++)
        if (c->ropes[i].pages > 0)
            rope_fini(&c->ropes[i].rope);
    free(c);
}

Test(vm, what_is_shared_is_copied_once_for_each_holder_but_one)
{
    for (uint64_t seed = 1; seed <= 3; seed++) {
        struct world w = { .program = random_copies,
                           .pager = &vm_pager_zero,
                           .pages = 1,
                           .seed = seed,
                           .params = { .page = COPY_PAGE } };
        run(&w);
    }
}

/* What one holder costs: protecting, one fault, one copy; then nothing. */
static void copy_costs(struct world *w)
{
    struct rope pages;
    size_t got;
    uint64_t copied = w->vm->counts.copied, map, fault;
    rope_init(&pages);
    for (int i = 0; i < 4; i++)
        vm_store_u64(w->space, BASE + (uint64_t)i * 1024, 1);
    uint8_t *pin = vm_span(w->space, BASE + 3072, 8, VM_WRITE, &got);
    map = fake_work(w->fake, 0, PORT_WORK_MAP);
    cr_assert_eq(vm_share(w->space, BASE, 4096, false, &pages), VM_OK);
    cr_expect_eq(fake_work(w->fake, 0, PORT_WORK_MAP), map + 3);
    cr_expect_eq(w->vm->counts.copied, copied + 1, "what is pinned is copied at once");
    *pin = 9;
    vm_unspan(w->space, BASE + 3072);
    fault = fake_work(w->fake, 0, PORT_WORK_FAULT);
    vm_store_u64(w->space, BASE, 2);
    vm_store_u64(w->space, BASE + 8, 2);
    cr_expect_eq(fake_work(w->fake, 0, PORT_WORK_FAULT), fault + 1);
    cr_expect_eq(w->vm->counts.copied, copied + 2);
    uint64_t at = vm_map_copy(w->space, &pages);
    cr_assert_eq(at, 1024, "the first hole");
    cr_assert_eq(pages.length, 0);
    cr_expect_eq(vm_load_u64(w->space, at), 1);
    cr_expect_eq(vm_load_u64(w->space, at + 3072), 1);
    vm_store_u64(w->space, at, 7); /* nobody else has that frame any more */
    cr_expect_eq(w->vm->counts.copied, copied + 2);
    fault = fake_work(w->fake, 0, PORT_WORK_FAULT);
    vm_store_u64(w->space, at + 1024, 7); /* not there yet: one fault, one copy */
    cr_expect_eq(fake_work(w->fake, 0, PORT_WORK_FAULT), fault + 1);
    cr_expect_eq(w->vm->counts.copied, copied + 3);
    cr_expect_eq(vm_load_u64(w->space, BASE + 1024), 1);
    cr_expect_eq(vm_share(w->space, BASE + 4096, 2048, false, &pages), VM_OUTSIDE);
    cr_expect_eq(pages.length, 0);
    /* Pinned or behind another pager it stays. */
    pin = vm_span(w->space, at, 8, VM_READ, &got);
    cr_expect_not(vm_remove(vm_region_at(w->space, at)));
    cr_expect_eq(vm_load_u64(w->space, at + 1024), 7);
    vm_unspan(w->space, at);
    uint64_t frames = w->vm->counts.frames;
    cr_expect(vm_remove(vm_region_at(w->space, at)));
    cr_expect_eq(w->vm->counts.frames, frames - 3);
}

Test(vm, sharing_costs_a_protection_a_fault_and_a_copy)
{
    struct world w = { .program = copy_costs, .pager = &vm_pager_zero, .pages = 5 };
    run(&w);
}

/* Frames for half of what came: what was only read goes and comes again. */
static void copies_in_few_frames(struct world *w)
{
    struct rope pages;
    rope_init(&pages);
    rope_add_pattern(&pages, 3, 0, 16 * 1024);
    uint64_t at = vm_map_copy(w->space, &pages);
    vm_store_u8(w->space, at + 5, 77);
    for (int round = 0; round < 3; round++)
        for (uint64_t k = 0; k < 16 * 1024; k += 512)
            cr_assert_eq(vm_load_u8(w->space, at + k + 5), k ? pattern_byte(3, k + 5) : 77);
    cr_expect_gt(w->vm->counts.evictions, 16);
}

Test(vm, pages_that_came_and_were_only_read_give_up_their_frames)
{
    struct world w = { .program = copies_in_few_frames,
                       .pager = &vm_pager_zero,
                       .pages = 1,
                       .params = { .page = 1024, .frames = 8 } };
    run(&w);
}
