# Files that a run reads: confined where a configuration names them, part of what identifies a point,
# never anything that could block.
. tests/system/lib.sh
mkdir "$T/conf" "$T/else"
config conf/list <<'END'
return {
    mesh = { kind = "worm", rows = 2, columns = 2 },
    workload = { kind = "mesh_list", file = param("trace", "t.txt"), time_unit = param("unit", "own") },
}
END
C=$T/conf/list.lua D=$T/else/good.txt
printf '1ns 0 1 8\n' >"$T/conf/t.txt"
printf '1ns 0 1 8\n2ns 0 1 8\n' >"$D"
packets() { sed -nE '/"packets":/{n;s/.*"value": ([0-9.]+).*/\1/p}' "$T/out" | head -n 1; }

# An edited file makes another point: --resume and figure run it anew, else they do not (INPUT3).
gives 0 "$PSIM" run "$C" -o "$T/r.db" -q
gives 0 "$PSIM" run "$C" -o "$T/r.db" --resume
grep -q '^0 points run, 1 taken' "$T/out" || fail "not taken"
printf '1ns 0 1 8\n3ns 0 1 8\n4ns 0 1 8\n' >"$T/conf/t.txt"
gives 0 "$PSIM" run "$C" -o "$T/r.db" --resume
grep -q '^1 point run' "$T/out" || fail "the edited trace was not read"
grep -q ' 3.000 ' "$T/out" || fail "not three packets"
gives 0 "$PSIM" check "$C" --resolved; grep -q '^workload.file.content = [0-9a-f]\{32\}$' "$T/out"

# A configuration reads below its folder only (INPUT1).
refused() {
    gives 2 "$PSIM" check "$C"
    says "$1"
}
named() { sed -i "s|\"trace\", \"[^\"]*\"|\"trace\", \"$1\"|" "$C"; }
named /etc/shadow;          refused "list.lua:3: workload.file: '/etc/shadow': name a file below"
named ../else/good.txt;     refused "leads out of the folder"
mkdir "$T/conf/sub"
named sub/../t.txt;         refused "leads out of the folder"
ln -s "$D" "$T/conf/link";  named link;   refused "leads out of the folder"
ln -s t.txt "$T/conf/near"; named near;   gives 0 "$PSIM" check "$C"
mkfifo "$T/conf/fifo";      named fifo;   refused "is not a regular file"
named sub;                  refused "is a folder"
named nothing;              refused "there is no file"

# What the user names is the user's, but neither a FIFO nor a device (INPUT2).
gives 0 "$PSIM" run "$C" --no-store -p workload.file="$D"; grep -q ' 2.000 ' "$T/out"
gives 0 "$PSIM" run "$C" --no-store -p trace="$D";         grep -q ' 2.000 ' "$T/out"
for kind in check "run --no-store"; do
    gives 2 timeout 10 "$PSIM" $kind "$C" -p workload.file="$T/conf/fifo"; says "is not a regular file"
    gives 2 timeout 10 "$PSIM" $kind "$C" -p workload.file=/dev/zero;      says "is not a regular file"
done
gives 2 timeout 10 "$PSIM" check "$T/conf/fifo";                         says "is not a regular file"
gives 2 timeout 10 "$PSIM" demerit "$T/conf/fifo" "$D";                  says "is not a regular file"
gives 2 timeout 10 "$PSIM" plot "$T/conf/fifo"

# Times of other clocks, sectors that would wrap.
printf '1700000001 0 1 8\n1700000000.5 0 1 8\n' >"$D"
gives 2 "$PSIM" check "$C" -p trace="$D" -p unit=s;    says "is workload.time_unit right"
gives 0 "$PSIM" run "$C" --no-store -p trace="$D" -p unit=s -p workload.origin=first
grep -q 'were idle for 100.000 % of the time: are workload.time_unit' "$T/out" "$T/err" || fail "no word of idle time"
gives 2 "$PSIM" check "$C" -p trace="$D" -p unit=s -p workload.origin=first -p workload.sort=false
says "before that of line 1"
config replay <<'END'
return { devices = { kind = "disk" }, workload = { kind = "disk_replay", file = "d.txt" } }
END
for sector in 36028797018963968 9223372036854775807; do
    echo "1 0 $sector 1 R" >"$T/d.txt"
    gives 2 "$PSIM" run "$T/replay.lua" --no-store
    says "d.txt:1: the request ends past the"
done
