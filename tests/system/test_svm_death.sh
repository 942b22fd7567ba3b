# A node dies under shared memory, through psim run: every manager ends in a sentence, never in a
# deadlock; and programs that are too large for their frames say so.
. tests/system/lib.sh
config death <<'EOF'
local paragon = include "machines/paragon.lua"
local at = param("at", "")
local m = paragon {
        rows = 2, columns = 3,
        faults = at ~= "" and { { at = at, path = "node " .. param("node", 2), after = param("after", "0s") } } or nil,
        graph = {
            { name = "mesh", protocol = "driver" },
            { name = "rdm", protocol = "rdm", below = { "mesh" } },
            { name = "svm", protocol = "svm", below = { "rdm" } },
            { name = "sync", protocol = "sync", below = { "rdm" } },
        },
}
m.restart_programs = param("again", false)
return {
    machine = m,
    workload = {
        kind = "svm_pde", n = 16, iterations = 40, nodes = 4,
        svm = { manager = param("manager", "dynamic") },
    },
}
EOF
run() { gives "$1" "$PSIM" run "$T/death.lua" -q --no-store "${@:2}"; }

for manager in central improved fixed broadcast dynamic dynamic_s tree xmm hlrc; do
    for death in "0 0s" "2 0s" "2 100ms" "2 1ms -p again=true"; do # back before it is noticed
        set -- $death
        node=$1
        run 1 -p manager=$manager -p at=20ms -p node=$node -p after="${@:2:1}" "${@:3}"
        grep -qE "node [0-9]+, kernel: (a program cannot (pass barrier|take lock) [0-9]+: node [0-9]+, which takes part, has crashed|program shared cannot (read|write) address 0x[0-9a-f]+: (the only copy of the page died with its node|the page's server does not answer))" \
            "$T/err" || { cat "$T/err"; fail "$manager, death of node $node, back after $2: no sentence"; }
    done
done

# Owned pages keep their frames when there is no store.
run 1 -p workload.memory.frames=2
grep -q "node [0-9]*, kernel: program shared cannot [a-z]* address 0x[0-9a-f]*: too few frames to make progress" \
    "$T/err" || { cat "$T/err"; fail "too few frames are not told"; }
