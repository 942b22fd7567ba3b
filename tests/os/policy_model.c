/* policy_model.c: see policy_model.h. */
#include "tests/os/policy_model.h"

#include <string.h>

/* ---- rows ---- */

static uint32_t find(const struct model_row *r, uint64_t block)
{
    uint32_t i = 0;
    while (i < r->count && r->at[i] != block)
        i++;
    return i;
}

static bool has(const struct model_row *r, uint64_t block)
{
    return find(r, block) < r->count;
}

static void insert(struct model_row *r, uint32_t i, uint64_t block)
{
    memmove(&r->at[i + 1], &r->at[i], (r->count - i) * sizeof r->at[0]);
    r->at[i] = block;
    r->count++;
}

static void append(struct model_row *r, uint64_t block)
{
    insert(r, r->count, block);
}

static uint64_t take_at(struct model_row *r, uint32_t i)
{
    uint64_t block = r->at[i];
    r->count--;
    memmove(&r->at[i], &r->at[i + 1], (r->count - i) * sizeof r->at[0]);
    return block;
}

static void take(struct model_row *r, uint64_t block)
{
    if (has(r, block))
        (void)take_at(r, find(r, block));
}

void policy_model_init(struct policy_model *m, const char *policy, uint32_t most)
{
    memset(m, 0, sizeof *m);
    m->policy = policy;
    m->most = most;
    m->in = most / 4 > 0 ? most / 4 : 1;
    m->out = most / 2;
    for (uint32_t f = 0; f < MODEL_FILES; f++) {
        m->program[f] = f;
        m->priority[f] = 4;
    }
}

uint32_t policy_model_count(const struct policy_model *m)
{
    return m->row.count + m->again.count;
}

/* ---- lru, mru, fifo, clock ---- */

static bool use_simple(struct policy_model *m, uint64_t block)
{
    struct model_row *r = &m->row;
    bool hit = has(r, block), fifo = strcmp(m->policy, "fifo") == 0;
    if (!hit && r->count == m->most)
        (void)take_at(r, strcmp(m->policy, "mru") == 0 ? r->count - 1 : 0);
    if (hit && fifo)
        return true;
    take(r, block);
    append(r, block);
    return hit;
}

/* A ring of frames and a hand; a frame's block is spared once when it was referenced. */
static bool use_clock(struct policy_model *m, uint64_t block)
{
    struct model_row *r = &m->row;
    uint32_t i = find(r, block), *hand = &m->target;
    if (i < r->count) {
        m->referenced[i] = true;
        return true;
    }
    if (r->count < m->most) {
        m->referenced[r->count] = true;
        append(r, block);
        return false;
    }
    for (; m->referenced[*hand]; *hand = (*hand + 1) % m->most)
        m->referenced[*hand] = false;
    r->at[*hand] = block;
    m->referenced[*hand] = true;
    *hand = (*hand + 1) % m->most;
    return false;
}

/* ---- 2Q [Johnson & Shasha 1994, full version] ---- */

static void reclaim(struct policy_model *m)
{
    if (m->row.count + m->again.count < m->most)
        return;
    if (m->row.count > m->in || m->again.count == 0)
        append(&m->gone, take_at(&m->row, 0));
    else
        (void)take_at(&m->again, 0);
}

static bool use_2q(struct policy_model *m, uint64_t block)
{
    if (has(&m->again, block)) {
        take(&m->again, block);
        append(&m->again, block);
        return true;
    }
    if (has(&m->row, block))
        return true;
    if (has(&m->gone, block)) {
        take(&m->gone, block);
        reclaim(m);
        append(&m->again, block);
    } else {
        reclaim(m);
        append(&m->row, block);
    }
    while (m->gone.count > m->out)
        (void)take_at(&m->gone, 0);
    return false;
}

/* ---- ARC [Megiddo & Modha 2003, figure 4] ---- */

static void replace(struct policy_model *m, bool in_b2)
{
    bool t1 =
        m->row.count >= 1 && (m->row.count > m->target || (in_b2 && m->row.count == m->target));
    if (t1)
        append(&m->gone, take_at(&m->row, 0));
    else
        append(&m->gone_again, take_at(&m->again, 0));
}

static bool use_arc(struct policy_model *m, uint64_t x)
{
    uint32_t c = m->most, b1 = m->gone.count, b2 = m->gone_again.count;
    if (has(&m->row, x) || has(&m->again, x)) { /* case I */
        take(&m->row, x);
        take(&m->again, x);
        append(&m->again, x);
        return true;
    }
    if (has(&m->gone, x)) { /* case II */
        uint32_t d = b1 >= b2 ? 1 : b2 / b1;
        m->target = m->target + d > c ? c : m->target + d;
        replace(m, false);
        take(&m->gone, x);
        append(&m->again, x);
        return false;
    }
    if (has(&m->gone_again, x)) { /* case III */
        uint32_t d = b2 >= b1 ? 1 : b1 / b2;
        m->target = m->target < d ? 0 : m->target - d;
        replace(m, true);
        take(&m->gone_again, x);
        append(&m->again, x);
        return false;
    }
    if (m->row.count + b1 == c) { /* case IV (i) */
        if (m->row.count < c) {
            (void)take_at(&m->gone, 0);
            replace(m, false);
        } else {
            (void)take_at(&m->row, 0);
        }
    } else if (m->row.count + b1 + m->again.count + b2 >= c) { /* (ii) */
        if (m->row.count + b1 + m->again.count + b2 == 2 * c)
            (void)take_at(&m->gone_again, 0);
        replace(m, false);
    }
    append(&m->row, x);
    return false;
}

/* ---- LRU-SP [Cao, Felten & Li 1994] ---- */

static uint32_t file_of(uint64_t block)
{
    return (uint32_t)(block / MODEL_FILE);
}

static void off_levels(struct policy_model *m, uint64_t block)
{
    for (uint32_t i = 0; i < 8; i++)
        take(&m->level[m->program[file_of(block)]][i], block);
}

static void used_now(struct policy_model *m, uint64_t block)
{
    uint32_t f = file_of(block);
    take(&m->row, block);
    append(&m->row, block);
    off_levels(m, block);
    append(&m->level[m->program[f]][m->priority[f]], block);
}

static void place_end(struct policy_model *m, uint32_t i)
{
    (void)take_at(&m->places, i);
    (void)take_at(&m->stands, i);
}

static void stands_no_more(struct policy_model *m, uint64_t block)
{
    while (has(&m->stands, block))
        place_end(m, find(&m->stands, block));
}

static void make_room(struct policy_model *m, uint64_t missing)
{
    uint32_t at = find(&m->places, missing);
    uint64_t candidate = at < m->places.count ? m->stands.at[at] : m->row.at[0], choice = candidate;
    uint32_t program = m->program[file_of(candidate)];
    for (uint32_t i = 8; m->hints[program] && i-- > 0;) {
        const struct model_row *l = &m->level[program][i];
        if (l->count > 0)
            choice = l->at[m->last_first[program][i] ? l->count - 1 : 0];
    }
    if (choice != candidate) {
        take(&m->row, candidate);
        insert(&m->row, find(&m->row, choice), candidate);
        append(&m->places, choice);
        append(&m->stands, candidate);
        if (m->places.count > m->most)
            place_end(m, 0);
    }
    stands_no_more(m, choice);
    take(&m->row, choice);
    off_levels(m, choice);
}

static bool use_application(struct policy_model *m, uint64_t block)
{
    bool hit = has(&m->row, block);
    if (!hit && m->row.count == m->most)
        make_room(m, block);
    if (has(&m->places, block))
        place_end(m, find(&m->places, block));
    stands_no_more(m, block);
    used_now(m, block);
    return hit;
}

void policy_model_priority(struct policy_model *m, uint32_t file, uint64_t from, uint64_t to,
                           bool all, uint32_t priority)
{
    uint32_t program = m->program[file];
    struct model_row moved = { .count = 0 }, *l = &m->level[program][priority];
    m->hints[program] = true;
    if (all)
        m->priority[file] = priority;
    for (uint32_t i = 0; i < 8; i++)
        for (uint32_t k = 0; k < m->level[program][i].count;) {
            uint64_t b = m->level[program][i].at[k], index = b % MODEL_FILE;
            if (file_of(b) == file && (all || (index >= from && index < to)))
                append(&moved, take_at(&m->level[program][i], k));
            else
                k++;
        }
    for (uint32_t k = 0; k < moved.count; k++)
        insert(l, m->last_first[program][priority] ? k : l->count, moved.at[k]);
}

void policy_model_order(struct policy_model *m, uint32_t file, uint32_t priority, bool last_first)
{
    m->hints[m->program[file]] = true;
    m->last_first[m->program[file]][priority] = last_first;
}

void policy_model_program(struct policy_model *m, uint32_t file, uint32_t program)
{
    uint32_t old = m->program[file];
    if (old == program)
        return;
    for (uint32_t i = 0; i < 8; i++)
        for (uint32_t k = 0; k < m->level[old][i].count;) {
            uint64_t b = m->level[old][i].at[k];
            if (file_of(b) == file)
                append(&m->level[program][i], take_at(&m->level[old][i], k));
            else
                k++;
        }
    m->program[file] = program;
}

bool policy_model_use(struct policy_model *m, uint64_t block)
{
    return strcmp(m->policy, "clock") == 0         ? use_clock(m, block)
           : strcmp(m->policy, "2q") == 0          ? use_2q(m, block)
           : strcmp(m->policy, "arc") == 0         ? use_arc(m, block)
           : strcmp(m->policy, "application") == 0 ? use_application(m, block)
                                                   : use_simple(m, block);
}
