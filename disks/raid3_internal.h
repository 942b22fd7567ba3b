/* raid3_internal.h: what the files of the synchronised array share: raid3.c the lanes and the
 * device, raid3_background.c rebuild and scrub.
 */
#ifndef DISKS_RAID3_INTERNAL_H
#define DISKS_RAID3_INTERNAL_H

#include "disks/raid.h"
#include "disks/store.h"

#define RAID3_MEMBERS_MAX 17
#define RAID3_NONE UINT32_MAX

/* Sectors [first, end) of a member that cannot be read until they are written. */
struct raid3_hole {
    uint32_t member;
    uint64_t first, end;
};

/* Rows of a rebuild or a scrub under way: read, then written when there is something to write. */
struct raid3_step {
    struct blk_req r;
    bool under_way, rebuild;
    bool settling; /* written, but perhaps not on the medium yet */
    bool retried;
    uint64_t first;
    uint32_t count;
    uint32_t turn;         /* of the array when it began */
    uint64_t power_losses; /* the same */
};

struct raid3 {
    struct blkdev *dev;
    uint32_t lanes, sector_bytes; /* of a member */
    uint64_t rows;                /* sectors of a member */
    struct store *data, *parity;
    uint32_t dead;    /* bit per member; bit `lanes`: parity */
    uint32_t filling; /* member whose place a spare has taken, or RAID3_NONE */
    uint64_t filled;  /* rows below are on it */
    uint32_t spares;
    struct raid3_hole *holes;
    uint32_t hole_count;
    /* Background. */
    struct sim_event event;
    sim_time began; /* of the last step */
    int64_t rate;
    uint32_t patience;     /* of a step's requests */
    uint32_t batch, count; /* rows at a time; for now, near rows that cannot be read */
    uint32_t turn;         /* counts what makes a step under way void */
    bool scrubbing;
    uint64_t scrub_next;
    struct raid3_step step;
    struct raid_counts counts;
    struct sim_counted counted;
};

/* ---- raid3.c ---- */

void raid3_add_hole(struct raid3 *a, uint32_t member, uint64_t first, uint64_t rows);
/* They are written: members are bits. */
void raid3_mend_holes(struct raid3 *a, uint32_t members, uint64_t first, uint64_t rows);
/* Makes the next rows of the member being filled; false: there are too few of the others. */
bool raid3_fill(struct raid3 *a, uint64_t rows);
/* True: there is something to mend in the rows, of which no member is gone; `mend`: does it, and
 * counts. */
bool raid3_check(struct raid3 *a, uint64_t row, uint64_t rows, bool mend);

/* ---- raid3_background.c ---- */

void raid3_background_init(struct raid3 *a);
void raid3_lose(struct raid3 *a, uint32_t member);
void raid3_rebuild_begin(struct raid3 *a); /* when a member is missing and a spare is there */
void raid3_scrub_begin(struct raid3 *a);

#endif
