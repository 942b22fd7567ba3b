# A bisection: the same values and answer at any -j, after kill -9, and after --resume.
. tests/system/lib.sh
config ring <<'END_OF_TEXT'
return {
    workload = { kind = "event_ring", service = "1ms", customers = param("customers", 3000) },
    sweep = {
        product = { ["workload.stations"] = { 1, 2, 3 } },
        bisect = {
            path = "workload.load", low = 0.1, high = 0.98, tolerance = 0.02,
            measure = "wait.mean", above = param("limit", "3ms"),
        },
        replications = 2,
    },
    measures = { "wait.mean" },
    expectations = {
        -- An M/M/1 queue waits rho / (1 - rho) service times: 3 at 0.75.
        { measure = "saturated_at", at = { ["workload.stations"] = 1 }, min = 0.68, max = 0.80 },
        { kind = "range", measure = "saturated_by", at = { ["workload.stations"] = 1 },
          min = 0.70, max = 0.82 },
    },
    figure = { x = "workload.stations", y = "saturated_at" },
}
END_OF_TEXT
R=$T/ring.lua
gives 0 "$PSIM" check "$R"
grep -q "at most 48 points (3 combinations x 2 replications x at most 8 values of workload.load)" \
    "$T/out" || fail "check does not say how many points: $(cat "$T/out")"

# What ran does not depend on -j: values, digests, answers, in the order of the sweep (CONF4).
gives 0 "$PSIM" run "$R" --no-store --json -j 1
grep -v 'host_\|"seed"' "$T/out" >"$T/one"
gives 0 "$PSIM" run "$R" --no-store --json -j 4
grep -v 'host_\|"seed"' "$T/out" >"$T/four"
cmp "$T/one" "$T/four" || fail "-j 4 differs"
[ "$(grep -c '"saturated_at"' "$T/one")" -eq 3 ] || fail "an answer for each combination"

# The table has a row for each answer; the file has the values tried and the answers as rows.
gives 0 "$PSIM" run "$R" -o "$T/r.db" -j 2
grep -qE '^stations  saturated_at  saturated_by  wait.mean' "$T/out" || fail "no row of heads"
[ "$(grep -cE '^[123] +0\.' "$T/out")" -eq 3 ] || fail "three rows of answers"
grep -q "as expected" "$T/out"
ran=$(sed -nE 's/^([0-9]+) points run.*/\1/p' "$T/out")
gives 0 "$PSIM" export "$T/r.db"
cp "$T/out" "$T/all.csv"
gives 0 "$PSIM" run "$R" -o "$T/r.db" --resume
grep -q "^0 points run, $ran taken" "$T/out" || fail "--resume ran something again"
sed '/expectations = {/,/^    },/d' "$R" >"$T/free.lua" # the same without expectations
F=$T/free.lua
# Another limit goes over the same grid: what it shares with the first search is taken.
gives 0 "$PSIM" run "$F" -o "$T/r.db" --resume -p limit=2ms -p workload.stations=2
grep -qE '^[0-9]+ points run, [1-9]' "$T/out" || fail "no point was shared"
# The values given by -p are the points of the search.
gives 0 "$PSIM" run "$F" -o "$T/r.db" --resume -p workload.load=0.1 -p workload.stations=1
grep -q "^0 points run, 2 taken" "$T/out" || fail "a value given by -p is another point"

# kill -9 at any moment loses nothing that was stored, and the answer is the same.
for delay in 0.03 0.12; do
    rm -f "$T/k.db"*
    "$PSIM" run "$F" -q -p customers=8000 -o "$T/k.db" -j 2 >"$T/out" 2>"$T/err" &
    parent=$!
    sleep "$delay"
    kill -9 $parent 2>/dev/null || true
    wait $parent 2>/dev/null || true
    gives 0 "$PSIM" run "$F" -p customers=8000 -o "$T/k.db" --resume --json
    grep -A3 '"saturated_' "$T/out" >"$T/after"
    [ -s "$T/want" ] || { gives 0 "$PSIM" run "$F" -p customers=8000 --no-store --json; grep -A3 '"saturated_' "$T/out" >"$T/want"; }
    cmp "$T/want" "$T/after" || fail "killed after $delay s: another answer"
done

# A figure of answers.
gives 0 "$PSIM" figure "$F" -d "$T/f.db" -o "$T/f.svg"
[ -s "$T/f.svg" ] || fail "no figure"

# What cannot be answered is said.
gives 0 "$PSIM" run "$F" --no-store -p limit=100s
grep -q "not saturated: up to workload.load = 0.98" "$T/err" || fail "not saturated is not said"
gives 0 "$PSIM" run "$F" --no-store -p limit=1ns
grep -q "already at workload.load = 0.1, the lowest" "$T/err" || fail "saturated at low is not said"
sed 's/wait.mean", above/wiat.mean", above/' "$F" >"$T/wrong.lua"
gives 2 "$PSIM" run "$T/wrong.lua" --no-store
grep -q "no measure 'wiat.mean', did you mean 'wait.mean'" "$T/err" || fail "no hint"
gives 3 "$PSIM" run "$F" --no-store -p limits.events=100
grep -q "the search ended at workload.load = 0.1: the limit of 100 events" "$T/err" || fail "a limit"
sed 's/path = "workload.load"/path = "workload.laod"/' "$F" >"$T/wrong.lua"
gives 2 "$PSIM" check "$T/wrong.lua"
says "wrong.lua:6: nothing reads 'workload.laod', did you mean 'workload.load'?"
