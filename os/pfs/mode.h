/* mode.h: an I/O mode of PFS: where a request takes place, and what keeps it apart from others.
 *
 * Each stands in a file of its own, os/pfs/mode_*.c, and is one line of PFS_MODE_LIST (pfs.h); no
 * other file asks which mode a file has.
 *
 *   submitted -> place -> (the service node: agree) -> begin -> pieces -> moved -> ended
 *
 * `place` gives the request its offset and brings it to pfs_data_start, now or later.  It builds on
 *   pfs_place_own    the private pointer of the open file, or what the program chose (`at`)
 *   pfs_ask_pointer  the shared pointer, first come, first served
 *   pfs_ask_round    the shared pointer, once all ranks have called: a round is one call of each
 *   pfs_token_queue  one request at a time holds the file
 */
#ifndef OS_PFS_MODE_H
#define OS_PFS_MODE_H

#include "os/pfs/pfs.h"

/* A call of a rank as the service node sees it. */
struct pfs_call {
    struct list link;
    struct select_request *request;
    uint32_t host, flags; /* PFS_META_... and the number of the mode */
    uint64_t value, record;
    uint64_t off, len;                                    /* the range it gets */
    enum { WANTS_TOKEN, WANTS_TO_SET, WANTS_STAT } wants; /* of a token: for what */
};

struct pfs_mode_ops {
    struct kind kind;
    unsigned is; /* PFS_MODE_... of pfs.h */
    /* On the node of the program.  NULL: nothing; seek: the private pointer. */
    void (*place)(struct pfs_req *r);
    void (*begin)(struct pfs_req *r); /* its range was given; NULL: pfs_data_start */
    void (*moved)(struct pfs_req *r, enum pfs_status s); /* its pieces have ended */
    void (*ended)(struct pfs_req *r);
    /* Also what the service node adds `off` to: PFS_META_CUR, _END or 0. (blocks) */
    enum pfs_status (*seek)(struct pfs_file *f, unsigned from, uint64_t off);
    /* Where the k-th read after r will be, k from 1, if all goes on so; false: nobody knows.  NULL:
     * no reading ahead. */
    bool (*expect)(const struct pfs_req *r, uint32_t k, uint64_t *off);
    /* On the service node: whether two ranks' calls of one round may be made together. */
    enum pfs_status (*agree)(const struct pfs_call *a, const struct pfs_call *b);
};

#define X(number, name) extern const struct pfs_mode_ops pfs_mode_##name;
PFS_MODE_LIST(X)
#undef X
/* Of a number in a set, which both ends are given at boot. */
static inline const struct pfs_mode_ops *pfs_mode_at(const struct kind_set *set, uint32_t number)
{
    return kind_at(set, (int)number);
}

/* The offset by the private pointer, which moves by what is asked; false: it has ended. */
bool pfs_place_own(struct pfs_req *r) MUST_CHECK;
/* expect: as far on as this read was from the one before. */
bool pfs_expect_own(const struct pfs_req *r, uint32_t k, uint64_t *off);
/* The range comes from the service node; then `begin`. */
void pfs_ask_pointer(struct pfs_req *r);
void pfs_ask_round(struct pfs_req *r); /* a rank's requests in their order */
enum pfs_status pfs_seek_pointer(struct pfs_file *f, unsigned from, uint64_t off); /* (blocks) */
enum pfs_status pfs_seek_round(struct pfs_file *f, unsigned from, uint64_t off);   /* (blocks) */
/* pfs_data_start once the token is held and the requests before have ended; pfs_token_done must
 * follow its end. */
void pfs_token_queue(struct pfs_req *r);
void pfs_token_done(struct pfs_req *r);

#endif
