/* registry.h: what of os/ a configuration names: adding one is its file and a line in registry.c.
 */
#ifndef OS_REGISTRY_H
#define OS_REGISTRY_H

#include "sim/base/kind.h"

extern const struct kind_set os_protocols; /* of struct xk_protl_ops */
extern const struct kind_set os_layers;    /* of struct file_ops */
extern const struct kind_set
    os_services; /* of struct os_service_ops, in the order of an unlisted boot */

#endif
