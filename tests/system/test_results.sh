# Export, plot, compare and figure work on what a run stored, and refuse what is wrong.
. tests/system/lib.sh
needs /dev/full
gives 0 "$PSIM" run "$Q" -q -r 2 -o "$T/q.db"

# export: a head with units, a line for each point, chosen columns, the tables
gives 0 "$PSIM" export "$T/q.db"
[ "$(wc -l <"$T/out")" -eq 7 ] || fail "six points and a head"
head -n 1 "$T/out" | grep -q '^idx,workload.load,replication,seed,status,digest,.*wait.mean \[s\]' || fail "head"
gives 0 "$PSIM" export "$T/q.db" --columns idx,status -o "$T/q.csv"
[ "$(sed -n 2p "$T/q.csv")" = "0,ok" ] || fail "columns"
for t in scalars samples bins busy params; do # a line for each row, and as many cells as the head has
    gives 0 "$PSIM" export "$T/q.db" -t $t
    [ "$t" = samples ] || [ "$(wc -l <"$T/out")" -gt 6 ] || fail "$t: $(wc -l <"$T/out") lines"
    awk -F, 'NR == 1 {n = NF} NF != n {exit 1}' "$T/out" || fail "$t: rows and head differ"
done
[ "$(grep -c ',workload.kind,event_ring,' "$T/out")" -eq 6 ] || fail "a parameter of each point"
gives 0 "$PSIM" export "$T/q.db" -t remarks
gives 2 "$PSIM" export "$T/q.db" -t scalar;              says "did you mean 'scalars'"
gives 2 "$PSIM" export "$T/q.db" --columns idx,nothing;  says "no column 'nothing'"
gives 2 "$PSIM" export "$T/q.db" -o "$T/none/x.csv";     says "$T/none/x.csv"
gives 3 "$PSIM" export "$T/q.db" -o /dev/full;           says "No space left"
gives 2 "$PSIM" export "$T/none.db";                     says "No such file"
gives 2 "$PSIM" export "$Q";                             says "not a results file"
gives 2 "$PSIM" export "$T/q.db" -e 7;                   says "no experiment 7"

# --json: every measure of every point, with the value that the table has
gives 0 "$PSIM" run "$Q" -q -r 2 --no-store --json
cp "$T/out" "$T/q.json"
gives 0 "$PSIM" export "$T/q.db" -t scalars
python3 - "$T/q.json" "$T/out" <<'END' || fail "JSON and table differ"
import csv, json, sys
points = json.load(open(sys.argv[1]))["points"]
rows = list(csv.DictReader(open(sys.argv[2])))
assert len(points) == 6 and len(rows) > 6 * 4, (len(points), len(rows))
for r in rows:
    s = points[int(r["idx"])]["scalars"][r["name"]]
    assert s["unit"] == r["unit"], r
    assert r["value"] == "" or abs(s["value"] - float(r["value"])) <= 1e-12 * abs(s["value"]), r
assert sum(len(p["scalars"]) for p in points) == len(rows)
END

# demerit: by hand, distribution against distribution and request against request
printf '%s\n' response_ms,op 1,R 5,W 3,R >"$T/a.csv"
printf '%s\n' response_ms,op 4,R 5,W 1,R >"$T/b.csv"
gives 0 "$PSIM" demerit "$T/a.csv" "$T/b.csv" --json
tr -d ' \n' <"$T/out" >"$T/d"
grep -qF '"all":{"requests":[3,3],"mean_ms":[3.000000,3.333333],"demerit_ms":0.577350,"demerit_percent":19.245009,"request_rms_ms":2.081666}' "$T/d" ||
    fail "$(cat "$T/d")" # sqrt(1/3), sqrt((9 + 0 + 4) / 3)
grep -qF '"reads":{"requests":[2,2],"mean_ms":[2.000000,2.500000],"demerit_ms":0.707107,"demerit_percent":35.355339,"request_rms_ms":2.549510}' "$T/d" ||
    fail "$(cat "$T/d")" # sqrt(1/2), sqrt(13 / 2)

# compare: a run equals itself and its repetition; another seed differs; tolerances let pass
gives 0 "$PSIM" run "$Q" -q -r 2 -o "$T/again.db"
gives 0 "$PSIM" compare "$T/q.db" "$T/again.db"
gives 0 "$PSIM" run "$Q" -q -r 2 --seed 7 -o "$T/other.db"
gives 1 "$PSIM" compare "$T/q.db" "$T/other.db"
grep -q '^differs: workload.load=0.5 #0 digest: ' "$T/out" || fail "digests are not compared"
gives 0 "$PSIM" compare "$T/q.db" "$T/other.db" --no-digest -t 'wait*=10'
gives 2 "$PSIM" compare "$T/q.db";                       says "with what"
gives 2 "$PSIM" compare "$T/q.db" "$T/other.db" -t wait; says "NAME=NUMBER"
(
    cd "$T"
    gives 2 "$PSIM" compare q.db --reference;            says "--accept"
    gives 0 "$PSIM" compare q.db --accept
    gives 0 "$PSIM" compare again.db --reference
    gives 1 "$PSIM" compare other.db --reference
    gives 0 "$PSIM" compare other.db --accept
    grep -q '^differs: ' out || fail "no difference is printed when it is accepted"
    gives 0 "$PSIM" compare other.db --reference
)

# figure: drawn and judged; a planted failure is found
config f <<'END'
return {
    workload = { kind = "event_ring", customers = 20000 },
    sweep = { product = { ["workload.load"] = { 0.3, 0.6 } } },
    figure = {
        x = "workload.load", y = param("y", "wait"), log = param("log", "x"),
        published = { { name = "closed form", points = { { 0.6, "1.5ms" } }, citation = "a book",
                        confidence = param("confidence", "high") } },
        expectations = { { kind = "published", within = param("within", 0.2) } },
    },
}
END
if command -v gnuplot >/dev/null; then
    (
        cd "$T"
        gives 0 "$PSIM" figure f.lua -q
        grep -q '^holds ' out || fail "no verdict"
        grep -q '<svg' results/runs/f.svg || fail "no drawing"
        gives 1 "$PSIM" figure f.lua -q -p within=0.0001
        grep -q '^FAILS ' out || fail "a planted failure is not found"
        gives 2 "$PSIM" figure f.lua -q -p log=z;           says "must be 'x', 'y' or 'xy'"
        gives 2 "$PSIM" figure f.lua -q -p confidence=sure; says "'high', 'medium' or 'low'"
        gives 2 "$PSIM" figure queue.lua -q;                says "has no figure"
        gives 0 "$PSIM" plot q.db --config f.lua -o plot.svg
        gives 0 "$PSIM" plot q.db -o plot.png
        gives 2 "$PSIM" plot q.db -o plot.gif;              says ".svg or .png"
        gives 2 "$PSIM" plot q.db --x workload.laod;        says "did you mean 'workload.load'"
    )
fi
(
    export PATH=/nowhere
    gives 2 "$PSIM" plot "$T/q.db" -o "$T/x.svg"
) || [ $? -eq 127 ] || fail "plot without gnuplot"

# trace: JSON, the same digest, a point that is not there
gives 0 "$PSIM" trace "$Q" -q -n 2 -o "$T/t.json"
head -c 1 "$T/t.json" | grep -qF '[' || fail "no JSON array"
gives 0 "$PSIM" trace "$Q" -q -o "$T/t.json.zst" --from 1ms --to 5ms
gives 2 "$PSIM" trace "$Q" -q -n 9;              says "there is no point 9"
gives 2 "$PSIM" trace "$Q" -q --to 5;            says "has no unit"
gives 2 "$PSIM" trace "$Q" -q --from 5ms --to 1ms; says "later than --from"
