# The published shapes of shared virtual memory and memory servers: figures whose expectations hold,
# here with few points.
. tests/system/lib.sh
figure() { # NAME [OPTION]...
    local name=$1
    shift
    gives 0 "$PSIM" figure "$name" -q -j2 -o "$T/$name.svg" -d "$T/$name.db" "$@"
    ! grep -q FAILS "$T/out" || fail "an expectation of $name does not hold"
}
figure svm_speedup -p 'workload.nodes={1, 8}'
figure svm_disk -p 'workload.iterations={1, 2, 4, 8}'
figure svm_superlinear -p 'workload.nodes={1, 2, 3, 4, 8}'
figure svm_baseline -p 'workload.memory.page={4KiB, 256KiB}'
figure svm_forwards -p 'workload.nodes={2, 8, 32}' -p program=svm_pde
figure svm_relaxed_programs -p 'workload.nodes={4, 16, 64}'
# One that cannot hold fails its figure.
few='workload.iterations={1, 2, 4, 8}'
sed 's/transfers(1, 8), max = 0.05/transfers(1, 8), min = 0.05/' configs/svm_disk.lua >"$T/wrong.lua"
gives 1 "$PSIM" figure "$T/wrong.lua" -q -o "$T/wrong.svg" -d "$T/wrong.db" -p "$few"
grep -q FAILS "$T/out" || fail "a wrong expectation is not told"

# A program chooses among the instances of the graph, and each counts under its own name.
config two <<'END'
local paragon = include "machines/paragon.lua"
local graph = { { name = "mesh", protocol = "driver" }, { name = "vdrop", protocol = "vdrop", below = { "mesh" }, drop = 0.05 } }
for i, below in ipairs { "mesh", "vdrop" } do
    graph[#graph + 1] = { name = "rdm" .. i, protocol = "rdm", below = { below } }
    graph[#graph + 1] = { name = "svm" .. i, protocol = "svm", below = { "rdm" .. i } }
    graph[#graph + 1] = { name = "sync" .. i, protocol = "sync", below = { "rdm" .. i } }
end
return { machine = paragon { rows = 2, columns = 2, graph = graph },
         workload = { kind = "svm_jacobi", n = 48, iterations = 2, over = param("over", "svm1"), sync = param("sync", "sync1") } }
END
sent() { grep -A1 "\"$1.sent\"" "$T/out" | tail -n 1 | grep -o '[0-9][0-9.]*'; }
for i in 1 2; do
    gives 0 "$PSIM" run "$T/two.lua" -q --no-store --json -p over=svm$i -p sync=sync$i
    [ "$(sent svm$i | cut -d. -f1)" -gt 0 ] && [ -z "$(sent svm$((3 - i)))" ] || fail "svm$i did not carry it alone"
done
gives 2 "$PSIM" check "$T/two.lua" -p over=rdm1; says "workload.over is 'rdm1', an instance of 'rdm', but must be one of 'svm'"
gives 2 "$PSIM" check "$T/two.lua" -p over=svm; says "has no instance named svm"
