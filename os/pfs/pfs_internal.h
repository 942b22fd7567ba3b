/* pfs_internal.h: private to os/pfs/: wire formats, and the structures of the client. */
#ifndef OS_PFS_PFS_INTERNAL_H
#define OS_PFS_PFS_INTERNAL_H

#include "os/file/spread.h"
#include "os/pfs/hash.h"
#include "os/pfs/mode.h"
#include "os/proto/select/select.h"
#include "os/xk/peers.h"

/* ---- services and procedures ---- */
enum { PFS_SERVICE_META = 0x5001, PFS_SERVICE_IO = 0x5002, PFS_SERVICE_CLIENT = 0x5003 };

enum pfs_meta_proc {
    PFS_META_OPEN,    /* name, flags, attrs, rank, ranks, of gopen value: mode, once all came
                         -> id, size, attrs, ranks: number of the last setiomode, flags: rank 0's */
    PFS_META_CLOSE,   /* id, size, rank, ranks, flags: token given back, value: which grant,
                         unit: record length */
    PFS_META_UNLINK,  /* name -> id, attrs */
    PFS_META_STAT,    /* id -> size; flags: exact -> all, value: the shared pointer */
    PFS_META_EXTEND,  /* id, size -> size: the larger of both */
    PFS_META_SIZE,    /* id, size: the file's size is this */
    PFS_META_TOKEN,   /* id, size as known -> size, value: grant, once the token is the caller's */
    PFS_META_POINTER, /* id, value: length or offset, flags: write or seek
                         -> value: offset, unit: bytes of it, id: the pointer after it, size */
    PFS_META_ORDER,   /* id, value: length, offset or mode, unit: record length, rank, ranks, flags
                         -> the same once all came, ranks: the round, or the setiomode's number */
    PFS_META_AGREE,   /* name: tag, ranks, value -> value: the largest */
    PFS_META_LOOKUP,  /* name -> id, size, attrs, flags: a directory */
    PFS_META_MKDIR,   /* name */
    PFS_META_RMDIR,   /* name */
    PFS_META_RENAME,  /* name, behind it the new one -> id, attrs: of a file that it replaced */
    PFS_META_LIST,    /* name, value: from which place -> value: the next, 0: that is all; names */
    PFS_META_CHMOD,   /* name, size: mode, value: user and group */
    PFS_META_NOTE,    /* id; flags: write: the label behind it is kept; number: value is that of
                         the checkpoint, size its size -> value, size; the label */
    PFS_META_PROCS
};
enum pfs_io_proc {
    PFS_IO_READ,
    PFS_IO_WRITE,
    PFS_IO_SIZE,
    PFS_IO_SYNC,
    PFS_IO_REMOVE,
    PFS_IO_FILL,
    PFS_IO_FILL_WARM,
    PFS_IO_LENGTH,     /* -> 8 bytes: where the file ends, as far as this node knows */
    PFS_IO_CHECKPOINT, /* record: its number */
    PFS_IO_ROLLBACK,   /* record: to which; what was not there then is empty */
    PFS_IO_HINT,       /* record: enum file_hint, len: its `size`; of the runs behind, of the part
                          there, or, where there are none, of all of that */
    PFS_IO_PROCS
};
enum pfs_client_proc {
    PFS_CLIENT_RECALL, /* id, value: grant: the token is wanted -> size, once it is given back */
    PFS_CLIENT_GLOBAL  /* os/file/spread.h: what the ranks' one transfer gave */
};

/* ---- wire formats, big-endian ---- */

#define PFS_META_BYTES 128
struct pfs_meta_msg { /* then `factor` group entries of two bytes, and what a long name has more */
    uint32_t status, flags;
    uint64_t id, size, value, unit;
    uint32_t factor, rank, ranks;
    struct file_rights rights; /* the caller's; LOOKUP -> the entry's */
    char name[PFS_NAME_MAX + 1];
};
enum {
    PFS_META_WRITE = 8,
    PFS_META_TOKEN_BACK = 16,
    PFS_META_SEEK = 64,
    PFS_META_MODE = 128,
    PFS_META_TOGETHER = 256,
    PFS_META_CUR = 512,    /* a seek from the pointer */
    PFS_META_END = 1024,   /* from the end */
    PFS_META_EXACT = 2048, /* as the holder of the token knows it */
    PFS_META_DIR = 4096,
    PFS_META_UNSIZED = 8192, /* ask the I/O nodes for the size, and tell it (EXTEND) */
    PFS_META_LOOK = 16384,   /* open, to know the size alone */
    PFS_META_NUMBER = 32768, /* of OPEN and LOOKUP: not of the name, of the file whose number at the
                                I/O nodes is id */
    PFS_META_MODE_AT = 16 /* from this bit on: the number of the mode that a request is made in */
};                        /* flags beside PFS_O_... */

#define PFS_IO_ARGS_BYTES 48
struct pfs_io_args { /* then the data of a write */
    uint64_t id, off, len;
    uint64_t
        record; /* its length where records have one, else 0; PFS_IO_FILL: the pattern's seed */
    uint64_t unit;
    uint32_t factor, dir;
    uint32_t number; /* of the last setiomode */
};

/* The name of a file's part on each of its I/O nodes. */
void pfs_local_name(char out[FILE_NAME_MAX + 1], uint64_t id);

/* Of a request to an I/O node in a trace: file, directory, place; at both ends and below. */
static inline uint64_t pfs_io_trace_id(uint64_t id, uint32_t dir, uint64_t off)
{
    return id << 48 | (uint64_t)(dir & 0xfff) << 36 | (off >> 9 & 0xfffffffffU);
}

#define PFS_IO_REPLY_BYTES 24
struct pfs_io_reply { /* then the data of a read */
    uint32_t status;
    uint32_t
        edge; /* the local file ended in the range that was read, or the write made it longer */
    uint32_t cuts;           /* of READ and WRITE: another after the local file may have been cut */
    sim_time device, server; /* the device worked; from arrival to reply */
};

bool pfs_mounts_listed(const struct pfs_params *p); /* else there is one, at the root */
/* pfs_meta_start and pfs_client_start with the set of modes. */
void pfs_meta_boot(struct xk_protl *rpc, const struct os_layout *layout,
                   const struct pfs_params *params, const struct kind_set *modes,
                   struct file_sys *names);
/* The client. */
struct pfs_client *pfs_client_boot(struct xk_protl *rpc, const struct os_layout *layout,
                                   const struct pfs_params *params, const struct kind_set *modes);

void pfs_meta_store(struct rope *out, const struct pfs_meta_msg *m, const uint32_t *group);
/* Of the message without what some calls have behind it. */
uint64_t pfs_meta_length(const struct pfs_meta_msg *m);
/* group: NULL or PFS_FACTOR_MAX entries.  False: too short or out of range. */
bool pfs_meta_load(const struct rope *in, struct pfs_meta_msg *m, uint32_t *group);
void pfs_io_args_store(struct rope *out, const struct pfs_io_args *a); /* data is joined behind */
bool pfs_io_args_load(struct rope *in, struct pfs_io_args *a);         /* taken off the front */
void pfs_io_reply_store(struct rope *out, const struct pfs_io_reply *r);
bool pfs_io_reply_load(struct rope *in, struct pfs_io_reply *r);

enum pfs_status pfs_status_of_call(enum xk_status s);
enum pfs_status pfs_status_of_file(enum file_status s);

/* ---- the client ---- */

enum pfs_token { PFS_TOKEN_NONE, PFS_TOKEN_ASKED, PFS_TOKEN_HELD };

/* A file that is open on this node at least once. */
struct pfs_vnode {
    struct list link;
    struct pfs_hashed numbered;
    struct pfs_client *client;
    uint64_t id;
    uint64_t size;  /* with the token the file's; else as last known, which others may have cut */
    uint32_t sized; /* rises when what was asked before says nothing of `size` any more */
    uint32_t *cuts; /* by directory: what its I/O node said last */
    uint64_t local; /* its number at the I/O nodes */
    struct pfs_attrs attrs;
    uint32_t refs;
    bool stale;              /* the service node has restarted since */
    struct xk_unsafe unsafe; /* by directory: changed from here, and not synced since */
    /* the token */
    enum pfs_token token;
    uint64_t grant;
    uint64_t gave; /* the size that went back with it last */
    bool fresh;    /* granted and not used yet: one request before it is given back */
    struct select_request *recall;
    uint64_t recall_grant; /* which it recalls */
    uint32_t running;      /* requests that hold it */
    uint64_t batch;        /* that has it; 0: none */
    struct list opens;     /* pfs_file.same */
    struct list queue;     /* pfs_req.link: requests that wait for it, in order */
};

/* What reads of an open file have been like. */
struct pfs_expected {
    bool any;
    uint32_t fits, need; /* that many in a row were where expected; so many must be */
    uint64_t off, len, last, stride;
};

struct pfs_file {
    struct list same; /* of one vnode */
    struct pfs_client *client;
    struct pfs_vnode *v;
    enum pfs_mode mode;
    bool read_only, owned;          /* owned: by who opened it, or that was user 0 */
    const struct pfs_mode_ops *ops; /* its */
    uint64_t pointer;               /* of records: the base */
    uint64_t record;                /* length of records, 0 until the first request */
    uint64_t count;                 /* records so far */
    bool told;                      /* that the lengths of records differ */
    uint32_t number;                /* of the last setiomode */
    uint32_t rank, ranks;
    uint64_t crashes; /* of nodes, told before it was open */
    uint32_t turn;    /* seeks and writes at the private pointer so far, from 1 */
    struct pfs_expected expected;
    struct list ahead, awaited; /* blocks read ahead; those that a read waits for */
    uint32_t asked;             /* of all of them, under way */
    struct port_thread *settling;
    struct list orders; /* pfs_req.link: of rounds, the first is asking */
};

#define PFS_RPC_MAX (64u << 20) /* the most that the parameter `rpc` may be */

struct pfs_client {
    struct port *port;
    struct xk_protl *rpc;
    const struct os_layout *layout;
    const struct pfs_params *params;
    const struct kind_set *modes;
    struct file_rights user; /* of the program */
    uint64_t chunk;          /* data bytes in one call, a multiple of 64 KiB where that fits */
    struct list vnodes;
    struct pfs_hash by_id; /* of them */
    struct list retry;     /* pfs_piece.link */
    struct port_timer retry_timer;
    struct list calls;     /* metadata calls that wait to be tried again */
    struct spread *spread; /* of one transfer for all ranks */
    struct {
        uint64_t hits, misses, wasted;
    } counts;
    uint64_t batches; /* so far */
    uint64_t traced;  /* requests so far: their ids in a trace */
};

/* A part of a request that goes to one I/O node in one call. */
struct pfs_piece {
    struct list link;
    struct pfs_req *req;
    uint32_t dir;
    uint64_t local, len, used; /* used: bytes given to the reader */
    uint32_t tries;
    sim_time called;
    struct rope data;
};

/* Calls the metadata server; `done` gets the reply's message.  Never called back from inside. */
typedef void pfs_meta_done(void *arg, enum pfs_status status, const struct pfs_meta_msg *m,
                           const uint32_t *group);
void pfs_meta_call(struct pfs_client *c, enum pfs_meta_proc proc, const struct pfs_meta_msg *m,
                   const uint32_t *group, pfs_meta_done *done, void *arg);
/* The same for a thread. (blocks) */
enum pfs_status pfs_meta_ask(struct pfs_client *c, enum pfs_meta_proc proc, struct pfs_meta_msg *m,
                             uint32_t *group);
/* The same with more behind the message, NULL: nothing; it becomes what is behind the answer. */
enum pfs_status pfs_meta_ask_more(struct pfs_client *c, enum pfs_meta_proc proc,
                                  struct pfs_meta_msg *m, uint32_t *group, struct rope *more);
/* A request without data to directories [0, factor) of a file, in a thread; length: of
 * PFS_IO_LENGTH, the largest, else NULL. (blocks) */
enum pfs_status pfs_io_all(struct pfs_client *c, const struct pfs_attrs *attrs,
                           enum pfs_io_proc proc, uint64_t local, uint64_t size, uint64_t seed,
                           uint64_t *length);

/* `off` counts from `base` where `from` is PFS_META_CUR or PFS_META_END: makes it an offset. */
enum pfs_status pfs_seek_from(uint64_t base, unsigned from, uint64_t *off);
void pfs_arm_retry(struct pfs_client *c); /* soon retry_tick, pfs_data_retry */
struct pfs_vnode *pfs_vnode_find(struct pfs_client *c, uint64_t id);
/* As pfs_open and pfs_stat, of the file whose number at the I/O nodes this is, whatever its name is
 * now. (block) */
enum pfs_status pfs_open_numbered(struct pfs_client *c, uint64_t number, enum pfs_mode mode,
                                  struct pfs_file **out);
enum pfs_status pfs_stat_numbered(struct pfs_client *c, uint64_t number, struct pfs_stat *out);
/* Its size is this, whatever was asked before. */
void pfs_vnode_sized(struct pfs_vnode *v, uint64_t size);
/* What its I/O node `dir` has of it was changed from here. */
void pfs_vnode_changed(struct pfs_vnode *v, uint32_t dir);
/* A call of all ranks of a file, or a seek of one where the pointer is first come, first served;
 * moves what this rank knows of the pointer. (blocks) */
enum pfs_status pfs_call_together(struct pfs_file *f, enum pfs_meta_proc proc, unsigned flag,
                                  uint64_t value, uint32_t *number);
/* The token: back to the service node, which waits for it; it wants it. */
void pfs_token_give(struct pfs_vnode *v);
void pfs_token_recalled(struct pfs_client *c, struct select_request *q,
                        const struct pfs_meta_msg *a);
bool pfs_ends_too_far(const struct pfs_req *r);
void pfs_data_start(struct pfs_req *r); /* the offset is known; the token is held if needed */
void pfs_data_read(struct pfs_req *r);  /* the same, whatever is read ahead */
void pfs_data_ahead(struct pfs_req *r); /* a block that is read ahead */
/* Reading ahead (pfs_ahead.c).  Whether a read has its data from there, now or later. */
bool pfs_ahead_serve(struct pfs_req *r) MUST_CHECK;
void pfs_ahead_next(struct pfs_req *r);    /* a read has ended that was not short */
void pfs_ahead_forget(struct pfs_file *f); /* drops all */
void pfs_ahead_settle(struct pfs_file *f); /* and waits for what is under way (blocks) */
/* [off, end) has changed: drops what is in it. */
void pfs_ahead_written(struct pfs_vnode *v, uint64_t off, uint64_t end);
void pfs_data_retry(struct pfs_client *c);
void pfs_req_end(struct pfs_req *r, enum pfs_status s);

#endif
