# Output is checked to its end: a loss is one sentence and exit 3; files appear whole or not at all.
. tests/system/lib.sh
full() { local code=0; "$@" >/dev/full 2>"$T/err" || code=$?; [ "$code" -eq 3 ] || fail "'$*' >/dev/full gave $code"; says "standard output could not be written"; }
run() { "$PSIM" run "$Q" -q -r 1 -p customers=200 -p workload.warmup=0 "$@"; }

full "$PSIM" list workloads
full "$PSIM" --help
full "$PSIM" check "$Q"
full run -j2 -p "workload.stations={1,2,3,4}" -p "customers={100,200,300}" -o "$T/r.db"
full run --json --no-store
gives 0 "$PSIM" export "$T/r.db"
[ "$(wc -l <"$T/out")" -eq 37 ] || fail "the finished points are not in the results file"
full "$PSIM" export "$T/r.db"
full "$PSIM" compare "$T/r.db" "$T/r.db"

# Nothing is kept under these names.
for name in "" :memory:; do
    gives 2 run -o "$name";                       says "names no file"
    gives 2 "$PSIM" export "$T/r.db" -o "$name";  says "names no file"
    gives 2 "$PSIM" trace "$Q" -o "$name";        says "names no file"
done
gives 2 run --output-dir "" --no-store;           says "names no file"
gives 2 "$PSIM" figure queue -d "";               says "names no file"

# A full disk (no file may grow past 40 KiB): what was there stays, nothing else appears.
small() { bash -c 'ulimit -f 40; trap "" XFSZ; exec "$@"' small "$@"; }
mkdir "$T/kept"
echo old >"$T/kept/t.csv"
echo old >"$T/kept/p.svg"
echo old >"$T/kept/t.json"
gives 3 small "$PSIM" export -t bins "$T/r.db" -o "$T/kept/t.csv";  says "t.csv' cannot be written"
gives 3 small "$PSIM" trace "$Q" -q -o "$T/kept/t.json";              says "t.json' cannot be written"
if command -v gnuplot >/dev/null; then
    gives 3 small "$PSIM" plot "$T/r.db" -o "$T/kept/p.svg";          says "p.svg' cannot be written"
    gives 3 small "$PSIM" plot "$T/r.db" -o "$T/kept/p.png"
fi
for f in t.csv p.svg t.json; do [ "$(cat "$T/kept/$f")" = old ] || fail "$f was changed"; done
[ "$(ls -A "$T/kept" | wc -l)" -eq 3 ] || { ls -A "$T/kept"; fail "parts are left"; }

# Whole files replace what was there; what is no file is written directly.
gives 0 "$PSIM" export "$T/r.db" -o "$T/kept/t.csv"
[ "$(wc -l <"$T/kept/t.csv")" -eq 37 ] || fail "the table is not whole"
gives 0 "$PSIM" export "$T/r.db" -o /dev/null
gives 3 "$PSIM" export "$T/r.db" -o /dev/full;                        says "/dev/full"
