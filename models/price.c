/* price.c: the price list: descriptors and the one formula.
 *
 * The formula is evaluated in 64 bits where it fits, else in 128; both give the same number.
 */
#include "models/price.h"

#define MILLION 1000000

/* Wide enough for amount * 1e12 * scale. */
__extension__ typedef unsigned __int128 wide;

/* One price, as a table { fixed =, each =, rate = }. */
static const struct param price_params[] = {
    P_TIME(price, fixed, "0", "0", NULL, "Time each time that the work is named.",
           "ASSUMED(a price that no machine file gives is zero)"),
    P_TIME(price, each, "0", "0", NULL, "Time for each unit of the amount.",
           "ASSUMED(a price that no machine file gives is zero)"),
    P_RATE(price, rate, "0", "0", NULL,
           "Amount that is worked through in a second; 0: no part per byte.",
           "ASSUMED(a price that no machine file gives is zero)"),
    P_END,
};

#define PRICE(kind, key, text)                                                                     \
    {                                                                                              \
        .name = key, .type = PARAM_TABLE, .offset = offsetof(struct price_list, of[kind]),         \
        .sub = price_params, .doc = text                                                           \
    }

const struct param price_list_params[] = {
    P_REAL(
        price_list, scale, "1", "0", "1000",
        "Multiplies every price, in millionths: 2 is a machine whose software takes twice as long.",
        "ASSUMED(1: the list as it stands)"),
    PRICE(PORT_WORK_COPY, "copy", "Bytes copied by the CPU."),
    PRICE(PORT_WORK_CHECKSUM, "checksum", "Bytes summed."),
    PRICE(PORT_WORK_COPY_SUM, "copy_sum", "Bytes copied and summed in one pass."),
    PRICE(PORT_WORK_XOR, "xor", "Bytes XORed."),
    PRICE(PORT_WORK_TRAP, "trap", "System calls: user to kernel and back."),
    PRICE(PORT_WORK_INTERRUPT, "interrupt",
          "Interrupts taken: a frame or a completion that an application CPU must be told of."),
    PRICE(PORT_WORK_SWITCH, "switch", "Context switches between threads."),
    PRICE(PORT_WORK_CROSS, "cross", "Protection domains crossed by a message."),
    PRICE(PORT_WORK_SEND, "send", "Messages posted by a program's library: fixed send path."),
    PRICE(PORT_WORK_RECEIVE, "receive", "Messages taken for a program: fixed receive path."),
    PRICE(PORT_WORK_FRAME_OUT, "frame_out", "Frames given to a network interface."),
    PRICE(PORT_WORK_FRAME_IN, "frame_in", "Frames taken from a network interface."),
    PRICE(PORT_WORK_FILTER, "filter",
          "Look-ups of a frame that came, to find for whom it is: one a shape of conditions."),
    PRICE(PORT_WORK_FILTER_STEP, "filter_step",
          "Instructions of filters that are run on a datagram that came."),
    PRICE(PORT_WORK_FRAME_BYTES, "frame_bytes",
          "Bytes of frames that the CPU moves between memory and a network interface."),
    PRICE(PORT_WORK_LAYER, "layer", "Passes of a message through a protocol layer."),
    PRICE(PORT_WORK_CHOICE, "choice",
          "Passes of a message through a virtual protocol: one that chooses, and has no header."),
    PRICE(PORT_WORK_SWAP, "swap",
          "Words of four bytes whose bytes are put in the other order, on a node of little-endian "
          "words: of headers, and of numbers that a node of the other order has sent."),
    PRICE(PORT_WORK_LOOKUP, "lookup", "Keys looked up in a map."),
    PRICE(PORT_WORK_TIMER, "timer", "Timers set or cancelled."),
    PRICE(PORT_WORK_ALLOC, "alloc", "Blocks of memory allocated."),
    PRICE(PORT_WORK_MATCH, "match", "Entries compared while a receive is matched."),
    PRICE(PORT_WORK_RPC, "rpc", "Server procedures entered: dispatch and stub."),
    PRICE(PORT_WORK_FILE, "file", "File system operations: fixed part of a request."),
    PRICE(PORT_WORK_CALL, "call", "Layers of files entered: a call through a table."),
    PRICE(PORT_WORK_BLOCK, "block", "File blocks mapped to disk blocks."),
    PRICE(PORT_WORK_IO, "io", "Device requests set up."),
    PRICE(PORT_WORK_MAP, "map", "Pages mapped or reprotected."),
    PRICE(PORT_WORK_UNMAP, "unmap", "Pages taken out of a domain's map."),
    PRICE(PORT_WORK_PROTECT, "protect", "Pages of message buffers whose protection changes."),
    PRICE(PORT_WORK_RANGE, "range",
          "Pages for which a range of addresses is looked for in a domain."),
    PRICE(PORT_WORK_CLEAR, "clear", "Bytes of pages cleared for another domain."),
    PRICE(PORT_WORK_TOUCH, "touch", "Pages touched by a domain that has just got them."),
    PRICE(PORT_WORK_INVALIDATE, "invalidate", "Pages taken from the program that had them."),
    PRICE(PORT_WORK_FAULT, "fault", "Page faults taken."),
    PRICE(PORT_WORK_TWIN, "twin", "Bytes of a page copied to its twin."),
    PRICE(PORT_WORK_DIFF, "diff", "Bytes of a page compared with its twin."),
    PRICE(PORT_WORK_DIFF_OUT, "diff_out", "Bytes of a diff written down."),
    PRICE(PORT_WORK_DIFF_IN, "diff_in", "Bytes of a diff brought into a page."),
    PRICE(PORT_WORK_PACK, "pack", "Bytes compressed."),
    PRICE(PORT_WORK_UNPACK, "unpack", "Bytes made by expanding what was compressed."),
    PRICE(PORT_WORK_FLOP, "flop", "Floating-point operations of a program."),
    PRICE(PORT_WORK_OP, "op", "Simple operations of a program."),
    P_END,
};

void price_list_prepare(struct price_list *l)
{
    l->scale_millionths = (int64_t)(l->scale * MILLION + 0.5);
    for (size_t i = 0; i < ARRAY_LEN(l->of); i++) {
        const struct price *p = &l->of[i];
        l->plain[i] = l->scale_millionths == MILLION && p->rate == 0 &&
                      p->each < (sim_time)1 << 31 && p->fixed < (sim_time)1 << 61;
        l->latest[i].amount = 0;
        l->latest[i].cost = price_cost_any(l, (enum port_work)i, 0);
    }
}

sim_time price_cost_any(const struct price_list *l, enum port_work kind, uint64_t amount)
{
    ASSERT((unsigned)kind < PORT_WORK_COUNT);
    const struct price *p = &l->of[kind];
    uint64_t part, whole;
    bool fits = !__builtin_mul_overflow(amount, (uint64_t)p->each, &part) &&
                !__builtin_add_overflow(part, (uint64_t)p->fixed, &whole) && whole <= INT64_MAX;
    if (fits && l->scale_millionths == MILLION) {
        if (p->rate == 0)
            return (sim_time)whole;
        uint64_t ps, rate = (uint64_t)p->rate, cost;
        if (!__builtin_mul_overflow(amount, (uint64_t)SIM_SEC, &ps) &&
            !__builtin_add_overflow(ps / rate + (ps % rate != 0), whole, &cost) &&
            cost <= INT64_MAX)
            return (sim_time)cost;
    }

    wide sum = (wide)amount * (uint64_t)p->each + (uint64_t)p->fixed; /* below 2^128 */
    if (sum > INT64_MAX)
        return SIM_NEVER;
    wide divisor = MILLION;
    if (p->rate > 0) {
        /* sum and rate are below 2^63; amount * 1e12 below 2^104. */
        sum = sum * (uint64_t)p->rate + (wide)amount * SIM_SEC;
        divisor *= (uint64_t)p->rate;
    }
    /* Scaling may pass 2^128 only where the result is far past 106 days. */
    wide scaled;
    if (__builtin_mul_overflow(sum, (wide)l->scale_millionths, &scaled))
        return SIM_NEVER;
    wide cost = scaled / divisor + (scaled % divisor != 0);
    return cost > INT64_MAX ? SIM_NEVER : (sim_time)cost;
}
