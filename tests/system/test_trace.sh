# Traces of every kind of run are what Chrome and Perfetto read, checked by a program of its own.
. tests/system/lib.sh
command -v python3 >/dev/null || fail "python3 is missing: scripts/setup --test"
python3 -c 'import json' || fail "python3 has no json: scripts/setup --test"
check() { python3 tests/system/check_trace.py "$@" >"$T/said" 2>&1 || { tail -n 1 "$T/said"; fail "$*"; }; }
trace() { gives 0 "$PSIM" trace "$@"; }
trace hello -n 1 -o "$T/a.json";                          check "$T/a.json"
trace determinism_pfs -n 1 -o "$T/b.json";                check "$T/b.json"
grep -q ' X [1-9]' "$T/said" || fail "a run without busy intervals"
grep -q ' b [1-9]' "$T/said" || fail "a run of PFS without spans"
[ "$(grep -o ' b [0-9]*' "$T/said" | tr -d ' b')" = "$(grep -o ' e [0-9]*' "$T/said" | tr -d ' e')" ] ||
    fail "as many ends as begins"
trace mesh_load -n 1 --from 2us --to 4us -o "$T/c.json";  check "$T/c.json"
trace raid_levels -n 1 -c disk -o "$T/d.json";            check "$T/d.json"
trace determinism_svm -n 1 -o "$T/e.json";                check "$T/e.json"
# A window that cuts spans in two.
trace determinism_pfs -n 1 --from 100ms --to 200ms -o "$T/f.json"; check "$T/f.json"
# The check can fail: an end without its begin, a track without a name, times out of order.
grep -v '"ph":"b"' "$T/b.json" >"$T/g.json"
! python3 tests/system/check_trace.py "$T/g.json" >/dev/null 2>&1 || fail "ends without begins pass"
grep -v '"thread_name"' "$T/b.json" >"$T/h.json"
! python3 tests/system/check_trace.py "$T/h.json" >/dev/null 2>&1 || fail "tracks without names pass"

gives 2 "$PSIM" trace "$Q" -c mesh,dsik -o "$T/none.json"; says "a trace has no category 'dsik', did you mean 'disk'?"
[ ! -e "$T/none.json" ] || fail "a refused trace left a file"
