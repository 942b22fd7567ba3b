# Skeletons of applications: their operations are those of the published tables, counted in a trace of the file system's
# client; they verify on every file system, and mistakes have their sentences.
. tests/system/lib.sh

# spans NAME: how many of that name the trace has; a pattern.
spans() { grep -cE "\"b\",\"cat\":\"os\",\"name\":\"$1\"" "$T/t.json" || true; }
# counted WHAT PATTERN NUMBER
counted() { [ "$(spans "$2")" -eq "$3" ] || fail "$1: $(spans "$2") spans '$2', the table has $3"; }
gives 0 "$PSIM" trace io_escat -n 2 -c os -p compute=0 -o "$T/t.json"
counted escat 'read M_[A-Z]+' 560
counted escat 'read M_RECORD' 256
counted escat 'write M_[A-Z]+' 13330
counted escat open $((262 + 5)) # and who makes two files and three inputs before
gives 0 "$PSIM" run io_escat -q --no-store

for system in files vesta pfs_on_vesta vesta_on_pfs; do
    gives 0 "$PSIM" run io_escat -q --no-store -p system=$system -p nodes=3
done
for nodes in 1 2 7; do
    gives 0 "$PSIM" run io_escat -q --no-store -p nodes=$nodes
done
gives 2 "$PSIM" check io_escat -p workload.steps=66;    says "workload.region is 131072 bytes: 66 steps write 132528"
gives 2 "$PSIM" check io_escat -p workload.in_place=53; says "workload.in_place is 53 of 52 steps"
