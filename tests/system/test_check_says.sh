# What is known before the first event is said by check, in the words of run, with the parameter's name.
. tests/system/lib.sh
# refused TEXT [OPTION]...: of $C, by both.
refused() {
    local text=$1
    shift
    gives 2 timeout 20 "$PSIM" check "$C" "$@"; says "$text"
    gives 2 timeout 20 "$PSIM" run "$C" --no-store "$@"; says "$text"
}
C=$T/machine.lua
config machine <<'END'
local paragon, graphs = include "machines/paragon.lua", include "parts/graphs.lua"
local m = paragon { rows = param("rows", 2), columns = param("columns", 2), io_nodes = param("io", 0), model = "ideal",
                    graph = not param("pfs", false) and graphs.svm or nil }
for i, g in ipairs(m.graph) do
    if g.protocol == "driver" then g.interface = param("interface", "mesh") end
end
if param("twice", false) then m.graph[#m.graph + 1] = { name = "again", protocol = "driver" } end
return {
    machine = m,
    workload = param("pfs", false) and { kind = "pfs", op = "write", file = "own", nodes = param("nodes", 0), requests = 1, factor = param("factor", 0) }
               or { kind = "svm_pattern" },
}
END
refused "machine.rows and machine.columns are 1024 and 1024: a machine has at most 65536 nodes" -p rows=1024 -p columns=1024
refused "has 30276 programs on the compute nodes, and a run at most 30000 threads" -p rows=174 -p columns=174
refused ".interface: there is no network 'lan'" -p interface=lan
refused ".interface: 'mesh' drives network 'mesh' already" -p twice=true
refused "workload.spacing is 12 bytes, no multiple of 8" -p workload.spacing=12B
refused "workload.access is 3: an access has 1, 4 or 8 bytes" -p workload.access=3
refused "workload.words: 32 words of 8 bytes do not fit a page of 128" -p workload.pattern=contended -p workload.words=32 -p workload.access=8 -p workload.memory.page=128B
refused "workload.pattern contended needs memory where a read returns the most recent write" -p workload.pattern=contended -p workload.svm.manager=hlrc
refused "workload.pattern random with record needs memory where" -p workload.record=true -p workload.svm.manager=hlrc
refused "workload.memory.frames is 8, but workload.svm.manager hlrc keeps" -p workload.memory.frames=8 -p workload.svm.manager=hlrc
refused "workload.nodes is 21, but the machine has" -p pfs=true -p rows=5 -p columns=5 -p io=4 -p nodes=21
C=$T/spares.lua
config spares <<'END'
local services = include "parts/services.lua"
return {
    machine = include "machines/paragon.lua" { rows = 3, columns = 3, model = "ideal",
        graph = include("parts/graphs.lua").cuts, os =
        services.list(services.nx, services.checkpoints { sink = "memory", spares = param("spares", 2),
            moves = { { at = param("at", "1s"), rank = param("rank", 0), to = param("to", "spare") }, { at = "2s", rank = 1 } } }) },
    workload = { kind = "job", nodes = param("nodes", 0) },
}
END
refused "the workload has 8 programs, but of the 9 compute nodes 2 are spares" -p nodes=8
refused ".spares is 9, but the machine has 9 compute nodes" -p spares=9
refused "moves[1].rank is 7, but the job has 7 ranks" -p rank=7
refused "moves[2].at is before that of the move before" -p at=3s
refused "moves[1].to is 'spare', but there is none" -p spares=0
refused "moves[1]: to = 'spare' moves one rank, 'rows' moves all: rank is 2" -p to=rows -p rank=2
refused "moves[1].to is 'reverse', which moves all ranks, but the sink 'memory' keeps what is saved" -p to=reverse -p rank=-1
refused "moves[1].to: " -p to=spars
# Types of file views, each number by its place.
C=$T/views.lua
config views <<'END'
local types = {
    none = {}, word = "darray", kind = { { type = "darrey", dims = {} } }, unread = { { type = "vector", count = 2, stride = 1, lenght = 3 } },
    back = { { type = "indexed", blocks = { { off = "64B" }, { off = "0B" } } } }, tight = { { type = "resized", extent = "4B" } },
    grid = { { type = "darray", dims = { { n = 8, deal = "block", parts = 2 } } } },
    small = { { type = "darray", dims = { { n = 9, deal = "block", parts = 4, block = 2 } } } },
    whole = { { type = "darray", dims = { { n = 9, parts = 4 } } } },
    out = { { type = "subarray", dims = { { n = 8, from = 5, count = 4 } } } },
}
return {
    machine = include "machines/paragon.lua" { rows = 2, columns = 3, io_nodes = 1, model = "ideal" },
    workload = { kind = "io", nodes = 4, access = "filetype", warmup = 0, requests = 1, shape = { record = "8B", filetype = types[param "type"] } },
}
END
refused "workload.shape.filetype must be a list of 1 to 8 constructors" -p type=none
refused "workload.shape.filetype must be a list of 1 to 8 constructors" -p type=word
refused "workload.shape.filetype[1].type: there is no filetype 'darrey'" -p type=kind
refused "workload.shape.filetype[1].lenght is not a parameter; known are type, count, len, stride" -p type=unread
refused "workload.shape.filetype: its bytes do not rise" -p type=back
refused "or tiles of 8 bytes every 4" -p type=tight
refused "workload.shape.filetype[1]: a grid of 2 parts has none for rank 2" -p type=grid
refused "workload.shape.filetype[1].dims[1].block is 2: 4 such blocks do not cover 9 indices" -p type=small
refused "workload.shape.filetype[1].dims[1].parts is 4, but deal = 'none' leaves the dimension whole" -p type=whole
refused "these numbers make no type" -p type=out
C=$T/machine.lua
# Shared memory that the service ckpt cannot save.
C=$T/saved.lua
config saved <<'END'
local paragon, graphs, services = include "machines/paragon.lua", include "parts/graphs.lua", include "parts/services.lua"
return {
    machine = paragon {
        rows = 3, columns = 4, io_nodes = 2, storage = { kind = "disk" }, graph = graphs.svm_cuts,
        os = services.list(services.nx, services.pfs, services.checkpoints { algorithm = param("algorithm", "sns") }, services.lent(16)),
    },
    workload = { kind = param("kind", "svm_pde"), n = param("kind", "svm_pde") == "svm_pde" and 9 or nil },
}
END
gives 0 "$PSIM" check "$C"
refused "workload.svm.manager is hlrc, whose memory the service ckpt cannot save: allowed are central" -p workload.svm.manager=hlrc
refused "workload.paging.backing is lent, but the service ckpt cannot save shared memory whose pages go to a store" -p workload.paging.backing=lent
refused "machine.os.cut.algorithm must be sns where programs that share memory are saved" -p algorithm=cl
refused "svm_pattern has no place where the service ckpt can save it" -p kind=svm_pattern
# Checkpoints at memory servers.
C=$T/kept.lua
config kept <<'END'
local paragon, graphs, services = include "machines/paragon.lua", include "parts/graphs.lua", include "parts/services.lua"
return {
    machine = paragon {
        rows = 3, columns = 4, io_nodes = 2, storage = { kind = "disk" }, graph = graphs.cuts,
        nodes = { memory = { last = 1 } },
        os = services.list(services.nx, services.pfs, services.memory { on = param("on", "memory"), page = param("page", "4KiB") },
            services.checkpoints { sink = "servers", mirror = param("mirror", false), spares = param("spares", 0) }),
    },
    workload = { kind = "job", nodes = param("nodes", 8), memory = param("size", "64KiB"), swap = param("swap", false),
        paging = { backing = param("backing", "none") } },
}
END
gives 0 "$PSIM" check "$C"
gives 0 "$PSIM" check "$C" -p backing=servers
refused "workload.swap is true, and workload.paging.backing is 'servers': pages go to one of them" -p swap=true -p backing=servers
refused "workload.swap needs a device of 4 times memory and table on each compute node (machine.nodes.compute.storage); node 0 has none" -p swap=true
refused "workload.memory and table are 16384 pages of 8 ranks, but the servers have room for 4096 in all" -p backing=servers -p size=64MiB
refused "sink is 'servers', which needs { service = \"memory_server\", on = \"memory\" } in machine.os" -p on=io
refused "mirror is true, but one node alone serves memory on \"memory\"" -p mirror=true
refused "node 10 serves memory for machine.os.ckpt.sink = 'servers' and may have a rank, too: allowed are other nodes" -p nodes=9
refused "and may have a rank, too" -p nodes=7 -p spares=1
refused "machine.os.memory_server.page is 1048576 bytes, more than a call carries" -p page=1MiB
C=$T/machine.lua
# A format makes room for what the workload makes: 17 files on the first I/O node, where 16 were the limit.
gives 0 "$PSIM" check "$C" -p pfs=true -p rows=5 -p columns=5 -p io=4 -p nodes=17
gives 0 "$PSIM" run "$C" -p pfs=true -p rows=5 -p columns=5 -p io=4 -p nodes=17 -p factor=1 --no-store
# A workload that does not fit is found at any place of a sweep, and costs no machine.
gives 2 timeout 20 "$PSIM" check "$C" -p pfs=true -p rows=5 -p columns=5 -p io=4 -p 'workload.requests={1,2,3,4,5,6,7,8,9,10}' -p 'nodes={1,2,3,4,5,6,7,8,9,10,11,12,13,14,15,16,21}'
says "workload.nodes is 21"
C=configs/tcp_throughput.lua
refused "workload.flows is 9, to one: that takes 10 compute nodes, and there are 9" -p flows=9
# What the programs look for on their nodes.
C=$T/less.lua
config less <<'END'
local paragon, graphs = include "machines/paragon.lua", include "parts/graphs.lua"
local m = paragon { rows = 5, columns = 5, io_nodes = param("io", 0), model = "ideal",
                    graph = param("svm", false) and graphs.svm or nil }
if param("listed", false) then m.os = { { service = "nx" } } end
return { machine = m, workload = { kind = param("kind", "svm_dot") } }
END
refused "machine.graph has no instance named svm, which the workload 'svm_dot' needs"
refused "machine.graph has no instance named rpc, which the workload 'memory' needs" -p kind=memory -p svm=true
refused "machine.os boots no service 'nx' on the compute nodes of its programs, which the workload 'pingpong' needs" -p kind=pingpong -p svm=true
refused "machine.graph has no instance named sock, which the workload 'tcp' needs" -p kind=tcp
refused "workload.senders is 25, but beside the receiver there are 24 compute nodes" -p kind=fan_in -p workload.senders=25
refused "machine.os boots no service 'pfs_client' on the compute nodes of its programs, which the workload 'pfs' needs" -p kind=pfs -p io=4 -p listed=true
# Memory servers: whether there are any, for these pages, with room for them.
C=$T/paging.lua
config paging <<'END'
local paragon, graphs, services = include "machines/paragon.lua", include "parts/graphs.lua", include "parts/services.lua"
return {
    machine = paragon { rows = 2, columns = 3, io_nodes = 1, model = "ideal", storage = { kind = "raid3" },
        nodes = { memory = { last = 1 } }, graph = graphs[param("graph", "none")],
        os = ({ io = services.list(services.nx, services.memory { frames = 0 }),
                server = services.memory { on = "memory" },
                lent = services.list(services.nx, services.lent(64)) })[param("os", "none")] },
    workload = { kind = param("kind", "memory") },
}
END
W=workload
needs='paging to other nodes needs { service = "memory_server", on'
refused "$needs = \"io\" } in machine.os" -p $W.backing=io
refused "$needs = \"compute\" } in machine.os" -p $W.backing=lent -p os=io
refused "$needs = \"io\" } in machine.os" -p $W.backup=true
refused "$needs = \"memory\" } in machine.os" -p kind=svm_pde -p graph=svm_paging -p $W.paging.backing=servers
refused "$needs = \"memory\" } in machine.os, and such nodes beside each program's own" -p kind=svm_pde -p graph=svm_paging -p os=server -p $W.paging.backing=servers
gives 0 "$PSIM" check "$C" -p kind=svm_pde -p graph=svm_paging -p os=server -p $W.paging.backing=servers -p $W.nodes=3
refused "machine.graph has no instance named rpc, which paging to other nodes needs" -p kind=svm_pde -p graph=svm -p $W.paging.backing=io
refused "workload.memory.page is 16384 bytes, but the memory servers on \"io\" keep pages of 4096" -p $W.backing=io -p os=io -p $W.memory.page=16KiB
refused "workload.memory.page is 16384 bytes, more than a call of rpc carries" -p $W.backing=io -p os=io -p $W.memory.page=16KiB -p machine.nic.mtu=200B
refused "which the workload starts itself, but machine.os boots a memory_server" -p os=lent
refused "1 clients keep 8 pages of 16384 each in memory, and the servers have room for 4096 in all" -p $W.size=64MiB -p $W.memory.frames=8
refused "1 clients keep 8 pages of 256 each in memory, and the servers have room for 4 in all" -p $W.backing=lent -p os=lent -p $W.memory.frames=8 -p $W.size=1MiB -p machine.os.2.frames=1
# Files: the I/O nodes' room.
refused "the first I/O node has 21474836480 bytes of each of 1 files, and its device has room for 5494669312 in all" -p kind=pfs -p $W.size=1GiB -p $W.requests=4
refused "lfs.fragment is 1024 bytes: a block, of 65536, is a whole number of them, at most 64, and each is of whole sectors of 2048" -p kind=pfs -p machine.os.pfs_server.lfs.fragment=1KiB
refused "and its device has room for 0 in all" -p kind=pfs -p machine.os.pfs_server.lfs.block=1KiB
# Shared memory, and records of accesses.
refused "workload.pages: more than 128 GiB of shared memory" -p kind=svm_pattern -p graph=svm -p $W.pages=1000000 -p $W.memory.page=1MiB
refused "workload.rounds: the records of 400000000004 accesses on 4 nodes" -p kind=svm_pattern -p graph=svm -p $W.record=true -p $W.rounds=100000000 -p $W.pages=1000
# Frames that hold no header of the protocols.
refused "machine.nic.mtu is '16B' but must be from 64B" -p kind=pingpong -p machine.nic.mtu=16B
# In any point of a sweep, however large, by what costs no machine: parameters of the network, devices, boot.
for bad in machine.network.buffers=0 machine.storage.kind=tape_worm machine.os.pfs_server.pool=0; do
    gives 2 timeout 20 "$PSIM" check "$C" -p "$bad"
done
C=$T/machine.lua
gives 2 timeout 20 "$PSIM" check "$C" -p "rows={$(seq -s, 1 80)}" -p columns=400
says "workload 'svm_pattern' has 30400 programs"
# More programs than threads cost no machine.
TIMEFORMAT=%U
cpu=$( { time "$PSIM" check "$C" -p rows=174 -p columns=174 >/dev/null 2>&1 || true; } 2>&1)
awk -v s="$cpu" 'BEGIN { exit !(s < 0.2) }' || fail "$cpu s to refuse 30,276 programs"
# A refusal that is added is named, with the reason why only a run knows it.
gives 0 python3 tests/system/refusals.py tests/system/refusals.txt
sed 's/ | a wrong result$/ (or so) | a wrong result/' tests/system/refusals.txt >"$T/refusals.txt"
gives 1 python3 tests/system/refusals.py "$T/refusals.txt"
exit 0
