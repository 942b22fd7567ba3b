/* cuts_check.h: judges cuts by what programs have sent and received, and knows of nothing below.
 *
 * Each rank keeps its own history: a number for each message to each other, and a vector time
 * [Mattern 1989] that goes with every message.  When it is saved for a cut it makes a record; what
 * is logged for the cut, and what the layer below has of it when it is saved, is added by number.
 *   CHECK1  No rank has received what its sender, at the cut, had not sent: by the numbers, and by
 *       the vector times (no rank knows more of another than that one had done).
 *   CHECK2  Each message that was sent and not received at the cut is in the records once.
 */
#ifndef WORKLOADS_MSG_CUTS_CHECK_H
#define WORKLOADS_MSG_CUTS_CHECK_H

#include "os/port.h"

struct cuts_history {
    struct port *port;
    uint32_t ranks, me;
    uint32_t *clock, *sent, *received; /* by rank */
};

/* Of rank `me`; in the heap of p's task. */
void cuts_history_init(struct cuts_history *h, struct port *p, uint32_t ranks, uint32_t me);

/* What stands in front of a message: cuts_stamp_bytes(ranks) of them. */
size_t cuts_stamp_bytes(uint32_t ranks);
void cuts_sent(struct cuts_history *h, uint32_t to, struct rope *out); /* appends the stamp */
/* False: it is no message of these programs, or not the next from that rank. */
bool cuts_received(struct cuts_history *h, uint32_t from, const struct rope *message,
                   uint64_t offset) MUST_CHECK;
uint32_t cuts_number(const struct rope *message, uint64_t offset); /* of a message in a log */

/* Where a message is that was sent and not received. */
enum cuts_where { CUTS_LOGGED, CUTS_ARRIVED, CUTS_TO_GO };

struct cuts_record {
    struct port *port;
    uint32_t *words; /* cut, rank, clock, sent, received; then { where, from, to, number } ... */
    uint32_t count, room;
};
/* Of the rank's present state. */
void cuts_record_make(struct cuts_record *r, const struct cuts_history *h, uint32_t cut);
void cuts_record_add(struct cuts_record *r, enum cuts_where where, uint32_t from, uint32_t to,
                     uint32_t number);
uint32_t cuts_record_cut(const struct cuts_record *r);
void cuts_record_free(struct cuts_record *r);
void cuts_record_write(const struct cuts_record *r, struct rope *out);
void cuts_record_read(struct cuts_record *r, struct port *p, const struct rope *in);

/* Records of one cut, by rank.  False with a sentence. */
bool cuts_judge(const struct cuts_record *const *by_rank, uint32_t ranks, char *sentence,
                size_t size);

#endif
