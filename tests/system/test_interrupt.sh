# Ctrl-C keeps what is finished, ends the workers and says so; --resume goes on.
. tests/system/lib.sh
config slow <<'END'
return {
    workload = { kind = "event_ring", customers = param("n", 1000) },
    sweep = { product = { n = { 1000, 1001, 1000000000, 1000000001, 1002 } } },
}
END
"$PSIM" run "$T/slow.lua" -v -j 2 -o "$T/r.db" >"$T/out" 2>"$T/err" &
parent=$!
two() { [ "$(grep -c '^point' "$T/err")" -eq 2 ]; }
eventually two || fail "the first points did not finish"
sleep 0.2
workers=$(pgrep -P $parent)
kill -INT $parent
code=0
wait $parent || code=$?
[ "$code" -eq 3 ] || fail "exit code $code"
grep -q "^psim: interrupted; what was finished is kept" "$T/err" || fail "no word of it"
grep -q "2 points run, 3 not run" "$T/out" || { cat "$T/out"; fail "no account"; }
for w in $workers; do kill -0 "$w" 2>/dev/null && fail "a worker is left"; done
gives 0 "$PSIM" run "$T/slow.lua" --resume -o "$T/r.db" -p 'n={1000,1001}'
grep -q '^0 points run, 2 taken' "$T/out" || fail "finished points were lost"
