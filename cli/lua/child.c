/* child.c: the child process: evaluates the text once to learn its sweep, then once for each
 * combination, and sends each result.  Every evaluation has a Lua state of its own, so that nothing
 * is carried from one to the next. */
#include <errno.h>
#include <lua5.4/lauxlib.h>
#include <lua5.4/lua.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "cli/lua/child.h"
#include "cli/wire.h"

static void child_read(struct child *c, void *out, size_t length)
{
    uint8_t *p = out;
    while (length > 0) {
        ssize_t n = read(c->fd, p, length);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            _exit(5); /* the parent is gone */
        p += n;
        length -= (size_t)n;
    }
}

void child_send(struct child *c, enum script_frame kind, const void *data, size_t length)
{
    struct wire head;
    wire_init(&head);
    wire_u8(&head, (uint8_t)kind);
    wire_u32(&head, (uint32_t)length);
    bool good = wire_send(c->fd, head.data, head.length) && wire_send(c->fd, data, length);
    wire_fini(&head);
    if (!good)
        _exit(5);
}

NO_RETURN static void child_fail(struct child *c, const char *sentence)
{
    child_send(c, FRAME_ERROR, sentence, strlen(sentence));
    _exit(0);
}

/* Reads the parent's answer to a request for a file. */
static char *receive(struct child *c, enum script_frame *kind, size_t *length)
{
    uint8_t head[5];
    child_read(c, head, sizeof head);
    *kind = (enum script_frame)head[0];
    *length =
        (size_t)head[1] | (size_t)head[2] << 8 | (size_t)head[3] << 16 | (size_t)head[4] << 24;
    char *data = base_alloc(*length + 1);
    child_read(c, data, *length);
    data[*length] = 0;
    return data;
}

struct script_source *child_include(struct child *c, const char *name, char **problem)
{
    enum script_frame kind;
    size_t length;
    if (c->file_count == SCRIPT_FILES) {
        *problem = base_printf("it includes more than %d files", SCRIPT_FILES - 1);
        return NULL;
    }
    child_send(c, FRAME_INCLUDE, name, strlen(name));
    char *data = receive(c, &kind, &length);
    if (kind != FRAME_FILE) {
        *problem = data;
        return NULL;
    }
    struct script_source *f = &c->files[c->file_count++];
    size_t shown = strlen(data);
    f->name = base_strdup(name);
    f->shown = base_strdup(data);
    f->length = length - shown - 1;
    f->text = base_alloc(f->length + 1);
    memcpy(f->text, data + shown + 1, f->length);
    f->text[f->length] = 0;
    free(data);
    return f;
}

/* ---- one evaluation ---- */

struct evaluation {
    struct child *child;
    struct val *out;
    const char *const *without;
};

/* Figure and expectations are of the whole: those of the first combination count. */
static const char *const whole[] = { "sweep", NULL };
static const char *const bare[] = { "sweep", "figure", "expectations", NULL };

/* Protected: leaves the returned table on the stack. */
static int evaluate_text(lua_State *L)
{
    struct child *c = sandbox_child(L);
    c->include_depth = 0;
    sandbox_run_file(L, &c->files[0]);
    if (!lua_istable(L, -1))
        sandbox_fail(L, "%s: a configuration returns a table, this one returns %s",
                     c->files[0].shown, lua_isnil(L, -1) ? "nothing" : luaL_typename(L, -1));
    return 1;
}

static int convert_root(lua_State *L)
{
    struct evaluation *v = lua_touserdata(L, 2);
    lua_settop(L, 1);
    v->out = convert_value(L, "", v->without);
    return 0;
}

/* The sweep without its constraint; the constraint (or nil) is returned. */
static int convert_sweep(lua_State *L)
{
    struct evaluation *v = lua_touserdata(L, 2);
    lua_settop(L, 1);
    lua_getfield(L, 1, "sweep");
    if (lua_isnil(L, -1))
        return 1;
    if (!lua_istable(L, -1))
        sandbox_fail(L, "%s: sweep is a table { product = ..., zip = ... }, not a %s",
                     v->child->files[0].shown, luaL_typename(L, -1));
    v->out = convert_value(L, "sweep", (const char *const[]){ "constraint", NULL });
    lua_getfield(L, -1, "constraint");
    if (!lua_isnil(L, -1) && !lua_isfunction(L, -1))
        sandbox_fail(L, "%s: sweep.constraint is a function of the values, not a %s",
                     v->child->files[0].shown, luaL_typename(L, -1));
    return 1;
}

static void check(struct child *c, lua_State *L, int status)
{
    if (status != LUA_OK)
        child_fail(c, sandbox_error(L, status));
}

static lua_State *evaluate(struct child *c)
{
    lua_State *L = sandbox_open(c);
    if (!L)
        child_fail(c, "no memory to evaluate the configuration in");
    lua_pushcfunction(L, evaluate_text);
    check(c, L, lua_pcall(L, 0, 1, 0));
    c->quiet = true;
    return L;
}

/* Calls fn(table at index 1, userdata) protected. */
static void convert_with(struct child *c, lua_State *L, lua_CFunction fn, struct evaluation *v,
                         int results)
{
    c->instructions = SCRIPT_INSTRUCTIONS;
    lua_pushcfunction(L, fn);
    lua_pushvalue(L, 1);
    lua_pushlightuserdata(L, v);
    check(c, L, lua_pcall(L, 2, results, 0));
}

/* ---- the sweep ---- */

struct expansion {
    struct child *child;
    lua_State *first;
    int constraint;      /* its index on first's stack; 0: none */
    struct val *last;    /* the values of the last evaluation, */
    struct wire outcome; /* and what it gave */
    bool started;        /* a case has been sent */
};

static int push_values(lua_State *L)
{
    libs_push_val(L, lua_touserdata(L, 1));
    return 1;
}

static bool keep(void *arg, const struct val *values, struct err *e)
{
    struct expansion *x = arg;
    lua_State *L = x->first;
    union {
        const struct val *in;
        void *out;
    } no_const = { .in = values };
    x->child->instructions = SCRIPT_INSTRUCTIONS;
    lua_pushvalue(L, x->constraint);
    lua_pushcfunction(L, push_values);
    lua_pushlightuserdata(L, no_const.out);
    int status = lua_pcall(L, 1, 1, 0);
    if (status == LUA_OK)
        status = lua_pcall(L, 1, 1, 0);
    if (status != LUA_OK)
        return err_set(e, "%s", sandbox_error(L, status));
    bool is_bool = lua_isboolean(L, -1), yes = lua_toboolean(L, -1);
    if (!is_bool)
        err_set(e, "%s: sweep.constraint must return true or false, it returned %s",
                x->child->files[0].shown, luaL_typename(L, -1));
    lua_pop(L, 1);
    return yes;
}

/* Would the text give the same again?  It is a function of what it asks for. */
static bool same_again(const struct expansion *x, const struct val *values)
{
    bool same = x->last != NULL;
    for (size_t i = 0; same && i < values->count; i++)
        same = !x->child->asked[i] || val_equal(values->items[i], x->last->items[i]);
    return same;
}

static void evaluate_case(struct expansion *x, const struct val *values)
{
    struct child *c = x->child;
    struct evaluation v = { .child = c, .without = x->started ? bare : whole };
    size_t lua_bytes = c->lua_bytes;
    memset(c->asked, 0, sizeof c->asked);
    c->sweep = values;
    lua_State *L = evaluate(c);
    convert_with(c, L, convert_root, &v, 0);
    val_free(x->last);
    x->last = val_copy(values);
    x->outcome.length = 0;
    wire_val(&x->outcome, v.out);
    val_free(v.out);
    lua_close(L);
    c->sweep = NULL;
    c->lua_bytes = lua_bytes; /* of the first state, which is still open */
}

static bool run_case(void *arg, const struct val *values, struct err *e)
{
    (void)e;
    struct expansion *x = arg;
    struct wire w;
    if (!same_again(x, values))
        evaluate_case(x, values);
    wire_init(&w);
    wire_val(&w, values);
    wire_bytes(&w, x->outcome.data, x->outcome.length);
    child_send(x->child, FRAME_CASE, w.data, w.length);
    wire_fini(&w);
    if (!x->started) { /* what comes next is not the same: it is bare */
        val_free(x->last);
        x->last = NULL;
    }
    x->started = true;
    return true;
}

/* `sweep` with what -p says of sweep.replications and sweep.seeds. */
static struct val *overridden(struct val *sweep, const struct script_options *o, struct err *e)
{
    for (size_t i = 0; i < o->override_count; i++) {
        const struct script_override *p = &o->overrides[i];
        if (strncmp(p->path, "sweep.", 6) != 0)
            continue;
        if (!sweep)
            sweep = val_new(VAL_TABLE, NULL, 0);
        if (!val_set_path(sweep, p->path + 6, val_copy(p->value), e))
            return sweep;
    }
    return sweep;
}

static void send_done(struct child *c, const struct val *sweep, const struct val *axes,
                      const struct val *bisect)
{
    struct wire w;
    struct val *nil = val_new(VAL_NIL, NULL, 0), *none = val_new(VAL_LIST, NULL, 0);
    const struct val *seeds = val_get(sweep, "seeds"), *n = val_get(sweep, "replications");
    wire_init(&w);
    wire_val(&w, c->reads);
    wire_val(&w, axes);
    wire_val(&w, seeds ? seeds : none);
    wire_val(&w, n ? n : nil);
    wire_val(&w, bisect ? bisect : nil);
    child_send(c, FRAME_DONE, w.data, w.length);
}

/* One case of a sweep that was expanded before. */
NO_RETURN static void child_one(struct child *c, const struct val *values)
{
    struct expansion x = { .child = c, .started = true };
    struct val *none = val_new(VAL_LIST, NULL, 0);
    struct err e = ERR_INIT;
    c->quiet = true;
    if (!run_case(&x, values, &e))
        child_fail(c, e.text);
    send_done(c, NULL, none, NULL);
    _exit(0);
}

void child_main(int fd, const struct script_options *o)
{
    static struct child c;
    char *problem = NULL;
    struct err e = ERR_INIT;
    c.options = o;
    c.fd = fd;
    c.reads = val_new(VAL_TABLE, NULL, 0);
    /* The first file is asked for as any other; its name is empty. */
    if (!child_include(&c, "", &problem))
        child_fail(&c, problem);
    if (o->only)
        child_one(&c, o->only);
    struct expansion x = { .child = &c, .first = evaluate(&c) };
    struct evaluation v = { .child = &c };
    convert_with(&c, x.first, convert_sweep, &v, 1);
    if (lua_isfunction(x.first, -1))
        x.constraint = lua_gettop(x.first);
    struct val *sweep = overridden(v.out, o, &e);
    struct sweep_plan plan = { .each = run_case, .arg = &x, .reads = c.reads };
    if (x.constraint != 0)
        plan.keep = keep;
    if (e.set || !sweep_expand(sweep, o, &plan, &e))
        child_fail(&c, e.text);
    send_done(&c, sweep, plan.axes, plan.bisect);
    _exit(0);
}
