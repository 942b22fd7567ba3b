# psim's TCP and this machine's over a wire that loses, doubles, damages, delays and reorders (scripts/soak-live: 100 MB).
. tests/system/live.sh
head -c 4000000 /dev/urandom >"$T/4MB.ours"
head -c 4000000 /dev/urandom >"$T/4MB.theirs"
lossy seed=7 loss=0.003 copy=0.01 damage=0.002 swap=0.02 delay=0.3 more=1
exchange 60 5001 "$T/4MB" --set tcp.sack=true --set tcp.congestion=newreno --set tcp.rto_min=200ms
unplug lost copied damaged swapped
