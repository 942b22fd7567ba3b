/* pcap_index.h: a capture, looked through once: whose frames stand where (docs/captures.md). */
#ifndef WORKLOADS_PCAP_INDEX_H
#define WORKLOADS_PCAP_INDEX_H

#include "sim/base/err.h"
#include "sim/base/pcap.h"

struct input; /* sim/input.h */

#define PCAP_STATIONS 65536 /* the most that a file may have: nodes of a machine */
#define PCAP_TO_ALL UINT32_MAX

/* The frames of one station: `count` of `offsets` from `first` on. */
struct pcap_source {
    uint32_t station;
    uint64_t first, count;
};

struct pcap_index {
    struct pcap_reader reader;
    uint64_t frames, cut;       /* all; of them those of which the file keeps less than they had */
    uint64_t base, length;      /* ns: of the origin; from there to the last frame */
    uint32_t longest, farthest; /* octets of a frame, as it is sent; station that one is for */
    size_t longest_at, farthest_at; /* their offsets */
    struct pcap_source *sources;    /* by station */
    uint32_t source_count;
    size_t *offsets; /* by source, then in the order of the file */
    uint64_t *known; /* addresses by station, where the file numbers them; NULL: it does not */
    uint32_t known_count, *hashed; /* of `known`: 1 + station, by address; 0: none */
};

struct pcap_choice {
    bool seen;       /* stations are addresses, numbered in the order in which they are seen */
    bool zero;       /* the origin is the file's, not its first frame */
    int64_t only;    /* frames of this station; below 0: of all */
    int64_t sent_by; /* all are this station's; below 0: each is its own */
};

/* Reads it all; the content outlives the index.  False with a sentence that names the offset. */
bool pcap_index_read(struct pcap_index *x, const struct input *in, const struct pcap_choice *c,
                     struct err *e) MUST_CHECK;
void pcap_index_free(struct pcap_index *x); /* one that was never read is fine, zeroed */

/* The frame at that offset: its record, which of its octets come before what is sent, and the
 * station that it is for, or PCAP_TO_ALL. */
void pcap_index_frame(const struct pcap_index *x, size_t offset, struct pcap_record *out,
                      uint32_t *skipped, uint32_t *to);

#endif
