/* directed.h: disk-directed transfers: who keeps the parts of a file moves, for all that ask, what
 * they ask for together, in the order that suits the device [Kotz 1994].
 *
 * A caller tells the server of each part the list of what it wants there, its runs in the part's
 * own bytes, and gets its bytes with the answer, or sends them along.  The server waits until all
 * `ranks` callers of a transfer have come, asks its file system once for all that any of them
 * wants, each byte once, and deals it out.  Long transfers are cut into windows of the part, the
 * same at all callers and so few that a caller's bytes of one fit a call.
 *
 *   DIR1  A call is answered once: when all have come and the file system has answered, or with
 *       FILE_UNREACHABLE once one of those who came has crashed, or any caller has given the
 *       transfer up.  Who hears that a caller or a server has crashed since the transfer began, or
 *       gets no answer, calls no more and gives it up at every server (DIRECTED_GIVE_UP), each of
 *       which remembers that until another transfer of the file: so nobody waits for who will not
 *       come.
 *   DIR2  A read of bytes that the part does not have gives zeros: the file may be longer than this
 *       part, and its end is the callers' to know.
 *
 * Source: D. Kotz, Disk-directed I/O for MIMD multiprocessors, OSDI 1994.  There one request of the
 * program is sent to all servers, and these send the bytes to the memory of the programs block by
 * block, with two buffers a disk; here each program's call carries its list, and a window's bytes
 * are in the server's memory at once.
 * Who calls it: os/pio/coll_directed.c.
 */
#ifndef OS_FILE_DIRECTED_H
#define OS_FILE_DIRECTED_H

#include "os/file/file.h"
#include "os/proto/select/select.h"

/* Service numbers at SELECT: a node may serve several file systems. */
enum { DIRECTED_PFS = 0x5005, DIRECTED_FILES = 0x5009, DIRECTED_VESTA = 0x500c };
enum { DIRECTED_MOVE, DIRECTED_GIVE_UP }; /* procedures; the second: a call without runs */

struct directed_call {
    bool write;
    struct file_ref part;
    uint64_t transfer; /* which of the file: no other has ever this number */
    uint32_t window, ranks;
    const struct file_run *runs; /* the caller's */
    uint32_t run_count;
};

/* Bytes of a call beside its data. */
uint64_t directed_beside(uint32_t run_count);
void directed_store(struct rope *out, const struct directed_call *c); /* data are joined behind */
/* An answer's status; its data stay in `reply`. */
enum file_status directed_answer(enum xk_status status, struct rope *reply);

/* Serves the parts that are files of this file system from now on, by that number. */
void directed_start(struct xk_protl *rpc, uint32_t service, struct file_sys *files);

#endif
