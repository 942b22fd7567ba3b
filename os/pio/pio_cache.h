/* pio_cache.h: private to os/pio/: transfers that are requests to a stack of files, and client
 * caching. */
#ifndef OS_PIO_PIO_CACHE_H
#define OS_PIO_PIO_CACHE_H

#include "os/file/mapped.h"
#include "os/file/pieces.h"
#include "os/pio/pio.h"

/* A transfer becomes a request for a file of a stack, of that user; its end is the transfer's. */
void pio_by_files(struct pio_req *r, struct file_sys *files, uint64_t file, uint64_t stream,
                  const struct file_rights *user);
enum file_hint pio_hint_of(uint64_t hint); /* enum pio_hint */
/* It is for an archive below, whatever is kept here. */
static inline bool pio_hint_archive(uint64_t hint)
{
    return hint >= PIO_HINT_STAGE && hint <= PIO_HINT_MIGRATE;
}
/* For parallel files: a hint that goes to the I/O nodes of a file, and of which bytes (of none: of
 * the file); false: it does not. */
bool pio_hint_goes(const struct pio_control *c, struct file_list *runs);

/* Client caching, of a file that has it (f->cached).  Whether a transfer goes through it: */
bool pio_cache_takes(const struct pio_req *r);
void pio_cache_submit(struct pio_req *r);
/* PIO_CACHING, whether it has it or not; PIO_PROPAGATE, PIO_REFRESH, PIO_HINT but those for an
 * archive. (blocks) */
enum pio_status pio_cache_control(struct pio_file *f, const struct pio_control *x);
/* Mappings of a file of a system without a call for them; the second when the last has ended.
 * (the second blocks) */
struct file_map *pio_cache_map(struct pio_file *f, const struct file_map_ask *a);
enum pio_status pio_cache_unmapped(struct pio_file *f);
/* Around any other control: what it must find below, and what it changes there.  What was late is
 * the status of PIO_FLUSH and PIO_CLOSE. (block) */
enum pio_status pio_cache_before(struct pio_file *f, enum pio_ctl what);
void pio_cache_after(struct pio_file *f, enum pio_ctl what);
/* Its transfers go past it, for those in which other ranks take part; what is there has gone down
 * before, and afterwards nothing is known. (blocks) */
void pio_cache_past(struct pio_file *f, bool past);

#endif
