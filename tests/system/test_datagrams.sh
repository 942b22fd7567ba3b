# Requests and answers over sockets of datagrams, with UDP in the kernel, in a server, lent to the library.
. tests/system/lib.sh
value() { sed -n "/\"$1\": {/{n;s/.*\"value\": \([0-9.e+-]*\).*/\1/p}" "$T/out"; }
is() { # MEASURE LEAST [MOST]
    awk -v x="$(value "$1")" -v a="$2" -v b="${3:-$2}" 'BEGIN { exit !(x != "" && x >= a && x <= b) }' || fail "$1 is $(value "$1"), not $2"
}
for placement in kernel server library; do
    gives 0 "$PSIM" run datagrams -q --no-store --json -p placement=$placement -p reply=3KiB -p requests=16 -p each=4
    is round.count 16
    is again.mean 0
done
# In the window the port of each socket has moved there and back, and the server sees no datagram.
is sock.ports_lent 4
is sock.ports_returned 4
is udp.sent 0
is udp.received 0
is udp_lib.sent 32
# Many at two ports whose sockets have room for one request: what is dropped there is asked again.
config crowd <<'END'
local paragon = include "machines/paragon.lua"
return {
    machine = paragon {
        rows = 3, columns = 4, release = "SUNMOS-1.6",
        graph = {
            { name = "eth", protocol = "eth" },
            { name = "arp", protocol = "arp", below = { "eth" } },
            { name = "ip", protocol = "ip", below = { "arp" } },
            { name = "udp", protocol = "udp", below = { "ip" } },
            { name = "sock", protocol = "sock", below = { "udp" }, datagrams = "950B" },
        },
    },
    workload = { kind = "datagrams", clients = 10, ports = 2, requests = 100, request = "500B", reply = "900B", wait = "250us", tries = 60,
                 connected = param("connected", true) },
}
END
for connected in true false; do
    gives 0 "$PSIM" run "$T/crowd.lua" -q --no-store --json -p connected=$connected
    is round.count 900 1000
    is again.mean 0.4 1.2
    is sock.datagrams_dropped 400 1200
    is sock.selects 1500 3000
done
# A program that dies with its domain: who asks is told by ICMP, who answers does not care.
for node in 0 1; do
    config dies <<END
local c = include "datagrams.lua"
c.machine.faults = { { path = "node $node domain app", at = "50ms" } }
return c
END
    gives $((1 - node)) "$PSIM" run "$T/dies.lua" -q --no-store -p placement=library -p reply=64B -p requests=100
    [ $node = 1 ] || says "a request is answered ECONNREFUSED"
done
