# Many short connections to a server of one thread, with TCP in the kernel, in a server, lent to the library.
. tests/system/lib.sh
value() { sed -n "/\"$1\": {/{n;s/.*\"value\": \([0-9.e+-]*\).*/\1/p}" "$T/out"; }
is() { # MEASURE LEAST [MOST]
    awk -v x="$(value "$1")" -v a="$2" -v b="${3:-$2}" 'BEGIN { exit !(x != "" && x >= a && x <= b) }' || fail "$1 is $(value "$1"), not $2"
}
for placement in kernel server library; do
    gives 0 "$PSIM" run tcp_sessions -q --no-store --json -p placement=$placement -p sessions=5 -p reply=3KiB
    is session.count 5
done
# In the window each end of each connection has moved there and back, and the server sends no byte of it.
is sock.lent 10
is sock.returned 10
is tcp.sndbyte 0
is tcp.lost 0
# Several at once: the window is all that the clients do.
config at_once <<'END'
local paragon = include "machines/paragon.lua"
return {
    machine = paragon {
        rows = 2, columns = 3, release = "SUNMOS-1.6",
        graph = {
            { name = "eth", protocol = "eth" },
            { name = "arp", protocol = "arp", below = { "eth" } },
            { name = "ip", protocol = "ip", below = { "arp" } },
            { name = "tcp", protocol = "tcp", below = { "ip" } },
            { name = "sock", protocol = "sock", below = { "tcp" } },
        },
    },
    workload = { kind = "tcp_sessions", clients = 5, sessions = 20, request = "5KiB", reply = "20KiB" },
}
END
gives 0 "$PSIM" run "$T/at_once.lua" -q --no-store --json
is session.count 100
is sock.selects 100 1000
# A program that dies with its domain: the server, which lives, answers its peer by a reset, sooner or when that is probed.
for node in 0 1; do
    config dies <<END
local c = include "tcp_sessions.lua"
c.machine.faults = { { path = "node $node domain app", at = "50ms" } }
return c
END
    gives 1 "$PSIM" run "$T/dies.lua" -q --no-store -p placement=library -p reply=8KiB
    says "is answered ECONNRESET"
done
