# Captures of every kind are what the documented fields of pcap say, read by a program of its own; two ends of a wire agree;
# a capture changes nothing, and its bytes depend on nothing but the run.
. tests/system/lib.sh
command -v python3 >/dev/null || fail "python3 is missing: scripts/setup --test"
check() { python3 tests/system/check_pcap.py "$@" >"$T/said" 2>&1 || { tail -n 1 "$T/said"; fail "$*"; }; }
held() { sed 's/^frames \([0-9]*\) octets \([0-9]*\)$/\1 \2/' "$T/said"; }
run() { gives 0 "$PSIM" run networks_two -q --no-store --json "$@"; }
same() { [ "$(digests "$T/out")" = "$1" ] || fail "a capture changes the run: $1 without, $(digests "$T/out") with it"; }
counted() { sed -n "/\"$1\": {/{n;s/.*\"value\": \([0-9]*\).*/\1/p}" "$T/out"; }

# Over an Ethernet: what one end sends the other gets, 0.8 us an octet at least.
lan="-p over=lan -p workload.size=3kB"
run $lan; plain=$(digests "$T/out"); frames=$(counted lan.sent)
run $lan --pcap "$T/a.pcap:0.lan"; same "$plain"
run $lan --pcap "$T/b.pcap:7.lan"; same "$plain"
check slow "$T/a.pcap" "$T/b.pcap" 0 7 800
# All of the network, each frame once: by whoever sends it.
run $lan --pcap "$T/all.pcap:.lan"; same "$plain"
check read "$T/all.pcap"; all=$(held)
check read "$T/a.pcap"
[ "$(held)" = "$all" ] || fail "one end has $(held), the network $all"
# The window leaves the first rounds out.
[ "$frames" -gt 0 ] && [ "$frames" -le "${all% *}" ] || fail "the driver counted $frames, the network has $all"

# Over the mesh; long messages go by trains of frames when nobody looks.
gives 0 "$PSIM" run networks_two -q --no-store -p over=mesh -p workload.size=3kB --pcap "$T/c.pcap:compute.mesh"
check read "$T/c.pcap"
long() { gives 0 "$PSIM" run message_time -q --no-store --json -p release=R1.4 -p workload.size=1000kB "$@"; }
events() { sed -n 's/.*"events": \([0-9]*\).*/\1/p' "$T/out"; }
long -p machine.trains=false; apart=$(events)
long; plain=$(digests "$T/out")
[ "$(events)" -lt "$apart" ] || fail "no trains"
long --pcap "$T/m0.pcap:0"; same "$plain"
long --pcap "$T/m1.pcap:1"; same "$plain"
check both "$T/m0.pcap" "$T/m1.pcap" 0 1

# A configuration's own, with every parameter; the same bytes whatever -j, and however often.
config own <<'END'
local c = include "networks_two.lua"
c.machine.captures = {
    { file = "whole.pcap", interface = "lan", nodes = { 0, 7 } },
    { file = "out.pcap", interface = "lan", nodes = { 0, 7 }, direction = "out" },
    { file = "in.pcap", interface = "lan", nodes = { 0, 7 }, direction = "in" },
    { file = "cut.pcap", interface = "lan", nodes = { 0, 7 }, snaplen = "64B" },
    { file = "acks.pcap", interface = "lan", nodes = { 0, 7 }, filter = { { offset = 8, mask = 0x00ff0000, value = 0x00080000 } } },
    { file = "mesh.pcap", interface = "mesh", nodes = "compute" },
}
c.expectations = nil
return c
END
own() { gives 0 "$PSIM" run "$T/own.lua" -q --no-store --json -p over=lan -p 'workload.size={0B,3kB}' "$@"; }
mkdir "$T/one" "$T/two"
own --output-dir "$T/one"
own -j 2 --output-dir "$T/two"
diff -r "$T/one" "$T/two" || fail "-j changes a capture"
D=$T/one/point-2
check union "$D/whole.pcap" "$D/out.pcap" "$D/in.pcap"
check cut "$D/whole.pcap" "$D/cut.pcap"
check union "$D/out.pcap" "$T/all.pcap"
check chosen "$D/whole.pcap" "$D/acks.pcap" 8 0x00ff0000 0x00080000
[ "$(stat -c %s "$D/mesh.pcap")" -eq 24 ] || fail "frames on the network that lies idle"
own; grep -q "nothing is written without --output-dir" "$T/out" "$T/err" || fail "nobody is told that nothing is written"

# What cannot be.
refused() { gives 2 "$PSIM" run networks_two -q --no-store -p over=lan -p workload.size=0B --pcap "$1"; grep -qF -- "$2" "$T/err" || { cat "$T/err"; fail "not said: $2"; }; }
refused "$T/none.pcap:8.lan" "--pcap.nodes[1] must be a node, 0 to 7"
refused "$T/none.pcap:0.lam" "there is no network 'lam', did you mean 'lan'?"
refused "$T/none.pcap:conpute" "there is no group of nodes 'conpute', did you mean 'compute'?"
refused "$T/no/none.pcap" "cannot be written: No such file or directory"
gives 2 "$PSIM" run "$Q" -q --no-store -r 1 --pcap "$T/none.pcap"; grep -q "there is no machine" "$T/err" || fail "a capture without a machine"
[ ! -e "$T/none.pcap" ] || fail "a refused capture left a file"
if [ -e /dev/full ]; then
    gives 3 "$PSIM" run networks_two -q --no-store $lan --pcap /dev/full:0.lan
    grep -q "the capture '/dev/full' cannot be written: No space left" "$T/err" || fail "a full disk"
fi
wrong() { sed "s|^c.machine.captures = .*|&\n    $1,|" "$T/own.lua" >"$T/wrong.lua"; gives 2 "$PSIM" check "$T/wrong.lua"; says "$2"; }
wrong '{ file = "a/b", interface = "lan" }' "file is 'a/b', not a name in the folder of --output-dir"
wrong '{ file = "in.pcap" }' "'in.pcap' is that of another capture"
wrong '{ file = "x", nodes = { 1, 1 } }' "node 1 is named twice"
wrong '{ file = "x", nodes = 3 }' "nodes is a whole number, not 'all', a group of nodes, or a list of nodes"
wrong '{ file = "x", filter = {} }' "filter must be a list of 1 to 8 conditions"
wrong '{ file = "x", filter = { { offset = 253, value = 0 } } }' "offset"
wrong '{ file = "x", snaplen = "1MiB" }' "snaplen"
wrong '{ nodes = "all" }' "file"

# A capture as traffic: packets are those of the file, each at its time.
replay() { rm -rf "$T/out.d"; mkdir "$T/out.d"; gives 0 "$PSIM" run "$T/replay.lua" -q --no-store --output-dir "$T/out.d" "$@"; }
config replay <<'END'
return { mesh = { kind = param("mesh.kind", "ethernet", { "ethernet", "worm" }), stations = 8 }, workload = { kind = "pcap", file = "all.pcap" } }
END
replay -p workload.factor=2 -p workload.loops=3 -p workload.gap=1ms
check replayed "$T/all.pcap" "$T/out.d/packets.csv" 2 3 1000000000 0 0
python3 - "$T/all.pcap" "$T/little.pcap" <<'END'
import struct, sys
d = open(sys.argv[1], "rb").read()
out, at = struct.pack("<IHHiIII", *struct.unpack_from(">IHHiIII", d)), 24
while at < len(d):
    h = struct.unpack_from(">IIII", d, at)
    out += struct.pack("<IIII", *h) + d[at + 16 : at + 16 + h[2]]
    at += 16 + h[2]
open(sys.argv[2], "wb").write(out)
END
cp "$T/out.d/packets.csv" "$T/big.csv"
replay -p workload.factor=2 -p workload.loops=3 -p workload.gap=1ms -p workload.file=$T/little.pcap
cmp "$T/big.csv" "$T/out.d/packets.csv" || fail "the order of octets matters"
replay -p workload.stations=seen -p workload.source=5
[ "$(tail -n +2 "$T/out.d/packets.csv" | cut -d, -f1 | sort -u)" = 5 ] || fail "frames from others than the source"
sed 's/stations = 8/rows = 1, columns = 2/' "$T/replay.lua" >"$T/two.lua"
cp "$T/replay.lua" "$T/eight.lua"; mv "$T/two.lua" "$T/replay.lua"
replay -p mesh.kind=worm -p workload.file=$T/m0.pcap -p workload.packet_bytes=500B
check replayed "$T/m0.pcap" "$T/out.d/packets.csv" 1 1 0 500 16
damaged() { python3 -c "$1" "$T/all.pcap" >"$T/damaged.pcap"; gives 2 "$PSIM" run "$T/$over.lua" -q --no-store -p workload.file="$T/damaged.pcap"; says "$2"; }
edit='import sys; d = bytearray(open(sys.argv[1], "rb").read()); w = sys.stdout.buffer.write;'
over=eight
damaged "$edit w(d[:20])" "offset 0: a capture begins with 24 octets, this file has 20"
damaged "$edit w(b'\\n\\r\\r\\n' + d[4:])" "offset 0: this is pcapng"
damaged "$edit w(b'x' + d[1:])" "offset 0: no magic number"
damaged "$edit d[5] = 3; w(d)" "offset 4: version 3"
damaged "$edit d[23] = 101; w(d)" "offset 20: link type 101"
damaged "$edit d[20] = 0x14; w(d)" "offset 20: frames with their check sequences"
damaged "$edit w(d[:24])" "holds no frame"
damaged "$edit w(d[:30])" "offset 24: a frame's header has 16 octets, and only 6 follow"
damaged "$edit w(d[:80])" "offset 32: 46 octets of a frame, and only 40 follow"
damaged "$edit d[28] = 0xff; w(d)" "offset 28: 42"
damaged "$edit d[39] = 1; w(d)" "offset 32: 46 octets are kept of a frame of 1"
damaged "$edit d[24] = 1; w(d)" "the time is before that of the frame before"
damaged "$edit d[46] = 0; w(d)" "offset 24: the source is no station of the cable"
sed -i 's/"ethernet", {/"worm", {/' "$T/replay.lua"; over=replay
damaged "$edit w(d)" "offset 24: the destination is no station of the 1x2 mesh (0 to 1)"
damaged "$edit d[40:46] = b'\\xff' * 6; w(d[:86])" "offset 24: the frame is to all, which the 1x2 mesh does not know"
gives 2 "$PSIM" run "$T/replay.lua" -q --no-store -p mesh.kind=worm -p workload.source=2; says "workload.source is 2, but the 1x2 mesh has the stations 0 to 1"

# The check can fail.
no() { ! python3 tests/system/check_pcap.py "$@" >/dev/null 2>&1 || fail "passes: $*"; }
head -c 1000 "$T/a.pcap" >"$T/short.pcap";  no read "$T/short.pcap"
no both "$T/a.pcap" "$T/a.pcap" 0 7
no slow "$T/a.pcap" "$T/b.pcap" 0 7 8000
no cut "$D/whole.pcap" "$D/whole.pcap"
no replayed "$T/all.pcap" "$T/big.csv" 1 3 1000000000 0 0
no union "$D/whole.pcap" "$D/out.pcap"

# Captures that are damaged anyhow are sent, or refused with a sentence.
python3 tests/system/damaged_captures.py 20 || fail "damaged captures"
