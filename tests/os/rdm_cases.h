/* rdm_cases.h: what is asked of every transport that stands in RDM's place: below the probe of
 * xk_rig.h messages that have numbers go from node to node, and what a node has got is a front part
 * of what was sent to it.
 */
#ifndef TESTS_OS_RDM_CASES_H
#define TESTS_OS_RDM_CASES_H

#include "tests/os/xk_rig.h"

/* Lengths by number: none, one byte, a part of a frame, several frames. */
static inline uint64_t numbered_length(uint64_t i)
{
    return i % 50 == 0 ? 0 : i % 5 == 0 ? 1 : i * 37 % 900;
}
bool numbered_is(const struct probe_got *g, uint64_t i);
/* Sends message i; false: busy, or nobody is there. */
bool numbered_send(struct rig *r, uint32_t from, uint32_t to, uint64_t i);
/* Nodes 0 and 1 send each other 0 .. n-1, as far as there is room after each few steps; `each`, if
 * any, is called after each of these turns. */
void numbered_both_ways(struct rig *r, uint64_t n,
                        void (*each)(struct rig *r, uint64_t turn, void *arg), void *arg);
/* Node has got 0 .. n-1 and no more. */
void numbered_all_came(struct rig *r, uint32_t node, uint64_t n);

/* A frame takes 8 ms, and the timer is longer where the link says how slow it is: nothing goes
 * again then, by that counter.  Without, it does. */
void rdm_cases_slow_link(const char *graph, const char *resent);
/* Three messages, with a frame lost, doubled, or both and timers at any time, in every order. */
void rdm_cases_orders(const char *graph);
/* In a rig that has started messages go from node 0 to node 1; `steps` later `victim`, one of the
 * two, dies and comes back at once: nothing of its lives is mixed, and the next message arrives.
 * Stops the rig. */
void rdm_cases_crash(struct rig *r, uint64_t seed, uint32_t victim, uint64_t steps);
/* That of both nodes on the mesh, for so many seeds; on three of four of them frames are lost. */
void rdm_cases_crashes(const char *graph, uint64_t seeds);

#endif
