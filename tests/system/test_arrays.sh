# Out-of-core arrays: random programs check their results (scripts/soak-arrays has more); what cannot be is refused.
. tests/system/lib.sh
gives 0 scripts/soak-arrays "${ARRAYS:-25}"
config arrays <<'END'
local paragon = include "machines/paragon.lua"
return {
  machine = paragon { rows = 2, columns = 4, io_nodes = 2 },
  workload = {
    kind = "arrays", operation = param("op", "redistribute"), system = param("system", "pfs"), nodes = 4,
    rows = param("rows", 20), columns = param("columns", 30), planes = param("planes", 0),
    from = param("from", ""), from_grid = param("grid", ""), to = param("to", ""),
    placement = param("placement", "global"), method = param("method", "list"),
    memory = param("memory", "4KiB"), element = param("element", "8B"),
  },
}
END
run() { "$PSIM" run "$T/arrays.lua" -q --no-store "$@"; }
check() { "$PSIM" check "$T/arrays.lua" "$@"; }
gives 0 run
gives 2 check -p from='(BLOK, *)'; says "workload.from is '(BLOK, *)': write one of *, BLOCK"
gives 2 check -p to='(BLOCK)'; says "for each of 2 dimensions"
gives 2 check -p from='(BLOCK(3), *)'; says "4 parts of BLOCK(3) do not have the 20 indices"
gives 2 check -p from='(CYCLIC, CYCLIC)' -p grid=3x2; says "whose product is at most the 4 ranks"
gives 2 check -p memory=200B; says "less than the narrowest slab of a rank's part"
gives 2 check -p columns=0 -p planes=4; says "workload.planes is 4, but workload.columns is 0"
gives 2 check -p placement=local -p method=two_phase; says "in the local placement each has its own"
gives 0 run -p op=multiply -p element=8B
gives 2 check -p op=lu; says "takes a square"
gives 2 check -p op=lu -p columns=20 -p memory=200B; says "less than two columns take"
gives 2 check -p op=multiply -p memory=100B; says "less than a line of each factor takes"
gives 2 check -p op=multiply -p element=4B; says "a matrix (planes = 0) of elements of 8 bytes"
gives 2 check -p system=vesta; says "vesta"
gives 2 check -p rows=1000000000 -p columns=1000000000; says "more than 1 PiB"

# A program whose node comes back goes on with the slab that it was at; its result is whole.
config again <<'END'
local paragon = include "machines/paragon.lua"
local m = paragon { rows = 2, columns = 3, io_nodes = 1, faults = { { path = "node 0", at = param("at", "0.6s"), after = "50ms" } } }
m.restart_programs = true
return { machine = m, workload = { kind = "arrays", operation = param("op", "lu"), nodes = 1, rows = 200,
                                   columns = 200, memory = param("memory", "32KiB"), method = "list" } }
END
for case in "redistribute 0.6s 4KiB" "multiply 3s 32KiB" "lu 1s 32KiB"; do
    read -r op at memory <<<"$case"
    gives 0 "$PSIM" run "$T/again.lua" -q --no-store --json -p op="$op" -p at="$at" -p memory="$memory"
    grep -A1 '"machine.crashes"' "$T/out" | grep -q ' 1.0' || fail "$op: the node did not crash"
    grep -A1 '"arrays.checked.mean"' "$T/out" | grep -q '[1-9]' || fail "$op: nothing was compared"
done

# The library tells the caches below what is swept: misses fall, and only where a policy listens.
gives 0 "$PSIM" run array_hints --no-store -q -p 'blocks={16,24,64}'
