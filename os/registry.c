/* registry.c: the protocols and the services, one line each. */
#include "os/registry.h"

#include "os/node.h"
#include "os/xk/xobj.h"

#define DECLARE_PROTOCOL(name) extern const struct xk_protl_ops name##_protl;
#define DECLARE_SERVICE(name) extern const struct os_service_ops name##_service;
#define PROTOCOL(name) &name##_protl.kind,
#define SERVICE(name) &name##_service.kind,

#define PROTOCOLS(P)                                                                               \
    P(mesh)                                                                                        \
    P(blast)                                                                                       \
    P(chan)                                                                                        \
    P(select)                                                                                      \
    P(vdrop)                                                                                       \
    P(template)                                                                                    \
    P(nx)                                                                                          \
    P(svm)                                                                                         \
    P(sync)                                                                                        \
    P(rdm)

#define SERVICES(S)                                                                                \
    S(nx)                                                                                          \
    S(memsrv)                                                                                      \
    S(pfs_meta)                                                                                    \
    S(pfs_server)                                                                                  \
    S(pfs_client)

PROTOCOLS(DECLARE_PROTOCOL)
SERVICES(DECLARE_SERVICE)

static const struct kind *const protocols[] = { PROTOCOLS(PROTOCOL) NULL };
const struct kind_set os_protocols = { "protocol", "machine.graph", protocols };

static const struct kind *const services[] = { SERVICES(SERVICE) NULL };
const struct kind_set os_services = { "service", "machine.os", services };
