# Tables fit the terminal, values have readable units, remarks are counted, plots are readable.
. tests/system/lib.sh
config slow <<'EOF'
return {
    workload = {
        kind = "event_ring", load = 0.5, customers = 200, warmup = 0,
        service = param("workload.service", "1us"),
    },
    sweep = { product = { ["workload.service"] = { "1us", "1s" }, ["workload.stations"] = { 1, 2 } } },
}
EOF
gives 0 env COLUMNS=50 "$PSIM" run "$T/slow.lua" -q -r 1 -o "$T/slow.db"
[ "$(wc -L <"$T/out")" -le 50 ] || fail "a line is longer than 50 columns"
[ "$(grep -c '^service  stations' "$T/out")" -gt 1 ] || fail "the other columns have no rows' names"
grep -q "[1-9][0-9.]* us" "$T/out" || fail "a wait of microseconds is not in us"
if grep -q "0\.0000" "$T/out"; then fail "zeros stand for a unit"; fi

# The same words with other numbers are one remark.
gives 0 "$PSIM" run mesh_load -q -p 'workload.pattern=hotspot' -p 'workload.load={0.25,0.3}' --no-store
[ "$(grep -c 'saturated' "$T/err")" -eq 1 ] || fail "one remark is told twice"
grep -q 'and 1 other point, with other numbers' "$T/err" || fail "the remark is not counted"

command -v gnuplot >/dev/null || exit 0
gives 0 "$PSIM" run "$Q" -q -r 1 -p 'customers={100,200}' -p 'workload.stations={1,2,3}' -o "$T/q.db" -p 'workload.warmup={0,10}'
gives 0 "$PSIM" plot "$T/q.db" -o "$T/q.svg"
grep -q "12 curves, in small multiples" "$T/out" || fail "twelve curves in one drawing"
grep -q "stations = 3" "$T/q.svg" || grep -q "customers = 200" "$T/q.svg" || fail "no panel is named"
# A value that is expected and cited is a published point.
gives 0 "$PSIM" figure machine_table -q -o "$T/a.svg" -d "$T/a.db"
grep -q "published" "$T/a.svg" || fail "published points are missing"
