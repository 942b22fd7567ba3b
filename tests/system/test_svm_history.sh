# Recorded histories are judged: one whose faults are granted at once by the node's own manager, where
# work that is paid for after the access would let others see a write before its time; and, over a
# network that loses, doubles and reorders, shared memory, its locks and messages between programs.
. tests/system/lib.sh
gives 0 "$PSIM" run svm_history -q --no-store --seed 16184226688143867045 \
    -p workload.svm.manager=broadcast -p workload.access=8
gives 0 "$PSIM" run svm_lossy -q --no-store -p 'faults={0, 0.2}' \
    -p 'workload.svm.manager={dynamic, xmm}'

config lossy <<'EOF'
local paragon = include "machines/paragon.lua"
local kind = param("kind", "svm_jacobi")
return {
    machine = paragon {
        rows = 2, columns = 2,
        graph = {
            { name = "mesh", protocol = "driver" },
            { name = "vdrop", protocol = "vdrop", below = { "mesh" }, drop = 0.1, duplicate = 0.1, delay = 0.1 },
            { name = "rdm", protocol = "rdm", below = { "vdrop" } },
            { name = "svm", protocol = "svm", below = { "rdm" } },
            { name = "sync", protocol = "sync", below = { "rdm" } },
            { name = "nx", protocol = "nx", below = { "rdm" } },
        },
    },
    workload = kind == "svm_jacobi" and { kind = kind, n = 64, iterations = 2, svm = { manager = "hlrc" } }
        or { kind = kind, size = "100kB", rounds = 5 },
}
EOF
gives 0 "$PSIM" run "$T/lossy.lua" -q --no-store
gives 0 "$PSIM" run "$T/lossy.lua" -q --no-store -p kind=pingpong
sed '/"rdm", p/s/"vdrop"/"mesh"/; /"svm", p/s/"rdm"/"vdrop"/' "$T/lossy.lua" >"$T/bare.lua"
gives 2 "$PSIM" check "$T/bare.lua"
says "needs a path that loses nothing, and 'vdrop' below it loses messages"
