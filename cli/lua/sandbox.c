/* sandbox.c: the Lua state of one evaluation: its allocator, its instruction budget, how its text
 * is compiled, and how its errors read.
 *
 * Chunk names are "=\1N\2" with N the file's number, because Lua shortens long names; sandbox_error
 * puts the real name in.
 */
#include <lua5.4/lauxlib.h>
#include <lua5.4/lua.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lua/child.h"

#define HOOK_STEP 1000

static const char tables_key; /* its address names the weak table of constructed tables */

struct child *sandbox_child(lua_State *L)
{
    return *(struct child **)lua_getextraspace(L);
}

static void *allocate(void *ud, void *ptr, size_t old, size_t size)
{
    struct child *c = ud;
    if (!ptr)
        old = 0;
    if (size == 0) {
        free(ptr);
        c->lua_bytes -= old;
        return NULL;
    }
    if (size > old && c->lua_bytes + (size - old) > (size_t)SCRIPT_LUA_MIB << 20)
        return NULL;
    void *p = realloc(ptr, size);
    if (p)
        c->lua_bytes += size - old;
    return p;
}

static void count_hook(lua_State *L, lua_Debug *ar)
{
    (void)ar;
    struct child *c = sandbox_child(L);
    c->instructions -= HOOK_STEP;
    if (c->instructions > 0)
        return;
    lua_sethook(L, count_hook, LUA_MASKCOUNT, 1); /* whatever still runs is stopped as well */
    luaL_error(L, "it ran %d million Lua instructions without an end: does a loop go on for ever?",
               (int)(SCRIPT_INSTRUCTIONS / 1000000));
}

/* __table(n, t): remembers that constructor n made t. */
static int note_table(lua_State *L)
{
    lua_settop(L, 2);
    if (lua_istable(L, 2) && lua_isinteger(L, 1)) {
        lua_rawgetp(L, LUA_REGISTRYINDEX, &tables_key);
        lua_pushvalue(L, 2);
        lua_pushvalue(L, 1);
        lua_rawset(L, -3);
        lua_pop(L, 1);
    }
    return 1;
}

/* The constructors of a merged table are kept as text, "3 17 ", latest first. */
#define MERGED_MAX 64 /* bytes of that text; older ones are forgotten */

static void push_origin(lua_State *L, int idx)
{
    idx = lua_absindex(L, idx);
    lua_rawgetp(L, LUA_REGISTRYINDEX, &tables_key);
    lua_pushvalue(L, idx);
    lua_rawget(L, -2);
    lua_remove(L, -2);
}

void sandbox_note_merged(lua_State *L, int out, int a, int b)
{
    char text[MERGED_MAX * 2 + 4];
    lua_rawgetp(L, LUA_REGISTRYINDEX, &tables_key);
    lua_pushvalue(L, out);
    push_origin(L, b);
    push_origin(L, a);
    const char *tb = lua_tostring(L, -2), *ta = lua_tostring(L, -1);
    snprintf(text, sizeof text, "%.*s %.*s", MERGED_MAX, tb ? tb : "", MERGED_MAX, ta ? ta : "");
    lua_pop(L, 2);
    lua_pushstring(L, text);
    lua_rawset(L, -3);
    lua_pop(L, 1);
}

static const struct tokens_table *find_table(struct child *c, size_t n,
                                             const struct script_source **f)
{
    for (size_t i = 0; i < c->file_count; i++) {
        *f = &c->files[i];
        if (n >= (*f)->first && n - (*f)->first < (*f)->tokens.table_count)
            return &(*f)->tokens.tables[n - (*f)->first];
    }
    return NULL;
}

struct sandbox_place sandbox_place(lua_State *L, int idx, const char *name, int64_t index)
{
    struct sandbox_place p = { 0 };
    push_origin(L, idx);
    const char *s = lua_tostring(L, -1);
    size_t base = 0;
    while (s && *s) {
        char *end;
        size_t n = strtoull(s, &end, 10);
        if (end == s)
            break;
        s = end;
        const struct script_source *f;
        const struct tokens_table *t = find_table(sandbox_child(L), n, &f);
        if (!t)
            continue;
        int k = tokens_find(t, name, index);
        if (k >= 0) {
            p = (struct sandbox_place){ f, t->keys[k].line, true, base + (size_t)k };
            break;
        }
        base += t->key_count;
        if (!p.file)
            p = (struct sandbox_place){ f, t->line, false, 0 };
    }
    lua_pop(L, 1);
    return p;
}

static int open_libraries(lua_State *L)
{
    libs_open(L);
    lua_newtable(L);
    lua_newtable(L);
    lua_pushliteral(L, "k");
    lua_setfield(L, -2, "__mode");
    lua_setmetatable(L, -2);
    lua_rawsetp(L, LUA_REGISTRYINDEX, &tables_key);
    lua_pushcfunction(L, note_table);
    lua_setglobal(L, TOKENS_FUNCTION);
    return 0;
}

lua_State *sandbox_open(struct child *c)
{
    c->lua_bytes = 0;
    c->instructions = SCRIPT_INSTRUCTIONS;
    lua_State *L = lua_newstate(allocate, c);
    if (!L)
        return NULL;
    *(struct child **)lua_getextraspace(L) = c;
    lua_pushcfunction(L, open_libraries);
    if (lua_pcall(L, 0, 0, 0) != LUA_OK) {
        lua_close(L);
        return NULL;
    }
    lua_sethook(L, count_hook, LUA_MASKCOUNT, HOOK_STEP);
    return L;
}

static int take_code(lua_State *L, const void *p, size_t n, void *arg)
{
    struct script_source *f = arg;
    (void)L;
    f->code = base_realloc(f->code, f->code_length + n);
    memcpy(f->code + f->code_length, p, n);
    f->code_length += n;
    return 0;
}

/* The wrapped text is tried first; where it does not compile (too deep, too many registers, or the
 * user's own mistake) the original speaks. */
static void load_file(lua_State *L, struct script_source *f)
{
    struct child *c = sandbox_child(L);
    char chunk[32];
    snprintf(chunk, sizeof chunk, "=\1%zu\2", (size_t)(f - c->files));
    if (f->code) {
        if (luaL_loadbufferx(L, f->code, f->code_length, chunk, "b") != LUA_OK)
            lua_error(L);
        return;
    }
    if (!f->tokens.text && f->tokens.table_count == 0) {
        f->first = c->table_count;
        if (tokens_read(&f->tokens, f->text, f->length, f->first))
            c->table_count += f->tokens.table_count;
    }
    if (f->tokens.text) {
        if (luaL_loadbufferx(L, f->tokens.text, f->tokens.text_length, chunk, "t") == LUA_OK) {
            (void)lua_dump(L, take_code, f, 0);
            return;
        }
        lua_pop(L, 1);
    }
    if (luaL_loadbufferx(L, f->text, f->length, chunk, "t") != LUA_OK)
        lua_error(L);
}

void sandbox_run_file(lua_State *L, struct script_source *f)
{
    load_file(L, f);
    lua_call(L, 0, 1);
}

void sandbox_fail(lua_State *L, const char *fmt, ...)
{
    char text[1024];
    va_list ap;
    va_start(ap, fmt);
    vsnprintf(text, sizeof text, fmt, ap);
    va_end(ap);
    lua_pushstring(L, text);
    lua_error(L);
    abort(); /* lua_error does not return, which its header does not say */
}

/* Replaces each "\1N\2" by the name of file N, and what a terminal could obey by '?'. */
static char *put_names(struct child *c, const char *s)
{
    char *out = base_strdup("");
    while (*s) {
        char *end = NULL;
        size_t n = *s == '\1' ? strtoull(s + 1, &end, 10) : 0;
        char *longer;
        if (end && *end == '\2' && n < c->file_count) {
            longer = base_printf("%s%s", out, c->files[n].shown);
            s = end + 1;
        } else {
            char ch = *s++;
            longer = base_printf("%s%c", out, (unsigned char)ch < 32 || ch == 127 ? ' ' : ch);
        }
        free(out);
        out = longer;
        if (strlen(out) > 900)
            break;
    }
    return out;
}

char *sandbox_error(lua_State *L, int status)
{
    struct child *c = sandbox_child(L);
    const char *shown = c->files[0].shown;
    if (status == LUA_ERRMEM)
        return base_printf("%s: it needs more than %d MiB of memory", shown, SCRIPT_LUA_MIB);
    const char *text = lua_type(L, -1) == LUA_TSTRING ? lua_tostring(L, -1) : NULL;
    if (!text)
        return base_printf("%s: it raised an error that is %s and no text", shown,
                           luaL_typename(L, -1));
    char *s = put_names(c, text);
    if (strchr(text, '\1') || strncmp(s, shown, strlen(shown)) == 0 || strncmp(s, "-p ", 3) == 0)
        return s;
    char *named = base_printf("%s: %s", shown, s);
    free(s);
    return named;
}
