# A configuration that is wrong is refused by one sentence with its file, line and what is near (CONF3).
. tests/system/lib.sh

# refused TEXT SENTENCE: a configuration of this text is refused by check and by run.
refused() {
    printf '%s' "$1" >"$T/c.lua"
    gives 2 "$PSIM" check "$T/c.lua"
    says "$2"
    gives 2 "$PSIM" run --no-store "$T/c.lua"
    says "$2"
}
refused '' "is empty: a configuration returns a table"
refused 'return {' "c.lua:1:"
refused 'return {}' "has no workload"
refused 'return { workload = { knid = "event_ring" } }' "workload.kind is missing"
refused 'return { workload = { kind = "event_rang" } }' "c.lua:1: workload.kind: there is no workload 'event_rang', did you mean 'event_ring'?"
refused 'return { worklaod = { kind = "event_ring" } }' "c.lua:1: a configuration has no 'worklaod', did you mean 'workload'?"
refused 'return { workload = { kind = "event_ring",
   laod = 0.5 } }' "c.lua:2: workload.laod is not a parameter, did you mean 'load'?"
refused 'return { workload = { kind = "event_ring", load = "half" } }' "must be a number"
refused 'return { workload = { kind = "event_ring", load = 3 } }' "from 0.001 to 2"
refused 'return { workload = { kind = "event_ring", service = 5 } }' "with its unit, like '40ns'"
refused 'return { workload = { kind = "event_ring", service = "5 parsec" } }' "is not a time"
refused 'return { workload = { kind = "event_ring", service = "5KiB" } }' "is not a time"
refused 'return { workload = { kind = "event_ring", stations = 0 } }' "from 1 to 1000"
refused 'return { workload = "event_ring" }' "must be a table"
refused 'return { title = 5, workload = { kind = "event_ring" } }' "must be text"
refused 'return { workload = { kind = "event_ring" }, sweep = { product = { ["workload.lod"] = {1} } } }' "nothing reads 'workload.lod', did you mean 'workload.load'?"
refused 'return { workload = { kind = "event_ring" }, sweep = { replications = 0 } }' "from 1 to"
refused 'return { workload = { kind = "event_ring" }, limits = { memory = 5 } }' "limits.memory is 5"
refused 'return { workload = { kind = "event_ring" }, measures = { 1 } }' "list of names"
refused 'return { workload = { kind = "event_ring" }, expectations = { { measure = "x" } } }' "says equals"
refused 'return { workload = { kind = "event_ring" }, expectations = { { measure = "x", mim = 1 } } }' "did you mean 'min'?"
refused 'return { mesh = { kind = "worm" }, machine = {}, workload = { kind = "event_ring" } }' "either a machine or a bare mesh"
refused 'return include "nothing.lua"' "no such file below"

# Nodes of unlike byte orders, and of little memory.
for c in "svm_lock shares numbers as they lie" "array_multiply shares numbers as they lie" "ckpt_spares is bytes of its memory"; do
    gives 2 "$PSIM" check "${c%% *}" -p machine.nodes.half.first=1 -p machine.nodes.half.node.byte_order=big
    says "${c#* }"
    says "another order on node 1 than on node 0 (machine.node.byte_order)"
done
gives 2 "$PSIM" check svm_relaxed -p machine.nodes.half.first=1 -p machine.nodes.half.node.memory=1MiB
says "hlrc keeps the pages that it has touched, and machine.node.memory limits them"

# Files that cannot be mapped.
mapped() { # WORKLOAD LAYERS
    printf '%s' 'local paragon = include "machines/paragon.lua"
return { machine = paragon { rows = 2, columns = 3, io_nodes = 1, storage = { kind = "disk" }, os = {
    { service = "nx" }, { service = "pfs_server" }, { service = "pfs_meta" }, { service = "pfs_client" },
    { service = "file_client", files = { '"${2-}"' { layer = "lfs" } } } },
    nodes = { compute = { storage = { kind = "disk" } } } },
    workload = { kind = "access", requests = 4, '"$1"' } }'
}
refused "$(mapped 'system = "pfs", work = "counter"')" "whose nodes do not tell each other what is written to files that they have mapped"
refused "$(mapped '')" "has no layer 'mapped', or has one above it"
refused "$(mapped '' '{ layer = "cache" }, { layer = "mapped" },')" "has no layer 'mapped', or has one above it"
refused "$(mapped 'size = "3000B"' '{ layer = "mapped" },')" "neither divides a page of 4096"
refused "$(mapped 'work = "scan", bytes = "8KiB"' '{ layer = "mapped" },')" "are more than a file of 8192"
refused "$(mapped 'bytes = "10000B"' '{ layer = "mapped" },')" "no multiple of a request of 4096"
refused "$(mapped 'work = "false_sharing", nodes = 2' '{ layer = "mapped" },')" "and the programs share theirs"
mapped '' '{ layer = "pass" }, { layer = "mapped" }, { layer = "cache" },' >"$T/c.lua"
gives 0 "$PSIM" run --no-store "$T/c.lua"

# Two servers of files, each of which asks the other.
refused 'return { machine = { rows = 2, columns = 3, io_nodes = 2,
    nodes = { a = { of = "io", first = 1 }, b = { of = "io", last = 1 } },
    graph = { { name = "mesh", protocol = "driver" }, { name = "blast", protocol = "blast", below = { "mesh" } },
              { name = "chan", protocol = "chan", below = { "blast" } }, { name = "rpc", protocol = "select", below = { "chan" } } },
    os = { { service = "file_server", on = "a", files = { { layer = "remote", rank = 1 } } },
           { service = "file_server", on = "b", files = { { layer = "pass" }, { layer = "remote" } } } } },
  workload = { kind = "pingpong" } }' "is sent round in a circle"

# Files of PFS where nobody asks it for them, and under itself.
over_pfs() {
    cat <<END
local paragon = include "machines/paragon.lua"
return { machine = paragon { rows = 3, columns = 3, io_nodes = 1, storage = { kind = "disk" }, os = { { service = "nx" }, $1 } },
  workload = { kind = "pingpong" } }
END
}
refused "$(over_pfs '{ service = "file_client", files = { { layer = "pfs" } } }')" "which asks a service 'pfs_client' of that node, and it has none"
refused "$(over_pfs '{ service = "pfs_meta" }, { service = "pfs_server", files = { { layer = "remote", group = "service" } } },
    { service = "pfs_client" }, { service = "pfs_client", on = "service" },
    { service = "file_server", on = "service", files = { { layer = "pfs" } } }')" "the files of pfs_server lie in those of layer 'pfs'"
refused "$(over_pfs '{ service = "pfs_meta" }, { service = "pfs_server" }, { service = "pfs_client" },
    { service = "file_client", files = { { layer = "pfs", path = "here" } } }')" '"here" is no path from the root'

gives 2 "$PSIM" check "$T/nothing.lua";        says "there is no file"
gives 2 "$PSIM" check "$T";                    says "is a folder"
gives 2 "$PSIM" check /dev/null;               says "is not a regular file"
mkdir "$T/closed"
cp configs/queue.lua "$T/closed/q.lua"
chmod 000 "$T/closed"
chmod 711 "$T"
if [ "$(id -u)" -eq 0 ]; then
    gives 2 setpriv --reuid=65534 --regid=65534 --clear-groups "$PSIM" check "$T/closed/q.lua"
else
    gives 2 "$PSIM" check "$T/closed/q.lua"
fi
says "cannot be opened: Permission denied"
chmod 700 "$T/closed"

gives 2 "$PSIM" check "$Q" -p workload.lod=1; says "-p workload.lod=1: nothing reads 'workload.lod', did you mean 'workload.load'?"
gives 2 "$PSIM" check "$Q" -p load=1;         says "nothing reads 'load'"
gives 2 "$PSIM" check "$Q" -p workload.stations=x; says "-p workload.stations=x: workload.stations is 'x'"
gives 2 "$PSIM" check "$Q" -p customers=x;    says 'param("customers") is a number'
gives 0 "$PSIM" check "$Q" -p workload.load=0.3 -p customers=5

# What is too large for a clock or a counter is said, and a zero needs no unit anywhere.
refused 'return { workload = { kind = "event_ring", service = "2562h" } }' "workload.customers: 102000 customers"
refused 'return { workload = { kind = "event_ring", customers = math.maxinteger } }' "of simulated time: a run has at most"
config zero <<'END'
return {
    mesh = { kind = "ideal", rows = 2, columns = 2 },
    workload = { kind = "mesh_load", load = 0.1, warmup = param("warmup", "20us") },
    seed = #param("word", "abc"),
}
END
gives 0 "$PSIM" check "$T/zero.lua" -p warmup=0
gives 2 "$PSIM" check "$T/zero.lua" -p warmup=1; says 'param("warmup") is a string'
gives 2 "$PSIM" check "$T/zero.lua" -p word=0;   says 'param("word") is a string'

# The largest seed is a seed, and -r has the bound that sweep.replications has.
gives 0 "$PSIM" run "$Q" -p workload.load=0.5 -r 1 --no-store --json --seed 18446744073709551615
grep -q '"seed": "18446744073709551615"' "$T/out"
gives 2 "$PSIM" check "$Q" -p sweep.replications=10001; says "from 1 to 10000"
gives 2 "$PSIM" check hello -p workload.warmup=9223372036854775807; says "must be from 0 to 1000000000"
gives 2 "$PSIM" run "$Q" -r 10001;                      says "-r 10001: there are at most 10000 replications"

# Limits of the user's own below psim's are taken as they are.
(ulimit -v 400000; gives 0 "$PSIM" check "$Q")
(ulimit -t 2; gives 0 "$PSIM" check "$Q")
