/* pcap.c: writes captures. */
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
