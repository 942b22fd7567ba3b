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
