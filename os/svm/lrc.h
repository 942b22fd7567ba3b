/* lrc.h: home-based lazy release consistency, as its two files see it.
 *
 * Many nodes may write a page at once.  A page has a home, where all changes meet.  A node's run
 * is cut into intervals by its releases; who acquires learns the intervals that came before (write
 * notices: which pages they changed) and drops its copies of those pages.  Who writes a page that
 * is not at home keeps a twin of it from the first write on, and sends the difference home when
 * the interval ends.  A fault brings the whole page from its home [Zhou, Iftode & Li 1996;
 * Keleher, Cox & Zwaenepoel 1992 for intervals, notices, twins and diffs].
 *
 *   LRC1  What a program without data races reads is the last write that happened before.
 *   LRC2  clock[j] of a node: the intervals 1..clock[j] of rank j are visible here: each page that
 *       they changed has been dropped since, or the copy here holds the change (`have`).
 *   LRC3  A home answers for a page only when it has applied every interval that the asker needs,
 *       its own program's accesses included.
 *   LRC4  A diff holds the bytes that changed and no others: gaps are never bridged, for a
 *       neighbour's bytes may be written by somebody else.
 *   LRC5  Two diffs that change the same byte are applied in the order of their writes: the second
 *       writer has fetched the page from its home after the first diff was applied there.
 *   LRC6  For each message that tells of clock C, the receiver's log then has every interval up to
 *       C above what the receiver and all who will ask it have passed in a barrier.
 * An interval ends at each release, and early where that is always right: when a notice names a
 * page that is being written here, and when twins are many. After a barrier everybody knows all
 * intervals before it: their notices are thrown away.
 */
#ifndef OS_SVM_LRC_H
#define OS_SVM_LRC_H

#include "os/svm/svm_internal.h"
#include "os/svm/sync.h"
#include "os/xk/map.h"

/* Which intervals of which ranks; ranks rise. */
struct lrc_version {
    uint32_t rank, interval;
};
struct lrc_versions {
    uint32_t count, capacity;
    struct lrc_version *of;
};
uint32_t lrc_interval_of(const struct lrc_versions *v, uint32_t rank); /* 0: none */
/* Makes the interval of `rank` at least this; `p`: whose heap `v` lives in. */
void lrc_raise(struct port *p, struct lrc_versions *v, uint32_t rank, uint32_t interval);
/* Is `have` for every rank at least `need`? */
bool lrc_covers(const struct lrc_versions *have, const struct lrc_versions *need);

#define LRC_NOBODY UINT32_MAX

struct lrc_page {
    uint64_t page;
    uint32_t home; /* node; NOBODY: not known */
    bool dirty;    /* written in the interval that is open: in lrc->dirty */
    bool stale;    /* a notice came while it was pinned */
    bool wanted;   /* a fault waits, for `want` */
    bool served;   /* at home: others have had a copy */
    enum vm_prot want;
    uint8_t *twin;      /* while dirty, not at home */
    struct list link;   /* in lrc->dirty */
    struct list asking; /* at home: struct svm_msg that ask for intervals which are not here yet */
    struct lrc_versions need; /* what a copy must hold; at home: what this node may not miss */
    struct lrc_versions have; /* what the copy holds; at home: what has been applied */
};

/* `count` pages from `first` on. */
struct lrc_run {
    uint32_t first, count;
};
/* The write notices of one interval. */
struct lrc_interval {
    struct list link; /* in the log of its rank, rising */
    uint32_t index, runs;
    struct lrc_run run[];
};

struct lrc {
    struct svm *svm;
    uint32_t rank;
    uint32_t *clock;     /* what this node's program sees */
    uint32_t *learned;   /* at least clock: what it has been told of since */
    uint32_t *base;      /* clock of the last barrier */
    struct list *log;    /* of each rank: intervals above base that were told of here */
    struct xk_map peers; /* node -> uint32_t *: intervals that it knows of, besides base */
    struct list known;   /* the same, to walk */
    struct xk_map pages; /* -> struct lrc_page */
    struct list dirty;   /* struct lrc_page, in the order of their first writes */
    uint64_t twins;
    bool ending; /* the interval is being ended; so far these were changed: */
    uint32_t changed, changed_room;
    uint32_t *pages_changed;
};

/* lrc.c: intervals, clocks, notices */
struct lrc *lrc_of(struct svm *s);
/* `pay`: for the work of each diff, before it leaves (then it blocks). */
void lrc_end_interval(struct lrc *l, bool pay);
extern const struct sync_memory lrc_memory; /* its argument: struct svm */

/* lrc_page.c: pages */
struct lrc_page *lrc_page_get(struct lrc *l, uint64_t page);
struct lrc_page *lrc_page_find(struct lrc *l, uint64_t page);
/* Ends the writing of a dirty page with this interval: its diff goes home.  True: it was changed.
 * `pay`: as lrc_end_interval. */
bool lrc_close_page(struct lrc *l, struct lrc_page *lp, uint32_t interval, bool pay);
/* An interval of `rank` that this node now sees has changed the page. */
void lrc_notice(struct lrc *l, uint64_t page, uint32_t rank, uint32_t interval);

#endif
