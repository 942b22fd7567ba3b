# Calls over an Ethernet that loses and doubles frames: every one is answered, none is executed twice;
# what calls cannot be is refused.  Echoes of each layer of the stack are whole and cost what they should.
. tests/system/lib.sh
run() { "$PSIM" run rpc_loss -q --no-store -r 1 "$@"; }
for stack in layered monolithic; do
    gives 0 run -p stack=$stack -p loss=0.02 -p duplicate=0.3 -p workload.size=1KiB
done
gives 2 "$PSIM" run rpc_layers --no-store -p machine.columns=1
says "calls need two compute nodes"
gives 2 "$PSIM" run rpc_layers --no-store -p stack=whole -p path=eth -p workload.size=1MB
says "workload.size is 1000000B, but calls over 'rpc' carry"

gives 0 "$PSIM" figure rpc_stack -q -o "$T/stack.svg" -d "$T/stack.db"
for waits in thread upcall; do
    gives 0 "$PSIM" run rpc_stack -q --no-store -p path=ip -p waits=$waits -p workload.size=1KiB
done
# Differences of which one case is not run are left out.
gives 0 "$PSIM" figure rpc_stack -q -o "$T/stack.svg" -d "$T/blast.db" -p top=blast
gives 2 "$PSIM" run rpc_stack --no-store -p machine.columns=1
says "echoes need two compute nodes"
gives 2 "$PSIM" run rpc_stack --no-store -p workload.over=lan
says "workload.over is 'lan', which is no instance of 'user' or 'select'"
gives 2 "$PSIM" run rpc_stack --no-store -p top=path -p workload.size=2KiB
says "carries"
