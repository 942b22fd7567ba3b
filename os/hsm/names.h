/* names.h: the name server: directories, and names of bitfiles.
 *
 * A tree of directories, whose files are names of bitfiles (bitfile.h), in records with a log
 * (records.h).  Part of it may be declared: `dirs` directories d000000 and on in the root, of which
 * each has `fanout` files, f000000000 and on over all; file n is bitfile n.  What is changed of it
 * differs from then on.
 *
 *   NAMES1  Each change is one commit: it is there whole, or not at all, whatever crashes; with
 *       FILE_OK it is there.
 *   NAMES2  In a directory no name is there twice; every file and directory is in one directory,
 *       and all of them below the root.
 *
 * The server does one thing after the other, so whoever asks sees all that was answered before.  It
 * knows nothing of bitfiles but their numbers: who removes a name, or puts another file in its
 * place, is told the number, and removes the bitfile.
 *
 * Rights are those of os/file/file.h; handles are never used twice.  A status: as there; of a call
 * that ends with FILE_UNREACHABLE nobody knows whether it was done.
 *
 * Procedures of HSM_SERVICE_NAMES, long calls (call.h), are enum name_op; arguments and replies are
 * laid out in names_internal.h.
 */
#ifndef OS_HSM_NAMES_H
#define OS_HSM_NAMES_H

#include "os/file/file.h"
#include "os/hsm/hsm.h"
#include "os/hsm/records.h"

#define NAME_ROOT UINT64_C(0)

enum name_op {
    NAME_LOOKUP,   /* `name` in `dir` */
    NAME_STAT,     /* of `file` */
    NAME_CREATE,   /* `name` in `dir`, of bitfile `bitfile` */
    NAME_MAKE_DIR, /* the same, a directory */
    NAME_REMOVE,   /* a name of a file, or of a directory with no entries; `bitfile` out: whose */
    NAME_RENAME,   /* `name` in `dir` is `to_name` in `to_dir`.  A file of that name goes:
                      `replaced`, and `bitfile`; a directory is FILE_EXISTS */
    NAME_LIST,     /* some entries of `dir` from `at` on into `entries`; at out: where the next call
                      goes on, 0: nowhere.  FILE_NO_FILE: what was there is gone, begin anew */
    NAME_CHANGE,   /* mode of `file`, of the caller's; by root, its ids as well, from `attr` */
    NAME_OP_COUNT
};

struct name_attr {
    bool dir;
    uint32_t mode, uid, gid;
    uint32_t entries; /* of a directory */
    sim_time changed; /* last; 0: declared so */
};

struct name_call {
    enum name_op op;
    uint64_t dir, to_dir;       /* handles */
    uint64_t file;              /* out of what makes or looks up */
    const char *name, *to_name; /* 1 to FILE_NAME_MAX bytes; the caller's until `done` */
    struct file_rights who;     /* mode: of what is made; 0: 0666 */
    uint64_t bitfile;           /* out, too */
    uint64_t at;
    struct name_attr attr;             /* out, but of CHANGE */
    bool replaced;                     /* out */
    struct rope entries;               /* out of LIST: for name_entry_next; the caller's */
    void (*done)(struct name_call *c); /* an upcall, later; the call is the caller's again */
    void *arg;
    enum file_status status; /* out */
    struct name_door *door;  /* while it is under way */
    void *waiting;
};

struct name_door; /* on one node */
/* On the compute nodes, if no group is named. */
extern const struct os_service_ops name_client_service;
/* Never blocks.  The call is the door's until `done`. */
void name_ask(struct name_door *d, struct name_call *c);
/* The same in a thread; `done` is not used.  (blocks) */
enum file_status name_wait(struct name_door *d, struct name_call *c);
/* Where "a/b/c" is, one name after the other from the root, by a user: its handle in *file, its
 * bitfile in *bitfile.  (blocks) */
enum file_status name_walk(struct name_door *d, const struct file_rights *who, const char *path,
                           uint64_t *file, uint64_t *bitfile);

struct name_entry {
    uint64_t file, bitfile;
    bool dir;
    char name[FILE_NAME_MAX + 1];
};
/* An entry off the front; false: there is none. */
bool name_entry_next(struct rope *entries, struct name_entry *out);

/* ---- the server ---- */

struct name_params {
    int64_t names;        /* room for so many, declared ones not among them */
    int64_t dirs, fanout; /* declared; file n is in directory n / fanout */
    int64_t declared;
    int64_t buckets;
    sim_time retry;
    struct records_params records;
    const struct val *files;
    struct file_stack stack;
};
/* Its names: directory k of the declared, file n. */
void name_of_dir(uint64_t k, char out[FILE_NAME_MAX + 1]);
void name_of_file(uint64_t n, char out[FILE_NAME_MAX + 1]);

/* Serves on this node; its records are in `files`. */
struct names *name_serve(struct xk_protl *rpc, struct file_sys *files,
                         const struct name_params *params);
struct name_door *name_open(struct xk_protl *rpc, uint32_t host, sim_time retry);
extern const struct os_service_ops name_server_service;
extern const struct counter name_counters[]; /* "name_server.*" */

#endif
