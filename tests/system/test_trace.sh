# Traces of every kind of run are what Chrome and Perfetto read, checked by a program of its own.
. tests/system/lib.sh
command -v python3 >/dev/null || fail "python3 is missing: scripts/setup --test"
python3 -c 'import json' || fail "python3 has no json: scripts/setup --test"
check() { python3 tests/system/check_trace.py "$@" >"$T/said" 2>&1 || { tail -n 1 "$T/said"; fail "$*"; }; }
trace() { gives 0 "$PSIM" trace "$@"; }
trace hello -n 1 -o "$T/a.json";                          check "$T/a.json"
trace determinism_pfs -n 1 -o "$T/b.json";                check "$T/b.json"
traced=$(sed -n 's/.*digest //p' "$T/out")
grep -q ' X [1-9]' "$T/said" || fail "a run without busy intervals"
grep -q ' b [1-9]' "$T/said" || fail "a run of PFS without spans"
[ "$(grep -o ' b [0-9]*' "$T/said" | tr -d ' b')" = "$(grep -o ' e [0-9]*' "$T/said" | tr -d ' e')" ] ||
    fail "as many ends as begins"
trace mesh_load -n 1 --from 2us --to 4us -o "$T/c.json";  check "$T/c.json"
trace raid_levels -n 1 -c disk -o "$T/d.json";            check "$T/d.json"
trace determinism_svm -n 1 -o "$T/e.json";                check "$T/e.json"
for what in 'read fault' 'upgrade' 'barrier'; do
    grep -q "\"b\",\"cat\":\"os\",\"name\":\"$what\"" "$T/e.json" || fail "a run over shared memory without a '$what'"
done
trace memory_server -n 1 -c os -o "$T/n.json";            check "$T/n.json"
for what in send receive gsync; do
    grep -q "\"b\",\"cat\":\"os\",\"name\":\"$what\"" "$T/n.json" || fail "a run of message passing without a '$what'"
done
# A window that cuts spans in two, and some of the nodes: rank 0, the service node's neighbour, an I/O node.
trace determinism_pfs -n 1 --from 100ms --to 200ms -o "$T/f.json"; check --within 100000,200000 "$T/f.json"
trace determinism_pfs -n 1 --nodes 0-1,io1,machine -o "$T/f.json"; check --only 0,1,2,15 "$T/f.json"
grep -q '"pid":15,' "$T/f.json" || fail "the I/O node that was asked for is not there"
trace mesh_load -n 1 --to 4us --nodes 3 -o "$T/f.json";            check --only 4 "$T/f.json"
# Queues: of devices, CPUs and interfaces.
for what in 'io0.0 inside' 'node 0 cpu inside' 'frames to send inside'; do
    grep -q "\"C\",.*\"name\":\"$what\"" "$T/b.json" || fail "no counter '$what'"
done
# A trace changes nothing.
gives 0 "$PSIM" run determinism_pfs -p workload.op=read -p workload.mode=M_UNIX --json -q -o "$T/b.db"
[ "$(digests "$T/out")" = "$traced" ] || fail "a trace changes the run: $traced with it, $(digests "$T/out")"
# Requests are followed from the client to the device.
trace determinism_pfs -n 1 -c os -o "$T/o.json";          check --follow "$T/o.json"
grep -q '^followed [1-9][0-9]* [1-9][0-9]* [1-9][0-9]* [1-9]' "$T/said" || fail "nothing was followed"
# The check can fail: an end without its begin, a track without a name, times out of order.
grep -v '"ph":"b"' "$T/o.json" >"$T/g.json"
! python3 tests/system/check_trace.py "$T/g.json" >/dev/null 2>&1 || fail "ends without begins pass"
grep -v '"thread_name"' "$T/o.json" >"$T/h.json"
! python3 tests/system/check_trace.py "$T/h.json" >/dev/null 2>&1 || fail "tracks without names pass"
sed -E 's/("cat":"os","name":"serve","id2":\{"local":"0x)/\1f/' "$T/o.json" >"$T/i.json"
! python3 tests/system/check_trace.py --follow "$T/i.json" >/dev/null 2>&1 || fail "calls that nobody made pass"
! python3 tests/system/check_trace.py --only 1 "$T/o.json" >/dev/null 2>&1 || fail "other nodes pass"
! python3 tests/system/check_trace.py --within 0,1000 "$T/o.json" >/dev/null 2>&1 || fail "other times pass"

gives 2 "$PSIM" trace "$Q" -c mesh,dsik -o "$T/none.json"; says "a trace has no category 'dsik', did you mean 'disk'?"
[ ! -e "$T/none.json" ] || fail "a refused trace left a file"
gives 2 "$PSIM" trace determinism_pfs --nodes 0,oi1 -o "$T/none.json";  says "--nodes knows no 'oi1'; known are machine, compute, io, io0, service"
gives 2 "$PSIM" trace determinism_pfs --nodes io9 -o "$T/none.json";    says "there is no 'io9', only"
gives 2 "$PSIM" trace determinism_pfs --nodes 7-3 -o "$T/none.json";    says "'7-3' is no range of the nodes 0 to"
gives 2 "$PSIM" trace mesh_load --nodes io0 -o "$T/none.json";          says "--nodes knows no 'io0'"
gives 2 "$PSIM" trace mesh_load --nodes 99999 -o "$T/none.json";        says "there is no node 99999"
[ ! -e "$T/none.json" ] || fail "a refused trace left a file"
