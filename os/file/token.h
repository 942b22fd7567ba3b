/* token.h: TOKEN, a layer above caches of several nodes over one file system, and the service that
 * it asks: a request waits until its node has the file's token.
 *
 * The token is of a whole file: many nodes may have it for reading, or one for writing, as in
 * OSF/1 AD.  READ, STAT and FILE_WILL_READ need it for reading, WRITE, SIZE, REMOVE, CHECKPOINT,
 * ROLLBACK and FILE_WILL_WRITE for writing; it is kept until the server recalls it.  What a request
 * needs the layers below do not see.
 *
 *   TOK1  Of the requests through these layers: a READ gives what the last WRITE that ended before
 *       it, or one beside it, wrote; all see the WRITEs of a file in one order.  Names have no
 *       tokens: who has a file that another RENAME took the place of sees it until it asks again.
 *   TOK2  A token is given back when no request that needs it is under way below, what was written
 *       is there (FILE_PROPAGATE) and nothing is kept (FILE_REFRESH); who gives back writing alone,
 *       as one that reads asks, goes on reading and keeps what it has.
 *   TOK3  The server grants in the order in which it was asked: many that read in a row together.
 *       What waits at a node when the token comes is done before it is given back.
 *   TOK4  A node that dies has no tokens.  What it had written and was not propagated is lost; what
 *       was is in the file before the next token is granted.
 *   TOK5  When the server's node dies requests that need a token end as FILE_UNREACHABLE, until it
 *       is back.  Then it hears from every node what it has for writing, which stays its own with
 *       what it has written; before all have answered it grants nothing.  What was for reading is
 *       void.
 *   TOK6  What failed as it was propagated is told by the next FLUSH of the file, once.
 *
 * Source: the one name space and the tokens of OSF/1 AD [Zajcew et al., USENIX Winter 1993], as
 * recalled, no document at hand; that the clients tell a server that has restarted what they have
 * is Sprite's [Welch, Baker et al. 1990], as recalled.
 * Who calls it: stacks of files (os/registry.c).
 */
#ifndef OS_FILE_TOKEN_H
#define OS_FILE_TOKEN_H

#include "os/file/file.h"
#include "os/proto/select/select.h"

/* Between layer and server, over SELECT.  All numbers big-endian.
 *
 *   TOKEN_ASK      layer:  file, last stamp, mode wanted
 *                                                   answer: file, stamp, mode (NONE: it waits)
 *   TOKEN_RELEASE  layer:  file, stamp, mode it keeps    answer: empty
 *   TOKEN_GRANT    server: file, stamp, mode             answer: empty
 *   TOKEN_RECALL   server: file, stamp, mode it may keep  answer: empty, at once
 *   TOKEN_RECOVER  server: place in the list, -, -      answer: place of the next part (0: none) 8;
 *                                                        files that it has for writing, 8 each
 *
 * A stamp is of one grant of a life of the server, and rises; what was reasserted has stamp 0.  So
 * calls may be entered in any order. */
enum { TOKEN_SERVER = 0x500d, TOKEN_CLIENT = 0x500e }; /* service numbers */
enum token_call { TOKEN_ASK, TOKEN_RELEASE, TOKEN_GRANT, TOKEN_RECALL, TOKEN_RECOVER };
enum token_mode { TOKEN_NONE, TOKEN_READ, TOKEN_WRITE };

struct token_msg {
    uint64_t file, stamp;
    uint32_t mode;
};
#define TOKEN_MSG_BYTES 20
/* At the end of `out`. */
void token_msg_store(struct rope *out, const struct token_msg *m);
/* False: it is none. */
bool token_msg_load(struct rope *in, struct token_msg *m);

struct token_params {
    const char *group;
    int64_t rank;
    bool each;
    sim_time retry_delay;
};
/* Whether who has the layer asks that node: for all files, or (`each`) for those that it has. */
bool token_serves(const struct os_boot *b, const struct token_params *p, uint32_t node);

extern const struct os_service_ops token_server_service;

#endif
