/* peer_ns3_tcp.cpp: the dumbbell of bench_tcp on ns-3: a program of its own, built where ns-3's
 * headers are.  Prints segments a second of CPU time, how many, and what was delivered in what
 * simulated time.
 *
 *   peer_ns3_tcp FLOWS BYTES
 *
 * Hosts and routers have links of 100 Mb/s, the routers one of 10 Mb/s with a queue of 64 packets
 * between them; NewReno, time stamps, windows of 64 KiB, segments of 1,448 bytes of data. */
#include <cstdio>
#include <cstdlib>

#include <ns3/bulk-send-helper.h>
#include <ns3/config.h>
#include <ns3/double.h>
#include <ns3/enum.h>
#include <ns3/internet-stack-helper.h>
#include <ns3/ipv4-address-helper.h>
#include <ns3/ipv4-global-routing-helper.h>
#include <ns3/ipv4-l3-protocol.h>
#include <ns3/node-list.h>
#include <ns3/packet-sink-helper.h>
#include <ns3/packet-sink.h>
#include <ns3/point-to-point-dumbbell.h>
#include <ns3/point-to-point-helper.h>
#include <ns3/queue-size.h>
#include <ns3/string.h>
#include <ns3/tcp-congestion-ops.h>
#include <ns3/tcp-recovery-ops.h>
#include <ns3/traffic-control-helper.h>
#include <ns3/traffic-control-layer.h>
#include <ns3/uinteger.h>

#include "tests/bench/bench.h"

using namespace ns3;

namespace
{

uint64_t segments, delivered;
Time last;

void sent(const Ipv4Header &, Ptr<const Packet>, uint32_t)
{
    segments++;
}

void received(Ptr<const Packet> p, const Address &)
{
    delivered += p->GetSize();
    last = Simulator::Now();
}

PointToPointHelper link(const char *rate, const char *queue)
{
    PointToPointHelper p;
    p.SetDeviceAttribute("DataRate", StringValue(rate));
    p.SetDeviceAttribute("Mtu", UintegerValue(1500));
    p.SetChannelAttribute("Delay", StringValue("1us"));
    p.SetQueue("ns3::DropTailQueue", "MaxSize", StringValue(queue));
    return p;
}

/* The devices' own queues are the only ones. */
void no_disciplines()
{
    TrafficControlHelper none;
    for (auto node = NodeList::Begin(); node != NodeList::End(); node++) {
        auto layer = (*node)->GetObject<TrafficControlLayer>();
        for (uint32_t i = 0; i < (*node)->GetNDevices(); i++)
            if (layer->GetRootQueueDiscOnDevice((*node)->GetDevice(i)))
                none.Uninstall((*node)->GetDevice(i));
    }
}

void choose()
{
    Config::SetDefault("ns3::TcpL4Protocol::SocketType", TypeIdValue(TcpNewReno::GetTypeId()));
    Config::SetDefault("ns3::TcpL4Protocol::RecoveryType",
                       TypeIdValue(TcpClassicRecovery::GetTypeId()));
    Config::SetDefault("ns3::TcpSocketBase::Sack", BooleanValue(false));
    Config::SetDefault("ns3::TcpSocketBase::MinRto", TimeValue(MilliSeconds(300)));
    Config::SetDefault("ns3::TcpSocket::SegmentSize", UintegerValue(1448));
    Config::SetDefault("ns3::TcpSocket::DataRetries", UintegerValue(12));
    Config::SetDefault("ns3::TcpSocket::InitialCwnd", UintegerValue(2));
    Config::SetDefault("ns3::TcpSocket::SndBufSize", UintegerValue(65536));
    Config::SetDefault("ns3::TcpSocket::RcvBufSize", UintegerValue(65536));
}

} // namespace

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "peer_ns3_tcp FLOWS BYTES\n");
        return 2;
    }
    uint32_t flows = static_cast<uint32_t>(strtoul(argv[1], nullptr, 10));
    uint64_t bytes = strtoull(argv[2], nullptr, 10);
    choose();
    PointToPointHelper leaf = link("100Mbps", "1000000p"), middle = link("10Mbps", "64p");
    PointToPointDumbbellHelper d(flows, leaf, flows, leaf, middle);
    InternetStackHelper stack;
    d.InstallStack(stack);
    d.AssignIpv4Addresses(Ipv4AddressHelper("10.1.0.0", "255.255.255.0"),
                          Ipv4AddressHelper("10.2.0.0", "255.255.255.0"),
                          Ipv4AddressHelper("10.3.0.0", "255.255.255.0"));
    no_disciplines();
    for (uint32_t i = 0; i < flows; i++) {
        PacketSinkHelper sink("ns3::TcpSocketFactory",
                              InetSocketAddress(Ipv4Address::GetAny(), 5001));
        ApplicationContainer at = sink.Install(d.GetRight(i));
        at.Get(0)->TraceConnectWithoutContext("Rx", MakeCallback(&received));
        BulkSendHelper source("ns3::TcpSocketFactory",
                              InetSocketAddress(d.GetRightIpv4Address(i), 5001));
        source.SetAttribute("MaxBytes", UintegerValue(bytes));
        source.SetAttribute("SendSize", UintegerValue(8192));
        source.Install(d.GetLeft(i)).Start(MilliSeconds(1));
        d.GetLeft(i)->GetObject<Ipv4L3Protocol>()->TraceConnectWithoutContext("SendOutgoing",
                                                                              MakeCallback(&sent));
        d.GetRight(i)->GetObject<Ipv4L3Protocol>()->TraceConnectWithoutContext("SendOutgoing",
                                                                               MakeCallback(&sent));
    }
    Ipv4GlobalRoutingHelper::PopulateRoutingTables();
    double from = bench_seconds();
    Simulator::Run();
    double took = bench_seconds() - from;
    printf("%.6g segments/s, %llu sent, %llu bytes delivered in %.4g simulated s\n",
           static_cast<double>(segments) / took, static_cast<unsigned long long>(segments),
           static_cast<unsigned long long>(delivered), last.GetSeconds());
    Simulator::Destroy();
    return 0;
}
