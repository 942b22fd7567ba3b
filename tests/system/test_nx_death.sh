# A node dies under message passing, through psim run, over the mesh and over a network that loses: every call
# ends with a status, however soon the node is back, and never in a deadlock.  The same over records of TCP.
#   NX_DEATHS="1ms 2ms ..."    other moments (scripts/soak-crash)
. tests/system/lib.sh
config death <<'EOF'
local paragon = include "machines/paragon.lua"
local faults, at = param("faults", 0.0), param("at", "")
local graph = {
    { name = "mesh", protocol = "driver" },
    { name = "vdrop", protocol = "vdrop", below = { "mesh" },
      drop = faults, duplicate = faults, delay = faults, delay_max = "2ms" },
    { name = "rdm", protocol = "rdm", below = { "vdrop" } },
    { name = "nx", protocol = "nx", below = { "rdm" } },
}
if param("tcp", false) then
    graph = {
        { name = "eth", protocol = "eth" },
        { name = "arp", protocol = "arp", below = { "eth" }, retry = "1ms" },
        { name = "ip", protocol = "ip", below = { "arp" } },
        { name = "vdrop", protocol = "vdrop", below = { "ip" },
          drop = faults, duplicate = faults, delay = faults, delay_max = "2ms" },
        { name = "tcp", protocol = "tcp", below = { "vdrop" }, rto_first = "20ms", rto_min = "20ms",
          tick = "5ms", ack_delay = "5ms" },
        { name = "record", protocol = "record", below = { "tcp" } },
        { name = "nx", protocol = "nx", below = { "record" } },
    }
end
local m = paragon {
    rows = 2, columns = 2, graph = graph,
    faults = at ~= "" and { { at = at, path = "node " .. param("node", 1), after = param("after", "0s") } } or nil,
}
m.restart_programs = param("again", false)
return { machine = m, workload = { kind = "pingpong", partner = 1, size = param("size", "1kB"),
        rounds = 1000 } }
EOF
run() { gives "$1" "$PSIM" run "$T/death.lua" -q --no-store "${@:2}"; }

# Short: mostly none is under way; long: mostly one is.
for network in "0.0 1kB false" "0.05 100kB false" "0.05 1kB true" "0.0 100kB true"; do
    set -- $network
    faults=$1 size=$2 tcp=$3
    for at in ${NX_DEATHS:-12ms}; do
        for death in "0 0s" "1 0s" "1 2s" "0 1ms -p again=true" "1 1ms -p again=true" "1 100ms -p again=true"; do
            set -- $death
            run 1 -p faults=$faults -p size=$size -p tcp=$tcp -p at="$at" -p node="$1" -p after="${@:2:1}" "${@:3}"
            grep -qE "node [0-9]+, kernel: (the echo failed: peer down|rank 1 could not echo)" "$T/err" ||
                { cat "$T/err"; fail "faults $faults, death of node $1 at $at, back after $2: no status"; }
        done
    done
done

# What was lost and sent again is told.
gives 0 "$PSIM" run nx_lossy -q --no-store --json -p faults=0.2 -p workload.size=1kB
grep -q '"rdm.resent' "$T/out" || fail "what was sent again is not told"
