/* ckpt_internal.h: private to os/ckpt/: the service's state, and what its files ask of each other.
 */
#ifndef OS_CKPT_CKPT_INTERNAL_H
#define OS_CKPT_CKPT_INTERNAL_H

#include "os/ckpt/ckpt.h"
#include "os/ckpt/cut.h"
#include "os/nx/nx.h"
#include "os/proto/select/select.h"

struct ckpt_params {
    sim_time interval, retry, limit, patience, give_up, quantum;
    int64_t spares, jobs;
    const struct val *moves;
    struct ckpt_move *move; /* the same, read (plan.c) */
    uint32_t move_count;
    int policy, sink, system;
    bool incremental, compare, compress, restart;
    int files;
    int64_t pool, piece, group, room;
    int servers;
    bool mirror;
};

enum { CKPT_FILES_CUT, CKPT_FILES_LEAVE };

/* What the leader asks (lead.c); answered when it is done.
 * Arguments: u32 run, u32 generation, u32 committed, u64 more; of cuts: u32 epoch, u64 life. */
enum ckpt_procedure {
    CKPT_SAVE = 1, /* rank 0 begins a cut, each rank is saved for it; more: no program goes on */
    CKPT_ABANDON,  /* no more of that: the program goes on in another life of the cuts -> u32 1: it
                    * has come to no place where it can be saved */
    CKPT_COMMIT,   /* rank 0 alone */
    CKPT_WHO,      /* of all seats that are up: whom it obeys (place.c) */
    CKPT_RESET,    /* of them: the program is gone, a run begins; more: the leader, the plan << 16
                    * -> u32 the highest number of a cut heard of.  Refused: who is obeyed */
    CKPT_PLACE,    /* of them: where the ranks are from now on; u32 version, u32 node ... behind the
                    * arguments */
    CKPT_FIND,     /* rank 0 alone -> u32 generation: the newest committed below `more` */
    CKPT_LISTS,    /* where nothing was committed: the list of opened files is read, and UNDO and
                    * LOAD follow, which lets go of it -> u32 1: there are files to bring back */
    CKPT_LOAD,     /* in another life of the cuts -> u32 1: there are files to bring back */
    CKPT_UNDO,     /* files are as they were at the cut; only where somebody has any */
    CKPT_ENTER,
    CKPT_COUNT,  /* shared.c: -> u64 sent, u64 received, u8 busy */
    CKPT_QUIET,  /* nothing is under way between the shared memories */
    CKPT_ENDED,  /* to the leader: the program has returned; more: which */
    CKPT_AGAIN,  /* to the leader: what belongs to the job is lost, it is to go back */
    CKPT_FAILED, /* to the leader: the program has failed, the job is to end */
    CKPT_OVER,   /* of all seats that are up: all has ended; more: as of RESET */
    CKPT_OPENED, /* to rank 0, of files (files.c): u32 run, a name; answered when it is open */
    CKPT_CLOSED, /* the same: this rank has closed it */
    CKPT_NAME,   /* to rank 0: a file of one rank is opened or closed (files_name.c) */
    CKPT_PAST,   /* of rank 0, of files (files_meet.c): u32 cut; answered when it is captured */
    CKPT_MET,    /* of rank 0: u32 cut: shared files have their numbers */
    CKPT_ROUND,  /* to rank 0: u32 run, u8 later, a name (files_round.c); answered when all ranks
                  * have asked, or: CKPT_NONE: a checkpoint comes first; later: when it has been */
    CKPT_STORE,  /* of others' memory (sink_memory.c) */
    CKPT_FETCH
};
#define CKPT_SERVICE 0x4b01
#define CKPT_ARGS 32
#define CKPT_LOG "messages"  /* the last part of an image, */
#define CKPT_PLACES "places" /* and the one before it, where it is there (files_meet.c) */

/* Bytes in frames of the store, one behind the other. */
struct ckpt_blob {
    uint64_t frame;
    uint32_t length; /* 0: there is none */
    bool packed;     /* compressed (blob.c) */
};

/* Memory that has the bytes of a base, for comparison. */
struct ckpt_kept {
    uint32_t refs;
    bool shared; /* with the program, until that writes */
    struct rope data;
};

/* A page of an image. */
struct ckpt_entry {
    uint32_t region; /* by order of mapping */
    uint64_t page, hash;
    struct ckpt_blob base, diff; /* diff: words in which the page differs from its base */
    struct ckpt_kept *kept;      /* NULL: nothing */
};

/* Which frames of a rank's store are in use, and an image (store.c). */
struct ckpt_image {
    uint32_t generation; /* 0: none */
    uint32_t slot;       /* of its header */
    struct ckpt_entry *pages;
    uint64_t count, room;
    uint64_t meta_frame, meta_frames;
    struct rope parts;
};

enum ckpt_page_state { PAGE_CAPTURED, PAGE_READY, PAGE_WRITTEN };
struct ckpt_page {
    struct list link; /* in ckpt_save.ready */
    struct vm_region *region;
    uint64_t entry; /* in image.pages */
    enum ckpt_page_state state;
    bool watched; /* its first write is a fault also when it has been written */
    bool copied;
    bool out, was_out;            /* out: its pager has its bytes, `data` not yet */
    const struct ckpt_entry *old; /* in the last image; NULL: none */
    struct rope data;
};

/* A checkpoint of this rank under way. */
struct ckpt_save {
    bool active, aborted;
    enum ckpt_status status;
    bool closed;     /* the cut is complete here: */
    struct rope log; /* these messages were in flight (log.c) */
    struct ckpt_image image;
    struct ckpt_page *pages; /* to be written */
    uint64_t count, written;
    struct list ready;
    uint64_t pooled; /* copied and not written */
};

struct ckpt_policy_ops {
    struct kind kind;
    bool protects; /* first writes are told while it is under way */
    bool copier;   /* a thread copies ahead */
    /* In the service's thread, the program has stopped; it goes on when this returns. (blocks) */
    void (*captured)(struct ckpt *c);
    /* The program is about to write that page for the first time. (blocks) */
    void (*touched)(struct ckpt *c, struct ckpt_page *p);
    void (*wrote)(struct ckpt *c, struct ckpt_page *p); /* it is on the sink; NULL: nothing */
};

enum ckpt_range_kind { CKPT_EXCLUDED, CKPT_NAMED, CKPT_READ_ONLY, CKPT_RANGE_KINDS };
struct ckpt_range {
    enum ckpt_range_kind kind;
    uint64_t base, length;
};
struct ckpt_ranges {
    struct ckpt_range *list;
    uint32_t count, room;
    bool some[CKPT_RANGE_KINDS];
};

/* The program goes on when none holds it. */
enum ckpt_hold {
    HELD_CUT = 1,  /* the cut has stopped all (sns) */
    HELD_SAVE = 2, /* the save policy is not done */
    HELD_PLAN = 4  /* it goes on in another run: something is planned (plan.c) */
};

/* Of the node that leads, or has led: lead.c. */
enum ckpt_lead_phase {
    LEAD_IDLE,
    LEAD_ASKING,
    LEAD_RUNNING,
    LEAD_CHECKPOINT,
    LEAD_WAITING,
    LEAD_RESTART,
    LEAD_GIVING_UP,
    LEAD_OVER
};
struct ckpt_lead {
    struct ckpt *c;
    enum ckpt_lead_phase phase;
    enum ckpt_procedure asked;
    uint32_t round; /* rises with each question: answers to former ones count no more */
    uint32_t left;  /* answers that are to come */
    bool *silent;   /* by rank or seat that was asked: its answer is to come */
    enum ckpt_status worst;
    bool unreached; /* somebody gave no answer */
    uint32_t tries; /* restarts in a row that a sink has failed */
    uint32_t run, committed, generation, below;
    uint64_t life;   /* of the cuts: the time at which it began, for no clock is set back */
    uint32_t number; /* of the cuts, the highest heard of; their epoch when a life begins */
    uint32_t other_run, other; /* the newest run that somebody is in, and who leads it */
    struct os_places places;   /* of the run */
    bool *ended;               /* by rank */
    uint32_t ended_count;
    bool put_off;  /* it has said so */
    bool undo;     /* somebody has files to bring back */
    bool changing; /* the next life is of another algorithm: a checkpoint is due at once */
    bool planned;  /* after the checkpoint under way no program goes on */
    sim_time entered, since; /* the run; since when something is due, or 0 */
    sim_time asked_at;       /* the checkpoint under way */
    sim_time pause;          /* before that is tried again */
    bool overdue;            /* `limit` is over for a checkpoint, */
    uint32_t late; /* and that rank has come to no place where it can be saved; or OS_NO_RANK */
    struct port_timer timer, limit;
    struct port_thread *thread; /* no service's: while it is there the job is not over */
};
struct ckpt_shared; /* shared.c */

/* A planned move (moves.c). */
enum { CKPT_TO_SPARE, CKPT_TO_FORWARD, CKPT_TO_REVERSE, CKPT_TO_ROWS, CKPT_TO_COLUMNS };
struct ckpt_move {
    sim_time at;
    int64_t rank; /* -1: all */
    int to;
};

#define CKPT_JOBS 24 /* that take turns */

/* What has been done of what was planned (plan.c). */
struct ckpt_plan {
    uint32_t moved; /* moves that have been made */
    uint32_t turn;  /* the job whose turn it is */
    uint32_t done;  /* bit j: job j has ended */
};

/* A node that may have a rank. */
struct ckpt_seat {
    uint32_t node;
    bool down;      /* as the failure detector told last, */
    sim_time since; /* and then */
};
#define CKPT_NOBODY UINT32_MAX

struct ckpt_files; /* files_internal.h */

struct ckpt {
    struct os_node *node;
    struct port *port;
    struct xk_protl *rpc;
    const struct ckpt_params *params;
    const struct ckpt_policy_ops *policy;
    const struct ckpt_sink_ops *sink;
    uint32_t turn;          /* the job that this node has */
    void *sinks[CKPT_JOBS]; /* by job */
    void *sink_state;       /* of that one */
    bool had[CKPT_JOBS];    /* a checkpoint of it was committed, in this life of the node */
    struct nx *nx;
    struct cut *cut;
    uint32_t rank, ranks; /* rank: OS_NO_RANK on a spare */
    struct os_keeper keeper;
    struct ckpt_seat *seats; /* those that have ranks at first, then the spares */
    uint32_t seat_count, seat;
    uint32_t leader; /* of the run: its seat, or CKPT_NOBODY: not known */
    struct port_timer election;
    struct ckpt_files *files;
    struct ckpt_lead *lead; /* NULL: has never led */
    struct ckpt_shared *shared;
    struct {
        const struct ckpt_part_ops *ops;
        void *obj;
    } parts[8];
    uint32_t part_count;
    /* the program */
    struct vm_space *space;
    struct ckpt_ranges ranges;
    uint64_t page_bytes; /* 0: not known yet */
    uint64_t piece;      /* the most that one write has */
    uint64_t unit;       /* bytes of a frame of the store; 0: not known yet */
    struct ckpt_scratch *scratch;
    bool stopping, stopped; /* it was asked to stop; it stands at a place where it can be saved */
    unsigned held;          /* why: enum ckpt_hold */
    sim_time stopped_at;
    /* the run */
    uint32_t run;
    bool whole;    /* the next checkpoint writes all pages */
    bool torn;     /* and refers to nothing of `last`, of which the sink has lost something */
    uint8_t *used; /* frames of `last` and of the image that is being written: a byte each */
    uint64_t used_room, used_below; /* below: all are in use */
    struct ckpt_image last;         /* written last; committed when the leader says so */
    struct ckpt_save save;
    uint32_t losses; /* of pages, by who keeps them for the program */
    struct vm_fetch fetch;
    bool fetching;        /* that is under way */
    uint64_t save_number; /* rises when one ends: what is kept of its pages is void */
    uint64_t resume;      /* of the image that was loaded */
    bool ended;
    struct rope *loaded; /* pages of `last` that the program has not asked for yet, or NULL */
    /* what is asked of it */
    struct select_request *request;
    enum ckpt_procedure job; /* for the thread; 0: none */
    uint32_t generation;
    struct ckpt_plan plan; /* as the leader has told, or as it is to be */
    bool planned; /* the program is not to go on after the checkpoint that it is asked for */
    uint64_t below;
    struct rope args;
    bool asked;     /* to save, and it has not */
    bool wanted;    /* the cut asks for the snapshot, and it is not made */
    bool capturing; /* it is made when its files are done with */
    bool cut_lost;  /* a death has ended the cut here */
    bool late;      /* the program was to stop, and has not, when the checkpoint was abandoned */
    uint32_t cut_number, cuts_heard;
    struct port_thread *thread, *copier, *stalled;
    struct {
        uint64_t saves, committed, failed, restarts, pages, page_bytes, meta_bytes, copied_bytes,
            faults, stalls, damaged, numbers, undone, moves, swaps, rewritten, diffs, kept, space,
            memory, fetched, logged, logged_bytes, replayed, resent, copies, rounds;
    } counts;
};

/* ckpt.c */
void ckpt_answer(struct ckpt *c, enum ckpt_status s, struct rope *more); /* of c->request */
void ckpt_wake(struct ckpt *c);                        /* its threads look again */
void ckpt_stopped_for(struct ckpt *c, sim_time since); /* of one interruption of the program */
void ckpt_tell_leader(struct ckpt *c, enum ckpt_procedure what); /* ENDED, AGAIN, FAILED */
void ckpt_kill(struct ckpt *c); /* the program; nothing wakes its thread any more */

/* parts.c */
extern const struct ckpt_part_ops ckpt_part_program, ckpt_part_nx;
bool ckpt_load_parts(struct ckpt *c, const struct rope *parts); /* false: they make no sense */

/* save.c */
bool ckpt_capture(struct ckpt *c); /* false: c->save.status */
void ckpt_write(struct ckpt *c);   /* what is ready, until all is (blocks) */
void ckpt_finish(struct ckpt *c);  /* the cut is complete: image, header, flush (blocks) */
void ckpt_ready(struct ckpt *c, struct ckpt_page *p);
void ckpt_end_save(struct ckpt *c);
void ckpt_first_write(void *arg, struct vm_region *r, uint64_t page);
/* In the program's thread: who kept a page of it has lost that.  False: it has not. (blocks) */
bool ckpt_page_lost(void *arg, const struct vm_error *e);
void ckpt_copy_ahead(void *arg); /* the copier's thread */

/* ranges.c */
void ckpt_ranges_clear(struct ckpt *c);
bool ckpt_is_saved(const struct ckpt *c, const struct vm_region *r, uint64_t page);
bool ckpt_is_read_only(const struct ckpt *c, const struct vm_region *r, uint64_t page);

/* blob.c */
void ckpt_entry_copy(struct ckpt_entry *to, const struct ckpt_entry *from);
void ckpt_entry_drop(struct ckpt *c, struct ckpt_entry *e);
/* The program is about to write a page that is unchanged; e: its entry, or NULL. */
void ckpt_kept_touched(struct ckpt *c, const struct ckpt_entry *e);
/* What is to be written of a captured page, in `data`; returns whose frames it needs.  NULL: the
 * page is as its base is. */
struct ckpt_blob *ckpt_encode(struct ckpt *c, const struct ckpt_page *p, struct ckpt_entry *e,
                              struct rope *data);
/* The page (empty before) of what was read of it; base may change.  False: it is damaged. */
bool ckpt_decode(struct ckpt *c, struct ckpt_entry *e, struct rope *base, const struct rope *diff,
                 struct rope *page);

/* shared.c */
extern const struct ckpt_part_ops ckpt_part_svm, ckpt_part_sync; /* of a struct ckpt_shared */
struct ckpt_shared *ckpt_shared_start(struct ckpt *c, void (*look)(struct ckpt *c));
/* All ranks have stopped: false: something is under way between their shared memories, or may be;
 * `look` is called when that has ended. */
bool ckpt_shared_quiet(struct ckpt *c);
void ckpt_shared_open(struct ckpt *c);    /* the program's memory is there */
void ckpt_shared_give_up(struct ckpt *c); /* the cut is given up */
void ckpt_shared_drop(struct ckpt *c);    /* the program is about to be ended; a run begins */
void ckpt_shared_serve(struct ckpt *c, struct select_request *request, enum ckpt_procedure what,
                       struct rope *args);

/* store.c */
#define CKPT_HEADER_BYTES 64
#define CKPT_FRAMES_AT 16384u /* of a store: behind the headers and commit records */
uint64_t ckpt_hash_bytes(const void *bytes, size_t n); /* of what is written to the sink */
void ckpt_image_init(struct ckpt_image *i);
void ckpt_image_fini(struct ckpt *c, struct ckpt_image *i);
struct ckpt_entry *ckpt_image_add(struct ckpt *c, struct ckpt_image *i);
void ckpt_frames_begin(struct ckpt *c); /* those of c->last alone are in use (CKPT2) */
/* The lowest frames in a row that are free, from `least` to `want`.  They are in use. */
uint64_t ckpt_frames_take(struct ckpt *c, uint64_t least, uint64_t want, uint64_t *got);
uint64_t ckpt_frames_next(const struct ckpt *c); /* the lowest that is free */
/* The sink is told how far so many pages and the image will reach, where that is known before. */
enum ckpt_status ckpt_room(struct ckpt *c, const struct ckpt_image *i, uint64_t pages);
void ckpt_frames_give(struct ckpt *c, uint64_t frame, uint64_t count);
uint64_t ckpt_frames_of(struct ckpt *c, uint64_t bytes); /* how many they need */
uint64_t ckpt_frame_at(struct ckpt *c, uint64_t frame);  /* its offset in the sink */
enum ckpt_status ckpt_image_write(struct ckpt *c, struct ckpt_image *i);
/* Image and pages (*pages: ropes by entry, allocated here) of that generation. */
enum ckpt_status ckpt_image_read(struct ckpt *c, uint32_t generation, struct ckpt_image *i,
                                 struct rope **pages);
/* What was written of the image whose header is there is not used any more: it is on the sink. */
enum ckpt_status ckpt_slot_void(struct ckpt *c, uint32_t slot);
/* Writes, and flushes, what lies between the headers: at 1024 to 4095, and at 5120 to 8191. */
enum ckpt_status ckpt_sink_put(struct ckpt *c, uint64_t at, struct rope *data);
enum ckpt_status ckpt_commit_write(struct ckpt *c, uint32_t generation);
/* The newest committed below `below`; 0: there is none.  One from `below` on is damaged, and if
 * there is another its record is void from then on (CKPT9). */
enum ckpt_status ckpt_commit_read(struct ckpt *c, uint32_t below, uint32_t *generation);

/* log.c */
void ckpt_log_add(struct ckpt *c, const struct cut_message *m); /* to what is saved now */
bool ckpt_log_replay(struct ckpt *c, struct rope *log);         /* false: it makes no sense */

/* place.c */
bool ckpt_seats_start(struct ckpt *c); /* false: this node has none */
void ckpt_go_back(struct ckpt *c);     /* the leader is asked for a restart */
void ckpt_elect(struct ckpt *c);       /* this node leads, if it is its turn */
/* A run begins; false: it is not later than that in which this node is (PLACE3). */
bool ckpt_obey(struct ckpt *c, uint32_t run, uint32_t leader);
void ckpt_tell_who(const struct ckpt *c, struct rope *out);
/* Appends a placement, but for the first. */
void ckpt_places_put(const struct os_places *places, struct rope *out);
/* out: a copy, with what follows at `at`; false: that is none, and there is no copy. */
bool ckpt_places_get(struct ckpt *c, const struct rope *in, uint64_t at, struct os_places *out);
/* Of the arguments of PLACE.  CKPT_STATE: it is old. (blocks) */
enum ckpt_status ckpt_take_places(struct ckpt *c, const struct rope *args);
uint32_t ckpt_seat_of(const struct ckpt *c, uint32_t node); /* seat_count: it has none */
bool ckpt_free_seat(const struct ckpt *c, const struct os_places *places, uint32_t seat);

/* moves.c */
bool ckpt_moves_load(struct ckpt_params *p, const struct os_layout *l, const char *path,
                     struct err *e) MUST_CHECK;
bool ckpt_moves_fit(const struct ckpt_params *p, uint32_t ranks, struct err *e) MUST_CHECK;
void ckpt_moves_free(struct ckpt_params *p);

/* plan.c */
uint64_t ckpt_plan_pack(const struct ckpt_plan *p); /* 48 bits */
void ckpt_plan_unpack(uint64_t packed, struct ckpt_plan *p);
/* When the next thing is due, the job having been entered then; SIM_NEVER: nothing. */
sim_time ckpt_plan_next(const struct ckpt *c, sim_time entered);
/* Makes what is due in c->plan and in the placement. */
void ckpt_plan_do(struct ckpt *c, struct os_places *places, sim_time entered);
bool ckpt_plan_ended(struct ckpt *c);      /* the job has; true: it is another's turn */
bool ckpt_plan_over(const struct ckpt *c); /* all jobs have */

/* lead.c */
bool ckpt_leads(const struct ckpt_lead *l); /* or claims to; l: or NULL */
void ckpt_lead_claim(struct ckpt *c);       /* it will lead unless somebody else does */
void ckpt_lead_end(struct ckpt_lead *l);    /* somebody else does */
void ckpt_lead_changed(struct ckpt_lead *l, uint32_t seat, bool alive);
void ckpt_lead_ended(struct ckpt_lead *l, uint32_t run, uint32_t rank);
void ckpt_lead_again(struct ckpt_lead *l, uint32_t run);
void ckpt_lead_failed(struct ckpt_lead *l, uint32_t run);

/* gate.c */
/* One thread at a time; all zero at first. */
struct ckpt_gate {
    bool busy;
    struct port_thread *waiting[4]; /* the service, its leader, its files, the program */
};
void ckpt_gate_enter(struct ckpt_gate *g, struct ckpt *c); /* (blocks) */
void ckpt_gate_leave(struct ckpt_gate *g, struct ckpt *c);

/* sink_servers.c */
extern const struct ckpt_sink_ops ckpt_sink_servers;

/* sink_memory.c */
extern const struct ckpt_sink_ops ckpt_sink_memory;
void ckpt_memory_serve(struct ckpt *c, struct select_request *request, enum ckpt_procedure what,
                       struct rope *args);

#endif
