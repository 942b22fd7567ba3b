/* file.h: files as layers see them: one request, one submit, and file systems that stack.
 *
 * A file system is a struct file_sys: its layer's ops, its node's port, and the file system below
 * it.  Who has files to read or write fills a request in and submits it; when it has ended, `done`
 * is called.  A layer does with it what is its trade and passes what it leaves alone to the one
 * below; the bottom (os/lfs: on a device; os/file/remote.c: another node's file system) answers.
 * Nothing blocks, so upcalls may use it.
 *
 *   FILE1  Every request ends exactly once, by `done`, which is never called from inside a submit:
 *       a layer that passes a request on adds no event, a bottom that can answer at once arms one.
 *       `done` may submit; the stack does not grow by it.  Until `done` the request and what its
 *       runs, names and data point to belong to the file system; afterwards to the caller.
 *   FILE2  The data of a request stand in the order of its runs and of the pieces in each.  The
 *       pieces are served in any order; which is best the bottom knows.  Where pieces of a WRITE
 *       overlap, any of them may be the last.
 *   FILE3  A READ gives the bytes of its list up to the first that lies behind the end of the file:
 *       `moved` of them.  A WRITE moves all bytes of the list or, when its status is not FILE_OK,
 *       any.
 *   FILE4  A layer that wants to see how a request ends puts its own `done` and `arg` into it, and
 *       the caller's back before it calls that.  It leaves all else of the request as it came, but
 *       for what is `out`, so that it can be submitted again.
 *   FILE5  What the layers of a stack promise of files is what the bottom promises (os/lfs/lfs.h:
 *       order, zeros, crashes), unless a layer says otherwise.
 *
 * A stack is data: `files = { "pass", { layer = "remote", group = "io" } }`, top to bottom, among
 * the parameters of the service that uses it.  The layers are kinds (os/registry.c lists them);
 * docs/howto-layer.md adds one.  Where the layer `crossing` stands the stack passes from one
 * protection domain of the node to another (os/file/crossing.c).
 */
#ifndef OS_FILE_FILE_H
#define OS_FILE_FILE_H

#include "os/node.h"

enum file_status {
    FILE_OK,
    FILE_NO_FILE,     /* no such file (any more); nothing done */
    FILE_EXISTS,      /* CREATE: the name is taken; `file` says by whom */
    FILE_BAD_NAME,    /* empty or longer than FILE_NAME_MAX; nothing done */
    FILE_NO_INODE,    /* CREATE: the file system holds no more files; nothing done */
    FILE_NO_SPACE,    /* no blocks for all of the request; nothing done */
    FILE_SCATTERED,   /* the file is in too many parts; part of the range may be written */
    FILE_RANGE,       /* the runs reach beyond what a file can hold; nothing done */
    FILE_IO_ERROR,    /* a device failed: os/lfs/lfs.h says what is left behind */
    FILE_NOT_DIR,     /* `dir` or `to_dir` is a file; nothing done */
    FILE_IS_DIR,      /* READ, WRITE, SIZE: of a directory; nothing done */
    FILE_NOT_EMPTY,   /* REMOVE: a directory with entries; nothing done */
    FILE_LOOP,        /* RENAME: a directory into itself; nothing done */
    FILE_DENIED,      /* the mode does not allow it; nothing done */
    FILE_UNSUPPORTED, /* the bottom does no such thing; nothing done */
    FILE_NO_VERSION,  /* ROLLBACK: the file has no such checkpoint; nothing done */
    FILE_UNREACHABLE, /* the node that has the files is down, or came back: done or not */
    FILE_ELSEWHERE,   /* names of two servers, or of a remote link: prefix.h; nothing done */
    FILE_REMOTE,      /* between the layers of prefix.h alone: not here */
    FILE_BLANK,       /* the file system did not start: nothing is on the device, */
    FILE_CORRUPT,     /* what is there contradicts itself; also a file's bytes: checksum.c; */
    FILE_BAD_DEVICE,  /* there is no such device, or it is too small for one */
    FILE_STATUS_COUNT
};
const char *file_status_name(enum file_status s); /* in words; static */

#define FILE_NAME_MAX 63    /* bytes of a name */
#define FILE_OWNER_BYTES 32 /* what a file's user keeps with it */
#define FILE_LABEL_BYTES                                                                           \
    64                        /* and a program with a parallel file;
                                 ASSUMED(a few numbers and a short word) */
#define FILE_ROOT UINT64_C(1) /* the directory that is always there */

enum file_op {
    FILE_READ,
    FILE_WRITE,  /* `data` (taken) goes to the runs, which are as long; the file grows */
    FILE_SIZE,   /* to `size`: cuts and frees, or grows and sets space aside for all of it */
    FILE_FLUSH,  /* all that earlier requests of the file did outlives a crash; file 0: of all */
    FILE_CREATE, /* an empty file or directory `name` in `dir`, with attr's mode and owner, and
                    of the caller's ids; its handle in `file` */
    FILE_REMOVE, /* the file, or empty directory, goes once earlier requests have ended; its space
                    is free again */
    FILE_RENAME, /* `name` in `dir` is `to_name` in `to_dir`, at once; a file of that name goes, a
                    directory is FILE_EXISTS */
    FILE_LOOKUP, /* `name` in `dir`: its handle in `file` */
    FILE_STAT,   /* `attr` of the file */
    FILE_CHANGE, /* mode and ids of the file are attr's */
    FILE_LIST,   /* entries of `dir` behind handle `file` (0: from the first) into `data`, for
                    file_entry_next; `file` is then where the next LIST goes on, 0 at the end */
    FILE_HINT,   /* what `hint` says will come; a layer may do nothing about it */
    FILE_CHECKPOINT, /* the file as it is becomes its checkpoint number `size`, in the place of one
                        that had it; the newest of a lower number is kept, all others go.  Of size
                        0: the number after the newest, and none is kept.  It outlives a crash */
    FILE_ROLLBACK,   /* bytes and size are again those of checkpoint `size` (0: the newest), which
                        is kept; newer ones go.  It outlives a crash */
    FILE_OP_COUNT
};
const char *file_op_name(enum file_op op); /* static */

enum file_hint {
    FILE_WILL_READ, /* the runs, soon */
    FILE_FORGET,    /* nothing of the file for long: no buffer keeps any of it */
    FILE_AS_IT_COMES,
    FILE_SEQUENTIAL, /* how it will be read, from now on */
    FILE_RANDOM,
    FILE_WONT_NEED, /* the runs, for long */
    /* Which of its own blocks a program has go (policy `application` of os/file/policy.h). */
    FILE_PRIORITY, /* the blocks of the runs until each is used, or of no bytes: the file from now
                      on: `size`; of a program's blocks those of the lowest go first */
    FILE_LRU,
    FILE_MRU,     /* of those of priority `size`: the one used least recently, or last */
    FILE_PROGRAM, /* the file is of program number `size`, with others; 0: of its own */
    FILE_CLOSED,  /* a program has closed it */
    /* To layers that keep bytes which others do not see (os/file/cache.h); done at once where there
     * is none: what was written goes down; what was not written is asked for again.  Of the bytes
     * of the runs and, if `size` is not 0, of all from that on, with where the file ends; where
     * these are none of all bytes.  A layer may do more than that. */
    FILE_PROPAGATE,
    FILE_REFRESH,
    /* To layers that move files to an archive (os/hsm/files.h); done at once where there is none.
     * FILE_DENIED: the caller may not: FILE_STAGE is for who may read the file, the others for
     * whose it is (file_owns).  For files whose parts lie on I/O nodes the library that opens them
     * asks, in place of the layers there: who has one open may have it staged, and whose it was
     * when he opened it may do the others. */
    FILE_STAGE,   /* all of the file is on the disk then; of a list of bytes: these */
    FILE_PURGE,   /* it lies in the archive alone; FILE_DENIED: it is pinned, or not migrated */
    FILE_PIN,     /* it is not purged for `size` seconds; 0: until as many FILE_UNPIN.  Pins outlive
                     a crash of the node */
    FILE_UNPIN,   /* one pin less; the last one ends those for some time, too */
    FILE_MIGRATE, /* it lies in the archive, too */
    FILE_WILL_WRITE, /* the runs, in place: nobody else reads or writes them (os/file/token.h) */
    FILE_HINT_COUNT
};

enum {
    FILE_PRIORITIES = 8, /* ASSUMED(a few are enough for what a program knows) */
    FILE_PRIORITY_NORMAL = 4
};

/* `count` pieces of `len` bytes, the first at `off`, each `stride` behind the one before. */
struct file_run {
    uint64_t off, len, stride, count;
};

/* Of hints to an archive: for whose the file is. */
static inline bool file_hint_is_owners(enum file_hint hint)
{
    return hint >= FILE_PURGE && hint <= FILE_MIGRATE;
}

#define FILE_MODE_DIR 040000u
/* The mode is as in UNIX: 0400 and 0200 of READ, and of WRITE and SIZE, for the owner, 040 and 020
 * for the group, 04 and 02 for others; of a directory of LIST, and of CREATE, REMOVE, RENAME in it,
 * and 0100, 010, 01 of LOOKUP.  CHANGE is the owner's, of the ids root's.  The caller's ids are
 * those of the request; user 0 may do all. */
/* As it travels: its four words, big-endian. */
#define FILE_RUN_BYTES 32
void file_run_store(uint8_t out[FILE_RUN_BYTES], const struct file_run *r);
struct file_run file_run_load(const uint8_t in[FILE_RUN_BYTES]);

struct file_attr {
    uint64_t size;
    uint32_t mode, uid, gid;
    sim_time mtime, ctime; /* the data, and the rest, were changed last */
    uint8_t owner[FILE_OWNER_BYTES];
};

/* Whose something is and what its mode is; of a caller: the mode of what it makes, 0: 0666. */
struct file_rights {
    uint32_t mode, uid, gid;
};
/* Whether the caller may do what these bits say (04 read, 02 write, 01 search): the same rule for
 * all who keep modes. */
static inline bool file_may(const struct file_rights *who, const struct file_rights *of,
                            uint32_t bits)
{
    uint32_t shift = who->uid == of->uid ? 6 : who->gid == of->gid ? 3 : 0;
    return who->uid == 0 || (of->mode >> shift & bits) == bits;
}
/* Whether he may say where the file lies for all of its users: it is his, or he is user 0.
 * ASSUMED(as with the other commands of HPSS that change what is not data: owner or root) */
static inline bool file_owns(const struct file_rights *who, const struct file_rights *of)
{
    return who->uid == 0 || who->uid == of->uid;
}
/* The mode of what the caller makes: a directory may be searched by who may read it. */
static inline uint32_t file_mode_of(const struct file_rights *who, bool dir)
{
    uint32_t mode = (who->mode != 0 ? who->mode : 0666) & 0666;
    return dir ? mode | (mode & 0444) >> 2 : mode;
}

enum file_part {
    FILE_QUEUE,   /* waited for devices, in their queues or before them */
    FILE_DEVICE,  /* devices worked */
    FILE_NETWORK, /* on the way to another node and back */
    FILE_PARTS
};

struct file_req {
    enum file_op op;
    enum file_hint hint;
    uint64_t file; /* handle: never 0, never used for another file */
    uint64_t dir;  /* directory, by its handle */
    uint64_t to_dir;
    uint32_t uid, gid; /* the caller's */
    /* READ, HINT: of which open file, of all that the stack has open, for read-ahead; 0: not said.
     * A layer that makes requests of its own says nothing. */
    uint64_t stream;
    uint64_t size;
    /* READ, WRITE: past buffers, which then neither have its bytes nor give any but what was
     * written to them; whole blocks go to the device.  A layer that knows no such thing does as
     * always. */
    bool direct;
    const struct file_run *runs;
    uint32_t run_count;
    struct file_run one; /* for a list of one, see file_range */
    struct rope data;
    const char *name, *to_name;
    struct file_attr attr;
    void (*done)(struct file_req *r);
    void *arg;
    uint64_t trace;            /* its id in a trace; 0: its first offset */
    enum file_status status;   /* out */
    uint64_t moved;            /* out: bytes read or written */
    bool grew;                 /* out: a WRITE made the file longer */
    sim_time part[FILE_PARTS]; /* out: where its time went; parts may overlap */
};

/* An empty request of user 0 in `dir` and `to_dir` FILE_ROOT, of one empty run; attr.mode is 0666.
 */
void file_req_init(struct file_req *r, enum file_op op, void (*done)(struct file_req *r),
                   void *arg);
/* Its list is one run of `len` bytes at `off`. */
static inline void file_range(struct file_req *r, uint64_t off, uint64_t len)
{
    r->one = (struct file_run){ .off = off, .len = len, .count = 1 };
}
/* For bottoms: what is `out` is as for a request that has done nothing yet. */
void file_req_begin(struct file_req *r);
/* For what bottoms write: FNV-1a of 64 bits over the bytes, the eight at `field` taken as zeros
 * (SIZE_MAX: all as they are). */
uint64_t file_checksum(const uint8_t *bytes, size_t n, size_t field);
/* That of bytes whose checksum is `sum` with n zeros behind them, which are not looked at. */
uint64_t file_checksum_zeros(uint64_t sum, uint64_t n);
/* For bottoms: a CHANGE of what has these; FILE_DENIED: it is not the caller's to make. */
enum file_status file_change(const struct file_req *r, uint32_t *mode, uint32_t *uid,
                             uint32_t *gid);
uint64_t file_bytes(const struct file_req *r); /* of its list; UINT64_MAX: more than that */

/* A file of a node's file system as other nodes say it to that node. */
struct file_ref {
    char name[FILE_NAME_MAX + 1]; /* in the root; "": by its handle, for who has these ids */
    uint64_t file;
    uint32_t uid, gid;
};
struct file_entry {
    uint64_t file;
    char name[FILE_NAME_MAX + 1];
};
/* An entry of a directory, taken off the front of a LIST's data; false: there is none. */
bool file_entry_next(struct rope *data, struct file_entry *out);
/* One more at the end. */
void file_entry_add(struct rope *data, const struct file_entry *x);

/* ---- layers ---- */

struct file_sys;
struct file_boot { /* where a stack starts */
    struct os_node *node;
    struct xk_protl *rpc; /* what the service that starts it talks over */
    /* Set by file_stack_start: file_stack_files; bytes that buffers of the layers above and below
     * keep at most, up to the next crossing; the task of those above. */
    uint32_t each;
    uint64_t above, below;
    struct port *caller;
};
struct file_ops {
    struct kind kind;
    bool bottom;    /* there is nothing below it */
    uint32_t files; /* that it makes below for each of its own, itself included; 0: 1 */
    /* Of a bottom whose files are another node's, which serves them: that node.  NULL: its own. */
    uint32_t (*host)(const void *params, const struct os_boot *b);
    const struct os_service_ops *server; /* and the service there that it asks */
    /* Of a bottom whose files another service of the node gives: that service; and whose stacks
     * those files lie in, up to NULL: they cannot come back to it.  NULL: there is none. */
    const struct os_service_ops *needs;
    const struct os_service_ops *const *parts;
    /* Of a bottom whose files are other nodes', too: the one that has the file, of several each its
     * own, or knows of it.  NULL: this one, whose files no other sees. */
    uint32_t (*node)(const struct file_sys *s, uint64_t file);
    bool paths;    /* of a bottom: the name of a LOOKUP may be several, with '/' between them */
    bool crossing; /* what lies below it is in a task of its own on the node */
    bool alone;    /* files below it may not be what they are through it */
    bool same;     /* each request goes down itself, once, and keeps no bytes on the way */
    int64_t (*device)(const void *params);   /* of the node, that a bottom is on; NULL: on none */
    uint64_t (*buffers)(const void *params); /* most bytes of data that it keeps; NULL: none */
    bool (*hears_close)(const void *params); /* does something at FILE_CLOSED; NULL: does not */
    /* Of parameters on a machine; NULL: all are good.  False with a sentence. */
    bool (*check)(const void *params, const struct os_boot *b, const char *path, struct err *e);
    /* In the boot upcall of a node; the result lives in its kernel task's heap.  Requests are taken
     * at once, and wait where the layer is not ready. */
    struct file_sys *(*start)(const struct file_boot *b, const void *params,
                              struct file_sys *below);
    void (*submit)(struct file_sys *s, struct file_req *r);
    /* In a boot upcall, in place of start: looks from outside at what is on a device of the node;
     * changes nothing there.  Says by port_remark what it finds, by port_fail that it is damage.
     * NULL: there is nothing to look at. */
    void (*look)(const struct file_boot *b, const void *params);
};
struct file_sys { /* the first member of a layer's state */
    const struct file_ops *ops;
    struct port *port;
    struct file_sys *below; /* NULL: it is the bottom */
};

/* Hands the request to the file system: FILE1. */
static inline void file_submit(struct file_sys *s, struct file_req *r)
{
    s->ops->submit(s, r);
}

/* The node that has the file, as the bottom knows it: this one, where that has no `node`. */
uint32_t file_node(const struct file_sys *s, uint64_t file);

/* The same, and waits for its end, whatever its `done` says. (blocks) */
enum file_status file_ask(struct file_sys *s, struct file_req *r);

/* ---- stacks ---- */

/* A stack as a configuration says it: tables { layer = NAME, and its parameters }. */
#define FILE_LAYERS_MAX 8
struct file_stack {
    uint32_t count;
    struct file_layer {
        const struct file_ops *ops;
        void *params;
    } layer[FILE_LAYERS_MAX]; /* top to bottom */
};
/* Reads `list`, of layers that b->layers has (NULL: the one layer
 * `bottom`); an entry of `bottom` is laid over `params` (NULL:
 * over defaults).  False with a sentence. */
bool file_stack_load(struct file_stack *k, const struct os_boot *b, const struct val *list,
                     const char *bottom, const void *params, const char *path,
                     struct err *e) MUST_CHECK;
void file_stack_free(struct file_stack *k);
/* It is the layer remote alone. */
bool file_stack_remote(const struct file_stack *k);
/* Of one that is: the node that it asks, and over what. */
uint32_t file_remote_host(const struct file_sys *s, struct xk_protl **rpc);
/* One more of that kind, for a bottom whose files are those of several nodes. */
struct file_sys *file_remote_to(struct port *p, struct xk_protl *rpc, uint32_t host,
                                sim_time retry_delay);
/* The file was changed there past the layer: its next FLUSH answers for that. */
void file_remote_changed(struct file_sys *s, uint64_t file);
/* Files of the bottom for each of the top. */
uint32_t file_stack_files(const struct file_stack *k);
/* Of the stacks of the service `server`, as far as they have been loaded: whoever asks a node of
 * the group `from` comes to a bottom that has files of its own.  False with a sentence. */
bool file_stack_ends(const struct os_boot *b, const struct os_service_ops *server,
                     const struct os_group *from, const char *path, struct err *e) MUST_CHECK;
bool file_stack_has(const struct file_stack *k, const char *layer);
/* Whether a layer of any service of the machine hears that a program has closed a file: programs
 * say so then, which takes a message to each node that has some of it. */
bool file_close_heard(const struct os_boot *b);
struct file_sys *file_stack_start(const struct file_stack *k, struct file_boot *b);
/* Once all services are loaded: on a device on which a layer must be alone a node has files of one
 * service; what a bottom asks for its files boots there, too, and does not ask that bottom for its
 * own.  False with a sentence. */
bool file_stacks_agree(const struct os_boot *b, const char *path, struct err *e) MUST_CHECK;

/* In place of os_node_boot, once a run is over: the layers of the stacks that the node's services
 * have look at its devices (psim run --fsck). */
struct os_node *file_look(struct port *kernel, const struct os_boot *b);

#endif
