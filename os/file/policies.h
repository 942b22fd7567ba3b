/* policies.h: the replacement policies there are (os/file/policy.h). */
#ifndef OS_FILE_POLICIES_H
#define OS_FILE_POLICIES_H

#include "os/file/policy.h"

extern const struct kind_set file_cache_policies; /* of struct cache_policy_ops */
extern const struct cache_policy_ops cache_policy_2q, cache_policy_arc; /* policy_ghosts.c */
extern const struct cache_policy_ops cache_policy_application;          /* policy_program.c */

#endif
