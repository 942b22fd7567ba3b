# Streams of TCP between programs: what is told of how they share, where that is known beforehand.
. tests/system/lib.sh
value() { sed -n "/\"$1\": {/{n;s/.*\"value\": \([0-9.e+-]*\).*/\1/p}" "$T/out"; }
lies() { # MEASURE LEAST MOST
    awk -v x="$(value "$1")" -v a="$2" -v b="$3" 'BEGIN { exit !(x != "" && x >= a && x <= b) }' || fail "$1 is $(value "$1"), not from $2 to $3"
}

# Windows of two segments never fill the channel: each stream has a window in its round trip, of 4 ms or 16 ms and 0.3 ms
# of two segments, an acknowledgement and the gateway.  Half have all, the others a part a: (1 + a)^2 / (2 + 2 a^2).
for flows in 2 6; do
    gives 0 "$PSIM" run tcp_fairness -q --no-store --json -p case=far -p recovery=reno -p window=4KiB -p each=1 -p flows=$flows
    lies apart_share.mean 0.250 0.265
    lies fairness.mean 0.735 0.750
    lies tcp.rexmttimeo 0 0
done
# Who is late has the same window, and what came before is not looked at.
gives 0 "$PSIM" run tcp_fairness -q --no-store --json -p case=late -p recovery=reno -p window=4KiB -p each=1 -p flows=4
lies apart_share.mean 0.99 1.01
lies fairness.mean 0.999 1
# All alike: nobody is apart.
gives 0 "$PSIM" run tcp_fairness -q --no-store --json -p case=alike -p recovery=reno -p window=4KiB -p each=1 -p flows=4
lies fairness.mean 0.999 1
[ -z "$(value apart_share.mean)" ] || fail "somebody is apart"
config apart <<'END'
local c = include "tcp_fairness.lua"
c.sweep, c.figure = nil, nil
c.workload.apart = 8
return c
END
gives 2 "$PSIM" check "$T/apart.lua"
says "workload.apart is 8 of 8 flows, to one: allowed are fewer than all, to one"

# Files and messages over TCP: bytes that are written are read again, also where segments are lost.
for lan in ethernet atm; do
    gives 0 "$PSIM" run pfs_tcp -q --no-store --json -p lan=$lan -p transport=tcp -p op=write -p readback=true -p requests=4
done
gives 0 "$PSIM" run nx_tcp -q --no-store --json -p network=atm -p protocol=tcp -p workload.size=100kB -p loss=0.03
lies vdrop.dropped 1 1000

# Connections that are idle: what they take is told, of the first of a host and of one more; each is counted at both ends.
gives 0 "$PSIM" run tcp_gateways -q --no-store --json -p side=8 -p gateways=5
lies again_heap.mean 700 832
lies tcp.connects 256 256
lies idle_heap.mean 832 1664
first=$(value idle_heap.mean)
awk -v a="$first" -v b="$(value again_heap.mean)" 'BEGIN { exit !(a > b + 400) }' || fail "sessions with a host take nothing: $first"
# As much whoever shares a gateway, but for tables that double.
gives 0 "$PSIM" run tcp_gateways -q --no-store --json -p side=8 -p gateways=1
lies again_heap.mean 700 832
# Wherever TCP stands: of all domains; in a server there is a proxy of each session, of the library's only of IP's.
for placement in library server; do
    gives 0 "$PSIM" run tcp_gateways -q --no-store --json -p side=8 -p gateways=5 -p placement=$placement
    lies tcp.connects 256 256
    lies idle_heap.mean "$(awk -v a="$first" 'BEGIN { print a + 200 }')" 2432
done
lies again_heap.mean 1000 1104
gives 2 "$PSIM" check tcp_gateways -p side=2 -p gateways=5
says "workload.receivers is 5, for 4 flows: one would have none"
