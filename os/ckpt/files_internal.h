/* files_internal.h: what the files of os/ckpt share of a program's files: their table, the list on
 * the sink of those that were opened since a cut, and what the service's life asks of them. */
#ifndef OS_CKPT_FILES_INTERNAL_H
#define OS_CKPT_FILES_INTERNAL_H

#include "os/ckpt/ckpt_internal.h"
#include "os/ckpt/files.h"

#define CKPT_NO_CUT UINT32_MAX

/* The state that a file which was opened after a cut had there, and at cuts before. */
struct ckpt_since {
    uint32_t from, cut; /* of all cuts from that to this one; CKPT_NO_CUT: none */
    bool made;          /* it was not there */
    uint64_t number;    /* else: as this, */
    bool placed;        /* and with its shared pointer, of that mode, there */
    int mode;
    uint64_t place;
};

struct ckpt_file {
    struct list link;
    char *name;
    const struct pio_ops *ops;
    uint64_t unit;
    uint32_t factor;
    int mode;
    uint32_t rank, ranks;
    bool read_only;
    bool mine;          /* this rank makes its numbers */
    struct pio_file *f; /* NULL: it is not open */
    bool opened;        /* in this run, by now */
    bool loaded;        /* the image has it, and the program has not asked for it yet */
    uint32_t others;    /* of rank 0 of those who share it: so often others are to close it */
    bool closed;        /* by its program, and kept open until they have (CKPTF6) */
    uint64_t number;    /* in the image; 0: none */
    uint32_t at;        /* the last cut to which it can be brought back, or CKPT_NO_CUT */
    uint32_t at_epoch;  /* this rank's when that was so first */
    bool making;        /* others wait until it has a number */
    bool placed;
    uint64_t place;
    struct ckpt_since since[2]; /* the older first */
};

enum ckpt_files_job {
    FILES_NOTHING,
    FILES_STOP,
    FILES_CUT,
    FILES_MEET,
    FILES_CLOSE,
    FILES_UNDO,
    FILES_END
};
typedef void (*ckpt_files_then)(struct ckpt *c);

struct ckpt_files {
    struct ckpt *c;
    struct list files;
    struct pio *sys[8]; /* the program's */
    uint32_t sys_count;
    struct pio *own[8]; /* the service's, of those systems that it has asked for */
    uint32_t own_count;
    struct list waiting; /* ranks that open what this rank is to open first */
    struct list rounds;  /* rank 0: files_round.c */
    struct port_thread *thread;
    enum ckpt_files_job job;
    ckpt_files_then then;
    struct ckpt_opening *opening; /* the program waits for an answer of rank 0 */
    bool busy, ending;
    enum ckpt_status status; /* of the stop, cut or undoing that was asked last */
    uint32_t asked;          /* the generation that is captured */
    uint32_t cut;            /* the last one captured, or the one that was loaded */
    uint32_t cut_epoch;      /* and the epoch from then on */
    uint64_t log_number;     /* of the list that was written last */
    bool log_full;           /* it has entries */
    bool log_old;            /* `since` says something else by now */
    /* files_meet.c: */
    bool held;                  /* the program's requests wait until files have their numbers */
    bool meeting;               /* rank 0: those are to be made, */
    uint32_t left;              /* when so many ranks have been captured, too */
    uint32_t past;              /* the number of the last cut for which this rank is captured */
    struct rope places;         /* rank 0: of the checkpoint under way: pointers that ranks share */
    struct list asking;         /* who asks when this rank is captured */
    struct list names, openers; /* rank 0: files_name.c */
};

/* ---- what the service asks (files.c) ---- */
struct ckpt_files *ckpt_files_start(struct ckpt *c);
/* Each of these false: there is nothing to do; else `then` is called when it is done, in a thread,
 * unless the program's end was asked meanwhile; c->files->status says how it went. */
/* The program has stopped: its requests end, what it has written is flushed. */
bool ckpt_files_stop(struct ckpt *c, ckpt_files_then then);
/* All have stopped: numbers are made for c->generation (CKPTF1). */
bool ckpt_files_cut(struct ckpt *c, ckpt_files_then then);
/* The program is to be ended: no call of its begins; once none is under way it has been killed. */
bool ckpt_files_end(struct ckpt *c, ckpt_files_then then);
/* Files are brought back to the cut that was loaded (CKPTF4). */
void ckpt_files_undo(struct ckpt *c, ckpt_files_then then);
/* The thread does that. */
void ckpt_files_ask(struct ckpt_files *f, enum ckpt_files_job job, ckpt_files_then then);
bool ckpt_files_taken(const struct ckpt_files *f); /* bytes are put back */
/* The file is open: its number is made; it can be brought back to that cut; it has a pointer of
 * this rank alone; this rank tells where its pointer is. (the first blocks) */
enum ckpt_status ckpt_file_number(struct ckpt_files *f, struct ckpt_file *x);
void ckpt_file_back(struct ckpt_file *x, uint32_t cut, uint32_t epoch);
bool ckpt_file_own(const struct ckpt_file *x);
bool ckpt_file_together(const struct ckpt_file *x); /* all ranks make each request together */
bool ckpt_file_tells(const struct ckpt_file *x);
void ckpt_files_gone(struct ckpt_files *f); /* the program has been killed */
/* In place of the program's end, when nothing else is left of it. */
void ckpt_files_clear(struct ckpt *c);
/* After the image of that generation was loaded; `undo`: there is something to bring back. 
 * (blocks)
 */
enum ckpt_status ckpt_files_found(struct ckpt *c, uint32_t generation, bool *undo);
/* What files of other nodes ask: CKPT_OPENED and behind. */
void ckpt_files_serve(struct ckpt *c, struct select_request *request, enum ckpt_procedure what,
                      struct rope *args);
void ckpt_files_reply(struct select_request *request, enum ckpt_status s);
extern const struct ckpt_part_ops ckpt_part_files;

/* Answers those who wait for it; waits for rank 0 of those who share it, false: it has died. (the
 * second blocks) */
void ckpt_file_opened(struct ckpt_files *f, struct ckpt_file *x);
bool ckpt_file_wait(struct ckpt_files *f, const struct ckpt_file *x);
/* The program asks rank 0; it may be ended meanwhile. (blocks) */
enum ckpt_status ckpt_first_asked(struct ckpt_files *f, enum ckpt_procedure what, struct rope *args,
                                  const char *why);
/* This rank has closed it: rank 0 of those who share it is told. (blocks) */
void ckpt_file_tell(struct ckpt_files *f, const struct ckpt_file *x);
/* Of a file that is open here: this rank makes its numbers, and others have it open, too. */
bool ckpt_file_leads(const struct ckpt_file *x);
/* The pointer of what has been opened goes to where it was at the cut. (blocks) */
enum pio_status ckpt_file_place(struct ckpt_file *x, struct pio_file *f);

/* ---- files_meet.c: shared files where nobody stops ---- */
bool ckpt_file_meets(const struct ckpt_files *f, const struct ckpt_file *x); /* it is one */
/* Until the thread has done with the program's files none of its requests begins. */
void ckpt_files_hold(struct ckpt_files *f);
void ckpt_files_release(struct ckpt_files *f);
void ckpt_files_captured(struct ckpt *c);
bool ckpt_files_wait(const struct ckpt *c); /* the image is not to be written yet */
void ckpt_files_give_up(struct ckpt *c);    /* the checkpoint is void */
void ckpt_files_asks_past(struct ckpt *c, struct select_request *request, uint32_t cut);
void ckpt_files_met(struct ckpt *c, uint32_t cut);
enum ckpt_status ckpt_files_meet(struct ckpt_files *f);     /* in the thread: MEET (blocks) */
void ckpt_files_meet_done(struct ckpt *c);                  /* and then */
bool ckpt_places_load(struct ckpt *c, struct rope *places); /* false: they make no sense */

/* ---- files_round.c: requests that all ranks make together ---- */
void ckpt_rounds_serve(struct ckpt_files *f, struct select_request *request, struct rope *args);
void ckpt_rounds_stop(struct ckpt_files *f); /* a cut has begun here; */
void ckpt_rounds_go(struct ckpt_files *f);   /* it is over, or was given up */
void ckpt_rounds_end(struct ckpt_files *f);  /* the run ends */

/* ---- files_name.c: files that one rank opens, and then another ---- */
/* PIO_UNSUPPORTED, after port_fail: it must not be opened; PIO_NODE_DOWN.  When it has its number;
 * when it is closed, or could not be opened. (block) */
enum pio_status ckpt_name_opens(struct ckpt_files *f, struct ckpt_file *x);
void ckpt_name_made(struct ckpt_files *f, struct ckpt_file *x);
void ckpt_name_closes(struct ckpt_files *f, struct ckpt_file *x);
/* After a restart: to which cut it can be brought back.  False: rank 0 has died. (blocks) */
bool ckpt_name_tells(struct ckpt_files *f, const struct ckpt_file *x);
void ckpt_names_serve(struct ckpt *c, struct select_request *request, struct rope *args);
void ckpt_names_clear(struct ckpt_files *f);
void ckpt_names_give_up(struct ckpt_files *f); /* who waits there is told that the run ends */
/* A number of a former try for the checkpoint for which this rank is captured is void. */
void ckpt_names_captured(struct ckpt_files *f);

/* ---- files_log.c ---- */
void ckpt_file_pack(const struct ckpt_file *x, struct rope *out);
/* shut: an image tells of it, and has not got it (CKPTF8).  NULL: makes no sense. */
struct ckpt_file *ckpt_file_unpack(struct ckpt_files *f, struct rope *in, bool *shut);
/* Of one that is there its place, and who has still to close it. */
bool ckpt_file_unpack_met(struct ckpt_files *f, struct rope *in);
struct ckpt_file *ckpt_file_find(const struct ckpt_files *f, const struct pio_ops *ops,
                                 const char *name);
struct ckpt_file *ckpt_file_add(struct ckpt_files *f, const struct pio_ops *ops, const char *name);
/* All that the files' `since` say goes to the sink.  CKPT_FULL: it is too long. (blocks) */
enum ckpt_status ckpt_log_write(struct ckpt_files *f);
/* They say what the sink has of `cut` and of the one before (CKPTF8). (blocks) */
enum ckpt_status ckpt_log_read(struct ckpt_files *f, uint32_t cut);
/* What says how the file was at that cut; NULL: nothing in the list does. */
const struct ckpt_since *ckpt_since_of(const struct ckpt_file *x, uint32_t cut);
/* Cuts behind that one were not. */
void ckpt_since_limit(struct ckpt_files *f, struct ckpt_file *x, uint32_t cut);
/* Entries of cuts before that one go; `any`: whether there are some. */
void ckpt_since_prune(struct ckpt_files *f, uint32_t cut);
bool ckpt_since_any(const struct ckpt_files *f, uint32_t before);

#endif
