# Recorded histories are judged: one whose faults are granted at once by the node's own manager, where
# work that is paid for after the access would let others see a write before its time.
. tests/system/lib.sh
gives 0 "$PSIM" run svm_history -q --no-store --seed 16184226688143867045 \
    -p workload.svm.manager=broadcast -p workload.access=8
