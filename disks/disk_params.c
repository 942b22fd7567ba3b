/* disk_params.c: the parameters of a drive; the defaults are the HP 97560. */
#include "disks/disk_internal.h"

#define RW94 "Ruemmler & Wilkes 1994, HP 97560"

static const char *const report_names[] = { "media", "stream", "one", "all", NULL };
static const char *const until_names[] = { "segment", "cylinder", "track", "own_track", NULL };
static const char *const where_names[] = { "driver", "drive", NULL };

static const struct param cache_params[] = {
    P_BOOL(disk_cache_params, enabled, "true", "Whether the buffer is used as a cache.", RW94),
    P_INT(disk_cache_params, segments, "1", "1", "64", "Segments the buffer is divided into.",
          "ASSUMED(one stream is kept)"),
    P_INT(disk_cache_params, segment_sectors, "256", "1", "1000000", "Sectors a segment holds.",
          RW94 ": 128 KB"),
    P_BOOL(disk_cache_params, write_segment, "false", "One of the segments is for writes alone.",
           "ASSUMED(a buffer of one segment)"),
    P_BOOL(disk_cache_params, read_written, "true",
           "Reads hit on what was written, where writes have no segment of their own.",
           "ASSUMED(as the drives of the time that were measured)"),
    P_INT(disk_cache_params, read_ahead, "256", "0", "1000000",
          "Sectors read on beyond a request, at most; 0: none.", RW94 ": until the buffer is full"),
    P_CHOICE(
        disk_cache_params, read_until, "segment", until_names,
        "Where reading ahead ends at the latest: with read_ahead sectors, or the end of the "
        "cylinder or of the track before that; own_track: of the track, unless the request has "
        "crossed or reached its end.",
        RW94 ": until the buffer is full"),
    P_CHOICE(disk_cache_params, report, "media", report_names,
             "When a write is reported: on the medium; or in the buffer when it goes on where the "
             "write before it ended; or in the buffer, which takes one write (and what continues "
             "it) at a time; or always in the buffer while there is room.",
             "ASSUMED(off: file systems that promise durability switch it off)"),
    P_BOOL(disk_cache_params, hit_read_ahead, "true",
           "A hit in a segment that rests lets it read on.", "ASSUMED(as the drives measured)"),
    P_BOOL(disk_cache_params, almost_hits, "true",
           "A read that begins where reading ahead has come, or comes to while the command is "
           "processed, goes on with it; else it is a miss, and reading ahead ends with the "
           "command's arrival.",
           "ASSUMED(a stream is not broken by a sector that is just under the head)"),
    P_BOOL(disk_cache_params, keep, "true", "What was sent to the host stays for later hits.",
           "ASSUMED(as the drives measured)"),
    P_BOOL(disk_cache_params, stop_in_sector, "true",
           "Reading ahead is left at once, in the middle of a sector.",
           "ASSUMED(as the drives measured)"),
    P_END,
};

#define SUM22 RW94 ": 2.2 ms in all"
#define NONE "ASSUMED(none)"
static const struct param second_params[] = {
    P_BOOL(
        disk_second_params, enabled, "false",
        "A write that follows a write and does not continue it disconnects before its data, too.",
        NONE),
    P_TIME(disk_second_params, command, "0", "0", "1s", "Its command processing.", NONE),
    P_TIME(disk_second_params, seek, "0", "0", "1s", "More before the arm starts.", NONE),
    P_TIME(disk_second_params, disconnect, "0", "0", "1s", "Keeps the bus after the command.",
           NONE),
    P_TIME(disk_second_params, away, "0", "0", "1s",
           "Off the bus; then overhead.reselect, and the data.", NONE),
    P_TIME(disk_second_params, data_disconnect, "0", "0", "1s", "Keeps the bus after the data.",
           NONE),
    P_TIME(disk_second_params, reselect, "0", "0", "1s", "Before the status.", NONE),
    P_END,
};

static const struct param overhead_params[] = {
    P_TIME(disk_overhead_params, read_hit, "2.2ms", "0", "1s",
           "Command processing of a read that is in the cache.", SUM22),
    P_TIME(disk_overhead_params, read_hit_after_write, "2.2ms", "0", "1s",
           "The same after a write.", SUM22),
    P_TIME(disk_overhead_params, read_miss, "2.2ms", "0", "1s",
           "Command processing of a read from the medium.", SUM22),
    P_TIME(disk_overhead_params, read_miss_after_write, "2.2ms", "0", "1s",
           "The same after a write.", SUM22),
    P_TIME(disk_overhead_params, write, "2.2ms", "0", "1s", "Command processing of a write.",
           SUM22),
    P_TIME(disk_overhead_params, write_after_write, "2.2ms", "0", "1s", "The same after a write.",
           SUM22),
    P_TIME(disk_overhead_params, read_done, "0", "0", "1s", "Status and completion of a read.",
           SUM22),
    P_TIME(disk_overhead_params, write_done, "0", "0", "1s", "Status and completion of a write.",
           SUM22),
    P_TIME(disk_overhead_params, write_data, "0", "0", "1s",
           "From a write's processing to its data; the arm starts before.", SUM22),
    P_TIME(disk_overhead_params, disconnect, "0", "0", "1s",
           "Keeps the bus after the command of a read.", SUM22),
    P_TIME(disk_overhead_params, disconnect_after_write, "0", "0", "1s", "The same after a write.",
           SUM22),
    P_TIME(disk_overhead_params, disconnect_write, "0", "0", "1s",
           "Keeps the bus after the data of a write.", SUM22),
    P_TIME(disk_overhead_params, reselect, "0", "0", "1s",
           "Before the data of a disconnected read.", SUM22),
    P_TIME(disk_overhead_params, reselect_write, "0", "0", "1s",
           "Before the status of a disconnected write.", SUM22),
    P_TABLE(disk_overhead_params, second, second_params, "A second disconnection of writes."),
    P_END,
};

static const struct param interface_params[] = {
    P_RATE(disk_bus_params, read_rate, "0", "0", "1GB/s",
           "The drive's own limit in data phases of reads; 0: the bus's.", RW94 ": SCSI-2 10 MB/s"),
    P_RATE(disk_bus_params, write_rate, "0", "0", "1GB/s", "The same of writes.",
           RW94 ": SCSI-2 10 MB/s"),
    P_REAL(disk_bus_params, read_mark, "0", "0", "1",
           "Part of a read (or of the segment, when that is smaller) that is in the buffer when "
           "the drive reconnects, rounded down; at least a sector.",
           "ASSUMED(reconnects early)"),
    P_INT(disk_bus_params, read_block, "1", "1", "1000000",
          "Sectors of a read that are sent together, when the last of them is in the buffer; the "
          "last block of a request has what is left.",
          "ASSUMED(sectors are sent as they come)"),
    P_INT(disk_bus_params, write_first, "1", "1", "1000000",
          "Sectors of a write that are in the buffer before any goes to the medium.",
          "ASSUMED(the medium waits for the bus only)"),
    P_INT(disk_bus_params, write_first_long, "1", "1", "1000000",
          "The same of writes of write_long sectors and more.", "ASSUMED(the same)"),
    P_INT(disk_bus_params, write_long, "1000000", "1", "1000000",
          "Sectors from which on a write is long.", "ASSUMED(none is)"),
    P_BOOL(disk_bus_params, disconnect, "true", "The bus is free while the medium is accessed.",
           "SCSI-2 drives do"),
    P_INT(disk_bus_params, pieces, "8", "1", "1000",
          "On a bus that is shared a read that does not hold it sends its data in so many pieces, "
          "as they come, and lets go of it between them.",
          "ASSUMED(drives reconnected whenever their buffer had data; eight keep the events few)"),
    P_BOOL(disk_bus_params, hold, "false",
           "A read keeps the bus from read_mark on while its data still come off the medium; else "
           "it asks for the bus so late that it does not wait.",
           "ASSUMED(a drive whose buffer-full ratio is set well)"),
    P_END,
};

#define QUEUE(policy_, why_)                                                                       \
    P_CHOICE_OF(disk_queue_params, policy, policy_, sched_policies, "Which request is next.",      \
                why_),                                                                             \
        P_VAL(disk_queue_params, params, "The discipline's own parameters, where it has some."),   \
        P_CHOICE(disk_queue_params, where, "driver", where_names,                                  \
                 "Where the policy stands: in the host's driver, which sends one command at a "    \
                 "time, or in the drive, which has commands queued and overlaps their "            \
                 "processing.",                                                                    \
                 "SCSI-2 tagged queueing was rare before 1994"),                                   \
        P_INT(disk_queue_params, depth, "0", "0", "1000000",                                       \
              "Commands the policy chooses among; 0: all that wait.", "ASSUMED(no limit)"),        \
        P_END
static const struct param queue_params[] = { QUEUE("fcfs",
                                                   "what drives without command queueing do") };
static const struct param lanes_queue_params[] = { QUEUE(
    "clook", "drivers of the time sorted by block [disksort of 4.3BSD]") };

static const char *const spindle_names[] = { "auto", "drawn", "fixed", NULL };

#define DRIVE(queue_)                                                                              \
    P_STRING(disk_params, kind, "disk", "What is built: a disk.", "none"),                         \
        P_STRING(disk_params, model, "HP 97560", "The drive's name in reports.", "none"),          \
        P_INT(disk_params, rpm, "4002", "60", "30000", "Turns a minute.", RW94),                   \
        P_TIME(disk_params, revolution, "0", "0", "1s",                                            \
               "Time of a turn, when it is known better than rpm; 0: from rpm.", "none"),          \
        P_TIME(disk_params, phase, "0", "0", "1s", "Angle of the spindle at time 0, as a time.",   \
               "ASSUMED(any is as good as another)"),                                              \
        P_CHOICE(disk_params, spindle, "auto", spindle_names,                                      \
                 "drawn: each drive, or the spindles of a RAID-3 together, adds an angle of its "  \
                 "own, drawn by the seed; fixed: none; auto: drawn on a machine's nodes, fixed "   \
                 "else.",                                                                          \
                 "ASSUMED(nothing holds the drives of different arrays in step)"),                 \
        P_TABLE(disk_params, geometry, geo_params, "Where sectors lie."),                          \
        P_TABLE(disk_params, seek, seek_params, "How long the arm takes."),                        \
        P_TABLE(disk_params, cache, cache_params, "The on-board buffer."),                         \
        P_TABLE(disk_params, overhead, overhead_params, "Command processing."),                    \
        P_TABLE(disk_params, interface, interface_params, "How the drive uses the bus."),          \
        P_TABLE(disk_params, queue, queue_, "Which request is next."),                             \
        P_TABLE(disk_params, bus, scsi_params, "The drive's own bus, when it is on no other."),    \
        P_BOOL(disk_params, zero_latency, "false",                                                 \
               "A read begins with the first of its sectors that comes under the head.",           \
               "ASSUMED(reads begin with the first sector)"),                                      \
        P_BOOL(disk_params, zero_latency_writes, "false",                                          \
               "So does a write, with the first that is in the buffer when it comes.",             \
               "ASSUMED(so do writes)"),                                                           \
        P_END
const struct param disk_params[] = { DRIVE(queue_params) };
const struct param disk_lanes_params[] = { DRIVE(lanes_queue_params) };
