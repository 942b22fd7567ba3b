# --resume takes what is finished, and nothing that is not the same.
. tests/system/lib.sh
run() { "$PSIM" run "$Q" -p customers="${customers:-500}" -r 2 -o "$T/r.db" "$@"; }
gives 0 run;                                   grep -q '^6 points run; ' "$T/out"
cp "$T/out" "$T/first"
gives 0 run --resume;                          grep -q '^0 points run, 6 taken from the file' "$T/out"
diff <(grep -v ' run[;,]' "$T/first") <(grep -v ' run[;,]' "$T/out") || fail "the table differs"
gives 0 run --resume -p 'workload.load={0.5,0.6}'
grep -q '^2 points run, 2 taken' "$T/out" || fail "an axis with one new value"
customers=501 gives 0 run --resume;            grep -q '^6 points run;' "$T/out" || fail "a changed -p took an old point"
gives 0 run --resume -p workload.service=2ms;  grep -q '^6 points run;' "$T/out" || fail "a changed parameter took an old point"
gives 0 run --resume --seed 5;                 grep -q '^6 points run;' "$T/out" || fail "another seed took an old point"
gives 0 run --resume --seed 5 -r 3;            grep -q '^3 points run, 6 taken' "$T/out" || fail "more replications"
gives 0 run;                                   grep -q '^6 points run; ' "$T/out" || fail "without --resume all run"
# Nor is one taken that stands elsewhere in the sweep, though it would run the same.
config named <<EOF
local names = param("names", "old")
local which = param("which", names .. 1)
return {
    devices = { { kind = "disk" } },
    workload = { kind = "disk_load", requests = which == names .. 1 and 20 or 30 },
    sweep = { product = { which = { names .. 1, names .. 2 } } },
}
EOF
named() { "$PSIM" run "$T/named.lua" -o "$T/named.db" --resume "$@"; }
gives 0 named
gives 0 named;               grep -q '^0 points run, 2 taken' "$T/out" || fail "the same names"
gives 0 named -p names=new;  grep -q '^2 points run;' "$T/out" || fail "a point with another name was taken"
grep -q 'new2' "$T/out" || fail "the table has the old names"
gives 0 named;               grep -q '^0 points run, 2 taken' "$T/out" || fail "the old names again"
# A point that did not finish is run again.
gives 3 run --resume -p limits.events=100 -p workload.load=0.55
gives 0 run --resume -p workload.load=0.55;    grep -q '^2 points run;' "$T/out" || fail "an unfinished point was taken"

# Two that go on with one file do not both run its points: the second waits for the first.
"$PSIM" run "$Q" -o "$T/two.db" --resume >"$T/one" 2>&1 &
"$PSIM" run "$Q" -o "$T/two.db" --resume >"$T/other" 2>&1 || fail "the second of two"
wait $! || fail "the first of two"
runs=$(sed -nE 's/^([0-9]+) points? run.*/\1/p' "$T/one" "$T/other" | awk "{ n += \$1 } END { print n }")
[ "$runs" -eq 3 ] || fail "$runs points were run"
