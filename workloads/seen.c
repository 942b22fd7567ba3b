/* seen.c: see seen.h. */
#include "workloads/seen.h"

#include "os/xk/msg.h" /* wire_put / wire_get */

enum { WORD = 8, OP_BYTES = 40, GATHER = 7001 };

static void store(const struct history_op *op, uint8_t out[OP_BYTES])
{
    wire_put64(out, op->addr);
    wire_put64(out + 8, op->value);
    wire_put64(out + 16, (uint64_t)op->start);
    wire_put64(out + 24, (uint64_t)op->end);
    wire_put32(out + 32, op->node);
    wire_put32(out + 36, op->write);
}

static struct history_op load(const uint8_t in[OP_BYTES])
{
    return (struct history_op){ .addr = wire_get64(in),
                                .value = wire_get64(in + 8),
                                .start = (sim_time)wire_get64(in + 16),
                                .end = (sim_time)wire_get64(in + 24),
                                .node = wire_get32(in + 32),
                                .size = WORD,
                                .write = wire_get32(in + 36) != 0 };
}

/* Somebody will still come. */
static bool awaited(const bool *came, uint32_t ranks, bool (*missing)(void *arg, uint32_t rank),
                    void *arg)
{
    for (uint32_t i = 1; i < ranks; i++)
        if (!came[i] && (missing == NULL || !missing(arg, i)))
            return true;
    return false;
}

/* Reads of what one wrote that has not come go. */
static void leave_out(struct history *h, const bool *came, uint32_t ranks)
{
    uint64_t n = 0;
    for (uint64_t i = 0; i < h->count; i++) {
        const struct history_op *op = &h->ops[i];
        uint64_t by = op->value >> 32; /* rank + 1 */
        if (op->write || by <= 1 || by > ranks || came[by - 1])
            h->ops[n++] = *op;
    }
    h->count = n;
}

uint64_t seen_judge(struct port *p, struct nx *nx, uint32_t rank, uint32_t ranks, uint64_t most,
                    struct history *mine, const char *what,
                    bool (*missing)(void *arg, uint32_t rank), void *arg)
{
    struct history_report report;
    struct rope data;
    uint8_t b[OP_BYTES];
    rope_init(&data);
    for (uint64_t i = 0; i < mine->count && rank > 0; i++) {
        store(&mine->ops[i], b);
        rope_add_bytes(&data, b, sizeof b);
    }
    if (rank > 0) {
        (void)nx_csend(nx, GATHER, &data, 0);
        rope_fini(&data);
        return 0;
    }
    bool *came = port_alloc(p, ranks * sizeof *came);
    while (awaited(came, ranks, missing, arg)) {
        struct nx_info info = nx_crecv(nx, GATHER, most * OP_BYTES, &data);
        if (info.status == NX_OK)
            came[info.node] = true;
        else
            nx_go_on(nx); /* somebody has died */
        while (info.status == NX_OK && data.length >= OP_BYTES) {
            rope_take_front(&data, OP_BYTES, b);
            struct history_op op = load(b);
            history_add(mine, &op);
        }
        rope_fini(&data);
    }
    if (missing != NULL)
        leave_out(mine, came, ranks);
    port_free(p, came);
    if (history_recent(mine, &report) == HISTORY_OK)
        return report.reads + report.writes;
    port_fail(p, "%s: %s", what, report.text);
    return 0;
}
