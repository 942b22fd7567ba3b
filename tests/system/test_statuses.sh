# Each way in which a point can end has its word, its sentence and its exit code, and costs no other point.
. tests/system/lib.sh
# status FILE: the status of each point, in order.
status() { "$PSIM" export "$1" --table points --columns idx,status | tail -n +2 | cut -d, -f2 | tr '\n' ' '; }
is() { [ "$(status "$1")" = "$2 " ] || fail "the statuses are $(status "$1"), not $2"; }

# audit: the answer of a program that died never comes, and the call says so.
config dead <<'END'
local paragon = include "machines/paragon.lua"
local machine = paragon { rows = 2, columns = 2, model = "ideal" }
machine.faults = { { at = param("at", "150us"), path = "node 1" } }
return { machine = machine, workload = { kind = "pingpong", rounds = 5 } }
END
gives 1 "$PSIM" run "$T/dead.lua" -q -o "$T/dead.db" -p 'at={150us,10s}'
says "point 1 (at=150us, seed 1): audit: machine: node 0, kernel: the echo failed: peer down"
is "$T/dead.db" "audit ok"

# deadlock: packets wait for each other in a circle (test_deadlock.sh looks at the sentence).
gives 3 "$PSIM" run mesh_deadlock -q -o "$T/circle.db" -p 'mesh.route={adaptive_unsafe,xy}'
is "$T/circle.db" "deadlock ok"

# limit: simulated time.
gives 3 "$PSIM" run "$Q" -q -o "$T/limit.db" -p limits.events=100000 -p 'customers={1000000,500}' -p workload.load=0.5
says "the limit of 100000 events was reached"
is "$T/limit.db" "limit ok"

# refused: what only the parts themselves can see does not fit together.
config refused <<'END'
return { mesh = { kind = "ideal", rows = 3, columns = param("columns", 3) },
         workload = { kind = "mesh_load", pattern = "transpose", load = 0.1, warmup = "2us", measure = "20us" } }
END
gives 2 "$PSIM" run "$T/refused.lua" -q --no-store -p columns=5
says "needs a square grid"

# audit: the program finds that what it wants cannot be had: its I/O node is gone.
config gone <<'END'
local paragon = include "machines/paragon.lua"
return {
    machine = paragon { rows = 2, columns = 4, io_nodes = 1, model = "ideal", storage = { kind = "disk" },
                        faults = { { at = param("at", "10s"), path = "node 7" } } },
    workload = { kind = "pfs", op = "read", nodes = 2, size = "64KiB", factor = 1, requests = 2, warmup = 0 },
}
END
gives 1 "$PSIM" run "$T/gone.lua" -q -o "$T/audit.db" -p 'at={1ms,1h}'
says "point 1 (at=1ms, seed 1)"
is "$T/audit.db" "audit ok"

# crashed: the worker dies by a signal.
config slow <<'END'
return { workload = { kind = "event_ring", customers = param("n", 1000) } }
END
"$PSIM" run "$T/slow.lua" -q -o "$T/crashed.db" -p 'n={1000000000,1000}' -j 2 >"$T/out" 2>"$T/err" &
parent=$!
worker() { worker=$(pgrep -P $parent | head -n 1) && [ -n "$worker" ]; }
eventually worker || fail "no worker"
sleep 1 # the short point has ended: one worker is left
worker
kill -SEGV "$worker"
code=0
wait $parent || code=$?
[ "$code" -eq 3 ] || fail "exit code $code"
is "$T/crashed.db" "crashed ok"
