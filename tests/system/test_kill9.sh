# kill -9 of the command at any moment loses no point that it said was stored, and leaves no worker.
. tests/system/lib.sh
args=(run "$Q" -p customers=30000 -p 'workload.load={0.1,0.2,0.3,0.4,0.5,0.6}' -r 4 -j 2)
gives 0 "$PSIM" "${args[@]}" --json --no-store
digests "$T/out" >"$T/want"
for delay in 0.02 0.07 0.13 0.21 0.34; do
    rm -f "$T/r.db"*
    "$PSIM" "${args[@]}" -v -o "$T/r.db" >"$T/out" 2>"$T/err" &
    parent=$!
    sleep "$delay"
    workers=$(pgrep -P $parent || true)
    kill -9 $parent 2>/dev/null || true
    wait $parent 2>/dev/null || true
    gone() { local w; for w in $workers; do kill -0 "$w" 2>/dev/null && return 1; done; return 0; }
    eventually gone || fail "a worker outlived its parent"
    told=$(grep -c '^point .*: ok' "$T/err" || true)
    gives 0 "$PSIM" "${args[@]}" --resume --json -o "$T/r.db"
    digests "$T/out" >"$T/got"
    cmp "$T/want" "$T/got" || fail "the resumed campaign differs from an uninterrupted one"
    gives 0 "$PSIM" "${args[@]}" --resume -o "$T/r.db"
    grep -q '^0 points run, 24 taken' "$T/out" || fail "not all points are in the file"
    rm -f "$T/k.db"*
    echo "killed after $delay s: $told points had been stored"
done
# What was told is there: the number taken is at least the number told (CAMP1).
rm -f "$T/r.db"*
"$PSIM" "${args[@]}" -v -o "$T/r.db" >"$T/out" 2>"$T/err" &
parent=$!
some() { [ "$(grep -c '^point .*: ok' "$T/err")" -ge 5 ]; }
eventually some || fail "no points"
kill -9 $parent
wait $parent 2>/dev/null || true
told=$(grep -c '^point .*: ok' "$T/err")
gives 0 "$PSIM" "${args[@]}" --resume -o "$T/r.db"
taken=$(sed -nE 's/.* ([0-9]+) taken from the file.*/\1/p' "$T/out")
[ "$taken" -ge "$told" ] || fail "$told points were stored, $taken are there"
[ "$taken" -lt 24 ] || echo "note: the campaign had ended before it was killed"

# A worker that would run for minutes dies with its parent (CAMP3).
"$PSIM" run "$Q" -q -j 2 --no-store -p customers=1000000000 >"$T/out" 2>"$T/err" &
parent=$!
two() { [ "$(pgrep -c -P $parent)" -eq 2 ]; }
eventually two || fail "no workers"
workers=$(pgrep -P $parent)
kill -9 $parent
wait $parent 2>/dev/null || true
gone() { local w; for w in $workers; do kill -0 "$w" 2>/dev/null && return 1; done; return 0; }
eventually gone || fail "a long worker outlived its parent"
