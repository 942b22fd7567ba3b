/* prefix_kept.h: names, attributes and lists that the layer PREFIX keeps: see PFX6 of prefix.h.
 *
 * Each is kept under the token of a handle: names and lists of a directory's, attributes of the
 * file's own.  What a user was told serves that user alone, for who else may look it up is not
 * known here.
 */
#ifndef OS_FILE_PREFIX_KEPT_H
#define OS_FILE_PREFIX_KEPT_H

#include "os/file/file.h"

struct prefix_kept; /* of a node */

struct prefix_who { /* a user */
    uint32_t uid, gid;
};

/* For at most so many names, the entries of lists among them; then what was kept first goes. */
struct prefix_kept *prefix_kept_start(struct port *p, uint64_t most);
/* What the first `length` bytes of `name` are in `dir`; false: not known.  *file 0: nothing. */
bool prefix_kept_name(struct prefix_kept *k, const struct prefix_who *who, uint64_t dir,
                      const char *name, size_t length, uint64_t *file);
bool prefix_kept_attr(struct prefix_kept *k, uint64_t file, struct file_attr *out);
/* Into `data`; false: not known. */
bool prefix_kept_list(struct prefix_kept *k, const struct prefix_who *who, uint64_t dir,
                      struct rope *data);

/* Keeps it, in the place of what was known before. */
void prefix_keep_name(struct prefix_kept *k, const struct prefix_who *who, uint64_t dir,
                      const char *name, size_t length, uint64_t file);
void prefix_keep_attr(struct prefix_kept *k, uint64_t file, const struct file_attr *attr);
void prefix_keep_list(struct prefix_kept *k, const struct prefix_who *who, uint64_t dir,
                      const struct rope *data);

/* The node makes a name in the directory: until _changed nothing is known of it.  With a handle
 * that name is kept then, if the token is still there; 0: nothing has come of it. */
void prefix_kept_change(struct prefix_kept *k, uint64_t dir);
void prefix_kept_changed(struct prefix_kept *k, const struct prefix_who *who, uint64_t dir,
                         const char *name, uint64_t file);

/* The token of the handle is gone; those of all handles of `count` seats from `first` on. */
void prefix_kept_drop(struct prefix_kept *k, uint64_t handle);
void prefix_kept_drop_seats(struct prefix_kept *k, uint32_t first, uint32_t count);

#endif
