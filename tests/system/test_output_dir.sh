# --output-dir makes its folder, and says in one sentence when it cannot.
. tests/system/lib.sh
config small <<'END'
return {
  mesh = { kind = "worm", rows = 3, columns = 4 },
  workload = { kind = "mesh_load", load = 0.1, warmup = "2us", measure = "5us" },
}
END
gives 0 "$PSIM" run "$T/small.lua" -q --no-store --output-dir "$T/made"
[ -s "$T/made/packets.csv" ] || fail "packets.csv is not written"
[ -s "$T/made/channels.svg" ] || fail "channels.svg is not written"
gives 2 "$PSIM" run "$T/small.lua" -q --no-store --output-dir "$T/no/such"
says "cannot be made"
# Each point of a sweep has a folder of its own.
gives 0 "$PSIM" run "$T/small.lua" -q --no-store --output-dir "$T/made" -p 'workload.load={0.1,0.3}' -j 2
[ -s "$T/made/point-1/packets.csv" ] || fail "the first point's files are not in their folder"
cmp -s "$T/made/point-1/packets.csv" "$T/made/packets.csv" || fail "the same point wrote other packets"
cmp -s "$T/made/point-1/packets.csv" "$T/made/point-2/packets.csv" && fail "the points share a file"
exit 0
