/* mach_model.h: what the calls of Mach IPC on one node must do, by a slow model of its own.
 *
 * Tasks with their names, ports and messages are plain lists, and nothing is counted: who must know
 * whether a port has senders looks through all tables and all messages.  Each call is told to the
 * model after it was made, with the names that the kernel gave to what is new; the model says which
 * code the call should have given, and asserts what a message should have brought.
 */
#ifndef TESTS_OS_MACH_MODEL_H
#define TESTS_OS_MACH_MODEL_H

#include "os/mach/mach_msg.h"
#include "os/mach/mach_port.h"

#define MODEL_TASKS 4

struct model;
struct model *model_new(uint32_t names_max); /* of a task; 0: no limit */
void model_free(struct model *m);
void model_terminate(struct model *m, uint32_t task); /* it begins anew, without names */

/* Of mach_port.h, a task by its number.  `got`: the name that the call gave when it was well. */
enum kern_return model_allocate(struct model *m, uint32_t task, enum mach_right right,
                                mach_name got);
enum kern_return model_mod_refs(struct model *m, uint32_t task, mach_name name,
                                enum mach_right right, int32_t delta);
enum kern_return model_deallocate(struct model *m, uint32_t task, mach_name name);
enum kern_return model_destroy(struct model *m, uint32_t task, mach_name name);
enum kern_return model_give(struct model *m, uint32_t from, mach_name right, uint32_t d,
                            uint32_t to, mach_name got);
enum kern_return model_allocate_name(struct model *m, uint32_t task, enum mach_right right,
                                     mach_name name);
enum kern_return model_rename(struct model *m, uint32_t task, mach_name from, mach_name to);
enum kern_return model_insert(struct model *m, uint32_t task, mach_name name, uint32_t from,
                              mach_name right, uint32_t d);
enum kern_return model_move_member(struct model *m, uint32_t task, mach_name name, mach_name set);
enum kern_return model_set_qlimit(struct model *m, uint32_t task, mach_name name, uint32_t limit);
enum kern_return model_request(struct model *m, uint32_t task, mach_name name,
                               enum mach_notification id, uint32_t sync, mach_name notify,
                               uint32_t d, mach_name got);

/* Memory of a task, whole pages of MODEL_PAGE bytes: copied whenever a message takes it. */
#define MODEL_PAGE 64u
struct model_region {
    uint64_t address, length;
    uint8_t *bytes; /* what it holds: to be written along, and compared */
};
/* Zeroes were mapped. */
struct model_region *model_map(struct model *m, uint32_t task, uint64_t address, uint64_t length);
/* One is removed by other means than a message. */
void model_unmap(struct model *m, uint32_t task, uint64_t address);
uint32_t model_regions(const struct model *m, uint32_t task);
struct model_region *model_region_at(struct model *m, uint32_t task, uint32_t index);

/* A message as it was before mach_msg took it. */
struct model_before;
struct model_before *model_copy(const struct mach_msg *msg);
/* mach_msg of MACH_SEND_MSG that does not wait; `after` is what it left. `before` is gone. */
enum mach_msg_return model_send(struct model *m, uint32_t task, unsigned options,
                                struct model_before *before, const struct mach_msg *after);
/* The same of MACH_RCV_MSG.  got->notify is what it was before. */
enum mach_msg_return model_receive(struct model *m, uint32_t task, unsigned options, mach_name from,
                                   uint32_t limit, const struct mach_msg *got);

/* What a task calls a right. */
struct model_name {
    mach_name name;
    uint32_t type, refs; /* MACH_TYPE_*, requests included; of SEND or DEAD_NAME */
};
uint32_t model_names(const struct model *m, uint32_t task);
struct model_name model_name_at(const struct model *m, uint32_t task, uint32_t index);
/* Of a name with RECEIVE. */
struct mach_status model_status(const struct model *m, uint32_t task, mach_name name);
uint32_t model_messages(const struct model *m);

#endif
