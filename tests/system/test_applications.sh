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

gives 0 "$PSIM" run io_htf -q --no-store -p io_nodes=16
gives 0 "$PSIM" run io_render -q --no-store -p workload.ahead=2
gives 0 "$PSIM" trace io_htf -n 1 -c os -p nodes=3 -p integrals=100 -p io_nodes=4 -o "$T/t.json"
counted htf 'read M_UNIX' $((371 + 145 + 165 + 109 + 6 * 100 + 33))
counted htf 'write M_UNIX' $((452 + 3 + 207 + 100))
counted htf open $((4 + 5 + 32 + 2)) # and two that are made before
gives 0 "$PSIM" trace io_render -n 2 -c os -p nodes=3 -p frames=20 -p workload.first=4 -p workload.rest=13 -o "$T/t.json"
counted render 'read M_UNIX' $((21 + 20 + 2 * 20)) # and each picture is looked at twice
counted render 'read M_ASYNC' 17
counted render 'write M_UNIX' 60

few='-p integrals=20 -p workload.more=5' short='-p workload.first=3 -p workload.rest=9'
for system in files vesta pfs_on_vesta vesta_on_pfs; do
    gives 0 "$PSIM" run io_escat -q --no-store -p system=$system -p nodes=3 -p workload.steps=6
    gives 0 "$PSIM" run io_htf -q --no-store -p system=$system -p nodes=3 $few -p io_nodes=4
    gives 0 "$PSIM" run io_render -q --no-store -p system=$system -p nodes=3 -p frames=3 $short -p workload.ahead=4
done
for nodes in 1 6; do
    gives 0 "$PSIM" run io_escat -q --no-store -p nodes=$nodes -p workload.steps=6
    gives 0 "$PSIM" run io_htf -q --no-store -p nodes=$nodes $few -p io_nodes=4
    gives 0 "$PSIM" run io_render -q --no-store -p nodes=$nodes -p frames=2 $short -p workload.ahead=1
done
for nodes in 1 6 20; do
    gives 0 "$PSIM" run io_charisma -q --no-store -p nodes=$nodes -p jobs=10 -p buffers=16
done
for system in files vesta pfs_on_vesta vesta_on_pfs; do
    gives 0 "$PSIM" run io_charisma -q --no-store -p system=$system -p nodes=20 -p jobs=14 -p buffers=16
done
gives 2 "$PSIM" check io_charisma -p workload.mix.read=0.4; says "workload.mix.written and read are 0.7 and 0.4: shares of all files"
# They are programs of the suite's page.
gives 0 "$PSIM" run suite -q --no-store -p program=charisma -p 'step={speed 4}'
for program in escat htf render; do
    gives 0 "$PSIM" suite machines/paragon.lua -q -p program=$program -o "$T/page.md"
    [ "$(grep -c "^| $program | [0-9]" "$T/page.md")" -ge 1 ] || fail "the page has no $program"
done
gives 2 "$PSIM" check io_escat -p workload.steps=66;    says "workload.region is 131072 bytes: 66 steps write 132528"
gives 2 "$PSIM" check io_escat -p workload.in_place=53; says "workload.in_place is 53 of 52 steps"
