/* libs.c: the functions that a configuration may call.
 *
 * Kept: what computes.  Left out: io, os, debug, package, coroutine, load and its kin, pcall and
 * xpcall (an error ends the configuration), collectgarbage, string.dump and string.pack,
 * math.random. Changed: pairs and next go through keys in order (numbers, then text, then
 * booleans), tostring and string.format never show an address, setmetatable refuses __gc
 * (finalisers run without a budget), print is handed to the parent.  Added: param, include, merge.
 */
#include <lua5.4/lauxlib.h>
#include <lua5.4/lua.h>
#include <lua5.4/lualib.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lua/child.h"
#include "sim/base/units.h"

/* ---- ordered walks ---- */

/* The place of a key: numbers by value, text by bytes, booleans; nothing else has an order. */
static int compare_keys(lua_State *L, int a, int b)
{
    int ta = lua_type(L, a), tb = lua_type(L, b);
    static const int rank[LUA_NUMTYPES] = {
        [LUA_TNUMBER] = 1, [LUA_TSTRING] = 2, [LUA_TBOOLEAN] = 3
    };
    if (rank[ta] == 0 || rank[tb] == 0)
        return luaL_error(L, "this table has a key that is a %s: it has no order to go through",
                          lua_typename(L, rank[ta] == 0 ? ta : tb));
    if (ta != tb)
        return rank[ta] - rank[tb];
    if (ta == LUA_TNUMBER)
        return lua_compare(L, a, b, LUA_OPLT) ? -1 : lua_compare(L, b, a, LUA_OPLT);
    if (ta == LUA_TBOOLEAN)
        return lua_toboolean(L, a) - lua_toboolean(L, b);
    size_t la, lb;
    const char *sa = lua_tolstring(L, a, &la), *sb = lua_tolstring(L, b, &lb);
    int d = memcmp(sa, sb, la < lb ? la : lb);
    return d ? d : (la > lb) - (la < lb);
}

/* Heap sort of the first n elements of the array at idx, by compare_keys. */
static void sift(lua_State *L, int idx, lua_Integer root, lua_Integer n)
{
    for (;;) {
        lua_Integer child = 2 * root;
        if (child > n)
            return;
        lua_rawgeti(L, idx, child);
        if (child < n) {
            lua_rawgeti(L, idx, child + 1);
            if (compare_keys(L, -2, -1) < 0) {
                lua_remove(L, -2);
                child++;
            } else {
                lua_pop(L, 1);
            }
        }
        lua_rawgeti(L, idx, root);
        if (compare_keys(L, -1, -2) >= 0) {
            lua_pop(L, 2);
            return;
        }
        lua_rawseti(L, idx, child);
        lua_rawseti(L, idx, root);
        root = child;
    }
}

/* Pushes an array of the keys of the table at idx, in order; returns how many there are. */
static lua_Integer push_keys(lua_State *L, int idx)
{
    lua_Integer n = 0;
    luaL_checkstack(L, 8, NULL);
    lua_newtable(L);
    int keys = lua_gettop(L);
    lua_pushnil(L);
    while (lua_next(L, idx)) {
        lua_pop(L, 1);
        lua_pushvalue(L, -1);
        lua_rawseti(L, keys, ++n);
    }
    if (n == 1) {
        lua_rawgeti(L, keys, 1);
        compare_keys(L, -1, -1);
        lua_pop(L, 1);
    }
    for (lua_Integer root = n / 2; root >= 1; root--)
        sift(L, keys, root, n);
    for (lua_Integer last = n; last > 1; last--) {
        lua_rawgeti(L, keys, 1);
        lua_rawgeti(L, keys, last);
        lua_rawseti(L, keys, 1);
        lua_rawseti(L, keys, last);
        sift(L, keys, 1, last - 1);
    }
    return n;
}

/* Upvalues: the keys, and how many have been given. */
static int pairs_step(lua_State *L)
{
    for (;;) {
        lua_Integer i = lua_tointeger(L, lua_upvalueindex(2)) + 1;
        lua_pushinteger(L, i);
        lua_replace(L, lua_upvalueindex(2));
        if (lua_rawgeti(L, lua_upvalueindex(1), i) == LUA_TNIL)
            return 1;
        lua_pushvalue(L, -1);
        if (lua_gettable(L, 1) != LUA_TNIL)
            return 2;
        lua_pop(L, 2); /* removed since the walk began */
    }
}

static int lib_pairs(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    push_keys(L, 1);
    lua_pushinteger(L, 0);
    lua_pushcclosure(L, pairs_step, 2);
    lua_pushvalue(L, 1);
    lua_pushnil(L);
    return 3;
}

/* The smallest key above the one given, by a walk over all. */
static int lib_next(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    lua_settop(L, 2);
    lua_pushnil(L); /* 3: best so far */
    lua_pushnil(L);
    while (lua_next(L, 1)) {
        lua_pop(L, 1);
        bool above = lua_isnil(L, 2) || compare_keys(L, -1, 2) > 0;
        if (above && (lua_isnil(L, 3) || compare_keys(L, -1, 3) < 0))
            lua_copy(L, -1, 3);
    }
    lua_settop(L, 3);
    if (lua_isnil(L, 3))
        return 1;
    lua_pushvalue(L, 3);
    lua_gettable(L, 1);
    return 2;
}

/* ---- text without addresses ---- */

static void push_text(lua_State *L, int idx)
{
    idx = lua_absindex(L, idx);
    switch (lua_type(L, idx)) {
    case LUA_TNIL:
    case LUA_TBOOLEAN:
    case LUA_TNUMBER:
    case LUA_TSTRING:
        luaL_tolstring(L, idx, NULL);
        return;
    default:
        if (luaL_callmeta(L, idx, "__tostring")) {
            if (!lua_isstring(L, -1))
                luaL_error(L, "'__tostring' must return a string");
            return;
        }
        lua_pushstring(L, luaL_typename(L, idx));
    }
}

static int lib_tostring(lua_State *L)
{
    luaL_checkany(L, 1);
    push_text(L, 1);
    return 1;
}

static int lib_print(lua_State *L)
{
    struct child *c = sandbox_child(L);
    luaL_Buffer b;
    int n = lua_gettop(L);
    luaL_checkstack(L, 16, NULL);
    luaL_buffinit(L, &b);
    for (int i = 1; i <= n; i++) {
        if (i > 1)
            luaL_addchar(&b, '\t');
        push_text(L, i);
        luaL_addvalue(&b);
    }
    luaL_pushresult(&b);
    size_t len;
    const char *s = lua_tolstring(L, -1, &len);
    if (!c->quiet && c->printed++ <= SCRIPT_PRINTS)
        child_send(c, FRAME_PRINT, s, len > 4096 ? 4096 : len);
    return 0;
}

/* string.format: upvalue 1 is the original. */
static int lib_format(lua_State *L)
{
    const char *f = luaL_checkstring(L, 1);
    for (; (f = strchr(f, '%')); f++) {
        f += 1 + strspn(f + 1, "-+ #0123456789.");
        if (*f == 'p')
            return luaL_error(L, "string.format has no '%%p': addresses differ from run to run");
        if (!*f)
            break;
    }
    int n = lua_gettop(L);
    luaL_checkstack(L, n + 4, NULL);
    lua_pushvalue(L, lua_upvalueindex(1));
    lua_pushvalue(L, 1);
    for (int i = 2; i <= n; i++) {
        if (lua_type(L, i) > LUA_TSTRING)
            push_text(L, i);
        else
            lua_pushvalue(L, i);
    }
    lua_call(L, n, 1);
    return 1;
}

/* ---- guarded ---- */

static int lib_setmetatable(lua_State *L)
{
    int t = lua_type(L, 2);
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_argexpected(L, t == LUA_TNIL || t == LUA_TTABLE, 2, "nil or table");
    if (luaL_getmetafield(L, 1, "__metatable") != LUA_TNIL)
        return luaL_error(L, "cannot change a protected metatable");
    if (t == LUA_TTABLE) {
        lua_pushliteral(L, "__gc");
        if (lua_rawget(L, 2) != LUA_TNIL)
            return luaL_error(L, "a configuration's metatable has no '__gc'");
        lua_pop(L, 1);
    }
    lua_settop(L, 2);
    lua_setmetatable(L, 1);
    return 1;
}

/* ---- what configurations have beyond Lua ---- */

void libs_push_val(lua_State *L, const struct val *v)
{
    luaL_checkstack(L, 4, NULL);
    switch (v->type) {
    case VAL_NIL:
        lua_pushnil(L);
        break;
    case VAL_BOOL:
        lua_pushboolean(L, v->u.b);
        break;
    case VAL_INT:
        lua_pushinteger(L, v->u.i);
        break;
    case VAL_REAL:
        lua_pushnumber(L, v->u.r);
        break;
    case VAL_STRING:
        lua_pushstring(L, v->u.s);
        break;
    case VAL_LIST:
    case VAL_TABLE:
        lua_newtable(L);
        for (size_t i = 0; i < v->count; i++) {
            libs_push_val(L, v->items[i]);
            if (v->type == VAL_LIST)
                lua_rawseti(L, -2, (lua_Integer)i + 1);
            else
                lua_setfield(L, -2, v->items[i]->key);
        }
        break;
    }
}

/* What the sweep or -p says of a path; NULL: nothing. */
static const struct val *given(struct child *c, const char *path, bool wants_list)
{
    for (size_t i = 0; c->sweep && i < c->sweep->count; i++) {
        if (strcmp(c->sweep->items[i]->key, path) != 0)
            continue;
        c->asked[i] = true;
        return c->sweep->items[i];
    }
    const struct script_options *o = c->options;
    for (size_t i = o->override_count; i-- > 0;) {
        const struct val *v = o->overrides[i].value;
        if (strcmp(o->overrides[i].path, path) != 0)
            continue;
        /* Several values for one path make an axis; before it is expanded the first stands. */
        if (v->type == VAL_LIST && v->count > 0 && !wants_list)
            return v->items[0];
        return v;
    }
    return NULL;
}

static bool is_zero(const struct val *v)
{
    return (v->type == VAL_INT && v->u.i == 0) ||
           (v->type == VAL_REAL && !(v->u.r < 0 || v->u.r > 0));
}

static bool has_dimension(const char *text)
{
    int64_t n;
    return units_parse_time(text, &n, NULL) || units_parse_size(text, &n, NULL) ||
           units_parse_rate(text, &n, NULL);
}

enum { ALLOWED = 3, ALLOWED_MOST = 64 }; /* its place among the arguments; words of one sentence */

static int by_text(const void *a, const void *b)
{
    const char *const *x = a, *const *y = b;
    return strcmp(*x, *y);
}

/* The word or number on the top is none of the third argument's: a list, or a table that has the
 * words as names. */
static int refuse_word(lua_State *L, const char *path)
{
    const char *names[ALLOWED_MOST + 1] = { NULL };
    size_t n = 0;
    struct err e = ERR_INIT;
    bool number = lua_type(L, -1) == LUA_TNUMBER;
    const char *word = luaL_tolstring(L, -1, NULL);
    bool list = lua_rawlen(L, ALLOWED) > 0;
    lua_newtable(L); /* holds the texts */
    int texts = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, ALLOWED) && n < ALLOWED_MOST; lua_settop(L, texts + 1)) {
        names[n++] = luaL_tolstring(L, list ? -1 : -2, NULL);
        lua_rawseti(L, texts, (lua_Integer)n);
    }
    if (!list)
        qsort(names, n, sizeof *names, by_text);
    err_set(&e, "param(\"%s\"): there is no '%s'", path, word);
    err_nearest(&e, number ? "a number" : word, names); /* no number looks like another */
    return luaL_error(L, "%s", e.text);
}

/* Whether the word or number on the top is one of these. */
static bool is_allowed(lua_State *L)
{
    bool found = false;
    for (lua_Unsigned i = 1; !found && i <= lua_rawlen(L, ALLOWED); i++) {
        lua_rawgeti(L, ALLOWED, (lua_Integer)i);
        found = lua_rawequal(L, -1, -2);
        lua_pop(L, 1);
    }
    if (!found && lua_rawlen(L, ALLOWED) == 0) {
        lua_pushvalue(L, -1);
        found = lua_rawget(L, ALLOWED) != LUA_TNIL;
        lua_pop(L, 1);
    }
    return found;
}

/* param(path, default) or param(path, default, allowed): a list of words or numbers, or a table
 * with these names. */
static int lib_param(lua_State *L)
{
    struct child *c = sandbox_child(L);
    const char *path = luaL_checkstring(L, 1);
    lua_settop(L, ALLOWED);
    bool words = !lua_isnil(L, ALLOWED);
    if (words)
        luaL_checktype(L, ALLOWED, LUA_TTABLE);
    if (!val_get(c->reads, path)) {
        if (c->reads->count >= SCRIPT_MEMBERS)
            return luaL_error(L, "param() is asked for more than %d different paths",
                              SCRIPT_MEMBERS);
        /* True: a list given for it is several values; false: the list is the value. */
        val_put(c->reads, path, val_new_bool(!lua_istable(L, 2), NULL, 0));
    }
    const struct val *v = given(c, path, lua_istable(L, 2));
    if (v == NULL)
        lua_pushvalue(L, 2);
    else
        libs_push_val(L, v);
    int want = lua_type(L, 2), have = lua_type(L, -1);
    if (v != NULL && is_zero(v) && want == LUA_TSTRING && has_dimension(lua_tostring(L, 2))) {
        lua_pushliteral(L, "0"); /* needs no unit */
        return 1;
    }
    if (want != LUA_TNIL && want != have) {
        const char *text = lua_isstring(L, -1) ? lua_tostring(L, -1) : luaL_typename(L, -1);
        return luaL_error(L, "param(\"%s\") is a %s, and '%s' is given for it", path,
                          lua_typename(L, want), text);
    }
    if (words && (have == LUA_TSTRING || have == LUA_TNUMBER) && !is_allowed(L))
        return refuse_word(L, path);
    return 1;
}

#define INCLUDE_DEPTH 16

/* include "file.lua" or include("file.lua", argument...): runs a file, returns its value. */
static int lib_include(lua_State *L)
{
    struct child *c = sandbox_child(L);
    const char *name = luaL_checkstring(L, 1);
    struct script_source *f = NULL;
    for (size_t i = 1; i < c->file_count && !f; i++)
        if (strcmp(c->files[i].name, name) == 0)
            f = &c->files[i];
    if (c->include_depth >= INCLUDE_DEPTH)
        return luaL_error(L,
                          "include(\"%s\") is nested more than %d deep: does a file include "
                          "itself?",
                          name, INCLUDE_DEPTH);
    if (!f) {
        char *problem = NULL;
        f = child_include(c, name, &problem);
        if (!f)
            return luaL_error(L, "%s", problem);
    }
    c->include_depth++;
    sandbox_run_file(L, f);
    c->include_depth--;
    return 1;
}

/* A table that is a list, as far as its border says. */
static bool is_list(lua_State *L, int idx)
{
    return lua_rawlen(L, idx) > 0;
}

/* Pushes a new table: the members of the table at a, replaced by those of the table at b. */
static void push_merged(lua_State *L, int a, int b, int depth)
{
    if (depth > SCRIPT_DEPTH)
        luaL_error(L, "merge: the tables are nested more than %d deep", SCRIPT_DEPTH);
    luaL_checkstack(L, 8, NULL);
    lua_newtable(L);
    int out = lua_gettop(L);
    for (lua_pushnil(L); lua_next(L, a); lua_pop(L, 1)) {
        lua_pushvalue(L, -2);
        lua_pushvalue(L, -2);
        lua_rawset(L, out);
    }
    lua_pushnil(L);
    while (lua_next(L, b)) {
        int key = lua_gettop(L) - 1, value = key + 1;
        lua_pushvalue(L, key);
        lua_pushvalue(L, key);
        if (lua_rawget(L, out) == LUA_TTABLE && lua_istable(L, value) && !is_list(L, -1) &&
            !is_list(L, value))
            push_merged(L, lua_gettop(L), value, depth + 1);
        else
            lua_pushvalue(L, value);
        lua_replace(L, -2); /* what stood there before */
        lua_rawset(L, out);
        lua_settop(L, key);
    }
    sandbox_note_merged(L, out, a, b);
}

/* merge(a, b): tables of names are merged in turn, lists and all else are replaced whole. */
static int lib_merge(lua_State *L)
{
    luaL_checktype(L, 1, LUA_TTABLE);
    luaL_checktype(L, 2, LUA_TTABLE);
    lua_settop(L, 2);
    push_merged(L, 1, 2, 0);
    return 1;
}

/* ---- assembly ---- */

static const luaL_Reg ours[] = { { "pairs", lib_pairs },
                                 { "next", lib_next },
                                 { "tostring", lib_tostring },
                                 { "print", lib_print },
                                 { "setmetatable", lib_setmetatable },
                                 { "param", lib_param },
                                 { "include", lib_include },
                                 { "merge", lib_merge },
                                 { NULL, NULL } };

static void remove_names(lua_State *L, const char *table, const char *const *names)
{
    lua_getglobal(L, table);
    for (size_t i = 0; names[i]; i++) {
        lua_pushnil(L);
        lua_setfield(L, -2, names[i]);
    }
    lua_pop(L, 1);
}

void libs_open(lua_State *L)
{
    static const luaL_Reg libraries[] = {
        { LUA_GNAME, luaopen_base },       { LUA_STRLIBNAME, luaopen_string },
        { LUA_TABLIBNAME, luaopen_table }, { LUA_MATHLIBNAME, luaopen_math },
        { LUA_UTF8LIBNAME, luaopen_utf8 }, { NULL, NULL }
    };
    static const char *const no_base[] = { "load",   "loadstring",     "loadfile",
                                           "dofile", "collectgarbage", "pcall",
                                           "xpcall", "warn",           NULL };
    static const char *const no_string[] = { "dump", "pack", "packsize", "unpack", NULL };
    static const char *const no_math[] = { "random", "randomseed", NULL };
    for (const luaL_Reg *r = libraries; r->func; r++) {
        luaL_requiref(L, r->name, r->func, 1);
        lua_pop(L, 1);
    }
    remove_names(L, LUA_GNAME, no_base);
    remove_names(L, LUA_STRLIBNAME, no_string);
    remove_names(L, LUA_MATHLIBNAME, no_math);
    lua_pushglobaltable(L);
    luaL_setfuncs(L, ours, 0);
    lua_pop(L, 1);
    lua_getglobal(L, LUA_STRLIBNAME);
    lua_getfield(L, -1, "format");
    lua_pushcclosure(L, lib_format, 1);
    lua_setfield(L, -2, "format");
    lua_pop(L, 1);
    lua_pushliteral(L, "");
    lua_getmetatable(L, -1);
    lua_pushboolean(L, 0);
    lua_setfield(L, -2, "__metatable");
    lua_pop(L, 2);
    lua_pushnil(L); /* the loaded table that luaL_requiref filled */
    lua_setfield(L, LUA_REGISTRYINDEX, LUA_LOADED_TABLE);
}
