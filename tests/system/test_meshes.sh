# Meshes of awkward shape run; those that make no sense are refused by a sentence.
. tests/system/lib.sh
config m <<'END'
return {
    mesh = { kind = param("mesh.kind", "worm"), rows = 3, columns = 5 },
    workload = { kind = "mesh_load", load = 0.1, warmup = "2us", measure = "20us" },
}
END
run() { "$PSIM" run "$T/m.lua" -q --no-store "$@"; }
gives 2 run -p mesh.rows=0;                        says "mesh.rows is 0 but must be from 1 to"
gives 2 run -p mesh.rows=-3;                       says "mesh.rows is -3"
gives 2 run -p mesh.rows=65536 -p mesh.columns=65536; says "nodes are allowed"
gives 2 run -p workload.pattern=transpose;         says "needs a square grid, not a 3x5 mesh"
gives 2 "$PSIM" check "$T/m.lua" -p workload.pattern=transpose; says "needs a square grid"
gives 2 run -p workload.pattern=bit_reversal;      says "a power of two of terminals, not 15"
gives 2 run -p workload.pattern=hot_spot;          says "did you mean 'hotspot'?"
gives 2 run -p workload.load=0;                    says "workload.load is 0 but must be from"
gives 2 run -p workload.load=3 -p workload.packet_flits=1; says "more than one packet of 1 flits"
gives 2 run -p workload.packet_flits=2000000;      says "must be from 1 to 1048576"
gives 2 run -p mesh.route=odd_even;                says "needs kind \"flit\""
gives 2 run -p mesh.torus=true;                    says "has no torus"
gives 2 run -p mesh.kind=flit -p mesh.torus=true;  says "at least 2 virtual channels"
gives 0 run -p workload.packet_flits=1000000
grep -q "no packet was generated" "$T/err" || fail "an empty window is not told"
# A sentence names the line of what does not fit.
config lines <<'END'
return {
    mesh = { kind = "worm", rows = 3, columns = 5,
             route = "west_first" },
    workload = { kind = "mesh_load",
                 pattern = "transpose" },
}
END
gives 2 "$PSIM" run "$T/lines.lua" --no-store;     says "lines.lua:3: mesh.route: "
sed -i s/west_first/yx/ "$T/lines.lua"
gives 2 "$PSIM" run "$T/lines.lua" --no-store;     says "lines.lua:5: workload.pattern: "
# Traces: unsorted times are fine, everything else is named with its line.
config trace <<'END'
return {
    mesh = { kind = "worm", rows = 3, columns = 5 },
    workload = { kind = "mesh_list", file = "trace.txt" },
}
END
trace() { printf "$1" >"$T/trace.txt"; }
bad() { gives 2 "$PSIM" run "$T/trace.lua" --no-store; says "$1"; }
trace '20ns 0 5 8\n10ns, 1, 5, 8\n\n0 3 3 1 # to itself\n'
gives 0 "$PSIM" run "$T/trace.lua" -q --no-store
grep -q ' 3.000 ' "$T/out" || fail "not three packets"
trace '';                     bad "there is no packet: give file or packets"
trace '1ns 0 1 1\n20 0 1 1'; bad "trace.txt:2: '20' is not a time: it has no unit"
trace '1ns 0 15 1';           bad "trace.txt:1: '15' is not a terminal: 0 to 14 are"
trace '1ns 0 1';              bad "trace.txt:1: a line has four fields"
rm "$T/trace.txt";            bad "trace.lua:3: workload.file: there is no file"
mkdir "$T/trace.txt";         bad "is a folder"
gives 2 run -p mesh.kind=wurm;                     says "did you mean 'worm'?"
for kind in worm ideal flit; do
    gives 0 run -p mesh.kind=$kind
    gives 0 run -p mesh.kind=$kind -p mesh.rows=1 -p mesh.columns=1 -p workload.self_sends=true
    gives 2 run -p mesh.kind=$kind -p mesh.rows=1 -p mesh.columns=1
    says "workload.self_sends: a network of one terminal"
    gives 0 run -p mesh.kind=$kind -p mesh.rows=1 -p mesh.columns=7
    gives 0 run -p mesh.kind=$kind -p mesh.rows=13 -p mesh.columns=1
done
# A cable: what does not fit is told before the run; packets that a full cable gives up are told after it.
config cable <<'END'
return {
    mesh = { kind = "ethernet", stations = 24, length = 500 },
    workload = { kind = "mesh_load", load = 1.2, load_unit = "capacity", packet_flits = 64, measure = "300ms" },
}
END
cable() { "$PSIM" run "$T/cable.lua" -q --no-store "$@"; }
gives 2 cable -p mesh.length=6000;                 says "mesh.length: on 6000 m a collision may come after the slot"
gives 2 cable -p workload.packet_flits=1519;       says "packets of 1519 flits are too long for the cable of 500 m with 24 stations: up to 1518 are allowed"
gives 2 cable -p workload.pattern=transpose;       says "needs a grid, not a cable of 500 m with 24 stations"
gives 0 cable
grep -q "packets were dropped by the network" "$T/err" || fail "the loss is not told"
gives 0 "$PSIM" run ethernet_pingpong --no-store -q --json
awk '$1 == "\"rdm.acks\":" { getline; gsub(/[^0-9.]/, "", $2); n += $2 } END { exit !(n > 100) }' "$T/out" ||
    fail "rdm believes that an ethernet loses nothing"
gives 2 "$PSIM" run ethernet_pingpong -p machine.nic.packet_bytes=1501B --no-store
says "are 1519 flits, but a packet on the cable of 500 m with 8 stations has up to 1518: allowed are 1500 bytes"
# A ring: what does not fit is told before the run.
config ring <<'END'
return {
    mesh = { kind = "fddi", stations = 100, tokens_lost = { "3ms", "20ms" } },
    workload = { kind = "mesh_load", load = 0.5, load_unit = "capacity", packet_flits = 1000, measure = "50ms" },
}
END
ring() { "$PSIM" run "$T/ring.lua" -q --no-store "$@"; }
gives 2 ring -p mesh.length=700;                   says "mesh.tvx: ring latency and the longest frame take"
gives 2 ring -p mesh.length=900 -p mesh.ttrt=4ms;  says "mesh.ttrt: synchronous allocations, ring latency, 100 tokens and the longest frame"
gives 2 ring -p mesh.ttrt=3ms;                     says "mesh.ttrt"
gives 2 ring -p workload.packet_flits=4501;        says "up to 4500 are allowed"
gives 0 ring --json
awk '$1 == "\"network.claims\":" { getline; exit $0 !~ /2/ }' "$T/out" || fail "two lost tokens are not two claims"
# Cells: what the graph cannot be is told before the run; what queues lose is told after it.
config cells <<'END'
return {
    mesh = { kind = "atm", stations = 6, switches = 2, trunks = { { 0, 1 } } },
    workload = { kind = "mesh_load", load = 1.2, load_unit = "capacity", packet_flits = 1500, measure = "100ms" },
}
END
cells() { "$PSIM" run "$T/cells.lua" -q --no-store "$@"; }
gives 2 cells -p mesh.switches=3;                  says "mesh.trunks: there is no way from switch 2 to switch 0"
gives 2 cells -p mesh.switches=1;                  says "mesh.trunks: a trunk joins two switches, numbers from 0 to 0"
gives 2 cells -p mesh.rate=oc4;                    says "oc3c"
gives 2 cells -p workload.packet_flits=65536
says "packets of 65536 flits are too long for the ATM network of 6 stations, 2 switches: up to 65535 are allowed"
gives 2 cells -p workload.slot=1501 -p workload.load=3;  says "more than one packet of 1500 flits in each slot of 1501"
gives 0 cells
grep -q "packets were dropped by the network" "$T/err" || fail "the loss of cells is not told"
# Its trunks are a list among the parameters of a machine's network, which is there when that is made.
gives 0 "$PSIM" run atm_pingpong --no-store -q
# Circuits: what was refused too often is told.
config circuits <<'END'
return {
    mesh = { kind = "hippi", stations = 8, camp_on = false, attempts = 3 },
    workload = { kind = "mesh_load", load = 0.9, packet_flits = 5000, process = "poisson", measure = "30ms" },
}
END
circuits() { "$PSIM" run "$T/circuits.lua" -q --no-store "$@"; }
gives 2 circuits -p mesh.credits=0;                says "mesh.credits"
gives 2 circuits -p mesh.setup=0;                  says "mesh.setup"
gives 0 circuits
grep -q "packets were dropped by the network" "$T/err" || fail "the loss is not told"
gives 0 circuits -p mesh.attempts=0
grep -q "were dropped by the network" "$T/err" && fail "who asks for ever loses packets"
# Chips: their queue has room for a packet or is none, and packets are short.
config chips <<'END'
return { mesh = { kind = "sp", stations = 40 }, workload = { kind = "mesh_batch", packets = 9, packet_flits = 251 } }
END
chips() { "$PSIM" run "$T/chips.lua" -q --no-store "$@"; }
gives 2 chips -p mesh.chunks=31;                   says "mesh.chunks: the central queue takes whole packets"
gives 2 chips -p mesh.routes=fxed;                 says "did you mean 'fixed'"
gives 2 chips -p workload.packet_flits=252
says "too long for the SP switch with 40 stations: up to 251 are allowed"
gives 0 chips
# A switch: the same, and what a full output loses.
config switch <<'END'
return {
    mesh = { kind = "switched", stations = 8, queue_frames = 2 },
    workload = { kind = "mesh_load", load = 0.9, packet_flits = 500, process = "poisson", measure = "300ms" },
}
END
switch() { "$PSIM" run "$T/switch.lua" -q --no-store "$@"; }
gives 2 switch -p mesh.duplex=half -p mesh.length=4900
says "mesh.length: on 4900 m a collision may come after the slot"
gives 2 switch -p mesh.duplex=ful;                 says "did you mean 'full'"
gives 2 switch -p workload.packet_flits=1519;      says "too long for the switch with 8 stations: up to 1518 are allowed"
gives 0 switch
grep -q "packets were dropped by the network" "$T/err" || fail "the loss is not told"
gives 0 switch -p mesh.duplex=half -p mesh.queue_frames=0
# The digest of the exact model and of its reference are the same.
gives 0 run --json -p mesh.kind=worm; digests "$T/out" >"$T/a"
gives 0 run --json -p mesh.kind=flit; digests "$T/out" >"$T/b"
cmp "$T/a" "$T/b" || fail "worm and flit differ"
