# A worker that dies by a signal costs its own point; the others finish and are stored (CAMP2).
. tests/system/lib.sh
"$PSIM" run "$Q" -v -j 2 -o "$T/r.db" -r 1 -p customers=600 \
    -p 'workload.load={0.1,0.2,0.3,0.4}' -p 'workload.stations={1,1000}' >"$T/out" 2>"$T/err" &
parent=$!
config slow <<'END'
return {
    workload = { kind = "event_ring", customers = param("n", 1000) },
    sweep = { product = { n = { 1000, 1000000000, 1001, 1002 } } },
}
END
wait $parent || fail "the first campaign"

"$PSIM" run "$T/slow.lua" -v -j 2 -o "$T/s.db" >"$T/out" 2>"$T/err" &
parent=$!
three() { [ "$(grep -c '^point' "$T/err")" -eq 3 ]; }
eventually three || fail "the short points did not finish beside the long one"
worker=$(pgrep -P $parent)
kill -SEGV "$worker"
code=0
wait $parent || code=$?
[ "$code" -eq 3 ] || fail "exit code $code"
grep -q "point 2 (n=1000000000, seed 1): crashed: the worker died by signal 11" "$T/err" || { cat "$T/err"; fail "no report"; }
gives 0 "$PSIM" run "$T/slow.lua" --resume -o "$T/s.db" -p 'n={1000,1001,1002}'
grep -q '^0 points run, 3 taken' "$T/out" || fail "finished points were lost"

# With one worker the long point runs in the process that ran the one before it.
"$PSIM" run "$T/slow.lua" -v -o "$T/one.db" >"$T/out" 2>"$T/err" &
parent=$!
one() { [ "$(grep -c '^point' "$T/err")" -eq 1 ]; }
eventually one || fail "the first point did not finish"
sleep 0.2
kill -SEGV "$(pgrep -P $parent)"
code=0
wait $parent || code=$?
[ "$code" -eq 3 ] || fail "exit code $code"
grep -q "point 2 (n=1000000000, seed 1): crashed: the worker died by signal 11" "$T/err" || { cat "$T/err"; fail "no report"; }
[ "$(grep -c '^point .*: ok' "$T/err")" -eq 3 ] || fail "a worker's end cost another point"
