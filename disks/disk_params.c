/* disk_params.c: the parameters of a drive; the defaults are the HP 97560. */
#include "disks/disk_internal.h"

#define F(table_, name_, type_, member_, def_, min_, max_, doc_, src_)                             \
    {                                                                                              \
        .name = name_, .type = type_, .offset = offsetof(struct table_, member_), .def = def_,     \
        .min = min_, .max = max_, .doc = doc_, .src = src_                                         \
    }
#define RW94 "Ruemmler & Wilkes 1994, HP 97560"
#define END_PARAMS                                                                                 \
    {                                                                                              \
        .name = NULL                                                                               \
    }

static const char *const report_names[] = { "media", "stream", "one", "all", NULL };
static const char *const until_names[] = { "segment", "cylinder", "track", NULL };
static const char *const where_names[] = { "driver", "drive", NULL };

#define C(name_, type_, member_, def_, min_, max_, doc_, src_)                                     \
    F(disk_cache_params, name_, type_, member_, def_, min_, max_, doc_, src_)
static const struct param cache_params[] = {
    C("enabled", PARAM_BOOL, enabled, "true", NULL, NULL, "Whether the buffer is used as a cache.",
      RW94),
    C("segments", PARAM_INT, segments, "1", "1", "64", "Segments the buffer is divided into.",
      "ASSUMED(one stream is kept)"),
    C("segment_sectors", PARAM_INT, segment_sectors, "256", "1", "1000000",
      "Sectors a segment holds.", RW94 ": 128 KB"),
    C("write_segment", PARAM_BOOL, write_segment, "false", NULL, NULL,
      "One of the segments is for writes alone.", "ASSUMED(a buffer of one segment)"),
    C("read_written", PARAM_BOOL, read_written, "true", NULL, NULL,
      "Reads hit on what was written, where writes have no segment of their own.",
      "ASSUMED(as the drives of the time that were measured)"),
    C("read_ahead", PARAM_INT, read_ahead, "256", "0", "1000000",
      "Sectors read on beyond a request, at most; 0: none.", RW94 ": until the buffer is full"),
    { .name = "read_until",
      .type = PARAM_CHOICE,
      .offset = offsetof(struct disk_cache_params, read_until),
      .def = "segment",
      .choices = until_names,
      .doc = "Where reading ahead ends at the latest: with read_ahead sectors, or the end of the "
             "cylinder or of the track before that.",
      .src = RW94 ": until the buffer is full" },
    { .name = "report",
      .type = PARAM_CHOICE,
      .offset = offsetof(struct disk_cache_params, report),
      .def = "media",
      .choices = report_names,
      .doc = "When a write is reported: on the medium; or in the buffer when it goes on where the "
             "write before it ended; or in the buffer, which takes one write (and what continues "
             "it) at a time; or always in the buffer while there is room.",
      .src = "ASSUMED(off: file systems that promise durability switch it off)" },
    C("hit_read_ahead", PARAM_BOOL, hit_read_ahead, "true", NULL, NULL,
      "A hit in a segment that rests lets it read on.", "ASSUMED(as the drives measured)"),
    C("almost_hits", PARAM_BOOL, almost_hits, "true", NULL, NULL,
      "A read that begins where reading ahead has come, or comes to while the command is "
      "processed, "
      "goes on with it; else it is a miss, and reading ahead ends with the command's arrival.",
      "ASSUMED(a stream is not broken by a sector that is just under the head)"),
    C("keep", PARAM_BOOL, keep, "true", NULL, NULL,
      "What was sent to the host stays for later hits.", "ASSUMED(as the drives measured)"),
    C("stop_in_sector", PARAM_BOOL, stop_in_sector, "true", NULL, NULL,
      "Reading ahead is left at once, in the middle of a sector.",
      "ASSUMED(as the drives measured)"),
    END_PARAMS,
};

#define O(name_, member_, def_, doc_, src_)                                                        \
    F(disk_overhead_params, name_, PARAM_TIME, member_, def_, "0", "1s", doc_, src_)
#define SUM22 RW94 ": 2.2 ms in all"
#define NONE "ASSUMED(none)"
#define S2(name_, member_, doc_)                                                                   \
    F(disk_second_params, name_, PARAM_TIME, member_, "0", "0", "1s", doc_, NONE)
static const struct param second_params[] = {
    F(disk_second_params, "enabled", PARAM_BOOL, enabled, "false", NULL, NULL,
      "A write that follows a write and does not continue it disconnects before its data, too.",
      NONE),
    S2("command", command, "Its command processing."),
    S2("seek", seek, "More before the arm starts."),
    S2("disconnect", disconnect, "Keeps the bus after the command."),
    S2("away", away, "Off the bus; then overhead.reselect, and the data."),
    S2("data_disconnect", data_disconnect, "Keeps the bus after the data."),
    S2("reselect", reselect, "Before the status."),
    END_PARAMS,
};

static const struct param overhead_params[] = {
    O("read_hit", read_hit, "2.2ms", "Command processing of a read that is in the cache.", SUM22),
    O("read_hit_after_write", read_hit_after_write, "2.2ms", "The same after a write.", SUM22),
    O("read_miss", read_miss, "2.2ms", "Command processing of a read from the medium.", SUM22),
    O("read_miss_after_write", read_miss_after_write, "2.2ms", "The same after a write.", SUM22),
    O("write", write, "2.2ms", "Command processing of a write.", SUM22),
    O("write_after_write", write_after_write, "2.2ms", "The same after a write.", SUM22),
    O("read_done", read_done, "0", "Status and completion of a read.", SUM22),
    O("write_done", write_done, "0", "Status and completion of a write.", SUM22),
    O("write_data", write_data, "0",
      "From a write's processing to its data; the arm starts before.", SUM22),
    O("disconnect", disconnect, "0", "Keeps the bus after the command of a read.", SUM22),
    O("disconnect_after_write", disconnect_after_write, "0", "The same after a write.", SUM22),
    O("disconnect_write", disconnect_write, "0", "Keeps the bus after the data of a write.", SUM22),
    O("reselect", reselect, "0", "Before the data of a disconnected read.", SUM22),
    O("reselect_write", reselect_write, "0", "Before the status of a disconnected write.", SUM22),
    { .name = "second",
      .type = PARAM_TABLE,
      .offset = offsetof(struct disk_overhead_params, second),
      .sub = second_params,
      .doc = "A second disconnection of writes." },
    END_PARAMS,
};

#define B(name_, type_, member_, def_, min_, max_, doc_, src_)                                     \
    F(disk_bus_params, name_, type_, member_, def_, min_, max_, doc_, src_)
static const struct param interface_params[] = {
    B("read_rate", PARAM_RATE, read_rate, "0", "0", "1GB/s",
      "The drive's own limit in data phases of reads; 0: the bus's.", RW94 ": SCSI-2 10 MB/s"),
    B("write_rate", PARAM_RATE, write_rate, "0", "0", "1GB/s", "The same of writes.",
      RW94 ": SCSI-2 10 MB/s"),
    B("read_mark", PARAM_REAL, read_mark, "0", "0", "1",
      "Part of a read (or of the segment, when that is smaller) that is in the buffer when the "
      "drive reconnects, rounded down; at least a sector.",
      "ASSUMED(reconnects early)"),
    B("write_first", PARAM_INT, write_first, "1", "1", "1000000",
      "Sectors of a write that are in the buffer before any goes to the medium.",
      "ASSUMED(the medium waits for the bus only)"),
    B("write_first_long", PARAM_INT, write_first_long, "1", "1", "1000000",
      "The same of writes of write_long sectors and more.", "ASSUMED(the same)"),
    B("write_long", PARAM_INT, write_long, "1000000", "1", "1000000",
      "Sectors from which on a write is long.", "ASSUMED(none is)"),
    B("disconnect", PARAM_BOOL, disconnect, "true", NULL, NULL,
      "The bus is free while the medium is accessed.", "SCSI-2 drives do"),
    B("pieces", PARAM_INT, pieces, "8", "1", "1000",
      "On a bus that is shared a read that does not hold it sends its data in so many pieces, as "
      "they come, and lets go of it between them.",
      "ASSUMED(drives reconnected whenever their buffer had data; eight keep the events few)"),
    B("hold", PARAM_BOOL, hold, "false", NULL, NULL,
      "A read keeps the bus from read_mark on while its data still come off the medium; else it "
      "asks for the bus so late that it does not wait.",
      "ASSUMED(a drive whose buffer-full ratio is set well)"),
    END_PARAMS,
};

static const struct param queue_params[] = {
    F(disk_queue_params, "policy", PARAM_STRING, policy, "fcfs", NULL, NULL,
      "Which request is next: fcfs, sstf, scan, cscan, look, clook, sptf, asptf.",
      "what drives without command queueing do"),
    { .name = "where",
      .type = PARAM_CHOICE,
      .offset = offsetof(struct disk_queue_params, where),
      .def = "driver",
      .choices = where_names,
      .doc = "Where the policy stands: in the host's driver, which sends one command at a time, or "
             "in the drive, which has commands queued and overlaps their processing.",
      .src = "SCSI-2 tagged queueing was rare before 1994" },
    F(disk_queue_params, "depth", PARAM_INT, depth, "0", "0", "1000000",
      "Commands the policy chooses among; 0: all that wait.", "ASSUMED(no limit)"),
    F(disk_queue_params, "age_weight", PARAM_REAL, age_weight, "0.006", "0", "1000",
      "asptf: credit for each unit of time waited.",
      "ASSUMED(near the 6 per 1,000 that is used with aged SPTF)"),
    END_PARAMS,
};

#define D(name_, type_, member_, def_, min_, max_, doc_, src_)                                     \
    F(disk_params, name_, type_, member_, def_, min_, max_, doc_, src_)
#define SUB(name_, member_, sub_, doc_)                                                            \
    {                                                                                              \
        .name = name_, .type = PARAM_TABLE, .offset = offsetof(struct disk_params, member_),       \
        .sub = sub_, .doc = doc_                                                                   \
    }

const struct param disk_params[] = {
    D("kind", PARAM_STRING, kind, "disk", NULL, NULL, "What is built: a disk.", "none"),
    D("model", PARAM_STRING, model, "HP 97560", NULL, NULL, "The drive's name in reports.", "none"),
    D("rpm", PARAM_INT, rpm, "4002", "60", "30000", "Turns a minute.", RW94),
    D("revolution", PARAM_TIME, revolution, "0", "0", "1s",
      "Time of a turn, when it is known better than rpm; 0: from rpm.", "none"),
    D("phase", PARAM_TIME, phase, "0", "0", "1s", "Angle of the spindle at time 0, as a time.",
      "ASSUMED(spindles in step)"),
    SUB("geometry", geometry, geo_params, "Where sectors lie."),
    SUB("seek", seek, seek_params, "How long the arm takes."),
    SUB("cache", cache, cache_params, "The on-board buffer."),
    SUB("overhead", overhead, overhead_params, "Command processing."),
    SUB("interface", interface, interface_params, "How the drive uses the bus."),
    SUB("queue", queue, queue_params, "Which request is next."),
    SUB("bus", bus, scsi_params, "The drive's own bus, when it is on no other."),
    D("zero_latency", PARAM_BOOL, zero_latency, "false", NULL, NULL,
      "A read begins with the first of its sectors that comes under the head.",
      "ASSUMED(reads begin with the first sector)"),
    END_PARAMS,
};
