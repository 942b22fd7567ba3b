/* pfs.h: Intel PFS: files striped over I/O nodes, with I/O modes.
 *
 * Three parts, each on its node: the metadata server (service node: names, attributes, sizes,
 * tokens, shared pointers), the I/O servers (one local file per striped file on os/lfs), and the
 * client library that programs call.  All talk by remote procedure calls (os/proto/select).
 *
 *   Layout   stripe group: an ordered list of I/O nodes; unit k of a file goes to entry k mod
 *            factor.
 *   Data     a request is split into one piece per I/O node (cut further at the longest message),
 *            all in parallel up to `window` and, to one I/O node, `depth`; I/O servers answer with
 *            the data and their own times.
 *   Modes    [Intel PFS]
 *     M_UNIX    private pointer; each request is atomic: the file's token is held during it.  A
 *               node keeps the token until another asks for it, so an unshared file costs nothing.
 *     M_LOG     shared pointer: each request takes the next range, first come first served.
 *     M_SYNC    shared pointer: all ranks call; ranges in order of rank.  The k-th call of a rank
 *               belongs to the k-th round, whatever came first.
 *     M_RECORD  private pointers in lock step: request k of rank i is record k * ranks + i.
 *     M_GLOBAL  all ranks call the same operation with equal lengths; one of them does the transfer
 *               for all.
 *     M_ASYNC   private pointer, no atomicity: the caller sees to conflicts.
 *   A shared pointer moves by what is moved: a read at the end of the file leaves it there.
 *
 *   Mistakes  What no source says is ASSUMED here.  Collective calls (gopen, setiomode, lseek,
 *             requests in M_SYNC and M_GLOBAL) of ranks that do not agree end on every rank with
 *             the same status, pointer and file unchanged: PFS_BAD_MODE where modes or operations
 *             differ, PFS_BAD_RECORD where lengths or offsets do.  In M_RECORD the ranks do not
 *             meet: each request tells the I/O nodes the record length and the number of the last
 *             setiomode or gopen; one that has seen another length of that number refuses.  Lengths
 *             that meet at no I/O node are found at the next setiomode (on every rank, once) or
 *             close (from the second that differs).  A rank that closes ends what waits for it, and
 *             what the others call together later, with PFS_CLOSED, until it or all have come back.
 *
 *   PFS1  A request ends exactly once.  What an answered write wrote is what later reads return,
 *       until a crash of an I/O node: that may lose what no pfs_sync covered (os/lfs LFS4).  All
 *       that have a file open at one time have it in one mode: the node with M_UNIX's token tells
 *       how long it has made the file when the token is asked for, by others of that mode, or by
 *       pfs_size.
 *   PFS2  A file's size never covers bytes of a write that failed or has not ended.
 *   PFS3  latency = client + mesh + queue + arm, exactly, for every read and write: the piece that
 *       ended last is followed.  client: in this library and waiting for its turn (`window`,
 *       `depth`); mesh: messages and their software, both ways; queue: waiting at the I/O node,
 *       and for tokens and metadata; arm: the device worked.
 *   PFS4  After a crash of the service node tokens are gone, and names that are not kept: requests
 *       that need them end with PFS_STALE or PFS_NO_FILE, collective ones with PFS_NODE_DOWN;
 *       M_ASYNC and M_RECORD go on within the known size.
 *   PFS6  Names that are kept (pfs_meta_start: names) outlive it: what an answered call made, moved
 *       or removed is so, files can be opened by name, and have the size that their I/O nodes have.
 *   PFS7  A file has one checkpoint, the one of the number that the service node has: a crash of
 *       any node at any moment leaves that number's on each of its I/O nodes.
 *   PFS5  With `prefetch` a read may bring what its range had when an earlier read of this file
 *       ended.  In M_UNIX that is no other than it has now; in M_ASYNC and M_RECORD, which order
 *       nothing, a write of another node since then may be missed until the next seek, setiomode,
 *       lsize or open.  Other modes do not read ahead.
 *
 * Who calls it: programs (workloads/), in threads by the calls marked (blocks), or anywhere by
 * pfs_submit.
 */
#ifndef OS_PFS_PFS_H
#define OS_PFS_PFS_H

#include "os/file/file.h"
#include "os/node.h"
#include "os/pfs/layout.h"

struct pfs_params {
    int64_t unit;             /* stripe unit, where no mounts are listed */
    int64_t factor;           /* stripe factor, where none are; 0: all I/O nodes */
    int first;                /* enum pfs_first, where none are */
    const struct val *mounts; /* NULL: one, at the root */
    bool per_file_layout;     /* files may have attributes of their own */
    int64_t rpc;              /* data bytes in one call at most */
    int64_t window;           /* calls that one request has under way at most */
    int64_t depth;            /* and how many of them to one I/O node */
    int64_t pool;             /* requests that an I/O server works on at once; others wait */
    int64_t retries;
    int64_t prefetch; /* blocks that an open file reads ahead; 0: none */
    sim_time retry_delay;
    int64_t log_ratio, log_least; /* of kept names: pfs_log.c */
};
/* The three services; os_find of the last gives the struct pfs_client of a program's node. */
extern const struct os_service_ops pfs_meta_service, pfs_server_service, pfs_client_service;
extern const struct counter pfs_client_counters[], pfs_meta_counters[]; /* of these services */
/* The I/O nodes' files have checkpoints. */
bool pfs_versions(const struct os_layout *l);
/* Whole blocks go through the buffers of the I/O nodes. */
bool pfs_buffered(const struct os_layout *l);
/* Refuses mounts that the machine cannot have ("stripe factor 17 ... 16 I/O nodes"). */
bool pfs_check(const struct pfs_params *p, const struct os_layout *layout, const char *path,
               struct err *e);

enum pfs_status {
    PFS_OK,
    PFS_NO_FILE,     /* no file of that name, or it was removed; nothing done */
    PFS_EXISTS,      /* PFS_O_EXCL and the name is taken */
    PFS_BAD_NAME,    /* empty or longer than PFS_NAME_MAX; "." or ".."; a directory below itself */
    PFS_BAD_ATTRS,   /* not those of the mount, or a unit, factor or group that cannot be */
    PFS_BAD_MODE,    /* a collective call: not the mode or operation of the others; nothing done */
    PFS_BAD_RECORD,  /* not the length or offset of the others; nothing done, but in M_RECORD pieces
                        of a write that went to I/O nodes which had not met the other length */
    PFS_CLOSED,      /* a collective call: a rank has closed the file; nothing done */
    PFS_NO_SPACE,    /* an I/O node is full, or the range ends beyond PFS_SIZE_MAX; other pieces of
                        the range may be written */
    PFS_IO_ERROR,    /* a device failed; of a write any part may be done */
    PFS_SERVER_DOWN, /* an I/O node or the service node gave no answer; any part may be done */
    PFS_STALE,       /* the service node has restarted and does not know the file */
    PFS_NODE_DOWN,   /* a rank's node has crashed: collective calls have no end any more */
    PFS_NOT_DIR,     /* a name on the way, or that of a call for directories, is a file's */
    PFS_IS_DIR,      /* the name of a call for files is a directory's */
    PFS_NOT_EMPTY,   /* the directory has entries, or is the root */
    PFS_BAD_OFFSET,  /* a seek to before the beginning or beyond PFS_SIZE_MAX; nothing done */
    PFS_OTHER_MOUNT, /* of a rename, or no mount is there; nothing done */
    PFS_DENIED,     /* the mode of the file, or of a directory on the way, does not allow it, or the
                        file is open to be read alone; nothing done */
    PFS_NO_VERSION, /* a rollback: the file has no checkpoint; nothing done */
    PFS_UNSUPPORTED, /* the I/O nodes' stacks of files keep no checkpoints; nothing done */
    PFS_STATUS_COUNT
};
const char *pfs_status_name(enum pfs_status s); /* in words; static */

/* A mode a line: its number on the wire is its place, its file mode_NAME.c (os/pfs/mode.h). */
#define PFS_MODE_LIST(X)                                                                           \
    X(M_UNIX, unix)                                                                                \
    X(M_LOG, log)                                                                                  \
    X(M_SYNC, sync)                                                                                \
    X(M_RECORD, record)                                                                            \
    X(M_GLOBAL, global)                                                                            \
    X(M_ASYNC, async)

#define X(number, name) number,
enum pfs_mode { PFS_MODE_LIST(X) PFS_MODES };
#undef X
extern const struct kind_set pfs_modes; /* by enum pfs_mode */
/* What a mode is, for who must know it. */
enum {
    PFS_MODE_OWN = 1,   /* private pointers: a program may choose the place (`at`) */
    PFS_MODE_GIVEN = 2, /* the service node gives the range */
    PFS_MODE_MEET = 4,  /* and only once all ranks have called */
    PFS_MODE_ONE = 8,   /* which then is one transfer for all */
};
/* Whether it is any of these. */
bool pfs_mode_is(enum pfs_mode m, unsigned what);

#define PFS_NAME_MAX 255 /* of a path; ASSUMED(less than OSF/1 has, enough for all programs) */
#define PFS_FACTOR_MAX 256
#define PFS_SIZE_MAX INT64_MAX /* ASSUMED(offsets of 64 bits with a sign) */

enum {
    PFS_O_CREATE = 1,
    PFS_O_EXCL = 2,
    PFS_O_TRUNC = 4,
    PFS_O_READ_ONLY = 32,
    PFS_O_RETURN = 1 << 17 /* a rank whose node crashes has closed it, and may come back */
};

struct pfs_attrs {
    uint64_t unit;
    uint32_t factor;
    uint32_t group[PFS_FACTOR_MAX]; /* I/O indices, `factor` of them */
};
/* On which member of its mount's stripe group a file begins: no source says. */
enum pfs_first { PFS_FIRST_ZERO, PFS_FIRST_ROUND };
extern const char *const pfs_first_names[];
/* Mounts [Intel PFS]: all files below a mount have its layout.  Attributes of a single file are for
 * what is not Intel's (per_file_layout).  Where no mounts are listed the whole tree is one, with
 * the layout that the first file is made with. */
struct pfs_mount {
    char path[PFS_NAME_MAX + 1];
    enum pfs_first first;
    uint32_t members; /* of its group; attrs.group has them all, the first `factor` in use */
    bool home;        /* the first: paths without a '/' in front begin there */
    struct pfs_attrs attrs;
};
uint32_t pfs_mount_count(const struct pfs_params *p); /* at least 1 */
/* The i-th; false with a sentence.  `path`: of the parameters. */
bool pfs_mount_read(const struct pfs_params *p, const struct os_layout *l, uint32_t i,
                    const char *path, struct pfs_mount *out, struct err *e) MUST_CHECK;
/* The first mount of that unit and factor (0: any), or a layout of these where files may have
 * their own; false with a sentence that begins with `path`. */
bool pfs_mount_for(const struct os_layout *l, uint64_t unit, uint32_t factor, const char *path,
                   struct pfs_mount *out, struct err *e) MUST_CHECK;
/* Refuses so many files of that size where the first I/O node, on which each begins, has no room
 * for its part of them, or no device.  `path` names the table whose size and requests they are. */
bool pfs_room_check(const struct os_layout *l, const struct pfs_attrs *a, uint32_t files,
                    uint64_t size, const char *path, struct err *e) MUST_CHECK;

/* How a seek counts. */
enum pfs_whence { PFS_SEEK_SET, PFS_SEEK_CUR, PFS_SEEK_END };

struct pfs_stat {
    bool dir; /* then size and attrs are not set */
    struct file_rights rights;
    uint64_t id; /* of a file at its I/O nodes, for ever; of a directory until the service node
                    crashes; none is given twice */
    uint64_t size;
    struct pfs_attrs attrs;
};

struct pfs_client;
struct pfs_file; /* an open file of this node */
struct pfs_vnode;

struct pfs_split {
    sim_time latency, client, mesh, queue, arm; /* PFS3 */
};

enum pfs_op { PFS_READ, PFS_WRITE };

/* One request on an open file. */
struct pfs_req {
    enum pfs_op op;
    struct pfs_file *file;
    uint64_t len;                    /* read: bytes wanted; write: set from data */
    struct rope data;                /* write: taken; read: what was read */
    bool at;                         /* use `off`, leave the pointer alone (M_UNIX and M_ASYNC) */
    uint64_t off;                    /* out: where in the file it took place */
    uint64_t batch;                  /* M_UNIX: of pfs_batch; 0: it is atomic alone */
    void (*done)(struct pfs_req *r); /* NULL: wait with pfs_wait */
    void *arg;
    bool ended;
    enum pfs_status status;
    uint64_t moved;         /* bytes; less than len: end of file */
    struct pfs_split split; /* of a read or write */
    /* private */
    struct list link;
    struct port_thread *waiter;
    sim_time started, waited, since; /* waited: for tokens and metadata */
    struct pfs_dir *dirs;
    struct pfs_piece *pieces, *next;
    uint32_t dir_first, dir_count, left, inflight;
    uint32_t round; /* M_GLOBAL */
    bool ahead;     /* reads ahead */
    bool holds;     /* the file's token, so that it knows the size */
    bool edge;      /* an I/O node's local file ended in the range, or grew */
    uint32_t sized; /* the vnode's when the size was looked at or asked for */
    uint64_t nth;   /* M_RECORD: of this rank's requests, from 1 */
    uint32_t turn;  /* at the private pointer: of its seeks and writes, from 1 */
    sim_time last_called, last_done, last_server, last_device;
    uint64_t trace; /* its id in a trace */
};

/* Zeroes the request and makes its rope empty. */
void pfs_req_init(struct pfs_req *r, enum pfs_op op, struct pfs_file *f);
/* Starts it; never blocks.  `done` may be called before this returns. */
void pfs_submit(struct pfs_req *r);
/* Waits for its end. (blocks) */
enum pfs_status pfs_wait(struct pfs_req *r);

/* Opens for this node as `rank` of `ranks` that share the file (M_SYNC, M_RECORD, M_GLOBAL; else 0
 * and 1).  attrs: of a file that is created; NULL: the defaults.  (blocks) */
enum pfs_status pfs_open(struct pfs_client *c, const char *name, unsigned flags, enum pfs_mode mode,
                         uint32_t rank, uint32_t ranks, const struct pfs_attrs *attrs,
                         struct pfs_file **out);
/* gopen: the same by all ranks together, in one mode; returns once all have called.  flags and
 * attrs are those of rank 0. (blocks) */
enum pfs_status pfs_gopen(struct pfs_client *c, const char *name, unsigned flags,
                          enum pfs_mode mode, uint32_t rank, uint32_t ranks,
                          const struct pfs_attrs *attrs, struct pfs_file **out);
/* Collective, no request of this rank under way: sets the mode and the pointer to 0 on all ranks.
 * (blocks) */
enum pfs_status pfs_setiomode(struct pfs_file *f, enum pfs_mode mode);
/* No request of the file is under way.  Frees it whatever the status. (blocks) */
enum pfs_status pfs_close(struct pfs_file *f);

/* Rights.  The service node knows whose each file and directory is and its mode, as os/file/file.h
 * says of bits, and asks of the caller: search of all directories on the way; to open a file, read
 * and write, or read alone (PFS_O_READ_ONLY); to make, remove and move names, write and search of
 * the directory; to list it, read.  Of gopen rank 0's rights count.  What is open stays so.
 * Mounts are user 0's, and everybody may do all in them.  I/O nodes ask for no rights: they take
 * the library's word.  A write to what is open to be read alone is no call of its rank. */
/* Who the programs of this node are, and the mode of what they make; until then user 0, 0666. */
void pfs_user(struct pfs_client *c, const struct file_rights *user);

/* Names.  A path is names with '/' between; a '/' behind and twice changes nothing.  One with a '/'
 * in front begins at the root, others at the first mount.  Files are below mounts alone; the
 * directory of a mount stays.
 *
 * Removes the name and the local files; open files of it end with PFS_NO_FILE. (blocks) */
enum pfs_status pfs_unlink(struct pfs_client *c, const char *name);
/* A file or directory gets another name, at once for all who look; open files stay open.  A file or
 * an empty directory of that name goes, as by unlink and rmdir. (blocks) */
enum pfs_status pfs_rename(struct pfs_client *c, const char *from, const char *to);
enum pfs_status pfs_mkdir(struct pfs_client *c, const char *name); /* (blocks) */
enum pfs_status pfs_rmdir(struct pfs_client *c, const char *name); /* an empty one (blocks) */
/* The mode, user and group of a file or directory are these from now on: the mode its owner's to
 * change, the ids user 0's (else PFS_DENIED); not of a mount, nor of what is above (PFS_BAD_NAME).
 * What is open stays so. (blocks) */
enum pfs_status pfs_chmod(struct pfs_client *c, const char *name, const struct file_rights *to);
/* The size is that of all requests that have ended, whoever holds the token. (blocks) */
enum pfs_status pfs_stat(struct pfs_client *c, const char *name, struct pfs_stat *out);
/* Tells each name in a directory, in the order in which they came there.  Names that come or go
 * meanwhile may be missed. (blocks) */
enum pfs_status pfs_list(struct pfs_client *c, const char *name,
                         void (*each)(void *arg, const char *name, bool dir), void *arg);

/* cread, cwrite: at the pointer, by the mode's rule.  `out` is initialised here, data is taken.
 * (blocks) */
enum pfs_status pfs_read(struct pfs_file *f, uint64_t len, struct rope *out);
enum pfs_status pfs_write(struct pfs_file *f, struct rope *data);
/* iread, iwrite: the same at once, of which any number may be under way; `r` is the caller's and
 * stays until iowait, which must come.  A private pointer moves by what is asked, and back to where
 * a request has ended that fell short, unless a seek or write came after. */
void pfs_iread(struct pfs_req *r, struct pfs_file *f, uint64_t len);
void pfs_iwrite(struct pfs_req *r, struct pfs_file *f, struct rope *data); /* data is taken */
/* Waits for its end; of a read `out` is initialised here (of a write NULL). (blocks) */
enum pfs_status pfs_iowait(struct pfs_req *r, struct rope *out);
bool pfs_iodone(const struct pfs_req *r); /* iowait would not block */
enum pfs_mode pfs_iomode(const struct pfs_file *f);
/* Requests of one open file in M_UNIX that are atomic together: all carry the number that `begin`
 * gives, and the file's token stays here from the first of them to `end`, which must come, once the
 * last has ended.  Of a node one batch of a file is under way at a time. */
uint64_t pfs_batch_begin(struct pfs_file *f);
void pfs_batch_end(struct pfs_file *f);
/* lsize: sets the size; a larger one sets space aside on all I/O nodes. (blocks) */
enum pfs_status pfs_lsize(struct pfs_file *f, uint64_t size);
/* flush: all that was answered is on the devices.  PFS_SERVER_DOWN also when an I/O node has
 * restarted since what this node's open file changed there: that may be lost. (blocks) */
enum pfs_status pfs_sync(struct pfs_file *f);
/* A hint (os/file/file.h) to the layers of files of the I/O nodes: of these bytes to those that
 * have some of them, each of its own; no bytes: of the file, to all.  `size`: of FILE_PIN.  A part
 * that nobody wrote needs nothing but FILE_PIN, which makes it.  Ends when all have ended.
 * PFS_DENIED: it is not the caller's to say, or some of them deny it; PFS_SERVER_DOWN: one is down,
 * or came back, there it is done or not; the others have done it. (blocks) */
enum pfs_status pfs_hint(struct pfs_file *f, enum file_hint hint, uint64_t size,
                         const struct file_run *runs, uint32_t count);

/* M_UNIX, M_ASYNC: moves the pointer.  M_RECORD: `off` becomes the base, the count starts anew.
 * M_LOG: moves the shared pointer, any rank may.  M_SYNC, M_GLOBAL: collective, all ranks with the
 * same offset. (blocks in the last three) */
enum pfs_status pfs_lseek(struct pfs_file *f, uint64_t off);
/* M_SYNC, M_GLOBAL: the same by this rank alone, while no rank makes a call in them: each of them,
 * or those that want to know where it is, to the same offset. (blocks) */
enum pfs_status pfs_lseek_alone(struct pfs_file *f, uint64_t off);
/* eseek: the same from the beginning, the pointer or the end (M_RECORD: the next record of rank 0);
 * `at` may be NULL: where it is then. (blocks) */
enum pfs_status pfs_eseek(struct pfs_file *f, int64_t off, enum pfs_whence whence, uint64_t *at);
/* Whether the pointer is at the end or beyond. (blocks) */
enum pfs_status pfs_iseof(struct pfs_file *f, bool *eof);
/* A shared pointer: as this rank's last call found it. */
uint64_t pfs_tell(const struct pfs_file *f);
/* What pfs_lseek takes so that the pointer is where it is now: in M_RECORD where the next record of
 * rank 0 is, of a shared one where the service node has it. (blocks) */
enum pfs_status pfs_place(struct pfs_file *f, uint64_t *at);
/* The size: that of all requests that have ended, whoever holds the token. (blocks) */
enum pfs_status pfs_size(struct pfs_file *f, uint64_t *size);
/* The file as it is becomes its checkpoint, in the place of the one before, on all of its I/O nodes
 * or, when one of them or the service node dies meanwhile, on none; PFS_SERVER_DOWN also when an
 * I/O node has restarted since what this open file changed there.  Back: bytes and size are those
 * of the checkpoint; where a node died some are, and it is to be asked again.  No request of the
 * file is under way, on any node.
 * number 0: the one after the file's, and the file's.  Above 0: it is this, and the newest of a
 * lower number stays on the I/O nodes, too, all others go; back to one of those two, which is the
 * file's then: who asks knows that it was made, for a node that had nothing of the file then is
 * told from one that does not have that number by nobody.  (block) */
enum pfs_status pfs_checkpoint(struct pfs_file *f, uint64_t number);
enum pfs_status pfs_rollback(struct pfs_file *f, uint64_t number);
/* What a program keeps with the file, as a name is kept (PFS6); set: it becomes `label`, else
 * `label` is told, zeros at first. (blocks) */
enum pfs_status pfs_label(struct pfs_file *f, bool set, uint8_t label[FILE_LABEL_BYTES]);
const struct pfs_attrs *pfs_file_attrs(const struct pfs_file *f);
/* For transfers that go to the I/O nodes past this library (os/file/directed.h): by what they are
 * called, and the name of the file's part on each of them. */
struct xk_protl *pfs_client_rpc(const struct pfs_client *c);
void pfs_part_name(const struct pfs_file *f, char out[FILE_NAME_MAX + 1]);
void pfs_written(struct pfs_file *f); /* any part, by these: pfs_sync answers for it */

/* Waits until `count` callers have come with the same tag: PFS_OK when that is what all bring as
 * `mine`, else the largest of what they bring.  The callers are the programs of compute nodes 0 to
 * count-1; once one of these nodes has crashed the answer is PFS_NODE_DOWN.  PFS_BAD_MODE: not the
 * count of those that wait.  `tag` has at most PFS_NAME_MAX bytes. (blocks) */
enum pfs_status pfs_agree(struct pfs_client *c, const char *tag, uint32_t count,
                          enum pfs_status mine);

/* For benchmarks: the I/O servers write bytes [0, size) of the file themselves, byte o being byte o
 * of the pattern `seed`; nothing but the command crosses the mesh.  `cold`: their buffers have
 * nothing of it afterwards, else what was written last, as far as writes go through buffers.
 * (blocks) */
enum pfs_status pfs_prefill(struct pfs_file *f, uint64_t seed, uint64_t size, bool cold);

/* Boot over an instance of SELECT: on the service node (names: what they are kept in, NULL: its
 * memory), on each I/O node (over what has its local
 * files), and on each node whose programs open files. */
void pfs_meta_start(struct xk_protl *rpc, const struct os_layout *layout,
                    const struct pfs_params *params, struct file_sys *names);
void pfs_server_start(struct xk_protl *rpc, const struct pfs_params *params,
                      struct file_sys *files);
struct pfs_client *pfs_client_start(struct xk_protl *rpc, const struct os_layout *layout,
                                    const struct pfs_params *params);

#endif
