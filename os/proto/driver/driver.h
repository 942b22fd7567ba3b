/* driver.h: the driver protocol: x-kernel messages over one network interface of the node.
 *
 * The bottom of a graph.  Participants are node numbers.  A frame goes to the upper instance whose
 * relative number it carries.  See README.md.
 */
#ifndef OS_PROTO_DRIVER_DRIVER_H
#define OS_PROTO_DRIVER_DRIVER_H

#include "os/xk/xobj.h"

extern const struct xk_protl_ops driver_protl;

#endif
