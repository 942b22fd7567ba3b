# The schedule of faults through psim: PFS over an array that loses a drive, degraded and rebuilt, and
# what check and run say of a path or an action that is not there.
. tests/system/lib.sh
gives 0 "$PSIM" run pfs_rebuild -q --no-store
# Over time: whole, degraded, filled, scrubbed, whole again; bytes and counters are judged, too.
gives 0 "$PSIM" figure pfs_rebuild_time -q -d "$T/time.db" -o "$T/time.svg"
[ "$("$PSIM" export "$T/time.db" -t samples | grep -c pfs.bandwidth.bin)" -gt 80 ] || fail "no bins"
gives 0 "$PSIM" plot "$T/time.db" -x time -y pfs.bandwidth.bin -o "$T/again.svg"
# Caches under tokens: what a dead node had not propagated is named; without the server all end.
loss="-p crash=700ms -p shared=1 -p parts=true -p nodes=8"
gives 0 "$PSIM" run fs_tokens $loss -p protocol=ranges -q --no-store
grep -q "not propagated is lost: of file [0-9]* bytes" "$T/err" || fail "the loss is not named"
gives 1 "$PSIM" run fs_tokens $loss -p protocol='{tokens, ranges}' -p victim=server -q --no-store
grep -q "of a record: server down" "$T/err" || fail "the end is not by the status"
# What lies below refuses what caches hold: each names the file and why.
gives 1 "$PSIM" run fs_tokens -p block=4KiB -p nodes=64 -p many=true -p parts=true -p shared=0.5 -p protocol=tokens -q --no-store
grep -q "bytes that a cache had cannot be written below and are lost: too scattered" "$T/err" || fail "the loss is not named"
config faulty <<'EOT'
local paragon = include "machines/paragon.lua"
return {
    machine = paragon {
        rows = 4, columns = 4, io_nodes = 2, storage = { kind = "raid3" },
        faults = { { path = param("path", "io0.0.member.2"), action = param("action", "death"),
                     at = "10ms" } },
    },
    workload = { kind = "pfs", op = "read", nodes = 2, factor = 2, size = "64KiB", requests = 2 },
}
EOT
gives 0 "$PSIM" run "$T/faulty.lua" -q --no-store
for command in check "run --no-store"; do
    gives 2 "$PSIM" $command "$T/faulty.lua" -p path=io0.0.member.9
    says "machine.faults[1].path: there is nothing 'io0.0.member.9' that can fail, did you mean 'io0.0.member.0'?"
    gives 2 "$PSIM" $command "$T/faulty.lua" -p action=deth
    says "machine.faults[1].action: 'deth' cannot happen to io0.0.member.2, did you mean 'death'?"
    gives 2 "$PSIM" $command "$T/faulty.lua" -p path="node 77"
    says "there is nothing 'node 77' that can fail"
done

# What the network has stands in the same schedule: a channel dies and comes back, and messages arrive all the same.
config channel <<'LUA'
local paragon = include "machines/paragon.lua"
local faults = {}
for i = 1, 10 do faults[i] = { path = param("path", "channel (0,0)+x"), at = i .. "ms", after = "100us" } end
return {
    machine = paragon { rows = 1, columns = 2, faults = faults },
    workload = { kind = "pingpong", partner = 1, rounds = 50, size = "20kB" },
}
LUA
gives 0 timeout 60 "$PSIM" run "$T/channel.lua" -q --no-store --json
for n in nic.frames_dropped_fault rdm.resent; do
    grep -A1 "\"$n\"" "$T/out" | grep -q '"value": [1-9]' || fail "$n is 0"
done
gives 2 "$PSIM" run "$T/channel.lua" -q --no-store -p 'path=channel (0,1)+x'
says "machine.faults[1].path: there is nothing 'channel (0,1)+x' that can fail, did you mean 'channel (0,0)+x'?"

# Links and parts of networks of stations: what is lost counts by its cause and is sent again, over RDM and over ULP.
for protocol in rdm ulp; do
    gives 0 timeout 60 "$PSIM" run network_faults -q --no-store -p protocol=$protocol
done
for command in check "run --no-store"; do
    gives 2 "$PSIM" $command network_faults -p network=sp -p fault=part -p "path=chip 9"
    says "machine.faults[1].path: there is nothing 'chip 9' that can fail, did you mean 'chip 0'?"
    gives 2 "$PSIM" $command network_faults -p network=atm -p fault=part -p "path=switch 2"
    says "machine.faults[1].path: there is nothing 'switch 2' that can fail, did you mean 'switch 0'?"
    gives 2 "$PSIM" $command network_faults -p network=fddi -p fault=errors -p ber=0.0
    says "machine.faults[1].ber: errors have a bit error rate above 0"
done

# Who needs a network that loses nothing hears of an entry that names a part of it, and of no other.
config needs <<'LUA'
local paragon = include "machines/paragon.lua"
local m = paragon { rows = 1, columns = 4, faults = { { path = param("path", "node 3"), at = "1s" } }, graph = {
    { name = "mesh", protocol = "driver" }, { name = "nx", protocol = "nx", below = { "mesh" } } } }
m.network = { model = param("network", "hippi") }
if m.network.model == "sp" then m.network.routes = "fixed" end
return { machine = m, workload = { kind = "pingpong", partner = 1, rounds = 3 } }
LUA
for network in hippi sp; do
    gives 2 "$PSIM" check "$T/needs.lua" -p network=$network
    says "'nx' needs a path that carries more than a frame"
done
for at in "hippi:station 3" "hippi:output 0" "sp:station 3" "sp:chip 0" "sp:chip 0 to station 1"; do
    gives 2 "$PSIM" check "$T/needs.lua" -p network=${at%%:*} -p "path=${at#*:}"
    says "'nx' needs a path that loses nothing, and 'mesh' below it loses messages, as its network does"
done

# Faults that recur end with what they can meet, two schedules too, whose events would keep each other's run alive.
config recur <<'LUA'
local paragon = include "machines/paragon.lua"
return {
    machine = paragon { rows = 1, columns = 3, faults = {
        { path = "channel (0,1)+x", mtbf = "3ms", after = "100us" },
        { path = param("path", "channel (0,2)-x"), mtbf = "2ms", after = "50us" } } },
    workload = { kind = "pingpong", partner = 1, rounds = 20, size = "20kB" },
}
LUA
gives 0 timeout 20 "$PSIM" run "$T/recur.lua" -q --no-store
gives 0 timeout 20 "$PSIM" run "$T/recur.lua" -q --no-store -p "path=node 2"

# A protection domain of a node crashes alone, comes back, and messages arrive all the same; on each processor.
config domain <<'LUA'
local paragon = include "machines/paragon.lua"
local place = param("place", "driver")
local machine = paragon {
    rows = 1, columns = 2,
    faults = {
        { path = param("path", "node 1 domain net"), at = "1ms" },
        { path = "node 0 domain net", at = param("at", "3ms") },
    },
    graph = {
        { name = "mesh", protocol = "driver", domain = place == "driver" and "net" or nil },
        { name = "rdm", protocol = "rdm", below = { "mesh" }, domain = place == "rdm" and "net" or nil },
        { name = "nx", protocol = "nx", below = { "rdm" } },
    },
}
machine.node.third = param("third", true)
machine.domains = { [param("row", "net")] = { cpu = param("cpu", "upcalls"), restart = param("restart", "300us") } }
return { machine = machine, workload = { kind = "pingpong", partner = 1, rounds = 40, size = "20kB" } }
LUA
for cpu in upcalls application coprocessor third; do
    gives 0 timeout 60 "$PSIM" run "$T/domain.lua" -q --no-store --json -p cpu=$cpu
    for n in net.restarts rdm.resent; do
        grep -A1 "\"$n\"" "$T/out" | grep -q '"value": [1-9]' || fail "$cpu: $n is 0"
    done
done
refused() { # TEXT SETTING...
    local text=$1
    shift
    gives 2 "$PSIM" check "$T/domain.lua" "$@"
    says "$text"
}
refused "machine.domains.net.cpu: nodes have no CPU 'third'; machine.node.third = true gives them one" -p cpu=third -p third=false
refused "machine.domains: no instance of the graph is in a domain 'nat', did you mean 'net'?" -p row=nat
refused "machine.domains.kernel: the kernel's domain is the node's own" -p row=kernel
refused "there is nothing 'node 1 domain nut' that can fail, did you mean 'node 1 domain net'?" -p "path=node 1 domain nut"
refused "machine.domains.net has no restart" -p restart=0s
refused "machine.domains.net.restart: 'rdm' (protocol 'rdm') cannot begin anew alone" -p place=rdm
refused "domain 'net' has 'rdm', which services and programs call: it ends with its node alone, 'node 1'" -p place=rdm -p restart=0s
for command in check "run --no-store"; do
    gives 2 "$PSIM" $command fbufs_atm -p workload.size=2MB
    says "workload.size is 2000000, and messages of 2000000 bytes are sent, but 'program' carries"
done

# What stands on the internet protocols in domains of its own, through a gateway.
config hosts <<'LUA'
local internet = include "parts/internet.lua"
local machine, last = internet.row { networks = { "switched", "fddi" }, hosts = 2 }
local g, split = machine.graph, param("split", false)
g[#g + 1] = { name = "rdm", protocol = "rdm", below = { "ip" }, resend = "500ms" }
g[#g + 1] = { name = "nx", protocol = "nx", below = { "rdm" } }
for _, i in ipairs(g) do
    if param("domains", 1) > 1 then i.domain = i.name:match("^[eai][trp][hp]?%d*$") and "ip_" or i.name == "nx" and "rdm_" or i.name .. "_" end
    if split and i.name == "arp1" then i.domain = "arp" end
end
if param("cpu", "") ~= "" then machine.domains = { ip_ = { cpu = param("cpu", "") } } end
return { machine = machine, workload = { kind = "pingpong", partner = last, rounds = 20, size = "20kB" } }
LUA
gives 0 timeout 60 "$PSIM" run "$T/hosts.lua" -q --no-store --json
digests "$T/out" >"$T/one"
gives 0 timeout 60 "$PSIM" run "$T/hosts.lua" -q --no-store --json -p domains=2
digests "$T/out" | cmp -s - "$T/one" && fail "crossings cost nothing"
gives 2 "$PSIM" check "$T/hosts.lua" -p domains=2 -p split=true
says "and is in another protection domain"
gives 2 "$PSIM" check "$T/hosts.lua" -p domains=2 -p cpu=coprocessor
says "asks about the host of a message while it is given it by"
