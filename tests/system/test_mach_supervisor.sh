# A service that dies is started again, on another host or at home: every call is answered, or its client is told that it
# is in doubt; nothing is executed more often than that (SUPER1), late (SUPER2), or answered twice (SUPER3).
. tests/system/lib.sh
value() { awk -v n="\"$1\":" '$1 == n { getline; sub(/,$/, "", $2); print $2 + 0; exit }' "$T/out"; }
# holds CLIENTS ROUNDS REPEAT: calls = clients x rounds; executions and answers are within what was in doubt.
holds() {
    awk -v calls=$(($1 * $2)) -v again="$3" -v time="$(value mach_supervisor.time.count)" -v doubts="$(value mach_supervisor.doubts.mean)" \
        -v answered="$(value mach_supervisor.answered.mean)" -v ran="$(value mach_supervisor.executed.count)" 'BEGIN {
        doubts *= calls; answered *= calls; e = 0.01
        exit !(time == calls && ran >= answered - e && ran <= answered + doubts + e && doubts > 0 &&
               (again == "true" ? answered > calls - e : answered + doubts > calls - e && answered + doubts < calls + e)) }' ||
        fail "calls $1 x $2: $(value mach_supervisor.executed.count) executed, $(value mach_supervisor.doubts.mean) in doubt"
}
run() { gives 0 "$PSIM" run mach_supervisor -q --no-store --json "$@"; }

# The figure's cases, with their expectations.
gives 0 "$PSIM" run mach_supervisor -q --no-store
gives 0 "$PSIM" run mach_supervisor -q --no-store -p workload.repeat=false

# Services die all the time, at many moments of their calls and of the kernel's.
for repeat in true false; do
    for lives in 1500us 2ms 2700us; do
        run -p dies=task -p nodes=5 -p workload.hosts=3 -p workload.crashes=60 -p workload.lives=$lives -p workload.clients=4 \
            -p workload.repeat=$repeat
        holds 20 100 $repeat
    done
    run -p dies=task -p nodes=1 -p workload.hosts=0 -p workload.crashes=300 -p workload.lives=900us -p workload.clients=4 \
        -p workload.repeat=$repeat
    holds 4 100 $repeat
done
run -p dies=node -p detector_delay=20ms -p workload.clients=4
holds 8 100 true

gives 2 "$PSIM" check mach_supervisor -p nodes=0
says "the first is no host"
