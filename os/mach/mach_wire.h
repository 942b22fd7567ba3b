/* mach_wire.h: a kernel message as bytes, and back.
 *
 * For the protocols that carry messages between nodes.  What a right is on the wire is theirs: this
 * knows no accounting.  They fill one struct mach_wire_right for each right of a message, and give
 * the message that came its rights by what they read there.
 *
 *   WIRE1  What is put and got again is the same message: ids, sizes, items and bytes.
 *   WIRE2  Whatever bytes come, get reads none outside of them, makes no more memory than they are
 *       long, and tells what is wrong; then nothing is left of the message.
 *   WIRE3  Data is never copied: the bytes share the leaves of the message's ropes.
 *
 * Image, big-endian, packed:
 *   0   u8   version: 1
 *   1   u8   items
 *   2   u16  flags: the protocol's own
 *   4   u32  id
 *   8   u32  size of the message as tasks see it
 *  12   u32  rights: destination and reply first, then those of the items in order
 *  16   u64  bytes of data
 *  24   items, 16 bytes each:  u32 type; u32 rights; u64 bytes of data
 *       rights, 20 bytes each: u64 uid; u32 node; u32 word; u8 kind; 3 x 0
 *       data of the items, one behind the other
 * The top bit of a type (MACH_WIRE_MEMORY): the data is memory out of line, whose bytes alone
 * travel, and begin a page where they arrive.
 */
#ifndef OS_MACH_MACH_WIRE_H
#define OS_MACH_MACH_WIRE_H

#include "os/mach/mach_net.h"

#define MACH_WIRE_HEADER 24
#define MACH_WIRE_ITEM 16
#define MACH_WIRE_RIGHT 20
#define MACH_WIRE_MEMORY 0x80000000u

struct mach_wire_right {
    uint64_t uid;  /* which port; of NONE and DEAD: 0 */
    uint32_t node; /* the protocol's own: where the port is, say */
    uint32_t word; /* the protocol's own: a count, say */
    enum mach_held_kind kind;
};

struct mach_wire { /* one that came */
    struct mach_kmsg *k;
    struct mach_wire_right *rights; /* in the kernel's heap */
    uint32_t count;
    uint16_t flags;
};

enum mach_wire_status {
    MACH_WIRE_OK,
    MACH_WIRE_SHORT,   /* it ends before what it says it has */
    MACH_WIRE_VERSION, /* another version, or what must be 0 is not */
    MACH_WIRE_ITEMS,   /* more items than a message may have */
    MACH_WIRE_TYPE,    /* an item of no type that there is, or with both rights and data */
    MACH_WIRE_RIGHTS,  /* the rights are not as many as its items have */
    MACH_WIRE_KIND,    /* a right of no kind that there is, or not of its item's */
    MACH_WIRE_DEST,    /* the destination is no send or send-once right, or the reply no right */
    MACH_WIRE_DATA,    /* the data is not as long as that of its items */
    MACH_WIRE_SIZE,    /* the size is not that of what it has */
    MACH_WIRE_STATUS_COUNT
};
const char *mach_wire_status_name(enum mach_wire_status s); /* in words; static */

/* Rights of a message, its destination and reply included: at least 2. */
uint32_t mach_wire_rights(const struct mach_kmsg *k);
/* The right of that number: 0 the destination, 1 the reply, then those of the items in order. */
struct mach_held *mach_wire_held(struct mach_kmsg *k, uint32_t i);

/* Appends the image of k, which stays as it is, to out.  rights: mach_wire_rights of them. */
void mach_wire_put(const struct mach_kmsg *k, const struct mach_wire_right *rights, uint16_t flags,
                   struct rope *out);
/* Takes one image off the front of `in`.  OK: the message has its items, and all its rights are
 * MACH_HELD_NONE until they are filled in by mach_wire_held; `receives` says whether there will be
 * receive rights among them.  The caller owns *out, and drops what it does not take of it
 * (mach_wire_fini).  Else *out is empty, and `in` is not to be read on. */
enum mach_wire_status mach_wire_get(struct mach *m, struct rope *in,
                                    struct mach_wire *out) MUST_CHECK;
/* Frees its rights' array, and the message if it has not been taken (k set to NULL). */
void mach_wire_fini(struct mach *m, struct mach_wire *w);

#endif
