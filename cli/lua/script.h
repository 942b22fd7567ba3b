/* script.h: a configuration's Lua text, evaluated in a child process of its own.
 *
 * The boundary is the process: the child has no file, no network, no more than SCRIPT_CPU_SECONDS
 * of processor time for a case, bounded memory, and a short list of system calls.  What it may
 * include is opened by the parent below the folders of `roots` (sim/input.h).  It hands back plain
 * data through a socket, which the parent reads as hostile input.  Inside, the Lua libraries are
 * cut down to what has no effect and no chance (docs/configuration.md lists them); limits there are
 * for honest mistakes only.
 *
 * Nothing outside cli/lua/ includes a header of Lua, and this header names none of its types.
 */
#ifndef CLI_LUA_SCRIPT_H
#define CLI_LUA_SCRIPT_H

#include "sim/base/base.h"
#include "sim/base/err.h"
#include "sim/base/val.h"

enum {
    SCRIPT_CPU_SECONDS = 3,  /* of processor time between one case and the next */
    SCRIPT_WALL_SECONDS = 6, /* of host time, the same */
    SCRIPT_CASE_MS = 5,      /* of host time a case, on average over SCRIPT_WALL_SECONDS */
    SCRIPT_AXES = 64,
    SCRIPT_LUA_MIB = 64,      /* Lua's own allocator */
    SCRIPT_ADDRESS_MIB = 512, /* RLIMIT_AS; not under AddressSanitizer */
    SCRIPT_OUTPUT_MIB = 64,   /* all that comes back */
    SCRIPT_FILE_BYTES = 1 << 20,
    SCRIPT_FILES = 64,
    SCRIPT_CASES = 100000,
    SCRIPT_MEMBERS = 4096,  /* names in one table */
    SCRIPT_NODES = 1000000, /* values in one result */
    SCRIPT_DEPTH = 40,      /* of nested tables */
    SCRIPT_PRINTS = 200     /* lines that are shown */
};
#define SCRIPT_INSTRUCTIONS INT64_C(100000000) /* of one evaluation */

struct script_override {
    const char *path;
    const struct val *value; /* its `file` names the option, for sentences */
};

struct script_options {
    const char *file;         /* opened by the parent */
    const char *const *roots; /* folders that include searches, in order; NULL-terminated */
    const struct script_override *overrides;
    size_t override_count;
    /* Evaluate under these swept values alone, without expanding the sweep; NULL: expand it. */
    const struct val *only;
    const struct val *sources; /* texts by file name as shown, in place of the files; may be NULL */
};

/* One combination of the sweep's values, and what the text returned under it, its `sweep` left
 * out. */
struct script_case {
    struct val *root, *sweep;
};

struct script_result {
    struct script_case *cases;
    size_t case_count, case_capacity;
    struct val *sources;      /* table: file name as shown -> text */
    struct val *reads;        /* table: each path that param() was asked for */
    struct val *axes;         /* list of the swept paths */
    struct val *seeds;        /* sweep.seeds, a list; empty when absent */
    struct val *replications; /* sweep.replications, or NULL */
    struct val *bisect;       /* sweep.bisect, or NULL; the cases then have its lowest value */
};

/* Evaluates and expands.  False with one sentence; out is empty then.  No child is left in either
 * case.  What the text prints goes to standard error, each line after "FILE: ". */
bool script_run(const struct script_options *o, struct script_result *out,
                struct err *e) MUST_CHECK;
void script_result_fini(struct script_result *r);

#endif
