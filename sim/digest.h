/* digest.h: the hash of what a run did, over typed records at the waist.
 *
 * A record is (kind, time, node, length, content).  The digest is the sum modulo 2^128 of the
 * XXH3-128 hashes of all records, so it does not depend on the order in which one instant's records
 * are made, on trace, on the kind of event queue, or on optimisations inside a model.
 */
#ifndef SIM_DIGEST_H
#define SIM_DIGEST_H

#include "sim/sim.h"

enum sim_waist {
    SIM_WAIST_MESSAGE, /* message delivered to its receiver */
    SIM_WAIST_BLOCK,   /* block request completed */
    SIM_WAIST_FAULT,   /* page fault served */
    SIM_WAIST_THREAD,  /* thread of a node ended and left its CPU; recorded by the models alone */
    SIM_WAIST_PACKET,  /* packet delivered to a direct workload */
    SIM_WAIST_MEASURE, /* value handed to a measure by a program */
    SIM_WAIST_COUNT
};

/* Adds a record: `time` in ps, `content` a hash or the bits of a value.  Constant memory; changes
 * nothing else of the run. */
void sim_waist(struct sim *s, enum sim_waist kind, sim_time time, int64_t node, uint64_t length,
               uint64_t content);
/* 32 hexadecimal digits and a NUL. */
void sim_digest_text(struct sim *s, char out[33]);
uint64_t sim_digest_records(struct sim *s, enum sim_waist kind);

#endif
