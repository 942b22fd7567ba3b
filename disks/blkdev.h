/* blkdev.h: what everything that stores offers: a block device.
 *
 * disk, SCSI bus, arrays and tape drives stack on this one interface.  Requests are asynchronous; a
 * completion is a callback in the request.  Contents are real: what was written is what is read.
 *
 * A device may be sequential (its description says so): a tape drive (disks/tape/drive.h).  Then
 * `sector` is the number of a block on the medium, and a request is for one, of a length of its
 * own; locating is part of a request; a write makes all behind it unreadable.  Loading belongs to a
 * changer with operations of its own.
 *
 *   BLK1  A request is done exactly once, with a status.
 *   BLK2  The data of a completed read is what the last completed writes of those sectors left
 *       (unwritten sectors read as zero); overlapping requests in flight have no order of their
 *       own.
 *   BLK3  Transfers are whole sectors inside the device, or one block of at most `largest` bytes;
 *       anything else is a bug of the caller (ASSERT).
 *   BLK4  A failed read leaves `data` empty; a failed write leaves each of its sectors old or new.
 *   BLK5  BLK_FLUSH is done with BLK_OK when all writes that were done before it was submitted are
 *       on the medium, through every layer; any other status leaves that unknown.  It has no
 *       sectors. Only a device whose description says `volatile_writes` ever has something to do.
 *   BLK6  BLK_LOCATE, BLK_MARK and BLK_ERASE are of sequential media; what has none answers
 *       BLK_NO_MEDIUM.
 */
#ifndef DISKS_BLKDEV_H
#define DISKS_BLKDEV_H

#include "sim/base/list.h"
#include "sim/base/param.h"
#include "sim/base/rope.h"
#include "sim/counts.h"
#include "sim/window.h"

enum blk_op {
    BLK_READ,
    BLK_WRITE,
    BLK_FLUSH,
    BLK_LOCATE, /* sequential media: to block `sector` */
    BLK_MARK,   /* a mark is written there */
    BLK_ERASE   /* from there to the end of the medium */
};

enum blk_status {
    BLK_OK,
    BLK_ERR_MEDIUM,  /* unrecoverable sector error */
    BLK_ERR_DEVICE,  /* the device is dead */
    BLK_ERR_ABORTED, /* reset, crash or loss of power took it */
    BLK_NO_MEDIUM,   /* no medium, or none of the kind that the request is for */
    BLK_END,         /* sequential media: a mark, the end of the data or of the medium */
    BLK_STATUS_COUNT
};

/* What BLK_END is the end of. */
enum blk_end {
    BLK_END_NONE,
    BLK_END_MARK,  /* there is a mark; what follows it is the next block */
    BLK_END_DATA,  /* nothing is written there */
    BLK_END_MEDIUM /* no room for more */
};

/* Where a request's time goes; added up by the devices that work for it. */
enum blk_part {
    BLK_WAIT,  /* in queues of the devices below the outermost */
    BLK_MOUNT, /* of media that are changed */
    BLK_SEEK,  /* positioning, in its two parts */
    BLK_ROTATION,
    BLK_TRANSFER,
    BLK_BUS,
    BLK_PARTS
};

struct blk_req {
    struct list link; /* the device's while inside */
    enum blk_op op;
    uint64_t sector;  /* first */
    uint32_t sectors; /* count, > 0; 0 of a flush */
    struct rope
        data; /* write: the bytes, shared, sector-aligned length; read: filled by the device */
    enum blk_status status;
    enum blk_end end;  /* BLK_END; of sequential media, like `moved` */
    uint64_t moved;    /* bytes of the block; of BLK_LOCATE the block that it stands at */
    uint32_t patience; /* that many others may go before it in a drive's queue; 0: any number */
    void (*done)(struct blk_req *r); /* class SIM_CLASS_DEVICE; the request is the caller's again */
    /* Optional; the outermost submitter leaves it NULL.  Called at most once for a read, when the
     * device first knows when its first and last bytes will be there, so that a device above can
     * pass them on while they arrive. */
    void (*stream)(struct blk_req *r, sim_time first, sim_time last);
    void *owner;
    sim_time submitted; /* stamped by the outermost device */
    sim_time started;   /* when a mechanism first worked on it; stamped by the innermost */
    sim_time completed;
    sim_time part[BLK_PARTS];
    void *dev;           /* the device's while inside */
    uint64_t dev_u64[2]; /* the device's while inside */
};

struct blk_describe {
    char name[64];
    uint64_t sectors;
    uint32_t sector_bytes;
    uint32_t
        best_sectors; /* transfers of this many aligned sectors are cheapest (a stripe); 1: none */
    bool volatile_writes; /* a write may be done before it is on the medium (BLK5) */
    sim_time sector_time; /* of a sector over its interface at the least; 0: no limit */
    uint32_t ways;        /* that work at once, each with that rate */
    bool sequential;      /* `sectors` is then what fits in bytes, and so a bound of the blocks */
    uint32_t largest;     /* sequential: bytes of a block at most */
    char medium[32];      /* sequential: the label of what is loaded; "": nothing, */
    uint64_t at;          /* and the block that comes next */
};

/* What went wrong inside and was mended or not; sums over a device and those below. */
struct blk_health {
    uint64_t errors;       /* requests of drives that ended with an error */
    uint64_t lost_sectors; /* reported as written, and lost with a crash */
    uint64_t rebuilt_stripes, scrubbed_stripes;
    uint64_t mismatches;  /* stripes whose parity did not agree with the data */
    uint64_t repaired;    /* units written anew after a medium error */
    uint64_t unrecovered; /* units that a rebuild could not make again: unreadable until written */
    uint64_t missing;     /* members that are lost, those being rebuilt included */
};

/* Sequential devices: where a block lies on the medium. */
struct blk_spot {
    uint64_t place;         /* along the tape, from its load point */
    uint32_t pass, section; /* passes go along it, sections divide it */
    bool back;              /* this pass leads towards the load point */
};

struct blkdev;
struct scsi_bus;
struct sim_audit_report;
struct store;
struct disk_fault;
struct blkdev_ops {
    const char *name;
    const char *doc;
    bool sequential; /* it takes the requests of sequential media */
    void (*submit)(struct blkdev *d, struct blk_req *r); /* never blocks, never refuses */
    void (*describe)(const struct blkdev *d, struct blk_describe *out);
    void (*destroy)(struct blkdev *d); /* and the devices below it that it owns */
    /* Fault hooks; NULL: not offered.  */
    void (*kill)(struct blkdev *d); /* whole-device death, from now on */
    bool (*corrupt)(struct blkdev *d, uint64_t sector, uint32_t byte,
                    uint8_t flip); /* silent flip on the medium */
    /* Puts the device on a SCSI bus under this id, before the first request; NULL: it cannot. */
    void (*attach)(struct blkdev *d, struct scsi_bus *bus, uint32_t id);
    /* Brings a fault (disks/disk.h) upon the device, member 0, or a member of an array, from 1.
     * False when the device has no such member or knows no such fault. */
    bool (*fault)(struct blkdev *d, uint32_t member, const struct disk_fault *f);
    /* The devices below, from 0, spares last; NULL past the last.  NULL: there are none. */
    struct blkdev *(*member)(const struct blkdev *d, uint32_t i);
    /* The bytes of its own media, from 0; NULL past the last.  NULL: it has none of its own. */
    struct store *(*medium)(const struct blkdev *d, uint32_t i);
    /* Adds its own numbers, without those of the devices below; NULL: it has none. */
    void (*health)(const struct blkdev *d, struct blk_health *sum);
    /* Sequential devices: what the device would tell its host of the time from block to block of
     * what is loaded, without queue and errors; SIM_NEVER: nothing is loaded. */
    sim_time (*locate_time)(const struct blkdev *d, uint64_t from, uint64_t to);
    /* And where a block lies; false: nothing is loaded. */
    bool (*spot)(const struct blkdev *d, uint64_t block, struct blk_spot *out);
};

struct blkdev {
    const struct blkdev_ops *ops;
    struct sim *sim;
    int32_t node; /* that it belongs to, or -1 */
    bool inner;   /* a device above owns it: its completions make no waist record */
    struct sim_counted counted;
    struct sim_whole whole; /* sectors */
};

/* Prepares a request; the rope is initialised empty. */
void blk_req_init(struct blk_req *r, enum blk_op op, uint64_t sector, uint32_t sectors,
                  void (*done)(struct blk_req *r), void *owner);
void blk_req_fini(struct blk_req *r);
/* Stamps `submitted`, checks BLK3 and hands the request to the device. */
void blk_submit(struct blkdev *d, struct blk_req *r);
/* For devices: hands a request on to a device below, which it fits.  Stamps `submitted`, but not of
 * one that the device itself was given: that began then. */
void blk_pass(struct blkdev *d, struct blk_req *r);
/* For devices: stamps `completed`, makes the waist record when the device is outermost, calls done.
 */
void blk_complete(struct blkdev *d, struct blk_req *r, enum blk_status status, bool outermost);
/* For devices, in their audit: sectors in the window against what the description says that they
 * can do.  A drive's buffer does not go beyond: it is behind the interface. */
void blk_audit_rate(const struct blkdev *d, struct sim_audit_report *report);
/* For devices: what a request below took is part of `r`. */
void blk_add_parts(struct blk_req *r, const struct blk_req *below);
const char *blk_status_name(enum blk_status s);
/* SIM_NEVER, and false, also when the device is not sequential. */
sim_time blk_locate_time(const struct blkdev *d, uint64_t from, uint64_t to);
bool blk_spot(const struct blkdev *d, uint64_t block, struct blk_spot *out);
/* Adds the numbers of a device and of all below it. */
void blk_health(const struct blkdev *d, struct blk_health *sum);

#endif
