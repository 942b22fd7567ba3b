# The digest depends on parameters and seed, and on nothing else (CAMP4, SIM4).
. tests/system/lib.sh
run() { "$PSIM" run "$Q" -q --no-store --json -p customers=2000 "$@"; }
gives 0 run -p 'workload.load={0.2,0.4}' -r 3;            digests "$T/out" >"$T/a"
gives 0 run -p 'workload.load={0.2,0.4}' -r 3;            digests "$T/out" >"$T/b"
gives 0 run -p 'workload.load={0.2,0.4}' -r 3 -j 3;       digests "$T/out" >"$T/c"
gives 0 run -p 'workload.load={0.2,0.4}' -r 3 --trace "$T/t.json"; digests "$T/out" >"$T/d"
gives 0 run -p 'workload.load={0.2,0.4}' -r 3 --flatten;  digests "$T/out" >"$T/e"
gives 0 run -p 'workload.load={0.2,0.4}' -r 3 --seed 2;   digests "$T/out" >"$T/f"
[ "$(wc -l <"$T/a")" -eq 6 ] || fail "no digests"
[ "$(sort -u "$T/a" | wc -l)" -eq 6 ] || fail "points that differ have one digest"
for other in b c d e; do cmp "$T/a" "$T/$other" || fail "digests differ: $other"; done
[ "$(cat "$T/a" "$T/f" | sort -u | wc -l)" -eq 12 ] || fail "another seed gave the same digest"
(cd / && env -i HOME=/ TZ=Asia/Tokyo LANG=de_DE.UTF-8 "$PSIM" run "$Q" -q --no-store --json \
    -p customers=2000 -p 'workload.load={0.2,0.4}' -r 3) >"$T/out"
digests "$T/out" >"$T/g"
cmp "$T/a" "$T/g" || fail "the folder or the environment changed a digest"
# The seed of a replication, given alone, repeats it.
gives 0 run -p workload.load=0.4 -r 3
seed=$(sed -nE 's/.*"seed": "([0-9]*)".*/\1/p' "$T/out" | tail -n 1)
third=$(digests "$T/out" | tail -n 1)
gives 0 run -p workload.load=0.4 -r 1 --seed "$seed"
[ "$(digests "$T/out")" = "$third" ] || fail "a replication's seed does not repeat it"

# Points that one process runs one after another have the results that each has in a process of its own,
# which is where a point with a trace runs.  Express is off: a trace has none, and it takes fewer events.
for c in hello determinism_pfs; do
    for how in shared alone; do
        trace=()
        [ $how = shared ] || trace=(--trace "$T/trace.json")
        gives 0 "$PSIM" run "$c" -p machine.network.express=false -o "$T/$how.db" "${trace[@]}"
        gives 0 "$PSIM" export "$T/$how.db" --columns idx,digest,events
        cp "$T/out" "$T/$how"
        for table in scalars busy samples bins remarks; do
            gives 0 "$PSIM" export "$T/$how.db" --table $table
            cat "$T/out" >>"$T/$how"
        done
    done
    [ "$(wc -l <"$T/alone")" -gt 20 ] || fail "nothing was exported"
    diff "$T/alone" "$T/shared" >"$T/diff" || { head "$T/diff"; fail "$c: points of one process differ"; }
done
