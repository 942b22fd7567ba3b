/* storage.h: the storage server: virtual volumes, and the queue of what is wanted of each.
 *
 * A virtual volume is one cartridge or a stripe of several, whose blocks go round them in turn.
 * The server keeps a record of each (records.h); volumes that the archive had from the start are
 * declared.  Requests for blocks of a volume wait until it is mounted; then all that wait for it
 * go to the movers at once, and again those that have come meanwhile, up to `rounds` times; then
 * others have their turn.
 *
 * Volumes are of storage classes: each has its width, its blocks, and a range of the numbers of
 * volumes.  What is appended is of a stream: three to a class, of which each writes one volume
 * after the other, so that the copies of two streams are never on one volume, nor what programs
 * append (archive.h) on one with bitfiles: that is theirs, and nobody makes such a volume blank.
 *
 * A volume is blank, or open (a stream writes it), or full; one that is full is blank again when
 * its owner says that nothing on it is needed any more (STORAGE_SCRATCH), and has another life
 * then.  A volume's record says how much of it counts: what lies on the tape behind that was never
 * told to anybody, and is written over.
 *
 * The volumes of a class may have parity (`rait`): one cartridge of each has, in every row, the XOR
 * of the others' blocks; always the last (rait3), or each in turn (rait5), as in disks/tape/rait.h.
 * An append has whole rows there.  What lies on a cartridge that cannot be had, or on a place of it
 * that cannot be read, is asked of all others then, and comes together at the sink (mover.h MOV5).
 *
 *   STO1  A request ends once: HSM_OK, its sink has taken all its bytes; else with a status.
 *   STO2  A volume is asked for when a request waits for it, and released when none does.
 *   STO3  An append that ended with HSM_OK is on the tape and in the catalogue, whatever crashes,
 *       until its volume is blank again.
 *   STO4  A read of a life that is over ends with HSM_NO_BLOCK; no volume becomes blank while
 *       requests for it wait.
 *   STO5  With parity a read ends with HSM_OK if of each row no more than one block cannot be had.
 *
 * Procedures of HSM_SERVICE_STORAGE, long calls (call.h), big-endian:
 *   STORAGE_READ    struct storage_request -> u8 hsm_status, u64 the block that could not be read
 *                   (HSM_MEDIUM); blocks of the virtual volume, to the sink
 *   STORAGE_APPEND  the same -> u8 hsm_status, struct storage_place: there lie blocks that were
 *                   pulled from the sink
 *   STORAGE_COPY    the same, struct storage_source -> the same: blocks that were read of a volume
 *                   of the same class, from drive to drive.  HSM_SOURCE: they cannot be read;
 *                   HSM_NO_DRIVE: there are not drives for both volumes at once
 *   STORAGE_LIST    u32 volume -> u8 hsm_status, u32 the next to ask for (UINT32_MAX: none), struct
 *                   storage_volume of that one and some behind it
 *   STORAGE_SCRATCH u32 volume, u32 life -> u8 hsm_status: HSM_OK, the volume is blank (or had
 *                   ended that life before); HSM_STATE, it is open, requests wait for it,
 *                   or what lies there is of programs
 */
#ifndef OS_HSM_STORAGE_H
#define OS_HSM_STORAGE_H

#include "os/file/file.h"
#include "os/hsm/hsm.h"
#include "os/hsm/records.h"
#include "os/xk/xobj.h"

enum storage_procedure {
    STORAGE_READ = 1,
    STORAGE_APPEND,
    STORAGE_LIST,
    STORAGE_SCRATCH,
    STORAGE_COPY
};

#define STORAGE_ANY_LIFE UINT32_MAX
struct storage_request {
    uint32_t volume, life; /* an append: its stream, nothing */
    uint64_t first, count; /* blocks; of an append `first` says nothing */
    uint64_t token;        /* at the sink, where the first byte is at `offset` */
    uint64_t offset;
    uint32_t sink; /* a node */
    bool part;     /* of an append: fewer blocks, at least one, if the volume has no room for all */
};
#define STORAGE_REQUEST_BYTES 45
struct storage_source {
    uint32_t volume, life;
    uint64_t first;
};
#define STORAGE_SOURCE_BYTES 16
struct storage_place {
    uint32_t volume, life;
    uint64_t first, count;
    uint32_t piece; /* so many appends lie before it on the volume */
};
#define STORAGE_PLACE_BYTES 28
enum storage_state { STORAGE_BLANK, STORAGE_OPEN, STORAGE_FULL };
struct storage_volume {
    uint32_t volume, life;
    uint64_t blocks;
    uint32_t pieces; /* appends */
    uint8_t state;   /* enum storage_state */
    bool kept;       /* programs have appended to it */
};
#define STORAGE_VOLUME_BYTES 21
/* As they travel. */
void storage_request_store(uint8_t out[STORAGE_REQUEST_BYTES], const struct storage_request *r);
struct storage_request storage_request_load(const uint8_t in[STORAGE_REQUEST_BYTES]);
void storage_source_store(uint8_t out[STORAGE_SOURCE_BYTES], const struct storage_source *s);
struct storage_source storage_source_load(const uint8_t in[STORAGE_SOURCE_BYTES]);
void storage_place_store(uint8_t out[STORAGE_PLACE_BYTES], const struct storage_place *p);
struct storage_place storage_place_load(const uint8_t in[STORAGE_PLACE_BYTES]);
void storage_volume_store(uint8_t out[STORAGE_VOLUME_BYTES], const struct storage_volume *v);
struct storage_volume storage_volume_load(const uint8_t in[STORAGE_VOLUME_BYTES]);

enum storage_rait { STORAGE_RAIT0, STORAGE_RAIT3, STORAGE_RAIT5 };
#define STORAGE_CLASSES 8
#define STORAGE_COPIES 2 /* of a bitfile at most, each of a stream of its own, */
#define STORAGE_STREAMS                                                                            \
    3 /* of a class: stream k of class c is number c x this + k, and the last is */
#define STORAGE_PROGRAMS (STORAGE_STREAMS - 1) /* that of programs */
struct storage_class {
    int64_t volumes, width; /* width: cartridges of a volume */
    int64_t block;          /* bytes */
    int64_t capacity;       /* blocks that are written to one at most, */
    int64_t pieces;         /* and appends; 0: any number */
    int rait;               /* enum storage_rait */
    uint32_t first;         /* of its volumes; and of its cartridges: */
    uint64_t cartridge;
};
struct storage_params {
    const char *prefix;     /* of labels, before the number of the cartridge */
    int64_t volumes, width; /* of the first class, like the next four */
    int64_t block, blocks;  /* blocks: of a declared volume, */
    int64_t filled;         /* of which there are so many, the first */
    int64_t capacity, pieces;
    int rait;
    const struct val *classes; /* further ones, */
    struct storage_class more[STORAGE_CLASSES - 1];
    uint32_t more_count; /* as they were read */
    int64_t threads, rounds, batch;
    sim_time retry; /* of calls for which there is no room */
    struct records_params records;
    const struct val *files; /* of the service: the file system of its records */
    struct file_stack stack;
};
/* So many there are; and class c < that, from 0. */
uint32_t storage_class_count(const struct storage_params *p);
struct storage_class storage_class(const struct storage_params *p, uint32_t c);
uint32_t storage_volumes(const struct storage_params *p); /* of all classes */
/* The class of a volume, which there is. */
uint32_t storage_class_of(const struct storage_params *p, uint32_t volume);
/* Blocks of a row that are not parity. */
uint32_t storage_data(const struct storage_class *c);
/* Which column a cartridge has of a row: storage_data of it is parity.  And the other way. */
uint32_t storage_column(const struct storage_class *c, uint64_t row, uint32_t member);
uint32_t storage_member(const struct storage_class *c, uint64_t row, uint32_t column);
/* What so many blocks take on the volume: whole rows, where there is parity. */
uint64_t storage_taken(const struct storage_class *c, uint64_t blocks);
/* Can blocks of its volumes be copied from drive to drive?  Not those with parity, or of stripes of
 * which two are more than a job has. */
bool storage_copies(const struct storage_class *c);
/* The label of a cartridge of the volume. */
void storage_cartridge(const struct storage_params *p, uint32_t volume, uint32_t member,
                       char label[HSM_LABEL]);
/* The label of the cartridge that has that block of the volume, and which one it is there. */
uint64_t storage_label(const struct storage_params *p, uint32_t volume, uint64_t block,
                       char label[HSM_LABEL]);

/* Serves on this node; its records are in `files`, the library is at node `pvl`. */
struct storage *storage_serve(struct xk_protl *rpc, struct file_sys *files,
                              const struct storage_params *params, uint32_t pvl);
extern const struct os_service_ops storage_service;
extern const struct counter storage_counters[]; /* "storage.*" */

#endif
