# A point whose network deadlocks: its status says so, the circle is named, the others finish.
. tests/system/lib.sh
gives 3 "$PSIM" run mesh_deadlock -o "$T/d.db" -j 2
grep -qE '^adaptive_unsafe .* deadlock' "$T/out" || { cat "$T/out"; fail "the table does not say deadlock"; }
[ "$(grep -cE '^(xy|west_first|odd_even|adaptive) +0\.[0-9]' "$T/out")" -eq 4 ] || fail "the other points did not finish"
grep -qE "^psim: point 5 \(mesh.route=adaptive_unsafe, seed 1\): deadlock: the network stands still since [0-9.]+ us: packet [0-9]+->[0-9]+ at router [0-9]+ waits for packet .* which closes the circle" "$T/err" ||
    { cat "$T/err"; fail "the circle is not named"; }
# It is not taken for finished; the circle is in the file; the same run finds the same circle.
grep '^psim: point' "$T/err" >"$T/first"
gives 3 "$PSIM" run mesh_deadlock -o "$T/d.db" --resume
grep -q '^1 point run, 4 taken from the file' "$T/out" || fail "what finished was not taken"
grep '^psim: point' "$T/err" | cmp - "$T/first" || fail "another circle"
# Dead channels are no deadlock: what is lost is reported, and the run ends well.
config lossy <<'END_OF_TEXT'
return {
  mesh = { kind = "worm", rows = 4, columns = 4,
           faults = { { at = "3us", path = "channel (1,1)+x" }, { at = "4us", path = "router 10", after = param("after", "0s") } } },
  workload = { kind = "mesh_load", load = 0.2, warmup = "2us", measure = "10us" },
}
END_OF_TEXT
gives 0 "$PSIM" run "$T/lossy.lua" --no-store
grep -q "packets were dropped by the network" "$T/err" || fail "the loss is not reported"
