/* pio.h: parallel files as programs see them, whatever file system is below.
 *
 * A system is a const ops struct of the set pio_systems: what Lua chooses (workload.system), `psim
 * list` shows and the benchmark suite runs over.  A program finds it on its node with pio_find,
 * opens files, hands in requests and controls, and includes the header of no file system.
 *
 *   Requests  a list of runs of the file, and the data of all runs in the order of the list; or a
 *             second list of as many bytes, of places in the program's memory (scatter and gather
 *             on both sides).  Several may be under way.  No request says anything of another.
 *   Modes     whose pointer says where a request takes place is a mode of the system's own set
 *             (ops.modes), of which a program knows the traits alone (PIO_MODE_).  Mode PIO_PLAIN
 *             is the one where each request names its runs and nobody coordinates.
 *   Controls  all else.  What a system cannot do its descriptor says (ops.can): pio_control answers
 *             PIO_UNSUPPORTED, and pio_check refuses it before the run.
 *
 *   PIO1  A request ends exactly once, with a status; only then is it the caller's again.
 *   PIO2  What an answered write wrote is what requests return that are handed in later, by any
 *       rank when the system is PIO_SHARED, until a crash of what keeps it.  What an answered
 *       PIO_FLUSH covered survives that.
 *       With PIO_CACHING that is so of what the rank itself wrote; of others' it sees what they
 *       propagated (or flushed, or closed) before it last refreshed, and may see later writes.
 *       Bytes that nobody wrote are not touched, nor is what others wrote in the same block.  What
 *       failed as it went out is told by the next PIO_PROPAGATE, PIO_FLUSH or PIO_CLOSE.
 *   PIO3  A read brings the bytes of its runs up to the first that lies behind the end of the
 *       file: `moved` of them.
 *   PIO4  latency = client + mesh + queue + arm, exactly: of what ended last.  client: in the
 *       library and waiting for its turn there; mesh: messages; queue: waiting for a server;
 *       arm: the device worked.  What a system cannot tell apart is client.
 *
 * Source: the operations are those of the low-level interface of the Scalable I/O Initiative
 * [Corbett et al., version 1.0, 1996]; names and structures are psim's.
 * Who calls it: programs (workloads/), in threads by the calls marked (blocks).
 */
#ifndef OS_PIO_PIO_H
#define OS_PIO_PIO_H

#include "os/file/cache.h"
#include "os/vm/vm.h"

enum pio_status {
    PIO_OK,
    PIO_NO_FILE,     /* no such name, or it was removed; nothing done */
    PIO_EXISTS,      /* PIO_O_EXCL, or a new name that is taken; nothing done */
    PIO_BAD_NAME,    /* empty, too long, or not the name of such a thing; nothing done */
    PIO_BAD_LAYOUT,  /* no such stripe unit or factor here; nothing done */
    PIO_BAD_MODE,    /* not the mode or operation of the other ranks; nothing done */
    PIO_BAD_RECORD,  /* not the length or offset of the other ranks */
    PIO_CLOSED,      /* a rank that was to take part has given up or closed the file */
    PIO_NO_SPACE,    /* of a write any part may be done */
    PIO_IO_ERROR,    /* a device failed; of a write any part may be done */
    PIO_SERVER_DOWN, /* who serves the file gave no answer; of a write any part may be done */
    PIO_STALE,       /* who keeps the names has restarted and does not know the file */
    PIO_NODE_DOWN,   /* a rank's node has crashed: what needs all ranks has no end any more */
    PIO_DENIED,      /* the mode of the file, or of a directory, does not allow it; nothing done */
    PIO_UNSUPPORTED, /* this system cannot do that; nothing done */
    PIO_BAD_LIST,    /* of memory: not as long as the file's, or outside; nothing done */
    PIO_CANCELLED,   /* by pio_cancel; nothing done */
    PIO_STATUS_COUNT
};
const char *pio_status_name(enum pio_status s); /* in words; static */
/* It says that who serves the file is down, or has begun another life: what was written and not
 * flushed may be gone. */
static inline bool pio_is_lost(enum pio_status s)
{
    return s == PIO_SERVER_DOWN || s == PIO_STALE || s == PIO_NODE_DOWN;
}
/* What a status of os/file is here. */
enum pio_status pio_of_file(enum file_status s);

enum pio_op { PIO_READ, PIO_WRITE, PIO_OPEN, PIO_CONTROL };

struct pio_split {
    sim_time latency, client, mesh, queue, arm; /* PIO4 */
};

/* Places in a buffer of the program, in the order of the bytes of a request's runs, which may be
 * cut elsewhere: byte k of one list is byte k of the other.  Pieces of a run do not overlap; when
 * they are read into, nor do runs.  The CPU copies what is more than one piece (file_pay). */
struct pio_memory {
    struct rope *buffer; /* when it is written its bytes are those of the submit; when it is read
                            its places change as the request ends, before `done` */
    const struct file_run *runs;
    uint32_t run_count;
};

/* One request: a transfer of an open file, or a call (PIO_OPEN, PIO_CONTROL) in its asynchronous
 * form, which a thread of the program makes.  Calls in which all ranks meet (opens together,
 * PIO_MODE, PIO_AGREE) one at a time, in the same order at all. */
struct pio_req {
    enum pio_op op;
    struct pio *sys;
    struct pio_file *file; /* PIO_OPEN: out; PIO_CONTROL of a system: NULL */
    const struct pio_open *open;
    struct pio_control *control;
    /* Of a transfer; the caller's while it lasts; not empty; writes: disjoint. */
    const struct file_run *runs;
    uint32_t run_count;
    struct rope data;                /* write: taken, as long as the runs; read: what was read */
    const struct pio_memory *memory; /* NULL: the data are in `data`, else there */
    void (*done)(struct pio_req *r); /* NULL: wait with pio_wait */
    void *arg;
    bool ended;
    enum pio_status status;
    uint64_t moved; /* bytes */
    uint64_t off;   /* out: where the first run took place; a mode may have moved it */
    struct pio_split split;
    /* private */
    struct port_thread *waiter;
    sim_time started;
    bool begun;
    struct pio_req *next; /* while it waits */
    struct pio_call *call;
};

enum {
    PIO_O_CREATE = 1,
    PIO_O_EXCL = 2,
    PIO_O_TRUNC = 4,
    PIO_O_READ_ONLY = 32,
    /* Of a system that is PIO_RETURN: a rank whose node crashes has closed the file, and may open
     * it again: what they do together remembers no crash. */
    PIO_O_RETURN = 1 << 17,
    PIO_O_DIRECT = 1 << 18 /* its transfers go past buffers, where the system has a way (file.h) */
};
enum { PIO_PLAIN = -1 };

struct pio_open {
    const char *name;
    unsigned flags;       /* PIO_O_ */
    uint32_t rank, ranks; /* of those that share the file */
    bool together;        /* all ranks call, and return once all have; flags are those of rank 0 */
    int mode;             /* index in ops.modes, or PIO_PLAIN */
    uint64_t unit;        /* layout of a file that is created; 0: the system's own */
    uint32_t factor;      /* 0: the system's own */
};

enum pio_ctl {
    /* of an open file */
    PIO_CLOSE,      /* no request is under way; frees it whatever the status */
    PIO_SET_SIZE,   /* value; a larger one sets space aside */
    PIO_GET_SIZE,   /* -> value */
    PIO_FLUSH,      /* all that was answered is on the devices */
    PIO_SEEK,       /* value: the pointer, by the mode's rule; with ok (PIO_RETURN) that of a mode
                       of all together by each alone, to the same, while none makes a request */
    PIO_TELL,       /* -> value */
    PIO_PLACE,      /* -> value: what PIO_SEEK takes so that the pointer is where it is now; of a
                       shared one whoever moved it last */
    PIO_MODE,       /* mode, by all ranks together; the pointer is 0 */
    PIO_HINT,       /* value: enum pio_hint, with `runs` where that says so; changes no result, and
                       does nothing where nobody keeps anything of the file */
    PIO_CACHING,    /* cache: this rank keeps blocks of the file by these parameters from now on,
                       in modes where it names its runs and no other takes part; NULL: none any
                       more */
    PIO_PROPAGATE,  /* what it has written through that is with the file system, for all to see */
    PIO_REFRESH,    /* what others have propagated is seen from now on */
    PIO_VIEW,       /* view: offsets are those of this subfile from now on; of this rank alone */
    PIO_FILL,       /* for benchmarks: bytes [0, value) are those of the pattern `seed`, without
                     traffic to speak of; cold: no buffer has anything of it */
    PIO_CHECKPOINT, /* the file as it is becomes its checkpoint, in the place of the one before.
                       value above 0: it is number `value`, in the place of all but the newest of a
                       lower number */
    PIO_ROLLBACK,   /* bytes and size are again those of its checkpoint; PIO_NO_FILE: it has none.
                       value above 0: of that number, which it has, and newer ones go */
    PIO_LABEL_GET,  /* -> label: what the program keeps with the file, zeros at first */
    PIO_LABEL_SET,  /* label: kept as names are; its answer covers crashes where theirs do */
    /* of a system */
    PIO_UNLINK, /* name */
    PIO_RENAME, /* name, to */
    PIO_MKDIR,  /* name */
    PIO_RMDIR,  /* name: an empty one */
    PIO_STAT,   /* name -> stat */
    PIO_LIST,   /* name: a directory -> entry() for each, in the system's order */
    PIO_GRANT,  /* name: user `value` may do what `mode` says (04 read, 02 write; 0: nothing more)
                   beside what the file's mode allows; its owner's to say */
    PIO_CHMOD,  /* name: its mode (bits of 0777), user and group are those of stat.rights: the mode
                   its owner's to change, the ids those of user 0 */
    PIO_AGREE,  /* tag `name`, value: ranks, that are the programs of the first compute nodes; ok:
                   how it went at this one -> PIO_CLOSED at all unless all said ok */
    PIO_CTL_COUNT
};
#define PIO_LABEL_BYTES FILE_LABEL_BYTES
/* What acts on them: client caching, and the layers of files below the system `files`; those to an
 * archive, and to nobody else, and the others where the rank keeps nothing itself
 * (PIO_HINT_WILL_NEED: with runs), reach the layers of the I/O nodes of parallel files, too: each
 * node that keeps a part of the file (of `runs`: a part of these) is told of its own, and all end
 * before the call does.  Where one says no or is down (PIO_SERVER_DOWN) the others have done it; of
 * the first four and the last nobody is told. */
enum pio_hint {
    PIO_HINT_NORMAL,     /* reads ahead where a read goes on where the one before ended */
    PIO_HINT_SEQUENTIAL, /* reads ahead behind every read */
    PIO_HINT_RANDOM,     /* never does */
    PIO_HINT_WILL_NEED,  /* `runs`, strided or not: reads them now */
    PIO_HINT_WONT_NEED,  /* `runs`: lets them go before others */
    /* Which of a program's own blocks goes (policy `application` of the layer cache). */
    PIO_HINT_PRIORITY, /* `runs` until each is used, or the file from now on: `number`, of 0 to 7;
                          the lowest goes first, 4 is that of all else */
    PIO_HINT_LRU,      /* of its blocks of priority `number`: the one used least recently */
    PIO_HINT_MRU,      /* or last */
    PIO_HINT_PROGRAM,  /* the file is of the program `number`, with others; 0: of its own */
    /* To an archive below (os/hsm/files.h); each ends when it is done. */
    PIO_HINT_STAGE,   /* the file, or `runs`, is on disk then */
    PIO_HINT_PURGE,   /* it lies in the archive alone; PIO_DENIED: not yet there, or pinned */
    PIO_HINT_PIN,     /* it stays on disk for `number` seconds; 0: until as many PIO_HINT_UNPIN */
    PIO_HINT_UNPIN,   /* */
    PIO_HINT_MIGRATE, /* it is in the archive, too */
    PIO_HINT_CLOSED,  /* the program is done with it: PIO_CLOSE says so where a layer hears it */
    PIO_HINT_COUNT
};

/* A part of a file as if it were one.  The file is a table: a row of `factor` units, row after
 * row.  Its rows are dealt out in blocks of `rows`, `down` ways, its columns in blocks of
 * `columns`, `across` ways: a subfile has the blocks that are in its way of both, number (way down)
 * across + (way across).  Its bytes come a block of rows at a time, and of that row by row, or
 * (by_column) column by column. */
struct pio_view {
    uint64_t rows;
    uint32_t down, columns, across, subfile;
    bool by_column;
};

#define PIO_ACCESS_MAX 8
struct pio_stat {
    uint64_t size;
    bool directory;
    struct file_rights rights;
    uint32_t access_count; /* PIO_GRANT */
    struct {
        uint32_t uid, bits;
    } access[PIO_ACCESS_MAX];
};

struct pio_control {
    enum pio_ctl what;
    const char *name, *to;
    uint64_t value, seed;
    uint64_t number; /* of a hint; of PIO_HINT_PIN: seconds */
    int mode;
    uint64_t unit; /* of names: the layout of what they are of, as in an open */
    uint32_t factor;
    bool cold, ok;
    const struct file_run *runs;
    uint32_t run_count;
    const struct file_cache_params *cache; /* os/file/cache.h */
    struct pio_view view;
    struct pio_stat stat;
    uint8_t label[PIO_LABEL_BYTES];
    void (*entry)(void *arg, const char *name, bool directory);
    void *arg;
};

/* Traits of a mode. */
enum {
    PIO_MODE_OFFSETS = 1,  /* requests name their runs; else the mode says where, runs how much */
    PIO_MODE_RANKS = 2,    /* of equal requests the k-th of rank r is number k * ranks + r */
    PIO_MODE_TOGETHER = 4, /* all ranks make each request together */
    PIO_MODE_SAME = 8      /* and all move the same bytes, once */
};
/* What a system can do beside 1u << enum pio_ctl. */
#define PIO_CAN(ctl) (UINT64_C(1) << (ctl))
/* Ranks see each other's files; unit and factor; PIO_O_RETURN. */
enum { PIO_SHARED = 1, PIO_LAYOUT = 2, PIO_RETURN = 4 };

/* What a program is going to make. */
struct pio_plan {
    const char *path;    /* of the table in the configuration: "workload" */
    uint64_t can;        /* PIO_CAN(...) of what it calls */
    unsigned traits;     /* PIO_SHARED, PIO_LAYOUT: what it needs */
    uint64_t unit, size; /* size: bytes of a file */
    uint32_t factor, files;
    uint32_t ranks; /* programs, on the first compute nodes */
    bool warm;      /* what fills a file leaves it in buffers */
    bool maps;      /* files are mapped */
};

struct pio {
    const struct pio_ops *ops;
    struct os_node *node;
    void *state;   /* the system's */
    uint32_t most; /* transfers of the program that the system has at once; 0: all */
    /* private: so many it has; others wait, in order */
    uint32_t under_way, inside; /* inside: calls, and who has said pio_enter */
    bool beginning, held, lost;
    bool tells_close; /* file_close_heard */
    struct port_thread *drainer;
    const struct port_thread *server;
    struct list blocked; /* calls of threads that wait because it is held */
    struct list calls;   /* those of threads of their own that have not begun */
    struct pio_req *first, *last;
    /* Who the node's programs are, and the mode of what they make, for systems that keep rights;
     * zero: user 0, who may do all, and 0666. */
    struct file_rights user;
    /* Who wants to know that a name was removed, renamed or replaced from here; NULL: nobody. */
    void (*gone)(struct pio *s, const char *name);
    void *gone_arg;
};

struct pio_file {
    struct pio *sys;
    int mode;
    uint32_t rank, ranks;
    bool atomic;               /* for constructions: where a request is atomic a list is, too */
    bool direct;               /* PIO_O_DIRECT */
    uint32_t maps;             /* mappings of it */
    void *state;               /* the system's */
    struct pio_cached *cached; /* private: client caching */
};

/* How the bytes of an open file are dealt out to those who keep them: byte o lies in the part of
 * host[o / unit % factor], at (o / unit / factor) * unit + o % unit; there it is the file `part`,
 * or (numbered) the one of that name with the place in host behind it, in hexadecimal.  factor 0:
 * as it is open its bytes are dealt out in another way. */
#define PIO_PARTS_MAX 256
struct pio_stripes {
    struct xk_protl *rpc; /* by which they are asked, */
    uint32_t service;     /* of os/file/directed.h there */
    uint64_t unit;
    uint32_t factor;
    uint32_t host[PIO_PARTS_MAX];
    struct file_ref part;
    bool numbered;
};

/* What is mapped of an open file: memory whose pages are its bytes (os/file/mapped.h). */
struct pio_map {
    struct vm_space *space;
    uint64_t base, length; /* of the region: whole pages; it may be longer than the file */
    uint64_t off;          /* in the file, of its first byte: a multiple of the page */
    bool writes;           /* it may be written */
    bool copy;             /* what is written is the program's own */
};
struct file_map;
struct file_map_ask;

struct pio_ops {
    struct kind kind;
    const struct kind_set *modes; /* NULL: PIO_PLAIN alone */
    uint64_t can;
    unsigned traits;
    uint32_t below; /* files of what is below that a file is made of; 0: one */
    /* Services that a program's node must boot; ended by NULL. */
    const struct os_service_ops *const *services;
    /* Traits of a mode; PIO_PLAIN too. */
    unsigned (*mode)(int mode);
    /* Refuses what the machine has no room or no nodes for; NULL: nothing. */
    bool (*check)(const struct os_layout *l, const struct pio_plan *plan, struct err *e);
    /* The state of a node's programs. */
    void *(*start)(struct os_node *n); /* NULL: there is none */
    /* Fills f->state. (blocks) */
    enum pio_status (*open)(struct pio_file *f, const struct pio_open *o);
    /* Starts a request, and calls pio_end at its end, at once or later.  Never blocks. */
    void (*submit)(struct pio_req *r);
    /* NULL: a file has no parts; `parted` (NULL: always): nor where that says so. */
    bool (*parted)(const struct os_layout *l);
    void (*stripes)(const struct pio_file *f, struct pio_stripes *out);
    /* Its parts were written past the system: a flush must answer for that, too.  NULL with
     * `stripes` alone. */
    void (*written)(struct pio_file *f);
    /* Maps the file, by all but `file` of *a; NULL: it cannot be.  Without the call the library
     * maps above what it asks of the system. */
    struct file_map *(*map)(struct pio_file *f, const struct file_map_ask *a);
    /* f: NULL for the calls of a system.  Only what it can.  (blocks) */
    enum pio_status (*control)(struct pio *s, struct pio_file *f, struct pio_control *c);
};
extern const struct kind_set pio_systems; /* of struct pio_ops */

/* The mode of that name ("": PIO_PLAIN).  False with a sentence about `path`. */
bool pio_mode_find(const struct pio_ops *ops, const char *name, const char *path, int *mode,
                   struct err *e) MUST_CHECK;
/* Refuses a plan that the system or the machine cannot follow. */
bool pio_check(const struct pio_ops *ops, const struct os_layout *l, const struct pio_plan *plan,
               struct err *e) MUST_CHECK;

/* Files that those who keep them have of `files` of a program's (os_boot.files). */
static inline uint32_t pio_file_count(const struct pio_ops *ops, uint32_t files)
{
    return ops->below > 0 ? files * ops->below : files;
}

/* The system on a program's node. */
struct pio *pio_find(const struct pio_ops *ops, struct os_node *n);
enum pio_status pio_open(struct pio *s, const struct pio_open *o,
                         struct pio_file **out); /* (blocks) */
enum pio_status pio_control(struct pio *s, struct pio_file *f,
                            struct pio_control *c); /* (blocks) */

/* Maps an open file: loads and stores, and requests through it, see one truth.  Of a system with
 * that call (ops.map) this is so of all its files, and of all ranks where it keeps nodes coherent;
 * of any other the pages are what the rank keeps as with PIO_CACHING (PIO2), which may be below
 * them: others see what it has propagated.  PIO_BAD_MODE: the file's mode says where requests take
 * place, or others take part; PIO_BAD_LIST: the region is no whole pages, or overlaps another, or
 * the stack of `files` cannot be mapped; PIO_UNSUPPORTED: it has client caching of its own there.
 * While it is mapped its mode, view and caching stay: PIO_BAD_MODE, PIO_UNSUPPORTED.
 * (blocks where it fails) */
enum pio_status pio_map(struct pio_file *f, const struct pio_map *m, struct file_map **out);
/* Ends a mapping: what was written is what requests return.  The status is that of what failed;
 * the mapping is gone in any case.  Before the file is closed. (blocks) */
enum pio_status pio_unmap(struct pio_file *f, struct file_map *m);

/* Zeroes a transfer and makes its rope empty. */
void pio_req_init(struct pio_req *r, enum pio_op op, struct pio_file *f);
/* The same of a call; f: NULL for those of a system. */
void pio_call_init(struct pio_req *r, enum pio_op op, struct pio *s, struct pio_file *f);
/* Starts it; never blocks.  `done` may be called before this returns.  Of a call PIO_NO_SPACE may
 * say that the machine has no room for a thread. */
void pio_submit(struct pio_req *r);
/* One that has not begun, because `most` are under way or its thread has not run, ends with
 * PIO_CANCELLED before this returns, and `done` is called.  False: it has begun, and ends as it
 * ends. */
bool pio_cancel(struct pio_req *r);
/* Waits for its end; to ask for it, look at `ended`. (blocks) */
enum pio_status pio_wait(struct pio_req *r);
/* Waits until one of them has ended: the first such.  NULL is none of them. (blocks) */
uint32_t pio_wait_any(struct pio_req *const *reqs, uint32_t count);
/* For systems: it has ended; `moved`, `off`, `data` and its times, but latency, are set. */
void pio_end(struct pio_req *r, enum pio_status s);
uint64_t pio_length(const struct file_run *runs, uint32_t count); /* their bytes in all */

/* For who ends programs or saves them (os/ckpt).  What that thread calls is not the program's: it
 * never waits, and nobody waits for it.  Said while it is in no call. */
void pio_serve(struct pio *s, const struct port_thread *by);
/* From now on no transfer and no call of the program begins: who makes one waits. */
void pio_hold(struct pio *s);
/* Ends that: what waits begins. */
void pio_release(struct pio *s);
/* Until no transfer and no call is under way, and, where it is not held, none waits. (blocks) */
void pio_drain(struct pio *s);
/* Of one that is held and drained, whose program has gone: what had not begun is forgotten. */
void pio_forget(struct pio *s);
/* A write has ended so that pio_is_lost, though the program has not asked yet. */
bool pio_lost(const struct pio *s);
/* What is done between the two counts as one call. (the first blocks) */
void pio_enter(struct pio *s);
void pio_leave(struct pio *s);
/* For libraries over requests.  Whether these places are `length` bytes, inside the buffer; */
bool pio_fits(const struct pio_memory *m, uint64_t length);
/* appends their bytes to `data`; */
void pio_gather(struct port *port, const struct pio_memory *m, struct rope *data);
/* `data` go to the first of these places and are empty then. */
void pio_scatter(struct port *port, const struct pio_memory *m, struct rope *data);

/* Controls as calls. (block) */
enum pio_status pio_close(struct pio_file *f);
enum pio_status pio_flush(struct pio_file *f);
enum pio_status pio_propagate(struct pio_file *f);
enum pio_status pio_refresh(struct pio_file *f);
enum pio_status pio_set_size(struct pio_file *f, uint64_t size);
/* True when all ranks say so. */
enum pio_status pio_agree(struct pio *s, const char *tag, uint32_t ranks, bool ok);

#endif
