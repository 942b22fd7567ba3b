# The programs of the suite: every access pattern verifies, metadata is what was made, mistakes have their sentences.
. tests/system/lib.sh
config io <<'END'
local paragon = include "machines/paragon.lua"
local pattern, op = param("pattern", "interleaved"), param("op", "write")
local dealt = #pattern <= 2
return {
  machine = paragon { rows = 2, columns = 4, io_nodes = 2 },
  workload = {
    kind = "io", op = op, access = dealt and "array" or pattern, file = param("file", "shared"), mode = param("mode", ""),
    method = param("method", "list"), readback = op == "write", warmup = param("warmup", 0), size = "40KiB", requests = 3, nodes = 3,
    shape = { record = "4KiB", distribution = dealt and pattern or "a", block = param("block", "120KiB"),
              stride = param("stride", "0B") },
  },
  sweep = { product = {
    pattern = { "interleaved", "partitioned", "broadcast", "segmented", "strided", "nested", "random",
                "a", "n", "b", "c", "nn", "nb", "nc", "bn", "bb", "bc", "cn", "cb", "cc" },
    op = { "write", "read" }, method = { "list", "pieces" } } },
}
END
config metadata <<'END'
local paragon = include "machines/paragon.lua"
return { machine = paragon { rows = 2, columns = 4, io_nodes = 2 },
         workload = { kind = "metadata", requests = param("files", 3), nodes = 3, bytes = "5000B",
                      directory = param("directory", "own") },
         sweep = { product = { directory = { "own", "shared" } } } }
END
run() { "$PSIM" run "$T/$1.lua" -q --no-store "${@:2}"; }
gives 0 run io
gives 0 run io -p file=own -p method=list -p op=read
gives 2 run io -p pattern=a -p warmup=1;      says "warmup and span must be 0"
gives 2 run io -p pattern=striped;            says "did you mean 'strided'?"
gives 2 run io -p pattern=segmented -p block=50KiB;  says "shape.block is 51200 bytes, not a multiple of a request"
gives 2 run io -p pattern=strided -p stride=4KiB;    says "a record of 4096 bytes of each of 3 ranks takes 12288"
gives 2 run io -p mode=M_ASINK;               says "no mode of file system 'pfs', did you mean 'M_ASYNC'?"
gives 2 "$PSIM" check "$T/io.lua" -p mode=M_ASINK;   says "no mode of file system 'pfs'"

# Names and bytes are checked by the program itself; messages that are flattened change nothing.
gives 0 run metadata --json;           digests "$T/out" >"$T/a"
gives 0 run metadata --json --flatten; digests "$T/out" >"$T/b"
cmp "$T/a" "$T/b" || fail "metadata: the digest changes when messages are flattened"
gives 0 run metadata -p workload.protect=true -p workload.uid=5
gives 2 run metadata -p files=10000000; says "has room for"

# Recorded requests: what is damaged is refused with file and line, by check too; what other tools say becomes a trace.
replay() { "$PSIM" "$1" io_replay --set workload.trace="$T/t.replay" "${@:2}"; }
refused() {
    printf '%b\n' "$1" >"$T/t.replay"
    gives 2 replay check; says "$2"
}
refused '0 +0 open f\n0 +0 read f 0 x'          "t.replay:2: the size is 'x'"
refused '0 +0 raed f 0 5'                       "t.replay:1: the operation is 'raed'"
refused '0 +0 read f 0 5'                       "t.replay:1: read of file 'f', which is not open"
refused '0 +0 open f\n0 +0 open f'              "t.replay:2: open of file 'f', which is open"
refused '0 5 open f'                            "t.replay:1: the time is '5'"
refused '0 +0 open f\n0 +0 write f 0 5 3 2'     "t.replay:2: the stride is '3'; pieces must not overlap"
refused '0 +0 open f factor=0'                  "t.replay:1: the factor is 'factor=0'; write factor=4, from 1 to 4096"
refused '0 +0 open f factor=2\n0 +0 close f\n0 +0 open f factor=3' "t.replay:3: the factor of file 'f' is 3, but was 2"
refused '0 +0 open f factor=2 M_UNIX'           "t.replay:1: the factor is 'M_UNIX'"
printf '0 +0 open f factor=9\n0 +0 read f 0 5\n' >"$T/t.replay"
gives 2 replay check -p workload.factor=0; says "workload.factor: stripe factor 9 is more than the 4 I/O nodes"
refused '0 +0 open f M_ASINK'                   "t.replay:1: the mode is 'M_ASINK', which is no mode of file system 'pfs'"
refused '0 +0 open f\n0 +0 write f 0 5\n1 +0 barrier' "rank 1 has 1 barriers, rank 0 has 0"
refused '0 +0 open f'                           "holds no read and no write"
refused '0 +0 open f\n0 +0 read f 99999999999999999999 5' "t.replay:2: the offset is '99999999999999999999'"
# In IOR's each reads what its neighbour wrote: a byte that the trace never writes is found.
for command in 'ior -N 3 -t 64k -b 128k -s 2 -e -C -z' 'ior -N 3 -t 64k -b 128k -F -C -i 2'; do
    scripts/convert-ior "$command" >"$T/t.replay"
    gives 0 replay run -q --no-store --set workload.factor=4 --set machine.rows=2 --json
    n=$(grep -cE ' (read|write) ' "$T/t.replay")
    grep -A1 '"file.latency.count"' "$T/out" | grep -q " $n\.0" || fail "$command: not $n requests"
done
scripts/convert-darshan configs/traces/small.dxt >"$T/t.replay"
gives 0 replay run -q --no-store --set workload.factor=4 --json
printf '# DXT, file_id: 1, file_name: x\n X_POSIX 0 write 0 0 y 0 0\n' >"$T/bad.dxt"
gives 1 scripts/convert-darshan "$T/bad.dxt"
grep -q "bad.dxt:2: 'y' is not a number" "$T/err" || fail "convert-darshan does not name the line"
gives 1 scripts/convert-ior 'ior -q'
python3 tests/system/damaged_traces.py 6 || fail "damaged traces"

# The page of the suite: one machine, or two side by side; mistakes are those of its configuration.
gives 0 "$PSIM" suite machines/paragon.lua machines/ipsc860.lua -p program=rcc -q -j2 -o "$T/page.md"
grep -q '^## Side by side' "$T/page.md" || fail "the page does not compare"
[ "$(grep -c '^| rcc |' "$T/page.md")" -eq 7 ] || fail "the page has not seven rows of rcc"
if grep '^| rcc |' "$T/page.md" | grep -E '\| - \||nan'; then fail "a cell of the page is empty"; fi
for kind in arm bus cpu channel; do
    grep '^| rcc |' "$T/page.md" | grep -q "$kind [^|]*%" || fail "the page ranks no $kind"
done
grep '^| rcc |' "$T/page.md" | grep -qE 's \| [0-9.]+ at node [0-9]+ \|' || fail "the page says of no queue how full it was"
for what in speed-up scale-up size-up; do
    grep -qF "(<page-$what.svg>)" "$T/page.md" || fail "the page shows no $what"
    drawn=$(cat "$T/page-$what.svg")
    for word in machines/paragon.lua machines/ipsc860.lua rcc '</svg>'; do
        [[ $drawn == *"$word"* ]] || fail "the drawing of $what has no '$word'"
    done
done
gives 2 "$PSIM" suite machines/paragon.lua --system psf -q; says "did you mean 'pfs'?"
gives 2 "$PSIM" suite machines/paragn.lua -q

# The same over the files of one server: programs know no file system.
gives 0 "$PSIM" run io_suite -p system=files -q --no-store -j2
for config in io_metadata io_replay; do
    "$PSIM" run $config -p workload.system=files -p workload.factor=1 -q --no-store --json >"$T/out" 2>"$T/err" || [ $? -eq 1 ]
    if grep -E '"status": "(audit|crashed|deadlock|refused)' "$T/out"; then fail "$config over a server"; fi
done
config parts <<'END'
local paragon, services = include "machines/paragon.lua", include "parts/services.lua"
return { machine = paragon { rows = 2, columns = 4, io_nodes = 1, storage = { kind = "raid3" }, os = services.files },
         workload = { kind = "io", system = "files", access = "array", shape = { distribution = "c", record = "1KiB" },
                      op = "write", readback = true, nodes = 4, size = "64KiB", requests = 2, warmup = 0, method = "directed" } }
END
gives 0 "$PSIM" run "$T/parts.lua" -q --no-store
gives 2 "$PSIM" check io_local -p workload.method=by_part -p workload.system=files
says "'by_part' asks those who keep the parts of a file, and files has none"
gives 2 "$PSIM" check pfs_striping -p workload.system=files; says "boots no service 'file_client' on the compute nodes"
config own <<'END'
local paragon = include "machines/paragon.lua"
return { machine = paragon { rows = 2, columns = 4, io_nodes = 2, os = { { service = "nx" }, { service = "file_client" } } },
         workload = { kind = "io", system = "files" } }
END
gives 2 "$PSIM" check "$T/own.lua"; says "lie on each node's own device"

# Devices of compute nodes: files of a program's own lie on them, faults reach them by path, mistakes have their sentences.
config disks <<'END'
local paragon = include "machines/paragon.lua"
local faults = param("path", "") ~= "" and { { path = param("path", ""), action = "sector", at = "0s", sector = 0, sectors = 500000 } } or nil
return { machine = paragon { rows = 2, columns = 4, io_nodes = 2, os = { { service = "nx" }, { service = "file_client" } }, faults = faults,
             nodes = { some = { first = param("first", 3), storage = { kind = param("kind", "disk") } },
                       old = { last = 5, prices = { scale = 2 } }, io = { storage = { kind = "raid3" } } } },
         workload = { kind = "io", system = "files", file = param("file", "own"), access = "partitioned", op = param("op", "write"),
                      readback = param("op", "write") == "write", nodes = 3, size = "40KiB", requests = param("requests", 3), warmup = 0 } }
END
gives 0 run disks --fsck --json
[ "$(grep -c 'device 0: its file system is whole' "$T/out")" -eq 3 ] || fail "three nodes have a file system"
grep -q '"name": "n4.0"' "$T/out" || fail "the device of node 4 is not busy"
digests "$T/out" >"$T/a"
gives 0 run disks --json --flatten; digests "$T/out" | cmp - "$T/a" || fail "disks: flattened messages change the digest"
gives 0 "$PSIM" check "$T/disks.lua" -p path=io1.0
gives 1 run disks -p path=n1.0
gives 2 "$PSIM" check "$T/disks.lua" -p path=n5.0; says "did you mean 'n0.0'?"
gives 2 "$PSIM" check "$T/disks.lua" -p kind=dsk;  says "machine.nodes.some.storage.kind: there is no device 'dsk', did you mean 'disk'?"
gives 2 "$PSIM" check "$T/disks.lua" -p first=2;   says "node 4, of rank 2, has none"
gives 2 "$PSIM" check "$T/disks.lua" -p file=shared; says "the programs share theirs"
gives 2 "$PSIM" check "$T/disks.lua" -p requests=100000; says "has 1 files of 4096000000 bytes, and its device has room for"
gives 0 "$PSIM" run io_local --no-store -q -j2
