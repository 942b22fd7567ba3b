/* pcap_index.c: see pcap_index.h. */
#include "workloads/pcap_index.h"

#include <stdlib.h>

#include "sim/input.h"

#define HASHED (4 * PCAP_STATIONS) /* a power of two */
#define ETHERTYPE_LOCAL 0x88b5     /* models/capture.c */
#define DRIVER_HEADER 8            /* os/proto/driver: its last four octets say what follows */

/* The station of an address; of one that is new, *at is its place in `hashed`. */
static bool find(const struct pcap_index *x, uint64_t address, uint32_t *station, uint64_t *at)
{
    if (x->known == NULL)
        return pcap_station(&x->reader, address, station) && *station < PCAP_STATIONS;
    *at = (address * UINT64_C(0x9e3779b97f4a7c15)) >> 32 & (HASHED - 1);
    for (; x->hashed[*at] != 0; *at = (*at + 1) & (HASHED - 1)) {
        *station = x->hashed[*at] - 1;
        if (x->known[*station] == address)
            return true;
    }
    return false;
}

/* One that is new gets the next number. */
static bool learn(struct pcap_index *x, const struct pcap_record *r, uint64_t address,
                  const char *what, uint32_t *station, struct err *e)
{
    uint64_t at;
    if (find(x, address, station, &at))
        return true;
    if (x->known == NULL || x->known_count == PCAP_STATIONS)
        return err_set(e, "%s: offset %zu: the %s is no station%s", x->reader.name, r->offset, what,
                       x->known == NULL && x->reader.link == PCAP_ETHERNET
                           ? "; workload.stations = \"seen\" numbers addresses"
                           : "");
    *station = x->known_count++;
    x->known[*station] = address;
    x->hashed[at] = x->known_count;
    return true;
}

/* What the file has before the octets that were sent: its own header, where psim's capture has put
 * one.  That of an Ethernet is told from a frame's by what follows: a header of the driver, which
 * knows its length. */
static uint32_t before(const struct pcap_index *x, const struct pcap_record *r)
{
    const uint8_t *o = r->octets;
    uint32_t header = PCAP_ETHERNET_HEADER;
    if (x->reader.link != PCAP_ETHERNET)
        return PCAP_USER_HEADER;
    if (o[12] != ETHERTYPE_LOCAL >> 8 || o[13] != (ETHERTYPE_LOCAL & 0xff))
        return 0;
    if (r->kept < header + DRIVER_HEADER)
        return r->length < header + DRIVER_HEADER ? 0 : header;
    uint32_t follow = (uint32_t)o[18] << 24 | (uint32_t)o[19] << 16 | (uint32_t)o[20] << 8 | o[21];
    return follow == r->length - header - DRIVER_HEADER ? header : 0;
}

void pcap_index_frame(const struct pcap_index *x, size_t offset, struct pcap_record *out,
                      uint32_t *skipped, uint32_t *to)
{
    struct pcap_reader r = x->reader;
    struct err e = ERR_INIT;
    uint64_t from, address, at;
    r.at = offset;
    bool good = pcap_read(&r, out, &e) && pcap_ends(&r, out, &from, &address);
    *to = PCAP_TO_ALL;
    if (good && !pcap_group(&r, address))
        good = find(x, address, to, &at);
    ASSERT_MSG(good, "the content was looked through before");
    *skipped = before(x, out);
}

/* The next frame is fit; false with a sentence, and at the end.  *mine: it is to be sent, by
 * *source. */
static bool look(struct pcap_index *x, const struct pcap_choice *c, uint64_t *latest, bool *mine,
                 uint32_t *source, struct pcap_record *r, struct err *e)
{
    const char *name = x->reader.name;
    uint64_t from, to;
    uint32_t station = 0;
    if (!pcap_read(&x->reader, r, e))
        return false;
    if (r->nanoseconds < *latest)
        return err_set(e, "%s: offset %zu: the time is before that of the frame before", name,
                       r->offset);
    *latest = r->nanoseconds;
    if (!pcap_ends(&x->reader, r, &from, &to))
        return err_set(e, "%s: offset %zu: %u octets do not have the addresses", name, r->offset,
                       r->kept);
    if (!learn(x, r, from, "source", source, e) ||
        (!pcap_group(&x->reader, to) && !learn(x, r, to, "destination", &station, e)))
        return false;
    *mine = c->only < 0 || *source == c->only;
    *source = c->sent_by >= 0 ? (uint32_t)c->sent_by : *source;
    if (*mine && r->length - before(x, r) > x->longest) {
        x->longest = r->length - before(x, r);
        x->longest_at = r->offset;
    }
    if (*mine && station > x->farthest) {
        x->farthest = station;
        x->farthest_at = r->offset;
    }
    return true;
}

/* All frames, twice: counts those of each station, then notes where they stand. */
static bool look_through(struct pcap_index *x, const struct pcap_choice *c, struct err *e)
{
    struct pcap_reader begin = x->reader;
    uint64_t *count = base_zalloc(PCAP_STATIONS + 1, sizeof *count), latest = 0, all = 0;
    struct pcap_record r;
    uint32_t source;
    bool mine, any = false;
    while (look(x, c, &latest, &mine, &source, &r, e)) {
        if (!any && !c->zero)
            x->base = r.nanoseconds;
        any = true;
        x->length = latest - x->base;
        if (!mine)
            continue;
        count[source + 1]++;
        x->frames++;
        x->cut += r.kept < r.length;
    }
    if (!e->set && x->frames == 0)
        err_set(e, any ? "%s: holds no frame of that station" : "%s: holds no frame",
                x->reader.name);
    for (uint32_t s = 0; !e->set && s < PCAP_STATIONS; s++) {
        if (count[s + 1] > 0) {
            x->sources = base_realloc(x->sources, (x->source_count + 1) * sizeof *x->sources);
            x->sources[x->source_count++] = (struct pcap_source){ s, all, count[s + 1] };
        }
        all += count[s + 1];
        count[s + 1] = all; /* where the next station's begin */
    }
    x->reader = begin;
    latest = 0;
    x->offsets = base_alloc((all + 1) * sizeof *x->offsets);
    while (!e->set && look(x, c, &latest, &mine, &source, &r, e))
        if (mine)
            x->offsets[count[source]++] = r.offset;
    x->reader = begin;
    free(count);
    return !e->set;
}

bool pcap_index_read(struct pcap_index *x, const struct input *in, const struct pcap_choice *c,
                     struct err *e)
{
    *x = (struct pcap_index){ .base = 0 };
    if (!pcap_read_begin(&x->reader, in->shown, in->text, in->length, e))
        return false;
    if (x->reader.link != PCAP_ETHERNET && x->reader.link != PCAP_USER0)
        return err_set(e, "%s: offset 20: link type %u; read are %d (Ethernet) and %d (psim's)",
                       in->shown, x->reader.link, PCAP_ETHERNET, PCAP_USER0);
    if (c->seen && x->reader.link == PCAP_ETHERNET) {
        x->known = base_alloc(PCAP_STATIONS * sizeof *x->known);
        x->hashed = base_zalloc(HASHED, sizeof *x->hashed);
    }
    return look_through(x, c, e);
}

void pcap_index_free(struct pcap_index *x)
{
    free(x->sources);
    free(x->offsets);
    free(x->known);
    free(x->hashed);
    *x = (struct pcap_index){ .frames = 0 };
}
