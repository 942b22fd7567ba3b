# Nothing that comes from a configuration, a name or a results file can steer the terminal.
. tests/system/lib.sh

# no_controls FILE...: no control character but newline and tab, no U+009B.
no_controls() {
    ! LC_ALL=C grep -nP '[\x00-\x08\x0b-\x1f\x7f]|\xc2[\x80-\x9f]' "$@" || fail "a control character in $*"
}
esc=$(printf '\033[31m')
config "a${esc}b" <<'END'
print("\27[2J\u{9b}31m")
return {
    title = "red\27[31m\nand a line",
    workload = { kind = "event_ring", customers = 100, load = param("load", 0.5) },
    seed = 1 + 0 * #param("née", ""),
    sweep = { product = { ["née"] = { "x\27[5mx\ny", "Größe" } } },
    measures = { "wait\27[7m.mean", "wait.mean" },
    expectations = { { measure = "wa\27[31mit", min = 0 } },
}
END
F=$T/a${esc}b.lua
gives 1 "$PSIM" run "$F" -o "$T/r.db"
no_controls "$T/out" "$T/err"
grep -q 'red?\[31m and a line' "$T/out"
grep -q 'Größe' "$T/out"
gives 1 "$PSIM" run "$F" -o "$T/r.db" --json;     no_controls "$T/out" "$T/err"
gives 0 "$PSIM" check "$F";                       no_controls "$T/out" "$T/err"
gives 0 "$PSIM" check "$F" --resolved;            no_controls "$T/out" "$T/err"
gives 0 "$PSIM" export "$T/r.db";                 no_controls "$T/out" "$T/err"
gives 0 "$PSIM" plot "$T/r.db" -x née -y wait.mean -o "$T/plot.svg"
no_controls "$T/out" "$T/err" "$T/plot.svg"
gives 2 "$PSIM" check "$Q" -p "$esc=1";           no_controls "$T/out" "$T/err"
gives 2 "$PSIM" "$esc";                           no_controls "$T/out" "$T/err"
gives 2 "$PSIM" check "$T/no$esc
psim: a second line"
no_controls "$T/out" "$T/err"
says "no?[31m psim: a second line"
config keys <<'END'
return { workload = { kind = "event_ring" }, ["a\27[31m"] = 1 }
END
gives 2 "$PSIM" check "$T/keys.lua";              no_controls "$T/out" "$T/err"

# What it prints ends some day.
config prints <<'END'
for i = 1, 1e6 do print(i) end
return { workload = { kind = "event_ring" } }
END
gives 0 "$PSIM" check "$T/prints.lua"
[ "$(wc -l <"$T/err")" -le 202 ] || fail "$(wc -l <"$T/err") lines"
grep -q 'no more are shown' "$T/err"

# What comes from elsewhere begins no line, and files are as clean as what is printed.
cd "$T"
odd="o${esc}d
psim: forged"
config odd <<'END2'
return {
    title = "one\npsim: forged", seed = 1 + 0 * #param("a,\"b\"", ""),
    workload = { kind = "event_ring", customers = 100, load = param("workload.load", 0.5) },
    sweep = { product = { ["a,\"b\""] = { "x\27[5m\npsim: forged\t,", "=1" }, ["workload.load"] = { 0.2, 0.5 } } },
    measures = { "wait.mean\npsim: forged" },
    expectations = { { measure = "wait.mean", min = 1e9 } },
    figure = {
        x = "workload.load", y = "wait.mean", by = "a,\"b\"",
        published = { { name = "p\npsim: forged", citation = "c\27\npsim: forged", confidence = "low", points = { { 0.2, 1 } } } },
        expectations = { { kind = "value", at = { ["a,\"b\""] = "=1", ["workload.load"] = 0.2 }, equals = 1, within = 2, name = "n\npsim: forged" } },
    },
}
END2
mv odd.lua "$odd.lua"
no_forged() { ! grep -n '^psim: forged' "$T/out" "$T/err" || fail "a forged line: $*"; no_controls "$T/out" "$T/err"; }
for command in check run trace "figure -o f.svg"; do
    code=0
    # shellcheck disable=SC2086 # a command and its options
    "$PSIM" $command "./$odd.lua" >out 2>err || code=$?
    [ "$code" -le 1 ] || { cat err; fail "$command gave $code"; }
    no_forged $command
done
python3 -m json.tool "./$odd.json" >/dev/null || fail "the trace is no JSON"

for db in results/runs/*.db; do cp "$db" r2.db; done
gives 0 "$PSIM" plot r2.db -x workload.load -y wait.mean -o plot2.svg;  no_forged plot; no_controls plot2.svg f.svg
gives 2 "$PSIM" plot r2.db -x workload.load -y wait.mean -o "$odd.svg"; no_forged plot
says "has a control character in its name"
gives 0 "$PSIM" export -e 1 -t params r2.db -o params.csv
no_controls params.csv
"$PSIM" export -e 1 -t params r2.db | cmp - params.csv || fail "a table is another in a file"
python3 -c '
import csv
rows = list(csv.DictReader(open("params.csv", newline="")))
assert {r["a,\"b\""] for r in rows} == {"x?[5m\npsim: forged\t,", "\x27=1"}, {r["a,\"b\""] for r in rows}'
