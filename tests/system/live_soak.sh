# live_soak.sh BYTES SEED: see scripts/soak-live, which runs it.
. tests/system/live.sh
head -c "$1" /dev/urandom >"$T/long.ours"
head -c "$1" /dev/urandom >"$T/long.theirs"
port=5001 seed=$2
for theirs in $(cat /proc/sys/net/ipv4/tcp_allowed_congestion_control); do
    echo "$theirs" >/proc/sys/net/ipv4/tcp_congestion_control
    for ours in tahoe reno newreno "newreno --set tcp.sack=true"; do
        lossy seed="$seed" loss=0.005 copy=0.01 damage=0.002 swap=0.02 delay=0.2 more=1
        start=$SECONDS
        # shellcheck disable=SC2086  # words on purpose
        exchange 3600 $port "$T/long" --set tcp.rto_min=200ms --set tcp.congestion=$ours
        unplug lost copied damaged swapped
        echo "psim $ours, this machine $theirs, seed $seed: $1 B each way, twice, in $((SECONDS - start)) s"
        seed=$((seed + 1)) port=$((port + 1))
    done
done
