/* live_net.c: network interfaces of a live node: TAPs and sockets, and the ends on them. */
#include "models/live/live_internal.h"

#include <endian.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <poll.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "sim/base/pcap.h"

#define UP_TRIES 2000 /* a millisecond each */

static const uint8_t all[6] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

/* ---- making them ---- */

static struct live_if *if_new(struct live *l, const char *network, int fd, uint32_t mtu)
{
    ASSERT(l->if_count < LIVE_IFS_MAX && mtu <= LIVE_FRAME_MAX && !l->running);
    struct live_if *f = &l->ifs[l->if_count++];
    f->live = l;
    f->fd = fd;
    f->info.mtu = mtu;
    size_t n = strlen(network);
    memcpy(f->info.name, network, n < sizeof f->info.name ? n : sizeof f->info.name - 1);
    list_init(&f->refused);
    return f;
}

/* The host's end: its address, the longest frame, and up. */
static bool host_end(const char *device, uint32_t host, uint32_t mtu)
{
    struct ifreq r = { .ifr_mtu = 0 };
    uint32_t wire = htobe32(host);
    int s = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (s < 0)
        return false;
    memcpy(r.ifr_name, device, strlen(device));
    r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
    r.ifr_hwaddr.sa_data[0] = 2;
    memcpy(r.ifr_hwaddr.sa_data + 2, &wire, sizeof wire);
    bool good = ioctl(s, SIOCSIFHWADDR, &r) == 0;
    r.ifr_mtu = (int)(mtu - LIVE_ETHERNET);
    good = good && ioctl(s, SIOCSIFMTU, &r) == 0 && ioctl(s, SIOCGIFFLAGS, &r) == 0;
    r.ifr_flags |= IFF_UP;
    good = good && ioctl(s, SIOCSIFFLAGS, &r) == 0;
    /* The kernel sends nothing there before it has seen that somebody is at this end. */
    for (int i = 0; i < UP_TRIES && good && !(r.ifr_flags & IFF_RUNNING); i++) {
        poll(NULL, 0, 1);
        good = ioctl(s, SIOCGIFFLAGS, &r) == 0;
    }
    good = good && ioctl(s, SIOCSIFFLAGS, &r) == 0; /* waits for what the kernel does about that */
    int code = errno;
    close(s);
    errno = code;
    return good;
}

bool live_tap(struct live *l, const char *network, const char *device, uint32_t station,
              uint32_t host, uint32_t mtu, struct err *e)
{
    struct ifreq r = { .ifr_flags = IFF_TAP | IFF_NO_PI };
    if (strlen(device) >= sizeof r.ifr_name || device[0] == '\0')
        return err_set(e, "'%s' is no name of an interface: 1 to %zu characters", device,
                       sizeof r.ifr_name - 1);
    memcpy(r.ifr_name, device, strlen(device));
    if (if_nametoindex(device) == 0) /* TUNSETIFF would make one that nobody has an address on */
        return err_set(e, "there is no TAP '%s': 'ip tuntap add dev %s mode tap' makes it", device,
                       device);
    int fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
    if (fd < 0)
        return err_set(e, "/dev/net/tun cannot be opened: %s", strerror(errno));
    if (ioctl(fd, TUNSETIFF, &r) != 0 || !host_end(device, host, mtu)) {
        err_set(e, "the TAP '%s' cannot be had: %s", device, strerror(errno));
        close(fd);
        return false;
    }
    struct live_if *f = if_new(l, network, fd, mtu);
    f->tap = true;
    f->info.station = station;
    f->info.broadcast = true;
    f->info.ordered = true;
    return true;
}

void live_socket(struct live *l, const char *network, int fd, uint32_t peer, uint32_t mtu,
                 bool reliable)
{
    ASSERT(peer < l->o.nodes && peer != l->o.node);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    struct live_if *f = if_new(l, network, fd, mtu);
    f->peer = peer;
    f->info.station = l->o.node;
    f->info.reliable = f->info.ordered = reliable;
    f->info.broadcast = true;
}

void live_if_close(struct live_if *f)
{
    if (f->fd >= 0)
        close(f->fd);
    f->fd = -1;
}

uint32_t port_if_count(const struct port *p)
{
    return p->live->if_count;
}

void port_if_describe(const struct port *p, uint32_t ifc, struct port_if_info *out)
{
    ASSERT(ifc < p->live->if_count);
    *out = p->live->ifs[ifc].info;
}

/* Of a TAP nobody says who is on the wire. */
bool port_if_station(const struct port *p, uint32_t ifc, uint32_t host, uint64_t *station)
{
    ASSERT(ifc < p->live->if_count);
    const struct live_if *f = &p->live->ifs[ifc];
    *station = host == p->live->o.node ? f->info.station : host;
    return host == p->live->o.node || (!f->tap && host == f->peer);
}

bool port_if_host(const struct port *p, uint32_t ifc, uint64_t station, uint32_t *host)
{
    ASSERT(ifc < p->live->if_count);
    const struct live_if *f = &p->live->ifs[ifc];
    *host = station == f->info.station ? p->live->o.node : (uint32_t)station;
    return station == f->info.station || (!f->tap && station == f->peer);
}

/* ---- ends ---- */

struct port_end *port_end_open(struct port *task, uint32_t ifc, const struct match *m,
                               uint32_t count, const struct port_end_ops *ops, void *arg,
                               enum port_if_result *why)
{
    *why = PORT_IF_NONE;
    if (ifc >= task->live->if_count)
        return NULL;
    struct port_end *e = base_zalloc(1, sizeof *e);
    *e = (struct port_end){ .task = task, .ifc = &task->live->ifs[ifc], .ops = ops, .arg = arg };
    if (!match_add(&e->ifc->ends, &e->match, m, count)) {
        *why = PORT_IF_TAKEN;
        free(e);
        return NULL;
    }
    list_init(&e->refused);
    list_push(&task->ends, &e->link);
    *why = PORT_IF_OK;
    return e;
}

void port_end_first(struct port_end *e)
{
    match_first(&e->ifc->ends, &e->match);
}

void port_end_close(struct port_end *e)
{
    if (!e)
        return;
    live_undo(e->ready);
    match_remove(&e->ifc->ends, &e->match);
    list_remove(&e->link);
    list_remove(&e->refused);
    free(e);
}

void port_end_out(struct port_end *e, uint64_t bytes)
{
    port_work(e->task, PORT_WORK_FRAME_OUT, 1);
    port_work(e->task, PORT_WORK_FRAME_BYTES, bytes);
}

void port_end_in(struct port_end *e, uint64_t bytes)
{
    port_work(e->task, PORT_WORK_FRAME_IN, 1);
    port_work(e->task, PORT_WORK_FRAME_BYTES, bytes);
}

/* ---- frames ---- */

static void capture(const struct live *l, const uint8_t *frame, uint64_t length)
{
    if (!l->capture)
        return;
    sim_time at = live_now(l);
    uint32_t kept = length < PCAP_SNAPLEN_MAX ? (uint32_t)length : PCAP_SNAPLEN_MAX;
    pcap_frame(l->capture, at, frame, kept, (uint32_t)length);
    fflush(l->capture);
}

void live_capture(struct live *l, FILE *f)
{
    l->capture = f;
    if (f)
        pcap_begin(f, PCAP_ETHERNET, PCAP_SNAPLEN_MAX);
}

enum port_if_result port_end_send(struct port_end *e, uint64_t station, unsigned flags,
                                  struct rope *frame)
{
    struct live_if *f = e->ifc;
    struct live *l = f->live;
    size_t length = frame->length;
    uint8_t head[LIVE_HEADER];
    ASSERT(!(flags & PORT_CONTROL));
    if (length > f->info.mtu)
        return PORT_IF_TOO_LONG;
    if (!(flags & PORT_ALL) && (f->tap ? station > UINT32_MAX : station != f->peer))
        return PORT_IF_NO_STATION;
    rope_settle(frame);
    rope_read(frame, 0, length, l->frame);
    uint32_t words[2] = { htobe32(l->o.node), htobe32(flags & PORT_ALL) };
    memcpy(head, words, sizeof head);
    struct iovec parts[2] = { { head, sizeof head }, { l->frame, length } };
    struct msghdr whole = { .msg_iov = parts, .msg_iovlen = 2 };
    ssize_t sent = f->tap ? write(f->fd, l->frame, length) : sendmsg(f->fd, &whole, MSG_NOSIGNAL);
    if (sent < 0 && (errno == EAGAIN || errno == ENOBUFS)) {
        l->counts.busy++;
        if (list_empty(&e->refused))
            list_push(&f->refused, &e->refused);
        return PORT_IF_BUSY;
    }
    if (sent < 0)
        l->counts.lost++; /* as on a wire with nobody at its other end */
    l->counts.frames_out++;
    l->counts.bytes_out += length;
    capture(l, l->frame, length);
    rope_fini(frame);
    return PORT_IF_OK;
}

short live_if_events(const struct live_if *f)
{
    return list_empty(&f->refused) ? POLLIN : POLLIN | POLLOUT;
}

/* Those who were refused are told, in their order. */
void live_if_room(struct live_if *f)
{
    struct live *l = f->live;
    struct list *k;
    while ((k = list_pop(&f->refused))) {
        struct port_end *e = LIST_ENTRY(k, struct port_end, refused);
        if (!e->ops->ready || e->ready)
            continue;
        e->ready = live_due(l, DUE_READY, e->task, live_now(l));
        e->ready->u.end = e;
    }
}

static uint64_t word(const uint8_t *at)
{
    uint32_t v;
    memcpy(&v, at, sizeof v);
    return be32toh(v);
}

/* Whose frame it is, of n bytes that were read, which become the frame's alone; false: nobody's. */
static bool unwrap(const struct live_if *f, struct live_taken *t, const uint8_t **bytes, size_t *n)
{
    t->from = f->tap ? *n < LIVE_ETHERNET ? 0 : word(*bytes + 8) : f->peer;
    t->flags = 0;
    if (f->tap) {
        if (*n >= LIVE_ETHERNET && memcmp(*bytes, all, sizeof all) == 0)
            t->flags = PORT_ALL;
        return *n >= LIVE_ETHERNET && *n <= f->info.mtu;
    }
    if (*n < LIVE_HEADER || word(*bytes) != f->peer)
        return false;
    t->flags = (unsigned)word(*bytes + 4) & PORT_ALL;
    *bytes += LIVE_HEADER;
    *n -= LIVE_HEADER;
    return *n <= f->info.mtu;
}

bool live_if_take(struct live_if *f, struct live_taken *t)
{
    struct live *l = f->live;
    const uint8_t *bytes = l->frame;
    ssize_t n = read(f->fd, l->frame, LIVE_HEADER + LIVE_FRAME_MAX);
    size_t length = n > 0 ? (size_t)n : 0;
    rope_init(&t->frame);
    t->end = NULL;
    if (n < 0 && errno == ECONNREFUSED)
        return true; /* what was sent has been lost: nobody was there yet */
    if (n <= 0)
        return false;
    if (!unwrap(f, t, &bytes, &length)) {
        l->counts.bad++;
        return true;
    }
    l->counts.frames_in++;
    l->counts.bytes_in += length;
    capture(l, bytes, length);
    rope_add_bytes(&t->frame, bytes, length);
    struct match_entry *found = match_find(&f->ends, &t->frame, NULL);
    t->end = found ? CONTAINER_OF(found, struct port_end, match) : NULL;
    l->counts.nobody += !found;
    return true;
}
