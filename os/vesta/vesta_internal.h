/* vesta_internal.h: private to os/vesta/: what clients and I/O nodes exchange. */
#ifndef OS_VESTA_VESTA_INTERNAL_H
#define OS_VESTA_VESTA_INTERNAL_H

#include "os/pfs/hash.h"
#include "os/proto/select/select.h"
#include "os/vesta/vesta.h"
#include "os/xk/peers.h"

#define VESTA_SERVICE 0x5007 /* service number at SELECT */

/* Procedures of an I/O node; of an object: of its home.  -> what the answer says beside a status.
 */
enum vesta_proc {
    /* of cells; lists of runs behind the message, then the data of a write */
    VESTA_READ,  /* value: number of the caller's request, for a trace -> value, seq: times of the
                    device and here; for each list 8 bytes: how many bytes of it there were; the
                    data */
    VESTA_WRITE, /* -> the same times */
    VESTA_HINT,  /* value: enum file_hint, seq: its `size`; to each cell that has a list, or, where
                    there are none, to all of the node's -> the same times */
    /* the order of atomic requests */
    VESTA_TOKEN, /* `lists` tokens behind the message have come to `pos` */
    VESTA_ABORT, /* seq: the caller's requests up to that one will not be made */
    /* [of an object] */
    VESTA_POINTER, /* value: to be added, VESTA_SET: its new value; seq: which life of the home
                      -> value: before, seq */
    VESTA_UPCALLS, /* the rest in threads: they wait for the stack of files */
    /* of the node's cells of a file */
    VESTA_LENGTHS = VESTA_UPCALLS, /* -> 8 bytes each: their lengths */
    VESTA_SIZE,                    /* value: of the view of all */
    VESTA_FLUSH,
    VESTA_FILL,       /* value: of the view of all, seq: seed, VESTA_COLD */
    VESTA_CHECKPOINT, /* value: its number; that of a number before is kept */
    VESTA_ROLLBACK,   /* value: to which; what was not there then is empty */
    VESTA_DROP_CELLS,
    /* [of an object, of that name] */
    VESTA_OPEN,   /* VESTA_O_, layout -> id, layout, xref; VESTA_SET: access list; VESTA_GOES,
                     VESTA_CAME: with its name */
    VESTA_REMOVE, /* -> id, layout */
    VESTA_MOVE,   /* to `to`, whose home is the same -> of a file that it replaces: id, layout */
    VESTA_MARK,   /* it will go to `to` -> as OPEN; its access list and label */
    VESTA_MAKE,   /* of that id and layout, and whose it is: value: user and group, seq: mode; its
                     access list and label; it came from `to` -> as MOVE */
    VESTA_LEFT,   /* if it is of that id it has gone */
    VESTA_CLEAR,  /* if it is of that id its coming is over */
    VESTA_NUMBER, /* if it is of that id: its checkpoint is number `last` from now on */
    VESTA_MKXREF,
    VESTA_RMXREF,
    VESTA_XADD, /* `to` stands in it; VESTA_IS_XREF: of an Xref; VESTA_ASKS: only whether the
                   caller may make that name */
    VESTA_XDEL,
    VESTA_LIST,  /* value: from which place -> value: the next, 0: that is all; entries */
    VESTA_GRANT, /* value: to which user, seq: these bits */
    VESTA_CHMOD, /* seq: mode, value: user and group */
    VESTA_ROLL,  /* if it is of that id: back to its checkpoint, in all cells */
    VESTA_LABEL, /* if it is of that id; VESTA_SET: its label is what is behind -> its label */
    VESTA_PROCS
};
enum { /* flags, beside VESTA_O_ */
       VESTA_ATOMIC = 16,
       VESTA_SET = 32,
       VESTA_COLD = 64,
       VESTA_IS_XREF = 128,
       VESTA_GOES = 256,  /* `to`: where a rename brings it */
       VESTA_CAME = 512,  /* `to`: from where */
       VESTA_ASKS = 1024, /* OPEN: for the right to read and write, or to read alone */
       VESTA_ROLLS = 2048 /* of an object: some cells may not yet be as its checkpoint has them */
};

/* A message's head, big-endian: status 4, flags 4, id 8, bsu 8, value 8, seq 8, maker 4, cells 4,
 * base 4, pos 4, last 4, parts 4, lists 4, bits 4, lengths of names 1 each; then the names, the
 * bits, and what else there is. */
#define VESTA_HEAD 74
struct vesta_msg {
    uint32_t status, flags;
    uint64_t id; /* of a file: number of its first object, and the I/O node that made it */
    uint64_t bsu, value, seq;
    uint32_t maker, cells, base;
    uint32_t pos;         /* the recipient's among the file's I/O nodes */
    uint32_t last, parts; /* atomic: the last that takes part; calls of it to this one; of an
                             object: last is the number of the file's checkpoint */
    uint32_t lists;
    uint32_t bits; /* bytes of a bit for each position from `pos` on: it has a part */
    char name[VESTA_NAME_MAX + 1], to[VESTA_NAME_MAX + 1];
};
/* Of an object: the caller's in a call, its own in an answer. */
static inline struct file_rights vesta_rights(const struct vesta_msg *m)
{
    return (struct file_rights){ .mode = m->lists, .uid = m->pos, .gid = m->parts };
}
static inline void vesta_rights_set(struct vesta_msg *m, const struct file_rights *r)
{
    m->lists = r->mode;
    m->pos = r->uid;
    m->parts = r->gid;
}
void vesta_store(struct rope *out, const struct vesta_msg *m);
bool vesta_load(struct rope *in, struct vesta_msg *m) MUST_CHECK; /* taken off the front */

/* A list of runs of a cell: cell 4, runs 4, the runs. */
#define VESTA_LIST_HEAD 8
/* A token: host 4, seq 8, last 4, bytes of bits 4, the bits. */
#define VESTA_TOKEN_HEAD 20

#define VESTA_RUNS_MAX 256 /* of a call; ASSUMED(8 KiB, an eighth of a call's data) */

static inline uint32_t vesta_positions(uint32_t cells, uint32_t nodes)
{
    return cells < nodes ? cells : nodes;
}
static inline uint32_t vesta_node(const struct os_layout *l, uint32_t base, uint32_t pos)
{
    return l->io[(base + pos) % l->io_count];
}

/* ---- the I/O node ---- */

struct vesta_server {
    struct port *port;
    struct xk_protl *rpc;
    const struct os_layout *layout;
    uint32_t self; /* its index among I/O nodes */
    struct file_sys *files;
    struct pfs_hash cells, orders, hosts, pointers;
    struct list waiting;            /* jobs for threads */
    uint32_t pool, threads;         /* at most, now */
    struct list busy;               /* names that are being changed */
    struct list rolls;              /* files that go back to their checkpoint from here */
    struct vesta_client *as_client; /* of the other I/O nodes */
};

struct vesta_job;
/* A request for bytes of one cell, part of a job. */
struct vesta_part {
    struct list link; /* while its cell is looked up */
    struct vesta_job *job;
    uint32_t cell, first, count; /* its runs among the job's */
    uint64_t bytes;
    struct file_req q;
};
struct vesta_job {
    struct list link; /* waiting, or of its place in an order */
    struct vesta_server *s;
    struct select_request *request;
    enum vesta_proc proc;
    uint32_t host;
    struct vesta_msg m;
    struct rope data; /* what is behind the message */
    sim_time arrived, device;
    uint32_t left;
    enum file_status status;
    struct file_run *runs;
    struct vesta_part *parts;
    uint8_t *bits;
    struct vesta_roll *roll; /* of an object: it waits for that */
    bool began;              /* ROLL: it has begun what is under way or over */
};
void vesta_later(struct vesta_server *s, struct vesta_job *j);                  /* to a thread */
void vesta_answer(struct vesta_job *j, struct vesta_msg *m, struct rope *data); /* ends it */
void vesta_cells_start(struct vesta_job *j); /* READ, WRITE: asks the stack, then answers */
void vesta_cells_end(struct vesta_job *j, enum file_status status); /* without having started */
/* In a thread: any other of cells; of an object. (block) */
void vesta_cells_all(struct vesta_job *j);
void vesta_object(struct vesta_job *j);
/* Who changes something of a name or a file waits for those who came before. (block) */
struct vesta_holder {
    struct list link;
    const char *name;
    struct port_thread *waits;
};
void vesta_hold(struct vesta_server *s, struct vesta_holder *h, const char *name);
void vesta_let_go(struct vesta_server *s, struct vesta_holder *h);
/* Back to a checkpoint (vesta_roll.c): of the object that bears the mark; NULL: none is begun. */
struct vesta_roll *vesta_roll_find(struct vesta_server *s, const struct vesta_msg *object);
struct vesta_roll *vesta_roll_new(struct vesta_server *s, const struct vesta_msg *object);
bool vesta_roll_back(const struct vesta_roll *r); /* all cells are */
void vesta_roll_end(struct vesta_roll *r);        /* and the mark is off */
/* An object's job has no thread until then; it is answered when that fails, else begins anew. */
void vesta_roll_wait(struct vesta_roll *r, struct vesta_job *j);
/* Order (vesta_order.c). */
void vesta_order_part(struct vesta_job *j); /* atomic: starts it in its turn */
void vesta_order_tokens(struct vesta_job *j);
void vesta_order_abort(struct vesta_job *j);
void vesta_order_peer(struct vesta_server *s, uint32_t host, uint32_t life, bool alive);

/* ---- the client ---- */

struct vesta_client {
    struct port *port;
    struct xk_protl *rpc;
    const struct os_layout *layout;
    const struct vesta_params *params;
    struct file_rights user;
    uint64_t chunk;     /* data bytes of one call */
    uint64_t seq;       /* of atomic requests: life of the node, number */
    struct list atomic; /* requests: the first is under way */
    struct list retry;
    struct port_timer timer;
    struct {
        uint64_t requests, calls, bytes, aborted;
    } counts;
};

struct vesta_file {
    struct vesta_client *c;
    uint64_t id, life;
    uint32_t maker, positions;
    struct vesta_layout layout;
    struct vesta_map map;
    enum vesta_mode mode;
    bool read_only, owned; /* owned: by who opened it, or that was user 0 */
    char name[VESTA_NAME_MAX + 1];
    struct xk_unsafe unsafe; /* by position: changed from here, and not flushed since */
};
void vesta_changed(struct vesta_file *f, uint32_t pos);
/* What the names of a file's cells begin with; the number of the cell follows, in hexadecimal. */
void vesta_cells_name(char out[FILE_NAME_MAX + 1], uint64_t id, uint32_t maker);

void vesta_data_boot(struct vesta_client *c);

/* A call to each I/O node of a file, all at once: `file`, `proc`, what of `m` is no matter of the
 * file, `reply` (of each that went well, NULL: no matter) and `done`. */
struct vesta_fan {
    struct vesta_file *file;
    enum vesta_proc proc;
    struct vesta_msg m;
    void (*reply)(struct vesta_fan *f, uint32_t pos, struct rope *reply);
    void (*done)(struct vesta_fan *f);
    void *arg;
    enum file_status status; /* out: the first that is not FILE_OK */
    uint64_t end;            /* out, of vesta_fan_end: where the subfile ends */
    uint32_t left, next;
    struct vesta_leg {
        struct vesta_fan *fan;
        uint32_t pos;
    } * legs;
    struct port_timer timer;
};
struct vesta_file vesta_file_of(struct vesta_client *c, const struct vesta_msg *m);
void vesta_fan_start(struct vesta_fan *f);
void vesta_fan_end(struct vesta_fan *f); /* asks for the end */
enum file_status vesta_of_call(enum xk_status s);

#endif
