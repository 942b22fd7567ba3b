/* bytes.h: bytes of a rank's store in memory, in chunks of slices that are shared. */
#ifndef OS_CKPT_BYTES_H
#define OS_CKPT_BYTES_H

#include "os/port.h"
#include "sim/base/rope.h"

#define BYTES_CHUNK 4096u

struct bytes {
    struct rope *chunks;
    uint64_t count;
    uint64_t held; /* that its chunks have */
};

/* They are there from now on, and their leaves are shared. */
void bytes_put(struct port *p, struct bytes *b, uint64_t at, const struct rope *data);
/* Appends what was written there, up to the first byte that nobody wrote. */
void bytes_get(struct port *p, const struct bytes *b, uint64_t at, uint64_t length,
               struct rope *out);
/* The same to the end, with zeros where nobody wrote; of no cost. */
void bytes_peek(const struct bytes *b, uint64_t at, uint64_t length, struct rope *out);
/* The most by which a put there makes it larger. */
uint64_t bytes_growth(const struct bytes *b, uint64_t at, uint64_t length);
uint64_t bytes_end(const struct bytes *b);         /* no byte from here on was written */
void bytes_clear(struct port *p, struct bytes *b); /* nothing was ever written */

#endif
