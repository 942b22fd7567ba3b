/* netstat.c: see netstat.h.
 *
 * The sentences are those of usr.bin/netstat/inet.c of 4.4BSD, in its order, as far as there is a
 * counter; what it has not stands at the end of a section.
 */
#include "cli/live/netstat.h"

/* In `words` each # is the next counter, and each $ the plural of the number before it. */
struct line {
    const char *words;
    const char *counters[2]; /* without the section's name */
};

static const struct line ip_lines[] = {
    { "\t# total packet$ received", { "received" } },
    { "\t\t# bad header checksum$", { "bad_checksum" } },
    { "\t\t# with bad header", { "bad_header" } },
    { "\t\t# with data length < header length", { "bad_length" } },
    { "\t\t# from an address that cannot be", { "bad_address" } },
    { "\t\t# fragment$ received", { "fragments_in" } },
    { "\t\t# fragment$ dropped (dup or out of space)", { "reassembly_overflows" } },
    { "\t\t# fragment$ dropped after timeout", { "reassembly_timeouts" } },
    { "\t\t# packet$ reassembled ok", { "reassembled" } },
    { "\t\t# packet$ for this host", { "delivered" } },
    { "\t\t# packet$ for unknown/unsupported protocol", { "unknown_protocol" } },
    { "\t\t# packet$ forwarded", { "forwarded" } },
    { "\t\t# packet$ not forwardable", { "not_mine" } },
    { "\t# packet$ sent from this host", { "sent" } },
    { "\t\t# output packet$ dropped due to no bufs, etc.", { "out_lost" } },
    { "\t\t# output packet$ discarded due to no route", { "out_no_route" } },
    { "\t\t# output datagram$ fragmented", { "fragmented" } },
    { "\t\t# fragment$ created", { "fragments_out" } },
    { "\t\t# datagram$ that can't be fragmented", { "dont_fragment" } },
    { NULL, { NULL } },
};

static const struct line icmp_lines[] = {
    { "\t# echo$ sent", { "requests" } },
    { "\t\t# answer$ received", { "answers" } },
    { "\t\t# error$ about them", { "failed" } },
    { "\t# message response$ generated", { "answered" } },
    { "\t# bad checksum$", { "bad_checksum" } },
    { "\t# message$ < minimum length, or no echo", { "bad" } },
    { NULL, { NULL } },
};

static const struct line tcp_lines[] = {
    { "\t# packet$ sent", { "sndtotal" } },
    { "\t\t# data packet$ (# byte$)", { "sndpack", "sndbyte" } },
    { "\t\t# data packet$ (# byte$) retransmitted", { "sndrexmitpack", "sndrexmitbyte" } },
    { "\t\t# ack-only packet$ (# delayed)", { "sndacks", "delack" } },
    { "\t\t# URG only packet$", { "sndurg" } },
    { "\t\t# window probe packet$", { "sndprobe" } },
    { "\t\t# window update packet$", { "sndwinup" } },
    { "\t\t# control packet$", { "sndctrl" } },
    { "\t# packet$ received", { "rcvtotal" } },
    { "\t\t# ack$ (for # byte$)", { "rcvackpack", "rcvackbyte" } },
    { "\t\t# duplicate ack$", { "rcvdupack" } },
    { "\t\t# ack$ for unsent data", { "rcvacktoomuch" } },
    { "\t\t# packet$ (# byte$) received in-sequence", { "rcvpack", "rcvbyte" } },
    { "\t\t# completely duplicate packet$ (# byte$)", { "rcvduppack", "rcvdupbyte" } },
    { "\t\t# old duplicate packet$", { "pawsdrop" } },
    { "\t\t# packet$ with some dup. data (# byte$ duped)", { "rcvpartduppack", "rcvpartdupbyte" } },
    { "\t\t# out-of-order packet$ (# byte$)", { "rcvoopack", "rcvoobyte" } },
    { "\t\t# packet$ (# byte$) of data after window", { "rcvpackafterwin", "rcvbyteafterwin" } },
    { "\t\t# window probe$", { "rcvwinprobe" } },
    { "\t\t# window update packet$", { "rcvwinupd" } },
    { "\t\t# packet$ received after close", { "rcvafterclose" } },
    { "\t\t# discarded for bad checksum$", { "rcvbadsum" } },
    { "\t\t# discarded for bad header offset field$", { "rcvbadoff" } },
    { "\t\t# discarded because packet too short", { "rcvshort" } },
    { "\t# connection request$", { "connattempt" } },
    { "\t# connection accept$", { "accepts" } },
    { "\t# connection$ established (including accepts)", { "connects" } },
    { "\t# connection$ closed (including # drop$)", { "closed", "drops" } },
    { "\t# embryonic connection$ dropped", { "conndrops" } },
    { "\t# segment$ updated rtt (of # attempt$)", { "rttupdated", "segstimed" } },
    { "\t# retransmit timeout$", { "rexmttimeo" } },
    { "\t\t# connection$ dropped by rexmit timeout", { "timeoutdrop" } },
    { "\t# persist timeout$", { "persisttimeo" } },
    { "\t# keepalive timeout$", { "keeptimeo" } },
    { "\t\t# keepalive probe$ sent", { "keepprobe" } },
    { "\t\t# connection$ dropped by keepalive", { "keepdrops" } },
    { "\t# fast retransmit$", { "fastrexmit" } },
    { "\t# reset$ sent", { "sndrst" } },
    { "\t# listen queue overflow$", { "listendrop" } },
    { "\t# packet$ for no connection", { "nobody" } },
    { NULL, { NULL } },
};

static const struct line udp_lines[] = {
    { "\t# datagram$ received", { "received" } },
    { "\t\t# with bad checksum", { "bad_checksum" } },
    { "\t\t# dropped due to no socket", { "no_port" } },
    { "\t\t# delivered", { "delivered" } },
    { "\t# datagram$ output", { "sent" } },
    { NULL, { NULL } },
};

static const struct {
    const char *protocol;
    const struct line *lines;
} sections[] = {
    { "ip", ip_lines }, { "icmp", icmp_lines }, { "tcp", tcp_lines }, { "udp", udp_lines }
};

static void print_line(FILE *to, const struct live *l, const char *protocol, const struct line *x)
{
    const char *const *next = x->counters;
    uint64_t v = 0;
    for (const char *c = x->words; *c; c++) {
        char name[64];
        if (*c == '#') {
            snprintf(name, sizeof name, "%s.%s", protocol, *next++);
            bool counted = live_count(l, name, &v);
            ASSERT_MSG(counted, name);
            fprintf(to, "%llu", (unsigned long long)v);
        } else if (*c != '$') {
            fputc(*c, to);
        } else if (v != 1) {
            fputc('s', to);
        }
    }
    fputc('\n', to);
}

void netstat_print(FILE *to, const struct live *l)
{
    for (size_t i = 0; i < ARRAY_LEN(sections); i++) {
        fprintf(to, "%s:\n", sections[i].protocol);
        for (const struct line *x = sections[i].lines; x->words; x++)
            print_line(to, l, sections[i].protocol, x);
    }
}
