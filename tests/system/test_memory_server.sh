# Memory servers through psim run: who serves, where pages go, what is dirty, spilling, who programs
# are, and what the death of a server costs under each policy.
. tests/system/lib.sh
config mem <<'EOF'
local paragon = include "machines/paragon.lua"
local backing = param("backing", "servers")
local death = param("death", "")   -- when the last compute node dies
local services = include "parts/services.lua"
local io = services.list(services.nx, services.memory { frames = 0 })
local lent = services.list(services.nx, services.lent(64), services.pfs)
local os = ({ disk = {}, io = io, lent = lent, servers = io })[backing]
return {
    machine = paragon {
        rows = 2, columns = 4, io_nodes = 1, storage = { kind = "raid3" },
        os = os,
        faults = death ~= "" and { { at = death, path = "node 6" } } or nil,
    },
    workload = {
        kind = "memory", backing = backing, clients = 2, servers = 3, size = "96KiB", sweeps = 3,
        memory = { frames = 8, replacement = "lru" }, server = { frames = 1000 },
    },
}
EOF
run() { gives "$1" "$PSIM" run "$T/mem.lua" -q --no-store "${@:2}"; }
column() { # NAME: the value of the measure in the only row
    awk -v n="$1" 'index($0, n) { for (i = split($0, h, /  +/); i; i--) if (index(h[i], n) == 1) c = i }
                   c && /^[0-9]/ { split($0, v, /  +/); print v[c]; exit }' "$T/out"
}
table() { gives 0 "$PSIM" run "$T/mem.lua" --no-store "$@"; }

for backing in servers lent io; do
    for placement in hash load; do
        for dirty in true false; do
            for exchange in 0B 8KiB; do
                run 0 -p backing=$backing -p workload.client.placement=$placement \
                    -p workload.dirty=$dirty -p workload.exchange=$exchange -p workload.clients=2
            done
        done
    done
    run 0 -p backing=$backing -p workload.clients=1
done

# Clean pages leave without a message.
table
dirty=$(column memory.page_outs)
table -p workload.dirty=false
[ "$(column memory.page_outs | cut -d. -f1)" -lt "$(echo "$dirty" | cut -d. -f1)" ] ||
    fail "clean pages are sent as often as dirty ones ($dirty)"

# Full servers refuse; with a disk behind them they spill.
run 2 -p workload.server.frames=10
grep -q "the servers have room for 30 in all" "$T/err" || fail "servers that cannot have the pages are not refused"
run 1 -p workload.server.frames=11
grep -q "program memory cannot write address 0x80[0-9a-f]*: too few frames to make progress" "$T/err" ||
    grep -q "program memory cannot read address 0x80[0-9a-f]*: too few frames to make progress" "$T/err" ||
    { cat "$T/err"; fail "full servers are not told"; }
table -p backing=io
[ "$(column memory.disk_transfers)" != 0.000 ] || fail "pages of the I/O node are not on its disk"

# A server dies: the page is lost, or comes from its mirror, or from the I/O node's disk.
run 1 -p death=8ms
grep -qE "program memory cannot [a-z]* address 0x80[0-9a-f]*: the page's server does not answer|passes no barrier: peer down" \
    "$T/err" || { cat "$T/err"; fail "a dead server is not told"; }
for policy in client.mirror backup; do
    run 0 -p death=8ms -p "workload.$policy=true"
done

# The same under shared memory: one of two dedicated servers dies.
config shared <<'EOF'
local paragon = include "machines/paragon.lua"
return {
    machine = paragon {
        rows = 2, columns = 3,
        nodes = { memory = { last = 2 } },
        os = { { service = "memory_server", on = "memory", frames = 1000 } },
        faults = { { at = "30ms", path = "node 5" } },
        graph = {
            { name = "mesh", protocol = "driver" },
            { name = "rdm", protocol = "rdm", below = { "mesh" } },
            { name = "svm", protocol = "svm", below = { "rdm" } },
            { name = "sync", protocol = "sync", below = { "rdm" } },
            { name = "blast", protocol = "blast", below = { "mesh" } },
            { name = "chan", protocol = "chan", below = { "blast" } },
            { name = "rpc", protocol = "select", below = { "chan" } },
        },
    },
    workload = {
        kind = "svm_pde", n = 20, nodes = 1, memory = { frames = 10 }, iterations = 4,
        paging = { backing = "servers", client = { mirror = param("mirror", false) } },
    },
}
EOF
gives 0 "$PSIM" run "$T/shared.lua" -q --no-store -p mirror=true
gives 1 "$PSIM" run "$T/shared.lua" -q --no-store
grep -q "node 0, kernel: program shared cannot [a-z]* address 0x[0-9a-f]*: the page's server does not answer" \
    "$T/err" || { cat "$T/err"; fail "a dead server is not told to shared memory"; }

# What a machine cannot do is said.
run 2 -p backing=disk -p workload.backing=lent
grep -q '{ service = "memory_server", on = "compute" } in machine.os' "$T/err" || { cat "$T/err"; fail "no sentence"; }
