# Walks through data sets: over plain files with hints right and wrong; hits without devices; what is refused.
. tests/system/lib.sh
C=$T/dataset.lua
config dataset <<'EOF'
local paragon = include "machines/paragon.lua"
local services = include "parts/services.lua"
local access = param("access", "sweep")
local walk = { access = access, files = param("files", 12), pieces = param("pieces", 4), columns = param("columns", 8), rows = 6, run = param("run", 4),
    view = param("view", 2) }
return {
    machine = paragon { rows = 2, columns = 3, io_nodes = 1, storage = { kind = "disk" }, os = services.files },
    workload = param("hits", false) and
        { kind = "hits", walk = walk, reads = 400, warmup = 0, part = 0.3, hints = true, prefetch = param("prefetch", "list"),
          low = param("low", 1) } or
        { kind = "dataset", system = "files", nodes = 2, piece = "10kB", requests = 24, warmup = 0, think = "20ms", walk = walk,
          hints = param("hints", "none"), wrong = param("wrong", 0), ahead = 3, index = "1ms" },
}
EOF
shows() {
    grep -qE -- "$1" "$T/out" || { cat "$T/out"; fail "the output does not show: $1"; }
}
value() {
    awk -v name="\"$1\":" '$1 == name { getline; print $2 + 0 }' "$T/out"
}
for access in sweep tiles zipf planes; do
    gives 0 "$PSIM" run "$C" --no-store --json -p access=$access -p hints=ahead
    hints=$(value dataset.hints.mean)
    [ -n "$hints" ] || hints=$(value dataset.hints)
    awk -v n="$hints" 'BEGIN { exit !(n >= 24) }' || fail "$access: $hints hints of 24 steps"
done
gives 0 "$PSIM" run "$C" --no-store -p hints=list -p wrong=1
gives 0 "$PSIM" run "$C" --no-store -p hits=true -p access=zipf
shows 'hits.ratio'
refused() {
    local text=$1
    shift
    gives 2 "$PSIM" run "$C" --no-store "$@"; says "$text"
}
refused "workload.walk: a field of 7 x 6 x 1 tiles is not 12 files of 4 pieces" -p access=tiles -p columns=7
refused "workload.walk: a field of 7 x 6 x 1 tiles is not 12 files of 4 pieces" -p access=planes -p columns=7
refused "workload.walk.order = 'blocks': a file of 8 pieces is no square that divides a field of 8 x 6 x 1 tiles" \
    -p access=planes -p workload.walk.order=blocks -p pieces=8 -p files=6
refused "workload.walk.view = 7: the field is 8 x 6 tiles" -p access=tiles -p view=7
refused "workload.walk.run = 5: 12 files are not sets of so many" -p access=zipf -p run=5
refused "workload.low = 1 is above workload.high = 0.5" -p hits=true -p workload.high=0.5

# From tape: one request to the archive at a time, or two: each piece but the first costs less by its way to the disk.
gives 0 "$PSIM" run hsm_overlap --no-store -q -j2 -p pieces='{16,64}'
awk '$1 ~ /^[124]$/ && $2 ~ /^(16|64)$/ { t[$1, $2] = $3 }
    END { x = (t[1, 16] - t[2, 16]) / 15; y = (t[1, 64] - t[2, 64]) / 63; exit !(x > 0.2 && x < 1.05 * y && y < 1.05 * x) }' \
    "$T/out" || { cat "$T/out"; fail "two requests under way do not save the way to the disk of all pieces but one"; }
