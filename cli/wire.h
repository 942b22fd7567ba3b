/* wire.h: plain data through a pipe: a growing buffer written on one side, a checked reader on the
 * other.
 *
 * Numbers are little-endian; text is a 32-bit length and its bytes.  The reader never trusts its
 * input: past the end, or after a bad length, it yields zeros and empty text and `bad` stays set,
 * so a caller checks once at the end.
 */
#ifndef CLI_WIRE_H
#define CLI_WIRE_H

#include "sim/base/base.h"
#include "sim/base/val.h"

struct wire {
    uint8_t *data; /* heap; NULL while empty */
    size_t length, capacity;
    const char *file; /* of the value before in a tree */
};

void wire_init(struct wire *w); /* empty */
void wire_fini(struct wire *w); /* frees the buffer; empty afterwards */
/* Each appends; memory that is out ends the process. */
void wire_bytes(struct wire *w, const void *bytes, size_t len);
void wire_u8(struct wire *w, uint8_t v);
void wire_u32(struct wire *w, uint32_t v);
void wire_u64(struct wire *w, uint64_t v);
void wire_double(struct wire *w, double v);
void wire_text(struct wire *w, const char *s);      /* NULL travels as NULL */
void wire_val(struct wire *w, const struct val *v); /* the whole tree, with its lines and files */

struct wire_reader {
    const uint8_t *data;
    size_t length, at;
    const char *file; /* of the value before in a tree */
    bool bad;
};

/* Reads from the start of `data`, which stays the caller's and must outlive the reader. */
void wire_reader_init(struct wire_reader *r, const void *data, size_t length);
/* Each takes the next value; 0 once the input is bad. */
uint8_t wire_get_u8(struct wire_reader *r);
uint32_t wire_get_u32(struct wire_reader *r);
uint64_t wire_get_u64(struct wire_reader *r);
double wire_get_double(struct wire_reader *r);
char *wire_get_text(struct wire_reader *r); /* heap, or NULL */
/* Depth and the members of one table are limited, so that no input costs more than its length. */
enum { WIRE_DEPTH = 64, WIRE_MEMBERS = 4096 };
/* A tree that the caller frees, or NULL with r->bad set. */
struct val *wire_get_val(struct wire_reader *r);

/* Writes all of it to a descriptor, over EINTR and short writes.  False: errno. */
bool wire_send(int fd, const void *data, size_t length);
/* Reads exactly that much; false: the end, or an error. */
bool wire_receive(int fd, void *data, size_t length);

#endif
