/* pcap.h: captures of frames as files that tcpdump and Wireshark read.
 *
 * Classic pcap, big-endian, with times to the nanosecond [draft-ietf-opsawg-pcap]: a header of 24
 * octets, then of each frame a header of 16 and the octets that are kept of it.
 */
#ifndef SIM_BASE_PCAP_H
#define SIM_BASE_PCAP_H

#include <stdio.h>

#include "sim/base/base.h"
#include "sim/base/err.h"
#include "sim/base/time.h"

#define PCAP_MAGIC 0xa1b23c4du  /* times are seconds and nanoseconds */
#define PCAP_SNAPLEN_MAX 262144 /* octets of a frame, the most that readers take */

enum pcap_link {
    PCAP_ETHERNET = 1, /* begins with destination, source and type */
    PCAP_USER0 = 147   /* begins with PCAP_USER_HEADER octets: source and destination, stations */
};
#define PCAP_ETHERNET_HEADER 14
#define PCAP_USER_HEADER 8

/* Begins a file.  What cannot be written is told by who closes it (sim/base/whole.h), here and
 * below. */
void pcap_begin(FILE *f, enum pcap_link link, uint32_t snaplen);
/* Of a frame of `length` octets the first `kept`. */
void pcap_frame(FILE *f, sim_time at, const uint8_t *octets, uint32_t kept, uint32_t length);

/* ---- reading: any of the four kinds of classic pcap, by octet order and by unit of time ---- */

struct pcap_reader {
    const char *name; /* for sentences */
    const uint8_t *data;
    size_t length, at;
    bool little, micro; /* lowest octet first; times to the microsecond */
    uint32_t link;      /* of whatever kind */
};

struct pcap_record {
    size_t offset;         /* of its header in the file */
    uint64_t nanoseconds;  /* since the file's origin */
    uint32_t kept, length; /* octets here; octets that the frame had */
    const uint8_t *octets; /* the first `kept` */
};

/* Reads the file's header from its content, which outlives the reader.  False with a sentence that
 * names the offset, here and below. */
bool pcap_read_begin(struct pcap_reader *r, const char *name, const void *data, size_t length,
                     struct err *e) MUST_CHECK;
/* The next frame; false at the end, too. */
bool pcap_read(struct pcap_reader *r, struct pcap_record *out, struct err *e) MUST_CHECK;

/* Whom a frame is from and to, as the link says it: addresses of six octets, or stations, which are
 * addresses below 2^32.  False: so much of it is not kept, or the link is neither of the two. */
bool pcap_ends(const struct pcap_reader *r, const struct pcap_record *x, uint64_t *from,
               uint64_t *to);
/* To more than one. */
bool pcap_group(const struct pcap_reader *r, uint64_t address);
/* The station that an address of psim's captures names. */
bool pcap_station(const struct pcap_reader *r, uint64_t address, uint32_t *station);

#endif
