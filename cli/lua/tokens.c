/* tokens.c: the lexer [Lua 5.4 manual, 3.1], and one pass that follows constructors and blocks. */
#include "cli/lua/tokens.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum token { TOK_END, TOK_NAME, TOK_STRING, TOK_NUMBER, TOK_KEYWORD, TOK_SYMBOL, TOK_BAD };

struct lexer {
    const char *text;
    size_t length, at;
    int line;
    /* the current token */
    enum token kind;
    size_t start, end; /* of the token in the text */
    int token_line;
};

/* What is open: a constructor, a parenthesis or bracket, a block of statements. */
enum open_kind { OPEN_TABLE, OPEN_BRACKET, OPEN_BLOCK };
struct open_item {
    enum open_kind kind;
    size_t table;     /* OPEN_TABLE: index in tables */
    int64_t next;     /* OPEN_TABLE: next positional index */
    bool field_start; /* OPEN_TABLE: a field may begin here */
    bool call;        /* OPEN_TABLE: it is a call's only argument, without parentheses */
};

#define OPEN_MAX 200 /* Lua's own limit on nesting (LUAI_MAXCCALLS) */

struct reader {
    struct lexer lex;
    struct tokens *out;
    size_t capacity, first;
    struct open_item open[OPEN_MAX];
    size_t depth;
    enum token before; /* kind of the token before the current one, */
    char before_char;  /* and its first character */
};

/* Length of a long bracket's opening "[==[" at `at`, or 0; *level gets the number of '='. */
static size_t long_bracket(const struct lexer *x, size_t at, size_t *level)
{
    size_t i = at + 1;
    while (i < x->length && x->text[i] == '=')
        i++;
    if (i >= x->length || x->text[i] != '[')
        return 0;
    *level = i - at - 1;
    return i + 1 - at;
}

/* Moves past the closing "]==]"; false when there is none. */
static bool skip_long(struct lexer *x, size_t level)
{
    for (; x->at < x->length; x->at++) {
        if (x->text[x->at] == '\n')
            x->line++;
        if (x->text[x->at] != ']')
            continue;
        size_t i = x->at + 1, n = 0;
        while (i < x->length && x->text[i] == '=' && n < level) {
            i++;
            n++;
        }
        if (n == level && i < x->length && x->text[i] == ']') {
            x->at = i + 1;
            return true;
        }
    }
    return false;
}

static bool skip_blank(struct lexer *x)
{
    while (x->at < x->length) {
        char c = x->text[x->at];
        if (c == '\n')
            x->line++;
        if (isspace((unsigned char)c)) {
            x->at++;
            continue;
        }
        if (c != '-' || x->at + 1 >= x->length || x->text[x->at + 1] != '-')
            break;
        x->at += 2;
        size_t level, n = 0;
        if (x->at < x->length && x->text[x->at] == '[')
            n = long_bracket(x, x->at, &level);
        if (n > 0) {
            x->at += n;
            if (!skip_long(x, level))
                return false;
        } else {
            while (x->at < x->length && x->text[x->at] != '\n')
                x->at++;
        }
    }
    return true;
}

static bool skip_quoted(struct lexer *x, char quote)
{
    for (x->at++; x->at < x->length; x->at++) {
        char c = x->text[x->at];
        if (c == quote) {
            x->at++;
            return true;
        }
        if (c == '\n')
            return false;
        if (c != '\\')
            continue;
        x->at++;
        if (x->at < x->length && x->text[x->at] == '\n')
            x->line++;
        if (x->at < x->length && x->text[x->at] == 'z') {
            while (x->at + 1 < x->length && isspace((unsigned char)x->text[x->at + 1])) {
                x->at++;
                if (x->text[x->at] == '\n')
                    x->line++;
            }
        }
    }
    return false;
}

static bool is_keyword(const char *s, size_t len)
{
    static const char *const words[] = { "and",   "break", "do",       "else", "elseif", "end",
                                         "false", "for",   "function", "goto", "if",     "in",
                                         "local", "nil",   "not",      "or",   "repeat", "return",
                                         "then",  "true",  "until",    "while" };
    for (size_t i = 0; i < ARRAY_LEN(words); i++)
        if (strlen(words[i]) == len && memcmp(words[i], s, len) == 0)
            return true;
    return false;
}

static void skip_number(struct lexer *x)
{
    for (x->at++; x->at < x->length; x->at++) {
        char c = x->text[x->at];
        bool sign = (c == '+' || c == '-') && strchr("eEpP", x->text[x->at - 1]);
        if (!isalnum((unsigned char)c) && c != '.' && !sign)
            break;
    }
}

static void skip_name(struct lexer *x)
{
    while (x->at < x->length && (isalnum((unsigned char)x->text[x->at]) || x->text[x->at] == '_'))
        x->at++;
}

static void lex_next(struct lexer *x)
{
    if (!skip_blank(x)) {
        x->kind = TOK_BAD;
        return;
    }
    x->start = x->at;
    x->token_line = x->line;
    x->kind = TOK_SYMBOL;
    if (x->at >= x->length) {
        x->kind = TOK_END;
        x->end = x->at;
        return;
    }
    char c = x->text[x->at];
    char next = 0;
    if (x->at + 1 < x->length)
        next = x->text[x->at + 1];
    size_t level, n;
    if (isalpha((unsigned char)c) || c == '_') {
        skip_name(x);
        x->kind = is_keyword(x->text + x->start, x->at - x->start) ? TOK_KEYWORD : TOK_NAME;
    } else if (isdigit((unsigned char)c) || (c == '.' && isdigit((unsigned char)next))) {
        skip_number(x);
        x->kind = TOK_NUMBER;
    } else if (c == '"' || c == '\'') {
        x->kind = skip_quoted(x, c) ? TOK_STRING : TOK_BAD;
    } else if (c == '[' && (n = long_bracket(x, x->at, &level)) > 0) {
        x->at += n;
        x->kind = skip_long(x, level) ? TOK_STRING : TOK_BAD;
    } else if (strchr("=<>~/:", c) && (next == '=' || next == c)) {
        x->at += 2; /* ==, <=, <<, >=, >>, ~=, //, :: */
    } else {
        x->at++;
    }
    x->end = x->at;
}

static bool is_symbol(const struct lexer *x, char c)
{
    return x->kind == TOK_SYMBOL && x->end - x->start == 1 && x->text[x->start] == c;
}

static bool is_word(const struct lexer *x, const char *word)
{
    return x->kind == TOK_KEYWORD && x->end - x->start == strlen(word) &&
           memcmp(x->text + x->start, word, strlen(word)) == 0;
}

static void emit(struct reader *r, const char *s, size_t len)
{
    struct tokens *t = r->out;
    if (t->text_length + len + 1 > r->capacity) {
        r->capacity = (t->text_length + len + 1) * 2;
        t->text = base_realloc(t->text, r->capacity);
    }
    memcpy(t->text + t->text_length, s, len);
    t->text_length += len;
    t->text[t->text_length] = 0;
}

/* Takes the quotes off a literal without escapes; NULL when it has any. */
static char *literal(const char *s, size_t len)
{
    if ((s[0] != '"' && s[0] != '\'') || memchr(s, '\\', len))
        return NULL;
    return base_printf("%.*s", (int)(len - 2), s + 1);
}

static void add_key(struct reader *r, char *name, int64_t index, int line)
{
    struct tokens_table *t = &r->out->tables[r->open[r->depth - 1].table];
    if ((t->key_count & (t->key_count - 1)) == 0)
        t->keys = base_realloc(t->keys, (t->key_count * 2 + 1) * sizeof *t->keys);
    t->keys[t->key_count++] = (struct tokens_key){ name, index, line };
}

/* A field of the innermost constructor begins at the current token: notes its key.  Looks ahead on
 * a copy of the lexer. */
static void begin_field(struct reader *r)
{
    struct open_item *o = &r->open[r->depth - 1];
    struct lexer a = r->lex;
    int line = a.token_line;
    const char *s = a.text + a.start;
    size_t len = a.end - a.start;
    o->field_start = false;
    if (a.kind == TOK_NAME) {
        lex_next(&a);
        if (is_symbol(&a, '=')) {
            add_key(r, base_printf("%.*s", (int)len, s), 0, line);
            return;
        }
    } else if (is_symbol(&a, '[')) {
        lex_next(&a);
        enum token kind = a.kind;
        s = a.text + a.start;
        len = a.end - a.start;
        lex_next(&a);
        char *name = kind == TOK_STRING && is_symbol(&a, ']') ? literal(s, len) : NULL;
        if (name)
            add_key(r, name, 0, line);
        else if (kind == TOK_NUMBER && is_symbol(&a, ']'))
            add_key(r, NULL, strtoll(s, NULL, 0), line);
        return; /* any other bracket is a computed key */
    }
    add_key(r, NULL, o->next++, line);
}

static bool push(struct reader *r, struct open_item item)
{
    if (r->depth == OPEN_MAX)
        return false;
    r->open[r->depth++] = item;
    return true;
}

static bool pop(struct reader *r, enum open_kind kind)
{
    return r->depth > 0 && r->open[--r->depth].kind == kind;
}

static bool open_table(struct reader *r)
{
    struct tokens *t = r->out;
    /* After something that can be called, a brace is the argument of a call: f{...}. */
    bool call = r->before == TOK_NAME || r->before == TOK_STRING ||
                (r->before == TOK_SYMBOL && strchr(")]}", r->before_char));
    if ((t->table_count & (t->table_count - 1)) == 0)
        t->tables = base_realloc(t->tables, (t->table_count * 2 + 1) * sizeof *t->tables);
    t->tables[t->table_count] = (struct tokens_table){ .line = r->lex.token_line };
    char head[64];
    int n = snprintf(head, sizeof head, "%s" TOKENS_FUNCTION "(%zu,{", call ? "(" : " ",
                     r->first + t->table_count);
    emit(r, head, (size_t)n);
    return push(r, (struct open_item){ .kind = OPEN_TABLE,
                                       .table = t->table_count++,
                                       .next = 1,
                                       .field_start = true,
                                       .call = call });
}

static int compare_key(const struct tokens_key *k, const char *name, int64_t index)
{
    if (k->name && name)
        return strcmp(k->name, name);
    if (k->name || name)
        return k->name ? 1 : -1;
    return (k->index > index) - (k->index < index);
}

static int by_key(const void *a, const void *b, void *keys)
{
    uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;
    const struct tokens_key *k = keys;
    int d = compare_key(&k[x], k[y].name, k[y].index);
    return d ? d : (x > y) - (x < y);
}

static void sort_keys(struct tokens_table *t)
{
    t->sorted = base_alloc((t->key_count + 1) * sizeof *t->sorted);
    for (size_t i = 0; i < t->key_count; i++)
        t->sorted[i] = (uint32_t)i;
    if (t->key_count > 1)
        qsort_r(t->sorted, t->key_count, sizeof *t->sorted, by_key, t->keys);
}

static bool close_table(struct reader *r)
{
    if (!pop(r, OPEN_TABLE))
        return false;
    sort_keys(&r->out->tables[r->open[r->depth].table]);
    if (r->open[r->depth].call)
        emit(r, "}))", 3);
    else
        emit(r, "})", 2);
    return true;
}

static bool read_symbol(struct reader *r, char c)
{
    if (c == '{')
        return open_table(r);
    if (c == '}')
        return close_table(r);
    emit(r, &c, 1);
    if (c == '(' || c == '[')
        return push(r, (struct open_item){ .kind = OPEN_BRACKET });
    if (c == ')' || c == ']')
        return pop(r, OPEN_BRACKET);
    if ((c == ',' || c == ';') && r->depth > 0)
        r->open[r->depth - 1].field_start = true;
    return true;
}

static bool read_keyword(struct reader *r)
{
    struct lexer *x = &r->lex;
    emit(r, x->text + x->start, x->end - x->start);
    if (is_word(x, "function") || is_word(x, "do") || is_word(x, "if") || is_word(x, "repeat"))
        return push(r, (struct open_item){ .kind = OPEN_BLOCK });
    if (is_word(x, "end") || is_word(x, "until"))
        return pop(r, OPEN_BLOCK);
    return true;
}

static bool read_all(struct reader *r)
{
    struct lexer *x = &r->lex;
    size_t copied = 0;
    for (;;) {
        lex_next(x);
        if (x->kind == TOK_BAD)
            return false;
        emit(r, x->text + copied, x->start - copied); /* blanks and comments */
        copied = x->end;
        if (x->kind == TOK_END)
            return r->depth == 0;
        struct open_item *o = r->depth > 0 ? &r->open[r->depth - 1] : NULL;
        if (o && o->kind == OPEN_TABLE && o->field_start && !is_symbol(x, '}'))
            begin_field(r);
        bool good = true;
        if (x->kind == TOK_SYMBOL && x->end - x->start == 1)
            good = read_symbol(r, x->text[x->start]);
        else if (x->kind == TOK_KEYWORD)
            good = read_keyword(r);
        else
            emit(r, x->text + x->start, x->end - x->start);
        if (!good)
            return false;
        r->before = x->kind;
        r->before_char = x->text[x->start];
    }
}

bool tokens_read(struct tokens *t, const char *text, size_t length, size_t first)
{
    struct reader r = { .lex = { .text = text, .length = length, .line = 1 },
                        .out = t,
                        .first = first,
                        .before = TOK_END };
    *t = (struct tokens){ 0 };
    if (memchr(text, 0, length) || !read_all(&r)) {
        tokens_fini(t);
        return false;
    }
    return true;
}

void tokens_fini(struct tokens *t)
{
    for (size_t i = 0; i < t->table_count; i++) {
        for (size_t k = 0; k < t->tables[i].key_count; k++)
            free(t->tables[i].keys[k].name);
        free(t->tables[i].keys);
        free(t->tables[i].sorted);
    }
    free(t->tables);
    free(t->text);
    *t = (struct tokens){ 0 };
}

int tokens_find(const struct tokens_table *t, const char *name, int64_t index)
{
    size_t low = 0, high = t->key_count; /* the first that is greater stands in between */
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (compare_key(&t->keys[t->sorted[middle]], name, index) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    if (low == 0 || compare_key(&t->keys[t->sorted[low - 1]], name, index) != 0)
        return -1;
    return (int)t->sorted[low - 1];
}
