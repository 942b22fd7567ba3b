# Consistent cuts under random messages: judged, and what must not work is found and refused.
. tests/system/lib.sh
seeds=${CUTS_SEEDS:-2} cuts=${CUTS_CUTS:-20} first=${CUTS_FIRST:-1}
run() { "$PSIM" run ckpt_cuts -q --no-store "$@"; }
for seed in $(seq "$first" $((first + seeds - 1))); do
    for algorithm in sns cl ns; do
        gives 0 run -p algorithm="$algorithm" --seed "$seed" -p workload.cuts="$cuts" \
            -p workload.starters=$((seed % 4 + 1)) -p workload.gap="$((seed % 3 * 70 + 30))us"
    done
    # Without traffic, too: every cut ends, wherever it is started.
    for algorithm in sns cl ns; do
        gives 0 run -p algorithm="$algorithm" --seed "$seed" -p workload.cuts="$cuts" -p workload.gap=0
    done
done
# A death ends the cut under way; those before it are judged.
for algorithm in sns cl ns; do
    gives 0 run -p algorithm="$algorithm" -p death=3ms
done
gives 0 run -p algorithm=sns -p over=lossy
for algorithm in cl ns; do
    gives 2 run -p algorithm="$algorithm" -p over=lossy
    says "'vdrop'"
    gives 1 run -p algorithm="$algorithm" -p over=lossy -p unordered=true
    says "in flight, is in no log"
done
gives 2 run -p algorithm=ns -p route=adaptive
says "needs routes in the order of dimensions"
gives 2 run -p algorithm=cl -p route=adaptive
says "'mesh' below 'rdm' does not"
# Messages wait in the network: what goes round them, or past them, is caught, and nothing else is.
adaptive() { "$PSIM" run ckpt_adaptive -q --no-store -p workload.cuts=800 "$@"; }
for way in "-p route=west_first" "-p channels=2" "-p route=adaptive -p channels=2"; do
    caught=0
    for seed in 3 1 2 4 5; do
        [ $caught -gt 0 ] || adaptive $way -p algorithm=ns --seed $seed >"$T/out" 2>"$T/err" || caught=$seed
    done
    says "in flight, is in no log"
    gives 0 adaptive $way -p algorithm=sns -p workload.cuts=100
done
gives 0 adaptive -p algorithm=ns
gives 2 run -p algorithm=ns -p machine.network.model=ideal
says "needs routes in the order of dimensions"
gives 2 run -p algorithm=ns -p machine.network.torus=true
says "has no edges"
gives 2 run -p algorithm=cl -p machine.os.cut.fallback=true
says "passes ranks alone"
gives 2 run -p algorithm=ns -p machine.io_nodes=1
says "passes all 16 nodes"
# Exact counts at the network interfaces.
gives 0 "$PSIM" run ckpt_messages -q --no-store -p largest=64 -p workload.cuts=3
# Pages go to the disks as whole stripe units, and each costs one call.
gives 0 "$PSIM" run ckpt_scale -q --no-store -p nodes=4 -p io_nodes=64 -p memory=8MiB
