/* child.h: inside the child process: the state shared by its files (private to cli/lua/). */
#ifndef CLI_LUA_CHILD_H
#define CLI_LUA_CHILD_H

#include <lua5.4/lua.h>

#include "cli/lua/script.h"
#include "cli/lua/tokens.h"

/* Frames on the socket: a kind, a 32-bit length, that many bytes. */
enum script_frame {
    FRAME_INCLUDE = 'I', /* child: a file name; the parent answers with FRAME_FILE or FRAME_ERROR */
    FRAME_FILE = 'F',    /* parent: name as shown, then its text */
    FRAME_ERROR = 'E',   /* a sentence */
    FRAME_PRINT = 'P',   /* child: one line */
    FRAME_CASE = 'C',    /* child: sweep, root */
    FRAME_DONE = 'D'     /* child: reads, axes, seeds, replications, bisect */
};

struct script_source {
    char *name;  /* as include was given it; NULL for the configuration itself */
    char *shown; /* in sentences */
    char *text;
    size_t length;
    struct tokens tokens;
    size_t first; /* number of its first constructor */
    char *code;   /* compiled, for the evaluations after the first; NULL: not yet */
    size_t code_length;
};

struct child {
    int fd;
    const struct script_options *options;
    struct script_source files[SCRIPT_FILES];
    size_t file_count;
    size_t table_count;      /* constructors numbered so far */
    const struct val *sweep; /* values of the case being evaluated; NULL: none yet */
    bool asked[SCRIPT_AXES]; /* which of them param() has given to this evaluation */
    struct val *reads;
    bool quiet; /* print says nothing: it has been said before */
    int printed;
    size_t include_depth;
    size_t lua_bytes;
    int64_t instructions; /* left to this evaluation */
};

/* ---- sandbox.c: a Lua state with what a configuration may use ---- */
lua_State *sandbox_open(struct child *c); /* NULL: no memory */
/* The child that the state was opened for. */
struct child *sandbox_child(lua_State *L);
/* Compiles and runs a file; its one value is left on the stack.  Raises a Lua error. */
void sandbox_run_file(lua_State *L, struct script_source *f);
/* The sentence of the error on top of the stack, with file names as shown. */
char *sandbox_error(lua_State *L, int status);
/* Raises an error with a sentence that stands complete. */
NO_RETURN void sandbox_fail(lua_State *L, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct sandbox_place {
    const struct script_source *file; /* NULL: unknown */
    int line;
    bool literal; /* the key stands at that line; else the table that it is in begins there */
    size_t order; /* literal: its rank among the table's keys in the text */
};
/* Where a member of the table at idx is written (name NULL: the element `index`).  The stack is as
 * before. */
struct sandbox_place sandbox_place(lua_State *L, int idx, const char *name, int64_t index);
/* The table at `out` was merged from those at a and b: its members are written there. */
void sandbox_note_merged(lua_State *L, int out, int a, int b);

/* ---- libs.c: the libraries ---- */
/* Gives the state Lua's libraries, without what reaches outside or is not reproducible, and psim's
 * functions.  Raises a Lua error when memory is out, so call it protected. */
void libs_open(lua_State *L);
/* Pushes the tree as a Lua value of its own; raises a Lua error as libs_open does. */
void libs_push_val(lua_State *L, const struct val *v);

/* ---- convert.c: Lua values as trees ---- */
/* The value on top of the stack (left there) as a tree that the caller frees; raises a Lua error
 * for what is no plain data.  `what` names it in sentences.  Members called as one of `without`
 * (ends with NULL) are left out of the outermost table. */
struct val *convert_value(lua_State *L, const char *what, const char *const *without);

/* ---- child.c ---- */
/* The process's main function; never returns. */
NO_RETURN void child_main(int fd, const struct script_options *o);
/* Sends one frame, blocking; ends the process (status 5) when the parent is gone. */
void child_send(struct child *c, enum script_frame kind, const void *data, size_t length);
/* Asks the parent for a file.  NULL with *problem (heap) set. */
struct script_source *child_include(struct child *c, const char *name, char **problem);

/* ---- sweep.c ---- */
struct sweep_plan {
    /* False without a sentence: the combination is left out; with one: the sweep fails. */
    bool (*keep)(void *arg, const struct val *values, struct err *e);
    bool (*each)(void *arg, const struct val *values, struct err *e);
    void *arg;
    const struct val *reads;  /* false at a path: a list is one value there */
    struct val *axes;         /* out: list of the paths; the caller frees */
    const struct val *bisect; /* out: the sweep's, or NULL when there is none or -p replaces it */
};
/* Expands `sweep` (a tree, or NULL) under the -p overrides and calls each(arg, values) for every
 * combination that `keep` (NULL: all) does not refuse; `values` live until it returns.  A path that
 * -p gives several values becomes an axis.  False with a sentence, after the calls so far: a
 * mistake, more than SCRIPT_CASES combinations, none left, or `each` was false. */
bool sweep_expand(const struct val *sweep, const struct script_options *o, struct sweep_plan *p,
                  struct err *e) MUST_CHECK;

/* ---- limits.c ---- */
/* Shuts this process in, for good: keep_fd becomes 3 and all else is closed or /dev/null; memory,
 * processor time and system calls are limited.  Ends the process (status 4) when that cannot be. */
void limits_apply(int keep_fd);

#endif
