/* hsm.h: the archive: what its servers have in common.
 *
 * Files that a disk has no room for lie on tapes, in libraries.  The servers are those of HPSS
 * [Coyne, Hulen & Watson, Supercomputing 1993], each a service of its own, on any nodes:
 *
 *   pvl    the physical volume library: who gets which drive, what is mounted when (pvl.h)
 *   pvr    a physical volume repository: one library, its cartridges and arms (pvr.h)
 *   mover  on each node with drives: from a drive to who wants the data, directly (mover.h)
 *   archive  clients: programs, and whatever keeps files (archive.h)
 *   storage  the storage server: virtual volumes, and what is wanted of each (storage.h)
 *   bitfile  the bitfile server: files by number, and where they lie (bitfile_server.h)
 *   name_server, name_client  directories and names of bitfiles, and a node's door to them
 *       (names.h)
 *   bitfile_client  a node's door to bitfiles: files by number, which lie on virtual volumes
 *       (bitfile.h)
 *
 * They talk through SELECT (at most once).  A volume is a cartridge; its name is its label.
 */
#ifndef OS_HSM_HSM_H
#define OS_HSM_HSM_H

#include "os/node.h"

/* Service numbers at SELECT. */
enum {
    HSM_SERVICE_PVL = 0x4801,
    HSM_SERVICE_PVR,
    HSM_SERVICE_MOVER,
    HSM_SERVICE_SINK,
    HSM_SERVICE_STORAGE,
    /* and where long calls are answered: */ HSM_ANSWER_PVL,
    HSM_ANSWER_STORAGE,
    HSM_ANSWER_ARCHIVE,
    HSM_ANSWER_PROGRAM,
    HSM_ANSWER_BITFILE,        /* of the server, */
    HSM_ANSWER_BITFILE_CLIENT, /* and of doors to it */
    HSM_SERVICE_BITFILE,
    HSM_SERVICE_NAMES,
    HSM_ANSWER_NAMES, /* doors to the name server */
    HSM_ANSWER_MOVER  /* a mover that asks another one */
};

#define HSM_LABEL 16 /* bytes of a label, with its end */

enum hsm_status {
    HSM_OK,
    HSM_NO_VOLUME,   /* no repository has it: it is missing */
    HSM_MISLABELLED, /* what lies in its place bears another label */
    HSM_STUCK,       /* it does not come out of where it is */
    HSM_NO_DRIVE,    /* no drive, or no arm, that it needs works, for longer than one waits */
    HSM_MEDIUM,      /* a place of it cannot be read */
    HSM_NO_BLOCK,    /* there is no such block on it */
    HSM_FULL,        /* no volume, or not this one, has room for it */
    HSM_DEVICE,      /* its drive failed meanwhile */
    HSM_CATALOGUE,   /* what the server knows of it cannot be read */
    HSM_UNREACHABLE, /* the server is down, or came back: done or not */
    HSM_NO_BITFILE,  /* there is no such bitfile (any more) */
    HSM_STATE,       /* it is written already, or has nothing to be read yet */
    HSM_RANGE,       /* it does not have those bytes */
    HSM_NO_CLASS,    /* no class of service of that number, or for that size */
    HSM_SOURCE,      /* what was to be copied to it cannot be read */
    HSM_STATUS_COUNT
};
const char *hsm_status_name(enum hsm_status s); /* in words; static */

/* The first node on which that service boots; UINT32_MAX: it does not. */
uint32_t hsm_host(const struct os_boot *b, const struct os_service_ops *ops);
/* The status with which a reply begins, taken off it; HSM_UNREACHABLE: there was none. */
enum hsm_status hsm_reply_status(enum xk_status status, struct rope *reply);

#endif
