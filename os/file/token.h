/* token.h: TOKEN, a layer above caches of several nodes over one file system, and the service that
 * it asks: a request waits until its node has a token of the bytes that it needs.
 *
 * A token is of a range of bytes of a file, which of all of them the protocol says
 * (os/file/token_protocol.h): of a byte many nodes may have one for reading, or one node for
 * writing.  READ and FILE_WILL_READ need one for reading of what their runs have, WRITE and
 * FILE_WILL_WRITE for writing: of each range of these if they are at most TOKEN_LIST, of more of
 * all that they span.  What is needed for one request is asked for and granted at once.  Where the
 * file ends is of the range to infinity (up to TOKEN_END): STAT needs the end of that for reading;
 * READ and WRITE of bytes behind those that the node knows the file to have need all from the first
 * byte of that range on.  SIZE, REMOVE, CHECKPOINT and ROLLBACK need all of the file for writing.
 * A token is kept until the server recalls it.  What a request needs the layers below do not see.
 *
 *   TOK1  Of the requests through these layers: a READ gives what the last WRITE that ended before
 *       it, or one beside it, wrote, and as many bytes as the file had; all see the WRITEs of a
 *       byte in one order, and STAT their size.  Names have no tokens: who has a file that another
 *       RENAME took the place of sees it until it asks again.
 *   TOK2  A range is given back when no request that needs it is under way below, what was written
 *       to it is there (FILE_PROPAGATE) and nothing of it is kept (FILE_REFRESH); who gives back
 *       writing alone, as one that reads asks, goes on reading and keeps what it has.  What layers
 *       below may have read beside the ranges they are asked for again when those come, and where
 *       the file ends when the node hears that it is longer.
 *   TOK3  Of what overlaps the server grants in the order in which it was asked: many that read in
 *       a row together.  What waits at a node for a range that comes is done before it is given
 *       back.
 *   TOK4  A node that dies has no tokens.  What it had written and was not propagated is lost; what
 *       was is in the file before the next token is granted.
 *   TOK5  When the server's node dies requests that need a token end as FILE_UNREACHABLE, until it
 *       is back; of a node that has heard nothing of the server yet once a second call fails, for a
 *       life that ended before has nothing of it.  A server that is back hears from every node what
 *       it has for writing, which stays its own with what it has written; before all have answered
 *       it grants nothing.  What was for reading is void.  Who has parts of a file for writing, and
 *       not its end, propagates before it answers, for what others have made of the file's size may
 *       have gone with the server.
 *   TOK6  What failed as it was propagated is told by the next FLUSH of the file, once.
 *   TOK7  Of no byte two nodes have tokens unless both are for reading, as the server sees it; and
 *       a node has none that the server thinks it has not.
 *   TOK8  A request that has waited for a token for `timeout` ends as FILE_UNREACHABLE.
 *
 * Source: the one name space and the tokens of OSF/1 AD [Zajcew et al., USENIX Winter 1993], as
 * recalled, no document at hand; that the clients tell a server that has restarted what they have
 * is Sprite's [Welch, Baker et al. 1990], as recalled.
 * Who calls it: stacks of files (os/registry.c).
 */
#ifndef OS_FILE_TOKEN_H
#define OS_FILE_TOKEN_H

#include "os/file/file.h"
#include "os/file/token_protocol.h"
#include "os/proto/select/select.h"

/* Between layer and server, over SELECT.  All numbers big-endian.
 *
 *   TOKEN_ASK      layer:  file, last stamp, mode wanted, range, size, the range it would like,
 *                              more ranges
 *                              answer: file, stamp, mode (NONE: it waits), range, size, more
 *   TOKEN_RELEASE  layer:  file, last stamp, mode it keeps of the range, size    answer: empty
 *   TOKEN_GRANT    server: file, stamp, mode, range, size, more ranges           answer: empty
 *   TOKEN_RECALL   server: file, last stamp, mode it may keep, range      answer: empty, at once
 *   TOKEN_RECOVER  server: place in the list     answer: place of the next part (0: none) 8; ranges
 *                              that it has for writing, TOKEN_ENTRY_BYTES each
 *
 * A stamp is of one grant of a life of the server, and rises; what was reasserted has stamp 0.  So
 * calls may be entered in any order.  The size is one that the file has at least, whatever is in
 * caches, as long as the node has a token of it: nobody cuts it beside that. */
enum { TOKEN_SERVER = 0x500d, TOKEN_CLIENT = 0x500e }; /* service numbers */
enum token_call { TOKEN_ASK, TOKEN_RELEASE, TOKEN_GRANT, TOKEN_RECALL, TOKEN_RECOVER };

struct token_msg {
    uint64_t file, stamp;
    uint32_t mode;
    struct token_range range;
    uint64_t size;
    struct token_range want;
    struct token_ranges more; /* besides `range`, 16 bytes each behind the rest */
};
#define TOKEN_MSG_BYTES 60
/* At the end of `out`. */
void token_msg_store(struct rope *out, const struct token_msg *m);
/* False: it is none. */
bool token_msg_load(struct rope *in, struct token_msg *m);

/* A range that a node has for writing. */
struct token_entry {
    uint64_t file;
    struct token_range range;
    uint64_t size;
};
#define TOKEN_ENTRY_BYTES 32
/* As those of a message; of the front of `in`. */
void token_entry_store(struct rope *out, const struct token_entry *x);
bool token_entry_load(struct rope *in, struct token_entry *x);

struct token_params {
    const char *group;
    int64_t rank;
    bool each;
    struct kind_choice protocol; /* of token_protocols */
    sim_time retry_delay, timeout;
};
/* Whether who has the layer asks that node: for all files, or (`each`) for those that it has. */
bool token_serves(const struct os_boot *b, const struct token_params *p, uint32_t node);

extern const struct os_service_ops token_server_service;

#endif
