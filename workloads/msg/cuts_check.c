/* cuts_check.c: histories of ranks, records of cuts, and the judgement.  See cuts_check.h. */
#include "workloads/msg/cuts_check.h"

#include <stdio.h>
#include <string.h>

enum { CUT, RANK, FIXED };

void cuts_history_init(struct cuts_history *h, struct port *p, uint32_t ranks, uint32_t me)
{
    *h = (struct cuts_history){ .port = p, .ranks = ranks, .me = me };
    h->clock = port_alloc(p, ranks * sizeof *h->clock);
    h->sent = port_alloc(p, ranks * sizeof *h->sent);
    h->received = port_alloc(p, ranks * sizeof *h->received);
}

size_t cuts_stamp_bytes(uint32_t ranks)
{
    return (1 + (size_t)ranks) * sizeof(uint32_t);
}

void cuts_sent(struct cuts_history *h, uint32_t to, struct rope *out)
{
    h->clock[h->me]++;
    h->sent[to]++;
    rope_add_bytes(out, &h->sent[to], sizeof(uint32_t));
    rope_add_bytes(out, h->clock, h->ranks * sizeof(uint32_t));
}

uint32_t cuts_number(const struct rope *message, uint64_t offset)
{
    uint32_t number = 0;
    if (message->length >= offset + sizeof number)
        rope_read(message, offset, sizeof number, &number);
    return number;
}

bool cuts_received(struct cuts_history *h, uint32_t from, const struct rope *message,
                   uint64_t offset)
{
    if (message->length < offset + cuts_stamp_bytes(h->ranks) ||
        cuts_number(message, offset) != h->received[from] + 1)
        return false;
    h->received[from]++;
    for (uint32_t i = 0; i < h->ranks; i++) {
        uint32_t theirs;
        rope_read(message, offset + (1 + (uint64_t)i) * sizeof theirs, sizeof theirs, &theirs);
        h->clock[i] = theirs > h->clock[i] ? theirs : h->clock[i];
    }
    h->clock[h->me]++;
    return true;
}

/* ---- records ---- */

static void append(struct cuts_record *r, const uint32_t *words, uint32_t count)
{
    if (r->count + count > r->room) {
        r->room = 2 * (r->count + count);
        r->words = port_realloc(r->port, r->words, r->room * sizeof *r->words);
    }
    memcpy(r->words + r->count, words, count * sizeof *words);
    r->count += count;
}

void cuts_record_make(struct cuts_record *r, const struct cuts_history *h, uint32_t cut)
{
    uint32_t fixed[FIXED] = { [CUT] = cut, [RANK] = h->me };
    *r = (struct cuts_record){ .port = h->port };
    append(r, fixed, FIXED);
    append(r, h->clock, h->ranks);
    append(r, h->sent, h->ranks);
    append(r, h->received, h->ranks);
}

void cuts_record_add(struct cuts_record *r, enum cuts_where where, uint32_t from, uint32_t to,
                     uint32_t number)
{
    append(r, (const uint32_t[]){ where, from, to, number }, 4);
}

uint32_t cuts_record_cut(const struct cuts_record *r)
{
    return r->words[CUT];
}

void cuts_record_free(struct cuts_record *r)
{
    port_free(r->port, r->words);
    r->words = NULL;
}

void cuts_record_write(const struct cuts_record *r, struct rope *out)
{
    rope_add_bytes(out, r->words, r->count * sizeof *r->words);
}

void cuts_record_read(struct cuts_record *r, struct port *p, const struct rope *in)
{
    uint32_t count = (uint32_t)(in->length / sizeof(uint32_t));
    *r = (struct cuts_record){ .port = p, .count = count, .room = count };
    r->words = port_alloc(p, count * sizeof *r->words);
    rope_read(in, 0, count * sizeof *r->words, r->words);
}

/* ---- the judgement ---- */

/* The three vectors of a record. */
static const uint32_t *clock_of(const struct cuts_record *r)
{
    return r->words + FIXED;
}

static uint32_t sent_to(const struct cuts_record *r, uint32_t ranks, uint32_t to)
{
    return r->words[FIXED + ranks + to];
}

static uint32_t received_from(const struct cuts_record *r, uint32_t ranks, uint32_t from)
{
    return r->words[FIXED + 2 * ranks + from];
}

static bool times_fit(const struct cuts_record *const *by_rank, uint32_t ranks, char *sentence,
                      size_t size)
{
    for (uint32_t i = 0; i < ranks; i++)
        for (uint32_t k = 0; k < ranks; k++) {
            uint32_t knows = clock_of(by_rank[i])[k], done = clock_of(by_rank[k])[k];
            if (knows <= done)
                continue;
            snprintf(sentence, size,
                     "cut %u: rank %u has heard of %u steps of rank %u, which had done %u",
                     by_rank[i]->words[CUT], i, knows, k, done);
            return false;
        }
    return true;
}

/* Of the messages from s to t: how often number n stands in the records of either. */
static uint32_t times_found(const struct cuts_record *r, uint32_t ranks, uint32_t s, uint32_t t,
                            uint32_t n)
{
    uint32_t found = 0;
    for (uint32_t i = FIXED + 3 * ranks; i + 4 <= r->count; i += 4)
        found += r->words[i + 1] == s && r->words[i + 2] == t && r->words[i + 3] == n;
    return found;
}

static uint32_t entries(const struct cuts_record *r, uint32_t ranks)
{
    return (r->count - FIXED - 3 * ranks) / 4;
}

static bool channel_fits(const struct cuts_record *const *by_rank, uint32_t ranks, uint32_t s,
                         uint32_t t, uint32_t *missing, char *sentence, size_t size)
{
    const struct cuts_record *from = by_rank[s], *to = by_rank[t];
    uint32_t sent = sent_to(from, ranks, t), received = received_from(to, ranks, s);
    if (received > sent) {
        snprintf(sentence, size, "cut %u: rank %u has received message %u of rank %u, not sent yet",
                 from->words[CUT], t, received, s);
        return false;
    }
    for (uint32_t n = received + 1; n <= sent; n++) {
        uint32_t found = times_found(to, ranks, s, t, n);
        found += s != t ? times_found(from, ranks, s, t, n) : 0;
        if (found == 1)
            continue;
        snprintf(sentence, size, "cut %u: message %u from rank %u to rank %u, in flight, is %s",
                 from->words[CUT], n, s, t, found == 0 ? "in no log" : "kept twice");
        return false;
    }
    *missing += sent - received;
    return true;
}

bool cuts_judge(const struct cuts_record *const *by_rank, uint32_t ranks, char *sentence,
                size_t size)
{
    uint32_t in_flight = 0, kept = 0;
    for (uint32_t s = 0; s < ranks; s++)
        for (uint32_t t = 0; t < ranks; t++)
            if (!channel_fits(by_rank, ranks, s, t, &in_flight, sentence, size))
                return false;
    for (uint32_t i = 0; i < ranks; i++)
        kept += entries(by_rank[i], ranks);
    if (kept != in_flight) {
        snprintf(sentence, size, "cut %u: %u messages are kept, but %u were in flight",
                 by_rank[0]->words[CUT], kept, in_flight);
        return false;
    }
    return times_fit(by_rank, ranks, sentence, size);
}
