/* tokens.h: reads a Lua text token by token to learn where each table and each key is written.
 *
 * Lua tables carry no lines.  So every table constructor `{...}` of the text is numbered and
 * wrapped in a call, `__table(n, {...})`, that tells which constructor made which table; the
 * wrapped text has the same lines as the original.  For each constructor the lines of its literal
 * keys are kept, in the order of the text.
 *
 * What is not tracked: keys assigned after the constructor, and tables made by library functions.
 */
#ifndef CLI_LUA_TOKENS_H
#define CLI_LUA_TOKENS_H

#include "sim/base/base.h"

struct tokens_key {
    char *name;    /* NULL: a number */
    int64_t index; /* when name is NULL */
    int line;
};

struct tokens_table {
    int line; /* of its opening brace */
    struct tokens_key *keys;
    size_t key_count;
    uint32_t *sorted; /* the keys by name, then by number, equal ones in the order of the text */
};

struct tokens {
    struct tokens_table *tables;
    size_t table_count;
    char *text; /* the wrapped text */
    size_t text_length;
};

/* The name of the function that the wrapped text calls; numbers start at `first`. */
#define TOKENS_FUNCTION "__table"

/* Reads `text`.  False when it is not well formed as far as this reader sees (Lua's own compiler
 * says why); t is empty then. */
bool tokens_read(struct tokens *t, const char *text, size_t length, size_t first);
void tokens_fini(struct tokens *t);

/* Position of a key among the constructor's literal keys; -1 when it is not there. */
int tokens_find(const struct tokens_table *t, const char *name, int64_t index);

#endif
