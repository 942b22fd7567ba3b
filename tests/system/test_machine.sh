# A machine: bad shapes are refused, the digest depends on nothing that must not matter.
. tests/system/lib.sh
config hello <<'END'
local paragon = include "machines/paragon.lua"
return {
    machine = paragon { rows = 4, columns = 4 },
    workload = { kind = "pingpong", rounds = 3 },
}
END
run() { "$PSIM" run "$T/hello.lua" -q --no-store "$@"; }
gives 2 run -p machine.rows=0;                     says "machine.rows is 0 but must be from 1 to"
gives 2 run -p machine.rows=1 -p machine.columns=1; says "psim: "
gives 2 run -p machine.io_nodes=99;                says "machine.io_nodes is 99"
gives 2 run -p machine.network.model=wurm;         says "did you mean 'worm'?"
gives 2 run -p machine.network.rwos=3;             says "did you mean 'machine.network.rows'?"
gives 2 run -p machine.colums=3;                   says "did you mean 'machine.columns'?"
gives 2 run -p workload.kind=event_ring;           says "drives a bare mesh or devices, not a machine"
gives 2 "$PSIM" check "$T/hello.lua" -p machine.rows=0;     says "machine.rows is 0"
gives 0 run -p machine.rows=3 -p machine.columns=5
gives 0 run --json;                                digests "$T/out" >"$T/a"
gives 0 run --json;                                digests "$T/out" >"$T/b"
gives 0 run --json --flatten;                      digests "$T/out" >"$T/c"
gives 0 run --json --trace "$T/t.json";            digests "$T/out" >"$T/d"
[ -s "$T/t.json" ] || fail "no trace"
for other in b c d; do cmp "$T/a" "$T/$other" || fail "digests differ: $other"; done
gives 0 run --json -p machine.rows=5;              digests "$T/out" >"$T/e"
gives 0 "$PSIM" check "$T/hello.lua" --resolved
grep -q '^machine.network.rows = 4$' "$T/out" || fail "the network's shape is not the machine's"
# A sentence of a builder, which knows only the name, gets the line where the name is written.
config line <<'END'
return {
    machine = { rows = 2, columns = 2,
                io_nodes = 7 },
    workload = { kind = "pingpong" },
}
END
gives 2 "$PSIM" check "$T/line.lua";               says "line.lua:3: machine.io_nodes is 7"
gives 2 "$PSIM" run "$T/line.lua" --no-store;      says "line.lua:3: machine.io_nodes is 7"
# The formula of hello follows the prices and rates that are set from outside.
hello() { gives 0 "$PSIM" run hello -q --no-store -p workload.partner=15 "$@"; }
hello -p machine.prices.send.each=20us -p machine.prices.scale=2.5
hello -p machine.prices.frame_bytes.rate=100MB/s -p machine.nic.dma_rate=90MB/s -p machine.prices.receive.fixed=1500ns
# A preset refuses what it would not look at, where the configuration calls it.
config preset <<'END'
local paragon = include "machines/paragon.lua"
return {
    machine = paragon { rows = 2, columns = 2, network = { model = "ideal" } },
    workload = { kind = "pingpong" },
}
END
gives 2 "$PSIM" check "$T/preset.lua";             says "preset.lua:3: paragon has no option 'network'; it has"
