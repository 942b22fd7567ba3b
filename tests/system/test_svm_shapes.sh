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
