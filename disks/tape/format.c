/* format.c: places on a tape, and the ways between them. */
#include "disks/tape/format.h"
#include "disks/blkdev.h"

#define FORMAT "ASSUMED(an IBM 3480; a drive's own file says its own)"

const struct param tape_format_params[] = {
    P_STRING(tape_format, name, "3480", "Media of another name do not go into the drive.", FORMAT),
    P_CHOICE_OF(tape_format, layout, "linear", tape_layouts, "How tracks lie.", "IBM 3480"),
    P_INT(tape_format, tracks, "1", "1", "100000",
          "Passes along the tape, in turn out and back; heads that work at once are one.",
          "IBM 3480: 18 tracks at once"),
    P_SIZE(tape_format, track, "235470400B", "1B", "1000TB",
           "Bytes of track of one pass, gaps and marks included.",
           "IBM 3480: 157.4 m at 1496 bytes a millimetre [discmaster ibmmain/2124]"),
    P_SIZE(tape_format, gap, "2992B", "0B", "1GiB", "Behind each block, as bytes of track.",
           "IBM 3480: 2 mm [discmaster ibmmain/2124]"),
    P_SIZE(tape_format, mark, "1496B", "0B", "1GiB", "A mark, as bytes of track.",
           "IBM 3480: 1 mm [discmaster ibmmain/2124]"),
    P_SIZE(tape_format, group, "0B", "0B", "1GiB",
           "Blocks are packed in groups of so many bytes, and a mark begins a new one; 0: they are "
           "not.",
           "IBM 3480: each block by itself"),
    P_SIZE(tape_format, group_each, "0B", "0B", "1MiB",
           "What a block takes in its group beside its bytes.", "none"),
    P_RATE(tape_format, rate, "3MB/s", "1kB/s", "100GB/s", "Reading and writing.", "IBM 3480"),
    P_RATE(tape_format, search, "7849kB/s", "1kB/s", "100TB/s",
           "Bytes of track that pass in a second while it searches.",
           "IBM 3480: up to 30 s to position [chilton-computing.org.uk, ccd/data/p002]"),
    P_RATE(tape_format, rewind, "4906kB/s", "0", "100TB/s",
           "The same while it rewinds; 0: as search.",
           "ASSUMED(IBM 3480: 48 s for the whole tape, from memory)"),
    P_TIME(tape_format, turn, "0", "0", "1h", "Of each locate, beside the distance.",
           "ASSUMED(none)"),
    P_TIME(tape_format, wrap, "0", "0", "1h",
           "From the end of a track to the beginning of the next, while it reads or writes on.",
           "ASSUMED(none)"),
    P_INT(tape_format, sections, "14", "1", "100000", "serpentine: sections of a track.",
          "DLT 4000 [Hillyer & Silberschatz 1996]"),
    P_REAL(tape_format, jitter, "0", "0", "0.45",
           "serpentine: how far a key point lies from its place at most, of a section; each "
           "cartridge has its own.",
           "ASSUMED(none)"),
    P_INT(tape_format, zones, "0", "0", "1000000",
          "helical: partitions with a system zone before each, at which it can be ejected; 0: it "
          "is rewound.",
          "ASSUMED(none)"),
    P_SIZE(tape_format, zone, "0B", "0B", "1TB", "helical: bytes of track of a system zone.",
           "none"),
    P_REAL(tape_format, load_point, "0", "0", "1",
           "Where on the tape it is threaded and rewound to: 0 the beginning, 0.5 the middle.",
           "most drives"),
    P_END,
};

uint64_t tape_capacity(const struct tape_format *f)
{
    return (uint64_t)f->tracks * (uint64_t)f->track;
}

/* ---- items one behind the other ---- */

static uint64_t group_need(const struct tape_format *f, uint64_t stored)
{
    return stored + (uint64_t)f->group_each;
}

/* Groups that an item longer than one takes. */
static uint64_t groups_of(const struct tape_format *f, uint64_t need)
{
    return (need + (uint64_t)f->group - 1) / (uint64_t)f->group;
}

struct tape_place tape_place_close(const struct tape_format *f, struct tape_place p)
{
    if (p.into > 0)
        p.at += groups_of(f, p.into) * (uint64_t)f->group;
    p.into = 0;
    return p;
}

struct tape_place tape_place_settle(const struct tape_format *f, struct tape_place p,
                                    uint64_t stored)
{
    bool fits = f->group > 0 && stored > 0 && p.into + group_need(f, stored) <= (uint64_t)f->group;
    return fits ? p : tape_place_close(f, p);
}

struct tape_place tape_place_after(const struct tape_format *f, struct tape_place p,
                                   uint64_t stored, uint64_t count)
{
    if (count == 0)
        return p;
    if (stored == 0) {
        p = tape_place_close(f, p);
        p.at += count * (uint64_t)f->mark;
        return p;
    }
    if (f->group == 0) {
        p.at += count * (stored + (uint64_t)f->gap);
        return p;
    }
    uint64_t group = (uint64_t)f->group, need = group_need(f, stored);
    uint64_t fit = p.into < group ? (group - p.into) / need : 0;
    if (p.into > 0 && count <= fit) {
        p.into += count * need;
        return p;
    }
    if (p.into > 0)
        count -= fit;
    p = tape_place_close(f, p);
    uint64_t each = group / need; /* blocks of a group */
    if (each == 0) {
        p.at += (count - 1) * groups_of(f, need) * group;
        p.into = need;
    } else {
        p.at += (count - 1) / each * group;
        p.into = ((count - 1) % each + 1) * need;
    }
    return p;
}

uint64_t tape_place_end(const struct tape_format *f, struct tape_place settled, uint64_t stored)
{
    if (stored == 0)
        return settled.at + (uint64_t)f->mark;
    return settled.at + settled.into + stored + (f->group > 0 ? (uint64_t)f->group_each : 0);
}

/* ---- ways ---- */

static uint64_t distance(uint64_t a, uint64_t b)
{
    return a > b ? a - b : b - a;
}

static sim_time pass(uint64_t bytes, int64_t rate)
{
    return sim_time_of_bytes((int64_t)bytes, rate);
}

struct spot {
    uint64_t track, in; /* bytes from the track's own beginning */
    uint64_t x;         /* from the beginning of the tape */
};

static uint64_t along(const struct tape_format *f, uint64_t track, uint64_t in)
{
    return track % 2 == 0 ? in : (uint64_t)f->track - in;
}

static struct spot spot_of(const struct tape_format *f, uint64_t at)
{
    uint64_t length = (uint64_t)f->track, last = (uint64_t)f->tracks - 1;
    struct spot s = { .track = at / length };
    s.track = s.track < last ? s.track : last;
    s.in = at - s.track * length;
    s.in = s.in < length ? s.in : length;
    s.x = along(f, s.track, s.in);
    return s;
}

static sim_time to_load_point(const struct tape_format *f, uint64_t from, uint64_t *to)
{
    *to = tape_format_load_point(f);
    uint64_t way = distance(spot_of(f, from).x, spot_of(f, *to).x);
    return pass(way, f->rewind > 0 ? f->rewind : f->search);
}

static sim_time linear_locate(const struct tape_format *f, uint64_t seed, uint64_t from,
                              uint64_t to)
{
    struct spot a = spot_of(f, from), b = spot_of(f, to);
    (void)seed;
    sim_time search = sim_time_add(f->turn, pass(distance(a.x, b.x), f->search));
    if (a.track == b.track && to >= from)
        return sim_time_min(search, pass(to - from, f->rate));
    return search;
}

static uint64_t mix(uint64_t x)
{
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

/* Where section `k` of a track begins, in bytes from the track's beginning. */
static uint64_t key_point(const struct tape_format *f, uint64_t seed, uint64_t track, uint64_t k)
{
    uint64_t sections = (uint64_t)f->sections, length = (uint64_t)f->track;
    if (k == 0 || k >= sections)
        return k == 0 ? 0 : length;
    __extension__ unsigned __int128 place = (unsigned __int128)length * k;
    uint64_t at = (uint64_t)(place / sections);
    uint64_t most = (uint64_t)(f->jitter * ((double)length / (double)sections));
    if (most == 0)
        return at;
    return at - most + mix(mix(seed + track) + k) % (2 * most + 1);
}

static uint64_t section_of(const struct tape_format *f, uint64_t seed, const struct spot *s)
{
    uint64_t sections = (uint64_t)f->sections;
    __extension__ unsigned __int128 product = (unsigned __int128)s->in * sections;
    uint64_t k = (uint64_t)(product / (uint64_t)f->track);
    k = k < sections ? k : sections - 1;
    if (k + 1 < sections && s->in >= key_point(f, seed, s->track, k + 1))
        return k + 1;
    return k > 0 && s->in < key_point(f, seed, s->track, k) ? k - 1 : k;
}

static sim_time serpentine_locate(const struct tape_format *f, uint64_t seed, uint64_t from,
                                  uint64_t to)
{
    struct spot a = spot_of(f, from), b = spot_of(f, to);
    uint64_t section = section_of(f, seed, &b);
    if (a.track == b.track && to >= from && section - section_of(f, seed, &a) <= 2)
        return pass(to - from, f->rate);
    uint64_t key = key_point(f, seed, b.track, section > 0 ? section - 1 : 0);
    sim_time search = pass(distance(a.x, along(f, b.track, key)), f->search);
    return sim_time_add(f->turn, sim_time_add(search, pass(b.in - key, f->rate)));
}

/* Bytes of a helical tape from its beginning, system zones included. */
static uint64_t helical_x(const struct tape_format *f, uint64_t at)
{
    uint64_t zones = (uint64_t)f->zones, part = zones == 0 ? 0 : tape_capacity(f) / zones;
    if (part == 0)
        return at;
    uint64_t in = at / part;
    in = in < zones ? in : zones - 1;
    return at + (in + 1) * (uint64_t)f->zone;
}

static sim_time helical_locate(const struct tape_format *f, uint64_t seed, uint64_t from,
                               uint64_t to)
{
    (void)seed;
    uint64_t a = helical_x(f, from), b = helical_x(f, to);
    sim_time search = sim_time_add(f->turn, pass(distance(a, b), f->search));
    return b >= a ? sim_time_min(search, pass(b - a, f->rate)) : search;
}

static sim_time helical_rewind(const struct tape_format *f, uint64_t from, uint64_t *to)
{
    uint64_t zones = (uint64_t)f->zones, part = zones == 0 ? 0 : tape_capacity(f) / zones;
    if (part == 0)
        return to_load_point(f, from, to);
    uint64_t in = from / part;
    in = in < zones ? in : zones - 1;
    *to = in * part;
    return pass(from - *to, f->search);
}

#define LAYOUT(name_, doc_, locate_, rewind_)                                                      \
    static const struct tape_layout layout_##name_ = { .kind = { .name = #name_, .doc = doc_ },    \
                                                       .locate = locate_,                          \
                                                       .rewind = rewind_ }
LAYOUT(linear, "tracks out and back in turn", linear_locate, to_load_point);
LAYOUT(serpentine, "many tracks, found by key points", serpentine_locate, to_load_point);
LAYOUT(helical, "one long track, with system zones or without", helical_locate, helical_rewind);
static const struct kind *const layouts[] = { &layout_linear.kind, &layout_serpentine.kind,
                                              &layout_helical.kind, NULL };
const struct kind_set tape_layouts = { "tape layout", "devices.format.layout", layouts };

static const struct tape_layout *layout_of(const struct tape_format *f)
{
    return kind_at(&tape_layouts, f->layout);
}

sim_time tape_format_locate(const struct tape_format *f, uint64_t seed, uint64_t from, uint64_t to)
{
    return from == to ? 0 : layout_of(f)->locate(f, seed, from, to);
}

sim_time tape_format_rewind(const struct tape_format *f, uint64_t from, uint64_t *to)
{
    return layout_of(f)->rewind(f, from, to);
}

uint64_t tape_format_distance(const struct tape_format *f, uint64_t from, uint64_t to)
{
    return distance(spot_of(f, from).x, spot_of(f, to).x);
}

sim_time tape_format_stream(const struct tape_format *f, uint64_t from, uint64_t to)
{
    ASSERT(to >= from);
    uint64_t tracks = spot_of(f, to).track - spot_of(f, from).track;
    return sim_time_add(pass(to - from, f->rate), sim_time_mul(f->wrap, (int64_t)tracks));
}

uint64_t tape_format_load_point(const struct tape_format *f)
{
    return (uint64_t)(f->load_point * (double)f->track);
}

void tape_format_spot(const struct tape_format *f, uint64_t at, struct blk_spot *out)
{
    struct spot s = spot_of(f, at);
    bool winds = layout_of(f) != &layout_helical; /* a helical tape is one pass */
    *out = (struct blk_spot){ .place = winds ? s.x : at,
                              .pass = winds ? (uint32_t)s.track : 0,
                              .back = winds && s.track % 2 == 1 };
    __extension__ unsigned __int128 product = (unsigned __int128)s.x * (uint64_t)f->sections;
    out->section = (uint32_t)(product / (uint64_t)f->track);
}
