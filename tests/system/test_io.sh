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
    lists = param("lists", true), readback = op == "write", warmup = param("warmup", 0), size = "40KiB", requests = 3, nodes = 3,
    shape = { record = "4KiB", distribution = dealt and pattern or "a", block = param("block", "120KiB"),
              stride = param("stride", "0B") },
  },
  sweep = { product = {
    pattern = { "interleaved", "partitioned", "broadcast", "segmented", "strided", "nested", "random",
                "a", "n", "b", "c", "nn", "nb", "nc", "bn", "bb", "bc", "cn", "cb", "cc" },
    op = { "write", "read" }, lists = { true, false } } },
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
gives 0 run io -p file=own -p lists=true -p op=read
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
gives 2 run metadata -p files=10000000; says "has room for"
