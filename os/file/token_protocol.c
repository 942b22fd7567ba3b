/* token_protocol.c: see token_protocol.h. */
#include "os/file/token_protocol.h"

/* ---- file ---- */

static struct token_range all_of(const void *params, struct token_range r)
{
    (void)params, (void)r;
    return TOKEN_ALL;
}

static struct token_range all_goes(const void *params, struct token_range asked,
                                   struct token_range last)
{
    (void)params, (void)asked, (void)last;
    return TOKEN_ALL;
}

static const struct token_protocol_ops file_protocol = {
    .kind = { .name = "file", .doc = "A token is of a whole file." },
    .need = all_of,
    .want = all_of,
    .yields = all_goes,
};

/* ---- range ---- */

struct range_params {
    int64_t block;
    bool widen;
};
static const struct param range_params[] = {
    P_SIZE(range_params, block, "4KiB", "1B", "1GiB",
           "Ranges are of whole blocks: that of the cache below, or a block is with two nodes.",
           "ASSUMED(a page)"),
    P_BOOL(
        range_params, widen, "true",
        "A range is taken with all that nobody else has, and goes with all behind it; or alone."),
    P_END,
};

static struct token_range whole_blocks(const void *params, struct token_range r)
{
    uint64_t block = (uint64_t)((const struct range_params *)params)->block;
    if (r.lo >= r.hi)
        return r;
    uint64_t hi = r.hi > TOKEN_END - block ? TOKEN_END : (r.hi + block - 1) / block * block;
    return (struct token_range){ r.lo / block * block, hi };
}

static struct token_range widely(const void *params, struct token_range need)
{
    return ((const struct range_params *)params)->widen ? TOKEN_ALL : need;
}

static struct token_range far_side(const void *params, struct token_range asked,
                                   struct token_range last)
{
    const struct range_params *p = params;
    if (p->widen && last.hi <= asked.lo)
        asked.hi = TOKEN_END;
    else if (p->widen && last.lo >= asked.hi)
        asked.lo = 0;
    return asked;
}

static const struct token_protocol_ops range_protocol = {
    .kind = { .name = "range",
              .doc = "A token is of a range of bytes, as wide as nobody minds.",
              .params = range_params,
              .params_size = sizeof(struct range_params) },
    .need = whole_blocks,
    .want = widely,
    .yields = far_side,
};

static const struct kind *const protocols[] = { &file_protocol.kind, &range_protocol.kind, NULL };
const struct kind_set token_protocols = { "sharing-protocol", "protocol of the layer token",
                                          protocols };
