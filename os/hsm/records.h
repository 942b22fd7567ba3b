/* records.h: what a server of the archive must not lose: tables of records, by number, with a log.
 *
 * A server keeps its state (volumes, segments, bitfiles) in records of one size each, in tables.
 * Tables are files of a file system of its node; a cache holds some of their pages.  A change of
 * records, of one table or several, is a commit: its new records go to the log, and the flush of
 * the log makes it count; commits that come while the log is written go together with the next
 * write.  When the log is full, or half of the cache is dirty, the dirty pages go to their tables,
 * in the order of the files, and the log begins anew.
 *
 * A record that was never written is *declared*: what it says is a function of its number, that the
 * table's owner gives.  On the device it is zeros, and it is read as any other.
 *
 *   RDO1  A commit is there whole or not at all, whatever crashes, and those that are there are the
 *       first so many, in the order in which records_commit was called.
 *   RDO2  A commit that has ended with FILE_OK is there.
 *   RDO3  records_get gives what the last commit of that record left that has ended.
 *   RDO4  A record whose bytes on the device are not those that were written is not given
 *       (FILE_CORRUPT); nor is anything of a log from which a commit is missing that had ended.  Of
 *       the last write of a log it cannot be told whether it was cut short or damaged.
 * It relies on this alone: what a FILE_FLUSH of a file covers stays, and of a write that it
 *       does not cover each sector is old or new.
 *
 * Nothing here orders those who read a record, think, and commit it: that is the servers' business.
 * Source of the method: redo logging with fuzzy buffers and a quiescent checkpoint [Gray & Reuter,
 * Transaction Processing, 1993]; HPSS kept its metadata so, in Encina SFS.
 */
#ifndef OS_HSM_RECORDS_H
#define OS_HSM_RECORDS_H

#include "os/file/file.h"

struct records; /* of one server */

struct records_params {
    int64_t page;  /* bytes of a page; records do not cross pages */
    int64_t cache; /* pages in memory */
    int64_t log;   /* bytes */
};
extern const struct param records_params_desc[];

/* Those of `name` (short: files are NAME.log and NAME.TABLE in the root), in the task's heap. */
struct records *records_create(struct port *p, struct file_sys *fs, const char *name,
                               const struct records_params *params);
/* A table of `count` records of `bytes`; before records_open.  Its number, from 0.  `declare`
 * (NULL: zeros) says what record n is that was never written: out is zeroed. */
uint32_t records_table(struct records *r, const char *name, uint32_t bytes, uint64_t count,
                       void (*declare)(void *arg, uint64_t n, uint8_t *out), void *arg);
/* Makes the files where there are none; brings the tables to what the log says.  Until it has ended
 * with FILE_OK nothing else may be called.  (blocks) */
enum file_status records_open(struct records *r);

/* Record n < count of the table; its bytes into out.  FILE_CORRUPT: RDO4.  (blocks) */
enum file_status records_get(struct records *r, uint32_t table, uint64_t n, void *out);

/* A change under way.  It is empty again after the commit. */
struct records_change {
    struct rope images;
    uint32_t count;
};
/* An empty one. */
void records_begin(struct records_change *x);
/* Record n will be `record`; of several for one record the last counts. */
void records_put(struct records *r, struct records_change *x, uint32_t table, uint64_t n,
                 const void *record);
/* (blocks) until it is on the device.  FILE_IO_ERROR: it is there or not, a crash shows which; all
 * later calls end so, until the node comes back. */
enum file_status records_commit(struct records *r, struct records_change *x);

extern const struct counter records_counters[]; /* "records.*" */

#endif
