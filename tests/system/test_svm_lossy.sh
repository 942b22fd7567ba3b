# Shared memory and its locks over a network that loses, doubles, delays and reorders, through psim run, while a
# node dies, and is back before it is noticed, or after, or never: under every manager every access, lock and
# barrier ends, and a program that cannot go on says why.  Never a deadlock, never a wrong read.
#   SVM_LOSSY=N [SVM_SEED=S]    N draws a manager in place of 2 (scripts/soak-svm)
. tests/system/lib.sh
run() { "$PSIM" run svm_lossy -q --no-store "$@" >"$T/out" 2>"$T/err"; }
RANDOM=${SVM_SEED:-1}
back=(0s 1ms 3ms 100ms 2s)
ended=0

for manager in central improved fixed broadcast dynamic dynamic_s tree xmm hlrc; do
    for draw in $(seq "${SVM_LOSSY:-2}"); do
        programs=(svm_tsp svm_pde svm_sort svm_pattern)
        [ $manager != hlrc ] || programs=(svm_tsp svm_pde svm_sort) # it promises less than svm_pattern judges by
        set -- -p program=${programs[RANDOM % ${#programs[@]}]} -p workload.svm.manager=$manager -p seed=$RANDOM -p faults=0.$((RANDOM % 3))5 \
            -p at=$((RANDOM % 70 + 1))ms -p node=$((RANDOM % 8)) -p after=${back[RANDOM % 5]} \
            -p again=$([ $((RANDOM % 3)) -eq 0 ] && echo false || echo true)
        code=0
        run "$@" || code=$?
        [ $code -ne 0 ] || { ended=$((ended + 1)); continue; } # it had ended before
        [ $code -eq 1 ] && grep -qE "node [0-9]+, kernel: (a program cannot (pass barrier|take lock|wait for count) [0-9]+: node [0-9]+, which takes part, has crashed|program shared cannot (read|write) address 0x[0-9a-f]+: (the only copy of the page died with its node|the page's server does not answer|this node has crashed))" \
            "$T/err" || { cat "$T/err"; fail "exit $code, no sentence: psim run svm_lossy $*"; }
    done
done
[ -n "${SVM_LOSSY:-}" ] || [ $ended -le 6 ] || fail "$ended of 18 programs had ended before their node died"

# What was lost and sent again is told.
gives 0 "$PSIM" run svm_lossy -q --no-store --json -p faults=0.2 -p workload.svm.manager=dynamic
grep -q '"rdm.resent' "$T/out" || fail "what was sent again is not told"
