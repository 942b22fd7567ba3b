# Mach RPC between tasks of a node: one client takes what the named work costs, to the picosecond, whatever the prices
# are; all replies are right and all rights are gone, on several nodes and where clients wait for room; what was
# counted is what calls are made of.
. tests/system/lib.sh
run() { gives 0 "$PSIM" run mach_rpc -q --no-store --json "$@"; }
value() { awk -v n="\"$1\":" '$1 == n { getline; sub(/,$/, "", $2); print $2 + 0; exit }' "$T/out"; }
is() { [ "$(value "$1")" = "$2" ] || fail "$1 is $(value "$1"), not $2"; }

for prices in "scale=1" "trap.each=3us" "lookup.each=700ns" "switch.each=1us" "copy.rate=33MB/s" "copy.fixed=5us"; do
    run -p workload.size=129B -p workload.reply=1KiB -p workload.clients=1 -p "machine.prices.$prices"
    is difference.count 50
    is difference.min 0
    is difference.max 0
done
# A request leaves at the moment at which the window opens, the no-senders notification comes as it closes.
for n in sent received; do
    [ "$(value mach.$n)" -ge 99 ] && [ "$(value mach.$n)" -le 101 ] || fail "mach.$n is $(value mach.$n), not 100 or so"
done
is mach.rights 50
is mach.full 0
run -p machine.columns=2 -p workload.size=2KiB -p workload.reply=3B -p workload.clients=7
is mach_rpc.time.count 700
is mach_rpc.rate.count 2
[ "$(value mach.full)" -gt 0 ] || fail "seven clients found room for five"

# A server on another node: a call is two messages, each with its answer; who holds rights there gives them back, for the
# server ends by no-senders.
far() { gives 0 "$PSIM" run mach_norma -q --no-store --json -p workload.server=remote "$@"; }
far -p workload.size=0B
is mach_rpc.time.count 50
is norma.kmsgs 100
is norma.controls 100
is norma.pages 0
is norma.syncs 0
far -p workload.size=16KiB -p workload.clients=3
is mach_rpc.time.count 150
# One server and clients on nodes of their own, served in turn; a smaller limit of its port makes more of them wait; ports take
# under 200 bytes of a kernel's memory.
many() { gives 0 "$PSIM" run mach_clients -q --no-store --json -p net=machipc -p clients=15 "$@"; }
many -p start=1s -p workload.size=4000B -p workload.queue=1 -p rounds=30
is mach_rpc.client.count 15
is mach_rpc.fairness.count 1
most=$(value mach.full)
awk -v s="$(value mach_rpc.served.mean)" -v c="$(value mach_rpc.client.mean)" \
    'BEGIN { exit !(s > 0.9 * 15 * c && s < 1.1 * 15 * c) }' || fail "the server's rate is not that of its clients"
many -p start=1s -p workload.size=4000B -p workload.queue=16 -p rounds=30
[ "$(value mach.full)" -lt "$most" ] || fail "a port of 16 was full as often as one of 1"
awk -v f="$(value mach_rpc.fairness.mean)" 'BEGIN { exit !(f > 0.95 && f <= 1) }' || fail "who asks in turn is not served alike"
many -p rounds=1
before=$(value mach_rpc.kernel.mean)
awk -v f="$(value mach_rpc.fairness.mean)" 'BEGIN { exit !(f > 0.06 && f < 0.07) }' || fail "one of 15 is not a fifteenth"
many -p rounds=1 -p ports=1000
awk -v a="$before" -v b="$(value mach_rpc.kernel.mean)" 'BEGIN { exit !(b - a > 1000 * 50 && b - a < 1000 * 200) }' ||
    fail "1000 ports took $before to $(value mach_rpc.kernel.mean) bytes"
gives 1 "$PSIM" run mach_clients -q --no-store -p net=norma -p clients=3 -p start=1us
says "not at workload.start"
gives 2 "$PSIM" check mach_clients -p net=norma -p clients=2047 -p rounds=1000000
says "the ids of its messages"
# On two machines, at home and over both nets; a call of one client moves its bytes in the time of a call.
gives 0 "$PSIM" run mach_machines -q --no-store
gives 0 "$PSIM" run mach_machines -q --no-store --json -p machine=sp1 -p net=norma -p workload.size=64KiB
awk -v b="$(value mach_rpc.bandwidth.mean)" -v t="$(value mach_rpc.time.mean)" \
    'BEGIN { exit !(b * t > 0.99 * 65536 && b * t < 1.01 * 65536) }' || fail "the bytes of a call do not go in its time"
# Nodes die.
dies() { gives "$1" "$PSIM" run mach_norma_death -q --no-store "${@:3}"; says "$2"; }
dies 1 "it hangs"
dies 3 "waits for message at name" -p patience=0s
gives 2 "$PSIM" check mach_rpc -p workload.server=remote
says "workload.server is 'remote', but"

config without <<'END'
local paragon = include "machines/paragon.lua"
return { machine = paragon { rows = 1, columns = 1 }, workload = { kind = "mach_rpc" } }
END
gives 2 "$PSIM" check "$T/without.lua"
says "mach"

# Bulk data: in line and out of line, whoever looks at it or writes it, a call takes what its work costs.
for use in nothing reads writes; do
    for how in in_line memory moved; do
        for again in false true; do
            gives 0 "$PSIM" run mach_bulk -q --no-store --json -p workload.size=9001B -p workload.how=$how \
                -p workload.use=$use -p workload.again=$again -p machine.prices.map.each=3us
            is difference.count 10
            is difference.min 0
            is difference.max 0
        done
    done
done
is vm.copied 0
gives 0 "$PSIM" run mach_bulk -q --no-store --json -p workload.size=9001B -p workload.how=memory -p workload.use=writes
is vm.copied 30
is mach.pages 30

# Names: each is found, here and at the next node, and what was asked for elsewhere was passed on.
gives 0 "$PSIM" run mach_names -q --no-store --json -p remote=true -p machine.columns=3 -p workload.names=3
is mach_names.there.count 36
is mach_names.passed 36
config nobody <<'END'
local paragon = include "machines/paragon.lua"
return { machine = paragon { rows = 1, columns = 1, os = { { service = "mach_names" }, { service = "mach" } } },
         workload = { kind = "mach_names" } }
END
gives 2 "$PSIM" check "$T/nobody.lua"
says "service 'mach_names' needs service 'mach' before it on each of its nodes"
# Who has rights to a port of another node is told of its death, over both nets; of its node's over MACHIPC alone.
gives 0 "$PSIM" run mach_death -q --no-store -p holders=3

# A call over MACHIPC is four frames, and of any size no more than 1.2 times those over NORMA.
gives 0 "$PSIM" run mach_net -q --no-store
