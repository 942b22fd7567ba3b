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
for t in scalars samples bins busy params remarks; do gives 0 "$PSIM" export "$T/q.db" -t $t; done
gives 2 "$PSIM" export "$T/q.db" -t scalar;              says "did you mean 'scalars'"
gives 2 "$PSIM" export "$T/q.db" --columns idx,nothing;  says "no column 'nothing'"
gives 2 "$PSIM" export "$T/q.db" -o "$T/none/x.csv";     says "$T/none/x.csv"
gives 3 "$PSIM" export "$T/q.db" -o /dev/full;           says "No space left"
gives 2 "$PSIM" export "$T/none.db";                     says "No such file"
gives 2 "$PSIM" export "$Q";                             says "not a results file"
gives 2 "$PSIM" export "$T/q.db" -e 7;                   says "no experiment 7"

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
