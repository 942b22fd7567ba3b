/* program.h: filters of datagrams: a language, the programs that it becomes, and their machine.
 *
 * A filter says of which datagrams of IP it is: "tcp and dst port 5001 and src host 10.1.0.2".  It
 * becomes a program for a machine with an accumulator and an index register, after the BSD packet
 * filter [McCanne & Jacobson, USENIX Winter 1993]; the words are those of pcap-filter.
 *
 *   FILT1  A checked program ends: it jumps forward alone, to instructions that it has, and its
 *       last instruction answers.
 *   FILT2  It looks at the first FILTER_REACH bytes of a datagram; where that ends before, the
 *       answer is no, whatever the program wanted to do with the bytes.
 *   FILT3  A program that is a conjunction of equalities has tests; programs with the same tests
 *       but for the values are of one shape [Yuhara et al. 1994: MPF].
 *
 * A filter is `and`, `or`, `not` (&&, ||, !) and parentheses over
 *   ip, tcp, udp, icmp, proto N, ip proto N (or a name)
 *   [src|dst] host A        [src|dst] net A/N
 *   [tcp|udp] [src|dst] port N, portrange N-N: of the first fragment of a datagram of TCP or UDP
 *   P[o], P[o:n], with & N: n bytes (1, 2, 4) at o of P's header (ip, tcp, udp, icmp), masked;
 *       =, ==, !=, <, <=, >, >= N
 * Numbers may be 0x...
 */
#ifndef OS_PROTO_FILTER_PROGRAM_H
#define OS_PROTO_FILTER_PROGRAM_H

#include "sim/base/base.h"
#include "sim/base/err.h"

#define FILTER_INSNS 128 /* of a program */
#define FILTER_SPAN 128u /* bytes behind the index register, or the front, within which it looks */
#define FILTER_REACH (60u + FILTER_SPAN) /* and in all: the longest header of IP */
#define FILTER_TESTS 8                   /* of a shape */

enum filter_op {
    FILTER_LOAD,    /* A := the `size` bytes at k */
    FILTER_LOAD_AT, /* A := the `size` bytes at X + k */
    FILTER_HEADER,  /* X := 4 * (byte 0 & 15), the length of IP's header; a load, too */
    FILTER_AND,     /* A := A & k */
    FILTER_EQUAL,   /* A == k: jt instructions are left out; else jf */
    FILTER_GREATER, /* A > k */
    FILTER_LEAST,   /* A >= k */
    FILTER_SET,     /* A & k */
    FILTER_ANSWER,  /* k: 1 yes, 0 no */
    FILTER_OPS
};

struct filter_insn {
    uint8_t op, size, jt, jf; /* size: 1, 2, 4 of loads, else 0 */
    uint32_t k;
};

struct filter_program {
    uint8_t priority; /* of filters that are met the highest has it, and of these the oldest */
    uint8_t count;
    struct filter_insn insn[FILTER_INSNS];
};
#define FILTER_STATIC 0     /* priority: of a filter of the configuration */
#define FILTER_OF_SESSION 1 /* of one session's */

/* The program of a filter, of priority FILTER_STATIC.  False with a sentence that begins with `at`,
 * its place: what is wrong, what is allowed. */
bool filter_compile(const char *text, struct filter_program *out, const char *at,
                    struct err *e) MUST_CHECK;
/* What a session of TCP (6) or UDP (17) receives: that, of priority FILTER_OF_SESSION.  Peer's port
 * 0: what a port receives, from whomever. */
void filter_session(struct filter_program *out, uint8_t protocol, uint32_t my_address,
                    uint16_t my_port, uint32_t peer_address, uint16_t peer_port);

/* FILT1, FILT2: may it be run? */
bool filter_check(const struct filter_program *p) MUST_CHECK;
/* Runs a checked one on a datagram of which the first `length` bytes are at hand: all, or
 * FILTER_REACH.  Adds to *steps how many instructions that took. */
bool filter_run(const struct filter_program *p, const uint8_t *bytes, uint32_t length,
                uint64_t *steps);

/* A test of a conjunction: the masked bytes there are equal to a value. */
struct filter_test {
    uint8_t behind, size; /* behind: at X + offset, else at offset */
    uint16_t offset;
    uint32_t mask, value;
};
/* The tests of a checked program, in an order that is the same for all of one shape; false: it is
 * no conjunction of one to FILTER_TESTS equalities (FILT3). */
bool filter_tests(const struct filter_program *p, struct filter_test out[FILTER_TESTS],
                  uint32_t *count);
/* What is tested there, masked; false: the datagram ends before. */
bool filter_field(const struct filter_test *t, const uint8_t *bytes, uint32_t length,
                  uint32_t *out);

/* The wire image of a program: priority, count, and 8 bytes an instruction, big-endian. */
#define FILTER_WIRE(count) (2u + 8u * (count))
uint32_t filter_store(uint8_t out[FILTER_WIRE(FILTER_INSNS)], const struct filter_program *p);
/* False: it is none, or may not be run (filter_check). */
bool filter_load(struct filter_program *p, const uint8_t *in, uint32_t length) MUST_CHECK;

#endif
