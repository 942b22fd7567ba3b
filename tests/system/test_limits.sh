# A point that runs past a limit is recorded and costs no other.
. tests/system/lib.sh
run() { "$PSIM" run "$Q" -q --no-store -r 1 "$@"; }
gives 3 run -p limits.events=1000
grep -q "the limit of 1000 events was reached" "$T/err"
[ "$(grep -c '^psim: point' "$T/err")" -eq 3 ] || fail "three points, three sentences"
gives 3 run -p limits.time=1s -p 'workload.service={1ms,1us}' -p workload.load=0.5 -p customers=10000
grep -q "the limit of 1 s of simulated time" "$T/err"
[ "$(grep -c '^psim: point' "$T/err")" -eq 1 ] || fail "the short point did not finish"
grep -q "workload.service=1ms" "$T/err" || fail "the parameters of the point are not named"
gives 3 run -p limits.host_time=100ms -p customers=1000000000 -p workload.load=0.5
grep -q "limits.host_time" "$T/err"
# An open queue past saturation does not eat the machine.
gives 3 run -p limits.memory=64MiB -p customers=1000000000 -p workload.load=2
grep -q "limits.memory" "$T/err"
# Also where the end meets packets under way, of nodes that go down one after the other.  That nothing is touched
# which was freed, scripts/check-asan looks at.
ends() { # CONFIG EVENTS
    gives 3 "$PSIM" run "configs/$1.lua" -q --no-store -r 1 -p limits.events="$2"
    grep -q "limit: the limit of $2 events was reached (limits.events)" "$T/err"
    [ "$(grep -c '^psim: ' "$T/err")" -eq "$(grep -c "limit of $2 events" "$T/err")" ] ||
        { cat "$T/err"; fail "$1 says something else"; }
}
ends hello 100
for n in 40 300 1100; do
    ends determinism_pfs "$n"
    ends determinism_programs "$n"
    ends determinism_svm "$n"
done
