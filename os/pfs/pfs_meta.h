/* pfs_meta.h: the metadata server: names, attributes, sizes, tokens, shared pointers, gathers.
 *
 * One per machine, on the service node; all of it is upcalls, and all of it is lost when the node
 * crashes, but for names that are kept.  A file's number holds the node's incarnation, so that no
 * number is given twice; a file that is found again has a new one, but for the I/O nodes.
 *
 *   pfs_meta.c    what a file has; calls by their procedure
 *   pfs_tree.c    names and directories
 *   pfs_log.c     keeps them in a file
 *   pfs_token.c   who may use a file alone
 *   pfs_round.c   what ranks call together: rounds of the shared pointer by the rule of the mode
 *                 (mode.h: agree), setiomode, gopen, pfs_agree
 */
#ifndef OS_PFS_PFS_META_H
#define OS_PFS_PFS_META_H

#include "os/pfs/pfs_internal.h"

enum pfs_log_kind {
    PFS_LOG_CREATE,
    PFS_LOG_MKDIR,
    PFS_LOG_REMOVE,
    PFS_LOG_RENAME,
    PFS_LOG_ENTER,  /* names without a '/' in front are in this directory, made where it is not */
    PFS_LOG_LEAVE,  /* and now in the one above it */
    PFS_LOG_RIGHTS, /* of the name are now these */
    PFS_LOG_NOTE    /* of the file with that number; CREATE has it, too, where there is one */
};
/* What is kept with a file beside its name, layout and rights. */
struct meta_note {
    uint64_t checkpoint, size; /* its number, 0: none; and the file's size then */
    uint8_t label[FILE_LABEL_BYTES];
};
struct pfs_record {
    enum pfs_log_kind kind;
    uint64_t local; /* a file's number at the I/O nodes */
    struct file_rights rights;
    struct pfs_attrs attrs;
    char path[PFS_NAME_MAX + 1], to[PFS_NAME_MAX + 1];
    bool noted;
    struct meta_note note;
};
struct pfs_log {
    struct file_sys *files; /* NULL: names are in memory alone */
    uint64_t handle, log_bytes, number;
    uint64_t first; /* the number before the file's first record */
    uint32_t life;
    bool replaying, writing;
    bool failed;  /* for good */
    bool lost;    /* no answer came to several tries: nobody is told names until one does, */
    bool resting; /* and nobody tries */
    int64_t tries;
    struct port_timer again;
    struct file_req req;
    struct rope batch, sent;      /* records for the next write; of the write under way */
    struct list waiting, written; /* answers: of that, of the write under way */
    struct list early;            /* calls that wait for the names */
    struct meta_file *home;       /* while a tree is read: what m->home will be */
    /* A fresh log. */
    enum { COPY_NONE, COPY_UNDER_WAY, COPY_DONE } copying;
    bool switching;     /* the log's requests are for it, and then rename it */
    uint64_t next_copy; /* not before the log is longer */
    uint64_t fresh, fresh_end, fresh_first;
    uint64_t unwritten; /* bytes at the end of `sent` that the old log does not have */
    struct file_req copy;
    struct rope tree, since; /* since: the records that are not in it */
};

struct meta {
    struct port *port;
    struct xk_protl *rpc;
    const struct os_layout *layout;
    const struct pfs_params *params;
    const struct kind_set *modes;
    uint64_t next_id;
    uint32_t lowest_lost; /* of the ranks of the partition that crashed since this server booted */
    struct list files, gathers;
    struct file_rights as;         /* who calls */
    struct meta_file *root, *home; /* home: where paths without a '/' in front begin */
    uint64_t next_place;
    struct pfs_hash names, ids, locals; /* of all entries; of files by number; by that at the I/O
                                           nodes */
    struct list layouts;                /* attributes that files have */
    struct pfs_log log;
    struct {
        uint64_t records, copies, copied, lost;
    } counts;
    struct list retry; /* files whose recall found the queue full */
    struct port_timer retry_timer;
};

/* Calls that ranks make together: each rank's wait in their order, a round is one of each. */
struct meeting {
    uint32_t ranks, come; /* come: of them a call waits */
    struct list *calls;   /* by rank: waiters */
};

struct seat {
    uint32_t opens; /* how often the rank has the file open */
    bool closed;    /* not any more */
};

struct meta_mount {
    const struct pfs_attrs *attrs;
    bool fixed; /* files have them */
    enum pfs_first first;
    uint32_t members, next; /* next: where a file begins that is made now */
    const uint32_t *group;  /* all its members */
};

/* An entry of a directory. */
struct meta_file {
    struct meta *m;
    bool dir;
    struct file_rights rights;
    char *name;
    struct meta_file *parent;
    struct meta_mount *mount; /* NULL: above all */
    bool mounted;             /* it is the mount's own directory */
    struct list sibling;      /* in the parent's children, by place */
    struct list children;     /* of a directory */
    struct meta_file *listed; /* of them the one where a listing stopped, or NULL */
    uint64_t place;
    struct pfs_hashed named;
    /* Of a file. */
    struct pfs_hashed numbered, located;
    struct list link, retry;
    uint64_t id, size;
    uint64_t local;         /* its number at the I/O nodes: its first id */
    struct meta_note *note; /* NULL: all zeros */
    bool unsized; /* of an earlier life, nobody has asked the I/O nodes for its size since */
    const struct pfs_attrs *attrs;
    bool held, recalling;
    uint32_t holder;
    uint64_t grant; /* counts: a late answer to a recall of an earlier grant is ignored */
    struct list waiters;
    uint64_t pointer;
    /* The ranks that share it, more than one: those that have it open at one time. */
    struct meeting meeting;
    struct seat *seats;       /* by rank */
    uint32_t present, closed; /* ranks that have it open; that had, while others have */
    bool returns;             /* PFS_O_RETURN: one that crashes has closed it */
    uint32_t number, round;   /* of setiomodes and gopens; of collective calls */
    uint64_t record;          /* length of records of the ranks that have closed */
};

/* ---- pfs_meta.c ---- */

/* Answers, with the group when it is not NULL. */
/* A reply with that status and, where group is not NULL, layout; r is initialised here. */
void pfs_meta_pack(struct rope *r, enum pfs_status status, const struct pfs_meta_msg *m,
                   const uint32_t *group);
void pfs_meta_reply(struct select_request *q, enum pfs_status status, const struct pfs_meta_msg *m,
                    const uint32_t *group);
void pfs_meta_answer(struct select_request *q, enum pfs_status status, uint64_t size,
                     uint64_t value);
struct meta_file *pfs_meta_by_id(struct meta *m, uint64_t id);
struct pfs_meta_msg pfs_meta_file_reply(const struct meta_file *f);
/* To a stat. */
void pfs_meta_answer_stat(struct select_request *q, const struct meta_file *f);
/* The attributes of a new file below a mount; NULL: it may not have what the caller asks. */
const struct pfs_attrs *pfs_meta_attrs(struct meta *m, struct meta_mount *mount,
                                       const struct pfs_meta_msg *a, const uint32_t *group);
/* The same of a file that begins `from` members later in its mount's group. */
const struct pfs_attrs *pfs_meta_from(struct meta *m, const struct meta_mount *mount,
                                      const struct pfs_attrs *a, uint32_t from);
/* Files of one layout share it. */
const struct pfs_attrs *pfs_meta_kept(struct meta *m, const struct pfs_attrs *a);
/* A call of a client. */
void pfs_meta_serve(struct meta *m, struct select_request *q, uint32_t procedure,
                    struct rope *args);
/* A call that waits. */
struct pfs_call *pfs_meta_hang(struct meta *m, struct list *on, struct select_request *q,
                               uint64_t value);

/* ---- pfs_tree.c ---- */

void pfs_tree_init(struct meta *m); /* at boot */
/* A mount and its directory; fixed: its files have its attributes, else what the first is made
 * with. */
void pfs_tree_mount(struct meta *m, const struct pfs_mount *mount, bool fixed);
/* The entry of that path. */
enum pfs_status pfs_tree_find(struct meta *m, const char *path, struct meta_file **out);
/* The file that has that number at the I/O nodes; NULL: none. */
struct meta_file *pfs_tree_numbered(struct meta *m, uint64_t local);
/* The file of that name or number, made where that is asked. */
enum pfs_status pfs_tree_file(struct meta *m, const struct pfs_meta_msg *a, const uint32_t *group,
                              struct meta_file **out);
/* unlink, mkdir, rmdir, rename, list; false: another procedure. */
bool pfs_tree_serve(struct meta *m, struct select_request *q, uint32_t procedure,
                    const struct pfs_meta_msg *a, const struct rope *args);

/* Does what a record says. */
void pfs_tree_redo(struct meta *m, const struct pfs_record *r);
void pfs_tree_note(struct meta_file *f, const struct meta_note *note);

/* ---- pfs_log.c ---- */

void pfs_log_start(struct meta *m, struct file_sys *files); /* at boot */
/* True: the call waits until the names are read. */
bool pfs_log_waits(struct meta *m, struct select_request *q, uint32_t procedure, struct rope *args);
/* A name or note has changed; f: what was made or noted, else NULL. */
void pfs_log_add(struct meta *m, enum pfs_log_kind kind, const struct meta_file *f,
                 const char *path, const char *to);
/* Answers, once all that has been added is on the device.  The reply is taken. */
void pfs_log_send(struct meta *m, struct select_request *q, struct rope *reply);
/* The same with a message. */
void pfs_log_reply(struct meta *m, struct select_request *q, enum pfs_status status,
                   const struct pfs_meta_msg *msg, const uint32_t *group);

/* ---- pfs_token.c ---- */

/* At boot. */
void pfs_token_start(struct meta *m);
/* Answered once the token is the caller's. */
void pfs_token_ask(struct meta *m, struct select_request *q, struct meta_file *f, uint64_t size);
/* Sets the size, by way of the token where another node holds it. */
void pfs_token_size(struct meta *m, struct select_request *q, struct meta_file *f, uint64_t size);
/* Answers a stat, by way of the token where a node holds it. */
void pfs_token_stat(struct meta *m, struct select_request *q, struct meta_file *f);
/* It is not held any more: to the first who waits. */
void pfs_token_next(struct meta_file *f);

/* ---- pfs_round.c ---- */

/* A rank that shares the file has opened it. */
void pfs_group_join(struct meta *m, struct meta_file *f, uint32_t rank, uint32_t ranks,
                    uint32_t flags);
/* One has closed it. */
void pfs_group_leave(struct meta *m, struct meta_file *f, uint32_t rank);
/* The message is from one of those that share it. */
bool pfs_in_group(const struct meta_file *f, const struct pfs_meta_msg *a);
/* PFS_META_POINTER. */
void pfs_pointer_move(struct select_request *q, struct meta_file *f, const struct pfs_meta_msg *a);
/* PFS_META_ORDER: answered once its round is complete. */
void pfs_round_call(struct meta *m, struct select_request *q, struct meta_file *f,
                    const struct pfs_meta_msg *a);
/* PFS_META_AGREE. */
void pfs_gather_agree(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a);
/* gopen: rank 0's arguments count, once all ranks have come with one mode. */
void pfs_gather_open(struct meta *m, struct select_request *q, const struct pfs_meta_msg *a,
                     const uint32_t *group);
/* Ends what waits for ranks of a file. */
void pfs_meeting_end(struct meta *m, struct meeting *t, enum pfs_status s);
/* A rank that has crashed takes part in nothing any more, even when its node is back: it knows
 * nothing of what its partners wait for.  Nor does a metadata server that has crashed.  With
 * PFS_O_RETURN it has closed the file, and can open it again. */
bool pfs_rank_lost(const struct meta *m, uint32_t ranks);
/* The node of compute has crashed: so have its ranks of the file. */
void pfs_group_lost(struct meta *m, struct meta_file *f, uint32_t node);
/* A node has crashed: gathers that it may belong to end. */
void pfs_gather_lost(struct meta *m);

#endif
