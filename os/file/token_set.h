/* token_set.h: ranges of bytes of a file, each with a mode: what a node may do with them.
 *
 * A set is an array of pieces, rising, apart; what no piece has is TOKEN_NONE.  Of a byte the stamp
 * says with which grant it came last.  Memory is the task's.
 * Who calls it: the layer TOKEN and its server, see token.h.
 */
#ifndef OS_FILE_TOKEN_SET_H
#define OS_FILE_TOKEN_SET_H

#include "os/port.h"

enum token_mode { TOKEN_NONE, TOKEN_READ, TOKEN_WRITE };

/* Behind the last byte of any file: a range up to here has where the file ends. */
#define TOKEN_END (UINT64_C(1) << 62)

struct token_range { /* [lo, hi) */
    uint64_t lo, hi;
};
/* They have a byte in common. */
static inline bool token_overlap(struct token_range a, struct token_range b)
{
    return a.lo < b.hi && b.lo < a.hi && a.lo < a.hi && b.lo < b.hi;
}
#define TOKEN_ALL ((struct token_range){ 0, TOKEN_END })

/* Of a list at most so many ranges; ASSUMED(a few are enough: what has more is its span). */
enum { TOKEN_LIST = 8 };
struct token_ranges { /* rising, apart */
    uint32_t count;
    struct token_range at[TOKEN_LIST];
};
/* That one alone. */
static inline struct token_ranges token_one(struct token_range r)
{
    return (struct token_ranges){ .count = 1, .at = { r } };
}
/* Some of these has a byte of it. */
static inline bool token_ranges_meet(const struct token_ranges *x, struct token_range r)
{
    for (uint32_t i = 0; i < x->count; i++)
        if (token_overlap(x->at[i], r))
            return true;
    return false;
}
/* One more, which may meet the others.  False: there is no room. */
bool token_ranges_add(struct token_ranges *x, struct token_range r);

struct token_piece {
    struct token_range r;
    enum token_mode mode; /* never TOKEN_NONE */
    uint64_t stamp;
};

struct token_set { /* zeroed: empty */
    struct token_piece *at;
    uint32_t count;
};

/* The range has the mode, or more where it had that; the stamp it has in any case. */
void token_set_raise(struct port *p, struct token_set *s, struct token_range r,
                     enum token_mode mode, uint64_t stamp);
/* The range has the mode or less, but for what came with a later grant than `stamp`. */
void token_set_lower(struct port *p, struct token_set *s, struct token_range r,
                     enum token_mode mode, uint64_t stamp);
void token_set_clear(struct port *p, struct token_set *s);
/* Every byte of the range has the mode, or more. */
bool token_set_has(const struct token_set *s, struct token_range r, enum token_mode mode);
/* Some byte of the range has more than that. */
bool token_set_over(const struct token_set *s, struct token_range r, enum token_mode mode);
/* Who wants the range so cannot have it beside this set. */
static inline bool token_set_bars(const struct token_set *s, struct token_range r,
                                  enum token_mode mode)
{
    return token_set_over(s, r, mode == TOKEN_WRITE ? TOKEN_NONE : TOKEN_READ);
}

#endif
