/* cut.h: consistent cuts: all ranks of a job save at moments that fit together, while it runs.
 *
 * The protocol `cut` stands in the graph over the instance of RDM that the job's messages go by,
 * and for the network sweep over that RDM's driver too; the service of that name boots it for the
 * ranks, and its parameter `algorithm` says how the machine agrees:
 *   sns  sync and stop: all ranks stop, what is under way arrives, all save, all go on;
 *   cl   Chandy and Lamport: a marker on each channel from a rank to a rank;
 *   ns   network sweep: a marker on each channel from a router to the next, in the order in which
 *        the network crosses dimensions (facts and proof: docs/models/checkpoint.md).
 * Of these cl and ns stop nobody.  ns passes all nodes; with the parameter `fallback` cuts are
 * taken by cl in a life (CUT7) in which one that is no rank is down.
 *
 * Cuts are numbered from 1; a rank's *epoch* is the number of the last cut for which it has saved.
 * Each message (of the upper that is tapped: NX) has on the wire the epoch in which the last piece
 * of it was sent.
 *
 *   CUT1  No message of epoch e reaches the upper of a rank that has not saved for cut e: what
 *       comes before waits, with all behind it on its session, and asks for the snapshot.
 *   CUT2  A message whose end was not sent when its sender saved (it lacks credit, say) is logged
 *       by its sender, whole; one whose end had been sent, and comes when its receiver has saved,
 *       is logged by the receiver, whole.  So each message in flight is in one log, once.
 *   CUT3  A rank's part is complete when it has saved, and no message of an earlier epoch can come
 *       any more.  Only then does it begin with another cut.
 *   CUT4  Several may start a cut at once, at any moment: they start the same one.
 *   CUT5  What a rank saves of the upper is whole messages: of one that has come in part nothing is
 *       saved, for it will be in a log.  Nor is what the upper had given to RDM: it is in a log,
 *       or has been received.
 *   CUT6  The death of a rank ends a cut that is not complete, at all ranks; so does that of
 *       another node that the cut passes.  Who has heard of a rank's death, or was ended in a cut,
 *       takes no part until cut_restore; but the others hear from each other as before.
 *   CUT7  cut_restore begins another life of the cuts: what is of an earlier one is not heard any
 *       more, and no message that was sent in it is in flight at a cut of this one.  A node that
 *       is no rank follows of itself.
 *
 * The callbacks of a rank run in upcalls, or inside a call of this header; none blocks.
 */
#ifndef OS_CKPT_CUT_H
#define OS_CKPT_CUT_H

#include "os/node.h"
#include "os/xk/xobj.h"

struct cut; /* on one node */

enum cut_status {
    CUT_OK,
    CUT_PEER_DOWN, /* a rank has died: there is no such cut */
};
const char *cut_status_name(enum cut_status s); /* in words; static */

/* A message in flight at a cut.  Replayed to the upper of `to` as if it had just come from `from`,
 * those of one (from, to, key) in the order in which they were logged, it does what it would have
 * done.  Of one (from, to, key) what `to` logged comes before what `from` logged. */
struct cut_message {
    uint32_t from, to;       /* ranks; the one who logs is one of them */
    uint32_t key;            /* of the upper's session: of NX 0 is the program, 1 are global
                              * operations */
    bool unsent;             /* `from` has logged it, else `to` */
    const struct rope *data; /* as RDM gives it to the upper: with the upper's header */
};

/* Whoever saves a rank.  NULL callbacks: as if they answered at once. */
struct cut_user {
    /* sns alone: come to where the rank can be saved, and send no more; answered by cut_stopped. */
    void (*stop)(void *arg, uint32_t epoch);
    /* Save; answered by cut_saved, from inside or when a place has come where the rank can be
     * saved.  The rank's state at the cut is that at the call of cut_saved. */
    void (*snapshot)(void *arg, uint32_t epoch);
    /* Part of this rank's share of the cut; from cut_saved (its sender's: inside it) on, before
     * complete. */
    void (*in_flight)(void *arg, uint32_t epoch, const struct cut_message *m);
    /* sns alone, where cut_stopped was said: go on. */
    void (*resume)(void *arg, uint32_t epoch);
    /* This rank has all of its part (CUT3).  A commit is the caller's. */
    void (*complete)(void *arg, uint32_t epoch, enum cut_status status);
    void *arg;
};

/* The service: os_find gives the struct cut of a rank's node. */
extern const struct os_service_ops cut_service;
extern const struct xk_protl_ops cut_protl;
extern const struct kind_set cut_algorithms;
/* Does the algorithm of these parameters of the service stop all ranks? */
bool cut_stops_all(const void *params);

/* At boot; copied.  Without a user every rank saves at once (nothing). */
void cut_attach(struct cut *c, const struct cut_user *u);

/* Starts a cut, or joins the one under way here.  Its number. */
uint32_t cut_start(struct cut *c);

/* Answers to stop and snapshot; `epoch` is the number that came with it.  Of one that has ended
 * meanwhile (CUT6) they say nothing. */
void cut_stopped(struct cut *c, uint32_t epoch);
void cut_saved(struct cut *c, uint32_t epoch);

bool cut_stops(const struct cut *c);     /* its algorithm stops all ranks (sns) */
uint32_t cut_epoch(const struct cut *c); /* the number of the last cut saved for; 0: none */
bool cut_complete(const struct cut *c);  /* no cut is under way here */
/* A node of those that a cut passes that is down, or OS_NO_RANK: a cut begun now would not end. */
uint32_t cut_missing(const struct cut *c);
/* A node that has no rank, is down, and keeps the algorithm that is named from taking cuts, where
 * another takes its place (`fallback`), or OS_NO_RANK. */
uint32_t cut_gap(const struct cut *c);

/* ---- for who restarts the job, or gives a cut up that does not end ---- */
/* This rank takes no part until cut_restore; its user is not told.  The highest number that it has
 * heard of. */
uint32_t cut_leave(struct cut *c);
/* On every rank, before one that has done it sends anything to one that has not and waits for that:
 * no cut is under way, and the epoch is that.  Lives rise; the epoch is at least 2 above all
 * numbers that a rank has heard of.  An odd life is one of the algorithm that falls in. */
void cut_restore(struct cut *c, uint64_t life, uint32_t epoch);
/* After cut_leave: from now on the ranks are on these nodes (kept by reference), and this node has
 * that one, or OS_NO_RANK. */
void cut_place(struct cut *c, const uint32_t *nodes, uint32_t rank);

#endif
