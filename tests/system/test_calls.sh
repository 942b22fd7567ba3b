# Calls over an Ethernet that loses and doubles frames: every one is answered, none is executed twice;
# what calls cannot be is refused.
. tests/system/lib.sh
run() { "$PSIM" run rpc_loss -q --no-store -r 1 "$@"; }
for stack in layered monolithic; do
    gives 0 run -p stack=$stack -p loss=0.02 -p duplicate=0.3 -p workload.size=1KiB
done
gives 2 "$PSIM" run rpc_layers --no-store -p machine.columns=1
says "calls need two compute nodes"
gives 2 "$PSIM" run rpc_layers --no-store -p stack=whole -p path=eth -p workload.size=1MB
says "workload.size is 1000000B, but calls over 'rpc' carry"
