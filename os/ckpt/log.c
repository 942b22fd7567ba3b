/* log.c: messages that are in flight at a cut, as the last part of a rank's image.
 *
 * Big-endian, in the order in which they were logged; each: u8 1: this rank has sent it, and it had
 * not gone (0: it comes to this rank); u32 the other rank, u32 key, u64 length, data.
 */
#include "os/ckpt/ckpt_internal.h"

#define ENTRY_BYTES 17u

void ckpt_log_add(struct ckpt *c, const struct cut_message *m)
{
    uint8_t wire[ENTRY_BYTES] = { m->unsent };
    struct rope *log = &c->save.log;
    wire_put32(wire + 1, m->unsent ? m->to : m->from);
    wire_put32(wire + 5, m->key);
    wire_put64(wire + 9, m->data->length);
    rope_add_bytes(log, wire, sizeof wire);
    rope_add_slice(log, m->data, 0, m->data->length);
    c->counts.logged++;
    c->counts.logged_bytes += m->data->length;
}

bool ckpt_log_replay(struct ckpt *c, struct rope *log)
{
    bool good = true;
    while (good && log->length > 0) {
        uint8_t wire[ENTRY_BYTES];
        struct rope message;
        if (log->length < sizeof wire)
            return false;
        rope_take_front(log, sizeof wire, wire);
        uint64_t length = wire_get64(wire + 9);
        uint32_t other = wire_get32(wire + 1), key = wire_get32(wire + 5);
        if (length > log->length || wire[0] > 1 || key > 1)
            return false;
        rope_init(&message);
        rope_add_slice(&message, log, 0, length);
        rope_drop_front(log, length);
        good = wire[0] ? nx_resend(c->nx, other, key, &message)
                       : nx_replay(c->nx, other, key, &message);
        rope_fini(&message);
        c->counts.resent += wire[0];
        c->counts.replayed += !wire[0];
    }
    return good;
}
