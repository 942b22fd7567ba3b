/* files.h: files of a program that belong to the checkpoints of its job.
 *
 * A program names each file that it has open, each time it is entered, by opening it here.  What is
 * saved of one: its mode, its pointer, and the number under which the file system keeps it as it
 * was
 * at the cut (PIO_CHECKPOINT).  On a restart the files are brought back to that number, bytes and
 * sizes, before any program is entered; so what was written after the cut is undone.
 *
 *   CKPTF1  When the number of a file is made all ranks that have it open have stopped, or have
 *       been saved and begin no request (CKPTF7), their requests have ended and what they have
 *       written is flushed: it has what was written before the cut, and no more.
 *   CKPTF2  Before a file is changed for the first time since a cut it can be brought back to what
 *       it was there: the image of that cut has its number, or a list on the sink (files_log.c).
 *       What a program has made after the cut is removed; what it has opened after the cut, and
 *       was there, is as it was, and a pointer that all move, first come, first served, where it
 *       was.
 *   CKPTF3  A file has two numbers.  Before a third is made what the rank has of the checkpoint
 *       before the last is void: no restart asks for a number that is gone.
 *   CKPTF4  A restart undoes all ranks' files before it enters any program, and may be cut short
 *       and begun again as often as crashes want.
 *   CKPTF6  A file that ranks share is open at rank 0, which makes its numbers and tells a shared
 *       pointer, as long as one of them has it open: there it stays open when the program has
 *       closed it, also after a restart.
 *   CKPTF8  The list says of a file from which cut on it was as an entry has it, and a restart
 *       takes nothing from it that the checkpoint before needs: that may be asked for when the last
 *       one is found damaged, also after restarts from that.  What a rank can bring back to it, and
 *       has closed, its image knows, so that no other entry is made for the same cut.
 *   CKPTF5  A program is ended once none of its requests is under way: nobody writes to memory that
 *       has gone with it.
 *
 * Under the algorithms that stop nobody (cl, ns) the file requests of a rank that shares a file
 * wait from when it is saved until all are (files_meet.c).  A file of one rank that another opens,
 * too, must be ordered by messages; where it is not it is refused (files_name.c).
 *
 * In a mode in which all ranks make each request together (M_SYNC, M_GLOBAL), a request is made by
 * ckpt_together, as the call that os_safe_call announces (files_round.c):
 *   CKPTF9  It is made when all ranks have come to it, and no checkpoint is about to be; then all
 *       make it before they stop.  Else none has, and who waits is saved as it waits.
 * Refused are such modes under cl and ns, where ranks are saved one after another with no moment at
 * which all have made the same requests; with spares and moves, for PFS knows ranks by the nodes
 * that they had at first; and over systems other than PFS.
 *
 * `files = "leave"` leaves files out: modes and pointers are saved, bytes are not put back.  Then a
 * file may be read or written, not both, and has no shared pointer: what a restart repeats gives
 * the same bytes again.
 *
 * What a program must not do with such a file: remove or rename it while the last checkpoint has it
 * (its restart would not find it: it ends with a sentence, and a remark tells when a program does
 * that), make checkpoints of it by itself, open it a second time past this header to write.  A
 * write that is under way at a safe point is finished before the cut: a program that goes on from
 * there takes it as done.
 *
 * Who calls it: programs, in their thread; c may be NULL where no checkpoints are taken.
 */
#ifndef OS_CKPT_FILES_H
#define OS_CKPT_FILES_H

#include "os/ckpt/ckpt.h"
#include "os/pio/pio.h"

/* Beside PIO_O_: the program never reads it. */
enum { CKPT_O_WRITE_ONLY = 1 << 16 };

/* The program is going to make calls of this system: before the first of them.  It must stay. */
void ckpt_files(struct ckpt *c, struct pio *sys);
/* pio_open of a file that belongs to the checkpoints.  With o->ranks above 1 it is all ranks' of
 * the
 * job, o->rank is the caller's: each waits until rank 0 has opened it, before its first safe point
 * in this life, or, where all stop (sns), as the call that os_safe_call announces, after which what
 * goes on from there opens it again; PIO_NODE_DOWN where that has died.  What all have closed is
 * opened again behind a barrier.  In a program that goes on from a checkpoint
 * which has the file, flags to create, cut or exclude count no more, and mode and pointer are those
 * of the cut.  o->together is not.  PIO_UNSUPPORTED, after port_fail: what stands above.
 * (blocks) */
enum pio_status ckpt_open(struct ckpt *c, struct pio *sys, const struct pio_open *o,
                          struct pio_file **out) MUST_CHECK;
/* Flushes and closes it: the next checkpoint does not have it.  Where something of it is lost the
 * job goes back.  All ranks that share a file close it; until they have rank 0 may open it again
 * with all of them only (after port_fail PIO_UNSUPPORTED).  (blocks) */
enum pio_status ckpt_close(struct ckpt *c, struct pio_file *f);
/* Makes the request with all ranks, and waits for its end: of a file in a mode in which they do
 * that, right behind os_safe_call; what goes on from there makes it again.  r: as pio_submit takes
 * it.  Where a rank or a server has died it does not return.  Not behind that call: port_fail,
 * PIO_UNSUPPORTED.
 * Without checkpoints (c NULL) a request as any other. (blocks) */
enum pio_status ckpt_together(struct ckpt *c, struct pio_req *r) MUST_CHECK;
/* Who serves a file has lost what was written (pio_is_lost): the job goes back to its last
 * checkpoint.  Never returns.  Without checkpoints it fails. (blocks) */
void ckpt_again(struct ckpt *c, struct port *port);
/* A machine that boots the service takes files along (else they are left, or it does not). */
bool ckpt_takes_files(const struct os_layout *l);

#endif
