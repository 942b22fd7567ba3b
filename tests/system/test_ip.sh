# Hosts and gateways: echoes of every length, what cannot pass, who dies, who has no way or another's address; captures as
# tshark reads them, with every checksum.
. tests/system/lib.sh
value() { sed -n "/\"$1\": {/{n;s/.*\"value\": \([0-9.e+-]*\).*/\1/p}" "$T/out"; }
is() { [ "$(value "$1")" = "$2" ] || fail "$1 is $(value "$1"), not $2"; }

gives 0 "$PSIM" run ip_gateway -q --no-store
gives 0 "$PSIM" run ip_gateway -q --no-store -p gateways=3 -p first=ethernet -p second=atm -p over=ip -p workload.size=10kB
gives 0 "$PSIM" run ip_gateway -q --no-store -p first=hippi -p mtu=576 -p over=ip -p workload.size=10kB

# All that crosses both networks of the gateway, and back: nothing malformed, every sum right.
gives 0 "$PSIM" run ip_ping -q --no-store --json -p 'workload.size={0B,4kB,60kB}' --pcap "$T/a.pcap:.net1" --pcap "$T/b.pcap:.net2"
command -v tshark >/dev/null || fail "tshark is missing: scripts/setup --test"
for f in "$T"/[ab]*.pcap*; do
    tshark -r "$f" -o ip.check_checksum:TRUE -T fields -e ip.checksum.status -e icmp.checksum.status -e _ws.malformed 2>/dev/null | sort | uniq -c >"$T/sums"
    [ "$(awk '{ n += $1 } END { print n + 0 }' "$T/sums")" -gt 20 ] || { cat "$T/sums"; fail "$f: too few frames"; }
    ! grep -qE '(^| )0|malformed' <(sed 's/^ *[0-9]* *//' "$T/sums") || { cat "$T/sums"; fail "$f: a wrong sum"; }
done

# One node alone, and two: the first echo finds no station known, and all its fragments wait for one.
config pair <<'END'
local machine = (include "parts/internet.lua").row { networks = { "ethernet" }, hosts = param("hosts", 2) }
return { machine = machine, workload = { kind = "ping", partner = param("hosts", 2) - 1, count = 3, size = "60kB" } }
END
for hosts in 1 2; do
    gives 0 "$PSIM" run "$T/pair.lua" -q --no-store --json -p hosts=$hosts
    is lost.mean 0.0
done

# What must not be cut: the gateway says so, and then nobody has to.
gives 0 "$PSIM" run ip_ping --no-store -p dont_fragment=true -p workload.size=4kB
grep -q 'echo 1 to the node of rank 3: long' "$T/out" "$T/err" || fail "nobody says that the echo is too long"
gives 0 "$PSIM" run ip_ping -q --no-store --json -p dont_fragment=true -p workload.size=4kB
is lost.mean 1.0
is ip.dont_fragment 1.0

config dies <<'END'
local c = include "ip_ping.lua"
c.sweep, c.expectations, c.figure = nil, nil, nil
c.machine.faults = { { path = param("who", "node 4"), at = param("at", "30ms"), after = param("after", "200ms") } }
c.workload.count, c.workload.interval, c.workload.wait = param("count", 40), "10ms", param("wait", "20ms")
return c
END
gives 0 "$PSIM" run "$T/dies.lua" -q --no-store --json
awk -v lost="$(value lost.mean)" 'BEGIN { exit !(lost > 0.1 && lost < 0.9) }' || fail "the gateway died: $(value lost.mean) are lost"
# Nobody knows its station when it dies: the gateway asks in vain, and says so.
gives 0 "$PSIM" run "$T/dies.lua" --no-store -p who="node 3" -p at=1us -p after=100s -p wait=10s -p count=2
grep -q 'echo 1 to the node of rank 3: unreachable' "$T/out" "$T/err" || { cat "$T/out"; fail "nobody says that the host is unreachable"; }

config lost <<'END'
local c, what = include "ip_ping.lua", param("what", "route")
for _, i in ipairs(c.machine.graph) do
    if i.protocol == "ip" and what == "route" then i.routes = nil end
    if i.protocol == "ip" and what == "gateway" then i.routes[1].via = "10.9.0.1" end
    if i.name == "arp1" and what == "twice" then i.hosts = { { node = 0, address = "10.1.0.2" } } end
    if i.name == "arp1" and what == "taken" then i.nodes, i.hosts = nil, { { node = 0, address = "10.1.0.2" } } end
end
return c
END
gives 1 "$PSIM" run "$T/lost.lua" -q --no-store -p workload.size=0B
says "there is no way to the node of rank 3: no peer"
gives 2 "$PSIM" run "$T/lost.lua" -q --no-store -p what=gateway
says "no network below has a host 10.9.0.1"
gives 2 "$PSIM" run "$T/lost.lua" -q --no-store -p what=twice
says "node 1 has 10.1.0.2, for it is the address number 2"
gives 1 "$PSIM" run "$T/lost.lua" -q --no-store -p what=taken -p workload.size=0B
says "node 1 and node 0, of hosts, have one address: 10.1.0.2"

# Where TCP and UDP stand: the same bytes by every placement, delivery and network (the workloads compare them).
gives 0 "$PSIM" run tcp_networks -q --no-store -p "placement={kernel,library_ipc,library_ring,library_ring_driver,server_ipc,server_ring,server_ring_driver}" -p workload.bytes=200kB
# A ring with few slots overflows, and TCP sends again.
gives 0 "$PSIM" run tcp_networks -q --no-store --json -p network=fddi -p placement=library_ring -p protocol=tcp -p slots=2
awk -v n="$(value app.overflowed)" -v again="$(value tcp.sndrexmitpack)" 'BEGIN { exit !(n > 10 && again > 0) }' ||
    fail "$(value app.overflowed) found no slot, $(value tcp.sndrexmitpack) were sent again"

# What a filter cannot say, and where IP cannot stand.
config filters <<'END'
local placements = include "parts/placements.lua"
local m = placements.machine { placement = "library_ring", protocol = "udp" }
for _, i in ipairs(m.graph) do
    if i.name == "ip_lib" then i.filter = param("filter", "udp") end
    if i.name == "ip_lib" and param("below", "filter") ~= "filter" then i.below = { param("below", "filter") } end
end
m.domains.app.transfer = param("transfer", "ipc")
return { machine = m, workload = placements.workload("udp") }
END
gives 0 "$PSIM" run "$T/filters.lua" -q --no-store -p "filter=udp and not src host 10.0.0.9 and ip[6:2] & 0x1fff = 0"
gives 2 "$PSIM" check "$T/filters.lua" -p "filter=udp and prot 7"
says "machine.graph[5].filter: the filter 'udp and prot 7' has 'prot', which is no test, did you mean 'proto'?"
gives 2 "$PSIM" check "$T/filters.lua" -p "filter=udp port 70000"
says "has '70000' where a port, a number up to 65535, is wanted"
gives 2 "$PSIM" check "$T/filters.lua" -p below=arp
says "allowed is an instance of 'filter' between them"
gives 2 "$PSIM" check "$T/filters.lua" -p transfer=rings
says "did you mean 'ring'?"
