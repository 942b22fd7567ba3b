/* preset.c: drives of configs/disks/ as values, read with plain Lua. */
#include "tests/disks/preset.h"

#include <criterion/criterion.h>
#include <lua5.4/lauxlib.h>
#include <lua5.4/lualib.h>
#include <stdlib.h>

static struct val *convert(lua_State *L, int at)
{
    switch (lua_type(L, at)) {
    case LUA_TBOOLEAN:
        return val_new_bool(lua_toboolean(L, at), NULL, 0);
    case LUA_TNUMBER:
        return lua_isinteger(L, at) ? val_new_int(lua_tointeger(L, at), NULL, 0)
                                    : val_new_real(lua_tonumber(L, at), NULL, 0);
    case LUA_TSTRING:
        return val_new_string(lua_tostring(L, at), NULL, 0);
    default:
        break;
    }
    size_t n = lua_rawlen(L, at);
    struct val *v = val_new(n > 0 ? VAL_LIST : VAL_TABLE, NULL, 0);
    for (size_t i = 1; i <= n; i++) {
        lua_rawgeti(L, at, (lua_Integer)i);
        val_append(v, convert(L, lua_gettop(L)));
        lua_pop(L, 1);
    }
    if (n > 0)
        return v;
    for (lua_pushnil(L); lua_next(L, at) != 0; lua_pop(L, 1))
        val_put(v, lua_tostring(L, -2), convert(L, lua_gettop(L)));
    return v;
}

static int include(lua_State *L)
{
    lua_pushfstring(L, "configs/%s", luaL_checkstring(L, 1));
    if (luaL_dofile(L, lua_tostring(L, -1)))
        return lua_error(L);
    return 1;
}

/* As the command's own: the second table over the first, tables within tables likewise. */
static const char merge[] = "function merge(a, b)\n"
                            "  local out = {}\n"
                            "  for k, v in pairs(a) do out[k] = v end\n"
                            "  for k, v in pairs(b) do\n"
                            "    local both = type(v) == 'table' and type(out[k]) == 'table'\n"
                            "    out[k] = both and #v == 0 and merge(out[k], v) or v\n"
                            "  end\n"
                            "  return out\n"
                            "end";

static struct val *evaluate(bool file, const char *what)
{
    lua_State *L = luaL_newstate();
    luaL_openlibs(L);
    lua_register(L, "include", include);
    cr_assert(!luaL_dostring(L, merge));
    bool failed = file ? luaL_dofile(L, what) : luaL_dostring(L, what);
    cr_assert(!failed, "%s", lua_tostring(L, -1));
    struct val *v = convert(L, lua_gettop(L));
    lua_close(L);
    return v;
}

struct val *preset_load(const char *name)
{
    char *path = base_printf("configs/disks/%s.lua", name);
    struct val *v = evaluate(true, path);
    free(path);
    return v;
}

struct val *preset_text(const char *text)
{
    return evaluate(false, text);
}
