# Striped files: mistakes have their sentences; the digest depends on nothing that must not matter.
. tests/system/lib.sh
config small <<'END'
local paragon = include "machines/paragon.lua"
return {
  machine = paragon { rows = 2, columns = 4, io_nodes = 2, release = param("release", "R1.4") },
  workload = { kind = "pfs", op = param("workload.op", "write"), mode = "M_UNIX", size = "100000B",
               requests = 2, readback = true },
}
END
run() { "$PSIM" run "$T/small.lua" -q --no-store "$@"; }
gives 2 run -p workload.factor=3;    says "stripe factor 3 is more than the 2 I/O nodes of the machine"
gives 2 "$PSIM" check "$T/small.lua" -p workload.factor=3; says "stripe factor 3"
gives 2 run -p workload.nodes=99;    says "workload.nodes is 99, but the machine has 5 compute nodes"
gives 2 run -p machine.io_nodes=0;   says "the machine has none"
gives 2 run -p workload.mode=M_UNIT; says "did you mean 'M_UNIX'?"
gives 2 run -p workload.op=read;     says "workload.readback"
gives 2 run -p machine.os.pfs_server.pol=1; says "did you mean 'machine.os.pfs_server.pool'?"
gives 0 run --json;                  digests "$T/out" >"$T/a"
gives 0 run --json --flatten;        digests "$T/out" >"$T/b"
cmp "$T/a" "$T/b" || fail "the digest changes when messages are flattened"
gives 0 run -p machine.os.pfs_client.window=1 -p machine.os.pfs_client.rpc=4096B
# Cold: blocks come from the devices; warm: none does while the buffers hold the whole file.
gives 2 run -p workload.op=read -p workload.readback=false -p workload.cache=warm; says "buffered = true"
misses() { gives 0 run -p workload.size=64KiB -p workload.op=read -p workload.readback=false -p machine.os.pfs_server.lfs.buffered=true -p workload.cache="$1" --json
    grep -A1 '"lfs.buffer_misses"' "$T/out" | grep -o '[0-9][0-9.]*'; }
[ "$(misses warm)" = 0.0 ] || fail "blocks are missing in warm buffers"
[ "$(misses cold)" != 0.0 ] || fail "no block is missing in cold buffers"
gives 0 run -p machine.os.pfs_server.lfs.buffered=true -p machine.os.pfs_server.lfs.block=16KiB

# A program whose node comes back goes on behind what it has written: each request is made once, and every byte is right.
config again <<'END'
local paragon = include "machines/paragon.lua"
local m = paragon { rows = 2, columns = 3, io_nodes = 1,
                    faults = { { path = "node 0", at = "0.2s", after = "50ms" } } }
m.restart_programs = true
return { machine = m, workload = { kind = "pfs", op = "write", mode = param("mode", "M_ASYNC"), size = "64KiB",
                                   nodes = 1, requests = 20, readback = true } }
END
for mode in M_ASYNC M_UNIX; do
    gives 0 "$PSIM" run "$T/again.lua" -q --no-store --json -p mode=$mode
    grep -A1 '"pfs.latency.count"' "$T/out" | grep -q ' 20.0' || fail "$mode: not each request was made once"
    grep -A1 '"machine.crashes"' "$T/out" | grep -q ' 1.0' || fail "$mode: the node did not crash"
done

# A node of any role dies in any mode: calls say so, and nobody waits for ever (which would be exit code 3).
gives 0 "$PSIM" run pfs_deaths -q --no-store -j2
for case in io.50ms service.50ms program.none io.50ms.tcp program.none.tcp; do
    set -- ${case//./ } rdm
    gives 1 "$PSIM" run pfs_deaths -q --no-store -j2 -p dies=$1 -p back=$2 -p transport=$3
    what=server; [ $1 != program ] || what=node
    [ "$(grep -c "rank .*: $what down" "$T/err")" -ge 3 ] || fail "$case: calls do not say $what down"
done

# Mounts: a program uses the first that has its unit and factor; what cannot be is refused.
config mounts <<'END'
local paragon = include "machines/paragon.lua"
local m = paragon { rows = 2, columns = 4, io_nodes = 3, os = { pfs_meta = {
    per_file_layout = param("per_file", false),
    mounts = { { path = param("path", "/pfs"), unit = "64KiB", factor = param("mount", 0) },
               { path = "/one", unit = "16KiB", group = { param("member", 2), param("twice", 0) } } } } } }
return { machine = m, workload = { kind = "pfs", op = "write", size = "100000B", requests = 2, readback = true,
                                   unit = param("unit", "64KiB"), factor = param("factor", 0) } }
END
mounts() { # CODE TEXT [OPTION]...
    local code=$1 text=$2
    shift 2
    gives "$code" "$PSIM" check "$T/mounts.lua" "$@"; [ -z "$text" ] || says "$text"
    gives "$code" "$PSIM" run "$T/mounts.lua" -q --no-store "$@"; [ -z "$text" ] || says "$text"
}
mounts 0 ''
mounts 0 '' -p unit=16KiB -p factor=2
mounts 2 "mounts has stripe unit 16384 and factor 3 (0: any); /pfs has 65536 and 3" -p unit=16KiB -p factor=3
mounts 0 '' -p unit=16KiB -p factor=3 -p per_file=true
mounts 2 "machine.os.pfs_meta.mounts[1].factor: stripe factor 4 is more than the 3 I/O nodes of the machine" -p mount=4
mounts 2 "machine.os.pfs_meta.mounts[2].group[1]: not one of the machine's I/O nodes, 0 to 2" -p member=3
mounts 2 "I/O node 0 stands there twice" -p member=0
mounts 2 "two mounts at '/one'" -p path=/one
mounts 2 "'pfs' does not begin with '/'" -p path=pfs

# Names on the first I/O node's second device: creates wait for it.
config names <<'END'
local paragon = include "machines/paragon.lua"
local m = paragon { rows = 2, columns = 4, io_nodes = 2, storage = { { kind = "raid3" }, { kind = "raid3" } } }
m.os = { { service = "nx" }, { service = "file_server", on = "io", files = { { layer = "lfs", device = 1 } } },
         { service = "pfs_meta", names = { { layer = param("layer", "remote"), group = "io" } } },
         { service = "pfs_server" }, { service = "pfs_client" } }
return { machine = m, workload = { kind = "pfs", op = "write", file = "own", size = "100000B", requests = 2, readback = true } }
END
gives 0 "$PSIM" run "$T/names.lua" -q --no-store
gives 2 "$PSIM" check "$T/names.lua" -p layer=remot; says "did you mean 'remote'?"
# Names are relative to the mount whose layout a program asks for, in all calls; rights are asked for by users but 0.
config storm <<'END'
local paragon = include "machines/paragon.lua"
return { machine = paragon { rows = 2, columns = 4, io_nodes = 3, os = { pfs_meta = {
             mounts = { { path = "/pfs" }, { path = "/one", unit = "16KiB", group = { 2, 0 } } } } } },
         workload = { kind = "metadata", requests = 2, warmup = 0, bytes = "50000B", factor = 0, unit = param("unit", "64KiB"),
                      directory = "shared", perm = param("perm", "rw-rw-rw-"), uid = 5, own_users = true } }
END
gives 0 "$PSIM" run "$T/storm.lua" -q --no-store
gives 0 "$PSIM" run "$T/storm.lua" -q --no-store -p unit=16KiB
gives 1 "$PSIM" run "$T/storm.lua" -q --no-store -p perm=rw-r--r--; says "open of d/f.1.0: permission denied"
gives 2 "$PSIM" check "$T/storm.lua" -p perm=rw-r--rw-; says "did you mean 'rw-"
# Names that are kept outlive their service node, and the I/O node that keeps them, while files are made; others do not.
gives 0 "$PSIM" run pfs_names -q --no-store -j2
gives 1 "$PSIM" run pfs_names -q --no-store -p machine.names=memory -p workload.crash=service -p at=40ms; says "no such file"
gives 2 "$PSIM" check pfs_names -p machine.names=kpet; says "names 'kpet' is not memory or kept"
# The server's files in a stack of layers, another node's among them; the image of a damaged disk is looked at.
config stack <<'EOF'
local paragon = include "machines/paragon.lua"
local flip = function(sector) return { path = "io0.0", action = "flip", at = "2s", sector = sector, byte = 40 } end
local stacks = {
  pass = { { layer = "pass" }, { layer = "lfs" } }, remote = { { layer = "pass" }, { layer = "remote" } },
  upside = { { layer = "lfs" }, { layer = "pass" } },
}
return {
  machine = paragon { rows = 3, columns = 3, io_nodes = 1, release = "R1.4", storage = { kind = "disk" },
    os = { { service = "nx" }, { service = "pfs_meta" },
           { service = "pfs_server", lfs = { fsck = true }, files = stacks[param("stack", "pass")] },
           { service = param("serve", "file_server") }, { service = "pfs_client" } },
    faults = param("damage", false) and { flip(128), flip(256),
      { path = "node 5", action = "crash", at = "2010ms" }, { path = "node 5", action = "restart", at = "2020ms" } } or nil,
  },
  workload = { kind = "pfs", op = param("op", "write"), size = "100000B", requests = param("requests", 3), nodes = 2,
               readback = param("op", "write") == "write" },
}
EOF
stack() { "$PSIM" run "$T/stack.lua" -q --no-store "$@"; }
for s in pass remote; do
    gives 0 stack -p stack=$s --json
    grep -q '"pass.requests"' "$T/out" || fail "nothing went through the layer"
done
gives 2 stack -p stack=remote -p serve=memory_server; says 'serves no files: machine.os has no { service = "file_server" } there'
gives 2 stack -p stack=upside;       says "'lfs' has nothing below it"
gives 1 stack -p damage=true -p op=read -p requests=60; says "inode 0: neither of its records is whole"
