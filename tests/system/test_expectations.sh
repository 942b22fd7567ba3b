# Expectations decide between exit codes 0 and 1.
. tests/system/lib.sh
config e <<'END'
return {
    workload = { kind = "event_ring", customers = 20000 },
    sweep = { product = { ["workload.load"] = { 0.3, 0.6 } } },
    expectations = {
        { measure = "wait.mean", equals_measure = "wait.expected", within = param("within", 0.2) },
        { measure = "wait.mean", min = "100us", max = param("max", "2ms") },
        { measure = "wait.mean", at = { ["workload.load"] = 0.6 }, equals = "1.5ms", within = 0.2 },
        { measure = param("which", "wait"), rises_with = "workload.load" },
        { kind = "monotone", measure = "wait", x = "workload.load",
          direction = param("direction", "rising") },
    },
}
END
gives 0 "$PSIM" run "$T/e.lua" --no-store
[ "$(grep -c '^as expected' "$T/out")" -eq 5 ] || { cat "$T/out"; fail "five are met"; }
[ "$(grep -c '(guard)$' "$T/out")" -eq 4 ] || { cat "$T/out"; fail "what rests on nothing else is a guard"; }
gives 1 "$PSIM" run "$T/e.lua" --no-store -p within=0
grep -q "^NOT as expected: wait.mean at workload.load = 0.3 is .* expected .* within 0 %" "$T/out" || fail "no sentence"
gives 1 "$PSIM" run "$T/e.lua" --no-store -p max=1us
grep -q "expected at most 1.000 us" "$T/out" || fail "no bound"
# What -p takes the cases of is left out and told, and does not count; what is wrong without it still fails.
gives 0 "$PSIM" run "$T/e.lua" --no-store -p workload.load=0.3
[ "$(grep -c '^as expected' "$T/out")" -eq 2 ] || { cat "$T/out"; fail "two of one load are judged"; }
grep -qx "3 of 5 expectations have no case in this run: not judged" "$T/out" || { cat "$T/out"; fail "not told"; }
gives 0 "$PSIM" run "$T/e.lua" --no-store -p workload.load=0.3 -p 'workload.customers={20000,30000}'
grep -qx "3 of 5 expectations have no case in this run: not judged" "$T/out" || { cat "$T/out"; fail "two cases, one load"; }
gives 0 "$PSIM" run "$T/e.lua" --no-store -p 'workload.load={0.3,0.5}'
[ "$(grep -c '^as expected' "$T/out")" -eq 4 ] || { cat "$T/out"; fail "a curve of two loads is judged"; }
grep -qx "1 of 5 expectations has no case in this run: not judged" "$T/out" || { cat "$T/out"; fail "not told"; }
gives 1 "$PSIM" run "$T/e.lua" --no-store -p workload.load=0.3 -p max=1us
gives 0 "$PSIM" run "$T/e.lua" --no-store --json -p workload.load=0.3
[ "$(grep -c '"ok":' "$T/out")" -eq 2 ] || { cat "$T/out"; fail "JSON has what was not judged"; }
sed 's/load"] = 0.6 }, equals/load"] = 0.7 }, equals/' "$T/e.lua" >"$T/typo.lua"
gives 1 "$PSIM" run "$T/typo.lua" --no-store
grep -q "no finished point has this measure with these values" "$T/out" || { cat "$T/out"; fail "a wrong value passes"; }
gives 1 "$PSIM" run "$T/typo.lua" --no-store -p within=0.3
gives 0 "$PSIM" figure hsm_hits -p files=sizes -p workload.replace='{lru,stp}' -p workload.part=0.1 -d "$T/f.db" -o "$T/f.svg"
grep -qx "6 of 7 expectations have no case in this run: not judged" "$T/out" || { cat "$T/out"; fail "of a figure: not told"; }
gives 1 "$PSIM" run "$T/e.lua" --no-store -p which=nothing
grep -q "no two points to compare" "$T/out" || fail "a measure that is missing passes"
gives 1 "$PSIM" run "$T/e.lua" --no-store --json -p max=1us
grep -q '"exit": 1' "$T/out" || fail "JSON says another exit code"
gives 1 "$PSIM" run "$T/e.lua" --no-store -p direction=falling
grep -q "^NOT as expected: monotone" "$T/out" || fail "a kind of figures is not judged"
gives 2 "$PSIM" check "$T/e.lua" -p direction=sideways; says "direction"

# Over time: of a run, and of one whose points are finished already.
gives 0 "$PSIM" run pfs_rebuild_time -o "$T/time.db"
[ "$(grep -c '^as expected: .* over whole is' "$T/out")" -eq 5 ] || { cat "$T/out"; fail "five over time are met"; }
gives 0 "$PSIM" run pfs_rebuild_time -o "$T/time.db" --resume
[ "$(grep -c '^as expected: .* over whole is' "$T/out")" -eq 5 ] || { cat "$T/out"; fail "the same of finished points"; }
