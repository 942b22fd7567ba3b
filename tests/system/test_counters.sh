# Counters in the results: every one of every kind, what PFS over a lossy layer lost and resent,
# values by node; and none of them in the table when nobody asked for it.
. tests/system/lib.sh
# The kinds that are not named below stand over the mesh, or alone.
others() { # WHAT KNOWN FORMAT
    "$PSIM" list "$1" | awk -v known=" $2 " -v f="$3" 'index(known, " " $1 " ") == 0 { g = f; gsub("%", $1, g); print g }'
}
config pfs <<EOF
local paragon = include "machines/paragon.lua"
return {
    machine = paragon {
        rows = 3, columns = 4, io_nodes = 2, storage = { kind = "raid3" },
        graph = {
            { name = "driver", protocol = "driver" },
            { name = "vdrop", protocol = "vdrop", below = { "driver" }, every = param("every", 20) },
            { name = "rdm", protocol = "rdm", below = { "driver" } },
            { name = "nx", protocol = "nx", below = { "rdm" } },
            { name = "blast", protocol = "blast", below = { "vdrop" } },
            { name = "chan", protocol = "chan", below = { "blast" } },
            { name = "rpc", protocol = "select", below = { "chan" } },
            { name = "select", protocol = "select", below = { "chan" } },
            { name = "machipc", protocol = "machipc", below = { "rpc" } },
            { name = "vipsize", protocol = "vipsize", below = { "driver", "blast" } },
            { name = "vipaddr", protocol = "vipaddr", below = { "driver", "blast" } },
            { name = "loop", protocol = "loop" },
$(others protocols "loop eth arp filter ip udp icmp ping tcp sock record vipsize vipaddr driver vdrop rdm nx cut blast chan select machipc svm sync" '{ name = "%", protocol = "%", below = { "driver" } },')
        },
    },
    workload = { kind = "pfs", size = "256KiB", requests = 4, nodes = 4 },
}
EOF
config svm <<EOF
local paragon = include "machines/paragon.lua"
return {
    machine = paragon {
        rows = 2, columns = 3, io_nodes = 1, storage = { kind = "raid3" },
        nodes = { memory = { last = 1 } },
        os = {
            { service = "memory_server", on = "memory", frames = 1000 },
$(others services "memory_server nx pfs_meta pfs_server pfs_client ckpt cut" '{ service = "%" },')
        },
        model = param("model", "worm"),
        graph = {
            { name = "driver", protocol = "driver" },
            { name = "rdm", protocol = "rdm", below = { "driver" } },
            { name = "svm", protocol = "svm", below = { "rdm" } },
            { name = "sync", protocol = "sync", below = { "rdm" } },
            { name = "blast", protocol = "blast", below = { "driver" } },
            { name = "chan", protocol = "chan", below = { "blast" } },
            { name = "rpc", protocol = "select", below = { "chan" } },
        },
    },
    workload = {
        kind = "svm_pde", n = 20, nodes = 2, memory = { frames = 10 }, iterations = 2,
        paging = { backing = "servers" },
    },
}
EOF
config disks <<EOF
local devices = { { kind = "disk" }, { kind = "raid3" }, { kind = "cache", device = { kind = "disk" } } }
for _, level in ipairs { "concat", "raid0", "raid1", "raid4", "raid5", "raid6" } do
    devices[#devices + 1] = { kind = level, members = level == "raid1" and 2 or 5 }
end
$(others devices "disk raid3 cache concat raid0 raid1 raid4 raid5 raid6 scsi bus tape rait0 rait3 rait5 rait6" 'devices[#devices + 1] = { kind = "%" }')
return { devices = devices, workload = { kind = "disk_load", requests = 200 } }
EOF
config tapes <<EOF
local devices = { { kind = "tape" } }
for _, level in ipairs { "rait0", "rait3", "rait5", "rait6" } do
    devices[#devices + 1] = { kind = level, members = 4, member = { kind = "tape" } }
end
return { devices = devices, workload = { kind = "tape_io", requests = 200 } }
EOF
config libraries <<EOF
local libraries = {}
for _, kind in ipairs { "silo", "rail", "shelf" } do
    libraries[kind] = { kind = kind, cartridges = { count = 40 } }
end
$(others changers "silo rail shelf" 'libraries["%"] = { kind = "%" }')
return { libraries = libraries, workload = { kind = "library_load", requests = 50 } }
EOF
config files <<EOF
local paragon = include "machines/paragon.lua"
return {
    machine = paragon {
        rows = 3, columns = 4, io_nodes = 2, storage = { kind = "raid3" },
        os = { pfs_server = { files = {
$(others layers "lfs remote pfs vesta_store hsm token mapped pass domains prefix" '{ layer = "%" },')
            { layer = param("bottom", "lfs") },
        } } },
    },
    workload = { kind = "io", size = "64KiB", requests = 4, nodes = 4, method = "two_phase" },
}
EOF
config arrays <<EOF
local paragon = include "machines/paragon.lua"
return {
    machine = paragon { rows = 2, columns = 3, io_nodes = 1 },
    workload = { kind = "arrays", operation = "transpose", rows = 20, columns = 20, method = "list", to_placement = "local" },
}
EOF
config job <<EOF
local paragon, services = include "machines/paragon.lua", include "parts/services.lua"
return {
    machine = paragon {
        rows = 3, columns = 3, io_nodes = 1, storage = { kind = "raid3" },
        graph = include("parts/graphs.lua").cuts,
        nodes = { memory = { last = 1 } },
        os = services.list(services.nx, services.pfs, services.memory { on = "memory" }, services.checkpoints { sink = "servers" }),
    },
    workload = { kind = "job", nodes = 4, steps = 5 },
}
EOF
config app <<EOF
local paragon = include "machines/paragon.lua"
return { machine = paragon { rows = 2, columns = 3, io_nodes = 1 }, workload = { kind = "escat", nodes = 2, steps = 2, in_place = 1 } }
EOF
config hosts <<EOF
local paragon = include "machines/paragon.lua"
local machine = paragon {
    rows = 1, columns = 2,
    graph = {
        { name = "eth", protocol = "eth" },
        { name = "arp", protocol = "arp", below = { "eth" } },
        { name = "filter", protocol = "filter", below = { "arp" } },
        { name = "ip", protocol = "ip", below = { "filter" } },
        { name = "icmp", protocol = "icmp", below = { "ip" } },
        { name = "ping", protocol = "ping", below = { "icmp" } },
        { name = "udp", protocol = "udp", below = { "ip" } },
        { name = "rdm", protocol = "rdm", below = { "udp" } },
        { name = "tcp", protocol = "tcp", below = { "ip" } },
        { name = "sock", protocol = "sock", below = { "tcp" } },
        { name = "record", protocol = "record", below = { "tcp" } },
        { name = "nx", protocol = "nx", below = { "rdm" } },
    },
}
machine.network = { model = "switched" }
machine.nic.mtu, machine.nic.packet_bytes, machine.nic.header_flits = "1514B", "1514B", 4
return { machine = machine, workload = { kind = "pingpong", size = "1KiB" } }
EOF
config domain <<EOF
local paragon = include "machines/paragon.lua"
local machine = paragon { rows = 1, columns = 2, messaging = "domain" }
machine.domains = { domain = {} }
return { machine = machine, workload = { kind = "pingpong" } }
EOF
config fbuf <<EOF
local paragon = include "machines/paragon.lua"
local machine = paragon { rows = 1, columns = 2, messaging = "fbuf" }
machine.domains = { fbuf = { transfer = "fbuf" } }
return { machine = machine, workload = { kind = "pingpong" } }
EOF
config cable <<EOF
return { mesh = { kind = "ethernet" }, workload = { kind = "mesh_batch", packets = 9, packet_flits = 64 } }
EOF
config ring <<EOF
return { mesh = { kind = "fddi" }, workload = { kind = "mesh_batch", packets = 9, packet_flits = 64 } }
EOF
config cells <<EOF
return { mesh = { kind = "atm" }, workload = { kind = "mesh_batch", packets = 9, packet_flits = 64 } }
EOF
config switch <<EOF
return { mesh = { kind = "switched" }, workload = { kind = "mesh_batch", packets = 9, packet_flits = 64 } }
EOF
config chips <<EOF
return { mesh = { kind = "sp" }, workload = { kind = "mesh_batch", packets = 9, packet_flits = 64 } }
EOF
config circuits <<EOF
return { mesh = { kind = "hippi" }, workload = { kind = "mesh_batch", packets = 9, packet_flits = 64 } }
EOF
for c in hosts domain fbuf cable ring switch chips circuits cells pfs svm disks tapes libraries files arrays job app; do
    gives 0 "$PSIM" run "$T/$c.lua" --no-store -q --json
    cp "$T/out" "$T/$c.json"
done
gives 0 "$PSIM" run hsm_files --no-store -q --json
cp "$T/out" "$T/hsm.json"
gives 0 "$PSIM" run pcap_replay --no-store -q --json -p into=node -p workload.factor=1
cp "$T/out" "$T/pcap.json"
gives 0 "$PSIM" run fs_tokens --no-store -q --json -p protocol=tokens -p shared=1
cp "$T/out" "$T/tokens.json"
gives 0 "$PSIM" run fs_names --no-store -q --json -p clients=8 -p io_nodes=4 -p protocol=kept -p changes=0
cp "$T/out" "$T/paths.json"
gives 0 "$PSIM" run fs_mapped --no-store -q --json -p access=mapped -p work=counter -p nodes=2
cp "$T/out" "$T/mapped.json"
gives 0 "$PSIM" run fs_layers --no-store -q --json -p depth=1 -p size=1KiB
cp "$T/out" "$T/pass.json"
gives 0 "$PSIM" run "$T/files.lua" --no-store -q --json -p bottom=vesta_store
cp "$T/out" "$T/store.json"
names() { sed -n 's/^ *"\([a-z][a-z0-9_]*\.[a-z0-9_@]*\)": {$/\1/p' "$@" | sort -u; }
names "$T"/*.json > "$T/written"
"$PSIM" list counters | sed -n 's/^\([a-z0-9_]*\.[a-z0-9_]*\) .*/\1/p' | sort -u > "$T/listed"
[ "$(wc -l < "$T/listed")" -gt 150 ] || fail "psim list counters lists $(wc -l < "$T/listed")"
comm -23 "$T/listed" "$T/written" > "$T/missing"
[ ! -s "$T/missing" ] || { cat "$T/missing"; fail "these counters are in no result"; }
# Nor is one counted that nobody lists: all arrays of counters are named in the registry, or by their kind.
for a in $(grep -rhoE '^const struct counter [a-z_]+' os models workloads | sed 's/.* //'); do
    grep -q "\b$a\b" cli/registry.c || fail "$a is not in cli/registry.c"
done

value() { # FILE NAME: a scalar of the first point of a JSON result
    awk -v n="\"$2\":" '$1 == n { getline; gsub(/[^0-9.e+]/, "", $2); print $2 + 0; exit }' "$1"
}
# What vdrop lost was asked for and sent again, and every call got its answer.
lost=$(value "$T/pfs.json" vdrop.dropped)
[ "$lost" -gt 10 ] || fail "vdrop lost $lost messages"
again=$(($(value "$T/pfs.json" blast.resent) + $(value "$T/pfs.json" chan.resent) +
    $(value "$T/pfs.json" chan.probes) + $(value "$T/pfs.json" chan.replies_resent) +
    $(value "$T/pfs.json" blast.nacks_sent)))
[ "$again" -ge "$lost" ] || fail "$lost messages were lost, $again sent again"
# At an edge of the window each of four programs has at most the four pieces of its request on their way.
open=$(($(value "$T/pfs.json" chan.calls) - $(value "$T/pfs.json" chan.replies)))
[ "${open#-}" -le 16 ] || fail "$open calls without reply"
gives 0 "$PSIM" run "$T/pfs.lua" --no-store -q --json -p every=0
for n in vdrop.dropped blast.resent chan.resent; do
    [ "$(value "$T/out" $n)" = 0 ] || fail "$n is not 0 where nothing is lost"
done

# What a program's results say for each fault and each node is of the same counters.
awk -v s="$(value "$T/svm.json" svm.sent)" -v r="$(value "$T/svm.json" svm.read_faults)" \
    -v w="$(value "$T/svm.json" svm.write_faults)" -v m="$(value "$T/svm.json" svm.messages.mean)" \
    -v f="$(value "$T/svm.json" svm.messages_per_fault.mean)" \
    -v g="$(value "$T/svm.json" paging.gets)" -v i="$(value "$T/svm.json" svm.page_ins.mean)" \
    'BEGIN { d = f - s / (r + w); exit !(s > 0 && g > 0 && m == s / 2 && i == g / 2 && d * d < 1e-12) }' ||
    fail "svm: what is said for each node and fault is not what was counted"

# By node, and in the export; the sum is the whole.
gives 0 "$PSIM" run "$T/pfs.lua" -q -o "$T/nodes.db" -p results.per_node=true
gives 0 "$PSIM" export -t scalars "$T/nodes.db"
awk -F, '{ for (i = 1; i < NF; i++) if ($i ~ /^"?chan\.calls(@[0-9]+)?"?$/) { gsub(/"/, "", $i); v[$i] = $(i + 2) + 0 } }
         END { for (k in v) if (k ~ /@/) { sum += v[k]; n++ }; exit !(n >= 4 && sum == v["chan.calls"]) }' "$T/out" ||
    { grep chan.calls "$T/out"; fail "the nodes' values do not add up"; }

# Nobody asked: no counter is a column.
gives 0 "$PSIM" run "$T/pfs.lua" --no-store
! grep -q 'chan\.\|nic\.\|machine\.' "$T/out" || fail "the table has counters"
