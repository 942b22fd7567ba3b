/* convert.c: turns what the text returned into a tree of plain data, with the lines where its keys
 * are written.
 *
 * A table is a list (1..n) or has names; an empty one has names.  Names come in the order of the
 * text where they are written literally, then the others sorted.
 */
#include <lua5.4/lauxlib.h>
#include <lua5.4/lua.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "cli/lua/child.h"

struct convert {
    lua_State *L;
    size_t nodes;
    const char *const *without;
    char path[512]; /* of the value being read, for sentences */
};

/* Where a value stands, as val.file and val.line. */
struct place {
    const char *file; /* kept by val_new */
    int line;
};

static struct val *convert(struct convert *k, int idx, struct place at, int depth);

NO_RETURN static void refuse(struct convert *k, struct place at, const char *what)
{
    char line[32] = "";
    if (at.line > 0)
        lua_pushfstring(k->L, ":%d", at.line);
    else
        lua_pushstring(k->L, "");
    strncpy(line, lua_tostring(k->L, -1), sizeof line - 1);
    sandbox_fail(k->L, "%s%s: %s %s", at.file ? at.file : "", line, k->path, what);
}

static struct place member_place(struct convert *k, int idx, const char *name, int64_t index,
                                 struct place table, size_t *order)
{
    struct sandbox_place p = sandbox_place(k->L, idx, name, index);
    *order = p.literal ? p.order : SIZE_MAX;
    if (!p.file)
        return table;
    if (p.literal)
        return (struct place){ p.file->shown, p.line };
    /* Only the table's own line is known, and the sentence says so. */
    lua_pushfstring(k->L, "%s, in the table of line %d", p.file->shown, p.line);
    struct val *v = val_new(VAL_NIL, lua_tostring(k->L, -1), 0);
    struct place at = { v->file, 0 };
    val_free(v); /* the name stays: trees keep file names for the process */
    lua_pop(k->L, 1);
    return at;
}

static size_t path_push(struct convert *k, const char *name)
{
    size_t used = strlen(k->path);
    size_t n = strlen(name), dot = used > 0;
    if (used + n + 2 < sizeof k->path) {
        memcpy(k->path + used, ".", dot);
        memcpy(k->path + used + dot, name, n + 1);
    }
    return used;
}

/* Long lists are read element by element, so this is no snprintf. */
static size_t path_push_number(struct convert *k, uint64_t n)
{
    char digits[24] = "", *s = digits + sizeof digits - 1;
    do
        *--s = (char)('0' + n % 10);
    while ((n /= 10) > 0);
    return path_push(k, s);
}

static struct val *convert_list(struct convert *k, int idx, lua_Integer n, struct place at,
                                int depth)
{
    struct val *list = val_new(VAL_LIST, at.file, at.line);
    for (lua_Integer i = 1; i <= n; i++) {
        size_t order, used = path_push_number(k, (uint64_t)i);
        lua_rawgeti(k->L, idx, i);
        struct place here = member_place(k, idx, NULL, i, at, &order);
        val_append(list, convert(k, lua_gettop(k->L), here, depth + 1));
        lua_pop(k->L, 1);
        k->path[used] = 0;
    }
    return list;
}

struct member {
    char *name;
    struct val *v;
    size_t order;
};

static int by_order(const void *a, const void *b)
{
    const struct member *x = a, *y = b;
    if (x->order != y->order)
        return x->order < y->order ? -1 : 1;
    return strcmp(x->name, y->name);
}

/* The key at the top of the stack as a name. */
static char *member_name(struct convert *k, struct place at)
{
    size_t len;
    if (lua_type(k->L, -1) != LUA_TSTRING && !lua_isinteger(k->L, -1))
        refuse(k, at, "has a key that is neither a name nor a whole number");
    lua_pushvalue(k->L, -1);
    const char *s = lua_tolstring(k->L, -1, &len);
    if (strlen(s) != len)
        refuse(k, at, "has a key with a zero byte in it");
    if (len > 200)
        refuse(k, at, "has a key of more than 200 bytes");
    for (size_t i = 0; i < len; i++)
        if ((unsigned char)s[i] < 32 || s[i] == 127)
            refuse(k, at, "has a key with a control character in it");
    char *name = base_strdup(s);
    lua_pop(k->L, 1);
    return name;
}

static bool is_one_of(const char *name, const char *const *list)
{
    while (*list && strcmp(*list, name) != 0)
        list++;
    return *list != NULL;
}

static struct val *convert_names(struct convert *k, int idx, struct place at, int depth)
{
    struct member *members = NULL;
    size_t n = 0;
    lua_pushnil(k->L);
    while (lua_next(k->L, idx)) {
        lua_pushvalue(k->L, -2);
        char *name = member_name(k, at);
        bool number = lua_isinteger(k->L, -1);
        int64_t index = lua_tointeger(k->L, -1);
        lua_pop(k->L, 1);
        if (depth == 0 && is_one_of(name, k->without)) {
            free(name);
            lua_pop(k->L, 1);
            continue;
        }
        if (n == SCRIPT_MEMBERS)
            refuse(k, at, "has more than 4096 names");
        size_t used = path_push(k, name), order;
        struct place here =
            member_place(k, idx, number ? NULL : name, number ? index : 0, at, &order);
        struct val *v = convert(k, lua_gettop(k->L), here, depth + 1);
        k->path[used] = 0;
        members = base_realloc(members, (n + 1) * sizeof *members);
        members[n++] = (struct member){ name, v, order };
        lua_pop(k->L, 1);
    }
    if (n > 0)
        qsort(members, n, sizeof *members, by_order);
    struct val *table = val_new(VAL_TABLE, at.file, at.line);
    for (size_t i = 0; i < n; i++) {
        members[i].v->key = members[i].name;
        val_append(table, members[i].v);
    }
    free(members);
    return table;
}

static struct val *convert_table(struct convert *k, int idx, struct place at, int depth)
{
    if (depth > SCRIPT_DEPTH)
        refuse(k, at, "is nested more than 40 deep (does a table contain itself?)");
    luaL_checkstack(k->L, 10, NULL);
    lua_Integer n = (lua_Integer)lua_rawlen(k->L, idx), in_list = 0, others = 0;
    lua_pushnil(k->L);
    while (lua_next(k->L, idx)) {
        lua_pop(k->L, 1);
        lua_Integer i = lua_isinteger(k->L, -1) ? lua_tointeger(k->L, -1) : 0;
        if (i >= 1 && i <= n)
            in_list++;
        else
            others++;
    }
    if (in_list > 0 && others == 0)
        return convert_list(k, idx, n, at, depth);
    if (in_list > 0 && n > 0) {
        lua_pushnil(k->L);
        while (lua_next(k->L, idx)) {
            lua_pop(k->L, 1);
            if (!lua_isinteger(k->L, -1))
                refuse(k, at, "mixes names and list elements: use one or the other");
        }
    }
    return convert_names(k, idx, at, depth);
}

static struct val *convert_number(struct convert *k, int idx, struct place at)
{
    if (lua_isinteger(k->L, idx))
        return val_new_int(lua_tointeger(k->L, idx), at.file, at.line);
    double r = lua_tonumber(k->L, idx);
    if (!isfinite(r))
        refuse(k, at, isnan(r) ? "is not a number (nan)" : "is infinite");
    return val_new_real(r, at.file, at.line);
}

static struct val *convert_text(struct convert *k, int idx, struct place at)
{
    size_t len;
    const char *s = lua_tolstring(k->L, idx, &len);
    if (strlen(s) != len)
        refuse(k, at, "is text with a zero byte in it");
    return val_new_string(s, at.file, at.line);
}

static struct val *convert(struct convert *k, int idx, struct place at, int depth)
{
    if (++k->nodes > SCRIPT_NODES)
        refuse(k, at, "makes more than 1000000 values");
    switch (lua_type(k->L, idx)) {
    case LUA_TBOOLEAN:
        return val_new_bool(lua_toboolean(k->L, idx), at.file, at.line);
    case LUA_TNUMBER:
        return convert_number(k, idx, at);
    case LUA_TSTRING:
        return convert_text(k, idx, at);
    case LUA_TTABLE:
        return convert_table(k, idx, at, depth);
    case LUA_TNIL:
        refuse(k, at, "is nil: a list has no holes");
    case LUA_TFUNCTION:
        refuse(k, at, "is a function: a configuration's result is plain data");
    default:
        refuse(k, at, "is no plain data");
    }
}

struct val *convert_value(lua_State *L, const char *what, const char *const *without)
{
    struct convert k = { .L = L, .without = without };
    struct sandbox_place p = sandbox_place(L, -1, "", 0);
    struct place at = { sandbox_child(L)->files[0].shown, 0 };
    if (p.file)
        at = (struct place){ p.file->shown, p.line };
    strncpy(k.path, what, sizeof k.path - 1);
    return convert(&k, lua_gettop(L), at, 0);
}
