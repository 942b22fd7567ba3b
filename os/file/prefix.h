/* prefix.h: one name space over the files of many nodes: the layer PREFIX, a bottom on whoever uses
 * it, and the layer DOMAINS, on top of the stack of each node that has a part of it.
 *
 * The tree of names is cut into domains: subtrees, each with the path at which it hangs, its
 * prefix; that of the root is empty.  A node has a domain in a directory of its own file system,
 * and serves it to all.  Where a domain hangs in another stands a remote link: a file of the other,
 * which tells who looks names up that the rest lies elsewhere, and in which domain; a list shows
 * it.  Who uses the names keeps a table: prefix -> where that domain was found last.  A path goes
 * to where its longest prefix is, as one call for all of its names; what a remote link tells goes
 * into the table.
 *
 *   domains = { { path = "/", nodes = {0} }, { path = "a/b", nodes = {1, 2} }, { path = "c" } }
 *
 * are parameters of DOMAINS: nodes by their place in the group.  Several: the first has it, when
 * that dies the next (PFX5).  None: by `place`.
 *
 * A seat is a domain at one of its nodes; seats are numbered from 1 as the domains and their nodes
 * stand in the configuration.  A handle has its file's seat in the upper 16 bits, the lower 48 are
 * the handle that the node's file system has given it: so handles are those of one file over all
 * nodes.  FILE_ROOT is the root, wherever that is.
 *
 *   PFX1  What is done in one domain goes to its node alone: the price of a name is one call, or
 *       with names kept none; of one behind a remote link that is not in the table one call more
 *       for each such link.
 *   PFX2  An entry of the table is a guess.  A node answers for a domain while it has it, and no
 *       other; who is told that it has not, or that it is down, drops the entry and asks all nodes
 *       that may have it.  Only what looks and may be repeated is asked again after a death.
 *   PFX3  FILE_ELSEWHERE, and nothing is done: RENAME from one domain into another; RENAME or
 *       REMOVE of a remote link, or RENAME of a directory above one, or to the name of one.
 *   PFX4  FILE_UNREACHABLE: no node that may have it says that it has; nothing waits for one.
 *       FILE_NO_FILE of a handle: its seat is not where its domain is now.
 *   PFX5  A domain has one node at a time, or none: who takes one over asks all of its nodes; none
 *       says that it has it, and of those that stand before it in the list each is dead.  It has
 *       what its own directory holds: that copies are equal is not the layer's trade.
 *   PFX6  What is kept (`keep`): names that were looked up, and that there is none, and lists,
 *       under a token of their directory; attributes under one of the file.  The node of the file
 *       grants it with what it answers; before a name of the directory changes, or the file, it
 *       asks all that have it and waits until each has forgotten, or is dead.  So what is answered
 *       from what is kept was true after the request came.
 *   PFX7  A node that has a domain anew, after a crash or from another one, answers nothing of it
 *       until all that keep names have forgotten those of the domain, or are dead.
 *
 * Source: prefix tables and remote links of Sprite [Welch & Ousterhout 1986], planned for OSF/1 AD
 * [Zajcew et al. 1993]; as recalled, no document at hand.
 * Who calls it: stacks of files (os/registry.c).
 */
#ifndef OS_FILE_PREFIX_H
#define OS_FILE_PREFIX_H

#include "os/file/file.h"
#include "os/proto/select/select.h"

#define PREFIX_LOCAL 48         /* bits of a handle that are its node's */
#define PREFIX_SEATS_MAX 65534u /* of a machine */
#define PREFIX_PATH_MAX 255     /* bytes of a path of a LOOKUP */

/* The handle of a file at a seat, from its node's. */
static inline uint64_t prefix_handle(uint32_t seat, uint64_t local)
{
    return (uint64_t)seat << PREFIX_LOCAL | local;
}
/* Its seat; 0: of FILE_ROOT. */
static inline uint32_t prefix_seat_of(uint64_t handle)
{
    return (uint32_t)(handle >> PREFIX_LOCAL);
}
/* As its node has it. */
static inline uint64_t prefix_local(uint64_t handle)
{
    return handle & ((UINT64_C(1) << PREFIX_LOCAL) - 1);
}

/* ---- what the configuration says ---- */

struct prefix_domain {
    char path[FILE_NAME_MAX + 1]; /* no '/' at either end */
    uint32_t first, count;        /* its seats */
    uint32_t above;               /* the domain that it hangs in; the root: itself */
    const char *below;            /* its path in that */
};
struct prefix_seat {
    uint32_t domain, node;
};
struct prefixes {
    uint32_t domain_count, seat_count;
    struct prefix_domain *domain;
    struct prefix_seat *seat; /* seat[0] is none */
};
struct domains_params {
    const char *group;
    const struct val *domains;
    int place;
    sim_time retry_delay;
};
/* Reads them into the task's heap (NULL: memory that prefixes_free frees).  False with a sentence.
 */
bool prefixes_read(struct prefixes *x, const struct domains_params *p, const struct os_boot *b,
                   struct port *port, const char *path, struct err *e) MUST_CHECK;
void prefixes_free(struct prefixes *x);
/* The parameters of the layer DOMAINS on the nodes of a group, or NULL: none has it. */
const struct domains_params *prefix_domains(const struct os_boot *b, const char *group);
struct prefix_params { /* of the layer PREFIX */
    const char *group;
    bool table, keep;
    int64_t names;
    sim_time retry_delay;
};
/* The nodes of which a stack keeps names, one after the other (`at` from 0); false: no more. */
bool prefix_keeper(const struct os_boot *b, uint32_t *at, uint32_t *node);
/* Of `path` the bytes that are the domain's prefix, and the '/' behind it; -1: it is none of it. */
int prefix_match(const char *prefix, const char *path);

/* ---- messages ---- */

/* PREFIX asks DOMAINS, over SELECT; all numbers big-endian.
 *
 *   PREFIX_ASK + op  a request of REMOTE (file_internal.h): LOOKUP, STAT or LIST, handles of seats;
 *                    of LOOKUP `dir` is where it begins, and the data are the path
 *     answer         used 4: names of the path that have been looked up, a remote link the last of
 *                        them; PREFIX_NOT_HERE: the seat does not have the domain
 *                    domain 4, seat 4: of a remote link (status FILE_REMOTE): which, and where it
 *                        may be
 *                    kept 4: bit i: the token of directory i on the way, 0: `dir`; of STAT and
 *                    LIST bit 0: of the file
 *                    a reply of REMOTE; the data of LOOKUP: the handles of the names used, 8 each
 *   PREFIX_WHO       domain 4
 *     answer         seat 4: that has it, of this node; 0: none
 *                    (CREATE goes this way, too.  `size` 1 of LOOKUP, STAT, LIST: tokens are
 *                    wanted)
 *   PREFIX_FORGET    handle 8, domain 4 (DOMAINS, of PREFIX): the token of the handle; 0: of all of
 *                    the domain
 *     answer         empty, once it is forgotten
 *   PREFIX_CLAIM     domain 4, place in its list of who asks 4 (DOMAINS, of each other)
 *     answer         1: has it; 0: has not */
enum { PREFIX_SERVICE = 0x5010, PREFIX_CLIENT = 0x5011 }; /* service numbers */
enum prefix_call { PREFIX_ASK = 0, PREFIX_WHO = 64, PREFIX_CLAIM, PREFIX_FORGET };
#define PREFIX_NOT_HERE UINT32_MAX
#define PREFIX_HEAD 16

extern const struct param domains_params_desc[];
extern const struct counter prefix_counters[]; /* "prefix.*" */

#endif
