/* peer_ns3.cpp: the load of bench_csma on ns-3's CSMA: a program of its own, built where ns-3's
 * headers are.  Prints frames delivered a second of CPU time, how many and in what simulated time.
 *
 *   peer_ns3 cable|bridge STATIONS PERCENT
 *
 * Preamble is none of ns-3's: the gap between frames has its time as well.  Backoffs are of 802.3's
 * slots; retries are ns-3's own limit, for it counts a busy carrier as one. */
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <vector>

#include <ns3/bridge-net-device.h>
#include <ns3/csma-channel.h>
#include <ns3/csma-net-device.h>
#include <ns3/data-rate.h>
#include <ns3/drop-tail-queue.h>
#include <ns3/node.h>
#include <ns3/packet.h>
#include <ns3/simulator.h>

#include "tests/bench/frames.h"

namespace
{

struct Source {
    ns3::Ptr<ns3::CsmaNetDevice> device;
    uint64_t left, state;
};
std::vector<Source> sources;
frames_net net;
uint32_t percent;
uint64_t delivered;
ns3::Time last;

uint32_t stations()
{
    return static_cast<uint32_t>(sources.size());
}

ns3::Time gap(Source &s)
{
    return ns3::NanoSeconds(frames_gap(&s.state, net, stations(), percent));
}

void send(uint32_t from)
{
    Source &s = sources[from];
    uint32_t to = frames_to(&s.state, from, stations());
    // 14 octets of header and 4 of check sequence come to it.
    s.device->Send(ns3::Create<ns3::Packet>(FRAMES_BYTES - 18), sources[to].device->GetAddress(),
                   0x88b5);
    if (--s.left > 0)
        ns3::Simulator::Schedule(gap(s), &send, from);
}

bool receive(ns3::Ptr<ns3::NetDevice>, ns3::Ptr<const ns3::Packet>, uint16_t, const ns3::Address &)
{
    delivered++;
    last = ns3::Simulator::Now();
    return true;
}

ns3::Ptr<ns3::CsmaChannel> channel(ns3::Time delay)
{
    auto c = ns3::CreateObject<ns3::CsmaChannel>();
    c->SetAttribute("DataRate", ns3::DataRateValue(ns3::DataRate("10Mbps")));
    c->SetAttribute("Delay", ns3::TimeValue(delay));
    return c;
}

ns3::Ptr<ns3::CsmaNetDevice> attach(ns3::Ptr<ns3::Node> node, ns3::Ptr<ns3::CsmaChannel> c)
{
    auto d = ns3::CreateObject<ns3::CsmaNetDevice>();
    auto q = ns3::CreateObject<ns3::DropTailQueue<ns3::Packet>>();
    q->SetMaxSize(ns3::QueueSize("1000000p"));
    d->SetQueue(q);
    d->SetAddress(ns3::Mac48Address::Allocate());
    node->AddDevice(d);
    d->SetInterframeGap(ns3::NanoSeconds((64 + 96) * FRAMES_BIT_NS));
    d->SetBackoffParams(ns3::NanoSeconds(512 * FRAMES_BIT_NS), 1, 1023, 10, 1000);
    d->Attach(c);
    return d;
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 4) {
        fprintf(stderr, "peer_ns3 cable|bridge STATIONS PERCENT\n");
        return 2;
    }
    net = strcmp(argv[1], "cable") == 0 ? FRAMES_CABLE : FRAMES_HALF;
    uint32_t n = static_cast<uint32_t>(strtoul(argv[2], nullptr, 10));
    percent = static_cast<uint32_t>(strtoul(argv[3], nullptr, 10));
    ns3::Ptr<ns3::CsmaChannel> cable;
    ns3::Ptr<ns3::Node> middle;
    ns3::Ptr<ns3::BridgeNetDevice> bridge;
    if (net == FRAMES_CABLE) {
        cable = channel(ns3::NanoSeconds(2166)); // 500 m at 0.77 of light
    } else {
        middle = ns3::CreateObject<ns3::Node>();
        bridge = ns3::CreateObject<ns3::BridgeNetDevice>();
        middle->AddDevice(bridge);
    }
    for (uint32_t i = 0; i < n; i++) {
        auto link = cable ? cable : channel(ns3::NanoSeconds(556)); // 100 m at 0.6 of light
        auto device = attach(ns3::CreateObject<ns3::Node>(), link);
        device->SetReceiveCallback(ns3::MakeCallback(&receive));
        if (!cable)
            bridge->AddBridgePort(attach(middle, link));
        sources.push_back({ device, FRAMES_TOTAL / n, i });
    }
    for (uint32_t i = 0; i < n; i++)
        ns3::Simulator::Schedule(gap(sources[i]), &send, i);
    double from = bench_seconds();
    ns3::Simulator::Run();
    double took = bench_seconds() - from;
    printf("%.6g frames/s, %llu delivered in %.4g simulated s\n",
           static_cast<double>(delivered) / took, static_cast<unsigned long long>(delivered),
           last.GetSeconds());
    ns3::Simulator::Destroy();
    return 0;
}
