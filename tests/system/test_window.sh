# The measurement window: all figures are of it, and what cannot be had says why.
. tests/system/lib.sh
config files <<'LUA'
local paragon = include "machines/paragon.lua"
return {
  machine = paragon { rows = 4, columns = 5, io_nodes = 2, model = "ideal",
                      release = param("release", "R1.4"), storage = { kind = "raid3" } },
  workload = { kind = "pfs", op = param("workload.op", "write"), nodes = param("workload.nodes", 6),
               size = param("workload.size", "63KiB"), requests = param("workload.requests", 20),
               mode = param("workload.mode", "M_ASYNC"), warmup = param("workload.warmup", 1),
               readback = param("workload.readback", false) },
  measures = { "pfs.bandwidth", "pfs.latency" },
  sweep = param("expect", false) and { product = { ["workload.op"] = { "read" } } } or nil,
  expectations = param("expect", false) and {
    { measure = "pfs.bandwidth", min = "1MB/s" },
    { kind = "range", name = "rate", measure = "pfs.bandwidth", at = { ["workload.op"] = "read" }, min = 1e6, guard = true },
  } or nil,
}
LUA
run() { gives 0 "$PSIM" run "$T/files.lua" -q --no-store "$@"; }
# holds EXPRESSION: of the scalars s of the last result, and t of $T/short.
holds() {
    python3 - "$1" "$T/out" "$T/short" <<'PY' || fail "$1"
import json, os, sys
def read(name):
    if not os.path.exists(name):
        return {}
    return {k: v["value"] for k, v in json.load(open(name))["points"][0]["scalars"].items()}
s, t = read(sys.argv[2]), read(sys.argv[3])
sys.exit(not eval("(" + sys.argv[1] + ")"))
PY
}

# Two buses of 10 MB/s: nothing is written faster, whatever the size of the requests.
for size in 63KiB 64KiB; do
    run --json -p workload.size=$size
    holds "0 < s['pfs.bandwidth'] <= 20e6 and s['io.bandwidth'] >= 0.9 * s['pfs.bandwidth']"
    holds "0.3 < s['arm.busiest'] <= 1 and s['bus.busiest'] <= 1"
done
run -p workload.sync=none
grep -q "only the file system's memory has counts as written" "$T/err" || fail "sync = none is not told"
grep -q "the rest is in caches" "$T/err" || fail "bytes beyond the devices are not told"

# A longer idle tail changes no figure: reading back comes after the window.
run --json
cp "$T/out" "$T/short"
run --json -p workload.readback=true
holds "all(s[k] == t[k] for k in ('pfs.bandwidth', 'pfs.latency.mean', 'io.bandwidth', 'arm.busiest',
    'bus.busiest', 'cpu.mean', 'machine.frames_out', 'io.queue', 'window'))"

# Closed population: N = X (R + Z), within N over completions; the audit of each run knows it exactly,
# with flushes between requests and after the last, too.
for how in "op=read -p workload.think=20ms -p workload.think_law=exponential" sync=each \
    "sync=close -p workload.start=0" "mode=M_UNIX -p workload.readback=true -p workload.warmup=0" \
    "op=read -p workload.mode=M_SYNC"; do
    run --json -p workload.requests=30 -p workload.$how
    holds "5 < s['customers'] <= 6 and abs(s['customers.law'] - s['customers']) <= 6 * 6 / s['pfs.latency.count']"
    grep -q "its edges weigh" "$T/err" && fail "30 requests of a program are called few"
done
# Told by the completions in the window: one program ends with 30, the others may have made fewer.
run --json -p workload.op=read -p workload.requests=19
grep -q "ended in the window, fewer than 20: its edges weigh" "$T/err" || fail "few completions are not told"
sed -n '/"remarks": \[/,/\]/p' "$T/out" | grep -q "its edges weigh" || fail "JSON does not have the remark"

# Queues of interfaces are of the window.
run --json -p workload.op=read -p workload.requests=19
holds "0 < s['nic.queue'] < s['nic.fullest']"

# A fault is the request of a program over shared memory, and of one whose data exceed its memory: the
# audit of each run compares what is told of it.  Those that an edge cuts have begun, or ended, outside.
config faults <<'LUA'
local paragon, graphs = include "machines/paragon.lua", include "parts/graphs.lua"
local services, memory = include "parts/services.lua", param("memory", false)
return {
  machine = paragon { rows = 2, columns = 3, io_nodes = 1, model = "ideal", storage = { kind = "raid3" },
                      graph = not memory and graphs.svm or nil,
                      os = memory and services.list(services.nx, services.memory { frames = 0 }) or nil },
  workload = memory and { kind = "memory", clients = 2, size = "1MiB", servers = 1, backing = param("backing", "servers"),
                          pattern = param("pattern", "sweep"), accesses = 300, memory = { frames = 64 } }
             or { kind = param("kind", "svm_pattern"), svm = { manager = param("manager", "dynamic") } },
}
LUA
for how in kind=svm_tsp manager=hlrc "memory=true -p pattern=random" "memory=true -p backing=io"; do
    what=svm N=4
    [ "${how#memory}" = "$how" ] || { what=memory N=2; }
    gives 0 "$PSIM" run "$T/faults.lua" -q --no-store --json -p $how
    holds "s['customers'] == $N and s['customers.law'] > 0 and s['$what.outside.count'] > 0
        and abs(s['$what.fault_time.count'] - s['vm.read_faults'] - s['vm.write_faults']) <= $N
        and s['$what.fault_time.count'] > $N"
    [ $what = memory ] || holds "abs(sum(s[k + '.count'] * s[k + '.mean'] for k in ('svm.fault_time', 'svm.outside'))
        / s['window'] - s['customers.law']) < 1e-9"
done

# One transfer for all counts once.
run --json -p workload.op=read -p workload.mode=M_GLOBAL
holds "s['pfs.bandwidth'] <= 20e6"

# A program ends before all have begun: no window, and no bandwidth under another definition.
run -p workload.op=read -p workload.requests=1 -p workload.warmup=0 -p workload.start=1h \
    -p workload.nodes=3
grep -q "no window" "$T/out" || fail "the table does not say that there is no window"
gives 1 "$PSIM" run "$T/files.lua" --no-store -p expect=true -p workload.requests=1 \
    -p workload.warmup=0 -p workload.start=1h -p workload.nodes=3
[ "$(grep -c "^NOT as expected.*no window" "$T/out")" -eq 2 ] || { cat "$T/out"; fail "a verdict does not say why"; }
run -p workload.op=read -p workload.requests=1 -p workload.warmup=0 -p workload.start=1h -p workload.nodes=3
grep -q "had ended its measured part before all had begun" "$T/err" || fail "the reason is missing"
gives 0 "$PSIM" run "$T/files.lua" -q -o "$T/r.db" -p workload.op=read -p workload.requests=1 \
    -p workload.warmup=0 -p workload.start=1h -p workload.nodes=3 --json
holds "s['pfs.bandwidth'] is None and s['window'] is None"
grep -q '"why": "no window"' "$T/out" || fail "JSON does not say why"
gives 0 "$PSIM" export "$T/r.db"
grep -q "no window" "$T/out" || fail "CSV does not say why"

# Chance: spindles and starts are drawn; without them replications are one run, which is told.
run -r 2 -p workload.requests=4
grep -q "one and the same run" "$T/err" && fail "replications that differ are called equal"
run -r 2 -p workload.requests=4 -p machine.storage.disk.spindle=fixed -p workload.start=0
grep -q "replications are one and the same run" "$T/err" || fail "equal replications are not told"
exit 0
