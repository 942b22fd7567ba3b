# A capture sent again by the interfaces of nodes: what the others' protocols do then, octet by octet and to the nanosecond,
# is what they did when it was captured.
. tests/system/lib.sh
command -v python3 >/dev/null || fail "python3 is missing: scripts/setup --test"
check() { python3 tests/system/check_pcap.py "$@" >"$T/said" 2>&1 || { tail -n 1 "$T/said"; fail "$*"; }; }
value() { sed -n "/\"$1\": {/{n;s/.*\"value\": \([0-9.e+-]*\).*/\1/p}" "$T/out"; }
is() { [ "$(value "$1")" = "$2" ] || fail "$1 is $(value "$1"), expected $2"; }

# A program writes a file; then its node's frames come from the capture, and nobody has the file open.
config pfs <<'END'
local paragon = include "machines/paragon.lua"
local replay = param("replay", false)
local machine = paragon { rows = 2, columns = 3, io_nodes = 1, storage = { kind = "disk" } }
machine.network = { model = param("model", "fddi") }
machine.captures = {
    { file = "client.pcap", nodes = { 0 }, direction = "out" },
    { file = "io.pcap", nodes = "io" },
    { file = "service.pcap", nodes = "service" },
}
return {
    machine = machine,
    workload = replay and { kind = "pcap_nodes", file = "client.pcap", origin = "zero", loops = param("loops", 1), factor = param("factor", 1.0),
                            interface = param("interface", ""), source = param("source", -1), only = param("only", -1), answers = param("answers", "drop") }
        or { kind = "pfs", op = "write", size = "64KiB", requests = 4, nodes = 1 },
}
END
both() { # MODEL
    mkdir -p "$T/$1/once" "$T/$1/again"
    gives 0 "$PSIM" run "$T/pfs.lua" -q --no-store --output-dir "$T/$1/once" -p model=$1
    cp "$T/$1/once/client.pcap" "$T/"
    gives 0 "$PSIM" run "$T/pfs.lua" -q --no-store --json --output-dir "$T/$1/again" -p model=$1 -p replay=true
    cmp "$T/$1/once/client.pcap" "$T/$1/again/client.pcap" || fail "$1: other frames than those of the file"
    check read "$T/client.pcap"
    is pcap.sent "$(sed -E 's/frames ([0-9]+) .*/\1/' "$T/said").0"
    awk -v late="$(value late.max)" 'BEGIN { exit !(late < 1e-9) }' || fail "$1: a frame was $(value late.max) s late"
}
# Times of FDDI are whole nanoseconds, as those of a file.
both fddi
for who in io service; do cmp "$T/fddi/once/$who.pcap" "$T/fddi/again/$who.pcap" || fail "fddi: other answers of $who"; done
answers=$(value pcap.answers)
[ "${answers%.*}" -gt 10 ] || fail "$answers answers"
# Others are cut to them; an answer of a file server says how long a disk took, in picoseconds.
both atm
check near "$T/atm/once/io.pcap" "$T/atm/again/io.pcap" 4
check near "$T/atm/once/service.pcap" "$T/atm/again/service.pcap" 0
both worm
check near "$T/worm/once/io.pcap" "$T/worm/again/io.pcap" 4

# All at once: the queue is full, and what waits goes in its order; with their protocols for an answer; from another node.
again() { gives 0 "$PSIM" run "$T/pfs.lua" -q --no-store --json --output-dir "$T" -p model=worm -p replay=true "$@"; }
cp "$T/client.pcap" "$T/keep.pcap"
kept() { cp "$T/keep.pcap" "$T/client.pcap"; }
again -p factor=0 -p loops=2; kept
is pcap.sent 336.0
waited=$(value pcap.waited)
[ "${waited%.*}" -gt 20 ] || fail "$waited frames waited"
again -p answers=stack; kept
is pcap.answers 0.0
again -p source=3; kept
is pcap.sent 168.0
is chan.requests 13.0

# What cannot be.
refused() { local said=$1; shift; kept; gives 2 "$PSIM" run "$T/pfs.lua" -q --no-store -p model=worm -p replay=true "$@"; says "$said"; gives 2 "$PSIM" check "$T/pfs.lua" -p model=worm -p replay=true "$@"; says "$said"; }
edit() { python3 -c "import sys; d = bytearray(open(sys.argv[1], 'rb').read()); $1; sys.stdout.buffer.write(d)" "$T/keep.pcap" >"$T/edited.pcap"; cp "$T/keep.pcap" "$T/saved.pcap"; mv "$T/edited.pcap" "$T/keep.pcap"; }
restore() { mv "$T/saved.pcap" "$T/keep.pcap"; kept; }
refused "workload.interface: there is no network 'lan'" -p interface=lan
refused "workload.interface: there is no network 'mash', did you mean 'mesh'?" -p interface=mash
refused "client.pcap: offset 24: sent by station 99, and 'mesh' has 6" -p source=99
refused "sent by station 1, node 1, which runs no programs: it is no compute node" -p source=1
refused "client.pcap: holds no frame of that station" -p only=3
edit "del d[24:]"; refused "client.pcap: holds no frame"; restore
edit "del d[100:]"; refused "client.pcap: offset"; restore
edit "del d[:]"; refused "client.pcap: offset 0: a capture begins with 24 octets, this file has 0"; restore
edit "d[23] = 101"; refused "client.pcap: offset 20: link type 101"; restore
edit "d[27] = 1"; refused "the time is before that of the frame before"; restore
edit "d[40] = 1"; refused "client.pcap: offset 24: the source is no station"; restore
edit "d[44] = 1"; refused "client.pcap: offset 24: the destination is no station"; restore
edit "d[47] = 9"; refused "client.pcap: offset 24: sent to station 9, and 'mesh' has 6"; restore
edit "d[36:40] = b'\\1\\0\\0\\0'"; refused "a frame of 16777208 octets, and the network 'mesh' takes"; restore
ended() { local said=$1; shift; kept; gives 1 "$PSIM" run "$T/pfs.lua" -q --no-store -p model=worm -p replay=true "$@"; grep -qF -- "$said" "$T/out" "$T/err" || { cat "$T/out" "$T/err"; fail "not said: $said"; }; }
edit "d[44:48] = b'\\xff' * 4"; ended "the frame at offset 24 cannot be sent: the network has no way to all"; restore

# Addresses of an Ethernet that is none of psim's: numbered as they are seen, whole frames. Nobody here is for them.
python3 - "$T/foreign.pcap" <<'END'
import struct, sys
a, b = bytes.fromhex("00aa00112233"), bytes.fromhex("08002b445566")
frames = [(a, b, 60), (b, a, 1514), (a, b"\xff" * 6, 60), (a, b, 700)]
out = struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65535, 1)
for i, (source, to, n) in enumerate(frames):
    octets = to + source + b"\x08\x00" + bytes(range(50))
    out += struct.pack("<IIII", 800000000, 1000 * i, min(n, 64), n) + octets[: min(n, 64)].ljust(min(n, 64), b"\0")
open(sys.argv[1], "wb").write(out)
END
config foreign <<'END'
local paragon = include "machines/paragon.lua"
local machine = paragon { rows = 2, columns = 2, graph = { { name = "mesh", protocol = "driver" }, { name = "rdm", protocol = "rdm", below = { "mesh" } }, { name = "nx", protocol = "nx", below = { "rdm" } } } }
machine.network = { model = "ethernet" }
machine.nic.mtu, machine.nic.packet_bytes, machine.nic.header_flits = "1514B", "1514B", 4
machine.captures = { { file = "heard.pcap", nodes = { 1 }, direction = "in" } }
return { machine = machine, workload = { kind = "pcap_nodes", file = "foreign.pcap", stations = "seen", answers = "stack" } }
END
gives 0 "$PSIM" run "$T/foreign.lua" -q --no-store --json --output-dir "$T"
is pcap.sent 4.0
is pcap.bytes 2334.0
is mesh.received 6.0 # one to all three others
is mesh.bad_length 6.0
grep -q "of 2 frames the capture does not keep all octets" "$T/err" || fail "nobody is told of zeros"
check read "$T/heard.pcap"
grep -q "^frames 3 " "$T/said" || fail "station 1 heard $(cat "$T/said")"
sed -i 's/stations = "seen"/stations = "own"/' "$T/foreign.lua"
gives 2 "$PSIM" run "$T/foreign.lua" -q --no-store; says 'offset 24: the source is no station; workload.stations = "seen" numbers addresses'
