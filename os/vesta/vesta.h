/* vesta.h: Vesta, IBM's parallel file system for the SP1: files with two dimensions, and no
 * coordinator.
 *
 * A file is a table of cells and rows (map.h).  Cell c lies on I/O node (base + c) mod D of D, the
 * first min(cells, D) from `base` on are the file's I/O nodes, in that fixed order.  Cells, base
 * and the unit of a row (BSU) are said when the file is created and never change.  Who opens it
 * sees a subfile of a view; ranks may have other views, and change theirs, and no byte moves.
 *
 *   Parts    service vesta_server on each I/O node: objects and cells, as files of its stack
 *            (os/file).  Service vesta_client on compute nodes: this library, which finds out by
 *            arithmetic where bytes are and asks those nodes, all at once, one list of runs each.
 *            Nobody else is asked: clients keep no data and no sizes.
 *   Names    an object says what a file is: it lies on the I/O node that the hash of its whole
 *            name says (vesta_home), there by its whole name.  A '/' in a name means nothing on the
 *            way to it.  An Xref is an object that lists names: those of files that are made while
 *            there is an Xref of the name up to their last '/'.  What has no '/' is listed by
 *            asking all I/O nodes.
 *   Modes    independent  each request is atomic: in the order in which its first I/O node has it,
 *                         a token goes from there along the file's I/O nodes to its last, and each
 *                         starts what it has of the request in the order of tokens (VST4);
 *            shared       a pointer that all move, at the file's object; no order beside that;
 *            reckless     nothing is kept in order: who conflicts sees to it.
 *   Caches   of the I/O nodes alone: buffers, read-ahead and delayed writes are their stack's
 *            (machine.os.vesta_server.lfs).
 *
 *   VST1  A request ends exactly once, with a status of os/file.  What an answered write wrote is
 *       what later requests return, until a crash of an I/O node: that may lose what no FLUSH
 *       covered; the next FLUSH of who wrote it says so.
 *   VST2  A subfile ends behind the last byte that any cell has of it, whoever wrote that; a read
 *       ends at its first byte behind it.  Bytes before it that nobody wrote are zeros.
 *   VST3  Names outlive crashes: what an answered call made, moved or removed is so.  A rename
 *       whose caller dies is done or not, whoever looks: the new object says where it came from,
 *       the old one where it goes, and who meets such an object asks the other.  Calls of several
 *       programs that change one name at a time may leave it either way.
 *   VST4  Atomic requests of a file are serialisable, and a request comes before those that are
 *       made after its answer: on any I/O node that two share they run in one order.
 *   VST5  When an I/O node dies, every request that needs it ends with FILE_UNREACHABLE; an atomic
 *       one is then dropped everywhere, of a write any part may be done.  Requests whose token
 *       would have come by there go around it.  The place of a shared pointer is lost with its
 *       object's node: FILE_UNREACHABLE until the file is opened again.
 *
 * Source: [Corbett and Feitelson, The Vesta parallel file system, TOCS 1996] and what is known of
 * it here at second hand (two dimensions, hashed names, Xrefs, tokens in fixed order, reckless
 * mode); the protocols between nodes are psim's.
 * Who calls it: os/pio/pio_vesta.c, in threads by the calls marked (blocks).
 *   VST6  A file has one checkpoint, the one of its object's number, in all cells alike; a crash of
 *       any node at any moment leaves that number's in each of them.
 *   VST7  A rollback that has begun is ended by the file's home, before anybody opens the file,
 *       changes its checkpoint or renames it: after a crash of any node at any moment all cells are
 *       as the checkpoint has them, or all as they were.  Checkpoints, rollbacks and renames of one
 *       file at a time are for programs to keep apart.
 */
#ifndef OS_VESTA_VESTA_H
#define OS_VESTA_VESTA_H

#include "os/vesta/map.h"

extern const struct os_service_ops vesta_server_service, vesta_client_service;
extern const struct counter vesta_client_counters[]; /* of "vesta_client" */
extern const struct kind_set vesta_modes;            /* by enum vesta_mode */
enum vesta_mode { VESTA_INDEPENDENT, VESTA_SHARED, VESTA_RECKLESS };

#define VESTA_NAME_MAX (FILE_NAME_MAX - 1) /* of a path: the stack below has one byte more */
#define VESTA_NODES_MAX 1024               /* I/O nodes of a machine */

struct vesta_layout {
    uint64_t bsu;
    uint32_t cells, base;
};

/* Refuses a file of that size, one of so many of a program's, that the device of an I/O node has
 * no room for. */
bool vesta_room_check(const struct os_layout *l, const struct vesta_layout *x, uint32_t files,
                      uint64_t size, const char *path, struct err *e) MUST_CHECK;
/* Blocks go through the buffers of the I/O nodes. */
bool vesta_buffered(const struct os_layout *l);
/* Their stacks keep versions. */
bool vesta_versions(const struct os_layout *l);

struct vesta_client;
struct vesta_file; /* an open file of this node */

struct vesta_params { /* of vesta_client */
    int64_t rpc, window, depth, retries;
    sim_time retry_delay;
};
/* Boots I/O node `self` over an instance of SELECT; at most `pool` of its calls are in threads. */
void vesta_server_start(struct xk_protl *rpc, const struct os_layout *layout, uint32_t self,
                        uint32_t pool, struct file_sys *files);
/* Boots a node with programs. */
struct vesta_client *vesta_client_start(struct xk_protl *rpc, const struct os_layout *layout,
                                        const struct vesta_params *params);

/* Which of `nodes` I/O nodes has the object of that name. */
uint32_t vesta_home(const char *name, uint32_t nodes);

/* Rights.  An object has a user, a group and a mode, of who made it, and an access list: what some
 * more users may do with it, beside what the mode says (os/file/file.h: bits, and the one rule).
 * Its home asks: to open it, for read and write, or read alone; to remove or rename it, and what a
 * rename replaces, for write; to list an Xref, for read, and to make a name that it would list, for
 * write; a change of mode or list is the owner's, of user and group user 0's.  Other names are
 * anybody's to make, all may be looked at (vesta_stat), and the library keeps what Xrefs say.  What
 * is open stays so, with the right it was opened with; where all open together rank 0's counts for
 * all (VESTA_O_GRANTED).  I/O nodes ask for nothing when they read and write: they take the
 * library's word.  A rename keeps all of it; an Xref has no access list. */
#define VESTA_ACCESS_MAX 8 /* further users of an object; ASSUMED(a small list) */
/* Who the programs of this node are, and the mode of what they make; until then user 0, 0666. */
void vesta_user(struct vesta_client *c, const struct file_rights *user);
/* User `uid` may do what these bits (04 | 02) say; 0: is not in the list any more.  FILE_NO_SPACE:
 * there are VESTA_ACCESS_MAX of them.  (blocks) */
enum file_status vesta_grant(struct vesta_client *c, const char *name, uint32_t uid, uint32_t bits);

/* Its mode, user and group are these from now on; of an Xref, too. (blocks) */
enum file_status vesta_chmod(struct vesta_client *c, const char *name,
                             const struct file_rights *to);

enum { VESTA_O_CREATE = 1, VESTA_O_EXCL = 2, VESTA_O_READ_ONLY = 4, VESTA_O_GRANTED = 8 };
/* Opens with the view of all; `layout` is that of a file which is created (base: UINT32_MAX: the
 * object's own node).  FILE_RANGE: no file has such a layout. (blocks) */
enum file_status vesta_open(struct vesta_client *c, const char *name, unsigned flags,
                            const struct vesta_layout *layout, enum vesta_mode mode,
                            struct vesta_file **out);
void vesta_close(struct vesta_file *f); /* no request is under way */
const struct vesta_layout *vesta_layout_of(const struct vesta_file *f);
/* From now on offsets are those of this subfile.  False: the file has no such view; nothing done.
 */
bool vesta_view(struct vesta_file *f, const struct vesta_view *view) MUST_CHECK;
void vesta_mode(struct vesta_file *f, enum vesta_mode mode);

/* Starts a READ or WRITE of the open file, as os/file says it; r->file counts for nothing, and the
 * runs must stay until it has ended.  In mode shared the list is one run, whose `off` is set to
 * where the pointer was.  r->done may be called from inside. */
void vesta_submit(struct vesta_file *f, struct file_req *r);

/* A hint (os/file/file.h) to the layers of files of the I/O nodes: of these bytes of the subfile to
 * those that have some of them, each of its own; count 0: of the whole file, to all that have cells
 * of it.  `size`: of FILE_PIN.  A cell that nobody wrote needs nothing but FILE_PIN, which makes
 * it.  Ends when all have ended.  FILE_DENIED: it is not the caller's to say, or some of them deny
 * it; FILE_UNREACHABLE: one is down, or came back, there it is done or not; the others have done
 * it. (blocks) */
enum file_status vesta_hint(struct vesta_file *f, enum file_hint hint, uint64_t size,
                            const struct file_run *runs, uint32_t count);

/* For transfers that go to the cells past this library (os/file/directed.h), in no order with
 * other requests: by what their I/O nodes are called, those, the names of the cells but for their
 * number; and that any cell was written so, which a flush answers for.  False: it is seen through a
 * view, or has more cells than that. */
bool vesta_cells(const struct vesta_file *f, struct xk_protl **rpc, uint32_t *hosts, uint32_t most,
                 char name[FILE_NAME_MAX + 1]) MUST_CHECK;
void vesta_written(struct vesta_file *f);
/* No other file has it. */
uint64_t vesta_key(const struct vesta_file *f);
/* As vesta_size, without a thread: `done` is told, later. */
void vesta_ask_size(struct vesta_file *f,
                    void (*done)(void *arg, enum file_status s, uint64_t size), void *arg);
/* Of the subfile.  A new size is set in the view of all alone (else FILE_RANGE). (block) */
enum file_status vesta_size(struct vesta_file *f, uint64_t *size);
enum file_status vesta_set_size(struct vesta_file *f, uint64_t size);
/* FILE_UNREACHABLE, once, also when an I/O node has restarted since what this open file changed
 * there: that may be lost.  So does a checkpoint, which is then not made.  (blocks) */
enum file_status vesta_flush(struct vesta_file *f);
/* The file as it is becomes its checkpoint, in the place of the one before, on all of its I/O nodes
 * or, when one dies meanwhile, on none; of requests under way each cell has what it has.  Back: all
 * cells are as the checkpoint has them.  FILE_UNREACHABLE: a node died; whoever opens the file
 * again finds all of them so, or, when it was never begun, none (VST7); who has had it open may
 * see some.  FILE_UNSUPPORTED: the I/O nodes' stacks keep no versions.
 * number 0: the one after the file's, and the file's.  Above 0: it is this, and the newest of a
 * lower number stays in the cells, too, all others go; back to one of those two, which is the
 * file's then: who asks knows that it was made, for a cell that was not there then is told from
 * one that does not have that number by nobody.  (block) */
enum file_status vesta_checkpoint(struct vesta_file *f, uint32_t number);
enum file_status vesta_rollback(struct vesta_file *f, uint32_t number);
/* What a program keeps with the file, as a name is kept (VST3); set: it becomes `label`, else
 * `label` is told, zeros at first. (blocks) */
enum file_status vesta_label(struct vesta_file *f, bool set, uint8_t label[FILE_LABEL_BYTES]);
/* For benchmarks: bytes [0, size) of the view of all are those of the pattern `seed`, without
 * traffic; cold: no buffer has any of them. (blocks) */
enum file_status vesta_fill(struct vesta_file *f, uint64_t seed, uint64_t size, bool cold);
/* The shared pointer; set: it becomes *at, else *at is told. (blocks) */
enum file_status vesta_pointer(struct vesta_file *f, bool set, uint64_t *at);

struct vesta_stat {
    struct file_rights rights;
    uint32_t access_count; /* further users */
    struct {
        uint32_t uid, bits;
    } access[VESTA_ACCESS_MAX];
    bool xref; /* then the rest is not set */
    uint64_t size;
    struct vesta_layout layout;
};
/* Asks all of the file's I/O nodes for its size. (blocks) */
enum file_status vesta_stat(struct vesta_client *c, const char *name, struct vesta_stat *out);
/* The name goes, then the cells: who has it open is told FILE_NO_FILE. (blocks) */
enum file_status vesta_unlink(struct vesta_client *c, const char *name);
/* A file of the new name goes; open files stay open. (blocks) */
enum file_status vesta_rename(struct vesta_client *c, const char *from, const char *to);
/* An empty Xref. (blocks) */
enum file_status vesta_mkxref(struct vesta_client *c, const char *name);
enum file_status vesta_rmxref(struct vesta_client *c, const char *name); /* an empty one (blocks) */
/* What stands in an Xref, "": what has no '/'; names without what is before their last '/'.
 * (blocks) */
enum file_status vesta_list(struct vesta_client *c, const char *name,
                            void (*each)(void *arg, const char *name, bool xref), void *arg);

#endif
