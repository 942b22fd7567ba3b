/* pio_internal.h: private to os/pio/: what systems over the same file system have in common. */
#ifndef OS_PIO_PIO_INTERNAL_H
#define OS_PIO_PIO_INTERNAL_H

#include "os/pio/pio_cache.h"
#include "os/vesta/vesta.h"

/* Traits of PFS's modes, whatever is below. */
unsigned pio_pfs_traits(int mode);

/* Of Vesta: unit and factor (0: its own) as a layout; what no file of it can be, in the words of
 * that system. */
struct vesta_layout pio_vesta_layout(const struct os_layout *l, uint64_t unit, uint32_t factor);
bool pio_vesta_check(const char *system, const struct os_layout *l, const struct pio_plan *plan,
                     struct err *e);
bool pio_vesta_layout_check(const struct os_layout *l, const struct pio_plan *plan, struct err *e);
unsigned pio_vesta_traits(int mode);
/* The same view, in the words of Vesta. */
struct vesta_view pio_vesta_view(const struct pio_view *x);
/* Moves r's data from or to these runs, which need not stay; then `ended`, r's outcome set. */
void pio_vesta_transfer(struct vesta_file *v, struct pio_req *r, const struct file_run *runs,
                        uint32_t count,
                        void (*ended)(void *arg, struct pio_req *r, enum pio_status s), void *arg);
/* Its cells as parts. */
void pio_vesta_stripes(const struct vesta_file *v, struct pio_stripes *out);
/* A control of an open file for which Vesta has a call. (blocks) */
enum pio_status pio_vesta_control(struct vesta_file *v, struct port *port, struct pio_control *c);

#endif
