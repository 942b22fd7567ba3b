/* bytes.c: bytes in memory by offset. */
#include "os/ckpt/bytes.h"

static void grow(struct port *p, struct bytes *b, uint64_t chunks)
{
    uint64_t count = b->count ? b->count : 16;
    if (chunks <= b->count)
        return;
    while (count < chunks)
        count *= 2;
    struct rope *more = port_alloc(p, count * sizeof *more);
    for (uint64_t k = 0; k < count; k++) {
        rope_init(&more[k]);
        if (k < b->count)
            rope_join(&more[k], &b->chunks[k]);
    }
    port_free(p, b->chunks);
    b->chunks = more;
    b->count = count;
}

void bytes_put(struct port *p, struct bytes *b, uint64_t at, const struct rope *data)
{
    port_work(p, PORT_WORK_COPY, data->length);
    grow(p, b, (at + data->length + BYTES_CHUNK - 1) / BYTES_CHUNK);
    for (uint64_t done = 0; done < data->length;) {
        struct rope *chunk = &b->chunks[(at + done) / BYTES_CHUNK], next;
        uint64_t in = (at + done) % BYTES_CHUNK, n = BYTES_CHUNK - in, before = chunk->length;
        n = n < data->length - done ? n : data->length - done;
        rope_init(&next);
        if (chunk->length < in)
            rope_add_zero(chunk, in - chunk->length);
        rope_add_slice(&next, chunk, 0, in);
        rope_add_slice(&next, data, done, n);
        if (chunk->length > in + n)
            rope_add_slice(&next, chunk, in + n, chunk->length - in - n);
        rope_fini(chunk);
        rope_move(chunk, &next);
        b->held += chunk->length - before;
        done += n;
    }
}

void bytes_get(struct port *p, const struct bytes *b, uint64_t at, uint64_t length,
               struct rope *out)
{
    while (length > 0 && at / BYTES_CHUNK < b->count) {
        const struct rope *chunk = &b->chunks[at / BYTES_CHUNK];
        uint64_t in = at % BYTES_CHUNK, n = BYTES_CHUNK - in < length ? BYTES_CHUNK - in : length;
        if (chunk->length < in + n)
            break;
        rope_add_slice(out, chunk, in, n);
        at += n;
        length -= n;
    }
    port_work(p, PORT_WORK_COPY, out->length);
}

void bytes_peek(const struct bytes *b, uint64_t at, uint64_t length, struct rope *out)
{
    while (length > 0) {
        uint64_t in = at % BYTES_CHUNK, n = BYTES_CHUNK - in < length ? BYTES_CHUNK - in : length;
        uint64_t there = at / BYTES_CHUNK < b->count ? b->chunks[at / BYTES_CHUNK].length : 0;
        uint64_t some = there <= in ? 0 : there - in < n ? there - in : n;
        if (some > 0)
            rope_add_slice(out, &b->chunks[at / BYTES_CHUNK], in, some);
        if (some < n)
            rope_add_zero(out, n - some);
        at += n;
        length -= n;
    }
}

uint64_t bytes_growth(const struct bytes *b, uint64_t at, uint64_t length)
{
    uint64_t more = 0;
    for (uint64_t end = at + length; at < end;) {
        uint64_t k = at / BYTES_CHUNK,
                 next = (k + 1) * BYTES_CHUNK < end ? (k + 1) * BYTES_CHUNK : end;
        uint64_t there = k < b->count ? b->chunks[k].length : 0;
        uint64_t then = next - k * BYTES_CHUNK;
        more += then > there ? then - there : 0;
        at = next;
    }
    return more;
}

uint64_t bytes_end(const struct bytes *b)
{
    uint64_t k = b->count;
    while (k > 0 && b->chunks[k - 1].length == 0)
        k--;
    return k > 0 ? (k - 1) * BYTES_CHUNK + b->chunks[k - 1].length : 0;
}

void bytes_clear(struct port *p, struct bytes *b)
{
    for (uint64_t k = 0; k < b->count; k++)
        rope_fini(&b->chunks[k]);
    port_free(p, b->chunks);
    *b = (struct bytes){ .count = 0 };
}
