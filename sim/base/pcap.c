/* pcap.c: writes captures, and reads them. */
#include "sim/base/pcap.h"

static void put(uint8_t *to, uint32_t v)
{
    for (int i = 0; i < 4; i++)
        to[i] = (uint8_t)(v >> (24 - 8 * i));
}

void pcap_begin(FILE *f, enum pcap_link link, uint32_t snaplen)
{
    uint8_t h[24] = { [5] = 2, [7] = 4 }; /* version 2.4, times as they are */
    put(h, PCAP_MAGIC);
    put(h + 16, snaplen);
    put(h + 20, (uint32_t)link);
    (void)!fwrite(h, 1, sizeof h, f);
}

void pcap_frame(FILE *f, sim_time at, const uint8_t *octets, uint32_t kept, uint32_t length)
{
    uint8_t h[16];
    ASSERT(kept <= length && kept <= PCAP_SNAPLEN_MAX && at >= 0);
    put(h, (uint32_t)(at / SIM_SEC));
    put(h + 4, (uint32_t)(at % SIM_SEC / SIM_NS));
    put(h + 8, kept);
    put(h + 12, length);
    (void)!fwrite(h, 1, sizeof h, f);
    (void)!fwrite(octets, 1, kept, f);
}

/* ---- reading ---- */

#define MAGIC_MICRO 0xa1b2c3d4u
#define MAGIC_PCAPNG 0x0a0d0d0au /* the same in either order */
#define FILE_HEADER 24
#define RECORD_HEADER 16

static uint32_t get(const struct pcap_reader *r, size_t at)
{
    uint32_t v = 0;
    for (size_t i = 0; i < 4; i++)
        v = v << 8 | r->data[at + (r->little ? 3 - i : i)];
    return v;
}

bool pcap_read_begin(struct pcap_reader *r, const char *name, const void *data, size_t length,
                     struct err *e)
{
    *r = (struct pcap_reader){ .name = name, .data = data, .length = length };
    if (length < FILE_HEADER)
        return err_set(e, "%s: offset 0: a capture begins with %d octets, this file has %zu", name,
                       FILE_HEADER, length);
    if (get(r, 0) == MAGIC_PCAPNG)
        return err_set(e,
                       "%s: offset 0: this is pcapng; only classic pcap is read (editcap -F "
                       "nsecpcap makes it)",
                       name);
    r->little = get(r, 0) != PCAP_MAGIC && get(r, 0) != MAGIC_MICRO;
    r->micro = get(r, 0) == MAGIC_MICRO;
    if (!r->micro && get(r, 0) != PCAP_MAGIC)
        return err_set(e, "%s: offset 0: no magic number of classic pcap", name);
    uint32_t version = get(r, 4), major = r->little ? version & 0xffff : version >> 16;
    if (major != 2)
        return err_set(e, "%s: offset 4: version %u, only 2 is read", name, major);
    r->link = get(r, 20) & 0xffff; /* above them: of check sequences, none of which is kept */
    if (get(r, 20) >> 28 != 0)
        return err_set(e, "%s: offset 20: frames with their check sequences are not read", name);
    r->at = FILE_HEADER;
    return true;
}

bool pcap_read(struct pcap_reader *r, struct pcap_record *out, struct err *e)
{
    size_t rest = r->length - r->at, at = r->at;
    if (rest == 0)
        return false;
    if (rest < RECORD_HEADER)
        return err_set(e, "%s: offset %zu: a frame's header has %d octets, and only %zu follow",
                       r->name, at, RECORD_HEADER, rest);
    uint32_t fraction = get(r, at + 4), unit = r->micro ? 1000 : 1;
    *out = (struct pcap_record){ .offset = at,
                                 .nanoseconds =
                                     get(r, at) * (uint64_t)1000000000 + (uint64_t)fraction * unit,
                                 .kept = get(r, at + 8),
                                 .length = get(r, at + 12),
                                 .octets = r->data + at + RECORD_HEADER };
    if (fraction >= 1000000000 / unit)
        return err_set(e, "%s: offset %zu: %u is no part of a second", r->name, at + 4, fraction);
    if (out->kept > out->length || out->kept > PCAP_SNAPLEN_MAX)
        return err_set(e, "%s: offset %zu: %u octets are kept of a frame of %u", r->name, at + 8,
                       out->kept, out->length);
    if (out->kept > rest - RECORD_HEADER)
        return err_set(e, "%s: offset %zu: %u octets of a frame, and only %zu follow", r->name,
                       at + 8, out->kept, rest - RECORD_HEADER);
    r->at += RECORD_HEADER + out->kept;
    return true;
}

/* ---- ends ---- */

#define ADDRESS 6
#define GROUP (UINT64_C(1) << 40)
#define OWN_BITS (UINT64_C(0x0200) << 32) /* 02:00, then the station */

static uint64_t number_at(const uint8_t *at, uint32_t octets)
{
    uint64_t v = 0;
    for (uint32_t i = 0; i < octets; i++)
        v = v << 8 | at[i];
    return v;
}

bool pcap_ends(const struct pcap_reader *r, const struct pcap_record *x, uint64_t *from,
               uint64_t *to)
{
    bool ethernet = r->link == PCAP_ETHERNET;
    if ((!ethernet && r->link != PCAP_USER0) ||
        x->kept < (ethernet ? PCAP_ETHERNET_HEADER : PCAP_USER_HEADER))
        return false;
    *from = ethernet ? number_at(x->octets + ADDRESS, ADDRESS) : number_at(x->octets, 4);
    *to = ethernet ? number_at(x->octets, ADDRESS) : number_at(x->octets + 4, 4);
    return true;
}

bool pcap_group(const struct pcap_reader *r, uint64_t address)
{
    return r->link == PCAP_ETHERNET ? (address & GROUP) != 0 : address == UINT32_MAX;
}

bool pcap_station(const struct pcap_reader *r, uint64_t address, uint32_t *station)
{
    *station = (uint32_t)address;
    return r->link != PCAP_ETHERNET || address >> 32 == OWN_BITS >> 32;
}
