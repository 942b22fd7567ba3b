# Meshes of awkward shape run; those that make no sense are refused by a sentence.
. tests/system/lib.sh
config m <<'END'
return {
    mesh = { kind = param("mesh.kind", "worm"), rows = 3, columns = 5 },
    workload = { kind = "mesh_load", load = 0.1, warmup = "2us", measure = "20us" },
}
END
run() { "$PSIM" run "$T/m.lua" -q --no-store "$@"; }
gives 2 run -p mesh.rows=0;                        says "mesh.rows is 0 but must be from 1 to"
gives 2 run -p mesh.rows=-3;                       says "mesh.rows is -3"
gives 2 run -p mesh.rows=65536 -p mesh.columns=65536; says "nodes are allowed"
gives 2 run -p workload.pattern=transpose;         says "needs a square grid, not a 3x5 mesh"
gives 2 "$PSIM" check "$T/m.lua" -p workload.pattern=transpose; says "needs a square grid"
gives 2 run -p mesh.kind=wurm;                     says "did you mean 'worm'?"
for kind in worm ideal flit; do
    gives 0 run -p mesh.kind=$kind
    gives 0 run -p mesh.kind=$kind -p mesh.rows=1 -p mesh.columns=1
    gives 0 run -p mesh.kind=$kind -p mesh.rows=1 -p mesh.columns=7
    gives 0 run -p mesh.kind=$kind -p mesh.rows=13 -p mesh.columns=1
done
# The digest of the exact model and of its reference are the same.
gives 0 run --json -p mesh.kind=worm; digests "$T/out" >"$T/a"
gives 0 run --json -p mesh.kind=flit; digests "$T/out" >"$T/b"
cmp "$T/a" "$T/b" || fail "worm and flit differ"
