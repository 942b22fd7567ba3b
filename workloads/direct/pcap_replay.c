/* pcap_replay.c: the frames of a capture, sent again on a bare network at their times.
 *
 * A frame goes from the station of its source to that of its destination.  On a network whose
 * frames are as 802.3 has them it is one packet, with its check sequence and at least 64 octets; on
 * others it is cut into packets of `packet_bytes` with `header_flits`, all sent at its time.  Only
 * lengths travel; a frame to several (a group address) goes to all where the network can.
 *
 * The file's content is looked through once before the run; then each frame is read as its time
 * comes, so nothing is kept but the content itself.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "sim/audit.h"
#include "sim/base/pcap.h"
#include "sim/digest.h"
#include "sim/measure.h"
#include "sim/population.h"
#include "sim/window.h"
#include "workloads/direct/mesh_traffic.h"
#include "workloads/direct/trace_clock.h"

#define LATEST_NS ((uint64_t)(SIM_NEVER / 4 / SIM_NS))
#define CHECK_SEQUENCE 4
#define ETHERNET_LEAST 64

enum { STATIONS_OWN, STATIONS_SEEN };
static const char *const station_names[] = { "own", "seen", NULL };

struct replay_params {
    const char *file;
    int stations, origin;
    int64_t source, loops, packet_bytes, header_flits;
    double factor;
    sim_time gap;
};

static const struct param replay_params[] = {
    P_FILE(replay_params, file, NULL,
           "The capture, classic pcap, below the configuration's folder.",
           "the experiment's choice"),
    P_CHOICE(
        replay_params, stations, "own", station_names,
        "own: addresses name stations, as those of psim's captures do; seen: they are numbered "
        "in the order in which they are seen, as for captures of other networks.",
        "the capture's kind"),
    P_INT(replay_params, source, "-1", "-1", "65535",
          "All frames come from this station; -1: each "
          "from its own.",
          "ASSUMED(as they were)"),
    P_CHOICE(replay_params, origin, "first", trace_origins,
             "zero: times count from the start of the run; first: the first frame is the start.",
             "captures count from 1970"),
    P_REAL(replay_params, factor, "1", "0", "1000000", "Times are so many times as long.",
           "ASSUMED(as they were)"),
    P_INT(replay_params, loops, "1", "1", "1000000", "How often the whole is sent.",
          "ASSUMED(once)"),
    P_TIME(replay_params, gap, "0", "0", "1000s",
           "From the last frame to the first of the next time.", "ASSUMED(none)"),
    P_SIZE(replay_params, packet_bytes, "1024B", "1B", "1MiB",
           "Payload of one packet, where frames are cut into packets.", "see nic.packet_bytes"),
    P_INT(replay_params, header_flits, "16", "0", "1024",
          "Flits of a packet that carry no payload, there.", "see nic.header_flits"),
    P_END,
};

struct replay {
    struct sim *sim;
    struct net *net;
    struct net_describe d;
    const struct replay_params *p;
    struct whole_folder *files;
    struct pcap_reader reader;
    struct pcap_record record; /* the next to be sent */
    uint64_t base, length;     /* ns: of the origin; from there to the last frame */
    sim_time shift;            /* of this loop */
    int64_t loop;
    uint64_t frames, sent, made, packets, delivered, dropped;
    uint64_t *addresses; /* by station, of STATIONS_SEEN */
    uint32_t address_count;
    sim_time first, last;
    struct sim_event event;
    struct traffic_pool pool;
    struct sim_population population;
    struct sim_measure *latency;
    FILE *log; /* packets.csv; NULL: not written */
};

/* ---- who and how long ---- */

/* The station of an address; `learn`: one that is new gets the next. */
static bool station_of(struct replay *l, uint64_t address, bool learn, uint32_t *station)
{
    if (l->reader.link != PCAP_ETHERNET || l->p->stations == STATIONS_OWN)
        return pcap_station(&l->reader, address, station);
    for (*station = 0; *station < l->address_count; ++*station)
        if (l->addresses[*station] == address)
            return true;
    if (!learn || l->address_count == l->d.terminals)
        return false;
    l->addresses[l->address_count++] = address;
    return true;
}

static bool no_station(const struct replay *l, const struct pcap_record *x, const char *what,
                       struct err *e)
{
    return err_set(e, "%s: offset %zu: the %s is no station of the %s (0 to %u)%s", l->reader.name,
                   x->offset, what, l->d.shape, l->d.terminals - 1,
                   l->reader.link == PCAP_ETHERNET && l->p->stations == STATIONS_OWN
                       ? "; workload.stations = \"seen\" numbers addresses"
                       : "");
}

/* Where a frame goes from and to; `learn` as above. */
static bool ends_of(struct replay *l, const struct pcap_record *x, bool learn, uint32_t *src,
                    uint32_t *dst, struct err *e)
{
    uint64_t source, destination;
    if (!pcap_ends(&l->reader, x, &source, &destination))
        return err_set(e, "%s: offset %zu: %u octets do not have the addresses", l->reader.name,
                       x->offset, x->kept);
    bool from = station_of(l, source, learn, src), to = true;
    *dst = NET_ALL;
    if (!pcap_group(&l->reader, destination))
        to = station_of(l, destination, learn, dst);
    *src = l->p->source >= 0 ? (uint32_t)l->p->source : *src;
    if (l->p->source < 0 && (!from || *src >= l->d.terminals))
        return no_station(l, x, "source", e);
    if (!to || (*dst != NET_ALL && *dst >= l->d.terminals))
        return no_station(l, x, "destination", e);
    return *dst != NET_ALL || l->d.broadcast ||
           err_set(e, "%s: offset %zu: the frame is to all, which the %s does not know",
                   l->reader.name, x->offset, l->d.shape);
}

/* Its packets: how many, and of how many flits all but the last are, and the last. */
static uint64_t cut(const struct replay *l, const struct pcap_record *x, uint64_t *full,
                    uint64_t *rest)
{
    bool ethernet = l->reader.link == PCAP_ETHERNET;
    uint64_t bytes = x->length - (ethernet ? 0u : PCAP_USER_HEADER), most, flit = l->d.flit_bytes;
    if (l->d.ethernet) {
        bytes += CHECK_SEQUENCE + (ethernet ? 0u : PCAP_ETHERNET_HEADER);
        bytes = bytes > ETHERNET_LEAST ? bytes : ETHERNET_LEAST;
        *full = *rest = (bytes + flit - 1) / flit;
        return 1;
    }
    most = (uint64_t)l->p->packet_bytes;
    uint64_t count = bytes > most ? (bytes + most - 1) / most : 1,
             header = (uint64_t)l->p->header_flits;
    *full = header + (most + flit - 1) / flit;
    *rest = header + (bytes - (count - 1) * most + flit - 1) / flit;
    *rest = *rest > 0 ? *rest : 1;
    return count;
}

/* ---- the run ---- */

static sim_time scaled(const struct replay *l, uint64_t ns)
{
    sim_time t = (sim_time)ns * SIM_NS;
    return l->p->factor == 1 ? t : (sim_time)((double)t * l->p->factor);
}

static void send(struct replay *l, uint32_t src, uint32_t dst, uint32_t flits)
{
    struct net_packet *p = traffic_take(&l->pool);
    p->src = src;
    p->dst = dst;
    p->flits = flits;
    p->created = sim_now(l->sim);
    p->user = l->made++;
    sim_population_move(&l->population, &(struct sim_customer){ 0 }, SIM_INSIDE, p->created, false);
    net_inject(l->net, p);
}

/* The next frame of the file, or of the next loop; false: there is none. */
static bool next(struct replay *l)
{
    struct err e = ERR_INIT;
    if (pcap_read(&l->reader, &l->record, &e))
        return true;
    ASSERT_MSG(!e.set, "the content was looked through before");
    if (++l->loop >= l->p->loops)
        return false;
    l->shift += sim_time_add(scaled(l, l->length), l->p->gap);
    return pcap_read_begin(&l->reader, l->reader.name, l->reader.data, l->reader.length, &e) &&
           pcap_read(&l->reader, &l->record, &e);
}

static sim_time due(const struct replay *l)
{
    return sim_time_add(l->shift, scaled(l, l->record.nanoseconds - l->base));
}

static void fire(struct sim *s, struct sim_event *ev)
{
    struct replay *l = CONTAINER_OF(ev, struct replay, event);
    struct err e = ERR_INIT;
    sim_time now = sim_now(s);
    bool more = true;
    if (l->sent == 0)
        sim_window_open(s);
    while (more && due(l) == now) {
        uint32_t src, dst;
        uint64_t full, rest, count = cut(l, &l->record, &full, &rest);
        bool known = ends_of(l, &l->record, false, &src, &dst, &e);
        ASSERT_MSG(known, "the content was looked through before");
        l->sent++;
        for (uint64_t i = 0; i < count; i++)
            send(l, src, dst, (uint32_t)(i + 1 < count ? full : rest));
        more = next(l);
    }
    if (more)
        sim_at(s, ev, due(l));
}

static void receive(void *arg, struct net_packet *p, enum net_status status)
{
    struct replay *l = arg;
    if (p->left > 0)
        return; /* of one to all the last to be told counts */
    bool good = status == NET_OK;
    sim_population_move(&l->population, &(struct sim_customer){ SIM_INSIDE, p->created },
                        SIM_ABSENT, sim_now(l->sim), good);
    l->delivered += good;
    l->dropped += !good;
    if (l->delivered + l->dropped == l->packets)
        sim_window_close(l->sim);
    if (good) {
        l->last = p->delivered;
        sim_measure_add(l->latency, sim_time_seconds(p->delivered - p->created));
        sim_waist(l->sim, SIM_WAIST_PACKET, p->delivered, p->dst, p->flits,
                  (uint64_t)p->src << 40 ^ p->user);
        if (l->log)
            traffic_log_write(l->log, p);
    }
    traffic_give(&l->pool, p);
}

static void audit(void *self, struct sim_audit_report *r)
{
    const struct replay *l = self;
    sim_audit_balance(r, "packets", l->made, l->delivered, l->made - l->delivered - l->dropped,
                      l->dropped);
}

/* ---- making ---- */

/* Every frame can be sent: counts them, and finds the origin and the end. */
static bool look_through(struct replay *l, struct err *e)
{
    uint64_t before = 0, packets = 0;
    while (pcap_read(&l->reader, &l->record, e)) {
        const struct pcap_record *x = &l->record;
        uint32_t src, dst;
        uint64_t full, rest;
        if (l->frames == 0 && l->p->origin == TRACE_FROM_FIRST)
            l->base = x->nanoseconds;
        if (x->nanoseconds < before || x->nanoseconds < l->base)
            return err_set(e, "%s: offset %zu: the time is before that of the frame before",
                           l->reader.name, x->offset);
        before = x->nanoseconds;
        l->length = before - l->base;
        if (l->length > LATEST_NS || (double)l->length * l->p->factor > (double)LATEST_NS)
            return err_set(e,
                           "%s: offset %zu: the time is %.4g s, and a run has at most %.4g s: is "
                           "workload.origin to be \"first\"?",
                           l->reader.name, x->offset, (double)l->length * l->p->factor * 1e-9,
                           (double)LATEST_NS * 1e-9);
        if (l->reader.link != PCAP_ETHERNET && x->length < PCAP_USER_HEADER)
            return err_set(e, "%s: offset %zu: %u octets do not have the stations", l->reader.name,
                           x->offset, x->length);
        if (!ends_of(l, x, true, &src, &dst, e))
            return false;
        uint64_t count = cut(l, x, &full, &rest), most = count > 1 ? full : rest;
        if (most > UINT32_MAX || (l->d.longest > 0 && most > l->d.longest))
            return err_set(e, "%s: offset %zu: %" PRIu64 " flits are too long for the %s",
                           l->reader.name, x->offset, most, l->d.shape);
        l->frames++;
        packets += count;
    }
    l->packets = packets * (uint64_t)l->p->loops;
    return !e->set && (l->frames > 0 || err_set(e, "%s: holds no frame", l->reader.name));
}

static void destroy(void *self)
{
    struct replay *l = self;
    sim_cancel(l->sim, &l->event);
    sim_audit_unregister(l->sim, l);
    sim_population_fini(&l->population);
    traffic_pool_fini(&l->pool);
    free(l->addresses);
    free(l);
}

static void begin(struct replay *l)
{
    struct err e = ERR_INIT;
    bool good = pcap_read_begin(&l->reader, l->reader.name, l->reader.data, l->reader.length, &e) &&
                pcap_read(&l->reader, &l->record, &e);
    ASSERT_MSG(good, "the content was looked through before");
    l->log = traffic_log_open(l->files);
    l->latency = sim_measure_declare(l->sim, "latency", "s",
                                     "From a packet's creation to the delivery of its tail.",
                                     SIM_MEASURE_DEFAULT_COLUMN | SIM_MEASURE_HISTOGRAM);
    sim_population_tells(&l->population, SIM_INSIDE, l->latency);
    traffic_watch(l->net);
    for (uint32_t i = 0; i < l->d.terminals; i++)
        l->net->ops->set_terminal(l->net, i,
                                  &(struct net_terminal){ .receive = receive, .arg = l });
    sim_audit_register(l->sim, "pcap", audit, l);
    l->first = due(l);
    sim_at(l->sim, &l->event, l->first);
}

static void *create(struct sim *s, const struct direct_world *w, const void *params, struct err *e)
{
    struct replay *l = base_zalloc(1, sizeof *l);
    l->sim = s;
    l->net = w->net;
    l->p = params;
    l->files = w->out;
    l->net->ops->describe(l->net, &l->d);
    l->addresses = base_zalloc(l->d.terminals, sizeof *l->addresses);
    sim_event_init(&l->event, SIM_CLASS_SOFTWARE, fire);
    sim_population_init(&l->population, s, "pcap");
    const struct input *in = direct_file(w, l->p->file);
    bool good = pcap_read_begin(&l->reader, in->shown, in->text, in->length, e);
    if (good && l->reader.link != PCAP_ETHERNET && l->reader.link != PCAP_USER0)
        good = err_set(e, "%s: offset 20: link type %u; read are %d (Ethernet) and %d (psim's)",
                       in->shown, l->reader.link, PCAP_ETHERNET, PCAP_USER0);
    if (good && l->p->source >= (int64_t)l->d.terminals)
        good = err_set(e, "workload.source is %" PRId64 ", but the %s has the stations 0 to %u",
                       l->p->source, l->d.shape, l->d.terminals - 1);
    if (good && look_through(l, e)) {
        begin(l);
        return l;
    }
    destroy(l);
    return NULL;
}

static void finish(void *self, enum sim_end end)
{
    struct replay *l = self;
    unsigned flags = SIM_MEASURE_DEFAULT_COLUMN;
    if (l->dropped > 0)
        sim_remark(l->sim, "%" PRIu64 " packets were dropped by the network", l->dropped);
    if (l->delivered + l->dropped < l->packets)
        sim_remark(l->sim,
                   "%" PRIu64 " of %" PRIu64 " packets were delivered when the run ended (%s)",
                   l->delivered, l->packets, sim_end_name(end));
    sim_scalar(l->sim, "frames", "1", (double)l->sent, flags);
    sim_scalar(l->sim, "packets", "1", (double)l->delivered, flags);
    sim_scalar(l->sim, "makespan", "s", sim_time_seconds(l->last - l->first), flags);
    traffic_channels(l->sim);
    traffic_pairs(l->net, l->files);
    traffic_write_channels(l->net, l->files);
}

const struct direct_ops direct_pcap = {
    .kind = { .name = "pcap",
              .doc = "The frames of a capture, each at its time.",
              .params = replay_params,
              .params_size = sizeof(struct replay_params) },
    .needs_net = true,
    .create = create,
    .finish = finish,
    .destroy = destroy,
};
