-- Files of PFS over TCP between two machines: programs on DECstations, files on the I/O nodes of a
-- Paragon, and nothing between them but a local network that all are stations of.  CHAN stands on
-- records of TCP over IP; beside it on ULP, and on BLAST, which stand on the network's own frames.
--
--   psim figure pfs_tcp
--   psim run pfs_tcp -p lan=atm -p transport=tcp -p op=write -p readback=true
--
-- The workstations are little-endian and move frames as their adapters do; the I/O nodes have DMA.
local paragon = include "machines/paragon.lua"
local decstation = include "parts/decstation.lua"
local graphs = include "parts/graphs.lua"

local lans = { "ethernet", "switched", "fddi", "atm", "hippi" }
local transports = { "rdm", "ulp", "tcp" }
local lan = param("lan", "fddi", lans)
local transport = param("transport", "tcp", transports)
local hosts, io = param("hosts", 2), param("io_nodes", 4)

-- B/s of data that reach all workstations together at most: a medium that all share, or each one's
-- channel; of TAXI 48 of 53 octets of a cell.
local function most(name)
    return ({ ethernet = 1.25e6, fddi = 12.5e6, switched = hosts * 1.25e6,
              atm = hosts * 140e6 / 8 * 48 / 53, hippi = hosts * 100e6 })[name]
end

local machine = paragon {
    rows = 1, columns = hosts + io + 1, io_nodes = io, storage = { kind = "raid3" },
    graph = graphs.over(transport, {
        { name = "lan", protocol = "driver" },
        { name = "rdm", protocol = "rdm", below = { "lan" }, resend = "200ms" },
        { name = "nx", protocol = "nx", below = { "rdm" } },
        { name = "blast", protocol = "blast", below = { "lan" }, outstanding = 1024 },
        { name = "chan", protocol = "chan", below = { "blast" } },
        { name = "rpc", protocol = "select", below = { "chan" } },
    }),
}
machine.network = nil
local network = decstation.network { lan = lan }
network.adapters, network.adapter = { host = network.adapter }, { kind = "dma" }
network.nic.dma_rate = network.nic.dma_rate or "400MB/s" -- the memory bus [node4 of paragon.lua]
if transport == "tcp" then -- ETH's header is in the frame
    local size = math.tointeger(tonumber(network.nic.mtu:match("%d+")))
    if network.nic.mtu:match("KiB") then size = size * 1024 end
    network.nic.mtu, network.nic.packet_bytes = size + 14 .. "B", size + 14 .. "B"
    network.nic.header_flits = math.max(network.nic.header_flits - 14, 2)
end
machine.networks = { lan = network }
machine.nodes = { host = decstation.group {} }
machine.nodes.host.first = hosts

local expectations = {}
for _, name in ipairs(lans) do
    for _, kind in ipairs(transports) do
        expectations[#expectations + 1] = {
            kind = "range", name = name .. ", " .. kind .. ": no more than the network carries",
            at = { lan = name, transport = kind }, max = most(name),
            citation = "derived: the medium, or the channels of all workstations",
        }
    end
    if name ~= "atm" then
        expectations[#expectations + 1] = {
            kind = "ratio", name = name .. ": TCP over BLAST",
            at = { lan = name, transport = "tcp" }, over = { lan = name, transport = "rdm" },
            min = 0.7, max = 1.1,
            citation = "derived: 60 bytes of headers a frame, a sum a byte, acknowledgements",
        }
    end
end
-- Adapters with FIFOs of 292 cells lose what four I/O nodes send at once: BLAST and TCP wait for
-- timers then, and ULP grants to one after the other.
for _, kind in ipairs { "rdm", "tcp" } do
    expectations[#expectations + 1] = {
        kind = "ratio", name = "atm: ULP, whose receiver grants in turns, over " .. kind,
        at = { lan = "atm", transport = "ulp" }, over = { lan = "atm", transport = kind },
        min = 3, citation = "FORE TCA-100: 292 cells (quoted from memory, medium); derived: four "
            .. "answers of 64 KiB do not find room there",
    }
end

return {
    title = "Files of PFS over TCP",
    doc = "Bandwidth of workstations that read PFS of another machine, by network and transport.",
    machine = machine,
    workload = {
        kind = "io", op = param("op", "read"), nodes = hosts, requests = param("requests", 40),
        size = param("size", "64KiB"), readback = param("readback", false),
    },
    sweep = { product = { lan = lans, transport = transports } },
    measures = { "file.bandwidth", "file.latency", "host.cpu.busiest", "record.resent",
                 "tcp.sndrexmitpack" },
    figure = {
        x = "lan", y = "file.bandwidth", by = "transport", log = "y",
        x_label = "network", y_label = "bandwidth of all workstations", expectations = expectations,
    },
}
