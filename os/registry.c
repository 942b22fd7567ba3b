/* registry.c: the protocols, the services, the layers of files and the file systems, one line each.
 */
#include "os/registry.h"

#include "os/file/file.h"
#include "os/node.h"
#include "os/pio/pio.h"
#include "os/xk/xobj.h"

#define DECLARE_PROTOCOL(name) extern const struct xk_protl_ops name##_protl;
#define DECLARE_SERVICE(name) extern const struct os_service_ops name##_service;
#define DECLARE_SYSTEM(name) extern const struct pio_ops pio_##name;
#define DECLARE_FILES(name) extern const struct file_ops file_##name;
#define PROTOCOL(name) &name##_protl.kind,
#define SERVICE(name) &name##_service.kind,
#define SYSTEM(name) &pio_##name.kind,
#define LAYER(name) &file_##name.kind,

#define PROTOCOLS(P)                                                                               \
    P(driver)                                                                                      \
    P(eth)                                                                                         \
    P(arp)                                                                                         \
    P(ip)                                                                                          \
    P(udp)                                                                                         \
    P(icmp)                                                                                        \
    P(filter)                                                                                      \
    P(ping)                                                                                        \
    P(blast)                                                                                       \
    P(chan)                                                                                        \
    P(mrpc)                                                                                        \
    P(bid)                                                                                         \
    P(select)                                                                                      \
    P(machipc)                                                                                     \
    P(vipsize)                                                                                     \
    P(vmux)                                                                                        \
    P(vipaddr)                                                                                     \
    P(vcache)                                                                                      \
    P(vdrop)                                                                                       \
    P(template)                                                                                    \
    P(loop)                                                                                        \
    P(user)                                                                                        \
    P(nx)                                                                                          \
    P(svm)                                                                                         \
    P(sync)                                                                                        \
    P(rdm)                                                                                         \
    P(sock)                                                                                        \
    P(tcp)                                                                                         \
    P(record)                                                                                      \
    P(ulp)                                                                                         \
    P(norma)                                                                                       \
    P(cut)

#define SERVICES(S)                                                                                \
    S(nx)                                                                                          \
    S(memsrv)                                                                                      \
    S(pfs_meta)                                                                                    \
    S(pfs_server)                                                                                  \
    S(pfs_client)                                                                                  \
    S(vesta_server)                                                                                \
    S(vesta_client)                                                                                \
    S(ranks)                                                                                       \
    S(ckpt)                                                                                        \
    S(file_server)                                                                                 \
    S(file_client)                                                                                 \
    S(token_server)                                                                                \
    S(cut)                                                                                         \
    S(pvl)                                                                                         \
    S(pvr)                                                                                         \
    S(mover)                                                                                       \
    S(storage)                                                                                     \
    S(archive)                                                                                     \
    S(bitfile)                                                                                     \
    S(bitfile_client)                                                                              \
    S(name_server)                                                                                 \
    S(name_client)                                                                                 \
    S(mach)                                                                                        \
    S(mach_names)

#define LAYERS(L)                                                                                  \
    L(lfs)                                                                                         \
    L(vesta_store)                                                                                 \
    L(pass)                                                                                        \
    L(hsm)                                                                                         \
    L(crossing)                                                                                    \
    L(checksum_layer)                                                                              \
    L(compress)                                                                                    \
    L(keep)                                                                                        \
    L(cache)                                                                                       \
    L(mapped)                                                                                      \
    L(token)                                                                                       \
    L(domains)                                                                                     \
    L(prefix)                                                                                      \
    L(remote)                                                                                      \
    L(pfs)

/* clang-format off */
#define SYSTEMS(F) \
    F(files) \
    F(pfs) \
    F(vesta) \
    F(pfs_on_vesta) \
    F(vesta_on_pfs)
/* clang-format on */

PROTOCOLS(DECLARE_PROTOCOL)
SERVICES(DECLARE_SERVICE)
SYSTEMS(DECLARE_SYSTEM)
LAYERS(DECLARE_FILES)

static const struct kind *const protocols[] = { PROTOCOLS(PROTOCOL) NULL };
const struct kind_set os_protocols = { "protocol", "machine.graph", protocols };

static const struct kind *const services[] = { SERVICES(SERVICE) NULL };
const struct kind_set os_services = { "service", "machine.os", services };

static const struct kind *const systems[] = { SYSTEMS(SYSTEM) NULL };
const struct kind_set pio_systems = { "system", "workload.system", systems };
static const struct kind *const layers[] = { LAYERS(LAYER) NULL };
const struct kind_set os_layers = { "layer", "machine.os.files", layers };
